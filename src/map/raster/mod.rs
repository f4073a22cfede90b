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
use super::bundle::{Part, Recorder, Recording, Worth};
use super::grid::Sheet;
use super::metrics::CellSums;
use crate::constants::SPEED_OF_LIGHT;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::layout::NONE;
use crate::math::Vec3;
use crate::path::chain::ChainTrie;
use rayon::prelude::*;
use std::ops::Range;

/// Cells along the side of what one task lights at the most.
const BLOCK: usize = 128;
/// Polygons that are looked at together; beyond, cells are divided first.
const MOST_SHAPES: usize = 1 << 14;
/// Cells of the pieces of work that are done before what they found is added up, and pieces: bounds the memory.
const BATCH: usize = 1 << 22;
const MOST_PIECES: usize = 1 << 14;

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
        self.light(level, rows, &|| Gains::new(self), &mut |Gains { added, .. }| {
            for (index, [gain, first, second, difference]) in added {
                let (carrier, cell) = (index as usize % carriers, index as usize / carriers);
                let place = carrier * cells + cell - rows.start * width;
                let sums = &mut sums[place];
                sums.gain += gain;
                sums.delay = [sums.delay[0] + first, sums.delay[1] + second];
                differences[place] += difference;
            }
        });
        for (sums, difference) in sums.iter_mut().zip(differences) {
            (sums.exact, sums.gain_squared) = (sums.gain, sums.gain * sums.gain);
            // Two means of half the samples, each as far off as the other: half their difference is the error of the mean.
            sums.sampling_variance = f64::powi(difference / 2.0, 2);
        }
        sums
    }

    /// Lets all that lights some rows of cells pass once more, and puts what the `recording` makes of it into `put`, piece by
    /// piece in their order (T99).
    ///
    /// # Errors
    /// What the recording fails on.
    pub fn retrace<R: Default + Send>(
        &self,
        level: Level,
        rows: &Range<usize>,
        recording: &Recording<R>,
        put: &mut dyn FnMut(R),
    ) -> Result<()> {
        let mut failed = Ok(());
        self.light(level, rows, &|| recording.start(1.0), &mut |recorder| match recorder.finish() {
            Ok(done) => put(done),
            Err(error) => failed = Err(error),
        });
        failed
    }

    /// Lights some rows of cells, pieces side by side; each gives what it lights to one of `takers`, which `put` gets in the
    /// order of the pieces.
    fn light<T: Take + Send>(
        &self,
        level: Level,
        rows: &Range<usize>,
        takers: &(dyn Fn() -> T + Sync),
        put: &mut dyn FnMut(T),
    ) {
        let pieces = self.pieces(rows);
        let pool = Pool::default();
        for batch in batches(&pieces) {
            let light =
                |piece| pool.with(|scratch| run(level, Lighting { raster: self, piece, scratch, taker: takers() }));
            let found: Vec<T> = batch.par_iter().with_max_len(1).map(light).collect();
            found.into_iter().for_each(&mut *put);
        }
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

/// Pieces in their order, so many together as [`BATCH`] cells and [`MOST_PIECES`] allow, and one at least.
fn batches(mut pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    std::iter::from_fn(move || {
        let mut cells = 0;
        let fits = |piece: &&Piece| {
            cells += piece.cells.len();
            cells <= BATCH
        };
        let count = pieces.iter().take(MOST_PIECES).take_while(fits).count().max(1).min(pieces.len());
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
}

/// Lights one piece.
struct Lighting<'a, T> {
    raster: &'a Raster<'a>,
    piece: &'a Piece,
    scratch: &'a mut Scratch,
    taker: T,
}

impl<T: Take> Task for Lighting<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run<L: Lanes>(self) -> T {
        let Lighting { raster, piece, scratch, taker } = self;
        let Scratch { gather, scenery, replayed, points } = scratch;
        let reach = raster.reach();
        gather.open(&reach, piece.node);
        raster.power.open(piece.node, replayed);
        let chain = Chain { raster, replayed, view: View::of(raster.sheet) };
        let mut lights = Lights { chain, points, taker };
        let mut waiting = vec![piece.cells.clone()];
        while let Some(cells) = waiting.pop() {
            let halves = cells.halves();
            let most = if halves.is_some() { MOST_SHAPES } else { usize::MAX };
            match (gather.scenery(&reach, piece.node, (&cells, cells.samples()), most, scenery), halves) {
                (Gathered::TooMuch, Some([one, other])) => waiting.extend([other, one]),
                (Gathered::Dark | Gathered::TooMuch, _) => {}
                (Gathered::All, _) => scenery.light(&cells, &mut lights),
            }
        }
        lights.taker
    }
}

/// A chain that lights the sheet.
struct Chain<'a> {
    raster: &'a Raster<'a>,
    replayed: &'a Replayed,
    view: View,
}

