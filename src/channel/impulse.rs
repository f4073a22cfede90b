//! A link over delay: the impulse response (T50) and its band-limited taps (T52).

use super::{ChannelBar, Delays, Link};
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Fault, Result};
use crate::math::C64;
use std::f64::consts::{PI, TAU};

/// The baseband impulse response of a link: sum over paths of a^b delta(t - tau).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImpulseResponse {
    /// a^b = a e^{-j 2 pi f_c tau} `[path, receiver port, transmitter port]`; 0 for port pairs that a path of single
    /// elements does not reach.
    pub a: Vec<C64>,
    /// Delay `[path]` [s].
    pub tau: Vec<f64>,
}

/// The taps that are wanted: l from `first` to `last` at the sampling rate `bandwidth`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TapWindow {
    bandwidth: f64,
    first: i32,
    last: i32,
}

/// Bound of the number of taps of one port pair.
const MAX_TAPS: i64 = 1 << 24;

impl TapWindow {
    /// Taps `first`..=`last` of bandwidth W = `bandwidth` [Hz].
    ///
    /// # Errors
    /// A bandwidth that is not above 0, `last` before `first`, or more than 2^24 taps.
    pub fn new(bandwidth: f64, first: i32, last: i32) -> Result<TapWindow> {
        if !(bandwidth.is_finite() && bandwidth > 0.0) {
            let fault = Fault::new("output.bandwidth_mhz", "finite and above 0").value(bandwidth / 1e6);
            return Err(Error::job(fault.remedy("give the bandwidth in MHz, such as 100")));
        }
        let count = i64::from(last) - i64::from(first) + 1;
        if !(1..=MAX_TAPS).contains(&count) {
            let fault = Fault::new("output taps, first to last", format!("1 to {MAX_TAPS} taps"));
            return Err(Error::job(fault.value(format!("{first} to {last}")).remedy("choose first <= last")));
        }
        Ok(TapWindow { bandwidth, first, last })
    }

    /// Numbers l of the taps, in order.
    pub fn numbers(&self) -> std::ops::RangeInclusive<i64> {
        i64::from(self.first)..=i64::from(self.last)
    }

    /// Number of taps.
    pub fn count(&self) -> usize {
        (i64::from(self.last) - i64::from(self.first) + 1) as usize
    }
}

/// The impulse response of a link at a carrier (T50).
pub fn impulse_response(link: &Link, carrier: usize, delays: Delays) -> ImpulseResponse {
    let (rows, columns) = (link.receiver_ports(), link.transmitter_ports());
    let first = link.first_length(delays);
    let mut response = ImpulseResponse { a: vec![C64::ZERO; link.paths().len() * rows * columns], tau: Vec::new() };
    for (i, path) in link.paths().enumerate() {
        let length = link.length(path, first);
        let phase = link.carrier_phase(length, carrier);
        for (r, t, a) in link.coefficients(path, carrier) {
            response.a[(i * rows + r) * columns + t] = a * phase;
        }
        response.tau.push(length / SPEED_OF_LIGHT);
    }
    response
}

/// The adjoint of [`impulse_response`], from `response_bar`, which holds the bars of a^b and of tau; adds to the bars of
/// coefficients and delays, and to that of the carrier [1/Hz], of which it takes the propagation phase alone.
pub fn impulse_response_vjp(
    link: &Link,
    carrier: usize,
    delays: Delays,
    response_bar: &ImpulseResponse,
    bar: &mut ChannelBar,
    carrier_bar: &mut f64,
) {
    let (rows, columns) = (link.receiver_ports(), link.transmitter_ports());
    let first = link.first_length(delays);
    for (i, path) in link.paths().enumerate() {
        let length = link.length(path, first);
        let phase = link.carrier_phase(length, carrier);
        let mut turn = 0.0;
        link.coefficients_vjp(path, carrier, bar, |r, t, a| {
            let pulled = phase.conj() * response_bar.a[(i * rows + r) * columns + t];
            turn -= (a.conj() * pulled).im;
            pulled
        });
        *carrier_bar += turn * TAU * length / SPEED_OF_LIGHT;
        let length_bar = (turn * TAU * link.channel.carriers[carrier] + response_bar.tau[i]) / SPEED_OF_LIGHT;
        link.length_vjp(path, delays, length_bar, bar);
    }
}

