//! Radio materials as meant: checked, with every default filled in.

use super::description::{LobeDescription, MaterialDescription, MixturePart, PatternDescription};
use super::itu;
use super::scattering::{Lobe, Scattering};
use crate::constants::VACUUM_PERMITTIVITY;
use crate::error::{Error, Fault, Result};
use crate::math::C64;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// What to do with an ITU material at a frequency outside its range (physics.md section 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfRange {
    /// Refuse, and say which policies there are.
    #[default]
    Error,
    /// Take the value at the end of the range that is nearest by difference of frequencies.
    Clamp,
    /// Use the formula of the range that is nearest by difference, at the carrier.
    Extrapolate,
    /// Use the formula of the range that is nearest by ratio of frequencies, at the carrier.
    Nearest,
}

/// Where the electrical properties of a material come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Permittivity {
    /// A row of the ITU-R P.2040-4 table.
    Itu {
        /// Name in the table.
        name: String,
        /// What to do outside its range.
        out_of_range: OutOfRange,
    },
    /// Constant over frequency.
    Constant {
        /// eps_r [-].
        relative_permittivity: f64,
        /// sigma [S/m].
        conductivity: f64,
    },
}

/// A checked radio material.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// Name in the scene.
    pub name: String,
    /// Electrical properties.
    pub permittivity: Permittivity,
    /// Thickness [m]; infinite: a half space.
    pub thickness: f64,
    /// sigma_h [m].
    pub roughness: f64,
    /// Diffuse scattering.
    pub scattering: Scattering,
    /// Directional lobe in place of the last specular reflection, if any.
    pub lobe: Option<Lobe>,
}

/// The properties of one material at one frequency: what the field needs. Clones share the tables of the lobes.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// Complex relative permittivity eta = eps_r - j sigma/(w eps_0) [-].
    pub eta: C64,
    /// Thickness [m]; infinite: a half space.
    pub thickness: f64,
    /// Amplitude factor of the specular reflection besides Fresnel's: sqrt(1 - S^2) [-].
    pub specular_share: f64,
    /// sigma_h [m].
    pub roughness: f64,
    /// Diffuse scattering.
    pub scattering: Scattering,
    /// Directional lobe in place of the last specular reflection, if any.
    pub lobe: Option<Lobe>,
}

impl Surface {
    /// Whether some of what is reflected is scattered.
    pub fn scatters(&self) -> bool {
        self.scattering.coefficient > 0.0 || self.roughness > 0.0
    }

    /// A smooth surface, which does not scatter: `eta` [-], `thickness` [m].
    pub fn smooth(eta: C64, thickness: f64) -> Surface {
        let scattering = Scattering::none();
        Surface { eta, thickness, specular_share: 1.0, roughness: 0.0, scattering, lobe: None }
    }
}

/// Thickness of a slab whose description states none [m]: that of the peers' walls.
pub const DEFAULT_THICKNESS_M: f64 = 0.1;
/// ITU materials that are half spaces unless their description states a thickness.
const GROUND: [&str; 3] = ["very_dry_ground", "medium_dry_ground", "wet_ground"];
/// Bounds of explicit values: far beyond any matter, far from the overflow of an f64.
const MAX_PERMITTIVITY: f64 = 1e6;
const MAX_CONDUCTIVITY: f64 = 1e12;
const MAX_LENGTH_M: f64 = 1e6;
/// Bound of exponents and concentrations of scattering patterns: a lobe of a microradian.
const MAX_SHARPNESS: f64 = 1e12;
/// Noise of normals whose lobes are within that bound, and one beyond which a surface has no side.
const MIN_NOISE_DEG: f64 = 3e-5;
/// See [`MIN_NOISE_DEG`].
const MAX_NOISE_DEG: f64 = 90.0;
/// Bounds of a mixture.
const MAX_PARTS: usize = 64;
/// See [`MAX_PARTS`].
const MAX_WEIGHT: f64 = 1e12;

