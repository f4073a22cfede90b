//! What a path is worth at a point of a map: the power between the weighted ports of its ends (T81).

use crate::math::C64;
use crate::scene::radio::Radio;

/// The power of a path between two radios over its coefficients `a` `[receiver port, transmitter port]` (T81).
pub fn power(transmitter: &Radio, receiver: &Radio, transmit_ports: usize, a: &[C64]) -> f64 {
    let fed = |row: &[C64]| -> C64 {
        match &transmitter.weights {
            None => row.iter().sum::<C64>() / (transmit_ports as f64).sqrt(),
            Some(weights) => row.iter().zip(weights).map(|(a, w)| a * w).sum(),
        }
    };
    let rows = a.chunks_exact(transmit_ports);
    match &receiver.weights {
        None => rows.map(|row| fed(row).norm_sqr()).sum(),
        Some(weights) => rows.zip(weights).map(|(row, w)| fed(row) * w).sum::<C64>().norm_sqr(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Vec3;

    const A: [C64; 4] = [C64::new(1.0, 0.0), C64::new(0.0, 1.0), C64::new(2.0, 0.0), C64::new(0.0, -2.0)];

    fn radio(weights: &[[f64; 2]]) -> Radio {
        let weights: Vec<C64> = weights.iter().map(|[re, im]| C64::new(*re, *im)).collect();
        let (position, velocity) = (Vec3::zeros(), Vec3::zeros());
        let weights = (!weights.is_empty()).then_some(weights);
        Radio { name: String::new(), position, orientation: [0.0; 3], velocity, power: 1.0, antenna: 0, weights }
    }

    #[test]
    fn ports_that_are_fed_alike_share_the_power() {
        // Rows (1 + j)/sqrt 2 and (2 - 2j)/sqrt 2: powers 1 and 4.
        assert!((power(&radio(&[]), &radio(&[]), 2, &A) - 5.0).abs() < 1e-15);
    }

    #[test]
    fn weights_steer_and_combine() {
        let h = std::f64::consts::FRAC_1_SQRT_2;
        let steered = radio(&[[h, 0.0], [0.0, -h]]);
        // Rows: (1 + 1)/sqrt 2 and (2 - 2)/sqrt 2.
        assert!((power(&steered, &radio(&[]), 2, &A) - 2.0).abs() < 1e-15);
        assert!((power(&steered, &radio(&[[0.6, 0.0], [0.0, 0.8]]), 2, &A) - 0.72).abs() < 1e-15);
    }
}
