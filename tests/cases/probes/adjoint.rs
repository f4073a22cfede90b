//! Probes of adjoints. What is made of the operations that IEEE 754 rounds is the same to the bit; all else within what the
//! last bits of its arguments decide on.

use super::interaction::{ETAS, field, random_eta};
use super::math::{random_direction, some_directions};
use super::scattering::{places, scattering_surfaces, uploaded};
use super::{Numbers, complex, device, field_parts, inputs, joined, list, parts, random_vector, vec3};
use crate::support::build;
use raylobe::geometry::attached::{attached_vjp, barycentric};
use raylobe::interaction::SurfaceBar;
use raylobe::interaction::fresnel::{Coefficients, roughness_factor_vjp, slab_vjp};
use raylobe::interaction::line_of_sight::spreading_vjp;
use raylobe::interaction::reflection::{self, ReflectBar, inner};
use raylobe::interaction::scattering::{
    Directions, DirectionsBar, PartBar, ScatterBar, diffuse_share, diffuse_vjp, lobe_vjp, part_density_vjp,
};
use raylobe::layout::{Plane, RadioEnd};
use raylobe::math::frame::{angles_of_vjp, is_pole, normalized_vjp, spherical_basis_vjp};
use raylobe::math::{C64, CVec3, Mat3, Vec3, inverse};
use raylobe::path::field::End;
use raylobe::path::refine::{PlaneBar, RefinedBar, refine_vjp};
use raylobe::scene::antenna::{Antenna, Element, Polarization, SlantModel};
use raylobe::scene::material::Surface;

/// What bars begin at, as the probes have it.
const BEGUN: f64 = 0.25;

/// Units of what the last bits of the arguments decide on: a score of operations, each as exact as its arguments, and a few
/// sines, exponentials and roots, each within two units of the last place.
const UNITS: f64 = 4.0;
/// The same of field vectors: angles near an axis, and sines and powers of these.
const VECTORS: f64 = 64.0;

/// Of scattered fields [Hz].
const FREQUENCY: f64 = 28e9;

fn begun_vector() -> Vec3 {
    Vec3::repeat(BEGUN)
}

fn begun_complex() -> C64 {
    C64::new(BEGUN, BEGUN)
}

fn begun_directions() -> DirectionsBar {
    DirectionsBar { k_i: begun_vector(), n: begun_vector(), k_s: begun_vector() }
}

fn random<const N: usize>(n: &mut Numbers, size: f64) -> [f64; N] {
    std::array::from_fn(|_| n.between(-size, size))
}

#[test]
fn bars_are_accumulated_alike() {
    let Some(device) = device() else { return };
    let all = inputs([[0.0; 10], [-0.0; 10]], 101, |n| random::<10>(n, 3.0));
    device.exact("probe_accumulation", &[], &all, |x| {
        let (a, b, z, w) = (vec3(x), vec3(&x[3..]), complex(&x[6..]), complex(&x[8..]));
        let sum = a.map(C64::from) + reflection::scaled(&b, z);
        let complex = [parts(z + w).to_vec(), field_parts(&sum).to_vec(), [z.conj(), inverse(z)].map(parts).concat()];
        list(&[(a + b).as_slice(), (a - b).as_slice(), &complex.concat()])
    });
}

#[test]
fn adjoints_of_frames_are_the_same() {
    let Some(device) = device() else { return };
    let edges = || some_directions().into_iter();
    let all: Vec<[f64; 5]> = inputs(edges().map(|k| joined(&[k.as_slice(), &[0.7, -0.4]])), 102, |n| {
        joined(&[random_direction(n).as_slice(), &random::<2>(n, 2.0)])
    });
    device.conditioned("probe_angles_of_vjp", &[], &all, UNITS, |x| {
        let (k, mut k_bar) = (vec3(x), begun_vector());
        angles_of_vjp(&k, x[3], x[4], &mut k_bar);
        list(&[k_bar.as_slice(), &[f64::from(u8::from(is_pole(&k)))]])
    });
    let all: Vec<[f64; 9]> =
        inputs(edges().map(|k| joined(&[k.as_slice(), &[0.7, -0.4, 0.1, 1.0, 0.2, -0.3]])), 103, |n| {
            joined(&[random_direction(n).as_slice(), &random::<6>(n, 2.0)])
        });
    device.conditioned("probe_spherical_basis_vjp", &[], &all, UNITS, |x| {
        let (k, a, b, mut k_bar) = (vec3(x), vec3(&x[3..]), vec3(&x[6..]), begun_vector());
        spherical_basis_vjp(&k, &a, &b, &mut k_bar);
        list(&[k_bar.as_slice(), normalized_vjp(&k, x[6], &a).as_slice()])
    });
}

