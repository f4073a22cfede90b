//! Central differences, for the tests of adjoints.

/// A central difference of `f` at 0 at two steps, the second half the first: the coarse one, and both extrapolated, which
/// is off by the fourth power of the step.
pub fn slope(steps: [f64; 2], f: impl Fn(f64) -> f64) -> (f64, f64) {
    let [coarse, fine] = steps.map(|h| (f(h) - f(-h)) / (2.0 * h));
    (coarse, (4.0 * fine - coarse) / 3.0)
}
