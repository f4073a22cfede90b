//! `task = "fit"` as a user meets it: results, checkpoints, mistakes.

use super::{folder_with, raylobe, text};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const RESULTS: [&str; 5] = ["fit.json", "fit.csv", "fit_links.csv", "fit.png", "fitted.toml"];
const OBJ: &[u8] = b"o floor\nv -9 -8 0\nv 9 -8 0\nv 9 9 0\nv -9 9 0\nusemtl floor\nf 1 2 3\nf 1 3 4\n\
o wall\nv -9 7 0\nv 9 7.7 0\nv 9 7.4 8\nv -9 6.7 8\nusemtl wall\nf 5 6 7\nf 5 7 8\n";
const RADIOS: &str = "[[transmitters]]\nname = \"bs\"\nposition_m = [-4.0, -3.0, 4.0]\npower_dbm = 20\n\
[[receivers]]\nname = \"rx\"\nfile = \"rx.csv\"\n";
const SOLVER: &str = "[solver]\nmax_depth = 2\n";

fn receivers() -> String {
    let points = (0..24).map(|k| format!("{},{},1.5\n", -5 + 2 * (k % 6), -4 + 2 * (k / 6)));
    "x_m,y_m,z_m\n".to_string() + &points.collect::<String>()
}

fn job(task: &str, eps: [f64; 2], more: &str) -> String {
    let [floor, wall] = eps;
    format!(
        "task = \"{task}\"\ncarrier_ghz = 10.0\n[scene]\nfile = \"scene.obj\"\n[materials.floor]\nrelative_permittivity = {floor}\n\
         thickness_m = inf\n[materials.wall]\nrelative_permittivity = {wall}\nconductivity_s_per_m = 0.1\nthickness_m = inf\n\
         {RADIOS}{SOLVER}{more}"
    )
}

