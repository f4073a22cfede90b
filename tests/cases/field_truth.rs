//! The reference results, with their own vertices: coefficients, angles, Doppler, frequency responses and taps.

use crate::chains::{Bounce, Chain, paths_of, radio, scene_of};
use ndarray::{Array1, Array2, Array3, ArrayD};
use ndarray_npy::NpzReader;
use num_complex::Complex32;
use raylobe::channel::impulse::{TapWindow, taps};
use raylobe::channel::response::frequency_response;
use raylobe::channel::{Channel, Delays, Link};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::math::{C64, Vec3};
use raylobe::path::Paths;
use raylobe::path::field::field;
use raylobe::scene::antenna::{Antenna, AntennaDescription, Element, PlanarArray, Polarization};
use raylobe::scene::description::MaterialDescription;
use raylobe::scene::radio::{Radio, Radios};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;

/// The peer works in f32: relative error of amplitudes.
const AMPLITUDE: f64 = 1e-3;
/// And of phases and angles [rad].
const PHASE: f64 = 3e-3;

struct Case {
    arrays: NpzReader<File>,
    meta: Value,
    radios: Radios,
    paths: Paths,
    /// The reference's row of each path.
    rows: Vec<usize>,
    channel: Channel,
}

fn vec3(value: &Value) -> Vec3 {
    Vec3::from_iterator((0..3).map(|i| value[i].as_f64().unwrap_or(0.0)))
}

fn radios_of(meta: &Value, key: &str, antenna: u32) -> Vec<Radio> {
    let of = |device: &Value| Radio {
        orientation: vec3(&device["orientation"]).into(),
        velocity: vec3(&device["velocity"]),
        antenna,
        ..radio(vec3(&device["position"]))
    };
    meta[key].as_array().unwrap().iter().map(of).collect()
}

fn antenna_of(array: &Value, wavelength: f64) -> Antenna {
    let element = match array["pattern"].as_str().unwrap() {
        "iso" => Element::Isotropic,
        "dipole" => Element::Dipole,
        "hw_dipole" => Element::HalfWaveDipole,
        "tr38901" => Element::Tr38901,
        other => panic!("pattern {other}"),
    };
    let number = |key: &str| array[key].as_f64().unwrap();
    let planar = PlanarArray {
        rows: number("num_rows") as u32,
        columns: number("num_cols") as u32,
        vertical_spacing: number("vertical_spacing"),
        horizontal_spacing: number("horizontal_spacing"),
    };
    let polarization: Polarization = serde_json::from_value(array["polarization"].clone()).unwrap();
    let written = AntennaDescription { element, polarization, array: Some(planar), ..AntennaDescription::default() };
    Antenna::new("truth", &written, wavelength).unwrap()
}

/// The material of each object, from the scene files that the reference used.
fn material_of(object: &str) -> MaterialDescription {
    let (itu, thickness) = match object {
        "reflector" => ("metal", 0.01),
        "building_1" | "building_5" => ("glass", 0.1),
        "building_2" => ("brick", 0.1),
        "building_3" | "building_4" => ("marble", 0.1),
        "building_6" => ("wood", 0.1),
        "floor" => ("concrete", 0.1),
        other => panic!("object {other}"),
    };
    MaterialDescription { thickness_m: Some(thickness), ..MaterialDescription::itu(object, itu) }
}

