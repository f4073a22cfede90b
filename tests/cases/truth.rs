//! Reference results of other programs, case by case: every path of theirs is found with its delay, points, coefficients
//! and angles; each path beyond theirs is proved valid by brute force.

use crate::support::brute::{Soup, Verdict};
use crate::support::trace::{Trace, coefficients, traces};
use crate::support::truth_files::{Case, Peer, committed, munich};
use crate::support::{accept, build};
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
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
    on_a_margin: Vec<String>,
    /// Paths whose points are so close that the peer's f32 directions bound the comparison, not [`AMPLITUDE`].
    crooked: Vec<String>,
    faults: Vec<String>,
    worst: Worst,
}

#[derive(Default)]
struct Worst {
    delay: f64,
    vertex: f64,
    amplitude: f64,
    phase: f64,
    angle: f64,
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
    let solution = solve(&case);
    let soup = Soup::new(&case.scene);
    let mut score = Score::default();
    for rx in 0..case.radios.receivers.len() {
        for tx in 0..case.radios.transmitters.len() {
            compare_link(&case, &solution, &soup, rx, tx, &mut score);
        }
    }
    if let Some(response) = &case.response {
        crate::response::compare(&case, response, &solution, &mut score.faults);
    }
    report(&case, &score);
}

fn solve(case: &Case) -> Solution {
    let scene = Scene::new(&case.scene, OutOfRange::Error).expect("the peer's scene is valid");
    let small = scene.triangles.len() < 1000;
    let options = if small { build::exhaustive(case.max_depth) } else { build::launch(case.max_depth, 200_000, 32) };
    let options = SolverOptions { line_of_sight: case.line_of_sight, ..options };
    raylobe::solve::solve(
        raylobe::backend::Backend::Cpu,
        &scene,
        &case.radios,
        &[case.frequency],
        &options,
        &raylobe::backend::Silent,
    )
    .expect("the peer's case can be solved")
}

fn compare_link(case: &Case, solution: &Solution, soup: &Soup, rx: usize, tx: usize, score: &mut Score) {
    let own = traces(solution, rx * case.radios.transmitters.len() + tx);
    let mut known = vec![false; own.len()];
    for peer in case.peers.iter().filter(|p| p.rx == rx && p.tx == tx) {
        score.peers += 1;
        let near = |path: &&Trace| path.vertices.len() == peer.vertices.len() && worst_vertex(path, peer) <= VERTEX_M;
        match own.iter().filter(near).min_by(|a, b| worst_vertex(a, peer).total_cmp(&worst_vertex(b, peer))) {
            Some(path) => {
                score.found += 1;
                known[own.iter().position(|p| p.index == path.index).expect("the path is of this link")] = true;
                compare_path(case, solution, path, peer, score);
            }
            None => missing(case, soup, peer, score),
        }
    }
    let ends = (case.radios.transmitters[tx].position, case.radios.receivers[rx].position);
    for (path, _) in own.iter().zip(&known).filter(|(_, known)| !**known) {
        score.extra += 1;
        match soup.check_path(&ends.0, &ends.1, &path.vertices, &path.hits) {
            Verdict::Valid => {}
            Verdict::Boundary(why) => score.on_a_margin.push(format!("extra path of {rx}-{tx}: {why}")),
            Verdict::Invalid(why) => score.faults.push(format!("false path of {rx}-{tx}: {why}: {path:?}")),
        }
    }
}

fn worst_vertex(path: &Trace, peer: &Peer) -> f64 {
    path.vertices.iter().zip(&peer.vertices).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max)
}

fn shortest_segment(ends: &[Vec3; 2], path: &Trace) -> f64 {
    let points: Vec<Vec3> = [ends[0]].into_iter().chain(path.vertices.iter().copied()).chain([ends[1]]).collect();
    points.windows(2).map(|s| (s[1] - s[0]).norm()).fold(f64::INFINITY, f64::min)
}

/// A path of the peer that was not found: a fault, unless it hangs on the margin of an edge, where f32 may differ.
fn missing(case: &Case, soup: &Soup, peer: &Peer, score: &mut Score) {
    let ends = (case.radios.transmitters[peer.tx].position, case.radios.receivers[peer.rx].position);
    let text = format!("{}-{} {:?} {:?}", peer.rx, peer.tx, peer.vertices, peer.hits);
    match soup.check_chain(&ends.0, &ends.1, &peer.hits) {
        Verdict::Valid => score.faults.push(format!("missing path {text}")),
        Verdict::Boundary(why) => score.on_a_margin.push(format!("missing path {text}: {why}")),
        Verdict::Invalid(why) => score.on_a_margin.push(format!("the peer's path {text} is not valid: {why}")),
    }
}

