//! The work of the traversal stages, as the engine does it: tiles of rays on the threads of the current pool, each tile
//! entered once at a level of instructions.

use super::site::NO_PATCH;
use crate::geometry::Geometry;
use crate::geometry::bvh::Bvh;
use crate::geometry::simd::{Lanes, Level, Scalar, Task, run};
use crate::geometry::traverse::{Hit, closest_hit};
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
pub fn blocked(geometry: &Geometry, segments: &[[Vec3; 2]]) -> u64 {
    let is_blocked = |[from, to]: &&[Vec3; 2]| geometry.is_blocked(from, to, [NO_PATCH; 2]);
    segments.par_chunks(TILE).map(|segments| segments.iter().filter(is_blocked).count() as u64).sum()
}

/// The first hit of one ray, where speed does not matter.
pub(super) fn closest_hit_of(bvh: &Bvh, ray: &Ray) -> Option<Hit> {
    closest_hit::<Scalar>(bvh, ray, NO_PATCH)
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
