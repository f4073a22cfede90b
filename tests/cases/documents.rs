//! The documents of the job and of the results say what the program reads and writes: no more, no less.

use super::{folder_with, good_job, raylobe, text};
use raylobe::calibrate::patterns::trained_as;
use raylobe::io::arrays::npy;
use raylobe::io::job;
use raylobe::path::adjoint::ParameterKind;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use toml::{Table, Value};

const JOB_FILE: &str = include_str!("../../docs/job-file.md");
const SCENES: &str = include_str!("../../docs/scenes.md");
const RESULTS: &str = include_str!("../../docs/results.md");

/// The first cells of the tables below the heading `## name`, in their order.
fn first_cells(document: &'static str, name: &str) -> Vec<&'static str> {
    let heading = format!("\n## {name}\n");
    let (_, section) = document.split_once(&heading).unwrap_or_else(|| panic!("no section '{name}'"));
    let section = section.split("\n## ").next().expect("split yields at least one part");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(cell, _)| cell).collect()
}

/// The text of a job with `value` at `place` (keys and indices).
fn job_with(place: &[&str], value: Table) -> String {
    let base = "carrier_ghz = 28.0\n[scene]\n[[transmitters]]\n[[receivers]]\n[fit]\n[[fit.parameters]]\npattern = '*'\n\
        [[fit.losses]]\nof = 'path_gain'\n[[fit.measurements]]\nfile = 'm.csv'\n[[place.sites]]\n";
    let mut job: Value = toml::from_str(base).expect("TOML");
    let mut inner = &mut job;
    for key in place {
        inner = match inner {
            Value::Array(list) => &mut list[0],
            Value::Table(table) => table.entry(key.to_string()).or_insert_with(|| Value::Table(Table::new())),
            other => panic!("{other} holds nothing"),
        };
    }
    inner.as_table_mut().expect("a table").extend(value);
    toml::to_string(&job).expect("TOML")
}

/// The keys that the parser knows at `place`, from what it says of one that it does not know.
fn known_keys(place: &[&str], beside: &str) -> BTreeSet<String> {
    let mut value: Table = beside.parse().expect("TOML");
    value.insert("zzz".into(), Value::Integer(0));
    let error = job::parse(&job_with(place, value), Path::new("job.toml")).expect_err("zzz is no key").to_string();
    let (_, list) = error.split_once("known here: ").unwrap_or_else(|| panic!("{error}"));
    list.trim().split(", ").map(str::to_string).collect()
}

#[test]
fn every_key_of_a_job_is_documented_and_every_documented_key_is_read() {
    let tables: [(&str, &[&str], &str); 22] = [
        ("top", &[], ""),
        ("scene", &["scene"], ""),
        ("materials", &["materials", "wall"], ""),
        ("antennas", &["antennas", "panel"], ""),
        ("array", &["antennas", "panel", "array"], "rows = 1\ncolumns = 1"),
        ("transmitters", &["transmitters", "0"], ""),
        ("transmitters", &["receivers", "0"], ""),
        ("solver", &["solver"], ""),
        ("smoothing", &["solver", "smoothing"], "alpha = 20"),
        ("map", &["map"], ""),
        ("output", &["output"], ""),
        ("objects", &["objects", "wall_3"], ""),
        ("place", &["place"], ""),
        ("smoothing of placements", &["place", "smoothing"], ""),
        ("sites", &["place", "sites", "0"], ""),
        ("restarts", &["place", "restarts"], ""),
        ("refinement", &["place", "refinement"], ""),
        ("study", &["place", "study"], ""),
        ("fit", &["fit"], ""),
        ("parameters", &["fit", "parameters", "0"], "pattern = '*'"),
        ("losses", &["fit", "losses", "0"], "of = 'path_gain'"),
        ("measurements", &["fit", "measurements", "0"], "file = 'm.csv'"),
    ];
    for (name, place, beside) in tables {
        let mut documented = BTreeSet::new();
        for row in first_cells(JOB_FILE, name) {
            let mut value: Table = beside.parse().expect("TOML");
            let example: Table = row.parse().unwrap_or_else(|error| panic!("{row}: {error}"));
            documented.extend(example.keys().cloned());
            value.extend(example);
            let read = job::parse(&job_with(place, value), Path::new("job.toml"));
            assert!(read.is_ok(), "{name}: {row}: {read:?}");
        }
        assert_eq!(documented, known_keys(place, beside), "table {name}");
    }
}

