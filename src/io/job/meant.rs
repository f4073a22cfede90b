//! The job as meant: every value checked, the scene loaded, the positions read.

use super::description::{JobDescription, ObjectOverride, OutputDescription, SceneSource, SolverDescription, Task};
use super::fit::{self, Calibration};
use super::place::{self, Placement};
use super::radios::{self, Counts};
use super::{Overrides, map};
use crate::channel::impulse::TapWindow;
use crate::channel::response::subcarrier_offsets;
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::{record, scene_file};
use crate::map::grid::Mean;
use crate::path::scatter::ScatterOptions;
use crate::path::smooth::Softness;
use crate::path::{InteractionKind, SolverOptions};
use crate::scene::description::{MaterialDescription, SceneDescription};
use crate::scene::estimate::waits;
use crate::scene::generate::generate;
use crate::scene::material::Material;
use crate::scene::radio::Radios;
use crate::scene::{MAX_COORDINATE_M, Scene};
use crate::solve::map::Survey;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A checked job with everything that it needs.
#[derive(Debug, Clone)]
pub struct Job {
    /// As written, with all defaults filled in and the command line's changes.
    pub description: JobDescription,
    /// The scene.
    pub scene: Scene,
    /// Transmitters, receivers and their antennas.
    pub radios: Radios,
    /// Numbers of transmitters and of receivers that each entry of the job has come to.
    pub radio_counts: Counts,
    /// What a map is of; `None` for other tasks.
    pub survey: Option<Survey>,
    /// What is fitted to what; `None` for other tasks.
    pub calibration: Option<Calibration>,
    /// How soft the tests of paths are; `None`: not at all.
    pub softness: Option<Softness>,
    /// What is placed where; `None` for other tasks.
    pub placement: Option<Placement>,
    /// Carriers [Hz].
    pub carriers: Vec<f64>,
    /// Options of the path solver.
    pub solver: SolverOptions,
    /// What to write.
    pub output: Output,
    /// Every file that was read, the job first.
    pub inputs: Vec<PathBuf>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What to write, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The folder.
    pub dir: PathBuf,
    /// The bandwidth that tells delays apart [Hz], if stated.
    pub bandwidth: Option<f64>,
    /// Offsets of the subcarriers of `cfr.npz` from each carrier [Hz], if wanted.
    pub subcarriers: Option<Vec<f64>>,
    /// The taps of `taps.npz`, if wanted.
    pub taps: Option<TapWindow>,
    /// Whether delays count from the first path of each link.
    pub normalize_delays: bool,
    /// Whether the paths are drawn.
    pub picture: bool,
}

/// Above the band that ray optics is used for, and far below what f64 phases can bear [GHz].
const MAX_CARRIER_GHZ: f64 = 10_000.0;
/// More interactions than any link budget can see.
const MAX_DEPTH: u32 = 64;
/// A number of rays that a day of one machine can trace.
const MAX_RAYS: u64 = 100_000_000_000;
/// Points and their ways are numbered in 32 bits.
const MAX_SCATTER_RAYS: u64 = 100_000_000;
/// Chains are numbered in 32 bits.
const MAX_CHAINS: u64 = u32::MAX as u64 - 1;
/// Rows of the offsets of links that memory can hold.
const MAX_LINKS: usize = 1_000_000_000;
/// Subcarriers of one link that memory can hold.
const MAX_SUBCARRIERS: u32 = 1 << 20;
/// Taps of one link that memory can hold.
const MAX_TAPS: i64 = 1 << 20;

impl Job {
    /// Reads the job in `file` and all that it names.
    ///
    /// # Errors
    /// As [`super::read`] and [`Job::new`].
    pub fn read(file: &Path, overrides: &Overrides) -> Result<Job> {
        Job::new(super::read(file, overrides)?, file)
    }

