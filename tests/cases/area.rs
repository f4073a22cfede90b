//! Maps by area are maps by the points of a lattice that is as fine as their samples (theory.md, T86 to T88).

use crate::support::build::{self, add_cuboid, add_panel, add_polygons, backend, checked, scene_of};
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::CellSums;
use raylobe::map::raster::legs::SAMPLES;
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization};
use raylobe::scene::description::SceneDescription;
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::Target;

const CARRIERS: [f64; 2] = [3.5e9, 28e9];

/// A yard with all that facets may be: walls that lean, a block, a wall with a gate, a wall that is drawn twice in part, a
/// floor of many triangles, and a mast that throws a shadow narrower than a cell.
fn yard() -> SceneDescription {
    let materials = ["ground", "wall", "block"].map(|name| build::material(name, 5.0, 0.1, 0.2));
    let mut scene = scene_of(&materials);
    let tile = |i: u32| {
        let (x, y) = (f64::from(i % 4) * 10.0 - 20.0, f64::from(i / 4) * 10.0 - 20.0);
        vec![[x, y, 0.0], [x + 10.0, y, 0.0], [x + 10.0, y + 10.0, 0.0], [x, y + 10.0, 0.0]]
    };
    add_polygons(&mut scene, "ground", "ground", &(0..16).map(tile).collect::<Vec<_>>());
    add_panel(&mut scene, "right", "wall", [-20.0, 15.0, 0.0], [40.0, 3.0, 0.0], [0.0, 0.5, 12.0]);
    // Two pillars and a lintel.
    for (name, x, z, width, height) in
        [("west", -20.0, 0.0, 18.0, 12.0), ("east", 2.0, 0.0, 18.0, 12.0), ("lintel", -2.0, 6.0, 4.0, 6.0)]
    {
        add_panel(&mut scene, name, "wall", [x, -15.0, z], [width, 0.0, 0.0], [0.0, 0.0, height]);
    }
    add_panel(&mut scene, "again", "block", [-14.0, -15.0, 2.0], [5.0, 0.0, 0.0], [0.0, 0.0, 5.0]);
    add_cuboid(&mut scene, "block", "block", [3.0, -4.0, 0.0], [8.0, 6.0, 7.03]);
    add_cuboid(&mut scene, "mast", "block", [-6.0, 5.0, 0.0], [0.2, 0.2, 9.0]);
    scene
}

/// Two transmitters, one with a steered array, the other as high as a level map.
fn radios() -> Radios {
    let array = PlanarArray { rows: 2, columns: 2, vertical_spacing: 0.5, horizontal_spacing: 0.5 };
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::Cross,
        array: Some(array),
        ..AntennaDescription::default()
    };
    let mut radios = build::radios(Polarization::VH, &[[-9.0, 1.0, 9.0], [12.0, -7.0, 1.5]], &[[0.0; 3]]);
    radios.antennas.push(build::antenna(&panel, 0.0107));
    radios.transmitters[0].antenna = 1;
    radios.transmitters[0].orientation = [0.3, 0.2, 0.1];
    let weight = |i: u32| C64::from_polar(8f64.sqrt().recip(), 0.7 * f64::from(i));
    radios.transmitters[0].weights = Some((0..8).map(weight).collect());
    radios
}

fn level(height: f64) -> Sheet {
    Sheet::about(&Vec3::new(0.3, 0.7, height), [36.0, 33.0], [4.0, 3.0], &rotation_of([0.0; 3]))
}

fn tilted() -> Sheet {
    Sheet::about(&Vec3::new(1.0, 0.5, 2.5), [24.0, 18.0], [4.0, 3.0], &rotation_of([0.4, 0.1, -0.15]))
}

fn mapped(scene: &Scene, radios: &Radios, sheet: &Sheet, mean: Mean, per_tile: usize) -> Vec<CellSums> {
    let target = Target { rays: 1, max_rays: 1, relative_error: None };
    let points = if mean == Mean::Area { 1 } else { SAMPLES };
    let layout = Layout::Sheet(sheet.clone(), Ground::Plane);
    let survey = Survey { layout, points, mean, noise: 1e-12, target };
    let options: SolverOptions = build::by_default(2);
    let mut engine =
        MapEngine::new(backend(), scene, &survey, radios, &CARRIERS, &options, &Silent).expect("a sound scene");
    let cells = sheet.len();
    let mut whole = vec![CellSums::default(); cells * CARRIERS.len() * radios.transmitters.len()];
    for first in (0..cells).step_by(per_tile) {
        let tile = engine.tile(first..cells.min(first + per_tile)).expect("a sound tile");
        for (own, sums) in whole.chunks_exact_mut(cells).zip(tile.sums.chunks_exact(tile.cells.len())) {
            own[tile.cells.clone()].copy_from_slice(sums);
        }
    }
    whole
}

