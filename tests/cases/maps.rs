//! Radio maps: what they hold is what paths to the same points hold (theory.md, "Radio maps").

use crate::support::build::{self, Numbers, add_cuboid, add_panel, backend, checked, scene_of};
use crate::support::large_truth;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization};
use raylobe::scene::description::SceneDescription;
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, MapTile, Survey};
use raylobe::solve::sampled::Target;
use raylobe::solve::solve;

const CARRIERS: [f64; 2] = [3.5e9, 28e9];

/// A yard: ground, two walls and a block, all of different materials.
fn yard() -> SceneDescription {
    let materials = ["ground", "wall", "block"].map(|name| build::material(name, 5.0, 0.1, 0.2));
    let mut scene = scene_of(&materials);
    add_panel(&mut scene, "ground", "ground", [-20.0, -20.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]);
    add_panel(&mut scene, "left", "wall", [-20.0, -15.0, 0.0], [40.0, 0.0, 0.0], [0.0, 0.0, 12.0]);
    add_panel(&mut scene, "right", "wall", [-20.0, 15.0, 0.0], [40.0, 3.0, 0.0], [0.0, 0.0, 12.0]);
    add_cuboid(&mut scene, "block", "block", [3.0, -4.0, 0.0], [8.0, 6.0, 7.03]);
    scene
}

/// Two transmitters, one with a steered array, and a receiver that is turned.
fn radios() -> Radios {
    let array = PlanarArray { rows: 2, columns: 2, vertical_spacing: 0.5, horizontal_spacing: 0.5 };
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::Cross,
        array: Some(array),
        ..AntennaDescription::default()
    };
    let mut radios = build::radios(Polarization::VH, &[[-9.0, 1.0, 9.0], [12.0, -7.0, 3.0]], &[[0.0; 3]]);
    radios.antennas.push(build::antenna(&panel, 0.0107));
    radios.transmitters[0].antenna = 1;
    radios.transmitters[0].orientation = [0.3, 0.2, 0.1];
    let weight = |i: u32| C64::from_polar(8f64.sqrt().recip(), 0.7 * f64::from(i));
    radios.transmitters[0].weights = Some((0..8).map(weight).collect());
    radios.receivers[0].orientation = [1.0, 0.4, -0.2];
    radios
}

fn survey(layout: Layout, points: usize) -> Survey {
    let target = Target { rays: 1, max_rays: 1, relative_error: None };
    Survey { layout, points, mean: Mean::Points, noise: 1e-12, target }
}

/// A sheet that is turned, and cuts the block.
fn tilted() -> Layout {
    let rotation = rotation_of([0.4, 0.1, -0.15]);
    Layout::Sheet(Sheet::about(&Vec3::new(1.0, 0.5, 2.5), [24.0, 18.0], [4.0, 3.0], &rotation), Ground::Plane)
}

/// The whole map in tiles of so many cells.
fn mapped(scene: &Scene, radios: &Radios, survey: &Survey, options: &SolverOptions, per_tile: usize) -> Vec<MapTile> {
    let mut engine =
        MapEngine::new(backend(), scene, survey, radios, &CARRIERS, options, &Silent).expect("a sound scene");
    let cells = engine.grid().len();
    let tiles = (0..cells).step_by(per_tile).map(|first| first..cells.min(first + per_tile));
    tiles.map(|cells| engine.tile(cells).expect("a sound tile")).collect()
}

#[test]
fn a_map_is_the_sum_over_the_paths_to_its_points() {
    let (scene, radios, points) = (checked(&yard()), radios(), 2);
    let options = build::by_default(3);
    let survey = survey(tilted(), points);
    let map = &mapped(&scene, &radios, &survey, &options, usize::MAX)[0];
    let Layout::Sheet(sheet, _) = &survey.layout else { panic!("a sheet") };
    let mut at_points = radios.clone();
    at_points.receivers.clear();
    for cell in 0..sheet.len() {
        for point in 0..points * points {
            let [u, v] = [point % points, point / points].map(|k| (k as f64 + 0.5) / points as f64);
            let position = sheet.at((cell % sheet.cells[0]) as f64 + u, (cell / sheet.cells[0]) as f64 + v);
            at_points.receivers.push(raylobe::scene::radio::Radio { position, ..radios.receivers[0].clone() });
        }
    }
    let solution = solve(backend(), &scene, &at_points, &CARRIERS, &options, &Silent).expect("it can be solved");
    let (mut lit, mut dark) = (0, 0);
    for carrier in 0..CARRIERS.len() {
        for transmitter in 0..2 {
            for cell in 0..sheet.len() {
                let mut expected = 0.0;
                for point in cell * points * points..(cell + 1) * points * points {
                    for path in solution.paths.of_link(point * 2 + transmitter) {
                        expected += power(&radios, transmitter, solution.channel.of_path(path, carrier));
                    }
                }
                let found = map.sums[(carrier * 2 + transmitter) * sheet.len() + cell].gain;
                assert!(
                    (found - expected).abs() <= 1e-9 * expected,
                    "{carrier} {transmitter} {cell}: {found} {expected}"
                );
                *(if found > 0.0 { &mut lit } else { &mut dark }) += 1;
            }
        }
    }
    assert!(lit > 50 && dark > 2, "{lit} lit, {dark} dark");
}

