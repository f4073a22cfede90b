//! The rounds of the guided launch, and the exhaustive search.

use super::super::Progress;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::random::fibonacci_direction;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::exhaustive::{Balls, expand};
use crate::path::launch::{Aim, NewChains, Shots, Sight, Target, shoot_at};
use crate::path::{CandidateMethod, FEW_CHAINS, SolverOptions};
use rayon::prelude::*;
use std::ops::Range;

/// Rays whose chains wait to be put into the trie together: bounds the memory.
const BATCH: usize = 1 << 18;
/// Rays that one task of the pool follows.
const TASK: usize = 256;
/// Pairs of a chain and a facet that are tried one by one, at the most (T47).
const MOST_SWEPT: u64 = 100_000;
/// Targets that one task of the pool shoots at.
const TARGETS: usize = 32;

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
    let mut search = Search { level, geometry, options, trie, counters: Counters::default(), to_sweep: MOST_SWEPT };
    match options.candidates {
        CandidateMethod::Auto if search.exhaust_few(progress) => {}
        CandidateMethod::Auto => search.launch(progress),
        CandidateMethod::Launch => search.launch(progress),
        CandidateMethod::Exhaustive => {
            let is_whole = search.exhaust(options.max_chains, progress);
            search.counters.dropped_chains = u64::from(!is_whole);
        }
    }
    search.counters.chains = search.trie.len() as u64 - 1;
    counters.add(&search.counters);
    search.trie
}

/// Some rays of the first round.
struct AllAround<'a> {
    geometry: &'a Geometry<'a>,
    trie: &'a ChainTrie,
    rays: Range<u64>,
    all_rays: u64,
    depth: usize,
}

impl Task for AllAround<'_> {
    type Output = NewChains;
    #[inline(always)]
    fn run<L: Lanes>(self) -> NewChains {
        // Loops, not closures: a closure is a function of its own and lacks the level's features.
        let mut found = NewChains::default();
        for ray in self.rays {
            found.add::<L>(self.geometry, self.trie, &fibonacci_direction(ray, self.all_rays), self.depth, (0, &[]));
        }
        found
    }
}

/// The rays of some targets.
struct AtTargets<'a> {
    geometry: &'a Geometry<'a>,
    trie: &'a ChainTrie,
    targets: &'a [Target],
    options: &'a SolverOptions,
}

/// What the rays of some targets met, and the end of each target's chains `[target]`.
type FoundAtTargets = (NewChains, Vec<usize>);

impl Task for AtTargets<'_> {
    type Output = FoundAtTargets;
    #[inline(always)]
    fn run<L: Lanes>(self) -> FoundAtTargets {
        let (mut found, mut sight) = (NewChains::default(), Sight::default());
        let mut ends = Vec::with_capacity(self.targets.len());
        for target in self.targets {
            shoot_at::<L>(self.geometry, self.trie, target, self.options, &mut sight, &mut found);
            ends.push(found.chains.len());
        }
        (found, ends)
    }
}

struct Search<'a> {
    level: Level,
    geometry: &'a Geometry<'a>,
    options: &'a SolverOptions,
    trie: ChainTrie,
    counters: Counters,
    /// Pairs of a chain and a facet behind it that may still be tried one by one.
    to_sweep: u64,
}

