//! The map of a job, checked: cells, weights, noise.

use super::description::{JobDescription, MapDescription};
use super::meant::within;
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::map::grid::{Ground, Layout, Mean, Sheet};
use crate::map::metrics::thermal_noise;
use crate::math::frame::rotation_of;
use crate::math::{Mat3, Vec3};
use crate::scene::radio::Radios;
use crate::scene::{MAX_COORDINATE_M, Scene};
use crate::solve::map::Survey;
use crate::solve::sampled::Target;

/// Height of a map that states none [m]: a person's hand, and the peers' default.
const DEFAULT_HEIGHT_M: f64 = 1.5;
/// Distance of a map on facets from them [m], where none is stated: far enough for f32, and near beside a wavelength.
const DEFAULT_OFFSET_M: f64 = 1e-3;
/// Cells that arrays of one run can hold in memory.
const MAX_CELLS: f64 = 4e9;
/// Points along the side of a cell.
const MAX_POINTS: u32 = 64;
/// A number of rays that a week of one machine can trace.
const MAX_SAMPLED_RAYS: u64 = 10_000_000_000_000;
/// Bounds of the size of a cell [m].
const MIN_CELL_M: f64 = 1e-3;

/// Checks the map of a job.
pub fn survey_of(
    description: &JobDescription,
    scene: &Scene,
    radios: &Radios,
    warnings: &mut Vec<String>,
) -> Result<Survey> {
    let map = description.map.clone().unwrap_or_default();
    if !description.receivers.is_empty() {
        warnings.push("receivers: a map has its own; those of the job are not used".into());
    }
    if radios.any_per_element() {
        let fault = Fault::new("antennas.per_element", "is not possible in a map, whose paths begin at whole antennas");
        return Err(Error::job(fault.value(true).remedy("set per_element = false, or use task = \"paths\"")));
    }
    for (axis, &cell) in map.cell_m.iter().enumerate() {
        within(&format!("map.cell_m[{axis}]"), cell, MIN_CELL_M..=MAX_COORDINATE_M, "give metres, as cell_m = [5, 5]")?;
    }
    let points = within("map.points", map.points, 1..=MAX_POINTS, "1 to 8 serve most maps")? as usize;
    if map.mean == Mean::Area && map.points != 1 {
        let fault = Fault::new("map.points", "has no meaning beside map.mean = \"area\"").value(map.points);
        return Err(Error::job(fault.remedy("remove it, or use mean = \"points\"")));
    }
    let layout = if map.objects.is_empty() { sheet_of(&map, scene)? } else { facets_of(&map, scene)? };
    let remedy = "give MHz, as bandwidth_mhz = 100";
    let bandwidth = within("map.bandwidth_mhz", map.bandwidth_mhz, 1e-9..=1e7, remedy)? * 1e6;
    let figure = within("map.noise_figure_db", map.noise_figure_db, 0.0..=100.0, "give dB, as noise_figure_db = 7")?;
    let noise = thermal_noise(bandwidth, 10f64.powf(figure / 10.0));
    let target = target_of(description, &map)?;
    Ok(Survey { layout, points, mean: map.mean, noise, target })
}

/// When sampling ends.
fn target_of(description: &JobDescription, map: &MapDescription) -> Result<Target> {
    let rays = description.solver.scatter_rays;
    let max_rays = map.max_rays.unwrap_or(rays);
    let max_rays =
        within("map.max_rays", max_rays, rays..=MAX_SAMPLED_RAYS, "give as many as solver.scatter_rays or more")?;
    let relative_error = map.relative_error.map(|error| within("map.relative_error", error, 1e-6..=1e3, "0.1 is 10 %"));
    Ok(Target { rays, max_rays, relative_error: relative_error.transpose()? })
}

/// A plane, level or turned, or one that is draped.
fn sheet_of(map: &MapDescription, scene: &Scene) -> Result<Layout> {
    let given = |field: &str, present: bool, other: &str, remedy: &str| {
        let fault = Fault::new(format!("map.{field}"), format!("has no meaning beside map.{other}"));
        if present { Err(Error::job(fault.remedy(remedy))) } else { Ok(()) }
    };
    given("offset_m", map.offset_m.is_some(), "a plane", "remove it, or name map.objects")?;
    given("height_m", map.height_m.is_some() && map.centre_m.is_some(), "centre_m", "centre_m has the height already")?;
    given("ground", !map.ground.is_empty() && !map.drape, "drape = false", "set drape = true")?;
    let turned = map.orientation_deg[1] != 0.0 || map.orientation_deg[2] != 0.0;
    given("orientation_deg", turned && map.drape, "drape = true", "turn a draped map by its yaw alone")?;
    let height = map.height_m.unwrap_or(DEFAULT_HEIGHT_M);
    within("map.height_m", height, -MAX_COORDINATE_M..=MAX_COORDINATE_M, "give metres, as height_m = 1.5")?;
    let rotation = rotation_of(checked("orientation_deg", map.orientation_deg, 1e6)?.map(f64::to_radians));
    let (centre, size) = extent_of(map, scene, height, &rotation)?;
    let cells = size[0] / map.cell_m[0] * (size[1] / map.cell_m[1]);
    within("number of cells of the map", cells, 0.0..=MAX_CELLS, "make map.cell_m larger, or map.size_m smaller")?;
    let ground =
        if map.drape { Ground::Draped { objects: named(scene, "ground", &map.ground)? } } else { Ground::Plane };
    Ok(Layout::Sheet(Sheet::about(&centre, size, map.cell_m, &rotation), ground))
}

