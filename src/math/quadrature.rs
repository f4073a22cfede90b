//! Integrals as sums.

use std::f64::consts::PI;

/// Nodes and weights of the Gauss-Legendre rule with N nodes on [0, 1]: exact for polynomials up to degree 2N - 1.
pub fn gauss_legendre<const N: usize>() -> [(f64, f64); N] {
    std::array::from_fn(|i| {
        // Tricomi's estimate of the root is good to a few digits; each Newton step doubles them.
        let mut x = libm::cos(PI * (i as f64 + 0.75) / (N as f64 + 0.5));
        for _ in 0..8 {
            let (value, slope) = legendre(N, x);
            x -= value / slope;
        }
        let (_, slope) = legendre(N, x);
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    })
}

/// P_n(x) and its derivative, |x| below 1.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        let rule = gauss_legendre::<12>();
        for power in 0..24 {
            let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(power)).sum();
            assert!((sum * f64::from(power + 1) - 1.0).abs() < 1e-14, "{power}: {sum}");
        }
        assert!(rule.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
