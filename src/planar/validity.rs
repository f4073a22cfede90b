//! How valid a path is, from 0 to 1, with its gradient: by the peer's definition (T112), or by distances (T109, T113).
//!
//! With [`SmoothStep::HARD`] both say 0 or 1, and have no gradient.

use super::path::{PlanarPath, pulled};
use super::segment::{crossing, guarded, overlap, shadow};
use super::{Graded, PlanarScene, Vec2};
use crate::math::smoothing::SmoothStep;
use nalgebra::Matrix2;

/// What is smoothed, and how it is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Definition {
    /// Signed distances of legs from walls [m] (T109): the product of all factors.
    #[default]
    Metric,
    /// The same for direct paths, by how far the first end is inside a wall's shadow (T113).
    Shadow,
    /// DiffeRT2d's: positions along segments, `and` the least, `or` the largest (T112).
    Paper,
}

impl Definition {
    /// All of them.
    pub const ALL: [Definition; 3] = [Definition::Metric, Definition::Shadow, Definition::Paper];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            Definition::Metric => "metric",
            Definition::Shadow => "shadow",
            Definition::Paper => "paper",
        }
    }

    /// The definition of a name.
    pub fn of_name(name: &str) -> Option<Definition> {
        Definition::ALL.into_iter().find(|definition| definition.name() == name)
    }
}

/// The peer's bound of the law's squared error [-].
const TOLERANCE: f64 = 1e-2;

/// Validity [-] of a path, with its gradient [1/m] by the path's ends.
pub fn validity(scene: &PlanarScene, definition: Definition, step: &SmoothStep, path: &PlanarPath) -> Graded {
    match definition {
        Definition::Paper => of_paper(scene, step, path),
        Definition::Metric | Definition::Shadow => {
            let mut product = Graded::constant(1.0);
            margins(scene, definition, path, |margin| product = product.times(margin.mapped(step.of(margin.value))));
            product
        }
    }
}

/// Visits every distance [m] that must be above 0 for a path to be one: from walls in the way of its legs, and onto the walls
/// that it is reflected by.
pub fn margins(scene: &PlanarScene, definition: Definition, path: &PlanarPath, mut visit: impl FnMut(Graded)) {
    legs_and_walls(scene, path, |nodes, wall| {
        let ends = nodes.map(|node| &node.at);
        let guard = scene.guard;
        let inside = if definition == Definition::Shadow {
            guarded(|ends, wall| shadow(ends, wall, guard), ends, wall, guard)
        } else {
            guarded(overlap, ends, wall, guard)
        };
        visit(pulled(inside.mapped((-inside.value, -1.0)), nodes));
    });
    for (k, wall) in path.candidate.iter().enumerate() {
        let nodes = [&path.images[k], path.nodes.at(k + 2)];
        visit(pulled(overlap(nodes.map(|node| &node.at), &scene.walls()[*wall]), nodes));
    }
}

/// Visits each leg with each wall that it does not touch by an interaction.
fn legs_and_walls<'p>(
    scene: &PlanarScene,
    path: &'p PlanarPath,
    mut visit: impl FnMut([&'p super::path::Node; 2], &super::Wall),
) {
    for leg in 0..path.nodes.legs() {
        let nodes = [path.nodes.at(leg), path.nodes.at(leg + 1)];
        let touched = [leg.checked_sub(1).map(|k| path.candidate[k]), path.candidate.get(leg).copied()];
        for (i, wall) in scene.walls().iter().enumerate() {
            if !touched.contains(&Some(i)) {
                visit(nodes, wall);
            }
        }
    }
}

/// T112: the least of being on the walls, of not being blocked, and of obeying the law.
fn of_paper(scene: &PlanarScene, step: &SmoothStep, path: &PlanarPath) -> Graded {
    let mut blocked = Graded::constant(0.0);
    legs_and_walls(scene, path, |nodes, wall| {
        let own = crossing(nodes.map(|node| &node.at), wall, step);
        if own.value > blocked.value {
            blocked = pulled(own, nodes);
        }
    });
    let mut least = blocked.mapped((1.0 - blocked.value, -1.0));
    let mut loss = Graded::constant(0.0);
    for (k, i) in path.candidate.iter().enumerate() {
        let (wall, vertex) = (&scene.walls()[*i], path.nodes.at(k + 1));
        let along = wall.along();
        let square = along.norm_squared();
        let u = along.dot(&(vertex.at - wall.ends[0])) / square;
        let u = Graded { value: u, by: [0, 1].map(|end| vertex.by[end].tr_mul(&(along / square))) };
        let (after, before) = (step.of(u.value), step.of(1.0 - u.value));
        least = least.min(u.mapped(after)).min(u.mapped((before.0, -before.1)));
        loss = loss.plus(broken_law(path, k, &along));
    }
    let lawful = step.of(TOLERANCE - loss.value);
    least.min(loss.mapped((lawful.0, -lawful.1)))
}

/// |r - (i - 2 (i.n) n)|^2 at vertex `k`, of directions i and r of arrival and departure. Where two nodes coincide there is
/// no direction; it counts as none, as the peer has it.
fn broken_law(path: &PlanarPath, k: usize, along: &Vec2) -> Graded {
    let nodes = [k, k + 1, k + 2].map(|i| path.nodes.at(i));
    let legs = [nodes[1].at - nodes[0].at, nodes[2].at - nodes[1].at];
    let lengths = legs.map(|leg| leg.norm());
    let [arrival, departure] = [0, 1].map(|i| if lengths[i] > 0.0 { legs[i] / lengths[i] } else { Vec2::zeros() });
    let direction = along.normalize();
    let mirror = direction * direction.transpose() * 2.0 - Matrix2::identity();
    let error = departure - mirror * arrival;
    // Bars of both legs: a unit vector turns by what is across it.
    let across = |unit: &Vec2, length: f64, bar: Vec2| {
        if length > 0.0 { (bar - unit * unit.dot(&bar)) / length } else { Vec2::zeros() }
    };
    let arrival_bar = across(&arrival, lengths[0], mirror * error * -2.0);
    let departure_bar = across(&departure, lengths[1], error * 2.0);
    let bars = [-arrival_bar, arrival_bar - departure_bar, departure_bar];
    let by = [0, 1].map(|end| (0..3).map(|i| nodes[i].by[end].tr_mul(&bars[i])).sum());
    Graded { value: error.norm_squared(), by }
}
