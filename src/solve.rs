//! The engine from above: what a run of `task = "paths"` does, stage by stage.

use crate::backend::{Backend, Progress};
use crate::channel::Channel;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::math::frame::rotation_of;
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, FoundPaths, assemble, end_points};
use crate::path::{Paths, SolverOptions};
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::time::Instant;

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
///
/// # Errors
/// A scene that no hierarchy can be built for; a material that is not defined at a carrier.
pub fn solve(
    backend: Backend,
    scene: &Scene,
    radios: &Radios,
    carriers: &[f64],
    options: &SolverOptions,
    progress: &dyn Progress,
) -> Result<Solution> {
    let mut solution = Solution::default();
    let mut clock = Clock::new();

    // Hierarchy and facets (theory.md, "Facets").
    progress.begin("geometry", 0);
    let geometry = backend.load(scene)?;
    clock.stage(&mut solution, "geometry");

    // Chains of facets, source by source, and the paths over them ("Images and candidates", "Visibility").
    let sources = ends_of(radios, &radios.transmitters, scene);
    let receivers = ends_of(radios, &radios.receivers, scene);
    let found = find_paths(backend, &geometry, &sources, &receivers, options, &mut solution, progress, &mut clock);

    // One ragged record of all paths, link by link.
    let counts = [radios.transmitters.len(), radios.receivers.len()];
    solution.paths = assemble(&geometry, &sources, &receivers, &found, counts, &mut solution.counters);
    clock.stage(&mut solution, "assemble");

    // Coefficients by replaying each path ("Channel").
    progress.begin("field", 0);
    let (channel, notes) = backend.field(scene, radios, &solution.paths, carriers)?;
    solution.channel = channel;
    clock.stage(&mut solution, "field");

    solution.warnings.extend(notes);
    solution.warnings.extend(warnings(&geometry, radios, &solution.counters));
    clock.stage(&mut solution, "checks");
    Ok(solution)
}

#[allow(clippy::too_many_arguments)]
fn find_paths(
    backend: Backend,
    geometry: &Geometry,
    sources: &[EndPoint],
    receivers: &[EndPoint],
    options: &SolverOptions,
    solution: &mut Solution,
    progress: &dyn Progress,
    clock: &mut Clock,
) -> Vec<FoundPaths> {
    let positions: Vec<_> = receivers.iter().map(|r| r.position).collect();
    let mut found = Vec::with_capacity(sources.len());
    for source in sources {
        let trie = backend.chains(geometry, &source.position, options, &mut solution.counters, progress);
        clock.stage(solution, "candidates");
        found.push(backend.connect(geometry, &trie, &positions, options, &mut solution.counters, progress));
        clock.stage(solution, "connect");
    }
    found
}

/// Where the paths of `which` radios start or end: at the radio, or at each of its elements.
fn ends_of(radios: &Radios, which: &[Radio], scene: &Scene) -> Vec<EndPoint> {
    end_points(which.iter().map(|radio| {
        let antenna = radios.antenna(radio);
        let rotation = rotation_of(radio.orientation);
        let elements = antenna.per_element.then(|| antenna.offsets.iter().map(|o| rotation * o).collect());
        (radio.position - scene.origin, elements)
    }))
}

fn warnings(geometry: &Geometry, radios: &Radios, counters: &Counters) -> Vec<String> {
    let mut warnings = Vec::new();
    if counters.dropped_chains > 0 {
        warnings.push(format!(
            "{} times a chain of reflections was dropped because max_chains was reached: raise it, or lower max_depth",
            counters.dropped_chains
        ));
    }
    if counters.coincident_devices > 0 {
        warnings.push(format!(
            "{} links have no direct path because both devices stand at the same point",
            counters.coincident_devices
        ));
    }
    for (kind, which) in [("transmitters", &radios.transmitters), ("receivers", &radios.receivers)] {
        let inside: Vec<(&str, u32)> = which
            .par_iter()
            .filter_map(|r| Some((r.name.as_str(), geometry.object_around(&(r.position - geometry.scene.origin))?)))
            .collect();
        if let Some((name, object)) = inside.first() {
            let object = &geometry.scene.objects[*object as usize].name;
            let count = inside.len();
            warnings.push(format!("{count} {kind} stand inside an object, the first being '{name}' in '{object}'"));
        }
    }
    warnings
}

/// Measures stages; a stage that comes again adds to its time.
struct Clock {
    last: Instant,
}

impl Clock {
    fn new() -> Clock {
        Clock { last: Instant::now() }
    }

    fn stage(&mut self, solution: &mut Solution, name: &str) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        match solution.timings.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds,
            None => solution.timings.push((name.to_owned(), seconds)),
        }
    }
}
