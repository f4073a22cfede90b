//! The adjoint of maps (theory.md, "Adjoint", T96-T99): every kind of map by every kind of parameter, against differences of
//! whole maps where these have the same paths and samples, and else of the same ways refined anew.

use crate::differences::{Number, RELATIVE, State, slope_of};
use crate::gradients::{askew, corner, rough};
use crate::map_differences::{Case, Frozen};
use crate::support::build::{self, Numbers, add_panel, scene_of};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::error::Error;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::CellBar;
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::{ParameterKind, SceneBar, Wanted};
use raylobe::path::scatter::ScatterOptions;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{LobeDescription, MaterialDescription, PatternDescription};
use raylobe::scene::pose::pose_vjp;
use raylobe::scene::radio::Radios;
use raylobe::solve::map::MapEngine;
use raylobe::solve::sampled::Drawn;

pub const CARRIER: f64 = 28e9;

pub fn materials() -> [MaterialDescription; 3] {
    [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)]
}

/// Two transmitters, one steered, and a receiver that combines its ports, or not.
pub fn radios(combines: bool) -> Radios {
    let weight = |i: u32| C64::from_polar(0.3 + 0.04 * f64::from(i), 0.7 * f64::from(i));
    let mut radios = askew(CARRIER, false);
    radios.receivers.truncate(1);
    radios.receivers[0].weights = combines.then(|| (0..4).map(weight).collect());
    radios.transmitters[0].weights = Some((0..8).map(weight).collect());
    radios.transmitters[1].power = 0.3;
    radios
}

pub fn sheet() -> Sheet {
    Sheet::about(&Vec3::new(0.7, 0.4, 1.6), [5.0, 6.0], [1.0, 1.5], &rotation_of([0.4, 0.1, -0.15]))
}

/// Every number of materials, radios' antennas and carriers that counts in these materials.
pub fn numbers_of(state: &State, materials: &[usize]) -> Vec<Number> {
    let mut all = vec![Number::Gain(0), Number::Gain(1)];
    for m in materials {
        all.extend([Number::Permittivity(*m), Number::Conductivity(*m)]);
        all.extend(state.scene.materials[*m].thickness.is_finite().then_some(Number::Thickness(*m)));
        all.extend(Some(Number::Roughness(*m)).filter(|_| state.scene.materials[*m].roughness > 0.0));
        all.extend(Some(Number::Scattering(*m)).filter(|_| state.scene.materials[*m].scattering.coefficient > 0.0));
    }
    for axis in 0..3 {
        all.extend([Number::Orientation(false, 0, axis), Number::Orientation(true, 0, axis)]);
        all.extend([Number::Offset(0, 2, axis), Number::Offset(1, 1, axis)]);
    }
    all.extend((0..state.carriers.len()).map(Number::Carrier));
    all
}

fn places() -> Vec<Number> {
    let positions = (0..3).flat_map(|axis| [0, 1].map(|t| Number::Position(false, t, axis)));
    positions.chain((0..7).map(|which| Number::Pose(2, which))).collect()
}

#[test]
fn maps_by_points() {
    for (points, combines) in [(1, false), (2, true)] {
        let layout = Layout::Sheet(sheet(), Ground::Plane);
        let options = build::exhaustive(3);
        let case = Case::new(
            &corner(&materials()),
            radios(combines),
            &[CARRIER, 9.7e9],
            (layout, points, Mean::Points),
            &options,
            1,
        );
        let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
        numbers.extend(places());
        case.check(&numbers);
    }
}

#[test]
fn random_directions_of_everything_in_a_map() {
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let place = (layout, 1, Mean::Points);
    let scene = corner(&[rough("a"), rough("b"), rough("c")]);
    // Where nothing is drawn by what is changed, or nothing at all.
    for (options, more) in [(build::exhaustive(2), places()), (scattered(true, false), vec![Number::Xpd(1)])] {
        let case = Case::new(&scene, radios(true), &[CARRIER], place.clone(), &options, 1600);
        let bar = case.pull_back(Wanted::all()).expect("everything has a derivative here");
        let numbers: Vec<Number> = numbers_of(&case.state, &[0, 1, 2]).into_iter().chain(more).collect();
        for seed in 0..4 {
            let mut draws = Numbers::new(seed);
            let ways: Vec<(Number, f64)> = numbers.iter().map(|number| (*number, draws.between(-0.3, 0.3))).collect();
            let change = |state: &mut State, h: f64| {
                ways.iter().for_each(|(number, way)| number.add(state, h * way * number.step()))
            };
            let (expected, terms) = slope_of(&case.state, &|state| case.loss(state), 1.0, &change);
            let found: f64 =
                ways.iter().map(|(number, way)| number.of(&bar, &case.state.scene) * way * number.step()).sum();
            assert!((found - expected).abs() <= RELATIVE * terms, "{seed}: {found:e} {expected:e} {terms:e}");
        }
    }
}

