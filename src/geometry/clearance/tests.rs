use super::*;
use crate::geometry::Geometry;
use crate::geometry::outline::Outlines;
use crate::math::difference::slope;
use crate::scene::Scene;
use crate::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use crate::scene::material::OutOfRange;
use crate::scene::mesh::Mesh;
use proptest::prelude::*;

/// A scene of one object with these corners, and triangles of them.
fn scene_of(vertices: &[[f64; 3]], triangles: &[[u32; 3]]) -> Scene {
    let mesh = Mesh { vertices: vertices.to_vec(), triangles: triangles.to_vec() };
    let wall = ObjectDescription { name: "wall".into(), material: "m".into(), mesh };
    let materials = vec![MaterialDescription::itu("m", "concrete")];
    Scene::new(&SceneDescription { objects: vec![wall], materials, ..Default::default() }, OutOfRange::Clamp).unwrap()
}

/// An L of six corners, of which one lies within the edge of another triangle, with a copy of one triangle.
fn ell() -> Scene {
    let vertices = [[0., 0., 0.], [4., 0., 0.], [4., 2., 0.], [2., 2., 0.], [2., 6., 0.], [0., 6., 0.], [0., 2., 0.]];
    scene_of(&vertices, &[[0, 1, 2], [0, 2, 6], [6, 3, 5], [5, 3, 4], [4, 3, 5]])
}

fn outlined<T>(scene: &Scene, use_it: impl FnOnce(&Geometry, &Outlines, Outline) -> T) -> T {
    let geometry = Geometry::new(scene);
    let outlines = Outlines::build(&geometry);
    let outline = outlines.of_patch(&geometry, 0);
    use_it(&geometry, &outlines, outline)
}

#[test]
fn an_outline_is_where_the_wall_ends_and_not_where_it_is_cut() {
    outlined(&ell(), |geometry, outlines, outline| {
        assert_eq!(geometry.facets.planes.len(), 1, "one wall");
        assert!(!outline.shape.is_convex);
        // Each edge of the L, once or more (the copy), and nothing else.
        let length = |edge: &Edge| (edge.ends[1] - edge.ends[0]).norm();
        let on = |axis: usize, x: f64| {
            let own = outline.edges.iter().filter(|e| e.ends.iter().all(|p| (p + geometry.scene.origin)[axis] == x));
            own.map(length).sum::<f64>()
        };
        assert_eq!((on(0, 0.0), on(0, 4.0), on(1, 0.0)), (6.0, 2.0, 4.0));
        assert_eq!(on(1, 6.0), 2.0 * 2.0, "an edge of two copies");
        // From (2, 2) on, both ways: what is below y = 2 at x < 2 goes on.
        assert!((on(1, 2.0) - 2.0).abs() < 1e-3 && (on(0, 2.0) - 2.0 * 4.0).abs() < 1e-3);
        assert_eq!(outlines.of_facet(geometry, 0).edges.len(), outline.edges.len());
    });
}

#[test]
fn distances_are_those_of_a_wall_in_plain_places() {
    let wall = scene_of(&[[0., 0., 0.], [10., 0., 0.], [10., 6., 0.], [0., 6., 0.]], &[[0, 1, 2], [0, 2, 3]]);
    outlined(&wall, |geometry, _, outline| {
        assert!(outline.shape.is_convex && outline.edges.len() == 4);
        let of = |a: [f64; 3], b: [f64; 3]| {
            let segment = [a, b].map(|p| Vec3::from(p) - geometry.scene.origin);
            clearance(&segment, &outline, f64::NEG_INFINITY).unwrap().signed
        };
        // Straight through, 2 m from the long edge; ends near the plane; a miss by 1 m; beside the wall; oblique.
        assert_eq!(of([5., 2., 9.], [5., 2., -9.]), 2.0);
        assert_eq!(of([5., 2., 0.5], [5., 2., -9.]), 0.5);
        assert_eq!(of([5., -1., 9.], [5., -1., -9.]), -1.0);
        assert_eq!(of([5., 2., 9.], [5., 2., 3.]), -3.0);
        assert_eq!(of([2., 1., 2.], [8., 5., 2.]), -2.0);
        assert_eq!(of([2., 1., 0.], [8., 5., 0.]), 0.0);
        assert!((of([5., -4., 3.], [5., 6., -7.]) + 0.5f64.sqrt()).abs() < 1e-12, "the edge and a line at 45 degrees");
        let segment = [Vec3::new(5., 60., 9.), Vec3::new(5., 60., -9.)];
        assert_eq!(clearance(&segment, &outline, -1.0), None);
    });
}

fn segment_of(x: &[f64; 6]) -> [Vec3; 2] {
    [Vec3::new(4.0 * x[0], 5.0 * x[1], 2.0 * x[2]), Vec3::new(4.0 * x[3], 5.0 * x[4], 2.0 * x[5])]
}

proptest! {
    /// T109: the distance of closed sets changes by no more than what it is made of.
    #[test]
    fn signed_distances_change_by_no_more_than_the_segment(
        x in prop::array::uniform6(-1.0..1.0f64), v in prop::array::uniform6(-1.0..1.0f64), step in 1e-9..0.5f64,
    ) {
        outlined(&ell(), |_, _, outline| {
            let moved: [f64; 6] = std::array::from_fn(|i| x[i] + step * v[i]);
            let (a, b) = (segment_of(&x), segment_of(&moved));
            let most = (a[0] - b[0]).norm().max((a[1] - b[1]).norm());
            let [a, b] = [a, b].map(|segment| clearance(&segment, &outline, f64::NEG_INFINITY).unwrap().signed);
            prop_assert!((a - b).abs() <= most + 1e-12, "{} {} {}", a, b, most);
            Ok(())
        })?;
    }

    #[test]
    fn signed_distances_have_the_gradient_of_differences(
        x in prop::array::uniform6(-1.0..1.0f64), v in prop::array::uniform6(-1.0..1.0f64),
    ) {
        outlined(&ell(), |_, _, outline| {
            let (segment, along) = (segment_of(&x), segment_of(&v));
            let at = |h: f64| clearance(&[segment[0] + along[0] * h, segment[1] + along[1] * h], &outline, f64::NEG_INFINITY);
            let own = at(0.0).unwrap();
            // Differences across a change of feature say nothing.
            let steps = [1e-4, 5e-5];
            let same = |h: f64| std::mem::discriminant(&at(h).unwrap().feature) == std::mem::discriminant(&own.feature);
            let edge = |h: f64| match at(h).unwrap().feature { Feature::Edge { edge, at: [s, t] } => (edge, [s == 0.0, s == 1.0, t == 0.0, t == 1.0]), Feature::End(end) => (u32::from(end), [false; 4]) };
            prop_assume!([1e-4, -1e-4].iter().all(|h| same(*h) && edge(*h) == edge(0.0) && at(*h).unwrap().signed * own.signed > 0.0));
            let (_, expected) = slope(steps, |h| at(h).unwrap().signed);
            let mut bar = ClearanceBar::default();
            clearance_vjp(&segment, &outline, &own, 1.0, &mut bar);
            let found = bar.segment[0].dot(&along[0]) + bar.segment[1].dot(&along[1]);
            prop_assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{} {} {:?}", found, expected, own);
            Ok(())
        })?;
    }
}
