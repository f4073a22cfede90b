//! Reflection and transmission coefficients of a half space and of a slab (theory.md, "Fresnel", "Slab").
//!
//! Pure functions in f64. Domain: cos_theta in [0, 1], Re eta > 0 and Im eta <= 0, |eta| below 1e150, so that its square
//! has room, thickness above 0. Every difference of nearly equal numbers is written as its closed form, so that grazing
//! and normal incidence, eta near 1 and eta ~ 1e8 keep their digits.

use crate::constants::SPEED_OF_LIGHT;
use crate::math::phase::sincos_of_turns;
use crate::math::{C64, inverse};
use std::f64::consts::TAU;

const ONE: C64 = C64::new(1.0, 0.0);
const J: C64 = C64::new(0.0, 1.0);

/// Amplitude coefficients of a surface for a plane wave from vacuum; or the bars of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Coefficients {
    /// R_s: electric field across the plane of incidence (TE).
    pub r_s: C64,
    /// R_p: electric field in the plane of incidence (TM); at normal incidence R_p = -R_s.
    pub r_p: C64,
    /// T_s.
    pub t_s: C64,
    /// T_p.
    pub t_p: C64,
    /// (R_s + R_p)/sin^2 theta, finite at normal incidence: see [`super::reflection`].
    pub excess: C64,
}

/// Coefficients of a half space: r_s, r_p (T8), t_s, t_p (T9) and their excess (T10).
///
/// `eta` [-]: relative permittivity; `cos_theta` [-]: cosine of the angle of incidence.
pub fn half_space(eta: C64, cos_theta: f64) -> Coefficients {
    let wave = Interface::new(eta, cos_theta);
    let n = root_of_decay(eta);
    Coefficients {
        r_s: wave.r_s,
        r_p: wave.r_p,
        // A matched interface at exactly grazing incidence lets all through: there is nothing there.
        t_s: if wave.is_absent() { ONE } else { wave.over_s * (2.0 * cos_theta) },
        t_p: if wave.is_absent() { ONE } else { n * wave.over_p * (2.0 * cos_theta) },
        excess: wave.excess,
    }
}

/// Coefficients of a single-layer slab of `thickness` [m] in vacuum at `frequency` [Hz] (T12-T14); an infinite
/// thickness is a half space, whose transmission into the far side of the slab is 0.
///
/// Transmission is from face to face: the wave's phase is that of the slab, in place of the same thickness of vacuum.
///
/// Source: ITU-R P.2040-4, equations 43 and 44.
pub fn slab(eta: C64, cos_theta: f64, thickness: f64, frequency: f64) -> Coefficients {
    slab_or_reflection::<true>(eta, cos_theta, thickness, frequency)
}

/// What [`slab`] reflects; transmission, which costs as much, is left 0.
pub fn slab_reflection(eta: C64, cos_theta: f64, thickness: f64, frequency: f64) -> Coefficients {
    slab_or_reflection::<false>(eta, cos_theta, thickness, frequency)
}

fn slab_or_reflection<const IS_CROSSED: bool>(
    eta: C64,
    cos_theta: f64,
    thickness: f64,
    frequency: f64,
) -> Coefficients {
    let wave = Interface::new(eta, cos_theta);
    let zero = C64::ZERO;
    if thickness.is_infinite() {
        return Coefficients { r_s: wave.r_s, r_p: wave.r_p, t_s: zero, t_p: zero, excess: wave.excess };
    }
    let q = wave.a * (TAU * thickness * frequency / SPEED_OF_LIGHT);
    let once = if IS_CROSSED { exp_minus_j(q) } else { zero };
    if wave.is_absent() {
        return Coefficients { r_s: zero, r_p: zero, t_s: once, t_p: once, excess: zero };
    }
    if cos_theta == 0.0 {
        // Grazing: the limits for eta != 1, at which numerator and denominator may vanish together.
        return Coefficients { r_s: -ONE, r_p: -ONE, t_s: zero, t_p: zero, excess: wave.excess };
    }
    // e = e^{-2jq}: what is left of the wave after one round trip.
    let one_less_e = one_minus_exp_minus_2j(q);
    let denominator = |r: C64, one_less_r2: C64| one_less_r2 + r * r * one_less_e;
    // 1 - r^2 in closed form: 4 c a/(c + a)^2 and 4 eta c a/(eta c + a)^2.
    let open_s = wave.a * (4.0 * cos_theta) * (wave.over_s * wave.over_s);
    let open_p = eta * wave.a * (4.0 * cos_theta) * (wave.over_p * wave.over_p);
    let (over_s, over_p) = (inverse(denominator(wave.r_s, open_s)), inverse(denominator(wave.r_p, open_p)));
    let (share_s, share_p) = (one_less_e * over_s, one_less_e * over_p);
    let cross = ONE - wave.r_s * wave.r_p * (ONE - one_less_e);
    Coefficients {
        r_s: wave.r_s * share_s,
        r_p: wave.r_p * share_p,
        t_s: if IS_CROSSED { open_s * once * over_s } else { zero },
        t_p: if IS_CROSSED { open_p * once * over_p } else { zero },
        excess: wave.excess * cross * share_s * over_p,
    }
}

