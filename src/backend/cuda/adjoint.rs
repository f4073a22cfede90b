//! The adjoint of paths on the device: as many paths at once as there is room for.
//!
//! Kernels write the bars of each path to places of its own and add up those of a block of paths to each target
//! ([`order`]); the host adds block to block, into the same sums as the CPU's adjoint does, and makes of them the bars of
//! parameters by the same code.

mod order;
mod sums;

use super::buffer::{Buffer, Pinned};
use super::fault::with_parts;
use super::field::{ends_of, records_of};
use super::kernels::adjoint::{Array, Arrays, Extent};
use super::{Cuda, Resident, Surfaces, coordinates, locked};
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::layout::{
    AXIS_OF_RECEIVER, AXIS_OF_TRANSMITTER, AdjointAt, FOREIGN, GeometryView, KinematicsBar, PlacedVertex, Pointer,
    REGULAR, RadioAt, RadioEnd, ReplayedPath, ReplayedVertex, VERTICAL,
};
use crate::math::{C64, Vec3};
use crate::path::adjoint::{Adjoint, AllEnds, ParameterKind, Run, Singular, Sums, Wanted};
use crate::path::field::{BLOCK, End, radios_of};
use crate::path::{ALL_ELEMENTS, Interaction, Paths};
use crate::scene::material::Surface;
use crate::scene::radio::{Radio, Radios};
use std::ops::Range;

/// What one part of all paths takes of the device's memory, at first and at the least, if a block of paths takes no more
/// [bytes].
const BYTES_AT_ONCE: usize = 256 << 20;
const LEAST_AT_ONCE: usize = 1 << 18;

/// What is kept from call to call.
#[derive(Default)]
pub struct Work {
    surfaces: Surfaces,
    carriers: Buffer<f64>,
    ends: [Buffer<RadioEnd>; 2],
    offsets: [Buffer<f64>; 2],
    radios: [Buffer<RadioAt>; 2],
    part: Part,
}

/// What is held of a part of all paths.
#[derive(Default)]
struct Part {
    paths: Buffer<ReplayedPath>,
    vertices: Buffer<ReplayedVertex>,
    places: Buffer<PlacedVertex>,
    slots: Buffer<u64>,
    coefficients: [Buffer<f64>; 2],
    kinematics: Buffer<KinematicsBar>,
    doppler: Buffer<f64>,
    points: Buffer<f64>,
    arrays: [Buffer<f64>; Array::ALL.len()],
    singular: Buffer<u32>,
    items: Buffer<u32>,
    begins: Buffer<u32>,
    sums: Buffer<f64>,
    singular_back: Pinned<u32>,
    sums_back: Pinned<f64>,
}

/// Adds what a run of paths between `radios`, at all carriers and of every port, says: [`Adjoint::add`]. With places, the receivers
/// are the one of `adjoint`, at each of them.
///
/// # Errors
/// As there; single elements that a run has bars of direct ways between; the device failed.
pub fn add(
    cuda: &Cuda,
    resident: &Resident,
    geometry: &Geometry,
    radios: &Radios,
    run: &Run,
    adjoint: &mut Adjoint,
) -> Result<()> {
    run.bars.check(run.channel, run.paths)?;
    let elements = run.paths.receiver_element.iter().chain(&run.paths.transmitter_element);
    if !run.bars.direct.is_empty() && elements.into_iter().any(|element| *element != ALL_ELEMENTS) {
        let bound = "bars of direct ways between single elements are not there yet on CUDA devices";
        return Err(Error::device(Fault::new("--device", bound).value(cuda.describe()).remedy("use --device cpu")));
    }
    let wanted = adjoint.wanted();
    let (replayer, sums) = adjoint.parts();
    let plan = Plan::new(cuda, geometry, radios, run, &replayer.surfaces, wanted);
    let mut work = locked(&cuda.adjoint);
    let (at, parts) = cuda.with_room(|| plan.prepare(&mut work, resident.view()))?;
    for own in parts {
        plan.pull(&mut work.part, at, own, sums)?;
    }
    Ok(())
}

/// What is to be pulled back.
struct Plan<'a> {
    cuda: &'a Cuda,
    geometry: &'a Geometry<'a>,
    radios: &'a Radios,
    paths: &'a Paths,
    channel: &'a Channel,
    bars: &'a ChannelBar,
    /// The place of the channel's first carrier among all.
    first_carrier: usize,
    /// Whether all receivers are one that stands at many places.
    is_survey: bool,
    /// Whether the bar of each of them is kept.
    keeps_places: bool,
    /// Those of the channel's carriers `[carrier, material]`.
    surfaces: &'a [Vec<Surface>],
    ends: AllEnds<'a>,
    /// Receiver and transmitter `[path]`.
    ends_of_paths: Vec<[u32; 2]>,
    /// First slot of each path `[path + 1]`.
    slots: Vec<u64>,
    /// First part of a pattern of each vertex `[vertex + 1]`; only diffuse ones have any.
    parts: Vec<u64>,
    wanted: Wanted,
}

