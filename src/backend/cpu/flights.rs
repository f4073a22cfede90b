//! Rays and segments one by one: what scattering asks for.

use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::is_blocked;
use crate::layout::{Flight, LoneSegment, NONE};
use crate::math::Vec3;
use crate::path::launch::follow_ray;
use rayon::prelude::*;

/// Rays or segments that one task of the pool traces.
const TASK: usize = 128;

/// The facets that rays meet `[flight, depth]`.
pub fn follow(level: Level, geometry: &Geometry, flights: &[Flight], depth: usize) -> Vec<u32> {
    let mut chains = vec![NONE; flights.len() * depth];
    let tasks = flights.par_chunks(TASK).zip(chains.par_chunks_mut((TASK * depth).max(1)));
    tasks.for_each(|(flights, chains)| run(level, Flights { geometry, flights, chains, depth }));
    chains
}

struct Flights<'a> {
    geometry: &'a Geometry<'a>,
    flights: &'a [Flight],
    chains: &'a mut [u32],
    depth: usize,
}

impl Task for Flights<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (flight, chain) in self.flights.iter().zip(self.chains.chunks_exact_mut(self.depth)) {
            let (origin, direction) = (Vec3::from(flight.origin), Vec3::from(flight.direction));
            follow_ray::<L>(self.geometry, &origin, &direction, flight.skip, chain);
        }
    }
}

/// Whether something stands in the way `[segment]`.
pub fn blocked(level: Level, geometry: &Geometry, segments: &[LoneSegment]) -> Vec<bool> {
    let mut blocked = vec![false; segments.len()];
    let tasks = segments.par_chunks(TASK).zip(blocked.par_chunks_mut(TASK));
    tasks.for_each(|(segments, blocked)| run(level, Segments { geometry, segments, blocked }));
    blocked
}

struct Segments<'a> {
    geometry: &'a Geometry<'a>,
    segments: &'a [LoneSegment],
    blocked: &'a mut [bool],
}

impl Task for Segments<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Geometry { scene, bvh, .. } = self.geometry;
        for (segment, blocked) in self.segments.iter().zip(self.blocked) {
            let (from, to) = (Vec3::from(segment.from), Vec3::from(segment.to));
            *blocked = is_blocked::<L>(scene, bvh, [&from, &to], segment.skip);
        }
    }
}
