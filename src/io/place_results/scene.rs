//! The results of a placement in a scene of three dimensions: `placement.json`, `trajectory.csv`, pictures from above.

use super::{FILES, Report, middle_of, trajectory, ways, write_json};
use crate::error::Result;
use crate::io::atomic;
use crate::io::job::Job;
use crate::io::job::place::InScene;
use crate::io::picture::{self, PlanePicture, Section};
use crate::math::Vec3;
use crate::optimise::Landscape;
use crate::optimise::place::Outcome;
use crate::optimise::scene::{Freedom, SceneLandscape, SceneObjective};
use crate::planar::{Vec2, Wall};
use rayon::prelude::*;
use serde::Serialize;

/// Points of a map that are solved together.
const TILE: usize = 256;

#[derive(Serialize)]
struct Placed<'a> {
    name: &'a str,
    position_m: [f64; 3],
    orientation_deg: [f64; 3],
    start_m: [f64; 3],
    start_deg: [f64; 3],
}

/// Writes the results of one placement in a scene but the record; the names of the files.
///
/// # Errors
/// [`crate::error::Error::Write`]; [`crate::error::Error::Internal`] for a picture that cannot be made; those of the landscape.
pub fn write_in_scene(
    job: &Job,
    placed: &InScene,
    landscape: &SceneLandscape,
    outcome: &Outcome,
) -> Result<Vec<String>> {
    let folder = &job.output.dir;
    write_json(&folder.join(FILES[0]), &report(job, landscape, outcome))?;
    let columns = columns_of(placed);
    atomic::write_file(&folder.join(FILES[1]), |file| trajectory(file, outcome, &columns))?;
    let mut files = vec![FILES[0].to_string(), FILES[1].to_string()];
    let view = Plan::new(job, placed);
    let one_moves = placed.free == [(0, Freedom::Position(0)), (0, Freedom::Position(1))];
    if one_moves {
        let hard = view.over(|at| landscape.hard(at))?;
        let best = landscape.radios_at(outcome.positions());
        let ways = ways(outcome);
        let unit = if matches!(placed.objective, SceneObjective::Coverage { .. }) { "share covered" } else { "dB" };
        view.draw(
            &format!("objective [{unit}], without smoothing"),
            &hard,
            &best,
            &ways,
            "landscape_hard.png",
            &mut files,
        )?;
        for softness in &placed.course.softness {
            let values = view.over(|at| landscape.level(at, softness))?;
            let alpha = softness.step.alpha;
            let (title, name) =
                (format!("objective [{unit}], alpha = {alpha} 1/m"), format!("landscape_alpha_{alpha}.png"));
            view.draw(&title, &values, &best, &ways, &name, &mut files)?;
        }
    }
    for (name, x) in [("before", landscape.start()), ("after", outcome.positions().to_vec())] {
        let values = view.map(landscape, &x)?;
        let (title, file) = (format!("path gain [dB], {name}"), format!("map_{name}.png"));
        view.draw(&title, &values, &landscape.radios_at(&x), &[], &file, &mut files)?;
    }
    Ok(files)
}

/// One name for each coordinate, and its size in that unit.
pub(super) fn columns_of(placed: &InScene) -> Vec<(String, f64)> {
    let of = |(transmitter, freedom): &(usize, Freedom)| match freedom {
        Freedom::Position(axis) => (format!("{}{transmitter}_m", ["x", "y", "z"][*axis]), 1.0),
        Freedom::Orientation(axis) => {
            (format!("{}{transmitter}_deg", ["yaw", "pitch", "roll"][*axis]), placed.turn.to_degrees())
        }
    };
    placed.free.iter().map(of).collect()
}

fn report<'a>(job: &'a Job, landscape: &SceneLandscape, outcome: &'a Outcome) -> Report<'a, Placed<'a>> {
    let best = landscape.radios_at(outcome.positions());
    let degrees = |orientation: [f64; 3]| orientation.map(f64::to_degrees);
    let placed = job.radios.transmitters.iter().zip(&best.transmitters).map(|(before, after)| Placed {
        name: &before.name,
        position_m: after.position.into(),
        orientation_deg: degrees(after.orientation),
        start_m: before.position.into(),
        start_deg: degrees(before.orientation),
    });
    Report::new(placed.collect(), outcome)
}

/// A scene from above, and what is seen of it.
struct Plan<'a> {
    job: &'a Job,
    placed: &'a InScene,
    walls: Vec<Wall>,
    /// Height of the map: the receivers' [m].
    height: f64,
}

impl<'a> Plan<'a> {
    fn new(job: &'a Job, placed: &'a InScene) -> Plan<'a> {
        let receivers = &job.radios.receivers;
        let height = receivers.iter().map(|radio| radio.position.z).sum::<f64>() / receivers.len() as f64;
        let lines = Section::horizontal(&job.scene, height).lines();
        let walls = lines.into_iter().map(|ends| Wall { ends: ends.map(Vec2::from) }).collect();
        Plan { job, placed, walls, height }
    }

    fn at(&self, cell: usize) -> Vec2 {
        middle_of(cell, self.placed.course.cells, self.placed.course.area)
    }

    /// Values at the middle of each cell.
    fn over(&self, value: impl Fn(&[f64]) -> Result<f64> + Sync) -> Result<Vec<f64>> {
        (0..self.placed.course.cells.pow(2)).into_par_iter().map(|cell| value(self.at(cell).as_slice())).collect()
    }

    /// Path gain at the receivers' height [dB]; where there is none, no number.
    fn map(&self, landscape: &SceneLandscape, x: &[f64]) -> Result<Vec<f64>> {
        let cells: Vec<usize> = (0..self.placed.course.cells.pow(2)).collect();
        let place = |cell: &usize| {
            let at = self.at(*cell);
            Vec3::new(at.x, at.y, self.height)
        };
        let mut values = Vec::with_capacity(cells.len());
        for tile in cells.chunks(TILE) {
            let gains = landscape.received(x, &tile.iter().map(place).collect::<Vec<Vec3>>())?;
            values.extend(gains.into_iter().map(|gain| 10.0 * libm::log10(gain)));
        }
        Ok(values)
    }

    fn draw(
        &self,
        title: &str,
        values: &[f64],
        radios: &crate::scene::radio::Radios,
        tracks: &[Vec<Vec2>],
        name: &str,
        files: &mut Vec<String>,
    ) -> Result<()> {
        let above = |position: &Vec3| Vec2::new(position.x, position.y);
        let receivers: Vec<Vec2> = radios.receivers.iter().map(|radio| above(&radio.position)).collect();
        let picture = PlanePicture {
            title,
            values,
            cells: self.placed.course.cells,
            area: self.placed.course.area,
            walls: &self.walls,
            receivers: &receivers,
            transmitters: radios.transmitters.iter().map(|radio| above(&radio.position)).collect(),
            tracks,
        };
        picture::plane(&picture, &self.job.output.dir.join(name))?;
        files.push(name.to_string());
        Ok(())
    }
}
