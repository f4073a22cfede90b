//! How far a segment is from being blocked by a wall: in metres (T109, T113), or by the peer's parameters (T112).

use super::{Graded, Vec2, Wall};
use crate::math::smoothing::SmoothStep;

/// The peer's guard about both intersection parameters [-].
const GUARD: f64 = 0.005;
/// Points nearer than this are one: no direction leads from one to the other [m].
const SAME_POINT_M: f64 = 1e-12;

/// The signed distance [m] of a segment from a wall (T109): where they cross, how far one of their four ends must move across
/// the other's line until they part; else minus their distance.
pub fn overlap(segment: [&Vec2; 2], wall: &Wall) -> Graded {
    let [c, d] = &wall.ends;
    if crosses(segment, wall) {
        let along = wall.along();
        let normal = perpendicular(&along) / along.norm();
        let of_end = |i: usize| {
            let distance = normal.dot(&(segment[i] - c));
            let mut by = [Vec2::zeros(); 2];
            by[i] = normal * distance.signum();
            Graded { value: distance.abs(), by }
        };
        let of_ends = of_end(0).min(of_end(1));
        return of_ends.min(from_line(c, segment)).min(from_line(d, segment));
    }
    let ends = [to_wall(segment[0], wall, 0), to_wall(segment[1], wall, 1)];
    let nearest = ends[0].min(ends[1]).min(to_segment(c, segment)).min(to_segment(d, segment));
    nearest.mapped((-nearest.value, -1.0))
}

/// How far the first end of a segment is inside the shadow that a wall throws from the second one [m], negative outside it
/// (T113): the distance of the first end from the shadow's outline. Where the second end goes along with the first one at the
/// share `guard` of its pace, its own distance from the wall counts as that much more.
pub fn shadow(segment: [&Vec2; 2], wall: &Wall, guard: f64) -> Graded {
    let mut nearest = to_wall(segment[0], wall, 0);
    if guard > 0.0 {
        let second = to_wall(segment[1], wall, 1);
        nearest = nearest.min(second.mapped((second.value / guard, 1.0 / guard)));
    }
    for edge in &wall.ends {
        nearest = nearest.min(from_edge_ray(segment, edge));
    }
    let sign = if crosses(segment, wall) { 1.0 } else { -1.0 };
    nearest.mapped((sign * nearest.value, sign))
}

/// A distance of a segment from a wall, both longer by the share `guard` at both ends.
pub fn guarded(distance: impl Fn([&Vec2; 2], &Wall) -> Graded, segment: [&Vec2; 2], wall: &Wall, guard: f64) -> Graded {
    if guard == 0.0 {
        return distance(segment, wall);
    }
    let more = (segment[0] - segment[1]) * guard;
    let own = distance([&(segment[0] + more), &(segment[1] - more)], &wall.lengthened(guard));
    let by = [0, 1].map(|i| own.by[i] * (1.0 + guard) - own.by[1 - i] * guard);
    Graded { value: own.value, by }
}

/// The peer's smoothed test whether a segment crosses a wall [-] (T112b): the least of s(t + 0.005) and s(1.005 - t) over the
/// positions t of the crossing along the wall and along the segment; 0 where they are parallel.
pub fn crossing(segment: [&Vec2; 2], wall: &Wall, step: &SmoothStep) -> Graded {
    let a = wall.along();
    let b = segment[0] - segment[1];
    let c = wall.ends[0] - segment[0];
    let determinant = a.y * b.x - a.x * b.y;
    let (on_wall, on_segment) = (b.y * c.x - b.x * c.y, a.x * c.y - a.y * c.x);
    // By the first end b changes as it does and c against it, by the second one b against it.
    let of_b = |of_b: Vec2, of_c: Vec2| [of_b - of_c, -of_b];
    let determinant_by = of_b(Vec2::new(a.y, -a.x), Vec2::zeros());
    let numerators = [
        (on_wall, of_b(Vec2::new(-c.y, c.x), Vec2::new(b.y, -b.x))),
        (on_segment, of_b(Vec2::zeros(), Vec2::new(-a.y, a.x))),
    ];
    let mut least = Graded::constant(f64::INFINITY);
    for (numerator, numerator_by) in numerators {
        let t = numerator / determinant;
        // Parallel, or so nearly that their meeting is out of all numbers.
        if !t.is_finite() {
            return Graded::constant(0.0);
        }
        let by = [0, 1].map(|i| (numerator_by[i] - determinant_by[i] * t) / determinant);
        let t = Graded { value: t, by };
        let (after, before) = (step.of(t.value + GUARD), step.of(1.0 + GUARD - t.value));
        least = least.min(t.mapped(after)).min(t.mapped((before.0, -before.1)));
    }
    least
}

