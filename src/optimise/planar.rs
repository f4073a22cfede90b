//! The objective of the plane: what receivers get from transmitters whose positions are sought (T114).

use super::{Landscape, LogScale, Softness};
use crate::error::Result;
use crate::math::smoothing::SmoothStep;
use crate::planar::path::{candidates, traced};
use crate::planar::power::received_power;
use crate::planar::validity::{Definition, margins, validity};
use crate::planar::{Graded, PlanarScene, Vec2};

/// The power that received powers are counted in, as published [1/m2].
pub const REFERENCE_POWER: f64 = 100.0;

/// How the receivers' powers become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// The least of them.
    #[default]
    Min,
    /// Their mean.
    Mean,
}

impl Objective {
    /// All of them.
    pub const ALL: [Objective; 2] = [Objective::Min, Objective::Mean];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            Objective::Min => "min",
            Objective::Mean => "mean",
        }
    }
}

/// Transmitters of a plane, two coordinates each, and what receivers get from them.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanarLandscape {
    pub(super) scene: PlanarScene,
    pub(super) receivers: Vec<Vec2>,
    pub(super) transmitters: usize,
    pub(super) candidates: Vec<Vec<usize>>,
    /// What is made of the receivers' powers.
    pub objective: Objective,
    /// How paths are smoothed.
    pub definition: Definition,
    /// Whether a path is there, in the end.
    pub hard_definition: Definition,
}

impl PlanarLandscape {
    /// A landscape of so many `transmitters`, with paths of up to `max_order` reflections.
    pub fn new(scene: PlanarScene, receivers: Vec<Vec2>, transmitters: usize, max_order: usize) -> PlanarLandscape {
        let candidates = (0..=max_order).flat_map(|order| candidates(scene.walls().len(), order)).collect();
        let (objective, definition) = (Objective::default(), Definition::default());
        PlanarLandscape {
            scene,
            receivers,
            transmitters,
            candidates,
            objective,
            definition,
            hard_definition: definition,
        }
    }

    /// Power over [`REFERENCE_POWER`] of one receiver from a transmitter, and its gradient by both.
    fn power(&self, definition: Definition, step: &SmoothStep, ends: [&Vec2; 2]) -> Graded {
        let mut sum = Graded::constant(0.0);
        for candidate in &self.candidates {
            if let Some(path) = traced(&self.scene, ends, candidate) {
                let v = validity(&self.scene, definition, step, &path);
                if v.value > 0.0 || v.by != [Vec2::zeros(); 2] {
                    sum = sum.plus(v.times(received_power(&path)));
                }
            }
        }
        sum.mapped((sum.value / REFERENCE_POWER, 1.0 / REFERENCE_POWER))
    }

    /// Logarithm of the same, path by path, into `terms`.
    fn ln_powers(&self, softness: (&SmoothStep, &LogScale), ends: [&Vec2; 2], terms: &mut Vec<Graded>) {
        let (step, scale) = softness;
        for candidate in &self.candidates {
            let Some(path) = traced(&self.scene, ends, candidate) else { continue };
            let power = received_power(&path);
            let mut ln = power.mapped((libm::log(power.value / REFERENCE_POWER), 1.0 / power.value));
            match self.definition {
                Definition::Paper => {
                    let v = validity(&self.scene, self.definition, step, &path);
                    let floor = f64::MIN_POSITIVE;
                    let slope = if v.value > floor { 1.0 / v.value } else { 0.0 };
                    ln = ln.plus(v.mapped((libm::log(v.value.max(floor)), slope)));
                }
                Definition::Metric | Definition::Shadow => margins(&self.scene, self.definition, &path, |margin| {
                    ln = ln.plus(margin.mapped(step.ln_of(margin.value - scale.margin)));
                }),
            }
            terms.push(ln);
        }
    }

    /// Power over [`REFERENCE_POWER`] that a receiver at `point` gets from all transmitters at `x`, without smoothing.
    pub fn received(&self, x: &[f64], point: &Vec2) -> f64 {
        let of = |i: usize| self.power(self.hard_definition, &SmoothStep::HARD, [&self.transmitter(x, i), point]).value;
        (0..self.transmitters).map(of).sum()
    }

    /// The walls.
    pub fn scene(&self) -> &PlanarScene {
        &self.scene
    }

