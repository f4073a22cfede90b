//! Adjoints of densities: against central differences at two step sizes, and <vjp(v), u> = <v, J u>.

use super::tests::arriving;
use super::*;
use crate::math::difference::slope;
use crate::math::frame::direction_of;

/// Steps of directions, in widths of the sharpest lobe.
const STEPS: [f64; 2] = [1e-3, 5e-4];
/// Steps of the logarithm of parameters.
const LOG_STEPS: [f64; 2] = [2e-3, 1e-3];
/// A central difference of step h, made better by the one of h/2, is off by a fourth power; the rest is interpolation.
const RELATIVE: f64 = 1e-6;
/// A density far off every lobe [1/sr], whose exponent is too large for a central difference of these steps.
const NEGLIGIBLE: f64 = 1e-8;

/// What a pattern is made of, as numbers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Lambertian,
    Forward(Shape),
    Backward(Shape),
    Both,
}

#[derive(Clone, Debug)]
struct Written {
    kinds: Vec<Kind>,
    reciprocal: bool,
    /// Weight, forward share, forward and backward sharpness of each.
    numbers: Vec<[f64; 4]>,
}

impl Written {
    fn pattern(&self) -> Scattering {
        let part = |(kind, [weight, share, forward, backward]): (&Kind, &[f64; 4])| match kind {
            Kind::Lambertian => Part::lambertian(*weight),
            Kind::Forward(shape) => Part::forward(*weight, *shape, *forward, self.reciprocal),
            Kind::Backward(shape) => Part::backward(*weight, *shape, *backward, self.reciprocal),
            Kind::Both => Part::backscattering(*weight, *forward, *backward, *share, self.reciprocal),
        };
        Scattering::of_parts(1.0, 0.0, self.kinds.iter().zip(&self.numbers).map(part).collect())
    }
}

fn agrees(what: &str, found: f64, (coarse, refined): (f64, f64), scale: f64) {
    assert!((found - refined).abs() <= RELATIVE * scale, "{what}: {found} {refined}, scale {scale}");
    // The coarser step alone is off by its square, times a third derivative that an exponent of 13 makes large.
    assert!((found - coarse).abs() <= 1e-3 * (scale + found.abs()), "{what}: {found} {coarse}, scale {scale}");
}

/// Checks all derivatives of a pattern at some pairs of directions (k_i, k_s).
fn check(written: &Written, n: &Vec3, places: &[(Vec3, Vec3)], width: f64) {
    let pattern = written.pattern();
    let of_place = |(k_i, k_s): &(Vec3, Vec3)| {
        let (mut directions, mut parts) = (DirectionsBar::zero(), vec![PartBar::default(); pattern.parts.len()]);
        pattern.density_vjp(k_i, n, k_s, 1.0, &mut directions, &mut parts);
        (directions, parts)
    };
    let bars: Vec<_> = places.iter().map(of_place).collect();
    let values: Vec<f64> = places.iter().map(|(k_i, k_s)| pattern.density(k_i, n, k_s)).collect();
    let counted: Vec<usize> = (0..places.len()).filter(|place| values[*place] > NEGLIGIBLE).collect();
    assert!(!counted.is_empty(), "{written:?}");
    for place in &counted {
        check_directions(&pattern, &bars[*place].0, n, &places[*place], width);
    }
    for part in 0..pattern.parts.len() {
        for number in 0..4 {
            let value = written.numbers[part][number];
            let changed = |log: f64| {
                let mut other = written.clone();
                other.numbers[part][number] = value * f64::exp(log);
                other.pattern()
            };
            let [coarse, fine] = LOG_STEPS.map(|h| [changed(h), changed(-h)]);
            for place in &counted {
                let (k_i, k_s) = &places[*place];
                let of = |h: f64| {
                    let [more, less] = if h.abs() == LOG_STEPS[0] { &coarse } else { &fine };
                    if h > 0.0 { more.density(k_i, n, k_s) } else { less.density(k_i, n, k_s) }
                };
                let bar = &bars[*place].1[part];
                let bar = [bar.weight, bar.forward_share, bar.forward, bar.backward][number];
                let what = format!("{written:?} part {part} number {number}");
                agrees(&what, bar * value, slope(LOG_STEPS, of), values[*place]);
            }
        }
    }
}

