//! Mutated files through every parser: whatever they hold, the answer is Ok or Err, soon and in little memory.
//!
//! One test for each parser; to add one, give its seeds and the call to [`fuzz`]. Each runs `RAYLOBE_FUZZ_SECONDS`
//! (default 1) with the generator seed `RAYLOBE_FUZZ_SEED` (default 1). An input that fails is left in
//! `target/fuzz/` and named in the message.

use raylobe::calibrate::measurement::Measured;
use raylobe::calibrate::observe::Instrument;
use raylobe::channel::impulse::TapWindow;
use raylobe::io::arrays::{self, npy};
use raylobe::io::checkpoint;
use raylobe::io::job::{self, Overrides};
use raylobe::io::measurements::{Context, Measurements, read_channels, read_table};
use raylobe::io::mesh::{gltf, gltf_write, obj, ply};
use raylobe::io::{mitsuba, record};
use raylobe::math::random::philox;
use raylobe::math::{C64, Vec3};
use raylobe::scene::antenna::{Antenna, AntennaDescription};
use raylobe::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use raylobe::scene::inspect::Report;
use raylobe::scene::mesh::Mesh;
use raylobe::scene::radio::{Radio, Radios};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No input takes longer.
const MAX_TIME: Duration = Duration::from_secs(5);
/// Seeds are a few kilobytes; parsing one of them never asks for this much, all allocations of its thread added up.
const MAX_ALLOCATED_BYTES: usize = 64 << 20;

/// The system's allocator, which counts what each thread asks for.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // Fails only while the thread ends, when nothing is counted any more.
    let _ = ALLOCATED.try_with(|total| total.set(total.get().saturating_add(bytes)));
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a Cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn ply_survives_mutation() {
    fuzz("ply", &ply_seeds(), |bytes| {
        if let Ok(mesh) = ply::parse(bytes) {
            check_mesh(&mesh);
        }
    });
}

#[test]
fn obj_survives_mutation() {
    let text = "mtllib a.mtl\no house\nv 0 0 0\nv 1 0 0 1.0\nv 1 1 0 0.5 0.5 0.5\nv 0 1 0\nv 0 0 4433123.125\nvt 0 0\n\
        vn 0 0 1\nusemtl itu_brick\nf 1/1/1 2/1/1 3/1/1 4/1/1\nusemtl itu_glass\nf -5 -4 -1\ng floor\ns 1\n\
        f 1 2 3 4 5\nf 1//1 2//1 3//1\no wire\nl 1 2\n";
    fuzz("obj", &[text.into(), b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n".to_vec()], |bytes| {
        if let Ok(scene) = obj::parse(bytes) {
            check_scene(&scene);
        }
    });
}

#[test]
fn gltf_survives_mutation() {
    fuzz("gltf", &gltf_seeds(), |bytes| {
        if let Ok(scene) = gltf::parse(bytes, None) {
            check_scene(&scene);
        }
    });
}

#[test]
fn glb_survives_mutation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    gltf_write::write(&scene(), &path).unwrap();
    fuzz("glb", &[std::fs::read(&path).unwrap()], |bytes| {
        if let Ok(scene) = gltf::parse(bytes, None) {
            check_scene(&scene);
        }
    });
}

#[test]
fn mitsuba_survives_mutation() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ply"), &ply_seeds()[0]).unwrap();
    let seeds = [MITSUBA.as_bytes().to_vec(), b"<scene><shape type='cube' id='mesh-a'/></scene>".to_vec()];
    fuzz("mitsuba", &seeds, |bytes| {
        if let Ok(scene) = mitsuba::parse(bytes, folder.path()) {
            check_scene(&scene);
        }
    });
}

#[test]
fn job_survives_mutation() {
    let examples = ["corner/job", "urban_block/job", "placement_2d/job", "placement_study/wall"]
        .map(|name| std::fs::read(format!("scenes/{name}.toml")).unwrap());
    let seeds: Vec<Vec<u8>> = examples.into_iter().chain([JOB.into()]).collect();
    fuzz("job", &seeds, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(job) = job::parse(text, Path::new("job.toml")) {
            // What `check` prints is a job again, and what the record holds is JSON.
            let printed = toml::to_string(&job).expect("a job has a form in TOML");
            assert!(job::parse(&printed, Path::new("again.toml")).is_ok(), "{printed}");
            assert!(record::job_as_json(&job).is_ok());
        }
    });
}

