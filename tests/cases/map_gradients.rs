//! The adjoint of maps (theory.md, "Adjoint", T96-T99): every kind of map by every kind of parameter, against differences of
//! whole maps where these have the same paths and samples, and else of the same ways refined anew.

use crate::differences::{Number, RELATIVE, State, slope_of};
use crate::support::build::{self, Numbers, add_panel, antenna, checked, scene_of};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::error::Error;
use raylobe::geometry::Geometry;
use raylobe::map::bundle::{Bundle, MapBars};
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::{CellBar, CellSums, sinr, sinr_vjp};
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::adjoint::{ParameterKind, SceneBar, Wanted};
use raylobe::path::field::{Feed, field_over, powers_of, surfaces_of};
use raylobe::path::found::EndPoint;
use raylobe::path::moved::moved;
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{ALL_ELEMENTS, Paths, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization, SlantModel};
use raylobe::scene::description::{LobeDescription, MaterialDescription, PatternDescription, SceneDescription};
use raylobe::scene::pose::pose_vjp;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};
use std::collections::BTreeMap;

const CARRIER: f64 = 28e9;
/// Thermal noise and what is received are of the same order [W].
const NOISE: f64 = 1e-9;

/// Two walls and a floor that stand askew, each of its own material.
fn corner(materials: &[MaterialDescription; 3]) -> SceneDescription {
    let mut scene = scene_of(materials);
    let [floor, wall, tilted] = [0, 1, 2].map(|i| materials[i].name.clone());
    add_panel(&mut scene, "floor", &floor, [-9.0, -8.0, -0.3], [18.0, 0.0, 0.2], [0.0, 17.0, 0.1]);
    add_panel(&mut scene, "wall", &wall, [-9.0, 6.0, -1.0], [18.0, 0.7, 0.0], [0.0, -0.3, 9.0]);
    add_panel(&mut scene, "tilted", &tilted, [7.0, -8.0, -1.0], [0.4, 16.0, 0.0], [0.9, 0.0, 9.0]);
    scene
}

fn rough(name: &str) -> MaterialDescription {
    MaterialDescription {
        scattering: Some(0.4),
        xpd: Some(0.2),
        roughness_m: Some(3e-4),
        ..build::material(name, 5.3, 0.6, 0.021)
    }
}

fn materials() -> [MaterialDescription; 3] {
    [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)]
}

/// Two transmitters, one steered, and a receiver that combines its ports, or not.
fn radios(combines: bool) -> Radios {
    let wavelength = SPEED_OF_LIGHT / CARRIER;
    let array = |rows, columns| Some(PlanarArray { rows, columns, vertical_spacing: 0.6, horizontal_spacing: 0.5 });
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::VH,
        array: array(2, 2),
        ..AntennaDescription::default()
    };
    let slanted = AntennaDescription {
        element: Element::HalfWaveDipole,
        polarization: Polarization::Cross,
        slant_model: SlantModel::Model1,
        array: array(1, 2),
        ..AntennaDescription::default()
    };
    let weights = |ports: u32| {
        let weight = |i: u32| C64::from_polar(f64::from(ports).sqrt().recip() * (0.7 + 0.1 * f64::from(i)), 0.7 * f64::from(i));
        Some((0..ports).map(weight).collect::<Vec<C64>>())
    };
    let radio = |name: &str, position: [f64; 3], orientation: [f64; 3], antenna: u32| Radio {
        orientation,
        antenna,
        ..build::radio(name, position)
    };
    Radios {
        antennas: vec![antenna(&panel, wavelength), antenna(&slanted, wavelength)],
        transmitters: vec![
            Radio { weights: weights(8), ..radio("t0", [-3.1, -2.2, 3.3], [0.6, 0.2, -0.1], 0) },
            Radio { power: 0.3, ..radio("t1", [1.7, -4.9, 2.1], [1.2, -0.1, 0.3], 0) },
        ],
        receivers: vec![Radio {
            weights: weights(4).filter(|_| combines),
            ..radio("r", [0.0; 3], [2.9, 0.3, 0.2], 1)
        }],
    }
}

fn sheet() -> Sheet {
    Sheet::about(&Vec3::new(0.7, 0.4, 1.6), [5.0, 6.0], [1.0, 1.5], &rotation_of([0.4, 0.1, -0.15]))
}

