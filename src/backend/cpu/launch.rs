//! The rounds of the guided launch, and the exhaustive search.

use super::super::Progress;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::math::Vec3;
use crate::math::random::fibonacci_direction;
use crate::path::beam::Clip;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::exhaustive::{Balls, expand};
use crate::path::launch::{Target, follow_ray, insert, shoot_at};
use crate::path::{CandidateMethod, SolverOptions};
use rayon::prelude::*;
use std::collections::HashSet;
use std::ops::Range;

/// Rays whose chains wait to be put into the trie together: bounds the memory.
const BATCH: usize = 1 << 18;
/// Rays that one task of the pool follows.
const TASK: usize = 256;
/// A facet beside a chain gets half the rays of one behind it: it is small, or other rays would have met it.
const RAYS_BEHIND_TO_BESIDE: u32 = 2;

/// Finds the chains that specular paths from `source` can take.
pub fn chains(
    level: Level,
    geometry: &Geometry,
    source: &Vec3,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> ChainTrie {
    let trie = ChainTrie::new(*source);
    if options.max_depth == 0 || !options.reflection {
        return trie;
    }
    let mut search = Search { level, geometry, options, trie, counters: Counters::default() };
    match options.candidates {
        CandidateMethod::Launch => search.launch(progress),
        CandidateMethod::Exhaustive => search.exhaust(progress),
    }
    search.counters.chains = search.trie.len() as u64 - 1;
    counters.add(&search.counters);
    search.trie
}

/// Pairs of a chain and a facet that are tried one by one, at the most: bounds the memory.
const MOST_SWEPT: u64 = 1 << 20;
/// Targets that one task of the pool shoots at.
const TARGETS: usize = 32;

/// Rays and segments traced.
type Shots = [u64; 2];

fn add_shots(a: Shots, b: Shots) -> Shots {
    [a[0] + b[0], a[1] + b[1]]
}

/// Rays of the first round, from `first` on.
struct AllAround<'a> {
    geometry: &'a Geometry<'a>,
    source: &'a Vec3,
    first: u64,
    rays: u64,
    depth: usize,
    chains: &'a mut [u32],
}

impl Task for AllAround<'_> {
    type Output = Shots;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Shots {
        // Loops, not closures: a closure is a function of its own and lacks the level's features.
        let mut shots = [0; 2];
        for (ray, chain) in (self.first..).zip(self.chains.chunks_mut(self.depth)) {
            let direction = fibonacci_direction(ray, self.rays);
            shots = add_shots(shots, [1, follow_ray::<L>(self.geometry, self.source, &direction, chain)]);
        }
        shots
    }
}

/// The rays of some targets.
struct AtTargets<'a> {
    geometry: &'a Geometry<'a>,
    trie: &'a ChainTrie,
    targets: &'a [Target],
    seed: u64,
    depth: usize,
    chains: &'a mut [u32],
}

impl Task for AtTargets<'_> {
    type Output = Shots;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Shots {
        let mut clip = Clip::default();
        let chains = self.chains.chunks_mut(self.targets[0].rays as usize * self.depth);
        let mut shots = [0; 2];
        for (target, chains) in self.targets.iter().zip(chains) {
            let segments = shoot_at::<L>(self.geometry, self.trie, target, self.seed, &mut clip, chains);
            // A target out of reach gets no rays.
            let rays = if segments == 0 { 0 } else { u64::from(target.rays) };
            shots = add_shots(shots, [rays, segments]);
        }
        shots
    }
}

struct Search<'a> {
    level: Level,
    geometry: &'a Geometry<'a>,
    options: &'a SolverOptions,
    trie: ChainTrie,
    counters: Counters,
}

