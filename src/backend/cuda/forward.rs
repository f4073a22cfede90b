//! The rays of a map's sampled part on the device (T83): waves fly level by level, from list to list; cells sum up what they
//! leave in integers, so that no order matters; only moments and spread of all replicates come back.

mod retrace;

pub use retrace::retrace;

use super::buffer::{Buffer, Pinned};
use super::fault::{OnDevice, with_parts};
use super::field::end_record;
use super::kernels::forward::{BRANCHES, CELL_WORDS, Level, MOMENTS, SPREAD};
use super::{Cuda, Resident, Surfaces, coordinates, locked};
use crate::constants::SPEED_OF_LIGHT;
use crate::error::{Error, Result};
use crate::layout::{FedAt, ForwardAt, Hit, LatticeAt, Pointer, SIGHT_WORDS, SheetAt, WAVE_WORDS};
use crate::map::fed::Fed;
use crate::map::forward::Forward;
use crate::map::grid::Sheet;
use crate::map::replicates::{Lattice, Sums};
use crate::math::{C64, bounds_of};
use cudarc::driver::CudaSlice;
use std::borrow::Cow;

/// Rays of one launch, at first and at the least.
const RAYS_AT_ONCE: usize = 1 << 18;
const LEAST_RAYS: usize = 1 << 10;

/// What kernels know of a map, kept from call to call.
#[derive(Default)]
pub struct MapRecord {
    surfaces: Surfaces,
    offsets: [Buffer<f64>; 2],
    weights: [Buffer<f64>; 2],
}

/// What is kept from call to call.
#[derive(Default)]
pub struct Work {
    record: MapRecord,
    lists: Lists,
    recorded: retrace::Recorded,
    sums: Buffer<u64>,
    moments: Buffer<f64>,
    spread: Buffer<f64>,
    counted: Pinned<u32>,
    moments_back: Pinned<f64>,
    spread_back: Pinned<f64>,
}

/// What the waves of a launch are followed with.
#[derive(Default)]
struct Lists {
    /// Those of two levels, which take turns.
    waves: [Buffer<u64>; 2],
    hits: Buffer<Hit>,
    sights: Buffer<u64>,
    counts: Buffer<u32>,
}

/// What is there of a level once its waves have been followed.
struct Followed<'a> {
    level: Level,
    depth: u32,
    waves: &'a CudaSlice<u64>,
    hits: &'a CudaSlice<Hit>,
    /// Points of the sheet that its waves may see, unless it is the last one.
    sights: Option<&'a CudaSlice<u64>>,
    counts: &'a mut CudaSlice<u32>,
}

/// Adds what the rays of some `lattices` leave on the sheet to `sums`; the segments that it took.
pub fn sample(
    cuda: &Cuda,
    resident: &Resident,
    forward: &Forward,
    lattices: &[Lattice],
    sums: &mut Sums,
) -> Result<u64> {
    let cells =
        u32::try_from(forward.screen.sheet.len()).map_err(|_| Error::Internal("cells are numbered by u32".into()))?;
    let most = lattices.iter().map(|lattice| lattice.rays).max().unwrap_or(0);
    let mut work = locked(&cuda.forward);
    let rays = cuda.with_room(|| work.reserve(cuda, cells, usize::try_from(most).unwrap_or(usize::MAX)))?;
    let plan = Plan { cuda, record: work.record.place(cuda, resident, forward)?, cells, rays: rays as u64 };
    let segments = plan.trace_all(&mut work, forward, lattices)?;
    let moments = work.moments_back.wait()?.as_chunks().0;
    sums.add_sums(moments, work.spread_back.wait()?.as_chunks().0);
    Ok(segments)
}

impl Work {
    /// Makes room for all cells and as many rays at once as the device can hold; how many these are.
    fn reserve(&mut self, cuda: &Cuda, cells: u32, most: usize) -> Result<usize> {
        let (stream, cells) = (&cuda.stream, u64::from(cells));
        self.sums.reserve(stream, (CELL_WORDS * cells) as usize)?;
        self.moments.reserve(stream, (MOMENTS * cells) as usize)?;
        self.spread.reserve(stream, (SPREAD * cells) as usize)?;
        with_parts(RAYS_AT_ONCE.min(most.max(1)), LEAST_RAYS.min(most.max(1)), |rays| {
            self.lists.reserve(cuda, rays).map(|()| rays)
        })
    }
}

impl Lists {
    /// Makes room for so many rays.
    fn reserve(&mut self, cuda: &Cuda, rays: usize) -> Result<()> {
        let (stream, branches) = (&cuda.stream, BRANCHES as usize * rays);
        let mut lists = self.waves.iter_mut();
        let fits = lists.try_for_each(|list| list.reserve(stream, WAVE_WORDS as usize * branches).map(|_| ()));
        let fits = fits
            .and_then(|()| self.hits.reserve(stream, branches).map(|_| ()))
            .and_then(|()| self.sights.reserve(stream, SIGHT_WORDS as usize * branches).map(|_| ()));
        // What the first ones took must not stay with them.
        fits.inspect_err(|_| *self = Lists::default())
    }
}

