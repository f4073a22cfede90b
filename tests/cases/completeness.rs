//! How much the guided launch finds of what there is, and the exhaustive search of the engine against brute force.

use crate::support::brute::{Soup, Verdict};
use crate::support::build::{self, Numbers};
use crate::support::trace::{Trace, pair, traces};
use crate::support::{accept, city, full, large_truth};
use ndarray::Array2;
use raylobe::io::scene_file;
use raylobe::math::Vec3;
use raylobe::path::{FEW_CHAINS, SolverOptions};
use raylobe::scene::Scene;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::generate::{BoxesOptions, CityOptions, GenerateOptions, generate};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::radio::Radios;
use raylobe::solve::Solution;
use rayon::prelude::*;

/// Paths over the same points: the two routes refine them alike [m].
const SAME_M: f64 = 1e-6;
/// Least share of the oracle's paths [-].
const PATHS: f64 = 0.999;
/// Least share of the oracle's power [-].
const POWER: f64 = 0.99999;

/// What a route found of what an oracle found.
#[derive(Default)]
struct Tally {
    paths: usize,
    found: usize,
    power: f64,
    found_power: f64,
    false_paths: Vec<String>,
    missing: Vec<String>,
}

impl Tally {
    /// Compares all links of `route` with those of `oracle`; each path of the route must be proved by brute force.
    fn add(&mut self, name: &str, scene: &SceneDescription, radios: &Radios, route: &Solution, oracle: &Solution) {
        let soup = Soup::new(scene);
        for link in 0..oracle.paths.links() {
            let (own, all) = (traces(route, link), traces(oracle, link));
            let (tx, rx) = ends_of(radios, link);
            let judged = own.par_iter().map(|path| (path, soup.check_path(&tx, &rx, &path.vertices, &path.hits)));
            let falsehood = |(path, verdict): (&Trace, Verdict)| match verdict {
                Verdict::Invalid(why) => Some(format!("{name}, link {link}: {why}: {path:?}")),
                Verdict::Valid | Verdict::Boundary(_) => None,
            };
            self.false_paths.extend(judged.filter_map(falsehood).collect::<Vec<String>>());
            for (path, partner) in all.iter().zip(pair(&all, &own, SAME_M)) {
                self.count(path, partner.is_some(), || format!("{name}, link {link}: {}", described(path)));
            }
        }
    }

    fn count(&mut self, path: &Trace, found: bool, text: impl Fn() -> String) {
        self.paths += 1;
        self.power += path.power;
        if found {
            self.found += 1;
            self.found_power += path.power;
        } else {
            self.missing.push(text());
        }
    }

    fn require(&self, name: &str) {
        for text in self.missing.iter().take(50) {
            println!("missed by the launch (no ray met the chain): {text}");
        }
        for text in &self.false_paths {
            eprintln!("{text}");
        }
        let (paths, power) = (self.found as f64 / self.paths as f64, self.found_power / self.power);
        accept(&format!("{name}: false paths"), self.false_paths.len(), "0", self.false_paths.is_empty());
        let value = format!("{:.5} % of {}", 100.0 * paths, self.paths);
        accept(&format!("{name}: paths"), value, ">= 99.9 %", paths >= PATHS);
        accept(&format!("{name}: power"), format!("{:.6} %", 100.0 * power), ">= 99.999 %", power >= POWER);
    }
}

fn described(path: &Trace) -> String {
    let gain = 10.0 * path.power.log10();
    format!("{} reflections, {:.1} m, {gain:.1} dB, over {:?}", path.vertices.len(), path.length, path.hits)
}

fn ends_of(radios: &Radios, link: usize) -> (Vec3, Vec3) {
    let count = radios.transmitters.len();
    (radios.transmitters[link % count].position, radios.receivers[link / count].position)
}

