//! How far a segment is from being blocked, or from being free: the signed distance of a segment and a flat piece (T109).
//!
//! Positive: the segment goes through the piece, and must move by this much to leave it, over its nearest edge or by one of its
//! own ends. Negative: they are apart by so much. Both are distances between two closed sets, so that the number changes by
//! no more than what it is made of, wherever that is: also where the segment lies in the plane, or ends in it.

use super::outline::{Edge, Outline};
use crate::layout::{ALONG, PARALLEL, Plane, TOUCHING_M};
use crate::math::Vec3;

/// A signed distance and what it is one of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clearance {
    /// The signed distance [m]; positive: the segment goes through.
    pub signed: f64,
    /// Between what.
    pub feature: Feature,
}

/// What a signed distance is between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feature {
    /// An end of the segment (0 or 1) and the plane.
    End(u8),
    /// Points of the segment and of an edge.
    Edge {
        /// The edge's place in the outline.
        edge: u32,
        /// Parameters of the two points [-]: along the segment, and along the edge.
        at: [f64; 2],
    },
}

/// Bars of what a signed distance is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClearanceBar {
    /// Of the segment's ends.
    pub segment: [Vec3; 2],
    /// Of the plane's unit normal.
    pub normal: Vec3,
    /// Of the plane's offset [m].
    pub offset: f64,
    /// Of the ends of the edge in question.
    pub edge: [Vec3; 2],
}

/// The signed distance of the segment and the piece within an outline (T109); `None` if it is below `floor` [m], which saves
/// most of the work.
///
/// The outline is not empty.
pub fn clearance(segment: &[Vec3; 2], outline: &Outline, floor: f64) -> Option<Clearance> {
    if -distance_to_ball(segment, outline) < floor {
        return None;
    }
    let heights = segment.map(|end| height(&end, outline.plane));
    let crosses_plane = (heights[0] > 0.0) != (heights[1] > 0.0);
    if !crosses_plane && -heights[0].abs().min(heights[1].abs()) < floor {
        return None;
    }
    let (edge, at, to_edge) = nearest_edge(segment, outline.edges);
    let is_through = crosses_plane && {
        let t = heights[0] / (heights[0] - heights[1]);
        is_inside(outline, &(segment[0] + (segment[1] - segment[0]) * t))
    };
    let mut best =
        Clearance { signed: if is_through { to_edge } else { -to_edge }, feature: Feature::Edge { edge, at } };
    for end in 0..2 {
        let own = heights[end].abs();
        // On the way through, ends count wherever they are: the plane is all that parts them from being free.
        if own < best.signed.abs() && (is_through || is_inside(outline, &segment[end])) {
            best = Clearance { signed: if is_through { own } else { -own }, feature: Feature::End(end as u8) };
        }
    }
    (best.signed >= floor).then_some(best)
}

/// The adjoint of [`clearance`] (T109): adds to the bars. Where two features are as near as each other, that of the one found.
pub fn clearance_vjp(
    segment: &[Vec3; 2],
    outline: &Outline,
    Clearance { signed, feature }: &Clearance,
    signed_bar: f64,
    bar: &mut ClearanceBar,
) {
    let n = Vec3::from(outline.plane.normal);
    match *feature {
        Feature::End(end) => {
            let (own, other) = (segment[usize::from(end)], segment[1 - usize::from(end)]);
            let mut side = height(&own, outline.plane);
            if side == 0.0 {
                // In the plane: beyond it is what has the other end's side.
                side = -height(&other, outline.plane);
            }
            // signed = +-|n.p - d|.
            let height_bar = signed_bar * 1f64.copysign(*signed) * 1f64.copysign(side);
            bar.segment[usize::from(end)] += n * height_bar;
            bar.normal += own * height_bar;
            bar.offset -= height_bar;
        }
        Feature::Edge { edge, at: [s, t] } => {
            let edge = &outline.edges[edge as usize];
            let inward = inward_between(segment, edge, &n, [s, t], *signed);
            // Points at parameters that are best do not move the distance to first order.
            bar.segment[0] += inward * (signed_bar * (1.0 - s));
            bar.segment[1] += inward * (signed_bar * s);
            bar.edge[0] -= inward * (signed_bar * (1.0 - t));
            bar.edge[1] -= inward * (signed_bar * t);
        }
    }
}

