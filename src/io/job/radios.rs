//! Transmitters, receivers and antennas of a job.

use super::description::{JobDescription, RadioDescription, Task};
use super::meant::within;
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::arrays;
use crate::math::{C64, Vec3};
use crate::scene::MAX_COORDINATE_M;
use crate::scene::antenna::{Antenna, AntennaDescription, Polarization};
use crate::scene::radio::{Radio, Radios};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The antenna of radios that name none, unless the job defines one of this name.
const DEFAULT_ANTENNA: &str = "isotropic";
/// Far beyond any transmitter on either side [dBm].
const MAX_POWER_DBM: f64 = 200.0;
/// In arrays every name takes the room of the longest [characters].
const MAX_NAME: usize = 255;
/// Angles beyond this lose their digits in a turn [degrees].
const MAX_ANGLE_DEG: f64 = 1e6;

/// Numbers of radios that each entry of a job has come to: of `transmitters`, and of `receivers`.
pub type Counts = [Vec<usize>; 2];

/// Checks the radios of a job; spacings of arrays count in wavelengths of `first_carrier` [Hz].
pub fn radios_of(
    description: &JobDescription,
    folder: &Path,
    first_carrier: f64,
    inputs: &mut Vec<PathBuf>,
) -> Result<(Radios, Counts)> {
    let mut antennas = antennas_of(description, SPEED_OF_LIGHT / first_carrier)?;
    let (transmitters, of_transmitters) =
        side("transmitters", "tx", &description.transmitters, &antennas, folder, inputs)?;
    let (receivers, of_receivers) = match description.task {
        Task::Map => (vec![receiver_of_map(description, &mut antennas)?], Vec::new()),
        Task::Paths | Task::Fit | Task::Place => {
            side("receivers", "rx", &description.receivers, &antennas, folder, inputs)?
        }
    };
    Ok((Radios { antennas: antennas.list, transmitters, receivers }, [of_transmitters, of_receivers]))
}

/// The receiver that stands at every point of a map: isotropic for both polarisations, unless the job says otherwise.
fn receiver_of_map(description: &JobDescription, antennas: &mut Antennas) -> Result<Radio> {
    let map = description.map.clone().unwrap_or_default();
    let antenna = match map.antenna {
        Some(name) => name,
        None => {
            // A name that no job can give: keys of tables hold no line breaks.
            let name = String::from("map\n");
            let both = AntennaDescription { polarization: Polarization::VH, ..AntennaDescription::default() };
            antennas.index.insert(name.clone(), antennas.list.len() as u32);
            antennas.list.push(Antenna::new("map", &both, 1.0)?);
            name
        }
    };
    let receiver = RadioDescription {
        name: None,
        position_m: None,
        file: None,
        orientation_deg: map.antenna_orientation_deg,
        velocity_m_per_s: [0.0; 3],
        power_dbm: 0.0,
        antenna,
        weights: map.receive_weights,
    };
    common_of(&receiver, "map", antennas).map_err(|error| match error {
        Error::Job(mut fault) => {
            let keys = [("map.weights", "map.receive_weights"), ("map.orientation", "map.antenna_orientation")];
            fault.field = keys.iter().fold(fault.field, |field, (radios, maps)| field.replace(radios, maps));
            Error::Job(fault)
        }
        other => other,
    })
}

struct Antennas {
    list: Vec<Antenna>,
    index: BTreeMap<String, u32>,
}

/// The antennas of the job by name, and the default one if a radio needs it.
fn antennas_of(description: &JobDescription, wavelength: f64) -> Result<Antennas> {
    let mut written = description.antennas.clone();
    let mut radios = description.transmitters.iter().chain(&description.receivers);
    if radios.any(|radio| radio.antenna == DEFAULT_ANTENNA) {
        written.entry(DEFAULT_ANTENNA.into()).or_default();
    }
    let mut antennas = Antennas { list: Vec::new(), index: BTreeMap::new() };
    for (name, antenna) in &written {
        antennas.index.insert(name.clone(), antennas.list.len() as u32);
        antennas.list.push(Antenna::new(name, antenna, wavelength)?);
    }
    Ok(antennas)
}

fn side(
    table: &str,
    prefix: &str,
    written: &[RadioDescription],
    antennas: &Antennas,
    folder: &Path,
    inputs: &mut Vec<PathBuf>,
) -> Result<(Vec<Radio>, Vec<usize>)> {
    let (mut radios, mut counts) = (Vec::new(), Vec::new());
    for (i, entry) in written.iter().enumerate() {
        let field = format!("{table}[{i}]");
        let common = common_of(entry, &field, antennas)?;
        let positions = positions_of(entry, &field, folder, inputs)?;
        let many = entry.file.is_some();
        counts.push(positions.len());
        for (k, position) in positions.into_iter().enumerate() {
            let name = match (&entry.name, many) {
                (Some(name), false) => name.clone(),
                (Some(name), true) => format!("{name}{k}"),
                (None, _) => format!("{prefix}{}", radios.len()),
            };
            radios.push(Radio { name, position, ..common.clone() });
        }
    }
    if radios.is_empty() {
        let fault = Fault::new(table, "holds no device").value("[]");
        let remedy = format!("add [[{table}]] with position_m = [x, y, z]");
        return Err(Error::job(fault.remedy(remedy)));
    }
    refuse_duplicates(table, &radios)?;
    Ok((radios, counts))
}

