//! What the powers in the cells of a map amount to: gain, RSS, SINR, delay spread, best server (T82).

/// Sums over the points and paths of one cell from one transmitter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CellSums {
    /// Path gain, summed over the points [-].
    pub gain: f64,
    /// The same of the exact part alone.
    pub exact: f64,
    /// Squares of the points' exact gains, for their spread.
    pub gain_squared: f64,
    /// Gain times excess delay, and times its square [s, s^2]. Excess: beyond the direct way to the point.
    pub delay: [f64; 2],
    /// Variance of the sampled part of the gain's sum.
    pub sampling_variance: f64,
}

impl CellSums {
    /// Adds a point from the moments of its paths: sums of power, of power times excess delay [s], and times its square
    /// [s^2].
    pub fn add_point(&mut self, [power, first, second]: [f64; 3]) {
        self.gain += power;
        self.exact += power;
        self.gain_squared += power * power;
        self.delay = [self.delay[0] + first, self.delay[1] + second];
    }

    /// Adds what is scattered, as a mean over the cell's `points`: moments as of one point, and the variance of the power.
    pub fn add_sampled(&mut self, points: usize, [power, first, second]: [f64; 3], variance: f64) {
        let n = points as f64;
        self.gain += n * power;
        self.delay = [self.delay[0] + n * first, self.delay[1] + n * second];
        self.sampling_variance += n * n * variance;
    }

    /// The cell's mean gain over its `points`.
    pub fn mean(&self, points: usize) -> f64 {
        self.gain / points as f64
    }

    /// The adjoint of [`CellSums::mean`]; adds to `bar`.
    pub fn mean_vjp(points: usize, mean_bar: f64, bar: &mut CellBar) {
        bar.gain += mean_bar / points as f64;
    }

    /// The standard error of the mean over the cell: from the spread of its points, and from sampling.
    ///
    /// In point mode (one point) the cell is its point, and only sampling has an error. The points of a cell are a
    /// regular pattern, whose error is mostly less than that of as many random ones, which is what stands here. What is
    /// sampled is a mean over the cell: its part of the spread is not among the points.
    pub fn standard_error(&self, points: usize) -> f64 {
        let n = points as f64;
        let between =
            if points > 1 { (self.gain_squared - self.exact * self.exact / n).max(0.0) / (n - 1.0) / n } else { 0.0 };
        (between + self.sampling_variance / (n * n)).sqrt()
    }

    /// The RMS delay spread [s] over paths and points, of delays beyond the direct way, so that the size of the cell does
    /// not count; `None` without power.
    pub fn rms_delay_spread(&self) -> Option<f64> {
        let [first, second] = self.delay.map(|moment| moment / self.gain);
        (self.gain > 0.0).then(|| (second - first * first).max(0.0).sqrt())
    }

    /// The adjoint of [`CellSums::rms_delay_spread`] (T96); adds to `bar`. Without power nothing is defined; a spread of 0
    /// is an end of what spreads may be, and passes nothing on.
    pub fn rms_delay_spread_vjp(&self, spread_bar: f64, bar: &mut CellBar) {
        let Some(spread) = self.rms_delay_spread().filter(|spread| *spread > 0.0) else { return };
        let (mean, each) = (self.delay[0] / self.gain, spread_bar / (2.0 * spread * self.gain));
        bar.gain += (mean * mean - spread * spread) * each;
        bar.delay = [bar.delay[0] - 2.0 * mean * each, bar.delay[1] + each];
    }
}

/// Bars of what [`CellSums`] adds up, of the exact and the sampled part together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CellBar {
    /// Of the sum of path gains [-].
    pub gain: f64,
    /// Of the sums of gain times excess delay, and times its square [1/s, 1/s^2].
    pub delay: [f64; 2],
}

