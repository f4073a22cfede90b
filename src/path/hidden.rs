//! Facets of which a source sees nothing: no path is reflected there first (T46).
//!
//! What is left out is proved to be hidden. A part of a facet is hidden if a *curtain* hangs before it: triangles that hang
//! together at common edges, one of them before the middle of the part, and no edge where the curtain ends before any other
//! point. As seen from the source all triangles of a curtain go round the same way, so that the number of them before a point
//! changes only where the curtain ends. Rays tell which triangles to begin with; parts are halved until a curtain fits.

use crate::error::Result;
use crate::geometry::Geometry;
use crate::geometry::simd::{Lanes, Level, Task, run};
use crate::geometry::traverse::closest_hit;
use crate::geometry::triangle::Ray;
use crate::layout::{Hit, NONE, OUTLINE_M, TOUCH_M};
use crate::math::Vec3;
use crate::path::beam::signed_distance;
use arrayvec::ArrayVec;
use rayon::prelude::*;

/// How often a part of a facet is halved before it counts as seen.
const HALVINGS: u32 = 5;
/// Corners of a facet's window, at the most: any with more counts as seen.
const MOST_CORNERS: usize = 8;
/// Triangles of a curtain, at the most.
const MOST_TRIANGLES: usize = 24;
/// Surfaces one behind another on a ray that a curtain is begun with.
const LAYERS: usize = 3;
/// Triangles that began a curtain lately and are tried before a ray looks for another one.
const RECENT: usize = 4;

/// What a source does not see.
pub struct Hidden<'a> {
    geometry: &'a Geometry<'a>,
    level: Level,
    seams: Seams,
    source: Vec3,
    /// How far a surface is surely before another [m]: roundings and tolerances of planes and ends of legs are far below.
    apart: f64,
    /// Light that passes an edge nearer than this is taken for none [m]: that is how well planes of facets are known.
    hair: f64,
}

