//! Samples of a lobe about the image point of a known facet, for lobes so narrow that rays from the source rarely meet the
//! part of the surface that a receiver sees (T78).
//!
//! Points are drawn in the facet's plane from a normal distribution about the point where the specular path would be
//! reflected, whether that is on the facet or beside it: as wide across the plane of incidence as the lobe is there, and
//! wider by 1/cos theta along it.

use super::Tracing;
use super::connect::Towards;
use super::facets::SmallFacets;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::interaction::reflection::mirror;
use crate::layout::{IN_PLANE_M, LoneSegment, NONE};
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use crate::path::beam::signed_distance;
use crate::path::chain::ChainTrie;
use crate::path::refine::{Vertex, vertices_backwards};
use crate::path::{FoundPaths, Interaction};
use rayon::prelude::*;
use std::f64::consts::{PI, TAU};

/// The samples are as wide as the lobe's footprint times this [-]: weights stay bounded where the footprint is wider.
const WIDTH: f64 = 1.15;
/// Rays serve a lobe alone where so many of them meet its footprint, about: N b^2/kappa (T78).
const ENOUGH_RAYS: f64 = 25.0;
/// Facets farther from the image point than this are not aimed at [standard deviations].
const REACH: f64 = 5.0;

/// The chains of one source that end at a facet with a lobe, and how they are aimed at.
#[derive(Debug)]
pub struct Aims<'a> {
    /// The chains, or `None`: nothing is aimed at.
    pub chains: Option<&'a ChainTrie>,
    /// Facets that are small for a lobe: straight from the source these are not aimed at.
    pub small: &'a SmallFacets,
    /// Concentration of each material's lobe `[material]`; `None`: no lobe.
    pub concentration: &'a [Option<f64>],
    /// Rays of the source.
    pub rays: f64,
    /// Samples of a chain and a receiver.
    pub samples: u32,
    /// Key of the random numbers.
    pub key: [u32; 2],
}

/// Where the samples of one chain and one receiver are drawn from.
#[derive(Debug, Clone, Copy)]
struct Bell {
    middle: Vec3,
    /// Unit vectors in the plane: along the plane of incidence, and across it.
    axes: [Vec3; 2],
    /// Standard deviations along them [m].
    width: [f64; 2],
}

impl Bell {
    /// Samples per area at `point`, of `samples` in all [1/m2].
    fn density(&self, samples: f64, point: &Vec3) -> f64 {
        let away = point - self.middle;
        let [x, y] = [0, 1].map(|axis| away.dot(&self.axes[axis]) / self.width[axis]);
        samples * libm::exp(-(x * x + y * y) / 2.0) / (TAU * self.width[0] * self.width[1])
    }

    fn point(&self, [first, second]: [f64; 2]) -> Vec3 {
        let radius = (-2.0 * libm::log(1.0 - first)).sqrt();
        let (sin, cos) = libm::sincos(TAU * second);
        self.middle + self.axes[0] * (self.width[0] * radius * cos) + self.axes[1] * (self.width[1] * radius * sin)
    }
}

