//! Windows of chains as far as light gets to them (T86): the windows of T46, narrowed to where the last facet is not
//! wholly in the shadow of what stands in the way. A narrow window narrows those of all chains that go on from it, so it
//! pays where there are any. Narrowed windows are conservative: no light is lost.

use super::legs::View;
use super::lit::{Cells, Scenery};
use super::outlines::Outlines;
use super::scenery::{Gather, Gathered, Reach};
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::map::grid::Sheet;
use crate::math::Vec3;
use crate::path::beam::{Beam, Clip, LEAST_EDGE_M, window};
use crate::path::chain::ChainTrie;
use rayon::prelude::*;
use std::ops::Range;

/// Shadows on a window at the most: where more stands about, hardly any hides as much as a part.
const MOST_SHADOWS: usize = 1 << 12;
/// Parts of a window along its longer side.
const PARTS: f64 = 16.0;

/// The narrowed windows of a trie's chains.
#[derive(Debug, Default)]
pub struct Windows {
    corners: Vec<Vec3>,
    spans: Vec<Range<u32>>,
}

impl Windows {
    /// The narrowed windows of all chains that some light may take further.
    ///
    /// `is_wanted` tells of a node whether its own light matters, and not only that of its children.
    pub fn new(
        level: Level,
        geometry: &Geometry,
        trie: &ChainTrie,
        outlines: &Outlines,
        is_wanted: &(dyn Fn(u32) -> bool + Sync),
    ) -> Windows {
        let mut windows = Windows { corners: Vec::new(), spans: vec![0..0; trie.len()] };
        let mut goes_on = vec![false; trie.len()];
        let mut levels: Vec<Vec<u32>> = Vec::new();
        for node in 1..trie.len() {
            goes_on[trie.parent[node] as usize] = true;
            let depth = trie.depth[node] as usize;
            levels.resize_with(levels.len().max(depth + 1), Vec::new);
            levels[depth].push(node as u32);
        }
        let pool = super::Pool::default();
        for nodes in levels {
            let narrow = |node: &u32| {
                let (node, goes_on) = (*node, goes_on[*node as usize]);
                if !goes_on && !is_wanted(node) {
                    return Vec::new();
                }
                pool.with(|scratch: &mut Scratch| {
                    run(level, Narrow { geometry, trie, outlines, windows: &windows, node, goes_on, scratch });
                    scratch.clip.polygon.clone()
                })
            };
            let found: Vec<Vec<Vec3>> = nodes.par_iter().with_max_len(16).map(narrow).collect();
            for (node, corners) in nodes.iter().zip(found) {
                let first = windows.corners.len() as u32;
                windows.corners.extend(corners);
                windows.spans[*node as usize] = first..windows.corners.len() as u32;
            }
        }
        windows
    }

    /// The window of a node; empty for the root, which sees everything, and for a chain that no light takes.
    pub fn of(&self, node: u32) -> &[Vec3] {
        let Range { start, end } = self.spans[node as usize];
        &self.corners[start as usize..end as usize]
    }
}

#[derive(Default)]
struct Scratch {
    beam: Beam,
    clip: Clip,
    gather: Gather,
    scenery: Scenery,
}

/// Leaves the window of a node in the scratch's clip.
struct Narrow<'a> {
    geometry: &'a Geometry<'a>,
    trie: &'a ChainTrie,
    outlines: &'a Outlines,
    windows: &'a Windows,
    node: u32,
    /// Whether other chains go on from it.
    goes_on: bool,
    scratch: &'a mut Scratch,
}

