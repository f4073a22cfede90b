//! glTF 2.0 and GLB: one object for each mesh primitive of each node, node transforms in f64, y up turned to z up.
//!
//! Buffers come from the GLB chunk, `data:` URIs or files inside of the folder; images and animations are not read.
//! Radio materials travel in the material's `extras.raylobe`; without them the name says what it is.

use super::{check_not_empty, check_vertex, file_inside, push_polygon, read_bytes};
use crate::error::{Error, Fault, Result};
use crate::io::material_name::{UNASSIGNED, material_of};
use crate::math::Vec3;
use crate::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use crate::scene::mesh::Mesh;
use base64::Engine;
use gltf::json;
use json::accessor::{ComponentType, Type};
use json::mesh::Mode;
use json::validation::Checked;
use nalgebra::{Matrix4, Quaternion, UnitQuaternion};
use serde::Deserialize;
use std::path::Path;

/// The key of radio materials in the `extras` of a glTF material.
pub(super) const EXTRAS_KEY: &str = "raylobe";
const REMEDY: &str = "mend or re-export the file";

/// Reads the scene of a glTF or GLB file.
///
/// # Errors
/// [`Error::Input`] with the file, the element and the rule that it breaks.
pub fn read(path: &Path) -> Result<SceneDescription> {
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&read_bytes(path)?, Some(folder)).map_err(|e| e.in_file(path))
}

/// The scene in the bytes of a glTF or GLB file; buffer files are looked for in `folder`, and refused without one.
///
/// # Errors
/// As [`read`], without the file.
pub fn parse(bytes: &[u8], folder: Option<&Path>) -> Result<SceneDescription> {
    let malformed = |e: &dyn std::fmt::Display| input("glTF", format!("cannot be read: {e}"), "");
    check_chunks(bytes)?;
    // The library's own validation panics on some indices out of range; every one that is used is checked here.
    let document = gltf::Gltf::from_slice_without_validation(bytes).map_err(|e| malformed(&e))?;
    let text = if bytes.starts_with(b"glTF") {
        gltf::Glb::from_slice(bytes).map_err(|e| malformed(&e))?.json
    } else {
        bytes.into()
    };
    let transforms: Transforms = serde_json::from_slice(&text).map_err(|e| malformed(&e))?;
    let root = document.document.as_json();
    check_extensions(root)?;
    let buffers = read_buffers(root, document.blob.as_deref(), folder)?;
    let mut reader = Reader { root, buffers, scene: SceneDescription::default(), materials: Vec::new(), triangles: 0 };
    for i in 0..root.materials.len() {
        reader.read_material(i)?;
    }
    reader.walk(&transforms.nodes)?;
    check_not_empty(reader.scene.objects.len(), "glTF scene")?;
    Ok(reader.scene)
}

/// The lengths that a GLB header claims, which the parser subtracts from without a check.
fn check_chunks(bytes: &[u8]) -> Result<()> {
    if !bytes.starts_with(b"glTF") {
        return Ok(());
    }
    let claimed = bytes.get(8..12).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    match claimed {
        Some(length) if length >= 20 && length as usize <= bytes.len() => Ok(()),
        Some(length) => {
            let bound = format!("the length is that of the file, {} bytes", bytes.len());
            Err(input("GLB header", bound, length))
        }
        None => Err(input("GLB header", "has 12 bytes", bytes.len())),
    }
}

fn input(field: impl Into<String>, bound: impl Into<String>, value: impl std::fmt::Display) -> Error {
    Error::input(Fault::new(field, bound).value(value).remedy(REMEDY))
}

/// Refuses files whose meshes need an extension (compression, mostly) to be understood.
fn check_extensions(root: &json::Root) -> Result<()> {
    let harmless = |name: &str| name.starts_with("KHR_materials_") || name.starts_with("KHR_texture_");
    match root.extensions_required.iter().find(|name| !harmless(name)) {
        None => Ok(()),
        Some(name) => {
            let fault = Fault::new("extensionsRequired", "no extension is needed to read the meshes").value(name);
            Err(Error::input(fault.remedy("export without compression and without this extension")))
        }
    }
}

/// The item of a list that `field` refers to.
fn item<'a, T>(list: &'a [T], kind: &str, index: usize, field: &str) -> Result<&'a T> {
    list.get(index).ok_or_else(|| input(field, format!("refers to one of {} {kind}", list.len()), index))
}

/// The transforms of the nodes in f64, which the glTF library keeps in f32.
#[derive(Deserialize)]
struct Transforms {
    #[serde(default)]
    nodes: Vec<Transform>,
}