#[test]
fn adjoints_of_spreading_and_roughness_are_the_same() {
    let Some(device) = device() else { return };
    let size = |n: &mut Numbers, low: f64, high: f64| 10f64.powf(n.between(low, high));
    let all = inputs([[1.0, 28e9, 0.0]], 104, |n| [size(n, -2.0, 5.0), size(n, 8.0, 12.0), n.between(-2.0, 2.0)]);
    device.exact("probe_spreading_vjp", &[], &all, |x| {
        let mut bars = [BEGUN, 0.0];
        let [length_bar, frequency_bar] = &mut bars;
        spreading_vjp(x[0], x[1], x[2], length_bar, frequency_bar);
        bars
    });
    let edges = [[0.0, 0.5, 28e9, 1.0], [1e-3, 0.0, 28e9, 1.0], [10.0, 1.0, 28e9, 1.0]];
    let all = inputs(edges, 105, |n| [size(n, -6.0, -2.0), n.next(), size(n, 9.0, 11.0), n.between(-2.0, 2.0)]);
    device.conditioned("probe_roughness_factor_vjp", &[], &all, UNITS, |x| {
        let mut bars = [BEGUN, BEGUN, 0.0];
        roughness_factor_vjp(x[0], x[1], x[2], x[3], bars.each_mut());
        bars
    });
}

fn coefficients_at(x: &[f64]) -> Coefficients {
    Coefficients { r_s: complex(x), r_p: complex(&x[2..]), excess: complex(&x[4..]), ..Coefficients::default() }
}

fn surface_parts(bar: &SurfaceBar) -> [f64; 8] {
    joined(&[&parts(bar.eta), &[bar.thickness, bar.specular_share, bar.roughness, bar.scattering, bar.xpd, bar.lobe]])
}

#[test]
fn adjoints_of_slabs_and_surfaces_are_the_same() {
    let Some(device) = device() else { return };
    let edges = ETAS.into_iter().flat_map(|eta| {
        [0.0, 1e-6, 0.1, 0.5, 0.9, 1.0].into_iter().flat_map(move |cos| {
            [f64::INFINITY, 1e-6, 0.1, 3.0].map(|d| joined(&[&eta, &[cos, d, 28e9], &[0.3, -0.8, 0.5, 0.1, -0.2, 0.7]]))
        })
    });
    let any = |n: &mut Numbers| {
        let (cos, d, f) = (n.next(), 10f64.powf(n.between(-4.0, -0.5)), 10f64.powf(n.between(9.0, 11.0)));
        joined(&[&random_eta(n), &[cos, d, f], &random::<6>(n, 1.0)])
    };
    let all: Vec<[f64; 11]> = inputs(edges, 106, any);
    device.conditioned("probe_slab_vjp", &[], &all, UNITS, |x| {
        let (mut eta_bar, mut bars) = (C64::ZERO, [0.0; 3]);
        let [cos_bar, d_bar, f_bar] = &mut bars;
        slab_vjp(complex(x), x[2], x[3], x[4], &coefficients_at(&x[5..]), &mut eta_bar, cos_bar, d_bar, f_bar);
        list(&[&parts(eta_bar), &bars])
    });
    let surfaces: Vec<[f64; 13]> = all
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let (share, roughness) = ([1.0, 0.0, 0.8][i % 3], [0.0, 1e-3, 1e-4][i / 3 % 3]);
            joined(&[&x[..2], &[x[3], share, roughness, x[2], x[4]], &x[5..]])
        })
        .collect();
    device.conditioned("probe_coefficients_vjp", &[], &surfaces, UNITS, |x| {
        let smooth = Surface::smooth(complex(x), x[2]);
        let surface = Surface { specular_share: x[3], roughness: x[4], ..smooth };
        let (mut bar, mut cos_bar, mut f_bar) = (SurfaceBar::default(), 0.0, 0.0);
        let found = reflection::coefficients(&surface, x[5], x[6]);
        let given = coefficients_at(&x[7..]);
        reflection::coefficients_vjp(&surface, x[5], x[6], &found, &given, &mut bar, &mut cos_bar, &mut f_bar);
        list(&[&surface_parts(&bar), &[cos_bar, f_bar]])
    });
}

