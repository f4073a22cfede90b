//! The work of the traversal stages, as the engine does it: tiles of rays on the threads of the current pool, each tile
//! entered once at a level of instructions.

use super::site::NO_PATCH;
use crate::geometry::Geometry;
use crate::geometry::bvh::Bvh;
use crate::geometry::simd::{Lanes, Level, Scalar, Task, run};
use crate::geometry::traverse::{Hit, closest_hit, is_blocked};
use crate::geometry::triangle::Ray;
use crate::math::Vec3;
use rayon::prelude::*;

/// Rays of one task of the pool.
const TILE: usize = 4096;

/// How many `rays` meet something.
pub fn closest_hits(level: Level, bvh: &Bvh, rays: &[Ray]) -> u64 {
    rays.par_chunks(TILE).map(|rays| run(level, Tile { bvh, rays })).sum()
}

/// How many `segments` [m, local] are blocked.
pub fn blocked(level: Level, geometry: &Geometry, segments: &[[Vec3; 2]]) -> u64 {
    segments.par_chunks(TILE).map(|segments| run(level, Segments { geometry, segments })).sum()
}

/// The first hit of one ray, where speed does not matter.
pub(super) fn closest_hit_of(bvh: &Bvh, ray: &Ray) -> Option<Hit> {
    closest_hit::<Scalar>(bvh, ray, NO_PATCH)
}

struct Segments<'a> {
    geometry: &'a Geometry<'a>,
    segments: &'a [[Vec3; 2]],
}

impl Task for Segments<'_> {
    type Output = u64;
    #[inline(always)]
    fn run<L: Lanes>(self) -> u64 {
        let (scene, bvh) = (self.geometry.scene, &self.geometry.bvh);
        let mut blocked = 0;
        for [from, to] in self.segments {
            blocked += u64::from(is_blocked::<L>(scene, bvh, [from, to], [NO_PATCH; 2]));
        }
        blocked
    }
}

struct Tile<'a> {
    bvh: &'a Bvh,
    rays: &'a [Ray],
}

impl Task for Tile<'_> {
    type Output = u64;
    #[inline(always)]
    fn run<L: Lanes>(self) -> u64 {
        // A loop, not a closure: a closure is a function of its own and lacks the level's features.
        let mut hits = 0;
        for ray in self.rays {
            // Set up anew, as where rays are made one by one.
            let ray = Ray::new(ray.origin, ray.direction);
            hits += u64::from(closest_hit::<L>(self.bvh, &ray, NO_PATCH).is_some());
        }
        hits
    }
}
