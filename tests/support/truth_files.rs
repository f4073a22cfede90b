//! Reference results as other programs wrote them, read into the engine's own terms.

use super::{build, city, committed_truth_dir, large_truth};
use ndarray::{ArrayD, Ix1, Ix2, Ix3, IxDyn};
use ndarray_npy::{NpzReader, ReadableElement};
use num_complex::Complex;
use raylobe::io::scene_file;
use raylobe::math::{C64, Vec3};
use raylobe::scene::antenna::{Antenna, AntennaDescription, Element, PlanarArray, Polarization};
use raylobe::scene::description::{MaterialDescription, SceneDescription};
use raylobe::scene::radio::{Radio, Radios};
use serde_json::Value;
use std::fs::File;
use std::path::Path;

/// One case of a peer: what to solve, and what the peer found.
pub struct Case {
    /// Scene and tag.
    pub name: String,
    /// The scene, with the peer's materials.
    pub scene: SceneDescription,
    /// The radios.
    pub radios: Radios,
    /// Carrier [Hz].
    pub frequency: f64,
    /// Largest number of interactions.
    pub max_depth: u32,
    /// Whether direct paths are wanted.
    pub line_of_sight: bool,
    /// The peer's paths.
    pub peers: Vec<Peer>,
    /// The peer's CFR and taps, where it wrote them.
    pub response: Option<Response>,
}

/// A path of the peer.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Receiver.
    pub rx: usize,
    /// Transmitter.
    pub tx: usize,
    /// Reflection points [m].
    pub vertices: Vec<Vec3>,
    /// (object, triangle in it) of each.
    pub hits: Vec<(u32, u32)>,
    /// Coefficients [receiver port, transmitter port].
    pub a: Vec<C64>,
    /// Delay [s].
    pub tau: f64,
    /// Length [m].
    pub length: f64,
    /// theta_t, phi_t, theta_r, phi_r [rad].
    pub angles: [f64; 4],
    /// Doppler shift [Hz].
    pub doppler: f64,
}

/// CFR and taps of the peer.
pub struct Response {
    /// Offsets from the carrier [Hz].
    pub frequencies: Vec<f64>,
    /// `[rx, rx_ant, tx, tx_ant, 1, frequency]`.
    pub cfr: ArrayD<Complex<f32>>,
    /// `[rx, rx_ant, tx, tx_ant, 1, tap]`, taps -6 to 100 of 100 MHz, delays normalised.
    pub taps: ArrayD<Complex<f32>>,
}

/// A small case of the repository; `None` where its scene was not fetched.
pub fn committed(scene: &str, tag: &str) -> Option<Case> {
    let stem = committed_truth_dir().join(scene).join(tag);
    let known = stem.with_extension("json").exists();
    // Only one case was never made by the peer: the knife in a box, five deep.
    assert!(
        known || (scene, tag) == ("box_knife", "spec_d5"),
        "tests/truth/{scene}/{tag}.json is part of the repository"
    );
    if known { read(scene, tag, &stem) } else { None }
}

/// A case of Munich, beside the repository; `None` where it or the scene is absent.
pub fn munich(tag: &str) -> Option<Case> {
    let stem = large_truth(&format!("munich/{tag}.json"))?.with_extension("");
    read("munich", tag, &stem)
}

fn read(scene: &str, tag: &str, stem: &Path) -> Option<Case> {
    let file = city(scene)?;
    let json = json(&stem.with_extension("json"));
    let mut description = scene_file::read(&file).expect("the peer's scene can be read");
    for material in &mut description.materials {
        *material = peers_material(material, &json["materials"]);
    }
    let frequency = json["frequency"].as_f64().expect("a frequency");
    let mut npz = NpzReader::new(File::open(stem.with_extension("npz")).expect("the arrays are there")).expect("npz");
    let case = Case {
        name: format!("{scene}/{tag}"),
        radios: radios(&json, frequency),
        frequency,
        max_depth: json["switches"]["max_depth"].as_u64().expect("a depth") as u32,
        line_of_sight: json["switches"]["los"].as_bool().expect("a switch"),
        peers: peers(&mut npz, &objects_of(&json, &description)),
        response: response(&mut npz),
        scene: description,
    };
    Some(case)
}

