//! Smoothed visibility (theory.md, T107-T110): the hard result in the limit, the reference paths, continuity, and gradients
//! through visibility against differences.

use crate::completeness::munich;
use crate::support::build::{self, Numbers};
use crate::support::truth_files;
use crate::support::{accept, worse};
use raylobe::channel::ChannelBar;
use raylobe::geometry::Geometry;
use raylobe::geometry::obstacle::worst_obstacle;
use raylobe::geometry::outline::Outlines;
use raylobe::layout::NONE;
use raylobe::math::Vec3;
use raylobe::math::smoothing::StepKind;
use raylobe::path::adjoint::{ParameterKind, Wanted};
use raylobe::path::smooth::chains::{Asked, soft_paths};
use raylobe::path::smooth::seen::seen_from;
use raylobe::path::smooth::{Candidate, Softness, View, Visibility};
use raylobe::path::{Paths, SolverOptions};
use raylobe::scene::Scene;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::generate::{CanyonOptions, CityOptions, GenerateOptions, generate};
use raylobe::scene::radio::Radios;
use raylobe::solve::smooth::{SoftEngine, SoftSolution};

const CARRIER: f64 = 28e9;

fn canyon() -> SceneDescription {
    generate(&GenerateOptions::Canyon(CanyonOptions::default())).expect("a canyon")
}

fn soft(scene: &Scene, radios: &Radios, options: &SolverOptions, softness: Softness) -> SoftSolution {
    let engine = SoftEngine::new(build::backend(), scene, options).expect("a scene");
    engine.solve(radios, &[CARRIER], softness).expect("a solution")
}

fn sigmoid(alpha: f64) -> Softness {
    Softness::of(StepKind::Sigmoid, alpha)
}

/// Chains of facets of the paths of a link.
fn chains(paths: &Paths, link: usize) -> Vec<Vec<u32>> {
    let mut chains: Vec<Vec<u32>> =
        paths.of_link(link).map(|path| paths.facet[paths.vertices_of(path)].to_vec()).collect();
    chains.sort();
    chains
}

/// Random points in a box.
fn points(numbers: &mut Numbers, low: [f64; 3], high: [f64; 3], count: usize) -> Vec<[f64; 3]> {
    (0..count).map(|_| [0, 1, 2].map(|axis| numbers.between(low[axis], high[axis]))).collect()
}

/// Very sharp, visibility is what it is without smoothing: for chains that the solver finds 1, for others 0.
fn the_limit_is_hard(name: &str, scene: &SceneDescription, radios: &Radios, depth: u32, most_near: usize) {
    let scene = build::checked(scene);
    let options = build::exhaustive(depth);
    let hard =
        raylobe::solve::solve(build::backend(), &scene, radios, &[CARRIER], &options, &raylobe::progress::Silent)
            .expect("paths");
    let sharp = soft(&scene, radios, &options, sigmoid(1e6));
    let exact = soft(&scene, radios, &options, sigmoid(f64::INFINITY));
    assert_eq!((&exact.paths, &exact.channel), (&hard.paths, &hard.channel), "infinitely sharp is the solver itself");
    let (mut near, mut differ) = (0, 0);
    for link in 0..hard.paths.links() {
        let sure = |path: &usize| (sharp.visibility[*path].value - 0.5).abs() > 0.5 - 1e-6;
        near += sharp.paths.of_link(link).filter(|path| !sure(path)).count();
        differ += usize::from(chains(&hard.paths, link) != chains(&sharp.paths, link));
    }
    let value = format!("{differ} of {} links differ, {near} chains within 14 um of a change", hard.paths.links());
    accept(
        &format!("smoothing: very sharp is hard, {name}"),
        value,
        "only such links",
        differ <= near && near <= most_near,
    );
}

#[test]
fn very_sharp_smoothing_is_the_solver_in_the_canyon() {
    let mut numbers = Numbers::new(5);
    let receivers = points(&mut numbers, [-95.0, -9.0, 0.5], [95.0, 9.0, 24.0], 200);
    let transmitters = points(&mut numbers, [-95.0, -30.0, 1.0], [95.0, 30.0, 40.0], 50);
    let radios = build::radios(Polarization::V, &transmitters, &receivers);
    the_limit_is_hard("canyon, 10,000 links, depth 1", &canyon(), &radios, 1, 20);
    let few = build::radios(Polarization::V, &transmitters[..5], &receivers[..40]);
    the_limit_is_hard("canyon, 200 links, depth 2", &canyon(), &few, 2, 5);
}

