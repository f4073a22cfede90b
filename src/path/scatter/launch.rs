//! Rays from a source whose hits are scattered: specular chains first, then, where diffuse scattering may be followed by
//! more, one ray on from a hit of each (T75, T76).

use super::{Scatterer, Scatterers, Tracing};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::facet::Facets;
use crate::interaction::scattering::Scattering;
use crate::layout::{Flight, NONE};
use crate::math::Vec3;
use crate::math::random::{fibonacci_direction, philox, unit_interval};
use crate::path::Interaction;
use crate::path::beam::signed_distance;
use crate::path::corners::{RayLeg, is_at_seam};
use crate::path::refine::Vertex;
use std::f64::consts::PI;
use std::ops::Range;

/// What surfaces do with rays: of each facet's material, whether it scatters diffusely, and whether waves end there in a
/// lobe.
pub struct Surfaces<'a> {
    /// Pattern of each material that scatters diffusely `[material]`.
    pub diffuse: &'a [Option<Scattering>],
    /// Whether each material has a lobe that is wanted `[material]`.
    pub lobe: &'a [bool],
}

impl Surfaces<'_> {
    fn scatters(&self, material: usize) -> bool {
        self.diffuse[material].is_some() || self.lobe[material]
    }
}

/// Which rays: `count` of them around `source` [m, local].
#[derive(Debug, Clone, Copy)]
pub struct Shower {
    /// Where they start.
    pub source: Vec3,
    /// How many.
    pub count: u64,
    /// Largest number of interactions of a path.
    pub max_depth: usize,
    /// Whether rays go on through specular reflections.
    pub specular: bool,
    /// Key of the random numbers.
    pub key: [u32; 2],
}

/// A ray on its way: what it did before.
struct Leg {
    flight: Flight,
    /// The way to where the leg begins, which is a scattering vertex but for the first leg.
    before: Range<u32>,
    travelled: f64,
    depth: usize,
    /// Area of a hit [m2] over (distance^2 / cosine): the solid angle that the ray stands for [sr].
    solid_angle: f64,
    /// The point before the leg, if it begins at a seam.
    corner: Option<Vec3>,
}

/// The points that the rays of a shower are scattered at, in the order of the rays, generation by generation.
///
/// # Errors
/// The device failed.
pub fn scatterers(
    tracing: &dyn Tracing,
    geometry: &Geometry,
    surfaces: &Surfaces,
    shower: &Shower,
) -> Result<Scatterers> {
    let mut found = Scatterers::default();
    let mut legs = first_legs(shower);
    for generation in 0.. {
        // Every generation has scattered once more, so that it has one interaction less to go.
        let left = shower.max_depth.saturating_sub(generation as usize);
        let depth = if shower.specular { left } else { left.min(1) };
        if legs.is_empty() || depth == 0 {
            break;
        }
        let flights: Vec<Flight> = legs.iter().map(|leg| leg.flight).collect();
        let chains = tracing.follow(&flights, depth)?;
        let mut next = Vec::new();
        for (ray, (leg, chain)) in legs.iter().zip(chains.chunks_exact(depth)).enumerate() {
            let left = &chain[..depth.min(shower.max_depth - leg.depth)];
            let hits = found.follow(geometry, surfaces, leg, left);
            let words = philox([ray as u32, generation, 0, 1], shower.key);
            next.extend(found.scatter_on(geometry, surfaces, shower, hits, words));
        }
        legs = next;
    }
    Ok(found)
}

fn first_legs(shower: &Shower) -> Vec<Leg> {
    let leg = |ray: u64| {
        let direction = fibonacci_direction(ray, shower.count);
        Leg {
            flight: Flight { origin: shower.source.into(), direction: direction.into(), skip: NONE, unused: 0 },
            before: 0..0,
            travelled: 0.0,
            depth: 0,
            solid_angle: 4.0 * PI / shower.count as f64,
            corner: None,
        }
    };
    (0..shower.count).map(leg).collect()
}