fn compare_path(case: &Case, solution: &Solution, path: &Trace, peer: &Peer, score: &mut Score) {
    let (p, channel) = (path.index, &solution.channel);
    let ends = [case.radios.transmitters[peer.tx].position, case.radios.receivers[peer.rx].position];
    let mut check = |what: &str, error: f64, bound: f64| {
        if !(error <= bound) {
            score.faults.push(format!("{what}: {error:.2e} > {bound:.0e} at {path:?} {peer:?}"));
        }
        error
    };
    // The peer's directions are as wrong as its f32 points are, over the shortest segment between them.
    let crooked = worst_vertex(path, peer) / shortest_segment(&ends, path);
    if crooked > AMPLITUDE {
        score.crooked.push(format!("{}-{} {crooked:.1e} rad", peer.rx, peer.tx));
    }
    let delay = check("delay", (channel.tau[p] / peer.tau - 1.0).abs(), DELAY);
    let own = coefficients(solution, p, 0);
    assert_eq!(own.len(), peer.a.len(), "{}: ports", case.name);
    let largest = peer.a.iter().map(|a| a.norm()).fold(0.0, f64::max);
    let (mut amplitude, mut phase): (f64, f64) = (0.0, 0.0);
    for (a, b) in own.iter().zip(&peer.a) {
        amplitude = amplitude.max(check("|a|", (a.norm() - b.norm()).abs() / largest, AMPLITUDE.max(crooked)));
        if b.norm() > PHASE_FLOOR * largest {
            phase = phase.max(check("phase", (a * b.conj()).arg().abs(), PHASE.max(crooked)));
        }
    }
    let own_angles = [channel.theta_t[p], channel.phi_t[p], channel.theta_r[p], channel.phi_r[p]];
    let angle = own_angles.iter().zip(&peer.angles).map(|(a, b)| C64::from_polar(1.0, a - b).arg().abs());
    let angle = check("angle", angle.fold(0.0, f64::max), ANGLE.max(crooked));
    let fastest = case.radios.transmitters.iter().chain(&case.radios.receivers).map(|r| r.velocity.norm()).sum::<f64>();
    let shift = fastest * case.frequency / raylobe::constants::SPEED_OF_LIGHT;
    check("Doppler", (channel.doppler[p] - peer.doppler).abs(), (DOPPLER * shift).max(1e-9));
    let worst = &mut score.worst;
    worst.delay = worst.delay.max(delay);
    worst.vertex = worst.vertex.max(worst_vertex(path, peer));
    worst.amplitude = worst.amplitude.max(amplitude);
    worst.phase = worst.phase.max(phase);
    worst.angle = worst.angle.max(angle);
}

fn report(case: &Case, score: &Score) {
    for note in &score.on_a_margin {
        eprintln!("{}: on a margin: {note}", case.name);
    }
    for note in &score.crooked {
        eprintln!("{}: points so close that the peer's directions are this wrong: {note}", case.name);
    }
    for fault in score.faults.iter().take(10) {
        eprintln!("{}: {fault}", case.name);
    }
    let w = &score.worst;
    let value = format!(
        "{} of {} paths, {} more proved, {} on a margin, {} with the peer's points too close, {} faults; delay {:.0e}, vertex {:.0e} m, |a| {:.0e}, phase {:.0e} rad, angle {:.0e} rad",
        score.found,
        score.peers,
        score.extra,
        score.on_a_margin.len(),
        score.crooked.len(),
        score.faults.len(),
        w.delay,
        w.vertex,
        w.amplitude,
        w.phase,
        w.angle
    );
    accept(&format!("truth {}", case.name), value, "all found, none false", score.faults.is_empty() && score.peers > 0);
}

#[test]
fn differt_rooms_and_canyon() {
    for name in ["room_with_wall", "street_canyon"] {
        let case = crate::support::truth_files::paths3d(name);
        let scene = Scene::new(&case.scene, OutOfRange::Error).expect("the peer's scene is valid");
        let solution = raylobe::solve::solve(
            raylobe::backend::Backend::Cpu,
            &scene,
            &case.radios,
            &[3.5e9],
            &build::exhaustive(case.max_depth),
            &raylobe::backend::Silent,
        )
        .expect("the peer's case can be solved");
        let soup = Soup::new(&case.scene);
        let (mut faults, mut margins, mut extra) = (Vec::new(), Vec::new(), 0);
        for rx in 0..case.radios.receivers.len() {
            for tx in 0..case.radios.transmitters.len() {
                let own = traces(&solution, rx * case.radios.transmitters.len() + tx);
                let peers: Vec<&Peer> = case.peers.iter().filter(|p| p.rx == rx && p.tx == tx).collect();
                let ends: (Vec3, Vec3) = (case.radios.transmitters[tx].position, case.radios.receivers[rx].position);
                let is = |path: &Trace, peer: &Peer| {
                    path.vertices.len() == peer.vertices.len() && worst_vertex(path, peer) <= 1e-6
                };
                for peer in &peers {
                    let found = own.iter().find(|path| is(path, peer));
                    if found.is_none_or(|path| (path.length - peer.length).abs() > 1e-6) {
                        match soup.check_chain(&ends.0, &ends.1, &peer.hits) {
                            Verdict::Valid => faults.push(format!("missing {peer:?}")),
                            other => margins.push(format!("missing {peer:?}: {other:?}")),
                        }
                    }
                }
                for path in own.iter().filter(|path| !peers.iter().any(|peer| is(path, peer))) {
                    extra += 1;
                    match soup.check_path(&ends.0, &ends.1, &path.vertices, &path.hits) {
                        Verdict::Valid => {}
                        Verdict::Boundary(why) => margins.push(format!("extra {path:?}: {why}")),
                        Verdict::Invalid(why) => faults.push(format!("false {path:?}: {why}")),
                    }
                }
            }
        }
        for text in margins.iter().chain(&faults) {
            eprintln!("{name}: {text}");
        }
        let value = format!(
            "{} paths, {extra} more proved, {} on a margin, {} faults",
            case.peers.len(),
            margins.len(),
            faults.len()
        );
        accept(&format!("truth DiffeRT {name}"), value, "all found, none false", faults.is_empty());
    }
}
