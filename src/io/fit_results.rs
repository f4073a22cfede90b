//! The results of `task = "fit"`: `fit.json`, `fit.csv`, `fit_links.csv`, `fit.png`, and `fitted.toml`, a job that runs.
//!
//! Nothing in them depends on how long the fit took or how often it was interrupted: same job, same bytes.

mod fitted;
mod report;
mod tables;

use super::atomic;
use super::job::Job;
use super::picture;
use crate::calibrate::Plan;
use crate::calibrate::fit::Outcome;
use crate::error::{Error, Result};

pub use fitted::fitted_job;
pub use report::{Report, report};

/// Names of the files.
pub const FILES: [&str; 5] = ["fit.json", "fit.csv", "fit_links.csv", "fit.png", "fitted.toml"];

/// Writes everything but the record, with `report` as `fit.json`; the names of the files.
///
/// # Errors
/// [`Error::Write`]; [`Error::Internal`] for a picture or a job that cannot be made.
pub fn write(job: &Job, plan: &Plan, outcome: &Outcome, report: &Report) -> Result<Vec<String>> {
    let folder = &job.output.dir;
    let [json, history, links, png, toml] = FILES.map(|name| folder.join(name));
    let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
    let mut text = serde_json::to_string_pretty(report).map_err(|error| internal(&error))?;
    text.push('\n');
    atomic::write_bytes(&json, text.as_bytes())?;
    atomic::write_file(&history, |file| tables::history(file, plan, outcome))?;
    atomic::write_file(&links, |file| tables::links(file, job, plan, outcome))?;
    picture::calibration(plan, outcome, &png)?;
    let text = toml::to_string_pretty(&fitted_job(job, plan, outcome)).map_err(|error| internal(&error))?;
    atomic::write_bytes(&toml, text.as_bytes())?;
    Ok(FILES.map(String::from).to_vec())
}
