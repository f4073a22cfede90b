//! Losses between what was measured and what is computed (T102).
//!
//! A row's loss is in units of its noise, so that losses and priors add up to the negative logarithm of a posterior; the
//! relative errors of T102a have no unit.

use super::measurement::{Measured, Quantity};
use super::observe::Observed;
use crate::math::C64;

/// What a term compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// One number of a link.
    Quantity(Quantity),
    /// Its frequency response.
    Response {
        /// Whether a phase that all ports and subcarriers of a link share is unknown.
        free_phase: bool,
    },
}

impl Of {
    /// Its name in jobs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Of::Quantity(quantity) => quantity.name(),
            Of::Response { .. } => "cfr",
        }
    }
}

/// How a term measures an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// |x - m|/(x + m), its denominator held fixed.
    Smape,
    /// (10 lg x/m)^2/(2 sigma^2), sigma the noise [dB].
    Decibel,
    /// sum |H - M|^2/(sigma^2 mean |M|^2), sigma^2 the noise relative to the response.
    Response,
}

/// A term of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What is compared.
    pub of: Of,
    /// How.
    pub measure: Measure,
    /// Its weight among the terms [-].
    pub weight: f64,
    /// Standard deviation of the measurements [dB]: of a quantity that of 10 lg; of a response 10 lg of the noise power over
    /// the response's.
    pub noise_db: f64,
    /// Whether the job states it; otherwise errors of a fit go by what is left over.
    pub noise_is_stated: bool,
}

impl Measure {
    /// Whether it is a square, which Gauss-Newton needs.
    pub fn is_square(self) -> bool {
        match self {
            Measure::Smape => false,
            Measure::Decibel | Measure::Response => true,
        }
    }
}

/// 10/ln 10: decibels for a natural logarithm.
pub const DECIBEL: f64 = 10.0 / std::f64::consts::LN_10;

/// What becomes of a row in a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It does not say anything about this term.
    Absent,
    /// Nothing computed arrives, or nothing that has a spread: nothing to differentiate by.
    Silent {
        /// The loss, if it is defined.
        loss: Option<f64>,
    },
    /// Compared.
    Compared {
        /// The loss.
        loss: f64,
        /// Its derivative by the computed quantity.
        bar: f64,
        /// 10 lg of computed over measured [dB]; a censored row has none.
        error_db: Option<f64>,
    },
}

impl Term {
    /// Compares a quantity of a row; measured powers count `scale` times, and below `floor` [-], before the scale, they are
    /// censored.
    pub fn compare(&self, quantity: Quantity, row: &Measured, observed: &Observed, scale: f64, floor: f64) -> Outcome {
        let Some(measured) = stated(quantity, row, floor) else { return Outcome::Absent };
        let (measured, floor) = if quantity.is_power() { (measured * scale, floor * scale) } else { (measured, 0.0) };
        let computed = observed[quantity as usize].unwrap_or(0.0);
        if measured <= floor {
            return self.compare_censored(computed, floor);
        }
        if computed <= 0.0 {
            return Outcome::Silent { loss: self.silent(measured, floor) };
        }
        let error_db = DECIBEL * libm::log(computed / measured);
        let (loss, bar) = match self.measure {
            Measure::Smape => {
                let sum = computed + measured;
                ((computed - measured).abs() / sum, sign(computed - measured) / sum)
            }
            Measure::Decibel | Measure::Response => {
                let z = error_db / self.noise_db;
                (z * z / 2.0, z / self.noise_db * DECIBEL / computed)
            }
        };
        Outcome::Compared { loss, bar, error_db: Some(error_db) }
    }

    /// A row of which only that it is below the `floor` is known: -ln P(below), one side of the relative error.
    fn compare_censored(&self, computed: f64, floor: f64) -> Outcome {
        if computed <= 0.0 {
            return Outcome::Silent { loss: Some(0.0) };
        }
        let (loss, bar) = match self.measure {
            Measure::Smape if computed > floor => ((computed - floor) / (computed + floor), 1.0 / (computed + floor)),
            Measure::Smape => (0.0, 0.0),
            Measure::Decibel | Measure::Response => {
                let z = DECIBEL * libm::log(computed / floor) / self.noise_db;
                let (loss, slope) = minus_log_normal(z);
                (loss, slope / self.noise_db * DECIBEL / computed)
            }
        };
        Outcome::Compared { loss, bar, error_db: None }
    }

