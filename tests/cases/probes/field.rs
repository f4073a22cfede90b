//! Probes of the field: cuda/path/field.cuh.

use super::geometry::panels;
use super::interaction::{pattern_bound, slab_bound};
use super::math::{random_direction, some_directions};
use super::scattering::{part_bound, pattern_bound as pattern_bound_of, scattering_surfaces, uploaded};
use super::{Argument, Device, Numbers, device, each, field_parts, inputs, joined, list, parts, random_vector, vec3};
use crate::support::build;
use cudarc::driver::CudaSlice;
use raylobe::interaction::reflection::{cos_incidence, mirror};
use raylobe::interaction::scattering::{Directions, diffuse_share};
use raylobe::layout::{RadioEnd, ReplayedPath, ReplayedVertex};
use raylobe::math::frame::{angles_of, spherical_basis};
use raylobe::math::phase::{phasor_of_turns, turns_of_length};
use raylobe::math::{C64, Mat3, Vec3};
use raylobe::path::field::{End, Feed, Replay, carry};
use raylobe::path::{Interaction, Paths};
use raylobe::scene::antenna::{Antenna, AntennaDescription, Element, Polarization, SlantModel};
use raylobe::scene::material::Surface;
use raylobe::scene::{Object, Scene};

/// Paths over surfaces, on both sides.
struct Replayed {
    scene: Scene,
    surfaces: Vec<Surface>,
    paths: Paths,
    records: CudaSlice<ReplayedPath>,
    vertices: CudaSlice<ReplayedVertex>,
}

/// Paths of no more than four vertices at planes of any direction. `scatter`: three vertices of ten scatter, and the rest
/// of the way goes on from there to anywhere.
fn random_paths(objects: u32, scatter: bool) -> Paths {
    let mut n = Numbers::new(70);
    let mut paths = Paths { transmitters: 1, receivers: 1, vertex_offsets: vec![0], ..Paths::default() };
    for path in 0..1000 {
        let edges = some_directions();
        let mut k = if path < edges.len() { edges[path] } else { random_direction(&mut n) };
        paths.departure.push(k);
        let (mut position, mut distance) = (Vec3::zeros(), 0.0);
        for _ in 0..n.between(0.0, 5.0) as u32 {
            let normal = if n.next() < 0.2 { edges[(n.next() * 6.0) as usize] } else { random_direction(&mut n) };
            let step = n.between(0.1, 50.0);
            (position, distance) = (position + k * step, distance + step);
            let kind = if scatter {
                [Interaction::Diffuse, Interaction::Lobe][(n.next() * 2.0) as usize]
            } else {
                Interaction::Reflection
            };
            let kind = if n.next() < 0.6 { kind } else { Interaction::Reflection };
            paths.normal.push(normal);
            paths.object.push((n.next() * f64::from(objects)) as u32);
            paths.interaction.push(kind);
            paths.area.push(if kind.is_scattering() { n.between(1e-4, 2.0) } else { 0.0 });
            paths.distance.push(distance);
            paths.vertex.push(position);
            let mirrored = mirror(&k, &normal);
            // Lobes of walls are narrow: near the mirror direction they have values to compare.
            let near = (mirrored + random_direction(&mut n) * 0.3).normalize();
            k = if kind.is_scattering() { near } else { mirrored };
        }
        paths.arrival.push(k);
        paths.vertex_offsets.push(paths.normal.len() as u64);
        paths.length.push(distance + 100.0);
        paths.transmitter_element.push(0);
        paths.receiver_element.push(0);
    }
    paths.offsets = vec![0, paths.length.len() as u64];
    paths
}

