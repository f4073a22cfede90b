//! Random scenes of awkward makes: boxes that touch, stand on each other or sink into the ground, rooms with furniture,
//! plates a centimetre apart, overlapping sheets in one plane, triangle soup. The exhaustive search must be that of brute
//! force, both directions must agree, and nothing may be NaN, wherever the devices stand.

use crate::support::brute::{Soup, Verdict};
use crate::support::build::{self, Numbers};
use crate::support::trace::{Trace, coefficients, same, traces};
use crate::support::{accept, full};
use raylobe::math::Vec3;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::radio::Radios;
use raylobe::solve::Solution;

/// The two searches make their planes from different triangles of a face [m].
const SAME_M: f64 = 1e-4;

/// A scene, and the corners of the box in which its devices stand.
type Made = (SceneDescription, [f64; 3], [f64; 3]);

fn empty() -> SceneDescription {
    build::scene_of(&[build::material("a", 5.2, 0.3, f64::INFINITY), build::material("b", 3.1, 0.05, 0.1)])
}

fn any_material(numbers: &mut Numbers) -> &'static str {
    if numbers.next() < 0.5 { "a" } else { "b" }
}

fn point(numbers: &mut Numbers, low: [f64; 3], high: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| numbers.between(low[axis], high[axis]))
}

fn ground(scene: &mut SceneDescription) {
    build::add_panel(scene, "ground", "a", [-10.0, -10.0, 0.0], [20.0, 0.0, 0.0], [0.0, 20.0, 0.0]);
}

/// Boxes on a grid: they share faces and edges, stand on each other, sink into the ground.
fn touching_boxes(numbers: &mut Numbers) -> Made {
    let mut scene = empty();
    ground(&mut scene);
    for i in 0..5 {
        let [x, y] = [0, 1].map(|_| numbers.between(-3.0, 3.0).round() * 2.0);
        let z = [-1.0, 0.0, 0.0, 2.0][(numbers.next() * 4.0) as usize];
        let size = numbers.between(1.0, 3.0).round() * 2.0;
        let high = [x + size, y + 2.0, z + 2.0 + size];
        build::add_cuboid(&mut scene, &format!("box{i}"), any_material(numbers), [x, y, z], high);
    }
    (scene, [-9.0, -9.0, 0.0], [9.0, 9.0, 9.0])
}

/// A room with furniture against its walls, a leaning panel, and two plates a centimetre apart.
fn furnished_room(numbers: &mut Numbers) -> Made {
    let mut scene = empty();
    build::add_cuboid(&mut scene, "room", "a", [0.0; 3], [6.0, 5.0, 3.0]);
    build::add_cuboid(&mut scene, "closet", "b", [0.0; 3], [1.0, 2.0, 2.0]);
    build::add_cuboid(&mut scene, "table", "b", [2.0, 2.0, 0.7], [4.0, 3.0, 0.75]);
    let (x, lean) = (numbers.between(1.0, 5.0), numbers.between(-0.5, 0.5));
    build::add_panel(&mut scene, "panel", "b", [x, 0.0, 0.0], [lean, 2.5, 0.0], [0.0, 0.0, 3.0]);
    for (i, y) in [3.7, 3.71].into_iter().enumerate() {
        build::add_panel(&mut scene, &format!("plate{i}"), "b", [1.0, y, 0.5], [1.5, 0.0, 0.0], [0.0, 0.2, 1.5]);
    }
    (scene, [0.0; 3], [6.0, 5.0, 3.0])
}

/// Sheets of both materials in few planes, so that they overlap.
fn overlapping_sheets(numbers: &mut Numbers) -> Made {
    let mut scene = empty();
    for i in 0..8 {
        let axis = (numbers.next() * 3.0) as usize;
        let mut corner = point(numbers, [-5.0; 3], [1.0; 3]);
        corner[axis] = numbers.between(-1.5, 1.5).round() * 3.0;
        let (mut u, mut v) = ([0.0; 3], [0.0; 3]);
        u[(axis + 1) % 3] = numbers.between(1.0, 6.0);
        u[(axis + 2) % 3] = numbers.between(-1.0, 1.0);
        v[(axis + 2) % 3] = numbers.between(1.0, 6.0);
        build::add_panel(&mut scene, &format!("sheet{i}"), any_material(numbers), corner, u, v);
    }
    (scene, [-6.0; 3], [6.0; 3])
}

