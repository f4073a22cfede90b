//! Searching the hierarchy in f64, where speed does not matter: all crossings of a segment, triangles in a region.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::traverse::{FEW_LEVELS, MOST_LEVELS, between_ends, crosses, stack_for};
use crate::layout::{LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;

/// What a walk through the hierarchy looks for.
trait Query {
    /// A bit for each child whose box the query enters.
    fn enter(&self, node: &WideNode) -> u32;
    /// Looks at a leaf; `false` ends the walk.
    fn visit(&mut self, block: &TriangleBlock) -> bool;
}

/// Takes `query` through the hierarchy; the order is that of the tree.
fn walk(bvh: &Bvh, query: &mut impl Query) {
    if bvh.levels <= FEW_LEVELS {
        walk_with_stack::<{ stack_for(FEW_LEVELS) }>(bvh, query);
    } else {
        walk_with_stack::<{ stack_for(MOST_LEVELS) }>(bvh, query);
    }
}

fn walk_with_stack<const STACK: usize>(bvh: &Bvh, query: &mut impl Query) {
    let mut stack = [0u32; STACK];
    let mut waiting = 1;
    while waiting > 0 {
        waiting -= 1;
        let child = stack[waiting];
        if child & LEAF_BIT != 0 {
            if !query.visit(&bvh.blocks[(child & !LEAF_BIT) as usize]) {
                return;
            }
            continue;
        }
        let node = &bvh.nodes[child as usize];
        let mut entered = query.enter(node);
        while entered != 0 {
            let lane = entered.trailing_zeros() as usize;
            entered &= entered - 1;
            stack[waiting] = node.child[lane];
            waiting += 1;
        }
    }
}

struct Crossings<'a, F> {
    scene: &'a Scene,
    from: &'a Vec3,
    along: &'a Vec3,
    /// Parameters between which a hit counts.
    range: (f64, f64),
    found: F,
}

impl<F: FnMut(u32)> Query for Crossings<'_, F> {
    fn enter(&self, node: &WideNode) -> u32 {
        let mut near = [self.range.0; NODE_WIDTH];
        let mut far = [self.range.1; NODE_WIDTH];
        for axis in 0..3 {
            let (origin, inverse) = (self.from[axis], 1.0 / self.along[axis]);
            let [low, high] = [0, 1].map(|corner| &node.corner[corner][axis]);
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
            // A few f64 roundings of a parameter in [0, 1].
            entered |= u32::from(near[lane] <= far[lane] + 1e-14) << lane;
        }
        entered
    }

    fn visit(&mut self, block: &TriangleBlock) -> bool {
        for triangle in block.triangle.into_iter().filter(|triangle| *triangle != NONE) {
            if crosses(self.from, self.along, self.range, &self.scene.corners(triangle)) {
                (self.found)(triangle);
            }
        }
        true
    }
}

/// Calls `found(triangle)` for every triangle between `from` and `to`. Decided in f64; the order is that of the tree.
pub fn for_each_crossing(scene: &Scene, bvh: &Bvh, [from, to]: [&Vec3; 2], found: impl FnMut(u32)) {
    let along = to - from;
    if let Some(range) = between_ends(&along) {
        walk(bvh, &mut Crossings { scene, from, along: &along, range, found });
    }
}

/// Lower and upper corner of a child's box [m].
pub(super) fn corners_of(node: &WideNode, lane: usize) -> [Vec3; 2] {
    [0, 1].map(|corner| Vec3::from([0, 1, 2].map(|axis| f64::from(node.corner[corner][axis][lane]))))
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
    fn enter(&self, node: &WideNode) -> u32 {
        let region = self.region;
        (0..NODE_WIDTH).fold(0, |entered, lane| {
            let [low, high] = corners_of(node, lane);
            entered | u32::from(region.meets(&low, &high)) << lane
        })
    }

    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut lanes = block.triangle.iter().zip(&block.patch).filter(|(triangle, _)| **triangle != NONE);
        lanes.all(|(triangle, patch)| (self.found)(*triangle, *patch))
    }
}

/// Calls `found(triangle, patch)` for every triangle in a leaf that meets `region`, and more perhaps, until it answers
/// `false`. The order is that of the tree.
pub fn for_each_in_region(bvh: &Bvh, region: &Region, found: impl FnMut(u32, u32) -> bool) {
    walk(bvh, &mut Collect { region, found });
}
