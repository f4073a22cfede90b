//! `cfr.npz` and `taps.npz`: what all links do over frequency and over delay.

use super::npz::{Npz, Scalar};
use crate::error::Result;
use crate::io::atomic;
use crate::math::C64;
use crate::scene::radio::Radios;
use std::io::{self, Seek, Write};
use std::path::Path;

/// The samples of the links of a tile.
pub struct Samples<'a> {
    /// Transmitters, and the receivers of the tile.
    pub radios: &'a Radios,
    /// Carriers [Hz].
    pub carriers: &'a [f64],
    /// Numbers of receiver and transmitter ports, where all links of the run, and not just of the tile, have the same.
    pub ports: Option<(usize, usize)>,
    /// `of_link(carrier, link)` yields [rx_ant, tx_ant, sample] of a link.
    pub of_link: &'a (dyn Fn(usize, usize) -> Vec<C64> + Sync),
}

/// What every sample of an array stands for.
struct Axis<'a, T> {
    name: &'a str,
    values: &'a [T],
}

/// Writes `cfr` [rx, rx_ant, tx, tx_ant, subcarrier], with a [carrier] axis before them where there are several, and
/// `frequency_hz` [subcarrier] about the carrier.
///
/// Where links differ in antennas `cfr` is flat, [carrier, link, rx_ant, tx_ant, subcarrier], with `cfr_offsets`
/// [carrier * link + 1].
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_response(file: &Path, samples: &Samples, frequencies: &[f64]) -> Result<()> {
    write(file, "cfr", samples, &Axis { name: "frequency_hz", values: frequencies })
}

/// Writes `taps` [rx, rx_ant, tx, tx_ant, tap] and the number `tap` [tap] of each, as [`write_response`] does.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_taps(file: &Path, samples: &Samples, taps: &[i64]) -> Result<()> {
    write(file, "taps", samples, &Axis { name: "tap", values: taps })
}

fn write<T: Scalar>(file: &Path, name: &str, samples: &Samples, axis: &Axis<T>) -> Result<()> {
    let carriers = samples.carriers;
    atomic::write_file(file, |writer| {
        let mut npz = Npz::new(writer);
        npz.array("carrier_hz", &[carriers.len()], carriers.iter().copied())?;
        npz.array(axis.name, &[axis.values.len()], axis.values.iter().copied())?;
        match samples.ports {
            Some(ports) => write_rectangular(&mut npz, name, samples, ports, axis.values.len())?,
            None => write_flat(&mut npz, name, samples, axis.values.len())?,
        }
        npz.finish()
    })
}

fn write_rectangular(
    npz: &mut Npz<impl Write + Seek>,
    name: &str,
    samples: &Samples,
    (rx_ports, tx_ports): (usize, usize),
    count: usize,
) -> io::Result<()> {
    let (receivers, transmitters) = (samples.radios.receivers.len(), samples.radios.transmitters.len());
    let carriers = samples.carriers.len();
    let mut shape = vec![receivers, rx_ports, transmitters, tx_ports, count];
    if carriers > 1 {
        shape.insert(0, carriers);
    }
    npz.stream(name, &shape, |push| {
        let mut links = (0..carriers).flat_map(|c| (0..receivers).map(move |rx| (c, rx)));
        links.try_for_each(|(c, rx)| {
            push_receiver(push, rx_ports, tx_ports * count, transmitters, |tx| {
                (samples.of_link)(c, rx * transmitters + tx)
            })
        })
    })
}

fn write_flat(npz: &mut Npz<impl Write + Seek>, name: &str, samples: &Samples, count: usize) -> io::Result<()> {
    let radios = samples.radios;
    let ports = |radio| radios.antenna(radio).ports();
    let sizes = radios.receivers.iter().flat_map(|rx| radios.transmitters.iter().map(move |tx| ports(rx) * ports(tx)));
    let mut offsets = vec![0i64];
    for _ in samples.carriers {
        for size in sizes.clone() {
            offsets.push(offsets[offsets.len() - 1] + (size * count) as i64);
        }
    }
    let total = offsets[offsets.len() - 1] as usize;
    npz.array(&format!("{name}_offsets"), &[offsets.len()], offsets)?;
    npz.stream(name, &[total], |push| {
        let links = radios.receivers.len() * radios.transmitters.len();
        let mut all = (0..samples.carriers.len()).flat_map(|c| (0..links).map(move |link| (c, link)));
        all.try_for_each(|(c, link)| (samples.of_link)(c, link).into_iter().try_for_each(&mut *push))
    })
}