#[test]
fn very_sharp_smoothing_is_the_solver_in_munich() {
    let Some((scene, radios)) = munich() else { return };
    let checked = build::checked(&scene);
    let geometry = Geometry::new(&checked);
    let outlines = Outlines::build(&geometry);
    let mut numbers = Numbers::new(6);
    let (low, high) = checked.bounds().expect("a city");
    let (mut differ, mut near) = (0, 0);
    // 10,000 links between points of the city and its receivers.
    for k in 0..10_000 {
        let receiver = radios.receivers[k % radios.receivers.len()].position - checked.origin;
        let other = Vec3::new(
            numbers.between(low.x, high.x),
            numbers.between(low.y, high.y),
            numbers.between(1.0, 60.0) - checked.origin.z,
        );
        let soft = worst_obstacle(&geometry, &outlines, &[other, receiver], [NONE; 2], [0.0, f64::INFINITY]);
        let mut hard = false;
        raylobe::geometry::search::for_each_crossing(&checked, &geometry.bvh, [&other, &receiver], |_| hard = true);
        differ += usize::from(soft.is_some_and(|obstacle| obstacle.clearance.signed > 0.0) != hard);
        near += usize::from(
            worst_obstacle(&geometry, &outlines, &[other, receiver], [NONE; 2], [-1e-4, f64::INFINITY])
                .is_some_and(|obstacle| obstacle.clearance.signed.abs() < 1e-4),
        );
    }
    let value = format!("{differ} of 10,000 links differ, {near} within 0.1 mm of a change");
    accept("smoothing: very sharp is hard, Munich", value, "only such links", differ <= near && near <= 20);
}

/// The reference paths: each is there, and clear where its clearance is.
#[test]
fn reference_paths_are_clear() {
    for name in ["street_canyon", "room_with_wall"] {
        let case = truth_files::paths3d(name);
        let scene = build::checked(&case.scene);
        let (mut seen, mut worst, mut missing) = (0, 1f64, 0);
        let depth = 2;
        let options = build::exhaustive(depth);
        let found = soft(&scene, &case.radios, &options, sigmoid(100.0));
        let hard = build::solved(&case.scene, &case.radios, &[CARRIER], &options);
        for link in 0..hard.paths.links() {
            for wanted in hard.paths.of_link(link) {
                let chain = &hard.paths.facet[hard.paths.vertices_of(wanted)];
                let own =
                    found.paths.of_link(link).find(|path| &found.paths.facet[found.paths.vertices_of(*path)] == chain);
                let Some(own) = own else {
                    missing += 1;
                    continue;
                };
                seen += 1;
                // V = s(100 c) of the clearance c: above 0.99 from c = 4.6 cm on.
                let value = found.visibility[own].value;
                let clearance = (value / (1.0 - value)).ln() / 100.0;
                assert!(value > 0.5, "a path of the solver has clearance {clearance}");
                if clearance > 0.1 {
                    worst = worst.min(value);
                }
            }
        }
        println!("{name}: {seen} paths, {missing} missing");
        accept(
            &format!("smoothing: reference paths of {name}"),
            worst,
            "> 0.99, none missing",
            worst > 0.99 && missing == 0 && seen > 20,
        );
    }
}

/// Walks, from where to where [m].
type Walk = [[f64; 3]; 2];