#[derive(Deserialize)]
struct Transform {
    /// Column by column.
    matrix: Option<[f64; 16]>,
    translation: Option<[f64; 3]>,
    /// x, y, z, w.
    rotation: Option<[f64; 4]>,
    scale: Option<[f64; 3]>,
}

impl Transform {
    fn to_matrix(&self) -> Matrix4<f64> {
        if let Some(matrix) = self.matrix {
            return Matrix4::from_column_slice(&matrix);
        }
        let [x, y, z, w] = self.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]);
        let rotation = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z));
        Matrix4::new_translation(&Vec3::from(self.translation.unwrap_or_default()))
            * rotation.to_homogeneous()
            * Matrix4::new_nonuniform_scaling(&Vec3::from(self.scale.unwrap_or([1.0; 3])))
    }
}

fn read_buffers(root: &json::Root, blob: Option<&[u8]>, folder: Option<&Path>) -> Result<Vec<Vec<u8>>> {
    let mut buffers = Vec::with_capacity(root.buffers.len());
    for (i, buffer) in root.buffers.iter().enumerate() {
        let field = format!("buffers[{i}]");
        let bytes = match (&buffer.uri, blob) {
            (Some(uri), _) => read_uri(uri, &field, folder)?,
            (None, Some(blob)) if i == 0 => blob.to_vec(),
            (None, _) => return Err(input(field, "has a uri, or is the first of a GLB file with a BIN chunk", "")),
        };
        if (bytes.len() as u64) < buffer.byte_length.0 {
            let bound = format!("byteLength is at most what there is, {} bytes", bytes.len());
            return Err(input(field, bound, buffer.byte_length.0));
        }
        buffers.push(bytes);
    }
    Ok(buffers)
}

fn read_uri(uri: &str, field: &str, folder: Option<&Path>) -> Result<Vec<u8>> {
    if let Some(data) = uri.strip_prefix("data:") {
        let Some((_, text)) = data.split_once(";base64,") else {
            return Err(input(field, "a data: URI is in base64", data.chars().take(40).collect::<String>()));
        };
        let engine = base64::engine::general_purpose::STANDARD;
        return engine.decode(text).map_err(|e| input(field, format!("the data: URI is not base64: {e}"), ""));
    }
    let written = percent_decoded(uri);
    match folder {
        Some(folder) => read_bytes(&file_inside(folder, &written, field)?).map_err(|mut e| {
            if let Error::Input(fault) = &mut e {
                fault.field = field.to_string();
            }
            e
        }),
        None => Err(input(field, "no file can be read here", written)),
    }
}

/// `%20` and the like as characters; a `%` without two hexadecimal digits stays.
fn percent_decoded(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let digits = bytes.get(i + 1..i + 3).and_then(|d| std::str::from_utf8(d).ok());
        match digits.filter(|_| bytes[i] == b'%').and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                i += 3;
            }
            None => {
                decoded.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

struct Reader<'a> {
    root: &'a json::Root,
    buffers: Vec<Vec<u8>>,
    scene: SceneDescription,
    /// Name of each glTF material.
    materials: Vec<String>,
    triangles: usize,
}

