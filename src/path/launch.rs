//! Guided ray launch: which chains of facets rays meet (T47).
//!
//! The first round shoots rays all around. Every chain found then gets rays of its own, unfolded and traced from the
//! source: through its window, as long as they find chains that were not known, and past the rim of its window, where most
//! of what is left hides: narrow gaps along the edge of a facet. So the search floods what hangs together in sight. Behind
//! the source, and behind more chains where facets are few, every facet is aimed at. Random numbers belong to the chain, so
//! neither threads nor the order of the chains matter.

use super::SolverOptions;
use super::beam::{Beam, Clip, mirror, signed_distance, window};
use super::chain::ChainTrie;
use crate::geometry::Geometry;
use crate::geometry::facet::Facets;
use crate::geometry::simd::Lanes;
use crate::geometry::traverse::closest_hit;
use crate::geometry::triangle::Ray;
use crate::layout::{DOUBLINGS, NONE, PAST_RIM, Plane};
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use std::f64::consts::TAU;

/// Follows a ray from `origin`, in patch `skip` or free ([`NONE`]), along `direction` through specular reflections and writes the facet of each into
/// `chain`, which is as long as the depth; what is left of it becomes [`NONE`].
#[inline(always)]
pub fn follow_ray<L: Lanes>(geometry: &Geometry, origin: &Vec3, direction: &Vec3, skip: u32, chain: &mut [u32]) {
    chain.fill(NONE);
    let (mut origin, mut direction, mut skip) = (*origin, *direction, skip);
    for facet in chain {
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
}

/// Segments that it took to find what [`follow_ray`] left: one for each facet, and one that left the scene.
fn segments_of(chain: &[u32]) -> u64 {
    chain.iter().position(|facet| *facet == NONE).map_or(chain.len(), |facets| facets + 1) as u64
}

/// The facet that owns a point where a ray met `triangle` (T41).
pub fn owner(geometry: &Geometry, triangle: u32, patch: u32, point: &Vec3) -> u32 {
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
    /// Node of the chain with the facet, or [`NONE`] if no ray has met it.
    pub node: u32,
    /// How often the facet was a target behind this chain before.
    pub turn: u32,
    /// Where the rays go.
    pub aim: Aim,
}

/// Where the rays of a target go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Through the window, to find what is behind.
    Window,
    /// Just past the rim of the window, to find what is seen beside it: most chains that no other ray meets are narrow gaps
    /// along an edge of a facet that is known.
    Rim,
    /// At a facet that no ray has met, to find whether it is seen at all.
    Unseen,
}

/// The solid angle, seen from a chain's image, of a window whose rim gets `rays_per_chain` rays [sr]: a wall of 25 m by
/// 25 m, three hundred metres away. Rays grow with its fourth root. A window reaches receivers, and hides other facets, in
/// proportion to it; rays that have to find a share p of it gain as p^2 (1 - p)^n, so that n grows as the square root if
/// shares of every size are alike. Less was best (docs/performance.md).
const REFERENCE_SR: f64 = 6.9e-3;

impl Aim {
    /// Rays of a target for each along a rim.
    fn share(self) -> f64 {
        match self {
            Aim::Rim => 1.0,
            Aim::Window => 1.0 / 16.0,
            Aim::Unseen => 1.0 / 32.0,
        }
    }
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
    /// What the last ray met: rays that are neighbours often meet the same facets.
    last: Vec<u32>,
}

impl NewChains {
    /// Follows one ray from the source and keeps its chain if it is new. Most rays begin as `known` does, a node and its
    /// chain. `chain` is scratch, as long as the depth.
    #[inline(always)]
    pub fn add<L: Lanes>(
        &mut self,
        geometry: &Geometry,
        trie: &ChainTrie,
        direction: &Vec3,
        chain: &mut [u32],
        known: (u32, &[u32]),
    ) {
        follow_ray::<L>(geometry, &trie.image[0], direction, NONE, chain);
        self.keep(trie, chain, known);
    }

    /// Keeps a chain that a ray met if it is new.
    pub fn keep(&mut self, trie: &ChainTrie, chain: &[u32], known: (u32, &[u32])) {
        self.shots = [self.shots[0] + 1, self.shots[1] + segments_of(chain)];
        if self.last.len() == chain.len() && begins_with(chain, &self.last) {
            return;
        }
        self.last.clear();
        self.last.extend_from_slice(chain);
        if !is_known(trie, chain, known) {
            self.chains.extend_from_slice(chain);
        }
    }
}

/// Whether a chain begins with some facets: a loop, for a call takes longer than the few of them.
#[inline(always)]
fn begins_with(chain: &[u32], facets: &[u32]) -> bool {
    chain.len() >= facets.len() && chain.iter().zip(facets).all(|(a, b)| a == b)
}

