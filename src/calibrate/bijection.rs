//! Trained numbers and what they mean: any real x is a value within its bounds (T100).

/// How a trained number x becomes a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bijection {
    /// value = x.
    Linear,
    /// value = offset + e^x.
    Exponential {
        /// What the value is above.
        offset: f64,
    },
    /// value = 1/(1 + e^-x): shares.
    Logistic,
}

/// A bijection and the bounds of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    /// The bijection.
    pub bijection: Bijection,
    /// Bounds of the value.
    pub bounds: [f64; 2],
}

impl Map {
    /// The value of a trained number: that of the nearest x within the bounds.
    pub fn value(&self, x: f64) -> f64 {
        let [low, high] = self.bounds;
        self.bijection.value(x).clamp(low, high)
    }

    /// d value/dx; 0 where x is beyond its bounds.
    pub fn slope(&self, x: f64) -> f64 {
        let [low, high] = self.x_bounds();
        if !(low..=high).contains(&x) {
            return 0.0;
        }
        match self.bijection {
            Bijection::Linear => 1.0,
            Bijection::Exponential { .. } => libm::exp(x),
            Bijection::Logistic => {
                let share = self.bijection.value(x);
                share * (1.0 - share)
            }
        }
    }

    /// The trained number of a value within the bounds.
    pub fn x_of(&self, value: f64) -> f64 {
        match self.bijection {
            Bijection::Linear => value,
            Bijection::Exponential { offset } => libm::log(value - offset),
            Bijection::Logistic => libm::log(value / (1.0 - value)),
        }
    }

    /// Bounds of trained numbers.
    pub fn x_bounds(&self) -> [f64; 2] {
        self.bounds.map(|bound| self.x_of(bound))
    }

    /// The nearest trained number within the bounds.
    pub fn within(&self, x: f64) -> f64 {
        let [low, high] = self.x_bounds();
        x.clamp(low, high)
    }
}

impl Bijection {
    fn value(self, x: f64) -> f64 {
        match self {
            Bijection::Linear => x,
            Bijection::Exponential { offset } => offset + libm::exp(x),
            Bijection::Logistic => 1.0 / (1.0 + libm::exp(-x)),
        }
    }

    /// The values that it can take, ends left out.
    pub fn image(self) -> [f64; 2] {
        match self {
            Bijection::Linear => [f64::NEG_INFINITY, f64::INFINITY],
            Bijection::Exponential { offset } => [offset, f64::INFINITY],
            Bijection::Logistic => [0.0, 1.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;

    const MAPS: [Map; 4] = [
        Map { bijection: Bijection::Linear, bounds: [-50.0, 50.0] },
        Map { bijection: Bijection::Exponential { offset: 1.0 }, bounds: [1.001, 200.0] },
        Map { bijection: Bijection::Exponential { offset: 0.0 }, bounds: [1e-4, 1e6] },
        Map { bijection: Bijection::Logistic, bounds: [1e-3, 0.999] },
    ];

    #[test]
    fn values_and_trained_numbers_are_each_others_inverse() {
        for map in MAPS {
            for x in [-2.0, -0.3, 0.0, 0.7, 1.9] {
                assert!((map.x_of(map.value(x)) - x).abs() < 1e-12, "{map:?} {x}");
                let (_, expected) = slope([1e-3, 5e-4], |h| map.value(x + h));
                assert!((map.slope(x) - expected).abs() < 1e-9 * expected.abs().max(1.0), "{map:?} {x}");
            }
        }
    }

    #[test]
    fn values_stay_within_their_bounds_and_nothing_pulls_them_beyond() {
        for map in MAPS {
            for (x, bound) in [(-1e3, map.bounds[0]), (1e3, map.bounds[1])] {
                assert_eq!((map.value(x), map.slope(x)), (bound, 0.0), "{map:?}");
                assert!((map.value(map.within(x)) - bound).abs() < 1e-12 * bound.abs());
                assert!(map.slope(map.within(x)) > 0.0);
            }
        }
    }
}
