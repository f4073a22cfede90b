//! What a run of `task = "map"` does, for some cells at a time: chains and paths as for receivers at the cells' points,
//! powers by replaying each path, sums over the points of each cell (theory.md, "Radio maps").

use super::sampled::Target;
use super::scatter::Scattered;
use super::tracer::Tracer;
use super::{Summary, ends_of};
use crate::backend::Backend;
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Fault, Result};
use crate::layout::ALL_ELEMENTS;
use crate::map::grid::{Grid, Layout, Mean, Sheet};
use crate::map::metrics::CellSums;
use crate::math::Vec3;
use crate::path::found::{EndPoint, assemble};
use crate::path::search::Ends;
use crate::path::{Paths, SolverOptions};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::ops::Range;

/// What a map is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// What it covers.
    pub layout: Layout,
    /// Points along each side of a cell.
    pub points: usize,
    /// Whether a cell is the mean over its points or over its area.
    pub mean: Mean,
    /// Noise of the receiver [W].
    pub noise: f64,
    /// When sampling ends.
    pub target: Target,
}

/// A scene that is ready for the cells of a map.
pub struct MapEngine<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) radios: &'a Radios,
    pub(super) grid: Grid,
    pub(super) carriers: &'a [f64],
    pub(super) scattered: Scattered,
    pub(super) notes: Vec<String>,
    pub(super) mean: Mean,
    /// Cells of a tile, if others than [`MapEngine::cells_per_tile`] finds.
    per_tile: Option<usize>,
}

/// Some cells of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct MapTile {
    /// Which cells.
    pub cells: Range<usize>,
    /// Sums `[carrier, transmitter, cell]`.
    pub sums: Vec<CellSums>,
    /// Centres of the cells `[cell]` [m], in the coordinates of the scene file.
    pub centres: Vec<Vec3>,
}

impl<'a> MapEngine<'a> {
    /// Builds what does not depend on cells. The only receiver of `radios` is the one that stands at every point.
    ///
    /// # Errors
    /// As [`Tracer::new`].
    pub fn new(
        backend: Backend,
        scene: &'a Scene,
        survey: &Survey,
        radios: &'a Radios,
        carriers: &'a [f64],
        options: &'a SolverOptions,
        progress: &'a dyn Progress,
    ) -> Result<MapEngine<'a>> {
        let sources = ends_of(radios, &radios.transmitters, scene);
        let mut tracer = Tracer::new(backend, scene, sources, options, progress)?;
        let grid = Grid::new(&survey.layout, survey.points, &tracer.geometry);
        let count = grid.len() * grid.points_per_cell();
        tracer.receivers_are(Ends { bounds: bounds_of_points(&grid, scene), count });
        let scattered = Scattered::new(scene, carriers, &options.scatter)?;
        Ok(MapEngine {
            tracer,
            radios,
            grid,
            carriers,
            scattered,
            notes: Vec::new(),
            mean: survey.mean,
            per_tile: None,
        })
    }

    /// The cells of the map.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Whether the map has a sampled part ([`MapEngine::sampled`]): something scatters.
    pub fn is_sampled(&self) -> bool {
        !self.scattered.is_empty()
    }

    /// The sums of some cells.
    ///
    /// # Errors
    /// A material that is not defined at a carrier; the device failed.
    pub fn tile(&mut self, cells: Range<usize>) -> Result<MapTile> {
        let (tracer, grid) = (&mut self.tracer, &self.grid);
        tracer.clock.resume();
        if cells.len() < grid.len() {
            tracer.progress.begin(&format!("cells {} to {} of {}", cells.start, cells.end, grid.len()), 0);
        }
        if self.mean == Mean::Area {
            return self.tile_by_area(cells);
        }
        let Reached { radios, ends, paths } = self.reached(&cells)?;
        let (tracer, grid) = (&mut self.tracer, &self.grid);
        let centres = grid.centres(&tracer.geometry, cells.clone());

        // The power of each path ("Radio maps").
        let (powers, notes) = tracer.backend.powers(tracer.geometry.scene, &radios, &paths, self.carriers)?;
        self.notes.extend(notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>());
        let mut directs = Vec::with_capacity(ends.len() * tracer.sources.len());
        for end in &ends {
            directs.extend(tracer.sources.iter().map(|source| (end.position - source.position).norm()));
        }
        let sums = sums_of(&paths, &powers, &directs, self.carriers.len(), grid.points_per_cell());
        tracer.clock.stage("field");
        Ok(MapTile { cells, sums, centres })
    }

    /// The paths to the points of some cells.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn reached(&mut self, cells: &Range<usize>) -> Result<Reached> {
        let (tracer, grid) = (&mut self.tracer, &self.grid);
        let positions = grid.points_of(&tracer.geometry, cells.clone());
        let ends = ends_at(&positions, tracer.geometry.scene);
        let radios = at_points(self.radios, &positions);
        tracer.clock.stage("points");

        // Chains of facets ("Images and candidates"), and the paths over them ("Visibility").
        let mut found = tracer.paths(&ends, cells, grid.len())?;
        found.iter_mut().for_each(|found| self.scattered.leave_to_lobes(&tracer.geometry.facets, found));
        let counts = [radios.transmitters.len(), radios.receivers.len()];
        let paths = assemble(&tracer.geometry, &tracer.sources, &ends, &found, counts, &mut tracer.counters);
        drop(found);
        tracer.clock.stage("assemble");
        Ok(Reached { radios, ends, paths })
    }

    /// The cells in tiles of [`MapEngine::cells_per_tile`]; one that is empty of a map without cells.
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (cells, per_tile) = (self.grid.len(), self.cells_per_tile());
        (0..cells.max(1)).step_by(per_tile).map(move |first| first..cells.min(first + per_tile))
    }

    /// The same engine with tiles of so many cells, 1 at least; results do not depend on it.
    #[must_use]
    pub fn in_tiles_of(mut self, cells: usize) -> MapEngine<'a> {
        self.per_tile = Some(cells);
        self
    }

    /// What may be worked on together at the most [cells]: what bounds the memory.
    pub fn cells_per_tile(&self) -> usize {
        /// Points, with their paths.
        const POINTS: usize = 1 << 16;
        /// Cells without points.
        const CELLS: usize = 1 << 20;
        if let Some(cells) = self.per_tile {
            return cells;
        }
        let transmitters = self.tracer.sources.len().max(1);
        match self.mean {
            Mean::Points => (POINTS / (self.grid.points_per_cell() * transmitters)).max(1),
            // Whole rows.
            Mean::Area => (CELLS / (self.grid.sheets[0].cells[0] * transmitters)).max(1) * self.grid.sheets[0].cells[0],
        }
    }

    /// The only sheet of the map, local, for `what` needs a plane.
    ///
    /// # Errors
    /// The map is no plane.
    pub(super) fn plane_sheet(&self, what: &str, remedy: &str) -> Result<Sheet> {
        let origin = self.tracer.geometry.scene.origin;
        match (self.grid.is_draped(), &self.grid.kept, self.grid.sheets.as_slice()) {
            (false, None, [sheet]) => Ok(Sheet { corner: sheet.corner - origin, ..sheet.clone() }),
            _ => {
                let bound = format!("{what} is not there yet for draped maps and maps on facets");
                Err(Error::job(Fault::new("map", bound).remedy(format!("map a plane, or {remedy}"))))
            }
        }
    }

    /// Ends the run: counters, timings and warnings of all tiles together.
    pub fn finish(mut self) -> Summary {
        let mut warnings = std::mem::take(&mut self.notes);
        warnings.extend(self.tracer.warnings());
        Summary { counters: self.tracer.counters, timings: self.tracer.clock.timings, warnings }
    }
}

