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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::C64;
    use crate::scene::antenna::{Antenna, AntennaDescription};
    use crate::scene::description::SceneDescription;
    use crate::scene::material::OutOfRange;
    use ndarray::{Array1, Array4};

    /// Three receivers with one, none and two direct paths: lengths 1, 2 and 3 m.
    fn three_receivers() -> (Scene, Radios, Paths, Channel) {
        let radio = |name: &str| Radio {
            name: name.into(),
            position: Vec3::zeros(),
            orientation: [0.0; 3],
            velocity: Vec3::zeros(),
            power: 1.0,
            antenna: 0,
        };
        let antenna = Antenna::new("a", &AntennaDescription::default(), 0.01).expect("an antenna");
        let receivers = vec![radio("rx0"), radio("rx1"), radio("rx2")];
        let radios = Radios { antennas: vec![antenna], transmitters: vec![radio("tx")], receivers };
        let paths = Paths {
            transmitters: 1,
            receivers: 3,
            offsets: vec![0, 1, 1, 3],
            vertex_offsets: vec![0; 4],
            length: vec![1.0, 2.0, 3.0],
            transmitter_element: vec![ALL_ELEMENTS; 3],
            receiver_element: vec![ALL_ELEMENTS; 3],
            ..Paths::default()
        };
        let three = vec![0.0; 3];
        let channel = Channel {
            carriers: vec![28e9],
            a: (1..4).map(|i| C64::from(f64::from(i))).collect(),
            a_offsets: vec![0, 1, 2, 3],
            tau: three.clone(),
            theta_t: three.clone(),
            phi_t: three.clone(),
            theta_r: three.clone(),
            phi_r: three.clone(),
            doppler: three,
        };
        let scene = Scene::new(&SceneDescription::default(), OutOfRange::Error).expect("an empty scene");
        (scene, radios, paths, channel)
    }

    #[test]
    fn tiles_hold_their_own_receivers_and_count_from_zero() {
        let (scene, radios, paths, channel) = three_receivers();
        let folder = tempfile::tempdir().expect("a folder");
        let files = write_paths(folder.path(), &scene, &radios, &paths, &channel, 2).expect("written");
        let found: Vec<_> = files.iter().map(|f| (f.file.as_str(), f.first_receiver, f.receivers, f.paths)).collect();
        assert_eq!(found, [("paths-0000.npz", 0, 2, 1), ("paths-0001.npz", 2, 1, 2)]);
        let file = std::fs::File::open(folder.path().join("paths-0001.npz")).expect("there");
        let mut npz = ndarray_npy::NpzReader::new(file).expect("an archive");
        let offsets: Array1<i64> = npz.by_name("offsets").expect("offsets");
        let lengths: Array1<f64> = npz.by_name("length_m").expect("lengths");
        let a: Array4<C64> = npz.by_name("a").expect("coefficients");
        assert_eq!((offsets.to_vec(), lengths.to_vec()), (vec![0, 2], vec![2.0, 3.0]));
        assert_eq!(a.iter().map(|a| a.re).collect::<Vec<_>>(), [2.0, 3.0]);
    }

    #[test]
    fn few_receivers_are_one_file() {
        let (scene, radios, paths, channel) = three_receivers();
        let folder = tempfile::tempdir().expect("a folder");
        let files = write_paths(folder.path(), &scene, &radios, &paths, &channel, 3).expect("written");
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].file.as_str(), files[0].paths), ("paths.npz", 3));
    }
}
