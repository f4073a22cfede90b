//! Searching the hierarchy: all crossings of a segment, in f64; triangles about a region, in f32 with room for its
//! rounding; whether a ray meets anything soon.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::simd::Lanes;
use super::traverse::{NO_HIT, between_ends, crosses, meet_block};
use super::triangle::Ray;
use super::walk::{Query, walk};
use crate::layout::{BLOCK_WIDTH, Hit, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;
use wide::f32x4;

struct Meets<'a, L: Lanes> {
    ray: &'a Ray,
    slabs: L::Slabs,
    skip: u32,
    /// The farthest that counts [m].
    limit: f32,
    found: bool,
}

impl<L: Lanes> Query for Meets<'_, L> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        L::enter(&self.slabs, node, self.limit, &mut [0f32; NODE_WIDTH])
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut hit = Hit { t: self.limit, ..NO_HIT };
        meet_block::<L>(self.ray, block, self.skip, &mut hit);
        self.found = hit.triangle != NONE;
        !self.found
    }
}

/// Whether `ray` meets a triangle at `distance` [m] or before, other than those of patch `skip`: whether the distance of
/// [`closest_hit`](super::traverse::closest_hit) is not beyond it.
#[inline(always)]
pub fn meets_before<L: Lanes>(bvh: &Bvh, ray: &Ray, skip: u32, distance: f64) -> bool {
    // The largest f32 that is not beyond: the nearest one may be.
    let nearest = distance as f32;
    let limit = if f64::from(nearest) > distance { nearest.next_down() } else { nearest };
    let mut meets = Meets::<L> { ray, slabs: L::slabs(&ray.slabs), skip, limit, found: false };
    walk(bvh, &mut meets);
    meets.found
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
    /// Unit normal of the slab, or zero for no slab, whose offset and thickness are zero then.
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
#[derive(Clone, Copy)]
pub(super) struct Coarse {
    low: [f32; 3],
    high: [f32; 3],
    normal: [f32; 3],
    offset: f32,
    half_thickness: f32,
}

impl Coarse {
    /// The region for triangles without a coordinate beyond `reach` [m].
    pub fn new(region: &Region, reach: f32) -> Coarse {
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

    /// The least box about several regions.
    fn around(regions: &[Coarse]) -> Coarse {
        let bound = |limit: fn(f32, f32) -> f32, start: f32, side: fn(&Coarse) -> [f32; 3]| {
            regions
                .iter()
                .map(side)
                .fold([start; 3], |bound, side| [0, 1, 2].map(|axis| limit(bound[axis], side[axis])))
        };
        Coarse {
            low: bound(f32::min, f32::INFINITY, |region| region.low),
            high: bound(f32::max, f32::NEG_INFINITY, |region| region.high),
            normal: [0.0; 3],
            offset: 0.0,
            half_thickness: 0.0,
        }
    }

    /// A bit for each of four boxes that may reach into the region; none for an empty one.
    #[inline(always)]
    pub fn meets<const SLAB: bool>(&self, low: [f32x4; 3], high: [f32x4; 3]) -> u32 {
        let all = f32x4::splat;
        let mut meets = low[0].simd_le(all(self.high[0])) & high[0].simd_ge(all(self.low[0]));
        for axis in 1..3 {
            meets &= low[axis].simd_le(all(self.high[axis])) & high[axis].simd_ge(all(self.low[axis]));
        }
        if SLAB {
            let (mut from_plane, mut extent) = (all(-self.offset), all(self.half_thickness));
            for axis in 0..3 {
                let half = self.normal[axis] * 0.5;
                from_plane += all(half) * (low[axis] + high[axis]);
                extent += all(half.abs()) * (high[axis] - low[axis]);
            }
            meets &= from_plane.abs().simd_le(extent);
        }
        meets.to_bitmask()
    }
}

/// Four corners `[axis]`, from a lane on.
#[inline(always)]
pub(super) fn four_of<const N: usize>([x, y, z]: &[[f32; N]; 3], first: usize) -> [f32x4; 3] {
    let four = |side: &[f32; N]| f32x4::new([side[first], side[first + 1], side[first + 2], side[first + 3]]);
    [four(x), four(y), four(z)]
}

/// One for each axis: `map` of an array is now and then a function of its own, which costs what is called
/// for every leaf a fifth of its time.
#[inline(always)]
pub(super) fn by_axis(of: impl Fn(usize) -> f32x4) -> [f32x4; 3] {
    [of(0), of(1), of(2)]
}

/// Lower and upper corners of the boxes about four triangles `[corner][axis]`.
#[inline(always)]
pub(super) fn boxes_about([a, b, c]: &[[f32x4; 3]; 3]) -> [[f32x4; 3]; 2] {
    [
        by_axis(|axis| a[axis].fast_min(b[axis]).fast_min(c[axis])),
        by_axis(|axis| a[axis].fast_max(b[axis]).fast_max(c[axis])),
    ]
}

/// A bit for each child of a node whose box may reach into a region.
#[inline(always)]
fn children_in<const SLAB: bool>(region: &Coarse, node: &WideNode) -> u32 {
    let [low, high] = &node.corner;
    let first = region.meets::<SLAB>(four_of(low, 0), four_of(high, 0));
    let last = region.meets::<SLAB>(four_of(low, 4), four_of(high, 4));
    first | last << 4
}

/// Leaves in some regions, which lie close together.
struct Leaves<'a, F> {
    regions: &'a [Coarse],
    about: Coarse,
    found: F,
}

impl<F: FnMut(&TriangleBlock) -> bool> Query for Leaves<'_, F> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        let inside = children_in::<false>(&self.about, node);
        // A large triangle that stands askew has a box which holds much that is far from its plane.
        if inside.count_ones() <= 2 {
            return inside;
        }
        inside & self.regions.iter().fold(0, |any, region| any | children_in::<true>(region, node))
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        (self.found)(block)
    }
}

