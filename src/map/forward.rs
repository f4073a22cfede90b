//! The sampled part of a map: what is scattered (T83).
//!
//! A ray carries a wave from the transmitter. Where it meets a surface it goes on specularly or is scattered, drawn by
//! lot, and the wave is divided by the root of the chance. Where a scattered wave crosses the sheet it leaves its power in
//! the cell, over the area that the ray stands for there. That alone would be wild: a wave that grazes the sheet stands
//! for a vast area. So every scattering point is also connected with one point of the sheet, drawn as its distance falls,
//! and the two ways of reaching a point share it by the balance heuristic. Lobes of any width cost the same, and no chain
//! of interactions is left out; waves that were only reflected are not counted, since the exact part holds them.

use super::grid::Sheet;
use crate::geometry::Geometry;
use crate::interaction::reflection::{self, mirror};
use crate::interaction::scattering;
use crate::layout::NONE;
use crate::math::random::{philox, unit_interval};
use crate::math::{C64, CVec3, Vec3};
use crate::path::beam::signed_distance;
use crate::path::corners::{RayLeg, is_at_seam, turns_through};
use crate::path::field::End;
use crate::path::launch::owner;
use crate::scene::material::Surface;
use std::f64::consts::{PI, TAU};

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
    /// Density with which the direction was drawn at a scattering point, where the leg begins there [1/sr]; otherwise 0.
    pub density: f64,
    /// Whether the wave ends with this leg.
    pub ends: bool,
    /// The point before the leg, if it begins where surfaces meet.
    pub corner: Option<Vec3>,
}

impl Wave {
    fn leg(&self) -> RayLeg {
        RayLeg { from: self.origin, skip: self.skip, before: self.corner }
    }
}

/// A point of the sheet that a scattering point may see.
pub struct Sight {
    /// The scattering point [m, local].
    pub from: Vec3,
    /// The point of the sheet [m, local].
    pub to: Vec3,
    /// Patch of the scattering point.
    pub skip: u32,
    /// What is left there if nothing stands in the way.
    pub deposit: Deposit,
}

/// What comes of a wave that meets a surface.
#[derive(Default)]
pub struct Onward {
    /// Waves that go on, two at the most.
    pub waves: Vec<Wave>,
    /// Points of the sheet to be looked at.
    pub sights: Vec<Sight>,
}

/// How a wave is scattered.
#[derive(Clone, Copy)]
enum How {
    Diffuse,
    Lobe,
}

impl Forward<'_> {
    /// The wave that leaves in direction `k`.
    pub fn first(&self, k: Vec3) -> Wave {
        let field = self.source.transmitted(&k, self.frequency);
        let (origin, skip) = (self.position, NONE);
        Wave {
            origin,
            k,
            field,
            skip,
            length: 0.0,
            depth: 0,
            counts: false,
            scattered: false,
            density: 0.0,
            ends: false,
            corner: None,
        }
    }

    /// What a leg of `reach` [m] leaves on the sheet.
    pub fn deposit(&self, wave: &Wave, reach: f64) -> Option<Deposit> {
        if !wave.counts {
            return None;
        }
        let Sheet { corner, step_u, step_v, .. } = self.sheet;
        let across = step_u.cross(step_v);
        let area = across.norm();
        let slope = wave.k.dot(&across) / area;
        let distance = (corner - wave.origin).dot(&across) / (slope * area);
        // Written so that a ray in the plane, whose distance is no number, is out.
        if !(distance > 0.0 && distance < reach) {
            return None;
        }
        let crossing = wave.origin + wave.k * distance;
        let cell = self.sheet.cell_at(&crossing)?;
        if !wave.leg().reaches(self.geometry, &crossing, NONE, false) {
            return None;
        }
        let power = self.receiver.received(&wave.k, &wave.field, self.frequency);
        let excess = wave.length + distance - (crossing - self.position).norm();
        // Per area of the sheet: by rays in this direction, and by connections.
        let share = if wave.density > 0.0 {
            let by_rays = wave.density * slope.abs() / (distance * distance);
            by_rays / (by_rays + Target::of(self.sheet, &wave.origin).density(&crossing))
        } else {
            1.0
        };
        Some(Deposit { cell, gain: share * power / (slope.abs() * area), excess })
    }

    /// What becomes of a wave that meets `triangle` of `patch` at `distance` [m].
    pub fn met(&self, wave: &Wave, hit: (u32, u32, f64), words: [[u32; 4]; 2], next: &mut Onward) {
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
        let seam = is_at_seam(self.geometry, patch, &position);
        if !wave.leg().reaches(self.geometry, &position, patch, seam) {
            return;
        }
        let surface = &self.surfaces[facets.material[facet as usize] as usize];
        let on = Wave {
            origin: position,
            skip: patch,
            length: wave.length + (position - wave.origin).norm(),
            depth: wave.depth + 1,
            density: 0.0,
            corner: seam.then_some(wave.origin),
            ..wave.clone()
        };
        let [[choice, first, second, third], more] = words.map(|words| words.map(unit_interval));
        if self.lobe && surface.lobe.is_some() {
            self.scatter(
                How::Lobe,
                surface,
                (&wave.k, &n),
                &on,
                1.0,
                ([first, second, third], [more[0], more[1]]),
                next,
            );
        }
        let diffuse = self.diffuse && surface.scatters();
        // A specular wave that nothing can scatter any more is the exact part's.
        let goes_on = self.specular && (on.scattered || on.depth < self.max_depth);
        let chance = match (diffuse, goes_on) {
            (true, true) => EVEN_CHANCE,
            (true, false) => 1.0,
            (false, _) => 0.0,
        };
        if choice < chance {
            let numbers = ([first, second, third], [more[2], more[3]]);
            self.scatter(How::Diffuse, surface, (&wave.k, &n), &on, chance, numbers, next);
        } else if goes_on {
            let cosine = reflection::cos_incidence(&wave.k, &n);
            let coefficients = reflection::coefficients(surface, cosine, self.frequency);
            let field = reflection::reflect(&wave.field, &wave.k, &n, &coefficients);
            let field = field * C64::from(1.0 / (1.0 - chance).sqrt());
            let counts = on.scattered && !(self.lobe && surface.lobe.is_some());
            next.waves.push(Wave { k: mirror(&wave.k, &n), field, counts, ..on });
        }
    }

    /// Scatters a wave that arrived along `k` at a surface of normal `n`: one ray on, and one point of the sheet.
    #[allow(clippy::too_many_arguments)]
    fn scatter(
        &self,
        how: How,
        surface: &Surface,
        (k, n): (&Vec3, &Vec3),
        on: &Wave,
        chance: f64,
        ([first, second, third], towards): ([f64; 3], [f64; 2]),
        next: &mut Onward,
    ) {
        let scattered = |k_s: &Vec3| match how {
            How::Diffuse => scattering::diffuse(&on.field, k, n, k_s, surface, self.frequency),
            How::Lobe => scattering::lobe(&on.field, k, n, k_s, surface, self.frequency),
        };
        let density = |k_s: &Vec3| match (how, &surface.lobe) {
            (How::Lobe, Some(lobe)) => lobe.sample_density(k, n, k_s),
            (How::Diffuse | How::Lobe, _) => surface.scattering.sample_density(k, n, k_s),
        };
        let drawn = match (how, &surface.lobe) {
            (How::Lobe, Some(lobe)) => lobe.sample(k, n, second, third),
            (How::Diffuse | How::Lobe, _) => surface.scattering.sample(k, n, first, second, third),
        };
        if let Some(drawn) = drawn {
            let field = scattered(&drawn.k_s) * C64::from(1.0 / (drawn.density * chance).sqrt());
            let ends = matches!(how, How::Lobe);
            let (k, density) = (drawn.k_s, drawn.density);
            next.waves.push(Wave { k, field, density, counts: true, scattered: true, ends, ..on.clone() });
        }
        let target = Target::of(self.sheet, &on.origin);
        let Some((to, cell)) = target.drawn(self.sheet, towards) else { return };
        if on.corner.is_some_and(|before| turns_through(self.geometry, &before, (&on.origin, on.skip), &to)) {
            return;
        }
        let along = to - on.origin;
        let distance = along.norm();
        let k_s = along / distance;
        let power = self.receiver.received(&k_s, &scattered(&k_s), self.frequency);
        if !(power > 0.0 && power.is_finite()) {
            return;
        }
        let across = self.sheet.step_u.cross(&self.sheet.step_v);
        let area = across.norm();
        let squared = distance * distance;
        let by_rays = density(&k_s) * (k_s.dot(&across) / area).abs() / squared;
        let gain = power / (squared * area * chance * (by_rays + target.density(&to)));
        let excess = on.length + distance - (to - self.position).norm();
        let (from, skip) = (on.origin, on.skip);
        next.sights.push(Sight { from, to, skip, deposit: Deposit { cell, gain, excess } });
    }
}