fn load(scene: &str, tag: &str) -> Case {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/truth").join(scene);
    let meta: Value = serde_json::from_reader(File::open(folder.join(format!("{tag}.json"))).unwrap()).unwrap();
    let mut arrays = NpzReader::new(File::open(folder.join(format!("{tag}.npz"))).unwrap()).unwrap();
    let frequency = meta["frequency"].as_f64().unwrap();
    let wavelength = SPEED_OF_LIGHT / frequency;
    let radios = Radios {
        antennas: vec![antenna_of(&meta["tx_array"], wavelength), antenna_of(&meta["rx_array"], wavelength)],
        transmitters: radios_of(&meta, "tx", 0),
        receivers: radios_of(&meta, "rx", 1),
    };
    let chains = chains_of(&mut arrays, &radios);
    let mut rows: Vec<usize> = (0..chains.len()).collect();
    rows.sort_by_key(|row| chains[*row].link);
    let sorted: Vec<Chain> = rows.iter().map(|row| chains[*row].clone()).collect();
    let paths = paths_of(radios.transmitters.len(), radios.receivers.len(), &sorted);
    let objects = meta["object_names"].as_array().unwrap();
    let materials: Vec<_> = objects.iter().map(|name| material_of(name.as_str().unwrap())).collect();
    let (channel, notes) = field(&scene_of(&materials), &radios, &paths, &[frequency]).unwrap();
    assert!(notes.is_empty());
    Case { arrays, meta, radios, paths, rows, channel }
}

fn chains_of(arrays: &mut NpzReader<File>, radios: &Radios) -> Vec<Chain> {
    let rx: Array1<i32> = arrays.by_name("rx").unwrap();
    let tx: Array1<i32> = arrays.by_name("tx").unwrap();
    let kind: Array2<u8> = arrays.by_name("itype").unwrap();
    let object: Array2<i32> = arrays.by_name("obj").unwrap();
    let vertex: Array3<f32> = arrays.by_name("vertices").unwrap();
    let chain = |row: usize| {
        let (receiver, transmitter) = (rx[row] as usize, tx[row] as usize);
        let (from, to) = (radios.transmitters[transmitter].position, radios.receivers[receiver].position);
        let depth = kind.row(row).iter().take_while(|k| **k == 1).count();
        let mut points = vec![from];
        points.extend((0..depth).map(|i| Vec3::from_fn(|c, _| f64::from(vertex[[row, i, c]]))));
        points.push(to);
        let bounce = |i: usize| {
            let (before, at, after) = (points[i], points[i + 1], points[i + 2]);
            // A specular vertex tells its normal: the difference of the two directions.
            let normal = ((after - at).normalize() - (at - before).normalize()).normalize();
            Bounce { object: object[[row, i]] as u32, normal, vertex: at }
        };
        let link = receiver * radios.transmitters.len() + transmitter;
        Chain { link, bounces: (0..depth).map(bounce).collect(), ..Chain::direct(from, to) }
    };
    (0..rx.len()).map(chain).collect()
}

fn wide(z: Complex32) -> C64 {
    C64::new(f64::from(z.re), f64::from(z.im))
}

/// Amplitude and phase within the peer's error; `scale` is the path's largest entry, below 1e-4 of which only rounding
/// is left of an f32.
fn assert_close(found: C64, expected: C64, scale: f64, what: &str) {
    if expected.norm() < 1e-4 * scale {
        assert!((found - expected).norm() < 1e-5 * scale, "{what}: {found} {expected}");
        return;
    }
    let ratio = found / expected;
    // Of entries that are small by cancellation the absolute error is that of the large ones.
    let lost = (2e-6 * scale / expected.norm()).min(1.0);
    assert!((ratio.norm() - 1.0).abs() < AMPLITUDE + lost, "{what}: {found} {expected}");
    assert!(ratio.arg().abs() < PHASE + lost, "{what}: {found} {expected}");
}

