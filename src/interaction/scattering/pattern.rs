//! Densities of one lobe and of one part of a pattern (T60-T66, T70-T72).

use super::normaliser::{furnace, normaliser};
use crate::math::Vec3;
use crate::scene::scattering::{Part, Shape, SingleLobe};
use std::f64::consts::PI;

/// The directions at a point as patterns need them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directions {
    /// cos theta_i [-], 0 or above.
    pub cos_i: f64,
    /// cos theta_s [-]; 0 or below: into the surface.
    pub cos_s: f64,
    /// 1 - cos psi_r: the scattered wave against the mirror direction [-].
    pub off_forward: f64,
    /// 1 - cos psi_i: the scattered wave against the way back [-].
    pub off_backward: f64,
}

impl Directions {
    /// Folds the normal to the side that the wave comes from (T60).
    pub fn new(k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> Directions {
        let along = k_i.dot(n);
        let side = if along > 0.0 { -1.0 } else { 1.0 };
        // Half the squared distance of unit vectors is 1 - cos without its cancellation, which a sharp lobe would feel.
        let forward = k_i - n * (2.0 * along) - k_s;
        let backward = k_i + k_s;
        Directions {
            cos_i: along.abs(),
            cos_s: side * k_s.dot(n),
            off_forward: 0.5 * forward.norm_squared(),
            off_backward: 0.5 * backward.norm_squared(),
        }
    }
}

/// A lobe off its axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LobeAt {
    /// h [-], 1 on the axis.
    pub value: f64,
    /// dh/de [-], e = 1 - c.
    pub by_off: f64,
    /// dh/d ln sharpness [-].
    pub by_log: f64,
}

/// h and its derivatives at `off` = 1 - c, from 0 to 2 (T70, T71).
pub fn lobe_at(shape: Shape, sharpness: f64, off: f64) -> LobeAt {
    match shape {
        Shape::VonMisesFisher => {
            let value = libm::exp(-sharpness * off);
            LobeAt { value, by_off: -sharpness * value, by_log: -sharpness * off * value }
        }
        Shape::CosinePower => {
            // At the far pole the slope of a small power has no bound: the last of f64 stands for it.
            let base = (1.0 - off / 2.0).max(f64::EPSILON);
            let log = if off < 1.0 { libm::log1p(-off / 2.0) } else { libm::log(base) };
            let value = libm::exp(sharpness * log);
            LobeAt { value, by_off: -0.5 * sharpness * value / base, by_log: sharpness * log * value }
        }
    }
}

/// f [1/sr] of one part, normalised by itself; 0 into the surface.
pub fn part_density(part: &Part, at: &Directions) -> f64 {
    if at.cos_s <= 0.0 {
        return 0.0;
    }
    if part.forward.is_none() && part.backward.is_none() {
        return at.cos_s / PI;
    }
    let numerator = over_lobes(part, |share, lobe, off| share * lobe_at(lobe.shape, lobe.sharpness, off).value, at);
    if part.reciprocal {
        let whole = over_lobes(part, |share, lobe, _| share * lobe.table.normal, at);
        return numerator * at.cos_s.sqrt() / (whole * root_of_furnace(part, at, whole));
    }
    numerator / over_lobes(part, |share, lobe, _| share * normaliser(lobe, at.cos_i).area, at)
}

/// sqrt(cos_i) max(1, E(cos_i), E(cos_s)) for the part, `whole` its A_0 (T66).
fn root_of_furnace(part: &Part, at: &Directions, whole: f64) -> f64 {
    let root =
        |y: f64| over_lobes(part, |share, lobe, _| share * lobe.table.normal * furnace(lobe, y).root, at) / whole;
    let (incident, scattered) = (root(at.cos_i), root(at.cos_s) * (at.cos_i / at.cos_s).sqrt());
    incident.max(scattered)
}

/// The sum over the lobes of a part of what `of` makes of its share, the lobe and 1 - c.
fn over_lobes(part: &Part, of: impl Fn(f64, &SingleLobe, f64) -> f64, at: &Directions) -> f64 {
    let forward = part.forward.as_ref().map_or(0.0, |lobe| of(part.forward_share, lobe, at.off_forward));
    forward + part.backward.as_ref().map_or(0.0, |lobe| of(1.0 - part.forward_share, lobe, at.off_backward))
}
