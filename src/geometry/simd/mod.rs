//! The two hot tests, eight boxes and four triangles at a time, for each instruction set that a machine may have.
//!
//! The level is chosen at run time ([`Level::detect`]) and entered once for a whole task ([`run`]): the task's body is
//! compiled anew inside a function that has the features. Every level computes the same bits: the same operations in the
//! same order, none fused.

// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::triangle::{Ray, Slabs};
use super::walk::reordered;
use crate::error::{Error, Fault, Result};
use crate::layout::{BLOCK_WIDTH, NODE_WIDTH, SLAB_SLACK, TriangleBlock, WideNode};

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every machine of the architecture has: the reference.
    Scalar,
    /// SSE4.2, 128 bits.
    Sse42,
    /// AVX2, 256 bits.
    Avx2,
    /// AVX-512 F, VL: masks and compression of 256-bit lanes.
    Avx512,
}

/// Forces a level: `scalar`, `sse4.2`, `avx2` or `avx512`.
pub const LEVEL_VARIABLE: &str = "RAYLOBE_SIMD";

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 4] = [Level::Scalar, Level::Sse42, Level::Avx2, Level::Avx512];

    /// How the level is called.
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            Level::Sse42 => "sse4.2",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// Whether this machine has the level.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Level::Scalar => true,
            Level::Sse42 => is_x86_feature_detected!("sse4.2"),
            Level::Avx2 => is_x86_feature_detected!("avx2"),
            Level::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl"),
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == Level::Scalar;
    }

    /// The highest level of this machine, or the one that the environment variable [`LEVEL_VARIABLE`] names.
    ///
    /// # Errors
    /// The variable names no level, or one that this machine lacks.
    pub fn detect() -> Result<Level> {
        let Ok(name) = std::env::var(LEVEL_VARIABLE) else {
            let best = Level::ALL.into_iter().rev().find(|level| level.is_available());
            return Ok(best.expect("every machine has the scalar level"));
        };
        let fault = |bound: &str| {
            let remedy = "unset it to take the best level of this machine";
            Error::device(Fault::new(LEVEL_VARIABLE, bound).value(&name).remedy(remedy))
        };
        let level = Level::ALL.into_iter().find(|level| level.name() == name);
        let level = level.ok_or_else(|| fault("one of scalar, sse4.2, avx2, avx512"))?;
        if level.is_available() { Ok(level) } else { Err(fault("this machine does not have the instructions")) }
    }
}

/// The hot tests at one level. Its functions must be called only on a machine that has the level, which [`run`] sees to.
pub trait Lanes: Copy {
    /// What a ray is where it meets boxes, as the level has it at hand.
    type Slabs: Copy;

    /// Lays a ray out for many boxes.
    fn slabs(slabs: &Slabs) -> Self::Slabs;

    /// Writes the distances at which a ray enters each child's box and returns a bit for each child that it enters
    /// before `limit`. A ray in a box's face is in the box: 0 x inf = NaN drops out of every comparison.
    fn enter(slabs: &Self::Slabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32;

    /// A bit for each child that a segment enters, which is as long as its direction, and the children, both in the order of
    /// `lanes`: a byte each from the lowest on.
    #[inline(always)]
    fn enter_lanes(slabs: &Self::Slabs, node: &WideNode, lanes: u64, children: &mut [u32; NODE_WIDTH]) -> u32 {
        reordered(Self::enter(slabs, node, 1.0, &mut [0f32; NODE_WIDTH]), node, lanes, children)
    }

    /// Writes the ray parameters at which a ray meets each triangle (T42) and returns a bit for each that it meets
    /// between 0 and `limit`. Edges count, and so does either side.
    fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32;

    /// What f32 can say of a segment, from a ray's origin over its direction, and each triangle (T43). `margin` bounds
    /// the error of a sheared coordinate ([`Ray::margin`]).
    fn cross(ray: &Ray, margin: f32, block: &TriangleBlock) -> Crossing;
}

/// What f32 can say of a segment's line and four triangles: a bit for each. A triangle with neither bit is missed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// The line may cross it.
    pub perhaps: u32,
    /// The line crosses it, farther from its edges than any rounding reaches.
    pub surely: u32,
    /// Where it crosses, in lengths of the segment.
    pub t: [f32; BLOCK_WIDTH],
    /// How far `t` may be off.
    pub slack: [f32; BLOCK_WIDTH],
}

