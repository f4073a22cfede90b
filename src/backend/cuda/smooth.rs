//! Soft paths on the device: chains are numbered and looked at in parts, those that may be paths are judged, and the adjoint of
//! their visibility is taken path by path. Which facets a point nearly sees is looked for on the host.

use super::buffer::{Buffer, Pinned};
use super::fault::{OnDevice, with_parts};
use super::kernels::smooth::{Judging, Pulling};
use super::{Cuda, Resident, coordinates, locked};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::clearance::{Clearance, ClearanceBar, Feature};
use crate::geometry::obstacle::Obstacle;
use crate::geometry::outline::Outlines;
use crate::layout::{
    ClearanceAt, LEG, NONE, OutlineAt, OutlineEdge, PASSED, Pointer, SoftAt, SoftBar, SoftLink, SoftVisibility, VERTEX,
};
use crate::math::Vec3;
use crate::path::refine::PlaneBar;
use crate::path::smooth::chains::{Asked, SoftPath, sort};
use crate::path::smooth::{Candidate, ChainBar, Pulled, Test, View, Viewpoint, Visibility, VisibilityBar};
use std::ops::Range;

/// Chains that one launch looks at, and of them those that may be paths: at first and at the least.
const CHAINS_AT_ONCE: u64 = 1 << 24;
const LISTED_AT_ONCE: usize = 1 << 18;
const LEAST_LISTED: usize = 1 << 10;
/// Paths that are pulled back at once.
const PULLED_AT_ONCE: usize = 1 << 18;
const LEAST_PULLED: usize = 1 << 10;

/// Coordinates of a point; numbers of a plane's bar, and of an image with its bar.
const XYZ: usize = 3;
const PLANE_BAR: usize = crate::layout::PLANE_BAR as usize;
const IMAGE: usize = crate::layout::IMAGE as usize;

/// The outlines of a scene in the device's memory; freed with this value.
pub struct ResidentOutlines {
    at: (Pointer<OutlineAt>, Pointer<u32>, Pointer<OutlineEdge>),
    _held: (Buffer<OutlineAt>, Buffer<u32>, Buffer<OutlineEdge>),
}

impl std::fmt::Debug for ResidentOutlines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "outlines at {:#x}", self.at.0.address)
    }
}

impl ResidentOutlines {
    /// Copies what kernels need of a scene's outlines.
    ///
    /// # Errors
    /// The device has too little memory.
    pub fn new(cuda: &Cuda, geometry: &Geometry, outlines: &Outlines) -> Result<ResidentOutlines> {
        let (stream, mut held) = (&cuda.stream, (Buffer::default(), Buffer::default(), Buffer::default()));
        let (all, of_facet, edges) = outlines.records(geometry);
        let at = (held.0.place(stream, &all)?, held.1.place(stream, &of_facet)?, held.2.place(stream, &edges)?);
        stream.synchronize().on_device(|| "copying the outlines".into())?;
        Ok(ResidentOutlines { at, _held: held })
    }

    /// What kernels judge chains of `depth` facets in, links and what their ends see aside.
    pub fn soft_at(&self, resident: &Resident, view: &View, depth: usize) -> SoftAt {
        let softness = &view.softness;
        let (outlines, outline_of_facet, edges) = self.at;
        SoftAt {
            geometry: *resident.view(),
            outlines,
            outline_of_facet,
            edges,
            links: Pointer::new(0),
            seen: Pointer::new(0),
            blocking: softness.blocking,
            on_facet: softness.on_facet,
            reach: softness.reach(),
            kind: softness.kind.number(),
            link_count: 0,
            facet_count: view.geometry.facets.len() as u32,
            depth: depth as u32,
        }
    }
}

/// What is kept from call to call.
#[derive(Default)]
pub struct Work {
    links: Buffer<SoftLink>,
    seen: Buffer<u32>,
    listed: Buffer<u64>,
    count: Buffer<u32>,
    facets: Buffer<u32>,
    found_facets: Buffer<u32>,
    images: Buffer<f64>,
    vertices: Buffer<f64>,
    found_vertices: Buffer<f64>,
    visibilities: Buffer<SoftVisibility>,
    values_bar: Buffer<f64>,
    images_bar: Buffer<f64>,
    vertices_bar: Buffer<f64>,
    scratch: Buffer<f64>,
    planes_bar: Buffer<f64>,
    bars: Buffer<SoftBar>,
    count_back: Pinned<u32>,
    facets_back: Pinned<u32>,
    numbers_back: Pinned<f64>,
    visibilities_back: Pinned<SoftVisibility>,
    bars_back: Pinned<SoftBar>,
}

