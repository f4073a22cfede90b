//! Rays of the guided launch on the device: the host aims, the device follows, the host looks which chains are new.

use super::buffer::{Buffer, Pinned};
use super::fault::with_parts;
use super::{Cuda, Resident, coordinates, locked};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::layout::{AimedWindow, Point};
use crate::math::Vec3;
use crate::path::SolverOptions;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::launch::{NewChains, Sight, Target, key_of_rays};
use crate::path::search::{self, FoundAtTargets, Shooter, Span};
use crate::progress::Progress;
use cudarc::driver::CudaStream;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Rays whose chains wait to be put into the trie together: several launches, so that they overlap.
const BATCH: u64 = 1 << 20;
/// Rays of one launch, at first: about as many as a large device holds threads.
const RAYS_AT_ONCE: usize = 1 << 18;
/// Fewer rays at once are not worth a launch.
const LEAST_RAYS: usize = 1 << 10;
/// Targets that one task of the pool aims at, or whose chains it looks up.
const TARGETS: usize = 64;
/// Rays whose chains one task of the pool looks up.
const TASK: usize = 512;

/// What is kept from call to call.
pub struct Work {
    lanes: [Lane; 2],
    rays_at_once: usize,
}

impl Work {
    /// Nothing yet.
    pub fn new(streams: [Arc<CudaStream>; 2]) -> Work {
        Work { lanes: streams.map(Lane::new), rays_at_once: RAYS_AT_ONCE }
    }

    /// Gives all memory back.
    pub fn release(&mut self) {
        self.lanes.iter_mut().for_each(Lane::release);
    }
}

/// One of two streams that take turns, and its buffers.
struct Lane {
    stream: Arc<CudaStream>,
    windows: Buffer<AimedWindow>,
    corners: Buffer<f64>,
    facets: Buffer<u32>,
    chains: Buffer<u32>,
    back: Pinned<u32>,
    /// What the lane is computing.
    busy: Option<Part>,
}

/// Rays of one launch.
enum Part {
    AllAround,
    AtTargets(Aimed),
}

/// Targets and how rays are aimed at them; targets that get no rays have their window all the same.
#[derive(Default)]
struct Aimed {
    windows: Vec<AimedWindow>,
    corners: Vec<f64>,
    facets: Vec<u32>,
    /// Node of the chain before each window `[window]`.
    parents: Vec<u32>,
    rays: u64,
}

impl Lane {
    fn new(stream: Arc<CudaStream>) -> Lane {
        let (windows, corners, facets) = (Buffer::default(), Buffer::default(), Buffer::default());
        Lane { stream, windows, corners, facets, chains: Buffer::default(), back: Pinned::default(), busy: None }
    }

    fn reserve(&mut self, words: usize) -> Result<()> {
        self.chains.reserve(&self.stream, words)?;
        self.back.reserve(self.stream.context(), words)
    }

    /// Gives all memory back; a lane that is busy is not asked.
    fn release(&mut self) {
        *self = Lane::new(self.stream.clone());
    }
}

/// Finds the chains that specular paths can take.
pub fn chains(
    cuda: &Cuda,
    resident: &Resident,
    geometry: &Geometry,
    span: &Span,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> Result<ChainTrie> {
    let mut work = locked(&cuda.launch);
    work.lanes.iter_mut().for_each(|lane| lane.busy = None);
    let mut shooter = CudaShooter { cuda, resident, geometry, options, work: &mut work };
    search::chains(&mut shooter, geometry, span, options, counters, progress)
}

struct CudaShooter<'a> {
    cuda: &'a Cuda,
    resident: &'a Resident,
    geometry: &'a Geometry<'a>,
    options: &'a SolverOptions,
    work: &'a mut Work,
}

