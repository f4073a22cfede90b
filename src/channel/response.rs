//! A link over frequency (T51).

use super::{Delays, Link};
use crate::error::{Error, Fault, Result};
use crate::math::C64;
use crate::math::phase::{phasor_of_turns, turns_of_length};

/// Offsets of `count` subcarriers, `spacing` [Hz] apart, from the carrier [Hz]: k - floor(count/2) spacings, as an
/// OFDM modulator counts them after the shift of its transform.
///
/// # Errors
/// No subcarrier, or a spacing that is not above 0.
pub fn subcarrier_offsets(count: u32, spacing: f64) -> Result<Vec<f64>> {
    if count == 0 || !(spacing.is_finite() && spacing > 0.0) {
        let fault = Fault::new("output subcarriers, count and spacing", "at least one, spaced by more than 0 Hz");
        let fault = fault.value(format!("{count} x {spacing} Hz"));
        return Err(Error::job(fault.remedy("give a count and a bandwidth above 0")));
    }
    Ok((0..count).map(|k| (f64::from(k) - f64::from(count / 2)) * spacing).collect())
}

/// H(f_c + f) = sum of a e^{-j 2 pi (f_c + f) tau} (T51) at the `offsets` f [Hz] from a carrier,
/// `[receiver port, transmitter port, offset]`; `a` is that of the carrier.
pub fn frequency_response(link: &Link, carrier: usize, offsets: &[f64], delays: Delays) -> Vec<C64> {
    let (columns, count) = (link.transmitter_ports(), offsets.len());
    let first = link.first_length(delays);
    let mut response = vec![C64::ZERO; link.receiver_ports() * columns * count];
    let mut phases = vec![C64::ZERO; count];
    for path in link.paths() {
        let length = link.length(path, first);
        let carrier_phase = link.carrier_phase(length, carrier);
        for (phase, offset) in phases.iter_mut().zip(offsets) {
            *phase = carrier_phase * phasor_of_turns(turns_of_length(length, *offset));
        }
        for (r, t, a) in link.coefficients(path, carrier) {
            let response = &mut response[(r * columns + t) * count..][..count];
            for (h, phase) in response.iter_mut().zip(&phases) {
                *h += a * phase;
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::testing;
    use crate::constants::SPEED_OF_LIGHT;

    #[test]
    fn two_paths_beat_at_the_inverse_of_their_delay_difference() {
        // 1 and 0.5, 30 m apart: |H| between 1.5 and 0.5 with a period of c/30 m.
        let case = testing::two_paths();
        let period = SPEED_OF_LIGHT / 30.0;
        let offsets: Vec<f64> = (0..2).map(|k| f64::from(k) * period / 2.0).collect();
        let h = frequency_response(&case.link(), 0, &offsets, Delays::Absolute);
        let (low, high) = (h[0].norm().min(h[1].norm()), h[0].norm().max(h[1].norm()));
        let one_turn = frequency_response(&case.link(), 0, &[period], Delays::Absolute)[0];
        assert!((one_turn.norm() - h[0].norm()).abs() < 1e-9);
        // Half a period apart the two terms swap between sum and difference: |H1|^2 + |H2|^2 = 2 (1 + 1/4).
        assert!((low * low + high * high - 2.5).abs() < 1e-9);
        let shifted = frequency_response(&case.link(), 0, &offsets, Delays::FromFirst);
        // The shift of the origin turns the phase alone, by f x 30 m/c in both.
        assert!((shifted[1].norm() - h[1].norm()).abs() < 1e-9);
    }

    #[test]
    fn subcarriers_lie_about_the_carrier() {
        assert_eq!(subcarrier_offsets(4, 10.0).unwrap(), [-20.0, -10.0, 0.0, 10.0]);
        assert_eq!(subcarrier_offsets(3, 10.0).unwrap(), [-10.0, 0.0, 10.0]);
        assert!(subcarrier_offsets(0, 10.0).is_err() && subcarrier_offsets(3, -1.0).is_err());
    }
}