impl Material {
    /// Checks a description and fills in the defaults: thickness 0.1 m (ground materials: half space), no scattering,
    /// no roughness, Lambertian pattern, conductivity 0 where only a permittivity is stated.
    ///
    /// # Errors
    /// Neither or both of `itu` and a permittivity, an unknown ITU name, a value out of its domain.
    pub fn new(written: &MaterialDescription, out_of_range: OutOfRange) -> Result<Material> {
        let name = &written.name;
        let permittivity = permittivity_of(written, out_of_range)?;
        let is_ground = written.itu.as_deref().is_some_and(|itu| GROUND.contains(&itu));
        let default_thickness = if is_ground { f64::INFINITY } else { DEFAULT_THICKNESS_M };
        let thickness = written.thickness_m.unwrap_or(default_thickness);
        if thickness != f64::INFINITY {
            let bound = format!("above 0 and at most {MAX_LENGTH_M:e} m, or inf for a half space");
            check(name, "thickness_m", thickness, thickness > 0.0 && thickness <= MAX_LENGTH_M, &bound)?;
        }
        let roughness = written.roughness_m.unwrap_or(0.0);
        let bound = format!("0 to {MAX_LENGTH_M:e} m");
        check(name, "roughness_m", roughness, (0.0..=MAX_LENGTH_M).contains(&roughness), &bound)?;
        let (scattering, xpd) =
            (unit_share(name, "scattering", written.scattering)?, unit_share(name, "xpd", written.xpd)?);
        let pattern = written.pattern.clone().unwrap_or(PatternDescription::Lambertian {});
        check_pattern(name, &pattern)?;
        if let Some(lobe) = &written.lobe {
            check_lobe(name, lobe)?;
        }
        Ok(Material {
            name: name.clone(),
            permittivity,
            thickness,
            roughness,
            scattering: Scattering::new(scattering, xpd, &pattern),
            lobe: written.lobe.as_ref().map(Lobe::new),
        })
    }

    /// The properties at `frequency` [Hz] (T6, T7), and a note if the ITU row was used outside its range.
    ///
    /// # Errors
    /// A frequency that is not above 0; an ITU material outside its range under the policy `error`.
    pub fn at(&self, frequency: f64) -> Result<(Surface, Option<String>)> {
        if !(frequency.is_finite() && frequency > 0.0) {
            let fault = Fault::new(format!("material '{}', frequency", self.name), "must be finite and above 0 Hz");
            return Err(Error::input(fault.value(frequency).remedy("give a carrier such as 28e9 Hz")));
        }
        let (eps_r, sigma, note) = match &self.permittivity {
            Permittivity::Itu { name, out_of_range } => {
                let found = itu::electrical(&self.name, name, frequency, *out_of_range)?;
                (found.relative_permittivity, found.conductivity, found.note)
            }
            Permittivity::Constant { relative_permittivity, conductivity } => {
                (*relative_permittivity, *conductivity, None)
            }
        };
        let surface = Surface {
            eta: complex_permittivity(eps_r, sigma, frequency),
            thickness: self.thickness,
            specular_share: (1.0 - self.scattering.coefficient.powi(2)).sqrt(),
            roughness: self.roughness,
            scattering: self.scattering.clone(),
            lobe: self.lobe.clone(),
        };
        Ok((surface, note))
    }
}

/// eta = eps_r - j sigma/(2 pi f eps_0) (T7), with eps_r [-], sigma [S/m], `frequency` [Hz] above 0.
pub fn complex_permittivity(eps_r: f64, sigma: f64, frequency: f64) -> C64 {
    C64::new(eps_r, -sigma / (TAU * frequency * VACUUM_PERMITTIVITY))
}

/// The adjoint of [`complex_permittivity`], from `eta`: the bars of eps_r and sigma; adds to `frequency_bar`.
pub fn complex_permittivity_vjp(eta: C64, frequency: f64, eta_bar: C64, frequency_bar: &mut f64) -> [f64; 2] {
    *frequency_bar -= eta_bar.im * eta.im / frequency;
    [eta_bar.re, -eta_bar.im / (TAU * frequency * VACUUM_PERMITTIVITY)]
}

