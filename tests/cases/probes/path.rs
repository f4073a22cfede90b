//! Probes of cuda/path but for the field: all exact, no library's function takes part.

use super::geometry::{city, panels};
use super::math::{random_direction, some_directions};
use super::{Device, Numbers, device, inputs, joined, list, random_vector, vec3};
use raylobe::backend::cuda::Resident;
use raylobe::geometry::Geometry;
use raylobe::geometry::simd::{Level, Scalar};
use raylobe::geometry::traverse::closest_hit;
use raylobe::geometry::triangle::Ray;
use raylobe::layout::{AimedWindow, ChainNode, NONE, Plane};
use raylobe::math::Vec3;
use raylobe::math::random::{philox, unit_interval};
use raylobe::path::SolverOptions;
use raylobe::path::beam::{Frustum, mirror, signed_distance};
use raylobe::path::chain::ChainTrie;
use raylobe::path::corners::{RayLeg, is_at_seam, turns_through};
use raylobe::path::launch::{Aim, Sight, Target, follow_ray, key_of_rays, owner, unfold};
use raylobe::path::refine::{Rejection, Vertex, refine, vertices_backwards};
use std::f64::consts::TAU;

/// Depth of the chains that are probed.
const DEPTH: usize = 4;
/// Corners of a window that is probed, and rows of a frustum, at most.
const MOST_CORNERS: usize = 8;
const MOST_ROWS: usize = MOST_CORNERS + 1;
/// Numbers that a probe of frusta takes and yields.
const FRUSTUM_IN: usize = 9 + 3 * MOST_CORNERS;
const FRUSTUM_OUT: usize = 1 + 4 * MOST_ROWS;

fn plane(x: &[f64]) -> Plane {
    Plane { normal: [x[0], x[1], x[2]], offset: x[3] }
}

/// A scene, the chains that rays from a source met in it, and all of it on the device.
struct World<'a> {
    geometry: &'a Geometry<'a>,
    resident: Resident,
    trie: ChainTrie,
}

impl<'a> World<'a> {
    fn new(device: &Device, geometry: &'a Geometry<'a>, source: Vec3) -> World<'a> {
        let mut trie = ChainTrie::new(source);
        let mut n = Numbers::new(61);
        for _ in 0..2000 {
            let mut chain = [NONE; DEPTH];
            follow_ray::<Scalar>(geometry, &source, &random_direction(&mut n), NONE, &mut chain);
            trie.insert(&chain, u64::MAX);
        }
        // Facets that no ray meets, too: another one owns all of their points.
        (0..geometry.facets.len() as u32).for_each(|facet| {
            trie.insert(&[facet], u64::MAX);
        });
        trie.open(&geometry.facets, 1);
        World { geometry, resident: Resident::new(&device.cuda, geometry).expect("the scene fits"), trie }
    }

    fn random_node(&self, n: &mut Numbers) -> u32 {
        (n.next() * self.trie.len() as f64) as u32
    }
}

/// Every probe of a scene, in a city and where facets overlap.
fn in_worlds(device: &Device, check: impl Fn(&Device, &World)) {
    for (scene, source) in [(panels(), Vec3::new(4.3, 2.2, 1.9)), (city(), Vec3::new(1.0, 2.0, 60.0))] {
        let geometry = Geometry::new(&scene);
        // Scenes move their origin.
        let source = if scene.objects.len() < 10 { source - scene.origin } else { source };
        check(device, &World::new(device, &geometry, source));
    }
}

#[test]
fn points_are_mirrored_alike() {
    let Some(device) = device() else { return };
    let edges = [[0.0; 7], [-0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0], [1e9, -1e9, 1e9, 0.6, 0.0, 0.8, -1e9]];
    let random = |n: &mut Numbers| {
        joined(&[random_vector(n, 1e3).as_slice(), random_direction(n).as_slice(), &[n.between(-1e3, 1e3)]])
    };
    device.exact("probe_plane", &[], &inputs(edges, 62, random), |x| {
        let (p, plane) = (vec3(x), plane(&x[3..]));
        list(&[&[signed_distance(&p, &plane)], mirror(&p, &plane).as_slice()])
    });
}

/// The frustum that a probe's input speaks of.
fn frustum(x: &[f64]) -> Frustum {
    let window: Vec<Vec3> = x[9..].chunks_exact(3).take(x[8] as usize).map(vec3).collect();
    let mut frustum = Frustum::default();
    frustum.rebuild(&vec3(x), &window, &plane(&x[3..]), x[7]);
    frustum
}