fn pairs() -> Vec<[f64; 6]> {
    let edges = some_directions().into_iter().flat_map(|k| some_directions().into_iter().map(move |n| (k, n)));
    let edges: Vec<[f64; 6]> = edges.map(|(k, n)| joined(&[k.as_slice(), n.as_slice()])).collect();
    inputs(edges, 107, |n| joined(&[random_direction(n).as_slice(), random_direction(n).as_slice()]))
}

#[test]
fn adjoints_of_reflection_are_the_same() {
    let Some(device) = device() else { return };
    let mut n = Numbers::new(108);
    let all: Vec<[f64; 10]> = pairs().iter().map(|x| joined(&[x, &random::<4>(&mut n, 2.0)])).collect();
    device.exact("probe_incidence_vjp", &[], &all, |x| {
        let (k, n) = (vec3(x), vec3(&x[3..]));
        let mut bars = [begun_vector(); 4];
        let [mirrored_k, mirrored_n, k_bar, n_bar] = &mut bars;
        reflection::mirror_vjp(&k, &n, &vec3(&x[6..]), mirrored_k, mirrored_n);
        reflection::cos_incidence_vjp(&k, &n, x[9], k_bar, n_bar);
        list(&bars.each_ref().map(|bar| bar.as_slice()))
    });
    let all: Vec<[f64; 24]> = pairs()
        .iter()
        .map(|x| joined(&[&random::<6>(&mut n, 2.0), x, &random::<6>(&mut n, 2.0), &random::<6>(&mut n, 2.0)]))
        .collect();
    device.exact("probe_reflect_vjp", &[], &all, |x| {
        let (e, k, n, c) = (field(x), vec3(&x[6..]), vec3(&x[9..]), coefficients_at(&x[12..]));
        let begun = begun_complex();
        let mut bar = ReflectBar {
            field: CVec3::repeat(begun),
            k: begun_vector(),
            n: begun_vector(),
            coefficients: Coefficients { r_s: begun, r_p: begun, excess: begun, ..Coefficients::default() },
        };
        let reflected_bar = field(&x[18..]);
        reflection::reflect_vjp(&e, &k, &n, &c, &reflected_bar, &mut bar);
        let own = &bar.coefficients;
        let complex = [own.r_s, own.r_p, own.excess].map(parts).concat();
        list(&[
            &field_parts(&bar.field),
            bar.k.as_slice(),
            bar.n.as_slice(),
            &complex,
            inner(&e, c.r_p).as_slice(),
            &parts(e.dotc(&reflected_bar)),
        ])
    });
}

fn directions_parts(bar: &DirectionsBar) -> [f64; 9] {
    joined(&[bar.k_i.as_slice(), bar.n.as_slice(), bar.k_s.as_slice()])
}

fn part_parts(bar: &PartBar) -> [f64; 4] {
    [bar.weight, bar.forward_share, bar.forward, bar.backward]
}

/// Parts that the probes have room for.
const PROBED_PARTS: usize = 24;

fn padded(bars: &[PartBar]) -> Vec<f64> {
    assert!(bars.len() <= PROBED_PARTS, "{} parts", bars.len());
    let mut all: Vec<f64> = bars.iter().flat_map(part_parts).collect();
    all.resize(4 * PROBED_PARTS, 0.0);
    all
}

#[test]
fn adjoints_of_densities_are_the_same() {
    let Some(device) = device() else { return };
    let surfaces = scattering_surfaces();
    let on_device = uploaded(device, &surfaces);
    let mut n = Numbers::new(109);
    let all: Vec<[f64; 11]> = places(&surfaces, 110).iter().map(|x| joined(&[x, &[n.between(-2.0, 2.0)]])).collect();
    let at_bars: Vec<[f64; 13]> = all.iter().map(|x| joined(&[&x[1..10], &random::<4>(&mut n, 2.0)])).collect();
    device.exact("probe_directions_of_vjp", &[], &at_bars, |x| {
        let at_bar = Directions { cos_i: x[9], cos_s: x[10], off_forward: x[11], off_backward: x[12] };
        let mut bar = begun_directions();
        Directions::new_vjp(&vec3(x), &vec3(&x[3..]), &vec3(&x[6..]), &at_bar, &mut bar);
        directions_parts(&bar)
    });
    device.conditioned("probe_density_vjp", &[on_device.get()], &all, UNITS, |x| {
        let surface = &surfaces[x[0] as usize];
        let (k_i, n, k_s) = (vec3(&x[1..]), vec3(&x[4..]), vec3(&x[7..]));
        let mut at_bar = Directions { cos_i: BEGUN, cos_s: BEGUN, off_forward: BEGUN, off_backward: BEGUN };
        let begun = PartBar { weight: BEGUN, forward_share: BEGUN, forward: BEGUN, backward: BEGUN };
        let (mut part_bar, mut lobe_bar, mut bar) = (begun, begun, begun_directions());
        let at = Directions::new(&k_i, &n, &k_s);
        part_density_vjp(&surface.scattering.parts[0], &at, x[10], &mut at_bar, &mut part_bar);
        let lobe = surface.lobe.as_ref().expect("every surface has a lobe");
        lobe.density_vjp(&k_i, &n, &k_s, x[10], &mut bar, &mut lobe_bar);
        let at_bar = [at_bar.cos_i, at_bar.cos_s, at_bar.off_forward, at_bar.off_backward];
        list(&[&at_bar, &part_parts(&part_bar), &directions_parts(&bar), &[lobe_bar.forward]])
    });
    device.conditioned("probe_pattern_density_vjp", &[on_device.get()], &all, UNITS, |x| {
        let scattering = &surfaces[x[0] as usize].scattering;
        let (mut bars, mut bar) = (vec![PartBar::default(); scattering.parts.len()], begun_directions());
        scattering.density_vjp(&vec3(&x[1..]), &vec3(&x[4..]), &vec3(&x[7..]), x[10], &mut bar, &mut bars);
        list(&[&directions_parts(&bar), &padded(&bars)])
    });
}

