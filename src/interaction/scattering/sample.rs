//! Directions drawn from patterns and lobes (T74).

use super::{Directions, Lobe, Part, Scattering, Shape, SingleLobe, lobe_at};
use crate::interaction::reflection::mirror;
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use std::f64::consts::{PI, TAU};

/// A direction that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Unit direction of travel, on the side that the wave came from.
    pub direction: Vec3,
    /// Probability density with which it is drawn [1/sr].
    pub density: f64,
}

impl Scattering {
    /// A direction drawn about as the pattern scatters, from three numbers in [0, 1); `None` if the draw is lost below the
    /// surface, which counts as a draw all the same (T74).
    pub fn sample(&self, k_i: &Vec3, n: &Vec3, [choice, first, second]: [f64; 3]) -> Option<Sampled> {
        let wanted = choice * self.total_weight;
        let mut before = 0.0;
        let mut chosen = None;
        for part in self.parts.iter().filter(|part| part.weight > 0.0) {
            // The last one takes what rounding leaves.
            chosen = Some((part, ((wanted - before) / part.weight).clamp(0.0, 1.0)));
            before += part.weight;
            if wanted < before {
                break;
            }
        }
        let (part, rest) = chosen?;
        let direction = drawn(part, k_i, n, [rest, first, second]);
        let at = Directions::new(k_i, n, &direction);
        let chance: f64 = self.parts.iter().map(|part| part.weight * chance_of(part, &at)).sum();
        (at.cos_s > 0.0).then(|| Sampled { direction, density: chance / self.total_weight })
    }
}

impl Lobe {
    /// A direction drawn about as the lobe scatters; as [`Scattering::sample`].
    pub fn sample(&self, k_i: &Vec3, n: &Vec3, numbers: [f64; 3]) -> Option<Sampled> {
        let direction = drawn(&self.part, k_i, n, numbers);
        let at = Directions::new(k_i, n, &direction);
        (at.cos_s > 0.0).then(|| Sampled { direction, density: chance_of(&self.part, &at) })
    }

    /// kappa of the von Mises-Fisher lobe that is as wide [-].
    pub fn concentration(&self) -> f64 {
        self.part.forward.as_ref().map_or(0.0, |lobe| match lobe.shape {
            Shape::VonMisesFisher => lobe.sharpness,
            Shape::CosinePower => lobe.sharpness / 2.0,
        })
    }
}

/// A direction from one part; it may be below the surface.
fn drawn(part: &Part, k_i: &Vec3, n: &Vec3, [choice, first, second]: [f64; 3]) -> Vec3 {
    let side = n * if k_i.dot(n) > 0.0 { -1.0 } else { 1.0 };
    let about = |axis: &Vec3, off: f64| {
        let (u, v) = tangents_of(axis);
        let sine = (off * (2.0 - off)).max(0.0).sqrt();
        let (sin, cos) = libm::sincos(TAU * second);
        u * (sine * cos) + v * (sine * sin) + axis * (1.0 - off)
    };
    match (&part.forward, &part.backward) {
        (Some(lobe), backward) if choice < part.forward_share || backward.is_none() => {
            about(&mirror(k_i, n).normalize(), off_axis(lobe, first))
        }
        (_, Some(lobe)) => about(&-k_i, off_axis(lobe, first)),
        // Lambert's cosine.
        (_, None) => about(&side, 1.0 - (1.0 - first).sqrt()),
    }
}

/// 1 - c of a lobe over the whole sphere at the quantile `u`.
fn off_axis(lobe: &SingleLobe, u: f64) -> f64 {
    let off = match lobe.shape {
        Shape::VonMisesFisher => -libm::log1p(u * libm::expm1(-2.0 * lobe.sharpness)) / lobe.sharpness,
        Shape::CosinePower => -2.0 * libm::expm1(libm::log1p(-u) / (lobe.sharpness + 1.0)),
    };
    off.clamp(0.0, 2.0)
}

