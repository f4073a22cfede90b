//! Specular reflection of a field vector at a plane (theory.md, "Jones transport", T16-T18).
//!
//! The s/p decomposition is written without the basis vectors: with w = k_i x n, |w| = sin theta, and the mirror
//! M = I - 2 n n^T,
//!
//! E_r = R_s E_s e_s + R_p E_p e_p' = -R_p M E + ((R_s + R_p)/sin^2 theta) (w . E) w.
//!
//! The factor before the last term is [`Coefficients::excess`], which stays finite at normal incidence, where e_s has
//! no direction: so there is no branch, and the map is smooth in k_i, n and the material, as an adjoint needs it.

use super::SurfaceBar;
use super::fresnel::{self, Coefficients};
use crate::math::{C64, CVec3, Vec3};
use crate::scene::material::Surface;

/// The direction `k` mirrored at a plane of unit normal `n`, either side (T16).
pub fn mirror(k: &Vec3, n: &Vec3) -> Vec3 {
    k - n * (2.0 * k.dot(n))
}

/// The adjoint of [`mirror`]; adds to `k_bar` and `n_bar`, whose coordinates count as free.
pub fn mirror_vjp(k: &Vec3, n: &Vec3, mirrored_bar: &Vec3, k_bar: &mut Vec3, n_bar: &mut Vec3) {
    let across = n.dot(mirrored_bar);
    *k_bar += mirrored_bar - n * (2.0 * across);
    *n_bar -= (mirrored_bar * k.dot(n) + k * across) * 2.0;
}

/// Coefficients of `surface` at `frequency` [Hz] and `cos_theta`, with roughness and the share of diffuse scattering
/// taken off the specular amplitude (T12-T15, T19).
pub fn coefficients(surface: &Surface, cos_theta: f64, frequency: f64) -> Coefficients {
    let found = fresnel::slab_reflection(surface.eta, cos_theta, surface.thickness, frequency);
    let share = surface.specular_share * fresnel::roughness_factor(surface.roughness, cos_theta, frequency);
    Coefficients { r_s: found.r_s * share, r_p: found.r_p * share, excess: found.excess * share, ..found }
}

/// The adjoint of [`coefficients`], which are `found`, for `cos_theta` above 0; adds to the bars of surface, cosine and
/// frequency.
#[expect(clippy::too_many_arguments, reason = "the forward arguments, their result, its bar, the bars of the inputs")]
pub fn coefficients_vjp(
    surface: &Surface,
    cos_theta: f64,
    frequency: f64,
    found: &Coefficients,
    bar: &Coefficients,
    surface_bar: &mut SurfaceBar,
    cos_theta_bar: &mut f64,
    frequency_bar: &mut f64,
) {
    let (eta, d) = (surface.eta, surface.thickness);
    let rho = fresnel::roughness_factor(surface.roughness, cos_theta, frequency);
    let share = surface.specular_share * rho;
    let along = |c: &Coefficients| (c.r_s.conj() * bar.r_s + c.r_p.conj() * bar.r_p + c.excess.conj() * bar.excess).re;
    // What the share leaves nothing of is looked at without it.
    let share_bar =
        if share > 0.0 { along(found) / share } else { along(&fresnel::slab_reflection(eta, cos_theta, d, frequency)) };
    let scaled = Coefficients { r_s: bar.r_s * share, r_p: bar.r_p * share, excess: bar.excess * share, ..*bar };
    let SurfaceBar { eta: eta_bar, thickness, specular_share, roughness, .. } = surface_bar;
    fresnel::slab_vjp(eta, cos_theta, d, frequency, &scaled, eta_bar, cos_theta_bar, thickness, frequency_bar);
    *specular_share += rho * share_bar;
    if surface.roughness > 0.0 {
        let (rho_bar, bars) = (surface.specular_share * share_bar, [roughness, cos_theta_bar, frequency_bar]);
        fresnel::roughness_factor_vjp(surface.roughness, cos_theta, frequency, rho_bar, bars);
    }
}