#[test]
fn a_map_by_area_is_the_map_by_the_same_samples() {
    let (scene, radios) = (checked(&yard()), radios());
    for sheet in [tilted(), level(1.5), level(8.0)] {
        let by_area = mapped(&scene, &radios, &sheet, Mean::Area, usize::MAX);
        let by_points = mapped(&scene, &radios, &sheet, Mean::Points, 16);
        let largest = by_points.iter().map(|sums| sums.mean(SAMPLES * SAMPLES)).fold(0.0, f64::max);
        let (mut lit, mut partly) = (0, 0);
        let mut sums = [0.0; 2];
        for (cell, (area, points)) in by_area.iter().zip(&by_points).enumerate() {
            let (found, expected) = (area.mean(1), points.mean(SAMPLES * SAMPLES));
            sums = [sums[0] + found, sums[1] + expected];
            // Quadrature (T87), which is worst about the nulls of the array; and a sample or two at the end of a shadow.
            let slack = 1e-2 * expected + 1e-5 * largest + 2.0 / (SAMPLES * SAMPLES) as f64 * expected.max(found);
            assert!((found - expected).abs() <= slack, "cell {cell}: {found} for {expected}");
            let delays = [area.rms_delay_spread(), points.rms_delay_spread()];
            if let [Some(found), Some(expected)] = delays {
                assert!((found - expected).abs() <= 0.02 * expected + 1e-11, "cell {cell}: {found} s for {expected} s");
            }
            lit += usize::from(found > 0.0);
            partly += usize::from(area.standard_error(1) > 1e-3 * found);
        }
        assert!((sums[0] / sums[1] - 1.0).abs() < 5e-4, "{}", sums[0] / sums[1]);
        assert!(lit > 80 && partly > 10, "{lit} lit, {partly} partly");
    }
}

#[test]
fn the_standard_error_of_a_map_by_area_is_about_its_error() {
    // A map of samples moved by a third of one tells how far either is off.
    let (scene, radios, sheet) = (checked(&yard()), radios(), level(1.5));
    let moved =
        Sheet { corner: sheet.corner + (sheet.step_u + sheet.step_v) / (3.0 * SAMPLES as f64), ..sheet.clone() };
    let [one, other] = [&sheet, &moved].map(|sheet| mapped(&scene, &radios, sheet, Mean::Area, usize::MAX));
    let (mut stated, mut found) = (0.0, 0.0);
    for (one, other) in one.iter().zip(&other).filter(|(one, _)| one.gain > 0.0) {
        stated += (one.standard_error(1) / one.gain).powi(2);
        found += ((one.gain - other.gain) / one.gain).powi(2) / 2.0;
    }
    let ratio = (stated / found).sqrt();
    assert!((0.2..5.0).contains(&ratio), "{ratio}");
}

#[test]
fn neither_tiles_nor_threads_change_a_map_by_area() {
    let (scene, radios, sheet) = (checked(&yard()), radios(), tilted());
    let whole = mapped(&scene, &radios, &sheet, Mean::Area, usize::MAX);
    for per_tile in [1, 7, 12] {
        assert_eq!(mapped(&scene, &radios, &sheet, Mean::Area, per_tile), whole, "{per_tile}");
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        assert_eq!(pool.install(|| mapped(&scene, &radios, &sheet, Mean::Area, usize::MAX)), whole, "{threads}");
    }
}

#[test]
fn a_map_by_area_is_dark_inside_a_closed_block() {
    let (scene, radios) = (checked(&yard()), radios());
    let inside = Sheet::about(&Vec3::new(5.5, 1.0, 3.0), [4.8, 9.8], [0.4, 0.7], &rotation_of([0.0; 3]));
    let map = mapped(&scene, &radios, &inside, Mean::Area, usize::MAX);
    assert!(map.iter().all(|sums| sums.gain == 0.0));
}
