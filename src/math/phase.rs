//! Propagation phase without loss of digits (T4).

use super::C64;
use std::f64::consts::TAU;

/// e^{-j 2 pi turns}: the number of turns is reduced to one turn before the sine and cosine, so that 10^7 wavelengths
/// cost no more than the rounding of `turns` itself.
pub fn phasor_of_turns(turns: f64) -> C64 {
    let reduced = turns - turns.round();
    let (sin, cos) = libm::sincos(TAU * reduced);
    C64::new(cos, -sin)
}

/// Number of wavelengths in `length` [m] at `frequency` [Hz], with the rounding error of the product carried along:
/// the whole turns are dropped before the low part is added.
pub fn turns_of_length(length: f64, frequency: f64) -> f64 {
    use crate::constants::SPEED_OF_LIGHT;
    let cycles = length * frequency;
    let low = length.mul_add(frequency, -cycles);
    let whole = (cycles / SPEED_OF_LIGHT).round();
    // cycles - whole c is exact to within one rounding: both are within half a wavelength of each other.
    let rest = (-whole).mul_add(SPEED_OF_LIGHT, cycles) + low;
    rest / SPEED_OF_LIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_kilometres_at_77_ghz_keep_a_microradian() {
        // 10^4 m x 77e9 Hz / c in exact integer arithmetic: remainder of 77e13 modulo 299792458.
        let remainder = 770_000_000_000_000u128 % 299_792_458;
        let exact = remainder as f64 / 299_792_458.0;
        let turns = turns_of_length(1e4, 77e9);
        let difference = (turns - exact) - (turns - exact).round();
        assert!((TAU * difference).abs() < 1e-12, "{difference}");
        let expected = C64::from_polar(1.0, -TAU * exact);
        assert!((phasor_of_turns(turns) - expected).norm() < 1e-12);
    }
}
