//! A whole placement: every start climbed, every end judged by the hard objective (T114 to T116).

use super::ascent::Ascent;
use super::restart::hills;
use super::search::Search;
use super::{Landscape, Region, Softness, Track};
use crate::error::Result;
use rayon::prelude::*;

/// How positions are sought.
#[derive(Debug, Clone, PartialEq)]
pub enum Optimiser {
    /// Adam while the smoothing sharpens.
    Adam(Ascent),
    /// A tour or a survey.
    Search(Search),
}

/// Further starts from the hills of a coarse landscape.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarts {
    /// Where they are looked for.
    pub region: Region,
    /// How soft the landscape is.
    pub softness: Softness,
    /// Points along each side of the region.
    pub across: usize,
    /// Starts at the most.
    pub starts: usize,
}

/// What became of one start.
#[derive(Debug, Clone, PartialEq)]
pub struct Climbed {
    /// Where it began.
    pub start: Vec<f64>,
    /// The hard objective there.
    pub before: f64,
    /// The way that it took.
    pub track: Track,
    /// The hard objective where it ended.
    pub after: f64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The job's own start first, then those of the restarts.
    pub climbed: Vec<Climbed>,
    /// Which of them is the best; `None` where no end is better than the job's own start, which is kept then.
    pub best: Option<usize>,
    /// Smoothed evaluations in all, those of the coarse landscape too.
    pub evaluations: u64,
}

impl Outcome {
    /// The best positions.
    pub fn positions(&self) -> &[f64] {
        self.best.map_or(&self.climbed[0].start, |best| &self.climbed[best].track.end)
    }

    /// The hard objective there.
    pub fn value(&self) -> f64 {
        self.best.map_or(self.climbed[0].before, |best| self.climbed[best].after)
    }
}

/// Climbs from `start` and from the restarts, and accepts the end with the largest hard objective.
///
/// # Errors
/// Those of the landscape.
pub fn place(
    landscape: &dyn Landscape,
    optimiser: &Optimiser,
    restarts: Option<&Restarts>,
    start: &[f64],
    seed: u64,
) -> Result<Outcome> {
    let mut starts = vec![start.to_vec()];
    let mut evaluations = 0;
    if let Some(restarts) = restarts {
        let found = hills(landscape, &restarts.region, &restarts.softness, restarts.across, restarts.starts)?;
        starts.extend(found.0);
        evaluations += found.1;
    }
    let climb = |(number, start): (usize, &Vec<f64>)| -> Result<Climbed> {
        let track = match optimiser {
            Optimiser::Adam(ascent) => ascent.climb(landscape, start, (seed, number as u32))?,
            Optimiser::Search(search) => search.run(landscape, start)?,
        };
        let (before, after) = (landscape.hard(start)?, landscape.hard(&track.end)?);
        Ok(Climbed { start: start.clone(), before, track, after })
    };
    let climbed: Vec<Climbed> = starts.par_iter().enumerate().map(climb).collect::<Result<_>>()?;
    evaluations += climbed.iter().map(|one| one.track.visits.len() as u64).sum::<u64>();
    let mut best = None;
    let mut value = climbed[0].before;
    for (i, one) in climbed.iter().enumerate() {
        if one.after > value {
            (best, value) = (Some(i), one.after);
        }
    }
    Ok(Outcome { climbed, best, evaluations })
}