impl Task for Narrow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Narrow { geometry, trie, outlines, windows, node, scratch, goes_on } = self;
        let Scratch { beam, clip, gather, scenery } = scratch;
        let facets = &geometry.facets;
        let (parent, facet) = (trie.parent[node as usize], trie.facet[node as usize]);
        clip.polygon.clear();
        let before = windows.of(parent);
        if !trie.is_in_reach(node) || (parent != 0 && before.is_empty()) {
            return;
        }
        let plane = facets.plane(facet);
        beam.rebuild(
            &trie.image[parent as usize],
            (parent != 0).then(|| (before, facets.plane(trie.facet[parent as usize]))),
        );
        window(facets, facet, beam, clip);
        if clip.polygon.is_empty() || !goes_on {
            return;
        }
        let sheet = over(&clip.polygon, &Vec3::from(plane.normal));
        let reach = Reach { geometry, trie, outlines, windows, sheet: &sheet, end: facets.patch[facet as usize] };
        gather.open(&reach, parent);
        let all = Cells { columns: 0..sheet.cells[0], rows: 0..sheet.cells[1] };
        match gather.scenery(&reach, parent, (&all, all.area()), MOST_SHADOWS, scenery) {
            Gathered::Dark => clip.polygon.clear(),
            Gathered::TooMuch => {}
            Gathered::All => {
                if let Some(lit) = scenery.coverage.lit().filter(|lit| *lit != all) {
                    keep_over(&mut clip.polygon, &sheet, &lit);
                }
            }
        }
    }
}

/// A sheet of about equal cells over a polygon in the plane of the unit normal `n`, along its longest edge.
fn over(polygon: &[Vec3], n: &Vec3) -> Sheet {
    let edges = (0..polygon.len()).map(|k| polygon[(k + 1) % polygon.len()] - polygon[k]);
    let longest = edges.fold(Vec3::zeros(), |longest, edge| if edge.norm() > longest.norm() { edge } else { longest });
    let u = (longest - n * longest.dot(n)).normalize();
    let v = n.cross(&u);
    let bounds = |axis: &Vec3| {
        polygon.iter().map(|p| p.dot(axis)).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)))
    };
    let ((u0, u1), (v0, v1)) = (bounds(&u), bounds(&v));
    let longer = (u1 - u0).max(v1 - v0);
    let count = |size: f64| ((size / longer * PARTS).ceil() as usize).max(1);
    let (nu, nv) = (count(u1 - u0), count(v1 - v0));
    // No cell is without extent, however thin the polygon.
    let step = |size: f64, count: usize| (size / count as f64).max(1e-9 * longer);
    let corner = u * u0 + v * v0 + n * polygon[0].dot(n);
    Sheet { corner, step_u: u * step(u1 - u0, nu), step_v: v * step(v1 - v0, nv), cells: [nu, nv] }
}

/// Keeps the part of a convex polygon that lies over some cells of a sheet.
fn keep_over(polygon: &mut Vec<Vec3>, sheet: &Sheet, cells: &Cells) {
    let view = View::of(sheet);
    let corner = view.at(cells.columns.start as f64, cells.rows.start as f64);
    let far = view.at(cells.columns.end as f64, cells.rows.end as f64);
    for (inward, at) in [(sheet.step_u, corner), (-sheet.step_u, far), (sheet.step_v, corner), (-sheet.step_v, far)] {
        keep_beyond(polygon, &inward.normalize(), &at);
    }
}

/// Keeps the part of a convex polygon that lies inwards of a point.
fn keep_beyond(polygon: &mut Vec<Vec3>, inward: &Vec3, at: &Vec3) {
    let height = |p: &Vec3| inward.dot(&(p - at));
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (k, q) in polygon.iter().enumerate() {
        let p = &polygon[if k == 0 { polygon.len() - 1 } else { k - 1 }];
        let (at_p, at_q) = (height(p), height(q));
        if (at_p >= 0.0) != (at_q >= 0.0) {
            kept.push(p + (q - p) * (at_p / (at_p - at_q)));
        }
        if at_q >= 0.0 {
            kept.push(*q);
        }
    }
    kept.dedup_by(|a, b| (*a - *b).norm() <= LEAST_EDGE_M);
    *polygon = if kept.len() < 3 { Vec::new() } else { kept };
}
