//! A clean mesh made into one as it is reconstructed from laser scans or photographs: cut into facets whose normals are
//! noisy, with holes, faces that are missing and faces that stand twice.
//!
//! The stages: [`topology`] welds corners and edges, [`patch`] finds the flat pieces of each object, [`grid`] lays a grid
//! over each of them, [`seam`] cuts the edges at the lines of all grids beside them, [`cut`] cuts the faces along their
//! grid, [`hole`] and [`fate`] say what becomes of a facet, [`build`] makes the mesh. Objects are made in parallel.
//!
//! The same scene and options make the same bytes on every machine and on any number of threads: random numbers are
//! Philox keyed by the seed and by what they are for (a facet, the place of a vertex, a hole).

mod build;
mod cut;
mod fan;
mod fate;
mod grid;
mod hole;
mod patch;
mod plan;
mod seam;
mod topology;

use super::description::{ObjectDescription, SceneDescription};
use super::{MAX_COORDINATE_M, mesh};
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use build::{Builder, Survey};
use cut::Node;
use fate::Fates;
use hole::Holes;
use plan::Plan;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What makes a clean mesh worse, as on the command line (`raylobe scene degrade`). The default changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DegradeOptions {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Side of the facets into which every plane is cut [m]; 0 keeps the triangles as they are, each one facet.
    pub facet_m: f64,
    /// Standard deviation of the angle by which a facet's normal turns about each of its two axes [deg], 0 to 10. Facets
    /// tilt about their middles, each for itself, and have no vertex in common.
    pub normal_noise_deg: f64,
    /// Standard deviation of each coordinate of a vertex [m]; what meets at a place moves together.
    pub vertex_noise_m: f64,
    /// Share of the area that holes take [-], 0 to 0.9.
    pub hole_share: f64,
    /// Size of a hole [m], about.
    pub hole_m: f64,
    /// Share of the facets that are left out one by one [-], 0 to 0.9.
    pub missing_share: f64,
    /// Share of the facets that stand twice [-], 0 to 1.
    pub duplicate_share: f64,
}

impl Default for DegradeOptions {
    fn default() -> Self {
        DegradeOptions {
            seed: 1,
            facet_m: 0.0,
            normal_noise_deg: 0.0,
            vertex_noise_m: 0.0,
            hole_share: 0.0,
            hole_m: 1.0,
            missing_share: 0.0,
            duplicate_share: 0.0,
        }
    }
}

/// The presets and their normal noise [deg]; all else is the same. They are fixed once and for all, so that results
/// with them can be compared.
const PRESETS: [(&str, f64); 4] = [("lidar_0.5", 0.5), ("lidar_1", 1.0), ("lidar_2", 2.0), ("lidar_4", 4.0)];

impl DegradeOptions {
    /// The names of the presets: reconstructions from laser scans whose normals are off by so many degrees.
    pub const PRESETS: [&'static str; 4] = [PRESETS[0].0, PRESETS[1].0, PRESETS[2].0, PRESETS[3].0];

    /// The options of a preset.
    ///
    /// # Errors
    /// There is no such preset.
    pub fn preset(name: &str) -> Result<DegradeOptions> {
        let Some((_, noise)) = PRESETS.iter().find(|(known, _)| *known == name) else {
            let near = did_you_mean(name, DegradeOptions::PRESETS);
            let remedy = format!("{near} known here: {}", DegradeOptions::PRESETS.join(", "));
            return Err(Error::job(Fault::new("--preset", "is not a known preset").value(name).remedy(remedy.trim())));
        };
        Ok(DegradeOptions {
            facet_m: 0.1,
            normal_noise_deg: *noise,
            hole_share: 0.02,
            hole_m: 1.0,
            missing_share: 0.002,
            duplicate_share: 0.002,
            ..DegradeOptions::default()
        })
    }

    fn check(&self) -> Result<()> {
        if self.facet_m != 0.0 {
            let remedy = "give metres within these bounds, or 0 to keep the triangles as they are";
            check("facet_m", self.facet_m, MIN_FACET_M, MAX_LENGTH_M, "m", remedy)?;
        }
        let metres = "give metres within these bounds";
        let share = "give a share within these bounds: 0.02 is 2 %";
        let degrees = "give degrees within these bounds; laser scans have 0.5 to 4";
        check("normal_noise_deg", self.normal_noise_deg, 0.0, MAX_NOISE_DEG, "degrees", degrees)?;
        check("vertex_noise_m", self.vertex_noise_m, 0.0, MAX_VERTEX_NOISE_M, "m", metres)?;
        check("hole_share", self.hole_share, 0.0, MAX_SHARE, "of the area", share)?;
        check("hole_m", self.hole_m, MIN_FACET_M, MAX_LENGTH_M, "m", metres)?;
        check("missing_share", self.missing_share, 0.0, MAX_SHARE, "of the facets", share)?;
        check("duplicate_share", self.duplicate_share, 0.0, 1.0, "of the facets", share)
    }

    fn key(&self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }
}

/// Smaller facets are no mesh but dust [m].
const MIN_FACET_M: f64 = 1e-3;
/// Lengths beyond this are surely a slip of the unit [m].
const MAX_LENGTH_M: f64 = 1e5;
/// Larger vertex noise leaves nothing of a scene [m].
const MAX_VERTEX_NOISE_M: f64 = 10.0;
/// At six times this a facet would stand upright [deg].
const MAX_NOISE_DEG: f64 = 10.0;
/// Something must remain [-].
const MAX_SHARE: f64 = 0.9;
/// Most triangles of a result: some 12 GB with tilted facets, 60 bytes a triangle.
const MAX_TRIANGLES: usize = 200_000_000;

/// A degraded scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Degraded {
    /// The scene; objects and materials keep their names and order. An object that has lost every face is left out.
    pub scene: SceneDescription,
    /// What became of the faces.
    pub counts: Counts,
}

