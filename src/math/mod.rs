//! Vectors, complex numbers, frames, phase and random numbers. Pure functions; nothing allocates.

#[cfg(test)]
pub mod difference;
pub mod frame;
pub mod phase;
pub mod quadrature;
pub mod random;
pub mod smoothing;

/// A point or direction in space [m] or [-].
pub type Vec3 = nalgebra::Vector3<f64>;
/// A rotation matrix.
pub type Mat3 = nalgebra::Matrix3<f64>;
/// A complex number.
pub type C64 = num_complex::Complex<f64>;
/// A Jones vector: complex amplitudes along (theta, phi) or (s, p).
pub type Jones = nalgebra::Vector2<C64>;
/// A Jones matrix: maps the Jones vector at departure to the one at arrival.
pub type JonesMatrix = nalgebra::Matrix2<C64>;
/// A complex field vector in space.
pub type CVec3 = nalgebra::Vector3<C64>;

/// 1/z, of numbers whose squares neither vanish nor overflow: with one division.
pub fn inverse(z: C64) -> C64 {
    z.conj() * (1.0 / z.norm_sqr())
}

/// The bounds of points [m]; of none: from +infinity to -infinity.
pub fn bounds_of(points: &[Vec3]) -> (Vec3, Vec3) {
    let nothing = (Vec3::repeat(f64::INFINITY), Vec3::repeat(f64::NEG_INFINITY));
    points.iter().fold(nothing, |(low, high), p| (low.inf(p), high.sup(p)))
}
