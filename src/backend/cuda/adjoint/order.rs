//! What is added up to what: the items of each target, block by block of paths.
//!
//! Blocks are those of the CPU's adjoint ([`crate::path::adjoint::BLOCK`]): within a block the device adds up the items of a
//! target in the order of the paths, and the host adds block to block. So no result depends on how many paths the device
//! holds at once.

use crate::path::field::BLOCK;
use rayon::prelude::*;
use std::ops::Range;

/// Items of a part of all paths, segment by segment: a segment is what one block adds to one target.
#[derive(Debug, Default, PartialEq)]
pub struct Order {
    /// Items.
    pub items: Vec<u32>,
    /// First item of each segment `[segment + 1]`.
    pub begins: Vec<u32>,
    /// What each segment is added to `[segment]`.
    pub targets: Vec<u64>,
    /// First segment of each block `[block + 1]`.
    pub blocks: Vec<usize>,
}

impl Order {
    /// The order of what `pairs` lists of a block of paths: (target, item), in any order.
    pub fn new(paths: Range<usize>, pairs: impl Fn(Range<usize>) -> Vec<(u64, u32)> + Sync) -> Order {
        let sorted = |first: usize| {
            let mut pairs = pairs(first..paths.end.min(first + BLOCK));
            // Lists are made of long runs, which a stable sort merges.
            pairs.sort();
            pairs
        };
        let firsts: Vec<usize> = paths.clone().step_by(BLOCK).collect();
        let blocks: Vec<Vec<(u64, u32)>> = firsts.into_par_iter().map(sorted).collect();
        let mut order = Order { begins: vec![0], blocks: vec![0], ..Order::default() };
        for pairs in &blocks {
            for of_target in pairs.chunk_by(|a, b| a.0 == b.0) {
                order.items.extend(of_target.iter().map(|(_, item)| item));
                order.begins.push(order.items.len() as u32);
                order.targets.push(of_target[0].0);
            }
            order.blocks.push(order.targets.len());
        }
        order
    }

    /// The segments of a block.
    pub fn of_block(&self, block: usize) -> Range<usize> {
        self.blocks[block]..self.blocks[block + 1]
    }
}

/// One target of two numbers.
pub fn joined(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The two numbers again.
pub fn parted(target: u64) -> (u32, u32) {
    ((target >> 32) as u32, target as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_has_its_targets_and_items_ascending() {
        let pairs = |paths: Range<usize>| {
            paths.rev().flat_map(|path| [(joined(1, path as u32 % 3), path as u32), (7, path as u32)]).collect()
        };
        let order = Order::new(0..BLOCK + 5, pairs);
        assert_eq!(order.blocks, [0, 4, 8]);
        assert_eq!(order.targets[4..], [7, joined(1, 0), joined(1, 1), joined(1, 2)]);
        let of = |segment: usize| &order.items[order.begins[segment] as usize..order.begins[segment + 1] as usize];
        assert!(of(0).iter().copied().eq(0..BLOCK as u32));
        assert_eq!(of(order.of_block(1).end - 1), [65, 68]);
        assert_eq!(parted(order.targets[7]), (1, 2));
        assert_eq!(Order::new(3..3, pairs).targets, [0; 0]);
    }
}
