//! The 8-wide bounding volume hierarchy: one array of nodes and one of leaves, for the CPU and the device.
//!
//! The binary tree is that of the crate `bvh` (surface area heuristic). It is collapsed here: the largest box of a node
//! is opened again and again until eight are there; subtrees of up to four triangles become one leaf. Boxes hold the
//! f64 triangles: f32 bounds are rounded outwards.

use super::traverse::MAX_LEVELS;
use crate::error::{Error, Fault, Result};
use crate::layout::{BLOCK_WIDTH, LEAF_BIT, NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;
use bvh::aabb::{Aabb, Bounded};
use bvh::bounding_hierarchy::{BHShape, BoundingHierarchy};
use bvh::bvh::{Bvh as BinaryTree, BvhNode};
use nalgebra::Point3;
use rayon::prelude::*;

/// Nodes and leaves of a scene; node 0 is the root, and there always is one.
#[derive(Debug, Clone)]
pub struct Bvh {
    /// Nodes, parents before children.
    pub nodes: Vec<WideNode>,
    /// Leaves.
    pub blocks: Vec<TriangleBlock>,
    /// Levels of nodes, the root's being the first.
    pub levels: usize,
}

/// A triangle as the crate wants to see it.
struct Shape {
    low: [f32; 3],
    high: [f32; 3],
    triangle: u32,
}

impl Bounded<f32, 3> for Shape {
    fn aabb(&self) -> Aabb<f32, 3> {
        Aabb::with_bounds(Point3::from(self.low), Point3::from(self.high))
    }
}

impl BHShape<f32, 3> for Shape {
    // The crate tells each shape its node; nobody asks for it here.
    fn set_bh_node_index(&mut self, _index: usize) {}
    fn bh_node_index(&self) -> usize {
        0
    }
}

/// The build recurses as deep as the tree is high; a degenerate scene makes a high tree.
const BUILD_STACK_BYTES: usize = 256 << 20;

impl Bvh {
    /// Builds the hierarchy over all triangles of `scene` that have an area; patches are filled in later
    /// ([`Bvh::set_patches`]).
    ///
    /// # Errors
    /// A scene whose triangles shrink so steadily that the tree gets too high.
    pub fn build(scene: &Scene) -> Result<Bvh> {
        let mut shapes: Vec<Shape> = (0..scene.triangles.len() as u32)
            .into_par_iter()
            .filter(|t| !scene.degenerate[*t as usize])
            .map(|triangle| shape_of(scene, triangle))
            .collect();
        if shapes.is_empty() {
            return Ok(Bvh { nodes: vec![EMPTY_NODE], blocks: Vec::new(), levels: 1 });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(rayon::current_num_threads())
            .stack_size(BUILD_STACK_BYTES)
            .build();
        let tree = match pool {
            Ok(pool) => pool.install(|| BinaryTree::build_par(&mut shapes)),
            // No thread to be had: the caller's own will do.
            Err(_) => BinaryTree::build(&mut shapes),
        };
        Collapse { scene, shapes: &shapes, tree: &tree.nodes, sizes: subtree_sizes(&tree.nodes) }.run()
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
    low: [[f32::INFINITY; NODE_WIDTH]; 3],
    high: [[f32::NEG_INFINITY; NODE_WIDTH]; 3],
    child: [NONE; NODE_WIDTH],
};

const EMPTY_BLOCK: TriangleBlock = TriangleBlock {
    corner: [[[f32::NAN; BLOCK_WIDTH]; 3]; 3],
    triangle: [NONE; BLOCK_WIDTH],
    patch: [NONE; BLOCK_WIDTH],
};

fn shape_of(scene: &Scene, triangle: u32) -> Shape {
    let [a, b, c] = scene.corners(triangle);
    let (low, high) = (a.inf(&b).inf(&c), a.sup(&b).sup(&c));
    Shape { low: round_down(&low), high: round_up(&high), triangle }
}

/// The f32 corner that is not above `p`.
fn round_down(p: &Vec3) -> [f32; 3] {
    [p.x, p.y, p.z].map(|x| if f64::from(x as f32) > x { (x as f32).next_down() } else { x as f32 })
}

/// The f32 corner that is not below `p`.
fn round_up(p: &Vec3) -> [f32; 3] {
    [p.x, p.y, p.z].map(|x| if f64::from(x as f32) < x { (x as f32).next_up() } else { x as f32 })
}

/// Number of triangles below each node of the binary tree. Children stand behind their parent.
fn subtree_sizes(tree: &[BvhNode<f32, 3>]) -> Vec<u32> {
    let mut sizes = vec![1; tree.len()];
    for (index, node) in tree.iter().enumerate().rev() {
        if let BvhNode::Node { child_l_index, child_r_index, .. } = node {
            sizes[index] = sizes[*child_l_index] + sizes[*child_r_index];
        }
    }
    sizes
}

struct Collapse<'a> {
    scene: &'a Scene,
    shapes: &'a [Shape],
    tree: &'a [BvhNode<f32, 3>],
    sizes: Vec<u32>,
}

/// A subtree that waits to become a child: index in the binary tree, and its box.
type Subtree = (usize, Aabb<f32, 3>);

impl Collapse<'_> {
    fn run(&self) -> Result<Bvh> {
        let mut out = Bvh { nodes: vec![EMPTY_NODE], blocks: Vec::new(), levels: 1 };
        let root_box = match &self.tree[0] {
            BvhNode::Node { child_l_aabb, child_r_aabb, .. } => child_l_aabb.join(child_r_aabb),
            BvhNode::Leaf { shape_index, .. } => self.shapes[*shape_index].aabb(),
        };
        // Depth first, so that a subtree's nodes lie together.
        let mut waiting = vec![(0u32, 0usize, root_box, 1)];
        while let Some((slot, subtree, bounds, level)) = waiting.pop() {
            out.levels = out.levels.max(level);
            if level > MAX_LEVELS {
                let bound = format!("its hierarchy of bounding boxes has at most {MAX_LEVELS} levels");
                let remedy = "remove the many tiny triangles that are nested about one point";
                return Err(Error::input(Fault::new("scene", bound).remedy(remedy)));
            }
            let children = self.open(subtree, bounds);
            for (lane, (child, child_box)) in children.iter().enumerate() {
                let index = if self.sizes[*child] as usize <= BLOCK_WIDTH {
                    out.blocks.push(self.block(*child));
                    LEAF_BIT | (out.blocks.len() as u32 - 1)
                } else {
                    out.nodes.push(EMPTY_NODE);
                    let node = out.nodes.len() as u32 - 1;
                    waiting.push((node, *child, *child_box, level + 1));
                    node
                };
                let node = &mut out.nodes[slot as usize];
                node.child[lane] = index;
                for axis in 0..3 {
                    node.low[axis][lane] = child_box.min[axis];
                    node.high[axis][lane] = child_box.max[axis];
                }
            }
        }
        Ok(out)
    }

    /// Up to eight subtrees that make up this one: the largest box that is no leaf yet is opened first.
    fn open(&self, subtree: usize, bounds: Aabb<f32, 3>) -> Vec<Subtree> {
        let mut parts = vec![(subtree, bounds)];
        while parts.len() < NODE_WIDTH {
            let largest = parts
                .iter()
                .enumerate()
                .filter(|(_, (part, _))| self.sizes[*part] as usize > BLOCK_WIDTH)
                .max_by(|a, b| a.1.1.surface_area().total_cmp(&b.1.1.surface_area()))
                .map(|(position, _)| position);
            let Some(position) = largest else { break };
            if let BvhNode::Node { child_l_index, child_l_aabb, child_r_index, child_r_aabb, .. } =
                &self.tree[parts[position].0]
            {
                parts[position] = (*child_l_index, *child_l_aabb);
                parts.push((*child_r_index, *child_r_aabb));
            }
        }
        parts
    }

    /// The leaf that holds all triangles of a small subtree.
    fn block(&self, subtree: usize) -> TriangleBlock {
        let mut block = EMPTY_BLOCK;
        let mut lane = 0;
        // A subtree of n triangles fills 2 n - 1 places behind its root.
        for node in &self.tree[subtree..subtree + 2 * self.sizes[subtree] as usize - 1] {
            if let BvhNode::Leaf { shape_index, .. } = node {
                let triangle = self.shapes[*shape_index].triangle;
                block.triangle[lane] = triangle;
                for (k, corner) in self.scene.corners(triangle).iter().enumerate() {
                    for axis in 0..3 {
                        block.corner[k][axis][lane] = corner[axis] as f32;
                    }
                }
                lane += 1;
            }
        }
        block
    }
}
