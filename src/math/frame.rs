//! Directions, angles and rotations (theory.md, section "Conventions").

use super::{Mat3, Vec3};

/// The horizontal part of a unit vector [-], 0 below 1e-154. Not `hypot`, which every C library rounds in its own way.
pub fn horizontal_of(k: &Vec3) -> f64 {
    (k.x * k.x + k.y * k.y).sqrt()
}

/// Zenith [0, pi] and azimuth (-pi, pi] of a unit vector `k` [rad] (T1). The azimuth of the zenith is 0.
pub fn angles_of(k: &Vec3) -> (f64, f64) {
    // atan2 keeps full precision near the poles, where acos loses half of the digits.
    let horizontal = horizontal_of(k);
    let phi = if horizontal == 0.0 { 0.0 } else { libm::atan2(k.y, k.x) };
    (libm::atan2(horizontal, k.z), phi)
}

/// The adjoint of [`angles_of`]; adds to `k_bar`, whose coordinates count as free. The azimuth has no slope at the zenith
/// ([`is_pole`]): there nothing is added for it.
pub fn angles_of_vjp(k: &Vec3, theta_bar: f64, phi_bar: f64, k_bar: &mut Vec3) {
    let horizontal = horizontal_of(k);
    let squared = horizontal * horizontal + k.z * k.z;
    k_bar.z -= theta_bar * horizontal / squared;
    if horizontal > 0.0 {
        let (cos_phi, sin_phi) = (k.x / horizontal, k.y / horizontal);
        let (outwards, around) = (theta_bar * k.z / squared, phi_bar / horizontal);
        k_bar.x += outwards * cos_phi - around * sin_phi;
        k_bar.y += outwards * sin_phi + around * cos_phi;
    }
}

/// Whether `k` points along z exactly, where azimuth and basis have no derivative.
pub fn is_pole(k: &Vec3) -> bool {
    horizontal_of(k) == 0.0
}

/// The unit vector at zenith `theta` and azimuth `phi` [rad] (T1).
pub fn direction_of(theta: f64, phi: f64) -> Vec3 {
    let (sin_theta, cos_theta) = libm::sincos(theta);
    let (sin_phi, cos_phi) = libm::sincos(phi);
    Vec3::new(sin_theta * cos_phi, sin_theta * sin_phi, cos_theta)
}

/// The unit vectors theta^ and phi^ at direction `k` (T2); at the zenith those of azimuth 0.
pub fn spherical_basis(k: &Vec3) -> (Vec3, Vec3) {
    let horizontal = horizontal_of(k);
    let (cos_phi, sin_phi) = if horizontal == 0.0 { (1.0, 0.0) } else { (k.x / horizontal, k.y / horizontal) };
    (Vec3::new(k.z * cos_phi, k.z * sin_phi, -horizontal), Vec3::new(-sin_phi, cos_phi, 0.0))
}

/// The adjoint of [`spherical_basis`]; adds to `k_bar`, whose coordinates count as free, but at the poles ([`is_pole`]),
/// where the basis has no derivative.
pub fn spherical_basis_vjp(k: &Vec3, theta_hat_bar: &Vec3, phi_hat_bar: &Vec3, k_bar: &mut Vec3) {
    let horizontal = horizontal_of(k);
    if horizontal == 0.0 {
        return;
    }
    let (cos_phi, sin_phi) = (k.x / horizontal, k.y / horizontal);
    let cos_bar = theta_hat_bar.x * k.z + phi_hat_bar.y;
    let sin_bar = theta_hat_bar.y * k.z - phi_hat_bar.x;
    let around = (sin_bar * cos_phi - cos_bar * sin_phi) / horizontal;
    k_bar.x += -theta_hat_bar.z * cos_phi - around * sin_phi;
    k_bar.y += -theta_hat_bar.z * sin_phi + around * cos_phi;
    k_bar.z += theta_hat_bar.x * cos_phi + theta_hat_bar.y * sin_phi;
}

/// R = Rz(yaw) Ry(pitch) Rx(roll), from local to global coordinates (T3); `orientation` = [yaw, pitch, roll] [rad].
pub fn rotation_of(orientation: [f64; 3]) -> Mat3 {
    let (sa, ca) = libm::sincos(orientation[0]);
    let (sb, cb) = libm::sincos(orientation[1]);
    let (sc, cc) = libm::sincos(orientation[2]);
    Mat3::new(
        ca * cb,
        ca * sb * sc - sa * cc,
        ca * sb * cc + sa * sc, //
        sa * cb,
        sa * sb * sc + ca * cc,
        sa * sb * cc - ca * sc, //
        -sb,
        cb * sc,
        cb * cc,
    )
}

/// The adjoint of [`rotation_of`]; adds to `orientation_bar`.
pub fn rotation_of_vjp(orientation: [f64; 3], rotation_bar: &Mat3, orientation_bar: &mut [f64; 3]) {
    let rotation = rotation_of(orientation);
    // Each angle turns about an axis w: dR = [w]x R, and <R_bar, [w]x R> = w . sum over columns of r x r_bar.
    let turn: Vec3 = (0..3).map(|column| rotation.column(column).cross(&rotation_bar.column(column))).sum();
    let (sa, ca) = libm::sincos(orientation[0]);
    orientation_bar[0] += turn.z;
    orientation_bar[1] += ca * turn.y - sa * turn.x;
    orientation_bar[2] += rotation.column(0).dot(&turn);
}

