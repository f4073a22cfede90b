//! The grid of a patch: cells of about the size of a facet, along the patch's longest rim.
//!
//! Where a point lies is said in whole numbers, its *place*: 2 i on line i of the grid, 2 i + 1 between lines i and
//! i + 1. What is cut is decided by places alone, so that no rounding can open a crack.

use super::patch::{Faces, Patches};
use super::topology::{Topology, after};
use crate::math::Vec3;

/// Points this close to a line of the grid lie on it [cells].
pub(super) const SNAP: f64 = 1e-4;

/// Place in the columns and rows of a grid.
pub(super) type Place = [u32; 2];

/// Columns and rows over the bounds of a patch.
#[derive(Clone)]
pub(super) struct Grid {
    /// The corner of column 0 and row 0 [m].
    origin: Vec3,
    /// Along the rows, along the columns, and the normal.
    pub(super) axes: [Vec3; 3],
    /// Width and height of a cell [m].
    step: [f64; 2],
    /// Number of columns and of rows.
    count: [u32; 2],
}

/// Where an edge crosses a line of a grid.
#[derive(Clone, Copy)]
pub(super) struct Crossing {
    /// How far along the edge, from the lower vertex [-].
    pub(super) t: f64,
    /// 0: a line between columns; 1: between rows.
    pub(super) axis: usize,
    /// Number of the line.
    pub(super) line: u32,
}

impl Grid {
    /// The grid of every patch, with cells of about `facet` [m].
    pub(super) fn all(topology: &Topology, patches: &Patches, faces: &Faces, facet: f64) -> Vec<Grid> {
        let rims = longest_rims(topology, patches, faces);
        let mut grids: Vec<Grid> = rims
            .iter()
            .zip(&patches.normals)
            .map(|(side, normal)| {
                let origin = *topology.start(*side);
                let along = topology.start(after(*side)) - origin;
                let u = (along - normal * normal.dot(&along)).normalize();
                Grid { origin, axes: [u, normal.cross(&u), *normal], step: [1.0; 2], count: [0; 2] }
            })
            .collect();
        let mut bounds = vec![[[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]]; grids.len()];
        for (side, _) in faces.bounds.iter().enumerate().filter(|(_, bounds)| **bounds) {
            let patch = patches.of_triangle[side / 3] as usize;
            let point = grids[patch].coordinates(topology.start(side as u32));
            for axis in 0..2 {
                bounds[patch][0][axis] = bounds[patch][0][axis].min(point[axis]);
                bounds[patch][1][axis] = bounds[patch][1][axis].max(point[axis]);
            }
        }
        for (grid, [low, high]) in grids.iter_mut().zip(bounds) {
            grid.origin += grid.axes[0] * low[0] + grid.axes[1] * low[1];
            for axis in 0..2 {
                let length = (high[axis] - low[axis]).max(f64::MIN_POSITIVE);
                grid.count[axis] = (length / facet).round().max(1.0) as u32;
                grid.step[axis] = length / f64::from(grid.count[axis]);
            }
        }
        grids
    }

    /// A point along the two axes [cells].
    pub(super) fn coordinates(&self, point: &Vec3) -> [f64; 2] {
        let offset = point - self.origin;
        [0, 1].map(|axis| self.axes[axis].dot(&offset) / self.step[axis])
    }

    /// The place of a point.
    pub(super) fn place(&self, point: &Vec3) -> Place {
        let coordinates = self.coordinates(point);
        [0, 1].map(|axis| {
            let (x, last) = (coordinates[axis], f64::from(self.count[axis]));
            let line = x.round().clamp(0.0, last);
            if (x - line).abs() <= SNAP { 2 * line as u32 } else { 2 * (x.floor().clamp(0.0, last - 1.0) as u32) + 1 }
        })
    }

    /// Appends the lines that an edge crosses between the places of its ends, in the order in which it meets them.
    pub(super) fn crossings(&self, [a, b]: [&Vec3; 2], crossings: &mut Vec<Crossing>) {
        let first = crossings.len();
        let (places, ends) = ([self.place(a), self.place(b)], [self.coordinates(a), self.coordinates(b)]);
        for axis in 0..2 {
            let (low, high) = ordered(places[0][axis], places[1][axis]);
            for line in lines_between(low, high) {
                let t = (f64::from(line) - ends[0][axis]) / (ends[1][axis] - ends[0][axis]);
                crossings.push(Crossing { t: t.clamp(0.0, 1.0), axis, line });
            }
        }
        crossings[first..].sort_unstable_by(|a, b| a.t.total_cmp(&b.t).then((a.axis, a.line).cmp(&(b.axis, b.line))));
    }

