//! Tables of what a lobe integrates to over the hemisphere, over the cosine y between its axis and the normal (T65, T66).
//!
//! Cubic Hermite interpolation between nodes of equal distance; values and slopes of the nodes are exact to rounding or
//! so. A sharp lobe fills its table within [`WIDTHS`] of grazing incidence: beyond, it is whole, and the value is the
//! limit. With 256 intervals of 8.5/256 widths the interpolation is off by 2e-9.

use super::Shape;
use crate::math::quadrature::gauss_legendre;
use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::fmt;

/// What a node holds: a value, its slope times the step, and both differentiated by the logarithm of the sharpness.
pub type Node = [f64; 4];

/// Integrals of one lobe h over the hemisphere.
#[derive(Clone, PartialEq)]
pub struct LobeTable {
    /// Largest cosine of the tables [-], at most 1.
    pub reach: f64,
    /// Integral of h over the whole sphere [sr].
    pub full: f64,
    /// d ln full/d ln sharpness [-].
    pub full_slope: f64,
    /// Integral of h over the hemisphere at normal incidence [sr]: A_0.
    pub normal: f64,
    /// d ln A_0/d ln sharpness [-].
    pub normal_slope: f64,
    /// A_h(y)/full [-] at each node; 1 beyond the reach.
    pub normaliser: Vec<Node>,
    /// The integral of h sqrt(cos theta_s), over A_0 [-], at each node; empty for a lobe that is not reciprocal.
    pub furnace: Vec<Node>,
}

/// Reach of a table in lobe widths, 1/sqrt(kappa): what lies beyond is erfc(8.5/sqrt 2)/2 = 1e-17 of the lobe.
const WIDTHS: f64 = 8.5;
/// Intervals of the normaliser: the fourth power of the step, 1.2e-6, over 384, times the largest fourth derivative of
/// the normal distribution, 0.6.
const NORMALISER_STEPS: usize = 256;
/// Intervals of the furnace, whose integrals are double: it enters where it exceeds 1 alone, and is off by 1e-7.
const FURNACE_STEPS: usize = 96;
/// Nodes of a single and of each sum of a double integral.
const SINGLE: usize = 40;
const DOUBLE: usize = 32;
/// Exponents below minus this are left out: e^-45 = 3e-20.
const NEGLIGIBLE: f64 = 45.0;

/// Without the nodes, which fill pages.
impl fmt::Debug for LobeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printed = f.debug_struct("LobeTable");
        printed.field("reach", &self.reach).field("full", &self.full).field("normal", &self.normal);
        printed.finish_non_exhaustive()
    }
}

impl LobeTable {
    /// Tables of a lobe of `sharpness` [-] above 0; the furnace for a reciprocal lobe alone.
    pub fn new(shape: Shape, sharpness: f64, reciprocal: bool) -> LobeTable {
        let lobe = Form::new(shape, sharpness);
        let reach = (WIDTHS / lobe.concentration.sqrt()).min(1.0);
        let (full, full_slope) = lobe.full();
        let normaliser = normaliser(&lobe, reach, full, full_slope);
        let at_normal = if reach < 1.0 { [1.0, 0.0, 0.0, 0.0] } else { normaliser[NORMALISER_STEPS] };
        let (normal, normal_slope) = (full * at_normal[0], full_slope + at_normal[2] / at_normal[0]);
        let furnace = if reciprocal { furnace(&lobe, reach, normal, normal_slope) } else { Vec::new() };
        LobeTable { reach, full, full_slope, normal, normal_slope, normaliser, furnace }
    }
}

/// A lobe as its integrals need it: over e = 1 - c, which keeps the digits of a sharp one.
struct Form {
    shape: Shape,
    sharpness: f64,
    /// kappa of the von Mises-Fisher lobe of the same width.
    concentration: f64,
}

/// A lobe's value and derivatives by e, by ln sharpness, by both.
struct Values {
    value: f64,
    by_e: f64,
    by_log: f64,
    by_both: f64,
}

