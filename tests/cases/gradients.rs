//! The adjoint by replay (theory.md, "Adjoint"): every kind of parameter by every kind of output, against differences of the
//! same chains refined anew, and closed forms where the peers are wrong.

use crate::differences::{Case, Number, OUTPUTS, Output, RELATIVE, State};
use crate::support::build::{self, Numbers, add_panel, antenna, scene_of};
use raylobe::channel::cluster::{merged, merged_vjp};
use raylobe::channel::impulse::{ImpulseResponse, TapWindow, impulse_response, impulse_response_vjp, taps, taps_vjp};
use raylobe::channel::response::{frequency_response, frequency_response_vjp};
use raylobe::channel::statistics::{StatisticsBar, statistics, statistics_vjp};
use raylobe::channel::{Channel, ChannelBar, Delays, Link};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::math::{C64, Vec3};
use raylobe::path::adjoint::{ParameterKind, Wanted};
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, Paths, SolverOptions};
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization, SlantModel};
use raylobe::scene::description::{LobeDescription, MaterialDescription, PatternDescription, SceneDescription};
use raylobe::scene::pose::pose_vjp;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::Samples;

/// Two walls and a floor that stand askew, so that nothing is symmetric; each of its own material.
pub fn corner(materials: &[MaterialDescription; 3]) -> SceneDescription {
    let mut scene = scene_of(materials);
    let [floor, wall, tilted] = [0, 1, 2].map(|i| materials[i].name.clone());
    add_panel(&mut scene, "floor", &floor, [-9.0, -8.0, -0.3], [18.0, 0.0, 0.2], [0.0, 17.0, 0.1]);
    add_panel(&mut scene, "wall", &wall, [-9.0, 6.0, -1.0], [18.0, 0.7, 0.0], [0.0, -0.3, 9.0]);
    add_panel(&mut scene, "tilted", &tilted, [7.0, -8.0, -1.0], [0.4, 16.0, 0.0], [0.9, 0.0, 9.0]);
    scene
}

/// Two transmitters and two receivers that move and look somewhere, with arrays.
pub fn askew(carrier: f64, per_element: bool) -> Radios {
    let wavelength = SPEED_OF_LIGHT / carrier;
    let array = |rows, columns| Some(PlanarArray { rows, columns, vertical_spacing: 0.6, horizontal_spacing: 0.5 });
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::VH,
        array: array(2, 2),
        gain_db: 1.7,
        per_element,
        ..AntennaDescription::default()
    };
    let slanted = AntennaDescription {
        element: Element::HalfWaveDipole,
        polarization: Polarization::Cross,
        slant_model: SlantModel::Model1,
        array: array(1, 2),
        gain_db: -2.3,
        ..AntennaDescription::default()
    };
    let radio = |name: &str, position: [f64; 3], orientation: [f64; 3], velocity: [f64; 3], antenna: u32| Radio {
        orientation,
        velocity: Vec3::from(velocity),
        antenna,
        ..build::radio(name, position)
    };
    Radios {
        antennas: vec![antenna(&panel, wavelength), antenna(&slanted, wavelength)],
        transmitters: vec![
            radio("t0", [-3.1, -2.2, 3.3], [0.6, 0.2, -0.1], [3.0, -1.0, 0.5], 0),
            radio("t1", [1.7, -4.9, 2.1], [1.2, -0.1, 0.3], [0.0; 3], 0),
        ],
        receivers: vec![
            radio("r0", [2.3, 1.4, 1.6], [2.9, 0.3, 0.2], [-2.0, 4.0, 1.0], 1),
            radio("r1", [-1.2, 2.8, 1.1], [-1.9, 0.0, 0.5], [5.0, 0.3, 0.0], 1),
        ],
    }
}

pub fn rough(name: &str) -> MaterialDescription {
    MaterialDescription {
        scattering: Some(0.4),
        xpd: Some(0.2),
        roughness_m: Some(3e-4),
        ..build::material(name, 5.3, 0.6, 0.021)
    }
}

