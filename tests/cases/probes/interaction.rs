//! Probes of cuda/interaction and of cuda/scene.

use super::math::{random_direction, some_directions};
use super::{Numbers, complex, device, each, field_parts, inputs, joined, list, parts, vec3};
use crate::support::build;
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::interaction::fresnel::root_of_decay as root;
use raylobe::interaction::fresnel::{Coefficients, half_space, one_minus_exp_minus_2j, roughness_factor, slab};
use raylobe::interaction::line_of_sight::spreading;
use raylobe::interaction::reflection::{self, cos_incidence, mirror};
use raylobe::math::frame::direction_of;
use raylobe::math::{C64, CVec3, Vec3, inverse};
use raylobe::scene::antenna::{Antenna, Element, Polarization, SlantModel, half_wave_amplitude, tr38901_gain_db};
use raylobe::scene::material::Surface;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

/// Units of the last place between two roots of sums of squares: each within one or two.
const ROOT: f64 = 4.0;
/// The same between products of a sine, a cosine and an exponential, or differences that do not cancel.
const WAVE: f64 = 12.0;
/// The same for an interface: three complex quotients of sums that hold a root.
const INTERFACE: f64 = 32.0;
/// The same for a slab, for each radian of its phase: a root that is off by a unit turns the wave by as much times the
/// phase.
const SLAB: f64 = 10.0;

/// No contrast, hardly any, walls, ground, metal, a medium that is thinner than vacuum.
pub const ETAS: [[f64; 2]; 9] = [
    [1.0, 0.0],
    [1.0, -0.0],
    [1.0 + 1e-9, 0.0],
    [2.73, -0.01],
    [5.24, -0.4],
    [30.0, -20.0],
    [1.0, -6.4e6],
    [1.0, -1e8],
    [0.25, 0.0],
];
/// Grazing, nearly so, in between, and normal.
const COSINES: [f64; 6] = [0.0, 1e-9, 0.1, 0.5, 0.9, 1.0];

pub fn random_eta(n: &mut Numbers) -> [f64; 2] {
    [n.between(1.0, 30.0), -10f64.powf(n.between(-6.0, 2.0))]
}

pub fn parts_of(c: &Coefficients) -> [f64; 6] {
    joined(&[&parts(c.r_s), &parts(c.r_p), &parts(c.excess)])
}

#[test]
fn roots_and_round_trips_are_the_same() {
    let Some(device) = device() else { return };
    let edges = [[0.0, 0.0], [0.0, -0.0], [-0.0, 0.0], [4.0, 0.0], [-4.0, 0.0], [-4.0, -0.0], [0.0, -2.0]];
    let edges = edges.into_iter().chain([[1e150, -1e150], [-1e-150, -1e-150], [3.0, -1e8]]);
    let random = |n: &mut Numbers| [n.between(-30.0, 30.0), -10f64.powf(n.between(-9.0, 3.0))];
    let all = inputs(edges, 21, random);
    device.near("probe_root_of_decay", &[], &all, each(ROOT), |z| parts(root(complex(z))));
    let edges = [[0.0, 0.0], [0.0, -0.0], [1e-12, -1e-12], [PI, 0.0], [-FRAC_PI_2, 0.0], [3.0, -800.0], [1e6, -1e-3]];
    let random = |n: &mut Numbers| {
        let size = 10f64.powf(n.between(-6.0, 3.0));
        [n.between(-size, size), -n.next() * size.min(9.0)]
    };
    device.near("probe_one_minus_exp_minus_2j", &[], &inputs(edges, 22, random), each(WAVE), |q| {
        parts(one_minus_exp_minus_2j(complex(q)))
    });
}

