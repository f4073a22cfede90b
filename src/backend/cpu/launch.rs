//! The rounds of the guided launch, and the exhaustive search.

use super::super::Progress;
use crate::geometry::Geometry;
use crate::math::Vec3;
use crate::math::random::fibonacci_direction;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::exhaustive::{Balls, expand};
use crate::path::launch::{aim, follow_ray, insert};
use crate::path::{CandidateMethod, SolverOptions};
use rayon::prelude::*;

/// Rays whose chains wait to be put into the trie together: bounds the memory.
const BATCH: usize = 1 << 18;
/// Rays that one task of the pool follows.
const TASK: usize = 256;

/// Finds the chains that specular paths from `source` can take.
pub fn chains(
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
    let mut search = Search { geometry, options, trie, counters: Counters::default() };
    match options.candidates {
        CandidateMethod::Launch => search.launch(progress),
        CandidateMethod::Exhaustive => search.exhaust(progress),
    }
    search.counters.chains = search.trie.len() as u64 - 1;
    counters.add(&search.counters);
    search.trie
}

struct Search<'a> {
    geometry: &'a Geometry<'a>,
    options: &'a SolverOptions,
    trie: ChainTrie,
    counters: Counters,
}

impl Search<'_> {
    /// Rays all around, then rays through the windows of chains, round by round, until none is new.
    fn launch(&mut self, progress: &dyn Progress) {
        let rays = self.options.rays;
        progress.begin("launch", rays);
        let all: Vec<(u32, u32)> = Vec::new();
        let mut first = 0;
        while first < rays {
            let count = (rays - first).min(BATCH as u64) as usize;
            let direction = |ray: usize| fibonacci_direction(first + ray as u64, rays);
            self.shoot(count, direction, &all, &mut Vec::new());
            first += count as u64;
            progress.advance(count as u64);
        }
        self.counters.rounds = 1;
        let per_chain = self.options.rays_per_chain;
        // Samples that each chain has had.
        let mut samples: Vec<u32> = Vec::new();
        let mut aimed_from = 1;
        let mut active: Vec<u32> = Vec::new();
        while self.counters.dropped_chains == 0 && per_chain > 0 {
            active.extend(aimed_from as u32..self.trie.len() as u32);
            active.retain(|node| self.trie.depth[*node as usize] < self.options.max_depth);
            if active.is_empty() {
                break;
            }
            aimed_from = self.trie.len();
            samples.resize(self.trie.len(), 0);
            progress.begin("guided launch", active.len() as u64 * u64::from(per_chain));
            active = self.round(&active, &mut samples, progress);
            self.counters.rounds += 1;
        }
    }

    /// Shoots `rays_per_chain` rays for each active chain; returns those whose rays found new chains.
    fn round(&mut self, active: &[u32], samples: &mut [u32], progress: &dyn Progress) -> Vec<u32> {
        let per_chain = self.options.rays_per_chain;
        let mut fruitful = Vec::new();
        for nodes in active.chunks((BATCH / per_chain as usize).max(1)) {
            let aimed: Vec<(u32, u32)> = nodes
                .iter()
                .flat_map(|node| (0..per_chain).map(|sample| (*node, samples[*node as usize] + sample)))
                .collect();
            let directions: Vec<Vec3> = aimed
                .par_iter()
                .with_min_len(TASK)
                .map(|(node, sample)| {
                    aim(&self.geometry.facets, &self.trie, *node, *sample, per_chain, self.options.seed)
                })
                .collect();
            self.shoot(aimed.len(), |ray| directions[ray], &aimed, &mut fruitful);
            for node in nodes {
                samples[*node as usize] += per_chain;
            }
            progress.advance(aimed.len() as u64);
        }
        fruitful.dedup();
        fruitful
    }

    /// Follows `count` rays and puts their chains into the trie, in the order of the rays. A ray aimed for a node that
    /// finds a new chain adds the node to `fruitful`.
    fn shoot(
        &mut self,
        count: usize,
        direction: impl Fn(usize) -> Vec3 + Sync,
        aimed: &[(u32, u32)],
        fruitful: &mut Vec<u32>,
    ) {
        let depth = self.options.max_depth as usize;
        let source = self.trie.image[0];
        let mut found = vec![0u32; count * depth];
        let segments: u64 = found
            .par_chunks_mut(TASK * depth)
            .enumerate()
            .map(|(task, chains)| {
                let rays = chains.chunks_mut(depth).enumerate();
                rays.map(|(ray, chain)| follow_ray(self.geometry, &source, &direction(task * TASK + ray), chain))
                    .sum::<u64>()
            })
            .sum();
        self.counters.rays += count as u64;
        self.counters.segments += segments;
        for (ray, chain) in found.chunks(depth).enumerate() {
            let (grew, full) = insert(&self.geometry.facets, &mut self.trie, chain, self.options.max_chains);
            if grew && let Some((node, _)) = aimed.get(ray) {
                fruitful.push(*node);
            }
            self.counters.dropped_chains += u64::from(full);
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
