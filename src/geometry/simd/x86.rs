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

/// Leaves hold four triangles, so every level tests them alike.
macro_rules! four_triangles {
    () => {
        #[inline(always)]
        fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
            // SAFETY: SSE is part of x86-64.
            unsafe { meet_four(ray, block, limit, t) }
        }

        #[inline(always)]
        fn cross(ray: &Ray, margin: f32, block: &TriangleBlock) -> Crossing {
            // SAFETY: SSE is part of x86-64.
            unsafe { cross_four(ray, margin, block) }
        }
    };
}

/// What both levels of 256 bits lay a ray out as, and how they put lanes in order.
macro_rules! eight_slabs {
    () => {
        type Slabs = EightSlabs;

        #[inline(always)]
        fn slabs(slabs: &Slabs) -> EightSlabs {
            // SAFETY: the machine has AVX2 (see `run`).
            unsafe { EightSlabs::new(slabs) }
        }

        #[inline(always)]
        fn enter_lanes(slabs: &EightSlabs, node: &WideNode, lanes: u64, children: &mut [u32; NODE_WIDTH]) -> u32 {
            // SAFETY: the machine has AVX2 (see `run`); loads and stores stay within arrays of eight.
            unsafe {
                let (near, far) = slabs.passed(node, 1.0);
                let lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(lanes as i64));
                let entered = _mm256_permutevar8x32_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(near, far), lanes);
                let own = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(node.child.as_ptr().cast()), lanes);
                _mm256_storeu_si256(children.as_mut_ptr().cast(), own);
                _mm256_movemask_ps(entered) as u32
            }
        }
    };
}

impl Lanes for Sse42 {
    type Slabs = Slabs;

    #[inline(always)]
    fn slabs(slabs: &Slabs) -> Slabs {
        *slabs
    }