impl<'a> Plan<'a> {
    fn new(
        cuda: &'a Cuda,
        geometry: &'a Geometry<'a>,
        radios: &'a Radios,
        &Run { paths, channel, bars, first_carrier, places, keeps_places, .. }: &Run<'a>,
        surfaces: &'a [Vec<Surface>],
        wanted: Wanted,
    ) -> Plan<'a> {
        let ends = AllEnds::new(radios, &geometry.scene.origin);
        let ends_of_paths = radios_of(paths);
        let mut plan = Plan {
            cuda,
            geometry,
            radios,
            paths,
            channel,
            bars,
            first_carrier,
            is_survey: places.is_some(),
            keeps_places,
            surfaces: &surfaces[first_carrier..first_carrier + channel.carriers.len()],
            ends,
            ends_of_paths,
            slots: vec![0],
            parts: vec![0],
            wanted,
        };
        let per_path =
            |path| channel.carriers.len() as u64 * plan.elements_of(path).iter().map(|n| u64::from(*n)).sum::<u64>();
        plan.slots = running((0..paths.len()).map(per_path));
        plan.parts = running((0..paths.vertex.len()).map(|vertex| plan.parts_of(vertex) as u64));
        plan
    }

    /// A radio by the end of a path, 0 for the receiver's, and its number there.
    fn end(&self, side: usize, radio: u32) -> &End<'a> {
        &[&self.ends.receivers, &self.ends.transmitters][side][radio as usize]
    }

    fn radio(&self, side: usize, radio: u32) -> &'a Radio {
        &[&self.radios.receivers, &self.radios.transmitters][side][radio as usize]
    }

    /// The element that a path speaks of at each end.
    fn element_of(&self, path: usize) -> [u32; 2] {
        [self.paths.receiver_element[path], self.paths.transmitter_element[path]]
    }

    /// How many elements a path speaks of at each end.
    fn elements_of(&self, path: usize) -> [u32; 2] {
        [0, 1].map(|side| match self.element_of(path)[side] {
            ALL_ELEMENTS => self.end(side, self.ends_of_paths[path][side]).offsets.len() as u32,
            _ => 1,
        })
    }

    fn material_of(&self, vertex: usize) -> u32 {
        self.geometry.scene.objects[self.paths.object[vertex] as usize].material
    }

    fn parts_of(&self, vertex: usize) -> usize {
        match self.paths.interaction[vertex] {
            Interaction::Diffuse => {
                self.geometry.scene.materials[self.material_of(vertex) as usize].scattering.parts.len()
            }
            Interaction::Reflection | Interaction::Lobe => 0,
        }
    }

    fn vertices_of(&self, own: &Range<usize>) -> Range<usize> {
        self.paths.vertex_offsets[own.start] as usize..self.paths.vertex_offsets[own.end] as usize
    }

    fn extent_of(&self, own: &Range<usize>) -> Extent {
        let vertices = self.vertices_of(own);
        Extent {
            paths: own.len() as u64,
            vertices: vertices.len() as u64,
            carriers: self.channel.carriers.len() as u64,
            coefficients: self.channel.a_offsets[own.end] - self.channel.a_offsets[own.start],
            slots: self.slots[own.end] - self.slots[own.start],
            parts: self.parts[vertices.end] - self.parts[vertices.start],
        }
    }

    /// All paths in parts of whole blocks, none of which takes more than `bytes` unless it is a single block.
    fn in_parts(&self, bytes: usize) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for first in (0..self.paths.len()).step_by(BLOCK) {
            let end = self.paths.len().min(first + BLOCK);
            let longer = parts.last().map(|last| last.start..end);
            match longer.filter(|longer| bytes_of(&self.extent_of(longer)) <= bytes as u64) {
                Some(longer) => *parts.last_mut().expect("it is longer than one that was there") = longer,
                None => parts.push(first..end),
            }
        }
        parts
    }

    /// Copies what all paths share, and makes room for as many paths at once as fit.
    fn prepare(&self, work: &mut Work, geometry: &GeometryView) -> Result<(AdjointAt, Vec<Range<usize>>)> {
        let (stream, Work { surfaces, carriers, ends, offsets, radios, part }) = (&self.cuda.stream, work);
        let own_ends = [&self.ends.receivers, &self.ends.transmitters].map(|own| ends_of(own));
        let own_radios = [&self.radios.receivers, &self.radios.transmitters].map(|own| self.radios_at(own));
        let [at_receivers, at_transmitters] = ends;
        let [offsets_r, offsets_t] = offsets;
        let [radios_r, radios_t] = radios;
        let at = AdjointAt {
            geometry: *geometry,
            paths: Pointer::new(0),
            vertices: Pointer::new(0),
            places: Pointer::new(0),
            slots: Pointer::new(0),
            surfaces: surfaces.place(stream, self.surfaces.iter().flatten())?,
            carriers: carriers.place(stream, &self.channel.carriers)?,
            ends: [at_receivers.place(stream, &own_ends[0].0)?, at_transmitters.place(stream, &own_ends[1].0)?],
            offsets: [offsets_r.place(stream, &own_ends[0].1)?, offsets_t.place(stream, &own_ends[1].1)?],
            radios: [radios_r.place(stream, &own_radios[0])?, radios_t.place(stream, &own_radios[1])?],
            coefficients: Pointer::new(0),
            coefficients_bar: Pointer::new(0),
            kinematics_bar: Pointer::new(0),
            doppler_bar: Pointer::new(0),
            points_bar: Pointer::new(0),
            origin: self.geometry.scene.origin.into(),
            path_count: 0,
            carrier_count: self.channel.carriers.len() as u32,
            material_count: self.geometry.scene.materials.len() as u32,
            moves: self.wanted.moves().into(),
        };
        let parts = with_parts(BYTES_AT_ONCE, LEAST_AT_ONCE, |bytes| {
            let parts = self.in_parts(bytes);
            let extents = parts.iter().map(|own| self.extent_of(own));
            let fits = part.reserve(self.cuda, &extents.fold(Extent::default(), largest));
            // All get their share of the same part: what the first ones took must not stay with them.
            fits.inspect_err(|_| *part = Part::default()).map(|()| parts)
        })?;
        Ok((at, parts))
    }

    fn radios_at(&self, radios: &[Radio]) -> Vec<RadioAt> {
        let origin = self.geometry.scene.origin;
        let at =
            |radio: &Radio| RadioAt { position: (radio.position - origin).into(), velocity: radio.velocity.into() };
        radios.iter().map(at).collect()
    }

    /// Adds what the paths of a part give to `sums`.
    fn pull(&self, part: &mut Part, mut at: AdjointAt, own: Range<usize>, sums: &mut Sums) -> Result<()> {
        let (extent, stream) = (self.extent_of(&own), &self.cuda.stream);
        self.place(part, &mut at, &own)?;
        let arrays = Arrays(part.arrays.each_ref().map(Buffer::get));
        self.cuda.kernels.pull_paths(stream, &at, &extent, &arrays, part.singular.get_mut())?;
        part.singular_back.begin(stream, part.singular.get(), own.len())?;
        let singular = part.singular_back.wait()?;
        if let Some(path) = singular.iter().position(|singular| *singular != REGULAR) {
            return Err(self.explained(singular[path], own.start + path));
        }
        self.add_up(part, &own, sums)
    }

    /// Copies what the kernels read of a part.
    fn place(&self, part: &mut Part, at: &mut AdjointAt, own: &Range<usize>) -> Result<()> {
        let (stream, bars, vertices) = (&self.cuda.stream, self.bars, self.vertices_of(own));
        let (paths, met) =
            records_of(self.geometry.scene, self.paths, &self.ends_of_paths, own.clone(), &self.channel.a_offsets);
        at.paths = part.paths.place(stream, &paths)?;
        at.vertices = part.vertices.place(stream, &met)?;
        let places: Vec<PlacedVertex> = vertices.clone().map(|v| self.placed(v, vertices.start)).collect();
        at.places = part.places.place(stream, &places)?;
        let first = self.slots[own.start];
        let slots: Vec<u64> = self.slots[own.clone()].iter().map(|slot| slot - first).collect();
        at.slots = part.slots.place(stream, &slots)?;
        let all = self.channel.a_offsets[own.start] as usize..self.channel.a_offsets[own.end] as usize;
        let [a, a_bar] = &mut part.coefficients;
        at.coefficients = a.place(stream, &numbers_of(&self.channel.a[all.clone()]))?;
        at.coefficients_bar = a_bar.place(stream, &numbers_of(&bars.a[all]))?;
        let kinematics = own.clone().map(|path| KinematicsBar {
            tau: bars.tau[path],
            theta_t: bars.theta_t[path],
            phi_t: bars.phi_t[path],
            theta_r: bars.theta_r[path],
            phi_r: bars.phi_r[path],
        });
        at.kinematics_bar = part.kinematics.place(stream, &kinematics.collect::<Vec<_>>())?;
        let carriers = self.channel.carriers.len();
        at.doppler_bar = part.doppler.place(stream, &bars.doppler[own.start * carriers..own.end * carriers])?;
        if !bars.vertex.is_empty() {
            let points: Vec<f64> = coordinates(&bars.vertex[vertices]).collect();
            at.points_bar = part.points.place(stream, &points)?;
        }
        at.path_count = own.len() as u32;
        Ok(())
    }

    fn placed(&self, vertex: usize, first: usize) -> PlacedVertex {
        let (paths, Geometry { scene, facets, .. }) = (self.paths, self.geometry);
        PlacedVertex {
            patch: facets.patch[paths.facet[vertex] as usize],
            triangle: scene.objects[paths.object[vertex] as usize].first_triangle + paths.primitive[vertex],
            part: (self.parts[vertex] - self.parts[first]) as u32,
            unused: 0,
        }
    }

    fn explained(&self, singular: u32, path: usize) -> Error {
        let link = self.paths.offsets.partition_point(|offset| *offset as usize <= path) - 1;
        let singular = match singular {
            AXIS_OF_RECEIVER => Singular::Axis { is_transmitter: false },
            AXIS_OF_TRANSMITTER => Singular::Axis { is_transmitter: true },
            VERTICAL => Singular::Vertical,
            FOREIGN => Singular::Foreign,
            other => return Error::Internal(format!("a path of kind {other}")),
        };
        let transmitters = self.paths.transmitters;
        self.ends.explained(singular, [link / transmitters, link % transmitters])
    }

    fn deforms(&self) -> bool {
        self.wanted.has(ParameterKind::Vertex)
    }
}

