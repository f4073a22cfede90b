//! The adjoint by replay (theory.md, "Adjoint"): every kind of parameter by every kind of output, against differences of the
//! same chains refined anew, and closed forms where the peers are wrong.

use crate::support::build::{self, Numbers, add_panel, antenna, backend, checked, scene_of};
use raylobe::channel::cluster::{merged, merged_vjp};
use raylobe::channel::{Channel, ChannelBar};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::error::Error;
use raylobe::geometry::Geometry;
use raylobe::math::{C64, Vec3};
use raylobe::path::adjoint::{ParameterKind, PermittivityBar, SceneBar, Wanted, adjoint};
use raylobe::path::field::field;
use raylobe::path::moved::moved;
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, Paths, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization, SlantModel};
use raylobe::scene::description::{LobeDescription, MaterialDescription, PatternDescription, SceneDescription};
use raylobe::scene::material::Permittivity;
use raylobe::scene::pose::{pose_vjp, vertices_of};
use raylobe::scene::radio::{Radio, Radios};
use raylobe::scene::scattering::{Lobe, Scattering, SingleLobe};
use raylobe::solve::{Engine, Samples};
use std::collections::BTreeMap;

/// Error of a derivative, relative to it and to a thousandth of what single paths give [-].
const RELATIVE: f64 = 1e-6;

/// What a loss may be a sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Output {
    Coefficient,
    Delay,
    Departure,
    Arrival,
    Doppler,
    Point,
}

const OUTPUTS: [Output; 6] =
    [Output::Coefficient, Output::Delay, Output::Departure, Output::Arrival, Output::Doppler, Output::Point];

/// One number that a scene is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Permittivity(usize),
    Conductivity(usize),
    Thickness(usize),
    Roughness(usize),
    Scattering(usize),
    Xpd(usize),
    /// Material, part, and which of weight, share and sharpnesses.
    Pattern(usize, usize, usize),
    Lobe(usize),
    /// Whether a receiver's, and the axis.
    Position(bool, usize, usize),
    Orientation(bool, usize, usize),
    Velocity(bool, usize, usize),
    /// Antenna, element, axis.
    Offset(usize, usize, usize),
    Gain(usize),
    Carrier(usize),
    /// All vertices, each in a direction of its own.
    Vertices(u32),
    /// Translation, rotation and scale of an object.
    Pose(u32, usize),
}

/// A scene with everything that a loss depends on.
#[derive(Clone)]
struct State {
    scene: Scene,
    radios: Radios,
    carriers: Vec<f64>,
    /// A factor of the power gain `[antenna]`.
    gains: Vec<f64>,
}

/// A point that poses turn about.
const PIVOT: Vec3 = Vec3::new(0.3, -0.2, 0.4);

impl Number {
    fn kind(self) -> ParameterKind {
        match self {
            Number::Permittivity(_) => ParameterKind::RelativePermittivity,
            Number::Conductivity(_) => ParameterKind::Conductivity,
            Number::Thickness(_) => ParameterKind::Thickness,
            Number::Roughness(_) => ParameterKind::Roughness,
            Number::Scattering(_) => ParameterKind::ScatteringCoefficient,
            Number::Xpd(_) => ParameterKind::CrossPolarisation,
            Number::Pattern(..) => ParameterKind::Pattern,
            Number::Lobe(_) => ParameterKind::Lobe,
            Number::Position(..) => ParameterKind::Position,
            Number::Orientation(..) => ParameterKind::Orientation,
            Number::Velocity(..) => ParameterKind::Velocity,
            Number::Offset(..) => ParameterKind::ElementOffset,
            Number::Gain(_) => ParameterKind::AntennaGain,
            Number::Carrier(_) => ParameterKind::Carrier,
            Number::Vertices(_) | Number::Pose(..) => ParameterKind::Vertex,
        }
    }

    /// How far it is moved for a difference, in its unit; what moves points, less than the smallest distance of two.
    fn step(self) -> f64 {
        match self {
            Number::Thickness(_) | Number::Roughness(_) => 2e-6,
            Number::Carrier(_) => 2e5,
            Number::Offset(..) => 1e-5,
            Number::Velocity(..) => 1e-2,
            Number::Lobe(_) => 0.2,
            Number::Position(..) | Number::Vertices(_) | Number::Pose(..) => 4e-6,
            _ => 5e-4,
        }
    }

