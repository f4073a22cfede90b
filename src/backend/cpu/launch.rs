//! Rays of the guided launch on the CPU: tasks of the pool, each at one instruction set.

use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::layout::NONE;
use crate::math::random::fibonacci_direction;
use crate::path::SolverOptions;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::launch::{NewChains, Sight, Target, shoot_at};
use crate::path::search::{self, FoundAtTargets, Shooter, Span};
use crate::progress::Progress;
use rayon::prelude::*;
use std::ops::Range;

/// Rays whose chains wait to be put into the trie together.
const BATCH: u64 = 1 << 18;
/// Rays that one task of the pool follows.
const TASK: u64 = 256;
/// Targets that one task of the pool shoots at.
const TARGETS: usize = 32;

/// Finds the chains that specular paths can take.
pub fn chains(
    level: Level,
    geometry: &Geometry,
    span: &Span,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> Result<ChainTrie> {
    let mut shooter = CpuShooter { level, geometry, options };
    search::chains(&mut shooter, geometry, span, options, counters, progress)
}

/// The CPU as it follows rays.
struct CpuShooter<'a> {
    level: Level,
    geometry: &'a Geometry<'a>,
    options: &'a SolverOptions,
}

impl Shooter for CpuShooter<'_> {
    fn batch(&self) -> u64 {
        BATCH
    }

    fn all_around(&mut self, trie: &ChainTrie, rays: Range<u64>, all_rays: u64) -> Result<Vec<NewChains>> {
        let (geometry, depth) = (self.geometry, self.options.max_depth as usize);
        let shoot = |task: u64| {
            let first = rays.start + task * TASK;
            let own = first..rays.end.min(first + TASK);
            run(self.level, AllAround { geometry, trie, rays: own, all_rays, depth })
        };
        Ok((0..(rays.end - rays.start).div_ceil(TASK)).into_par_iter().map(shoot).collect())
    }

    fn at_targets(&mut self, trie: &ChainTrie, targets: &[Target]) -> Result<Vec<FoundAtTargets>> {
        let (geometry, options) = (self.geometry, self.options);
        let shoot = |targets| run(self.level, AtTargets { geometry, trie, targets, options });
        Ok(targets.par_chunks(TARGETS).map(shoot).collect())
    }
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
        let (mut found, mut chain) = (NewChains::default(), vec![NONE; self.depth]);
        for ray in self.rays {
            found.add::<L>(self.geometry, self.trie, &fibonacci_direction(ray, self.all_rays), &mut chain, (0, &[]));
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
