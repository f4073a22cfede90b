//! A lobe over facets that are small beside its footprint: every triangle is one sample (T79).
//!
//! Of a wall that a scan has broken into a thousand tilted facets, each facet is seen whole, and the steps between
//! neighbours, which the true wall does not have, hide nothing: segments end a little above the facet. Rays serve such
//! facets badly, since some slip through the steps. Where a footprint holds far more triangles than its sum needs, some
//! stand for the others, so that neither time nor memory grows as the mesh is cut finer.

use super::Tracing;
use super::connect::Towards;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::interaction::reflection::mirror;
use crate::layout::{IN_PLANE_M, LoneSegment, NONE};
use crate::math::{Vec3, bounds_of};
use crate::path::refine::Vertex;
use crate::path::{FoundPaths, Interaction};
use rayon::prelude::*;

/// A facet is small if it is no larger than the standard deviation of the lobe's footprint times this [-]: the error of
/// one sample a triangle is then below a percent, and averages out over the facets.
const SMALL: f64 = 0.7;
/// Triangles that are enough where a lobe is strongest, per square of the standard deviation of its footprint [-]: about
/// 3000 in all, of which the sum has an error of 2 % (T79).
const ENOUGH: f64 = 256.0;
/// The fraction of the golden ratio: its multiples fill every interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
/// Segments end this many times the noise of the normals above a facet, times its size [-].
const LIFTS: f64 = 3.0;

/// The facets of lobe materials, and which of them are small for whom.
#[derive(Debug)]
pub struct SmallFacets {
    /// Where the source stands, local [m].
    source: Vec3,
    /// Facets with a lobe.
    facets: Vec<u32>,
    /// Diameter of each facet with a lobe, else 0 `[facet]` [m].
    size: Vec<f64>,
    /// One over the root of the lobe's concentration [rad], else 0 `[facet]`.
    width: Vec<f64>,
}

impl SmallFacets {
    /// Those of a scene whose lobes have these `concentration`s `[material]`, seen from `source` [m, local].
    pub fn new(geometry: &Geometry, concentration: &[Option<f64>], source: &Vec3) -> SmallFacets {
        let facets = &geometry.facets;
        let (mut size, mut width) = (vec![0.0; facets.len()], vec![0.0; facets.len()]);
        let mut with_lobe = Vec::new();
        for facet in 0..facets.len() {
            if let Some(kappa) = concentration[facets.material[facet] as usize] {
                let (low, high) = bounds_of(facets.hull_of(facet as u32));
                (size[facet], width[facet]) = ((high - low).norm(), 1.0 / kappa.sqrt());
                with_lobe.push(facet as u32);
            }
        }
        SmallFacets { source: *source, facets: with_lobe, size, width }
    }

    /// Whether a facet's triangles are the samples of waves straight from the source to a receiver, so that neither rays
    /// nor samples aimed at it count for them.
    pub fn holds(&self, geometry: &Geometry, facet: u32, receiver: &Vec3) -> bool {
        let at = geometry.facets.hull_of(facet)[0];
        let footprint = self.footprint(facet, (at - self.source).norm(), (receiver - at).norm());
        self.size[facet as usize] <= SMALL * footprint
    }

    /// Standard deviation of a lobe's footprint across the plane of incidence, of a facet at these distances from the
    /// source and from the receiver [m].
    fn footprint(&self, facet: u32, before: f64, behind: f64) -> f64 {
        before * behind / (before + behind) * self.width[facet as usize]
    }

    /// The share of triangles that stand for all, of those of this `area` [m2] where `off` is 1 less the cosine between
    /// the receiver and the mirror direction: as the root of the lobe, so that its rim is not forgotten (T79).
    fn share(&self, facet: u32, footprint: f64, area: f64, off: f64) -> f64 {
        let kappa = 1.0 / (self.width[facet as usize] * self.width[facet as usize]);
        (ENOUGH * area / (footprint * footprint) * libm::exp(-kappa * off / 2.0)).min(1.0)
    }

