//! The convergence study of placement in a scene: how often each method ends within a tolerance of the best that an exhaustive
//! search finds (T118).
//!
//! Starts, and receivers where they are drawn, are uniform over the region outside of what closes a point in; the grid of the
//! exhaustive search leaves out the same points. All methods have the same starts.

use super::ascent::{Ascent, Sharpening};
use super::place::{Optimiser, Placing, Restarts};
use super::refine::Refinement;
use super::scene::SceneLandscape;
use super::{Landscape, Region};
use crate::error::{Error, Fault, Result};
use crate::math::Vec3;
use crate::math::random::{key_of, philox, unit_interval};
use crate::planar::Vec2;
use crate::scene::radio::Radio;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A way of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneMethod {
    /// The job's ascent without smoothing.
    Hard,
    /// The job's ascent.
    Smoothed,
    /// The job's ascent, from the start and from the hills of a coarse smoothed landscape.
    Restarts,
}

impl SceneMethod {
    /// All of them, in the order of the table.
    pub const ALL: [SceneMethod; 3] = [SceneMethod::Hard, SceneMethod::Smoothed, SceneMethod::Restarts];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            SceneMethod::Hard => "hard",
            SceneMethod::Smoothed => "smoothed",
            SceneMethod::Restarts => "restarts",
        }
    }
}

/// What a study is of.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneStudy {
    /// Where starts and the grid lie, coordinate by coordinate [m].
    pub region: Region,
    /// Lower left and upper right corner of where drawn receivers lie [m].
    pub area: [Vec2; 2],
    /// Drawn receivers are as far from what closes a point in [m].
    pub clearance: f64,
    /// Distance of the points of the exhaustive search [m].
    pub spacing: f64,
    /// Starts of each draw.
    pub starts: usize,
    /// An end no further below the best of the grid is a success [dB].
    pub tolerance: f64,
    /// The ascent of all methods.
    pub ascent: Ascent,
    /// Where restarts begin.
    pub restarts: Option<Restarts>,
    /// How the end of restarts is refined.
    pub refinement: Option<Refinement>,
    /// Seed of starts, receivers and noise.
    pub seed: u64,
}

/// The best of an exhaustive search.
#[derive(Debug, Clone, PartialEq)]
pub struct Exhaustive {
    /// Where.
    pub x: Vec<f64>,
    /// The hard objective there [dB].
    pub value: f64,
    /// The least of the grid [dB]: where it is the same, there is nothing to find.
    pub least: f64,
    /// Points that were looked at.
    pub points: u64,
}

impl Exhaustive {
    /// Whether some points are better than others.
    pub fn is_solvable(&self) -> bool {
        self.value > self.least
    }

    /// How far the end of a run stays below it [dB]; 0 for an end above it.
    pub fn shortfall(&self, run: &SceneRun) -> f64 {
        (self.value - run.value).max(0.0)
    }
}

/// What became of one start.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRun {
    /// Where it began.
    pub start: Vec<f64>,
    /// Where it ended.
    pub end: Vec<f64>,
    /// The hard objective there [dB].
    pub value: f64,
    /// Evaluations of the objective, smoothed or not, that this run takes if it is the only one.
    pub evaluations: u64,
}

/// How often a method ended well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneRates {
    /// The method.
    pub method: SceneMethod,
    /// Runs.
    pub runs: usize,
    /// Share that ended within the tolerance of the best of the grid, or above it.
    pub success: f64,
    /// What the ends lack to it, in the mean and at most [dB]; an end above it lacks nothing.
    pub mean_shortfall_db: f64,
    /// See above.
    pub worst_shortfall_db: f64,
    /// Evaluations of a run in the mean.
    pub evaluations: f64,
}

/// What random numbers are for.
const OF_STARTS: u32 = 0;
const OF_RECEIVERS: u32 = 1;
/// Points that are drawn before a region counts as closed in altogether.
const ATTEMPTS: u32 = 10_000;
/// Points about a receiver that must be outside too.
const AROUND: u32 = 12;

impl SceneStudy {
    /// `count` receivers of draw number `draw`, like the first one of the landscape and at its height.
    ///
    /// # Errors
    /// A region in which nothing is outside.
    pub fn receivers(&self, landscape: &SceneLandscape, count: usize, draw: usize) -> Result<Vec<Radio>> {
        let like = &landscape.radios().receivers[0];
        let one = |k: usize| {
            let drawn = |attempt: u32| {
                let words = self.words([k as u32, OF_RECEIVERS, draw as u32, attempt]);
                let along = |axis: usize| self.area[0][axis] + words[axis] * (self.area[1][axis] - self.area[0][axis]);
                let mut position = like.position;
                (position.x, position.y) = (along(0), along(1));
                self.is_clear(landscape, &position).then(|| Radio { name: format!("rx{k}"), position, ..like.clone() })
            };
            (0..ATTEMPTS).find_map(drawn).ok_or_else(nothing_outside)
        };
        (0..count).map(one).collect()
    }

