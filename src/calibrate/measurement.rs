//! What was measured of each link, and which links teach, check or judge a fit.

use crate::math::random::{philox, unit_interval};
use crate::math::{C64, Vec3};

/// A quantity of a link that is one positive number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Quantity {
    /// Sum over paths of |a|^2, averaged over the port pairs [-] (T53).
    PathGain = 0,
    /// Power of the taps, averaged over the port pairs [-] (T101): paths that the bandwidth does not tell apart interfere.
    BandPower = 1,
    /// RMS delay spread of the paths [s] (T55).
    RmsDelaySpread = 2,
    /// RMS delay spread of the taps [s] (T101).
    TapDelaySpread = 3,
}

/// How many there are.
pub const QUANTITIES: usize = 4;

impl Quantity {
    /// All, in order.
    pub const ALL: [Quantity; QUANTITIES] =
        [Quantity::PathGain, Quantity::BandPower, Quantity::RmsDelaySpread, Quantity::TapDelaySpread];

    /// Whether it is a time [s]; otherwise it is a gain [-].
    pub fn is_spread(self) -> bool {
        matches!(self, Quantity::RmsDelaySpread | Quantity::TapDelaySpread)
    }

    /// Its name in jobs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::PathGain => "path_gain",
            Quantity::BandPower => "band_power",
            Quantity::RmsDelaySpread => "rms_delay_spread",
            Quantity::TapDelaySpread => "tap_delay_spread",
        }
    }

    /// Whether it is a power, with a scale and a floor.
    pub fn is_power(self) -> bool {
        matches!(self, Quantity::PathGain | Quantity::BandPower)
    }

    /// Whether it needs taps.
    pub fn needs_taps(self) -> bool {
        matches!(self, Quantity::BandPower | Quantity::TapDelaySpread)
    }
}

/// What was measured of a link at a carrier.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Receiver among those of the job.
    pub receiver: usize,
    /// Transmitter among those of the job.
    pub transmitter: usize,
    /// Carrier among those of the job.
    pub carrier: usize,
    /// Group of links that share a scale.
    pub group: usize,
    /// Values `[quantity]`, each in the unit of its [`Quantity`]; those that were not measured are `None`.
    pub values: [Option<f64>; QUANTITIES],
    /// Frequency response `[receiver port, transmitter port, subcarrier]`, if it was measured.
    pub response: Option<Vec<C64>>,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The fit learns from it.
    Train,
    /// It says which step was best.
    Validation,
    /// It judges the result, and nothing else.
    HeldOut,
}

impl Part {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::HeldOut => "held_out",
        }
    }
}

/// How links are shared out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Share of the links for validation [-].
    pub validation: f64,
    /// Share of the links held out [-].
    pub held_out: f64,
    /// Side of the squares whose links stay together [m]; `None`: each receiver goes its own way.
    pub block: Option<f64>,
}

/// The part of every receiver `[receiver]`: whole receivers, or whole squares of them, are shared out in a random order,
/// validation first, until each part has its share.
pub fn parts_of(split: &Split, positions: &[Vec3], seed: u64) -> Vec<Part> {
    let block_of = |(index, position): (usize, &Vec3)| match split.block {
        None => [index as i64, 0],
        Some(side) => [position.x, position.y].map(|x| (x / side).floor() as i64),
    };
    let keys: Vec<[i64; 2]> = positions.iter().enumerate().map(block_of).collect();
    let mut blocks = keys.clone();
    blocks.sort_unstable();
    blocks.dedup();
    shuffle(&mut blocks, [seed as u32, (seed >> 32) as u32], PURPOSE_SPLIT);
    let sizes = [(Part::Validation, split.validation), (Part::HeldOut, split.held_out)];
    let mut parts = vec![Part::Train; positions.len()];
    let mut next = blocks.into_iter();
    for (part, share) in sizes {
        let wanted = (share * positions.len() as f64).round() as usize;
        let mut taken = 0;
        while taken < wanted {
            let Some(block) = next.next() else { break };
            for (own, _) in parts.iter_mut().zip(&keys).filter(|(_, key)| **key == block) {
                *own = part;
                taken += 1;
            }
        }
    }
    parts
}

/// Counters of random numbers begin with what they are for.
pub(super) const PURPOSE_SPLIT: u32 = 0x6669_7401;
/// See [`PURPOSE_SPLIT`].
pub(super) const PURPOSE_BATCH: u32 = 0x6669_7402;
/// See [`PURPOSE_SPLIT`].
pub(super) const PURPOSE_PROBE: u32 = 0x6669_7403;
/// See [`PURPOSE_SPLIT`].
pub(super) const PURPOSE_WEIGHTS: u32 = 0x6669_7404;

/// Puts a list in a random order (Fisher and Yates) that depends on key and purpose alone.
pub(super) fn shuffle<T>(list: &mut [T], key: [u32; 2], purpose: u32) {
    for last in (1..list.len()).rev() {
        let word = philox([purpose, last as u32, 0, 0], key)[0];
        list.swap(last, (unit_interval(word) * (last + 1) as f64) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Vec3> {
        (0..400).map(|i| Vec3::new(f64::from(i % 20) + 0.5, f64::from(i / 20) + 0.5, 1.5)).collect()
    }

    fn count(parts: &[Part], part: Part) -> usize {
        parts.iter().filter(|one| **one == part).count()
    }

    #[test]
    fn every_receiver_is_in_one_part_and_shares_are_kept() {
        let split = Split { validation: 0.1, held_out: 0.25, block: None };
        let parts = parts_of(&split, &grid(), 7);
        assert_eq!([Part::Validation, Part::HeldOut].map(|part| count(&parts, part)), [40, 100]);
        assert_eq!(parts, parts_of(&split, &grid(), 7));
        assert_ne!(parts, parts_of(&split, &grid(), 8));
    }

    #[test]
    fn squares_stay_together() {
        let split = Split { validation: 0.0, held_out: 0.3, block: Some(5.0) };
        let (positions, parts) = (grid(), parts_of(&split, &grid(), 1));
        assert_eq!(count(&parts, Part::HeldOut) % 25, 0);
        assert!(count(&parts, Part::HeldOut) >= 120);
        for (a, own) in positions.iter().zip(&parts) {
            for (b, other) in positions.iter().zip(&parts) {
                let same = [a.x - b.x, a.y - b.y].iter().all(|d| d.abs() < 1e-9)
                    || ((a.x / 5.0).floor() == (b.x / 5.0).floor() && (a.y / 5.0).floor() == (b.y / 5.0).floor());
                assert!(!same || own == other);
            }
        }
    }
}