impl Case {
    fn check_paths(&mut self) {
        let a: ArrayD<Complex32> = self.arrays.by_name("a").unwrap();
        let names = ["tau", "theta_t", "phi_t", "theta_r", "phi_r", "doppler"];
        let [tau, theta_t, phi_t, theta_r, phi_r, doppler] =
            names.map(|name| -> Array1<f32> { self.arrays.by_name(name).unwrap() });
        assert_eq!(self.rows.len(), tau.len());
        assert!(!self.rows.is_empty());
        let c = &self.channel;
        for (path, row) in self.rows.iter().copied().enumerate() {
            let expected: Vec<C64> = a.index_axis(ndarray::Axis(0), row).iter().map(|z| wide(*z)).collect();
            let found = c.of_path(path, 0);
            assert_eq!(found.len(), expected.len());
            let scale = expected.iter().map(|z| z.norm()).fold(0.0, f64::max);
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_close(*found, *expected, scale, &format!("{} path {row} port pair {i}", self.meta["tag"]));
            }
            assert!((c.tau[path] / f64::from(tau[row]) - 1.0).abs() < 1e-5, "delay of {row}");
            for (found, expected) in [
                (c.theta_t[path], theta_t[row]),
                (c.phi_t[path], phi_t[row]),
                (c.theta_r[path], theta_r[row]),
                (c.phi_r[path], phi_r[row]),
            ] {
                let turn = (found - f64::from(expected)) / std::f64::consts::TAU;
                assert!(
                    (turn - turn.round()).abs() < PHASE / std::f64::consts::TAU,
                    "angle of {row}: {found} {expected}"
                );
            }
            let (found, expected) = (c.doppler[path], f64::from(doppler[row]));
            assert!((found - expected).abs() < 1e-3 * expected.abs() + 1e-3, "Doppler of {row}: {found} {expected}");
        }
    }

    fn check_response(&mut self) {
        let expected: ArrayD<Complex32> = self.arrays.by_name("cfr").unwrap();
        let offsets: Array1<f64> = self.arrays.by_name("cfr_freq").unwrap();
        self.check_links(&expected, |link| frequency_response(link, 0, offsets.as_slice().unwrap(), Delays::Absolute));
    }

    fn check_taps(&mut self) {
        let expected: ArrayD<Complex32> = self.arrays.by_name("taps_bw100MHz_lmin-6_lmax100").unwrap();
        let window = TapWindow::new(100e6, -6, 100).unwrap();
        self.check_links(&expected, |link| taps(link, 0, &window, Delays::FromFirst));
    }

    /// `expected` [rx, rx_ant, tx, tx_ant, 1, x] against `of_link` [rx_ant, tx_ant, x].
    fn check_links(&self, expected: &ArrayD<Complex32>, of_link: impl Fn(&Link) -> Vec<C64>) {
        let shape = expected.shape();
        let (transmitters, size) = (self.paths.transmitters, shape[5]);
        let scale = expected.iter().map(|z| f64::from(z.norm())).fold(0.0, f64::max);
        for index in 0..self.paths.links() {
            let link = Link::new(&self.radios, &self.paths, &self.channel, index);
            let found = of_link(&link);
            for (i, found) in found.iter().enumerate() {
                let (r, t, x) = (i / size / shape[3], i / size % shape[3], i % size);
                let expected = wide(expected[[index / transmitters, r, index % transmitters, t, 0, x]]);
                // The peer's carrier phase is an f32 product: 1e-7 x 2 pi f tau, some 1e-4 rad here.
                assert!((found - expected).norm() < 1e-3 * scale, "link {index} at {i}: {found} {expected}");
            }
        }
    }
}

#[test]
fn antennas_and_polarisations() {
    for tag in ["spec_isoV", "spec_isoVH", "spec_isoVH_28G", "spec_dipole_cross", "spec_hwdipole_VH", "spec_tr38901_VH"]
    {
        load("simple_reflector", tag).check_paths();
    }
}

#[test]
fn arrays_with_plane_wave_phases() {
    load("simple_street_canyon", "array_synth").check_paths();
}

#[test]
fn doppler_of_moving_ends() {
    load("simple_street_canyon", "doppler").check_paths();
}

#[test]
fn frequency_responses_and_taps() {
    for tag in ["spec_isoV", "spec_isoVH", "spec_dipole_cross", "spec_hwdipole_VH", "spec_tr38901_VH"] {
        let mut case = load("simple_reflector", tag);
        case.check_response();
        case.check_taps();
    }
}