impl<'a> Hidden<'a> {
    /// Of a source [m, local].
    ///
    /// # Errors
    /// As [`Level::detect`].
    pub fn new(geometry: &'a Geometry<'a>, source: &Vec3) -> Result<Hidden<'a>> {
        let hair = geometry.facets.rule.distance;
        let (level, apart) = (Level::detect()?, 4.0 * (hair + OUTLINE_M + TOUCH_M));
        Ok(Hidden { geometry, level, seams: Seams::new(geometry, source), source: *source, apart, hair })
    }

    /// Whether no point of a facet's `window` is seen from the source. `recent` is kept from facet to facet.
    pub fn is_hidden(&self, facet: u32, window: &[Vec3], recent: &mut Recent) -> bool {
        let facets = &self.geometry.facets;
        let (plane, patch) = (facets.plane(facet), facets.patch[facet as usize]);
        let height = signed_distance(&self.source, plane);
        let towards = Vec3::from(plane.normal) * -1f64.copysign(height);
        let behind = Behind { patch, towards, height: height.abs() };
        let part: ArrayVec<Vec3, MOST_CORNERS> = window.iter().take(MOST_CORNERS).map(|p| p - self.source).collect();
        part.len() == window.len() && behind.height > self.apart && self.hides(&behind, &part, HALVINGS, recent)
    }

    /// Whether every piece of a part is behind a curtain.
    fn hides(&self, plane: &Behind, part: &[Vec3], halvings: u32, recent: &mut Recent) -> bool {
        let Some(cone) = Cone::new(plane, part, self.hair) else { return false };
        if recent.seeds.iter().any(|seed| self.covers(&cone, *seed)) {
            return true;
        }
        let (mut origin, mut skip, end) = (self.source, NONE, self.source + cone.middle);
        for layer in 0..LAYERS {
            let look = First { geometry: self.geometry, ray: Ray::from_f64(&origin, &(end - origin)), skip };
            let hit = run(self.level, look).filter(|hit| hit.t < 1.0 && hit.patch != plane.patch);
            let Some(hit) = hit else {
                if layer == 0 {
                    // The middle is seen.
                    return false;
                }
                break;
            };
            if self.covers(&cone, hit.triangle) {
                recent.remember(hit.triangle);
                return true;
            }
            (origin, skip) = (origin + (end - origin) * f64::from(hit.t), hit.patch);
        }
        if let [a, b, c] = *part {
            let halves = halved([a, b, c]);
            return halvings > 0 && halves.iter().all(|half| self.hides(plane, half, halvings - 1, recent));
        }
        (2..part.len()).all(|k| self.hides(plane, &[part[0], part[k - 1], part[k]], halvings, recent))
    }

    /// Whether a curtain that begins with triangle `seed` hangs before all of a cone.
    fn covers(&self, cone: &Cone, seed: u32) -> bool {
        let Some(rims) = self.leaf(cone, seed) else { return false };
        // Around the middle of the cone.
        if !rims.iter().all(|Rim { ends: [from, to], .. }| from.cross(to).dot(&cone.middle) > 0.0) {
            return false;
        }
        // Edges before the part, behind each of which the curtain has to go on.
        let mut open = ArrayVec::<Rim, { MOST_TRIANGLES + 2 }>::new();
        open.extend(rims.into_iter().filter(|rim| !cone.is_clear_of(rim)));
        for _ in 1..MOST_TRIANGLES {
            let Some(Rim { ends: [from, to], edge }) = open.pop() else { return true };
            let is_seam = |rim: &Rim| rim.ends == [to, from];
            let fitting = |other: u32| self.leaf(cone, other / 3).filter(|rims| rims.iter().any(is_seam));
            let next = self.seams.at(edge).filter(|other| other / 3 != edge / 3).find_map(fitting);
            let Some(rims) = next else { return false };
            for rim in rims.into_iter().filter(|rim| !is_seam(rim) && !cone.is_clear_of(rim)) {
                match open.iter().position(|known| known.ends == [rim.ends[1], rim.ends[0]]) {
                    Some(seam) => drop(open.swap_remove(seam)),
                    None => open.push(rim),
                }
            }
        }
        open.is_empty()
    }

    /// The edges of a triangle, in the order in which all of a curtain go round, if it is surely between the source and the
    /// part.
    fn leaf(&self, cone: &Cone, triangle: u32) -> Option<[Rim; 3]> {
        let patch = self.geometry.facets.patch_of_triangle(triangle);
        if [NONE, cone.plane.patch].contains(&patch) {
            return None;
        }
        let corners @ [a, b, c] = self.geometry.scene.corners(triangle).map(|corner| corner - self.source);
        let volume = a.cross(&b).dot(&c);
        let normal = (b - a).cross(&(c - a)) * 1f64.copysign(volume);
        let size = normal.norm();
        if volume.abs() <= self.apart * size {
            return None;
        }
        let before = |p: &Vec3| cone.plane.height - cone.plane.towards.dot(p);
        let beyond = |p: &Vec3| normal.dot(&(p - a)) / size;
        // Where two surfaces meet at an edge, the one ends in the plane of the other.
        let is_deep = |depths: &dyn Fn(&Vec3) -> f64, of: &[Vec3]| {
            of.iter().all(|p| depths(p) >= -self.hair) && of.iter().any(|p| depths(p) >= self.apart)
        };
        let is_between = is_deep(&before, &corners) || is_deep(&beyond, cone.corners);
        let rim = |k: usize| {
            let [from, to] = [corners[k], corners[(k + 1) % 3]];
            Rim { ends: if volume > 0.0 { [from, to] } else { [to, from] }, edge: 3 * triangle + k as u32 }
        };
        is_between.then(|| [0, 1, 2].map(rim))
    }
}

/// Triangles that began a curtain lately: what hides a facet often hides the next one.
#[derive(Default)]
pub struct Recent {
    seeds: ArrayVec<u32, RECENT>,
    /// The one that is forgotten next.
    oldest: usize,
}

impl Recent {
    fn remember(&mut self, seed: u32) {
        if self.seeds.try_push(seed).is_err() {
            self.seeds[self.oldest] = seed;
            self.oldest = (self.oldest + 1) % RECENT;
        }
    }
}

/// The plane of a facet as seen from the source.
struct Behind {
    patch: u32,
    /// Unit normal away from the source.
    towards: Vec3,
    /// Distance of the source [m].
    height: f64,
}

/// All directions in which a part of a facet lies.
struct Cone<'a> {
    plane: &'a Behind,
    /// The part's corners from the source [m].
    corners: &'a [Vec3],
    middle: Vec3,
    /// Unit normals, inwards, of the planes through the source and the sides.
    sides: ArrayVec<Vec3, MOST_CORNERS>,
    /// Distance of the farthest corner [m].
    reach: f64,
    /// As of [`Hidden`].
    hair: f64,
}

