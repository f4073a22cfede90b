//! The exact part of a map by area: each cell's mean over all of its area, not over a few points of it (T86-T88).
//!
//! A chain of reflections lights the part of the sheet that its facets let through ([`scenery`]), less the shadows of what
//! stands in the way of its legs ([`legs`]). Both are convex polygons on the sheet ([`shapes`]); subdivision finds the cells
//! that are lit ([`lit`]), and a few points stand for the lit samples of each ([`quadrature`], [`power`]). Chains are worked on
//! side by side and added up in their order: neither threads nor the cells that are asked for together matter.

pub mod coverage;
pub mod legs;
pub mod lit;
pub mod outlines;
pub mod power;
pub mod quadrature;
pub mod scenery;
pub mod shapes;
pub mod windows;

use self::legs::{SAMPLES, View};
use self::lit::{Cells, Lit, Scenery};
use self::outlines::Outlines;
use self::power::{Power, Replayed};
use self::quadrature::{Fineness, Node, nodes_of};
use self::scenery::{Gather, Gathered, Reach};
use self::windows::Windows;
use super::grid::Sheet;
use super::metrics::CellSums;
use crate::constants::SPEED_OF_LIGHT;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::layout::NONE;
use crate::path::chain::ChainTrie;
use rayon::prelude::*;
use std::ops::Range;

/// Cells along the side of what one task lights at the most.
const BLOCK: usize = 128;
/// Polygons that are looked at together; beyond, cells are divided first.
const MOST_SHAPES: usize = 1 << 14;
/// Cells of the pieces of work that are done before what they found is added up: bounds the memory.
const BATCH: usize = 1 << 22;

/// One transmitter's light on a sheet.
pub struct Raster<'a> {
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
    /// The transmitter's field.
    pub power: &'a Power<'a>,
    /// Whether a chain counts `[node]`.
    pub counts: &'a (dyn Fn(u32) -> bool + Sync),
}

/// The cells that a chain may light.
#[derive(Debug, Clone)]
struct Piece {
    node: u32,
    cells: Cells,
}

/// What a chain adds to a cell: gain, gain times excess delay, times its square, and the difference between two halves of
/// its samples.
type Added = (u64, [f64; 4]);

impl Raster<'_> {
    /// The sheet, which lies on no facet, as chains are to reach it.
    fn reach(&self) -> Reach<'_> {
        let Raster { geometry, trie, outlines, windows, sheet, .. } = *self;
        Reach { geometry, trie, outlines, windows, sheet, end: NONE }
    }

    /// Sums over some rows of cells, `[carrier, cell]`.
    pub fn rows(&self, level: Level, rows: &Range<usize>) -> Vec<CellSums> {
        let (width, carriers) = (self.sheet.cells[0], self.power.carriers.len());
        let cells = width * rows.len();
        let mut sums = vec![CellSums::default(); carriers * cells];
        let mut differences = vec![0.0; carriers * cells];
        let pieces = self.pieces(rows);
        let pool = Pool::default();
        for batch in batches(&pieces) {
            let light = |piece| pool.with(|scratch| run(level, Lighting { raster: self, piece, scratch }));
            let found: Vec<Vec<Added>> = batch.par_iter().with_max_len(1).map(light).collect();
            for (index, [gain, first, second, difference]) in found.into_iter().flatten() {
                let (carrier, cell) = (index as usize % carriers, index as usize / carriers);
                let place = carrier * cells + cell - rows.start * width;
                let sums = &mut sums[place];
                sums.gain += gain;
                sums.delay = [sums.delay[0] + first, sums.delay[1] + second];
                differences[place] += difference;
            }
        }
        for (sums, difference) in sums.iter_mut().zip(differences) {
            (sums.exact, sums.gain_squared) = (sums.gain, sums.gain * sums.gain);
            // Two means of half the samples, each as far off as the other: half their difference is the error of the mean.
            sums.sampling_variance = f64::powi(difference / 2.0, 2);
        }
        sums
    }

    /// Whether a chain counts and may reach the sheet at all, by its window before it is narrowed.
    pub fn may_reach(geometry: &Geometry, trie: &ChainTrie, sheet: &Sheet, outlines: &Outlines, node: u32) -> bool {
        let windows = &Windows::default();
        let reach = Reach { geometry, trie, outlines, windows, sheet, end: NONE };
        let all = Cells { columns: 0..sheet.cells[0], rows: 0..sheet.cells[1] };
        Gather::default().footprint(&reach, node, trie.window_of(node), &all).is_some()
    }

    /// What there is to do for some rows of cells: chains in the order of their nodes, large footprints in blocks.
    fn pieces(&self, rows: &Range<usize>) -> Vec<Piece> {
        /// Chains of one task of the pool.
        const TASK: usize = 64;
        let all = Cells { columns: 0..self.sheet.cells[0], rows: rows.clone() };
        let pool = Pool::default();
        let nodes = (0..self.trie.len() as u32).into_par_iter().with_min_len(TASK);
        nodes
            .filter(|node| (self.counts)(*node))
            .map(|node| {
                (
                    node,
                    pool.with(|gather: &mut Gather| gather.footprint(&self.reach(), node, self.windows.of(node), &all)),
                )
            })
            .flat_map_iter(|(node, footprint)| blocks_of(footprint).map(move |cells| Piece { node, cells }))
            .collect()
    }
}

