//! Directions drawn as patterns and lobes scatter (T74).
//!
//! A lobe is drawn from the whole sphere, where it has a closed inverse, and what falls into the surface is lost: `None`.
//! The density that comes with a direction is that of the whole sphere, so that the mean of f/density over *all* draws,
//! lost ones as 0, is the integral of f: unbiased, with f/density at most 2 (an axis at the horizon loses half).

use super::pattern::{Directions, lobe_at};
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use crate::math::phase::sincos_of_turns;
use crate::scene::scattering::{Lobe, Part, Scattering, Shape, SingleLobe};
use std::f64::consts::PI;

/// A direction that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// Unit direction of travel of the scattered wave.
    pub k_s: Vec3,
    /// Probability density of the draw [1/sr].
    pub density: f64,
}

impl Scattering {
    /// Draws a direction by three numbers, uniform in [0, 1); `None` where it would enter the surface.
    pub fn sample(&self, k_i: &Vec3, n: &Vec3, u1: f64, u2: f64, u3: f64) -> Option<Drawn> {
        let (part, u1) = self.part_at(u1);
        let k_s = draw(part, k_i, n, u1, u2, u3);
        let density = self.sample_density(k_i, n, &k_s);
        (density > 0.0).then_some(Drawn { k_s, density })
    }

    /// Probability density with which [`Scattering::sample`] draws `k_s` [1/sr]; 0 into the surface.
    pub fn sample_density(&self, k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> f64 {
        let at = Directions::new(k_i, n, k_s);
        let sum: f64 = self.parts.iter().map(|part| part.weight * part_sample_density(part, &at)).sum();
        sum / self.total_weight
    }

    /// The part that `u` in [0, 1) falls on, by weight, and where within its share.
    fn part_at(&self, u: f64) -> (&Part, f64) {
        let mut rest = u * self.total_weight;
        for part in self.parts.iter() {
            if rest < part.weight {
                return (part, rest / part.weight);
            }
            rest -= part.weight;
        }
        // Rounding may leave nothing for the last part that has a weight.
        let heaviest = self.parts.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        (heaviest.expect("a pattern has a part"), 0.0)
    }
}

impl Lobe {
    /// Draws a direction by two numbers, uniform in [0, 1); `None` where it would enter the surface.
    pub fn sample(&self, k_i: &Vec3, n: &Vec3, u2: f64, u3: f64) -> Option<Drawn> {
        let k_s = draw(&self.part, k_i, n, 0.0, u2, u3);
        let density = self.sample_density(k_i, n, &k_s);
        (density > 0.0).then_some(Drawn { k_s, density })
    }

