//! `raylobe scene`: look at, make and convert scenes.

use super::log::Log;
use super::print;
use crate::backend::Progress;
use crate::error::Result;
use crate::io::{job, scene_file};
use crate::scene::description::SceneDescription;
use crate::scene::generate::generate;
use crate::scene::inspect::Report;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// What can be done with scenes.
#[derive(Subcommand)]
pub enum Command {
    /// Shapes, triangles, materials, bounds and the faults found.
    Info {
        /// A scene: Mitsuba XML, PLY, OBJ, glTF or GLB.
        file: PathBuf,
    },
    /// Make a synthetic scene; the same options make the same scene.
    Generate {
        /// city, canyon, room or boxes.
        kind: String,
        /// The file to write; its ending says the format.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        /// Seed of all random numbers.
        #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        seed: Option<u64>,
        /// About this many triangles.
        #[arg(long)]
        triangles: Option<u64>,
        /// Any other option of `generate` in a job, as street_m=15; may be repeated.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Write a scene in another format; the endings of the names say which.
    Convert {
        /// A scene: Mitsuba XML, PLY, OBJ, glTF or GLB.
        input: PathBuf,
        /// The file to write.
        output: PathBuf,
    },
}

/// Does what the command says.
///
/// # Errors
/// Whatever is wrong with the scene or the options, or a file that cannot be written.
pub fn scene(command: &Command, log: &Log) -> Result<()> {
    match command {
        Command::Info { file } => {
            let scene = read(file, log)?;
            log.begin("looking for faults", 0);
            let report = Report::new(&scene);
            log.end();
            print(&format!("{report}\n"))
        }
        Command::Generate { kind, out, seed, triangles, set } => {
            let numbers = [("seed", seed), ("triangles", triangles)];
            let typed = numbers.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)));
            let options = job::parse_generate(kind, typed.chain(set.iter().cloned()))?;
            log.begin("making the scene", 0);
            write(&generate(&options)?, out, log)
        }
        Command::Convert { input, output } => write(&read(input, log)?, output, log),
    }
}

fn read(file: &Path, log: &Log) -> Result<SceneDescription> {
    log.begin("reading the scene", 0);
    let scene = scene_file::read(file)?;
    log.end();
    for warning in &scene.warnings {
        log.warning(warning);
    }
    Ok(scene)
}

fn write(scene: &SceneDescription, file: &Path, log: &Log) -> Result<()> {
    log.begin("writing the scene", 0);
    let notes = scene_file::write(scene, file)?;
    log.end();
    for note in &notes {
        log.warning(note);
    }
    let triangles: usize = scene.objects.iter().map(|object| object.mesh.triangles.len()).sum();
    print(&format!("{}: {} objects, {triangles} triangles\n", file.display(), scene.objects.len()))
}