/// A map that is differentiated, and what a loss takes of it.
struct Case {
    state: State,
    layout: Layout,
    points: usize,
    mean: Mean,
    options: SolverOptions,
    rays: u64,
    sums: Vec<CellSums>,
    drawn: Vec<Drawn>,
    /// Weights of gain, delay spread and SINR, each over what it is `[carrier, transmitter, cell]`.
    weights: Vec<[f64; 3]>,
}

impl Case {
    fn new(
        scene: &SceneDescription,
        radios: Radios,
        carriers: &[f64],
        (layout, points, mean): (Layout, usize, Mean),
        options: &SolverOptions,
        rays: u64,
    ) -> Case {
        let gains = vec![1.0; radios.antennas.len()];
        let state = State { scene: checked(scene), radios, carriers: carriers.to_vec(), gains };
        let (sums, drawn, weights) = (Vec::new(), Vec::new(), Vec::new());
        let mut case = Case { state, layout, points, mean, options: options.clone(), rays, sums, drawn, weights };
        (case.sums, case.drawn) = case.map(&case.state);
        let metrics = case.metrics(&case.state, &case.sums);
        let mut numbers = Numbers::new(3);
        let mut over = |value: f64| if value > 0.0 && value.is_finite() { numbers.between(-1.0, 1.0) / value } else { 0.0 };
        case.weights = metrics.iter().map(|values| values.map(&mut over)).collect();
        case
    }

    fn with<T>(&self, state: &State, work: impl FnOnce(&mut MapEngine) -> T) -> T {
        self.with_own(state, |mut engine| work(&mut engine))
    }

    fn with_own<T>(&self, state: &State, work: impl FnOnce(MapEngine) -> T) -> T {
        let target = self.target();
        let (layout, points, mean) = (self.layout.clone(), self.points, self.mean);
        let survey = Survey { layout, points, mean, noise: NOISE, target };
        let engine =
            MapEngine::new(cpu(), &state.scene, &survey, &state.radios, &state.carriers, &self.options, &Silent);
        work(engine.expect("a sound scene").keeping_chains())
    }

    fn target(&self) -> Target {
        Target { rays: self.rays, max_rays: self.rays, relative_error: None }
    }

    /// All cells of the map, and what was drawn for them.
    fn map(&self, state: &State) -> (Vec<CellSums>, Vec<Drawn>) {
        let (transmitters, receiver) = (&state.radios.transmitters, &state.radios.receivers[0]);
        let gain = |transmitter: usize| {
            state.gains[transmitters[transmitter].antenna as usize] * state.gains[receiver.antenna as usize]
        };
        self.with(state, |engine| {
            let (cells, points) = (engine.grid().len(), engine.grid().points_per_cell());
            let mut sums = engine.tile(0..cells).expect("a sound tile").sums;
            let mut drawn = Vec::new();
            for (place, own) in sums.chunks_exact_mut(cells).enumerate() {
                let [carrier, transmitter] = [place / transmitters.len(), place % transmitters.len()];
                if engine.is_sampled() {
                    let sampled = engine.sampled(transmitter, carrier, &self.target()).expect("it can be sampled");
                    own.iter_mut().zip(&sampled.moments).for_each(|(sums, moments)| sums.add_sampled(points, *moments, 0.0));
                    drawn.push(sampled.drawn());
                }
                for sums in own {
                    let gain = gain(transmitter);
                    (sums.gain, sums.delay) = (sums.gain * gain, sums.delay.map(|moment| moment * gain));
                }
            }
            (sums, drawn)
        })
    }

    /// Received powers of the transmitters in a cell [W].
    fn received(&self, state: &State, sums: &[CellSums], carrier: usize, cell: usize) -> Vec<f64> {
        let (transmitters, points) = (&state.radios.transmitters, self.points * self.points);
        let cells = sums.len() / transmitters.len() / state.carriers.len();
        let of = |(t, radio): (usize, &Radio)| sums[(carrier * transmitters.len() + t) * cells + cell].mean(points) * radio.power;
        transmitters.iter().enumerate().map(of).collect()
    }

