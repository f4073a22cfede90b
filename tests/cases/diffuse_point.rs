//! One diffuse bounce against the reference results, path by path, with the reference's own points: all four pairs of
//! ports.
//!
//! A path of the reference stands for a ray of N that was scattered with probability p = S^2 (only reflection is on, so p
//! is its share of the reflected power): its amplitude is that of the solid angle 4 pi/(N p).

use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::interaction::scattering::{Part, Scattering, Shape, diffuse};
use raylobe::math::frame::{rotation_of, spherical_basis};
use raylobe::math::{C64, Vec3};
use raylobe::scene::material::{Surface, complex_permittivity};
use serde_json::Value;
use std::f64::consts::PI;

const ROWS: &str = include_str!("../truth/diffuse_point/rows.json");
/// The reference works in f32, with vertices of f32 at 100 m.
const AMPLITUDE: f64 = 1e-3;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn vec3(value: &Value) -> Vec3 {
    Vec3::from_fn(|i, _| number(&value[i]))
}

/// Field vectors of the V and H ports of an isotropic element turned by `orientation`, in direction `k` (T22).
fn ports(orientation: &Value, k: &Vec3) -> [Vec3; 2] {
    let rotation = rotation_of(vec3(orientation).into());
    let (theta, phi) = spherical_basis(&(rotation.transpose() * k));
    [rotation * theta, rotation * phi]
}

fn surface_of(row: &Value, case: &Value, frequency: f64) -> Surface {
    let [eps_r, sigma, thickness, coefficient, xpd] = [0, 1, 2, 3, 4].map(|i| number(&row["material"][i]));
    let part = match case["pattern"].as_str() {
        Some("lambertian") => Part::lambertian(1.0),
        _ => Part::forward(1.0, Shape::CosinePower, number(&case["alpha"]), false),
    };
    let scattering = Scattering::of_parts(coefficient, xpd, vec![part]);
    let smooth = Surface::smooth(complex_permittivity(eps_r, sigma, frequency), thickness);
    Surface { scattering, specular_share: (1.0 - coefficient * coefficient).sqrt(), ..smooth }
}

#[test]
fn diffuse_paths_are_those_of_the_reference() {
    let truth: Value = serde_json::from_str(ROWS).unwrap();
    let (mut compared, mut worst) = (0, 0.0);
    for case in truth["cases"].as_array().unwrap() {
        let (frequency, samples) = (number(&case["frequency"]), number(&case["samples"]));
        for row in case["rows"].as_array().unwrap() {
            let surface = surface_of(row, case, frequency);
            let (from, at, to) = (vec3(&row["transmitter"]), vec3(&row["vertex"]), vec3(&row["receiver"]));
            let (k_i, k_s) = ((at - from).normalize(), (to - at).normalize());
            let sent = ports(&row["transmitter_orientation"], &k_i);
            let heard = ports(&row["receiver_orientation"], &-k_s);
            let probability = surface.scattering.coefficient.powi(2);
            let spreading = SPEED_OF_LIGHT / frequency / (4.0 * PI * (to - at).norm());
            let scale = spreading * (4.0 * PI / (samples * probability)).sqrt();
            let expected: Vec<f64> = row["a"].as_array().unwrap().iter().map(number).collect();
            let largest = expected.iter().fold(0.0, |largest, a| f64::max(largest, a.abs()));
            for (transmitter, field) in sent.iter().enumerate() {
                let field = field.map(C64::from);
                let scattered = diffuse(&field, &k_i, &vec3(&row["normal"]), &k_s, &surface, frequency);
                for (receiver, port) in heard.iter().enumerate() {
                    let a = (scattered.x * port.x + scattered.y * port.y + scattered.z * port.z) * scale;
                    let error = (a - expected[2 * receiver + transmitter]).norm() / largest;
                    assert!(error < AMPLITUDE, "{}, row {}: {error}", case["case"], row["row"]);
                    worst = f64::max(worst, error);
                    compared += 1;
                }
            }
        }
    }
    println!("{compared} coefficients, the worst off by {worst:.1e} of its path's largest");
    assert!(compared > 150);
}
