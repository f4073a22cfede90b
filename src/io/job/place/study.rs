//! The studies of a job: how often each way of placement arrives, in a plane or in a scene.

use super::plane::bounds_of_walls;
use super::{Course, InScene, PlaceDescription, Placement};
use crate::error::{Error, Fault, Result};
use crate::io::job::meant::within;
use crate::io::read::regular_file;
use crate::optimise::place::Optimiser;
use crate::optimise::scene::SceneObjective;
use crate::optimise::scene_study::{SceneMethod, SceneStudy};
use crate::optimise::study::{Draw, Method, Study, draws};
use crate::planar::scene::MAX_COORDINATE_M;
use crate::planar::{PlanarScene, Vec2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A study, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyDescription {
    /// Of planes: a JSON file of draws, relative to the job file, in place of random ones.
    pub file: Option<PathBuf>,
    /// Draws of receivers.
    pub draws: Option<u32>,
    /// Starts of each.
    pub starts: u32,
    /// Numbers of receivers: a row for each; in a scene, absent: the job's own.
    pub receivers: Option<Vec<u32>>,
    /// What is compared.
    pub methods: Option<Vec<MethodDescription>>,
    /// Of scenes: distance of the points of the exhaustive search [m].
    pub grid_m: Option<f64>,
    /// Of scenes: how far drawn receivers are from buildings [m].
    pub clearance_m: Option<f64>,
    /// Of scenes: an end no further below the best of the grid is a success [dB].
    pub tolerance_db: Option<f64>,
}

impl Default for StudyDescription {
    fn default() -> Self {
        StudyDescription {
            file: None,
            draws: None,
            starts: 50,
            receivers: None,
            methods: None,
            grid_m: None,
            clearance_m: None,
            tolerance_db: None,
        }
    }
}

/// A way of a study, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodDescription {
    /// Adam without smoothing.
    Hard,
    /// Of scenes: Adam with smoothing.
    Smoothed,
    /// Of planes: Adam with smoothing as published.
    Paper,
    /// Of planes: Adam without smoothing, with noise.
    Noise,
    /// Of planes: Adam with an adaptive sharpness.
    Adaptive,
    /// Of planes: the tour.
    Tour,
    /// Of planes: the survey.
    Survey,
    /// Adam from the hills of a coarse smoothed landscape.
    Restarts,
}

impl MethodDescription {
    fn in_plane(self) -> Option<Method> {
        match self {
            MethodDescription::Hard => Some(Method::Hard),
            MethodDescription::Smoothed => None,
            MethodDescription::Paper => Some(Method::Paper),
            MethodDescription::Noise => Some(Method::Noise),
            MethodDescription::Adaptive => Some(Method::Adaptive),
            MethodDescription::Tour => Some(Method::Tour),
            MethodDescription::Survey => Some(Method::Survey),
            MethodDescription::Restarts => Some(Method::Restarts),
        }
    }

    fn in_scene(self) -> Option<SceneMethod> {
        match self {
            MethodDescription::Hard => Some(SceneMethod::Hard),
            MethodDescription::Smoothed => Some(SceneMethod::Smoothed),
            MethodDescription::Restarts => Some(SceneMethod::Restarts),
            MethodDescription::Paper
            | MethodDescription::Noise
            | MethodDescription::Adaptive
            | MethodDescription::Tour
            | MethodDescription::Survey => None,
        }
    }
}

/// A study in a scene as meant.
#[derive(Debug, Clone)]
pub struct StudyInScene {
    /// The objective, and what is moved.
    pub placed: InScene,
    /// What the study is of.
    pub study: SceneStudy,
    /// Draws of each number of receivers.
    pub draws: usize,
    /// Numbers of receivers that are drawn; `None`: the job's own, once.
    pub receivers: Option<Vec<usize>>,
    /// What is compared.
    pub methods: Vec<SceneMethod>,
}

