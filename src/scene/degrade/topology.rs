//! The triangles of a scene by their corners and edges, welded by exact position.

use crate::math::Vec3;
use crate::scene::description::ObjectDescription;
use crate::scene::mesh::is_degenerate;
use crate::scene::weld::Welded;
use rayon::prelude::*;

/// An index that names nothing.
pub(super) const NONE: u32 = u32::MAX;

/// Vertices, sides and edges. Side `3 t + k` is that of triangle `t` from its corner `k` to the next one.
pub(super) struct Topology {
    /// Position `[vertex]` [m]; vertices are numbered by position, so that an edge has one direction in all objects.
    pub(super) positions: Vec<Vec3>,
    /// First triangle `[object + 1]`.
    pub(super) first_triangle: Vec<u32>,
    /// Vertex at which a side begins `[side]`.
    pub(super) corner: Vec<u32>,
    /// Edge of a side `[side]`, or [`NONE`] of a triangle without area.
    pub(super) edge: Vec<u32>,
    /// Ends of an edge `[edge, 2]`, the lower vertex first.
    pub(super) ends: Vec<[u32; 2]>,
    /// First side `[edge + 1]` in `sides`.
    offsets: Vec<u32>,
    /// Sides, edge by edge, ascending.
    sides: Vec<u32>,
}

impl Topology {
    /// Welds the vertices and sorts the sides; indices must be within bounds.
    pub(super) fn new(objects: &[ObjectDescription]) -> Topology {
        let welded = Welded::new(objects);
        let count = welded.ids.iter().max().map_or(0, |last| *last as usize + 1);
        let mut topology = Topology {
            positions: vec![Vec3::zeros(); count],
            first_triangle: vec![0],
            corner: Vec::new(),
            edge: Vec::new(),
            ends: Vec::new(),
            offsets: Vec::new(),
            sides: Vec::new(),
        };
        for (i, object) in objects.iter().enumerate() {
            let ids = welded.ids_of(i);
            for (vertex, id) in object.mesh.vertices.iter().zip(ids) {
                // Adding zero makes -0 and 0 one position.
                topology.positions[*id as usize] = Vec3::from(*vertex).add_scalar(0.0);
            }
            topology.corner.extend(object.mesh.triangles.iter().flatten().map(|v| ids[*v as usize]));
            topology.first_triangle.push(topology.corner.len() as u32 / 3);
        }
        topology.sort_sides();
        topology
    }

    fn sort_sides(&mut self) {
        let has_area = |side: &u32| !is_degenerate(&self.corners(side / 3));
        let mut sides: Vec<([u32; 2], u32)> = (0..self.corner.len() as u32)
            .into_par_iter()
            .filter(has_area)
            .map(|side| {
                let (a, b) = (self.corner[side as usize], self.corner[after(side) as usize]);
                ([a.min(b), a.max(b)], side)
            })
            .collect();
        sides.par_sort_unstable();
        self.edge = vec![NONE; self.corner.len()];
        for (at, (ends, side)) in sides.iter().enumerate() {
            if at == 0 || sides[at - 1].0 != *ends {
                self.offsets.push(at as u32);
                self.ends.push(*ends);
            }
            self.edge[*side as usize] = self.ends.len() as u32 - 1;
        }
        self.offsets.push(sides.len() as u32);
        self.sides = sides.into_iter().map(|(_, side)| side).collect();
    }

    /// Number of triangles, those without area included.
    pub(super) fn triangles(&self) -> u32 {
        self.corner.len() as u32 / 3
    }

    /// Whether a triangle has area.
    pub(super) fn has_area(&self, triangle: u32) -> bool {
        self.edge[3 * triangle as usize] != NONE
    }

    /// Corners of a triangle [m].
    pub(super) fn corners(&self, triangle: u32) -> [Vec3; 3] {
        [0, 1, 2].map(|k| self.positions[self.corner[3 * triangle as usize + k] as usize])
    }

    /// Where a side begins [m].
    pub(super) fn start(&self, side: u32) -> &Vec3 {
        &self.positions[self.corner[side as usize] as usize]
    }

    /// The ends of an edge [m].
    pub(super) fn ends_of(&self, edge: u32) -> [&Vec3; 2] {
        self.ends[edge as usize].map(|v| &self.positions[v as usize])
    }

    /// The sides that lie on an edge.
    pub(super) fn sides_of(&self, edge: u32) -> &[u32] {
        let edge = edge as usize;
        &self.sides[self.offsets[edge] as usize..self.offsets[edge + 1] as usize]
    }

    /// The object that a triangle belongs to.
    pub(super) fn object_of(&self, triangle: u32) -> usize {
        self.first_triangle.partition_point(|first| *first <= triangle) - 1
    }
}

/// The next side of the same triangle.
pub(super) fn after(side: u32) -> u32 {
    if side % 3 == 2 { side - 2 } else { side + 1 }
}

/// The side before it in the same triangle.
pub(super) fn before(side: u32) -> u32 {
    if side.is_multiple_of(3) { side + 2 } else { side - 1 }
}