    fn add(self, state: &mut State, h: f64) {
        let scene = &mut state.scene;
        match self {
            Number::Permittivity(m) | Number::Conductivity(m) => match &mut scene.materials[m].permittivity {
                Permittivity::Constant { relative_permittivity, conductivity } => {
                    *(if self.kind() == ParameterKind::Conductivity { conductivity } else { relative_permittivity }) +=
                        h;
                }
                Permittivity::Itu { .. } => panic!("the table is what it is"),
            },
            Number::Thickness(m) => scene.materials[m].thickness += h,
            Number::Roughness(m) => scene.materials[m].roughness += h,
            Number::Scattering(m) => scene.materials[m].scattering.coefficient += h,
            Number::Xpd(m) => scene.materials[m].scattering.xpd += h,
            Number::Pattern(m, part, which) => {
                let own = &mut scene.materials[m].scattering;
                let mut parts = own.parts.to_vec();
                let changed = &mut parts[part];
                let sharpened = |lobe: &Option<SingleLobe>| {
                    lobe.as_ref().map(|l| SingleLobe::new(l.shape, l.sharpness + h, changed.reciprocal))
                };
                match which {
                    0 => changed.weight += h,
                    1 => changed.forward_share += h,
                    2 => changed.forward = sharpened(&changed.forward),
                    _ => changed.backward = sharpened(&changed.backward),
                }
                *own = Scattering::of_parts(own.coefficient, own.xpd, parts);
            }
            Number::Lobe(m) => {
                let lobe = scene.materials[m].lobe.as_mut().expect("a lobe");
                let single = lobe.part.forward.clone().expect("a lobe is forward");
                *lobe = Lobe::of_shape(single.shape, single.sharpness + h, lobe.part.reciprocal);
            }
            Number::Position(r, place, axis) => radio_of(&mut state.radios, r, place).position[axis] += h,
            Number::Orientation(r, place, axis) => radio_of(&mut state.radios, r, place).orientation[axis] += h,
            Number::Velocity(r, place, axis) => radio_of(&mut state.radios, r, place).velocity[axis] += h,
            Number::Offset(antenna, element, axis) => state.radios.antennas[antenna].offsets[element][axis] += h,
            Number::Gain(antenna) => state.gains[antenna] += h,
            Number::Carrier(carrier) => state.carriers[carrier] += h,
            Number::Vertices(seed) => {
                let ways = ways_of(scene, seed);
                scene.vertices.iter_mut().zip(ways).for_each(|(vertex, way)| *vertex += way * h);
            }
            Number::Pose(object, which) => {
                for vertex in vertices_of(scene, object) {
                    let arm = scene.vertices[vertex] + scene.origin - PIVOT;
                    let axis = Vec3::ith(which % 3, h);
                    scene.vertices[vertex] += match which / 3 {
                        0 => axis,
                        1 => turned(&axis, &arm) - arm,
                        _ => arm * h,
                    };
                }
            }
        }
    }

    /// Its derivative.
    fn of(self, bar: &SceneBar, scene: &Scene) -> f64 {
        let radio = |is_receiver: bool, place: usize| {
            if is_receiver { &bar.receivers[place] } else { &bar.transmitters[place] }
        };
        match self {
            Number::Permittivity(m) | Number::Conductivity(m) => match &bar.materials[m].permittivity {
                PermittivityBar::Constant { relative_permittivity, conductivity } => {
                    if self.kind() == ParameterKind::Conductivity { *conductivity } else { *relative_permittivity }
                }
                PermittivityBar::Itu { .. } => panic!("the table is what it is"),
            },
            Number::Thickness(m) => bar.materials[m].thickness,
            Number::Roughness(m) => bar.materials[m].roughness,
            Number::Scattering(m) => bar.materials[m].scattering,
            Number::Xpd(m) => bar.materials[m].xpd,
            Number::Pattern(m, part, which) => {
                let part = &bar.materials[m].parts[part];
                [part.weight, part.forward_share, part.forward, part.backward][which]
            }
            Number::Lobe(m) => bar.materials[m].lobe,
            Number::Position(r, place, axis) => radio(r, place).position[axis],
            Number::Orientation(r, place, axis) => radio(r, place).orientation[axis],
            Number::Velocity(r, place, axis) => radio(r, place).velocity[axis],
            Number::Offset(antenna, element, axis) => bar.antennas[antenna].offsets[element][axis],
            Number::Gain(antenna) => bar.antennas[antenna].gain,
            Number::Carrier(carrier) => bar.carriers[carrier],
            Number::Vertices(seed) => {
                bar.vertices.iter().zip(ways_of(scene, seed)).map(|(bar, way)| bar.dot(&way)).sum()
            }
            Number::Pose(object, which) => {
                let pose = pose_vjp(scene, object, &PIVOT, &bar.vertices);
                match which / 3 {
                    0 => pose.translation[which % 3],
                    1 => pose.rotation[which % 3],
                    _ => pose.scale,
                }
            }
        }
    }
}