/// What all radios of one entry share.
fn common_of(entry: &RadioDescription, field: &str, antennas: &Antennas) -> Result<Radio> {
    let name = entry.name.clone().unwrap_or_default();
    let is_fit = !name.trim().is_empty() && !name.chars().any(char::is_control) && name.chars().count() <= MAX_NAME;
    if entry.name.is_some() && !is_fit {
        let bound = format!("must hold 1 to {MAX_NAME} characters, one of them visible and no control character");
        let fault = Fault::new(format!("{field}.name"), bound);
        return Err(Error::job(fault.value(format!("{name:?}")).remedy("give a name, or leave it out")));
    }
    for (k, &angle) in entry.orientation_deg.iter().enumerate() {
        let field = format!("{field}.orientation_deg[{k}]");
        within(&field, angle, -MAX_ANGLE_DEG..=MAX_ANGLE_DEG, "give yaw, pitch, roll in degrees")?;
    }
    let velocity = Vec3::from(entry.velocity_m_per_s);
    if velocity.norm() >= SPEED_OF_LIGHT || !velocity.norm().is_finite() {
        let fault = Fault::new(format!("{field}.velocity_m_per_s"), "must be finite and below the speed of light");
        return Err(Error::job(fault.value(shown(entry.velocity_m_per_s)).remedy("give [x, y, z] in m/s")));
    }
    let remedy = "give dBm, as power_dbm = 30";
    let dbm = within(&format!("{field}.power_dbm"), entry.power_dbm, -MAX_POWER_DBM..=MAX_POWER_DBM, remedy)?;
    let Some(&antenna) = antennas.index.get(&entry.antenna) else {
        let near = did_you_mean(&entry.antenna, antennas.index.keys().map(String::as_str));
        let remedy = format!("{near} define it in [antennas.{}]", entry.antenna);
        let fault = Fault::new(format!("{field}.antenna"), "is not an antenna of this job");
        return Err(Error::job(fault.value(&entry.antenna).remedy(remedy.trim())));
    };
    Ok(Radio {
        name,
        position: Vec3::zeros(),
        orientation: entry.orientation_deg.map(f64::to_radians),
        velocity,
        power: 1e-3 * 10f64.powf(dbm / 10.0),
        antenna,
        weights: weights_of(entry, field, antennas.list[antenna as usize].ports())?,
    })
}

/// The weights of a radio's ports, scaled so that their squares add up to 1.
fn weights_of(entry: &RadioDescription, field: &str, ports: usize) -> Result<Option<Vec<C64>>> {
    let Some(written) = &entry.weights else { return Ok(None) };
    let fault = |bound: String, value: String| {
        let remedy = "give [[re, im], ...], one pair for each port: polarisation first, then element";
        Err(Error::job(Fault::new(format!("{field}.weights"), bound).value(value).remedy(remedy)))
    };
    if written.len() != ports {
        return fault(format!("must hold one pair for each of the antenna's {ports} ports"), written.len().to_string());
    }
    let power: f64 = written.iter().flatten().map(|x| x * x).sum();
    if !(power.is_finite() && power > f64::MIN_POSITIVE) {
        return fault("must be finite and not all 0".into(), format!("{written:?}"));
    }
    Ok(Some(written.iter().map(|[re, im]| C64::new(*re, *im) / power.sqrt()).collect()))
}

fn positions_of(entry: &RadioDescription, field: &str, folder: &Path, inputs: &mut Vec<PathBuf>) -> Result<Vec<Vec3>> {
    let one = "give position_m = [x, y, z], or file = \"positions.npy\"";
    let fault = match (&entry.position_m, &entry.file) {
        (Some(_), Some(_)) => Fault::new(field, "has both position_m and file").remedy(one),
        (None, None) => Fault::new(format!("{field}.position_m"), "is missing").remedy(one),
        (Some(position), None) if position.iter().all(|x| x.abs() <= MAX_COORDINATE_M) => {
            return Ok(vec![Vec3::from(*position)]);
        }
        (Some(position), None) => {
            let bound = format!("coordinates must be finite and within {MAX_COORDINATE_M:e} m");
            Fault::new(format!("{field}.position_m"), bound).value(shown(*position)).remedy(one)
        }
        (None, Some(file)) => {
            let path = folder.join(file);
            let positions = arrays::read_positions_file(&path)?;
            inputs.push(path);
            return Ok(positions.into_iter().map(Vec3::from).collect());
        }
    };
    Err(Error::job(fault))
}

fn refuse_duplicates(table: &str, radios: &[Radio]) -> Result<()> {
    let mut names: Vec<&str> = radios.iter().map(|radio| radio.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let fault = Fault::new(format!("{table}.name"), "is the name of two devices").value(pair[0]);
            Err(Error::job(fault.remedy("give each its own name, or leave the names out")))
        }
    }
}

fn shown(v: [f64; 3]) -> String {
    // Debug writes 1e300 where Display writes 300 zeros.
    format!("{v:?}")
}