impl Chain<'_> {
    /// The number of a cell by its column and row.
    fn number(&self, [column, row]: [usize; 2]) -> usize {
        row * self.raster.sheet.cells[0] + column
    }

    /// Where a point of a cell is [m, local].
    #[inline(always)]
    fn place(&self, [column, row]: [usize; 2], at: [f64; 2]) -> Vec3 {
        self.view.at(column as f64 + at[0], row as f64 + at[1])
    }
}

/// Takes what a chain lights.
trait Take {
    /// Takes the points that stand for what is lit of a cell, by its column and row.
    fn take(&mut self, chain: &Chain, cell: [usize; 2], points: &[Node]);
}

/// Finds the points of lit cells.
struct Lights<'a, T> {
    chain: Chain<'a>,
    points: &'a mut Vec<Node>,
    taker: T,
}

impl<T: Take> Lit for Lights<'_, T> {
    fn all(&mut self, cells: &Cells) {
        for row in cells.rows.clone() {
            for column in cells.columns.clone() {
                self.part(column, row, &[u32::MAX; SAMPLES]);
            }
        }
    }

    fn part(&mut self, column: usize, row: usize, masks: &[u32; SAMPLES]) {
        let Chain { raster: Raster { sheet, .. }, replayed, .. } = self.chain;
        let size = sheet.step_u.norm().max(sheet.step_v.norm());
        let distance = replayed.distance(&self.chain.place([column, row], [0.5; 2])) / size;
        nodes_of(masks, Fineness::at(distance, replayed.ripples), self.points);
        self.taker.take(&self.chain, [column, row], self.points);
    }
}

/// What a piece adds to cells and carriers.
struct Gains {
    /// Powers at the point in hand `[carrier]`.
    powers: Vec<f64>,
    added: Vec<Added>,
}

impl Gains {
    fn new(raster: &Raster) -> Gains {
        Gains { powers: vec![0.0; raster.power.carriers.len()], added: Vec::new() }
    }
}

impl Take for Gains {
    #[inline(always)]
    fn take(&mut self, chain: &Chain, cell: [usize; 2], points: &[Node]) {
        let (Raster { power, trie, .. }, Gains { powers, added }) = (chain.raster, self);
        let own = added.len();
        if !points.is_empty() {
            let first = (chain.number(cell) * powers.len()) as u64;
            added.extend((first..).take(powers.len()).map(|place| (place, [0.0; 4])));
        }
        for Node { at, weight, difference } in points {
            let point = chain.place(cell, *at);
            let length = power.at(chain.replayed, &point, powers);
            let delay = (length - (point - trie.image[0]).norm()) / SPEED_OF_LIGHT;
            for ((_, sums), gain) in added[own..].iter_mut().zip(powers.iter()) {
                let gained = weight * gain;
                let more = [gained, gained * delay, gained * delay * delay, difference * gain];
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
}

impl<R> Take for Recorder<'_, R> {
    /// Records the chain to each point as a path.
    fn take(&mut self, chain: &Chain, cell: [usize; 2], points: &[Node]) {
        let number = chain.number(cell) as u32;
        if !self.wants(number) {
            return;
        }
        for Node { at, weight, .. } in points {
            let place = chain.place(cell, *at);
            chain.raster.power.vertices(chain.replayed, &place, &mut self.vertices);
            let length = chain.replayed.distance(&place);
            let excess = length - (place - chain.raster.trie.image[0]).norm();
            self.push(place, length, Part { cell: number, worth: Worth::Weight(*weight), excess });
        }
    }
}