/// What became of faces: a face is a cell of the grid or what a wall has of it, or a triangle where nothing is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Faces, those included that are gone.
    pub faces: usize,
    /// Triangles of the input without area, which no facet covers.
    pub without_area: usize,
    /// Faces that holes took.
    pub in_holes: usize,
    /// Faces that were left out one by one.
    pub missing: usize,
    /// Faces that stand twice.
    pub duplicates: usize,
    /// Objects of which nothing is left.
    pub gone_objects: usize,
    /// Area of all faces before they tilt [m^2].
    pub area_m2: f64,
    /// Area of those that holes took [m^2].
    pub hole_area_m2: f64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.faces += other.faces;
        self.in_holes += other.in_holes;
        self.missing += other.missing;
        self.duplicates += other.duplicates;
        self.area_m2 += other.area_m2;
        self.hole_area_m2 += other.hole_area_m2;
    }
}

/// Makes a scene worse as the options say.
///
/// # Errors
/// An option that is out of its bounds; a mesh with an index or a coordinate out of bounds; a result of more than
/// 2 x 10^8 triangles, before it is made; a scene of which nothing is left.
pub fn degrade(scene: SceneDescription, options: &DegradeOptions) -> Result<Degraded> {
    options.check()?;
    check_meshes(&scene.objects)?;
    let plan = (options.facet_m > 0.0).then(|| Plan::new(&scene.objects, options.facet_m)).transpose()?;
    let fates = Fates::new(options);
    let (surveys, reach) = survey(&scene.objects, plan.as_ref(), options)?;
    let made: Vec<(ObjectDescription, Counts)> = scene
        .objects
        .into_par_iter()
        .zip(surveys)
        .enumerate()
        .map(|(i, (object, survey))| {
            let mut builder = Builder::new(&survey, &fates, reach);
            walk(plan.as_ref(), i, &object, &mut builder);
            let (mesh, counts) = builder.finish();
            (ObjectDescription { mesh, ..object }, counts)
        })
        .collect();
    let mut counts = Counts { without_area: plan.as_ref().map_or(0, Plan::without_area), ..Counts::default() };
    made.iter().for_each(|(_, own)| counts.add(own));
    let all = made.len();
    let left = made.into_iter().map(|(object, _)| object).filter(|object| !object.mesh.triangles.is_empty());
    let objects: Vec<ObjectDescription> = left.collect();
    counts.gone_objects = all - objects.len();
    if objects.is_empty() {
        let fault = Fault::new("degrade", "leaves something of the scene").value(format!("{} faces", counts.faces));
        return Err(Error::job(
            fault.remedy("lower hole_share and missing_share, or facet_m, so that there are more faces"),
        ));
    }
    Ok(Degraded { scene: SceneDescription { objects, ..scene }, counts })
}

/// Measures every object; and up to which distance from its middle a hole reaches [m].
fn survey(objects: &[ObjectDescription], plan: Option<&Plan>, options: &DegradeOptions) -> Result<(Vec<Survey>, f32)> {
    let holes = (options.hole_share > 0.0).then(|| Holes::new(options.key(), options.hole_share, options.hole_m));
    let mut surveys: Vec<Survey> = objects
        .par_iter()
        .enumerate()
        .map(|(i, object)| {
            let mut survey = Survey { holes: holes.clone(), ..Survey::default() };
            walk(plan, i, object, &mut survey);
            survey
        })
        .collect();
    let triangles: usize = surveys.iter().map(|survey| survey.triangles).sum();
    let estimate = triangles as f64 * (1.0 + options.duplicate_share);
    if estimate > MAX_TRIANGLES as f64 {
        return Err(too_many(estimate, options.facet_m));
    }
    let area: f64 = surveys.iter().map(|survey| survey.area).sum();
    let distances = surveys.iter_mut().flat_map(|survey| std::mem::take(&mut survey.distances)).collect();
    Ok((surveys, hole::reach(distances, options.hole_share * area)))
}

