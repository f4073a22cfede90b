//! What becomes of a facet, and how it tilts: random numbers keyed by the facet or by the place of a vertex, so that
//! they depend neither on threads nor on the order of the work.

use super::{DegradeOptions, Facet};
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use std::f64::consts::TAU;

/// What the counter of a facet's random numbers ends with.
const PURPOSE: u32 = 1;
/// Keeps the numbers of vertices, whose counters are coordinates, apart from those of facets.
const VERTEX_KEY: u32 = 0x5eed_0f0f;

/// Random decisions under one seed.
#[derive(Clone)]
pub(super) struct Fates {
    key: [u32; 2],
    /// Standard deviation of the tilt about each axis [rad].
    tilt: f64,
    /// Standard deviation of each coordinate [m].
    noise: f64,
    missing: f64,
    duplicate: f64,
}

/// The fate of one facet.
pub(super) struct Fate {
    /// Whether it is left out.
    pub(super) missing: bool,
    /// Whether it stands twice.
    pub(super) duplicate: bool,
    /// Rise along its two axes [-].
    slopes: [f64; 2],
}

impl Fates {
    /// Takes what it needs of the options.
    pub(super) fn new(options: &DegradeOptions) -> Fates {
        Fates {
            key: options.key(),
            tilt: options.normal_noise_deg.to_radians(),
            noise: options.vertex_noise_m,
            missing: options.missing_share,
            duplicate: options.duplicate_share,
        }
    }

    /// Whether facets tilt, and so have no vertex in common.
    pub(super) fn tilts(&self) -> bool {
        self.tilt > 0.0
    }

    /// Whether vertices move.
    pub(super) fn moves_vertices(&self) -> bool {
        self.noise > 0.0
    }

    /// Room for the duplicates of this many triangles: a tenth more than their mean, which chance hardly exceeds.
    pub(super) fn duplicates_of(&self, triangles: usize) -> usize {
        (triangles as f64 * self.duplicate * 1.1) as usize
    }

    /// The fate of a facet. Its normal turns by an angle of normal distribution about each of two axes: in all by one of
    /// Rayleigh's distribution, whatever its direction.
    pub(super) fn of(&self, facet: &Facet) -> Fate {
        let [a, b, c] = facet.key;
        let words = philox([a, b, c, PURPOSE], self.key).map(unit_interval);
        let (sin, cos) = libm::sincos(TAU * words[1]);
        let rise = libm::tan(self.tilt * rayleigh(words[0]));
        Fate {
            missing: words[2] < self.missing,
            duplicate: words[3] < self.duplicate,
            slopes: [rise * cos, rise * sin],
        }
    }

    /// A vertex where its noise moves it. The noise belongs to the place, so that what meets there stays together.
    pub(super) fn moved(&self, vertex: &Vec3) -> Vec3 {
        if self.noise == 0.0 {
            return *vertex;
        }
        let [x, y, z] = [vertex.x, vertex.y, vertex.z].map(|x| {
            let bits = (x + 0.0).to_bits();
            [bits as u32, (bits >> 32) as u32]
        });
        let key = [self.key[0], self.key[1] ^ VERTEX_KEY];
        let words = philox([x[0], x[1], y[0], y[1]], key);
        let words = philox([words[0] ^ z[0], words[1] ^ z[1], words[2], words[3]], key).map(unit_interval);
        let [first, second] = [rayleigh(words[0]), rayleigh(words[2])].map(|radius| self.noise * radius);
        let (sin, cos) = libm::sincos(TAU * words[1]);
        vertex + Vec3::new(first * cos, first * sin, second * libm::cos(TAU * words[3]))
    }
}

impl Fate {
    /// A point of the facet where its tilt moves it: along the normal of the wall, so that the outline that a wave at
    /// normal incidence sees stays closed.
    pub(super) fn tilted(&self, facet: &Facet, point: &Vec3) -> Vec3 {
        let offset = point - facet.centre;
        let rise = self.slopes[0] * facet.axes[0].dot(&offset) + self.slopes[1] * facet.axes[1].dot(&offset);
        point - facet.axes[2] * rise
    }
}

/// The length of a pair of normal numbers with variance 1 (Box and Muller 1958), from a uniform one in [0, 1).
fn rayleigh(uniform: f64) -> f64 {
    // 1 - u lies in (0, 1], where the logarithm is finite.
    (-2.0 * libm::log(1.0 - uniform)).sqrt()
}