/// Asks for the item at `index` before it is needed.
#[inline(always)]
pub fn prefetch<T>(items: &[T], index: usize) {
    /// Bytes that come at once.
    const LINE: usize = 64;
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = items.as_ptr().wrapping_add(index).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(LINE) {
            // SAFETY: a prefetch reads nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(LINE * line)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index, LINE);
}

/// The larger of two numbers; the second, if one is none.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Work that holds hot tests.
pub trait Task {
    /// What the work yields.
    type Output;
    /// Does the work at one level; must be `#[inline(always)]`, as all that it calls with `L`.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Does `task` at `level`, which this machine must have.
pub fn run<T: Task>(level: Level, task: T) -> T::Output {
    assert!(level.is_available(), "a level is taken from Level::detect or checked");
    match level {
        Level::Scalar => task.run::<Scalar>(),
        // SAFETY: the machine has the features of the level, as asserted above.
        #[cfg(target_arch = "x86_64")]
        Level::Sse42 => unsafe { x86::sse42(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(task) },
        #[cfg(not(target_arch = "x86_64"))]
        Level::Sse42 | Level::Avx2 | Level::Avx512 => unreachable!("not available on this architecture"),
    }
}

/// The reference: plain loops.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

impl Lanes for Scalar {
    type Slabs = Slabs;

    #[inline(always)]
    fn slabs(slabs: &Slabs) -> Slabs {
        *slabs
    }

    #[inline(always)]
    fn enter(slabs: &Slabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        let mut near = [0f32; NODE_WIDTH];
        let mut far = [limit; NODE_WIDTH];
        for axis in 0..3 {
            let inverse = slabs.inverse[axis];
            let (first, last) = near_and_far_sides(slabs, node, axis);
            for lane in 0..NODE_WIDTH {
                let enters = (first[lane] - slabs.near_origin[axis]) * inverse;
                let leaves = (last[lane] - slabs.far_origin[axis]) * inverse;
                near[lane] = if enters > near[lane] { enters } else { near[lane] };
                far[lane] = if leaves < far[lane] { leaves } else { far[lane] };
            }
        }
        *entries = near;
        (0..NODE_WIDTH).fold(0, |mask, lane| mask | u32::from(near[lane] <= far[lane] * SLAB_SLACK) << lane)
    }

    #[inline(always)]
    fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
        let mut mask = 0;
        for lane in 0..BLOCK_WIDTH {
            let ([u, v, w], z, _) = edges(ray, block, lane);
            let determinant = u + v + w;
            t[lane] = (u * z[0] + v * z[1] + w * z[2]) / determinant;
            // A NaN lane (no triangle) fails this; a triangle seen edge-on has no determinant.
            let inside = (u >= 0.0 && v >= 0.0 && w >= 0.0) || (u <= 0.0 && v <= 0.0 && w <= 0.0);
            let met = inside && determinant != 0.0 && t[lane] >= 0.0 && t[lane] <= limit;
            mask |= u32::from(met) << lane;
        }
        mask
    }

    #[inline(always)]
    fn cross(ray: &Ray, margin: f32, block: &TriangleBlock) -> Crossing {
        let mut crossing = Crossing { perhaps: 0, surely: 0, t: [0.0; BLOCK_WIDTH], slack: [0.0; BLOCK_WIDTH] };
        for lane in 0..BLOCK_WIDTH {
            let ([u, v, w], z, size) = edges(ray, block, lane);
            let [a, b, c] = size.map(|size| size + margin);
            let [du, dv, dw] = [(b + c) * margin, (c + a) * margin, (a + b) * margin];
            // A NaN lane (no triangle) fails all of these.
            let perhaps = (u >= -du && v >= -dv && w >= -dw) || (u <= du && v <= dv && w <= dw);
            let surely = (u > du && v > dv && w > dw) || (u < -du && v < -dv && w < -dw);
            crossing.perhaps |= u32::from(perhaps) << lane;
            crossing.surely |= u32::from(surely) << lane;
            let determinant = u + v + w;
            let farthest = z[0].abs().max(z[1].abs()).max(z[2].abs());
            crossing.t[lane] = (u * z[0] + v * z[1] + w * z[2]) / determinant;
            crossing.slack[lane] = (du + dv + dw) * farthest * 2.0 / determinant.abs() + margin * ray.shear[2].abs();
        }
        crossing
    }
}

/// The edge functions of a triangle (T42), and of each corner: its distance along the ray, and how far it lies off the
/// ray, |x| + |y|, in sheared coordinates.
#[inline(always)]
fn edges(ray: &Ray, block: &TriangleBlock, lane: usize) -> ([f32; 3], [f32; 3], [f32; 3]) {
    let [kx, ky, kz] = ray.axes;
    let [sx, sy, sz] = ray.shear;
    let (mut x, mut y, mut z) = ([0f32; 3], [0f32; 3], [0f32; 3]);
    for (corner, c) in block.corner.iter().enumerate() {
        let along = c[kz][lane] - ray.origin[kz];
        x[corner] = (c[kx][lane] - ray.origin[kx]) - sx * along;
        y[corner] = (c[ky][lane] - ray.origin[ky]) - sy * along;
        z[corner] = sz * along;
    }
    let edges = [x[2] * y[1] - y[2] * x[1], x[0] * y[2] - y[0] * x[2], x[1] * y[0] - y[1] * x[0]];
    (edges, z, [0, 1, 2].map(|corner| x[corner].abs() + y[corner].abs()))
}

/// The sides of the children's boxes that a ray meets first and last along an axis.
#[inline(always)]
fn near_and_far_sides<'a>(
    slabs: &Slabs,
    node: &'a WideNode,
    axis: usize,
) -> (&'a [f32; NODE_WIDTH], &'a [f32; NODE_WIDTH]) {
    let near = slabs.near_corner[axis] & 1;
    (&node.corner[near][axis], &node.corner[1 - near][axis])
}

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests {
    use super::*;

    use crate::layout::NONE;

    const CORNERS: [[f32; 3]; 3] = [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0]];

    fn block() -> TriangleBlock {
        let mut block = TriangleBlock { corner: [[[f32::NAN; 4]; 3]; 3], triangle: [NONE; 4], patch: [NONE; 4] };
        for (k, corner) in CORNERS.iter().enumerate() {
            for (axis, coordinate) in corner.iter().enumerate() {
                block.corner[k][axis][1] = *coordinate;
            }
        }
        block
    }

    struct Meet(Ray);

    impl Task for Meet {
        type Output = Option<f32>;
        #[inline(always)]
        fn run<L: Lanes>(self) -> Option<f32> {
            let mut t = [0f32; BLOCK_WIDTH];
            let mask = L::meet(&self.0, &block(), 100.0, &mut t);
            assert_eq!(mask & !0b10, 0, "empty lanes are never met");
            (mask == 0b10).then_some(t[1])
        }
    }

    #[test]
    fn at_every_level_a_ray_meets_a_triangle_from_either_side_and_on_its_edges() {
        for (origin, direction, t) in [
            ([0.5f32, 0.5, 3.0], [0f32, 0.0, -1.0], Some(3.0f32)),
            ([0.5, 0.5, -3.0], [0.0, 0.0, 1.0], Some(3.0)),
            ([0.0, 1.0, 3.0], [0.0, 0.0, -1.0], Some(3.0)),
            ([0.0, 0.0, 3.0], [0.0, 0.0, -1.0], Some(3.0)),
            ([1.0, 1.0, 3.0], [0.0, 0.0, -1.0], Some(3.0)),
            ([1.1, 1.1, 3.0], [0.0, 0.0, -1.0], None),
            ([-0.1, 1.0, 3.0], [0.0, 0.0, -1.0], None),
            ([0.5, 0.5, 3.0], [1.0, 0.0, 0.0], None),
            ([0.5, 0.5, 3.0], [0.0, 0.0, 1.0], None),
            ([0.5, 0.5, 101.0], [0.0, 0.0, -1.0], None),
        ] {
            for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
                assert_eq!(run(level, Meet(Ray::new(origin, direction))), t, "{origin:?} {direction:?} {level:?}");
            }
        }
    }

    #[test]
    fn the_best_level_is_one_of_this_machine() {
        assert!(Level::detect().is_ok_and(Level::is_available));
    }
}
