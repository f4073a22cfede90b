//! Rays, and the exact tests of triangles (T42, T43).
//!
//! Rays fly in f32 and are watertight (Woop, Benthin, Wald 2013): two triangles that share an edge compute the same
//! edge function with opposite signs, so no ray slips between them; the test itself is in [`super::simd`]. Visibility
//! is decided in f64, edges included.

use crate::layout::{ROUNDING, ROUNDINGS_OF_A_SLAB, ROUNDINGS_OF_AN_EDGE};
use crate::math::Vec3;

/// A ray in f32, with the shear that takes its direction to the z axis.
#[derive(Debug, Clone, Copy)]
pub struct Ray {
    /// Origin [m].
    pub origin: [f32; 3],
    /// Direction, any length.
    pub direction: [f32; 3],
    /// What boxes are tested with.
    pub slabs: Slabs,
    /// The axes in the order (x, y, z) of the sheared frame: z is the direction's largest component.
    pub axes: [usize; 3],
    /// What the shear takes off x and y for each unit of z, and the scale of z.
    pub shear: [f32; 3],
}

/// What a ray is where it meets boxes.
#[derive(Debug, Clone, Copy)]
pub struct Slabs {
    /// Origin where the side of a box is concerned that is met first [m]; ahead of the ray's own where boxes are padded.
    pub near_origin: [f32; 3],
    /// The same for the side that is met last; behind the ray's own where boxes are padded.
    pub far_origin: [f32; 3],
    /// 1 / direction; infinite where a component is zero.
    pub inverse: [f32; 3],
    /// Which of a box's corners holds the side that is met first `[axis]`: 0 the lower, 1 the upper one.
    pub near_corner: [usize; 3],
}

impl Ray {
    /// A ray from `origin` along `direction`, which is not zero.
    #[inline(always)]
    pub fn new(origin: [f32; 3], direction: [f32; 3]) -> Ray {
        Ray::padded(origin, direction, 0.0)
    }

    /// A ray from `origin` along `direction` in f64.
    #[inline(always)]
    pub fn from_f64(origin: &Vec3, direction: &Vec3) -> Ray {
        Ray::new(to_f32(origin), to_f32(direction))
    }

    /// The segment from `from` over `along` in f64, neither it nor the scene with a coordinate beyond `reach` [m], as a
    /// ray that enters every box that the segment touches.
    #[inline(always)]
    pub fn along_segment(from: &Vec3, along: &Vec3, reach: f32) -> Ray {
        Ray::padded(to_f32(from), to_f32(along), ROUNDINGS_OF_A_SLAB * ROUNDING * reach)
    }

    /// The error of a sheared coordinate, where neither ray nor triangle has a coordinate beyond `reach` [m].
    #[inline(always)]
    pub fn margin(reach: f32) -> f32 {
        ROUNDINGS_OF_AN_EDGE * ROUNDING * reach
    }

    /// A ray whose boxes are padded by `pad` [m].
    #[inline(always)]
    pub fn padded(origin: [f32; 3], direction: [f32; 3], pad: f32) -> Ray {
        let size = direction.map(f32::abs);
        let kz = if size[0] > size[1] && size[0] > size[2] { 0 } else { 1 + usize::from(size[2] >= size[1]) };
        let (mut kx, mut ky) = ((kz + 1) % 3, (kz + 2) % 3);
        // Swapping keeps the winding.
        if direction[kz] < 0.0 {
            std::mem::swap(&mut kx, &mut ky);
        }
        let inverse = direction.map(|d| 1.0 / d);
        let shear = [direction[kx] / direction[kz], direction[ky] / direction[kz], inverse[kz]];
        let shifted = |sign: f32| [0, 1, 2].map(|axis| origin[axis] + sign * pad.copysign(inverse[axis]));
        let near_corner = inverse.map(|i| usize::from(i < 0.0));
        let slabs = Slabs { near_origin: shifted(1.0), far_origin: shifted(-1.0), inverse, near_corner };
        Ray { origin, direction, slabs, axes: [kx, ky, kz], shear }
    }
}

#[inline(always)]
fn to_f32(p: &Vec3) -> [f32; 3] {
    [p.x as f32, p.y as f32, p.z as f32]
}

/// Parameter in [0, 1] at which the segment from `p` along `d` crosses the triangle, edges included; `None` where it
/// misses or lies in the triangle's plane (T43).
pub fn intersect_segment(p: &Vec3, d: &Vec3, corners: &[Vec3; 3]) -> Option<f64> {
    let [a, b, c] = corners.map(|corner| corner - p);
    // Signed volumes of the tetrahedra that the segment makes with each edge.
    let u = d.dot(&c.cross(&b));
    let v = d.dot(&a.cross(&c));
    let w = d.dot(&b.cross(&a));
    if !((u >= 0.0 && v >= 0.0 && w >= 0.0) || (u <= 0.0 && v <= 0.0 && w <= 0.0)) {
        return None;
    }
    let normal = (b - a).cross(&(c - a));
    let speed = normal.dot(d);
    if speed == 0.0 {
        return None;
    }
    let t = normal.dot(&a) / speed;
    (0.0..=1.0).contains(&t).then_some(t)
}

/// Whether `p`, projected along `normal`, lies in the triangle or within `tolerance` [m] of its edges' lines.
pub fn contains(corners: &[Vec3; 3], normal: &Vec3, p: &Vec3, tolerance: f64) -> bool {
    let [a, b, c] = corners;
    let sign = 1f64.copysign((b - a).cross(&(c - a)).dot(normal));
    [(a, b), (b, c), (c, a)].iter().all(|(from, to)| {
        let edge = *to - *from;
        // The distance of p from the edge's line, inwards, times the edge's length.
        sign * edge.cross(&(p - *from)).dot(normal) >= -tolerance * edge.norm()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNERS: [Vec3; 3] = [Vec3::new(0.0, 0.0, 0.0), Vec3::new(2.0, 0.0, 0.0), Vec3::new(0.0, 2.0, 0.0)];

    #[test]
    fn a_segment_ends_where_it_ends() {
        let p = Vec3::new(0.5, 0.5, 1.0);
        assert_eq!(intersect_segment(&p, &Vec3::new(0.0, 0.0, -2.0), &CORNERS), Some(0.5));
        assert_eq!(intersect_segment(&p, &Vec3::new(0.0, 0.0, -0.9), &CORNERS), None);
        assert_eq!(intersect_segment(&p, &Vec3::new(0.0, 0.0, 2.0), &CORNERS), None);
        assert_eq!(intersect_segment(&Vec3::new(-1.0, 0.5, 0.0), &Vec3::new(2.0, 0.0, 0.0), &CORNERS), None);
    }

    #[test]
    fn a_point_near_an_edge_is_inside_by_the_tolerance() {
        for (x, inside) in [(0.5, true), (-5e-7, true), (-2e-6, false)] {
            assert_eq!(contains(&CORNERS, &Vec3::z(), &Vec3::new(x, 0.5, 7.0), 1e-6), inside, "{x}");
            assert_eq!(contains(&CORNERS, &-Vec3::z(), &Vec3::new(x, 0.5, 7.0), 1e-6), inside, "{x}");
        }
    }
}