/// Boxes on a plane and devices outside them.
pub fn boxes(seed: u32, count: u32, receivers: usize) -> (SceneDescription, Radios) {
    // A square of 24 m for each box: room for all, and near enough to reflect between them.
    let half = 12.0 * f64::from(count).sqrt();
    let options = BoxesOptions { seed: seed.into(), count, extent_m: 2.0 * half, ..BoxesOptions::default() };
    let options = BoxesOptions { rotated: seed.is_multiple_of(2), ..options };
    let scene = generate(&GenerateOptions::Boxes(options)).expect("the options are valid");
    let mut numbers = Numbers::new(1000 + seed);
    let mut free = |height: [f64; 2]| loop {
        let p = [numbers.between(-half, half), numbers.between(-half, half), numbers.between(height[0], height[1])];
        if !inside_a_box(&scene, &p) {
            return p;
        }
    };
    let transmitter = free([3.0, 20.0]);
    let receivers: Vec<[f64; 3]> = (0..receivers).map(|_| free([1.0, 3.0])).collect();
    (scene, build::radios(Polarization::V, &[transmitter], &receivers))
}

/// Whether the point lies within the bounds of an object that has a height, with half a metre to spare.
fn inside_a_box(scene: &SceneDescription, p: &[f64; 3]) -> bool {
    scene.objects.iter().any(|object| {
        let range = |axis: usize| {
            let of_axis = || object.mesh.vertices.iter().map(move |v| v[axis]);
            (of_axis().fold(f64::INFINITY, f64::min), of_axis().fold(f64::NEG_INFINITY, f64::max))
        };
        let (low, high) = range(2);
        high > low && (0..3).all(|axis| p[axis] > range(axis).0 - 0.5 && p[axis] < range(axis).1 + 0.5)
    })
}

#[test]
fn the_exhaustive_search_is_that_of_brute_force() {
    let (mut paths, mut scenes) = (0, 0);
    for seed in 0..6 {
        let (scene, radios) = boxes(seed, 4, 6);
        let soup = Soup::new(&scene);
        let solution = build::solved(&scene, &radios, &[28e9], &build::exhaustive(3));
        for link in 0..solution.paths.links() {
            let (tx, rx) = ends_of(&radios, link);
            let own = traces(&solution, link);
            let all = soup.exhaustive(&tx, &rx, 3);
            let is = |a: &Trace, b: &[Vec3]| crate::support::trace::same(&a.vertices, b, SAME_M);
            for expected in all.iter().filter(|p| p.verdict == Verdict::Valid) {
                paths += 1;
                let found = own.iter().find(|path| is(path, &expected.vertices));
                let found = found.unwrap_or_else(|| panic!("seed {seed}, link {link}: missing {expected:?}"));
                assert!((found.length - expected.length).abs() < 1e-9 * expected.length);
            }
            for path in &own {
                assert!(all.iter().any(|b| is(path, &b.vertices)), "seed {seed}, link {link}: false {path:?}");
            }
        }
        scenes += 1;
    }
    accept("exhaustive = brute force, depth 3", format!("{paths} paths of {scenes} scenes"), "equal", paths > 50);
}

#[test]
fn the_launch_finds_what_random_boxes_hold() {
    let mut tally = Tally::default();
    let scenes = if full() { 200 } else { 20 };
    for seed in 0..scenes {
        let (scene, radios) = boxes(seed, 10 + (seed * 37) % 51, 50);
        let oracle = build::solved(&scene, &radios, &[28e9], &build::exhaustive(3));
        let route = build::solved(&scene, &radios, &[28e9], &build::by_default_with_rays(3));
        assert_eq!(oracle.counters.dropped_chains, 0);
        tally.add(&format!("boxes {seed}"), &scene, &radios, &route, &oracle);
    }
    tally.require(&format!("launch, {scenes} scenes of 10-60 boxes, depth 3"));
}

#[test]
fn few_chains_are_all_tried_and_many_searched_for() {
    let (scene, radios) = boxes(3, 5, 20);
    let solve = |options| build::solved(&scene, &radios, &[28e9], &options);
    let (few, all) = (solve(build::by_default(2)), solve(build::exhaustive(2)));
    assert!(all.counters.chains <= FEW_CHAINS && few.counters.rays == 0);
    assert_eq!((few.paths, few.counters), (all.paths, all.counters));
    let depth = (3..).find(|depth| solve(build::exhaustive(*depth)).counters.chains > FEW_CHAINS);
    let depth = depth.expect("chains grow in number with their length");
    let (many, launch) = (solve(build::by_default(depth)), solve(build::by_default_with_rays(depth)));
    assert!(many.counters.rays > 0);
    assert_eq!((many.paths, many.counters), (launch.paths, launch.counters));
}

