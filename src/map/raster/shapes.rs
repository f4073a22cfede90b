//! Convex polygons on the sheet, in samples: what they are to a box of samples, and which samples of a cell are in them.
//!
//! Polygons are closed and a hair larger than they are, so that shadows that share an edge leave no light between them.

use super::legs::SAMPLES;

/// What polygons are widened by at least [samples]: far more than the rounding of a projection, far less than a sample.
pub const HAIR: f64 = 1e-7;

/// A box of samples: least and greatest column, least and greatest row; the middles of its samples.
pub type SampleBox = [f64; 4];

/// How a polygon lies to a box of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// No sample is in it.
    Apart,
    /// Some samples may be in it.
    Partial,
    /// All samples are in it.
    Covers,
}

/// One of the polygons.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: u32,
    end: u32,
    bounds: SampleBox,
    /// What it is widened by [samples].
    hair: f64,
    /// 1 if its corners go round against the clock, else -1.
    turn: f64,
}

/// Polygons, one after another.
#[derive(Debug, Default)]
pub struct Shapes {
    corners: Vec<[f64; 2]>,
    /// For each corner, the edge that ends there: [a, b, c] with a s + b t + c the distance inwards.
    edges: Vec<[f64; 3]>,
    spans: Vec<Span>,
}

impl Shapes {
    /// Forgets all polygons.
    pub fn clear(&mut self) {
        self.corners.clear();
        self.edges.clear();
        self.spans.clear();
    }

    /// Adds a polygon, wider by `hair` [samples], if it may reach into `region`; whether it does. A polygon without area has
    /// no sample. Its edges are there once [`Shapes::finish`] has made them.
    #[inline(always)]
    pub fn push(&mut self, corners: &[[f64; 2]], hair: f64, region: &SampleBox) -> bool {
        let mut bounds = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
        for [s, t] in corners {
            bounds = [bounds[0].min(*s), bounds[1].max(*s), bounds[2].min(*t), bounds[3].max(*t)];
        }
        if apart(&bounds, hair, region) {
            return false;
        }
        let [x, y] = corners[0];
        let twice_area: f64 = corners
            .windows(2)
            .map(|pair| (pair[0][0] - x) * (pair[1][1] - y) - (pair[1][0] - x) * (pair[0][1] - y))
            .sum();
        if twice_area == 0.0 {
            return false;
        }
        let (first, turn) = (self.corners.len() as u32, 1f64.copysign(twice_area));
        self.corners.extend_from_slice(corners);
        self.spans.push(Span { first, end: self.corners.len() as u32, bounds, hair, turn });
        true
    }

    /// Makes the edges of polygons that have none yet.
    #[inline(always)]
    pub fn finish(&mut self) {
        let made = self.spans.partition_point(|span| (span.first as usize) < self.edges.len());
        for Span { first, end, hair, turn, .. } in &self.spans[made..] {
            let corners = &self.corners[*first as usize..*end as usize];
            for (k, q) in corners.iter().enumerate() {
                let p = &corners[if k == 0 { corners.len() - 1 } else { k - 1 }];
                let along = [q[0] - p[0], q[1] - p[1]];
                let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
                // Corners in one place, but for rounding: an edge that bounds nothing.
                let scale = if length > HAIR { turn / length } else { 0.0 };
                let [a, b] = [-along[1] * scale, along[0] * scale];
                self.edges.push([a, b, hair - a * q[0] - b * q[1]]);
            }
        }
    }

    /// Number of polygons.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// Bounds of a polygon.
    pub fn bounds(&self, shape: u32) -> &SampleBox {
        &self.spans[shape as usize].bounds
    }

    /// Corners of a polygon.
    pub fn corners(&self, shape: u32) -> &[[f64; 2]] {
        let Span { first, end, .. } = self.spans[shape as usize];
        &self.corners[first as usize..end as usize]
    }

    /// Edges of a polygon: [a, b, c] with a s + b t + c the distance inwards.
    pub fn edges(&self, shape: u32) -> &[[f64; 3]] {
        let Span { first, end, .. } = self.spans[shape as usize];
        &self.edges[first as usize..end as usize]
    }

    /// How a polygon lies to a box of samples.
    #[inline(always)]
    pub fn relation(&self, shape: u32, region: &SampleBox) -> Relation {
        let Span { first, end, bounds, hair, .. } = self.spans[shape as usize];
        if apart(&bounds, hair, region) {
            return Relation::Apart;
        }
        let [left, right, low, high] = *region;
        let (s, t, half_s, half_t) =
            ((left + right) / 2.0, (low + high) / 2.0, (right - left) / 2.0, (high - low) / 2.0);
        let mut covers = true;
        for [a, b, c] in &self.edges[first as usize..end as usize] {
            let (middle, reach) = (a * s + b * t + c, a.abs() * half_s + b.abs() * half_t);
            if middle < -reach {
                return Relation::Apart;
            }
            covers &= middle >= reach;
        }
        if covers { Relation::Covers } else { Relation::Partial }
    }

