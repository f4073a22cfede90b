//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.

pub mod attached;
pub mod binary;
pub mod bvh;
pub mod clearance;
pub mod cone;
pub mod enclosure;
pub mod facet;
pub mod flood;
pub mod obstacle;
pub mod outline;
mod pages;
pub mod panorama;
pub mod region;
pub mod search;
pub mod simd;
pub mod touch;
pub mod traverse;
pub mod triangle;
mod walk;

use crate::scene::Scene;
use bvh::Bvh;
use facet::Facets;

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
}
