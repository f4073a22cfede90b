//! Specular reflection of a field vector at a plane (theory.md, "Jones transport", T16-T18).
//!
//! The s/p decomposition is written without the basis vectors: with w = k_i x n, |w| = sin theta, and the mirror
//! M = I - 2 n n^T,
//!
//! E_r = R_s E_s e_s + R_p E_p e_p' = -R_p M E + ((R_s + R_p)/sin^2 theta) (w . E) w.
//!
//! The factor before the last term is [`Coefficients::excess`], which stays finite at normal incidence, where e_s has
//! no direction: so there is no branch, and the map is smooth in k_i, n and the material, as an adjoint needs it.

use super::fresnel::{self, Coefficients};
use crate::math::{C64, CVec3, Vec3};
use crate::scene::material::Surface;

/// The direction `k` mirrored at a plane of unit normal `n`, either side (T16).
pub fn mirror(k: &Vec3, n: &Vec3) -> Vec3 {
    k - n * (2.0 * k.dot(n))
}

/// Coefficients of `surface` at `frequency` [Hz] and `cos_theta`, with roughness and the share of diffuse scattering
/// taken off the specular amplitude (T12-T15, T19).
pub fn coefficients(surface: &Surface, cos_theta: f64, frequency: f64) -> Coefficients {
    let found = fresnel::slab(surface.eta, cos_theta, surface.thickness, frequency);
    let share = surface.specular_share * fresnel::roughness_factor(surface.roughness, cos_theta, frequency);
    Coefficients { r_s: found.r_s * share, r_p: found.r_p * share, excess: found.excess * share, ..found }
}

/// The field vector after reflection (T17); `field` is transverse to the unit direction `k` of the incident wave, `n`
/// a unit normal of either side, `coefficients` those of |k . n|.
pub fn reflect(field: &CVec3, k: &Vec3, n: &Vec3, coefficients: &Coefficients) -> CVec3 {
    let w = k.cross(n);
    let mirrored = field - scaled(n, dot(n, field) * 2.0);
    scaled(&w, coefficients.excess * dot(&w, field)) - mirrored * coefficients.r_p
}

/// The cosine of the angle of incidence, from 0 to 1.
pub fn cos_incidence(k: &Vec3, n: &Vec3) -> f64 {
    k.dot(n).abs().min(1.0)
}

/// The product of a real and a complex vector, without conjugation.
pub fn dot(real: &Vec3, complex: &CVec3) -> C64 {
    complex.x * real.x + complex.y * real.y + complex.z * real.z
}

