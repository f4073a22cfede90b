//! The sampled part of a map: replicates of a shower of rays, until the error that was asked for is reached (T83, T84).

use super::map::MapEngine;
use crate::error::Result;
use crate::map::bundle::{MapBars, Recording, Work};
use crate::map::fed::Fed;
use crate::map::forward::Forward;
use crate::map::grid::Sheet;
use crate::map::replicates::{Lattice, Sums};
use crate::map::target::Screen;
use crate::path::field::{End, surfaces_of};
use crate::scene::material::Surface;
use std::ops::Range;

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
    /// Replicates that they are spread over.
    pub replicates: u32,
}

/// What a sampled part was made of, so that the same can be drawn again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Rays.
    pub rays: u64,
    /// Replicates that they are spread over.
    pub replicates: u32,
}

impl Sampled {
    /// What it was made of.
    pub fn drawn(&self) -> Drawn {
        Drawn { rays: self.rays, replicates: self.replicates }
    }
}

impl<'a> MapEngine<'a> {
    /// What is scattered from a transmitter into every cell, at a carrier.
    ///
    /// # Errors
    /// A material that is not defined at the carrier; a map that sampling is not there for yet; the device failed.
    pub fn sampled(&mut self, transmitter: usize, carrier: usize, target: &Target) -> Result<Sampled> {
        let sheet = self.plane_sheet("the sampled part", WITHOUT)?;
        let surfaces = surfaces_of(self.tracer.geometry.scene, &[self.carriers[carrier]], &mut Vec::new())?;
        let ends = self.ends(transmitter);
        let forward = self.forward([transmitter, carrier], &ends, &sheet, &surfaces[0]);
        let mut sums = Sums::new(sheet.len());
        let per_replicate = target.rays.div_ceil(REPLICATES);
        let (mut replicate, mut segments) = (0u32, 0);
        loop {
            let own = replicate..replicate + REPLICATES as u32;
            let lattices = self.lattices([transmitter, carrier], own.clone(), per_replicate);
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

    /// Lets the rays of [`MapEngine::sampled`] take their ways once more, as paths (T98): does `work` with bundles of `size`
    /// of them, side by side, and puts what comes of it into `put`, in a fixed order.
    ///
    /// # Errors
    /// As [`MapEngine::sampled`]; what `work` and `put` fail on.
    pub fn retrace_sampled<R: Default + Send>(
        &self,
        [transmitter, carrier]: [usize; 2],
        drawn: &Drawn,
        bars: &MapBars,
        (work, size): (&Work<R>, usize),
        put: &mut dyn FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let sheet = self.plane_sheet("the sampled part", WITHOUT)?;
        let surfaces = surfaces_of(self.tracer.geometry.scene, &[self.carriers[carrier]], &mut Vec::new())?;
        let ends = self.ends(transmitter);
        let forward = self.forward([transmitter, carrier], &ends, &sheet, &surfaces[0]);
        let (backend, loaded) = (&self.tracer.backend, &self.tracer.geometry);
        let recording = Recording { geometry: loaded, bars, carriers: [carrier, 1], transmitter, size, work };
        // What is sampled is the mean over the replicates, and counts at every point of a cell.
        let scale = self.grid.points_per_cell() as f64 / f64::from(drawn.replicates);
        let per_replicate = drawn.rays / u64::from(drawn.replicates);
        for replicate in 0..drawn.replicates {
            let lattices = self.lattices([transmitter, carrier], replicate..replicate + 1, per_replicate);
            backend.retrace(loaded, &forward, (&lattices, scale), &recording, put)?;
        }
        Ok(())
    }

    /// A transmitter and the receiver.
    fn ends(&self, transmitter: usize) -> [End<'a>; 2] {
        let radios = self.radios;
        [&radios.transmitters[transmitter], &radios.receivers[0]].map(|radio| End::new(radios, radio))
    }

    /// What rays from a transmitter need to know at a carrier.
    fn forward<'f>(
        &'f self,
        [transmitter, carrier]: [usize; 2],
        ends: &'f [End<'f>; 2],
        sheet: &'f Sheet,
        surfaces: &'f [Surface],
    ) -> Forward<'f> {
        let (options, radio) = (self.tracer.options, &self.radios.transmitters[transmitter]);
        Forward {
            geometry: &self.tracer.geometry,
            surfaces,
            screen: Screen::new(sheet),
            frequency: self.carriers[carrier],
            max_depth: options.max_depth,
            specular: options.reflection,
            diffuse: options.scatter.diffuse,
            lobe: options.scatter.lobe,
            source: Fed { end: &ends[0], weights: radio.weights.as_deref() },
            receiver: Fed { end: &ends[1], weights: self.radios.receivers[0].weights.as_deref() },
            position: radio.position - self.tracer.geometry.scene.origin,
        }
    }

    /// The rays of some replicates.
    fn lattices(&self, [transmitter, carrier]: [usize; 2], replicates: Range<u32>, rays: u64) -> Vec<Lattice> {
        let stream = (carrier * self.radios.transmitters.len() + transmitter) as u32;
        let seed = self.tracer.options.seed;
        let key = |replicate| [seed as u32 ^ stream.rotate_left(20), (seed >> 32) as u32 ^ replicate];
        replicates.map(|one| Lattice::new(rays, key(one))).collect()
    }
}

fn finish(sums: &Sums, cells: [usize; 2], replicates: u32, rays: u64) -> Sampled {
    let n = f64::from(replicates);
    let moments = sums.moments.iter().map(|moments| moments.map(|moment| moment / n)).collect();
    Sampled { moments, variance: sums.variances(cells, replicates), rays, replicates }
}
