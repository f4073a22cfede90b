//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.

pub mod binary;
pub mod bvh;
pub mod enclosure;
pub mod facet;
pub mod flood;
pub mod search;
pub mod simd;
pub mod touch;
pub mod traverse;
pub mod triangle;

use crate::math::Vec3;
use crate::scene::Scene;
use bvh::Bvh;
use facet::Facets;
use simd::{Lanes, Level, Task, run};

/// All that path finding needs of a scene.
#[derive(Debug, Clone)]
pub struct Geometry<'a> {
    /// The scene.
    pub scene: &'a Scene,
    /// The hierarchy over its triangles.
    pub bvh: Bvh,
    /// Its flat pieces.
    pub facets: Facets,
}

impl<'a> Geometry<'a> {
    /// Builds hierarchy and facets of a scene.
    pub fn new(scene: &'a Scene) -> Geometry<'a> {
        let mut bvh = Bvh::build(scene);
        let facets = Facets::build(scene, &bvh);
        bvh.set_patches(|triangle| facets.patch_of_triangle(triangle));
        Geometry { scene, bvh, facets }
    }

    /// Whether anything stands between two points that lie on the patches `skip` ([`NONE`]: on none).
    ///
    /// [`NONE`]: crate::layout::NONE
    pub fn is_blocked(&self, level: Level, ends: [&Vec3; 2], skip: [u32; 2]) -> bool {
        run(level, Blocked { geometry: self, ends, skip })
    }
}

struct Blocked<'a> {
    geometry: &'a Geometry<'a>,
    ends: [&'a Vec3; 2],
    skip: [u32; 2],
}

impl Task for Blocked<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<L: Lanes>(self) -> bool {
        traverse::is_blocked::<L>(self.geometry.scene, &self.geometry.bvh, self.ends, self.skip)
    }
}
