//! Boxes on a plane: small scenes for tests, with as many of them as wanted.

use super::random::Random;
use super::solid::{self, Rect};
use super::{SceneDescription, check_count, check_length, check_materials, check_range, fault, materials_of};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Options of random boxes on a square of ground about the origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoxesOptions {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Number of boxes.
    pub count: u32,
    /// Side of the ground [m].
    pub extent_m: f64,
    /// Least and largest length, width and height of a box [m].
    pub size_m: [f64; 2],
    /// Whether boxes are turned about z by a random angle.
    pub rotated: bool,
    /// Whether boxes may overlap; faces of axis-aligned boxes then may coincide by chance only.
    pub overlap: bool,
    /// ITU-R P.2040-4 materials of boxes, drawn with equal chance.
    pub materials: Vec<String>,
    /// ITU-R P.2040-4 material of the ground (a half space, called `ground`).
    pub ground: String,
}

impl Default for BoxesOptions {
    fn default() -> Self {
        BoxesOptions {
            seed: 1,
            count: 20,
            extent_m: 100.0,
            size_m: [4.0, 15.0],
            rotated: true,
            overlap: false,
            materials: super::default_building_materials(),
            ground: "concrete".into(),
        }
    }
}

/// Placing compares each box with all before it.
const MAX_BOXES: u64 = 10_000;
/// Tries to find a free place for one box; a square filled to a third by circles still yields one within some tens.
const TRIES: u32 = 1000;

pub(super) fn generate(options: &BoxesOptions) -> Result<SceneDescription> {
    check_count("count", options.count.into(), 0, MAX_BOXES)?;
    check_length("extent_m", options.extent_m, 0.1)?;
    check_range("size_m", options.size_m, 0.01)?;
    check_materials("materials", &options.materials)?;
    check_materials("ground", std::slice::from_ref(&options.ground))?;
    let half = options.extent_m / 2.0;
    let square = Rect { low: [-half; 2], high: [half; 2] };
    let placement = Placement {
        count: options.count,
        area: square,
        size: options.size_m,
        rotated: options.rotated,
        overlap: options.overlap,
        field: "count",
    };
    let mut random = Random::new(options.seed, [0; 3]);
    let mut objects = vec![super::ground(solid::plate(&square, 0))];
    for corners in place(&placement, &mut random)? {
        let mesh = solid::upright_box(&corners, random.between(options.size_m));
        let material = &options.materials[random.index(options.materials.len())];
        objects.push(super::building(objects.len(), material, mesh));
    }
    Ok(SceneDescription { materials: materials_of(&options.ground, &options.materials), objects, warnings: Vec::new() })
}

/// How boxes are to be strewn.
pub(super) struct Placement {
    pub(super) count: u32,
    /// No box reaches beyond it.
    pub(super) area: Rect,
    /// Least and largest side [m].
    pub(super) size: [f64; 2],
    pub(super) rotated: bool,
    pub(super) overlap: bool,
    /// The option to name when there is no room.
    pub(super) field: &'static str,
}

/// Footprints, counter-clockwise; unless `overlap`, their circumscribed circles keep apart, so no two boxes touch.
///
/// # Errors
/// There is no room for all of them.
pub(super) fn place(placement: &Placement, random: &mut Random) -> Result<Vec<[[f64; 2]; 4]>> {
    let mut circles: Vec<([f64; 2], f64)> = Vec::new();
    let mut footprints = Vec::new();
    for number in 0..placement.count {
        let found = (0..TRIES).find_map(|_| {
            let (w, d) = (random.between(placement.size), random.between(placement.size));
            let radius = libm::hypot(w, d) / 2.0;
            let angle = if placement.rotated { TAU * random.uniform() } else { 0.0 };
            let area = placement.area.inset(radius);
            let centre = [0, 1].map(|axis| random.between([area.low[axis], area.high[axis]]));
            let fits = area.width() >= 0.0 && area.depth() >= 0.0;
            let free = placement.overlap
                || circles.iter().all(|(c, r)| libm::hypot(centre[0] - c[0], centre[1] - c[1]) > radius + r);
            (fits && free).then_some((centre, radius, [w, d], angle))
        });
        let Some((centre, radius, size, angle)) = found else {
            let bound = format!("room for all boxes; it was found for {number}");
            return Err(fault(
                placement.field,
                bound,
                placement.count,
                "ask for fewer or smaller boxes, or more ground",
            ));
        };
        circles.push((centre, radius));
        footprints.push(footprint(centre, size, angle));
    }
    Ok(footprints)
}

fn footprint(centre: [f64; 2], [w, d]: [f64; 2], angle: f64) -> [[f64; 2]; 4] {
    let (sin, cos) = libm::sincos(angle);
    let local = [[-w / 2.0, -d / 2.0], [w / 2.0, -d / 2.0], [w / 2.0, d / 2.0], [-w / 2.0, d / 2.0]];
    local.map(|[x, y]| [centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y])
}