/// Draws, and starts of each.
const MAX_COUNT: u32 = 100_000;
/// Receivers of a draw.
const MAX_RECEIVERS: u32 = 10_000;
/// Points of an exhaustive search.
const MAX_POINTS: f64 = 1e7;

/// The methods of a study, all or those that are written.
fn methods_of<M: Clone>(
    written: &StudyDescription,
    all: &[M],
    meant: impl Fn(MethodDescription) -> Option<M>,
    (of, known): (&str, &str),
) -> Result<Vec<M>> {
    let Some(methods) = &written.methods else { return Ok(all.to_vec()) };
    let one = |(i, method): (usize, &MethodDescription)| {
        meant(*method).ok_or_else(|| {
            let fault = Fault::new(format!("place.study.methods[{i}]"), format!("is no method of {of}"));
            Error::job(fault.value(format!("{method:?}").to_lowercase()).remedy(format!("use {known}")))
        })
    };
    methods.iter().enumerate().map(one).collect()
}

fn receivers_of(written: &[u32]) -> Result<Vec<usize>> {
    let one = |(i, count): (usize, &u32)| {
        let field = format!("place.study.receivers[{i}]");
        Ok(within(&field, *count, 1..=MAX_RECEIVERS, "2 to 10 serve")? as usize)
    };
    written.iter().enumerate().map(one).collect()
}

/// Checks the study of a job in its scene.
pub(super) fn in_scene(written: &StudyDescription, placed: InScene, seed: u64) -> Result<StudyInScene> {
    if written.file.is_some() {
        let fault = Fault::new("place.study.file", "is of planes (scene.walls) alone");
        return Err(Error::job(fault.remedy("remove it: receivers are drawn, or those of the job")));
    }
    if matches!(placed.objective, SceneObjective::Coverage { .. }) {
        let fault = Fault::new("place.objective", "of a study must be in dB").value("coverage");
        return Err(Error::job(fault.remedy("use \"mean\", \"min\" or \"sinr\"")));
    }
    let Course { optimiser, region, restarts, refinement, .. } = &placed.course;
    let Optimiser::Adam(ascent) = optimiser else {
        let fault = Fault::new("place.optimiser", "of a study in a scene must be adam");
        return Err(Error::job(fault.remedy("use \"adam\"")));
    };
    let known = ("a scene", "hard, smoothed or restarts");
    let methods = methods_of(written, &SceneMethod::ALL, MethodDescription::in_scene, known)?;
    let restarts = match restarts {
        None if methods.contains(&SceneMethod::Restarts) => {
            let fault = Fault::new("place.restarts", "is missing beside a study of restarts");
            return Err(Error::job(fault.remedy("add restarts = { across = 16, alpha = 0.2, starts = 8 }")));
        }
        restarts => restarts.clone(),
    };
    let draws = within("place.study.draws", written.draws.unwrap_or(1), 1..=MAX_COUNT, "1 serves")? as usize;
    let receivers = written.receivers.as_deref().map(receivers_of).transpose()?;
    if receivers.is_none() && draws > 1 {
        let fault = Fault::new("place.study.draws", "needs receivers that are drawn").value(draws);
        return Err(Error::job(fault.remedy("add receivers = [6], or remove draws")));
    }
    let spacing = within("place.study.grid_m", written.grid_m.unwrap_or(2.0), 1e-3..=1e6, "2 serves")?;
    let study = SceneStudy {
        region: region.clone(),
        area: placed.course.area,
        clearance: within("place.study.clearance_m", written.clearance_m.unwrap_or(0.0), 0.0..=1e3, "3 serves")?,
        spacing,
        starts: within("place.study.starts", written.starts, 1..=MAX_COUNT, "50 serve")? as usize,
        tolerance: within("place.study.tolerance_db", written.tolerance_db.unwrap_or(1.0), 0.0..=1e3, "1 serves")?,
        ascent: ascent.clone(),
        restarts,
        refinement: *refinement,
        seed,
    };
    let points: f64 = study.points_along().iter().map(|along| *along as f64).product();
    within("points of the exhaustive search", points, 1.0..=MAX_POINTS, "enlarge place.study.grid_m")?;
    Ok(StudyInScene { placed, study, draws, receivers, methods })
}

