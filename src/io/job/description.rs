//! The job as written: keys, types and defaults of the job file.

use super::fit::FitDescription;
use super::place::{KindDescription, PlaceDescription};
use crate::map::grid::Mean;
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
    /// What to put over the objects of the scene, by name.
    #[serde(default)]
    pub objects: BTreeMap<String, ObjectOverride>,
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
    /// The map of a job that computes one.
    pub map: Option<MapDescription>,
    /// The calibration of a job that fits.
    pub fit: Option<FitDescription>,
    /// The placement of a job that places.
    pub place: Option<PlaceDescription>,
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
    /// A radio map of every transmitter.
    Map,
    /// Calibration: parameters from measurements.
    Fit,
    /// Placement: positions that maximise an objective.
    Place,
}

/// Where the scene comes from: one of `file`, `generate` and `walls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSource {
    /// A scene file, relative to the job file.
    pub file: Option<PathBuf>,
    /// A synthetic scene.
    pub generate: Option<GenerateOptions>,
    /// Walls of a plane `[wall, end, coordinate]` [m], for placement.
    pub walls: Option<Vec<[[f64; 2]; 2]>>,
    /// What to do with ITU materials outside their range.
    #[serde(default)]
    pub out_of_range: OutOfRange,
}

/// What a job changes of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectOverride {
    /// Name of its material, in place of the scene's.
    pub material: Option<String>,
    /// How far it is moved [m].
    pub translation_m: Option<[f64; 3]>,
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
    /// Weights of a transmitter's ports [re, im], for maps; absent: all ports alike.
    pub weights: Option<Vec<[f64; 2]>>,
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
    /// Rays from each transmitter whose hits are scattered.
    pub scatter_rays: u64,
    /// Samples about the image point of a facet with a lobe, for each receiver that rays alone do not serve.
    pub lobe_samples: u32,
    /// Smoothed visibility.
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
            scatter_rays: options.scatter.rays,
            lobe_samples: options.scatter.lobe_samples,
            smoothing: None,
        }
    }
}

/// Smoothed visibility as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmoothingDescription {
    /// Sharpness of all tests [1/m]; infinity is none.
    pub alpha: f64,
    /// Shape of the step.
    #[serde(default)]
    pub kind: KindDescription,
    /// Sharpness of "nothing stands in the way" [1/m], where it differs.
    pub blocking_alpha: Option<f64>,
    /// Sharpness of "the vertex lies on its facet" [1/m], where it differs.
    pub on_facet_alpha: Option<f64>,
}

/// A radio map as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapDescription {
    /// Size of a cell [m], along u and v.
    pub cell_m: [f64; 2],
    /// Points along each side of a cell; a cell is the mean of n x n points.
    pub points: u32,
    /// Whether a cell is the mean over its points or over its area.
    pub mean: Mean,
    /// Height of a map that is level: z of the scene file [m], or above the ground if it is draped.
    pub height_m: Option<f64>,
    /// Centre of the plane [m]; absent: the middle of the scene, at `height_m`.
    pub centre_m: Option<[f64; 3]>,
    /// Extent along u and v [m]; absent: that of the scene.
    pub size_m: Option<[f64; 2]>,
    /// Yaw, pitch, roll of the plane [degrees]: u and v are the turned x and y axes.
    pub orientation_deg: [f64; 3],
    /// Whether the map follows the ground at `height_m` above it.
    pub drape: bool,
    /// Names of the objects that are the ground of a draped map; absent: the lowest surface of all.
    pub ground: Vec<String>,
    /// Names of objects: the map is on their facets, in place of a plane.
    pub objects: Vec<String>,
    /// Distance of a map on facets from them [m].
    pub offset_m: Option<f64>,
    /// Name of the antenna at every point; absent: isotropic, both polarisations.
    pub antenna: Option<String>,
    /// Yaw, pitch, roll of that antenna [degrees].
    pub antenna_orientation_deg: [f64; 3],
    /// Weights of its ports [re, im]; absent: the powers of the ports add up.
    pub receive_weights: Option<Vec<[f64; 2]>>,
    /// Bandwidth of the receiver [MHz], for its noise.
    pub bandwidth_mhz: f64,
    /// Noise figure of the receiver [dB].
    pub noise_figure_db: f64,
    /// Standard error over gain at which sampling ends: that of all but one in twenty of the cells reached.
    pub relative_error: Option<f64>,
    /// Rays from each transmitter at the most, where a relative error is asked for.
    pub max_rays: Option<u64>,
}

impl Default for MapDescription {
    fn default() -> Self {
        MapDescription {
            cell_m: [5.0, 5.0],
            points: 1,
            mean: Mean::Points,
            height_m: None,
            centre_m: None,
            size_m: None,
            orientation_deg: [0.0; 3],
            drape: false,
            ground: Vec::new(),
            objects: Vec::new(),
            offset_m: None,
            antenna: None,
            antenna_orientation_deg: [0.0; 3],
            receive_weights: None,
            bandwidth_mhz: 100.0,
            noise_figure_db: 7.0,
            relative_error: None,
            max_rays: None,
        }
    }
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
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
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
