//! An independent check of paths, and a search for all of them, written from the definitions: f64, every triangle, no
//! BVH, no facets, nothing of the engine but the scene as written.
//!
//! An answer that hangs on less than [`MARGIN_M`] (a point that near to an edge, a segment that touches a corner) is
//! [`Verdict::Boundary`]: there two correct programs may differ by their rounding.

use raylobe::math::Vec3;
use raylobe::scene::description::SceneDescription;
use rayon::prelude::*;

/// Nearer to an edge or plane than this, either answer is right [m].
pub const MARGIN_M: f64 = 1e-4;
/// Points within this of a plane lie in it [m]: f32 coordinates of a city are that coarse.
const PLANE_M: f64 = 1e-5;
/// A reflection point may lie this far off the plane of the triangle it hits [m]: a wall whose triangles differ by the
/// rounding of f32 map coordinates (T40; 4e-4 m at 1.6 km) is one plane to the engine, and not that of each of them.
const SURFACE_M: f64 = 4e-4;
/// Largest error of the law of reflection, |k_out - mirror(k_in)| [-], for the same reason: [`SURFACE_M`] over metres.
const MIRROR_ERROR: f64 = 1e-5;
/// Rounding that a point may lie outside a triangle's edge, so that seams have no gap [m].
const SEAM_M: f64 = 1e-9;
/// Twice the area below which a triangle has no plane [m^2].
const NO_AREA_M2: f64 = 1e-12;

/// What the check says of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It obeys every rule with a margin.
    Valid,
    /// It hangs on less than the margin; the text says where.
    Boundary(String),
    /// It breaks a rule; the text says which.
    Invalid(String),
}

impl Verdict {
    fn and(self, other: Verdict) -> Verdict {
        match (&self, &other) {
            (Verdict::Invalid(_), _) => self,
            (_, Verdict::Invalid(_)) => other,
            (Verdict::Boundary(_), _) => self,
            (Verdict::Valid, _) => other,
        }
    }
}

/// A path that the search found.
#[derive(Debug, Clone)]
pub struct BrutePath {
    /// Reflection points [m].
    pub vertices: Vec<Vec3>,
    /// Length [m].
    pub length: f64,
    /// Whether it hangs on a margin.
    pub verdict: Verdict,
}

/// All triangles of a scene.
pub struct Soup {
    corners: Vec<[Vec3; 3]>,
    normals: Vec<Vec3>,
    first_of_object: Vec<usize>,
    alive: Vec<usize>,
    boxes: Vec<(Vec3, Vec3)>,
}

/// A plane: unit normal and a point.
#[derive(Clone, Copy)]
struct Plane {
    normal: Vec3,
    point: Vec3,
}

#[derive(PartialEq)]
enum Coverage {
    Inside,
    Edge,
    Outside,
}

impl Soup {
    /// The triangles of this scene, in the coordinates of its file.
    pub fn new(scene: &SceneDescription) -> Soup {
        let mut corners: Vec<[Vec3; 3]> = Vec::new();
        let mut first_of_object = Vec::new();
        for object in &scene.objects {
            first_of_object.push(corners.len());
            let at = |v: u32| Vec3::from(object.mesh.vertices[v as usize]);
            corners.extend(object.mesh.triangles.iter().map(|t| t.map(at)));
        }
        let doubled = |c: &[Vec3; 3]| (c[1] - c[0]).cross(&(c[2] - c[0]));
        let alive = (0..corners.len()).filter(|&t| doubled(&corners[t]).norm() > NO_AREA_M2).collect();
        let normals = corners.iter().map(|c| doubled(c).try_normalize(NO_AREA_M2).unwrap_or_default()).collect();
        let around = |c: &[Vec3; 3]| (c[0].inf(&c[1]).inf(&c[2]), c[0].sup(&c[1]).sup(&c[2]));
        let boxes = corners.iter().map(around).collect();
        Soup { corners, normals, first_of_object, alive, boxes }
    }

    /// Judges a path from `tx` over `vertices` to `rx`; `hits` are (object, triangle in it) of each vertex.
    pub fn check_path(&self, tx: &Vec3, rx: &Vec3, vertices: &[Vec3], hits: &[(u32, u32)]) -> Verdict {
        let planes: Vec<Plane> = hits.iter().map(|hit| self.plane(self.index_of(*hit))).collect();
        self.check(tx, rx, vertices, &planes)
    }

