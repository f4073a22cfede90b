//! Which facets a point sees, or nearly: where soft paths may first or last be reflected (T110).
//!
//! In a small scene, all. Otherwise a facet is left out only where walls hide all of it, each part behind one of them: so deep
//! in its shadow that no visibility is left, wherever the vertex may lie. What is left out is no soft path's, ever.

use super::frusta::{add_sides, row};
use super::{View, over};
use crate::geometry::outline::Outline;
use crate::math::Vec3;
use crate::path::beam::{Frustum, signed_distance};
use rayon::prelude::*;

/// Scenes of so many facets or fewer: each is taken to be seen.
const FEW_FACETS: usize = 512;
/// Walls whose shadows are looked at, those that look largest.
const MOST_SHADOWS: usize = 128;
/// A facet is halved so many times until each part is behind one wall, or it counts as seen.
const MOST_HALVINGS: u32 = 2;
/// For rounding [m].
const HAIR_M: f64 = 1e-9;

/// Facets that a point at `from` [m] nearly sees, ascending.
pub fn seen_from(view: &View, from: &Vec3) -> Vec<u32> {
    let facets = &view.geometry.facets;
    let all = 0..facets.len() as u32;
    if facets.len() <= FEW_FACETS {
        return all.collect();
    }
    let shadows = Shadow::largest(view, from);
    let is_hidden = |facet: u32| {
        let patch = facets.patch[facet as usize];
        Region::of(view, from, facet).is_some_and(|region| region.is_hidden(&shadows, patch, MOST_HALVINGS))
    };
    all.into_par_iter().filter(|facet| !is_hidden(*facet)).collect()
}

/// Where legs from a point go through a wall by more than visibility lets through: a frustum.
struct Shadow {
    patch: u32,
    inside: Frustum,
}

impl Shadow {
    /// The shadows of the walls that look largest from a point.
    fn largest(view: &View, from: &Vec3) -> Vec<Shadow> {
        let outline = |patch: u32| view.outlines.of_patch(view.geometry, patch);
        let mut walls: Vec<(f64, u32)> = (0..view.geometry.facets.planes.len() as u32)
            .filter(|patch| !outline(*patch).edges.is_empty())
            .map(|patch| {
                let shape = outline(patch).shape;
                ((shape.middle - from).norm() / shape.radius, patch)
            })
            .collect();
        walls.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let deep = over(view.softness.kind.reach(), view.softness.blocking) + HAIR_M;
        let of_wall = |(_, patch): (f64, u32)| Some(Shadow { patch, inside: inside(from, &outline(patch), deep)? });
        walls.into_iter().filter_map(of_wall).take(MOST_SHADOWS).collect()
    }
}

/// The ends of legs that go through a convex wall with a signed distance of `deep` [m] (T109) or more, or `None`.
fn inside(from: &Vec3, wall: &Outline, deep: f64) -> Option<Frustum> {
    let height = signed_distance(from, wall.plane);
    if !wall.shape.is_convex || height.abs() <= deep {
        return None;
    }
    let n = Vec3::from(wall.plane.normal);
    let mut frustum = Frustum::default();
    // The far side, as deep behind the plane.
    let away = n * -1f64.copysign(height);
    frustum.rows.push(row(&away, wall.plane.offset * -1f64.copysign(height) + deep));
    let edges = wall.edges.iter().map(|edge| edge.ends);
    add_sides(&mut frustum, from, edges, &n, -deep).then_some(frustum)
}

/// A rectangle about a part of a facet, in coordinates along its plane and above it.
#[derive(Clone, Copy)]
struct Region {
    /// Axes along the plane, and its normal to the side of the point that looks.
    axes: [Vec3; 3],
    /// A point of the plane.
    origin: Vec3,
    /// The point that looks, from there.
    from: [f64; 3],
    /// Bounds along the two axes.
    bounds: [[f64; 2]; 2],
    /// How far beside the facet a leg may pass [m].
    reach: f64,
}

impl Region {
    /// `None` where the point that looks is so near the plane that vertices may lie anywhere.
    fn of(view: &View, from: &Vec3, facet: u32) -> Option<Region> {
        let outline = view.outlines.of_facet(view.geometry, facet);
        let origin = outline.edges.first()?.ends[0];
        let height = signed_distance(from, outline.plane);
        let reach = over(view.softness.kind.reach(), view.softness.on_facet) + HAIR_M;
        if height.abs() <= 1.01 * reach {
            return None;
        }
        let n = Vec3::from(outline.plane.normal) * 1f64.copysign(height);
        let u = (outline.edges[0].ends[1] - origin).normalize();
        let axes = [u, n.cross(&u), n];
        let bounds = [axes[0], axes[1]].map(|axis| {
            let along = outline.edges.iter().flat_map(|edge| edge.ends).map(|p| axis.dot(&(p - origin)));
            along.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
        });
        Some(Region { axes, origin, from: axes.map(|axis| axis.dot(&(from - origin))), bounds, reach })
    }

    /// Whether each part of it, halved as often as `halvings`, is in one of the shadows, that of its own `patch` aside.
    fn is_hidden(&self, shadows: &[Shadow], patch: u32, halvings: u32) -> bool {
        let corners = self.corners();
        let is_in = |shadow: &Shadow| shadow.patch != patch && corners.iter().all(|corner| shadow.inside.holds(corner));
        if shadows.iter().any(is_in) {
            return true;
        }
        let lengths = self.bounds.map(|[low, high]| high - low);
        let longer = usize::from(lengths[1] > lengths[0]);
        // Smaller parts than what is about them anyway are behind the same walls.
        if halvings == 0 || lengths[longer] < self.reach {
            return false;
        }
        let [low, high] = self.bounds[longer];
        let middle = (low + high) / 2.0;
        [[low, middle], [middle, high]].into_iter().all(|half| {
            let mut part = *self;
            part.bounds[longer] = half;
            part.is_hidden(shadows, patch, halvings - 1)
        })
    }

    /// Corners of what holds all vertices of chains that pass the test of this part (T110).
    ///
    /// The line through the point and the vertex, or its mirror image, passes no farther than `reach` from the facet. The
    /// vertex is where that line meets the plane; or, where both neighbours are on one side of it, as high above or below it
    /// as the continued vertex of a neighbour that is `reach` from the plane, at most.
    fn corners(&self) -> [Vec3; 12] {
        let height = self.from[2];
        let continued = 2.0 * height * self.reach / (height + self.reach);
        let mut corners = [Vec3::zeros(); 12];
        for (k, [level, mirrored]) in
            [[0.0, 0.0], [continued, continued], [continued, -continued]].into_iter().enumerate()
        {
            let spread = [self.reach, -self.reach].map(|above| (height - level) / (height - above));
            let along = [0, 1].map(|axis| {
                let [low, high] = self.bounds[axis];
                let seen = |x: f64| spread.map(|factor| self.from[axis] + (x - self.from[axis]) * factor);
                let [low, high] = [seen(low - self.reach), seen(high + self.reach)];
                [low[0].min(low[1]), high[0].max(high[1])]
            });
            for corner in 0..4 {
                let [x, y] = [along[0][corner % 2], along[1][corner / 2]];
                corners[4 * k + corner] = self.origin + self.axes[0] * x + self.axes[1] * y + self.axes[2] * mirrored;
            }
        }
        corners
    }
}
