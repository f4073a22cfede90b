//! Probes of smoothed visibility: exact but for the exponential of the sigmoid.

use super::geometry::{city, panels};
use super::math::random_direction;
use super::{Device, Numbers, device, inputs, joined, list, random_vector, vec3};
use raylobe::backend::cuda::{Resident, ResidentOutlines};
use raylobe::geometry::Geometry;
use raylobe::geometry::clearance::{Clearance, ClearanceBar, Feature, clearance, clearance_vjp};
use raylobe::geometry::obstacle::{Obstacle, worst_obstacle};
use raylobe::geometry::outline::{Edge, Outline, Outlines, Shape};
use raylobe::layout::{NONE, Plane};
use raylobe::math::Vec3;
use raylobe::math::frame::tangents_of;
use raylobe::math::smoothing::{SmoothStep, StepKind};
use raylobe::path::refine::soft_meeting;
use raylobe::path::smooth::{Candidate, Softness, Test, View};
use raylobe::scene::Scene;
use std::f64::consts::TAU;

/// Edges of an outline, and facets of a chain, that are probed.
const MOST_EDGES: usize = 6;
const MOST_FACETS: usize = 3;
/// Numbers of a visibility with its vertices and the bars of all that it is made of.
const VISIBILITY: usize = 47;
/// The place of V among them, and of the first bar.
const VALUE: usize = 1;
const BARS: usize = 19;

fn kind_of(number: f64) -> StepKind {
    StepKind::ALL.into_iter().find(|kind| f64::from(kind.number()) == number).expect("a kind")
}

#[test]
fn steps_rise_alike() {
    let Some(device) = device() else { return };
    let kinds = StepKind::ALL.map(|kind| f64::from(kind.number()));
    let edges = kinds.into_iter().flat_map(|kind| {
        [
            [f64::INFINITY, 0.0, kind],
            [f64::INFINITY, 1e-300, kind],
            [2.0, 1.5, kind],
            [2.0, -1.5, kind],
            [1.0, 0.0, kind],
        ]
    });
    let random = |n: &mut Numbers| [n.between(0.1, 4.0), n.between(-20.0, 20.0), kinds[n.between(0.0, 3.0) as usize]];
    // Two exponentials, each within an ulp, and as many divisions.
    device.near("probe_smooth_step", &[], &inputs(edges, 401, random), super::each(8.0), |x| {
        let (value, slope) = SmoothStep { kind: kind_of(x[2]), alpha: x[0] }.of(x[1]);
        [value, slope]
    });
}

#[test]
fn vertices_are_continued_alike() {
    let Some(device) = device() else { return };
    let edges = [[0.0; 10], [1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 1.0, 0.0]];
    let random = |n: &mut Numbers| {
        let (image, target) = (random_vector(n, 20.0), random_vector(n, 20.0));
        joined(&[image.as_slice(), target.as_slice(), random_direction(n).as_slice(), &[n.between(-20.0, 20.0)]])
    };
    device.exact("probe_soft_meeting", &[], &inputs(edges, 402, random), |x| {
        let plane = Plane { normal: [x[6], x[7], x[8]], offset: x[9] };
        list(&[soft_meeting(&vec3(x), &vec3(&x[3..]), &plane).as_slice()])
    });
}

fn place_of(place: u32) -> f64 {
    if place == NONE { -1.0 } else { f64::from(place) }
}

fn numbers_of(Clearance { signed, feature }: &Clearance) -> [f64; 5] {
    match feature {
        Feature::End(end) => [*signed, 0.0, 0.0, -1.0, f64::from(*end)],
        Feature::Edge { edge, at } => [*signed, at[0], at[1], f64::from(*edge), 0.0],
    }
}

/// No clearance.
const NOTHING: [f64; 5] = [0.0, 0.0, 0.0, -1.0, 0.0];

/// A polygon and a segment near it: it is pierced, passed by, touched, or lies in the plane.
fn polygon_and_segment(n: &mut Numbers) -> [f64; 54] {
    let normal = random_direction(n);
    let ((u, v), middle) = (tangents_of(&normal), random_vector(n, 20.0));
    let count = n.between(3.0, 7.0).floor();
    let is_star = n.next() < 0.5;
    let corner = |k: usize| {
        let (sin, cos) = libm::sincos(TAU * k as f64 / count);
        middle + (u * cos + v * sin) * if is_star && k % 2 == 1 { 1.5 } else { 5.0 }
    };
    let mut edges = [0.0; 6 * MOST_EDGES];
    for k in 0..count as usize {
        edges[6 * k..6 * k + 3].copy_from_slice(corner(k).as_slice());
        edges[6 * k + 3..6 * k + 6].copy_from_slice(corner((k + 1) % count as usize).as_slice());
    }
    let side = if n.next() < 0.2 { 0.0 } else { 4.0 };
    let mut end = || middle + u * n.between(-7.0, 7.0) + v * n.between(-7.0, 7.0) + normal * n.between(-side, side);
    let segment = [end(), end()];
    let floor = if n.next() < 0.7 { -100.0 } else { n.between(-3.0, 1.0) };
    let shape = [middle.x, middle.y, middle.z, 5.0 + 1e-9, f64::from(u8::from(!is_star)), count];
    let plane = [normal.x, normal.y, normal.z, normal.dot(&middle)];
    let [from, to] = &segment;
    joined(&[from.as_slice(), to.as_slice(), &[floor, n.between(-2.0, 2.0)], &plane, &shape, &edges])
}

