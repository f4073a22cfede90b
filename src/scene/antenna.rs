//! Antennas: element patterns, polarisations and arrays (theory.md, "Antennas").

use crate::error::{Error, Fault, Result};
use crate::math::Vec3;
use crate::math::frame::angles_of_vjp;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

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
    /// What its gain is above that of its elements in every direction [dB]: losses are below 0.
    pub gain_db: f64,
    /// Trace every element, rather than apply plane-wave phases.
    pub per_element: bool,
}

/// A planar array in the y-z plane (boresight +x), numbered column by column, from the top left, rows fastest.
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
    /// Name in the job.
    pub name: String,
    /// Element pattern.
    pub element: Element,
    /// Slant angle of each polarisation [rad].
    pub slants: Vec<f64>,
    /// Slant model.
    pub slant_model: SlantModel,
    /// Position of each element `[element]` [m], in the antenna's own frame.
    pub offsets: Vec<Vec3>,
    /// A factor of the power gain of its elements, in every direction [-] (T22).
    pub gain: f64,
    /// Whether every element is traced.
    pub per_element: bool,
}

/// Bounds of an array: beyond them a channel matrix of one path takes gigabytes.
const MAX_ELEMENTS: u64 = 16_384;
/// Bound of a spacing or of an element's coordinate [wavelengths].
const MAX_WAVELENGTHS: f64 = 1e6;
/// Bound of a gain beside the elements', either way: far beyond losses of feeds and gains of amplifiers [dB].
pub const MAX_GAIN_DB: f64 = 100.0;

/// Peak gain of the short dipole [-].
const DIPOLE_GAIN: f64 = 1.5;
/// Peak gain of the half-wave dipole [-] (Balanis, Antenna Theory, eq. 4-91).
const HALF_WAVE_DIPOLE_GAIN: f64 = 1.643;
/// TR 38.901 table 7.3-1: half-power beam width, both planes [rad].
const TR38901_BEAM_WIDTH: f64 = 65.0 / 180.0 * PI;
/// TR 38.901 table 7.3-1: SLA_V and A_max [dB].
const TR38901_MAX_ATTENUATION_DB: f64 = 30.0;
/// TR 38.901 table 7.3-1: G_E,max [dB].
const TR38901_GAIN_DB: f64 = 8.0;

impl Antenna {
    /// Checks a description; spacings count in `wavelength` [m].
    ///
    /// # Errors
    /// No elements or too many, spacings that are not finite and above 0, both `array` and `elements_wavelengths`, a gain
    /// beyond [`MAX_GAIN_DB`], a wavelength that is not finite and above 0.
    pub fn new(name: &str, written: &AntennaDescription, wavelength: f64) -> Result<Antenna> {
        if !(wavelength.is_finite() && wavelength > 0.0) {
            let fault = Fault::new(format!("antennas.{name}, wavelength of the first carrier"), "finite and above 0 m");
            return Err(Error::job(fault.value(wavelength).remedy("give a carrier such as carrier_ghz = 28")));
        }
        let offsets = match (&written.array, &written.elements_wavelengths) {
            (None, None) => vec![Vec3::zeros()],
            (Some(array), None) => planar_offsets(name, array)?,
            (None, Some(elements)) => free_offsets(name, elements)?,
            (Some(_), Some(_)) => {
                let bound = "an antenna has either array or elements_wavelengths, not both";
                let fault = Fault::new(format!("antennas.{name}"), bound);
                return Err(Error::job(fault.remedy("remove one of them")));
            }
        };
        if !(-MAX_GAIN_DB..=MAX_GAIN_DB).contains(&written.gain_db) {
            let bound = format!("must be from -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB");
            let fault = Fault::new(format!("antennas.{name}.gain_db"), bound).value(written.gain_db);
            return Err(Error::job(fault.remedy("give what is above the elements' own gain, as gain_db = -1.5")));
        }
        Ok(Antenna {
            name: name.to_string(),
            element: written.element,
            slants: written.polarization.slants(),
            slant_model: written.slant_model,
            offsets: offsets.into_iter().map(|o| o * wavelength).collect(),
            gain: gain_of_db(written.gain_db),
            per_element: written.per_element,
        })
    }

    /// Number of ports = polarisations x elements.
    pub fn ports(&self) -> usize {
        self.slants.len() * self.offsets.len()
    }

