//! How well parameters are known: curvature of the loss, scatter of its gradient, and what follows (T106).
//!
//! Everything is in trained numbers, where parameters are without bounds and errors nearly normal.

use super::bijection::Bijection;
use super::evaluate::{Model, TermLoss};
use super::loss::{DECIBEL, Measure, Of, Outcome, Term};
use super::measurement::{PURPOSE_PROBE, QUANTITIES};
use super::parameters::{Parameter, Target};
use super::scale::{Scale, Scales, factor};
use crate::channel::ChannelBar;
use crate::error::Result;
use crate::math::C64;
use crate::math::random::philox;
use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

/// Probes of a response, each of which costs an adjoint: J^T J of thousands of samples is the mean over random signs.
const PROBES: u32 = 8;
/// Directions in which the loss curves less than this, relative to the most, after scaling: the data say nothing of them.
const FLAT: f64 = 1e-10;
/// Parameters whose errors are correlated beyond this cannot be told apart.
const ALIKE: f64 = 0.95;
/// Half of a 95 % interval of a normal distribution, in standard deviations.
pub const HALF_95: f64 = 1.959_963_984_540_054;

/// Curvature of the loss and variance of its gradient by the values of the parameters, then by ln of the scales of groups.
#[derive(Debug, Clone)]
pub struct Information {
    curvature: DMatrix<f64>,
    scatter: DMatrix<f64>,
    parameters: usize,
}

/// How well one parameter is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorOf {
    /// Standard error of the trained number; infinite where the data say nothing.
    pub x: f64,
    /// Standard error of the value, to first order.
    pub value: f64,
    /// The 95 % interval of the value, each end the wider of that of the trained number and that of the value to first order.
    pub interval: [f64; 2],
    /// Whether the data, and the prior, say next to nothing about it.
    pub is_unidentifiable: bool,
}

/// How well all are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errors {
    /// `[parameter]`.
    pub of: Vec<ErrorOf>,
    /// Pairs that the data cannot tell apart, and the correlation of their errors.
    pub alike: Vec<(usize, usize, f64)>,
}

impl Information {
    /// Of the training rows: `terms` say how large their errors are, for those terms whose noise is not stated.
    ///
    /// # Errors
    /// As [`Model::losses`].
    pub fn of(model: &Model, rows: &[usize], scales: &Scales, terms: &[TermLoss]) -> Result<Information> {
        let plan = model.plan;
        let counts = plan.counts(rows);
        let groups = if plan.scale == Scale::Known { 0 } else { plan.groups.len() };
        let size = plan.parameters.len() + groups;
        let weights: Vec<Weights> = plan
            .terms
            .iter()
            .zip(terms)
            .zip(&counts)
            .map(|((term, loss), count)| Weights::of(term, loss, *count))
            .collect();
        let by_receiver: Vec<&[usize]> =
            rows.chunk_by(|a, b| plan.rows[*a].receiver == plan.rows[*b].receiver).collect();
        let empty = || Information {
            curvature: DMatrix::zeros(size, size),
            scatter: DMatrix::zeros(size, size),
            parameters: plan.parameters.len(),
        };
        let of_receiver = |rows: &&[usize]| {
            let mut own = empty();
            own.add(model, rows, scales, &weights)?;
            Ok(own)
        };
        let mut all = empty();
        for some in by_receiver.chunks(AT_ONCE) {
            let found: Vec<Result<Information>> = some.par_iter().map(of_receiver).collect();
            for own in found {
                let own = own?;
                all.curvature += own.curvature;
                all.scatter += own.scatter;
            }
        }
        Ok(all)
    }

