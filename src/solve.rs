//! The engine from above: candidates, refinement, field, channel.

use crate::channel::Channel;
use crate::error::Result;
use crate::path::counters::Counters;
use crate::path::{Paths, SolverOptions};
use crate::scene::Scene;
use crate::scene::radio::Radios;

/// Where progress goes: the command line draws a bar, tests ignore it.
pub trait Progress: Sync {
    /// A stage begins that will do `total` steps (0: unknown).
    fn begin(&self, stage: &str, total: u64);
    /// `steps` more steps of the stage are done.
    fn advance(&self, steps: u64);
}

/// Progress that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
}

/// Everything that a run of `task = "paths"` yields.
#[derive(Debug, Clone, Default)]
pub struct Solution {
    /// The paths.
    pub paths: Paths,
    /// Their coefficients.
    pub channel: Channel,
    /// What became of every candidate.
    pub counters: Counters,
    /// Stage and seconds, in order.
    pub timings: Vec<(String, f64)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Finds all paths between the radios and their channel at the `carriers` [Hz].
pub fn solve(
    _scene: &Scene,
    _radios: &Radios,
    _carriers: &[f64],
    _options: &SolverOptions,
    _progress: &dyn Progress,
) -> Result<Solution> {
    todo!("path solver")
}
