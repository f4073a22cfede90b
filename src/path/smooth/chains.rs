//! All chains of facets that are paths, or nearly (T110): one by one, so that none is missed that is not sorted out here.
//!
//! What leaves the transmitter must nearly see the first facet, and what arrives the last one ([`super::seen`]); between
//! them any facet may stand. Receivers are independent, in parallel, and their order is kept.

use super::{Candidate, View, Visibility};
use crate::geometry::clearance::distance_to_ball;
use crate::geometry::outline::Outline;
use crate::math::Vec3;
use crate::path::beam::mirror;
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
    let mut found = Vec::new();
    if asked.line_of_sight {
        found.extend(Search::new(view, from, receiver).judged());
    }
    for depth in 1..=asked.max_depth as usize {
        let of_first = |facet: &u32| {
            let mut search = Search::new(view, from, receiver);
            let mut found = Vec::new();
            search.descend(*facet, depth, last, &mut found);
            found
        };
        found.extend(first.par_iter().flat_map_iter(of_first).collect::<Vec<_>>());
    }
    sort(&mut found);
    found
}

/// Puts soft paths in order: by length, then by chain.
pub fn sort(paths: &mut [SoftPath]) {
    paths.sort_by(|a, b| a.length.total_cmp(&b.length).then_with(|| a.chain.cmp(&b.chain)));
}

/// A walk through the chains from one transmitter to one receiver.
struct Search<'a> {
    view: &'a View<'a>,
    receiver: &'a Vec3,
    reach: f64,
    chain: Vec<u32>,
    images: Vec<Vec3>,
    vertices: Vec<Vec3>,
}

impl<'a> Search<'a> {
    fn new(view: &'a View<'a>, from: &Vec3, receiver: &'a Vec3) -> Search<'a> {
        let reach = super::over(view.softness.kind.reach(), view.softness.on_facet);
        Search { view, receiver, reach, chain: Vec::new(), images: vec![*from], vertices: Vec::new() }
    }

    fn outline(&self, facet: u32) -> Outline<'a> {
        self.view.outlines.of_facet(self.view.geometry, facet)
    }

    /// Looks at all chains of `depth` facets that begin with those before and `facet`.
    fn descend(&mut self, facet: u32, depth: usize, last: &[u32], found: &mut Vec<SoftPath>) {
        let facets = &self.view.geometry.facets;
        let patch = |facet: u32| facets.patch[facet as usize];
        if self.chain.last().is_some_and(|before| patch(*before) == patch(facet)) {
            return;
        }
        let image = mirror(&self.images[self.chain.len()], facets.plane(facet));
        let is_last = self.chain.len() + 1 == depth;
        // Of most chains the receiver is far from where the last facet could send anything.
        if is_last && distance_to_ball(&[image, *self.receiver], &self.outline(facet)) > self.reach {
            return;
        }
        self.chain.push(facet);
        self.images.push(image);
        if is_last {
            found.extend(self.judged());
        } else if self.chain.len() + 1 == depth {
            last.iter().for_each(|next| self.descend(*next, depth, last, found));
        } else {
            (0..facets.len() as u32).for_each(|next| self.descend(next, depth, last, found));
        }
        self.chain.pop();
        self.images.pop();
    }

    /// The chain in hand, if it is nearly a path.
    fn judged(&mut self) -> Option<SoftPath> {
        let candidate = Candidate { chain: &self.chain, images: &self.images, receiver: self.receiver };
        let visibility = self.view.visibility(&candidate, &mut self.vertices)?;
        Some(SoftPath::new(self.view, &candidate, &self.vertices, visibility))
    }
}