    /// Judges the path over the planes of these triangles, its points made anew: for paths of a program that computes in
    /// f32.
    pub fn check_chain(&self, tx: &Vec3, rx: &Vec3, hits: &[(u32, u32)]) -> Verdict {
        match self.points_of_chain(tx, rx, hits) {
            Some(vertices) => self.check_path(tx, rx, &vertices, hits),
            None => Verdict::Invalid("the images give no points".into()),
        }
    }

    /// The reflection points over the planes of these triangles, by images in f64 [m].
    pub fn points_of_chain(&self, tx: &Vec3, rx: &Vec3, hits: &[(u32, u32)]) -> Option<Vec<Vec3>> {
        let chain: Vec<Plane> = hits.iter().map(|hit| self.plane(self.index_of(*hit))).collect();
        let image = |before: &mut Vec3, plane: &Plane| {
            *before -= 2.0 * plane.distance(before) * plane.normal;
            Some(*before)
        };
        let images: Vec<Vec3> = chain.iter().scan(*tx, image).collect();
        vertices_of(rx, &chain, &images)
    }

    /// Every specular path from `tx` to `rx` with at most `depth` reflections, the direct one among them.
    pub fn exhaustive(&self, tx: &Vec3, rx: &Vec3, depth: usize) -> Vec<BrutePath> {
        let planes = self.planes();
        let mut found: Vec<BrutePath> = self.trial(tx, rx, &[], &[]).into_iter().collect();
        let starts: Vec<usize> = if depth == 0 { Vec::new() } else { (0..planes.len()).collect() };
        let rest: Vec<Vec<BrutePath>> = starts
            .into_par_iter()
            .map(|first| {
                let mut own = Vec::new();
                self.extend(tx, rx, depth, &planes, &mut vec![planes[first]], &mut vec![*tx], &mut own);
                own
            })
            .collect();
        found.extend(rest.into_iter().flatten());
        found
    }

    /// Tries the chain, then every chain that is one longer. `images[i]` is the image before reflection i.
    #[allow(clippy::too_many_arguments)]
    fn extend(
        &self,
        tx: &Vec3,
        rx: &Vec3,
        depth: usize,
        planes: &[Plane],
        chain: &mut Vec<Plane>,
        images: &mut Vec<Vec3>,
        found: &mut Vec<BrutePath>,
    ) {
        let last = *chain.last().expect("a chain has a plane");
        let before = *images.last().expect("an image for each plane");
        images.push(before - 2.0 * last.distance(&before) * last.normal);
        found.extend(self.trial(tx, rx, chain, &images[1..]));
        if chain.len() < depth {
            for next in planes.iter().filter(|next| !next.same_as(&last)) {
                chain.push(*next);
                self.extend(tx, rx, depth, planes, chain, images, found);
                chain.pop();
            }
        }
        images.pop();
    }

    /// The path over this chain of planes, if there is one: from the receiver back towards each image.
    fn trial(&self, tx: &Vec3, rx: &Vec3, chain: &[Plane], images: &[Vec3]) -> Option<BrutePath> {
        let vertices = vertices_of(rx, chain, images)?;
        if chain.iter().zip(&vertices).any(|(plane, v)| self.coverage(plane, v) == Coverage::Outside) {
            return None;
        }
        let verdict = self.check(tx, rx, &vertices, chain);
        let length = points(tx, rx, &vertices).windows(2).map(|s| (s[1] - s[0]).norm()).sum();
        (!matches!(verdict, Verdict::Invalid(_))).then_some(BrutePath { vertices, length, verdict })
    }

    fn check(&self, tx: &Vec3, rx: &Vec3, vertices: &[Vec3], planes: &[Plane]) -> Verdict {
        let points = points(tx, rx, vertices);
        let mut verdict = Verdict::Valid;
        for (i, plane) in planes.iter().enumerate() {
            verdict = verdict.and(self.reflects(plane, &points[i], &points[i + 1], &points[i + 2]));
        }
        for (i, ends) in points.windows(2).enumerate() {
            let own = [i.checked_sub(1).and_then(|before| planes.get(before)), planes.get(i)];
            verdict = verdict.and(self.clear(&ends[0], &ends[1], &own));
        }
        verdict
    }

