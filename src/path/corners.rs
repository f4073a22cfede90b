//! Where paths turn: whether one slips through there (T45).
//!
//! Segments do not see what they touch at their ends, so that a path could pass a wall whose edge lies at the very point
//! where it is reflected. Here the corner is cut off: what parts the ways before and behind it has to cross the cut.
//!
//! Rays of f32 do not know, where two surfaces meet, which of them they met first, nor on which side of one they start
//! from the other. Points where that may be ([`is_at_seam`]) are rare; legs that begin or end there are looked at again.
//!
//! Twin: cuda/path/corners.cuh.

use super::counters::Counters;
use super::found::FoundPaths;
use super::receivers::ReceiverBoxes;
use super::refine::Vertex;
use crate::geometry::Geometry;
use crate::geometry::search::{Region, crosses_anything, for_each_crossing, for_each_in_region};
use crate::layout::TOUCH_M;
use crate::math::Vec3;
use rayon::prelude::*;

/// Corners are cut off as far from them as this [m], or in the middle of a shorter segment: beyond what segments do not
/// see.
const CUT_M: f64 = 2.0 * TOUCH_M;

/// Whether a path from `source` over `vertices` to `receiver` [m, local], no segment of which is blocked, slips through
/// something at a vertex.
pub fn slips_through(geometry: &Geometry, source: &Vec3, receiver: &Vec3, vertices: &[Vertex]) -> bool {
    (0..vertices.len()).any(|i| {
        let before = if i == 0 { source } else { &vertices[i - 1].position };
        let behind = vertices.get(i + 1).map_or(receiver, |vertex| &vertex.position);
        let patch = geometry.facets.patch[vertices[i].facet as usize];
        turns_through(geometry, before, (&vertices[i].position, patch), behind)
    })
}

/// Whether something other than its own `patch` stands in the corner that a path has at `vertex`, between `before` and
/// `behind`.
pub fn turns_through(geometry: &Geometry, before: &Vec3, (vertex, patch): (&Vec3, u32), behind: &Vec3) -> bool {
    let cut = |end: &Vec3| {
        let way = end - vertex;
        let length = way.norm();
        vertex + way * (CUT_M / length).min(0.5)
    };
    crosses_anything(geometry.scene, &geometry.bvh, [&cut(before), &cut(behind)], patch)
}

/// Whether a triangle of another patch may be so near to a point of `patch` that f32 cannot tell the two apart.
pub fn is_at_seam(geometry: &Geometry, patch: u32, point: &Vec3) -> bool {
    /// Roundings of the largest coordinate in the place where a ray meets a surface: those of its origin, its direction,
    /// the shear and the distance, with some to spare.
    const ROUNDINGS: f64 = 32.0;
    let Geometry { scene, bvh, .. } = geometry;
    let near = CUT_M + ROUNDINGS * f64::from(f32::EPSILON) / 2.0 * f64::from(bvh.reach).max(point.amax());
    let reach = Vec3::repeat(near);
    let region =
        Region { low: point - reach, high: point + reach, normal: Vec3::zeros(), offset: 0.0, half_thickness: 0.0 };
    let mut seam = false;
    for_each_in_region(bvh, &region, |triangle, other| {
        seam = other != patch && is_about(&scene.corners(triangle), point, near);
        !seam
    });
    seam
}

/// Whether a point is within `near` [m] of a triangle's box and of its plane.
fn is_about([a, b, c]: &[Vec3; 3], point: &Vec3, near: f64) -> bool {
    let (low, high) = (a.inf(b).inf(c), a.sup(b).sup(c));
    let normal = (b - a).cross(&(c - a));
    (0..3).all(|axis| point[axis] >= low[axis] - near && point[axis] <= high[axis] + near)
        && normal.dot(&(point - a)).abs() <= near * normal.norm()
}

/// A leg of a ray: where it begins and ends, and the patches there.
#[derive(Debug, Clone, Copy)]
pub struct RayLeg {
    /// Where it begins [m, local].
    pub from: Vec3,
    /// Patch of that point, or none.
    pub skip: u32,
    /// The point before it, if it is at a seam.
    pub before: Option<Vec3>,
}

impl RayLeg {
    /// Whether f64 agrees that the leg runs to `to` on patch `at`, where f32 may be wrong: it begins at a seam, or ends at
    /// one.
    pub fn reaches(&self, geometry: &Geometry, to: &Vec3, at: u32, ends_at_seam: bool) -> bool {
        if self.before.is_none() && !ends_at_seam {
            return true;
        }
        let mut free = true;
        for_each_crossing(geometry.scene, &geometry.bvh, [&self.from, to], |triangle| {
            let patch = geometry.facets.patch_of_triangle(triangle);
            free &= patch == self.skip || patch == at;
        });
        free && !self.before.is_some_and(|before| turns_through(geometry, &before, (&self.from, self.skip), to))
    }
}

/// Drops the paths from `source` to the receivers of `boxes` that slip through something, and counts them as blocked.
pub fn drop_slipping(
    geometry: &Geometry,
    source: &Vec3,
    boxes: &ReceiverBoxes,
    found: FoundPaths,
    counters: &mut Counters,
) -> FoundPaths {
    let (index, sorted) = boxes.all();
    let mut position = vec![Vec3::zeros(); index.len()];
    index.iter().zip(sorted).for_each(|(i, p)| position[*i as usize] = *p);
    let slips = |path: usize| {
        slips_through(geometry, source, &position[found.receiver[path] as usize], found.vertices_of(path))
    };
    let slips: Vec<bool> = (0..found.len()).into_par_iter().map(slips).collect();
    counters.blocked += slips.iter().filter(|slips| **slips).count() as u64;
    found.where_not(&slips)
}
