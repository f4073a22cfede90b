//! Walking the hierarchy in f32: the closest hit of a ray, and whether anything blocks a segment.
//!
//! Rays find chains, and f32 is enough for that. Visibility is decided in f64 (T43): f32 says which triangles a segment
//! surely misses and which it surely crosses, by bounds of its own rounding, and only the rest is looked at in f64.

use super::bvh::Bvh;
use super::simd::Lanes;
use super::triangle::{Ray, intersect_segment};
use super::walk::{FEW_LEVELS, MOST_LEVELS, Query, stack_for, walk_to_first};
pub use crate::layout::Hit;
use crate::layout::{BLOCK_WIDTH, LEAF_BIT, NODE_WIDTH, NONE, ROUNDING, SLAB_SLACK, TOUCH_M, TriangleBlock, WideNode};
use crate::math::Vec3;
use crate::scene::Scene;
use arrayvec::ArrayVec;

pub(super) const NO_HIT: Hit = Hit { t: f32::MAX, triangle: NONE, patch: NONE };

/// The first triangle that `ray` meets, other than those of patch `skip` ([`NONE`]: none is left out).
#[inline(always)]
pub fn closest_hit<L: Lanes>(bvh: &Bvh, ray: &Ray, skip: u32) -> Option<Hit> {
    if bvh.levels <= FEW_LEVELS {
        closest::<L, { stack_for(FEW_LEVELS) }>(bvh, ray, skip)
    } else {
        closest::<L, { stack_for(MOST_LEVELS) }>(bvh, ray, skip)
    }
}

/// A child that waits: where the ray enters its box, above the child itself, so that numbers sort as entries do. Entries
/// are not negative, and of equal ones the lower child is first, whatever the instruction set.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Waiting(u64);

impl Waiting {
    #[inline(always)]
    fn new(entry: f32, child: u32) -> Waiting {
        Waiting(u64::from(entry.to_bits()) << 32 | u64::from(child))
    }