fn radio_of(radios: &mut Radios, is_receiver: bool, place: usize) -> &mut Radio {
    if is_receiver { &mut radios.receivers[place] } else { &mut radios.transmitters[place] }
}

/// `arm` turned about `axis` by its length [rad] (Rodrigues).
fn turned(axis: &Vec3, arm: &Vec3) -> Vec3 {
    let angle = axis.norm();
    let unit = axis / angle;
    arm * angle.cos() + unit.cross(arm) * angle.sin() + unit * (unit.dot(arm) * (1.0 - angle.cos()))
}

fn ways_of(scene: &Scene, seed: u32) -> Vec<Vec3> {
    let mut numbers = Numbers::new(seed);
    let mut number = || numbers.between(-1.0, 1.0);
    scene.vertices.iter().map(|_| Vec3::new(number(), number(), number())).collect()
}

/// A solved scene whose paths are differentiated.
struct Case {
    state: State,
    samples: Samples,
}

impl Case {
    fn new(scene: &SceneDescription, radios: Radios, carriers: &[f64], options: &SolverOptions) -> Case {
        let scene = checked(scene);
        let mut engine =
            Engine::new(backend(), &scene, &radios, carriers, options, &Silent).expect("the scene can be solved");
        let samples = engine.samples(0..radios.receivers.len()).expect("the scene can be solved");
        drop(engine);
        let gains = vec![1.0; radios.antennas.len()];
        Case { state: State { scene, radios, carriers: carriers.to_vec(), gains }, samples }
    }

    /// The same chains in another state.
    fn replayed(&self, state: &State) -> (Paths, Channel) {
        let geometry = Geometry::new(&self.state.scene);
        let scenes = [&self.state.scene, &state.scene];
        let paths = moved(&geometry.facets, scenes, &state.radios, &self.samples.paths);
        let (mut channel, _) = field(&state.scene, &state.radios, &paths, &state.carriers).expect("it can be replayed");
        for link in 0..paths.links() {
            let [r, t] = [
                &state.radios.receivers[link / paths.transmitters],
                &state.radios.transmitters[link % paths.transmitters],
            ];
            let amplitude = (state.gains[r.antenna as usize] * state.gains[t.antenna as usize]).sqrt();
            for path in paths.of_link(link) {
                let range = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
                channel.a[range].iter_mut().for_each(|a| *a *= amplitude);
            }
        }
        (paths, channel)
    }

    /// Bars of a loss of some outputs, of the order of 1 for each path and unit.
    fn bars(&self, outputs: &[Output], seed: u32) -> ChannelBar {
        let (paths, channel) = (&self.samples.paths, &self.samples.channel);
        let mut bars = ChannelBar::zeros(channel);
        let mut numbers = Numbers::new(seed);
        let mut number = || numbers.between(-1.0, 1.0);
        for output in outputs {
            match output {
                Output::Coefficient => {
                    for path in 0..paths.len() {
                        let range = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
                        let largest = channel.a[range.clone()].iter().map(|a| a.norm()).fold(0.0, f64::max);
                        for bar in &mut bars.a[range.clone()] {
                            *bar = C64::new(number(), number()) / (largest.max(1e-12) * range.len() as f64);
                        }
                    }
                }
                Output::Delay => bars.tau.iter_mut().for_each(|bar| *bar = number() * SPEED_OF_LIGHT),
                Output::Departure => {
                    bars.theta_t.iter_mut().chain(&mut bars.phi_t).for_each(|bar| *bar = number());
                }
                Output::Arrival => bars.theta_r.iter_mut().chain(&mut bars.phi_r).for_each(|bar| *bar = number()),
                Output::Doppler => bars.doppler.iter_mut().for_each(|bar| *bar = 1e-3 * number()),
                Output::Point => {
                    bars.vertex = paths.vertex.iter().map(|_| Vec3::new(number(), number(), number())).collect();
                }
            }
        }
        bars
    }

    fn adjoint(&self, bars: &ChannelBar, wanted: Wanted) -> Result<SceneBar, Error> {
        let geometry = Geometry::new(&self.state.scene);
        adjoint(&geometry, &self.state.radios, &self.samples.paths, &self.samples.channel, bars, wanted)
    }

