//! The placement of a job in a plane of walls, checked.

use super::written::{DefinitionDescription, ObjectiveDescription};
use super::{Course, PlaceDescription, bounds_of, course_of};
use crate::error::{Error, Fault, Result};
use crate::io::job::meant::within;
use crate::optimise::Region;
use crate::optimise::planar::{Objective, PlanarLandscape};
use crate::planar::path::MAX_ORDER;
use crate::planar::validity::Definition;
use crate::planar::{PlanarScene, Vec2};
use crate::scene::radio::{Radio, Radios};

/// Candidates of a path, of which each costs an evaluation of its own.
const MAX_CANDIDATES: f64 = 1e5;

/// A placement in a plane as meant.
#[derive(Debug, Clone)]
pub struct One {
    /// The objective.
    pub landscape: PlanarLandscape,
    /// Where the transmitters begin [m].
    pub start: Vec<f64>,
    /// How they are moved, and what is drawn.
    pub course: Course,
}

/// Checks the placement of a job in its plane.
pub(super) fn in_plane(place: &PlaceDescription, scene: PlanarScene, radios: &Radios) -> Result<One> {
    for (field, is_given) in [("sites", !place.sites.is_empty()), ("map_cell_m", place.map_cell_m.is_some())] {
        if is_given {
            let fault = Fault::new(format!("place.{field}"), "is of scenes of three dimensions");
            return Err(Error::job(fault.remedy("remove it; region_m bounds a plane, and receivers are stated")));
        }
    }
    let bounds = bounds_of_walls(place, &scene)?;
    let order =
        within("place.max_order", place.max_order, 0..=MAX_ORDER as u32, "the paper's figures have 0")? as usize;
    if place.smoothing.definition == DefinitionDescription::Shadow && order > 0 {
        let fault = Fault::new("place.smoothing.definition", "is for direct paths alone").value("shadow");
        return Err(Error::job(fault.remedy("set place.max_order = 0, or use \"metric\"")));
    }
    let candidates = (scene.walls().len() as f64).powi(order as i32);
    within("candidates of a path", candidates, 0.0..=MAX_CANDIDATES, "lower place.max_order")?;
    let start = level("transmitters", &radios.transmitters)?;
    let receivers = level("receivers", &radios.receivers)?;
    let receivers = receivers.chunks_exact(2).map(Vec2::from_column_slice).collect();
    let transmitters = radios.transmitters.len();
    let mut landscape = PlanarLandscape::new(scene, receivers, transmitters, order);
    landscape.objective = match place.objective {
        ObjectiveDescription::Min => Objective::Min,
        ObjectiveDescription::Mean => Objective::Mean,
        ObjectiveDescription::Coverage | ObjectiveDescription::Sinr => {
            let fault = Fault::new("place.objective", "coverage and sinr are of scenes of three dimensions");
            return Err(Error::job(fault.remedy("use \"min\" or \"mean\"")));
        }
    };
    landscape.definition = match place.smoothing.definition {
        DefinitionDescription::Metric => Definition::Metric,
        DefinitionDescription::Shadow => Definition::Shadow,
        DefinitionDescription::Paper => Definition::Paper,
    };
    landscape.hard_definition = landscape.definition;
    let end = |end: usize| [bounds[0][end], bounds[1][end]].repeat(transmitters);
    let region = Region::new(end(0), end(1));
    Ok(One { landscape, start, course: course_of(place, region, bounds, place.region_m.is_some())? })
}

/// Where transmitters may go along x and y: as stated, or what the walls span [m].
pub(super) fn bounds_of_walls(place: &PlaceDescription, scene: &PlanarScene) -> Result<[[f64; 2]; 2]> {
    bounds_of(place, scene.bounds().map(|[low, high]| [[low.x, high.x], [low.y, high.y]]))
}

/// Two coordinates for each radio of a plane.
fn level(table: &str, radios: &[Radio]) -> Result<Vec<f64>> {
    for (i, radio) in radios.iter().enumerate() {
        if radio.position.z != 0.0 {
            let fault =
                Fault::new(format!("{table}[{i}].position_m"), "must have z = 0 in a scene of walls in a plane");
            return Err(Error::job(fault.value(radio.position.z).remedy("give [x, y, 0]")));
        }
    }
    Ok(radios.iter().flat_map(|radio| [radio.position.x, radio.position.y]).collect())
}
