//! Radios whose ports are weighted: what they send, and what they hear of a wave.
//!
//! Nothing allocates: rays ask again and again. Twins: `transmitted` and `received` in cuda/map/forward.cuh.

use crate::interaction::reflection::{dot, scaled};
use crate::math::{C64, CVec3, Vec3};
use crate::path::field::End;

/// A radio whose ports are weighted.
pub struct Fed<'a> {
    /// The radio.
    pub end: End<'a>,
    /// Weights of its ports, or `None`: fed alike, or powers that add up.
    pub weights: Option<&'a [C64]>,
}

impl Fed<'_> {
    /// The field that leaves in direction `k` between weighted ports, without spreading.
    pub fn transmitted(&self, k: &Vec3, frequency: f64) -> CVec3 {
        let mut sum = CVec3::zeros();
        for (p, vector) in self.end.vectors(k).enumerate() {
            sum += scaled(&vector, self.array_factor(p, k, frequency));
        }
        sum
    }

    /// The power that is received of a field that arrives along `k`.
    pub fn received(&self, k: &Vec3, field: &CVec3, frequency: f64) -> f64 {
        let towards = -k;
        let (mut powers, mut sum) = (0.0, C64::ZERO);
        for (p, vector) in self.end.vectors(&towards).enumerate() {
            let heard = dot(&vector, field);
            match self.weights {
                // The elements of an array hear the same power.
                None => powers += heard.norm_sqr() * self.end.offsets.len() as f64,
                Some(_) => sum += heard * self.array_factor(p, &towards, frequency),
            }
        }
        if self.weights.is_some() { sum.norm_sqr() } else { powers }
    }

    /// What the elements of an array make of a polarisation in direction `k`: their phases (T36), weighted.
    fn array_factor(&self, polarization: usize, k: &Vec3, frequency: f64) -> C64 {
        let (phases, elements) = (self.end.phases(k, frequency), self.end.offsets.len());
        match self.weights {
            None => {
                let ports = elements * self.end.antenna.slants.len();
                phases.sum::<C64>() * (1.0 / (ports as f64).sqrt())
            }
            Some(weights) => {
                phases.zip(&weights[polarization * elements..]).map(|(phase, weight)| phase * weight).sum()
            }
        }
    }
}