/// The adjoint of [`slab`], for cos_theta above 0: adds to the bars of its four arguments. `bar` holds those of its results.
///
/// The coefficients are analytic in eta, so that eta_bar = conj(d/d eta) bar. A half space has no bar of its thickness,
/// and a surface at exactly grazing incidence, where the coefficients are the limits, has none at all: no path that is
/// refined meets one.
#[expect(clippy::too_many_arguments, reason = "four inputs, the bars of the outputs, the bars of the inputs")]
pub fn slab_vjp(
    eta: C64,
    cos_theta: f64,
    thickness: f64,
    frequency: f64,
    bar: &Coefficients,
    eta_bar: &mut C64,
    cos_theta_bar: &mut f64,
    thickness_bar: &mut f64,
    frequency_bar: &mut f64,
) {
    if cos_theta == 0.0 {
        return;
    }
    let wave = Interface::new(eta, cos_theta);
    if thickness.is_infinite() {
        // Nothing comes through.
        let wave_bar = Interface { r_s: bar.r_s, r_p: bar.r_p, excess: bar.excess, ..Interface::default() };
        wave.vjp(eta, cos_theta, &wave_bar, eta_bar, cos_theta_bar);
        return;
    }
    let wave_number = TAU * thickness * frequency / SPEED_OF_LIGHT;
    let q = wave.a * wave_number;
    let one_less_e = one_minus_exp_minus_2j(q);
    // Reflections alone know nothing of a single way through.
    let is_crossed = bar.t_s != C64::ZERO || bar.t_p != C64::ZERO;
    let once = if is_crossed { exp_minus_j(q) } else { C64::ZERO };
    let mut wave_bar = Interface::default();
    // open = m o^2, m = 4 c a or 4 eta c a.
    let [(m_s, o_s), (m_p, o_p)] =
        [(ONE, wave.over_s), (eta, wave.over_p)].map(|(factor, over)| (factor * wave.a * (4.0 * cos_theta), over));
    let (open_s, open_p) = (m_s * o_s * o_s, m_p * o_p * o_p);
    let (d_s, d_p) = (open_s + wave.r_s * wave.r_s * one_less_e, open_p + wave.r_p * wave.r_p * one_less_e);
    // G = g e_1 X/(d_s d_p), X = 1 - r_s r_p (1 - e_1).
    let cross = ONE - wave.r_s * wave.r_p * (ONE - one_less_e);
    let over = inverse(d_s * d_p);
    let share = one_less_e * cross * over;
    wave_bar.excess = pulled(share, bar.excess);
    let cross_bar = pulled(wave.excess * one_less_e * over, bar.excess);
    let mut e_bar = pulled(wave.excess * cross * over, bar.excess) + pulled(wave.r_s * wave.r_p, cross_bar);
    let excess_bar = pulled(-wave.excess * share, bar.excess);
    wave_bar.r_s = pulled(-wave.r_p * (ONE - one_less_e), cross_bar);
    wave_bar.r_p = pulled(-wave.r_s * (ONE - one_less_e), cross_bar);
    let mut once_bar = C64::ZERO;
    let mut pull = |r: C64, open: C64, d: C64, [r_out, t_out]: [C64; 2], r_bar: &mut C64| {
        // R = r e_1/d, T = open once/d, d = open + r^2 e_1.
        let d_bar = pulled(inverse(d), excess_bar - pulled(r * one_less_e / d, r_out) - pulled(open * once / d, t_out));
        *r_bar += pulled(one_less_e / d, r_out) + pulled(r * 2.0 * one_less_e, d_bar);
        e_bar += pulled(r / d, r_out) + pulled(r * r, d_bar);
        once_bar += pulled(open / d, t_out);
        pulled(once / d, t_out) + d_bar
    };
    let open_s_bar = pull(wave.r_s, open_s, d_s, [bar.r_s, bar.t_s], &mut wave_bar.r_s);
    let open_p_bar = pull(wave.r_p, open_p, d_p, [bar.r_p, bar.t_p], &mut wave_bar.r_p);
    wave_bar.over_s = pulled(m_s * o_s * 2.0, open_s_bar);
    wave_bar.over_p = pulled(m_p * o_p * 2.0, open_p_bar);
    let (m_s_bar, m_p_bar) = (pulled(o_s * o_s, open_s_bar), pulled(o_p * o_p, open_p_bar));
    wave_bar.a = pulled(4.0 * cos_theta, m_s_bar) + pulled(eta * (4.0 * cos_theta), m_p_bar);
    *eta_bar += pulled(wave.a * (4.0 * cos_theta), m_p_bar);
    *cos_theta_bar += pulled(wave.a * 4.0, m_s_bar).re + pulled(eta * wave.a * 4.0, m_p_bar).re;
    // e_1 = 1 - e^{-2jq}, once = e^{-jq}.
    let q_bar = pulled(J * 2.0 * (ONE - one_less_e), e_bar) + pulled(-J * once, once_bar);
    wave_bar.a += pulled(C64::from(wave_number), q_bar);
    let by_number = pulled(wave.a, q_bar).re * TAU / SPEED_OF_LIGHT;
    *thickness_bar += by_number * frequency;
    *frequency_bar += by_number * thickness;
    wave.vjp(eta, cos_theta, &wave_bar, eta_bar, cos_theta_bar);
}

