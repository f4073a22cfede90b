//! The physics of one interaction: pure functions. Nothing here allocates or knows of paths.
//!
//! Time convention e^{+jwt}; all coefficients are amplitudes. Media: vacuum outside, eta within, Im eta <= 0.

pub mod fresnel;
pub mod line_of_sight;
pub mod reflection;
pub mod scattering;

use crate::math::C64;

/// Bars of what one surface is at one frequency; those of the parts of its pattern are kept apart
/// ([`scattering::PartBar`]).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SurfaceBar {
    /// Of eta [-].
    pub eta: C64,
    /// Of the thickness [m].
    pub thickness: f64,
    /// Of the amplitude factor of the specular reflection, sqrt(1 - S^2) [-].
    pub specular_share: f64,
    /// Of sigma_h [m].
    pub roughness: f64,
    /// Of the scattering coefficient S [-], where it makes the scattered field.
    pub scattering: f64,
    /// Of K_x [-].
    pub xpd: f64,
    /// Of the sharpness of the lobe [-].
    pub lobe: f64,
}

impl SurfaceBar {
    /// Adds another one.
    pub fn add(&mut self, bar: &SurfaceBar) {
        self.eta += bar.eta;
        self.thickness += bar.thickness;
        self.specular_share += bar.specular_share;
        self.roughness += bar.roughness;
        self.scattering += bar.scattering;
        self.xpd += bar.xpd;
        self.lobe += bar.lobe;
    }
}
