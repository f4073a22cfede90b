//! From scattering points to receivers: next-event estimation (T77).
//!
//! Every point is tried with every receiver. Most pairs of a lobe are told apart by one product, since the receiver is far
//! from the mirror direction; what is left is tested for visibility, many segments at once.

use super::aim::Aims;
use super::{Scatterer, Scatterers, Tracing};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::interaction::reflection::mirror;
use crate::layout::{IN_PLANE_M, LoneSegment, NONE};
use crate::math::Vec3;
use crate::path::refine::Vertex;
use crate::path::{FoundPaths, Interaction};
use rayon::prelude::*;

/// What the materials of a scene scatter towards receivers `[material]`.
#[derive(Debug, Clone)]
pub struct Towards {
    /// Whether diffusely.
    pub diffuse: Vec<bool>,
    /// The least cosine to the mirror direction at which a lobe counts; `None`: no lobe.
    pub lobe: Vec<Option<f64>>,
}

/// Pairs of a point and a receiver that are tried before segments are traced together: bounds the memory.
const PAIRS_AT_ONCE: usize = 1 << 21;
/// Points that one task of the pool tries.
const TASK: usize = 64;

/// A point and a receiver that may see each other.
struct Sight {
    point: u32,
    receiver: u32,
    interaction: Interaction,
    area: f64,
}

/// Paths from the source of `scatterers` over each of them to `receivers` [m, local].
///
/// Lobes of chains that are also aimed at (`aims`) share their areas with those samples by the balance heuristic.
///
/// # Errors
/// The device failed.
pub fn connect(
    tracing: &dyn Tracing,
    geometry: &Geometry,
    towards: &Towards,
    scatterers: &Scatterers,
    receivers: &[Vec3],
    aims: &Aims,
) -> Result<FoundPaths> {
    let mut found = FoundPaths::default();
    let at_once = (PAIRS_AT_ONCE / receivers.len().max(1)).max(1);
    for (part, points) in scatterers.points.chunks(at_once).enumerate() {
        let first = part * at_once;
        let tasks = points.par_chunks(TASK).enumerate().flat_map_iter(|(task, points)| {
            let mut sights = Vec::new();
            for (i, point) in points.iter().enumerate() {
                let place = (first + task * TASK + i) as u32;
                sights_of(geometry, towards, scatterers, (place, point), receivers, aims, &mut sights);
            }
            sights
        });
        let sights: Vec<Sight> = tasks.collect();
        let segment = |sight: &Sight| {
            let vertex = &scatterers.points[sight.point as usize].vertex;
            let (from, to) = (vertex.position.into(), receivers[sight.receiver as usize].into());
            LoneSegment { from, to, skip: [geometry.facets.patch[vertex.facet as usize], NONE] }
        };
        let blocked = tracing.blocked(&sights.par_iter().map(segment).collect::<Vec<_>>())?;
        for (sight, _) in sights.iter().zip(&blocked).filter(|(_, blocked)| !**blocked) {
            let point = &scatterers.points[sight.point as usize];
            if scatterers.slips_through(geometry, point, &receivers[sight.receiver as usize]) {
                continue;
            }
            let last = Vertex { interaction: sight.interaction, area: sight.area, ..point.vertex };
            let way = scatterers.way_to(point);
            let length = point.travelled + (receivers[sight.receiver as usize] - last.position).norm();
            found.push_chain(sight.receiver, length, way.iter().copied().chain([last]));
        }
    }
    Ok(found)
}

/// The receivers that a point may be seen by.
fn sights_of(
    geometry: &Geometry,
    towards: &Towards,
    scatterers: &Scatterers,
    (place, point): (u32, &Scatterer),
    receivers: &[Vec3],
    aims: &Aims,
    sights: &mut Vec<Sight>,
) {
    let facet = point.vertex.facet;
    let material = geometry.facets.material[facet as usize] as usize;
    let normal = Vec3::from(geometry.facets.plane(facet).normal);
    // The side that the wave comes from.
    let normal = normal * -1f64.copysign(normal.dot(&point.incoming));
    let mirrored = mirror(&point.incoming, &normal);
    let way = scatterers.way_to(point);
    let node = towards.lobe[material].and_then(|_| aims.node_of(way, facet));
    for (receiver, position) in receivers.iter().enumerate() {
        let leaving = position - point.vertex.position;
        if normal.dot(&leaving) <= IN_PLANE_M {
            continue;
        }
        let receiver = receiver as u32;
        if towards.diffuse[material] {
            let (interaction, area) = (Interaction::Diffuse, point.vertex.area);
            sights.push(Sight { point: place, receiver, interaction, area });
        }
        let is_in_lobe = |least: f64| mirrored.dot(&leaving) >= least * leaving.norm();
        let is_others = || way.is_empty() && aims.small.holds(geometry, facet, position);
        if towards.lobe[material].is_some_and(is_in_lobe) && !is_others() {
            let aimed =
                node.map_or(0.0, |node| aims.samples_per_area(geometry, node, position, &point.vertex.position));
            let area = 1.0 / (1.0 / point.vertex.area + aimed);
            sights.push(Sight { point: place, receiver, interaction: Interaction::Lobe, area });
        }
    }
}
