//! What pictures of a plane have in common: which part of it is shown where, axes in metres, scales of colours.

use super::pen::{Align, Pen, Rgb};
use super::{INK, PAPER};

/// Ticks of an axis are not further apart than this, and no nearer than 0.4 of it [pixel].
const TICKS_APART: f64 = 128.0;
/// Blank between the labels of neighbouring ticks [pixel].
const BETWEEN_LABELS: f64 = 16.0;

/// Which part of a plane the picture shows, and where.
pub(super) struct View {
    /// Lower left corner of the map [m].
    pub low: [f64; 2],
    /// Sides of a pixel [m].
    pub pixel: [f64; 2],
    /// Size of the map [pixel].
    pub width: usize,
    pub height: usize,
    /// Where the map's upper left corner lies in the picture [pixel].
    pub corner: [usize; 2],
}

impl View {
    /// Where a point of the plane lies in the picture [pixel]; the second axis runs up, rows of the picture run down.
    pub fn place(&self, x: f64, y: f64) -> [f32; 2] {
        let column = (x - self.low[0]) / self.pixel[0] + self.corner[0] as f64;
        let row = self.height as f64 - (y - self.low[1]) / self.pixel[1] + self.corner[1] as f64;
        [column as f32, row as f32]
    }

    /// Left, top, right and bottom edge of the map in the picture [pixel].
    pub fn edges(&self) -> [f32; 4] {
        let [left, top] = self.corner.map(|x| x as f32);
        [left, top, left + self.width as f32, top + self.height as f32]
    }

    /// Upper right corner of the map [m].
    pub fn high(&self) -> [f64; 2] {
        [self.low[0] + self.width as f64 * self.pixel[0], self.low[1] + self.height as f64 * self.pixel[1]]
    }

    /// Distance of ticks on both axes [m]: one for both where the map is to scale.
    fn steps(&self) -> [f64; 2] {
        let [x, y] = self.pixel.map(|pixel| nice_step(TICKS_APART * pixel));
        let longest =
            [self.low[0], self.high()[0]].map(|end| Pen::width_of(&number(end, x))).into_iter().fold(0.0, f32::max);
        // A nice step is above 0.4 of what it is asked not to exceed.
        let apart = TICKS_APART.max((f64::from(longest) + BETWEEN_LABELS) / 0.4);
        let x = nice_step(apart * self.pixel[0]);
        if self.pixel[0] == self.pixel[1] { [x, x] } else { [x, y] }
    }
}

/// Blanks the margins about the map, into which lines may run.
pub(super) fn cut_off(pen: &mut Pen, view: &View) {
    let [left, top, right, bottom] = view.edges();
    let [width, height] = pen.size().map(|x| x as f32);
    pen.fill([0.0, 0.0], [width, top], PAPER);
    pen.fill([0.0, bottom], [width, height - bottom], PAPER);
    pen.fill([0.0, top], [left, bottom - top], PAPER);
    pen.fill([right, top], [width - right, bottom - top], PAPER);
}

/// The frame of the map with ticks, their values [m] and the axes' names.
pub(super) fn axes(pen: &mut Pen, view: &View, names: [&str; 2]) {
    let [left, top, right, bottom] = view.edges();
    let ([x_step, y_step], high) = (view.steps(), view.high());
    for x in ticks(view.low[0], high[0], x_step) {
        let [at, _] = view.place(x, 0.0);
        pen.line(&[[at, bottom], [at, bottom + 6.0]], INK, 1.0, 1.0);
        pen.text(&number(x, x_step), [at, bottom + 18.0], Align::Centre, INK);
    }
    for y in ticks(view.low[1], high[1], y_step) {
        let [_, at] = view.place(0.0, y);
        pen.line(&[[left, at], [left - 6.0, at]], INK, 1.0, 1.0);
        pen.text(&number(y, y_step), [left - 10.0, at], Align::Right, INK);
    }
    pen.text(names[0], [(left + right) / 2.0, bottom + 42.0], Align::Centre, INK);
    pen.text(names[1], [left, top - 18.0], Align::Centre, INK);
    pen.line(&[[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], INK, 1.0, 1.0);
}

/// Width of a bar of colours [pixel].
pub(super) const BAR_WIDTH: f32 = 18.0;

/// A vertical bar of the colours from `low` (bottom) to `high`, its upper left corner at `at` [pixel], with the values
/// `ticks` on its right.
pub(super) fn bar(
    pen: &mut Pen,
    [x, y]: [f32; 2],
    length: usize,
    [low, high]: [f64; 2],
    colour: impl Fn(f64) -> Rgb,
    ticks: &[(f64, String)],
) {
    for row in 0..length {
        let value = high - (high - low) * row as f64 / (length - 1) as f64;
        pen.fill([x, y + row as f32], [BAR_WIDTH, 1.0], colour(value));
    }
    for (value, name) in ticks {
        let at = y + ((high - value) / (high - low)) as f32 * (length - 1) as f32;
        pen.line(&[[x + BAR_WIDTH, at], [x + BAR_WIDTH + 5.0, at]], INK, 1.0, 1.0);
        pen.text(name, [x + BAR_WIDTH + 10.0, at], Align::Left, INK);
    }
}

/// The largest of 1, 2, 5 x 10^k that is not above `length`, which is positive.
pub(super) fn nice_step(length: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(length)));
    let factor = [5.0, 2.0].into_iter().find(|factor| factor * power <= length).unwrap_or(1.0);
    factor * power
}

/// Multiples of `step` within low..=high.
pub(super) fn ticks(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(move |k| k as f64 * step)
}

/// A tick's value with as many decimals as the step needs.
pub(super) fn number(value: f64, step: f64) -> String {
    let decimals = (-libm::floor(libm::log10(step))).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_two_or_five() {
        for (length, step) in [(1.0, 1.0), (1.9, 1.0), (2.1, 2.0), (7.0, 5.0), (99.0, 50.0), (0.3, 0.2)] {
            assert!((nice_step(length) - step).abs() < 1e-12 * step, "{length} {}", nice_step(length));
        }
        assert_eq!(ticks(-12.0, 21.0, 10.0).collect::<Vec<_>>(), [-10.0, 0.0, 10.0, 20.0]);
        assert_eq!((number(0.2, 0.2), number(150.0, 50.0)), ("0.2".into(), "150".into()));
    }

    #[test]
    fn long_coordinates_get_room_between_ticks() {
        let view = |low: f64| View { low: [low, 0.0], pixel: [1.3e-4; 2], width: 900, height: 500, corner: [0, 0] };
        let apart = |view: &View| (view.steps()[0] / view.pixel[0]) as f32;
        for low in [0.0, -7.5e5] {
            let view = view(low);
            let label = Pen::width_of(&number(low, view.steps()[0]));
            assert!(apart(&view) >= label + BETWEEN_LABELS as f32, "{low}: {label} in {}", apart(&view));
        }
        assert!(apart(&view(-7.5e5)) > apart(&view(0.0)));
    }
}
