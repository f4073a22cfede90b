//! Scene files by their extension.

use super::mesh::{gltf, gltf_write, merged, obj, ply};
use super::{atomic, mitsuba};
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::material_name::{UNASSIGNED, material_of};
use crate::scene::description::{ObjectDescription, SceneDescription};
use std::path::Path;

/// Extensions that are read and written.
const EXTENSIONS: [&str; 5] = ["xml", "ply", "obj", "gltf", "glb"];

/// Reads a scene: Mitsuba XML, PLY, OBJ, glTF or GLB, by the extension.
///
/// # Errors
/// [`Error::Input`] with the file and what is wrong with it.
pub fn read(path: &Path) -> Result<SceneDescription> {
    match extension_of(path)? {
        "xml" => mitsuba::read(path),
        "ply" => read_ply(path),
        "obj" => obj::read(path),
        _ => gltf::read(path),
    }
}

/// Writes a scene in the format of the extension. Returns notes on what the format cannot hold.
///
/// # Errors
/// [`Error::Input`] for an unknown extension, [`Error::Write`] where the system refuses.
pub fn write(description: &SceneDescription, path: &Path) -> Result<Vec<String>> {
    match extension_of(path)? {
        "xml" => mitsuba::write(description, path),
        "ply" => write_ply(description, path),
        "obj" => {
            atomic::write_file(path, |out| obj::write(description, out))?;
            Ok(obj::losses(&description.materials))
        }
        _ => gltf_write::write(description, path),
    }
}

fn extension_of(path: &Path) -> Result<&'static str> {
    let written = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    EXTENSIONS.into_iter().find(|known| *known == written).ok_or_else(|| {
        let remedy = format!("use one of .{}; {}", EXTENSIONS.join(" ."), did_you_mean(&written, EXTENSIONS));
        let bound = "the extension of a scene file says its format";
        Error::input(Fault::new("extension", bound).value(format!("'{written}'")).file(path).remedy(remedy))
    })
}

/// A PLY file is one object, called as the file is and made of the material that this name means, if it means one.
fn read_ply(path: &Path) -> Result<SceneDescription> {
    let name = path.file_stem().map_or_else(|| "mesh".into(), |s| s.to_string_lossy().into_owned());
    let (mut material, warning) = material_of(&name);
    let mut warnings = Vec::new();
    if material.itu.is_none() {
        material.name = UNASSIGNED.into();
        warnings.push(format!("PLY names no material; it is called '{UNASSIGNED}'"));
    } else {
        warnings.extend(warning);
    }
    let object = ObjectDescription { name, material: material.name.clone(), mesh: ply::read(path)? };
    Ok(SceneDescription { materials: vec![material], objects: vec![object], warnings })
}

/// All objects as one mesh.
fn write_ply(description: &SceneDescription, path: &Path) -> Result<Vec<String>> {
    let merged = merged(description.objects.iter().map(|o| &o.mesh))?;
    atomic::write_file(path, |out| ply::write(&merged, out))?;
    let (objects, materials) = (description.objects.len(), description.materials.len());
    let mut notes = Vec::new();
    if objects > 1 {
        notes.push(format!("PLY holds one mesh: {objects} objects are merged and their names are lost"));
    }
    notes.push(format!("PLY holds no materials: they are lost ({materials} in this scene)"));
    Ok(notes)
}
