//! The field of all paths on the device.

use super::buffer::{Buffer, Pinned};
use super::fault::with_parts;
use super::kernels::field::COUPLING;
use super::{Cuda, Surfaces, coordinates, locked};
use crate::channel::Channel;
use crate::error::Result;
use crate::layout::{RadioEnd, ReplayedPath, ReplayedVertex};
use crate::math::C64;
use crate::path::Paths;
use crate::path::field::{End, Feed, Replay, surfaces_of};
use crate::scene::Scene;
use crate::scene::material::Surface;
use crate::scene::radio::Radios;
use rayon::prelude::*;
use std::ops::Range;

/// Paths, and coefficients, that are computed at once, at first, and at the least.
const PATHS_AT_ONCE: usize = 1 << 18;
const COEFFICIENTS_AT_ONCE: usize = 1 << 21;
const LEAST_AT_ONCE: usize = 1 << 10;

/// What is kept from call to call.
#[derive(Default)]
pub struct Work {
    paths: Buffer<ReplayedPath>,
    vertices: Buffer<ReplayedVertex>,
    surfaces: Surfaces,
    carriers: Buffer<f64>,
    ends: [Buffer<RadioEnd>; 2],
    offsets: [Buffer<f64>; 2],
    couplings: Buffer<f64>,
    coefficients: [Buffer<f64>; 2],
    back: [Pinned<f64>; 2],
}

/// The channel of all `paths` at the `carriers` [Hz], and notes on materials used outside their range.
pub fn field(
    cuda: &Cuda,
    scene: &Scene,
    radios: &Radios,
    paths: &Paths,
    carriers: &[f64],
) -> Result<(Channel, Vec<String>)> {
    let mut notes = Vec::new();
    let surfaces = surfaces_of(scene, carriers, &mut notes)?;
    let Replay { transmitters, receivers, ends: ends_of_paths, mut channel } =
        Replay::new(radios, paths, carriers, Feed::EachPort);
    let mut work = locked(&cuda.field);
    let ends = [transmitters, receivers];
    let plan = Plan { cuda, scene, paths, ends_of_paths: &ends_of_paths, carriers, surfaces: &surfaces, ends: &ends };
    cuda.with_room(|| plan.replay_all(&mut work, &mut channel))?;
    Ok((channel, notes))
}

/// What is to be replayed.
struct Plan<'a> {
    cuda: &'a Cuda,
    scene: &'a Scene,
    paths: &'a Paths,
    /// Receiver and transmitter `[path]`.
    ends_of_paths: &'a [[u32; 2]],
    /// [Hz].
    carriers: &'a [f64],
    /// `[carrier, material]`.
    surfaces: &'a [Vec<Surface>],
    /// Transmitters, receivers.
    ends: &'a [Vec<End<'a>>; 2],
}