    /// Adds what the rows of one receiver say.
    fn add(&mut self, model: &Model, rows: &[usize], scales: &Scales, weights: &[Weights]) -> Result<()> {
        let plan = model.plan;
        let receivers = [plan.rows[rows[0]].receiver];
        let replayed = model.replay(&receivers)?;
        let pull_back = |bar: &ChannelBar| model.pull_back(&replayed, &receivers, bar);
        for number in rows {
            let row = &plan.rows[*number];
            let (link, scale) = (replayed.link(0, row.transmitter), factor(scales, row.group));
            let observed = plan.instrument.observe(&link, row.carrier);
            for (term, weights) in plan.terms.iter().zip(weights) {
                match term.of {
                    Of::Quantity(quantity) => {
                        let outcome = term.compare(quantity, row, &observed, scale, plan.floor);
                        let Outcome::Compared { error_db: Some(_), .. } = outcome else { continue };
                        let Some(computed) = observed[quantity as usize] else { continue };
                        let (mut bar, mut own) = (replayed.bar(), [0.0; QUANTITIES]);
                        own[quantity as usize] = DECIBEL / computed;
                        plan.instrument.observe_vjp(&link, row.carrier, &own, &mut bar, &mut 0.0);
                        let by_scale = quantity.is_power().then_some((row.group, -DECIBEL));
                        self.add_row(pull_back(&bar)?, by_scale, weights, 1.0);
                    }
                    Of::Response { free_phase } => {
                        let Some(measured) = &row.response else { continue };
                        let size: f64 = measured.iter().map(C64::norm_sqr).sum::<f64>() * scale;
                        let share = measured.len() as f64 / size / f64::from(PROBES);
                        let computed = plan.instrument.response(&link, row.carrier);
                        for probe in 0..PROBES {
                            let signs = signs_of(&computed, free_phase, [*number as u32, probe]);
                            let mut bar = replayed.bar();
                            plan.instrument.response_vjp(&link, row.carrier, &signs, &mut bar, &mut 0.0);
                            // Of ln of the scale: half of the measured amplitude.
                            let by_scale = Some((row.group, -0.5 * product(&computed, &signs)));
                            self.add_row(pull_back(&bar)?, by_scale, weights, share);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds `share` times the square of a row of the Jacobian.
    fn add_row(&mut self, mut slopes: Vec<f64>, by_scale: Option<(usize, f64)>, weights: &Weights, share: f64) {
        slopes.resize(self.curvature.nrows(), 0.0);
        if let Some((group, slope)) = by_scale
            && self.parameters + group < slopes.len()
        {
            slopes[self.parameters + group] = slope;
        }
        for i in 0..slopes.len() {
            for j in 0..slopes.len() {
                let product = share * slopes[i] * slopes[j];
                self.curvature[(i, j)] += weights.curvature * product;
                self.scatter[(i, j)] += weights.scatter * product;
            }
        }
    }

    /// The curvature by the parameters' numbers at `x`, with that of the priors; scales are held fixed.
    pub fn hessian(&self, parameters: &[Parameter], x: &[f64], rows: usize) -> DMatrix<f64> {
        let count = self.parameters;
        let matrix = self.in_numbers(&self.curvature, parameters, x);
        let mut matrix = matrix.view((0, 0), (count, count)).into_owned();
        add_priors(&mut matrix, parameters, 1.0 / rows as f64);
        matrix
    }

    fn in_numbers(&self, matrix: &DMatrix<f64>, parameters: &[Parameter], x: &[f64]) -> DMatrix<f64> {
        let mut slopes: Vec<f64> = parameters.iter().zip(x).map(|(one, x)| one.map.slope(*x)).collect();
        slopes.resize(matrix.nrows(), 1.0);
        DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * slopes[i] * slopes[j])
    }

    /// Standard errors at `x`, from H^-1 V H^-1 with the priors' part in both; `rows` are those that the loss is a mean of.
    pub fn errors(&self, parameters: &[Parameter], x: &[f64], rows: usize) -> Errors {
        let mut curvature = self.in_numbers(&self.curvature, parameters, x);
        let mut scatter = self.in_numbers(&self.scatter, parameters, x);
        let share = 1.0 / rows as f64;
        add_priors(&mut curvature, parameters, share);
        add_priors(&mut scatter, parameters, share * share);
        let covariance = covariance_of(&curvature, &scatter);
        let deviation = |k: usize| covariance[(k, k)].sqrt();
        let of = (0..parameters.len()).map(|k| ErrorOf::new(&parameters[k], x[k], deviation(k))).collect();
        let mut alike = Vec::new();
        for i in 0..parameters.len() {
            for j in i + 1..parameters.len() {
                let correlation = covariance[(i, j)] / (deviation(i) * deviation(j));
                if correlation.abs() > ALIKE {
                    alike.push((i, j, correlation));
                }
            }
        }
        Errors { of, alike }
    }
}

/// Adds a `share` of each prior's precision to the diagonal.
fn add_priors(matrix: &mut DMatrix<f64>, parameters: &[Parameter], share: f64) {
    for (k, prior) in parameters.iter().enumerate().filter_map(|(k, one)| Some((k, one.prior?))) {
        matrix[(k, k)] += share / (prior.width * prior.width);
    }
}

/// Receivers whose information is in memory at once.
const AT_ONCE: usize = 256;

/// By what squares of slopes count in curvature and scatter.
struct Weights {
    curvature: f64,
    scatter: f64,
}

impl Weights {
    fn of(term: &Term, loss: &TermLoss, count: usize) -> Weights {
        let share = term.weight / count.max(1) as f64;
        let assumed = term.noise_db;
        let true_noise = match loss.rms_db() {
            Some(left) if !term.noise_is_stated && left > 0.0 => left,
            _ => assumed,
        };
        match term.measure {
            Measure::Decibel => Weights {
                curvature: share / (assumed * assumed),
                scatter: share * share * true_noise * true_noise / assumed.powi(4),
            },
            // Half of |ln x/m| near 0, whose slope turns over by twice its size: the density of errors at 0 counts.
            Measure::Smape => Weights {
                curvature: share / (DECIBEL * true_noise * std::f64::consts::TAU.sqrt()),
                scatter: share * share / (4.0 * DECIBEL * DECIBEL),
            },
            Measure::Response => {
                let precision = libm::exp(-assumed / DECIBEL);
                Weights { curvature: 2.0 * share * precision, scatter: 2.0 * share * share * precision }
            }
        }
    }
}

/// Random signs for each part of each sample; of a free phase without what a turn of all would make.
fn signs_of(computed: &[C64], free_phase: bool, [row, probe]: [u32; 2]) -> Vec<C64> {
    let sign = |word: u32| if word & 1 == 0 { 1.0 } else { -1.0 };
    let draw = |k: u32| {
        let words = philox([PURPOSE_PROBE, k, probe, 0], [row, 0]);
        C64::new(sign(words[0]), sign(words[1]))
    };
    let mut signs: Vec<C64> = (0..computed.len() as u32).map(draw).collect();
    let size: f64 = computed.iter().map(C64::norm_sqr).sum();
    if free_phase && size > 0.0 {
        let turned: Vec<C64> = computed.iter().map(|h| h * C64::I).collect();
        let share = product(&turned, &signs) / size;
        signs.iter_mut().zip(turned).for_each(|(sign, turn)| *sign -= turn * share);
    }
    signs
}

fn product(a: &[C64], b: &[C64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.conj() * b).re).sum()
}

/// H^-1 V H^-1; in directions in which nothing curves, infinite for every parameter that has a part in them.
fn covariance_of(curvature: &DMatrix<f64>, scatter: &DMatrix<f64>) -> DMatrix<f64> {
    let size = curvature.nrows();
    let scales: Vec<f64> = curvature.diagonal().iter().map(|x| if *x > 0.0 { 1.0 / x.sqrt() } else { 0.0 }).collect();
    let scaled = |matrix: &DMatrix<f64>| DMatrix::from_fn(size, size, |i, j| matrix[(i, j)] * scales[i] * scales[j]);
    let eigen = SymmetricEigen::new(scaled(curvature));
    let most = eigen.eigenvalues.max();
    let is_flat = |k: usize| eigen.eigenvalues[k] <= FLAT * most;
    let inverse = DMatrix::from_fn(size, size, |i, j| {
        let part = |k: usize| eigen.eigenvectors[(i, k)] * eigen.eigenvectors[(j, k)] / eigen.eigenvalues[k];
        (0..size).filter(|k| !is_flat(*k)).map(part).sum::<f64>()
    });
    let mut covariance = &inverse * scaled(scatter) * &inverse;
    for i in 0..size {
        for j in 0..size {
            covariance[(i, j)] *= scales[i] * scales[j];
        }
    }
    /// A part of a flat direction that is more than rounding.
    const PART: f64 = 1e-3;
    for k in 0..size {
        let has_part = (0..size).any(|flat| is_flat(flat) && eigen.eigenvectors[(k, flat)].abs() > PART);
        if scales[k] == 0.0 || has_part {
            covariance[(k, k)] = f64::INFINITY;
        }
    }
    covariance
}

impl ErrorOf {
    fn new(parameter: &Parameter, x: f64, deviation: f64) -> ErrorOf {
        let (half, slope) = (HALF_95 * deviation, parameter.map.slope(x));
        // What is known well has the same interval either way. What is known badly may be normal in its value, as a small
        // conductivity is, which counts by what little it adds, or in its trained number: the wider end is that of both.
        let end = |half: f64, wider: fn(f64, f64) -> f64| {
            let [low, high] = parameter.map.bounds;
            let first_order = if slope > 0.0 { parameter.map.value(x) + half * slope } else { parameter.map.value(x) };
            wider(parameter.map.value(x + half), first_order.clamp(low, high))
        };
        let interval = [end(-half, f64::min), end(half, f64::max)];
        let is_unidentifiable = !deviation.is_finite()
            || match (parameter.target, parameter.map.bijection) {
                (Target::Orientation { .. }, _) => half > MOST_RADIANS,
                (Target::Offset { .. }, _) => half > MOST_OFFSET_M,
                (Target::Gain { .. }, _) => half > DECIBEL * std::f64::consts::LN_2,
                (_, Bijection::Linear) => half > MOST_METRES,
                (_, Bijection::Exponential { .. }) => half > std::f64::consts::LN_2,
                (_, Bijection::Logistic) => interval[1] - interval[0] > MOST_SHARE,
            };
        ErrorOf { x: deviation, value: deviation * slope, interval, is_unidentifiable }
    }
}

/// Half intervals beyond which a parameter counts as unidentifiable: [m], [rad]; whole ones of shares [-]. Of what is above
/// 0, and of gains, it is a factor of two.
const MOST_METRES: f64 = 10.0;
/// The same of an element in its array, [m]: a wavelength at 3 GHz.
const MOST_OFFSET_M: f64 = 0.1;
/// See [`MOST_METRES`].
const MOST_RADIANS: f64 = 0.35;
/// See [`MOST_METRES`].
const MOST_SHARE: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::bijection::Map;
    use crate::calibrate::parameters::Property;

    #[test]
    fn an_interval_is_the_wider_of_both_ways_to_be_normal() {
        let map = Map { bijection: Bijection::Exponential { offset: 0.0 }, bounds: [1e-5, 1e6] };
        let target = Target::Material(0, Property::Conductivity);
        let sigma = Parameter { name: String::new(), target, map, start: 0.1, prior: None, rate: 1.0 };
        let of = |deviation: f64| ErrorOf::new(&sigma, libm::log(0.2), deviation);
        let [known, hardly, not] = [1e-3, 0.6, f64::INFINITY].map(of);
        // Known well, both are the same but for the square of the error.
        for (end, half) in known.interval.iter().zip([-HALF_95, HALF_95]) {
            assert!((end / (0.2 * (1.0 + half * 1e-3)) - 1.0).abs() < 3e-6, "{known:?}");
        }
        assert!(!known.is_unidentifiable && hardly.is_unidentifiable && not.is_unidentifiable);
        // 0.2 - 1.96 x 0.12 is below 0, and so at the bound; the other end is e^(1.96 x 0.6) times as far.
        assert_eq!(hardly.interval[0], 1e-5);
        assert!((hardly.interval[1] / (0.2 * libm::exp(0.6 * HALF_95)) - 1.0).abs() < 1e-12, "{hardly:?}");
        assert_eq!(not.interval, [1e-5, 1e6]);
    }
}
