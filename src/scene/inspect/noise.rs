//! How noisy the normals of a mesh are: how much those of neighbouring facets differ beyond what a smooth surface does.
//!
//! A facet is what hangs together in one plane, however it is triangulated. Around each facet the normals of its
//! neighbours are fitted by a linear function of their place along the surface, which takes out whatever bends evenly
//! (a dome, a hill). What remains has one deviation along each of two principal axes; their geometric mean is the local
//! noise: it is zero where normals differ along one axis only, as those of upright walls and of everything that can be
//! unrolled do (a street of houses, a barrel). The noise of a mesh is the median of the local ones by area, so that edges,
//! corners and gables count for little. Walls that meet at an edge are no neighbours: their normals differ by more than 30
//! degrees; and a wall without facets of like size around it says nothing.
//!
//! The residuals W of K normals about a fit of three parameters have Wishart's distribution of K - 3 degrees of freedom,
//! where 2 sqrt(det W) is s^2 times chi-square of 2 K - 8 (Anderson, An Introduction to Multivariate Statistical Analysis,
//! section 7.5); this gives the local variance, and Wilson and Hilferty (1931) the factor from its mean to its median.

use super::super::description::ObjectDescription;
use super::super::mesh::is_degenerate;
use super::super::weld::Welded;
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use nalgebra::{Matrix2, Matrix3, Matrix3x2, RowVector2, Vector3};
use rayon::prelude::*;
use std::ops::Range;

/// Neighbours are within this many sides of a facet: 20 on a square lattice [-].
const REACH: f64 = 2.5;
/// Normals of neighbours differ by no more, and they lie no further out of a facet's plane: cosine of 30 degrees [-].
const MIN_COSINE: f64 = 0.866;
/// Sine of 30 degrees [-].
const MAX_SINE: f64 = 0.5;
/// Fewer facets, the one in the middle included, say nothing: the corner of a square lattice has so many.
const MIN_FACETS: usize = 8;
/// Keeps the fit solvable where neighbours stand in a row: a share of the sum that it is added to [-].
const RIDGE: f64 = 1e-9;
/// A mesh is noisy, or proved to be clean, if at least this share of its area has neighbours [-]: reconstructed meshes
/// have more than 0.99, the walls and roofs of clean cities 0.3 to 0.7.
const MIN_SHARE: f64 = 0.75;
/// Normals of triangles that share an edge differ by no more within a facet [rad], besides what f32 does to them.
const MAX_TURN: f64 = 1e-5;
/// And never by more than this [rad].
const MAX_ROUNDED_TURN: f64 = 2e-3;
/// At an edge of more triangles only those next to each other in the list are compared.
const MAX_SIDES: usize = 8;
/// Of a crowd only so many facets are looked at: on one surface there are some hundreds at most.
const MAX_CANDIDATES: usize = 4096;

/// Standard deviation of the angle of normals about each of two axes [rad]; `None` where too little of the area has
/// neighbours to compare with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NormalNoise {
    /// Of all objects.
    pub total: Option<f64>,
    /// Of each object, in their order.
    pub objects: Vec<Option<f64>>,
    /// Name of each material that objects have, in the order of their first use, and its noise.
    pub materials: Vec<(String, Option<f64>)>,
}

impl NormalNoise {
    /// The noise of a material; `None` as well if no object is made of it.
    pub fn of_material(&self, name: &str) -> Option<f64> {
        self.materials.iter().find(|(own, _)| own == name)?.1
    }
}

/// Estimates the noise of the normals of meshes; any mesh is accepted, what has no plane is passed over.
pub fn normal_noise(objects: &[ObjectDescription]) -> NormalNoise {
    of_welded(objects, &Welded::new(objects))
}

pub(super) fn of_welded(objects: &[ObjectDescription], welded: &Welded) -> NormalNoise {
    let samples = Sorted::new(facets_of(objects, welded)).samples();
    let mut names: Vec<&str> = Vec::new();
    let mut material_of = Vec::with_capacity(objects.len());
    let mut sorted: Vec<(&str, u32)> = Vec::new();
    for object in objects {
        let name = object.material.as_str();
        let place = sorted.binary_search_by(|(known, _)| (*known).cmp(name)).unwrap_or_else(|place| {
            sorted.insert(place, (name, names.len() as u32));
            names.push(name);
            place
        });
        material_of.push(sorted[place].1);
    }
    let by_material = medians(&samples, names.len(), |object| material_of[object as usize]);
    NormalNoise {
        total: medians(&samples, 1, |_| 0)[0],
        objects: medians(&samples, objects.len(), |object| object),
        materials: names.into_iter().map(String::from).zip(by_material).collect(),
    }
}

