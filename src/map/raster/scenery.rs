//! What a chain's light meets on its way to some cells: openings and shadows (T86).

use super::legs::{Cutter, END_M, Form, Leg, SAMPLES, legs_into};
use super::lit::{Cells, Opening, Scenery};
use super::outlines::Outlines;
use super::shapes::{HAIR, SampleBox};
use super::windows::Windows;
use crate::geometry::Geometry;
use crate::geometry::cone::{Cone, Found, MOST_SIDES, for_each_in_cone};
use crate::layout::NONE;
use crate::map::grid::Sheet;
use crate::math::Vec3;
use crate::path::chain::ChainTrie;

/// Where chains are to reach.
pub struct Reach<'a> {
    /// The scene.
    pub geometry: &'a Geometry<'a>,
    /// Chains of the transmitter.
    pub trie: &'a ChainTrie,
    /// Which facets are their hulls.
    pub outlines: &'a Outlines,
    /// Windows of the chains.
    pub windows: &'a Windows,
    /// The sheet, local [m].
    pub sheet: &'a Sheet,
    /// Patch that the sheet lies on, or [`NONE`].
    pub end: u32,
}

/// Legs of a chain and polygons in the making.
#[derive(Default)]
pub struct Gather {
    legs: Vec<Leg>,
    cutter: Cutter,
    /// Facets whose shadow is there already: the last leg that met each `[facet]`.
    met: Vec<u32>,
    /// Number of the leg in hand, of all that there were.
    leg: u32,
    /// The part of the cells that the window lets light through to, in samples.
    beam: Vec<[f64; 2]>,
    spare: Vec<[f64; 2]>,
    sight: Vec<Vec3>,
}

/// What becomes of some cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// No light reaches them.
    Dark,
    /// More stands in the way than is worth looking at together.
    TooMuch,
    /// All that stands in the way is there.
    All,
}

/// What bounds a facet where its light goes on: it lies in the plane that the leg leaves.
fn of_a_facet(leg: &Leg) -> [Form; 2] {
    [leg.bounds[0], leg.bounds[2]]
}

impl Gather {
    /// The cells, of `all`, that a chain's `window` lets light through to.
    pub fn footprint(&mut self, reach: &Reach, node: u32, window: &[Vec3], all: &Cells) -> Option<Cells> {
        if node == 0 {
            return Some(all.clone());
        }
        if window.is_empty() {
            return None;
        }
        legs_into(&reach.geometry.facets, reach.trie, node, (reach.sheet, reach.end), &mut self.legs);
        let last = &self.legs[0];
        if !self.cutter.project(window, &of_a_facet(last), &last.projection) {
            return None;
        }
        let bounds = |axis: usize, own: &std::ops::Range<usize>| {
            let places = self.cutter.shadow.iter().map(|p| p[axis]);
            let (low, high) =
                places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
            // A sample more on either side; conversions saturate.
            let cell = |sample: f64| (sample / SAMPLES as f64).floor() as usize;
            (high >= 0.0).then(|| cell(low - 1.0).max(own.start)..(cell(high + 1.0).saturating_add(1)).min(own.end))
        };
        let cells = Cells { columns: bounds(0, &all.columns)?, rows: bounds(1, &all.rows)? };
        (!cells.is_empty()).then_some(cells)
    }

    /// Makes ready for a chain.
    pub fn open(&mut self, reach: &Reach, node: u32) {
        legs_into(&reach.geometry.facets, reach.trie, node, (reach.sheet, reach.end), &mut self.legs);
        self.met.resize(reach.geometry.facets.len(), 0);
    }

    /// What an open chain's light meets on its way to `cells`, unless it is more than `most` polygons.
    #[inline(always)]
    pub fn scenery(
        &mut self,
        reach: &Reach,
        node: u32,
        (cells, region): (&Cells, SampleBox),
        most: usize,
        scenery: &mut Scenery,
    ) -> Gathered {
        scenery.begin(hair_of(reach.sheet), cells);
        let [left, right, low, high] = region;
        self.beam.clear();
        self.beam.extend([[left, low], [right, low], [right, high], [left, high]]);
        if node != 0 {
            let last = &self.legs[0];
            let is_reached = self.cutter.project(reach.windows.of(node), &of_a_facet(last), &last.projection)
                && scenery.push_opening(0, &self.cutter.shadow, &region);
            if !is_reached {
                return Gathered::Dark;
            }
            scenery.coverage.end_opening();
            clip(&mut self.beam, &mut self.spare, scenery.shapes.edges(0));
            if self.beam.len() < 3 {
                return Gathered::Dark;
            }
            if self.beam.len() > MOST_SIDES {
                self.beam.clear();
                self.beam.extend([[left, low], [right, low], [right, high], [left, high]]);
            }
            for number in 0..self.legs.len() - 1 {
                let is_open = reach.outlines.is_its_hull(self.legs[number].from)
                    || self.opening(reach, number, number as Opening + 1, &region, scenery);
                if !is_open {
                    return Gathered::Dark;
                }
            }
            for number in 0..self.legs.len() - 1 {
                self.rivals(reach, number, &region, scenery);
            }
            if scenery.coverage.is_dark() {
                return Gathered::Dark;
            }
        }
        for number in 0..self.legs.len() {
            match self.shadows(reach, number, most, &region, scenery) {
                Gathered::All => {}
                other => return other,
            }
        }
        Gathered::All
    }

