//! What a scene description holds and what is wrong with it: counts, areas, holes, duplicates, winding.
//!
//! Vertices are welded by exact position, so a wall and a roof that meet count as joined even if they are two objects.
//! Everything is sorted, nothing hashed: 10^7 triangles take seconds, and the order of objects is that of the file.

pub mod noise;
mod show;

use super::description::{ObjectDescription, SceneDescription};
use super::mesh;
use super::weld::Welded;
use crate::math::Vec3;
use noise::NormalNoise;
use rayon::prelude::*;
use serde::Serialize;

/// Counts and faults of a scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// All objects together: an edge that two objects share is not open.
    pub total: Faults,
    /// Smallest and largest coordinates [m]; `None` without vertices.
    pub bounds_m: Option<[[f64; 3]; 2]>,
    /// Flat pieces of one material, of which paths are made; geometry counts them, so `None` until it has.
    pub facets: Option<usize>,
    /// Standard deviation of the normals of facets about those around them, about each of two axes [rad]; `None` where
    /// too little of the area has facets around to compare with ([`noise`]).
    pub normal_noise_rad: Option<f64>,
    /// Objects that share no vertex position with another object.
    pub isolated_objects: usize,
    /// Each material that is defined or used.
    pub materials: Vec<MaterialReport>,
    /// Each object by itself, in the order of the scene.
    pub objects: Vec<ObjectReport>,
    /// What the reader noticed.
    pub warnings: Vec<String>,
}

/// One object of a [`Report`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectReport {
    /// Name in the scene.
    pub name: String,
    /// Name of its material.
    pub material: String,
    /// Whether it shares no vertex position with another object.
    pub isolated: bool,
    /// As that of the [`Report`].
    pub normal_noise_rad: Option<f64>,
    /// Counts and faults.
    #[serde(flatten)]
    pub faults: Faults,
}

/// One material of a [`Report`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaterialReport {
    /// Name in the scene.
    pub name: String,
    /// What it is: its ITU name, its permittivity, or that it is not defined.
    pub meaning: String,
    /// Number of objects made of it.
    pub objects: usize,
    /// Number of their triangles.
    pub triangles: usize,
    /// Area of their triangles [m^2].
    pub area_m2: f64,
    /// As that of the [`Report`].
    pub normal_noise_rad: Option<f64>,
}

/// Counts of a set of triangles, and what is wrong with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Faults {
    /// Triangles as written.
    pub triangles: usize,
    /// Vertices as written.
    pub vertices: usize,
    /// Area of all triangles [m^2].
    pub area_m2: f64,
    /// Triangles with an index that names no vertex; nothing below counts them.
    pub bad_indices: usize,
    /// Triangles without area (height below [`super::DEGENERATE_HEIGHT_M`]).
    pub degenerate_faces: usize,
    /// Triangles at the place of an earlier one, either way round.
    pub duplicate_faces: usize,
    /// Vertices at the position of an earlier one.
    pub duplicate_vertices: usize,
    /// Vertices of no triangle.
    pub unused_vertices: usize,
    /// Edges of the triangles, each place once.
    pub edges: usize,
    /// Edges of one triangle only: the rims of holes and of open surfaces.
    pub open_edges: usize,
    /// Edges of three or more triangles.
    pub non_manifold_edges: usize,
    /// Edges whose two triangles face opposite sides.
    pub inconsistent_edges: usize,
}

impl Faults {
    /// Whether anything is wrong; an open surface (a ground, a screen) is not.
    pub fn any(&self) -> bool {
        self.bad_indices + self.degenerate_faces + self.duplicate_faces > 0
            || self.duplicate_vertices + self.unused_vertices > 0
            || self.non_manifold_edges + self.inconsistent_edges > 0
    }
}

impl Report {
    /// Inspects a description; any description is accepted, even one that [`super::Scene::new`] refuses.
    pub fn new(description: &SceneDescription) -> Report {
        let welded = Welded::new(&description.objects);
        let noise = noise::of_welded(&description.objects, &welded);
        let mut objects: Vec<ObjectReport> = description
            .objects
            .par_iter()
            .enumerate()
            .map(|(i, object)| {
                let faults = faults_of(&object.mesh, welded.ids_of(i));
                let (name, material) = (object.name.clone(), object.material.clone());
                ObjectReport { name, material, isolated: false, normal_noise_rad: noise.objects[i], faults }
            })
            .collect();
        for (object, isolated) in objects.iter_mut().zip(welded.isolated()) {
            object.isolated = isolated;
        }
        Report {
            total: total_of(description, &objects, &welded),
            bounds_m: bounds_of(&description.objects),
            facets: None,
            normal_noise_rad: noise.total,
            isolated_objects: objects.iter().filter(|o| o.isolated).count(),
            materials: materials_of(description, &objects, &noise),
            objects,
            warnings: description.warnings.clone(),
        }
    }
}

