//! Deterministic synthetic scenes: city, street canyon, room, boxes.
//!
//! The same options make the same scene, byte for byte, on every machine: random numbers are Philox keyed by the seed
//! and by what they are for (block, building, wall), and transcendental functions come from `libm`.
//!
//! What all scenes have in common: z points up; the ground (or floor) lies at z = 0; every building is one object whose
//! mesh is a closed manifold but for its bottom, which is left open on the ground, so that no two faces coincide;
//! triangles wind counter-clockwise seen from where the waves are: from outside of a building, from inside of a room.
//! The material of the ground is called `ground`; the others bear their ITU-R P.2040 names. A job may override each.

mod boxes;
mod canyon;
mod city;
mod random;
mod room;
mod solid;

pub use boxes::BoxesOptions;
pub use canyon::CanyonOptions;
pub use city::{CityOptions, Heights};
pub use room::RoomOptions;
pub use solid::Facade;

use super::description::{MaterialDescription, ObjectDescription, SceneDescription};
use super::mesh::Mesh;
use crate::error::{Error, Fault, Result};
use serde::{Deserialize, Serialize};

/// What to generate, as in a job (`generate = { kind = "city", seed = 1, … }`) or on the command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GenerateOptions {
    /// Streets, blocks and buildings, of about a given number of triangles.
    City(CityOptions),
    /// Two rows of buildings along a street.
    Canyon(CanyonOptions),
    /// A room with furniture, seen from inside.
    Room(RoomOptions),
    /// Boxes on a plane, for tests.
    Boxes(BoxesOptions),
}

impl GenerateOptions {
    /// The kinds, as they are written.
    pub const KINDS: [&'static str; 4] = ["city", "canyon", "room", "boxes"];
}

/// Makes the scene that the options ask for.
///
/// # Errors
/// An option that is out of its bounds, or options that contradict each other: field, value, bound and remedy.
pub fn generate(options: &GenerateOptions) -> Result<SceneDescription> {
    match options {
        GenerateOptions::City(options) => city::generate(options),
        GenerateOptions::Canyon(options) => canyon::generate(options),
        GenerateOptions::Room(options) => room::generate(options),
        GenerateOptions::Boxes(options) => boxes::generate(options),
    }
}

/// Lengths beyond this are surely a slip of the unit [m].
const MAX_LENGTH_M: f64 = 1e5;
/// The name of the ground's material.
const GROUND: &str = "ground";

fn fault(field: &str, bound: impl Into<String>, value: impl std::fmt::Display, remedy: &str) -> Error {
    Error::job(Fault::new(format!("generate.{field}"), bound).value(value).remedy(remedy))
}

/// A length [m] must lie within `low..=MAX_LENGTH_M`.
fn check_length(field: &str, value: f64, low: f64) -> Result<()> {
    if value >= low && value <= MAX_LENGTH_M {
        return Ok(());
    }
    Err(fault(field, format!("a length from {low} to {MAX_LENGTH_M} m"), value, "give metres within these bounds"))
}

/// A range [low, high] of lengths [m] must be ordered and lie within `low..=MAX_LENGTH_M`.
fn check_range(field: &str, [from, to]: [f64; 2], low: f64) -> Result<()> {
    check_length(&format!("{field}[0]"), from, low)?;
    check_length(&format!("{field}[1]"), to, low)?;
    if from <= to {
        return Ok(());
    }
    Err(fault(field, "the lower end comes first", format!("[{from}, {to}]"), "swap the two values"))
}

/// A number of things must lie within `low..=high`.
fn check_count(field: &str, value: u64, low: u64, high: u64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(fault(field, format!("a number from {low} to {high}"), value, "choose a number within these bounds"))
}

/// A list of material names must hold at least one, and none may be empty.
fn check_materials(field: &str, names: &[String]) -> Result<()> {
    if !names.is_empty() && names.iter().all(|name| !name.is_empty()) {
        return Ok(());
    }
    let bound = "at least one material name, none of them empty";
    Err(fault(field, bound, format!("{names:?}"), "name ITU materials such as \"concrete\" or \"glass\""))
}

/// The ground's material (a half space) and the others (slabs of default thickness), each once.
fn materials_of(ground: &str, names: &[String]) -> Vec<MaterialDescription> {
    let half_space =
        MaterialDescription { thickness_m: Some(f64::INFINITY), ..MaterialDescription::itu(GROUND, ground) };
    let mut materials = vec![half_space];
    for name in names {
        if materials.iter().all(|known| known.name != *name) {
            materials.push(MaterialDescription::itu(name, name));
        }
    }
    materials
}

fn building(number: usize, material: &str, mesh: Mesh) -> ObjectDescription {
    ObjectDescription { name: format!("building_{number:04}"), material: material.into(), mesh }
}

fn ground(mesh: Mesh) -> ObjectDescription {
    ObjectDescription { name: GROUND.into(), material: GROUND.into(), mesh }
}

/// The default materials of buildings; a name that stands twice is drawn twice as often.
fn default_building_materials() -> Vec<String> {
    ["concrete", "concrete", "concrete", "glass", "marble"].map(String::from).to_vec()
}
