//! Mitsuba 3 scenes, as Sionna RT ships and Blender's Mitsuba add-on exports them.
//!
//! Radio materials and the shapes ply, obj, rectangle and cube are read; what only a renderer needs (integrators,
//! sensors, emitters) is left out and counted in a warning; any other shape is an error, since leaving out a wall
//! changes results. Meshes are read in parallel and kept in the order of the file.

mod material;
mod parameter;
mod shape;
mod transform;
mod write;

pub use write::write;

use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::material_name::UNASSIGNED;
use crate::io::mesh::read_bytes;
use crate::scene::description::{MaterialDescription, SceneDescription};
use parameter::{Parameters, fault, place};
use rayon::prelude::*;
use roxmltree::{Document, Node};
use shape::Shape;
use std::collections::BTreeMap;
use std::path::Path;

/// Elements that only a renderer needs.
const IGNORED: [&str; 12] = [
    "integrator",
    "sensor",
    "emitter",
    "film",
    "sampler",
    "rfilter",
    "medium",
    "phase",
    "volume",
    "texture",
    "spectrum",
    "background",
];
/// Elements that describe their parent and are read with it, or say nothing about the geometry.
const PROPERTIES: [&str; 9] = ["string", "float", "integer", "boolean", "rgb", "vector", "point", "ref", "transform"];

/// Reads a Mitsuba scene and the meshes that it names, relative to its folder.
///
/// # Errors
/// [`Error::Input`] with the file, line and element that is wrong, or what is wrong with a mesh.
pub fn read(path: &Path) -> Result<SceneDescription> {
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&read_bytes(path)?, folder).map_err(|e| e.in_file(path))
}

/// The scene in the bytes of a Mitsuba file, with the meshes that it names relative to `folder`.
///
/// # Errors
/// As [`read`], without the file where the scene itself is wrong.
pub fn parse(bytes: &[u8], folder: &Path) -> Result<SceneDescription> {
    let (mut description, shapes) = parse_elements(bytes, folder)?;
    // Collected before the first error is taken, so that the error does not depend on which thread was first.
    let objects: Vec<_> = shapes.par_iter().map(Shape::load).collect();
    description.objects = objects.into_iter().collect::<Result<_>>()?;
    Ok(description)
}

fn parse_elements(bytes: &[u8], folder: &Path) -> Result<(SceneDescription, Vec<Shape>)> {
    let malformed = |bound: String, remedy: &str| Error::input(Fault::new("XML", bound).remedy(remedy));
    let text = std::str::from_utf8(bytes)
        .map_err(|e| malformed(format!("is not UTF-8: {e}"), "save the file in UTF-8"))?
        .trim_start_matches('\u{feff}');
    let document = Document::parse(text).map_err(|e| match e {
        roxmltree::Error::DtdDetected => malformed(
            "document types and entities (<!DOCTYPE, <!ENTITY) are not read".into(),
            "write the scene without them",
        ),
        other => malformed(format!("is not well formed: {other}"), "mend it there"),
    })?;
    let root = document.root_element();
    if root.tag_name().name() != "scene" {
        return Err(fault(root, "the root element is <scene>", root.tag_name().name(), "give a Mitsuba scene"));
    }
    let mut builder = Builder::new(folder, root)?;
    for node in root.children().filter(Node::is_element) {
        builder.add(node)?;
    }
    builder.finish()
}

/// What has been read so far.
struct Builder<'a, 'input> {
    folder: &'a Path,
    parameters: Parameters,
    ids: BTreeMap<&'a str, Node<'a, 'input>>,
    materials: Vec<MaterialDescription>,
    /// Name of the material of each bsdf that has been read, by its place in the text.
    named: BTreeMap<usize, String>,
    /// Shapes without a bsdf.
    bare_shapes: usize,
    shapes: Vec<Shape>,
    ignored: BTreeMap<String, usize>,
    warnings: Vec<String>,
}

