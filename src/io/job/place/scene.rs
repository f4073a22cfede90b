//! The placement of a job in a scene of three dimensions, checked.

use super::sites::sites_of;
use super::written::{DefinitionDescription, FreeDescription, ObjectiveDescription, OptimiserDescription};
use super::{Course, PlaceDescription, bounds_of, course_of};
use crate::error::{Error, Fault, Result};
use crate::io::job::meant::within;
use crate::map::metrics::thermal_noise;
use crate::math::Vec3;
use crate::optimise::Region;
use crate::optimise::scene::{Freedom, SceneObjective};
use crate::optimise::sites::Surveyor;
use crate::scene::radio::{Radio, Radios};
use crate::scene::{MAX_COORDINATE_M, Scene};
use std::cell::LazyCell;
use std::ops::Deref;

/// Cells of a map that is an objective.
const MAX_CELLS: f64 = 1e6;

/// A placement in a scene as meant.
#[derive(Debug, Clone)]
pub struct InScene {
    /// What is made of the receivers' path gains.
    pub objective: SceneObjective,
    /// Transmitter and what of it is moved `[coordinate]`.
    pub free: Vec<(usize, Freedom)>,
    /// Angle that counts as a metre [rad/m].
    pub turn: f64,
    /// The receivers of a map, in place of the job's own.
    pub receivers: Option<Vec<Radio>>,
    /// How transmitters are moved, and what is drawn.
    pub course: Course,
}