#[test]
fn what_patterns_say_is_the_slope_of_the_integral_that_they_draw_samples_of() {
    let directive = PatternDescription::Directive { alpha: 60.0, reciprocal: false };
    let pattern = MaterialDescription { pattern: Some(directive), ..rough("directive") };
    let lobe = MaterialDescription {
        lobe: Some(LobeDescription::von_mises_fisher(60.0)),
        ..build::material("lobe", 7.1, 2.0, 0.02)
    };
    for (material, options, number, step) in [
        (pattern, scattered(true, false), Number::Pattern(0, 0, 2), 12.0),
        (lobe, scattered(false, true), Number::Lobe(0), 12.0),
    ] {
        // A floor that ends where beams would be aimed from at the farther cells.
        let mut scene = scene_of(std::slice::from_ref(&material));
        add_panel(&mut scene, "floor", &material.name, [-8.0, -6.0, 0.0], [8.0, 0.0, 0.0], [0.0, 12.0, 0.0]);
        let level = Sheet::about(&Vec3::new(2.5, 0.0, 2.0), [5.0, 5.0], [1.0, 1.0], &rotation_of([0.0; 3]));
        let options = SolverOptions { max_depth: 1, line_of_sight: false, reflection: false, ..options };
        let place = (Layout::Sheet(level, Ground::Plane), 1, Mean::Points);
        let radios = build::radios(Polarization::VH, &[[-2.0, 0.1, 2.0]], &[[0.0; 3]]);
        let case = Case::new(&scene, radios, &[CARRIER], place, &options, 1_600_000);
        // Farther cells lose by a sharper beam.
        let total: f64 = case.sums.iter().map(|sums| sums.gain).sum();
        let weights: Vec<f64> = (0..25).map(|cell| if cell % 5 > 1 { 1.0 } else { -0.3 } / total).collect();
        let loss = |state: &State| case.map(state).0.iter().zip(&weights).map(|(sums, w)| sums.gain * w).collect();
        let (expected, terms) = slope_of(&case.state, &loss, step, &|state, h| number.add(state, h));
        let bars: Vec<CellBar> = weights.iter().map(|w| CellBar { gain: *w, delay: [0.0; 2] }).collect();
        let bar = case.with(&case.state, |engine| engine.pull_back(&bars, &case.drawn, Wanted::materials()));
        let found = number.of(&bar.expect("it has a derivative"), &case.state.scene);
        println!("{number:?}: {found:e}, by differences of maps of other samples {expected:e} of {terms:e}");
        assert!((found - expected).abs() < 0.1 * terms, "{number:?}: {found} {expected}, terms {terms}");
    }
}