impl Form {
    fn new(shape: Shape, sharpness: f64) -> Form {
        let concentration = match shape {
            Shape::VonMisesFisher => sharpness,
            Shape::CosinePower => sharpness / 2.0,
        };
        Form { shape, sharpness, concentration }
    }

    fn at(&self, e: f64) -> Values {
        let s = self.sharpness;
        match self.shape {
            Shape::VonMisesFisher => {
                let value = libm::exp(-s * e);
                Values { value, by_e: -s * value, by_log: -s * e * value, by_both: s * (s * e - 1.0) * value }
            }
            Shape::CosinePower => {
                // At the far pole the slope of a small power has no bound: the last of f64 stands for it.
                let base = (1.0 - e / 2.0).max(f64::EPSILON);
                let log = if e < 1.0 { libm::log1p(-e / 2.0) } else { libm::log(base) };
                let value = libm::exp(s * log);
                let by_e = -s / 2.0 * value / base;
                Values { value, by_e, by_log: s * log * value, by_both: by_e * (1.0 + s * log) }
            }
        }
    }

    /// The integral over the whole sphere [sr], and d ln/d ln sharpness (T70, T71).
    fn full(&self) -> (f64, f64) {
        let s = self.sharpness;
        match self.shape {
            Shape::VonMisesFisher => {
                (-TAU * libm::expm1(-2.0 * s) / s, -1.0 - 2.0 * s * libm::exp(-2.0 * s) / libm::expm1(-2.0 * s))
            }
            Shape::CosinePower => (4.0 * PI / (s + 1.0), -s / (s + 1.0)),
        }
    }

    /// sin^2 of half the angle t beyond which e = `scale` (1 - cos t) makes the lobe negligible, at most `most`.
    fn half_sine_squared(&self, scale: f64, most: f64) -> f64 {
        // A cosine power falls faster than the von Mises-Fisher lobe of its width.
        let limit = NEGLIGIBLE / (2.0 * self.concentration * scale);
        if limit < most { limit } else { most }
    }
}

/// Nodes of A_h(y)/full: half the sphere at y = 0, by symmetry; the rest is integrated from its slope.
fn normaliser(lobe: &Form, reach: f64, full: f64, full_slope: f64) -> Vec<Node> {
    let (step, rule, inner) = (reach / NORMALISER_STEPS as f64, gauss_legendre::<2>(), gauss_legendre::<SINGLE>());
    let slopes = |y: f64| {
        let (slope, by_log) = slopes_of_normaliser(lobe, y, &inner);
        (slope / full * step, (by_log - slope * full_slope) / full * step)
    };
    let (mut value, mut by_log) = (0.5, 0.0);
    let mut nodes = Vec::with_capacity(NORMALISER_STEPS + 1);
    for i in 0..=NORMALISER_STEPS {
        let (slope, slope_by_log) = slopes(i as f64 * step);
        nodes.push([value, slope, by_log, slope_by_log]);
        if i < NORMALISER_STEPS {
            for (x, weight) in rule {
                let (slope, slope_by_log) = slopes((i as f64 + x) * step);
                value += weight * slope;
                by_log += weight * slope_by_log;
            }
        }
    }
    nodes
}

