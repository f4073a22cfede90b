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

/// Length of the first stretch that a ray is followed along, and how much longer each next one is: most are stopped soon, and
/// what stands beyond is not looked at [m], [-].
const STRETCH_M: f64 = 32.0;
const LONGER: f64 = 3.0;

/// Facets along a ray, as far as it comes.
fn along(view: &View, from: &Vec3, to: &Vec3) -> Vec<u32> {
    let geometry = view.geometry;
    let (length, direction) = ((to - from).norm(), (to - from).normalize());
    // A path may leave a facet by the reach of its test, and a ray that meets the facet itself is as much farther from the path.
    let deep = 2.0 * super::over(view.softness.kind.reach(), view.softness.blocking);
    let stops = |facet: u32| {
        let outline = view.outlines.of_patch(geometry, geometry.facets.patch[facet as usize]);
        !outline.edges.is_empty() && clearance(&[*from, *to], &outline, deep).is_some()
    };
    let (mut seen, mut met) = (Vec::new(), Vec::new());
    let (mut start, mut stretch) = (0.0, STRETCH_M);
    while start < length {
        let end = (start + stretch).min(length);
        met.clear();
        // Ends of a segment count as free: stretches overlap by a millimetre.
        let ends = [from + direction * (start - 1e-3f64).max(0.0), from + direction * end];
        for_each_crossing(geometry.scene, &geometry.bvh, [&ends[0], &ends[1]], |triangle| {
            let facet = geometry.facets.of_triangle[triangle as usize];
            if facet != NONE {
                let plane = geometry.facets.plane(facet);
                let n = Vec3::from(plane.normal);
                met.push(((plane.offset - n.dot(from)) / n.dot(&direction), facet));
            }
        });
        met.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, facet) in &met {
            seen.push(*facet);
            if stops(*facet) {
                return seen;
            }
        }
        (start, stretch) = (end, stretch * LONGER);
    }
    seen
}
