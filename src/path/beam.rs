//! Beams: the part of space that a chain of specular reflections can reach at all (T46).
//!
//! A beam is seen from the image of the source through a window: the convex part of the last facet's hull that the
//! reflections before it leave. Windows are conservative, padded by the tolerance of the outlines, and know nothing of
//! what stands in the way.

use crate::geometry::facet::Facets;
use crate::layout::{IN_PLANE_M, OUTLINE_M, Plane};
use crate::math::Vec3;

/// The mirror image of `p` in a plane (T44).
pub fn mirror(p: &Vec3, plane: &Plane) -> Vec3 {
    let normal = Vec3::from(plane.normal);
    p - normal * (2.0 * signed_distance(p, plane))
}

/// Signed distance of `p` from a plane [m].
pub fn signed_distance(p: &Vec3, plane: &Plane) -> f64 {
    Vec3::from(plane.normal).dot(p) - plane.offset
}

/// One side of a beam: points p with inward . p >= offset - slack - slope |p - apex| are inside.
#[derive(Debug, Clone, Copy)]
struct Side {
    inward: Vec3,
    offset: f64,
    slope: f64,
}

/// Edges shorter than this have no direction [m]: clipping leaves such where it meets a corner.
pub const LEAST_EDGE_M: f64 = 1e-9;

/// The sides of the beam from `apex` through the edges of `window`.
fn sides(apex: &Vec3, window: &[Vec3]) -> impl Iterator<Item = Side> {
    let middle = window.iter().sum::<Vec3>() / window.len() as f64;
    (0..window.len()).filter_map(move |k| {
        let (from, to) = (window[k], window[(k + 1) % window.len()]);
        let cross = (from - apex).cross(&(to - apex));
        let norm = cross.norm();
        let length = (to - from).norm();
        // An edge that points at the apex bounds nothing, nor does one whose corners are apart by rounding alone.
        if norm <= 1e-12 * length || length <= LEAST_EDGE_M {
            return None;
        }
        let inward = cross * (1f64.copysign(cross.dot(&(middle - apex))) / norm);
        // The outline's tolerance at the edge, seen from the apex, grows with distance.
        Some(Side { inward, offset: inward.dot(apex), slope: 2.0 * OUTLINE_M * length / norm })
    })
}

/// The sides of a beam and the far side of its window, ready for testing many points (T46).
#[derive(Debug, Clone, Default)]
pub struct Frustum {
    /// Rows [n_x, n_y, n_z, d]: p may be inside if n . p + d >= 0 for each row.
    pub rows: Vec<[f64; 4]>,
}

impl Frustum {
    /// The frustum from `apex` through `window` in `plane`, padded for points up to `reach` [m] from the apex.
    pub fn rebuild(&mut self, apex: &Vec3, window: &[Vec3], plane: &Plane, reach: f64) {
        self.rebuild_while(apex, window, plane, reach, |_| true);
    }

    /// The same row by row, as long as `goes_on` says so of each; tells whether the frustum is whole.
    pub fn rebuild_while(
        &mut self,
        apex: &Vec3,
        window: &[Vec3],
        plane: &Plane,
        reach: f64,
        mut goes_on: impl FnMut(&[f64; 4]) -> bool,
    ) -> bool {
        self.rows.clear();
        let away = -1f64.copysign(signed_distance(apex, plane));
        let normal = Vec3::from(plane.normal) * away;
        let far = [normal.x, normal.y, normal.z, -plane.offset * away];
        self.rows.push(far);
        goes_on(&far)
            && sides(apex, window).all(|side| {
                let pad = 2.0 * OUTLINE_M + side.slope * reach;
                let row = [side.inward.x, side.inward.y, side.inward.z, pad - side.offset];
                self.rows.push(row);
                goes_on(&row)
            })
    }

    /// The same for points between `low` and `high`, as long as some may be inside; tells whether some may be.
    pub fn rebuild_towards(&mut self, apex: &Vec3, window: &[Vec3], plane: &Plane, (low, high): &(Vec3, Vec3)) -> bool {
        let is_met = |row: &[f64; 4]| row_meets_box(row, low, high);
        self.rebuild_while(apex, window, plane, reach_of(apex, (low, high)), is_met)
    }