/// Every number of a state that has a derivative; of materials those of the list.
fn numbers_of(state: &State, materials: &[usize]) -> Vec<Number> {
    let mut all = vec![Number::Vertices(3), Number::Vertices(4), Number::Gain(0), Number::Gain(1)];
    for m in materials {
        all.extend([Number::Permittivity(*m), Number::Conductivity(*m)]);
        all.extend(state.scene.materials[*m].thickness.is_finite().then_some(Number::Thickness(*m)));
        all.extend(Some(Number::Roughness(*m)).filter(|_| state.scene.materials[*m].roughness > 0.0));
        all.extend(Some(Number::Scattering(*m)).filter(|_| state.scene.materials[*m].scattering.coefficient > 0.0));
    }
    for axis in 0..3 {
        all.extend([
            Number::Position(true, 0, axis),
            Number::Position(true, 1, axis),
            Number::Position(false, 1, axis),
        ]);
        all.extend([Number::Orientation(true, 1, axis), Number::Orientation(false, 0, axis)]);
        all.extend([Number::Velocity(true, 1, axis), Number::Velocity(false, 0, axis)]);
        all.extend([Number::Offset(0, 2, axis), Number::Offset(1, 1, axis)]);
    }
    all.extend((0..7).map(|which| Number::Pose(2, which)));
    all.extend((0..state.carriers.len()).map(Number::Carrier));
    all
}

fn counts(paths: &Paths) -> [usize; 3] {
    [Interaction::Reflection, Interaction::Diffuse, Interaction::Lobe]
        .map(|kind| paths.interaction.iter().filter(|one| **one == kind).count())
}

#[test]
fn reflections_and_direct_paths() {
    let materials =
        [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)];
    let mut carriers = vec![28e9, 9.7e9];
    for per_element in [false, true] {
        let case = Case::new(&corner(&materials), askew(28e9, per_element), &carriers, &build::exhaustive(3));
        assert!(case.samples.paths.len() > 20, "{}", case.samples.paths.len());
        let numbers = numbers_of(&case.state, &[0, 1, 2]);
        case.check(&numbers);
        carriers.truncate(1);
    }
}

/// Options with few samples, so that there is a handful of each kind.
pub fn scattered(diffuse: bool, lobe: bool, rays: u64, lobe_samples: u32) -> SolverOptions {
    let scatter = ScatterOptions { diffuse, lobe, rays, lobe_samples };
    SolverOptions { scatter, ..build::exhaustive(2) }
}

/// Materials of every kind of pattern, with roughness and without.
pub fn patterned() -> [MaterialDescription; 3] {
    let mixture = PatternDescription::Mixture {
        parts: serde_json::from_value(serde_json::json!([
            { "kind": "lambertian", "weight": 0.6 },
            { "kind": "backscattering", "weight": 0.8, "alpha_r": 6.0, "alpha_i": 9.0, "lambda": 0.7 },
            { "kind": "von_mises_fisher", "weight": 0.3, "kappa": 7.0, "direction": "backward" },
        ]))
        .expect("a mixture"),
    };
    let directive = PatternDescription::Directive { alpha: 4.0, reciprocal: true };
    [
        MaterialDescription { pattern: Some(mixture), ..rough("mixture") },
        MaterialDescription { pattern: Some(directive), roughness_m: None, ..rough("directive") },
        MaterialDescription { thickness_m: Some(f64::INFINITY), ..rough("half") },
    ]
}

#[test]
fn diffuse_scattering() {
    let options = scattered(true, false, 60, 0);
    let case = Case::new(&corner(&patterned()), askew(28e9, false), &[28e9, 9.7e9], &options);
    let [reflections, diffuse, _] = counts(&case.samples.paths);
    assert!(reflections > 20 && diffuse > 50, "{reflections} {diffuse}");
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.extend((0..3).map(Number::Xpd));
    numbers.extend((0..3).map(|part| Number::Pattern(0, part, 0)));
    numbers.extend((1..4).map(|which| Number::Pattern(0, 1, which)));
    numbers.extend([Number::Pattern(0, 2, 3), Number::Pattern(1, 0, 2)]);
    case.check(&numbers);
}

/// Materials with a wide and a narrow lobe, and without one.
pub fn lobed() -> [MaterialDescription; 3] {
    let lobe = |material: MaterialDescription, kappa: f64| MaterialDescription {
        lobe: Some(LobeDescription::von_mises_fisher(kappa)),
        ..material
    };
    [
        build::material("slab", 3.2, 0.05, 0.013),
        lobe(rough("wide"), 60.0),
        lobe(build::material("narrow", 7.1, 2.0, 0.02), 900.0),
    ]
}

#[test]
fn lobes() {
    let (case, numbers) = case_of_lobes();
    let [reflections, _, lobes] = counts(&case.samples.paths);
    assert!(reflections > 20 && lobes > 50, "{reflections} {lobes}");
    case.check(&numbers);
    case.check_clusters(&numbers);
}

/// Two of three surfaces with lobes, and the numbers that they are made of.
fn case_of_lobes() -> (Case, Vec<Number>) {
    let case = Case::new(&corner(&lobed()), askew(28e9, false), &[28e9], &scattered(false, true, 2000, 24));
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.extend([Number::Lobe(1), Number::Lobe(2)]);
    (case, numbers)
}

