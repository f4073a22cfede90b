//! Malformed jobs: each has its exit code, and the text names the field.

use super::{RADIOS, SCENE, fails, good_job};

/// The good job with one text in place of another.
fn with(old: &str, new: &str) -> String {
    let job = good_job();
    assert!(job.contains(old), "'{old}' is not in the good job");
    job.replacen(old, new, 1)
}

fn and(more: &str) -> String {
    good_job() + more
}

#[test]
fn keys_and_types() {
    let cases: [(String, &[&str]); 14] = [
        (with("carrier_ghz", "carier_ghz"), &["carier_ghz", "did you mean 'carrier_ghz'?", "line 1"]),
        (with("max_depth", "maxdepth"), &["solver.maxdepth", "did you mean 'max_depth'?"]),
        (with("position_m", "postion_m"), &["transmitters[0].postion_m", "did you mean 'position_m'?"]),
        (with("kind = \"boxes\"", "kind = \"boxs\""), &["scene.generate", "did you mean 'boxes'?"]),
        (with("kind = \"boxes\"", "kind = \"boxes\", sead = 2"), &["scene.generate", "sead"]),
        (with("28.0", "\"28 GHz\""), &["carrier_ghz", "a number or a list of numbers"]),
        (with("max_depth = 1", "max_depth = -1"), &["solver.max_depth", "-1"]),
        (with("max_depth = 1", "max_depth = 1.5"), &["solver.max_depth", "whole number"]),
        (with("[0.0, 0.0, 200.0]", "[0.0, 0.0]"), &["transmitters[0].position_m", "length 2"]),
        (with("[0.0, 0.0, 200.0]", "\"here\""), &["transmitters[0].position_m"]),
        (with("[[transmitters]]", "[transmitters]"), &["transmitters"]),
        (with("28.0", ""), &["line 1", "not TOML"]),
        (with("carrier_ghz = 28.0", ""), &["carrier_ghz", "missing"]),
        (and("candidates = \"lunch\"\n"), &["solver.candidates", "did you mean 'launch'?"]),
    ];
    for (job, parts) in cases {
        fails(&job, &[], &[], 64, parts);
    }
}

#[test]
fn values_out_of_bounds() {
    let cases: [(String, &[&str]); 18] = [
        (and("smoothing = { alpha = 0 }\n"), &["solver.smoothing.alpha", "from 0.0001"]),
        (and("smoothing = { alpha = 5, kind = \"sigmod\" }\n"), &["solver.smoothing.kind", "did you mean 'sigmoid'?"]),
        (with("28.0", "-28.0"), &["carrier_ghz", "-28", "above 0"]),
        (with("28.0", "nan"), &["carrier_ghz", "NaN"]),
        (with("28.0", "0"), &["carrier_ghz", "above 0"]),
        (with("28.0", "inf"), &["carrier_ghz", "inf"]),
        (with("28.0", "[]"), &["carrier_ghz", "at least one"]),
        (with("28.0", "[28, -1]"), &["carrier_ghz[1]", "-1"]),
        (with("max_depth = 1", "max_depth = 4_000_000"), &["solver.max_depth", "64"]),
        (with("rays = 1000", "rays = 0"), &["solver.rays", "from 1"]),
        (with("[0.0, 0.0, 200.0]", "[0.0, nan, 200.0]"), &["transmitters[0].position_m", "finite"]),
        (with("[0.0, 0.0, 200.0]", "[0.0, 1e300, 200.0]"), &["transmitters[0].position_m", "within"]),
        (with("[0.0, 0.0, 200.0]", "[0, 0, 9]\nvelocity_m_per_s = [4e8, 0, 0]"), &["velocity_m_per_s", "light"]),
        (with("[0.0, 0.0, 200.0]", "[0, 0, 9]\npower_dbm = inf"), &["transmitters[0].power_dbm"]),
        (with("[0.0, 0.0, 200.0]", "[0, 0, 9]\norientation_deg = [0, nan, 0]"), &["orientation_deg[1]"]),
        (and("interactions = []\n"), &["solver.interactions", "at least one"]),
        (and("[output]\nbandwidth_mhz = -5\n"), &["output.bandwidth_mhz", "-5"]),
        (and("[output]\nbandwidth_mhz = 100\ntaps = [5, -5]\n"), &["output.taps"]),
    ];
    for (job, parts) in cases {
        fails(&job, &[], &[], 64, parts);
    }
}

