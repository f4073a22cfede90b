//! The sampled part of a map: replicates of a shower of rays, until the error that was asked for is reached (T83, T84).

use super::map::MapEngine;
use crate::constants::SPEED_OF_LIGHT;
use crate::error::Result;
use crate::map::forward::{Fed, Forward};
use crate::math::Mat3;
use crate::math::frame::rotation_of;
use crate::math::random::{philox, unit_interval};
use crate::path::field::End;
use crate::scene::material::Surface;
use std::f64::consts::{PI, TAU};

/// Replicates of one round: their spread tells the error, and 32 of them tell it to an eighth.
pub const REPLICATES: u64 = 32;
/// Quantile of Student's distribution for 31 degrees of freedom over the normal one, both at 97.5 %: so that 1.96 standard
/// errors are a 95 % interval though the error is itself estimated from 32 values.
const STUDENT: f64 = 2.039_5 / 1.960_0;

/// How to do without sampling.
const WITHOUT: &str = "leave \"diffuse\" and \"lobe\" out of solver.interactions";

/// When sampling ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Rays of one round.
    pub rays: u64,
    /// Rays at the most.
    pub max_rays: u64,
    /// Standard error over gain that all but one in twenty of the cells reached shall have; `None`: one round is enough.
    pub relative_error: Option<f64>,
}

/// Sums over replicates, of one transmitter and carrier.
#[derive(Debug, Clone, Default)]
pub struct Sampled {
    /// Mean over the replicates `[cell]`: gain, and its products with the excess delay and its square [s, s^2].
    pub moments: Vec<[f64; 3]>,
    /// Variance of the mean gain `[cell]`.
    pub variance: Vec<f64>,
    /// Rays that it took.
    pub rays: u64,
}

impl MapEngine<'_> {
    /// What is scattered from a transmitter into every cell, at a carrier.
    ///
    /// # Errors
    /// A material that is not defined at the carrier; a map or a device that sampling is not there for yet.
    pub fn sampled(&mut self, transmitter: usize, carrier: usize, target: &Target) -> Result<Sampled> {
        let scene = self.tracer.geometry.scene;
        let frequency = self.carriers[carrier];
        let surfaces: Vec<Surface> =
            scene.materials.iter().map(|material| Ok(material.at(frequency)?.0)).collect::<Result<_>>()?;
        let sheet = self.plane_sheet("the sampled part", WITHOUT)?;
        let level = self.tracer.backend.level_for("the sampled part of a map")?;
        let radio = &self.radios.transmitters[transmitter];
        let fed = |radio| Fed { end: End::new(self.radios, radio), weights: radio.weights.as_deref() };
        let (options, position) = (self.tracer.options, radio.position - scene.origin);
        let forward = Forward {
            geometry: &self.tracer.geometry,
            surfaces: &surfaces,
            sheet: &sheet,
            frequency,
            max_depth: options.max_depth,
            specular: options.reflection,
            diffuse: options.scatter.diffuse,
            lobe: options.scatter.lobe,
            source: fed(radio),
            receiver: fed(&self.radios.receivers[0]),
            position,
        };
        let mut sums = Sums::new(sheet.len());
        let per_replicate = target.rays.div_ceil(REPLICATES);
        let stream = (carrier * self.radios.transmitters.len() + transmitter) as u32;
        let (mut replicate, mut segments) = (0, 0);
        loop {
            for _ in 0..REPLICATES {
                let key = [options.seed as u32 ^ stream.rotate_left(20), (options.seed >> 32) as u32 ^ replicate];
                let (deposits, traced) =
                    crate::backend::cpu::deposits(level, &forward, 0..per_replicate, per_replicate, &turn_of(key), key);
                // lambda/(4 pi), squared, and the solid angle of a ray.
                let wavelength = SPEED_OF_LIGHT / frequency;
                let scale = (wavelength / (4.0 * PI)).powi(2) * 4.0 * PI / per_replicate as f64;
                sums.add(&deposits, scale);
                segments += traced;
                replicate += 1;
            }
            let rays = u64::from(replicate) * per_replicate;
            let goes_on = target.relative_error.is_some_and(|error| !sums.are_within(error, replicate));
            if !goes_on || rays + REPLICATES * per_replicate > target.max_rays {
                self.tracer.counters.rays += rays;
                self.tracer.counters.segments += segments;
                self.tracer.clock.stage("sampled");
                return Ok(sums.finish(replicate, rays));
            }
        }
    }
}

/// A rotation that random numbers of `key` make: every direction alike.
fn turn_of(key: [u32; 2]) -> Mat3 {
    let words = philox([0, 0, 0, 2], key).map(unit_interval);
    // The pitch that leaves the turned pole anywhere on the sphere alike.
    rotation_of([TAU * words[0], libm::asin(2.0 * words[1] - 1.0), TAU * words[2]])
}

/// Sums over replicates `[cell]`.
struct Sums {
    moments: Vec<[f64; 3]>,
    squares: Vec<f64>,
    /// The replicate that is being added up.
    own: Vec<f64>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(cells: usize) -> Sums {
        let (moments, squares, own) = (vec![[0.0; 3]; cells], vec![0.0; cells], vec![0.0; cells]);
        Sums { moments, squares, own, touched: Vec::new() }
    }

    /// Adds a replicate, in the order of its rays.
    fn add(&mut self, deposits: &[crate::map::forward::Deposit], scale: f64) {
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
            self.squares[*cell as usize] += own * own;
        }
    }

    /// The variance of a cell's mean over so many replicates.
    fn variance(&self, cell: usize, replicates: u32) -> f64 {
        let n = f64::from(replicates);
        let sum = self.moments[cell][0];
        (self.squares[cell] - sum * sum / n).max(0.0) / (n * (n - 1.0)) * STUDENT * STUDENT
    }

    /// Whether all but one in twenty of the cells that rays have reached have their relative error.
    fn are_within(&self, error: f64, replicates: u32) -> bool {
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

    fn finish(self, replicates: u32, rays: u64) -> Sampled {
        let variance = (0..self.moments.len()).map(|cell| self.variance(cell, replicates)).collect();
        let n = f64::from(replicates);
        let moments = self.moments.into_iter().map(|moments| moments.map(|moment| moment / n)).collect();
        Sampled { moments, variance, rays }
    }
}
