//! The results of `task = "place"`: `placement.json`, `trajectory.csv` and pictures; of a study `study.json` and `study.csv`.

mod scene;
mod study;

pub use scene::write_in_scene;
pub use study::{Row, SceneRow, SceneTable, write_study, write_study_in_scene};

use super::atomic;
use super::job::Job;
use super::job::place::One;
use super::picture::{self, PlanePicture};
use crate::error::{Error, Result};
use crate::optimise::place::{Climbed, Outcome};
use crate::optimise::{Landscape, Softness};
use crate::planar::Vec2;
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Names of the files, pictures of the landscape aside.
pub const FILES: [&str; 5] = ["placement.json", "trajectory.csv", "study.json", "study.csv", "study_runs.csv"];

/// `placement.json`, with what is told of each transmitter.
#[derive(Serialize)]
struct Report<'a, P> {
    /// Where they stand in the end.
    transmitters: Vec<P>,
    /// The hard objective there, and at the job's own start.
    objective: f64,
    objective_before: f64,
    /// Smoothed evaluations in all.
    evaluations: u64,
    /// Those of the hard objective.
    hard_evaluations: u64,
    /// What became of each start, the job's own first.
    starts: Vec<Start<'a>>,
}

impl<'a, P> Report<'a, P> {
    fn new(transmitters: Vec<P>, outcome: &'a Outcome) -> Report<'a, P> {
        Report {
            transmitters,
            objective: outcome.value(),
            objective_before: outcome.climbed[0].before,
            evaluations: outcome.evaluations,
            hard_evaluations: outcome.hard_evaluations,
            starts: (0..outcome.climbed.len()).map(|i| start_of(outcome, i)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Placed<'a> {
    name: &'a str,
    position_m: [f64; 2],
    start_m: [f64; 2],
}

#[derive(Serialize)]
struct Start<'a> {
    start_m: &'a [f64],
    end_m: &'a [f64],
    objective_before: f64,
    objective: f64,
    evaluations: usize,
    best: bool,
}

/// Writes the results of one placement but the record; the names of the files.
///
/// # Errors
/// [`Error::Write`]; [`Error::Internal`] for a picture that cannot be made.
pub fn write(job: &Job, one: &One, outcome: &Outcome) -> Result<Vec<String>> {
    let folder = &job.output.dir;
    write_json(&folder.join(FILES[0]), &report(job, one, outcome))?;
    let names = (0..one.start.len() / 2).flat_map(|i| [format!("x{i}_m"), format!("y{i}_m")]);
    let columns: Vec<(String, f64)> = names.map(|name| (name, 1.0)).collect();
    atomic::write_file(&folder.join(FILES[1]), |file| trajectory(file, outcome, &columns))?;
    let mut files = vec![FILES[0].to_string(), FILES[1].to_string()];
    let draw = |title: &str, values: &[f64], marks: Marks, name: String| -> Result<String> {
        let landscape = &one.landscape;
        let picture = PlanePicture {
            title,
            values,
            cells: one.course.cells,
            area: one.course.area,
            walls: landscape.scene().walls(),
            receivers: landscape.receivers(),
            transmitters: marks.transmitters,
            tracks: marks.tracks,
        };
        picture::plane(&picture, &folder.join(&name)).map(|()| name)
    };
    let tracks = ways(outcome);
    let points = |x: &[f64]| x.chunks_exact(2).map(Vec2::from_column_slice).collect::<Vec<_>>();
    // Of one transmitter the landscape can be seen; with more it has more dimensions than a picture.
    if one.landscape.dimensions() == 2 {
        let marks = || Marks { transmitters: points(outcome.positions()), tracks: &tracks };
        let hard = over(one, |at| one.landscape.value(at.as_slice()));
        files.push(draw("objective [dB], without smoothing", &hard, marks(), "landscape_hard.png".into())?);
        for softness in &one.course.softness {
            let values = over(one, |at| smoothed(one, softness, at));
            let alpha = softness.step.alpha;
            let title = format!("objective [dB], alpha = {alpha}");
            files.push(draw(&title, &values, marks(), format!("landscape_alpha_{alpha}.png"))?);
        }
    }
    for (name, x) in [("before", &one.start[..]), ("after", outcome.positions())] {
        let values = over(one, |at| one.landscape.received(x, at));
        let marks = Marks { transmitters: points(x), tracks: &[] };
        files.push(draw(&format!("received power [dB], {name}"), &values, marks, format!("map_{name}.png"))?);
    }
    Ok(files)
}

/// What is marked in a picture.
struct Marks<'a> {
    transmitters: Vec<Vec2>,
    tracks: &'a [Vec<Vec2>],
}

fn report<'a>(job: &'a Job, one: &'a One, outcome: &'a Outcome) -> Report<'a, Placed<'a>> {
    let pairs = outcome.positions().chunks_exact(2).zip(one.start.chunks_exact(2));
    let placed = job.radios.transmitters.iter().zip(pairs).map(|(radio, (at, start))| Placed {
        name: &radio.name,
        position_m: [at[0], at[1]],
        start_m: [start[0], start[1]],
    });
    Report::new(placed.collect(), outcome)
}

/// What became of a start.
fn start_of(outcome: &Outcome, i: usize) -> Start<'_> {
    let climbed = &outcome.climbed[i];
    Start {
        start_m: &climbed.start,
        end_m: &climbed.track.end,
        objective_before: climbed.before,
        objective: climbed.after,
        evaluations: climbed.track.visits.len(),
        best: outcome.best == Some(i),
    }
}

