//! `task = "place"`: one placement, or a study of how often each way arrives.

use super::log::Log;
use super::run::{Clock, Done};
use crate::backend::Backend;
use crate::error::Result;
use crate::io::job::Job;
use crate::io::job::place::{InScene, One, Placement};
use crate::io::place_results::{self, Row};
use crate::optimise::place;
use crate::optimise::scene::SceneLandscape;
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
    let outcome =
        place::place(&one.landscape, &one.optimiser, one.restarts.as_ref(), &one.start, job.description.seed)?;
    clock.note("place");
    log.begin("drawing the landscape", 0);
    let files = place_results::write(job, one, &outcome)?;
    let mut text = String::new();
    let own = &outcome.climbed[0];
    let _ = writeln!(text, "objective {:.6} at the start, {:.6} at the best end", own.before, outcome.value());
    for (radio, at) in job.radios.transmitters.iter().zip(outcome.positions().chunks_exact(2)) {
        let _ = writeln!(text, "{}: ({:.4}, {:.4}) m", radio.name, at[0], at[1]);
    }
    let starts = outcome.climbed.len();
    let _ = writeln!(text, "{} evaluations of the smoothed objective, {starts} starts", outcome.evaluations);
    Ok((files, text))
}

fn in_scene(
    job: &Job,
    placed: &InScene,
    backend: Backend,
    log: &Log,
    clock: &mut Clock,
) -> Result<(Vec<String>, String)> {
    log.begin("geometry", 0);
    let engine = SoftEngine::new(backend, &job.scene, &job.solver)?;
    let (objective, free) = (placed.objective, placed.free.clone());
    let landscape = SceneLandscape::new(engine, job.radios.clone(), job.carriers[0], objective, free, placed.turn);
    clock.note("geometry");
    log.begin("placing", 0);
    let seed = job.description.seed;
    let outcome = place::place(&landscape, &placed.optimiser, placed.restarts.as_ref(), &landscape.start(), seed)?;
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
    let starts = outcome.climbed.len();
    let _ = writeln!(text, "{} evaluations of the smoothed objective, {starts} starts", outcome.evaluations);
    Ok((files, text))
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