/// Where a scattering point looks for the sheet: about its foot in the plane, with a density that falls as the square of the
/// distance, as what it scatters there does.
struct Target {
    /// The foot [m, local].
    foot: Vec3,
    /// Square of the height over the plane [m2], or of the least that counts.
    height: f64,
    /// Square of the distance of the sheet's farthest corner from the foot over `height` [-].
    reach: f64,
    /// Unit vectors in the plane.
    axes: [Vec3; 2],
}

impl Target {
    /// Points nearer to the sheet than this look at it as from here [m].
    const LEAST_HEIGHT_M: f64 = 0.05;

    fn of(sheet: &Sheet, point: &Vec3) -> Target {
        let axes = [sheet.step_u.normalize(), sheet.step_v.normalize()];
        let normal = axes[0].cross(&axes[1]);
        let height = normal.dot(&(point - sheet.corner));
        let foot = point - normal * height;
        let [u, v] = sheet.cells.map(|n| n as f64);
        let corners = [[0.0, 0.0], [u, 0.0], [0.0, v], [u, v]].map(|[u, v]| sheet.at(u, v));
        let far = corners.iter().map(|corner| (corner - foot).norm_squared()).fold(0.0, f64::max);
        let height = height.abs().max(Self::LEAST_HEIGHT_M).powi(2);
        Target { foot, height, reach: far / height, axes }
    }

    /// Density of the draws at a point of the plane [1/m2].
    fn density(&self, point: &Vec3) -> f64 {
        1.0 / (PI * libm::log1p(self.reach) * ((point - self.foot).norm_squared() + self.height))
    }

    /// A point of the sheet and its cell, by two numbers in [0, 1); `None` where it falls beside the sheet.
    fn drawn(&self, sheet: &Sheet, [first, second]: [f64; 2]) -> Option<(Vec3, u32)> {
        let radius = (self.height * libm::expm1(first * libm::log1p(self.reach))).sqrt();
        let (sin, cos) = libm::sincos(TAU * second);
        let point = self.foot + self.axes[0] * (radius * cos) + self.axes[1] * (radius * sin);
        Some((point, sheet.cell_at(&point)?))
    }
}

/// The random numbers of one interaction of a ray.
pub fn words_of(key: [u32; 2], ray: u64, depth: u32, branch: u32) -> [[u32; 4]; 2] {
    [0x100, 0x200].map(|block| philox([ray as u32, (ray >> 32) as u32, depth, block | branch], key))
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
