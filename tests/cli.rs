//! The program as a user meets it: exit codes, what is said, what is written.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Boxes on a plane, generated so that no other file is needed; the radios stand high above them.
const SCENE: &str = "[scene]\ngenerate = { kind = \"boxes\", seed = 3 }\n";
const RADIOS: &str =
    "[[transmitters]]\nposition_m = [0.0, 0.0, 200.0]\n[[receivers]]\nposition_m = [30.0, 40.0, 200.0]\n";
const SOLVER: &str = "[solver]\nmax_depth = 1\nrays = 1000\n";

fn good_job() -> String {
    format!("carrier_ghz = 28.0\n{SCENE}{RADIOS}{SOLVER}")
}

fn raylobe(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_raylobe");
    Command::new(program).current_dir(folder).args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with `job.toml` and the files beside it.
fn folder_with(job: &str, files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("job.toml"), job).expect("written");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    folder
}

/// Runs a job that must fail with this exit code, name all `parts` on stderr, and leave nothing that looks whole.
fn fails(job: &str, files: &[(&str, &[u8])], arguments: &[&str], exit_code: i32, parts: &[&str]) {
    let folder = folder_with(job, files);
    let output = raylobe(folder.path(), &[&["run", "job.toml"], arguments].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit_code), "{job}\n{said}");
    for part in parts {
        assert!(said.contains(part), "'{part}' is not in\n{said}\nof\n{job}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(!folder.path().join("out/record.json").exists(), "a record after a failure: {job}");
}

#[test]
fn a_job_writes_its_results_and_its_record() {
    // Without reflections, so that Friis alone says what the gain is.
    let job = good_job().replace("max_depth = 1", "max_depth = 0");
    let job = job + "[output]\nbandwidth_mhz = 100\nsubcarriers = 8\ntaps = [-2, 5]\npicture = true\n";
    let folder = folder_with(&job, &[]);
    let output = raylobe(folder.path(), &["run", "job.toml", "--threads", "1"]);
    let (results, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(results.starts_with("device: cpu"), "{results}");
    // Friis at 50 m and 28 GHz: 20 log10(c / (4 pi 50 m 28 GHz)) = -95.37 dB.
    assert!(results.contains("-95.37") && results.contains("yes"), "{results}");
    let out = folder.path().join("out");
    for name in ["paths.npz", "links.csv", "cfr.npz", "taps.npz", "paths.png", "record.json"] {
        assert!(out.join(name).is_file(), "{name} is missing");
    }
    let record = std::fs::read_to_string(out.join("record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["seed"], 1);
    assert_eq!(record["inputs"].as_array().map(Vec::len), Some(1));
    assert_eq!(record["inputs"][0]["blake3"].as_str().map(str::len), Some(64));
    assert_eq!(record["job"]["solver"]["rays"], 1000);
    assert!(record["counters"]["paths"].as_u64() >= Some(1), "{record}");
}

#[test]
fn same_job_same_bytes_whatever_the_threads() {
    let folder = folder_with(&good_job(), &[]);
    let read = |name: &str| std::fs::read(folder.path().join("out").join(name)).expect(name);
    let mut before = Vec::new();
    for threads in ["1", "3", "2"] {
        let output = raylobe(folder.path(), &["run", "job.toml", "--quiet", "--threads", threads]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "quiet is quiet");
        let now = vec![read("paths.npz"), read("links.csv")];
        assert!(before.is_empty() || before == now, "{threads} threads");
        before = now;
    }
}

#[test]
fn arrays_hold_the_paths_of_every_link() {
    let job = good_job() + "[[receivers]]\nfile = \"rx.csv\"\n";
    let folder = folder_with(&job, &[("rx.csv", b"x_m,y_m,z_m\n10,0,200\n0,0,300\n")]);
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let file = std::fs::File::open(folder.path().join("out/paths.npz")).expect("written");
    let mut npz = ndarray_npy::NpzReader::new(file).expect("an archive");
    let offsets: ndarray::Array1<i64> = npz.by_name("offsets").expect("offsets");
    let lengths: ndarray::Array1<f64> = npz.by_name("length_m").expect("lengths");
    assert_eq!(offsets.len(), 4);
    let direct: Vec<f64> = (0..3).map(|link| lengths[offsets[link] as usize]).collect();
    assert_eq!(direct, [50.0, 10.0, 100.0]);
    let a: ndarray::Array4<num_complex::Complex<f64>> = npz.by_name("a").expect("coefficients");
    assert_eq!(a.dim(), (lengths.len(), 1, 1, 1));
    let rows = std::fs::read_to_string(folder.path().join("out/links.csv")).expect("written");
    assert_eq!(rows.lines().count(), 4, "{rows}");
}

#[test]
fn the_command_line_is_put_over_the_job() {
    let folder = folder_with(&good_job(), &[]);
    let set = ["--set", "transmitters.0.name=mast", "--set", "solver.max_depth=0", "--seed", "9", "--out", "there"];
    let output = raylobe(folder.path(), &[&["run", "job.toml", "--device", "cpu"], set.as_slice()].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let record = std::fs::read_to_string(folder.path().join("there/record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["seed"], 9);
    assert_eq!(record["job"]["transmitters"][0]["name"], "mast");
    assert_eq!(record["job"]["solver"]["max_depth"], 0);
    assert!(text(&output.stdout).contains("mast"));
}

#[test]
fn check_prints_a_job_that_is_read_again() {
    let folder = folder_with(&good_job(), &[]);
    let output = raylobe(folder.path(), &["check", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("# memory"), "{printed}");
    assert!(!folder.path().join("out").exists(), "check writes nothing");
    std::fs::write(folder.path().join("again.toml"), &printed).expect("written");
    let again = raylobe(folder.path(), &["check", "again.toml"]);
    assert_eq!(text(&again.stdout).replace("again.toml", "job.toml"), printed);
}

#[test]
fn scenes_are_made_looked_at_and_converted() {
    let folder = tempfile::tempdir().expect("a folder");
    let ok = |arguments: &[&str]| {
        let output = raylobe(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    ok(&["scene", "generate", "city", "--triangles", "1000", "--seed", "4", "-o", "city.glb"]);
    ok(&["scene", "convert", "city.glb", "city.xml"]);
    assert!(ok(&["scene", "info", "city.xml"]).contains("triangles"));
    for arguments in [["scene", "generate", "cty", "-o", "x.glb"], ["scene", "generate", "city", "-o", "x.glb"]] {
        let set: &[&str] = if arguments[2] == "city" { &["--set", "heigths=3"] } else { &[] };
        let output = raylobe(folder.path(), &[&arguments, set].concat());
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(text(&output.stderr).contains("did you mean"), "{}", text(&output.stderr));
    }
    assert_eq!(raylobe(folder.path(), &["scene", "info", "none.ply"]).status.code(), Some(65));
}

#[test]
fn usage_errors_and_reserved_names_exit_with_2() {
    let folder = folder_with(&good_job(), &[]);
    let cases: [&[&str]; 9] = [
        &[],
        &["rnu", "job.toml"],
        &["run"],
        &["run", "job.toml", "--threads", "0"],
        &["run", "job.toml", "--device", "gpu"],
        &["run", "job.toml", "--shard", "1/2"],
        &["run", "job.toml", "--resume"],
        &["merge", "a", "b", "-o", "c"],
        &["bench", "any_hits"],
    ];
    for arguments in cases {
        let output = raylobe(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(raylobe(folder.path(), &["--help"]).status.code(), Some(0));
    assert_eq!(raylobe(folder.path(), &["--version"]).status.code(), Some(0));
}

#[test]
fn a_device_that_is_not_there_is_never_replaced() {
    let devices = raylobe(Path::new("."), &["devices"]);
    if text(&devices.stdout).contains("no CUDA kernels") {
        for device in ["cuda", "cuda:1"] {
            fails(&good_job(), &[], &["--device", device], 69, &["--device", "CUDA"]);
        }
    }
}

#[test]
fn what_cannot_be_written_exits_with_73_and_names_the_path() {
    fails(&good_job(), &[("out", b"a file in the way")], &[], 73, &["cannot write", "out"]);
    fails(&good_job(), &[("way", b"")], &["--out", "way/below"], 73, &["cannot write", "way"]);
    // A folder of the name of a result.
    let folder = folder_with(&good_job(), &[]);
    std::fs::create_dir_all(folder.path().join("out/links.csv")).expect("made");
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(73), "{}", text(&output.stderr));
    assert!(!folder.path().join("out/record.json").exists());
}

#[test]
fn a_failed_run_leaves_no_former_record() {
    let folder = folder_with(&good_job(), &[]);
    assert_eq!(raylobe(folder.path(), &["run", "job.toml"]).status.code(), Some(0));
    let out = folder.path().join("out");
    std::fs::remove_file(out.join("links.csv")).expect("there");
    std::fs::create_dir(out.join("links.csv")).expect("made");
    assert_eq!(raylobe(folder.path(), &["run", "job.toml"]).status.code(), Some(73));
    assert!(!out.join("record.json").exists());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder_with(&good_job(), &[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_raylobe"))
        .current_dir(folder.path())
        .args(["run", "job.toml", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.path().join("out/record.json").exists(), "the work is done without a reader");
}

#[test]
fn json_lines_hold_one_object_each() {
    let folder = folder_with("carrier_ghz = -1\n[scene]\nfile = 'x.ply'\n", &[]);
    let output = raylobe(folder.path(), &["run", "job.toml", "--log-format", "json"]);
    let lines: Vec<serde_json::Value> =
        text(&output.stderr).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let error = lines.last().expect("an error");
    assert_eq!((error["event"].as_str(), error["exit_code"].as_i64()), (Some("error"), Some(64)));
    assert_eq!(error["field"], "carrier_ghz");
}

#[test]
fn two_devices_at_one_point_are_a_counted_warning() {
    let job = good_job().replace("[30.0, 40.0, 200.0]", "[0.0, 0.0, 200.0]");
    let folder = folder_with(&job, &[]);
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let record = std::fs::read_to_string(folder.path().join("out/record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["counters"]["coincident_devices"], 1);
    assert!(text(&output.stderr).contains("same point"), "{}", text(&output.stderr));
}

#[test]
fn a_material_that_nothing_uses_is_a_warning() {
    let folder = folder_with(&(good_job() + "[materials.concrte]\nitu = \"concrete\"\n"), &[]);
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("materials.concrte"), "{}", text(&output.stderr));
}

#[path = "cases/fit_jobs.rs"]
mod fit_jobs;
#[path = "cases/job_faults.rs"]
mod job_faults;
#[path = "cases/place_jobs.rs"]
mod place_jobs;

#[path = "cases/bad_input.rs"]
mod bad_input;
#[path = "cases/coverage.rs"]
mod coverage;
#[path = "cases/documents.rs"]
mod documents;
