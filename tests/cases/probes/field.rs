//! Probes of the field: cuda/path/field.cuh.

use super::geometry::panels;
use super::interaction::{pattern_bound, slab_bound};
use super::math::{random_direction, some_directions};
use super::{Numbers, complex, device, each, inputs, joined, list, parts, random_vector, vec3};
use crate::support::build;
use raylobe::interaction::reflection::{cos_incidence, mirror};
use raylobe::layout::{RadioEnd, ReplayedPath, ReplayedVertex, SurfaceAt};
use raylobe::math::frame::angles_of;
use raylobe::math::phase::{phasor_of_turns, turns_of_length};
use raylobe::math::{C64, Jones, JonesMatrix, Mat3, Vec3};
use raylobe::path::field::{End, Replay, transfer};
use raylobe::path::{Interaction, Paths};
use raylobe::scene::antenna::{Antenna, AntennaDescription, Element, Polarization, SlantModel};

/// Paths of no more than four reflections at planes of any direction.
fn random_paths(objects: u32) -> Paths {
    let mut n = Numbers::new(70);
    let mut paths = Paths { transmitters: 1, receivers: 1, vertex_offsets: vec![0], ..Paths::default() };
    for path in 0..1000 {
        let edges = some_directions();
        let mut k = if path < edges.len() { edges[path] } else { random_direction(&mut n) };
        paths.departure.push(k);
        for _ in 0..n.between(0.0, 5.0) as u32 {
            let normal = if n.next() < 0.2 { edges[(n.next() * 6.0) as usize] } else { random_direction(&mut n) };
            paths.normal.push(normal);
            paths.object.push((n.next() * f64::from(objects)) as u32);
            paths.interaction.push(Interaction::Reflection);
            paths.area.push(0.0);
            paths.distance.push(0.0);
            k = mirror(&k, &normal);
        }
        paths.arrival.push(k);
        paths.vertex_offsets.push(paths.normal.len() as u64);
        paths.length.push(100.0);
        paths.transmitter_element.push(0);
        paths.receiver_element.push(0);
    }
    paths.offsets = vec![0, paths.length.len() as u64];
    paths
}

#[test]
fn fields_are_carried_along_paths_alike() {
    let Some(device) = device() else { return };
    let scene = panels();
    let paths = random_paths(scene.objects.len() as u32);
    let frequency = 28e9;
    let surfaces: Vec<_> =
        scene.materials.iter().map(|material| material.at(frequency).expect("defined at 28 GHz").0).collect();
    let material_of = |vertex: usize| scene.objects[paths.object[vertex] as usize].material;
    let records: Vec<ReplayedPath> = (0..paths.len())
        .map(|path| ReplayedPath {
            departure: paths.departure[path].into(),
            arrival: paths.arrival[path].into(),
            length: paths.length[path],
            coefficient: 0,
            vertex: paths.vertex_offsets[path],
            vertices: paths.vertices_of(path).len() as u32,
            transmitter: 0,
            receiver: 0,
            transmitter_element: 0,
            receiver_element: 0,
            unused: 0,
        })
        .collect();
    let vertices: Vec<ReplayedVertex> = (0..paths.normal.len())
        .map(|v| ReplayedVertex { normal: paths.normal[v].into(), material: material_of(v), unused: 0 })
        .collect();
    let at = |s: &raylobe::scene::material::Surface| SurfaceAt {
        eta: parts(s.eta),
        thickness: s.thickness,
        specular_share: s.specular_share,
        roughness: s.roughness,
    };
    let on_device: Vec<SurfaceAt> = surfaces.iter().map(at).collect();
    let (records, vertices, on_device) = (device.upload(&records), device.upload(&vertices), device.upload(&on_device));
    let items: Vec<[f64; 2]> = (0..paths.len()).map(|path| [path as f64, frequency]).collect();
    // Errors of all reflections add up, none larger than that of a slab; the frames at both ends have a few units more.
    let bound = |x: &[f64; 2], _: &[f64], _: usize| {
        let (mut k, mut sum) = (paths.departure[x[0] as usize], 40.0 * f64::EPSILON);
        for vertex in paths.vertices_of(x[0] as usize) {
            let (n, surface) = (&paths.normal[vertex], &surfaces[material_of(vertex) as usize]);
            sum += 4.0 * slab_bound(surface.eta, cos_incidence(&k, n), surface.thickness, frequency, &[1.0; 6]);
            k = mirror(&k, n);
        }
        sum
    };
    device.near("probe_transfer", &[&records, &vertices, &on_device], &items, bound, |x| {
        let t = transfer(&scene, &surfaces, &paths, x[0] as usize, frequency);
        let all = [t[(0, 0)], t[(0, 1)], t[(1, 0)], t[(1, 1)]].map(parts);
        list(&[all.as_flattened()])
    });
}

