//! Radio materials as meant: checked, with every default filled in.

use super::description::{LobeDescription, MaterialDescription, PatternDescription};
use crate::error::Result;
use crate::math::C64;
use serde::{Deserialize, Serialize};

/// What to do with an ITU material at a frequency outside its range (physics.md section 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfRange {
    /// Refuse, and say which policies there are.
    #[default]
    Error,
    /// Take the value at the nearest end of the nearest range.
    Clamp,
    /// Use the formula of the nearest range beyond its end.
    Extrapolate,
    /// Use the coefficients of the nearest range, at the carrier (as `extrapolate`, but the nearest by ratio).
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
    /// Scattering coefficient S [-].
    pub scattering: f64,
    /// K_x [-].
    pub xpd: f64,
    /// sigma_h [m].
    pub roughness: f64,
    /// Diffuse pattern.
    pub pattern: PatternDescription,
    /// Directional lobe, if any.
    pub lobe: Option<LobeDescription>,
}

/// The properties of one material at one frequency: what the field needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surface {
    /// Complex relative permittivity eta = eps_r - j sigma/(w eps_0) [-].
    pub eta: C64,
    /// Thickness [m]; infinite: a half space.
    pub thickness: f64,
    /// Amplitude factor of the specular reflection besides Fresnel's: sqrt(1 - S^2) [-].
    pub specular_share: f64,
    /// sigma_h [m].
    pub roughness: f64,
}

impl Material {
    /// Checks a description.
    pub fn new(_written: &MaterialDescription, _out_of_range: OutOfRange) -> Result<Material> {
        todo!("helper em")
    }

    /// The properties at `frequency` [Hz], and a note if the ITU row was used outside its range.
    pub fn at(&self, _frequency: f64) -> Result<(Surface, Option<String>)> {
        todo!("helper em")
    }
}
