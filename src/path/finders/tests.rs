//! Laws of the finders: they agree on mirrors, the laws of reflection and of edges hold, adjoints are those of differences.

use super::fermat::{fermat, fermat_vjp};
use super::image::{image, image_vjp};
use super::min_path::{min_path, min_path_from, min_path_vjp};
use super::{Affine, NoPath, Point, legs, whole};
use crate::math::random::{philox, unit_interval};

/// Numbers between -1 and 1.
fn random(seed: u32) -> impl FnMut() -> f64 {
    let mut counter = 0;
    move || {
        counter += 1;
        2.0 * unit_interval(philox([counter, 0, 0, 0], [seed, 7])[0]) - 1.0
    }
}

/// A chain about the origin: mirrors of D - 1 vectors, or edges of one.
fn chain<const D: usize>(seed: u32, dimensions: &[usize]) -> ([Point<D>; 2], Vec<Affine<D>>) {
    let mut next = random(seed);
    let mut point = |size: f64| Point::<D>::from_fn(|_, _| size * next());
    let ends = [point(3.0), point(3.0)];
    let objects = dimensions
        .iter()
        .map(|m| Affine { origin: point(4.0), basis: (0..*m).map(|_| point(2.0)).collect() })
        .collect();
    (ends, objects)
}

fn furthest<const D: usize>(a: &[Point<D>], b: &[Point<D>]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max)
}

fn agreement<const D: usize>(orders: &[usize]) -> usize {
    let mut compared = 0;
    for seed in 0..400 {
        let (ends, objects) = chain::<D>(seed, &vec![D - 1; orders[seed as usize % orders.len()]]);
        let ends = [&ends[0], &ends[1]];
        // Where a mirror stands between its neighbours there is nothing that obeys the law.
        let Ok(lawful) = min_path(ends, &objects) else { continue };
        let (shortest, images) = (fermat(ends, &objects).expect("a path"), image(ends, &objects).expect("a path"));
        let points = whole(ends, &lawful);
        let size: f64 = legs(&points).expect("legs").iter().map(|leg| leg.1).sum();
        assert!(furthest(&lawful, &images) < 1e-12 * size, "{seed}: {:e}", furthest(&lawful, &images));
        assert!(furthest(&shortest, &images) < 1e-12 * size, "{seed}: {:e}", furthest(&shortest, &images));
        for (k, pair) in legs(&points).expect("legs").windows(2).enumerate() {
            let n = objects[k].normal().expect("a normal");
            let (i, r) = (pair[0].0, pair[1].0);
            assert!((r - (i - n * (2.0 * i.dot(&n)))).norm() < 1e-11, "{seed}: the law of reflection is broken");
        }
        compared += 1;
    }
    compared
}

#[test]
fn the_three_finders_agree_on_mirrors_in_2d_and_3d() {
    assert!(agreement::<2>(&[1, 2, 3]) > 60);
    assert!(agreement::<3>(&[1, 2, 3]) > 60);
}

#[test]
fn edges_are_left_on_the_cone_of_arrival_and_chains_may_mix() {
    let mut met = 0;
    for seed in 0..200 {
        let dimensions: &[usize] = [&[1][..], &[1, 1], &[2, 1], &[1, 2], &[2, 1, 2]][seed as usize % 5];
        let (ends, objects) = chain::<3>(seed, dimensions);
        let ends = [&ends[0], &ends[1]];
        let Ok(lawful) = min_path(ends, &objects) else { continue };
        assert!(furthest(&lawful, &fermat(ends, &objects).expect("a path")) < 1e-11);
        for (k, pair) in legs(&whole(ends, &lawful)).expect("legs").windows(2).enumerate() {
            for t in objects[k].directions().expect("directions") {
                assert!((t.dot(&pair[0].0) - t.dot(&pair[1].0)).abs() < 1e-11, "{seed}: Keller's law is broken");
            }
        }
        met += 1;
    }
    assert!(met > 60, "{met}");
}