/// |sum over transmit ports of w a|^2, summed over receive ports.
fn power(radios: &Radios, transmitter: usize, a: &[C64]) -> f64 {
    let columns = radios.antenna(&radios.transmitters[transmitter]).ports();
    let uniform = vec![C64::from((columns as f64).sqrt().recip()); columns];
    let weights = radios.transmitters[transmitter].weights.as_ref().unwrap_or(&uniform);
    let row = |row: &[C64]| row.iter().zip(weights).map(|(a, w)| a * w).sum::<C64>().norm_sqr();
    a.chunks_exact(columns).map(row).sum()
}

#[test]
fn tiles_do_not_change_a_map() {
    let (scene, radios) = (checked(&yard()), radios());
    let options = SolverOptions { rays: 3000, ..build::by_default_with_rays(2) };
    let survey = survey(tilted(), 2);
    let whole = &mapped(&scene, &radios, &survey, &options, usize::MAX)[0];
    let cells = whole.centres.len();
    for per_tile in [1, 7, 20] {
        for tile in mapped(&scene, &radios, &survey, &options, per_tile) {
            assert_eq!(tile.centres, whole.centres[tile.cells.clone()]);
            for (own, all) in tile.sums.chunks_exact(tile.cells.len()).zip(whole.sums.chunks_exact(cells)) {
                assert_eq!(own, &all[tile.cells.clone()]);
            }
        }
    }
}

#[test]
fn nothing_is_heard_inside_a_closed_block() {
    let (scene, radios) = (checked(&yard()), radios());
    let inside = Sheet::about(&Vec3::new(5.5, 1.0, 3.0), [4.8, 9.8], [0.4, 0.7], &rotation_of([0.0; 3]));
    let survey = survey(Layout::Sheet(inside, Ground::Plane), 1);
    let map = mapped(&scene, &radios, &survey, &build::by_default(3), usize::MAX);
    let heard: Vec<_> = map[0].sums.iter().enumerate().filter(|(_, sums)| sums.gain > 0.0).collect();
    assert!(heard.is_empty(), "{heard:?} of {}", map[0].centres.len());
}

#[test]
fn a_draped_map_follows_the_ground_and_not_what_stands_on_it() {
    let mut description = scene_of(&[build::material("ground", 5.0, 0.1, 0.2)]);
    // A slope of one in ten, and a block on it whose floor is open.
    add_panel(&mut description, "hill", "ground", [-20.0, -20.0, 3.0], [40.0, 0.0, 4.0], [0.0, 40.0, 0.0]);
    add_panel(&mut description, "roof", "ground", [0.0, 0.0, 12.0], [5.0, 0.0, 0.0], [0.0, 5.0, 0.0]);
    let scene = checked(&description);
    let sheet = Sheet::about(&Vec3::new(0.0, 0.0, 1.5), [20.0, 20.0], [2.0, 2.0], &rotation_of([0.0; 3]));
    for objects in [Vec::new(), vec![0]] {
        let survey = survey(Layout::Sheet(sheet.clone(), Ground::Draped { objects }), 1);
        let map = mapped(&scene, &radios(), &survey, &build::by_default(1), 17);
        for centre in map.iter().flat_map(|tile| &tile.centres) {
            assert!((centre.z - (6.5 + 0.1 * (centre.x + 20.0) - 2.0)).abs() < 1e-6, "{centre}");
        }
    }
    let roof = survey(Layout::Sheet(sheet, Ground::Draped { objects: vec![1] }), 1);
    let map = mapped(&scene, &radios(), &roof, &build::by_default(1), usize::MAX);
    // Where there is no roof, the cells stay where they are.
    let height = |c: &Vec3| if c.x > 0.0 && c.x <= 5.0 && c.y > 0.0 && c.y <= 5.0 { 13.5 } else { 1.5 };
    for centre in &map[0].centres {
        assert!((centre.z - height(centre)).abs() < 1e-9, "{centre}");
    }
}

