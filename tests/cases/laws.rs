//! Laws that the whole solver obeys: Friis, two rays, reciprocity, parallel plates, the corner reflector, and no NaN.

use crate::support::build::{self, Numbers};
use crate::support::trace::{coefficients, same, traces};
use crate::support::worse;
use raylobe::constants::{SPEED_OF_LIGHT, VACUUM_PERMITTIVITY};
use raylobe::math::{C64, Vec3, phase};
use raylobe::scene::antenna::{AntennaDescription, Element, Polarization};
use raylobe::scene::description::SceneDescription;
use raylobe::solve::Solution;
use std::f64::consts::{PI, TAU};

/// A scene whose two walls are far from every device of the tests; its middle is the origin, so that no digit is lost.
fn open_space() -> SceneDescription {
    let mut scene = build::scene_of(&[build::metal()]);
    for (name, x) in [("far_west", -5e4), ("far_east", 5e4)] {
        build::add_panel(&mut scene, name, "metal", [x, -1.0, -1.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]);
    }
    scene
}

/// A square of 20 km at z = 0 of this material.
fn ground(material: raylobe::scene::description::MaterialDescription) -> SceneDescription {
    let name = material.name.clone();
    let mut scene = build::scene_of(&[material]);
    build::add_panel(&mut scene, "ground", &name, [-1e4, -1e4, 0.0], [2e4, 0.0, 0.0], [0.0, 2e4, 0.0]);
    scene
}

#[test]
fn friis_holds_to_1e_12() {
    let receivers = [[3.0, 4.0, 12.0], [0.1, 0.0, 0.0], [1e4, 0.0, 0.0], [-700.0, 240.0, 1.5]];
    let carriers = [1e9, 28e9, 77e9, 1e11];
    let radios = build::radios(Polarization::V, &[[0.0; 3]], &receivers);
    let solution = build::solved(&open_space(), &radios, &carriers, &build::exhaustive(0));
    let mut worst: f64 = 0.0;
    for (link, receiver) in receivers.iter().enumerate() {
        let distance = Vec3::from(*receiver).norm();
        let path = &traces(&solution, link)[0];
        assert!((path.length - distance).abs() <= 1e-15 * distance, "{path:?}");
        for (c, carrier) in carriers.iter().enumerate() {
            let friis = SPEED_OF_LIGHT / carrier / (4.0 * PI * distance);
            worst = worse(worst, (coefficients(&solution, path.index, c)[0].norm() / friis - 1.0).abs());
        }
    }
    crate::support::accept("Friis, relative error of |a|", format!("{worst:.1e}"), "<= 1e-12", worst <= 1e-12);
}

#[test]
fn the_phase_of_ten_kilometres_at_77_ghz_is_exact() {
    let radios = build::radios(Polarization::V, &[[0.0; 3]], &[[1e4, 0.0, 0.0]]);
    let solution = build::solved(&open_space(), &radios, &[77e9], &build::exhaustive(0));
    // 10^4 m x 77e9 Hz / c in integers: only the remainder of a turn is left for floating point.
    let exact = TAU * (770_000_000_000_000u128 % 299_792_458) as f64 / 299_792_458.0;
    let phasor = phase::phasor_of_turns(phase::turns_of_length(solution.paths.length[0], 77e9));
    let error = (phasor * C64::from_polar(1.0, exact)).arg().abs();
    crate::support::accept("phase at 10 km, 77 GHz [rad]", format!("{error:.1e}"), "<= 1e-6", error <= 1e-6);
}

/// |direct + reflected|^2 by the image of the transmitter in z = 0, for a half space of `eta`.
fn two_ray_gain(heights: [f64; 2], distance: f64, carrier: f64, eta: C64, vertical: bool) -> f64 {
    let (direct, image) = (distance.hypot(heights[0] - heights[1]), distance.hypot(heights[0] + heights[1]));
    let (cos, sin) = ((heights[0] + heights[1]) / image, distance / image);
    let root = (eta - sin * sin).sqrt();
    let r = if vertical { (eta * cos - root) / (eta * cos + root) } else { (cos - root) / (cos + root) };
    let wave = |length: f64| C64::from_polar(1.0 / length, -TAU * (length * carrier / SPEED_OF_LIGHT).fract());
    let wavelength = SPEED_OF_LIGHT / carrier;
    (wavelength / (4.0 * PI)).powi(2) * (wave(direct) + r * wave(image)).norm_sqr()
}

