//! ITU-R P.2040-4 materials (theory.md, "Materials", T6).
//!
//! The table was taken from two open implementations that agree (Sionna RT 2.2.0, DiffeRT 0.12.0), not from the
//! Recommendation itself. It is data: what a scene wants done outside a range is the [`OutOfRange`] policy.

use super::material::OutOfRange;
use crate::error::{Error, Fault, Result, did_you_mean};

/// One line of the table: eps_r = a f^b, sigma = c f^d [S/m], f in GHz, for f within [low, high] GHz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Name of the material.
    pub name: &'static str,
    /// a [-].
    pub a: f64,
    /// b [-].
    pub b: f64,
    /// c [S/m].
    pub c: f64,
    /// d [-].
    pub d: f64,
    /// Lower end of the range [GHz].
    pub low: f64,
    /// Upper end of the range [GHz].
    pub high: f64,
}

const fn row(name: &'static str, a: f64, b: f64, c: f64, d: f64, low: f64, high: f64) -> Row {
    Row { name, a, b, c, d, low, high }
}

/// The table, in the order of the Recommendation.
#[rustfmt::skip]
pub const TABLE: [Row; 38] = [
    row("vacuum",            1.0,     0.0, 0.0,      0.0,     0.001, 100.0),
    row("concrete",          5.24,    0.0, 0.0462,   0.7822,  1.0,   100.0),
    row("concrete",          5.17,    0.0, 0.0145,   1.09,    110.0, 330.0),
    row("brick",             3.91,    0.0, 0.0238,   0.16,    1.0,   40.0),
    row("brick",             4.15,    0.0, 0.0006,   1.5712,  110.0, 330.0),
    row("plasterboard",      2.73,    0.0, 0.0085,   0.9395,  1.0,   100.0),
    row("plasterboard",      2.56,    0.0, 0.0001,   1.7799,  110.0, 330.0),
    row("plasterboard",      2.65,    0.0, 0.0002,   1.598,   100.0, 400.0),
    row("wood",              1.99,    0.0, 0.0047,   1.0718,  0.001, 100.0),
    row("wood",              1.82,    0.0, 0.0040,   1.0761,  110.0, 330.0),
    row("wood",              2.1183,  0.0, 0.0055,   1.1113,  100.0, 400.0),
    row("glass",             6.31,    0.0, 0.0036,   1.3394,  0.1,   100.0),
    row("glass",             5.79,    0.0, 0.0004,   1.658,   220.0, 450.0),
    row("glass",             6.5767,  0.0, 0.0012,   1.4697,  100.0, 400.0),
    row("clear_acrylic",     2.58,    0.0, 0.0001,   1.6524,  110.0, 330.0),
    row("ceiling_board",     1.48,    0.0, 0.0011,   1.0750,  1.0,   100.0),
    row("ceiling_board",     1.52,    0.0, 0.0029,   1.029,   220.0, 450.0),
    row("ceiling_board",     1.2567,  0.0, 0.00013,  1.454,   100.0, 400.0),
    row("chipboard",         2.58,    0.0, 0.0217,   0.7800,  1.0,   100.0),
    row("chipboard",         2.16,    0.0, 0.0023,   1.359,   100.0, 200.0),
    row("plywood",           2.71,    0.0, 0.33,     0.0,     1.0,   40.0),
    row("plywood",           1.94,    0.0, 0.0067,   0.9982,  110.0, 330.0),
    row("plywood",           2.17,    0.0, 0.0063,   1.045,   100.0, 400.0),
    row("marble",            7.074,   0.0, 0.0055,   0.9262,  1.0,   60.0),
    row("marble",            7.94,    0.0, 0.0001,   1.7330,  110.0, 330.0),
    row("marble",            8.62,    0.0, 0.0027,   1.15,    100.0, 400.0),
    row("floorboard",        3.66,    0.0, 0.0044,   1.3515,  50.0,  100.0),
    row("floorboard",        5.27,    0.0, 2.22e-17, 7.3413,  220.0, 300.0),
    row("floorboard",        5.27,    0.0, 0.0003,   2.0298,  300.0, 400.0),
    row("floorboard",        5.27,    0.0, 49.8726,  0.0,     400.0, 450.0),
    row("floorboard",        3.1575,  0.0, 0.001675, 1.32775, 100.0, 400.0),
    row("vinyl_tile",        3.62,    0.0, 0.0051,   0.8422,  1.0,   40.0),
    row("carpet_tile",       2.08,    0.0, 0.0009,   0.8200,  1.0,   40.0),
    row("asphalt_concrete",  4.83,    0.0, 0.0108,   1.3969,  1.0,   40.0),
    row("metal",             1.0,     0.0, 1e7,      0.0,     1.0,   100.0),
    row("very_dry_ground",   3.0,     0.0, 0.00015,  2.52,    1.0,   10.0),
    row("medium_dry_ground", 15.0,   -0.1, 0.035,    1.63,    1.0,   10.0),
    row("wet_ground",        30.0,   -0.4, 0.15,     1.30,    1.0,   10.0),
];