/// Rows one after another, 0 where there are none.
fn flat(frustum: &Frustum) -> [f64; 4 * MOST_ROWS] {
    let rows = frustum.rows.as_flattened();
    std::array::from_fn(|k| rows.get(k).copied().unwrap_or(0.0))
}

#[test]
fn beams_are_bounded_alike() {
    let Some(device) = device() else { return };
    // Polygons in a plane; corners that coincide, edges that point at the apex, an apex within the plane.
    let all: Vec<[f64; FRUSTUM_IN]> = inputs([], 63, |n| {
        let normal = random_direction(n);
        let (u, v) = raylobe::math::frame::tangents_of(&normal);
        let middle = random_vector(n, 100.0);
        let corners = n.between(3.0, 9.0).floor();
        let mut window = [0.0; 3 * MOST_CORNERS];
        for k in 0..corners as usize {
            let (sin, cos) = libm::sincos(TAU * (k as f64 + 0.8 * n.next()) / corners);
            let repeated = k > 0 && n.next() < 0.05;
            let corner = if repeated { vec3(&window[3 * (k - 1)..]) } else { middle + (u * cos + v * sin) * 9.0 };
            window[3 * k..3 * k + 3].copy_from_slice(corner.as_slice());
        }
        let apex = match n.between(0.0, 10.0) as u32 {
            0 => vec3(&window),
            1 => middle + u * 20.0,
            2 => vec3(&window) * 2.0 - vec3(&window[3..]),
            _ => middle + random_vector(n, 50.0),
        };
        let plane = [normal.x, normal.y, normal.z, normal.dot(&middle)];
        joined(&[apex.as_slice(), &plane, &[n.between(0.0, 500.0), corners], &window])
    });
    let twin = |x: &[f64; FRUSTUM_IN]| -> [f64; FRUSTUM_OUT] {
        let frustum = frustum(x);
        joined(&[&[frustum.rows.len() as f64], &flat(&frustum)])
    };
    assert!(all.iter().any(|x| twin(x)[0] <= x[8]), "an edge is left out");
    device.exact("probe_build_frustum", &[], &all, twin);

    let mut n = Numbers::new(64);
    let held: Vec<[f64; 10 + 4 * MOST_ROWS]> = all
        .iter()
        .map(|x| {
            let frustum = frustum(x);
            let (apex, first, second) = (vec3(x), vec3(&x[9..]), vec3(&x[12..]));
            // On an edge's plane, within the beam, in the window's plane, or anywhere.
            let p = match n.between(0.0, 4.0) as u32 {
                0 => apex + (first - apex) * n.between(1.0, 3.0),
                1 => apex + ((first + second + vec3(&x[15..])) / 3.0 - apex) * n.between(0.9, 3.0),
                2 => first + (second - first) * n.between(-1.0, 2.0),
                _ => random_vector(&mut n, 300.0),
            };
            let extent = Vec3::from_fn(|_, _| n.between(0.0, 20.0) * n.between(0.0, 2.0).floor());
            joined(&[
                &[frustum.rows.len() as f64],
                &flat(&frustum),
                p.as_slice(),
                p.as_slice(),
                (p + extent).as_slice(),
            ])
        })
        .collect();
    let counts = std::cell::Cell::new([0; 2]);
    device.exact("probe_holds", &[], &held, |x| {
        let rows = x[1..].as_chunks::<4>().0[..x[0] as usize].to_vec();
        let (frustum, rest) = (Frustum { rows }, &x[1 + 4 * MOST_ROWS..]);
        let found = [frustum.holds(&vec3(rest)), frustum.meets_box(&vec3(&rest[3..]), &vec3(&rest[6..]))];
        counts.set([0, 1].map(|k| counts.get()[k] + usize::from(found[k])));
        found.map(|is_met| f64::from(u8::from(is_met)))
    });
    assert!(counts.get().iter().all(|count| (300..3700).contains(count)), "{:?}", counts.get());
}

