//! The calibration of a job (`[fit]`): as written, and as meant.

use super::description::JobDescription;
use super::meant::{Output, within};
use crate::backend::Backend;
use crate::calibrate::Plan;
use crate::calibrate::adam::{Adam, Schedule};
use crate::calibrate::loss::{Measure, Of, Term};
use crate::calibrate::material_models::MaterialModel;
use crate::calibrate::measurement::{Quantity, Split, parts_of};
use crate::calibrate::observe::Instrument;
use crate::calibrate::patterns::{Offered, Resolved, Wish, resolve};
use crate::calibrate::plan::Optimiser;
use crate::calibrate::scale::Scale;
use crate::calibrate::traced::Search;
use crate::channel::Delays;
use crate::error::{Error, Fault, Result};
use crate::io::measurements::{Context, Measurements, Source};
use crate::path::SolverOptions;
use crate::scene::Scene;
use crate::scene::radio::Radios;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A calibration as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitDescription {
    /// Files of measurements.
    pub measurements: Vec<MeasurementDescription>,
    /// What is trained.
    pub parameters: Vec<ParameterDescription>,
    /// Patterns of parameters that are not trained after all.
    pub frozen: Vec<String>,
    /// Terms of the loss.
    pub losses: Vec<LossDescription>,
    /// Whether measured powers have a scale that is not known.
    pub scale: ScaleDescription,
    /// Decay of the scale's moving average [-].
    pub scale_decay: f64,
    /// Measured path gains at or below this are known to be no larger [dB].
    pub noise_floor_db: Option<f64>,
    /// The optimiser.
    pub optimiser: OptimiserDescription,
    /// Steps.
    pub steps: u64,
    /// Length of Adam's first steps, in trained numbers.
    pub learning_rate: f64,
    /// How that goes on.
    pub schedule: ScheduleDescription,
    /// The last learning rate over the first one [-].
    pub last_rate: f64,
    /// Links of each step; absent: all.
    pub batch: Option<usize>,
    /// Share of the links that say which step was best.
    pub validation: f64,
    /// Share of the links that the fit never sees.
    pub held_out: f64,
    /// Side of the squares whose receivers stay together in that [m].
    pub block_m: Option<f64>,
    /// The validation loss is computed every so many steps.
    pub validate_every: u64,
    /// A checkpoint is written every so many steps.
    pub checkpoint_every: u64,
    /// Materials share a read-out of so many numbers.
    pub shared_readout: Option<usize>,
    /// Paths are searched for anew when a trained radio is further than this from where it was [m].
    pub retrace_m: f64,
}

impl Default for FitDescription {
    fn default() -> Self {
        let adam = Adam::default();
        FitDescription {
            measurements: Vec::new(),
            parameters: Vec::new(),
            frozen: Vec::new(),
            losses: Vec::new(),
            scale: ScaleDescription::Known,
            scale_decay: 0.999,
            noise_floor_db: None,
            optimiser: OptimiserDescription::Adam,
            steps: 1000,
            learning_rate: adam.learning_rate,
            schedule: ScheduleDescription::Cosine,
            last_rate: 0.01,
            batch: None,
            validation: 0.0,
            held_out: 0.0,
            block_m: None,
            validate_every: 10,
            checkpoint_every: 100,
            shared_readout: None,
            retrace_m: 0.1,
        }
    }
}

/// A file of measurements as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasurementDescription {
    /// The file, relative to the job file: `.csv`, or `.npz` as `cfr.npz` and `taps.npz`.
    pub file: PathBuf,
    /// Group of its links: those of a group share a scale.
    #[serde(default = "one_group")]
    pub group: String,
}

/// Parameters to train, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterDescription {
    /// Names, with `*` for any part of one.
    pub pattern: String,
    /// Where they begin; absent: where the job has them.
    pub start: Option<f64>,
    /// Bounds of their values.
    pub bounds: Option<[f64; 2]>,
    /// Mean of the prior, a value, and its width.
    pub prior: Option<[f64; 2]>,
    /// Factor of the learning rate.
    pub learning_rate: Option<f64>,
}

