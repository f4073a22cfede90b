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

    /// How far the steps reach [-]: 0 without smoothing.
    pub fn reach(&self) -> f64 {
        if self.is_hard() { 0.0 } else { self.kind.reach() }
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
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VisibilityBar {
    /// Of the transmitter's position.
    pub from: Vec3,
    /// Of the receiver's position.
    pub to: Vec3,
    /// Of vertices of the scene, each with its number.
    pub vertices: Vec<(u32, Vec3)>,
}

/// Bars of what a visibility is made of, before those of planes and outlines go on to vertices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChainBar {
    /// Of the transmitter's position.
    pub from: Vec3,
    /// Of the receiver's position.
    pub to: Vec3,
    /// Of the planes `[facet]`.
    pub planes: Vec<PlaneBar>,
    /// Of the outline that the test which is least passed is of.
    pub outline: ClearanceBar,
}

/// A point, and the facets that it nearly sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewpoint {
    /// The point [m].
    pub position: Vec3,
    /// The facets ([`seen`]), ascending; none where nobody asks.
    pub facets: Vec<u32>,
}

/// A soft path, and the bar of its visibility.
#[derive(Debug, Clone)]
pub struct Pulled<'a> {
    /// The transmitter and the receiver [m].
    pub ends: [Vec3; 2],
    /// Facets.
    pub chain: &'a [u32],
    /// Continued vertices `[facet]` [m].
    pub vertices: Vec<Vec3>,
    /// How nearly it is a path.
    pub visibility: Visibility,
    /// The bar.
    pub value_bar: f64,
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
        let reach = softness.reach();
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
            // What passes better than the worst known need not be looked at; what is blocked by more than the reach is no path, with
            // a hair for rounding.
            let range = [-over(least, softness.blocking), over(reach, softness.blocking) * (1.0 + 1e-9)];
            if let Some(obstacle) = worst_obstacle(self.geometry, self.outlines, &segment, skip, range) {
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

    /// The adjoint of [`View::visibility`], with the `vertices` that it made.
    pub fn visibility_vjp(
        &self,
        candidate: &Candidate,
        vertices: &[Vec3],
        visibility: &Visibility,
        value_bar: f64,
    ) -> VisibilityBar {
        let bar = self.chain_vjp(candidate, vertices, visibility, value_bar);
        self.onto_vertices(candidate.chain, &visibility.test, &bar)
    }

    /// The first step of the adjoint: the bars of ends, planes and outline.
    pub fn chain_vjp(
        &self,
        candidate: &Candidate,
        vertices: &[Vec3],
        visibility: &Visibility,
        value_bar: f64,
    ) -> ChainBar {
        let Candidate { chain, images, receiver } = candidate;
        let mut bars = Bars {
            images: vec![Vec3::zeros(); images.len()],
            vertices: vec![Vec3::zeros(); chain.len()],
            planes: vec![PlaneBar::default(); chain.len()],
        };
        let (step, slope) = self.step(&visibility.test);
        let kept = self.kept(images[chain.len()], receiver, chain);
        let (mut of_receiver, mut outline) = (Vec3::zeros(), ClearanceBar::default());
        self.kept_vjp(candidate, value_bar * step, &mut bars, &mut of_receiver);
        let x_bar = value_bar * kept * slope;
        match visibility.test {
            Test::Passed => {}
            Test::Leg { leg, obstacle: Obstacle { patch, clearance } } => {
                let (leg, segment) = (leg as usize, candidate.leg(leg as usize, vertices));
                let own = self.outlines.of_patch(self.geometry, patch);
                clearance_vjp(&segment, &own, &clearance, -x_bar, &mut outline);
                let ends = [leg.checked_sub(1), (leg < chain.len()).then_some(leg)];
                for (end_bar, (vertex, is_last)) in outline.segment.iter().zip(ends.into_iter().zip([false, true])) {
                    match vertex {
                        Some(vertex) => bars.vertices[vertex] += end_bar,
                        None if is_last => of_receiver += end_bar,
                        None => bars.images[0] += end_bar,
                    }
                }
            }
            Test::Vertex { vertex, clearance } => {
                let (vertex, segment) = (vertex as usize, candidate.unfolded(vertex as usize, vertices));
                let own = self.outlines.of_facet(self.geometry, chain[vertex]);
                clearance_vjp(&segment, &own, &clearance, x_bar, &mut outline);
                bars.images[vertex + 1] += outline.segment[0];
                match bars.vertices.get_mut(vertex + 1) {
                    Some(next) => *next += outline.segment[1],
                    None => of_receiver += outline.segment[1],
                }
            }
        }
        // From vertices, images and planes to the ends (T44, T45, T91).
        let planes: Vec<Plane> = chain.iter().map(|facet| *self.plane(*facet)).collect();
        let given = [vertices, &bars.vertices[..], &bars.images[..]];
        let (mut from, mut to) = (Vec3::zeros(), of_receiver);
        let ends_bar = [&mut from, &mut to];
        let ends = [&images[0], *receiver];
        refine_vjp(ends, &planes, &RefinedBar::default(), given, ends_bar, &mut bars.planes, &mut Vec::new());
        ChainBar { from, to, planes: bars.planes, outline }
    }

    /// The second step: takes the bars of planes and outline to the vertices of the scene.
    pub fn onto_vertices(&self, chain: &[u32], test: &Test, of_chain: &ChainBar) -> VisibilityBar {
        let mut bar = VisibilityBar { from: of_chain.from, to: of_chain.to, vertices: Vec::new() };
        match test {
            Test::Passed => {}
            Test::Leg { obstacle: Obstacle { patch, clearance }, .. } => {
                let outline = self.outlines.of_patch(self.geometry, *patch);
                let facet = self.geometry.facets.of_patch(*patch)[0];
                self.outline_vjp(&outline, &clearance.feature, &of_chain.outline, facet, &mut bar);
            }
            Test::Vertex { vertex, clearance } => {
                let facet = chain[*vertex as usize];
                let outline = self.outlines.of_facet(self.geometry, facet);
                self.outline_vjp(&outline, &clearance.feature, &of_chain.outline, facet, &mut bar);
            }
        }
        for (facet, plane_bar) in chain.iter().zip(&of_chain.planes) {
            let Geometry { scene, facets, .. } = self.geometry;
            bar.vertices.extend(facets.plane_vjp(scene, *facet, &plane_bar.normal, plane_bar.offset));
        }
        bar
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
