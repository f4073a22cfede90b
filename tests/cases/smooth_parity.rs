//! Soft paths on the CUDA backend against the CPU's: the same chains in the same order, continued alike, as visible, and the same
//! gradients through visibility.

use crate::support::build::{self, Numbers};
use crate::support::{accept, worse};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::channel::ChannelBar;
use raylobe::math::Vec3;
use raylobe::math::smoothing::StepKind;
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::{ParameterKind, SceneBar, Wanted};
use raylobe::path::smooth::Softness;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{AntennaDescription, Polarization};
use raylobe::scene::generate::{CityOptions, GenerateOptions, generate};
use raylobe::scene::radio::Radios;
use raylobe::solve::smooth::{SoftEngine, SoftSolution};

const CARRIER: f64 = 28e9;
/// Largest difference of a visibility [-]: the sigmoid's exponential, within two ulps of either library.
const VISIBILITY: f64 = 4.0 * f64::EPSILON;
/// Of a derivative, relative to the largest of its kind: as in [`crate::adjoint_parity`].
const DERIVATIVE: f64 = 1e-12;

/// A block and a wall on a floor, with a window in the wall that is of glass.
fn yard() -> Scene {
    let mut scene =
        build::scene_of(&[build::material("stone", 5.0, 0.2, 0.3), build::material("glass", 6.0, 0.01, 0.02)]);
    build::add_panel(&mut scene, "floor", "stone", [-20.0, -20.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]);
    build::add_cuboid(&mut scene, "block", "stone", [-3.0, -2.0, 0.5], [2.0, 3.0, 7.0]);
    build::add_panel(&mut scene, "wall", "stone", [-12.0, 9.0, 0.4], [22.0, 0.0, 0.0], [0.0, 0.0, 9.0]);
    build::add_panel(&mut scene, "window", "glass", [-4.0, 9.0, 2.4], [6.0, 0.0, 0.0], [0.0, 0.0, 3.0]);
    build::checked(&scene)
}

fn city() -> Scene {
    let options = CityOptions { triangles: 600, ..CityOptions::default() };
    build::checked(&generate(&GenerateOptions::City(options)).expect("a city"))
}

/// Two transmitters and some receivers about a place; a receiver has two elements far enough apart for paths of their own.
fn radios(seed: u32, size: f64) -> Radios {
    let mut numbers = Numbers::new(seed);
    let mut points = |count: usize, height: f64| -> Vec<[f64; 3]> {
        let mut point = || [numbers.between(-size, size), numbers.between(-size, size), numbers.between(0.5, height)];
        (0..count).map(|_| point()).collect()
    };
    let (transmitters, receivers) = (points(2, 12.0), points(5, 6.0));
    build::radios(Polarization::VH, &transmitters, &receivers)
}

/// The same on both: solution, and bars of all that moves, of the power of all links.
fn both(scene: &Scene, radios: &Radios, options: &SolverOptions, softness: Softness) -> [(SoftSolution, SceneBar); 2] {
    let cpu = Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
    [cpu, build::backend()].map(|backend| {
        let engine = SoftEngine::new(backend, scene, options).expect("a scene");
        let solution = engine.solve(radios, &[CARRIER], softness).expect("a solution");
        let mut bars = ChannelBar::zeros(&solution.channel);
        bars.a.iter_mut().zip(&solution.channel.a).for_each(|(bar, a)| *bar = *a * 2e9);
        let wanted = Wanted::of(&[ParameterKind::Position, ParameterKind::Vertex, ParameterKind::Conductivity]);
        let bar = engine.pull_back(radios, &solution, &bars, wanted).expect("a gradient");
        (solution, bar)
    })
}

fn positions(bar: &SceneBar) -> Vec<Vec3> {
    bar.transmitters.iter().chain(&bar.receivers).map(|radio| radio.position).collect()
}

/// The largest difference, relative to the largest number.
fn apart(expected: &[Vec3], found: &[Vec3]) -> f64 {
    let largest = expected.iter().map(|v| v.amax()).fold(0.0, worse);
    assert!(largest > 0.0, "there is a slope");
    expected.iter().zip(found).map(|(a, b)| (a - b).amax() / largest).fold(0.0, worse)
}

