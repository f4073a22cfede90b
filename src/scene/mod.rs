//! The scene: as written ([`description`]) and as meant ([`Scene`]).
//!
//! Parse, don't validate: everything that can be wrong with a scene is found when a [`Scene`] or [`radio::Radios`] is
//! made; after that no hot code checks again. Coordinates inside are local: [m], relative to [`Scene::origin`].

pub mod antenna;
pub mod degrade;
mod described;
pub mod description;
pub mod estimate;
pub mod generate;
pub mod inspect;
pub mod itu;
pub mod material;
pub mod mesh;
pub mod pose;
pub mod radio;
pub mod scattering;
mod weld;

use crate::error::{Error, Fault, Result, did_you_mean};
use crate::math::Vec3;
use description::{MaterialDescription, SceneDescription};
use material::{Material, OutOfRange};

/// One named mesh of the scene, with one material.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Name as in the scene file, without a leading `mesh-`.
    pub name: String,
    /// Index into [`Scene::materials`].
    pub material: u32,
    /// First triangle in [`Scene::triangles`]; triangle `first + i` is the object's primitive `i`.
    pub first_triangle: u32,
    /// Number of triangles.
    pub triangle_count: u32,
}

/// A checked, immutable scene in SI units.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What to add to local coordinates to get those of the scene file [m].
    pub origin: Vec3,
    /// Vertices `[vertex]` [m], local.
    pub vertices: Vec<Vec3>,
    /// Vertex indices `[triangle, 3]`, all objects one after another.
    pub triangles: Vec<[u32; 3]>,
    /// Whether a triangle has no area and is left out of everything `[triangle]`.
    pub degenerate: Vec<bool>,
    /// Objects in the order of the scene file.
    pub objects: Vec<Object>,
    /// Materials in the order of their first use.
    pub materials: Vec<Material>,
    /// What was noticed and did not stop the scene from loading.
    pub warnings: Vec<String>,
}

/// Triangles of a height below this are degenerate: they have no direction [m].
pub const DEGENERATE_HEIGHT_M: f64 = 1e-7;
/// Results hold the names as texts of one width, the longest: one absurd name would fill the disk [characters].
const MAX_NAME: usize = 1000;
/// A 32-bit index, less the value that means "none", bounds the number of triangles and vertices.
const MAX_TRIANGLES: usize = u32::MAX as usize - 1;

impl Scene {
    /// Checks a description and makes the scene that it means.
    ///
    /// # Errors
    /// An object without a known material, an index out of bounds, a coordinate that is not finite, a material that is
    /// not defined (see [`Material::new`]).
    pub fn new(description: &SceneDescription, out_of_range: OutOfRange) -> Result<Scene> {
        let mut scene = Scene {
            origin: origin_of(description)?,
            vertices: Vec::new(),
            triangles: Vec::new(),
            degenerate: Vec::new(),
            objects: Vec::new(),
            materials: Vec::new(),
            warnings: description.warnings.clone(),
        };
        let total: usize = description.objects.iter().map(|o| o.mesh.triangles.len()).sum();
        let vertices: usize = description.objects.iter().map(|o| o.mesh.vertices.len()).sum();
        if total.max(vertices) > MAX_TRIANGLES {
            let bound = format!("at most {MAX_TRIANGLES} triangles and vertices");
            return Err(Error::input(Fault::new("scene", bound).value(total.max(vertices)).remedy("split the scene")));
        }
        let (materials, notes) = estimate::estimated(description)?;
        scene.warnings.extend(notes);
        for object in &description.objects {
            let material = scene.material_index(&object.name, &object.material, &materials, out_of_range)?;
            scene.append(object, material)?;
        }
        scene.note_degenerate();
        Ok(scene)
    }

    /// The corners of triangle `t` [m], local.
    #[inline]
    pub fn corners(&self, t: u32) -> [Vec3; 3] {
        let [a, b, c] = self.triangles[t as usize];
        [self.vertices[a as usize], self.vertices[b as usize], self.vertices[c as usize]]
    }

    /// The index of the object that owns triangle `t`.
    pub fn object_of(&self, t: u32) -> u32 {
        (self.objects.partition_point(|o| o.first_triangle <= t) - 1) as u32
    }