    /// Calls `row(number, columns)` with the samples in a polygon for each row of a cell, whose first sample is at `origin`.
    #[inline(always)]
    pub fn for_each_row(&self, shape: u32, origin: [f64; 2], mut row: impl FnMut(usize, u32)) {
        let (last, hair) = (SAMPLES as f64, self.spans[shape as usize].hair);
        let corners = self.corners(shape);
        let mut spans = [[f64::INFINITY, f64::NEG_INFINITY]; SAMPLES];
        for (k, q) in corners.iter().enumerate() {
            let p = &corners[if k == 0 { corners.len() - 1 } else { k - 1 }];
            let (low, high) = if p[1] < q[1] { (p, q) } else { (q, p) };
            // Rows that the edge meets, ends included: so those of a level edge are its neighbours'.
            let rise = high[1] - low[1];
            let from = (low[1] - origin[1] - hair).ceil().clamp(0.0, last) as usize;
            let to = ((high[1] - origin[1] + hair).floor() + 1.0).clamp(0.0, last) as usize;
            let slope = if rise > 0.0 { (high[0] - low[0]) / rise } else { 0.0 };
            for (number, span) in spans.iter_mut().enumerate().take(to).skip(from) {
                let up = (origin[1] + number as f64 - low[1]).clamp(0.0, rise);
                let column = low[0] - origin[0] + up * slope;
                *span = [span[0].min(column), span[1].max(column)];
            }
        }
        for (number, [from, to]) in spans.into_iter().enumerate() {
            let from = (from - hair).ceil().clamp(0.0, last) as u32;
            let to = ((to + hair).floor() + 1.0).clamp(0.0, last) as u32;
            if from < to {
                let columns = (u64::MAX >> (64 - (to - from))) << from;
                row(number, columns as u32);
            }
        }
    }
}

/// Whether two boxes have no sample in common.
#[inline(always)]
fn apart(own: &SampleBox, hair: f64, region: &SampleBox) -> bool {
    own[1] + hair < region[0] || own[0] - hair > region[1] || own[3] + hair < region[2] || own[2] - hair > region[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::{philox, unit_interval};

    /// A random triangle about the first cell, and its corners.
    fn triangle(i: u32) -> [[f64; 2]; 3] {
        let words = [0, 1].map(|block| philox([i, block, 0, 0], [3, 4]).map(unit_interval));
        // Of the cell's size, or large enough to cover it now and then.
        let size = if i.is_multiple_of(2) { 3.0 } else { 9.0 };
        [0, 1, 2].map(|k| [0, 1].map(|axis| ((words[axis][k] - 0.5) * size + 0.5) * SAMPLES as f64))
    }

    fn holds(corners: &[[f64; 2]; 3], [s, t]: [f64; 2]) -> bool {
        let side = |k: usize| {
            let ([x, y], [u, v]) = (corners[k], corners[(k + 1) % 3]);
            (u - x) * (t - y) - (v - y) * (s - x)
        };
        let sides = [side(0), side(1), side(2)];
        sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
    }

    #[test]
    fn the_samples_of_a_cell_in_a_polygon_are_those_that_it_holds() {
        let all = [0.0, SAMPLES as f64 - 1.0, 0.0, SAMPLES as f64 - 1.0];
        let mut met = [0; 3];
        for i in 0..2000 {
            let corners = triangle(i);
            let mut shapes = Shapes::default();
            let is_there = shapes.push(&corners, HAIR, &all);
            shapes.finish();
            let relation = if is_there { shapes.relation(0, &all) } else { Relation::Apart };
            let mut masks = [0u32; SAMPLES];
            if relation != Relation::Apart {
                shapes.for_each_row(0, [0.0, 0.0], |row, columns| masks[row] = columns);
            }
            let expected: Vec<u32> = (0..SAMPLES)
                .map(|t| (0..SAMPLES).filter(|s| holds(&corners, [*s as f64, t as f64])).map(|s| 1 << s).sum())
                .collect();
            assert_eq!(masks.as_slice(), expected, "triangle {i}");
            let lit: u32 = masks.iter().map(|mask| mask.count_ones()).sum();
            assert!(relation != Relation::Covers || lit == 1024, "triangle {i}");
            assert!(relation != Relation::Apart || lit == 0, "triangle {i}");
            met[relation as usize] += 1;
        }
        assert!(met.iter().all(|times| *times > 20), "{met:?}");
    }

    #[test]
    fn polygons_that_share_an_edge_through_samples_leave_none_between_them() {
        let all = [0.0, 31.0, 0.0, 31.0];
        let mut shapes = Shapes::default();
        shapes.push(&[[-1.0, -1.0], [40.0, 40.0 + 1e-12], [-1.0, 40.0]], HAIR, &all);
        shapes.push(&[[-1.0, -1.0], [40.0, 40.0 - 1e-12], [40.0, -1.0]], HAIR, &all);
        shapes.push(&[[-1.0, 3.0], [40.0, 3.0], [40.0, 3.0 + 1e-12]], HAIR, &all);
        let mut masks = [0u32; SAMPLES];
        for shape in 0..shapes.count().min(2) as u32 {
            shapes.for_each_row(shape, [0.0, 0.0], |row, columns| masks[row] |= columns);
        }
        assert!(masks.iter().all(|mask| *mask == u32::MAX));
    }
}