/// Every evaluation: start, step, sharpness (empty: hard), smoothed objective, the coordinates that `columns` names,
/// in their units.
fn trajectory(file: &mut impl Write, outcome: &Outcome, columns: &[(String, f64)]) -> std::io::Result<()> {
    let names: String = columns.iter().map(|(name, _)| format!(",{name}")).collect();
    writeln!(file, "start,step,alpha,objective{names}")?;
    for (k, climbed) in outcome.climbed.iter().enumerate() {
        for (step, visit) in climbed.track.visits.iter().enumerate() {
            let alpha = if visit.alpha.is_finite() { visit.alpha.to_string() } else { String::new() };
            let x: String = visit.x.iter().zip(columns).map(|(x, (_, unit))| format!(",{}", x * unit)).collect();
            writeln!(file, "{k},{step},{alpha},{}{x}", visit.value)?;
        }
    }
    Ok(())
}

/// The ways of the first transmitter, start by start.
fn ways(outcome: &Outcome) -> Vec<Vec<Vec2>> {
    let of = |one: &Climbed| {
        let all = one.track.visits.iter().map(|visit| &visit.x[..]).chain([&one.track.end[..]]);
        all.map(|x| Vec2::new(x[0], x[1])).collect()
    };
    outcome.climbed.iter().map(of).collect()
}

/// The middle of a cell of a picture, of `cells` along each side, row 0 at the bottom [m].
fn middle_of(cell: usize, cells: usize, [low, high]: [Vec2; 2]) -> Vec2 {
    let share = Vec2::new((cell % cells) as f64 + 0.5, (cell / cells) as f64 + 0.5) / cells as f64;
    low + share.component_mul(&(high - low))
}

/// Values in decibels at the middle of each cell `[row, column]`, row 0 at the bottom; where there is nothing, no number.
fn over(one: &One, value: impl Fn(&Vec2) -> f64 + Sync) -> Vec<f64> {
    let at = |cell: usize| middle_of(cell, one.course.cells, one.course.area);
    (0..one.course.cells.pow(2)).into_par_iter().map(|cell| 10.0 * libm::log10(value(&at(cell)))).collect()
}

/// The smoothed objective on its linear scale.
fn smoothed(one: &One, softness: &Softness, at: &Vec2) -> f64 {
    let value = one.landscape.graded(at.as_slice(), softness, &mut [0.0; 2]);
    if softness.log.is_some() { libm::exp(value) } else { value }
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::Internal(error.to_string()))?;
    text.push('\n');
    atomic::write_bytes(file, text.as_bytes())
}