#[test]
fn soft_paths_and_their_gradients_are_those_of_the_cpu() {
    let softly = [
        Softness::of(StepKind::Sigmoid, 0.8),
        Softness { kind: StepKind::HardSigmoid, blocking: 0.3, on_facet: 1.0 },
        Softness { kind: StepKind::Smoothstep, blocking: 1.0, on_facet: 0.2 },
        Softness::of(StepKind::Sigmoid, 40.0),
    ];
    let (mut paths, mut shade, mut visibility, mut derivative) = (0, 0, 0f64, 0f64);
    for (scene, size, depths) in [(yard(), 9.0, 0..=3), (city(), 60.0, 1..=2)] {
        for (depth, softness) in depths.zip(softly.into_iter().cycle()) {
            let options = SolverOptions { line_of_sight: depth != 1, ..build::exhaustive(depth) };
            let radios = radios(70 + depth, size);
            let [(expected, expected_bar), (found, found_bar)] = both(&scene, &radios, &options, softness);
            assert_eq!(expected.paths, found.paths, "depth {depth}: the paths differ");
            for (a, b) in expected.visibility.iter().zip(&found.visibility) {
                assert_eq!(a.test, b.test, "another test is passed least");
                visibility = worse(visibility, (a.value - b.value).abs());
                shade += usize::from(a.value < 0.99);
            }
            paths += expected.paths.len();
            derivative = worse(derivative, apart(&positions(&expected_bar), &positions(&found_bar)));
            if depth > 0 {
                derivative = worse(derivative, apart(&expected_bar.vertices, &found_bar.vertices));
            }
        }
    }
    let value = format!("{visibility:.1e} of {paths} paths, {shade} in half shade; derivatives {derivative:.1e}");
    let bound = format!("<= {VISIBILITY:.1e}, {DERIVATIVE:.1e}");
    let is_small = visibility <= VISIBILITY && derivative <= DERIVATIVE;
    accept("parity of soft paths", value, &bound, is_small && shade > 50 && paths > shade + 10);
}

type Change<'a> = &'a dyn Fn(&mut Radios, f64);

/// Elements that are traced one by one move with their radio, turn with it, and are moved in it.
#[test]
fn elements_have_derivatives_through_visibility() {
    let scene = yard();
    let options = build::exhaustive(2);
    let softness = Softness { kind: StepKind::Sigmoid, blocking: 0.7, on_facet: 0.9 };
    let mut radios = radios(90, 9.0);
    let elements = Some(vec![[0.0, -30.0, 5.0], [4.0, 25.0, -9.0]]);
    let written = AntennaDescription { elements_wavelengths: elements, per_element: true, ..Default::default() };
    radios.antennas = vec![build::antenna(&written, 0.0107)];
    radios.transmitters[0].orientation = [0.4, -0.2, 0.3];
    let loss = |radios: &Radios| -> f64 {
        let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
        let solution = engine.solve(radios, &[CARRIER], softness).expect("a solution");
        solution.channel.a.iter().map(|a| 1e9 * a.norm_sqr()).sum()
    };
    let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
    let solution = engine.solve(&radios, &[CARRIER], softness).expect("a solution");
    let mut bars = ChannelBar::zeros(&solution.channel);
    bars.a.iter_mut().zip(&solution.channel.a).for_each(|(bar, a)| *bar = *a * 2e9);
    let wanted = Wanted::of(&[ParameterKind::Position, ParameterKind::Orientation, ParameterKind::ElementOffset]);
    let bar = engine.pull_back(&radios, &solution, &bars, wanted).expect("a gradient");
    let mut worst = 0f64;
    for axis in 0..3 {
        let position = |radios: &mut Radios, h: f64| radios.transmitters[0].position[axis] += h;
        let orientation = |radios: &mut Radios, h: f64| radios.transmitters[0].orientation[axis] += h;
        let offset = |radios: &mut Radios, h: f64| radios.antennas[0].offsets[1][axis] += h;
        let own = &bar.transmitters[0];
        let changes: [(Change, f64); 3] = [
            (&position, own.position[axis]),
            (&orientation, own.orientation[axis]),
            (&offset, bar.antennas[0].offsets[1][axis]),
        ];
        for (change, found) in changes {
            let at = |h: f64| {
                let mut moved = radios.clone();
                change(&mut moved, h);
                loss(&moved)
            };
            let difference = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            let [coarse, fine] = [difference(2e-5), difference(1e-5)];
            let expected = (4.0 * fine - coarse) / 3.0;
            worst = worse(worst, (found - expected).abs() / expected.abs().max(1e-2));
        }
    }
    accept("derivatives of elements through visibility", format!("{worst:.1e}"), "<= 1e-6", worst <= 1e-6);
}

/// Placement asks for this: the hard result by looking at chains one by one.
#[test]
fn the_limit_of_soft_paths_is_that_of_the_cpu() {
    let (scene, options, hard) = (yard(), build::exhaustive(2), Softness::of(StepKind::Sigmoid, f64::INFINITY));
    let cpu = Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
    let [expected, found] = [cpu, build::backend()].map(|backend| {
        let engine = SoftEngine::new(backend, &scene, &options).expect("a scene");
        engine.judged(&radios(81, 9.0), &[CARRIER], hard).expect("a solution")
    });
    assert!(expected.paths.len() > 10, "{} paths", expected.paths.len());
    assert_eq!((&expected.paths, &expected.visibility), (&found.paths, &found.visibility));
}
