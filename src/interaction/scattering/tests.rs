//! Laws of densities and of scattered fields.

use super::*;
use crate::interaction::reflection;
use crate::math::frame::{direction_of, spherical_basis, tangents_of};
use crate::math::{C64, CVec3};
use crate::scene::material::Surface;
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};
use std::sync::OnceLock;

const FREQUENCY: f64 = 28e9;

fn complexified(v: &Vec3) -> CVec3 {
    v.map(C64::from)
}

/// Every kind of part, plain or reciprocal.
fn parts(reciprocal: bool) -> &'static [Part] {
    static PARTS: OnceLock<[Vec<Part>; 2]> = OnceLock::new();
    &PARTS.get_or_init(|| [false, true].map(every_part))[usize::from(reciprocal)]
}

pub(super) fn every_part(reciprocal: bool) -> Vec<Part> {
    let mut all = vec![Part::lambertian(1.0), Part::backscattering(0.4, 5.0, 80.0, 0.7, reciprocal)];
    for sharpness in [0.3, 6.5, 50.0, 3e3] {
        all.push(Part::forward(0.7, Shape::VonMisesFisher, sharpness, reciprocal));
        all.push(Part::forward(0.7, Shape::CosinePower, sharpness, reciprocal));
        all.push(Part::backward(0.2, Shape::VonMisesFisher, sharpness, reciprocal));
    }
    all
}

/// The direction of travel of a wave that meets a plane of normal `n` at `cos` of incidence.
pub(super) fn arriving(n: &Vec3, cos: f64, turn: f64) -> Vec3 {
    let (u, v) = tangents_of(n);
    (u * turn.cos() + v * turn.sin()) * (1.0 - cos * cos).max(0.0).sqrt() - n * cos
}

fn wall(scattering: Scattering, lobe: Option<Lobe>) -> Surface {
    let specular_share = (1.0 - scattering.coefficient.powi(2)).sqrt();
    Surface { specular_share, scattering, lobe, ..Surface::smooth(C64::new(5.24, -0.4), 0.1) }
}

#[test]
fn nothing_is_scattered_through_a_surface() {
    let n = direction_of(0.4, 1.0);
    for part in parts(false).iter().chain(parts(true)) {
        let pattern = Scattering::of_parts(1.0, 0.0, vec![part.clone()]);
        let k_i = arriving(&n, 0.6, 2.0);
        assert_eq!(pattern.density(&k_i, &n, &k_i), 0.0);
        let axis = if part.forward.is_some() { reflection::mirror(&k_i, &n) } else { -k_i };
        assert!(pattern.density(&k_i, &n, &axis) > 0.0);
    }
}

#[test]
fn closed_forms_at_normal_incidence_are_met() {
    // The hemisphere about the axis of a cosine power of exponent 2: 2 pi (2/3) (1 - 1/8) = 7 pi/6.
    let directive = Lobe::of_shape(Shape::CosinePower, 2.0, false);
    assert!((directive.density(&-Vec3::z(), &Vec3::z(), &Vec3::z()) * 7.0 * PI / 6.0 - 1.0).abs() < 1e-8);
    // And of e^{kappa (c - 1)}: 2 pi (1 - e^-kappa)/kappa.
    for kappa in [0.01, 3.0, 40.0, 1e5, 1e12] {
        let lobe = Lobe::of_shape(Shape::VonMisesFisher, kappa, false);
        let found = lobe.density(&-Vec3::z(), &Vec3::z(), &Vec3::z()) * -TAU * f64::exp_m1(-kappa) / kappa;
        assert!((found - 1.0).abs() < 1e-8, "{kappa}: {found}");
    }
    let lambertian = Scattering::none().density(&-Vec3::z(), &Vec3::z(), &direction_of(1.0, 2.0));
    assert!((lambertian - 1f64.cos() / PI).abs() < 1e-15);
}

#[test]
fn integer_exponents_meet_the_published_sum() {
    // Degli-Esposti 2007: F = 2^-a sum_j C(a, j) I_j, for a = 4.
    for cos in [0.05f64, 0.4, 0.9, 1.0] {
        let sin_squared = 1.0 - cos * cos;
        let i = [TAU, TAU / 2.0 * cos, TAU / 3.0, TAU / 4.0 * cos * (1.0 + sin_squared / 2.0), TAU / 5.0];
        let f = (i[0] + 4.0 * i[1] + 6.0 * i[2] + 4.0 * i[3] + i[4]) / 16.0;
        let k_i = arriving(&Vec3::z(), cos, 0.3);
        let lobe = Lobe::of_shape(Shape::CosinePower, 4.0, false);
        let found = lobe.density(&k_i, &Vec3::z(), &reflection::mirror(&k_i, &Vec3::z()));
        assert!((found * f - 1.0).abs() < 1e-8, "{cos}: {found} {}", 1.0 / f);
    }
}

