//! The paths of a picture: an even selection of those that there are, which does not depend on the tiles in which they
//! come.

use super::BOUNCES;
use crate::math::Vec3;
use crate::path::Paths;
use crate::scene::radio::Radios;

/// More paths than this make a blot.
const DRAWN_PATHS: usize = 4000;

/// A path that is drawn.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its number among all paths.
    index: usize,
    /// From the transmitter over the vertices to the receiver [m], in the coordinates of the scene file.
    pub points: Vec<Vec3>,
}

impl Line {
    /// Number of vertices between the ends.
    pub fn bounces(&self) -> usize {
        self.points.len() - 2
    }
}

/// What a picture needs of all paths.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// Number of paths so far.
    pub(super) count: usize,
    /// Paths by their number of bounces; the last one holds all above.
    pub(super) bounces: [usize; BOUNCES.len()],
    /// Bounds of all vertices [m].
    pub(super) bounds: Option<(Vec3, Vec3)>,
    /// Every `stride`-th path.
    pub(super) lines: Vec<Line>,
    /// A power of two, the smallest that leaves no more than [`DRAWN_PATHS`].
    stride: usize,
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch { count: 0, bounces: [0; BOUNCES.len()], bounds: None, lines: Vec::new(), stride: 1 }
    }
}

impl Sketch {
    /// Adds the paths of the next tile and its `radios`.
    pub fn add(&mut self, radios: &Radios, paths: &Paths) {
        for vertex in &paths.vertex {
            let (low, high) = self.bounds.unwrap_or((*vertex, *vertex));
            self.bounds = Some((low.inf(vertex), high.sup(vertex)));
        }
        for link in 0..paths.links() {
            for path in paths.of_link(link) {
                self.bounces[paths.vertices_of(path).len().min(BOUNCES.len() - 1)] += 1;
                if self.count.is_multiple_of(self.stride) {
                    self.keep(radios, paths, link, path);
                }
                self.count += 1;
            }
        }
    }

    fn keep(&mut self, radios: &Radios, paths: &Paths, link: usize, path: usize) {
        let from = radios.transmitters[link % paths.transmitters].position;
        let to = radios.receivers[link / paths.transmitters].position;
        let mut points = vec![from];
        points.extend_from_slice(&paths.vertex[paths.vertices_of(path)]);
        points.push(to);
        self.lines.push(Line { index: self.count, points });
        if self.lines.len() > DRAWN_PATHS {
            self.stride *= 2;
            self.lines.retain(|line| line.index.is_multiple_of(self.stride));
        }
    }
}
