//! The field of every path, by replaying it (theory.md, "Jones transport", "Antennas", "Doppler").
//!
//! Writes each path's coefficients once; allocates the channel and, for each carrier, the surfaces of the scene.
//! Paths are independent and their order is kept, so the result does not depend on threads. The coefficient holds the
//! spreading, the interactions, the patterns and the plane-wave phases of arrays, but no propagation phase.

use super::{ALL_ELEMENTS, Interaction, Paths};
use crate::channel::Channel;
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Fault, Result};
use crate::interaction::{line_of_sight, reflection, scattering};
use crate::map::fed::Fed;
use crate::map::weights::Weighted;
use crate::math::frame::{angles_of, angles_of_vjp, is_pole, rotation_of, spherical_basis, spherical_basis_vjp};
use crate::math::phase::{phasor_of_turns, turns_of_length};
use crate::math::{C64, CVec3, Jones, JonesMatrix, Mat3, Vec3};
use crate::scene::Scene;
use crate::scene::antenna::{Antenna, Element, SlantModel};
use crate::scene::material::Surface;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::ops::Range;

/// Paths that one task takes: some ten microseconds of work. So few do not go to other threads.
pub const BLOCK: usize = 64;

/// Whether the fields of `paths` with so many `coefficients` are so little work, some hundred microseconds, that to wake other
/// threads and to wait for them takes as long.
fn is_little(paths: &Paths, coefficients: usize) -> bool {
    const LITTLE: usize = 640;
    paths.len() + paths.vertex.len() + coefficients / 16 <= LITTLE
}

/// The channel of all `paths` at the `carriers` [Hz], and notes on materials used outside their range.
///
/// # Errors
/// No carrier, a carrier that is not above 0, a material of the scene that is not defined at a carrier.
pub fn field(scene: &Scene, radios: &Radios, paths: &Paths, carriers: &[f64]) -> Result<(Channel, Vec<String>)> {
    let mut notes = Vec::new();
    let surfaces = surfaces_of(scene, carriers, &mut notes)?;
    Ok((field_over(scene, &surfaces, radios, paths, carriers, Feed::EachPort), notes))
}

/// What leaves a transmitter along a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// A wave of each port.
    EachPort,
    /// One wave, of all ports as they are weighted. Scattered diffusely it is not the sum of theirs (T68).
    Together,
}

impl Feed {
    /// Columns of the coefficients of a path from a transmitter with so many ports.
    fn columns(self, ports: usize) -> usize {
        match self {
            Feed::EachPort => ports,
            Feed::Together => 1,
        }
    }
}

/// The channel of all `paths` over known `surfaces` `[carrier][material]` of the scene.
pub fn field_over(
    scene: &Scene,
    surfaces: &[Vec<Surface>],
    radios: &Radios,
    paths: &Paths,
    carriers: &[f64],
    feed: Feed,
) -> Channel {
    let Replay { transmitters, receivers, ends, mut channel } = Replay::new(radios, paths, carriers, feed);
    let is_little = is_little(paths, channel.a.len());
    for_each_path(&channel.a_offsets, &mut channel.a, is_little, Scratch::default, |scratch, path, a| {
        let [receiver, transmitter] = ends_of(ends[path], &receivers, &transmitters);
        let weights = radios.transmitters[ends[path][1] as usize].weights.as_deref();
        let leaving = match feed {
            Feed::EachPort => Leaving::Ports(transmitter),
            Feed::Together => Leaving::Wave(Fed { end: transmitter, weights }),
        };
        coefficients_of(scene, surfaces, paths, carriers, path, (receiver, leaving), scratch, a);
    });
    channel
}

/// The powers `[path, carrier]` of a channel's paths between weighted ports.
pub fn powers_of(radios: &Radios, paths: &Paths, channel: &Channel, feed: Feed) -> Vec<f64> {
    let carriers = channel.carriers.len();
    let of_link = |link: usize| {
        let weighted = Weighted::new(radios, [link / paths.transmitters, link % paths.transmitters], feed);
        let power = move |path, carrier| weighted.power(channel.of_path(path, carrier));
        paths.of_link(link).flat_map(move |path| (0..carriers).map(move |carrier| power(path, carrier)))
    };
    (0..paths.links()).into_par_iter().with_min_len(BLOCK).flat_map_iter(of_link).collect()
}

