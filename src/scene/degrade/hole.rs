//! Holes: the facets nearest to points strewn in space, as many as have the area asked for.
//!
//! One point lies at random in each cube of a lattice, so that a hole is where a ball meets the surface: connected, and
//! the same on both sides of a wall and about a corner, as what no scanner has seen is.

use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use rayon::prelude::*;
use std::f64::consts::PI;

/// Points in space, one a cube.
#[derive(Clone)]
pub(super) struct Holes {
    key: [u32; 2],
    /// Side of a cube [m].
    side: f64,
    /// The cube that was asked for last.
    cube: Option<[i64; 3]>,
    /// The points of this cube and of those about it [m].
    points: Vec<Vec3>,
}

/// What the counter of a hole's random numbers ends with.
const PURPOSE: u32 = 2;

impl Holes {
    /// Balls of `diameter` [m] about the points fill about the `share` of space, and so of any surface.
    pub(super) fn new(key: [u32; 2], share: f64, diameter: f64) -> Holes {
        Holes { key, side: diameter * libm::cbrt(PI / 6.0 / share), cube: None, points: Vec::new() }
    }

    /// Distance of a place from the nearest point [m]; beyond the side of a cube, of one of the nearest.
    pub(super) fn distance(&mut self, place: &Vec3) -> f32 {
        let cube = [0, 1, 2].map(|axis| (place[axis] / self.side).floor() as i64);
        if self.cube != Some(cube) {
            self.cube = Some(cube);
            self.points.clear();
            for i in 0..27 {
                let [x, y, z] = [cube[0] + i % 3 - 1, cube[1] + i / 3 % 3 - 1, cube[2] + i / 9 - 1];
                let words = philox([x as u32, y as u32, z as u32, PURPOSE], self.key);
                let at = |index: i64, word: u32| (index as f64 + unit_interval(word)) * self.side;
                self.points.push(Vec3::new(at(x, words[0]), at(y, words[1]), at(z, words[2])));
            }
        }
        self.points.iter().map(|point| (point - place).norm_squared()).fold(f64::INFINITY, f64::min).sqrt() as f32
    }
}

/// The distance up to which faces (distance [m], area [m^2]) have this area in all [m^2]; -1 if none does.
pub(super) fn reach(mut faces: Vec<(f32, f32)>, area: f64) -> f32 {
    faces.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut reach, mut sum) = (-1.0, 0.0);
    // The pieces of one facet have one distance, and go together.
    for facet in faces.chunk_by(|a, b| a.0 == b.0) {
        let own: f64 = facet.iter().map(|(_, area)| f64::from(*area)).sum();
        if sum + own / 2.0 > area {
            break;
        }
        sum += own;
        reach = facet[0].0;
    }
    reach
}
