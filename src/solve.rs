//! The engine from above: what a run of `task = "paths"` does, stage by stage.
//!
//! Hierarchy, facets and chains do not depend on receivers and are made once ([`Engine::new`]); all that depends on them
//! is done for a tile of receivers at a time ([`Engine::tile`]), so that memory is that of one tile however many there
//! are. Tiles put together are, to the byte, the whole: [`solve`] is the case of one tile.

mod area;
pub mod map;
mod pull_back;
pub mod sampled;
pub mod scatter;
pub mod smooth;
pub mod tracer;

use crate::backend::{Backend, Detached};
use crate::channel::Channel;
use crate::channel::cluster::{Clusters, merged};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::enclosure::Enclosures;
use crate::math::frame::rotation_of;
use crate::math::{Vec3, bounds_of};
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, assemble, end_points};
use crate::path::search::Ends;
use crate::path::{Paths, SolverOptions};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use scatter::Scattered;
use std::ops::Range;
use tracer::Tracer;

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

/// The paths to some of the receivers; links count within the tile.
#[derive(Debug, Clone)]
pub struct Tile {
    /// The first receiver's place among all.
    pub first_receiver: usize,
    /// All transmitters and the receivers of the tile.
    pub radios: Radios,
    /// The paths.
    pub paths: Paths,
    /// Their coefficients.
    pub channel: Channel,
    /// Of smoothed visibility, V of each `[path]` [-] ([`smooth`]); else empty.
    pub visibility: Vec<f64>,
}

/// The paths to some of the receivers as they are stored for adjoints: samples of lobes one by one.
#[derive(Debug, Clone)]
pub struct Samples {
    /// All transmitters and the receivers of the tile.
    pub radios: Radios,
    /// The paths.
    pub paths: Paths,
    /// Their coefficients.
    pub channel: Channel,
    /// Which samples of lobes make one path of the [`Tile`]; `None`: there are no lobes, and these are its paths.
    pub clusters: Option<Clusters>,
}

/// What is known once all tiles are done.
#[derive(Debug, Clone, Default)]
pub struct Summary {
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
/// As [`Engine::new`] and [`Engine::tile`].
pub fn solve(
    backend: Backend,
    scene: &Scene,
    radios: &Radios,
    carriers: &[f64],
    options: &SolverOptions,
    progress: &dyn Progress,
) -> Result<Solution> {
    let mut engine = Engine::new(backend, scene, radios, carriers, options, progress)?;
    let Tile { paths, channel, .. } = engine.tile(0..radios.receivers.len())?;
    let Summary { counters, timings, warnings } = engine.finish();
    Ok(Solution { paths, channel, counters, timings, warnings })
}

/// A scene that is ready for any of a job's receivers.
pub struct Engine<'a> {
    tracer: Tracer<'a>,
    radios: &'a Radios,
    carriers: &'a [f64],
    scattered: Scattered,
    bandwidth: Option<f64>,
    enclosures: Enclosures,
    enclosed: [Enclosed; 2],
    notes: Vec<String>,
}

