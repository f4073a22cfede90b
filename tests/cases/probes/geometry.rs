//! Probes of cuda/geometry, all exact: no library's function takes part.

use super::math::{random_direction, some_directions};
use super::{Device, Numbers, device, inputs, joined, list, random_vector, single, vec3};
use crate::support::build;
use raylobe::bench::site::Site;
use raylobe::geometry::Geometry;
use raylobe::geometry::simd::{Lanes, Scalar};
use raylobe::geometry::traverse::{closest_hit, is_blocked};
use raylobe::geometry::triangle::{Ray, contains, intersect_segment};
use raylobe::layout::{BLOCK_WIDTH, Hit, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use raylobe::math::Vec3;
use raylobe::scene::{Object, Scene};

/// Triangles of the city.
const CITY: u64 = 3000;

/// A generated city.
pub fn city() -> Scene {
    Site::city(CITY).expect("a small city").scene
}

/// Facets that overlap in one plane, a facet of 800 triangles, a box between: what cities have little of.
pub fn panels() -> Scene {
    let mut scene = build::scene_of(&[build::material("a", 5.0, 0.1, 0.1), build::material("b", 3.0, 0.01, 0.2)]);
    build::add_panel(&mut scene, "wall", "a", [0.0, 0.0, 0.0], [8.0, 0.0, 0.0], [0.0, 0.0, 4.0]);
    build::add_panel(&mut scene, "window", "b", [2.0, 0.0, 1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0]);
    build::add_panel(&mut scene, "poster", "b", [7.0, 0.0, 1.0], [3.0, 0.0, 0.0], [0.0, 0.0, 1.0]);
    build::add_panel(&mut scene, "door", "b", [3.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 2.0]);
    build::add_cuboid(&mut scene, "box", "b", [3.0, 3.0, 0.5], [4.0, 4.0, 1.5]);
    let at = |i: i32| f64::from(i) * 0.5;
    let cells = (0..20).flat_map(|i| (0..20).map(move |j| (at(i), at(j))));
    let cells: Vec<Vec<[f64; 3]>> = cells
        .map(|(x, z)| [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]].map(|[u, v]| [x + u, 6.0, z + v]).to_vec())
        .collect();
    build::add_polygons(&mut scene, "grid", "a", &cells);
    build::checked(&scene)
}

/// Triangles that hang in the air, without order.
fn soup(count: u32, shift: f64) -> Scene {
    let mut n = Numbers::new(count);
    let mut triangle = || {
        let middle = random_vector(&mut n, 50.0) + Vec3::new(shift, -shift, shift / 3.0);
        [0; 3].map(|_| middle + random_vector(&mut n, 5.0))
    };
    Scene {
        origin: Vec3::zeros(),
        vertices: (0..count).flat_map(|_| triangle()).collect(),
        triangles: (0..count).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
        degenerate: vec![false; count as usize],
        objects: vec![Object { name: String::new(), material: 0, first_triangle: 0, triangle_count: count }],
        materials: Vec::new(),
        warnings: Vec::new(),
    }
}

fn to_f32<const N: usize>(x: &[f64]) -> [f32; N] {
    std::array::from_fn(|k| x[k] as f32)
}

fn ray_of(ray: &Ray) -> [f64; 21] {
    let slabs = &ray.slabs;
    let corners = slabs.near_corner.map(|corner| corner as f32);
    let origin = ray.axes.map(|axis| ray.origin[axis]);
    let all =
        [slabs.near_origin, slabs.far_origin, slabs.inverse, corners, ray.axes.map(|a| a as f32), origin, ray.shear];
    joined(&[&all.concat().into_iter().map(f64::from).collect::<Vec<_>>()])
}

/// Directions with components that are zero, equal, tiny and huge, of either sign.
fn rays() -> Vec<[f64; 6]> {
    let components = [0.0, -0.0, 1.0, -1.0, 1e-30, 3e7];
    let all =
        components.into_iter().flat_map(|x| components.into_iter().flat_map(move |y| components.map(|z| [x, y, z])));
    let edges = all.filter(|d| d.iter().any(|x| *x != 0.0)).map(|d| joined(&[&[0.0, -0.0, 1e7], &d.map(single)]));
    inputs(edges, 41, |n| {
        let (origin, mut direction) = (random_vector(n, 100.0), random_direction(n));
        direction[n.between(0.0, 3.0) as usize] *= n.between(0.0, 2.0).floor();
        joined(&[origin.map(single).as_slice(), direction.map(single).as_slice()])
    })
}

