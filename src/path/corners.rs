//! Where paths turn: whether one slips through there (T45).
//!
//! Segments do not see what they touch at their ends, so that a path could pass a wall whose edge lies at the very point
//! where it is reflected. Here the corner is cut off: what parts the ways before and behind it has to cross the cut.

use super::counters::Counters;
use super::found::FoundPaths;
use super::receivers::ReceiverBoxes;
use super::refine::Vertex;
use crate::geometry::Geometry;
use crate::geometry::search::crosses_anything;
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
        turns_through(geometry, before, &vertices[i], behind)
    })
}

/// Whether something other than its own surface stands in the corner that a path has at `vertex`, between `before` and
/// `behind`.
pub fn turns_through(geometry: &Geometry, before: &Vec3, vertex: &Vertex, behind: &Vec3) -> bool {
    let cut = |end: &Vec3| {
        let way = end - vertex.position;
        let length = way.norm();
        vertex.position + way * (CUT_M / length).min(0.5)
    };
    let patch = geometry.facets.patch[vertex.facet as usize];
    crosses_anything(geometry.scene, &geometry.bvh, [&cut(before), &cut(behind)], patch)
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
