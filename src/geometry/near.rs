//! Pairs of triangles that may touch in one plane, leaf by leaf, in f32 with room for its rounding.
//!
//! The triangles of a leaf lie together, so that one walk finds the neighbours of all of them. Most triangles that are near
//! stick out of each other's planes: they end here, four at a time, before anything is decided in f64 ([`super::touch`]).

use super::bvh::Bvh;
use super::search::{Coarse, Region, boxes_about, by_axis, for_each_block_about, four_of};
use crate::layout::{BLOCK_WIDTH, ROUNDING, TriangleBlock};
use crate::math::Vec3;
use arrayvec::ArrayVec;
use wide::f32x4;

/// Lanes of a leaf that are looked at together.
const FOUR: usize = 4;

/// A triangle whose neighbours are looked for.
pub(super) struct Seeker {
    /// The triangle.
    pub triangle: u32,
    /// The triangles near it, as far as they were counted.
    pub near: usize,
    most: usize,
    /// Where its neighbours are.
    region: Coarse,
    /// Its corners, rounded to f32 [m].
    corners: [[f32; 3]; 3],
    /// Its unit normal, rounded to f32.
    normal: [f32; 3],
}

impl Seeker {
    /// A seeker for a triangle with these corners [m]: what lies in its `region`, and `most` triangles before it is in a crowd.
    pub fn new(bvh: &Bvh, triangle: u32, corners: &[Vec3; 3], region: &Region, most: usize) -> Seeker {
        let corners = corners.map(|corner| [0, 1, 2].map(|axis| corner[axis] as f32));
        let normal = [0, 1, 2].map(|axis| region.normal[axis] as f32);
        Seeker { triangle, near: 0, most, region: Coarse::new(region, bvh.reach), corners, normal }
    }

    /// Whether more triangles are near than may be.
    pub fn is_crowded(&self) -> bool {
        self.near > self.most
    }
}

/// Finds what is near the seekers of a leaf, and calls `found(seeker's place, triangle)` for whatever may be coplanar with it:
/// neither sticks out of the other's plane by more than `distance` [m]. The order is that of the tree.
pub(super) fn for_each_pair(
    bvh: &Bvh,
    seekers: &mut ArrayVec<Seeker, BLOCK_WIDTH>,
    distance: f64,
    mut found: impl FnMut(usize, u32),
) {
    let tolerance = Tolerance::new(bvh, distance);
    let regions: ArrayVec<Coarse, BLOCK_WIDTH> = seekers.iter().map(|seeker| seeker.region).collect();
    for_each_block_about(bvh, &regions, |block| {
        for first in (0..BLOCK_WIDTH).step_by(FOUR) {
            let four = Four::new(block, first, &tolerance);
            for (place, seeker) in seekers.iter_mut().enumerate().filter(|(_, seeker)| !seeker.is_crowded()) {
                let mut near = seeker.region.meets::<true>(four.low, four.high);
                for lane in (0..FOUR).filter(|lane| block.triangle[first + lane] == seeker.triangle) {
                    near &= !(1 << lane);
                }
                if near == 0 {
                    continue;
                }
                seeker.near += near.count_ones() as usize;
                let mut perhaps = near & four.may_be_coplanar(seeker, &tolerance);
                while perhaps != 0 && !seeker.is_crowded() {
                    let other = block.triangle[first + perhaps.trailing_zeros() as usize];
                    perhaps &= perhaps - 1;
                    found(place, other);
                }
            }
        }
        !seekers.iter().all(Seeker::is_crowded)
    });
}

/// How far a corner may stick out of a plane, in terms of the unit roundoff u = [`ROUNDING`] and the scene's reach R.
///
/// A corner is off by u R in each axis, a difference d of two by 2 u R and u |d|; what follows has products and sums of its own.
struct Tolerance {
    /// What is allowed, and 2 sqrt(3) u R for the difference of corners [m].
    distance: f32,
    /// u R [m].
    corner: f32,
}