    #[inline(always)]
    fn enter(slabs: &Slabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        // SAFETY: SSE is part of x86-64; loads and stores stay within arrays of eight.
        unsafe {
            let mut mask = 0;
            for half in [0, 4] {
                let mut near = _mm_setzero_ps();
                let mut far = _mm_set1_ps(limit);
                for axis in 0..3 {
                    let inverse = _mm_set1_ps(slabs.inverse[axis]);
                    let near_origin = _mm_set1_ps(slabs.near_origin[axis]);
                    let far_origin = _mm_set1_ps(slabs.far_origin[axis]);
                    let (first, last) = near_and_far_sides(slabs, node, axis);
                    let enters = _mm_mul_ps(_mm_sub_ps(_mm_loadu_ps(first.as_ptr().add(half)), near_origin), inverse);
                    let leaves = _mm_mul_ps(_mm_sub_ps(_mm_loadu_ps(last.as_ptr().add(half)), far_origin), inverse);
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

    four_triangles!();
}

impl Lanes for Avx2 {
    eight_slabs!();

    #[inline(always)]
    fn enter(slabs: &EightSlabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        // SAFETY: the machine has AVX2 (see `run`).
        unsafe {
            let (near, far) = slabs.passed(node, limit);
            _mm256_storeu_ps(entries.as_mut_ptr(), near);
            _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(near, far)) as u32
        }
    }

    four_triangles!();
}

impl Lanes for Avx512 {
    eight_slabs!();

    #[inline(always)]
    fn enter(slabs: &EightSlabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        // SAFETY: the machine has AVX-512 F and VL (see `run`).
        unsafe {
            let (near, far) = slabs.passed(node, limit);
            _mm256_storeu_ps(entries.as_mut_ptr(), near);
            u32::from(_mm256_cmp_ps_mask::<_CMP_LE_OQ>(near, far))
        }
    }

    four_triangles!();
}

/// A ray for eight boxes at a time: each number in all lanes of a register, since laying it out anew for every node costs a
/// tenth of the walk (docs/performance.md).
#[derive(Debug, Clone, Copy)]
struct EightSlabs {
    near_origin: [__m256; 3],
    far_origin: [__m256; 3],
    inverse: [__m256; 3],
    /// Rows of a node's corners that hold the sides that are met first and last `[axis]`.
    near_row: [usize; 3],
    far_row: [usize; 3],
}

impl EightSlabs {
    /// # Safety
    /// The machine has AVX.
    #[inline(always)]
    unsafe fn new(slabs: &Slabs) -> EightSlabs {
        // SAFETY: the caller's.
        let all = |numbers: [f32; 3]| numbers.map(|x| unsafe { _mm256_set1_ps(x) });
        let row = |corner: usize, axis: usize| 3 * (corner & 1) + axis;
        EightSlabs {
            near_origin: all(slabs.near_origin),
            far_origin: all(slabs.far_origin),
            inverse: all(slabs.inverse),
            near_row: [0, 1, 2].map(|axis| row(slabs.near_corner[axis], axis)),
            far_row: [0, 1, 2].map(|axis| row(1 - (slabs.near_corner[axis] & 1), axis)),
        }
    }

    /// Where the ray enters and leaves eight boxes.
    ///
    /// # Safety
    /// The machine has AVX.
    #[inline(always)]
    unsafe fn passed(&self, node: &WideNode, limit: f32) -> (__m256, __m256) {
        let rows = node.corner.as_flattened();
        // SAFETY: the caller's; there are six rows of eight, and `new` names no other.
        unsafe {
            let mut near = _mm256_setzero_ps();
            let mut far = _mm256_set1_ps(limit);
            for axis in 0..3 {
                let first = _mm256_loadu_ps(rows.get_unchecked(self.near_row[axis]).as_ptr());
                let last = _mm256_loadu_ps(rows.get_unchecked(self.far_row[axis]).as_ptr());
                let enters = _mm256_mul_ps(_mm256_sub_ps(first, self.near_origin[axis]), self.inverse[axis]);
                let leaves = _mm256_mul_ps(_mm256_sub_ps(last, self.far_origin[axis]), self.inverse[axis]);
                // With a NaN in the first operand these give the second.
                near = _mm256_max_ps(enters, near);
                far = _mm256_min_ps(leaves, far);
            }
            (near, _mm256_mul_ps(far, _mm256_set1_ps(SLAB_SLACK)))
        }
    }
}

/// The sheared corners of four triangles and their edge functions, operation by operation as [`Scalar`].
struct Edges {
    x: [__m128; 3],
    y: [__m128; 3],
    z: [__m128; 3],
    u: __m128,
    v: __m128,
    w: __m128,
}

/// # Safety
/// The machine has SSE.
#[inline(always)]
unsafe fn edges_of_four(ray: &Ray, block: &TriangleBlock) -> Edges {
    // SAFETY: the caller's; loads stay within arrays of four.
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
        Edges {
            x: [xa, xb, xc],
            y: [ya, yb, yc],
            z: [za, zb, zc],
            u: _mm_sub_ps(_mm_mul_ps(xc, yb), _mm_mul_ps(yc, xb)),
            v: _mm_sub_ps(_mm_mul_ps(xa, yc), _mm_mul_ps(ya, xc)),
            w: _mm_sub_ps(_mm_mul_ps(xb, ya), _mm_mul_ps(yb, xa)),
        }
    }
}

/// # Safety
/// The machine has SSE.
#[inline(always)]
unsafe fn all(a: __m128, b: __m128, c: __m128) -> __m128 {
    // SAFETY: the caller's.
    unsafe { _mm_and_ps(_mm_and_ps(a, b), c) }
}

/// # Safety
/// The machine has SSE.
#[inline(always)]
unsafe fn meet_four(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
    // SAFETY: the caller's; stores stay within arrays of four.
    unsafe {
        let Edges { z, u, v, w, .. } = edges_of_four(ray, block);
        let zero = _mm_setzero_ps();
        let above = all(_mm_cmpge_ps(u, zero), _mm_cmpge_ps(v, zero), _mm_cmpge_ps(w, zero));
        let below = all(_mm_cmple_ps(u, zero), _mm_cmple_ps(v, zero), _mm_cmple_ps(w, zero));
        let inside = _mm_or_ps(above, below);
        if _mm_movemask_ps(inside) == 0 {
            return 0;
        }
        let (distance, determinant) = distances(u, v, w, &z);
        _mm_storeu_ps(t.as_mut_ptr(), distance);
        let ahead = _mm_and_ps(_mm_cmpge_ps(distance, zero), _mm_cmple_ps(distance, _mm_set1_ps(limit)));
        let met = all(inside, _mm_cmpneq_ps(determinant, zero), ahead);
        _mm_movemask_ps(met) as u32
    }
}

/// Distances along the ray, and the determinants.
///
/// # Safety
/// The machine has SSE.
#[inline(always)]
unsafe fn distances(u: __m128, v: __m128, w: __m128, z: &[__m128; 3]) -> (__m128, __m128) {
    // SAFETY: the caller's.
    unsafe {
        let determinant = _mm_add_ps(_mm_add_ps(u, v), w);
        let scaled = _mm_add_ps(_mm_add_ps(_mm_mul_ps(u, z[0]), _mm_mul_ps(v, z[1])), _mm_mul_ps(w, z[2]));
        (_mm_div_ps(scaled, determinant), determinant)
    }
}

/// # Safety
/// The machine has SSE.
#[inline(always)]
unsafe fn cross_four(ray: &Ray, margin: f32, block: &TriangleBlock) -> Crossing {
    // SAFETY: the caller's; stores stay within arrays of four.
    unsafe {
        let Edges { x, y, z, u, v, w } = edges_of_four(ray, block);
        let sign = _mm_set1_ps(-0.0);
        let m = _mm_set1_ps(margin);
        let size = |corner: usize| {
            let size = _mm_add_ps(_mm_andnot_ps(sign, x[corner]), _mm_andnot_ps(sign, y[corner]));
            _mm_add_ps(size, m)
        };
        let (a, b, c) = (size(0), size(1), size(2));
        let slack = |a, b| _mm_mul_ps(_mm_add_ps(a, b), m);
        let (du, dv, dw) = (slack(b, c), slack(c, a), slack(a, b));
        let (nu, nv, nw) = (_mm_xor_ps(du, sign), _mm_xor_ps(dv, sign), _mm_xor_ps(dw, sign));
        let above = all(_mm_cmpge_ps(u, nu), _mm_cmpge_ps(v, nv), _mm_cmpge_ps(w, nw));
        let below = all(_mm_cmple_ps(u, du), _mm_cmple_ps(v, dv), _mm_cmple_ps(w, dw));
        let perhaps = _mm_movemask_ps(_mm_or_ps(above, below)) as u32;
        let mut crossing = Crossing { perhaps, surely: 0, t: [0.0; BLOCK_WIDTH], slack: [0.0; BLOCK_WIDTH] };
        if perhaps == 0 {
            return crossing;
        }
        let above = all(_mm_cmpgt_ps(u, du), _mm_cmpgt_ps(v, dv), _mm_cmpgt_ps(w, dw));
        let below = all(_mm_cmplt_ps(u, nu), _mm_cmplt_ps(v, nv), _mm_cmplt_ps(w, nw));
        crossing.surely = _mm_movemask_ps(_mm_or_ps(above, below)) as u32;
        let (t, determinant) = distances(u, v, w, &z);
        let size = |corner: usize| _mm_andnot_ps(sign, z[corner]);
        let farthest = _mm_max_ps(_mm_max_ps(size(0), size(1)), size(2));
        let sum = _mm_add_ps(_mm_add_ps(du, dv), dw);
        let slack = _mm_mul_ps(_mm_mul_ps(sum, farthest), _mm_set1_ps(2.0));
        let along = _mm_set1_ps(margin * ray.shear[2].abs());
        let slack = _mm_add_ps(_mm_div_ps(slack, _mm_andnot_ps(sign, determinant)), along);
        _mm_storeu_ps(crossing.t.as_mut_ptr(), t);
        _mm_storeu_ps(crossing.slack.as_mut_ptr(), slack);
        crossing
    }
}