/// Checks the study of a job in its plane.
pub(super) fn in_plane(
    written: &StudyDescription,
    place: &PlaceDescription,
    (scene, seed): (PlanarScene, u64),
    folder: &Path,
    inputs: &mut Vec<PathBuf>,
) -> Result<Placement> {
    let of_scenes = [
        ("grid_m", written.grid_m.is_some()),
        ("clearance_m", written.clearance_m.is_some()),
        ("tolerance_db", written.tolerance_db.is_some()),
    ];
    for (field, given) in of_scenes {
        if given {
            let fault = Fault::new(format!("place.study.{field}"), "is of scenes of three dimensions");
            return Err(Error::job(fault.remedy("remove it")));
        }
    }
    let [x, y] = bounds_of_walls(place, &scene)?;
    let study = Study {
        scene,
        area: [Vec2::new(x[0], y[0]), Vec2::new(x[1], y[1])],
        kind: place.smoothing.kind.meant(),
        evaluations: place.steps,
        seed,
    };
    let known = ("a plane", "hard, paper, noise, adaptive, tour, survey or restarts");
    let methods = methods_of(written, &Method::ALL, MethodDescription::in_plane, known)?;
    if let Some(file) = &written.file {
        let path = folder.join(file);
        let all = draws_of(&path)?;
        inputs.push(path);
        return Ok(Placement::Study { study, draws: all, methods });
    }
    let count = within("place.study.draws", written.draws.unwrap_or(50), 1..=MAX_COUNT, "50 are the paper's")? as usize;
    let starts = within("place.study.starts", written.starts, 1..=MAX_COUNT, "50 are the paper's")? as usize;
    let receivers = receivers_of(written.receivers.as_deref().unwrap_or(&[2, 3, 4]))?;
    let of = |receivers: usize| (receivers, draws(study.area, [count, receivers, starts], seed));
    let draws = receivers.into_iter().map(of).collect();
    Ok(Placement::Study { study, draws, methods })
}

/// Draws as the peer's runs have them: `{"configs": [{"receivers": [[x, y], ...], "starts": [[x, y], ...]}, ...]}`.
#[derive(Deserialize)]
struct DrawsFile {
    configs: Vec<DrawDescription>,
}

#[derive(Deserialize)]
struct DrawDescription {
    receivers: Vec<[f64; 2]>,
    starts: Vec<[f64; 2]>,
}

/// The draws of a file, by their number of receivers.
fn draws_of(path: &Path) -> Result<Vec<(usize, Vec<Draw>)>> {
    let wrong = |bound: String| {
        let fault = Fault::new("place.study.file", bound).file(path);
        Error::input(fault.remedy("give JSON as {\"configs\": [{\"receivers\": [[x, y]], \"starts\": [[x, y]]}]}"))
    };
    let bytes = regular_file(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let file: DrawsFile =
        serde_json::from_slice(&bytes).map_err(|error| wrong(format!("is not understood: {error}")))?;
    let mut all: BTreeMap<usize, Vec<Draw>> = BTreeMap::new();
    for (i, config) in file.configs.iter().enumerate() {
        let mut numbers = config.receivers.iter().chain(&config.starts).flatten();
        if config.receivers.is_empty() || config.starts.is_empty() || !numbers.all(|x| x.abs() <= MAX_COORDINATE_M) {
            return Err(wrong(format!(
                "configs[{i}] must have receivers and starts, finite and within {MAX_COORDINATE_M:e} m"
            )));
        }
        let points = |list: &[[f64; 2]]| list.iter().copied().map(Vec2::from).collect();
        let draw = Draw { receivers: points(&config.receivers), starts: points(&config.starts) };
        all.entry(config.receivers.len()).or_default().push(draw);
    }
    Ok(all.into_iter().collect())
}
