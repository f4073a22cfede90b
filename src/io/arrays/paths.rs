//! `paths.npz`: every path of every link of a tile, ragged. Offsets and links count within the file.

use super::npz::Npz;
use crate::channel::Channel;
use crate::error::Result;
use crate::io::atomic;
use crate::math::Vec3;
use crate::path::{ALL_ELEMENTS, Paths};
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use crate::solve::Tile;
use serde::Serialize;
use std::io::{self, Seek, Write};
use std::path::Path;

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

/// Writes the paths of a tile into `folder` as `file`. `ports` are the numbers of receiver and transmitter ports where
/// all links of the run, and not just of the tile, have the same: then `a` is one rectangular array.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_paths(
    folder: &Path,
    file: String,
    scene: &Scene,
    tile: &Tile,
    ports: Option<(usize, usize)>,
) -> Result<PathsFile> {
    let Tile { first_receiver, radios, paths, channel, visibility } = tile;
    let writer = Writer { scene, radios, paths, channel, visibility, ports };
    atomic::write_file(&folder.join(&file), |to| writer.write(to))?;
    Ok(PathsFile { file, first_receiver: *first_receiver, receivers: paths.receivers, paths: paths.len() })
}

struct Writer<'a> {
    scene: &'a Scene,
    radios: &'a Radios,
    paths: &'a Paths,
    channel: &'a Channel,
    visibility: &'a [f64],
    ports: Option<(usize, usize)>,
}

impl Writer<'_> {
    fn write(&self, writer: impl Write + Seek) -> io::Result<()> {
        let mut npz = Npz::new(writer);
        npz.array("carrier_hz", &[self.channel.carriers.len()], self.channel.carriers.iter().copied())?;
        self.write_coefficients(&mut npz)?;
        self.write_paths(&mut npz)?;
        self.write_vertices(&mut npz)?;
        let radios = &self.radios;
        write_radios(&mut npz, "transmitter", &radios.transmitters)?;
        write_radios(&mut npz, "receiver", &radios.receivers)?;
        npz.texts("object_names", self.scene.objects.iter().map(|object| object.name.as_str()))?;
        npz.finish()
    }

    fn write_coefficients(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let (offsets, a) = (&self.channel.a_offsets, &self.channel.a);
        match self.ports {
            Some((rx, tx)) => {
                let shape = [self.paths.len(), self.channel.carriers.len(), rx, tx];
                npz.array("a", &shape, a.iter().copied())
            }
            None => {
                npz.array("a", &[a.len()], a.iter().copied())?;
                npz.array("a_offsets", &[offsets.len()], signed(offsets))
            }
        }
    }

    fn write_paths(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let (paths, channel, count) = (self.paths, self.channel, self.paths.len());
        npz.array("offsets", &[paths.offsets.len()], signed(&paths.offsets))?;
        let columns = [
            ("tau_s", &channel.tau),
            ("theta_t", &channel.theta_t),
            ("phi_t", &channel.phi_t),
            ("theta_r", &channel.theta_r),
            ("phi_r", &channel.phi_r),
            ("length_m", &paths.length),
        ];
        for (name, values) in columns {
            npz.array(name, &[count], values.iter().copied())?;
        }
        if !self.visibility.is_empty() {
            npz.array("visibility", &[count], self.visibility.iter().copied())?;
        }
        npz.array("doppler_hz", &[count, channel.carriers.len()], channel.doppler.iter().copied())?;
        let elements =
            [("transmitter_element", &paths.transmitter_element), ("receiver_element", &paths.receiver_element)];
        for (name, values) in elements {
            if values.iter().any(|element| *element != ALL_ELEMENTS) {
                npz.array(name, &[count], values.iter().copied())?;
            }
        }
        Ok(())
    }

    fn write_vertices(&self, npz: &mut Npz<impl Write + Seek>) -> io::Result<()> {
        let (paths, count) = (self.paths, self.paths.vertex.len());
        npz.array("vertex_offsets", &[paths.vertex_offsets.len()], signed(&paths.vertex_offsets))?;
        npz.array("interaction", &[count], paths.interaction.iter().map(|kind| *kind as u8))?;
        for (name, values) in [("object", &paths.object), ("primitive", &paths.primitive), ("facet", &paths.facet)] {
            npz.array(name, &[count], values.iter().copied())?;
        }
        npz.array("vertex_m", &[count, 3], coordinates(paths.vertex.iter()))
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

/// Signed, since numpy mixes unsigned indices badly.
fn signed(offsets: &[u64]) -> impl Iterator<Item = i64> {
    offsets.iter().map(|offset| *offset as i64)
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
            weights: None,
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
    fn links_without_paths_are_written_too() {
        let (scene, radios, paths, channel) = three_receivers();
        let tile = Tile { first_receiver: 5, radios, paths, channel, visibility: Vec::new() };
        let folder = tempfile::tempdir().expect("a folder");
        let file = write_paths(folder.path(), "paths.npz".into(), &scene, &tile, Some((1, 1))).expect("written");
        let expected = PathsFile { file: "paths.npz".into(), first_receiver: 5, receivers: 3, paths: 3 };
        assert_eq!(file, expected);
        let file = std::fs::File::open(folder.path().join("paths.npz")).expect("there");
        let mut npz = ndarray_npy::NpzReader::new(file).expect("an archive");
        let offsets: Array1<i64> = npz.by_name("offsets").expect("offsets");
        let lengths: Array1<f64> = npz.by_name("length_m").expect("lengths");
        let a: Array4<C64> = npz.by_name("a").expect("coefficients");
        assert_eq!((offsets.to_vec(), lengths.to_vec()), (vec![0, 1, 1, 3], vec![1.0, 2.0, 3.0]));
        assert_eq!(a.iter().map(|a| a.re).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    }
}
