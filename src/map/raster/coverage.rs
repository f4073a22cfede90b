//! Which blocks of cells are surely dark: shadows are drawn on a coarse grid first, row by row (T86). Most of what a chain
//! might light in a city is dark, and here that shows before any shadow is looked at closely.

use super::legs::SAMPLES;
use super::lit::Cells;
use super::shapes::SampleBox;

/// Blocks along a side at the most: the bits of a row.
const MOST: usize = u32::BITS as usize;
/// What an opening may let light through to besides, for rounding [blocks].
const SLACK: f64 = 1e-6;

/// Square blocks of some cells, and whether light may be left in each.
#[derive(Debug)]
pub struct Coverage {
    cells: Cells,
    /// Cells along the side of a block: a power of two.
    per_block: usize,
    /// Blocks along both axes.
    blocks: [usize; 2],
    /// Blocks that are not surely dark `[row]`, a bit for each column.
    live: [u32; MOST],
    /// Blocks that the opening in hand reaches `[row]`.
    reached: [u32; MOST],
    /// From where to where a polygon reaches at each line between rows.
    spans: [[f64; 2]; MOST + 1],
    lattice: Lattice,
}

/// The lattice of the blocks.
#[derive(Debug, Clone, Copy)]
struct Lattice {
    /// Blocks to a sample.
    scale: f64,
    /// The lower corner [samples].
    corner: [f64; 2],
}

impl Lattice {
    /// From samples to blocks.
    #[inline(always)]
    fn place(self, p: [f64; 2]) -> [f64; 2] {
        [(p[0] - self.corner[0]) * self.scale, (p[1] - self.corner[1]) * self.scale]
    }

    /// The edges of a polygon in blocks, lower end first.
    #[inline(always)]
    fn edges(self, corners: &[[f64; 2]]) -> impl Iterator<Item = [[f64; 2]; 2]> {
        let mut from = corners.last().map_or([0.0; 2], |last| self.place(*last));
        corners.iter().map(move |corner| {
            let to = self.place(*corner);
            let edge = if from[1] < to[1] { [from, to] } else { [to, from] };
            from = to;
            edge
        })
    }
}

impl Default for Coverage {
    fn default() -> Coverage {
        let cells = Cells { columns: 0..0, rows: 0..0 };
        let (live, reached, spans) = ([0; MOST], [0; MOST], [[0.0; 2]; MOST + 1]);
        Coverage {
            cells,
            per_block: 1,
            blocks: [0; 2],
            live,
            reached,
            spans,
            lattice: Lattice { scale: 1.0, corner: [0.0; 2] },
        }
    }
}

/// Bits `from..to` of a row.
#[inline(always)]
fn bits(from: usize, to: usize) -> u32 {
    if from < to { (u64::MAX >> (64 - (to - from)) << from) as u32 } else { 0 }
}

impl Coverage {
    /// Begins anew: all is live.
    pub fn begin(&mut self, cells: &Cells) {
        let longer = cells.columns.len().max(cells.rows.len());
        let per_block = longer.div_ceil(MOST).max(1).next_power_of_two();
        let blocks = [&cells.columns, &cells.rows].map(|range| range.len().div_ceil(per_block));
        let [left, _, low, _] = cells.area();
        (self.cells, self.per_block, self.blocks) = (cells.clone(), per_block, blocks);
        self.lattice = Lattice { scale: 1.0 / (per_block * SAMPLES) as f64, corner: [left, low] };
        self.live = [0; MOST];
        self.live[..blocks[1]].fill(bits(0, blocks[0]));
        self.reached = [0; MOST];
    }

    /// Whether no light is left.
    #[inline(always)]
    pub fn is_dark(&self) -> bool {
        self.live.iter().fold(0, |all, row| all | row) == 0
    }

    /// Whether light may be left in some of the cells.
    #[inline(always)]
    pub fn is_live(&self, cells: &Cells) -> bool {
        let [columns, rows] = [(&cells.columns, &self.cells.columns), (&cells.rows, &self.cells.rows)]
            .map(|(own, all)| (own.start - all.start) / self.per_block..(own.end - all.start).div_ceil(self.per_block));
        let mask = bits(columns.start, columns.end);
        self.live[rows].iter().any(|row| row & mask != 0)
    }

