//! Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011) and the Fibonacci sphere.
//!
//! A number depends on its key and counter alone, so results do not depend on threads, tiles or order.

use super::phase::sincos_of_turns;
use super::{Mat3, Vec3};

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Four random words of the counter under the key (Philox 4x32, ten rounds).
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// Uniform in [0, 1) from 32 random bits.
pub fn unit_interval(word: u32) -> f64 {
    f64::from(word) * (1.0 / 4_294_967_296.0)
}

/// A normal number of mean 0 and variance 1 (Box and Muller).
pub fn normal(counter: [u32; 4], key: [u32; 2]) -> f64 {
    let words = philox(counter, key);
    let radius = (-2.0 * libm::log(1.0 - unit_interval(words[0]))).sqrt();
    radius * libm::cos(std::f64::consts::TAU * unit_interval(words[1]))
}

/// The key of a seed.
pub fn key_of(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// Direction `index` of `count` on the Fibonacci sphere: equal areas, deterministic (T5).
#[inline(always)]
pub fn fibonacci_direction(index: u64, count: u64) -> Vec3 {
    /// 1 - 1/golden ratio: the fraction of a turn between neighbours.
    const TURN: f64 = 0.381_966_011_250_105_15;
    let z = 1.0 - (2.0 * index as f64 + 1.0) / count as f64;
    let radius = (1.0 - z * z).max(0.0).sqrt();
    let (sin, cos) = sincos_of_turns(index as f64 * TURN);
    Vec3::new(radius * cos, radius * sin, z)
}

/// Directions `first`, `first + 1`, … of `count`, turned `[axis][lane]`: a loop without branches, which compilers work on lanes
/// together.
#[inline(always)]
pub fn turned_directions<const N: usize>(first: u64, count: u64, turn: &Mat3) -> [[f64; N]; 3] {
    let mut directions = [[0.0; N]; 3];
    for lane in 0..N {
        let k = fibonacci_direction(first + lane as u64, count);
        for (axis, row) in directions.iter_mut().enumerate() {
            row[lane] = turn[(axis, 0)] * k.x + turn[(axis, 1)] * k.y + turn[(axis, 2)] * k.z;
        }
    }
    directions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::frame::rotation_of;

    #[test]
    fn philox_meets_the_published_vectors() {
        // Known-answer tests of Random123 (kat_vectors, philox4x32 10).
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn directions_are_turned_one_by_one_or_together() {
        let turn = rotation_of([1.0, 0.4, -2.0]);
        for (first, count) in [(0, 1), (5, 20), (9_999_990, 10_000_000)] {
            let together = turned_directions::<16>(first, count, &turn);
            for lane in 0..16 {
                let alone = turn * fibonacci_direction(first + lane as u64, count);
                assert_eq!(together.map(|row| row[lane]), <[f64; 3]>::from(alone));
            }
        }
    }

    #[test]
    fn fibonacci_directions_are_balanced() {
        let n = 10_000;
        let sum: Vec3 = (0..n).map(|i| fibonacci_direction(i, n)).sum();
        assert!(sum.norm() / (n as f64) < 1e-3);
        assert!((0..n).all(|i| (fibonacci_direction(i, n).norm() - 1.0).abs() < 1e-12));
    }
}
