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

    /// All 0: the bars to begin with.
    pub fn zero() -> Directions {
        Directions { cos_i: 0.0, cos_s: 0.0, off_forward: 0.0, off_backward: 0.0 }
    }

    /// The adjoint of [`Directions::new`]; adds to `bar`. Coordinates count as free: what a change of length would do is
    /// for the caller to project out.
    pub fn new_vjp(k_i: &Vec3, n: &Vec3, k_s: &Vec3, at_bar: &Directions, bar: &mut DirectionsBar) {
        let along = k_i.dot(n);
        let side = if along > 0.0 { -1.0 } else { 1.0 };
        bar.k_i -= n * (side * at_bar.cos_i);
        bar.n -= k_i * (side * at_bar.cos_i);
        bar.k_s += n * (side * at_bar.cos_s);
        bar.n += k_s * (side * at_bar.cos_s);
        let forward_bar = (k_i - n * (2.0 * along) - k_s) * at_bar.off_forward;
        let across = forward_bar.dot(n);
        bar.k_i += forward_bar - n * (2.0 * across);
        bar.n -= (forward_bar * along + k_i * across) * 2.0;
        bar.k_s -= forward_bar;
        let backward_bar = (k_i + k_s) * at_bar.off_backward;
        bar.k_i += backward_bar;
        bar.k_s += backward_bar;
    }
}

/// Bars of the three directions at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DirectionsBar {
    /// Of the direction of the incident wave.
    pub k_i: Vec3,
    /// Of the normal.
    pub n: Vec3,
    /// Of the direction of the scattered wave.
    pub k_s: Vec3,
}

impl DirectionsBar {
    /// Nothing yet.
    pub fn zero() -> DirectionsBar {
        DirectionsBar { k_i: Vec3::zeros(), n: Vec3::zeros(), k_s: Vec3::zeros() }
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
        let (incident, scattered) = roots_of_furnace(part, at, whole);
        return numerator * at.cos_s.sqrt() / (whole * incident.max(scattered));
    }
    numerator / over_lobes(part, |share, lobe, _| share * normaliser(lobe, at.cos_i).area, at)
}

/// Bars of what a part is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PartBar {
    /// Of the weight as written.
    pub weight: f64,
    /// Of the share of the forward lobe, where there are two.
    pub forward_share: f64,
    /// Of the forward lobe's sharpness.
    pub forward: f64,
    /// Of the backward lobe's sharpness.
    pub backward: f64,
}

impl PartBar {
    /// Adds another one.
    pub fn add(&mut self, bar: &PartBar) {
        self.weight += bar.weight;
        self.forward_share += bar.forward_share;
        self.forward += bar.forward;
        self.backward += bar.backward;
    }
}

/// The adjoint of [`part_density`]; adds to `at_bar` and, but for the weight, to `part_bar`. Where the larger of two terms
/// counts, the other gets nothing; into the surface nothing gets anything.
pub fn part_density_vjp(part: &Part, at: &Directions, f_bar: f64, at_bar: &mut Directions, part_bar: &mut PartBar) {
    if at.cos_s <= 0.0 {
        return;
    }
    if part.forward.is_none() && part.backward.is_none() {
        at_bar.cos_s += f_bar / PI;
        return;
    }
    let f = part_density(part, at);
    let mut terms = if part.reciprocal {
        reciprocal_terms(part, at, f_bar, f, at_bar)
    } else {
        let area = over_lobes(part, |share, lobe, _| share * normaliser(lobe, at.cos_i).area, at);
        Terms { numerator_bar: f_bar / area, area_bar: -f_bar * f / area, root_bar: 0.0, y: at.cos_i, y_bar: 0.0 }
    };
    let forward = part.forward.as_ref().map(|lobe| terms.pull(part, lobe, part.forward_share, at.off_forward));
    let backward = part.backward.as_ref().map(|lobe| terms.pull(part, lobe, 1.0 - part.forward_share, at.off_backward));
    if terms.y == at.cos_i {
        at_bar.cos_i += terms.y_bar;
    } else {
        at_bar.cos_s += terms.y_bar;
    }
    if let (Some(forward), Some(backward)) = (&forward, &backward) {
        part_bar.forward_share += forward.share - backward.share;
    }
    let (forward, backward) = (forward.unwrap_or_default(), backward.unwrap_or_default());
    at_bar.off_forward += forward.off;
    at_bar.off_backward += backward.off;
    part_bar.forward += forward.sharpness;
    part_bar.backward += backward.sharpness;
}

