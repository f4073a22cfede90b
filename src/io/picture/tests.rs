use super::*;
use crate::path::Paths;
use crate::scene::Object;
use crate::scene::description::SceneDescription;
use crate::scene::generate::{CityOptions, GenerateOptions, RoomOptions, generate};

/// A scene without materials: pictures look at shapes alone.
fn scene_of(description: &SceneDescription, origin: Vec3) -> Scene {
    let mut scene = Scene {
        origin,
        vertices: Vec::new(),
        triangles: Vec::new(),
        degenerate: Vec::new(),
        objects: Vec::new(),
        materials: Vec::new(),
        warnings: Vec::new(),
    };
    for object in &description.objects {
        let (base, first_triangle) = (scene.vertices.len() as u32, scene.triangles.len() as u32);
        scene.vertices.extend(object.mesh.vertices.iter().map(|v| Vec3::from(*v)));
        scene.triangles.extend(object.mesh.triangles.iter().map(|t| t.map(|v| v + base)));
        let triangle_count = object.mesh.triangles.len() as u32;
        scene.objects.push(Object { name: object.name.clone(), material: 0, first_triangle, triangle_count });
    }
    scene.degenerate = vec![false; scene.triangles.len()];
    scene
}

fn radio(name: &str, position: [f64; 3]) -> Radio {
    Radio {
        name: name.into(),
        position: position.into(),
        orientation: [0.0; 3],
        velocity: Vec3::zeros(),
        power: 1.0,
        antenna: 0,
        weights: None,
    }
}

/// One transmitter; receiver i gets one path through `vertices[i]`.
fn paths_through(vertices: &[Vec<Vec3>]) -> Paths {
    let mut paths = Paths { transmitters: 1, receivers: vertices.len(), ..Paths::default() };
    paths.offsets = (0..=vertices.len() as u64).collect();
    paths.vertex_offsets.push(0);
    for path in vertices {
        paths.vertex.extend(path);
        paths.vertex_offsets.push(paths.vertex.len() as u64);
        paths.length.push(1.0);
    }
    paths
}

fn decoded(file: &Path) -> tiny_skia::Pixmap {
    tiny_skia::Pixmap::load_png(file).expect("the file is a PNG")
}

/// Number of pixels of exactly this colour.
fn count(picture: &tiny_skia::Pixmap, rgb: Rgb) -> usize {
    picture.pixels().iter().filter(|p| [p.red(), p.green(), p.blue()] == rgb).count()
}

#[test]
fn a_city_is_drawn_with_its_radios_and_paths() {
    let origin = Vec3::new(691_000.0, 5_335_000.0, 500.0);
    let city = generate(&GenerateOptions::City(CityOptions { triangles: 4000, ..CityOptions::default() }))
        .expect("the input is valid");
    let scene = scene_of(&city, origin);
    let at = |x: f64, y: f64, z: f64| (origin + Vec3::new(x, y, z)).into();
    let radios = Radios {
        antennas: Vec::new(),
        transmitters: vec![radio("bs1", at(0.0, 0.0, 12.0))],
        receivers: vec![radio("ue1", at(90.0, 0.0, 1.5)), radio("ue2", at(0.0, -140.0, 1.5))],
    };
    let mut paths = Sketch::default();
    paths.add(&radios, &paths_through(&[vec![], vec![Vec3::from(at(8.0, -60.0, 5.0))]]));
    let folder = tempfile::tempdir().expect("the input is valid");
    let file = folder.path().join("paths.png");
    paths_from_above(&scene, &radios, &paths, &file).expect("the input is valid");
    let picture = decoded(&file);
    assert_eq!(picture.width() as usize, MARGIN[0] + MAP_WIDTH + MARGIN[2]);
    for (rgb, least) in [(TRANSMITTER, 100), (RECEIVER, 100), (INK, 200)] {
        assert!(count(&picture, rgb) >= least, "{rgb:?}: {}", count(&picture, rgb));
    }
    // Same input, same bytes.
    let again = folder.path().join("again.png");
    paths_from_above(&scene, &radios, &paths, &again).expect("the input is valid");
    assert_eq!(std::fs::read(&file).expect("the input is valid"), std::fs::read(&again).expect("the input is valid"));
}