    /// Whether `p` may be inside.
    #[inline]
    pub fn holds(&self, p: &Vec3) -> bool {
        self.rows.iter().all(|[x, y, z, d]| x * p.x + y * p.y + z * p.z + d >= 0.0)
    }

    /// Whether the box between `low` and `high` may hold a point that is inside.
    #[inline]
    pub fn meets_box(&self, low: &Vec3, high: &Vec3) -> bool {
        self.rows.iter().all(|row| row_meets_box(row, low, high))
    }
}

/// The largest distance of a point between `low` and `high` from `apex` [m], or more.
pub fn reach_of(apex: &Vec3, (low, high): (&Vec3, &Vec3)) -> f64 {
    (low - apex).abs().sup(&(high - apex).abs()).norm()
}

/// Whether some point of the box between `low` and `high` is on the inner side of a frustum's row.
#[inline]
pub fn row_meets_box([x, y, z, d]: &[f64; 4], low: &Vec3, high: &Vec3) -> bool {
    let farthest = |n: &f64, low: f64, high: f64| (n * low).max(n * high);
    farthest(x, low.x, high.x) + farthest(y, low.y, high.y) + farthest(z, low.z, high.z) + d >= 0.0
}

/// What a chain can reach at all: seen from the image of the source, through the window of the last facet.
#[derive(Debug, Default)]
pub struct Beam {
    apex: Vec3,
    /// The far side of the last facet's plane, then one side for each edge of the window; none for the source itself, which
    /// sees everything.
    sides: Vec<Side>,
}

impl Beam {
    /// The beam from `apex`, which has passed `before` = (window, its plane), or starts at the source itself.
    pub fn rebuild(&mut self, apex: &Vec3, before: Option<(&[Vec3], &Plane)>) {
        self.apex = *apex;
        self.sides.clear();
        let Some((window, plane)) = before else { return };
        let away = -1f64.copysign(signed_distance(apex, plane));
        // What lies in the plane of the facet before cannot be reached from it.
        let offset = plane.offset * away + IN_PLANE_M + 2.0 * OUTLINE_M;
        self.sides.push(Side { inward: Vec3::from(plane.normal) * away, offset, slope: 0.0 });
        self.sides.extend(sides(apex, window));
    }
}

/// A polygon that is clipped, and scratch space.
#[derive(Debug, Default)]
pub struct Clip {
    /// The window that the last call of [`window`] made; empty if the facet is out of reach.
    pub polygon: Vec<Vec3>,
    spare: Vec<Vec3>,
}

/// The window of `facet` in `beam` (T46). The result is in `clip.polygon`.
pub fn window(facets: &Facets, facet: u32, beam: &Beam, clip: &mut Clip) {
    clip.polygon.clear();
    if signed_distance(&beam.apex, facets.plane(facet)).abs() <= IN_PLANE_M {
        return;
    }
    let hull = facets.hull_of(facet);
    clip.polygon.extend_from_slice(hull);
    let reach = hull.iter().map(|p| (p - beam.apex).norm_squared()).fold(0.0, f64::max).sqrt();
    for side in &beam.sides {
        clip.keep(side, 2.0 * OUTLINE_M + side.slope * reach);
        if clip.polygon.is_empty() {
            return;
        }
    }
}

impl Clip {
    /// Keeps the part of the polygon that is inside `side`, or outside by no more than `slack` [m] (Sutherland and Hodgman).
    fn keep(&mut self, side: &Side, slack: f64) {
        let height = |p: &Vec3| side.inward.dot(p) - side.offset + slack;
        self.spare.clear();
        let Some(mut p) = self.polygon.last().copied() else { return };
        let mut hp = height(&p);
        for q in &self.polygon {
            let hq = height(q);
            if (hp >= 0.0) != (hq >= 0.0) {
                self.spare.push(p + (q - p) * (hp / (hp - hq)));
            }
            if hq >= 0.0 {
                self.spare.push(*q);
            }
            (p, hp) = (*q, hq);
        }
        std::mem::swap(&mut self.polygon, &mut self.spare);
        if self.polygon.len() < 3 {
            self.polygon.clear();
        }
    }
}
