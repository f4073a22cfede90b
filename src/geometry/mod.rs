//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.

pub mod bvh;
pub mod enclosure;
pub mod facet;
pub mod flood;
pub mod simd;
pub mod touch;
pub mod traverse;
pub mod triangle;

use crate::error::Result;
use crate::math::Vec3;
use crate::scene::Scene;
use bvh::Bvh;
use facet::Facets;
use traverse::for_each_crossing;

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
    ///
    /// # Errors
    /// See [`Bvh::build`].
    pub fn new(scene: &'a Scene) -> Result<Geometry<'a>> {
        let mut bvh = Bvh::build(scene)?;
        let facets = Facets::build(scene, &bvh);
        bvh.set_patches(|triangle| facets.patch_of_triangle(triangle));
        Ok(Geometry { scene, bvh, facets })
    }

    /// Whether anything stands between two points that lie on the patches `skip` ([`NONE`]: on none).
    pub fn is_blocked(&self, from: &Vec3, to: &Vec3, skip: [u32; 2]) -> bool {
        let mut blocked = false;
        for_each_crossing(self.scene, &self.bvh, [from, to], skip, |_| {
            blocked = true;
            false
        });
        blocked
    }
}
