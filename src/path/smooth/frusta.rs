//! Frusta from a point through a convex outline that is drawn in or out: where all lines through the outline go, with room for
//! lines that pass it by, or where only lines go that are deep inside.

use crate::math::Vec3;
use crate::path::beam::Frustum;

/// Adds the sides of the frustum from `apex` [m] through the convex outline with these `edges`, the inside to the left about
/// the normal `n`.
///
/// `out` > 0 [m]: every line that passes the outline by that distance or less is inside. `out` < 0: every line inside passes
/// all edges by at least that distance. Whether it has all sides; without some it is larger.
pub fn add_sides(
    frustum: &mut Frustum,
    apex: &Vec3,
    edges: impl Iterator<Item = [Vec3; 2]>,
    n: &Vec3,
    out: f64,
) -> bool {
    let mut has_all = true;
    for [a, b] in edges {
        // A plane through the apex, from which the edge's line is `out` away, on the inner side or the outer.
        let along = (b - a).normalize();
        let foot = a - apex - along * along.dot(&(a - apex));
        let inward = n.cross(&along);
        let across = foot.cross(&along).normalize();
        let across = across * 1f64.copysign(across.dot(&inward));
        let sin = out / foot.norm();
        let side = across * (1.0 - sin * sin).sqrt() + foot.normalize() * sin;
        // Not so where the apex is nearer to the edge than that, or looks along the plane.
        if side.dot(&inward) > 0.0 {
            frustum.rows.push(row(&side, side.dot(apex)));
        } else {
            has_all = false;
        }
    }
    has_all
}

/// p with normal . p >= offset.
pub fn row(normal: &Vec3, offset: f64) -> [f64; 4] {
    [normal.x, normal.y, normal.z, -offset]
}
