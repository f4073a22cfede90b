//! Which coplanar triangles touch or overlap each other (T40): shared edges, T-junctions and duplicates alike.

use super::bvh::Bvh;
use super::near::{Seeker, for_each_pair};
use super::search::Region;
use crate::layout::{BLOCK_WIDTH, NONE, TriangleBlock};
use crate::math::Vec3;
use crate::math::frame::normalized_vjp;
use crate::math::frame::tangents_of;
use crate::scene::Scene;
use arrayvec::ArrayVec;
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
        let length = cross.norm();
        let sine = normal.cross(&cross).norm() / length;
        sine <= self.sine || {
            // A triangle of height h tilts by distance / h without leaving the plane.
            let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
            sine <= self.distance.min(MIN_DISTANCE_M) / (length / longest)
        }
    }
}

/// More triangles than this about one triangle are a crowd: copies of one wall, or the blades of a fan about one corner.
/// Their pairs would be as many as the square of their number, so that they are looked up when they are needed
/// ([`super::flood`]).
const CROWD: usize = 256;

/// Which coplanar triangles touch or overlap each other, as a symmetric graph in CSR form.
pub struct TouchGraph<'a> {
    scene: &'a Scene,
    rule: Coplanarity,
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
    crowded: Vec<bool>,
}

impl<'a> TouchGraph<'a> {
    /// Finds the pairs through the hierarchy.
    pub fn build(scene: &'a Scene, bvh: &Bvh, rule: Coplanarity) -> TouchGraph<'a> {
        /// Leaves of one task.
        const LEAVES: usize = 64;
        let count = scene.triangles.len();
        // A pair of a triangle and itself stands for a crowd.
        let of_leaves = |leaves: &[TriangleBlock]| {
            let mut pairs = Vec::new();
            leaves.iter().for_each(|leaf| add_neighbours(scene, bvh, rule, leaf, &mut pairs));
            pairs
        };
        let pairs: Vec<Vec<(u32, u32)>> = bvh.blocks.par_chunks(LEAVES).map(of_leaves).collect();
        let mut offsets = vec![0; count + 1];
        let mut crowded = vec![false; count];
        for (t, other) in pairs.iter().flatten() {
            offsets[*t as usize + 1] += 1;
            crowded[*t as usize] |= t == other;
        }
        for t in 0..count {
            offsets[t + 1] += offsets[t];
        }
        let mut next = offsets.clone();
        let mut neighbours = vec![NONE; offsets[count]];
        for (t, other) in pairs.into_iter().flatten() {
            neighbours[next[t as usize]] = other;
            next[t as usize] += 1;
        }
        TouchGraph { scene, rule, offsets, neighbours, crowded }
    }

    /// The triangles that touch triangle `t`; `None` for one in a crowd.
    pub fn of(&self, t: u32) -> Option<&[u32]> {
        let t = t as usize;
        (!self.crowded[t]).then(|| &self.neighbours[self.offsets[t]..self.offsets[t + 1]])
    }

    /// Whether some triangle is in a crowd.
    pub fn has_crowds(&self) -> bool {
        self.crowded.contains(&true)
    }

    /// Number of triangles.
    pub fn len(&self) -> usize {
        self.crowded.len()
    }

    /// Whether there is no triangle.
    pub fn is_empty(&self) -> bool {
        self.crowded.is_empty()
    }

    /// Whether two triangles that have an area are coplanar and touch or overlap.
    pub fn touch(&self, a: u32, b: u32) -> bool {
        touch(self.scene, self.rule, a, b)
    }

    /// Where everything is that may touch triangle `t`.
    pub fn region_about(&self, t: u32) -> Region {
        region_about(self.scene, self.rule, t)
    }
}

/// The plane of a triangle: a point and the unit normal.
pub fn plane_of(corners: &[Vec3; 3]) -> (Vec3, Vec3) {
    let [a, b, c] = corners;
    (*a, (b - a).cross(&(c - a)).normalize())
}

/// The adjoint of [`plane_of`] with the plane's offset n.p: the bars of the three corners.
pub fn plane_of_vjp(corners: &[Vec3; 3], normal_bar: &Vec3, offset_bar: f64) -> [Vec3; 3] {
    let [a, b, c] = corners;
    let (u, v) = (b - a, c - a);
    let across = u.cross(&v);
    let (length, normal) = (across.norm(), across.normalize());
    let across_bar = normalized_vjp(&normal, length, &(normal_bar + a * offset_bar));
    let (u_bar, v_bar) = (v.cross(&across_bar), across_bar.cross(&u));
    [normal * offset_bar - u_bar - v_bar, u_bar, v_bar]
}

fn region_about(scene: &Scene, rule: Coplanarity, t: u32) -> Region {
    let corners = scene.corners(t);
    let (point, normal) = plane_of(&corners);
    let pad = Vec3::repeat(rule.distance);
    Region {
        low: corners[0].inf(&corners[1]).inf(&corners[2]) - pad,
        high: corners[0].sup(&corners[1]).sup(&corners[2]) + pad,
        normal,
        offset: normal.dot(&point),
        half_thickness: rule.distance,
    }
}

/// Adds the pairs of a leaf's triangles and those that touch them; for one in a crowd, of it and itself.
fn add_neighbours(scene: &Scene, bvh: &Bvh, rule: Coplanarity, leaf: &TriangleBlock, pairs: &mut Vec<(u32, u32)>) {
    let own = leaf.triangle.into_iter().filter(|t| *t != NONE);
    let mut seekers: ArrayVec<Seeker, BLOCK_WIDTH> =
        own.map(|t| Seeker::new(bvh, t, &scene.corners(t), &region_about(scene, rule, t), CROWD)).collect();
    let triangles: ArrayVec<u32, BLOCK_WIDTH> = seekers.iter().map(|seeker| seeker.triangle).collect();
    let first = pairs.len();
    for_each_pair(bvh, &mut seekers, rule.distance, |place, other| {
        if touch(scene, rule, triangles[place], other) {
            pairs.push((triangles[place], other));
        }
    });
    let mut own = pairs.split_off(first);
    for seeker in seekers.iter().filter(|seeker| seeker.is_crowded()) {
        own.retain(|(t, _)| *t != seeker.triangle);
        own.push((seeker.triangle, seeker.triangle));
    }
    pairs.append(&mut own);
}

/// Whether two triangles are coplanar and touch or overlap: the same answer for (a, b) as for (b, a).
fn touch(scene: &Scene, rule: Coplanarity, a: u32, b: u32) -> bool {
    let (mine, theirs) = (scene.corners(a.min(b)), scene.corners(a.max(b)));
    let (point, normal) = plane_of(&mine);
    // Either may be the sliver: the plane of the other one decides.
    let coplanar = rule.holds(&theirs, &point, &normal) || {
        let (their_point, their_normal) = plane_of(&theirs);
        rule.holds(&mine, &their_point, &their_normal)
    };
    coplanar && overlap(&mine, &theirs, &normal, rule.distance)
}

/// Whether two triangles in one plane touch or overlap: no edge's normal parts them by more than `gap` [m].
fn overlap(a: &[Vec3; 3], b: &[Vec3; 3], normal: &Vec3, gap: f64) -> bool {
    let (u, v) = tangents_of(normal);
    let flat = |c: &Vec3| [c.dot(&u), c.dot(&v)];
    let ([a, b, c], [d, e, f]) = (a, b);
    let (a, b) = ([flat(a), flat(b), flat(c)], [flat(d), flat(e), flat(f)]);
    !parted_by_edge(&a, &b, gap) && !parted_by_edge(&b, &a, gap)
}

fn parted_by_edge(a: &[[f64; 2]; 3], b: &[[f64; 2]; 3], gap: f64) -> bool {
    (0..3).any(|k| {
        let (p, q, opposite) = (a[k], a[(k + 1) % 3], a[(k + 2) % 3]);
        // The edge's length times the outward normal: coordinates are far from overflow, so that `hypot` is not needed.
        let outward = [q[1] - p[1], p[0] - q[0]];
        let distance = |c: &[f64; 2]| (c[0] - p[0]) * outward[0] + (c[1] - p[1]) * outward[1];
        let sign = -1f64.copysign(distance(&opposite));
        let least = (sign * distance(&b[0])).min(sign * distance(&b[1])).min(sign * distance(&b[2]));
        // Most edges have a corner on their inner side: the root is for the others.
        least > 0.0 && least > gap * (outward[0] * outward[0] + outward[1] * outward[1]).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::scene_of;
    use crate::math::random::{philox, unit_interval};

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

    /// Triangles in a few planes that cross far from the origin, some of them slivers, their corners off the plane by up to
    /// the tolerance: those that touch are all found, leaf by leaf and in f32.
    #[test]
    fn no_pair_is_lost_far_from_the_origin() {
        let number = |i: u32, k: u32| philox([i, k, 0, 0], [7, 7]).map(unit_interval);
        let triangle = |i: u32| {
            let [x, y, z, _] = number(i % 3, 0);
            let normal = Vec3::new(x - 0.5, y - 0.5, z - 0.5).normalize();
            let (u, v) = tangents_of(&normal);
            let [x, y, size, slope] = number(i, 1);
            let (x, y, size) = (10.0 * x, 10.0 * y, 10f64.powf(1.0 - 3.0 * size));
            let [off_a, off_b, off_c, height] = number(i, 2);
            let base = Vec3::new(-3000.1, 2000.2, 40.3);
            let corner = |x: f64, y: f64, off: f64| base + u * x + v * y + normal * (1e-4 * (off - 0.5));
            let third = corner(x, y + size * 10f64.powf(-4.0 * height), off_c);
            [corner(x, y, off_a), corner(x + size, y + slope * size, off_b), third]
        };
        let scene = scene_of(&(0..800).map(triangle).collect::<Vec<_>>());
        let bvh = Bvh::build(&scene);
        // Less than what rounds the corners to f32.
        let rule = Coplanarity { distance: 1e-4, sine: MAX_TURN };
        let graph = TouchGraph::build(&scene, &bvh, rule);
        let mut pairs = 0;
        for t in 0..graph.len() as u32 {
            let mut found = graph.of(t).expect("no crowd").to_vec();
            found.sort_unstable();
            let expected: Vec<u32> = (0..graph.len() as u32).filter(|o| *o != t && graph.touch(t, *o)).collect();
            assert_eq!(found, expected, "triangle {t}");
            pairs += found.len();
        }
        assert!(pairs > 1000, "{pairs} pairs");
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
