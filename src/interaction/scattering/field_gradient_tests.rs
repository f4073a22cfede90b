//! Adjoints of scattered fields: <vjp(v), u> = <v, J u> in random directions, against central differences at two steps.

use super::tests::arriving;
use super::*;
use crate::math::difference::slope;
use crate::math::frame::direction_of;
use crate::math::{C64, CVec3};
use crate::scene::material::Surface;
use proptest::prelude::*;

const FREQUENCY: f64 = 28e9;
/// Steps of all arguments [-], of their own size each.
const STEPS: [f64; 2] = [4e-4, 2e-4];

/// A scattering surface as numbers: eta, thickness, S, sigma_h, K_x, weights and shares of the pattern, sharpnesses.
#[derive(Clone, Copy)]
struct Wall([f64; 12]);

/// How far a number of [`Wall`] moves with a step of 1.
const SIZES: [f64; 12] = [1.0, 0.3, 1e-2, 0.3, 3e-4, 0.2, 0.5, 0.5, 0.3, 3.0, 5.0, 15.0];
/// A wall of which everything counts.
const WALL: Wall = Wall([5.24, -0.4, 0.013, 0.5, 4e-4, 0.2, 0.7, 0.4, 0.6, 6.0, 9.0, 30.0]);

impl Wall {
    fn surface(&self, reciprocal: bool) -> Surface {
        let [re, im, thickness, s, roughness, xpd, weight, other, share, alpha_r, alpha_i, kappa] = self.0;
        let parts = vec![Part::lambertian(weight), Part::backscattering(other, alpha_r, alpha_i, share, reciprocal)];
        Surface {
            specular_share: (1.0 - s * s).sqrt(),
            roughness,
            scattering: Scattering::of_parts(s, xpd, parts),
            lobe: Some(Lobe::of_shape(Shape::VonMisesFisher, kappa, reciprocal)),
            ..Surface::smooth(C64::new(re, im), thickness)
        }
    }

    fn moved(&self, by: &[f64; 12], h: f64) -> Wall {
        Wall(std::array::from_fn(|i| self.0[i] + h * by[i] * SIZES[i]))
    }
}

/// Everything that a scattered field depends on.
#[derive(Clone)]
struct Place {
    wall: Wall,
    reciprocal: bool,
    field: CVec3,
    directions: [Vec3; 3],
    frequency: f64,
}

/// A direction in which a [`Place`] moves.
#[derive(Clone, Debug)]
struct Way {
    wall: [f64; 12],
    field: CVec3,
    directions: [Vec3; 3],
    frequency: f64,
}

impl Place {
    fn moved(&self, way: &Way, h: f64) -> Place {
        Place {
            wall: self.wall.moved(&way.wall, h),
            reciprocal: self.reciprocal,
            field: self.field + way.field * C64::from(h),
            directions: std::array::from_fn(|i| self.directions[i] + way.directions[i] * h),
            frequency: self.frequency * (1.0 + h * way.frequency),
        }
    }

    fn scattered(&self, is_lobe: bool) -> CVec3 {
        let (surface, [k_i, n, k_s]) = (self.wall.surface(self.reciprocal), &self.directions);
        let f = if is_lobe { lobe } else { diffuse };
        f(&self.field, k_i, n, k_s, &surface, self.frequency)
    }