impl MapRecord {
    /// Copies what kernels know of a map; what the record points at stays until the next copy.
    ///
    /// # Errors
    /// The device has too little memory, or failed.
    pub fn place(&mut self, cuda: &Cuda, resident: &Resident, forward: &Forward) -> Result<ForwardAt> {
        let stream = &cuda.stream;
        let [source, receiver] = [&forward.source, &forward.receiver];
        let [source_offsets, receiver_offsets] = &mut self.offsets;
        let [source_weights, receiver_weights] = &mut self.weights;
        // Transmitters are fed at every port; of receivers without weights the powers of the ports add up.
        let fed = place_weights(source_weights, cuda, &weights_of(source))?;
        let heard = match receiver.weights {
            None => Pointer::new(0),
            Some(weights) => place_weights(receiver_weights, cuda, weights)?,
        };
        let at = |radio: &Fed, offsets: &mut Buffer<f64>, weights| -> Result<FedAt> {
            let numbers: Vec<f64> = coordinates(&radio.end.offsets).collect();
            Ok(FedAt { end: end_record(radio.end, 0), offsets: offsets.place(stream, &numbers)?, weights })
        };
        Ok(ForwardAt {
            geometry: *resident.view(),
            source: at(source, source_offsets, fed)?,
            receiver: at(receiver, receiver_offsets, heard)?,
            sheet: sheet_record(forward.screen.sheet),
            surfaces: self.surfaces.place(stream, forward.surfaces.iter())?,
            position: forward.position.into(),
            frequency: forward.frequency,
            units: units_of(forward),
            max_depth: forward.max_depth,
            specular: forward.specular.into(),
            diffuse: forward.diffuse.into(),
            lobe: forward.lobe.into(),
        })
    }
}

fn place_weights(buffer: &mut Buffer<f64>, cuda: &Cuda, weights: &[C64]) -> Result<Pointer<f64>> {
    let numbers: Vec<f64> = weights.iter().flat_map(|weight| [weight.re, weight.im]).collect();
    buffer.place(&cuda.stream, &numbers)
}

/// The weights of a transmitter's ports.
fn weights_of<'a>(radio: &Fed<'a>) -> Cow<'a, [C64]> {
    let ports = radio.end.antenna.ports();
    let alike = || vec![C64::from(1.0 / (ports as f64).sqrt()); ports];
    radio.weights.map_or_else(|| alike().into(), Into::into)
}

fn sheet_record(sheet: &Sheet) -> SheetAt {
    SheetAt {
        corner: sheet.corner.into(),
        step_u: sheet.step_u.into(),
        step_v: sheet.step_v.into(),
        cells: sheet.cells.map(|n| n as u32),
    }
}

/// What moments of deposits are multiplied by, so that they are of the order of 1 or below: powers of two, which round
/// nothing. Sums are exact to 2^-96 of these units and hold 2^95: neither the weakest path nor a ray that grazes the sheet
/// is lost.
fn units_of(forward: &Forward) -> [f64; 3] {
    let amplitude = |radio: &Fed| weights_of(radio).iter().map(|weight| weight.norm()).sum::<f64>();
    // Between isotropic elements, over the area of a cell.
    let gain = (amplitude(&forward.source) * amplitude(&forward.receiver)).powi(2) / forward.screen.area;
    let scene = forward.geometry.scene.bounds();
    let points = forward
        .screen
        .corners
        .into_iter()
        .chain([forward.position])
        .chain(scene.into_iter().flat_map(|(low, high)| [low, high]));
    let (low, high) = bounds_of(&points.collect::<Vec<_>>());
    let longest = (high - low).norm() * f64::from(forward.max_depth + 1);
    let exponent = |x: f64| if x > 0.0 && x.is_finite() { libm::ilogb(x) } else { 0 };
    let (gain, longest) = (exponent(gain), exponent(longest));
    [0, 1, 2].map(|moment| libm::ldexp(1.0, -gain - moment * longest))
}

fn lattice_record(lattice: &Lattice, frequency: f64, units: &[f64; 3]) -> LatticeAt {
    let scale = lattice.scale(frequency);
    LatticeAt {
        // nalgebra lays matrices out column by column.
        turn: lattice.turn.transpose().into(),
        scales: [0, 1, 2].map(|moment| scale / units[moment] / SPEED_OF_LIGHT.powi(moment as i32)),
        rays: lattice.rays,
        key: lattice.key,
    }
}

/// What is to be traced.
struct Plan<'a> {
    cuda: &'a Cuda,
    record: ForwardAt,
    cells: u32,
    /// Rays of one launch.
    rays: u64,
}

