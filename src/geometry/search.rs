//! Searching the hierarchy: all crossings of a segment, in f64; triangles about a region, in f32 with room for its
//! rounding.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::traverse::{FEW_LEVELS, MOST_LEVELS, between_ends, crosses, stack_for};
use crate::layout::{BLOCK_WIDTH, LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
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

/// A region in f32, so much wider that it holds all that the region holds.
struct Coarse {
    low: [f32; 3],
    high: [f32; 3],
    normal: [f32; 3],
    offset: f32,
    half_thickness: f32,
}

impl Coarse {
    /// The region for triangles without a coordinate beyond `reach` [m].
    fn new(region: &Region, reach: f32) -> Coarse {
        /// Roundings of the largest coordinate in the distance of a box from a plane: two for its middle and one for each
        /// factor, product and sum in three axes; the rest is spare.
        const ROUNDINGS: f32 = 32.0;
        let extent = region.low.amax().max(region.high.amax()) as f32;
        let slack = ROUNDINGS * f32::EPSILON / 2.0 * reach.max(extent);
        Coarse {
            low: [0, 1, 2].map(|axis| region.low[axis] as f32 - slack),
            high: [0, 1, 2].map(|axis| region.high[axis] as f32 + slack),
            normal: [0, 1, 2].map(|axis| region.normal[axis] as f32),
            offset: region.offset as f32,
            half_thickness: region.half_thickness as f32 + slack,
        }
    }

    /// A bit for each box that may reach into the region; none for an empty one.
    #[inline(always)]
    fn meets<const N: usize>(&self, low: [&[f32; N]; 3], high: [&[f32; N]; 3]) -> u32 {
        // How far each box is from the region, if it is apart: arithmetic alone, for the compiler to work on lanes together.
        let mut gap = [f32::MIN; N];
        let (mut from_plane, mut extent) = ([-self.offset; N], [self.half_thickness; N]);
        for axis in 0..3 {
            let (normal, size) = (self.normal[axis] * 0.5, self.normal[axis].abs() * 0.5);
            for lane in 0..N {
                let (low, high) = (low[axis][lane], high[axis][lane]);
                gap[lane] = larger(gap[lane], larger(low - self.high[axis], self.low[axis] - high));
                from_plane[lane] += normal * (low + high);
                extent[lane] += size * (high - low);
            }
        }
        let mut met = 0;
        for lane in 0..N {
            gap[lane] = larger(gap[lane], from_plane[lane].abs() - extent[lane]);
            met |= u32::from(gap[lane] <= 0.0) << lane;
        }
        met
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

struct Collect<F> {
    region: Coarse,
    found: F,
}

impl<F: FnMut(u32, u32) -> bool> Query for Collect<F> {
    fn enter(&self, node: &WideNode) -> u32 {
        let [low, high] = &node.corner;
        self.region.meets([&low[0], &low[1], &low[2]], [&high[0], &high[1], &high[2]])
    }

    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let [mut low, mut high] = [block.corner[0]; 2];
        for corner in &block.corner[1..] {
            for axis in 0..3 {
                for lane in 0..BLOCK_WIDTH {
                    low[axis][lane] = -larger(-low[axis][lane], -corner[axis][lane]);
                    high[axis][lane] = larger(high[axis][lane], corner[axis][lane]);
                }
            }
        }
        let met = self.region.meets([&low[0], &low[1], &low[2]], [&high[0], &high[1], &high[2]]);
        for lane in 0..BLOCK_WIDTH {
            let triangle = block.triangle[lane];
            if met >> lane & 1 != 0 && triangle != NONE && !(self.found)(triangle, block.patch[lane]) {
                return false;
            }
        }
        true
    }
}

/// Calls `found(triangle, patch)` for every triangle whose box meets `region`, and more perhaps, until it answers
/// `false`. The order is that of the tree.
pub fn for_each_in_region(bvh: &Bvh, region: &Region, found: impl FnMut(u32, u32) -> bool) {
    walk(bvh, &mut Collect { region: Coarse::new(region, bvh.reach), found });
}

/// What may stand in the way of light from a point through a convex polygon.
#[derive(Debug, Clone)]
pub struct Cone {
    /// Box about the point and the polygon.
    low: [f32; 3],
    high: [f32; 3],
    /// Rows [n, d]: what may be inside has n . p + d >= 0 somewhere.
    rows: [[f32; 4]; CONE_ROWS],
}

/// Sides and bounds of a cone.
const CONE_ROWS: usize = 7;

impl Cone {
    /// The cone from `apex` through the `corners` of a polygon, where all `bounds` [n, d] are positive, for triangles
    /// without a coordinate beyond `reach` [m].
    pub fn new(apex: &Vec3, corners: &[Vec3; 4], bounds: &[[f64; 4]; 3], reach: f32) -> Cone {
        /// As in [`Coarse`]: roundings of a form of f32 in coordinates up to `extent`.
        const ROUNDINGS: f64 = 32.0;
        let (low, high) = corners.iter().fold((*apex, *apex), |(low, high), p| (low.inf(p), high.sup(p)));
        let extent = low.amax().max(high.amax()).max(f64::from(reach));
        let slack = ROUNDINGS * f64::from(f32::EPSILON) / 2.0 * extent;
        let mut cone = Cone {
            low: [0, 1, 2].map(|axis| (low[axis] - slack) as f32),
            high: [0, 1, 2].map(|axis| (high[axis] + slack) as f32),
            rows: [[0.0; 4]; CONE_ROWS],
        };
        let middle = corners.iter().sum::<Vec3>() / corners.len() as f64;
        let sides = (0..corners.len()).map(|k| {
            let (from, to) = (corners[k] - apex, corners[(k + 1) % corners.len()] - apex);
            let across = from.cross(&to);
            // A side that is seen edge-on bounds nothing.
            if across.norm() <= 1e-9 * from.norm() * to.norm() {
                return [0.0; 4];
            }
            let inward = across * (1f64.copysign(across.dot(&(middle - apex))) / across.norm());
            [inward.x, inward.y, inward.z, -inward.dot(apex)]
        });
        for (row, form) in cone.rows.iter_mut().zip(sides.chain(bounds.iter().copied())) {
            let norm = Vec3::new(form[0], form[1], form[2]).norm();
            if norm > 0.0 {
                *row = form.map(|x| (x / norm) as f32);
                row[3] = (form[3] / norm + slack) as f32;
            }
        }
        cone
    }

    /// A bit for each box that may reach into the cone; none for an empty one.
    #[inline(always)]
    fn meets<const N: usize>(&self, low: [&[f32; N]; 3], high: [&[f32; N]; 3]) -> u32 {
        let mut gap = [f32::MIN; N];
        for axis in 0..3 {
            for lane in 0..N {
                gap[lane] = larger(gap[lane], larger(low[axis][lane] - self.high[axis], self.low[axis] - high[axis][lane]));
            }
        }
        for row in &self.rows {
            let mut farthest = [row[3]; N];
            for axis in 0..3 {
                let corner = if row[axis] >= 0.0 { high[axis] } else { low[axis] };
                for lane in 0..N {
                    farthest[lane] += row[axis] * corner[lane];
                }
            }
            for lane in 0..N {
                // In this order, so that no number (an empty lane) leaves the gap as it is.
                gap[lane] = larger(-farthest[lane], gap[lane]);
            }
        }
        let mut met = 0;
        for lane in 0..N {
            met |= u32::from(gap[lane] <= 0.0) << lane;
        }
        met
    }
}

struct InCone<'a, F> {
    cone: &'a Cone,
    found: F,
}

impl<F: FnMut(u32, u32) -> bool> Query for InCone<'_, F> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        let [low, high] = &node.corner;
        self.cone.meets([&low[0], &low[1], &low[2]], [&high[0], &high[1], &high[2]])
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let [mut low, mut high] = [block.corner[0]; 2];
        for corner in &block.corner[1..] {
            for axis in 0..3 {
                for lane in 0..BLOCK_WIDTH {
                    low[axis][lane] = -larger(-low[axis][lane], -corner[axis][lane]);
                    high[axis][lane] = larger(high[axis][lane], corner[axis][lane]);
                }
            }
        }
        let met = self.cone.meets([&low[0], &low[1], &low[2]], [&high[0], &high[1], &high[2]]);
        for lane in 0..BLOCK_WIDTH {
            let triangle = block.triangle[lane];
            if met >> lane & 1 != 0 && triangle != NONE && !(self.found)(triangle, block.patch[lane]) {
                return false;
            }
        }
        true
    }
}

/// Calls `found(triangle, patch)` for every triangle that may reach into a cone, until it answers `false`. The order is
/// that of the tree.
#[inline(always)]
pub fn for_each_in_cone(bvh: &Bvh, cone: &Cone, found: impl FnMut(u32, u32) -> bool) {
    walk(bvh, &mut InCone { cone, found });
}