    /// Gain, delay spread and SINR `[carrier, transmitter, cell]`.
    fn metrics(&self, state: &State, sums: &[CellSums]) -> Vec<[f64; 3]> {
        let transmitters = state.radios.transmitters.len();
        let cells = sums.len() / transmitters / state.carriers.len();
        let of = |(place, sums_of): (usize, &CellSums)| {
            let [map, cell] = [place / cells, place % cells];
            let ratio = sinr(&self.received(state, sums, map / transmitters, cell), NOISE)[map % transmitters];
            [sums_of.mean(self.points * self.points), sums_of.rms_delay_spread().unwrap_or(0.0), ratio]
        };
        sums.iter().enumerate().map(of).collect()
    }

    /// The loss, cell by cell.
    fn loss(&self, state: &State) -> Vec<f64> {
        let metrics = self.metrics(state, &self.map(state).0);
        let of = |(values, weights): (&[f64; 3], &[f64; 3])| values.iter().zip(weights).map(|(value, w)| value * w).sum();
        metrics.iter().zip(&self.weights).map(of).collect()
    }

    /// The bars of the loss.
    fn bars(&self) -> Vec<CellBar> {
        let (state, points) = (&self.state, self.points * self.points);
        let transmitters = &state.radios.transmitters;
        let cells = self.sums.len() / transmitters.len() / state.carriers.len();
        let mut bars = vec![CellBar::default(); self.sums.len()];
        for ((bar, sums), [gain, spread, _]) in bars.iter_mut().zip(&self.sums).zip(&self.weights) {
            CellSums::mean_vjp(points, *gain, bar);
            sums.rms_delay_spread_vjp(*spread, bar);
        }
        for (carrier, cell) in (0..state.carriers.len()).flat_map(|carrier| (0..cells).map(move |cell| (carrier, cell))) {
            let place = |t: usize| (carrier * transmitters.len() + t) * cells + cell;
            let ratios: Vec<f64> = (0..transmitters.len()).map(|t| self.weights[place(t)][2]).collect();
            let mut received_bar = vec![0.0; transmitters.len()];
            sinr_vjp(&self.received(state, &self.sums, carrier, cell), NOISE, &ratios, &mut received_bar);
            for (t, bar) in received_bar.into_iter().enumerate() {
                CellSums::mean_vjp(points, bar * transmitters[t].power, &mut bars[place(t)]);
            }
        }
        bars
    }

    fn pull_back(&self, wanted: Wanted) -> Result<SceneBar, Error> {
        self.with(&self.state, |engine| engine.pull_back(&self.bars(), &self.drawn, wanted))
    }

    /// Holds derivatives against differences of whole maps.
    fn check(&self, numbers: &[Number]) {
        self.check_of(numbers, Wanted::all());
    }

    fn check_of(&self, numbers: &[Number], wanted: Wanted) {
        let bar = self.pull_back(wanted).expect("everything has a derivative here");
        let of = |number: &Number| number.of(&bar, &self.state.scene);
        agree("map", &self.state, numbers, &|state| self.loss(state), &of);
    }
}

/// Holds derivatives `of` numbers against differences of a loss; the worst error of each kind.
fn agree(
    what: &str,
    state: &State,
    numbers: &[Number],
    loss: &dyn Fn(&State) -> Vec<f64>,
    of: &dyn Fn(&Number) -> f64,
) {
    let mut worst: BTreeMap<ParameterKind, f64> = BTreeMap::new();
    let size: f64 = loss(state).iter().map(|term| term.abs()).sum();
    for number in numbers {
        let change = |state: &mut State, h: f64| number.add(state, h);
        let (expected, terms) = slope_of(state, loss, number.step(), &change);
        let (found, noise) = (of(number), 1e-14 / RELATIVE * size / number.step());
        let error = (found - expected).abs() / expected.abs().max(1e-3 * terms).max(noise);
        let known = worst.entry(number.kind()).or_insert(0.0);
        *known = known.max(error);
        assert!(error <= RELATIVE, "{what} by {number:?}: {found:e}, not {expected:e} ({terms:e})");
    }
    for (kind, error) in worst {
        println!("{what} by {}: {error:.1e}", kind.name());
    }
}

/// Adjoints are there on the CPU only.
fn cpu() -> Backend {
    Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend
}

/// Every number of materials, radios' antennas and carriers that counts in these materials.
fn numbers_of(state: &State, materials: &[usize]) -> Vec<Number> {
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
        let case = Case::new(&corner(&materials()), radios(combines), &[CARRIER, 9.7e9], (layout, points, Mean::Points), &options, 1);
        let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
        numbers.extend(places());
        case.check(&numbers);
    }
}