/// The taps h_l = sum of a^b sinc(l - W tau) (T52) of a link at a carrier, `[receiver port, transmitter port, tap]`.
pub fn taps(link: &Link, carrier: usize, window: &TapWindow, delays: Delays) -> Vec<C64> {
    let (columns, count) = (link.transmitter_ports(), window.count());
    let first = link.first_length(delays);
    let mut taps = vec![C64::ZERO; link.receiver_ports() * columns * count];
    let mut pulse = vec![0.0; count];
    for path in link.paths() {
        let length = link.length(path, first);
        let phase = link.carrier_phase(length, carrier);
        let position = f64::from(window.first) - window.bandwidth * length / SPEED_OF_LIGHT;
        let train = PulseTrain::new(position);
        for (l, pulse) in pulse.iter_mut().enumerate() {
            *pulse = train.at(l).0;
        }
        for (r, t, a) in link.coefficients(path, carrier) {
            let a = a * phase;
            let taps = &mut taps[(r * columns + t) * count..][..count];
            for (tap, pulse) in taps.iter_mut().zip(&pulse) {
                *tap += a * pulse;
            }
        }
    }
    taps
}

/// The adjoint of [`taps`], from `taps_bar` `[receiver port, transmitter port, tap]`; adds to the bars of coefficients and
/// delays, and to that of the carrier [1/Hz], of which it takes the propagation phase alone.
pub fn taps_vjp(
    link: &Link,
    carrier: usize,
    window: &TapWindow,
    delays: Delays,
    taps_bar: &[C64],
    bar: &mut ChannelBar,
    carrier_bar: &mut f64,
) {
    let (columns, count) = (link.transmitter_ports(), window.count());
    let first = link.first_length(delays);
    let mut pulse = vec![[0.0; 2]; count];
    for path in link.paths() {
        let length = link.length(path, first);
        let phase = link.carrier_phase(length, carrier);
        let position = f64::from(window.first) - window.bandwidth * length / SPEED_OF_LIGHT;
        let train = PulseTrain::new(position);
        for (l, pulse) in pulse.iter_mut().enumerate() {
            *pulse = train.at(l).into();
        }
        let (mut turn, mut position_bar) = (0.0, 0.0);
        link.coefficients_vjp(path, carrier, bar, |r, t, a| {
            let (mut by_value, mut by_slope) = (C64::ZERO, C64::ZERO);
            for (tap_bar, [value, slope]) in taps_bar[(r * columns + t) * count..][..count].iter().zip(&pulse) {
                by_value += tap_bar * value;
                by_slope += tap_bar * slope;
            }
            let pulled = phase.conj() * by_value;
            turn -= (a.conj() * pulled).im;
            position_bar += (a.conj() * phase.conj() * by_slope).re;
            pulled
        });
        *carrier_bar += turn * TAU * length / SPEED_OF_LIGHT;
        let by_phase = turn * TAU * link.channel.carriers[carrier];
        link.length_vjp(path, delays, (by_phase - position_bar * window.bandwidth) / SPEED_OF_LIGHT, bar);
    }
}

/// sinc(x) = sin(pi x)/(pi x) at x = position, position + 1, ...: sine and cosine of all are those of the first, but for
/// their sign.
struct PulseTrain {
    position: f64,
    sine: f64,
    cosine: f64,
}

impl PulseTrain {
    fn new(position: f64) -> PulseTrain {
        // Of the rest after half turns, which keeps all its digits: sinc is 0 at integers, and near 1 about 0.
        let whole = position.round();
        let (sine, cosine) = libm::sincos(PI * (position - whole));
        let sign = if whole % 2.0 == 0.0 { 1.0 } else { -1.0 };
        PulseTrain { position, sine: sign * sine, cosine: sign * cosine }
    }