#[test]
fn rays_are_followed_alike() {
    let Some(device) = device() else { return };
    in_worlds(device, |device, world| {
        let (geometry, view) = (world.geometry, world.resident.view());
        let source = world.trie.image[0];
        let along = some_directions().into_iter().map(|k| joined(&[source.as_slice(), k.as_slice()]));
        let rays: Vec<[f64; 6]> = inputs(along, 65, |n| {
            joined(&[source.as_slice(), (random_direction(n) * n.between(0.1, 100.0)).as_slice()])
        });
        device.exact("probe_follow_ray", &[view], &rays, |x| {
            let mut chain = [0; DEPTH];
            follow_ray::<Scalar>(geometry, &vec3(x), &vec3(&x[3..]), NONE, &mut chain);
            chain.map(f64::from)
        });
        let hits: Vec<[f64; 5]> = rays
            .iter()
            .filter_map(|x| {
                let (origin, direction) = (vec3(x), vec3(&x[3..]));
                let hit = closest_hit::<Scalar>(&geometry.bvh, &Ray::from_f64(&origin, &direction), NONE)?;
                let point = origin + direction * f64::from(hit.t);
                Some(joined(&[&[f64::from(hit.triangle), f64::from(hit.patch)], point.as_slice()]))
            })
            .collect();
        assert!(hits.len() > 1000, "{} rays meet something", hits.len());
        device.exact("probe_owner_of_hit", &[view], &hits, |x| {
            [f64::from(owner(geometry, x[0] as u32, x[1] as u32, &vec3(&x[2..])))]
        });
    });
}

/// Windows that rays are aimed at, as the kernels take them: with corners, facets, and the target of each.
#[derive(Default)]
struct Windows {
    records: Vec<AimedWindow>,
    corners: Vec<f64>,
    facets: Vec<u32>,
    targets: Vec<Target>,
}

impl Windows {
    fn of(world: &World, options: &SolverOptions) -> Windows {
        let (mut windows, mut sight, mut n) = (Windows::default(), Sight::default(), Numbers::new(66));
        for _ in 0..300 {
            let node = world.random_node(&mut n).max(1);
            let aim = [Aim::Window, Aim::Rim, Aim::Unseen][(n.next() * 3.0) as usize];
            let (parent, facet) = (world.trie.parent[node as usize], world.trie.facet[node as usize]);
            let target = Target { parent, facet, node, turn: (n.next() * 4.0) as u32, aim };
            let rays = sight.rays_for(world.geometry, &world.trie, &target, options);
            if rays == 0 {
                continue;
            }
            windows.records.push(AimedWindow {
                key: key_of_rays(&world.trie, &target, options),
                first_ray: 0,
                middle: sight.middle.into(),
                area: sight.area(),
                perimeter: sight.perimeter,
                corner: windows.corners.len() as u32 / 3,
                corners: sight.corners().len() as u32,
                facet: windows.facets.len() as u32,
                facets: sight.chain.len() as u32,
                rays,
                turn: target.turn,
                aim: aim as u32,
                unused: 0,
            });
            windows.corners.extend(sight.corners().iter().flat_map(|p| [p.x, p.y, p.z]));
            windows.facets.extend(&sight.chain);
            windows.targets.push(target);
        }
        windows
    }
}

#[test]
fn rays_are_aimed_alike() {
    let Some(device) = device() else { return };
    let options = SolverOptions::default();
    in_worlds(device, |device, world| {
        let windows = Windows::of(world, &options);
        assert!(windows.records.len() > 100, "{} windows", windows.records.len());
        // One for all: the device's answers are compared in order.
        let sight = std::cell::RefCell::new(Sight::default());
        let look = |window: usize| {
            sight.borrow_mut().rays_for(world.geometry, &world.trie, &windows.targets[window], &options)
        };
        let (records, corners) = (device.upload(&windows.records), device.upload(&windows.corners));
        // A depth of 0 facets is not uploaded: the list always holds one more.
        let facets = device.upload(&[&windows.facets[..], &[NONE]].concat());
        let count = windows.records.len() as f64;
        let quantiles = [0.0, 0.25, 0.5, 1.0 - f64::EPSILON / 2.0, unit_interval(u32::MAX)];
        let edges = (0..windows.records.len()).flat_map(|window| quantiles.map(|q| [window as f64, q, q, q]));
        let places = inputs(edges, 67, |n| [(n.next() * count).floor(), n.next(), n.next(), n.next()]);
        device.exact("probe_window", &[&records, &corners], &places, |x| {
            look(x[0] as usize);
            let sight = sight.borrow();
            list(&[sight.point(x[1], x[2], x[3]).as_slice(), sight.point_past_rim(x[1], x[2]).as_slice()])
        });
        let source = world.trie.image[0];
        let rays: Vec<[f64; 5]> = inputs([], 68, |n| {
            let window = (n.next() * count) as usize;
            let ray = (n.next() * f64::from(windows.records[window].rays)).floor();
            joined(&[source.as_slice(), &[window as f64, ray]])
        });
        device.exact("probe_aim", &[world.resident.view(), &records, &corners, &facets], &rays, |x| {
            let (window, ray) = (x[3] as usize, x[4] as u32);
            let (target, rays, key) = (&windows.targets[window], look(window), windows.records[window].key);
            let words = philox([ray, target.turn, target.aim as u32, 0], [key as u32, (key >> 32) as u32]);
            let [first, second, third, _] = words.map(unit_interval);
            let stratum = (f64::from(ray) + first) / f64::from(rays);
            let sight = sight.borrow();
            let point = match target.aim {
                Aim::Rim => sight.point_past_rim(stratum, second),
                Aim::Window | Aim::Unseen => sight.point(stratum, second, third),
            };
            <[f64; 3]>::from(unfold(&world.geometry.facets, &world.trie, target.parent, point) - source)
        });
    });
}