/// The density with which [`drawn`] draws a direction [1/sr].
fn chance_of(part: &Part, at: &Directions) -> f64 {
    let of = |lobe: &SingleLobe, off: f64| lobe_at(lobe.shape, lobe.sharpness, off).value / whole(lobe);
    let forward = |lobe: &SingleLobe| of(lobe, at.off_forward);
    let backward = |lobe: &SingleLobe| of(lobe, at.off_backward);
    match (&part.forward, &part.backward) {
        (Some(f), Some(b)) => part.forward_share * forward(f) + (1.0 - part.forward_share) * backward(b),
        (Some(lobe), None) => forward(lobe),
        (None, Some(lobe)) => backward(lobe),
        (None, None) => at.cos_s.max(0.0) / PI,
    }
}

/// The integral of h over the whole sphere [sr].
fn whole(lobe: &SingleLobe) -> f64 {
    match lobe.shape {
        Shape::VonMisesFisher => -TAU * libm::expm1(-2.0 * lobe.sharpness) / lobe.sharpness,
        Shape::CosinePower => 4.0 * PI / (lobe.sharpness + 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::frame::direction_of;
    use crate::math::random::{philox, unit_interval};
    use crate::scene::description::PatternDescription;

    /// The mean of f/p over draws, lost ones counted as 0: the white furnace by sampling.
    fn furnace(density: impl Fn(&Vec3) -> f64, sample: impl Fn([f64; 3]) -> Option<Sampled>) -> (f64, f64) {
        let count = 200_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for i in 0..count {
            let [a, b, c, _] = philox([i, 0, 0, 0], [5, 9]).map(unit_interval);
            let value = sample([a, b, c]).map_or(0.0, |sampled| density(&sampled.direction) / sampled.density);
            (sum, squares) = (sum + value, squares + value * value);
        }
        let (n, mean) = (f64::from(count), sum / f64::from(count));
        (mean, ((squares / n - mean * mean).max(0.0) / n).sqrt())
    }

    #[test]
    fn what_is_drawn_by_its_density_fills_the_furnace() {
        let n = Vec3::z();
        let patterns = [
            PatternDescription::Lambertian {},
            PatternDescription::Directive { alpha: 7.3, reciprocal: false },
            PatternDescription::Backscattering { alpha_r: 8.0, alpha_i: 3.5, lambda: 0.6, reciprocal: false },
        ];
        for degrees in [0.0f64, 40.0, 80.0] {
            let k_i = -direction_of(degrees.to_radians(), 0.4);
            for pattern in &patterns {
                let pattern = Scattering::new(1.0, 0.0, pattern);
                let (mean, error) = furnace(|k_s| pattern.density(&k_i, &n, k_s), |u| pattern.sample(&k_i, &n, u));
                assert!((mean - 1.0).abs() < 4.0 * error + 1e-9, "{degrees}: {mean} +- {error}");
            }
            for (shape, sharpness) in [(Shape::VonMisesFisher, 30.0), (Shape::CosinePower, 2e5)] {
                let lobe = Lobe::of_shape(shape, sharpness, false);
                let (mean, error) = furnace(|k_s| lobe.density(&k_i, &n, k_s), |u| lobe.sample(&k_i, &n, u));
                assert!((mean - 1.0).abs() < 4.0 * error + 1e-6, "{shape:?} {degrees}: {mean} +- {error}");
            }
        }
    }

    #[test]
    fn draws_lie_as_far_off_the_axis_as_the_lobe_says() {
        // E[1 - c] = 1/kappa of a narrow von Mises-Fisher lobe, 2/(alpha + 2) of a cosine power.
        for (shape, sharpness, expected) in
            [(Shape::VonMisesFisher, 1e4, 1e-4), (Shape::VonMisesFisher, 1e11, 1e-11), (Shape::CosinePower, 8.0, 0.2)]
        {
            let lobe = SingleLobe::new(shape, sharpness, false);
            let mean: f64 = (0..100_000).map(|i| off_axis(&lobe, (f64::from(i) + 0.5) / 1e5)).sum::<f64>() / 1e5;
            assert!((mean / expected - 1.0).abs() < 2e-4, "{shape:?} {sharpness}: {mean}");
        }
    }
}