fn faults_of(mesh: &mesh::Mesh, ids: &[u32]) -> Faults {
    let mut faults = Faults { triangles: mesh.triangles.len(), vertices: mesh.vertices.len(), ..Faults::default() };
    let mut used = vec![false; mesh.vertices.len()];
    let mut triangles = Vec::with_capacity(mesh.triangles.len());
    for triangle in &mesh.triangles {
        if triangle.iter().any(|v| *v as usize >= ids.len()) {
            faults.bad_indices += 1;
            continue;
        }
        triangle.iter().for_each(|v| used[*v as usize] = true);
        let corners = triangle.map(|v| Vec3::from(mesh.vertices[v as usize]));
        let area = (corners[1] - corners[0]).cross(&(corners[2] - corners[0])).norm() / 2.0;
        faults.area_m2 += if area.is_finite() { area } else { 0.0 };
        faults.degenerate_faces += usize::from(mesh::is_degenerate(&corners));
        triangles.push(triangle.map(|v| ids[v as usize]));
    }
    faults.unused_vertices = used.iter().filter(|u| !**u).count();
    faults.duplicate_vertices = duplicates(ids.to_vec());
    count_topology(triangles, &mut faults);
    faults
}

/// How many of `items` equal an earlier one.
fn duplicates<T: Ord + Send>(mut items: Vec<T>) -> usize {
    let count = items.len();
    items.par_sort_unstable();
    items.dedup();
    count - items.len()
}

/// Counts duplicate faces and the faults of edges; `triangles` holds welded vertices.
fn count_topology(triangles: Vec<[u32; 3]>, faults: &mut Faults) {
    let count = triangles.len();
    let mut faces: Vec<([u32; 3], bool)> = triangles.into_par_iter().map(sorted_face).collect();
    faces.par_sort_unstable();
    // Edges are counted for one triangle of each set of duplicates, or every duplicate would be a fault four times.
    faces.dedup_by_key(|face| face.0);
    faults.duplicate_faces = count - faces.len();
    let mut edges: Vec<(u32, u32, bool)> = Vec::with_capacity(faces.len() * 3);
    for ([a, b, c], turned) in faces {
        // A triangle with two corners at one place has no inside and closes nothing.
        if a < b && b < c {
            edges.extend([(a, b, !turned), (b, c, !turned), (a, c, turned)]);
        }
    }
    edges.par_sort_unstable();
    for run in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        faults.edges += 1;
        match run {
            [_] => faults.open_edges += 1,
            [first, second] => faults.inconsistent_edges += usize::from(first.2 == second.2),
            _ => faults.non_manifold_edges += 1,
        }
    }
}

/// The corners in ascending order, and whether that turned the triangle over.
fn sorted_face([a, b, c]: [u32; 3]) -> ([u32; 3], bool) {
    let mut sorted = [a, b, c];
    sorted.sort_unstable();
    (sorted, sorted != [a, b, c] && sorted != [b, c, a] && sorted != [c, a, b])
}

fn total_of(description: &SceneDescription, objects: &[ObjectReport], welded: &Welded) -> Faults {
    let mut total = Faults::default();
    let mut triangles = Vec::with_capacity(objects.iter().map(|o| o.faults.triangles).sum());
    for (i, object) in objects.iter().enumerate() {
        total.triangles += object.faults.triangles;
        total.vertices += object.faults.vertices;
        total.area_m2 += object.faults.area_m2;
        total.bad_indices += object.faults.bad_indices;
        total.degenerate_faces += object.faults.degenerate_faces;
        total.unused_vertices += object.faults.unused_vertices;
        let ids = welded.ids_of(i);
        let whole =
            description.objects[i].mesh.triangles.iter().filter(|t| t.iter().all(|v| (*v as usize) < ids.len()));
        triangles.extend(whole.map(|t| t.map(|v| ids[v as usize])));
    }
    total.duplicate_vertices = duplicates(welded.ids.clone());
    count_topology(triangles, &mut total);
    total
}

fn bounds_of(objects: &[ObjectDescription]) -> Option<[[f64; 3]; 2]> {
    let mut vertices = objects.iter().flat_map(|o| &o.mesh.vertices);
    let first = *vertices.next()?;
    let grow = |[low, high]: [[f64; 3]; 2], v: &[f64; 3]| {
        [std::array::from_fn(|i| low[i].min(v[i])), std::array::from_fn(|i| high[i].max(v[i]))]
    };
    Some(vertices.fold([first, first], grow))
}