fn nodes_of(trie: &ChainTrie) -> Vec<ChainNode> {
    let node = |node: usize| ChainNode {
        image: trie.image[node].into(),
        corner: 0,
        corners: trie.window_of(node as u32).len() as u32,
        parent: trie.parent[node],
        facet: trie.facet[node],
        depth: trie.depth[node],
    };
    (0..trie.len()).map(node).collect()
}

/// The number of a verdict (cuda/path/refine.cuh).
fn verdict(rejection: Rejection) -> usize {
    match rejection {
        Rejection::OffFacet => 1,
        Rejection::WrongSide => 2,
        Rejection::Degenerate => 3,
        Rejection::Coincident => 4,
        Rejection::Blocked => 5,
    }
}

/// What the probe of refinement yields: two verdicts, whether nothing is in the way, the vertices.
const REFINED: usize = 3 + 5 * DEPTH;

fn refined(world: &World, node: u32, receiver: &Vec3) -> [f64; REFINED] {
    let World { geometry, trie, .. } = world;
    let mut vertices = Vec::<Vertex>::new();
    let backwards = vertices_backwards(geometry, trie, node, receiver, &mut vertices);
    let positions = vertices.iter().flat_map(|v| {
        let Vertex { position, facet, triangle, .. } = v;
        [position.x, position.y, position.z, f64::from(*facet), f64::from(*triangle)]
    });
    let mut out = [0.0; REFINED];
    out.iter_mut().skip(3).zip(positions).for_each(|(out, x)| *out = x);
    out[0] = backwards.map_or_else(verdict, |()| 0) as f64;
    let whole = refine(Level::Scalar, geometry, trie, node, receiver, &mut vertices);
    // The kernels' own refinement ends before the legs.
    out[1] = match whole {
        Ok(_) | Err(Rejection::Blocked) => 0.0,
        Err(other) => verdict(other) as f64,
    };
    out[2] = f64::from(u8::from(whole.is_ok()));
    out
}

#[test]
fn pairs_are_refined_alike() {
    let Some(device) = device() else { return };
    // Found, off its facet, on the wrong side, degenerate, owned by another facet, and blocked.
    let counts = std::cell::RefCell::new([0; 6]);
    in_worlds(device, |device, world| {
        let trie = &world.trie;
        let nodes = device.upload(&nodes_of(trie));
        let pairs: Vec<[f64; 4]> = inputs([[0.0, 1.0, 2.0, 3.0]], 69, |n| {
            let node = world.random_node(n);
            let (image, window) = (trie.image[node as usize], trie.window_of(node));
            let corner = |n: &mut Numbers| window[(n.next() * window.len() as f64) as usize];
            let receiver = match n.between(0.0, 8.0) as u32 {
                _ if window.is_empty() => image + random_vector(n, 30.0),
                // At the image, in the window's plane, through its corner, or anywhere.
                0 => image,
                1 => corner(n),
                2 => image + (corner(n) - image) * n.between(1.0, 2.0),
                3 => image + random_vector(n, 100.0),
                _ => {
                    let (a, b, c) = (corner(n), corner(n), corner(n));
                    image
                        + (a + (b - a) * n.next() + (c - a) * n.next() * 0.5 - image)
                            * (1.0 + n.between(0.0, 1.0) * 0.2)
                }
            };
            joined(&[&[f64::from(node)], receiver.as_slice()])
        });
        device.exact("probe_refine", &[world.resident.view(), &nodes], &pairs, |x| {
            let out = refined(world, x[0] as u32, &vec3(&x[1..]));
            let kind = if out[1] == 0.0 && out[2] == 0.0 { 5 } else { out[1] as usize };
            counts.borrow_mut()[kind] += 1;
            out
        });
    });
    assert!(counts.borrow().iter().all(|count| *count > 20), "{:?}", counts.borrow());
}

