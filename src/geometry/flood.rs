//! Flooding: what hangs together by touching triangles, in time that does not grow with the pairs of a crowd.
//!
//! A triangle is taken once and is then looked at no more. In a crowd ([`TouchGraph::of`]) neighbours are searched in
//! the hierarchy, past every subtree whose triangles are all taken.

use super::bvh::Bvh;
use super::search::corners_of;
use super::touch::TouchGraph;
use crate::layout::{LEAF_BIT, NONE};

/// Labels of triangles, and what is left to label.
pub struct Flood<'a> {
    /// The triangle from which each triangle was reached `[triangle]`, or [`NONE`].
    pub label: Vec<u32>,
    graph: &'a TouchGraph<'a>,
    left: Option<Left<'a>>,
    waiting: Vec<u32>,
    found: Vec<u32>,
}

impl<'a> Flood<'a> {
    /// A flood that has reached nothing yet.
    pub fn new(graph: &'a TouchGraph<'a>, bvh: &'a Bvh) -> Flood<'a> {
        let left = graph.has_crowds().then(|| Left::new(bvh, graph.len()));
        Flood { label: vec![NONE; graph.len()], graph, left, waiting: Vec::new(), found: Vec::new() }
    }

    /// Labels `start` and all that hangs together with it over triangles that are `wanted` and have no label yet.
    pub fn fill(&mut self, start: u32, wanted: impl Fn(u32) -> bool) {
        self.reach(start, start);
        while let Some(t) = self.waiting.pop() {
            let graph = self.graph;
            match (graph.of(t), &self.left) {
                (Some(neighbours), _) => {
                    for other in neighbours {
                        if self.label[*other as usize] == NONE && wanted(*other) {
                            self.reach(*other, start);
                        }
                    }
                }
                (None, None) => {}
                (None, Some(left)) => {
                    let mut found = std::mem::take(&mut self.found);
                    left.search(graph, t, |other| {
                        if self.label[other as usize] == NONE && wanted(other) && graph.touch(t, other) {
                            found.push(other);
                        }
                    });
                    for other in found.drain(..) {
                        self.reach(other, start);
                    }
                    self.found = found;
                }
            }
        }
    }

    fn reach(&mut self, t: u32, label: u32) {
        self.take(t, label);
        self.waiting.push(t);
    }

    /// Labels a triangle that has no label yet, and nothing else.
    pub fn take(&mut self, t: u32, label: u32) {
        self.label[t as usize] = label;
        if let Some(left) = &mut self.left {
            left.remove(t);
        }
    }
}

/// The triangles that have no label yet, in the hierarchy.
struct Left<'a> {
    bvh: &'a Bvh,
    /// Unlabelled triangles below each node `[node]` and in each leaf `[leaf]`.
    in_node: Vec<u32>,
    in_leaf: Vec<u32>,
    /// Node above each node and each leaf; the root's is [`NONE`].
    above_node: Vec<u32>,
    above_leaf: Vec<u32>,
    /// Leaf of each triangle `[triangle]`, or [`NONE`].
    leaf: Vec<u32>,
}

impl<'a> Left<'a> {
    fn new(bvh: &'a Bvh, triangles: usize) -> Left<'a> {
        let mut left = Left {
            bvh,
            in_node: vec![0; bvh.nodes.len()],
            in_leaf: vec![0; bvh.blocks.len()],
            above_node: vec![NONE; bvh.nodes.len()],
            above_leaf: vec![NONE; bvh.blocks.len()],
            leaf: vec![NONE; triangles],
        };
        for (node, wide) in bvh.nodes.iter().enumerate() {
            for child in wide.child.into_iter().filter(|child| *child != NONE) {
                let above = if child & LEAF_BIT == 0 { &mut left.above_node } else { &mut left.above_leaf };
                above[(child & !LEAF_BIT) as usize] = node as u32;
            }
        }
        for (leaf, block) in bvh.blocks.iter().enumerate() {
            for t in block.triangle.into_iter().filter(|t| *t != NONE) {
                left.leaf[t as usize] = leaf as u32;
                left.in_leaf[leaf] += 1;
                left.for_each_above(leaf as u32, |count| *count += 1);
            }
        }
        left
    }

    fn remove(&mut self, t: u32) {
        let leaf = self.leaf[t as usize];
        self.in_leaf[leaf as usize] -= 1;
        self.for_each_above(leaf, |count| *count -= 1);
    }

    fn for_each_above(&mut self, leaf: u32, change: impl Fn(&mut u32)) {
        let mut node = self.above_leaf[leaf as usize];
        while node != NONE {
            change(&mut self.in_node[node as usize]);
            node = self.above_node[node as usize];
        }
    }

    /// Calls `found` for every triangle about triangle `t` whose leaf holds one without a label.
    fn search(&self, graph: &TouchGraph, t: u32, mut found: impl FnMut(u32)) {
        let region = graph.region_about(t);
        let mut waiting = vec![0u32];
        while let Some(child) = waiting.pop() {
            if child & LEAF_BIT != 0 {
                let block = &self.bvh.blocks[(child & !LEAF_BIT) as usize];
                block.triangle.into_iter().filter(|t| *t != NONE).for_each(&mut found);
                continue;
            }
            let node = &self.bvh.nodes[child as usize];
            for (lane, child) in node.child.into_iter().enumerate().filter(|(_, child)| *child != NONE) {
                let left = if child & LEAF_BIT == 0 { &self.in_node } else { &self.in_leaf };
                let [low, high] = corners_of(node, lane);
                if left[(child & !LEAF_BIT) as usize] > 0 && region.meets(&low, &high) {
                    waiting.push(child);
                }
            }
        }
    }
}