fn materials_of(description: &SceneDescription, objects: &[ObjectReport], noise: &NormalNoise) -> Vec<MaterialReport> {
    let report = |name: &str, meaning: String| MaterialReport {
        name: name.into(),
        meaning,
        objects: 0,
        triangles: 0,
        area_m2: 0.0,
        normal_noise_rad: noise.of_material(name),
    };
    let mut materials: Vec<MaterialReport> = description
        .materials
        .iter()
        .map(|m| match (&m.itu, m.relative_permittivity, m.conductivity_s_per_m) {
            (Some(itu), _, _) => report(&m.name, format!("ITU {itu}")),
            (None, None, None) => report(&m.name, "not defined".into()),
            (None, eps, sigma) => {
                let (eps, sigma) = (eps.unwrap_or(1.0), sigma.unwrap_or(0.0));
                report(&m.name, format!("eps_r {eps}, sigma {sigma} S/m"))
            }
        })
        .collect();
    let mut by_name: Vec<(String, usize)> = materials.iter().enumerate().map(|(i, m)| (m.name.clone(), i)).collect();
    by_name.sort();
    for object in objects {
        let place = by_name.binary_search_by(|(name, _)| name.as_str().cmp(&object.material));
        let index = place.map(|p| by_name[p].1).unwrap_or_else(|p| {
            by_name.insert(p, (object.material.clone(), materials.len()));
            materials.push(report(&object.material, "not defined".into()));
            materials.len() - 1
        });
        let material = &mut materials[index];
        material.objects += 1;
        material.triangles += object.faults.triangles;
        material.area_m2 += object.faults.area_m2;
    }
    materials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::description::MaterialDescription;

    /// A tetrahedron, closed and facing outwards.
    fn tetrahedron(at: f64) -> mesh::Mesh {
        let vertices = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let vertices = vertices.map(|[x, y, z]| [x + at, y, z]).to_vec();
        mesh::Mesh { vertices, triangles: vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]] }
    }

    fn scene(meshes: Vec<mesh::Mesh>) -> SceneDescription {
        let object = |(i, mesh)| ObjectDescription { name: format!("o{i}"), material: "itu_brick".into(), mesh };
        SceneDescription {
            materials: vec![MaterialDescription::itu("itu_brick", "brick")],
            objects: meshes.into_iter().enumerate().map(object).collect(),
            warnings: vec!["noticed".into()],
        }
    }

    #[test]
    fn a_closed_mesh_has_no_faults() {
        let report = Report::new(&scene(vec![tetrahedron(0.0)]));
        let area = 1.5 + 3f64.sqrt() / 2.0;
        assert!((report.total.area_m2 - area).abs() < 1e-12);
        let expected =
            Faults { triangles: 4, vertices: 4, edges: 6, area_m2: report.total.area_m2, ..Faults::default() };
        assert_eq!((report.total, report.objects[0].faults), (expected, expected));
        assert!(!report.total.any() && report.bounds_m == Some([[0.0; 3], [1.0; 3]]));
    }

    #[test]
    fn each_fault_is_counted_once() {
        let mut mesh = tetrahedron(0.0);
        mesh.triangles.pop();
        assert_eq!(Report::new(&scene(vec![mesh.clone()])).total.open_edges, 3);
        mesh.triangles.push([0, 2, 3]);
        assert_eq!(Report::new(&scene(vec![mesh.clone()])).total.inconsistent_edges, 3);
        mesh.triangles.push([3, 2, 0]);
        let total = Report::new(&scene(vec![mesh.clone()])).total;
        assert_eq!((total.duplicate_faces, total.open_edges, total.non_manifold_edges), (1, 0, 0));
        mesh.vertices.extend([[0.5, 0.5, 5.0], [0.0, 0.0, -0.0], [7.0, 7.0, 7.0]]);
        mesh.triangles.extend([[1, 2, 4], [0, 5, 1], [0, 1, 9]]);
        let total = Report::new(&scene(vec![mesh])).total;
        assert_eq!((total.non_manifold_edges, total.open_edges, total.bad_indices), (1, 2, 1));
        assert_eq!((total.duplicate_vertices, total.unused_vertices, total.degenerate_faces), (1, 1, 1));
    }

    #[test]
    fn objects_that_meet_close_each_other_and_are_not_isolated() {
        let whole = tetrahedron(0.0);
        let half = |range: std::ops::Range<usize>| mesh::Mesh {
            vertices: whole.vertices.clone(),
            triangles: whole.triangles[range].to_vec(),
        };
        let report = Report::new(&scene(vec![half(0..2), half(2..4), tetrahedron(9.0)]));
        assert_eq!((report.total.open_edges, report.objects[0].faults.open_edges), (0, 4));
        assert_eq!(report.objects.iter().map(|o| o.isolated).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!((report.isolated_objects, report.materials[0].triangles), (1, 8));
    }

    #[test]
    fn the_table_names_what_it_counts() {
        let mut description = scene(vec![tetrahedron(0.0)]);
        description.objects[0].mesh.triangles.push([0, 1, 2]);
        description.objects[0].material = "gone".into();
        let text = Report::new(&description).to_string();
        for part in [
            "duplicate faces",
            "ITU brick",
            "not defined",
            "o0",
            "warning: noticed",
            "x from 0.000 to 1.000 m: 1.000 m",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert!(serde_json::to_string(&Report::new(&SceneDescription::default())).is_ok());
    }
}
