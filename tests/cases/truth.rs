//! Reference results of other programs, case by case: every path of theirs is found with its delay, points, coefficients
//! and angles; each path beyond theirs is proved valid by brute force.

use crate::support::brute::{Soup, Verdict};
use crate::support::trace::{Trace, coefficients, same, traces};
use crate::support::truth_files::{Case, Peer, committed, munich, paths3d};
use crate::support::{accept, build, worse};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::material::OutOfRange;
use raylobe::solve::Solution;

/// Relative error of a delay [-]: the peer computes in f32.
const DELAY: f64 = 1e-5;
/// Distance of two interaction points [m].
const VERTEX_M: f64 = 1e-3;
/// Error of |a|, relative to the largest coefficient of the path [-].
const AMPLITUDE: f64 = 1e-3;
/// Error of the phase of a [rad], of coefficients above [`PHASE_FLOOR`].
const PHASE: f64 = 3e-3;
/// Coefficients below this share of the path's largest have no phase in f32 [-].
const PHASE_FLOOR: f64 = 1e-2;
/// A coefficient of the peer may be this many times beyond the bounds [-] where the engine's own is proved: near
/// grazing, Brewster's angle and in corners f32 directions lose that much.
const F32_TIMES: f64 = 3.0;
/// The engine's coefficient is proved if an independent f64 replay agrees with it to this [-, rad].
const PROVED: f64 = 1e-7;
/// Error of an angle [rad].
const ANGLE: f64 = 1e-3;
/// Error of a Doppler shift, relative to that of the greatest speed in the case [-].
const DOPPLER: f64 = 1e-3;

/// What the comparison of one case came to.
#[derive(Default)]
struct Score {
    peers: usize,
    found: usize,
    extra: usize,
    /// Paths beyond the bounds whose coefficients an independent f64 replay proves ([`PROVED`]).
    proved: usize,
    notes: Vec<String>,
    faults: Vec<String>,
    worst: Errors,
}

/// Differences from the peer, each relative as its bound is.
#[derive(Clone, Copy, Default)]
struct Errors {
    delay: f64,
    vertex: f64,
    amplitude: f64,
    phase: f64,
    angle: f64,
    doppler: f64,
}

impl Errors {
    /// Whether they are within the bounds, those of the coefficients taken `times` as wide.
    fn within_bounds(&self, times: f64) -> bool {
        let fields = self.amplitude <= times * AMPLITUDE && self.phase <= times * PHASE && self.angle <= ANGLE;
        fields && self.delay <= DELAY && self.doppler <= DOPPLER
    }

    fn largest(self, other: Errors) -> Errors {
        Errors {
            delay: worse(self.delay, other.delay),
            vertex: worse(self.vertex, other.vertex),
            amplitude: worse(self.amplitude, other.amplitude),
            phase: worse(self.phase, other.phase),
            angle: worse(self.angle, other.angle),
            doppler: worse(self.doppler, other.doppler),
        }
    }
}

#[test]
fn rooms_and_reflectors() {
    for scene in ["box", "box_knife", "box_one_screen", "box_two_screens", "double_reflector", "floor_wall"] {
        for tag in ["spec_d1", "spec_d3", "spec_d5"] {
            compare(committed(scene, tag));
        }
    }
}

#[test]
fn antennas_and_polarisations() {
    for tag in ["spec_isoV", "spec_isoVH", "spec_isoVH_28G", "spec_dipole_cross", "spec_hwdipole_VH", "spec_tr38901_VH"]
    {
        compare(committed("simple_reflector", tag));
    }
}

#[test]
fn a_street_canyon() {
    for tag in ["spec_d1", "spec_d2", "spec_d3", "spec_d5", "array_synth", "doppler"] {
        compare(committed("simple_street_canyon", tag));
    }
}

#[test]
fn munich_by_the_peer() {
    for tag in ["spec_d1", "spec_d3", "spec_d5"] {
        compare(munich(tag));
    }
}

fn compare(case: Option<Case>) {
    let Some(case) = case else { return };
    let scene = Scene::new(&case.scene, OutOfRange::Error).expect("the peer's scene is valid");
    let solution = solve(&case, &scene);
    let soup = Soup::new(&case.scene);
    let mut score = Score { peers: case.peers.len(), ..Score::default() };
    let pairs = pairs_of(&case, &solution, &soup, &mut score);
    compare_pairs(&case, &solution, &pairs, &mut score);
    prove_the_rest(&case, &solution, &soup, &pairs, &mut score);
    if let Some(response) = &case.response {
        crate::response::compare(&case, response, &solution, &mut score.faults);
    }
    report(&case, &score);
}