#[test]
fn random_directions_of_everything_at_once() {
    let materials =
        [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)];
    let case = Case::new(&corner(&materials), askew(28e9, true), &[28e9], &build::exhaustive(2));
    let numbers = numbers_of(&case.state, &[0, 1, 2]);
    for seed in 0..12 {
        let bars = case.bars(&OUTPUTS, 100 + seed);
        let found = case.adjoint(&bars, Wanted::all()).expect("everything has a derivative here");
        let mut draws = Numbers::new(seed);
        let ways: Vec<(Number, f64)> = numbers.iter().map(|number| (*number, draws.between(-0.3, 0.3))).collect();
        let change = |state: &mut State, h: f64| {
            ways.iter().for_each(|(number, way)| number.add(state, h * way * number.step()))
        };
        let (expected, terms) = case.slope(&bars, 1.0, &change);
        let along: Vec<f64> =
            ways.iter().map(|(number, way)| number.of(&found, &case.state.scene) * way * number.step()).collect();
        let found: f64 = along.iter().sum();
        let scale = terms.max(case.noise(&bars));
        assert!((found - expected).abs() <= RELATIVE * scale, "{seed}: {found:e} {expected:e} {terms:e}");
    }
}

#[test]
fn the_sum_does_not_depend_on_threads() {
    let materials = [rough("a"), rough("b"), rough("c")];
    let case = Case::new(&corner(&materials), askew(28e9, false), &[28e9], &scattered(true, false, 400, 0));
    let bars = case.bars(&OUTPUTS, 1);
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| case.adjoint(&bars, Wanted::all()).expect("everything has a derivative here"))
    };
    let one = of(1);
    assert!(case.samples.paths.len() > 500 && one.vertices.iter().any(|bar| bar.norm() > 0.0));
    for threads in [2, 3, 7] {
        assert_eq!(one, of(threads), "{threads} threads");
    }
}

/// A metal mirror in the plane z = `height`.
pub fn mirror_at(height: f64) -> SceneDescription {
    let mut scene = scene_of(&[build::metal()]);
    add_panel(&mut scene, "mirror", "metal", [-50.0, -50.0, height], [100.0, 0.0, 0.0], [0.0, 100.0, 0.0]);
    scene
}

#[test]
fn raising_a_mirror_moves_point_delay_power_and_angle_as_the_image_does() {
    let (z, [t, r]) = (0.25, [Vec3::new(-0.5, 0.2, 0.6), Vec3::new(0.4, -0.1, 0.9)]);
    let radios = build::radios(Polarization::VH, &[t.into()], &[r.into()]);
    let options = SolverOptions { line_of_sight: false, ..build::exhaustive(1) };
    let case = Case::new(&mirror_at(z), radios, &[3.5e9], &options);
    let (h_t, h_r) = (t.z - z, r.z - z);
    let (d, sum) = ((r - t).xy().norm(), h_t + h_r);
    let length = d.hypot(sum);
    assert!((case.samples.paths.length[0] / length - 1.0).abs() < 1e-12);
    let raised = |bars: &ChannelBar| {
        let bar = case.adjoint(bars, Wanted::all()).expect("it has a derivative");
        pose_vjp(&case.state.scene, 0, &Vec3::zeros(), &bar.vertices).translation.z
    };
    let zeros = || ChannelBar::zeros(&case.samples.channel);
    let close = |what: &str, found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-9 * expected.abs(), "{what}: {found} {expected}");
    };
    // The point lies h_t/(h_t + h_r) of the way along.
    let point = ChannelBar { vertex: vec![Vec3::x()], ..zeros() };
    close("point", raised(&point), (r - t).x * (h_t - h_r) / (sum * sum));
    close("height", raised(&ChannelBar { vertex: vec![Vec3::z()], ..zeros() }), 1.0);
    close("delay", raised(&ChannelBar { tau: vec![1.0], ..zeros() }), -2.0 * sum / length / SPEED_OF_LIGHT);
    // cos theta_r = -h_s/L where the way goes down.
    let by_sum = d / (length * length);
    close("angle", raised(&ChannelBar { theta_r: vec![1.0], ..zeros() }), -2.0 * by_sum);
    // Metal that reflects all: the power is that of the image, 1/L^2.
    let a = &case.samples.channel.a;
    let power: f64 = a.iter().map(|a| a.norm_sqr()).sum();
    let bars = ChannelBar { a: a.iter().map(|a| a * 2.0).collect(), ..zeros() };
    let found = raised(&bars);
    assert!((found / power - 4.0 * sum / (length * length)).abs() < 1e-4 * found.abs() / power, "power: {found}");
}