#[test]
fn interfaces_are_the_same() {
    let Some(device) = device() else { return };
    let edges = ETAS.into_iter().flat_map(|eta| COSINES.map(|cos| joined(&[&eta, &[cos]])));
    // Of nothing, at grazing incidence, the fractions are infinite.
    let edges = edges.filter(|[re, _, cos]| *re != 1.0 || *cos != 0.0);
    let all = inputs(edges, 23, |n| joined(&[&random_eta(n), &[n.next()]]));
    // R_p has a zero, Brewster's angle: bounds are those of the larger part of all.
    let bound = |input: &[f64; 3], expected: &[f64], k: usize| match k {
        0..6 => each(ROOT + 4.0)(input, expected, k) + each(ROOT + 4.0)(input, expected, k ^ 1),
        _ => INTERFACE * f64::EPSILON * expected[6..].iter().fold(1.0, |most, x| f64::max(most, x.abs())),
    };
    device.near("probe_interface_of", &[], &all, bound, |x| {
        let (eta, cos) = (complex(x), x[2]);
        let a = root(eta - C64::ONE + cos * cos);
        let own = [a, inverse(a + cos), inverse(eta * cos + a)].map(parts);
        list(&[own.as_flattened(), &parts_of(&half_space(eta, cos))])
    });
}

/// The absolute error that a coefficient of a slab may have: the phase's own, as many times as the wave runs to and fro in
/// the slab before it fades, and as the excess is larger than 1.
pub fn slab_bound(eta: C64, cos: f64, thickness: f64, frequency: f64, expected: &[f64]) -> f64 {
    let a = root(eta - C64::ONE + cos * cos);
    let phase = if thickness.is_finite() { (a * (TAU * thickness * frequency / SPEED_OF_LIGHT)).re } else { 0.0 };
    // 1 - r^2, of which there is less and less towards grazing.
    let open = [a * (4.0 * cos) / (a + cos) / (a + cos), eta * a * (4.0 * cos) / (eta * cos + a) / (eta * cos + a)];
    let round_trips = open.iter().map(|open| 1.0 / open.norm()).fold(1.0, f64::max);
    let round_trips = if cos == 0.0 || thickness.is_infinite() { 1.0 } else { round_trips };
    let size = expected.iter().fold(1.0, |most, x| f64::max(most, x.abs()));
    SLAB * f64::EPSILON * (1.0 + phase) * round_trips * size
}

#[test]
fn slabs_and_surfaces_are_the_same() {
    let Some(device) = device() else { return };
    let slabs = ETAS.into_iter().flat_map(|eta| {
        COSINES.into_iter().flat_map(move |cos| {
            [f64::INFINITY, 1e-6, 0.1, 3.0].map(|thickness| joined(&[&eta, &[cos, thickness, 28e9]]))
        })
    });
    let random = |n: &mut Numbers| {
        let (cos, thickness, frequency) =
            (n.next(), 10f64.powf(n.between(-4.0, 0.0)), 10f64.powf(n.between(9.0, 11.0)));
        joined(&[&random_eta(n), &[cos, thickness, frequency]])
    };
    let all: Vec<[f64; 5]> = inputs(slabs, 24, random);
    let bound = |x: &[f64; 5], expected: &[f64], _: usize| slab_bound(complex(x), x[2], x[3], x[4], expected);
    device.near("probe_slab", &[], &all, bound, |x| parts_of(&slab(complex(x), x[2], x[3], x[4])));

    let surfaces: Vec<[f64; 7]> = all
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let (share, roughness) = ([1.0, 0.0, 0.8][i % 3], [0.0, 1e-3, 1.0][i / 3 % 3]);
            [x[0], x[1], x[3], share, roughness, x[2], x[4]]
        })
        .collect();
    let bound = |x: &[f64; 7], expected: &[f64], _: usize| slab_bound(complex(x), x[5], x[2], x[6], expected);
    device.near("probe_coefficients", &[], &surfaces, bound, |x| {
        let smooth = Surface::smooth(complex(x), x[2]);
        let surface = Surface { specular_share: x[3], roughness: x[4], ..smooth };
        parts_of(&reflection::coefficients(&surface, x[5], x[6]))
    });
}