/// Pieces in their order, so many together as [`BATCH`] cells allow, and one at least.
fn batches(mut pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    std::iter::from_fn(move || {
        let mut cells = 0;
        let fits = |piece: &&Piece| {
            cells += piece.cells.len();
            cells <= BATCH
        };
        let count = pieces.iter().take_while(fits).count().max(1).min(pieces.len());
        let (batch, rest) = pieces.split_at(count);
        pieces = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Some cells in blocks on a grid of the sheet's.
fn blocks_of(cells: Option<Cells>) -> impl Iterator<Item = Cells> {
    let parts = |range: Range<usize>| {
        let first = range.start / BLOCK * BLOCK;
        (first..range.end).step_by(BLOCK).map(move |at| at.max(range.start)..(at + BLOCK).min(range.end))
    };
    cells.into_iter().flat_map(move |Cells { columns, rows }| {
        parts(rows)
            .flat_map(move |rows| parts(columns.clone()).map(move |columns| Cells { columns, rows: rows.clone() }))
    })
}

/// Scratch space that tasks lend each other.
#[derive(Default)]
pub struct Pool<T>(std::sync::Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Does some work with one's own space.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lock = || self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = lock().pop();
        let mut space = kept.unwrap_or_default();
        let done = work(&mut space);
        lock().push(space);
        done
    }
}

/// What a task needs besides, kept from piece to piece.
#[derive(Default)]
struct Scratch {
    gather: Gather,
    scenery: Scenery,
    replayed: Replayed,
    points: Vec<Node>,
    gains: Vec<f64>,
}

/// Lights one piece.
struct Lighting<'a> {
    raster: &'a Raster<'a>,
    piece: &'a Piece,
    scratch: &'a mut Scratch,
}

impl Task for Lighting<'_> {
    type Output = Vec<Added>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Vec<Added> {
        let Lighting { raster, piece, scratch } = self;
        let Scratch { gather, scenery, replayed, points, gains } = scratch;
        let mut added = Vec::new();
        let reach = raster.reach();
        gather.open(&reach, piece.node);
        raster.power.open(piece.node, replayed);
        gains.resize(raster.power.carriers.len(), 0.0);
        let view = View::of(raster.sheet);
        let mut worth = Worth { raster, replayed, view, points, gains, added: &mut added };
        let mut waiting = vec![piece.cells.clone()];
        while let Some(cells) = waiting.pop() {
            let halves = cells.halves();
            let most = if halves.is_some() { MOST_SHAPES } else { usize::MAX };
            match (gather.scenery(&reach, piece.node, (&cells, cells.samples()), most, scenery), halves) {
                (Gathered::TooMuch, Some([one, other])) => waiting.extend([other, one]),
                (Gathered::Dark | Gathered::TooMuch, _) => {}
                (Gathered::All, _) => scenery.light(&cells, &mut worth),
            }
        }
        added
    }
}

/// What lit cells are worth.
struct Worth<'a> {
    raster: &'a Raster<'a>,
    replayed: &'a Replayed,
    view: View,
    points: &'a mut Vec<Node>,
    gains: &'a mut Vec<f64>,
    added: &'a mut Vec<Added>,
}

impl Lit for Worth<'_> {
    fn all(&mut self, cells: &Cells) {
        for row in cells.rows.clone() {
            for column in cells.columns.clone() {
                self.part(column, row, &[u32::MAX; SAMPLES]);
            }
        }
    }

    fn part(&mut self, column: usize, row: usize, masks: &[u32; SAMPLES]) {
        let Raster { sheet, power, trie, .. } = self.raster;
        let (x, y) = (column as f64, row as f64);
        let size = sheet.step_u.norm().max(sheet.step_v.norm());
        let distance = self.replayed.distance(&self.view.at(x + 0.5, y + 0.5)) / size;
        nodes_of(masks, Fineness::at(distance, self.replayed.ripples), self.points);
        let carriers = self.gains.len();
        let first = self.added.len();
        for Node { at, weight, difference } in self.points.iter() {
            let point = self.view.at(x + at[0], y + at[1]);
            let length = power.at(self.replayed, &point, self.gains);
            let delay = (length - (point - trie.image[0]).norm()) / SPEED_OF_LIGHT;
            if self.added.len() == first {
                let cell = (row * sheet.cells[0] + column) * carriers;
                self.added.extend((0..carriers).map(|carrier| ((cell + carrier) as u64, [0.0; 4])));
            }
            for ((_, sums), gain) in self.added[first..].iter_mut().zip(self.gains.iter()) {
                let gained = weight * gain;
                let more = [gained, gained * delay, gained * delay * delay, difference * gain];
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
}
