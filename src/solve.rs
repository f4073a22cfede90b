//! The engine from above: what a run of `task = "paths"` does, stage by stage.
//!
//! Hierarchy, facets and chains do not depend on receivers and are made once ([`Engine::new`]); all that depends on them
//! is done for a tile of receivers at a time ([`Engine::tile`]), so that memory is that of one tile however many there
//! are. Tiles put together are, to the byte, the whole: [`solve`] is the case of one tile.

use crate::backend::{Backend, Loaded};
use crate::channel::Channel;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::enclosure::Enclosures;
use crate::math::Vec3;
use crate::math::frame::rotation_of;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, FoundPaths, assemble, end_points};
use crate::path::receivers::{ReceiverBoxes, bounds_of};
use crate::path::{Paths, SolverOptions};
use crate::progress::{Progress, Silent};
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::ops::Range;
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
    backend: Backend,
    geometry: Loaded<'a>,
    radios: &'a Radios,
    carriers: &'a [f64],
    options: &'a SolverOptions,
    progress: &'a dyn Progress,
    sources: Vec<EndPoint>,
    /// Bounds of all end points of receivers [m], local.
    receiver_bounds: (Vec3, Vec3),
    chains: Chains,
    enclosures: Enclosures,
    enclosed: [Enclosed; 2],
    counters: Counters,
    clock: Clock,
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
        let mut clock = Clock::new();
        // Hierarchy and facets (theory.md, "Facets").
        progress.begin("geometry", 0);
        let geometry = backend.load(scene)?;
        clock.stage("geometry");
        let sources = ends_of(radios, &radios.transmitters, scene);
        let mut engine = Engine {
            receiver_bounds: bounds_of_receivers(radios, scene),
            chains: Chains::new(sources.len(), CHAIN_BYTES),
            enclosures: Enclosures::new(scene),
            enclosed: [Enclosed::default(), Enclosed::default()],
            counters: Counters::default(),
            notes: Vec::new(),
            backend,
            geometry,
            radios,
            carriers,
            options,
            progress,
            sources,
            clock,
        };
        engine.enclosed[0].add(&engine.enclosures, &engine.geometry, &radios.transmitters);
        engine.clock.stage("checks");
        Ok(engine)
    }

    /// The same engine with another bound on the memory of chains that are kept from tile to tile [bytes]; results do
    /// not depend on it.
    #[must_use]
    pub fn keeping_chains_within(mut self, bytes: usize) -> Engine<'a> {
        self.chains = Chains::new(self.sources.len(), bytes);
        self
    }

    /// Finds the paths from all transmitters to a range of the receivers, and their channel.
    ///
    /// # Errors
    /// A material that is not defined at a carrier.
    pub fn tile(&mut self, receivers: Range<usize>) -> Result<Tile> {
        let (first_receiver, scene) = (receivers.start, self.geometry.scene);
        self.clock.resume();
        let all = self.radios.receivers.len();
        if receivers.len() < all {
            let what = format!("receivers {} to {} of {all}", receivers.start, receivers.end);
            self.progress.begin(&what, 0);
        }
        let radios = self.radios.with_receivers(receivers.clone());
        let ends = ends_of(&radios, &radios.receivers, scene);

        // Chains of facets, source by source ("Images and candidates"), and the paths over them ("Visibility").
        let found = self.find_paths(&receivers, &ends)?;

        // One ragged record of all paths, link by link.
        let counts = [radios.transmitters.len(), radios.receivers.len()];
        let paths = assemble(&self.geometry, &self.sources, &ends, &found, counts, &mut self.counters);
        drop(found);
        self.clock.stage("assemble");

        // Coefficients by replaying each path ("Channel").
        let (channel, notes) = self.backend.field(scene, &radios, &paths, self.carriers)?;
        self.notes.extend(notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>());
        self.clock.stage("field");

        self.enclosed[1].add(&self.enclosures, &self.geometry, &radios.receivers);
        self.clock.stage("checks");
        Ok(Tile { first_receiver, radios, paths, channel })
    }

    /// Ends the run: counters, timings and warnings of all tiles together.
    pub fn finish(mut self) -> Summary {
        let mut warnings = std::mem::take(&mut self.notes);
        warnings.extend(self.warnings());
        Summary { counters: self.counters, timings: self.clock.timings, warnings }
    }

    fn find_paths(&mut self, receivers: &Range<usize>, ends: &[EndPoint]) -> Result<Vec<FoundPaths>> {
        let positions: Vec<Vec3> = ends.iter().map(|end| end.position).collect();
        let boxes = ReceiverBoxes::new(&positions, self.receiver_bounds);
        let is_last = receivers.end == self.radios.receivers.len();
        // Of many tiles only the search for chains shows its progress; the tiles have a line each.
        let progress = if is_last && receivers.start == 0 { self.progress } else { &Silent };
        self.clock.stage("connect");
        let mut found = Vec::with_capacity(self.sources.len());
        for source in 0..self.sources.len() {
            let trie = self.chains_of(source)?;
            self.clock.stage("candidates");
            let (geometry, counters) = (&self.geometry, &mut self.counters);
            found.push(self.backend.connect(geometry, &trie, &boxes, self.options, counters, progress)?);
            if !is_last {
                self.chains.keep(source, trie);
            }
            self.clock.stage("connect");
        }
        Ok(found)
    }

    /// The chains from a source: kept from the tile before, or searched for. A search is counted once however often it
    /// is repeated, so that counters do not depend on tiles.
    fn chains_of(&mut self, source: usize) -> Result<ChainTrie> {
        if let Some(trie) = self.chains.take(source) {
            return Ok(trie);
        }
        let (mut again, nobody) = (Counters::default(), Silent);
        let first_time = !std::mem::replace(&mut self.chains.counted[source], true);
        let counters = if first_time { &mut self.counters } else { &mut again };
        let progress: &dyn Progress = if first_time { self.progress } else { &nobody };
        self.backend.chains(&self.geometry, &self.sources[source].position, self.options, counters, progress)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.counters.dropped_chains > 0 {
            warnings.push(format!(
                "{} times a chain of reflections was dropped because max_chains was reached: raise it, or lower \
                 max_depth",
                self.counters.dropped_chains
            ));
        }
        if self.counters.coincident_devices > 0 {
            warnings.push(format!(
                "{} links have no direct path because both devices stand at the same point",
                self.counters.coincident_devices
            ));
        }
        for (kind, enclosed) in ["transmitters", "receivers"].into_iter().zip(&self.enclosed) {
            if let Some((name, object)) = &enclosed.first {
                let (count, object) = (enclosed.count, &self.geometry.scene.objects[*object as usize].name);
                warnings.push(format!("{count} {kind} stand inside an object, the first being '{name}' in '{object}'"));
            }
        }
        warnings
    }
}