impl Reader<'_> {
    fn read_material(&mut self, i: usize) -> Result<()> {
        let written = &self.root.materials[i];
        let name = written.name.clone().unwrap_or_else(|| format!("material_{i}"));
        let (material, warning) = match own_material(written, &name).transpose() {
            Some(own) => (own.map_err(|e| input(format!("materials[{i}].extras.{EXTRAS_KEY}"), e, ""))?, None),
            None => material_of(&name),
        };
        self.materials.push(material.name.clone());
        match self.scene.materials.iter().find(|m| m.name == material.name) {
            None => {
                self.scene.warnings.extend(warning);
                self.scene.materials.push(material);
            }
            Some(known) if *known == material => {}
            Some(_) => return Err(input(format!("materials[{i}]"), "two different materials have one name", name)),
        }
        Ok(())
    }

    /// Visits the nodes of the scene, parents first, and appends their meshes.
    fn walk(&mut self, transforms: &[Transform]) -> Result<()> {
        let root = self.root;
        let scene = root.scene.map(|s| s.value()).or((!root.scenes.is_empty()).then_some(0));
        let mut open: Vec<(usize, Matrix4<f64>)> = match scene {
            Some(scene) => {
                item(&root.scenes, "scenes", scene, "scene")?.nodes.iter().map(|n| (n.value(), z_up())).collect()
            }
            None => top_nodes(root).into_iter().map(|n| (n, z_up())).collect(),
        };
        open.reverse();
        let mut visited = vec![false; root.nodes.len()];
        while let Some((node, parent)) = open.pop() {
            let written = item(&root.nodes, "nodes", node, "a scene or a node's children")?;
            if std::mem::replace(&mut visited[node], true) {
                return Err(input(format!("nodes[{node}]"), "a node has one parent and is not its own ancestor", node));
            }
            let matrix = parent * transforms[node].to_matrix();
            if !matrix.iter().all(|x| x.is_finite()) {
                return Err(input(format!("nodes[{node}]"), "every number of a transform is finite", ""));
            }
            self.append_mesh(node, &matrix)?;
            let children = written.children.as_deref().unwrap_or_default();
            open.extend(children.iter().rev().map(|child| (child.value(), matrix)));
        }
        Ok(())
    }

    fn append_mesh(&mut self, node: usize, matrix: &Matrix4<f64>) -> Result<()> {
        let Some(mesh_index) = self.root.nodes[node].mesh.map(|m| m.value()) else { return Ok(()) };
        let written = item(&self.root.meshes, "meshes", mesh_index, &format!("nodes[{node}].mesh"))?;
        let name = self.root.nodes[node].name.as_ref().or(written.name.as_ref());
        let name = name.cloned().unwrap_or_else(|| format!("node_{node}"));
        for (p, primitive) in written.primitives.iter().enumerate() {
            let field = format!("meshes[{mesh_index}].primitives[{p}]");
            let material = match primitive.material {
                Some(material) => item(&self.materials, "materials", material.value(), &field)?.clone(),
                None => self.unassigned(),
            };
            let Some(mut mesh) = self.mesh_of(primitive, &field)? else {
                self.scene.warnings.push(format!("'{name}': {field} is points or lines and is left out"));
                continue;
            };
            for (i, vertex) in mesh.vertices.iter_mut().enumerate() {
                let moved = matrix * Vec3::from(*vertex).push(1.0);
                *vertex = check_vertex([moved.x, moved.y, moved.z], || format!("{field}, vertex {i}"))?;
            }
            self.triangles += mesh.triangles.len();
            if self.triangles >= u32::MAX as usize {
                return Err(input(field, "a scene has fewer than 2^32 triangles, instances counted", self.triangles));
            }
            let name = if written.primitives.len() > 1 { format!("{name}-{material}") } else { name.clone() };
            self.scene.objects.push(ObjectDescription { name, material, mesh });
        }
        Ok(())
    }

    fn unassigned(&mut self) -> String {
        if !self.scene.materials.iter().any(|m| m.name == UNASSIGNED) {
            self.scene.warnings.push(format!("primitives without a material have the material '{UNASSIGNED}'"));
            self.scene.materials.push(MaterialDescription { name: UNASSIGNED.into(), ..Default::default() });
        }
        UNASSIGNED.into()
    }

    /// The triangles of a primitive in its own coordinates; `None` for points and lines.
    fn mesh_of(&self, primitive: &json::mesh::Primitive, field: &str) -> Result<Option<Mesh>> {
        let positions =
            primitive.attributes.iter().find(|(k, _)| **k == Checked::Valid(json::mesh::Semantic::Positions));
        let Some((_, accessor)) = positions else { return Err(input(field, "has the attribute POSITION", "")) };
        let mut mesh = Mesh::default();
        let position = self.elements(accessor.value(), Type::Vec3, &[ComponentType::F32], field)?;
        for (i, bytes) in position.enumerate() {
            let vertex = [0, 4, 8].map(|at| f64::from(f32::from_le_bytes(word(bytes, at))));
            mesh.vertices.push(check_vertex(vertex, || format!("{field}, vertex {i}"))?);
        }
        let corners: Vec<i64> = match primitive.indices {
            Some(accessor) => {
                let kinds = [ComponentType::U8, ComponentType::U16, ComponentType::U32];
                let indices = self.elements(accessor.value(), Type::Scalar, &kinds, field)?;
                indices.map(unsigned).collect()
            }
            None => (0..mesh.vertices.len() as i64).collect(),
        };
        let triangle = |mesh: &mut Mesh, i: usize, t: [i64; 3]| {
            push_polygon(mesh, t.into_iter(), || format!("{field}, triangle {i}"))
        };
        match primitive.mode {
            Checked::Valid(Mode::Triangles) => {
                for (i, t) in corners.chunks(3).enumerate() {
                    push_polygon(&mut mesh, t.iter().copied(), || format!("{field}, triangle {i}"))?;
                }
            }
            Checked::Valid(Mode::TriangleStrip) => {
                for (i, t) in corners.windows(3).enumerate() {
                    // Every second triangle of a strip turns the other way round.
                    let t = if i % 2 == 0 { [t[0], t[1], t[2]] } else { [t[1], t[0], t[2]] };
                    triangle(&mut mesh, i, t)?;
                }
            }
            Checked::Valid(Mode::TriangleFan) => {
                for (i, t) in corners.windows(2).skip(1).enumerate() {
                    triangle(&mut mesh, i, [corners[0], t[0], t[1]])?;
                }
            }
            Checked::Valid(Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) | Checked::Invalid => {
                return Ok(None);
            }
        }
        check_not_empty(mesh.triangles.len(), field)?;
        Ok(Some(mesh))
    }

    /// The bytes of each element of an accessor, whose type must be as stated.
    fn elements(&self, index: usize, kind: Type, components: &[ComponentType], of: &str) -> Result<Elements<'_>> {
        let accessor = item(&self.root.accessors, "accessors", index, of)?;
        let field = format!("accessors[{index}] of {of}");
        let component = match (accessor.type_, accessor.component_type) {
            (Checked::Valid(t), Checked::Valid(c)) if t == kind && components.contains(&c.0) => c.0,
            (t, c) => return Err(input(field, format!("is {kind:?} of {components:?}"), format!("{t:?} of {c:?}"))),
        };
        if accessor.sparse.is_some() {
            return Err(input(field, "sparse accessors are not read", ""));
        }
        let Some(view) = accessor.buffer_view else { return Err(input(field, "has a bufferView", "")) };
        let view = item(&self.root.buffer_views, "bufferViews", view.value(), &field)?;
        let size = (component.size() * kind.multiplicity()) as u64;
        let stride = view.byte_stride.map_or(size, |s| s.0 as u64);
        let start = view.byte_offset.map_or(0, |o| o.0).saturating_add(accessor.byte_offset.map_or(0, |o| o.0));
        let view_end = view.byte_offset.map_or(0, |o| o.0).saturating_add(view.byte_length.0);
        let end = accessor.count.0.saturating_sub(1).saturating_mul(stride).saturating_add(start).saturating_add(size);
        let buffer = item(&self.buffers, "buffers", view.buffer.value(), &field)?;
        if accessor.count.0 == 0 || stride < size || end > view_end || view_end > buffer.len() as u64 {
            let bound = "count, offsets and stride stay within the buffer";
            return Err(input(field, bound, format!("{} elements", accessor.count.0)));
        }
        let bytes = &buffer[start as usize..end as usize];
        Ok(Elements { bytes, size: size as usize, stride: stride as usize })
    }
}