    /// The bounds of all vertices [m], local; `None` for a scene without triangles.
    pub fn bounds(&self) -> Option<(Vec3, Vec3)> {
        let first = *self.vertices.first()?;
        Some(self.vertices.iter().fold((first, first), |(low, high), v| (low.inf(v), high.sup(v))))
    }

    fn material_index(
        &mut self,
        object: &str,
        name: &str,
        materials: &[MaterialDescription],
        out_of_range: OutOfRange,
    ) -> Result<u32> {
        if let Some(known) = self.materials.iter().position(|m| m.name == name) {
            return Ok(known as u32);
        }
        let Some(written) = materials.iter().find(|m| m.name == name) else {
            let known = materials.iter().map(|m| m.name.as_str());
            let remedy = format!("define it in the scene or in [materials.{name}]; {}", did_you_mean(name, known));
            return Err(Error::input(
                Fault::new(format!("object '{object}'"), "its material is not defined").value(name).remedy(remedy),
            ));
        };
        self.materials.push(Material::new(written, out_of_range)?);
        Ok(self.materials.len() as u32 - 1)
    }

    fn append(&mut self, object: &description::ObjectDescription, material: u32) -> Result<()> {
        let length = object.name.chars().count();
        if length > MAX_NAME {
            let fault =
                Fault::new("name of an object", format!("has at most {MAX_NAME} characters")).value(&object.name);
            return Err(Error::input(fault.remedy("give the object a shorter name")));
        }
        let base = self.vertices.len() as u32;
        let first_triangle = self.triangles.len() as u32;
        let count = object.mesh.vertices.len() as u32;
        self.vertices.extend(object.mesh.vertices.iter().map(|v| Vec3::from(*v) - self.origin));
        for (i, triangle) in object.mesh.triangles.iter().enumerate() {
            if let Some(bad) = triangle.iter().find(|v| **v >= count) {
                let field = format!("object '{}', triangle {i}", object.name);
                let bound = format!("vertex indices are below {count}");
                return Err(Error::input(Fault::new(field, bound).value(bad).remedy("mend or re-export the mesh")));
            }
            let triangle = triangle.map(|v| v + base);
            self.degenerate.push(mesh::is_degenerate(&triangle.map(|v| self.vertices[v as usize])));
            self.triangles.push(triangle);
        }
        let triangle_count = object.mesh.triangles.len() as u32;
        self.objects.push(Object { name: object.name.clone(), material, first_triangle, triangle_count });
        Ok(())
    }

    fn note_degenerate(&mut self) {
        let count = self.degenerate.iter().filter(|d| **d).count();
        if count > 0 {
            self.warnings
                .push(format!("{count} triangles without area are left out (height below {DEGENERATE_HEIGHT_M} m)"));
        }
    }
}

/// The middle of the bounds, rounded to a metre, so that local coordinates are small whatever the map projection.
fn origin_of(description: &SceneDescription) -> Result<Vec3> {
    let (mut low, mut high) = (Vec3::repeat(f64::INFINITY), Vec3::repeat(f64::NEG_INFINITY));
    for object in &description.objects {
        for (i, vertex) in object.mesh.vertices.iter().enumerate() {
            let vertex = Vec3::from(*vertex);
            if !vertex.iter().all(|x| x.is_finite() && x.abs() <= MAX_COORDINATE_M) {
                let field = format!("object '{}', vertex {i}", object.name);
                let bound = format!("coordinates are finite and within {MAX_COORDINATE_M:e} m");
                let value = format!("{:?}", [vertex.x, vertex.y, vertex.z]);
                return Err(Error::input(Fault::new(field, bound).value(value).remedy("mend or re-export the mesh")));
            }
            (low, high) = (low.inf(&vertex), high.sup(&vertex));
        }
    }
    Ok(if low.x.is_finite() { ((low + high) / 2.0).map(f64::round) } else { Vec3::zeros() })
}

/// Coordinates beyond this have no metres left in an f64 worth tracing [m].
pub const MAX_COORDINATE_M: f64 = 1e9;