#[test]
fn maps_that_follow_ground_and_facets() {
    let draped = Layout::Sheet(sheet(), Ground::Draped { objects: vec![0] });
    let facets = Layout::Facets { objects: vec![1], cell: [2.9, 2.1], offset: 0.2 };
    for layout in [draped, facets] {
        let place = (layout, 1, Mean::Points);
        let case = Case::new(&corner(&materials()), radios(false), &[CARRIER], place, &build::exhaustive(2), 1);
        let positions = (0..3).map(|axis| Number::Position(false, 1, axis));
        let numbers: Vec<Number> = numbers_of(&case.state, &[0, 2]).into_iter().chain(positions).collect();
        case.check_of(&numbers, Wanted::of(&kinds_but(ParameterKind::Vertex)));
        let text = case.pull_back(Wanted::of(&[ParameterKind::Vertex])).expect_err("cells move too").to_string();
        assert!(text.contains("maps on facets") && text.contains("leave vertices out"), "{text}");
    }
}

fn kinds_but(left_out: ParameterKind) -> Vec<ParameterKind> {
    ParameterKind::ALL.into_iter().filter(|kind| *kind != left_out).collect()
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
        let raised =
            |bar: &SceneBar| pose_vjp(&case.state.scene, 0, &Vec3::zeros(), &bar.vertices).translation.z;
        let (gain, delay) =
            (of(CellBar { gain: 1.0, delay: [0.0; 2] }), of(CellBar { gain: 0.0, delay: [1.0, 0.0] }));
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
            let far = (0..found.vertices.len()).map(|i| (found.vertices[i] - whole.vertices[i]).norm()).fold(0.0, f64::max);
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
    let case =
        Case::new(&corner(&materials), radios(true), &[CARRIER, 9.7e9], (layout, 1, Mean::Area), &options, 1);
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
    let case = Case::new(&corner(&materials), radios(true), &[CARRIER, 9.7e9], (layout, 2, Mean::Points), &scattered(true, false), 3200);
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
    let case = Case::new(&corner(&materials), radios(false), &[CARRIER], (layout, 1, Mean::Area), &scattered(true, true), 3200);
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.push(Number::Xpd(1));
    case.check(&numbers);
    let frozen = Frozen::new(&case);
    let mut numbers = places();
    numbers.extend([Number::Lobe(1), Number::Lobe(2), Number::Vertices(3), Number::Permittivity(1)]);
    frozen.check(&numbers);
}

/// The ways of a map's sampled part and of its light, which are refined anew in other states.
struct Frozen<'a> {
    case: &'a Case,
    bars: Vec<CellBar>,
    sources: Vec<EndPoint>,
    ways: Vec<Way>,
}

/// A bundle of ways at some carriers.
struct Way {
    bundle: Bundle,
    paths: Paths,
    transmitter: usize,
    /// The first carrier, and how many.
    carriers: [usize; 2],
    /// What the powers were `[path, carrier]`.
    powers: Vec<f64>,
}

