//! Paths of a plane: candidates are all chains of walls, vertices those of the image method.

use super::{Graded, PlanarScene, Vec2, Wall};
use crate::path::finders::Affine;
use crate::path::finders::image::{image, image_vjp};
use nalgebra::Matrix2;

/// Reflections of a path at the most: candidates are all chains of walls.
pub const MAX_ORDER: usize = 4;

/// A point of a path, and how it moves with either end of the path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Where it is [m].
    pub at: Vec2,
    /// Its derivative by the first and the second end `[coordinate, coordinate of the end]` [-].
    pub by: [Matrix2<f64>; 2],
}

/// A path that a candidate makes: from the transmitter over one vertex on each wall's line to the receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanarPath<'a> {
    /// Walls that it is reflected by.
    pub candidate: &'a [usize],
    /// Transmitter, vertices, receiver.
    pub nodes: Nodes,
    /// Image of the transmitter after each reflection.
    pub images: Vec<Node>,
}

/// Transmitter, vertices and receiver, without an allocation where there is no vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct Nodes {
    ends: [Node; 2],
    vertices: Vec<Node>,
}

impl Nodes {
    /// Node `i`, from the transmitter on.
    pub fn at(&self, i: usize) -> &Node {
        match i.checked_sub(1) {
            None => &self.ends[0],
            Some(k) => self.vertices.get(k).unwrap_or(&self.ends[1]),
        }
    }

    /// Number of legs between them.
    pub fn legs(&self) -> usize {
        self.vertices.len() + 1
    }
}

/// All chains of `order` walls of `walls`, none twice in a row, in lexical order.
pub fn candidates(walls: usize, order: usize) -> Vec<Vec<usize>> {
    let mut chains = vec![Vec::new()];
    for _ in 0..order {
        let longer = |chain: &Vec<usize>| {
            let last = chain.last().copied();
            let chain = chain.clone();
            (0..walls).filter(move |wall| Some(*wall) != last).map(move |wall| [&chain[..], &[wall]].concat())
        };
        chains = chains.iter().flat_map(longer).collect();
    }
    chains
}

/// The path of a candidate between two ends, with its derivatives; `None` where a line is parallel to the wall that it
/// should meet, or a wall is met by its own image.
pub fn traced<'a>(scene: &PlanarScene, ends: [&Vec2; 2], candidate: &'a [usize]) -> Option<PlanarPath<'a>> {
    let (one, none) = (Matrix2::identity(), Matrix2::zeros());
    let own = [Node { at: *ends[0], by: [one, none] }, Node { at: *ends[1], by: [none, one] }];
    if candidate.is_empty() {
        let nodes = Nodes { ends: own, vertices: Vec::new() };
        return Some(PlanarPath { candidate, nodes, images: Vec::new() });
    }
    let mirrors: Vec<Affine<2>> = candidate.iter().map(|i| mirror(&scene.walls()[*i])).collect();
    let vertices = image(ends, &mirrors).ok()?;
    let mut nodes: Vec<Node> = vertices.iter().map(|at| Node { at: *at, by: [none; 2] }).collect();
    for k in 0..vertices.len() {
        for axis in 0..2 {
            let mut vertices_bar = vec![Vec2::zeros(); vertices.len()];
            vertices_bar[k][axis] = 1.0;
            let mut ends_bar = [Vec2::zeros(); 2];
            let mut walls_bar: Vec<Affine<2>> = mirrors.iter().map(Affine::no_bars).collect();
            image_vjp(ends, &mirrors, &vertices, &vertices_bar, &mut ends_bar, &mut walls_bar).ok()?;
            (0..2).for_each(|end| nodes[k].by[end].set_row(axis, &ends_bar[end].transpose()));
        }
    }
    let mut images = Vec::with_capacity(candidate.len());
    let mut before = own[0];
    for i in candidate {
        before = reflected(&before, &scene.walls()[*i]);
        images.push(before);
    }
    Some(PlanarPath { candidate, nodes: Nodes { ends: own, vertices: nodes }, images })
}

/// A number of a segment between two nodes, as one of the path's ends.
pub fn pulled(of_segment: Graded, nodes: [&Node; 2]) -> Graded {
    let by = [0, 1].map(|end| (0..2).map(|i| nodes[i].by[end].tr_mul(&of_segment.by[i])).sum());
    Graded { value: of_segment.value, by }
}

/// A wall as the finders have it.
pub fn mirror(wall: &Wall) -> Affine<2> {
    Affine { origin: wall.ends[0], basis: vec![wall.along()] }
}

fn reflected(node: &Node, wall: &Wall) -> Node {
    let along = wall.along().normalize();
    // Twice the projection onto the wall less the vector itself.
    let turn = along * along.transpose() * 2.0 - Matrix2::identity();
    Node { at: wall.ends[0] + turn * (node.at - wall.ends[0]), by: node.by.map(|by| turn * by) }
}
