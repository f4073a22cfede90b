//! The placement of a job (`[place]`): as written, and as meant.

mod plane;
mod scene;
mod sites;
mod study;
mod written;

pub use plane::One;
pub use scene::InScene;
pub use study::{StudyDescription, StudyInScene};
pub use written::{FreeDescription, KindDescription, PlaceDescription};

use super::description::JobDescription;
use super::meant::within;
use crate::calibrate::adam::{Adam, Schedule};
use crate::error::{Error, Fault, Result};
use crate::math::smoothing::SmoothStep;
use crate::optimise::ascent::{Ascent, Sharpening};
use crate::optimise::place::{Optimiser, Restarts};
use crate::optimise::refine::Refinement;
use crate::optimise::search::{Search, Way};
use crate::optimise::study::{Draw, Method, Study};
use crate::optimise::{LogScale, Region, Softness};
use crate::planar::{PlanarScene, Vec2};
use crate::scene::radio::Radios;
use crate::scene::{MAX_COORDINATE_M, Scene};
use std::path::{Path, PathBuf};
use written::{OptimiserDescription, PlaceSmoothing, ScheduleDescription};

/// What a placement does wherever it is, in a plane or in a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// How transmitters are moved.
    pub optimiser: Optimiser,
    /// Bounds of each coordinate.
    pub region: Region,
    /// Further starts.
    pub restarts: Option<Restarts>,
    /// The search from the best end.
    pub refinement: Option<Refinement>,
    /// Softness of each picture of the landscape beside the hard one.
    pub softness: Vec<Softness>,
    /// What the pictures show [m].
    pub area: [Vec2; 2],
    /// Cells along each side of the pictures.
    pub cells: usize,
}

/// A placement as meant.
#[derive(Debug, Clone)]
pub enum Placement {
    /// Transmitters are placed in a plane.
    One(Box<One>),
    /// Transmitters are placed in the job's scene.
    InScene(Box<InScene>),
    /// Methods are compared in the job's scene.
    StudyInScene(Box<StudyInScene>),
    /// Methods are compared in a plane.
    Study {
        /// What the study is of.
        study: Study,
        /// Numbers of receivers, and the draws of each.
        draws: Vec<(usize, Vec<Draw>)>,
        /// What is compared.
        methods: Vec<Method>,
    },
}

/// Steps of one start that results can hold.
const MAX_STEPS: u64 = 1_000_000;
/// Lengths of steps and margins [m].
const MAX_LENGTH_M: f64 = 1e9;
/// Points of a coarse landscape.
const MAX_POINTS: f64 = 1e7;
/// A sharpness beyond this is the step itself.
const MAX_ALPHA: f64 = 1e12;

/// Checks the placement of a job.
pub(super) fn placement_of(
    description: &JobDescription,
    (scene, radios): (&Scene, &Radios),
    folder: &Path,
    (inputs, warnings): (&mut Vec<PathBuf>, &mut Vec<String>),
) -> Result<Placement> {
    let place = description.place.clone().unwrap_or_default();
    within("place.steps", place.steps, 1..=MAX_STEPS, "100 serve")?;
    within("place.cells", place.cells, 1..=2000, "100 serve")?;
    let seed = description.seed;
    let Some(walls) = &description.scene.walls else {
        let placed = scene::in_scene(&place, scene, radios)?;
        return Ok(match &place.study {
            None => Placement::InScene(Box::new(placed)),
            Some(written) => Placement::StudyInScene(Box::new(study::in_scene(written, placed, seed)?)),
        });
    };
    let mut scene = PlanarScene::new(walls)?;
    scene.guard = within("place.smoothing.guard", place.smoothing.guard, 0.0..=1.0, "0.005 is the paper's")?;
    let Some(written) = &place.study else {
        return Ok(Placement::One(Box::new(plane::in_plane(&place, scene, radios)?)));
    };
    if !(description.transmitters.is_empty() && description.receivers.is_empty()) {
        warnings.push("transmitters, receivers: a study draws its own; those of the job are not used".into());
    }
    study::in_plane(written, &place, (scene, seed), folder, inputs)
}