/// Pushes what one receiver gets from all transmitters as [rx_ant, tx, tx_ant, sample]; `row` samples belong to one
/// receiver port of one link.
fn push_receiver(
    push: &mut dyn FnMut(C64) -> io::Result<()>,
    rx_ports: usize,
    row: usize,
    transmitters: usize,
    samples: impl Fn(usize) -> Vec<C64>,
) -> io::Result<()> {
    let links: Vec<Vec<C64>> = (0..transmitters).map(samples).collect();
    for port in 0..rx_ports {
        for link in &links {
            link[port * row..(port + 1) * row].iter().try_for_each(|sample| push(*sample))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Vec3;
    use crate::scene::antenna::{Antenna, Element, SlantModel};
    use crate::scene::radio::Radio;
    use ndarray::{Array1, ArrayD};

    fn radios(receiver_ports: &[usize], transmitters: usize) -> Radios {
        let antenna = |ports: usize| Antenna {
            name: String::new(),
            element: Element::Isotropic,
            slants: vec![0.0; ports],
            slant_model: SlantModel::Model2,
            offsets: vec![Vec3::zeros()],
            gain: 1.0,
            per_element: false,
        };
        let radio = |antenna: usize| Radio {
            name: String::new(),
            position: Vec3::zeros(),
            orientation: [0.0; 3],
            velocity: Vec3::zeros(),
            power: 1.0,
            antenna: antenna as u32,
            weights: None,
        };
        Radios {
            antennas: receiver_ports.iter().map(|ports| antenna(*ports)).chain([antenna(2)]).collect(),
            transmitters: vec![radio(receiver_ports.len()); transmitters],
            receivers: (0..receiver_ports.len()).map(radio).collect(),
        }
    }

    /// A sample that tells where it belongs.
    fn mark(c: usize, link: usize, rx_port: usize, tx_port: usize, sample: usize) -> C64 {
        C64::new((c * 100 + link) as f64, (rx_port * 100 + tx_port * 10 + sample) as f64)
    }

    fn link_samples(c: usize, link: usize, rx_ports: usize) -> Vec<C64> {
        let ports = (0..rx_ports).flat_map(|r| (0..2).map(move |t| (r, t)));
        ports.flat_map(|(r, t)| (0..3).map(move |k| mark(c, link, r, t, k))).collect()
    }

    #[test]
    fn every_sample_lands_at_its_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("cfr.npz");
        let samples = |c, link| link_samples(c, link, 2);
        let radios = radios(&[2, 2, 2], 2);
        let ports = radios.common_ports();
        assert_eq!(ports, Some((2, 2)));
        let samples = Samples { radios: &radios, carriers: &[1e9, 2e9], ports, of_link: &samples };
        write_response(&file, &samples, &[-1.0, 0.0, 1.0]).expect("written");
        let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(&file).expect("there")).expect("an archive");
        let cfr: ArrayD<C64> = npz.by_name("cfr").expect("cfr");
        assert_eq!(cfr.shape(), [2, 3, 2, 2, 2, 3]);
        for (at, value) in cfr.indexed_iter() {
            assert_eq!(*value, mark(at[0], at[1] * 2 + at[3], at[2], at[4], at[5]), "{at:?}");
        }
    }

    #[test]
    fn links_that_differ_in_ports_are_flat_with_offsets() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("taps.npz");
        let samples = |c, link: usize| link_samples(c, link, [1, 2][link / 2]);
        let radios = radios(&[1, 2], 2);
        let ports = radios.common_ports();
        assert_eq!(ports, None);
        write_taps(&file, &Samples { radios: &radios, carriers: &[1e9], ports, of_link: &samples }, &[0, 1, 2])
            .expect("written");
        let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(&file).expect("there")).expect("an archive");
        let taps: Array1<C64> = npz.by_name("taps").expect("taps");
        let offsets: Array1<i64> = npz.by_name("taps_offsets").expect("offsets");
        assert_eq!(offsets.to_vec(), [0, 6, 12, 24, 36]);
        assert_eq!(taps[offsets[3] as usize + 9], mark(0, 3, 1, 1, 0));
    }
}
