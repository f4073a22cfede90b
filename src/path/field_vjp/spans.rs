//! The adjoint of where a path runs: from directions, reach and length back to ends, planes and points (T91-T93).

use super::{Ends, Scratch, Walk, offset_vjp};
use crate::constants::SPEED_OF_LIGHT;
use crate::geometry::Geometry;
use crate::geometry::attached::attached_vjp;
use crate::interaction::reflection;
use crate::layout::ALL_ELEMENTS;
use crate::math::Vec3;
use crate::path::adjoint::Ledger;
use crate::path::refine::{PlaneBar, RefinedBar, refine_vjp};
use std::ops::Range;

impl Walk<'_> {
    /// From directions, reach and length to the ends, planes and points (T76, T90-T93): span by span, from the receiver
    /// on. A span is what lies between two anchors, which are ends and scattering vertices.
    pub(super) fn geometry_vjp(
        &self,
        path: usize,
        reach: f64,
        ends: &Ends,
        scratch: &mut Scratch,
        ledger: &mut Ledger,
    ) {
        let (paths, vertices) = (self.paths, self.paths.vertices_of(path));
        let elements = [paths.receiver_element[path], paths.transmitter_element[path]];
        let anchors = [0, 1].map(|which| ends.ends[which].point(&ends.positions[which], elements[which]));
        let log_reach_bar = scratch.reach_bar * reach;
        let is_anchor = |vertex: &usize| paths.interaction[*vertex].is_scattering();
        for vertex in vertices.clone().filter(is_anchor) {
            let (i, n) = (vertex - vertices.start, &paths.normal[vertex]);
            let k = scratch.incoming[i];
            let cos_bar = -0.5 * log_reach_bar / reflection::cos_incidence(&k, n);
            let (k_bar, n_bar) = (&mut scratch.incoming_bar[i], &mut scratch.normal_bar[i]);
            reflection::cos_incidence_vjp(&k, n, cos_bar, k_bar, n_bar);
        }
        // Where both ends are one point their distance is at its least.
        let along = (anchors[0] - anchors[1]).try_normalize(0.0).unwrap_or_default();
        let direct_bar = along * self.bars.direct.get(path).copied().unwrap_or_default();
        let (mut end, mut to, mut to_bar) = (vertices.end, anchors[0], direct_bar);
        loop {
            let from = (vertices.start..end).rev().find(is_anchor);
            let begun = from.map_or(0.0, |vertex| paths.distance[vertex]);
            let ended = if end < vertices.end { paths.distance[end] } else { paths.length[path] };
            let bar = RefinedBar {
                departure: self.departure_bar(from, end, path, scratch),
                arrival: if end == vertices.end { scratch.arrival_bar } else { Vec3::zeros() },
                length: self.bars.tau[path] / SPEED_OF_LIGHT + log_reach_bar / (ended - begun),
            };
            let at = from.map_or(anchors[1], |vertex| paths.vertex[vertex] - self.geometry.scene.origin);
            let span = from.map_or(vertices.start, |vertex| vertex + 1)..end;
            let from_bar = self.span_vjp([at, to], span, vertices.start, &bar, &mut to_bar, scratch, ledger);
            if end == vertices.end {
                end_vjp(0, elements[0], &to_bar, ends, scratch, ledger);
            } else {
                self.anchor_vjp(end, scratch.normal_bar[end - vertices.start], &to_bar, log_reach_bar, ledger);
            }
            let Some(vertex) = from else {
                end_vjp(1, elements[1], &(from_bar - direct_bar), ends, scratch, ledger);
                return;
            };
            (end, to, to_bar) = (vertex, at, from_bar);
        }
    }

    /// The bar of the direction in which a span begins: what its vertices and its last anchor say of their directions,
    /// mirrored back (T16).
    fn departure_bar(&self, from: Option<usize>, end: usize, path: usize, scratch: &mut Scratch) -> Vec3 {
        let vertices = self.paths.vertices_of(path);
        let mut k_bar = if end < vertices.end { scratch.incoming_bar[end - vertices.start] } else { Vec3::zeros() };
        for vertex in (from.map_or(vertices.start, |vertex| vertex + 1)..end).rev() {
            let (i, n) = (vertex - vertices.start, &self.paths.normal[vertex]);
            let mut own_bar = scratch.incoming_bar[i];
            reflection::mirror_vjp(&scratch.incoming[i], n, &k_bar, &mut own_bar, &mut scratch.normal_bar[i]);
            k_bar = own_bar;
        }
        k_bar + from.map_or(scratch.departure_bar, |vertex| scratch.leaving_bar[vertex - vertices.start])
    }

    /// The adjoint of one span: adds to the bar of its last anchor, gives the planes' to the ledger and returns that of its
    /// first anchor.
    #[expect(clippy::too_many_arguments, reason = "where the span lies, its bars, and two places for results")]
    fn span_vjp(
        &self,
        [from, to]: [Vec3; 2],
        span: Range<usize>,
        start: usize,
        bar: &RefinedBar,
        to_bar: &mut Vec3,
        scratch: &mut Scratch,
        ledger: &mut Ledger,
    ) -> Vec3 {
        let (paths, Geometry { scene, facets, .. }) = (self.paths, self.geometry);
        let planes = span.clone().map(|vertex| *facets.plane(paths.facet[vertex]));
        let plane_bar = |vertex: usize| PlaneBar { normal: scratch.normal_bar[vertex - start], offset: 0.0 };
        scratch.planes.clear();
        scratch.planes.extend(planes);
        scratch.planes_bar.clear();
        scratch.planes_bar.extend(span.clone().map(plane_bar));
        scratch.points.clear();
        scratch.points.extend(paths.vertex[span.clone()].iter().map(|point| point - scene.origin));
        let points_bar = if self.bars.vertex.is_empty() { &[][..] } else { &self.bars.vertex[span.clone()] };
        let mut from_bar = Vec3::zeros();
        refine_vjp(
            [&from, &to],
            &scratch.planes,
            bar,
            [&scratch.points, points_bar, &[]],
            [&mut from_bar, to_bar],
            &mut scratch.planes_bar,
            &mut scratch.images,
        );
        if self.deforms {
            for (vertex, plane_bar) in span.zip(&scratch.planes_bar) {
                let bars = facets.plane_vjp(scene, paths.facet[vertex], &plane_bar.normal, plane_bar.offset);
                ledger.vertices.extend(bars);
            }
        }
        from_bar
    }

    /// The adjoint of a scattering vertex: a point and its area, attached to a triangle (T93), and the facet's normal.
    fn anchor_vjp(&self, vertex: usize, normal_bar: Vec3, point_bar: &Vec3, log_reach_bar: f64, ledger: &mut Ledger) {
        if !self.deforms {
            return;
        }
        let (paths, Geometry { scene, facets, .. }) = (self.paths, self.geometry);
        let own_bar = self.bars.vertex.get(vertex).copied().unwrap_or_default();
        let (point, area) = (paths.vertex[vertex] - scene.origin, paths.area[vertex]);
        let triangle = scene.objects[paths.object[vertex] as usize].first_triangle + paths.primitive[vertex];
        let area_bar = -0.5 * log_reach_bar / area;
        let bars = attached_vjp(&scene.corners(triangle), &point, area, &(point_bar + own_bar), area_bar);
        ledger.vertices.extend(scene.triangles[triangle as usize].into_iter().zip(bars));
        ledger.vertices.extend(facets.plane_vjp(scene, paths.facet[vertex], &normal_bar, 0.0));
    }
}

/// The adjoint of where a path ends: the radio's position, and the offset of the element that it ends at.
fn end_vjp(which: usize, element: u32, bar: &Vec3, ends: &Ends, scratch: &mut Scratch, ledger: &mut Ledger) {
    scratch.ends[which].position += bar;
    if element != ALL_ELEMENTS {
        let rotation_bar = &mut scratch.ends[which].rotation;
        offset_vjp(ends.ends[which], (ends.antennas[which], element), bar, rotation_bar, ledger);
    }
}
