//! `<shape>` elements: where their triangles come from.

use super::parameter::{Parameters, fault, title};
use super::transform;
use crate::error::{Error, Result, did_you_mean};
use crate::io::mesh::{file_inside, obj, ply};
use crate::scene::description::ObjectDescription;
use crate::scene::mesh::Mesh;
use nalgebra::Matrix4;
use roxmltree::Node;
use std::path::{Path, PathBuf};

/// A shape whose triangles are not read yet.
pub(super) struct Shape {
    name: String,
    material: String,
    /// What the scene calls it, for errors.
    title: String,
    source: Source,
    to_world: Option<Matrix4<f64>>,
}

enum Source {
    Ply(PathBuf),
    Obj(PathBuf),
    /// [-1, 1]^2 at z = 0.
    Rectangle,
    /// [-1, 1]^3.
    Cube,
}

impl Shape {
    /// Reads the element; its mesh file is not opened.
    pub(super) fn read(
        node: Node,
        name: String,
        material: String,
        folder: &Path,
        parameters: &Parameters,
    ) -> Result<Shape> {
        let source = match parameters.required(node, "type")?.as_str() {
            "ply" => Source::Ply(file_of(node, folder, parameters)?),
            "obj" => Source::Obj(file_of(node, folder, parameters)?),
            "rectangle" => Source::Rectangle,
            "cube" => Source::Cube,
            other => {
                let near = did_you_mean(other, ["ply", "obj", "rectangle", "cube"]);
                let remedy = format!("export it as a triangle mesh (ply); {near}");
                return Err(fault(node, "the shape is ply, obj, rectangle or cube", other, remedy));
            }
        };
        let mut to_world = None;
        for child in node.children().filter(|n| n.has_tag_name("transform")) {
            to_world = Some(transform::matrix_of(child, parameters)?);
        }
        Ok(Shape { name, material, title: title(node), source, to_world })
    }

    /// Reads the mesh and moves it to where it stands in the scene.
    pub(super) fn load(&self) -> Result<ObjectDescription> {
        let mut mesh = match &self.source {
            Source::Ply(path) => ply::read(path).map_err(|e| self.with_title(e))?,
            Source::Obj(path) => obj::read_merged(path).map_err(|e| self.with_title(e))?,
            Source::Rectangle => rectangle(),
            Source::Cube => cube(),
        };
        if let Some(matrix) = &self.to_world {
            transform::apply(matrix, &mut mesh);
        }
        Ok(ObjectDescription { name: self.name.clone(), material: self.material.clone(), mesh })
    }

    /// The same error, with the shape that needs the mesh.
    fn with_title(&self, mut error: Error) -> Error {
        if let Error::Input(fault) = &mut error {
            fault.field = format!("{} ({})", fault.field, self.title);
        }
        error
    }
}

/// The mesh file of a shape: inside of the scene's folder, so that a scene from elsewhere cannot name other files.
fn file_of(shape: Node, folder: &Path, parameters: &Parameters) -> Result<PathBuf> {
    let is_name = |n: &Node| n.has_tag_name("string") && n.attribute("name") == Some("filename");
    let Some(node) = shape.children().find(is_name) else {
        let remedy = "add <string name=\"filename\" value=\"meshes/....ply\"/>";
        return Err(fault(shape, "a mesh shape has a string 'filename'", "", remedy));
    };
    let written = parameters.required(node, "value")?.replace('\\', "/");
    file_inside(folder, &written, &format!("{}, filename", title(shape)))
}

fn rectangle() -> Mesh {
    let vertices = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[x, y]| [x, y, 0.0]).to_vec();
    Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3]] }
}

/// Corner `i` has the sign of x, y, z in its bits 0, 1, 2; faces are counter-clockwise seen from outside.
fn cube() -> Mesh {
    let sign = |bit: u32| if bit & 1 == 1 { 1.0 } else { -1.0 };
    let vertices = (0..8).map(|i| [sign(i), sign(i >> 1), sign(i >> 2)]).collect();
    let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let triangles = quads.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect();
    Mesh { vertices, triangles }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Vec3;

    #[test]
    fn the_cube_is_closed_and_faces_outwards() {
        let cube = cube();
        let volume: f64 = cube
            .triangles
            .iter()
            .map(|t| t.map(|i| Vec3::from(cube.vertices[i as usize])))
            .map(|[a, b, c]| a.dot(&b.cross(&c)) / 6.0)
            .sum();
        assert!((volume - 8.0).abs() < 1e-12, "{volume}");
        assert!(rectangle().triangles.len() == 2);
    }
}