    /// The facet that a leg leaves; whether it lets any light through.
    fn opening(
        &mut self,
        reach: &Reach,
        number: usize,
        what: Opening,
        region: &SampleBox,
        scenery: &mut Scenery,
    ) -> bool {
        let leg = &self.legs[number];
        let mut is_open = false;
        for triangle in reach.geometry.facets.triangles_of(leg.from) {
            if self.cutter.project(&reach.geometry.scene.corners(*triangle), &of_a_facet(leg), &leg.projection) {
                is_open |= scenery.push_opening(what, &self.cutter.shadow, region);
            }
        }
        scenery.coverage.end_opening();
        is_open
    }

    /// What other facets own of the facet that a leg leaves: the lowest of a patch owns what several hold (T41).
    fn rivals(&mut self, reach: &Reach, number: usize, region: &SampleBox, scenery: &mut Scenery) {
        let Geometry { scene, facets, .. } = reach.geometry;
        let leg = &self.legs[number];
        let others = facets.of_patch(leg.ends[0]).iter().take_while(|other| **other < leg.from);
        for triangle in others.flat_map(|other| facets.triangles_of(*other)) {
            if self.cutter.project(&scene.corners(*triangle), &of_a_facet(leg), &leg.projection) {
                scenery.push_shadow(&self.cutter.shadow, region);
            }
        }
    }

    /// The shadows of what stands in a leg's way.
    #[inline(always)]
    fn shadows(
        &mut self,
        reach: &Reach,
        number: usize,
        most: usize,
        region: &SampleBox,
        scenery: &mut Scenery,
    ) -> Gathered {
        let Gather { legs, cutter, met, leg: count, beam, sight, .. } = self;
        let leg = &legs[number];
        *count += 1;
        sight.clear();
        sight.extend(beam.iter().map(|[s, t]| leg.view.at((s + 0.5) / SAMPLES as f64, (t + 0.5) / SAMPLES as f64)));
        let bvh = &reach.geometry.bvh;
        let cone = Cone::new(&leg.apex, sight, &leg.bounds, bvh.reach);
        let mut shades =
            Shades { reach, leg, count: *count, most, region, cutter, met, scenery, gathered: Gathered::All };
        for_each_in_cone(bvh, &cone, &mut shades);
        if shades.gathered == Gathered::All && shades.scenery.coverage.is_dark() {
            return Gathered::Dark;
        }
        shades.gathered
    }
}

/// Takes what stands in a leg's way.
struct Shades<'a> {
    reach: &'a Reach<'a>,
    leg: &'a Leg,
    /// Number of the leg.
    count: u32,
    most: usize,
    region: &'a SampleBox,
    cutter: &'a mut Cutter,
    met: &'a mut [u32],
    scenery: &'a mut Scenery,
    gathered: Gathered,
}

impl Found for Shades<'_> {
    #[inline(always)]
    fn triangle(&mut self, triangle: u32, patch: u32) -> bool {
        /// Shadows after which it is looked whether any light is left.
        const BETWEEN_LOOKS: usize = 16;
        let Shades { reach, leg, cutter, scenery, .. } = self;
        let Geometry { scene, facets, .. } = reach.geometry;
        if patch == leg.ends[0] || patch == leg.ends[1] {
            return true;
        }
        let facet = facets.of_triangle[triangle as usize];
        let is_there = if facet != NONE && reach.outlines.is_its_hull(facet) {
            if std::mem::replace(&mut self.met[facet as usize], self.count) == self.count {
                return true;
            }
            cutter.project(facets.hull_of(facet), &leg.bounds, &leg.projection)
        } else {
            cutter.project(&scene.corners(triangle), &leg.bounds, &leg.projection)
        };
        if is_there {
            scenery.push_shadow(&cutter.shadow, self.region);
            let shapes = scenery.shapes.count();
            if shapes.is_multiple_of(BETWEEN_LOOKS) && scenery.coverage.is_dark() {
                self.gathered = Gathered::Dark;
            } else if shapes > self.most {
                self.gathered = Gathered::TooMuch;
            }
        }
        self.gathered == Gathered::All
    }
}

/// What shadows on a sheet are widened by [samples]: what a leg's ends leave out of a wall that begins there ([`END_M`]) is
/// closed, also where it is seen at a slant.
fn hair_of(sheet: &Sheet) -> f64 {
    /// Slant of a shadow over that of what throws it.
    const SLANT: f64 = 10.0;
    /// Far below a sample, whatever the cells [samples].
    const MOST: f64 = 0.01;
    let sample = sheet.step_u.norm().min(sheet.step_v.norm()) / SAMPLES as f64;
    (SLANT * END_M / sample).clamp(HAIR, MOST)
}

/// Cuts a convex polygon by edges [a, b, c], inside where a s + b t + c >= 0.
fn clip(polygon: &mut Vec<[f64; 2]>, spare: &mut Vec<[f64; 2]>, edges: &[[f64; 3]]) {
    for [a, b, c] in edges {
        let value = |p: &[f64; 2]| a * p[0] + b * p[1] + c;
        spare.clear();
        for (k, q) in polygon.iter().enumerate() {
            let p = &polygon[if k == 0 { polygon.len() - 1 } else { k - 1 }];
            let (at_p, at_q) = (value(p), value(q));
            if (at_p >= 0.0) != (at_q >= 0.0) {
                let share = at_p / (at_p - at_q);
                spare.push([0, 1].map(|axis| p[axis] + (q[axis] - p[axis]) * share));
            }
            if at_q >= 0.0 {
                spare.push(*q);
            }
        }
        std::mem::swap(polygon, spare);
    }
}
