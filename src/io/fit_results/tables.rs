//! `fit.csv`: what every step has seen; `fit_links.csv`: measured and computed values of every link.

use crate::calibrate::Plan;
use crate::calibrate::fit::Outcome;
use crate::calibrate::measurement::Quantity;
use crate::calibrate::parameters::Parameter;
use crate::calibrate::scale::{Scale, factor};
use crate::io::csv::cell_of;
use crate::io::job::Job;
use crate::io::links::decibels;
use std::io::{self, Write};

/// Writes the history: step, loss of its rows, what priors add, validation loss, and the values of the parameters in the
/// step.
pub(super) fn history(file: &mut impl Write, plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    let name = |parameter: &Parameter| {
        let (unit, _) = parameter.target.unit();
        cell_of(&if unit == "-" { parameter.name.clone() } else { format!("{} [{unit}]", parameter.name) })
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
            cell_of(&job.radios.receivers[row.receiver].name),
            cell_of(&job.radios.transmitters[row.transmitter].name),
            job.carriers[row.carrier] / 1e9,
            cell_of(&plan.groups[row.group]),
            plan.parts[row.receiver].name(),
            cells.join(",")
        )?;
    }
    Ok(())
}

fn shown(quantity: Quantity, value: Option<f64>) -> String {
    let value = if quantity.is_power() { value.and_then(decibels) } else { value.map(|seconds| seconds * 1e9) };
    value.map_or(String::new(), |value| format!("{value:.6}"))
}