fn solve(case: &Case, scene: &Scene) -> Solution {
    let small = scene.triangles.len() < 1000;
    let options = if small { build::exhaustive(case.max_depth) } else { build::launch(case.max_depth, 200_000, 32) };
    let options = SolverOptions { line_of_sight: case.line_of_sight, ..options };
    raylobe::solve::solve(build::backend(), scene, &case.radios, &[case.frequency], &options, &Silent)
        .expect("the peer's case can be solved")
}

/// The ends of a peer's path [m].
fn ends_of(case: &Case, peer: &Peer) -> [Vec3; 2] {
    [case.radios.transmitters[peer.tx].position, case.radios.receivers[peer.rx].position]
}

/// The engine's path for each of the peer's: same link, number of reflections and points.
fn pairs_of<'a>(case: &'a Case, solution: &Solution, soup: &Soup, score: &mut Score) -> Vec<(&'a Peer, Trace)> {
    let mut pairs = Vec::new();
    for peer in &case.peers {
        let own = traces(solution, peer.rx * case.radios.transmitters.len() + peer.tx);
        let nearest = |points: &[Vec3]| {
            let candidates = own.iter().filter(|path| same(&path.vertices, points, VERTEX_M)).cloned();
            candidates.min_by(|a, b| apart(&a.vertices, points).total_cmp(&apart(&b.vertices, points)))
        };
        // Long grazing chains amplify the rounding of f32: there the f64 images over the peer's triangles decide.
        let [tx, rx] = ends_of(case, peer);
        let exact = || soup.points_of_chain(&tx, &rx, &peer.hits).and_then(|points| nearest(&points));
        match nearest(&peer.vertices).or_else(exact) {
            Some(path) => pairs.push((peer, path)),
            None => missing(soup, [tx, rx], peer, score),
        }
    }
    score.found = pairs.len();
    pairs
}

/// A path of the peer that was not found: a fault, unless it hangs on the margin of an edge, where f32 may differ.
fn missing(soup: &Soup, [tx, rx]: [Vec3; 2], peer: &Peer, score: &mut Score) {
    let text = format!("{}-{} {:?} {:?}", peer.rx, peer.tx, peer.vertices, peer.hits);
    match soup.check_chain(&tx, &rx, &peer.hits) {
        Verdict::Valid => score.faults.push(format!("missing path {text}")),
        Verdict::Boundary(why) => score.notes.push(format!("on a margin: missing path {text}: {why}")),
        Verdict::Invalid(why) => score.notes.push(format!("the peer's path {text} is not valid: {why}")),
    }
}

fn apart(a: &[Vec3], b: &[Vec3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, worse)
}

fn compare_pairs(case: &Case, solution: &Solution, pairs: &[(&Peer, Trace)], score: &mut Score) {
    for (peer, path) in pairs {
        let errors = errors(case, solution, path, peer);
        if !errors.within_bounds(1.0) {
            let replay = crate::support::brute_field::coefficients(case, peer.tx, peer.rx, path);
            let proof = replay.map(|replay| coefficient_errors(coefficients(solution, path.index, 0), &replay));
            let proved = proof.is_some_and(|(amplitude, phase)| worse(amplitude, phase) <= PROVED);
            let Errors { vertex, delay, amplitude, phase, angle, .. } = errors;
            let text = format!(
                "points {vertex:.1e} m, delay {delay:.1e}, |a| {amplitude:.1e}, phase {phase:.1e}, angle {angle:.1e}, \
                 an independent replay differs by {proof:?}: {peer:?}"
            );
            let explained = proved && errors.within_bounds(F32_TIMES);
            score.proved += usize::from(explained);
            if explained { &mut score.notes } else { &mut score.faults }.push(text);
        }
        score.worst = score.worst.largest(errors);
    }
}