    /// The plane's triangles cover the point, both neighbours lie on one side, and the law of reflection holds.
    fn reflects(&self, plane: &Plane, before: &Vec3, at: &Vec3, after: &Vec3) -> Verdict {
        if plane.distance(at).abs() > SURFACE_M {
            return Verdict::Invalid(format!("{at:?} lies {:e} m off its plane", plane.distance(at)));
        }
        let (d_before, d_after) = (plane.distance(before), plane.distance(after));
        if d_before.abs() <= MARGIN_M || d_after.abs() <= MARGIN_M {
            return Verdict::Boundary(format!("a neighbour of {at:?} lies in its plane"));
        }
        if d_before * d_after < 0.0 {
            return Verdict::Invalid(format!("the neighbours of {at:?} lie on two sides"));
        }
        let (k_in, k_out) = ((at - before).normalize(), (after - at).normalize());
        let mirrored = k_in - 2.0 * k_in.dot(&plane.normal) * plane.normal;
        if (mirrored - k_out).norm() > MIRROR_ERROR {
            return Verdict::Invalid(format!("no mirror reflection at {at:?}: {:e}", (mirrored - k_out).norm()));
        }
        match self.coverage(plane, at) {
            Coverage::Inside => Verdict::Valid,
            Coverage::Edge => Verdict::Boundary(format!("{at:?} lies on an edge")),
            Coverage::Outside => Verdict::Invalid(format!("{at:?} lies on no triangle")),
        }
    }

    /// No triangle stands between the ends, those in the planes `own` apart.
    fn clear(&self, from: &Vec3, to: &Vec3, own: &[Option<&Plane>; 2]) -> Verdict {
        let around = Vec3::repeat(2.0 * MARGIN_M);
        let (low, high) = (from.inf(to) - around, from.sup(to) + around);
        let mut verdict = Verdict::Valid;
        for &t in &self.alive {
            let (least, most) = &self.boxes[t];
            if (0..3).any(|i| most[i] < low[i] || least[i] > high[i]) {
                continue;
            }
            if !own.iter().flatten().any(|plane| self.lies_in(t, plane)) {
                verdict = verdict.and(self.passes(from, to, t));
            }
        }
        verdict
    }

    fn passes(&self, from: &Vec3, to: &Vec3, t: usize) -> Verdict {
        let plane = self.plane(t);
        let (s0, s1) = (plane.distance(from), plane.distance(to));
        if s0.min(s1) > MARGIN_M || s0.max(s1) < -MARGIN_M {
            return Verdict::Valid;
        }
        let at = |share: f64| from + (to - from) * share;
        let text = |what: &str| format!("{from:?} to {to:?} {what} triangle {t}");
        if s0.abs() <= MARGIN_M || s1.abs() <= MARGIN_M {
            // An end touches the plane, or the whole segment runs along it: only near the triangle does that matter.
            let crossing = if s0 * s1 < 0.0 { s0 / (s0 - s1) } else { 0.0 };
            let along = (0..=16).map(|i| f64::from(i) / 16.0).chain([crossing]);
            let near = |p: &Vec3| plane.distance(p).abs() <= MARGIN_M && self.depth_in(t, p) > -MARGIN_M;
            let touches = along.map(at).any(|p| near(&p));
            return if touches { Verdict::Boundary(text("touches")) } else { Verdict::Valid };
        }
        let crossing = at(s0 / (s0 - s1));
        let depth = self.depth_in(t, &crossing);
        if depth < -MARGIN_M {
            Verdict::Valid
        } else if depth > MARGIN_M || self.coverage(&plane, &crossing) == Coverage::Inside {
            Verdict::Invalid(text("is blocked by"))
        } else {
            Verdict::Boundary(text("grazes"))
        }
    }

    /// Whether the triangles of a plane cover the point and a ring of radius [`MARGIN_M`] about it.
    fn coverage(&self, plane: &Plane, p: &Vec3) -> Coverage {
        let near: Vec<usize> =
            self.alive.iter().copied().filter(|&t| self.is_near(t, p) && self.lies_in(t, plane)).collect();
        let covered = |q: &Vec3| near.iter().any(|&t| self.depth_in(t, q) >= -SEAM_M);
        let across = if plane.normal.x.abs() < 0.6 { Vec3::x() } else { Vec3::y() };
        let u = plane.normal.cross(&across).normalize();
        let v = plane.normal.cross(&u);
        let ring = (0..8).map(|i| {
            let (sin, cos) = (f64::from(i) * std::f64::consts::FRAC_PI_4).sin_cos();
            covered(&(p + MARGIN_M * (cos * u + sin * v)))
        });
        let hits = ring.filter(|hit| *hit).count() + usize::from(covered(p));
        match hits {
            9 => Coverage::Inside,
            0 => Coverage::Outside,
            _ => Coverage::Edge,
        }
    }

    fn is_near(&self, t: usize, p: &Vec3) -> bool {
        let (least, most) = &self.boxes[t];
        (0..3).all(|i| p[i] >= least[i] - 2.0 * MARGIN_M && p[i] <= most[i] + 2.0 * MARGIN_M)
    }