#[test]
fn lawful_paths_are_found_from_elsewhere() {
    let ends = [Point::<2>::new(-1.0, 1.0), Point::<2>::new(2.0, 0.5)];
    let objects = [Affine { origin: Point::<2>::new(0.3, 0.0), basis: vec![Point::<2>::new(2.0, 0.0)] }];
    let ends = [&ends[0], &ends[1]];
    let found = min_path_from(ends, &objects, vec![Point::<2>::new(0.0, 0.0)]).expect("a path");
    assert!((found[0] - Point::<2>::new(1.0, 0.0)).norm() < 1e-13, "{found:?}");
}

type Find<const D: usize> = fn([&Point<D>; 2], &[Affine<D>]) -> Result<Vec<Point<D>>, NoPath>;
type Vjp<const D: usize> = fn(
    [&Point<D>; 2],
    &[Affine<D>],
    &[Point<D>],
    &[Point<D>],
    &mut [Point<D>; 2],
    &mut [Affine<D>],
) -> Result<(), NoPath>;

/// The adjoint against central differences at two steps, along a random change of everything at once.
fn gradients<const D: usize>(dimensions: &[usize], find: Find<D>, vjp: Vjp<D>) -> usize {
    let mut checked = 0;
    for seed in 1000..1120 {
        let (ends, objects) = chain::<D>(seed, dimensions);
        let Ok(vertices) = min_path([&ends[0], &ends[1]], &objects) else { continue };
        // Vertices far away or legs that graze make differences of no use.
        let points = whole([&ends[0], &ends[1]], &vertices);
        if vertices.iter().any(|v| v.norm() > 12.0) || legs(&points).expect("legs").iter().any(|leg| leg.1 < 0.3) {
            continue;
        }
        let (ends_to, objects_to) = chain::<D>(seed + 5000, dimensions);
        let (_, weights) = chain::<D>(seed + 9000, dimensions);
        let loss_bar: Vec<Point<D>> = weights.iter().map(|w| w.origin).collect();
        let loss = |h: f64| -> f64 {
            let ends = [0, 1].map(|i| ends[i] + ends_to[i] * h);
            let moved = |(a, b): (&Affine<D>, &Affine<D>)| Affine {
                origin: a.origin + b.origin * h,
                basis: a.basis.iter().zip(&b.basis).map(|(a, b)| a + b * h).collect(),
            };
            let objects: Vec<Affine<D>> = objects.iter().zip(&objects_to).map(moved).collect();
            let vertices = find([&ends[0], &ends[1]], &objects).expect("a path");
            vertices.iter().zip(&loss_bar).map(|(v, w)| v.dot(w)).sum()
        };
        let (coarse, fine) = crate::math::difference::slope([2e-5, 1e-5], loss);
        let mut ends_bar = [Point::zeros(); 2];
        let mut objects_bar: Vec<Affine<D>> = objects.iter().map(Affine::no_bars).collect();
        let ends = [&ends[0], &ends[1]];
        vjp(ends, &objects, &vertices, &loss_bar, &mut ends_bar, &mut objects_bar).expect("bars");
        let mut dot: f64 = (0..2).map(|i| ends_bar[i].dot(&ends_to[i])).sum();
        for (bar, to) in objects_bar.iter().zip(&objects_to) {
            dot += bar.origin.dot(&to.origin) + bar.basis.iter().zip(&to.basis).map(|(a, b)| a.dot(b)).sum::<f64>();
        }
        let scale = fine.abs() + loss_bar.iter().map(Point::norm).sum::<f64>();
        // Where the two steps differ the path turns too sharply for differences of this size.
        if (coarse - fine).abs() < 1e-7 * scale {
            assert!((dot - fine).abs() < 1e-6 * scale, "{seed} {dimensions:?}: {dot} {fine}");
            checked += 1;
        }
    }
    checked
}

