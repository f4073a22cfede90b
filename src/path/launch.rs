//! Guided ray launch: which chains of facets rays meet (T47).
//!
//! The first round shoots rays all around. Every chain found then gets rays of its own, through its window, unfolded and
//! traced from the source, and goes on getting them as long as they find chains that were not known. A few rays more are
//! aimed at each facet that touches the chain's last one: what a chain can reach hangs together, so that the search
//! floods it. Behind the source, and behind more chains where facets are few, every facet is aimed at. Random numbers belong to the chain, so neither threads nor the order of the chains matter.

use super::beam::{Clip, mirror, signed_distance};
use super::chain::{ChainTrie, Step};
use crate::geometry::Geometry;
use crate::geometry::facet::Facets;
use crate::geometry::simd::Lanes;
use crate::geometry::traverse::closest_hit;
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};

/// Follows a ray from `origin` along `direction` through specular reflections and writes the facet of each into
/// `chain`, which is as long as the depth; what is left of it becomes [`NONE`]. Returns the number of segments traced.
#[inline(always)]
pub fn follow_ray<L: Lanes>(geometry: &Geometry, origin: &Vec3, direction: &Vec3, chain: &mut [u32]) -> u64 {
    chain.fill(NONE);
    let (mut origin, mut direction, mut skip) = (*origin, *direction, NONE);
    let mut segments = 0;
    for facet in chain {
        segments += 1;
        let Some(hit) = closest_hit::<L>(&geometry.bvh, &Ray::from_f64(&origin, &direction), skip) else { break };
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

/// A facet behind a known chain, for rays to be aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Node of the chain before the facet.
    pub parent: u32,
    /// The facet.
    pub facet: u32,
    /// Number of rays that the facet has had behind this chain.
    pub sample: u32,
    /// Number of rays that it gets now: one to each stratum of its window.
    pub rays: u32,
}

/// Rays shot and segments traced.
pub type Shots = [u64; 2];

/// Chains that rays met and the trie does not hold.
#[derive(Debug, Default)]
pub struct NewChains {
    /// What it took to find them.
    pub shots: Shots,
    /// The chains, as [`follow_ray`] leaves them, each as long as the depth.
    pub chains: Vec<u32>,
}

impl NewChains {
    /// Follows one ray from the source and keeps its chain if it is new.
    #[inline(always)]
    pub fn add<L: Lanes>(&mut self, geometry: &Geometry, trie: &ChainTrie, direction: &Vec3, depth: usize) {
        let place = self.chains.len();
        self.chains.resize(place + depth, NONE);
        let segments = follow_ray::<L>(geometry, &trie.image[0], direction, &mut self.chains[place..]);
        self.shots = [self.shots[0] + 1, self.shots[1] + segments];
        if trie.knows(&self.chains[place..]) {
            self.chains.truncate(place);
        }
    }
}

/// Aims the rays of `target` through its window and follows them to the given depth. A target out of reach gets no rays.
#[inline(always)]
pub fn shoot_at<L: Lanes>(
    geometry: &Geometry,
    trie: &ChainTrie,
    target: &Target,
    seed: u64,
    depth: usize,
    clip: &mut Clip,
    found: &mut NewChains,
) {
    trie.window_into(&geometry.facets, target.parent, target.facet, clip);
    if clip.polygon.is_empty() {
        return;
    }
    let hash = trie.hash_of_child(target.parent, target.facet) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for ray in 0..target.rays {
        let words = philox([target.sample + ray, 0, 0, 0], [hash as u32, (hash >> 32) as u32]);
        let stratum = (f64::from(ray) + unit_interval(words[0])) / f64::from(target.rays);
        let point = point_in(&clip.polygon, stratum, unit_interval(words[1]), unit_interval(words[2]));
        let direction = unfold(&geometry.facets, trie, target.parent, point) - trie.image[0];
        found.add::<L>(geometry, trie, &direction, depth);
    }
}

/// Where a point behind `node`'s chain is seen from the source: mirrored back in each facet of the chain.
fn unfold(facets: &Facets, trie: &ChainTrie, mut node: u32, mut point: Vec3) -> Vec3 {
    while node != 0 {
        point = mirror(&point, facets.plane(trie.facet[node as usize]));
        node = trie.parent[node as usize];
    }
    point
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
