//! The convergence study: how often each method ends where the hard objective is largest (T114, T116).
//!
//! Draws of receivers, each with starts, are the same for all methods. A draw whose best is 0 cannot be solved and does not count.

use super::ascent::{Ascent, Sharpening};
use super::planar::{Objective, PlanarLandscape};
use super::restart::hills;
use super::search::{Search, Way};
use super::{Region, Softness};
use crate::math::random::{philox, unit_interval};
use crate::math::smoothing::{SmoothStep, StepKind};
use crate::planar::validity::Definition;
use crate::planar::{PlanarScene, Vec2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Points along each side of the grid on which the best is sought.
const GRID: usize = 100;
/// An end no further from the best than this is a success, as published [m].
const SUCCESS_M: f64 = 0.1;
/// An end with this share of the best objective is nearly as good [-].
const NEARLY: f64 = 0.9;
/// The guard of the peer's hard test, by which ends are judged [-].
const GUARD: f64 = 0.005;
/// Standard deviation of the noise of the baseline [m].
const NOISE_M: f64 = 0.3;
/// Why a landscape of the plane has no errors.
const NEVER_FAILS: &str = "objectives of a plane have a value and a gradient everywhere";
/// Points along each side of the coarse landscape of the restarts, their sharpness, and their number of starts.
const COARSE: usize = 8;
const COARSE_ALPHA: f64 = 10.0;
const RESTARTS: usize = 4;

/// A way of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Adam on the hard objective, as published: all other methods are compared with it.
    Hard,
    /// Adam on the smoothed objective, as published, with the peer's definition.
    Paper,
    /// Adam on the hard objective with noise in where its gradients are taken.
    Noise,
    /// The same schedule with the project's own smoothing, adaptive.
    Adaptive,
    /// The tour: one trajectory.
    Tour,
    /// The survey: points spread about the start first.
    Survey,
    /// Adam from the hills of a coarse smoothed landscape, whose evaluations are told beside.
    Restarts,
}

impl Method {
    /// All of them, in the order of the table.
    pub const ALL: [Method; 7] =
        [Method::Hard, Method::Paper, Method::Noise, Method::Adaptive, Method::Tour, Method::Survey, Method::Restarts];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Hard => "hard",
            Method::Paper => "paper",
            Method::Noise => "noise",
            Method::Adaptive => "adaptive",
            Method::Tour => "tour",
            Method::Survey => "survey",
            Method::Restarts => "restarts",
        }
    }
}

/// Receivers, and where the transmitter starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Receivers [m].
    pub receivers: Vec<Vec2>,
    /// Starts [m].
    pub starts: Vec<Vec2>,
}

/// Draws of `receivers` and `starts` receivers and starts each, uniform in a rectangle: number i of a seed is always the same.
pub fn draws([low, high]: [Vec2; 2], counts: [usize; 3], seed: u64) -> Vec<Draw> {
    let [draws, receivers, starts] = counts;
    let point = |draw: usize, kind: u32, i: usize| {
        let words = philox([draw as u32, kind, i as u32, receivers as u32], [seed as u32, (seed >> 32) as u32]);
        let share = Vec2::new(unit_interval(words[0]), unit_interval(words[1]));
        low + share.component_mul(&(high - low))
    };
    let draw = |k: usize| Draw {
        receivers: (0..receivers).map(|i| point(k, 0, i)).collect(),
        starts: (0..starts).map(|i| point(k, 1, i)).collect(),
    };
    (0..draws).map(draw).collect()
}

/// What a study is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The walls.
    pub scene: PlanarScene,
    /// Where receivers, starts and the grid lie [m].
    pub area: [Vec2; 2],
    /// Shape of the peer's smooth step.
    pub kind: StepKind,
    /// Evaluations of each run.
    pub evaluations: u64,
    /// Seed of the noise.
    pub seed: u64,
}

/// How often a method ended well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rates {
    /// The method.
    pub method: Method,
    /// Runs of draws that can be solved.
    pub runs: usize,
    /// Share that ended within 0.1 m of the best.
    pub success: f64,
    /// Share of the hard method's successes that this method has too; null where there are none.
    pub kept: Option<f64>,
    /// Share that ended with 0.9 of the best objective or more.
    pub nearly: f64,
    /// Evaluations of a run in the mean.
    pub evaluations: f64,
}

/// Ends `[draw, start]` [m], with the evaluations that they took.
pub type EndsOfMethod = Vec<Vec<(Vec2, u64)>>;

/// What became of every start of every draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The best place of each draw, and the hard objective there.
    pub best: Vec<(Vec2, f64)>,
    /// Ends of each method.
    pub of: Vec<(Method, EndsOfMethod)>,
}

impl Study {
    /// Runs the `methods` on all draws.
    pub fn run(&self, draws: &[Draw], methods: &[Method]) -> Ends {
        let best = draws.par_iter().map(|draw| self.best(draw)).collect();
        let ends = |method: &Method| {
            let of_draw = |(k, draw): (usize, &Draw)| self.ends(*method, draw, k);
            (*method, draws.par_iter().enumerate().map(of_draw).collect())
        };
        Ends { best, of: methods.iter().map(ends).collect() }
    }

