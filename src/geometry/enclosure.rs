//! Which object closes a point in: a device inside a building is most often a mistake, and worth a warning.

use super::Geometry;
use super::search::for_each_crossing;
use crate::math::Vec3;
use crate::scene::{Object, Scene};
use rayon::prelude::*;

/// Upwards first, which in a city is soon done, then three level directions; all off the axes, so that they meet no seam
/// of an upright wall.
const DIRECTIONS: [[f64; 3]; 4] =
    [[0.012, 0.017, 1.0], [1.0, 0.131, 0.003], [-0.613, 0.79, 0.002], [-0.37, -0.93, 0.004]];

/// The bounds of all objects, so that a point is tested against those alone that may hold it.
#[derive(Debug, Clone)]
pub struct Enclosures {
    /// Lower and upper corner `[object]` [m], local.
    bounds: Vec<(Vec3, Vec3)>,
    /// Lower and upper corner of the scene [m], local.
    scene: (Vec3, Vec3),
}

impl Enclosures {
    /// Measures the objects of a scene.
    pub fn new(scene: &Scene) -> Enclosures {
        let bounds: Vec<_> = scene.objects.par_iter().map(|object| bounds_of(scene, object)).collect();
        let scene = bounds.iter().fold(NOTHING, |(low, high), (l, h)| (low.inf(l), high.sup(h)));
        Enclosures { bounds, scene }
    }

    /// An object that closes `point` [m, local] in: seen upwards and in three level directions its surface is crossed an
    /// odd number of times. A sheet overhead or a wall beside the point does not count; a building without a floor does.
    pub fn around(&self, geometry: &Geometry, point: &Vec3) -> Option<u32> {
        let mut suspects: Option<Vec<u32>> = None;
        let mut within = self.scene;
        for direction in DIRECTIONS {
            let end = point + Vec3::from(direction) * exit(point, &direction, within)?;
            let mut odd = crossed_oddly(geometry, point, &end);
            match &suspects {
                // A floor may be missing: only sides and top must be beyond the point.
                None => odd.retain(|object| holds_from_above(self.bounds[*object as usize], point)),
                Some(before) => odd.retain(|object| before.contains(object)),
            }
            if odd.is_empty() {
                return None;
            }
            within = odd.iter().fold(NOTHING, |(low, high), object| {
                let (l, h) = self.bounds[*object as usize];
                (low.inf(&l), high.sup(&h))
            });
            suspects = Some(odd);
        }
        suspects.and_then(|objects| objects.first().copied())
    }
}

/// The bounds of no point.
const NOTHING: (Vec3, Vec3) = (
    Vec3::new(f64::INFINITY, f64::INFINITY, f64::INFINITY),
    Vec3::new(f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY),
);
/// Segments end this far behind the box, so that its surface is crossed and not touched [m].
const BEHIND_M: f64 = 1.0;

fn bounds_of(scene: &Scene, object: &Object) -> (Vec3, Vec3) {
    let triangles = object.first_triangle..object.first_triangle + object.triangle_count;
    let corners = triangles.flat_map(|triangle| scene.corners(triangle));
    corners.fold(NOTHING, |(low, high), corner| (low.inf(&corner), high.sup(&corner)))
}

fn holds_from_above((low, high): (Vec3, Vec3), point: &Vec3) -> bool {
    (0..2).all(|axis| low[axis] <= point[axis] && point[axis] <= high[axis]) && point.z <= high.z
}

/// The parameter at which a ray has left the box for good; `None` if it never meets it.
fn exit(point: &Vec3, direction: &[f64; 3], (low, high): (Vec3, Vec3)) -> Option<f64> {
    let leaves = |axis: usize| {
        let side = if direction[axis] > 0.0 { high[axis] } else { low[axis] };
        (side - point[axis]) / direction[axis]
    };
    let last = leaves(0).min(leaves(1)).min(leaves(2));
    (last >= 0.0).then_some(last + BEHIND_M / Vec3::from(*direction).norm())
}

/// Objects that the segment crosses an odd number of times, ascending.
fn crossed_oddly(geometry: &Geometry, from: &Vec3, to: &Vec3) -> Vec<u32> {
    let mut crossed = Vec::new();
    for_each_crossing(geometry.scene, &geometry.bvh, [from, to], |triangle| {
        crossed.push(geometry.scene.object_of(triangle));
    });
    crossed.sort_unstable();
    let odd = crossed.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
    odd.map(|same| same[0]).collect()
}