impl Plan<'_> {
    /// Traces the rays of all lattices; moments and spread are then on their way back. The segments that it took.
    fn trace_all(&self, work: &mut Work, forward: &Forward, lattices: &[Lattice]) -> Result<u64> {
        let (Cuda { stream, kernels, .. }, cells) = (self.cuda, self.cells as usize);
        let clearing = || "clearing the sums of cells".to_owned();
        stream.memset_zeros(work.sums.get_mut()).on_device(clearing)?;
        stream.memset_zeros(work.moments.get_mut()).on_device(clearing)?;
        stream.memset_zeros(work.spread.get_mut()).on_device(clearing)?;
        let counts = self.counts_of(lattices);
        work.lists.counts.upload(stream, &counts)?;
        let mut place = 1;
        for lattice in lattices {
            let record = lattice_record(lattice, forward.frequency, &self.record.units);
            for first in (0..lattice.rays).step_by(self.rays as usize) {
                let count = self.rays.min(lattice.rays - first) as u32;
                let Work { lists, sums, .. } = &mut *work;
                let leave = &mut |followed: Followed| self.leave(followed, sums.get_mut());
                self.follow(lists, (&record, first, count), place, leave)?;
                place += self.counts_of_a_launch() as u32;
            }
            let Work { sums, moments, spread, .. } = &mut *work;
            kernels.end_replicate(stream, &record, self.cells, sums.get_mut(), moments.get_mut(), spread.get_mut())?;
        }
        work.counted.begin(stream, work.lists.counts.get(), counts.len())?;
        work.moments_back.begin(stream, work.moments.get(), MOMENTS as usize * cells)?;
        work.spread_back.begin(stream, work.spread.get(), SPREAD as usize * cells)?;
        let counts = work.counted.wait()?;
        if counts[0] > 0 {
            return Err(Error::Internal(format!("{} deposits are beyond what the sums of cells hold", counts[0])));
        }
        Ok(counts[1..].iter().map(|count| u64::from(*count)).sum())
    }

    /// Numbers that the counts of one launch take: of waves, and of points of the sheet, level by level, and of the waves
    /// of a level more, of which there are none.
    fn counts_of_a_launch(&self) -> usize {
        2 * (self.record.max_depth as usize + 1) + 1
    }

    /// Counts of all launches to begin with: no deposit lost, and the waves of each first level.
    fn counts_of(&self, lattices: &[Lattice]) -> Vec<u32> {
        let mut counts = vec![0];
        for lattice in lattices {
            for first in (0..lattice.rays).step_by(self.rays as usize) {
                let place = counts.len();
                counts.resize(place + self.counts_of_a_launch(), 0);
                counts[place] = self.rays.min(lattice.rays - first) as u32;
            }
        }
        counts
    }

    /// Adds what the waves of a level leave on the sheet, and what they leave at the points that they see.
    fn leave(&self, followed: Followed, sums: &mut CudaSlice<u64>) -> Result<()> {
        let (Cuda { stream, kernels, .. }, forward) = (self.cuda, &self.record);
        let Followed { level, depth, waves, hits, sights, counts } = followed;
        if depth > 0 {
            kernels.leave_deposits(stream, forward, waves, hits, level, counts, sums)?;
        }
        match sights {
            Some(sights) => kernels.connect_sights(stream, forward, sights, level, counts, sums),
            None => Ok(()),
        }
    }

    /// Follows the waves of `count` rays of a lattice from the `first` on, and all that come of them, level by level, each of
    /// which is then `done`.
    fn follow(
        &self,
        lists: &mut Lists,
        (lattice, first, count): (&LatticeAt, u64, u32),
        first_place: u32,
        done: &mut dyn FnMut(Followed) -> Result<()>,
    ) -> Result<()> {
        let (Cuda { stream, kernels, .. }, forward) = (self.cuda, &self.record);
        let Lists { waves, hits, sights, counts } = lists;
        let (hits, sights, counts) = (hits.get_mut(), sights.get_mut(), counts.get_mut());
        kernels.start_waves(stream, forward, lattice, first, count, waves[0].get_mut())?;
        for depth in 0..=forward.max_depth {
            // A ray has one wave that goes on, and may have another one, which ends.
            let all = if depth == 0 { count } else { BRANCHES * count };
            let level = Level { place: first_place + 2 * depth, waves: all, going_on: count };
            let [even, odd] = &mut *waves;
            let (own, next) = if depth % 2 == 0 { (even, odd) } else { (odd, even) };
            kernels.trace_waves(stream, forward, own.get(), counts, level, hits)?;
            let goes_on = depth < forward.max_depth;
            if goes_on {
                kernels.scatter_waves(
                    stream,
                    forward,
                    lattice,
                    own.get(),
                    hits,
                    level,
                    counts,
                    next.get_mut(),
                    sights,
                )?;
            }
            let sights = goes_on.then_some(&*sights);
            done(Followed { level, depth, waves: own.get(), hits, sights, counts })?;
        }
        Ok(())
    }
}