/// The bar of x from that of an analytic function with the derivative `slope` there.
fn pulled(slope: impl Into<C64>, bar: C64) -> C64 {
    slope.into().conj() * bar
}

/// Amplitude factor of the specular reflection at a rough surface, exp(-2 (k sigma_h cos theta)^2) (T15).
///
/// `sigma_h` [m]: standard deviation of the height; `frequency` [Hz].
pub fn roughness_factor(sigma_h: f64, cos_theta: f64, frequency: f64) -> f64 {
    if sigma_h == 0.0 {
        return 1.0;
    }
    let phase = TAU * frequency / SPEED_OF_LIGHT * sigma_h * cos_theta;
    libm::exp(-2.0 * phase * phase)
}

/// The adjoint of [`roughness_factor`]; adds to the bars of its three arguments.
pub fn roughness_factor_vjp(
    sigma_h: f64,
    cos_theta: f64,
    frequency: f64,
    factor_bar: f64,
    [sigma_h_bar, cos_theta_bar, frequency_bar]: [&mut f64; 3],
) {
    let wave_number = TAU * frequency / SPEED_OF_LIGHT;
    let phase = wave_number * sigma_h * cos_theta;
    let phase_bar = -4.0 * phase * libm::exp(-2.0 * phase * phase) * factor_bar;
    *sigma_h_bar += phase_bar * wave_number * cos_theta;
    *cos_theta_bar += phase_bar * wave_number * sigma_h;
    *frequency_bar += phase_bar * TAU / SPEED_OF_LIGHT * sigma_h * cos_theta;
}

