//! Scenes that are differentiated: every number that they are made of, and differences of losses along it, the same chains
//! and samples refined anew.

use crate::support::build::{Numbers, backend, checked};
use raylobe::backend::Backend;
use raylobe::channel::cluster::{merged, merged_vjp};
use raylobe::channel::{Channel, ChannelBar};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::error::Error;
use raylobe::geometry::Geometry;
use raylobe::math::{C64, Vec3};
use raylobe::path::adjoint::{ParameterKind, PermittivityBar, SceneBar, Wanted};
use raylobe::path::field::field;
use raylobe::path::moved::moved;
use raylobe::path::{Paths, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::material::Permittivity;
use raylobe::scene::pose::{pose_vjp, vertices_of};
use raylobe::scene::radio::{Radio, Radios};
use raylobe::scene::scattering::{Lobe, Scattering, SingleLobe};
use raylobe::solve::{Engine, Samples};
use std::collections::BTreeMap;

/// Error of a derivative, relative to it and to a thousandth of what single paths give [-].
pub const RELATIVE: f64 = 1e-6;

/// What a loss may be a sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    Coefficient,
    Delay,
    Departure,
    Arrival,
    Doppler,
    Point,
}

pub const OUTPUTS: [Output; 6] =
    [Output::Coefficient, Output::Delay, Output::Departure, Output::Arrival, Output::Doppler, Output::Point];

/// One number that a scene is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
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
pub struct State {
    pub scene: Scene,
    pub radios: Radios,
    pub carriers: Vec<f64>,
    /// A factor of the power gain `[antenna]`.
    pub gains: Vec<f64>,
}

/// A point that poses turn about.
pub const PIVOT: Vec3 = Vec3::new(0.3, -0.2, 0.4);

impl Number {
    pub fn kind(self) -> ParameterKind {
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
    pub fn step(self) -> f64 {
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

    pub fn add(self, state: &mut State, h: f64) {
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
    pub fn of(self, bar: &SceneBar, scene: &Scene) -> f64 {
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
pub struct Case {
    pub state: State,
    pub samples: Samples,
}

impl Case {
    pub fn new(scene: &SceneDescription, radios: Radios, carriers: &[f64], options: &SolverOptions) -> Case {
        let scene = checked(scene);
        let mut engine =
            Engine::new(backend(), &scene, &radios, carriers, options, &Silent).expect("the scene can be solved");
        let samples = engine.samples(0..radios.receivers.len()).expect("the scene can be solved");
        drop(engine);
        let gains = vec![1.0; radios.antennas.len()];
        Case { state: State { scene, radios, carriers: carriers.to_vec(), gains }, samples }
    }

    /// The same chains in another state.
    pub fn replayed(&self, state: &State) -> (Paths, Channel) {
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
    pub fn bars(&self, outputs: &[Output], seed: u32) -> ChannelBar {
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

    pub fn adjoint(&self, bars: &ChannelBar, wanted: Wanted) -> Result<SceneBar, Error> {
        self.adjoint_on(&backend(), bars, wanted)
    }

    pub fn adjoint_on(&self, backend: &Backend, bars: &ChannelBar, wanted: Wanted) -> Result<SceneBar, Error> {
        let Samples { paths, channel, .. } = &self.samples;
        backend.pull_back(&backend.load(&self.state.scene)?, &self.state.radios, (paths, channel, bars), wanted)
    }

    /// The difference quotient of a loss along a change of the state, at two steps, extrapolated, and the sum of the sizes
    /// of what single paths add.
    pub fn slope(&self, bars: &ChannelBar, step: f64, change: &dyn Fn(&mut State, f64)) -> (f64, f64) {
        self.slope_of(&|state| loss_of(&self.replayed(state), bars), step, change)
    }

    /// The same of any loss, path by path.
    pub fn slope_of(&self, of: &dyn Fn(&State) -> Vec<f64>, step: f64, change: &dyn Fn(&mut State, f64)) -> (f64, f64) {
        slope_of(&self.state, of, step, change)
    }

    /// Holds the derivative by each number of each output against differences; the worst error of each kind of both.
    pub fn check(&self, numbers: &[Number]) {
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
    pub fn noise(&self, bars: &ChannelBar) -> f64 {
        let terms: f64 =
            loss_of(&(self.samples.paths.clone(), self.samples.channel.clone()), bars).iter().map(|x| x.abs()).sum();
        1e-14 / RELATIVE * terms
    }
}

/// The difference quotient of a loss, which is a sum of terms, along a change of the `state`, at two steps, extrapolated,
/// and the sum of the sizes of the terms'.
pub fn slope_of(
    state: &State,
    of: &dyn Fn(&State) -> Vec<f64>,
    step: f64,
    change: &dyn Fn(&mut State, f64),
) -> (f64, f64) {
    let at = |h: f64| {
        let mut state = state.clone();
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

/// A loss, path by path.
pub fn loss_of((paths, channel): &(Paths, Channel), bars: &ChannelBar) -> Vec<f64> {
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

impl Case {
    /// Holds derivatives of clusters against differences: samples, and which of them belong together, are the same.
    pub fn check_clusters(&self, numbers: &[Number]) {
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
