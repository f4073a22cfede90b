//! How a scene will be cut: patches, faces, grids and seams of all objects, known before a facet is made.

use super::cut::{Cutter, Node};
use super::grid::Grid;
use super::patch::{Faces, Patches};
use super::seam::{Scratch, Seams, places};
use super::topology::{NONE, Topology};
use super::{Facet, MAX_TRIANGLES, Receiver, too_many};
use crate::error::Result;
use crate::scene::description::ObjectDescription;

/// Everything that decides where faces are cut.
pub(super) struct Plan {
    topology: Topology,
    faces: Faces,
    grids: Vec<Grid>,
    seams: Seams,
}

impl Plan {
    /// Plans facets of about `facet` [m].
    ///
    /// # Errors
    /// There would be more than [`MAX_TRIANGLES`].
    pub(super) fn new(objects: &[ObjectDescription], facet: f64) -> Result<Plan> {
        let topology = Topology::new(objects);
        let patches = Patches::grow(&topology);
        let faces = Faces::merge(&topology, &patches);
        let grids = Grid::all(&topology, &patches, &faces, facet);
        let estimate = estimate(&topology, &patches, &faces, &grids);
        if estimate > MAX_TRIANGLES as f64 {
            return Err(too_many(estimate, facet));
        }
        let seams = Seams::cut(&topology, &patches, &faces, &grids, facet);
        let points = seams.points(&topology, &faces);
        if points > MAX_TRIANGLES {
            return Err(too_many(points as f64, facet));
        }
        Ok(Plan { topology, faces, grids, seams })
    }

    /// Number of triangles without area, which no facet covers.
    pub(super) fn without_area(&self) -> usize {
        (0..self.topology.triangles()).filter(|t| !self.topology.has_area(*t)).count()
    }

    /// Gives every piece of an object to the receiver.
    pub(super) fn walk(&self, object: usize, receiver: &mut impl Receiver) {
        let faces = self.faces.of_object[object]..self.faces.of_object[object + 1];
        let mut outlines = Outlines::new(self, faces.clone());
        let mut cutter = Cutter::default();
        for face in faces {
            let patch = self.faces.patch[face as usize];
            let grid = &self.grids[patch as usize];
            outlines.trace(face, receiver);
            let lift = grid.lift(&self.topology, self.faces.sides_of(face));
            let facet = |[column, row]: [u32; 2]| Facet {
                key: [column, row, patch],
                centre: grid.centre([column, row]),
                axes: grid.axes,
            };
            cutter.cut(&outlines.nodes, &lift, facet, receiver);
        }
    }
}

/// About how many triangles there will be: two a cell, and two for each place where an outline enters a cell.
fn estimate(topology: &Topology, patches: &Patches, faces: &Faces, grids: &[Grid]) -> f64 {
    let mut sum = 0.0;
    for triangle in (0..topology.triangles()).filter(|t| topology.has_area(*t)) {
        let [a, b, c] = topology.corners(triangle);
        let area = (b - a).cross(&(c - a)).norm() / 2.0;
        sum += 2.0 * area / grids[patches.of_triangle[triangle as usize] as usize].cell_area();
    }
    for (side, _) in faces.bounds.iter().enumerate().filter(|(_, bounds)| **bounds) {
        let grid = &grids[patches.of_triangle[side / 3] as usize];
        sum += grid.reach(topology.ends_of(topology.edge[side]));
    }
    sum
}

/// The outlines of an object's faces, with one vertex for each point that faces share.
struct Outlines<'a> {
    plan: &'a Plan,
    corners: Numbers,
    /// Of the first cut of each edge.
    cuts: Numbers,
    scratch: Scratch,
    /// The outline traced last.
    nodes: Vec<Node>,
}

impl<'a> Outlines<'a> {
    fn new(plan: &'a Plan, faces: std::ops::Range<u32>) -> Self {
        let sides = || faces.clone().flat_map(|face| plan.faces.sides_of(face)).map(|side| *side as usize);
        let corners = Numbers::new(sides().map(|side| plan.topology.corner[side]).collect());
        let cuts = Numbers::new(sides().map(|side| plan.topology.edge[side]).collect());
        Outlines { plan, corners, cuts, scratch: Scratch::default(), nodes: Vec::new() }
    }

    /// Makes `nodes` the outline of a face.
    fn trace(&mut self, face: u32, receiver: &mut impl Receiver) {
        self.nodes.clear();
        let Plan { topology, faces, grids, seams } = self.plan;
        let grid = &grids[faces.patch[face as usize] as usize];
        for side in faces.sides_of(face) {
            let (corner, edge) = (topology.corner[*side as usize], topology.edge[*side as usize]);
            let position = *topology.start(*side);
            let vertex = self.corners.get(corner, || receiver.vertex(&position));
            self.nodes.push(Node { position, place: grid.place(&position), vertex });
            let (cuts, [a, b]) = (seams.of(edge), topology.ends_of(edge));
            if cuts.is_empty() {
                continue;
            }
            // From the lower vertex in every face, so that all of them get the same bits.
            let at = |t: f64| a + (b - a) * t;
            let first = self.cuts.get(edge, || {
                let vertices = cuts.iter().map(|t| receiver.vertex(&at(*t))).collect::<Vec<u32>>();
                vertices[0]
            });
            places(grid, topology, edge, cuts, &mut self.scratch);
            let places = &self.scratch.places;
            let node =
                |k: usize| Node { position: at(cuts[k]), place: places[k], vertex: first.wrapping_add(k as u32) };
            if corner == topology.ends[edge as usize][0] {
                self.nodes.extend((0..cuts.len()).map(node));
            } else {
                self.nodes.extend((0..cuts.len()).rev().map(node));
            }
        }
    }
}

/// The vertices of some corners or edges, made when they are first asked for.
struct Numbers {
    ids: Vec<u32>,
    vertices: Vec<u32>,
}

impl Numbers {
    fn new(mut ids: Vec<u32>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Numbers { vertices: vec![NONE; ids.len()], ids }
    }

    fn get(&mut self, id: u32, make: impl FnOnce() -> u32) -> u32 {
        let place = self.ids.binary_search(&id).expect("every corner and edge of the object was listed");
        if self.vertices[place] == NONE {
            self.vertices[place] = make();
        }
        self.vertices[place]
    }
}