    /// Real amplitudes [C_theta, C_phi] of polarisation `p` in direction (`theta`, `phi`) [rad] of the antenna's own
    /// frame; |C|^2 is the gain over isotropic of an element, [`Antenna::gain`] aside (T30-T34).
    pub fn pattern(&self, p: usize, theta: f64, phi: f64) -> [f64; 2] {
        let slant = self.slants[p];
        let (sin_slant, cos_slant) = libm::sincos(slant);
        match self.slant_model {
            SlantModel::Model2 => {
                let amplitude = self.element.amplitude(theta, phi);
                [cos_slant * amplitude, sin_slant * amplitude]
            }
            SlantModel::Model1 => self.turned_pattern(sin_slant, cos_slant, theta, phi),
        }
    }

    /// The adjoint of [`Antenna::pattern`]; adds to `theta_bar` and `phi_bar`. Where a pattern has a floor, in the direction
    /// of a null and on an element's own axis there is no slope, and nothing is added.
    pub fn pattern_vjp(
        &self,
        p: usize,
        theta: f64,
        phi: f64,
        pattern_bar: [f64; 2],
        theta_bar: &mut f64,
        phi_bar: &mut f64,
    ) {
        let (sin_slant, cos_slant) = libm::sincos(self.slants[p]);
        match self.slant_model {
            SlantModel::Model2 => {
                let slopes = self.element.amplitude_slopes(theta, phi);
                let amplitude_bar = cos_slant * pattern_bar[0] + sin_slant * pattern_bar[1];
                *theta_bar += amplitude_bar * slopes.by_theta;
                *phi_bar += amplitude_bar * slopes.by_phi;
            }
            SlantModel::Model1 => {
                let angles_bar = [theta_bar, phi_bar];
                self.turned_pattern_vjp([sin_slant, cos_slant], [theta, phi], pattern_bar, angles_bar);
            }
        }
    }

    /// The adjoint of [`Antenna::turned_pattern`].
    fn turned_pattern_vjp(
        &self,
        [sin_slant, cos_slant]: [f64; 2],
        [theta, phi]: [f64; 2],
        pattern_bar: [f64; 2],
        [theta_bar, phi_bar]: [&mut f64; 2],
    ) {
        let (sin_theta, cos_theta) = libm::sincos(theta);
        let (sin_phi, cos_phi) = libm::sincos(phi);
        let turned = Vec3::new(
            sin_theta * cos_phi,
            cos_slant * sin_phi * sin_theta + sin_slant * cos_theta,
            cos_slant * cos_theta - sin_slant * sin_phi * sin_theta,
        );
        let (cosine, sine) = (cos_slant * sin_theta + sin_slant * sin_phi * cos_theta, sin_slant * cos_phi);
        let length = libm::hypot(cosine, sine);
        if length == 0.0 {
            return;
        }
        let (cos_psi, sin_psi) = (cosine / length, sine / length);
        let slopes = self.element.amplitude_slopes(libm::atan2(length, turned.z), libm::atan2(turned.y, turned.x));
        let amplitude_bar = cos_psi * pattern_bar[0] + sin_psi * pattern_bar[1];
        // |(cosine, sine)| is the sine of the turned zenith.
        let mut turned_bar = Vec3::zeros();
        let (turned_theta_bar, turned_phi_bar) = (amplitude_bar * slopes.by_theta, amplitude_bar * slopes.by_phi);
        angles_of_vjp(&turned, turned_theta_bar, turned_phi_bar, &mut turned_bar);
        let psi_bar = slopes.value * (cos_psi * pattern_bar[1] - sin_psi * pattern_bar[0]);
        let (cosine_bar, sine_bar) = (-psi_bar * sin_psi / length, psi_bar * cos_psi / length);
        let (x, y, z) = (turned_bar.x, turned_bar.y, turned_bar.z);
        *theta_bar += x * cos_theta * cos_phi + y * (cos_slant * sin_phi * cos_theta - sin_slant * sin_theta)
            - z * (cos_slant * sin_theta + sin_slant * sin_phi * cos_theta)
            + cosine_bar * (cos_slant * cos_theta - sin_slant * sin_phi * sin_theta);
        *phi_bar += -x * sin_theta * sin_phi + y * cos_slant * cos_phi * sin_theta
            - z * sin_slant * cos_phi * sin_theta
            + cosine_bar * sin_slant * cos_phi * cos_theta
            - sine_bar * sin_slant * sin_phi;
    }

