//! Facets: the flat pieces of a scene that specular paths speak of (T40, T41).
//!
//! Coplanar triangles that touch or overlap make a *patch*, whatever their material; the triangles of one material that
//! hang together within a patch make a *facet*. A patch has one plane, that of its largest triangle. A path that leaves
//! a plane cannot meet it again, so rays and segments skip the patches of their ends. Where facets of a patch overlap,
//! the lowest facet owns the point.

use super::bvh::Bvh;
use super::flood::Flood;
use super::search::{Region, for_each_in_region};
use super::touch::{Coplanarity, TouchGraph, plane_of, plane_of_vjp};
use super::triangle;
use crate::layout::{FEW_TRIANGLES, NONE, OUTLINE_M, Plane};
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use crate::scene::Scene;
use rayon::prelude::*;

/// All facets of a scene. Facets are numbered by their lowest triangle.
#[derive(Debug, Clone)]
pub struct Facets {
    /// What made triangles coplanar.
    pub rule: Coplanarity,
    /// Facet of each triangle `[triangle]`, or [`NONE`] for one without area.
    pub of_triangle: Vec<u32>,
    /// Material `[facet]`.
    pub material: Vec<u32>,
    /// Patch `[facet]`.
    pub patch: Vec<u32>,
    /// First triangle `[facet + 1]` in `triangles`.
    pub offsets: Vec<u32>,
    /// Triangles, facet by facet, ascending.
    pub triangles: Vec<u32>,
    /// First hull corner `[facet + 1]` in `hull`.
    pub hull_offsets: Vec<u32>,
    /// Corners of each facet's convex hull [m], in its plane, counter-clockwise about the normal.
    pub hull: Vec<Vec3>,
    /// Plane `[patch]`.
    pub planes: Vec<Plane>,
    /// The triangle whose plane that is, the largest one `[patch]`.
    pub seeds: Vec<u32>,
    /// First facet `[patch + 1]` in `patch_facets`.
    pub patch_offsets: Vec<u32>,
    /// Facets of each patch, ascending.
    pub patch_facets: Vec<u32>,
}

impl Facets {
    /// Finds the facets of a scene through its hierarchy.
    pub fn build(scene: &Scene, bvh: &Bvh) -> Facets {
        let rule = Coplanarity::of(scene);
        let graph = TouchGraph::build(scene, bvh, rule);
        let (patch_of, seeds) = grow_patches(scene, bvh, &graph, rule);
        let of_triangle = split_by_material(scene, bvh, &graph, &patch_of, &seeds);
        Facets::assemble(scene, rule, of_triangle, &patch_of, &seeds)
    }

    /// Number of facets.
    pub fn len(&self) -> usize {
        self.material.len()
    }

    /// Whether there is no facet.
    pub fn is_empty(&self) -> bool {
        self.material.is_empty()
    }

    /// The plane of a facet.
    pub fn plane(&self, facet: u32) -> &Plane {
        &self.planes[self.patch[facet as usize] as usize]
    }

    /// The plane that a facet has in a scene whose vertices have moved: that of the same triangle.
    pub fn plane_in(&self, moved: &Scene, facet: u32) -> Plane {
        plane_through(&moved.corners(self.seeds[self.patch[facet as usize] as usize]))
    }

    /// The adjoint of [`Facets::plane_in`]: the vertices of the triangle whose plane it is, with their bars.
    pub fn plane_vjp(&self, scene: &Scene, facet: u32, normal_bar: &Vec3, offset_bar: f64) -> [(u32, Vec3); 3] {
        let seed = self.seeds[self.patch[facet as usize] as usize];
        let bars = plane_of_vjp(&scene.corners(seed), normal_bar, offset_bar);
        let vertices = scene.triangles[seed as usize];
        std::array::from_fn(|corner| (vertices[corner], bars[corner]))
    }

    /// The triangles of a facet.
    pub fn triangles_of(&self, facet: u32) -> &[u32] {
        let facet = facet as usize;
        &self.triangles[self.offsets[facet] as usize..self.offsets[facet + 1] as usize]
    }

