//! From a material as meant back to one as written: what a fit has found is a job again.

use super::description::{Direction, LobeDescription, MaterialDescription, MixturePart, PatternDescription};
use super::material::{Material, Permittivity};
use super::scattering::{Part, Scattering, Shape};

impl Material {
    /// The description that means this material, with every value stated.
    pub fn described(&self) -> MaterialDescription {
        let (itu, relative_permittivity, conductivity_s_per_m) = match &self.permittivity {
            Permittivity::Itu { name, .. } => (Some(name.clone()), None, None),
            Permittivity::Constant { relative_permittivity, conductivity } => {
                (None, Some(*relative_permittivity), Some(*conductivity))
            }
        };
        MaterialDescription {
            name: self.name.clone(),
            itu,
            relative_permittivity,
            conductivity_s_per_m,
            thickness_m: Some(self.thickness),
            scattering: Some(self.scattering.coefficient),
            xpd: Some(self.scattering.xpd),
            roughness_m: Some(self.roughness),
            pattern: Some(pattern_of(&self.scattering)),
            lobe: self.lobe.as_ref().and_then(|lobe| lobe_of(&lobe.part)),
        }
    }
}

fn pattern_of(scattering: &Scattering) -> PatternDescription {
    match &scattering.parts[..] {
        [single] => part_of(single).pattern(),
        several => PatternDescription::Mixture { parts: several.iter().map(part_of).collect() },
    }
}

fn part_of(part: &Part) -> MixturePart {
    let (weight, reciprocal) = (part.weight, part.reciprocal);
    match (&part.forward, &part.backward) {
        (None, None) => MixturePart::Lambertian { weight },
        (Some(forward), Some(backward)) => MixturePart::Backscattering {
            weight,
            alpha_r: forward.sharpness,
            alpha_i: backward.sharpness,
            lambda: part.forward_share,
            reciprocal,
        },
        (Some(lobe), None) if lobe.shape == Shape::CosinePower => {
            MixturePart::Directive { weight, alpha: lobe.sharpness, reciprocal }
        }
        (Some(lobe), None) => {
            MixturePart::VonMisesFisher { weight, kappa: lobe.sharpness, direction: Direction::Forward, reciprocal }
        }
        (None, Some(lobe)) => {
            MixturePart::VonMisesFisher { weight, kappa: lobe.sharpness, direction: Direction::Backward, reciprocal }
        }
    }
}

fn lobe_of(part: &Part) -> Option<LobeDescription> {
    let (lobe, reciprocal) = (part.forward.as_ref()?, part.reciprocal);
    let (sharpness, normal_noise_deg, normal_noise) = (Some(lobe.sharpness), None, None);
    Some(match lobe.shape {
        Shape::VonMisesFisher => {
            LobeDescription::VonMisesFisher { kappa: sharpness, normal_noise_deg, normal_noise, reciprocal }
        }
        Shape::CosinePower => {
            LobeDescription::CosinePower { alpha: sharpness, normal_noise_deg, normal_noise, reciprocal }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::material::OutOfRange;

    #[test]
    fn a_material_is_what_its_description_means() {
        let lobe = |value: &str| serde_json::from_str(value).expect("a lobe");
        let pattern = |value: &str| serde_json::from_str(value).expect("a pattern");
        let plain = MaterialDescription { relative_permittivity: Some(4.2), ..MaterialDescription::default() };
        for written in [
            MaterialDescription::itu("wall", "concrete"),
            MaterialDescription { thickness_m: Some(f64::INFINITY), roughness_m: Some(1e-3), ..plain.clone() },
            MaterialDescription {
                scattering: Some(0.3),
                xpd: Some(0.1),
                pattern: Some(pattern(r#"{"kind":"backscattering","alpha_r":4,"alpha_i":5,"lambda":0.7}"#)),
                lobe: Some(lobe(r#"{"kind":"cosine_power","alpha":90,"reciprocal":true}"#)),
                ..plain.clone()
            },
            MaterialDescription {
                pattern: Some(pattern(
                    r#"{"kind":"mixture","parts":[{"kind":"lambertian","weight":0.5},{"kind":"directive","weight":1,"alpha":3},
                        {"kind":"von_mises_fisher","weight":0.25,"kappa":9,"direction":"backward","reciprocal":true}]}"#,
                )),
                lobe: Some(lobe(r#"{"kind":"von_mises_fisher","kappa":400}"#)),
                ..plain.clone()
            },
        ] {
            let meant = Material::new(&written, OutOfRange::Error).expect("a material");
            assert_eq!(Material::new(&meant.described(), OutOfRange::Error).expect("the same"), meant);
        }
    }
}