/// The table of derivatives in README, as the lists of the code have it; `RAYLOBE_PRINT=1` prints it.
#[test]
fn the_table_of_derivatives_is_that_of_the_code() {
    let mut table = String::from("| by | unit | paths, CPU and CUDA | maps | name in fits |\n|---|---|---|---|---|\n");
    for kind in ParameterKind::ALL {
        let maps = match kind {
            ParameterKind::Velocity => "0: no map depends on it",
            _ => "yes",
        };
        let fits = trained_as(kind).map_or("not yet".to_string(), |name| format!("`{name}`"));
        table += &format!("| `{}` | {} | yes | {maps} | {fits} |\n", kind.name(), kind.unit());
    }
    if std::env::var_os("RAYLOBE_PRINT").is_some() {
        println!("{table}");
    }
    assert!(include_str!("../../README.md").contains(&table), "README lacks\n{table}");
}

#[test]
fn every_option_of_a_generated_scene_is_documented() {
    for kind in raylobe::scene::generate::GenerateOptions::KINDS {
        let table = SCENES.split(&format!("\n| `{kind}` |")).nth(1).expect(kind);
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let keys = rows.flat_map(|row| row.split('|').nth(1).unwrap_or("").split('`').skip(1).step_by(2));
        let documented: BTreeSet<String> = keys.map(str::to_string).collect();
        assert_eq!(documented, known_keys(&["scene", "generate"], &format!("kind = '{kind}'")), "{kind}");
    }
}

#[test]
fn the_least_job_of_the_document_is_enough() {
    let blocks = JOB_FILE.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap_or(""));
    for block in blocks {
        let folder = folder_with(block, &[]);
        let output = raylobe(folder.path(), &["check", "job.toml"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

/// (name, dtype without the width of texts) of each array of an archive.
fn arrays_of(file: &Path) -> BTreeSet<(String, String)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).expect("written")).expect("an archive");
    let mut arrays = BTreeSet::new();
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).expect("a member");
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).expect("read");
        let descr = npy::read_header(&bytes, file).expect("an array").0.descr;
        let dtype = if descr.starts_with("<U") { "<U".into() } else { descr };
        arrays.insert((member.name().trim_end_matches(".npy").to_string(), dtype));
    }
    arrays
}

/// (name, dtype) of each array that the document describes for a file.
fn documented_arrays(name: &str) -> BTreeSet<(String, String)> {
    let rows = first_cells(RESULTS, name).into_iter();
    rows.map(|array| {
        let row =
            RESULTS.split(&format!("\n## {name}\n")).nth(1).and_then(|s| s.split(&format!("| `{array}` | `")).nth(1));
        let dtype = row.and_then(|row| row.split('`').next()).unwrap_or_else(|| panic!("{array} has no dtype"));
        (array.to_string(), dtype.replace('\\', ""))
    })
    .collect()
}

#[test]
fn a_map_holds_what_the_document_says() {
    let job = good_job() + "[map]\ncell_m = [20, 20]\n";
    let folder = folder_with(&format!("task = \"map\"\n{job}"), &[]);
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = folder.path().join("out");
    assert_eq!(arrays_of(&out.join("map.npz")), documented_arrays("map.npz"));
    let pictures = std::fs::read_dir(&out)
        .expect("written")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".png")));
    assert!(pictures.count() >= 1);
}

#[test]
fn results_hold_what_the_document_says() {
    // Receivers that differ in ports, elements that are traced one by one, and smoothing: every optional array is there.
    let more = "antenna = \"pair\"\n[antennas.pair]\nper_element = true\narray = { rows = 1, columns = 2 }\n\
        [output]\nbandwidth_mhz = 100\nsubcarriers = 4\ntaps = [0, 3]\npicture = true\n";
    let job = good_job()
        .replace("[solver]", "[[receivers]]\nposition_m = [10, 0, 200]\nANTENNA\n[solver]\nsmoothing = { alpha = 50 }");
    let (antenna, rest) = more.split_once('\n').expect("two parts");
    let folder = folder_with(&(job.replace("ANTENNA", antenna) + rest), &[]);
    let output = raylobe(folder.path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = folder.path().join("out");
    for (file, absent) in [("paths.npz", &["transmitter_element"][..]), ("cfr.npz", &[]), ("taps.npz", &[])] {
        let documented = documented_arrays(file).into_iter().filter(|(name, _)| !absent.contains(&name.as_str()));
        assert_eq!(arrays_of(&out.join(file)), documented.collect(), "{file}");
    }
    let rows = std::fs::read_to_string(out.join("links.csv")).expect("written");
    let head: Vec<&str> = rows.lines().next().expect("a head").split(',').collect();
    assert_eq!(head, first_cells(RESULTS, "links.csv"));
    let record = std::fs::read_to_string(out.join("record.json")).expect("written");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    let keys: BTreeSet<&str> = record.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, first_cells(RESULTS, "record.json").into_iter().collect());
}
