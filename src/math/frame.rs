//! Directions, angles and rotations (theory.md, section "Conventions").

use super::{Mat3, Vec3};

/// Zenith [0, pi] and azimuth (-pi, pi] of a unit vector `k` [rad] (T1). The azimuth of the zenith is 0.
pub fn angles_of(k: &Vec3) -> (f64, f64) {
    // atan2 keeps full precision near the poles, where acos loses half of the digits.
    let horizontal = k.x.hypot(k.y);
    let phi = if horizontal == 0.0 { 0.0 } else { libm::atan2(k.y, k.x) };
    (libm::atan2(horizontal, k.z), phi)
}

/// The unit vector at zenith `theta` and azimuth `phi` [rad] (T1).
pub fn direction_of(theta: f64, phi: f64) -> Vec3 {
    let (sin_theta, cos_theta) = libm::sincos(theta);
    let (sin_phi, cos_phi) = libm::sincos(phi);
    Vec3::new(sin_theta * cos_phi, sin_theta * sin_phi, cos_theta)
}

/// The unit vectors theta^ and phi^ at direction `k` (T2); at the zenith those of azimuth 0.
pub fn spherical_basis(k: &Vec3) -> (Vec3, Vec3) {
    let horizontal = k.x.hypot(k.y);
    let (cos_phi, sin_phi) = if horizontal == 0.0 { (1.0, 0.0) } else { (k.x / horizontal, k.y / horizontal) };
    (Vec3::new(k.z * cos_phi, k.z * sin_phi, -horizontal), Vec3::new(-sin_phi, cos_phi, 0.0))
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

    #[test]
    fn tangents_complete_the_frame() {
        for n in [Vec3::z(), -Vec3::z(), direction_of(1.0, 2.0), direction_of(3.0, -1.0)] {
            let (u, v) = tangents_of(&n);
            assert!((u.cross(&v) - n).norm() < 1e-14 && u.dot(&v).abs() < 1e-14);
        }
    }
}