    /// The receivers [m].
    pub fn receivers(&self) -> &[Vec2] {
        &self.receivers
    }

    fn transmitter(&self, x: &[f64], i: usize) -> Vec2 {
        Vec2::new(x[2 * i], x[2 * i + 1])
    }

    /// The objective on a logarithmic scale (T114c).
    fn smoothed_ln(&self, x: &[f64], step: &SmoothStep, scale: &LogScale, gradient: &mut [f64]) -> f64 {
        // For each receiver the sum over paths and transmitters, then the soft minimum, or the mean, of the receivers.
        let sign = match self.objective {
            Objective::Min => -1.0 / scale.temperature,
            Objective::Mean => 1.0,
        };
        let mut terms = Vec::new();
        let mut of_receivers = Vec::with_capacity(self.receivers.len());
        for receiver in &self.receivers {
            terms.clear();
            let mut first = vec![0];
            for i in 0..self.transmitters {
                self.ln_powers((step, scale), [&self.transmitter(x, i), receiver], &mut terms);
                first.push(terms.len());
            }
            let largest = terms.iter().map(|term| term.value).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = terms.iter().map(|term| libm::exp(term.value - largest)).sum();
            let mut by = vec![0.0; x.len()];
            for i in 0..self.transmitters {
                for term in &terms[first[i]..first[i + 1]] {
                    let share = libm::exp(term.value - largest) / sum;
                    (0..2).for_each(|axis| by[2 * i + axis] += share * term.by[0][axis]);
                }
            }
            of_receivers.push((largest + libm::log(sum), by));
        }
        let steepest = of_receivers.iter().map(|(value, _)| sign * value).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = of_receivers.iter().map(|(value, _)| libm::exp(sign * value - steepest)).collect();
        let sum: f64 = weights.iter().sum();
        for ((_, by), weight) in of_receivers.iter().zip(&weights) {
            gradient.iter_mut().zip(by).for_each(|(g, by)| *g += weight / sum * by);
        }
        (steepest + libm::log(sum)) / sign
    }
}

impl PlanarLandscape {
    /// The smoothed objective at `x`, and its gradient [1/m] into `gradient`, which is overwritten.
    pub fn graded(&self, x: &[f64], softness: &Softness, gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        if let Some(scale) = &softness.log {
            return self.smoothed_ln(x, &softness.step, scale, gradient);
        }
        let mut least = f64::INFINITY;
        let mut mean = 0.0;
        let share = 1.0 / self.receivers.len() as f64;
        let mut by = vec![0.0; x.len()];
        for receiver in &self.receivers {
            let mut value = 0.0;
            for i in 0..self.transmitters {
                let power = self.power(self.definition, &softness.step, [&self.transmitter(x, i), receiver]);
                value += power.value;
                (0..2).for_each(|axis| by[2 * i + axis] = power.by[0][axis]);
            }
            mean += share * value;
            match self.objective {
                Objective::Min if value < least => gradient.copy_from_slice(&by),
                Objective::Min => {}
                Objective::Mean => gradient.iter_mut().zip(&by).for_each(|(g, by)| *g += share * by),
            }
            least = least.min(value);
        }
        match self.objective {
            Objective::Min => least,
            Objective::Mean => mean,
        }
    }

    /// The objective itself at `x`.
    pub fn value(&self, x: &[f64]) -> f64 {
        let (mut least, mut mean) = (f64::INFINITY, 0.0);
        for receiver in &self.receivers {
            let value = self.received(x, receiver);
            least = least.min(value);
            mean += value / self.receivers.len() as f64;
            // Nothing is less than nothing.
            if self.objective == Objective::Min && least == 0.0 {
                return 0.0;
            }
        }
        match self.objective {
            Objective::Min => least,
            Objective::Mean => mean,
        }
    }
}

impl Landscape for PlanarLandscape {
    fn dimensions(&self) -> usize {
        2 * self.transmitters
    }

    fn smoothed(&self, x: &[f64], softness: &Softness, gradient: &mut [f64]) -> Result<f64> {
        Ok(self.graded(x, softness, gradient))
    }

    fn hard(&self, x: &[f64]) -> Result<f64> {
        Ok(self.value(x))
    }
}
