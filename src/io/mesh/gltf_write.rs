//! Writes glTF 2.0 and GLB: one node, mesh and primitive for each object, z up turned to y up.
//!
//! Positions are f32 relative to a node translation in whole metres, so that map coordinates keep their precision.

use super::gltf::EXTRAS_KEY;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::math::Vec3;
use crate::scene::description::{MaterialDescription, SceneDescription};
use crate::scene::mesh::Mesh;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// Rounding of positions that is not worth a note [m].
const SMALL_ROUNDING_M: f64 = 1e-5;
const COMPONENT_F32: u32 = 5126;
const COMPONENT_U32: u32 = 5125;

/// Writes `path` and, for `.gltf`, the buffer beside it with the extension `.bin`. Returns notes on what is lost.
///
/// # Errors
/// [`Error::Write`], also for a GLB file beyond 4 GiB.
pub fn write(description: &SceneDescription, path: &Path) -> Result<Vec<String>> {
    let Content { mut root, buffer, notes } = content_of(description);
    root["buffers"] = json!([{ "byteLength": buffer.len() }]);
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("glb")) {
        let text = root.to_string();
        let total = 28 + text.len().next_multiple_of(4) + buffer.len();
        let Ok(total) = u32::try_from(total) else {
            let reason = "a GLB file holds at most 4 GiB; write .gltf or .xml";
            return Err(Error::write(path, io::Error::new(io::ErrorKind::FileTooLarge, reason)));
        };
        atomic::write_file(path, |out| write_glb(out, total, text.as_bytes(), &buffer))?;
        return Ok(notes);
    }
    let binary = path.with_extension("bin");
    let name = binary.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    root["buffers"][0]["uri"] = percent_encoded(&name).into();
    atomic::write_bytes(&binary, &buffer)?;
    atomic::write_file(path, |out| serde_json::to_writer(out, &root).map_err(io::Error::from))?;
    Ok(notes)
}

fn write_glb(out: &mut impl Write, total: u32, text: &[u8], buffer: &[u8]) -> io::Result<()> {
    let padding = text.len().next_multiple_of(4) - text.len();
    out.write_all(b"glTF")?;
    for number in [2, total, (text.len() + padding) as u32] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(b"JSON")?;
    out.write_all(text)?;
    out.write_all(&b"   "[..padding])?;
    // Every item of the buffer has four bytes, so it needs no padding.
    out.write_all(&(buffer.len() as u32).to_le_bytes())?;
    out.write_all(b"BIN\0")?;
    out.write_all(buffer)
}

struct Content {
    root: Value,
    buffer: Vec<u8>,
    notes: Vec<String>,
}

fn content_of(description: &SceneDescription) -> Content {
    let (mut positions, mut indices) = (Vec::new(), Vec::new());
    let (mut nodes, mut meshes, mut accessors) = (Vec::new(), Vec::new(), Vec::new());
    let (mut notes, mut rounding) = (Vec::new(), 0f64);
    for object in &description.objects {
        if object.mesh.triangles.is_empty() || object.mesh.vertices.is_empty() {
            notes.push(format!("glTF cannot hold the object '{}', which has no triangles", object.name));
            continue;
        }
        let origin = origin_of(&object.mesh);
        let (first_position, first_index) = (positions.len(), indices.len());
        let (low, high) = push_positions(&object.mesh, origin, &mut positions, &mut rounding);
        object.mesh.triangles.iter().flatten().for_each(|i| indices.extend(i.to_le_bytes()));
        let mut primitive = json!({ "attributes": { "POSITION": accessors.len() }, "indices": accessors.len() + 1 });
        if let Some(material) = description.materials.iter().position(|m| m.name == object.material) {
            primitive["material"] = material.into();
        }
        accessors.push(json!({ "bufferView": 0, "byteOffset": first_position, "componentType": COMPONENT_F32,
            "count": object.mesh.vertices.len(), "type": "VEC3", "min": low, "max": high }));
        accessors.push(json!({ "bufferView": 1, "byteOffset": first_index, "componentType": COMPONENT_U32,
            "count": object.mesh.triangles.len() * 3, "type": "SCALAR" }));
        nodes.push(json!({ "name": object.name, "mesh": meshes.len(), "translation": y_up(origin) }));
        meshes.push(json!({ "name": object.name, "primitives": [primitive] }));
    }
    if rounding > SMALL_ROUNDING_M {
        notes.push(format!("glTF holds positions in f32: they move by up to {rounding:.1e} m"));
    }
    let views = json!([
        { "buffer": 0, "byteOffset": 0, "byteLength": positions.len() },
        { "buffer": 0, "byteOffset": positions.len(), "byteLength": indices.len() },
    ]);
    let materials: Vec<Value> = description.materials.iter().map(material_of).collect();
    let node_list: Vec<usize> = (0..nodes.len()).collect();
    let generator = format!("raylobe {}", env!("CARGO_PKG_VERSION"));
    let mut root = json!({ "asset": { "version": "2.0", "generator": generator }, "scene": 0,
        "scenes": [{ "nodes": node_list }], "nodes": nodes, "meshes": meshes, "accessors": accessors,
        "bufferViews": views });
    if !materials.is_empty() {
        root["materials"] = materials.into();
    }
    positions.append(&mut indices);
    Content { root, buffer: positions, notes }
}