    /// The loss where nothing arrives of what was measured: as if it were at the floor.
    fn silent(&self, measured: f64, floor: f64) -> Option<f64> {
        match self.measure {
            Measure::Smape => Some((measured - floor) / (measured + floor)),
            Measure::Decibel | Measure::Response if floor > 0.0 => {
                let z = DECIBEL * libm::log(measured / floor) / self.noise_db;
                Some(z * z / 2.0)
            }
            Measure::Decibel | Measure::Response => None,
        }
    }

    /// Compares a response: its loss, and with `bar` the bars of the computed response. Measured amplitudes count `scale`
    /// times.
    pub fn compare_response(&self, computed: &[C64], measured: &[C64], scale: f64, bar: &mut Vec<C64>) -> f64 {
        let size: f64 = measured.iter().map(C64::norm_sqr).sum::<f64>() * scale * scale;
        let weight = measured.len() as f64 / (size * libm::exp(self.noise_db / DECIBEL));
        let turn = match self.of {
            Of::Response { free_phase: true } => {
                // The phase that brings both closest: that of sum M* H. The loss is at its least there, so that it passes
                // nothing on.
                let product: C64 = computed.iter().zip(measured).map(|(h, m)| m.conj() * h).sum();
                if product.norm() > 0.0 { product / product.norm() } else { C64::ONE }
            }
            Of::Response { free_phase: false } | Of::Quantity(_) => C64::ONE,
        };
        bar.clear();
        let mut loss = 0.0;
        for (h, m) in computed.iter().zip(measured) {
            let off = h - m * turn * scale;
            loss += weight * off.norm_sqr();
            bar.push(off * (2.0 * weight));
        }
        loss
    }
}

/// What a row states of a quantity: of powers that are 0, where no floor is known, and of spreads that are 0 or of a row below
/// the floor there is nothing to compare.
pub fn stated(quantity: Quantity, row: &Measured, floor: f64) -> Option<f64> {
    let is_of_use = |value: &f64| {
        if quantity.is_power() { *value > 0.0 || floor > 0.0 } else { *value > 0.0 && !is_censored(row, floor) }
    };
    row.values[quantity as usize].filter(is_of_use)
}

