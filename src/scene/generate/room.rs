//! A room, seen from inside, with furniture.

use super::boxes::{Placement, place};
use super::random::Random;
use super::solid::{self, Rect};
use super::{MaterialDescription, Mesh, ObjectDescription, SceneDescription};
use super::{check_count, check_length, check_materials};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Options of a room over [0, L] x [0, W] x [0, H].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomOptions {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Length L, width W, height H [m].
    pub size_m: [f64; 3],
    /// Each wall, the floor and the ceiling are cut into `panels` x `panels` panels of two triangles.
    pub panels: u32,
    /// Number of boxes that stand on the floor.
    pub furniture: u32,
    /// ITU-R P.2040-4 material of the walls.
    pub walls: String,
    /// ITU-R P.2040-4 material of the floor.
    pub floor: String,
    /// ITU-R P.2040-4 material of the ceiling.
    pub ceiling: String,
    /// ITU-R P.2040-4 material of the furniture.
    pub furniture_material: String,
}

impl Default for RoomOptions {
    fn default() -> Self {
        RoomOptions {
            seed: 1,
            size_m: [8.0, 5.0, 3.0],
            panels: 1,
            furniture: 0,
            walls: "plasterboard".into(),
            floor: "concrete".into(),
            ceiling: "ceiling_board".into(),
            furniture_material: "wood".into(),
        }
    }
}

/// 6 walls x 2 x 1000^2 triangles are 1.2 x 10^7.
const MAX_PANELS: u64 = 1000;
/// More boxes than this do not fit into any room worth the name.
const MAX_FURNITURE: u64 = 1000;
/// Furniture keeps this distance from the walls [m], so that no faces coincide.
const CLEARANCE_M: f64 = 0.05;

pub(super) fn generate(options: &RoomOptions) -> Result<SceneDescription> {
    for (axis, size) in options.size_m.iter().enumerate() {
        check_length(&format!("size_m[{axis}]"), *size, 0.5)?;
    }
    check_count("panels", options.panels.into(), 1, MAX_PANELS)?;
    check_count("furniture", options.furniture.into(), 0, MAX_FURNITURE)?;
    let named = [
        ("walls", &options.walls),
        ("floor", &options.floor),
        ("ceiling", &options.ceiling),
        ("furniture_material", &options.furniture_material),
    ];
    let mut materials: Vec<MaterialDescription> = Vec::new();
    for (field, name) in named {
        check_materials(field, std::slice::from_ref(name))?;
        if materials.iter().all(|known| known.name != *name) {
            materials.push(MaterialDescription::itu(name, name));
        }
    }
    let mut objects = shell(options);
    objects.extend(furniture(options)?);
    Ok(SceneDescription { materials, objects, warnings: Vec::new() })
}

/// Floor, ceiling and walls, which wind counter-clockwise seen from inside.
fn shell(options: &RoomOptions) -> Vec<ObjectDescription> {
    let [l, w, h] = options.size_m;
    let [x, y, z] = [[l, 0.0, 0.0], [0.0, w, 0.0], [0.0, 0.0, h]];
    let side = |name: &str, material: &str, corner: [f64; 3], u: [f64; 3], v: [f64; 3]| ObjectDescription {
        name: name.into(),
        material: material.into(),
        mesh: panels(corner, u, v, options.panels),
    };
    // A corner and the two edges from it: first x second points into the room.
    vec![
        side("floor", &options.floor, [0.0; 3], x, y),
        side("ceiling", &options.ceiling, z, y, x),
        side("wall_south", &options.walls, [0.0; 3], z, x),
        side("wall_north", &options.walls, y, x, z),
        side("wall_west", &options.walls, [0.0; 3], y, z),
        side("wall_east", &options.walls, x, z, y),
    ]
}

fn panels(corner: [f64; 3], u: [f64; 3], v: [f64; 3], count: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for row in 0..=count {
        for column in 0..=count {
            let (s, t) = (f64::from(column) / f64::from(count), f64::from(row) / f64::from(count));
            mesh.vertices.push([0, 1, 2].map(|axis| corner[axis] + s * u[axis] + t * v[axis]));
        }
    }
    let at = |column: u32, row: u32| row * (count + 1) + column;
    for row in 0..count {
        for column in 0..count {
            let [a, b] = [at(column, row), at(column + 1, row)];
            let [c, d] = [at(column + 1, row + 1), at(column, row + 1)];
            mesh.triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    mesh
}

fn furniture(options: &RoomOptions) -> Result<Vec<ObjectDescription>> {
    let [l, w, h] = options.size_m;
    let inside = Rect { low: [0.0; 2], high: [l, w] }.inset(CLEARANCE_M);
    let placement = Placement {
        count: options.furniture,
        area: inside,
        // From a stool to a cupboard, but never more than a fifth of the room's shorter side.
        size: [0.3f64.min(0.1 * l.min(w)), 1.6f64.min(0.2 * l.min(w))],
        rotated: false,
        overlap: false,
        field: "furniture",
    };
    let mut random = Random::new(options.seed, [0; 3]);
    let footprints = place(&placement, &mut random)?;
    Ok(footprints
        .iter()
        .enumerate()
        .map(|(i, corners)| ObjectDescription {
            name: format!("furniture_{:04}", i + 1),
            material: options.furniture_material.clone(),
            mesh: solid::upright_box(corners, h * random.between([0.15, 0.6])),
        })
        .collect())
}
