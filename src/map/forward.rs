//! The sampled part of a map: what is scattered (T83).
//!
//! A ray carries a wave from the transmitter. Where it meets a surface it goes on specularly or is scattered, drawn by
//! lot, and the wave is divided by the root of the chance. Where a scattered wave crosses the sheet it leaves its power in
//! the cell, over the area that the ray stands for there. That alone would be wild: a wave that grazes the sheet stands
//! for a vast area. So scattering points are also connected with one point of the sheet, drawn as its distance falls,
//! and the two ways of reaching a point share it by the balance heuristic. Lobes of any width cost the same, and no chain
//! of interactions is left out; waves that were only reflected are not counted, since the exact part holds them.
//!
//! What is likely to bring little is done by lot, and counts for more when it is done. The chances are those that gave the
//! smallest error for the time in Munich (docs/performance.md); any others would be as right.

use super::fed::Fed;
use super::target::{Crossing, Screen, Target};
use super::way::{How, Turn, Way, leaving};
use crate::geometry::Geometry;
use crate::interaction::reflection::mirror;
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use crate::path::beam::signed_distance;
use crate::path::corners::turns_through;
use crate::path::launch::owner;
use crate::scene::material::Surface;

/// The chance that a wave is scattered where it might be reflected as well: of one that nothing has scattered yet, since
/// what is only reflected is not counted, and of others, since most surfaces reflect more than they scatter. Not the share
/// of the power: chances that moved with the materials would make the map jump, and its gradient with it.
const FIRST_CHANCE: f64 = 0.7;
const NEXT_CHANCE: f64 = 0.2;
/// The chance that a wave goes on behind a point where the pattern of a surface scatters it.
const ON_CHANCE: f64 = 0.5;
/// By how much less often a surface that faces the sheet looks at it than one that stands upon it: all that it scatters
/// crosses the sheet anyway, and what it would look at is mostly hidden.
const FACING_LOSS: f64 = 0.9;

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
    /// The cells, local.
    pub screen: Screen<'a>,
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

/// A point of the sheet that a scattering point may see.
pub struct Sight<'a> {
    /// The scattering point [m, local].
    pub from: Vec3,
    /// The point of the sheet [m, local].
    pub to: Vec3,
    /// Patch of the scattering point.
    pub skip: u32,
    /// The cell there.
    cell: u32,
    /// Among which points it was drawn.
    target: Target<'a>,
}

/// What a ray draws its lots by.
#[derive(Debug, Clone, Copy)]
pub struct Lots {
    /// Key of the random numbers.
    pub key: [u32; 2],
    /// The ray.
    pub ray: u64,
}

/// What four random numbers of an interaction are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What becomes of the wave, and where it goes.
    Turn = 0x100,
    /// Points of the sheet: two numbers of a lobe's, two of a pattern's.
    Sight = 0x200,
}

impl Lots {
    /// The random words of the interaction at `depth`.
    pub fn words(&self, depth: u32, purpose: Purpose) -> [u32; 4] {
        let Lots { key, ray } = *self;
        // Of the waves of a ray only one goes on from hit to hit: the last number tells interactions apart once more.
        philox([ray as u32, (ray >> 32) as u32, depth, purpose as u32 | depth], key)
    }
}

