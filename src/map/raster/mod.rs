//! The exact part of a map by area: each cell's mean over all of its area, not over a few points of it (T85-T87).
//!
//! A chain of reflections lights the part of the sheet that its facets let through ([`scenery`]), less the shadows of what
//! stands in the way of its legs ([`legs`]). Both are convex polygons on the sheet ([`shapes`]); subdivision finds the cells
//! that are lit ([`lit`]), and a few points stand for the lit samples of each ([`quadrature`], [`power`]). Chains are worked on
//! side by side and added up in their order: neither threads nor the cells that are asked for together matter.

pub mod legs;
pub mod lit;
pub mod outlines;
pub mod power;
pub mod quadrature;
pub mod scenery;
pub mod shapes;

use self::legs::{SAMPLES, View};
use self::lit::{Cells, Lit, Scenery};
use self::outlines::Outlines;
use self::power::{Power, Replayed};
use self::quadrature::{Fineness, Node, nodes_of};
use self::scenery::Gather;
use super::grid::Sheet;
use super::metrics::CellSums;
use crate::constants::SPEED_OF_LIGHT;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::path::chain::ChainTrie;
use rayon::prelude::*;
use std::ops::Range;

/// Cells along the side of what one task lights at the most.
const BLOCK: usize = 128;
/// Pieces of work that are done before what they found is added up: bounds the memory.
const BATCH: usize = 4096;

/// One transmitter's light on a sheet.
pub struct Raster<'a> {
    /// The scene.
    pub geometry: &'a Geometry<'a>,
    /// Chains of the transmitter.
    pub trie: &'a ChainTrie,
    /// Which facets are their hulls.
    pub outlines: &'a Outlines,
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
type Added = (u32, [f64; 4]);

impl Raster<'_> {
    /// Sums over some rows of cells, `[carrier, cell]`.
    pub fn rows(&self, level: Level, rows: &Range<usize>) -> Vec<CellSums> {
        let (width, carriers) = (self.sheet.cells[0], self.power.carriers.len());
        let cells = width * rows.len();
        let mut sums = vec![CellSums::default(); carriers * cells];
        let mut differences = vec![0.0; carriers * cells];
        let pieces = self.pieces(rows);
        for batch in pieces.chunks(BATCH) {
            let work = batch.par_iter().with_max_len(1);
            let found: Vec<Vec<Added>> = work
                .map_init(Scratch::default, |scratch, piece| run(level, Lighting { raster: self, piece, scratch }))
                .collect();
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

    /// What there is to do for some rows of cells: chains in the order of their nodes, large footprints in blocks.
    fn pieces(&self, rows: &Range<usize>) -> Vec<Piece> {
        /// Chains of one task of the pool.
        const TASK: usize = 64;
        let all = Cells { columns: 0..self.sheet.cells[0], rows: rows.clone() };
        let nodes = (0..self.trie.len() as u32).into_par_iter().with_min_len(TASK);
        nodes
            .filter(|node| (self.counts)(*node))
            .map_init(Gather::default, |gather, node| (node, gather.footprint(self, node, &all)))
            .flat_map_iter(|(node, footprint)| blocks_of(footprint).map(move |cells| Piece { node, cells }))
            .collect()
    }
}

/// Some cells in blocks on a grid of the sheet's.
fn blocks_of(cells: Option<Cells>) -> impl Iterator<Item = Cells> {
    let parts = |range: Range<usize>| {
        let first = range.start / BLOCK * BLOCK;
        (first..range.end).step_by(BLOCK).map(move |at| at.max(range.start)..(at + BLOCK).min(range.end))
    };
    cells.into_iter().flat_map(move |Cells { columns, rows }| {
        parts(rows).flat_map(move |rows| parts(columns.clone()).map(move |columns| Cells { columns, rows: rows.clone() }))
    })
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
        if gather.scenery(raster, piece.node, &piece.cells, scenery) {
            raster.power.open(piece.node, replayed);
            gains.resize(raster.power.carriers.len(), 0.0);
            let view = View::of(raster.sheet);
            let mut worth = Worth { raster, replayed, view, points, gains, added: &mut added };
            scenery.light(&piece.cells, &mut worth);
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
                self.added.extend((0..carriers).map(|carrier| ((cell + carrier) as u32, [0.0; 4])));
            }
            for ((_, sums), gain) in self.added[first..].iter_mut().zip(self.gains.iter()) {
                let gained = weight * gain;
                let more = [gained, gained * delay, gained * delay * delay, difference * gain];
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
}
