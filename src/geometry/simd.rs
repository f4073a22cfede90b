//! The two hot tests, eight boxes and four triangles at a time, for each instruction set that a machine may have.
//!
//! The level is chosen at run time ([`Level::detect`]) and entered once for a whole task ([`run`]): the task's body is
//! compiled anew inside a function that has the features. Every level computes the same bits: the same operations in the
//! same order, none fused.

use super::triangle::Ray;
use crate::error::{Error, Fault, Result};
use crate::layout::{BLOCK_WIDTH, NODE_WIDTH, TriangleBlock, WideNode};

/// Slack on the far side of a box, for three roundings of the slab test (Ize 2013).
const SLAB_SLACK: f32 = 1.0 + 2.0 * 3.0 * f32::EPSILON;

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
    /// Writes the distances at which a ray enters each child's box and returns a bit for each child that it enters
    /// before `limit`. A ray in a box's face is in the box: 0 x inf = NaN drops out of every comparison.
    fn enter(ray: &Ray, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32;

    /// Writes the ray parameters at which a ray meets each triangle (T42) and returns a bit for each that it meets
    /// between 0 and `limit`. Edges count, and so does either side.
    fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32;
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
    #[inline(always)]
    fn enter(ray: &Ray, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        let mut near = [0f32; NODE_WIDTH];
        let mut far = [limit; NODE_WIDTH];
        for axis in 0..3 {
            let (origin, inverse) = (ray.origin[axis], ray.inverse[axis]);
            let (first, last) = near_and_far_sides(ray, node, axis);
            for lane in 0..NODE_WIDTH {
                let enters = (first[lane] - origin) * inverse;
                let leaves = (last[lane] - origin) * inverse;
                near[lane] = if enters > near[lane] { enters } else { near[lane] };
                far[lane] = if leaves < far[lane] { leaves } else { far[lane] };
            }
        }
        *entries = near;
        (0..NODE_WIDTH).fold(0, |mask, lane| mask | u32::from(near[lane] <= far[lane] * SLAB_SLACK) << lane)
    }

    #[inline(always)]
    fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
        let [kx, ky, kz] = ray.axes;
        let [sx, sy, sz] = ray.shear;
        let mut mask = 0;
        for lane in 0..BLOCK_WIDTH {
            let (mut x, mut y, mut z) = ([0f32; 3], [0f32; 3], [0f32; 3]);
            for (corner, c) in block.corner.iter().enumerate() {
                let along = c[kz][lane] - ray.origin[kz];
                x[corner] = (c[kx][lane] - ray.origin[kx]) - sx * along;
                y[corner] = (c[ky][lane] - ray.origin[ky]) - sy * along;
                z[corner] = sz * along;
            }
            let u = x[2] * y[1] - y[2] * x[1];
            let v = x[0] * y[2] - y[0] * x[2];
            let w = x[1] * y[0] - y[1] * x[0];
            let determinant = u + v + w;
            t[lane] = (u * z[0] + v * z[1] + w * z[2]) / determinant;
            // A NaN lane (no triangle) fails this; a triangle seen edge-on has no determinant.
            let inside = (u >= 0.0 && v >= 0.0 && w >= 0.0) || (u <= 0.0 && v <= 0.0 && w <= 0.0);
            let met = inside && determinant != 0.0 && t[lane] >= 0.0 && t[lane] <= limit;
            mask |= u32::from(met) << lane;
        }
        mask
    }
}