impl Forward<'_> {
    /// Where the last leg of a way crosses a cell, if it counts.
    pub fn crossing(&self, way: &Way) -> Option<Crossing> {
        let turn = way.turns.last().filter(|turn| turn.counts)?;
        self.screen.crossing(&turn.at, &turn.k)
    }

    /// What the last leg of a way, which counts, leaves where it crosses the sheet.
    pub fn deposit(&self, way: &mut Way, crossing: &Crossing) -> Option<Deposit> {
        let Crossing { distance, point, cell, slope } = crossing;
        if !way.is_sound(self.geometry) || !way.reaches(self.geometry, point) {
            return None;
        }
        let turn = *way.turns.last()?;
        let field = way.field(self, way.turns.len());
        let power = self.receiver.received(&turn.k, &field, self.frequency);
        let excess = turn.length + distance - (point - self.position).norm();
        // Per area of the sheet: by rays in this direction, and by connections.
        let share = if turn.density > 0.0 {
            let by_rays = turn.density * slope / (distance * distance);
            by_rays / (by_rays + turn.look * self.screen.target_of(&turn.at).density(point))
        } else {
            1.0
        };
        Some(Deposit { cell: *cell, gain: share * power / (slope * self.screen.area), excess })
    }

    /// What may become of a wave whose last leg meets `triangle` of `patch` at `distance` [m]: scattering by a lobe, which
    /// ends it, and what goes on.
    pub fn turns(&self, way: &Way, (triangle, patch, distance): (u32, u32, f64), lots: &Lots) -> [Option<Turn>; 2] {
        let (leg, before) = (way.turns.len(), way.turns.last());
        let (origin, k) = (way.origin(leg), way.k(leg));
        let facets = &self.geometry.facets;
        let mut at = origin + k * distance;
        let facet = owner(self.geometry, triangle, patch, &at);
        let plane = &facets.planes[patch as usize];
        let n = Vec3::from(plane.normal);
        at -= n * signed_distance(&at, plane);
        let material = facets.material[facet as usize];
        let surface = &self.surfaces[material as usize];
        let length = before.map_or(0.0, |turn| turn.length) + (at - origin).norm();
        let scattered = before.is_some_and(|turn| turn.scattered);
        let [choice, numbers @ ..] = lots.words(way.depth(), Purpose::Turn).map(unit_interval);
        let has_lobe = self.lobe && surface.lobe.is_some();
        let reflected = Turn {
            at,
            n,
            triangle,
            facet,
            patch,
            material,
            length,
            how: How::Specular,
            chance: 1.0,
            k: mirror(&k, &n),
            density: 0.0,
            look: 1.0,
            looks: false,
            scattered,
            counts: scattered && !has_lobe,
        };
        let scatter = |how, chance, lot| {
            let look = self.look_chance(how, &at, &n, &k);
            let goes_on = lot < on_chance(how);
            // Drawn for those alone that go on.
            let on = if goes_on { drawn(how, surface, &k, &n, numbers) } else { None };
            let (k, density) = on.unwrap_or((n, 0.0));
            let looks = lot >= 1.0 - look;
            Turn { how, chance, k, density, look, looks, scattered: true, counts: true, ..reflected }
        };
        // A specular wave that nothing can scatter any more is the exact part's.
        let goes_on = self.specular && (scattered || way.depth() + 1 < self.max_depth);
        let chance = match (self.diffuse && surface.scatters(), goes_on) {
            (true, true) if scattered => NEXT_CHANCE,
            (true, true) => FIRST_CHANCE,
            (true, false) => 1.0,
            (false, _) => 0.0,
        };
        let on = if choice < chance {
            Some(scatter(How::Diffuse, chance, choice / chance))
        } else {
            goes_on.then_some(Turn { chance: 1.0 - chance, ..reflected })
        };
        [has_lobe.then(|| scatter(How::Lobe, 1.0, 0.0)), on]
    }

    /// The chance that a point of a surface of normal `n`, which a wave meets along `k`, looks at the sheet.
    fn look_chance(&self, how: How, at: &Vec3, n: &Vec3, k: &Vec3) -> f64 {
        match how {
            How::Diffuse => 1.0 - FACING_LOSS * self.screen.facing(at, &outward(n, k)),
            How::Lobe | How::Specular => 1.0,
        }
    }

    /// A point of the sheet for the last turn of a way, where the wave is scattered.
    pub fn sight(&self, way: &Way, lots: &Lots) -> Option<Sight<'_>> {
        let leg = way.turns.len() - 1;
        let turn = &way.turns[leg];
        let outward = outward(&turn.n, &way.k(leg));
        // Nothing is transmitted.
        if !turn.looks || self.screen.is_behind(&turn.at, &outward) {
            return None;
        }
        let [a, b, c, d] = lots.words(leg as u32, Purpose::Sight).map(unit_interval);
        let target = self.screen.target_of(&turn.at);
        let (to, cell) = target.drawn(if turn.how == How::Lobe { [a, b] } else { [c, d] })?;
        let is_before = (to - turn.at).dot(&outward) > 0.0;
        is_before.then_some(Sight { from: turn.at, to, skip: turn.patch, cell, target })
    }

    /// What the last turn of a way leaves at a point of the sheet that it sees.
    pub fn seen(&self, way: &mut Way, sight: &Sight) -> Option<Deposit> {
        let Sight { from, to, skip, cell, target } = sight;
        if !way.is_sound(self.geometry) {
            return None;
        }
        if way.corner().is_some_and(|before| turns_through(self.geometry, &before, (from, *skip), to)) {
            return None;
        }
        let leg = way.turns.len() - 1;
        let (turn, k_i) = (way.turns[leg], way.k(leg));
        let along = to - from;
        let distance = along.norm();
        let k_s = along / distance;
        let field = leaving(self, &way.field(self, leg), &k_i, &turn, &k_s);
        let power = self.receiver.received(&k_s, &field, self.frequency);
        if !(power > 0.0 && power.is_finite()) {
            return None;
        }
        let squared = distance * distance;
        let surface = &self.surfaces[turn.material as usize];
        let by_rays = density(turn.how, surface, &k_i, &turn.n, &k_s) * k_s.dot(&self.screen.normal).abs() / squared;
        let by_looks = turn.look * target.density(to);
        let gain = power / (squared * self.screen.area * turn.chance * (by_rays + by_looks));
        let excess = turn.length + distance - (to - self.position).norm();
        Some(Deposit { cell: *cell, gain, excess })
    }
}

/// The normal `n` of a surface on the side from which a wave along `k` meets it.
fn outward(n: &Vec3, k: &Vec3) -> Vec3 {
    n * -1f64.copysign(k.dot(n))
}

/// The chance that a scattered wave goes on.
fn on_chance(how: How) -> f64 {
    match how {
        How::Diffuse => ON_CHANCE,
        How::Lobe | How::Specular => 1.0,
    }
}

/// Draws the direction of a wave that is scattered and goes on, by numbers in [0, 1), and its density [1/sr], of all
/// scattered waves together; `None` where it would enter the surface.
fn drawn(how: How, surface: &Surface, k: &Vec3, n: &Vec3, [first, second, third]: [f64; 3]) -> Option<(Vec3, f64)> {
    let drawn = match (how, &surface.lobe) {
        (How::Lobe, Some(lobe)) => lobe.sample(k, n, second, third),
        (How::Lobe | How::Diffuse | How::Specular, _) => surface.scattering.sample(k, n, first, second, third),
    };
    drawn.map(|drawn| (drawn.k_s, drawn.density * on_chance(how)))
}

/// The density with which [`drawn`] draws a direction [1/sr].
fn density(how: How, surface: &Surface, k: &Vec3, n: &Vec3, k_s: &Vec3) -> f64 {
    on_chance(how)
        * match (how, &surface.lobe) {
            (How::Lobe, Some(lobe)) => lobe.sample_density(k, n, k_s),
            (How::Lobe | How::Diffuse | How::Specular, _) => surface.scattering.sample_density(k, n, k_s),
        }
}
