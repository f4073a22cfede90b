//! Adam (Kingma and Ba, 2015, algorithm 1) and schedules of its learning rate.

/// Options of the optimiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate: the first steps are as long, in trained numbers.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// What keeps the step finite where gradients vanish.
    pub epsilon: f64,
    /// How the rate goes on.
    pub schedule: Schedule,
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { learning_rate: 5e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, schedule: Schedule::Constant }
    }
}

/// How the learning rate goes from the first step to the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// It stays.
    Constant,
    /// Half a cosine down to a share of it.
    Cosine {
        /// The last rate over the first one.
        last: f64,
    },
    /// Evenly on a logarithmic scale down to a share of it.
    Exponential {
        /// The last rate over the first one.
        last: f64,
    },
}

impl Schedule {
    /// The rate of `step` of `steps` over the first one.
    pub fn factor(self, step: u64, steps: u64) -> f64 {
        let done = step as f64 / steps.saturating_sub(1).max(1) as f64;
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine { last } => last + (1.0 - last) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done)),
            Schedule::Exponential { last } => libm::pow(last, done),
        }
    }
}

/// Running means of the gradients and of their squares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// Means `[trained number]`.
    pub mean: Vec<f64>,
    /// Means of squares `[trained number]`.
    pub square: Vec<f64>,
}

impl Moments {
    /// None yet, of so many trained numbers.
    pub fn new(count: usize) -> Moments {
        Moments { mean: vec![0.0; count], square: vec![0.0; count] }
    }
}

impl Adam {
    /// Takes step number `step` (from 0) of `steps`: changes `x` by its `gradient` `[trained number]`; `rates` multiply the
    /// learning rate of each.
    pub fn step(
        &self,
        (step, steps): (u64, u64),
        rates: &[f64],
        gradient: &[f64],
        moments: &mut Moments,
        x: &mut [f64],
    ) {
        let rate = self.learning_rate * self.schedule.factor(step, steps);
        let count = step as f64 + 1.0;
        let [unbias1, unbias2] = [self.beta1, self.beta2].map(|beta| 1.0 / (1.0 - libm::pow(beta, count)));
        let means = moments.mean.iter_mut().zip(&mut moments.square);
        for (((x, g), (mean, square)), own) in x.iter_mut().zip(gradient).zip(means).zip(rates) {
            *mean = self.beta1 * *mean + (1.0 - self.beta1) * g;
            *square = self.beta2 * *square + (1.0 - self.beta2) * g * g;
            *x -= rate * own * (*mean * unbias1) / ((*square * unbias2).sqrt() + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_as_long_as_the_rate_and_a_bowl_is_descended() {
        let adam = Adam { learning_rate: 0.1, schedule: Schedule::Cosine { last: 0.0 }, ..Adam::default() };
        let (mut x, mut moments) = (vec![3.0, -2.0], Moments::new(2));
        let gradient = |x: &[f64]| vec![2.0 * (x[0] - 1.0), 20.0 * (x[1] + 1.0)];
        adam.step((0, 400), &[1.0, 0.5], &gradient(&x), &mut moments, &mut x);
        assert!((x[0] - 2.9).abs() < 1e-6 && (x[1] + 1.95).abs() < 1e-6, "{x:?}");
        for step in 1..400 {
            adam.step((step, 400), &[1.0, 0.5], &gradient(&x), &mut moments, &mut x);
        }
        assert!((x[0] - 1.0).abs() < 1e-4 && (x[1] + 1.0).abs() < 1e-4, "{x:?}");
    }

    #[test]
    fn schedules_begin_with_1_and_end_with_their_share() {
        for schedule in [Schedule::Cosine { last: 0.1 }, Schedule::Exponential { last: 0.1 }] {
            assert_eq!(schedule.factor(0, 100), 1.0);
            assert!((schedule.factor(99, 100) - 0.1).abs() < 1e-12);
            assert!(schedule.factor(50, 100) < 1.0 && schedule.factor(50, 100) > 0.1);
        }
        assert_eq!(Schedule::Constant.factor(7, 100), 1.0);
    }
}
