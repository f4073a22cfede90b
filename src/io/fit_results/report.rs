//! `fit.json`.

use crate::calibrate::Plan;
use crate::calibrate::evaluate::{Losses, TermLoss};
use crate::calibrate::fit::{Outcome, PARTS};
use crate::calibrate::loss::{DECIBEL, Term, stated};
use crate::calibrate::measurement::{Measured, Part, Quantity};
use crate::calibrate::observe::Observed;
use crate::calibrate::parameters::Parameter;
use crate::calibrate::scale::Scale;
use crate::io::job::Job;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a fit has found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Steps done.
    pub steps: u64,
    /// The step whose values these are: the one of least validation loss, or the last.
    pub step: u64,
    /// Searches for paths.
    pub searches: u64,
    /// Parameters, in the order of the scene.
    pub parameters: Vec<OfParameter>,
    /// Pairs of parameters that the data cannot tell apart.
    pub alike: Vec<Alike>,
    /// Losses by part.
    pub losses: BTreeMap<&'static str, OfPart>,
    /// Scale of the measured powers by group; empty where it is known.
    pub scales: BTreeMap<String, f64>,
    /// What the user should know of the result.
    pub warnings: Vec<String>,
}

/// What is known of a parameter.
#[derive(Debug, Clone, Serialize)]
pub struct OfParameter {
    /// Its name.
    pub name: String,
    /// Unit of all values.
    pub unit: &'static str,
    /// Where it began.
    pub start: f64,
    /// What was found.
    pub value: f64,
    /// Standard error, to first order; null where the data say nothing.
    pub standard_error: Option<f64>,
    /// The 95 % interval.
    pub interval_95: [Option<f64>; 2],
    /// Mean of the prior, if there is one.
    pub prior: Option<f64>,
    /// Whether the data say next to nothing about it.
    pub unidentifiable: bool,
}

/// Two parameters that the data cannot tell apart.
#[derive(Debug, Clone, Serialize)]
pub struct Alike {
    /// Their names.
    pub parameters: [String; 2],
    /// Correlation of their errors.
    pub correlation: f64,
}

/// Losses of the links of a part.
#[derive(Debug, Clone, Serialize)]
pub struct OfPart {
    /// Receivers.
    pub receivers: usize,
    /// Links and carriers with a measurement.
    pub rows: usize,
    /// Sum over the terms, before the fit.
    pub before: f64,
    /// The same after it.
    pub after: f64,
    /// By term.
    pub terms: Vec<OfTerm>,
}

/// Losses in a term, before the fit and after it.
#[derive(Debug, Clone, Serialize)]
pub struct OfTerm {
    /// What is compared.
    pub of: &'static str,
    /// Rows that say something about it.
    pub rows: usize,
    /// Rows that nothing computed arrives of.
    pub without_path: usize,
    /// Mean loss.
    pub loss: [f64; 2],
    /// Mean absolute error [dB].
    pub mean_absolute_db: [Option<f64>; 2],
    /// Root mean square error [dB].
    pub rms_db: [Option<f64>; 2],
}

/// What is said of a fit.
pub fn report(job: &Job, plan: &Plan, outcome: &Outcome) -> Report {
    let parameters = (0..plan.parameters.len()).map(|k| of_parameter(&plan.parameters[k], outcome, k)).collect();
    let name = |k: usize| plan.parameters[k].name.clone();
    let alike = outcome.errors.alike.iter();
    let alike = alike.map(|(i, j, correlation)| Alike { parameters: [name(*i), name(*j)], correlation: *correlation });
    let losses = PARTS.into_iter().zip(outcome.before.iter().zip(&outcome.after));
    let scales = plan.groups.iter().zip(&outcome.scales).filter(|_| plan.scale != Scale::Known);
    Report {
        steps: outcome.state.step,
        step: outcome.step,
        searches: outcome.state.searches,
        parameters,
        alike: alike.collect(),
        losses: losses.map(|(part, (before, after))| (part.name(), of_part(plan, part, before, after))).collect(),
        scales: scales.map(|(group, scale)| (group.clone(), scale.unwrap_or(1.0))).collect(),
        warnings: warnings_of(job, plan, outcome),
    }
}

