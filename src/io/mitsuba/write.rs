//! Writes a scene as Mitsuba XML with one binary PLY file for each object in `meshes/`, as Sionna RT reads it.

use crate::error::Result;
use crate::io::atomic;
use crate::io::mesh::ply;
use crate::scene::description::{MaterialDescription, PatternDescription, SceneDescription};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Writes `path` and the meshes that it names. Returns notes on what the format cannot hold.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn write(description: &SceneDescription, path: &Path) -> Result<Vec<String>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut notes = Vec::new();
    let mut text = String::from("<scene version=\"2.1.0\">\n");
    for material in &description.materials {
        text.push_str(&bsdf(material, &mut notes));
    }
    let (mut used_files, mut used_ids) = (BTreeSet::new(), BTreeSet::new());
    let mut files = Vec::with_capacity(description.objects.len());
    for object in &description.objects {
        if object.mesh.triangles.is_empty() {
            notes.push(format!("the object '{}' has no triangles and is left out", object.name));
            continue;
        }
        let file = format!("meshes/{}.ply", unique(&file_name(&object.name), &mut used_files));
        let id = format!("mesh-{}", unique(&object.name, &mut used_ids));
        let (id, material) = (escaped(&id), escaped(&object.material));
        let _ = write!(
            text,
            "  <shape type=\"ply\" id=\"{id}\">\n    <string name=\"filename\" value=\"{file}\"/>\n    \
             <boolean name=\"face_normals\" value=\"true\"/>\n    <ref id=\"{material}\" name=\"bsdf\"/>\n  </shape>\n"
        );
        files.push((folder.join(file), &object.mesh));
    }
    text.push_str("</scene>\n");
    let written: Vec<_> =
        files.par_iter().map(|(file, mesh)| atomic::write_file(file, |out| ply::write(mesh, out))).collect();
    written.into_iter().collect::<Result<()>>()?;
    // Last, so that a scene that is there has all its meshes.
    atomic::write_bytes(path, text.as_bytes())?;
    Ok(notes)
}

fn bsdf(material: &MaterialDescription, notes: &mut Vec<String>) -> String {
    let mut properties = String::new();
    let mut put = |kind: &str, name: &str, value: String| {
        let _ = writeln!(properties, "    <{kind} name=\"{name}\" value=\"{}\"/>", escaped(&value));
    };
    let defined = material.itu.is_some() || material.relative_permittivity.is_some();
    let kind = match &material.itu {
        Some(itu) => {
            put("string", "type", itu.clone());
            "itu-radio-material"
        }
        None if defined || material.conductivity_s_per_m.is_some() => "radio-material",
        None => "diffuse",
    };
    for (name, value) in [
        ("relative_permittivity", material.relative_permittivity),
        ("conductivity", material.conductivity_s_per_m),
        ("thickness", material.thickness_m),
        ("scattering_coefficient", material.scattering),
        ("xpd_coefficient", material.xpd),
    ] {
        if let Some(value) = value.filter(|_| kind != "diffuse") {
            put("float", name, value.to_string());
        }
    }
    let (pattern, numbers): (_, &[(&str, f64)]) = match &material.pattern {
        None => ("", &[]),
        Some(PatternDescription::Lambertian {}) => ("lambertian", &[]),
        Some(PatternDescription::Directive { alpha, reciprocal: false }) => ("directive", &[("alpha_r", *alpha)]),
        Some(PatternDescription::Backscattering { alpha_r, alpha_i, lambda, reciprocal: false }) => {
            ("backscattering", &[("alpha_r", *alpha_r), ("alpha_i", *alpha_i), ("lambda_", *lambda)])
        }
        Some(
            PatternDescription::Directive { reciprocal: true, .. }
            | PatternDescription::Backscattering { reciprocal: true, .. }
            | PatternDescription::VonMisesFisher { .. }
            | PatternDescription::Mixture { .. },
        ) => {
            notes.push(format!("Mitsuba does not know the scattering pattern of material '{}'", material.name));
            ("", &[])
        }
    };
    if kind != "diffuse" && !pattern.is_empty() {
        put("string", "scattering_pattern", pattern.into());
        numbers.iter().for_each(|(name, value)| put("float", name, value.to_string()));
    }
    if material.lobe.is_some() || material.roughness_m.is_some() {
        notes.push(format!("Mitsuba holds no lobe and no roughness; material '{}' loses them", material.name));
    }
    if kind == "diffuse" {
        notes.push(format!("material '{}' has no radio properties; it is written as a visual one", material.name));
    }
    format!("  <bsdf type=\"{kind}\" id=\"{}\">\n{properties}  </bsdf>\n", escaped(&material.name))
}

/// `name`, or `name_2` and so on where it is taken; letters of both cases count as one for file systems that do so.
fn unique(name: &str, used: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_string();
    let mut number = 2;
    while !used.insert(candidate.to_lowercase()) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    candidate
}

/// A name that every file system takes.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    // 100 characters and a number stay within every limit.
    let name: String = name.chars().map(plain).take(100).collect();
    if name.trim_matches('.').is_empty() { "mesh".into() } else { name }
}

/// Text for an attribute; control characters, which XML cannot hold, become `_`. `$` would be taken for a parameter.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '$' | '\u{fffe}' | '\u{ffff}' => result.push('_'),
            c if c.is_control() => result.push('_'),
            c => result.push(c),
        }
    }
    result
}