impl<'a> Frozen<'a> {
    fn new(case: &'a Case) -> Frozen<'a> {
        let (State { scene, radios, carriers, .. }, transmitters) = (&case.state, case.state.radios.transmitters.len());
        let end = |radio: &Radio| EndPoint { radio: 0, element: ALL_ELEMENTS, position: radio.position - scene.origin };
        let sources: Vec<EndPoint> = radios.transmitters.iter().map(end).collect();
        let bars = case.bars();
        let all = MapBars { cells: &bars, count: bars.len() / carriers.len() / transmitters, sources: &sources };
        let keep = |_: &Geometry, bundle: &Bundle| Ok(bundle.clone());
        let mut found = Vec::new();
        case.with(&case.state, |engine| {
            if case.mean == Mean::Area {
                let carriers = [0, carriers.len()];
                let put = &mut |bundle: Bundle| found.push((bundle, carriers));
                engine.retrace_area(&(0..all.count), &all, &keep, put).expect("it can be lit again");
            }
            for (place, drawn) in case.drawn.iter().enumerate() {
                let [carrier, transmitter] = [place / transmitters, place % transmitters];
                let put = &mut |bundle: Bundle| found.push((bundle, [carrier, 1]));
                engine.retrace_sampled([transmitter, carrier], drawn, &all, &keep, put).expect("they can be traced again");
            }
        });
        let mut frozen = Frozen { case, bars, sources, ways: Vec::new() };
        for (bundle, carriers) in found {
            let transmitter = bundle.paths.offsets.iter().rposition(|offset| *offset == 0).expect("offsets begin with 0");
            let mut way = Way { paths: spread(&bundle, transmitter), bundle, transmitter, carriers, powers: Vec::new() };
            way.powers = frozen.powers(&case.state, &way).1;
            frozen.ways.push(way);
        }
        assert!(frozen.ways.iter().map(|way| way.paths.len()).sum::<usize>() > 500);
        frozen
    }

    /// The paths of some ways in another state, and their powers.
    fn powers(&self, state: &State, way: &Way) -> (Paths, Vec<f64>) {
        let before = &self.case.state.scene;
        let mut radios = state.radios.clone();
        let receiver = radios.receivers[0].clone();
        let at = |place: &Vec3| Radio { position: place + before.origin, ..receiver.clone() };
        radios.receivers = way.bundle.places.iter().map(at).collect();
        let paths = moved(&Geometry::new(before).facets, [before, &state.scene], &radios, &way.paths);
        let carriers = &state.carriers[way.carriers[0]..way.carriers[0] + way.carriers[1]];
        let surfaces = surfaces_of(&state.scene, carriers, &mut Vec::new()).expect("they are defined");
        let channel = field_over(&state.scene, &surfaces, &radios, &paths, carriers, Feed::Together);
        let powers = powers_of(&radios, &paths, &channel, Feed::Together);
        (paths, powers)
    }

    /// What the ways add to the sum of bars times sums over cells, way by way.
    fn loss(&self, state: &State) -> Vec<f64> {
        let transmitters = &state.radios.transmitters;
        let count = self.bars.len() / transmitters.len() / state.carriers.len();
        let of = |way: &Way| {
            let (paths, powers) = self.powers(state, way);
            let source = transmitters[way.transmitter].position - state.scene.origin;
            let own = (0..way.bundle.parts.len() * way.carriers[1]).map(|place| {
                let (path, carrier) = (place / way.carriers[1], way.carriers[0] + place % way.carriers[1]);
                let part = way.bundle.parts[path];
                let direct = |source: &Vec3| (way.bundle.places[path] - source).norm();
                let longer = paths.length[path] - way.paths.length[path];
                let further = direct(&source) - direct(&self.sources[way.transmitter].position);
                let delay = (part.excess + longer - further) / SPEED_OF_LIGHT;
                let map = carrier * transmitters.len() + way.transmitter;
                let bar = &self.bars[map * count + part.cell as usize];
                let gain = part.worth.weight(way.powers[place]) * powers[place];
                gain * (bar.gain + delay * bar.delay[0] + delay * delay * bar.delay[1])
            });
            own.collect::<Vec<f64>>()
        };
        self.ways.iter().flat_map(of).collect()
    }

    /// Holds derivatives of the sampled part and of light against differences.
    fn check(&self, numbers: &[Number]) {
        let Case { state, drawn, .. } = self.case;
        let exact = self.case.mean == Mean::Points;
        let bar = self.case.with(state, |engine| {
            let all = engine.pull_back(&self.bars, drawn, Wanted::all()).expect("everything has a derivative here");
            // Without samples, and so without what they say.
            let nothing: Vec<Drawn> = drawn.iter().map(|_| Drawn { rays: 0, replicates: 1 }).collect();
            let without = exact.then(|| engine.pull_back(&self.bars, &nothing, Wanted::all()).expect("it has them too"));
            move |number: &Number| {
                let of = |bar: &SceneBar| number.of(bar, &state.scene);
                of(&all) - without.as_ref().map_or(0.0, of)
            }
        });
        agree("the same ways", state, numbers, &|state| self.loss(state), &bar);
    }
}

/// The paths of a bundle with a receiver for each.
fn spread(bundle: &Bundle, transmitter: usize) -> Paths {
    let (receivers, transmitters) = (bundle.places.len(), bundle.paths.transmitters);
    let before = |link: usize| (link / transmitters + usize::from(link % transmitters > transmitter)) as u64;
    Paths { receivers, offsets: (0..=receivers * transmitters).map(before).collect(), ..bundle.paths.clone() }
}
