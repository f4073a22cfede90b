//! A placement as written in a job.

use super::study::StudyDescription;
use crate::io::job::description::one_or_many;
use crate::math::smoothing::StepKind;
use serde::{Deserialize, Serialize};

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
    /// Adam's last rate over its first one.
    pub decay: f64,
    /// How the sharpness goes on.
    pub schedule: ScheduleDescription,
    /// Noise that gradients are taken with: standard deviation of the point at the first step [m].
    pub noise_m: f64,
    /// Smoothing.
    pub smoothing: PlaceSmoothing,
    /// Lower left and upper right corner of where transmitters may go [m]; absent: nowhere in particular for Adam, what the walls
    /// span for searches.
    pub region_m: Option<[[f64; 2]; 2]>,
    /// Size of the cells of a map over the region, each with a receiver like the job's first one, in place of the job's own [m].
    pub map_cell_m: Option<f64>,
    /// Where the transmitters of a scene may stand; absent: anywhere in the region.
    pub sites: Vec<SiteDescription>,
    /// Further starts.
    pub restarts: Option<RestartsDescription>,
    /// The search from the best end.
    pub refinement: Option<RefinementDescription>,
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
            decay: 1.0,
            schedule: ScheduleDescription::Geometric,
            noise_m: 0.0,
            smoothing: PlaceSmoothing::default(),
            region_m: None,
            map_cell_m: None,
            sites: Vec::new(),
            restarts: None,
            refinement: None,
            cells: 100,
            pictures_alpha: Vec::new(),
            study: None,
        }
    }
}

/// Where transmitters may stand, as written: one of the first three.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteDescription {
    /// Corners of a polygon of the plan [m]: anywhere above and below it.
    pub polygon_m: Option<Vec<[f64; 2]>>,
    /// Objects by pattern: above their level faces.
    pub roof: Option<String>,
    /// Objects by pattern: before their upright faces.
    pub facade: Option<String>,
    /// How far above a roof or before a facade [m].
    pub offset_m: Option<f64>,
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

/// What is moved of every transmitter, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeDescription {
    /// Its position, axis by axis.
    X,
    /// Along y.
    Y,
    /// Its height.
    Z,
    /// Its angle about the vertical.
    Yaw,
    /// Its tilt.
    Pitch,
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
    pub(crate) fn meant(self) -> StepKind {
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
    /// Sharpness of the coarse landscape, or of several.
    #[serde(deserialize_with = "one_or_many")]
    pub alpha: Vec<f64>,
    /// Starts from each at the most.
    pub starts: u32,
}

impl Default for RestartsDescription {
    fn default() -> Self {
        RestartsDescription { across: 8, alpha: vec![10.0], starts: 4 }
    }
}

/// The search from the best end, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefinementDescription {
    /// Evaluations of the objective without smoothing.
    pub evaluations: u32,
    /// Length of the first steps [m].
    pub step_m: f64,
}

impl Default for RefinementDescription {
    fn default() -> Self {
        RefinementDescription { evaluations: 100, step_m: 1.0 }
    }
}
