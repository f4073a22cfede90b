//! Walking the hierarchy: closest hit of a ray (f32), crossings of a segment (f64), triangles in a region (f64).
//!
//! One loop serves all: a [`Query`] says at which distance it enters each child's box and what to do with a leaf.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::simd::Lanes;
use super::triangle::{Ray, intersect_segment};
use crate::layout::{BLOCK_WIDTH, LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;
use std::marker::PhantomData;

/// What a walk through the hierarchy looks for.
trait Query {
    /// Writes the distances at which the query enters each child's box; a bit for each child that it enters.
    fn enter(&self, node: &WideNode, entries: &mut [f32; NODE_WIDTH]) -> u32;
    /// Looks at a leaf; `false` ends the walk.
    fn visit(&mut self, block: &TriangleBlock) -> bool;
    /// Boxes that are entered beyond this are left out.
    fn limit(&self) -> f32;
}

/// Levels of nodes that a hierarchy may have; 10^7 triangles have about ten.
pub(super) const MAX_LEVELS: usize = 54;
/// Levels that a shallow hierarchy has: its stack of waiting children is quicker to make.
const FEW_LEVELS: usize = 12;

/// Children that can wait in a hierarchy of so many levels: each level adds at most seven.
const fn stack_for(levels: usize) -> usize {
    1 + levels * (NODE_WIDTH - 1)
}

/// Takes `query` through the hierarchy, nearest boxes first.
#[inline(always)]
fn walk(bvh: &Bvh, query: &mut impl Query) {
    if bvh.levels <= FEW_LEVELS {
        walk_with_stack::<{ stack_for(FEW_LEVELS) }>(bvh, query);
    } else {
        walk_with_stack::<{ stack_for(MAX_LEVELS) }>(bvh, query);
    }
}

#[inline(always)]
fn walk_with_stack<const STACK: usize>(bvh: &Bvh, query: &mut impl Query) {
    let mut stack = [(0u32, 0f32); STACK];
    let mut waiting = 1;
    while waiting > 0 {
        waiting -= 1;
        let (child, entry) = stack[waiting];
        if entry > query.limit() {
            continue;
        }
        if child & LEAF_BIT != 0 {
            if !query.visit(&bvh.blocks[(child & !LEAF_BIT) as usize]) {
                return;
            }
            continue;
        }
        let node = &bvh.nodes[child as usize];
        let mut entries = [0f32; NODE_WIDTH];
        let mut entered = query.enter(node, &mut entries);
        let first = waiting;
        while entered != 0 {
            let lane = entered.trailing_zeros() as usize;
            entered &= entered - 1;
            // Nearest on top: insertion from the back, farthest first.
            let mut place = waiting;
            while place > first && stack[place - 1].1 < entries[lane] {
                stack[place] = stack[place - 1];
                place -= 1;
            }
            stack[place] = (node.child[lane], entries[lane]);
            waiting += 1;
        }
    }
}

/// What a ray meets first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Ray parameter: distance over the length of the direction.
    pub t: f32,
    /// Triangle.
    pub triangle: u32,
    /// Patch of the triangle.
    pub patch: u32,
}

struct Closest<'a, L> {
    ray: &'a Ray,
    /// Patch that the ray leaves from and cannot meet again, or [`NONE`].
    skip: u32,
    hit: Hit,
    lanes: PhantomData<L>,
}

impl<L: Lanes> Query for Closest<'_, L> {
    #[inline(always)]
    fn enter(&self, node: &WideNode, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        L::enter(self.ray, node, self.hit.t, entries)
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut t = [0f32; BLOCK_WIDTH];
        let mut met = L::meet(self.ray, block, self.hit.t, &mut t);
        while met != 0 {
            let lane = met.trailing_zeros() as usize;
            met &= met - 1;
            let (triangle, patch) = (block.triangle[lane], block.patch[lane]);
            // Equal distances go to the lower triangle, whatever the order of the walk.
            if patch != self.skip && (t[lane] < self.hit.t || (t[lane] == self.hit.t && triangle < self.hit.triangle)) {
                self.hit = Hit { t: t[lane], triangle, patch };
            }
        }
        true
    }

    #[inline(always)]
    fn limit(&self) -> f32 {
        self.hit.t
    }
}

/// The first triangle that `ray` meets, other than those of patch `skip` ([`NONE`]: none is left out).
#[inline(always)]
pub fn closest_hit<L: Lanes>(bvh: &Bvh, ray: &Ray, skip: u32) -> Option<Hit> {
    let hit = Hit { t: f32::MAX, triangle: NONE, patch: NONE };
    let mut query = Closest::<L> { ray, skip, hit, lanes: PhantomData };
    walk(bvh, &mut query);
    (query.hit.triangle != NONE).then_some(query.hit)
}

struct Crossings<'a, F> {
    scene: &'a Scene,
    from: &'a Vec3,
    along: &'a Vec3,
    /// Patches that the end points lie on, or [`NONE`].
    skip: [u32; 2],
    /// Parameters between which a hit counts.
    range: (f64, f64),
    found: F,
}

