//! Poses of objects: what moving, turning and scaling an object does to its vertices (T95).

use super::Scene;
use crate::math::Vec3;

/// A change of an object's pose; or the bars of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pose {
    /// Translation [m].
    pub translation: Vec3,
    /// Small rotation about the global axes through a pivot [rad]: the axis times the angle.
    pub rotation: Vec3,
    /// What the scale about the pivot is more than 1 [-].
    pub scale: f64,
}

/// The adjoint, at no change, of vertices v + t + w x (v - p) + s (v - p) of an object, p the `pivot` in the coordinates of the
/// scene file [m].
///
/// `vertices_bar` `[vertex]` [1/m] are those of the whole scene; objects do not share vertices.
pub fn pose_vjp(scene: &Scene, object: u32, pivot: &Vec3, vertices_bar: &[Vec3]) -> Pose {
    let mut bar = Pose::default();
    for vertex in vertices_of(scene, object) {
        let (arm, vertex_bar) = (scene.vertices[vertex] + scene.origin - pivot, vertices_bar[vertex]);
        bar.translation += vertex_bar;
        bar.rotation += arm.cross(&vertex_bar);
        bar.scale += arm.dot(&vertex_bar);
    }
    bar
}

/// The vertices of an object that its triangles use, ascending.
pub fn vertices_of(scene: &Scene, object: u32) -> Vec<usize> {
    let object = &scene.objects[object as usize];
    let first = object.first_triangle as usize;
    let triangles = &scene.triangles[first..first + object.triangle_count as usize];
    let mut vertices: Vec<usize> = triangles.as_flattened().iter().map(|vertex| *vertex as usize).collect();
    vertices.sort_unstable();
    vertices.dedup();
    vertices
}