#[test]
fn rays_are_made_alike() {
    let Some(device) = device() else { return };
    let picks: Vec<[f64; 4]> = (0..3).map(|axis| [f64::from(axis), 5.0, 6.0, 7.0]).collect();
    device.exact("probe_pick", &[], &picks, |x| [x[1 + x[0] as usize]]);
    let pads = [0.0, 1e-4, 3.0];
    let padded: Vec<[f64; 7]> =
        rays().iter().enumerate().map(|(i, ray)| joined(&[ray, &[single(pads[i % 3])]])).collect();
    device.exact("probe_padded_ray", &[], &padded, |x| ray_of(&Ray::padded(to_f32(x), to_f32(&x[3..]), x[6] as f32)));
    let unrounded: Vec<[f64; 6]> = rays().iter().map(|ray| ray.map(|x| x * (1.0 + 1e-9))).collect();
    device.exact("probe_ray_from", &[], &unrounded, |x| ray_of(&Ray::from_f64(&vec3(x), &vec3(&x[3..]))));
    let reaches = [0.0, 100.0, 3e7];
    let segments: Vec<[f64; 7]> =
        unrounded.iter().enumerate().map(|(i, ray)| joined(&[ray, &[reaches[i % 3]]])).collect();
    device.exact("probe_ray_along_segment", &[], &segments, |x| {
        let reach = x[6] as f32;
        list(&[&ray_of(&Ray::along_segment(&vec3(x), &vec3(&x[3..]), reach)), &[f64::from(Ray::margin(reach))]])
    });
}

/// Corners of triangles: plain ones, and those without area.
fn triangles() -> Vec<[Vec3; 3]> {
    let mut n = Numbers::new(42);
    let mut all: Vec<[Vec3; 3]> = (0..500).map(|_| [0; 3].map(|_| random_vector(&mut n, 10.0))).collect();
    let (a, b) = (Vec3::new(1.0, 2.0, 3.0), Vec3::new(2.0, 0.0, 3.0));
    all.extend([[a, a, a], [a, a, b], [a, b, (a + b) / 2.0], [a, b, a + (b - a) * 3.0]]);
    all.push([Vec3::zeros(), Vec3::x() * 2.0, Vec3::y() * 2.0]);
    all.push([a, b, Vec3::new(0.0, 1.0, 2.0)].map(|p| p + Vec3::new(1e9, -1e9, 1e9)));
    all
}

/// Points of a triangle: inside, on a corner, on an edge, next to one, and outside.
fn place_in(n: &mut Numbers, [a, b, c]: &[Vec3; 3]) -> Vec3 {
    match n.between(0.0, 6.0) as u32 {
        0 => *a,
        1 => (a + b) / 2.0,
        2 => b + (c - b) * n.next(),
        3 => a + (c - a) * n.next() + (b - a).try_normalize(0.0).unwrap_or_default() * n.between(-3e-6, 3e-6),
        4 => a + (b - a) * n.between(-1.0, 2.0) + (c - a) * n.between(-1.0, 2.0),
        _ => (a + b + c) / 3.0,
    }
}