fn is_known(trie: &ChainTrie, chain: &[u32], (node, facets): (u32, &[u32])) -> bool {
    if begins_with(chain, facets) { trie.knows(node, &chain[facets.len()..]) } else { trie.knows(0, chain) }
}

/// Aims the rays of `target` at its window and follows them. A target out of reach gets no rays.
#[inline(always)]
pub fn shoot_at<L: Lanes>(
    geometry: &Geometry,
    trie: &ChainTrie,
    target: &Target,
    options: &SolverOptions,
    sight: &mut Sight,
    found: &mut NewChains,
) {
    let rays = sight.rays_for(geometry, trie, target, options);
    let key = key_of_rays(trie, target, options);
    sight.met.resize(options.max_depth as usize, NONE);
    for ray in 0..rays {
        let words = philox([ray, target.turn, target.aim as u32, 0], [key as u32, (key >> 32) as u32]);
        let [first, second, third] = [words[0], words[1], words[2]].map(unit_interval);
        let stratum = (f64::from(ray) + first) / f64::from(rays);
        let point = match target.aim {
            Aim::Window | Aim::Unseen => sight.point(stratum, second, third),
            Aim::Rim => sight.point_past_rim(stratum, second),
        };
        let direction = unfold(&geometry.facets, trie, target.parent, point) - trie.image[0];
        found.add::<L>(geometry, trie, &direction, &mut sight.met, (target.parent, &sight.chain));
    }
}