/// Checks the placement of a job in its scene.
pub(super) fn in_scene(place: &PlaceDescription, scene: &Scene, radios: &Radios) -> Result<InScene> {
    refuse_what_is_of_planes(place)?;
    if place.optimiser != OptimiserDescription::Adam {
        let fault = Fault::new("place.optimiser", "tour and survey are not there yet in scenes of three dimensions");
        return Err(Error::job(fault.remedy("use \"adam\", with restarts")));
    }
    let turn = within("place.turn_deg_per_m", place.turn_deg_per_m, 1e-3..=360.0, "3 serves")?.to_radians();
    if place.free.is_empty() {
        let fault = Fault::new("place.free", "at least one of x, y, z, yaw, pitch").value("[]");
        return Err(Error::job(fault.remedy("give free = [\"x\", \"y\"]")));
    }
    let bounds = bounds_of(place, spanned(scene))?;
    let (mut free, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
    for (t, radio) in radios.transmitters.iter().enumerate() {
        for freedom in &place.free {
            let (what, [least, most]) = match freedom {
                FreeDescription::X => (Freedom::Position(0), bounds[0]),
                FreeDescription::Y => (Freedom::Position(1), bounds[1]),
                FreeDescription::Z => (Freedom::Position(2), heights_of(place)?),
                // A whole turn each way from where it begins.
                FreeDescription::Yaw => {
                    let (own, whole) = (radio.orientation[0], std::f64::consts::TAU);
                    (Freedom::Orientation(0), [(own - whole) / turn, (own + whole) / turn])
                }
                FreeDescription::Pitch => {
                    let right = std::f64::consts::FRAC_PI_2;
                    (Freedom::Orientation(1), [-right / turn, right / turn])
                }
            };
            free.push((t, what));
            low.push(least);
            high.push(most);
        }
    }
    // The hierarchy is made for roofs, facades and maps alone, and once more where the placement begins.
    let surveyor = LazyCell::new(|| Surveyor::new(scene));
    let sites = sites_of(place, &free, (scene, &surveyor), radios)?;
    let course = course_of(place, Region { low, high, sites }, bounds, true)?;
    let receivers = receivers_of_map(place, bounds, &surveyor, radios)?;
    Ok(InScene { objective: objective_of(place)?, free, turn, receivers, course })
}

/// Receivers in the middle of the cells of a map over the region, like the job's first one and at its height, where no object
/// closes them in; `None` where no map is wanted.
fn receivers_of_map(
    place: &PlaceDescription,
    bounds: [[f64; 2]; 2],
    surveyor: &dyn Deref<Target = Surveyor>,
    radios: &Radios,
) -> Result<Option<Vec<Radio>>> {
    let Some(cell) = place.map_cell_m else { return Ok(None) };
    let cell = within("place.map_cell_m", cell, 1e-3..=1e6, "10 serves in a city")?;
    let counts = bounds.map(|[low, high]| ((high - low) / cell).ceil());
    within("cells of place.map_cell_m", counts[0] * counts[1], 1.0..=MAX_CELLS, "enlarge place.map_cell_m")?;
    let like = &radios.receivers[0];
    let middle = |axis: usize, k: f64| {
        let [low, high] = bounds[axis];
        low + (high - low) * (k + 0.5) / counts[axis]
    };
    let mut receivers = Vec::new();
    for k in 0..(counts[0] * counts[1]) as usize {
        let (column, row) = ((k as f64) % counts[0], ((k as f64) / counts[0]).floor());
        let position = Vec3::new(middle(0, column), middle(1, row), like.position.z);
        if surveyor.outside(&position) {
            receivers.push(Radio { name: format!("cell{k}"), position, ..like.clone() });
        }
    }
    if receivers.is_empty() {
        let fault = Fault::new("place.map_cell_m", "leaves no cell that is outside of all objects").value(cell);
        return Err(Error::job(fault.remedy("choose smaller cells, another region, or a higher receiver")));
    }
    Ok(Some(receivers))
}

fn refuse_what_is_of_planes(place: &PlaceDescription) -> Result<()> {
    let of_planes = [
        ("place.max_order", place.max_order != 0, "use solver.max_depth and solver.interactions"),
        ("place.smoothing.guard", place.smoothing.guard != 0.0, "remove it"),
        ("place.smoothing.margin_m", place.smoothing.margin_m != 0.0, "remove it"),
        (
            "place.smoothing.definition",
            place.smoothing.definition != DefinitionDescription::Metric,
            "use \"metric\", the default",
        ),
    ];
    match of_planes.into_iter().find(|(_, given, _)| *given) {
        Some((field, _, remedy)) => {
            Err(Error::job(Fault::new(field, "is of planes (scene.walls) alone").remedy(remedy)))
        }
        None => Ok(()),
    }
}

fn objective_of(place: &PlaceDescription) -> Result<SceneObjective> {
    Ok(match place.objective {
        ObjectiveDescription::Min => SceneObjective::Min,
        ObjectiveDescription::Mean => SceneObjective::Mean,
        ObjectiveDescription::Coverage => SceneObjective::Coverage {
            threshold: within("place.threshold_db", place.threshold_db, -300.0..=100.0, "a path gain, as -110")?,
            width: within("place.width_db", place.width_db, 1e-3..=100.0, "6 serves")?,
        },
        ObjectiveDescription::Sinr => {
            let bandwidth = within("place.bandwidth_mhz", place.bandwidth_mhz, 1e-9..=1e7, "give MHz")? * 1e6;
            let figure = within("place.noise_figure_db", place.noise_figure_db, 0.0..=100.0, "give dB, as 7")?;
            let quantile = within("place.quantile", place.quantile, 0.0..=1.0, "0.05 is the fifth percentile")?;
            SceneObjective::Sinr { quantile, noise: thermal_noise(bandwidth, 10f64.powf(figure / 10.0)) }
        }
    })
}

/// What a scene spans along x and y [m].
fn spanned(scene: &Scene) -> Option<[[f64; 2]; 2]> {
    let (low, high) = scene.bounds()?;
    let (low, high) = (low + scene.origin, high + scene.origin);
    Some([[low.x, high.x], [low.y, high.y]])
}

fn heights_of(place: &PlaceDescription) -> Result<[f64; 2]> {
    let Some([low, high]) = place.height_m else {
        let fault = Fault::new("place.height_m", "is missing beside free = [.., \"z\"]");
        return Err(Error::job(fault.remedy("add height_m = [5, 30]")));
    };
    if low < high && low.abs().max(high.abs()) <= MAX_COORDINATE_M {
        return Ok([low, high]);
    }
    let fault = Fault::new("place.height_m", "must be a lower and a higher height").value(format!("[{low}, {high}]"));
    Err(Error::job(fault.remedy("give metres, as height_m = [5, 30]")))
}
