//! The sampled part of a map: what is scattered (T83).
//!
//! A ray carries a wave from the transmitter. Where it meets a surface it goes on specularly or is scattered, drawn by the
//! lot, and the wave is divided by the root of the chance. Where a scattered wave crosses the sheet it leaves
//! its power in the cell, over the area that the ray stands for there. So no ray is tested for visibility in vain, lobes of
//! any width cost the same, and no chain of interactions is left out; waves that were only reflected are not counted, since
//! the exact part holds them.

use super::grid::Sheet;
use crate::geometry::Geometry;
use crate::interaction::reflection::{self, mirror};
use crate::interaction::scattering;
use crate::layout::NONE;
use crate::math::random::{philox, unit_interval};
use crate::math::{C64, CVec3, Vec3};
use crate::path::beam::signed_distance;
use crate::path::field::End;
use crate::path::launch::owner;
use crate::scene::material::Surface;

/// The chance that a wave is scattered where it might be reflected as well: what is only reflected is not counted, so that
/// the shares of power are no guide.
const EVEN_CHANCE: f64 = 0.5;

/// Power that a wave leaves in a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deposit {
    /// The cell.
    pub cell: u32,
    /// Path gain, as a mean over the cell, of all rays together were they all like this one [-].
    pub gain: f64,
    /// Length of the way beyond the direct one [m].
    pub excess: f64,
}

/// What a ray needs to know.
pub struct Forward<'a> {
    /// The scene.
    pub geometry: &'a Geometry<'a>,
    /// Surfaces of its materials at the carrier `[material]`.
    pub surfaces: &'a [Surface],
    /// The cells, local [m].
    pub sheet: &'a Sheet,
    /// Carrier [Hz].
    pub frequency: f64,
    /// Largest number of interactions.
    pub max_depth: u32,
    /// Whether waves go on specularly.
    pub specular: bool,
    /// Whether waves are scattered diffusely.
    pub diffuse: bool,
    /// Whether lobes stand for last reflections.
    pub lobe: bool,
    /// Where waves start: the transmitter, and its weights.
    pub source: Fed<'a>,
    /// The receiver in every cell.
    pub receiver: Fed<'a>,
    /// Where the transmitter stands, local [m].
    pub position: Vec3,
}

/// A radio whose ports are weighted.
pub struct Fed<'a> {
    /// The radio.
    pub end: End<'a>,
    /// Weights of its ports, or `None`: fed alike, or powers that add up.
    pub weights: Option<&'a [C64]>,
}

/// A wave on its way.
#[derive(Clone)]
pub struct Wave {
    /// Where the leg begins, local [m].
    pub origin: Vec3,
    /// Unit direction.
    pub k: Vec3,
    /// The field, without spreading.
    pub field: CVec3,
    /// Patch that the leg begins at, or [`NONE`].
    pub skip: u32,
    /// Length of the way so far [m].
    pub length: f64,
    /// Interactions so far.
    pub depth: u32,
    /// Whether the leg counts: something has scattered, and the last reflection is not one that a lobe stands for.
    pub counts: bool,
    /// Whether anything has scattered.
    pub scattered: bool,
    /// Whether the wave ends with this leg.
    pub ends: bool,
}

