//! Damped Gauss-Newton steps (Levenberg, 1944; Marquardt, 1963).

use super::parameters::Parameter;
use nalgebra::{DMatrix, DVector};

/// Trials of a step, each more damped than the one before.
pub const TRIALS: usize = 8;
/// Factors by which damping falls after a step that helps, and rises after one that does not.
const EASE: f64 = 0.2;
/// See [`EASE`].
const STIFFEN: f64 = 5.0;
/// Bounds of the damping [-].
const BOUNDS: [f64; 2] = [1e-12, 1e6];
/// What keeps a parameter without any information where it is, relative to the largest one.
const NOTHING: f64 = 1e-14;

/// How much of its own diagonal is added to the matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Damping(pub f64);

impl Default for Damping {
    fn default() -> Damping {
        Damping(1e-2)
    }
}

impl Damping {
    /// The step from `x`: (H + d diag H) dx = -bars, within the bounds of the parameters.
    pub fn step(&self, hessian: &DMatrix<f64>, bars: &[f64], x: &[f64], parameters: &[Parameter]) -> Vec<f64> {
        let largest = hessian.diagonal().max().max(f64::MIN_POSITIVE);
        let mut matrix = hessian.clone();
        for k in 0..x.len() {
            matrix[(k, k)] += self.0 * matrix[(k, k)] + NOTHING * largest;
        }
        let wanted = matrix.cholesky().map(|factor| factor.solve(&DVector::from_column_slice(bars)));
        let Some(shift) = wanted else { return x.to_vec() };
        let moved = x.iter().zip(shift.iter()).zip(parameters);
        moved.map(|((x, shift), parameter)| parameter.map.within(x - shift)).collect()
    }

    /// Less of it: the last step has helped.
    pub fn ease(&mut self) {
        self.0 = (self.0 * EASE).max(BOUNDS[0]);
    }

    /// More of it: the last step has not helped.
    pub fn stiffen(&mut self) {
        self.0 = (self.0 * STIFFEN).min(BOUNDS[1]);
    }
}