impl Scatterers {
    /// Adds the points of one leg that scatter; their places among the points.
    fn follow(&mut self, geometry: &Geometry, surfaces: &Surfaces, leg: &Leg, chain: &[u32]) -> Range<usize> {
        let (facets, first) = (&geometry.facets, self.points.len());
        let mut position = Vec3::from(leg.flight.origin);
        let mut k = Vec3::from(leg.flight.direction).normalize();
        let (mut travelled, mut unfolded) = (leg.travelled, 0.0);
        let start = self.copy_way(&leg.before).start;
        let mut way = RayLeg { from: position, skip: leg.flight.skip, before: leg.corner };
        for &facet in chain.iter().take_while(|facet| **facet != NONE) {
            let plane = facets.plane(facet);
            let normal = Vec3::from(plane.normal);
            let slope = k.dot(&normal);
            let step = -signed_distance(&position, plane) / slope;
            if !(step.is_finite() && step > 0.0) {
                break;
            }
            position += k * step;
            (travelled, unfolded) = (travelled + step, unfolded + step);
            let Some(triangle) = facets.triangle_at(geometry.scene, &geometry.bvh, facet, &position) else { break };
            let vertex = Vertex::reflection(position, facet, triangle);
            let patch = facets.patch[facet as usize];
            let seam = is_at_seam(geometry, patch, &position);
            if !way.reaches(geometry, &position, patch, seam) {
                break;
            }
            let corner = seam.then_some(way.from);
            way = RayLeg { from: position, skip: patch, before: corner };
            if surfaces.scatters(facets.material[facet as usize] as usize) {
                let before = start..self.vertices.len() as u32;
                let area = leg.solid_angle * unfolded * unfolded / slope.abs();
                let vertex = Vertex { area, ..vertex };
                self.points.push(Scatterer { vertex, incoming: k, travelled, before, corner });
            }
            self.vertices.push(vertex);
            k -= normal * (2.0 * slope);
        }
        first..self.points.len()
    }

    /// A way once more, at the end of all vertices, so that more can follow it.
    fn copy_way(&mut self, way: &Range<u32>) -> Range<u32> {
        let copied: Vec<Vertex> = self.vertices[way.start as usize..way.end as usize].to_vec();
        self.add_way(copied)
    }

    /// A ray on from one of the points, in a direction drawn from its pattern.
    fn scatter_on(
        &mut self,
        geometry: &Geometry,
        surfaces: &Surfaces,
        shower: &Shower,
        points: Range<usize>,
        words: [u32; 4],
    ) -> Option<Leg> {
        let goes_on = |place: &usize| {
            let point = &self.points[*place];
            let depth = point.before.len() + 1;
            depth < shower.max_depth && pattern_at(surfaces, &geometry.facets, point).is_some()
        };
        let candidates: Vec<usize> = points.filter(goes_on).collect();
        let [choice, first, second, third] = words.map(unit_interval);
        let chosen = *candidates.get((choice * candidates.len() as f64) as usize)?;
        let point = self.points[chosen].clone();
        let facets = &geometry.facets;
        let normal = Vec3::from(facets.plane(point.vertex.facet).normal);
        let pattern = pattern_at(surfaces, facets, &point)?;
        let sampled = pattern.sample(&point.incoming, &normal, first, second, third)?;
        let here = Vertex { interaction: Interaction::Diffuse, ..point.vertex };
        let way: Vec<Vertex> = self.way_to(&point).iter().copied().chain([here]).collect();
        let depth = way.len();
        let (origin, skip) = (point.vertex.position.into(), facets.patch[point.vertex.facet as usize]);
        Some(Leg {
            flight: Flight { origin, direction: sampled.k_s.into(), skip, unused: 0 },
            before: self.add_way(way),
            travelled: point.travelled,
            depth,
            // One of so many points goes on.
            solid_angle: candidates.len() as f64 / sampled.density,
            corner: point.corner,
        })
    }
}

fn pattern_at<'a>(surfaces: &'a Surfaces, facets: &Facets, point: &Scatterer) -> Option<&'a Scattering> {
    surfaces.diffuse[facets.material[point.vertex.facet as usize] as usize].as_ref()
}