/// The field vector after reflection (T17); `field` is transverse to the unit direction `k` of the incident wave, `n`
/// a unit normal of either side, `coefficients` those of |k . n|.
pub fn reflect(field: &CVec3, k: &Vec3, n: &Vec3, coefficients: &Coefficients) -> CVec3 {
    let w = k.cross(n);
    let mirrored = field - scaled(n, dot(n, field) * 2.0);
    scaled(&w, coefficients.excess * dot(&w, field)) - mirrored * coefficients.r_p
}

/// Bars of the arguments of [`reflect`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReflectBar {
    /// Of the incident field.
    pub field: CVec3,
    /// Of its direction.
    pub k: Vec3,
    /// Of the normal.
    pub n: Vec3,
    /// Of the coefficients.
    pub coefficients: Coefficients,
}

/// The adjoint of [`reflect`]; adds to `bar`. Coordinates count as free.
pub fn reflect_vjp(
    field: &CVec3,
    k: &Vec3,
    n: &Vec3,
    coefficients: &Coefficients,
    reflected_bar: &CVec3,
    bar: &mut ReflectBar,
) {
    let w = k.cross(n);
    let (along, across) = (dot(n, field), dot(&w, field));
    // G (w . E) w.
    let w_dot_bar = dot(&w, reflected_bar);
    bar.coefficients.excess += across.conj() * w_dot_bar;
    let across_bar = coefficients.excess.conj() * w_dot_bar;
    let w_bar = inner(reflected_bar, coefficients.excess * across) + inner(field, across_bar);
    bar.field += scaled(&w, across_bar);
    bar.k += n.cross(&w_bar);
    bar.n += w_bar.cross(k);
    // -R_p (E - 2 n (n . E)).
    let mirrored = field - scaled(n, along * 2.0);
    bar.coefficients.r_p -= mirrored.dotc(reflected_bar);
    let mirrored_bar = reflected_bar * -coefficients.r_p.conj();
    let n_dot_bar = dot(n, &mirrored_bar);
    bar.field += mirrored_bar - scaled(n, n_dot_bar * 2.0);
    bar.n -= (inner(&mirrored_bar, along) + inner(field, n_dot_bar)) * 2.0;
}

/// Re(conj(factor) v), of each coordinate: the bar of a real vector from that of its product with `factor`; the same with
/// the places of field and bar changed.
pub fn inner(v: &CVec3, factor: C64) -> Vec3 {
    v.map(|x| factor.re * x.re + factor.im * x.im)
}

/// The cosine of the angle of incidence, from 0 to 1.
pub fn cos_incidence(k: &Vec3, n: &Vec3) -> f64 {
    k.dot(n).abs().min(1.0)
}

