//! Wavefront OBJ: one object for each `o` or `g` and material, material names from `usemtl` (no MTL file is opened).
//! Coordinates are taken as they are: z is up, as in the rest of raylobe.

use super::{check_not_empty, check_vertex, merged, push_polygon, read_bytes};
use crate::error::{Error, Fault, Result};
use crate::io::material_name::{UNASSIGNED, material_of, name_of};
use crate::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use crate::scene::mesh::Mesh;
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::path::Path;

/// Reads the scene of an OBJ file.
///
/// # Errors
/// [`Error::Input`] with the file, the element and the rule that it breaks.
pub fn read(path: &Path) -> Result<SceneDescription> {
    parse(&read_bytes(path)?).map_err(|e| e.in_file(path))
}

/// Reads an OBJ file as one mesh, whatever its objects and materials.
///
/// # Errors
/// As [`read`].
pub fn read_merged(path: &Path) -> Result<Mesh> {
    let scene = read(path)?;
    merged(scene.objects.iter().map(|o| &o.mesh)).map_err(|e| e.in_file(path))
}

/// The scene in the bytes of an OBJ file.
///
/// # Errors
/// As [`read`], without the file.
pub fn parse(bytes: &[u8]) -> Result<SceneDescription> {
    check_indices(bytes)?;
    let names = material_names(bytes);
    let options =
        tobj::LoadOptions { triangulate: false, ignore_points: true, ignore_lines: true, ..Default::default() };
    // The parser knows materials only from a library: one that lists the names in use is put before the file.
    let mut reader = io::BufReader::new(b"mtllib names\n".chain(bytes));
    let library = std::cell::Cell::new(Some(names.clone()));
    let loaded = tobj::load_obj_buf(&mut reader, &options, |_| {
        let names = library.take().unwrap_or_default();
        let index = names.iter().enumerate().map(|(i, n)| (n.clone(), i)).collect();
        let materials = names.into_iter().map(|name| tobj::Material { name, ..Default::default() }).collect();
        Ok((materials, index))
    });
    let (models, _) = loaded.map_err(|e| {
        let remedy = "mend the line that it means, or re-export the mesh";
        Error::input(Fault::new("OBJ", format!("cannot be read: {e}")).remedy(remedy))
    })?;
    let mut scene = SceneDescription::default();
    for model in models {
        let object = object_of(model, &names, &mut scene)?;
        scene.objects.extend(object);
    }
    check_not_empty(scene.objects.len(), "OBJ")?;
    Ok(scene)
}

fn lines_of(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    bytes.split(|b| *b == b'\n').map(String::from_utf8_lossy)
}