    /// sinc and its derivative `l` after the first.
    #[inline]
    fn at(&self, l: usize) -> (f64, f64) {
        /// Below this the difference of cosine and sinc has fewer digits than the first terms of its series.
        const NEAR_0: f64 = 1e-3;
        let x = self.position + l as f64;
        if x == 0.0 {
            return (1.0, 0.0);
        }
        let sign = if l.is_multiple_of(2) { 1.0 } else { -1.0 };
        let value = sign * self.sine / (PI * x);
        if x.abs() < NEAR_0 {
            let square = PI * PI * x * x;
            return (value, -PI * PI * x / 3.0 * (1.0 - square / 10.0));
        }
        (value, (sign * self.cosine - value) / x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::testing;

    /// sin(pi x)/(pi x).
    fn sinc(x: f64) -> f64 {
        PulseTrain::new(x).at(0).0
    }

    #[test]
    fn a_train_of_pulses_is_sinc_at_each() {
        for position in [-3.3, -0.4, 2.0, 1e4 + 0.123] {
            let train = PulseTrain::new(position);
            for l in 0..9 {
                let (value, slope) = train.at(l);
                let (x, alone) = (position + l as f64, PulseTrain::new(position + l as f64).at(0));
                assert!((value - alone.0).abs() < 1e-12 && (slope - alone.1).abs() < 1e-11, "{x}");
            }
        }
    }

    #[test]
    fn sinc_is_1_at_0_and_0_at_other_integers() {
        assert_eq!(sinc(0.0), 1.0);
        for l in [-1e6, -3.0, 1.0, 2.0, 1e9] {
            assert!(sinc(l).abs() < 1e-16);
        }
        assert!((sinc(0.5) - 2.0 / PI).abs() < 1e-15);
        assert!((sinc(1e-9) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn responses_have_the_derivatives_of_their_adjoints() {
        for x in [0.0, 1e-9, 9e-4, 1.1e-3, 0.7, 1.0, -3.0, 40.2] {
            let (_, expected) = crate::math::difference::slope([1e-3, 5e-4], |h| sinc(x + h));
            let slope = PulseTrain::new(x).at(0).1;
            assert!((slope - expected).abs() < 1e-10, "{x}: {slope} {expected}");
        }
        let weights: Vec<C64> = (0..5).map(|k| C64::new(0.3 * f64::from(k) - 0.2, 0.7 - 0.4 * f64::from(k))).collect();
        let window = TapWindow::new(13e6, 0, 4).unwrap();
        for delays in [Delays::Absolute, Delays::FromFirst] {
            let product = |of: &[C64]| of.iter().zip(&weights).map(|(z, weight)| (weight.conj() * z).re).sum::<f64>();
            testing::check_adjoint(
                |link| product(&taps(link, 0, &window, delays)),
                |link, bar, carrier_bar| taps_vjp(link, 0, &window, delays, &weights, bar, carrier_bar),
            );
            let response_bar = ImpulseResponse { a: weights[..2].to_vec(), tau: vec![4e7, -1e7] };
            testing::check_adjoint(
                |link| {
                    let found = impulse_response(link, 0, delays);
                    product(&found.a) + found.tau.iter().zip(&response_bar.tau).map(|(t, bar)| t * bar).sum::<f64>()
                },
                |link, bar, carrier_bar| impulse_response_vjp(link, 0, delays, &response_bar, bar, carrier_bar),
            );
        }
    }

    #[test]
    fn taps_sum_to_the_channel_at_the_carrier() {
        // sum over all l of sinc(l - x) = 1: the taps add up to the response at offset 0.
        let case = testing::two_paths();
        let link = case.link();
        let window = TapWindow::new(100e6, -20_000, 20_000).unwrap();
        let sum: C64 = taps(&link, 0, &window, Delays::Absolute).iter().sum();
        let response = impulse_response(&link, 0, Delays::Absolute);
        let expected: C64 = response.a.iter().sum();
        // The tails beyond the window are of the order of 1/(pi 20000).
        assert!((sum - expected).norm() < 1e-4 * expected.norm(), "{sum} {expected}");
    }

    #[test]
    fn a_path_on_a_tap_meets_no_other() {
        let case = testing::two_paths();
        // 30 m and 60 m at W = c/30 m: taps 1 and 2, or 0 and 1 from the first arrival.
        let window = TapWindow::new(SPEED_OF_LIGHT / 30.0, 0, 3).unwrap();
        let absolute = taps(&case.link(), 0, &window, Delays::Absolute);
        let shifted = taps(&case.link(), 0, &window, Delays::FromFirst);
        for (l, expected) in [0.0, 1.0, 0.5, 0.0].into_iter().enumerate() {
            assert!((absolute[l].norm() - expected).abs() < 1e-12, "{l}");
        }
        assert!((shifted[0] - 1.0).norm() < 1e-12 && (shifted[1].norm() - 0.5).abs() < 1e-12);
        assert_eq!(impulse_response(&case.link(), 0, Delays::FromFirst).tau, [0.0, 30.0 / SPEED_OF_LIGHT]);
    }

    #[test]
    fn a_link_without_paths_is_silent() {
        let case = testing::no_paths();
        assert_eq!(impulse_response(&case.link(), 0, Delays::FromFirst), ImpulseResponse::default());
        let window = TapWindow::new(1e8, -2, 2).unwrap();
        assert_eq!(taps(&case.link(), 0, &window, Delays::FromFirst), [C64::ZERO; 5]);
    }

    #[test]
    fn bad_windows_are_refused() {
        for (bandwidth, first, last) in [(0.0, 0, 1), (f64::NAN, 0, 1), (1e8, 2, 1), (1e8, i32::MIN, i32::MAX)] {
            assert!(TapWindow::new(bandwidth, first, last).is_err());
        }
    }
}