/// Elements of `size` bytes, `stride` apart; the last one ends with `bytes`.
struct Elements<'a> {
    bytes: &'a [u8],
    size: usize,
    stride: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let element = self.bytes.get(..self.size)?;
        self.bytes = self.bytes.get(self.stride..).unwrap_or_default();
        Some(element)
    }
}

/// Four bytes of an element that is long enough by its accessor's type.
fn word(bytes: &[u8], at: usize) -> [u8; 4] {
    bytes[at..at + 4].try_into().expect("a range of four bytes")
}

/// A little-endian number of one, two or four bytes.
fn unsigned(bytes: &[u8]) -> i64 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | i64::from(*byte))
}

/// From glTF's y up to z up: (x, y, z) -> (x, -z, y).
fn z_up() -> Matrix4<f64> {
    Matrix4::new(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
}

/// The nodes that are no other node's child: what a file without scenes shows.
fn top_nodes(root: &json::Root) -> Vec<usize> {
    let mut is_top = vec![true; root.nodes.len()];
    for child in root.nodes.iter().flat_map(|n| n.children.iter().flatten()) {
        if let Some(top) = is_top.get_mut(child.value()) {
            *top = false;
        }
    }
    (0..is_top.len()).filter(|n| is_top[*n]).collect()
}

/// The radio material in the extras, if raylobe wrote one.
fn own_material(written: &json::Material, name: &str) -> std::result::Result<Option<MaterialDescription>, String> {
    let Some(extras) = &written.extras else { return Ok(None) };
    let mut extras: serde_json::Value = serde_json::from_str(extras.get()).map_err(|e| e.to_string())?;
    let Some(own) = extras.get_mut(EXTRAS_KEY) else { return Ok(None) };
    // JSON has no infinity; the half space is written as a word.
    let thickness = own.get_mut("thickness_m").map(serde_json::Value::take);
    let mut material: MaterialDescription = serde_json::from_value(own.clone()).map_err(|e| e.to_string())?;
    material.thickness_m = match thickness {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(word)) if word == "inf" => Some(f64::INFINITY),
        Some(number) => Some(number.as_f64().ok_or("thickness_m is a number or \"inf\"")?),
    };
    material.name = name.into();
    Ok(Some(material))
}
