//! `cfr.npz` and `taps.npz`: what all links do over frequency and over delay.

use super::npz::{Npz, Scalar};
use crate::error::Result;
use crate::io::atomic;
use crate::math::C64;
use crate::scene::radio::Radios;
use std::io;
use std::path::Path;

/// What every sample of an array stands for.
struct Axis<'a, T> {
    name: &'a str,
    values: &'a [T],
}

/// Writes `cfr` [rx, rx_ant, tx, tx_ant, subcarrier], with a [carrier] axis before them where there are several, and
/// `frequency_hz` [subcarrier] about the carrier. `samples(carrier, link)` yields [rx_ant, tx_ant, subcarrier] of a link.
///
/// Where links differ in antennas `cfr` is flat, [carrier, link, rx_ant, tx_ant, subcarrier], with `cfr_offsets`
/// [carrier * link + 1].
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_response(
    file: &Path,
    radios: &Radios,
    carriers: &[f64],
    frequencies: &[f64],
    samples: impl Fn(usize, usize) -> Vec<C64>,
) -> Result<()> {
    write(file, "cfr", radios, carriers, &Axis { name: "frequency_hz", values: frequencies }, &samples)
}

/// Writes `taps` [rx, rx_ant, tx, tx_ant, tap] and the number `tap` [tap] of each, as [`write_response`] does.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write_taps(
    file: &Path,
    radios: &Radios,
    carriers: &[f64],
    taps: &[i64],
    samples: impl Fn(usize, usize) -> Vec<C64>,
) -> Result<()> {
    write(file, "taps", radios, carriers, &Axis { name: "tap", values: taps }, &samples)
}

fn write<T: Scalar>(
    file: &Path,
    name: &str,
    radios: &Radios,
    carriers: &[f64],
    axis: &Axis<T>,
    samples: &dyn Fn(usize, usize) -> Vec<C64>,
) -> Result<()> {
    let rx_ports: Vec<usize> = radios.receivers.iter().map(|radio| radios.antenna(radio).ports()).collect();
    let tx_ports: Vec<usize> = radios.transmitters.iter().map(|radio| radios.antenna(radio).ports()).collect();
    let uniform = |ports: &[usize]| ports.windows(2).all(|pair| pair[0] == pair[1]);
    let count = axis.values.len();
    atomic::write_file(file, |writer| {
        let mut npz = Npz::new(writer);
        npz.array("carrier_hz", &[carriers.len()], carriers.iter().copied())?;
        npz.array(axis.name, &[count], axis.values.iter().copied())?;
        if uniform(&rx_ports) && uniform(&tx_ports) {
            let mut shape = vec![rx_ports.len(), rx_ports[0], tx_ports.len(), tx_ports[0], count];
            if carriers.len() > 1 {
                shape.insert(0, carriers.len());
            }
            npz.stream(name, &shape, |push| {
                let links = (0..carriers.len()).flat_map(|c| (0..rx_ports.len()).map(move |rx| (c, rx)));
                links.into_iter().try_for_each(|(c, rx)| {
                    push_receiver(push, rx_ports[rx], tx_ports[0] * count, tx_ports.len(), |tx| {
                        samples(c, rx * tx_ports.len() + tx)
                    })
                })
            })?;
        } else {
            let ports = rx_ports.iter().flat_map(|rx| tx_ports.iter().map(move |tx| rx * tx * count));
            let mut offsets = vec![0i64];
            for _ in carriers {
                for size in ports.clone() {
                    offsets.push(offsets[offsets.len() - 1] + size as i64);
                }
            }
            let total = offsets[offsets.len() - 1] as usize;
            npz.array(&format!("{name}_offsets"), &[offsets.len()], offsets)?;
            npz.stream(name, &[total], |push| {
                let links = rx_ports.len() * tx_ports.len();
                let mut all = (0..carriers.len()).flat_map(|c| (0..links).map(move |link| (c, link)));
                all.try_for_each(|(c, link)| samples(c, link).into_iter().try_for_each(&mut *push))
            })?;
        }
        npz.finish()
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
            element: Element::Isotropic,
            slants: vec![0.0; ports],
            slant_model: SlantModel::Model2,
            offsets: vec![Vec3::zeros()],
            per_element: false,
        };
        let radio = |antenna: usize| Radio {
            name: String::new(),
            position: Vec3::zeros(),
            orientation: [0.0; 3],
            velocity: Vec3::zeros(),
            power: 1.0,
            antenna: antenna as u32,
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
        write_response(&file, &radios(&[2, 2, 2], 2), &[1e9, 2e9], &[-1.0, 0.0, 1.0], samples).expect("written");
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
        write_taps(&file, &radios(&[1, 2], 2), &[1e9], &[0, 1, 2], samples).expect("written");
        let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(&file).expect("there")).expect("an archive");
        let taps: Array1<C64> = npz.by_name("taps").expect("taps");
        let offsets: Array1<i64> = npz.by_name("taps_offsets").expect("offsets");
        assert_eq!(offsets.to_vec(), [0, 6, 12, 24, 36]);
        assert_eq!(taps[offsets[3] as usize + 9], mark(0, 3, 1, 1, 0));
    }
}