/// eps_r and sigma of a material of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Electrical {
    /// The row that was taken.
    pub row: Row,
    /// The frequency at which it was taken [GHz].
    pub at_ghz: f64,
    /// eps_r [-].
    pub relative_permittivity: f64,
    /// sigma [S/m].
    pub conductivity: f64,
    /// What was done, if the frequency lies in no range of the material.
    pub note: Option<String>,
}

impl Row {
    fn contains(&self, ghz: f64) -> bool {
        self.low <= ghz && ghz <= self.high
    }

    fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The end of the range that is nearer to `ghz` [GHz].
    fn nearer_end(&self, ghz: f64) -> f64 {
        ghz.clamp(self.low, self.high)
    }

    /// (eps_r [-], sigma [S/m]) of the formula at `ghz` [GHz] (T6).
    fn at(&self, ghz: f64) -> (f64, f64) {
        (self.a * libm::pow(ghz, self.b), self.c * libm::pow(ghz, self.d))
    }
}

/// Bars of what a row of the table is made of (T6).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RowBar {
    /// Of a [-].
    pub a: f64,
    /// Of b [-].
    pub b: f64,
    /// Of c [S/m].
    pub c: f64,
    /// Of d [-].
    pub d: f64,
}

impl Electrical {
    /// The adjoint of [`electrical`]: adds to the bars of the row that was taken, and to `frequency_bar` [Hz], on which a
    /// value that was clamped to the end of a range does not depend.
    pub fn vjp(&self, frequency: f64, [eps_bar, sigma_bar]: [f64; 2], row_bar: &mut RowBar, frequency_bar: &mut f64) {
        let (eps, sigma) = self.row.at(self.at_ghz);
        let log = libm::log(self.at_ghz);
        row_bar.a += eps_bar * libm::pow(self.at_ghz, self.row.b);
        row_bar.b += eps_bar * eps * log;
        row_bar.c += sigma_bar * libm::pow(self.at_ghz, self.row.d);
        row_bar.d += sigma_bar * sigma * log;
        if self.at_ghz == frequency / 1e9 {
            *frequency_bar += (eps_bar * eps * self.row.b + sigma_bar * sigma * self.row.d) / frequency;
        }
    }
}

/// The names of the table, each once.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TABLE.iter().map(|r| r.name).collect();
    names.dedup();
    names
}

/// Checks that `name` is in the table and returns the table's own spelling.
///
/// # Errors
/// An unknown name, with the nearest known one.
pub fn known_name(material: &str, name: &str) -> Result<&'static str> {
    names().into_iter().find(|known| *known == name).ok_or_else(|| {
        let known = names();
        let remedy = format!("{} known: {}", did_you_mean(name, known.iter().copied()), known.join(", "));
        let field = format!("material '{material}', itu");
        Error::input(Fault::new(field, "not a material of ITU-R P.2040-4").value(name).remedy(remedy.trim_start()))
    })
}

