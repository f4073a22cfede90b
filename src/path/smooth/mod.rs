//! Smoothed visibility: how nearly a chain of facets is a path (T110), and its adjoint.
//!
//! A chain is a path if every vertex lies on its facet and nothing stands in the way of any leg. Each of these tests asks for the
//! sign of a distance (T109), which [`SmoothStep`] takes to a number in [0, 1]; the least of them is the path's visibility,
//! and scales its field. Where a chain is no path its vertices are continued so that all distances stay continuous. Chains
//! and facets are looked at one by one: nothing here depends on what else there is.

pub mod chains;
mod frusta;
pub mod seen;
mod sources;

use super::beam::{mirror, signed_distance};
use super::refine::{PlaneBar, RefinedBar, refine_vjp, soft_meeting};
use crate::geometry::Geometry;
use crate::geometry::clearance::{Clearance, ClearanceBar, Feature, clearance, clearance_vjp};
use crate::geometry::obstacle::{Obstacle, worst_obstacle};
use crate::geometry::outline::{Outline, Outlines};
use crate::layout::{IN_PLANE_M, NONE, Plane};
use crate::math::Vec3;
use crate::math::smoothing::{SmoothStep, StepKind};

/// How soft the tests are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softness {
    /// Shape of the steps.
    pub kind: StepKind,
    /// Sharpness of "nothing stands in the way" [1/m].
    pub blocking: f64,
    /// Sharpness of "the vertex lies on its facet" [1/m].
    pub on_facet: f64,
}

impl Softness {
    /// One sharpness [1/m] for all tests.
    pub fn of(kind: StepKind, alpha: f64) -> Softness {
        Softness { kind, blocking: alpha, on_facet: alpha }
    }

    /// Whether tests are what they are without smoothing.
    pub fn is_hard(&self) -> bool {
        self.blocking == f64::INFINITY && self.on_facet == f64::INFINITY
    }
}

/// What chains are judged in.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The scene.
    pub geometry: &'a Geometry<'a>,
    /// Its outlines.
    pub outlines: &'a Outlines,
    /// How soft the tests are.
    pub softness: Softness,
}

/// How nearly a chain is a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visibility {
    /// V [-], above 0 and at most 1.
    pub value: f64,
    /// The test that is least passed.
    pub test: Test,
}

/// A test of a chain, and how it went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Test {
    /// All are passed by more than smoothing reaches.
    Passed,
    /// Something stands in the way of a leg, or nearly.
    Leg {
        /// The leg, 0 from the transmitter on.
        leg: u32,
        /// What it is.
        obstacle: Obstacle,
    },
    /// A vertex lies off its facet, or near its outline.
    Vertex {
        /// The vertex.
        vertex: u32,
        /// Distance of the leg unfolded at the facet; positive: the vertex is on it.
        clearance: Clearance,
    },
}

/// A chain of facets between two points.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Facets, the transmitter's side first.
    pub chain: &'a [u32],
    /// The transmitter and its images in one facet after another `[facet + 1]` [m].
    pub images: &'a [Vec3],
    /// The receiver [m].
    pub receiver: &'a Vec3,
}

/// Bars of what a visibility depends on.
#[derive(Debug, Clone, Default)]
pub struct VisibilityBar {
    /// Of the transmitter's position.
    pub from: Vec3,
    /// Of the receiver's position.
    pub to: Vec3,
    /// Of vertices of the scene, each with its number.
    pub vertices: Vec<(u32, Vec3)>,
}

impl Candidate<'_> {
    /// What the leg unfolded at `vertex` runs between: the image in its facet, and the next vertex or the receiver.
    fn unfolded(&self, vertex: usize, vertices: &[Vec3]) -> [Vec3; 2] {
        [self.images[vertex + 1], *vertices.get(vertex + 1).unwrap_or(self.receiver)]
    }

    /// The ends of a leg.
    fn leg(&self, leg: usize, vertices: &[Vec3]) -> [Vec3; 2] {
        let from = if leg == 0 { self.images[0] } else { vertices[leg - 1] };
        [from, *vertices.get(leg).unwrap_or(self.receiver)]
    }

    /// Length of the chain unfolded [m] (T44).
    pub fn length(&self) -> f64 {
        (self.receiver - self.images[self.chain.len()]).norm()
    }
}

