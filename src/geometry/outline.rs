//! Outlines of flat pieces: where a wall ends, as opposed to where it is cut into triangles (T108).
//!
//! An edge of a triangle belongs to the outline as far as no other triangle of the piece goes on beyond it, T-junctions,
//! copies and overlaps included. Two kinds of pieces have one: facets, for what a wave is reflected by, and patches, for what
//! stands in its way, whatever it is made of.

use super::Geometry;
use super::search::{Region, for_each_in_region};
use crate::layout::{FEW_TRIANGLES, NONE, OutlineAt, OutlineEdge, Plane};
use crate::math::Vec3;
use rayon::prelude::*;

/// A piece of an outline, the inside to its left about the plane's normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Its ends [m], in the plane.
    pub ends: [Vec3; 2],
    /// The vertices of the scene whose edge it is a part of.
    pub vertices: [u32; 2],
    /// Which part: parameters of the two ends along that edge [-].
    pub span: [f64; 2],
}

/// The outlines of all facets and patches of a scene.
#[derive(Debug, Clone)]
pub struct Outlines {
    patches: Pieces,
    /// Those of facets that are not all of their patch.
    facets: Pieces,
    /// Place of a facet in `facets`, or [`NONE`]: its patch's outline is its own `[facet]`.
    of_facet: Vec<u32>,
}

/// Outlines one after another.
#[derive(Debug, Clone)]
struct Pieces {
    offsets: Vec<u32>,
    edges: Vec<Edge>,
    shapes: Vec<Shape>,
}

/// What an outline looks like from afar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The middle of a ball that holds it [m].
    pub middle: Vec3,
    /// The radius of the ball [m].
    pub radius: f64,
    /// Whether what is to the left of all edges is all of the inside.
    pub is_convex: bool,
}

/// An outline in its plane.
#[derive(Debug, Clone, Copy)]
pub struct Outline<'a> {
    /// The plane.
    pub plane: &'a Plane,
    /// The edges, in no order.
    pub edges: &'a [Edge],
    /// What it looks like from afar.
    pub shape: &'a Shape,
}

impl Outlines {
    /// Finds the outlines through the hierarchy.
    pub fn build(geometry: &Geometry) -> Outlines {
        let facets = &geometry.facets;
        let patches = (0..facets.planes.len() as u32).into_par_iter().map(|patch| {
            let triangles: Vec<u32> =
                facets.of_patch(patch).iter().flat_map(|facet| facets.triangles_of(*facet)).copied().collect();
            Cut { geometry, patch, facet: NONE }.outline(&triangles)
        });
        let patches = Pieces::new(patches.collect());
        let parts: Vec<u32> =
            (0..facets.len() as u32).filter(|facet| facets.of_patch(facets.patch[*facet as usize]).len() > 1).collect();
        let mut of_facet = vec![NONE; facets.len()];
        parts.iter().enumerate().for_each(|(place, facet)| of_facet[*facet as usize] = place as u32);
        let cut = |facet: &u32| {
            let patch = facets.patch[*facet as usize];
            Cut { geometry, patch, facet: *facet }.outline(facets.triangles_of(*facet))
        };
        Outlines { patches, facets: Pieces::new(parts.par_iter().map(cut).collect()), of_facet }
    }

    /// The outline of a patch.
    #[inline]
    pub fn of_patch<'a>(&'a self, geometry: &'a Geometry, patch: u32) -> Outline<'a> {
        self.patches.of(&geometry.facets.planes[patch as usize], patch)
    }

    /// The outline of a facet.
    #[inline]
    pub fn of_facet<'a>(&'a self, geometry: &'a Geometry, facet: u32) -> Outline<'a> {
        let patch = geometry.facets.patch[facet as usize];
        match self.of_facet[facet as usize] {
            NONE => self.of_patch(geometry, patch),
            place => self.facets.of(&geometry.facets.planes[patch as usize], place),
        }
    }