/// The soft paths of each of the `links`, pairs of a transmitter's and a receiver's point.
///
/// # Errors
/// The device failed.
pub fn soft_paths(
    cuda: &Cuda,
    (resident, outlines): (&Resident, &ResidentOutlines),
    view: &View,
    ends: [&[Viewpoint]; 2],
    links: &[[u32; 2]],
    asked: Asked,
) -> Result<Vec<Vec<SoftPath>>> {
    let mut work = locked(&cuda.smooth);
    let mut found = vec![Vec::new(); links.len()];
    let least_depth = usize::from(!asked.line_of_sight);
    for depth in least_depth..=asked.max_depth as usize {
        let mut search = Search { cuda, view, ends, links, depth, work: &mut work, found: &mut found };
        let at = outlines.soft_at(resident, view, depth);
        let (at, chains) = cuda.with_room(|| search.prepare(at))?;
        search.run(&at, chains)?;
    }
    found.iter_mut().for_each(|paths| sort(paths));
    Ok(found)
}

/// The search for chains of one length.
struct Search<'a> {
    cuda: &'a Cuda,
    view: &'a View<'a>,
    ends: [&'a [Viewpoint]; 2],
    links: &'a [[u32; 2]],
    depth: usize,
    work: &'a mut Work,
    found: &'a mut [Vec<SoftPath>],
}

impl Search<'_> {
    /// Copies links and what their ends see, and makes room for lists; with it, the number of chains.
    fn prepare(&mut self, mut at: SoftAt) -> Result<(SoftAt, u64)> {
        let mut seen = Vec::new();
        let offsets = self.ends.map(|points| -> Vec<[u32; 2]> {
            let mut place = |point: &Viewpoint| {
                seen.extend(&point.facets);
                [(seen.len() - point.facets.len()) as u32, point.facets.len() as u32]
            };
            points.iter().map(&mut place).collect()
        });
        let between = (self.view.geometry.facets.len() as u64).pow(self.depth.saturating_sub(2) as u32);
        let (mut links, mut chains) = (Vec::with_capacity(self.links.len()), 0);
        for [source, target] in self.links {
            let [source, target] = [*source as usize, *target as usize];
            let ([first, firsts], [last, lasts]) = (offsets[0][source], offsets[1][target]);
            links.push(SoftLink {
                from: self.ends[0][source].position.into(),
                to: self.ends[1][target].position.into(),
                first_chain: chains,
                first,
                firsts,
                last,
                lasts,
            });
            chains += match self.depth {
                0 => 1,
                1 => u64::from(firsts),
                _ => u64::from(firsts) * between * u64::from(lasts),
            };
        }
        let (stream, work, depth) = (&self.cuda.stream, &mut *self.work, self.depth);
        at.links = work.links.place(stream, &links)?;
        at.link_count = links.len() as u32;
        at.seen = work.seen.place(stream, &seen)?;
        work.count.reserve(stream, 1)?;
        with_parts(LISTED_AT_ONCE, LEAST_LISTED, |listed| {
            work.listed.reserve(stream, listed)?;
            work.facets.reserve(stream, listed * depth)?;
            work.found_facets.reserve(stream, listed * depth)?;
            work.images.reserve(stream, XYZ * listed * (depth + 1))?;
            work.vertices.reserve(stream, XYZ * listed * depth)?;
            work.found_vertices.reserve(stream, XYZ * listed * depth)?;
            work.visibilities.reserve(stream, listed).map(|_| ())
        })?;
        Ok((at, chains))
    }

    /// Looks at all chains, as many at once as the list has room for those that may be paths.
    fn run(&mut self, at: &SoftAt, chains: u64) -> Result<()> {
        let (mut first, mut count) = (0, CHAINS_AT_ONCE);
        while first < chains {
            count = count.min(chains - first);
            let listed = self.list(at, first..first + count)?;
            // Buffers have grown for longer chains and stay: what all of them hold counts.
            let room = self.room();
            if listed > room {
                // One chain alone always has room.
                count = count.div_ceil(2);
                continue;
            }
            self.judge(at, listed)?;
            first += count;
            if listed * 2 < room {
                count = (count * 2).min(CHAINS_AT_ONCE);
            }
        }
        Ok(())
    }

    /// Chains that the list and what belongs to it have room for.
    fn room(&self) -> usize {
        let Work { listed, facets, images, vertices, found_facets, found_vertices, visibilities, .. } = &*self.work;
        let per = |length: usize, each: usize| length.checked_div(each).unwrap_or(usize::MAX);
        let depth = self.depth;
        [
            listed.get().len(),
            visibilities.get().len(),
            per(facets.get().len().min(found_facets.get().len()), depth),
            per(images.get().len(), XYZ * (depth + 1)),
            per(vertices.get().len().min(found_vertices.get().len()), XYZ * depth),
        ]
        .into_iter()
        .fold(u32::MAX as usize, usize::min)
    }

    fn counted(&mut self) -> Result<usize> {
        let work = &mut *self.work;
        work.count_back.begin(&self.cuda.stream, work.count.get(), 1)?;
        Ok(work.count_back.wait()?[0] as usize)
    }

    fn begin_count(&mut self) -> Result<()> {
        self.cuda.stream.memset_zeros(self.work.count.get_mut()).on_device(|| "clearing a count".into())
    }

    /// Lists the chains that may be paths; their number, even if not all had room.
    fn list(&mut self, at: &SoftAt, chains: Range<u64>) -> Result<usize> {
        self.begin_count()?;
        let (room, Work { listed, count, .. }) = (self.room() as u32, &mut *self.work);
        let number = (chains.end - chains.start) as u32;
        let (listed, count) = (listed.get_mut(), count.get_mut());
        self.cuda.kernels.list_chains(&self.cuda.stream, at, chains.start, number, listed, room, count)?;
        self.counted()
    }

    /// Judges the chains of the list and collects the paths.
    fn judge(&mut self, at: &SoftAt, listed: usize) -> Result<()> {
        self.begin_count()?;
        let (stream, work, depth) = (&self.cuda.stream, &mut *self.work, self.depth);
        let judging = Judging {
            facets: work.facets.get_mut(),
            images: work.images.get_mut(),
            vertices: work.vertices.get_mut(),
            found_facets: work.found_facets.get_mut(),
            found_vertices: work.found_vertices.get_mut(),
            found: work.visibilities.get_mut(),
            found_count: work.count.get_mut(),
        };
        self.cuda.kernels.judge_chains(stream, at, work.listed.get(), listed as u32, judging)?;
        let found = self.counted()?;
        let work = &mut *self.work;
        work.visibilities_back.begin(stream, work.visibilities.get(), found)?;
        work.facets_back.begin(stream, work.found_facets.get(), found * depth)?;
        work.numbers_back.begin(stream, work.found_vertices.get(), XYZ * found * depth)?;
        let visibilities = work.visibilities_back.wait()?;
        let (facets, vertices) = (work.facets_back.wait()?, work.numbers_back.wait()?);
        let mut images = Vec::new();
        for (i, record) in visibilities.iter().enumerate() {
            let chain = &facets[i * depth..(i + 1) * depth];
            let own = &vertices[XYZ * i * depth..XYZ * (i + 1) * depth];
            let own: Vec<Vec3> = own.chunks_exact(XYZ).map(Vec3::from_column_slice).collect();
            let [source, target] = self.links[record.link as usize].map(|end| end as usize);
            self.view.images(&self.ends[0][source].position, chain, &mut images);
            let candidate = Candidate { chain, images: &images, receiver: &self.ends[1][target].position };
            let path = SoftPath::new(self.view, &candidate, &own, visibility_of(record));
            self.found[record.link as usize].push(path);
        }
        Ok(())
    }
}