#[test]
fn single_reflections_are_all_tried_and_found_for_a_receiver_whatever_the_others() {
    let options = CityOptions { seed: 11, triangles: 14_000, ..CityOptions::default() };
    let scene = generate(&GenerateOptions::City(options)).expect("the options are valid");
    let mut numbers = Numbers::new(8);
    let place = |_| [numbers.between(-150.0, 150.0), numbers.between(-150.0, 150.0), 1.5];
    let receivers: Vec<[f64; 3]> = (0..1500).map(place).collect();
    let solve = |receivers: &[[f64; 3]], options: &SolverOptions| {
        let radios = build::radios(Polarization::V, &[[0.0, 0.0, 30.0]], receivers);
        build::solved(&scene, &radios, &[28e9], options)
    };
    let all = solve(&receivers, &build::by_default(1));
    assert!(all.counters.rays == 0 && all.counters.chains > FEW_CHAINS, "{:?}", all.counters);
    let launch = solve(&receivers, &build::by_default_with_rays(1));
    let paths = |solution: &Solution, links: std::ops::Range<usize>| {
        links.flat_map(|link| traces(solution, link)).map(|path| path.vertices).collect::<Vec<Vec<Vec3>>>()
    };
    // Of many receivers facets are asked first whether they are hidden; of few, whether their beams reach any.
    let mut found = 0;
    for first in (0..1500).step_by(50) {
        let alone = solve(&receivers[first..first + 1], &build::by_default(1));
        let few = solve(&receivers[first..first + 50], &build::by_default(1));
        assert_eq!(paths(&alone, 0..1), paths(&few, 0..1), "receiver {first}");
        assert_eq!(paths(&few, 0..50), paths(&all, first..first + 50), "receivers from {first} on");
        assert_eq!((alone.counters.chains, few.counters.chains), (all.counters.chains, all.counters.chains));
        found += paths(&few, 0..50).len();
    }
    let by_rays = paths(&launch, 0..1500).len();
    let text = format!("{found} paths, {by_rays} of them by rays");
    accept(
        "single reflections in a city, receivers alone and together",
        text,
        "equal",
        found > 500 && found >= by_rays,
    );
}

#[test]
fn the_launch_finds_what_the_canyon_holds() {
    let Some(file) = city("simple_street_canyon") else { return };
    let scene = scene_file::read(&file).expect("the canyon can be read");
    let mut numbers = Numbers::new(77);
    let receivers: Vec<[f64; 3]> = (0..100)
        .map(|_| [numbers.between(-60.0, 60.0), numbers.between(-7.0, 7.0), numbers.between(1.0, 3.0)])
        .collect();
    let radios = build::radios(Polarization::V, &[[-33.0, 0.0, 32.0], [30.0, 3.0, 6.0]], &receivers);
    let oracle = build::solved(&scene, &radios, &[3.5e9], &build::exhaustive(3));
    let route = build::solved(&scene, &radios, &[3.5e9], &build::by_default_with_rays(3));
    let mut tally = Tally::default();
    tally.add("canyon", &scene, &radios, &route, &oracle);
    tally.require("launch, street canyon, depth 3");
}

/// Munich: the tutorial's transmitter and the thousand outdoor receivers of the benchmark.
pub fn munich() -> Option<(SceneDescription, Radios)> {
    let scene = scene_file::read(&city("munich")?).expect("Munich can be read");
    let positions: Array2<f32> =
        ndarray_npy::read_npy(large_truth("munich_rx_1000.npy")?).expect("an array of positions");
    let position = |row: ndarray::ArrayView1<f32>| [row[0].into(), row[1].into(), row[2].into()];
    let receivers: Vec<[f64; 3]> = positions.rows().into_iter().map(position).collect();
    Some((scene, build::radios(Polarization::V, &[[8.5, 21.0, 27.0]], &receivers)))
}