    /// The least box of cells that holds all that may be lit.
    pub fn lit(&self) -> Option<Cells> {
        let all = self.live.iter().fold(0, |all, row| all | row);
        let (low, high) = (self.live.iter().position(|row| *row != 0)?, self.live.iter().rposition(|row| *row != 0)?);
        let cells = |from: usize, to: usize, own: &std::ops::Range<usize>| {
            own.start + from * self.per_block..(own.start + to * self.per_block).min(own.end)
        };
        let columns = cells(all.trailing_zeros() as usize, MOST - all.leading_zeros() as usize, &self.cells.columns);
        Some(Cells { columns, rows: cells(low, high + 1, &self.cells.rows) })
    }

    /// Darkens the blocks that lie in a convex polygon, of these bounds, with all of their area.
    #[inline(always)]
    pub fn darken(&mut self, corners: &[[f64; 2]], bounds: &SampleBox) {
        let [columns, rows] = self.blocks;
        let [left, right, low, high] = *bounds;
        let ([left, low], [right, high]) = (self.lattice.place([left, low]), self.lattice.place([right, high]));
        // Lines between rows of blocks that the polygon meets; a whole row lies between two of them.
        let (first, last) = (low.ceil().max(0.0), high.floor().min(rows as f64));
        if first + 1.0 > last || left.ceil().max(0.0) + 1.0 > right.floor().min(columns as f64) {
            return;
        }
        let (first, last) = (first as usize, last as usize);
        let spans = &mut self.spans;
        spans[first..=last].fill([f64::INFINITY, f64::NEG_INFINITY]);
        for [[x, y], [u, v]] in self.lattice.edges(corners) {
            let (from, to) = (y.ceil().max(first as f64), v.floor().min(last as f64));
            let slope = if v > y { (u - x) / (v - y) } else { 0.0 };
            let mut line = from;
            while line <= to {
                let at = x + (line - y) * slope;
                let span = &mut spans[line as usize];
                *span = [span[0].min(at), span[1].max(at)];
                line += 1.0;
            }
        }
        for row in first..last {
            // Convex: what is inside at both lines is inside between them.
            let from = spans[row][0].max(spans[row + 1][0]).ceil().max(0.0);
            let to = spans[row][1].min(spans[row + 1][1]).floor().min(columns as f64);
            if from < to {
                self.live[row] &= !bits(from as usize, to as usize);
            }
        }
    }

    /// Notes the blocks that a part of the opening in hand reaches: none that holds any of its points is missed.
    pub fn reach(&mut self, corners: &[[f64; 2]]) {
        let [columns, rows] = self.blocks.map(|count| count as f64);
        let mut spans = [[f64::INFINITY, f64::NEG_INFINITY]; MOST];
        for [[x, y], [u, v]] in self.lattice.edges(corners) {
            let (from, to) = ((y - SLACK).floor().max(0.0), ((v + SLACK).floor() + 1.0).min(rows));
            let slope = if v > y { (u - x) / (v - y) } else { 0.0 };
            let at = |line: f64| {
                if line <= y {
                    x
                } else if line >= v {
                    u
                } else {
                    x + (line - y) * slope
                }
            };
            let mut row = from;
            while row < to {
                let (a, b) = (at(row - SLACK), at(row + 1.0 + SLACK));
                let span = &mut spans[row as usize];
                *span = [span[0].min(a).min(b), span[1].max(a).max(b)];
                row += 1.0;
            }
        }
        for (reached, [left, right]) in self.reached.iter_mut().zip(spans) {
            let (from, to) = ((left - SLACK).floor().max(0.0), ((right + SLACK).floor() + 1.0).min(columns));
            if from < to {
                *reached |= bits(from as usize, to as usize);
            }
        }
    }

