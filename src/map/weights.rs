//! What a path is worth at a point of a map: the power between the weighted ports of its ends (T81).

use crate::math::C64;
use crate::path::field::Feed;
use crate::scene::radio::Radios;

/// The weighted ports of a link.
#[derive(Debug, Clone, Copy)]
pub struct Weighted<'a> {
    /// Weights of the transmitter's ports, or `None`: fed alike.
    transmit: Option<&'a [C64]>,
    /// Ports of the transmitter.
    ports: usize,
    /// Weights of the receiver's ports, or `None`: powers that add up.
    receive: Option<&'a [C64]>,
}

impl<'a> Weighted<'a> {
    /// Those of a receiver and a transmitter; of a transmitter whose ports send one wave together, that is its only port.
    pub fn new(radios: &'a Radios, [receiver, transmitter]: [usize; 2], feed: Feed) -> Weighted<'a> {
        let (receiver, transmitter) = (&radios.receivers[receiver], &radios.transmitters[transmitter]);
        let (transmit, ports) = match feed {
            Feed::EachPort => (transmitter.weights.as_deref(), radios.antenna(transmitter).ports()),
            Feed::Together => (None, 1),
        };
        Weighted { transmit, ports, receive: receiver.weights.as_deref() }
    }

    /// The power of a path over its coefficients `a` `[receiver port, transmitter port]` (T81).
    pub fn power(&self, a: &[C64]) -> f64 {
        let rows = a.chunks_exact(self.ports).map(|row| self.heard(row));
        match self.receive {
            None => rows.map(|heard| heard.norm_sqr()).sum(),
            Some(weights) => rows.zip(weights).map(|(heard, w)| heard * w).sum::<C64>().norm_sqr(),
        }
    }

    /// The adjoint of [`Weighted::power`] (T97); adds to `a_bar`.
    pub fn power_vjp(&self, a: &[C64], power_bar: f64, a_bar: &mut [C64]) {
        let rows = a.chunks_exact(self.ports).map(|row| self.heard(row));
        let combined: Option<C64> =
            self.receive.map(|weights| rows.clone().zip(weights).map(|(heard, w)| heard * w).sum());
        for (port, (heard, row_bar)) in rows.zip(a_bar.chunks_exact_mut(self.ports)).enumerate() {
            let heard = match (combined, self.receive) {
                (Some(sum), Some(weights)) => weights[port].conj() * sum,
                (_, _) => heard,
            };
            let heard_bar = heard * (2.0 * power_bar);
            match self.transmit {
                None => {
                    let each = heard_bar * (1.0 / (self.ports as f64).sqrt());
                    row_bar.iter_mut().for_each(|bar| *bar += each);
                }
                Some(weights) => row_bar.iter_mut().zip(weights).for_each(|(bar, w)| *bar += w.conj() * heard_bar),
            }
        }
    }

    /// What one port hears of the transmitter.
    fn heard(&self, row: &[C64]) -> C64 {
        match self.transmit {
            None => row.iter().sum::<C64>() / (self.ports as f64).sqrt(),
            Some(weights) => row.iter().zip(weights).map(|(a, w)| a * w).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;

    const A: [C64; 4] = [C64::new(1.0, 0.0), C64::new(0.0, 1.0), C64::new(2.0, 0.0), C64::new(0.0, -2.0)];
    const H: f64 = std::f64::consts::FRAC_1_SQRT_2;

    fn weighted<'a>(transmit: &'a [C64], receive: &'a [C64]) -> Weighted<'a> {
        let given = |weights: &'a [C64]| Some(weights).filter(|weights| !weights.is_empty());
        Weighted { transmit: given(transmit), ports: 2, receive: given(receive) }
    }

    #[test]
    fn ports_that_are_fed_alike_share_the_power() {
        // Rows (1 + j)/sqrt 2 and (2 - 2j)/sqrt 2: powers 1 and 4.
        assert!((weighted(&[], &[]).power(&A) - 5.0).abs() < 1e-15);
    }

    #[test]
    fn weights_steer_and_combine() {
        let steered = [C64::new(H, 0.0), C64::new(0.0, -H)];
        // Rows: (1 + 1)/sqrt 2 and (2 - 2)/sqrt 2.
        assert!((weighted(&steered, &[]).power(&A) - 2.0).abs() < 1e-15);
        let combined = [C64::new(0.6, 0.0), C64::new(0.0, 0.8)];
        assert!((weighted(&steered, &combined).power(&A) - 0.72).abs() < 1e-15);
    }

    #[test]
    fn powers_have_the_derivatives_of_their_adjoint() {
        let (steered, combined) = ([C64::new(H, 0.1), C64::new(0.2, -H)], [C64::new(0.6, -0.3), C64::new(0.1, 0.8)]);
        let by: [C64; 4] = [C64::new(0.3, -1.0), C64::new(0.7, 0.2), C64::new(-0.4, 0.9), C64::new(1.1, 0.5)];
        for transmit in [&[][..], &steered] {
            for receive in [&[][..], &combined] {
                let (mut a_bar, weighted) = ([C64::ZERO; 4], weighted(transmit, receive));
                weighted.power_vjp(&A, 1.5, &mut a_bar);
                let found: f64 = a_bar.iter().zip(&by).map(|(bar, by)| (bar.conj() * by).re).sum();
                let moved = |h: f64| 1.5 * weighted.power(&std::array::from_fn::<C64, 4, _>(|i| A[i] + by[i] * h));
                let (_, expected) = slope([1e-2, 5e-3], moved);
                assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} {expected}");
            }
        }
    }
}