    /// How far inside the edges of triangle `t` the point lies, in its plane [m]; negative outside.
    fn depth_in(&self, t: usize, p: &Vec3) -> f64 {
        let corners = &self.corners[t];
        let inward = |i: usize| {
            let (a, b) = (corners[i], corners[(i + 1) % 3]);
            self.normals[t].cross(&(b - a)).normalize().dot(&(p - a))
        };
        inward(0).min(inward(1)).min(inward(2))
    }

    fn index_of(&self, (object, triangle): (u32, u32)) -> usize {
        self.first_of_object[object as usize] + triangle as usize
    }

    fn lies_in(&self, t: usize, plane: &Plane) -> bool {
        self.corners[t].iter().all(|c| plane.distance(c).abs() <= PLANE_M)
    }

    fn plane(&self, t: usize) -> Plane {
        Plane { normal: self.normals[t], point: self.corners[t][0] }
    }

    fn planes(&self) -> Vec<Plane> {
        let mut planes: Vec<Plane> = Vec::new();
        for &t in &self.alive {
            if !planes.iter().any(|plane| self.lies_in(t, plane)) {
                planes.push(self.plane(t));
            }
        }
        planes
    }
}

impl Plane {
    fn distance(&self, p: &Vec3) -> f64 {
        self.normal.dot(&(p - self.point))
    }

    fn same_as(&self, other: &Plane) -> bool {
        self.normal == other.normal && self.point == other.point
    }
}

/// Where the line from each point to the image before it meets the plane; `None` where both are on one side.
fn vertices_of(rx: &Vec3, chain: &[Plane], images: &[Vec3]) -> Option<Vec<Vec3>> {
    let mut vertices = vec![Vec3::zeros(); chain.len()];
    let mut target = *rx;
    for i in (0..chain.len()).rev() {
        let (here, there) = (chain[i].distance(&target), chain[i].distance(&images[i]));
        if here * there >= 0.0 {
            return None;
        }
        target += (images[i] - target) * (here / (here - there));
        vertices[i] = target;
    }
    Some(vertices)
}

fn points(tx: &Vec3, rx: &Vec3, vertices: &[Vec3]) -> Vec<Vec3> {
    std::iter::once(*tx).chain(vertices.iter().copied()).chain([*rx]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::*;

    fn room() -> Soup {
        let mut scene = build::scene_of(&[build::metal()]);
        build::add_cuboid(&mut scene, "room", "metal", [0.0; 3], [4.0, 3.0, 2.5]);
        Soup::new(&scene)
    }

    #[test]
    fn a_closed_room_has_every_image() {
        // In a closed cuboid each image point of the lattice is one path: 1, 6, 18, 38 of order 0 to 3.
        let (tx, rx) = (Vec3::new(1.1, 0.7, 1.3), Vec3::new(2.9, 2.2, 0.9));
        let found = room().exhaustive(&tx, &rx, 3);
        let count = |order: usize| found.iter().filter(|p| p.vertices.len() == order).count();
        assert_eq!([count(0), count(1), count(2), count(3)], [1, 6, 18, 38]);
        assert!(found.iter().all(|p| p.verdict == Verdict::Valid), "{found:?}");
    }

    #[test]
    fn a_bent_path_and_a_blocked_path_are_invalid() {
        let (tx, rx) = (Vec3::new(1.0, 1.0, 1.0), Vec3::new(2.0, 1.0, 1.0));
        let floor = [(0, 0)];
        let good = room().check_path(&tx, &rx, &[Vec3::new(1.5, 1.0, 0.0)], &floor);
        assert_eq!(good, Verdict::Valid);
        let bent = room().check_path(&tx, &rx, &[Vec3::new(1.6, 1.0, 0.0)], &floor);
        assert!(matches!(bent, Verdict::Invalid(_)), "{bent:?}");
        let outside = room().check_path(&tx, &Vec3::new(9.0, 1.0, 1.0), &[], &[]);
        assert!(matches!(outside, Verdict::Invalid(_)), "{outside:?}");
    }

    #[test]
    fn a_path_through_the_corner_of_a_wall_is_on_the_boundary() {
        let (tx, rx) = (Vec3::new(1.0, 1.0, 1.0), Vec3::new(9.0, 1.0, 1.0));
        let mut scene = build::scene_of(&[build::metal()]);
        build::add_panel(&mut scene, "wall", "metal", [5.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]);
        let verdict = Soup::new(&scene).check_path(&tx, &rx, &[], &[]);
        assert!(matches!(verdict, Verdict::Boundary(_)), "{verdict:?}");
    }
}