#[test]
fn a_transmitter_stands_where_its_coordinates_say() {
    let radios = Radios {
        antennas: Vec::new(),
        transmitters: vec![radio("tx", [10.0, 20.0, 5.0])],
        receivers: vec![radio("rx", [110.0, 90.0, 1.0])],
    };
    let empty = scene_of(&SceneDescription::default(), Vec3::zeros());
    let view = view_of(&empty, &radios, &Sketch::default());
    let ([x, y], [right, top]) = (view.place(10.0, 20.0), view.place(110.0, 90.0));
    assert!(right > x && top < y, "east is right and north is up");
    assert!(((right - x) / (y - top) - 100.0 / 70.0).abs() < 1e-3, "one scale for both axes");
    let pen = draw(&empty, &radios, &Sketch::default(), &view).expect("the input is valid");
    let folder = tempfile::tempdir().expect("the input is valid");
    let file = folder.path().join("tx.png");
    std::fs::write(&file, pen.png().expect("the input is valid")).expect("the input is valid");
    let pixel = decoded(&file).pixel(x.round() as u32, y.round() as u32).expect("the input is valid");
    assert_eq!([pixel.red(), pixel.green(), pixel.blue()], TRANSMITTER);
}

#[test]
fn a_ceiling_that_covers_all_radios_is_left_out() {
    let room = generate(&GenerateOptions::Room(RoomOptions::default())).expect("the input is valid");
    let scene = scene_of(&room, Vec3::zeros());
    let inside = [Vec3::new(1.0, 1.0, 1.5), Vec3::new(6.0, 4.0, 2.0)];
    let above = [Vec3::new(1.0, 1.0, 1.5), Vec3::new(6.0, 4.0, 9.0)];
    let view = view_of(&scene, &Radios::default(), &Sketch::default());
    assert_eq!(Relief::new(&scene, &view, &inside).range(), [0.0, 1.0]);
    assert_eq!(Relief::new(&scene, &view, &above).range(), [3.0, 4.0]);
}

#[test]
fn nothing_and_one_point_are_drawn_without_complaint() {
    let empty = scene_of(&SceneDescription::default(), Vec3::zeros());
    let alone = Radios { receivers: vec![radio("\u{3b1}", [0.0; 3])], ..Radios::default() };
    for radios in [Radios::default(), alone] {
        let view = view_of(&empty, &radios, &Sketch::default());
        assert!(
            draw(&empty, &radios, &Sketch::default(), &view)
                .expect("the input is valid")
                .png()
                .expect("the input is valid")
                .len()
                > 1000
        );
    }
}

#[test]
fn many_paths_leave_the_same_selection_whatever_the_tiles() {
    let radios = |count: usize| Radios {
        transmitters: vec![radio("tx", [0.0; 3])],
        receivers: vec![radio("rx", [1.0; 3]); count],
        ..Radios::default()
    };
    let path = |i: usize| vec![Vec3::repeat(i as f64); i % 3];
    let selected = |per_tile: usize| {
        let mut sketch = Sketch::default();
        for tile in (0..10_000).collect::<Vec<_>>().chunks(per_tile) {
            let vertices: Vec<Vec<Vec3>> = tile.iter().map(|i| path(*i)).collect();
            sketch.add(&radios(tile.len()), &paths_through(&vertices));
        }
        assert_eq!((sketch.count, sketch.bounces[1]), (10_000, 3333));
        (sketch.bounds, sketch.lines.into_iter().map(|line| line.points).collect::<Vec<_>>())
    };
    let (bounds, whole) = selected(10_000);
    assert_eq!((whole.len(), bounds), (2500, Some((Vec3::repeat(1.0), Vec3::repeat(9998.0)))));
    assert!(whole == selected(777).1 && whole == selected(1).1);
}
