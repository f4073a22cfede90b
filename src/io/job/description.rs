//! The job as written: keys, types and defaults of the job file.

use crate::path::{CandidateMethod, InteractionKind, SolverOptions};
use crate::scene::antenna::AntennaDescription;
use crate::scene::description::MaterialDescription;
use crate::scene::generate::GenerateOptions;
use crate::scene::material::OutOfRange;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A job as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobDescription {
    /// What to compute.
    #[serde(default)]
    pub task: Task,
    /// Carriers [GHz]: a number or a list of them.
    #[serde(deserialize_with = "one_or_many")]
    pub carrier_ghz: Vec<f64>,
    /// Seed of all random numbers.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// Where the scene comes from.
    pub scene: SceneSource,
    /// What to put over the materials of the scene, by name.
    #[serde(default)]
    pub materials: BTreeMap<String, MaterialDescription>,
    /// Antennas by name.
    #[serde(default)]
    pub antennas: BTreeMap<String, AntennaDescription>,
    /// Transmitters.
    #[serde(default)]
    pub transmitters: Vec<RadioDescription>,
    /// Receivers.
    #[serde(default)]
    pub receivers: Vec<RadioDescription>,
    /// The path solver.
    #[serde(default)]
    pub solver: SolverDescription,
    /// Radio maps: reserved.
    pub map: Option<MapDescription>,
    /// What to write.
    #[serde(default)]
    pub output: OutputDescription,
}

/// What a job computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Paths and channels of every link.
    #[default]
    Paths,
    /// Radio maps: reserved.
    Map,
    /// Calibration: reserved.
    Fit,
    /// Placement: reserved.
    Place,
}

/// Where the scene comes from: one of `file` and `generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSource {
    /// A scene file, relative to the job file.
    pub file: Option<PathBuf>,
    /// A synthetic scene.
    pub generate: Option<GenerateOptions>,
    /// What to do with ITU materials outside their range.
    #[serde(default)]
    pub out_of_range: OutOfRange,
}

/// A transmitter or receiver as written, or many of them from a file of positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadioDescription {
    /// Name; with `file` the names are this and a number. Absent: `tx0`, `rx0`, ... by position in the job.
    pub name: Option<String>,
    /// Position [m], in the coordinates of the scene file.
    pub position_m: Option<[f64; 3]>,
    /// In place of `position_m`: a `.npy` array [n, 3] or a `.csv` table with x_m, y_m, z_m [m].
    pub file: Option<PathBuf>,
    /// Yaw, pitch, roll [degrees].
    #[serde(default)]
    pub orientation_deg: [f64; 3],
    /// Velocity [m/s].
    #[serde(default)]
    pub velocity_m_per_s: [f64; 3],
    /// Transmitted power [dBm]; unused by receivers.
    #[serde(default = "one_watt_in_dbm")]
    pub power_dbm: f64,
    /// Name of an antenna of the job.
    #[serde(default = "isotropic")]
    pub antenna: String,
}

/// The path solver as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SolverDescription {
    /// Largest number of interactions of a path.
    pub max_depth: u32,
    /// Kinds of paths.
    pub interactions: Vec<InteractionKind>,
    /// How candidates are found.
    pub candidates: CandidateMethod,
    /// Rays of the first round of the guided launch, per transmitter.
    pub rays: u64,
    /// Rays for every new chain in the later rounds.
    pub rays_per_chain: u32,
    /// Largest number of chains per transmitter.
    pub max_chains: u64,
    /// Smoothed visibility: reserved.
    pub smoothing: Option<SmoothingDescription>,
}

impl Default for SolverDescription {
    fn default() -> Self {
        let options = SolverOptions::default();
        SolverDescription {
            max_depth: options.max_depth,
            interactions: vec![InteractionKind::LineOfSight, InteractionKind::Reflection],
            candidates: options.candidates,
            rays: options.rays,
            rays_per_chain: options.rays_per_chain,
            max_chains: options.max_chains,
            smoothing: None,
        }
    }
}

/// Smoothed visibility: reserved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmoothingDescription {
    /// Steepness [1/m].
    pub alpha: f64,
    /// Shape of the step.
    pub kind: Option<String>,
}

/// Radio maps: reserved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapDescription {
    /// Size of a cell [m].
    pub cell_m: Option<[f64; 2]>,
    /// Height of the map [m].
    pub height_m: Option<f64>,
    /// Centre [m].
    pub centre_m: Option<[f64; 3]>,
    /// Extent [m].
    pub size_m: Option<[f64; 2]>,
    /// Yaw, pitch, roll [degrees].
    pub orientation_deg: Option<[f64; 3]>,
}

/// What to write, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputDescription {
    /// The folder, relative to the job file.
    pub dir: PathBuf,
    /// Bandwidth of taps and frequency response [MHz].
    pub bandwidth_mhz: Option<f64>,
    /// Number of subcarriers of the frequency response; present: `cfr.npz` is written.
    pub subcarriers: Option<u32>,
    /// First and last tap; present: `taps.npz` is written.
    pub taps: Option<[i32; 2]>,
    /// Whether taps and frequency response count delays from the first path of each link.
    pub normalize_delays: bool,
    /// Whether the paths are drawn from above (`paths.png`).
    pub picture: bool,
}

impl Default for OutputDescription {
    fn default() -> Self {
        OutputDescription {
            dir: PathBuf::from("out"),
            bandwidth_mhz: None,
            subcarriers: None,
            taps: None,
            normalize_delays: false,
            picture: false,
        }
    }
}

fn first_seed() -> u64 {
    SolverOptions::default().seed
}

fn one_watt_in_dbm() -> f64 {
    30.0
}

fn isotropic() -> String {
    "isotropic".into()
}

/// A number or a list of numbers. An untagged enum would do, but could not say what is wrong.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<f64>;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("a number or a list of numbers")
        }

        fn visit_f64<E>(self, value: f64) -> Result<Vec<f64>, E> {
            Ok(vec![value])
        }

        fn visit_i64<E>(self, value: i64) -> Result<Vec<f64>, E> {
            Ok(vec![value as f64])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<f64>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }

    deserializer.deserialize_any(OneOrMany)
}
