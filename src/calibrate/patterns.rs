//! From patterns of names to parameters: `materials.*.conductivity`, `objects.wall_3.scattering`, `transmitters.*.orientation`.

use super::bijection::{Bijection, Map};
use super::parameters::{Parameter, Prior, Property, Target};
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::path::adjoint::ParameterKind;
use crate::scene::material::{Material, Permittivity};
use crate::scene::radio::{Radio, Radios};
use crate::scene::{Object, Scene};
use std::collections::{BTreeMap, BTreeSet};

/// An entry of `fit.parameters` as meant; values in the units of files ([`Target::unit`]).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// Names, with `*` for any part of one.
    pub pattern: String,
    /// Where the parameters begin; `None`: where the job has them.
    pub start: Option<f64>,
    /// Bounds of their values.
    pub bounds: Option<[f64; 2]>,
    /// Mean of the prior as a value, and its width: as a trained number, or in the unit of the value where that is trained
    /// itself.
    pub prior: Option<[f64; 2]>,
    /// Factor of the learning rate.
    pub rate: Option<f64>,
}

/// What paths and losses depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// Whether there is diffuse scattering.
    pub diffuse: bool,
    /// Whether there are lobes.
    pub lobe: bool,
}

/// A parameter that could be trained.
struct Candidate {
    name: String,
    /// What its components have in common, as `transmitters.bs.position`.
    group: String,
    target: Target,
}

/// What patterns have come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resolved {
    /// Parameters, in the order of the scene.
    pub parameters: Vec<Parameter>,
    /// Materials that belong to one object alone because a pattern named it: material and object.
    pub own_materials: BTreeMap<usize, usize>,
}

/// The parameters that `wishes` name and `frozen` does not, in the order of the scene; a later wish is put over an earlier
/// one. Objects that are named get materials of their own, and materials of the ITU table that are trained become constants.
///
/// # Errors
/// A pattern that nothing matches; a start, bound, prior or rate out of its domain.
pub fn resolve(
    wishes: &[Wish],
    frozen: &[String],
    offered: Offered,
    first_carrier: f64,
    (scene, radios): (&mut Scene, &Radios),
    notes: &mut Vec<String>,
) -> Result<Resolved> {
    let owners = split_materials(wishes, offered, scene);
    let candidates = candidates_of(scene, radios, offered, &owners);
    let mut chosen: BTreeMap<usize, Vec<&Wish>> = BTreeMap::new();
    for (i, wish) in wishes.iter().enumerate() {
        let found: Vec<usize> = (0..candidates.len()).filter(|k| candidates[*k].matches(&wish.pattern)).collect();
        if found.is_empty() {
            return Err(nothing_matches(&format!("fit.parameters[{i}].pattern"), &wish.pattern, &candidates));
        }
        found.into_iter().for_each(|k| chosen.entry(k).or_default().push(wish));
    }
    for (i, pattern) in frozen.iter().enumerate() {
        let before = chosen.len();
        chosen.retain(|k, _| !candidates[*k].matches(pattern));
        if before == chosen.len() {
            notes.push(format!("fit.frozen[{i}] = '{pattern}' freezes nothing that fit.parameters names"));
        }
    }
    if chosen.is_empty() {
        let fault = Fault::new("fit.parameters", "leave nothing to train");
        return Err(Error::job(fault.remedy("name some, as { pattern = \"materials.*.relative_permittivity\" }")));
    }
    for k in chosen.keys() {
        if let Target::Material(material, Property::RelativePermittivity | Property::Conductivity) =
            candidates[*k].target
        {
            make_constant(&mut scene.materials[material], first_carrier, notes)?;
        }
    }
    let parameters = chosen.into_iter().map(|(k, wishes)| parameter_of(&candidates[k], &wishes, scene, radios, notes));
    Ok(Resolved { parameters: parameters.collect::<Result<_>>()?, own_materials: owners })
}

impl Candidate {
    fn matches(&self, pattern: &str) -> bool {
        is_match(pattern, &self.name) || is_match(pattern, &self.group)
    }
}