/// One interface between vacuum and eta; or the bars of it.
#[derive(Default)]
struct Interface {
    /// a = sqrt(eta - sin^2 theta), Im a <= 0: the normal component of the wave vector within, in units of k.
    a: C64,
    /// 1/(cos theta + a).
    over_s: C64,
    /// 1/(eta cos theta + a).
    over_p: C64,
    r_s: C64,
    r_p: C64,
    excess: C64,
}

impl Interface {
    fn new(eta: C64, cos_theta: f64) -> Interface {
        let less_one = eta - ONE;
        let cos_squared = cos_theta * cos_theta;
        let a = root_of_decay(less_one + cos_squared);
        let (over_s, over_p) = (inverse(a + cos_theta), inverse(eta * cos_theta + a));
        if less_one == C64::ZERO {
            let zero = C64::ZERO;
            return Interface { a, over_s, over_p, r_s: zero, r_p: zero, excess: zero };
        }
        // (c - a)/(c + a) and (eta c - a)/(eta c + a), each expanded by its denominator: no difference of near equals
        // is left but the one that makes Brewster's angle.
        let by_p = less_one * over_p;
        Interface {
            a,
            over_s,
            over_p,
            r_s: -less_one * over_s * over_s,
            r_p: by_p * (((eta + ONE) * cos_squared - ONE) * over_p),
            excess: by_p * over_s * -2.0,
        }
    }

    /// The adjoint of [`Interface::new`], for cos_theta above 0; adds to the bars of its two arguments.
    fn vjp(&self, eta: C64, cos_theta: f64, bar: &Interface, eta_bar: &mut C64, cos_theta_bar: &mut f64) {
        let (less_one, cos_squared) = (eta - ONE, cos_theta * cos_theta);
        let (over_s, over_p) = (self.over_s, self.over_p);
        let brewster = (eta + ONE) * cos_squared - ONE;
        let r_s_bar = pulled(over_s * over_s, bar.r_s);
        let r_p_bar = pulled(over_p * over_p, bar.r_p);
        let excess_bar = pulled(over_s * over_p * -2.0, bar.excess);
        let less_one_bar = -r_s_bar + pulled(brewster, r_p_bar) + excess_bar;
        let brewster_bar = pulled(less_one, r_p_bar);
        // Of the sums under the fractions.
        let sum_s_bar = -pulled(over_s * over_s, bar.over_s)
            - pulled(self.r_s * 2.0 * over_s, bar.r_s)
            - pulled(self.excess * over_s, bar.excess);
        let sum_p_bar = -pulled(over_p * over_p, bar.over_p)
            - pulled(self.r_p * 2.0 * over_p, bar.r_p)
            - pulled(self.excess * over_p, bar.excess);
        // a^2 = eta - 1 + c^2.
        let square_bar = pulled(inverse(self.a) * 0.5, bar.a + sum_s_bar + sum_p_bar);
        *eta_bar += less_one_bar + brewster_bar * cos_squared + sum_p_bar * cos_theta + square_bar;
        let by_square = pulled(eta + ONE, brewster_bar) + square_bar;
        *cos_theta_bar += 2.0 * cos_theta * by_square.re + sum_s_bar.re + pulled(eta, sum_p_bar).re;
    }

    /// Whether there is no interface: eta = 1.
    fn is_absent(&self) -> bool {
        self.excess == C64::ZERO
    }
}

/// The square root with Im <= 0, the wave that decays inwards under e^{+jwt} (T11); `z` with Im z <= 0.
pub fn root_of_decay(z: C64) -> C64 {
    let modulus = z.norm_sqr().sqrt();
    let larger = ((modulus + z.re.abs()) / 2.0).sqrt();
    if larger == 0.0 {
        return C64::ZERO;
    }
    let smaller = z.im.abs() / (2.0 * larger);
    if z.re >= 0.0 { C64::new(larger, -smaller) } else { C64::new(smaller, -larger) }
}

/// e^{-jq} for Im q <= 0: its modulus is at most 1, so a thick lossy slab gives 0 and never an overflow.
fn exp_minus_j(q: C64) -> C64 {
    let (sin, cos) = sincos_of_turns(q.re / TAU);
    C64::new(cos, -sin) * libm::exp(q.im)
}

