//! Smooth steps: what replaces a test `x > 0` so that its outcome has a gradient (T107).
//!
//! Every kind obeys four conditions, tested as properties: C1 it is continuous, 0 at minus and 1 at plus infinity; C2 it
//! does not decrease; C3 it is 1/2 at 0; C4 it is point-symmetric, `s(-x) = 1 - s(x)`. As alpha grows it tends to the step.
//!
//! Source: J. Eertmans, L. Jacques and C. Oestges, "Fully Differentiable Ray Tracing via Discontinuity Smoothing for Radio
//! Network Optimization", EuCAP 2024, section II.

use crate::layout::{HARD_SIGMOID, RAMP, SIGMOID, SMOOTHSTEP};

/// The shape of a smooth step `s(x)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepKind {
    /// `1 / (1 + e^-x)`: its gradient is nowhere 0.
    #[default]
    Sigmoid,
    /// `clip(x + 3, 0, 6) / 6`: a ramp, with no gradient beyond 3.
    HardSigmoid,
    /// `t^2 (3 - 2 t)` with `t = clip(x + 3, 0, 6) / 6`: the ramp with a continuous gradient.
    Smoothstep,
}

impl StepKind {
    /// All of them.
    pub const ALL: [StepKind; 3] = [StepKind::Sigmoid, StepKind::HardSigmoid, StepKind::Smoothstep];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Sigmoid => "sigmoid",
            StepKind::HardSigmoid => "hard_sigmoid",
            StepKind::Smoothstep => "smoothstep",
        }
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<StepKind> {
        StepKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its number in records that the device reads.
    pub fn number(self) -> u32 {
        match self {
            StepKind::Sigmoid => SIGMOID,
            StepKind::HardSigmoid => HARD_SIGMOID,
            StepKind::Smoothstep => SMOOTHSTEP,
        }
    }

    /// Beyond this |x| the step is 0 or 1 [-]: exactly, or to a part in 10^10 for the sigmoid, whose tail is cut there.
    pub fn reach(self) -> f64 {
        match self {
            StepKind::Sigmoid => SIGMOID_REACH,
            StepKind::HardSigmoid | StepKind::Smoothstep => RAMP,
        }
    }
}

/// Where the sigmoid is taken to have arrived [-]: e^-24 is 4e-11, far below what anybody calls a jump.
const SIGMOID_REACH: f64 = 24.0;

/// A smooth step of a distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothStep {
    /// Its shape.
    pub kind: StepKind,
    /// Its sharpness [1/m]; infinity is the step itself.
    pub alpha: f64,
}

impl SmoothStep {
    /// The step itself.
    pub const HARD: SmoothStep = SmoothStep { kind: StepKind::Sigmoid, alpha: f64::INFINITY };

    /// Beyond this distance [m] the step is 0 or 1 ([`StepKind::reach`]); 0 for the step itself.
    pub fn reach(&self) -> f64 {
        self.kind.reach() / self.alpha
    }

    /// `s(alpha x)` for a distance `x` [m], and its derivative with respect to `x` [1/m] (T107). Where a ramp begins or ends
    /// the derivative is that of the ramp's side. The step itself is 1 for `x > 0`, else 0, and has no gradient.
    pub fn of(&self, x: f64) -> (f64, f64) {
        if self.alpha == f64::INFINITY {
            return (f64::from(u8::from(x > 0.0)), 0.0);
        }
        let x = self.alpha * x;
        let (value, slope) = match self.kind {
            StepKind::Sigmoid => {
                // e^-|x| cannot overflow.
                let e = libm::exp(-x.abs());
                let (small, slope) = (e / (1.0 + e), e / ((1.0 + e) * (1.0 + e)));
                (if x >= 0.0 { 1.0 - small } else { small }, slope)
            }
            StepKind::HardSigmoid => {
                let slope = if x.abs() <= RAMP { 1.0 / (2.0 * RAMP) } else { 0.0 };
                ((x + RAMP).clamp(0.0, 2.0 * RAMP) / (2.0 * RAMP), slope)
            }
            StepKind::Smoothstep => {
                let t = (x + RAMP).clamp(0.0, 2.0 * RAMP) / (2.0 * RAMP);
                (t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t) / (2.0 * RAMP))
            }
        };
        (value, self.alpha * slope)
    }

    /// `ln s(alpha x)` and its derivative by `x` [1/m]. Of the sigmoid it goes on below 0 as `alpha x` does, however deep, so
    /// that there is a way up everywhere; where a ramp or the step is 0 it is `ln` of the least positive number, and flat.
    pub fn ln_of(&self, x: f64) -> (f64, f64) {
        if self.kind == StepKind::Sigmoid && self.alpha != f64::INFINITY {
            let x = self.alpha * x;
            let e = libm::exp(-x.abs());
            let slope = if x >= 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
            return (x.min(0.0) - libm::log1p(e), self.alpha * slope);
        }
        let (value, slope) = self.of(x);
        if value > 0.0 { (libm::log(value), slope / value) } else { (libm::log(f64::MIN_POSITIVE), 0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn steps_obey_the_four_conditions(x in -60.0..60.0f64, further in 0.0..5.0f64, alpha in 1e-3..1e4f64) {
            for kind in StepKind::ALL {
                let step = SmoothStep { kind, alpha };
                let s = |x: f64| step.of(x / alpha).0;
                prop_assert!((0.0..=1.0).contains(&s(x)));
                prop_assert!(s(x + further) >= s(x), "it decreases");
                prop_assert!((s(x) + s(-x) - 1.0).abs() < 1e-15, "it is not point-symmetric");
                prop_assert!(s(x + further) - s(x) <= 0.25 * further + 1e-15, "it jumps");
                prop_assert_eq!(s(0.0), 0.5);
            }
        }

        #[test]
        fn slopes_are_those_of_differences(x in -8.0..8.0f64, alpha in 1e-2..1e3f64) {
            for kind in StepKind::ALL {
                prop_assume!((x.abs() - RAMP).abs() > 1e-3);
                let step = SmoothStep { kind, alpha };
                let h = 1e-5 / alpha;
                let difference = (step.of(x / alpha + h).0 - step.of(x / alpha - h).0) / (2.0 * h);
                prop_assert!((step.of(x / alpha).1 - difference).abs() < 1e-8 * alpha);
                let (ln, slope) = step.ln_of(x / alpha);
                let (value, own) = step.of(x / alpha);
                if value > 1e-9 {
                    prop_assert!((ln - value.ln()).abs() < 1e-6 && (slope - own / value).abs() < 1e-6 * (alpha + slope));
                }
            }
        }
    }

    #[test]
    fn steps_arrive_where_they_say() {
        for kind in StepKind::ALL {
            let step = SmoothStep { kind, alpha: 7.0 };
            assert!(step.of(-1.0001 * step.reach()).0 < 1e-10 && step.of(1.0001 * step.reach()).0 > 1.0 - 1e-10);
            assert_eq!(StepKind::of_name(kind.name()), Some(kind));
        }
        assert_eq!([-1e-300, 0.0, 1e-300].map(|x| SmoothStep::HARD.of(x)), [(0.0, 0.0), (0.0, 0.0), (1.0, 0.0)]);
        assert_eq!(SmoothStep::HARD.reach(), 0.0);
    }
}