/// A folder with a truth that was solved into `truth`, and `job.toml`, a fit of it.
fn fit_folder(fit: &str) -> TempDir {
    let truth =
        job("paths", [5.0, 3.0], "[output]\ndir = \"truth\"\nbandwidth_mhz = 200\ntaps = [-4, 30]\nsubcarriers = 8\n");
    let folder = folder_with(&truth, &[("scene.obj", OBJ), ("rx.csv", receivers().as_bytes())]);
    succeeds(folder.path(), &["run", "job.toml", "--device", "cpu"]);
    std::fs::write(folder.path().join("job.toml"), job("fit", [4.0, 4.0], fit)).expect("written");
    folder
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = raylobe(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

/// Runs a fit that must fail with this exit code and say all `parts`.
fn fails(folder: &Path, arguments: &[&str], exit_code: i32, parts: &[&str]) {
    let output = raylobe(folder, &[&["run", "job.toml", "--device", "cpu"], arguments].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit_code), "{said}");
    for part in parts {
        assert!(said.contains(part), "'{part}' is not in\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

const FIT: &str = "[fit]\nmeasurements = [{ file = \"truth/links.csv\" }]\nlosses = [{ of = \"path_gain\" }]\n\
parameters = [{ pattern = \"materials.*.relative_permittivity\" }, { pattern = \"objects.wall.conductivity\" }]\n";

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_fit_writes_its_results_and_a_job_that_runs() {
    let folder = fit_folder(&format!("{FIT}optimiser = \"gauss_newton\"\nsteps = 30\nheld_out = 0.25\n"));
    let said = succeeds(folder.path(), &["run", "job.toml", "--device", "cpu"]);
    assert!(said.contains("materials.floor.relative_permittivity") && said.contains("train: 18 links"), "{said}");
    let out = folder.path().join("out");
    let report: serde_json::Value = serde_json::from_slice(&read(&out, "fit.json")).expect("JSON");
    let names: Vec<&str> = report["parameters"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name"))
        .collect();
    // The wall is named as an object, so that it has a material of its own, and the material `wall` is of nothing any more.
    assert_eq!(names, ["materials.floor.relative_permittivity", "objects.wall.conductivity"]);
    let record: serde_json::Value = serde_json::from_slice(&read(&out, "record.json")).expect("JSON");
    for name in RESULTS {
        assert!(
            out.join(name).is_file() && record["files"].as_array().expect("a list").contains(&name.into()),
            "{name}"
        );
    }
    // The fitted job runs where it stands, and gives what the fit has computed last.
    succeeds(&out, &["run", "fitted.toml", "--device", "cpu"]);
    let column = |text: &str, name: &str| -> Vec<f64> {
        let mut lines = text.lines();
        let place = lines.next().expect("a head").split(',').position(|cell| cell == name).expect(name);
        lines.map(|line| line.split(',').nth(place).expect("a cell").parse().expect("a number")).collect()
    };
    let solved = column(&String::from_utf8(read(&out, "fitted/links.csv")).expect("text"), "path_gain_db");
    let fitted = column(&String::from_utf8(read(&out, "fit_links.csv")).expect("text"), "path_gain_after_db");
    for (a, b) in solved.iter().zip(&fitted) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert_eq!(String::from_utf8(read(&out, "fit_links.csv")).expect("text").matches(",held_out,").count(), 6);
}

#[test]
fn an_interrupted_fit_goes_on_to_the_same_bytes() {
    let fit = format!(
        "{FIT}steps = 400\nbatch = 5\nvalidation = 0.2\nscale = \"ewma\"\ncheckpoint_every = 7\nretrace_m = 0.02\n\
         [output]\nbandwidth_mhz = 200\n"
    )
    .replace("parameters = [", "parameters = [{ pattern = \"transmitters.bs.position\" }, ");
    let folder = fit_folder(&fit);
    let run = |out: &str, resume: bool| {
        let mut arguments = vec!["run", "job.toml", "--device", "cpu", "--quiet", "--out", out];
        arguments.extend(resume.then_some("--resume"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_raylobe"));
        command.current_dir(folder.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    };
    let begun = std::time::Instant::now();
    assert!(run("whole", false).wait().expect("it ends").success());
    let whole = begun.elapsed();
    let mut resumed = false;
    // Twenty moments over a run that is as long as the whole one, more or less.
    for k in 0..20u32 {
        let mut child = run("parts", resumed);
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * 0.03 * f64::from(1 + (7 * k) % 20)));
        child.kill().expect("it can be stopped, or has ended");
        child.wait().expect("it ends");
        resumed = true;
    }
    assert!(run("parts", true).wait().expect("it ends").success());
    for name in RESULTS {
        assert!(read(&folder.path().join("whole"), name) == read(&folder.path().join("parts"), name), "{name} differs");
    }
    // A checkpoint belongs to its own job.
    fails(
        folder.path(),
        &["--out", "parts", "--resume", "--set", "fit.steps=500"],
        65,
        &["fit_checkpoint.json", "another job"],
    );
    std::fs::write(folder.path().join("parts/fit_checkpoint.json"), b"{").expect("written");
    fails(folder.path(), &["--out", "parts", "--resume"], 65, &["is damaged", "without --resume"]);
}

#[test]
fn mistakes_of_a_fit_are_named() {
    let folder = fit_folder(FIT);
    for (set, code, parts) in [
        ("fit.measurements=[]", 64, ["fit.measurements", "at least one file"]),
        ("fit.losses=[]", 64, ["fit.losses", "of = \"path_gain\""]),
        ("fit.parameters=[]", 64, ["fit.parameters", "nothing to train"]),
        ("fit.parameters=[{ pattern = 'materials.*.conductvity' }]", 64, ["fit.parameters[0].pattern", "conductivity"]),
        ("fit.parameters=[{ pattern = 'transmitters.bs.velocity' }]", 64, ["velocity", "do not train yet"]),
        ("fit.parameters=[{ pattern = 'carrier' }]", 64, ["carrier", "do not train yet"]),
        ("fit.parameters=[{ pattern = 'antennas.*.gain' }]", 64, ["did you mean", "antennas.isotropic.gain_db"]),
        ("fit.parameters=[{ pattern = 'antennas.*', bounds = [-200, 0] }]", 64, ["antennas.isotropic.gain_db", "-100"]),
        ("fit.parameters.0.start=0.5", 64, ["start of materials.floor.relative_permittivity", "1.001"]),
        ("fit.parameters.0.bounds=[3, 2]", 64, ["bounds of materials.floor", "low < high"]),
        ("fit.parameters.0.prior=[3.0, -1.0]", 64, ["prior of materials.floor", "width above 0"]),
        ("fit.steps=-1", 64, ["fit.steps", "whole number"]),
        ("fit.held_out=1.5", 64, ["fit.held_out", "0.99"]),
        ("fit.held_out=nan", 64, ["fit.held_out", "NaN"]),
        ("fit.learning_rate=0", 64, ["fit.learning_rate", "5e-3"]),
        ("fit.losses.0.noise_db=0", 64, ["fit.losses[0].noise_db", "from"]),
        ("fit.losses.0.free_phase=true", 64, ["free_phase", "cfr"]),
        ("fit.losses.0.of=band_power", 64, ["output.taps", "is missing"]),
        ("fit.losses.0.of=cfr", 65, ["fit.losses", "measured at no link"]),
        ("fit.measurements.0.file=none.csv", 65, ["none.csv", "cannot be read"]),
        ("fit.measurements.0.file=scene.obj", 65, ["scene.obj", ".csv table"]),
        ("fit.noise_floor_db=20", 64, ["fit.noise_floor_db", "-400"]),
        ("fit.optimizer=adam", 64, ["fit.optimizer", "did you mean 'optimiser'?"]),
    ] {
        fails(folder.path(), &["--set", set], code, &parts);
    }
    fails(folder.path(), &["--set", "task=paths", "--resume"], 2, &["--resume"]);
    let without = job("fit", [4.0, 4.0], "");
    std::fs::write(folder.path().join("job.toml"), without).expect("written");
    fails(folder.path(), &[], 64, &["fit", "is missing"]);
}

#[test]
fn powers_in_another_unit_are_told() {
    let folder = fit_folder(FIT);
    let links = String::from_utf8(read(&folder.path().join("truth"), "links.csv")).expect("text");
    let gain =
        links.lines().next().expect("a head").split(',').position(|cell| cell == "path_gain_db").expect("a column");
    let table = |shift: f64, column: &str| {
        let rows = links.lines().skip(1).map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("{},{}\n", cells[1], cells[gain].parse::<f64>().expect("a number") + shift)
        });
        format!("receiver,{column}\n") + &rows.collect::<String>()
    };
    for (shift, column, told) in [
        (20.0, "path_gain_db", "that is the transmitted power; are they dBm?"),
        (-30.0, "path_gain_db", "are they dBm where dBW is meant"),
        (50.0, "received_power_dbm", "are they dBm where dBW is meant"),
    ] {
        std::fs::write(folder.path().join("m.csv"), table(shift, column)).expect("written");
        let said = succeeds(
            folder.path(),
            &["run", "job.toml", "--device", "cpu", "--set", "fit.measurements.0.file=m.csv", "--set", "fit.steps=2"],
        );
        assert!(said.contains(told), "{shift} {column}: {said}");
    }
    std::fs::write(folder.path().join("m.csv"), table(20.0, "received_power_dbm")).expect("written");
    let set = ["--set", "fit.measurements.0.file=m.csv", "--set", "fit.steps=2"];
    let said = succeeds(folder.path(), &[&["run", "job.toml", "--device", "cpu"], set.as_slice()].concat());
    assert!(!said.contains("dBm"), "{said}");
}
