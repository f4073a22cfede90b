//! Guided ray launch: which chains of facets rays meet (T47).
//!
//! The first round shoots rays all around. Every chain found then gets rays of its own, through its window, unfolded and
//! traced from the source, and goes on getting them as long as they find chains that were not known. Random numbers
//! belong to the chain, so neither threads nor the order of the chains matter.

use super::beam::{mirror, signed_distance};
use super::chain::{ChainTrie, Step};
use crate::geometry::Geometry;
use crate::geometry::facet::Facets;
use crate::geometry::traverse::closest_hit;
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};

/// Follows a ray from `origin` along `direction` through specular reflections and writes the facet of each into
/// `chain`, which is as long as the depth; what is left of it becomes [`NONE`]. Returns the number of segments traced.
pub fn follow_ray(geometry: &Geometry, origin: &Vec3, direction: &Vec3, chain: &mut [u32]) -> u64 {
    chain.fill(NONE);
    let (mut origin, mut direction, mut skip) = (*origin, *direction, NONE);
    let mut segments = 0;
    for facet in chain {
        segments += 1;
        let Some(hit) = closest_hit(&geometry.bvh, &Ray::from_f64(&origin, &direction), skip) else { break };
        origin += direction * f64::from(hit.t);
        *facet = owner(geometry, hit.triangle, hit.patch, &origin);
        // Back into the plane, then onwards along the mirrored direction.
        let plane = &geometry.facets.planes[hit.patch as usize];
        let normal = Vec3::from(plane.normal);
        origin -= normal * signed_distance(&origin, plane);
        direction -= normal * (2.0 * direction.dot(&normal));
        skip = hit.patch;
    }
    segments
}

/// The facet that owns a point where a ray met `triangle` (T41).
fn owner(geometry: &Geometry, triangle: u32, patch: u32, point: &Vec3) -> u32 {
    let facet = geometry.facets.of_triangle[triangle as usize];
    match geometry.facets.of_patch(patch) {
        [_] => facet,
        _ => geometry.facets.owner_at(geometry.scene, &geometry.bvh, facet, point),
    }
}

/// The direction at the source of ray `sample` of those aimed at a node's chain: through a point of its window, drawn
/// evenly by area, the samples `0..strata`, `strata..2 strata`, … each one to a stratum.
pub fn aim(facets: &Facets, trie: &ChainTrie, node: u32, sample: u32, strata: u32, seed: u64) -> Vec3 {
    let hash = trie.hash[node as usize] ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = philox([sample, 0, 0, 0], [hash as u32, (hash >> 32) as u32]);
    let stratum = (f64::from(sample % strata) + unit_interval(words[0])) / f64::from(strata);
    let mut target = point_in(trie.window_of(node), stratum, unit_interval(words[1]), unit_interval(words[2]));
    let mut before = trie.parent[node as usize];
    while before != 0 {
        target = mirror(&target, facets.plane(trie.facet[before as usize]));
        before = trie.parent[before as usize];
    }
    target - trie.image[0]
}

/// The point of a convex polygon at the quantile `area` of its fan of triangles, and at (`s`, `t`) within the triangle.
fn point_in(polygon: &[Vec3], area: f64, s: f64, t: f64) -> Vec3 {
    let apex = polygon[0];
    let fan = || polygon[1..].windows(2).map(|edge| (edge[0] - apex, edge[1] - apex));
    let mut left = area * fan().map(|(a, b)| a.cross(&b).norm()).sum::<f64>();
    let root = s.sqrt();
    let mut point = apex;
    for (a, b) in fan() {
        point = apex + a * (root * (1.0 - t)) + b * (root * t);
        left -= a.cross(&b).norm();
        if left <= 0.0 {
            break;
        }
    }
    point
}

/// Puts the chain that a ray met into the trie; returns whether a node was new, and whether the trie was full.
pub fn insert(facets: &Facets, trie: &mut ChainTrie, chain: &[u32], max_nodes: u64) -> (bool, bool) {
    let (mut node, mut grew) = (0, false);
    for facet in chain.iter().take_while(|facet| **facet != NONE) {
        match trie.step(facets, node, *facet, max_nodes) {
            Step::Known(child) => node = child,
            Step::New(child) => (node, grew) = (child, true),
            Step::OutOfReach => break,
            Step::Full => return (grew, true),
        }
    }
    (grew, false)
}
