//! Paths as they are found, and how they become [`Paths`]: sorted, de-duplicated, link by link.

use super::counters::Counters;
use super::refine::Vertex;
use super::{ALL_ELEMENTS, Paths};
use crate::geometry::Geometry;
use crate::math::Vec3;
use std::cmp::Ordering;

/// Paths from one source, ragged, in no particular order.
#[derive(Debug, Clone, Default)]
pub struct FoundPaths {
    /// Index of the receiver `[path]`.
    pub receiver: Vec<u32>,
    /// Length `[path]` [m].
    pub length: Vec<f64>,
    /// End of each path's vertices `[path]`.
    ends: Vec<u64>,
    vertices: Vec<Vertex>,
}

impl FoundPaths {
    /// Number of paths.
    pub fn len(&self) -> usize {
        self.length.len()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.length.is_empty()
    }

    /// Adds a path.
    pub fn push(&mut self, receiver: u32, length: f64, vertices: &[Vertex]) {
        self.receiver.push(receiver);
        self.length.push(length);
        self.vertices.extend_from_slice(vertices);
        self.ends.push(self.vertices.len() as u64);
    }

    /// Adds a path from an iterator of its vertices.
    pub fn push_chain(&mut self, receiver: u32, length: f64, vertices: impl IntoIterator<Item = Vertex>) {
        self.receiver.push(receiver);
        self.length.push(length);
        self.vertices.extend(vertices);
        self.ends.push(self.vertices.len() as u64);
    }

    /// Keeps the paths whose vertices are `wanted`.
    pub fn retain(&mut self, wanted: impl Fn(&[Vertex]) -> bool) {
        let mut kept = FoundPaths::default();
        for path in 0..self.len() {
            let vertices = self.vertices_of(path);
            if wanted(vertices) {
                kept.push(self.receiver[path], self.length[path], vertices);
            }
        }
        *self = kept;
    }

    /// The paths that are not `left_out` `[path]`.
    pub fn where_not(self, left_out: &[bool]) -> FoundPaths {
        if !left_out.contains(&true) {
            return self;
        }
        let mut kept = FoundPaths::default();
        for path in (0..self.len()).filter(|path| !left_out[*path]) {
            kept.push(self.receiver[path], self.length[path], self.vertices_of(path));
        }
        kept
    }

    /// Paths by receiver, length and vertices, so that nothing depends on the order in which they were found.
    pub fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let key = |path: usize| self.vertices_of(path).iter().map(|vertex| vertex.facet);
        order.sort_by(|a, b| {
            let by_end = self.receiver[*a].cmp(&self.receiver[*b]).then(self.length[*a].total_cmp(&self.length[*b]));
            by_end.then_with(|| key(*a).cmp(key(*b)))
        });
        order
    }

    /// Adds all paths of `other`.
    pub fn append(&mut self, other: &FoundPaths) {
        let before = self.vertices.len() as u64;
        self.receiver.extend_from_slice(&other.receiver);
        self.length.extend_from_slice(&other.length);
        self.vertices.extend_from_slice(&other.vertices);
        self.ends.extend(other.ends.iter().map(|end| end + before));
    }

    /// The vertices of a path, from the source on.
    pub fn vertices_of(&self, path: usize) -> &[Vertex] {
        let start = if path == 0 { 0 } else { self.ends[path - 1] };
        &self.vertices[start as usize..self.ends[path] as usize]
    }
}

/// A point that paths start from or end at: a radio, or one element of its array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndPoint {
    /// Index of the radio.
    pub radio: u32,
    /// Element of its array, or [`ALL_ELEMENTS`].
    pub element: u32,
    /// Position [m], local.
    pub position: Vec3,
}

/// Two paths of a link over the same points: vertices this near are the same [m].
const SAME_VERTEX_M: f64 = 1e-6;

/// One found path on its way into [`Paths`].
#[derive(Clone, Copy)]
struct Entry {
    link: u64,
    length: f64,
    source: u32,
    path: u32,
}

/// Puts the paths of all sources together: link = receiver * transmitters + transmitter, and within a link by length,
/// then by chain, then by element. Paths over the same points are kept once and counted.
pub fn assemble(
    geometry: &Geometry,
    sources: &[EndPoint],
    receivers: &[EndPoint],
    found: &[FoundPaths],
    [transmitter_count, receiver_count]: [usize; 2],
    counters: &mut Counters,
) -> Paths {
    let mut entries = Vec::with_capacity(found.iter().map(FoundPaths::len).sum());
    for (source, (end, paths)) in sources.iter().zip(found).enumerate() {
        entries.extend(paths.receiver.iter().zip(&paths.length).enumerate().map(|(path, (receiver, length))| {
            let receiver = u64::from(receivers[*receiver as usize].radio);
            let link = receiver * transmitter_count as u64 + u64::from(end.radio);
            Entry { link, length: *length, source: source as u32, path: path as u32 }
        }));
    }
    let key = |e: &Entry| {
        let paths = &found[e.source as usize];
        let chain = paths.vertices_of(e.path as usize).iter().map(|v| v.facet);
        (chain, e.source, paths.receiver[e.path as usize])
    };
    let order = |a: &Entry, b: &Entry| -> Ordering {
        let by_length = a.link.cmp(&b.link).then(a.length.total_cmp(&b.length));
        by_length.then_with(|| {
            let ((chain_a, source_a, receiver_a), (chain_b, source_b, receiver_b)) = (key(a), key(b));
            chain_a.cmp(chain_b).then(source_a.cmp(&source_b)).then(receiver_a.cmp(&receiver_b))
        })
    };
    rayon::slice::ParallelSliceMut::par_sort_unstable_by(entries.as_mut_slice(), order);
    let mut builder = Builder { geometry, sources, receivers, found, paths: Paths::default() };
    builder.paths.transmitters = transmitter_count;
    builder.paths.receivers = receiver_count;
    builder.paths.vertex_offsets.push(0);
    builder.paths.offsets.push(0);
    let links = transmitter_count * receiver_count;
    for link in entries.chunk_by(|a, b| a.link == b.link) {
        builder.close_links(link[0].link as usize);
        for (i, entry) in link.iter().enumerate() {
            if builder.repeats_one_of(entry, &link[..i]) {
                counters.duplicate += 1;
            } else {
                builder.push(entry);
            }
        }
    }
    builder.close_links(links);
    counters.paths += builder.paths.len() as u64;
    builder.paths
}

