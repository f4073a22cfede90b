//! The facets by which a transmitter may first be reflected, for search: which of them a frustum meets that holds their images.

use super::View;
use crate::geometry::outline::{Outline, Shape};
use crate::math::{Vec3, bounds_of};
use crate::path::beam::{Frustum, mirror};
use crate::path::receivers::ReceiverBoxes;
use std::ops::Range;

/// Facets that are not sorted out together any more.
const FEW: usize = 8;

/// A facet that the transmitter sees.
pub struct Source<'a> {
    /// The facet.
    pub facet: u32,
    /// Its patch.
    pub patch: u32,
    /// Its outline.
    pub outline: Outline<'a>,
    /// The transmitter's image in it [m].
    pub image: Vec3,
}

/// Facets that a transmitter sees, neighbours together, halved again and again.
pub struct Sources<'a> {
    sources: Vec<Source<'a>>,
    /// Bounds of each part [m]: of all, then of the halves `2 part + 1` and `2 part + 2` of each.
    bounds: Vec<(Vec3, Vec3)>,
}

impl<'a> Sources<'a> {
    /// The `facets` as a transmitter at `from` [m] sees them.
    pub fn new(view: &View<'a>, from: &Vec3, facets: &[u32]) -> Sources<'a> {
        let outline = |facet: u32| view.outlines.of_facet(view.geometry, facet);
        let middles: Vec<Vec3> = facets.iter().map(|facet| outline(*facet).shape.middle).collect();
        let source = |place: &u32| {
            let (facet, outline) = (facets[*place as usize], outline(facets[*place as usize]));
            let patch = view.geometry.facets.patch[facet as usize];
            Source { facet, patch, outline, image: mirror(from, outline.plane) }
        };
        let sources: Vec<Source> = ReceiverBoxes::of_all(&middles).all().0.iter().map(source).collect();
        let parts = 2 * sources.len().div_ceil(FEW).next_power_of_two() - 1;
        let mut own = Sources { sources, bounds: vec![(Vec3::zeros(), Vec3::zeros()); parts] };
        let all = 0..own.sources.len();
        own.bound(0, all);
        own
    }

    fn bound(&mut self, part: usize, range: Range<usize>) -> (Vec3, Vec3) {
        let bounds = if range.len() <= FEW {
            let corners = self.sources[range].iter().flat_map(|own| {
                let Shape { middle, radius, .. } = own.outline.shape;
                [-radius, *radius].map(|out| middle.add_scalar(out))
            });
            bounds_of(&corners.collect::<Vec<Vec3>>())
        } else {
            let middle = range.start + range.len() / 2;
            let [a, b] = [self.bound(2 * part + 1, range.start..middle), self.bound(2 * part + 2, middle..range.end)];
            (a.0.inf(&b.0), a.1.sup(&b.1))
        };
        self.bounds[part] = bounds;
        bounds
    }

    /// All of them.
    pub fn all(&self) -> &[Source<'a>] {
        &self.sources
    }

    /// Calls `found` for those that may reach into the frustum `wide` and have their image in `narrow`.
    pub fn for_each_in(&self, [wide, narrow]: [&Frustum; 2], mut found: impl FnMut(&Source)) {
        self.visit(0, 0..self.sources.len(), wide, &mut |own| {
            own.iter().filter(|source| narrow.holds(&source.image)).for_each(&mut found);
        });
    }

    fn visit(&self, part: usize, range: Range<usize>, wide: &Frustum, found: &mut impl FnMut(&[Source])) {
        let (low, high) = &self.bounds[part];
        if !wide.meets_box(low, high) {
            return;
        }
        if range.len() <= FEW {
            return found(&self.sources[range]);
        }
        let middle = range.start + range.len() / 2;
        self.visit(2 * part + 1, range.start..middle, wide, found);
        self.visit(2 * part + 2, middle..range.end, wide, found);
    }
}
