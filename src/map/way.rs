//! The way of a ray through the scene: where it turned, and what it carries, as far as anyone has asked.
//!
//! Most rays end in the sky, and nobody asks what they carried. So fields, and whether f64 agrees with every leg, are
//! found out when a ray may leave something in a cell, and remembered.

use super::bundle::{Part, Recorder, Worth};
use super::forward::{Deposit, Forward};
use crate::geometry::Geometry;
use crate::interaction::{reflection, scattering};
use crate::layout::NONE;
use crate::math::{C64, CVec3, Vec3};
use crate::path::Interaction;
use crate::path::beam::signed_distance;
use crate::path::corners::{RayLeg, is_at_seam};
use crate::path::refine::Vertex;

/// How a wave turns at a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is reflected.
    Specular,
    /// It is scattered by the pattern of the surface.
    Diffuse,
    /// It is scattered by the lobe of the surface, and ends with the next leg.
    Lobe,
}

/// A point where a wave turns.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// The point [m, local].
    pub at: Vec3,
    /// Unit normal of the surface, on either side.
    pub n: Vec3,
    /// Triangle that was met.
    pub triangle: u32,
    /// Facet that owns the point.
    pub facet: u32,
    /// Patch of the point.
    pub patch: u32,
    /// Material of the surface.
    pub material: u32,
    /// Length of the way so far [m].
    pub length: f64,
    /// What becomes of the wave.
    pub how: How,
    /// The chance that this becomes of it [-].
    pub chance: f64,
    /// Unit direction in which it leaves.
    pub k: Vec3,
    /// Density with which a scattered direction was drawn, of all scattered waves together [1/sr]: 0 where the wave ends here,
    /// by lot or because it would enter the surface. 0 of a reflection.
    pub density: f64,
    /// The chance that the point looks at the sheet, 1 of a reflection, which does not [-].
    pub look: f64,
    /// Whether it does.
    pub looks: bool,
    /// Whether anything has scattered so far.
    pub scattered: bool,
    /// Whether the leg behind counts: something has scattered, and this is no reflection that a lobe stands for.
    pub counts: bool,
}

impl Turn {
    /// Whether there is a leg behind it.
    pub fn goes_on(&self) -> bool {
        self.how == How::Specular || self.density > 0.0
    }

    /// What a path keeps of it, which is met along `k`.
    fn met(&self, k: Vec3) -> Met {
        let Turn { at, triangle, facet, how, .. } = *self;
        Met { k, at, triangle, facet, how }
    }
}

/// What a path keeps of a turn.
#[derive(Debug, Clone, Copy)]
pub struct Met {
    /// Unit direction in which the point is met.
    pub k: Vec3,
    /// The point [m, local].
    pub at: Vec3,
    /// Triangle that was met.
    pub triangle: u32,
    /// Facet that owns the point.
    pub facet: u32,
    /// What becomes of the wave.
    pub how: How,
}

impl Met {
    /// The same as the vertex of a path; scattering, it stands for the unit of area.
    fn vertex(&self, geometry: &Geometry) -> Vertex {
        let Geometry { scene, bvh, facets } = geometry;
        let Met { at, triangle, facet, .. } = *self;
        // Where facets coincide, the ray has met any of them.
        let own = (facets.of_triangle[triangle as usize] != facet).then(|| facets.triangle_at(scene, bvh, facet, &at));
        let met = Vertex::reflection(at, facet, own.flatten().unwrap_or(triangle));
        match self.how {
            How::Specular => met,
            How::Diffuse => Vertex { interaction: Interaction::Diffuse, area: 1.0, ..met },
            How::Lobe => Vertex { interaction: Interaction::Lobe, area: 1.0, ..met },
        }
    }
}

/// Takes what ways leave in cells.
pub trait Take {
    /// Takes what a way leaves whose last leg ends at `to` [m, local].
    fn take(&mut self, way: &Way, to: &Vec3, deposit: Deposit);
}

impl Take for Vec<Deposit> {
    #[inline(always)]
    fn take(&mut self, _: &Way, _: &Vec3, deposit: Deposit) {
        self.push(deposit);
    }
}

impl<R> Take for Recorder<'_, R> {
    fn take(&mut self, way: &Way, to: &Vec3, deposit: Deposit) {
        if self.wants(deposit.cell) {
            let met = way.turns.iter().enumerate().map(|(leg, turn)| turn.met(way.k(leg)));
            self.record(&way.start, met, to, deposit);
        }
    }
}

impl<R> Recorder<'_, R> {
    /// Records as a path the way of a ray from `start` that turns at what it has `met` and ends at `to` [m, local] (T98). What
    /// a scattering vertex stands for is in the gain: any area will do.
    pub fn record(&mut self, start: &Vec3, met: impl Iterator<Item = Met>, to: &Vec3, deposit: Deposit) {
        let mut vertices = std::mem::take(&mut self.vertices);
        vertices.clear();
        let (mut at, mut length, mut last) = (*start, 0.0, *start);
        for met in met {
            // Turns lie where f32 has a ray meet them, a micrometre beside the ray. What it carried went along the ray: so
            // goes the path, whose end is moved as its last vertex is.
            let plane = self.geometry().facets.plane(met.facet);
            let step = -signed_distance(&at, plane) / met.k.dot(&Vec3::from(plane.normal));
            (at, length, last) = (at + met.k * step, length + step, met.at);
            vertices.push(Vertex { position: at, ..met.vertex(self.geometry()) });
        }
        self.vertices = vertices;
        let along = to - last;
        let Deposit { cell, gain, excess } = deposit;
        let part = Part { cell, worth: Worth::Gain(gain * self.scale), excess };
        self.push(at + along, length + along.norm(), part);
    }
}