/// A facet: what tilts, is lost or stands twice as one.
struct Facet {
    /// By what its random numbers are keyed.
    key: [u32; 3],
    /// The point about which it tilts [m].
    centre: Vec3,
    /// Two axes along it, and its normal.
    axes: [Vec3; 3],
}

/// Who takes the pieces of an object.
trait Receiver {
    /// A point that faces share; returns its number.
    fn vertex(&mut self, position: &Vec3) -> u32;
    /// A convex piece of a facet with these corners, in order.
    fn face(&mut self, facet: &Facet, corners: &[Node]);
}

/// Gives all pieces of an object to the receiver: those of the plan, or its triangles where there is none.
fn walk(plan: Option<&Plan>, number: usize, object: &ObjectDescription, receiver: &mut impl Receiver) {
    if let Some(plan) = plan {
        return plan.walk(number, receiver);
    }
    let vertices = &object.mesh.vertices;
    let numbers: Vec<u32> = vertices.iter().map(|vertex| receiver.vertex(&Vec3::from(*vertex))).collect();
    for (i, triangle) in object.mesh.triangles.iter().enumerate() {
        let corners = triangle.map(|v| Vec3::from(vertices[v as usize]));
        let cross = (corners[1] - corners[0]).cross(&(corners[2] - corners[0]));
        // A triangle without area has no normal to turn.
        let flat = mesh::is_degenerate(&corners);
        let normal = if flat { Vec3::zeros() } else { cross.normalize() };
        let (u, v) = tangents_of(&normal);
        let facet = Facet {
            key: [i as u32, 0, number as u32],
            centre: corners.iter().sum::<Vec3>() / 3.0,
            axes: [u, v, normal],
        };
        let node = |k: usize| Node { position: corners[k], place: [0; 2], vertex: numbers[triangle[k] as usize] };
        receiver.face(&facet, &[node(0), node(1), node(2)]);
    }
}

fn fault(field: &str, bound: impl Into<String>, value: impl std::fmt::Display, remedy: impl Into<String>) -> Error {
    Error::job(Fault::new(format!("degrade.{field}"), bound).value(value).remedy(remedy))
}

/// A number must lie within `low..=high`.
fn check(field: &str, value: f64, low: f64, high: f64, unit: &str, remedy: &str) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(fault(field, format!("a number from {low} to {high} {unit}"), value, remedy))
}

fn too_many(triangles: f64, facet: f64) -> Error {
    let bound = format!("a result of at most {MAX_TRIANGLES} triangles; this would have about {triangles:.2e}");
    let remedy = if facet > 0.0 {
        let larger = facet * (triangles / MAX_TRIANGLES as f64).sqrt();
        format!("raise facet_m above {:.2}, or degrade a part of the scene", larger * 1.05 + 0.005)
    } else {
        "degrade the parts of the scene one by one".into()
    };
    fault("facet_m", bound, facet, remedy)
}

/// Every index names a vertex, and every coordinate is a place.
fn check_meshes(objects: &[ObjectDescription]) -> Result<()> {
    let triangles: usize = objects.iter().map(|object| object.mesh.triangles.len()).sum();
    let vertices: usize = objects.iter().map(|object| object.mesh.vertices.len()).sum();
    if triangles.max(vertices / 3) > MAX_TRIANGLES {
        return Err(too_many(triangles.max(vertices / 3) as f64, 0.0));
    }
    let mend = "mend or re-export the mesh";
    for object in objects {
        let place = |x: &f64| x.abs() <= MAX_COORDINATE_M;
        if let Some(i) = object.mesh.vertices.iter().position(|vertex| !vertex.iter().all(place)) {
            let bound = format!("coordinates are finite and within {MAX_COORDINATE_M:e} m");
            let field = format!("object '{}', vertex {i}", object.name);
            let fault = Fault::new(field, bound).value(format!("{:?}", object.mesh.vertices[i]));
            return Err(Error::input(fault.remedy(mend)));
        }
        let count = object.mesh.vertices.len();
        let bad = |triangle: &[u32; 3]| triangle.iter().any(|v| *v as usize >= count);
        if let Some(i) = object.mesh.triangles.iter().position(bad) {
            let field = format!("object '{}', triangle {i}", object.name);
            let fault = Fault::new(field, format!("vertex indices are below {count}"));
            return Err(Error::input(fault.value(format!("{:?}", object.mesh.triangles[i])).remedy(mend)));
        }
    }
    Ok(())
}
