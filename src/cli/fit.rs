//! `task = "fit"`: from the first step, or the last checkpoint, to the results.

use super::log::Log;
use super::run::{Clock, Done};
use crate::backend::Backend;
use crate::calibrate::fit::{Fit, Outcome};
use crate::error::{Error, Result};
use crate::io::fit_results::{self, Report, report};
use crate::io::job::Job;
use crate::io::job::fit::Calibration;
use crate::io::{checkpoint, record};
use crate::progress::Progress;
use std::fmt::Write;

/// Fits, and writes the results; the record is left to others.
pub(super) fn fit(
    job: &Job,
    calibration: &Calibration,
    backend: Backend,
    resume: bool,
    log: &Log,
    clock: &mut Clock,
) -> Result<Done> {
    let (plan, folder) = (&calibration.plan, &job.output.dir);
    let search = calibration.search(backend, &job.solver, &job.carriers, &job.output);
    let of_job = hash_of(job)?;
    let state = if resume { checkpoint::read(folder, &of_job)? } else { None };
    match (&state, resume) {
        (Some(state), _) => super::print(&format!("going on after step {} of {}\n", state.step, plan.steps))?,
        (None, true) => super::print("there is no checkpoint: the fit begins with its first step\n")?,
        (None, false) => checkpoint::remove(folder)?,
    }
    log.begin("finding the paths", 0);
    let mut fit = Fit::new(plan, &search, &job.scene, &job.radios, state, log)?;
    clock.note("paths");
    log.begin("fitting", plan.steps);
    log.advance(fit.state().step);
    while !fit.is_done() {
        fit.step()?;
        log.advance(1);
        if fit.state().step.is_multiple_of(calibration.checkpoint_every) {
            checkpoint::write(folder, &of_job, fit.state())?;
        }
    }
    checkpoint::write(folder, &of_job, fit.state())?;
    clock.note("fit");
    log.begin("errors of the parameters", 0);
    let outcome = fit.finish()?;
    clock.note("errors");
    log.begin("writing the results", 0);
    let found = report(job, plan, &outcome);
    let mut files = fit_results::write(job, plan, &outcome, &found)?;
    files.push(checkpoint::FILE_NAME.into());
    let summary = words(&found);
    let Outcome { summary: mut solved, .. } = outcome;
    solved.warnings.extend(found.warnings);
    Ok(Done { solved, paths_files: Vec::new(), files, cells: 0, summary })
}

/// Hash of what a fit depends on: the program, the job, what it reads. Where results go, and how often a checkpoint is
/// written, are no matter of it.
fn hash_of(job: &Job) -> Result<String> {
    let mut description = job.description.clone();
    description.output.dir = std::path::PathBuf::new();
    if let Some(fit) = &mut description.fit {
        fit.checkpoint_every = 1;
    }
    let version = record::Version::own();
    let inputs: Vec<String> = record::hash_inputs(job)?.into_iter().skip(1).map(|input| input.blake3).collect();
    let text = serde_json::to_string(&(version, record::job_as_json(&description)?, inputs))
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// The result in a table.
fn words(report: &Report) -> String {
    let width = report.parameters.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).max(9);
    let mut text =
        format!("{:width$}  {:>12}  {:>12}  {:>24}  unit\n", "parameter", "start", "fitted", "95 % interval");
    for one in &report.parameters {
        let end = |end: Option<f64>| end.map_or("-".into(), |end| format!("{end:.5}"));
        let interval = format!("{} to {}", end(one.interval_95[0]), end(one.interval_95[1]));
        let doubt = if one.unidentifiable { "  unidentifiable" } else { "" };
        let _ = writeln!(
            text,
            "{:width$}  {:>12.5}  {:>12.5}  {interval:>24}  {}{doubt}",
            one.name, one.start, one.value, one.unit
        );
    }
    for (part, losses) in report.losses.iter().filter(|(_, losses)| losses.rows > 0) {
        let _ = writeln!(
            text,
            "{part}: {} links, loss {:.6} before, {:.6} after",
            losses.rows, losses.before, losses.after
        );
        for term in &losses.terms {
            if let [Some(before), Some(after)] = term.mean_absolute_db {
                let _ = writeln!(text, "  {}: mean absolute error {before:.3} dB before, {after:.3} dB after", term.of);
            }
        }
    }
    text
}
