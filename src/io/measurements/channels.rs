//! Measured channels: `cfr.npz` and `taps.npz` as `raylobe run` writes them, of links that all have the same ports.

use super::{Context, MOST_GAIN, Measurements, Place};
use crate::calibrate::measurement::{QUANTITIES, Quantity};
use crate::calibrate::observe::Instrument;
use crate::error::{Error, Fault, Result};
use crate::io::arrays::{Array, read_npz};
use crate::math::C64;
use std::path::Path;

/// Subcarriers of file and job that differ by more are not the same [Hz].
const SAME_FREQUENCY_HZ: f64 = 1.0;

/// Reads `cfr` [rx, rx_ant, tx, tx_ant, subcarrier] with `frequency_hz` [subcarrier] about the carrier, or `taps` [rx, rx_ant,
/// tx, tx_ant, tap] with `tap` [tap]; a [carrier] axis stands before them where the job has several. A link whose samples are
/// all 0, or not all finite and below 120 dB, was not measured: both are counted.
///
/// # Errors
/// [`Error::Input`]: not such a file; shapes, subcarriers or taps that are not the job's.
pub fn read_channels(bytes: &[u8], file: &Path, group: &str, context: &Context, all: &mut Measurements) -> Result<()> {
    let arrays = read_npz(bytes, &["cfr", "frequency_hz", "taps", "tap"], file)?;
    let axis = |name: &str| -> Result<Vec<f64>> {
        let missing = || fault(file, name, String::new(), "is missing beside its array".into());
        Ok(arrays.get(name).ok_or_else(missing)?.values.iter().map(|x| x.re).collect())
    };
    match (arrays.get("cfr"), arrays.get("taps")) {
        (Some(cfr), None) => {
            let offsets = axis("frequency_hz")?;
            let same = |known: &[f64]| {
                known.len() == offsets.len()
                    && known.iter().zip(&offsets).all(|(a, b)| (a - b).abs() < SAME_FREQUENCY_HZ)
            };
            if all.offsets.as_ref().is_some_and(|known| !same(known)) || !offsets.iter().all(|f| f.is_finite()) {
                let bound = "must be the same in all files of responses, and finite";
                return Err(fault(file, "frequency_hz", format!("{} values", offsets.len()), bound.into()));
            }
            put_all(cfr, offsets.len(), file, group, context, all, &mut |samples| {
                ([None; QUANTITIES], Some(samples.to_vec()))
            })?;
            all.offsets = Some(offsets);
            Ok(())
        }
        (None, Some(taps)) => {
            let numbers = axis("tap")?;
            let Some(window) = context.instrument.window else {
                let remedy = "add bandwidth_mhz and taps of the measurement to [output]";
                let fault = Fault::new("taps", "need output.taps and output.bandwidth_mhz in the job").file(file);
                return Err(Error::input(fault.remedy(remedy)));
            };
            if !window.numbers().map(|l| l as f64).eq(numbers.iter().copied()) {
                let shown = |ends: Option<(f64, f64)>| ends.map_or(String::new(), |(a, b)| format!("{a} to {b}"));
                let bound =
                    format!("must be those of output.taps, {} to {}", window.numbers().start(), window.numbers().end());
                let ends = numbers.first().copied().zip(numbers.last().copied());
                return Err(fault(file, "tap", shown(ends), bound));
            }
            let bandwidth = context.instrument.bandwidth;
            put_all(taps, window.count(), file, group, context, all, &mut |samples| {
                (Instrument::of_taps(samples, &window, bandwidth, samples.len() / window.count()), None)
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(fault(file, "arrays", String::new(), "must hold one of cfr and taps".into()))
        }
    }
}

/// What the samples of a link say.
type Said<'a> = &'a mut dyn FnMut(&[C64]) -> ([Option<f64>; QUANTITIES], Option<Vec<C64>>);

fn put_all(
    array: &Array,
    count: usize,
    file: &Path,
    group: &str,
    context: &Context,
    all: &mut Measurements,
    said: Said,
) -> Result<()> {
    let radios = context.radios;
    let Some((rx_ports, tx_ports)) = radios.common_ports() else {
        let bound = "can only be read where all links have the same numbers of ports".into();
        return Err(fault(file, "arrays", String::new(), bound));
    };
    let (receivers, transmitters, carriers) =
        (radios.receivers.len(), radios.transmitters.len(), context.carriers.len());
    let mut shape = vec![receivers, rx_ports, transmitters, tx_ports, count];
    if carriers > 1 {
        shape.insert(0, carriers);
    }
    if array.shape != shape {
        let bound = format!("must have the shape {shape:?}: [rx, rx_ant, tx, tx_ant, sample] of the job");
        return Err(fault(file, "shape", format!("{:?}", array.shape), bound));
    }
    let (mut silent, mut broken, mut repeated) = (0, 0, 0);
    let group = all.group(group);
    for carrier in 0..carriers {
        for receiver in 0..receivers {
            for transmitter in 0..transmitters {
                let row = |port: usize| {
                    let first = ((carrier * receivers + receiver) * rx_ports + port) * transmitters + transmitter;
                    &array.values[first * tx_ports * count..(first + 1) * tx_ports * count]
                };
                let samples: Vec<C64> = (0..rx_ports).flat_map(row).copied().collect();
                if !samples.iter().all(|h| h.norm_sqr() <= MOST_GAIN) {
                    broken += 1;
                    continue;
                }
                if samples.iter().all(|h| *h == C64::ZERO) {
                    silent += 1;
                    continue;
                }
                let (mut values, response) = said(&samples);
                // Taps of one tap alone have a spread of 0, which no loss can compare.
                let spread = &mut values[Quantity::TapDelaySpread as usize];
                *spread = spread.filter(|spread| *spread > 0.0);
                let link = context.link([receiver, transmitter]);
                let place = (Place { file, line: 0 }, link.as_str());
                repeated += usize::from(all.put([receiver, transmitter, carrier], group, values, response, place)?);
            }
        }
    }
    for (count, what) in [
        (broken, "links with samples that are not finite or above 120 dB: left out"),
        (silent, "links whose samples are all 0: taken as not measured"),
        (repeated, "links that repeat another measurement: each counts once"),
    ] {
        if count > 0 {
            all.warnings.push(format!("{}: {count} {what}", file.display()));
        }
    }
    Ok(())
}

fn fault(file: &Path, field: &str, value: String, bound: String) -> Error {
    let remedy = "write it as raylobe writes cfr.npz and taps.npz (docs/results.md)";
    Error::input(Fault::new(field, bound).file(file).value(value).remedy(remedy))
}