/// Whether `text` is what `pattern` says, `*` standing for any characters.
pub fn is_match(pattern: &str, text: &str) -> bool {
    let (first, rest) = match pattern.split_once('*') {
        None => return pattern == text,
        Some(parts) => parts,
    };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let (last, middle) = parts.split_last().unwrap_or((&"", &[]));
    for part in middle {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

/// Gives every object that a wish names a material of its own; returns the object of each such material.
fn split_materials(wishes: &[Wish], offered: Offered, scene: &mut Scene) -> BTreeMap<usize, usize> {
    let mut owners = BTreeMap::new();
    for object in 0..scene.objects.len() {
        let Object { name, material, .. } = &scene.objects[object];
        let (name, shared) = (format!("objects.{name}"), &scene.materials[*material as usize]);
        let properties = candidates_of_material(&name, scene.materials.len(), shared, offered);
        let is_named = |wish: &Wish| properties.iter().any(|property| property.matches(&wish.pattern));
        if wishes.iter().any(|wish| wish.pattern.starts_with("objects.") && is_named(wish)) {
            let own = Material { name: format!("{}@{}", shared.name, scene.objects[object].name), ..shared.clone() };
            owners.insert(scene.materials.len(), object);
            scene.objects[object].material = scene.materials.len() as u32;
            scene.materials.push(own);
        }
    }
    owners
}

/// The properties of a material as parameters of what is called `prefix`.
fn candidates_of_material(prefix: &str, index: usize, material: &Material, offered: Offered) -> Vec<Candidate> {
    let properties = properties_of(material, offered).into_iter();
    let candidate = |(property, name, group): (Property, String, String)| Candidate {
        name: format!("{prefix}.{name}"),
        group: format!("{prefix}.{group}"),
        target: Target::Material(index, property),
    };
    properties.map(candidate).collect()
}

fn candidates_of(scene: &Scene, radios: &Radios, offered: Offered, owners: &BTreeMap<usize, usize>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let used: BTreeSet<u32> = scene.objects.iter().map(|object| object.material).collect();
    for (index, material) in scene.materials.iter().enumerate().filter(|(index, _)| used.contains(&(*index as u32))) {
        let prefix = match owners.get(&index) {
            Some(object) => format!("objects.{}", scene.objects[*object].name),
            None => format!("materials.{}", material.name),
        };
        candidates.extend(candidates_of_material(&prefix, index, material, offered));
    }
    let mut add_vector = |prefix: String, what: &str, axes: [&str; 3], target: &dyn Fn(usize) -> Target| {
        let group = format!("{prefix}.{what}");
        for (axis, name) in axes.iter().enumerate() {
            candidates.push(Candidate { name: format!("{group}.{name}"), group: group.clone(), target: target(axis) });
        }
    };
    for (object, one) in scene.objects.iter().enumerate() {
        let prefix = format!("objects.{}", one.name);
        add_vector(prefix, "translation", AXES, &|axis| Target::Translation { object, axis });
    }
    let sides: [(bool, &str, &[Radio]); 2] =
        [(true, "transmitters", &radios.transmitters), (false, "receivers", &radios.receivers)];
    for (transmitter, table, side) in sides {
        for (radio, one) in side.iter().enumerate() {
            let prefix = format!("{table}.{}", one.name);
            add_vector(prefix.clone(), "position", AXES, &|axis| Target::Position { transmitter, radio, axis });
            add_vector(prefix, "orientation", ANGLES, &|axis| Target::Orientation { transmitter, radio, axis });
        }
    }
    let used: BTreeSet<u32> = radios.transmitters.iter().chain(&radios.receivers).map(|radio| radio.antenna).collect();
    for antenna in used.into_iter().map(|antenna| antenna as usize) {
        let own = &radios.antennas[antenna];
        let name = format!("antennas.{}.gain_db", own.name);
        candidates.push(Candidate { group: name.clone(), name, target: Target::Gain { antenna } });
        // Where one element alone is, the antenna is: that is the radio's position. Elements with paths of their own are radios.
        for element in (0..own.offsets.len()).filter(|_| own.offsets.len() > 1 && !own.per_element) {
            for (axis, letter) in AXES.iter().enumerate() {
                let group = format!("antennas.{}.offsets.{element}", own.name);
                let target = Target::Offset { antenna, element, axis };
                candidates.push(Candidate { name: format!("{group}.{letter}"), group, target });
            }
        }
    }
    candidates
}

const AXES: [&str; 3] = ["x", "y", "z"];
const ANGLES: [&str; 3] = ["yaw", "pitch", "roll"];

/// What patterns call the parameters of a kind; `None`: fits do not train it yet.
pub fn trained_as(kind: ParameterKind) -> Option<&'static str> {
    match kind {
        ParameterKind::RelativePermittivity
        | ParameterKind::Conductivity
        | ParameterKind::Thickness
        | ParameterKind::Roughness
        | ParameterKind::ScatteringCoefficient
        | ParameterKind::CrossPolarisation
        | ParameterKind::Pattern
        | ParameterKind::Lobe
        | ParameterKind::Position
        | ParameterKind::Orientation => Some(kind.name()),
        ParameterKind::Vertex => Some("translation"),
        ParameterKind::AntennaGain => Some("gain_db"),
        ParameterKind::ElementOffset => Some("offsets"),
        ParameterKind::Velocity | ParameterKind::Carrier => None,
    }
}

/// Properties of a material that something depends on, their names and what those have in common.
fn properties_of(material: &Material, offered: Offered) -> Vec<(Property, String, String)> {
    let mut properties = Vec::new();
    let mut add = |property: Property, name: &str| properties.push((property, name.to_string(), name.to_string()));
    add(Property::RelativePermittivity, "relative_permittivity");
    add(Property::Conductivity, "conductivity");
    if material.thickness.is_finite() {
        add(Property::Thickness, "thickness");
    }
    if material.roughness > 0.0 {
        add(Property::Roughness, "roughness");
    }
    add(Property::Scattering, "scattering");
    if offered.diffuse {
        add(Property::Xpd, "xpd");
    }
    if offered.lobe && material.lobe.is_some() {
        add(Property::Lobe, "lobe");
    }
    if offered.diffuse {
        let parts = &material.scattering.parts;
        for (place, part) in parts.iter().enumerate() {
            let mut add = |property: Property, what: &str| {
                properties.push((property, format!("pattern.{place}.{what}"), "pattern".to_string()));
            };
            if parts.len() > 1 {
                add(Property::Weight(place), "weight");
            }
            if part.forward.is_some() {
                add(Property::Forward(place), "forward");
            }
            if part.backward.is_some() {
                add(Property::Backward(place), "backward");
            }
            if part.forward.is_some() && part.backward.is_some() {
                add(Property::Share(place), "share");
            }
        }
    }
    properties
}

fn nothing_matches(field: &str, pattern: &str, candidates: &[Candidate]) -> Error {
    let kind = ParameterKind::ALL.into_iter().find(|kind| pattern.ends_with(kind.name()));
    let bound = match kind {
        Some(kind) if trained_as(kind).is_none() => {
            "names something that has derivatives, but that fits do not train yet"
        }
        Some(_) | None => "names nothing of this scene and its radios that the paths depend on",
    };
    let near = did_you_mean(pattern, candidates.iter().flat_map(|one| [one.name.as_str(), one.group.as_str()]));
    let mut groups: Vec<&str> = candidates.iter().map(|one| one.group.as_str()).collect();
    groups.dedup();
    /// More names than this would hide the message.
    const SHOWN: usize = 12;
    let more = if groups.len() > SHOWN { ", ..." } else { "" };
    let remedy = format!("{near} there are {}{more}", groups[..groups.len().min(SHOWN)].join(", "));
    Error::job(Fault::new(field, bound).value(pattern).remedy(remedy.trim()))
}

/// A row of the ITU table becomes the values that it has at the first carrier.
fn make_constant(material: &mut Material, first_carrier: f64, notes: &mut Vec<String>) -> Result<()> {
    if let Permittivity::Itu { name, .. } = &material.permittivity {
        let (surface, _) = material.at(first_carrier)?;
        let conductivity =
            -surface.eta.im * std::f64::consts::TAU * first_carrier * crate::constants::VACUUM_PERMITTIVITY;
        notes.push(format!(
            "materials.{}: trained from the values of '{name}' at {} GHz, and constant over frequency",
            material.name,
            first_carrier / 1e9
        ));
        material.permittivity = Permittivity::Constant { relative_permittivity: surface.eta.re, conductivity };
    }
    Ok(())
}

fn parameter_of(
    candidate: &Candidate,
    wishes: &[&Wish],
    scene: &Scene,
    radios: &Radios,
    notes: &mut Vec<String>,
) -> Result<Parameter> {
    let Candidate { name, target, .. } = candidate;
    let (unit, size) = target.unit();
    let fault = |field: &str, value: String, bound: String, remedy: &str| {
        Error::job(Fault::new(format!("fit.parameters, {field} of {name}"), bound).value(value).remedy(remedy))
    };
    let last = |of: &dyn Fn(&Wish) -> Option<f64>| wishes.iter().rev().find_map(|wish| of(wish));
    let mut map = target.map();
    if let Some(bounds) = wishes.iter().rev().find_map(|wish| wish.bounds) {
        let [low, high] = bounds.map(|bound| bound * size);
        let [least, most] = match target {
            // Beyond them no job could state it.
            Target::Gain { .. } => map.bounds,
            Target::Material(..)
            | Target::Position { .. }
            | Target::Orientation { .. }
            | Target::Offset { .. }
            | Target::Translation { .. } => map.bijection.image(),
        };
        // Thicknesses and shares at their very ends would be trained to infinity.
        if !(low > least && high < most && low < high) {
            let bound = format!("must be [low, high] with {least} < low < high < {most}");
            return Err(fault("bounds", format!("{bounds:?}"), bound, "give both in the unit of the value"));
        }
        map.bounds = [low, high];
    }
    let [low, high] = map.bounds;
    let stated = last(&|wish| wish.start);
    let start = stated.map_or_else(|| target.value(scene, radios), |start| start * size);
    if stated.is_some() && !(low..=high).contains(&start) {
        let bound = format!("must be from {} to {} {unit}", low / size, high / size);
        return Err(fault("start", (start / size).to_string(), bound, "move it, or widen the bounds"));
    }
    let clamped = start.clamp(low, high);
    if clamped != start {
        notes.push(format!("{name} begins at its bound {} {unit} rather than at {}", clamped / size, start / size));
    }
    let prior = match wishes.iter().rev().find_map(|wish| wish.prior) {
        None => None,
        Some([mean, width]) => Some(prior_of(&map, mean * size, width, size).ok_or_else(|| {
            let bound = format!(
                "must be [mean, width], the mean from {} to {} {unit}, the width above 0",
                low / size,
                high / size
            );
            fault("prior", format!("[{mean}, {width}]"), bound, "see docs/job-file.md, [fit]")
        })?),
    };
    let rate = last(&|wish| wish.rate).unwrap_or_else(|| target.rate());
    if !(rate > 0.0 && rate.is_finite()) {
        return Err(fault(
            "learning_rate",
            rate.to_string(),
            "must be above 0".into(),
            "it is a factor; 1 changes nothing",
        ));
    }
    Ok(Parameter { name: name.clone(), target: *target, map, start: clamped, prior, rate })
}

fn prior_of(map: &Map, mean: f64, width: f64, size: f64) -> Option<Prior> {
    let width = if map.bijection == Bijection::Linear { width * size } else { width };
    let [low, high] = map.bounds;
    let is_sound = (low..=high).contains(&mean) && width > 0.0 && width.is_finite() && mean.is_finite();
    is_sound.then(|| Prior { mean: map.x_of(mean), width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("materials.*.conductivity", "materials.wall.a.conductivity", true),
            ("materials.*.conductivity", "materials.wall.thickness", false),
            ("objects.wall_3.lobe", "objects.wall_3.lobe", true),
            ("objects.wall_*.lobe", "objects.wall_31.lobe", true),
            ("*", "anything", true),
            ("a*b*a", "aba", true),
            ("a*b*a", "ab", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
    }
}
