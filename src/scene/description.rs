//! The scene as it was written: what readers and generators make, what [`super::Scene::new`] checks.

use super::mesh::Mesh;
use serde::{Deserialize, Serialize};

/// A scene as written in a file or made by a generator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SceneDescription {
    /// Materials by name.
    pub materials: Vec<MaterialDescription>,
    /// Named meshes in the order of the file.
    pub objects: Vec<ObjectDescription>,
    /// What the reader noticed and could live with.
    pub warnings: Vec<String>,
}

/// A named mesh and the name of its material.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectDescription {
    /// Name, without a leading `mesh-`.
    pub name: String,
    /// Name of a [`MaterialDescription`].
    pub material: String,
    /// The triangles.
    pub mesh: Mesh,
}

/// A radio material as written; what is `None` takes its default in [`super::material::Material::new`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaterialDescription {
    /// Name; in a job it is the key of the table.
    #[serde(skip)]
    pub name: String,
    /// A material of ITU-R P.2040-4.
    pub itu: Option<String>,
    /// Relative permittivity eps_r [-]; together with `conductivity_s_per_m`, in place of `itu`.
    pub relative_permittivity: Option<f64>,
    /// Conductivity [S/m].
    pub conductivity_s_per_m: Option<f64>,
    /// Thickness of the slab [m]; `inf` is a half space.
    pub thickness_m: Option<f64>,
    /// Scattering coefficient S: amplitude share of diffuse scattering [-], 0 to 1.
    pub scattering: Option<f64>,
    /// Cross-polarisation discrimination K_x [-], 0 to 1.
    pub xpd: Option<f64>,
    /// Standard deviation of the surface height sigma_h [m].
    pub roughness_m: Option<f64>,
    /// Diffuse scattering pattern.
    pub pattern: Option<PatternDescription>,
    /// Directional lobe in place of the last specular reflection.
    pub lobe: Option<LobeDescription>,
}

impl MaterialDescription {
    /// An ITU-R P.2040-4 material, called `name`.
    pub fn itu(name: &str, itu: &str) -> Self {
        MaterialDescription { name: name.into(), itu: Some(itu.into()), ..Self::default() }
    }

    /// This description with every value that `other` states put over it. A permittivity takes the place of `itu` and
    /// the other way round.
    pub fn overridden_by(mut self, other: &MaterialDescription) -> Self {
        if other.itu.is_some() {
            (self.itu, self.relative_permittivity, self.conductivity_s_per_m) = (other.itu.clone(), None, None);
        }
        if other.relative_permittivity.is_some() || other.conductivity_s_per_m.is_some() {
            self.itu = None;
        }
        fn put<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            if other.is_some() {
                own.clone_from(other);
            }
        }
        put(&mut self.relative_permittivity, &other.relative_permittivity);
        put(&mut self.conductivity_s_per_m, &other.conductivity_s_per_m);
        put(&mut self.thickness_m, &other.thickness_m);
        put(&mut self.scattering, &other.scattering);
        put(&mut self.xpd, &other.xpd);
        put(&mut self.roughness_m, &other.roughness_m);
        put(&mut self.pattern, &other.pattern);
        put(&mut self.lobe, &other.lobe);
        self
    }
}

