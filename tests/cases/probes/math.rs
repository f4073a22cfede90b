//! Probes of portable.cuh and of cuda/math.

use super::{complex, device, each, inputs, joined, largest, list, parts, random_vector, single, vec3};
use raylobe::math::frame::{angles_of, direction_of, spherical_basis, tangents_of};
use raylobe::math::phase::{phasor_of_turns, turns_of_length};
use raylobe::math::random::{fibonacci_direction, philox, unit_interval};
use raylobe::math::{C64, Vec3};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Bits of a random number, as many as f64 holds of a u32.
fn word(x: f64) -> f64 {
    (x * 4_294_967_296.0).floor()
}

#[test]
fn portable_names_mean_the_same() {
    let Some(device) = device() else { return };
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    // Zeros of different signs are left out: which of them is larger no kernel asks.
    let edges = [
        [0.0, 0.0, 1.0],
        [-0.0, -0.0, 4_294_967_295.0],
        [nan, 1.0, 2_147_483_648.0],
        [1.0, nan, 2_143_289_344.0],
        [infinite, -infinite, 6.0],
        [f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE), 2_139_095_040.0],
        [f64::from(f32::from_bits(1)), 1.0, 1.0],
    ];
    let random =
        inputs(edges, 1, |n| [single(n.between(-1e3, 1e3)), single(n.between(-1e3, 1e3)), word(n.next()) + 1.0]);
    let random: Vec<[f64; 3]> = random.into_iter().filter(|[_, _, bits]| *bits <= f64::from(u32::MAX)).collect();
    device.exact("probe_portable", &[], &random, |[a, b, bits]| {
        let (a, b, bits) = (*a as f32, *b as f32, *bits as u32);
        let numbers = [a.max(b), a.min(b), bits.trailing_zeros() as f32, bits.count_ones() as f32].map(f64::from);
        list(&[&numbers, &[f64::from(bits), f64::from(f32::from_bits(bits))]])
    });
    let numbers: Vec<f32> = (0..400u16).map(f32::from).collect();
    let places: Vec<[f64; 1]> = (0..100).map(|i| [f64::from(i * 7 % 100)]).collect();
    device.exact("probe_load_four", &[&device.upload(&numbers)], &places, |[i]| {
        [0.0, 1.0, 2.0, 3.0].map(|k| 4.0 * i + k)
    });
}

#[test]
fn atomic_sums_hand_out_each_place_once() {
    let Some(device) = device() else { return };
    let total = device.upload(&[0u32]);
    let mut before = device.run("probe_atomic_add", &[&total], &[[3.0]; 5000], 1);
    before.sort_by(f64::total_cmp);
    assert!(before.iter().enumerate().all(|(i, place)| *place == 3.0 * i as f64));
    assert_eq!(device.cuda.stream().clone_dtoh(&total).expect("copied"), [15_000]);
}

#[test]
fn sorted_lists_are_searched_alike() {
    let Some(device) = device() else { return };
    // Some items are empty: they begin where the next one does.
    let begins: Vec<f64> = (0..200u32).map(|i| f64::from(i / 3 * 5)).collect();
    let edges = [[1.0, 0.0], [1.0, 9.0], [2.0, 0.0], [200.0, 0.0], [200.0, 330.0], [200.0, 1e9]];
    let random = inputs(edges, 2, |n| [n.between(1.0, 201.0).floor(), n.between(0.0, 400.0).floor()]);
    device.exact("probe_last_beginning_by", &[&device.upload(&begins)], &random, |[count, place]| {
        [begins[..*count as usize].partition_point(|begin| begin <= place) as f64 - 1.0]
    });
}

