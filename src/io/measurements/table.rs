//! Tables of measurements.

use super::{Context, MOST_GAIN, Measurements, Place, counted};
use crate::calibrate::measurement::{QUANTITIES, Quantity};
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::csv::cells_of;
use crate::scene::radio::Radio;
use std::path::Path;

/// Columns of values: name, quantity, what its numbers are.
const VALUES: [(&str, Quantity, Unit); 6] = [
    ("path_gain_db", Quantity::PathGain, Unit::Decibel),
    ("received_power_dbm", Quantity::PathGain, Unit::ReceivedDbm),
    ("band_power_db", Quantity::BandPower, Unit::Decibel),
    ("band_power_dbm", Quantity::BandPower, Unit::ReceivedDbm),
    ("rms_delay_spread_ns", Quantity::RmsDelaySpread, Unit::Nanoseconds),
    ("tap_delay_spread_ns", Quantity::TapDelaySpread, Unit::Nanoseconds),
];
/// Columns that say which link a line is of.
const NAMES: [&str; 4] = ["receiver", "transmitter", "carrier_ghz", "group"];
/// Where the receiver stood; compared with the job.
const POSITION: [&str; 3] = ["rx_x_m", "rx_y_m", "rx_z_m"];
/// Columns of `links.csv` and of a fit's own table that are of no use here.
const OTHERS: [&str; 22] = [
    "tx_x_m",
    "tx_y_m",
    "tx_z_m",
    "paths",
    "line_of_sight",
    "mean_delay_ns",
    "asa_deg",
    "asd_deg",
    "zsa_deg",
    "zsd_deg",
    "k_factor_db",
    "strongest_delay_ns",
    "strongest_gain_db",
    "strongest_type",
    "name",
    "index",
    "x_m",
    "y_m",
    "z_m",
    "time",
    "comment",
    "part",
];
/// Receivers of table and job that are further apart are not the same place [m].
const SAME_PLACE_M: f64 = 0.01;
/// Carriers of table and job that differ by more are not the same, relative.
const SAME_CARRIER: f64 = 1e-6;
/// Spreads of delays below this are no nanoseconds [ns].
const LEAST_SPREAD_NS: f64 = 1e-3;

/// A spread of delays above this is a typing error [s].
const MOST_SPREAD_S: f64 = 1.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Decibel,
    ReceivedDbm,
    Nanoseconds,
}

/// Reads a table (CSV, UTF-8) with the columns `receiver`, `transmitter` (where the job has several), `carrier_ghz` (where
/// there are several) and at least one of values: `path_gain_db`, `received_power_dbm`, `band_power_db`, `band_power_dbm`,
/// `rms_delay_spread_ns`, `tap_delay_spread_ns`; an empty cell was not measured.
///
/// # Errors
/// [`Error::Input`]: not such a table; a name or carrier that the job has not; a cell that is no number; one link with two
/// values; values in another unit than the column says.
pub fn read_table(bytes: &[u8], file: &Path, group: &str, context: &Context, all: &mut Measurements) -> Result<()> {
    let fault = |field: String, value: &str, bound: &str, remedy: &str| {
        Error::input(Fault::new(field, bound).file(file).value(value).remedy(remedy))
    };
    let remedy = "the first line names the columns, such as receiver,path_gain_db; each other line is a link";
    let text = std::str::from_utf8(bytes).map_err(|_| fault("table".into(), "", "is not UTF-8 text", remedy))?;
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, head) = lines.next().ok_or_else(|| fault("line 1".into(), "", "is missing", remedy))?;
    let columns = Columns::new(&cells_of(head), file, context)?;
    let mut notes = Notes::default();
    let mut seen: Vec<(usize, f64)> = Vec::new();
    for (i, line) in lines {
        let (place, cells) = (Place { file, line: i + 1 }, cells_of(line));
        if cells.len() != columns.count {
            let bound = format!("must have the {} cells of the first line", columns.count);
            let value = format!("{} cells", cells.len());
            return Err(fault(format!("line {}", place.line), &value, &bound, remedy));
        }
        columns.row(&cells, place, group, context, all, (&mut notes, &mut seen))?;
    }
    columns.check_units(&seen, file)?;
    notes.tell(file, &mut all.warnings);
    Ok(())
}

/// Where each column is.
struct Columns {
    count: usize,
    names: [Option<usize>; 4],
    position: Option<[usize; 3]>,
    /// Column and place in [`VALUES`].
    values: Vec<(usize, usize)>,
}

