//! Measurements of links: tables (`.csv`, as `links.csv`) and channels (`cfr.npz`, `taps.npz`).
//!
//! Nothing is dropped silently: what cannot be used is an error, or counted in a warning.

mod channels;
mod table;

use crate::calibrate::measurement::{Measured, QUANTITIES};
use crate::calibrate::observe::Instrument;
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::read::regular_file;
use crate::math::C64;
use crate::scene::radio::{Radio, Radios};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use channels::read_channels;
pub use table::read_table;

/// A gain above this, 120 dB, is no channel's: sums of squares of such values need not be finite either.
const MOST_GAIN: f64 = 1e12;

/// A file of measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Group of its links, where the table has no column `group`.
    pub group: String,
}

/// What measurements are about: links are named by their radios.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// Radios of the job.
    pub radios: &'a Radios,
    /// Carriers of the job [Hz].
    pub carriers: &'a [f64],
    /// How the job says that the receiver measures.
    pub instrument: &'a Instrument,
    /// Numbers of the receivers and of the transmitters by name.
    numbers: [BTreeMap<&'a str, usize>; 2],
}

impl<'a> Context<'a> {
    /// Of a job.
    pub fn new(radios: &'a Radios, carriers: &'a [f64], instrument: &'a Instrument) -> Context<'a> {
        let by_name = |side: &'a [Radio]| side.iter().enumerate().map(|(k, radio)| (radio.name.as_str(), k)).collect();
        let numbers = [by_name(&radios.receivers), by_name(&radios.transmitters)];
        Context { radios, carriers, instrument, numbers }
    }

    /// The number of a radio by its name.
    fn radio(&self, is_receiver: bool, name: &str, place: Place) -> Result<usize> {
        let (kind, numbers) =
            if is_receiver { ("receiver", &self.numbers[0]) } else { ("transmitter", &self.numbers[1]) };
        numbers.get(name).copied().ok_or_else(|| {
            let near = did_you_mean(name, numbers.keys().copied());
            let field = format!("line {}, {kind}", place.line);
            let fault = Fault::new(field, format!("is not a {kind} of the job")).file(place.file).value(name);
            Error::input(fault.remedy(format!("{near} name the {kind}s of the job as the table does").trim()))
        })
    }

    /// A link in words.
    fn link(&self, [receiver, transmitter]: [usize; 2]) -> String {
        let Radios { receivers, transmitters, .. } = self.radios;
        format!("'{}' from '{}'", receivers[receiver].name, transmitters[transmitter].name)
    }
}

/// All that was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measurements {
    /// By receiver, transmitter and carrier.
    rows: BTreeMap<[usize; 3], (Measured, String)>,
    /// Names of the groups.
    pub groups: Vec<String>,
    /// Offsets of the subcarriers of responses [Hz].
    pub offsets: Option<Vec<f64>>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Where a value stands, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a Path,
    /// Line of a table, from 1; 0 for arrays.
    pub line: usize,
}

impl Place<'_> {
    fn words(&self) -> String {
        let file = self.file.display();
        if self.line == 0 { file.to_string() } else { format!("{file}, line {}", self.line) }
    }
}

impl Measurements {
    /// Reads all `sources`.
    ///
    /// # Errors
    /// [`Error::Input`]: a file that cannot be read or is of another kind; as [`read_table`] and [`read_channels`].
    pub fn read(sources: &[Source], context: &Context) -> Result<Measurements> {
        let mut all = Measurements::default();
        for Source { file, group } in sources {
            let bytes = regular_file(file).map_err(|error| {
                let fault = Fault::new("measurements", format!("cannot be read: {error}")).file(file);
                Error::input(fault.remedy("paths in a job count from the folder of the job file"))
            })?;
            let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
            match extension.as_str() {
                "csv" => read_table(&bytes, file, group, context, &mut all)?,
                "npz" => read_channels(&bytes, file, group, context, &mut all)?,
                _ => {
                    let fault = Fault::new("measurements", "must be a .csv table, or cfr.npz or taps.npz").file(file);
                    return Err(Error::input(fault.value(extension).remedy("see docs/job-file.md, [fit]")));
                }
            }
        }
        Ok(all)
    }

    /// The rows, by receiver, then transmitter, then carrier.
    pub fn into_rows(self) -> Vec<Measured> {
        self.rows.into_values().map(|(row, _)| row).collect()
    }

    /// Number of links and carriers with a measurement.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of a group.
    fn group(&mut self, name: &str) -> usize {
        self.groups.iter().position(|known| known == name).unwrap_or_else(|| {
            self.groups.push(name.to_string());
            self.groups.len() - 1
        })
    }

    /// Puts values of a link beside those that are known of it. A value that stands there already must be the same; then it
    /// counts once, and `true` is returned.
    fn put(
        &mut self,
        key: [usize; 3],
        group: usize,
        values: [Option<f64>; QUANTITIES],
        response: Option<Vec<C64>>,
        (place, link): (Place, &str),
    ) -> Result<bool> {
        let twice = |known: &str| {
            let fault = Fault::new(format!("measurement of {link}"), format!("another value stands in {known}"));
            let remedy = "keep one of them, or their mean: which one is right cannot be known";
            Error::input(fault.value(place.words()).remedy(remedy))
        };
        let [receiver, transmitter, carrier] = key;
        let new = Measured { receiver, transmitter, carrier, group, ..Measured::default() };
        let (row, known) = self.rows.entry(key).or_insert_with(|| (new, place.words()));
        if row.group != group {
            return Err(twice(known));
        }
        let mut is_repeated = false;
        for (own, value) in row.values.iter_mut().zip(values) {
            match (&own, value) {
                (Some(before), Some(value)) if *before != value => return Err(twice(known)),
                (Some(_), Some(_)) => is_repeated = true,
                (_, Some(value)) => *own = Some(value),
                (_, None) => {}
            }
        }
        if let Some(response) = response {
            match &row.response {
                Some(before) if *before != response => return Err(twice(known)),
                Some(_) => is_repeated = true,
                None => row.response = Some(response),
            }
        }
        Ok(is_repeated)
    }
}

/// A counted warning of some lines: the first few are named.
fn counted(what: &str, file: &Path, lines: &[usize], then: &str) -> String {
    /// Lines that are named.
    const NAMED: usize = 5;
    let names: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
    let more = if lines.len() > NAMED { ", ..." } else { "" };
    format!("{}: {} {what} (lines {}{more}): {then}", file.display(), lines.len(), names.join(", "))
}