/// The local noise at one facet.
#[derive(Clone, Copy)]
struct Sample {
    /// [rad^2]; `None` if too few facets are near.
    variance: Option<f64>,
    area: f64,
    object: u32,
}

/// Median by area of the local noise of each label, as a standard deviation.
fn medians(samples: &[Sample], labels: usize, label: impl Fn(u32) -> u32) -> Vec<Option<f64>> {
    let mut all: Vec<(u32, f64, f64)> = Vec::with_capacity(samples.len());
    let mut area = vec![0.0; labels];
    for sample in samples {
        let label = label(sample.object);
        area[label as usize] += sample.area;
        all.extend(sample.variance.map(|variance| (label, variance, sample.area)));
    }
    all.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    let mut medians = vec![None; labels];
    for run in all.chunk_by(|a, b| a.0 == b.0) {
        let (label, own) = (run[0].0 as usize, run.iter().map(|s| s.2).sum::<f64>());
        if own < MIN_SHARE * area[label] {
            continue;
        }
        let mut below = 0.0;
        let median = run.iter().find(|(_, _, area)| {
            below += area;
            below >= own / 2.0
        });
        medians[label] = median.map(|(_, variance, _)| variance.sqrt());
    }
    medians
}

/// What hangs together in one plane.
#[derive(Clone, Copy)]
struct Facet {
    /// Class of size and cell of the grid of this class, z, y, x.
    cell: [i32; 4],
    /// The lowest of its triangles.
    number: u32,
    object: u32,
    normal: Vec3,
    centre: Vec3,
    area: f64,
}

/// log2 of the side of a square of this area [m^2], rounded down.
fn class_of(area: f64) -> i32 {
    (area.log2() / 2.0).floor() as i32
}

/// Side of the cells of a class [m]: the largest reach of its facets.
fn cell_side(class: i32) -> f64 {
    REACH * f64::from(class + 1).exp2()
}

fn cell_index(x: f64, side: f64) -> i32 {
    // Facets so far away that numbers end share their cells; distances decide in the end.
    (x / side).floor().clamp(-1e9, 1e9) as i32
}

/// Facets by class and cell.
struct Sorted {
    facets: Vec<Facet>,
    /// Each class that has facets, and where they are.
    classes: Vec<(i32, Range<usize>)>,
}

impl Sorted {
    fn new(mut facets: Vec<Facet>) -> Sorted {
        facets.par_sort_unstable_by_key(|facet| (facet.cell, facet.number));
        let mut classes: Vec<(i32, Range<usize>)> = Vec::new();
        for run in facets.chunk_by(|a, b| a.cell[0] == b.cell[0]) {
            let from = classes.last().map_or(0, |(_, range)| range.end);
            classes.push((run[0].cell[0], from..from + run.len()));
        }
        Sorted { facets, classes }
    }

    /// The local noise at every facet.
    fn samples(&self) -> Vec<Sample> {
        let local = |near: &mut Vec<u32>, facet: &Facet| {
            self.find_neighbours(facet, near);
            let variance = variance_of(facet, near.iter().map(|i| &self.facets[*i as usize]));
            Sample { variance, area: facet.area, object: facet.object }
        };
        self.facets.par_iter().map_init(Vec::new, local).collect()
    }

    /// Makes `near` the facets of like size around a facet that lie along the same surface, itself included.
    fn find_neighbours(&self, facet: &Facet, near: &mut Vec<u32>) {
        near.clear();
        let reach = REACH * facet.area.sqrt();
        let mut looked_at = 0;
        for (class, range) in self.classes.iter().filter(|(class, _)| class.abs_diff(facet.cell[0]) <= 1) {
            let side = cell_side(*class);
            let [xs, ys, zs] = [0, 1, 2].map(|axis| {
                let x = facet.centre[axis];
                (cell_index(x - reach, side), cell_index(x + reach, side))
            });
            let facets = &self.facets[range.clone()];
            for (z, y) in (zs.0..=zs.1).flat_map(|z| (ys.0..=ys.1).map(move |y| (z, y))) {
                let (first, last) = ([*class, z, y, xs.0], [*class, z, y, xs.1]);
                let from = facets.partition_point(|other| other.cell < first);
                let row = facets[from..].iter().take_while(|other| other.cell <= last);
                for (i, other) in row.enumerate().take(MAX_CANDIDATES - looked_at) {
                    looked_at += 1;
                    if lies_along(facet, other, reach) {
                        near.push((range.start + from + i) as u32);
                    }
                }
            }
        }
    }
}