#[test]
fn what_has_no_derivative_is_an_error() {
    let bounds = |scene: &SceneDescription, radios: Radios, options: &SolverOptions, wanted: Wanted| {
        let case = Case::new(scene, radios, &[28e9], options);
        let bars = case.bars(&[Output::Coefficient], 3);
        case.adjoint(&bars, wanted).map(|_| ()).map_err(|error| error.to_string())
    };
    // Straight up: the axis of both antennas.
    let above = || build::radios(Polarization::V, &[[0.0, 0.0, 3.0]], &[[0.0, 0.0, 1.0]]);
    let text = bounds(&mirror_at(0.0), above(), &build::exhaustive(0), Wanted::all()).expect_err("the axis");
    assert!(text.contains("axis of the antenna"), "{text}");
    let kinds = Wanted::materials();
    bounds(&mirror_at(0.0), above(), &build::exhaustive(1), kinds).expect("materials have a derivative there");
    // The ends of K_x and S.
    for (scattering, xpd, wanted, part) in [
        (0.5, 0.0, ParameterKind::CrossPolarisation, "xpd"),
        (0.5, 1.0, ParameterKind::CrossPolarisation, "xpd"),
        (1.0, 0.5, ParameterKind::ScatteringCoefficient, "scattering"),
    ] {
        let wall =
            MaterialDescription { scattering: Some(scattering), xpd: Some(xpd), roughness_m: None, ..rough("wall") };
        let scene = corner(&[wall, rough("b"), rough("c")]);
        let options = scattered(true, false, 60, 0);
        let text = bounds(&scene, askew(28e9, false), &options, Wanted::of(&[wanted])).expect_err(part);
        assert!(text.contains("materials.wall") && text.contains(part), "{text}");
        bounds(&scene, askew(28e9, false), &options, Wanted::of(&[ParameterKind::Position])).expect("nobody asked");
    }
    // Bars of another run.
    let case = Case::new(&mirror_at(0.0), above(), &[28e9], &build::exhaustive(1));
    assert!(case.adjoint(&ChannelBar::default(), Wanted::all()).is_err());
}

/// What a link amounts to.
#[derive(Debug, Clone, Copy)]
enum Response {
    Impulse(Delays),
    Frequency(Delays),
    Taps(Delays),
    Power,
    Spread,
    /// Angular spreads, and the K factor where there is one.
    Angles,
}

/// Offsets of subcarriers [Hz].
const OFFSETS: [f64; 3] = [-40e6, 1e6, 55e6];

/// A number for each place, so that nothing cancels.
fn weight(place: usize) -> C64 {
    let (sin, cos) = (1.7 * place as f64 + 0.3).sin_cos();
    C64::new(1e4 * sin, 1e4 * cos)
}

impl Response {
    fn window() -> TapWindow {
        TapWindow::new(100e6, 0, 6).expect("a window")
    }

    fn loss(self, link: &Link) -> f64 {
        let weighted = |all: &[C64]| all.iter().enumerate().map(|(i, z)| (weight(i).conj() * z).re).sum::<f64>();
        match self {
            Response::Impulse(delays) => {
                let found = impulse_response(link, 0, delays);
                let delays = found.tau.iter().enumerate().map(|(i, tau)| 1e4 * weight(i).re * tau);
                weighted(&found.a) + delays.sum::<f64>()
            }
            Response::Frequency(delays) => weighted(&frequency_response(link, 0, &OFFSETS, delays)),
            Response::Taps(delays) => weighted(&taps(link, 0, &Response::window(), delays)),
            Response::Power => 1e8 * statistics(link, 0).path_gain,
            Response::Spread => 1e8 * statistics(link, 0).rms_delay_spread.expect("there is power"),
            Response::Angles => {
                let found = statistics(link, 0);
                let spreads = [found.azimuth_spread_departure, found.zenith_spread_departure].into_iter().chain([
                    found.azimuth_spread_arrival,
                    found.zenith_spread_arrival,
                    found.k_factor,
                ]);
                spreads.enumerate().map(|(i, value)| weight(i).re * value.unwrap_or(0.0)).sum()
            }
        }
    }

