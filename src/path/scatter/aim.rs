//! Samples of a lobe about the image point of a known facet, for lobes so narrow that rays from the source rarely meet the
//! part of the surface that a receiver sees (T78).
//!
//! Points are drawn about the point where the specular path would be reflected, whether that is on the facet or beside it,
//! from a normal distribution across that path, as wide as the lobe is there, cast on the facet's plane from the place
//! that makes it as lopsided as the lobe's footprint.

use super::Tracing;
use super::connect::Towards;
use super::facets::SmallFacets;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::interaction::reflection::mirror;
use crate::layout::{IN_PLANE_M, LoneSegment, NONE};
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use crate::math::phase::sincos_of_turns;
use crate::math::random::{philox, unit_interval};
use crate::path::beam::signed_distance;
use crate::path::chain::ChainTrie;
use crate::path::corners::slips_through;
use crate::path::refine::{Vertex, vertices_backwards};
use crate::path::{FoundPaths, Interaction};
use rayon::prelude::*;
use std::f64::consts::{PI, TAU};

/// The samples are as wide as the lobe's footprint times this [-]: weights stay bounded where the footprint is wider.
const WIDTH: f64 = 1.15;
/// Rays serve a lobe alone where so many of them meet its footprint, about: N b^2/kappa (T78).
const ENOUGH_RAYS: f64 = 25.0;
/// Where a lobe reaches the horizon it is not smooth, and rays serve it worse: below this kappa cos^2 theta [-].
const CLEAR_OF_HORIZON: f64 = 25.0;
/// From this N b^2/kappa on a ray counts as much as a sample. The error of a lattice of rays falls as [`DECAY`] has it
/// (a smooth lobe against its dual lattice), and fewer rays than this tell less than a few dozen samples do.
const WORTH_A_SAMPLE: f64 = 8.0;
/// ln of the error of rays, by N b^2/kappa.
const DECAY: f64 = 1.5;
/// Rays count this much at least: they stand for what lies beyond the samples.
const LEAST_TRUST: f64 = 1.0 / 256.0;
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

/// Where the samples of one chain and one receiver are drawn from: a normal distribution in the plane across the specular
/// path, cast on the facet's plane from a place on that path.
#[derive(Debug, Clone, Copy)]
struct Bell {
    /// Where the specular path meets the facet's plane.
    middle: Vec3,
    /// Unit direction of that path, and unit vectors across it.
    along: Vec3,
    axes: [Vec3; 2],
    /// Unit normal of the facet's plane over its product with `along`.
    normal: Vec3,
    cos_theta: f64,
    /// Standard deviation along the axes [m].
    width: f64,
    /// One over the distance from the middle back to the place that it is cast from [1/m]; below 0: it lies ahead.
    bend: f64,
    /// How many samples a ray counts for [-].
    trust: f64,
}

impl Bell {
    /// A point of the facet's plane as seen from where the bell is cast, in standard deviations, and how much nearer to
    /// that place than the middle it is; `None` behind it.
    fn seen(&self, point: &Vec3) -> Option<([f64; 2], f64)> {
        let away = point - self.middle;
        let depth = 1.0 + self.bend * away.dot(&self.along);
        (depth > 0.0).then(|| (self.axes.map(|axis| away.dot(&axis) / (depth * self.width)), depth))
    }

    /// Samples per area at `point`, of `samples` in all [1/m2].
    fn density(&self, samples: f64, point: &Vec3) -> f64 {
        let Some(([x, y], depth)) = self.seen(point) else { return 0.0 };
        let across = samples * libm::exp(-(x * x + y * y) / 2.0) / (TAU * self.width * self.width);
        across * self.cos_theta / (depth * depth * depth)
    }

    /// The point that two numbers in [0, 1) make; `None` beyond the horizon of the plane.
    fn point(&self, [first, second]: [f64; 2]) -> Option<Vec3> {
        let radius = self.width * (-2.0 * libm::log(1.0 - first)).sqrt();
        let (sin, cos) = sincos_of_turns(second);
        let across = self.axes[0] * (radius * cos) + self.axes[1] * (radius * sin);
        let ahead = across.dot(&self.normal);
        let depth = 1.0 + self.bend * ahead;
        (depth > 0.0).then(|| self.middle + (across - self.along * ahead) / depth)
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

    /// How many samples per area are aimed at `point` for a chain and a receiver [1/m2], each as many as it outweighs a
    /// ray; 0 where rays serve alone.
    pub fn samples_per_area(&self, geometry: &Geometry, node: u32, receiver: &Vec3, point: &Vec3) -> f64 {
        let bell = self.bell(geometry, node, receiver);
        bell.map_or(0.0, |bell| bell.density(f64::from(self.samples), point) / bell.trust)
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
        let normal = Vec3::from(plane.normal);
        let cos_theta = (along.dot(&normal) / length).abs();
        let clear = (concentration * cos_theta * cos_theta / CLEAR_OF_HORIZON).min(1.0);
        let met = self.rays * behind * behind / concentration * clear;
        if met >= ENOUGH_RAYS {
            return None;
        }
        let trust = libm::exp(DECAY * (met - WORTH_A_SAMPLE)).clamp(LEAST_TRUST, 1.0);
        let unit = along / length;
        let (first, second) = tangents_of(&unit);
        let bell = Bell {
            middle,
            along: unit,
            axes: [first, second],
            normal: normal / unit.dot(&normal),
            cos_theta,
            width: WIDTH * before * behind / concentration.sqrt(),
            bend: 1.0 / before - 1.0 / (length - before),
            trust,
        };
        is_near(facets.hull_of(facet), &bell).then_some(bell)
    }
}

/// Whether a bell reaches a convex hull of its plane.
fn is_near(hull: &[Vec3], bell: &Bell) -> bool {
    let seen = |corner: &Vec3| bell.seen(corner).map(|(place, _)| place);
    // A corner that is not seen is too far out to be told from one that is near.
    let Some(flat) = hull.iter().map(seen).collect::<Option<Vec<[f64; 2]>>>() else { return true };
    let (mut inside, mut nearest) = ([true; 2], f64::INFINITY);
    for (k, p) in flat.iter().enumerate() {
        let q = &flat[(k + 1) % flat.len()];
        let edge = [q[0] - p[0], q[1] - p[1]];
        let side = p[0] * edge[1] - p[1] * edge[0];
        inside = [inside[0] && side >= 0.0, inside[1] && side <= 0.0];
        let squared = edge[0] * edge[0] + edge[1] * edge[1];
        let place = if squared > 0.0 { (-(p[0] * edge[0] + p[1] * edge[1]) / squared).clamp(0.0, 1.0) } else { 0.0 };
        let [x, y] = [p[0] + place * edge[0], p[1] + place * edge[1]];
        nearest = nearest.min((x * x + y * y).sqrt());
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
            let is_free = own.iter().all(|blocked| !blocked);
            if is_free && !slips_through(geometry, &chains.image[0], position, &one.vertices) {
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
        let point = bell.point(sunflower(i, aims.samples, turn))?;
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
        let area = 1.0 / (bell.trust * by_rays + bell.density(f64::from(aims.samples), &point));
        let mut vertices = Vec::new();
        vertices_backwards(geometry, chains, before, &point, &mut vertices).ok()?;
        let owns = |v: &Vertex| facets.owner_at(geometry.scene, &geometry.bvh, v.facet, &v.position) == v.facet;
        if !vertices.iter().all(owns) {
            return None;
        }
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