    /// TR 38.901 equation 7.3-3: the element turned by the slant about its x axis, its own angles included (T34).
    fn turned_pattern(&self, sin_slant: f64, cos_slant: f64, theta: f64, phi: f64) -> [f64; 2] {
        let (sin_theta, cos_theta) = libm::sincos(theta);
        let (sin_phi, cos_phi) = libm::sincos(phi);
        // The direction in the frame of the turned element.
        let x = sin_theta * cos_phi;
        let y = cos_slant * sin_phi * sin_theta + sin_slant * cos_theta;
        let z = cos_slant * cos_theta - sin_slant * sin_phi * sin_theta;
        let (cos_psi, sin_psi) = (cos_slant * sin_theta + sin_slant * sin_phi * cos_theta, sin_slant * cos_phi);
        let sine = libm::hypot(cos_psi, sin_psi);
        let along_axis = sine == 0.0;
        let (turned_phi, cos_psi, sin_psi) = if along_axis {
            // On the element's own axis the polarisation has no direction: take that of the slant.
            (0.0, cos_slant, sin_slant)
        } else {
            (libm::atan2(y, x), cos_psi / sine, sin_psi / sine)
        };
        let amplitude = self.element.amplitude(libm::atan2(sine, z), turned_phi);
        [cos_psi * amplitude, sin_psi * amplitude]
    }
}

/// The factor of a power [-] of a level [dB].
pub fn gain_of_db(level: f64) -> f64 {
    libm::pow(10.0, level / 10.0)
}

/// The level [dB] of a factor of a power above 0.
pub fn db_of_gain(factor: f64) -> f64 {
    10.0 * libm::log10(factor)
}

impl Polarization {
    /// The slant of each polarisation [rad]; 0 is vertical.
    pub fn slants(self) -> Vec<f64> {
        match self {
            Polarization::V => vec![0.0],
            Polarization::H => vec![FRAC_PI_2],
            Polarization::VH => vec![0.0, FRAC_PI_2],
            Polarization::Cross => vec![-FRAC_PI_4, FRAC_PI_4],
        }
    }
}

impl Element {
    /// Amplitude = sqrt(gain over isotropic) in direction (`theta`, `phi`) [rad] of the element's own frame (T30-T33).
    pub fn amplitude(self, theta: f64, phi: f64) -> f64 {
        match self {
            Element::Isotropic => 1.0,
            Element::Dipole => DIPOLE_GAIN.sqrt() * libm::sin(theta).abs(),
            Element::HalfWaveDipole => half_wave_amplitude(theta),
            Element::Tr38901 => libm::pow(10.0, tr38901_gain_db(theta, phi) / 20.0),
        }
    }
}

/// An amplitude and its derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmplitudeSlopes {
    /// The amplitude [-].
    pub value: f64,
    /// By the zenith [1/rad].
    pub by_theta: f64,
    /// By the azimuth [1/rad].
    pub by_phi: f64,
}

impl Element {
    /// [`Element::amplitude`] with its derivatives; `theta` from 0 to pi. On a floor of the pattern they are 0.
    pub fn amplitude_slopes(self, theta: f64, phi: f64) -> AmplitudeSlopes {
        let value = self.amplitude(theta, phi);
        let (by_theta, by_phi) = match self {
            Element::Isotropic => (0.0, 0.0),
            Element::Dipole => (DIPOLE_GAIN.sqrt() * libm::cos(theta), 0.0),
            Element::HalfWaveDipole => (half_wave_slope(theta), 0.0),
            Element::Tr38901 => {
                let [by_theta, by_phi] = tr38901_gain_slopes(theta, phi);
                let relative = value * std::f64::consts::LN_10 / 20.0;
                (relative * by_theta, relative * by_phi)
            }
        };
        AmplitudeSlopes { value, by_theta, by_phi }
    }
}

/// The derivative of [`half_wave_amplitude`] by theta, from 0 to pi [1/rad].
fn half_wave_slope(theta: f64) -> f64 {
    let (sin, cos) = libm::sincos(theta);
    let side = 1f64.copysign(cos);
    if sin == 0.0 {
        // cos(pi/2 cos theta) tends to pi/4 sin^2 theta.
        return HALF_WAVE_DIPOLE_GAIN.sqrt() * FRAC_PI_4 * side;
    }
    let angle = FRAC_PI_2 * sin * sin / (1.0 + cos.abs());
    HALF_WAVE_DIPOLE_GAIN.sqrt() * (FRAC_PI_2 * side * libm::cos(angle) - libm::sin(angle) / sin * (cos / sin))
}

