//! Damped Gauss-Newton steps (Levenberg, 1944; Marquardt, 1963).

use super::parameters::Parameter;
use nalgebra::{DMatrix, DVector};

/// Trials of a step, each more damped than the one before.
pub const TRIALS: usize = 12;
/// Factors by which damping falls after a step that helps, and rises after one that does not.
const EASE: f64 = 0.1;
/// See [`EASE`].
const STIFFEN: f64 = 4.0;
/// Bounds of the damping [-].
const BOUNDS: [f64; 2] = [1e-12, 1e6];
/// No trained number moves further in one step: far from where it is, the matrix says nothing.
const LONGEST: f64 = 1.0;
/// No element of the diagonal counts for less than this share of the largest: numbers of which the data say next to nothing
/// would go far otherwise.
const LEAST: f64 = 1e-3;
/// A step that lowers the loss by less than this, relative, is the last one.
const ENOUGH: f64 = 1e-7;

/// How much of its own diagonal is added to the matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Damping(pub f64);

impl Default for Damping {
    fn default() -> Damping {
        Damping(1e-2)
    }
}

impl Damping {
    /// The step from `x`: (H + d diag H) dx = -bars, within the bounds of the parameters. Numbers at a bound that are pulled
    /// beyond it stay there, and the others go on without them. Damping rises until no number moves too far: a step that was
    /// cut short would go along the flattest direction alone.
    pub fn step(&mut self, hessian: &DMatrix<f64>, bars: &[f64], x: &[f64], parameters: &[Parameter]) -> Vec<f64> {
        let is_held = |k: usize| {
            let [low, high] = parameters[k].map.x_bounds();
            (x[k] <= low && bars[k] >= 0.0) || (x[k] >= high && bars[k] <= 0.0)
        };
        let free: Vec<usize> = (0..x.len()).filter(|k| !is_held(*k)).collect();
        let wanted = DVector::from_iterator(free.len(), free.iter().map(|k| bars[*k]));
        let mut moved = x.to_vec();
        while let Some(shift) = self.solve(hessian, &free, &wanted) {
            if shift.amax() <= LONGEST || self.0 >= BOUNDS[1] {
                for (k, shift) in free.iter().zip(shift.iter()) {
                    moved[*k] = parameters[*k].map.within(x[*k] - shift.clamp(-LONGEST, LONGEST));
                }
                break;
            }
            self.stiffen();
        }
        moved
    }

    fn solve(&self, hessian: &DMatrix<f64>, free: &[usize], wanted: &DVector<f64>) -> Option<DVector<f64>> {
        let largest = hessian.diagonal().max().max(f64::MIN_POSITIVE);
        let matrix = DMatrix::from_fn(free.len(), free.len(), |i, j| {
            let own = hessian[(free[i], free[j])];
            if i == j { own + self.0 * own.max(LEAST * largest) } else { own }
        });
        if free.is_empty() { None } else { matrix.cholesky().map(|factor| factor.solve(wanted)) }
    }

    /// Whether a step from one loss to another leaves nothing to gain.
    pub fn is_enough(before: f64, after: f64) -> bool {
        before - after <= ENOUGH * before.abs()
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