#[test]
fn a_map_on_facets_covers_them_from_outside() {
    let scene = checked(&yard());
    let block = scene.objects.iter().position(|object| object.name == "block").expect("a block") as u32;
    let layout = Layout::Facets { objects: vec![block], cell: [0.5, 0.5], offset: 0.01 };
    let map = mapped(&scene, &radios(), &survey(layout, 1), &build::by_default(1), usize::MAX);
    // The cuboid of 5 x 10 x 7.03 m, its floor among its faces, of which the last row of cells may hang over.
    let area = 2.0 * (5.0 * 10.0 + 5.0 * 7.03 + 10.0 * 7.03);
    let cells = map[0].centres.len() as f64 * 0.25;
    assert!((cells / area - 1.0).abs() < 0.05, "{cells} {area}");
    let outside = |c: &Vec3| {
        let away = [(3.0 - c.x).max(c.x - 8.0), (-4.0 - c.y).max(c.y - 6.0), -c.z.min(7.03 - c.z)];
        away.into_iter().fold(f64::MIN, f64::max)
    };
    assert!(map[0].centres.iter().all(|c| (outside(c) - 0.01).abs() < 1e-9));
    // The floor is dark; the side towards a transmitter is not.
    let gain = |i: usize| map[0].sums[map[0].centres.len() + i].gain;
    for (i, centre) in map[0].centres.iter().enumerate() {
        assert!(centre.z > 0.0 || gain(i) == 0.0, "{centre}");
        assert!((centre.x - 8.01).abs() > 1e-6 || gain(i) > 0.0, "{centre}");
    }
}

#[test]
fn maps_are_the_peers_maps_within_their_errors() {
    for (scene, tag, depth) in [("simple_reflector", "map_spec_d1", 1), ("simple_street_canyon", "map_spec_d3", 3)] {
        let Some(file) = large_truth(&format!("{scene}/{tag}.npz")) else { return };
        let Some(case) = crate::support::truth_files::PeerMap::read(scene, &file) else { return };
        let options = build::by_default(depth);
        let sheet = Sheet::about(&case.centre, case.size, case.cell, &rotation_of([0.0; 3]));
        let survey = survey(Layout::Sheet(sheet, Ground::Plane), 2);
        let (scene, radios) = (checked(&case.scene), case.radios.clone());
        let carriers = [case.frequency];
        let mut engine =
            MapEngine::new(backend(), &scene, &survey, &radios, &carriers, &options, &Silent).expect("a scene");
        let map = engine.tile(0..engine.grid().len()).expect("a tile");
        let gains: Vec<f64> = map.sums.iter().map(|sums| sums.mean(4)).collect();
        case.compare(&gains);
    }
}

#[test]
fn random_sheets_have_their_cells_where_they_are_said_to_be() {
    let mut n = Numbers::new(3);
    for _ in 0..50 {
        let centre = Vec3::new(n.between(-1e5, 1e5), n.between(-1e5, 1e5), n.between(0.0, 100.0));
        let (size, cell) = ([n.between(1.0, 100.0), n.between(1.0, 100.0)], [n.between(0.5, 9.0), n.between(0.5, 9.0)]);
        let rotation = rotation_of([n.between(-3.0, 3.0), n.between(-1.0, 1.0), n.between(-3.0, 3.0)]);
        let sheet = Sheet::about(&centre, size, cell, &rotation);
        let middle = sheet.at(sheet.cells[0] as f64 / 2.0, sheet.cells[1] as f64 / 2.0);
        assert!((middle - centre).norm() < 1e-9);
        assert!((sheet.step_u.norm() - cell[0]).abs() < 1e-12 && sheet.step_u.dot(&sheet.step_v).abs() < 1e-12);
        let covered = [0, 1].map(|axis| sheet.cells[axis] as f64 * cell[axis] - size[axis]);
        assert!((0..2).all(|axis| covered[axis] >= -1e-6 && covered[axis] < cell[axis]), "{covered:?}");
    }
}