#[test]
fn overrides_survive_mutation() {
    let seeds = ["solver.rays = 1_000", "transmitters.0.name=west", "materials.\"a.b\".itu='glass'", "a=[1,{b=2}]"];
    fuzz("overrides", &seeds.map(|seed| seed.as_bytes().to_vec()), |bytes| {
        if let Ok(set) = String::from_utf8(bytes.to_vec()) {
            let _ = job::parse_with(JOB, Path::new("job.toml"), &Overrides { set: vec![set], ..Overrides::default() });
        }
    });
}

#[test]
fn npy_positions_survive_mutation() {
    let array = |descr: &str, data: &[u8]| [npy::header(descr, &[2, 3]), data.to_vec()].concat();
    let doubles: Vec<u8> = (0..6).flat_map(|i| (f64::from(i) * 1.5).to_le_bytes()).collect();
    let floats: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_be_bytes()).collect();
    fuzz("npy", &[array("<f8", &doubles), array(">f4", &floats)], |bytes| {
        check_positions(arrays::read_positions(bytes, Path::new("rx.npy")));
    });
}

#[test]
fn csv_positions_survive_mutation() {
    let plain = "x_m,y_m,z_m\n1,2,3\n4.5,-6e1,7\n";
    let quoted = "\u{feff}\"id\",z_m,\"x_m\", y_m\r\n\"a, \"\"b\"\"\",1,2,\"3\"\r\n\r\nc,4,5,6\r\n";
    fuzz("csv", &[plain.into(), quoted.into()], |bytes| {
        check_positions(arrays::read_position_table(bytes, Path::new("rx.csv")));
    });
}

#[test]
fn measurements_survive_mutation() {
    let radio = |name: &str| Radio {
        name: name.into(),
        position: Vec3::zeros(),
        orientation: [0.0; 3],
        velocity: Vec3::zeros(),
        power: 1.0,
        antenna: 0,
        weights: None,
    };
    let antenna = Antenna::new("a", &AntennaDescription::default(), 0.01).unwrap();
    let radios = Radios {
        antennas: vec![antenna],
        transmitters: vec![radio("tx0"), radio("tx1")],
        receivers: vec![radio("rx0"), radio("rx1")],
    };
    let window = TapWindow::new(1e8, 0, 1).unwrap();
    let instrument = Instrument { window: Some(window), bandwidth: 1e8, ..Instrument::default() };
    let context = Context::new(&radios, &[28e9], &instrument);
    let sound = |all: Measurements| {
        let finite = |row: &Measured| {
            row.values.iter().flatten().all(|x| x.is_finite() && *x >= 0.0)
                && row.response.iter().flatten().all(|h| h.is_finite())
        };
        assert!(all.into_rows().iter().all(finite), "a value that no loss can bear");
    };
    let table = "receiver,transmitter,carrier_ghz,path_gain_db,rms_delay_spread_ns,group,rx_x_m,rx_y_m,rx_z_m\n\
        rx0,tx1,28,-80.5,12,a,0,0,0\n\"rx1\",tx0,28.0,-inf,,b,1,2,3\nrx1,tx1,28,nan,1e3,,0,0,0\n";
    let dbm = "receiver,transmitter,received_power_dbm,tap_delay_spread_ns\nrx0,tx0,-70,1\nrx0,tx0,-70,1\n";
    fuzz("measurements", &[table.into(), dbm.into()], |bytes| {
        let mut all = Measurements::default();
        if read_table(bytes, Path::new("m.csv"), "all", &context, &mut all).is_ok() {
            sound(all);
        }
    });
    let archive = |name: &str, axis: &str| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut npz = arrays::Npz::new(&mut bytes);
        npz.array(axis, &[2], [0i64, 1]).unwrap();
        npz.array(name, &[2, 1, 2, 1, 2], (0..8).map(|k| C64::new(f64::from(k), 1.0))).unwrap();
        npz.finish().unwrap();
        bytes.into_inner()
    };
    fuzz("channels", &[archive("taps", "tap"), archive("cfr", "frequency_hz")], |bytes| {
        let mut all = Measurements::default();
        if read_channels(bytes, Path::new("taps.npz"), "all", &context, &mut all).is_ok() {
            sound(all);
        }
    });
}

