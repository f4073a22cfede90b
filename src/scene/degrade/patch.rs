//! Patches: the flat pieces of each object, so that a wall has one grid however it is triangulated; and faces: each
//! patch in a few convex polygons.
//!
//! Nothing depends on how well this is done: two patches in place of one have two grids, but no crack between them.

use super::topology::{NONE, Topology, after, before};
use crate::math::Vec3;
use rayon::prelude::*;

/// Corners of a patch are this close to the plane of its largest triangle [m], or within four roundings to f32.
const DISTANCE_M: f64 = 1e-4;
/// Normals of a patch are this close to that of its largest triangle [rad], besides what `DISTANCE_M` does to a
/// triangle of small height.
const MAX_TURN: f64 = 2e-3;
/// And never further than this, however small a triangle is: cosine [-].
const MIN_COSINE: f64 = 0.99;
/// An edge of more sides is the axis of a fan: patches do not grow over it, since each blade would ask all others.
const MAX_SIDES: usize = 8;
/// Corners of a face may turn outwards by this much and be taken for straight: sine [-].
const STRAIGHT: f64 = 1e-9;

/// The patches of all objects.
pub(super) struct Patches {
    /// Patch of each triangle `[triangle]`, or [`NONE`] of one without area.
    pub(super) of_triangle: Vec<u32>,
    /// Unit normal `[patch]`.
    pub(super) normals: Vec<Vec3>,
}

impl Patches {
    /// Grows patches from the largest triangles over shared edges, within each object.
    pub(super) fn grow(topology: &Topology) -> Patches {
        let area = |t: &u32| {
            let [a, b, c] = topology.corners(*t);
            (b - a).cross(&(c - a)).norm()
        };
        let whole = (0..topology.triangles()).into_par_iter().filter(|t| topology.has_area(*t));
        let mut seeds: Vec<(f64, u32)> = whole.map(|t| (area(&t), t)).collect();
        seeds.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let extent = topology.positions.iter().map(Vec3::amax).fold(0.0, f64::max);
        let distance = DISTANCE_M.max(2.0 * f64::from(f32::EPSILON) * extent);
        let mut patches =
            Patches { of_triangle: vec![NONE; topology.triangles() as usize], normals: Vec::with_capacity(16) };
        let mut stack = Vec::new();
        for (_, seed) in seeds {
            if patches.of_triangle[seed as usize] == NONE {
                stack.push(seed);
                patches.flood(topology, distance, &mut stack);
            }
        }
        patches
    }

    /// Makes the triangle on the stack and all that hang together with it in its plane a patch.
    fn flood(&mut self, topology: &Topology, distance: f64, stack: &mut Vec<u32>) {
        let patch = self.normals.len() as u32;
        let seed = stack[0];
        let [point, b, c] = topology.corners(seed);
        let normal = (b - point).cross(&(c - point)).normalize();
        let object = topology.object_of(seed);
        let own = topology.first_triangle[object]..topology.first_triangle[object + 1];
        self.normals.push(normal);
        self.of_triangle[seed as usize] = patch;
        while let Some(triangle) = stack.pop() {
            for side in 3 * triangle..3 * triangle + 3 {
                let sides = topology.sides_of(topology.edge[side as usize]);
                for other in sides.iter().filter(|_| sides.len() <= MAX_SIDES).map(|side| side / 3) {
                    let free = own.contains(&other) && self.of_triangle[other as usize] == NONE;
                    if free && is_in_plane(&topology.corners(other), &point, &normal, distance) {
                        self.of_triangle[other as usize] = patch;
                        stack.push(other);
                    }
                }
            }
        }
    }
}

fn is_in_plane(corners: &[Vec3; 3], point: &Vec3, normal: &Vec3, distance: f64) -> bool {
    if corners.iter().any(|c| normal.dot(&(c - point)).abs() > distance) {
        return false;
    }
    let [a, b, c] = corners;
    let cross = (b - a).cross(&(c - a));
    let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
    let (height, unit) = (cross.norm() / longest, cross.normalize());
    unit.dot(normal).abs() >= MIN_COSINE && unit.cross(normal).norm() <= MAX_TURN.max(DISTANCE_M / height)
}

/// Convex polygons, each of one patch. Those of an object follow one another.
pub(super) struct Faces {
    /// First side `[face + 1]` in `sides`.
    offsets: Vec<u32>,
    /// The sides of each face in order, each the side of a triangle.
    sides: Vec<u32>,
    /// Patch `[face]`.
    pub(super) patch: Vec<u32>,
    /// First face `[object + 1]`.
    pub(super) of_object: Vec<u32>,
    /// Whether a side bounds a face `[side]`; the others lie inside of one.
    pub(super) bounds: Vec<bool>,
}

