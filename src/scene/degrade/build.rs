//! What takes the pieces of an object: first a survey, which counts and measures, then the mesh.

use super::cut::Node;
use super::fan::{Fan, mean, twice_area};
use super::fate::Fates;
use super::hole::Holes;
use super::{Counts, Facet, Receiver};
use crate::math::Vec3;
use crate::scene::mesh::Mesh;
use rayon::prelude::*;

/// Counts of what an object will have, before anything is taken out or doubled.
#[derive(Clone, Default)]
pub(super) struct Survey {
    pub(super) triangles: usize,
    /// Vertices if faces share them.
    pub(super) shared_vertices: usize,
    /// Vertices if they do not.
    pub(super) own_vertices: usize,
    /// Area [m^2].
    pub(super) area: f64,
    /// Distance from a hole's middle [m] and area [m^2] of each face, if there are holes.
    pub(super) distances: Vec<(f32, f32)>,
    pub(super) holes: Option<Holes>,
}

impl Receiver for Survey {
    fn vertex(&mut self, _position: &Vec3) -> u32 {
        self.shared_vertices += 1;
        0
    }

    fn face(&mut self, facet: &Facet, corners: &[Node]) {
        let fan = Fan::of(corners);
        let area = twice_area(corners).norm() / 2.0;
        self.triangles += fan.triangles(corners.len());
        self.shared_vertices += usize::from(fan == Fan::Centre);
        self.own_vertices += corners.len() + usize::from(fan == Fan::Centre);
        self.area += area;
        if let Some(holes) = &mut self.holes {
            self.distances.push((holes.distance(&facet.centre), area as f32));
        }
    }
}

/// The mesh of an object as it is made.
pub(super) struct Builder<'a> {
    pub(super) mesh: Mesh,
    pub(super) counts: Counts,
    fates: &'a Fates,
    /// The middles of holes, and up to which distance there is nothing [m].
    holes: Option<(Holes, f32)>,
}

impl<'a> Builder<'a> {
    /// Room for what the survey has counted; it is used as it is needed.
    pub(super) fn new(survey: &Survey, fates: &'a Fates, reach: f32) -> Self {
        let vertices = if fates.tilts() { survey.own_vertices } else { survey.shared_vertices };
        let triangles = survey.triangles + fates.duplicates_of(survey.triangles);
        let mesh = Mesh { vertices: Vec::with_capacity(vertices), triangles: Vec::with_capacity(triangles) };
        let holes = survey.holes.clone().map(|holes| (holes, reach));
        Builder { mesh, counts: Counts::default(), fates, holes }
    }

    /// The mesh without the vertices of faces that are gone, where the noise moves it; and what became of its faces.
    pub(super) fn finish(mut self) -> (Mesh, Counts) {
        if !self.fates.tilts() {
            if self.counts.in_holes + self.counts.missing > 0 {
                drop_unused(&mut self.mesh);
            }
            if self.fates.moves_vertices() {
                let vertices = self.mesh.vertices.par_iter_mut();
                vertices.for_each(|vertex| *vertex = self.fates.moved(&Vec3::from(*vertex)).into());
            }
        }
        (self.mesh, self.counts)
    }

    fn push(&mut self, position: Vec3) -> u32 {
        self.mesh.vertices.push(position.into());
        self.mesh.vertices.len() as u32 - 1
    }
}

impl Receiver for Builder<'_> {
    fn vertex(&mut self, position: &Vec3) -> u32 {
        if self.fates.tilts() { 0 } else { self.push(*position) }
    }

    fn face(&mut self, facet: &Facet, corners: &[Node]) {
        let fan = Fan::of(corners);
        let area = twice_area(corners).norm() / 2.0;
        self.counts.faces += 1;
        self.counts.area_m2 += area;
        if let Some((holes, reach)) = &mut self.holes
            && holes.distance(&facet.centre) <= *reach
        {
            self.counts.in_holes += 1;
            self.counts.hole_area_m2 += area;
            return;
        }
        let fate = self.fates.of(facet);
        if fate.missing {
            self.counts.missing += 1;
            return;
        }
        let fates = self.fates;
        let tilted = |position: &Vec3| {
            let tilted = fate.tilted(facet, position);
            // The noise of a vertex is that of its place in the wall, whichever facet it belongs to.
            tilted + (fates.moved(position) - position)
        };
        let first = self.mesh.vertices.len() as u32;
        if fates.tilts() {
            self.mesh.vertices.extend(corners.iter().map(|node| <[f64; 3]>::from(tilted(&node.position))));
        }
        let vertex = |k: usize| if fates.tilts() { first + k as u32 } else { corners[k].vertex };
        let count = corners.len();
        let from = self.mesh.triangles.len();
        match fan {
            Fan::Corner(c) => {
                let at = |k: usize| vertex((c + k) % count);
                self.mesh.triangles.extend((1..count - 1).map(|k| [at(0), at(k), at(k + 1)]));
            }
            Fan::Centre => {
                let middle = mean(corners);
                let centre = self.push(if fates.tilts() { tilted(&middle) } else { middle });
                self.mesh.triangles.extend((0..count).map(|k| [centre, vertex(k), vertex((k + 1) % count)]));
            }
        }
        if fate.duplicate {
            self.counts.duplicates += 1;
            self.mesh.triangles.extend_from_within(from..);
        }
    }
}

/// Takes out the vertices that no triangle has.
fn drop_unused(mesh: &mut Mesh) {
    let mut number = vec![0u32; mesh.vertices.len()];
    mesh.triangles.iter().flatten().for_each(|v| number[*v as usize] = 1);
    let mut kept = 0;
    for (v, number) in number.iter_mut().enumerate() {
        if *number == 1 {
            mesh.vertices[kept] = mesh.vertices[v];
            *number = kept as u32;
            kept += 1;
        }
    }
    mesh.vertices.truncate(kept);
    mesh.triangles.iter_mut().flatten().for_each(|v| *v = number[*v as usize]);
}
