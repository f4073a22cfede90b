//! Regions: facets that are one surface to a lobe (T80): connected, of one object, with normals that agree within the noise
//! of the mesh. A wall that a scan has broken into a thousand facets is one region.

use super::Geometry;
use super::search::{Region, for_each_in_region};
use crate::layout::NONE;
use crate::math::{Vec3, bounds_of};
use rayon::prelude::*;

/// Facets this near are connected: a share of their size, since facets that are tilted against each other gape [-].
const GAP: f64 = 0.1;

/// The region of each facet `[facet]`: the lowest facet of the region.
///
/// `turn` `[material]` is the largest angle between normals of neighbours [rad]; `None`: facets of the material are regions
/// of their own.
pub fn regions(geometry: &Geometry, turn: &[Option<f64>]) -> Vec<u32> {
    let count = geometry.facets.len() as u32;
    let near: Vec<Vec<u32>> = (0..count).into_par_iter().map(|facet| neighbours(geometry, facet, turn)).collect();
    let mut parent: Vec<u32> = (0..count).collect();
    for (facet, near) in (0..).zip(&near) {
        for other in near {
            let (a, b) = (root(&mut parent, facet), root(&mut parent, *other));
            // The lowest one is the root, so that the result does not depend on the order.
            parent[a.max(b) as usize] = a.min(b);
        }
    }
    (0..count).map(|facet| root(&mut parent, facet)).collect()
}

/// The root of a facet, which everything on the way is hung to.
fn root(parent: &mut [u32], facet: u32) -> u32 {
    let mut top = facet;
    while parent[top as usize] != top {
        top = parent[top as usize];
    }
    let mut at = facet;
    while parent[at as usize] != top {
        at = std::mem::replace(&mut parent[at as usize], top);
    }
    top
}

/// Facets with lower numbers that a facet hangs together with.
fn neighbours(geometry: &Geometry, facet: u32, turn: &[Option<f64>]) -> Vec<u32> {
    let (scene, facets) = (geometry.scene, &geometry.facets);
    let Some(turn) = turn[facets.material[facet as usize] as usize] else { return Vec::new() };
    let object = scene.object_of(facets.triangles_of(facet)[0]);
    let normal = Vec3::from(facets.plane(facet).normal);
    let least = libm::cos(turn);
    let hull = facets.hull_of(facet);
    let (low, high) = bounds_of(hull);
    let gap = GAP * (high - low).norm();
    let room = Vec3::repeat(gap);
    let region = Region { low: low - room, high: high + room, normal: Vec3::zeros(), offset: 0.0, half_thickness: 0.0 };
    let mut near = Vec::new();
    for_each_in_region(&geometry.bvh, &region, |triangle, _| {
        let other = facets.of_triangle[triangle as usize];
        let agrees = || Vec3::from(facets.plane(other).normal).dot(&normal).abs() >= least;
        if other != NONE && other < facet && scene.object_of(triangle) == object && agrees() && !near.contains(&other) {
            near.push(other);
        }
        true
    });
    near
}
