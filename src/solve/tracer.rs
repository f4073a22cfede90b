//! What tasks share: a scene that is ready, the chains from each transmitter, the paths over them, the clock.

use crate::backend::{Backend, Loaded};
use crate::error::Result;
use crate::math::{Vec3, bounds_of};
use crate::path::SolverOptions;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, FoundPaths};
use crate::path::receivers::ReceiverBoxes;
use crate::path::search::{Ends, Span};
use crate::progress::{Progress, Silent};
use crate::scene::Scene;
use std::ops::Range;
use std::time::Instant;

/// A scene that is ready for any receivers.
pub struct Tracer<'a> {
    /// The device.
    pub backend: Backend,
    /// The scene on the device.
    pub geometry: Loaded<'a>,
    /// Options of the search.
    pub options: &'a SolverOptions,
    /// Where progress is told.
    pub progress: &'a dyn Progress,
    /// Where paths start.
    pub sources: Vec<EndPoint>,
    /// What became of every candidate so far.
    pub counters: Counters,
    /// Seconds of each stage so far.
    pub clock: Clock,
    /// All end points of receivers.
    receivers: Ends,
    chains: Chains,
}

impl<'a> Tracer<'a> {
    /// Builds hierarchy and facets of `scene` (theory.md, "Facets").
    ///
    /// # Errors
    /// The device has too little memory.
    pub fn new(
        backend: Backend,
        scene: &'a Scene,
        sources: Vec<EndPoint>,
        options: &'a SolverOptions,
        progress: &'a dyn Progress,
    ) -> Result<Tracer<'a>> {
        let mut clock = Clock::new();
        progress.begin("geometry", 0);
        let geometry = backend.load(scene)?;
        clock.stage("geometry");
        let receivers = Ends { bounds: bounds_of(&[]), count: 0 };
        let (chains, counters) = (Chains::new(sources.len(), CHAIN_BYTES), Counters::default());
        Ok(Tracer { backend, geometry, options, progress, sources, counters, clock, receivers, chains })
    }

    /// Says where receivers may be, and how many. Comes before any paths.
    pub fn receivers_are(&mut self, receivers: Ends) {
        self.receivers = receivers;
    }

    /// Sets another bound on the memory of chains that are kept from tile to tile [bytes]; results do not depend on it.
    pub fn keep_chains_within(&mut self, bytes: usize) {
        self.chains = Chains::new(self.sources.len(), bytes);
    }

    /// The paths from each source to the `ends` of one tile, which is some `receivers` of `all`.
    ///
    /// # Errors
    /// The device failed.
    pub fn paths(&mut self, ends: &[EndPoint], receivers: &Range<usize>, all: usize) -> Result<Vec<FoundPaths>> {
        let positions: Vec<Vec3> = ends.iter().map(|end| end.position).collect();
        let boxes = ReceiverBoxes::new(&positions, self.receivers.bounds);
        let is_last = receivers.end == all;
        // Of many tiles only the search for chains shows its progress; the tiles have a line each.
        let progress = if is_last && receivers.start == 0 { self.progress } else { &Silent };
        self.clock.stage("connect");
        let mut found = Vec::with_capacity(self.sources.len());
        for source in 0..self.sources.len() {
            let trie = self.chains_of(source, Some(self.receivers))?;
            self.clock.stage("candidates");
            let (geometry, counters) = (&self.geometry, &mut self.counters);
            found.push(self.backend.connect(geometry, &trie, &boxes, self.options, counters, progress)?);
            self.keep_chains(source, trie, is_last);
            self.clock.stage("connect");
        }
        Ok(found)
    }

    /// The chains from a source to the `ends` of all tiles: kept from the tile before, or searched for. A search is counted
    /// once however often it is repeated, so that counters do not depend on tiles.
    pub(super) fn chains_of(&mut self, source: usize, ends: Option<Ends>) -> Result<ChainTrie> {
        if let Some(trie) = self.chains.take(source) {
            return Ok(trie);
        }
        let (mut again, nobody) = (Counters::default(), Silent);
        let first_time = !std::mem::replace(&mut self.chains.counted[source], true);
        let counters = if first_time { &mut self.counters } else { &mut again };
        let progress: &dyn Progress = if first_time { self.progress } else { &nobody };
        let span = Span { source: self.sources[source].position, ends };
        self.backend.chains(&self.geometry, &span, self.options, counters, progress)
    }

    /// Keeps a source's chains for the next tile, if there is room; behind the last one for those who come again
    /// ([`Tracer::keep_chains_to_the_end`]).
    pub(super) fn keep_chains(&mut self, source: usize, trie: ChainTrie, is_last: bool) {
        if !is_last || self.chains.to_the_end {
            self.chains.keep(source, trie);
        }
    }

    /// Says that all tiles will be asked for again, so that chains are kept behind the last one too.
    pub fn keep_chains_to_the_end(&mut self) {
        self.chains.to_the_end = true;
    }

    /// What the user should know of the search.
    pub fn warnings(&self) -> Vec<String> {
        let dropped = self.counters.dropped_chains;
        let text = format!(
            "{dropped} times a chain of reflections was dropped because max_chains was reached: raise it, or lower max_depth"
        );
        (dropped > 0).then_some(text).into_iter().collect()
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
    /// Whether they are kept behind the last tile too.
    to_the_end: bool,
}

impl Chains {
    fn new(sources: usize, room: usize) -> Chains {
        let kept = (0..sources).map(|_| None).collect();
        Chains { kept, counted: vec![false; sources], room, to_the_end: false }
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

/// Measures stages; a stage that comes again adds to its time.
pub struct Clock {
    last: Instant,
    /// Stage and seconds, in order.
    pub timings: Vec<(String, f64)>,
}

impl Clock {
    /// Starts.
    pub(super) fn new() -> Clock {
        Clock { last: Instant::now(), timings: Vec::new() }
    }

    /// Leaves out what was done elsewhere since the last stage.
    pub fn resume(&mut self) {
        self.last = Instant::now();
    }

    /// Ends the stage that is going on and calls it `name`.
    pub fn stage(&mut self, name: &str) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        match self.timings.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds,
            None => self.timings.push((name.to_owned(), seconds)),
        }
    }
}
