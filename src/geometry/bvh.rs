//! The 8-wide bounding volume hierarchy: one array of nodes and one of leaves, for the CPU and the device.
//!
//! The binary tree ([`super::binary`]) is collapsed so that the area of all boxes is least: greedy opening of the largest
//! box left the nodes above the leaves half empty. Boxes hold the f64 triangles: f32 bounds are rounded outwards.

use super::binary::{self, BinaryNode, Bounds, Prim};
use super::pages;
use crate::layout::{BLOCK_WIDTH, LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;
use rayon::prelude::*;

/// Nodes and leaves of a scene; node 0 is the root, and there always is one.
#[derive(Debug, Clone)]
pub struct Bvh {
    /// Nodes, parents before children.
    pub nodes: Vec<WideNode>,
    /// Leaves.
    pub blocks: Vec<TriangleBlock>,
    /// The lanes of each node by the area of their boxes, smallest first, a byte each from the lowest on `[node]`; empty where
    /// caches hold the hierarchy, so that fewer visits do not pay for the order.
    pub by_size: Vec<u64>,
    /// Levels of nodes, the root's being the first.
    pub levels: usize,
    /// The largest coordinate of a triangle, rounded up [m].
    pub reach: f32,
    /// Whether nodes and leaves are too many for a core's caches, so that it pays to ask for them ahead.
    pub is_large: bool,
}

/// A hierarchy that a core's caches hold, about [bytes].
const SMALL_BYTES: usize = 4 << 20;
/// One that all caches of a processor hold, about [bytes].
const CACHED_BYTES: usize = 32 << 20;

impl Bvh {
    /// Builds the hierarchy over all triangles of `scene` that have an area; patches are filled in later
    /// ([`Bvh::set_patches`]).
    pub fn build(scene: &Scene) -> Bvh {
        let mut prims: Vec<Prim> = (0..scene.triangles.len() as u32)
            .into_par_iter()
            .filter(|t| !scene.degenerate[*t as usize])
            .map(|triangle| prim_of(scene, triangle))
            .collect();
        if prims.is_empty() {
            let (nodes, blocks, by_size) = (vec![EMPTY_NODE], Vec::new(), Vec::new());
            return Bvh { nodes, blocks, by_size, levels: 1, reach: 0.0, is_large: false };
        }
        let tree = binary::build(&mut prims);
        Collapse { scene, prims: &prims, costs: costs_of(&tree), tree: &tree }.run()
    }

    /// Finds out which lanes of the nodes are large.
    pub(super) fn sort_lanes(&mut self) {
        self.by_size = self.nodes.par_iter().map(lanes_by_size).collect();
    }

    /// Writes the patch of each triangle into the leaves.
    pub fn set_patches(&mut self, patch_of: impl Fn(u32) -> u32 + Sync) {
        self.blocks.par_iter_mut().for_each(|block| {
            for (triangle, patch) in block.triangle.iter().zip(&mut block.patch) {
                *patch = if *triangle == NONE { NONE } else { patch_of(*triangle) };
            }
        });
    }
}

const EMPTY_NODE: WideNode = WideNode {
    corner: [[[f32::INFINITY; NODE_WIDTH]; 3], [[f32::NEG_INFINITY; NODE_WIDTH]; 3]],
    child: [NONE; NODE_WIDTH],
};

const EMPTY_BLOCK: TriangleBlock = TriangleBlock {
    corner: [[[f32::NAN; BLOCK_WIDTH]; 3]; 3],
    triangle: [NONE; BLOCK_WIDTH],
    patch: [NONE; BLOCK_WIDTH],
};

/// The lanes of a node's boxes, smallest first: a byte each.
fn lanes_by_size(node: &WideNode) -> u64 {
    let area = |lane: usize| {
        let [low, high] = node.corner.map(|rows| rows.map(|row| row[lane]));
        Bounds { low, high }.half_area()
    };
    let areas: [f32; NODE_WIDTH] = std::array::from_fn(area);
    let mut lanes: [u8; NODE_WIDTH] = std::array::from_fn(|lane| lane as u8);
    lanes.sort_by(|a, b| areas[*a as usize].total_cmp(&areas[*b as usize]));
    u64::from_le_bytes(lanes)
}

fn prim_of(scene: &Scene, triangle: u32) -> Prim {
    let [a, b, c] = scene.corners(triangle);
    let (low, high) = (a.inf(&b).inf(&c), a.sup(&b).sup(&c));
    Prim { low: round_down(&low), triangle, high: round_up(&high), unused: 0 }
}

/// The f32 corner that is not above `p`.
fn round_down(p: &Vec3) -> [f32; 3] {
    [p.x, p.y, p.z].map(|x| if f64::from(x as f32) > x { (x as f32).next_down() } else { x as f32 })
}

/// The f32 corner that is not below `p`.
fn round_up(p: &Vec3) -> [f32; 3] {
    [p.x, p.y, p.z].map(|x| if f64::from(x as f32) < x { (x as f32).next_up() } else { x as f32 })
}

/// Least costs of a subtree as up to 1, 2, … 7 children of a wide node: the areas of the boxes, for a visit of a
/// node costs about as much as one of a leaf.
type Costs = [f32; NODE_WIDTH - 1];

/// The least cost of each subtree, by dynamic programming from the leaves up (Ylitie, Karras, Laine 2017).
fn costs_of(tree: &[BinaryNode]) -> Vec<Costs> {
    let mut costs = vec![[0f32; NODE_WIDTH - 1]; tree.len()];
    for (index, node) in tree.iter().enumerate().rev() {
        let area = node.bounds.half_area();
        if node.count > 0 {
            costs[index] = [area; NODE_WIDTH - 1];
            continue;
        }
        let (left, right) = (costs[index + 1], costs[index + node.right as usize]);
        let mut least = area + shared_out(&left, &right, NODE_WIDTH).0;
        costs[index][0] = least;
        for slots in 2..NODE_WIDTH {
            least = least.min(shared_out(&left, &right, slots).0);
            costs[index][slots - 1] = least;
        }
    }
    costs
}

/// The cheapest way to share `slots` between two subtrees: the cost, and the slots of the left one.
#[inline(always)]
fn shared_out(left: &Costs, right: &Costs, slots: usize) -> (f32, usize) {
    let mut best = (f32::INFINITY, 1);
    for of_left in 1..slots {
        let cost = left[of_left - 1] + right[slots - of_left - 1];
        if cost < best.0 {
            best = (cost, of_left);
        }
    }
    best
}

struct Collapse<'a> {
    scene: &'a Scene,
    /// In the order of the tree's leaves.
    prims: &'a [Prim],
    tree: &'a [BinaryNode],
    costs: Vec<Costs>,
}

