//! Scattering at one point of a surface: diffuse patterns and directional lobes (theory.md, "Diffuse scattering",
//! "Lobes").
//!
//! A *density* f [1/sr] is the power scattered into a solid angle, per power that the surface reflects: over the
//! hemisphere it integrates to 1. A *field* carries the square root of it, the reflection coefficient and the share of
//! the power; what is left to paths and maps is spreading: an element dA of the surface, seen under cos theta_i from a
//! source at r_i and by a receiver at r_s, adds |field|^2 cos theta_i dA/(r_i^2 r_s^2) to the power.
//!
//! Directions are unit vectors of travel: `k_i` of the incident wave, `k_s` of the scattered one; `n` is a unit normal of
//! either side. Nothing is transmitted: a wave that would leave on the other side has density 0. Pure functions; nothing
//! allocates, and no result depends on the side of `n`.

mod jones;
mod normaliser;
mod pattern;
mod sampling;

pub use crate::scene::scattering::{Lobe, Part, Scattering, Shape, SingleLobe};
pub use jones::{ScatterBar, diffuse, diffuse_share, diffuse_vjp, lobe, lobe_vjp, reflected_share};
pub use normaliser::{FurnaceAt, NormaliserAt, furnace, normaliser};
pub use pattern::{Directions, DirectionsBar, LobeAt, PartBar, lobe_at, part_density, part_density_vjp};
pub use sampling::{Drawn, draw, off_at, part_sample_density};

use crate::math::Vec3;

impl Scattering {
    /// f [1/sr] of the pattern (T60-T66): the mean of its parts by weight.
    pub fn density(&self, k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> f64 {
        let at = Directions::new(k_i, n, k_s);
        let sum: f64 = self.parts.iter().map(|part| part.weight * part_density(part, &at)).sum();
        sum / self.total_weight
    }

    /// The adjoint of [`Scattering::density`]; adds to `directions_bar` and `parts_bar` `[part]`.
    pub fn density_vjp(
        &self,
        k_i: &Vec3,
        n: &Vec3,
        k_s: &Vec3,
        f_bar: f64,
        directions_bar: &mut DirectionsBar,
        parts_bar: &mut [PartBar],
    ) {
        let at = Directions::new(k_i, n, k_s);
        let f = self.density(k_i, n, k_s);
        let mut at_bar = Directions::zero();
        for (part, part_bar) in self.parts.iter().zip(parts_bar) {
            part_bar.weight += f_bar * (part_density(part, &at) - f) / self.total_weight;
            part_density_vjp(part, &at, f_bar * part.weight / self.total_weight, &mut at_bar, part_bar);
        }
        Directions::new_vjp(k_i, n, k_s, &at_bar, directions_bar);
    }
}

impl Lobe {
    /// f [1/sr] of the lobe (T70-T72).
    pub fn density(&self, k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> f64 {
        part_density(&self.part, &Directions::new(k_i, n, k_s))
    }

    /// The adjoint of [`Lobe::density`]; adds to `directions_bar`, and to `part_bar.forward` that of the sharpness.
    pub fn density_vjp(
        &self,
        k_i: &Vec3,
        n: &Vec3,
        k_s: &Vec3,
        f_bar: f64,
        directions_bar: &mut DirectionsBar,
        part_bar: &mut PartBar,
    ) {
        let at = Directions::new(k_i, n, k_s);
        let mut at_bar = Directions::zero();
        part_density_vjp(&self.part, &at, f_bar, &mut at_bar, part_bar);
        Directions::new_vjp(k_i, n, k_s, &at_bar, directions_bar);
    }
}

#[cfg(test)]
mod field_gradient_tests;
#[cfg(test)]
mod gradient_tests;
#[cfg(test)]
mod tests;