    /// All of them as the device reads them: outlines of patches and, behind them, of facets that are not all of their patch; which
    /// of them is that of each facet; edges.
    pub fn records(&self, geometry: &Geometry) -> (Vec<OutlineAt>, Vec<u32>, Vec<OutlineEdge>) {
        let (mut outlines, mut edges) = (Vec::new(), Vec::new());
        for pieces in [&self.patches, &self.facets] {
            for (piece, shape) in pieces.shapes.iter().enumerate() {
                let own = &pieces.edges[pieces.offsets[piece] as usize..pieces.offsets[piece + 1] as usize];
                outlines.push(OutlineAt {
                    middle: shape.middle.into(),
                    radius: shape.radius,
                    first_edge: edges.len() as u32,
                    edges: own.len() as u32,
                    is_convex: shape.is_convex.into(),
                    unused: 0,
                });
                edges.extend(own.iter().map(|edge| OutlineEdge { ends: edge.ends.map(Into::into) }));
            }
        }
        let place = |(facet, part): (usize, &u32)| match *part {
            NONE => geometry.facets.patch[facet],
            part => self.patches.shapes.len() as u32 + part,
        };
        let of_facet = self.of_facet.iter().enumerate().map(place).collect();
        (outlines, of_facet, edges)
    }
}

impl Pieces {
    fn new(outlines: Vec<(Vec<Edge>, Vec3)>) -> Pieces {
        let mut pieces = Pieces { offsets: vec![0], edges: Vec::new(), shapes: Vec::new() };
        for (outline, normal) in outlines {
            pieces.shapes.push(Shape::of(&outline, &normal));
            pieces.edges.extend(outline);
            pieces.offsets.push(pieces.edges.len() as u32);
        }
        pieces
    }

    #[inline]
    fn of<'a>(&'a self, plane: &'a Plane, piece: u32) -> Outline<'a> {
        let piece = piece as usize;
        let own = self.offsets[piece] as usize..self.offsets[piece + 1] as usize;
        Outline { plane, edges: &self.edges[own], shape: &self.shapes[piece] }
    }
}

impl Shape {
    fn of(edges: &[Edge], n: &Vec3) -> Shape {
        /// Outlines of more edges are not looked at: that takes the square of their number.
        const MOST_EDGES: usize = 64;
        /// Corners this far beyond an edge's line are on it [m].
        const ON_LINE_M: f64 = 1e-9;
        let points = || edges.iter().flat_map(|edge| edge.ends);
        let (low, high) = crate::math::bounds_of(&points().collect::<Vec<Vec3>>());
        // An outline without edges is of nothing that has an area.
        let middle = if edges.is_empty() { Vec3::zeros() } else { (low + high) / 2.0 };
        let is_left = |edge: &Edge| {
            let inward = n.cross(&(edge.ends[1] - edge.ends[0])).normalize();
            points().all(|p| inward.dot(&(p - edge.ends[0])) > -ON_LINE_M)
        };
        Shape {
            middle,
            radius: points().map(|p| (p - middle).norm()).fold(0.0, f64::max),
            is_convex: edges.len() <= MOST_EDGES && edges.iter().all(is_left),
        }
    }
}

/// Cutting the edges of one piece's triangles.
struct Cut<'a> {
    geometry: &'a Geometry<'a>,
    patch: u32,
    /// The facet, or [`NONE`] for all of the patch.
    facet: u32,
}

