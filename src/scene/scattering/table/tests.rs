use super::*;

const SHARPNESSES: [f64; 12] = [1e-6, 0.1, 0.5, 1.0, 3.0, 20.0, 50.0, 90.0, 300.0, 1e4, 1e8, 1e12];
/// What the interpolation may lose.
const INTERPOLATION: f64 = 1e-8;

fn hermite(nodes: &[Node], reach: f64, y: f64, pair: usize) -> (f64, f64) {
    let steps = (nodes.len() - 1) as f64;
    let place = y / reach * steps;
    let i = (place as usize).min(nodes.len() - 2);
    let (t, a, b) = (place - i as f64, &nodes[i], &nodes[i + 1]);
    let (p, q, m, n) = (a[pair], b[pair], a[pair + 1], b[pair + 1]);
    let rise = q - p;
    let value = p + t * (m + t * (3.0 * rise - 2.0 * m - n + t * (m + n - 2.0 * rise)));
    let slope = m + t * (2.0 * (3.0 * rise - 2.0 * m - n) + 3.0 * t * (m + n - 2.0 * rise));
    (value, slope / reach * steps)
}

/// A_h by another way: along the normal's zenith, with the integral over the azimuth as a plain sum.
fn hemisphere(lobe: &Form, y: f64) -> f64 {
    let s = (1.0 - y * y).sqrt();
    let (panels, rule) = (60, gauss_legendre::<8>());
    let ring = |z: f64| {
        let (s_z, turns) = ((1.0 - z * z).sqrt(), 160);
        let at = |k: usize| lobe.at(1.0 - y * z - s * s_z * (TAU * k as f64 / turns as f64).cos()).value;
        (0..turns).map(at).sum::<f64>() * TAU / turns as f64
    };
    let panel = |p: usize| rule.iter().map(|(x, w)| w * ring((p as f64 + x) / panels as f64)).sum::<f64>();
    (0..panels).map(panel).sum::<f64>() / panels as f64
}

#[test]
fn the_normaliser_is_the_integral_over_the_hemisphere() {
    for shape in [Shape::VonMisesFisher, Shape::CosinePower] {
        for sharpness in SHARPNESSES.into_iter().filter(|s| *s < 1e4) {
            let (lobe, table) = (Form::new(shape, sharpness), LobeTable::new(shape, sharpness, false));
            for i in 0..10 {
                let y = (f64::from(i) + 0.37) / 10.0 * table.reach;
                let (value, _) = hermite(&table.normaliser, table.reach, y, 0);
                let expected = hemisphere(&lobe, y) / table.full;
                // The cusp of a small power at its far pole is on the boundary at grazing incidence alone.
                assert!(
                    (value - expected).abs() < 20.0 * INTERPOLATION,
                    "{shape:?} {sharpness} {y}: {value} {expected}"
                );
            }
        }
    }
}

#[test]
fn a_lobe_far_from_the_horizon_is_whole_and_half_of_one_at_the_horizon() {
    for shape in [Shape::VonMisesFisher, Shape::CosinePower] {
        for sharpness in SHARPNESSES {
            let table = LobeTable::new(shape, sharpness, false);
            assert_eq!(table.normaliser[0][0], 0.5);
            if table.reach < 1.0 {
                let last = table.normaliser[NORMALISER_STEPS];
                assert!(
                    (last[0] - 1.0).abs() < INTERPOLATION && last[1].abs() < INTERPOLATION,
                    "{sharpness}: {last:?}"
                );
                assert!(last[2].abs() < INTERPOLATION, "{sharpness}: {last:?}");
            }
        }
    }
}

#[test]
fn slopes_and_derivatives_by_sharpness_are_those_of_the_values() {
    for shape in [Shape::VonMisesFisher, Shape::CosinePower] {
        for sharpness in SHARPNESSES {
            let made = |log: f64| LobeTable::new(shape, sharpness * f64::exp(log), true);
            let step = 1e-4;
            let (table, more, less) = (made(0.0), made(step), made(-step));
            let by_log = |of: &dyn Fn(&LobeTable) -> f64| (of(&more) - of(&less)) / (2.0 * step);
            assert!((by_log(&|t| t.full.ln()) - table.full_slope).abs() < 1e-7, "{shape:?} {sharpness}");
            assert!((by_log(&|t| t.normal.ln()) - table.normal_slope).abs() < 1e-7, "{shape:?} {sharpness}");
            for i in 0..15 {
                let y = (f64::from(i) + 0.61) / 16.0 * table.reach;
                for is_furnace in [false, true] {
                    let value = |t: &LobeTable, y: f64, pair: usize| {
                        hermite(if is_furnace { &t.furnace } else { &t.normaliser }, t.reach, y, pair)
                    };
                    let (found, _) = value(&table, y, 2);
                    let expected = by_log(&|t| value(t, y, 0).0);
                    assert!((found - expected).abs() < 1e-6, "{shape:?} {sharpness} {y}: {found} {expected}");
                    let h = 1e-4 * table.reach;
                    for pair in [0, 2] {
                        let (slope, scale) = (value(&table, y, pair).1, 1.0 / table.reach);
                        let expected = (value(&table, y + h, pair).0 - value(&table, y - h, pair).0) / (2.0 * h);
                        assert!(
                            (slope - expected).abs() < 1e-6 * scale,
                            "{shape:?} {sharpness} {y} {slope} {expected}"
                        );
                    }
                }
            }
        }
    }
}
