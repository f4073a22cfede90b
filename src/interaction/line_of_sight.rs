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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friis_at_100_m_and_28_ghz() {
        // 20 log10(4 pi 100 28e9 / c) = 101.3906 dB.
        let loss_db = -20.0 * spreading(100.0, 28e9).log10();
        assert!((loss_db - 101.3906).abs() < 1e-3, "{loss_db}");
        assert!((spreading(200.0, 28e9) / spreading(100.0, 28e9) - 0.5).abs() < 1e-15);
    }
}