/// The derivatives of [`tr38901_gain_db`] by theta and phi [dB/rad]; 0 where the attenuation is at its most.
fn tr38901_gain_slopes(theta: f64, phi: f64) -> [f64; 2] {
    let phi = phi - TAU * (phi / TAU).round();
    let square = TR38901_BEAM_WIDTH * TR38901_BEAM_WIDTH;
    let parabola = |angle: f64| {
        let value = 12.0 * angle * angle / square;
        if value < TR38901_MAX_ATTENUATION_DB {
            (value, 24.0 * angle / square)
        } else {
            (TR38901_MAX_ATTENUATION_DB, 0.0)
        }
    };
    let [(vertical, by_theta), (horizontal, by_phi)] = [parabola(theta - FRAC_PI_2), parabola(phi)];
    if vertical + horizontal < TR38901_MAX_ATTENUATION_DB { [-by_theta, -by_phi] } else { [0.0; 2] }
}

/// sqrt(1.643) cos(pi/2 cos theta)/sin theta (T32), written so that it goes to 0 at the poles without cancellation.
pub fn half_wave_amplitude(theta: f64) -> f64 {
    let (sin, cos) = libm::sincos(theta);
    if sin == 0.0 {
        return 0.0;
    }
    let one_less_cos = sin * sin / (1.0 + cos.abs());
    HALF_WAVE_DIPOLE_GAIN.sqrt() * (libm::sin(FRAC_PI_2 * one_less_cos) / sin).abs()
}

/// Gain of the TR 38.901 table 7.3-1 element [dB] (T33).
pub fn tr38901_gain_db(theta: f64, phi: f64) -> f64 {
    let phi = phi - TAU * (phi / TAU).round();
    let parabola = |angle: f64| {
        let x = angle / TR38901_BEAM_WIDTH;
        (12.0 * x * x).min(TR38901_MAX_ATTENUATION_DB)
    };
    TR38901_GAIN_DB - (parabola(theta - FRAC_PI_2) + parabola(phi)).min(TR38901_MAX_ATTENUATION_DB)
}

/// Offsets `[element]` [wavelengths] of a planar array, column by column, rows fastest (T35).
fn planar_offsets(name: &str, array: &PlanarArray) -> Result<Vec<Vec3>> {
    let count = u64::from(array.rows) * u64::from(array.columns);
    check_count(name, "array (rows x columns)", count)?;
    for (key, spacing) in
        [("vertical_spacing", array.vertical_spacing), ("horizontal_spacing", array.horizontal_spacing)]
    {
        if !(spacing > 0.0 && spacing <= MAX_WAVELENGTHS) {
            let bound = format!("above 0 and at most {MAX_WAVELENGTHS:e} wavelengths");
            let fault = Fault::new(format!("antennas.{name}.array.{key}"), bound);
            return Err(Error::job(fault.value(spacing).remedy("0.5 is half a wavelength")));
        }
    }
    let mid = |n: u32| f64::from(n - 1) / 2.0;
    let offset = |row: u32, column: u32| {
        let y = array.horizontal_spacing * (f64::from(column) - mid(array.columns));
        let z = -array.vertical_spacing * (f64::from(row) - mid(array.rows));
        Vec3::new(0.0, y, z)
    };
    Ok((0..array.columns).flat_map(|column| (0..array.rows).map(move |row| offset(row, column))).collect())
}

/// Offsets `[element]` [wavelengths] of a free array.
fn free_offsets(name: &str, elements: &[[f64; 3]]) -> Result<Vec<Vec3>> {
    check_count(name, "elements_wavelengths", elements.len() as u64)?;
    for (i, element) in elements.iter().enumerate() {
        if !element.iter().all(|x| x.abs() <= MAX_WAVELENGTHS) {
            let bound = format!("coordinates are finite and within {MAX_WAVELENGTHS:e} wavelengths");
            let fault = Fault::new(format!("antennas.{name}.elements_wavelengths[{i}]"), bound);
            return Err(Error::job(fault.value(format!("{element:?}")).remedy("give [x, y, z] in wavelengths")));
        }
    }
    Ok(elements.iter().map(|e| Vec3::from(*e)).collect())
}

