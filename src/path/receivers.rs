//! Receivers in small boxes along a space-filling curve, so that a beam is tested against many at once.

use super::beam::{Frustum, reach_of, row_meets_box};
use super::chain::ChainTrie;
use crate::geometry::facet::Facets;
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

    /// Calls `found(receiver, position)` for each receiver that may be in the beam of a node's chain. `frustum` is scratch.
    ///
    /// Most beams meet few boxes or none, which a side or two tell: where there are few boxes, no more sides are made.
    pub fn for_each_in_beam(
        &self,
        facets: &Facets,
        trie: &ChainTrie,
        node: u32,
        frustum: &mut Frustum,
        found: impl FnMut(u32, &Vec3),
    ) {
        let (apex, window) = (&trie.image[node as usize], trie.window_of(node));
        let (plane, reach) = (facets.plane(trie.facet[node as usize]), reach_of(apex, (&self.run.0, &self.run.1)));
        let count = self.bounds.len();
        if count > u64::BITS as usize {
            frustum.rebuild(apex, window, plane, reach);
            let met = |b: &usize| frustum.meets_box(&self.bounds[*b].0, &self.bounds[*b].1);
            return self.for_each_of((0..count).filter(met), frustum, found);
        }
        let mut met = u64::MAX.checked_shr(u64::BITS - count as u32).unwrap_or(0);
        let is_whole = frustum.rebuild_while(apex, window, plane, reach, |row| {
            met = bits_of(met)
                .filter(|b| row_meets_box(row, &self.bounds[*b].0, &self.bounds[*b].1))
                .fold(0, |m, b| m | 1 << b);
            met != 0
        });
        if is_whole {
            self.for_each_of(bits_of(met), frustum, found);
        }
    }

    /// Calls `found` for each receiver of some boxes that may be in the frustum.
    fn for_each_of(&self, boxes: impl Iterator<Item = usize>, frustum: &Frustum, mut found: impl FnMut(u32, &Vec3)) {
        for b in boxes {
            let members = b * BOX_SIZE..((b + 1) * BOX_SIZE).min(self.index.len());
            for i in members.filter(|i| frustum.holds(&self.position[*i])) {
                found(self.index[i], &self.position[i]);
            }
        }
    }
}

/// The places of a number's bits, ascending.
fn bits_of(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
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
    use crate::geometry::Geometry;
    use crate::path::exhaustive::children;
    use crate::scene::Scene;
    use crate::scene::generate::{BoxesOptions, GenerateOptions, generate};
    use crate::scene::material::OutOfRange;
    use std::cell::OnceCell;

    #[test]
    fn receivers_in_a_beam_are_found_however_many_there_are() {
        let options = BoxesOptions { seed: 3, count: 6, ..BoxesOptions::default() };
        let scene = generate(&GenerateOptions::Boxes(options)).expect("the options are valid");
        let scene = Scene::new(&scene, OutOfRange::Error).expect("a valid scene");
        let geometry = Geometry::new(&scene);
        let mut trie = ChainTrie::new(Vec3::new(1.0, 2.0, 15.0));
        for part in children(&geometry.facets, &OnceCell::new(), &trie, 0, None, None) {
            trie.extend(0, &part.facets, &part.opened, u64::MAX);
        }
        let mut some = 0;
        // One box, a few, and more than a mask has bits.
        for count in [1, 17, 100, 64 * BOX_SIZE + 1, 3000] {
            let of = |i: usize| Vec3::new((i * 37 % 101) as f64 - 50.0, (i * 11 % 97) as f64 - 48.0, 1.5);
            let positions: Vec<Vec3> = (0..count).map(of).collect();
            let boxes = ReceiverBoxes::of_all(&positions);
            for node in 1..trie.len() as u32 {
                let (mut frustum, mut found) = (Frustum::default(), Vec::new());
                boxes.for_each_in_beam(&geometry.facets, &trie, node, &mut frustum, |receiver, position| {
                    assert_eq!(*position, positions[receiver as usize]);
                    found.push(receiver);
                });
                found.sort_unstable();
                let (image, plane) = (&trie.image[node as usize], geometry.facets.plane(trie.facet[node as usize]));
                let (low, high) = boxes.run();
                frustum.rebuild(image, trie.window_of(node), plane, reach_of(image, (low, high)));
                let inside = (0..count as u32).filter(|i| frustum.holds(&positions[*i as usize]));
                some += usize::from(!found.is_empty());
                assert!(inside.eq(found), "{count} receivers, node {node}");
            }
        }
        assert!(some > 30, "{some}");
    }
}
