//! Where a map is measured: cells on a plane, on a sheet draped over the ground, or on the facets of objects.
//!
//! Cells are numbered row by row, the first axis (u) fastest. Coordinates are those of the scene file.

use crate::geometry::Geometry;
use crate::geometry::attached::{attached_vjp, barycentric};
use crate::geometry::search::for_each_crossing;
use crate::math::{Mat3, Vec3};
use crate::path::beam::signed_distance;
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
    /// Facet that each sheet lies on `[sheet]`; none but for maps on facets.
    pub facets: Vec<u32>,
}

impl Grid {
    /// The cells of a layout, each with n x n points.
    pub fn new(layout: &Layout, points: usize, geometry: &Geometry) -> Grid {
        match layout {
            Layout::Sheet(sheet, ground) => {
                let (sheets, ground) = (vec![sheet.clone()], ground.clone());
                Grid { sheets, ground, points, kept: None, facets: Vec::new() }
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
        let of = |cell: usize| (0..self.points_per_cell()).map(move |point| self.on_sheet(cell, self.inside(point)));
        self.grounded(geometry, cells.into_par_iter().flat_map_iter(of).collect())
    }

    /// Whether the cells move with the vertices of a scene.
    pub fn follows(&self) -> bool {
        self.is_draped() || !self.facets.is_empty()
    }

    /// The adjoint of [`Grid::points_of`]: vertices and what each has of the bars `[cell, point]` [1/m] of points that move with
    /// the triangles below them (T97); none of a plane, whose points stay.
    pub fn points_of_vjp(&self, geometry: &Geometry, cells: Range<usize>, points_bar: &[Vec3]) -> Vec<(u32, Vec3)> {
        let of = |(place, bar): (usize, &Vec3)| {
            let (cell, point) = (cells.start + place / self.points_per_cell(), place % self.points_per_cell());
            match &self.ground {
                Ground::Draped { objects } => {
                    draped_vjp(geometry, objects, &self.on_sheet(cell, self.inside(point)), bar)
                }
                Ground::Plane if self.facets.is_empty() => Vec::new(),
                Ground::Plane => self.on_facet_vjp(geometry, cell, self.inside(point), bar),
            }
        };
        points_bar.par_iter().enumerate().flat_map_iter(of).collect()
    }

    /// The adjoint of a point over a facet: a speck of the triangle below it, lifted along the facet's normal.
    fn on_facet_vjp(&self, geometry: &Geometry, cell: usize, inside: [f64; 2], point_bar: &Vec3) -> Vec<(u32, Vec3)> {
        let Geometry { scene, bvh, facets } = geometry;
        let facet = self.facets[self.sheet_of(cell).0];
        let (plane, normal) = (facets.plane(facet), Vec3::from(facets.plane(facet).normal));
        let below = |inside: [f64; 2]| {
            let point = self.on_sheet(cell, inside) - scene.origin;
            let height = signed_distance(&point, plane);
            (point - normal * height, height)
        };
        let triangle_at = |point: &Vec3| facets.triangle_at(scene, bvh, facet, point);
        let (point, height) = below(inside);
        // The outer points of a cell may lie off the facet, which its centre is on.
        let triangle = triangle_at(&point).or_else(|| triangle_at(&below([0.5, 0.5]).0));
        let triangle = triangle.unwrap_or_else(|| facets.triangles_of(facet)[0]);
        let corners_bar = attached_vjp(&scene.corners(triangle), &point, 0.0, point_bar, 0.0);
        let speck = scene.triangles[triangle as usize].into_iter().zip(corners_bar);
        speck.chain(facets.plane_vjp(scene, facet, &(point_bar * height), 0.0)).collect()
    }

    /// Where a point of a cell is, in cells from its corner.
    fn inside(&self, point: usize) -> [f64; 2] {
        [point % self.points, point / self.points].map(|k| (k as f64 + 0.5) / self.points as f64)
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
        let (sheet, cell) = self.sheet_of(cell);
        let sheet = &self.sheets[sheet];
        let [column, row] = [cell % sheet.cells[0], cell / sheet.cells[0]];
        sheet.at(column as f64 + inside[0], row as f64 + inside[1])
    }

    /// The sheet of a cell, and the cell's number there.
    fn sheet_of(&self, cell: usize) -> (usize, usize) {
        let mut cell = self.kept.as_ref().map_or(cell, |kept| kept[cell] as usize);
        for (number, sheet) in self.sheets.iter().enumerate() {
            if cell < sheet.len() {
                return (number, cell);
            }
            cell -= sheet.len();
        }
        unreachable!("cells are counted by the sheets")
    }

    /// Lifts points by the ground under them, for a draped map. Where there is no ground they stay.
    fn grounded(&self, geometry: &Geometry, mut points: Vec<Vec3>) -> Vec<Vec3> {
        if let Ground::Draped { objects } = &self.ground {
            points.par_iter_mut().for_each(|point| {
                if let Some((height, _)) = ground_under(geometry, objects, point) {
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
    let (mut sheets, mut kept, mut first, mut below) = (Vec::new(), Vec::new(), 0, Vec::new());
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
        below.push(facet);
    }
    Grid { sheets, ground: Ground::Plane, points, kept: Some(kept), facets: below }
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

/// The adjoint of a draped point over `point` of the sheet: its height is that of the triangle below it, where a corner's
/// motion along the normal counts by the barycentric coordinate. Where there is no ground it stays.
fn draped_vjp(geometry: &Geometry, objects: &[u32], point: &Vec3, point_bar: &Vec3) -> Vec<(u32, Vec3)> {
    let Some((height, triangle)) = ground_under(geometry, objects, point) else { return Vec::new() };
    let scene = geometry.scene;
    let [a, b, c] = scene.corners(triangle);
    let across = (b - a).cross(&(c - a));
    let along = across * (point_bar.z / across.z);
    let shares = barycentric(&[a, b, c], &(Vec3::new(point.x, point.y, height) - scene.origin));
    scene.triangles[triangle as usize].into_iter().zip(shares.map(|share| along * share)).collect()
}

/// The height of the lowest point of the ground below or above `point` [m], in coordinates of the scene file, and its
/// triangle.
fn ground_under(geometry: &Geometry, objects: &[u32], point: &Vec3) -> Option<(f64, u32)> {
    /// The line begins and ends this far outside the scene [m].
    const BEYOND_M: f64 = 1.0;
    let scene = geometry.scene;
    let (low, high) = scene.bounds()?;
    let local = point - scene.origin;
    let [from, to] = [low.z - BEYOND_M, high.z + BEYOND_M].map(|z| Vec3::new(local.x, local.y, z));
    let mut lowest: Option<(f64, u32)> = None;
    for_each_crossing(scene, &geometry.bvh, [&from, &to], |triangle| {
        if !objects.is_empty() && !objects.contains(&scene.object_of(triangle)) {
            return;
        }
        let [a, b, c] = scene.corners(triangle);
        let normal = (b - a).cross(&(c - a));
        // An upright triangle that a vertical line touches has no height of its own.
        if normal.z.abs() > 1e-9 * normal.norm() {
            let z = a.z - ((local.x - a.x) * normal.x + (local.y - a.y) * normal.y) / normal.z;
            lowest = Some(lowest.filter(|(known, _)| *known <= z).unwrap_or((z, triangle)));
        }
    });
    lowest.map(|(z, triangle)| (z + scene.origin.z, triangle))
}