/// Whether a facet is near another, and both may be of one surface.
fn lies_along(facet: &Facet, other: &Facet, reach: f64) -> bool {
    let offset = other.centre - facet.centre;
    let (square, cosine) = (offset.norm_squared(), facet.normal.dot(&other.normal));
    if square > reach * reach || cosine.abs() < MIN_COSINE {
        return false;
    }
    let mean = facet.normal + other.normal * cosine.signum();
    mean.dot(&offset).powi(2) <= MAX_SINE * MAX_SINE * mean.norm_squared() * square
}

/// The variance of normals about each axis [rad^2] beyond what a smooth surface through them explains.
fn variance_of<'a>(facet: &Facet, near: impl ExactSizeIterator<Item = &'a Facet> + Clone) -> Option<f64> {
    let count = near.len();
    if count < MIN_FACETS {
        return None;
    }
    let aligned = |other: &Facet| other.normal * facet.normal.dot(&other.normal).signum();
    let (u, v) = tangents_of(&near.clone().map(aligned).sum::<Vec3>().normalize());
    let scale = 1.0 / facet.area.sqrt();
    let (mut squares, mut places, mut mixed) = (Matrix2::zeros(), Matrix3::zeros(), Matrix3x2::zeros());
    for other in near {
        let (normal, offset) = (aligned(other), (other.centre - facet.centre) * scale);
        let slope = RowVector2::new(normal.dot(&u), normal.dot(&v));
        let place = Vector3::new(1.0, offset.dot(&u), offset.dot(&v));
        squares += slope.transpose() * slope;
        places += place * place.transpose();
        mixed += place * slope;
    }
    places += Matrix3::identity() * (RIDGE * count as f64);
    let residual = squares - mixed.transpose() * places.try_inverse()? * mixed;
    let freedom = 2.0 * count as f64 - 8.0;
    let mean_to_median = (1.0 - 2.0 / (9.0 * freedom)).powi(3);
    Some(2.0 * residual.determinant().max(0.0).sqrt() / (freedom * mean_to_median))
}

/// The triangles that have a plane, as (object, triangle).
fn flat_triangles(objects: &[ObjectDescription]) -> Vec<(u32, u32)> {
    let has_plane = |object: &ObjectDescription, triangle: &[u32; 3]| {
        let vertices = &object.mesh.vertices;
        let within =
            triangle.iter().all(|v| vertices.get(*v as usize).is_some_and(|v| v.iter().all(|x| x.is_finite())));
        within && {
            let corners = triangle.map(|v| Vec3::from(vertices[v as usize]));
            let area = normal_of(&corners).norm();
            area.is_finite() && area > 0.0 && !is_degenerate(&corners)
        }
    };
    let of_object = |(o, object): (usize, &ObjectDescription)| {
        let triangles = object.mesh.triangles.iter().enumerate().filter(|(_, triangle)| has_plane(object, triangle));
        triangles.map(|(t, _)| (o as u32, t as u32)).collect::<Vec<_>>()
    };
    objects.par_iter().enumerate().flat_map_iter(of_object).collect()
}

/// The normal of a triangle, as long as twice its area [m^2].
fn normal_of([a, b, c]: &[Vec3; 3]) -> Vec3 {
    (b - a).cross(&(c - a))
}