impl Collapse<'_> {
    fn run(&self) -> Bvh {
        /// Leaves of one task, at least.
        const TASK: usize = 256;
        let Bounds { low, high } = self.tree[0].bounds;
        let reach = low.iter().chain(&high).fold(0f32, |reach, x| reach.max(x.abs()));
        let leaves = self.tree.iter().filter(|node| node.count > 0).count();
        // Nodes have at least two children and mostly five: should there be more of them, they move.
        let (mut nodes, blocks) = (pages::with_capacity(1 + leaves / 2), pages::with_capacity(leaves));
        let mut leaves = Vec::with_capacity(leaves);
        nodes.push(EMPTY_NODE);
        let mut out = Bvh { nodes, blocks, by_size: Vec::new(), levels: 1, reach, is_large: false };
        // Depth first, so that a subtree's nodes lie together.
        let mut waiting = vec![(0u32, 0usize, 1)];
        let mut children = Vec::with_capacity(NODE_WIDTH);
        while let Some((slot, subtree, level)) = waiting.pop() {
            out.levels = out.levels.max(level);
            children.clear();
            self.open(subtree, NODE_WIDTH, &mut children);
            for (lane, child) in children.iter().enumerate() {
                let subtree = &self.tree[*child];
                let index = if subtree.count > 0 {
                    leaves.push(subtree);
                    LEAF_BIT | (leaves.len() as u32 - 1)
                } else {
                    out.nodes.push(EMPTY_NODE);
                    let node = out.nodes.len() as u32 - 1;
                    waiting.push((node, *child, level + 1));
                    node
                };
                let node = &mut out.nodes[slot as usize];
                node.child[lane] = index;
                for axis in 0..3 {
                    node.corner[0][axis][lane] = subtree.bounds.low[axis];
                    node.corner[1][axis][lane] = subtree.bounds.high[axis];
                }
            }
        }
        leaves.par_iter().with_min_len(TASK).map(|leaf| self.block(leaf)).collect_into_vec(&mut out.blocks);
        let bytes = size_of_val(&out.nodes[..]) + size_of_val(&out.blocks[..]);
        out.is_large = bytes > SMALL_BYTES;
        if bytes > CACHED_BYTES {
            out.sort_lanes();
        }
        out
    }

    /// The subtrees that stand for `subtree` in `slots` slots of a wide node; with all of them, the node's own children.
    fn open(&self, subtree: usize, mut slots: usize, out: &mut Vec<usize>) {
        let node = &self.tree[subtree];
        let own = self.costs[subtree][0];
        let wanted = if slots == NODE_WIDTH { f32::INFINITY } else { self.costs[subtree][slots - 1] };
        if node.count > 0 || (slots < NODE_WIDTH && wanted == own) {
            out.push(subtree);
            return;
        }
        let (left, right) = (subtree + 1, subtree + node.right as usize);
        let share = |slots: usize| shared_out(&self.costs[left], &self.costs[right], slots);
        while slots < NODE_WIDTH && share(slots).0 != wanted {
            slots -= 1;
        }
        let of_left = share(slots).1;
        self.open(left, of_left, out);
        self.open(right, slots - of_left, out);
    }

    fn block(&self, leaf: &BinaryNode) -> TriangleBlock {
        let mut block = EMPTY_BLOCK;
        let own = leaf.first as usize..(leaf.first + leaf.count) as usize;
        for (lane, prim) in self.prims[own].iter().enumerate() {
            block.triangle[lane] = prim.triangle;
            for (k, corner) in self.scene.corners(prim.triangle).iter().enumerate() {
                for axis in 0..3 {
                    block.corner[k][axis][lane] = corner[axis] as f32;
                }
            }
        }
        block
    }
}