    /// Probability density with which [`Lobe::sample`] draws `k_s` [1/sr]; 0 into the surface.
    pub fn sample_density(&self, k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> f64 {
        part_sample_density(&self.part, &Directions::new(k_i, n, k_s))
    }
}

/// Probability density of a direction drawn from one part [1/sr]; 0 into the surface.
pub fn part_sample_density(part: &Part, at: &Directions) -> f64 {
    if at.cos_s <= 0.0 {
        return 0.0;
    }
    let (forward, backward) = masses(part);
    if forward + backward == 0.0 {
        return at.cos_s / PI;
    }
    let of = |lobe: &Option<SingleLobe>, share: f64, off: f64| {
        lobe.as_ref().map_or(0.0, |lobe| share * lobe_at(lobe.shape, lobe.sharpness, off).value)
    };
    let value = of(&part.forward, part.forward_share, at.off_forward);
    (value + of(&part.backward, 1.0 - part.forward_share, at.off_backward)) / (forward + backward)
}

/// Draws a direction from one part, into the surface too; `u1` chooses between its lobes.
pub fn draw(part: &Part, k_i: &Vec3, n: &Vec3, u1: f64, u2: f64, u3: f64) -> Vec3 {
    let along = k_i.dot(n);
    let (forward, backward) = masses(part);
    if forward + backward == 0.0 {
        let outward = if along > 0.0 { -n } else { *n };
        // 1 - cos of the cosine law: sin^2 uniform.
        return around(&outward, u2 / (1.0 + (1.0 - u2).sqrt()), u3);
    }
    let is_forward = u1 * (forward + backward) < forward;
    let (lobe, axis) = if is_forward { (&part.forward, k_i - n * (2.0 * along)) } else { (&part.backward, -k_i) };
    let off = lobe.as_ref().map_or(0.0, |lobe| off_at(lobe.shape, lobe.sharpness, u2));
    around(&axis, off, u3)
}

/// 1 - c of a lobe below which the share `u` of its sphere lies, from 0 to 2 (T74).
pub fn off_at(shape: Shape, sharpness: f64, u: f64) -> f64 {
    match shape {
        Shape::VonMisesFisher => (-libm::log1p(u * libm::expm1(-2.0 * sharpness)) / sharpness).min(2.0),
        Shape::CosinePower => -2.0 * libm::expm1(libm::log1p(-u) / (sharpness + 1.0)),
    }
}

/// What the forward and the backward lobe of a part hold over the whole sphere, by their shares [sr]; 0 and 0 of a
/// Lambertian part.
fn masses(part: &Part) -> (f64, f64) {
    let of = |lobe: &Option<SingleLobe>, share: f64| lobe.as_ref().map_or(0.0, |lobe| share * lobe.table.full);
    (of(&part.forward, part.forward_share), of(&part.backward, 1.0 - part.forward_share))
}

/// The direction whose cosine to `axis` is 1 - `off`, at the turn `u` in [0, 1) about it.
fn around(axis: &Vec3, off: f64, u: f64) -> Vec3 {
    let (a, b) = tangents_of(axis);
    let (sin, cos) = sincos_of_turns(u);
    axis * (1.0 - off) + (a * cos + b * sin) * (off * (2.0 - off)).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{arriving, every_part};
    use super::*;
    use crate::math::frame::direction_of;
    use crate::math::random::{philox, unit_interval};
    use std::f64::consts::TAU;

    const DRAWS: u32 = 200_000;

    fn numbers(draw: u32) -> [f64; 3] {
        let words = philox([draw, 0, 0, 0], [7, 11]);
        [unit_interval(words[0]), unit_interval(words[1]), unit_interval(words[2])]
    }

    fn patterns() -> Vec<Scattering> {
        let single = every_part(false).into_iter().chain(every_part(true)).map(|part| vec![part]);
        single.chain([every_part(false)]).map(|parts| Scattering::of_parts(1.0, 0.0, parts)).collect()
    }

    #[test]
    fn the_mean_of_density_over_probability_is_the_furnace() {
        let n = direction_of(2.0, 0.4);
        for pattern in patterns().iter().filter(|pattern| !pattern.parts[0].reciprocal) {
            for cos in [0.0, 0.05, 0.6, 1.0] {
                let k_i = arriving(&n, cos, 2.0);
                let (mut sum, mut squares) = (0.0, 0.0);
                for draw in 0..DRAWS / 10 {
                    let [u1, u2, u3] = numbers(draw);
                    let drawn = pattern.sample(&k_i, &n, u1, u2, u3);
                    let weight = drawn.map_or(0.0, |drawn| pattern.density(&k_i, &n, &drawn.k_s) / drawn.density);
                    assert!(weight < 2.0 + 1e-9 && drawn.is_none_or(|d| (d.k_s.norm() - 1.0).abs() < 1e-12));
                    sum += weight;
                    squares += weight * weight;
                }
                let draws = f64::from(DRAWS / 10);
                let mean = sum / draws;
                let error = ((squares / draws - mean * mean).max(0.0) / draws).sqrt();
                // So few draws may miss a loss that is rarer than they are.
                assert!((mean - 1.0).abs() < 4.5 * error + 3.0 / draws, "{pattern:?} {cos}: {mean} +- {error}");
            }
        }
    }

    #[test]
    fn draws_fill_the_hemisphere_as_their_density_says() {
        const ROWS: usize = 12;
        const COLUMNS: usize = 16;
        /// Midpoints within a cell, each way.
        const FINE: usize = 12;
        let (n, turn) = (Vec3::z(), 0.0);
        let is_broad = |lobe: &Option<SingleLobe>| lobe.as_ref().is_none_or(|lobe| lobe.sharpness < 100.0);
        let broad = |pattern: &&Scattering| pattern.parts.iter().all(|p| is_broad(&p.forward) && is_broad(&p.backward));
        for pattern in patterns().iter().filter(broad) {
            let k_i = arriving(&n, 0.35, turn);
            let mut counts = [[0.0; COLUMNS]; ROWS];
            for draw in 0..DRAWS {
                let [u1, u2, u3] = numbers(draw);
                if let Some(Drawn { k_s, .. }) = pattern.sample(&k_i, &n, u1, u2, u3) {
                    let turns = libm::atan2(k_s.y, k_s.x) / TAU + 0.5;
                    let (row, column) = ((k_s.z * ROWS as f64) as usize, (turns * COLUMNS as f64) as usize);
                    counts[row.min(ROWS - 1)][column.min(COLUMNS - 1)] += 1.0;
                }
            }
            let (mut chi_squared, mut cells) = (0.0, 0.0);
            let area = TAU / (ROWS * COLUMNS * FINE * FINE) as f64;
            for (cell, count) in counts.as_flattened().iter().enumerate() {
                let mut expected = 0.0;
                for fine in 0..FINE * FINE {
                    let z = ((cell / COLUMNS) as f64 + (fine / FINE) as f64 / FINE as f64 + 0.5 / FINE as f64)
                        / ROWS as f64;
                    let turns = (cell % COLUMNS) as f64 + (fine % FINE) as f64 / FINE as f64 + 0.5 / FINE as f64;
                    let phi = TAU * (turns / COLUMNS as f64 - 0.5);
                    let k_s = direction_of(libm::acos(z), phi);
                    expected += area * f64::from(DRAWS) * pattern.sample_density(&k_i, &n, &k_s);
                }
                if expected > 20.0 {
                    chi_squared += (count - expected).powi(2) / expected;
                    cells += 1.0;
                }
            }
            // Four and a half standard deviations of chi squared.
            assert!(
                chi_squared < cells + 4.5 * (2.0 * f64::max(cells, 1.0)).sqrt(),
                "{pattern:?}: {chi_squared} of {cells}"
            );
        }
    }

    #[test]
    fn sharp_lobes_are_drawn_with_their_width() {
        let n = direction_of(1.0, 1.0);
        let k_i = arriving(&n, 0.8, 0.0);
        for sharpness in [1e3, 1e8, 1e12] {
            for (shape, mean) in [(Shape::VonMisesFisher, 1.0), (Shape::CosinePower, 2.0)] {
                let lobe = Lobe::of_shape(shape, sharpness, false);
                let mut sum = 0.0;
                for draw in 0..DRAWS / 10 {
                    let [_, u2, u3] = numbers(draw);
                    let drawn = lobe.sample(&k_i, &n, u2, u3).unwrap();
                    sum += Directions::new(&k_i, &n, &drawn.k_s).off_forward * sharpness;
                    let relative = lobe.density(&k_i, &n, &drawn.k_s) / drawn.density;
                    assert!((relative - 1.0).abs() < 1e-6, "{relative}");
                }
                // The mean of 1 - c is 1/kappa, or 2/(alpha + 2); e is exponential, its deviation its mean.
                let found = sum / f64::from(DRAWS / 10);
                assert!((found / mean - 1.0).abs() < 4.5 / f64::from(DRAWS / 10).sqrt() + 2.0 / sharpness, "{found}");
            }
        }
    }

    #[test]
    fn every_number_draws_a_finite_direction() {
        let n = Vec3::z();
        for pattern in patterns() {
            for u in [[0.0; 3], [1.0 - f64::EPSILON; 3], [0.5, 0.0, 0.99], [1.0 - f64::EPSILON, 0.3, 0.0]] {
                for cos in [0.0, 1.0] {
                    let drawn = pattern.sample(&arriving(&n, cos, 0.3), &n, u[0], u[1], u[2]);
                    assert!(drawn.is_none_or(|d| d.k_s.iter().all(|x| x.is_finite()) && d.density.is_finite()));
                }
            }
        }
    }
}
