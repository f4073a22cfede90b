//! `links.csv`: what every link amounts to, one row for each link and carrier.

use super::atomic::Draft;
use super::csv::cell_of;
use crate::channel::statistics::{LinkStatistics, path_powers, statistics};
use crate::channel::{self, Channel};
use crate::error::Result;
use crate::math::Vec3;
use crate::path::{Interaction, Paths};
use crate::scene::radio::Radios;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// One row; what is undefined is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    /// Name of the transmitter.
    pub transmitter: String,
    /// Name of the receiver.
    pub receiver: String,
    /// Position of the transmitter [m].
    pub transmitter_position: Vec3,
    /// Position of the receiver [m].
    pub receiver_position: Vec3,
    /// Carrier [GHz].
    pub carrier_ghz: f64,
    /// Number of paths.
    pub paths: usize,
    /// Whether there is a direct path.
    pub line_of_sight: bool,
    /// Path gain, averaged over the port pairs [dB].
    pub path_gain_db: Option<f64>,
    /// Power-weighted mean delay [ns].
    pub mean_delay_ns: Option<f64>,
    /// RMS delay spread [ns].
    pub rms_delay_spread_ns: Option<f64>,
    /// Angular spreads: azimuth of arrival and departure, zenith of arrival and departure [degrees].
    pub asa_asd_zsa_zsd_deg: [Option<f64>; 4],
    /// K factor: the direct path against all others [dB].
    pub k_factor_db: Option<f64>,
    /// Delay of the strongest path [ns].
    pub strongest_delay_ns: Option<f64>,
    /// Gain of the strongest path [dB].
    pub strongest_gain_db: Option<f64>,
    /// Interactions of the strongest path, as `line_of_sight` or `reflection-reflection`.
    pub strongest_type: String,
}

const HEADER: &str = "transmitter,receiver,tx_x_m,tx_y_m,tx_z_m,rx_x_m,rx_y_m,rx_z_m,carrier_ghz,paths,line_of_sight,\
path_gain_db,mean_delay_ns,rms_delay_spread_ns,asa_deg,asd_deg,zsa_deg,zsd_deg,k_factor_db,strongest_delay_ns,\
strongest_gain_db,strongest_type";

/// All rows: links in their order (receiver * transmitters + transmitter), the carriers of each one after another.
pub fn all(radios: &Radios, paths: &Paths, channel: &Channel) -> Vec<Link> {
    let carriers = channel.carriers.len();
    let rows = (0..paths.links() * carriers).into_par_iter();
    rows.map(|row| link(radios, paths, channel, row / carriers, row % carriers)).collect()
}

/// `links.csv` as it grows, tile by tile.
pub struct LinksFile {
    draft: Draft,
}