#[test]
fn roughness_and_spreading_are_the_same() {
    let Some(device) = device() else { return };
    let edges = [[0.0, 0.5, 28e9], [1e-3, 0.0, 28e9], [10.0, 1.0, 28e9], [1e-3, 1.0, 1e9]];
    let random = |n: &mut Numbers| [10f64.powf(n.between(-6.0, -2.0)), n.next(), 10f64.powf(n.between(9.0, 11.0))];
    device.near("probe_roughness_factor", &[], &inputs(edges, 25, random), each(ROOT), |[sigma_h, cos, frequency]| {
        [roughness_factor(*sigma_h, *cos, *frequency)]
    });
    let edges = [[1e-6, 1e12], [1e9, 1e6], [1.0, SPEED_OF_LIGHT]];
    let random = |n: &mut Numbers| [10f64.powf(n.between(-2.0, 5.0)), 10f64.powf(n.between(8.0, 12.0))];
    device.exact("probe_spreading", &[], &inputs(edges, 26, random), |[length, frequency]| {
        [spreading(*length, *frequency)]
    });
}

pub fn field(x: &[f64]) -> CVec3 {
    CVec3::new(complex(x), complex(&x[2..]), complex(&x[4..]))
}

fn scaled(v: &Vec3, factor: C64) -> CVec3 {
    CVec3::new(factor * v.x, factor * v.y, factor * v.z)
}

#[test]
fn field_vectors_are_reflected_alike() {
    let Some(device) = device() else { return };
    let numbers = |n: &mut Numbers| [0; 11].map(|_| n.between(-2.0, 2.0));
    let edges = [[0.0; 11], [-0.0; 11], joined(&[&[1.0; 6], &[0.0, -0.0, 1.0], &[0.0, -1.0]])];
    device.exact("probe_field_vectors", &[], &inputs(edges, 27, numbers), |x| {
        let (e, v, s) = (field(x), vec3(&x[6..]), complex(&x[9..]));
        let real = e * C64::from(s.re);
        let all = [v.map(C64::from), scaled(&v, s), e + scaled(&v, s), e - scaled(&v, s), e * s, real];
        let all = all.map(|v| field_parts(&v));
        list(&[all.as_flattened(), &parts(reflection::dot(&v, &e)), &[e.norm_squared()]])
    });
    let pairs = some_directions().into_iter().flat_map(|k| some_directions().into_iter().map(move |n| (k, n)));
    let pairs: Vec<[f64; 6]> = pairs.map(|(k, n)| joined(&[k.as_slice(), n.as_slice()])).collect();
    let random = |n: &mut Numbers| joined(&[random_direction(n).as_slice(), random_direction(n).as_slice()]);
    let all: Vec<[f64; 6]> = inputs(pairs, 28, random);
    device.exact("probe_incidence", &[], &all, |x| {
        let (k, n) = (vec3(x), vec3(&x[3..]));
        list(&[mirror(&k, &n).as_slice(), &[cos_incidence(&k, &n)]])
    });
    let mut n = Numbers::new(29);
    let reflected: Vec<[f64; 18]> = all
        .iter()
        .map(|x| joined(&[&[0; 6].map(|_| n.between(-2.0, 2.0)), x, &[0; 6].map(|_| n.between(-2.0, 2.0))]))
        .collect();
    device.exact("probe_reflect", &[], &reflected, |x| {
        let [r_s, r_p, excess] = [12, 14, 16].map(|at| complex(&x[at..]));
        let c = Coefficients { r_s, r_p, excess, t_s: C64::ZERO, t_p: C64::ZERO };
        field_parts(&reflection::reflect(&field(x), &vec3(&x[6..]), &vec3(&x[9..]), &c))
    });
}

const ELEMENTS: [Element; 4] = [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901];
const MODELS: [SlantModel; 2] = [SlantModel::Model1, SlantModel::Model2];
/// The poles, next to them, the equator.
const THETAS: [f64; 8] = [0.0, 1e-300, 1e-9, 1.0, FRAC_PI_2, 2.0, PI - 1e-9, PI];
/// Ahead, aside, behind, and more than a turn.
const PHIS: [f64; 8] = [0.0, -0.0, 1.0, -FRAC_PI_2, FRAC_PI_2, PI, -PI, 7.0];
const SLANTS: [f64; 4] = [0.0, FRAC_PI_2, -FRAC_PI_4, FRAC_PI_4];

