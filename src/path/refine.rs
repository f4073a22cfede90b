//! From a chain and a receiver to the vertices of the path, or the reason why there is none (T44, T45).
//!
//! Planar chains have a closed form: the last vertex lies on the line from the image to the receiver, the one before on
//! the line from the image before to that vertex, and so on. All in f64. Nothing allocates.

use super::Interaction;
use super::beam::{mirror, signed_distance};
use super::chain::ChainTrie;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::is_blocked;
use crate::interaction::reflection;
use crate::layout::{IN_PLANE_M, NONE, Plane};
use crate::math::Vec3;
use crate::math::frame::normalized_vjp;

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
        let position = between(apex, &target, [from, to]);
        let triangle = facets.triangle_at(geometry.scene, &geometry.bvh, facet, &position);
        let triangle = triangle.ok_or(Rejection::OffFacet)?;
        vertices.push(Vertex::reflection(position, facet, triangle));
        target = position;
        node = trie.parent[node as usize];
    }
    Ok(())
}

/// Where the line from an image to a target meets a plane, from which they have these signed distances [m].
pub fn between(image: &Vec3, target: &Vec3, [from, to]: [f64; 2]) -> Vec3 {
    image + (target - image) * (from / (from - to))
}

/// The same where neither is known.
pub fn meeting(image: &Vec3, target: &Vec3, plane: &Plane) -> Vec3 {
    between(image, target, [image, target].map(|point| signed_distance(point, plane)))
}

/// Where the line from an image to a target meets a plane, continued to those on one side of it (T110): the point that is as
/// far along as the two are from the plane, whichever side they are on. Of two points in the plane it is the image.
pub fn soft_meeting(image: &Vec3, target: &Vec3, plane: &Plane) -> Vec3 {
    let [from, to] = [image, target].map(|point| signed_distance(point, plane).abs());
    if from + to == 0.0 { *image } else { image + (target - image) * (from / (from + to)) }
}

/// Bars of a plane.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PlaneBar {
    /// Of the unit normal.
    pub normal: Vec3,
    /// Of the offset [m].
    pub offset: f64,
}

/// Bars of what a chain of reflections between two points amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RefinedBar {
    /// Of the direction of departure.
    pub departure: Vec3,
    /// Of the direction of arrival.
    pub arrival: Vec3,
    /// Of the length [m].
    pub length: f64,
}

/// The adjoint of [`refine`]: of the direction of departure, the direction of arrival, the length and the vertices of the
/// path between two `ends` over `planes` `[reflection]` (T44, T45, T91); adds to the bars of the ends and of the planes.
///
/// `vertices` are those that [`refine`] found, or those of [`soft_meeting`], in the coordinates of the ends, and
/// `vertices_bar` their bars; both are empty where no bar is wanted of them, and so are bars of the images, `images_bar`
/// `[facet + 1]`. `images` is scratch. Which facets a path meets and whether it is free are held fixed.
pub fn refine_vjp(
    [from, to]: [&Vec3; 2],
    planes: &[Plane],
    bar: &RefinedBar,
    [vertices, vertices_bar, images_bar]: [&[Vec3]; 3],
    [from_bar, to_bar]: [&mut Vec3; 2],
    planes_bar: &mut [PlaneBar],
    images: &mut Vec<Image>,
) {
    images.clear();
    images.push(Image { at: *from, bar: Vec3::zeros() });
    for (i, plane) in planes.iter().enumerate() {
        images.push(Image { at: mirror(&images[i].at, plane), bar: Vec3::zeros() });
    }
    images.iter_mut().zip(images_bar).for_each(|(image, bar)| image.bar += bar);
    let span = to - images[planes.len()].at;
    let length = span.norm();
    let arrival = span / length;
    // The directions before the last are mirrored back one by one.
    let (mut k, mut arrival_bar) = (arrival, bar.departure);
    for plane in planes.iter().rev() {
        k = reflection::mirror(&k, &Vec3::from(plane.normal));
    }
    for (plane, plane_bar) in planes.iter().zip(planes_bar.iter_mut()) {
        let (n, mut behind_bar) = (Vec3::from(plane.normal), Vec3::zeros());
        k = reflection::mirror(&k, &n);
        reflection::mirror_vjp(&k, &n, &arrival_bar, &mut behind_bar, &mut plane_bar.normal);
        arrival_bar = behind_bar;
    }
    let span_bar = normalized_vjp(&arrival, length, &(arrival_bar + bar.arrival)) + arrival * bar.length;
    images[planes.len()].bar -= span_bar;
    *to_bar += span_bar + vertices_vjp(to, planes, [vertices, vertices_bar], planes_bar, images);
    for (i, (plane, plane_bar)) in planes.iter().zip(planes_bar).enumerate().rev() {
        let (n, before, image_bar) = (Vec3::from(plane.normal), images[i].at, images[i + 1].bar);
        // I_i = I_{i-1} - 2 s n, s = n.I_{i-1} - d.
        let (s, s_bar) = (signed_distance(&before, plane), -2.0 * n.dot(&image_bar));
        plane_bar.normal += before * s_bar - image_bar * (2.0 * s);
        plane_bar.offset -= s_bar;
        images[i].bar += image_bar + n * s_bar;
    }
    *from_bar += images[0].bar;
}

