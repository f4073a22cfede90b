//! Where the plane of a map cuts the scene: the outlines of walls in it.

use crate::io::picture::frame::View;
use crate::math::Vec3;
use crate::scene::Scene;
use rayon::prelude::*;

/// Lines in a picture: their two ends [pixel].
pub(super) type Line = [[f32; 2]; 2];

/// Length of walls per area of the map [1/pixel] up to which they are drawn firmly: a house every 30 pixels.
const FIRM: f64 = 0.1;
/// Above this they would only be a veil over the map: they are left out.
const DENSEST: f64 = 0.6;

/// The walls in the plane of a map.
#[derive(Debug, Default)]
pub(super) struct Walls {
    /// Their pieces within the map, in the order of triangles.
    pub lines: Vec<Line>,
    /// How firmly they are drawn [-]: the more, the fainter; 0 if they are too many.
    pub opacity: f32,
}

/// The plane of a map in its scene.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// What the plane cuts.
    pub scene: &'a Scene,
    /// The point whose plane coordinates are 0, 0, in coordinates of the scene file [m].
    pub origin_m: [f64; 3],
    /// Direction of the first plane coordinate, of length 1 [-].
    pub u: [f64; 3],
    /// Direction of the second one, of length 1 and at a right angle to `u` [-].
    pub v: [f64; 3],
}

impl<'a> Section<'a> {
    /// The horizontal plane at `height_m` [m], whose coordinates are x and y of the scene file.
    pub fn horizontal(scene: &'a Scene, height_m: f64) -> Section<'a> {
        Section { scene, origin_m: [0.0, 0.0, height_m], u: [1.0, 0.0, 0.0], v: [0.0, 1.0, 0.0] }
    }

    /// The pieces of line in which triangles cross the plane, in its coordinates [m].
    pub fn lines(&self) -> Vec<[[f64; 2]; 2]> {
        let [u, v] = [self.u, self.v].map(Vec3::from);
        let (normal, origin) = (u.cross(&v), Vec3::from(self.origin_m) - self.scene.origin);
        let of_triangle = |triangle: u32| {
            let corners = self.scene.corners(triangle).map(|corner| corner - origin);
            Some(crossing(&corners, normal)?.map(|point| [point.dot(&u), point.dot(&v)]))
        };
        (0..self.scene.triangles.len() as u32).into_par_iter().filter_map(of_triangle).collect()
    }

    /// Those within a picture, as lines of it.
    pub(super) fn walls(&self, view: &View) -> Walls {
        let edges = view.edges();
        let placed = |line: [[f64; 2]; 2]| clipped(line.map(|[x, y]| view.place(x, y)), edges);
        let lines: Vec<Line> = self.lines().into_iter().filter_map(placed).collect();
        // A line that is shorter than a pixel colours one all the same.
        let length = |[a, b]: &Line| f64::from((a[0] - b[0]).hypot(a[1] - b[1])).max(1.0);
        let total: f64 = lines.iter().map(length).sum();
        let density = total / (view.width * view.height) as f64;
        if density > DENSEST {
            return Walls::default();
        }
        Walls { lines, opacity: (FIRM / density).min(1.0) as f32 }
    }
}

/// The two points at which the edges of a triangle cross the plane through the origin. A corner in the plane counts as
/// above it: triangles that share it agree, and one that lies in the plane has no crossing.
fn crossing(corners: &[Vec3; 3], normal: Vec3) -> Option<[Vec3; 2]> {
    let height = corners.map(|corner| corner.dot(&normal));
    let mut points = (0..3)
        .map(|i| (i, (i + 1) % 3))
        .filter(|(i, j)| (height[*i] >= 0.0) != (height[*j] >= 0.0))
        .map(|(i, j)| corners[i] + (corners[j] - corners[i]) * (height[i] / (height[i] - height[j])));
    Some([points.next()?, points.next()?])
}

/// The part of a line within `[left, top, right, bottom]`; `None` if there is none or it is a point.
fn clipped([a, b]: Line, [left, top, right, bottom]: [f32; 4]) -> Option<Line> {
    let along = [b[0] - a[0], b[1] - a[1]];
    let (mut from, mut to) = (0.0f32, 1.0f32);
    for (axis, low, high) in [(0, left, right), (1, top, bottom)] {
        if along[axis] == 0.0 {
            if !(low..=high).contains(&a[axis]) {
                return None;
            }
            continue;
        }
        let [enter, leave] = [(low - a[axis]) / along[axis], (high - a[axis]) / along[axis]];
        from = from.max(enter.min(leave));
        to = to.min(enter.max(leave));
    }
    let at = |share: f32| [a[0] + share * along[0], a[1] + share * along[1]];
    (from < to).then(|| [at(from), at(to)])
}
