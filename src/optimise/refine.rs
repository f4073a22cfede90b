//! Refinement: a local search by the hard objective alone, from where an ascent has ended (T116).
//!
//! Ascents end where the smoothed objective is highest, a little off the edges of shadows; where the hard one is highest is often
//! at such an edge, or in a sliver of light beside it. Nothing is smoothed here, and no gradient is taken.

use super::{Landscape, Region};
use crate::error::Result;
use crate::math::random::{key_of, normal};

/// Options of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// Evaluations of the hard objective.
    pub evaluations: u64,
    /// Length of the first steps [m].
    pub step: f64,
}

/// What came out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refined {
    /// The best point.
    pub x: Vec<f64>,
    /// The hard objective there.
    pub value: f64,
    /// Evaluations that it took.
    pub evaluations: u64,
}

/// What a step's length is multiplied by after one that was better, and after one that was not: with one better step of five
/// the length stays (Rechenberg, 1973).
const LONGER: f64 = 1.5;
const SHORTER: f64 = 0.903_602_003_6;
/// Steps are not made shorter than this share of the first ones [-].
const LEAST: f64 = 0.02;

impl Refinement {
    /// Searches from `x`, where the hard objective is `value`, within the region: an evolution strategy of one parent and one child
    /// with normal steps.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn search(
        &self,
        landscape: &dyn Landscape,
        region: &Region,
        (x, value): (&[f64], f64),
        seed: u64,
    ) -> Result<Refined> {
        let (mut best, mut length) = (Refined { x: x.to_vec(), value, evaluations: 0 }, self.step);
        for k in 0..self.evaluations {
            let mut x = best.x.clone();
            for (i, x) in x.iter_mut().enumerate() {
                *x += length * normal([k as u32, i as u32, 0, 1], key_of(seed));
            }
            region.clamp(&mut x);
            best.evaluations += 1;
            let value = landscape.hard(&x)?;
            if value > best.value {
                (best.x, best.value) = (x, value);
                length *= LONGER;
            } else {
                length = (length * SHORTER).max(LEAST * self.step);
            }
        }
        Ok(best)
    }
}