#[test]
fn clearances_are_alike() {
    let Some(device) = device() else { return };
    let twin = |x: &[f64; 54]| -> [f64; 22] {
        let (segment, plane) = ([vec3(x), vec3(&x[3..])], Plane { normal: [x[8], x[9], x[10]], offset: x[11] });
        let shape = Shape { middle: vec3(&x[12..]), radius: x[15], is_convex: x[16] != 0.0 };
        let edge = |k: usize| {
            let ends = [vec3(&x[18 + 6 * k..]), vec3(&x[21 + 6 * k..])];
            Edge { ends, vertices: [0; 2], span: [0.0, 1.0] }
        };
        let edges: Vec<Edge> = (0..x[17] as usize).map(edge).collect();
        let outline = Outline { plane: &plane, edges: &edges, shape: &shape };
        let (found, mut bar) = (clearance(&segment, &outline, x[6]), ClearanceBar::default());
        if let Some(found) = &found {
            clearance_vjp(&segment, &outline, found, x[7], &mut bar);
        }
        let is_found = [f64::from(u8::from(found.is_some()))];
        let [a, b] = &bar.segment;
        let [c, d] = &bar.edge;
        joined(&[
            &is_found,
            &found.as_ref().map_or(NOTHING, numbers_of),
            a.as_slice(),
            b.as_slice(),
            bar.normal.as_slice(),
            &[bar.offset],
            c.as_slice(),
            d.as_slice(),
        ])
    };
    let all = inputs([], 403, polygon_and_segment);
    let seen: Vec<[f64; 22]> = all.iter().map(twin).collect();
    let count = |test: &dyn Fn(&[f64; 22]) -> bool| seen.iter().filter(|x| test(x)).count();
    assert!(count(&|x| x[0] == 0.0) > 100 && count(&|x| x[4] < 0.0) > 100 && count(&|x| x[1] > 0.0) > 100);
    device.exact("probe_clearance", &[], &all, twin);
}

/// A scene with its outlines, here and on the device.
struct World<'a> {
    geometry: &'a Geometry<'a>,
    outlines: Outlines,
    resident: Resident,
    on_device: ResidentOutlines,
}

/// Every probe of a scene, in a city and where facets overlap; with it, points about the scene.
fn in_worlds(device: &Device, check: impl Fn(&World, &dyn Fn(&mut Numbers) -> Vec3)) {
    let of = |scene: &Scene, middle: Vec3, size: f64| {
        let geometry = Geometry::new(scene);
        let outlines = Outlines::build(&geometry);
        let resident = Resident::new(&device.cuda, &geometry).expect("the scene fits");
        let on_device = ResidentOutlines::new(&device.cuda, &geometry, &outlines).expect("outlines fit");
        let world = World { geometry: &geometry, outlines, resident, on_device };
        check(&world, &|n| middle + random_vector(n, size));
    };
    let panels = panels();
    of(&panels, Vec3::new(4.0, 3.0, 1.5) - panels.origin, 5.0);
    let city = city();
    of(&city, Vec3::new(0.0, 0.0, 20.0) - city.origin, 80.0);
}

#[test]
fn obstacles_are_found_alike() {
    let Some(device) = device() else { return };
    in_worlds(device, |world, point| {
        let World { geometry, outlines, resident, on_device } = world;
        let view = View { geometry, outlines, softness: Softness::of(StepKind::Sigmoid, 1.0) };
        let random = |n: &mut Numbers| {
            let (from, to) = (point(n), point(n));
            let skip = worst_obstacle(geometry, outlines, &[from, to], [NONE; 2], [-3.0, f64::INFINITY])
                .map_or(NONE, |known| known.patch);
            let skip = if n.next() < 0.5 { -1.0 } else { place_of(skip) };
            joined(&[from.as_slice(), to.as_slice(), &[skip, -1.0, n.between(-3.0, 0.5)]])
        };
        let twin = |x: &[f64; 9]| -> [f64; 6] {
            let skip = [x[6], x[7]].map(|patch| if patch < 0.0 { NONE } else { patch as u32 });
            let found = worst_obstacle(geometry, outlines, &[vec3(x), vec3(&x[3..])], skip, [x[8], f64::INFINITY]);
            match &found {
                Some(Obstacle { patch, clearance }) => joined(&[&[f64::from(*patch)], &numbers_of(clearance)]),
                None => joined(&[&[-1.0], &NOTHING]),
            }
        };
        let all = inputs([], 404, random);
        assert!(all.iter().filter(|x| twin(x)[0] >= 0.0).count() > 200, "most segments are clear of everything");
        device.exact("probe_worst_obstacle", &[&on_device.soft_at(resident, &view, 0)], &all, twin);
    });
}