fn permittivity_of(written: &MaterialDescription, out_of_range: OutOfRange) -> Result<Permittivity> {
    let name = &written.name;
    match (&written.itu, written.relative_permittivity, written.conductivity_s_per_m) {
        (Some(itu), None, None) => Ok(Permittivity::Itu { name: itu::known_name(name, itu)?.into(), out_of_range }),
        (None, Some(eps_r), sigma) => {
            let sigma = sigma.unwrap_or(0.0);
            let bound = format!("1 to {MAX_PERMITTIVITY:e}");
            check(name, "relative_permittivity", eps_r, (1.0..=MAX_PERMITTIVITY).contains(&eps_r), &bound)?;
            let bound = format!("0 to {MAX_CONDUCTIVITY:e} S/m");
            check(name, "conductivity_s_per_m", sigma, (0.0..=MAX_CONDUCTIVITY).contains(&sigma), &bound)?;
            Ok(Permittivity::Constant { relative_permittivity: eps_r, conductivity: sigma })
        }
        (Some(itu), _, _) => {
            let bound = "a material has either itu or values of its own, not both";
            let remedy = "keep itu, or keep relative_permittivity and conductivity_s_per_m";
            Err(Error::input(Fault::new(format!("material '{name}', itu"), bound).value(itu).remedy(remedy)))
        }
        (None, None, Some(sigma)) => {
            let field = format!("material '{name}', conductivity_s_per_m");
            let remedy = format!("in [materials.{name}], add relative_permittivity = ... (at least 1)");
            Err(Error::input(Fault::new(field, "needs a relative_permittivity beside it").value(sigma).remedy(remedy)))
        }
        (None, None, None) => {
            let remedy = format!(
                "in the job, add [materials.{name}] with itu = \"concrete\" (or another of {}), or with \
                 relative_permittivity = ... and conductivity_s_per_m = ...",
                itu::names().join(", ")
            );
            let bound = "its electrical properties are not stated";
            Err(Error::input(Fault::new(format!("material '{name}'"), bound).remedy(remedy)))
        }
    }
}

fn check(material: &str, field: &str, value: f64, holds: bool, bound: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    let key = field.split('.').next().unwrap_or(field);
    let remedy = format!("change {key} in the scene, or put [materials.{material}] {key} = ... in the job");
    Err(Error::input(Fault::new(format!("material '{material}', {field}"), bound).value(value).remedy(remedy)))
}

/// A share between 0 and 1; 0 where nothing is stated.
fn unit_share(material: &str, field: &str, written: Option<f64>) -> Result<f64> {
    let value = written.unwrap_or(0.0);
    check(material, field, value, (0.0..=1.0).contains(&value), "0 to 1")?;
    Ok(value)
}

fn check_pattern(material: &str, pattern: &PatternDescription) -> Result<()> {
    match pattern {
        PatternDescription::Lambertian {} => Ok(()),
        PatternDescription::Directive { alpha, .. } => sharpness(material, "pattern.alpha", *alpha),
        PatternDescription::Backscattering { alpha_r, alpha_i, lambda, .. } => {
            sharpness(material, "pattern.alpha_r", *alpha_r)?;
            sharpness(material, "pattern.alpha_i", *alpha_i)?;
            unit_share(material, "pattern.lambda", Some(*lambda)).map(|_| ())
        }
        PatternDescription::VonMisesFisher { kappa, .. } => sharpness(material, "pattern.kappa", *kappa),
        PatternDescription::Mixture { parts } => check_mixture(material, parts),
    }
}

fn check_mixture(material: &str, parts: &[MixturePart]) -> Result<()> {
    let count = parts.len();
    let bound = format!("1 to {MAX_PARTS} parts");
    check(material, "pattern.parts", count as f64, (1..=MAX_PARTS).contains(&count), &bound)?;
    for part in parts {
        let weight = part.weight();
        let bound = format!("0 to {MAX_WEIGHT:e}");
        check(material, "pattern.parts.weight", weight, (0.0..=MAX_WEIGHT).contains(&weight), &bound)?;
        check_pattern(material, &part.pattern())?;
    }
    let sum: f64 = parts.iter().map(MixturePart::weight).sum();
    check(material, "pattern.parts, sum of the weights", sum, sum > 0.0, "above 0")
}

fn check_lobe(material: &str, lobe: &LobeDescription) -> Result<()> {
    let field = match lobe {
        LobeDescription::VonMisesFisher { .. } => "lobe.kappa",
        LobeDescription::CosinePower { .. } => "lobe.alpha",
    };
    match lobe.written() {
        (None, None) if lobe.asks_for_an_estimate() => {
            let fault = Fault::new(format!("material '{material}', lobe.normal_noise"), "needs the mesh of a scene");
            Err(Error::input(
                fault.value("estimated").remedy("make the material with its scene, or state normal_noise_deg"),
            ))
        }
        (Some(value), None) if !lobe.asks_for_an_estimate() => sharpness(material, field, value),
        (None, Some(degrees)) if !lobe.asks_for_an_estimate() => {
            let bound = format!("{MIN_NOISE_DEG:e} to {MAX_NOISE_DEG} degrees");
            let holds = (MIN_NOISE_DEG..=MAX_NOISE_DEG).contains(&degrees);
            check(material, "lobe.normal_noise_deg", degrees, holds, &bound)
        }
        (stated, noise) => {
            let own = field.trim_start_matches("lobe.");
            let bound = format!("has one of {own}, normal_noise_deg and normal_noise");
            let fault = Fault::new(format!("material '{material}', lobe"), bound);
            let remedy = if stated.or(noise).is_some() { "keep one of them" } else { "state one of them" };
            Err(Error::input(fault.remedy(remedy)))
        }
    }
}