fn scatter_parts(bar: &ScatterBar) -> Vec<f64> {
    list(&[
        &field_parts(&bar.field),
        &directions_parts(&bar.directions),
        &surface_parts(&bar.surface),
        &[bar.frequency],
    ])
}

#[test]
fn adjoints_of_scattered_fields_are_the_same() {
    let Some(device) = device() else { return };
    let surfaces = scattering_surfaces();
    let mut n = Numbers::new(111);
    let share_at = |x: &[f64; 10]| {
        let cos_theta = reflection::cos_incidence(&vec3(&x[1..]), &vec3(&x[4..]));
        diffuse_share(&surfaces[x[0] as usize], cos_theta, FREQUENCY)
    };
    // The share that a hardly rough surface scatters is a small difference, which an exponential's last bits decide on.
    let all: Vec<[f64; 23]> = places(&surfaces, 112)
        .iter()
        .filter(|x| share_at(x) == 0.0 || share_at(x) > 1e-3)
        .map(|x| joined(&[x, &random::<6>(&mut n, 2.0), &[FREQUENCY], &random::<6>(&mut n, 2.0)]))
        .collect();
    assert!(all.len() > 2000, "{}", all.len());
    device.conditioned("probe_scattered_vjp", &[uploaded(device, &surfaces).get()], &all, UNITS, |x| {
        let surface = &surfaces[x[0] as usize];
        let (k_i, n, k_s) = (vec3(&x[1..]), vec3(&x[4..]), vec3(&x[7..]));
        let (e, left_bar) = (field(&x[10..]), field(&x[17..]));
        let mut bars = vec![PartBar::default(); surface.scattering.parts.len()];
        let (mut bar, mut by_lobe) = (ScatterBar::zero(), ScatterBar::zero());
        diffuse_vjp(&e, &k_i, &n, &k_s, surface, x[16], &left_bar, &mut bar, &mut bars);
        lobe_vjp(&e, &k_i, &n, &k_s, surface, x[16], &left_bar, &mut by_lobe);
        let but_weights: Vec<f64> = padded(&bars).chunks_exact(4).flat_map(|part| part[1..].iter().copied()).collect();
        list(&[&scatter_parts(&bar), &scatter_parts(&by_lobe), &but_weights])
    });
}

const ELEMENTS: [Element; 4] = [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901];
const MODELS: [SlantModel; 2] = [SlantModel::Model1, SlantModel::Model2];

