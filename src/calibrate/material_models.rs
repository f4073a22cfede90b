//! How trained numbers become those of parameters: one each, or through a read-out that materials share (T104).
//!
//! Here is the place for other models of materials: networks of positions, mixtures of patterns, priors from pictures. A
//! model has trained numbers of its own and turns them into one number x for each parameter; forward and adjoint stand
//! side by side.

use super::measurement::PURPOSE_WEIGHTS;
use super::parameters::{Parameter, Target};
use crate::math::random::{philox, unit_interval};

/// A model of the parameters' trained numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum MaterialModel {
    /// Each parameter has its own.
    Own,
    /// Those of materials are x0 + v W - v0 W0, with a vector v of `width` numbers that all share and a matrix W; others have
    /// their own.
    SharedReadout {
        /// Length of v.
        width: usize,
        /// Seed of v0 and W0.
        seed: u64,
    },
}

impl MaterialModel {
    /// Number of trained numbers, and where they begin.
    pub fn start(&self, parameters: &[Parameter]) -> Vec<f64> {
        let own = parameters.iter().map(|parameter| parameter.map.x_of(parameter.start));
        match self {
            MaterialModel::Own => own.collect(),
            MaterialModel::SharedReadout { .. } => {
                let rest = parameters.iter().zip(own).filter(|(parameter, _)| !is_shared(parameter)).map(|(_, x)| x);
                self.weights(parameters).into_iter().chain(rest).collect()
            }
        }
    }

    /// One number for each parameter.
    pub fn expand(&self, parameters: &[Parameter], trained: &[f64]) -> Vec<f64> {
        match self {
            MaterialModel::Own => trained.to_vec(),
            MaterialModel::SharedReadout { width, .. } => {
                let (shared, count) = (count_shared(parameters), *width);
                let zero = read_out(&self.weights(parameters), count, shared);
                let now = read_out(trained, count, shared);
                let (mut place, mut rest) = (0, trained[count + count * shared..].iter());
                let of = |parameter: &Parameter| {
                    if is_shared(parameter) {
                        place += 1;
                        parameter.map.x_of(parameter.start) + now[place - 1] - zero[place - 1]
                    } else {
                        rest.next().copied().unwrap_or_default()
                    }
                };
                parameters.iter().map(of).collect()
            }
        }
    }

    /// The adjoint of [`MaterialModel::expand`]: from bars of the parameters' numbers to those of the trained ones.
    pub fn expand_vjp(&self, parameters: &[Parameter], trained: &[f64], bars: &[f64]) -> Vec<f64> {
        match self {
            MaterialModel::Own => bars.to_vec(),
            MaterialModel::SharedReadout { width, .. } => {
                let (shared, width) = (count_shared(parameters), *width);
                let (mut out, mut rest) = (vec![0.0; width + width * shared], Vec::new());
                let mut place = 0;
                for (parameter, bar) in parameters.iter().zip(bars) {
                    if is_shared(parameter) {
                        for k in 0..width {
                            out[k] += bar * trained[width + k * shared + place];
                            out[width + k * shared + place] += bar * trained[k];
                        }
                        place += 1;
                    } else {
                        rest.push(*bar);
                    }
                }
                out.extend(rest);
                out
            }
        }
    }

    /// Factors of the learning rate of each trained number.
    pub fn rates(&self, parameters: &[Parameter]) -> Vec<f64> {
        match self {
            MaterialModel::Own => parameters.iter().map(|parameter| parameter.rate).collect(),
            MaterialModel::SharedReadout { width, .. } => {
                let weights = vec![1.0; width + width * count_shared(parameters)];
                let rest = parameters.iter().filter(|parameter| !is_shared(parameter)).map(|parameter| parameter.rate);
                weights.into_iter().chain(rest).collect()
            }
        }
    }

    /// v0 and W0 `[width, parameter]`, as wide as Glorot and Bengio (2010) have them.
    fn weights(&self, parameters: &[Parameter]) -> Vec<f64> {
        let MaterialModel::SharedReadout { width, seed } = self else { return Vec::new() };
        let shared = count_shared(parameters);
        let key = [*seed as u32, (seed >> 32) as u32];
        let draw = |index: usize, limit: f64| {
            (2.0 * unit_interval(philox([PURPOSE_WEIGHTS, index as u32, 0, 0], key)[0]) - 1.0) * limit
        };
        let limit = |inputs: usize, outputs: usize| (6.0 / (inputs + outputs) as f64).sqrt();
        let v = (0..*width).map(|k| draw(k, limit(1, *width)));
        v.chain((*width..width + width * shared).map(|k| draw(k, limit(*width, shared)))).collect()
    }
}

fn read_out(weights: &[f64], width: usize, shared: usize) -> Vec<f64> {
    let of = |place: usize| (0..width).map(|k| weights[k] * weights[width + k * shared + place]).sum();
    (0..shared).map(of).collect()
}

fn is_shared(parameter: &Parameter) -> bool {
    matches!(parameter.target, Target::Material(..))
}

fn count_shared(parameters: &[Parameter]) -> usize {
    parameters.iter().filter(|parameter| is_shared(parameter)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::parameters::Property;
    use crate::math::difference::slope;

    fn parameters() -> Vec<Parameter> {
        let one = |name: &str, target: Target, start: f64| Parameter {
            name: name.into(),
            target,
            map: target.map(),
            start,
            prior: None,
            rate: target.rate(),
        };
        vec![
            one("materials.a.relative_permittivity", Target::Material(0, Property::RelativePermittivity), 3.0),
            one("transmitters.t.position.x", Target::Position { transmitter: true, radio: 0, axis: 0 }, 7.0),
            one("materials.a.scattering", Target::Material(0, Property::Scattering), 0.4),
        ]
    }

    #[test]
    fn every_model_begins_where_the_job_does_and_has_the_derivatives_of_its_adjoint() {
        let parameters = parameters();
        for model in [MaterialModel::Own, MaterialModel::SharedReadout { width: 5, seed: 3 }] {
            let trained = model.start(&parameters);
            assert_eq!(trained.len(), model.rates(&parameters).len());
            for (x, parameter) in model.expand(&parameters, &trained).iter().zip(&parameters) {
                assert!((parameter.map.value(*x) - parameter.start).abs() < 1e-12, "{model:?}");
            }
            let bars = [0.3, -1.2, 0.7];
            let found = model.expand_vjp(&parameters, &trained, &bars);
            for k in 0..trained.len() {
                let (_, expected) = slope([1e-3, 5e-4], |h| {
                    let mut moved = trained.clone();
                    moved[k] += h;
                    model.expand(&parameters, &moved).iter().zip(&bars).map(|(x, bar)| x * bar).sum()
                });
                assert!((found[k] - expected).abs() < 1e-9, "{model:?} {k}");
            }
        }
    }
}
