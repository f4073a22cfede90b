//! What a chain's light meets on its way to some cells: openings and shadows (T85).

use super::Raster;
use super::legs::{Cutter, Form, Leg, SAMPLES, legs_into};
use super::lit::{Cells, Opening, SHADOW, Scenery};
use super::shapes::{Relation, SampleBox};
use crate::geometry::Geometry;
use crate::geometry::search::{Cone, for_each_in_cone};
use crate::layout::NONE;

/// Legs of a chain and polygons in the making.
#[derive(Default)]
pub struct Gather {
    legs: Vec<Leg>,
    cutter: Cutter,
    /// Facets whose shadow is there already: the last leg that met each `[facet]`.
    met: Vec<u32>,
    /// Number of the leg in hand, of all that there were.
    leg: u32,
}

/// What bounds a facet where its light goes on: it lies in the plane that the leg leaves.
fn of_a_facet(leg: &Leg) -> [Form; 2] {
    [leg.bounds[0], leg.bounds[2]]
}

impl Gather {
    /// The cells, of `all`, that a chain's window lets light through to.
    pub fn footprint(&mut self, raster: &Raster, node: u32, all: &Cells) -> Option<Cells> {
        if node == 0 {
            return Some(all.clone());
        }
        if !raster.trie.is_in_reach(node) {
            return None;
        }
        legs_into(&raster.geometry.facets, raster.trie, node, raster.sheet, &mut self.legs);
        let last = &self.legs[0];
        if !self.cutter.project(raster.trie.window_of(node), &of_a_facet(last), &last.projection) {
            return None;
        }
        let bounds = |axis: usize, own: &std::ops::Range<usize>| {
            let places = self.cutter.shadow.iter().map(|p| p[axis]);
            let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
            // A sample more on either side; conversions saturate.
            let cell = |sample: f64| (sample / SAMPLES as f64).floor() as usize;
            (high >= 0.0).then(|| cell(low - 1.0).max(own.start)..(cell(high + 1.0).saturating_add(1)).min(own.end))
        };
        let cells = Cells { columns: bounds(0, &all.columns)?, rows: bounds(1, &all.rows)? };
        (!cells.is_empty()).then_some(cells)
    }

    /// What a chain's light meets on its way to `cells`; whether any may be left.
    #[inline(always)]
    pub fn scenery(&mut self, raster: &Raster, node: u32, cells: &Cells, scenery: &mut Scenery) -> bool {
        scenery.clear();
        legs_into(&raster.geometry.facets, raster.trie, node, raster.sheet, &mut self.legs);
        self.met.resize(raster.geometry.facets.len(), 0);
        let region = cells.samples();
        if node != 0 {
            let last = &self.legs[0];
            let is_reached = self.cutter.project(raster.trie.window_of(node), &of_a_facet(last), &last.projection)
                && scenery.push(0, &self.cutter.shadow, &region) != Relation::Apart;
            if !is_reached {
                return false;
            }
            for number in 0..self.legs.len() - 1 {
                let is_open = raster.outlines.is_its_hull(self.legs[number].from)
                    || self.opening(raster, number, number as Opening + 1, &region, scenery);
                if !is_open {
                    return false;
                }
            }
            for number in 0..self.legs.len() - 1 {
                if !self.rivals(raster, number, &region, scenery) {
                    return false;
                }
            }
        }
        (0..self.legs.len()).all(|number| self.shadows(raster, number, cells, &region, scenery))
    }

    /// The facet that a leg leaves; whether it lets any light through.
    fn opening(&mut self, raster: &Raster, number: usize, what: Opening, region: &SampleBox, scenery: &mut Scenery) -> bool {
        let leg = &self.legs[number];
        let mut is_open = false;
        for triangle in raster.geometry.facets.triangles_of(leg.from) {
            if self.cutter.project(&raster.geometry.scene.corners(*triangle), &of_a_facet(leg), &leg.projection) {
                is_open |= scenery.push(what, &self.cutter.shadow, region) != Relation::Apart;
            }
        }
        is_open
    }

    /// What other facets own of the facet that a leg leaves: the lowest of a patch owns what several hold (T41). Whether
    /// anything is left.
    fn rivals(&mut self, raster: &Raster, number: usize, region: &SampleBox, scenery: &mut Scenery) -> bool {
        let Geometry { scene, facets, .. } = raster.geometry;
        let leg = &self.legs[number];
        let others = facets.of_patch(leg.ends[0]).iter().take_while(|other| **other < leg.from);
        for triangle in others.flat_map(|other| facets.triangles_of(*other)) {
            let is_there = self.cutter.project(&scene.corners(*triangle), &of_a_facet(leg), &leg.projection);
            if is_there && scenery.push(SHADOW, &self.cutter.shadow, region) == Relation::Covers {
                return false;
            }
        }
        true
    }

    /// The shadows of what stands in a leg's way; whether they leave any light.
    #[inline(always)]
    fn shadows(&mut self, raster: &Raster, number: usize, cells: &Cells, region: &SampleBox, scenery: &mut Scenery) -> bool {
        let Geometry { scene, bvh, facets } = raster.geometry;
        let Gather { legs, cutter, met, leg: count } = self;
        let leg = &legs[number];
        *count += 1;
        let ([left, right], [low, high]) = (
            [cells.columns.start as f64, cells.columns.end as f64],
            [cells.rows.start as f64, cells.rows.end as f64],
        );
        let corners = [[left, low], [right, low], [right, high], [left, high]].map(|[u, v]| leg.view.at(u, v));
        let cone = Cone::new(&leg.apex, &corners, &leg.bounds, bvh.reach);
        let mut is_left = true;
        for_each_in_cone(bvh, &cone, |triangle, patch| {
            if patch == leg.ends[0] || patch == leg.ends[1] {
                return true;
            }
            let facet = facets.of_triangle[triangle as usize];
            let is_there = if facet != NONE && raster.outlines.is_its_hull(facet) {
                if std::mem::replace(&mut met[facet as usize], *count) == *count {
                    return true;
                }
                cutter.project(facets.hull_of(facet), &leg.bounds, &leg.projection)
            } else {
                cutter.project(&scene.corners(triangle), &leg.bounds, &leg.projection)
            };
            is_left = !is_there || scenery.push(SHADOW, &cutter.shadow, region) != Relation::Covers;
            is_left
        });
        is_left
    }
}