/// Lines that something is to be said of.
#[derive(Default)]
struct Notes {
    not_numbers: Vec<usize>,
    repeated: Vec<usize>,
    elsewhere: Vec<usize>,
    empty: Vec<usize>,
}

impl Columns {
    fn new(head: &[String], file: &Path, context: &Context) -> Result<Columns> {
        let known = || VALUES.iter().map(|value| value.0).chain(NAMES).chain(POSITION);
        let fault = |field: String, bound: &str, remedy: String| {
            Error::input(Fault::new(field, bound).file(file).remedy(remedy))
        };
        let place = |name: &str| -> Result<Option<usize>> {
            let mut found = head.iter().enumerate().filter(|(_, cell)| *cell == name).map(|(place, _)| place);
            let first = found.next();
            match found.next() {
                Some(_) => Err(fault(format!("column {name}"), "stands twice", "remove one of them".into())),
                None => Ok(first),
            }
        };
        for name in
            head.iter().filter(|name| !known().any(|one| one == name.as_str()) && !OTHERS.contains(&name.as_str()))
        {
            let near = did_you_mean(name, known());
            if !near.is_empty() {
                let remedy = format!("{near} or call it by another name");
                return Err(fault(format!("column {name}"), "is nearly a known one", remedy));
            }
        }
        let mut names = [None; 4];
        for (own, name) in names.iter_mut().zip(NAMES) {
            *own = place(name)?;
        }
        let missing =
            |name: &str, why: &str| fault(format!("column {name}"), why, format!("there are {}", head.join(", ")));
        if names[0].is_none() {
            return Err(missing("receiver", "is missing: which receiver is a line of?"));
        }
        if names[1].is_none() && context.radios.transmitters.len() > 1 {
            return Err(missing("transmitter", "is missing, and the job has several transmitters"));
        }
        if names[2].is_none() && context.carriers.len() > 1 {
            return Err(missing("carrier_ghz", "is missing, and the job has several carriers"));
        }
        let mut values = Vec::new();
        for (number, (name, ..)) in VALUES.iter().enumerate() {
            values.extend(place(name)?.map(|column| (column, number)));
        }
        if values.is_empty() {
            let all: Vec<&str> = VALUES.iter().map(|value| value.0).collect();
            let bound = format!("must have one of {}", all.join(", "));
            return Err(fault("columns".into(), &bound, format!("there are {}", head.join(", "))));
        }
        let position = POSITION.map(place);
        let position = match position {
            [Ok(Some(x)), Ok(Some(y)), Ok(Some(z))] => Some([x, y, z]),
            [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => return Err(error),
            [..] => None,
        };
        Ok(Columns { count: head.len(), names, position, values })
    }

    fn row(
        &self,
        cells: &[String],
        place: Place,
        group: &str,
        context: &Context,
        all: &mut Measurements,
        (notes, seen): (&mut Notes, &mut Vec<(usize, f64)>),
    ) -> Result<()> {
        let cell = |column: Option<usize>| column.map(|column| cells[column].as_str());
        let radios = context.radios;
        let receiver = context.radio(true, cell(self.names[0]).unwrap_or(""), place)?;
        let transmitter = match cell(self.names[1]) {
            Some(name) => context.radio(false, name, place)?,
            None => 0,
        };
        let carrier = match cell(self.names[2]) {
            Some(text) => carrier_of(number(text, "carrier_ghz", place)?, context.carriers, place)?,
            None => 0,
        };
        if self.is_elsewhere(cells, &radios.receivers[receiver]) {
            notes.elsewhere.push(place.line);
        }
        let group = all.group(cell(self.names[3]).filter(|name| !name.is_empty()).unwrap_or(group));
        let mut values = [None; QUANTITIES];
        for (column, value) in &self.values {
            let (name, quantity, unit) = VALUES[*value];
            let text = cells[*column].as_str();
            if text.is_empty() {
                continue;
            }
            let written = number(text, name, place)?;
            if written.is_nan() || written == f64::INFINITY {
                notes.not_numbers.push(place.line);
                continue;
            }
            seen.push((*value, written));
            let own = in_unit(unit, written, &radios.transmitters[transmitter]);
            let most = if quantity.is_spread() { MOST_SPREAD_S } else { MOST_GAIN };
            if !(0.0..=most).contains(&own) {
                let bound = if own < 0.0 { "must not be negative" } else { "is more than any channel has" };
                let fault = Fault::new(format!("line {}, column {name}", place.line), bound);
                return Err(Error::input(fault.file(place.file).value(text).remedy("mend or drop this line")));
            }
            if values[quantity as usize].is_some_and(|before: f64| (before / own - 1.0).abs() > 1e-9) {
                let bound = "disagrees with another column of the same quantity";
                let fault = Fault::new(format!("line {}, column {name}", place.line), bound);
                return Err(Error::input(fault.file(place.file).value(text).remedy("keep one of the columns")));
            }
            values[quantity as usize] = Some(own);
        }
        if values.iter().all(Option::is_none) {
            notes.empty.push(place.line);
            return Ok(());
        }
        let link = context.link([receiver, transmitter]);
        if all.put([receiver, transmitter, carrier], group, values, None, (place, &link))? {
            notes.repeated.push(place.line);
        }
        Ok(())
    }

    fn is_elsewhere(&self, cells: &[String], receiver: &Radio) -> bool {
        let Some(columns) = self.position else { return false };
        let away = |axis: usize| cells[columns[axis]].parse().map_or(0.0, |x: f64| (x - receiver.position[axis]).abs());
        (0..3).any(|axis| away(axis) > SAME_PLACE_M)
    }

    /// Whether numbers can be what their columns say.
    fn check_units(&self, seen: &[(usize, f64)], file: &Path) -> Result<()> {
        for (_, value) in &self.values {
            let (name, _, unit) = VALUES[*value];
            let mut numbers: Vec<f64> = seen.iter().filter(|(own, _)| own == value).map(|(_, x)| *x).collect();
            if numbers.is_empty() {
                continue;
            }
            numbers.sort_by(f64::total_cmp);
            let (median, largest) = (numbers[numbers.len() / 2], numbers[numbers.len() - 1]);
            let fault = |value: f64, bound: &str, remedy: &str| {
                Err(Error::input(Fault::new(format!("column {name}"), bound).file(file).value(value).remedy(remedy)))
            };
            match unit {
                Unit::Decibel if median > 0.0 => {
                    let bound = "is positive in the median: no channel gains power";
                    let remedy = "a path loss is its negative; received powers in dBm belong in received_power_dbm";
                    return fault(median, bound, remedy);
                }
                Unit::Nanoseconds if largest > 0.0 && largest < LEAST_SPREAD_NS => {
                    let bound = "is below a picosecond in every line: these look like seconds or microseconds";
                    return fault(largest, bound, "write nanoseconds: 1e-8 s is 10 ns");
                }
                Unit::Decibel | Unit::ReceivedDbm | Unit::Nanoseconds => {}
            }
        }
        Ok(())
    }
}

impl Notes {
    fn tell(&self, file: &Path, warnings: &mut Vec<String>) {
        for (lines, what, then) in [
            (&self.not_numbers, "values that are not finite", "left out"),
            (&self.repeated, "lines that repeat another", "each link counts once"),
            (&self.elsewhere, "lines whose receiver stands elsewhere in the job", "the job's position holds"),
            (&self.empty, "lines without any value", "left out"),
        ] {
            if !lines.is_empty() {
                warnings.push(counted(what, file, lines, then));
            }
        }
    }
}

fn number(text: &str, column: &str, place: Place) -> Result<f64> {
    text.parse().map_err(|_| {
        let fault = Fault::new(format!("line {}, column {column}", place.line), "must be a number").file(place.file);
        Error::input(fault.value(text).remedy("mend this cell, or leave it empty if nothing was measured"))
    })
}

fn carrier_of(ghz: f64, carriers: &[f64], place: Place) -> Result<usize> {
    let is_it = |carrier: &f64| (ghz * 1e9 / carrier - 1.0).abs() < SAME_CARRIER;
    carriers.iter().position(is_it).ok_or_else(|| {
        let known: Vec<String> = carriers.iter().map(|carrier| format!("{}", carrier / 1e9)).collect();
        let fault = Fault::new(format!("line {}, column carrier_ghz", place.line), "is not a carrier of the job");
        Error::input(fault.file(place.file).value(ghz).remedy(format!("those of the job are {} GHz", known.join(", "))))
    })
}

/// A written number in the unit of its quantity: a gain [-] or a spread [s].
fn in_unit(unit: Unit, written: f64, transmitter: &Radio) -> f64 {
    match unit {
        Unit::Decibel => 10f64.powf(written / 10.0),
        Unit::ReceivedDbm => 1e-3 * 10f64.powf(written / 10.0) / transmitter.power,
        Unit::Nanoseconds => written * 1e-9,
    }
}

#[cfg(test)]
mod tests;
