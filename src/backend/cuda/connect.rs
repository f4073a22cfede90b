//! All chains against all receivers on the device: beams meet boxes of receivers, pairs are refined, what is left is
//! tested for visibility.

use super::buffer::{Buffer, Pinned};
use super::fault::{OnDevice, with_parts};
use super::kernels::{Chains, Pairs, ROW};
use super::{Cuda, Resident, coordinates, locked};
use crate::error::{Error, Result};
use crate::layout::{Box3, ChainNode, Pair, PathVertex};
use crate::math::Vec3;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::receivers::ReceiverBoxes;
use crate::path::refine::Vertex;
use crate::path::{FoundPaths, SolverOptions};
use crate::progress::Progress;
use cudarc::driver::CudaStream;
use std::ops::Range;
use std::sync::Arc;

/// Verdicts that kernels count, in the order of `Verdict` in `cuda/path/refine.cuh`: found, off the facet, on the wrong
/// side, degenerate, coincident, blocked.
pub const VERDICTS: usize = 6;

/// Pairs that are refined at once, at first, and at the least.
const PAIRS_AT_ONCE: usize = 1 << 18;
const LEAST_PAIRS: usize = 1 << 10;
/// Pairs of a chain and a box of receivers that are tested at once.
const MEETINGS_AT_ONCE: usize = 1 << 24;

/// What is kept from call to call.
pub struct Work {
    pairs_at_once: usize,
    stream: Arc<CudaStream>,
    nodes: Buffer<ChainNode>,
    corners: Buffer<f64>,
    boxes: Buffer<Box3>,
    receivers: Buffer<f64>,
    rows: Buffer<f64>,
    row_counts: Buffer<u32>,
    pairs: Buffer<Pair>,
    pair_count: Buffer<u32>,
    counted: Pinned<u32>,
    lanes: [Lane; 2],
}

/// One of two sets of buffers that take turns.
struct Lane {
    stream: Arc<CudaStream>,
    vertices: Buffer<PathVertex>,
    left: Buffer<u32>,
    left_count: Buffer<u32>,
    verdicts: Buffer<u32>,
    found: Buffer<Pair>,
    found_vertices: Buffer<PathVertex>,
    verdicts_back: Pinned<u32>,
    found_back: Pinned<Pair>,
    vertices_back: Pinned<PathVertex>,
    busy: bool,
}

impl Work {
    /// Nothing yet.
    pub fn new(streams: [Arc<CudaStream>; 2]) -> Work {
        Work {
            pairs_at_once: PAIRS_AT_ONCE,
            stream: streams[0].clone(),
            nodes: Buffer::default(),
            corners: Buffer::default(),
            boxes: Buffer::default(),
            receivers: Buffer::default(),
            rows: Buffer::default(),
            row_counts: Buffer::default(),
            pairs: Buffer::default(),
            pair_count: Buffer::default(),
            counted: Pinned::default(),
            lanes: streams.map(Lane::new),
        }
    }

    /// Gives all memory back.
    pub fn release(&mut self) {
        let (pairs_at_once, streams) = (self.pairs_at_once, self.lanes.each_ref().map(|lane| lane.stream.clone()));
        *self = Work { pairs_at_once, ..Work::new(streams) };
    }
}

impl Lane {
    fn new(stream: Arc<CudaStream>) -> Lane {
        Lane {
            stream,
            vertices: Buffer::default(),
            left: Buffer::default(),
            left_count: Buffer::default(),
            verdicts: Buffer::default(),
            found: Buffer::default(),
            found_vertices: Buffer::default(),
            verdicts_back: Pinned::default(),
            found_back: Pinned::default(),
            vertices_back: Pinned::default(),
            busy: false,
        }
    }

    fn release(&mut self) {
        *self = Lane::new(self.stream.clone());
    }

    fn reserve(&mut self, pairs: usize, depth: usize) -> Result<()> {
        let stream = &self.stream;
        self.vertices.reserve(stream, pairs * depth)?;
        self.left.reserve(stream, pairs)?;
        self.left_count.reserve(stream, 1)?;
        self.verdicts.reserve(stream, VERDICTS)?;
        self.found.reserve(stream, pairs)?;
        self.found_vertices.reserve(stream, pairs * depth)?;
        Ok(())
    }
}

/// Finds the paths over all chains of `trie` to all receivers of `boxes`.
pub fn connect(
    cuda: &Cuda,
    resident: &Resident,
    trie: &ChainTrie,
    boxes: &ReceiverBoxes,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> Result<FoundPaths> {
    let mut work = locked(&cuda.connect);
    let mut connection = Connection {
        cuda,
        resident,
        trie,
        boxes,
        counters,
        work: &mut work,
        found: FoundPaths::default(),
        depth: 1,
        corner_offsets: Vec::new(),
    };
    cuda.with_room(|| connection.prepare())?;
    progress.begin("connect", trie.len() as u64);
    if options.line_of_sight {
        connection.try_direct_paths()?;
    }
    connection.try_chains(progress)?;
    Ok(connection.found)
}

struct Connection<'a> {
    cuda: &'a Cuda,
    resident: &'a Resident,
    trie: &'a ChainTrie,
    boxes: &'a ReceiverBoxes,
    counters: &'a mut Counters,
    work: &'a mut Work,
    found: FoundPaths,
    /// Vertices that a path has room for: as many as the longest chain has facets.
    depth: usize,
    /// First corner of each window among all corners `[node + 1]`.
    corner_offsets: Vec<u64>,
}