impl<'a> Engine<'a> {
    /// Builds what does not depend on receivers.
    ///
    /// # Errors
    /// A scene that no hierarchy can be built for.
    pub fn new(
        backend: Backend,
        scene: &'a Scene,
        radios: &'a Radios,
        carriers: &'a [f64],
        options: &'a SolverOptions,
        progress: &'a dyn Progress,
    ) -> Result<Engine<'a>> {
        let sources = ends_of(radios, &radios.transmitters, scene);
        let mut tracer = Tracer::new(backend, scene, sources, options, progress)?;
        tracer.receivers_are(ends_of_receivers(radios, scene));
        let enclosures = Enclosures::new(scene);
        let scattered = Scattered::new(scene, carriers, &options.scatter)?;
        let (bandwidth, enclosed, notes) = (None, Default::default(), Vec::new());
        let mut engine = Engine { tracer, radios, carriers, scattered, bandwidth, enclosures, enclosed, notes };
        engine.enclosed[0].add(&engine.enclosures, &engine.tracer.geometry, &radios.transmitters);
        engine.tracer.clock.stage("checks");
        Ok(engine)
    }

    /// The same engine with another bound on the memory of chains that are kept from tile to tile [bytes]; results do
    /// not depend on it.
    #[must_use]
    pub fn keeping_chains_within(mut self, bytes: usize) -> Engine<'a> {
        self.tracer.keep_chains_within(bytes);
        self
    }

    /// The same engine with a bandwidth [Hz]: delays of one lobe that it tells apart are paths of their own.
    #[must_use]
    pub fn with_bandwidth(mut self, bandwidth: Option<f64>) -> Engine<'a> {
        self.bandwidth = bandwidth;
        self
    }

    /// Finds the paths from all transmitters to a range of the receivers, and their channel.
    ///
    /// # Errors
    /// A material that is not defined at a carrier.
    pub fn tile(&mut self, receivers: Range<usize>) -> Result<Tile> {
        let first_receiver = receivers.start;
        let Samples { radios, paths, channel, clusters } = self.samples(receivers)?;
        let (paths, channel) = match clusters {
            Some(clusters) => merged(&paths, &channel, &clusters),
            None => (paths, channel),
        };
        self.tracer.clock.stage("field");
        Ok(Tile { first_receiver, radios, paths, channel, visibility: Vec::new() })
    }

    /// The same before samples of lobes are put together: what [`crate::path::adjoint`] replays.
    ///
    /// # Errors
    /// A material that is not defined at a carrier.
    pub fn samples(&mut self, receivers: Range<usize>) -> Result<Samples> {
        let tracer = &mut self.tracer;
        let scene = tracer.geometry.scene;
        tracer.clock.resume();
        let all = self.radios.receivers.len();
        if receivers.len() < all {
            let what = format!("receivers {} to {} of {all}", receivers.start, receivers.end);
            tracer.progress.begin(&what, 0);
        }
        let radios = self.radios.with_receivers(receivers.clone());
        let ends = ends_of(&radios, &radios.receivers, scene);

        // Chains of facets, source by source ("Images and candidates"), and the paths over them ("Visibility").
        let mut found = tracer.paths(&ends, &receivers, all)?;

        // What is scattered ("Diffuse scattering", "Lobes").
        if !self.scattered.is_empty() {
            for (source, found) in found.iter_mut().enumerate() {
                self.scattered.add(tracer, source, &ends, found)?;
            }
            tracer.clock.stage("scatter");
        }

        // One ragged record of all paths, link by link.
        let counts = [radios.transmitters.len(), radios.receivers.len()];
        let paths = assemble(&tracer.geometry, &tracer.sources, &ends, &found, counts, &mut tracer.counters);
        drop(found);
        tracer.clock.stage("assemble");

        // Coefficients by replaying each path ("Channel").
        let (channel, notes) = tracer.backend.field(scene, &radios, &paths, self.carriers)?;
        self.notes.extend(notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>());
        let clusters = self.scattered.clusters(tracer, &paths, &channel, self.bandwidth);
        tracer.clock.stage("field");

        self.enclosed[1].add(&self.enclosures, &tracer.geometry, &radios.receivers);
        tracer.clock.stage("checks");
        Ok(Samples { radios, paths, channel, clusters })
    }

    /// Ends the run: counters, timings and warnings of all tiles together.
    pub fn finish(self) -> Summary {
        self.finish_and_keep().0
    }

    /// As [`Engine::finish`], with what was built for the scene: a fit replays the paths in it.
    pub fn finish_and_keep(mut self) -> (Summary, Detached) {
        let mut warnings = std::mem::take(&mut self.notes);
        warnings.extend(self.warnings());
        let Tracer { geometry, counters, clock, .. } = self.tracer;
        (Summary { counters, timings: clock.timings, warnings }, geometry.detach())
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.tracer.warnings();
        let coincident = self.tracer.counters.coincident_devices;
        if coincident > 0 {
            warnings
                .push(format!("{coincident} links have no direct path because both devices stand at the same point"));
        }
        for (kind, enclosed) in ["transmitters", "receivers"].into_iter().zip(&self.enclosed) {
            if let Some((name, object)) = &enclosed.first {
                let (count, object) = (enclosed.count, &self.tracer.geometry.scene.objects[*object as usize].name);
                warnings.push(format!("{count} {kind} stand inside an object, the first being '{name}' in '{object}'"));
            }
        }
        warnings
    }
}

/// Devices that stand inside an object: how many, and the first with its object.
#[derive(Default)]
struct Enclosed {
    count: usize,
    first: Option<(String, u32)>,
}

impl Enclosed {
    fn add(&mut self, enclosures: &Enclosures, geometry: &Geometry, radios: &[Radio]) {
        let around = |radio: &Radio| enclosures.around(geometry, &(radio.position - geometry.scene.origin));
        /// Fewer devices are not worth another thread.
        const TASK: usize = 128;
        let devices = radios.par_iter().with_min_len(TASK).enumerate();
        let inside: Vec<(usize, u32)> = devices.filter_map(|(i, radio)| Some((i, around(radio)?))).collect();
        self.count += inside.len();
        if let (None, Some((i, object))) = (&self.first, inside.first()) {
            self.first = Some((radios[*i].name.clone(), *object));
        }
    }
}

/// Where the paths of `which` radios start or end: at the radio, or at each of its elements.
pub(crate) fn ends_of(radios: &Radios, which: &[Radio], scene: &Scene) -> Vec<EndPoint> {
    end_points(which.iter().map(|radio| {
        let antenna = radios.antenna(radio);
        let rotation = rotation_of(radio.orientation);
        let elements = antenna.per_element.then(|| antenna.offsets.iter().map(|o| rotation * o).collect());
        (radio.position - scene.origin, elements)
    }))
}

fn ends_of_receivers(radios: &Radios, scene: &Scene) -> Ends {
    /// Receivers whose end points are made together.
    const CHUNK: usize = 1 << 12;
    let (mut corners, mut count) = (Vec::new(), 0);
    for chunk in radios.receivers.chunks(CHUNK) {
        let positions: Vec<Vec3> = ends_of(radios, chunk, scene).iter().map(|end| end.position).collect();
        let (low, high) = bounds_of(&positions);
        corners.extend([low, high]);
        count += positions.len();
    }
    Ends { bounds: bounds_of(&corners), count }
}
