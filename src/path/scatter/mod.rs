//! Scattering: the points of surfaces that waves from one source reach and are scattered at ([`launch`], [`aim`], [`facets`]), and the
//! paths from there to receivers ([`connect`]).
//!
//! A scattering vertex stands for a part of its surface: its area is 1 over the number of samples per area that all
//! estimators together put there, so that sums over paths tend to integrals over surfaces (T75-T77). Positions are
//! computed in f64 from the facets that rays meet, so that they do not depend on the device. Nothing here traces: a
//! backend does ([`Tracing`]).

pub mod aim;
pub mod connect;
pub mod facets;
pub mod launch;

use super::corners::turns_through;
use super::refine::Vertex;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::layout::{Flight, LoneSegment};
use crate::math::Vec3;
use std::ops::Range;

/// What a backend brings to scattering.
pub trait Tracing {
    /// The facets that rays meet through specular reflections `[flight, depth]`, [`crate::layout::NONE`] behind the last.
    ///
    /// # Errors
    /// The device failed.
    fn follow(&self, flights: &[Flight], depth: usize) -> Result<Vec<u32>>;

    /// Whether something stands in the way of each segment.
    ///
    /// # Errors
    /// The device failed.
    fn blocked(&self, segments: &[LoneSegment]) -> Result<Vec<bool>>;
}

/// What is to be scattered, and how finely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatterOptions {
    /// Whether diffuse scattering is wanted.
    pub diffuse: bool,
    /// Whether directional lobes are wanted.
    pub lobe: bool,
    /// Rays from each transmitter whose hits are scattered.
    pub rays: u64,
    /// Samples about the image point of each facet that has a lobe, for each receiver that rays alone do not serve.
    pub lobe_samples: u32,
}

impl Default for ScatterOptions {
    fn default() -> Self {
        ScatterOptions { diffuse: false, lobe: false, rays: 100_000, lobe_samples: 256 }
    }
}

impl ScatterOptions {
    /// Whether anything is scattered at all.
    pub fn any(&self) -> bool {
        self.diffuse || self.lobe
    }
}

/// Points that waves from one source reach, and the ways there.
#[derive(Debug, Clone, Default)]
pub struct Scatterers {
    /// The points.
    pub points: Vec<Scatterer>,
    /// Vertices of all ways, one after another.
    vertices: Vec<Vertex>,
}

/// A point of a surface that a wave reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatterer {
    /// The point: a vertex without interaction yet, whose area is that of rays alone (T75) [m2].
    pub vertex: Vertex,
    /// Unit direction in which the wave arrives.
    pub incoming: Vec3,
    /// Length of the way from the source [m].
    pub travelled: f64,
    /// The vertices of that way.
    before: Range<u32>,
    /// The point before, if this one lies where surfaces meet.
    corner: Option<Vec3>,
}

impl Scatterers {
    /// The vertices on the way to a point, from the source on.
    pub fn way_to(&self, point: &Scatterer) -> &[Vertex] {
        &self.vertices[point.before.start as usize..point.before.end as usize]
    }

    /// Whether a wave that goes on from a point to `next` slips through something there.
    pub fn slips_through(&self, geometry: &Geometry, point: &Scatterer, next: &Vec3) -> bool {
        let patch = geometry.facets.patch[point.vertex.facet as usize];
        let slips = |before: Vec3| turns_through(geometry, &before, (&point.vertex.position, patch), next);
        point.corner.is_some_and(slips)
    }

    /// Adds a way; its place.
    fn add_way(&mut self, vertices: impl IntoIterator<Item = Vertex>) -> Range<u32> {
        let start = self.vertices.len() as u32;
        self.vertices.extend(vertices);
        start..self.vertices.len() as u32
    }
}