/// The bars of what each visibility depends on `[path]`.
///
/// # Errors
/// The device failed.
pub fn pull_visibilities(
    cuda: &Cuda,
    (resident, outlines): (&Resident, &ResidentOutlines),
    view: &View,
    pulled: &[Pulled],
) -> Result<Vec<VisibilityBar>> {
    let mut work = locked(&cuda.smooth);
    let mut bars = vec![VisibilityBar::default(); pulled.len()];
    let longest = pulled.iter().map(|path| path.chain.len()).max().unwrap_or(0);
    for depth in 0..=longest {
        let own: Vec<usize> = (0..pulled.len()).filter(|path| pulled[*path].chain.len() == depth).collect();
        let at = outlines.soft_at(resident, view, depth);
        let at_once = cuda.with_room(|| {
            let [start, least] = [PULLED_AT_ONCE, LEAST_PULLED].map(|count| count.min(own.len().max(1)));
            with_parts(start, least, |count| reserve_to_pull(cuda, &mut work, depth, count).map(|()| count))
        })?;
        for part in own.chunks(at_once) {
            let paths: Vec<&Pulled> = part.iter().map(|path| &pulled[*path]).collect();
            let found = pull(cuda, &mut work, at, &paths)?;
            for ((path, place), bar) in paths.iter().zip(part).zip(found) {
                bars[*place] = view.onto_vertices(path.chain, &path.visibility.test, &bar);
            }
        }
    }
    Ok(bars)
}