/// eps_r and sigma of the table's material `name` at `frequency` [Hz] (T6); `material` is the scene's name for it.
///
/// Of overlapping ranges the narrowest holds, then the first. Outside all ranges, by policy:
/// * `error`: an error that names the policies;
/// * `clamp`: the range whose end is nearest in frequency, evaluated at that end;
/// * `extrapolate`: the formula of that same range, evaluated at `frequency`;
/// * `nearest`: the formula of the range whose end is nearest *in ratio* (in decibels of frequency), evaluated at
///   `frequency`. It differs from `extrapolate` between two ranges only: brick at 70 GHz is nearer to 40 GHz by
///   difference and nearer to 110 GHz by ratio.
///
/// # Errors
/// An unknown name; a frequency outside all ranges under the policy `error`; a formula that falls below eps_r = 1 there.
pub fn electrical(material: &str, name: &str, frequency: f64, policy: OutOfRange) -> Result<Electrical> {
    let name = known_name(material, name)?;
    let ghz = frequency / 1e9;
    let rows = || TABLE.iter().filter(|r| r.name == name);
    if let Some(row) = least(rows().filter(|r| r.contains(ghz)), |_| 0.0) {
        let (relative_permittivity, conductivity) = row.at(ghz);
        return Ok(Electrical { row: *row, at_ghz: ghz, relative_permittivity, conductivity, note: None });
    }
    let by_difference = |r: &Row| (ghz - r.nearer_end(ghz)).abs();
    let by_ratio = |r: &Row| (ghz / r.nearer_end(ghz)).max(r.nearer_end(ghz) / ghz);
    let (row, at_ghz) = match policy {
        OutOfRange::Error => return Err(outside(material, name, ghz)),
        OutOfRange::Clamp => least(rows(), by_difference).map(|r| (r, r.nearer_end(ghz))),
        OutOfRange::Extrapolate => least(rows(), by_difference).map(|r| (r, ghz)),
        OutOfRange::Nearest => least(rows(), by_ratio).map(|r| (r, ghz)),
    }
    .expect("a known name has at least one row");
    let (relative_permittivity, conductivity) = row.at(at_ghz);
    if relative_permittivity < 1.0 {
        // Falling formulas (the grounds) leave the domain of the Fresnel coefficients beyond some terahertz.
        let bound = format!("the {}-{} GHz formula of {name} falls below 1 at {ghz} GHz", row.low, row.high);
        let fault = Fault::new(format!("material '{material}', relative permittivity"), bound);
        return Err(Error::input(fault.value(relative_permittivity).remedy("set out_of_range = \"clamp\"")));
    }
    let note = format!(
        "material '{material}': ITU-R P.2040-4 does not define {name} at {ghz} GHz; took its {}-{} GHz formula at \
         {at_ghz} GHz (out_of_range = \"{}\"): eps_r {relative_permittivity}, sigma {conductivity:.6} S/m",
        row.low,
        row.high,
        policy_name(policy)
    );
    Ok(Electrical { row: *row, at_ghz, relative_permittivity, conductivity, note: Some(note) })
}

/// The row of least `distance`; of equals the narrowest, then the first.
fn least<'a>(rows: impl Iterator<Item = &'a Row>, distance: impl Fn(&Row) -> f64) -> Option<&'a Row> {
    rows.min_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.width().total_cmp(&b.width())))
}

fn policy_name(policy: OutOfRange) -> &'static str {
    match policy {
        OutOfRange::Error => "error",
        OutOfRange::Clamp => "clamp",
        OutOfRange::Extrapolate => "extrapolate",
        OutOfRange::Nearest => "nearest",
    }
}