impl CellBar {
    /// The bar of a power [-] that comes so much later than the direct way would have it [s], and that of its delay over
    /// the power [1/s].
    pub fn of_power(&self, delay: f64) -> [f64; 2] {
        let [first, second] = self.delay;
        [self.gain + delay * (first + delay * second), first + 2.0 * delay * second]
    }

    /// Whether nothing depends on the cell.
    pub fn is_zero(&self) -> bool {
        *self == CellBar::default()
    }
}

/// What a noise-limited receiver hears of each transmitter: gain times power over the other transmitters' and the noise.
///
/// `received` [W] `[transmitter]`; `noise` [W].
pub fn sinr(received: &[f64], noise: f64) -> Vec<f64> {
    let of = |(own, others): (&f64, f64)| if *own > 0.0 { own / (others + noise) } else { 0.0 };
    received.iter().zip(sums_of_others(received)).map(of).collect()
}

/// The adjoint of [`sinr`] (T96), from `sinr_bar` `[transmitter]`; adds to `received_bar` [1/W]. `noise` [W] is above 0.
pub fn sinr_vjp(received: &[f64], noise: f64, sinr_bar: &[f64], received_bar: &mut [f64]) {
    let below = sums_of_others(received).into_iter().map(|others| others + noise);
    let (mut own_bar, mut below_bar) = (Vec::new(), Vec::new());
    for ((own, below), bar) in received.iter().zip(below).zip(sinr_bar) {
        own_bar.push(bar / below);
        below_bar.push(-bar * own / (below * below));
    }
    let as_others = sums_of_others(&below_bar);
    for ((received_bar, own), others) in received_bar.iter_mut().zip(own_bar).zip(as_others) {
        *received_bar += own + others;
    }
}

/// Of each value the sum of all others: those before and those behind, since all less its own would lose what is small
/// beside it. It is its own adjoint.
fn sums_of_others(values: &[f64]) -> Vec<f64> {
    let mut others = vec![0.0; values.len()];
    let mut before = 0.0;
    for (others, value) in others.iter_mut().zip(values) {
        *others = before;
        before += value;
    }
    let mut behind = 0.0;
    for (others, value) in others.iter_mut().zip(values).rev() {
        *others += behind;
        behind += value;
    }
    others
}

/// The transmitter with the largest received power, the first of equal ones; `None` where there is no power at all.
pub fn best_server(received: &[f64]) -> Option<usize> {
    let best = received.iter().enumerate().fold(None, |best: Option<(usize, f64)>, (i, power)| match best {
        Some((_, known)) if known >= *power => best,
        _ => Some((i, *power)),
    });
    best.filter(|(_, power)| *power > 0.0).map(|(i, _)| i)
}