/// Paths to the points of some cells.
pub(super) struct Reached {
    /// All transmitters, and the receiver at each point.
    pub radios: Radios,
    /// Where the points are `[receiver]`.
    pub ends: Vec<EndPoint>,
    /// The paths.
    pub paths: Paths,
}

/// Sums over the paths to each point, then over the points of each cell `[carrier, transmitter, cell]`.
///
/// `powers` `[path, carrier]`, `directs` `[point, transmitter]` the direct distances [m]; the points of a cell are
/// neighbours in the order of receivers.
fn sums_of(paths: &Paths, powers: &[f64], directs: &[f64], carriers: usize, points: usize) -> Vec<CellSums> {
    let (transmitters, cells) = (paths.transmitters, paths.receivers / points);
    let of = |index: usize| {
        let (carrier, rest) = (index / (transmitters * cells), index % (transmitters * cells));
        let (transmitter, cell) = (rest / cells, rest % cells);
        let mut sums = CellSums::default();
        for point in cell * points..(cell + 1) * points {
            let mut moments = [0.0; 3];
            let own = paths.of_link(point * transmitters + transmitter);
            let direct = directs[point * transmitters + transmitter];
            for path in own {
                let (power, delay) =
                    (powers[path * carriers + carrier], (paths.length[path] - direct) / SPEED_OF_LIGHT);
                moments = [moments[0] + power, moments[1] + power * delay, moments[2] + power * delay * delay];
            }
            sums.add_point(moments);
        }
        sums
    };
    (0..carriers * transmitters * cells).into_par_iter().map(of).collect()
}

fn ends_at(positions: &[Vec3], scene: &Scene) -> Vec<EndPoint> {
    let end =
        |(radio, position): (u32, &Vec3)| EndPoint { radio, element: ALL_ELEMENTS, position: position - scene.origin };
    (0..).zip(positions).map(end).collect()
}

/// The radios of a survey with its receiver at each of the `positions`.
pub(super) fn at_points(radios: &Radios, positions: &[Vec3]) -> Radios {
    let receiver = &radios.receivers[0];
    // Nobody asks for the names of points.
    let at = |position: &Vec3| Radio { name: String::new(), position: *position, ..receiver.clone() };
    Radios {
        antennas: radios.antennas.clone(),
        transmitters: radios.transmitters.clone(),
        receivers: positions.iter().map(at).collect(),
    }
}

/// Bounds of all points of a map [m, local]: those of the sheets, and as high and low as the scene where they are draped.
fn bounds_of_points(grid: &Grid, scene: &Scene) -> (Vec3, Vec3) {
    let (mut low, mut high) = grid.bounds();
    if grid.is_draped()
        && let Some((from, to)) = scene.bounds()
    {
        low.z += (from.z + scene.origin.z).min(0.0);
        high.z += (to.z + scene.origin.z).max(0.0);
    }
    (low - scene.origin, high - scene.origin)
}
