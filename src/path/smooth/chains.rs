//! All chains of facets that are paths, or nearly (T110): one by one, so that none is missed.
//!
//! What leaves the transmitter must nearly see the first facet, and what arrives the last one ([`super::seen`]); between
//! them any facet may stand that lies where a line from the receiver's image leads through those behind. Receivers are
//! independent, in parallel, and their order is kept.

use super::frusta::add_sides;
use super::sources::{Source, Sources};
use super::{Candidate, View, Visibility};
use crate::geometry::clearance::distance_to_ball;
use crate::geometry::facet::Facets;
use crate::geometry::outline::Shape;
use crate::layout::{NONE, OUTLINE_M};
use crate::math::Vec3;
use crate::path::beam::{Frustum, mirror};
use rayon::prelude::*;

/// A chain that is a path, or nearly.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftPath {
    /// Facets, the transmitter's side first.
    pub chain: Vec<u32>,
    /// The continued vertices `[facet]` [m].
    pub vertices: Vec<Vec3>,
    /// Length of the chain unfolded [m].
    pub length: f64,
    /// Unit direction of departure.
    pub departure: Vec3,
    /// Unit direction of travel at the receiver.
    pub arrival: Vec3,
    /// How nearly it is a path.
    pub visibility: Visibility,
}

impl SoftPath {
    /// A chain whose vertices and visibility are known.
    pub fn new(view: &View, candidate: &Candidate, vertices: &[Vec3], visibility: Visibility) -> SoftPath {
        let Candidate { chain, images, receiver } = candidate;
        let length = candidate.length();
        let arrival = (*receiver - images[chain.len()]) / length;
        let departure = chain.iter().rev().fold(arrival, |k, facet| {
            let n = Vec3::from(view.geometry.facets.plane(*facet).normal);
            k - n * (2.0 * k.dot(&n))
        });
        SoftPath { chain: chain.to_vec(), vertices: vertices.to_vec(), length, departure, arrival, visibility }
    }
}

/// Which chains are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Whether the direct path is wanted.
    pub line_of_sight: bool,
    /// Largest number of facets; 0 where no reflection is wanted.
    pub max_depth: u32,
}

/// The soft paths from a transmitter at `from` [m], which nearly sees the facets `first`, to a receiver, which nearly sees the
/// facets `last`: by length, then by chain.
pub fn soft_paths(
    view: &View,
    from: &Vec3,
    receiver: &Vec3,
    asked: Asked,
    [first, last]: [&[u32]; 2],
) -> Vec<SoftPath> {
    let ends = Ends::new(view, [from, receiver], first);
    let mut found = Vec::new();
    if asked.line_of_sight {
        found.extend(Search::new(&ends).judged());
    }
    for depth in 1..=asked.max_depth as usize {
        if depth == 1 {
            Search::new(&ends).add_single(&mut found);
            continue;
        }
        let of_last = |facet: &u32| {
            let (mut search, mut found) = (Search::new(&ends), Vec::new());
            search.descend(*facet, depth, &mut found);
            found
        };
        found.extend(last.par_iter().with_min_len(16).flat_map_iter(of_last).collect::<Vec<_>>());
    }
    sort(&mut found);
    found
}

/// Puts soft paths in order: by length, then by chain.
pub fn sort(paths: &mut [SoftPath]) {
    paths.sort_by(|a, b| a.length.total_cmp(&b.length).then_with(|| a.chain.cmp(&b.chain)));
}

/// What chains run between.
struct Ends<'a> {
    view: &'a View<'a>,
    from: &'a Vec3,
    receiver: &'a Vec3,
    first: Sources<'a>,
    /// How far beside its facet a leg unfolded may pass [m].
    reach: f64,
}

impl<'a> Ends<'a> {
    fn new(view: &'a View<'a>, [from, receiver]: [&'a Vec3; 2], first: &[u32]) -> Ends<'a> {
        // A nanometre for rounding.
        let reach = super::over(view.softness.kind.reach(), view.softness.on_facet) + 1e-9;
        Ends { view, from, receiver, first: Sources::new(view, from, first), reach }
    }

    fn facets(&self) -> &'a Facets {
        &self.view.geometry.facets
    }

    fn shape(&self, facet: u32) -> &'a Shape {
        self.view.outlines.of_facet(self.view.geometry, facet).shape
    }