/// A term of the loss as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossDescription {
    /// What is compared.
    pub of: OfDescription,
    /// How; of `cfr` there is one way.
    #[serde(default)]
    pub measure: MeasureDescription,
    /// Weight.
    #[serde(default = "one")]
    pub weight: f64,
    /// Standard deviation of the measurements [dB].
    pub noise_db: Option<f64>,
    /// Whether the phase of every measured link is unknown.
    #[serde(default)]
    pub free_phase: bool,
}

/// What a term compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfDescription {
    /// Sum of the powers of the paths.
    PathGain,
    /// Power of the taps.
    BandPower,
    /// Delay spread of the paths.
    RmsDelaySpread,
    /// Delay spread of the taps.
    TapDelaySpread,
    /// Frequency response.
    Cfr,
}

/// How a term measures errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureDescription {
    /// Symmetric relative error.
    Smape,
    /// Squared error in decibels.
    #[default]
    Db,
}

/// What is known of the scale of measured powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleDescription {
    /// It is 1.
    Known,
    /// It follows a moving average, in each group.
    Ewma,
}

/// The optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserDescription {
    /// Adam.
    Adam,
    /// Damped Gauss-Newton.
    GaussNewton,
}

/// How the learning rate goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleDescription {
    /// It stays.
    Constant,
    /// Down by half a cosine.
    Cosine,
    /// Down by the same factor each step.
    Exponential,
}

fn one_group() -> String {
    "all".into()
}

fn one() -> f64 {
    1.0
}

/// A calibration, checked.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What is fitted to what.
    pub plan: Plan,
    /// A checkpoint is written every so many steps.
    pub checkpoint_every: u64,
    /// Paths are searched for anew when a trained radio is further than this from where it was [m].
    pub retrace_after: f64,
}

impl Calibration {
    /// How paths are found on a device.
    pub fn search(&self, backend: Backend, options: &SolverOptions, carriers: &[f64], output: &Output) -> Search {
        Search {
            backend,
            options: options.clone(),
            carriers: carriers.to_vec(),
            bandwidth: output.bandwidth,
            retrace_after: self.retrace_after,
        }
    }
}

/// Noise where a job states none [dB]: of quantities, and of responses.
const DEFAULT_NOISE_DB: [f64; 2] = [1.0, -20.0];
/// Bounds of counts that memory and patience can bear.
const MAX_STEPS: u64 = 100_000_000;

/// Checks the calibration of a job, gives the scene the materials that are trained, and reads the measurements.
pub fn calibration_of(
    description: &JobDescription,
    folder: &Path,
    carriers: &[f64],
    (output, solver): (&Output, &SolverOptions),
    (scene, radios): (&mut Scene, &Radios),
    (inputs, warnings): (&mut Vec<PathBuf>, &mut Vec<String>),
) -> Result<Calibration> {
    let Some(written) = &description.fit else {
        let fault = Fault::new("fit", "is missing, and task = \"fit\" needs it");
        return Err(Error::job(fault.remedy("add [fit] with measurements, parameters and losses: docs/job-file.md")));
    };
    let terms = terms_of(&written.losses)?;
    let mut instrument = instrument_of(&terms, output)?;
    let measurements = read(written, folder, Context::new(radios, carriers, &instrument), inputs)?;
    warnings.extend(measurements.warnings.iter().cloned());
    instrument.offsets = measurements.offsets.clone().unwrap_or_default();
    let wishes: Vec<Wish> = written.parameters.iter().map(wish_of).collect();
    let offered = Offered { diffuse: solver.scatter.diffuse, lobe: solver.scatter.lobe };
    let Resolved { parameters, own_materials } =
        resolve(&wishes, &written.frozen, offered, carriers[0], (scene, radios), warnings)?;
    let split = split_of(written)?;
    let positions: Vec<_> = radios.receivers.iter().map(|radio| radio.position).collect();
    let floor = match written.noise_floor_db {
        None => 0.0,
        Some(db) => {
            10f64.powf(within("fit.noise_floor_db", db, -400.0..=0.0, "give a path gain in dB, as -140")? / 10.0)
        }
    };
    let plan = Plan {
        parameters,
        own_materials,
        model: model_of(written, description.seed)?,
        groups: measurements.groups.clone(),
        parts: parts_of(&split, &positions, description.seed),
        rows: measurements.into_rows(),
        instrument,
        optimiser: optimiser_of(written, &terms)?,
        terms,
        scale: scale_of(written)?,
        floor,
        steps: within("fit.steps", written.steps, 0..=MAX_STEPS, "1000 to 3000 serve most fits")?,
        batch: written.batch.map(|n| within("fit.batch", n, 1..=usize::MAX, "leave it out for all")).transpose()?,
        validate_every: within("fit.validate_every", written.validate_every, 1..=MAX_STEPS, "10 serves")?,
        seed: description.seed,
    };
    every_term_has_rows(&plan)?;
    let checkpoint_every = within("fit.checkpoint_every", written.checkpoint_every, 1..=MAX_STEPS, "100 serves")?;
    let retrace_after = within("fit.retrace_m", written.retrace_m, 0.0..=1e6, "0.1 serves")?;
    Ok(Calibration { plan, checkpoint_every, retrace_after })
}