/// Each coordinate of each direction, and all directions moved together.
fn check_directions(pattern: &Scattering, bar: &DirectionsBar, n: &Vec3, place: &(Vec3, Vec3), width: f64) {
    let (k_i, k_s) = place;
    let scale = pattern.density(k_i, n, k_s) / width;
    let steps = STEPS.map(|h| h * width);
    let u = Vec3::new(0.3, -0.7, 0.2);
    let mut along_u = 0.0;
    for (which, bar) in [bar.k_i, bar.n, bar.k_s].iter().enumerate() {
        for axis in 0..3 {
            let moved = |h: f64| {
                let mut all = [*k_i, *n, *k_s];
                all[which][axis] += h;
                pattern.density(&all[0], &all[1], &all[2])
            };
            agrees(&format!("{pattern:?} direction {which} axis {axis}"), bar[axis], slope(steps, moved), scale);
        }
        along_u += bar.dot(&u);
    }
    let together = slope(steps, |h| pattern.density(&(k_i + u * h), &(n + u * h), &(k_s + u * h)));
    agrees(&format!("{pattern:?} J u"), along_u, together, scale);
}

fn places(n: &Vec3) -> Vec<(Vec3, Vec3)> {
    let mut all = Vec::new();
    for (cos, out, turn) in [(0.9, 0.7, 0.2), (0.45, 0.5, 0.03), (0.2, 0.24, -0.1), (0.7, 0.3, 2.0)] {
        // Turned by half about the normal: near the mirror direction, or near the way back.
        all.push((arriving(n, cos, 1.0), -arriving(n, out, 1.0 + std::f64::consts::PI + turn)));
        all.push((arriving(n, cos, 1.0), -arriving(n, out, 1.0 + turn)));
    }
    all
}

#[test]
fn densities_have_the_derivatives_of_their_adjoints() {
    let n = direction_of(0.7, 2.0);
    let kinds = [
        Kind::Lambertian,
        Kind::Forward(Shape::VonMisesFisher),
        Kind::Forward(Shape::CosinePower),
        Kind::Backward(Shape::VonMisesFisher),
        Kind::Both,
    ];
    for reciprocal in [false, true] {
        for kind in kinds {
            for sharpness in [0.8, 7.0, 40.0] {
                let numbers = vec![[0.7, 0.6, sharpness, 1.3 * sharpness]];
                let written = Written { kinds: vec![kind], reciprocal, numbers };
                check(&written, &n, &places(&n), 1.0 / f64::sqrt(1.3 * sharpness).max(1.0));
            }
        }
        let numbers = (0..5).map(|i| [0.2 + f64::from(i), 0.3, 3.0 + f64::from(i), 9.0]).collect();
        let mixture = Written { kinds: kinds.to_vec(), reciprocal, numbers };
        check(&mixture, &n, &places(&n), 0.3);
    }
}

#[test]
fn sharp_lobes_have_the_derivatives_of_their_adjoints_up_to_grazing() {
    let n = direction_of(0.7, 2.0);
    for reciprocal in [false, true] {
        for shape in [Shape::VonMisesFisher, Shape::CosinePower] {
            for sharpness in [1e3f64, 1e5, 1e8, 1e11] {
                let width = if shape == Shape::CosinePower { (2.0 / sharpness).sqrt() } else { 1.0 / sharpness.sqrt() };
                let written = Written {
                    kinds: vec![Kind::Forward(shape)],
                    reciprocal,
                    numbers: vec![[1.0, 1.0, sharpness, 1.0]],
                };
                let places = [0.7, 1.9, 4.0, 30.0].map(|widths| {
                    let turned = 1.0 + std::f64::consts::PI + 0.3 * width;
                    (arriving(&n, widths * width, 1.0), -arriving(&n, (widths + 0.4) * width, turned))
                });
                check(&written, &n, &places, width);
            }
        }
    }
}

#[test]
fn derivatives_are_finite_where_the_density_is() {
    for reciprocal in [false, true] {
        for sharpness in [1e-3, 1.0, 1e12] {
            let part = Part::backscattering(1.0, sharpness, sharpness, 0.5, reciprocal);
            for (cos, out) in [(0.0, 1.0), (0.0, 1e-9), (1.0, 1.0), (1e-9, 0.0), (1.0, 1e-12)] {
                for turn in [0.0, 1.0, std::f64::consts::PI] {
                    let (k_i, k_s) = (arriving(&Vec3::z(), cos, 0.0), -arriving(&Vec3::z(), out, turn));
                    let (mut at_bar, mut part_bar) = (Directions::zero(), PartBar::default());
                    part_density_vjp(&part, &Directions::new(&k_i, &Vec3::z(), &k_s), 1.0, &mut at_bar, &mut part_bar);
                    let bars = [at_bar.cos_i, at_bar.cos_s, at_bar.off_forward, at_bar.off_backward];
                    let all = bars.into_iter().chain([part_bar.forward_share, part_bar.forward, part_bar.backward]);
                    assert!(all.clone().all(f64::is_finite), "{cos} {out} {:?}", all.collect::<Vec<_>>());
                }
            }
        }
    }
}