#[test]
fn what_does_not_fit_together() {
    let two = "[[receivers]]\nname = \"a\"\nposition_m = [1, 2, 200]\n".repeat(2);
    let cases: [(String, &[&str]); 14] = [
        (with(SCENE, "[scene]\nfile = \"a.xml\"\ngenerate = { kind = \"boxes\" }\n"), &["scene", "both"]),
        (with(SCENE, "[scene]\n"), &["scene", "neither"]),
        (with(SCENE, ""), &["scene", "missing"]),
        (with("[0.0, 0.0, 200.0]", "[0, 0, 9]\nantenna = \"pannel\""), &["transmitters[0].antenna", "pannel"]),
        (and(&two), &["receivers.name", "two devices"]),
        (with(RADIOS, "[[transmitters]]\nposition_m = [0, 0, 9]\n"), &["receivers", "no device"]),
        (with(RADIOS, "[[receivers]]\nposition_m = [0, 0, 9]\n"), &["transmitters", "no device"]),
        (with("position_m = [0.0, 0.0, 200.0]", "name = \"x\""), &["transmitters[0].position_m", "missing"]),
        (and("[[receivers]]\nposition_m = [1, 2, 3]\nfile = \"rx.npy\"\n"), &["receivers[1]", "both"]),
        (and("[output]\ntaps = [0, 5]\n"), &["output.bandwidth_mhz", "output.taps"]),
        (and("[output]\nsubcarriers = 5\n"), &["output.bandwidth_mhz", "output.subcarriers"]),
        (and("[antennas.a]\nelement = \"yagi\"\n"), &["antennas.a.element", "yagi"]),
        (and("[antennas.a]\narray = { rows = 0, columns = 2 }\n"), &["antennas.a", "rows"]),
        (and("[materials.concrete]\nscattering = 2.0\nitu = \"concrete\"\n"), &["concrete", "scattering"]),
    ];
    for (job, parts) in cases {
        fails(&job, &[], &[], 64, parts);
    }
}

#[test]
fn what_is_to_come_says_so() {
    let later = "not there yet";
    let cases: [(String, &[&str]); 3] = [
        (with("carrier_ghz", "task = \"path\"\ncarrier_ghz"), &["task", "did you mean 'paths'?"]),
        (and("interactions = [\"reflection\", \"diffraction\"]\n"), &["solver.interactions[1]", "diffraction", later]),
        (and("interactions = [\"reflexion\"]\n"), &["solver.interactions", "did you mean 'reflection'?"]),
    ];
    for (job, parts) in cases {
        fails(&job, &[], &[], 64, parts);
    }
}

#[test]
fn maps_that_cannot_be() {
    let map = |keys: &str| format!("task = \"map\"\n{}[map]\n{keys}\n", good_job());
    let cases: [(&str, &[&str]); 19] = [
        ("cell = 5", &["map.cell", "cell_m"]),
        ("cell_m = [0, 5]", &["map.cell_m[0]", "0.001"]),
        ("cell_m = [5, nan]", &["map.cell_m[1]", "NaN"]),
        ("cell_m = [0.001, 0.001]\nsize_m = [1e6, 1e6]", &["number of cells", "cell_m larger"]),
        ("points = 0", &["map.points", "1 to 64"]),
        ("points = 2\nmean = \"area\"", &["map.points", "map.mean"]),
        ("mean = \"cell\"", &["map.mean", "points", "area"]),
        ("height_m = inf", &["map.height_m"]),
        ("height_m = 2\ncentre_m = [0, 0, 1]", &["map.height_m", "centre_m"]),
        ("centre_m = [0, 1e300, 1]", &["map.centre_m[1]"]),
        ("size_m = [-5, 5]", &["map.size_m[0]"]),
        ("orientation_deg = [0, nan, 0]", &["map.orientation_deg[1]"]),
        ("ground = [\"box_0\"]", &["map.ground", "drape = true"]),
        ("drape = true\nground = [\"nothing\"]", &["map.ground[0]", "nothing", "scene info"]),
        ("objects = [\"nothing\"]", &["map.objects[0]", "nothing"]),
        ("offset_m = 1", &["map.offset_m", "objects"]),
        ("antenna = \"panel\"", &["map.antenna", "panel"]),
        ("receive_weights = [[1, 0]]", &["map.receive_weights", "2 ports"]),
        ("relative_error = 0", &["map.relative_error"]),
    ];
    for (keys, parts) in cases {
        fails(&map(keys), &[], &[], 64, parts);
    }
}