impl<'a> Cone<'a> {
    /// `None` where the part has no area as seen from the source.
    fn new(plane: &'a Behind, corners: &'a [Vec3], hair: f64) -> Option<Cone<'a>> {
        let middle = corners.iter().sum::<Vec3>() / corners.len() as f64;
        let next = corners.iter().cycle().skip(1);
        let sides = corners.iter().zip(next).map(|(from, to)| {
            let across = from.cross(to);
            (across * 1f64.copysign(across.dot(&middle))).try_normalize(1e-12)
        });
        let sides = sides.collect::<Option<_>>()?;
        let reach = corners.iter().map(Vec3::norm).fold(0.0, f64::max);
        Some(Cone { plane, corners, middle, sides, reach, hair })
    }

    /// Whether an edge is nowhere before the part, but for a hair.
    fn is_clear_of(&self, Rim { ends: [from, to], .. }: &Rim) -> bool {
        // A hair before the part is less nearer by.
        let [at_from, at_to] = [from, to].map(|end| self.hair * end.norm() / self.reach);
        if self.sides.iter().any(|side| side.dot(from) <= at_from && side.dot(to) <= at_to) {
            return true;
        }
        let across = from.cross(to);
        let least = -self.hair * across.norm();
        let heights = || self.corners.iter().map(|corner| across.dot(corner));
        heights().all(|height| height >= least) || heights().all(|height| -height >= least)
    }
}

/// An edge where a curtain ends.
struct Rim {
    /// Ends from the source [m], the curtain to the left.
    ends: [Vec3; 2],
    /// Its number in [`Seams`].
    edge: u32,
}

/// Which edges of triangles have the same ends, as seen from a source. Edge k of triangle t, from corner k on, is 3 t + k.
struct Seams {
    /// A number of each edge's ends, and the edge, ascending.
    edges: Vec<(u64, u32)>,
    /// Where those with the number of an edge begin `[edge]`.
    first: Vec<u32>,
}

impl Seams {
    fn new(geometry: &Geometry, source: &Vec3) -> Seams {
        let scene = geometry.scene;
        let mut edges: Vec<(u64, u32)> = (0..scene.triangles.len() as u32)
            .into_par_iter()
            .flat_map_iter(|triangle| {
                let corners = scene.corners(triangle).map(|corner| corner - source);
                [0, 1, 2].map(|k| (key_of(&[corners[k], corners[(k + 1) % 3]]), 3 * triangle + k as u32))
            })
            .collect();
        edges.par_sort_unstable();
        let (mut first, mut start) = (vec![0; edges.len()], 0);
        for (place, (key, edge)) in edges.iter().enumerate() {
            if *key != edges[start].0 {
                start = place;
            }
            first[*edge as usize] = start as u32;
        }
        Seams { edges, first }
    }

    /// The edges with the ends of an edge, it too, and perhaps others.
    fn at(&self, edge: u32) -> impl Iterator<Item = u32> + use<'_> {
        let own = &self.edges[self.first[edge as usize] as usize..];
        own.iter().take_while(|(key, _)| *key == own[0].0).map(|(_, edge)| *edge)
    }
}

/// A triangle cut in two through the middle of its longest side.
fn halved(part: [Vec3; 3]) -> [[Vec3; 3]; 2] {
    let length = |k: usize| (part[(k + 1) % 3] - part[k]).norm_squared();
    let longest = (0..3).max_by(|a, b| length(*a).total_cmp(&length(*b))).unwrap_or(0);
    let [from, to, apex] = [0, 1, 2].map(|k| part[(longest + k) % 3]);
    let middle = (from + to) / 2.0;
    [[from, middle, apex], [middle, to, apex]]
}

