//! Each stage as it is measured: what it is given, what is counted, and the least that it has to do.

use super::roof::operations_per_ray;
use super::site::{Ends, Rays};
use super::work::{blocked, closest_hits};
use super::{Done, Machine, Options, Row, Site, Stage, Timed};
use crate::backend::Loaded;
use crate::error::Result;
use crate::geometry::bvh::Bvh;
use crate::geometry::facet::Facets;
use crate::geometry::triangle::Ray;
use crate::math::Vec3;
use crate::math::random::fibonacci_direction;
use crate::path::beam::Frustum;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, assemble};
use crate::path::receivers::ReceiverBoxes;
use crate::path::refine::refine;
use crate::path::search::Span;
use crate::path::{ALL_ELEMENTS, CandidateMethod, FoundPaths, Paths, SolverOptions};
use crate::progress::Silent;
use rayon::prelude::*;
use std::sync::OnceLock;

/// Carrier of the field stage: any will do [Hz].
const CARRIER_HZ: f64 = 28e9;
/// Candidates of the refine stage.
const CANDIDATES: usize = 1 << 16;
/// One of so many rays is counted for the roof.
const RAYS_PER_SAMPLE: usize = 16;

type Sink<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

/// A site made ready: what earlier stages yield is computed once, for those that need it.
pub(super) struct Bench<'a> {
    site: &'a Site,
    options: &'a Options,
    machine: &'a Machine,
    geometry: Loaded<'a>,
    ends: Ends,
    solver: SolverOptions,
    rays: OnceLock<Rays>,
    trie: OnceLock<ChainTrie>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(site: &'a Site, options: &'a Options, machine: &'a Machine) -> Result<Bench<'a>> {
        let geometry = options.backend.load(&site.scene)?;
        let ends = Ends::new(site, &geometry, options.receivers);
        let candidates = CandidateMethod::Launch;
        let solver = SolverOptions { max_depth: options.depth, candidates, ..SolverOptions::default() };
        let (rays, trie) = (OnceLock::new(), OnceLock::new());
        Ok(Bench { site, options, machine, geometry, ends, solver, rays, trie })
    }

    pub(super) fn run(&self, stages: &[Stage], sink: Sink) -> Result<()> {
        for stage in stages {
            match stage {
                Stage::BvhBuild => self.bvh_build(sink)?,
                Stage::Facets => self.facets(sink)?,
                Stage::ClosestHit => self.closest_hit(sink)?,
                Stage::AnyHit => self.any_hit(sink)?,
                Stage::Launch => self.launch(sink)?,
                Stage::Connect => self.connect(sink)?,
                Stage::Refine => self.refine(sink)?,
                Stage::Field => self.field(sink)?,
            }
        }
        Ok(())
    }

    fn rays(&self) -> &Rays {
        self.rays.get_or_init(|| Rays::new(self.site, &self.geometry, self.options.side))
    }

    fn trie(&self) -> Result<&ChainTrie> {
        if let Some(trie) = self.trie.get() {
            return Ok(trie);
        }
        let (trie, _) = self.chains()?;
        Ok(self.trie.get_or_init(|| trie))
    }

    fn timed<T>(&self, work: impl FnMut() -> T, count: impl Fn(&T) -> Done) -> Timed {
        Timed::new(self.options.seconds, work, count)
    }

    fn triangles(&self) -> u64 {
        self.site.scene.triangles.len() as u64
    }

    /// Roof of a stage that has to read and write so many bytes for each of `items`.
    fn copy_roof(&self, bytes: usize, items: u64) -> Option<f64> {
        Some(self.machine.copy_bytes_per_s * items as f64 / bytes as f64)
    }

    /// Least: the corners are read, nodes and leaves written, once.
    fn bvh_build(&self, sink: Sink) -> Result<()> {
        let done = Done { items: self.triangles(), found: self.geometry.bvh.nodes.len() as u64 };
        let timed = self.timed(|| Bvh::build(&self.site.scene), |_| done);
        let bvh = &self.geometry.bvh;
        let written = size_of_val(&bvh.nodes[..]) + size_of_val(&bvh.blocks[..]);
        let roof = self.copy_roof(done.items as usize * size_of::<[Vec3; 3]>() + written, done.items);
        sink(timed.row("bvh_build", self.site, "triangles", done, roof))
    }

    /// Least: the corners are read, facet and patch of each triangle written, once.
    fn facets(&self, sink: Sink) -> Result<()> {
        let items = self.triangles();
        let build = || Facets::build(&self.site.scene, &self.geometry.bvh);
        let timed = self.timed(build, |facets| Done { items, found: facets.len() as u64 });
        let roof = self.copy_roof(items as usize * (size_of::<[Vec3; 3]>() + size_of::<[u32; 2]>()), items);
        sink(timed.row("facets", self.site, "triangles", timed.done, roof))
    }

    /// Least: the operations of every node and leaf that the walk enters.
    fn closest_hit(&self, sink: Sink) -> Result<()> {
        let rays = self.rays();
        for (kind, rays) in [("closest_hit/camera", &rays.camera), ("closest_hit/random", &rays.random)] {
            let (level, bvh, items) = (self.options.level, &self.geometry.bvh, rays.len() as u64);
            let timed = self.timed(|| closest_hits(level, bvh, rays), |hits| Done { items, found: *hits });
            sink(timed.row(kind, self.site, "rays", timed.done, self.ray_roof(rays)))?;
        }
        Ok(())
    }

    fn ray_roof(&self, rays: &[Ray]) -> Option<f64> {
        let sample: Vec<Ray> = rays.iter().step_by(RAYS_PER_SAMPLE).copied().collect();
        Some(self.machine.operations_per_s / operations_per_ray(&self.geometry.bvh, &sample))
    }

    /// The least work is not known: it depends on which blocker is met first.
    fn any_hit(&self, sink: Sink) -> Result<()> {
        let rays = self.rays();
        let items = rays.shadow.len() as u64;
        let timed = self
            .timed(|| blocked(self.options.level, &self.geometry, &rays.shadow), |hits| Done { items, found: *hits });
        sink(timed.row("any_hit/shadow", self.site, "rays", timed.done, None))
    }

    /// Least: the operations of a first hit from the transmitter, for each segment.
    fn launch(&self, sink: Sink) -> Result<()> {
        // What fails here fails while it is timed as well, and is said once.
        self.trie()?;
        let count = |found: &Result<(ChainTrie, Counters)>| match found {
            Ok((trie, counters)) => Done { items: counters.segments, found: trie.len() as u64 - 1 },
            Err(_) => Done { items: 0, found: 0 },
        };
        let timed = self.timed(|| self.chains(), count);
        let directions = (0..self.solver.rays).map(|i| fibonacci_direction(i, self.solver.rays));
        let rays: Vec<Ray> = directions.map(|way| Ray::from_f64(&self.ends.transmitter, &way)).collect();
        sink(timed.row("launch", self.site, "segments", timed.done, self.ray_roof(&rays)))
    }

    fn chains(&self) -> Result<(ChainTrie, Counters)> {
        let mut counters = Counters::default();
        let (backend, span) = (&self.options.backend, Span::from(&self.ends.transmitter));
        let trie = backend.chains(&self.geometry, &span, &self.solver, &mut counters, &Silent)?;
        Ok((trie, counters))
    }

    /// The least work is not known: beams spare most pairs any test.
    fn connect(&self, sink: Sink) -> Result<()> {
        let trie = self.trie()?;
        let items = trie.len() as u64 * u64::from(self.options.receivers);
        self.connected(trie)?;
        let paths_of = |found: &Result<FoundPaths>| found.as_ref().map_or(0, |found| found.len() as u64);
        let timed = self.timed(|| self.connected(trie), |found| Done { items, found: paths_of(found) });
        sink(timed.row("connect/pairs", self.site, "pairs", timed.done, None))?;
        let paths = Done { items: timed.done.found, ..timed.done };
        sink(timed.row("connect/paths", self.site, "paths", paths, None))
    }

    fn connected(&self, trie: &ChainTrie) -> Result<FoundPaths> {
        let (backend, receivers) = (&self.options.backend, &self.ends.receivers);
        backend.connect(
            &self.geometry,
            trie,
            &ReceiverBoxes::of_all(receivers),
            &self.solver,
            &mut Counters::default(),
            &Silent,
        )
    }

    /// The least work is not known: a candidate may fail at its first point.
    fn refine(&self, sink: Sink) -> Result<()> {
        let trie = self.trie()?;
        let candidates = self.candidates(trie);
        let items = candidates.len() as u64;
        let paths_of = |candidates: &[(u32, u32)]| {
            let mut vertices = Vec::new();
            let mut is_path = |(node, receiver): &&(u32, u32)| {
                let receiver = &self.ends.receivers[*receiver as usize];
                refine(self.options.level, &self.geometry, trie, *node, receiver, &mut vertices).is_ok()
            };
            candidates.iter().filter(|candidate| is_path(candidate)).count() as u64
        };
        let timed =
            self.timed(|| candidates.par_chunks(256).map(paths_of).sum::<u64>(), |paths| Done { items, found: *paths });
        sink(timed.row("refine", self.site, "candidates", timed.done, None))
    }

    /// Chains and receivers in their beams, thinned out evenly to at most [`CANDIDATES`].
    fn candidates(&self, trie: &ChainTrie) -> Vec<(u32, u32)> {
        let boxes = ReceiverBoxes::of_all(&self.ends.receivers);
        let mut frustum = Frustum::default();
        let mut all = Vec::new();
        for node in (1..trie.len() as u32).filter(|node| trie.is_in_reach(*node)) {
            let facets = &self.geometry.facets;
            boxes.for_each_in_beam(facets, trie, node, &mut frustum, |receiver, _| all.push((node, receiver)));
        }
        let step = all.len().div_ceil(CANDIDATES).max(1);
        all.into_iter().step_by(step).collect()
    }

    /// Least: the paths are read and their coefficients written, once.
    fn field(&self, sink: Sink) -> Result<()> {
        let trie = self.trie()?;
        let radios = self.ends.radios(self.site, CARRIER_HZ)?;
        let paths = self.paths(trie)?;
        let done = Done { items: paths.len() as u64, found: paths.vertex.len() as u64 };
        let field = || self.options.backend.field(&self.site.scene, &radios, &paths, &[CARRIER_HZ]);
        field()?;
        let timed = self.timed(field, |_| done);
        let roof = self.copy_roof(bytes_of(&paths), done.items);
        sink(timed.row("field", self.site, "paths", done, roof))
    }

    fn paths(&self, trie: &ChainTrie) -> Result<Paths> {
        let end = |radio: usize, position: &Vec3| EndPoint {
            radio: radio as u32,
            element: ALL_ELEMENTS,
            position: *position,
        };
        let receivers: Vec<EndPoint> = self.ends.receivers.iter().enumerate().map(|(i, p)| end(i, p)).collect();
        let sources = [end(0, &self.ends.transmitter)];
        let counts = [1, receivers.len()];
        let found = [self.connected(trie)?];
        Ok(assemble(&self.geometry, &sources, &receivers, &found, counts, &mut Counters::default()))
    }
}

/// What the field reads of the paths and writes for them: a complex number, two pairs of angles, a delay and a Doppler shift.
fn bytes_of(paths: &Paths) -> usize {
    let path = size_of::<f64>() + 2 * size_of::<Vec3>() + size_of::<[u64; 2]>();
    let vertex = size_of::<Vec3>() + size_of::<[u32; 2]>();
    let written = size_of::<[f64; 2]>() + 6 * size_of::<f64>();
    paths.len() * (path + written) + paths.vertex.len() * vertex
}
