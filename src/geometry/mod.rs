//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.

pub mod attached;
pub mod binary;
pub mod bvh;
pub mod clearance;
pub mod cone;
pub mod enclosure;
pub mod facet;
pub mod flood;
mod near;
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

/// A scene of triangles that share no corner, in one object and without a material.
#[cfg(test)]
fn scene_of(triangles: &[[crate::math::Vec3; 3]]) -> Scene {
    let count = triangles.len() as u32;
    Scene {
        origin: crate::math::Vec3::zeros(),
        vertices: triangles.concat(),
        triangles: (0..count).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
        degenerate: vec![false; count as usize],
        objects: vec![crate::scene::Object {
            name: String::new(),
            material: 0,
            first_triangle: 0,
            triangle_count: count,
        }],
        materials: Vec::new(),
        warnings: Vec::new(),
    }
}