/// An exponent or concentration: above 0, since at 0 a lobe has no direction.
fn sharpness(material: &str, field: &str, value: f64) -> Result<()> {
    let bound = format!("above 0 and at most {MAX_SHARPNESS:e}");
    check(material, field, value, value > 0.0 && value <= MAX_SHARPNESS, &bound)
}

#[cfg(test)]
mod tests {
    use super::super::description::{Direction, NoiseSource};
    use super::super::scattering::{Part, Shape};
    use super::*;

    fn written(permittivity: f64) -> MaterialDescription {
        MaterialDescription {
            name: "wall".into(),
            relative_permittivity: Some(permittivity),
            ..MaterialDescription::default()
        }
    }

    fn refuses(description: MaterialDescription, parts: &[&str]) {
        let text = Material::new(&description, OutOfRange::Error).unwrap_err().to_string();
        for part in parts {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }

    #[test]
    fn defaults_are_filled_in() {
        let wall = Material::new(&written(3.0), OutOfRange::Error).unwrap();
        assert_eq!(wall.permittivity, Permittivity::Constant { relative_permittivity: 3.0, conductivity: 0.0 });
        assert_eq!((wall.thickness, wall.roughness), (0.1, 0.0));
        assert_eq!((wall.scattering, wall.lobe), (Scattering::none(), None));
        let ground = MaterialDescription::itu("ground", "wet_ground");
        assert_eq!(Material::new(&ground, OutOfRange::Error).unwrap().thickness, f64::INFINITY);
        let slab = MaterialDescription { thickness_m: Some(0.3), ..ground };
        assert_eq!(Material::new(&slab, OutOfRange::Error).unwrap().thickness, 0.3);
    }

    #[test]
    fn complex_permittivity_of_concrete_at_28_ghz() {
        // sigma = 0.0462 x 28^0.7822 = 0.62606 S/m; sigma/(w eps_0) = 17.9751 sigma/f[GHz], to six digits.
        let concrete = Material::new(&MaterialDescription::itu("c", "concrete"), OutOfRange::Error).unwrap();
        let (surface, note) = concrete.at(28e9).unwrap();
        let expected = 17.975_103_6 * 0.0462 * 28f64.powf(0.7822) / 28.0;
        assert!((surface.eta.re - 5.24).abs() < 1e-12 && (surface.eta.im + expected).abs() < 1e-6 * expected);
        assert_eq!(note, None);
    }

    #[test]
    fn scattering_leaves_the_rest_to_the_specular_part() {
        let material = MaterialDescription { scattering: Some(0.6), ..written(3.0) };
        let (surface, _) = Material::new(&material, OutOfRange::Error).unwrap().at(1e9).unwrap();
        assert!((surface.specular_share - 0.8).abs() < 1e-15);
    }

    #[test]
    fn a_material_without_properties_names_itself_and_the_remedy() {
        let bare = MaterialDescription { name: "roof".into(), ..MaterialDescription::default() };
        refuses(bare.clone(), &["'roof'", "[materials.roof]", "itu", "relative_permittivity"]);
        let only_sigma = MaterialDescription { conductivity_s_per_m: Some(1.0), ..bare };
        refuses(only_sigma, &["'roof'", "conductivity_s_per_m", "relative_permittivity"]);
        let both = MaterialDescription { itu: Some("brick".into()), ..written(3.0) };
        refuses(both, &["either itu or", "brick"]);
        refuses(MaterialDescription::itu("w", "bric"), &["did you mean 'brick'?"]);
    }

    #[test]
    fn values_out_of_their_domain_are_refused() {
        for bad in [0.5, -3.0, f64::NAN, f64::INFINITY] {
            refuses(written(bad), &["relative_permittivity", "1 to"]);
        }
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            refuses(MaterialDescription { conductivity_s_per_m: Some(bad), ..written(3.0) }, &["conductivity"]);
            refuses(MaterialDescription { roughness_m: Some(bad), ..written(3.0) }, &["roughness_m"]);
            refuses(MaterialDescription { scattering: Some(bad), ..written(3.0) }, &["scattering", "0 to 1"]);
            refuses(MaterialDescription { xpd: Some(bad), ..written(3.0) }, &["xpd", "0 to 1"]);
            let pattern = Some(PatternDescription::Directive { alpha: bad, reciprocal: false });
            refuses(MaterialDescription { pattern, ..written(3.0) }, &["pattern.alpha"]);
            let (alpha_r, alpha_i, reciprocal) = (1.0, 1.0, false);
            let pattern = Some(PatternDescription::Backscattering { alpha_r, alpha_i, lambda: bad, reciprocal });
            refuses(MaterialDescription { pattern, ..written(3.0) }, &["pattern.lambda"]);
            let lobe = Some(LobeDescription::von_mises_fisher(bad));
            refuses(MaterialDescription { lobe, ..written(3.0) }, &["lobe.kappa"]);
        }
        for bad in [0.0, -0.1, f64::NAN, f64::NEG_INFINITY, 1e9] {
            refuses(MaterialDescription { thickness_m: Some(bad), ..written(3.0) }, &["thickness_m", "inf"]);
        }
    }