struct Builder<'a> {
    geometry: &'a Geometry<'a>,
    sources: &'a [EndPoint],
    receivers: &'a [EndPoint],
    found: &'a [FoundPaths],
    paths: Paths,
}

impl Builder<'_> {
    fn vertices_of(&self, entry: &Entry) -> &[Vertex] {
        self.found[entry.source as usize].vertices_of(entry.path as usize)
    }

    fn receiver_of(&self, entry: &Entry) -> u32 {
        self.found[entry.source as usize].receiver[entry.path as usize]
    }

    /// Whether an earlier path of the link, with the same ends, runs over the same points. Paths that end in a sample of a
    /// surface do not repeat each other, however near their samples are.
    fn repeats_one_of(&self, entry: &Entry, earlier: &[Entry]) -> bool {
        let vertices = self.vertices_of(entry);
        if vertices.last().is_some_and(|vertex| vertex.interaction.is_scattering()) {
            return false;
        }
        let near = earlier.iter().rev().take_while(|other| entry.length - other.length <= SAME_VERTEX_M);
        near.filter(|other| other.source == entry.source && self.receiver_of(other) == self.receiver_of(entry)).any(
            |other| {
                let theirs = self.vertices_of(other);
                let same = |(a, b): (&Vertex, &Vertex)| (a.position - b.position).norm() <= SAME_VERTEX_M;
                theirs.len() == vertices.len() && theirs.iter().zip(vertices).all(same)
            },
        )
    }

    /// Ends every link before `link`.
    fn close_links(&mut self, link: usize) {
        let paths = self.paths.len() as u64;
        self.paths.offsets.resize(link + 1, paths);
    }

    fn push(&mut self, entry: &Entry) {
        let source = &self.sources[entry.source as usize];
        let receiver = &self.receivers[self.receiver_of(entry) as usize];
        let vertices = self.found[entry.source as usize].vertices_of(entry.path as usize);
        self.paths.push(self.geometry, [source, receiver], entry.length, vertices);
    }
}

impl Paths {
    /// Adds a path behind all others; offsets of links are left as they are.
    pub fn push(&mut self, geometry: &Geometry, ends: [&EndPoint; 2], length: f64, vertices: &[Vertex]) {
        let (Geometry { scene, facets, .. }, [source, receiver]) = (geometry, ends);
        let first = vertices.first().map_or(receiver.position, |v| v.position);
        let last = vertices.last().map_or(source.position, |v| v.position);
        self.length.push(length);
        self.departure.push((first - source.position).normalize());
        self.arrival.push((receiver.position - last).normalize());
        self.transmitter_element.push(source.element);
        self.receiver_element.push(receiver.element);
        let (mut at, mut distance) = (source.position, 0.0);
        for vertex in vertices {
            distance += (vertex.position - at).norm();
            at = vertex.position;
            self.distance.push(distance);
            let object = scene.object_of(vertex.triangle);
            self.interaction.push(vertex.interaction);
            self.area.push(vertex.area);
            self.object.push(object);
            self.primitive.push(vertex.triangle - scene.objects[object as usize].first_triangle);
            self.facet.push(vertex.facet);
            self.normal.push(Vec3::from(facets.plane(vertex.facet).normal));
            self.vertex.push(vertex.position + scene.origin);
        }
        self.vertex_offsets.push(self.vertex.len() as u64);
    }
}

/// The end points of radios at `positions` (local): one each, or one for each element where `elements` gives offsets.
pub fn end_points(radios: impl Iterator<Item = (Vec3, Option<Vec<Vec3>>)>) -> Vec<EndPoint> {
    radios
        .enumerate()
        .flat_map(|(radio, (position, elements))| {
            let radio = radio as u32;
            match elements {
                None => vec![EndPoint { radio, element: ALL_ELEMENTS, position }],
                Some(offsets) => (0..)
                    .zip(offsets)
                    .map(|(element, offset)| EndPoint { radio, element, position: position + offset })
                    .collect(),
            }
        })
        .collect()
}
