//! Nothing gets into a closed building, nor through a wall that stands on the ground, not even where surfaces meet.

use crate::support::build::{self, add_cuboid, add_panel, radios, scene_of, solved};
use raylobe::math::Vec3;
use raylobe::math::frame::rotation_of;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::SceneDescription;

/// Ground, and a closed block from [-3, -4, 0] to [3, 4, 7.03], all of one material.
fn block() -> SceneDescription {
    let mut scene = scene_of(&[build::material("wall", 5.0, 0.1, 0.2)]);
    add_panel(&mut scene, "ground", "wall", [-30.0, -30.0, 0.0], [60.0, 0.0, 0.0], [0.0, 60.0, 0.0]);
    add_cuboid(&mut scene, "block", "wall", [-3.0, -4.0, 0.0], [3.0, 4.0, 7.03]);
    scene
}

/// A place from where, by the mirror image in the plane x = `wall`, the `edge` lies before `inside`.
fn behind_edge(inside: Vec3, edge: Vec3, share: f64) -> Vec3 {
    let image = edge + (edge - inside) * share;
    Vec3::new(2.0 * edge.x - image.x, image.y, image.z)
}

#[test]
fn a_path_reflected_exactly_at_an_edge_of_a_closed_box_does_not_leak_inside() {
    let inside = Vec3::new(1.0, 0.5, 3.0);
    // On the edge between the side x = 3 and the roof, on one of its corners, within a rounding of it, and at the side's
    // vertical edge.
    let edges = [[3.0, 0.0, 7.03], [3.0, 1.7, 7.03], [3.0, 4.0, 7.03], [3.0, 4.0, 2.0], [3.0, 0.25, 7.03 - 5e-7]];
    for edge in edges {
        for share in [0.5, 1.0, 1.7] {
            let source = behind_edge(inside, Vec3::from(edge), share);
            assert!(source.z > 7.03 || source.y > 4.0, "outside: {source}");
            for turn in [[0.0; 3], [0.3, 0.2, -0.7]] {
                let turn = rotation_of(turn);
                let mut scene = block();
                let vertices = scene.objects.iter_mut().flat_map(|object| object.mesh.vertices.iter_mut());
                vertices.for_each(|vertex| *vertex = (turn * Vec3::from(*vertex)).into());
                let [from, to] = [source, inside].map(|end| (turn * end).into());
                let solution =
                    solved(&scene, &radios(Polarization::V, &[from], &[to]), &[3.5e9], &build::by_default(1));
                assert_eq!(solution.paths.len(), 0, "{edge:?}, {share}: {:?}", solution.paths.vertex);
            }
        }
    }
}

#[test]
fn a_path_reflected_at_the_foot_of_a_wall_does_not_pass_it() {
    for wall_y in [-10.0, 0.5] {
        // The foot's end lies where the path is reflected, or somewhere else.
        let mut scene = scene_of(&[build::material("wall", 5.0, 0.1, 0.2)]);
        add_panel(&mut scene, "ground", "wall", [-30.0, -30.0, 0.0], [60.0, 0.0, 0.0], [0.0, 60.0, 0.0]);
        add_panel(&mut scene, "wall", "wall", [0.0, wall_y, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 12.0]);
        let ends = [[-2.0, 0.0, 1.5], [2.0, 1.0, 1.5], [-2.0, 1.0, 1.5]];
        let solution =
            solved(&scene, &radios(Polarization::V, &ends[..1], &ends[1..]), &[3.5e9], &build::by_default(1));
        assert_eq!(solution.paths.of_link(0).len(), 0, "{:?}", solution.paths.vertex);
        // On the same side there are all three: direct, by the ground, by the wall.
        assert_eq!(solution.paths.of_link(1).len(), 3);
    }
}

#[test]
fn a_path_reflected_at_the_rim_of_a_roof_from_above_is_kept() {
    // What lies below the roof does not stand in its way.
    let ends = [[2.0, 0.0, 9.03], [4.0, 0.0, 9.03]];
    let solution = solved(&block(), &radios(Polarization::V, &ends[..1], &ends[1..]), &[3.5e9], &build::by_default(1));
    let at_rim = |vertex: &Vec3| (vertex - Vec3::new(3.0, 0.0, 7.03)).norm() < 1e-9;
    assert!(solution.paths.vertex.iter().any(at_rim), "{:?}", solution.paths.vertex);
}

#[test]
fn closed_boxes_that_stand_wall_to_wall_stay_closed() {
    // Two blocks side by side, and a third on top; ends and edges on one grid, so that many paths meet edges and corners.
    let mut scene = scene_of(&[build::material("wall", 5.0, 0.1, 0.2)]);
    add_panel(&mut scene, "ground", "wall", [-8.0, -8.0, 0.0], [16.0, 0.0, 0.0], [0.0, 16.0, 0.0]);
    add_cuboid(&mut scene, "left", "wall", [-2.0, -2.0, 0.0], [0.0, 2.0, 4.0]);
    add_cuboid(&mut scene, "right", "wall", [0.0, -2.0, 0.0], [2.0, 2.0, 2.0]);
    add_cuboid(&mut scene, "tower", "wall", [-2.0, -2.0, 4.0], [0.0, 0.0, 6.0]);
    let half = |range: std::ops::Range<i32>| range.map(|i| f64::from(i) / 2.0);
    let mut inside = Vec::new();
    for x in half(-3..4) {
        for y in half(-3..4) {
            for z in half(1..12) {
                let is_left = x < 0.0 && z < 4.0;
                let is_right = x > 0.0 && z < 2.0;
                let is_tower = x < 0.0 && y < 0.0 && z > 4.0 && z < 6.0;
                if is_left || is_right || is_tower {
                    inside.push([x, y, z]);
                }
            }
        }
    }
    let outside =
        [[-4.0, 0.0, 2.0], [1.0, 1.0, 3.0], [4.0, -4.0, 1.0], [-1.0, 1.0, 5.0], [1.0, 0.0, 6.0], [3.0, 3.0, 0.5]];
    let solution = solved(&scene, &radios(Polarization::V, &outside, &inside), &[3.5e9], &build::exhaustive(2));
    assert_eq!(solution.paths.len(), 0, "{:?}", solution.paths.vertex);
}