/// The unit vector along which the segment's point has to move for the signed distance to grow.
fn inward_between(segment: &[Vec3; 2], edge: &Edge, n: &Vec3, [s, t]: [f64; 2], signed: f64) -> Vec3 {
    let (d, e) = (segment[1] - segment[0], edge.ends[1] - edge.ends[0]);
    let apart = segment[0] + d * s - edge.ends[0] - e * t;
    if apart.norm() > TOUCHING_M {
        return apart.normalize() * 1f64.copysign(signed);
    }
    let (across, inward) = (d.cross(&e), n.cross(&e).normalize());
    match across.try_normalize(ALONG * d.norm() * e.norm()) {
        Some(across) => across * 1f64.copysign(across.dot(&inward)),
        None => inward,
    }
}

/// Height of a point above a plane [m].
fn height(p: &Vec3, plane: &Plane) -> f64 {
    Vec3::from(plane.normal).dot(p) - plane.offset
}

/// A distance [m] that the segment and the outline's piece are apart at least; below 0 if they need not be.
pub fn distance_to_ball([from, to]: &[Vec3; 2], outline: &Outline) -> f64 {
    point_to_segment(&outline.shape.middle, from, to).1 - outline.shape.radius
}

/// The nearest edge: its place, the parameters of the nearest points, and their distance [m].
fn nearest_edge(segment: &[Vec3; 2], edges: &[Edge]) -> (u32, [f64; 2], f64) {
    let mut best = (0, [0.0; 2], f64::INFINITY);
    for (place, edge) in edges.iter().enumerate() {
        let (at, distance) = between_segments(segment, &edge.ends);
        if distance < best.2 {
            best = (place as u32, at, distance);
        }
    }
    best
}

/// Parameters of the nearest points of two segments, and their distance [m].
fn between_segments(a: &[Vec3; 2], b: &[Vec3; 2]) -> ([f64; 2], f64) {
    let (u, v, w) = (a[1] - a[0], b[1] - b[0], a[0] - b[0]);
    let (uu, uv, vv) = (u.norm_squared(), u.dot(&v), v.norm_squared());
    let (uw, vw) = (u.dot(&w), v.dot(&w));
    let denominator = uu * vv - uv * uv;
    // Lines that are not parallel have one pair of nearest points, which counts where it is within both.
    if denominator > PARALLEL * uu * vv {
        let (s, t) = ((uv * vw - vv * uw) / denominator, (uu * vw - uv * uw) / denominator);
        if (0.0..=1.0).contains(&s) && (0.0..=1.0).contains(&t) {
            return ([s, t], (w + u * s - v * t).norm());
        }
    }
    // Otherwise an end of one is nearest.
    let mut best = ([0.0; 2], f64::INFINITY);
    for k in 0..2 {
        let (t, distance) = point_to_segment(&a[k], &b[0], &b[1]);
        if distance < best.1 {
            best = ([k as f64, t], distance);
        }
        let (s, distance) = point_to_segment(&b[k], &a[0], &a[1]);
        if distance < best.1 {
            best = ([s, k as f64], distance);
        }
    }
    best
}

/// Parameter of the segment's point that is nearest to `p`, and its distance [m].
pub(crate) fn point_to_segment(p: &Vec3, from: &Vec3, to: &Vec3) -> (f64, f64) {
    let along = to - from;
    let length = along.norm_squared();
    let t = if length > 0.0 { ((p - from).dot(&along) / length).clamp(0.0, 1.0) } else { 0.0 };
    (t, (p - from - along * t).norm())
}

/// Whether a point, projected to the plane, lies inside the outline: the edges turn about it once or more (winding number).
fn is_inside(outline: &Outline, p: &Vec3) -> bool {
    let n = Vec3::from(outline.plane.normal);
    let across = |edge: &Edge| n.dot(&(edge.ends[0] - p).cross(&(edge.ends[1] - p)));
    if outline.shape.is_convex {
        return outline.edges.iter().all(|edge| across(edge) > 0.0);
    }
    let flat = |q: Vec3| q - p - n * n.dot(&(q - p));
    let turn = |edge: &Edge| libm::atan2(across(edge), flat(edge.ends[0]).dot(&flat(edge.ends[1])));
    outline.edges.iter().map(turn).sum::<f64>() > std::f64::consts::PI
}

#[cfg(test)]
mod tests;
