//! Known paths where radios or vertices have moved a little (T91, T93): the same chains and samples, refined anew.
//!
//! What may not be so any more is not looked at: whether a path is still free and on its facets, and which others there
//! are. This is the function that [`super::adjoint`] differentiates, and what a fit evaluates between two searches.

use super::Paths;
use super::beam::mirror;
use super::field::End;
use super::refine::meeting;
use crate::geometry::attached::barycentric;
use crate::geometry::facet::Facets;
use crate::layout::Plane;
use crate::math::Vec3;
use crate::scene::Scene;
use crate::scene::radio::Radios;

/// The `paths` of the scene `before`, whose facets are `facets`, in the scene `after`, which has the same triangles, between
/// `radios`, which are the same in number and kind.
pub fn moved(facets: &Facets, [before, after]: [&Scene; 2], radios: &Radios, paths: &Paths) -> Paths {
    let mut moved = paths.clone();
    let mut planes = Vec::new();
    for link in 0..paths.links() {
        let [receiver, transmitter] =
            [&radios.receivers[link / paths.transmitters], &radios.transmitters[link % paths.transmitters]];
        let [end, start] = [End::new(radios, receiver), End::new(radios, transmitter)];
        for path in paths.of_link(link) {
            let to = end.point(&(receiver.position - after.origin), paths.receiver_element[path]);
            let from = start.point(&(transmitter.position - after.origin), paths.transmitter_element[path]);
            let vertices = paths.vertices_of(path);
            planes.clear();
            planes.extend(vertices.clone().map(|vertex| facets.plane_in(after, paths.facet[vertex])));
            for (vertex, plane) in vertices.zip(&planes) {
                moved.normal[vertex] = Vec3::from(plane.normal);
                if paths.interaction[vertex].is_scattering() {
                    carry_along(&mut moved, vertex, [before, after]);
                }
            }
            refine_again(&mut moved, path, [from, to], &planes, &after.origin);
        }
    }
    moved
}

/// Moves a scattering vertex with its triangle.
fn carry_along(moved: &mut Paths, vertex: usize, [before, after]: [&Scene; 2]) {
    let triangle = before.objects[moved.object[vertex] as usize].first_triangle + moved.primitive[vertex];
    let (old, new) = (before.corners(triangle), after.corners(triangle));
    let point = moved.vertex[vertex] - before.origin;
    let shares = barycentric(&old, &point);
    let shift: Vec3 = (0..3).map(|i| (new[i] - old[i]) * shares[i]).sum();
    moved.vertex[vertex] = point + shift + after.origin;
    let size = |[a, b, c]: &[Vec3; 3]| (b - a).cross(&(c - a)).norm();
    moved.area[vertex] *= size(&new) / size(&old);
}

/// Puts the reflections of a path where its ends, scattering vertices and planes want them (T44, T45), span by span.
fn refine_again(moved: &mut Paths, path: usize, [from, to]: [Vec3; 2], planes: &[Plane], origin: &Vec3) {
    let vertices = moved.vertices_of(path);
    let (mut first, mut start, mut travelled) = (vertices.start, from, 0.0);
    while first <= vertices.end {
        let scatters = |vertex: &usize| moved.interaction[*vertex].is_scattering();
        let end = (first..vertices.end).find(scatters).unwrap_or(vertices.end);
        let target = if end < vertices.end { moved.vertex[end] - origin } else { to };
        let mut images = vec![start];
        images.extend(planes[first - vertices.start..end - vertices.start].iter().scan(start, |image, plane| {
            *image = mirror(image, plane);
            Some(*image)
        }));
        let span = target - images[end - first];
        let mut next = target;
        for vertex in (first..end).rev() {
            next = meeting(&images[vertex - first + 1], &next, &planes[vertex - vertices.start]);
            moved.vertex[vertex] = next + origin;
        }
        let mut at = start;
        for vertex in first..end {
            let point = moved.vertex[vertex] - origin;
            travelled += (point - at).norm();
            moved.distance[vertex] = travelled;
            at = point;
        }
        if first == vertices.start {
            moved.departure[path] = (next - start).normalize();
        }
        travelled = if first == vertices.start { 0.0 } else { moved.distance[first - 1] } + span.norm();
        if end < vertices.end {
            moved.distance[end] = travelled;
        } else {
            moved.length[path] = travelled;
            moved.arrival[path] = (target - at).normalize();
        }
        (first, start) = (end + 1, target);
    }
}