    /// How far above a facet segments end [m]: the noise of the normals that the lobe is made for, 1/sqrt(8 kappa), tilts
    /// its rim by about that.
    fn lift(&self, facet: u32) -> f64 {
        let noise = self.width[facet as usize] / 8f64.sqrt();
        self.size[facet as usize] * (LIFTS * noise).min(1.0)
    }
}

/// A triangle and a receiver that may see each other.
struct Sight {
    vertex: Vertex,
    receiver: u32,
    length: f64,
    lifted: Vec3,
}

/// Paths from the source over small facets to `receivers` [m, local].
///
/// # Errors
/// The device failed.
pub fn over_facets(
    tracing: &dyn Tracing,
    geometry: &Geometry,
    towards: &Towards,
    small: &SmallFacets,
    receivers: &[Vec3],
) -> Result<FoundPaths> {
    let mut found = FoundPaths::default();
    for (receiver, position) in (0..).zip(receivers) {
        let of_facet = |facet: &u32| sights_of(geometry, towards, small, *facet, (receiver, position));
        let sights: Vec<Sight> = small.facets.par_iter().flat_map_iter(of_facet).collect();
        let patch = |sight: &Sight| geometry.facets.patch[sight.vertex.facet as usize];
        let legs = sights.iter().flat_map(|sight| {
            let (lifted, skip) = (sight.lifted.into(), [patch(sight), NONE]);
            let arriving = LoneSegment { from: small.source.into(), to: lifted, skip: [NONE, patch(sight)] };
            [arriving, LoneSegment { from: lifted, to: (*position).into(), skip }]
        });
        let blocked = tracing.blocked(&legs.collect::<Vec<_>>())?;
        for (sight, blocked) in sights.iter().zip(blocked.chunks_exact(2)) {
            if blocked == [false, false] {
                found.push(sight.receiver, sight.length, &[sight.vertex]);
            }
        }
    }
    Ok(found)
}

/// The triangles of a facet that a receiver may see the lobe of.
fn sights_of(
    geometry: &Geometry,
    towards: &Towards,
    small: &SmallFacets,
    facet: u32,
    (receiver, position): (u32, &Vec3),
) -> Vec<Sight> {
    let (scene, facets) = (geometry.scene, &geometry.facets);
    let Some(least) = towards.lobe[facets.material[facet as usize] as usize] else { return Vec::new() };
    if !small.holds(geometry, facet, position) {
        return Vec::new();
    }
    let normal = Vec3::from(facets.plane(facet).normal);
    let normal = normal * 1f64.copysign(normal.dot(&(small.source - facets.hull_of(facet)[0])));
    let of_triangle = |triangle: &u32| {
        let [a, b, c] = scene.corners(*triangle);
        let point = (a + b + c) / 3.0;
        let (arriving, leaving) = (point - small.source, position - point);
        let (travelled, left) = (arriving.norm(), leaving.norm());
        let faces = -normal.dot(&arriving) > IN_PLANE_M && normal.dot(&leaving) > IN_PLANE_M;
        let cosine = mirror(&arriving, &normal).dot(&leaving) / (left * travelled);
        if !faces || cosine < least {
            return None;
        }
        let area = (b - a).cross(&(c - a)).norm() / 2.0;
        let share = small.share(facet, small.footprint(facet, travelled, left), area, 1.0 - cosine);
        if (f64::from(*triangle) * GOLDEN).fract() >= share {
            return None;
        }
        // A triangle that stands twice is one.
        if facets.triangle_at(scene, &geometry.bvh, facet, &point) != Some(*triangle)
            || facets.owner_at(scene, &geometry.bvh, facet, &point) != facet
        {
            return None;
        }
        let area = area / share;
        let vertex = Vertex { interaction: Interaction::Lobe, area, ..Vertex::reflection(point, facet, *triangle) };
        let lifted = point + normal * small.lift(facet);
        Some(Sight { vertex, receiver, length: travelled + left, lifted })
    };
    facets.triangles_of(facet).iter().filter_map(of_triangle).collect()
}
