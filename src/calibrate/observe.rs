//! What a receiver would have measured of a computed link (T101), and the adjoint of it.

use super::measurement::{QUANTITIES, Quantity};
use crate::channel::impulse::{TapWindow, taps, taps_vjp};
use crate::channel::response::{frequency_response, frequency_response_vjp};
use crate::channel::statistics::{StatisticsBar, statistics, statistics_vjp};
use crate::channel::{ChannelBar, Delays, Link};
use crate::math::C64;

/// How a receiver measures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instrument {
    /// The taps that band power and tap delay spread are made of.
    pub window: Option<TapWindow>,
    /// Sampling rate of the taps [Hz].
    pub bandwidth: f64,
    /// Offsets of the subcarriers of a measured response from the carrier [Hz].
    pub offsets: Vec<f64>,
    /// Where the time of a link begins.
    pub delays: Delays,
    /// Which quantities are needed `[quantity]`.
    pub wants: [bool; QUANTITIES],
}

/// Quantities of a link `[quantity]`; `None` where a quantity is not wanted or not defined: delay spreads without power.
pub type Observed = [Option<f64>; QUANTITIES];
/// Their bars.
pub type ObservedBar = [f64; QUANTITIES];

impl Instrument {
    fn wants(&self, quantity: Quantity) -> bool {
        self.wants[quantity as usize]
    }

    /// The quantities of a link at a carrier.
    pub fn observe(&self, link: &Link, carrier: usize) -> Observed {
        let mut observed = [None; QUANTITIES];
        if self.wants(Quantity::PathGain) || self.wants(Quantity::RmsDelaySpread) {
            let found = statistics(link, carrier);
            observed[Quantity::PathGain as usize] = Some(found.path_gain);
            observed[Quantity::RmsDelaySpread as usize] = found.rms_delay_spread;
        }
        if let Some(window) = self.window.filter(|_| self.needs_taps()) {
            let moments = Moments::of(&taps(link, carrier, &window, self.delays), &window, pairs(link));
            observed[Quantity::BandPower as usize] = Some(moments.power);
            observed[Quantity::TapDelaySpread as usize] = moments.spread(self.bandwidth);
        }
        observed
    }

    /// The adjoint of [`Instrument::observe`], from bars of what it yields; adds to `bar`, and to the bar of the carrier.
    pub fn observe_vjp(
        &self,
        link: &Link,
        carrier: usize,
        own: &ObservedBar,
        bar: &mut ChannelBar,
        carrier_bar: &mut f64,
    ) {
        let of = |quantity: Quantity| own[quantity as usize];
        let [gain, spread] = [of(Quantity::PathGain), of(Quantity::RmsDelaySpread)];
        if gain != 0.0 || spread != 0.0 {
            let statistics_bar =
                StatisticsBar { path_gain: gain, rms_delay_spread: spread, ..StatisticsBar::default() };
            statistics_vjp(link, carrier, &statistics_bar, bar);
        }
        let [power, spread] = [of(Quantity::BandPower), of(Quantity::TapDelaySpread)];
        if let Some(window) = self.window.filter(|_| power != 0.0 || spread != 0.0) {
            let taps = taps(link, carrier, &window, self.delays);
            let taps_bar =
                Moments::of(&taps, &window, pairs(link)).vjp(&taps, &window, self.bandwidth, [power, spread]);
            taps_vjp(link, carrier, &window, self.delays, &taps_bar, bar, carrier_bar);
        }
    }

    /// The frequency response of a link, `[receiver port, transmitter port, subcarrier]`.
    pub fn response(&self, link: &Link, carrier: usize) -> Vec<C64> {
        frequency_response(link, carrier, &self.offsets, self.delays)
    }

    /// The adjoint of [`Instrument::response`].
    pub fn response_vjp(&self, link: &Link, carrier: usize, own: &[C64], bar: &mut ChannelBar, carrier_bar: &mut f64) {
        frequency_response_vjp(link, carrier, &self.offsets, self.delays, own, bar, carrier_bar);
    }

    fn needs_taps(&self) -> bool {
        self.wants(Quantity::BandPower) || self.wants(Quantity::TapDelaySpread)
    }

    /// Band power and tap delay spread of measured taps `[receiver port, transmitter port, tap]` (T101).
    pub fn of_taps(taps: &[C64], window: &TapWindow, bandwidth: f64, pairs: usize) -> Observed {
        let moments = Moments::of(taps, window, pairs as f64);
        let mut observed = [None; QUANTITIES];
        observed[Quantity::BandPower as usize] = Some(moments.power);
        observed[Quantity::TapDelaySpread as usize] = moments.spread(bandwidth);
        observed
    }
}

fn pairs(link: &Link) -> f64 {
    (link.receiver_ports() * link.transmitter_ports()) as f64
}

/// Power of taps, and moments of their numbers weighted by it.
struct Moments {
    pairs: f64,
    power: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(taps: &[C64], window: &TapWindow, pairs: f64) -> Moments {
        let count = window.count();
        let powers: Vec<f64> =
            (0..count).map(|l| taps.iter().skip(l).step_by(count).map(C64::norm_sqr).sum::<f64>()).collect();
        let total: f64 = powers.iter().sum();
        let weigh = |of: &dyn Fn(f64) -> f64| {
            window.numbers().zip(&powers).map(|(l, power)| of(l as f64) * power).sum::<f64>() / total
        };
        let (mean, variance) = if total > 0.0 {
            let mean = weigh(&|l| l);
            (mean, weigh(&|l| (l - mean) * (l - mean)))
        } else {
            (0.0, 0.0)
        };
        Moments { pairs, power: total / pairs, mean, variance }
    }

    fn spread(&self, bandwidth: f64) -> Option<f64> {
        (self.power > 0.0).then(|| self.variance.sqrt() / bandwidth)
    }

    /// Bars of taps from those of power and spread. A spread of 0 is an end of what spreads may be, and passes nothing on.
    fn vjp(&self, taps: &[C64], window: &TapWindow, bandwidth: f64, [power_bar, spread_bar]: [f64; 2]) -> Vec<C64> {
        let deviation = self.variance.sqrt();
        let by_spread = if deviation > 0.0 { spread_bar / (2.0 * deviation * bandwidth * self.power) } else { 0.0 };
        let of = |(place, tap): (usize, &C64)| {
            let off = (window.numbers().start() + (place % window.count()) as i64) as f64 - self.mean;
            tap * (2.0 / self.pairs * (power_bar + by_spread * (off * off - self.variance)))
        };
        taps.iter().enumerate().map(of).collect()
    }
}