    /// The corners of a facet's convex hull [m].
    pub fn hull_of(&self, facet: u32) -> &[Vec3] {
        let facet = facet as usize;
        &self.hull[self.hull_offsets[facet] as usize..self.hull_offsets[facet + 1] as usize]
    }

    /// The facets of a patch, ascending.
    pub fn of_patch(&self, patch: u32) -> &[u32] {
        let patch = patch as usize;
        &self.patch_facets[self.patch_offsets[patch] as usize..self.patch_offsets[patch + 1] as usize]
    }

    /// The patch of a triangle, or [`NONE`].
    pub fn patch_of_triangle(&self, triangle: u32) -> u32 {
        match self.of_triangle[triangle as usize] {
            NONE => NONE,
            facet => self.patch[facet as usize],
        }
    }

    /// A triangle of `facet` that holds the point `p` of its plane, the lowest one; `None` if `p` is off the facet.
    pub fn triangle_at(&self, scene: &Scene, bvh: &Bvh, facet: u32, p: &Vec3) -> Option<u32> {
        let normal = Vec3::from(self.plane(facet).normal);
        let holds = |t: u32| triangle::contains(&scene.corners(t), &normal, p, OUTLINE_M);
        let triangles = self.triangles_of(facet);
        if triangles.len() <= FEW_TRIANGLES as usize {
            return triangles.iter().copied().find(|t| holds(*t));
        }
        let mut lowest = None;
        self.for_each_at(bvh, p, |t| {
            if self.of_triangle[t as usize] == facet && lowest.is_none_or(|known| t < known) && holds(t) {
                lowest = Some(t);
            }
        });
        lowest
    }

    /// The facet that owns the point `p` of `facet`: the lowest one of its patch that holds `p` (T41).
    pub fn owner_at(&self, scene: &Scene, bvh: &Bvh, facet: u32, p: &Vec3) -> u32 {
        let patch = self.patch[facet as usize];
        if self.of_patch(patch)[0] == facet {
            return facet;
        }
        let normal = Vec3::from(self.planes[patch as usize].normal);
        let mut owner = facet;
        self.for_each_at(bvh, p, |t| {
            let rival = self.of_triangle[t as usize];
            let stronger = rival < owner && self.patch[rival as usize] == patch;
            if stronger && triangle::contains(&scene.corners(t), &normal, p, OUTLINE_M) {
                owner = rival;
            }
        });
        owner
    }

    /// How far from a point of a patch's plane the triangles may be that hold it [m]: a triangle may lie off the plane by
    /// the tolerance of coplanarity.
    pub fn point_reach(&self) -> f64 {
        self.rule.distance + OUTLINE_M
    }

    /// Calls `found` for every triangle that may hold the point `p` of its patch's plane.
    fn for_each_at(&self, bvh: &Bvh, p: &Vec3, mut found: impl FnMut(u32)) {
        let reach = Vec3::repeat(self.point_reach());
        let region =
            Region { low: p - reach, high: p + reach, normal: Vec3::zeros(), offset: 0.0, half_thickness: 0.0 };
        for_each_in_region(bvh, &region, |t, _| {
            found(t);
            true
        });
    }

    fn assemble(scene: &Scene, rule: Coplanarity, of_triangle: Vec<u32>, patch_of: &[u32], seeds: &[u32]) -> Facets {
        let count = of_triangle.iter().filter(|f| **f != NONE).max().map_or(0, |f| *f as usize + 1);
        let pairs = of_triangle.iter().enumerate().filter(|(_, f)| **f != NONE).map(|(t, f)| (*f, t as u32));
        let (offsets, triangles) = group(pairs, count);
        let first = |facet: usize| triangles[offsets[facet] as usize];
        let patch: Vec<u32> = (0..count).map(|facet| patch_of[first(facet) as usize]).collect();
        let material = (0..count).map(|f| scene.objects[scene.object_of(first(f)) as usize].material).collect();
        let planes: Vec<Plane> = seeds.iter().map(|seed| plane_through(&scene.corners(*seed))).collect();
        let (patch_offsets, patch_facets) =
            group(patch.iter().enumerate().map(|(facet, patch)| (*patch, facet as u32)), seeds.len());
        let seeds = seeds.to_vec();
        let mut facets = Facets {
            rule,
            seeds,
            of_triangle,
            material,
            patch,
            offsets,
            triangles,
            planes,
            patch_offsets,
            patch_facets,
            hull_offsets: vec![0],
            hull: Vec::new(),
        };
        facets.add_hulls(scene);
        facets
    }