/// The adjoint of [`cos_incidence`]; adds to `k_bar` and `n_bar`.
pub fn cos_incidence_vjp(k: &Vec3, n: &Vec3, cos_theta_bar: f64, k_bar: &mut Vec3, n_bar: &mut Vec3) {
    let signed = cos_theta_bar * 1f64.copysign(k.dot(n));
    *k_bar += n * signed;
    *n_bar += k * signed;
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
    use crate::math::difference::slope;
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

    /// Sixteen numbers as the arguments of [`reflect`]: field, direction, normal, R_p, excess.
    fn reflected(x: &[f64; 16]) -> CVec3 {
        let (field, k, n, coefficients) = arguments(x);
        reflect(&field, &k, &n, &coefficients)
    }

    fn arguments(x: &[f64; 16]) -> (CVec3, Vec3, Vec3, Coefficients) {
        let field = CVec3::new(C64::new(x[0], x[1]), C64::new(x[2], x[3]), C64::new(x[4], x[5]));
        let coefficients =
            Coefficients { r_p: C64::new(x[12], x[13]), excess: C64::new(x[14], x[15]), ..Coefficients::default() };
        (field, Vec3::new(x[6], x[7], x[8]), Vec3::new(x[9], x[10], x[11]), coefficients)
    }

    #[test]
    fn coefficients_have_the_derivatives_of_their_adjoint() {
        let bar = Coefficients { r_p: C64::new(0.3, -0.8), excess: C64::new(0.5, 0.1), ..Coefficients::default() };
        let wall = Surface { specular_share: 0.8, roughness: 4e-4, ..surface(5.24, -0.4, 0.013) };
        let (mut found, mut cos_bar, mut frequency_bar) = (SurfaceBar::default(), 0.0, 0.0);
        let forward = coefficients(&wall, 0.6, 28e9);
        coefficients_vjp(&wall, 0.6, 28e9, &forward, &bar, &mut found, &mut cos_bar, &mut frequency_bar);
        let found = [
            found.eta.re,
            found.eta.im,
            found.thickness * 1e-2,
            found.specular_share,
            found.roughness * 1e-3,
            cos_bar,
            frequency_bar * 28e9,
        ];
        for (i, found) in found.into_iter().enumerate() {
            let of = |h: f64| {
                let mut x = [0.0; 7];
                x[i] = h;
                let moved = Surface {
                    eta: wall.eta + C64::new(x[0], x[1]),
                    thickness: wall.thickness + 1e-2 * x[2],
                    specular_share: wall.specular_share + x[3],
                    roughness: wall.roughness + 1e-3 * x[4],
                    ..wall.clone()
                };
                let c = coefficients(&moved, 0.6 + x[5], 28e9 * (1.0 + x[6]));
                (bar.r_p.conj() * c.r_p + bar.excess.conj() * c.excess).re
            };
            let (_, expected) = slope([1e-4, 5e-5], of);
            assert!((found - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{i}: {found} {expected}");
        }
    }

    proptest! {
        #[test]
        fn the_adjoint_of_reflection_is_the_transpose_of_its_tangent(
            x in prop::array::uniform16(-1.0..1.0f64), v in prop::array::uniform16(-1.0..1.0f64),
            w in prop::array::uniform6(-1.0..1.0f64),
        ) {
            let bar = CVec3::new(C64::new(w[0], w[1]), C64::new(w[2], w[3]), C64::new(w[4], w[5]));
            let of = |h: f64| bar.dotc(&reflected(&std::array::from_fn(|i| x[i] + h * v[i]))).re;
            let (_, expected) = slope([2e-3, 1e-3], of);
            let (field, k, n, coefficients) = arguments(&x);
            let mut found = ReflectBar::default();
            reflect_vjp(&field, &k, &n, &coefficients, &bar, &mut found);
            let (direction, turned, normal, tangent) = arguments(&v);
            let along = found.field.dotc(&direction).re + found.k.dot(&turned) + found.n.dot(&normal)
                + (found.coefficients.r_p.conj() * tangent.r_p).re
                + (found.coefficients.excess.conj() * tangent.excess).re;
            prop_assert!((along - expected).abs() < 1e-8, "{} {}", along, expected);
        }

        #[test]
        fn the_adjoint_of_the_mirror_is_the_transpose_of_its_tangent(
            x in prop::array::uniform6(-1.0..1.0f64), v in prop::array::uniform6(-1.0..1.0f64),
        ) {
            let pair = |x: &[f64]| (Vec3::new(x[0], x[1], x[2]), Vec3::new(x[3], x[4], x[5]));
            let bar = Vec3::new(0.3, -0.9, 0.5);
            let of = |h: f64| {
                let (k, n) = pair(&std::array::from_fn::<f64, 6, _>(|i| x[i] + h * v[i]));
                mirror(&k, &n).dot(&bar)
            };
            let ((k, n), (dk, dn)) = (pair(&x), pair(&v));
            let (mut k_bar, mut n_bar) = (Vec3::zeros(), Vec3::zeros());
            mirror_vjp(&k, &n, &bar, &mut k_bar, &mut n_bar);
            let (_, expected) = slope([2e-3, 1e-3], of);
            prop_assert!((k_bar.dot(&dk) + n_bar.dot(&dn) - expected).abs() < 1e-9);
        }

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