#[test]
fn adjoints_of_patterns_are_the_same() {
    let Some(device) = device() else { return };
    let edges =
        [0.0, 1e-9, 1.0, std::f64::consts::FRAC_PI_2, 2.0, std::f64::consts::PI].into_iter().flat_map(|theta| {
            (0..32u32).map(move |i| {
                let (element, model, slant) = (i % 4, i / 4 % 2, [0.0, 0.3, -0.8, 1.5][i as usize / 8]);
                [f64::from(element), f64::from(model), slant, theta, [0.4, -2.9][i as usize % 2], 0.7, -0.3]
            })
        });
    let all: Vec<[f64; 7]> = inputs(edges, 113, |n| {
        let angles = [n.between(-3.1, 3.1), n.between(0.0, 3.1), n.between(-3.1, 3.1)];
        joined(&[&[n.between(0.0, 4.0).floor(), n.between(0.0, 2.0).floor()], &angles, &random::<2>(n, 2.0)])
    });
    device.conditioned("probe_pattern_vjp", &[], &all, UNITS, |x| {
        let (element, slant_model) = (ELEMENTS[x[0] as usize], MODELS[x[1] as usize]);
        let antenna = Antenna { element, slants: vec![x[2]], slant_model, ..build::isotropic(Polarization::V) };
        let slopes = element.amplitude_slopes(x[3], x[4]);
        let (mut theta_bar, mut phi_bar) = (BEGUN, BEGUN);
        antenna.pattern_vjp(0, x[3], x[4], [x[5], x[6]], &mut theta_bar, &mut phi_bar);
        [slopes.by_theta, slopes.by_phi, theta_bar, phi_bar]
    });
}

#[test]
fn adjoints_of_field_vectors_are_the_same() {
    let Some(device) = device() else { return };
    let radios = super::field::radios();
    let ends: Vec<End> = radios.transmitters.iter().map(|radio| End::new(&radios, radio)).collect();
    let records: Vec<RadioEnd> = ends.iter().map(super::field::record_of).collect();
    let all: Vec<[f64; 7]> = inputs([], 114, |n| {
        joined(&[&[n.between(0.0, 16.0).floor()], random_direction(n).as_slice(), &random::<3>(n, 2.0)])
    });
    device.conditioned("probe_vector_towards_vjp", &[&device.upload(&records)], &all, VECTORS, |x| {
        let (end, k, bar) = (&ends[x[0] as usize], vec3(&x[1..]), vec3(&x[4..]));
        let vectors: Vec<f64> = end.vectors(&k).flat_map(|v| [v.x, v.y, v.z]).collect();
        let (mut k_bar, mut rotation_bar) = (begun_vector(), Mat3::repeat(BEGUN));
        end.vectors_vjp(&k, &[bar, bar * 0.5], &mut k_bar, &mut rotation_bar);
        list(&[&vectors, k_bar.as_slice(), rotation_bar.transpose().as_slice()])
    });
}

#[test]
fn adjoints_of_points_and_chains_are_the_same() {
    let Some(device) = device() else { return };
    let all: Vec<[f64; 17]> = inputs([], 115, |n| random::<17>(n, 5.0));
    device.exact("probe_attached_vjp", &[], &all, |x| {
        let corners = [vec3(x), vec3(&x[3..]), vec3(&x[6..])];
        let (point, point_bar) = (vec3(&x[9..]), vec3(&x[13..]));
        let bars = attached_vjp(&corners, &point, x[12], &point_bar, x[16]);
        list(&[&barycentric(&corners, &point), bars[0].as_slice(), bars[1].as_slice(), bars[2].as_slice()])
    });
    let all: Vec<[f64; 43]> = inputs([], 116, |n| {
        let mut plane = || joined::<4>(&[random_direction(n).as_slice(), &[n.between(-9.0, 9.0)]]);
        let planes = [plane(), plane(), plane()].concat();
        let ends = [random_vector(n, 9.0), random_vector(n, 9.0)];
        let ends = list(&[ends[0].as_slice(), ends[1].as_slice()]);
        joined(&[&planes, &ends, &random::<7>(n, 1.0), &random::<9>(n, 9.0), &random::<9>(n, 1.0)])
    });
    device.conditioned("probe_refine_vjp", &[], &all, UNITS, |x| {
        let plane = |k: usize| Plane { normal: vec3(&x[4 * k..]).into(), offset: x[4 * k + 3] };
        let points = |first: usize| [0, 1, 2].map(|k| vec3(&x[first + 3 * k..]));
        let bar = RefinedBar { departure: vec3(&x[18..]), arrival: vec3(&x[21..]), length: x[24] };
        let (mut from_bar, mut to_bar) = (begun_vector(), begun_vector());
        let mut planes_bar = [PlaneBar { normal: begun_vector(), offset: BEGUN }; 3];
        refine_vjp(
            [&vec3(&x[12..]), &vec3(&x[15..])],
            &[plane(0), plane(1), plane(2)],
            &bar,
            [&points(25), &points(34), &[]],
            [&mut from_bar, &mut to_bar],
            &mut planes_bar,
            &mut Vec::new(),
        );
        let planes: Vec<f64> = planes_bar.iter().flat_map(|p| [p.normal.x, p.normal.y, p.normal.z, p.offset]).collect();
        list(&[from_bar.as_slice(), to_bar.as_slice(), &planes])
    });
}
