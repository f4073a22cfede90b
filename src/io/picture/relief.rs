//! The map under the paths: surfaces from above, coloured by height, with shade and cast shadows.
//!
//! A height buffer with 2 x 2 samples a pixel; the highest surface at each sample wins, so that neither order of
//! triangles nor threads matter. Triangles outside of the view cost one comparison.

use super::frame::View;
use super::pen::{Pen, Rgb};
use crate::math::Vec3;
use crate::scene::Scene;
use rayon::prelude::*;

/// Samples a pixel in each direction.
const SAMPLES: usize = 2;
/// Rows of samples that one thread fills at a time.
const BAND: usize = 64;
/// No surface at this sample.
const NOTHING: f32 = f32::NEG_INFINITY;
/// Where nothing is.
const BACKGROUND: Rgb = [250, 249, 246];
/// Colours from the lowest to the highest surface.
const SCALE: [[f64; 3]; 4] =
    [[240.0, 237.0, 230.0], [203.0, 211.0, 220.0], [148.0, 165.0, 186.0], [88.0, 108.0, 136.0]];
/// Share of the light that a cast shadow leaves [-].
const SHADOW: f64 = 0.84;
/// Horizontal length of a shadow per height [-].
const SHADOW_LENGTH: f64 = 0.6;
/// Longest shadow that is looked for [sample].
const SHADOW_REACH: usize = 60;
/// What casts a shadow rises above the light by this share of all heights, so that slopes do not shade themselves [-].
const SHADOW_BIAS: f64 = 0.01;
/// How much a slope of 45 degrees towards the light brightens [-].
const SLOPE_LIGHT: f64 = 0.07;

/// Heights as seen from above.
pub(super) struct Relief {
    /// Number of samples in x.
    columns: usize,
    /// Number of samples in y; row 0 is the northernmost.
    rows: usize,
    /// Side of a sample [m].
    step: f64,
    /// Height in the scene file's coordinates `[row, column]` [m].
    heights: Vec<f32>,
    /// Lowest and highest [m].
    range: [f64; 2],
}

impl Relief {
    /// The highest surfaces; if `points` there are and all of them are covered, those that are not above all points.
    pub(super) fn new(scene: &Scene, view: &View, points: &[Vec3]) -> Relief {
        let open = Relief::below(scene, view, f64::INFINITY);
        let covered = |point: &Vec3| {
            let column = ((point.x - view.low[0]) / open.step) as usize;
            let row = open.rows as f64 - (point.y - view.low[1]) / open.step;
            open.at(column as i64, row as i64).is_some_and(|height| height > point.z)
        };
        if points.is_empty() || !points.iter().all(covered) {
            return open;
        }
        let highest = points.iter().map(|point| point.z).fold(f64::NEG_INFINITY, f64::max);
        Relief::below(scene, view, highest)
    }

    /// Lowest and highest height [m]; never equal.
    pub(super) fn range(&self) -> [f64; 2] {
        self.range
    }

    /// The colour of a height [m] in full light.
    pub(super) fn colour(&self, height: f64) -> Rgb {
        self.lit(height, 1.0).map(|x| x.round().clamp(0.0, 255.0) as u8)
    }

    /// Paints the map with its upper left corner at `[left, top]` [pixel].
    pub(super) fn paint(&self, pen: &mut Pen, [left, top]: [usize; 2]) {
        let (width, height) = (self.columns / SAMPLES, self.rows / SAMPLES);
        let rows: Vec<Vec<Rgb>> =
            (0..height).into_par_iter().map(|y| (0..width).map(|x| self.pixel(x, y)).collect()).collect();
        for (y, row) in rows.iter().enumerate() {
            for (x, rgb) in row.iter().enumerate() {
                pen.pixel(left + x, top + y, *rgb);
            }
        }
    }

    fn below(scene: &Scene, view: &View, ceiling: f64) -> Relief {
        let (columns, rows) = (view.width * SAMPLES, view.height * SAMPLES);
        // Views of scenes are to scale.
        let step = view.pixel[0] / SAMPLES as f64;
        let size = [columns as f64, rows as f64];
        // In units of samples, from the upper left corner.
        let place = |v: Vec3| {
            let v = v + scene.origin;
            Vec3::new((v.x - view.low[0]) / step, rows as f64 - (v.y - view.low[1]) / step, v.z)
        };
        let visible: Vec<[Vec3; 3]> = (0..scene.triangles.len() as u32)
            .into_par_iter()
            .map(|t| scene.corners(t).map(place))
            .filter(|corners| {
                (0..2)
                    .all(|axis| corners.iter().any(|c| c[axis] >= 0.0) && corners.iter().any(|c| c[axis] <= size[axis]))
            })
            .collect();
        let mut heights = vec![NOTHING; columns * rows];
        heights.par_chunks_mut(columns * BAND).enumerate().for_each(|(band, chunk)| {
            for corners in &visible {
                fill(chunk, columns, band * BAND, corners, ceiling);
            }
        });
        let range = range_of(&heights);
        Relief { columns, rows, step, heights, range }
    }