impl Replayed {
    /// Paths over as many objects as there are `surfaces`, each of a material of its own.
    fn new(device: &Device, surfaces: Vec<Surface>, scatter: bool) -> Replayed {
        let mut scene = panels();
        let object = |material: usize| Object { material: material as u32, ..scene.objects[0].clone() };
        scene.objects = (0..surfaces.len()).map(object).collect();
        let paths = random_paths(surfaces.len() as u32, scatter);
        let record = |path: usize| ReplayedPath {
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
        };
        let vertex = |v: usize| ReplayedVertex {
            normal: paths.normal[v].into(),
            position: paths.vertex[v].into(),
            area: paths.area[v],
            distance: paths.distance[v],
            material: paths.object[v],
            interaction: paths.interaction[v] as u32,
        };
        let records = device.upload(&(0..paths.len()).map(record).collect::<Vec<_>>());
        let vertices = device.upload(&(0..paths.normal.len()).map(vertex).collect::<Vec<_>>());
        Replayed { scene, surfaces, paths, records, vertices }
    }

    /// Errors of all vertices add up, none larger than that of a slab, each in parts of the field that is scattered there;
    /// the frames at both ends have a few units more.
    fn bound(&self, path: usize, frequency: f64) -> f64 {
        let (mut k, mut sum, mut size) = (self.paths.departure[path], 40.0 * f64::EPSILON, 1.0);
        for vertex in self.paths.vertices_of(path) {
            let (n, surface) = (&self.paths.normal[vertex], &self.surfaces[self.paths.object[vertex] as usize]);
            let leaving = self.paths.leaving(path, vertex, &k);
            let scattered = scattered_bound(surface, self.paths.interaction[vertex], [&k, n, &leaving], frequency);
            (sum, size) = (sum * scattered[0] + size * scattered[1], size * scattered[0]);
            k = leaving;
        }
        sum + f64::MIN_POSITIVE.sqrt()
    }
}

/// The largest factor of a field at a vertex, and by how much it may be off.
fn scattered_bound(surface: &Surface, kind: Interaction, [k, n, leaving]: [&Vec3; 3], frequency: f64) -> [f64; 2] {
    let slab = |cos: f64| 4.0 * slab_bound(surface.eta, cos, surface.thickness, frequency, &[1.0; 6]);
    let at = Directions::new(k, n, leaving);
    match kind {
        Interaction::Reflection => [1.0, slab(cos_incidence(k, n))],
        Interaction::Diffuse => {
            let root = surface.scattering.density(k, n, leaving).sqrt();
            // A share of power is exact to a few units of 1, its root to half as many digits.
            let share = diffuse_share(surface, cos_incidence(k, n), frequency).sqrt();
            let share_off = 4.0 * f64::EPSILON / share.max(2.0 * f64::EPSILON.sqrt());
            let off = slab(cos_incidence(k, n)) + pattern_bound_of(&surface.scattering, &at) + 40.0 * f64::EPSILON;
            [root * share, root * (share * off + share_off)]
        }
        Interaction::Lobe => {
            let lobe = surface.lobe.as_ref().expect("every surface has a lobe");
            let root = lobe.density(k, n, leaving).sqrt();
            let half = (leaving - k).try_normalize(0.0).unwrap_or(*n);
            [root, root * (slab(cos_incidence(k, &half)) + part_bound(&lobe.part, &at) + 40.0 * f64::EPSILON)]
        }
    }
}

