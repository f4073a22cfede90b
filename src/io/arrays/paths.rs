//! `paths.npz`: every path of every link, ragged.

use super::npz::Npz;
use crate::channel::Channel;
use crate::error::Result;
use crate::io::atomic;
use crate::math::Vec3;
use crate::path::{ALL_ELEMENTS, Paths};
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use serde::Serialize;
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;

/// More receivers than this are split into tiles of so many, one file each.
pub const RECEIVERS_PER_FILE: usize = 65_536;

/// One written file and the receivers that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathsFile {
    /// Name within the output folder.
    pub file: String,
    /// First receiver.
    pub first_receiver: usize,
    /// Number of receivers.
    pub receivers: usize,
    /// Number of paths.
    pub paths: usize,
}

/// Writes all paths into `folder`: `paths.npz`, or `paths-0000.npz` and so on for more than `receivers_per_file`
/// receivers. Offsets and links count within each file.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_paths(
    folder: &Path,
    scene: &Scene,
    radios: &Radios,
    paths: &Paths,
    channel: &Channel,
    receivers_per_file: usize,
) -> Result<Vec<PathsFile>> {
    let mut files = Vec::new();
    let whole = paths.receivers <= receivers_per_file;
    for (i, first) in (0..paths.receivers.max(1)).step_by(receivers_per_file).enumerate() {
        let receivers = first..(first + receivers_per_file).min(paths.receivers);
        let file = if whole { "paths.npz".to_string() } else { format!("paths-{i:04}.npz") };
        let tile = Tile::new(scene, radios, paths, channel, receivers.clone());
        atomic::write_file(&folder.join(&file), |writer| tile.write(writer))?;
        files.push(PathsFile {
            file,
            first_receiver: first,
            receivers: receivers.len(),
            paths: tile.paths_range.len(),
        });
    }
    Ok(files)
}

/// The receivers of one file.
struct Tile<'a> {
    scene: &'a Scene,
    radios: &'a Radios,
    paths: &'a Paths,
    channel: &'a Channel,
    receivers: Range<usize>,
    links: Range<usize>,
    paths_range: Range<usize>,
    vertices: Range<usize>,
}

impl<'a> Tile<'a> {
    fn new(
        scene: &'a Scene,
        radios: &'a Radios,
        paths: &'a Paths,
        channel: &'a Channel,
        receivers: Range<usize>,
    ) -> Self {
        let links = receivers.start * paths.transmitters..receivers.end * paths.transmitters;
        let paths_range = paths.offsets[links.start] as usize..paths.offsets[links.end] as usize;
        let vertices = paths.vertex_offsets[paths_range.start] as usize..paths.vertex_offsets[paths_range.end] as usize;
        Tile { scene, radios, paths, channel, receivers, links, paths_range, vertices }
    }

    fn write(&self, writer: impl Write + Seek) -> io::Result<()> {
        let mut npz = Npz::new(writer);
        npz.array("carrier_hz", &[self.channel.carriers.len()], self.channel.carriers.iter().copied())?;
        self.write_coefficients(&mut npz)?;
        self.write_paths(&mut npz)?;
        self.write_vertices(&mut npz)?;
        let radios = &self.radios;
        write_radios(&mut npz, "transmitter", &radios.transmitters)?;
        write_radios(&mut npz, "receiver", &radios.receivers[self.receivers.clone()])?;
        npz.texts("object_names", self.scene.objects.iter().map(|object| object.name.as_str()))?;
        npz.finish()
    }

    fn write_coefficients(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let offsets = &self.channel.a_offsets[self.paths_range.start..=self.paths_range.end];
        let a = &self.channel.a[offsets[0] as usize..offsets[offsets.len() - 1] as usize];
        match self.common_ports() {
            Some((rx, tx)) => {
                let shape = [self.paths_range.len(), self.channel.carriers.len(), rx, tx];
                npz.array("a", &shape, a.iter().copied())
            }
            None => {
                npz.array("a", &[a.len()], a.iter().copied())?;
                npz.array("a_offsets", &[offsets.len()], from_zero(offsets))
            }
        }
    }

    /// Numbers of receiver and transmitter ports, where all links of all files share them and no element is traced on
    /// its own: then `a` is one rectangular array.
    fn common_ports(&self) -> Option<(usize, usize)> {
        let common = |radios: &[Radio]| {
            let first = self.radios.antenna(radios.first()?).ports();
            let same = |radio: &Radio| {
                let antenna = self.radios.antenna(radio);
                antenna.ports() == first && !antenna.per_element
            };
            radios.iter().all(same).then_some(first)
        };
        Some((common(&self.radios.receivers)?, common(&self.radios.transmitters)?))
    }

    fn write_paths(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let (paths, channel, range) = (self.paths, self.channel, self.paths_range.clone());
        let links = &paths.offsets[self.links.start..=self.links.end];
        npz.array("offsets", &[links.len()], from_zero(links))?;
        let columns = [
            ("tau_s", &channel.tau),
            ("theta_t", &channel.theta_t),
            ("phi_t", &channel.phi_t),
            ("theta_r", &channel.theta_r),
            ("phi_r", &channel.phi_r),
            ("length_m", &paths.length),
        ];
        for (name, values) in columns {
            npz.array(name, &[range.len()], values[range.clone()].iter().copied())?;
        }
        let carriers = channel.carriers.len();
        let doppler = &channel.doppler[range.start * carriers..range.end * carriers];
        npz.array("doppler_hz", &[range.len(), carriers], doppler.iter().copied())?;
        let elements =
            [("transmitter_element", &paths.transmitter_element), ("receiver_element", &paths.receiver_element)];
        for (name, values) in elements {
            let values = &values[range.clone()];
            if values.iter().any(|element| *element != ALL_ELEMENTS) {
                npz.array(name, &[range.len()], values.iter().copied())?;
            }
        }
        Ok(())
    }

    fn write_vertices(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let (paths, range, count) = (self.paths, self.vertices.clone(), self.vertices.len());
        let offsets = &paths.vertex_offsets[self.paths_range.start..=self.paths_range.end];
        npz.array("vertex_offsets", &[offsets.len()], from_zero(offsets))?;
        npz.array("interaction", &[count], paths.interaction[range.clone()].iter().map(|kind| *kind as u8))?;
        for (name, values) in [("object", &paths.object), ("primitive", &paths.primitive), ("facet", &paths.facet)] {
            npz.array(name, &[count], values[range.clone()].iter().copied())?;
        }
        npz.array("vertex_m", &[count, 3], coordinates(paths.vertex[range].iter()))
    }
}

fn write_radios(npz: &mut Npz<impl Write + Seek>, side: &str, radios: &[Radio]) -> io::Result<()> {
    npz.texts(&format!("{side}_names"), radios.iter().map(|radio| radio.name.as_str()))?;
    let positions = coordinates(radios.iter().map(|radio| &radio.position));
    npz.array(&format!("{side}_position_m"), &[radios.len(), 3], positions)
}

fn coordinates<'a>(points: impl Iterator<Item = &'a Vec3>) -> impl Iterator<Item = f64> {
    points.flat_map(|point| [point.x, point.y, point.z])
}

/// Offsets that count within this file; signed, since numpy mixes unsigned indices badly.
fn from_zero(offsets: &[u64]) -> impl Iterator<Item = i64> {
    offsets.iter().map(|offset| (offset - offsets[0]) as i64)
}