impl Aims<'_> {
    /// The node of the chain over `way` and then `facet`, if it is known and nothing on the way scatters.
    pub fn node_of(&self, way: &[Vertex], facet: u32) -> Option<u32> {
        let chains = self.chains?;
        let specular = way.iter().all(|vertex| vertex.interaction == Interaction::Reflection);
        let facets = way.iter().map(|vertex| vertex.facet).chain([facet]);
        specular.then(|| chains.node_of(facets)).flatten()
    }

    /// How many samples per area are aimed at `point` for a chain and a receiver [1/m2]; 0 where rays serve alone.
    pub fn samples_per_area(&self, geometry: &Geometry, node: u32, receiver: &Vec3, point: &Vec3) -> f64 {
        self.bell(geometry, node, receiver).map_or(0.0, |bell| bell.density(f64::from(self.samples), point))
    }

    /// Where a chain is aimed at for a receiver; `None` where it need not be.
    fn bell(&self, geometry: &Geometry, node: u32, receiver: &Vec3) -> Option<Bell> {
        let (chains, facets) = (self.chains?, &geometry.facets);
        let facet = chains.facet[node as usize];
        let concentration = self.concentration[facets.material[facet as usize] as usize]?;
        if chains.depth[node as usize] == 1 && self.small.holds(geometry, facet, receiver) {
            return None;
        }
        let plane = facets.plane(facet);
        let image = &chains.image[node as usize];
        let [from, to] = [image, receiver].map(|p| signed_distance(p, plane));
        if from.abs() <= IN_PLANE_M || to.abs() <= IN_PLANE_M || (from > 0.0) == (to > 0.0) {
            return None;
        }
        let along = receiver - image;
        let share = from / (from - to);
        let (length, middle) = (along.norm(), image + along * share);
        let (before, behind) = (length * share, 1.0 - share);
        if self.rays * behind * behind / concentration >= ENOUGH_RAYS {
            return None;
        }
        let normal = Vec3::from(plane.normal);
        let cos_theta = (along.dot(&normal) / length).abs();
        let across = WIDTH * before * behind / concentration.sqrt();
        let level = along - normal * along.dot(&normal);
        // At normal incidence any direction in the plane will do.
        let u = level.try_normalize(1e-9 * length).unwrap_or_else(|| crate::math::frame::tangents_of(&normal).0);
        let bell = Bell { middle, axes: [u, normal.cross(&u)], width: [across / cos_theta, across] };
        is_near(facets.hull_of(facet), &bell).then_some(bell)
    }
}

/// Whether a bell reaches a convex hull of its plane.
fn is_near(hull: &[Vec3], bell: &Bell) -> bool {
    // In widths, so that the bell is round.
    let flat: Vec<[f64; 2]> = hull
        .iter()
        .map(|corner| [0, 1].map(|axis| (corner - bell.middle).dot(&bell.axes[axis]) / bell.width[axis]))
        .collect();
    let (mut inside, mut nearest) = ([true; 2], f64::INFINITY);
    for (k, p) in flat.iter().enumerate() {
        let q = &flat[(k + 1) % flat.len()];
        let edge = [q[0] - p[0], q[1] - p[1]];
        let side = p[0] * edge[1] - p[1] * edge[0];
        inside = [inside[0] && side >= 0.0, inside[1] && side <= 0.0];
        let squared = edge[0] * edge[0] + edge[1] * edge[1];
        let place = if squared > 0.0 { (-(p[0] * edge[0] + p[1] * edge[1]) / squared).clamp(0.0, 1.0) } else { 0.0 };
        nearest = nearest.min((p[0] + place * edge[0]).hypot(p[1] + place * edge[1]));
    }
    inside[0] || inside[1] || nearest <= REACH
}

/// One sample on its way to be a path.
struct Candidate {
    receiver: u32,
    length: f64,
    vertices: Vec<Vertex>,
}

/// Paths over the samples that the chains are aimed at, to `receivers` [m, local].
///
/// # Errors
/// The device failed.
pub fn aimed(
    tracing: &dyn Tracing,
    geometry: &Geometry,
    towards: &Towards,
    receivers: &[Vec3],
    aims: &Aims,
) -> Result<FoundPaths> {
    let mut found = FoundPaths::default();
    let Some(chains) = aims.chains else { return Ok(found) };
    let ends_in_a_lobe = |node: &u32| {
        let material = geometry.facets.material[chains.facet[*node as usize] as usize] as usize;
        chains.is_in_reach(*node) && towards.lobe[material].is_some()
    };
    let nodes: Vec<u32> = (1..chains.len() as u32).filter(ends_in_a_lobe).collect();
    for (receiver, position) in receivers.iter().enumerate() {
        let of_node = |node: &u32| candidates(geometry, towards, aims, *node, (receiver as u32, position));
        let candidates: Vec<Candidate> = nodes.par_iter().flat_map_iter(of_node).collect();
        let legs = candidates.iter().flat_map(|one| legs_of(geometry, &chains.image[0], position, &one.vertices));
        let blocked = tracing.blocked(&legs.collect::<Vec<_>>())?;
        let mut rest = blocked.as_slice();
        for one in candidates {
            let (own, others) = rest.split_at(one.vertices.len() + 1);
            rest = others;
            if own.iter().all(|blocked| !blocked) {
                found.push(one.receiver, one.length, &one.vertices);
            }
        }
    }
    Ok(found)
}

