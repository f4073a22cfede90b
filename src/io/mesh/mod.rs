//! Mesh formats: PLY, OBJ, glTF and GLB. Readers make [`Mesh`]es and descriptions; what is wrong with a file is an
//! error that names the element, and what is merely lost is a warning.

pub mod gltf;
pub mod gltf_write;
pub mod obj;
pub mod ply;

use crate::error::{Error, Fault, Result};
use crate::io::read;
use crate::scene::mesh::Mesh;
use std::path::{Component, Path, PathBuf};

/// The bytes of `path`.
///
/// # Errors
/// [`Error::Input`] with the file and what the system said.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    read::regular_file(path).map_err(|e| {
        let remedy = "check the name and the permissions of the file";
        Error::input(Fault::new("file", format!("cannot be read: {e}")).file(path).remedy(remedy))
    })
}

/// The file that a scene names as `written`: inside of the scene's folder, so that a scene from elsewhere cannot read
/// other files.
///
/// # Errors
/// An absolute path, a drive, or one that leaves the folder.
pub(crate) fn file_inside(folder: &Path, written: &str, field: &str) -> Result<PathBuf> {
    let relative = Path::new(written);
    let inside = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if written.is_empty() || !inside || written.contains([':', '\\', '\0']) {
        let fault = Fault::new(field, "files that a scene names are inside of its folder").value(written);
        return Err(Error::input(fault.remedy("move the file into the folder and name it from there")));
    }
    Ok(folder.join(relative))
}

/// Several meshes as one.
///
/// # Errors
/// More vertices than a 32-bit index can name.
pub(crate) fn merged<'a>(meshes: impl Iterator<Item = &'a Mesh>) -> Result<Mesh> {
    let mut merged = Mesh::default();
    for mesh in meshes {
        let base = merged.vertices.len();
        merged.vertices.extend(&mesh.vertices);
        if merged.vertices.len() >= u32::MAX as usize {
            let fault = Fault::new("merged mesh", "has fewer than 2^32 vertices").value(merged.vertices.len());
            return Err(Error::input(fault.remedy("split the scene")));
        }
        merged.triangles.extend(mesh.triangles.iter().map(|t| t.map(|v| v + base as u32)));
    }
    Ok(merged)
}

/// Appends the fan of a polygon's corners to `mesh`; `field` names the face in errors.
///
/// # Errors
/// Fewer than three corners, or an index that names no vertex.
pub(crate) fn push_polygon(
    mesh: &mut Mesh,
    corners: impl Iterator<Item = i64>,
    field: impl Fn() -> String,
) -> Result<()> {
    let count = mesh.vertices.len();
    let mut first = [0; 2];
    let mut seen = 0;
    for corner in corners {
        let index = u32::try_from(corner).ok().filter(|i| (*i as usize) < count).ok_or_else(|| {
            let bound = format!("vertex indices are between 0 and {}", count as i64 - 1);
            Error::input(Fault::new(field(), bound).value(corner).remedy("mend or re-export the mesh"))
        })?;
        match seen {
            0 | 1 => first[seen] = index,
            _ => {
                mesh.triangles.push([first[0], first[1], index]);
                first[1] = index;
            }
        }
        seen += 1;
    }
    if seen < 3 {
        let bound = "a face has at least 3 corners";
        return Err(Error::input(Fault::new(field(), bound).value(seen).remedy("mend or re-export the mesh")));
    }
    Ok(())
}

/// Checks what every reader promises: vertices that are finite numbers.
pub(crate) fn check_vertex(vertex: [f64; 3], field: impl FnOnce() -> String) -> Result<[f64; 3]> {
    if vertex.iter().all(|x| x.is_finite()) {
        return Ok(vertex);
    }
    let fault = Fault::new(field(), "coordinates are finite numbers").value(format!("{vertex:?}"));
    Err(Error::input(fault.remedy("mend or re-export the mesh")))
}

/// Refuses a mesh without triangles.
pub(crate) fn check_not_empty(triangles: usize, field: &str) -> Result<()> {
    if triangles > 0 {
        return Ok(());
    }
    let fault = Fault::new(field, "has at least one triangle").value(0);
    Err(Error::input(fault.remedy("leave the mesh out, or export faces and not only points or lines")))
}
