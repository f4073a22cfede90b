//! Which facets a point sees, or nearly: where soft paths may first or last be reflected (T110).
//!
//! In a small scene, all. Otherwise rays are shot all over the sphere, and each goes on through what it meets only near its rim:
//! a facet that the visibility of a path lets through is met by some of them, unless it is smaller than their spacing.

use super::View;
use crate::geometry::clearance::clearance;
use crate::geometry::search::for_each_crossing;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::random::fibonacci_direction;
use rayon::prelude::*;

/// Scenes of so many facets or fewer: each is taken to be seen.
const FEW_FACETS: usize = 512;

/// Facets that a point at `from` [m] nearly sees, ascending, by `rays` rays.
pub fn seen_from(view: &View, from: &Vec3, rays: u64) -> Vec<u32> {
    let facets = &view.geometry.facets;
    if facets.len() <= FEW_FACETS {
        return (0..facets.len() as u32).collect();
    }
    let Some((low, high)) = view.geometry.scene.bounds() else { return Vec::new() };
    // Past everything, wherever the point is.
    let far = (high - low).norm() + (from - (low + high) / 2.0).norm();
    let mut seen: Vec<u32> = (0..rays)
        .into_par_iter()
        .flat_map_iter(|ray| along(view, from, &(from + fibonacci_direction(ray, rays) * far)))
        .collect();
    seen.par_sort_unstable();
    seen.dedup();
    seen
}

/// Facets along a ray, as far as it comes.
fn along(view: &View, from: &Vec3, to: &Vec3) -> Vec<u32> {
    let geometry = view.geometry;
    let (along, mut met) = (to - from, Vec::new());
    for_each_crossing(geometry.scene, &geometry.bvh, [from, to], |triangle| {
        let facet = geometry.facets.of_triangle[triangle as usize];
        if facet != NONE {
            let plane = geometry.facets.plane(facet);
            let n = Vec3::from(plane.normal);
            met.push(((plane.offset - n.dot(from)) / n.dot(&along), facet));
        }
    });
    met.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // A path may leave a facet by the reach of its test, and a ray that meets the facet itself is as much farther from the path.
    let deep = 2.0 * super::over(view.softness.kind.reach(), view.softness.blocking);
    let stops = |facet: u32| {
        let outline = view.outlines.of_patch(geometry, geometry.facets.patch[facet as usize]);
        !outline.edges.is_empty() && clearance(&[*from, *to], &outline, deep).is_some()
    };
    let last = met.iter().position(|(_, facet)| stops(*facet)).map_or(met.len(), |place| place + 1);
    met[..last].iter().map(|(_, facet)| *facet).collect()
}
