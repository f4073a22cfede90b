//! Cones of light: the triangles that may stand between a point and a convex polygon, in f32 with room for its rounding.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::simd::larger;
use super::walk::{Query, walk};
use crate::layout::{BLOCK_WIDTH, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;

/// What may stand in the way of light from a point through a convex polygon.
#[derive(Debug, Clone)]
pub struct Cone {
    /// Box about the point and the polygon.
    low: [f32; 3],
    high: [f32; 3],
    /// Rows [n, d]: what may be inside has n . p + d >= 0 somewhere.
    rows: [[f32; 4]; CONE_ROWS],
    /// How many rows there are.
    count: usize,
}

/// Sides and bounds of a cone at the most.
const CONE_ROWS: usize = MOST_SIDES + 3;
/// Corners of a cone's polygon at the most.
pub const MOST_SIDES: usize = 9;

impl Cone {
    /// The cone from `apex` through the `corners` of a polygon, where all `bounds` [n, d] are positive, for triangles
    /// without a coordinate beyond `reach` [m].
    pub fn new(apex: &Vec3, corners: &[Vec3], bounds: &[[f64; 4]; 3], reach: f32) -> Cone {
        /// Roundings of a form of f32 in coordinates up to `extent`: of each factor, product and sum; the rest is spare.
        const ROUNDINGS: f64 = 32.0;
        let (low, high) = corners.iter().fold((*apex, *apex), |(low, high), p| (low.inf(p), high.sup(p)));
        let extent = low.amax().max(high.amax()).max(f64::from(reach));
        let slack = ROUNDINGS * f64::from(f32::EPSILON) / 2.0 * extent;
        let mut cone = Cone {
            low: [0, 1, 2].map(|axis| (low[axis] - slack) as f32),
            high: [0, 1, 2].map(|axis| (high[axis] + slack) as f32),
            rows: [[0.0; 4]; CONE_ROWS],
            count: 0,
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
        for form in sides.chain(bounds.iter().copied()) {
            let norm = Vec3::new(form[0], form[1], form[2]).norm();
            if norm > 0.0 {
                let mut row = form.map(|x| (x / norm) as f32);
                row[3] = (form[3] / norm + slack) as f32;
                cone.rows[cone.count] = row;
                cone.count += 1;
            }
        }
        cone
    }

    /// A bit for each triangle that may reach into the cone: one of its corners is inside each row.
    #[inline(always)]
    fn meets_triangles(&self, block: &TriangleBlock) -> u32 {
        let mut least = [f32::MAX; BLOCK_WIDTH];
        for row in &self.rows[..self.count] {
            let mut highest = [f32::MIN; BLOCK_WIDTH];
            for corner in &block.corner {
                for lane in 0..BLOCK_WIDTH {
                    let height =
                        row[0] * corner[0][lane] + row[1] * corner[1][lane] + row[2] * corner[2][lane] + row[3];
                    highest[lane] = larger(height, highest[lane]);
                }
            }
            for lane in 0..BLOCK_WIDTH {
                least[lane] = -larger(-least[lane], -highest[lane]);
            }
        }
        let mut met = 0;
        for lane in 0..BLOCK_WIDTH {
            met |= u32::from(least[lane] >= 0.0) << lane;
        }
        met
    }

    /// A bit for each box that may reach into the cone; none for an empty one.
    #[inline(always)]
    fn meets(&self, [low, high]: &[[[f32; NODE_WIDTH]; 3]; 2]) -> u32 {
        let mut gap = [f32::MIN; NODE_WIDTH];
        for axis in 0..3 {
            for lane in 0..NODE_WIDTH {
                gap[lane] =
                    larger(gap[lane], larger(low[axis][lane] - self.high[axis], self.low[axis] - high[axis][lane]));
            }
        }
        for row in &self.rows[..self.count] {
            let mut farthest = [row[3]; NODE_WIDTH];
            for axis in 0..3 {
                let corner = if row[axis] >= 0.0 { &high[axis] } else { &low[axis] };
                for lane in 0..NODE_WIDTH {
                    farthest[lane] += row[axis] * corner[lane];
                }
            }
            for lane in 0..NODE_WIDTH {
                // In this order, so that no number (an empty lane) leaves the gap as it is.
                gap[lane] = larger(-farthest[lane], gap[lane]);
            }
        }
        let mut met = 0;
        for lane in 0..NODE_WIDTH {
            met |= u32::from(gap[lane] <= 0.0) << lane;
        }
        met
    }
}

/// Takes what may reach into a cone. A trait and no closure: what is inlined into a SIMD level's code is compiled for it.
pub trait Found {
    /// A triangle and its patch; `false` ends the search.
    fn triangle(&mut self, triangle: u32, patch: u32) -> bool;
}

struct InCone<'a, F> {
    cone: &'a Cone,
    found: &'a mut F,
}

impl<F: Found> Query for InCone<'_, F> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        self.cone.meets(&node.corner)
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut met = self.cone.meets_triangles(block);
        while met != 0 {
            let lane = met.trailing_zeros() as usize;
            met &= met - 1;
            let triangle = block.triangle[lane];
            if triangle != NONE && !self.found.triangle(triangle, block.patch[lane]) {
                return false;
            }
        }
        true
    }
}

/// Calls `found` for every triangle that may reach into a cone, until it answers `false`. The order is that of the tree.
#[inline(always)]
pub fn for_each_in_cone(bvh: &Bvh, cone: &Cone, found: &mut impl Found) {
    walk(bvh, &mut InCone { cone, found });
}