/// Triangles anywhere, through each other.
fn soup(numbers: &mut Numbers) -> Made {
    let mut scene = empty();
    for i in 0..18 {
        let middle = point(numbers, [-5.0; 3], [5.0; 3]);
        let mut corner = || {
            let offset = point(numbers, [-4.0; 3], [4.0; 3]);
            [0, 1, 2].map(|axis| middle[axis] + offset[axis])
        };
        let polygon = vec![corner(), corner(), corner()];
        build::add_polygons(&mut scene, &format!("triangle{i}"), any_material(numbers), &[polygon]);
    }
    (scene, [-6.0; 3], [6.0; 3])
}

type Make = fn(&mut Numbers) -> Made;

const MAKES: [(&str, Make); 4] = [
    ("touching boxes", touching_boxes),
    ("furnished room", furnished_room),
    ("overlapping sheets", overlapping_sheets),
    ("triangle soup", soup),
];

fn both_ways(radios: &Radios) -> Radios {
    let mut back = radios.clone();
    std::mem::swap(&mut back.transmitters, &mut back.receivers);
    back
}

fn assert_finite(solution: &Solution, what: &str) {
    let channel = &solution.channel;
    assert!(channel.a.iter().all(|a| a.re.is_finite() && a.im.is_finite()), "{what}: a");
    let numbers = [&channel.tau, &channel.theta_t, &channel.phi_t, &channel.theta_r, &channel.phi_r, &channel.doppler];
    assert!(numbers.iter().all(|column| column.iter().all(|x| x.is_finite())), "{what}");
    assert!(solution.paths.vertex.iter().flat_map(|v| v.iter()).all(|x| x.is_finite()), "{what}: vertices");
}

/// Fails unless each path there has one back, over the same points, with the transposed coefficients
/// to within `tolerance`, relative.
fn assert_reciprocal(there: &Solution, back: &Solution, tolerance: f64, what: &str) {
    let (transmitters, receivers) = (there.paths.transmitters, there.paths.receivers);
    for (r, t) in (0..receivers).flat_map(|r| (0..transmitters).map(move |t| (r, t))) {
        let (own, other) = (traces(there, r * transmitters + t), traces(back, t * receivers + r));
        assert_eq!(own.len(), other.len(), "{what}: receiver {r}, transmitter {t}");
        for path in &own {
            let reversed: Vec<Vec3> = path.vertices.iter().rev().copied().collect();
            let twin = other.iter().find(|twin| same(&twin.vertices, &reversed, 1e-6));
            let twin = twin.unwrap_or_else(|| panic!("{what}: one way only: {path:?}"));
            let (a, b) = (coefficients(there, path.index, 0), coefficients(back, twin.index, 0));
            let scale = a.iter().map(|a| a.norm()).fold(0.0, f64::max);
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                assert!((a[2 * i + j] - b[2 * j + i]).norm() <= tolerance * scale, "{what}: {path:?}");
            }
        }
    }
}

/// Compares one link with brute force; returns the number of paths that brute force is sure of.
fn assert_complete(scene: &Soup, solution: &Solution, radios: &Radios, link: usize, what: &str) -> usize {
    let count = radios.transmitters.len();
    let (tx, rx) = (radios.transmitters[link % count].position, radios.receivers[link / count].position);
    let own = traces(solution, link);
    for path in &own {
        let verdict = scene.check_path(&tx, &rx, &path.vertices, &path.hits);
        assert!(!matches!(verdict, Verdict::Invalid(_)), "{what}: {verdict:?}: {path:?}");
    }
    let sure: Vec<_> = scene.exhaustive(&tx, &rx, 2).into_iter().filter(|p| p.verdict == Verdict::Valid).collect();
    for path in &sure {
        assert!(own.iter().any(|p| same(&p.vertices, &path.vertices, SAME_M)), "{what}: missing {path:?}");
    }
    sure.len()
}

