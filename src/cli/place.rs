//! `task = "place"`: one placement, or a study of how often each way arrives.

use super::log::Log;
use super::run::{Clock, Done};
use crate::backend::Backend;
use crate::error::Result;
use crate::io::job::Job;
use crate::io::job::place::{Course, InScene, One, Placement, StudyInScene};
use crate::io::place_results::{self, Row, SceneRow, SceneTable};
use crate::optimise::Landscape;
use crate::optimise::place::{Outcome, Placing};
use crate::optimise::scene::SceneLandscape;
use crate::optimise::scene_study::SceneRates;
use crate::optimise::study::Study;
use crate::progress::Progress;
use crate::solve::Summary;
use crate::solve::smooth::SoftEngine;
use std::fmt::Write;

/// Places, and writes the results; the record is left to others.
pub(super) fn place(job: &Job, placement: &Placement, backend: Backend, log: &Log, clock: &mut Clock) -> Result<Done> {
    let (files, summary) = match placement {
        Placement::One(one) => placed(job, one, log, clock)?,
        Placement::InScene(placed) => in_scene(job, placed, backend, log, clock)?,
        Placement::StudyInScene(asked) => study_in_scene(job, asked, backend, log, clock)?,
        Placement::Study { study, draws, methods } => {
            let mut rows = Vec::new();
            for (count, drawn) in draws {
                log.begin(&format!("{count} receivers"), 0);
                let ends = study.run(drawn, methods);
                let unsolvable = ends.best.iter().filter(|(_, value)| *value <= 0.0).count();
                rows.extend(study.rates(drawn, &ends).into_iter().map(|rates| Row::new(*count, unsolvable, rates)));
            }
            clock.note("study");
            log.begin("writing the results", 0);
            (place_results::write_study(job, &rows)?, table(study, &rows))
        }
    };
    Ok(Done { solved: Summary::default(), paths_files: Vec::new(), files, cells: 0, summary })
}

fn placed(job: &Job, one: &One, log: &Log, clock: &mut Clock) -> Result<(Vec<String>, String)> {
    log.begin("placing", 0);
    let outcome = placing(&one.landscape, &one.course, job.description.seed).place(&one.start)?;
    clock.note("place");
    log.begin("drawing the landscape", 0);
    let files = place_results::write(job, one, &outcome)?;
    let mut text = String::new();
    let own = &outcome.climbed[0];
    let _ = writeln!(text, "objective {:.6} at the start, {:.6} at the best end", own.before, outcome.value());
    for (radio, at) in job.radios.transmitters.iter().zip(outcome.positions().chunks_exact(2)) {
        let _ = writeln!(text, "{}: ({:.4}, {:.4}) m", radio.name, at[0], at[1]);
    }
    text += &cost(&outcome);
    Ok((files, text))
}

fn in_scene(
    job: &Job,
    placed: &InScene,
    backend: Backend,
    log: &Log,
    clock: &mut Clock,
) -> Result<(Vec<String>, String)> {
    let landscape = landscape_of(job, placed, backend, log)?;
    clock.note("geometry");
    log.begin("placing", 0);
    let mut start = landscape.start();
    placed.course.region.sites.project(&mut start);
    let outcome = placing(&landscape, &placed.course, job.description.seed).place(&start)?;
    clock.note("place");
    log.begin("drawing the landscape", 0);
    let files = place_results::write_in_scene(job, placed, &landscape, &outcome)?;
    let mut text = String::new();
    let own = &outcome.climbed[0];
    let _ = writeln!(text, "objective {:.4} at the start, {:.4} at the best end", own.before, outcome.value());
    for radio in &landscape.radios_at(outcome.positions()).transmitters {
        let ([x, y, z], turned) = (radio.position.into(), radio.orientation.map(f64::to_degrees));
        let _ = writeln!(text, "{}: ({x:.3}, {y:.3}, {z:.3}) m, turned by {turned:.2?} degrees", radio.name);
    }
    text += &cost(&outcome);
    Ok((files, text))
}

fn placing<'a>(landscape: &'a dyn Landscape, course: &'a Course, seed: u64) -> Placing<'a> {
    let refinement = course.refinement.as_ref().map(|refinement| (refinement, &course.region));
    Placing { landscape, optimiser: &course.optimiser, restarts: course.restarts.as_ref(), refinement, seed }
}