#[test]
fn checkpoints_survive_mutation() {
    let number = "3ff0000000000000";
    let seed = format!(
        "{{\"format\":1,\"fit\":\"a\",\"step\":1,\"searches\":1,\"trained\":\"{number}\",\"mean\":\"{number}\",\"square\":\"{number}\",\
         \"damping\":\"{number}\",\"converged\":false,\"scales\":\"{number}\",\"traced_at\":\"{number}\",\"best_step\":null,\
         \"best\":\"\",\"losses\":\"{number}{number}{number}\",\"values\":\"{number}\"}}"
    );
    assert!(checkpoint::parse(seed.as_bytes(), "a").is_ok());
    fuzz("checkpoint", &[seed.into_bytes()], |bytes| {
        if let Ok(state) = checkpoint::parse(bytes, "a") {
            assert_eq!(state.history.len() as u64, state.step);
        }
    });
}

fn check_positions(positions: raylobe::error::Result<Vec<[f64; 3]>>) {
    let positions = positions.unwrap_or_default();
    assert!(positions.iter().flatten().all(|x| x.is_finite()), "a coordinate is not finite");
}

/// A job with every table.
const JOB: &str = r#"task = "paths"
carrier_ghz = [28.0, 39]
seed = 9
scene = { generate = { kind = "city", heights = { low_m = 3.0 } }, out_of_range = "clamp" }
materials.wall = { relative_permittivity = 4.0, thickness_m = inf, pattern = { kind = "directive", alpha = 4 } }
materials."a.b" = { itu = "glass", lobe = { kind = "cosine_power", alpha = 2.0 } }
[antennas.panel]
polarization = "cross"
array = { rows = 2, columns = 3 }
[antennas.free]
elements_wavelengths = [[0, 0, 0.5], [0, 1, 0]]
gain_db = -1.5
[[transmitters]]
name = "bs"
position_m = [1, 2.5, -3e1]
antenna = "panel"
[[receivers]]
file = "rx.npy"
velocity_m_per_s = [1, 2, 3]
[solver]
interactions = ["reflection", "diffraction"]
smoothing = { alpha = 50 }
[map]
cell_m = [5, 5]
[objects.wall_3]
material = "wall"
translation_m = [0, 0, 1]
[fit]
measurements = [{ file = "m.csv", group = "a" }]
parameters = [{ pattern = "materials.*", prior = [3, 0.5] }, { pattern = "x", bounds = [1, 2] }]
losses = [{ of = "path_gain", measure = "smape", noise_db = 1 }]
optimiser = "gauss_newton"
[output]
taps = [-6, 100]
bandwidth_mhz = 100
"#;

const MITSUBA: &str = r#"<scene version="2.1.0">
  <default name="d" value="0.25"/><default name="m" value="brick"/>
  <integrator type="path"><integer name="max_depth" value="8"/></integrator>
  <bsdf type="itu-radio-material" id="a"><string name="type" value="$m"/><float name="thickness" value="$d"/></bsdf>
  <bsdf type="radio-material" id="b"><float name="relative_permittivity" value="3.5"/>
    <float name="conductivity" value="0.01"/><float name="scattering_coefficient" value="0.5"/>
    <string name="scattering_pattern" value="directive"/><integer name="alpha_r" value="4"/></bsdf>
  <bsdf type="twosided" id="mat-itu_glass"><bsdf type="diffuse"><rgb name="reflectance" value="1 0 0"/></bsdf></bsdf>
  <shape type="ply" id="mesh-p"><string name="filename" value="a.ply"/><ref id="a" name="bsdf"/></shape>
  <shape type="rectangle" id="r"><ref id="b"/><transform name="to_world"><scale value="2 3 1"/>
    <rotate x="1" angle="90"/><translate x="1" y="-2"/><matrix value="1 0 0 1 0 1 0 2 0 0 1 3 0 0 0 1"/>
    <lookat origin="0 0 0" target="1 2 3" up="0 0 1"/></transform></shape>
  <shape type="cube"><boolean name="flip_normals" value="true"/><ref id="mat-itu_glass"/></shape>
  <shape type="rectangle"><emitter type="area"/></shape>