#[test]
fn awkward_scenes_hold_what_brute_force_finds_and_are_reciprocal() {
    let scenes = if full() { 60 } else { 6 };
    for (name, make) in MAKES {
        let (mut sure, mut power, mut missed) = (0, 0.0, 0.0);
        for seed in 0..scenes {
            let mut numbers = Numbers::new(seed);
            let (scene, low, high) = make(&mut numbers);
            let mut positions =
                |count: usize| -> Vec<[f64; 3]> { (0..count).map(|_| point(&mut numbers, low, high)).collect() };
            let radios = build::radios(Polarization::VH, &positions(2), &positions(8));
            let what = format!("{name} {seed}");
            let all = build::solved(&scene, &radios, &[28e9], &build::exhaustive(3));
            let back = build::solved(&scene, &both_ways(&radios), &[28e9], &build::exhaustive(3));
            let launched = build::solved(&scene, &radios, &[28e9], &build::launch(3, 50_000, 16));
            assert_finite(&all, &what);
            assert_reciprocal(&all, &back, 1e-9, &what);
            let brute = Soup::new(&scene);
            for link in 0..all.paths.links() {
                sure += assert_complete(&brute, &all, &radios, link, &what);
                let (every, found) = (traces(&all, link), traces(&launched, link));
                power += every.iter().map(|p| p.power).sum::<f64>();
                let lost = |p: &&Trace| !found.iter().any(|q| same(&q.vertices, &p.vertices, 1e-6));
                missed += every.iter().filter(lost).map(|p| p.power).sum::<f64>();
            }
        }
        accept(&format!("{name} = brute force"), format!("{sure} paths of {scenes} scenes"), "equal", sure > 10);
        accept(
            &format!("{name}: power that the launch misses"),
            format!("{:.1e}", missed / power),
            "<= 1e-5",
            missed <= 1e-5 * power,
        );
    }
}

/// Points on corners, edges and faces of a scene, or one of the distances `off` [m] away from there.
fn beside_walls(made: &Made, numbers: &mut Numbers, off: &[f64], count: usize) -> Vec<[f64; 3]> {
    let (scene, low, high) = made;
    let any = |numbers: &mut Numbers, count: usize| (numbers.next() * count as f64) as usize;
    let mut place = |i: usize| {
        let mesh = &scene.objects[any(numbers, scene.objects.len())].mesh;
        let triangle = mesh.triangles[any(numbers, mesh.triangles.len())];
        let [a, b, c] = triangle.map(|v| Vec3::from(mesh.vertices[v as usize]));
        let [s, t] = [[1.0, 0.0], [0.5, 0.5], [0.3, 0.3]][i % 3];
        let on = a * s + b * t + c * (1.0 - s - t);
        let away = (Vec3::from(point(numbers, *low, *high)) - on).normalize();
        (on + away * off[any(numbers, off.len())]).into()
    };
    (0..count).map(&mut place).collect()
}

#[test]
fn devices_on_and_beside_walls_edges_and_corners_give_finite_channels() {
    for (name, make) in MAKES {
        for seed in 0..4 {
            let mut numbers = Numbers::new(100 + seed);
            let made = make(&mut numbers);
            let off = [0.0, 1e-9, 1e-6, 1e-5, 1e-3, 1e-2];
            let transmitters = beside_walls(&made, &mut numbers, &off, 4);
            let mut receivers = beside_walls(&made, &mut numbers, &off, 12);
            // A receiver at a transmitter, one a hair beside it, and one far outside.
            receivers.extend([transmitters[0], transmitters[1].map(|x| x + 1e-7), [1e4, -2e4, 30.0]]);
            let radios = build::radios(Polarization::VH, &transmitters, &receivers);
            for options in [build::exhaustive(2), build::launch(2, 5_000, 16), build::exhaustive(0)] {
                let all = build::solved(&made.0, &radios, &[28e9], &options);
                assert_finite(&all, &format!("{name} {seed}"));
                let back = build::solved(&made.0, &both_ways(&radios), &[28e9], &options);
                assert_finite(&back, &format!("{name} {seed}, back"));
            }
        }
    }
}