impl View<'_> {
    fn plane(&self, facet: u32) -> &Plane {
        self.geometry.facets.plane(facet)
    }

    /// The images of a transmitter at `from` in a chain of facets.
    pub fn images(&self, from: &Vec3, chain: &[u32], images: &mut Vec<Vec3>) {
        images.clear();
        images.push(*from);
        for (i, facet) in chain.iter().enumerate() {
            images.push(mirror(&images[i], self.plane(*facet)));
        }
    }

    /// The visibility of a chain (T110), and its continued vertices into `vertices` [m]; `None` where it is 0.
    pub fn visibility(&self, candidate: &Candidate, vertices: &mut Vec<Vec3>) -> Option<Visibility> {
        let Candidate { chain, images, receiver } = candidate;
        let softness = &self.softness;
        // Arguments of the step, which reaches so far both ways; the smallest is what the path's visibility is of.
        let reach = if softness.is_hard() { 0.0 } else { softness.kind.reach() };
        let (mut least, mut test) = (reach, Test::Passed);
        vertices.clear();
        vertices.resize(chain.len(), Vec3::zeros());
        if candidate.length() <= IN_PLANE_M {
            return None;
        }
        for vertex in (0..chain.len()).rev() {
            let segment = candidate.unfolded(vertex, vertices);
            vertices[vertex] = soft_meeting(&segment[0], &segment[1], self.plane(chain[vertex]));
            let outline = self.outlines.of_facet(self.geometry, chain[vertex]);
            let own = clearance_of(&segment, &outline, -over(reach, softness.on_facet))?;
            if own.signed > 0.0 && !self.owns(chain[vertex], &vertices[vertex]) {
                return None;
            }
            let x = times(softness.on_facet, own.signed);
            if x < least {
                (least, test) = (x, Test::Vertex { vertex: vertex as u32, clearance: own });
            }
        }
        for leg in 0..=chain.len() {
            let segment = candidate.leg(leg, vertices);
            let patch = |vertex: Option<&u32>| vertex.map_or(NONE, |facet| self.geometry.facets.patch[*facet as usize]);
            let skip = [patch(leg.checked_sub(1).and_then(|before| chain.get(before))), patch(chain.get(leg))];
            // What passes better than the worst known need not be looked at.
            let floor = -over(least, softness.blocking);
            if let Some(obstacle) = worst_obstacle(self.geometry, self.outlines, &segment, skip, floor) {
                let x = -times(softness.blocking, obstacle.clearance.signed);
                if x < least {
                    (least, test) = (x, Test::Leg { leg: leg as u32, obstacle });
                }
            }
            // Of the step itself, whose reach is 0, a test is passed that finds nothing.
            if least <= -reach && least < 0.0 {
                return None;
            }
        }
        let (step, _) = self.step(&test);
        let value = step * self.kept(images[chain.len()], receiver, chain);
        (value > 0.0).then_some(Visibility { value, test })
    }

    /// The adjoint of [`View::visibility`], with the `vertices` that it made: adds to the bars.
    pub fn visibility_vjp(
        &self,
        candidate: &Candidate,
        vertices: &[Vec3],
        visibility: &Visibility,
        value_bar: f64,
        bar: &mut VisibilityBar,
    ) {
        let Candidate { chain, images, receiver } = candidate;
        let mut bars = Bars {
            images: vec![Vec3::zeros(); images.len()],
            vertices: vec![Vec3::zeros(); chain.len()],
            planes: vec![PlaneBar::default(); chain.len()],
        };
        let (step, slope) = self.step(&visibility.test);
        let kept = self.kept(images[chain.len()], receiver, chain);
        let mut of_receiver = Vec3::zeros();
        self.kept_vjp(candidate, value_bar * step, &mut bars, &mut of_receiver);
        let x_bar = value_bar * kept * slope;
        match visibility.test {
            Test::Passed => {}
            Test::Leg { leg, obstacle: Obstacle { patch, clearance } } => {
                let (leg, segment) = (leg as usize, candidate.leg(leg as usize, vertices));
                let outline = self.outlines.of_patch(self.geometry, patch);
                let mut own = ClearanceBar::default();
                clearance_vjp(&segment, &outline, &clearance, -x_bar, &mut own);
                let ends = [leg.checked_sub(1), (leg < chain.len()).then_some(leg)];
                for (end_bar, (vertex, is_last)) in own.segment.iter().zip(ends.into_iter().zip([false, true])) {
                    match vertex {
                        Some(vertex) => bars.vertices[vertex] += end_bar,
                        None if is_last => of_receiver += end_bar,
                        None => bars.images[0] += end_bar,
                    }
                }
                let facet = self.geometry.facets.of_patch(patch)[0];
                self.outline_vjp(&outline, &clearance.feature, &own, facet, bar);
            }
            Test::Vertex { vertex, clearance } => {
                let (vertex, segment) = (vertex as usize, candidate.unfolded(vertex as usize, vertices));
                let outline = self.outlines.of_facet(self.geometry, chain[vertex]);
                let mut own = ClearanceBar::default();
                clearance_vjp(&segment, &outline, &clearance, x_bar, &mut own);
                bars.images[vertex + 1] += own.segment[0];
                match bars.vertices.get_mut(vertex + 1) {
                    Some(next) => *next += own.segment[1],
                    None => of_receiver += own.segment[1],
                }
                self.outline_vjp(&outline, &clearance.feature, &own, chain[vertex], bar);
            }
        }
        self.back_to_ends(candidate, vertices, bars, of_receiver, bar);
    }

    /// Takes bars of vertices, images and planes to those of the ends and of the scene's vertices (T44, T45, T91).
    fn back_to_ends(
        &self,
        candidate: &Candidate,
        vertices: &[Vec3],
        mut bars: Bars,
        of_receiver: Vec3,
        bar: &mut VisibilityBar,
    ) {
        let Candidate { chain, images, receiver } = candidate;
        bar.to += of_receiver;
        let planes: Vec<Plane> = chain.iter().map(|facet| *self.plane(*facet)).collect();
        let ends = [&images[0], receiver];
        let given = [vertices, &bars.vertices[..], &bars.images[..]];
        let ends_bar = [&mut bar.from, &mut bar.to];
        refine_vjp(ends, &planes, &RefinedBar::default(), given, ends_bar, &mut bars.planes, &mut Vec::new());
        for (facet, plane_bar) in chain.iter().zip(&bars.planes) {
            let moved =
                self.geometry.facets.plane_vjp(self.geometry.scene, *facet, &plane_bar.normal, plane_bar.offset);
            bar.vertices.extend(moved);
        }
    }

    /// Takes the bars of an outline to the vertices of its edge, and to those that make the plane of its `facet`.
    fn outline_vjp(
        &self,
        outline: &Outline,
        feature: &Feature,
        own: &ClearanceBar,
        facet: u32,
        bar: &mut VisibilityBar,
    ) {
        let scene = self.geometry.scene;
        let n = Vec3::from(outline.plane.normal);
        let (mut normal_bar, mut offset_bar) = (own.normal, own.offset);
        if let Feature::Edge { edge, .. } = feature {
            let edge = &outline.edges[*edge as usize];
            // The ends are points between two vertices, put into the plane: p - n (n.p - d).
            for (end_bar, t) in own.edge.iter().zip(edge.span) {
                let [a, b] = edge.vertices.map(|vertex| scene.vertices[vertex as usize]);
                let p = a + (b - a) * t;
                let height_bar = -n.dot(end_bar);
                normal_bar += p * height_bar - end_bar * (n.dot(&p) - outline.plane.offset);
                offset_bar -= height_bar;
                let p_bar = end_bar + n * height_bar;
                bar.vertices.push((edge.vertices[0], p_bar * (1.0 - t)));
                bar.vertices.push((edge.vertices[1], p_bar * t));
            }
        }
        bar.vertices.extend(self.geometry.facets.plane_vjp(scene, facet, &normal_bar, offset_bar));
    }

    /// `s(x)` of the test and its derivative by the test's signed distance [1/m]; of a leg, by how far it is from blocked.
    fn step(&self, test: &Test) -> (f64, f64) {
        let Softness { kind, blocking, on_facet } = self.softness;
        match test {
            Test::Passed => (1.0, 0.0),
            Test::Leg { obstacle, .. } => SmoothStep { kind, alpha: blocking }.of(-obstacle.clearance.signed),
            Test::Vertex { clearance, .. } => SmoothStep { kind, alpha: on_facet }.of(clearance.signed),
        }
    }

    /// What is kept of the field where an image and the receiver are on the same side of the last facet, and may meet:
    /// `min(1, L/(|s| + |s'|))`, so that the spreading 1/L never beats that of a path (T110). 1 for every path.
    fn kept(&self, image: Vec3, receiver: &Vec3, chain: &[u32]) -> f64 {
        let Some(last) = chain.last() else { return 1.0 };
        let heights = [&image, receiver].map(|p| signed_distance(p, self.plane(*last)));
        if (heights[0] > 0.0) != (heights[1] > 0.0) {
            return 1.0;
        }
        let apart = heights[0].abs() + heights[1].abs();
        let length = (receiver - image).norm();
        if length < apart { length / apart } else { 1.0 }
    }

    fn kept_vjp(&self, candidate: &Candidate, kept_bar: f64, bars: &mut Bars, receiver_bar: &mut Vec3) {
        let Candidate { chain, images, receiver } = candidate;
        let Some(last) = chain.last() else { return };
        let (plane, image) = (self.plane(*last), images[chain.len()]);
        let kept = self.kept(image, receiver, chain);
        if kept == 1.0 {
            return;
        }
        let heights = [&image, receiver].map(|p| signed_distance(p, plane));
        let apart = heights[0].abs() + heights[1].abs();
        let n = Vec3::from(plane.normal);
        let along = (*receiver - image).normalize() * (kept_bar / apart);
        let heights_bar = heights.map(|height| -kept_bar * kept / apart * 1f64.copysign(height));
        bars.images[chain.len()] += n * heights_bar[0] - along;
        *receiver_bar += n * heights_bar[1] + along;
        let plane_bar = &mut bars.planes[chain.len() - 1];
        plane_bar.normal += image * heights_bar[0] + *receiver * heights_bar[1];
        plane_bar.offset -= heights_bar[0] + heights_bar[1];
    }

    /// Whether no other facet of the patch owns a point of `facet` (T41).
    fn owns(&self, facet: u32, p: &Vec3) -> bool {
        let Geometry { scene, bvh, facets } = self.geometry;
        facets.of_patch(facets.patch[facet as usize]).len() == 1 || facets.owner_at(scene, bvh, facet, p) == facet
    }
}

/// Bars on the way.
struct Bars {
    images: Vec<Vec3>,
    vertices: Vec<Vec3>,
    planes: Vec<PlaneBar>,
}

/// The clearance, or `None` if it is below `floor` or the outline is of nothing.
fn clearance_of(segment: &[Vec3; 2], outline: &Outline, floor: f64) -> Option<Clearance> {
    if outline.edges.is_empty() { None } else { clearance(segment, outline, floor) }
}

/// x/alpha, where 0/infinity and 0/0 are 0: how far away [m] a step's argument is.
fn over(x: f64, alpha: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x / alpha }
}

/// alpha x, which keeps the sign of x: what a step takes.
fn times(alpha: f64, x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { alpha * x }
}
