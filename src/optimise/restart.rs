//! Starts from the hills of a coarse smoothed landscape, each with the evaluations that it cost (T116).

use super::search::distance;
use super::{Landscape, Region, Softness};
use crate::error::Result;
use rayon::prelude::*;

/// Where the smoothed objective is highest on a grid: at most `count` points, `across` points along each side of the region,
/// with no higher neighbour, best first; and the number of evaluations that it took. Points that are not allowed are no hills.
///
/// # Errors
/// Those of the landscape.
pub fn hills(
    landscape: &dyn Landscape,
    region: &Region,
    softness: &Softness,
    across: usize,
    count: usize,
) -> Result<(Vec<Vec<f64>>, u64)> {
    if !region.sites.is_everywhere() {
        return hills_of_sites(landscape, region, softness, across, count);
    }
    let dimensions = landscape.dimensions();
    let points = across.pow(dimensions as u32);
    let digits = |k: usize| (0..dimensions).map(move |axis| k / across.pow(axis as u32) % across);
    let place = |k: usize| -> Vec<f64> {
        let share = |digit: usize| (digit as f64 + 0.5) / across as f64;
        digits(k).enumerate().map(|(i, d)| region.low[i] + (region.high[i] - region.low[i]) * share(d)).collect()
    };
    let (values, looked_at) = levels(landscape, softness, points, &place)?;
    // Of equal neighbours the first is the hill, so that a plateau has one.
    let above = |a: usize, b: usize| values[a] > values[b] || (values[a] == values[b] && a < b);
    let is_hill = |k: &usize| {
        values[*k] > f64::NEG_INFINITY
            && digits(*k).enumerate().all(|(axis, digit)| {
                let step = across.pow(axis as u32);
                (digit == 0 || above(*k, *k - step)) && (digit + 1 == across || above(*k, *k + step))
            })
    };
    let found = (0..points).filter(is_hill).collect();
    Ok((best_of(found, &values, count).into_iter().map(place).collect(), looked_at))
}

/// The same of a lattice on the region's sites, `across` along the longest side of any: points nearer than one and a half of its
/// spacings are neighbours, on whichever site they are.
fn hills_of_sites(
    landscape: &dyn Landscape,
    region: &Region,
    softness: &Softness,
    across: usize,
    count: usize,
) -> Result<(Vec<Vec<f64>>, u64)> {
    let (points, spacing) = region.sites.lattice(across);
    let (values, looked_at) = levels(landscape, softness, points.len(), &|k| points[k].clone())?;
    let is_near = |a: &[f64], b: &[f64]| distance(a, b) < 1.5 * spacing;
    let is_hill = |k: &usize| {
        let beats = |other: usize| values[*k] > values[other] || (values[*k] == values[other] && *k <= other);
        values[*k] > f64::NEG_INFINITY
            && (0..points.len()).all(|other| beats(other) || !is_near(&points[*k], &points[other]))
    };
    let found = (0..points.len()).into_par_iter().filter(is_hill).collect();
    Ok((best_of(found, &values, count).into_iter().map(|k| points[k].clone()).collect(), looked_at))
}

/// The smoothed objective at points by their number, and how many were looked at; minus infinity where none is allowed.
fn levels(
    landscape: &dyn Landscape,
    softness: &Softness,
    points: usize,
    place: &(dyn Fn(usize) -> Vec<f64> + Sync),
) -> Result<(Vec<f64>, u64)> {
    let level = |k: usize| -> Result<f64> {
        let x = place(k);
        if landscape.allowed(&x) { landscape.level(&x, softness) } else { Ok(f64::NEG_INFINITY) }
    };
    let values: Vec<f64> = (0..points).into_par_iter().map(level).collect::<Result<_>>()?;
    let looked_at = values.iter().filter(|value| **value > f64::NEG_INFINITY).count() as u64;
    Ok((values, looked_at))
}

/// The `count` points of those found that are highest, best first.
fn best_of(mut found: Vec<usize>, values: &[f64], count: usize) -> Vec<usize> {
    found.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    found.truncate(count);
    found
}