/// Centre and extent of the plane [m]: as stated, or those of the scene.
fn extent_of(map: &MapDescription, scene: &Scene, height: f64, rotation: &Mat3) -> Result<(Vec3, [f64; 2])> {
    let of_scene = scene.bounds().map(|(low, high)| (low + scene.origin, high + scene.origin));
    let missing = |field: &str| {
        let fault = Fault::new(format!("map.{field}"), "is missing, and the scene is empty");
        Error::job(fault.remedy(format!("add {field} to [map]")))
    };
    let centre = match (map.centre_m, &of_scene) {
        (Some(centre), _) => Vec3::from(checked("centre_m", centre, MAX_COORDINATE_M)?),
        (None, Some((low, high))) => {
            let middle = (low + high) / 2.0;
            Vec3::new(middle.x, middle.y, height)
        }
        (None, None) => return Err(missing("centre_m")),
    };
    let size = match (map.size_m, of_scene) {
        (Some(size), _) => {
            let remedy = "give metres, as size_m = [500, 400]";
            for (axis, &side) in size.iter().enumerate() {
                within(&format!("map.size_m[{axis}]"), side, MIN_CELL_M..=MAX_COORDINATE_M, remedy)?;
            }
            size
        }
        (None, Some((low, high))) => {
            // What the scene's box covers along each axis of the plane.
            let side = high - low;
            [0, 1].map(|axis| rotation.column(axis).abs().dot(&side).max(MIN_CELL_M))
        }
        (None, None) => return Err(missing("size_m")),
    };
    Ok((centre, size))
}

/// The facets of objects.
fn facets_of(map: &MapDescription, scene: &Scene) -> Result<Layout> {
    let of_planes = [
        ("height_m", map.height_m.is_some()),
        ("centre_m", map.centre_m.is_some()),
        ("size_m", map.size_m.is_some()),
        ("orientation_deg", map.orientation_deg != [0.0; 3]),
        ("drape", map.drape),
        ("ground", !map.ground.is_empty()),
    ];
    if let Some((field, _)) = of_planes.into_iter().find(|(_, present)| *present) {
        let fault = Fault::new(format!("map.{field}"), "has no meaning beside map.objects");
        return Err(Error::job(fault.remedy("remove it, or map.objects")));
    }
    let objects = named(scene, "objects", &map.objects)?;
    let offset = map.offset_m.unwrap_or(DEFAULT_OFFSET_M);
    // What lies in a facet's plane has no reflection from it.
    let offset = within("map.offset_m", offset, 1e-5..=1e6, "give metres, as offset_m = 0.001")?;
    Ok(Layout::Facets { objects, cell: map.cell_m, offset })
}

/// Three numbers of the map, each within `bound` on either side of 0.
fn checked(field: &str, values: [f64; 3], bound: f64) -> Result<[f64; 3]> {
    for (axis, &value) in values.iter().enumerate() {
        within(&format!("map.{field}[{axis}]"), value, -bound..=bound, "give three numbers, as [0, 0, 1.5]")?;
    }
    Ok(values)
}

/// The numbers of named objects, ascending.
fn named(scene: &Scene, field: &str, names: &[String]) -> Result<Vec<u32>> {
    let mut objects = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let before = objects.len();
        objects.extend((0..).zip(&scene.objects).filter(|(_, object)| object.name == *name).map(|(k, _)| k));
        if objects.len() == before {
            let near = did_you_mean(name, scene.objects.iter().map(|object| object.name.as_str()));
            let fault = Fault::new(format!("map.{field}[{i}]"), "is not an object of the scene").value(name);
            let remedy = format!("{near} `raylobe scene info` lists the objects");
            return Err(Error::job(fault.remedy(remedy.trim())));
        }
    }
    objects.sort_unstable();
    objects.dedup();
    Ok(objects)
}
