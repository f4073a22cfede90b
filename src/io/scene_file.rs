//! Scene files by their extension.

use super::mesh::{obj, ply};
use super::mitsuba;
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
        format => Err(Error::input(Fault::new("extension", "glTF is read soon").value(format).file(path))),
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
