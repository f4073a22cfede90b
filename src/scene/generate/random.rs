//! A stream of random numbers for one purpose, from Philox: what one stream draws never moves another.

use crate::math::random::{philox, unit_interval};
use std::f64::consts::TAU;

/// The stream of `seed` and of up to three indices that say what it is for.
pub(super) struct Random {
    key: [u32; 2],
    counter: [u32; 4],
    /// Words of the current counter that are still to be given out.
    words: [u32; 4],
    left: usize,
}

impl Random {
    pub(super) fn new(seed: u64, purpose: [u32; 3]) -> Self {
        let key = [seed as u32, (seed >> 32) as u32];
        Random { key, counter: [0, purpose[0], purpose[1], purpose[2]], words: [0; 4], left: 0 }
    }

    fn word(&mut self) -> u32 {
        if self.left == 0 {
            self.words = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.left = 4;
        }
        self.left -= 1;
        self.words[self.left]
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        unit_interval(self.word())
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform among 0..count.
    pub(super) fn index(&mut self, count: usize) -> usize {
        // The product is below count: uniform() is at most 1 - 2^-32, and counts are far below 2^32.
        (self.uniform() * count as f64) as usize
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(TAU * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_has_mean_zero_and_variance_one() {
        let mut random = Random::new(7, [1, 2, 3]);
        let n = 40_000;
        let draws: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        // Five standard errors: 5/sqrt(n) and 5 sqrt(2/n).
        assert!(mean.abs() < 0.025, "{mean}");
        assert!((variance - 1.0).abs() < 0.036, "{variance}");
    }

    #[test]
    fn streams_of_other_seeds_and_purposes_differ() {
        let first = |seed, purpose| Random::new(seed, purpose).uniform();
        assert_ne!(first(1, [0; 3]), first(2, [0; 3]));
        assert_ne!(first(1, [0; 3]), first(1, [0, 0, 1]));
        assert_ne!(first(1, [0; 3]), first(1 << 32, [0; 3]));
    }
}