/// The sides of the children's boxes that a ray meets first and last along an axis.
#[inline(always)]
fn near_and_far_sides<'a>(
    ray: &Ray,
    node: &'a WideNode,
    axis: usize,
) -> (&'a [f32; NODE_WIDTH], &'a [f32; NODE_WIDTH]) {
    let (low, high) = (&node.low[axis], &node.high[axis]);
    if ray.inverse[axis] < 0.0 { (high, low) } else { (low, high) }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Each level's lanes, and the function that has its features.

    use super::*;
    use std::arch::x86_64::*;

    #[derive(Debug, Clone, Copy)]
    struct Sse42;
    #[derive(Debug, Clone, Copy)]
    struct Avx2;
    #[derive(Debug, Clone, Copy)]
    struct Avx512;

    #[target_feature(enable = "sse4.2")]
    pub unsafe fn sse42<T: Task>(task: T) -> T::Output {
        task.run::<Sse42>()
    }

    #[target_feature(enable = "avx2")]
    pub unsafe fn avx2<T: Task>(task: T) -> T::Output {
        task.run::<Avx2>()
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub unsafe fn avx512<T: Task>(task: T) -> T::Output {
        task.run::<Avx512>()
    }

    impl Lanes for Sse42 {
        #[inline(always)]
        fn enter(ray: &Ray, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
            // SAFETY: SSE is part of x86-64; loads and stores stay within arrays of eight.
            unsafe {
                let mut mask = 0;
                for half in [0, 4] {
                    let mut near = _mm_setzero_ps();
                    let mut far = _mm_set1_ps(limit);
                    for axis in 0..3 {
                        let (origin, inverse) = (_mm_set1_ps(ray.origin[axis]), _mm_set1_ps(ray.inverse[axis]));
                        let (first, last) = near_and_far_sides(ray, node, axis);
                        let enters = _mm_mul_ps(_mm_sub_ps(_mm_loadu_ps(first.as_ptr().add(half)), origin), inverse);
                        let leaves = _mm_mul_ps(_mm_sub_ps(_mm_loadu_ps(last.as_ptr().add(half)), origin), inverse);
                        // With a NaN in the first operand these give the second.
                        near = _mm_max_ps(enters, near);
                        far = _mm_min_ps(leaves, far);
                    }
                    _mm_storeu_ps(entries.as_mut_ptr().add(half), near);
                    let entered = _mm_cmple_ps(near, _mm_mul_ps(far, _mm_set1_ps(SLAB_SLACK)));
                    mask |= (_mm_movemask_ps(entered) as u32) << half;
                }
                mask
            }
        }

        #[inline(always)]
        fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
            // SAFETY: SSE is part of x86-64.
            unsafe { meet_four(ray, block, limit, t) }
        }
    }

    impl Lanes for Avx2 {
        #[inline(always)]
        fn enter(ray: &Ray, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
            // SAFETY: the machine has AVX2 (see `run`).
            unsafe {
                let (near, far) = slabs_of_eight(ray, node, limit);
                _mm256_storeu_ps(entries.as_mut_ptr(), near);
                _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(near, far)) as u32
            }
        }

        #[inline(always)]
        fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
            // SAFETY: SSE is part of x86-64.
            unsafe { meet_four(ray, block, limit, t) }
        }
    }

    impl Lanes for Avx512 {
        #[inline(always)]
        fn enter(ray: &Ray, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
            // SAFETY: the machine has AVX-512 F and VL (see `run`).
            unsafe {
                let (near, far) = slabs_of_eight(ray, node, limit);
                _mm256_storeu_ps(entries.as_mut_ptr(), near);
                u32::from(_mm256_cmp_ps_mask::<_CMP_LE_OQ>(near, far))
            }
        }

        #[inline(always)]
        fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
            // SAFETY: SSE is part of x86-64.
            unsafe { meet_four(ray, block, limit, t) }
        }
    }

    /// Where a ray enters and leaves eight boxes.
    ///
    /// # Safety
    /// The machine has AVX.
    #[inline(always)]
    unsafe fn slabs_of_eight(ray: &Ray, node: &WideNode, limit: f32) -> (__m256, __m256) {
        // SAFETY: the caller's; loads stay within arrays of eight.
        unsafe {
            let mut near = _mm256_setzero_ps();
            let mut far = _mm256_set1_ps(limit);
            for axis in 0..3 {
                let (origin, inverse) = (_mm256_set1_ps(ray.origin[axis]), _mm256_set1_ps(ray.inverse[axis]));
                let (first, last) = near_and_far_sides(ray, node, axis);
                let enters = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(first.as_ptr()), origin), inverse);
                let leaves = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(last.as_ptr()), origin), inverse);
                // With a NaN in the first operand these give the second.
                near = _mm256_max_ps(enters, near);
                far = _mm256_min_ps(leaves, far);
            }
            (near, _mm256_mul_ps(far, _mm256_set1_ps(SLAB_SLACK)))
        }
    }

    /// Four triangles at a time, operation by operation as [`Scalar`].
    ///
    /// # Safety
    /// The machine has SSE.
    #[inline(always)]
    unsafe fn meet_four(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
        // SAFETY: the caller's; loads and stores stay within arrays of four.
        unsafe {
            let [kx, ky, kz] = ray.axes;
            let origin = [kx, ky, kz].map(|k| _mm_set1_ps(ray.origin[k]));
            let shear = ray.shear.map(|s| _mm_set1_ps(s));
            let sheared = |corner: usize| {
                let c = &block.corner[corner];
                let along = _mm_sub_ps(_mm_loadu_ps(c[kz].as_ptr()), origin[2]);
                let x = _mm_sub_ps(_mm_loadu_ps(c[kx].as_ptr()), origin[0]);
                let y = _mm_sub_ps(_mm_loadu_ps(c[ky].as_ptr()), origin[1]);
                let x = _mm_sub_ps(x, _mm_mul_ps(shear[0], along));
                let y = _mm_sub_ps(y, _mm_mul_ps(shear[1], along));
                (x, y, _mm_mul_ps(shear[2], along))
            };
            let (xa, ya, za) = sheared(0);
            let (xb, yb, zb) = sheared(1);
            let (xc, yc, zc) = sheared(2);
            let u = _mm_sub_ps(_mm_mul_ps(xc, yb), _mm_mul_ps(yc, xb));
            let v = _mm_sub_ps(_mm_mul_ps(xa, yc), _mm_mul_ps(ya, xc));
            let w = _mm_sub_ps(_mm_mul_ps(xb, ya), _mm_mul_ps(yb, xa));
            let zero = _mm_setzero_ps();
            let all = |a, b, c| _mm_and_ps(_mm_and_ps(a, b), c);
            let above = all(_mm_cmpge_ps(u, zero), _mm_cmpge_ps(v, zero), _mm_cmpge_ps(w, zero));
            let below = all(_mm_cmple_ps(u, zero), _mm_cmple_ps(v, zero), _mm_cmple_ps(w, zero));
            let inside = _mm_or_ps(above, below);
            if _mm_movemask_ps(inside) == 0 {
                return 0;
            }
            let determinant = _mm_add_ps(_mm_add_ps(u, v), w);
            let scaled = _mm_add_ps(_mm_add_ps(_mm_mul_ps(u, za), _mm_mul_ps(v, zb)), _mm_mul_ps(w, zc));
            let distance = _mm_div_ps(scaled, determinant);
            _mm_storeu_ps(t.as_mut_ptr(), distance);
            let ahead = _mm_and_ps(_mm_cmpge_ps(distance, zero), _mm_cmple_ps(distance, _mm_set1_ps(limit)));
            let met = all(inside, _mm_cmpneq_ps(determinant, zero), ahead);
            _mm_movemask_ps(met) as u32
        }
    }
}

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