fn facets_of(objects: &[ObjectDescription], welded: &Welded) -> Vec<Facet> {
    let triangles = flat_triangles(objects);
    let corners = |t: u32| {
        let (object, triangle) = triangles[t as usize];
        let mesh = &objects[object as usize].mesh;
        mesh.triangles[triangle as usize].map(|v| Vec3::from(mesh.vertices[v as usize]))
    };
    let groups = grouped(objects, welded, &triangles, corners);
    let mut facets: Vec<Facet> = Vec::new();
    let mut place = vec![0u32; triangles.len()];
    for (t, group) in groups.iter().enumerate() {
        let (normal, own) = (normal_of(&corners(t as u32)), corners(t as u32));
        let area = normal.norm() / 2.0;
        let centre = own.iter().sum::<Vec3>() * (area / 3.0);
        if *group as usize == t {
            place[t] = facets.len() as u32;
            let (number, object) = (t as u32, triangles[t].0);
            facets.push(Facet { cell: [0; 4], number, object, normal, centre, area });
        } else {
            let facet = &mut facets[place[*group as usize] as usize];
            facet.normal += normal * facet.normal.dot(&normal).signum();
            facet.centre += centre;
            facet.area += area;
        }
    }
    facets.par_iter_mut().for_each(|facet| {
        facet.normal = facet.normal.normalize();
        facet.centre /= facet.area;
        let class = class_of(facet.area);
        let [x, y, z] = [0, 1, 2].map(|axis| cell_index(facet.centre[axis], cell_side(class)));
        facet.cell = [class, z, y, x];
    });
    facets
}

/// The lowest triangle of each one's facet: triangles of an object that share an edge and a plane hang together.
fn grouped(
    objects: &[ObjectDescription],
    welded: &Welded,
    triangles: &[(u32, u32)],
    corners: impl Fn(u32) -> [Vec3; 3] + Sync,
) -> Vec<u32> {
    let mut edges: Vec<(u32, u32, u32)> = (0..triangles.len())
        .into_par_iter()
        .flat_map_iter(|t| {
            let (object, triangle) = triangles[t];
            let ids = welded.ids_of(object as usize);
            let [a, b, c] = objects[object as usize].mesh.triangles[triangle as usize].map(|v| ids[v as usize]);
            [(a, b), (b, c), (c, a)].map(|(a, b)| (a.min(b), a.max(b), t as u32))
        })
        .collect();
    edges.par_sort_unstable();
    let joined =
        |a: u32, b: u32| triangles[a as usize].0 == triangles[b as usize].0 && share_a_plane(&corners(a), &corners(b));
    let pairs: Vec<(u32, u32)> = edges
        .par_chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .flat_map_iter(|run| {
            let near = if run.len() <= MAX_SIDES { run.len() } else { 1 };
            let pairs = (0..run.len()).flat_map(move |i| (i + 1..run.len().min(i + 1 + near)).map(move |j| (i, j)));
            pairs.map(|(i, j)| (run[i].2, run[j].2)).filter(|(a, b)| joined(*a, *b))
        })
        .collect();
    drop(edges);
    let mut lowest: Vec<u32> = (0..triangles.len() as u32).collect();
    for (a, b) in pairs {
        let (a, b) = (root(&mut lowest, a), root(&mut lowest, b));
        lowest[a.max(b) as usize] = a.min(b);
    }
    for t in 0..lowest.len() as u32 {
        lowest[t as usize] = root(&mut lowest, t);
    }
    lowest
}

fn root(lowest: &mut [u32], mut t: u32) -> u32 {
    while lowest[t as usize] != t {
        lowest[t as usize] = lowest[lowest[t as usize] as usize];
        t = lowest[t as usize];
    }
    t
}

/// Whether two triangles with a common edge are of one facet: their normals agree but for what f32 does to them.
fn share_a_plane(a: &[Vec3; 3], b: &[Vec3; 3]) -> bool {
    let (normal_a, normal_b) = (normal_of(a), normal_of(b));
    let (twice_a, twice_b) = (normal_a.norm(), normal_b.norm());
    let longest = |[a, b, c]: &[Vec3; 3]| (b - a).norm().max((c - b).norm()).max((a - c).norm());
    let height = (twice_a / longest(a)).min(twice_b / longest(b));
    let extent = a.iter().chain(b).map(Vec3::amax).fold(0.0, f64::max);
    // Each of two corners may be off by half a unit of the last place, in both triangles.
    let rounding = 4.0 * f64::from(f32::EPSILON) / 2.0 * extent / height;
    let sine = normal_a.cross(&normal_b).norm() / (twice_a * twice_b);
    sine <= MAX_TURN + rounding.min(MAX_ROUNDED_TURN)
}
