//! The placement of a job (`[place]`): as written, and as meant.

mod scene;

pub use scene::{FreeDescription, InScene};

use super::description::JobDescription;
use super::meant::within;
use crate::calibrate::adam::Adam;
use crate::error::{Error, Fault, Result};
use crate::io::read::regular_file;
use crate::math::smoothing::{SmoothStep, StepKind};
use crate::optimise::ascent::{Ascent, Sharpening};
use crate::optimise::place::{Optimiser, Restarts};
use crate::optimise::planar::{Objective, PlanarLandscape};
use crate::optimise::search::{Search, Way};
use crate::optimise::study::{Draw, Method, Study, draws};
use crate::optimise::{LogScale, Region, Softness};
use crate::planar::path::MAX_ORDER;
use crate::planar::scene::MAX_COORDINATE_M;
use crate::planar::validity::Definition;
use crate::planar::{PlanarScene, Vec2};
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A placement as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceDescription {
    /// What is made of the receivers' powers.
    pub objective: ObjectiveDescription,
    /// Of coverage: the path gain that counts as covered [dB], and the width of its smooth step [dB].
    pub threshold_db: f64,
    /// See above [dB].
    pub width_db: f64,
    /// Of SINR: the share of receivers that stay below it.
    pub quantile: f64,
    /// Of SINR: bandwidth of the noise [MHz].
    pub bandwidth_mhz: f64,
    /// Of SINR: noise figure [dB].
    pub noise_figure_db: f64,
    /// What is moved of each transmitter of a scene.
    pub free: Vec<FreeDescription>,
    /// Least and largest height where that is free [m].
    pub height_m: Option<[f64; 2]>,
    /// Angle by which a transmitter is turned where it would be moved by a metre [degrees].
    pub turn_deg_per_m: f64,
    /// Reflections of a path in a plane at the most.
    pub max_order: u32,
    /// How positions are sought.
    pub optimiser: OptimiserDescription,
    /// Evaluations of the smoothed objective from each start.
    pub steps: u64,
    /// Length of Adam's first steps [m].
    pub learning_rate: f64,
    /// How the sharpness goes on.
    pub schedule: ScheduleDescription,
    /// Noise that gradients are taken with: standard deviation of the point at the first step [m].
    pub noise_m: f64,
    /// Smoothing.
    pub smoothing: PlaceSmoothing,
    /// Lower left and upper right corner of where transmitters may go [m]; absent: nowhere in particular for Adam, what the walls
    /// span for searches.
    pub region_m: Option<[[f64; 2]; 2]>,
    /// Further starts.
    pub restarts: Option<RestartsDescription>,
    /// Cells along each side of the pictures.
    pub cells: u32,
    /// Sharpnesses of further pictures of the landscape.
    pub pictures_alpha: Vec<f64>,
    /// In place of one placement: how often each method arrives.
    pub study: Option<StudyDescription>,
}

impl Default for PlaceDescription {
    fn default() -> Self {
        PlaceDescription {
            objective: ObjectiveDescription::Min,
            threshold_db: -110.0,
            width_db: 6.0,
            quantile: 0.05,
            bandwidth_mhz: 100.0,
            noise_figure_db: 7.0,
            free: vec![FreeDescription::X, FreeDescription::Y],
            height_m: None,
            turn_deg_per_m: 3.0,
            max_order: 0,
            optimiser: OptimiserDescription::Adam,
            steps: 100,
            learning_rate: 0.01,
            schedule: ScheduleDescription::Geometric,
            noise_m: 0.0,
            smoothing: PlaceSmoothing::default(),
            region_m: None,
            restarts: None,
            cells: 100,
            pictures_alpha: Vec::new(),
            study: None,
        }
    }
}

/// What is made of the receivers' powers, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveDescription {
    /// The least.
    Min,
    /// The mean.
    Mean,
    /// The share of receivers above a threshold.
    Coverage,
    /// A percentile of the SINR.
    Sinr,
}

/// How positions are sought, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserDescription {
    /// Adam.
    Adam,
    /// From hill to hill.
    Tour,
    /// Points spread over the region, then climbs.
    Survey,
}