impl Forward<'_> {
    /// The wave that leaves in direction `k`.
    pub fn first(&self, k: Vec3) -> Wave {
        let field = self.source.transmitted(&k, self.frequency);
        let (origin, skip) = (self.position, NONE);
        Wave { origin, k, field, skip, length: 0.0, depth: 0, counts: false, scattered: false, ends: false }
    }

    /// What a leg of `reach` [m] leaves on the sheet.
    pub fn deposit(&self, wave: &Wave, reach: f64) -> Option<Deposit> {
        if !wave.counts {
            return None;
        }
        let Sheet { corner, step_u, step_v, cells } = self.sheet;
        let across = step_u.cross(step_v);
        let area = across.norm();
        let slope = wave.k.dot(&across) / area;
        let distance = (corner - wave.origin).dot(&across) / (slope * area);
        // Written so that a ray in the plane, whose distance is no number, is out.
        if !(distance > 0.0 && distance < reach) {
            return None;
        }
        let at = wave.origin + wave.k * distance - corner;
        let [u, v] = [step_u, step_v].map(|step| (at.dot(step) / step.norm_squared()).floor());
        if !(u >= 0.0 && v >= 0.0 && u < cells[0] as f64 && v < cells[1] as f64) {
            return None;
        }
        let cell = (v as usize * cells[0] + u as usize) as u32;
        let power = self.receiver.received(&wave.k, &wave.field, self.frequency);
        let excess = wave.length + distance - (wave.origin + wave.k * distance - self.position).norm();
        Some(Deposit { cell, gain: power / (slope.abs() * area), excess })
    }

    /// What becomes of a wave that meets `triangle` of `patch` at `distance` [m]: the waves that go on, two at the most.
    pub fn met(&self, wave: &Wave, hit: (u32, u32, f64), words: [u32; 4], next: &mut Vec<Wave>) {
        let (triangle, patch, distance) = hit;
        if wave.ends || wave.depth >= self.max_depth {
            return;
        }
        let facets = &self.geometry.facets;
        let mut position = wave.origin + wave.k * distance;
        let facet = owner(self.geometry, triangle, patch, &position);
        let plane = &facets.planes[patch as usize];
        let n = Vec3::from(plane.normal);
        position -= n * signed_distance(&position, plane);
        let surface = &self.surfaces[facets.material[facet as usize] as usize];
        let [choice, rest @ ..] = words.map(unit_interval);
        let on = Wave {
            origin: position,
            skip: patch,
            length: wave.length + (position - wave.origin).norm(),
            depth: wave.depth + 1,
            ..wave.clone()
        };
        let last = on.depth == self.max_depth;
        if let Some(lobe) = surface.lobe.as_ref().filter(|_| self.lobe) {
            if let Some(sampled) = lobe.sample(&wave.k, &n, rest) {
                let field = scattering::lobe(&wave.field, &wave.k, &n, &sampled.direction, surface, self.frequency);
                let field = field * C64::from(1.0 / sampled.density.sqrt());
                let k = sampled.direction;
                next.push(Wave { k, field, counts: true, scattered: true, ends: true, ..on.clone() });
            }
        }
        let scattering = (self.diffuse && surface.scatters()).then_some(&surface.scattering);
        // A specular wave that nothing can scatter any more is the exact part's.
        let goes_on = self.specular && (on.scattered || !last);
        let chance = match (scattering, goes_on) {
            (Some(_), true) => EVEN_CHANCE,
            (Some(_), false) => 1.0,
            (None, _) => 0.0,
        };
        if choice < chance {
            let Some(sampled) = scattering.and_then(|pattern| pattern.sample(&wave.k, &n, rest)) else { return };
            let k = sampled.direction;
            let field = scattering::diffuse(&wave.field, &wave.k, &n, &k, surface, self.frequency);
            let field = field * C64::from(1.0 / (sampled.density * chance).sqrt());
            next.push(Wave { k, field, counts: true, scattered: true, ..on });
        } else if goes_on {
            let coefficients =
                reflection::coefficients(surface, reflection::cos_incidence(&wave.k, &n), self.frequency);
            let field = reflection::reflect(&wave.field, &wave.k, &n, &coefficients);
            let field = field * C64::from(1.0 / (1.0 - chance).sqrt());
            let counts = on.scattered && !(self.lobe && surface.lobe.is_some());
            next.push(Wave { k: mirror(&wave.k, &n), field, counts, ..on });
        }
    }
}

/// The random numbers of one interaction of a ray.
pub fn words_of(key: [u32; 2], ray: u64, depth: u32, branch: u32) -> [u32; 4] {
    philox([ray as u32, (ray >> 32) as u32, depth, 0x100 | branch], key)
}

impl Fed<'_> {
    /// The field that leaves in direction `k` between weighted ports, without spreading.
    pub fn transmitted(&self, k: &Vec3, frequency: f64) -> CVec3 {
        let ports = self.end.in_space(k, frequency);
        match self.weights {
            None => {
                let count = ports.len() as f64;
                ports.into_iter().sum::<CVec3>() * C64::from(1.0 / count.sqrt())
            }
            Some(weights) => ports.into_iter().zip(weights).map(|(port, weight)| port * *weight).sum(),
        }
    }

    /// The power that is received of a field that arrives along `k`.
    pub fn received(&self, k: &Vec3, field: &CVec3, frequency: f64) -> f64 {
        let of_port = |port: &CVec3| port.x * field.x + port.y * field.y + port.z * field.z;
        let ports = self.end.in_space(&-k, frequency);
        match self.weights {
            None => ports.iter().map(|port| of_port(port).norm_sqr()).sum(),
            Some(weights) => ports.iter().zip(weights).map(|(port, w)| of_port(port) * w).sum::<C64>().norm_sqr(),
        }
    }
}
