//! The results of studies of placement: `study.json` and `study.csv`; in scenes each run too, `study_runs.csv`.

use super::{FILES, scene, write_json};
use crate::error::Result;
use crate::io::atomic;
use crate::io::job::Job;
use crate::io::job::place::StudyInScene;
use crate::optimise::scene_study::{Exhaustive, SceneRates, SceneRun};
use crate::optimise::study::Rates;
use serde::Serialize;
use std::io::Write;

/// One line of a study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Number of receivers of each draw.
    pub receivers: usize,
    /// Draws that cannot be solved, which do not count.
    pub unsolvable: usize,
    /// The rates of one method.
    #[serde(flatten)]
    pub rates: Rates,
}

impl Row {
    /// A line.
    pub fn new(receivers: usize, unsolvable: usize, rates: Rates) -> Row {
        Row { receivers, unsolvable, rates }
    }
}

/// Writes the results of a study but the record; the names of the files.
///
/// # Errors
/// [`Error::Write`].
pub fn write_study(job: &Job, rows: &[Row]) -> Result<Vec<String>> {
    let folder = &job.output.dir;
    write_json(&folder.join(FILES[2]), &rows)?;
    atomic::write_file(&folder.join(FILES[3]), |file| {
        writeln!(file, "receivers,method,runs,unsolvable_draws,success,kept,nearly,evaluations")?;
        for Row { receivers, unsolvable, rates } in rows {
            let kept = rates.kept.map_or(String::new(), |kept| kept.to_string());
            let (method, runs) = (rates.method.name(), rates.runs);
            let (success, nearly, evaluations) = (rates.success, rates.nearly, rates.evaluations);
            writeln!(file, "{receivers},{method},{runs},{unsolvable},{success},{kept},{nearly},{evaluations}")?;
        }
        Ok(())
    })?;
    Ok(vec![FILES[2].into(), FILES[3].into()])
}

/// What a study in a scene has found for one number of receivers.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneTable {
    /// Number of receivers of each draw.
    pub receivers: usize,
    /// Of each draw the best of the grid, and the runs `[method, start]`.
    pub drawn: Vec<(Exhaustive, Vec<Vec<SceneRun>>)>,
}

/// One line of a study in a scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneRow {
    /// Number of receivers of each draw.
    pub receivers: usize,
    /// Draws of which every point of the grid is as good, which do not count.
    pub unsolvable: usize,
    /// Points of the exhaustive search, of all draws.
    pub grid_points: u64,
    /// The rates of one method.
    #[serde(flatten)]
    pub rates: SceneRates,
}

/// Writes the results of a study in a scene but the record; the names of the files, and the lines.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_study_in_scene(
    job: &Job,
    asked: &StudyInScene,
    tables: &[SceneTable],
) -> Result<(Vec<String>, Vec<SceneRow>)> {
    let row = |table: &SceneTable, k: usize| {
        let of_method = |(best, runs): &(Exhaustive, Vec<Vec<SceneRun>>)| (best.clone(), runs[k].clone());
        let runs: Vec<(Exhaustive, Vec<SceneRun>)> = table.drawn.iter().map(of_method).collect();
        SceneRow {
            receivers: table.receivers,
            unsolvable: runs.iter().filter(|(best, _)| !best.is_solvable()).count(),
            grid_points: runs.iter().map(|(best, _)| best.points).sum(),
            rates: asked.study.rates(asked.methods[k], &runs),
        }
    };
    let of_table = |table: &SceneTable| (0..asked.methods.len()).map(|k| row(table, k)).collect::<Vec<_>>();
    let rows: Vec<SceneRow> = tables.iter().flat_map(of_table).collect();
    let folder = &job.output.dir;
    write_json(&folder.join(FILES[2]), &rows)?;
    atomic::write_file(&folder.join(FILES[3]), |file| {
        writeln!(
            file,
            "receivers,method,runs,unsolvable,success,mean_shortfall_db,worst_shortfall_db,evaluations,grid_points"
        )?;
        for SceneRow { receivers, unsolvable, grid_points, rates } in &rows {
            let SceneRates { method, runs, success, mean_shortfall_db, worst_shortfall_db, evaluations } = rates;
            write!(file, "{receivers},{},{runs},{unsolvable},{success},", method.name())?;
            writeln!(file, "{mean_shortfall_db},{worst_shortfall_db},{evaluations},{grid_points}")?;
        }
        Ok(())
    })?;
    atomic::write_file(&folder.join(FILES[4]), |file| every_run(file, asked, tables))?;
    Ok((FILES[2..].iter().map(|name| name.to_string()).collect(), rows))
}

/// Every run: draw, method, the objective at its end and the best of the grid [dB], evaluations, and the coordinates of its start,
/// of its end, and of the best of the grid, in their units.
fn every_run(file: &mut impl Write, asked: &StudyInScene, tables: &[SceneTable]) -> std::io::Result<()> {
    let columns = scene::columns_of(&asked.placed);
    let names = |of: &str| columns.iter().map(|(name, _)| format!(",{of}_{name}")).collect::<String>();
    let (start, end, best) = (names("start"), names("end"), names("best"));
    writeln!(file, "receivers,draw,method,objective_db,best_db,evaluations{start}{end}{best}")?;
    let numbers = |x: &[f64]| x.iter().zip(&columns).map(|(x, (_, unit))| format!(",{}", x * unit)).collect::<String>();
    for table in tables {
        for (draw, (best, runs)) in table.drawn.iter().enumerate() {
            for (method, run) in asked.methods.iter().zip(runs).flat_map(|(m, runs)| runs.iter().map(move |r| (m, r))) {
                let (value, evaluations) = (run.value, run.evaluations);
                write!(file, "{},{draw},{},{value},{},{evaluations}", table.receivers, method.name(), best.value)?;
                writeln!(file, "{}{}{}", numbers(&run.start), numbers(&run.end), numbers(&best.x))?;
            }
        }
    }
    Ok(())
}
