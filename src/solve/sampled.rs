//! The sampled part of a map: replicates of a shower of rays, until the error that was asked for is reached (T83, T84).

use super::map::MapEngine;
use crate::error::Result;
use crate::map::fed::Fed;
use crate::map::forward::Forward;
use crate::map::replicates::{Lattice, Sums};
use crate::map::target::Screen;
use crate::path::field::End;
use crate::scene::material::Surface;

/// Replicates of one round: their spread tells the error, and 32 of them tell it to an eighth.
pub const REPLICATES: u64 = 32;

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
    /// Variance of the mean gain `[cell]`, that about it where few rays have reached a cell.
    pub variance: Vec<f64>,
    /// Rays that it took.
    pub rays: u64,
}

impl MapEngine<'_> {
    /// What is scattered from a transmitter into every cell, at a carrier.
    ///
    /// # Errors
    /// A material that is not defined at the carrier; a map that sampling is not there for yet; the device failed.
    pub fn sampled(&mut self, transmitter: usize, carrier: usize, target: &Target) -> Result<Sampled> {
        let scene = self.tracer.geometry.scene;
        let frequency = self.carriers[carrier];
        let surfaces: Vec<Surface> =
            scene.materials.iter().map(|material| Ok(material.at(frequency)?.0)).collect::<Result<_>>()?;
        let sheet = self.plane_sheet("the sampled part", WITHOUT)?;
        let radio = &self.radios.transmitters[transmitter];
        let fed = |radio| Fed { end: End::new(self.radios, radio), weights: radio.weights.as_deref() };
        let (options, position) = (self.tracer.options, radio.position - scene.origin);
        let forward = Forward {
            geometry: &self.tracer.geometry,
            surfaces: &surfaces,
            screen: Screen::new(&sheet),
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
        let (mut replicate, mut segments) = (0u32, 0);
        loop {
            let key =
                |replicate| [options.seed as u32 ^ stream.rotate_left(20), (options.seed >> 32) as u32 ^ replicate];
            let own = replicate..replicate + REPLICATES as u32;
            let lattices: Vec<Lattice> = own.clone().map(|one| Lattice::new(per_replicate, key(one))).collect();
            segments += self.tracer.backend.sample(&self.tracer.geometry, &forward, &lattices, &mut sums)?;
            replicate = own.end;
            let rays = u64::from(replicate) * per_replicate;
            let goes_on = target.relative_error.is_some_and(|error| !sums.are_within(error, replicate));
            if !goes_on || rays + REPLICATES * per_replicate > target.max_rays {
                self.tracer.counters.rays += rays;
                self.tracer.counters.segments += segments;
                self.tracer.clock.stage("sampled");
                return Ok(finish(&sums, sheet.cells, replicate, rays));
            }
        }
    }
}

fn finish(sums: &Sums, cells: [usize; 2], replicates: u32, rays: u64) -> Sampled {
    let n = f64::from(replicates);
    let moments = sums.moments.iter().map(|moments| moments.map(|moment| moment / n)).collect();
    Sampled { moments, variance: sums.variances(cells, replicates), rays }
}
