//! Integrals over a hemisphere of functions with one narrow peak, by quadrature.

use raylobe::math::Vec3;
use raylobe::math::quadrature::gauss_legendre;
use std::f64::consts::{FRAC_PI_2, PI};

/// Panel ends from 0 to `end` that crowd at `focus`, down to `width` or so.
fn panels(focus: f64, end: f64, width: f64) -> Vec<f64> {
    let mut ends = vec![0.0, end];
    let mut offset = 0.5 * width;
    while offset < end {
        ends.extend([focus - offset, focus + offset]);
        offset *= if offset < 8.0 * width { 2.0 } else { 3.0 };
    }
    ends.push(focus);
    ends.retain(|x| (0.0..=end).contains(x));
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    ends
}

/// Integral over the hemisphere about z of a function of directions that peaks at zenith `focus` [rad] and azimuth 0 or pi,
/// as wide as `width` [rad], and is even in the azimuth.
pub fn over_hemisphere(focus: f64, width: f64, f: impl Fn(&Vec3) -> f64) -> f64 {
    let rule = gauss_legendre::<10>();
    // The root of the elevation, in which reciprocal variants are smooth at the horizon.
    let rows: Vec<f64> = panels(FRAC_PI_2 - focus, FRAC_PI_2, width).iter().map(|x| x.sqrt()).collect();
    let half = panels(0.0, FRAC_PI_2, (width / focus.sin().max(width)).min(1.0));
    let columns: Vec<f64> = half.iter().copied().chain(half.iter().rev().skip(1).map(|phi| PI - phi)).collect();
    let mut sum = 0.0;
    for row in rows.windows(2) {
        for (x, row_weight) in rule {
            let root = row[0] + (row[1] - row[0]) * x;
            let (cos, sin) = (root * root).sin_cos();
            let row_weight = 2.0 * root * row_weight * (row[1] - row[0]) * sin;
            for column in columns.windows(2) {
                for (y, weight) in rule {
                    let (sin_phi, cos_phi) = (column[0] + (column[1] - column[0]) * y).sin_cos();
                    let weight = 2.0 * weight * (column[1] - column[0]) * row_weight;
                    sum += weight * f(&Vec3::new(sin * cos_phi, sin * sin_phi, cos));
                }
            }
        }
    }
    sum
}