#[test]
fn triangles_are_met_alike() {
    let Some(device) = device() else { return };
    let (all, mut n) = (triangles(), Numbers::new(43));
    let (mut crossings, mut held) = (Vec::<[f64; 15]>::new(), Vec::<[f64; 16]>::new());
    for corners in all.iter().cycle().take(8000) {
        let flat = corners.map(<[f64; 3]>::from);
        let normal = (corners[1] - corners[0]).cross(&(corners[2] - corners[0])).try_normalize(0.0).unwrap_or_default();
        let place = place_in(&mut n, corners);
        // To the place, beyond it, short of it, from it, and within the plane.
        let p = corners[0] + random_vector(&mut n, 20.0);
        let (p, d) = match n.between(0.0, 6.0) as u32 {
            0 => (p, place - p),
            1 => (p, (place - p) * n.between(0.5, 2.0)),
            2 => (place, p - place),
            3 => (corners[0], corners[1] - corners[0]),
            4 => (p, Vec3::zeros()),
            _ => (place + normal, normal * -2.0),
        };
        crossings.push(joined(&[p.as_slice(), d.as_slice(), flat.as_flattened()]));
        let (side, tolerance) = ([1.0, -1.0][(n.next() * 2.0) as usize], [1e-6, 0.0, 1.0][(n.next() * 3.0) as usize]);
        let off = place + normal * n.between(-1.0, 1.0);
        held.push(joined(&[flat.as_flattened(), (normal * side).as_slice(), off.as_slice(), &[tolerance]]));
    }
    let corners_at = |x: &[f64]| [vec3(x), vec3(&x[3..]), vec3(&x[6..])];
    let meets = |x: &[f64; 15]| intersect_segment(&vec3(x), &vec3(&x[3..]), &corners_at(&x[6..]));
    let holds = |x: &[f64; 16]| contains(&corners_at(x), &vec3(&x[9..]), &vec3(&x[12..]), x[15]);
    let counts = [crossings.iter().filter(|x| meets(x).is_some()).count(), held.iter().filter(|x| holds(x)).count()];
    assert!(counts.iter().all(|count| (1000..7000).contains(count)), "{counts:?}");
    device.exact("probe_intersect_segment", &[], &crossings, |x| [meets(x).unwrap_or(-1.0)]);
    device.exact("probe_contains", &[], &held, |x| [f64::from(u8::from(holds(x)))]);
}

/// Nodes of a city; one that holds boxes without extent and a box that is everything.
fn nodes(geometry: &Geometry) -> Vec<WideNode> {
    let mut nodes = geometry.bvh.nodes.clone();
    let mut odd = nodes[0];
    for axis in 0..3 {
        (odd.corner[0][axis][0], odd.corner[1][axis][0]) = (1.0, 1.0);
        (odd.corner[0][axis][1], odd.corner[1][axis][1]) = (-1e30, 1e30);
        (odd.corner[0][axis][2], odd.corner[1][axis][2]) = (0.0, if axis == 2 { 0.0 } else { 5.0 });
        (odd.corner[0][axis][3], odd.corner[1][axis][3]) = (-0.0, 2.0);
    }
    nodes.push(odd);
    nodes
}

#[test]
fn boxes_are_entered_alike() {
    let Some(device) = device() else { return };
    let scene = city();
    let geometry = Geometry::new(&scene);
    let nodes = nodes(&geometry);
    let limits = [f64::from(f32::MAX), 1.0, 50.0, 0.0];
    let entered = inputs([], 44, |n| {
        let index = (n.next().sqrt() * nodes.len() as f64) as usize;
        let node = &nodes[index];
        let lane = n.between(0.0, 8.0) as usize;
        // From a corner or a face of a box, from within it, or from elsewhere; along axes and edges as well.
        let mut origin = Vec3::from_fn(|axis, _| {
            let [low, high] = [0, 1].map(|side| f64::from(node.corner[side][axis][lane]));
            let t = [0.0, 1.0, 0.5, n.between(-2.0, 3.0)][n.between(0.0, 4.0) as usize];
            if low.is_finite() { single(low + (high - low) * t) } else { 0.0 }
        });
        let mut direction = random_direction(n).map(single);
        for axis in 0..3 {
            let choice = n.next();
            if choice < 0.2 && direction.amax() > 0.0 {
                direction[axis] = if choice < 0.1 { 0.0 } else { -0.0 };
            }
        }
        if n.next() < 0.3 {
            // Past a corner or an edge of the box, where it is entered and left at once: the slack decides.
            let corner = Vec3::from_fn(|axis, _| f64::from(node.corner[n.between(0.0, 2.0) as usize][axis][lane]));
            origin = random_vector(n, 300.0).map(single);
            direction = if corner.amax().is_finite() { (corner - origin).map(single) } else { -Vec3::y() };
        }
        if direction.amax() == 0.0 {
            direction = -Vec3::y();
        }
        let pad = single([0.0, 0.0, 1e-3][n.between(0.0, 3.0) as usize]);
        let limit = limits[n.between(0.0, 4.0) as usize];
        joined::<9>(&[&[index as f64], origin.as_slice(), direction.as_slice(), &[pad, limit]])
    });
    device.exact("probe_enter", &[&device.upload(&nodes)], &entered, |x| {
        let ray = Ray::padded(to_f32(&x[1..]), to_f32(&x[4..]), x[7] as f32);
        let mut entries = [0f32; NODE_WIDTH];
        let mask = Scalar::enter(&ray.slabs, &nodes[x[0] as usize], x[8] as f32, &mut entries);
        let lanes: Vec<f64> = (0..8).map(|lane| f64::from(mask >> lane & 1)).collect();
        list(&[&entries.map(f64::from), &[f64::from(mask)], &lanes])
    });
}