impl Search<'_> {
    /// Rays all around, then rays at targets, round by round, until no chain is new.
    fn launch(&mut self, progress: &dyn Progress) {
        self.shoot_all_around(progress);
        let (mut known, mut fruitful) = (1, Vec::new());
        let mut swept = self.targets_swept(0..1);
        while self.counters.dropped_chains == 0 && self.options.rays_per_chain > 0 {
            let new = known..self.trie.len() as u32;
            known = new.end;
            swept.extend(self.targets_swept(new.clone()));
            let targets: Vec<Target> = fruitful.drain(..).chain(self.targets_of(new)).collect();
            if targets.is_empty() && swept.is_empty() {
                break;
            }
            progress.begin("guided launch", (targets.len() + swept.len()) as u64);
            let grew = self.shoot(&targets, progress);
            let again = targets.into_iter().zip(grew).filter(|(target, grew)| *grew && target.aim == Aim::Window);
            fruitful = again.map(|(target, _)| Target { turn: target.turn + 1, ..target }).collect();
            self.shoot(&swept, progress);
            swept.clear();
            self.counters.rounds += 1;
        }
    }

    /// Whether a chain may get longer.
    fn goes_on(&self, node: u32) -> bool {
        self.trie.depth[node as usize] < self.options.max_depth && self.trie.is_in_reach(node)
    }

    /// New chains themselves, for rays to go on behind them and past them.
    fn targets_of(&self, new: Range<u32>) -> Vec<Target> {
        let mut targets = Vec::new();
        for node in new.filter(|node| self.trie.is_in_reach(*node)) {
            let [parent, facet] = [&self.trie.parent, &self.trie.facet].map(|of| of[node as usize]);
            if self.goes_on(node) {
                targets.push(Target { parent, facet, node, turn: 0, aim: Aim::Window });
            }
            targets.push(Target { parent, facet, node, turn: 0, aim: Aim::Rim });
        }
        targets
    }

    /// Every facet behind each new chain, as long as these are few: then small scenes are searched almost exhaustively,
    /// and the first reflection of large ones.
    fn targets_swept(&mut self, new: Range<u32>) -> Vec<Target> {
        let facets = self.geometry.facets.len() as u64;
        let pairs = new.len() as u64 * facets;
        if pairs > self.to_sweep {
            return Vec::new();
        }
        self.to_sweep -= pairs;
        let mut targets = Vec::new();
        for parent in new.filter(|node| self.goes_on(*node)) {
            let unseen = (0..facets as u32).filter(|facet| !self.trie.has_child(parent, *facet));
            targets.extend(unseen.map(|facet| Target { parent, facet, node: NONE, turn: 0, aim: Aim::Unseen }));
        }
        targets
    }

    fn shoot_all_around(&mut self, progress: &dyn Progress) {
        let (rays, depth) = (self.options.rays, self.options.max_depth as usize);
        progress.begin("launch", rays);
        for first in (0..rays).step_by(BATCH) {
            let known = self.trie.len();
            let (geometry, trie, end) = (self.geometry, &self.trie, rays.min(first + BATCH as u64));
            let tasks: Vec<u64> = (first..end).step_by(TASK).collect();
            let shoot = |first: u64| {
                let own = first..end.min(first + TASK as u64);
                run(self.level, AllAround { geometry, trie, rays: own, all_rays: rays, depth })
            };
            for found in tasks.into_par_iter().map(shoot).collect::<Vec<NewChains>>() {
                self.count(found.shots);
                self.insert(&found.chains);
            }
            self.trie.open(&geometry.facets, known);
            progress.advance(end - first);
        }
        self.counters.rounds = 1;
    }

    /// Shoots the rays of all targets; tells for each whether they found a new chain.
    fn shoot(&mut self, targets: &[Target], progress: &dyn Progress) -> Vec<bool> {
        let mut grew = Vec::with_capacity(targets.len());
        for targets in targets.chunks((BATCH / self.options.rays_per_chain.max(1) as usize).max(1)) {
            let known = self.trie.len();
            let (geometry, trie, options) = (self.geometry, &self.trie, self.options);
            let shoot = |targets| run(self.level, AtTargets { geometry, trie, targets, options });
            for (found, ends) in targets.par_chunks(TARGETS).map(shoot).collect::<Vec<FoundAtTargets>>() {
                self.count(found.shots);
                let mut start = 0;
                for end in ends {
                    grew.push(self.insert(&found.chains[start..end]));
                    start = end;
                }
            }
            self.trie.open(&geometry.facets, known);
            progress.advance(targets.len() as u64);
        }
        grew
    }

    fn count(&mut self, [rays, segments]: Shots) {
        self.counters.rays += rays;
        self.counters.segments += segments;
    }

    /// Puts chains that rays met into the trie, in the order of the rays; tells whether one was new.
    fn insert(&mut self, chains: &[u32]) -> bool {
        let mut grew = false;
        for chain in chains.chunks(self.options.max_depth as usize) {
            let inserted = self.trie.insert(chain, self.options.max_chains);
            self.counters.dropped_chains += u64::from(inserted.full);
            grew |= inserted.grew;
        }
        grew
    }

    /// Every chain if there are few; otherwise `false`, and none.
    fn exhaust_few(&mut self, progress: &dyn Progress) -> bool {
        let few = FEW_CHAINS.min(self.options.max_chains);
        // The source sees every facet but those in whose plane it lies: where facets are many, so are chains.
        let is_whole = self.geometry.facets.len() as u64 <= few && self.exhaust(few, progress);
        if !is_whole {
            self.trie = ChainTrie::new(self.trie.image[0]);
        }
        is_whole
    }

    /// Every chain, as long as there are no more than `most`; tells whether these are all.
    fn exhaust(&mut self, most: u64, progress: &dyn Progress) -> bool {
        let facets = &self.geometry.facets;
        let balls = Balls::new(facets);
        progress.begin("exhaustive search", 0);
        let mut node = 0;
        while node < self.trie.len() {
            if self.goes_on(node as u32) && expand(facets, &balls, &mut self.trie, node as u32, most) {
                return false;
            }
            progress.advance(1);
            node += 1;
        }
        true
    }
}