    /// The difference quotient of a loss along a change of the state, at two steps, extrapolated, and the sum of the sizes
    /// of what single paths add.
    fn slope(&self, bars: &ChannelBar, step: f64, change: &dyn Fn(&mut State, f64)) -> (f64, f64) {
        self.slope_of(&|state| loss_of(&self.replayed(state), bars), step, change)
    }

    /// The same of any loss, path by path.
    fn slope_of(&self, of: &dyn Fn(&State) -> Vec<f64>, step: f64, change: &dyn Fn(&mut State, f64)) -> (f64, f64) {
        let at = |h: f64| {
            let mut state = self.state.clone();
            change(&mut state, h);
            of(&state)
        };
        let [far, near] = [step, step / 2.0].map(|h| {
            let (more, less) = (at(h), at(-h));
            more.iter().zip(&less).map(|(a, b)| (a - b) / (2.0 * h)).collect::<Vec<f64>>()
        });
        let terms: Vec<f64> = far.iter().zip(&near).map(|(far, near)| (4.0 * near - far) / 3.0).collect();
        (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
    }

    /// Holds the derivative by each number of each output against differences; the worst error of each kind of both.
    fn check(&self, numbers: &[Number]) {
        let mut worst: BTreeMap<(Output, ParameterKind), f64> = BTreeMap::new();
        for output in OUTPUTS {
            let bars = self.bars(&[output], 7);
            let found = self.adjoint(&bars, Wanted::all()).expect("everything has a derivative here");
            for number in numbers {
                let change = |state: &mut State, h: f64| number.add(state, h);
                let (expected, terms) = self.slope(&bars, number.step(), &change);
                let found = number.of(&found, &self.state.scene);
                let scale = expected.abs().max(1e-3 * terms).max(self.noise(&bars) / number.step());
                let error = (found - expected).abs() / scale;
                let known = worst.entry((output, number.kind())).or_insert(0.0);
                *known = known.max(error);
                assert!(error <= RELATIVE, "{output:?} by {number:?}: {found:e}, not {expected:e} ({terms:e})");
            }
        }
        for ((output, kind), error) in worst {
            println!("{output:?} by {}: {error:.1e}", kind.name());
        }
    }

    /// What rounding leaves of a loss of this size, by a bound that [`RELATIVE`] makes of it.
    fn noise(&self, bars: &ChannelBar) -> f64 {
        let terms: f64 =
            loss_of(&(self.samples.paths.clone(), self.samples.channel.clone()), bars).iter().map(|x| x.abs()).sum();
        1e-14 / RELATIVE * terms
    }
}

/// A loss, path by path.
fn loss_of((paths, channel): &(Paths, Channel), bars: &ChannelBar) -> Vec<f64> {
    let carriers = channel.carriers.len();
    let of_path = |path: usize| {
        let range = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
        let coefficients: f64 =
            channel.a[range.clone()].iter().zip(&bars.a[range]).map(|(a, bar)| (bar.conj() * a).re).sum();
        let doppler: f64 =
            (path * carriers..(path + 1) * carriers).map(|place| channel.doppler[place] * bars.doppler[place]).sum();
        let points: f64 = if bars.vertex.is_empty() {
            0.0
        } else {
            paths.vertices_of(path).map(|vertex| paths.vertex[vertex].dot(&bars.vertex[vertex])).sum()
        };
        coefficients
            + doppler
            + points
            + channel.tau[path] * bars.tau[path]
            + channel.theta_t[path] * bars.theta_t[path]
            + channel.phi_t[path] * bars.phi_t[path]
            + channel.theta_r[path] * bars.theta_r[path]
            + channel.phi_r[path] * bars.phi_r[path]
    };
    (0..paths.len()).map(of_path).collect()
}

/// Two walls and a floor that stand askew, so that nothing is symmetric; each of its own material.
fn corner(materials: &[MaterialDescription; 3]) -> SceneDescription {
    let mut scene = scene_of(materials);
    let [floor, wall, tilted] = [0, 1, 2].map(|i| materials[i].name.clone());
    add_panel(&mut scene, "floor", &floor, [-9.0, -8.0, -0.3], [18.0, 0.0, 0.2], [0.0, 17.0, 0.1]);
    add_panel(&mut scene, "wall", &wall, [-9.0, 6.0, -1.0], [18.0, 0.7, 0.0], [0.0, -0.3, 9.0]);
    add_panel(&mut scene, "tilted", &tilted, [7.0, -8.0, -1.0], [0.4, 16.0, 0.0], [0.9, 0.0, 9.0]);
    scene
}

/// Two transmitters and two receivers that move and look somewhere, with arrays.
fn askew(carrier: f64, per_element: bool) -> Radios {
    let wavelength = SPEED_OF_LIGHT / carrier;
    let array = |rows, columns| Some(PlanarArray { rows, columns, vertical_spacing: 0.6, horizontal_spacing: 0.5 });
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::VH,
        array: array(2, 2),
        per_element,
        ..AntennaDescription::default()
    };
    let slanted = AntennaDescription {
        element: Element::HalfWaveDipole,
        polarization: Polarization::Cross,
        slant_model: SlantModel::Model1,
        array: array(1, 2),
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

fn rough(name: &str) -> MaterialDescription {
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
fn scattered(diffuse: bool, lobe: bool, rays: u64, lobe_samples: u32) -> SolverOptions {
    let scatter = ScatterOptions { diffuse, lobe, rays, lobe_samples };
    SolverOptions { scatter, ..build::exhaustive(2) }
}

#[test]
fn diffuse_scattering() {
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
    let case = Case::new(&corner(&materials), askew(28e9, false), &[28e9, 9.7e9], &scattered(true, false, 60, 0));
    let [reflections, diffuse, _] = counts(&case.samples.paths);
    assert!(reflections > 20 && diffuse > 50, "{reflections} {diffuse}");
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.extend((0..3).map(Number::Xpd));
    numbers.extend((0..3).map(|part| Number::Pattern(0, part, 0)));
    numbers.extend((1..4).map(|which| Number::Pattern(0, 1, which)));
    numbers.extend([Number::Pattern(0, 2, 3), Number::Pattern(1, 0, 2)]);
    case.check(&numbers);
}

#[test]
fn lobes() {
    let lobe = |material: MaterialDescription, kappa: f64| MaterialDescription {
        lobe: Some(LobeDescription::von_mises_fisher(kappa)),
        ..material
    };
    let materials = [
        build::material("slab", 3.2, 0.05, 0.013),
        lobe(rough("wide"), 60.0),
        lobe(build::material("narrow", 7.1, 2.0, 0.02), 900.0),
    ];
    let case = Case::new(&corner(&materials), askew(28e9, false), &[28e9], &scattered(false, true, 2000, 24));
    let [reflections, _, lobes] = counts(&case.samples.paths);
    assert!(reflections > 20 && lobes > 50, "{reflections} {lobes}");
    let mut numbers = numbers_of(&case.state, &[0, 1, 2]);
    numbers.extend([Number::Lobe(1), Number::Lobe(2)]);
    case.check(&numbers);
    case.check_clusters(&numbers);
}

impl Case {
    /// Holds derivatives of clusters against differences: samples, and which of them belong together, are the same.
    fn check_clusters(&self, numbers: &[Number]) {
        let clusters = self.samples.clusters.as_ref().expect("there are lobes");
        let together = |(paths, channel): &(Paths, Channel)| merged(paths, channel, clusters);
        let whole = together(&(self.samples.paths.clone(), self.samples.channel.clone()));
        assert!(whole.0.len() < self.samples.paths.len() / 2, "most samples have company");
        let clustered = Case {
            state: self.state.clone(),
            samples: Samples { paths: whole.0, channel: whole.1, clusters: None, radios: self.samples.radios.clone() },
        };
        for output in [Output::Coefficient, Output::Delay, Output::Departure, Output::Arrival, Output::Doppler] {
            let bars = clustered.bars(&[output], 5);
            let own = merged_vjp(&self.samples.paths, &self.samples.channel, clusters, &bars);
            let found = self.adjoint(&own, Wanted::all()).expect("everything has a derivative here");
            for number in numbers {
                let of = |state: &State| loss_of(&together(&self.replayed(state)), &bars);
                let change = |state: &mut State, h: f64| number.add(state, h);
                let (expected, terms) = self.slope_of(&of, number.step(), &change);
                let found = number.of(&found, &self.state.scene);
                let scale = expected.abs().max(1e-3 * terms).max(clustered.noise(&bars) / number.step());
                assert!(
                    (found - expected).abs() <= RELATIVE * scale,
                    "{output:?} by {number:?}: {found:e} {expected:e}"
                );
            }
        }
        // The channel of clusters is no replay of the paths that stand for them.
        let bars = clustered.bars(&[Output::Coefficient], 5);
        let text = clustered.adjoint(&bars, Wanted::all()).expect_err("clusters").to_string();
        assert!(text.contains("their samples"), "{text}");
    }
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
fn mirror_at(height: f64) -> SceneDescription {
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