impl Shooter for CudaShooter<'_> {
    fn batch(&self) -> u64 {
        BATCH
    }

    fn all_around(&mut self, trie: &ChainTrie, rays: Range<u64>, all_rays: u64) -> Result<Vec<NewChains>> {
        self.fit()?;
        let mut found = Vec::new();
        for (turn, first) in rays.clone().step_by(self.work.rays_at_once).enumerate() {
            let count = (rays.end - first).min(self.work.rays_at_once as u64);
            self.collect(turn, trie, |new, _| found.push(new))?;
            let lane = &mut self.work.lanes[turn % 2];
            let (view, source, depth) = (self.resident.view(), point(&trie.image[0]), self.options.max_depth);
            let chains = lane.chains.get_mut();
            let kernels = &self.cuda.kernels;
            kernels.shoot_all_around(&lane.stream, view, &source, first, all_rays, depth, count as u32, chains)?;
            lane.back.begin(&lane.stream, lane.chains.get(), count as usize * depth as usize)?;
            lane.busy = Some(Part::AllAround);
        }
        self.collect_rest(rays.clone().step_by(self.work.rays_at_once).count(), trie, |new, _| found.push(new))?;
        Ok(found)
    }

    fn at_targets(&mut self, trie: &ChainTrie, targets: &[Target]) -> Result<Vec<FoundAtTargets>> {
        self.fit()?;
        let mut found = Vec::new();
        let parts = self.aim(trie, targets);
        let turns = parts.len();
        for (turn, part) in parts.into_iter().enumerate() {
            self.collect(turn, trie, |new, ends| found.push((new, ends)))?;
            let lane = &mut self.work.lanes[turn % 2];
            let (view, source, depth) = (self.resident.view(), point(&trie.image[0]), self.options.max_depth);
            let words = part.rays as usize * depth as usize;
            lane.reserve(words)?;
            self.cuda.kernels.shoot_at_windows(
                &lane.stream,
                view,
                &source,
                lane.windows.upload(&lane.stream, &part.windows)?,
                part.windows.len() as u32,
                lane.corners.upload(&lane.stream, &part.corners)?,
                lane.facets.upload(&lane.stream, &part.facets)?,
                depth,
                part.rays as u32,
                lane.chains.get_mut(),
            )?;
            lane.back.begin(&lane.stream, lane.chains.get(), words)?;
            lane.busy = Some(Part::AtTargets(part));
        }
        self.collect_rest(turns, trie, |new, ends| found.push((new, ends)))?;
        Ok(found)
    }
}

impl CudaShooter<'_> {
    /// Makes room for as many rays at once as the device can hold.
    fn fit(&mut self) -> Result<()> {
        let depth = self.options.max_depth as usize;
        let (start, lanes) = (self.work.rays_at_once, &mut self.work.lanes);
        self.work.rays_at_once = self.cuda.with_room(|| {
            with_parts(start, LEAST_RAYS, |rays| {
                let fits = lanes.iter_mut().try_for_each(|lane| lane.reserve(rays * depth));
                // Both lanes get the same: what the first one took must not stay with it.
                fits.inspect_err(|_| lanes.iter_mut().for_each(Lane::release)).map(|()| rays)
            })
        })?;
        Ok(())
    }

    /// Aims at all targets, cut into parts of as many rays as fit at once.
    fn aim(&self, trie: &ChainTrie, targets: &[Target]) -> Vec<Aimed> {
        let most = self.work.rays_at_once as u64;
        let pieces: Vec<Vec<Aimed>> =
            targets.par_chunks(TARGETS).map(|targets| self.aim_within(most, trie, targets)).collect();
        let mut parts: Vec<Aimed> = Vec::new();
        for piece in pieces.into_iter().flatten() {
            match parts.last_mut() {
                Some(last) if last.rays + piece.rays <= most => last.append(piece),
                _ => parts.push(piece),
            }
        }
        parts
    }

    /// Aims at targets in pieces of no more than `most` rays each, if a piece has more than one target.
    fn aim_within(&self, most: u64, trie: &ChainTrie, targets: &[Target]) -> Vec<Aimed> {
        let (mut aimed, mut sight) = (Aimed::default(), Sight::default());
        targets.iter().for_each(|target| aimed.add(self.geometry, trie, target, self.options, &mut sight));
        if aimed.rays <= most || targets.len() == 1 {
            return vec![aimed];
        }
        let (first, second) = targets.split_at(targets.len() / 2);
        let mut pieces = self.aim_within(most, trie, first);
        pieces.extend(self.aim_within(most, trie, second));
        pieces
    }

    /// Waits for the lane of a turn and hands on the new chains that its rays met, in order.
    fn collect(&mut self, turn: usize, trie: &ChainTrie, mut hand_on: impl FnMut(NewChains, Vec<usize>)) -> Result<()> {
        let lane = &mut self.work.lanes[turn % 2];
        let Some(part) = lane.busy.take() else { return Ok(()) };
        let (chains, depth) = (lane.back.wait()?, self.options.max_depth as usize);
        let found: Vec<FoundAtTargets> = match &part {
            Part::AllAround => chains.par_chunks(TASK * depth).map(|chains| new_of(trie, chains, depth)).collect(),
            Part::AtTargets(aimed) => {
                let starts: Vec<usize> = (0..aimed.windows.len()).step_by(TARGETS).collect();
                let new = |start: &usize| {
                    let own = *start..aimed.windows.len().min(start + TARGETS);
                    aimed.new_of(trie, own, chains, depth)
                };
                starts.par_iter().map(new).collect()
            }
        };
        found.into_iter().for_each(|(new, ends)| hand_on(new, ends));
        Ok(())
    }

    /// Collects what is left after so many turns.
    fn collect_rest(
        &mut self,
        turns: usize,
        trie: &ChainTrie,
        mut hand_on: impl FnMut(NewChains, Vec<usize>),
    ) -> Result<()> {
        self.collect(turns, trie, &mut hand_on)?;
        self.collect(turns + 1, trie, &mut hand_on)
    }
}