/// The middle of a mesh in whole metres [m].
fn origin_of(mesh: &Mesh) -> Vec3 {
    let first = Vec3::from(mesh.vertices[0]);
    let grow = |(low, high): (Vec3, Vec3), v: &[f64; 3]| (low.inf(&Vec3::from(*v)), high.sup(&Vec3::from(*v)));
    let (low, high) = mesh.vertices.iter().fold((first, first), grow);
    ((low + high) / 2.0).map(f64::round)
}

/// Appends positions relative to `origin`, keeps the largest rounding [m] and returns the bounds of what was written.
fn push_positions(mesh: &Mesh, origin: Vec3, bytes: &mut Vec<u8>, rounding: &mut f64) -> ([f32; 3], [f32; 3]) {
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for vertex in &mesh.vertices {
        for (axis, x) in y_up(Vec3::from(*vertex) - origin).into_iter().enumerate() {
            let short = x as f32;
            *rounding = rounding.max((f64::from(short) - x).abs());
            (low[axis], high[axis]) = (low[axis].min(short), high[axis].max(short));
            bytes.extend(short.to_le_bytes());
        }
    }
    (low, high)
}

/// From z up to glTF's y up: (x, y, z) -> (x, z, -y).
fn y_up(v: Vec3) -> [f64; 3] {
    [v.x, v.z, -v.y]
}

fn material_of(material: &MaterialDescription) -> Value {
    let mut own = serde_json::to_value(material).expect("numbers, strings and enums have a JSON form");
    if let Some(fields) = own.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        if material.thickness_m == Some(f64::INFINITY) {
            fields.insert("thickness_m".into(), "inf".into());
        }
    }
    json!({ "name": material.name, "extras": { EXTRAS_KEY: own } })
}

/// Characters that a URI may not hold as `%XX`.
fn percent_encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mesh::gltf;
    use crate::scene::description::{LobeDescription, ObjectDescription};

    fn scene() -> SceneDescription {
        let metal = MaterialDescription {
            thickness_m: Some(f64::INFINITY),
            scattering: Some(0.25),
            lobe: Some(LobeDescription::von_mises_fisher(20.0)),
            ..MaterialDescription::itu("roof", "metal")
        };
        let mesh = Mesh {
            vertices: vec![[4e6, 5.4e6, 500.0], [4e6 + 50.25, 5.4e6, 500.0], [4e6, 5.4e6 + 20.5, 530.125]],
            triangles: vec![[0, 1, 2]],
        };
        let object = ObjectDescription { name: "a roof".into(), material: "roof".into(), mesh };
        SceneDescription { materials: vec![metal], objects: vec![object], warnings: vec![] }
    }

    #[test]
    fn both_forms_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a b.gltf", "a.glb"] {
            let path = folder.path().join(name);
            assert!(write(&scene(), &path).unwrap().is_empty());
            assert_eq!(gltf::read(&path).unwrap(), scene(), "{name}");
        }
        assert!(folder.path().join("a b.bin").exists());
    }

    #[test]
    fn rounding_beyond_the_bound_is_told() {
        let mut scene = scene();
        scene.objects[0].mesh.vertices[0] = [0.3, 0.0, 0.1];
        let folder = tempfile::tempdir().unwrap();
        let notes = write(&scene, &folder.path().join("a.glb")).unwrap();
        assert!(notes.len() == 1 && notes[0].contains("f32"), "{notes:?}");
    }
}
