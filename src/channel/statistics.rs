//! What a link amounts to: power, spreads and K factor (theory.md, "Statistics", T53-T57).
//!
//! All estimators weigh paths by their power averaged over the port pairs of the link, and sum powers, not fields. What
//! is undefined (no path, no power, no spread of one path's rest) is `None`, never NaN.

use super::{ChannelBar, Link};

/// The statistics of one link at one carrier.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkStatistics {
    /// Number of paths.
    pub paths: usize,
    /// Path gain [-]: sum over paths of |a|^2, averaged over the port pairs (T53); 0 without paths.
    pub path_gain: f64,
    /// Power-weighted mean delay [s] (T54); `None` without power.
    pub mean_delay: Option<f64>,
    /// Root mean square delay spread [s] (T55); `None` without power.
    pub rms_delay_spread: Option<f64>,
    /// Circular spread of the azimuth of departure [rad] (T56); `None` without power or mean direction.
    pub azimuth_spread_departure: Option<f64>,
    /// Circular spread of the zenith of departure [rad] (T56).
    pub zenith_spread_departure: Option<f64>,
    /// Circular spread of the azimuth of arrival [rad] (T56).
    pub azimuth_spread_arrival: Option<f64>,
    /// Circular spread of the zenith of arrival [rad] (T56).
    pub zenith_spread_arrival: Option<f64>,
    /// K factor [-]: power of the direct path over that of all others (T57); `None` without direct path or others.
    pub k_factor: Option<f64>,
    /// Index into the run's paths of the one of most power, the first of equals; `None` without paths.
    pub strongest_path: Option<usize>,
}

/// The statistics of a link at a carrier.
pub fn statistics(link: &Link, carrier: usize) -> LinkStatistics {
    let powers = path_powers(link, carrier);
    let first = link.paths().start;
    let channel = link.channel;
    let angles = |all: &[f64]| angular_spread(&powers, &all[link.paths()]);
    let delay = delay_moments(&powers, &channel.tau[link.paths()]);
    let strongest = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    LinkStatistics {
        paths: powers.len(),
        path_gain: powers.iter().sum(),
        mean_delay: delay.map(|d| d.0),
        rms_delay_spread: delay.map(|d| d.1),
        azimuth_spread_departure: angles(&channel.phi_t),
        zenith_spread_departure: angles(&channel.theta_t),
        azimuth_spread_arrival: angles(&channel.phi_r),
        zenith_spread_arrival: angles(&channel.theta_r),
        k_factor: k_factor(link, &powers),
        strongest_path: strongest.map(|(i, _)| first + i),
    }
}

/// Power of each path of a link `[path]` [-]: |a|^2 averaged over all port pairs of the link (T53).
pub fn path_powers(link: &Link, carrier: usize) -> Vec<f64> {
    let pairs = (link.receiver_ports() * link.transmitter_ports()) as f64;
    let power = |path| link.coefficients(path, carrier).map(|(_, _, a)| a.norm_sqr()).sum::<f64>() / pairs;
    link.paths().map(power).collect()
}

/// Bars of what losses take from the statistics of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StatisticsBar {
    /// Of the path gain [-].
    pub path_gain: f64,
    /// Of the mean delay [1/s].
    pub mean_delay: f64,
    /// Of the RMS delay spread [1/s].
    pub rms_delay_spread: f64,
    /// Of the azimuth spread of departure [1/rad].
    pub azimuth_spread_departure: f64,
    /// Of the zenith spread of departure [1/rad].
    pub zenith_spread_departure: f64,
    /// Of the azimuth spread of arrival [1/rad].
    pub azimuth_spread_arrival: f64,
    /// Of the zenith spread of arrival [1/rad].
    pub zenith_spread_arrival: f64,
    /// Of the K factor [-].
    pub k_factor: f64,
}

