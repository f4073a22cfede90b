//! The rays of a map's sampled part once more (T98): what the host must know of their waves comes back level by level, and is
//! put into the order of the rays, so that nothing depends on that of the device's lists. A list has a place for each wave:
//! no record is lost.

use super::{Followed, LEAST_RAYS, Lists, Plan, Work, lattice_record};
use crate::backend::cuda::buffer::{Buffer, Pinned};
use crate::backend::cuda::fault::with_parts;
use crate::backend::cuda::kernels::forward::BRANCHES;
use crate::backend::cuda::{Cuda, Resident, locked};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::layout::{Hit, NONE, RecordedSight, RecordedWave};
use crate::map::bundle::Recording;
use crate::map::forward::{Deposit, Forward};
use crate::map::replicates::Lattice;
use crate::map::way::{How, Met};
use crate::math::Vec3;
use crate::path::Interaction;
use crate::path::launch::owner;
use rayon::prelude::*;

/// Rays of one launch at first: the host holds what it knows of their waves.
const RAYS_AT_ONCE: usize = 1 << 16;
/// Ways that one task of the pool records, and tasks whose records are in memory at once.
const TASK: usize = 1 << 13;
const TASKS_AT_ONCE: usize = 16;

/// Records of a level, on the device and on their way back; kept from call to call.
#[derive(Default)]
pub struct Recorded {
    waves: Buffer<RecordedWave>,
    sights: Buffer<RecordedSight>,
    counted: Pinned<u32>,
    waves_back: Pinned<RecordedWave>,
    hits_back: Pinned<Hit>,
    sights_back: Pinned<RecordedSight>,
}

/// Lets the rays of some `lattices`, one after another, take their ways once more, and puts what the `recording` makes of
/// some ways at a time into `put`, in the order of the rays; gains are multiplied by the lattice's scale and `scale`.
///
/// # Errors
/// The device failed; what the recording or `put` fails on.
pub fn retrace<R: Default + Send>(
    cuda: &Cuda,
    resident: &Resident,
    forward: &Forward,
    (lattices, scale): (&[Lattice], f64),
    recording: &Recording<R>,
    put: &mut dyn FnMut(R) -> Result<()>,
) -> Result<()> {
    let most = lattices.iter().map(|lattice| lattice.rays).max().unwrap_or(0);
    let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
    let mut work = locked(&cuda.forward);
    let rays = cuda.with_room(|| {
        with_parts(RAYS_AT_ONCE.min(most), LEAST_RAYS.min(most), |rays| {
            let Work { lists, recorded, .. } = &mut *work;
            lists.reserve(cuda, rays)?;
            // What the lists took must not stay with them.
            recorded.reserve(cuda, rays).inspect_err(|_| *lists = Lists::default()).map(|()| rays)
        })
    })? as u64;
    // Nothing is added up to cells.
    let plan = Plan { cuda, record: work.record.place(cuda, resident, forward)?, cells: 0, rays };
    for lattice in lattices {
        let scale = scale * lattice.scale(forward.frequency);
        for first in (0..lattice.rays).step_by(rays as usize) {
            let count = rays.min(lattice.rays - first) as u32;
            let levels = plan.recorded(&mut work, (lattice, forward.frequency), first, count)?;
            levels.hand_on(forward, scale, recording, put)?;
        }
    }
    Ok(())
}

impl Recorded {
    /// Makes room for a level of so many rays.
    fn reserve(&mut self, cuda: &Cuda, rays: usize) -> Result<()> {
        let (stream, branches) = (&cuda.stream, BRANCHES as usize * rays);
        let fits = self.waves.reserve(stream, branches).map(|_| ());
        let fits = fits.and_then(|()| self.sights.reserve(stream, branches).map(|_| ()));
        // What the first one took must not stay with it.
        fits.inspect_err(|_| *self = Recorded::default())
    }
}

impl Plan<'_> {
    /// What is known of the waves of `count` rays of a lattice from the `first` on.
    fn recorded(
        &self,
        work: &mut Work,
        (lattice, frequency): (&Lattice, f64),
        first: u64,
        count: u32,
    ) -> Result<Levels> {
        let Work { lists, recorded, .. } = work;
        let record = lattice_record(lattice, frequency, &self.record.units);
        // No deposit is added up, and none is lost; then the counts of the only launch.
        let mut counts = vec![0; 1 + self.counts_of_a_launch()];
        counts[1] = count;
        lists.counts.upload(&self.cuda.stream, &counts)?;
        let mut levels = Vec::new();
        self.follow(lists, (&record, first, count), 1, &mut |followed| {
            levels.push(self.read(recorded, followed)?);
            Ok(())
        })?;
        Ok(Levels(levels))
    }

    /// Reads back what is to be known of a level.
    fn read(&self, recorded: &mut Recorded, followed: Followed) -> Result<LevelRecord> {
        let Cuda { stream, kernels, .. } = self.cuda;
        let Followed { level, waves, hits, sights, counts, .. } = followed;
        let Recorded { waves: own, sights: seen, counted, waves_back, hits_back, sights_back } = recorded;
        kernels.record_waves(stream, &self.record, waves, hits, level, counts, own.get_mut())?;
        if let Some(sights) = sights {
            kernels.record_sights(stream, &self.record, sights, level, counts, seen.get_mut())?;
        }
        let place = level.place as usize;
        counted.begin(stream, counts, place + 2)?;
        let counts = &counted.wait()?[place..];
        let [wave_count, sight_count] = [counts[0] as usize, counts[1] as usize];
        waves_back.begin(stream, own.get(), wave_count)?;
        hits_back.begin(stream, hits, wave_count)?;
        sights_back.begin(stream, seen.get(), sight_count)?;
        Ok(LevelRecord {
            waves: waves_back.wait()?.to_vec(),
            hits: hits_back.wait()?.to_vec(),
            sights: sights_back.wait()?.to_vec(),
        })
    }
}