/// The key of the random numbers of a target's rays.
pub fn key_of_rays(trie: &ChainTrie, target: &Target, options: &SolverOptions) -> u64 {
    trie.hash_of_child(target.parent, target.facet) ^ options.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A window that rays are aimed at, and scratch space.
#[derive(Debug, Default)]
pub struct Sight {
    /// Node of the chain before the window.
    parent: Option<u32>,
    /// Facets of that chain.
    pub chain: Vec<u32>,
    /// The beam of a node, which only facets that no ray has met need.
    beam_of: Option<u32>,
    beam: Beam,
    /// The last facet.
    facet: u32,
    clip: Clip,
    /// Middle of the window's corners [m].
    pub middle: Vec3,
    /// Area of the window's fan up to and with each triangle [m2].
    areas: Vec<f64>,
    /// Lengths of the edges, and their sum [m].
    lengths: Vec<f64>,
    /// Length of the rim [m].
    pub perimeter: f64,
    /// Rays for each ray of `rays_per_chain`.
    weight: f64,
    /// What a ray met.
    met: Vec<u32>,
}

impl Sight {
    /// Makes ready for a target; how many rays it gets, which is none if it is out of reach.
    pub fn rays_for(&mut self, geometry: &Geometry, trie: &ChainTrie, target: &Target, options: &SolverOptions) -> u32 {
        self.look(geometry, trie, target);
        if self.clip.polygon.is_empty() {
            return 0;
        }
        let rays = f64::from(options.rays_per_chain) * target.aim.share() * self.weight;
        (rays.round() as u32).max(1)
    }

    /// The corners of the window [m].
    pub fn corners(&self) -> &[Vec3] {
        &self.clip.polygon
    }

    fn look(&mut self, geometry: &Geometry, trie: &ChainTrie, target: &Target) {
        if self.parent == Some(target.parent) && self.facet == target.facet {
            return;
        }
        if self.parent != Some(target.parent) {
            trie.chain_into(target.parent, &mut self.chain);
            self.parent = Some(target.parent);
        }
        self.facet = target.facet;
        if target.node == NONE {
            if self.beam_of != Some(target.parent) {
                trie.beam_into(&geometry.facets, target.parent, &mut self.beam);
                self.beam_of = Some(target.parent);
            }
            window(&geometry.facets, target.facet, &self.beam, &mut self.clip);
        } else {
            self.clip.polygon.clear();
            self.clip.polygon.extend_from_slice(trie.window_of(target.node));
        }
        if !self.clip.polygon.is_empty() {
            self.measure();
            let apex = &trie.image[target.parent as usize];
            let solid_angle = self.solid_angle(apex, geometry.facets.plane(target.facet));
            self.weight = (solid_angle / REFERENCE_SR).sqrt().sqrt();
        }
    }

    fn measure(&mut self) {
        let polygon = &self.clip.polygon;
        self.middle = polygon.iter().sum::<Vec3>() / polygon.len() as f64;
        self.areas.clear();
        let mut area = 0.0;
        for edge in polygon[1..].windows(2) {
            area += (edge[0] - polygon[0]).cross(&(edge[1] - polygon[0])).norm() / 2.0;
            self.areas.push(area);
        }
        self.lengths.clear();
        self.lengths.extend(polygon.windows(2).map(|edge| (edge[1] - edge[0]).norm()));
        self.lengths.push((polygon[0] - polygon[polygon.len() - 1]).norm());
        self.perimeter = self.lengths.iter().sum();
    }

    /// Area of the window [m2].
    pub fn area(&self) -> f64 {
        self.areas[self.areas.len() - 1]
    }

    /// The solid angle of the window as seen from `apex`, about [sr].
    fn solid_angle(&self, apex: &Vec3, plane: &Plane) -> f64 {
        let far = (self.middle - apex).norm();
        (self.area() * signed_distance(apex, plane).abs() / (far * far * far)).min(TAU)
    }

    /// The point of the window at the quantile `area` of its fan of triangles, and at (`s`, `t`) within the triangle.
    pub fn point(&self, area: f64, s: f64, t: f64) -> Vec3 {
        let wanted = area * self.area();
        let triangle = self.areas.iter().position(|up_to| wanted <= *up_to).unwrap_or(self.areas.len() - 1);
        let polygon = &self.clip.polygon;
        let (apex, root) = (polygon[0], s.sqrt());
        apex + (polygon[triangle + 1] - apex) * (root * (1.0 - t)) + (polygon[triangle + 2] - apex) * (root * t)
    }

    /// The point at the quantile `along` of the window's perimeter, moved out of it by the quantile `past` of the
    /// distances past the rim.
    pub fn point_past_rim(&self, along: f64, past: f64) -> Vec3 {
        let polygon = &self.clip.polygon;
        let mut left = along * self.perimeter;
        let mut at = 0;
        while at + 1 < polygon.len() && left > self.lengths[at] {
            left -= self.lengths[at];
            at += 1;
        }
        let from = polygon[at];
        let along = (polygon[(at + 1) % polygon.len()] - from).try_normalize(0.0).unwrap_or_default();
        let inwards = self.middle - from;
        let outwards = (along * inwards.dot(&along) - inwards).try_normalize(0.0).unwrap_or_default();
        let doublings = past * DOUBLINGS;
        let times = f64::from(1u32 << doublings as u32) * (1.0 + doublings.fract());
        from + along * left + outwards * (self.area().sqrt() * PAST_RIM * times)
    }
}

/// Where a point behind `node`'s chain is seen from the source: mirrored back in each facet of the chain.
pub fn unfold(facets: &Facets, trie: &ChainTrie, mut node: u32, mut point: Vec3) -> Vec3 {
    while node != 0 {
        point = mirror(&point, facets.plane(trie.facet[node as usize]));
        node = trie.parent[node as usize];
    }
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_go_through_the_window_and_just_past_its_rim() {
        // A rectangle of 8 m by 2 m in the plane z = 1, seen from the origin.
        let corners = [[-4.0, -1.0, 1.0], [4.0, -1.0, 1.0], [4.0, 1.0, 1.0], [-4.0, 1.0, 1.0]];
        let mut sight = Sight::default();
        sight.clip.polygon = corners.map(Vec3::from).to_vec();
        sight.measure();
        assert!((sight.area() - 16.0).abs() < 1e-12 && (sight.perimeter - 20.0).abs() < 1e-12);
        let mut on_edge = [0; 4];
        for i in 0..1000u32 {
            let [a, b, c, _] = philox([i, 0, 0, 0], [1, 2]).map(unit_interval);
            let point = sight.point(a, b, c);
            assert!(point.x.abs() <= 4.0 && point.y.abs() <= 1.0 && point.z == 1.0, "{point}");
            let past = sight.point_past_rim(a, b);
            let out = [-1.0 - past.y, past.x - 4.0, past.y - 1.0, -4.0 - past.x];
            let edge = (0..4).find(|edge| out[*edge] > 0.0).expect("past an edge");
            on_edge[edge] += 1;
            // A thousandth to an eighth of 4 m, the root of the area.
            assert!((0.004..=0.513).contains(&out[edge]) && (past.z - 1.0).abs() < 1e-12, "{past}");
        }
        // In proportion to the edges' lengths.
        assert!(on_edge[0].min(on_edge[2]) > 330 && on_edge[1].min(on_edge[3]) > 60, "{on_edge:?}");
    }

    #[test]
    fn the_solid_angle_of_a_far_window_is_its_area_over_the_distance_squared() {
        let mut sight = Sight::default();
        sight.clip.polygon =
            [[-1.0, -1.0, 100.0], [1.0, -1.0, 100.0], [1.0, 1.0, 100.0], [-1.0, 1.0, 100.0]].map(Vec3::from).to_vec();
        sight.measure();
        let plane = Plane { normal: [0.0, 0.0, 1.0], offset: 100.0 };
        assert!((sight.solid_angle(&Vec3::zeros(), &plane) - 4e-4).abs() < 1e-12);
        // Never more than half of all directions.
        assert_eq!(sight.solid_angle(&Vec3::new(0.0, 0.0, 99.9999), &plane), TAU);
    }
}