/// 0, and sums of the first numbers, of the first two, and so on.
fn running(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sum = 0;
    std::iter::once(0)
        .chain(numbers.map(|number| {
            sum += number;
            sum
        }))
        .collect()
}

fn numbers_of(values: &[C64]) -> Vec<f64> {
    values.iter().flat_map(|z| [z.re, z.im]).collect()
}

fn largest(a: Extent, b: Extent) -> Extent {
    Extent {
        paths: a.paths.max(b.paths),
        vertices: a.vertices.max(b.vertices),
        carriers: a.carriers.max(b.carriers),
        coefficients: a.coefficients.max(b.coefficients),
        slots: a.slots.max(b.slots),
        parts: a.parts.max(b.parts),
    }
}

/// Items of a list that is added up, at the most, and numbers that come of it.
fn sums_of(extent: &Extent) -> (u64, u64) {
    let lists = sums::LISTS.map(|list| (list.items(extent), list.items(extent) * u64::from(list.width())));
    lists.into_iter().fold((0, 0), |most, list| (most.0.max(list.0), most.1.max(list.1)))
}

/// What a part takes on the device [bytes].
fn bytes_of(extent: &Extent) -> u64 {
    let Extent { paths, vertices, carriers, coefficients, .. } = extent;
    let numbers: u64 = Array::ALL.iter().map(|array| array.numbers(extent)).sum();
    let (items, sums) = sums_of(extent);
    let of = |size: usize, count: u64| size as u64 * count;
    of(size_of::<ReplayedPath>() + size_of::<KinematicsBar>() + size_of::<u64>() + size_of::<u32>(), *paths)
        + of(size_of::<ReplayedVertex>() + size_of::<PlacedVertex>() + size_of::<Vec3>(), *vertices)
        + of(size_of::<f64>(), numbers + sums + paths * carriers)
        + of(2 * size_of::<C64>(), *coefficients)
        + of(2 * size_of::<u32>(), items + 1)
}