    #[inline(always)]
    fn entry(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    #[inline(always)]
    fn child(self) -> u32 {
        self.0 as u32
    }
}

#[inline(always)]
fn closest<L: Lanes, const STACK: usize>(bvh: &Bvh, ray: &Ray, skip: u32) -> Option<Hit> {
    let mut hit = NO_HIT;
    let mut waiting = ArrayVec::<Waiting, STACK>::new();
    let mut child = 0u32;
    let slabs = L::slabs(&ray.slabs);
    loop {
        if child & LEAF_BIT == 0 {
            let node = &bvh.nodes[child as usize];
            let mut entries = [0f32; NODE_WIDTH];
            let mut entered = L::enter(&slabs, node, hit.t, &mut entries);
            if entered != 0 {
                // The nearest child is next; the others wait, farthest first.
                let first = waiting.len();
                let mut nearest = take_lowest(&mut entered, &entries, node);
                while entered != 0 {
                    let mut other = take_lowest(&mut entered, &entries, node);
                    if other < nearest {
                        std::mem::swap(&mut other, &mut nearest);
                    }
                    bvh.prefetch(other.child());
                    let mut place = waiting.len();
                    waiting.push(other);
                    while place > first && waiting[place - 1] < other {
                        waiting[place] = waiting[place - 1];
                        place -= 1;
                    }
                    waiting[place] = other;
                }
                child = nearest.child();
                continue;
            }
        } else {
            meet_block::<L>(ray, &bvh.blocks[(child & !LEAF_BIT) as usize], skip, &mut hit);
        }
        loop {
            let Some(next) = waiting.pop() else { return (hit.triangle != NONE).then_some(hit) };
            // The slack of `enter`: a box as far as the hit may hold a lower triangle at the same distance.
            if next.entry() <= hit.t * SLAB_SLACK {
                child = next.child();
                break;
            }
        }
    }
}

/// The child of the lowest bit, which is taken out of `entered`.
#[inline(always)]
fn take_lowest(entered: &mut u32, entries: &[f32; NODE_WIDTH], node: &WideNode) -> Waiting {
    let lane = entered.trailing_zeros() as usize;
    *entered &= *entered - 1;
    Waiting::new(entries[lane], node.child[lane])
}

#[inline(always)]
pub(super) fn meet_block<L: Lanes>(ray: &Ray, block: &TriangleBlock, skip: u32, hit: &mut Hit) {
    let mut t = [0f32; BLOCK_WIDTH];
    let mut met = L::meet(ray, block, hit.t, &mut t);
    while met != 0 {
        let lane = met.trailing_zeros() as usize;
        met &= met - 1;
        let (triangle, patch) = (block.triangle[lane], block.patch[lane]);
        // Equal distances go to the lower triangle, whatever the order of the walk.
        if patch != skip && (t[lane] < hit.t || (t[lane] == hit.t && triangle < hit.triangle)) {
            *hit = Hit { t: t[lane], triangle, patch };
        }
    }
}

/// The parameters between which a crossing of a segment over `along` [m] counts; `None` where both ends touch the same
/// spot, so that nothing is between them, and for a segment without length.
pub(super) fn between_ends(along: &Vec3) -> Option<(f64, f64)> {
    let touch = TOUCH_M / along.norm();
    (touch < 0.5).then_some((touch, 1.0 - touch))
}

/// Whether the segment from `from` over `along` crosses a triangle at a parameter that counts. Decided in f64.
pub(super) fn crosses(from: &Vec3, along: &Vec3, (first, last): (f64, f64), corners: &[Vec3; 3]) -> bool {
    intersect_segment(from, along, corners).is_some_and(|t| first <= t && t <= last)
}

/// Whether a triangle stands between `from` and `to`, other than those of the patches `skip` that the two lie on. As if
/// decided in f64 throughout.
#[inline(always)]
pub fn is_blocked<L: Lanes>(scene: &Scene, bvh: &Bvh, [from, to]: [&Vec3; 2], skip: [u32; 2]) -> bool {
    let along = to - from;
    let Some(range) = between_ends(&along) else { return false };
    // Half a rounding may be lost here; the bounds have some to spare.
    let reach = bvh.reach.max(from.amax().max(to.amax()) as f32);
    let ray = Ray::along_segment(from, &along, reach);
    let slabs = L::slabs(&ray.slabs);
    let mut blocker = Blocker::<L> { scene, from, along: &along, range, skip, ray, slabs, reach, found: false };
    walk_to_first(bvh, &mut blocker);
    blocker.found
}

/// Looks for a triangle that blocks a segment.
struct Blocker<'a, L: Lanes> {
    scene: &'a Scene,
    from: &'a Vec3,
    along: &'a Vec3,
    /// Parameters between which a crossing counts.
    range: (f64, f64),
    /// Patches that the ends lie on, or [`NONE`].
    skip: [u32; 2],
    /// The same in f32.
    ray: Ray,
    slabs: L::Slabs,
    /// The largest coordinate of scene and segment [m].
    reach: f32,
    found: bool,
}

impl<L: Lanes> Query for Blocker<'_, L> {
    #[inline(always)]
    fn enter(&self, node: &WideNode) -> u32 {
        L::enter(&self.slabs, node, 1.0, &mut [0f32; NODE_WIDTH])
    }

    #[inline(always)]
    fn enter_lanes(&self, node: &WideNode, lanes: u64, children: &mut [u32; NODE_WIDTH]) -> u32 {
        L::enter_lanes(&self.slabs, node, lanes, children)
    }

    #[inline(always)]
    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let crossing = L::cross(&self.ray, Ray::margin(self.reach), block);
        let mut perhaps = crossing.perhaps;
        while perhaps != 0 && !self.found {
            let lane = perhaps.trailing_zeros() as usize;
            perhaps &= perhaps - 1;
            if self.skip.contains(&block.patch[lane]) {
                continue;
            }
            let t = f64::from(crossing.t[lane]);
            let is_sure = crossing.surely >> lane & 1 != 0;
            self.found = is_sure
                .then(|| is_within(self.range, t, f64::from(crossing.slack[lane])))
                .flatten()
                .unwrap_or_else(|| self.is_blocked_by(block, lane, t));
        }
        !self.found
    }
}

/// Whether `t`, which may be off by `slack`, is in a range; `None` where that cannot be told.
#[inline(always)]
fn is_within((first, last): (f64, f64), t: f64, slack: f64) -> Option<bool> {
    if t - slack > first && t + slack < last {
        return Some(true);
    }
    (t + slack < first || t - slack > last).then_some(false)
}

