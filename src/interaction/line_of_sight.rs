//! Free-space propagation over a path's whole length (theory.md, "Jones transport").

use crate::constants::SPEED_OF_LIGHT;
use std::f64::consts::PI;

/// lambda/(4 pi L): amplitude between isotropic ends (Friis), without the propagation phase (T20).
///
/// `length` [m] above 0, `frequency` [Hz] above 0. Specular reflection at planes keeps the law, with L the unfolded
/// length.
pub fn spreading(length: f64, frequency: f64) -> f64 {
    SPEED_OF_LIGHT / frequency / (4.0 * PI * length)
}

/// The adjoint of [`spreading`]; adds to `length_bar` and `frequency_bar`.
pub fn spreading_vjp(length: f64, frequency: f64, spreading_bar: f64, length_bar: &mut f64, frequency_bar: &mut f64) {
    let relative = spreading(length, frequency) * spreading_bar;
    *length_bar -= relative / length;
    *frequency_bar -= relative / frequency;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;

    #[test]
    fn spreading_has_the_derivatives_of_its_adjoint() {
        let (mut by_length, mut by_frequency) = (0.0, 0.0);
        spreading_vjp(70.0, 28e9, 2.0, &mut by_length, &mut by_frequency);
        let (_, length) = slope([1e-3, 5e-4], |h| 2.0 * spreading(70.0 * (1.0 + h), 28e9));
        let (_, frequency) = slope([1e-3, 5e-4], |h| 2.0 * spreading(70.0, 28e9 * (1.0 + h)));
        assert!((by_length * 70.0 / length - 1.0).abs() < 1e-10);
        assert!((by_frequency * 28e9 / frequency - 1.0).abs() < 1e-10);
    }

    #[test]
    fn friis_at_100_m_and_28_ghz() {
        // 20 log10(4 pi 100 28e9 / c) = 101.3906 dB.
        let loss_db = -20.0 * spreading(100.0, 28e9).log10();
        assert!((loss_db - 101.3906).abs() < 1e-3, "{loss_db}");
        assert!((spreading(200.0, 28e9) / spreading(100.0, 28e9) - 0.5).abs() < 1e-15);
    }
}
