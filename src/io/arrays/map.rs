//! `map.npz`: what a radio map measured, in SI and linear.

use super::Npz;
use crate::error::Result;
use crate::io::atomic;
use crate::map::metrics::{self, CellSums};
use crate::math::Vec3;
use crate::scene::radio::Radio;
use std::io::{self, Seek, Write};
use std::path::Path;

/// All cells of a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WholeMap {
    /// Carriers [Hz].
    pub carriers: Vec<f64>,
    /// Shape of a map: rows and columns, or the number of cells.
    pub shape: Vec<usize>,
    /// Points of each cell.
    pub points: usize,
    /// Sums `[carrier, transmitter, cell]`.
    pub sums: Vec<CellSums>,
    /// Centres `[cell]` [m].
    pub centres: Vec<Vec3>,
    /// Noise of the receiver [W].
    pub noise: f64,
}

impl WholeMap {
    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.shape.iter().product()
    }

    /// The sums of one map `[cell]`.
    pub fn of(&self, carrier: usize, transmitter: usize, transmitters: usize) -> &[CellSums] {
        let cells = self.cells();
        let first = (carrier * transmitters + transmitter) * cells;
        &self.sums[first..first + cells]
    }

    /// Received powers [W] in a cell `[transmitter]`.
    fn received(&self, carrier: usize, cell: usize, transmitters: &[Radio], received: &mut Vec<f64>) {
        received.clear();
        received.extend(
            transmitters
                .iter()
                .enumerate()
                .map(|(i, radio)| radio.power * self.of(carrier, i, transmitters.len())[cell].mean(self.points)),
        );
    }

    /// The best server of each cell at a carrier `[cell]`, or -1 where there is none.
    pub fn best_servers(&self, carrier: usize, transmitters: &[Radio]) -> Vec<i64> {
        let mut received = Vec::new();
        let of = |cell| {
            self.received(carrier, cell, transmitters, &mut received);
            metrics::best_server(&received).map_or(-1, |best| best as i64)
        };
        (0..self.cells()).map(of).collect()
    }
}

/// Writes `map.npz` (docs/results.md). Arrays have a leading axis of carriers where there are several.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_map(file: &Path, map: &WholeMap, transmitters: &[Radio]) -> Result<()> {
    atomic::write_file(file, |writer| {
        let mut npz = Npz::new(writer);
        let mut carriers_and = if map.carriers.len() > 1 { vec![map.carriers.len()] } else { Vec::new() };
        let by_cell = [carriers_and.as_slice(), &map.shape].concat();
        carriers_and.push(transmitters.len());
        let shape = [carriers_and.as_slice(), &map.shape].concat();
        npz.array("path_gain", &shape, map.sums.iter().map(|cell| cell.mean(map.points)))?;
        npz.array("standard_error", &shape, map.sums.iter().map(|cell| cell.standard_error(map.points)))?;
        let spread = |cell: &CellSums| cell.rms_delay_spread().unwrap_or(f64::NAN);
        npz.array("rms_delay_spread_s", &shape, map.sums.iter().map(spread))?;
        let powers = transmitters.iter().flat_map(|radio| std::iter::repeat_n(radio.power, map.cells()));
        let received = map.sums.iter().zip(powers.cycle()).map(|(cell, power)| power * cell.mean(map.points));
        npz.array("rss_w", &shape, received)?;
        write_sinr(&mut npz, map, &shape, transmitters)?;
        let best = (0..map.carriers.len()).flat_map(|carrier| map.best_servers(carrier, transmitters));
        npz.array("best_server", &by_cell, best)?;
        let of_cells = [map.shape.as_slice(), &[3]].concat();
        npz.array("cell_centers_m", &of_cells, map.centres.iter().flat_map(|c| [c.x, c.y, c.z]))?;
        npz.array("carrier_hz", &[map.carriers.len()], map.carriers.iter().copied())?;
        npz.array("noise_w", &[], [map.noise])?;
        npz.texts("transmitter_names", transmitters.iter().map(|radio| radio.name.as_str()))?;
        npz.finish()
    })
}

fn write_sinr<W: Write + Seek>(
    npz: &mut Npz<W>,
    map: &WholeMap,
    shape: &[usize],
    transmitters: &[Radio],
) -> io::Result<()> {
    npz.stream("sinr", shape, |push| {
        let mut received = Vec::new();
        let mut of_carrier = vec![0.0; transmitters.len() * map.cells()];
        for carrier in 0..map.carriers.len() {
            for cell in 0..map.cells() {
                map.received(carrier, cell, transmitters, &mut received);
                for (i, sinr) in metrics::sinr(&received, map.noise).into_iter().enumerate() {
                    of_carrier[i * map.cells() + cell] = sinr;
                }
            }
            of_carrier.iter().try_for_each(|sinr| push(*sinr))?;
        }
        Ok(())
    })
}