    /// <vjp(bar), way>, and the sum of the sizes of its terms.
    fn pulled(&self, is_lobe: bool, scattered_bar: &CVec3, way: &Way) -> (f64, f64) {
        let (surface, [k_i, n, k_s]) = (self.wall.surface(self.reciprocal), &self.directions);
        let (mut bar, mut parts) = (ScatterBar::zero(), [PartBar::default(); 2]);
        if is_lobe {
            lobe_vjp(&self.field, k_i, n, k_s, &surface, self.frequency, scattered_bar, &mut bar);
        } else {
            let (field, frequency) = (&self.field, self.frequency);
            diffuse_vjp(field, k_i, n, k_s, &surface, frequency, scattered_bar, &mut bar, &mut parts);
        }
        let own = &bar.surface;
        let s = surface.scattering.coefficient;
        let scattering = own.scattering - own.specular_share * s / surface.specular_share;
        let numbers = [
            own.eta.re,
            own.eta.im,
            own.thickness,
            scattering,
            own.roughness,
            own.xpd,
            parts[0].weight,
            parts[1].weight,
            parts[1].forward_share,
            parts[1].forward,
            parts[1].backward,
            own.lobe,
        ];
        let mut terms: Vec<f64> = (0..12).map(|i| numbers[i] * way.wall[i] * SIZES[i]).collect();
        terms.push(bar.field.dotc(&way.field).re);
        let of_directions = [bar.directions.k_i, bar.directions.n, bar.directions.k_s];
        terms.extend(of_directions.iter().zip(&way.directions).map(|(bar, by)| bar.dot(by)));
        terms.push(bar.frequency * self.frequency * way.frequency);
        (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
    }

    /// Holds the adjoint against differences along `way`.
    fn check(&self, is_lobe: bool, bar: &CVec3, way: &Way) -> std::result::Result<(), TestCaseError> {
        let (coarse, refined) = slope(STEPS, |h| bar.dotc(&self.moved(way, h).scattered(is_lobe)).re);
        let (found, terms) = self.pulled(is_lobe, bar, way);
        prop_assert!((found - refined).abs() <= 1e-6 * terms, "{} {} {} {:?}", found, refined, terms, way);
        prop_assert!((found - coarse).abs() <= 1e-2 * terms, "{} {} {} {:?}", found, coarse, terms, way);
        Ok(())
    }
}

fn vector(x: &[f64]) -> Vec3 {
    Vec3::new(x[0], x[1], x[2])
}

fn field(x: &[f64]) -> CVec3 {
    CVec3::new(C64::new(x[0], x[1]), C64::new(x[2], x[3]), C64::new(x[4], x[5]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_adjoint_of_a_scattered_field_is_the_transpose_of_its_tangent(
        cos in 0.3..0.95f64, out in 0.3..0.95f64, turn in 0.0..6.0f64, off in -0.4..0.4f64,
        side in any::<bool>(), is_lobe in any::<bool>(), reciprocal in any::<bool>(),
        x in prop::array::uniform12(-1.0..1.0f64), v in prop::array::uniform28(-1.0..1.0f64),
    ) {
        let n = direction_of(0.7, 2.0);
        let k_i = arriving(&n, cos, turn);
        let k_s = -arriving(&n, out, turn + std::f64::consts::PI + off);
        let n = if side { n } else { -n };
        // Transverse, as the map of a field is meant.
        let transverse = field(&x[..6]);
        let transverse = transverse - crate::interaction::reflection::scaled(&k_i, crate::interaction::reflection::dot(&k_i, &transverse));
        let place = Place { wall: WALL, reciprocal, field: transverse, directions: [k_i, n, k_s], frequency: FREQUENCY };
        let way = Way {
            wall: std::array::from_fn(|i| v[i]),
            field: field(&v[12..18]),
            directions: [vector(&v[18..21]), vector(&v[21..24]), vector(&v[24..27])].map(|by| by * 0.3),
            frequency: 0.1 * v[27],
        };
        place.check(is_lobe, &field(&x[6..]), &way)?;
    }
}

#[test]
fn nothing_is_infinite_at_the_ends_of_what_a_surface_may_be() {
    let n = Vec3::z();
    let (k_i, k_s) = (arriving(&n, 0.6, 0.3), -arriving(&n, 0.5, 2.0));
    let field = crate::math::frame::spherical_basis(&k_i).0.map(C64::from);
    for (s, roughness, xpd) in [(0.0, 0.0, 0.0), (1.0, 0.0, 1.0), (0.4, 0.0, 0.0), (0.0, 1e-3, 0.5)] {
        let mut wall = WALL;
        (wall.0[3], wall.0[4], wall.0[5]) = (s, roughness, xpd);
        let surface = wall.surface(false);
        for k_s in [k_s, -k_s, Vec3::z()] {
            let (mut bar, mut parts) = (ScatterBar::zero(), [PartBar::default(); 2]);
            diffuse_vjp(&field, &k_i, &n, &k_s, &surface, FREQUENCY, &field, &mut bar, &mut parts);
            lobe_vjp(&field, &k_i, &n, &k_s, &surface, FREQUENCY, &field, &mut bar);
            let own = &bar.surface;
            let all = [own.eta.re, own.eta.im, own.thickness, own.scattering, own.roughness, own.xpd, own.lobe];
            assert!(all.iter().chain(bar.directions.k_i.iter()).all(|x| x.is_finite()), "{s} {roughness} {bar:?}");
        }
    }
}
