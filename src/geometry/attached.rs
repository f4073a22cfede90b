//! Points that are attached to a triangle, as a speck of paint is: they keep their barycentric coordinates and their share
//! of its area where its corners move (T93).

use crate::math::Vec3;

/// The barycentric coordinates of a point's projection on a triangle's plane `[corner]` [-].
pub fn barycentric([a, b, c]: &[Vec3; 3], point: &Vec3) -> [f64; 3] {
    let (u, v, w) = (b - a, c - a, point - a);
    let across = u.cross(&v);
    let square = across.norm_squared();
    let (along_u, along_v) = (w.cross(&v).dot(&across) / square, u.cross(&w).dot(&across) / square);
    [1.0 - along_u - along_v, along_u, along_v]
}

/// The adjoint of an attached point at `point` that stands for `area` [m2]: the bars of the triangle's corners.
///
/// The point moves as the corners do, by its barycentric coordinates; the area is as many times larger as the triangle is.
pub fn attached_vjp(corners: &[Vec3; 3], point: &Vec3, area: f64, point_bar: &Vec3, area_bar: f64) -> [Vec3; 3] {
    let [a, b, c] = corners;
    let (u, v) = (b - a, c - a);
    let across = u.cross(&v);
    // d ln|u x v| = n . (du x v + u x dv)/|u x v|.
    let relative = across * (area_bar * area / across.norm_squared());
    let (u_bar, v_bar) = (v.cross(&relative), relative.cross(&u));
    let [at_a, at_b, at_c] = barycentric(corners, point).map(|share| point_bar * share);
    [at_a - u_bar - v_bar, at_b + u_bar, at_c + v_bar]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::touch::{plane_of, plane_of_vjp};
    use crate::math::difference::slope;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn adjoints_of_triangles_are_the_transposes_of_their_tangents(
            x in prop::array::uniform9(-1.0..1.0f64), v in prop::array::uniform9(-1.0..1.0f64),
            w in prop::array::uniform8(-1.0..1.0f64), share in 0.0..1.0f64,
        ) {
            let three = |x: &[f64]| [Vec3::new(x[0], x[1], x[2]), Vec3::new(x[3], x[4], x[5]), Vec3::new(x[6], x[7], x[8])];
            let (corners, by) = (three(&x), three(&v));
            let size = |[a, b, c]: &[Vec3; 3]| (b - a).cross(&(c - a)).norm() / 2.0;
            prop_assume!(size(&corners) > 0.2);
            let moved = |h: f64| std::array::from_fn(|i| corners[i] + by[i] * h);
            let (bar, other) = (Vec3::new(w[0], w[1], w[2]), Vec3::new(w[3], w[4], w[5]));
            let dot = |bars: [Vec3; 3]| bars.iter().zip(&by).map(|(bar, by)| bar.dot(by)).sum::<f64>();

            let plane = |h: f64| {
                let (point, normal) = plane_of(&moved(h));
                bar.dot(&normal) + w[6] * normal.dot(&point)
            };
            let (_, expected) = slope([1e-3, 5e-4], plane);
            let found = dot(plane_of_vjp(&corners, &bar, w[6]));
            prop_assert!((found - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{} {}", found, expected);

            let point = corners[0] + (corners[1] - corners[0]) * (0.5 * share) + (corners[2] - corners[0]) * (0.4 - 0.3 * share);
            let shares = barycentric(&corners, &point);
            let attached = |h: f64| {
                let now: [Vec3; 3] = moved(h);
                let at: Vec3 = (0..3).map(|i| now[i] * shares[i]).sum();
                other.dot(&at) + w[7] * 0.3 * size(&now) / size(&corners)
            };
            prop_assert!(((0..3).map(|i| corners[i] * shares[i]).sum::<Vec3>() - point).norm() < 1e-12);
            let (_, expected) = slope([1e-3, 5e-4], attached);
            let found = dot(attached_vjp(&corners, &point, 0.3, &other, w[7]));
            prop_assert!((found - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{} {}", found, expected);
        }
    }
}
