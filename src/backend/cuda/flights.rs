//! Rays and segments one by one, on the device: what scattering asks for.

use super::buffer::{Buffer, Pinned};
use super::fault::with_parts;
use super::{Cuda, Resident, locked};
use crate::error::Result;
use crate::layout::{Flight, LoneSegment};

/// Items of one launch, at first and at the least.
const AT_ONCE: usize = 1 << 20;
const LEAST_AT_ONCE: usize = 1 << 10;

/// What is kept from call to call.
#[derive(Default)]
pub struct Work {
    flights: Buffer<Flight>,
    segments: Buffer<LoneSegment>,
    words: Buffer<u32>,
    back: Pinned<u32>,
}

/// The facets that rays meet `[flight, depth]`.
pub fn follow(cuda: &Cuda, resident: &Resident, flights: &[Flight], depth: usize) -> Result<Vec<u32>> {
    let (work, stream) = (&mut *locked(&cuda.flights), &cuda.stream);
    let mut chains = Vec::with_capacity(flights.len() * depth);
    let at_once = cuda.with_room(|| {
        with_parts(AT_ONCE.min(flights.len().max(1)), LEAST_AT_ONCE.min(flights.len().max(1)), |at_once| {
            work.flights.reserve(stream, at_once)?;
            work.words.reserve(stream, at_once * depth).map(|_| at_once)
        })
    })?;
    for flights in flights.chunks(at_once) {
        let count = flights.len() as u32;
        let uploaded = work.flights.upload(stream, flights)?;
        cuda.kernels.follow_flights(stream, resident.view(), uploaded, depth as u32, count, work.words.get_mut())?;
        work.back.begin(stream, work.words.get(), flights.len() * depth)?;
        chains.extend_from_slice(work.back.wait()?);
    }
    Ok(chains)
}

/// Whether something stands in the way `[segment]`.
pub fn blocked(cuda: &Cuda, resident: &Resident, segments: &[LoneSegment]) -> Result<Vec<bool>> {
    let (work, stream) = (&mut *locked(&cuda.flights), &cuda.stream);
    let mut all = Vec::with_capacity(segments.len());
    let at_once = cuda.with_room(|| {
        with_parts(AT_ONCE.min(segments.len().max(1)), LEAST_AT_ONCE.min(segments.len().max(1)), |at_once| {
            work.segments.reserve(stream, at_once)?;
            work.words.reserve(stream, at_once).map(|_| at_once)
        })
    })?;
    for segments in segments.chunks(at_once) {
        let uploaded = work.segments.upload(stream, segments)?;
        cuda.kernels.any_hits(stream, resident.view(), uploaded, segments.len() as u32, work.words.get_mut())?;
        work.back.begin(stream, work.words.get(), segments.len())?;
        all.extend(work.back.wait()?.iter().map(|blocked| *blocked != 0));
    }
    Ok(all)
}