impl<F: FnMut(u32) -> bool> Query for Crossings<'_, F> {
    #[inline(always)]
    fn enter(&self, node: &WideNode, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        let mut near = [self.range.0; NODE_WIDTH];
        let mut far = [self.range.1; NODE_WIDTH];
        for axis in 0..3 {
            let (origin, inverse) = (self.from[axis], 1.0 / self.along[axis]);
            let (low, high) = (&node.low[axis], &node.high[axis]);
            let (first, last) = if inverse < 0.0 { (high, low) } else { (low, high) };
            for lane in 0..NODE_WIDTH {
                let enters = (f64::from(first[lane]) - origin) * inverse;
                let leaves = (f64::from(last[lane]) - origin) * inverse;
                near[lane] = if enters > near[lane] { enters } else { near[lane] };
                far[lane] = if leaves < far[lane] { leaves } else { far[lane] };
            }
        }
        let mut entered = 0;
        for lane in 0..NODE_WIDTH {
            entries[lane] = near[lane] as f32;
            // A few f64 roundings of a parameter in [0, 1].
            entered |= u32::from(near[lane] <= far[lane] + 1e-14) << lane;
        }
        entered
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        for (triangle, patch) in block.triangle.iter().zip(&block.patch) {
            if *triangle == NONE || self.skip.contains(patch) {
                continue;
            }
            let t = intersect_segment(self.from, self.along, &self.scene.corners(*triangle));
            if t.is_some_and(|t| self.range.0 <= t && t <= self.range.1) && !(self.found)(*triangle) {
                return false;
            }
        }
        true
    }

    #[inline(always)]
    fn limit(&self) -> f32 {
        f32::MAX
    }
}

/// A hit this near to an end of a segment belongs to the end: the device touches the surface [m] (T43).
pub const TOUCH_M: f64 = 1e-6;

/// Calls `found(triangle)` for every triangle between `from` and `to`, other than those of the patches `skip` that the
/// two lie on, until it answers `false`. Decided in f64; the order is that of the tree.
pub fn for_each_crossing(
    scene: &Scene,
    bvh: &Bvh,
    [from, to]: [&Vec3; 2],
    skip: [u32; 2],
    found: impl FnMut(u32) -> bool,
) {
    let along = to - from;
    let touch = TOUCH_M / along.norm();
    // Both ends touch the same spot: nothing is between them. NaN is a segment without length.
    if touch.is_nan() || touch >= 0.5 {
        return;
    }
    walk(bvh, &mut Crossings { scene, from, along: &along, skip, range: (touch, 1.0 - touch), found });
}

/// A region of space: a box, cut by a slab about a plane.
pub struct Region {
    /// Lower corner [m].
    pub low: Vec3,
    /// Upper corner [m].
    pub high: Vec3,
    /// Unit normal of the slab, or zero for no slab.
    pub normal: Vec3,
    /// The plane's offset along the normal [m].
    pub offset: f64,
    /// Half the thickness of the slab [m].
    pub half_thickness: f64,
}

impl Region {
    /// Whether the box between `low` and `high` may reach into the region.
    pub fn meets(&self, low: &Vec3, high: &Vec3) -> bool {
        let meets = (0..3).all(|axis| low[axis] <= self.high[axis] && high[axis] >= self.low[axis]);
        let half = (high - low) / 2.0;
        let reach = self.normal.abs().dot(&half) + self.half_thickness;
        meets && (self.normal.dot(&(low + half)) - self.offset).abs() <= reach
    }
}

struct Collect<'a, F> {
    region: &'a Region,
    found: F,
}

impl<F: FnMut(u32, u32) -> bool> Query for Collect<'_, F> {
    fn enter(&self, node: &WideNode, _entries: &mut [f32; NODE_WIDTH]) -> u32 {
        let region = self.region;
        (0..NODE_WIDTH).fold(0, |entered, lane| {
            let low = Vec3::from(std::array::from_fn::<f64, 3, _>(|axis| f64::from(node.low[axis][lane])));
            let high = Vec3::from(std::array::from_fn::<f64, 3, _>(|axis| f64::from(node.high[axis][lane])));
            entered | u32::from(region.meets(&low, &high)) << lane
        })
    }

    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut lanes = block.triangle.iter().zip(&block.patch).filter(|(triangle, _)| **triangle != NONE);
        lanes.all(|(triangle, patch)| (self.found)(*triangle, *patch))
    }

    fn limit(&self) -> f32 {
        f32::MAX
    }
}