/// What the image in a metal mirror says of the map of its light.
#[test]
fn a_mirror_that_is_raised_brings_its_image_nearer() {
    let (z, t) = (0.25, Vec3::new(-0.5, 0.2, 0.6));
    let mut scene = scene_of(&[build::metal()]);
    add_panel(&mut scene, "mirror", "metal", [-50.0, -50.0, z], [100.0, 0.0, 0.0], [0.0, 100.0, 0.0]);
    let radios = build::radios(Polarization::VH, &[t.into()], &[[0.0; 3]]);
    let options = SolverOptions { line_of_sight: false, ..build::exhaustive(1) };
    let level = Sheet::about(&Vec3::new(0.4, -0.1, 0.9), [2.0, 2.0], [0.25, 0.5], &rotation_of([0.0; 3]));
    for mean in [Mean::Points, Mean::Area] {
        let place = (Layout::Sheet(level.clone(), Ground::Plane), 1, mean);
        let case = Case::new(&scene, radios.clone(), &[3.5e9], place, &options, 1);
        let of = |bar: CellBar| {
            let bars = vec![bar; level.len()];
            case.with(&case.state, |engine| engine.pull_back(&bars, &[], Wanted::all())).expect("it has a derivative")
        };
        // Powers are (lambda/(4 pi l))^2, and delays (l - direct)/c; by the height, l changes by -2 (h_t + h_r)/l.
        let wavelength = SPEED_OF_LIGHT / 3.5e9;
        let fine = if mean == Mean::Area { 32 } else { 1 };
        let mut sums = [0.0; 4];
        for point in 0..level.len() * fine * fine {
            let [cell, within] = [point / (fine * fine), point % (fine * fine)];
            let at = |column: usize, part: usize| column as f64 + (part as f64 + 0.5) / fine as f64;
            let r = level.at(at(cell % level.cells[0], within % fine), at(cell / level.cells[0], within / fine));
            let (up, direct) = (t.z + r.z - 2.0 * z, (r - t).norm());
            let length = (r - t).xy().norm().hypot(up);
            let power = (wavelength / (4.0 * std::f64::consts::PI * length)).powi(2) / (fine * fine) as f64;
            let (delay, by_height) = ((length - direct) / SPEED_OF_LIGHT, -2.0 * up / length);
            sums[0] += power;
            sums[1] += power * delay;
            sums[2] -= 2.0 * power * by_height / length;
            sums[3] += power * by_height / SPEED_OF_LIGHT - 2.0 * power * by_height / length * delay;
        }
        // Of quadrature by few points (T87), and of metal that takes 1e-5.
        let relative = if mean == Mean::Area { 3e-3 } else { 1e-4 };
        let close = |what: &str, found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < relative, "{mean:?}, {what}: {found} {expected}");
        };
        let raised = |bar: &SceneBar| pose_vjp(&case.state.scene, 0, &Vec3::zeros(), &bar.vertices).translation.z;
        let (gain, delay) = (of(CellBar { gain: 1.0, delay: [0.0; 2] }), of(CellBar { gain: 0.0, delay: [1.0, 0.0] }));
        close("gain by height", raised(&gain), sums[2]);
        close("delay by height", raised(&delay), sums[3]);
        close("gain by both antennas' gain", gain.antennas[0].gain, 2.0 * sums[0]);
        close("delay by both antennas' gain", delay.antennas[0].gain, 2.0 * sums[1]);
        // Whatever moves with all else leaves everything as it is.
        let moved = raised(&gain) + gain.transmitters[0].position.z + gain.receivers[0].position.z;
        assert!(moved.abs() < 1e-9 * sums[2], "{moved}");
        let own = pose_vjp(&case.state.scene, 0, &Vec3::zeros(), &delay.vertices).translation;
        let all = own + delay.transmitters[0].position + delay.receivers[0].position;
        assert!(all.norm() < 1e-9 * sums[3].abs(), "{all}");
    }
}

#[test]
fn neither_tiles_nor_threads_change_the_bars_of_a_map() {
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let scene = corner(&[rough("a"), rough("b"), rough("c")]);
    for mean in [Mean::Points, Mean::Area] {
        let place = (layout.clone(), 1, mean);
        let case = Case::new(&scene, radios(true), &[CARRIER], place, &scattered(true, false), 3200);
        let bars = case.bars();
        let of = |threads: usize, per_tile: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let work = |engine: MapEngine| engine.in_tiles_of(per_tile).pull_back(&bars, &case.drawn, Wanted::all());
            pool.install(|| case.with_own(&case.state, work).expect("everything has a derivative here"))
        };
        let whole = of(1, 20);
        assert!(whole.vertices.iter().any(|bar| bar.norm() > 0.0));
        for threads in [2, 3] {
            assert_eq!(of(threads, 20), whole, "{mean:?}, {threads} threads");
        }
        for per_tile in [5, 10] {
            let found = of(2, per_tile);
            if mean == Mean::Points {
                assert_eq!(found, whole, "tiles of {per_tile}");
            }
            // Light falls on other pieces of the sheet: their sums are rounded.
            let far =
                (0..found.vertices.len()).map(|i| (found.vertices[i] - whole.vertices[i]).norm()).fold(0.0, f64::max);
            let size = whole.vertices.iter().map(|bar| bar.norm()).fold(0.0, f64::max);
            assert!(far <= 1e-12 * size, "{mean:?}, tiles of {per_tile}: {far:e} of {size:e}");
        }
    }
}

