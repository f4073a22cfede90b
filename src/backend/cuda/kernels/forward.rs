//! Launches of the kernels of `cuda/map/forward.cu`.

use super::Kernels;
use crate::backend::cuda::fault::OnDevice;
use crate::error::{Error, Result};
use crate::layout::{FIXED_WORDS, ForwardAt, Hit, LatticeAt, RecordedSight, RecordedWave, SIGHT_WORDS, WAVE_WORDS};
use cudarc::driver::{CudaSlice, CudaStream, LaunchConfig, PushKernelArg};

/// Moments of a cell: gain, and its products with the excess and its square.
pub const MOMENTS: u64 = 3;
/// Spread of a cell: squares of gains, and how many of these are above 0.
pub const SPREAD: u64 = 2;
/// Words of a cell's sums.
pub const CELL_WORDS: u64 = MOMENTS * FIXED_WORDS as u64;
/// Words of a wave, and of a point of the sheet.
const WAVE: u64 = WAVE_WORDS as u64;
const SIGHT: u64 = SIGHT_WORDS as u64;

/// Waves, and points of the sheet, that one wave makes at the most.
pub const BRANCHES: u32 = 2;

/// The waves of one level.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// Place of the number of waves among the counts; those of points of the sheet and of the next level's waves follow.
    pub place: u32,
    /// How many waves there are at the most.
    pub waves: u32,
    /// How many of them may go on from what they meet.
    pub going_on: u32,
}

impl Level {
    /// Numbers that the counts must hold.
    fn counts(self) -> u64 {
        u64::from(self.place) + 3
    }

    /// Waves of the next level, and points of the sheet, at the most.
    fn branches(self) -> u64 {
        u64::from(BRANCHES) * u64::from(self.going_on)
    }
}

impl Kernels {
    /// Starts the waves of `count` rays of a lattice from the `first` on.
    ///
    /// # Errors
    /// The device failed.
    pub fn start_waves(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        lattice: &LatticeAt,
        first: u64,
        count: u32,
        waves: &mut CudaSlice<u64>,
    ) -> Result<()> {
        holds!(waves >= WAVE * u64::from(count));
        launch!(self.start_waves, stream, count.into(), forward, lattice, &first, &count, waves)
    }

    /// Traces the waves of a level; hits `[wave]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn trace_waves(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        waves: &CudaSlice<u64>,
        counts: &CudaSlice<u32>,
        level: Level,
        hits: &mut CudaSlice<Hit>,
    ) -> Result<()> {
        let Level { place, waves: most, .. } = level;
        holds!(waves >= WAVE * u64::from(most), counts >= level.counts(), hits >= most.into());
        launch!(self.trace_waves, stream, most.into(), &forward.geometry, waves, counts, &place, &most, hits)
    }

    /// Adds what the waves of a level leave on the sheet to the sums of `cells`.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn leave_deposits(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        waves: &CudaSlice<u64>,
        hits: &CudaSlice<Hit>,
        level: Level,
        counts: &mut CudaSlice<u32>,
        sums: &mut CudaSlice<u64>,
    ) -> Result<()> {
        let Level { place, waves: most, .. } = level;
        holds!(
            waves >= WAVE * u64::from(most),
            hits >= most.into(),
            counts >= level.counts(),
            sums >= CELL_WORDS * cells_of(forward)
        );
        launch!(self.leave_deposits, stream, most.into(), forward, waves, hits, &place, &most, counts, sums)
    }

    /// Records the waves of a level, with what they leave on the sheet `[wave]`.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn record_waves(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        waves: &CudaSlice<u64>,
        hits: &CudaSlice<Hit>,
        level: Level,
        counts: &CudaSlice<u32>,
        recorded: &mut CudaSlice<RecordedWave>,
    ) -> Result<()> {
        let Level { place, waves: most, .. } = level;
        holds!(waves >= WAVE * u64::from(most), hits >= most.into(), counts >= level.counts(), recorded >= most.into());
        launch!(self.record_waves, stream, most.into(), forward, waves, hits, &place, &most, counts, recorded)
    }

    /// Lists the waves that go on from what those of a level have met, and the points of the sheet that they may see.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn scatter_waves(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        lattice: &LatticeAt,
        waves: &CudaSlice<u64>,
        hits: &CudaSlice<Hit>,
        level: Level,
        counts: &mut CudaSlice<u32>,
        next: &mut CudaSlice<u64>,
        sights: &mut CudaSlice<u64>,
    ) -> Result<()> {
        let Level { place, waves: most, .. } = level;
        holds!(
            waves >= WAVE * u64::from(most),
            hits >= most.into(),
            counts >= level.counts(),
            next >= WAVE * level.branches(),
            sights >= SIGHT * level.branches()
        );
        launch!(
            self.scatter_waves,
            stream,
            most.into(),
            forward,
            lattice,
            waves,
            hits,
            &place,
            &most,
            counts,
            next,
            sights
        )
    }

    /// Adds what is left at the points of the sheet that a level's waves see.
    ///
    /// # Errors
    /// The device failed.
    pub fn connect_sights(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        sights: &CudaSlice<u64>,
        level: Level,
        counts: &mut CudaSlice<u32>,
        sums: &mut CudaSlice<u64>,
    ) -> Result<()> {
        let (place, most) = (level.place, BRANCHES * level.going_on);
        holds!(sights >= SIGHT * u64::from(most), counts >= level.counts(), sums >= CELL_WORDS * cells_of(forward));
        launch!(self.connect_sights, stream, most.into(), forward, sights, &place, &most, counts, sums)
    }

    /// Records the points of the sheet that a level's waves may see `[sight]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn record_sights(
        &self,
        stream: &CudaStream,
        forward: &ForwardAt,
        sights: &CudaSlice<u64>,
        level: Level,
        counts: &CudaSlice<u32>,
        recorded: &mut CudaSlice<RecordedSight>,
    ) -> Result<()> {
        let (place, most) = (level.place, BRANCHES * level.going_on);
        holds!(sights >= SIGHT * u64::from(most), counts >= level.counts(), recorded >= most.into());
        launch!(self.record_sights, stream, most.into(), &forward.geometry, sights, &place, &most, counts, recorded)
    }

    /// Adds the sums of `cells` to the moments and the spread of all replicates, and sets them to 0.
    ///
    /// # Errors
    /// The device failed.
    pub fn end_replicate(
        &self,
        stream: &CudaStream,
        lattice: &LatticeAt,
        cells: u32,
        sums: &mut CudaSlice<u64>,
        moments: &mut CudaSlice<f64>,
        spread: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let count = u64::from(cells);
        holds!(sums >= CELL_WORDS * count, moments >= MOMENTS * count, spread >= SPREAD * count);
        launch!(self.end_replicate, stream, cells.into(), lattice, &cells, sums, moments, spread)
    }
}

fn cells_of(forward: &ForwardAt) -> u64 {
    forward.sheet.cells.iter().map(|n| u64::from(*n)).product()
}