/// A diffuse scattering pattern (physics.md section 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PatternDescription {
    /// cos th_s / pi.
    Lambertian {},
    /// A cosine power about the mirror direction.
    Directive {
        /// Exponent [-].
        alpha: f64,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// Cosine powers about the mirror direction and the direction of incidence.
    Backscattering {
        /// Exponent of the forward lobe [-].
        alpha_r: f64,
        /// Exponent of the backward lobe [-].
        alpha_i: f64,
        /// Share of the forward lobe [-], 0 to 1.
        lambda: f64,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// A hemispherical Gaussian about the mirror direction or the direction of incidence (physics.md section 7).
    VonMisesFisher {
        /// Concentration [-].
        kappa: f64,
        /// Its axis.
        #[serde(default)]
        direction: Direction,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// Several of these by weight.
    Mixture {
        /// The parts, at least one.
        parts: Vec<MixturePart>,
    },
}

/// The axis of a hemispherical Gaussian.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The mirror direction.
    #[default]
    Forward,
    /// Back to where the wave came from.
    Backward,
}

/// A part of a mixture: a pattern and its weight [-], which counts by its share of the sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MixturePart {
    /// As [`PatternDescription::Lambertian`].
    Lambertian {
        /// Weight [-].
        weight: f64,
    },
    /// As [`PatternDescription::Directive`].
    Directive {
        /// Weight [-].
        weight: f64,
        /// Exponent [-].
        alpha: f64,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// As [`PatternDescription::Backscattering`].
    Backscattering {
        /// Weight [-].
        weight: f64,
        /// Exponent of the forward lobe [-].
        alpha_r: f64,
        /// Exponent of the backward lobe [-].
        alpha_i: f64,
        /// Share of the forward lobe [-], 0 to 1.
        lambda: f64,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// As [`PatternDescription::VonMisesFisher`].
    VonMisesFisher {
        /// Weight [-].
        weight: f64,
        /// Concentration [-].
        kappa: f64,
        /// Its axis.
        #[serde(default)]
        direction: Direction,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
}

impl MixturePart {
    /// Its weight [-].
    pub fn weight(&self) -> f64 {
        match self {
            MixturePart::Lambertian { weight }
            | MixturePart::Directive { weight, .. }
            | MixturePart::Backscattering { weight, .. }
            | MixturePart::VonMisesFisher { weight, .. } => *weight,
        }
    }

    /// The pattern, weight aside.
    pub fn pattern(&self) -> PatternDescription {
        match *self {
            MixturePart::Lambertian { .. } => PatternDescription::Lambertian {},
            MixturePart::Directive { alpha, reciprocal, .. } => PatternDescription::Directive { alpha, reciprocal },
            MixturePart::Backscattering { alpha_r, alpha_i, lambda, reciprocal, .. } => {
                PatternDescription::Backscattering { alpha_r, alpha_i, lambda, reciprocal }
            }
            MixturePart::VonMisesFisher { kappa, direction, reciprocal, .. } => {
                PatternDescription::VonMisesFisher { kappa, direction, reciprocal }
            }
        }
    }
}

/// What is known of the noise of a mesh's normals where no number is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseSource {
    /// The mesh itself: what the objects of the material show ([`super::estimate`]).
    Estimated,
}

/// A directional lobe (physics.md section 6). Its width is stated in one of three ways: by the lobe's own number, by the
/// noise of the mesh's normals, or by asking for an estimate of that noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LobeDescription {
    /// e^{kappa (c - 1)}.
    VonMisesFisher {
        /// Concentration [-].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kappa: Option<f64>,
        /// Standard deviation s of the normals about each axis [degrees]: kappa = 1/(8 s^2), s in radians.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal_noise_deg: Option<f64>,
        /// Where that deviation is to come from instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal_noise: Option<NoiseSource>,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
    /// ((1 + c)/2)^alpha.
    CosinePower {
        /// Exponent [-].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alpha: Option<f64>,
        /// Standard deviation of the normals about each axis [degrees]: alpha = 2 kappa of the other lobe.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal_noise_deg: Option<f64>,
        /// Where that deviation is to come from instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normal_noise: Option<NoiseSource>,
        /// Whether it is the reciprocal variant.
        #[serde(default, skip_serializing_if = "is_false")]
        reciprocal: bool,
    },
}

impl LobeDescription {
    /// A von Mises-Fisher lobe of concentration `kappa` [-].
    pub fn von_mises_fisher(kappa: f64) -> LobeDescription {
        LobeDescription::VonMisesFisher {
            kappa: Some(kappa),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: false,
        }
    }

    /// A cosine-power lobe of exponent `alpha` [-].
    pub fn cosine_power(alpha: f64) -> LobeDescription {
        LobeDescription::CosinePower {
            alpha: Some(alpha),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: false,
        }
    }

    /// The sharpness as written, and the noise of the normals as written [degrees].
    pub fn written(&self) -> (Option<f64>, Option<f64>) {
        match *self {
            LobeDescription::VonMisesFisher { kappa: sharpness, normal_noise_deg, .. }
            | LobeDescription::CosinePower { alpha: sharpness, normal_noise_deg, .. } => (sharpness, normal_noise_deg),
        }
    }

    /// Whether an estimate of the noise of the normals is asked for.
    pub fn asks_for_an_estimate(&self) -> bool {
        match self {
            LobeDescription::VonMisesFisher { normal_noise, .. }
            | LobeDescription::CosinePower { normal_noise, .. } => normal_noise.is_some(),
        }
    }

    /// The same lobe with an estimated noise of the normals [degrees] in place of the wish for one.
    #[must_use]
    pub fn with_noise(mut self, degrees: f64) -> LobeDescription {
        match &mut self {
            LobeDescription::VonMisesFisher { normal_noise_deg, normal_noise, .. }
            | LobeDescription::CosinePower { normal_noise_deg, normal_noise, .. } => {
                (*normal_noise_deg, *normal_noise) = (Some(degrees), None);
            }
        }
        self
    }

    /// kappa or alpha [-], stated or made of the noise of the normals; NaN where neither is stated.
    pub fn sharpness(&self) -> f64 {
        let of_noise = |degrees: f64| {
            let s = degrees.to_radians();
            match self {
                LobeDescription::VonMisesFisher { .. } => 1.0 / (8.0 * s * s),
                LobeDescription::CosinePower { .. } => 1.0 / (4.0 * s * s),
            }
        };
        let (sharpness, noise) = self.written();
        sharpness.or(noise.map(of_noise)).unwrap_or(f64::NAN)
    }

    /// Whether it is the reciprocal variant.
    pub fn is_reciprocal(&self) -> bool {
        match *self {
            LobeDescription::VonMisesFisher { reciprocal, .. } | LobeDescription::CosinePower { reciprocal, .. } => {
                reciprocal
            }
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<PatternDescription, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn patterns_are_read_and_written() {
        let parts = vec![
            MixturePart::Lambertian { weight: 0.5 },
            MixturePart::Directive { weight: 1.0, alpha: 4.5, reciprocal: true },
            MixturePart::Backscattering { weight: 2.0, alpha_r: 5.0, alpha_i: 8.0, lambda: 0.8, reciprocal: false },
            MixturePart::VonMisesFisher { weight: 0.1, kappa: 30.0, direction: Direction::Backward, reciprocal: false },
        ];
        let text = r#"
            kind = "mixture"
            parts = [
                { weight = 0.5, kind = "lambertian" },
                { weight = 1.0, kind = "directive", alpha = 4.5, reciprocal = true },
                { weight = 2.0, kind = "backscattering", alpha_r = 5.0, alpha_i = 8.0, lambda = 0.8 },
                { weight = 0.1, kind = "von_mises_fisher", kappa = 30.0, direction = "backward" },
            ]"#;
        let mixture = PatternDescription::Mixture { parts };
        assert_eq!(pattern(text).unwrap(), mixture);
        assert_eq!(pattern(&toml::to_string(&mixture).unwrap()).unwrap(), mixture);
        let directive = PatternDescription::Directive { alpha: 4.0, reciprocal: false };
        assert_eq!(pattern("kind = \"directive\"\nalpha = 4.0").unwrap(), directive);
        assert_eq!(toml::to_string(&directive).unwrap(), "kind = \"directive\"\nalpha = 4.0\n");
    }

    #[test]
    fn what_a_pattern_does_not_know_is_refused() {
        for text in [
            "kind = \"directive\"",
            "kind = \"directive\"\nalpha = 4.0\nbeta = 1.0",
            "kind = \"lambertian\"\nreciprocal = true",
            "kind = \"mixture\"\nparts = [{ kind = \"lambertian\" }]",
            "kind = \"mixture\"\nparts = [{ weight = 1.0, kind = \"mixture\", parts = [] }]",
            "kind = \"von_mises_fisher\"\nkappa = 4.0\ndirection = \"sideways\"",
        ] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lobe_is_stated_by_its_sharpness_or_by_the_noise_of_the_normals() {
        let lobe = |text: &str| toml::from_str::<LobeDescription>(text).unwrap();
        let stated = lobe("kind = \"von_mises_fisher\"\nkappa = 200.0");
        assert_eq!(stated, LobeDescription::von_mises_fisher(200.0));
        assert_eq!(toml::to_string(&stated).unwrap(), "kind = \"von_mises_fisher\"\nkappa = 200.0\n");
        // One degree: 1/(8 x 0.0174533^2) = 410.35.
        let noise = lobe("kind = \"von_mises_fisher\"\nnormal_noise_deg = 1.0\nreciprocal = true");
        assert!((noise.sharpness() - 410.35).abs() < 0.01 && noise.is_reciprocal());
        let power = lobe("kind = \"cosine_power\"\nnormal_noise_deg = 1.0");
        assert!((power.sharpness() - 2.0 * noise.sharpness()).abs() < 1e-9 && !power.is_reciprocal());
        let estimated = lobe("kind = \"von_mises_fisher\"\nnormal_noise = \"estimated\"");
        assert!(estimated.asks_for_an_estimate() && estimated.sharpness().is_nan());
        assert_eq!(toml::to_string(&estimated).unwrap(), "kind = \"von_mises_fisher\"\nnormal_noise = \"estimated\"\n");
        assert!((estimated.with_noise(1.0).sharpness() - noise.sharpness()).abs() < 1e-9);
        assert!(toml::from_str::<LobeDescription>("kind = \"cosine_power\"\nnormal_noise = \"guessed\"").is_err());
    }
}