    fn at(&self, column: i64, row: i64) -> Option<f64> {
        let inside = (0..self.columns as i64).contains(&column) && (0..self.rows as i64).contains(&row);
        let height = if inside { self.heights[row as usize * self.columns + column as usize] } else { NOTHING };
        (height > NOTHING).then_some(f64::from(height))
    }

    /// The mean colour of a pixel's samples.
    fn pixel(&self, x: usize, y: usize) -> Rgb {
        let mut sum = [0.0; 3];
        for sample in 0..SAMPLES * SAMPLES {
            let column = (x * SAMPLES + sample % SAMPLES) as i64;
            let row = (y * SAMPLES + sample / SAMPLES) as i64;
            let colour = match self.at(column, row) {
                Some(height) => self.lit(height, self.light(column, row, height)),
                None => BACKGROUND.map(f64::from),
            };
            sum = [0, 1, 2].map(|channel| sum[channel] + colour[channel]);
        }
        sum.map(|x| (x / (SAMPLES * SAMPLES) as f64).round().clamp(0.0, 255.0) as u8)
    }

    fn lit(&self, height: f64, light: f64) -> [f64; 3] {
        let [low, high] = self.range;
        let place = ((height - low) / (high - low)).clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
        let lower = (place as usize).min(SCALE.len() - 2);
        let share = place - lower as f64;
        [0, 1, 2].map(|c| (SCALE[lower][c] * (1.0 - share) + SCALE[lower + 1][c] * share) * light)
    }

    /// Light from the north-west: brighter on slopes towards it, darker where something higher stands before it.
    fn light(&self, column: i64, row: i64, height: f64) -> f64 {
        let towards = self.at(column - 1, row - 1).unwrap_or(height);
        let away = self.at(column + 1, row + 1).unwrap_or(height);
        // The two samples lie 2 sqrt(2) steps apart; a wall is the steepest slope.
        let slope = ((away - towards) / (self.step * 2.0 * std::f64::consts::SQRT_2)).clamp(-2.0, 2.0);
        let lit = 1.0 + SLOPE_LIGHT * slope;
        if self.in_shadow(column, row, height) { lit * SHADOW } else { lit }
    }

    fn in_shadow(&self, column: i64, row: i64, height: f64) -> bool {
        let [low, high] = self.range;
        let rise = self.step * std::f64::consts::SQRT_2 / SHADOW_LENGTH;
        (1..=SHADOW_REACH as i64).step_by(2).any(|k| {
            let needed = height + rise * k as f64 + SHADOW_BIAS * (high - low);
            needed < high && self.at(column - k, row - k).is_some_and(|other| other > needed)
        })
    }
}

/// Raises the samples of a band of rows, from `first_row` on, that a triangle covers to its height.
fn fill(band: &mut [f32], columns: usize, first_row: usize, corners: &[Vec3; 3], ceiling: f64) {
    let [a, b, c] = corners;
    let (ab, ac) = (b - a, c - a);
    let area = ab.x * ac.y - ab.y * ac.x;
    // Walls are seen edge on.
    if area == 0.0 {
        return;
    }
    let within = |values: [f64; 3], low: usize, count: usize| {
        // Samples lie at the middles of their squares.
        let from = values.iter().copied().fold(f64::INFINITY, f64::min) - 0.5;
        let to = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 0.5;
        let from = from.ceil().max(low as f64) as usize;
        let to = (to.floor() + 1.0).clamp(low as f64, (low + count) as f64) as usize;
        from..to
    };
    let rows = band.len() / columns;
    for row in within([a.y, b.y, c.y], first_row, rows) {
        let y = row as f64 + 0.5 - a.y;
        let line = &mut band[(row - first_row) * columns..][..columns];
        for column in within([a.x, b.x, c.x], 0, columns) {
            let x = column as f64 + 0.5 - a.x;
            let (v, w) = ((x * ac.y - y * ac.x) / area, (ab.x * y - ab.y * x) / area);
            if v >= 0.0 && w >= 0.0 && v + w <= 1.0 {
                let z = a.z + v * (b.z - a.z) + w * (c.z - a.z);
                if z <= ceiling {
                    line[column] = line[column].max(z as f32);
                }
            }
        }
    }
}

/// Lowest and highest sample, at least 1 m apart so that a flat scene has a scale as well.
fn range_of(heights: &[f32]) -> [f64; 2] {
    let seen = heights.iter().copied().filter(|height| *height > NOTHING);
    let (low, high) = seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), h| (low.min(h), high.max(h)));
    if low > high {
        return [0.0, 1.0];
    }
    [f64::from(low), f64::from(high).max(f64::from(low) + 1.0)]
}
