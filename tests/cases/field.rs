//! Laws of the field: Friis, two rays, images between plates, reciprocity, arrays, Doppler.

use crate::chains::{Chain, constant, pair, paths_of, radio, scene_of};
use raylobe::channel::impulse::impulse_response;
use raylobe::channel::{Delays, Link};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::math::{C64, Vec3};
use raylobe::path::field::field;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization, SlantModel};
use raylobe::scene::description::MaterialDescription;
use raylobe::scene::radio::Radios;
use std::f64::consts::{PI, TAU};

/// Rounding of a path's f64 arithmetic.
const ROUNDING: f64 = 1e-12;

fn dual() -> AntennaDescription {
    AntennaDescription { polarization: Polarization::VH, ..AntennaDescription::default() }
}

/// The sum of all paths of link 0 with their propagation phase, `[receiver port, transmitter port]`.
fn total(radios: &Radios, materials: &[MaterialDescription], chains: &[Chain], frequency: f64) -> Vec<C64> {
    let paths = paths_of(1, 1, chains);
    let (channel, _) = field(&scene_of(materials), radios, &paths, &[frequency]).unwrap();
    let link = Link::new(radios, &paths, &channel, 0);
    let ports = link.receiver_ports() * link.transmitter_ports();
    let mut sum = vec![C64::ZERO; ports];
    for a in impulse_response(&link, 0, Delays::Absolute).a.chunks(ports) {
        sum.iter_mut().zip(a).for_each(|(s, a)| *s += a);
    }
    sum
}

#[test]
fn friis() {
    for frequency in [1e9, 28e9, 77e9, 300e9] {
        for distance in [0.1, 7.0, 1e3, 1e5] {
            let (from, to) = (Vec3::new(1.0, 2.0, 3.0), Vec3::new(1.0, 2.0 + distance, 3.0));
            let radios = pair(radio(from), radio(to), &AntennaDescription::default(), frequency);
            let a = total(&radios, &[], &[Chain::direct(from, to)], frequency)[0];
            let gain = (SPEED_OF_LIGHT / (4.0 * PI * frequency * (to - from).norm())).powi(2);
            assert!((a.norm_sqr() / gain - 1.0).abs() < ROUNDING, "{frequency} {distance}");
        }
    }
}

/// The textbook's two rays: (V, H) field with the coefficient of the ground's eta.
fn two_rays(h_t: f64, h_r: f64, d: f64, eta: C64, frequency: f64) -> [C64; 2] {
    let ray =
        |length: f64| C64::from_polar(SPEED_OF_LIGHT / (4.0 * PI * frequency * length), -phase(length, frequency));
    let (direct, reflected) = (d.hypot(h_t - h_r), d.hypot(h_t + h_r));
    let sin = (h_t + h_r) / reflected;
    let root = (eta - (d / reflected).powi(2)).sqrt();
    let gamma_v = (eta * sin - root) / (eta * sin + root);
    let gamma_h = (sin - root) / (sin + root);
    [gamma_v, gamma_h].map(|gamma| ray(direct) + gamma * ray(reflected))
}

fn phase(length: f64, frequency: f64) -> f64 {
    TAU * (length * frequency / SPEED_OF_LIGHT).fract()
}

#[test]
fn two_rays_over_perfect_and_lossy_ground() {
    let materials =
        [constant(1.0, 1e12, f64::INFINITY), constant(15.0, 0.05, f64::INFINITY), constant(4.0, 0.0, f64::INFINITY)];
    for (object, material) in materials.iter().enumerate() {
        for frequency in [1e9, 3.5e9, 28e9, 60e9, 100e9] {
            for d in [1.0, 13.7, 80.0, 411.0] {
                let (from, to) = (Vec3::new(0.0, 0.0, 10.0), Vec3::new(d * 0.6, d * 0.8, 1.5));
                let radios = pair(radio(from), radio(to), &dual(), frequency);
                let ground = (object as u32, Vec3::zeros(), Vec3::z());
                let chains = [Chain::direct(from, to), Chain::over(from, to, &[ground])];
                let h = total(&radios, &materials, &chains, frequency);
                let sigma = material.conductivity_s_per_m.unwrap();
                let loss = sigma / (TAU * frequency * raylobe::constants::VACUUM_PERMITTIVITY);
                let eta = C64::new(material.relative_permittivity.unwrap(), -loss);
                let expected = two_rays(10.0, 1.5, d, eta, frequency);
                for (found, expected) in [h[0], h[3]].into_iter().zip(expected) {
                    let error_db = 20.0 * (found.norm() / expected.norm()).log10();
                    assert!(error_db.abs() < 0.01, "{object} {frequency} {d}: {error_db} dB");
                }
                assert!(h[1].norm() + h[2].norm() < 1e-9 * h[0].norm().max(h[3].norm()), "cross-polarised");
            }
        }
    }
}

