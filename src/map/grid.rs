//! Where a map is measured: cells on a plane, on a sheet draped over the ground, or on the facets of objects.
//!
//! Cells are numbered row by row, the first axis (u) fastest. Coordinates are those of the scene file.

use crate::geometry::Geometry;
use crate::geometry::search::for_each_crossing;
use crate::math::{Mat3, Vec3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A parallelogram of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The corner where both axes begin [m].
    pub corner: Vec3,
    /// From cell to cell along the first axis (u) [m].
    pub step_u: Vec3,
    /// From cell to cell along the second axis (v) [m].
    pub step_v: Vec3,
    /// Number of cells along u and v.
    pub cells: [usize; 2],
}

impl Sheet {
    /// The sheet of cells of the size `cell` [m] that covers `size` [m] about `centre` [m], its axes turned by `rotation`.
    /// Where the size is no multiple of the cell, the sheet is larger, and still about the centre.
    pub fn about(centre: &Vec3, size: [f64; 2], cell: [f64; 2], rotation: &Mat3) -> Sheet {
        // A size that is a multiple but for rounding must not get one cell more.
        let cells = [0, 1].map(|axis| ((size[axis] / cell[axis] * (1.0 - 1e-12)).ceil() as usize).max(1));
        let [u, v] = [rotation.column(0) * cell[0], rotation.column(1) * cell[1]];
        let corner = centre - u * (cells[0] as f64 / 2.0) - v * (cells[1] as f64 / 2.0);
        Sheet { corner, step_u: u, step_v: v, cells }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells[0] * self.cells[1]
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell of a point of the plane, if it is in one.
    pub fn cell_at(&self, point: &Vec3) -> Option<u32> {
        let at = point - self.corner;
        let [u, v] = [&self.step_u, &self.step_v].map(|step| (at.dot(step) / step.norm_squared()).floor());
        let inside = u >= 0.0 && v >= 0.0 && u < self.cells[0] as f64 && v < self.cells[1] as f64;
        inside.then(|| (v as usize * self.cells[0] + u as usize) as u32)
    }

    /// The point at (`u`, `v`), in cells from the corner [m].
    pub fn at(&self, u: f64, v: f64) -> Vec3 {
        self.corner + self.step_u * u + self.step_v * v
    }
}

/// What the cells lie on.
#[derive(Debug, Clone, PartialEq)]
pub enum Ground {
    /// The sheet itself.
    Plane,
    /// As far above the ground as the sheet is above z = 0.
    Draped {
        /// Objects that are the ground; none: every object, of which the lowest point counts.
        objects: Vec<u32>,
    },
}

/// What the value of a cell is the mean of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// The values at n x n points of it.
    #[default]
    Points,
    /// The value over all of its area.
    Area,
}

/// What a map is asked to cover.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// A plane sheet, or one draped over the ground.
    Sheet(Sheet, Ground),
    /// The facets of some objects.
    Facets {
        /// The objects.
        objects: Vec<u32>,
        /// Size of a cell [m]: along the longest edge of each facet's hull, and across it.
        cell: [f64; 2],
        /// Distance of the cells from the facet, along the normal that its first triangle's winding gives [m].
        offset: f64,
    },
}

/// The cells of a map and the points that they are measured at.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The cells, one sheet after another: a single one but for maps on facets.
    pub sheets: Vec<Sheet>,
    /// What they lie on.
    pub ground: Ground,
    /// Points along each side of a cell, 1 at least.
    pub points: usize,
    /// Cells of the sheets that the map has, ascending; `None`: all of them. On facets that are no rectangles some are
    /// left out.
    pub kept: Option<Vec<u32>>,
}