/// Chains kept from tile to tile take no more than this; those beyond are searched for again in each tile [bytes].
const CHAIN_BYTES: usize = 1 << 30;

/// The chains of each source that are kept from tile to tile: the first ones that fit.
struct Chains {
    kept: Vec<Option<ChainTrie>>,
    /// Whether the search from a source is in the counters already `[source]`.
    counted: Vec<bool>,
    /// Room that is left [bytes].
    room: usize,
}

impl Chains {
    fn new(sources: usize, room: usize) -> Chains {
        Chains { kept: (0..sources).map(|_| None).collect(), counted: vec![false; sources], room }
    }

    fn take(&mut self, source: usize) -> Option<ChainTrie> {
        let trie = self.kept[source].take()?;
        self.room += trie.bytes();
        Some(trie)
    }

    fn keep(&mut self, source: usize, trie: ChainTrie) {
        if let Some(room) = self.room.checked_sub(trie.bytes()) {
            self.room = room;
            self.kept[source] = Some(trie);
        }
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
        const TASK: usize = 32;
        let devices = radios.par_iter().with_min_len(TASK).enumerate();
        let inside: Vec<(usize, u32)> = devices.filter_map(|(i, radio)| Some((i, around(radio)?))).collect();
        self.count += inside.len();
        if let (None, Some((i, object))) = (&self.first, inside.first()) {
            self.first = Some((radios[*i].name.clone(), *object));
        }
    }
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

fn bounds_of_receivers(radios: &Radios, scene: &Scene) -> (Vec3, Vec3) {
    /// Receivers whose end points are made together.
    const CHUNK: usize = 1 << 12;
    let corners = radios.receivers.chunks(CHUNK).flat_map(|chunk| {
        let positions: Vec<Vec3> = ends_of(radios, chunk, scene).iter().map(|end| end.position).collect();
        let (low, high) = bounds_of(&positions);
        [low, high]
    });
    bounds_of(&corners.collect::<Vec<Vec3>>())
}

/// Measures stages; a stage that comes again adds to its time.
struct Clock {
    last: Instant,
    timings: Vec<(String, f64)>,
}

impl Clock {
    fn new() -> Clock {
        Clock { last: Instant::now(), timings: Vec::new() }
    }

    /// Leaves out what was done elsewhere since the last stage.
    fn resume(&mut self) {
        self.last = Instant::now();
    }

    fn stage(&mut self, name: &str) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        match self.timings.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds,
            None => self.timings.push((name.to_owned(), seconds)),
        }
    }
}