#[test]
fn adjoints_are_those_of_differences() {
    assert!(gradients::<2>(&[1], image, image_vjp) > 10);
    for dimensions in [&[1][..], &[1, 1], &[1, 1, 1]] {
        let counts = [(image as Find<2>, image_vjp as Vjp<2>), (fermat, fermat_vjp), (min_path, min_path_vjp)]
            .map(|(f, v)| gradients(dimensions, f, v));
        assert!(counts.iter().all(|count| *count > 5), "{dimensions:?}: {counts:?}");
    }
    for dimensions in [&[2][..], &[2, 2]] {
        let counts = [(image as Find<3>, image_vjp as Vjp<3>), (fermat, fermat_vjp), (min_path, min_path_vjp)]
            .map(|(f, v)| gradients(dimensions, f, v));
        assert!(counts.iter().all(|count| *count > 5), "{dimensions:?}: {counts:?}");
    }
    for dimensions in [&[1][..], &[1, 1], &[2, 1], &[1, 2]] {
        let counts = [(fermat as Find<3>, fermat_vjp as Vjp<3>), (min_path, min_path_vjp)]
            .map(|(f, v)| gradients(dimensions, f, v));
        assert!(counts.iter().all(|count| *count > 5), "{dimensions:?}: {counts:?}");
    }
}

#[test]
fn degenerate_inputs_are_named() {
    let mirror =
        |origin: [f64; 2], along: [f64; 2]| Affine { origin: origin.into(), basis: vec![Point::<2>::from(along)] };
    let (a, b) = (Point::<2>::new(0.0, 1.0), Point::<2>::new(2.0, 1.0));
    let floor = mirror([0.0, 0.0], [1.0, 0.0]);
    // A mirror without a direction, and one that is not finite.
    for flat in [mirror([0.0, 0.0], [0.0, 0.0]), mirror([0.0, 0.0], [f64::NAN, 1.0])] {
        assert_eq!(image([&a, &b], std::slice::from_ref(&flat)), Err(NoPath::Flat));
        assert_eq!(fermat([&a, &b], std::slice::from_ref(&flat)), Err(NoPath::Flat));
        assert_eq!(min_path([&a, &b], std::slice::from_ref(&flat)), Err(NoPath::Flat));
    }
    // A mirror between its neighbours reflects nothing.
    let below = Point::<2>::new(2.0, -1.0);
    assert_eq!(min_path([&a, &below], std::slice::from_ref(&floor)), Err(NoPath::Unlawful));
    let straight = fermat([&a, &below], std::slice::from_ref(&floor)).expect("the straight way");
    assert!((straight[0] - Point::<2>::new(1.0, 0.0)).norm() < 1e-14);
    // Both ends are the mirror's own point; the shortest way stays there.
    let on = Point::<2>::new(1.0, 0.0);
    assert!(fermat([&on, &on], std::slice::from_ref(&floor)).is_err());
    // The same mirror twice: no leg between its two vertices.
    assert!(fermat([&a, &b], &[floor.clone(), floor.clone()]).is_err());
    assert!(min_path([&a, &b], &[floor.clone(), floor.clone()]).is_err());
    // An edge has no image; an image line that is parallel to its mirror meets it nowhere.
    let edge = Affine { origin: Point::<3>::zeros(), basis: vec![Point::<3>::x()] };
    let (p, q) = (Point::<3>::new(0.0, 1.0, 0.0), Point::<3>::new(1.0, 0.0, 1.0));
    assert_eq!(image([&p, &q], std::slice::from_ref(&edge)), Err(NoPath::Edge));
    assert_eq!(image([&a, &Point::<2>::new(3.0, -1.0)], std::slice::from_ref(&floor)), Err(NoPath::Unlawful));
    // No objects: nothing to find, nothing to pull.
    assert_eq!(fermat([&a, &b], &[]), Ok(vec![]));
    assert_eq!(min_path([&a, &b], &[]), Ok(vec![]));
    assert_eq!(image([&a, &b], &[]), Ok(vec![]));
}
