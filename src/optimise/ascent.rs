//! Adam up a landscape while its smoothing sharpens (T115).

use super::{Landscape, LogScale, Region, Softness, Track, Visit};
use crate::calibrate::adam::{Adam, Moments};
use crate::error::Result;
use crate::math::random::{key_of, normal};
use crate::math::smoothing::{SmoothStep, StepKind};

/// How the sharpness goes from the first step to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharpening {
    /// Evenly on a logarithmic scale, as published.
    Geometric,
    /// Up while there is a slope to follow and down where there is none; in the second half no less than evenly up.
    Adaptive,
    /// No smoothing at all: the gradient of the hard objective.
    Hard,
}

impl Sharpening {
    /// All of them.
    pub const ALL: [Sharpening; 3] = [Sharpening::Geometric, Sharpening::Adaptive, Sharpening::Hard];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            Sharpening::Geometric => "geometric",
            Sharpening::Adaptive => "adaptive",
            Sharpening::Hard => "hard",
        }
    }
}

/// How a landscape is climbed.
#[derive(Debug, Clone, PartialEq)]
pub struct Ascent {
    /// The optimiser.
    pub adam: Adam,
    /// Number of steps, each with one evaluation.
    pub steps: u64,
    /// Shape of the step in place of each test.
    pub kind: StepKind,
    /// Sharpness at the first and at the last step.
    pub alpha: [f64; 2],
    /// How it goes between them.
    pub sharpening: Sharpening,
    /// The logarithmic scale, if there is one.
    pub log: Option<LogScale>,
    /// Bounds that steps are held in, if there are any.
    pub region: Option<Region>,
    /// Noise that the point of evaluation is moved by [m], its standard deviation at the first step; it goes to 0 evenly.
    pub noise: f64,
}

impl Default for Ascent {
    /// That of the publication: Adam with a rate of 0.01, 100 steps, alpha from 1 to 100, nothing held in bounds.
    fn default() -> Ascent {
        Ascent {
            adam: Adam { learning_rate: 0.01, ..Adam::default() },
            steps: 100,
            kind: StepKind::HardSigmoid,
            alpha: [1.0, 100.0],
            sharpening: Sharpening::Geometric,
            log: None,
            region: None,
            noise: 0.0,
        }
    }
}

/// A relative slope [-] of one learning rate's length below which a landscape counts as flat.
const FLAT: f64 = 1e-6;

impl Ascent {
    /// Climbs from `start`; `seed` and `number` tell the noise of one start from that of others.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn climb(&self, landscape: &dyn Landscape, start: &[f64], (seed, number): (u64, u32)) -> Result<Track> {
        let (mut x, mut gradient) = (start.to_vec(), vec![0.0; start.len()]);
        let (mut moments, rates) = (Moments::new(x.len()), vec![1.0; x.len()]);
        let mut visits = Vec::with_capacity(self.steps as usize);
        let mut alpha = self.alpha[0];
        for step in 0..self.steps {
            let forced = self.forced(step);
            alpha = match self.sharpening {
                Sharpening::Geometric => forced,
                Sharpening::Adaptive => alpha.max(forced),
                Sharpening::Hard => f64::INFINITY,
            };
            let at = self.disturbed(&x, step, (seed, number));
            let softness = Softness { step: SmoothStep { kind: self.kind, alpha }, log: self.log };
            let value = landscape.smoothed(&at, &softness, &mut gradient)?;
            visits.push(Visit { x: x.clone(), value, alpha });
            if self.sharpening == Sharpening::Adaptive {
                let slope = gradient.iter().map(|g| g * g).sum::<f64>().sqrt() * self.adam.learning_rate;
                let ratio = libm::pow(self.alpha[1] / self.alpha[0], 2.0 / self.steps.max(1) as f64);
                let next = if slope > FLAT * value.abs() { alpha * ratio } else { alpha / ratio };
                alpha = next.clamp(self.alpha[0], self.alpha[1]);
            }
            gradient.iter_mut().for_each(|g| *g = -*g);
            self.adam.step((step, self.steps), &rates, &gradient, &mut moments, &mut x);
            if let Some(region) = &self.region {
                region.clamp(&mut x);
            }
        }
        Ok(Track { visits, end: x })
    }

    /// The least sharpness of a step.
    fn forced(&self, step: u64) -> f64 {
        let last = self.steps.saturating_sub(1).max(1) as f64;
        let done = match self.sharpening {
            Sharpening::Geometric | Sharpening::Hard => step as f64 / last,
            Sharpening::Adaptive => (2.0 * step as f64 / last - 1.0).max(0.0),
        };
        self.alpha[0] * libm::pow(self.alpha[1] / self.alpha[0], done)
    }

    fn disturbed(&self, x: &[f64], step: u64, (seed, number): (u64, u32)) -> Vec<f64> {
        let size = self.noise * (1.0 - step as f64 / self.steps.max(1) as f64);
        if size == 0.0 {
            return x.to_vec();
        }
        x.iter().enumerate().map(|(i, x)| x + size * normal([step as u32, i as u32, number, 0], key_of(seed))).collect()
    }
}