/// The adjoint of [`path_powers`], from `powers_bar` `[path]`; adds to the bars of coefficients.
pub fn path_powers_vjp(link: &Link, carrier: usize, powers_bar: &[f64], bar: &mut ChannelBar) {
    let pairs = (link.receiver_ports() * link.transmitter_ports()) as f64;
    for (path, power_bar) in link.paths().zip(powers_bar) {
        link.coefficients_vjp(path, carrier, bar, |_, _, a| a * (2.0 * power_bar / pairs));
    }
}

/// The adjoint of [`statistics`] (T96); adds to the bars of coefficients, delays and angles. What is undefined passes nothing
/// on, nor does a spread of 0, an end of what spreads may be.
pub fn statistics_vjp(link: &Link, carrier: usize, statistics_bar: &StatisticsBar, bar: &mut ChannelBar) {
    let powers = path_powers(link, carrier);
    let mut powers_bar = vec![statistics_bar.path_gain; powers.len()];
    let delays = &link.channel.tau[link.paths()];
    if let Some((mean, spread)) = delay_moments(&powers, delays) {
        let total: f64 = powers.iter().sum();
        for (((path, delay), power), power_bar) in link.paths().zip(delays).zip(&powers).zip(&mut powers_bar) {
            let (off, weight) = (delay - mean, power / total);
            let mut delay_bar = statistics_bar.mean_delay * weight;
            *power_bar += statistics_bar.mean_delay * off / total;
            if spread > 0.0 {
                delay_bar += statistics_bar.rms_delay_spread * weight * off / spread;
                *power_bar += statistics_bar.rms_delay_spread * (off * off - spread * spread) / (2.0 * spread * total);
            }
            bar.tau[path] += delay_bar;
        }
    }
    let (channel, own) = (link.channel, link.paths());
    for (spread_bar, angles, angles_bar) in [
        (statistics_bar.azimuth_spread_departure, &channel.phi_t, &mut bar.phi_t),
        (statistics_bar.zenith_spread_departure, &channel.theta_t, &mut bar.theta_t),
        (statistics_bar.azimuth_spread_arrival, &channel.phi_r, &mut bar.phi_r),
        (statistics_bar.zenith_spread_arrival, &channel.theta_r, &mut bar.theta_r),
    ] {
        angular_spread_vjp(&powers, &angles[own.clone()], spread_bar, &mut powers_bar, &mut angles_bar[own.clone()]);
    }
    k_factor_vjp(link, &powers, statistics_bar.k_factor, &mut powers_bar);
    path_powers_vjp(link, carrier, &powers_bar, bar);
}

/// Mean delay and RMS delay spread [s] (T54, T55).
fn delay_moments(powers: &[f64], delays: &[f64]) -> Option<(f64, f64)> {
    let weights = normalised(powers)?;
    let mean: f64 = weights.iter().zip(delays).map(|(w, t)| w * t).sum();
    let variance: f64 = weights.iter().zip(delays).map(|(w, t)| w * (t - mean) * (t - mean)).sum();
    Some((mean, variance.sqrt()))
}

/// sqrt(-2 ln |sum of P e^{j angle}|/sum of P) [rad] (T56).
///
/// Source: TR 38.901 annex A.1.
fn angular_spread(powers: &[f64], angles: &[f64]) -> Option<f64> {
    let weights = normalised(powers)?;
    // The resultant is summed as a deviation from 1 about the strongest direction: 1 - R keeps its digits.
    let reference = strongest_angle(&weights, angles)?;
    let (mut less_cos, mut sine) = (0.0, 0.0);
    for (w, angle) in weights.iter().zip(angles) {
        let (sin_half, cos_half) = libm::sincos((angle - reference) / 2.0);
        less_cos += 2.0 * w * sin_half * sin_half;
        sine += 2.0 * w * sin_half * cos_half;
    }
    // R^2 = (1 - u)^2 + s^2, -2 ln R = -ln R^2 = -ln(1 + (u^2 - 2u + s^2)).
    let deviation = less_cos * less_cos - 2.0 * less_cos + sine * sine;
    let no_mean_direction = deviation <= NO_MEAN_DIRECTION - 1.0;
    (!no_mean_direction).then(|| (-libm::log1p(deviation)).max(0.0).sqrt())
}