#[test]
fn vectors_are_nalgebras() {
    let Some(device) = device() else { return };
    let edges = [
        [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 2.0],
        [-0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -1.0],
        [1e9, -1e9, 1e9, 1e9, 1e-9, -1e9, 1e9],
        [1e-160, 0.0, 0.0, 1.0, 1.0, 1.0, 1e-9],
        [1e-170, 1e-170, 0.0, -1.0, 0.0, 0.0, 3.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ];
    let random = |n: &mut super::Numbers| {
        let size = 10f64.powf(n.between(-3.0, 6.0));
        joined(&[random_vector(n, size).as_slice(), random_vector(n, size).as_slice(), &[n.between(0.1, 9.0)]])
    };
    device.exact("probe_vector", &[], &inputs(edges, 2, random), |x| {
        let (a, b, s) = (vec3(x), vec3(&x[3..]), x[6]);
        let products = [a.dot(&b), a.norm()];
        let direction = a.try_normalize(0.0).unwrap_or_default();
        list(&[
            (a + b).as_slice(),
            (a - b).as_slice(),
            (-a).as_slice(),
            (a * s).as_slice(),
            (a / s).as_slice(),
            &products[..1],
            a.cross(&b).as_slice(),
            &products[1..],
            direction.as_slice(),
            &[if b.x > a.x { b.x } else { a.x }, if b.x < a.x { b.x } else { a.x }, a.amax()],
        ])
    });
}

#[test]
fn complex_numbers_are_those_of_num_complex() {
    let Some(device) = device() else { return };
    let edges = [
        [0.0, 0.0, 1.0, 0.0, 1.0],
        [-0.0, 0.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 1.0],
        [1.0, -1e8, 1e-9, 1e9, -1.0],
        [1e-160, 1e-160, 1e-160, -1e-160, 1.0],
    ];
    let random = |n: &mut super::Numbers| [0; 5].map(|_| n.between(-1.0, 1.0) * 10f64.powf(n.between(-6.0, 6.0)));
    device.exact("probe_complex", &[], &inputs(edges, 3, random), |x| {
        let (a, b, s) = (complex(x), complex(&x[2..]), x[4]);
        let all = [a + b, a - b, -a, a * b, a * s, a + s, a - s, a / b].map(parts);
        list(&[all.as_flattened(), &[a.norm_sqr(), f64::from(u8::from(a == C64::ZERO))]])
    });
}

#[test]
fn random_numbers_are_the_same() {
    let Some(device) = device() else { return };
    let most = f64::from(u32::MAX);
    let edges = [[0.0; 6], [most; 6], [0.0, 0.0, 0.0, 0.0, most, most]];
    device.exact("probe_philox", &[], &inputs(edges, 4, |n| [0; 6].map(|_| word(n.next()))), |x| {
        let [a, b, c, d, low, high] = x.map(|x| x as u32);
        let words = philox([a, b, c, d], [low, high]);
        list(&[&words.map(f64::from), &[unit_interval(words[0])]])
    });
}

/// The same for atan2 of an hypot, each within two or three.
const ANGLE: f64 = 8.0;

#[test]
fn fibonacci_directions_are_the_same() {
    let Some(device) = device() else { return };
    let edges = [[0.0, 1.0], [0.0, 2.0], [9_999_999.0, 1e7], [0.0, 1e9], [999_999_999.0, 1e9]];
    let random = |n: &mut super::Numbers| {
        let count = 10f64.powf(n.between(0.0, 9.0)).floor();
        [(count * n.next()).floor(), count]
    };
    device.exact("probe_fibonacci_direction", &[], &inputs(edges, 5, random), |[index, count]| {
        <[f64; 3]>::from(fibonacci_direction(*index as u64, *count as u64))
    });
}

#[test]
fn phases_are_the_same() {
    let Some(device) = device() else { return };
    let edges = [0.0, -0.0, 0.25, 0.5, -0.5, 1.0, 1.5, 2.5, -2.5, 1e7, 1e15 + 0.5, 1e-300, -0.75].map(|x| [x]);
    let random = |n: &mut super::Numbers| [n.between(-1.0, 1.0) * 10f64.powf(n.between(-3.0, 9.0))];
    let phasor = |[turns]: &[f64; 1]| parts(phasor_of_turns(*turns));
    device.exact("probe_phasor_of_turns", &[], &inputs(edges, 6, random), phasor);
    let edges = [[0.0, 28e9], [-0.0, 28e9], [1e4, 77e9], [299_792_458.0, 1.0], [-1.0, 1e9], [1e9, 1e12], [0.5, 1e6]];
    let random =
        |n: &mut super::Numbers| [n.between(-1.0, 1.0) * 10f64.powf(n.between(-3.0, 5.0)), n.between(1e9, 1e11)];
    let inputs = inputs(edges, 7, random);
    device.exact("probe_turns_of_length", &[], &inputs, |[length, frequency]| [turns_of_length(*length, *frequency)]);
}

/// Poles, axes, and directions next to them.
pub fn some_directions() -> Vec<Vec3> {
    let mut all: Vec<Vec3> = [Vec3::x(), Vec3::y(), Vec3::z()].into_iter().flat_map(|v| [v, -v]).collect();
    all.push(Vec3::new(-0.0, 0.0, 1.0));
    all.push(Vec3::new(-1.0, -0.0, 0.0));
    all.push(Vec3::new(1e-300, 0.0, 1.0));
    all.push(Vec3::new(0.0, 1e-20, -1.0));
    all.extend([1e-9, FRAC_PI_2, PI - 1e-9].map(|theta| direction_of(theta, 2.0)));
    all
}

/// A direction anywhere.
pub fn random_direction(n: &mut super::Numbers) -> Vec3 {
    let theta = libm::acos(n.between(-1.0, 1.0));
    direction_of(theta, n.between(0.0, TAU))
}

#[test]
fn frames_are_the_same() {
    let Some(device) = device() else { return };
    let all = inputs(some_directions().into_iter().map(Into::into), 8, |n| random_direction(n).into());
    device.near("probe_angles_of", &[], &all, each(ANGLE), |k| {
        let (theta, phi) = angles_of(&vec3(k));
        [theta, phi]
    });
    device.near("probe_spherical_basis", &[], &all, largest(ANGLE), |k| {
        let (theta, phi) = spherical_basis(&vec3(k));
        list(&[theta.as_slice(), phi.as_slice()])
    });
    device.exact("probe_tangents_of", &[], &all, |n| {
        let (u, v) = tangents_of(&vec3(n));
        list(&[u.as_slice(), v.as_slice()])
    });
}
