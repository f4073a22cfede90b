//! Radios whose ports are weighted: what they send, and what they hear of a wave.
//!
//! Nothing allocates: rays ask again and again. Twins, but for the adjoint: `transmitted` and `received` in cuda/map/forward.cuh.

use crate::interaction::reflection::{dot, inner, scaled};
use crate::math::{C64, CVec3, Vec3};
use crate::path::field::End;

/// A radio whose ports are weighted.
pub struct Fed<'a> {
    /// The radio.
    pub end: &'a End<'a>,
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

    /// The adjoint of [`Fed::transmitted`]; adds to the bars of the vectors of polarisations `[polarisation]`, and to those of
    /// the angles of the elements' phases `[element]` [1/rad].
    pub fn transmitted_vjp(
        &self,
        k: &Vec3,
        frequency: f64,
        field_bar: &CVec3,
        vectors_bar: &mut [Vec3],
        angles_bar: &mut [f64],
    ) {
        let elements = self.end.offsets.len();
        for (p, (vector, vector_bar)) in self.end.vectors(k).zip(vectors_bar).enumerate() {
            *vector_bar += inner(field_bar, self.array_factor(p, k, frequency));
            let factor_bar = dot(&vector, field_bar);
            let evenly = C64::from(1.0 / ((elements * self.end.antenna.slants.len()) as f64).sqrt());
            for (element, (phase, angle_bar)) in self.end.phases(k, frequency).zip(&mut *angles_bar).enumerate() {
                let weight = self.weights.map_or(evenly, |weights| weights[p * elements + element]);
                *angle_bar += ((phase * weight).conj() * factor_bar).im;
            }
        }
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