/// The real vector times a complex number.
pub fn scaled(real: &Vec3, factor: C64) -> CVec3 {
    CVec3::new(factor * real.x, factor * real.y, factor * real.z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::frame::{direction_of, spherical_basis};
    use proptest::prelude::*;
    use std::f64::consts::PI;

    fn surface(re: f64, im: f64, thickness: f64) -> Surface {
        Surface::smooth(C64::new(re, im), thickness)
    }

    fn complexified(v: &Vec3) -> CVec3 {
        v.map(C64::from)
    }

    /// The textbook: project on e_s and e_p, multiply, put together along e_s and the mirrored wave's e_p.
    fn by_basis(field: &CVec3, k: &Vec3, n: &Vec3, c: &Coefficients) -> CVec3 {
        let e_s = k.cross(n).normalize();
        let (e_p, e_p_out) = (e_s.cross(k), e_s.cross(&mirror(k, n)));
        scaled(&e_s, c.r_s * dot(&e_s, field)) + scaled(&e_p_out, c.r_p * dot(&e_p, field))
    }

    #[test]
    fn the_smooth_form_is_the_s_p_decomposition() {
        let n = direction_of(0.4, 1.0);
        for degrees in [0.01, 10.0, 45.0, 75.0, 89.9] {
            let (u, _) = crate::math::frame::tangents_of(&n);
            let angle = f64::to_radians(degrees);
            let k = u * angle.sin() - n * angle.cos();
            let c = coefficients(&surface(5.24, -0.4, 0.1), cos_incidence(&k, &n), 28e9);
            let (theta_hat, phi_hat) = spherical_basis(&k);
            for field in [complexified(&theta_hat), scaled(&phi_hat, C64::new(0.3, -2.0))] {
                let (smooth, basis) = (reflect(&field, &k, &n, &c), by_basis(&field, &k, &n, &c));
                // The basis loses 1e-16/sin theta at small angles; the smooth form does not.
                assert!((smooth - basis).norm() < 1e-11, "{degrees}");
            }
        }
    }

    #[test]
    fn a_perfect_conductor_cancels_the_tangential_field() {
        // Metal-like eta: what is left is of the order of |eta|^{-1/2}.
        let n = Vec3::z();
        for theta in [0.0, 0.3, 1.0] {
            let k = direction_of(PI - theta, 0.5);
            let c = coefficients(&surface(1.0, -1e12, f64::INFINITY), cos_incidence(&k, &n), 28e9);
            let (theta_hat, phi_hat) = spherical_basis(&k);
            for field in [complexified(&theta_hat), complexified(&phi_hat)] {
                let total = field + reflect(&field, &k, &n, &c);
                assert!(total.x.norm() < 1e-5 && total.y.norm() < 1e-5, "{theta}: {total}");
            }
        }
    }

    #[test]
    fn normal_incidence_is_a_change_of_sign_by_r_s() {
        let n = direction_of(1.1, -2.0);
        let (u, _) = crate::math::frame::tangents_of(&n);
        let c = coefficients(&surface(5.0, -0.2, f64::INFINITY), 1.0, 28e9);
        let reflected = reflect(&complexified(&u), &-n, &n, &c);
        assert!((reflected - scaled(&u, c.r_s)).norm() < 1e-15);
        // And it is continuous there.
        let k = (u * 1e-9 - n).normalize();
        assert!((reflect(&complexified(&u), &k, &n, &c) - reflected).norm() < 1e-8);
    }

    #[test]
    fn the_side_of_the_normal_does_not_matter() {
        let (k, n) = (direction_of(2.0, 0.3), direction_of(0.3, 1.0));
        let c = coefficients(&surface(3.0, -0.2, 0.02), cos_incidence(&k, &n), 28e9);
        let field = complexified(&spherical_basis(&k).0);
        assert_eq!(reflect(&field, &k, &n, &c), reflect(&field, &k, &-n, &c));
    }

    #[test]
    fn scattering_and_roughness_come_off_the_amplitude() {
        let smooth = surface(5.0, -0.2, 0.1);
        let rough = Surface { specular_share: 0.8, roughness: 1e-3, ..smooth.clone() };
        let (a, b) = (coefficients(&smooth, 0.5, 28e9), coefficients(&rough, 0.5, 28e9));
        let factor = 0.8 * fresnel::roughness_factor(1e-3, 0.5, 28e9);
        assert!((b.r_s - a.r_s * factor).norm() < 1e-15 && (b.excess - a.excess * factor).norm() < 1e-15);
    }

    proptest! {
        #[test]
        fn reflection_is_reciprocal_and_transverse(
            theta in 0.0..PI, phi in -3.1..3.1f64, tilt in 0.0..PI, turn in -3.1..3.1f64,
            re in 1.0..20.0f64, im in 0.0..10.0f64, thickness in 1e-4..1.0f64,
        ) {
            let (k, n) = (direction_of(theta, phi), direction_of(tilt, turn));
            let out = mirror(&k, &n);
            let c = coefficients(&surface(re, -im, thickness), cos_incidence(&k, &n), 28e9);
            let (first, second) = (spherical_basis(&k), spherical_basis(&-out));
            for a in [first.0, first.1] {
                let there = reflect(&complexified(&a), &k, &n, &c);
                prop_assert!(dot(&out, &there).norm() < 1e-13);
                prop_assert!(there.norm() <= 1.0 + 1e-12);
                for b in [second.0, second.1] {
                    let back = reflect(&complexified(&b), &-out, &n, &c);
                    prop_assert!((dot(&b, &there) - dot(&a, &back)).norm() < 1e-13);
                }
            }
        }
    }
}
