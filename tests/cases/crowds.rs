//! Scenes whose triangles crowd: copies of one wall, fans about one corner. Their pairs are as many as the square of
//! their number, and a search over all pairs would take hours here.

use crate::support::{accept, build};
use raylobe::geometry::Geometry;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{ObjectDescription, SceneDescription};
use raylobe::scene::mesh::Mesh;
use raylobe::solve::Solution;
use std::time::Instant;

/// Triangles of a crowd: a search over all pairs takes a hundred times the bound below.
const CROWD: usize = 50_000;
/// Far above what a crowd takes, for machines that are slow or busy [s].
const MOST_SECONDS: f64 = 20.0;

type Triangle = [[f64; 3]; 3];

fn scene_of(objects: &[(&str, Vec<Triangle>)]) -> SceneDescription {
    let materials = [build::material("a", 5.2, 0.3, f64::INFINITY), build::material("b", 3.0, 0.1, 0.2)];
    let mut scene = build::scene_of(&materials);
    for (material, triangles) in objects {
        let mut mesh = Mesh::default();
        for corners in triangles {
            let base = mesh.vertices.len() as u32;
            mesh.vertices.extend(corners);
            mesh.triangles.push([base, base + 1, base + 2]);
        }
        let name = format!("object_{}", scene.objects.len());
        scene.objects.push(ObjectDescription { name, material: (*material).into(), mesh });
    }
    scene
}

/// Facets and patches of a scene, found within the bound.
fn facets_and_patches(what: &str, scene: &SceneDescription) -> (usize, usize) {
    let scene = build::checked(scene);
    let start = Instant::now();
    let geometry = Geometry::new(&scene);
    let seconds = start.elapsed().as_secs_f64();
    let bound = format!("<= {MOST_SECONDS} s");
    accept(&format!("geometry of {what}"), format!("{seconds:.1} s"), &bound, seconds <= MOST_SECONDS);
    (geometry.facets.len(), geometry.facets.planes.len())
}

const WALL: Triangle = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]];

/// The slices of a disc or cone of radius 5 m about a top at `height` [m].
fn slices(count: usize, height: f64) -> Vec<Triangle> {
    let rim = |i: usize| {
        let (sin, cos) = libm::sincos((i % count) as f64 * std::f64::consts::TAU / count as f64);
        [5.0 * cos, 5.0 * sin, 0.0]
    };
    (0..count).map(|i| [[0.0, 0.0, height], rim(i), rim(i + 1)]).collect()
}

fn reflected(scene: &SceneDescription) -> Solution {
    let radios = build::radios(Polarization::V, &[[1.0, 1.1, 2.0]], &[[1.4, 0.7, 1.0]]);
    build::solved(scene, &radios, &[28e9], &build::launch(2, 1_000, 16))
}

#[test]
fn a_wall_that_is_there_many_times_is_one_facet_for_each_material() {
    let scene = scene_of(&[("a", vec![WALL; CROWD]), ("b", vec![WALL; 1000])]);
    assert_eq!(facets_and_patches("copies of one triangle", &scene), (2, 1));
    let scene = scene_of(&[("a", vec![WALL; 1000]), ("b", vec![WALL; 1000])]);
    assert_eq!(reflected(&scene).paths.len(), 2, "the direct path and one reflection");
}

#[test]
fn a_disc_of_many_slices_is_one_facet() {
    let scene = scene_of(&[("a", slices(CROWD, 0.0))]);
    assert_eq!(facets_and_patches("a disc", &scene), (1, 1));
    assert_eq!(reflected(&scene_of(&[("a", slices(1000, 0.0))])).paths.len(), 2);
}

#[test]
fn a_crowd_and_its_neighbours_hang_together_over_the_seam() {
    // Each copy touches the neighbour, which stands in no crowd but for them; a third triangle touches it alone.
    let beside = [[4.0, 0.0, 0.0], [4.0, 4.0, 0.0], [0.0, 4.0, 0.0]];
    let apart = [[9.0, 4.0, 0.0], [4.0, 4.0, 0.0], [9.0, 9.0, 0.0]];
    let bent = [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.0, 4.0]];
    let scene = scene_of(&[("a", vec![apart]), ("a", vec![WALL; 1000]), ("a", vec![beside, bent])]);
    assert_eq!(facets_and_patches("a crowd and its neighbours", &scene), (2, 2));
}

#[test]
fn a_cone_of_many_sides_has_as_many_facets() {
    let scene = scene_of(&[("a", slices(500, 5.0))]);
    assert_eq!(facets_and_patches("a cone", &scene), (500, 500));
}