/// |sum of a e^{-j 2 pi f tau}|^2 of a link.
fn coherent_gain(solution: &Solution, link: usize, carrier: usize) -> f64 {
    let frequency = solution.channel.carriers[carrier];
    let wave = |p: usize| phase::phasor_of_turns(phase::turns_of_length(solution.paths.length[p], frequency));
    solution.paths.of_link(link).map(|p| coefficients(solution, p, carrier)[0] * wave(p)).sum::<C64>().norm_sqr()
}

#[test]
fn two_rays_over_perfect_and_lossy_ground_within_a_hundredth_of_a_decibel() {
    let carriers = [1e9, 3.5e9, 10e9, 28e9, 60e9, 77e9, 1e11];
    let receivers: Vec<[f64; 3]> = [3.0, 20.0, 117.0, 640.0, 3000.0].map(|d| [d, 0.0, 1.5]).to_vec();
    let mut worst: f64 = 0.0;
    for (permittivity, conductivity) in [(1.0, build::PERFECT_CONDUCTIVITY), (5.24, 0.4), (15.0, 3.0), (3.0, 0.0)] {
        let scene = ground(build::material("soil", permittivity, conductivity, f64::INFINITY));
        for polarization in [Polarization::V, Polarization::H] {
            let radios = build::radios(polarization, &[[0.0, 0.0, 10.0]], &receivers);
            let solution = build::solved(&scene, &radios, &carriers, &build::exhaustive(3));
            for (link, receiver) in receivers.iter().enumerate() {
                assert_eq!(traces(&solution, link).len(), 2, "direct and reflected");
                for (c, carrier) in carriers.iter().enumerate() {
                    let eta = C64::new(permittivity, -conductivity / (TAU * carrier * VACUUM_PERMITTIVITY));
                    let vertical = polarization == Polarization::V;
                    let expected = two_ray_gain([10.0, 1.5], receiver[0], *carrier, eta, vertical);
                    worst = worse(worst, (10.0 * (coherent_gain(&solution, link, c) / expected).log10()).abs());
                }
            }
        }
    }
    crate::support::accept("two-ray, 1-100 GHz, V and H [dB]", format!("{worst:.1e}"), "<= 0.01", worst <= 0.01);
}

/// A room with a pillar and walls of several lossy materials.
fn room() -> SceneDescription {
    let materials = [
        build::material("brickwork", 3.9, 0.03, f64::INFINITY),
        build::material("pane", 6.3, 0.2, 0.01),
        build::material("soil", 15.0, 1.0, f64::INFINITY),
        build::metal(),
    ];
    let mut scene = build::scene_of(&materials);
    build::add_panel(&mut scene, "floor", "soil", [0.0, 0.0, 0.0], [12.0, 0.0, 0.0], [0.0, 9.0, 0.0]);
    build::add_panel(&mut scene, "west", "pane", [0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 4.0]);
    build::add_panel(&mut scene, "south", "brickwork", [0.0, 0.0, 0.0], [12.0, 0.0, 0.0], [0.0, 1.0, 4.0]);
    build::add_panel(&mut scene, "north", "pane", [0.0, 9.0, 0.0], [12.0, 0.0, 0.0], [0.0, 0.0, 4.0]);
    build::add_cuboid(&mut scene, "pillar", "metal", [5.0, 4.0, 0.0], [5.7, 4.9, 3.7]);
    scene
}

#[test]
fn swapping_the_ends_transposes_a_to_1e_12() {
    let transmitters = [[2.0, 2.1, 1.7], [10.3, 7.2, 2.9]];
    let receivers = [[8.1, 3.3, 1.1], [3.0, 7.7, 0.9], [6.6, 8.0, 2.2]];
    let dipole = AntennaDescription { element: Element::Tr38901, ..AntennaDescription::default() };
    let dipole = AntennaDescription { polarization: Polarization::Cross, ..dipole };
    let mut radios = build::radios(Polarization::VH, &transmitters, &receivers);
    radios.antennas.push(build::antenna(&dipole, 0.0107));
    for (i, radio) in radios.transmitters.iter_mut().enumerate() {
        (radio.antenna, radio.orientation) = (1, [0.3 + i as f64, 0.2, -0.1]);
    }
    let mut swapped = radios.clone();
    std::mem::swap(&mut swapped.transmitters, &mut swapped.receivers);
    let options = build::exhaustive(4);
    let forward = build::solved(&room(), &radios, &[28e9], &options);
    let back = build::solved(&room(), &swapped, &[28e9], &options);
    let mut worst: f64 = 0.0;
    for r in 0..receivers.len() {
        for t in 0..transmitters.len() {
            let there = traces(&forward, r * transmitters.len() + t);
            let returns = traces(&back, t * receivers.len() + r);
            assert_eq!(there.len(), returns.len(), "the same paths both ways");
            assert!(there.len() > 3, "enough paths to tell something");
            for path in &there {
                let mut turned = path.vertices.clone();
                turned.reverse();
                let other = returns.iter().find(|p| same(&p.vertices, &turned, 1e-9)).expect("the path runs back too");
                let (a, b) = (coefficients(&forward, path.index, 0), coefficients(&back, other.index, 0));
                let largest = a.iter().map(|x| x.norm()).fold(0.0, f64::max);
                for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    worst = worse(worst, (a[2 * i + j] - b[2 * j + i]).norm() / largest);
                }
            }
        }
    }
    crate::support::accept("reciprocity, relative error of a", format!("{worst:.1e}"), "<= 1e-12", worst <= 1e-12);
}

