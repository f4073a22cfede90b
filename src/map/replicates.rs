//! Replicates of a map's sampled part: lattices of rays, and sums over them (T84).

use super::forward::Deposit;
use super::sparse;
use crate::constants::SPEED_OF_LIGHT;
use crate::math::Mat3;
use crate::math::frame::rotation_of;
use crate::math::random::{philox, unit_interval};
use std::f64::consts::{PI, TAU};

/// Quantile of Student's distribution for 31 degrees of freedom over the normal one, both at 97.5 %: so that 1.96 standard
/// errors are a 95 % interval though the error is itself estimated from 32 values.
const STUDENT: f64 = 2.039_5 / 1.960_0;

/// The rays of a replicate: a lattice of directions (T5) that is turned at random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    /// How many.
    pub rays: u64,
    /// How it is turned.
    pub turn: Mat3,
    /// Key of the random numbers.
    pub key: [u32; 2],
}

impl Lattice {
    /// That of a `key`; every turn alike.
    pub fn new(rays: u64, key: [u32; 2]) -> Lattice {
        let words = philox([0, 0, 0, 2], key).map(unit_interval);
        // The pitch that leaves the turned pole anywhere on the sphere alike.
        let turn = rotation_of([TAU * words[0], libm::asin(2.0 * words[1] - 1.0), TAU * words[2]]);
        Lattice { rays, turn, key }
    }

    /// What a deposit's gain is to be multiplied by: lambda/(4 pi), squared, and the solid angle of a ray.
    pub fn scale(&self, frequency: f64) -> f64 {
        let wavelength = SPEED_OF_LIGHT / frequency;
        (wavelength / (4.0 * PI)).powi(2) * 4.0 * PI / self.rays as f64
    }
}

/// Sums over replicates `[cell]`.
pub struct Sums {
    /// Gain, and its products with the excess delay and its square [s, s^2].
    pub moments: Vec<[f64; 3]>,
    /// Squares of the replicates' gains, and how many of these are above 0.
    pub spread: Vec<[f64; 2]>,
    /// The replicate that is being added up.
    own: Vec<f64>,
    touched: Vec<u32>,
}

impl Sums {
    /// Nothing yet.
    pub fn new(cells: usize) -> Sums {
        let (moments, spread, own) = (vec![[0.0; 3]; cells], vec![[0.0; 2]; cells], vec![0.0; cells]);
        Sums { moments, spread, own, touched: Vec::new() }
    }

    /// Adds a replicate, in the order of its rays, gains multiplied by `scale`.
    pub fn add<'a>(&mut self, deposits: impl Iterator<Item = &'a Deposit>, scale: f64) {
        self.touched.clear();
        for deposit in deposits {
            let cell = deposit.cell as usize;
            if self.own[cell] == 0.0 {
                self.touched.push(deposit.cell);
            }
            let (gain, delay) = (deposit.gain * scale, deposit.excess / SPEED_OF_LIGHT);
            self.own[cell] += gain;
            let moments = &mut self.moments[cell];
            *moments = [moments[0] + gain, moments[1] + gain * delay, moments[2] + gain * delay * delay];
        }
        for cell in &self.touched {
            let own = std::mem::take(&mut self.own[*cell as usize]);
            let [square, hits] = &mut self.spread[*cell as usize];
            (*square, *hits) = (*square + own * own, *hits + 1.0);
        }
    }

    /// Adds what another device has summed up over replicates `[cell]`.
    pub fn add_sums(&mut self, moments: &[[f64; 3]], spread: &[[f64; 2]]) {
        for (own, more) in self.moments.iter_mut().zip(moments) {
            own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        }
        for (own, more) in self.spread.iter_mut().zip(spread) {
            own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        }
    }

    /// The variance of a cell's mean over so many replicates.
    pub fn variance(&self, cell: usize, replicates: u32) -> f64 {
        let n = f64::from(replicates);
        let sum = self.moments[cell][0];
        (self.spread[cell][0] - sum * sum / n).max(0.0) / (n * (n - 1.0)) * STUDENT * STUDENT
    }

    /// The variances of all cells of a sheet of so many `[u, v]`: where few rays came, that of the cells about.
    pub fn variances(&self, cells: [usize; 2], replicates: u32) -> Vec<f64> {
        let mut variance: Vec<f64> = (0..self.moments.len()).map(|cell| self.variance(cell, replicates)).collect();
        let hits: Vec<u32> = self.spread.iter().map(|[_, hits]| *hits as u32).collect();
        sparse::pool(cells, &hits, &mut variance);
        variance
    }

    /// Whether all but one in twenty of the cells that rays have reached have their relative error.
    pub fn are_within(&self, error: f64, replicates: u32) -> bool {
        let (mut reached, mut wide) = (0u64, 0u64);
        for cell in 0..self.moments.len() {
            let mean = self.moments[cell][0] / f64::from(replicates);
            if mean > 0.0 {
                reached += 1;
                wide += u64::from(self.variance(cell, replicates).sqrt() > error * mean);
            }
        }
        wide * 20 <= reached
    }
}