    fn add_hulls(&mut self, scene: &Scene) {
        /// Facets of one task.
        const FACETS: u32 = 512;
        let count = self.len() as u32;
        let hulls: Vec<(Vec<Vec3>, Vec<usize>)> = (0..count.div_ceil(FACETS))
            .into_par_iter()
            .map(|task| {
                let (mut corners, mut ends, mut scratch) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
                for facet in task * FACETS..count.min((task + 1) * FACETS) {
                    let points = self.triangles_of(facet).iter().flat_map(|t| scene.corners(*t));
                    add_hull_in_plane(self.plane(facet), points, &mut scratch, &mut corners);
                    ends.push(corners.len());
                }
                (corners, ends)
            })
            .collect();
        self.hull.reserve_exact(hulls.iter().map(|(corners, _)| corners.len()).sum());
        self.hull_offsets.reserve_exact(self.len());
        for (corners, ends) in hulls {
            let before = self.hull.len();
            self.hull_offsets.extend(ends.iter().map(|end| (before + end) as u32));
            self.hull.extend(corners);
        }
    }
}

fn plane_through(corners: &[Vec3; 3]) -> Plane {
    let (point, normal) = plane_of(corners);
    Plane { normal: normal.into(), offset: normal.dot(&point) }
}

/// Collects `(group, item)` pairs in CSR form; items keep their order within a group.
fn group(pairs: impl Iterator<Item = (u32, u32)> + Clone, groups: usize) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = vec![0u32; groups + 1];
    for (group, _) in pairs.clone() {
        offsets[group as usize + 1] += 1;
    }
    for g in 0..groups {
        offsets[g + 1] += offsets[g];
    }
    let mut next = offsets.clone();
    let mut items = vec![0; offsets[groups] as usize];
    for (group, item) in pairs {
        let place = &mut next[group as usize];
        items[*place as usize] = item;
        *place += 1;
    }
    (offsets, items)
}

/// Patches grown from the largest triangle that is left, again and again: the patch of each triangle, and the seed of
/// each patch. Patches are numbered by their lowest triangle.
fn grow_patches(scene: &Scene, bvh: &Bvh, graph: &TouchGraph, rule: Coplanarity) -> (Vec<u32>, Vec<u32>) {
    let count = scene.triangles.len() as u32;
    let mut order: Vec<(f64, u32)> = (0..count)
        .into_par_iter()
        .filter(|t| !scene.degenerate[*t as usize])
        .map(|t| {
            let [a, b, c] = scene.corners(t);
            (-(b - a).cross(&(c - a)).norm(), t)
        })
        .collect();
    order.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut flood = Flood::new(graph, bvh);
    for (_, seed) in order {
        if flood.label[seed as usize] == NONE {
            let (point, normal) = plane_of(&scene.corners(seed));
            flood.fill(seed, |other| rule.holds(&scene.corners(other), &point, &normal));
        }
    }
    let (patch_of, lowest) = number_by_lowest(&flood.label);
    let seeds = lowest.iter().map(|t| flood.label[*t as usize]).collect();
    (patch_of, seeds)
}

