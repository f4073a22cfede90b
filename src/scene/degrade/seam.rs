//! Where edges are cut: at the lines of every grid beside them, so that neighbours share each point of a seam.

use super::grid::{Crossing, Grid, Place, SNAP, ordered};
use super::patch::{Faces, Patches};
use super::topology::Topology;

/// The cuts of every edge.
pub(super) struct Seams {
    /// First cut `[edge + 1]` in `cuts`.
    offsets: Vec<usize>,
    /// How far along its edge each cut lies, from the lower vertex, ascending [-].
    cuts: Vec<f64>,
}

impl Seams {
    /// Cuts every edge at the lines of all grids beside it; cuts closer than [`SNAP`] of a `facet` [m] are one.
    pub(super) fn cut(topology: &Topology, patches: &Patches, faces: &Faces, grids: &[Grid], facet: f64) -> Seams {
        let mut seams = Seams { offsets: vec![0], cuts: Vec::new() };
        let (mut beside, mut crossings): (Vec<u32>, Vec<Crossing>) = (Vec::new(), Vec::new());
        for edge in 0..topology.ends.len() as u32 {
            let sides = topology.sides_of(edge).iter().filter(|side| faces.bounds[**side as usize]);
            beside.clear();
            beside.extend(sides.map(|side| patches.of_triangle[*side as usize / 3]));
            beside.sort_unstable();
            beside.dedup();
            let ends = topology.ends_of(edge);
            crossings.clear();
            beside.iter().for_each(|patch| grids[*patch as usize].crossings(ends, &mut crossings));
            crossings.sort_unstable_by(|a, b| a.t.total_cmp(&b.t));
            let near = SNAP * facet / (ends[1] - ends[0]).norm();
            for crossing in &crossings {
                let own = &seams.cuts[seams.offsets[edge as usize]..];
                if own.last().is_none_or(|last| crossing.t > last + near) {
                    seams.cuts.push(crossing.t);
                }
            }
            seams.offsets.push(seams.cuts.len());
        }
        seams
    }

    /// The cuts of an edge.
    pub(super) fn of(&self, edge: u32) -> &[f64] {
        let edge = edge as usize;
        &self.cuts[self.offsets[edge]..self.offsets[edge + 1]]
    }

    /// Number of points that the outlines of all faces have.
    pub(super) fn points(&self, topology: &Topology, faces: &Faces) -> usize {
        let bounding = faces.bounds.iter().zip(&topology.edge).filter(|(bounds, _)| **bounds);
        bounding.map(|(_, edge)| 1 + self.of(*edge).len()).sum()
    }
}

/// Appends the place of each of an edge's `cuts` in `grid`; `crossings` is scratch.
pub(super) fn places(grid: &Grid, topology: &Topology, edge: u32, cuts: &[f64], scratch: &mut Scratch) {
    let Scratch { crossings, places } = scratch;
    places.clear();
    crossings.clear();
    let ends = topology.ends_of(edge);
    grid.crossings(ends, crossings);
    let [from, to] = ends.map(|end| grid.place(end));
    let mut now: Place = [0, 1].map(|axis| beyond(from[axis], to[axis]));
    let mut rest = crossings.iter().peekable();
    for (k, _) in cuts.iter().enumerate() {
        let mut here = now;
        // A cut stands for all crossings up to the next one.
        while let Some(Crossing { axis, line, .. }) = rest.next_if(|c| cuts.get(k + 1).is_none_or(|next| c.t < *next)) {
            here[*axis] = 2 * line;
            now[*axis] = beyond(2 * line, to[*axis]);
        }
        places.push(here);
    }
}

/// Scratch of [`places`], and its result.
#[derive(Default)]
pub(super) struct Scratch {
    crossings: Vec<Crossing>,
    /// Place of each cut.
    pub(super) places: Vec<Place>,
}

/// The place of a point just beyond `from` on the way to `to`.
fn beyond(from: u32, to: u32) -> u32 {
    let (low, high) = ordered(from, to);
    match (from % 2, low == high) {
        (0, false) if to > from => from + 1,
        (0, false) => from - 1,
        _ => from,
    }
}