/// A point about an edge or a corner of a facet, from a rounding to a millimetre off, and its patch.
fn place_at_seam(geometry: &Geometry, n: &mut Numbers) -> (Vec3, u32) {
    let facets = &geometry.facets;
    let facet = (n.next() * facets.len() as f64) as u32;
    let triangles = facets.triangles_of(facet);
    let corners = geometry.scene.corners(triangles[(n.next() * triangles.len() as f64) as usize]);
    let k = (n.next() * 3.0) as usize;
    let share = if n.next() < 0.2 { 0.0 } else { n.next() };
    let place = corners[k] * (1.0 - share) + corners[(k + 1) % 3] * share;
    let off = libm::exp2(n.between(-30.0, -10.0));
    // A third of them exactly there.
    let off = if n.next() < 0.33 { Vec3::zeros() } else { random_vector(n, off) };
    (place + off, facets.patch[facet as usize])
}

#[test]
fn corners_are_cut_alike() {
    let Some(device) = device() else { return };
    for scene in [panels(), city()] {
        let geometry = Geometry::new(&scene);
        let resident = Resident::new(&device.cuda, &geometry).expect("the scene fits");
        let points = inputs([], 71, |n| {
            let (place, patch) = place_at_seam(&geometry, n);
            joined::<4>(&[place.as_slice(), &[f64::from(patch)]])
        });
        let at_seam = |x: &[f64; 4]| is_at_seam(&geometry, x[3] as u32, &vec3(x));
        device.exact("probe_is_at_seam", &[resident.view()], &points, |x| [f64::from(at_seam(x))]);
        let turns = inputs([], 72, |n| {
            let (place, patch) = place_at_seam(&geometry, n);
            let ends = [random_vector(n, 20.0), random_vector(n, 20.0)];
            joined::<10>(&[
                (place + ends[0]).as_slice(),
                place.as_slice(),
                (place + ends[1]).as_slice(),
                &[f64::from(patch)],
            ])
        });
        let turns_into =
            |x: &[f64; 10]| turns_through(&geometry, &vec3(x), (&vec3(&x[3..]), x[9] as u32), &vec3(&x[6..]));
        device.exact("probe_turns_through", &[resident.view()], &turns, |x| [f64::from(turns_into(x))]);
        let legs = inputs([], 73, |n| {
            let ((from, skip), (to, at)) = (place_at_seam(&geometry, n), place_at_seam(&geometry, n));
            let before = from + random_vector(n, 20.0);
            let at = if n.next() < 0.3 { NONE } else { at };
            let seams = [0; 2].map(|_| f64::from(n.next() < 0.7));
            joined::<13>(&[
                before.as_slice(),
                from.as_slice(),
                to.as_slice(),
                &[f64::from(skip), f64::from(at)],
                &seams,
            ])
        });
        let reaches = |x: &[f64; 13]| {
            let before = (x[11] > 0.0).then(|| vec3(x));
            let leg = RayLeg { from: vec3(&x[3..]), skip: x[9] as u32, before };
            leg.reaches(&geometry, &vec3(&x[6..]), x[10] as u32, x[12] > 0.0)
        };
        device.exact("probe_reaches", &[resident.view()], &legs, |x| [f64::from(reaches(x))]);
        let counts = [
            points.iter().filter(|x| at_seam(x)).count(),
            turns.iter().filter(|x| turns_into(x)).count(),
            legs.iter().filter(|x| reaches(x)).count(),
        ];
        println!("at seams, blocked and free: {counts:?} of {}", points.len());
        assert!(counts.iter().all(|count| (100..points.len() - 100).contains(count)), "{counts:?}");
    }
}
