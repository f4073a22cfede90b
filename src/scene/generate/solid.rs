//! Meshes of buildings: closed but for the bottom, outward winding, vertices shared.
//!
//! A wall keeps to its four corners whatever its facade holds, so that neighbouring walls and roofs always meet vertex
//! to vertex: between the outer edge and the facade's grid lies a frame.

use super::Mesh;
use crate::math::Vec3;
use serde::{Deserialize, Serialize};

/// What the walls of buildings look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facade {
    /// Two triangles a wall.
    #[default]
    Plain,
    /// Flat walls cut into panels of about 3.2 m: many triangles, the same shape as `plain`.
    Panels,
    /// A window in each panel, recessed by 0.25 m.
    Windows,
}

/// Width and height of a facade's panel, one storey [m].
const PANEL_M: f64 = 3.2;
/// Width of the frame between a wall's edges and its panels [m].
const FRAME_M: f64 = 0.4;
/// Share of a panel's width and height that its window takes [-].
const WINDOW_SHARE: f64 = 0.5;
/// Depth of the window behind the wall [m].
const RECESS_M: f64 = 0.25;

/// An upright rectangle [low, high] in x and y [m].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) low: [f64; 2],
    pub(super) high: [f64; 2],
}

impl Rect {
    pub(super) fn width(&self) -> f64 {
        self.high[0] - self.low[0]
    }

    pub(super) fn depth(&self) -> f64 {
        self.high[1] - self.low[1]
    }

    /// The rectangle whose sides lie `inset` further in [m].
    pub(super) fn inset(&self, inset: f64) -> Rect {
        Rect { low: self.low.map(|x| x + inset), high: self.high.map(|x| x - inset) }
    }

    /// The corners, counter-clockwise.
    pub(super) fn corners(&self) -> [[f64; 2]; 4] {
        [self.low, [self.high[0], self.low[1]], self.high, [self.low[0], self.high[1]]]
    }
}

/// The form of a building over its footprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// A box.
    Block,
    /// A box that lacks one corner.
    Ell {
        /// Width of the two wings [m].
        wing: f64,
        /// Which corner is missing: 0 is (high x, high y), then counter-clockwise.
        corner: usize,
    },
    /// Four wings about a courtyard.
    Courtyard {
        /// Width of the wings [m].
        wing: f64,
    },
    /// A box on a box: a penthouse, or a tower on its podium.
    Stepped {
        /// How far the upper walls stand back [m].
        inset: f64,
        /// How much the upper box rises above the roof of the lower one [m].
        rise: f64,
    },
}

/// The mesh of a building of `height` [m] over `rect`.
pub(super) fn building(rect: &Rect, height: f64, shape: Shape, facade: Facade) -> Mesh {
    let mut solid = Solid { mesh: Mesh::default(), facade };
    match shape {
        Shape::Block => {
            let roof = solid.storeys(&rect.corners(), 0.0, height);
            solid.fan(&roof);
        }
        Shape::Ell { wing, corner } => {
            let mut roof = solid.storeys(&ell(rect, wing, corner), 0.0, height);
            // The reflex corner is the third after the first; from there every other corner is seen.
            roof.rotate_left(3);
            solid.fan(&roof);
        }
        Shape::Courtyard { wing } => {
            let outer = solid.storeys(&rect.corners(), 0.0, height);
            let mut court = rect.inset(wing).corners();
            // Clockwise: the walls of the courtyard look inwards.
            court.reverse();
            let inner = solid.storeys(&court, 0.0, height);
            solid.ring(&outer, &[inner[3], inner[2], inner[1], inner[0]]);
        }
        Shape::Stepped { inset, rise } => {
            let outer = solid.storeys(&rect.corners(), 0.0, height);
            let first = solid.mesh.vertices.len() as u32;
            let roof = solid.storeys(&rect.inset(inset).corners(), height, height + rise);
            solid.ring(&outer, &[first, first + 1, first + 2, first + 3]);
            solid.fan(&roof);
        }
    }
    solid.mesh
}

/// The mesh of a box without bottom over four `corners` in counter-clockwise order, from z = 0 to `height` [m].
pub(super) fn upright_box(corners: &[[f64; 2]; 4], height: f64) -> Mesh {
    let mut solid = Solid { mesh: Mesh::default(), facade: Facade::Plain };
    let roof = solid.storeys(corners, 0.0, height);
    solid.fan(&roof);
    solid.mesh
}

/// A rectangle at z = 0 that looks up, of `2 + extra` triangles: one edge holds `extra` vertices more than it needs.
pub(super) fn plate(rect: &Rect, extra: usize) -> Mesh {
    let [a, b, c, d] = rect.corners();
    let mut vertices = vec![[d[0], d[1], 0.0], [a[0], a[1], 0.0]];
    vertices.extend((1..=extra).map(|i| [a[0] + rect.width() * i as f64 / (extra + 1) as f64, a[1], 0.0]));
    vertices.extend([[b[0], b[1], 0.0], [c[0], c[1], 0.0]]);
    let triangles = (1..vertices.len() as u32 - 1).map(|i| [0, i, i + 1]).collect();
    Mesh { vertices, triangles }
}