/// Checks that indices of elements mean something that the file can hold: the parser reckons with them before it looks.
fn check_indices(bytes: &[u8]) -> Result<()> {
    // Positions, texture coordinates and normals so far.
    let mut counts = [0i64; 3];
    for (line, text) in lines_of(bytes).enumerate() {
        let mut words = text.split_whitespace();
        match words.next() {
            Some("v") => counts[0] += 1,
            Some("vt") => counts[1] += 1,
            Some("vn") => counts[2] += 1,
            Some("f" | "l" | "p") => {
                for (index, count) in words.flat_map(|word| word.split('/').zip(counts)) {
                    // What is no whole number the parser itself finds. Of what is to come the file has a line each.
                    let Ok(number) = index.parse::<i64>() else { continue };
                    if number < -count || number > bytes.len() as i64 {
                        let bound = format!("is that of an element of the file, or at most {count} back");
                        let fault = Fault::new(format!("OBJ, line {}: index", line + 1), bound).value(index);
                        return Err(Error::input(fault.remedy("mend the element, or re-export the mesh")));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The names after `usemtl`, each once, in the order of the file.
fn material_names(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for line in lines_of(bytes) {
        if let Some(rest) = line.trim().strip_prefix("usemtl")
            && rest.starts_with(char::is_whitespace)
            && known.insert(rest.trim().to_string())
        {
            names.push(rest.trim().to_string());
        }
    }
    names
}

/// The object of a model; `None` if it has no faces (points and lines only).
fn object_of(model: tobj::Model, names: &[String], scene: &mut SceneDescription) -> Result<Option<ObjectDescription>> {
    let (name, written) = (model.name, model.mesh);
    let mut mesh = Mesh::default();
    for (i, v) in written.positions.chunks_exact(3).enumerate() {
        mesh.vertices.push(check_vertex([v[0], v[1], v[2]], || format!("object '{name}', vertex {i}"))?);
    }
    let mut rest = &written.indices[..];
    let arities = written.face_arities.iter().copied().chain(std::iter::repeat(3));
    for (i, arity) in arities.enumerate() {
        if rest.is_empty() {
            break;
        }
        let (corners, others) = rest.split_at((arity as usize).min(rest.len()));
        push_polygon(&mut mesh, corners.iter().map(|c| i64::from(*c)), || format!("object '{name}', face {i}"))?;
        rest = others;
    }
    if mesh.triangles.is_empty() {
        scene.warnings.push(format!("object '{name}' has no faces and is left out"));
        return Ok(None);
    }
    let id = written.material_id.and_then(|m| names.get(m)).map_or(UNASSIGNED, String::as_str);
    if !scene.materials.iter().any(|m| m.name == name_of(id)) {
        add_material(id, scene);
    }
    Ok(Some(ObjectDescription { name, material: name_of(id).into(), mesh }))
}

fn add_material(id: &str, scene: &mut SceneDescription) {
    let (material, warning) = material_of(id);
    if material.name == UNASSIGNED {
        scene.warnings.push(format!("faces without usemtl have the material '{UNASSIGNED}'"));
    }
    scene.warnings.extend(warning);
    scene.materials.push(material);
}

/// Writes a scene; the number of digits keeps f64 coordinates exactly.
///
/// # Errors
/// What `out` says.
pub fn write(description: &SceneDescription, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# raylobe {}; z is up; metres", env!("CARGO_PKG_VERSION"))?;
    let mut base = 1u64;
    for object in &description.objects {
        writeln!(out, "o {}\nusemtl {}", one_line(&object.name), one_line(&object.material))?;
        for [x, y, z] in &object.mesh.vertices {
            writeln!(out, "v {x} {y} {z}")?;
        }
        for triangle in &object.mesh.triangles {
            let [a, b, c] = triangle.map(|v| u64::from(v) + base);
            writeln!(out, "f {a} {b} {c}")?;
        }
        base += object.mesh.vertices.len() as u64;
    }
    Ok(())
}

/// Names end with the line; so no name may hold a line break.
fn one_line(name: &str) -> String {
    name.replace(char::is_control, "_")
}

/// What an OBJ file does not hold of these materials.
pub fn losses(materials: &[MaterialDescription]) -> Vec<String> {
    materials
        .iter()
        .filter(|m| material_of(&m.name).0 != **m)
        .map(|m| format!("OBJ holds the name of material '{}' only; define it in [materials.{}]", m.name, m.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "mtllib gone.mtl\no house\nv 0 0 0\nv 1 0 0 1.0\nv 1 1 0\nv 0 1 0\nv 0 0 4433123.123456789\n\
        vt 0 0\nvn 0 0 1\nusemtl itu_brick\nf 1/1/1 2/1/1 3/1/1 4/1/1\nusemtl itu_glass\nf -5 -4 -1\no floor\nf 1 2 3 4 5\n\
        o wire\nl 1 2\n";

    #[test]
    fn objects_split_at_names_and_materials() {
        let scene = parse(TEXT.as_bytes()).unwrap();
        let told: Vec<_> =
            scene.objects.iter().map(|o| (o.name.as_str(), o.material.as_str(), o.mesh.triangles.len())).collect();
        assert_eq!(told, [("house", "itu_brick", 2), ("house", "itu_glass", 1), ("floor", "itu_glass", 3)]);
        assert_eq!(scene.objects[1].mesh.vertices[2][2], 4433123.123456789);
        assert_eq!(scene.materials[0].itu.as_deref(), Some("brick"));
    }

    #[test]
    fn writing_and_reading_is_the_identity() {
        let mut scene = parse(TEXT.as_bytes()).unwrap();
        scene.warnings.clear();
        let mut bytes = Vec::new();
        write(&scene, &mut bytes).unwrap();
        assert_eq!(parse(&bytes).unwrap(), scene);
        assert!(losses(&scene.materials).is_empty());
    }

    #[test]
    fn bad_faces_and_numbers_are_errors() {
        for text in
            ["v 0 0 0\nf 1 2 3\n", "v 0 0\n", "v 0 0 nan\nv 0 0 1\nv 0 0 2\nf 1 2 3\n", "", "v 0 0 0\nf 1 x 1\n"]
        {
            assert!(matches!(parse(text.as_bytes()), Err(Error::Input(_))), "{text}");
        }
        // Beyond what the parser can reckon with.
        let head = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\n";
        for element in
            ["f 1//-2147483648 2 3", "f 1/-2 2 3", "f -4 2 3", "f 6148914691236517206 2 3", "l 9000000000000000000 2"]
        {
            let error = parse(format!("{head}{element}\n").as_bytes()).expect_err(element).to_string();
            assert!(error.contains("line 6"), "{error}");
        }
    }
}