/// The adjoint of [`powers_of`], from `powers_bar` `[path, carrier]`; adds to the bars of the coefficients.
pub fn powers_of_vjp(
    radios: &Radios,
    paths: &Paths,
    channel: &Channel,
    feed: Feed,
    powers_bar: &[f64],
    a_bar: &mut [C64],
) {
    let (ends, carriers) = (radios_of(paths), channel.carriers.len());
    let is_little = is_little(paths, a_bar.len());
    for_each_path(
        &channel.a_offsets,
        a_bar,
        is_little,
        || (),
        |(), path, a_bar| {
            let weighted = Weighted::new(radios, ends[path].map(|radio| radio as usize), feed);
            let of_carriers = a_bar.chunks_exact_mut((a_bar.len() / carriers).max(1));
            for (carrier, a_bar) in of_carriers.enumerate() {
                weighted.power_vjp(channel.of_path(path, carrier), powers_bar[path * carriers + carrier], a_bar);
            }
        },
    );
}

/// What replaying paths needs, and the channel that is to be filled.
pub struct Replay<'a> {
    /// Transmitters.
    pub transmitters: Vec<End<'a>>,
    /// Receivers.
    pub receivers: Vec<End<'a>>,
    /// Receiver and transmitter `[path]`.
    pub ends: Vec<[u32; 2]>,
    /// The channel, whose coefficients are still 0.
    pub channel: Channel,
}

impl<'a> Replay<'a> {
    /// Makes ready for replaying `paths` at the `carriers` [Hz].
    pub fn new(radios: &'a Radios, paths: &Paths, carriers: &[f64], feed: Feed) -> Replay<'a> {
        let transmitters: Vec<End> = radios.transmitters.iter().map(|r| End::new(radios, r)).collect();
        let receivers: Vec<End> = radios.receivers.iter().map(|r| End::new(radios, r)).collect();
        let ends = radios_of(paths);
        let channel = geometry(paths, carriers, feed, |path| ends_of(ends[path], &receivers, &transmitters));
        Replay { transmitters, receivers, ends, channel }
    }
}

/// Receiver and transmitter `[path]`.
pub fn radios_of(paths: &Paths) -> Vec<[u32; 2]> {
    let of_link = |link: usize| {
        let pair = [link / paths.transmitters, link % paths.transmitters].map(|radio| radio as u32);
        std::iter::repeat_n(pair, paths.of_link(link).len())
    };
    (0..paths.links()).flat_map(of_link).collect()
}

fn ends_of<'e, 'a>(
    [receiver, transmitter]: [u32; 2],
    receivers: &'e [End<'a>],
    transmitters: &'e [End<'a>],
) -> [&'e End<'a>; 2] {
    [&receivers[receiver as usize], &transmitters[transmitter as usize]]
}

/// Makes of field vectors that leave the transmitter along a path, at one carrier, those that arrive, without spreading
/// (T21, T68, T73).
///
/// `surfaces` `[material]` are those of the scene's materials at `frequency` [Hz]. Where a path is scattered diffusely the
/// map is not linear, so that each wave is carried by itself.
pub fn carry(scene: &Scene, surfaces: &[Surface], paths: &Paths, path: usize, frequency: f64, fields: &mut [CVec3]) {
    let mut k = paths.departure[path];
    for vertex in paths.vertices_of(path) {
        let n = &paths.normal[vertex];
        let surface = &surfaces[scene.objects[paths.object[vertex] as usize].material as usize];
        let leaving = paths.leaving(path, vertex, &k);
        match paths.interaction[vertex] {
            Interaction::Reflection => {
                let coefficients = reflection::coefficients(surface, reflection::cos_incidence(&k, n), frequency);
                fields.iter_mut().for_each(|field| *field = reflection::reflect(field, &k, n, &coefficients));
            }
            Interaction::Diffuse => fields
                .iter_mut()
                .for_each(|field| *field = scattering::diffuse(field, &k, n, &leaving, surface, frequency)),
            Interaction::Lobe => {
                fields
                    .iter_mut()
                    .for_each(|field| *field = scattering::lobe(field, &k, n, &leaving, surface, frequency));
            }
        }
        k = leaving;
    }
}

/// The Jones matrix T of a path at one carrier (T21): from (theta, phi) of the direction of departure to (theta, phi)
/// of the direction from the receiver towards the last vertex, without spreading. Of a path without diffuse scattering.
pub fn transfer(scene: &Scene, surfaces: &[Surface], paths: &Paths, path: usize, frequency: f64) -> JonesMatrix {
    let (theta_t, phi_t) = spherical_basis(&paths.departure[path]);
    let (theta_r, phi_r) = spherical_basis(&-paths.arrival[path]);
    let mut arrived = [theta_t, phi_t].map(|v| v.map(C64::from));
    let along = |v: &Vec3, field: &CVec3| reflection::dot(v, field);
    carry(scene, surfaces, paths, path, frequency, &mut arrived);
    JonesMatrix::new(
        along(&theta_r, &arrived[0]),
        along(&theta_r, &arrived[1]),
        along(&phi_r, &arrived[0]),
        along(&phi_r, &arrived[1]),
    )
}