/// Leaves of a city and of a soup, empty lanes among them, and triangles without area.
fn blocks() -> Vec<TriangleBlock> {
    let mut blocks = Vec::new();
    for scene in [city(), soup(3000, 0.0), soup(101, 2e4)] {
        blocks.extend(Geometry::new(&scene).bvh.blocks);
    }
    let mut odd = blocks[0];
    for axis in 0..3 {
        for corner in 0..3 {
            odd.corner[corner][axis][0] = 1.0;
            odd.corner[corner][axis][1] = (corner * axis) as f32;
            odd.corner[corner][axis][2] = f32::NAN;
            odd.corner[corner][axis][3] = if axis == 2 { 0.0 } else { (corner * (1 + axis)) as f32 };
        }
    }
    blocks.push(odd);
    blocks
}

/// A block, a point and a way: at a corner, an edge, the inside or nothing of one of its triangles.
fn aimed(n: &mut Numbers, blocks: &[TriangleBlock]) -> (usize, Vec3, Vec3) {
    let index = (n.next().sqrt() * blocks.len() as f64) as usize;
    let block = &blocks[index];
    let lane = n.between(0.0, 4.0) as usize;
    let lane = if block.corner[0][0][lane].is_nan() { 0 } else { lane };
    let corners = [0, 1, 2].map(|k| Vec3::from_fn(|axis, _| f64::from(block.corner[k][axis][lane])));
    let place = place_in(n, &corners);
    let mut along = random_direction(n) * n.between(0.1, 30.0);
    if n.next() < 0.2 {
        along = some_directions()[n.between(0.0, 6.0) as usize] * 8.0;
    }
    (index, place - along, along)
}

#[test]
fn leaves_are_met_alike() {
    let Some(device) = device() else { return };
    let blocks = blocks();
    let (held, limits) = (device.upload(&blocks), [f64::from(f32::MAX), 1.0, 0.999, 0.0]);
    let rays = inputs([], 45, |n| {
        let (block, origin, direction) = aimed(n, &blocks);
        let limit = limits[n.between(0.0, 4.0) as usize];
        let ray = [origin.map(single), direction.map(single)];
        joined::<8>(&[&[block as f64], ray[0].as_slice(), ray[1].as_slice(), &[single(limit)]])
    });
    device.exact("probe_meet", &[&held], &rays, |x| {
        let ray = Ray::new(to_f32(&x[1..]), to_f32(&x[4..]));
        let mut t = [0f32; BLOCK_WIDTH];
        let mask = Scalar::meet(&ray, &blocks[x[0] as usize], x[7] as f32, &mut t);
        list(&[&[f64::from(mask)], &t.map(f64::from)])
    });
    let segments = inputs([], 46, |n| {
        let (block, from, along) = aimed(n, &blocks);
        let reach = single([60.0, 2e4, 3e7][n.between(0.0, 3.0) as usize]);
        joined::<8>(&[&[block as f64], from.as_slice(), along.as_slice(), &[reach]])
    });
    device.exact("probe_cross", &[&held], &segments, |x| {
        let reach = x[7] as f32;
        let ray = Ray::along_segment(&vec3(&x[1..]), &vec3(&x[4..]), reach);
        let crossing = Scalar::cross(&ray, Ray::margin(reach), &blocks[x[0] as usize]);
        let masks = [crossing.perhaps, crossing.surely].map(f64::from);
        list(&[&masks, &crossing.t.map(f64::from), &crossing.slack.map(f64::from)])
    });
}