impl Connection<'_> {
    /// Copies chains and receivers to the device and makes room for the rest.
    fn prepare(&mut self) -> Result<()> {
        let (trie, work) = (self.trie, &mut *self.work);
        self.depth = trie.depth.iter().max().map_or(1, |depth| *depth as usize).max(1);
        let (mut nodes, mut corners) = (Vec::with_capacity(trie.len()), Vec::new());
        self.corner_offsets = vec![0];
        for node in 0..trie.len() {
            let window = trie.window_of(node as u32);
            let corner = self.corner_offsets[node];
            nodes.push(ChainNode {
                image: trie.image[node].into(),
                corner,
                corners: window.len() as u32,
                parent: trie.parent[node],
                facet: trie.facet[node],
                depth: trie.depth[node],
            });
            corners.extend(coordinates(window));
            self.corner_offsets.push(corner + window.len() as u64);
        }
        let bounds: Vec<Box3> = self.boxes.bounds().iter().map(box_of).collect();
        let receivers: Vec<f64> = coordinates(self.boxes.all().1).collect();
        let stream = &work.stream;
        work.nodes.upload(stream, &nodes)?;
        work.corners.upload(stream, &corners)?;
        work.boxes.upload(stream, &bounds)?;
        work.receivers.upload(stream, &receivers)?;
        work.pair_count.reserve(stream, 1)?;
        let (lanes, pairs, rows) = (&mut work.lanes, &mut work.pairs, &mut work.rows);
        let (receivers, depth) = (self.boxes.all().0.len(), self.depth);
        work.pairs_at_once = with_parts(work.pairs_at_once, LEAST_PAIRS, |at_once| {
            let mut reserve = || -> Result<()> {
                // All receivers may be in the beam of one chain.
                pairs.reserve(stream, at_once.max(receivers))?;
                // Frusta have their share before pairs take all.
                rows.reserve(stream, ROW as usize * at_once)?;
                lanes.iter_mut().try_for_each(|lane| lane.reserve(at_once, depth))
            };
            let fits = reserve();
            if fits.is_err() {
                // All get the same share: what the first ones took must not stay with them.
                (*pairs, *rows) = (Buffer::default(), Buffer::default());
                lanes.iter_mut().for_each(Lane::release);
            }
            fits.map(|()| at_once)
        })?;
        work.lanes.iter_mut().for_each(|lane| lane.busy = false);
        // The lanes' streams read what this one has copied.
        work.stream.synchronize().on_device(|| "copying chains and receivers".into())
    }

    fn try_direct_paths(&mut self) -> Result<()> {
        let receivers = self.boxes.all().0.len();
        let pairs: Vec<Pair> = (0..receivers as u32).map(|receiver| Pair { node: 0, receiver }).collect();
        self.work.pairs.upload(&self.work.stream, &pairs)?;
        let before = self.counters.degenerate;
        self.try_pairs(receivers)?;
        // Without a chain, only devices at the same point are degenerate.
        self.counters.coincident_devices += self.counters.degenerate - before;
        self.counters.degenerate = before;
        Ok(())
    }

    /// Tries all chains, as many at once as there is room for their pairs.
    fn try_chains(&mut self, progress: &dyn Progress) -> Result<()> {
        let boxes = self.boxes.bounds().len();
        if boxes == 0 {
            return Ok(());
        }
        let mut most = (MEETINGS_AT_ONCE / boxes).max(1);
        let (mut first, mut count) = (1, most);
        while first < self.trie.len() {
            count = count.min(self.trie.len() - first);
            let pairs = match self.meet(first..first + count) {
                // Fewer chains have fewer frusta.
                Err(Error::DeviceMemory(_)) if count > 1 => {
                    count = count.div_ceil(2);
                    most = count;
                    continue;
                }
                pairs => pairs?,
            };
            if pairs > self.work.pairs.get().len() {
                // One chain alone always has room.
                count = count.div_ceil(2);
                continue;
            }
            self.try_pairs(pairs)?;
            progress.advance(count as u64);
            first += count;
            if pairs * 2 < self.work.pairs.get().len() {
                count = (count * 2).min(most);
            }
        }
        Ok(())
    }

    /// Lists the pairs of some chains and the receivers in their beams; their number, even if not all had room.
    fn meet(&mut self, nodes: Range<usize>) -> Result<usize> {
        let (work, kernels) = (&mut *self.work, &self.cuda.kernels);
        let [first_corner, end] = [nodes.start, nodes.end].map(|node| self.corner_offsets[node]);
        let chains = Chains {
            nodes: work.nodes.get(),
            first: nodes.start as u32,
            count: nodes.len() as u32,
            first_corner,
            corners: end - first_corner,
        };
        let stream = &work.stream;
        let rows = work.rows.reserve(stream, (ROW * chains.rows()) as usize)?;
        let row_counts = work.row_counts.reserve(stream, nodes.len())?;
        let run = box_of(self.boxes.run());
        kernels.build_frusta(stream, self.resident.view(), &chains, work.corners.get(), &run, rows, row_counts)?;
        let pair_count = work.pair_count.get_mut();
        stream.memset_zeros(pair_count).on_device(|| "clearing a count".into())?;
        kernels.meet_receivers(
            stream,
            &chains,
            rows,
            row_counts,
            work.boxes.get(),
            self.boxes.bounds().len() as u32,
            work.receivers.get(),
            self.boxes.all().0.len() as u32,
            work.pairs.get_mut(),
            pair_count,
        )?;
        work.counted.begin(stream, pair_count, 1)?;
        Ok(work.counted.wait()?[0] as usize)
    }

    /// Refines the first `count` pairs of the list and keeps the paths.
    fn try_pairs(&mut self, count: usize) -> Result<()> {
        self.work.stream.synchronize().on_device(|| "listing pairs".into())?;
        self.counters.candidates += count as u64;
        let at_once = self.work.pairs_at_once;
        let turns = count.div_ceil(at_once);
        for turn in 0..turns {
            self.collect(turn)?;
            let from = turn * at_once;
            self.refine(turn, from..count.min(from + at_once))?;
        }
        self.collect(turns)?;
        self.collect(turns + 1)
    }

    fn refine(&mut self, turn: usize, pairs: Range<usize>) -> Result<()> {
        let Work { nodes, receivers, pairs: list, lanes, .. } = &mut *self.work;
        let lane = &mut lanes[turn % 2];
        let (stream, view, kernels) = (&lane.stream, self.resident.view(), &self.cuda.kernels);
        for counts in [&mut lane.left_count, &mut lane.verdicts] {
            stream.memset_zeros(counts.get_mut()).on_device(|| "clearing counts".into())?;
        }
        let pairs = Pairs {
            nodes: nodes.get(),
            receivers: receivers.get(),
            list: list.get(),
            from: pairs.start,
            count: pairs.len() as u32,
            depth: self.depth as u32,
        };
        kernels.refine_pairs(
            stream,
            view,
            &pairs,
            lane.vertices.get_mut(),
            lane.left.get_mut(),
            lane.left_count.get_mut(),
            lane.verdicts.get_mut(),
        )?;
        kernels.keep_visible(
            stream,
            view,
            &pairs,
            lane.vertices.get(),
            lane.left.get(),
            lane.left_count.get(),
            lane.found.get_mut(),
            lane.found_vertices.get_mut(),
            lane.verdicts.get_mut(),
        )?;
        lane.verdicts_back.begin(stream, lane.verdicts.get(), VERDICTS)?;
        lane.busy = true;
        Ok(())
    }

    /// Reads back what the lane of a turn has found.
    fn collect(&mut self, turn: usize) -> Result<()> {
        let lane = &mut self.work.lanes[turn % 2];
        if !std::mem::take(&mut lane.busy) {
            return Ok(());
        }
        let verdicts: [u32; VERDICTS] = lane.verdicts_back.wait()?.try_into().expect("as many were copied");
        let [found, off_facet, wrong_side, degenerate, coincident, blocked] = verdicts.map(u64::from);
        let counters = &mut *self.counters;
        counters.off_facet += off_facet;
        counters.wrong_side += wrong_side;
        counters.degenerate += degenerate;
        counters.coincident += coincident;
        counters.blocked += blocked;
        lane.found_back.begin(&lane.stream, lane.found.get(), found as usize)?;
        lane.vertices_back.begin(&lane.stream, lane.found_vertices.get(), found as usize * self.depth)?;
        let (index, position) = self.boxes.all();
        let mut path = Vec::with_capacity(self.depth);
        for (pair, vertices) in lane.found_back.wait()?.iter().zip(lane.vertices_back.wait()?.chunks(self.depth)) {
            let (node, receiver) = (pair.node as usize, pair.receiver as usize);
            path.clear();
            path.extend(vertices[..self.trie.depth[node] as usize].iter().map(vertex_of));
            let length = (position[receiver] - self.trie.image[node]).norm();
            self.found.push(index[receiver], length, &path);
        }
        Ok(())
    }
}

fn box_of((low, high): &(Vec3, Vec3)) -> Box3 {
    Box3 { low: (*low).into(), high: (*high).into() }
}

fn vertex_of(vertex: &PathVertex) -> Vertex {
    Vertex::reflection(vertex.position.into(), vertex.facet, vertex.triangle)
}
