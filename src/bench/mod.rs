//! The speed of this machine, stage by stage, on scenes, seeds and rays that never change.
//!
//! [`measure`] runs each stage once to warm it up and then several times; its rows hold medians beside the roof of the
//! machine ([`roof`]). The same sites and the same work serve `raylobe bench`, the benches under `benches/` and the
//! comparison with Embree. Nothing here is used by the engine.

pub mod roof;
pub mod site;
mod stages;
pub mod work;

pub use roof::Machine;
pub use site::Site;

use crate::backend::Backend;
use crate::error::Result;
use crate::geometry::simd::Level;
use serde::Serialize;
use std::time::Instant;

/// A stage that is measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The hierarchy: build and collapse.
    BvhBuild,
    /// Facets: which triangles are one wall.
    Facets,
    /// First hits of camera rays and of random rays.
    ClosestHit,
    /// Whether shadow rays are blocked.
    AnyHit,
    /// The guided launch: chains of facets.
    Launch,
    /// All chains against all receivers, from beams to visible paths.
    Connect,
    /// Candidates that are in the beam of their chain: points in f64, owners, visibility.
    Refine,
    /// The coefficients of the paths found.
    Field,
}

impl Stage {
    /// All stages, in the order of a run.
    pub const ALL: [Stage; 8] = [
        Stage::BvhBuild,
        Stage::Facets,
        Stage::ClosestHit,
        Stage::AnyHit,
        Stage::Launch,
        Stage::Connect,
        Stage::Refine,
        Stage::Field,
    ];

    /// How the stage is called.
    pub fn name(self) -> &'static str {
        match self {
            Stage::BvhBuild => "bvh_build",
            Stage::Facets => "facets",
            Stage::ClosestHit => "closest_hit",
            Stage::AnyHit => "any_hit",
            Stage::Launch => "launch",
            Stage::Connect => "connect",
            Stage::Refine => "refine",
            Stage::Field => "field",
        }
    }
}

/// How to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The device.
    pub backend: Backend,
    /// Instructions of the traversal stages.
    pub level: Level,
    /// A stage is repeated for about this long [s], and at least [`MIN_RUNS`] times.
    pub seconds: f64,
    /// Side of the square of rays of each kind: its square is their number.
    pub side: u32,
    /// Receivers of the path stages.
    pub receivers: u32,
    /// Reflections of the path stages.
    pub depth: u32,
}

/// Fewest counted runs of a stage.
pub const MIN_RUNS: usize = 5;

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured: a stage, and the kind of work where there are several.
    pub stage: String,
    /// The site.
    pub scene: String,
    /// What is counted: `rays`, `segments`, `pairs`, `candidates`, `paths` or `triangles`.
    pub unit: &'static str,
    /// Number of them in a run.
    pub items: u64,
    /// What a run found (hits, chains, paths): the same work gives the same number.
    pub found: u64,
    /// Runs that were counted.
    pub runs: usize,
    /// Median of the runs [s].
    pub median_s: f64,
    /// Shortest and longest run [s].
    pub range_s: [f64; 2],
    /// Items per second of the median run.
    pub per_s: f64,
    /// Items per second that the machine's roof allows; none where the least work is not known.
    pub roof_per_s: Option<f64>,
}

/// Measures `stages` at a site and hands over each row as it is there.
///
/// # Errors
/// A scene that no hierarchy can be built for.
pub fn measure(
    site: &Site,
    stages: &[Stage],
    options: &Options,
    machine: &Machine,
    mut row: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    stages::Bench::new(site, options, machine)?.run(stages, &mut row)
}

/// What a run of some work did.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Done {
    items: u64,
    found: u64,
}

/// Seconds of each counted run, sorted, and what the last one did.
struct Timed {
    seconds: Vec<f64>,
    done: Done,
}

impl Timed {
    /// Times `work` after one run that is not counted. What it yields is dropped outside the timing.
    fn new<T>(least_seconds: f64, mut work: impl FnMut() -> T, count: impl Fn(&T) -> Done) -> Timed {
        let mut done = count(&work());
        let mut seconds = Vec::new();
        while seconds.len() < MIN_RUNS || seconds.iter().sum::<f64>() < least_seconds {
            let start = Instant::now();
            let result = work();
            seconds.push(start.elapsed().as_secs_f64());
            done = count(&result);
        }
        seconds.sort_by(f64::total_cmp);
        Timed { seconds, done }
    }

    fn row(&self, stage: &str, site: &Site, unit: &'static str, done: Done, roof_per_s: Option<f64>) -> Row {
        let median_s = self.seconds[self.seconds.len() / 2].max(f64::MIN_POSITIVE);
        Row {
            stage: stage.into(),
            scene: site.name.clone(),
            unit,
            items: done.items,
            found: done.found,
            runs: self.seconds.len(),
            median_s,
            range_s: [self.seconds[0], self.seconds[self.seconds.len() - 1]],
            per_s: done.items as f64 / median_s,
            roof_per_s,
        }
    }
}