#[test]
fn lanes_are_put_in_order() {
    let Some(device) = device() else { return };
    // What a network of exchanges sorts of zeros and ones, it sorts of all numbers (Knuth).
    let zeros_and_ones = (0..256u32).map(|bits| std::array::from_fn(|k| f64::from(bits >> k & 1)));
    let random = |n: &mut Numbers| [0; 8].map(|_| (n.next() * 4_294_967_296.0).floor());
    device.exact("probe_sort_eight", &[], &inputs(zeros_and_ones, 47, random), |numbers| {
        let mut sorted = *numbers;
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    // Entries are so few that many are alike.
    let random = |n: &mut Numbers| {
        let entries = [0; 8].map(|_| n.between(0.0, 5.0).floor() * 1.5);
        joined(&[&entries, &[n.between(1.0, 256.0).floor()]])
    };
    let edges = (0..8).map(|lane| joined(&[&[0.0; 8], &[f64::from(1 << lane)]]));
    device.exact("probe_lanes_in_order", &[], &inputs(edges, 48, random), |x: &[f64; 9]| {
        let mask = x[8] as u32;
        let mut order: Vec<u32> = (0..8).filter(|lane| mask >> lane & 1 == 1).collect();
        order.sort_by(|a, b| x[*a as usize].total_cmp(&x[*b as usize]).then(a.cmp(b)));
        order.extend((0..8).filter(|lane| mask >> lane & 1 == 0));
        let pack = |lanes: &[u32], count: u32| {
            f64::from(lanes.iter().rev().fold(0, |all, lane| all << 3 | lane) | count << 24)
        };
        [pack(&order, mask.count_ones()), pack(&order[1..], mask.count_ones() - 1)]
    });
}

/// What a ray meets first if every leaf is tried.
fn every_triangle(geometry: &Geometry, ray: &Ray, skip: u32) -> Option<Hit> {
    let mut best: Option<Hit> = None;
    for block in &geometry.bvh.blocks {
        let mut t = [0f32; BLOCK_WIDTH];
        let met = Scalar::meet(ray, block, f32::MAX, &mut t);
        for lane in (0..BLOCK_WIDTH).filter(|lane| met >> lane & 1 != 0 && block.patch[*lane] != skip) {
            let hit = Hit { t: t[lane], triangle: block.triangle[lane], patch: block.patch[lane] };
            if best.is_none_or(|best| (hit.t, hit.triangle) < (best.t, best.triangle)) {
                best = Some(hit);
            }
        }
    }
    best
}

/// Every triangle, and rays and segments through the whole of a scene.
fn require_same_walks(device: &Device, name: &str, scene: &Scene) {
    let geometry = Geometry::new(scene);
    let resident = raylobe::backend::cuda::Resident::new(&device.cuda, &geometry).expect("the scene fits");
    let view = resident.view();
    let all: Vec<[f64; 1]> = (0..scene.triangles.len()).map(|t| [t as f64]).collect();
    device.exact("probe_corners_of", &[view], &all, |[t]| {
        list(&[scene.corners(*t as u32).map(<[f64; 3]>::from).as_flattened()])
    });
    let (low, high) = scene.bounds().expect("the scene holds something");
    let point = |n: &mut Numbers| low + (high - low).component_mul(&Vec3::from_fn(|_, _| n.between(-0.1, 1.1)));
    let triangle = |n: &mut Numbers| (n.next() * scene.triangles.len() as f64) as u32;
    let skip = |n: &mut Numbers| {
        let patch = geometry.facets.patch_of_triangle(triangle(n));
        f64::from(if n.next() < 0.5 { NONE } else { patch })
    };
    let rays = inputs([], 49, |n| {
        // Anywhere, along axes, and at corners and edges.
        let (origin, place) = (point(n), triangle(n));
        let direction = match n.between(0.0, 4.0) as u32 {
            0 => random_direction(n),
            1 => {
                random_direction(n).component_mul(&Vec3::from_fn(|_, _| n.between(0.0, 2.0).floor())) + Vec3::z() * 1e-3
            }
            2 => some_directions()[n.between(0.0, 6.0) as usize],
            _ => place_in(n, &scene.corners(place)) - origin,
        };
        joined::<7>(&[origin.as_slice(), direction.as_slice(), &[skip(n)]])
    });
    let hit = |x: &[f64; 7]| {
        let ray = Ray::from_f64(&vec3(x), &vec3(&x[3..]));
        let best = every_triangle(&geometry, &ray, x[6] as u32);
        let found = closest_hit::<Scalar>(&geometry.bvh, &ray, x[6] as u32);
        assert_eq!(best, found, "{name}: {x:?}");
        best
    };
    let hits = rays.iter().filter(|x| hit(x).is_some()).count();
    assert!((500..4000).contains(&hits), "{name}: {hits} rays meet something");
    device.exact("probe_closest_hit", &[view], &rays, |x| {
        hit(x).map_or([f64::from(f32::MAX), f64::from(NONE), f64::from(NONE)], |hit| {
            [f64::from(hit.t), f64::from(hit.triangle), f64::from(hit.patch)]
        })
    });
    let here = Vec3::new(1.0, 2.0, 3.0);
    let none = [f64::from(NONE); 2];
    let edges = [here, here + Vec3::x() * 1e-6, here + Vec3::x() * 1e9]
        .map(|to| joined(&[here.as_slice(), to.as_slice(), &none]));
    let segments: Vec<[f64; 8]> = inputs(edges, 50, |n| {
        // Free; through a corner, an edge or a point of a triangle; ending there, or next to it.
        let (from, place) = (point(n), triangle(n));
        let place = place_in(n, &scene.corners(place));
        let to = match n.between(0.0, 4.0) as u32 {
            0 => point(n),
            1 => from + (place - from) * n.between(1.0, 2.0),
            2 => place,
            _ => place + (from - place).normalize() * n.between(-1e-4, 1e-4),
        };
        joined(&[from.as_slice(), to.as_slice(), &[skip(n), skip(n)]])
    });
    let blocked = |x: &[f64; 8]| {
        let ends = [&vec3(x), &vec3(&x[3..])];
        is_blocked::<Scalar>(scene, &geometry.bvh, ends, [x[6] as u32, x[7] as u32])
    };
    let count = segments.iter().filter(|x| blocked(x)).count();
    assert!((300..3900).contains(&count), "{name}: {count} segments are blocked");
    device.exact("probe_is_blocked", &[view], &segments, |x| [f64::from(u8::from(blocked(x)))]);
}

#[test]
fn the_hierarchy_is_walked_alike() {
    let Some(device) = device() else { return };
    require_same_walks(device, "city", &city());
    require_same_walks(device, "panels", &panels());
    require_same_walks(device, "soup", &soup(2000, 0.0));
    require_same_walks(device, "soup far away", &soup(2000, 2e4));
}

#[test]
fn facets_are_searched_alike() {
    let Some(device) = device() else { return };
    for scene in [panels(), city()] {
        let geometry = Geometry::new(&scene);
        let resident = raylobe::backend::cuda::Resident::new(&device.cuda, &geometry).expect("the scene fits");
        let facets = &geometry.facets;
        let places = inputs([], 51, |n| {
            let facet = (n.next() * n.next() * facets.len() as f64) as u32;
            let triangles = facets.triangles_of(facet);
            let triangle = triangles[(n.next() * triangles.len() as f64) as usize];
            joined::<4>(&[&[f64::from(facet)], place_in(n, &scene.corners(triangle)).as_slice()])
        });
        device.exact("probe_facet", &[resident.view()], &places, |x| {
            let (facet, p) = (x[0] as u32, vec3(&x[1..]));
            let plane = facets.plane(facet);
            let triangle = facets.triangle_at(&scene, &geometry.bvh, facet, &p).unwrap_or(NONE);
            let owner = facets.owner_at(&scene, &geometry.bvh, facet, &p);
            list(&[&plane.normal, &[plane.offset, f64::from(triangle), f64::from(owner)]])
        });
    }
}