    fn is_clear(&self, landscape: &SceneLandscape, position: &Vec3) -> bool {
        let beside = |k: u32| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * f64::from(k) / f64::from(AROUND));
            position + Vec3::new(cos, sin, 0.0) * self.clearance
        };
        landscape.outside(position) && (self.clearance == 0.0 || (0..AROUND).all(|k| landscape.outside(&beside(k))))
    }

    /// The starts of draw number `draw`.
    ///
    /// # Errors
    /// A region in which nothing is outside.
    pub fn starts(&self, landscape: &SceneLandscape, draw: usize) -> Result<Vec<Vec<f64>>> {
        let one = |k: usize| {
            let drawn = |attempt: u32| {
                let along = |(i, (low, high)): (usize, (&f64, &f64))| {
                    let number = (k * landscape.dimensions() + i) as u32;
                    low + self.words([number, OF_STARTS, draw as u32, attempt])[0] * (high - low)
                };
                let x: Vec<f64> = self.region.low.iter().zip(&self.region.high).enumerate().map(along).collect();
                landscape.allowed(&x).then_some(x)
            };
            (0..ATTEMPTS).find_map(drawn).ok_or_else(nothing_outside)
        };
        (0..self.starts).map(one).collect()
    }

    fn words(&self, counter: [u32; 4]) -> [f64; 4] {
        philox(counter, key_of(self.seed)).map(unit_interval)
    }

    /// Number of points along each coordinate of the exhaustive search.
    pub fn points_along(&self) -> Vec<usize> {
        let sides = self.region.low.iter().zip(&self.region.high);
        sides.map(|(low, high)| ((high - low) / self.spacing) as usize + 1).collect()
    }

    /// Looks at every point of the grid that is allowed; of several best ones the first.
    ///
    /// # Errors
    /// Those of the landscape; a grid with no point outside.
    pub fn exhaustive(&self, landscape: &SceneLandscape) -> Result<Exhaustive> {
        let along = self.points_along();
        let place = |mut k: usize| -> Vec<f64> {
            let coordinate = |(low, along): (&f64, &usize)| {
                let x = low + self.spacing * (k % along) as f64;
                k /= along;
                x
            };
            self.region.low.iter().zip(&along).map(coordinate).collect()
        };
        let value = |k: usize| -> Result<Option<(usize, f64)>> {
            let x = place(k);
            if landscape.allowed(&x) { Ok(Some((k, landscape.hard(&x)?))) } else { Ok(None) }
        };
        let values: Vec<Option<(usize, f64)>> =
            (0..along.iter().product()).into_par_iter().map(value).collect::<Result<_>>()?;
        let values: Vec<(usize, f64)> = values.into_iter().flatten().collect();
        let best = values.iter().copied().reduce(|best, one| if one.1 > best.1 { one } else { best });
        let (k, value) = best.ok_or_else(nothing_outside)?;
        let least = values.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
        Ok(Exhaustive { x: place(k), value, least, points: values.len() as u64 })
    }

    /// Runs a method from all `starts`.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn runs(&self, landscape: &SceneLandscape, method: SceneMethod, starts: &[Vec<f64>]) -> Result<Vec<SceneRun>> {
        let mut ascent = self.ascent.clone();
        if method == SceneMethod::Hard {
            ascent.sharpening = Sharpening::Hard;
        }
        let optimiser = Optimiser::Adam(ascent);
        let alone = Placing { landscape, optimiser: &optimiser, restarts: None, refinement: None, seed: self.seed };
        let placing = match method {
            SceneMethod::Hard | SceneMethod::Smoothed => alone,
            SceneMethod::Restarts => {
                let refinement = self.refinement.as_ref().map(|refinement| (refinement, &self.region));
                Placing { restarts: self.restarts.as_ref(), refinement, ..alone }
            }
        };
        // Hills do not depend on the start: they are climbed once, and counted for each run.
        let hills = placing.hills()?;
        let run = |(k, start): (usize, &Vec<f64>)| {
            let outcome = placing.outcome(placing.climbed(start, k as u32)?, &hills)?;
            let evaluations = outcome.evaluations + outcome.hard_evaluations;
            Ok(SceneRun {
                start: start.clone(),
                end: outcome.positions().to_vec(),
                value: outcome.value(),
                evaluations,
            })
        };
        starts.par_iter().enumerate().map(run).collect()
    }

    /// The rates of a method, whose runs stand draw by draw beside the best of each grid; draws that cannot be solved do not count.
    pub fn rates(&self, method: SceneMethod, draws: &[(Exhaustive, Vec<SceneRun>)]) -> SceneRates {
        let solvable = || draws.iter().filter(|(best, _)| best.is_solvable());
        let all = solvable().flat_map(|(best, runs)| runs.iter().map(|run| (best.shortfall(run), run.evaluations)));
        let (lacks, evaluations): (Vec<f64>, Vec<u64>) = all.unzip();
        let runs = lacks.len();
        let mean = |sum: f64| sum / (runs as f64).max(1.0);
        SceneRates {
            method,
            runs,
            success: mean(lacks.iter().filter(|lack| **lack <= self.tolerance).count() as f64),
            mean_shortfall_db: mean(lacks.iter().sum()),
            worst_shortfall_db: lacks.iter().copied().fold(0.0, f64::max),
            evaluations: mean(evaluations.iter().sum::<u64>() as f64),
        }
    }
}

fn nothing_outside() -> Error {
    let fault = Fault::new("place.region_m", "has hardly a point that no object closes in");
    Error::job(fault.remedy("choose a region with streets, or a height above the roofs"))
}