fn reserve_to_pull(cuda: &Cuda, work: &mut Work, depth: usize, count: usize) -> Result<()> {
    let stream = &cuda.stream;
    work.links.reserve(stream, count)?;
    work.facets.reserve(stream, count * depth)?;
    work.visibilities.reserve(stream, count)?;
    work.values_bar.reserve(stream, count)?;
    work.vertices.reserve(stream, XYZ * count * depth)?;
    work.vertices_bar.reserve(stream, XYZ * count * depth)?;
    work.images.reserve(stream, XYZ * count * (depth + 1))?;
    work.images_bar.reserve(stream, XYZ * count * (depth + 1))?;
    work.scratch.reserve(stream, IMAGE * count * (depth + 1))?;
    work.planes_bar.reserve(stream, PLANE_BAR * count * depth)?;
    work.bars.reserve(stream, count).map(|_| ())
}

/// The bars of ends, planes and outline of paths of one length.
fn pull(cuda: &Cuda, work: &mut Work, mut at: SoftAt, paths: &[&Pulled]) -> Result<Vec<ChainBar>> {
    let (stream, depth) = (&cuda.stream, at.depth as usize);
    let link = |path: &&Pulled| {
        let [from, to] = path.ends.map(Into::into);
        SoftLink { from, to, first_chain: 0, first: 0, firsts: 0, last: 0, lasts: 0 }
    };
    at.links = work.links.place(stream, &paths.iter().map(link).collect::<Vec<_>>())?;
    at.link_count = paths.len() as u32;
    let record = |(link, path): (usize, &&Pulled)| record_of(&path.visibility, link as u32);
    work.visibilities.upload(stream, &paths.iter().enumerate().map(record).collect::<Vec<_>>())?;
    work.values_bar.upload(stream, &paths.iter().map(|path| path.value_bar).collect::<Vec<_>>())?;
    work.facets.upload(stream, &paths.iter().flat_map(|path| path.chain).copied().collect::<Vec<_>>())?;
    let vertices: Vec<f64> = paths.iter().flat_map(|path| coordinates(&path.vertices)).collect();
    work.vertices.upload(stream, &vertices)?;
    let pulling = Pulling {
        visibilities: work.visibilities.get(),
        values_bar: work.values_bar.get(),
        facets: work.facets.get(),
        vertices: work.vertices.get(),
        images: work.images.get_mut(),
        images_bar: work.images_bar.get_mut(),
        vertices_bar: work.vertices_bar.get_mut(),
        scratch: work.scratch.get_mut(),
        planes_bar: work.planes_bar.get_mut(),
        bars: work.bars.get_mut(),
    };
    cuda.kernels.pull_visibilities(stream, &at, paths.len() as u32, pulling)?;
    work.bars_back.begin(stream, work.bars.get(), paths.len())?;
    work.numbers_back.begin(stream, work.planes_bar.get(), PLANE_BAR * paths.len() * depth)?;
    let (bars, planes) = (work.bars_back.wait()?, work.numbers_back.wait()?);
    let bar_of = |(i, bar): (usize, &SoftBar)| {
        let own = &planes[PLANE_BAR * i * depth..PLANE_BAR * (i + 1) * depth];
        let plane = |x: &[f64]| PlaneBar { normal: Vec3::from_column_slice(&x[..XYZ]), offset: x[XYZ] };
        let edge = bar.edge.map(Into::into);
        let outline = ClearanceBar { segment: [Vec3::zeros(); 2], normal: bar.normal.into(), offset: bar.offset, edge };
        let planes = own.chunks_exact(PLANE_BAR).map(plane).collect();
        ChainBar { from: bar.from.into(), to: bar.to.into(), planes, outline }
    };
    Ok(bars.iter().enumerate().map(bar_of).collect())
}

fn visibility_of(record: &SoftVisibility) -> Visibility {
    let ClearanceAt { signed_distance: signed, at, edge, end } = record.clearance;
    let feature = if edge == NONE { Feature::End(end as u8) } else { Feature::Edge { edge, at } };
    let clearance = Clearance { signed, feature };
    let test = match record.test {
        LEG => Test::Leg { leg: record.place, obstacle: Obstacle { patch: record.patch, clearance } },
        VERTEX => Test::Vertex { vertex: record.place, clearance },
        _ => Test::Passed,
    };
    Visibility { value: record.value, test }
}

fn record_of(visibility: &Visibility, link: u32) -> SoftVisibility {
    let none = Clearance { signed: 0.0, feature: Feature::End(0) };
    let (test, place, patch, Clearance { signed, feature }) = match visibility.test {
        Test::Passed => (PASSED, 0, NONE, none),
        Test::Leg { leg, obstacle } => (LEG, leg, obstacle.patch, obstacle.clearance),
        Test::Vertex { vertex, clearance } => (VERTEX, vertex, NONE, clearance),
    };
    let (at, edge, end) = match feature {
        Feature::End(end) => ([0.0; 2], NONE, end.into()),
        Feature::Edge { edge, at } => (at, edge, 0),
    };
    let clearance = ClearanceAt { signed_distance: signed, at, edge, end };
    SoftVisibility { value: visibility.value, clearance, test, place, patch, link }
}
