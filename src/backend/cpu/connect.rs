//! All chains against all receivers.

use crate::geometry::Geometry;
use crate::geometry::simd::Level;
use crate::math::Vec3;
use crate::path::beam::Frustum;
use crate::path::chain::ChainTrie;
use crate::path::corners::slips_through;
use crate::path::counters::Counters;
use crate::path::receivers::ReceiverBoxes;
use crate::path::refine::{Rejection, Vertex, refine};
use crate::path::{FoundPaths, SolverOptions};
use crate::progress::Progress;
use rayon::prelude::*;

/// Chains that one task of the pool tries.
const TASK: usize = 64;
/// Receivers that one task of the pool looks for a direct path to: some ten microseconds, for no less is another thread woken.
const DIRECT: usize = 256;

/// Finds the paths over all chains of `trie` to all receivers of `boxes`.
pub fn connect(
    level: Level,
    geometry: &Geometry,
    trie: &ChainTrie,
    boxes: &ReceiverBoxes,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> FoundPaths {
    progress.begin("connect", trie.len() as u64);
    let mut parts: Vec<(FoundPaths, Counters)> = Vec::new();
    if options.line_of_sight {
        let (receivers, positions) = boxes.all();
        let tasks = receivers.par_chunks(DIRECT).zip(positions.par_chunks(DIRECT));
        parts = tasks
            .map(|(receivers, positions)| {
                let mut task_of = Task::new(level, geometry, trie);
                for (receiver, position) in receivers.iter().zip(positions) {
                    task_of.connect(0, *receiver, position);
                }
                task_of.done()
            })
            .collect();
    }
    let tasks = trie.len().div_ceil(TASK);
    parts.par_extend((0..tasks).into_par_iter().map(|task| {
        let mut task_of = Task::new(level, geometry, trie);
        let nodes = (task * TASK).max(1)..((task + 1) * TASK).min(trie.len());
        progress.advance(nodes.len() as u64);
        for node in nodes.filter(|node| trie.is_in_reach(*node as u32)) {
            task_of.connect_all(node as u32, boxes);
        }
        task_of.done()
    }));
    let mut all = FoundPaths::default();
    for (found, count) in &parts {
        all.append(found);
        counters.add(count);
    }
    all
}

/// One task's paths and scratch space.
struct Task<'a> {
    level: Level,
    geometry: &'a Geometry<'a>,
    trie: &'a ChainTrie,
    frustum: Frustum,
    vertices: Vec<Vertex>,
    found: FoundPaths,
    counters: Counters,
}

impl<'a> Task<'a> {
    fn new(level: Level, geometry: &'a Geometry<'a>, trie: &'a ChainTrie) -> Task<'a> {
        let (frustum, vertices) = (Frustum::default(), Vec::new());
        Task { level, geometry, trie, frustum, vertices, found: FoundPaths::default(), counters: Counters::default() }
    }

    /// Tries a chain with every receiver in its beam.
    fn connect_all(&mut self, node: u32, boxes: &ReceiverBoxes) {
        let mut frustum = std::mem::take(&mut self.frustum);
        let facets = &self.geometry.facets;
        boxes.for_each_in_beam(facets, self.trie, node, &mut frustum, |receiver, position| {
            self.connect(node, receiver, position);
        });
        self.frustum = frustum;
    }

    fn connect(&mut self, node: u32, receiver: u32, position: &Vec3) {
        self.counters.candidates += 1;
        let refined = refine(self.level, self.geometry, self.trie, node, position, &mut self.vertices);
        let count = &mut self.counters;
        match refined {
            Ok(_) if slips_through(self.geometry, &self.trie.image[0], position, &self.vertices) => count.blocked += 1,
            Ok(length) => self.found.push(receiver, length, &self.vertices),
            Err(Rejection::OffFacet) => count.off_facet += 1,
            Err(Rejection::WrongSide) => count.wrong_side += 1,
            Err(Rejection::Degenerate) if node == 0 => count.coincident_devices += 1,
            Err(Rejection::Degenerate) => count.degenerate += 1,
            Err(Rejection::Coincident) => count.coincident += 1,
            Err(Rejection::Blocked) => count.blocked += 1,
        }
    }

    fn done(self) -> (FoundPaths, Counters) {
        (self.found, self.counters)
    }
}
