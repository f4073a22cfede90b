//! The rays of a map's sampled part on the CPU (T83).

use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::panorama::Panorama;
use crate::geometry::search::meets_before;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::{closest_hit, is_blocked};
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::map::bundle::Recording;
use crate::map::forward::{Deposit, Forward, Lots};
use crate::map::replicates::{Lattice, Sums};
use crate::map::target::Crossing;
use crate::map::way::{How, Take, Way};
use crate::math::Vec3;
use crate::math::random::turned_directions;
use rayon::prelude::*;
use std::ops::Range;

/// Rays that one task of the pool follows.
const TASK: u64 = 1024;
/// Rays whose beginnings are looked up together.
const AT_ONCE: usize = 16;
/// Tasks whose records are in memory at once.
const TASKS_AT_ONCE: usize = 64;

/// Adds what the rays of some `lattices` leave on the sheet; the segments that it took.
pub fn sample(level: Level, forward: &Forward, lattices: &[Lattice], sums: &mut Sums) -> u64 {
    let rays = lattices.iter().map(|lattice| lattice.rays).sum();
    let panorama = Panorama::new(level, &forward.geometry.bvh, &forward.position, rays);
    let mut add = |(left, scale): &(Left, f64)| sums.add(left.iter().flat_map(|(deposits, _)| deposits), *scale);
    let (mut all, mut before) = (0, (Left::new(), 0.0));
    for lattice in lattices {
        // One thread adds up what a lattice has left while the others trace the next one.
        let ((), left) = rayon::join(|| add(&before), || deposits(level, forward, &panorama, lattice));
        all += left.iter().map(|(_, segments)| segments).sum::<u64>();
        before = (left, lattice.scale(forward.frequency));
    }
    add(&before);
    all
}

/// What the rays of each task leave on the sheet, in their order, and the segments that it took.
type Left = Vec<(Vec<Deposit>, u64)>;

/// What the rays of a lattice leave on the sheet.
fn deposits(level: Level, forward: &Forward, panorama: &Panorama, lattice: &Lattice) -> Left {
    (0..lattice.rays.div_ceil(TASK))
        .into_par_iter()
        .map(|task| run(level, Rays::of_task(level, task, forward, panorama, lattice, Vec::new())))
        .collect()
}

/// Lets the rays of some `lattices`, one after another, take their ways once more, and puts what the `recording` makes of
/// those of each task into `put`, in their order; gains are multiplied by the lattice's scale and `scale` (T98).
///
/// # Errors
/// What the recording or `put` fails on.
pub fn retrace<R: Default + Send>(
    level: Level,
    forward: &Forward,
    (lattices, scale): (&[Lattice], f64),
    recording: &Recording<R>,
    put: &mut dyn FnMut(R) -> Result<()>,
) -> Result<()> {
    let rays = lattices.iter().map(|lattice| lattice.rays).sum();
    let panorama = Panorama::new(level, &forward.geometry.bvh, &forward.position, rays);
    for lattice in lattices {
        let scale = scale * lattice.scale(forward.frequency);
        let tasks = lattice.rays.div_ceil(TASK);
        for first in (0..tasks).step_by(TASKS_AT_ONCE) {
            let some = first..tasks.min(first + TASKS_AT_ONCE as u64);
            let done: Vec<Result<R>> = some
                .into_par_iter()
                .map(|task| {
                    let recorder = recording.start(scale);
                    run(level, Rays::of_task(level, task, forward, &panorama, lattice, recorder)).0.finish()
                })
                .collect();
            for one in done {
                put(one?)?;
            }
        }
    }
    Ok(())
}

/// Some rays of a lattice.
struct Rays<'a, T> {
    level: Level,
    forward: &'a Forward<'a>,
    panorama: &'a Panorama,
    rays: Range<u64>,
    lattice: &'a Lattice,
    left: T,
    segments: u64,
}

impl<'a, T> Rays<'a, T> {
    fn of_task(
        level: Level,
        task: u64,
        forward: &'a Forward<'a>,
        panorama: &'a Panorama,
        lattice: &'a Lattice,
        left: T,
    ) -> Rays<'a, T> {
        let first = task * TASK;
        Rays { level, forward, panorama, rays: first..lattice.rays.min(first + TASK), lattice, left, segments: 0 }
    }
}

/// Where some rays of a lattice begin to go: from `first` on.
struct Beginnings<'a> {
    panorama: &'a Panorama,
    lattice: &'a Lattice,
    first: u64,
}