/// The facet of each triangle: what hangs together within a patch and has one material.
fn split_by_material(scene: &Scene, bvh: &Bvh, graph: &TouchGraph, patch_of: &[u32], seeds: &[u32]) -> Vec<u32> {
    let material: Vec<u32> = scene
        .objects
        .iter()
        .flat_map(|object| std::iter::repeat_n(object.material, object.triangle_count as usize))
        .collect();
    let of = |t: u32| (patch_of[t as usize], material[t as usize]);
    let mut flood = Flood::new(graph, bvh);
    let is_mixed = mixed_patches(patch_of, &material, seeds);
    for start in 0..patch_of.len() as u32 {
        let patch = patch_of[start as usize];
        if patch == NONE || flood.label[start as usize] != NONE {
            continue;
        }
        if is_mixed[patch as usize] {
            flood.fill(start, |other| of(other) == of(start));
        } else {
            // A patch hangs together.
            flood.take(start, seeds[patch as usize]);
        }
    }
    number_by_lowest(&flood.label).0
}

/// Whether a patch has several materials `[patch]`, for the material of each triangle.
fn mixed_patches(patch_of: &[u32], material: &[u32], seeds: &[u32]) -> Vec<bool> {
    let mut is_mixed = vec![false; seeds.len()];
    for (patch, material_here) in patch_of.iter().zip(material).filter(|(patch, _)| **patch != NONE) {
        let patch = *patch as usize;
        is_mixed[patch] |= *material_here != material[seeds[patch] as usize];
    }
    is_mixed
}

/// Renames labels to 0, 1, 2, … in the order in which they first occur; also the first item of each.
fn number_by_lowest(labels: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut name = vec![NONE; labels.len()];
    let mut lowest = Vec::new();
    let named = labels
        .iter()
        .enumerate()
        .map(|(item, label)| {
            if *label == NONE {
                return NONE;
            }
            if name[*label as usize] == NONE {
                name[*label as usize] = lowest.len() as u32;
                lowest.push(item as u32);
            }
            name[*label as usize]
        })
        .collect();
    (named, lowest)
}

/// Adds the corners of the convex hull of points projected into a plane, counter-clockwise about its normal (Andrew's monotone
/// chain).
fn add_hull_in_plane(
    plane: &Plane,
    points: impl Iterator<Item = Vec3>,
    [flat, hull]: &mut [Vec<[f64; 2]>; 2],
    out: &mut Vec<Vec3>,
) {
    let normal = Vec3::from(plane.normal);
    let (u, v) = tangents_of(&normal);
    flat.clear();
    flat.extend(points.map(|p| [p.dot(&u), p.dot(&v)]));
    flat.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    flat.dedup();
    hull.clear();
    for pass in 0..2 {
        let start = hull.len();
        for p in &*flat {
            while hull.len() >= start + 2 && turn(&hull[hull.len() - 2], &hull[hull.len() - 1], p) <= 0.0 {
                hull.pop();
            }
            hull.push(*p);
        }
        hull.pop();
        if pass == 0 {
            flat.reverse();
        }
    }
    out.extend(hull.iter().map(|[x, y]| u * *x + v * *y + normal * plane.offset));
}

