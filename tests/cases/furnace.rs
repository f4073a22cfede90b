//! The white furnace: what a surface that reflects everything scatters in all, over the angle of incidence. Every plain
//! pattern and lobe gives back 1; the reciprocal variants at most that. `cargo test --release --test cpu furnace --
//! --nocapture` prints the curves.

use crate::support::hemisphere::over_hemisphere;
use raylobe::interaction::scattering::{Lobe, Part, Scattering, Shape};
use raylobe::math::Vec3;

/// Angles of incidence [degrees].
const ANGLES: [f64; 13] = [0.0, 15.0, 30.0, 45.0, 60.0, 70.0, 80.0, 85.0, 87.0, 89.0, 89.9, 89.9999, 90.0];
/// What the tables and this page's own quadrature may be off by.
const FURNACE: f64 = 1e-7;

fn furnace(degrees: f64, width: f64, density: impl Fn(&Vec3, &Vec3, &Vec3) -> f64) -> f64 {
    let theta = f64::to_radians(degrees);
    // Exactly grazing at the end: the cosine of pi/2 is not 0.
    let cos = if degrees == 90.0 { 0.0 } else { theta.cos() };
    let k_i = Vec3::new(theta.sin(), 0.0, -cos);
    over_hemisphere(theta, width, |k_s| density(&k_i, &Vec3::z(), k_s))
}

fn print_curve(name: &str, curve: &[f64; ANGLES.len()]) {
    let numbers: Vec<String> = curve.iter().map(|e| format!("{e:9.7}")).collect();
    println!("{name:46} {}", numbers.join(" "));
}

fn scattering(parts: Vec<Part>) -> Scattering {
    Scattering::of_parts(1.0, 0.0, parts)
}

#[test]
fn the_furnace_of_plain_patterns_and_lobes_is_white() {
    for (shape, sharpness) in every_lobe() {
        let width = width_of(shape, sharpness);
        let lobe = Lobe::of_shape(shape, sharpness, false);
        let curve = ANGLES.map(|angle| furnace(angle, width, |k_i, n, k_s| lobe.density(k_i, n, k_s)));
        print_curve(&format!("{shape:?} {sharpness:e}"), &curve);
        assert!(curve.iter().all(|e| (e - 1.0).abs() < FURNACE), "{curve:?}");
    }
    let power = Shape::CosinePower;
    let von_mises = Shape::VonMisesFisher;
    let mixed = vec![
        Part::lambertian(0.5),
        Part::forward(1.0, von_mises, 400.0, false),
        Part::backward(0.3, von_mises, 30.0, false),
        Part::backscattering(0.7, 5.0, 8.0, 0.8, false),
    ];
    let patterns = [
        ("Lambertian", 1.0, vec![Part::lambertian(1.0)]),
        ("directive 4.5", 0.5, vec![Part::forward(1.0, power, 4.5, false)]),
        ("backscattering 5, 8, 0.8", 0.3, vec![Part::backscattering(1.0, 5.0, 8.0, 0.8, false)]),
        ("backscattering 1e4, 3.3, 0.2", 0.01, vec![Part::backscattering(1.0, 1e4, 3.3, 0.2, false)]),
        ("backward von Mises-Fisher 200", 0.07, vec![Part::backward(1.0, von_mises, 200.0, false)]),
        ("mixture", 0.05, mixed),
    ];
    for (name, width, parts) in patterns {
        let pattern = scattering(parts);
        let curve = ANGLES.map(|angle| furnace(angle, width, |k_i, n, k_s| pattern.density(k_i, n, k_s)));
        print_curve(name, &curve);
        assert!(curve.iter().all(|e| (e - 1.0).abs() < FURNACE), "{curve:?}");
    }
}

#[test]
fn the_furnace_of_reciprocal_variants_gains_nothing() {
    for (shape, sharpness) in every_lobe() {
        let width = width_of(shape, sharpness);
        let lobe = Lobe::of_shape(shape, sharpness, true);
        let curve = ANGLES.map(|angle| furnace(angle, width, |k_i, n, k_s| lobe.density(k_i, n, k_s)));
        print_curve(&format!("reciprocal {shape:?} {sharpness:e}"), &curve);
        assert!(curve.iter().all(|e| *e > 0.0 && *e < 1.0 + FURNACE), "{curve:?}");
        // The published range of kappa = 50 up to 85 degrees.
        if (shape, sharpness) == (Shape::VonMisesFisher, 50.0) {
            assert!(curve[..8].iter().all(|e| (0.85..=1.0).contains(e)), "{curve:?}");
        }
        // A sharp lobe far from grazing loses nothing.
        if sharpness >= 1e6 {
            assert!(curve[..7].iter().all(|e| (e - 1.0).abs() < 2e-5), "{curve:?}");
        }
    }
    for (alpha_r, alpha_i, lambda) in [(5.0, 8.0, 0.8), (1e4, 3.0, 0.5), (4.0, 300.0, 0.1)] {
        let pattern = scattering(vec![Part::backscattering(1.0, alpha_r, alpha_i, lambda, true)]);
        let width = width_of(Shape::CosinePower, f64::max(alpha_r, alpha_i));
        let curve = ANGLES.map(|angle| furnace(angle, width, |k_i, n, k_s| pattern.density(k_i, n, k_s)));
        print_curve(&format!("reciprocal backscattering {alpha_r} {alpha_i} {lambda}"), &curve);
        assert!(curve.iter().all(|e| *e > 0.0 && *e < 1.0 + FURNACE), "{curve:?}");
    }
}

fn every_lobe() -> Vec<(Shape, f64)> {
    let sharpnesses = [0.5, 4.0, 20.0, 50.0, 100.0, 1e4, 1e6, 1e9, 1e12];
    [Shape::VonMisesFisher, Shape::CosinePower].into_iter().flat_map(|shape| sharpnesses.map(|s| (shape, s))).collect()
}

fn width_of(shape: Shape, sharpness: f64) -> f64 {
    let concentration = if shape == Shape::CosinePower { sharpness / 2.0 } else { sharpness };
    (1.0 / concentration.sqrt()).min(1.0)
}
