//! The results of a run, written tile by tile: `paths.npz`, `links.csv`, `cfr.npz`, `taps.npz`, `paths.png`.
//!
//! Nothing grows with the number of receivers: a tile's arrays go to files of their own (`paths-0000.npz`, … where there
//! are several tiles), rows are appended to `links.csv`, and the picture keeps a selection. The record is for the caller.

use super::arrays::{self, PathsFile, Samples};
use super::job::Job;
use super::links::{self, Link, LinksFile, Totals};
use super::picture::{self, Sketch};
use crate::channel::{Delays, Link as ChannelLink, impulse, response};
use crate::error::Result;
use crate::scene::radio::Radios;
use crate::solve::Tile;
use std::ops::Range;

/// More receivers than this are split into tiles.
const RECEIVERS_PER_TILE: usize = 1 << 16;
/// With many transmitters a tile has fewer receivers, so that its links, which make its memory, are no more than this.
const LINKS_PER_TILE: usize = 1 << 18;
/// Links that are kept for the table on stdout.
const SHOWN_LINKS: usize = 40;

/// How receivers are split into tiles, each a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    receivers: usize,
    per_tile: usize,
}

impl Tiling {
    /// The tiles of a job's radios.
    pub fn of(radios: &Radios) -> Tiling {
        let per_tile = (LINKS_PER_TILE / radios.transmitters.len().max(1)).clamp(1, RECEIVERS_PER_TILE);
        Tiling::new(radios.receivers.len(), per_tile)
    }

    /// Tiles of `per_tile` receivers, 1 at least.
    pub fn new(receivers: usize, per_tile: usize) -> Tiling {
        Tiling { receivers, per_tile: per_tile.max(1) }
    }

    /// The receivers of each tile.
    pub fn tiles(self) -> impl Iterator<Item = Range<usize>> {
        let end = move |first: usize| (first + self.per_tile).min(self.receivers);
        (0..self.receivers.max(1)).step_by(self.per_tile).map(move |first| first..end(first))
    }

    /// The name of the file of kind `stem` for the tile that begins with `first_receiver`.
    fn file(self, stem: &str, first_receiver: usize) -> String {
        if self.receivers <= self.per_tile {
            format!("{stem}.npz")
        } else {
            format!("{stem}-{:04}.npz", first_receiver / self.per_tile)
        }
    }
}

/// Results that are being written.
pub struct Results<'a> {
    job: &'a Job,
    tiling: Tiling,
    /// Numbers of ports where all links have the same, by which the form of arrays is chosen.
    ports: Option<(usize, usize)>,
    links: LinksFile,
    sketch: Option<Sketch>,
    written: Written,
}

/// What was written.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Files of paths and the receivers that they hold.
    pub paths_files: Vec<PathsFile>,
    /// All other files.
    pub files: Vec<String>,
    /// The first links, at the first carrier.
    pub first_links: Vec<Link>,
    /// All links together, at the first carrier.
    pub totals: Totals,
}

impl<'a> Results<'a> {
    /// Begins the results of a job in its folder.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`].
    pub fn new(job: &'a Job, tiling: Tiling) -> Result<Results<'a>> {
        let links = LinksFile::create(&job.output.dir.join("links.csv"))?;
        let sketch = job.output.picture.then(Sketch::default);
        let written = Written { files: vec!["links.csv".into()], ..Written::default() };
        Ok(Results { job, tiling, ports: job.radios.common_ports(), links, sketch, written })
    }

    /// Writes a tile; tiles come in their order.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`].
    pub fn add(&mut self, tile: &Tile) -> Result<()> {
        let Job { scene, radios, output, .. } = self.job;
        let ports = self.ports.filter(|_| !radios.any_per_element());
        let file = self.tiling.file("paths", tile.first_receiver);
        self.written.paths_files.push(arrays::write_paths(&output.dir, file, scene, tile, ports)?);
        self.add_links(tile)?;
        self.write_responses(tile)?;
        if let Some(sketch) = &mut self.sketch {
            sketch.add(&tile.radios, &tile.paths);
        }
        Ok(())
    }

    /// Ends the results, all but the record.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`]; [`crate::error::Error::Internal`] for a picture that cannot be made.
    pub fn finish(mut self) -> Result<Written> {
        self.links.finish()?;
        if let Some(sketch) = &self.sketch {
            let file = self.job.output.dir.join("paths.png");
            picture::paths_from_above(&self.job.scene, &self.job.radios, sketch, &file)?;
            self.written.files.push("paths.png".into());
        }
        Ok(self.written)
    }

    fn add_links(&mut self, tile: &Tile) -> Result<()> {
        let rows = links::all(&tile.radios, &tile.paths, &tile.channel);
        self.links.append(&rows)?;
        let Written { first_links, totals, .. } = &mut self.written;
        for row in rows.into_iter().step_by(self.job.carriers.len()) {
            totals.add(&row);
            if first_links.len() < SHOWN_LINKS {
                first_links.push(row);
            }
        }
        Ok(())
    }

    fn write_responses(&mut self, tile: &Tile) -> Result<()> {
        let (output, Tile { radios, paths, channel, .. }) = (&self.job.output, tile);
        let delays = if output.normalize_delays { Delays::FromFirst } else { Delays::Absolute };
        let link = |index| ChannelLink::new(radios, paths, channel, index);
        let (carriers, ports) = (&self.job.carriers, self.ports);
        let mut files = Vec::new();
        if let Some(offsets) = &output.subcarriers {
            let of_link = |carrier, index| response::frequency_response(&link(index), carrier, offsets, delays);
            let samples = Samples { radios, carriers, ports, of_link: &of_link };
            files.push(self.tiling.file("cfr", tile.first_receiver));
            arrays::write_response(&output.dir.join(&files[0]), &samples, offsets)?;
        }
        if let Some(window) = &output.taps {
            let of_link = |carrier, index| impulse::taps(&link(index), carrier, window, delays);
            let samples = Samples { radios, carriers, ports, of_link: &of_link };
            let numbers: Vec<i64> = window.numbers().collect();
            let file = self.tiling.file("taps", tile.first_receiver);
            arrays::write_taps(&output.dir.join(&file), &samples, &numbers)?;
            files.push(file);
        }
        self.written.files.extend(files);
        Ok(())
    }
}
