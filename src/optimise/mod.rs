//! Placement: positions that make an objective as large as it can be, by gradients of what is smoothed in it (T114 to T116).
//!
//! A [`Landscape`] is the objective: [`planar`] has one, and [`scene`]. [`ascent`] follows gradients while the smoothing sharpens, as published or
//! adaptively, with noise if asked for; [`restart`] begins where a coarse smoothed landscape is high; [`search`] walks from hill
//! to hill or surveys first; [`refine`] searches about an end without smoothing; [`mod@place`] does all of it and judges the ends by the hard
//! objective; [`sites`] are where transmitters may stand; [`study`] counts how often each way arrives in a plane, [`scene_study`] in a scene.

pub mod ascent;
pub mod place;
pub mod planar;
pub mod refine;
pub mod restart;
pub mod scene;
pub mod scene_study;
pub mod search;
pub mod sites;
pub mod study;

#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::math::smoothing::SmoothStep;
use sites::Sites;

/// How soft an objective is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softness {
    /// The step in place of each test.
    pub step: SmoothStep,
    /// On a logarithmic scale, which has a slope wherever one stands; `None`: the objective as it is.
    pub log: Option<LogScale>,
}

/// An objective on a logarithmic scale (T114c).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogScale {
    /// Of the soft minimum over receivers [-], in natural logarithms of power.
    pub temperature: f64,
    /// How much further walls reach than they do [m], so that what is found stays clear of them.
    pub margin: f64,
}

/// An objective over positions, written as a flat list of coordinates [m].
pub trait Landscape: Sync {
    /// Number of coordinates.
    fn dimensions(&self) -> usize;

    /// The smoothed objective at `x`, and its gradient [1/m] into `gradient`, which is overwritten.
    ///
    /// # Errors
    /// What has no value or no derivative there.
    fn smoothed(&self, x: &[f64], softness: &Softness, gradient: &mut [f64]) -> Result<f64>;

    /// The smoothed objective alone, also where it has no gradient.
    ///
    /// # Errors
    /// What has no value there.
    fn level(&self, x: &[f64], softness: &Softness) -> Result<f64> {
        self.smoothed(x, softness, &mut vec![0.0; self.dimensions()])
    }

    /// The objective itself at `x`.
    ///
    /// # Errors
    /// What has no value there.
    fn hard(&self, x: &[f64]) -> Result<f64>;

    /// Whether a transmitter can stand there at all.
    fn allowed(&self, _x: &[f64]) -> bool {
        true
    }
}

/// Where coordinates may go: bounds of each [m], and sites for positions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Region {
    /// Least ones.
    pub low: Vec<f64>,
    /// Largest ones.
    pub high: Vec<f64>,
    /// Where positions must lie besides.
    pub sites: Sites,
}

impl Region {
    /// Bounds alone.
    pub fn new(low: Vec<f64>, high: Vec<f64>) -> Region {
        Region { low, high, ..Region::default() }
    }

    /// Puts `x` into the region: coordinate by coordinate, then to the nearest site.
    pub fn clamp(&self, x: &mut [f64]) {
        for (x, (low, high)) in x.iter_mut().zip(self.low.iter().zip(&self.high)) {
            *x = x.clamp(*low, *high);
        }
        self.sites.project(x);
    }

    /// The region without a rim of this share of each of its sides.
    pub fn shrunk(&self, share: f64) -> Region {
        let rim = |i: usize| share * (self.high[i] - self.low[i]);
        let all = 0..self.low.len();
        Region {
            low: all.clone().map(|i| self.low[i] + rim(i)).collect(),
            high: all.map(|i| self.high[i] - rim(i)).collect(),
            sites: self.sites.clone(),
        }
    }

    /// Mean length of its sides [m].
    pub fn side(&self) -> f64 {
        self.low.iter().zip(&self.high).map(|(low, high)| high - low).sum::<f64>() / self.low.len().max(1) as f64
    }
}

/// One evaluation of the smoothed objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// Where.
    pub x: Vec<f64>,
    /// The smoothed objective there.
    pub value: f64,
    /// The sharpness that it was taken with [1/m or -].
    pub alpha: f64,
}

/// What became of one start.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Every evaluation, in order.
    pub visits: Vec<Visit>,
    /// Where it ended.
    pub end: Vec<f64>,
}