/// What a placement does in a `region`, of which pictures show the `bounds` along x and y.
fn course_of(place: &PlaceDescription, region: Region, bounds: [[f64; 2]; 2], held: bool) -> Result<Course> {
    let log = log_of(&place.smoothing)?;
    let softness = |alpha: f64| Softness { step: SmoothStep { kind: place.smoothing.kind.meant(), alpha }, log };
    for (i, alpha) in place.smoothing.alpha.iter().chain(&place.pictures_alpha).enumerate() {
        let field =
            if i < 2 { format!("place.smoothing.alpha[{i}]") } else { format!("place.pictures_alpha[{}]", i - 2) };
        within(&field, *alpha, 1e-6..=MAX_ALPHA, "the paper's go from 1 to 100; 0.1 to 10 serve in a city")?;
    }
    let restarts = match &place.restarts {
        None => None,
        Some(written) => {
            let across = within("place.restarts.across", written.across, 1..=10_000, "8 serve")? as usize;
            let points = (across as f64).powi(region.low.len() as i32);
            within("points of place.restarts", points, 1.0..=MAX_POINTS, "lower place.restarts.across")?;
            let soft = |(i, alpha): (usize, &f64)| {
                let field = format!("place.restarts.alpha[{i}]");
                Ok(softness(within(&field, *alpha, 1e-6..=MAX_ALPHA, "10 serves; 0.2 in a city")?))
            };
            let softness: Vec<Softness> = written.alpha.iter().enumerate().map(soft).collect::<Result<_>>()?;
            within("place.restarts.alpha", softness.len(), 1..=100, "give a number, or a list, as [0.2, 5.0]")?;
            let starts = within("place.restarts.starts", written.starts, 1..=10_000, "4 serve")? as usize;
            Some(Restarts { region: region.clone(), softness, across, starts })
        }
    };
    let refinement = match &place.refinement {
        None => None,
        Some(written) => {
            let evaluations = written.evaluations;
            let evaluations = within("place.refinement.evaluations", evaluations, 1..=1_000_000, "100 serve")?;
            let step = within("place.refinement.step_m", written.step_m, 1e-9..=MAX_LENGTH_M, "1 serves in a city")?;
            Some(Refinement { evaluations: u64::from(evaluations), step })
        }
    };
    Ok(Course {
        optimiser: optimiser_of(place, region.clone(), held, log)?,
        region,
        restarts,
        refinement,
        softness: place.pictures_alpha.iter().map(|alpha| softness(*alpha)).collect(),
        area: [0, 1].map(|end| Vec2::new(bounds[0][end], bounds[1][end])),
        cells: place.cells as usize,
    })
}

/// How transmitters are moved; Adam is `held` in the region or goes where it likes.
fn optimiser_of(place: &PlaceDescription, region: Region, held: bool, log: Option<LogScale>) -> Result<Optimiser> {
    let learning_rate = within("place.learning_rate", place.learning_rate, 1e-9..=MAX_LENGTH_M, "0.01 is the paper's")?;
    let last = within("place.decay", place.decay, 1e-6..=1.0, "1 keeps the rate, 0.1 makes the last steps a tenth")?;
    let noise = within("place.noise_m", place.noise_m, 0.0..=MAX_LENGTH_M, "0 is none")?;
    let way = match place.optimiser {
        OptimiserDescription::Adam => {
            return Ok(Optimiser::Adam(Ascent {
                adam: Adam { learning_rate, schedule: Schedule::Exponential { last }, ..Adam::default() },
                steps: place.steps,
                kind: place.smoothing.kind.meant(),
                alpha: place.smoothing.alpha,
                sharpening: match place.schedule {
                    ScheduleDescription::Geometric => Sharpening::Geometric,
                    ScheduleDescription::Adaptive => Sharpening::Adaptive,
                    ScheduleDescription::Hard => Sharpening::Hard,
                },
                log,
                region: held.then_some(region),
                noise,
            }));
        }
        OptimiserDescription::Tour => Way::Tour,
        OptimiserDescription::Survey => Way::Survey,
    };
    let mut search = Search::new(way, place.steps as usize, region);
    if let Some(log) = log {
        search.log = log;
    }
    Ok(Optimiser::Search(search))
}

fn log_of(smoothing: &PlaceSmoothing) -> Result<Option<LogScale>> {
    let margin =
        within("place.smoothing.margin_m", smoothing.margin_m, 0.0..=MAX_LENGTH_M, "0.002 serves in a unit square")?;
    match smoothing.temperature {
        None if margin > 0.0 => {
            let fault = Fault::new("place.smoothing.margin_m", "has no meaning without a temperature").value(margin);
            Err(Error::job(fault.remedy("add temperature = 0.03, or remove it")))
        }
        None => Ok(None),
        Some(temperature) => {
            let temperature = within("place.smoothing.temperature", temperature, 1e-6..=1e6, "0.03 serves")?;
            Ok(Some(LogScale { temperature, margin }))
        }
    }
}

/// Where transmitters may go along x and y: as stated, or what there is spans [m].
fn bounds_of(place: &PlaceDescription, spanned: Option<[[f64; 2]; 2]>) -> Result<[[f64; 2]; 2]> {
    let stated = place.region_m.map(|[low, high]| [[low[0], high[0]], [low[1], high[1]]]);
    let Some(bounds) = stated.or(spanned) else {
        let fault = Fault::new("place.region_m", "is missing, and the scene is empty");
        return Err(Error::job(fault.remedy("add region_m = [[0, 0], [1, 1]]")));
    };
    if bounds.iter().all(|[low, high]| low < high && low.abs().max(high.abs()) <= MAX_COORDINATE_M) {
        return Ok(bounds);
    }
    let fault = Fault::new("place.region_m", "must have a lower left and an upper right corner, apart on both axes");
    Err(Error::job(fault.value(format!("{:?}", place.region_m)).remedy("give [[x, y], [x, y]] in metres")))
}