    #[test]
    fn a_lobe_is_checked_and_kept() {
        let material = |lobe: LobeDescription| {
            Material::new(&MaterialDescription { lobe: Some(lobe), ..written(3.0) }, OutOfRange::Error)
        };
        let lobe = material(LobeDescription::cosine_power(100.0)).unwrap().at(28e9).unwrap().0.lobe.unwrap();
        assert_eq!(lobe, Lobe::of_shape(Shape::CosinePower, 100.0, false));
        let noise = |kappa, normal_noise_deg| LobeDescription::VonMisesFisher {
            kappa,
            normal_noise_deg,
            normal_noise: None,
            reciprocal: true,
        };
        let lobe = material(noise(None, Some(2.0))).unwrap().lobe.unwrap();
        assert_eq!(lobe, Lobe::of_shape(Shape::VonMisesFisher, 1.0 / (8.0 * 2f64.to_radians().powi(2)), true));
        for (kappa, degrees, part) in [
            (None, None, "state one"),
            (Some(1.0), Some(1.0), "keep one"),
            (None, Some(0.0), "normal_noise_deg"),
            (None, Some(91.0), "90 degrees"),
            (None, Some(f64::NAN), "normal_noise_deg"),
        ] {
            let lobe = Some(noise(kappa, degrees));
            refuses(MaterialDescription { lobe, ..written(3.0) }, &["'wall', lobe", part]);
        }
    }

    #[test]
    fn an_estimate_needs_a_mesh_and_nothing_beside_it() {
        let lobe = |kappa| LobeDescription::VonMisesFisher {
            kappa,
            normal_noise_deg: None,
            normal_noise: Some(NoiseSource::Estimated),
            reciprocal: false,
        };
        for (kappa, part) in [(None, "mesh of a scene"), (Some(5.0), "keep one")] {
            refuses(MaterialDescription { lobe: Some(lobe(kappa)), ..written(3.0) }, &["'wall', lobe", part]);
        }
    }

    #[test]
    fn a_mixture_is_checked_and_kept() {
        let mixture = |parts: &[MixturePart]| {
            let pattern = Some(PatternDescription::Mixture { parts: parts.to_vec() });
            MaterialDescription { pattern, scattering: Some(0.3), xpd: Some(0.1), ..written(3.0) }
        };
        let lambertian = |weight: f64| MixturePart::Lambertian { weight };
        let gaussian = |kappa: f64| MixturePart::VonMisesFisher {
            weight: 3.0,
            kappa,
            direction: Direction::Backward,
            reciprocal: false,
        };
        let kept = Material::new(&mixture(&[lambertian(1.0), gaussian(20.0)]), OutOfRange::Error).unwrap().scattering;
        let expected = [Part::lambertian(1.0), Part::backward(3.0, Shape::VonMisesFisher, 20.0, false)];
        assert_eq!((kept.coefficient, kept.xpd, &kept.parts[..], kept.total_weight), (0.3, 0.1, &expected[..], 4.0));
        refuses(mixture(&[]), &["pattern.parts", "1 to"]);
        refuses(mixture(&[lambertian(0.0)]), &["sum of the weights", "above 0"]);
        refuses(mixture(&[lambertian(1.0), lambertian(-1.0)]), &["pattern.parts.weight"]);
        refuses(mixture(&[lambertian(f64::NAN)]), &["pattern.parts.weight"]);
        refuses(mixture(&[gaussian(0.0)]), &["pattern.kappa"]);
    }

    #[test]
    fn a_frequency_must_be_above_0() {
        let wall = Material::new(&written(3.0), OutOfRange::Error).unwrap();
        for bad in [0.0, -28e9, f64::NAN, f64::INFINITY] {
            assert!(wall.at(bad).is_err());
        }
    }
}
