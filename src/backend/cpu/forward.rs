//! The rays of a map's sampled part on the CPU (T83).

use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::{closest_hit, is_blocked};
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::map::forward::{Deposit, Forward, Onward, words_of};
use crate::math::Mat3;
use crate::math::random::fibonacci_direction;
use rayon::prelude::*;
use std::ops::Range;

/// Rays that one task of the pool follows.
const TASK: u64 = 256;

/// What the `rays` of a lattice of `count` directions, turned by `turn`, leave on the sheet, in their order; and the segments
/// that it took.
pub fn deposits(
    level: Level,
    forward: &Forward,
    rays: Range<u64>,
    count: u64,
    turn: &Mat3,
    key: [u32; 2],
) -> (Vec<Deposit>, u64) {
    let tasks = (rays.end - rays.start).div_ceil(TASK);
    let parts: Vec<(Vec<Deposit>, u64)> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let first = rays.start + task * TASK;
            run(level, Rays { forward, rays: first..rays.end.min(first + TASK), count, turn, key })
        })
        .collect();
    let segments = parts.iter().map(|(_, segments)| segments).sum();
    (parts.into_iter().flat_map(|(deposits, _)| deposits).collect(), segments)
}

struct Rays<'a> {
    forward: &'a Forward<'a>,
    rays: Range<u64>,
    count: u64,
    turn: &'a Mat3,
    key: [u32; 2],
}

impl Task for Rays<'_> {
    type Output = (Vec<Deposit>, u64);
    #[inline(always)]
    fn run<L: Lanes>(self) -> (Vec<Deposit>, u64) {
        let (mut deposits, mut segments) = (Vec::new(), 0);
        let mut next = Onward::default();
        let Geometry { scene, bvh, .. } = self.forward.geometry;
        for ray in self.rays {
            next.waves.push(self.forward.first(self.turn * fibonacci_direction(ray, self.count)));
            let mut branch = 0;
            while let Some(wave) = next.waves.pop() {
                segments += 1;
                let hit = closest_hit::<L>(bvh, &Ray::from_f64(&wave.origin, &wave.k), wave.skip);
                let reach = hit.map_or(f64::INFINITY, |hit| f64::from(hit.t));
                deposits.extend(self.forward.deposit(&wave, reach));
                if let Some(hit) = hit {
                    let words = words_of(self.key, ray, wave.depth, branch);
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