    /// What of it only the CPU does so far, if anything.
    pub fn only_on_cpu(&self) -> Option<&'static str> {
        match (&self.survey, &self.placement) {
            (Some(survey), _) if survey.mean == Mean::Area => Some("map.mean = \"area\""),
            (_, Some(Placement::One(_) | Placement::Study { .. })) => Some("placement in planes"),
            _ => None,
        }
    }

    /// Checks `description`, which was written in `file`, and reads what it names; paths count from the file's folder.
    ///
    /// # Errors
    /// [`Error::Job`] for a value out of its bounds or a feature that is to come; [`Error::Input`] for a scene or a
    /// file of positions that cannot be used.
    pub fn new(description: JobDescription, file: &Path) -> Result<Job> {
        Self::checked(description, file).map_err(|error| match error {
            Error::Job(_) => error.in_file(file),
            other => other,
        })
    }

    fn checked(description: JobDescription, file: &Path) -> Result<Job> {
        let folder = file.parent().unwrap_or(Path::new(""));
        refuse_what_is_to_come(&description)?;
        let carriers = carriers_of(&description.carrier_ghz)?;
        let solver = solver_of(&description.solver, description.seed)?;
        let softness = softness_of(&description)?;
        let output = output_of(&description.output, folder)?;
        let mut inputs = vec![file.to_path_buf()];
        let mut warnings = Vec::new();
        if let Task::Place = description.task {
            return Job::placing(description, (carriers, solver, output), folder, inputs);
        }
        let (radios, radio_counts) = radios::radios_of(&description, folder, carriers[0], &mut inputs)?;
        let links = radios.transmitters.len().saturating_mul(radios.receivers.len());
        within("transmitters x receivers", links, 1..=MAX_LINKS, "split the receivers into several jobs")?;
        let mut scene = scene_of(&description, folder, &mut inputs, &mut warnings)?;
        warnings.splice(0..0, scene.warnings.iter().cloned());
        note_materials_out_of_range(&scene, &carriers, &mut warnings)?;
        if description.map.is_some() && description.task != Task::Map {
            warnings.push("map: only task = \"map\" uses this table".into());
        }
        lobes_are_asked_for(&scene, &solver)?;
        if description.fit.is_some() && description.task != Task::Fit {
            warnings.push("fit: only task = \"fit\" uses this table".into());
        }
        if description.place.is_some() {
            warnings.push("place: only task = \"place\" uses this table".into());
        }
        let calibration = match description.task {
            Task::Fit => {
                let (what, files) = ((&mut scene, &radios), (&mut inputs, &mut warnings));
                Some(fit::calibration_of(&description, folder, &carriers, (&output, &solver), what, files)?)
            }
            Task::Paths | Task::Map | Task::Place => None,
        };
        let survey = match description.task {
            Task::Map => Some(map::survey_of(&description, &scene, &radios, &mut warnings)?),
            Task::Paths | Task::Fit | Task::Place => None,
        };
        Ok(Job {
            description,
            scene,
            radios,
            radio_counts,
            survey,
            calibration,
            softness,
            placement: None,
            carriers,
            solver,
            output,
            inputs,
            warnings,
        })
    }

    /// A job that places: in a scene, or in a plane, whose walls are no scene of triangles.
    fn placing(
        description: JobDescription,
        (carriers, solver, output): (Vec<f64>, SolverOptions, Output),
        folder: &Path,
        mut inputs: Vec<PathBuf>,
    ) -> Result<Job> {
        let draws_its_own =
            description.scene.walls.is_some() && description.place.as_ref().is_some_and(|place| place.study.is_some());
        let (radios, radio_counts) = if draws_its_own {
            (Radios::default(), Counts::default())
        } else {
            radios::radios_of(&description, folder, carriers[0], &mut inputs)?
        };
        if description.scene.walls.is_some()
            && (description.scene.file.is_some() || description.scene.generate.is_some())
        {
            let fault = Fault::new("scene", "has walls beside scene.file or scene.generate");
            return Err(Error::job(fault.remedy("name one of them")));
        }
        let mut warnings = Vec::new();
        let scene = if description.scene.walls.is_some() {
            Scene::new(&SceneDescription::default(), description.scene.out_of_range)?
        } else {
            let scene = scene_of(&description, folder, &mut inputs, &mut warnings)?;
            warnings.splice(0..0, scene.warnings.iter().cloned());
            note_materials_out_of_range(&scene, &carriers, &mut warnings)?;
            scene
        };
        let files = (&mut inputs, &mut warnings);
        let placement = Some(place::placement_of(&description, (&scene, &radios), folder, files)?);
        Ok(Job {
            description,
            scene,
            radios,
            radio_counts,
            survey: None,
            calibration: None,
            softness: None,
            placement,
            carriers,
            solver,
            output,
            inputs,
            warnings,
        })
    }

    /// Number of links.
    pub fn links(&self) -> usize {
        self.radios.transmitters.len() * self.radios.receivers.len()
    }
}

