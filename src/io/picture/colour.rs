//! The colours of a radio map: a scale for values, a list for names, and greys for cells that have neither.

use super::frame::{nice_step, number};
use super::pen::Rgb;

/// Where no path arrives: a neutral that no scale and no list has.
pub(super) const NO_PATH: Rgb = [217, 217, 214];
/// All servers that are too many for a colour of their own.
pub(super) const OTHERS: Rgb = [96, 96, 96];

/// The colours of values from low to high, at even distances: perceptually uniform, of rising lightness, legible to the
/// colour-blind. Source: 16 of the 256 entries of viridis (S. van der Walt, N. Smith, 2015, CC0).
const VIRIDIS: [Rgb; 16] = [
    [68, 1, 84],
    [72, 26, 108],
    [71, 47, 125],
    [65, 68, 135],
    [57, 86, 140],
    [49, 104, 142],
    [42, 120, 142],
    [35, 136, 142],
    [31, 152, 139],
    [34, 168, 132],
    [53, 183, 121],
    [84, 197, 104],
    [122, 209, 81],
    [165, 219, 54],
    [210, 226, 27],
    [253, 231, 37],
];

/// Colours of names: strong ones first, then lighter and darker ones. Source: the 18 that are not grey of Tableau 20 (M.
/// Stone, Tableau Software, 2016), and a navy and a wine red in place of its greys.
pub(super) const NAMES: [Rgb; 20] = [
    [78, 121, 167],
    [242, 142, 43],
    [89, 161, 79],
    [225, 87, 89],
    [176, 122, 161],
    [241, 206, 99],
    [73, 152, 148],
    [157, 118, 96],
    [250, 191, 210],
    [43, 58, 103],
    [182, 153, 45],
    [160, 203, 232],
    [124, 30, 58],
    [140, 209, 125],
    [211, 114, 149],
    [255, 190, 125],
    [134, 188, 182],
    [255, 157, 154],
    [215, 181, 166],
    [212, 166, 200],
];

/// Quantiles that a scale covers [-]: a few deep fades or a cell at the mast would take the colours from all others.
const COVERED: [f64; 2] = [0.01, 0.995];
/// Steps of a scale, about [-].
const STEPS: f64 = 5.0;
/// A scale is at least this wide, in units of what it shows: all values may be equal.
const LEAST_WIDTH: f64 = 1e-6;
/// Values are cut off here: nothing that is measured reaches it, and beyond it steps could vanish in rounding.
const LARGEST: f64 = 1e6;
/// Values beyond the end of a scale by no more than this share of a step count as inside [-]: rounding.
const ROUNDING: f64 = 1e-6;

/// Which values the colours stand for: whole steps that cover most values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Ends of the scale [step].
    first: i64,
    last: i64,
    /// 1, 2 or 5 x 10^k, in units of what it shows.
    pub step: f64,
    /// Whether there are values below the lower, above the upper end: they get its colour.
    pub beyond: [bool; 2],
}

impl Scale {
    /// The scale of `values`; those that are not finite do not count. `None` if there are no others.
    pub fn of(values: &[f64]) -> Option<Scale> {
        let mut finite: Vec<f64> =
            values.iter().filter(|v| v.is_finite()).map(|v| v.clamp(-LARGEST, LARGEST)).collect();
        let last = finite.len().checked_sub(1)?;
        finite.sort_unstable_by(f64::total_cmp);
        let [low, high] =
            [(COVERED[0] * last as f64).floor(), (COVERED[1] * last as f64).ceil()].map(|i| finite[i as usize]);
        let (low, high) = if high - low < LEAST_WIDTH { (low - 0.5, high + 0.5) } else { (low, high) };
        let step = nice_step((high - low) / STEPS);
        let first = (low / step + ROUNDING).floor() as i64;
        let scale = Scale { first, last: (high / step - ROUNDING).ceil() as i64, step, beyond: [false; 2] };
        let [from, to] = scale.ends();
        let rounding = ROUNDING * step;
        Some(Scale { beyond: [finite[0] < from - rounding, finite[last] > to + rounding], ..scale })
    }

    /// Lowest and highest value that has a colour of its own.
    pub fn ends(&self) -> [f64; 2] {
        [self.first as f64 * self.step, self.last as f64 * self.step]
    }

    /// The colour of a finite value.
    pub fn colour(&self, value: f64) -> Rgb {
        let [low, high] = self.ends();
        viridis((value - low) / (high - low))
    }

