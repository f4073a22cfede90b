//! Radios whose ports are weighted: what they send, and what they hear of a wave.
//!
//! Nothing allocates: rays ask again and again. Twins: `transmitted` and `received` in cuda/map/forward.cuh.

use crate::interaction::reflection::{dot, scaled};
use crate::math::frame::{angles_of, spherical_basis};
use crate::math::phase::{phasor_of_turns, turns_of_length};
use crate::math::{C64, CVec3, Vec3};
use crate::path::field::End;
use crate::scene::antenna::{Element, SlantModel};

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
        self.for_each_polarization(k, |p, vector| sum += scaled(&vector, self.array_factor(p, k, frequency)));
        sum
    }

    /// The power that is received of a field that arrives along `k`.
    pub fn received(&self, k: &Vec3, field: &CVec3, frequency: f64) -> f64 {
        let towards = -k;
        let (mut powers, mut sum) = (0.0, C64::ZERO);
        self.for_each_polarization(&towards, |p, vector| {
            let heard = dot(&vector, field);
            match self.weights {
                // The elements of an array hear the same power.
                None => powers += heard.norm_sqr() * self.end.offsets.len() as f64,
                Some(_) => sum += heard * self.array_factor(p, &towards, frequency),
            }
        });
        if self.weights.is_some() { sum.norm_sqr() } else { powers }
    }

    /// Calls `take` with the real field vector of each polarisation of an element in direction `k` (T22).
    fn for_each_polarization(&self, k: &Vec3, mut take: impl FnMut(usize, Vec3)) {
        let (antenna, rotation) = (self.end.antenna, &self.end.rotation);
        let local = rotation.tr_mul(k);
        // Angles are dear, and some patterns are the same at all of them.
        let is_alike = antenna.element == Element::Isotropic && antenna.slant_model == SlantModel::Model2;
        let (theta, phi) = if is_alike { (0.0, 0.0) } else { angles_of(&local) };
        let (theta_hat, phi_hat) = spherical_basis(&local);
        for p in 0..antenna.slants.len() {
            let [along_theta, along_phi] = antenna.pattern(p, theta, phi);
            take(p, rotation * (theta_hat * along_theta + phi_hat * along_phi));
        }
    }

    /// What the elements of an array make of a polarisation in direction `k`: their phases (T36), weighted.
    fn array_factor(&self, polarization: usize, k: &Vec3, frequency: f64) -> C64 {
        let offsets = &self.end.offsets;
        let phase = |offset: &Vec3| match *offset == Vec3::zeros() {
            true => C64::ONE,
            false => phasor_of_turns(-turns_of_length(k.dot(offset), frequency)),
        };
        match self.weights {
            None => {
                let ports = offsets.len() * self.end.antenna.slants.len();
                offsets.iter().map(phase).sum::<C64>() * (1.0 / (ports as f64).sqrt())
            }
            Some(weights) => {
                let own = &weights[polarization * offsets.len()..];
                offsets.iter().zip(own).map(|(offset, weight)| phase(offset) * weight).sum()
            }
        }
    }
}
