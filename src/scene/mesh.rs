//! Triangle meshes as written.

use super::DEGENERATE_HEIGHT_M;
use crate::math::Vec3;

/// Vertices and triangles as a file holds them: f64, so that map coordinates keep their millimetres.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mesh {
    /// Vertices `[vertex, 3]` [m].
    pub vertices: Vec<[f64; 3]>,
    /// Vertex indices `[triangle, 3]`.
    pub triangles: Vec<[u32; 3]>,
}

/// Whether a triangle has no height over its longest edge, and so no plane.
pub fn is_degenerate(corners: &[Vec3; 3]) -> bool {
    let [a, b, c] = corners;
    let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
    // Twice the area = longest edge x height.
    (b - a).cross(&(c - a)).norm() <= longest * DEGENERATE_HEIGHT_M
}