/// Whether a row's power, of either kind, is at or below the floor.
pub fn is_censored(row: &Measured, floor: f64) -> bool {
    Quantity::ALL.iter().any(|one| one.is_power() && row.values[*one as usize].is_some_and(|power| power <= floor))
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// -ln Phi(-z) of the standard normal distribution, and its derivative by z.
fn minus_log_normal(z: f64) -> (f64, f64) {
    /// Beyond this the distribution's tail is as good as its asymptote, and far from underflow.
    const FAR: f64 = 10.0;
    let density = |z: f64| libm::exp(-z * z / 2.0) / std::f64::consts::TAU.sqrt();
    if z < FAR {
        let below = 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
        return (-libm::log(below), density(z) / below);
    }
    // Phi(-z) = density(z)/z (1 - 1/z^2 + 3/z^4 - 15/z^6 ...).
    let u = 1.0 / (z * z);
    let series = 1.0 - u * (1.0 - 3.0 * u * (1.0 - 5.0 * u));
    (z * z / 2.0 + 0.5 * std::f64::consts::TAU.ln() + libm::log(z) - libm::log(series), z / series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;

    fn term(measure: Measure, of: Of) -> Term {
        Term { of, measure, weight: 1.0, noise_db: 2.0, noise_is_stated: true }
    }

    fn row(gain: f64) -> Measured {
        Measured { values: [Some(gain), None, Some(1e-8), None], ..Measured::default() }
    }

    const GAIN: Quantity = Quantity::PathGain;

    fn at(measure: Measure, measured: f64, computed: f64, floor: f64) -> Outcome {
        let one = term(measure, Of::Quantity(GAIN));
        one.compare(GAIN, &row(measured), &[Some(computed), None, None, None], 1.0, floor)
    }

    #[test]
    fn losses_have_the_derivatives_that_they_state() {
        for measure in [Measure::Smape, Measure::Decibel] {
            for (measured, computed, floor) in
                [(1e-9, 2e-9, 0.0), (3e-9, 2e-9, 0.0), (1e-10, 2e-9, 1e-9), (1e-10, 2e-11, 1e-9), (1e-10, 1e-6, 1e-9)]
            {
                let Outcome::Compared { bar, .. } = at(measure, measured, computed, floor) else { panic!() };
                let loss = |h: f64| match at(measure, measured, computed * (1.0 + h), floor) {
                    // The denominator of the relative error is held fixed.
                    Outcome::Compared { loss, .. } if measure == Measure::Smape => {
                        let other = if measured <= floor { floor } else { measured };
                        loss * (computed * (1.0 + h) + other) / (computed + other)
                    }
                    Outcome::Compared { loss, .. } => loss,
                    Outcome::Absent | Outcome::Silent { .. } => panic!(),
                };
                let (_, expected) = slope([1e-4, 5e-5], loss);
                assert!(
                    (bar * computed - expected).abs() < 1e-7 * expected.abs().max(1e-3),
                    "{measure:?} {measured} {computed}: {} {expected}",
                    bar * computed
                );
            }
        }
    }

    #[test]
    fn the_tail_of_the_normal_distribution_goes_on_smoothly() {
        for z in [-3.0, 0.0, 2.0, 9.9, 10.1, 30.0, 1e3] {
            let (value, own) = minus_log_normal(z);
            let (_, expected) = slope([1e-3, 5e-4], |h| minus_log_normal(z + h).0);
            assert!(value.is_finite() && (own - expected).abs() < 1e-6 * own.max(1.0), "{z}: {own} {expected}");
        }
        let ends = [9.999_999, 10.000_001].map(|z| minus_log_normal(z).0);
        assert!((ends[1] - ends[0] - 2e-6 * 10.1).abs() < 1e-5, "{ends:?}");
        // -ln 1/2.
        assert!((minus_log_normal(0.0).0 - std::f64::consts::LN_2).abs() < 1e-15);
    }

    #[test]
    fn what_is_below_the_floor_says_nothing_of_delays_and_no_more_than_that_of_power() {
        let spread = Term { of: Of::Quantity(Quantity::RmsDelaySpread), ..term(Measure::Smape, Of::Quantity(GAIN)) };
        let observed = [Some(1e-9), None, Some(2e-8), None];
        assert_eq!(spread.compare(Quantity::RmsDelaySpread, &row(1e-12), &observed, 1.0, 1e-11), Outcome::Absent);
        assert!(matches!(at(Measure::Smape, 1e-12, 5e-12, 1e-11), Outcome::Compared { loss: 0.0, bar: 0.0, .. }));
        assert_eq!(at(Measure::Decibel, 1e-12, 0.0, 1e-11), Outcome::Silent { loss: Some(0.0) });
        assert_eq!(at(Measure::Decibel, 1e-10, 0.0, 0.0), Outcome::Silent { loss: None });
        // 10 dB above the floor at 2 dB of noise: 25/2.
        let Outcome::Silent { loss: Some(loss) } = at(Measure::Decibel, 1e-10, 0.0, 1e-11) else { panic!() };
        assert!((loss - 12.5).abs() < 1e-9);
    }

    #[test]
    fn responses_have_the_derivatives_of_their_bars_and_a_free_phase_is_free() {
        let h = [C64::new(0.3, -0.2), C64::new(-0.1, 0.5), C64::new(0.7, 0.1)];
        let m = [C64::new(0.25, -0.4), C64::new(0.1, 0.6), C64::new(0.5, -0.1)];
        for free_phase in [false, true] {
            let one = Term { noise_db: -10.0, ..term(Measure::Response, Of::Response { free_phase }) };
            let (mut bar, mut unused): (Vec<C64>, Vec<C64>) = Default::default();
            one.compare_response(&h, &m, 1.5, &mut bar);
            for (k, step) in [(0, C64::ONE), (1, C64::I), (2, C64::new(0.6, -0.8))] {
                let (_, expected) = slope([1e-4, 5e-5], |x| {
                    let (mut moved, mut unused) = (h, Vec::new());
                    moved[k] += step * x;
                    one.compare_response(&moved, &m, 1.5, &mut unused)
                });
                assert!(((bar[k].conj() * step).re - expected).abs() < 1e-7 * expected.abs(), "{k}");
            }
            let turned = h.map(|h| h * C64::from_polar(1.0, 0.7));
            let difference =
                one.compare_response(&turned, &m, 1.5, &mut unused) - one.compare_response(&h, &m, 1.5, &mut bar);
            assert_eq!(difference.abs() < 1e-12, free_phase);
        }
    }
}