/// The material with the peer's own numbers, so that a difference is one of the engine.
pub fn peers_material(written: &MaterialDescription, peers: &Value) -> MaterialDescription {
    let short = written.name.trim_start_matches("mat-").trim_start_matches("itu_");
    let found = [written.name.as_str(), short].into_iter().find_map(|name| peers.get(name));
    // A material that the peer does not list is one that no object uses.
    let Some(found) = found else { return written.clone() };
    let number = |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("{}: {key}", written.name));
    build::material(&written.name, number("eps_r"), number("sigma"), number("thickness"))
}

/// Our object of each of the peer's.
fn objects_of(json: &Value, scene: &SceneDescription) -> Vec<u32> {
    let ours = |name: &Value| {
        let name = name.as_str().expect("a name");
        scene.objects.iter().position(|o| o.name == name).unwrap_or_else(|| panic!("no object '{name}'")) as u32
    };
    json["object_names"].as_array().expect("names").iter().map(ours).collect()
}

/// The radios of a case.
pub fn radios(json: &Value, frequency: f64) -> Radios {
    let wavelength = raylobe::constants::SPEED_OF_LIGHT / frequency;
    let some = |key: &str, antenna: u32| -> Vec<Radio> {
        let radio = |(i, written): (usize, &Value)| Radio {
            orientation: triple(&written["orientation"]),
            velocity: Vec3::from(triple(&written["velocity"])),
            antenna,
            ..build::radio(&format!("{key}{i}"), triple(&written["position"]))
        };
        json[key].as_array().expect("devices").iter().enumerate().map(radio).collect()
    };
    Radios {
        antennas: vec![antenna(&json["tx_array"], wavelength), antenna(&json["rx_array"], wavelength)],
        transmitters: some("tx", 0),
        receivers: some("rx", 1),
    }
}