fn errors(case: &Case, solution: &Solution, path: &Trace, peer: &Peer) -> Errors {
    let (p, channel) = (path.index, &solution.channel);
    let own = coefficients(solution, p, 0);
    assert_eq!(own.len(), peer.a.len(), "{}: ports", case.name);
    let (amplitude, phase) = coefficient_errors(own, &peer.a);
    let angles = [channel.theta_t[p], channel.phi_t[p], channel.theta_r[p], channel.phi_r[p]];
    let angle = angles.iter().zip(&peer.angles).map(|(a, b)| C64::from_polar(1.0, a - b).arg().abs());
    let speed: f64 = case.radios.transmitters.iter().chain(&case.radios.receivers).map(|r| r.velocity.norm()).sum();
    let shift = (speed * case.frequency / SPEED_OF_LIGHT).max(1.0);
    Errors {
        delay: (channel.tau[p] / peer.tau - 1.0).abs(),
        vertex: apart(&path.vertices, &peer.vertices),
        amplitude,
        phase,
        angle: angle.fold(0.0, worse),
        doppler: (channel.doppler[p] - peer.doppler).abs() / shift,
    }
}

/// Largest error of |a|, relative to the path's largest coefficient, and of the phase [rad].
fn coefficient_errors(own: &[C64], peer: &[C64]) -> (f64, f64) {
    let largest = peer.iter().map(|a| a.norm()).fold(0.0, worse);
    let pairs = || own.iter().zip(peer);
    let amplitude = pairs().map(|(a, b)| (a.norm() - b.norm()).abs() / largest).fold(0.0, worse);
    let strong = pairs().filter(|(_, b)| b.norm() > PHASE_FLOOR * largest);
    (amplitude, strong.map(|(a, b)| (a * b.conj()).arg().abs()).fold(0.0, worse))
}

/// Each path that the peer does not have is judged by brute force.
fn prove_the_rest(case: &Case, solution: &Solution, soup: &Soup, pairs: &[(&Peer, Trace)], score: &mut Score) {
    let transmitters = case.radios.transmitters.len();
    for link in 0..solution.paths.links() {
        let (tx, rx) = (&case.radios.transmitters[link % transmitters], &case.radios.receivers[link / transmitters]);
        for path in traces(solution, link) {
            if pairs.iter().any(|(_, known)| known.index == path.index) {
                continue;
            }
            score.extra += 1;
            match soup.check_path(&tx.position, &rx.position, &path.vertices, &path.hits) {
                Verdict::Valid => {}
                Verdict::Boundary(why) => score.notes.push(format!("on a margin: extra path of link {link}: {why}")),
                Verdict::Invalid(why) => score.faults.push(format!("false path of link {link}: {why}: {path:?}")),
            }
        }
    }
}

fn report(case: &Case, score: &Score) {
    for text in score.notes.iter().chain(&score.faults).take(20) {
        eprintln!("{}: {text}", case.name);
    }
    let (w, s) = (&score.worst, score);
    let paths = format!("{} of {} paths, {} more proved, {} notes", s.found, s.peers, s.extra, s.notes.len());
    let numbers = format!(
        "delay {:.0e}, vertex {:.0e} m, |a| {:.0e}, phase {:.0e} rad, angle {:.0e} rad, {} proved by replay",
        w.delay, w.vertex, w.amplitude, w.phase, w.angle, s.proved
    );
    let pass = score.faults.is_empty() && score.peers > 0;
    accept(&format!("truth {}", case.name), format!("{paths}; {numbers}"), "all found, none false", pass);
}

#[test]
fn differt_rooms_and_canyon() {
    for name in ["room_with_wall", "street_canyon"] {
        let case = paths3d(name);
        let scene = Scene::new(&case.scene, OutOfRange::Error).expect("the peer's scene is valid");
        let solution = solve(&case, &scene);
        let soup = Soup::new(&case.scene);
        let mut score = Score { peers: case.peers.len(), ..Score::default() };
        let pairs = pairs_of(&case, &solution, &soup, &mut score);
        for (peer, path) in &pairs {
            let errors = Errors {
                delay: (path.length / peer.length - 1.0).abs(),
                vertex: apart(&path.vertices, &peer.vertices),
                ..Errors::default()
            };
            // This peer computes in f64 and writes nine decimals.
            if errors.delay > 1e-9 || errors.vertex > 1e-8 {
                score.faults.push(format!("{path:?} {peer:?}"));
            }
            score.worst = score.worst.largest(errors);
        }
        prove_the_rest(&case, &solution, &soup, &pairs, &mut score);
        report(&case, &score);
    }
}