/// An image of a path's first end and its bar.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    at: Vec3,
    bar: Vec3,
}

/// The adjoint of the vertices (T45): adds to the bars of planes and images, and returns that of the last end.
fn vertices_vjp(
    to: &Vec3,
    planes: &[Plane],
    [vertices, vertices_bar]: [&[Vec3]; 2],
    planes_bar: &mut [PlaneBar],
    images: &mut [Image],
) -> Vec3 {
    let mut passed_on = Vec3::zeros();
    for (i, vertex_bar) in vertices_bar.iter().enumerate() {
        let (plane, image, next) = (&planes[i], images[i + 1].at, vertices.get(i + 1).unwrap_or(to));
        let vertex_bar = vertex_bar + passed_on;
        let (n, s, next_s) = (Vec3::from(plane.normal), signed_distance(&image, plane), signed_distance(next, plane));
        // v_i = I_i + (v_{i+1} - I_i) t, t = |s|/(|s| + |s'|), which is s/(s - s') where the plane parts the two.
        let apart = s.abs() + next_s.abs();
        let over = if apart > 0.0 { 1.0 / apart } else { 0.0 };
        let t = s.abs() * over;
        let t_bar = (next - image).dot(&vertex_bar) * over * over;
        let (s_bar, next_s_bar) = (t_bar * next_s.abs() * 1f64.copysign(s), -t_bar * s.abs() * 1f64.copysign(next_s));
        planes_bar[i].normal += image * s_bar + next * next_s_bar;
        planes_bar[i].offset -= s_bar + next_s_bar;
        images[i + 1].bar += vertex_bar * (1.0 - t) + n * s_bar;
        passed_on = vertex_bar * t + n * next_s_bar;
    }
    passed_on
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::difference::slope;
    use crate::math::frame::direction_of;
    use proptest::prelude::*;

    /// Departure, arrival, length and vertices of a chain (T44, T45).
    fn refined(from: &Vec3, to: &Vec3, planes: &[Plane]) -> (Vec3, Vec3, f64, Vec<Vec3>) {
        let mut images = vec![*from];
        for plane in planes {
            images.push(mirror(&images[images.len() - 1], plane));
        }
        let (mut vertices, mut target) = (Vec::new(), *to);
        for (plane, image) in planes.iter().zip(&images[1..]).rev() {
            target = soft_meeting(image, &target, plane);
            vertices.insert(0, target);
        }
        let span = to - images[planes.len()];
        let arrival = span.normalize();
        let departure = planes.iter().rev().fold(arrival, |k, plane| reflection::mirror(&k, &Vec3::from(plane.normal)));
        (departure, arrival, span.norm(), vertices)
    }

    /// Numbers as ends and planes: in a room about the origin whose walls are 5 m away.
    fn chain(x: &[f64], count: usize) -> (Vec3, Vec3, Vec<Plane>) {
        let plane = |i: usize| {
            let (tilt, turn) = ([0.1, 1.6, 1.5, 3.0][i], [0.3, 0.2, 1.9, -0.4][i]);
            let normal = direction_of(tilt, turn) + Vec3::new(x[6 + 4 * i], x[7 + 4 * i], x[8 + 4 * i]) * 0.1;
            Plane { normal: normal.into(), offset: 5.0 + x[9 + 4 * i] }
        };
        (Vec3::new(x[0], x[1], x[2]), Vec3::new(x[3], x[4], x[5]), (0..count).map(plane).collect())
    }

    proptest! {
        #[test]
        fn the_adjoint_of_refinement_is_the_transpose_of_its_tangent(
            x in prop::array::uniform22(-1.0..1.0f64), v in prop::array::uniform22(-1.0..1.0f64),
            w in prop::array::uniform19(-1.0..1.0f64), count in 0..5usize,
        ) {
            let (from, to, mut planes) = chain(&x, count);
            prop_assume!((from - to).norm() > 0.5);
            // Unit normals to begin with; the steps leave the sphere, as the adjoint lets them.
            planes.iter_mut().for_each(|plane| plane.normal = Vec3::from(plane.normal).normalize().into());
            let (by_from, by_to, by_planes) = {
                let (moved, rest) = (chain(&v, count), chain(&[0.0; 22], count));
                let difference = |a: &Plane, b: &Plane| {
                    (Vec3::from(a.normal) - Vec3::from(b.normal), a.offset - b.offset)
                };
                let by: Vec<_> = moved.2.iter().zip(&rest.2).map(|(a, b)| difference(a, b)).collect();
                (moved.0, moved.1, by)
            };
            // Along the sphere of unit normals alone is a plane a plane.
            let by_planes: Vec<(Vec3, f64)> = by_planes.iter().zip(&planes).map(|((normal, offset), plane)| {
                let n = Vec3::from(plane.normal);
                (normal - n * n.dot(normal), *offset)
            }).collect();
            let bar = RefinedBar {
                departure: Vec3::new(w[0], w[1], w[2]), arrival: Vec3::new(w[3], w[4], w[5]), length: w[6],
            };
            let vertices_bar: Vec<Vec3> = (0..count).map(|i| Vec3::new(w[7 + 3 * i], w[8 + 3 * i], w[9 + 3 * i])).collect();
            let moved = |h: f64| {
                let planes: Vec<Plane> = planes.iter().zip(&by_planes).map(|(plane, (normal, offset))| Plane {
                    normal: (Vec3::from(plane.normal) + normal * h).normalize().into(),
                    offset: plane.offset + offset * h,
                }).collect();
                let (departure, arrival, length, vertices) = refined(&(from + by_from * h), &(to + by_to * h), &planes);
                let of_vertices: f64 = vertices.iter().zip(&vertices_bar).map(|(v, bar)| v.dot(bar)).sum();
                bar.departure.dot(&departure) + bar.arrival.dot(&arrival) + bar.length * length + of_vertices
            };
            let (_, expected) = slope([1e-3, 5e-4], moved);
            let (_, _, _, vertices) = refined(&from, &to, &planes);
            // Where a point comes to lie in a plane, vertices that are continued have a bend.
            let (mut image, mut bends) = (from, false);
            for (i, plane) in planes.iter().enumerate() {
                image = mirror(&image, plane);
                let next = vertices.get(i + 1).unwrap_or(&to);
                bends |= [&image, next].iter().any(|point| signed_distance(point, plane).abs() < 0.05);
            }
            prop_assume!(!bends);
            let (mut from_bar, mut to_bar, mut planes_bar) = (Vec3::zeros(), Vec3::zeros(), vec![PlaneBar::default(); count]);
            let ends_bar = [&mut from_bar, &mut to_bar];
            let given = [&vertices[..], &vertices_bar[..], &[]];
            refine_vjp([&from, &to], &planes, &bar, given, ends_bar, &mut planes_bar, &mut Vec::new());
            let of_planes = planes_bar.iter().zip(&by_planes).map(|(bar, (normal, offset))| {
                bar.normal.dot(normal) + bar.offset * offset
            });
            let found = from_bar.dot(&by_from) + to_bar.dot(&by_to) + of_planes.sum::<f64>();
            prop_assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{} {}", found, expected);
        }
    }
}