/// 1 - e^{-2jq} for Im q <= 0, without cancellation for small q.
pub fn one_minus_exp_minus_2j(q: C64) -> C64 {
    let (sin, cos) = sincos_of_turns(q.re / TAU);
    let decay = libm::exp(2.0 * q.im);
    let lost = if q.im < -1.0 { 1.0 - decay } else { -libm::expm1(2.0 * q.im) };
    // 1 - d cos 2x = (1 - d) + 2 d sin^2 x.
    C64::new(lost + 2.0 * decay * sin * sin, 2.0 * decay * sin * cos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;
    use proptest::prelude::*;

    /// Rounding of a dozen complex operations.
    const ROUNDING: f64 = 1e-13;

    fn some_eta() -> Vec<C64> {
        [(1.0, 0.0), (1.0 + 1e-9, 0.0), (2.73, -0.01), (5.24, -0.4), (30.0, -20.0), (1.0, -6.4e6), (1.0, -1e8)]
            .map(|(re, im)| C64::new(re, im))
            .to_vec()
    }

    fn close(a: C64, b: C64, tolerance: f64) -> bool {
        (a - b).norm() <= tolerance * (1.0 + b.norm())
    }

    #[test]
    fn coefficients_are_those_of_the_textbook() {
        // Near eta = 1 the textbook form has no digits left.
        for eta in some_eta().into_iter().filter(|eta| (eta - ONE).norm() > 0.1) {
            for cos in [1e-6, 0.1, 0.5, 0.9, 1.0] {
                let a = root_of_decay(eta - (1.0 - cos * cos));
                let found = half_space(eta, cos);
                // The textbook form itself cancels: its error is about 1e-16/|c + a|.
                assert!(close(found.r_s, (C64::from(cos) - a) / (C64::from(cos) + a), 1e-10), "{eta} {cos}");
                assert!(close(found.r_p, (eta * cos - a) / (eta * cos + a), 1e-10), "{eta} {cos}");
                assert!(close(found.excess * (1.0 - cos * cos), found.r_s + found.r_p, ROUNDING), "{eta} {cos}");
            }
        }
    }

    #[test]
    fn fields_are_continuous_across_the_interface() {
        for eta in some_eta() {
            let n = root_of_decay(eta);
            for cos in [0.0, 1e-9, 0.3, 0.7, 1.0] {
                let c = half_space(eta, cos);
                assert!(close(c.t_s, c.r_s + ONE, 1e-10), "{eta} {cos}: {} {}", c.t_s, c.r_s);
                assert!(close(n * c.t_p, c.r_p + ONE, 1e-10), "{eta} {cos}: {} {}", c.t_p, c.r_p);
            }
        }
    }

    #[test]
    fn brewsters_angle_reflects_no_p() {
        let eta = C64::new(4.0, 0.0);
        let cos = (1.0 / 5.0f64).sqrt();
        assert!(half_space(eta, cos).r_p.norm() < ROUNDING);
        assert!((half_space(eta, cos).r_s.norm() - 0.6).abs() < ROUNDING);
    }

    #[test]
    fn beyond_the_critical_angle_all_is_reflected() {
        // From glass (n = 2) into vacuum: eta = 1/4, critical angle 30 degrees.
        let eta = C64::new(0.25, 0.0);
        for degrees in [31.0f64, 45.0, 80.0, 89.9] {
            let c = half_space(eta, degrees.to_radians().cos());
            assert!((c.r_s.norm() - 1.0).abs() < ROUNDING && (c.r_p.norm() - 1.0).abs() < ROUNDING, "{degrees}");
        }
        assert!(half_space(eta, 29f64.to_radians().cos()).r_s.norm() < 0.9);
    }

    #[test]
    fn normal_and_grazing_incidence_have_their_limits() {
        for eta in some_eta().into_iter().filter(|eta| *eta != ONE) {
            let n = root_of_decay(eta);
            for c in [half_space(eta, 1.0), slab(eta, 1.0, f64::INFINITY, 28e9)] {
                assert!(close(c.r_s, -(eta - ONE) / (n + ONE) / (n + ONE), ROUNDING) && close(c.r_p, -c.r_s, ROUNDING));
            }
            for c in [half_space(eta, 0.0), slab(eta, 0.0, 0.1, 28e9)] {
                assert!(close(c.r_s, -ONE, ROUNDING) && close(c.r_p, -ONE, ROUNDING), "{eta}");
            }
            // Continuous up to the named branch.
            let (at, near) = (slab(eta, 0.0, 0.1, 28e9), slab(eta, 1e-14, 0.1, 28e9));
            assert!(close(at.r_s, near.r_s, 1e-4) && close(at.excess, near.excess, 1e-4), "{eta}");
        }
    }

    #[test]
    fn a_lossless_slab_keeps_the_energy_and_a_lossy_one_does_not_gain() {
        for cos in [1e-4, 0.2, 0.6, 1.0] {
            for thickness in [1e-6, 1e-3, 0.1, 3.0] {
                let c = slab(C64::new(5.0, 0.0), cos, thickness, 28e9);
                for (r, t) in [(c.r_s, c.t_s), (c.r_p, c.t_p)] {
                    assert!((r.norm_sqr() + t.norm_sqr() - 1.0).abs() < 1e-12, "{cos} {thickness}");
                }
            }
        }
    }

    #[test]
    fn a_thick_lossy_slab_is_a_half_space_and_lets_nothing_through() {
        for eta in [C64::new(5.24, -0.4), C64::new(1.0, -6.4e6)] {
            for cos in [0.05, 0.5, 1.0] {
                let (thick, half) = (slab(eta, cos, 1e5, 28e9), half_space(eta, cos));
                assert!(close(thick.r_s, half.r_s, ROUNDING) && close(thick.r_p, half.r_p, ROUNDING));
                assert!(close(thick.excess, half.excess, ROUNDING));
                assert_eq!((thick.t_s, thick.t_p), (C64::ZERO, C64::ZERO));
            }
        }
    }

    #[test]
    fn a_slab_is_the_sum_of_its_round_trips() {
        // Airy: R = r + t r' t' e + ..., with r' = -r and t t' = 1 - r^2, summed term by term.
        let (eta, cos, thickness, frequency) = (C64::new(4.0, -0.3), 0.6, 0.01, 28e9);
        let half = half_space(eta, cos);
        let found = slab(eta, cos, thickness, frequency);
        let a = root_of_decay(eta - (1.0 - cos * cos));
        let once = (-J * a * (TAU * thickness * frequency / SPEED_OF_LIGHT)).exp();
        for (r, r_found, t_found) in [(half.r_s, found.r_s, found.t_s), (half.r_p, found.r_p, found.t_p)] {
            let (mut reflected, mut through, mut inside) = (r, C64::ZERO, (ONE - r * r) * once);
            for _ in 0..200 {
                through += inside;
                reflected -= r * inside * once;
                inside *= r * r * once * once;
            }
            assert!(close(reflected, r_found, 1e-12) && close(through, t_found, 1e-12));
        }
    }

    #[test]
    fn a_thin_slab_vanishes_and_vacuum_reflects_nothing() {
        assert!(slab(C64::new(5.0, -0.1), 0.5, 1e-12, 28e9).r_s.norm() < 1e-8);
        for cos in [0.0, 0.4, 1.0] {
            let c = slab(ONE, cos, 0.1, 28e9);
            assert_eq!((c.r_s, c.r_p, c.excess), (C64::ZERO, C64::ZERO, C64::ZERO));
            assert!((c.t_s.norm() - 1.0).abs() < ROUNDING);
        }
    }

    #[test]
    fn roughness_takes_the_power_off_the_specular_part() {
        assert_eq!(roughness_factor(0.0, 0.5, 28e9), 1.0);
        let wavelength = SPEED_OF_LIGHT / 28e9;
        let expected = (-2.0 * (TAU * 0.1 * 0.5f64).powi(2)).exp();
        assert!((roughness_factor(0.1 * wavelength, 0.5, 28e9) - expected).abs() < 1e-15);
        assert_eq!(roughness_factor(10.0, 1.0, 28e9), 0.0);
    }

    /// The loss that `bar` is the bar of: Re <bar, coefficients>.
    fn loss(bar: &Coefficients, c: &Coefficients) -> f64 {
        let pairs = [(bar.r_s, c.r_s), (bar.r_p, c.r_p), (bar.t_s, c.t_s), (bar.t_p, c.t_p), (bar.excess, c.excess)];
        pairs.iter().map(|(bar, z)| (bar.conj() * z).re).sum()
    }

    /// Real and imaginary part of eta, cosine, thickness, frequency.
    fn slab_of(x: &[f64; 5]) -> Coefficients {
        slab(C64::new(x[0], x[1]), x[2], x[3], x[4])
    }

    fn slab_bars(x: &[f64; 5], bar: &Coefficients) -> [f64; 5] {
        let (mut eta, mut rest) = (C64::ZERO, [0.0; 3]);
        let [cos, thickness, frequency] = &mut rest;
        slab_vjp(C64::new(x[0], x[1]), x[2], x[3], x[4], bar, &mut eta, cos, thickness, frequency);
        [eta.re, eta.im, rest[0], rest[1], rest[2]]
    }

    const BAR: Coefficients = Coefficients {
        r_s: C64::new(0.3, -0.8),
        r_p: C64::new(-0.5, 0.4),
        t_s: C64::new(0.9, 0.2),
        t_p: C64::new(-0.1, -0.7),
        excess: C64::new(0.6, 0.35),
    };

    #[test]
    fn a_slab_has_the_derivatives_of_its_adjoint() {
        for eta in [(1.0, 0.0), (1.02, -0.003), (2.73, -0.01), (5.24, -0.4), (30.0, -20.0), (3.0, -400.0)] {
            for cos in [0.03, 0.4, 0.85, 1.0] {
                for thickness in [1e-3, 0.013, 0.1, f64::INFINITY] {
                    let x = [eta.0, eta.1, cos, thickness, 28e9];
                    let found = slab_bars(&x, &BAR);
                    // Of the order of a turn of the phase within the slab, and of the change of the root.
                    let turn =
                        if thickness.is_finite() { 0.01 / (thickness * TAU * 28e9 / SPEED_OF_LIGHT) } else { 1.0 };
                    let unit = [eta.0, eta.0 + eta.1.abs(), cos, thickness, 28e9];
                    for i in (0..5).filter(|i| x[*i].is_finite()) {
                        let scale = match i {
                            0 | 1 => unit[i] * (3e-3 * turn).min(1e-3 * (cos * cos).min(1.0)),
                            2 => cos * (3e-3 * turn).min(1e-3),
                            _ => unit[i] * (1e-2 * turn / eta.0.hypot(eta.1).sqrt()).min(1e-4),
                        };
                        // Lossless matter and normal incidence are ends of the domain: a one-sided step is not taken there.
                        if (i == 1 && eta.1 == 0.0) || (i == 0 && eta.0 == 1.0) || (i == 2 && cos == 1.0) {
                            continue;
                        }
                        let of = |h: f64| {
                            let mut moved = x;
                            moved[i] += h * scale;
                            loss(&BAR, &slab_of(&moved))
                        };
                        let (_, expected) = slope([1.0, 0.5], of);
                        let found = found[i] * scale;
                        assert!(
                            (found - expected).abs() < 1e-8 * expected.abs() + 3e-13,
                            "{x:?} {i}: {found:e} {expected:e}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_matched_or_lossless_slab_has_one_sided_derivatives() {
        let slopes = |x: [f64; 5], i: usize, h: f64| {
            let at = |steps: f64| {
                let mut moved = x;
                moved[i] += steps * h;
                loss(&BAR, &slab_of(&moved))
            };
            (-3.0 * at(0.0) + 4.0 * at(1.0) - at(2.0)) / (2.0 * h)
        };
        for (x, i, h) in [
            ([1.0, 0.0, 0.6, 0.01, 28e9], 0, 1e-6),
            ([1.0, 0.0, 0.6, 0.01, 28e9], 1, -1e-6),
            ([4.0, 0.0, 0.6, 0.01, 28e9], 1, -1e-6),
            ([4.0, 0.0, 1.0, 0.01, 28e9], 2, -1e-6),
        ] {
            let (found, expected) = (slab_bars(&x, &BAR)[i], slopes(x, i, h));
            assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{x:?} {i}: {found} {expected}");
        }
    }

    #[test]
    fn roughness_has_the_derivatives_of_its_adjoint() {
        let x = [4e-4, 0.6, 28e9];
        let mut found = [0.0; 3];
        let [sigma_h, cos, frequency] = &mut found;
        roughness_factor_vjp(x[0], x[1], x[2], 0.7, [sigma_h, cos, frequency]);
        for i in 0..3 {
            let of = |h: f64| {
                let mut moved = x;
                moved[i] *= 1.0 + h;
                0.7 * roughness_factor(moved[0], moved[1], moved[2])
            };
            let (_, expected) = slope([1e-3, 5e-4], of);
            assert!((found[i] * x[i] - expected).abs() < 1e-10, "{i}");
        }
    }

    proptest! {
        #[test]
        fn the_adjoint_of_a_slab_is_the_transpose_of_its_tangent(
            re in 1.05..40.0f64, im in 1e-3..20.0f64, cos in 0.02..0.98f64, log_thickness in -4.0..-1.0f64,
            v in prop::array::uniform5(-1.0..1.0f64), w in prop::array::uniform10(-1.0..1.0f64),
        ) {
            let x = [re, -im, cos, 10f64.powf(log_thickness), 28e9];
            let bar = Coefficients {
                r_s: C64::new(w[0], w[1]), r_p: C64::new(w[2], w[3]), t_s: C64::new(w[4], w[5]),
                t_p: C64::new(w[6], w[7]), excess: C64::new(w[8], w[9]),
            };
            let size = [re, im, 1.0 - cos, x[3], x[4]];
            let turns = x[3] * TAU * 28e9 / SPEED_OF_LIGHT * (re.hypot(im)).sqrt();
            let h = 1e-2 / (1.0 + turns) * cos.min(im.min(1.0));
            let of = |h: f64| loss(&bar, &slab_of(&std::array::from_fn(|i| x[i] + h * v[i] * size[i])));
            let (_, expected) = slope([h, h / 2.0], of);
            let found: f64 = slab_bars(&x, &bar).iter().zip(v).zip(size).map(|((b, v), s)| b * v * s).sum();
            let terms: f64 = slab_bars(&x, &bar).iter().zip(v).zip(size).map(|((b, v), s)| (b * v * s).abs()).sum();
            prop_assert!((found - expected).abs() <= 1e-6 * terms + 1e-9, "{} {} {}", found, expected, terms);
        }

        #[test]
        fn nothing_is_nan_and_no_power_is_made(
            re in prop_oneof![Just(1.0), 1.0..100.0f64, 1.0..1.0001f64],
            log_im in -12.0..9.0f64,
            lossless in any::<bool>(),
            cos in prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64, 0.0..1e-8f64],
            log_thickness in -9.0..6.0f64,
            log_frequency in 6.0..12.5f64,
        ) {
            let eta = C64::new(re, if lossless { 0.0 } else { -10f64.powf(log_im) });
            let c = slab(eta, cos, 10f64.powf(log_thickness), 10f64.powf(log_frequency));
            let h = half_space(eta, cos);
            for z in [c.r_s, c.r_p, c.t_s, c.t_p, c.excess, h.r_s, h.r_p, h.t_s, h.t_p, h.excess] {
                prop_assert!(z.is_finite(), "{eta} {cos}: {c:?} {h:?}");
            }
            prop_assert!(c.r_s.norm_sqr() + c.t_s.norm_sqr() <= 1.0 + 1e-9, "{c:?}");
            prop_assert!(c.r_p.norm_sqr() + c.t_p.norm_sqr() <= 1.0 + 1e-9, "{c:?}");
            prop_assert!(h.r_s.norm() <= 1.0 + 1e-12 && h.r_p.norm() <= 1.0 + 1e-12, "{h:?}");
        }
    }
}