    /// Values to write at the scale and how; an end beyond which there are values says so.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let sign = |k: i64| match (k == self.first && self.beyond[0], k == self.last && self.beyond[1]) {
            (true, _) => "<= ",
            (false, true) => ">= ",
            (false, false) => "",
        };
        let tick = |k: i64| (k as f64 * self.step, format!("{}{}", sign(k), number(k as f64 * self.step, self.step)));
        (self.first..=self.last).map(tick).collect()
    }
}

/// The colour at `share` [-] of the scale; beyond its ends, that of the end.
fn viridis(share: f64) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let lower = (place as usize).min(VIRIDIS.len() - 2);
    let share = place - lower as f64;
    let mix = |c: usize| f64::from(VIRIDIS[lower][c]) * (1.0 - share) + f64::from(VIRIDIS[lower + 1][c]) * share;
    [0, 1, 2].map(|c| mix(c).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE L*a*b* of an sRGB colour under D65 (CIE 15:2004; IEC 61966-2-1): distances of about 2 can just be seen.
    fn lab(rgb: Rgb) -> [f64; 3] {
        let [r, g, b] = rgb
            .map(|c| f64::from(c) / 255.0)
            .map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        let xyz = [
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
        ];
        let [x, y, z] = xyz.map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn distance(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (lab(a), lab(b));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn the_scale_is_even_to_the_eye_and_gets_lighter() {
        let colours: Vec<Rgb> = (0..=30).map(|k| viridis(f64::from(k) / 30.0)).collect();
        let lightness: Vec<f64> = colours.iter().map(|rgb| lab(*rgb)[0]).collect();
        let rise: Vec<f64> = lightness.windows(2).map(|l| l[1] - l[0]).collect();
        let mean = (lightness[30] - lightness[0]) / 30.0;
        // Lightness is 16 at the lower end of viridis and 91 at the upper one, and a straight line between.
        assert!(mean > 2.4 && rise.iter().all(|r| (r / mean - 1.0).abs() < 0.35), "{mean} {rise:?}");
        assert_eq!((viridis(-1.0), viridis(2.0)), (VIRIDIS[0], VIRIDIS[15]));
    }

    #[test]
    fn names_and_greys_are_told_apart() {
        let all: Vec<Rgb> = NAMES.into_iter().chain([NO_PATH, OTHERS]).collect();
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert!(distance(*a, *b) > 10.0, "{a:?} and {b:?}: {}", distance(*a, *b));
            }
        }
        for k in 0..=255 {
            let rgb = viridis(f64::from(k) / 255.0);
            assert!(distance(rgb, NO_PATH) > 30.0, "{rgb:?} looks like no path");
        }
    }

    #[test]
    fn a_scale_covers_most_values_in_nice_steps() {
        // 1 % of -300 and less, 0.5 % of +40.
        let values: Vec<f64> = (0..1000)
            .map(|i| match i {
                0..9 => -300.0,
                996.. => 40.0,
                _ => -130.0 + 0.052 * f64::from(i),
            })
            .collect();
        let scale = Scale::of(&values).expect("there are values");
        assert_eq!((scale.ends(), scale.step, scale.beyond), ([-130.0, -70.0], 10.0, [true, true]));
        let names: Vec<String> = scale.ticks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["<= -130", "-120", "-110", "-100", "-90", "-80", ">= -70"]);
        assert_eq!((scale.colour(-300.0), scale.colour(40.0)), (VIRIDIS[0], VIRIDIS[15]));
    }

    #[test]
    fn equal_few_huge_and_no_values_have_a_scale_or_none() {
        let inside = Scale::of(&[3.0, f64::NAN, f64::NEG_INFINITY, 7.9]).expect("there are values");
        assert_eq!((inside.ends(), inside.beyond), ([3.0, 8.0], [false; 2]));
        for value in [0.0, -87.3, 12.0, 1e300, -1e300, 1e-300] {
            let scale = Scale::of(&[value; 5]).expect("there are values");
            let ([low, high], shown) = (scale.ends(), value.clamp(-LARGEST, LARGEST));
            assert!(low <= shown && shown <= high && scale.beyond == [false; 2], "{value}: {scale:?}");
            assert!((2..20).contains(&scale.ticks().len()), "{value}: {scale:?}");
        }
        let wide = Scale::of(&[-f64::MAX, f64::MAX]).expect("there are values");
        assert!((2..20).contains(&wide.ticks().len()), "{wide:?}");
        // Where steps are tenths, ends are not lost to rounding: 3 x 0.1 / 0.1 is above 3.
        let tenths = Scale::of(&[0.3, 0.8]).expect("there are values");
        assert_eq!(
            tenths.ticks().iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
            ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8"]
        );
        assert_eq!(Scale::of(&[f64::NAN, f64::INFINITY]), None);
        assert_eq!(Scale::of(&[]), None);
    }
}