impl Cut<'_> {
    fn outline(&self, triangles: &[u32]) -> (Vec<Edge>, Vec3) {
        let mut edges = Vec::new();
        for triangle in triangles {
            let ([a, b, c], vertices) = self.oriented(*triangle);
            for (ends, vertices) in [
                ([a, b], [vertices[0], vertices[1]]),
                ([b, c], [vertices[1], vertices[2]]),
                ([c, a], [vertices[2], vertices[0]]),
            ] {
                self.add_uncovered(*triangle, triangles, ends, vertices, &mut edges);
            }
        }
        (edges, self.normal())
    }

    fn normal(&self) -> Vec3 {
        self.geometry.facets.planes[self.patch as usize].normal.into()
    }

    /// Corners of a triangle in the plane, counter-clockwise about its normal, and their vertices.
    fn oriented(&self, triangle: u32) -> ([Vec3; 3], [u32; 3]) {
        let plane = &self.geometry.facets.planes[self.patch as usize];
        let n = Vec3::from(plane.normal);
        let flat = |p: Vec3| p - n * (n.dot(&p) - plane.offset);
        let ([a, b, c], [i, j, k]) =
            (self.geometry.scene.corners(triangle).map(flat), self.geometry.scene.triangles[triangle as usize]);
        if (b - a).cross(&(c - a)).dot(&n) < 0.0 { ([a, c, b], [i, k, j]) } else { ([a, b, c], [i, j, k]) }
    }

    /// Adds the parts of an edge of `own` beyond which no other of the triangles goes on.
    fn add_uncovered(&self, own: u32, all: &[u32], ends: [Vec3; 2], vertices: [u32; 2], edges: &mut Vec<Edge>) {
        let tolerance = self.geometry.facets.rule.distance;
        let [from, to] = ends;
        let along = to - from;
        let least = tolerance / along.norm();
        let mut covered: Vec<[f64; 2]> = Vec::new();
        self.for_each_near(own, all, &ends, |other| {
            covered.extend(self.covered_by(&ends, &self.oriented(other).0, tolerance));
        });
        covered.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let mut bare_from = 0.0;
        let mut add = |start: f64, end: f64| {
            if end - start > least {
                let ends = [start, end].map(|t| from + along * t);
                edges.push(Edge { ends, vertices, span: [start, end] });
            }
        };
        for [start, end] in covered {
            add(bare_from, start.min(1.0));
            bare_from = end.max(bare_from);
        }
        add(bare_from, 1.0);
    }

    /// The part of an edge, whose inside is to the left, on the right of which a triangle lies; padded by `tolerance` [m].
    fn covered_by(&self, [from, to]: &[Vec3; 2], corners: &[Vec3; 3], tolerance: f64) -> Option<[f64; 2]> {
        let (n, along) = (self.normal(), to - from);
        let outward = along.cross(&n).normalize();
        let farthest = corners.iter().map(|corner| (corner - from).dot(&outward)).fold(f64::NEG_INFINITY, f64::max);
        if farthest <= tolerance {
            return None;
        }
        let (mut start, mut end) = (0f64, 1f64);
        for k in 0..3 {
            let (p, q) = (corners[k], corners[(k + 1) % 3]);
            let inward = n.cross(&(q - p));
            let slack = (from - p).dot(&inward) + tolerance * inward.norm();
            let slope = along.dot(&inward);
            match slope {
                s if s > 0.0 => start = start.max(-slack / s),
                s if s < 0.0 => end = end.min(-slack / s),
                _ if slack < 0.0 => return None,
                _ => {}
            }
        }
        (start < end).then_some([start, end])
    }

    /// Calls `found` for the triangles of the piece that may lie at an edge of `own`.
    fn for_each_near(&self, own: u32, all: &[u32], [from, to]: &[Vec3; 2], mut found: impl FnMut(u32)) {
        if all.len() <= FEW_TRIANGLES as usize {
            return all.iter().filter(|other| **other != own).for_each(|other| found(*other));
        }
        let pad = Vec3::repeat(2.0 * self.geometry.facets.rule.distance);
        let (low, high) = (from.inf(to) - pad, from.sup(to) + pad);
        let region = Region { low, high, normal: Vec3::zeros(), offset: 0.0, half_thickness: 0.0 };
        let of_triangle = &self.geometry.facets.of_triangle;
        for_each_in_region(&self.geometry.bvh, &region, |other, patch| {
            let is_part = patch == self.patch && (self.facet == NONE || of_triangle[other as usize] == self.facet);
            if is_part && other != own {
                found(other);
            }
            true
        });
    }
}
