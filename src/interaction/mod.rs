//! The physics of one interaction: pure functions. Nothing here allocates or knows of paths.
//!
//! Time convention e^{+jwt}; all coefficients are amplitudes. Media: vacuum outside, eta within, Im eta <= 0.

pub mod fresnel;
pub mod line_of_sight;
pub mod reflection;
pub mod scattering;