#[test]
fn fields_are_carried_along_paths_alike() {
    let Some(device) = device() else { return };
    let frequency = 28e9;
    let plain: Vec<Surface> = panels().materials.iter().map(|m| m.at(frequency).expect("defined").0).collect();
    for (surfaces, scatter) in [(plain, false), (scattering_surfaces(), true)] {
        let all = Replayed::new(device, surfaces, scatter);
        let (paths, on_device) = (&all.paths, uploaded(device, &all.surfaces));
        let lone: Vec<[f64; 1]> = (0..paths.len()).map(|path| [path as f64]).collect();
        // Lengths, roots and products: what IEEE 754 rounds.
        device.exact("probe_reach", &[&all.records, &all.vertices], &lone, |[path]| {
            let path = *path as usize;
            let mut out = [paths.reach(path), 0.0, 0.0, 0.0, 0.0];
            if let Some(first) = paths.vertices_of(path).next() {
                out[1] = f64::from(u8::from(paths.interaction[first].is_scattering()));
                out[2..].copy_from_slice(paths.leaving(path, first, &paths.departure[path]).as_slice());
            }
            out
        });
        let items: Vec<[f64; 3]> = (0..2 * paths.len()).map(|i| [(i / 2) as f64, frequency, (i % 2) as f64]).collect();
        let before: [&dyn Argument; 3] = [&all.records, &all.vertices, on_device.get()];
        let bound = |x: &[f64; 3], _: &[f64], _: usize| all.bound(x[0] as usize, frequency);
        let mut strong = 0;
        let twin = |x: &[f64; 3]| {
            let path = x[0] as usize;
            let (theta, phi) = spherical_basis(&paths.departure[path]);
            let sent = [theta, phi][x[2] as usize].map(C64::from);
            let mut fields = [sent];
            carry(&all.scene, &all.surfaces, paths, path, frequency, &mut fields);
            field_parts(&fields[0])
        };
        items.iter().for_each(|x| strong += usize::from(twin(x).iter().any(|part| part.abs() > 1e-3)));
        assert!(strong > 500, "{strong} of {} paths carry something", items.len());
        device.near("probe_carried", &before, &items, bound, twin);
    }
}

/// Radios of every pattern and slant model, turned.
pub fn radios() -> raylobe::scene::radio::Radios {
    let mut n = Numbers::new(71);
    let mut radios = build::radios(Polarization::V, &[[0.0; 3]; 16], &[[1.0; 3]]);
    let elements = [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901];
    let of = |i: usize| AntennaDescription {
        element: elements[i % 4],
        slant_model: [SlantModel::Model1, SlantModel::Model2][i / 4 % 2],
        polarization: [Polarization::VH, Polarization::Cross][i / 8],
        gain_db: [0.0, -3.7, 5.2][i % 3],
        ..AntennaDescription::default()
    };
    radios.antennas = (0..16).map(|i| build::antenna(&of(i), 0.01)).collect();
    for (i, radio) in radios.transmitters.iter_mut().enumerate() {
        radio.antenna = i as _;
        radio.orientation = if i % 5 == 0 { [0.0; 3] } else { [0; 3].map(|_| n.between(-3.0, 3.0)) };
    }
    radios
}

pub fn record_of(end: &End) -> RadioEnd {
    let Antenna { element, slants, slant_model, offsets, gain, .. } = end.antenna;
    RadioEnd {
        // nalgebra lays matrices out column by column.
        rotation: end.rotation.transpose().into(),
        slants: [slants[0], slants[1]],
        amplitude: gain.sqrt(),
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
    let (radios, paths) = (radios(), Paths { offsets: vec![0; 17], ..random_paths(1, false) });
    let none =
        Paths { transmitters: 16, receivers: 1, offsets: paths.offsets, vertex_offsets: vec![0], ..Paths::default() };
    let Replay { transmitters, .. } = Replay::new(&radios, &none, &[28e9], Feed::EachPort);
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

/// Units of the last place between two spherical bases.
const FRAME: f64 = 8.0;
/// Units between two libraries' sine and cosine, each within two, and an operation more.
const SINE: f64 = 5.0;

#[test]
fn amplitudes_and_phases_of_ports_are_the_same() {
    let Some(device) = device() else { return };
    let edges = some_directions().into_iter().map(|k| joined(&[&[1.0, -0.5], k.as_slice()]));
    let all: Vec<[f64; 5]> =
        inputs(edges, 73, |n| joined(&[&[n.between(-2.0, 2.0), n.between(-2.0, 2.0)], random_direction(n).as_slice()]));
    // Sums of two products of the size of the amplitudes.
    let bound = |x: &[f64; 5], _: &[f64], _: usize| FRAME * f64::EPSILON * (x[0].abs() + x[1].abs());
    device.near("probe_in_space", &[], &all, bound, |x| {
        let (theta, phi) = spherical_basis(&vec3(&x[2..]));
        <[f64; 3]>::from(theta * x[0] + phi * x[1])
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