/// What the host knows of a level's waves, in the order of the device's lists.
struct LevelRecord {
    waves: Vec<RecordedWave>,
    /// What each wave meets.
    hits: Vec<Hit>,
    sights: Vec<RecordedSight>,
}

/// What the host knows of some rays `[level]`.
struct Levels(Vec<LevelRecord>);

/// Something that is left on the sheet. Sorted as the CPU comes by it: ray by ray, turn by turn, a lobe before what goes on,
/// what a point sees before what is left behind it; of each of these a turn of a ray has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    ray: u64,
    turns: u32,
    is_no_lobe: bool,
    by: By,
}

/// What leaves something on the sheet, by its place in the list of a level.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Sight { level: usize, place: usize },
    Wave { level: usize, place: usize },
}

impl Levels {
    /// Puts what the recording makes of all that is left into `put`, in the order of the rays.
    fn hand_on<R: Default + Send>(
        &self,
        forward: &Forward,
        scale: f64,
        recording: &Recording<R>,
        put: &mut dyn FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let left = self.left(&|cell| cell != NONE && recording.wants(cell));
        for some in left.chunks(TASK * TASKS_AT_ONCE) {
            let record = |some: &[Left]| {
                let (mut recorder, mut met) = (recording.start(scale), Vec::new());
                for left in some {
                    let (to, deposit) = self.end(forward, left, &mut met)?;
                    recorder.record(&forward.position, met.iter().rev().copied(), &to, deposit);
                }
                recorder.finish()
            };
            let done: Vec<Result<R>> = some.par_chunks(TASK).map(record).collect();
            for one in done {
                put(one?)?;
            }
        }
        Ok(())
    }

    /// All that is left in cells that are wanted, in order.
    fn left(&self, is_wanted: &dyn Fn(u32) -> bool) -> Vec<Left> {
        let is_no_lobe = |interaction: u32| interaction != Interaction::Lobe as u32;
        let mut all = Vec::new();
        for (level, (turns, record)) in (0..).zip(&self.0).enumerate() {
            for (place, wave) in record.waves.iter().enumerate().filter(|(_, wave)| is_wanted(wave.cell)) {
                let (is_no_lobe, by) = (is_no_lobe(wave.interaction), By::Wave { level, place });
                all.push(Left { ray: wave.ray, turns, is_no_lobe, by });
            }
            for (place, sight) in record.sights.iter().enumerate().filter(|(_, sight)| is_wanted(sight.cell)) {
                let (is_no_lobe, by) = (is_no_lobe(sight.interaction), By::Sight { level, place });
                let ray = record.waves[sight.wave as usize].ray;
                all.push(Left { ray, turns: turns + 1, is_no_lobe, by });
            }
        }
        all.par_sort_unstable();
        all
    }

    /// Where something is left and what; the turns before it into `met`, the last one first.
    fn end(&self, forward: &Forward, left: &Left, met: &mut Vec<Met>) -> Result<(Vec3, Deposit)> {
        met.clear();
        match left.by {
            By::Sight { level, place } => {
                let RecordedSight { from, to, gain, excess, cell, wave, interaction, .. } = self.0[level].sights[place];
                let wave = wave as usize;
                met.push(self.met(forward.geometry, [level, wave], from.into(), interaction)?);
                self.turns_before([level, wave], forward.geometry, met)?;
                Ok((to.into(), Deposit { cell, gain, excess }))
            }
            By::Wave { level, place } => {
                let RecordedWave { origin, k, gain, excess, cell, .. } = self.0[level].waves[place];
                let [origin, k] = [Vec3::from(origin), k.into()];
                self.turns_before([level, place], forward.geometry, met)?;
                Ok((origin + k * forward.screen.distance(&origin, &k), Deposit { cell, gain, excess }))
            }
        }
    }

    /// The turns before a wave, the last one first.
    fn turns_before(&self, [mut level, mut place]: [usize; 2], geometry: &Geometry, met: &mut Vec<Met>) -> Result<()> {
        while level > 0 {
            let RecordedWave { origin, parent, interaction, .. } = self.0[level].waves[place];
            (level, place) = (level - 1, parent as usize);
            met.push(self.met(geometry, [level, place], origin.into(), interaction)?);
        }
        Ok(())
    }

    /// The turn, `at` the point that a wave meets.
    fn met(&self, geometry: &Geometry, [level, place]: [usize; 2], at: Vec3, interaction: u32) -> Result<Met> {
        let (wave, Hit { t, triangle, patch }) = (&self.0[level].waves[place], self.0[level].hits[place]);
        let [origin, k] = [wave.origin, wave.k].map(Vec3::from);
        let facet = owner(geometry, triangle, patch, &(origin + k * f64::from(t)));
        Ok(Met { k, at, triangle, facet, how: how_of(interaction)? })
    }
}

fn how_of(interaction: u32) -> Result<How> {
    let known = [
        (Interaction::Reflection, How::Specular),
        (Interaction::Diffuse, How::Diffuse),
        (Interaction::Lobe, How::Lobe),
    ];
    let found = known.into_iter().find(|(known, _)| *known as u32 == interaction);
    found.map(|(_, how)| how).ok_or_else(|| Error::Internal(format!("a wave that turned by {interaction}")))
}