#[test]
fn lobes_are_counted_once() {
    let lobe = "[materials.concrete]\nitu = \"concrete\"\nlobe = { kind = \"von_mises_fisher\", kappa = 100 }\n";
    fails(&and(lobe), &[], &[], 64, &["materials.concrete.lobe", "\"lobe\"", "solver.interactions"]);
    fails(&and("interactions = [\"lobe\"]\n"), &[], &[], 64, &["solver.interactions", "no material"]);
    let both =
        format!("interactions = [\"reflection\"]\n{lobe}").replace("kappa = 100", "kappa = 100, normal_noise_deg = 1");
    fails(&and(&both), &[], &[], 64, &["concrete", "lobe"]);
}

#[test]
fn the_noise_of_a_clean_mesh_cannot_be_estimated() {
    let lobe = "[materials.concrete]\nlobe = { kind = \"von_mises_fisher\", normal_noise = \"estimated\" }\n";
    let job = format!("interactions = [\"lobe\"]\n{lobe}");
    fails(&and(&job), &[], &[], 65, &["concrete", "lobe.normal_noise", "cannot be estimated", "leave the lobe out"]);
    let both = job.replace("normal_noise", "kappa = 100, normal_noise");
    fails(&and(&both), &[], &[], 64, &["concrete", "lobe", "keep one of them"]);
    fails(&and(&job.replace("estimated", "guessed")), &[], &[], 64, &["lobe", "guessed"]);
}

#[test]
fn data_that_a_job_names() {
    let scene = |file: &str| with(SCENE, &format!("[scene]\nfile = \"{file}\"\n"));
    fails(&scene("none.xml"), &[], &[], 65, &["scene.file", "none.xml"]);
    fails(&scene("city.stl"), &[("city.stl", b"solid")], &[], 65, &["city.stl"]);
    fails(&scene("cut.ply"), &[("cut.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n")], &[], 65, &["cut.ply"]);
    let receivers = |file: &str| and(&format!("[[receivers]]\nfile = \"{file}\"\n"));
    fails(&receivers("rx.npy"), &[], &[], 65, &["rx.npy", "cannot be read"]);
    fails(&receivers("rx.npy"), &[("rx.npy", b"\x93NUMPY\x01\x00\xff\xff")], &[], 65, &["rx.npy", "npy header"]);
    fails(&receivers("rx.csv"), &[("rx.csv", b"x_m,y_m,z_m\n1,2,three\n")], &[], 65, &["rx.csv", "line 2", "three"]);
    fails(&receivers("rx.txt"), &[("rx.txt", b"1 2 3")], &[], 65, &["rx.txt", ".npy or .csv"]);
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 3), }\n";
    let absurd = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    fails(&receivers("rx.npy"), &[("rx.npy", &absurd)], &[], 65, &["rx.npy", "shape", "999999999999"]);
}

#[test]
fn brick_at_60_ghz_names_the_way_out() {
    let job = with("28.0", "60.0").replace("seed = 3", "seed = 3, materials = [\"brick\"]");
    fails(&job, &[], &[], 65, &["brick", "60", "out_of_range", "clamp"]);
}

#[test]
fn overrides_of_the_command_line() {
    let cases: [(&str, &[&str]); 5] = [
        ("solver.max_dept=3", &["solver.max_dept", "did you mean 'max_depth'?"]),
        ("solver.max_depth", &["--set", "="]),
        ("transmitters.7.power_dbm=3", &["--set", "index 7"]),
        ("solver.rays=many", &["solver.rays"]),
        ("carrier_ghz=-1", &["carrier_ghz", "-1"]),
    ];
    for (set, parts) in cases {
        fails(&good_job(), &[], &["--set", set], 64, parts);
    }
}