    fn vjp(self, link: &Link, bar: &mut ChannelBar, carrier_bar: &mut f64) {
        let weights = |count: usize| (0..count).map(weight).collect::<Vec<C64>>();
        let pairs = link.receiver_ports() * link.transmitter_ports();
        match self {
            Response::Impulse(delays) => {
                let count = link.paths().len();
                let tau = (0..count).map(|i| 1e4 * weight(i).re).collect();
                let own = ImpulseResponse { a: weights(count * pairs), tau };
                impulse_response_vjp(link, 0, delays, &own, bar, carrier_bar);
            }
            Response::Frequency(delays) => {
                let own = weights(pairs * OFFSETS.len());
                frequency_response_vjp(link, 0, &OFFSETS, delays, &own, bar, carrier_bar);
            }
            Response::Taps(delays) => {
                let (window, own) = (Response::window(), weights(pairs * 7));
                taps_vjp(link, 0, &window, delays, &own, bar, carrier_bar);
            }
            Response::Power => {
                let own = StatisticsBar { path_gain: 1e8, ..StatisticsBar::default() };
                statistics_vjp(link, 0, &own, bar);
            }
            Response::Spread => {
                let own = StatisticsBar { rms_delay_spread: 1e8, ..StatisticsBar::default() };
                statistics_vjp(link, 0, &own, bar);
            }
            Response::Angles => {
                let own = StatisticsBar {
                    azimuth_spread_departure: weight(0).re,
                    zenith_spread_departure: weight(1).re,
                    azimuth_spread_arrival: weight(2).re,
                    zenith_spread_arrival: weight(3).re,
                    k_factor: weight(4).re,
                    ..StatisticsBar::default()
                };
                statistics_vjp(link, 0, &own, bar);
            }
        }
    }

    /// The loss of each link.
    fn losses(self, state: &State, (paths, channel): &(Paths, Channel)) -> Vec<f64> {
        (0..paths.links()).map(|link| self.loss(&Link::new(&state.radios, paths, channel, link))).collect()
    }
}

#[test]
fn responses_and_statistics_of_links() {
    let materials =
        [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)];
    let case = Case::new(&corner(&materials), askew(28e9, false), &[28e9], &build::exhaustive(2));
    let numbers = numbers_of(&case.state, &[0, 1, 2]);
    for response in [
        Response::Impulse(Delays::Absolute),
        Response::Impulse(Delays::FromFirst),
        Response::Frequency(Delays::Absolute),
        Response::Frequency(Delays::FromFirst),
        Response::Taps(Delays::Absolute),
        Response::Taps(Delays::FromFirst),
        Response::Power,
        Response::Spread,
        Response::Angles,
    ] {
        check_response(&case, &numbers, response);
    }
}

/// Holds derivatives of a loss of all links, those of clusters where there are any, against differences.
fn check_response(case: &Case, numbers: &[Number], response: Response) {
    let Case { state, samples: Samples { paths, channel, clusters, .. } } = case;
    let together = |(paths, channel): (Paths, Channel)| match clusters {
        Some(clusters) => merged(&paths, &channel, clusters),
        None => (paths, channel),
    };
    let whole = together((paths.clone(), channel.clone()));
    let (mut bars, mut carrier_bar) = (ChannelBar::zeros(&whole.1), 0.0);
    for link in 0..whole.0.links() {
        response.vjp(&Link::new(&state.radios, &whole.0, &whole.1, link), &mut bars, &mut carrier_bar);
    }
    if let Some(clusters) = clusters {
        bars = merged_vjp(paths, channel, clusters, &bars);
    }
    let mut found = case.adjoint(&bars, Wanted::all()).expect("everything has a derivative here");
    found.carriers[0] += carrier_bar;
    let size: f64 = response.losses(state, &whole).iter().map(|x| x.abs()).sum();
    for number in numbers {
        let step = match number {
            // A wave turns a thousand times faster than a direction.
            Number::Carrier(_) => 2e4,
            // The phase of a cluster whose samples nearly cancel turns faster than theirs.
            Number::Offset(..) if clusters.is_some() => number.step() / 4.0,
            _ => number.step(),
        };
        let of = |state: &State| response.losses(state, &together(case.replayed(state)));
        let change = |state: &mut State, h: f64| number.add(state, h);
        let (expected, terms) = case.slope_of(&of, step, &change);
        let found = number.of(&found, &state.scene);
        // Phases of a thousand turns, in what lengths of f64 leave of them.
        let rounding = 1e-12 * size / (RELATIVE * step);
        let scale = expected.abs().max(1e-2 * terms).max(rounding);
        assert!((found - expected).abs() <= RELATIVE * scale, "{response:?} by {number:?}: {found:e} {expected:e}");
    }
}

#[test]
fn responses_of_clusters_of_lobes() {
    let (case, numbers) = case_of_lobes();
    for response in [Response::Frequency(Delays::FromFirst), Response::Taps(Delays::Absolute), Response::Angles] {
        check_response(&case, &numbers, response);
    }
}