/// The outline of an L, counter-clockwise; the reflex corner is the fourth.
fn ell(rect: &Rect, wing: f64, corner: usize) -> [[f64; 2]; 6] {
    let centre = [(rect.low[0] + rect.high[0]) / 2.0, (rect.low[1] + rect.high[1]) / 2.0];
    let (mut w, mut d) = (rect.width() / 2.0, rect.depth() / 2.0);
    if corner % 2 == 1 {
        (w, d) = (d, w);
    }
    let (x, y) = (wing - w, wing - d);
    let outline = [[-w, -d], [w, -d], [w, y], [x, y], [x, d], [-w, d]];
    let turn = |[x, y]: [f64; 2]| match corner {
        0 => [x, y],
        1 => [-y, x],
        2 => [-x, -y],
        _ => [y, -x],
    };
    outline.map(turn).map(|[x, y]| [centre[0] + x, centre[1] + y])
}

/// A mesh under construction.
struct Solid {
    mesh: Mesh,
    facade: Facade,
}

impl Solid {
    fn vertex(&mut self, position: Vec3) -> u32 {
        self.mesh.vertices.push(position.into());
        self.mesh.vertices.len() as u32 - 1
    }

    fn quad(&mut self, [a, b, c, d]: [u32; 4]) {
        self.mesh.triangles.extend([[a, b, c], [a, c, d]]);
    }

    /// Triangles from the first corner to every edge that it is not on.
    fn fan(&mut self, corners: &[u32]) {
        self.mesh.triangles.extend(corners[1..].windows(2).map(|edge| [corners[0], edge[0], edge[1]]));
    }

    /// The ring between two loops of four corners that run the same way round.
    fn ring(&mut self, outer: &[u32; 4], inner: &[u32; 4]) {
        for i in 0..4 {
            let j = (i + 1) % 4;
            self.quad([outer[i], outer[j], inner[j], inner[i]]);
        }
    }

    /// The walls over an outline with the building to its left; returns the corners of the upper edge.
    fn storeys<const N: usize>(&mut self, outline: &[[f64; 2]; N], bottom: f64, top: f64) -> [u32; N] {
        let lower = outline.map(|[x, y]| self.vertex(Vec3::new(x, y, bottom)));
        let upper = outline.map(|[x, y]| self.vertex(Vec3::new(x, y, top)));
        for i in 0..N {
            let j = (i + 1) % N;
            self.wall([lower[i], lower[j], upper[j], upper[i]]);
        }
        upper
    }

    /// A wall of the corners lower left, lower right, upper right, upper left, seen from outside.
    fn wall(&mut self, corners: [u32; 4]) {
        let [a, b, _, d] = corners.map(|v| Vec3::from(self.mesh.vertices[v as usize]));
        let (width, height) = ((b - a).norm(), (d - a).norm());
        let panels = |length: f64| ((length - 2.0 * FRAME_M) / PANEL_M).round() as usize;
        let (columns, rows) = (panels(width), panels(height));
        if self.facade == Facade::Plain || columns == 0 || rows == 0 {
            return self.quad(corners);
        }
        let (along, up) = ((b - a) / width, (d - a) / height);
        let step_x = (width - 2.0 * FRAME_M) / columns as f64;
        let step_z = (height - 2.0 * FRAME_M) / rows as f64;
        let first = self.mesh.vertices.len() as u32;
        for row in 0..=rows {
            for column in 0..=columns {
                let (x, z) = (FRAME_M + step_x * column as f64, FRAME_M + step_z * row as f64);
                self.vertex(a + along * x + up * z);
            }
        }
        let at = |column: usize, row: usize| first + (row * (columns + 1) + column) as u32;
        for row in 0..rows {
            for column in 0..columns {
                let panel = [at(column, row), at(column + 1, row), at(column + 1, row + 1), at(column, row + 1)];
                match self.facade {
                    Facade::Windows => self.window(panel),
                    Facade::Panels | Facade::Plain => self.quad(panel),
                }
            }
        }
        self.frame(corners[0], corners[1], (0..=columns).map(|c| at(c, 0)));
        self.frame(corners[1], corners[2], (0..=rows).map(|r| at(columns, r)));
        self.frame(corners[2], corners[3], (0..=columns).rev().map(|c| at(c, rows)));
        self.frame(corners[3], corners[0], (0..=rows).rev().map(|r| at(0, r)));
    }

    /// One side of the frame: from the wall's edge a-b to the grid's edge, which runs the same way.
    fn frame(&mut self, a: u32, b: u32, grid: impl Iterator<Item = u32>) {
        let mut last = None;
        for vertex in grid {
            if let Some(last) = last {
                self.mesh.triangles.push([a, vertex, last]);
            }
            last = Some(vertex);
        }
        let last = last.expect("a facade has at least one panel");
        self.mesh.triangles.push([a, b, last]);
    }

    /// A panel with a recessed window: its frame, the reveals and the pane.
    fn window(&mut self, panel: [u32; 4]) {
        let corners = panel.map(|v| Vec3::from(self.mesh.vertices[v as usize]));
        let inwards = (corners[3] - corners[0]).cross(&(corners[1] - corners[0])).normalize() * RECESS_M;
        let centre = (corners[0] + corners[2]) / 2.0;
        let opening = corners.map(|corner| self.vertex(centre + (corner - centre) * WINDOW_SHARE));
        let pane = corners.map(|corner| self.vertex(centre + (corner - centre) * WINDOW_SHARE + inwards));
        self.ring(&panel, &opening);
        self.ring(&opening, &pane);
        self.quad(pane);
    }
}