/// The samples of a chain for a receiver, but for what stands in the way.
fn candidates(
    geometry: &Geometry,
    towards: &Towards,
    aims: &Aims,
    node: u32,
    (receiver, position): (u32, &Vec3),
) -> Vec<Candidate> {
    let (Some(chains), Some(bell)) = (aims.chains, aims.bell(geometry, node, position)) else { return Vec::new() };
    let facet = chains.facet[node as usize];
    let (facets, before) = (&geometry.facets, chains.parent[node as usize]);
    let normal = Vec3::from(facets.plane(facet).normal);
    let Some(least) = towards.lobe[facets.material[facet as usize] as usize] else { return Vec::new() };
    let image = &chains.image[before as usize];
    let words = philox([receiver, 3, 0, 0], [aims.key[0] ^ chains.hash[node as usize] as u32, aims.key[1]]);
    let turn = unit_interval(words[0]);
    let sample = |i: u32| {
        let point = bell.point(sunflower(i, aims.samples, turn));
        let triangle = facets.triangle_at(geometry.scene, &geometry.bvh, facet, &point)?;
        if facets.owner_at(geometry.scene, &geometry.bvh, facet, &point) != facet {
            return None;
        }
        let (arriving, leaving) = (point - image, position - point);
        let (travelled, length) = (arriving.norm(), leaving.norm());
        let incoming = arriving / travelled;
        if mirror(&incoming, &normal).dot(&leaving) < least * length {
            return None;
        }
        let cos_theta = incoming.dot(&normal).abs();
        let by_rays = aims.rays * cos_theta / (4.0 * PI * travelled * travelled);
        let area = 1.0 / (by_rays + bell.density(f64::from(aims.samples), &point));
        let mut vertices = Vec::new();
        vertices_backwards(geometry, chains, before, &point, &mut vertices).ok()?;
        vertices.reverse();
        vertices.push(Vertex { interaction: Interaction::Lobe, area, ..Vertex::reflection(point, facet, triangle) });
        Some(Candidate { receiver, length: travelled + length, vertices })
    };
    (0..aims.samples).filter_map(sample).collect()
}

/// Point `i` of `count` on a sunflower, as the two numbers that [`Bell::point`] takes: rings of equal chance, each turned
/// on by the golden ratio. Smooth functions are integrated far better than by independent numbers.
fn sunflower(i: u32, count: u32, turn: f64) -> [f64; 2] {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    [(f64::from(i) + 0.5) / f64::from(count), (turn + f64::from(i) * GOLDEN).fract()]
}

/// The segments of a path.
fn legs_of(geometry: &Geometry, source: &Vec3, receiver: &Vec3, vertices: &[Vertex]) -> Vec<LoneSegment> {
    let mut legs = Vec::with_capacity(vertices.len() + 1);
    let (mut from, mut skip) = (*source, NONE);
    for vertex in vertices {
        let next = geometry.facets.patch[vertex.facet as usize];
        legs.push(LoneSegment { from: from.into(), to: vertex.position.into(), skip: [skip, next] });
        (from, skip) = (vertex.position, next);
    }
    legs.push(LoneSegment { from: from.into(), to: (*receiver).into(), skip: [skip, NONE] });
    legs
}