/// The adjoint of [`angular_spread`] (T96); adds to the bars of powers and angles.
fn angular_spread_vjp(powers: &[f64], angles: &[f64], spread_bar: f64, powers_bar: &mut [f64], angles_bar: &mut [f64]) {
    let spread = angular_spread(powers, angles).filter(|spread| *spread > 0.0 && spread_bar != 0.0);
    let (Some(spread), Some(weights)) = (spread, normalised(powers)) else { return };
    let sums = weights.iter().zip(angles).fold([0.0; 2], |[x, y], (w, angle)| {
        let (sin, cos) = libm::sincos(*angle);
        [x + w * cos, y + w * sin]
    });
    let mean = libm::atan2(sums[1], sums[0]);
    // About the mean direction, so that 1 - cos and 1 - R keep their digits.
    let halves: Vec<(f64, f64)> = angles.iter().map(|angle| libm::sincos((angle - mean) / 2.0)).collect();
    let off: f64 = weights.iter().zip(&halves).map(|(w, (sin, _))| 2.0 * w * sin * sin).sum();
    let (each, total) = (spread_bar / (spread * (1.0 - off)), powers.iter().sum::<f64>());
    for (((w, (sin, cos)), power_bar), angle_bar) in weights.iter().zip(&halves).zip(powers_bar).zip(angles_bar) {
        *power_bar += each * (2.0 * sin * sin - off) / total;
        *angle_bar += each * w * 2.0 * sin * cos;
    }
}

/// R^2 below this is rounding: opposite directions of equal power have no mean direction.
const NO_MEAN_DIRECTION: f64 = 1e-28;

fn strongest_angle(weights: &[f64], angles: &[f64]) -> Option<f64> {
    weights.iter().zip(angles).max_by(|a, b| a.0.total_cmp(b.0)).map(|(_, angle)| *angle)
}

/// Power of the direct path over that of all others (T57); with per-element paths, over all direct paths.
fn k_factor(link: &Link, powers: &[f64]) -> Option<f64> {
    direct_and_rest(link, powers).map(|[direct, rest]| direct / rest)
}

/// The adjoint of [`k_factor`] (T96); adds to the bars of powers.
fn k_factor_vjp(link: &Link, powers: &[f64], k_bar: f64, powers_bar: &mut [f64]) {
    let Some([direct, rest]) = direct_and_rest(link, powers) else { return };
    for (path, power_bar) in link.paths().zip(powers_bar) {
        let is_direct = link.paths.vertices_of(path).is_empty();
        *power_bar += if is_direct { k_bar / rest } else { -k_bar * direct / (rest * rest) };
    }
}

/// Powers of the direct path and of all others; `None` without a direct path or others.
fn direct_and_rest(link: &Link, powers: &[f64]) -> Option<[f64; 2]> {
    let (mut direct, mut rest) = (0.0, 0.0);
    let mut has_direct = false;
    for (path, power) in link.paths().zip(powers) {
        if link.paths.vertices_of(path).is_empty() {
            has_direct = true;
            direct += power;
        } else {
            rest += power;
        }
    }
    (has_direct && rest > 0.0).then_some([direct, rest])
}

