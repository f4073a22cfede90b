//! Convex polygons as triangles.

use super::cut::Node;
use crate::math::Vec3;

/// Of which point the triangles of a polygon are a fan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fan {
    /// One of its corners.
    Corner(usize),
    /// The mean of its corners.
    Centre,
}

/// A triangle of less than this share of its polygon is worth a look for a better fan [-].
const THIN: f64 = 1e-3;
/// Polygons of more corners are not searched for the best fan, which takes the square of their number.
const MAX_SEARCHED: usize = 16;

impl Fan {
    /// A fan without thin triangles, if there is one: where a seam has points on a straight side, not every corner is.
    pub(super) fn of(corners: &[Node]) -> Fan {
        let normal = twice_area(corners);
        let enough = THIN * normal.norm_squared();
        let least = |from: usize| -> f64 {
            let offset = |k: usize| corners[(from + k) % corners.len()].position - corners[from].position;
            let parts = (1..corners.len() - 1).map(|k| offset(k).cross(&offset(k + 1)).dot(&normal));
            parts.fold(f64::INFINITY, f64::min)
        };
        if corners.len() == 3 || least(0) >= enough {
            return Fan::Corner(0);
        }
        if corners.len() > MAX_SEARCHED {
            return Fan::Centre;
        }
        let best = (0..corners.len()).map(|from| (least(from), from)).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((part, from)) if part >= enough * THIN => Fan::Corner(from),
            _ => Fan::Centre,
        }
    }

    /// Number of triangles for a polygon of `corners` corners.
    pub(super) fn triangles(self, corners: usize) -> usize {
        match self {
            Fan::Corner(_) => corners - 2,
            Fan::Centre => corners,
        }
    }
}

/// The normal of a polygon, as long as twice its area [m^2].
pub(super) fn twice_area(corners: &[Node]) -> Vec3 {
    let first = corners[0].position;
    corners[1..].windows(2).map(|w| (w[0].position - first).cross(&(w[1].position - first))).sum()
}

/// The mean of a polygon's corners [m].
pub(super) fn mean(corners: &[Node]) -> Vec3 {
    corners.iter().map(|node| node.position).sum::<Vec3>() / corners.len() as f64
}