fn read(written: &FitDescription, folder: &Path, context: Context, inputs: &mut Vec<PathBuf>) -> Result<Measurements> {
    if written.measurements.is_empty() {
        let fault = Fault::new("fit.measurements", "must name at least one file").value("[]");
        return Err(Error::job(fault.remedy("add measurements = [{ file = \"measured.csv\" }] to [fit]")));
    }
    let source = |one: &MeasurementDescription| Source { file: folder.join(&one.file), group: one.group.clone() };
    let sources: Vec<Source> = written.measurements.iter().map(source).collect();
    let all = Measurements::read(&sources, &context)?;
    inputs.extend(sources.into_iter().map(|source| source.file));
    if all.is_empty() {
        let fault = Fault::new("fit.measurements", "hold no value that can be used");
        return Err(Error::input(fault.remedy("see the columns that docs/job-file.md lists")));
    }
    Ok(all)
}

fn wish_of(written: &ParameterDescription) -> Wish {
    Wish {
        pattern: written.pattern.clone(),
        start: written.start,
        bounds: written.bounds,
        prior: written.prior,
        rate: written.learning_rate,
    }
}

fn terms_of(written: &[LossDescription]) -> Result<Vec<Term>> {
    if written.is_empty() {
        let fault = Fault::new("fit.losses", "must hold at least one term").value("[]");
        return Err(Error::job(fault.remedy("add losses = [{ of = \"path_gain\" }] to [fit]")));
    }
    let term = |(i, one): (usize, &LossDescription)| {
        let of = match one.of {
            OfDescription::PathGain => Of::Quantity(Quantity::PathGain),
            OfDescription::BandPower => Of::Quantity(Quantity::BandPower),
            OfDescription::RmsDelaySpread => Of::Quantity(Quantity::RmsDelaySpread),
            OfDescription::TapDelaySpread => Of::Quantity(Quantity::TapDelaySpread),
            OfDescription::Cfr => Of::Response { free_phase: one.free_phase },
        };
        let is_response = one.of == OfDescription::Cfr;
        if one.free_phase && !is_response {
            let fault = Fault::new(format!("fit.losses[{i}].free_phase"), "has a meaning for \"cfr\" alone");
            return Err(Error::job(fault.value(true).remedy("remove it")));
        }
        let measure = match (is_response, one.measure) {
            (true, MeasureDescription::Db) => Measure::Response,
            (false, MeasureDescription::Db) => Measure::Decibel,
            (false, MeasureDescription::Smape) => Measure::Smape,
            (true, MeasureDescription::Smape) => {
                let fault = Fault::new(format!("fit.losses[{i}].measure"), "is not there for \"cfr\"").value("smape");
                return Err(Error::job(fault.remedy("remove it: responses have their squared error")));
            }
        };
        let remedy = "give a factor, as weight = 1";
        let weight = within(&format!("fit.losses[{i}].weight"), one.weight, 1e-12..=1e12, remedy)?;
        let (bounds, remedy) = if is_response {
            (-200.0..=100.0, "give the noise power over the response's in dB, as noise_db = -20")
        } else {
            (1e-6..=100.0, "give the standard deviation in dB, as noise_db = 1")
        };
        let noise_db = one.noise_db.unwrap_or(DEFAULT_NOISE_DB[usize::from(is_response)]);
        let noise_db = within(&format!("fit.losses[{i}].noise_db"), noise_db, bounds, remedy)?;
        Ok(Term { of, measure, weight, noise_db, noise_is_stated: one.noise_db.is_some() })
    };
    written.iter().enumerate().map(term).collect()
}