/// A value of the job within its bounds, or an error that names them.
pub(super) fn within<T: PartialOrd + std::fmt::Display>(
    field: &str,
    value: T,
    bounds: RangeInclusive<T>,
    remedy: &str,
) -> Result<T> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    let bound = format!("must be from {} to {}", bounds.start(), bounds.end());
    Err(Error::job(Fault::new(field, bound).value(value).remedy(remedy)))
}

fn refuse_what_is_to_come(description: &JobDescription) -> Result<()> {
    let to_come = |field: &str, value: String, remedy: &str| {
        let fault = Fault::new(field, "is a known name, but is not there yet in this version of raylobe");
        Err(Error::job(fault.value(value).remedy(remedy)))
    };
    for (i, kind) in description.solver.interactions.iter().enumerate() {
        let name = match kind {
            InteractionKind::LineOfSight
            | InteractionKind::Reflection
            | InteractionKind::Diffuse
            | InteractionKind::Lobe => continue,
            InteractionKind::Transmission => "transmission",
            InteractionKind::Diffraction => "diffraction",
        };
        let remedy = "known so far: line_of_sight, reflection, diffuse, lobe";
        return to_come(&format!("solver.interactions[{i}]"), name.into(), remedy);
    }
    Ok(())
}

fn carriers_of(carrier_ghz: &[f64]) -> Result<Vec<f64>> {
    if carrier_ghz.is_empty() {
        let fault = Fault::new("carrier_ghz", "must hold at least one carrier").value("[]");
        return Err(Error::job(fault.remedy("give GHz, as carrier_ghz = 28.0")));
    }
    for (i, &ghz) in carrier_ghz.iter().enumerate() {
        if !(ghz > 0.0 && ghz <= MAX_CARRIER_GHZ) {
            let field = if carrier_ghz.len() == 1 { "carrier_ghz".into() } else { format!("carrier_ghz[{i}]") };
            let bound = format!("must be above 0 and at most {MAX_CARRIER_GHZ} GHz");
            return Err(Error::job(Fault::new(field, bound).value(ghz).remedy("give GHz, as carrier_ghz = 28.0")));
        }
    }
    Ok(carrier_ghz.iter().map(|ghz| ghz * 1e9).collect())
}

fn solver_of(written: &SolverDescription, seed: u64) -> Result<SolverOptions> {
    if written.interactions.is_empty() {
        let fault = Fault::new("solver.interactions", "must name at least one kind of path").value("[]");
        return Err(Error::job(fault.remedy("use [\"line_of_sight\", \"reflection\"]")));
    }
    let rays = "1e5 is enough for most cities";
    Ok(SolverOptions {
        max_depth: within("solver.max_depth", written.max_depth, 0..=MAX_DEPTH, "3 to 6 serve most scenes")?,
        line_of_sight: written.interactions.contains(&InteractionKind::LineOfSight),
        reflection: written.interactions.contains(&InteractionKind::Reflection),
        candidates: written.candidates,
        rays: within("solver.rays", written.rays, 1..=MAX_RAYS, rays)?,
        rays_per_chain: within("solver.rays_per_chain", written.rays_per_chain, 0..=1_000_000, "16 to 32 serve")?,
        scatter: ScatterOptions {
            diffuse: written.interactions.contains(&InteractionKind::Diffuse),
            lobe: written.interactions.contains(&InteractionKind::Lobe),
            rays: within("solver.scatter_rays", written.scatter_rays, 1..=MAX_SCATTER_RAYS, "1e4 to 1e6 serve")?,
            lobe_samples: within("solver.lobe_samples", written.lobe_samples, 0..=1 << 20, "64 to 1024 serve")?,
        },
        max_chains: within("solver.max_chains", written.max_chains, 1..=MAX_CHAINS, "leave it out for the default")?,
        seed,
    })
}

