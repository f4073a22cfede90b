//! Maps that are differentiated: losses of gains, delay spreads and SINR, differences of whole maps, and of the same ways
//! refined anew.

use crate::differences::{Number, RELATIVE, State, slope_of};
use crate::support::build::{Numbers, checked};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::error::Error;
use raylobe::geometry::Geometry;
use raylobe::map::bundle::{Bundle, MapBars};
use raylobe::map::grid::{Layout, Mean};
use raylobe::map::metrics::{CellBar, CellSums, sinr, sinr_vjp};
use raylobe::math::Vec3;
use raylobe::path::adjoint::{ParameterKind, SceneBar, Wanted};
use raylobe::path::field::{BLOCK, Feed, field_over, powers_of, surfaces_of};
use raylobe::path::found::EndPoint;
use raylobe::path::moved::moved;
use raylobe::path::{ALL_ELEMENTS, Paths, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};
use std::collections::BTreeMap;

/// Thermal noise and what is received are of the same order [W].
const NOISE: f64 = 1e-9;
/// A map that is differentiated, and what a loss takes of it.
pub struct Case {
    pub state: State,
    layout: Layout,
    points: usize,
    mean: Mean,
    options: SolverOptions,
    rays: u64,
    pub sums: Vec<CellSums>,
    pub drawn: Vec<Drawn>,
    /// Weights of gain, delay spread and SINR, each over what it is `[carrier, transmitter, cell]`.
    weights: Vec<[f64; 3]>,
}

impl Case {
    pub fn new(
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
        let mut over =
            |value: f64| if value > 0.0 && value.is_finite() { numbers.between(-1.0, 1.0) / value } else { 0.0 };
        case.weights = metrics.iter().map(|values| values.map(&mut over)).collect();
        case
    }

    pub fn with<T>(&self, state: &State, work: impl FnOnce(&mut MapEngine) -> T) -> T {
        self.with_own(state, |mut engine| work(&mut engine))
    }

    pub fn with_own<T>(&self, state: &State, work: impl FnOnce(MapEngine) -> T) -> T {
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
    pub fn map(&self, state: &State) -> (Vec<CellSums>, Vec<Drawn>) {
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
                    own.iter_mut()
                        .zip(&sampled.moments)
                        .for_each(|(sums, moments)| sums.add_sampled(points, *moments, 0.0));
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
        let of = |(t, radio): (usize, &Radio)| {
            sums[(carrier * transmitters.len() + t) * cells + cell].mean(points) * radio.power
        };
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
    pub fn loss(&self, state: &State) -> Vec<f64> {
        let metrics = self.metrics(state, &self.map(state).0);
        let of =
            |(values, weights): (&[f64; 3], &[f64; 3])| values.iter().zip(weights).map(|(value, w)| value * w).sum();
        metrics.iter().zip(&self.weights).map(of).collect()
    }

    /// The bars of the loss.
    pub fn bars(&self) -> Vec<CellBar> {
        let (state, points) = (&self.state, self.points * self.points);
        let transmitters = &state.radios.transmitters;
        let cells = self.sums.len() / transmitters.len() / state.carriers.len();
        let mut bars = vec![CellBar::default(); self.sums.len()];
        for ((bar, sums), [gain, spread, _]) in bars.iter_mut().zip(&self.sums).zip(&self.weights) {
            CellSums::mean_vjp(points, *gain, bar);
            sums.rms_delay_spread_vjp(*spread, bar);
        }
        for (carrier, cell) in (0..state.carriers.len()).flat_map(|carrier| (0..cells).map(move |cell| (carrier, cell)))
        {
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

    pub fn pull_back(&self, wanted: Wanted) -> Result<SceneBar, Error> {
        self.with(&self.state, |engine| engine.pull_back(&self.bars(), &self.drawn, wanted))
    }

    /// Holds derivatives against differences of whole maps.
    pub fn check(&self, numbers: &[Number]) {
        self.check_of(numbers, Wanted::all());
    }

    pub fn check_of(&self, numbers: &[Number], wanted: Wanted) {
        let bar = self.pull_back(wanted).expect("everything has a derivative here");
        let of = |number: &Number| number.of(&bar, &self.state.scene);
        agree("map", &self.state, numbers, &|state| self.loss(state), &of);
    }
}

/// Holds derivatives `of` numbers against differences of a loss; the worst error of each kind.
pub fn agree(
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

/// The ways of a map's sampled part and of its light, which are refined anew in other states.
pub struct Frozen<'a> {
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
    pub fn new(case: &'a Case) -> Frozen<'a> {
        let (State { scene, radios, carriers, .. }, transmitters) = (&case.state, case.state.radios.transmitters.len());
        let end = |radio: &Radio| EndPoint { radio: 0, element: ALL_ELEMENTS, position: radio.position - scene.origin };
        let sources: Vec<EndPoint> = radios.transmitters.iter().map(end).collect();
        let bars = case.bars();
        let all = MapBars { cells: &bars, count: bars.len() / carriers.len() / transmitters, sources: &sources };
        let keep = |_: &Geometry, bundle: Bundle, all: &mut Vec<Bundle>| {
            all.push(bundle);
            Ok(())
        };
        let mut found = Vec::new();
        case.with(&case.state, |engine| {
            if case.mean == Mean::Area {
                let carriers = [0, carriers.len()];
                let put =
                    &mut |bundles: Vec<Bundle>| found.extend(bundles.into_iter().map(|bundle| (bundle, carriers)));
                engine.retrace_area(&(0..all.count), &all, &keep, put).expect("it can be lit again");
            }
            for (place, drawn) in case.drawn.iter().enumerate() {
                let [carrier, transmitter] = [place / transmitters, place % transmitters];
                let put = &mut |bundles: Vec<Bundle>| {
                    found.extend(bundles.into_iter().map(|bundle| (bundle, [carrier, 1])));
                    Ok(())
                };
                engine
                    .retrace_sampled([transmitter, carrier], drawn, &all, (&keep, BLOCK), put)
                    .expect("they can be traced again");
            }
        });
        let mut frozen = Frozen { case, bars, sources, ways: Vec::new() };
        for (bundle, carriers) in found {
            let transmitter =
                bundle.paths.offsets.iter().rposition(|offset| *offset == 0).expect("offsets begin with 0");
            let mut way =
                Way { paths: spread(&bundle, transmitter), bundle, transmitter, carriers, powers: Vec::new() };
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
    pub fn check(&self, numbers: &[Number]) {
        let Case { state, drawn, .. } = self.case;
        let exact = self.case.mean == Mean::Points;
        let bar = self.case.with(state, |engine| {
            let all = engine.pull_back(&self.bars, drawn, Wanted::all()).expect("everything has a derivative here");
            // Without samples, and so without what they say.
            let nothing: Vec<Drawn> = drawn.iter().map(|_| Drawn { rays: 0, replicates: 1 }).collect();
            let without =
                exact.then(|| engine.pull_back(&self.bars, &nothing, Wanted::all()).expect("it has them too"));
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