/// dA_h/dy = (1/s) times the integral over t from 0 to 2 pi of h(s cos t) cos t, s = sqrt(1 - y^2) (T65), and the same of
/// the derivative by ln sharpness.
fn slopes_of_normaliser(lobe: &Form, y: f64, rule: &[(f64, f64); SINGLE]) -> (f64, f64) {
    /// Below this the difference of both sides, which tends to 0 as s, has lost its digits, and the limit is theirs.
    const NO_SINE: f64 = 1e-6;
    let s = ((1.0 - y) * (1.0 + y)).max(0.0).sqrt();
    if s < NO_SINE {
        let at = lobe.at(1.0);
        return (-PI * at.by_e, -PI * at.by_both);
    }
    let end = 2.0 * libm::asin(lobe.half_sine_squared(s, 0.5).sqrt());
    let (mut sum, mut sum_by_log) = (0.0, 0.0);
    for (v, weight) in rule {
        // Cubed, the nodes crowd at t = 0, where a small cosine power has a cusp at the far side.
        let (t, weight) = (end * v * v * v, 3.0 * v * v * end * weight);
        let half = libm::sin(t / 2.0);
        let e = y * y / (1.0 + s) + 2.0 * s * half * half;
        let near = lobe.at(e);
        let weight = weight * (1.0 - 2.0 * half * half);
        sum += weight * near.value;
        sum_by_log += weight * near.by_log;
        if lobe.concentration * (2.0 - e) < NEGLIGIBLE {
            let far = lobe.at(2.0 - e);
            sum -= weight * far.value;
            sum_by_log -= weight * far.by_log;
        }
    }
    (2.0 * sum / s, 2.0 * sum_by_log / s)
}

/// Nodes of the integral of h sqrt(cos theta_s) over A_0.
fn furnace(lobe: &Form, reach: f64, normal: f64, normal_slope: f64) -> Vec<Node> {
    /// The slope has a removable singularity at y = 1: the last node's is taken so near to it.
    const LAST: f64 = 1.0 - 1e-8;
    let (step, rule) = (reach / FURNACE_STEPS as f64, gauss_legendre::<DOUBLE>());
    let node = |i: usize| {
        let [value, slope, by_log, slope_by_log] = furnace_at(lobe, (i as f64 * step).min(LAST), &rule);
        let scaled = |x: f64| x / normal;
        [
            scaled(value),
            scaled(slope) * step,
            scaled(by_log - value * normal_slope),
            scaled(slope_by_log - slope * normal_slope) * step,
        ]
    };
    (0..=FURNACE_STEPS).map(node).collect()
}

/// The integral of h sqrt(z) over the hemisphere, z = cos theta_s, for a lobe whose axis has the cosine `y`; its slope
/// by y; both by ln sharpness.
fn furnace_at(lobe: &Form, y: f64, rule: &[(f64, f64); DOUBLE]) -> [f64; 4] {
    let s = ((1.0 - y) * (1.0 + y)).sqrt();
    let (elevation, width) = (libm::asin(y), (2.0 * NEGLIGIBLE / lobe.concentration).sqrt());
    // z = x^2 takes the root out of the integrand; the angle between directions is at least that of their elevations.
    let x_of = |elevation: f64| libm::sin(elevation.clamp(0.0, FRAC_PI_2)).sqrt();
    let (from, to) = (x_of(elevation - width), x_of(elevation + width));
    let mut sums = [0.0; 4];
    for (u, weight) in rule {
        let x = from + (to - from) * u;
        let z = x * x;
        let s_z = ((1.0 - z) * (1.0 + z)).sqrt();
        let half = libm::sin((libm::asin(z) - elevation) / 2.0);
        let end = 2.0 * libm::asin(lobe.half_sine_squared(s * s_z, 1.0).sqrt());
        // Both sides of the plane of incidence, dz = 2 x dx, and the root x.
        let weight = 4.0 * x * x * (to - from) * weight * end;
        for (v, inner) in rule {
            let half_phi = libm::sin(end * v / 2.0);
            let at = lobe.at(2.0 * (half * half + s * s_z * half_phi * half_phi));
            let e_by_y = y / s * s_z * (1.0 - 2.0 * half_phi * half_phi) - z;
            let weight = weight * inner;
            sums[0] += weight * at.value;
            sums[1] += weight * at.by_e * e_by_y;
            sums[2] += weight * at.by_log;
            sums[3] += weight * at.by_both * e_by_y;
        }
    }
    sums
}

#[cfg(test)]
mod tests;