fn solved_in_munich(scene: &SceneDescription, radios: &Radios, options: &SolverOptions) -> Solution {
    let scene = Scene::new(scene, OutOfRange::Error).expect("Munich is valid");
    raylobe::solve::solve(build::backend(), &scene, radios, &[3.5e9], options, &raylobe::progress::Silent)
        .expect("Munich can be solved")
}

#[test]
fn the_launch_finds_what_munich_holds() {
    const DEPTH: u32 = 5;
    let Some((scene, radios)) = munich() else { return };
    let route = solved_in_munich(&scene, &radios, &build::by_default_with_rays(DEPTH));
    let (rays, per_chain) = if full() { (1_000_000, 32) } else { (300_000, 32) };
    let oracle = solved_in_munich(&scene, &radios, &build::launch(DEPTH, rays, per_chain));
    let mut tally = Tally::default();
    tally.add("Munich", &scene, &radios, &route, &oracle);
    tally.require(&format!("launch, Munich, depth {DEPTH}, against {rays} + {per_chain} rays"));
    if full() {
        let plain = solved_in_munich(&scene, &radios, &build::launch(DEPTH, 100_000_000, 0));
        let mut tally = Tally::default();
        tally.add("Munich", &scene, &radios, &route, &plain);
        tally.require(&format!("launch, Munich, depth {DEPTH}, against 1e8 plain rays"));
    }
}

#[test]
fn the_launch_finds_what_munich_holds_for_a_transmitter_in_a_street() {
    const DEPTH: u32 = 4;
    let Some((scene, mut radios)) = munich() else { return };
    // Between house fronts chains are many and their windows narrow.
    let places = if full() { vec![3, 50, 250, 500, 650, 750] } else { vec![3] };
    let mut tally = Tally::default();
    for place in places {
        radios.transmitters[0].position = radios.receivers[place].position + Vec3::new(0.0, 0.0, 1.5);
        let route = solved_in_munich(&scene, &radios, &build::by_default_with_rays(DEPTH));
        let oracle = solved_in_munich(&scene, &radios, &build::launch(DEPTH, 1_000_000, 64));
        tally.add(&format!("Munich, street {place}"), &scene, &radios, &route, &oracle);
    }
    tally.require(&format!("launch, Munich from streets, depth {DEPTH}, against 1e6 + 64 rays"));
}

#[test]
fn the_launch_finds_what_other_cities_hold() {
    let cities = [("etoile", 300), ("florence", 150), ("san_francisco", 60), ("simple_street_canyon_with_cars", 100)];
    let mut tally = Tally::default();
    for (name, count) in cities {
        let Some(file) = city(name) else { return };
        let scene = scene_file::read(&file).expect("the city can be read");
        let vertices = || scene.objects.iter().flat_map(|object| &object.mesh.vertices);
        let range = |axis: usize| {
            let (low, high) = (f64::min as fn(f64, f64) -> f64, f64::max as fn(f64, f64) -> f64);
            let fold = |start: f64, pick: fn(f64, f64) -> f64| vertices().map(|v| v[axis]).fold(start, pick);
            [fold(f64::INFINITY, low), fold(f64::NEG_INFINITY, high)]
        };
        let [x, y, z] = [range(0), range(1), range(2)];
        let middle = |r: [f64; 2]| (r[0] + r[1]) / 2.0;
        let mut numbers = Numbers::new(5);
        // About the middle, at all heights: some in streets, some above roofs, some within houses.
        let mut near = |r: [f64; 2]| middle(r) + numbers.between(-0.1, 0.1) * (r[1] - r[0]);
        let receivers: Vec<[f64; 3]> = (0..count).map(|_| [near(x), near(y), 2.0 * near(z) - middle(z)]).collect();
        let radios = build::radios(Polarization::V, &[[middle(x), middle(y), z[1] + 5.0]], &receivers);
        let solve = |options| build::solved(&scene, &radios, &[3.5e9], &options);
        let (route, oracle) = (solve(build::by_default_with_rays(3)), solve(build::launch(3, 300_000, 64)));
        tally.add(name, &scene, &radios, &route, &oracle);
    }
    tally.require("launch, four other cities, depth 3, against 300,000 + 64 rays");
}