/// The ports of an antenna that a path speaks of: all, or the polarisations of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    first: usize,
    step: usize,
    count: usize,
}

impl Ports {
    /// The ports of `element`, or of all elements for [`ALL_ELEMENTS`].
    pub fn new(antenna: &Antenna, element: u32) -> Ports {
        if element == ALL_ELEMENTS {
            Ports { first: 0, step: 1, count: antenna.ports() }
        } else {
            Ports { first: element as usize, step: antenna.offsets.len(), count: antenna.slants.len() }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their numbers in the antenna.
    pub fn numbers(self) -> impl Iterator<Item = usize> + Clone {
        (0..self.count).map(move |i| self.first + i * self.step)
    }
}

/// What the field needs of a radio.
pub struct End<'a> {
    /// Its antenna.
    pub antenna: &'a Antenna,
    /// From its own to global axes.
    pub rotation: Mat3,
    pub(super) velocity: Vec3,
    /// Offsets of the elements in global axes `[element]` [m].
    pub offsets: Vec<Vec3>,
}

impl<'a> End<'a> {
    /// That of a radio of this set.
    pub fn new(radios: &'a Radios, radio: &Radio) -> End<'a> {
        let antenna = radios.antenna(radio);
        let rotation = rotation_of(radio.orientation);
        let offsets = antenna.offsets.iter().map(|o| rotation * o).collect();
        End { antenna, rotation, velocity: radio.velocity, offsets }
    }

    /// Where paths of `element`, or of all elements, start or end, the radio standing at `position` [m].
    pub fn point(&self, position: &Vec3, element: u32) -> Vec3 {
        if element == ALL_ELEMENTS { *position } else { position + self.offsets[element as usize] }
    }

    /// A distance that no two of its elements exceed [m].
    pub fn size(&self) -> f64 {
        2.0 * self.offsets.iter().map(|offset| offset.norm()).fold(0.0, f64::max)
    }

    /// Jones vectors `[polarisation]` in direction `k` in the global (theta, phi) (T22).
    pub fn patterns(&self, k: &Vec3) -> Vec<Jones> {
        let (theta_hat, phi_hat) = spherical_basis(k);
        let jones = |vector: Vec3| Jones::new(C64::from(theta_hat.dot(&vector)), C64::from(phi_hat.dot(&vector)));
        self.vectors(k).map(jones).collect()
    }

    /// Field vectors in direction `k`, polarisation by polarisation (T22).
    pub fn vectors(&self, k: &Vec3) -> impl Iterator<Item = Vec3> + use<'_, 'a> {
        let local = self.rotation.tr_mul(k);
        // Angles are dear, and some patterns are the same at all of them.
        let is_alike = self.antenna.element == Element::Isotropic && self.antenna.slant_model == SlantModel::Model2;
        let (theta, phi) = if is_alike { (0.0, 0.0) } else { angles_of(&local) };
        let (theta_local, phi_local) = spherical_basis(&local);
        let amplitude = self.antenna.gain.sqrt();
        let [theta_local, phi_local] = [theta_local, phi_local].map(|axis| self.rotation * axis * amplitude);
        (0..self.antenna.slants.len()).map(move |p| {
            let c = self.antenna.pattern(p, theta, phi);
            theta_local * c[0] + phi_local * c[1]
        })
    }

    /// The adjoint of [`End::vectors`]; adds to `k_bar` and `rotation_bar`, whose coordinates count as free. Where `k` is
    /// the antenna's own axis ([`End::is_pole`]) there is no derivative.
    pub fn vectors_vjp(&self, k: &Vec3, vectors_bar: &[Vec3], k_bar: &mut Vec3, rotation_bar: &mut Mat3) {
        let local = self.rotation.tr_mul(k);
        let (theta, phi) = angles_of(&local);
        let (theta_local, phi_local) = spherical_basis(&local);
        let amplitude = self.antenna.gain.sqrt();
        let (mut theta_hat_bar, mut phi_hat_bar, mut local_bar) = (Vec3::zeros(), Vec3::zeros(), Vec3::zeros());
        let (mut theta_bar, mut phi_bar) = (0.0, 0.0);
        for (p, vector_bar) in vectors_bar.iter().enumerate() {
            let (c, vector_bar) = (self.antenna.pattern(p, theta, phi), vector_bar * amplitude);
            let own_bar = self.rotation.tr_mul(&vector_bar);
            *rotation_bar += vector_bar * (theta_local * c[0] + phi_local * c[1]).transpose();
            theta_hat_bar += own_bar * c[0];
            phi_hat_bar += own_bar * c[1];
            let pattern_bar = [theta_local.dot(&own_bar), phi_local.dot(&own_bar)];
            self.antenna.pattern_vjp(p, theta, phi, pattern_bar, &mut theta_bar, &mut phi_bar);
        }
        spherical_basis_vjp(&local, &theta_hat_bar, &phi_hat_bar, &mut local_bar);
        angles_of_vjp(&local, theta_bar, phi_bar, &mut local_bar);
        *k_bar += self.rotation * local_bar;
        *rotation_bar += k * local_bar.transpose();
    }

    /// Whether `k` is the antenna's own axis z, in whose direction patterns have no derivative.
    pub fn is_pole(&self, k: &Vec3) -> bool {
        is_pole(&self.rotation.tr_mul(k))
    }

    /// The plane-wave phases e^{+j 2 pi k.d/lambda} `[element]` in direction `k` (T36).
    pub fn phases<'e>(&'e self, k: &'e Vec3, frequency: f64) -> impl Iterator<Item = C64> + use<'e> {
        self.offsets.iter().map(move |d| match *d == Vec3::zeros() {
            true => C64::ONE,
            false => phasor_of_turns(-turns_of_length(k.dot(d), frequency)),
        })
    }

    /// Overwrites `phases` by those of the elements that a path of `element` speaks of: all of them, or one, which needs none.
    fn phases_into(&self, element: u32, k: &Vec3, frequency: f64, phases: &mut Vec<C64>) {
        phases.clear();
        match element {
            ALL_ELEMENTS => phases.extend(self.phases(k, frequency)),
            _ => phases.push(C64::ONE),
        }
    }
}

fn check_carriers(carriers: &[f64]) -> Result<()> {
    let remedy = "give one carrier or several, such as carrier_ghz = [28, 60]";
    if carriers.is_empty() {
        return Err(Error::job(Fault::new("carrier_ghz", "at least one carrier").value("[]").remedy(remedy)));
    }
    match carriers.iter().find(|f| !(f.is_finite() && **f > 0.0)) {
        Some(bad) => Err(Error::job(Fault::new("carrier_ghz", "finite and above 0").value(bad / 1e9).remedy(remedy))),
        None => Ok(()),
    }
}

/// Surfaces `[carrier][material]`; every material of the scene counts, so that an error does not depend on the paths.
///
/// # Errors
/// As [`field`].
pub fn surfaces_of(scene: &Scene, carriers: &[f64], notes: &mut Vec<String>) -> Result<Vec<Vec<Surface>>> {
    check_carriers(carriers)?;
    let mut at = |frequency: f64| {
        scene
            .materials
            .iter()
            .map(|material| {
                let (surface, note) = material.at(frequency)?;
                notes.extend(note);
                Ok(surface)
            })
            .collect()
    };
    carriers.iter().map(|f| at(*f)).collect()
}

/// The channel with everything but the coefficients, which are 0.
fn geometry<'e>(paths: &Paths, carriers: &[f64], feed: Feed, ends_of: impl Fn(usize) -> [&'e End<'e>; 2]) -> Channel {
    let mut a_offsets = Vec::with_capacity(paths.len() + 1);
    let mut total = 0u64;
    a_offsets.push(total);
    for path in 0..paths.len() {
        let [receiver, transmitter] = ends_of(path);
        let r = Ports::new(receiver.antenna, paths.receiver_element[path]).count();
        let t = feed.columns(Ports::new(transmitter.antenna, paths.transmitter_element[path]).count());
        total += (carriers.len() * r * t) as u64;
        a_offsets.push(total);
    }
    let (theta_t, phi_t) = paths.departure.iter().map(angles_of).unzip();
    let (theta_r, phi_r) = paths.arrival.iter().map(|k| angles_of(&-k)).unzip();
    let doppler = (0..paths.len()).flat_map(|path| {
        let [receiver, transmitter] = ends_of(path);
        // (v_t . k_t - v_r . k_r)/lambda (T37), k_r the direction of travel at the receiver.
        let speed = transmitter.velocity.dot(&paths.departure[path]) - receiver.velocity.dot(&paths.arrival[path]);
        carriers.iter().map(move |f| speed * f / SPEED_OF_LIGHT)
    });
    Channel {
        carriers: carriers.to_vec(),
        a: vec![C64::ZERO; total as usize],
        a_offsets,
        tau: (0..paths.len()).map(|path| paths.delay(path)).collect(),
        theta_t,
        phi_t,
        theta_r,
        phi_r,
        doppler: doppler.collect(),
    }
}

/// Calls `fill(scratch, path, its coefficients)` for every path, in parallel unless it is little work; those of path p begin
/// at `offsets[p]`. Each task has a scratch of its own.
fn for_each_path<S>(
    offsets: &[u64],
    mut rest: &mut [C64],
    is_little: bool,
    scratch: impl Fn() -> S + Sync,
    fill: impl Fn(&mut S, usize, &mut [C64]) + Sync,
) {
    let paths = offsets.len() - 1;
    let mut blocks = Vec::with_capacity(paths.div_ceil(BLOCK));
    for first in (0..paths).step_by(BLOCK) {
        let last = (first + BLOCK).min(paths);
        let (block, tail) = rest.split_at_mut((offsets[last] - offsets[first]) as usize);
        blocks.push((first..last, block));
        rest = tail;
    }
    let fill_block = |(range, block): (Range<usize>, &mut [C64])| {
        let (start, mut scratch) = (offsets[range.start], scratch());
        for path in range {
            let own = (offsets[path] - start) as usize..(offsets[path + 1] - start) as usize;
            fill(&mut scratch, path, &mut block[own]);
        }
    };
    match is_little {
        true => blocks.into_iter().for_each(fill_block),
        false => blocks.into_par_iter().for_each(fill_block),
    }
}

/// What is carried along a path.
enum Leaving<'a> {
    /// The waves of a transmitter's polarisations, from which those of its ports are made.
    Ports(&'a End<'a>),
    /// One wave of weighted ports.
    Wave(Fed<'a>),
}

/// Room that paths use one after another.
#[derive(Default)]
struct Scratch {
    /// Field vectors of the receiver's and of the transmitter's polarisations.
    heard: Vec<Vec3>,
    sent: Vec<Vec3>,
    /// What is carried.
    fields: Vec<CVec3>,
    /// Of the elements of receiver and transmitter.
    phases: [Vec<C64>; 2],
}

/// Writes a = lambda/(4 pi L) C_r^T T C_t (T23) of one path, `[carrier, receiver port, transmitter port]`.
#[expect(clippy::too_many_arguments, reason = "the scene at its carriers, a path of many, its ends, room, the result")]
fn coefficients_of(
    scene: &Scene,
    surfaces: &[Vec<Surface>],
    paths: &Paths,
    carriers: &[f64],
    path: usize,
    (receiver, sender): (&End, Leaving),
    Scratch { heard, sent, fields, phases: [phases_r, phases_t] }: &mut Scratch,
    a: &mut [C64],
) {
    let (k_t, k_r) = (paths.departure[path], -paths.arrival[path]);
    heard.clear();
    heard.extend(receiver.vectors(&k_r));
    sent.clear();
    if let Leaving::Ports(transmitter) = &sender {
        sent.extend(transmitter.vectors(&k_t));
    }
    let (per_carrier, reach) = (a.len() / carriers.len(), paths.reach(path));
    for ((frequency, surfaces), a) in carriers.iter().zip(surfaces).zip(a.chunks_exact_mut(per_carrier.max(1))) {
        fields.clear();
        match &sender {
            Leaving::Ports(transmitter) => {
                fields.extend(sent.iter().map(|vector| vector.map(C64::from)));
                transmitter.phases_into(paths.transmitter_element[path], &k_t, *frequency, phases_t);
            }
            Leaving::Wave(fed) => {
                fields.push(fed.transmitted(&k_t, *frequency));
                // The wave holds them.
                phases_t.clear();
                phases_t.push(C64::ONE);
            }
        }
        carry(scene, surfaces, paths, path, *frequency, fields);
        receiver.phases_into(paths.receiver_element[path], &k_r, *frequency, phases_r);
        let spreading = line_of_sight::spreading(reach, *frequency);
        let mut places = a.iter_mut();
        for heard in &*heard {
            for phase_r in &*phases_r {
                let coupled = fields.iter().map(|field| reflection::dot(heard, field) * spreading * phase_r);
                let row = coupled.flat_map(|coupled| phases_t.iter().map(move |phase_t| coupled * phase_t));
                row.zip(places.by_ref()).for_each(|(a, place)| *place = a);
            }
        }
    }
}
