//! `record.json`: what was run, on what, from what, and what became of it.
//!
//! It is the last file to be written and the first to be removed: a folder that has one is whole.

use super::arrays::PathsFile;
use super::job::{Job, JobDescription};
use super::{atomic, fit_results, place_results};
use crate::error::{Error, Fault, Result};
use crate::path::counters::Counters;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// The name of the record in its folder.
pub const FILE_NAME: &str = "record.json";

/// Everything that is recorded of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// What made the results.
    pub version: Version,
    /// The device, and why it was taken.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Every file that was read.
    pub inputs: Vec<Input>,
    /// The job with all defaults and the command line's changes; numbers that JSON lacks are texts (`"inf"`).
    pub job: Value,
    /// Sizes of the scene and of the result.
    pub sizes: Sizes,
    /// Seconds of each stage, in order.
    pub timings_s: Vec<Timing>,
    /// Ray segments traced per second of the solver.
    pub rays_per_s: f64,
    /// Paths found per second of the solver.
    pub paths_per_s: f64,
    /// Largest resident memory of the process [bytes]; null where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// What became of rays, chains and candidates.
    pub counters: Counters,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Files of paths and the receivers that they hold.
    pub paths_files: Vec<PathsFile>,
    /// All other files that were written.
    pub files: Vec<String>,
}

/// What made the results.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// Version of raylobe.
    pub raylobe: String,
    /// Commit that it was built from; null if it was not known.
    pub commit: Option<String>,
    /// Operating system and processor that it was built for.
    pub platform: String,
}

impl Version {
    /// That of this program.
    pub fn own() -> Self {
        Version {
            raylobe: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("RAYLOBE_COMMIT")
                .filter(|commit| !["", "unknown"].contains(commit))
                .map(str::to_string),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// One input file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Its path.
    pub file: PathBuf,
    /// Its size [bytes].
    pub bytes: u64,
    /// Its BLAKE3 hash, in hexadecimal.
    pub blake3: String,
}

/// Sizes of the scene and of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sizes {
    /// Objects of the scene.
    pub objects: usize,
    /// Triangles of the scene.
    pub triangles: usize,
    /// Transmitters.
    pub transmitters: usize,
    /// Receivers.
    pub receivers: usize,
    /// Cells of a map.
    pub cells: usize,
    /// Paths.
    pub paths: usize,
}

/// Seconds of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// The stage.
    pub stage: String,
    /// Its wall time [s].
    pub seconds: f64,
}

/// Makes the folder of the results and removes a former record, before anything else is written; then the former
/// results, or some of another job would stand among the new ones.
///
/// # Errors
/// [`Error::Write`].
pub fn prepare_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
    let record = folder.join(FILE_NAME);
    match std::fs::remove_file(&record) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::write(&record, error)),
        Ok(()) | Err(_) => {}
    }
    for entry in std::fs::read_dir(folder).map_err(|error| Error::write(folder, error))? {
        let path = entry.map_err(|error| Error::write(folder, error))?.path();
        if path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_result) {
            std::fs::remove_file(&path).map_err(|error| Error::write(&path, error))?;
        }
    }
    Ok(())
}

/// Whether a file of this name is one of the results (docs/results.md), the record aside.
fn is_result(name: &str) -> bool {
    let tile = name.strip_prefix("paths-").and_then(|rest| rest.strip_suffix(".npz"));
    ["paths.npz", "links.csv", "cfr.npz", "taps.npz", "paths.png", "map.npz"].contains(&name)
        || fit_results::FILES.contains(&name)
        || place_results::FILES.contains(&name)
        || (name.starts_with("landscape_") && name.ends_with(".png"))
        || (name.starts_with("map_") && name.ends_with(".png"))
        || tile.is_some_and(|number| number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes the record: after everything else.
///
/// # Errors
/// [`Error::Write`].
pub fn write(folder: &Path, record: &Record) -> Result<()> {
    atomic::write_file(&folder.join(FILE_NAME), |file| {
        serde_json::to_writer_pretty(&mut *file, record).map_err(io::Error::other)?;
        file.write_all(b"\n")
    })
}

/// Hashes every input of a job.
///
/// # Errors
/// [`Error::Input`] for a file that cannot be read any more.
pub fn hash_inputs(job: &Job) -> Result<Vec<Input>> {
    job.inputs.iter().map(|file| hash(file)).collect()
}

fn hash(file: &Path) -> Result<Input> {
    let read = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(file)?)?;
        Ok((hasher.count(), hasher.finalize().to_hex().to_string()))
    };
    let (bytes, blake3) = read().map_err(|error: io::Error| {
        let fault = Fault::new("input", format!("cannot be read for its hash: {error}")).file(file);
        Error::input(fault.remedy("leave the inputs where they are while a job runs"))
    })?;
    Ok(Input { file: file.to_path_buf(), bytes, blake3 })
}