fn output_of(written: &OutputDescription, folder: &Path) -> Result<Output> {
    if written.dir.as_os_str().is_empty() {
        return Err(Error::job(Fault::new("output.dir", "must name a folder").value("''").remedy("use dir = \"out\"")));
    }
    let bandwidth = match written.bandwidth_mhz {
        Some(mhz) if !(mhz > 0.0 && mhz <= MAX_CARRIER_GHZ * 1e3) => {
            let bound = format!("must be above 0 and at most {} MHz", MAX_CARRIER_GHZ * 1e3);
            return Err(Error::job(Fault::new("output.bandwidth_mhz", bound).value(mhz).remedy("give MHz, as 100")));
        }
        other => other.map(|mhz| mhz * 1e6),
    };
    let bandwidth_for = |field: &str| {
        bandwidth.ok_or_else(|| {
            let fault = Fault::new("output.bandwidth_mhz", format!("is missing, and output.{field} needs it"));
            Error::job(fault.remedy("add bandwidth_mhz = 100 to [output]"))
        })
    };
    let subcarriers = written.subcarriers.map(|count| {
        within("output.subcarriers", count, 1..=MAX_SUBCARRIERS, "give a number such as 64")?;
        subcarrier_offsets(count, bandwidth_for("subcarriers")? / f64::from(count))
    });
    let taps = written.taps.map(|[first, last]| {
        let count = i64::from(last) - i64::from(first) + 1;
        within("number of output.taps", count, 1..=MAX_TAPS, "give the first and the last, as taps = [-6, 100]")?;
        TapWindow::new(bandwidth_for("taps")?, first, last)
    });
    Ok(Output {
        dir: folder.join(&written.dir),
        bandwidth,
        subcarriers: subcarriers.transpose()?,
        taps: taps.transpose()?,
        normalize_delays: written.normalize_delays,
        picture: written.picture,
    })
}

