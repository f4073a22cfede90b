//! `raylobe scene`: look at, make and convert scenes.

use super::log::Log;
use super::print;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::io::{job, scene_file};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::degrade::{Counts, degrade};
use crate::scene::description::{MaterialDescription, SceneDescription};
use crate::scene::generate::generate;
use crate::scene::inspect::Report;
use crate::scene::material::OutOfRange;
use clap::Subcommand;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What can be done with scenes.
#[derive(Subcommand)]
pub enum Command {
    /// Objects, triangles, facets, materials, extent [m] and the faults found, with what each means.
    Info {
        /// A scene: Mitsuba XML, PLY, OBJ, glTF or GLB.
        file: PathBuf,
    },
    /// Make a synthetic scene; the same options make the same scene.
    Generate {
        /// city, canyon, room or boxes.
        kind: String,
        /// The file to write; its ending says the format: .xml .ply .obj .gltf .glb.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        /// Seed of all random numbers, 0 to 2^63 - 1 [default: 1].
        #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        seed: Option<u64>,
        /// Number of triangles of a city, 100 to 10^8 [default: 10000].
        #[arg(long)]
        triangles: Option<u64>,
        /// Any other option of `generate` in a job (docs/scenes.md), as block_m=60 [m]; may be repeated.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Make a clean mesh worse, as laser scans and photographs give it: noisy facets, holes, missing and double faces.
    Degrade {
        /// A scene: Mitsuba XML, PLY, OBJ, glTF or GLB.
        input: PathBuf,
        /// The file to write; its ending says the format: .xml .ply .obj .gltf .glb.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        /// lidar_0.5, lidar_1, lidar_2 or lidar_4: facets of 0.1 m, normals noisy by so many degrees, 2 % holes.
        #[arg(long)]
        preset: Option<String>,
        /// Seed of all random numbers, 0 to 2^63 - 1 [default: 1].
        #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        seed: Option<u64>,
        /// Any option (docs/scenes.md), as facet_m=0.2 [m], put over the preset; may be repeated.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Write a scene in another format; the endings of the names say which.
    Convert {
        /// A scene: Mitsuba XML, PLY, OBJ, glTF or GLB.
        input: PathBuf,
        /// The file to write: .xml .ply .obj .gltf .glb.
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
            let mut scene = read(file, log)?;
            log.begin("looking for faults", 0);
            let mut report = Report::new(&scene);
            if report.total.bad_indices == 0 {
                log.begin("counting facets", 0);
                report.facets = Some(facets_of(&mut scene)?);
            }
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
        Command::Degrade { input, out, preset, seed, set } => {
            let seed = seed.map(|seed| format!("seed={seed}"));
            let options = job::parse_degrade(preset.as_deref(), seed.into_iter().chain(set.iter().cloned()))?;
            let scene = read(input, log)?;
            log.begin("making the mesh worse", 0);
            let degraded = degrade(scene, &options)?;
            print(&told(&degraded.counts))?;
            write(&degraded.scene, out, log)
        }
        Command::Convert { input, output } => write(&read(input, log)?, output, log),
    }
}

/// What became of the faces of a degraded scene, in words.
fn told(counts: &Counts) -> String {
    let Counts { faces, without_area, in_holes, missing, duplicates, gone_objects, area_m2, hole_area_m2 } = counts;
    let share = 100.0 * hole_area_m2 / area_m2.max(f64::MIN_POSITIVE);
    let mut text = format!(
        "{faces} faces, {area_m2:.1} m^2: {in_holes} lost to holes ({share:.2} % of the area), {missing} missing, \
        {duplicates} twice\n"
    );
    if *without_area > 0 {
        text += &format!("{without_area} triangles without area are left out\n");
    }
    if *gone_objects > 0 {
        text += &format!("{gone_objects} objects have lost every face and are left out\n");
    }
    text
}

/// Number of facets of a scene, whatever its materials are made of: each is taken for vacuum.
fn facets_of(description: &mut SceneDescription) -> Result<usize> {
    let names: BTreeSet<&str> = description.objects.iter().map(|object| object.material.as_str()).collect();
    description.materials = names.into_iter().map(|name| MaterialDescription::itu(name, "vacuum")).collect();
    let scene = Scene::new(description, OutOfRange::Clamp)?;
    Ok(Geometry::new(&scene).facets.len())
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