impl Search<'_> {
    /// Rays all around, then rays at targets, round by round, until no chain is new.
    fn launch(&mut self, progress: &dyn Progress) {
        self.shoot_all_around(progress);
        // Rays that each chain has had; chains whose last rays found something; targets that were tried beside chains.
        let mut samples = vec![0; 1];
        let mut fruitful: Vec<u32> = Vec::new();
        let mut tried: HashSet<(u32, u32)> = HashSet::new();
        let mut sweep = self.targets_swept(0..1, &mut tried);
        while self.counters.dropped_chains == 0 && self.options.rays_per_chain > 0 {
            let new = samples.len() as u32..self.trie.len() as u32;
            samples.resize(self.trie.len(), 0);
            let mut beside = std::mem::take(&mut sweep);
            beside.extend(self.targets_beside(new.clone(), &mut tried));
            beside.extend(self.targets_swept(new.clone(), &mut tried));
            let nodes = fruitful.iter().copied().chain(new);
            let nodes: Vec<u32> =
                nodes.filter(|node| self.trie.depth[*node as usize] < self.options.max_depth).collect();
            let behind = self.targets_behind(&nodes, &mut samples);
            if behind.is_empty() && beside.is_empty() {
                break;
            }
            progress.begin("guided launch", (behind.len() + beside.len()) as u64);
            let grew = self.shoot(&behind, progress);
            fruitful = nodes.into_iter().zip(grew).filter(|(_, grew)| *grew).map(|(node, _)| node).collect();
            self.shoot(&beside, progress);
            self.counters.rounds += 1;
        }
    }

    /// The last facets of chains themselves, for rays to go on behind them.
    fn targets_behind(&self, nodes: &[u32], samples: &mut [u32]) -> Vec<Target> {
        let rays = self.options.rays_per_chain;
        let mut target_of = |node: usize| {
            samples[node] += rays;
            Target { parent: self.trie.parent[node], facet: self.trie.facet[node], sample: samples[node] - rays, rays }
        };
        nodes.iter().map(|node| target_of(*node as usize)).collect()
    }

    /// Every facet behind each new chain, as long as these are few: then small scenes are searched almost exhaustively,
    /// and the first reflection of large ones.
    fn targets_swept(&self, new: Range<u32>, tried: &mut HashSet<(u32, u32)>) -> Vec<Target> {
        let rays = self.rays_beside();
        let facets = self.geometry.facets.len() as u64;
        if tried.len() as u64 + new.len() as u64 * facets > self.options.rays.min(MOST_SWEPT) {
            return Vec::new();
        }
        let mut targets = Vec::new();
        for parent in new.filter(|node| self.trie.depth[*node as usize] < self.options.max_depth) {
            for facet in 0..facets as u32 {
                if !self.trie.has_child(parent, facet) && tried.insert((parent, facet)) {
                    targets.push(Target { parent, facet, sample: 0, rays });
                }
            }
        }
        targets
    }

    fn rays_beside(&self) -> u32 {
        self.options.rays_per_chain.div_ceil(RAYS_BEHIND_TO_BESIDE)
    }

    /// The facets that touch the last one of each new chain and are not known behind the same parent.
    fn targets_beside(&self, new: Range<u32>, tried: &mut HashSet<(u32, u32)>) -> Vec<Target> {
        let rays = self.rays_beside();
        let mut targets = Vec::new();
        for node in new {
            let parent = self.trie.parent[node as usize];
            for facet in self.geometry.facets.neighbours_of(self.trie.facet[node as usize]) {
                if !self.trie.has_child(parent, *facet) && tried.insert((parent, *facet)) {
                    targets.push(Target { parent, facet: *facet, sample: 0, rays });
                }
            }
        }
        targets
    }

    fn shoot_all_around(&mut self, progress: &dyn Progress) {
        let (rays, depth) = (self.options.rays, self.options.max_depth as usize);
        progress.begin("launch", rays);
        let source = self.trie.image[0];
        for first in (0..rays).step_by(BATCH) {
            let count = (rays - first).min(BATCH as u64) as usize;
            let mut found = vec![0u32; count * depth];
            let tasks = found.par_chunks_mut(TASK * depth).enumerate().map(|(task, chains)| {
                let first = first + (task * TASK) as u64;
                run(self.level, AllAround { geometry: self.geometry, source: &source, first, rays, depth, chains })
            });
            self.count(tasks.reduce(|| [0; 2], add_shots));
            self.insert(&found, count, &mut []);
            progress.advance(count as u64);
        }
        self.counters.rounds = 1;
    }

    /// Shoots the rays of all targets, which have equally many; tells for each whether they found a new chain.
    fn shoot(&mut self, targets: &[Target], progress: &dyn Progress) -> Vec<bool> {
        let mut grew = vec![false; targets.len()];
        let Some(rays) = targets.first().map(|target| target.rays as usize) else { return grew };
        let depth = self.options.max_depth as usize;
        let batch = (BATCH / rays).max(1);
        for (targets, grew) in targets.chunks(batch).zip(grew.chunks_mut(batch)) {
            let mut found = vec![0u32; targets.len() * rays * depth];
            let (trie, seed) = (&self.trie, self.options.seed);
            let shots = found.par_chunks_mut(TARGETS * rays * depth).zip(targets.par_chunks(TARGETS));
            let tasks = shots.map(|(chains, targets)| {
                run(self.level, AtTargets { geometry: self.geometry, trie, targets, seed, depth, chains })
            });
            self.count(tasks.reduce(|| [0; 2], add_shots));
            self.insert(&found, targets.len() * rays, grew);
            progress.advance(targets.len() as u64);
        }
        grew
    }

    fn count(&mut self, [rays, segments]: Shots) {
        self.counters.rays += rays;
        self.counters.segments += segments;
    }

    /// Puts the chains that rays met into the trie, in the order of the rays, and notes which targets found a new one.
    fn insert(&mut self, found: &[u32], rays: usize, grew: &mut [bool]) {
        let rays_per_target = rays.checked_div(grew.len()).unwrap_or(1);
        for (ray, chain) in found.chunks(self.options.max_depth as usize).enumerate() {
            let (new, full) = insert(&self.geometry.facets, &mut self.trie, chain, self.options.max_chains);
            self.counters.dropped_chains += u64::from(full);
            if let Some(grew) = grew.get_mut(ray / rays_per_target) {
                *grew |= new;
            }
        }
    }

    fn exhaust(&mut self, progress: &dyn Progress) {
        let facets = &self.geometry.facets;
        let balls = Balls::new(facets);
        progress.begin("exhaustive search", 0);
        let mut node = 0;
        while node < self.trie.len() {
            if self.trie.depth[node] < self.options.max_depth
                && expand(facets, &balls, &mut self.trie, node as u32, self.options.max_chains)
            {
                self.counters.dropped_chains += 1;
                return;
            }
            progress.advance(1);
            node += 1;
        }
    }
}
