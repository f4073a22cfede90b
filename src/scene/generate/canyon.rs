//! A street canyon: two rows of buildings along a street.

use super::random::Random;
use super::solid::{self, Facade, Rect, Shape};
use super::{SceneDescription, check_length, check_materials, check_range, materials_of};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Options of a street canyon: the street runs along x, its middle is the origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CanyonOptions {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Length of the street [m].
    pub length_m: f64,
    /// Width between the facades [m].
    pub width_m: f64,
    /// Least and largest height of a building [m].
    pub height_m: [f64; 2],
    /// Least and largest length of a building along the street [m].
    pub frontage_m: [f64; 2],
    /// Gap between neighbours [m], at least 0.01: walls that touch would coincide.
    pub gap_m: f64,
    /// ITU-R P.2040-4 materials of buildings, drawn with equal chance.
    pub materials: Vec<String>,
    /// ITU-R P.2040-4 material of the ground (a half space, called `ground`).
    pub ground: String,
}

impl Default for CanyonOptions {
    fn default() -> Self {
        CanyonOptions {
            seed: 1,
            length_m: 200.0,
            width_m: 20.0,
            height_m: [15.0, 25.0],
            frontage_m: [20.0, 35.0],
            gap_m: 3.0,
            materials: super::default_building_materials(),
            ground: "concrete".into(),
        }
    }
}

/// Depth of the buildings away from the street [m].
const DEPTH_M: f64 = 12.0;
/// How far the ground reaches beyond the buildings [m].
const APRON_M: f64 = 5.0;
/// A shorter building is not worth a facade [m].
const MIN_FRONTAGE_M: f64 = 1.0;
/// Neighbours' walls stay apart [m].
const MIN_GAP_M: f64 = 0.01;

pub(super) fn generate(options: &CanyonOptions) -> Result<SceneDescription> {
    check_length("length_m", options.length_m, MIN_FRONTAGE_M)?;
    check_length("width_m", options.width_m, 0.1)?;
    check_range("height_m", options.height_m, 0.1)?;
    check_range("frontage_m", options.frontage_m, MIN_FRONTAGE_M)?;
    check_length("gap_m", options.gap_m, MIN_GAP_M)?;
    check_materials("materials", &options.materials)?;
    check_materials("ground", std::slice::from_ref(&options.ground))?;
    let half = [options.length_m / 2.0, options.width_m / 2.0 + DEPTH_M];
    let whole = Rect { low: half.map(|x| -x), high: half };
    let mut objects = vec![super::ground(solid::plate(&whole.inset(-APRON_M), 0))];
    for (side, [low, high]) in [[options.width_m / 2.0, half[1]], [-half[1], -options.width_m / 2.0]].iter().enumerate()
    {
        let mut random = Random::new(options.seed, [side as u32, 0, 0]);
        for [from, to] in frontages(options, &mut random) {
            let rect = Rect { low: [from, *low], high: [to, *high] };
            let mesh = solid::building(&rect, random.between(options.height_m), Shape::Block, Facade::Plain);
            let material = &options.materials[random.index(options.materials.len())];
            objects.push(super::building(objects.len(), material, mesh));
        }
    }
    Ok(SceneDescription { materials: materials_of(&options.ground, &options.materials), objects, warnings: Vec::new() })
}

/// From where to where each building of one side stands; the last one takes what remains of the street.
fn frontages(options: &CanyonOptions, random: &mut Random) -> Vec<[f64; 2]> {
    let end = options.length_m / 2.0;
    let mut fronts: Vec<[f64; 2]> = Vec::new();
    let mut from = -end;
    while end - from >= options.frontage_m[0] || fronts.is_empty() {
        let to = (from + random.between(options.frontage_m)).min(end);
        fronts.push([from, to]);
        from = to + options.gap_m;
    }
    if let Some(last) = fronts.last_mut() {
        last[1] = end;
    }
    fronts
}