/// Calls `found(triangle, patch)` for every triangle in a leaf that meets `region`, and more perhaps, until it answers
/// `false`. The order is that of the tree.
pub fn for_each_in_region(bvh: &Bvh, region: &Region, found: impl FnMut(u32, u32) -> bool) {
    walk(bvh, &mut Collect { region, found });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::simd::{Level, Scalar, Task, run};
    use crate::math::frame::direction_of;
    use crate::math::random::{philox, unit_interval};
    use crate::scene::Object;

    struct Shot<'a> {
        bvh: &'a Bvh,
        ray: Ray,
    }

    impl Task for Shot<'_> {
        type Output = Option<Hit>;
        #[inline(always)]
        fn run<L: Lanes>(self) -> Option<Hit> {
            closest_hit::<L>(self.bvh, &self.ray, NONE)
        }
    }

    fn random(counter: u32, lane: usize) -> f64 {
        unit_interval(philox([counter, 0, 0, 0], [7, 7])[lane])
    }

    fn scene_of(triangles: Vec<[Vec3; 3]>) -> Scene {
        let count = triangles.len() as u32;
        Scene {
            origin: Vec3::zeros(),
            vertices: triangles.concat(),
            triangles: (0..count).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
            degenerate: vec![false; count as usize],
            objects: vec![Object { name: String::new(), material: 0, first_triangle: 0, triangle_count: count }],
            materials: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The hierarchy, each triangle a patch of its own.
    fn bvh_of(scene: &Scene) -> Bvh {
        let mut bvh = Bvh::build(scene).expect("a small scene");
        bvh.set_patches(|triangle| triangle);
        bvh
    }

    fn soup(count: u32) -> Scene {
        let point =
            |i: u32, size: f64| (Vec3::new(random(i, 0), random(i, 1), random(i, 2)) - Vec3::repeat(0.5)) * size;
        scene_of((0..count).map(|i| [0, 1, 2].map(|k| point(4 * i, 100.0) + point(4 * i + 1 + k, 5.0))).collect())
    }

    #[test]
    fn the_hierarchy_finds_what_trying_every_triangle_finds() {
        for count in [1, 3, 4, 5, 9, 3000] {
            let scene = soup(count);
            let bvh = bvh_of(&scene);
            for i in 0..2000 {
                // Every fourth ray has a zero component, every sixteenth two.
                let mut direction = direction_of(3.1 * random(i, 0), 6.2 * random(i, 1));
                if i % 4 == 0 {
                    direction.x = 0.0;
                }
                if i % 16 == 0 {
                    direction.y = 0.0;
                }
                let ray = Ray::from_f64(&(Vec3::new(random(i, 2), random(i, 3), 0.4) * 50.0), &direction);
                let every = bvh.blocks.iter().fold(None, |best: Option<(f32, u32)>, block| {
                    let mut t = [0f32; BLOCK_WIDTH];
                    let met = Scalar::meet(&ray, block, f32::MAX, &mut t);
                    let lanes = (0..BLOCK_WIDTH).filter(|lane| met >> lane & 1 != 0);
                    let hits = lanes.map(|lane| (t[lane], block.triangle[lane]));
                    hits.chain(best).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
                });
                for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
                    let hit = run(level, Shot { bvh: &bvh, ray }).map(|hit| (hit.t, hit.triangle));
                    assert_eq!(hit, every, "{count} triangles, ray {i}, {level:?}");
                }
                let end = Vec3::new(random(i, 1), 0.3, random(i, 0)) * 90.0;
                let origin = Vec3::from(ray.origin.map(f64::from));
                let crossed = |t: u32| intersect_segment(&origin, &(end - origin), &scene.corners(t)).is_some();
                let mut blocked = false;
                for_each_crossing(&scene, &bvh, [&origin, &end], [NONE; 2], |_| {
                    blocked = true;
                    false
                });
                assert_eq!(blocked, (0..count).any(crossed), "{count} triangles, segment {i}");
            }
        }
    }

    #[test]
    fn no_ray_leaves_a_closed_ball_through_its_seams() {
        let (rings, sides) = (24, 48);
        let corner = |ring: u32, side: u32| {
            let theta = f64::from(ring) * std::f64::consts::PI / f64::from(rings);
            direction_of(theta, f64::from(side % sides) * std::f64::consts::TAU / f64::from(sides)) * 7.3
        };
        let cells = (0..rings).flat_map(|ring| (0..sides).map(move |side| (ring, side)));
        let triangles: Vec<[Vec3; 3]> = cells
            .flat_map(|(r, s)| {
                let (a, b, c, d) = (corner(r, s), corner(r + 1, s), corner(r + 1, s + 1), corner(r, s + 1));
                [[a, b, c], [a, c, d]]
            })
            .filter(|t| !crate::scene::mesh::is_degenerate(t))
            .collect();
        let scene = scene_of(triangles);
        let bvh = bvh_of(&scene);
        for i in 0..200_000u32 {
            let origin = Vec3::new(random(i, 0), random(i, 1), random(i, 2)).map(|x| 4.0 * (x - 0.5));
            // Aim at a corner or at the middle of an edge, where a leak would be.
            let (ring, side) = (i % rings, i / rings % sides);
            let target = (corner(ring, side) + corner(ring + i % 2, side + i / 2 % 2)) / 2.0;
            let ray = Ray::from_f64(&origin, &(target - origin));
            assert!(closest_hit::<Scalar>(&bvh, &ray, NONE).is_some(), "ray {i} leaks");
        }
    }
}