impl Faces {
    /// Takes edges out as long as the faces stay convex, the longest first (Hertel and Mehlhorn 1983).
    pub(super) fn merge(topology: &Topology, patches: &Patches) -> Faces {
        let mut inner: Vec<(f64, u32)> = (0..topology.ends.len() as u32)
            .filter(|edge| match topology.sides_of(*edge) {
                [a, b] => patches.of_triangle[*a as usize / 3] == patches.of_triangle[*b as usize / 3],
                _ => false,
            })
            .map(|edge| {
                let [a, b] = topology.ends_of(edge);
                ((b - a).norm(), edge)
            })
            .collect();
        inner.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut outlines = Outlines::new(topology);
        for (_, edge) in inner {
            if let [a, b] = topology.sides_of(edge) {
                let normal = &patches.normals[patches.of_triangle[*a as usize / 3] as usize];
                outlines.take_out(*a, *b, normal);
            }
        }
        outlines.collect(patches)
    }

    /// The sides of a face in order.
    pub(super) fn sides_of(&self, face: u32) -> &[u32] {
        let face = face as usize;
        &self.sides[self.offsets[face] as usize..self.offsets[face + 1] as usize]
    }
}

/// The outlines of faces while they are merged, as linked lists of sides.
struct Outlines<'a> {
    topology: &'a Topology,
    next: Vec<u32>,
    previous: Vec<u32>,
    /// A triangle of the same face, the face's own in the end `[triangle]`.
    parent: Vec<u32>,
    bounds: Vec<bool>,
}

impl<'a> Outlines<'a> {
    fn new(topology: &'a Topology) -> Self {
        let sides = topology.corner.len() as u32;
        Outlines {
            topology,
            next: (0..sides).map(after).collect(),
            previous: (0..sides).map(before).collect(),
            parent: (0..topology.triangles()).collect(),
            bounds: topology.edge.iter().map(|edge| *edge != NONE).collect(),
        }
    }

    fn root(&mut self, mut triangle: u32) -> u32 {
        while self.parent[triangle as usize] != triangle {
            let above = self.parent[self.parent[triangle as usize] as usize];
            self.parent[triangle as usize] = above;
            triangle = above;
        }
        triangle
    }

    /// Joins the faces on both sides of an edge if they wind alike and the union is convex.
    fn take_out(&mut self, a: u32, b: u32, normal: &Vec3) {
        let (face_a, face_b) = (self.root(a / 3), self.root(b / 3));
        let winding = [a, b].map(|side| {
            let [p, q, r] = self.topology.corners(side / 3);
            (q - p).cross(&(r - p)).dot(normal).signum()
        });
        let opposite = self.topology.corner[a as usize] != self.topology.corner[b as usize];
        if face_a == face_b || winding[0] != winding[1] || !opposite {
            return;
        }
        let [before_a, before_b] = [a, b].map(|side| self.previous[side as usize]);
        let [after_a, after_b] = [a, b].map(|side| self.next[side as usize]);
        let normal = normal * winding[0];
        if self.is_convex(before_a, after_b, &normal) && self.is_convex(before_b, after_a, &normal) {
            for (from, to) in [(before_a, after_b), (before_b, after_a)] {
                self.next[from as usize] = to;
                self.previous[to as usize] = from;
            }
            self.bounds[a as usize] = false;
            self.bounds[b as usize] = false;
            self.parent[face_a.max(face_b) as usize] = face_a.min(face_b);
        }
    }

    /// Whether the outline that goes on from one side to the other turns to the left or goes straight on.
    fn is_convex(&self, from: u32, to: u32, normal: &Vec3) -> bool {
        let direction = |side: u32| self.topology.start(after(side)) - self.topology.start(side);
        let (first, second) = (direction(from), direction(to));
        let sine = first.cross(&second).dot(normal) / (first.norm() * second.norm());
        // A side that goes back the way that the outline came has no sine either.
        sine > STRAIGHT || (sine >= -STRAIGHT && first.dot(&second) > 0.0)
    }

    fn collect(self, patches: &Patches) -> Faces {
        let mut faces = Faces {
            offsets: vec![0],
            sides: Vec::with_capacity(self.bounds.iter().filter(|bounds| **bounds).count()),
            patch: Vec::new(),
            of_object: vec![0],
            bounds: Vec::new(),
        };
        let mut seen = vec![false; self.next.len()];
        for range in self.topology.first_triangle.windows(2) {
            for first in 3 * range[0]..3 * range[1] {
                if !self.bounds[first as usize] || seen[first as usize] {
                    continue;
                }
                let mut side = first;
                while !seen[side as usize] {
                    seen[side as usize] = true;
                    faces.sides.push(side);
                    side = self.next[side as usize];
                }
                faces.offsets.push(faces.sides.len() as u32);
                faces.patch.push(patches.of_triangle[first as usize / 3]);
            }
            faces.of_object.push(faces.patch.len() as u32);
        }
        faces.bounds = self.bounds;
        faces
    }
}