impl<'a, 'input> Builder<'a, 'input> {
    fn new(folder: &'a Path, root: Node<'a, 'input>) -> Result<Self> {
        let mut ids = BTreeMap::new();
        for node in root.descendants().filter(|n| n.is_element() && n.tag_name().name() != "ref") {
            if let Some(id) = node.attribute("id")
                && let Some(first) = ids.insert(id, node)
            {
                let bound = format!("every id is used once, and {} has it too", place(first));
                return Err(fault(node, bound, id, "rename one of them"));
            }
        }
        let (materials, shapes, warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (parameters, ignored) = (Parameters::default(), BTreeMap::new());
        Ok(Builder {
            folder,
            parameters,
            ids,
            materials,
            named: BTreeMap::new(),
            bare_shapes: 0,
            shapes,
            ignored,
            warnings,
        })
    }

    fn add(&mut self, node: Node<'a, 'input>) -> Result<()> {
        match node.tag_name().name() {
            "default" => self.parameters.define(node),
            "bsdf" => {
                let id = node.attribute("id").ok_or_else(|| {
                    fault(node, "a bsdf outside of a shape has an id", "", "give it one, and refer to it from shapes")
                })?;
                self.material(node, id).map(|_| ())
            }
            "shape" => self.shape(node),
            "include" => {
                let value = node.attribute("filename").unwrap_or_default();
                Err(fault(node, "<include> is not read", value, "paste the included file into the scene"))
            }
            tag if IGNORED.contains(&tag) => {
                *self.ignored.entry(tag.to_string()).or_default() += 1;
                Ok(())
            }
            tag if PROPERTIES.contains(&tag) => Ok(()),
            tag => {
                let known = ["default", "bsdf", "shape"].into_iter().chain(IGNORED);
                let remedy = format!("remove it, or write it as a shape; {}", did_you_mean(tag, known));
                Err(fault(node, "is no element of a Mitsuba scene that can be read", tag, remedy))
            }
        }
    }

    /// The name of the material of `bsdf`, which is read when it is first named.
    fn material(&mut self, bsdf: Node<'a, 'input>, id: &str) -> Result<String> {
        let start = bsdf.range().start;
        if let Some(name) = self.named.get(&start) {
            return Ok(name.clone());
        }
        self.check_references(bsdf)?;
        let material = material::read(bsdf, id, &self.parameters, &mut self.warnings)?;
        let name = material.name.clone();
        self.named.insert(start, name.clone());
        match self.materials.iter().find(|m| m.name == name) {
            None => self.materials.push(material),
            Some(known) if *known == material => {}
            Some(_) => return Err(fault(bsdf, "two different materials have one name", name, "rename one of them")),
        }
        Ok(name)
    }

    /// Follows the references of a bsdf to others (as `twosided` has) as far as the first that is missing or repeats.
    fn check_references(&self, bsdf: Node<'a, 'input>) -> Result<()> {
        let mut seen = vec![bsdf.range()];
        let mut open = vec![bsdf];
        while let Some(node) = open.pop() {
            for reference in node.descendants().filter(|n| n.has_tag_name("ref")) {
                let target = self.target(reference)?;
                if target == node || target.descendants().any(|n| n == bsdf) {
                    let value = reference.attribute("id").unwrap_or_default();
                    return Err(fault(
                        reference,
                        "references do not lead back to their bsdf",
                        value,
                        "break the circle",
                    ));
                }
                if target.has_tag_name("bsdf") && !seen.contains(&target.range()) {
                    seen.push(target.range());
                    open.push(target);
                }
            }
        }
        Ok(())
    }

    /// The element that a `<ref>` names.
    fn target(&self, reference: Node<'a, 'input>) -> Result<Node<'a, 'input>> {
        let id = self.parameters.required(reference, "id")?;
        self.ids.get(id.as_str()).copied().ok_or_else(|| {
            let near = did_you_mean(&id, self.ids.keys().copied());
            fault(reference, "the reference names an id of this scene", &id, format!("define it; {near}"))
        })
    }

    fn shape(&mut self, node: Node<'a, 'input>) -> Result<()> {
        let mut bsdf = None;
        let mut is_emitter = false;
        for child in node.children().filter(Node::is_element) {
            let found = match child.tag_name().name() {
                "ref" => self.target(child)?,
                _ => child,
            };
            if found.has_tag_name("bsdf") {
                bsdf = Some(found);
            }
            is_emitter |= found.has_tag_name("emitter");
        }
        if is_emitter {
            *self.ignored.entry("shape that is an emitter".into()).or_default() += 1;
            return Ok(());
        }
        let number = self.shapes.len();
        let name = node.attribute("id").map(|id| id.strip_prefix("mesh-").filter(|n| !n.is_empty()).unwrap_or(id));
        let name = name.map_or_else(|| format!("shape_{number}"), str::to_string);
        let material = match bsdf {
            Some(bsdf) => {
                let own = format!("{name}-material");
                let id = bsdf.descendants().find_map(|n| n.attribute("id").filter(|_| n.has_tag_name("bsdf")));
                self.material(bsdf, id.unwrap_or(&own))?
            }
            None => self.unassigned(),
        };
        self.shapes.push(Shape::read(node, name, material, self.folder, &self.parameters)?);
        Ok(())
    }

    fn unassigned(&mut self) -> String {
        self.bare_shapes += 1;
        if !self.materials.iter().any(|m| m.name == UNASSIGNED) {
            self.materials.push(MaterialDescription { name: UNASSIGNED.into(), ..MaterialDescription::default() });
        }
        UNASSIGNED.into()
    }

    fn finish(mut self) -> Result<(SceneDescription, Vec<Shape>)> {
        if self.shapes.is_empty() {
            let remedy = "export the scene with its meshes";
            return Err(Error::input(Fault::new("scene", "has at least one shape").value(0).remedy(remedy)));
        }
        if !self.ignored.is_empty() {
            let counts: Vec<_> = self.ignored.iter().map(|(tag, count)| format!("{count} {tag}")).collect();
            self.warnings.push(format!("left out, since only renderers need them: {}", counts.join(", ")));
        }
        if self.bare_shapes > 0 {
            self.warnings.push(format!("{} shapes have no bsdf; their material is '{UNASSIGNED}'", self.bare_shapes));
        }
        let description = SceneDescription { materials: self.materials, objects: Vec::new(), warnings: self.warnings };
        Ok((description, self.shapes))
    }
}
