//! The rays of a map's sampled part on the CPU (T83).

use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::{closest_hit, is_blocked};
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::map::forward::{Deposit, Forward, Onward, words_of};
use crate::map::replicates::{Lattice, Sums};
use crate::math::random::fibonacci_direction;
use rayon::prelude::*;
use std::ops::Range;

/// Rays that one task of the pool follows.
const TASK: u64 = 256;

/// Adds what the rays of some `lattices` leave on the sheet; the segments that it took.
pub fn sample(level: Level, forward: &Forward, lattices: &[Lattice], sums: &mut Sums) -> u64 {
    let mut all = 0;
    for lattice in lattices {
        let (deposits, segments) = deposits(level, forward, lattice);
        sums.add(&deposits, lattice.scale(forward.frequency));
        all += segments;
    }
    all
}

/// What the rays of a lattice leave on the sheet, in their order; and the segments that it took.
fn deposits(level: Level, forward: &Forward, lattice: &Lattice) -> (Vec<Deposit>, u64) {
    let tasks = lattice.rays.div_ceil(TASK);
    let parts: Vec<(Vec<Deposit>, u64)> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let first = task * TASK;
            run(level, Rays { forward, rays: first..lattice.rays.min(first + TASK), lattice })
        })
        .collect();
    let segments = parts.iter().map(|(_, segments)| segments).sum();
    (parts.into_iter().flat_map(|(deposits, _)| deposits).collect(), segments)
}

struct Rays<'a> {
    forward: &'a Forward<'a>,
    rays: Range<u64>,
    lattice: &'a Lattice,
}

impl Task for Rays<'_> {
    type Output = (Vec<Deposit>, u64);
    #[inline(always)]
    fn run<L: Lanes>(self) -> (Vec<Deposit>, u64) {
        let (mut deposits, mut segments) = (Vec::new(), 0);
        let mut next = Onward::default();
        let Geometry { scene, bvh, .. } = self.forward.geometry;
        let Lattice { rays: count, turn, key } = self.lattice;
        for ray in self.rays {
            next.waves.push(self.forward.first(turn * fibonacci_direction(ray, *count)));
            let mut branch = 0;
            while let Some(wave) = next.waves.pop() {
                segments += 1;
                let hit = closest_hit::<L>(bvh, &Ray::from_f64(&wave.origin, &wave.k), wave.skip);
                let reach = hit.map_or(f64::INFINITY, |hit| f64::from(hit.t));
                deposits.extend(self.forward.deposit(&wave, reach));
                if let Some(hit) = hit {
                    let words = words_of(*key, ray, wave.depth, branch);
                    branch += 1;
                    self.forward.met(&wave, (hit.triangle, hit.patch, f64::from(hit.t)), words, &mut next);
                }
                for sight in next.sights.drain(..) {
                    segments += 1;
                    if !is_blocked::<L>(scene, bvh, [&sight.from, &sight.to], [sight.skip, NONE]) {
                        deposits.push(sight.deposit);
                    }
                }
            }
        }
        (deposits, segments)
    }
}