    /// How far beside a facet the line between the images of a chain's two ends may pass, `later` facets before the last [m].
    ///
    /// A leg unfolded passes by at most `reach`. It leads to a vertex on the line unfolded further; or, where the vertex is
    /// continued, to one at most twice the reach above the plane, whose mirror image is on that line.
    fn beside(&self, later: usize) -> f64 {
        self.reach * (1.0 + 4.0 * later as f64)
    }
}

/// A walk through the chains between two ends, from the receiver's side.
struct Search<'a> {
    ends: &'a Ends<'a>,
    /// The last facets, the receiver's side first.
    chain: Vec<u32>,
    /// The receiver and its images in them.
    targets: Vec<Vec3>,
    images: Vec<Vec3>,
    vertices: Vec<Vec3>,
}

impl<'a> Search<'a> {
    fn new(ends: &'a Ends<'a>) -> Search<'a> {
        let targets = vec![*ends.receiver];
        Search { ends, chain: Vec::new(), targets, images: Vec::new(), vertices: Vec::new() }
    }

    /// Looks at all chains of one facet.
    fn add_single(&mut self, found: &mut Vec<SoftPath>) {
        self.ends.first.all().iter().for_each(|first| self.begin(first, self.ends.receiver, found));
    }

    /// Looks at all chains of `depth` facets, two or more, that end with `facet` and those in hand.
    fn descend(&mut self, facet: u32, depth: usize, found: &mut Vec<SoftPath>) {
        let ends = self.ends;
        let target = mirror(&self.targets[self.chain.len()], ends.facets().plane(facet));
        self.chain.push(facet);
        self.targets.push(target);
        let frustum = self.frustum();
        let mut wide = frustum.clone();
        let beside = ends.beside(self.chain.len());
        wide.rows.iter_mut().for_each(|row| row[3] += beside);
        if self.chain.len() + 1 == depth {
            // The line leads from the image of the receiver to that of the transmitter.
            ends.first.for_each_in([&wide, &frustum], |first| self.begin(first, &target, found));
        } else {
            for next in 0..ends.facets().len() as u32 {
                let is_other = ends.facets().patch[next as usize] != self.patch();
                if is_other && may_meet(&wide, ends.shape(next)) {
                    self.descend(next, depth, found);
                }
            }
        }
        self.targets.pop();
        self.chain.pop();
    }

    /// Where a line from the image of the receiver leads that passes the facet in hand.
    fn frustum(&self) -> Frustum {
        let later = self.chain.len() - 1;
        let (facet, apex, beside) = (self.chain[later], &self.targets[later + 1], self.ends.beside(later));
        let (hull, plane) = (self.ends.facets().hull_of(facet), self.ends.facets().plane(facet));
        let edges = (0..hull.len()).map(|k| [hull[k], hull[(k + 1) % hull.len()]]);
        let n = Vec3::from(plane.normal);
        let mut frustum = Frustum::default();
        add_sides(&mut frustum, apex, edges, &n, beside + 2.0 * OUTLINE_M);
        frustum
    }

    /// The patch that the chain in hand begins with.
    fn patch(&self) -> u32 {
        self.chain.last().map_or(NONE, |facet| self.ends.facets().patch[*facet as usize])
    }

    /// Judges the chain in hand with its first facet, if the line between the images of both ends passes near that.
    fn begin(&mut self, Source { facet, patch, outline, image }: &Source, target: &Vec3, found: &mut Vec<SoftPath>) {
        let beside = self.ends.beside(self.chain.len());
        if *patch != self.patch() && distance_to_ball(&[*image, *target], outline) <= beside {
            self.chain.push(*facet);
            found.extend(self.judged());
            self.chain.pop();
        }
    }

    /// The chain in hand, if it is nearly a path.
    fn judged(&mut self) -> Option<SoftPath> {
        let Ends { view, from, receiver, .. } = self.ends;
        let chain: Vec<u32> = self.chain.iter().rev().copied().collect();
        view.images(from, &chain, &mut self.images);
        let candidate = Candidate { chain: &chain, images: &self.images, receiver };
        let visibility = view.visibility(&candidate, &mut self.vertices)?;
        Some(SoftPath::new(view, &candidate, &self.vertices, visibility))
    }
}

/// Whether a piece of this shape may reach into a frustum.
fn may_meet(frustum: &Frustum, Shape { middle, radius, .. }: &Shape) -> bool {
    frustum.rows.iter().all(|[x, y, z, d]| x * middle.x + y * middle.y + z * middle.z + d + radius >= 0.0)
}