fn crosses(segment: [&Vec2; 2], wall: &Wall) -> bool {
    let side = |from: &Vec2, along: &Vec2, point: &Vec2| along.perp(&(point - from));
    let (along, way) = (wall.along(), segment[1] - segment[0]);
    side(&wall.ends[0], &along, segment[0]) * side(&wall.ends[0], &along, segment[1]) < 0.0
        && side(segment[0], &way, &wall.ends[0]) * side(segment[0], &way, &wall.ends[1]) < 0.0
}

fn perpendicular(v: &Vec2) -> Vec2 {
    Vec2::new(-v.y, v.x)
}

/// The distance of end `i` of a segment from a wall.
fn to_wall(end: &Vec2, wall: &Wall, i: usize) -> Graded {
    let along = wall.along();
    let share = (along.dot(&(end - wall.ends[0])) / along.norm_squared()).clamp(0.0, 1.0);
    let away = end - (wall.ends[0] + along * share);
    let mut by = [Vec2::zeros(); 2];
    by[i] = unit(&away);
    Graded { value: away.norm(), by }
}

/// The distance of a fixed point from a segment.
fn to_segment(point: &Vec2, segment: [&Vec2; 2]) -> Graded {
    let way = segment[1] - segment[0];
    let square = way.norm_squared();
    let share = if square > 0.0 { (way.dot(&(point - segment[0])) / square).clamp(0.0, 1.0) } else { 0.0 };
    let away = point - (segment[0] + way * share);
    let direction = unit(&away);
    Graded { value: away.norm(), by: [direction * (share - 1.0), direction * -share] }
}

/// The distance of a fixed point from the line of a segment, which has some length.
fn from_line(point: &Vec2, segment: [&Vec2; 2]) -> Graded {
    let way = segment[1] - segment[0];
    let normal = perpendicular(&way) / way.norm();
    let distance = normal.dot(&(point - segment[0]));
    let share = way.dot(&(point - segment[0])) / way.norm_squared();
    let away = normal * distance.signum();
    Graded { value: distance.abs(), by: [away * (share - 1.0), away * -share] }
}

/// The distance of a segment's first end from the ray that goes on from `edge` away from the second end.
fn from_edge_ray(segment: [&Vec2; 2], edge: &Vec2) -> Graded {
    let (ray, way) = (edge - segment[1], segment[0] - edge);
    let length = ray.norm();
    if length < SAME_POINT_M {
        return Graded::constant(f64::INFINITY);
    }
    let direction = ray / length;
    let along = direction.dot(&way);
    if along <= 0.0 {
        return Graded { value: way.norm(), by: [unit(&way), Vec2::zeros()] };
    }
    let normal = perpendicular(&direction);
    let distance = normal.dot(&way);
    let away = normal * distance.signum();
    Graded { value: distance.abs(), by: [away, away * (along / length)] }
}

/// The direction of a vector; none where it has no length: there a distance has a kink, of which 0 is one slope.
fn unit(v: &Vec2) -> Vec2 {
    let length = v.norm();
    if length > 0.0 { v / length } else { Vec2::zeros() }
}