/// Along walks through shadows the largest change of V shrinks with the step, down to a micrometre: there is no jump. `radios` has
/// a link for each of the points that walk, in their order.
fn walks_are_continuous(
    name: &str,
    engine: &SoftEngine,
    walks: &[Walk],
    steps: usize,
    radios: impl Fn(&[[f64; 3]]) -> Radios,
) {
    // Visibilities by chain, of all walks at once: each chain is a function of its own.
    let at = |points: &[Vec3]| -> Vec<Vec<(Vec<u32>, f64)>> {
        let points: Vec<[f64; 3]> = points.iter().map(|p| (*p).into()).collect();
        let solution = engine.solve(&radios(&points), &[CARRIER], sigmoid(20.0)).expect("a solution");
        let of = |path: usize| {
            (solution.paths.facet[solution.paths.vertices_of(path)].to_vec(), solution.visibility[path].value)
        };
        let of_link = |link: usize| {
            let mut all: Vec<_> = solution.paths.of_link(link).map(of).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        (0..points.len()).map(of_link).collect()
    };
    let largest = |a: &[(Vec<u32>, f64)], b: &[(Vec<u32>, f64)]| -> f64 {
        let value = |of: &[(Vec<u32>, f64)], chain: &Vec<u32>| {
            of.binary_search_by(|known| known.0.cmp(chain)).map_or(0.0, |place| of[place].1)
        };
        a.iter().chain(b).map(|(chain, _)| (value(a, chain) - value(b, chain)).abs()).fold(0.0, f64::max)
    };
    let point = |[from, to]: &Walk, t: f64| Vec3::from(*from) * (1.0 - t) + Vec3::from(*to) * t;
    // Of each walk the step with the largest change, halved again and again.
    let along: Vec<_> =
        (0..=steps).map(|k| at(&walks.iter().map(|w| point(w, k as f64 / steps as f64)).collect::<Vec<_>>())).collect();
    let mut known: Vec<_> = (0..walks.len())
        .map(|walk| {
            let change = |k: &usize| largest(&along[*k][walk], &along[*k + 1][walk]);
            let worst = (0..steps).max_by(|a, b| change(a).total_cmp(&change(b))).expect("steps");
            let range = [worst, worst + 1].map(|k| k as f64 / steps as f64);
            (range, [worst, worst + 1].map(|k| along[k][walk].clone()), 0.0)
        })
        .collect();
    let length = |walk: usize| (Vec3::from(walks[walk][1]) - Vec3::from(walks[walk][0])).norm();
    let longest = (0..walks.len()).map(length).fold(0.0, f64::max);
    let halvings = (longest / steps as f64 / 1e-6).log2().ceil() as usize;
    for _ in 0..halvings {
        let middles: Vec<Vec3> =
            walks.iter().zip(&known).map(|(walk, ([low, high], ..))| point(walk, (low + high) / 2.0)).collect();
        for (([low, high], [a, b], before), middle) in known.iter_mut().zip(at(&middles)) {
            *before = largest(a, b);
            let half = (*low + *high) / 2.0;
            if largest(a, &middle) >= largest(&middle, b) {
                (*high, *b) = (half, middle)
            } else {
                (*low, *a) = (half, middle)
            }
        }
    }
    let (mut jump, mut steepest) = (0f64, 0f64);
    for (walk, ([low, high], [a, b], before)) in known.iter().enumerate() {
        // Half the step, half the change: what is left over does not shrink.
        jump = worse(jump, largest(a, b) - before / 2.0);
        steepest = steepest.max(largest(a, b) / ((high - low) * length(walk)));
    }
    println!("{name}: {} walks, the steepest change is {steepest:.2} per metre", walks.len());
    accept(
        &format!("smoothing: residual jump over a micrometre, {name}"),
        format!("{jump:.1e}"),
        "<= 1e-6",
        jump <= 1e-6 && steepest > 1.0,
    );
}

/// Walks from random places in a box, 20 m along the ground and some way up.
fn random_walks(numbers: &mut Numbers, [low, high]: [[f64; 3]; 2], count: usize) -> Vec<Walk> {
    let starts = points(numbers, low, high, count);
    let walk = |start: &[f64; 3]| {
        let turn = numbers.between(0.0, std::f64::consts::TAU);
        let up = numbers.between(-0.2, 8.0);
        [*start, [start[0] + 20.0 * turn.cos(), start[1] + 20.0 * turn.sin(), start[2] + up]]
    };
    starts.iter().map(walk).collect()
}

#[test]
fn walks_through_shadows_are_continuous() {
    let scene = build::checked(&canyon());
    let options = build::exhaustive(2);
    let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
    let walks = random_walks(&mut Numbers::new(11), [[-90.0, -30.0, 0.3], [90.0, 30.0, 30.0]], 24);
    walks_are_continuous("canyon, depth 2", &engine, &walks, 64, |points| {
        build::radios(Polarization::V, &[[-33.0, 4.0, 32.0]], points)
    });
}

/// In a city, where a receiver walks through streets and houses and along walls, and where the transmitter does.
#[test]
fn walks_through_a_city_are_continuous() {
    let Some((scene, _)) = munich() else { return };
    let scene = build::checked(&scene);
    let options = build::exhaustive(1);
    let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
    let mut walks = random_walks(&mut Numbers::new(12), [[-100.0, -90.0, 0.5], [110.0, 120.0, 12.0]], 48);
    let facets = &engine.geometry().facets;
    // Along the lower edge of walls, a hand's breadth before them and into them, past their ends.
    let walls = (0..facets.len() as u32).filter(|facet| facets.plane(*facet).normal[2].abs() < 0.1);
    let beside = |facet: u32| {
        let [a, b] = [0, 1].map(|corner| facets.hull_of(facet)[corner] + scene.origin);
        let n = Vec3::from(facets.plane(facet).normal);
        let along = (b - a).normalize();
        [a - along * 2.0 + n * 0.1, b + along * 2.0 - n * 0.1].map(|p| [p.x, p.y, p.z.max(0.0) + 1.5])
    };
    let near = |walk: &Walk| (Vec3::from(walk[0]) - Vec3::new(8.5, 21.0, 0.0)).norm() < 80.0;
    walks.extend(walls.map(beside).filter(near).step_by(20).take(24));
    let place = [8.5, 21.0, 27.0];
    walks_are_continuous("Munich, depth 1", &engine, &walks, 64, |points| {
        build::radios(Polarization::V, &[place], points)
    });
    walks_are_continuous("Munich, depth 1, the transmitter walks", &engine, &walks[44..52], 16, |points| {
        build::radios(Polarization::V, points, &[[40.0, 60.0, 1.5]])
    });
}

/// The smoothed power of all links, in units of about its size.
fn loss_of(solution: &SoftSolution) -> f64 {
    solution.channel.a.iter().map(|a| 1e9 * a.norm_sqr()).sum()
}

#[test]
fn gradients_through_visibility_are_those_of_differences() {
    let mut scene = build::scene_of(&[build::material("stone", 5.0, 0.2, 0.3)]);
    build::add_panel(&mut scene, "floor", "stone", [-20.0, -20.0, 0.0], [40.0, 0.0, 0.3], [0.0, 40.0, 0.1]);
    build::add_cuboid(&mut scene, "block", "stone", [-3.0, -2.0, 0.5], [2.0, 3.0, 7.0]);
    build::add_panel(&mut scene, "wall", "stone", [-12.0, 9.0, 0.4], [22.0, 0.8, 0.0], [0.0, -0.4, 9.0]);
    let options = build::exhaustive(2);
    let mut numbers = Numbers::new(3);
    let (mut checked, mut kinks, mut worst) = (0, 0, 0f64);
    for case in 0..24 {
        let from = points(&mut numbers, [-9.0, -9.0, 1.0], [9.0, 8.0, 9.0], 1);
        let to = points(&mut numbers, [-9.0, -9.0, 1.0], [9.0, 8.0, 9.0], 2);
        let radios = build::radios(Polarization::V, &from, &to);
        let softness = Softness { kind: StepKind::ALL[case % 3], blocking: 0.7, on_facet: 0.9 };
        let own = build::checked(&scene);
        let engine = SoftEngine::new(build::backend(), &own, &options).expect("a scene");
        let solution = engine.solve(&radios, &[CARRIER], softness).expect("a solution");
        let mut bars = ChannelBar::zeros(&solution.channel);
        bars.a.iter_mut().zip(&solution.channel.a).for_each(|(bar, a)| *bar = *a * 2e9);
        let wanted = Wanted::of(&[ParameterKind::Position, ParameterKind::Vertex]);
        let bar = engine.pull_back(&radios, &solution, &bars, wanted).expect("a gradient");
        // A direction in all numbers at once, and one in the positions alone.
        for with_vertices in [false, true] {
            let mut direction = |scale: f64| {
                Vec3::new(numbers.between(-1.0, 1.0), numbers.between(-1.0, 1.0), numbers.between(-1.0, 1.0)) * scale
            };
            let of_from = direction(1.0);
            let of_to = [direction(1.0), direction(1.0)];
            // Objects are moved, turned, stretched and sheared, each by itself: their faces stay plane.
            let scale = f64::from(u8::from(with_vertices));
            let mut of_vertices = vec![Vec3::zeros(); own.vertices.len()];
            for object in &own.objects {
                let (shift, [x, y, z]) = (direction(scale), [0; 3].map(|_| direction(0.1 * scale)));
                let own_triangles = object.first_triangle..object.first_triangle + object.triangle_count;
                for vertex in own_triangles.flat_map(|triangle| own.triangles[triangle as usize]) {
                    let p = own.vertices[vertex as usize];
                    of_vertices[vertex as usize] = shift + x * p.x + y * p.y + z * p.z;
                }
            }
            let at = |h: f64| {
                let (mut moved, mut there) = (own.clone(), radios.clone());
                moved.vertices.iter_mut().zip(&of_vertices).for_each(|(v, d)| *v += d * h);
                there.transmitters[0].position += of_from * h;
                there.receivers.iter_mut().zip(&of_to).for_each(|(r, d)| r.position += d * h);
                loss_of(&soft(&moved, &there, &options, softness))
            };
            let difference = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            let found = bar.transmitters[0].position.dot(&of_from)
                + bar.receivers.iter().zip(&of_to).map(|(own, d)| own.position.dot(d)).sum::<f64>()
                + bar.vertices.iter().zip(&of_vertices).map(|(own, d)| own.dot(d)).sum::<f64>();
            let h = 2e-5;
            let [coarse, fine] = [difference(h), difference(h / 2.0)];
            let expected = (4.0 * fine - coarse) / 3.0;
            // Where the least of the tests changes from one to another in between, or the polygons bend, differences disagree.
            if (coarse - fine).abs() > 1e-5 * fine.abs() {
                kinks += 1;
                continue;
            }
            let error = (found - expected).abs() / expected.abs().max(1e-3);
            assert!(error < 1e-5, "case {case} with vertices {with_vertices}: {found} {expected}");
            worst = worse(worst, error);
            checked += 1;
        }
    }
    let value = format!("{worst:.1e} of {checked}, {kinks} at kinks");
    accept("smoothing: gradients through visibility", value, "<= 1e-6", worst <= 1e-6 && checked > 24);
}

/// All chains with a visibility, each looked at.
fn every_chain(
    view: &View,
    [from, to]: [&Vec3; 2],
    chain: &mut Vec<u32>,
    depth: u32,
    found: &mut Vec<(Vec<u32>, Visibility)>,
) {
    let (mut images, mut vertices) = (Vec::new(), Vec::new());
    view.images(from, chain, &mut images);
    let candidate = Candidate { chain, images: &images, receiver: to };
    found.extend(view.visibility(&candidate, &mut vertices).map(|visibility| (chain.clone(), visibility)));
    let patch = &view.geometry.facets.patch;
    for facet in 0..view.geometry.facets.len() as u32 {
        let is_other = chain.last().is_none_or(|last| patch[*last as usize] != patch[facet as usize]);
        if depth > 0 && is_other {
            chain.push(facet);
            every_chain(view, [from, to], chain, depth - 1, found);
            chain.pop();
        }
    }
}

/// What is sorted out beforehand is no soft path: all of a city's are found, none is changed.
#[test]
fn no_chain_is_missed() {
    let mut numbers = Numbers::new(8);
    let (mut known, mut differ, mut seen, mut all) = (0, 0, 0, 0);
    let uneven = |blocking: f64, on_facet: f64| Softness { kind: StepKind::HardSigmoid, blocking, on_facet };
    for (triangles, softness, depth, count) in [
        (2600, sigmoid(20.0), 1, 400),
        (1500, uneven(3.0, 0.5), 1, 400),
        (2600, sigmoid(50.0), 2, 3),
        (1500, uneven(3.0, 0.5), 2, 3),
        (150, uneven(2.0, 0.7), 3, 3),
    ] {
        let options = CityOptions { triangles, ..CityOptions::default() };
        let scene = build::checked(&generate(&GenerateOptions::City(options)).expect("a city"));
        let geometry = Geometry::new(&scene);
        let outlines = Outlines::build(&geometry);
        let view = View { geometry: &geometry, outlines: &outlines, softness };
        let from = Vec3::new(3.0, -2.0, 14.0) - scene.origin;
        let first = seen_from(&view, &from);
        let asked = Asked { line_of_sight: true, max_depth: depth };
        let (mut own_known, reach) = (0, 20.0 + 60.0 / f64::from(depth));
        for receiver in points(&mut numbers, [-reach, -reach, 0.5], [reach, reach, 6.0], count) {
            let receiver = Vec3::from(receiver) - scene.origin;
            let last = if depth > 1 { seen_from(&view, &receiver) } else { Vec::new() };
            (seen, all) = (seen + first.len(), all + geometry.facets.len());
            let own = soft_paths(&view, &from, &receiver, asked, [&first, &last]);
            let mut own: Vec<_> = own.into_iter().map(|path| (path.chain, path.visibility)).collect();
            let mut every = Vec::new();
            every_chain(&view, [&from, &receiver], &mut Vec::new(), depth, &mut every);
            own.sort_by(|a, b| a.0.cmp(&b.0));
            every.sort_by(|a, b| a.0.cmp(&b.0));
            own_known += every.len();
            differ += every.iter().filter(|path| !own.contains(path)).count() + own.len().abs_diff(every.len());
        }
        println!("{triangles} triangles, depth {depth}, {softness:?}: {own_known} soft paths");
        known += own_known;
    }
    println!("of facets are seen {seen} of {all}");
    accept(
        "smoothing: chains sorted out beforehand",
        format!("{differ} of {known} missed"),
        "0",
        differ == 0 && known > 300,
    );
    assert!(seen < all, "some facets are behind walls");
}

/// Behind a mirror, where the image of the transmitter is, a chain that is no path would be as strong as one likes.
#[test]
fn a_receiver_at_the_image_gets_no_more_than_one_on_the_mirror() {
    let mut scene = build::scene_of(&[build::metal()]);
    build::add_panel(&mut scene, "floor", "metal", [-20.0, -20.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]);
    let (scene, options) = (build::checked(&scene), SolverOptions { line_of_sight: false, ..build::exhaustive(1) });
    let from = [0.4, 0.3, 2.0];
    let at = |offset: [f64; 3]| {
        let receiver = [from[0] + offset[0], from[1] + offset[1], -from[2] + offset[2]];
        let radios = build::radios(Polarization::V, &[from], &[receiver]);
        let solution = soft(&scene, &radios, &options, sigmoid(0.5));
        (radios, solution)
    };
    let strength = |offset: [f64; 3]| at(offset).1.channel.a[0].norm();
    // On the mirror the path is 2 m long, and V is 1/2.
    let on_mirror = strength([0.0, 1e-6, 2.0]);
    for far in [1e-3, 1e-2, 0.1, 1.0] {
        let near = strength([far, 0.2 * far, 0.3 * far]);
        assert!(near > 0.0 && near < on_mirror, "{far}: {near} {on_mirror}");
    }
    let offset = [0.5, -0.2, 0.3];
    let (radios, solution) = at(offset);
    let mut bars = ChannelBar::zeros(&solution.channel);
    bars.a[0] = solution.channel.a[0] * 2e9;
    let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
    let bar = engine.pull_back(&radios, &solution, &bars, Wanted::of(&[ParameterKind::Position])).expect("a gradient");
    for axis in 0..3 {
        let moved = |h: f64| {
            let mut offset = offset;
            offset[axis] += h;
            loss_of(&at(offset).1)
        };
        let difference = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
        let expected = (4.0 * difference(1e-5) - difference(2e-5)) / 3.0;
        let found = bar.receivers[0].position[axis];
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1e-3), "{axis}: {found} {expected}");
    }
}