/// The adjoint of v/|v|, whose length is `length` and whose direction `unit`: the bar of v.
pub fn normalized_vjp(unit: &Vec3, length: f64, unit_bar: &Vec3) -> Vec3 {
    (unit_bar - unit * unit.dot(unit_bar)) / length
}

/// Two unit vectors that complete the unit vector `n` to a right-handed frame (u, v, n) (Duff et al. 2017).
pub fn tangents_of(n: &Vec3) -> (Vec3, Vec3) {
    let sign = 1f64.copysign(n.z);
    let a = -1.0 / (sign + n.z);
    let b = n.x * n.y * a;
    (Vec3::new(1.0 + sign * n.x * n.x * a, sign * b, -sign * n.x), Vec3::new(b, sign + n.y * n.y * a, -n.y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;
    use std::f64::consts::{FRAC_PI_2, PI};

    #[test]
    fn angles_and_directions_are_inverse() {
        for theta in [1e-9, 0.3, FRAC_PI_2, 2.0, PI - 1e-9] {
            for phi in [-3.1, -FRAC_PI_2, 0.0, 1.0, PI] {
                let (theta_back, phi_back) = angles_of(&direction_of(theta, phi));
                assert!((theta - theta_back).abs() < 1e-14 && (phi - phi_back).abs() < 1e-6, "{theta} {phi}");
            }
        }
    }

    #[test]
    fn spherical_basis_is_right_handed() {
        for k in [Vec3::z(), -Vec3::z(), direction_of(0.7, 2.0), direction_of(2.7, -2.0)] {
            let (theta_hat, phi_hat) = spherical_basis(&k);
            assert!((theta_hat.cross(&phi_hat) - k).norm() < 1e-14, "{k}");
        }
    }

    #[test]
    fn yaw_turns_x_towards_y_and_pitch_tilts_x_down() {
        assert!((rotation_of([FRAC_PI_2, 0.0, 0.0]) * Vec3::x() - Vec3::y()).norm() < 1e-15);
        assert!((rotation_of([0.0, FRAC_PI_2, 0.0]) * Vec3::x() + Vec3::z()).norm() < 1e-15);
        assert!((rotation_of([0.0, 0.0, FRAC_PI_2]) * Vec3::y() - Vec3::z()).norm() < 1e-15);
    }

    /// A function of a vector, a direction of its argument and the bar of its result: <J u, bar> against the adjoint.
    fn check(k: &Vec3, found: Vec3, of: impl Fn(&Vec3) -> f64) {
        for axis in 0..3 {
            let (_, expected) = slope([1e-4, 5e-5], |h| of(&(k + Vec3::ith(axis, h))));
            assert!((found[axis] - expected).abs() < 1e-8 * (1.0 + found.norm()), "{k}: {found} {expected}");
        }
    }

    #[test]
    fn adjoints_are_those_of_central_differences() {
        let (a, b) = (Vec3::new(0.3, -1.2, 0.7), Vec3::new(-0.4, 0.2, 1.1));
        for k in [direction_of(0.3, 1.0), direction_of(2.9, -2.0), direction_of(FRAC_PI_2, 0.1) * 1.3] {
            let mut k_bar = Vec3::zeros();
            angles_of_vjp(&k, 0.7, -0.4, &mut k_bar);
            check(&k, k_bar, |k| 0.7 * angles_of(k).0 - 0.4 * angles_of(k).1);
            let mut k_bar = Vec3::zeros();
            spherical_basis_vjp(&k, &a, &b, &mut k_bar);
            check(&k, k_bar, |k| {
                let (theta, phi) = spherical_basis(k);
                a.dot(&theta) + b.dot(&phi)
            });
            check(&k, normalized_vjp(&k.normalize(), k.norm(), &a), |k| k.normalize().dot(&a));
        }
        let bar = Mat3::from_columns(&[a, b, a.cross(&b)]);
        for orientation in [[0.3, -0.7, 1.9], [-2.0, FRAC_PI_2, 0.0], [0.0; 3]] {
            let mut found = [0.0; 3];
            rotation_of_vjp(orientation, &bar, &mut found);
            check(&Vec3::from(orientation), Vec3::from(found), |o| rotation_of((*o).into()).dot(&bar));
        }
        let mut at_pole = Vec3::zeros();
        angles_of_vjp(&Vec3::z(), 1.0, 1.0, &mut at_pole);
        spherical_basis_vjp(&Vec3::z(), &a, &b, &mut at_pole);
        assert!(is_pole(&Vec3::z()) && at_pole == Vec3::zeros());
    }

    #[test]
    fn tangents_complete_the_frame() {
        for n in [Vec3::z(), -Vec3::z(), direction_of(1.0, 2.0), direction_of(3.0, -1.0)] {
            let (u, v) = tangents_of(&n);
            assert!((u.cross(&v) - n).norm() < 1e-14 && u.dot(&v).abs() < 1e-14);
        }
    }
}
