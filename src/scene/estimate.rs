//! Lobes whose width the mesh itself decides: `normal_noise = "estimated"` becomes the noise of the normals of a material's
//! objects ([`super::inspect::noise`]), so that a reconstructed scene needs no number that nobody knows.
//!
//! A mesh that shows no noise is refused: its lobe would be narrower than any mesh can tell from a reflection, and a clean
//! mesh needs none.

use super::description::{MaterialDescription, SceneDescription};
use super::inspect::noise::{NormalNoise, normal_noise};
use crate::error::{Error, Fault, Result};

/// What the estimate makes of a clean mesh is rounding: it stays below this [degrees].
const CLEAN_DEG: f64 = 0.01;

/// The materials of a scene with an estimate of the noise in place of each wish for one, and what was estimated, in words.
///
/// A lobe of a material that no object is made of, or that states its width besides, stays as it is.
///
/// # Errors
/// A material whose mesh has too few facets to compare with each other, or no noise.
pub fn estimated(scene: &SceneDescription) -> Result<(Vec<MaterialDescription>, Vec<String>)> {
    let mut materials = scene.materials.clone();
    let mut notes = Vec::new();
    if !materials.iter().any(waits) {
        return Ok((materials, notes));
    }
    let noise = normal_noise(&scene.objects);
    let is_used = |material: &MaterialDescription| noise.materials.iter().any(|(name, _)| *name == material.name);
    for material in materials.iter_mut().filter(|material| waits(material) && is_used(material)) {
        let degrees = degrees_of(&noise, &material.name)?;
        notes.push(format!("material '{}': the normals of its mesh are noisy by {degrees:.3} degrees", material.name));
        material.lobe = material.lobe.take().map(|lobe| lobe.with_noise(degrees));
    }
    Ok((materials, notes))
}

/// Whether a material's lobe has no width before the mesh is known.
pub fn waits(material: &MaterialDescription) -> bool {
    material.lobe.as_ref().is_some_and(|lobe| lobe.asks_for_an_estimate() && lobe.written() == (None, None))
}

/// The noise of a material that objects are made of [degrees].
fn degrees_of(noise: &NormalNoise, material: &str) -> Result<f64> {
    let fault = |bound: &str, remedy: &str| {
        let fault = Fault::new(format!("material '{material}', lobe.normal_noise"), bound);
        Err(Error::input(fault.value("estimated").remedy(remedy)))
    };
    match noise.of_material(material).map(f64::to_degrees) {
        None => fault(
            "cannot be estimated: too little of its area has facets of like size around it to compare normals with",
            "state normal_noise_deg = ... or kappa = ... (alpha = ...), or leave the lobe out of a clean mesh",
        ),
        Some(degrees) if degrees < CLEAN_DEG => fault(
            "cannot be estimated: its mesh is clean, and a lobe without width is a reflection",
            "leave the lobe out, or state normal_noise_deg = ... or kappa = ... (alpha = ...)",
        ),
        Some(degrees) => Ok(degrees),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scene;
    use super::super::degrade::{DegradeOptions, degrade};
    use super::super::description::{LobeDescription, ObjectDescription};
    use super::super::material::OutOfRange;
    use super::super::mesh::Mesh;
    use super::*;

    /// A wall of 6 m x 6 m for each name and noise of its normals [degrees], of facets of 0.1 m, each in its own material,
    /// 9 m behind the one before.
    fn walls(of: &[(&str, f64)]) -> SceneDescription {
        let mut scene = SceneDescription::default();
        for (i, (name, normal_noise_deg)) in of.iter().enumerate() {
            let y = 9.0 * i as f64;
            let vertices = vec![[0.0, y, 0.0], [6.0, y, 0.0], [6.0, y, 6.0], [0.0, y, 6.0]];
            let mesh = Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3]] };
            let wall = ObjectDescription { name: (*name).into(), material: (*name).into(), mesh };
            let alone = SceneDescription { objects: vec![wall], ..SceneDescription::default() };
            let options = DegradeOptions { facet_m: 0.1, normal_noise_deg: *normal_noise_deg, ..Default::default() };
            scene.objects.extend(degrade(alone, &options).unwrap().scene.objects);
            scene.materials.push(with_lobe(name));
        }
        scene
    }

    fn with_lobe(name: &str) -> MaterialDescription {
        let lobe: LobeDescription =
            toml::from_str("kind = \"von_mises_fisher\"\nnormal_noise = \"estimated\"").unwrap();
        MaterialDescription { lobe: Some(lobe), ..MaterialDescription::itu(name, "concrete") }
    }

    #[test]
    fn each_lobe_is_as_wide_as_the_noise_of_its_own_mesh() {
        let mut scene = walls(&[("fine", 0.5), ("coarse", 3.0)]);
        scene.materials.push(with_lobe("unused"));
        let made = Scene::new(&scene, OutOfRange::Error).unwrap();
        for (material, degrees) in made.materials.iter().zip([0.5f64, 3.0]) {
            let expected = 1.0 / (8.0 * degrees.to_radians().powi(2));
            let kappa = material.lobe.as_ref().unwrap().concentration();
            // Noise within 5 % (tests/degrade.rs), kappa with its square.
            assert!((kappa / expected - 1.0).abs() < 0.1, "{}: {kappa}, not {expected}", material.name);
        }
        assert!(made.warnings.len() == 2 && made.warnings[1].contains("'coarse'"), "{:?}", made.warnings);
    }

    #[test]
    fn a_mesh_that_shows_no_noise_is_refused() {
        let mut few = walls(&[("wall", 1.0)]);
        few.objects[0].mesh.triangles.truncate(4);
        for (scene, part) in [(walls(&[("wall", 0.0)]), "clean"), (few, "too little of its area")] {
            let error = Scene::new(&scene, OutOfRange::Error).unwrap_err().to_string();
            for part in [part, "'wall', lobe.normal_noise = estimated", "normal_noise_deg"] {
                assert!(error.contains(part), "{error} lacks {part}");
            }
        }
    }
}
