//! `fit.csv`: what every step has seen; `fit_links.csv`: measured and computed values of every link.

use crate::calibrate::Plan;
use crate::calibrate::fit::Outcome;
use crate::calibrate::loss::{DECIBEL, stated};
use crate::calibrate::measurement::{Measured, Quantity};
use crate::calibrate::observe::Observed;
use crate::calibrate::scale::{Scale, factor};
use crate::io::job::Job;
use std::io::{self, Write};

/// Writes the history: step, loss of its rows, what priors add, validation loss, and the values of the parameters in the
/// step.
pub(super) fn history(file: &mut impl Write, plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    let name = |parameter: &crate::calibrate::parameters::Parameter| {
        let (unit, _) = parameter.target.unit();
        quoted(&if unit == "-" { parameter.name.clone() } else { format!("{} [{unit}]", parameter.name) })
    };
    let names: Vec<String> = plan.parameters.iter().map(name).collect();
    writeln!(file, "step,loss,prior,validation_loss,{}", names.join(","))?;
    for (step, entry) in outcome.state.history.iter().enumerate() {
        let values = entry.values.iter().zip(&plan.parameters);
        let values: Vec<String> = values.map(|(x, parameter)| (x / parameter.target.unit().1).to_string()).collect();
        let validation = entry.validation.map_or(String::new(), |loss| loss.to_string());
        writeln!(file, "{step},{},{},{validation},{}", entry.loss, entry.prior, values.join(","))?;
    }
    Ok(())
}

/// Writes a row for each measured link and carrier: names, part, and of each quantity that was measured or is computed the
/// measured value, with its scale, and the computed ones before and after the fit.
pub(super) fn links(file: &mut impl Write, job: &Job, plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    let wanted: Vec<Quantity> = Quantity::ALL.into_iter().filter(|one| plan.instrument.wants[*one as usize]).collect();
    let titles = wanted.iter().flat_map(|quantity| {
        let (name, unit) = (quantity.name(), if quantity.is_power() { "db" } else { "ns" });
        ["measured", "before", "after"].map(|which| format!("{name}_{which}_{unit}"))
    });
    let titles: Vec<String> = titles.collect();
    let comma = if titles.is_empty() { "" } else { "," };
    writeln!(file, "receiver,transmitter,carrier_ghz,group,part{comma}{}", titles.join(","))?;
    let all = plan.rows.iter().zip(outcome.predicted_before.iter().zip(&outcome.predicted));
    for (row, (before, after)) in all {
        let scale = if plan.scale == Scale::Known { 1.0 } else { factor(&outcome.scales, row.group) };
        let cells = wanted.iter().flat_map(|quantity| {
            let size = if quantity.is_power() { scale } else { 1.0 };
            let measured = row.values[*quantity as usize].map(|value| value * size);
            [measured, before[*quantity as usize], after[*quantity as usize]].map(|value| shown(*quantity, value))
        });
        let cells: Vec<String> = cells.collect();
        writeln!(
            file,
            "{},{},{},{},{}{comma}{}",
            quoted(&job.radios.receivers[row.receiver].name),
            quoted(&job.radios.transmitters[row.transmitter].name),
            job.carriers[row.carrier] / 1e9,
            quoted(&plan.groups[row.group]),
            plan.parts[row.receiver].name(),
            cells.join(",")
        )?;
    }
    Ok(())
}

fn shown(quantity: Quantity, value: Option<f64>) -> String {
    match value {
        Some(value) if quantity.is_power() && value > 0.0 => format!("{:.6}", DECIBEL * libm::log(value)),
        Some(value) if !quantity.is_power() => format!("{:.6}", value * 1e9),
        Some(_) | None => String::new(),
    }
}

/// A cell that holds commas or quotes stands in quotes.
fn quoted(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}

/// Measured minus computed values beyond this, in the median, before the fit, are no matter of materials [dB].
const FAR_DB: f64 = 15.0;
/// Two offsets this near are the same [dB].
const NEAR_DB: f64 = 5.0;

/// What the user should know where measured powers look like another unit than decibels of a path gain.
pub(super) fn unit_warning(job: &Job, plan: &Plan, outcome: &Outcome) -> Option<String> {
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