</scene>
"#;

fn mesh() -> Mesh {
    let vertices = vec![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.5, 2.5]];
    Mesh { vertices, triangles: vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]] }
}

fn scene() -> SceneDescription {
    let material = MaterialDescription { thickness_m: Some(0.1), ..MaterialDescription::itu("wall", "concrete") };
    let object = |name: &str| ObjectDescription { name: name.into(), material: "wall".into(), mesh: mesh() };
    SceneDescription { materials: vec![material], objects: vec![object("a"), object("b")], warnings: vec![] }
}

fn ply_seeds() -> Vec<Vec<u8>> {
    let mut little = Vec::new();
    ply::write(&mesh(), &mut little).unwrap();
    let ascii = "ply\nformat ascii 1.0\ncomment c\nelement vertex 4\nproperty float x\nproperty double y\n\
        property int z\nproperty uchar red\nelement face 2\nproperty list uchar int vertex_indices\n\
        property list uint float texcoord\nelement edge 1\nproperty short a\nend_header\n\
        0 0 0 1\n1 0 0 1\n1 1.5e-1 0 2\n0 1 7 3\n4 0 1 2 3 0\n3 0 1 2 2 0.5 0.5\n1\n";
    let mut big = b"ply\nformat binary_big_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n\
        property float z\nelement face 1\nproperty list uint uint vertex_index\nend_header\n"
        .to_vec();
    [0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0].iter().for_each(|x| big.extend(x.to_be_bytes()));
    [3u32, 0, 1, 2].iter().for_each(|x| big.extend(x.to_be_bytes()));
    vec![little, ascii.into(), big]
}

/// A glTF file with its buffer in a `data:` URI, a node tree, a strip and a fan.
fn gltf_seeds() -> Vec<Vec<u8>> {
    use base64::Engine;
    let mut buffer = Vec::new();
    [0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.5].iter().for_each(|x| buffer.extend(x.to_le_bytes()));
    [0u16, 1, 2, 3].iter().for_each(|x| buffer.extend(x.to_le_bytes()));
    let data = base64::engine::general_purpose::STANDARD.encode(&buffer);
    let primitive = |mode: u32| format!(r#"{{"attributes":{{"POSITION":0}},"indices":1,"mode":{mode},"material":0}}"#);
    let text = format!(
        r#"{{"asset":{{"version":"2.0"}},"scene":0,"scenes":[{{"nodes":[0]}}],
        "nodes":[{{"name":"a","mesh":0,"children":[1],"translation":[1000000.25,2,3],"rotation":[0,0,0,1]}},
        {{"mesh":1,"scale":[1,2,1]}}],"materials":[{{"name":"itu_metal"}}],
        "meshes":[{{"primitives":[{}]}},{{"primitives":[{}]}}],
        "accessors":[{{"bufferView":0,"componentType":5126,"count":4,"type":"VEC3","min":[0,0,0],"max":[1,1,0.5]}},
        {{"bufferView":1,"componentType":5123,"count":4,"type":"SCALAR"}}],
        "bufferViews":[{{"buffer":0,"byteLength":48}},{{"buffer":0,"byteOffset":48,"byteLength":8}}],
        "buffers":[{{"byteLength":56,"uri":"data:application/octet-stream;base64,{data}"}}]}}"#,
        primitive(5),
        primitive(6)
    );
    assert!(gltf::parse(text.as_bytes(), None).is_ok());
    vec![text.into_bytes()]
}

/// What every reader promises of what it lets through.
fn check_mesh(mesh: &Mesh) {
    assert!(mesh.vertices.iter().flatten().all(|x| x.is_finite()), "a coordinate is not finite");
    assert!(mesh.triangles.iter().flatten().all(|i| (*i as usize) < mesh.vertices.len()), "an index is out of range");
    assert!(!mesh.triangles.is_empty(), "the mesh is empty");
}

fn check_scene(scene: &SceneDescription) {
    assert!(!scene.objects.is_empty(), "the scene is empty");
    for object in &scene.objects {
        check_mesh(&object.mesh);
        assert!(scene.materials.iter().any(|m| m.name == object.material), "the material is not listed");
    }
    assert!(!Report::new(scene).to_string().is_empty());
}