fn instrument_of(terms: &[Term], output: &Output) -> Result<Instrument> {
    let mut wants = [false; crate::calibrate::measurement::QUANTITIES];
    for term in terms {
        if let Of::Quantity(quantity) = term.of {
            wants[quantity as usize] = true;
            if quantity.needs_taps() && output.taps.is_none() {
                let fault = Fault::new("output.taps", format!("is missing, and {} needs it", quantity.name()));
                return Err(Error::job(fault.remedy("add bandwidth_mhz = 50 and taps = [-8, 79] to [output]")));
            }
        }
    }
    let delays = if output.normalize_delays { Delays::FromFirst } else { Delays::Absolute };
    let bandwidth = output.bandwidth.unwrap_or_default();
    Ok(Instrument { window: output.taps, bandwidth, offsets: Vec::new(), delays, wants })
}

fn split_of(written: &FitDescription) -> Result<Split> {
    let remedy = "give a share, as 0.2; both together leave something to learn from";
    let validation = within("fit.validation", written.validation, 0.0..=0.9, remedy)?;
    let held_out = within("fit.held_out", written.held_out, 0.0..=0.99 - validation, remedy)?;
    let block = written.block_m.map(|m| within("fit.block_m", m, 1e-3..=1e9, "give metres, as block_m = 20"));
    Ok(Split { validation, held_out, block: block.transpose()? })
}

fn model_of(written: &FitDescription, seed: u64) -> Result<MaterialModel> {
    let Some(width) = written.shared_readout else { return Ok(MaterialModel::Own) };
    let width = within("fit.shared_readout", width, 1..=10_000, "30 serves")?;
    if written.optimiser == OptimiserDescription::GaussNewton {
        let fault = Fault::new("fit.shared_readout", "has no meaning beside fit.optimiser = \"gauss_newton\"");
        return Err(Error::job(fault.value(width).remedy("use optimiser = \"adam\", or remove it")));
    }
    Ok(MaterialModel::SharedReadout { width, seed })
}

fn scale_of(written: &FitDescription) -> Result<Scale> {
    match written.scale {
        ScaleDescription::Known => Ok(Scale::Known),
        ScaleDescription::Ewma => {
            let decay = within("fit.scale_decay", written.scale_decay, 0.0..=1.0, "0.999 serves")?;
            Ok(Scale::Ewma { decay })
        }
    }
}

fn optimiser_of(written: &FitDescription, terms: &[Term]) -> Result<Optimiser> {
    let last = within("fit.last_rate", written.last_rate, 1e-9..=1.0, "give a share, as 0.01")?;
    let schedule = match written.schedule {
        ScheduleDescription::Constant => Schedule::Constant,
        ScheduleDescription::Cosine => Schedule::Cosine { last },
        ScheduleDescription::Exponential => Schedule::Exponential { last },
    };
    let learning_rate = within("fit.learning_rate", written.learning_rate, 1e-9..=1e3, "5e-3 serves")?;
    match written.optimiser {
        OptimiserDescription::Adam => Ok(Optimiser::Adam(Adam { learning_rate, schedule, ..Adam::default() })),
        OptimiserDescription::GaussNewton if !terms.iter().all(|term| term.measure.is_square()) => {
            let fault = Fault::new("fit.optimiser", "needs losses that are squares: not \"smape\"");
            Err(Error::job(fault.value("gauss_newton").remedy("use measure = \"db\", or optimiser = \"adam\"")))
        }
        OptimiserDescription::GaussNewton if written.batch.is_some() => {
            let fault = Fault::new("fit.batch", "has no meaning beside fit.optimiser = \"gauss_newton\"");
            Err(Error::job(fault.remedy("remove it: every step looks at all links")))
        }
        OptimiserDescription::GaussNewton => Ok(Optimiser::GaussNewton),
    }
}

/// A term that no measurement speaks of is a mistake.
fn every_term_has_rows(plan: &Plan) -> Result<()> {
    let all: Vec<usize> = (0..plan.rows.len()).collect();
    match plan.terms.iter().zip(plan.counts(&all)).find(|(_, count)| *count == 0) {
        None => Ok(()),
        Some((term, _)) => {
            let fault = Fault::new("fit.losses, of", "is measured at no link").value(term.of.name());
            Err(Error::input(fault.remedy("add measurements of it, or remove the term")))
        }
    }
}