#[test]
fn visibilities_and_their_bars_are_alike() {
    let Some(device) = device() else { return };
    let softly = [
        Softness::of(StepKind::Sigmoid, 2.0),
        Softness { kind: StepKind::HardSigmoid, blocking: 0.3, on_facet: 1.0 },
        Softness { kind: StepKind::Smoothstep, blocking: 1.0, on_facet: 0.2 },
        Softness::of(StepKind::Sigmoid, f64::INFINITY),
    ];
    in_worlds(device, |world, point| {
        let World { geometry, outlines, resident, on_device } = world;
        for (i, softness) in softly.into_iter().enumerate() {
            let view = View { geometry, outlines, softness };
            let facets = geometry.facets.len() as f64;
            let random = |n: &mut Numbers| {
                let count = n.between(0.0, MOST_FACETS as f64 + 1.0).floor();
                let mut chain = [0.0; MOST_FACETS];
                chain.iter_mut().take(count as usize).for_each(|facet| *facet = (n.next() * facets).floor());
                joined(&[point(n).as_slice(), point(n).as_slice(), &[n.between(-2.0, 2.0), count], &chain])
            };
            let twin = |x: &[f64; 11]| visibility_and_bars(&view, x);
            let mut all = inputs([], 405 + i as u32, random);
            // Chains at random are hardly ever paths: far more of them that are no paths would be looked at in vain.
            let (found, none): (Vec<_>, Vec<_>) = all.drain(..).partition(|x| twin(x)[0] != 0.0);
            let all: Vec<_> = found.iter().chain(none.iter().take(500)).copied().collect();
            println!("{} soft paths, {:?}", found.len(), softness.kind);
            assert!(found.len() > 50, "{} of {RANDOM}", found.len(), RANDOM = super::RANDOM);
            // The exponential of the sigmoid, within two ulps, scales all bars, which are sums of such terms; all else is exact.
            let bound = |_: &[f64; 11], expected: &[f64], k: usize| match k {
                VALUE => 16.0 * f64::EPSILON * expected[k],
                BARS.. => 16.0 * f64::EPSILON * expected[BARS..].iter().fold(0.0, |most, x| f64::max(most, x.abs())),
                _ => 0.0,
            };
            device.near("probe_visibility", &[&on_device.soft_at(resident, &view, 0)], &all, bound, twin);
        }
    });
}

fn visibility_and_bars(view: &View, x: &[f64; 11]) -> [f64; VISIBILITY] {
    let chain: Vec<u32> = x[8..8 + x[7] as usize].iter().map(|facet| *facet as u32).collect();
    let ((from, to), mut images, mut vertices) = ((vec3(x), vec3(&x[3..])), Vec::new(), Vec::new());
    view.images(&from, &chain, &mut images);
    let candidate = Candidate { chain: &chain, images: &images, receiver: &to };
    let Some(visibility) = view.visibility(&candidate, &mut vertices) else { return [0.0; VISIBILITY] };
    let (test, place, patch, clearance) = match &visibility.test {
        Test::Passed => (0.0, 0.0, -1.0, NOTHING),
        Test::Leg { leg, obstacle } => {
            (1.0, f64::from(*leg), f64::from(obstacle.patch), numbers_of(&obstacle.clearance))
        }
        Test::Vertex { vertex, clearance } => (2.0, f64::from(*vertex), -1.0, numbers_of(clearance)),
    };
    let bar = view.chain_vjp(&candidate, &vertices, &visibility, x[6]);
    let padded = |mut numbers: Vec<f64>, length: usize| {
        numbers.resize(length, 0.0);
        numbers
    };
    let vertices = vertices.iter().flat_map(|vertex| [vertex.x, vertex.y, vertex.z]).collect();
    let planes = bar.planes.iter().flat_map(|bar| [bar.normal.x, bar.normal.y, bar.normal.z, bar.offset]).collect();
    let outline = &bar.outline;
    joined(&[
        &[1.0, visibility.value, test, place, patch],
        &clearance,
        &padded(vertices, 3 * MOST_FACETS),
        bar.from.as_slice(),
        bar.to.as_slice(),
        outline.normal.as_slice(),
        &[outline.offset],
        outline.edge[0].as_slice(),
        outline.edge[1].as_slice(),
        &padded(planes, 4 * MOST_FACETS),
    ])
}
