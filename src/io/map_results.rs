//! The results of a run of `task = "map"`: `map.npz`, and a picture for each transmitter.

use super::arrays::{WholeMap, write_map};
use super::job::Job;
use crate::error::Result;
use crate::map::grid::Grid;
use crate::map::metrics::CellSums;
use crate::math::Vec3;
use crate::solve::map::MapTile;
use crate::solve::sampled::Sampled;
use std::fmt::Write;
use std::ops::Range;

/// Points of the cells that are worked on together: what bounds the memory.
const POINTS_PER_TILE: usize = 1 << 16;

/// The cells of each tile of a map.
pub fn tiles(grid: &Grid, transmitters: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let per_tile = (POINTS_PER_TILE / (grid.points_per_cell() * transmitters.max(1))).max(1);
    let cells = grid.len();
    (0..cells.max(1)).step_by(per_tile).map(move |first| first..cells.min(first + per_tile))
}

/// A map that is being put together.
pub struct MapResults<'a> {
    job: &'a Job,
    map: WholeMap,
}

impl<'a> MapResults<'a> {
    /// Begins the results of a job that maps the cells of `grid`.
    pub fn new(job: &'a Job, grid: &Grid, noise: f64) -> MapResults<'a> {
        let maps = job.carriers.len() * job.radios.transmitters.len();
        let map = WholeMap {
            carriers: job.carriers.clone(),
            shape: grid.shape(),
            points: grid.points_per_cell(),
            sums: vec![CellSums::default(); maps * grid.len()],
            centres: vec![Vec3::zeros(); grid.len()],
            noise,
        };
        MapResults { job, map }
    }

    /// Adds a tile.
    pub fn add(&mut self, tile: &MapTile) {
        let (all, cells) = (self.map.cells(), tile.cells.clone());
        self.map.centres[cells.clone()].copy_from_slice(&tile.centres);
        if cells.is_empty() {
            return;
        }
        for (own, sums) in self.map.sums.chunks_exact_mut(all).zip(tile.sums.chunks_exact(cells.len())) {
            own[cells.clone()].copy_from_slice(sums);
        }
    }

    /// Adds what is scattered from a transmitter at a carrier.
    pub fn add_sampled(&mut self, carrier: usize, transmitter: usize, sampled: &Sampled) {
        let (cells, points) = (self.map.cells(), self.map.points);
        let first = (carrier * self.job.radios.transmitters.len() + transmitter) * cells;
        let own = self.map.sums[first..first + cells].iter_mut();
        for ((sums, moments), variance) in own.zip(&sampled.moments).zip(&sampled.variance) {
            sums.add_sampled(points, *moments, *variance);
        }
    }

    /// Writes everything but the record; the names of the files.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`]; [`crate::error::Error::Internal`] for a picture that cannot be made.
    pub fn finish(&self) -> Result<Vec<String>> {
        write_map(&self.job.output.dir.join("map.npz"), &self.map, &self.job.radios.transmitters)?;
        Ok(vec!["map.npz".into()])
    }

    /// What the map says in a few lines: cells reached and median gain of each transmitter at the first carrier.
    pub fn summary(&self) -> String {
        let (mut text, transmitters) = (String::new(), &self.job.radios.transmitters);
        for (i, radio) in transmitters.iter().enumerate() {
            let cells = self.map.of(0, i, transmitters.len());
            let mut gains: Vec<f64> =
                cells.iter().map(|cell| cell.mean(self.map.points)).filter(|gain| *gain > 0.0).collect();
            gains.sort_unstable_by(f64::total_cmp);
            let median = gains
                .get(gains.len() / 2)
                .map_or(String::new(), |gain| format!(", median path gain {:.2} dB", 10.0 * gain.log10()));
            let _ = writeln!(text, "{}: {} cells, {} reached{median}", radio.name, cells.len(), gains.len());
        }
        text
    }
}