#[test]
fn a_lobe_in_its_mirror_direction_is_the_specular_reflection() {
    let n = direction_of(1.2, -0.4);
    let surface = wall(Scattering::none(), Some(Lobe::of_shape(Shape::VonMisesFisher, 1e4, false)));
    for cos in [0.02, 0.3, 0.8, 1.0] {
        let k_i = arriving(&n, cos, 1.0);
        let k_s = reflection::mirror(&k_i, &n);
        let field = complexified(&spherical_basis(&k_i).0);
        let f = surface.lobe.as_ref().unwrap().density(&k_i, &n, &k_s);
        let specular = reflection::reflect(&field, &k_i, &n, &reflection::coefficients(&surface, cos, FREQUENCY));
        let found = lobe(&field, &k_i, &n, &k_s, &surface, FREQUENCY);
        assert!((found - specular * C64::from(f.sqrt())).norm() < 1e-9 * f.sqrt(), "{cos}");
    }
}

#[test]
fn diffuse_power_is_that_of_the_reflection_whatever_the_polarisation() {
    let n = direction_of(0.3, 2.0);
    let (k_i, k_s) = (arriving(&n, 0.5, 0.0), -arriving(&n, 0.8, 2.5));
    for xpd in [0.0, 0.25, 1.0] {
        let scattering = Scattering::of_parts(0.6, xpd, vec![Part::lambertian(1.0)]);
        let surface = wall(scattering, None);
        let (theta, phi) = spherical_basis(&k_i);
        for field in [complexified(&theta), reflection::scaled(&theta, C64::new(0.3, 1.0)) + complexified(&phi)] {
            let scattered = diffuse(&field, &k_i, &n, &k_s, &surface, FREQUENCY);
            let f = surface.scattering.density(&k_i, &n, &k_s);
            let gain = reflected_share(&field, &k_i, &n, &surface, FREQUENCY);
            let expected = f * 0.36 * gain * field.norm_squared();
            assert!((scattered.norm_squared() / expected - 1.0).abs() < 1e-12);
            assert!(reflection::dot(&k_s, &scattered).norm() < 1e-12);
        }
    }
}

#[test]
fn the_cross_polarised_share_is_that_of_the_material() {
    let n = Vec3::x();
    let (k_i, k_s) = (arriving(&n, 0.5, 0.4), -arriving(&n, 0.8, 2.5));
    let surface = wall(Scattering::of_parts(1.0, 0.2, vec![Part::lambertian(1.0)]), None);
    let (theta_s, phi_s) = spherical_basis(&k_s);
    for (field, own, other) in [(spherical_basis(&k_i).0, theta_s, phi_s), (spherical_basis(&k_i).1, phi_s, theta_s)] {
        let scattered = diffuse(&complexified(&field), &k_i, &n, &k_s, &surface, FREQUENCY);
        let (kept, crossed) =
            (reflection::dot(&own, &scattered).norm_sqr(), reflection::dot(&other, &scattered).norm_sqr());
        assert!((crossed / (kept + crossed) - 0.2).abs() < 1e-12);
    }
}

#[test]
fn what_roughness_takes_off_the_specular_part_is_scattered() {
    let n = Vec3::z();
    let k_i = arriving(&n, 0.7, 0.0);
    for (s, roughness) in [(0.0, 0.0), (0.5, 0.0), (0.0, 1e-3), (0.5, 1e-3), (0.3, 1.0), (1.0, 1e-3)] {
        let smooth = wall(Scattering::of_parts(s, 0.0, vec![Part::lambertian(1.0)]), None);
        let surface = Surface { roughness, ..smooth };
        let specular = reflection::coefficients(&surface, 0.7, FREQUENCY).r_s.norm_sqr();
        let whole = reflection::coefficients(&Surface::smooth(surface.eta, 0.1), 0.7, FREQUENCY).r_s.norm_sqr();
        let total = specular / whole + diffuse_share(&surface, 0.7, FREQUENCY);
        assert!((total - 1.0).abs() < 1e-12, "{s} {roughness}: {total}");
        if (s, roughness) == (0.0, 0.0) {
            let field = complexified(&spherical_basis(&k_i).1);
            assert_eq!(diffuse(&field, &k_i, &n, &n, &surface, FREQUENCY), CVec3::zeros());
        }
    }
    assert_eq!(reflected_share(&CVec3::zeros(), &k_i, &n, &wall(Scattering::none(), None), FREQUENCY), 0.0);
}