impl Part {
    /// Room for a part of this extent.
    fn reserve(&mut self, cuda: &Cuda, extent: &Extent) -> Result<()> {
        let (stream, of) = (&cuda.stream, |count: u64| count as usize);
        let Extent { paths, vertices, carriers, coefficients, .. } = *extent;
        self.paths.reserve(stream, of(paths))?;
        self.vertices.reserve(stream, of(vertices))?;
        self.places.reserve(stream, of(vertices))?;
        self.slots.reserve(stream, of(paths))?;
        for buffer in &mut self.coefficients {
            buffer.reserve(stream, of(2 * coefficients))?;
        }
        self.kinematics.reserve(stream, of(paths))?;
        self.doppler.reserve(stream, of(paths * carriers))?;
        self.points.reserve(stream, of(3 * vertices))?;
        for (array, buffer) in Array::ALL.iter().zip(&mut self.arrays) {
            buffer.reserve(stream, of(array.numbers(extent)))?;
        }
        let (items, sums) = sums_of(extent);
        if items > u64::from(u32::MAX) {
            return Err(Error::Internal(format!("{items} bars of {paths} paths")));
        }
        self.singular.reserve(stream, of(paths))?;
        self.items.reserve(stream, of(items))?;
        self.begins.reserve(stream, of(items + 1))?;
        self.sums.reserve(stream, of(sums))?;
        self.singular_back.reserve(&cuda.context, of(paths))?;
        self.sums_back.reserve(&cuda.context, of(sums))
    }
}