/// What f depends on, as bars: the sum over lobes above, the integral below, and for a reciprocal part the furnace.
struct Terms {
    numerator_bar: f64,
    area_bar: f64,
    root_bar: f64,
    /// The cosine at which integral and furnace are taken, and its bar.
    y: f64,
    y_bar: f64,
}

/// Bars of one lobe of a part.
#[derive(Default)]
struct LobeBar {
    share: f64,
    off: f64,
    sharpness: f64,
}

impl Terms {
    /// The bars of one lobe; adds to the bar of the cosine.
    fn pull(&mut self, part: &Part, lobe: &SingleLobe, share: f64, off: f64) -> LobeBar {
        let h = lobe_at(lobe.shape, lobe.sharpness, off);
        let (by_share, by_log, by_cosine) = if part.reciprocal {
            let (normal, q) = (lobe.table.normal, furnace(lobe, self.y));
            let both = self.area_bar + self.root_bar * q.root;
            let by_log = lobe.table.normal_slope * both + self.root_bar * q.by_log;
            (normal * both, normal * by_log, normal * self.root_bar * q.by_cosine)
        } else {
            let area = normaliser(lobe, self.y);
            (self.area_bar * area.area, self.area_bar * area.by_log, self.area_bar * area.by_cosine)
        };
        self.y_bar += share * by_cosine;
        LobeBar {
            share: self.numerator_bar * h.value + by_share,
            off: self.numerator_bar * share * h.by_off,
            sharpness: share * (self.numerator_bar * h.by_log + by_log) / lobe.sharpness,
        }
    }
}

/// The terms of f = numerator sqrt(cos_s)/(whole root), root the larger of [`roots_of_furnace`].
fn reciprocal_terms(part: &Part, at: &Directions, f_bar: f64, f: f64, at_bar: &mut Directions) -> Terms {
    let whole = over_lobes(part, |share, lobe, _| share * lobe.table.normal, at);
    let (incident, scattered) = roots_of_furnace(part, at, whole);
    let root = incident.max(scattered);
    let mut root_bar = -f_bar * f / root;
    let mut y = at.cos_i;
    at_bar.cos_s += 0.5 * f_bar * f / at.cos_s;
    if scattered > incident {
        at_bar.cos_i += 0.5 * root_bar * root / at.cos_i;
        at_bar.cos_s -= 0.5 * root_bar * root / at.cos_s;
        root_bar *= (at.cos_i / at.cos_s).sqrt();
        y = at.cos_s;
    }
    // The root is a mean over lobes: numbers times their integrals, over `whole`.
    let own_root = if y == at.cos_i { incident } else { scattered / (at.cos_i / at.cos_s).sqrt() };
    Terms {
        numerator_bar: f_bar * at.cos_s.sqrt() / (whole * root),
        area_bar: -f_bar * f / whole - root_bar * own_root / whole,
        root_bar: root_bar / whole,
        y,
        y_bar: 0.0,
    }
}

/// sqrt(cos_i) max(1, E) for the part, E at the incident and at the scattered angle, `whole` its A_0 (T66).
fn roots_of_furnace(part: &Part, at: &Directions, whole: f64) -> (f64, f64) {
    let root =
        |y: f64| over_lobes(part, |share, lobe, _| share * lobe.table.normal * furnace(lobe, y).root, at) / whole;
    (root(at.cos_i), root(at.cos_s) * (at.cos_i / at.cos_s).sqrt())
}

/// The sum over the lobes of a part of what `of` makes of its share, the lobe and 1 - c.
fn over_lobes(part: &Part, of: impl Fn(f64, &SingleLobe, f64) -> f64, at: &Directions) -> f64 {
    let forward = part.forward.as_ref().map_or(0.0, |lobe| of(part.forward_share, lobe, at.off_forward));
    forward + part.backward.as_ref().map_or(0.0, |lobe| of(1.0 - part.forward_share, lobe, at.off_backward))
}
