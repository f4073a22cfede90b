//! Which facets are just their hulls, so that a chain's window says all of them.

use crate::geometry::Geometry;
use crate::math::Vec3;
use rayon::prelude::*;

/// For each facet, whether it is its convex hull and no other facet owns a part of it.
#[derive(Debug, Clone)]
pub struct Outlines {
    is_its_hull: Vec<bool>,
}

impl Outlines {
    /// Looks at all facets.
    pub fn new(geometry: &Geometry) -> Outlines {
        let of = |facet: u32| {
            let facets = &geometry.facets;
            let owns_all = facets.of_patch(facets.patch[facet as usize])[0] == facet;
            owns_all && fills_its_hull(geometry, facet)
        };
        Outlines { is_its_hull: (0..geometry.facets.len() as u32).into_par_iter().map(of).collect() }
    }

    /// Whether a facet's hull is all that there is to know of it.
    pub fn is_its_hull(&self, facet: u32) -> bool {
        self.is_its_hull[facet as usize]
    }
}

/// Whether one triangle, or two on either side of a common edge, make the whole hull: what most walls are.
fn fills_its_hull(geometry: &Geometry, facet: u32) -> bool {
    /// Roundings of an area.
    const SLACK: f64 = 1e-9;
    let Geometry { scene, facets, .. } = geometry;
    let hull = facets.hull_of(facet);
    let n = Vec3::from(facets.plane(facet).normal);
    let area = |a: &Vec3, b: &Vec3, c: &Vec3| (b - a).cross(&(c - a)).dot(&n);
    let whole: f64 = (2..hull.len()).map(|k| area(&hull[0], &hull[k - 1], &hull[k])).sum();
    match facets.triangles_of(facet) {
        [_] => true,
        [first, second] => {
            let (a, b) = (scene.corners(*first), scene.corners(*second));
            let apart = |own: &[Vec3; 3], other: &[Vec3; 3]| {
                own.iter().copied().filter(|p| !other.contains(p)).collect::<Vec<_>>()
            };
            let (of_first, of_second) = (apart(&a, &b), apart(&b, &a));
            let common: Vec<Vec3> = a.iter().copied().filter(|p| b.contains(p)).collect();
            let ([p], [q], [from, to]) = (of_first.as_slice(), of_second.as_slice(), common.as_slice()) else {
                return false;
            };
            let parts = [area(from, to, p), area(from, to, q)];
            parts[0] * parts[1] < 0.0 && ((parts[0].abs() + parts[1].abs()) / whole - 1.0).abs() < SLACK
        }
        _ => false,
    }
}
