//! The adjoint of the field of one path: the walk of [`super::field`] forwards, keeping the field vectors, then backwards
//! (T90).
//!
//! Adds what the path gives to a [`Ledger`]; nothing is allocated but the ledger's growth, since scratch is kept from path
//! to path. Time is linear in the number of vertices, port pairs and carriers. Twin: cuda/path/field_vjp.cuh, in steps.

mod spans;

use super::adjoint::{EndBar, Ledger};
use super::field::{End, Feed};
use super::refine::{Image, PlaneBar};
use super::{ALL_ELEMENTS, Interaction, Paths};
use crate::channel::{Channel, ChannelBar};
use crate::constants::SPEED_OF_LIGHT;
use crate::geometry::Geometry;
use crate::interaction::fresnel::Coefficients;
use crate::interaction::reflection::{self, ReflectBar, inner};
use crate::interaction::scattering::{PartBar, ScatterBar, diffuse, diffuse_vjp, lobe, lobe_vjp};
use crate::interaction::{SurfaceBar, line_of_sight};
use crate::layout::{Plane, SAME};
use crate::map::fed::Fed;
use crate::math::frame::{angles_of_vjp, is_pole};
use crate::math::{C64, CVec3, Mat3, Vec3};
use crate::scene::material::Surface;
use std::f64::consts::TAU;

/// What all paths share.
pub(super) struct Walk<'a> {
    pub geometry: &'a Geometry<'a>,
    /// Surfaces `[carrier][material]` at the carriers of the channel.
    pub surfaces: &'a [Vec<Surface>],
    /// The place of the channel's first carrier among those of the ledger.
    pub first_carrier: usize,
    pub paths: &'a Paths,
    pub channel: &'a Channel,
    pub bars: &'a ChannelBar,
    /// What the channel's coefficients are of.
    pub feed: Feed,
    /// Whether the bar of the place that each path ends at is kept.
    pub keeps_places: bool,
    /// Whether bars of positions, orientations, offsets or vertices are wanted.
    pub moves: bool,
    /// Whether any of these moves the points or ends of paths.
    pub refines: bool,
    /// Whether bars of vertices are wanted.
    pub deforms: bool,
}

/// The ends of a path: (receiver, transmitter) where there are two of something.
pub(super) struct Ends<'a> {
    pub ends: [&'a End<'a>; 2],
    /// Positions of the radios [m, local].
    pub positions: [Vec3; 2],
    /// Numbers of the radios in the ledger.
    pub radios: [u32; 2],
    /// Numbers of their antennas.
    pub antennas: [u32; 2],
    /// Weights of the transmitter's ports.
    pub weights: Option<&'a [C64]>,
}

/// Why a path has no derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Singular {
    /// It leaves or meets an antenna along the antenna's own axis.
    Axis { is_transmitter: bool },
    /// It is scattered diffusely from or into the vertical.
    Vertical,
    /// The replay is not what the channel holds.
    Foreign,
}

/// Scratch of one path.
#[derive(Default)]
pub(super) struct Scratch {
    /// The direction in which the wave meets each vertex, and its bar.
    incoming: Vec<Vec3>,
    incoming_bar: Vec<Vec3>,
    /// The direction in which it leaves each vertex, and its bar where that is none of reflection.
    leaving: Vec<Vec3>,
    leaving_bar: Vec<Vec3>,
    normal_bar: Vec<Vec3>,
    /// Waves that are carried along the path: the transmitter's polarisations, or one.
    waves: usize,
    /// Field vectors `[vertex, wave]` that meet a vertex; behind the last one those that arrive.
    fields: Vec<CVec3>,
    field_bars: Vec<CVec3>,
    coefficients: Vec<Coefficients>,
    parts: Vec<PartBar>,
    /// Of the receiver and of the transmitter: field vectors `[polarisation]`, phases `[element]`, and bars.
    vectors: [Vec<Vec3>; 2],
    vectors_bar: [Vec<Vec3>; 2],
    phases: [Vec<C64>; 2],
    turns: [Vec<f64>; 2],
    offsets_bar: [Vec<Vec3>; 2],
    /// Bar of the coefficients without phases and spreading `[receiver's polarisation, wave]`.
    base_bar: Vec<C64>,
    ends: [EndBar; 2],
    departure_bar: Vec3,
    arrival_bar: Vec3,
    reach_bar: f64,
    planes: Vec<Plane>,
    planes_bar: Vec<PlaneBar>,
    points: Vec<Vec3>,
    images: Vec<Image>,
}

