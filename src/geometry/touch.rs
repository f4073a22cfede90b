//! Which coplanar triangles touch or overlap each other (T40): shared edges, T-junctions and duplicates alike.

use super::bvh::Bvh;
use crate::layout::{LEAF_BIT, NODE_WIDTH, NONE, WideNode};
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use crate::scene::Scene;
use rayon::prelude::*;

/// What makes two triangles coplanar.
#[derive(Debug, Clone, Copy)]
pub struct Coplanarity {
    /// Largest distance of a triangle's corners from the other's plane [m].
    pub distance: f64,
    /// Largest sine of the angle between the normals [-], besides what `distance` does to a small triangle's normal.
    pub sine: f64,
}

/// Corners this far off a plane are in it, whatever the scene [m].
const MIN_DISTANCE_M: f64 = 1e-4;
/// Faces of a curved surface that turn by more than this are no plane [rad]: a circle of 3000 corners.
const MAX_TURN: f64 = 2e-3;

impl Coplanarity {
    /// The rule for a scene: [`MIN_DISTANCE_M`], or four roundings of its largest coordinate to f32, which is how mesh
    /// files hold it.
    pub fn of(scene: &Scene) -> Coplanarity {
        let extent = scene.bounds().map_or(0.0, |(low, high)| low.abs().sup(&high.abs()).max());
        Coplanarity { distance: MIN_DISTANCE_M.max(4.0 * f64::from(f32::EPSILON) / 2.0 * extent), sine: MAX_TURN }
    }

    /// Whether a triangle lies in the plane through `point` with unit `normal`.
    pub fn holds(&self, corners: &[Vec3; 3], point: &Vec3, normal: &Vec3) -> bool {
        if !corners.iter().all(|c| normal.dot(&(c - point)).abs() <= self.distance) {
            return false;
        }
        let [a, b, c] = corners;
        let cross = (b - a).cross(&(c - a));
        let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
        // A triangle of height h tilts by distance / h without leaving the plane.
        let height = cross.norm() / longest;
        let sine = normal.cross(&cross).norm() / cross.norm();
        sine <= self.sine.max(self.distance.min(MIN_DISTANCE_M) / height)
    }
}

/// All pairs of coplanar triangles that touch or overlap, as a symmetric graph in CSR form.
pub struct TouchGraph {
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
}

impl TouchGraph {
    /// Finds the pairs through the hierarchy.
    pub fn build(scene: &Scene, bvh: &Bvh, rule: Coplanarity) -> TouchGraph {
        let count = scene.triangles.len() as u32;
        let extent = scene.bounds().map_or(0.0, |(low, high)| low.abs().sup(&high.abs()).max());
        // Each pair is found from its lower triangle alone; the pairs are sorted.
        let pairs: Vec<(u32, u32)> = (0..count)
            .into_par_iter()
            .filter(|t| !scene.degenerate[*t as usize])
            .flat_map_iter(|t| neighbours_of(scene, bvh, rule, extent, t).into_iter().map(move |other| (t, other)))
            .collect();
        let mut offsets = vec![0; count as usize + 1];
        for (a, b) in &pairs {
            offsets[*a as usize + 1] += 1;
            offsets[*b as usize + 1] += 1;
        }
        for t in 0..count as usize {
            offsets[t + 1] += offsets[t];
        }
        // The lower neighbours of a triangle come before any pair that it is the lower one of: lists are ascending.
        let mut next = offsets.clone();
        let mut neighbours = vec![0; 2 * pairs.len()];
        for (a, b) in pairs {
            for (t, other) in [(a, b), (b, a)] {
                neighbours[next[t as usize]] = other;
                next[t as usize] += 1;
            }
        }
        TouchGraph { offsets, neighbours }
    }

    /// The triangles that touch triangle `t`, ascending.
    pub fn of(&self, t: u32) -> &[u32] {
        &self.neighbours[self.offsets[t as usize]..self.offsets[t as usize + 1]]
    }
}

/// The plane of a triangle: a point and the unit normal.
pub fn plane_of(corners: &[Vec3; 3]) -> (Vec3, Vec3) {
    let [a, b, c] = corners;
    (*a, (b - a).cross(&(c - a)).normalize())
}

/// The triangles above `t` that touch it, ascending.
fn neighbours_of(scene: &Scene, bvh: &Bvh, rule: Coplanarity, extent: f64, t: u32) -> Vec<u32> {
    let corners = scene.corners(t);
    let (point, normal) = plane_of(&corners);
    let pad = Vec3::repeat(rule.distance);
    let (low, high) = bounds_of(&corners);
    let (low, high) = (low - pad, high + pad);
    let half_thickness = rule.distance + SLAB_ROUNDING * extent;
    let near = Near::new([&low, &high], &normal, normal.dot(&point), half_thickness);
    let mut found = Vec::new();
    near.for_each_triangle(bvh, |other| {
        if other <= t {
            return;
        }
        let theirs = scene.corners(other);
        let (their_low, their_high) = bounds_of(&theirs);
        if (0..3).any(|axis| their_low[axis] > high[axis] || their_high[axis] < low[axis]) {
            return;
        }
        // Either may be the sliver: the plane of the other one decides.
        let in_theirs = || {
            let (their_point, their_normal) = plane_of(&theirs);
            rule.holds(&corners, &their_point, &their_normal)
        };
        let coplanar = rule.holds(&theirs, &point, &normal) || in_theirs();
        if coplanar && overlap(&corners, &theirs, &normal, rule.distance) {
            found.push(other);
        }
    });
    found.sort_unstable();
    found
}

fn bounds_of([a, b, c]: &[Vec3; 3]) -> (Vec3, Vec3) {
    (a.inf(b).inf(c), a.sup(b).sup(c))
}