fn of_parameter(parameter: &Parameter, outcome: &Outcome, k: usize) -> OfParameter {
    let (unit, size) = parameter.target.unit();
    let (value, error) = (outcome.values[k], outcome.errors.of[k]);
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    OfParameter {
        name: parameter.name.clone(),
        unit,
        start: parameter.start / size,
        value: value / size,
        standard_error: finite(error.value / size).filter(|_| error.x.is_finite()),
        interval_95: error.interval.map(|end| finite(end / size)),
        prior: parameter.prior.map(|prior| parameter.map.value(prior.mean) / size),
        unidentifiable: error.is_unidentifiable,
    }
}

fn of_part(plan: &Plan, part: Part, before: &Losses, after: &Losses) -> OfPart {
    let both = |of: &dyn Fn(&TermLoss) -> Option<f64>, [a, b]: [&TermLoss; 2]| [of(a), of(b)];
    let term = |(term, (before, after)): (&Term, (&TermLoss, &TermLoss))| OfTerm {
        of: term.of.name(),
        rows: after.rows,
        without_path: after.silent,
        loss: [before.loss, after.loss],
        mean_absolute_db: both(&TermLoss::mean_absolute_db, [before, after]),
        rms_db: both(&TermLoss::rms_db, [before, after]),
    };
    OfPart {
        receivers: plan.parts.iter().filter(|own| **own == part).count(),
        rows: plan.rows_of(part).len(),
        before: before.total,
        after: after.total,
        terms: plan.terms.iter().zip(before.terms.iter().zip(&after.terms)).map(term).collect(),
    }
}

fn warnings_of(job: &Job, plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let mut warnings = Vec::new();
    let names: Vec<&str> = plan
        .parameters
        .iter()
        .zip(&outcome.errors.of)
        .filter(|(_, error)| error.is_unidentifiable)
        .map(|(parameter, _)| parameter.name.as_str())
        .collect();
    if !names.is_empty() {
        warnings.push(format!(
            "the measurements say next to nothing about {}: freeze it, give it a prior, or measure more",
            names.join(", ")
        ));
    }
    for (i, j, correlation) in &outcome.errors.alike {
        let [a, b] = [*i, *j].map(|k| &plan.parameters[k].name);
        warnings
            .push(format!("the measurements hardly tell {a} from {b} (correlation of their errors {correlation:.3})"));
    }
    for (part, losses) in PARTS.into_iter().zip(&outcome.after) {
        for (term, loss) in plan.terms.iter().zip(&losses.terms).filter(|(_, loss)| loss.silent > 0) {
            warnings.push(format!(
                "{} of {} {} links with a measured {} have nothing computed to compare it with: no path, or one alone",
                loss.silent,
                loss.rows,
                part.name(),
                term.of.name()
            ));
        }
    }
    warnings.extend(unit_warning(job, plan, outcome));
    warnings
}

/// Measured minus computed values beyond this, in the median, before the fit, are no matter of materials [dB].
const FAR_DB: f64 = 15.0;
/// Two offsets this near are the same [dB].
const NEAR_DB: f64 = 5.0;

/// What the user should know where measured powers look like another unit than decibels of a path gain.
fn unit_warning(job: &Job, plan: &Plan, outcome: &Outcome) -> Option<String> {
    if plan.scale != Scale::Known {
        return None;
    }
    let off = |(row, observed): (&Measured, &Observed)| {
        let of = |quantity: Quantity| {
            let computed = observed[quantity as usize].filter(|computed| *computed > 0.0)?;
            Some(DECIBEL * libm::log(stated(quantity, row, plan.floor)? / computed))
        };
        let off = of(Quantity::PathGain).or_else(|| of(Quantity::BandPower))?;
        let power_dbm = DECIBEL * libm::log(job.radios.transmitters[row.transmitter].power * 1e3);
        Some((off, power_dbm))
    };
    let mut offs: Vec<(f64, f64)> = plan.rows.iter().zip(&outcome.predicted_before).filter_map(off).collect();
    offs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, power_dbm) = *offs.get(offs.len() / 2)?;
    if median.abs() < FAR_DB {
        return None;
    }
    let begin = format!("measured powers are {median:.1} dB from those computed before the fit, in the median");
    Some(if (median - power_dbm).abs() < NEAR_DB {
        format!(
            "{begin}: that is the transmitted power; are they dBm? Such values belong in a column received_power_dbm"
        )
    } else if (median.abs() - 30.0).abs() < NEAR_DB {
        format!("{begin}: are they dBm where dBW is meant, or the other way round?")
    } else {
        format!("{begin}: look at units, antennas and cables, or set fit.scale = \"ewma\"")
    })
}
