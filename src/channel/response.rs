//! A link over frequency (T51).

use super::{ChannelBar, Delays, Link};
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Fault, Result};
use crate::math::C64;
use crate::math::phase::{phasor_of_turns, turns_of_length};
use std::f64::consts::TAU;

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

/// The adjoint of [`frequency_response`], from `response_bar` `[receiver port, transmitter port, offset]`; adds to the bars
/// of coefficients and delays, and to that of the carrier [1/Hz], of which it takes the propagation phase alone.
pub fn frequency_response_vjp(
    link: &Link,
    carrier: usize,
    offsets: &[f64],
    delays: Delays,
    response_bar: &[C64],
    bar: &mut ChannelBar,
    carrier_bar: &mut f64,
) {
    let (columns, count) = (link.transmitter_ports(), offsets.len());
    let (first, centre) = (link.first_length(delays), link.channel.carriers[carrier]);
    let mut phases = vec![C64::ZERO; count];
    for path in link.paths() {
        let length = link.length(path, first);
        let carrier_phase = link.carrier_phase(length, carrier);
        for (phase, offset) in phases.iter_mut().zip(offsets) {
            *phase = carrier_phase * phasor_of_turns(turns_of_length(length, *offset));
        }
        // Of the turns of all phases together: weighted by the frequency, and plain.
        let (mut turn, mut carrier_turn) = (0.0, 0.0);
        link.coefficients_vjp(path, carrier, bar, |r, t, a| {
            let response_bar = &response_bar[(r * columns + t) * count..][..count];
            let mut a_bar = C64::ZERO;
            for ((h_bar, phase), offset) in response_bar.iter().zip(&phases).zip(offsets) {
                let pulled = phase.conj() * h_bar;
                let turned = (a.conj() * pulled).im;
                a_bar += pulled;
                turn -= turned * (centre + offset);
                carrier_turn -= turned;
            }
            a_bar
        });
        *carrier_bar += carrier_turn * TAU * length / SPEED_OF_LIGHT;
        link.length_vjp(path, delays, turn * TAU / SPEED_OF_LIGHT, bar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::testing;

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
    fn the_response_has_the_derivatives_of_its_adjoint() {
        let offsets = [-2e6, 0.0, 3e6];
        for delays in [Delays::Absolute, Delays::FromFirst] {
            let weights: Vec<C64> =
                (0..3).map(|k| C64::new(0.3 * f64::from(k) - 0.2, 0.7 - 0.4 * f64::from(k))).collect();
            testing::check_adjoint(
                |link| {
                    let h = frequency_response(link, 0, &offsets, delays);
                    h.iter().zip(&weights).map(|(h, w)| (w.conj() * h).re).sum()
                },
                |link, bar, carrier_bar| {
                    frequency_response_vjp(link, 0, &offsets, delays, &weights, bar, carrier_bar);
                },
            );
        }
    }

    #[test]
    fn subcarriers_lie_about_the_carrier() {
        assert_eq!(subcarrier_offsets(4, 10.0).unwrap(), [-20.0, -10.0, 0.0, 10.0]);
        assert_eq!(subcarrier_offsets(3, 10.0).unwrap(), [-10.0, 0.0, 10.0]);
        assert!(subcarrier_offsets(0, 10.0).is_err() && subcarrier_offsets(3, -1.0).is_err());
    }
}