fn scene_of(
    description: &JobDescription,
    folder: &Path,
    inputs: &mut Vec<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<Scene> {
    let mut scene = written_scene(&description.scene, folder, inputs)?;
    put_objects(&mut scene, &description.objects)?;
    put_materials(&mut scene, &description.materials, description, warnings)?;
    Scene::new(&scene, description.scene.out_of_range)
}

fn written_scene(source: &SceneSource, folder: &Path, inputs: &mut Vec<PathBuf>) -> Result<SceneDescription> {
    let one = "name one of them: file = \"city.xml\" or generate = { kind = \"city\" }";
    if source.walls.is_some() {
        let fault = Fault::new("scene.walls", "are walls of a plane, which only task = \"place\" knows");
        return Err(Error::job(fault.remedy("set task = \"place\", or name a scene of three dimensions")));
    }
    match (&source.file, &source.generate) {
        (Some(_), Some(_)) => {
            Err(Error::job(Fault::new("scene", "has both scene.file and scene.generate").remedy(one)))
        }
        (None, None) => Err(Error::job(Fault::new("scene", "has neither scene.file nor scene.generate").remedy(one))),
        (None, Some(options)) => generate(options),
        (Some(file), None) => {
            let path = folder.join(file);
            if !path.is_file() {
                let fault = Fault::new("scene.file", "there is no such file").value(path.display());
                return Err(Error::input(fault.remedy("paths in a job count from the folder of the job file")));
            }
            let scene = scene_file::read(&path)?;
            inputs.extend(record::files_of_scene(&path)?);
            Ok(scene)
        }
    }
}

/// How soft the tests of paths are.
fn softness_of(description: &JobDescription) -> Result<Option<Softness>> {
    /// The widest smoothing that makes sense: of a kilometre and more.
    const MIN_ALPHA: f64 = 1e-4;
    let Some(written) = &description.solver.smoothing else { return Ok(None) };
    if description.task != Task::Paths {
        let fault = Fault::new("solver.smoothing", "is there for task = \"paths\"; placements have place.smoothing");
        return Err(Error::job(fault.remedy("remove it")));
    }
    let alpha_of = |key: &str, alpha: f64| {
        let field = format!("solver.smoothing.{key}");
        within(&field, alpha, MIN_ALPHA..=f64::INFINITY, "give 1/m: 20 smooths over some 10 cm")
    };
    let alpha = alpha_of("alpha", written.alpha)?;
    let blocking = written.blocking_alpha.map_or(Ok(alpha), |own| alpha_of("blocking_alpha", own))?;
    let on_facet = written.on_facet_alpha.map_or(Ok(alpha), |own| alpha_of("on_facet_alpha", own))?;
    Ok(Some(Softness { kind: written.kind.meant(), blocking, on_facet }))
}

/// Gives objects the materials and places that the job has for them.
fn put_objects(scene: &mut SceneDescription, overrides: &BTreeMap<String, ObjectOverride>) -> Result<()> {
    for (name, written) in overrides {
        let Some(object) = scene.objects.iter_mut().find(|object| object.name == *name) else {
            let near = did_you_mean(name, scene.objects.iter().map(|object| object.name.as_str()));
            let remedy = format!("{near} `raylobe scene info` lists the objects");
            let fault = Fault::new(format!("objects.{name}"), "is not an object of the scene");
            return Err(Error::job(fault.remedy(remedy.trim())));
        };
        if let Some(material) = &written.material {
            object.material.clone_from(material);
        }
        if let Some(translation) = written.translation_m {
            for (axis, shift) in translation.iter().enumerate() {
                let field = format!("objects.{name}.translation_m[{axis}]");
                within(&field, *shift, -MAX_COORDINATE_M..=MAX_COORDINATE_M, "give [x, y, z] in metres")?;
                object.mesh.vertices.iter_mut().for_each(|vertex| vertex[axis] += shift);
            }
        }
    }
    Ok(())
}

/// Puts the job's materials over those of the scene; one that is new there is added.
fn put_materials(
    scene: &mut SceneDescription,
    overrides: &BTreeMap<String, MaterialDescription>,
    description: &JobDescription,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let used: BTreeSet<String> = scene.objects.iter().map(|object| object.material.clone()).collect();
    for (name, written) in overrides {
        let written = MaterialDescription { name: name.clone(), ..written.clone() };
        let merged = match scene.materials.iter_mut().find(|material| material.name == *name) {
            Some(own) => {
                *own = std::mem::take(own).overridden_by(&written);
                own.clone()
            }
            None => {
                scene.materials.push(written.clone());
                written
            }
        };
        // A part of a material that no object uses may stay a part; whatever defines one must be right.
        if used.contains(name) || merged.itu.is_some() || merged.relative_permittivity.is_some() {
            // What waits for an estimate has its width from the mesh, when the scene is made.
            let lobe = merged.lobe.clone().filter(|_| !waits(&merged));
            let ready = MaterialDescription { lobe, ..merged };
            Material::new(&ready, description.scene.out_of_range).map_err(|e| fault_of_job(e, name))?;
        }
        if !used.contains(name) {
            let near = did_you_mean(name, used.iter().map(String::as_str));
            warnings.push(format!("materials.{name}: no object of the scene uses this material {near}").trim().into());
        }
    }
    Ok(())
}

/// What is wrong with a material that the job has changed is a fault of the job.
fn fault_of_job(error: Error, material: &str) -> Error {
    match error {
        Error::Input(mut fault) => {
            fault.file = None;
            if !fault.field.contains(material) {
                fault.field = format!("materials.{material}: {}", fault.field);
            }
            Error::Job(fault)
        }
        other => other,
    }
}

/// A lobe stands for the last reflection at its material: both at once would count the power twice, and a lobe that
/// nothing asks for, or that no material has, is a mistake.
fn lobes_are_asked_for(scene: &Scene, solver: &SolverOptions) -> Result<()> {
    let with_lobe = scene.materials.iter().find(|material| material.lobe.is_some());
    match (with_lobe, solver.scatter.lobe) {
        (Some(material), false) if solver.reflection => {
            let bound =
                "has a lobe, which stands for the last reflection, and solver.interactions has \"reflection\" alone";
            let fault = Fault::new(format!("materials.{}.lobe", material.name), bound);
            Err(Error::job(fault.remedy("add \"lobe\" to solver.interactions, or remove the lobe")))
        }
        (None, true) => {
            let fault = Fault::new("solver.interactions", "has \"lobe\", and no material of the scene has one");
            let remedy = "add lobe = { kind = \"von_mises_fisher\", kappa = 200 } to a material, or remove \"lobe\"";
            Err(Error::job(fault.value("lobe").remedy(remedy)))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// A material without properties at a carrier is an error before the work begins, not after it.
fn note_materials_out_of_range(scene: &Scene, carriers: &[f64], warnings: &mut Vec<String>) -> Result<()> {
    for material in &scene.materials {
        for &carrier in carriers {
            let (_, note) = material.at(carrier)?;
            warnings.extend(note.filter(|note| !warnings.contains(note)));
        }
    }
    Ok(())
}