fn point(p: &Vec3) -> Point {
    Point { xyz: (*p).into() }
}

fn new_of(trie: &ChainTrie, chains: &[u32], depth: usize) -> FoundAtTargets {
    let mut new = NewChains::default();
    chains.chunks_exact(depth).for_each(|chain| new.keep(trie, chain, (0, &[])));
    (new, Vec::new())
}

impl Aimed {
    fn add(
        &mut self,
        geometry: &Geometry,
        trie: &ChainTrie,
        target: &Target,
        options: &SolverOptions,
        sight: &mut Sight,
    ) {
        let rays = sight.rays_for(geometry, trie, target, options);
        let (corners, facets) = (sight.corners(), &sight.chain);
        self.windows.push(AimedWindow {
            key: key_of_rays(trie, target, options),
            first_ray: self.rays,
            middle: sight.middle.into(),
            area: if rays > 0 { sight.area() } else { 0.0 },
            perimeter: sight.perimeter,
            corner: (self.corners.len() / 3) as u32,
            corners: corners.len() as u32,
            facet: self.facets.len() as u32,
            facets: facets.len() as u32,
            rays,
            turn: target.turn,
            aim: target.aim as u32,
            unused: 0,
        });
        self.parents.push(target.parent);
        self.corners.extend(coordinates(corners));
        self.facets.extend_from_slice(facets);
        self.rays += u64::from(rays);
    }

    fn append(&mut self, other: Aimed) {
        let (corner, facet) = ((self.corners.len() / 3) as u32, self.facets.len() as u32);
        self.windows.extend(other.windows.into_iter().map(|window| AimedWindow {
            first_ray: window.first_ray + self.rays,
            corner: window.corner + corner,
            facet: window.facet + facet,
            ..window
        }));
        self.corners.extend(other.corners);
        self.facets.extend(other.facets);
        self.parents.extend(other.parents);
        self.rays += other.rays;
    }

    /// The new ones of the chains that the rays at some of the windows met.
    fn new_of(&self, trie: &ChainTrie, own: Range<usize>, chains: &[u32], depth: usize) -> FoundAtTargets {
        let (mut new, mut ends) = (NewChains::default(), Vec::with_capacity(own.len()));
        for (window, parent) in self.windows[own.clone()].iter().zip(&self.parents[own]) {
            let facets = &self.facets[window.facet as usize..][..window.facets as usize];
            let met = &chains[window.first_ray as usize * depth..][..window.rays as usize * depth];
            met.chunks_exact(depth).for_each(|chain| new.keep(trie, chain, (*parent, facets)));
            ends.push(new.chains.len());
        }
        (new, ends)
    }
}
