//! Where scattering points look for a sheet (T83), and where rays cross it.

use super::grid::Sheet;
use crate::math::Vec3;
use crate::math::phase::sincos_of_turns;
use std::f64::consts::PI;

/// A sheet as rays see it, with all that is the same for every ray.
pub struct Screen<'a> {
    /// The cells, local [m].
    pub sheet: &'a Sheet,
    /// Unit vectors in the plane.
    axes: [Vec3; 2],
    /// Unit normal.
    pub normal: Vec3,
    /// Area of a cell [m2].
    pub area: f64,
    /// The corners of the whole [m, local].
    pub corners: [Vec3; 4],
}

/// Where a ray crosses a sheet.
pub struct Crossing {
    /// How far along the ray [m].
    pub distance: f64,
    /// The place [m, local].
    pub point: Vec3,
    /// The cell there.
    pub cell: u32,
    /// Cosine of the angle to the sheet's normal, 0 or above [-].
    pub slope: f64,
}

impl<'a> Screen<'a> {
    /// That of a sheet of `cells`, local.
    pub fn new(sheet: &'a Sheet) -> Screen<'a> {
        let across = sheet.step_u.cross(&sheet.step_v);
        let [u, v] = sheet.cells.map(|n| n as f64);
        Screen {
            sheet,
            axes: [sheet.step_u.normalize(), sheet.step_v.normalize()],
            normal: across.normalize(),
            area: across.norm(),
            corners: [[0.0, 0.0], [u, 0.0], [0.0, v], [u, v]].map(|[u, v]| sheet.at(u, v)),
        }
    }

    /// How far from `origin` along `k` the plane is [m]; no number where they do not meet.
    pub fn distance(&self, origin: &Vec3, k: &Vec3) -> f64 {
        (self.sheet.corner - origin).dot(&self.normal) / k.dot(&self.normal)
    }

    /// Where the ray from `origin` along `k` crosses a cell.
    pub fn crossing(&self, origin: &Vec3, k: &Vec3) -> Option<Crossing> {
        let (slope, distance) = (k.dot(&self.normal), self.distance(origin, k));
        // Written so that a ray in the plane, whose distance is no number, is out.
        if !(distance > 0.0 && distance < f64::INFINITY) {
            return None;
        }
        let point = origin + k * distance;
        Some(Crossing { distance, point, cell: self.sheet.cell_at(&point)?, slope: slope.abs() })
    }

    /// Whether nothing of the sheet is on the side of a surface at `point` that `outward` points to.
    pub fn is_behind(&self, point: &Vec3, outward: &Vec3) -> bool {
        self.corners.iter().all(|corner| (corner - point).dot(outward) <= 0.0)
    }

    /// How squarely a surface at `point`, whose outside `outward` points to, faces the plane: the cosine of the angle between
    /// its normal and the way to the plane, 0 where that is beyond 90 degrees [-].
    pub fn facing(&self, point: &Vec3, outward: &Vec3) -> f64 {
        let height = self.normal.dot(&(point - self.sheet.corner));
        (outward.dot(&self.normal) * -1f64.copysign(height)).max(0.0)
    }

    /// Where a scattering point looks.
    pub fn target_of(&self, point: &Vec3) -> Target<'_> {
        let height = self.normal.dot(&(point - self.sheet.corner));
        let foot = point - self.normal * height;
        let far = self.corners.iter().map(|corner| (corner - foot).norm_squared()).fold(0.0, f64::max);
        let height = height.abs().max(Target::LEAST_HEIGHT_M).powi(2);
        Target { screen: self, foot, height, log_reach: libm::log1p(far / height) }
    }
}

/// Where a scattering point looks for the sheet: about its foot in the plane, with a density that falls as the square of the
/// distance, as what it scatters there does.
pub struct Target<'a> {
    screen: &'a Screen<'a>,
    /// The foot [m, local].
    foot: Vec3,
    /// Square of the height over the plane [m2], or of the least that counts.
    height: f64,
    /// ln(1 + R^2/h^2) [-].
    log_reach: f64,
}

impl Target<'_> {
    /// Points nearer to the sheet than this look at it as from here [m].
    const LEAST_HEIGHT_M: f64 = 0.05;

    /// Density of the draws at a point of the plane [1/m2].
    pub fn density(&self, point: &Vec3) -> f64 {
        1.0 / (PI * self.log_reach * ((point - self.foot).norm_squared() + self.height))
    }

    /// A point of the sheet and its cell, by two numbers in [0, 1); `None` where it falls beside the sheet.
    pub fn drawn(&self, [first, second]: [f64; 2]) -> Option<(Vec3, u32)> {
        let radius = (self.height * libm::expm1(first * self.log_reach)).sqrt();
        let (sin, cos) = sincos_of_turns(second);
        let [u, v] = &self.screen.axes;
        let point = self.foot + u * (radius * cos) + v * (radius * sin);
        Some((point, self.screen.sheet.cell_at(&point)?))
    }
}