    /// How many cells an edge reaches over, columns and rows added.
    pub(super) fn reach(&self, [a, b]: [&Vec3; 2]) -> f64 {
        let (a, b) = (self.coordinates(a), self.coordinates(b));
        (a[0] - b[0]).abs() + (a[1] - b[1]).abs()
    }

    /// Area of a cell [m^2].
    pub(super) fn cell_area(&self) -> f64 {
        self.step[0] * self.step[1]
    }

    /// The middle of a cell [m].
    pub(super) fn centre(&self, cell: [u32; 2]) -> Vec3 {
        let [x, y] = cell.map(|i| f64::from(i) + 0.5);
        self.origin + self.axes[0] * (x * self.step[0]) + self.axes[1] * (y * self.step[1])
    }

    /// The plane of a face, as a map from lines of the grid to points: its corners are the starts of `sides`.
    pub(super) fn lift(&self, topology: &Topology, sides: &[u32]) -> Lift<'_> {
        // Newell: the normal of the plane that fits best; of a triangle its own.
        let first = topology.start(sides[0]);
        let offsets = || sides.iter().map(|side| topology.start(*side) - first);
        let centre = offsets().sum::<Vec3>() / sides.len() as f64;
        let normal: Vec3 =
            offsets().zip(offsets().cycle().skip(1)).map(|(a, b)| (a - centre).cross(&(b - centre))).sum();
        let across = normal.dot(&self.axes[2]);
        // Patches hold no face that stands steep on their plane; one without area lies in it.
        let slope = |rise: f64| if across.abs() > 0.5 * normal.norm() { -rise / across } else { 0.0 };
        Lift {
            grid: self,
            base: slope(normal.dot(&(self.origin - first - centre))),
            slopes: [0, 1].map(|axis| slope(normal.dot(&self.axes[axis]) * self.step[axis])),
        }
    }
}

/// The plane of a face over the grid of its patch.
pub(super) struct Lift<'a> {
    grid: &'a Grid,
    /// Height over the grid's origin [m].
    base: f64,
    /// Rise from line to line along both axes [m].
    slopes: [f64; 2],
}

impl Lift<'_> {
    /// Where line `column` and line `row` of the grid meet [m].
    pub(super) fn point(&self, column: u32, row: u32) -> Vec3 {
        let (x, y) = (f64::from(column), f64::from(row));
        let Grid { origin, axes, step, .. } = self.grid;
        let height = self.base + self.slopes[0] * x + self.slopes[1] * y;
        origin + axes[0] * (x * step[0]) + axes[1] * (y * step[1]) + axes[2] * height
    }
}

/// The longest side of each patch that is no seam within it; the longest of all if there is none.
fn longest_rims(topology: &Topology, patches: &Patches, faces: &Faces) -> Vec<u32> {
    let mut longest = vec![(false, 0.0, 0); patches.normals.len()];
    for (side, _) in faces.bounds.iter().enumerate().filter(|(_, bounds)| **bounds) {
        let (side, patch) = (side as u32, patches.of_triangle[side / 3]);
        let sides = topology.sides_of(topology.edge[side as usize]);
        // Looking at two is enough: a seam has one more side of the same patch.
        let own = sides.iter().filter(|other| patches.of_triangle[**other as usize / 3] == patch).take(2).count();
        let length = (topology.start(after(side)) - topology.start(side)).norm();
        let best: &mut (bool, f64, u32) = &mut longest[patch as usize];
        if (own == 1, length) > (best.0, best.1) {
            *best = (own == 1, length, side);
        }
    }
    longest.into_iter().map(|(_, _, side)| side).collect()
}

/// The lower one of two places first.
pub(super) fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// The lines that lie strictly between two places.
pub(super) fn lines_between(low: u32, high: u32) -> std::ops::RangeInclusive<u32> {
    #[allow(clippy::reversed_empty_ranges)]
    if high == 0 { 1..=0 } else { low / 2 + 1..=(high - 1) / 2 }
}
