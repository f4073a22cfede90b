use super::*;
use crate::calibrate::measurement::Measured;
use crate::calibrate::observe::Instrument;
use crate::io::measurements::{Context, Measurements};
use crate::scene::antenna::{Antenna, AntennaDescription};
use crate::scene::radio::Radios;

fn radios(transmitters: usize) -> Radios {
    let radio = |name: String| Radio {
        name,
        position: crate::math::Vec3::new(1.0, 2.0, 3.0),
        orientation: [0.0; 3],
        velocity: crate::math::Vec3::zeros(),
        power: 0.1,
        antenna: 0,
        weights: None,
    };
    Radios {
        antennas: vec![Antenna::new("a", &AntennaDescription::default(), 0.01).unwrap()],
        transmitters: (0..transmitters).map(|k| radio(format!("tx{k}"))).collect(),
        receivers: (0..4).map(|k| radio(format!("rx{k}"))).collect(),
    }
}

fn read(text: &str, transmitters: usize) -> Result<Measurements> {
    let (radios, instrument) = (radios(transmitters), Instrument::default());
    let mut all = Measurements::default();
    let context = Context::new(&radios, &[28e9], &instrument);
    read_table(text.as_bytes(), Path::new("m.csv"), "all", &context, &mut all).map(|()| all)
}

fn rows(text: &str) -> (Vec<Measured>, Vec<String>) {
    let all = read(text, 1).unwrap();
    (all.clone().into_rows(), all.warnings)
}

#[test]
fn columns_are_found_by_name_and_units_are_converted() {
    let (rows, warnings) =
        rows("other,receiver,path_gain_db,rms_delay_spread_ns\n1,rx2,-80,12\n2,rx0,-90.5,\n3,\"rx1\",,7.5\n");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(rows.iter().map(|row| row.receiver).collect::<Vec<_>>(), [0, 1, 2]);
    assert!((rows[2].values[0].unwrap() / 1e-8 - 1.0).abs() < 1e-12);
    assert!((rows[2].values[2].unwrap() / 12e-9 - 1.0).abs() < 1e-12);
    assert_eq!((rows[0].values[2], rows[1].values[0]), (None, None));
    // -70 dBm received of 20 dBm sent.
    let (rows, _) = self::rows("receiver,received_power_dbm\nrx0,-70\n");
    assert!((rows[0].values[0].unwrap() / 1e-9 - 1.0).abs() < 1e-12);
}

#[test]
fn what_cannot_be_used_is_counted() {
    let (rows, warnings) = rows(
        "receiver,path_gain_db,rx_x_m,rx_y_m,rx_z_m\nrx0,nan,1,2,3\nrx1,-80,1,2,3\nrx1,-80,1,2,3\nrx2,-81,9,2,3\nrx3,,1,2,3\n",
    );
    assert_eq!(rows.len(), 2);
    for part in [
        "1 values that are not finite (lines 2)",
        "1 lines that repeat",
        "stands elsewhere",
        "2 lines without any value",
    ] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
}

#[test]
fn mistakes_name_line_and_remedy() {
    for (text, parts) in [
        ("", ["line 1", "is missing"]),
        ("reciever,path_gain_db\nrx0,-80\n", ["reciever", "did you mean 'receiver'?"]),
        ("path_gain_db\n-80\n", ["column receiver", "is missing"]),
        ("receiver,path_gain_dB\nrx0,-80\n", ["path_gain_dB", "did you mean 'path_gain_db'?"]),
        ("receiver,gain\nrx0,-80\n", ["columns", "path_gain_db"]),
        ("receiver,path_gain_db\nrx9,-80\n", ["line 2, receiver", "rx9"]),
        ("receiver,path_gain_db\nrx0\n", ["line 2", "2 cells"]),
        ("receiver,path_gain_db\nrx0,loud\n", ["line 2, column path_gain_db", "must be a number"]),
        ("receiver,path_gain_db\nrx0,-80\nrx0,-81\n", ["'rx0' from 'tx0'", "m.csv, line 2"]),
        ("receiver,path_gain_db\nrx0,80\nrx1,90\n", ["positive in the median", "path loss"]),
        ("receiver,rms_delay_spread_ns\nrx0,1e-8\nrx1,3e-8\n", ["picosecond", "1e-8 s is 10 ns"]),
        ("receiver,rms_delay_spread_ns\nrx0,-3\n", ["must not be negative", "line 2"]),
        ("receiver,path_gain_db\nrx0,-80\nrx1,-80\nrx2,5000\n", ["is more than any channel has", "line 4"]),
        ("receiver,rms_delay_spread_ns\nrx0,1e10\n", ["is more than any channel has", "line 2"]),
        ("receiver,path_gain_db,path_gain_db\nrx0,-80,-80\n", ["path_gain_db", "stands twice"]),
        ("receiver,path_gain_db,received_power_dbm\nrx0,-80,-80\n", ["line 2", "disagrees"]),
        ("receiver,path_gain_db,carrier_ghz\nrx0,-80,27\n", ["carrier_ghz", "28 GHz"]),
    ] {
        let error = read(text, 1).expect_err(text).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
    let error = read("receiver,path_gain_db\nrx0,-80\n", 2).expect_err("two transmitters").to_string();
    assert!(error.contains("column transmitter"), "{error}");
}