fn antenna(written: &Value, wavelength: f64) -> Antenna {
    let word = |key: &str| written[key].as_str().unwrap_or_else(|| panic!("{key}"));
    let element = match word("pattern") {
        "iso" => Element::Isotropic,
        "dipole" => Element::Dipole,
        "hw_dipole" => Element::HalfWaveDipole,
        "tr38901" => Element::Tr38901,
        other => panic!("pattern {other}"),
    };
    let polarization = match word("polarization") {
        "V" => Polarization::V,
        "H" => Polarization::H,
        "VH" => Polarization::VH,
        "cross" => Polarization::Cross,
        other => panic!("polarization {other}"),
    };
    let number = |key: &str| written[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    let array = PlanarArray {
        rows: number("num_rows") as u32,
        columns: number("num_cols") as u32,
        vertical_spacing: number("vertical_spacing"),
        horizontal_spacing: number("horizontal_spacing"),
    };
    let description = AntennaDescription { element, polarization, array: Some(array), ..AntennaDescription::default() };
    build::antenna(&description, wavelength)
}

fn peers(npz: &mut NpzReader<File>, objects: &[u32]) -> Vec<Peer> {
    let a = array::<Complex<f32>>(npz, "a").into_dimensionality::<Ix3>().expect("a [path, rx, tx]");
    let kinds = array::<u8>(npz, "itype").into_dimensionality::<Ix2>().expect("itype [path, depth]");
    let object = array::<i32>(npz, "obj").into_dimensionality::<Ix2>().expect("obj [path, depth]");
    let primitive = array::<i32>(npz, "prim").into_dimensionality::<Ix2>().expect("prim [path, depth]");
    let vertices = array::<f32>(npz, "vertices").into_dimensionality::<Ix3>().expect("vertices [path, depth, 3]");
    let (rx, tx) = (vector::<i32>(npz, "rx"), vector::<i32>(npz, "tx"));
    let mut column = |key: &str| -> Vec<f64> { vector::<f32>(npz, key).into_iter().map(f64::from).collect() };
    let (tau, doppler) = (column("tau"), column("doppler"));
    let angles = ["theta_t", "phi_t", "theta_r", "phi_r"].map(&mut column);
    let peer = |p: usize| {
        let depth = kinds.row(p).iter().take_while(|kind| **kind != 0).count();
        assert!(kinds.row(p).iter().take(depth).all(|kind| *kind == 1), "the case holds specular paths only");
        let point =
            |d: usize| Vec3::new(vertices[[p, d, 0]].into(), vertices[[p, d, 1]].into(), vertices[[p, d, 2]].into());
        Peer {
            rx: rx[p] as usize,
            tx: tx[p] as usize,
            vertices: (0..depth).map(point).collect(),
            hits: (0..depth).map(|d| (objects[object[[p, d]] as usize], primitive[[p, d]] as u32)).collect(),
            a: a.index_axis(ndarray::Axis(0), p).iter().map(|x| C64::new(x.re.into(), x.im.into())).collect(),
            tau: tau[p],
            length: tau[p] * raylobe::constants::SPEED_OF_LIGHT,
            angles: [0, 1, 2, 3].map(|i| angles[i][p]),
            doppler: doppler[p],
        }
    };
    (0..tau.len()).map(peer).collect()
}

fn response(npz: &mut NpzReader<File>) -> Option<Response> {
    let names = npz.names().expect("names");
    names.iter().any(|name| name == "cfr").then(|| Response {
        frequencies: vector::<f64>(npz, "cfr_freq"),
        cfr: array(npz, "cfr"),
        taps: array(npz, "taps_bw100MHz_lmin-6_lmax100"),
    })
}

fn array<T: ReadableElement>(npz: &mut NpzReader<File>, name: &str) -> ArrayD<T> {
    npz.by_name::<ndarray::OwnedRepr<T>, IxDyn>(name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn vector<T: ReadableElement + Clone>(npz: &mut NpzReader<File>, name: &str) -> Vec<T> {
    array::<T>(npz, name).into_dimensionality::<Ix1>().expect("one axis").to_vec()
}

/// A file of JSON.
pub fn json(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Three numbers; zeros where the peer wrote none.
fn triple(value: &Value) -> [f64; 3] {
    [0, 1, 2].map(|i| value.get(i).and_then(Value::as_f64).unwrap_or(0.0))
}

/// A case of DiffeRT: paths alone, f64, in a scene that its own file holds.
pub fn paths3d(name: &str) -> Case {
    let json = json(&committed_truth_dir().join(format!("paths3d/paths3d_{name}.json")));
    let triples = |key: &str| -> Vec<[f64; 3]> { json[key].as_array().expect("rows").iter().map(triple).collect() };
    let mut scene = build::scene_of(&[build::material("wall", 5.0, 0.1, 0.1)]);
    let mesh = raylobe::scene::mesh::Mesh {
        vertices: triples("vertices"),
        triangles: triples("triangles").into_iter().map(|t| t.map(|v| v as u32)).collect(),
    };
    let object = raylobe::scene::description::ObjectDescription { name: "all".into(), material: "wall".into(), mesh };
    scene.objects.push(object);
    let orders = json["orders"].as_object().expect("orders");
    let peers: Vec<Peer> =
        orders.values().flat_map(|o| o["paths"].as_array().expect("paths")).map(differt_path).collect();
    Case {
        name: format!("paths3d/{name}"),
        radios: build::radios(Polarization::V, &triples("tx"), &triples("rx")),
        frequency: 3.5e9,
        max_depth: orders.len() as u32 - 1,
        line_of_sight: true,
        peers,
        response: None,
        scene,
    }
}

fn differt_path(path: &Value) -> Peer {
    let number = |key: &str| path[key].as_u64().expect("an index");
    let points: Vec<Vec3> =
        path["vertices"].as_array().expect("points").iter().map(|p| Vec3::from(triple(p))).collect();
    let length = path["length"].as_f64().expect("a length");
    let triangles = path["triangles"].as_array().expect("triangles").iter();
    Peer {
        rx: number("rx") as usize,
        tx: number("tx") as usize,
        vertices: points[1..points.len() - 1].to_vec(),
        hits: triangles.map(|t| (0, t.as_u64().expect("a triangle") as u32)).collect(),
        a: Vec::new(),
        tau: length / raylobe::constants::SPEED_OF_LIGHT,
        length,
        angles: [0.0; 4],
        doppler: 0.0,
    }
}

/// How far a cell of the peer may be off besides its error [-]: its rays are a regular lattice in every run, and what that
/// does to a cell is not in the spread over its runs.
const UNEVEN: f64 = 0.1;

/// A radio map of a peer.
pub struct PeerMap {
    /// The scene.
    pub scene: SceneDescription,
    /// The transmitter, and the receiver that adds both polarisations up.
    pub radios: Radios,
    /// Carrier [Hz].
    pub frequency: f64,
    /// Centre of the level plane [m].
    pub centre: Vec3,
    /// Its extent [m].
    pub size: [f64; 2],
    /// Size of a cell [m].
    pub cell: [f64; 2],
    /// Mean path gain, and its standard error `[cell]`.
    gains: Vec<[f64; 2]>,
}

impl PeerMap {
    /// Reads a map; `None` where the scene was not fetched.
    pub fn read(scene: &str, file: &Path) -> Option<PeerMap> {
        let json = json(&file.with_extension("json"));
        let mut npz = NpzReader::new(File::open(file).expect("the map is there")).expect("npz");
        let cells = array::<f32>(&mut npz, "cell_centers").into_dimensionality::<Ix3>().expect("[ny, nx, 3]");
        let (rows, columns) = (cells.shape()[0], cells.shape()[1]);
        let at = |row: usize, column: usize| Vec3::from([0, 1, 2].map(|axis| f64::from(cells[[row, column, axis]])));
        let side = json["cell_size"].as_f64().expect("a cell size");
        let seeds = json["seeds"].as_f64().expect("a number of seeds");
        let (mean, spread) = (array::<f32>(&mut npz, "path_gain_mean"), array::<f32>(&mut npz, "path_gain_std"));
        let error = |(mean, spread): (&f32, &f32)| [f64::from(*mean), f64::from(*spread) / seeds.sqrt()];
        let frequency = json["frequency"].as_f64().expect("a frequency");
        let transmitter = triple(&json["tx"][0]["position"]);
        let mut radios = build::radios(Polarization::V, &[transmitter], &[[0.0; 3]]);
        radios.antennas.push(build::isotropic(Polarization::VH));
        radios.receivers[0].antenna = 1;
        Some(PeerMap {
            scene: scene_file::read(&city(scene)?).expect("the peer's scene can be read"),
            radios,
            frequency,
            centre: (at(0, 0) + at(rows - 1, columns - 1)) / 2.0,
            size: [columns as f64 * side, rows as f64 * side],
            cell: [side; 2],
            gains: mean.iter().zip(&spread).map(error).collect(),
        })
    }

    /// Fails unless `gains` are those of the peer within its errors. Cells at the edge of a shadow are sampled by both, each
    /// in its own way: of these only the sum and a share count.
    pub fn compare(&self, gains: &[f64]) {
        let (ours, theirs): (f64, f64) = (gains.iter().sum(), self.gains.iter().map(|[mean, _]| mean).sum());
        assert!((ours / theirs - 1.0).abs() < 0.005, "sums {ours} {theirs}");
        let lit: Vec<(f64, f64)> = gains
            .iter()
            .zip(&self.gains)
            .filter(|(own, [mean, _])| **own > 0.0 && *mean > 0.0)
            .map(|(own, [mean, error])| (own / mean - 1.0, error / mean))
            .collect();
        let covered = lit.iter().filter(|(off, error)| off.abs() < 3.0 * error + UNEVEN).count();
        assert!(covered as f64 > 0.88 * lit.len() as f64, "{covered} of {} within the errors", lit.len());
        let mut off: Vec<f64> = lit.iter().map(|(off, _)| *off).collect();
        off.sort_unstable_by(f64::total_cmp);
        assert!(off[off.len() / 2].abs() < 2e-3, "the median is off by {}", off[off.len() / 2]);
    }
}
