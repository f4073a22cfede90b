//! Receivers in small boxes along a space-filling curve, so that a beam is tested against many at once.

use super::beam::Frustum;
use crate::layout;
use crate::math::{Vec3, bounds_of};

/// Receivers of a box.
const BOX_SIZE: usize = layout::BOX_SIZE as usize;

/// Receiver positions, sorted for search.
#[derive(Debug)]
pub struct ReceiverBoxes {
    /// Bounds of these receivers and of all others of the run [m].
    run: (Vec3, Vec3),
    /// Index of each receiver in the order of the caller `[sorted receiver]`.
    index: Vec<u32>,
    position: Vec<Vec3>,
    bounds: Vec<(Vec3, Vec3)>,
}

impl ReceiverBoxes {
    /// Sorts `positions` [m] that are all the receivers of a run.
    pub fn of_all(positions: &[Vec3]) -> ReceiverBoxes {
        ReceiverBoxes::new(positions, bounds_of(positions))
    }

    /// Sorts `positions` [m]. Beams are padded as far as the bounds of the whole `run` reach, so that it does not matter
    /// which receivers are searched together.
    pub fn new(positions: &[Vec3], run: (Vec3, Vec3)) -> ReceiverBoxes {
        let (low, high) = bounds_of(positions);
        let mut order: Vec<(u64, u32)> =
            positions.iter().enumerate().map(|(i, p)| (morton(p, &low, &high), i as u32)).collect();
        order.sort_unstable();
        let index: Vec<u32> = order.into_iter().map(|(_, i)| i).collect();
        let position: Vec<Vec3> = index.iter().map(|i| positions[*i as usize]).collect();
        let bounds = position.chunks(BOX_SIZE).map(bounds_of).collect();
        ReceiverBoxes { run, index, position, bounds }
    }

    /// Indices and positions of all receivers, in the order of the boxes.
    pub fn all(&self) -> (&[u32], &[Vec3]) {
        (&self.index, &self.position)
    }

    /// Lower and upper corner of each box of [`layout::BOX_SIZE`] receivers [m].
    pub fn bounds(&self) -> &[(Vec3, Vec3)] {
        &self.bounds
    }

    /// Bounds of all receivers of the run [m].
    pub fn run(&self) -> &(Vec3, Vec3) {
        &self.run
    }

    /// The largest distance of a receiver of the run from `point` [m], or more.
    pub fn reach(&self, point: &Vec3) -> f64 {
        let (low, high) = self.run;
        (low - point).abs().sup(&(high - point).abs()).norm()
    }

    /// Calls `found(receiver, position)` for each receiver that may be in the frustum.
    pub fn for_each_in(&self, frustum: &Frustum, mut found: impl FnMut(u32, &Vec3)) {
        for (b, (low, high)) in self.bounds.iter().enumerate() {
            if frustum.meets_box(low, high) {
                let members = b * BOX_SIZE..((b + 1) * BOX_SIZE).min(self.index.len());
                for i in members.filter(|i| frustum.holds(&self.position[*i])) {
                    found(self.index[i], &self.position[i]);
                }
            }
        }
    }
}

/// The place of `p` on the Morton curve of 2^20 cells an axis.
fn morton(p: &Vec3, low: &Vec3, high: &Vec3) -> u64 {
    (0..3).fold(0, |code, axis| {
        let extent = high[axis] - low[axis];
        let share = if extent > 0.0 { (p[axis] - low[axis]) / extent } else { 0.0 };
        code | spread((share * f64::from((1 << 20) - 1)) as u64) << axis
    })
}

/// Spreads 20 bits so that two zeros stand between each.
fn spread(mut x: u64) -> u64 {
    x = (x | x << 32) & 0x001F_0000_0000_FFFF;
    x = (x | x << 16) & 0x001F_0000_FF00_00FF;
    x = (x | x << 8) & 0x100F_00F0_0F00_F00F;
    x = (x | x << 4) & 0x10C3_0C30_C30C_30C3;
    (x | x << 2) & 0x1249_2492_4924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_receiver_is_found_by_a_frustum_that_holds_everything() {
        let positions: Vec<Vec3> =
            (0..100).map(|i| Vec3::new(f64::from(i * 37 % 100), f64::from(i * 11 % 17), 1.5)).collect();
        let boxes = ReceiverBoxes::new(&positions, bounds_of(&positions));
        let mut found = Vec::new();
        boxes.for_each_in(&Frustum::default(), |receiver, position| {
            assert_eq!(*position, positions[receiver as usize]);
            found.push(receiver);
        });
        found.sort_unstable();
        assert!(found.iter().copied().eq(0..100));
    }
}