fn turn(a: &[f64; 2], b: &[f64; 2], c: &[f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::scene::Object;

    /// A scene of the given triangles, one object of its own material for each group.
    fn scene_of(groups: &[&[[[f64; 3]; 3]]]) -> Scene {
        let mut scene = Scene {
            origin: Vec3::zeros(),
            vertices: Vec::new(),
            triangles: Vec::new(),
            degenerate: Vec::new(),
            objects: Vec::new(),
            materials: Vec::new(),
            warnings: Vec::new(),
        };
        for (material, group) in groups.iter().enumerate() {
            let first_triangle = scene.triangles.len() as u32;
            for triangle in *group {
                let base = scene.vertices.len() as u32;
                scene.vertices.extend(triangle.map(Vec3::from));
                scene.triangles.push([base, base + 1, base + 2]);
                scene.degenerate.push(false);
            }
            let triangle_count = group.len() as u32;
            scene.objects.push(Object {
                name: String::new(),
                material: material as u32,
                first_triangle,
                triangle_count,
            });
        }
        scene
    }

    fn flat(points: [[f64; 2]; 3]) -> [[f64; 3]; 3] {
        points.map(|[x, y]| [x, y, 2.0])
    }

    #[test]
    fn t_junctions_and_duplicates_make_one_facet_and_other_materials_another() {
        let left = [
            flat([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]),
            flat([[0.0, 0.0], [1.0, 2.0], [0.0, 2.0]]),
            // A third triangle ends in the middle of the right edge; a fourth repeats the first.
            flat([[1.0, 0.5], [2.0, 0.5], [1.0, 1.5]]),
            flat([[0.0, 0.0], [1.0, 2.0], [1.0, 0.0]]),
            // A fifth is coplanar but apart.
            flat([[5.0, 0.0], [6.0, 0.0], [5.0, 1.0]]),
        ];
        let right = [flat([[0.5, 0.0], [3.0, 0.0], [3.0, 2.0]])];
        let scene = scene_of(&[&left, &right]);
        let geometry = Geometry::new(&scene);
        let facets = &geometry.facets;
        assert_eq!(facets.of_triangle, [0, 0, 0, 0, 1, 2]);
        assert_eq!((facets.patch.as_slice(), facets.material.as_slice()), (&[0, 1, 0][..], &[0, 0, 1][..]));
        assert_eq!(facets.hull_of(0).len(), 5);
        let point = Vec3::new(0.9, 0.1, 2.0);
        assert_eq!(facets.owner_at(&scene, &geometry.bvh, 2, &point), 0, "the lowest facet owns what two hold");
        assert_eq!(facets.owner_at(&scene, &geometry.bvh, 2, &Vec3::new(2.9, 0.1, 2.0)), 2);
    }

    #[test]
    fn a_cylinder_of_a_hundred_sides_has_a_hundred_facets() {
        let corner = |i: usize, z: f64| {
            let (sin, cos) = libm::sincos(i as f64 * std::f64::consts::TAU / 100.0);
            [5.0 * cos, 5.0 * sin, z]
        };
        let sides: Vec<[[f64; 3]; 3]> = (0..100)
            .flat_map(|i| {
                let (a, b, c, d) = (corner(i, 0.0), corner(i + 1, 0.0), corner(i + 1, 3.0), corner(i, 3.0));
                [[a, b, c], [a, c, d]]
            })
            .collect();
        let scene = scene_of(&[&sides]);
        let geometry = Geometry::new(&scene);
        assert_eq!(geometry.facets.len(), 100);
        assert!((0..100).all(|facet| geometry.facets.triangles_of(facet).len() == 2));
    }

    #[test]
    fn a_large_facet_is_searched_through_the_hierarchy_with_the_same_answer() {
        let grid = |i: i32| f64::from(i) * 0.5;
        let cells: Vec<[[f64; 3]; 3]> = (0..20)
            .flat_map(|i| (0..20).map(move |j| (grid(i), grid(j))))
            .flat_map(|(x, y)| {
                let (a, b, c, d) = ([x, y, 2.0], [x + 0.5, y, 2.0], [x + 0.5, y + 0.5, 2.0], [x, y + 0.5, 2.0]);
                [[a, b, c], [a, c, d]]
            })
            .collect();
        let scene = scene_of(&[&cells]);
        let geometry = Geometry::new(&scene);
        assert_eq!(geometry.facets.len(), 1);
        for (x, y) in [(0.1, 0.2), (9.9, 0.3), (5.0, 5.0), (10.1, 3.0), (-1e-7, 4.0), (-1e-5, 4.0)] {
            let p = Vec3::new(x, y, 2.0);
            let expected = (0..800).find(|t| triangle::contains(&scene.corners(*t), &Vec3::z(), &p, OUTLINE_M));
            assert_eq!(geometry.facets.triangle_at(&scene, &geometry.bvh, 0, &p), expected, "{p}");
        }
    }
}