#[test]
fn parallel_plates_are_a_sum_of_images() {
    // Receiver and transmitter between z = 0 and z = 5 m: H sees r_s at every bounce.
    let (height, frequency) = (5.0, 28e9);
    let (from, to) = (Vec3::new(0.0, 0.0, 1.2), Vec3::new(9.0, 0.0, 3.1));
    let materials = [constant(5.0, 0.3, 0.1), constant(3.0, 0.1, f64::INFINITY)];
    let radios = pair(radio(from), radio(to), &dual(), frequency);
    let planes = [(0, Vec3::zeros(), Vec3::z()), (1, Vec3::new(0.0, 0.0, height), Vec3::z())];
    let mut chains = vec![Chain::direct(from, to)];
    let mut images = C64::ZERO;
    for order in 0..=6usize {
        for first in 0..2 {
            let walls: Vec<_> = (0..order).map(|i| planes[(first + i) % 2]).collect();
            // Heights of the images on a line: mirrored at 0 and at 5 in turns.
            let z = walls.iter().fold(from.z, |z, plane| 2.0 * plane.1.z - z);
            let length = (to - Vec3::new(from.x, from.y, z)).norm();
            let cos = (to.z - z).abs() / length;
            let r: C64 = walls
                .iter()
                .map(|(object, _, _)| {
                    let m = &materials[*object as usize];
                    let loss = m.conductivity_s_per_m.unwrap() / (TAU * frequency * 8.854_187_812_8e-12);
                    let eta = C64::new(m.relative_permittivity.unwrap(), -loss);
                    raylobe::interaction::fresnel::slab(eta, cos, m.thickness_m.unwrap(), frequency).r_s
                })
                .product();
            if order > 0 || first == 0 {
                let spreading = SPEED_OF_LIGHT / (4.0 * PI * frequency * length);
                images += r * C64::from_polar(spreading, -phase(length, frequency));
            }
            if order > 0 {
                chains.push(Chain::over(from, to, &walls));
            }
        }
    }
    let h = total(&radios, &materials, &chains, frequency)[3];
    // phi at the receiver, towards the last vertex, is opposite to phi at departure: H-H has the sign -1.
    assert!((h + images).norm() < 1e-8 * images.norm(), "{h} {images}");
}

#[test]
fn a_gain_is_a_factor_of_every_coefficient_at_both_ends() {
    let frequency = 28e9;
    let (materials, planes) = ([constant(5.24, 1.2, 0.1)], [(0, Vec3::zeros(), Vec3::z())]);
    let (from, to) = (Vec3::new(1.0, 2.0, 7.0), Vec3::new(4.0, 5.0, 1.5));
    let coefficients = |gain_db: f64| {
        let element = Element::Tr38901;
        let antenna = AntennaDescription { element, gain_db, polarization: Polarization::VH, ..Default::default() };
        let chain = Chain::over(from, to, &planes);
        total(&pair(radio(from), radio(to), &antenna, frequency), &materials, &[chain], frequency)
    };
    // Both ends have this antenna: twice -3 dB of power is -3 dB twice of amplitude.
    let (plain, less) = (coefficients(0.0), coefficients(-3.0));
    for (plain, less) in plain.iter().zip(less) {
        assert!((less - plain * 10f64.powf(-0.3)).norm() < 1e-14 * plain.norm(), "{plain} {less}");
    }
}