impl Grid {
    /// The cells of a layout, each with n x n points.
    pub fn new(layout: &Layout, points: usize, geometry: &Geometry) -> Grid {
        match layout {
            Layout::Sheet(sheet, ground) => {
                Grid { sheets: vec![sheet.clone()], ground: ground.clone(), points, kept: None }
            }
            Layout::Facets { objects, cell, offset } => on_facets(geometry, objects, *cell, *offset, points),
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        match &self.kept {
            Some(kept) => kept.len(),
            None => self.sheets.iter().map(Sheet::len).sum(),
        }
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of the arrays of a map: rows and columns of its only sheet, or the number of cells.
    pub fn shape(&self) -> Vec<usize> {
        match (&self.kept, self.sheets.as_slice()) {
            (None, [only]) => vec![only.cells[1], only.cells[0]],
            _ => vec![self.len()],
        }
    }

    /// Whether the cells follow the ground.
    pub fn is_draped(&self) -> bool {
        matches!(self.ground, Ground::Draped { .. })
    }

    /// Points of a cell.
    pub fn points_per_cell(&self) -> usize {
        self.points * self.points
    }

    /// The centres of some cells `[cell]` [m].
    pub fn centres(&self, geometry: &Geometry, cells: Range<usize>) -> Vec<Vec3> {
        let centres: Vec<Vec3> = cells.into_par_iter().map(|cell| self.on_sheet(cell, [0.5, 0.5])).collect();
        self.grounded(geometry, centres)
    }

    /// The points of some cells `[cell, point]` [m]: the middles of n x n equal parts of each.
    pub fn points_of(&self, geometry: &Geometry, cells: Range<usize>) -> Vec<Vec3> {
        let n = self.points;
        let place = |k: usize| (k as f64 + 0.5) / n as f64;
        let points = cells
            .into_par_iter()
            .flat_map_iter(|cell| (0..n * n).map(move |k| self.on_sheet(cell, [place(k % n), place(k / n)])));
        self.grounded(geometry, points.collect())
    }

    /// Bounds of all points before they are put on the ground [m].
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let corners = self.sheets.iter().flat_map(|sheet| {
            let [u, v] = sheet.cells.map(|n| n as f64);
            [[0.0, 0.0], [u, 0.0], [0.0, v], [u, v]].map(|[u, v]| sheet.at(u, v))
        });
        let nothing = (Vec3::repeat(f64::INFINITY), Vec3::repeat(f64::NEG_INFINITY));
        corners.fold(nothing, |(low, high), corner| (low.inf(&corner), high.sup(&corner)))
    }

    /// A point of a cell, `inside` in cells from its corner [m].
    fn on_sheet(&self, cell: usize, inside: [f64; 2]) -> Vec3 {
        let mut cell = self.kept.as_ref().map_or(cell, |kept| kept[cell] as usize);
        for sheet in &self.sheets {
            if cell < sheet.len() {
                let [column, row] = [cell % sheet.cells[0], cell / sheet.cells[0]];
                return sheet.at(column as f64 + inside[0], row as f64 + inside[1]);
            }
            cell -= sheet.len();
        }
        unreachable!("cells are counted by the sheets")
    }

    /// Lifts points by the ground under them, for a draped map. Where there is no ground they stay.
    fn grounded(&self, geometry: &Geometry, mut points: Vec<Vec3>) -> Vec<Vec3> {
        if let Ground::Draped { objects } = &self.ground {
            points.par_iter_mut().for_each(|point| {
                if let Some(height) = ground_under(geometry, objects, point) {
                    point.z += height;
                }
            });
        }
        points
    }
}

/// Cells over the hull of every facet of `objects`, less those whose centre is off its facet.
fn on_facets(geometry: &Geometry, objects: &[u32], cell: [f64; 2], offset: f64, points: usize) -> Grid {
    let (scene, facets) = (geometry.scene, &geometry.facets);
    let (mut sheets, mut kept, mut first) = (Vec::new(), Vec::new(), 0);
    for facet in 0..facets.len() as u32 {
        let triangle = facets.triangles_of(facet)[0];
        if !objects.contains(&scene.object_of(triangle)) {
            continue;
        }
        let sheet = over_hull(facets.hull_of(facet), &outward(geometry, facet, triangle), cell);
        for index in 0..sheet.len() {
            let [u, v] = [index % sheet.cells[0], index / sheet.cells[0]].map(|i| i as f64 + 0.5);
            if facets.triangle_at(scene, &geometry.bvh, facet, &sheet.at(u, v)).is_some() {
                kept.push(first + index as u32);
            }
        }
        first += sheet.len() as u32;
        let lifted = scene.origin + outward(geometry, facet, triangle) * offset;
        sheets.push(Sheet { corner: sheet.corner + lifted, ..sheet });
    }
    Grid { sheets, ground: Ground::Plane, points, kept: Some(kept) }
}

/// The normal of a facet's plane on the side from which its `triangle` runs counter-clockwise.
fn outward(geometry: &Geometry, facet: u32, triangle: u32) -> Vec3 {
    let [a, b, c] = geometry.scene.corners(triangle);
    let normal = Vec3::from(geometry.facets.plane(facet).normal);
    normal * 1f64.copysign((b - a).cross(&(c - a)).dot(&normal))
}

/// The sheet that covers a hull in the plane of the unit normal `normal`, along the hull's longest edge.
fn over_hull(hull: &[Vec3], normal: &Vec3, cell: [f64; 2]) -> Sheet {
    /// Of edges that are as long as another but for rounding the first one counts, wherever the facet is: rectangles have two.
    const LONGER: f64 = 1.0 + 1e-9;
    let edges = (0..hull.len()).map(|k| hull[(k + 1) % hull.len()] - hull[k]);
    let longest =
        edges.fold(Vec3::zeros(), |longest, edge| if edge.norm() > longest.norm() * LONGER { edge } else { longest });
    let u = (longest - normal * longest.dot(normal)).normalize();
    let rotation = Mat3::from_columns(&[u, normal.cross(&u), *normal]);
    let nothing = (Vec3::repeat(f64::INFINITY), Vec3::repeat(f64::NEG_INFINITY));
    let (low, high) = hull
        .iter()
        .map(|corner| rotation.tr_mul(corner))
        .fold(nothing, |(low, high), corner| (low.inf(&corner), high.sup(&corner)));
    let size = high - low;
    Sheet::about(&(rotation * ((low + high) / 2.0)), [size.x, size.y], cell, &rotation)
}

/// The height of the lowest point of the ground below or above `point` [m], in coordinates of the scene file.
fn ground_under(geometry: &Geometry, objects: &[u32], point: &Vec3) -> Option<f64> {
    /// The line begins and ends this far outside the scene [m].
    const BEYOND_M: f64 = 1.0;
    let scene = geometry.scene;
    let (low, high) = scene.bounds()?;
    let local = point - scene.origin;
    let [from, to] = [low.z - BEYOND_M, high.z + BEYOND_M].map(|z| Vec3::new(local.x, local.y, z));
    let mut lowest: Option<f64> = None;
    for_each_crossing(scene, &geometry.bvh, [&from, &to], |triangle| {
        if !objects.is_empty() && !objects.contains(&scene.object_of(triangle)) {
            return;
        }
        let [a, b, c] = scene.corners(triangle);
        let normal = (b - a).cross(&(c - a));
        // An upright triangle that a vertical line touches has no height of its own.
        if normal.z.abs() > 1e-9 * normal.norm() {
            let z = a.z - ((local.x - a.x) * normal.x + (local.y - a.y) * normal.y) / normal.z;
            lowest = Some(lowest.map_or(z, |known| known.min(z)));
        }
    });
    lowest.map(|z| z + scene.origin.z)
}