/// What a dozen f32 roundings do to the distance of a box from a plane, as a share of the largest coordinate [-].
const SLAB_ROUNDING: f64 = 1e-5;

/// The neighbourhood of a triangle in f32, a little larger than it is: a box, and a slab about a plane.
struct Near {
    low: [f32; 3],
    high: [f32; 3],
    normal: [f32; 3],
    offset: f32,
    half_thickness: f32,
}

impl Near {
    fn new([low, high]: [&Vec3; 2], normal: &Vec3, offset: f64, half_thickness: f64) -> Near {
        let narrow = |v: &Vec3| [v.x as f32, v.y as f32, v.z as f32];
        Near {
            low: narrow(low).map(f32::next_down),
            high: narrow(high).map(f32::next_up),
            normal: narrow(normal),
            offset: offset as f32,
            half_thickness: half_thickness as f32,
        }
    }

    /// Calls `found` for every triangle in a leaf that may meet the neighbourhood.
    fn for_each_triangle(&self, bvh: &Bvh, mut found: impl FnMut(u32)) {
        let mut waiting = vec![0];
        while let Some(child) = waiting.pop() {
            if child & LEAF_BIT == 0 {
                let node = &bvh.nodes[child as usize];
                let meets = self.meets(node);
                waiting.extend((0..NODE_WIDTH).filter(|lane| meets[*lane]).map(|lane| node.child[lane]));
            } else {
                let block = &bvh.blocks[(child & !LEAF_BIT) as usize];
                block.triangle.iter().filter(|triangle| **triangle != NONE).for_each(|triangle| found(*triangle));
            }
        }
    }

    /// Which children's boxes meet it.
    fn meets(&self, node: &WideNode) -> [bool; NODE_WIDTH] {
        let mut inside = [true; NODE_WIDTH];
        let (mut distance, mut reach) = ([-self.offset; NODE_WIDTH], [self.half_thickness; NODE_WIDTH]);
        for axis in 0..3 {
            let (n, lows, highs) = (self.normal[axis], &node.low[axis], &node.high[axis]);
            for lane in 0..NODE_WIDTH {
                let (low, high) = (lows[lane], highs[lane]);
                inside[lane] &= (low <= self.high[axis]) & (high >= self.low[axis]);
                distance[lane] += n * (0.5 * (low + high));
                reach[lane] += n.abs() * (0.5 * (high - low));
            }
        }
        // The box of an empty lane is inside out, and its distance is not a number: neither test holds.
        std::array::from_fn(|lane| inside[lane] & (distance[lane].abs() <= reach[lane]))
    }
}

/// Whether two triangles in one plane touch or overlap: no edge's normal parts them by more than `gap` [m].
fn overlap(a: &[Vec3; 3], b: &[Vec3; 3], normal: &Vec3, gap: f64) -> bool {
    let (u, v) = tangents_of(normal);
    let flat = |corners: &[Vec3; 3]| corners.map(|c| [c.dot(&u), c.dot(&v)]);
    let (a, b) = (flat(a), flat(b));
    !parted_by_edge(&a, &b, gap) && !parted_by_edge(&b, &a, gap)
}

fn parted_by_edge(a: &[[f64; 2]; 3], b: &[[f64; 2]; 3], gap: f64) -> bool {
    (0..3).any(|k| {
        let (p, q, opposite) = (a[k], a[(k + 1) % 3], a[(k + 2) % 3]);
        let length = (q[0] - p[0]).hypot(q[1] - p[1]);
        let outward = [(q[1] - p[1]) / length, (p[0] - q[0]) / length];
        let distance = |c: &[f64; 2]| (c[0] - p[0]) * outward[0] + (c[1] - p[1]) * outward[1];
        let sign = -1f64.copysign(distance(&opposite));
        b.iter().all(|c| sign * distance(c) > gap)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangle(points: [[f64; 2]; 3]) -> [Vec3; 3] {
        points.map(|[x, y]| Vec3::new(x, y, 0.0))
    }

    #[test]
    fn triangles_touch_along_edges_at_t_junctions_and_corners_but_not_across_a_gap() {
        let a = triangle([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        for (b, touches) in [
            ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], true),
            ([[0.3, 0.0], [0.6, 0.0], [0.5, -1.0]], true),
            ([[1.0, 0.0], [2.0, 0.0], [2.0, 1.0]], true),
            ([[0.1, 0.1], [0.2, 0.1], [0.1, 0.2]], true),
            ([[0.3, -0.01], [0.6, -0.01], [0.5, -1.0]], false),
        ] {
            assert_eq!(overlap(&a, &triangle(b), &Vec3::z(), 1e-4), touches, "{b:?}");
            assert_eq!(overlap(&triangle(b), &a, &Vec3::z(), 1e-4), touches, "{b:?}");
        }
    }

    #[test]
    fn a_sliver_is_coplanar_by_distance_and_a_bent_face_is_not() {
        let rule = Coplanarity { distance: 1e-4, sine: MAX_TURN };
        let sliver = [Vec3::zeros(), Vec3::new(10.0, 0.0, 0.0), Vec3::new(5.0, 1e-4, 5e-5)];
        assert!(rule.holds(&sliver, &Vec3::zeros(), &Vec3::z()));
        let bent = [Vec3::zeros(), Vec3::new(0.01, 0.0, 0.0), Vec3::new(0.0, 0.01, 1e-4)];
        assert!(rule.holds(&bent, &Vec3::zeros(), &Vec3::z()), "a corner within the distance of the plane");
        let curved = [Vec3::zeros(), Vec3::new(0.1, 0.0, 0.0), Vec3::new(0.0, 0.1, 1.1e-3)];
        assert!(!rule.holds(&curved, &Vec3::zeros(), &Vec3::z()));
    }
}
