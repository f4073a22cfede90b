//! Walking the hierarchy in the order of the tree.

use super::bvh::Bvh;
use super::simd::prefetch;
use crate::layout::{LEAF_BIT, LEVELS_AT_MOST, NODE_WIDTH, TriangleBlock, WideNode};
use arrayvec::ArrayVec;

/// Levels of nodes that a hierarchy may have: [`super::binary`] makes no higher tree.
pub(super) const MOST_LEVELS: usize = LEVELS_AT_MOST as usize;
/// Levels that a shallow hierarchy has: its stack of waiting children is shorter.
pub(super) const FEW_LEVELS: usize = 12;

/// Children that can wait in a hierarchy of so many levels: each level adds at most seven.
pub(super) const fn stack_for(levels: usize) -> usize {
    1 + levels * (NODE_WIDTH - 1)
}

/// What a walk through the hierarchy looks for.
pub(super) trait Query {
    /// A bit for each child whose box the query enters.
    fn enter(&self, node: &WideNode) -> u32;
    /// Looks at a leaf; `false` ends the walk.
    fn visit(&mut self, block: &TriangleBlock) -> bool;
}

/// Takes `query` through the hierarchy, in the order of the tree.
#[inline(always)]
pub(super) fn walk(bvh: &Bvh, query: &mut impl Query) {
    if bvh.levels <= FEW_LEVELS {
        walk_with_stack::<{ stack_for(FEW_LEVELS) }>(bvh, query);
    } else {
        walk_with_stack::<{ stack_for(MOST_LEVELS) }>(bvh, query);
    }
}

#[inline(always)]
fn walk_with_stack<const STACK: usize>(bvh: &Bvh, query: &mut impl Query) {
    let mut waiting = ArrayVec::<u32, STACK>::new();
    let mut child = 0;
    loop {
        if child & LEAF_BIT == 0 {
            let node = &bvh.nodes[child as usize];
            let mut entered = query.enter(node);
            if entered != 0 {
                // The last child is walked into at once: it would be the next one. The others wait.
                let last = entered.ilog2();
                entered ^= 1 << last;
                child = node.child[last as usize];
                bvh.prefetch(child);
                while entered != 0 {
                    let other = node.child[entered.trailing_zeros() as usize];
                    entered &= entered - 1;
                    bvh.prefetch(other);
                    waiting.push(other);
                }
                continue;
            }
        } else if !query.visit(&bvh.blocks[(child & !LEAF_BIT) as usize]) {
            return;
        }
        let Some(next) = waiting.pop() else { return };
        child = next;
    }
}

impl Bvh {
    /// Asks for what a child is before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, child: u32) {
        if !self.is_large {
            return;
        }
        if child & LEAF_BIT == 0 {
            prefetch(&self.nodes, child as usize);
        } else {
            prefetch(&self.blocks, (child & !LEAF_BIT) as usize);
        }
    }
}
