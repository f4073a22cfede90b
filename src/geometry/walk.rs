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
    /// The same for `lanes` of the node, a byte each from the lowest on; writes their children in this order.
    #[inline(always)]
    fn enter_lanes(&self, node: &WideNode, lanes: u64, children: &mut [u32; NODE_WIDTH]) -> u32 {
        reordered(self.enter(node), node, lanes, children)
    }
    /// Looks at a leaf; `false` ends the walk.
    fn visit(&mut self, block: &TriangleBlock) -> bool;
}

/// Takes `query` through the hierarchy, in the order of the tree.
#[inline(always)]
pub(super) fn walk(bvh: &Bvh, query: &mut impl Query) {
    if bvh.levels <= FEW_LEVELS {
        walk_with_stack::<{ stack_for(FEW_LEVELS) }, false>(bvh, query);
    } else {
        walk_with_stack::<{ stack_for(MOST_LEVELS) }, false>(bvh, query);
    }
}

/// The same for a query that ends with the first find, which a large box promises sooner than a small one: of a hierarchy
/// that no cache holds, the largest box of a node first.
#[inline(always)]
pub(super) fn walk_to_first(bvh: &Bvh, query: &mut impl Query) {
    if bvh.by_size.is_empty() {
        walk(bvh, query);
    } else {
        walk_with_stack::<{ stack_for(MOST_LEVELS) }, true>(bvh, query);
    }
}

#[inline(always)]
fn walk_with_stack<const STACK: usize, const BY_SIZE: bool>(bvh: &Bvh, query: &mut impl Query) {
    let mut waiting = ArrayVec::<u32, STACK>::new();
    let mut child = 0;
    loop {
        if child & LEAF_BIT == 0 {
            let node = &bvh.nodes[child as usize];
            let mut in_order = [0; NODE_WIDTH];
            let (mut entered, children) = if BY_SIZE {
                (query.enter_lanes(node, bvh.by_size[child as usize], &mut in_order), &in_order)
            } else {
                (query.enter(node), &node.child)
            };
            if entered != 0 {
                // The last child is walked into at once: it would be the next one. The others wait.
                let last = entered.ilog2();
                entered ^= 1 << last;
                child = children[last as usize];
                bvh.prefetch_of::<BY_SIZE>(child);
                while entered != 0 {
                    let other = children[entered.trailing_zeros() as usize];
                    entered &= entered - 1;
                    bvh.prefetch_of::<BY_SIZE>(other);
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

/// The bits of `entered` and the children of a node for `lanes`, a byte each.
#[inline(always)]
pub(super) fn reordered(entered: u32, node: &WideNode, lanes: u64, children: &mut [u32; NODE_WIDTH]) -> u32 {
    lanes.to_le_bytes().into_iter().enumerate().fold(0, |mask, (place, lane)| {
        children[place] = node.child[lane as usize];
        mask | (entered >> lane & 1) << place
    })
}

impl Bvh {
    /// As [`Bvh::prefetch`], for the order of a node's lanes too.
    #[inline(always)]
    fn prefetch_of<const BY_SIZE: bool>(&self, child: u32) {
        self.prefetch(child);
        if BY_SIZE && child & LEAF_BIT == 0 {
            prefetch(&self.by_size, child as usize);
        }
    }

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