impl Tolerance {
    fn new(bvh: &Bvh, distance: f64) -> Tolerance {
        let corner = ROUNDING * bvh.reach;
        Tolerance { distance: distance as f32 + 5.0 * corner, corner }
    }
}

/// Four triangles of a leaf.
struct Four {
    corner: [[f32x4; 3]; 3],
    low: [f32x4; 3],
    high: [f32x4; 3],
    /// Normals, as long as twice the area.
    normal: [f32x4; 3],
    /// How large the product of the normal with what lies in the plane may be, and how much more for each metre that it lies
    /// off the first corner, by the sum of the axes.
    most: f32x4,
    most_per_metre: f32x4,
}

#[inline(always)]
fn splat(point: &[f32; 3]) -> [f32x4; 3] {
    by_axis(|axis| f32x4::splat(point[axis]))
}

#[inline(always)]
fn cross(a: &[f32x4; 3], b: &[f32x4; 3]) -> [f32x4; 3] {
    by_axis(|k| a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3])
}

#[inline(always)]
fn dot(a: &[f32x4; 3], b: &[f32x4; 3]) -> f32x4 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn sum_of_sizes(a: &[f32x4; 3]) -> f32x4 {
    a[0].abs() + a[1].abs() + a[2].abs()
}

#[inline(always)]
fn difference(a: &[f32x4; 3], b: &[f32x4; 3]) -> [f32x4; 3] {
    by_axis(|axis| a[axis] - b[axis])
}

impl Four {
    #[inline(always)]
    fn new(block: &TriangleBlock, first: usize, tolerance: &Tolerance) -> Four {
        let [a, b, c] = &block.corner;
        let corner = [four_of(a, first), four_of(b, first), four_of(c, first)];
        let [a, b, c] = &corner;
        let [low, high] = boxes_about(&corner);
        let (u, v) = (difference(b, a), difference(c, a));
        let normal = cross(&u, &v);
        // A normal is off by 2 u R S + u S^2 in each axis, where S is the sum of the sides' sizes, and its product with a
        // difference d has roundings of u S^2 |d| besides.
        let sides = sum_of_sizes(&u) + sum_of_sizes(&v) + f32x4::splat(4.0 * tolerance.corner);
        let off = sides * f32x4::splat(3.0) * (f32x4::splat(tolerance.corner) + f32x4::splat(ROUNDING) * sides);
        let distance = f32x4::splat(tolerance.distance);
        let most = (dot(&normal, &normal).sqrt() + off + off) * distance;
        Four { corner, low, high, normal, most, most_per_metre: off }
    }

    /// A bit for each that may lie in a seeker's plane, or in whose plane the seeker may lie.
    #[inline(always)]
    fn may_be_coplanar(&self, seeker: &Seeker, tolerance: &Tolerance) -> u32 {
        let [first, second, third] = &seeker.corners;
        let (first, second, third) = (splat(first), splat(second), splat(third));
        let own = &self.corner[0];
        let from = difference(own, &first);
        let normal = splat(&seeker.normal);
        let lies = |from: &[f32x4; 3]| {
            // The sides are rounded, the normal, the products and the sums: five times in all.
            let most = f32x4::splat(tolerance.distance) + f32x4::splat(8.0 * ROUNDING) * sum_of_sizes(from);
            dot(&normal, from).abs().simd_le(most)
        };
        let holds = |from: &[f32x4; 3]| {
            let most = self.most + self.most_per_metre * sum_of_sizes(from);
            dot(&self.normal, from).abs().simd_le(most)
        };
        let lie = lies(&from) & lies(&difference(&self.corner[1], &first)) & lies(&difference(&self.corner[2], &first));
        let hold = holds(&from) & holds(&difference(&second, own)) & holds(&difference(&third, own));
        (lie | hold).to_bitmask()
    }
}