/// A ray's way, and its last leg.
#[derive(Debug, Clone)]
pub struct Way {
    /// Where it begins [m, local].
    start: Vec3,
    /// Unit direction in which it begins.
    first: Vec3,
    /// Where it turned, in order.
    pub turns: Vec<Turn>,
    /// Fields `[leg]`, without spreading, of the first few legs.
    fields: Vec<CVec3>,
    /// For each of the first few turns the point before it, if it is where surfaces meet.
    corners: Vec<Option<Vec3>>,
    /// Whether f64 does not agree with a leg.
    is_lost: bool,
}

impl Way {
    /// One that has not begun.
    pub fn new(start: Vec3) -> Way {
        let (turns, fields, corners) = (Vec::new(), Vec::new(), Vec::new());
        Way { start, first: Vec3::zeros(), turns, fields, corners, is_lost: false }
    }

    /// Begins anew, in direction `k`.
    pub fn begin(&mut self, k: Vec3) {
        self.first = k;
        self.turns.clear();
        self.fields.clear();
        self.corners.clear();
        self.is_lost = false;
    }

    /// Turns.
    pub fn push(&mut self, turn: Turn) {
        self.turns.push(turn);
    }

    /// Takes the last turn back.
    pub fn pop(&mut self) {
        self.turns.pop();
        self.fields.truncate(self.turns.len() + 1);
        self.corners.truncate(self.turns.len());
    }

    /// Interactions so far.
    pub fn depth(&self) -> u32 {
        self.turns.len() as u32
    }

    /// Where a leg begins [m, local].
    pub fn origin(&self, leg: usize) -> Vec3 {
        if leg == 0 { self.start } else { self.turns[leg - 1].at }
    }

    /// Unit direction of a leg.
    pub fn k(&self, leg: usize) -> Vec3 {
        if leg == 0 { self.first } else { self.turns[leg - 1].k }
    }

    /// Patch that a leg begins at, or [`NONE`].
    pub fn skip(&self, leg: usize) -> u32 {
        if leg == 0 { NONE } else { self.turns[leg - 1].patch }
    }

    /// The point before the last leg, if it begins where surfaces meet; known once the way is known to be sound.
    pub fn corner(&self) -> Option<Vec3> {
        self.corners.last().copied().flatten()
    }

    /// A leg for f64 to look at, all turns before it being known.
    fn ray_leg(&self, leg: usize) -> RayLeg {
        let before = if leg == 0 { None } else { self.corners[leg - 1] };
        RayLeg { from: self.origin(leg), skip: self.skip(leg), before }
    }

    /// Whether f64 agrees with every leg that ends at a turn.
    pub fn is_sound(&mut self, geometry: &Geometry) -> bool {
        while !self.is_lost && self.corners.len() < self.turns.len() {
            let leg = self.corners.len();
            let Turn { at, patch, .. } = &self.turns[leg];
            let seam = is_at_seam(geometry, *patch, at);
            self.is_lost = !self.ray_leg(leg).reaches(geometry, at, *patch, seam);
            self.corners.push(seam.then_some(self.origin(leg)));
        }
        !self.is_lost
    }

    /// Whether f64 agrees with the last leg up to a point in the air, all legs before it being sound.
    pub fn reaches(&self, geometry: &Geometry, point: &Vec3) -> bool {
        self.ray_leg(self.turns.len()).reaches(geometry, point, NONE, false)
    }

    /// The field that a leg carries, without spreading.
    pub fn field(&mut self, forward: &Forward, leg: usize) -> CVec3 {
        while self.fields.len() <= leg {
            let next = match self.fields.last() {
                None => forward.source.transmitted(&self.first, forward.frequency),
                Some(field) => {
                    let turn = &self.turns[self.fields.len() - 1];
                    let share = match turn.how {
                        How::Specular => turn.chance,
                        How::Diffuse | How::Lobe => turn.chance * turn.density,
                    };
                    let k_i = self.k(self.fields.len() - 1);
                    leaving(forward, field, &k_i, turn, &turn.k) * C64::from(1.0 / share.sqrt())
                }
            };
            self.fields.push(next);
        }
        self.fields[leg]
    }
}

/// What leaves a turn in direction `k_s` of a field that arrives along `k_i`; scattered fields per root of solid angle.
pub fn leaving(forward: &Forward, field: &CVec3, k_i: &Vec3, turn: &Turn, k_s: &Vec3) -> CVec3 {
    let (surface, frequency) = (&forward.surfaces[turn.material as usize], forward.frequency);
    match turn.how {
        How::Specular => {
            let cosine = reflection::cos_incidence(k_i, &turn.n);
            let coefficients = reflection::coefficients(surface, cosine, frequency);
            reflection::reflect(field, k_i, &turn.n, &coefficients)
        }
        How::Diffuse => scattering::diffuse(field, k_i, &turn.n, k_s, surface, frequency),
        How::Lobe => scattering::lobe(field, k_i, &turn.n, k_s, surface, frequency),
    }
}