/// Parses mutations of `seeds` until the time is over.
fn fuzz(name: &str, seeds: &[Vec<u8>], parse: impl Fn(&[u8])) {
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse().expect("a whole number"));
    let seconds: u64 = number("RAYLOBE_FUZZ_SECONDS").unwrap_or(1);
    let seed = number("RAYLOBE_FUZZ_SEED").unwrap_or(1);
    seeds.iter().for_each(|seed| run(name, seed, &parse));
    let mut random = Random { key: [seed as u32, (seed >> 32) as u32], counter: 0 };
    let watched = watch(name);
    let start = Instant::now();
    let mut runs = 0u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = mutated(seeds, &mut random);
        *watched.lock().expect("the watch does not panic") = Some((Instant::now(), input.clone()));
        run(name, &input, &parse);
        runs += 1;
    }
    *watched.lock().expect("the watch does not panic") = None;
    println!("{name}: {runs} inputs in {seconds} s");
    assert!(runs > 10, "{name} is too slow to be fuzzed: {runs} inputs");
}

fn run(name: &str, input: &[u8], parse: &impl Fn(&[u8])) {
    ALLOCATED.with(|total| total.set(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| parse(input)));
    let allocated = ALLOCATED.with(Cell::get);
    assert!(outcome.is_ok(), "{name} panics on {}", kept(name, input).display());
    assert!(allocated < MAX_ALLOCATED_BYTES, "{name} asks for {allocated} bytes on {}", kept(name, input).display());
}

/// Leaves an input where it can be looked at.
fn kept(name: &str, input: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let path = folder.join(format!("{name}.bin"));
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, input)).expect("target is writable");
    path
}

type Watched = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Ends the process when an input takes too long: a hanging parser cannot be stopped otherwise.
fn watch(name: &str) -> Watched {
    let watched: Watched = Arc::default();
    let weak = Arc::downgrade(&watched);
    let name = name.to_string();
    std::thread::spawn(move || {
        while let Some(current) = weak.upgrade() {
            if let Some((since, input)) = &*current.lock().expect("the fuzzer does not panic while it sets an input")
                && since.elapsed() > MAX_TIME
            {
                eprintln!("{name} hangs on {}", kept(&name, input).display());
                std::process::exit(101);
            }
            drop(current);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    watched
}

struct Random {
    key: [u32; 2],
    counter: u64,
}

impl Random {
    /// A whole number below `bound`; 0 for 0.
    fn below(&mut self, bound: usize) -> usize {
        self.counter += 1;
        let words = philox([self.counter as u32, (self.counter >> 32) as u32, 0, 0], self.key);
        words[0] as usize % bound.max(1)
    }

    /// A range within `length`, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length } else { 16 };
        start..(start + self.below(longest + 1)).min(length)
    }
}

/// Numbers that parsers stumble over.
const NUMBERS: [&str; 18] = [
    "0",
    "-1",
    "1",
    "2",
    "3",
    "255",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "1000000000000",
    "18446744073709551615",
    "99999999999999999999999",
    "1e308",
    "1e-320",
    "nan",
    "-inf",
];

/// One seed with one to four changes.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, seeds, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.below(256) as u8);
    }
    let at = random.below(bytes.len());
    match random.below(9) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => bytes.truncate(at),
        3 => {
            let other = &seeds[random.below(seeds.len())];
            let piece = other[random.range(other.len())].to_vec();
            let target = random.range(bytes.len());
            bytes.splice(target, piece);
        }
        4 => {
            let range = random.range(bytes.len());
            bytes.drain(range);
        }
        5 => {
            let piece = bytes[random.range(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        6 | 7 => {
            let is_digit = |b: &u8| b.is_ascii_digit();
            let Some(start) = bytes[at..].iter().position(is_digit).map(|i| at + i) else { return };
            let end = bytes[start..].iter().position(|b| !is_digit(b)).map_or(bytes.len(), |i| start + i);
            bytes.splice(start..end, NUMBERS[random.below(NUMBERS.len())].bytes());
        }
        _ => {
            let words = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fc0_0000, 0x7f80_0000, 0x0001_0000u32];
            let word = words[random.below(words.len())].to_le_bytes();
            bytes.iter_mut().skip(at).zip(word).for_each(|(byte, new)| *byte = new);
        }
    }
}