/// Thermal noise k T B F [W] over a `bandwidth` [Hz] at 290 K, with the noise figure as a ratio.
pub fn thermal_noise(bandwidth: f64, noise_figure: f64) -> f64 {
    const BOLTZMANN: f64 = 1.380_649e-23;
    const TEMPERATURE_K: f64 = 290.0;
    BOLTZMANN * TEMPERATURE_K * bandwidth * noise_figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;

    #[test]
    fn thermal_noise_is_minus_174_dbm_per_hertz() {
        let dbm = 10.0 * (thermal_noise(1.0, 1.0) / 1e-3).log10();
        assert!((dbm + 173.975).abs() < 1e-3, "{dbm}");
        assert!((thermal_noise(1e8, 10.0) / thermal_noise(1.0, 1.0) / 1e9 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_best_server_is_the_strongest_and_the_first_of_equals() {
        assert_eq!(best_server(&[1e-9, 3e-9, 3e-9]), Some(1));
        assert_eq!(best_server(&[0.0, 0.0]), None);
        assert_eq!(best_server(&[]), None);
    }

    #[test]
    fn sinr_counts_all_others_and_the_noise() {
        let found = sinr(&[8.0, 1.0, 0.0], 1.0);
        assert!((found[0] - 4.0).abs() < 1e-15 && (found[1] - 1.0 / 9.0).abs() < 1e-15 && found[2] == 0.0);
        // Without noise or others it has no bound.
        assert_eq!(sinr(&[1.0], 0.0), [f64::INFINITY]);
    }

    #[test]
    fn a_cell_is_the_mean_of_its_points() {
        let mut cell = CellSums::default();
        // Two paths of equal power, one direct and one 1 us later, and a point without power.
        cell.add_point([2.0, 1e-6, 1e-12]);
        cell.add_point([0.0; 3]);
        assert_eq!(cell.mean(2), 1.0);
        assert!((cell.rms_delay_spread().expect("power") - 0.5e-6).abs() < 1e-18);
        // Points 2 and 0: variance 2 of one, 1 of their mean.
        assert!((cell.standard_error(2) - 1.0).abs() < 1e-15);
        let mut point = CellSums::default();
        point.add_point([2.0, 0.0, 0.0]);
        assert_eq!(point.standard_error(1), 0.0);
    }

    #[test]
    fn metrics_have_the_derivatives_of_their_adjoints() {
        let sums = CellSums { gain: 3e-9, delay: [4e-16, 1e-22], ..CellSums::default() };
        let mut bar = CellBar::default();
        sums.rms_delay_spread_vjp(2e8, &mut bar);
        CellSums::mean_vjp(4, 5e8, &mut bar);
        let of = |by: [f64; 3]| {
            slope([1e-3, 5e-4], |h| {
                let delay = [0, 1].map(|i| sums.delay[i] * (1.0 + h * by[i + 1]));
                let moved = CellSums { gain: sums.gain * (1.0 + h * by[0]), delay, ..sums };
                2e8 * moved.rms_delay_spread().expect("power") + 5e8 * moved.mean(4)
            })
        };
        for (by, found) in [
            ([1.0, 0.0, 0.0], bar.gain * sums.gain),
            ([0.0, 1.0, 0.0], bar.delay[0] * sums.delay[0]),
            ([0.0, 0.0, 1.0], bar.delay[1] * sums.delay[1]),
        ] {
            let (_, expected) = of(by);
            assert!((found / expected - 1.0).abs() < 1e-8, "{by:?}: {found} {expected}");
        }
        // One path: no spread, and nothing of it.
        let one = CellSums { gain: 1.0, delay: [2.0, 4.0], ..CellSums::default() };
        let mut nothing = CellBar::default();
        one.rms_delay_spread_vjp(1.0, &mut nothing);
        CellSums::default().rms_delay_spread_vjp(1.0, &mut nothing);
        assert!(nothing.is_zero());
    }

    #[test]
    fn sinr_has_the_derivatives_of_its_adjoint() {
        let (received, noise, bars) = ([8.0, 1.0, 0.0, 3.0], 0.7, [1.0, -2.0, 0.5, 0.3]);
        let mut found = [0.0; 4];
        sinr_vjp(&received, noise, &bars, &mut found);
        for i in 0..4 {
            let loss = |h: f64| {
                let mut moved = received;
                moved[i] += 1e-2 + h;
                sinr(&moved, noise).iter().zip(&bars).map(|(sinr, bar)| sinr * bar).sum::<f64>()
            };
            let mut at = received;
            at[i] += 1e-2;
            let mut own = [0.0; 4];
            sinr_vjp(&at, noise, &bars, &mut own);
            let (_, expected) = slope([1e-3, 5e-4], loss);
            assert!((own[i] - expected).abs() < 1e-9, "{i}: {} {expected}", own[i]);
        }
        // A transmitter that is not heard would be, by a little power.
        assert!(
            (found[2] - (0.5 / 12.7 - 8.0 / 4.7f64.powi(2) + 2.0 / 11.7f64.powi(2) - 0.3 * 3.0 / 9.7f64.powi(2))).abs()
                < 1e-12
        );
    }
}