/// How the sharpness goes on, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleDescription {
    /// Evenly on a logarithmic scale.
    Geometric,
    /// While there is a slope.
    Adaptive,
    /// No smoothing.
    Hard,
}

/// Smoothing of a placement, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceSmoothing {
    /// Shape of the step.
    pub kind: KindDescription,
    /// What is smoothed.
    pub definition: DefinitionDescription,
    /// First and last sharpness [1/m], or [-] of the paper's definition.
    pub alpha: [f64; 2],
    /// Temperature of the soft minimum [-]; present: the objective is taken on a logarithmic scale.
    pub temperature: Option<f64>,
    /// How much further walls reach on that scale [m].
    pub margin_m: f64,
    /// Share of their length by which walls and legs count as longer at both ends [-].
    pub guard: f64,
}

impl Default for PlaceSmoothing {
    fn default() -> Self {
        PlaceSmoothing {
            kind: KindDescription::Sigmoid,
            definition: DefinitionDescription::Metric,
            alpha: [1.0, 100.0],
            temperature: None,
            margin_m: 0.0,
            guard: 0.0,
        }
    }
}

/// Shape of the step, as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindDescription {
    /// The sigmoid.
    #[default]
    Sigmoid,
    /// A ramp.
    HardSigmoid,
    /// A ramp with a continuous slope.
    Smoothstep,
}

impl KindDescription {
    pub(super) fn meant(self) -> StepKind {
        match self {
            KindDescription::Sigmoid => StepKind::Sigmoid,
            KindDescription::HardSigmoid => StepKind::HardSigmoid,
            KindDescription::Smoothstep => StepKind::Smoothstep,
        }
    }
}

/// What is smoothed, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionDescription {
    /// Distances of legs from walls.
    Metric,
    /// Distances of the transmitter from shadows.
    Shadow,
    /// The paper's positions along segments.
    Paper,
}

/// Further starts, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestartsDescription {
    /// Points along each side of the region.
    pub across: u32,
    /// Sharpness of the coarse landscape.
    pub alpha: f64,
    /// Starts at the most.
    pub starts: u32,
}

impl Default for RestartsDescription {
    fn default() -> Self {
        RestartsDescription { across: 8, alpha: 10.0, starts: 4 }
    }
}

/// A study, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyDescription {
    /// A JSON file of draws, relative to the job file, in place of random ones.
    pub file: Option<PathBuf>,
    /// Draws of receivers.
    pub draws: u32,
    /// Starts of each.
    pub starts: u32,
    /// Numbers of receivers: a row for each.
    pub receivers: Vec<u32>,
    /// What is compared.
    pub methods: Vec<Method>,
}

impl Default for StudyDescription {
    fn default() -> Self {
        StudyDescription { file: None, draws: 50, starts: 50, receivers: vec![2, 3, 4], methods: Method::ALL.to_vec() }
    }
}

/// A placement as meant.
#[derive(Debug, Clone)]
pub enum Placement {
    /// Transmitters are placed in a plane.
    One(Box<One>),
    /// Transmitters are placed in the job's scene.
    InScene(Box<InScene>),
    /// Methods are compared.
    Study {
        /// What the study is of.
        study: Study,
        /// Numbers of receivers, and the draws of each.
        draws: Vec<(usize, Vec<Draw>)>,
        /// What is compared.
        methods: Vec<Method>,
    },
}

/// One placement as meant.
#[derive(Debug, Clone)]
pub struct One {
    /// The objective.
    pub landscape: PlanarLandscape,
    /// Where the transmitters begin [m].
    pub start: Vec<f64>,
    /// How they are moved.
    pub optimiser: Optimiser,
    /// Further starts.
    pub restarts: Option<Restarts>,
    /// Softness of each picture of the landscape beside the hard one.
    pub softness: Vec<Softness>,
    /// What the pictures show [m].
    pub area: [Vec2; 2],
    /// Cells along each side of the pictures.
    pub cells: usize,
}