/// Radios of every pattern and slant model, turned.
fn radios() -> raylobe::scene::radio::Radios {
    let mut n = Numbers::new(71);
    let mut radios = build::radios(Polarization::V, &[[0.0; 3]; 16], &[[1.0; 3]]);
    let elements = [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901];
    let of = |i: usize| AntennaDescription {
        element: elements[i % 4],
        slant_model: [SlantModel::Model1, SlantModel::Model2][i / 4 % 2],
        polarization: [Polarization::VH, Polarization::Cross][i / 8],
        ..AntennaDescription::default()
    };
    radios.antennas = (0..16).map(|i| build::antenna(&of(i), 0.01)).collect();
    for (i, radio) in radios.transmitters.iter_mut().enumerate() {
        radio.antenna = i as _;
        radio.orientation = if i % 5 == 0 { [0.0; 3] } else { [0; 3].map(|_| n.between(-3.0, 3.0)) };
    }
    radios
}

fn record_of(end: &End) -> RadioEnd {
    let Antenna { element, slants, slant_model, offsets, .. } = end.antenna;
    RadioEnd {
        // nalgebra lays matrices out column by column.
        rotation: end.rotation.transpose().into(),
        slants: [slants[0], slants[1]],
        first_element: 0,
        elements: offsets.len() as u32,
        polarizations: slants.len() as u32,
        pattern: *element as u32,
        slant_model: *slant_model as u32,
    }
}

#[test]
fn antennas_point_alike() {
    let Some(device) = device() else { return };
    let (scene, radios, paths) = (panels(), radios(), Paths { offsets: vec![0; 17], ..random_paths(1) });
    let none =
        Paths { transmitters: 16, receivers: 1, offsets: paths.offsets, vertex_offsets: vec![0], ..Paths::default() };
    let Replay { transmitters, .. } = Replay::new(&scene, &radios, &none, &[28e9]).expect("the scene is defined");
    let records: Vec<RadioEnd> = transmitters.iter().map(record_of).collect();
    let records = device.upload(&records);
    let edges =
        (0..16).flat_map(|end| some_directions().into_iter().map(move |k| joined(&[&[f64::from(end)], k.as_slice()])));
    let axes: Vec<[f64; 4]> =
        inputs(edges, 72, |n| joined(&[&[n.between(0.0, 16.0).floor()], random_direction(n).as_slice()]));
    device.exact("probe_own_axes", &[&records], &axes, |x| {
        let (rotation, k): (&Mat3, Vec3) = (&transmitters[x[0] as usize].rotation, vec3(&x[1..]));
        list(&[rotation.transpose().as_slice(), rotation.tr_mul(&k).as_slice(), (rotation * k).as_slice()])
    });
    let all: Vec<[f64; 5]> =
        axes.iter().enumerate().map(|(i, x)| joined(&[&x[..1], &[(i % 2) as f64], &x[1..]])).collect();
    // Angles of a direction near a pole are as exact as the direction itself.
    let bound = |x: &[f64; 5], _: &[f64], _: usize| {
        let end = &transmitters[x[0] as usize];
        let (theta, phi) = angles_of(&end.rotation.tr_mul(&vec3(&x[2..])));
        2.0 * pattern_bound(f64::from(end.antenna.slant_model as u32), end.antenna.slants[x[1] as usize], theta, phi)
    };
    device.near("probe_pattern_towards", &[&records], &all, bound, |x| {
        let jones = transmitters[x[0] as usize].patterns(&vec3(&x[2..]))[x[1] as usize];
        [jones.x.re, jones.y.re]
    });
}

/// Units of the last place between two orders of the same four products, relative to their sizes.
const SUM: f64 = 8.0;
/// Units between two libraries' sine and cosine, each within two, and an operation more.
const SINE: f64 = 5.0;

#[test]
fn ports_are_coupled_alike() {
    let Some(device) = device() else { return };
    let edges = [[0.0; 12], joined(&[&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 1.0]])];
    let all = inputs(edges, 73, |n| [0; 12].map(|_| n.between(-2.0, 2.0)));
    let bound = |x: &[f64; 12], _: &[f64], _: usize| {
        let most = |part: &[f64]| part.iter().fold(0.0, |most, x| f64::max(most, x.abs()));
        SUM * f64::EPSILON * most(&x[..8]) * most(&x[8..10]) * most(&x[10..])
    };
    device.near("probe_coupling", &[], &all, bound, |x| {
        let matrix = JonesMatrix::new(complex(x), complex(&x[2..]), complex(&x[4..]), complex(&x[6..]));
        let [r, t] = [8, 10].map(|at| Jones::new(C64::from(x[at]), C64::from(x[at + 1])));
        let field = matrix * t;
        parts(r.x * field.x + r.y * field.y)
    });
    let edges =
        [joined(&[&[0.0, 0.0, 1.0], &[0.0; 3], &[28e9]]), joined(&[&[1.0, 0.0, 0.0], &[0.5, 0.5, 0.5], &[1e12]])];
    let all: Vec<[f64; 7]> = inputs(edges, 74, |n| {
        let offset = random_vector(n, 1.0);
        joined(&[random_direction(n).as_slice(), offset.as_slice(), &[n.between(1e9, 1e11)]])
    });
    device.near("probe_element_phase", &[], &all, each(SINE), |x| {
        parts(phasor_of_turns(-turns_of_length(vec3(x).dot(&vec3(&x[3..])), x[6])))
    });
}