#[test]
fn what_maps_cannot_tell_is_an_error() {
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let even = MaterialDescription { xpd: Some(0.0), ..rough("even") };
    let scene = corner(&[even, rough("b"), rough("c")]);
    let case = Case::new(&scene, radios(false), &[CARRIER], (layout, 1, Mean::Points), &scattered(true, false), 320);
    let text = case.pull_back(Wanted::of(&[ParameterKind::CrossPolarisation])).expect_err("K_x = 0").to_string();
    assert!(text.contains("materials.even") && text.contains("K_x"), "{text}");
    assert!(case.pull_back(Wanted::of(&[ParameterKind::Conductivity])).is_ok());
    let bars = case.bars();
    for (bars, drawn) in [(&bars[1..], &case.drawn[..]), (&bars[..], &[]), (&bars[..], &[Drawn::default(); 2])] {
        let found = case.with(&case.state, |engine| engine.pull_back(bars, drawn, Wanted::all()));
        assert!(matches!(found, Err(Error::Internal(_))), "{} bars, {} drawn", bars.len(), drawn.len());
    }
}

#[test]
fn maps_by_area() {
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let materials = materials();
    let options = build::exhaustive(2);
    let case = Case::new(&corner(&materials), radios(true), &[CARRIER, 9.7e9], (layout, 1, Mean::Area), &options, 1);
    case.check(&numbers_of(&case.state, &[0, 1, 2]));
    // What is lit changes where something moves: the same points again.
    let frozen = Frozen::new(&case);
    let mut numbers = places();
    numbers.extend([Number::Vertices(3), Number::Permittivity(0), Number::Carrier(1)]);
    frozen.check(&numbers);
}

/// Options of scattered waves.
fn scattered(diffuse: bool, lobe: bool) -> SolverOptions {
    let scatter = ScatterOptions { diffuse, lobe, ..ScatterOptions::default() };
    SolverOptions { scatter, ..build::exhaustive(3) }
}

#[test]
fn diffuse_maps() {
    let mixture = PatternDescription::Mixture {
        parts: serde_json::from_value(serde_json::json!([
            { "kind": "lambertian", "weight": 0.6 },
            { "kind": "backscattering", "weight": 0.8, "alpha_r": 6.0, "alpha_i": 9.0, "lambda": 0.7 },
            { "kind": "von_mises_fisher", "weight": 0.3, "kappa": 7.0, "direction": "backward" },
        ]))
        .expect("a mixture"),
    };
    let directive = PatternDescription::Directive { alpha: 4.0, reciprocal: true };
    let materials = [
        MaterialDescription { pattern: Some(mixture), ..rough("mixture") },
        MaterialDescription { pattern: Some(directive), roughness_m: None, ..rough("directive") },
        MaterialDescription { thickness_m: Some(f64::INFINITY), ..rough("half") },
    ];
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let case = Case::new(
        &corner(&materials),
        radios(true),
        &[CARRIER, 9.7e9],
        (layout, 2, Mean::Points),
        &scattered(true, false),
        4800,
    );
    // Directions are drawn by the pattern alone: nothing else changes what is drawn.
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.extend((0..3).map(Number::Xpd));
    case.check(&numbers);
    let frozen = Frozen::new(&case);
    let mut numbers = places();
    numbers.extend((0..3).map(|part| Number::Pattern(0, part, 0)));
    numbers.extend((1..4).map(|which| Number::Pattern(0, 1, which)));
    numbers.extend([Number::Pattern(0, 2, 3), Number::Pattern(1, 0, 2), Number::Vertices(3), Number::Scattering(0)]);
    frozen.check(&numbers);
}

#[test]
fn maps_with_lobes() {
    let lobe = |material: MaterialDescription, kappa: f64| MaterialDescription {
        lobe: Some(LobeDescription::von_mises_fisher(kappa)),
        ..material
    };
    let materials = [
        build::material("slab", 3.2, 0.05, 0.013),
        lobe(rough("wide"), 60.0),
        lobe(build::material("narrow", 7.1, 2.0, 0.02), 300.0),
    ];
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    let case = Case::new(
        &corner(&materials),
        radios(false),
        &[CARRIER],
        (layout, 1, Mean::Area),
        &scattered(true, true),
        3200,
    );
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.push(Number::Xpd(1));
    case.check(&numbers);
    let frozen = Frozen::new(&case);
    let mut numbers = places();
    numbers.extend([Number::Lobe(1), Number::Lobe(2), Number::Vertices(3), Number::Permittivity(1)]);
    frozen.check(&numbers);
}
