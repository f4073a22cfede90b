//! What stands around a point: for every small range of directions the leaves that rays from there may meet, nearest first.
//!
//! Very many rays that start at one point need not look for their way from the root of the hierarchy again and again: a
//! ray looks at the leaves of its range alone, and one into the open sky is done at once. What it finds is what
//! [`closest_hit`](super::traverse::closest_hit) finds. Ranges are squares on the faces of a cube about the point.
// Lanes of several arrays are walked together.
#![allow(clippy::needless_range_loop)]

use super::bvh::Bvh;
use super::simd::{Lanes, Level, Task, larger, prefetch, run};
use super::traverse::{NO_HIT, meet_block};
use super::triangle::Ray;
use crate::layout::{BLOCK_WIDTH, Hit, LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use rayon::prelude::*;
use std::ops::Range;

/// Rays that a square serves: making one takes as long as tracing a few.
const RAYS_OF_A_SQUARE: u64 = 32;
/// Squares along each side of a face, at the most: of 0.7 degrees.
const MOST_SQUARES: u64 = 128;
/// By how much squares overlap, in the tangent of the angle: roundings of a direction in f32, with much to spare.
const OVERLAP: f32 = 1e-5;
/// What distances may lose to rounding.
const SLACK: f32 = 1e-5;

/// A leaf that is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    /// No ray meets it before [m].
    entry: f32,
    block: u32,
}

/// The leaves about a point.
#[derive(Debug, Clone)]
pub struct Panorama {
    from: Vec3,
    /// Squares along each side of a face.
    side: usize,
    /// Where the leaves of each square begin `[face, row, column]`, and the end.
    offsets: Vec<u32>,
    seen: Vec<Seen>,
}

impl Panorama {
    /// What is seen from a point, for so many rays that leave there.
    pub fn new(level: Level, bvh: &Bvh, from: &Vec3, rays: u64) -> Panorama {
        let side = (rays / (6 * RAYS_OF_A_SQUARE)).isqrt().clamp(1, MOST_SQUARES) as usize;
        let rows: Vec<Row> =
            (0..6 * side).into_par_iter().map(|row| run(level, Look { bvh, from, side, row })).collect();
        let (mut offsets, mut seen) = (vec![0], Vec::new());
        for row in rows {
            let first = seen.len() as u32;
            offsets.extend(row.ends.iter().map(|end| first + end));
            seen.extend(row.seen);
        }
        Panorama { from: *from, side, offsets, seen }
    }

    /// The leaves that rays along some unit vectors `[axis][ray]` may meet. Many are looked up at once, so that the processor
    /// waits for them together.
    #[inline(always)]
    pub fn leaves<const N: usize>(&self, k: &[[f64; N]; 3]) -> [Range<u32>; N] {
        let squares = self.squares_of(k);
        squares.iter().for_each(|square| prefetch(&self.offsets, *square as usize));
        squares.map(|square| {
            let leaves = self.offsets[square as usize]..self.offsets[square as usize + 1];
            prefetch(&self.seen, leaves.start as usize);
            leaves
        })
    }

    /// The first triangle that the ray along the unit vector `k` meets, of its `leaves`.
    #[inline(always)]
    pub fn closest_hit<L: Lanes>(&self, bvh: &Bvh, k: &Vec3, leaves: Range<u32>) -> Option<Hit> {
        let seen = &self.seen[leaves.start as usize..leaves.end as usize];
        let (ray, mut hit) = (Ray::from_f64(&self.from, k), NO_HIT);
        for Seen { entry, block } in seen {
            if *entry > hit.t {
                break;
            }
            meet_block::<L>(&ray, &bvh.blocks[*block as usize], NONE, &mut hit);
        }
        (hit.triangle != NONE).then_some(hit)
    }

    /// The squares of some directions `[axis][lane]`: a loop without branches, which compilers work on lanes together.
    #[inline(always)]
    fn squares_of<const N: usize>(&self, [x, y, z]: &[[f64; N]; 3]) -> [u32; N] {
        let (half, side) = (0.5 * self.side as f64, self.side as u32);
        let mut squares = [0; N];
        for lane in 0..N {
            let (x, y, z) = (x[lane], y[lane], z[lane]);
            let is_x = x.abs() > y.abs() && x.abs() > z.abs();
            let is_z = z.abs() >= y.abs();
            let (face, along, column, row) = if is_x {
                (0, x, y, z)
            } else if is_z {
                (4, z, x, y)
            } else {
                (2, y, z, x)
            };
            let face = face + u32::from(along < 0.0);
            let over = 1.0 / along.abs();
            let place = |across: f64| (((across * over + 1.0) * half) as i32 as u32).min(side - 1);
            squares[lane] = (face * side + place(row)) * side + place(column);
        }
        squares
    }
}