impl Task for Beginnings<'_> {
    /// Directions `[axis][ray]`, and the leaves that they may meet first.
    type Output = ([[f64; AT_ONCE]; 3], [Range<u32>; AT_ONCE]);
    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let directions = turned_directions(self.first, self.lattice.rays, &self.lattice.turn);
        let leaves = self.panorama.leaves(&directions);
        (directions, leaves)
    }
}

impl<T: Take> Task for Rays<'_, T> {
    type Output = (T, u64);
    #[inline(always)]
    fn run<L: Lanes>(mut self) -> (T, u64) {
        let key = self.lattice.key;
        let mut way = Way::new(self.forward.position);
        for first in self.rays.clone().step_by(AT_ONCE) {
            let rays = first..self.rays.end.min(first + AT_ONCE as u64);
            // Registers of 512 bits would slow down all that comes behind.
            let begin = Beginnings { panorama: self.panorama, lattice: self.lattice, first };
            let (directions, leaves) = run(self.level.min(Level::Avx2), begin);
            self.segments += rays.end - rays.start;
            for (lane, (ray, leaves)) in rays.zip(leaves).enumerate() {
                // Half of all rays end in the sky.
                if !leaves.is_empty() {
                    way.begin(Vec3::from(directions.map(|row| row[lane])));
                    self.follow::<L>(&mut way, leaves, &Lots { key, ray });
                }
            }
        }
        (self.left, self.segments)
    }
}

impl<T: Take> Rays<'_, T> {
    /// Follows a ray from where it begins, where it may meet some `leaves`.
    #[inline(always)]
    fn follow<L: Lanes>(&mut self, way: &mut Way, leaves: Range<u32>, lots: &Lots) {
        let forward = self.forward;
        while way.depth() < forward.max_depth {
            let leg = way.turns.len();
            let (bvh, k) = (&forward.geometry.bvh, way.k(leg));
            let hit = match leg {
                0 => self.panorama.closest_hit::<L>(bvh, &k, leaves.clone()),
                _ => {
                    self.segments += 1;
                    closest_hit::<L>(bvh, &Ray::from_f64(&way.origin(leg), &k), way.skip(leg))
                }
            };
            let reach = hit.map_or(f64::INFINITY, |hit| f64::from(hit.t));
            if let Some(crossing) = forward.crossing(way).filter(|crossing| crossing.distance < reach) {
                self.leave(way, &crossing);
            }
            let Some(hit) = hit else { return };
            let mut goes_on = false;
            for turn in forward.turns(way, (hit.triangle, hit.patch, reach), lots).into_iter().flatten() {
                way.push(turn);
                self.look::<L>(way, lots);
                if turn.how == How::Lobe {
                    if turn.goes_on() {
                        self.end::<L>(way);
                    }
                    way.pop();
                } else {
                    goes_on = turn.goes_on();
                }
            }
            if !goes_on {
                return;
            }
        }
        self.end::<L>(way);
    }

    /// The last leg of a wave, which matters as far as the sheet alone.
    #[inline(always)]
    fn end<L: Lanes>(&mut self, way: &mut Way) {
        self.segments += 1;
        let Some(crossing) = self.forward.crossing(way) else { return };
        let leg = way.turns.len();
        let ray = Ray::from_f64(&way.origin(leg), &way.k(leg));
        if !meets_before::<L>(&self.forward.geometry.bvh, &ray, way.skip(leg), crossing.distance) {
            self.leave(way, &crossing);
        }
    }

    /// Leaves what crosses the sheet.
    #[inline(always)]
    fn leave(&mut self, way: &mut Way, crossing: &Crossing) {
        if let Some(deposit) = self.forward.deposit(way, crossing) {
            self.left.take(way, &crossing.point, deposit);
        }
    }

    /// Looks from where a wave is scattered at a point of the sheet.
    #[inline(always)]
    fn look<L: Lanes>(&mut self, way: &mut Way, lots: &Lots) {
        let Some(sight) = self.forward.sight(way, lots) else { return };
        self.segments += 1;
        let Geometry { scene, bvh, .. } = self.forward.geometry;
        // Most points are hidden: what is left there is worked out for the others alone.
        if is_blocked::<L>(scene, bvh, [&sight.from, &sight.to], [sight.skip, NONE]) {
            return;
        }
        if let Some(deposit) = self.forward.seen(way, &sight) {
            self.left.take(way, &sight.to, deposit);
        }
    }
}
