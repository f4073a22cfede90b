//! `fitted.toml`: the job with what was found in place of what was sought.

use crate::calibrate::Plan;
use crate::calibrate::fit::Outcome;
use crate::calibrate::parameters::Target;
use crate::constants::SPEED_OF_LIGHT;
use crate::io::job::Job;
use crate::io::job::JobDescription;
use crate::io::job::description::{ObjectOverride, RadioDescription, Task};
use crate::scene::radio::Radio;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Folder of the fitted job's own results, beside it.
const OUTPUT: &str = "fitted";

/// A job of `task = "paths"` that stands in the folder of the results: fitted materials, objects, gains and arrays of
/// antennas, and poses of radios.
pub fn fitted_job(job: &Job, plan: &Plan, outcome: &Outcome) -> JobDescription {
    let mut fitted = job.description.clone();
    let place = Place::of(job);
    (fitted.task, fitted.fit) = (Task::Paths, None);
    fitted.output.dir = PathBuf::from(OUTPUT);
    fitted.scene.file = fitted.scene.file.map(|file| place.moved(&file));
    for radio in fitted.transmitters.iter_mut().chain(&mut fitted.receivers) {
        radio.file = radio.file.take().map(|file| place.moved(&file));
    }
    let targets: Vec<Target> = plan.parameters.iter().map(|parameter| parameter.target).collect();
    put_materials(&mut fitted, plan, &targets, outcome);
    for (target, value) in targets.iter().zip(&outcome.values) {
        match target {
            Target::Translation { object, axis } => {
                let own = override_of(&mut fitted, &outcome.scene.objects[*object].name);
                own.translation_m.get_or_insert([0.0; 3])[*axis] += value;
            }
            // Radios that name no antenna have one that the job need not define.
            Target::Gain { antenna } => {
                fitted.antennas.entry(outcome.radios.antennas[*antenna].name.clone()).or_default().gain_db = *value;
            }
            Target::Offset { antenna, .. } => {
                let own = &outcome.radios.antennas[*antenna];
                let written = fitted.antennas.entry(own.name.clone()).or_default();
                let wavelength = SPEED_OF_LIGHT / job.carriers[0];
                written.array = None;
                written.elements_wavelengths =
                    Some(own.offsets.iter().map(|offset| (offset / wavelength).into()).collect());
            }
            Target::Material(..) | Target::Position { .. } | Target::Orientation { .. } => {}
        }
    }
    for transmitters in [true, false] {
        let is_trained = |target: &Target| match target {
            Target::Position { transmitter, radio, .. } | Target::Orientation { transmitter, radio, .. } => {
                (*transmitter == transmitters).then_some(*radio)
            }
            Target::Material(..) | Target::Gain { .. } | Target::Offset { .. } | Target::Translation { .. } => None,
        };
        let trained: BTreeSet<usize> = targets.iter().filter_map(is_trained).collect();
        let (written, radios) = if transmitters {
            (&mut fitted.transmitters, &outcome.radios.transmitters)
        } else {
            (&mut fitted.receivers, &outcome.radios.receivers)
        };
        *written = posed(written, &job.radio_counts[usize::from(!transmitters)], radios, &trained);
    }
    fitted
}

/// Trained materials, with every value stated; those that an object got for itself are given to it.
fn put_materials(fitted: &mut JobDescription, plan: &Plan, targets: &[Target], outcome: &Outcome) {
    let of_target = |target: &Target| match target {
        Target::Material(material, _) => Some(*material),
        _ => None,
    };
    let trained: BTreeSet<usize> = targets.iter().filter_map(of_target).collect();
    for material in &trained {
        let own = &outcome.scene.materials[*material];
        fitted.materials.insert(own.name.clone(), own.described());
    }
    for (material, object) in &plan.own_materials {
        let (material, object) = (&outcome.scene.materials[*material], &outcome.scene.objects[*object]);
        override_of(fitted, &object.name).material = Some(material.name.clone());
        fitted.materials.entry(material.name.clone()).or_insert_with(|| material.described());
    }
}

fn override_of<'a>(fitted: &'a mut JobDescription, object: &str) -> &'a mut ObjectOverride {
    fitted.objects.entry(object.to_string()).or_insert(ObjectOverride { material: None, translation_m: None })
}

/// Entries of radios with the poses that were found; an entry of many of which some were trained becomes one for each.
fn posed(
    written: &[RadioDescription],
    counts: &[usize],
    radios: &[Radio],
    trained: &BTreeSet<usize>,
) -> Vec<RadioDescription> {
    let (mut entries, mut next) = (Vec::new(), 0);
    for (entry, count) in written.iter().zip(counts) {
        let own = next..next + count;
        next = own.end;
        if own.clone().any(|radio| trained.contains(&radio)) {
            entries.extend(radios[own].iter().map(|radio| posed_one(entry, radio)));
        } else {
            entries.push(entry.clone());
        }
    }
    entries
}

fn posed_one(entry: &RadioDescription, radio: &Radio) -> RadioDescription {
    RadioDescription {
        name: Some(radio.name.clone()),
        position_m: Some(radio.position.into()),
        file: None,
        orientation_deg: radio.orientation.map(f64::to_degrees),
        ..entry.clone()
    }
}

/// From where the job's paths count to where the fitted job's do.
struct Place {
    from: PathBuf,
    to: PathBuf,
}

impl Place {
    fn of(job: &Job) -> Place {
        // Folders that cannot be found out stay as they are written.
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let from = job.inputs.first().and_then(|file| file.parent()).filter(|folder| *folder != Path::new(""));
        let from = from.unwrap_or(Path::new("."));
        Place { from: whole(from), to: whole(&job.output.dir) }
    }

    /// A path of the job as the fitted one writes it: relative where both have a folder in common.
    fn moved(&self, path: &Path) -> PathBuf {
        let target = plain(&self.from.join(path));
        let to = plain(&self.to);
        let (target_parts, to_parts): (Vec<_>, Vec<_>) = (target.components().collect(), to.components().collect());
        let common = target_parts.iter().zip(&to_parts).take_while(|(a, b)| a == b).count();
        // A root alone is nothing that both would be moved with.
        if path.is_absolute() || common < 2 {
            return target;
        }
        let up = to_parts[common..].iter().map(|_| Component::ParentDir);
        up.chain(target_parts[common..].iter().copied()).collect()
    }
}

/// The path without `.` and `..`, links aside.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}