    /// Ends an opening: what none of its parts has reached is dark.
    pub fn end_opening(&mut self) {
        self.live.iter_mut().zip(&mut self.reached).for_each(|(live, reached)| *live &= std::mem::take(reached));
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes::{Relation, Shapes};
    use super::*;
    use crate::math::random::{philox, unit_interval};

    /// A random triangle about some cells of which the first is at the origin, from far smaller to larger than all of them.
    fn triangle(i: u32, cells: usize) -> Vec<[f64; 2]> {
        let words = [0, 1].map(|block| philox([i, block, 0, 0], [7, 8]).map(unit_interval));
        let size = [0.1, 1.0, 4.0][i as usize % 3];
        let place = words[0][3];
        let at = |axis: usize, k: usize| ((words[axis][k] - 0.5) * size + place) * (cells * SAMPLES) as f64;
        (0..3).map(|k| [at(0, k), at(1, k)]).collect()
    }

    /// How a triangle lies to each block of a square of cells, as the coverage's blocks are.
    fn relations(corners: &[[f64; 2]], coverage: &Coverage) -> Vec<Vec<(Cells, Relation)>> {
        let mut shapes = Shapes::default();
        let everywhere = [f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY];
        assert!(shapes.push(corners, 0.0, &everywhere));
        shapes.finish();
        let range = |k: usize, own: &std::ops::Range<usize>| {
            own.start + k * coverage.per_block..(own.start + (k + 1) * coverage.per_block).min(own.end)
        };
        let relation = |row: usize, column: usize| {
            let (columns, rows) = (range(column, &coverage.cells.columns), range(row, &coverage.cells.rows));
            let cells = Cells { columns, rows };
            let relation = shapes.relation(0, &cells.area());
            (cells, relation)
        };
        let [columns, rows] = coverage.blocks;
        (0..rows).map(|row| (0..columns).map(|column| relation(row, column)).collect()).collect()
    }

    /// Some points of a triangle.
    fn points_of(corners: &[[f64; 2]], i: u32) -> impl Iterator<Item = [f64; 2]> {
        (0..20).map(move |k| {
            let [a, b, ..] = philox([i, k, 1, 0], [7, 8]).map(unit_interval);
            let (a, b) = if a + b > 1.0 { (1.0 - a, 1.0 - b) } else { (a, b) };
            [0, 1].map(|x| corners[0][x] + (corners[1][x] - corners[0][x]) * a + (corners[2][x] - corners[0][x]) * b)
        })
    }

    #[test]
    fn blocks_go_dark_that_lie_in_a_shadow_and_those_that_an_opening_does_not_reach() {
        let mut met = [[0; 2]; 3];
        for (side, first) in [(9, 5), (32, 0), (70, 3)] {
            let all = Cells { columns: first..first + side, rows: 0..side };
            for i in 0..3000 {
                let corners = triangle(i, side);
                let (mut dark, mut open) = (Coverage::default(), Coverage::default());
                dark.begin(&all);
                open.begin(&all);
                assert_eq!(dark.lit().as_ref(), Some(&all));
                let of = |axis: usize| corners.iter().map(move |p| p[axis]);
                let low = |axis| of(axis).fold(f64::INFINITY, f64::min);
                let high = |axis| of(axis).fold(f64::NEG_INFINITY, f64::max);
                dark.darken(&corners, &[low(0), high(0), low(1), high(1)]);
                open.reach(&corners);
                open.end_opening();
                for (cells, relation) in relations(&corners, &dark).into_iter().flatten() {
                    let [darkened, reached] = [!dark.is_live(&cells), open.is_live(&cells)];
                    // A block at the rim may stick out of the cells: then it is held to be lit.
                    let whole = cells.columns.len() == dark.per_block && cells.rows.len() == dark.per_block;
                    match relation {
                        Relation::Covers => assert!(reached && (darkened || !whole), "triangle {i}: {cells:?}"),
                        Relation::Partial | Relation::Apart => assert!(!darkened, "triangle {i}: {cells:?}"),
                    }
                    met[relation as usize][usize::from(reached)] += 1;
                }
                for point in points_of(&corners, i) {
                    let at = point.map(|x| ((x + 0.5) / SAMPLES as f64).floor());
                    let is_at = |own: &std::ops::Range<usize>, k: f64| own.start as f64 <= k && k < own.end as f64;
                    if is_at(&all.columns, at[0]) && is_at(&all.rows, at[1]) {
                        let [column, row] = at.map(|k| k as usize);
                        let cell = Cells { columns: column..column + 1, rows: row..row + 1 };
                        assert!(open.is_live(&cell), "triangle {i}: {point:?}");
                    }
                }
            }
        }
        // What is apart is hardly ever held to be reached.
        let [[apart, held], [_, partial], [0, covered]] = met else { panic!("{met:?}") };
        assert!(held * 100 < apart && partial > 10_000 && covered > 10_000, "{met:?}");
    }
}