/// Powers over their sum; `None` without power.
fn normalised(powers: &[f64]) -> Option<Vec<f64>> {
    let total: f64 = powers.iter().sum();
    (total > 0.0).then(|| powers.iter().map(|p| p / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::testing;
    use crate::constants::SPEED_OF_LIGHT;
    use std::f64::consts::PI;

    #[test]
    fn two_paths_by_hand() {
        // Powers 1 and 1/4, delays 30 m/c and 60 m/c: weights .8 and .2, spread .4 x 30 m/c.
        let case = testing::two_paths();
        let found = statistics(&case.link(), 0);
        assert_eq!((found.paths, found.strongest_path), (2, Some(0)));
        assert!((found.path_gain - 1.25).abs() < 1e-15);
        assert!((found.k_factor.unwrap() - 4.0).abs() < 1e-15);
        assert!((found.mean_delay.unwrap() * SPEED_OF_LIGHT - 36.0).abs() < 1e-12);
        assert!((found.rms_delay_spread.unwrap() * SPEED_OF_LIGHT - 12.0).abs() < 1e-12);
        // Azimuths 0 and pi/2: R^2 = .8^2 + .2^2.
        let expected = (-(0.64f64 + 0.04).ln()).sqrt();
        assert!((found.azimuth_spread_departure.unwrap() - expected).abs() < 1e-14);
        assert_eq!(found.zenith_spread_departure, Some(0.0));
    }

    #[test]
    fn statistics_have_the_derivatives_of_their_adjoint() {
        let weights = StatisticsBar {
            path_gain: 0.7,
            mean_delay: 3e7,
            rms_delay_spread: -2e7,
            azimuth_spread_departure: 0.09,
            zenith_spread_departure: 0.04,
            azimuth_spread_arrival: -0.03,
            zenith_spread_arrival: -0.05,
            k_factor: 0.02,
        };
        testing::check_adjoint(
            |link| {
                let found = statistics(link, 0);
                let (mean, spread) = (found.mean_delay.unwrap(), found.rms_delay_spread.unwrap());
                let azimuths = weights.azimuth_spread_departure * found.azimuth_spread_departure.unwrap()
                    + weights.azimuth_spread_arrival * found.azimuth_spread_arrival.unwrap();
                let delays = weights.mean_delay * mean + weights.rms_delay_spread * spread;
                weights.path_gain * found.path_gain + delays + azimuths + weights.k_factor * found.k_factor.unwrap()
            },
            |link, bar, _| statistics_vjp(link, 0, &weights, bar),
        );
        for case in [testing::no_paths(), testing::one_path()] {
            let mut bar = ChannelBar::zeros(case.channel());
            statistics_vjp(&case.link(), 0, &weights, &mut bar);
            assert!(bar.tau.iter().all(|x| x.is_finite()) && bar.a.iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn nothing_is_nan_without_paths_or_with_one() {
        let none = statistics(&testing::no_paths().link(), 0);
        assert_eq!(none, LinkStatistics::default());
        let one = statistics(&testing::one_path().link(), 0);
        assert_eq!((one.rms_delay_spread, one.azimuth_spread_arrival), (Some(0.0), Some(0.0)));
        assert_eq!((one.k_factor, one.paths), (None, 1));
    }

    #[test]
    fn angular_spread_does_not_know_where_the_circle_is_cut() {
        let powers = [1.0, 2.0, 0.5];
        let angles = [0.1, -0.2, 0.7];
        let turned = angles.map(|a: f64| a + 3.0).map(|a| if a > PI { a - 2.0 * PI } else { a });
        let (a, b) = (angular_spread(&powers, &angles).unwrap(), angular_spread(&powers, &turned).unwrap());
        assert!((a - b).abs() < 1e-12);
        // Small angles: the circular spread is the standard deviation, to third order.
        let tiny = angular_spread(&[1.0, 1.0], &[1e-8, -1e-8]).unwrap();
        assert!((tiny / 1e-8 - 1.0).abs() < 1e-7, "{tiny}");
    }

    #[test]
    fn opposite_directions_of_equal_power_have_no_spread() {
        assert_eq!(angular_spread(&[1.0, 1.0], &[0.0, PI]), None);
        assert_eq!(angular_spread(&[0.0, 0.0], &[0.0, 1.0]), None);
    }
}
