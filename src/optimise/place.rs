//! A whole placement: every start climbed, every end judged by the hard objective, the best one refined by it (T114 to T116).

use super::ascent::Ascent;
use super::refine::{Refined, Refinement};
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

/// Further starts from the hills of coarse landscapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarts {
    /// Where they are looked for.
    pub region: Region,
    /// How soft each landscape is.
    pub softness: Vec<Softness>,
    /// Points along each side of the region.
    pub across: usize,
    /// Starts from each landscape at the most.
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

/// How a placement is done.
pub struct Placing<'a> {
    /// What is climbed.
    pub landscape: &'a dyn Landscape,
    /// How.
    pub optimiser: &'a Optimiser,
    /// Further starts, if there are any.
    pub restarts: Option<&'a Restarts>,
    /// The search from the best end, if there is one, and the bounds that it keeps to.
    pub refinement: Option<(&'a Refinement, &'a Region)>,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Climbs from the hills of the coarse landscape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hills {
    /// What became of each hill.
    pub climbed: Vec<Climbed>,
    /// Evaluations of the coarse landscape.
    pub evaluations: u64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The job's own start first, then those of the restarts.
    pub climbed: Vec<Climbed>,
    /// Which of them is the best; `None` where no end is better than the job's own start, which is kept then.
    pub best: Option<usize>,
    /// What the refinement made of that, if there is one.
    pub refined: Option<Refined>,
    /// Smoothed evaluations in all, those of the coarse landscape too.
    pub evaluations: u64,
    /// Evaluations of the hard objective in all.
    pub hard_evaluations: u64,
}

impl Outcome {
    /// The best positions.
    pub fn positions(&self) -> &[f64] {
        self.refined.as_ref().map_or_else(|| self.accepted().0, |refined| &refined.x)
    }

    /// The hard objective there.
    pub fn value(&self) -> f64 {
        self.refined.as_ref().map_or_else(|| self.accepted().1, |refined| refined.value)
    }

    /// The best end, or the job's own start, and the hard objective there.
    fn accepted(&self) -> (&[f64], f64) {
        let own = &self.climbed[0];
        self.best.map_or((&own.start, own.before), |best| (&self.climbed[best].track.end, self.climbed[best].after))
    }
}

impl Placing<'_> {
    /// Looks for hills, and climbs from them; none without restarts. A hill of two landscapes is climbed from once.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn hills(&self) -> Result<Hills> {
        let Some(restarts) = self.restarts else { return Ok(Hills::default()) };
        let Restarts { region, softness, across, starts } = restarts;
        let (mut found, mut evaluations) = (Vec::<Vec<f64>>::new(), 0);
        for softness in softness {
            let (own, looked_at) = hills(self.landscape, region, softness, *across, *starts)?;
            evaluations += looked_at;
            own.into_iter().for_each(|hill| {
                if !found.contains(&hill) {
                    found.push(hill);
                }
            });
        }
        let climbed = found.par_iter().enumerate().map(|(i, start)| self.climbed(start, i as u32 + 1));
        Ok(Hills { climbed: climbed.collect::<Result<_>>()?, evaluations })
    }

    /// Climbs from one start; `number` tells its noise from that of others.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn climbed(&self, start: &[f64], number: u32) -> Result<Climbed> {
        let track = match self.optimiser {
            Optimiser::Adam(ascent) => ascent.climb(self.landscape, start, (self.seed, number))?,
            Optimiser::Search(search) => search.run(self.landscape, start)?,
        };
        let (before, after) = (self.landscape.hard(start)?, self.landscape.hard(&track.end)?);
        Ok(Climbed { start: start.to_vec(), before, track, after })
    }

    /// Accepts the end with the largest hard objective, and refines it.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn outcome(&self, own: Climbed, hills: &Hills) -> Result<Outcome> {
        let (mut best, mut value) = (None, own.before);
        let climbed: Vec<Climbed> = std::iter::once(&own).chain(&hills.climbed).cloned().collect();
        for (i, one) in climbed.iter().enumerate() {
            if one.after > value {
                (best, value) = (Some(i), one.after);
            }
        }
        let evaluations = hills.evaluations + climbed.iter().map(|one| one.track.visits.len() as u64).sum::<u64>();
        let hard_evaluations = 2 * climbed.len() as u64;
        let mut outcome = Outcome { climbed, best, refined: None, evaluations, hard_evaluations };
        if let Some((refinement, region)) = self.refinement {
            let refined = refinement.search(self.landscape, region, outcome.accepted(), self.seed)?;
            outcome.hard_evaluations += refined.evaluations;
            outcome.refined = Some(refined);
        }
        Ok(outcome)
    }

    /// Climbs from `start` and from the restarts, accepts the best end and refines it.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn place(&self, start: &[f64]) -> Result<Outcome> {
        let (own, hills) = rayon::join(|| self.climbed(start, 0), || self.hills());
        self.outcome(own?, &hills?)
    }
}