/// The job as JSON.
///
/// # Errors
/// [`Error::Internal`] if a value has no form in a job file.
pub fn job_as_json(description: &JobDescription) -> Result<Value> {
    let value = toml::Value::try_from(description).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(as_json(value))
}

fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) if number.is_finite() => Value::from(number),
        toml::Value::Float(number) => Value::String(number.to_string()),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(list) => Value::Array(list.into_iter().map(as_json).collect()),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, as_json(value))).collect::<Map<_, _>>())
        }
    }
}

/// Largest resident memory of this process so far [bytes], where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The scene file and the files that it names: meshes of Mitsuba XML, buffers of glTF.
///
/// # Errors
/// [`Error::Input`] if the scene file cannot be read.
pub fn files_of_scene(scene: &Path) -> Result<Vec<PathBuf>> {
    let folder = scene.parent().unwrap_or(Path::new(""));
    let extension = scene.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    let text = || {
        std::fs::read_to_string(scene).map_err(|error| {
            let fault = Fault::new("scene file", format!("cannot be read: {error}")).file(scene);
            Error::input(fault.remedy("leave the inputs where they are while a job runs"))
        })
    };
    let named = match extension.as_str() {
        "xml" => meshes_of_mitsuba(&text()?),
        "gltf" => buffers_of_gltf(&text()?),
        _ => Vec::new(),
    };
    // What leaves the folder was refused by the reader already; it must not be opened here either.
    let inside =
        |file: &PathBuf| file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let mut files: Vec<PathBuf> = named.into_iter().map(PathBuf::from).filter(inside).collect();
    files.sort();
    files.dedup();
    let files = files.into_iter().map(|file| folder.join(file)).filter(|file| file.is_file());
    Ok(std::iter::once(scene.to_path_buf()).chain(files).collect())
}

fn meshes_of_mitsuba(text: &str) -> Vec<String> {
    let Ok(document) = roxmltree::Document::parse(text) else { return Vec::new() };
    let named = |tag: &'static str| document.descendants().filter(move |node| node.has_tag_name(tag));
    let defaults: Vec<(String, &str)> = named("default")
        .filter_map(|node| Some((format!("${}", node.attribute("name")?), node.attribute("value")?)))
        .collect();
    let files = named("string").filter(|node| node.attribute("name") == Some("filename"));
    let substituted = |value: &str| {
        defaults.iter().fold(value.to_string(), |value, (name, default)| value.replace(name.as_str(), default))
    };
    files.filter_map(|node| node.attribute("value")).map(substituted).collect()
}

fn buffers_of_gltf(text: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let buffers = document.get("buffers").and_then(Value::as_array).cloned().unwrap_or_default();
    let uris = buffers.iter().filter_map(|buffer| buffer.get("uri")?.as_str().map(str::to_string));
    uris.filter(|uri| !uri.starts_with("data:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::job;

    #[test]
    fn former_results_are_removed_and_other_files_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = [
            "record.json",
            "paths.npz",
            "paths-0012.npz",
            "links.csv",
            "cfr.npz",
            "taps.npz",
            "paths.png",
            "map.npz",
            "map_bs.png",
        ];
        let others = ["paths-12.npz", "paths-old1.npz", "rx.npy", "job.toml", "map.png"];
        for name in results.iter().chain(&others) {
            std::fs::write(folder.path().join(name), b"").expect("written");
        }
        prepare_folder(folder.path()).expect("a folder that can be written");
        assert!(results.iter().all(|name| !folder.path().join(name).exists()));
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
    }

    #[test]
    fn meshes_are_found_through_defaults() {
        let text = r#"<scene><default name="dir" value="meshes"/>
            <shape type="ply"><string name="filename" value="$dir/a.ply"/></shape>
            <shape type="ply"><string name="filename" value="b.ply"/></shape></scene>"#;
        assert_eq!(meshes_of_mitsuba(text), ["meshes/a.ply", "b.ply"]);
    }

    #[test]
    fn an_infinite_thickness_survives_json() {
        let text = "carrier_ghz = 28\n[scene]\nfile = 'a.xml'\n[materials.wall]\nthickness_m = inf\n";
        let json = job_as_json(&job::parse(text, Path::new("job.toml")).expect("a job")).expect("JSON");
        assert_eq!(json["materials"]["wall"]["thickness_m"], "inf");
        assert_eq!(json["carrier_ghz"][0], 28.0);
    }

    #[test]
    fn a_former_record_is_removed_first() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE_NAME), "{}").expect("written");
        prepare_folder(folder.path()).expect("prepared");
        assert!(!folder.path().join(FILE_NAME).exists());
        prepare_folder(folder.path()).expect("prepared again");
    }
}