impl Plan<'_> {
    /// Computes all coefficients, as many paths and coefficients at once as there is room for.
    fn replay_all(&self, work: &mut Work, channel: &mut Channel) -> Result<()> {
        let stream = &self.cuda.stream;
        work.surfaces.upload(stream, self.surfaces.iter().flatten())?;
        work.carriers.upload(stream, self.carriers)?;
        for (side, ends) in self.ends.iter().enumerate() {
            let (records, offsets) = ends_of(ends);
            work.ends[side].upload(stream, &records)?;
            work.offsets[side].upload(stream, &offsets)?;
        }
        let per_carrier = PATHS_AT_ONCE / self.carriers.len();
        let couple = COUPLING as usize * self.carriers.len();
        let paths_at_once = with_parts(per_carrier.max(1), LEAST_AT_ONCE.min(per_carrier.max(1)), |at_once| {
            work.couplings.reserve(stream, couple * at_once.min(self.paths.len())).map(|_| at_once)
        })?;
        let coefficients_at_once = with_parts(COEFFICIENTS_AT_ONCE, LEAST_AT_ONCE, |at_once| {
            let needed = at_once.min(channel.a.len());
            let mut both = work.coefficients.iter_mut();
            let fits = both.try_for_each(|buffer| buffer.reserve(stream, 2 * needed).map(|_| ()));
            // Both get the same: what the first one took must not stay with it.
            fits.inspect_err(|_| work.coefficients = Default::default()).map(|()| at_once)
        })?;
        for first in (0..self.paths.len()).step_by(paths_at_once) {
            let own = first..self.paths.len().min(first + paths_at_once);
            self.replay(work, own, channel, coefficients_at_once)?;
        }
        Ok(())
    }

    /// Computes the coefficients of some paths.
    fn replay(&self, work: &mut Work, own: Range<usize>, channel: &mut Channel, at_once: usize) -> Result<()> {
        let Plan { cuda, scene, carriers: frequencies, .. } = self;
        let stream = &cuda.stream;
        let (first, end) = (channel.a_offsets[own.start], channel.a_offsets[own.end]);
        let path_count = own.len() as u32;
        let (records, vertices) = records_of(scene, self.paths, self.ends_of_paths, own, &channel.a_offsets);
        let Work { paths, vertices: listed, surfaces, carriers, ends, couplings, .. } = work;
        let materials = scene.materials.len() as u32;
        cuda.kernels.couple_polarizations(
            stream,
            paths.upload(stream, &records)?,
            path_count,
            listed.upload(stream, &vertices)?,
            surfaces.get(),
            materials,
            carriers.get(),
            frequencies.len() as u32,
            ends[0].get(),
            ends[1].get(),
            couplings.get_mut(),
        )?;
        let starts: Vec<u64> = (first..end).step_by(at_once).collect();
        // While one part is computed, the one before is copied into the channel.
        for turn in 0..starts.len() + 1 {
            if let Some(start) = starts.get(turn) {
                let count = (end - start).min(at_once as u64) as u32;
                self.weigh(work, turn % 2, path_count, start - first, count)?;
            }
            if let Some(start) = turn.checked_sub(1).and_then(|before| starts.get(before)) {
                let values = work.back[(turn + 1) % 2].wait()?;
                let into = channel.a[*start as usize..].iter_mut();
                into.zip(values.chunks_exact(2)).for_each(|(a, value)| *a = C64::new(value[0], value[1]));
            }
        }
        Ok(())
    }

    fn weigh(&self, work: &mut Work, lane: usize, path_count: u32, first: u64, count: u32) -> Result<()> {
        let Plan { cuda, carriers: frequencies, .. } = self;
        let stream = &cuda.stream;
        let Work { paths, carriers, ends, offsets, couplings, coefficients, back, .. } = work;
        cuda.kernels.weigh_ports(
            stream,
            paths.get(),
            path_count,
            carriers.get(),
            frequencies.len() as u32,
            ends[0].get(),
            offsets[0].get(),
            ends[1].get(),
            offsets[1].get(),
            couplings.get(),
            first,
            count,
            coefficients[lane].get_mut(),
        )?;
        back[lane].begin(stream, coefficients[lane].get(), 2 * count as usize)
    }
}

/// The records of some paths; coefficients and vertices count from the first one's.
pub fn records_of(
    scene: &Scene,
    paths: &Paths,
    ends_of_paths: &[[u32; 2]],
    own: Range<usize>,
    a_offsets: &[u64],
) -> (Vec<ReplayedPath>, Vec<ReplayedVertex>) {
    let (first_vertex, first) = (paths.vertex_offsets[own.start], a_offsets[own.start]);
    let last_vertex = paths.vertex_offsets[own.end];
    let record = |path: usize| ReplayedPath {
        departure: paths.departure[path].into(),
        arrival: paths.arrival[path].into(),
        length: paths.length[path],
        coefficient: a_offsets[path] - first,
        vertex: paths.vertex_offsets[path] - first_vertex,
        vertices: paths.vertices_of(path).len() as u32,
        transmitter: ends_of_paths[path][1],
        receiver: ends_of_paths[path][0],
        transmitter_element: paths.transmitter_element[path],
        receiver_element: paths.receiver_element[path],
        unused: 0,
    };
    let vertex = |vertex: usize| ReplayedVertex {
        normal: paths.normal[vertex].into(),
        position: paths.vertex[vertex].into(),
        area: paths.area[vertex],
        distance: paths.distance[vertex],
        material: scene.objects[paths.object[vertex] as usize].material,
        interaction: paths.interaction[vertex] as u32,
    };
    let vertices = first_vertex as usize..last_vertex as usize;
    (own.into_par_iter().map(record).collect(), vertices.into_par_iter().map(vertex).collect())
}

/// Records of all ends, and the offsets of all their elements `[element, xyz]` [m].
pub fn ends_of(ends: &[End]) -> (Vec<RadioEnd>, Vec<f64>) {
    let mut offsets = Vec::new();
    let records = ends.iter().map(|end| {
        let first_element = (offsets.len() / 3) as u64;
        offsets.extend(coordinates(&end.offsets));
        end_record(end, first_element)
    });
    (records.collect(), offsets)
}

/// The record of an end whose elements begin at `first_element`.
pub fn end_record(end: &End, first_element: u64) -> RadioEnd {
    let slants = &end.antenna.slants;
    RadioEnd {
        // nalgebra lays matrices out column by column.
        rotation: end.rotation.transpose().into(),
        slants: [slants[0], slants[slants.len() - 1]],
        amplitude: end.antenna.gain.sqrt(),
        first_element,
        elements: end.antenna.offsets.len() as u32,
        polarizations: slants.len() as u32,
        pattern: end.antenna.element as u32,
        slant_model: end.antenna.slant_model as u32,
    }
}