/// The two other axes.
#[inline(always)]
fn across(axis: usize) -> [usize; 2] {
    [(axis + 1) % 3, (axis + 2) % 3]
}

/// A row of squares.
struct Row {
    /// Where the leaves of each end.
    ends: Vec<u32>,
    seen: Vec<Seen>,
}

struct Look<'a> {
    bvh: &'a Bvh,
    from: &'a Vec3,
    side: usize,
    /// Of all faces, one after another.
    row: usize,
}

impl Task for Look<'_> {
    type Output = Row;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Row {
        let Look { bvh, from, side, row } = self;
        let range = |place: usize| [place, place + 1].map(|edge| 2.0 * edge as f32 / side as f32 - 1.0);
        let (mut ends, mut seen, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for column in 0..side {
            let pyramid = Pyramid::new(bvh, from, row / side, [range(column), range(row % side)]);
            let first = seen.len();
            waiting.push(0);
            while let Some(child) = waiting.pop() {
                if child & LEAF_BIT == 0 {
                    let node = &bvh.nodes[child as usize];
                    let entered = pyramid.enters(node);
                    waiting
                        .extend((0..NODE_WIDTH).filter(|lane| entered >> lane & 1 != 0).map(|lane| node.child[lane]));
                } else {
                    let block = child & !LEAF_BIT;
                    seen.extend(pyramid.entry(&bvh.blocks[block as usize]).map(|entry| Seen { entry, block }));
                }
            }
            seen[first..].sort_unstable_by(|a, b| a.entry.total_cmp(&b.entry).then(a.block.cmp(&b.block)));
            ends.push(seen.len() as u32);
        }
        Row { ends, seen }
    }
}

/// The directions of a square, in f32 with room for its rounding.
struct Pyramid {
    from: [f32; 3],
    /// The axis of the face, and its side.
    axis: usize,
    sign: f32,
    /// Tangents of the angles between which directions are, along the two other axes.
    ranges: [[f32; 2]; 2],
    /// How far from a side [m] what is outside of it may seem to be inside.
    slack: f32,
}

impl Pyramid {
    fn new(bvh: &Bvh, from: &Vec3, face: usize, ranges: [[f32; 2]; 2]) -> Pyramid {
        /// Roundings of the largest coordinate in the distance from a side, with some to spare.
        const ROUNDINGS: f32 = 32.0;
        let reach = bvh.reach.max(from.amax() as f32);
        Pyramid {
            from: [0, 1, 2].map(|axis| from[axis] as f32),
            axis: face / 2,
            sign: if face.is_multiple_of(2) { 1.0 } else { -1.0 },
            ranges: ranges.map(|[low, high]| [low - OVERLAP, high + OVERLAP]),
            slack: ROUNDINGS * f32::EPSILON / 2.0 * reach,
        }
    }

    /// A bit for each child whose box is not outside of one of the sides.
    #[inline(always)]
    fn enters(&self, node: &WideNode) -> u32 {
        let [near, far] = if self.sign > 0.0 { [0, 1] } else { [1, 0] };
        let [low, high] = &node.corner;
        let (mut ahead, mut depth) = ([[0f32; NODE_WIDTH]; 2], [0f32; NODE_WIDTH]);
        for lane in 0..NODE_WIDTH {
            // In front of the point; what is behind bounds nothing.
            ahead[0][lane] = larger((node.corner[near][self.axis][lane] - self.from[self.axis]) * self.sign, 0.0);
            ahead[1][lane] = (node.corner[far][self.axis][lane] - self.from[self.axis]) * self.sign;
            depth[lane] = ahead[1][lane];
        }
        for ([from, to], other) in self.ranges.into_iter().zip(across(self.axis)) {
            // The end of the box that is farther inside.
            let (inner_from, inner_to) = (&ahead[usize::from(from < 0.0)], &ahead[usize::from(to > 0.0)]);
            for lane in 0..NODE_WIDTH {
                let inside = high[other][lane] - self.from[other] - from * inner_from[lane];
                let outside = low[other][lane] - self.from[other] - to * inner_to[lane];
                depth[lane] = -larger(-depth[lane], larger(-inside, outside));
            }
        }
        (0..NODE_WIDTH).fold(0, |met, lane| met | u32::from(depth[lane] >= -self.slack) << lane)
    }

