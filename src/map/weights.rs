//! What a path is worth at a point of a map: the power between the weighted ports of its ends (T81).

use crate::math::C64;
use crate::scene::radio::Radio;

/// The power of a path between two radios over its coefficients `a` `[receiver port, transmitter port]` (T81).
pub fn power(transmitter: &Radio, receiver: &Radio, transmit_ports: usize, a: &[C64]) -> f64 {
    let rows = a.chunks_exact(transmit_ports).map(|row| fed(transmitter, row));
    match &receiver.weights {
        None => rows.map(|heard| heard.norm_sqr()).sum(),
        Some(weights) => rows.zip(weights).map(|(heard, w)| heard * w).sum::<C64>().norm_sqr(),
    }
}

/// The adjoint of [`power`]; adds to `a_bar`.
pub fn power_vjp(
    transmitter: &Radio,
    receiver: &Radio,
    transmit_ports: usize,
    a: &[C64],
    power_bar: f64,
    a_bar: &mut [C64],
) {
    let rows = a.chunks_exact(transmit_ports).map(|row| fed(transmitter, row));
    let combined = receiver.weights.as_ref().map(|weights| {
        let sum: C64 = rows.clone().zip(weights).map(|(heard, w)| heard * w).sum();
        (sum, weights)
    });
    for (port, (heard, row_bar)) in rows.zip(a_bar.chunks_exact_mut(transmit_ports)).enumerate() {
        let heard_bar = match &combined {
            None => heard,
            Some((sum, weights)) => weights[port].conj() * sum,
        } * (2.0 * power_bar);
        match &transmitter.weights {
            None => {
                let each = heard_bar * (1.0 / (transmit_ports as f64).sqrt());
                row_bar.iter_mut().for_each(|bar| *bar += each);
            }
            Some(weights) => row_bar.iter_mut().zip(weights).for_each(|(bar, w)| *bar += w.conj() * heard_bar),
        }
    }
}

/// What one port hears of a transmitter between its weighted ports.
fn fed(transmitter: &Radio, row: &[C64]) -> C64 {
    match &transmitter.weights {
        None => row.iter().sum::<C64>() / (row.len() as f64).sqrt(),
        Some(weights) => row.iter().zip(weights).map(|(a, w)| a * w).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Vec3;
    use crate::math::difference::slope;

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

    #[test]
    fn powers_have_the_derivatives_of_their_adjoint() {
        let h = std::f64::consts::FRAC_1_SQRT_2;
        let (steered, combined) = (radio(&[[h, 0.1], [0.2, -h]]), radio(&[[0.6, -0.3], [0.1, 0.8]]));
        let by: [C64; 4] = [C64::new(0.3, -1.0), C64::new(0.7, 0.2), C64::new(-0.4, 0.9), C64::new(1.1, 0.5)];
        for [transmitter, receiver] in [&radio(&[]), &steered].into_iter().flat_map(|t| [&radio(&[]), &combined].map(|r| [t, r]))
        {
            let mut a_bar = [C64::ZERO; 4];
            power_vjp(transmitter, receiver, 2, &A, 1.5, &mut a_bar);
            let found: f64 = a_bar.iter().zip(&by).map(|(bar, by)| (bar.conj() * by).re).sum();
            let moved = |h: f64| 1.5 * power(transmitter, receiver, 2, &std::array::from_fn::<C64, 4, _>(|i| A[i] + by[i] * h));
            let (_, expected) = slope([1e-2, 5e-3], moved);
            assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} {expected}");
        }
    }
}
