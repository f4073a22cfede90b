//! Which samples of the sheet a chain lights (T86): subdivision of the sheet until a box of cells is all lit, all dark, or a
//! single cell (after Warnock).

use super::coverage::Coverage;
use super::legs::SAMPLES;
use super::shapes::{HAIR, Relation, SampleBox, Shapes};
use std::ops::Range;

/// Some cells of the sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Columns.
    pub columns: Range<usize>,
    /// Rows.
    pub rows: Range<usize>,
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The box of the middles of their samples.
    pub fn samples(&self) -> SampleBox {
        let [left, right, low, high] = self.area();
        [left + 0.5, right - 0.5, low + 0.5, high - 0.5]
    }

    /// All of their area, in samples.
    pub fn area(&self) -> SampleBox {
        let of = |cells: &Range<usize>| [cells.start, cells.end].map(|k| (k * SAMPLES) as f64 - 0.5);
        let ([left, right], [low, high]) = (of(&self.columns), of(&self.rows));
        [left, right, low, high]
    }

    /// Two halves, across the longer side; `None` of a single cell.
    pub fn halves(&self) -> Option<[Cells; 2]> {
        let Cells { columns, rows } = self.clone();
        if self.len() <= 1 {
            return None;
        }
        let middle = |range: &Range<usize>| range.start + range.len() / 2;
        Some(if columns.len() >= rows.len() {
            let at = middle(&columns);
            [Cells { columns: columns.start..at, rows: rows.clone() }, Cells { columns: at..columns.end, rows }]
        } else {
            let at = middle(&rows);
            [Cells { columns: columns.clone(), rows: rows.start..at }, Cells { columns, rows: at..rows.end }]
        })
    }
}

/// What a polygon is to the light of a chain: that of an opening is let through, that of nothing else.
pub type Opening = u16;
/// A polygon that is a shadow.
pub const SHADOW: Opening = Opening::MAX;

/// Openings that all have to be passed, each made of polygons, and shadows.
#[derive(Debug, Default)]
pub struct Scenery {
    /// The polygons.
    pub shapes: Shapes,
    /// Polygons with what they are, openings first, in order; behind them those of the boxes in hand.
    stack: Vec<(Opening, u32)>,
    /// What shadows are widened by [samples].
    hair: f64,
    /// What is surely dark.
    pub coverage: Coverage,
}

impl Scenery {
    /// Begins anew over some cells; shadows are widened by `hair` [samples].
    pub fn begin(&mut self, hair: f64, cells: &Cells) {
        self.hair = hair;
        self.shapes.clear();
        self.stack.clear();
        self.coverage.begin(cells);
    }

    /// Adds a part of an opening if it reaches into `region`; whether it does. Openings have to come in order, and before
    /// shadows.
    pub fn push_opening(&mut self, what: Opening, corners: &[[f64; 2]], region: &SampleBox) -> bool {
        if !self.shapes.push(corners, HAIR, region) {
            return false;
        }
        let shape = self.shapes.count() as u32 - 1;
        self.shapes.finish();
        if self.shapes.relation(shape, region) == Relation::Apart {
            return false;
        }
        self.stack.push((what, shape));
        self.coverage.reach(corners);
        true
    }

    /// Adds a shadow if it may reach into `region`.
    #[inline(always)]
    pub fn push_shadow(&mut self, corners: &[[f64; 2]], region: &SampleBox) {
        if self.shapes.push(corners, self.hair, region) {
            let shape = self.shapes.count() as u32 - 1;
            self.stack.push((SHADOW, shape));
            self.coverage.darken(corners, self.shapes.bounds(shape));
        }
    }

    /// Calls `lit(cells)` for boxes of cells that are lit all over, and `partly(column, row, masks)` for cells that are lit in
    /// part.
    #[inline(always)]
    pub fn light(&mut self, cells: &Cells, found: &mut impl Lit) {
        self.shapes.finish();
        // Large shadows first: they darken most.
        let shapes = &self.shapes;
        let area = |shape: u32| {
            let [left, right, low, high] = shapes.bounds(shape);
            (right - left) * (high - low)
        };
        let first = self.stack.iter().position(|(what, _)| *what == SHADOW).unwrap_or(self.stack.len());
        self.stack[first..].sort_unstable_by(|a, b| area(b.1).total_cmp(&area(a.1)).then(a.1.cmp(&b.1)));
        let mut waiting = vec![(cells.clone(), 0, self.stack.len())];
        while let Some((cells, start, end)) = waiting.pop() {
            self.stack.truncate(end);
            let own = self.stack.len();
            if !self.coverage.is_live(&cells) || !self.filter(start..end, &cells.samples()) {
                continue;
            }
            if self.stack.len() == own {
                found.all(&cells);
                continue;
            }
            match cells.halves() {
                Some([one, other]) => {
                    let end = self.stack.len();
                    waiting.push((other, own, end));
                    waiting.push((one, own, end));
                }
                None => {
                    let [column, row] = [cells.columns.start, cells.rows.start];
                    let masks = self.masks(own..self.stack.len(), [column, row]);
                    found.part(column, row, &masks);
                }
            }
        }
    }

    /// Puts on the stack what of a range of it lies to a box in part; whether any light is left.
    #[inline(always)]
    fn filter(&mut self, range: Range<usize>, region: &SampleBox) -> bool {
        let mut at = range.start;
        while at < range.end {
            let (what, _) = self.stack[at];
            if what == SHADOW {
                break;
            }
            // One opening: is it passed everywhere, nowhere, or in part?
            let (own, mut covered) = (self.stack.len(), false);
            while at < range.end && self.stack[at].0 == what {
                let entry = self.stack[at];
                match self.shapes.relation(entry.1, region) {
                    Relation::Apart => {}
                    Relation::Partial => self.stack.push(entry),
                    Relation::Covers => covered = true,
                }
                at += 1;
            }
            if covered {
                self.stack.truncate(own);
            } else if self.stack.len() == own {
                return false;
            }
        }
        for at in at..range.end {
            let entry = self.stack[at];
            match self.shapes.relation(entry.1, region) {
                Relation::Apart => {}
                Relation::Partial => self.stack.push(entry),
                Relation::Covers => return false,
            }
        }
        true
    }

    /// The lit samples of a cell, row by row.
    #[inline(always)]
    fn masks(&self, range: Range<usize>, [column, row]: [usize; 2]) -> [u32; SAMPLES] {
        let origin = [column, row].map(|k| (k * SAMPLES) as f64);
        let mut lit = [u32::MAX; SAMPLES];
        let mut at = range.start;
        while at < range.end {
            let (what, shape) = self.stack[at];
            if what == SHADOW {
                self.shapes.for_each_row(shape, origin, |row, columns| lit[row] &= !columns);
                at += 1;
                continue;
            }
            let mut open = [0u32; SAMPLES];
            while at < range.end && self.stack[at].0 == what {
                self.shapes.for_each_row(self.stack[at].1, origin, |row, columns| open[row] |= columns);
                at += 1;
            }
            lit.iter_mut().zip(open).for_each(|(lit, open)| *lit &= open);
        }
        lit
    }
}

/// Takes what is lit.
pub trait Lit {
    /// Cells that are lit all over.
    fn all(&mut self, cells: &Cells);
    /// A cell that is lit where the bits of its rows are set.
    fn part(&mut self, column: usize, row: usize, masks: &[u32; SAMPLES]);
}
