//! Which coplanar triangles touch or overlap each other (T40): shared edges, T-junctions and duplicates alike.

use super::bvh::Bvh;
use super::search::{Region, for_each_in_region};
use crate::math::Vec3;
use crate::math::frame::normalized_vjp;
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
        let count = scene.triangles.len();
        // A pair of a triangle and itself stands for a crowd.
        let pairs: Vec<(u32, u32)> = (0..count as u32)
            .into_par_iter()
            .filter(|t| !scene.degenerate[*t as usize])
            .flat_map_iter(|t| {
                let found = neighbours_of(scene, bvh, rule, t).unwrap_or_else(|| vec![t]);
                found.into_iter().map(move |other| (t, other))
            })
            .collect();
        let mut offsets = vec![0; count + 1];
        let mut crowded = vec![false; count];
        for (t, other) in &pairs {
            offsets[*t as usize + 1] += 1;
            crowded[*t as usize] |= t == other;
        }
        for t in 0..count {
            offsets[t + 1] += offsets[t];
        }
        TouchGraph { scene, rule, offsets, neighbours: pairs.into_iter().map(|(_, other)| other).collect(), crowded }
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

/// The triangles that touch triangle `t`; `None` if it stands in a crowd.
fn neighbours_of(scene: &Scene, bvh: &Bvh, rule: Coplanarity, t: u32) -> Option<Vec<u32>> {
    let region = region_about(scene, rule, t);
    let own = Thin::new(scene.corners(t), rule.distance);
    let mut near = 0;
    let mut found = Vec::new();
    for_each_in_region(bvh, &region, |other, _| {
        if other != t {
            near += 1;
            // Most pairs end here: both stick out of each other's plane.
            let theirs = scene.corners(other);
            let may_touch = own.holds(&theirs) || Thin::new(theirs, rule.distance).holds(&own.corners);
            if may_touch && touch(scene, rule, t, other) {
                found.push(other);
            }
        }
        near <= CROWD
    });
    (near <= CROWD).then_some(found)
}

/// A triangle's plane with a test without roots, which lets a little more pass than [`Coplanarity::holds`].
struct Thin {
    corners: [Vec3; 3],
    /// Normal of any length, and the largest square of its product with what is in the plane.
    normal: Vec3,
    most: f64,
}

impl Thin {
    fn new(corners: [Vec3; 3], distance: f64) -> Thin {
        /// More than the roundings of either test.
        const SLACK: f64 = 1.001;
        let [a, b, c] = corners;
        let normal = (b - a).cross(&(c - a));
        Thin { corners, normal, most: SLACK * distance * distance * normal.norm_squared() }
    }

    /// Whether corners lie within about the distance of the plane.
    fn holds(&self, corners: &[Vec3; 3]) -> bool {
        corners.iter().all(|corner| self.normal.dot(&(corner - self.corners[0])).powi(2) <= self.most)
    }
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
    let flat = |corners: &[Vec3; 3]| corners.map(|c| [c.dot(&u), c.dot(&v)]);
    let (a, b) = (flat(a), flat(b));
    !parted_by_edge(&a, &b, gap) && !parted_by_edge(&b, &a, gap)
}

fn parted_by_edge(a: &[[f64; 2]; 3], b: &[[f64; 2]; 3], gap: f64) -> bool {
    (0..3).any(|k| {
        let (p, q, opposite) = (a[k], a[(k + 1) % 3], a[(k + 2) % 3]);
        // The edge's length times the outward normal: coordinates are far from overflow, so that `hypot` is not needed.
        let outward = [q[1] - p[1], p[0] - q[0]];
        let gap = gap * (outward[0] * outward[0] + outward[1] * outward[1]).sqrt();
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