/// Calls `found` for every leaf that reaches into one of the regions, and more perhaps, until it answers `false`. The order is
/// that of the tree.
pub(super) fn for_each_block_about(bvh: &Bvh, regions: &[Coarse], found: impl FnMut(&TriangleBlock) -> bool) {
    walk(bvh, &mut Leaves { regions, about: Coarse::around(regions), found });
}

/// Triangles in a region; a region without a slab has only its box looked at.
struct Collect<F, const SLAB: bool> {
    region: Coarse,
    found: F,
}

impl<F: FnMut(u32, u32) -> bool, const SLAB: bool> Query for Collect<F, SLAB> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        children_in::<SLAB>(&self.region, node)
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let [a, b, c] = &block.corner;
        let [low, high] = boxes_about(&[four_of(a, 0), four_of(b, 0), four_of(c, 0)]);
        // A lane without a triangle holds no numbers, and meets nothing.
        let met = self.region.meets::<SLAB>(low, high);
        for lane in 0..BLOCK_WIDTH {
            let triangle = block.triangle[lane];
            if met >> lane & 1 != 0 && !(self.found)(triangle, block.patch[lane]) {
                return false;
            }
        }
        true
    }
}

/// Calls `found(triangle, patch)` for every triangle whose box meets `region`, and more perhaps, until it answers
/// `false`. The order is that of the tree.
pub fn for_each_in_region(bvh: &Bvh, region: &Region, found: impl FnMut(u32, u32) -> bool) {
    let coarse = Coarse::new(region, bvh.reach);
    if region.normal == Vec3::zeros() {
        walk(bvh, &mut Collect::<_, false> { region: coarse, found });
    } else {
        walk(bvh, &mut Collect::<_, true> { region: coarse, found });
    }
}

/// Whether a triangle crosses the segment between `from` and `to`, its ends included, other than those of patch `skip`.
/// Decided in f64; meant for short segments.
pub fn crosses_anything(scene: &Scene, bvh: &Bvh, [from, to]: [&Vec3; 2], skip: u32) -> bool {
    let along = to - from;
    let (low, high) = (from.inf(to), from.sup(to));
    let region = Region { low, high, normal: Vec3::zeros(), offset: 0.0, half_thickness: 0.0 };
    let mut any = false;
    for_each_in_region(bvh, &region, |triangle, patch| {
        any |= patch != skip && crosses(from, &along, (0.0, 1.0), &scene.corners(triangle));
        !any
    });
    any
}
