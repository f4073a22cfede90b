//! The paths that a fit replays: found once, and again when what they depend on has moved too far.

use super::parameters::{Parameter, Property, Target};
use crate::backend::{Backend, Detached};
use crate::channel::cluster::Clusters;
use crate::error::Result;
use crate::path::{Paths, SolverOptions};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::radio::Radios;
use crate::solve::{Engine, Samples, Summary};
use std::collections::BTreeMap;

/// How paths are found.
#[derive(Debug, Clone)]
pub struct Search {
    /// The device.
    pub backend: Backend,
    /// Options of the solver.
    pub options: SolverOptions,
    /// Carriers [Hz].
    pub carriers: Vec<f64>,
    /// The bandwidth that tells delays of a lobe apart [Hz].
    pub bandwidth: Option<f64>,
    /// Paths are searched for again when a radio is further than this from where it was [m].
    pub retrace_after: f64,
}

/// Paths are searched for again when the sharpness of a lobe is more than this from what it was [-]: samples lie where lobes
/// were strong.
const SHARPNESS_RATIO: f64 = 1.25;

/// Paths of all links.
#[derive(Debug)]
pub struct Known {
    /// The paths, samples of lobes one by one.
    pub paths: Paths,
    /// Which samples make one path.
    pub clusters: Option<Clusters>,
}

/// What a search has come to.
#[derive(Debug)]
pub struct Traced {
    /// What was built for the scene.
    pub detached: Detached,
    /// The paths.
    pub known: Known,
    /// Counters, timings and warnings.
    pub summary: Summary,
}

impl Search {
    /// Finds all paths of a scene as it stands.
    ///
    /// # Errors
    /// As [`Engine::new`] and [`Engine::samples`].
    pub fn trace(&self, scene: &Scene, radios: &Radios, progress: &dyn Progress) -> Result<Traced> {
        let engine = Engine::new(self.backend.clone(), scene, radios, &self.carriers, &self.options, progress)?;
        let mut engine = engine.with_bandwidth(self.bandwidth);
        let Samples { paths, clusters, .. } = engine.samples(0..radios.receivers.len())?;
        let (summary, detached) = engine.finish_and_keep();
        Ok(Traced { detached, known: Known { paths, clusters }, summary })
    }

    /// Whether paths that were found where the parameters had the values `at` are to be found anew: a radio has moved too far,
    /// a lobe has become too sharp or too wide, or an object has moved at all, since hierarchy and facets move with it.
    pub fn is_stale(&self, parameters: &[Parameter], at: &[f64], values: &[f64]) -> bool {
        let changed = |(parameter, (at, value)): (&Parameter, (&f64, &f64))| match parameter.target {
            Target::Translation { .. } => value != at,
            Target::Material(_, Property::Lobe | Property::Forward(_) | Property::Backward(_)) => {
                (value / at).max(at / value) > SHARPNESS_RATIO
            }
            Target::Position { .. }
            | Target::Material(..)
            | Target::Orientation { .. }
            | Target::Gain { .. }
            | Target::Offset { .. } => false,
        };
        parameters.iter().zip(at.iter().zip(values)).any(changed)
            || furthest_move(parameters, at, values) > self.retrace_after
    }
}

/// The longest way that any radio has gone [m].
pub fn furthest_move(parameters: &[Parameter], at: &[f64], values: &[f64]) -> f64 {
    let mut squares: BTreeMap<(bool, usize), f64> = BTreeMap::new();
    for (parameter, (at, value)) in parameters.iter().zip(at.iter().zip(values)) {
        if let Target::Position { transmitter, radio, .. } = parameter.target {
            *squares.entry((transmitter, radio)).or_default() += (value - at) * (value - at);
        }
    }
    squares.into_values().fold(0.0, f64::max).sqrt()
}