/// Units of the last place between two libraries' sines at a quotient of sines, each within one or two.
const DIPOLE: f64 = 16.0;
/// The largest amplitude, that of 8 dBi, times the units that ten operations on sines, angles and a power of ten may lose:
/// amplitudes near a null are small differences of numbers of that size.
const PATTERN: f64 = 2.6 * 10.0 * f64::EPSILON;

/// An element that is turned itself has no polarisation along its own axis: near it the last bits of all sines decide.
pub fn pattern_bound(model: f64, slant: f64, theta: f64, phi: f64) -> f64 {
    if model != 0.0 {
        return PATTERN;
    }
    let axis = Vec3::new(0.0, -slant.sin(), slant.cos());
    PATTERN / axis.cross(&direction_of(theta, phi)).norm().max(f64::EPSILON)
}

fn some_angles() -> impl Iterator<Item = [f64; 2]> {
    THETAS.into_iter().flat_map(|theta| PHIS.map(|phi| [theta, phi]))
}

fn random_angles(n: &mut Numbers) -> [f64; 2] {
    [n.between(0.0, PI), n.between(-PI, PI)]
}

fn random_element(n: &mut Numbers) -> f64 {
    n.between(0.0, 4.0).floor()
}

#[test]
fn elements_have_the_same_amplitudes() {
    let Some(device) = device() else { return };
    let thetas = inputs(THETAS.map(|theta| [theta]), 31, |n| [n.between(0.0, PI)]);
    device.near("probe_half_wave_amplitude", &[], &thetas, each(DIPOLE), |[theta]| [half_wave_amplitude(*theta)]);
    let angles = inputs(some_angles(), 32, random_angles);
    device.exact("probe_tr38901_gain_db", &[], &angles, |[theta, phi]| {
        let x = theta / (65.0 / 180.0 * PI);
        [tr38901_gain_db(*theta, *phi), (12.0 * x * x).min(30.0)]
    });
    let edges = some_angles().flat_map(|angles| [0.0, 1.0, 2.0, 3.0].map(|element| joined(&[&[element], &angles])));
    let all = inputs(edges, 33, |n| joined(&[&[random_element(n)], &random_angles(n)]));
    device.near("probe_amplitude", &[], &all, each(DIPOLE), |[element, theta, phi]| {
        [ELEMENTS[*element as usize].amplitude(*theta, *phi)]
    });
}

#[test]
fn patterns_are_the_same_in_both_slant_models() {
    let Some(device) = device() else { return };
    let edges = some_angles().flat_map(|angles| {
        (0..32u32).map(move |i| {
            let (element, model, slant) = (i % 4, i / 4 % 2, SLANTS[i as usize / 8]);
            joined(&[&[f64::from(element), f64::from(model), slant], &angles])
        })
    });
    let random = |n: &mut Numbers| {
        joined(&[&[random_element(n), n.between(0.0, 2.0).floor(), n.between(-PI, PI)], &random_angles(n)])
    };
    let all: Vec<[f64; 5]> = inputs(edges, 34, random);
    let pattern = |x: &[f64; 5]| {
        let (element, slant_model) = (ELEMENTS[x[0] as usize], MODELS[x[1] as usize]);
        let antenna = Antenna { element, slants: vec![x[2]], slant_model, ..build::isotropic(Polarization::V) };
        antenna.pattern(0, x[3], x[4])
    };
    device.near("probe_pattern", &[], &all, |x, _, _| pattern_bound(x[1], x[2], x[3], x[4]), pattern);
    let turned: Vec<[f64; 4]> = all.iter().map(|x| [x[0], x[2], x[3], x[4]]).collect();
    let bound = |x: &[f64; 4], _: &[f64], _: usize| pattern_bound(0.0, x[1], x[2], x[3]);
    device.near("probe_turned_pattern", &[], &turned, bound, |x| pattern(&[x[0], 0.0, x[1], x[2], x[3]]));
    // Numbers of elements and models are what the kernels say.
    assert!(ELEMENTS.iter().enumerate().all(|(i, element)| *element as usize == i));
    assert!(MODELS.iter().enumerate().all(|(i, model)| *model as usize == i));
}