impl Walk<'_> {
    /// Adds everything that a path gives to `ledger`.
    ///
    /// # Errors
    /// The path has no derivative.
    pub(super) fn path_vjp(
        &self,
        path: usize,
        ends: &Ends,
        scratch: &mut Scratch,
        ledger: &mut Ledger,
    ) -> Result<(), Singular> {
        self.begin(path, ends, scratch);
        self.check(path, ends, scratch)?;
        let reach = self.paths.reach(path);
        for carrier in 0..self.channel.carriers.len() {
            self.carrier_vjp(path, carrier, reach, ends, scratch, ledger)?;
        }
        self.kinematics_vjp(path, ends, scratch, ledger);
        if self.moves {
            self.radiation_vjp(path, ends, scratch, ledger);
        }
        if self.refines {
            self.geometry_vjp(path, reach, ends, scratch, ledger);
        }
        for which in 0..2 {
            ledger.ends.push((ends.radios[which], scratch.ends[which]));
        }
        if self.keeps_places {
            ledger.places.push((path as u32, scratch.ends[0].position));
        }
        Ok(())
    }

    fn begin(&self, path: usize, ends: &Ends, scratch: &mut Scratch) {
        let (paths, vertices) = (self.paths, self.paths.vertices_of(path));
        let count = vertices.len();
        scratch.incoming.clear();
        scratch.leaving.clear();
        let mut k = paths.departure[path];
        for vertex in vertices {
            scratch.incoming.push(k);
            k = paths.leaving(path, vertex, &k);
            scratch.leaving.push(k);
        }
        for bars in [&mut scratch.incoming_bar, &mut scratch.leaving_bar, &mut scratch.normal_bar] {
            reset(bars, count);
        }
        for (which, k) in [-paths.arrival[path], paths.departure[path]].iter().enumerate() {
            let (end, elements) = (ends.ends[which], ends.ends[which].offsets.len());
            scratch.vectors[which].clear();
            scratch.vectors[which].extend(end.vectors(k));
            let polarisations = scratch.vectors[which].len();
            reset(&mut scratch.vectors_bar[which], polarisations);
            reset(&mut scratch.offsets_bar[which], elements);
            scratch.ends[which] = EndBar::default();
        }
        (scratch.departure_bar, scratch.arrival_bar, scratch.reach_bar) = (Vec3::zeros(), Vec3::zeros(), 0.0);
    }

    fn check(&self, path: usize, ends: &Ends, scratch: &Scratch) -> Result<(), Singular> {
        if !self.moves {
            return Ok(());
        }
        let paths = self.paths;
        for (which, k) in [-paths.arrival[path], paths.departure[path]].iter().enumerate() {
            if ends.ends[which].is_pole(k) {
                return Err(Singular::Axis { is_transmitter: which == 1 });
            }
        }
        let is_vertical = |(i, vertex): (usize, usize)| {
            self.refines
                && paths.interaction[vertex] == Interaction::Diffuse
                && (is_pole(&scratch.incoming[i]) || is_pole(&scratch.leaving[i]))
        };
        if paths.vertices_of(path).enumerate().any(is_vertical) { Err(Singular::Vertical) } else { Ok(()) }
    }

    fn surface_of<'s>(&self, surfaces: &'s [Surface], vertex: usize) -> (u32, &'s Surface) {
        let material = self.geometry.scene.objects[self.paths.object[vertex] as usize].material;
        (material, &surfaces[material as usize])
    }

    /// The adjoint of the coefficients at one carrier (T23).
    fn carrier_vjp(
        &self,
        path: usize,
        carrier: usize,
        reach: f64,
        ends: &Ends,
        scratch: &mut Scratch,
        ledger: &mut Ledger,
    ) -> Result<(), Singular> {
        let frequency = self.channel.carriers[carrier];
        let spreading = line_of_sight::spreading(reach, frequency);
        self.forward(path, carrier, ends, scratch);
        self.ports_vjp(path, carrier, spreading, ends, scratch)?;
        let mut frequency_bar = 0.0;
        let [receiving, sending] = [scratch.vectors[0].len(), scratch.waves];
        let arrived = scratch.fields.len() - sending;
        let mut spreading_bar = 0.0;
        scratch.field_bars.clear();
        for t in 0..sending {
            let (field, mut field_bar) = (scratch.fields[arrived + t], CVec3::zeros());
            for r in 0..receiving {
                let (vector, base_bar) = (scratch.vectors[0][r], scratch.base_bar[r * sending + t]);
                spreading_bar += (reflection::dot(&vector, &field).conj() * base_bar).re;
                scratch.vectors_bar[0][r] += inner(&field, base_bar * spreading);
                field_bar += reflection::scaled(&vector, base_bar * spreading);
            }
            scratch.field_bars.push(field_bar);
        }
        line_of_sight::spreading_vjp(reach, frequency, spreading_bar, &mut scratch.reach_bar, &mut frequency_bar);
        for vertex in self.paths.vertices_of(path).rev() {
            frequency_bar += self.vertex_vjp(path, vertex, carrier, scratch, ledger);
        }
        let Scratch { vectors_bar: [_, vectors_bar], field_bars, turns: [_, turns], .. } = scratch;
        match self.feed {
            Feed::EachPort => {
                for (vector_bar, field_bar) in vectors_bar.iter_mut().zip(field_bars) {
                    *vector_bar += field_bar.map(|x| x.re);
                }
            }
            Feed::Together => {
                let k = &self.paths.departure[path];
                fed(ends).transmitted_vjp(k, frequency, &field_bars[0], vectors_bar, turns);
            }
        }
        frequency_bar += self.phases_vjp(path, frequency, ends, scratch);
        ledger.carriers.push(((self.first_carrier + carrier) as u32, frequency_bar));
        Ok(())
    }

    /// The walk forwards: the fields that meet each vertex, and those that arrive.
    fn forward(&self, path: usize, carrier: usize, ends: &Ends, scratch: &mut Scratch) {
        let (frequency, surfaces) = (self.channel.carriers[carrier], &self.surfaces[carrier]);
        scratch.fields.clear();
        match self.feed {
            Feed::EachPort => scratch.fields.extend(scratch.vectors[1].iter().map(|vector| vector.map(C64::from))),
            Feed::Together => scratch.fields.push(fed(ends).transmitted(&self.paths.departure[path], frequency)),
        }
        let sending = scratch.fields.len();
        scratch.waves = sending;
        scratch.coefficients.clear();
        for (i, vertex) in self.paths.vertices_of(path).enumerate() {
            let (k, n, leaving) = (scratch.incoming[i], &self.paths.normal[vertex], scratch.leaving[i]);
            let surface = self.surface_of(surfaces, vertex).1;
            let mut coefficients = Coefficients::default();
            if self.paths.interaction[vertex] == Interaction::Reflection {
                coefficients = reflection::coefficients(surface, reflection::cos_incidence(&k, n), frequency);
            }
            scratch.coefficients.push(coefficients);
            for p in 0..sending {
                let field = &scratch.fields[i * sending + p];
                let next = match self.paths.interaction[vertex] {
                    Interaction::Reflection => reflection::reflect(field, &k, n, &coefficients),
                    Interaction::Diffuse => diffuse(field, &k, n, &leaving, surface, frequency),
                    Interaction::Lobe => lobe(field, &k, n, &leaving, surface, frequency),
                };
                scratch.fields.push(next);
            }
        }
    }

    /// From the bars of a path's coefficients to those of what they are without the phases of elements, and of the phases.
    fn ports_vjp(
        &self,
        path: usize,
        carrier: usize,
        spreading: f64,
        ends: &Ends,
        scratch: &mut Scratch,
    ) -> Result<(), Singular> {
        let frequency = self.channel.carriers[carrier];
        let directions = [-self.paths.arrival[path], self.paths.departure[path]];
        let elements = [self.paths.receiver_element[path], self.paths.transmitter_element[path]];
        for which in 0..2 {
            let (phases, end) = (&mut scratch.phases[which], ends.ends[which]);
            phases.clear();
            if elements[which] == ALL_ELEMENTS {
                phases.extend(end.phases(&directions[which], frequency));
            } else {
                phases.push(C64::ONE);
            }
            scratch.turns[which].clear();
            scratch.turns[which].resize(phases.len(), 0.0);
        }
        if self.feed == Feed::Together {
            // The wave has them already.
            scratch.phases[1].clear();
            scratch.phases[1].push(C64::ONE);
        }
        self.pairs_vjp(path, carrier, spreading, scratch)
    }

    /// From the bars of phases to directions and offsets; returns the bar of the frequency.
    fn phases_vjp(&self, path: usize, frequency: f64, ends: &Ends, scratch: &mut Scratch) -> f64 {
        let directions = [-self.paths.arrival[path], self.paths.departure[path]];
        let elements = [self.paths.receiver_element[path], self.paths.transmitter_element[path]];
        let mut frequency_bar = 0.0;
        for which in (0..2).filter(|which| elements[*which] == ALL_ELEMENTS) {
            let (k, end) = (directions[which], ends.ends[which]);
            let mut k_bar = Vec3::zeros();
            for (element, (d, turn)) in end.offsets.iter().zip(&scratch.turns[which]).enumerate() {
                // The phase is 2 pi f k.d/c.
                let radians = turn * TAU * frequency / SPEED_OF_LIGHT;
                k_bar += d * radians;
                scratch.offsets_bar[which][element] += k * radians;
                frequency_bar += turn * TAU * k.dot(d) / SPEED_OF_LIGHT;
            }
            if which == 0 { scratch.arrival_bar -= k_bar } else { scratch.departure_bar += k_bar }
        }
        frequency_bar
    }

    /// Every pair of ports: the bars of coefficients without phases, the turns of phases, and the gains.
    fn pairs_vjp(&self, path: usize, carrier: usize, spreading: f64, scratch: &mut Scratch) -> Result<(), Singular> {
        let [receiving, sending] = [scratch.vectors[0].len(), scratch.waves];
        let arrived = scratch.fields.len() - sending;
        scratch.base_bar.clear();
        let stored = self.channel.of_path(path, carrier);
        let start = self.channel.a_offsets[path] as usize + carrier * stored.len();
        let bars = &self.bars.a[start..start + stored.len()];
        let [phases_r, phases_t] = &scratch.phases;
        let (mut largest, mut apart, mut gain) = (0.0f64, 0.0f64, 0.0);
        let columns = sending * phases_t.len();
        for r in 0..receiving {
            for t in 0..sending {
                let field = &scratch.fields[arrived + t];
                let base = reflection::dot(&scratch.vectors[0][r], field) * spreading;
                // A coefficient in which polarisations cancel is known to the digits of what cancels.
                let whole = scratch.vectors[0][r].norm_squared() * field.norm_squared() * spreading * spreading;
                largest = largest.max(whole);
                let mut base_bar = C64::ZERO;
                for (i, phase_r) in phases_r.iter().enumerate() {
                    let first = (r * phases_r.len() + i) * columns + t * phases_t.len();
                    let row = first..first + phases_t.len();
                    for (j, ((a, bar), phase_t)) in stored[row.clone()].iter().zip(&bars[row]).zip(phases_t).enumerate()
                    {
                        let phase = phase_r * phase_t;
                        let replayed = base * phase;
                        apart = apart.max((replayed - a).norm_sqr());
                        let pulled = replayed.conj() * bar;
                        gain += pulled.re;
                        scratch.turns[0][i] += pulled.im;
                        scratch.turns[1][j] += pulled.im;
                        base_bar += phase.conj() * bar;
                    }
                }
                scratch.base_bar.push(base_bar);
            }
        }
        // A gain is a factor of the power: its root is one of the amplitude.
        scratch.ends.iter_mut().for_each(|end| end.gain += 0.5 * gain);
        if apart <= SAME * SAME * largest { Ok(()) } else { Err(Singular::Foreign) }
    }

    /// The adjoint of one vertex; returns the bar of the frequency.
    fn vertex_vjp(
        &self,
        path: usize,
        vertex: usize,
        carrier: usize,
        scratch: &mut Scratch,
        ledger: &mut Ledger,
    ) -> f64 {
        let (frequency, i) = (self.channel.carriers[carrier], vertex - self.paths.vertices_of(path).start);
        let sending = scratch.waves;
        let (material, surface) = self.surface_of(&self.surfaces[carrier], vertex);
        let (k, n, leaving) = (scratch.incoming[i], &self.paths.normal[vertex], scratch.leaving[i]);
        let fields = &scratch.fields[i * sending..(i + 1) * sending];
        let materials = self.geometry.scene.materials.len() as u32;
        let slot = (self.first_carrier + carrier) as u32 * materials + material;
        if self.paths.interaction[vertex] == Interaction::Reflection {
            let mut bar = ReflectBar::default();
            let coefficients = &scratch.coefficients[i];
            for (field, field_bar) in fields.iter().zip(&mut scratch.field_bars) {
                bar.field = CVec3::zeros();
                reflection::reflect_vjp(field, &k, n, coefficients, field_bar, &mut bar);
                *field_bar = bar.field;
            }
            let (mut surface_bar, mut cos_bar, mut frequency_bar) = (SurfaceBar::default(), 0.0, 0.0);
            let cos_theta = reflection::cos_incidence(&k, n);
            reflection::coefficients_vjp(
                surface,
                cos_theta,
                frequency,
                coefficients,
                &bar.coefficients,
                &mut surface_bar,
                &mut cos_bar,
                &mut frequency_bar,
            );
            reflection::cos_incidence_vjp(&k, n, cos_bar, &mut bar.k, &mut bar.n);
            scratch.incoming_bar[i] += bar.k;
            scratch.normal_bar[i] += bar.n;
            ledger.surfaces.push((slot, surface_bar));
            return frequency_bar;
        }
        let mut bar = ScatterBar::zero();
        let is_lobe = self.paths.interaction[vertex] == Interaction::Lobe;
        scratch.parts.clear();
        scratch.parts.resize(surface.scattering.parts.len(), PartBar::default());
        for (field, field_bar) in fields.iter().zip(&mut scratch.field_bars) {
            bar.field = CVec3::zeros();
            if is_lobe {
                lobe_vjp(field, &k, n, &leaving, surface, frequency, field_bar, &mut bar);
            } else {
                let parts = &mut scratch.parts;
                diffuse_vjp(field, &k, n, &leaving, surface, frequency, field_bar, &mut bar, parts);
            }
            *field_bar = bar.field;
        }
        scratch.incoming_bar[i] += bar.directions.k_i;
        scratch.normal_bar[i] += bar.directions.n;
        scratch.leaving_bar[i] += bar.directions.k_s;
        ledger.surfaces.push((slot, bar.surface));
        if !is_lobe {
            ledger.parts.extend(scratch.parts.iter().enumerate().map(|(part, bar)| ((material, part as u32), *bar)));
        }
        bar.frequency
    }

    /// The adjoints of angles and Doppler shifts (T1, T37).
    fn kinematics_vjp(&self, path: usize, ends: &Ends, scratch: &mut Scratch, ledger: &mut Ledger) {
        let (bars, carriers) = (self.bars, &self.channel.carriers);
        let (departure, arrival) = (self.paths.departure[path], self.paths.arrival[path]);
        angles_of_vjp(&departure, bars.theta_t[path], bars.phi_t[path], &mut scratch.departure_bar);
        let mut back_bar = Vec3::zeros();
        angles_of_vjp(&-arrival, bars.theta_r[path], bars.phi_r[path], &mut back_bar);
        scratch.arrival_bar -= back_bar;
        let [receiver, transmitter] = ends.ends;
        let speed = transmitter.velocity.dot(&departure) - receiver.velocity.dot(&arrival);
        for (carrier, frequency) in carriers.iter().enumerate() {
            let bar = bars.doppler[path * carriers.len() + carrier];
            if bar != 0.0 {
                let per_speed = bar * frequency / SPEED_OF_LIGHT;
                scratch.ends[1].velocity += departure * per_speed;
                scratch.ends[0].velocity -= arrival * per_speed;
                scratch.departure_bar += transmitter.velocity * per_speed;
                scratch.arrival_bar -= receiver.velocity * per_speed;
                ledger.carriers.push(((self.first_carrier + carrier) as u32, bar * speed / SPEED_OF_LIGHT));
            }
        }
    }

    /// The adjoint of patterns and offsets in global axes.
    fn radiation_vjp(&self, path: usize, ends: &Ends, scratch: &mut Scratch, ledger: &mut Ledger) {
        let directions = [-self.paths.arrival[path], self.paths.departure[path]];
        let elements = [self.paths.receiver_element[path], self.paths.transmitter_element[path]];
        for which in 0..2 {
            let (end, mut k_bar) = (ends.ends[which], Vec3::zeros());
            let rotation_bar = &mut scratch.ends[which].rotation;
            end.vectors_vjp(&directions[which], &scratch.vectors_bar[which], &mut k_bar, rotation_bar);
            if which == 0 {
                scratch.arrival_bar -= k_bar
            } else {
                scratch.departure_bar += k_bar
            }
            if elements[which] == ALL_ELEMENTS {
                let antenna = ends.antennas[which];
                for (element, bar) in scratch.offsets_bar[which].iter().enumerate() {
                    offset_vjp(end, (antenna, element as u32), bar, rotation_bar, ledger);
                }
            }
        }
    }
}

/// The transmitter with its weights.
fn fed<'a>(ends: &Ends<'a>) -> Fed<'a> {
    Fed { end: ends.ends[1], weights: ends.weights }
}

/// Makes so many bars 0.
fn reset(bars: &mut Vec<Vec3>, count: usize) {
    bars.clear();
    bars.resize(count, Vec3::zeros());
}

/// The adjoint of an element's offset in global axes, R o.
pub(crate) fn offset_vjp(
    end: &End,
    (antenna, element): (u32, u32),
    bar: &Vec3,
    rotation_bar: &mut Mat3,
    ledger: &mut Ledger,
) {
    *rotation_bar += bar * end.antenna.offsets[element as usize].transpose();
    ledger.offsets.push(((antenna, element), end.rotation.tr_mul(bar)));
}