#[test]
fn swapping_the_ends_changes_nothing() {
    let frequency = 60e9;
    let materials = [constant(5.24, 1.2, 0.1), constant(2.7, 0.0, 0.013), constant(1.0, 1e7, 0.1)];
    let planes = [
        (0, Vec3::zeros(), Vec3::z()),
        (1, Vec3::new(0.0, 12.0, 0.0), Vec3::new(0.1, -1.0, 0.2).normalize()),
        (2, Vec3::new(-9.0, 0.0, 0.0), Vec3::new(1.0, 0.15, 0.0).normalize()),
    ];
    let (from, to) = (Vec3::new(1.0, 2.0, 7.0), Vec3::new(4.0, 5.0, 1.5));
    for element in [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901] {
        for slant_model in [SlantModel::Model1, SlantModel::Model2] {
            let array = Some(PlanarArray { rows: 2, columns: 3, vertical_spacing: 0.5, horizontal_spacing: 0.6 });
            let antenna = AntennaDescription {
                element,
                slant_model,
                array,
                polarization: Polarization::Cross,
                ..AntennaDescription::default()
            };
            let mut transmitter = radio(from);
            let mut receiver = radio(to);
            (transmitter.orientation, receiver.orientation) = ([0.3, -0.2, 0.9], [2.0, 0.4, -0.1]);
            let there = pair(transmitter.clone(), receiver.clone(), &antenna, frequency);
            let back = pair(receiver, transmitter, &antenna, frequency);
            for depth in 0..=3 {
                let chain = Chain::over(from, to, &planes[..depth]);
                let a = total(&there, &materials, std::slice::from_ref(&chain), frequency);
                let b = total(&back, &materials, &[chain.reversed()], frequency);
                let ports = 12;
                let scale = a.iter().map(|z| z.norm()).fold(0.0, f64::max);
                for (i, a) in a.iter().enumerate() {
                    let b = b[(i % ports) * ports + i / ports];
                    // The propagation phase is that of two sums of the same lengths: 60 GHz x 1e-15 x 40 m.
                    assert!((a - b).norm() < 1e-10 * scale, "{element:?} {depth} {i}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn swapping_the_ends_changes_no_coefficient() {
    let frequency = 28e9;
    let materials = [constant(5.24, 1.2, 0.1), constant(2.7, 0.0, 0.013)];
    let planes = [(0, Vec3::zeros(), Vec3::z()), (1, Vec3::new(0.0, 12.0, 0.0), Vec3::new(0.1, -1.0, 0.2).normalize())];
    let (from, to) = (Vec3::new(1.0, 2.0, 7.0), Vec3::new(4.0, 5.0, 1.5));
    let scene = scene_of(&materials);
    for depth in 0..=2 {
        let chain = Chain::over(from, to, &planes[..depth]);
        let there = paths_of(1, 1, std::slice::from_ref(&chain));
        let back = paths_of(1, 1, &[chain.reversed()]);
        let (a, _) = field(&scene, &pair(radio(from), radio(to), &dual(), frequency), &there, &[frequency]).unwrap();
        let (b, _) = field(&scene, &pair(radio(to), radio(from), &dual(), frequency), &back, &[frequency]).unwrap();
        let scale = a.a.iter().map(|z| z.norm()).fold(0.0, f64::max);
        for (i, j) in [(0, 0), (1, 2), (2, 1), (3, 3)] {
            assert!((a.a[i] - b.a[j]).norm() < ROUNDING * scale, "{depth}");
        }
        assert!((a.theta_t[0] - b.theta_r[0]).abs() < ROUNDING && (a.phi_t[0] - b.phi_r[0]).abs() < ROUNDING);
    }
}

#[test]
fn plane_wave_phases_are_those_of_traced_elements_far_away() {
    let frequency = 28e9;
    let ground = (0, Vec3::zeros(), Vec3::z());
    let materials = [constant(5.0, 0.3, f64::INFINITY)];
    let (from, to) = (Vec3::new(0.0, 0.0, 3000.0), Vec3::new(4000.0, -900.0, 2000.0));
    let array = Some(PlanarArray { rows: 2, columns: 2, vertical_spacing: 0.5, horizontal_spacing: 0.5 });
    let antenna = AntennaDescription { array, ..dual() };
    let mut transmitter = radio(from);
    let mut receiver = radio(to);
    (transmitter.orientation, receiver.orientation) = ([0.3, -0.2, 0.9], [2.0, 0.4, -0.1]);
    let radios = pair(transmitter.clone(), receiver.clone(), &antenna, frequency);
    for planes in [&[][..], &[ground][..]] {
        let together = total(&radios, &materials, &[Chain::over(from, to, planes)], frequency);
        let mut chains = Vec::new();
        for (t, d_t) in radios.antennas[0].offsets.iter().enumerate() {
            for (r, d_r) in radios.antennas[0].offsets.iter().enumerate() {
                let at_t = from + raylobe::math::frame::rotation_of(transmitter.orientation) * d_t;
                let at_r = to + raylobe::math::frame::rotation_of(receiver.orientation) * d_r;
                chains.push(Chain { elements: [t as u32, r as u32], ..Chain::over(at_t, at_r, planes) });
            }
        }
        let apart = total(&radios, &materials, &chains, frequency);
        let scale = together[0].norm();
        for (i, (a, b)) in together.iter().zip(&apart).enumerate() {
            // Wave-front curvature over 1 cm at 3 km: 1e-5 rad; rounding of vertices: 1e-12 m x k.
            assert!((a - b).norm() < 1e-4 * scale, "{i}: {a} {b}");
        }
    }
}

#[test]
fn doppler_is_the_rate_of_change_of_the_path() {
    let frequency = 28e9;
    let ground = (0, Vec3::zeros(), Vec3::z());
    let (from, to) = (Vec3::new(0.0, 0.0, 10.0), Vec3::new(30.0, 4.0, 1.5));
    let mut transmitter = radio(from);
    let mut receiver = radio(to);
    (transmitter.velocity, receiver.velocity) = (Vec3::new(10.0, -3.0, 1.0), Vec3::new(-4.0, 7.0, 0.5));
    for planes in [&[][..], &[ground][..]] {
        let length = |t: f64| {
            let chain = Chain::over(from + transmitter.velocity * t, to + receiver.velocity * t, planes);
            paths_of(1, 1, &[chain]).length[0]
        };
        let rate = (length(1e-4) - length(-1e-4)) / 2e-4;
        let radios = pair(transmitter.clone(), receiver.clone(), &dual(), frequency);
        let paths = paths_of(1, 1, &[Chain::over(from, to, planes)]);
        let scene = scene_of(&[constant(5.0, 0.0, 0.1)]);
        let (channel, _) = field(&scene, &radios, &paths, &[frequency, 2.0 * frequency]).unwrap();
        let expected = -rate * frequency / SPEED_OF_LIGHT;
        assert!((channel.doppler[0] - expected).abs() < 1e-6 * expected.abs());
        assert_eq!(channel.doppler[1], 2.0 * channel.doppler[0]);
    }
}

#[test]
fn carriers_and_threads_do_not_mix() {
    let (from, to) = (Vec3::new(0.0, 0.0, 10.0), Vec3::new(30.0, 4.0, 1.5));
    let ground = (0, Vec3::zeros(), Vec3::z());
    let radios = pair(radio(from), radio(to), &dual(), 28e9);
    let chains = vec![Chain::over(from, to, &[ground]); 300];
    let paths = paths_of(1, 1, &chains);
    let scene = scene_of(&[constant(5.0, 0.1, 0.1)]);
    let run = |carriers: &[f64]| field(&scene, &radios, &paths, carriers).unwrap().0;
    let both = run(&[28e9, 60e9]);
    for (carrier, alone) in [run(&[28e9]), run(&[60e9])].iter().enumerate() {
        for path in [0, 63, 64, 299] {
            assert_eq!(both.of_path(path, carrier), alone.of_path(path, 0));
        }
    }
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(single.install(|| run(&[28e9, 60e9])), both);
}

#[test]
fn grazing_normal_and_polar_paths_are_finite() {
    let materials = [constant(1.0, 0.0, 0.1), constant(5.0, 0.3, 0.1), constant(1.0, 1e12, f64::INFINITY)];
    let antenna = AntennaDescription { element: Element::HalfWaveDipole, ..dual() };
    for object in 0..3 {
        let ground = (object, Vec3::zeros(), Vec3::z());
        for (from, to) in [
            (Vec3::new(0.0, 0.0, 2.0), Vec3::new(0.0, 0.0, 5.0)),
            (Vec3::new(0.0, 0.0, 1e-9), Vec3::new(1e4, 0.0, 1e-9)),
            (Vec3::new(0.0, 0.0, 1.0), Vec3::new(1e-12, 0.0, 1.0)),
        ] {
            let radios = pair(radio(from), radio(to), &antenna, 60e9);
            let a = total(&radios, &materials, &[Chain::over(from, to, &[ground])], 60e9);
            assert!(a.iter().all(|a| a.is_finite() && a.norm() < 1.0), "{object} {from} {to}: {a:?}");
        }
    }
}

#[test]
fn bad_carriers_are_refused() {
    let radios = pair(radio(Vec3::zeros()), radio(Vec3::x()), &dual(), 28e9);
    let paths = paths_of(1, 1, &[]);
    for carriers in [&[][..], &[0.0], &[-28e9], &[f64::NAN]] {
        let error = field(&scene_of(&[]), &radios, &paths, carriers).unwrap_err();
        assert_eq!(error.exit_code(), 64);
        assert!(error.to_string().contains("carrier_ghz"));
    }
}
