//! The exact part of a map by area ([`crate::map::raster`]), in place of points and their paths.

use super::map::{MapEngine, MapTile};
use crate::error::Result;
use crate::geometry::simd::Level;
use crate::map::bundle::{MapBars, Recording, Work};
use crate::map::fed::Fed;
use crate::map::metrics::CellSums;
use crate::map::raster::Raster;
use crate::map::raster::outlines::Outlines;
use crate::map::raster::power::Power;
use crate::map::raster::windows::Windows;
use crate::path::field::{BLOCK, End, surfaces_of};
use std::ops::Range;

/// Looks at the light of a transmitter on some rows of cells.
type Look<'a> = dyn FnMut(&Raster, Level, usize, &Range<usize>) -> Result<()> + 'a;

impl MapEngine<'_> {
    /// The sums of some cells as means over their areas.
    ///
    /// # Errors
    /// As [`MapEngine::tile`]; a map that is no plane, or a device that this is not there for yet.
    pub(super) fn tile_by_area(&mut self, cells: Range<usize>) -> Result<MapTile> {
        let centres = self.grid.centres(&self.tracer.geometry, cells.clone());
        let (carriers, transmitters, count) = (self.carriers.len(), self.tracer.sources.len(), cells.len());
        let mut sums = vec![CellSums::default(); carriers * transmitters * count];
        self.lights(&cells, &mut |raster, level, source, rows| {
            let (found, width) = (raster.rows(level, rows), raster.sheet.cells[0]);
            let first = cells.start - rows.start * width;
            for carrier in 0..carriers {
                let from = carrier * rows.len() * width + first;
                let to = (carrier * transmitters + source) * count;
                sums[to..to + count].copy_from_slice(&found[from..from + count]);
            }
            Ok(())
        })?;
        Ok(MapTile { cells, sums, centres })
    }

    /// Lets the light of some whole rows of cells fall once more, as paths to the points that stand for what is lit (T99):
    /// does `work` with bundles of them, and puts what comes of it into `put`, piece by piece in
    /// a fixed order.
    ///
    /// # Errors
    /// As [`MapEngine::tile`]; what `work` fails on.
    pub fn retrace_area<R: Default + Send>(
        &mut self,
        cells: &Range<usize>,
        bars: &MapBars,
        work: &Work<R>,
        put: &mut dyn FnMut(R),
    ) -> Result<()> {
        let carriers = [0, self.carriers.len()];
        self.lights(cells, &mut |raster, level, transmitter, rows| {
            let recording = Recording { geometry: raster.geometry, bars, carriers, transmitter, size: BLOCK, work };
            raster.retrace(level, rows, &recording, put)
        })
    }

    /// Calls `look(light, _, transmitter, rows)` with the light of each transmitter on the rows of some cells.
    fn lights(&mut self, cells: &Range<usize>, look: &mut Look) -> Result<()> {
        let sheet = self.plane_sheet("map.mean = \"area\"", "use map.mean = \"points\"")?;
        let level = self.tracer.backend.level_for("map.mean = \"area\"")?;
        let surfaces = surfaces_of(self.tracer.geometry.scene, self.carriers, &mut self.notes)?;
        let outlines = Outlines::new(&self.tracer.geometry);
        let width = sheet.cells[0];
        let rows = cells.start / width..cells.end.div_ceil(width);
        self.tracer.clock.stage("points");
        for source in 0..self.tracer.sources.len() {
            let trie = self.tracer.chains_of(source, None)?;
            self.tracer.clock.stage("candidates");
            let [sender, receiver] = [&self.radios.transmitters[source], &self.radios.receivers[0]];
            let ends = [sender, receiver].map(|radio| End::new(self.radios, radio));
            let power = Power {
                facets: &self.tracer.geometry.facets,
                trie: &trie,
                carriers: self.carriers,
                surfaces: &surfaces,
                source: Fed { end: &ends[0], weights: sender.weights.as_deref() },
                receiver: Fed { end: &ends[1], weights: receiver.weights.as_deref() },
            };
            let counts = |node: u32| match node {
                0 => self.tracer.options.line_of_sight,
                _ => !self.scattered.is_lobes(&self.tracer.geometry.facets, trie.facet[node as usize]),
            };
            let geometry = &self.tracer.geometry;
            let is_wanted = |node| counts(node) && Raster::may_reach(geometry, &trie, &sheet, &outlines, node);
            let windows = Windows::new(level, geometry, &trie, &outlines, &is_wanted);
            self.tracer.clock.stage("windows");
            let raster = Raster {
                geometry: &self.tracer.geometry,
                trie: &trie,
                outlines: &outlines,
                windows: &windows,
                sheet: &sheet,
                power: &power,
                counts: &counts,
            };
            look(&raster, level, source, &rows)?;
            self.tracer.clock.stage("raster");
            let is_last = cells.end == self.grid.len();
            self.tracer.keep_chains(source, trie, is_last);
        }
        Ok(())
    }
}
