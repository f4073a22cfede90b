//! The results of a run of `task = "map"`: `map.npz`, and a picture for each transmitter.

use super::arrays::{WholeMap, write_map};
use super::job::Job;
use crate::error::Result;
use crate::io::picture::{self, MapPicture, Mark, Quantity, Section};
use crate::map::grid::{Grid, Sheet};
use crate::map::metrics::CellSums;
use crate::math::Vec3;
use crate::scene::radio::Radio;
use crate::solve::map::MapTile;
use crate::solve::sampled::Sampled;
use std::fmt::Write;

/// The picture of the best servers.
const BEST_SERVER: &str = "map_best_server.png";

/// A map that is being put together.
pub struct MapResults<'a> {
    job: &'a Job,
    map: WholeMap,
    /// The only sheet of the map, if there is one.
    sheet: Option<Sheet>,
    draped: bool,
}

impl<'a> MapResults<'a> {
    /// Begins the results of a job that maps the cells of `grid`.
    pub fn new(job: &'a Job, grid: &Grid, noise: f64) -> MapResults<'a> {
        let maps = job.carriers.len() * job.radios.transmitters.len();
        let map = WholeMap {
            carriers: job.carriers.clone(),
            shape: grid.shape(),
            points: grid.points_per_cell(),
            sums: vec![CellSums::default(); maps * grid.len()],
            centres: vec![Vec3::zeros(); grid.len()],
            noise,
        };
        let sheet = match (&grid.kept, grid.sheets.as_slice()) {
            (None, [only]) => Some(only.clone()),
            _ => None,
        };
        MapResults { job, map, sheet, draped: grid.is_draped() }
    }

    /// Adds a tile.
    pub fn add(&mut self, tile: &MapTile) {
        let (all, cells) = (self.map.cells(), tile.cells.clone());
        self.map.centres[cells.clone()].copy_from_slice(&tile.centres);
        if cells.is_empty() {
            return;
        }
        for (own, sums) in self.map.sums.chunks_exact_mut(all).zip(tile.sums.chunks_exact(cells.len())) {
            own[cells.clone()].copy_from_slice(sums);
        }
    }

    /// Adds what is scattered from a transmitter at a carrier.
    pub fn add_sampled(&mut self, carrier: usize, transmitter: usize, sampled: &Sampled) {
        let (cells, points) = (self.map.cells(), self.map.points);
        let first = (carrier * self.job.radios.transmitters.len() + transmitter) * cells;
        let own = self.map.sums[first..first + cells].iter_mut();
        for ((sums, moments), variance) in own.zip(&sampled.moments).zip(&sampled.variance) {
            sums.add_sampled(points, *moments, *variance);
        }
    }

    /// Writes everything but the record; the names of the files.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`]; [`crate::error::Error::Internal`] for a picture that cannot be made.
    pub fn finish(&self) -> Result<Vec<String>> {
        write_map(&self.job.output.dir.join("map.npz"), &self.map, &self.job.radios.transmitters)?;
        let mut files = vec!["map.npz".into()];
        if let Some(sheet) = &self.sheet {
            self.draw(sheet, &mut files)?;
        }
        Ok(files)
    }

    /// A picture of the path gain from each transmitter, and of the best servers of several, at the first carrier.
    fn draw(&self, sheet: &Sheet, files: &mut Vec<String>) -> Result<()> {
        let (Job { scene, radios, carriers, output, .. }, map) = (self.job, &self.map);
        let plane = Plane::of(sheet);
        let names: Vec<String> = radios.transmitters.iter().map(|radio| radio.name.clone()).collect();
        let mark = |radio: &Radio| Mark { at_m: plane.place(&radio.position), name: radio.name.clone() };
        let marks: Vec<Mark> = radios.transmitters.iter().map(mark).collect();
        let section = (!self.draped).then_some(Section {
            scene,
            origin_m: plane.origin.into(),
            u: plane.u.into(),
            v: plane.v.into(),
        });
        let carrier = format!("{} GHz", carriers[0] / 1e9);
        let picture = |title: &str, quantity, values: &[f64], file: String| {
            let picture = MapPicture {
                title,
                quantity,
                values,
                cells: sheet.cells,
                cell_m: [sheet.step_u.norm(), sheet.step_v.norm()],
                low_m: plane.place(&sheet.corner),
                axes: plane.axes,
                marks: &marks,
                servers: &names,
                section,
            };
            picture::radio_map(&picture, &output.dir.join(&file)).map(|()| file)
        };
        for (i, name) in names.iter().enumerate() {
            let gain = |cell: &CellSums| 10.0 * cell.mean(map.points).log10();
            let values: Vec<f64> = map.of(0, i, names.len()).iter().map(gain).collect();
            let title = format!("path gain from {name}, {carrier}");
            let mut file = format!("map_{}.png", file_name(name));
            // Two names may differ only in what a file's name cannot hold.
            if files.contains(&file) || file == BEST_SERVER {
                file = format!("map_{}_{i}.png", file_name(name));
            }
            files.push(picture(&title, Quantity::PathGain, &values, file)?);
        }
        if names.len() > 1 {
            let server = |best: i64| if best < 0 { f64::NAN } else { best as f64 };
            let values: Vec<f64> = map.best_servers(0, &radios.transmitters).into_iter().map(server).collect();
            let title = format!("best server, {carrier}");
            files.push(picture(&title, Quantity::BestServer, &values, BEST_SERVER.into())?);
        }
        Ok(())
    }

    /// What the map says in a few lines: cells reached and median gain of each transmitter at the first carrier.
    pub fn summary(&self) -> String {
        let (mut text, transmitters) = (String::new(), &self.job.radios.transmitters);
        for (i, radio) in transmitters.iter().enumerate() {
            let cells = self.map.of(0, i, transmitters.len());
            let mut gains: Vec<f64> =
                cells.iter().map(|cell| cell.mean(self.map.points)).filter(|gain| *gain > 0.0).collect();
            gains.sort_unstable_by(f64::total_cmp);
            let median = gains
                .get(gains.len() / 2)
                .map_or(String::new(), |gain| format!(", median path gain {:.2} dB", 10.0 * gain.log10()));
            let _ = writeln!(text, "{}: {} cells, {} reached{median}", radio.name, cells.len(), gains.len());
        }
        text
    }
}

/// The plane of a sheet as a picture shows it: x and y of the scene file where these are the axes, else along the sheet
/// from its corner.
struct Plane {
    origin: Vec3,
    u: Vec3,
    v: Vec3,
    axes: [&'static str; 2],
}

impl Plane {
    fn of(sheet: &Sheet) -> Plane {
        let (u, v) = (sheet.step_u.normalize(), sheet.step_v.normalize());
        if (u - Vec3::x()).norm() < 1e-9 && (v - Vec3::y()).norm() < 1e-9 {
            Plane { origin: Vec3::new(0.0, 0.0, sheet.corner.z), u, v, axes: ["x [m]", "y [m]"] }
        } else {
            Plane { origin: sheet.corner, u, v, axes: ["u [m]", "v [m]"] }
        }
    }

    fn place(&self, point: &Vec3) -> [f64; 2] {
        [&self.u, &self.v].map(|axis| (point - self.origin).dot(axis))
    }
}

/// A name as part of the name of a file: what a system may refuse becomes `_`.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    name.chars().map(safe).collect()
}