/// The same for both directions of an edge.
fn key_of(ends: &[Vec3; 2]) -> u64 {
    let [a, b] = ends.map(|p| {
        p.iter().fold(0u64, |key, x| (key ^ (x + 0.0).to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
    });
    a.wrapping_add(b)
}

/// What a ray meets first.
struct First<'a> {
    geometry: &'a Geometry<'a>,
    ray: Ray,
    skip: u32,
}

impl Task for First<'_> {
    type Output = Option<Hit>;
    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<Hit> {
        closest_hit::<L>(&self.geometry.bvh, &self.ray, self.skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::traverse::is_blocked;
    use crate::math::random::{fibonacci_direction, philox, unit_interval};
    use crate::path::beam::{Beam, Clip, window};
    use crate::scene::Scene;
    use crate::scene::generate::{CityOptions, GenerateOptions, generate};
    use crate::scene::material::OutOfRange;

    struct Leg<'a>(&'a Geometry<'a>, [&'a Vec3; 2], u32);

    impl Task for Leg<'_> {
        type Output = bool;
        #[inline(always)]
        fn run<L: Lanes>(self) -> bool {
            is_blocked::<L>(self.0.scene, &self.0.bvh, self.1, [NONE, self.2])
        }
    }

    /// A point of a facet, the corners and middles of edges of its triangles among them.
    fn point_of(geometry: &Geometry, facet: u32, draw: u32) -> Vec3 {
        let words = philox([facet, draw, 0, 0], [3, 4]);
        let triangles = geometry.facets.triangles_of(facet);
        let [a, b, c] = geometry.scene.corners(triangles[words[0] as usize % triangles.len()]);
        // Quarters of edges for one half of the points.
        let of = |word: u32| {
            if draw.is_multiple_of(2) { f64::from(word % 5) / 4.0 } else { unit_interval(word) }
        };
        let (s, t) = (of(words[1]), of(words[2]));
        let point = a + (b - a) * s + (c - b) * (s * t);
        // Off the edges by two hairs, which the proof does not care about.
        let middle = (a + b + c) / 3.0;
        point + (middle - point).try_normalize(0.0).unwrap_or_default() * 2.0 * geometry.facets.rule.distance
    }

    #[test]
    fn of_what_is_hidden_no_point_is_seen_and_most_that_is_not_seen_is_hidden() {
        let options = CityOptions { seed: 5, triangles: 6000, ..CityOptions::default() };
        let description = generate(&GenerateOptions::City(options)).expect("the options are valid");
        let mut scene = Scene::new(&description, OutOfRange::Error).expect("a valid city");
        // Holes: every thirtieth triangle is gone.
        scene.degenerate.iter_mut().skip(7).step_by(30).for_each(|gone| *gone = true);
        let geometry = Geometry::new(&scene);
        let level = Level::detect().expect("a level");
        for source in [Vec3::new(0.0, 0.0, 10.0), Vec3::new(30.0, -4.0, 1.5), Vec3::new(3.0, 8.0, 60.0)] {
            let source = source - scene.origin;
            let (hidden, mut recent) = (Hidden::new(&geometry, &source).expect("a level"), Recent::default());
            let (mut beam, mut clip) = (Beam::default(), Clip::default());
            beam.rebuild(&source, None);
            let [mut left_out, mut unseen] = [0; 2];
            for facet in 0..geometry.facets.len() as u32 {
                window(&geometry.facets, facet, &beam, &mut clip);
                let patch = geometry.facets.patch[facet as usize];
                let is_seen = |draw: u32| {
                    let point = point_of(&geometry, facet, draw);
                    !run(level, Leg(&geometry, [&source, &point], patch))
                };
                let seen = (0..64).find(|draw| is_seen(*draw));
                unseen += u32::from(seen.is_none());
                if !clip.polygon.is_empty() && hidden.is_hidden(facet, &clip.polygon, &mut recent) {
                    left_out += 1;
                    let point = seen.map(|draw| point_of(&geometry, facet, draw));
                    assert_eq!(point, None, "{facet} is seen from {source:?}");
                }
            }
            assert!(left_out > 1000 && f64::from(left_out) > 0.8 * f64::from(unseen), "{left_out} of {unseen}");
            for ray in 0..20_000 {
                let direction = fibonacci_direction(ray, 20_000);
                let look = First { geometry: &geometry, ray: Ray::from_f64(&source, &direction), skip: NONE };
                let Some(hit) = run(level, look) else { continue };
                let facet = geometry.facets.of_triangle[hit.triangle as usize];
                window(&geometry.facets, facet, &beam, &mut clip);
                assert!(!hidden.is_hidden(facet, &clip.polygon, &mut recent), "ray {ray} meets {facet}");
            }
        }
    }
}