fn check_count(name: &str, key: &str, count: u64) -> Result<()> {
    if (1..=MAX_ELEMENTS).contains(&count) {
        return Ok(());
    }
    let fault = Fault::new(format!("antennas.{name}.{key}"), format!("1 to {MAX_ELEMENTS} elements"));
    Err(Error::job(fault.value(count).remedy("a single antenna has neither array nor elements_wavelengths")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn antenna(element: Element, polarization: Polarization, slant_model: SlantModel) -> Antenna {
        let written = AntennaDescription { element, polarization, slant_model, ..AntennaDescription::default() };
        Antenna::new("a", &written, 0.01).unwrap()
    }

    /// Mean gain over the sphere by the midpoint rule in (cos theta, phi).
    fn mean_gain(antenna: &Antenna, p: usize) -> f64 {
        let (rows, columns) = (400, 400);
        let mut sum = 0.0;
        for i in 0..rows {
            let theta = libm::acos(1.0 - (2.0 * f64::from(i) + 1.0) / f64::from(rows));
            for j in 0..columns {
                let c = antenna.pattern(p, theta, TAU * (f64::from(j) + 0.5) / f64::from(columns));
                sum += c[0] * c[0] + c[1] * c[1];
            }
        }
        sum / f64::from(rows * columns)
    }

    #[test]
    fn lossless_elements_radiate_what_they_are_fed_with() {
        for model in [SlantModel::Model1, SlantModel::Model2] {
            for p in 0..2 {
                for (element, tolerance) in [
                    (Element::Isotropic, 1e-12),
                    // The midpoint rule's own error; 1.643 itself is rounded from 1.64092 (Balanis): 0.13 %.
                    (Element::Dipole, 1e-4),
                    (Element::HalfWaveDipole, 2e-3),
                ] {
                    let gain = mean_gain(&antenna(element, Polarization::Cross, model), p);
                    assert!((gain - 1.0).abs() < tolerance, "{element:?} {model:?}: {gain}");
                }
            }
        }
    }

    #[test]
    fn peak_gains_are_those_of_the_literature() {
        for (element, gain) in [(Element::Dipole, 1.5), (Element::HalfWaveDipole, 1.643), (Element::Tr38901, 6.309573)]
        {
            let amplitude = element.amplitude(FRAC_PI_2, 0.0);
            assert!((amplitude * amplitude / gain - 1.0).abs() < 1e-6, "{element:?}");
        }
    }

    #[test]
    fn the_tr38901_element_falls_3_db_at_32_5_degrees_and_30_db_behind() {
        let half_width = 32.5f64.to_radians();
        assert!((tr38901_gain_db(FRAC_PI_2, half_width) - 5.0).abs() < 1e-12);
        assert!((tr38901_gain_db(FRAC_PI_2 + half_width, -half_width) - 2.0).abs() < 1e-12);
        assert_eq!(tr38901_gain_db(FRAC_PI_2, PI), -22.0);
        assert_eq!(tr38901_gain_db(0.0, PI), -22.0);
    }

    #[test]
    fn dipoles_are_silent_along_their_axis_and_finite_everywhere() {
        for element in [Element::Dipole, Element::HalfWaveDipole] {
            for theta in [0.0, 1e-300, 1e-12, 1e-6, PI - 1e-9, PI] {
                let amplitude = element.amplitude(theta, 0.0);
                assert!((0.0..2e-6).contains(&amplitude), "{element:?} {theta}: {amplitude}");
            }
        }
    }

    #[test]
    fn patterns_have_the_derivatives_of_their_adjoints() {
        use crate::math::difference::slope;
        let bar = [0.7, -0.4];
        for element in [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901] {
            for model in [SlantModel::Model1, SlantModel::Model2] {
                for polarization in [Polarization::VH, Polarization::Cross] {
                    for (theta, phi) in [(0.2, 0.3), (1.1, -0.5), (1.9, 0.7), (FRAC_PI_2, 3.0), (2.9, -2.0)] {
                        let (antenna, p) = (antenna(element, polarization, model), 1);
                        let of = |theta: f64, phi: f64| {
                            let c = antenna.pattern(p, theta, phi);
                            bar[0] * c[0] + bar[1] * c[1]
                        };
                        let (mut by_theta, mut by_phi) = (0.0, 0.0);
                        antenna.pattern_vjp(p, theta, phi, bar, &mut by_theta, &mut by_phi);
                        let steps = [1e-3, 5e-4];
                        for (found, expected) in [
                            (by_theta, slope(steps, |h| of(theta + h, phi)).1),
                            (by_phi, slope(steps, |h| of(theta, phi + h)).1),
                        ] {
                            let what = format!("{element:?} {model:?} {polarization:?} {theta} {phi}");
                            assert!((found - expected).abs() < 1e-8, "{what}: {found} {expected}");
                        }
                    }
                }
            }
        }
        // At the pole the half-wave dipole's amplitude is a cone.
        assert!((half_wave_slope(0.0) - half_wave_slope(1e-6)).abs() < 1e-9);
        assert!((half_wave_slope(PI) - half_wave_slope(PI - 1e-6)).abs() < 1e-9);
    }

    #[test]
    fn slant_models_agree_on_boresight() {
        let model1 = antenna(Element::Tr38901, Polarization::Cross, SlantModel::Model1);
        let model2 = antenna(Element::Tr38901, Polarization::Cross, SlantModel::Model2);
        for p in 0..2 {
            let (c1, c2) = (model1.pattern(p, FRAC_PI_2, 0.0), model2.pattern(p, FRAC_PI_2, 0.0));
            assert!((c1[0] - c2[0]).abs() < 1e-12 && (c1[1] - c2[1]).abs() < 1e-12);
        }
    }

    #[test]
    fn model_1_turns_a_dipole_about_x() {
        // H: the dipole lies along y, where it is silent, and lights z with its peak.
        let horizontal = antenna(Element::Dipole, Polarization::H, SlantModel::Model1);
        let along_y = horizontal.pattern(0, FRAC_PI_2, FRAC_PI_2);
        assert!(along_y[0].hypot(along_y[1]) < 1e-12);
        let up = horizontal.pattern(0, 0.0, 0.0);
        assert!((up[0].hypot(up[1]) - 1.5f64.sqrt()).abs() < 1e-12);
        // Vertical: nothing changes; on the axis itself the value is finite.
        let vertical = antenna(Element::Isotropic, Polarization::V, SlantModel::Model1);
        assert_eq!(vertical.pattern(0, 0.0, 0.0), [1.0, 0.0]);
    }

    #[test]
    fn a_planar_array_counts_down_the_first_column() {
        let array = PlanarArray { rows: 2, columns: 3, vertical_spacing: 0.5, horizontal_spacing: 0.7 };
        let written = AntennaDescription { array: Some(array), ..AntennaDescription::default() };
        let antenna = Antenna::new("a", &written, 2.0).unwrap();
        let expected = [[-1.4, 0.5], [-1.4, -0.5], [0.0, 0.5], [0.0, -0.5], [1.4, 0.5], [1.4, -0.5]];
        for (offset, [y, z]) in antenna.offsets.iter().zip(expected) {
            assert!((offset - Vec3::new(0.0, y, z)).norm() < 1e-15, "{offset}");
        }
        assert_eq!(antenna.ports(), 6);
    }

    #[test]
    fn bad_arrays_are_refused() {
        let array =
            |rows, columns, d| Some(PlanarArray { rows, columns, vertical_spacing: d, horizontal_spacing: 0.5 });
        let planar = |array| AntennaDescription { array, ..AntennaDescription::default() };
        let free = |e| AntennaDescription { elements_wavelengths: Some(e), ..AntennaDescription::default() };
        let both = AntennaDescription { array: array(1, 1, 0.5), ..free(vec![[0.0; 3]]) };
        for (written, part) in [
            (planar(array(0, 4, 0.5)), "1 to 16384 elements"),
            (planar(array(u32::MAX, u32::MAX, 0.5)), "1 to 16384 elements"),
            (planar(array(2, 2, 0.0)), "vertical_spacing"),
            (planar(array(2, 2, f64::NAN)), "vertical_spacing"),
            (free(vec![]), "1 to 16384"),
            (free(vec![[0.0, f64::NAN, 0.0]]), "elements_wavelengths[0]"),
            (both, "not both"),
        ] {
            let text = Antenna::new("panel", &written, 0.01).unwrap_err().to_string();
            assert!(text.contains(part) && text.contains("panel"), "{text} lacks {part}");
        }
        assert!(Antenna::new("a", &AntennaDescription::default(), 0.0).is_err());
    }
}