#[test]
fn straight_on_at_grazing_incidence_all_is_reflected_in_anti_phase() {
    let surface = wall(Scattering::none(), Some(Lobe::of_shape(Shape::CosinePower, 100.0, false)));
    let (k, n) = (Vec3::x(), Vec3::z());
    // At the horizon itself nothing leaves; the map alone is looked at, just above it.
    let above = Vec3::new(1.0, 0.0, 1e-9).normalize();
    let field = complexified(&Vec3::y());
    assert_eq!(lobe(&field, &k, &n, &k, &surface, FREQUENCY), CVec3::zeros());
    let found = lobe(&field, &k, &n, &above, &surface, FREQUENCY);
    let f = surface.lobe.as_ref().unwrap().density(&k, &n, &above);
    assert!((found.y + C64::from(f.sqrt())).norm() < 1e-6 * f.sqrt());
}

proptest! {
    #[test]
    fn densities_are_finite_and_do_not_know_the_side_of_the_normal(
        cos in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64, 0.0..1e-7f64],
        out in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64, 0.0..1e-7f64],
        turn in 0.0..TAU, back in 0.0..TAU, tilt in 0.0..PI, azimuth in -3.1..3.1f64,
        reciprocal in any::<bool>(),
    ) {
        let n = direction_of(tilt, azimuth);
        let (k_i, k_s) = (arriving(&n, cos, turn), -arriving(&n, out, back));
        for part in parts(reciprocal) {
            let at = Directions::new(&k_i, &n, &k_s);
            let f = part_density(part, &at);
            prop_assert!(f.is_finite() && f >= 0.0, "{f} {part:?}");
            // At the very horizon the fold has no side to go by.
            if cos > 1e-9 {
                prop_assert_eq!(f, part_density(part, &Directions::new(&k_i, &-n, &k_s)));
            }
        }
    }

    #[test]
    fn reciprocal_variants_are_reciprocal(
        cos in 1e-6..1.0f64, out in 1e-6..1.0f64, turn in 0.0..TAU, back in 0.0..TAU,
    ) {
        let n = direction_of(0.8, -1.0);
        let (k_i, k_s) = (arriving(&n, cos, turn), -arriving(&n, out, back));
        for part in parts(true) {
            let there = part_density(part, &Directions::new(&k_i, &n, &k_s)) * k_i.dot(&n).abs();
            let again = part_density(part, &Directions::new(&-k_s, &n, &-k_i)) * k_s.dot(&n).abs();
            // Far off its axis a sharp lobe is nothing but rounding.
            prop_assert!((there - again).abs() <= 1e-9 * (there + again) + 1e-30, "{there} {again} {part:?}");
        }
    }

    #[test]
    fn a_lobes_field_is_reciprocal_and_transverse(
        cos in 1e-3..1.0f64, out in 1e-3..1.0f64, turn in 0.0..TAU, back in 0.0..TAU, roughness in 0.0..2e-3f64,
    ) {
        let n = direction_of(1.9, 2.0);
        let (k_i, k_s) = (arriving(&n, cos, turn), -arriving(&n, out, back));
        let lobe_of_wall = Some(Lobe::of_shape(Shape::VonMisesFisher, 20.0, true));
        let surface = Surface { roughness, ..wall(Scattering::of_parts(0.3, 0.0, vec![Part::lambertian(1.0)]), lobe_of_wall) };
        let (first, second) = (spherical_basis(&k_i), spherical_basis(&-k_s));
        for a in [first.0, first.1] {
            let there = lobe(&complexified(&a), &k_i, &n, &k_s, &surface, FREQUENCY) * C64::from(cos.sqrt());
            prop_assert!(reflection::dot(&k_s, &there).norm() < 1e-12);
            for b in [second.0, second.1] {
                let again = lobe(&complexified(&b), &-k_s, &n, &-k_i, &surface, FREQUENCY) * C64::from(out.sqrt());
                prop_assert!((reflection::dot(&b, &there) - reflection::dot(&a, &again)).norm() < 1e-9);
            }
        }
    }
}