impl<L: Lanes> Blocker<'_, L> {
    /// Whether a triangle of a leaf blocks the segment, which f32 has crossing its plane at about `t`.
    #[cold]
    #[inline(never)]
    fn is_blocked_by(&self, block: &TriangleBlock, lane: usize, t: f64) -> bool {
        self.is_blocked_by_rounded(block, lane, t)
            .unwrap_or_else(|| crosses(self.from, self.along, self.range, &self.scene.corners(block.triangle[lane])))
    }

    /// The same as far as the corners of the leaf tell, which are at hand while those of the scene are far away: in f64,
    /// with bounds of the rounding of the corners to f32 (T43).
    fn is_blocked_by_rounded(&self, block: &TriangleBlock, lane: usize, t: f64) -> Option<bool> {
        /// A corner is off by a rounding in each of three axes, at most, and f64 has roundings of its own: with room to spare.
        const ROUNDINGS: f64 = 2.0;
        if !(-1.0..=2.0).contains(&t) {
            return None;
        }
        let (d, off) = (self.along, ROUNDINGS * f64::from(ROUNDING * self.reach));
        // About a point of the line that is near the triangle, so that what is multiplied is small.
        let near = self.from + d * t;
        let corner = |k: usize| Vec3::from([0, 1, 2].map(|axis| f64::from(block.corner[k][axis][lane]))) - near;
        let [a, b, c] = [0, 1, 2].map(corner);
        let edges = [d.dot(&c.cross(&b)), d.dot(&a.cross(&c)), d.dot(&b.cross(&a))];
        let sizes = [b.norm() + c.norm(), c.norm() + a.norm(), a.norm() + b.norm()];
        let aside = d.norm() * off;
        let slacks = sizes.map(|size| aside * (size + 2.0 * off));
        let all = |at_least: [f64; 3]| {
            [1.0, -1.0].iter().any(|sign| edges.iter().zip(at_least).all(|(edge, least)| sign * edge > least))
        };
        if !all(slacks.map(|slack| -slack)) {
            return Some(false);
        }
        let normal = (b - a).cross(&(c - a));
        let speed = normal.dot(d);
        // Well inside and not along the triangle, so that the normal is known to a half: the crossing moves along it no
        // farther than the corners do.
        let is_plain = all(slacks) && speed.abs() > 4.0 * slacks.iter().sum::<f64>();
        let slack = 2.0 * off * normal.norm() / speed.abs();
        is_plain.then(|| is_within(self.range, t + normal.dot(&a) / speed, slack)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::scene_of;
    use crate::geometry::search::for_each_crossing;
    use crate::geometry::simd::{Level, Scalar, Task, run};
    use crate::math::frame::direction_of;
    use crate::math::random::{philox, unit_interval};

    struct Shot<'a> {
        bvh: &'a Bvh,
        ray: Ray,
    }

    impl Task for Shot<'_> {
        type Output = Option<Hit>;
        #[inline(always)]
        fn run<L: Lanes>(self) -> Option<Hit> {
            closest_hit::<L>(self.bvh, &self.ray, NONE)
        }
    }

    fn random(counter: u32, lane: usize) -> f64 {
        unit_interval(philox([counter, 0, 0, 0], [7, 7])[lane])
    }

    /// The hierarchy, each triangle a patch of its own.
    fn bvh_of(scene: &Scene) -> Bvh {
        let mut bvh = Bvh::build(scene);
        bvh.set_patches(|triangle| triangle);
        bvh
    }

    fn soup(count: u32) -> Scene {
        let point =
            |i: u32, size: f64| (Vec3::new(random(i, 0), random(i, 1), random(i, 2)) - Vec3::repeat(0.5)) * size;
        let triangle = |i: u32| [0, 1, 2].map(|k| point(4 * i, 100.0) + point(4 * i + 1 + k, 5.0));
        scene_of(&(0..count).map(triangle).collect::<Vec<_>>())
    }

    #[test]
    fn the_hierarchy_finds_what_trying_every_triangle_finds() {
        for count in [1, 3, 4, 5, 9, 3000] {
            let scene = soup(count);
            let bvh = bvh_of(&scene);
            for i in 0..2000 {
                // Every fourth ray has a zero component, every sixteenth two.
                let mut direction = direction_of(3.1 * random(i, 0), 6.2 * random(i, 1));
                if i % 4 == 0 {
                    direction.x = 0.0;
                }
                if i % 16 == 0 {
                    direction.y = 0.0;
                }
                let ray = Ray::from_f64(&(Vec3::new(random(i, 2), random(i, 3), 0.4) * 50.0), &direction);
                let every = bvh.blocks.iter().fold(None, |best: Option<(f32, u32)>, block| {
                    let mut t = [0f32; BLOCK_WIDTH];
                    let met = Scalar::meet(&ray, block, f32::MAX, &mut t);
                    let lanes = (0..BLOCK_WIDTH).filter(|lane| met >> lane & 1 != 0);
                    let hits = lanes.map(|lane| (t[lane], block.triangle[lane]));
                    hits.chain(best).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
                });
                for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
                    let hit = run(level, Shot { bvh: &bvh, ray }).map(|hit| (hit.t, hit.triangle));
                    assert_eq!(hit, every, "{count} triangles, ray {i}, {level:?}");
                }
                let end = Vec3::new(random(i, 1), 0.3, random(i, 0)) * 90.0;
                let origin = Vec3::from(ray.origin.map(f64::from));
                let crossed = |t: u32| intersect_segment(&origin, &(end - origin), &scene.corners(t)).is_some();
                let every: Vec<u32> = (0..count).filter(|t| crossed(*t)).collect();
                let mut found = Vec::new();
                for_each_crossing(&scene, &bvh, [&origin, &end], |triangle| found.push(triangle));
                found.sort_unstable();
                assert_eq!(found, every, "{count} triangles, segment {i}");
            }
        }
    }

    struct Barred<'a> {
        scene: &'a Scene,
        bvh: &'a Bvh,
        ends: [&'a Vec3; 2],
    }

    impl Task for Barred<'_> {
        type Output = bool;
        #[inline(always)]
        fn run<L: Lanes>(self) -> bool {
            is_blocked::<L>(self.scene, self.bvh, self.ends, [NONE; 2])
        }
    }

    #[test]
    fn a_segment_is_blocked_if_f64_says_so_of_any_triangle() {
        let mut counts = [0; 2];
        // Near the origin, and so far away that f32 rounds to millimetres and to metres.
        for (shift, kinds) in [(0.0, 5), (2e4, 5), (3e7, 2)] {
            let mut scene = soup(300);
            scene.vertices.iter_mut().for_each(|v| *v += Vec3::new(shift, -shift, shift / 3.0));
            let mut bvh = bvh_of(&scene);
            for i in 0..3000u32 {
                // Later, as if the hierarchy were very large.
                if i == 1500 {
                    bvh.sort_lanes();
                }
                let of = |lane: usize| scene.corners((random(i, lane) * 300.0) as u32);
                let free = |k: u32| (Vec3::new(random(k, 0), random(k, 1), random(k, 2)) - Vec3::repeat(0.5)) * 120.0;
                let from = of(0)[0] + free(i + 7000) * random(i, 2);
                // Free; through a corner; along an edge; ending on an edge; ending within a rounding of a triangle.
                let [a, b, c] = of(1);
                let to = match i % kinds {
                    0 => of(2)[0] + free(i + 9000),
                    1 => from + (a - from) * (1.0 + random(i, 3)),
                    2 => from + (a + b - from * 2.0) * random(i, 3),
                    3 => (a + b) / 2.0,
                    _ => (a + b + c) / 3.0 + (from - a).normalize() * (random(i, 3) - 0.5) * 1e-4,
                };
                let along = to - from;
                let (first, last) = between_ends(&along).expect("a segment with a length");
                let crosses = |t: u32| {
                    intersect_segment(&from, &along, &scene.corners(t)).is_some_and(|t| first <= t && t <= last)
                };
                let expected = (0..300).any(crosses);
                counts[usize::from(expected)] += 1;
                for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
                    let barred = run(level, Barred { scene: &scene, bvh: &bvh, ends: [&from, &to] });
                    assert_eq!(barred, expected, "shift {shift}, segment {i}, {level:?}");
                }
            }
        }
        assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
    }
}