impl LinksFile {
    /// Begins `file`.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`].
    pub fn create(file: &Path) -> Result<LinksFile> {
        let mut draft = Draft::create(file)?;
        draft.write(|file| writeln!(file, "{HEADER}"))?;
        Ok(LinksFile { draft })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`].
    pub fn append(&mut self, links: &[Link]) -> Result<()> {
        let rows: Vec<String> = links.par_iter().map(row_of).collect();
        self.draft.write(|file| rows.iter().try_for_each(|row| writeln!(file, "{row}")))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`crate::error::Error::Write`].
    pub fn finish(self) -> Result<()> {
        self.draft.finish()
    }
}

/// What many links amount to, in little memory however many there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Links.
    pub links: usize,
    /// Links with a path.
    pub reached: usize,
    /// Links with a direct path.
    pub line_of_sight: usize,
    /// Paths of all links.
    pub paths: usize,
    /// Number of links by path gain, in steps of [`GAIN_STEP_DB`].
    gains: BTreeMap<i64, usize>,
}

/// The median path gain is known to this [dB].
const GAIN_STEP_DB: f64 = 0.01;

impl Totals {
    /// Adds a link.
    pub fn add(&mut self, link: &Link) {
        self.links += 1;
        self.reached += usize::from(link.paths > 0);
        self.line_of_sight += usize::from(link.line_of_sight);
        self.paths += link.paths;
        if let Some(gain) = link.path_gain_db {
            *self.gains.entry((gain / GAIN_STEP_DB).round() as i64).or_default() += 1;
        }
    }

    /// The median path gain of the links that have one, rounded to [`GAIN_STEP_DB`] [dB].
    pub fn median_gain_db(&self) -> Option<f64> {
        let middle = self.gains.values().sum::<usize>() / 2;
        let mut below = 0;
        let median = self.gains.iter().find(|(_, count)| {
            below += **count;
            below > middle
        });
        median.map(|(steps, _)| *steps as f64 * GAIN_STEP_DB)
    }
}

fn link(radios: &Radios, paths: &Paths, channel: &Channel, index: usize, carrier: usize) -> Link {
    let link = channel::Link::new(radios, paths, channel, index);
    let found = statistics(&link, carrier);
    let transmitter = &radios.transmitters[link.transmitter()];
    let receiver = &radios.receivers[link.receiver()];
    let nanoseconds = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1e9);
    let strongest = found.strongest_path;
    Link {
        transmitter: transmitter.name.clone(),
        receiver: receiver.name.clone(),
        transmitter_position: transmitter.position,
        receiver_position: receiver.position,
        carrier_ghz: channel.carriers[carrier] / 1e9,
        paths: found.paths,
        line_of_sight: link.paths().any(|path| paths.vertices_of(path).is_empty()),
        path_gain_db: decibels(found.path_gain),
        mean_delay_ns: nanoseconds(found.mean_delay),
        rms_delay_spread_ns: nanoseconds(found.rms_delay_spread),
        asa_asd_zsa_zsd_deg: spreads_of(&found),
        k_factor_db: found.k_factor.and_then(decibels),
        strongest_delay_ns: nanoseconds(strongest.map(|path| channel.tau[path])),
        strongest_gain_db: strongest.and_then(|path| decibels(path_powers(&link, carrier)[path - link.paths().start])),
        strongest_type: strongest.map(|path| type_of(paths, path)).unwrap_or_default(),
    }
}

fn spreads_of(found: &LinkStatistics) -> [Option<f64>; 4] {
    let spreads = [
        found.azimuth_spread_arrival,
        found.azimuth_spread_departure,
        found.zenith_spread_arrival,
        found.zenith_spread_departure,
    ];
    spreads.map(|spread| spread.map(f64::to_degrees))
}

/// No power has no decibels.
pub(super) fn decibels(linear: f64) -> Option<f64> {
    (linear > 0.0).then(|| 10.0 * libm::log10(linear))
}

fn type_of(paths: &Paths, path: usize) -> String {
    let kinds = paths.interaction[paths.vertices_of(path)].iter().map(|kind| match kind {
        Interaction::Reflection => "reflection",
        Interaction::Diffuse => "diffuse",
        Interaction::Lobe => "lobe",
    });
    let kinds: Vec<&str> = kinds.collect();
    if kinds.is_empty() { "line_of_sight".into() } else { kinds.join("-") }
}

fn row_of(link: &Link) -> String {
    let mut cells = vec![cell_of(&link.transmitter), cell_of(&link.receiver)];
    cells.extend(link.transmitter_position.iter().chain(&link.receiver_position).map(f64::to_string));
    cells.extend([link.carrier_ghz.to_string(), link.paths.to_string()]);
    cells.push(if link.line_of_sight { "yes" } else { "no" }.into());
    let numbers = [link.path_gain_db, link.mean_delay_ns, link.rms_delay_spread_ns]
        .into_iter()
        .chain(link.asa_asd_zsa_zsd_deg)
        .chain([link.k_factor_db, link.strongest_delay_ns, link.strongest_gain_db]);
    cells.extend(numbers.map(|number| number.map_or(String::new(), |number| format!("{number:.6}"))));
    cells.push(link.strongest_type.clone());
    cells.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_every_column_and_empty_ones_where_undefined() {
        let link = Link { transmitter: "a".into(), path_gain_db: Some(-100.0), ..Link::default() };
        let row = row_of(&link);
        assert_eq!(row.split(',').count(), HEADER.split(',').count(), "{row}");
        assert!(row.ends_with(",-100.000000,,,,,,,,,,"), "{row}");
    }
}