/// Steps of one start that results can hold.
const MAX_STEPS: u64 = 1_000_000;
/// Candidates of a path, of which each costs an evaluation of its own.
const MAX_CANDIDATES: f64 = 1e5;
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
    let Some(walls) = &description.scene.walls else {
        return Ok(Placement::InScene(Box::new(scene::in_scene(&place, scene, radios)?)));
    };
    let mut scene = PlanarScene::new(walls)?;
    scene.guard = within("place.smoothing.guard", place.smoothing.guard, 0.0..=1.0, "0.005 is the paper's")?;
    within("place.steps", place.steps, 1..=MAX_STEPS, "100 are the paper's")?;
    within("place.cells", place.cells, 1..=2000, "100 serve")?;
    let region = region_of(&place, &scene)?;
    if let Some(study) = &place.study {
        if !(description.transmitters.is_empty() && description.receivers.is_empty()) {
            warnings.push("transmitters, receivers: a study draws its own; those of the job are not used".into());
        }
        return study_of(study, &place, (scene, &region, description.seed), folder, inputs);
    }
    let order =
        within("place.max_order", place.max_order, 0..=MAX_ORDER as u32, "the paper's figures have 0")? as usize;
    if place.smoothing.definition == DefinitionDescription::Shadow && order > 0 {
        let fault = Fault::new("place.smoothing.definition", "is for direct paths alone").value("shadow");
        return Err(Error::job(fault.remedy("set place.max_order = 0, or use \"metric\"")));
    }
    let candidates = (scene.walls().len() as f64).powi(order as i32);
    within("candidates of a path", candidates, 0.0..=MAX_CANDIDATES, "lower place.max_order")?;
    let start = in_plane("transmitters", &radios.transmitters)?;
    let receivers = in_plane("receivers", &radios.receivers)?;
    let receivers = receivers.chunks_exact(2).map(Vec2::from_column_slice).collect();
    let mut landscape = PlanarLandscape::new(scene, receivers, radios.transmitters.len(), order);
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
    let log = log_of(&place.smoothing)?;
    let softness = |alpha: f64| Softness { step: SmoothStep { kind: place.smoothing.kind.meant(), alpha }, log };
    for (i, alpha) in place.smoothing.alpha.iter().chain(&place.pictures_alpha).enumerate() {
        let field =
            if i < 2 { format!("place.smoothing.alpha[{i}]") } else { format!("place.pictures_alpha[{}]", i - 2) };
        within(&field, *alpha, 1e-6..=MAX_ALPHA, "the paper's go from 1 to 100")?;
    }
    let region = repeated(&region, radios.transmitters.len());
    let restarts = match &place.restarts {
        None => None,
        Some(written) => Some(restarts_of(written, softness, region.clone())?),
    };
    let area = [0, 1].map(|axis| region.low[axis]);
    let high = [0, 1].map(|axis| region.high[axis]);
    Ok(Placement::One(Box::new(One {
        optimiser: optimiser_of(&place, region, log)?,
        landscape,
        start,
        restarts,
        softness: place.pictures_alpha.iter().map(|alpha| softness(*alpha)).collect(),
        area: [Vec2::from(area), Vec2::from(high)],
        cells: place.cells as usize,
    })))
}