#[test]
fn parallel_plates_are_a_sum_of_images() {
    const ORDERS: i32 = 8;
    const GAP: f64 = 4.0;
    let material = build::material("plate", 5.0, 0.3, f64::INFINITY);
    let mut scene = build::scene_of(&[material]);
    for (name, z) in [("low", 0.0), ("high", GAP)] {
        build::add_panel(&mut scene, name, "plate", [-500.0, -500.0, z], [1000.0, 0.0, 0.0], [0.0, 1000.0, 0.0]);
    }
    let (tx, rx, carrier) = ([0.0, 0.0, 1.3], [30.0, 0.0, 2.9], 28e9);
    let radios = build::radios(Polarization::V, &[tx], &[rx]);
    let solution = build::solved(&scene, &radios, &[carrier], &build::exhaustive(ORDERS as u32));
    let eta = C64::new(5.0, -0.3 / (TAU * carrier * VACUUM_PERMITTIVITY));
    // Images of the transmitter: 2 m GAP + z after |2m| bounces, 2 m GAP - z after |2m - 1| bounces.
    let mut expected: Vec<(f64, i32, f64)> = Vec::new();
    for m in -ORDERS..=ORDERS {
        for (z, bounces) in
            [(2.0 * GAP * f64::from(m) + tx[2], (2 * m).abs()), (2.0 * GAP * f64::from(m) - tx[2], (2 * m - 1).abs())]
        {
            if bounces <= ORDERS {
                let (length, height) = (rx[0].hypot(rx[2] - z), (rx[2] - z).abs());
                let (cos, sin) = (height / length, rx[0] / length);
                let root = (eta - sin * sin).sqrt();
                let r = ((eta * cos - root) / (eta * cos + root)).norm();
                expected.push((length, bounces, SPEED_OF_LIGHT / carrier / (4.0 * PI * length) * r.powi(bounces)));
            }
        }
    }
    expected.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = traces(&solution, 0);
    assert_eq!(found.len(), expected.len(), "one path for each image");
    for (path, (length, bounces, amplitude)) in found.iter().zip(&expected) {
        assert_eq!(path.vertices.len() as i32, *bounces);
        assert!((path.length - length).abs() < 1e-10 * length, "{path:?}");
        assert!((path.power.sqrt() / amplitude - 1.0).abs() < 1e-9, "{path:?} {amplitude}");
    }
}

#[test]
fn a_corner_reflector_sends_every_direction_back() {
    let mut scene = build::scene_of(&[build::metal()]);
    let axes = [[50.0, 0.0, 0.0], [0.0, 50.0, 0.0], [0.0, 0.0, 50.0]];
    for (i, name) in ["yz", "zx", "xy"].into_iter().enumerate() {
        build::add_panel(&mut scene, name, "metal", [0.0; 3], axes[(i + 1) % 3], axes[(i + 2) % 3]);
    }
    let (tx, rx) = (Vec3::new(20.0, 14.0, 17.0), Vec3::new(20.4, 13.8, 17.3));
    let radios = build::radios(Polarization::VH, &[[tx.x, tx.y, tx.z]], &[[rx.x, rx.y, rx.z]]);
    let solution = build::solved(&scene, &radios, &[28e9], &build::exhaustive(3));
    let triple: Vec<_> = traces(&solution, 0).into_iter().filter(|p| p.vertices.len() == 3).collect();
    assert_eq!(triple.len(), 1, "the image in the corner is one, whatever the order of the walls");
    let path = &triple[0];
    assert!((path.length - (tx + rx).norm()).abs() < 1e-12 * path.length, "{path:?}");
    let turned = solution.paths.departure[path.index] + solution.paths.arrival[path.index];
    assert!(turned.norm() < 1e-12, "the path comes back parallel to itself: {turned}");
    assert_eq!(traces(&solution, 0).len(), 8, "one path for each image of three orthogonal mirrors");
}