    /// A distance from the point that nothing in a leaf is nearer than [m]; `None` where all its triangles are outside of
    /// one of the sides.
    #[inline(always)]
    fn entry(&self, block: &TriangleBlock) -> Option<f32> {
        let mut depth = [f32::MAX; BLOCK_WIDTH];
        let offset = |corner: usize, axis: usize, lane: usize| block.corner[corner][axis][lane] - self.from[axis];
        for (rows, other) in self.ranges.into_iter().zip(across(self.axis)) {
            for lane in 0..BLOCK_WIDTH {
                let of = |corner| (offset(corner, self.axis, lane) * self.sign, offset(corner, other, lane));
                let [a, b, c] = [0, 1, 2].map(|corner| {
                    let (ahead, aside) = of(corner);
                    [ahead, aside - rows[0] * ahead, rows[1] * ahead - aside]
                });
                for side in 0..3 {
                    // The farthest corner counts.
                    let inside = larger(larger(a[side], b[side]), c[side]);
                    depth[lane] = -larger(-depth[lane], -inside);
                }
            }
        }
        // Most leaves are not.
        if !(0..BLOCK_WIDTH).any(|lane| block.triangle[lane] != NONE && depth[lane] >= -self.slack) {
            return None;
        }
        let mut squared = 0f32;
        for axis in 0..3 {
            let all = (0..3 * BLOCK_WIDTH).map(|k| offset(k / BLOCK_WIDTH, axis, k % BLOCK_WIDTH));
            // Lanes without a triangle are no numbers, and drop out.
            let (low, high) = all.fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(x), high.max(x)));
            squared += low.max(-high).max(0.0).powi(2);
        }
        Some((squared.sqrt() - self.slack).max(0.0) * (1.0 - SLACK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::scene_of;
    use crate::geometry::traverse::closest_hit;
    use crate::math::random::{fibonacci_direction, philox, unit_interval};
    use crate::scene::Scene;

    struct Both<'a> {
        bvh: &'a Bvh,
        panorama: &'a Panorama,
        k: Vec3,
    }

    impl Task for Both<'_> {
        type Output = [Option<Hit>; 2];
        #[inline(always)]
        fn run<L: Lanes>(self) -> [Option<Hit>; 2] {
            let Both { bvh, panorama, k } = self;
            let [leaves] = panorama.leaves(&[[k.x], [k.y], [k.z]]);
            [
                panorama.closest_hit::<L>(bvh, &k, leaves),
                closest_hit::<L>(bvh, &Ray::from_f64(&panorama.from, &k), NONE),
            ]
        }
    }

    /// Triangles of all sizes about the origin, and large ones through it.
    fn soup(count: u32) -> Scene {
        let random = |i: u32, lane: usize| unit_interval(philox([i, 0, 0, 0], [9, 9])[lane]) - 0.5;
        let point = |i: u32, size: f64| Vec3::new(random(i, 0), random(i, 1), random(i, 2)) * size;
        let size = |i: u32| if i.is_multiple_of(50) { 200.0 } else { 8.0 };
        let triangle = |i: u32| [1, 2, 3].map(|k| point(4 * i, 100.0) + point(4 * i + k, size(i)));
        scene_of(&(0..count).map(triangle).collect::<Vec<_>>())
    }

    #[test]
    fn rays_meet_what_they_meet_from_the_root() {
        for (count, rays) in [(0, 1000), (1, 100_000), (40, 3_000_000), (2000, 100_000), (2000, 3_000_000)] {
            let scene = soup(count);
            let mut bvh = Bvh::build(&scene);
            bvh.set_patches(|triangle| triangle);
            // In the midst, outside, and on a triangle.
            let on = scene.vertices.get(..3).map_or(Vec3::zeros(), |corners| corners.iter().sum::<Vec3>() / 3.0);
            for from in [Vec3::new(1.0, 2.0, -3.0), Vec3::new(300.0, -20.0, 10.0), on] {
                let level = Level::detect().expect("a level");
                let panorama = Panorama::new(level, &bvh, &from, rays);
                let (axes, lattice) = ([Vec3::x(), Vec3::y(), Vec3::z()], 20_000);
                let edges = (0..27).map(|k| [k % 3, k / 3 % 3, k / 9].map(|x| f64::from(x) - 1.0));
                let edges = edges.map(Vec3::from).filter(|k| k.norm() > 0.0).map(|k| k.normalize());
                for k in axes.into_iter().chain(edges).chain((0..lattice).map(|i| fibonacci_direction(i, lattice))) {
                    let [found, expected] = run(level, Both { bvh: &bvh, panorama: &panorama, k });
                    assert_eq!(found, expected, "{count} triangles from {from:?} along {k:?}");
                }
            }
        }
    }
}