fn optimiser_of(place: &PlaceDescription, region: Region, log: Option<LogScale>) -> Result<Optimiser> {
    let learning_rate = within("place.learning_rate", place.learning_rate, 1e-9..=1e9, "0.01 is the paper's")?;
    let noise = within("place.noise_m", place.noise_m, 0.0..=1e9, "0 is none")?;
    let way = match place.optimiser {
        OptimiserDescription::Adam => {
            return Ok(Optimiser::Adam(Ascent {
                adam: Adam { learning_rate, ..Adam::default() },
                steps: place.steps,
                kind: place.smoothing.kind.meant(),
                alpha: place.smoothing.alpha,
                sharpening: match place.schedule {
                    ScheduleDescription::Geometric => Sharpening::Geometric,
                    ScheduleDescription::Adaptive => Sharpening::Adaptive,
                    ScheduleDescription::Hard => Sharpening::Hard,
                },
                log,
                region: place.region_m.map(|_| region),
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

fn study_of(
    written: &StudyDescription,
    place: &PlaceDescription,
    (scene, region, seed): (PlanarScene, &Region, u64),
    folder: &Path,
    inputs: &mut Vec<PathBuf>,
) -> Result<Placement> {
    let study = Study {
        scene,
        area: [Vec2::from_column_slice(&region.low), Vec2::from_column_slice(&region.high)],
        kind: place.smoothing.kind.meant(),
        evaluations: place.steps,
        seed,
    };
    let methods = written.methods.clone();
    if let Some(file) = &written.file {
        let path = folder.join(file);
        let all = draws_of(&path)?;
        inputs.push(path);
        return Ok(Placement::Study { study, draws: all, methods });
    }
    let count = within("place.study.draws", written.draws, 1..=100_000, "50 are the paper's")? as usize;
    let starts = within("place.study.starts", written.starts, 1..=100_000, "50 are the paper's")? as usize;
    let mut all = Vec::new();
    for (i, receivers) in written.receivers.iter().enumerate() {
        let field = format!("place.study.receivers[{i}]");
        let receivers = within(&field, *receivers, 1..=10_000, "2, 3, 4 are the paper's")? as usize;
        all.push((receivers, draws(study.area, [count, receivers, starts], seed)));
    }
    Ok(Placement::Study { study, draws: all, methods })
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

fn restarts_of(written: &RestartsDescription, softness: impl Fn(f64) -> Softness, region: Region) -> Result<Restarts> {
    let across = within("place.restarts.across", written.across, 1..=10_000, "8 serve")? as usize;
    let points = (across as f64).powi(region.low.len() as i32);
    within("points of place.restarts", points, 1.0..=MAX_POINTS, "lower place.restarts.across")?;
    let alpha = within("place.restarts.alpha", written.alpha, 1e-6..=MAX_ALPHA, "10 serves")?;
    let starts = within("place.restarts.starts", written.starts, 1..=10_000, "4 serve")? as usize;
    Ok(Restarts { region, softness: softness(alpha), across, starts })
}

fn log_of(smoothing: &PlaceSmoothing) -> Result<Option<LogScale>> {
    let margin = within("place.smoothing.margin_m", smoothing.margin_m, 0.0..=1e9, "0.002 serves in a unit square")?;
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

/// Where a transmitter may go: as stated, or what the walls span.
fn region_of(place: &PlaceDescription, scene: &PlanarScene) -> Result<Region> {
    let corners = match (place.region_m, scene.bounds()) {
        (Some(corners), _) => corners,
        (None, Some(bounds)) => bounds.map(|corner| [corner.x, corner.y]),
        (None, None) => {
            let fault = Fault::new("place.region_m", "is missing, and there are no walls");
            return Err(Error::job(fault.remedy("add region_m = [[0, 0], [1, 1]]")));
        }
    };
    let [low, high] = corners;
    let fits = (0..2).all(|axis| low[axis] < high[axis] && low[axis].abs().max(high[axis].abs()) <= MAX_COORDINATE_M);
    if !fits {
        let fault =
            Fault::new("place.region_m", "must have a lower left and an upper right corner, apart on both axes");
        return Err(Error::job(fault.value(format!("{corners:?}")).remedy("give [[x, y], [x, y]] in metres")));
    }
    Ok(Region { low: low.to_vec(), high: high.to_vec() })
}

fn repeated(region: &Region, times: usize) -> Region {
    Region { low: region.low.repeat(times), high: region.high.repeat(times) }
}

/// Two coordinates for each radio of a plane.
fn in_plane(table: &str, radios: &[Radio]) -> Result<Vec<f64>> {
    for (i, radio) in radios.iter().enumerate() {
        if radio.position.z != 0.0 {
            let fault =
                Fault::new(format!("{table}[{i}].position_m"), "must have z = 0 in a scene of walls in a plane");
            return Err(Error::job(fault.value(radio.position.z).remedy("give [x, y, 0]")));
        }
    }
    Ok(radios.iter().flat_map(|radio| [radio.position.x, radio.position.y]).collect())
}