/// What a placement has cost.
fn cost(outcome: &Outcome) -> String {
    let Outcome { climbed, evaluations, hard_evaluations, .. } = outcome;
    let starts = climbed.len();
    format!("{evaluations} evaluations of the smoothed objective and {hard_evaluations} without, {starts} starts\n")
}

fn landscape_of<'a>(job: &'a Job, placed: &InScene, backend: Backend, log: &Log) -> Result<SceneLandscape<'a>> {
    log.begin("geometry", 0);
    let engine = SoftEngine::new(backend, &job.scene, &job.solver)?;
    let (objective, free) = (placed.objective, placed.free.clone());
    let mut radios = job.radios.clone();
    if let Some(receivers) = &placed.receivers {
        radios.receivers.clone_from(receivers);
    }
    Ok(SceneLandscape::new(engine, radios, job.carriers[0], objective, free, placed.turn))
}

fn study_in_scene(
    job: &Job,
    asked: &StudyInScene,
    backend: Backend,
    log: &Log,
    clock: &mut Clock,
) -> Result<(Vec<String>, String)> {
    let StudyInScene { study, methods, .. } = asked;
    let mut landscape = landscape_of(job, &asked.placed, backend, log)?;
    clock.note("geometry");
    let counts: Vec<Option<usize>> = match &asked.receivers {
        Some(counts) => counts.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    let mut tables = Vec::new();
    for count in counts {
        let receivers = count.unwrap_or(landscape.radios().receivers.len());
        let mut table = SceneTable { receivers, drawn: Vec::new() };
        for draw in 0..asked.draws {
            if count.is_some() {
                landscape.set_receivers(study.receivers(&landscape, receivers, draw)?);
            }
            log.begin(&format!("exhaustive search for {receivers} receivers, draw {draw}"), 0);
            let best = study.exhaustive(&landscape)?;
            clock.note("exhaustive");
            let starts = study.starts(&landscape, draw)?;
            let mut runs = Vec::new();
            for method in methods {
                log.begin(method.name(), 0);
                runs.push(study.runs(&landscape, *method, &starts)?);
                clock.note(method.name());
            }
            table.drawn.push((best, runs));
        }
        tables.push(table);
    }
    log.begin("writing the results", 0);
    let (files, rows) = place_results::write_study_in_scene(job, asked, &tables)?;
    Ok((files, table_in_scene(asked, &rows)))
}

/// The study in a scene as a table.
fn table_in_scene(asked: &StudyInScene, rows: &[SceneRow]) -> String {
    let tolerance = asked.study.tolerance;
    let mut text = format!(
        "{:>9}  {:8}  {:>5}  {:>7}  {:>13}  {:>14}  {:>11}   success within {tolerance} dB of the best of the grid\n",
        "receivers", "method", "runs", "success", "mean lack [dB]", "worst lack [dB]", "evaluations",
    );
    for SceneRow { receivers, rates, .. } in rows {
        let SceneRates { method, runs, success, mean_shortfall_db: mean, worst_shortfall_db: worst, evaluations } =
            rates;
        let method = method.name();
        let _ = writeln!(
            text,
            "{receivers:>9}  {method:8}  {runs:>5}  {success:>7.3}  {mean:>14.2}  {worst:>15.2}  {evaluations:>11.0}"
        );
    }
    text
}

/// The study as a table.
fn table(study: &Study, rows: &[Row]) -> String {
    let mut text = format!(
        "{:>9}  {:10}  {:>7}  {:>6}  {:>8}  {:>11}   success within 0.1 m, {} walls\n",
        "receivers",
        "method",
        "success",
        "kept",
        "F>=.9 F*",
        "evaluations",
        study.scene.walls().len()
    );
    for Row { receivers, rates, .. } in rows {
        let kept = rates.kept.map_or("-".into(), |kept| format!("{kept:.3}"));
        let _ = writeln!(
            text,
            "{receivers:>9}  {:10}  {:>7.3}  {kept:>6}  {:>8.3}  {:>11.0}",
            rates.method.name(),
            rates.success,
            rates.nearly,
            rates.evaluations
        );
    }
    text
}