#[test]
fn devices_ten_micrometres_from_walls_have_reciprocal_paths() {
    // Nearer, the tolerance of a plane, 1e-6 m, decides: a grazing path may be there one way only. A direction over
    // 10 um is known to 1e-10 at best, and a coefficient less well.
    for (name, make) in MAKES {
        for seed in 0..4 {
            let mut numbers = Numbers::new(200 + seed);
            let made = make(&mut numbers);
            let transmitters = beside_walls(&made, &mut numbers, &[1e-5, 1e-3, 1e-2], 4);
            let receivers = beside_walls(&made, &mut numbers, &[1e-5, 1e-3, 1e-2], 12);
            let radios = build::radios(Polarization::VH, &transmitters, &receivers);
            let all = build::solved(&made.0, &radios, &[28e9], &build::exhaustive(2));
            let back = build::solved(&made.0, &both_ways(&radios), &[28e9], &build::exhaustive(2));
            assert_reciprocal(&all, &back, 1e-6, &format!("{name} {seed}"));
        }
    }
}

/// The scene and the radios, `scale` times as large and moved by `shift` [m].
fn scaled(scene: &SceneDescription, radios: &Radios, scale: f64, shift: Vec3) -> (SceneDescription, Radios) {
    let (mut scene, mut radios) = (scene.clone(), radios.clone());
    for vertex in scene.objects.iter_mut().flat_map(|object| &mut object.mesh.vertices) {
        *vertex = (Vec3::from(*vertex) * scale + shift).into();
    }
    for radio in radios.transmitters.iter_mut().chain(&mut radios.receivers) {
        radio.position = radio.position * scale + shift;
    }
    (scene, radios)
}

#[test]
fn a_hundred_kilometres_a_hand_and_map_coordinates_hold_the_same_paths() {
    for (name, make) in MAKES {
        let mut numbers = Numbers::new(300);
        let (scene, low, high) = make(&mut numbers);
        let mut positions =
            |count: usize| -> Vec<[f64; 3]> { (0..count).map(|_| point(&mut numbers, low, high)).collect() };
        let radios = build::radios(Polarization::VH, &positions(2), &positions(12));
        for options in [build::exhaustive(3), build::launch(3, 50_000, 16)] {
            let plain = build::solved(&scene, &radios, &[28e9], &options);
            for (scale, shift) in [(0.05, 0.0), (1.0, 3e6), (1e4, 0.0), (1e4, 1e6)] {
                let what = format!("{name}, {:?}, scale {scale}, shift {shift}", options.candidates);
                let (scene, radios) = scaled(&scene, &radios, scale, Vec3::new(shift, -shift, 0.0));
                let other = build::solved(&scene, &radios, &[28e9], &options);
                assert_finite(&other, &what);
                assert_eq!(plain.paths.offsets, other.paths.offsets, "{what}");
                let differs = |(a, b): &(&f64, &f64)| (**a * scale - **b).abs() > 1e-7 * scale;
                let pairs = plain.paths.length.iter().zip(&other.paths.length);
                assert_eq!(pairs.filter(differs).count(), 0, "{what}");
            }
        }
    }
}

#[test]
fn ten_reflections_in_an_empty_room_are_the_lattice_of_images() {
    let mut scene = empty();
    build::add_cuboid(&mut scene, "room", "a", [0.0; 3], [6.0, 5.0, 3.0]);
    let radios = build::radios(Polarization::VH, &[[1.1, 0.7, 1.3]], &[[4.9, 3.2, 0.9]]);
    let all = build::solved(&scene, &radios, &[28e9], &build::exhaustive(10));
    assert_finite(&all, "room");
    assert_eq!(all.counters.dropped_chains, 0);
    // Images of a cuboid lie on a lattice: those of order n are the points of |x| + |y| + |z| = n, 4 n^2 + 2 of them.
    for order in 0..=10 {
        let found = (0..all.paths.len()).filter(|p| all.paths.vertices_of(*p).len() == order).count();
        assert_eq!(found, if order == 0 { 1 } else { 4 * order * order + 2 }, "order {order}");
    }
    let reflected = raylobe::path::SolverOptions { line_of_sight: false, ..build::exhaustive(3) };
    let none = raylobe::path::SolverOptions { reflection: false, ..reflected.clone() };
    assert_eq!(build::solved(&scene, &radios, &[28e9], &reflected).paths.len(), 6 + 18 + 38);
    assert_eq!(build::solved(&scene, &radios, &[28e9], &none).paths.len(), 0);
}