fn outside(material: &str, name: &str, ghz: f64) -> Error {
    let ranges: Vec<_> = TABLE.iter().filter(|r| r.name == name).map(|r| format!("{}-{}", r.low, r.high)).collect();
    let bound = format!("ITU-R P.2040-4 defines {name} at {} GHz only", ranges.join(", "));
    let remedy = format!(
        "in [scene], set out_of_range = \"clamp\", \"extrapolate\" or \"nearest\" (now \"error\"); or give values of \
         your own: [materials.{material}] relative_permittivity = ..., conductivity_s_per_m = ..."
    );
    Error::input(
        Fault::new(format!("material '{material}', frequency"), bound).value(format!("{ghz} GHz")).remedy(remedy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str, ghz: f64, policy: OutOfRange) -> (f64, f64) {
        let found = electrical("wall", name, ghz * 1e9, policy).unwrap();
        (found.relative_permittivity, found.conductivity)
    }

    #[test]
    fn the_values_of_two_open_codebases_at_3_5_ghz() {
        // simple_street_canyon of the reference results: f32 values.
        for (name, eps, sigma) in [
            ("glass", 6.31, 0.019276460632681847),
            ("wood", 1.99, 0.017998237162828445),
            ("marble", 7.074, 0.01755005680024624),
            ("brick", 3.91, 0.02908223867416382),
            ("concrete", 5.24, 0.12308694422245026),
            ("metal", 1.0, 1e7),
        ] {
            let (eps_r, conductivity) = values(name, 3.5, OutOfRange::Error);
            assert!((eps_r / eps - 1.0).abs() < 1e-6 && (conductivity / sigma - 1.0).abs() < 1e-6, "{name}");
        }
        let (eps_r, sigma) = values("wet_ground", 10.0, OutOfRange::Error);
        assert!((eps_r - 30.0 * 10f64.powf(-0.4)).abs() < 1e-12 && (sigma - 0.15 * 10f64.powf(1.3)).abs() < 1e-12);
    }

    #[test]
    fn of_overlapping_ranges_the_narrowest_holds_then_the_first() {
        assert_eq!(values("plasterboard", 200.0, OutOfRange::Error).0, 2.56);
        assert_eq!(values("plasterboard", 100.0, OutOfRange::Error).0, 2.73);
        assert_eq!(values("plasterboard", 350.0, OutOfRange::Error).0, 2.65);
        assert_eq!(values("glass", 300.0, OutOfRange::Error).0, 5.79);
        // 220-300 is narrower than 300-400 and 100-400; at 400 the range of 50 GHz is the narrowest.
        assert!((values("floorboard", 300.0, OutOfRange::Error).1 - 2.22e-17 * 300f64.powf(7.3413)).abs() < 1e-9);
        assert_eq!(values("floorboard", 400.0, OutOfRange::Error).1, 49.8726);
    }

    #[test]
    fn every_policy_does_what_it_says() {
        assert_eq!(values("brick", 60.0, OutOfRange::Clamp), TABLE[3].at(40.0));
        assert_eq!(values("brick", 60.0, OutOfRange::Extrapolate), TABLE[3].at(60.0));
        assert_eq!(values("brick", 70.0, OutOfRange::Clamp), TABLE[3].at(40.0));
        assert_eq!(values("brick", 70.0, OutOfRange::Extrapolate), TABLE[3].at(70.0));
        assert_eq!(values("brick", 70.0, OutOfRange::Nearest), TABLE[4].at(70.0));
        assert_eq!(values("brick", 0.5, OutOfRange::Clamp), TABLE[3].at(1.0));
        assert_eq!(values("wet_ground", 60.0, OutOfRange::Nearest), TABLE[37].at(60.0));
    }

    #[test]
    fn values_have_the_derivatives_of_their_adjoint() {
        use crate::math::difference::slope;
        let bars = [0.7, -0.3];
        for (name, ghz) in [("wet_ground", 6.0), ("concrete", 28.0), ("wet_ground", 60.0), ("brick", 60.0)] {
            for policy in [OutOfRange::Clamp, OutOfRange::Extrapolate] {
                let of = |frequency: f64| {
                    let found = electrical("m", name, frequency, policy).unwrap();
                    bars[0] * found.relative_permittivity + bars[1] * found.conductivity
                };
                let found = electrical("m", name, ghz * 1e9, policy).unwrap();
                let (mut row_bar, mut frequency_bar) = (RowBar::default(), 0.0);
                found.vjp(ghz * 1e9, bars, &mut row_bar, &mut frequency_bar);
                let (_, expected) = slope([1e-3, 5e-4], |h| of(ghz * 1e9 * (1.0 + h)));
                assert!((frequency_bar * ghz * 1e9 - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{name} {ghz}");
                let row = found.row;
                let of_row = |row: &Row| {
                    let (eps, sigma) = row.at(found.at_ghz);
                    bars[0] * eps + bars[1] * sigma
                };
                let moved = [
                    (row_bar.a, slope([1e-3, 5e-4], |h| of_row(&Row { a: row.a + h, ..row })).1),
                    (row_bar.b, slope([1e-3, 5e-4], |h| of_row(&Row { b: row.b + h, ..row })).1),
                    (row_bar.c, slope([1e-3, 5e-4], |h| of_row(&Row { c: row.c + h, ..row })).1),
                    (row_bar.d, slope([1e-3, 5e-4], |h| of_row(&Row { d: row.d + h, ..row })).1),
                ];
                for (found, expected) in moved {
                    assert!((found - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{name}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_permittivity_that_falls_below_1_is_refused() {
        assert!(electrical("m", "wet_ground", 1e14, OutOfRange::Extrapolate).is_err());
        assert!(electrical("m", "wet_ground", 1e14, OutOfRange::Clamp).is_ok());
    }

    #[test]
    fn what_was_done_outside_a_range_is_noted_and_inside_nothing_is() {
        let note = electrical("facade", "brick", 60e9, OutOfRange::Clamp).unwrap().note.unwrap();
        for part in ["facade", "brick", "60 GHz", "40 GHz", "clamp"] {
            assert!(note.contains(part), "{note} lacks {part}");
        }
        assert_eq!(electrical("facade", "brick", 28e9, OutOfRange::Clamp).unwrap().note, None);
    }

    #[test]
    fn brick_at_60_ghz_is_an_error_that_names_the_policies() {
        let text = electrical("facade", "brick", 60e9, OutOfRange::Error).unwrap_err().to_string();
        for part in
            ["facade", "1-40, 110-330", "60 GHz", "clamp", "extrapolate", "nearest", "error", "[materials.facade]"]
        {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }

    #[test]
    fn nine_materials_are_undefined_at_60_ghz_and_ten_at_77() {
        let undefined =
            |ghz: f64| names().iter().filter(|n| electrical("m", n, ghz * 1e9, OutOfRange::Error).is_err()).count();
        assert_eq!((names().len(), undefined(60.0), undefined(77.0)), (19, 9, 10));
    }

    #[test]
    fn an_unknown_name_is_an_error_with_a_suggestion() {
        let text = known_name("m", "concret").unwrap_err().to_string();
        assert!(text.contains("did you mean 'concrete'?") && text.contains("wet_ground"), "{text}");
    }

    #[test]
    fn no_policy_yields_anything_but_finite_values() {
        for name in names() {
            for ghz in [1e-9, 0.01, 1.0, 39.99, 60.0, 105.0, 450.0, 4000.0] {
                for policy in [OutOfRange::Clamp, OutOfRange::Extrapolate, OutOfRange::Nearest] {
                    let (eps_r, sigma) = values(name, ghz, policy);
                    assert!(eps_r.is_finite() && eps_r >= 1.0 && sigma.is_finite() && sigma >= 0.0, "{name} {ghz}");
                }
            }
        }
    }
}
