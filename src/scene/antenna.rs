//! Antennas: element patterns, polarisations and arrays (theory.md, "Antennas").

use crate::error::Result;
use crate::math::Vec3;
use serde::{Deserialize, Serialize};

/// Power pattern of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// Gain 1 in all directions.
    #[default]
    Isotropic,
    /// Short dipole along z, gain 1.5 sin^2.
    Dipole,
    /// Half-wave dipole along z.
    HalfWaveDipole,
    /// 3GPP TR 38.901 table 7.3-1 element, boresight +x.
    Tr38901,
}

/// Polarisation of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Polarization {
    /// Vertical.
    #[default]
    V,
    /// Horizontal.
    H,
    /// Both, V first.
    VH,
    /// Slanted by -45 and +45 degrees.
    #[serde(rename = "cross")]
    Cross,
}

/// How a slant turns the pattern (TR 38.901 section 7.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum SlantModel {
    /// Equation 7.3-3: the element is turned mechanically.
    Model1,
    /// Equations 7.3-4 and 7.3-5: the polarisation alone is turned.
    #[default]
    Model2,
}

/// An antenna as written in a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AntennaDescription {
    /// Element pattern.
    pub element: Element,
    /// Polarisation.
    pub polarization: Polarization,
    /// Slant model.
    pub slant_model: SlantModel,
    /// A planar array; absent: one element.
    pub array: Option<PlanarArray>,
    /// A free array: element positions `[element, 3]` in wavelengths of the first carrier, in place of `array`.
    pub elements_wavelengths: Option<Vec<[f64; 3]>>,
    /// Trace every element, rather than apply plane-wave phases.
    pub per_element: bool,
}

/// A planar array in the y-z plane, elements column by column from the top left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanarArray {
    /// Number of rows.
    pub rows: u32,
    /// Number of columns.
    pub columns: u32,
    /// Spacing of the rows in wavelengths of the first carrier.
    #[serde(default = "half")]
    pub vertical_spacing: f64,
    /// Spacing of the columns in wavelengths of the first carrier.
    #[serde(default = "half")]
    pub horizontal_spacing: f64,
}

fn half() -> f64 {
    0.5
}

/// A checked antenna. Ports are numbered polarisation first: port = polarisation * elements + element.
#[derive(Debug, Clone, PartialEq)]
pub struct Antenna {
    /// Element pattern.
    pub element: Element,
    /// Slant angle of each polarisation [rad].
    pub slants: Vec<f64>,
    /// Slant model.
    pub slant_model: SlantModel,
    /// Position of each element `[element]` [m], in the antenna's own frame.
    pub offsets: Vec<Vec3>,
    /// Whether every element is traced.
    pub per_element: bool,
}

impl Antenna {
    /// Checks a description; spacings count in `wavelength` [m].
    pub fn new(_name: &str, _written: &AntennaDescription, _wavelength: f64) -> Result<Antenna> {
        todo!("helper em")
    }

    /// Number of ports = polarisations x elements.
    pub fn ports(&self) -> usize {
        self.slants.len() * self.offsets.len()
    }

    /// Real amplitudes [C_theta, C_phi] of polarisation `p` in direction (`theta`, `phi`) of the antenna's own frame;
    /// |C|^2 is the gain over isotropic.
    pub fn pattern(&self, _p: usize, _theta: f64, _phi: f64) -> [f64; 2] {
        todo!("helper em")
    }
}