    /// The rates of all methods that were run.
    pub fn rates(&self, draws: &[Draw], ends: &Ends) -> Vec<Rates> {
        let near = |draw: usize, end: &Vec2| (end - ends.best[draw].0).norm() < SUCCESS_M;
        let hard = ends.of.iter().find(|(method, _)| *method == Method::Hard).map(|(_, ends)| ends);
        let of = |(method, own): &(Method, EndsOfMethod)| {
            let (mut runs, mut success, mut nearly, mut kept, mut of_hard, mut evaluations) = (0, 0, 0, 0, 0, 0);
            for (k, draw) in draws.iter().enumerate().filter(|(k, _)| ends.best[*k].1 > 0.0) {
                let landscape = self.landscape(draw, Definition::Paper);
                for (i, (end, count)) in own[k].iter().enumerate() {
                    let well = near(k, end);
                    runs += 1;
                    evaluations += count;
                    success += usize::from(well);
                    nearly += usize::from(landscape.value(end.as_slice()) >= NEARLY * ends.best[k].1);
                    let hard_did = hard.is_some_and(|hard| near(k, &hard[k][i].0));
                    of_hard += usize::from(hard_did);
                    kept += usize::from(hard_did && well);
                }
            }
            let share = |count: usize| count as f64 / f64::max(runs as f64, 1.0);
            let kept = (of_hard > 0).then(|| kept as f64 / of_hard as f64);
            let evaluations = evaluations as f64 / f64::max(runs as f64, 1.0);
            Rates { method: *method, runs, success: share(success), kept, nearly: share(nearly), evaluations }
        };
        ends.of.iter().map(of).collect()
    }

    /// The landscape of a draw; what counts in the end is the peer's hard objective.
    fn landscape(&self, draw: &Draw, definition: Definition) -> PlanarLandscape {
        let mut scene = self.scene.clone();
        scene.guard = GUARD;
        let landscape = PlanarLandscape::new(scene, draw.receivers.clone(), 1, 0);
        PlanarLandscape { objective: Objective::Min, definition, hard_definition: Definition::Paper, ..landscape }
    }

    /// The best place of the grid, the first one of several, and the hard objective there.
    fn best(&self, draw: &Draw) -> (Vec2, f64) {
        let landscape = self.landscape(draw, Definition::Paper);
        let [low, high] = self.area;
        let mut best = (low, f64::NEG_INFINITY);
        for k in 0..GRID * GRID {
            let share = Vec2::new((k % GRID) as f64, (k / GRID) as f64) / (GRID - 1) as f64;
            let at = low + share.component_mul(&(high - low));
            let value = landscape.value(at.as_slice());
            if value > best.1 {
                best = (at, value);
            }
        }
        best
    }

    fn region(&self) -> Region {
        Region::new(self.area[0].as_slice().to_vec(), self.area[1].as_slice().to_vec())
    }

    /// Where each start of a draw ends, and what it cost.
    fn ends(&self, method: Method, draw: &Draw, k: usize) -> Vec<(Vec2, u64)> {
        let published = Ascent { steps: self.evaluations, kind: self.kind, ..Ascent::default() };
        let ascend = |definition: Definition, ascent: Ascent| -> Vec<(Vec2, u64)> {
            let landscape = self.landscape(draw, definition);
            let end = |(i, start): (usize, &Vec2)| {
                let number = (k * draw.starts.len() + i) as u32;
                let track = ascent.climb(&landscape, start.as_slice(), (self.seed, number)).expect(NEVER_FAILS);
                (Vec2::from_column_slice(&track.end), track.visits.len() as u64)
            };
            draw.starts.iter().enumerate().map(end).collect()
        };
        let search = |way: Way| -> Vec<(Vec2, u64)> {
            let landscape = self.landscape(draw, Definition::Shadow);
            let search = Search::new(way, self.evaluations as usize, self.region());
            let end = |start: &Vec2| {
                let track = search.run(&landscape, start.as_slice()).expect(NEVER_FAILS);
                (Vec2::from_column_slice(&track.end), track.visits.len() as u64)
            };
            draw.starts.iter().map(end).collect()
        };
        match method {
            Method::Hard => ascend(Definition::Paper, Ascent { sharpening: Sharpening::Hard, ..published }),
            Method::Paper => ascend(Definition::Paper, published),
            Method::Noise => {
                ascend(Definition::Paper, Ascent { sharpening: Sharpening::Hard, noise: NOISE_M, ..published })
            }
            Method::Adaptive => {
                let kind = StepKind::Sigmoid;
                let region = Some(self.region());
                ascend(Definition::Metric, Ascent { sharpening: Sharpening::Adaptive, kind, region, ..published })
            }
            Method::Tour => search(Way::Tour),
            Method::Survey => search(Way::Survey),
            Method::Restarts => self.restarted(draw, &published),
        }
    }

    /// The hills do not depend on the start: one end for all of them, with the evaluations of one such search.
    fn restarted(&self, draw: &Draw, published: &Ascent) -> Vec<(Vec2, u64)> {
        let landscape = self.landscape(draw, Definition::Metric);
        let step = SmoothStep { kind: StepKind::Sigmoid, alpha: COARSE_ALPHA };
        let softness = Softness { step, log: None };
        let (hills, mut evaluations) =
            hills(&landscape, &self.region(), &softness, COARSE, RESTARTS).expect(NEVER_FAILS);
        let ascent = Ascent { kind: StepKind::Sigmoid, region: Some(self.region()), ..published.clone() };
        let mut best = (draw.starts[0], f64::NEG_INFINITY);
        for hill in hills {
            let track = ascent.climb(&landscape, &hill, (self.seed, 0)).expect(NEVER_FAILS);
            // One look at the hard objective accepts or drops an end.
            evaluations += track.visits.len() as u64 + 1;
            let value = landscape.value(&track.end);
            if value > best.1 {
                best = (Vec2::from_column_slice(&track.end), value);
            }
        }
        draw.starts.iter().map(|_| (best.0, evaluations)).collect()
    }
}
