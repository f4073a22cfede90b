//! From a chain and a receiver to the vertices of the path, or the reason why there is none (T44, T45).
//!
//! Planar chains have a closed form: the last vertex lies on the line from the image to the receiver, the one before on
//! the line from the image before to that vertex, and so on. All in f64. Nothing allocates.

use super::Interaction;
use super::beam::signed_distance;
use super::chain::ChainTrie;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::is_blocked;
use crate::layout::{IN_PLANE_M, NONE};
use crate::math::Vec3;

/// One vertex of a candidate path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vertex {
    /// Position [m], local.
    pub position: Vec3,
    /// Facet.
    pub facet: u32,
    /// Triangle of the facet at the vertex.
    pub triangle: u32,
    /// What happens there.
    pub interaction: Interaction,
    /// The part of the surface that the vertex stands for [m2]; 0 for a specular reflection, which is a point.
    pub area: f64,
}

impl Vertex {
    /// A specular reflection.
    pub fn reflection(position: Vec3, facet: u32, triangle: u32) -> Vertex {
        Vertex { position, facet, triangle, interaction: Interaction::Reflection, area: 0.0 }
    }
}

/// Why a candidate is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// A vertex is off its facet.
    OffFacet,
    /// Two neighbours of a vertex lie on different sides of its facet.
    WrongSide,
    /// A point lies in a facet's plane that it should be reflected by, or two points coincide.
    Degenerate,
    /// Another facet owns a vertex.
    Coincident,
    /// Something stands in the way.
    Blocked,
}

/// Finds the vertices of the path from the trie's source over `node`'s chain to `receiver` into `vertices`, source side
/// first, and returns its length [m].
///
/// # Errors
/// The reason why there is no such path.
pub fn refine(
    level: Level,
    geometry: &Geometry,
    trie: &ChainTrie,
    node: u32,
    receiver: &Vec3,
    vertices: &mut Vec<Vertex>,
) -> Result<f64, Rejection> {
    vertices.clear();
    vertices_backwards(geometry, trie, node, receiver, vertices)?;
    vertices.reverse();
    let length = (receiver - trie.image[node as usize]).norm();
    if length <= IN_PLANE_M {
        return Err(Rejection::Degenerate);
    }
    for vertex in vertices.iter() {
        let owner = geometry.facets.owner_at(geometry.scene, &geometry.bvh, vertex.facet, &vertex.position);
        if owner != vertex.facet {
            return Err(Rejection::Coincident);
        }
    }
    let legs = Legs { geometry, ends: [&trie.image[0], receiver], vertices };
    if run(level, legs) { Ok(length) } else { Err(Rejection::Blocked) }
}

/// Finds the vertices of the path over `node`'s chain to `receiver` into `vertices`, the receiver's side first.
pub fn vertices_backwards(
    geometry: &Geometry,
    trie: &ChainTrie,
    mut node: u32,
    receiver: &Vec3,
    vertices: &mut Vec<Vertex>,
) -> Result<(), Rejection> {
    let facets = &geometry.facets;
    let mut target = *receiver;
    while node != 0 {
        let facet = trie.facet[node as usize];
        let plane = facets.plane(facet);
        let apex = &trie.image[node as usize];
        let (from, to) = (signed_distance(apex, plane), signed_distance(&target, plane));
        if from.abs() <= IN_PLANE_M || to.abs() <= IN_PLANE_M {
            return Err(Rejection::Degenerate);
        }
        // The image and the target must be on different sides; the source side is then the target's.
        if (from > 0.0) == (to > 0.0) {
            return Err(Rejection::WrongSide);
        }
        let position = apex + (target - apex) * (from / (from - to));
        let triangle = facets.triangle_at(geometry.scene, &geometry.bvh, facet, &position);
        let triangle = triangle.ok_or(Rejection::OffFacet)?;
        vertices.push(Vertex::reflection(position, facet, triangle));
        target = position;
        node = trie.parent[node as usize];
    }
    Ok(())
}

/// The segments of a path: yields whether nothing blocks any of them.
struct Legs<'a> {
    geometry: &'a Geometry<'a>,
    ends: [&'a Vec3; 2],
    vertices: &'a [Vertex],
}

impl Task for Legs<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<L: Lanes>(self) -> bool {
        let Geometry { scene, bvh, facets } = self.geometry;
        let (mut from, mut skip) = (self.ends[0], NONE);
        for leg in 0..=self.vertices.len() {
            let (to, next) = match self.vertices.get(leg) {
                Some(vertex) => (&vertex.position, facets.patch[vertex.facet as usize]),
                None => (self.ends[1], NONE),
            };
            if is_blocked::<L>(scene, bvh, [from, to], [skip, next]) {
                return false;
            }
            (from, skip) = (to, next);
        }
        true
    }
}
