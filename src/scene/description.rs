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

/// A diffuse scattering pattern (physics.md section 5): read, checked and kept; not evaluated yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PatternDescription {
    /// cos th_s / pi.
    Lambertian {},
    /// About the mirror direction.
    Directive {
        /// Exponent [-].
        alpha: f64,
    },
    /// About the mirror direction and the direction of incidence.
    Backscattering {
        /// Exponent of the forward lobe [-].
        alpha_r: f64,
        /// Exponent of the backward lobe [-].
        alpha_i: f64,
        /// Share of the forward lobe [-], 0 to 1.
        lambda: f64,
    },
}

/// A directional lobe (physics.md section 6): read, checked and kept; not evaluated yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LobeDescription {
    /// e^{kappa (c - 1)}.
    VonMisesFisher {
        /// Concentration [-].
        kappa: f64,
    },
    /// ((1 + c)/2)^alpha.
    CosinePower {
        /// Exponent [-].
        alpha: f64,
    },
}