/// Fails where a number of the solution is not finite.
fn assert_finite(solution: &Solution, what: &str) {
    let (paths, channel) = (&solution.paths, &solution.channel);
    let numbers = paths.length.iter().chain(&channel.tau).chain(&channel.theta_t).chain(&channel.phi_t);
    let numbers = numbers.chain(&channel.theta_r).chain(&channel.phi_r).chain(&channel.doppler);
    assert!(numbers.copied().all(f64::is_finite), "{what}: {paths:?} {channel:?}");
    assert!(channel.a.iter().all(|a| a.re.is_finite() && a.im.is_finite()), "{what}: {channel:?}");
    let vectors = paths.departure.iter().chain(&paths.arrival).chain(&paths.normal).chain(&paths.vertex);
    assert!(vectors.flat_map(|v| v.iter()).all(|x| x.is_finite()), "{what}: {paths:?}");
}

#[test]
fn nothing_is_ever_not_a_number() {
    let corner_of_pillar = [5.0, 4.0, 3.7];
    let special: &[(&str, [f64; 3])] = &[
        ("in the open", [2.0, 2.1, 1.7]),
        ("straight above", [2.0, 2.1, 3.0]),
        ("on the floor", [3.0, 3.0, 0.0]),
        ("on a wall", [0.0, 4.0, 2.0]),
        ("on the edge of two walls", [0.0, 9.0, 2.0]),
        ("on a corner of the room", [0.0, 9.0, 0.0]),
        ("on an edge of the pillar", [5.0, 4.0, 2.0]),
        ("on a vertex of the pillar", corner_of_pillar),
        ("on the pillar's top", [5.3, 4.4, 3.7]),
        ("inside the pillar", [5.3, 4.4, 2.0]),
        ("a hair above the floor", [4.0, 3.0, 1e-12]),
        ("level with the top edge of the walls", [7.0, 2.0, 4.0]),
        ("in the plane of the pillar's side", [9.0, 4.0, 2.0]),
        ("far away", [1e6, 2e6, 30.0]),
    ];
    let positions: Vec<[f64; 3]> = special.iter().map(|s| s.1).collect();
    for element in [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901] {
        let written = AntennaDescription { element, polarization: Polarization::VH, ..AntennaDescription::default() };
        let mut radios = build::radios(Polarization::VH, &positions, &positions);
        radios.antennas = vec![build::antenna(&written, 0.01)];
        for options in [build::exhaustive(2), build::launch(2, 5_000, 8)] {
            let solution = build::solved(&room(), &radios, &[28e9, 1e11], &options);
            assert_finite(&solution, &format!("{element:?}"));
            assert_eq!(solution.counters.coincident_devices, positions.len() as u64, "counted, not lost");
        }
    }
}

#[test]
fn normal_and_grazing_incidence_keep_their_limits() {
    let scene = ground(build::material("soil", 5.0, 0.1, f64::INFINITY));
    let receivers = [[0.0, 0.0, 5.0], [9000.0, 0.0, 1e-6], [9000.0, 0.0, 1e-3]];
    let radios = build::radios(Polarization::VH, &[[0.0, 0.0, 1.0]], &receivers);
    let solution = build::solved(&scene, &radios, &[28e9], &build::exhaustive(1));
    assert_finite(&solution, "normal and grazing");
    let reflected = traces(&solution, 0).into_iter().find(|p| p.vertices.len() == 1).expect("straight down and up");
    let eta = C64::new(5.0, -0.1 / (TAU * 28e9 * VACUUM_PERMITTIVITY));
    let r = ((1.0 - eta.sqrt()) / (1.0 + eta.sqrt())).norm();
    let expected = 2.0 * (r * SPEED_OF_LIGHT / 28e9 / (4.0 * PI * 6.0)).powi(2);
    assert!((reflected.power / expected - 1.0).abs() < 1e-9, "both polarisations reflect alike: {reflected:?}");
}

#[test]
fn random_rooms_have_finite_channels() {
    let mut numbers = Numbers::new(5);
    let mut at = |_| [numbers.between(0.1, 11.9), numbers.between(1.1, 8.9), numbers.between(0.1, 3.9)];
    let (transmitters, receivers): (Vec<_>, Vec<_>) = ((0..3).map(&mut at).collect(), (0..20).map(&mut at).collect());
    let radios = build::radios(Polarization::VH, &transmitters, &receivers);
    let solution = build::solved(&room(), &radios, &[28e9], &build::exhaustive(3));
    assert_finite(&solution, "random rooms");
    assert!(solution.paths.len() > 100);
}
