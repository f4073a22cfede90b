//! Propagation phase without loss of digits (T4).

use super::C64;
use std::f64::consts::FRAC_PI_2;

/// Added to a number below 2^51 it leaves no room for what is behind the point: 1.5 x 2^52.
const NO_FRACTION: f64 = 6_755_399_441_055_744.0;

/// (sin x - x)/x^3 and (cos x - 1 + x^2/2)/x^4 as polynomials in x^2, for |x| up to pi/4: within 2^-58.
///
/// Source: fdlibm 5.3, `k_sin.c` and `k_cos.c` (Sun Microsystems, 1993).
const SIN: [f64; 6] = [
    -1.666_666_666_666_663_2e-1,
    8.333_333_333_322_49e-3,
    -1.984_126_982_985_795e-4,
    2.755_731_370_707_006_8e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];
const COS: [f64; 6] = [
    4.166_666_666_666_66e-2,
    -1.388_888_888_887_411e-3,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];

/// The nearest whole number.
#[inline(always)]
fn nearest(x: f64) -> f64 {
    (x + NO_FRACTION) - NO_FRACTION
}

/// Sine and cosine of 2 pi `turns`. Turns and quarters of a turn are taken off before anything is rounded, so that 10^7 turns
/// cost no more than the rounding of `turns` itself. Half the time of a sine of radians, no branch, and the same bits as on a
/// GPU.
#[inline(always)]
pub fn sincos_of_turns(turns: f64) -> (f64, f64) {
    let quarters = (turns - nearest(turns)) * 4.0;
    let marked = quarters + NO_FRACTION;
    let angle = (quarters - (marked - NO_FRACTION)) * FRAC_PI_2;
    let square = angle * angle;
    let series = |[a, b, c, d, e, f]: [f64; 6]| {
        let fourth = square * square;
        (a + square * b) + fourth * ((c + square * d) + fourth * (e + square * f))
    };
    let sin = angle + angle * square * series(SIN);
    // The rounding of 1 - x^2/2 is carried along.
    let half = 0.5 * square;
    let rest = 1.0 - half;
    let cos = rest + (((1.0 - rest) - half) + square * square * series(COS));
    // The whole number of quarters is in the last bits of its sum.
    let bits = marked.to_bits();
    let (sin, cos) = if bits & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let flip = |value: f64, quarter: u64| f64::from_bits(value.to_bits() ^ (quarter & 2) << 62);
    (flip(sin, bits), flip(cos, bits + 1))
}

/// e^{-j 2 pi turns}.
pub fn phasor_of_turns(turns: f64) -> C64 {
    let (sin, cos) = sincos_of_turns(turns);
    C64::new(cos, -sin)
}

/// Number of wavelengths in `length` [m] at `frequency` [Hz], with the rounding error of the product carried along:
/// the whole turns are dropped before the low part is added.
pub fn turns_of_length(length: f64, frequency: f64) -> f64 {
    use crate::constants::SPEED_OF_LIGHT;
    let cycles = length * frequency;
    let low = length.mul_add(frequency, -cycles);
    let whole = nearest(cycles / SPEED_OF_LIGHT);
    // cycles - whole c is exact to within one rounding: both are within half a wavelength of each other.
    let rest = (-whole).mul_add(SPEED_OF_LIGHT, cycles) + low;
    rest / SPEED_OF_LIGHT
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn sines_of_turns_are_those_of_radians() {
        assert_eq!(
            [0.0, 0.25, -0.25, 0.5, 1e15 + 0.75].map(sincos_of_turns),
            [(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)]
        );
        for i in -4000..4000 {
            let turns = f64::from(i) / 1717.0;
            let (sin, cos) = sincos_of_turns(turns);
            // Within a sixteenth of a turn of an axis the library's argument is exact enough.
            let nearest = (turns * 4.0).round() / 4.0;
            let (s, c) = libm::sincos(TAU * (turns - nearest));
            let (expected_sin, expected_cos) = match ((nearest * 4.0) as i64).rem_euclid(4) {
                0 => (s, c),
                1 => (c, -s),
                2 => (-s, -c),
                _ => (-c, s),
            };
            assert!((sin - expected_sin).abs() <= 2.3e-16 && (cos - expected_cos).abs() <= 2.3e-16, "{turns}");
        }
        // Where no digit of the turn is left: something bounded.
        for turns in [1e16 + 2.0, 7e15 + 1.0, -1e300] {
            let (sin, cos) = sincos_of_turns(turns);
            assert!(sin.abs() < 1.1 && cos.abs() < 1.1, "{turns}");
        }
    }

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
