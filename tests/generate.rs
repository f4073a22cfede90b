//! Laws of generated scenes: counts, closed meshes, no coincident faces, the same bytes everywhere, clear refusals.

use raylobe::error::Error;
use raylobe::math::Vec3;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::generate::*;
use raylobe::scene::mesh::{Mesh, is_degenerate};
use std::collections::HashMap;

fn city(triangles: u64, facade: Facade) -> CityOptions {
    CityOptions { triangles, facade, ..CityOptions::default() }
}

fn made(options: GenerateOptions) -> SceneDescription {
    generate(&options).expect("the options are valid")
}

fn triangles_of(scene: &SceneDescription) -> usize {
    scene.objects.iter().map(|o| o.mesh.triangles.len()).sum()
}

/// Bounds of a mesh in x and y, and its height.
fn bounds(mesh: &Mesh) -> ([f64; 2], [f64; 2], f64) {
    let fold = |axis: usize, pick: fn(f64, f64) -> f64| mesh.vertices.iter().map(|v| v[axis]).reduce(pick).unwrap();
    ([fold(0, f64::min), fold(1, f64::min)], [fold(0, f64::max), fold(1, f64::max)], fold(2, f64::max))
}

/// Directed edges that lack their opposite, and whether some edge stands twice.
fn open_edges(mesh: &Mesh) -> (Vec<[u32; 2]>, bool) {
    let mut edges: HashMap<[u32; 2], u32> = HashMap::new();
    for [a, b, c] in &mesh.triangles {
        for edge in [[*a, *b], [*b, *c], [*c, *a]] {
            *edges.entry(edge).or_default() += 1;
        }
    }
    let open = edges.keys().filter(|[a, b]| !edges.contains_key(&[*b, *a])).copied().collect();
    (open, edges.values().any(|n| *n > 1))
}

/// Volume under a mesh that is closed by the plane z = 0: positive if it winds outwards.
fn volume(mesh: &Mesh) -> f64 {
    let corners = |t: &[u32; 3]| t.map(|v| Vec3::from(mesh.vertices[v as usize]));
    mesh.triangles.iter().map(corners).map(|[a, b, c]| a.dot(&b.cross(&c)) / 6.0).sum()
}

#[test]
fn a_city_has_exactly_the_triangles_asked_for() {
    for facade in [Facade::Plain, Facade::Panels, Facade::Windows] {
        for triangles in [100, 101, 109, 1000, 12_345, 100_000] {
            for seed in [1, 2, u64::MAX] {
                let options = CityOptions { seed, ..city(triangles, facade) };
                assert_eq!(triangles_of(&made(GenerateOptions::City(options))) as u64, triangles, "{facade:?} {seed}");
            }
        }
    }
}

#[test]
fn buildings_are_closed_but_for_the_bottom_and_wind_outwards() {
    let boxes = BoxesOptions::default();
    let scenes = [
        GenerateOptions::City(city(20_000, Facade::Plain)),
        GenerateOptions::City(city(60_000, Facade::Panels)),
        GenerateOptions::City(city(60_000, Facade::Windows)),
        GenerateOptions::Canyon(CanyonOptions::default()),
        GenerateOptions::Boxes(boxes),
    ];
    for options in scenes {
        for object in made(options.clone()).objects.iter().filter(|o| o.name != "ground") {
            let mesh = &object.mesh;
            let (open, twice) = open_edges(mesh);
            assert!(!twice, "{options:?} {}: an edge stands twice", object.name);
            assert!(open.iter().flatten().all(|v| mesh.vertices[*v as usize][2] == 0.0), "{options:?} {}", object.name);
            let (low, high, height) = bounds(mesh);
            let box_volume = (high[0] - low[0]) * (high[1] - low[1]) * height;
            let volume = volume(mesh);
            assert!(volume > 0.2 * box_volume && volume <= box_volume * (1.0 + 1e-9), "{} {volume}", object.name);
            for triangle in &mesh.triangles {
                let corners = triangle.map(|v| Vec3::from(mesh.vertices[v as usize]));
                assert!(!is_degenerate(&corners), "{options:?} {}", object.name);
            }
        }
    }
}

#[test]
fn panels_and_windows_keep_the_shape_of_the_building() {
    // The first building of each city is the same one; panels are flat, windows take their recess out of it.
    let first = |facade| volume(&made(GenerateOptions::City(city(50_000, facade))).objects[1].mesh);
    let (plain, panels, windows) = (first(Facade::Plain), first(Facade::Panels), first(Facade::Windows));
    assert!((panels / plain - 1.0).abs() < 1e-9, "{panels} {plain}");
    assert!(windows < plain * (1.0 - 1e-4) && windows > 0.97 * plain, "{windows} {plain}");
}

#[test]
fn buildings_of_a_city_keep_apart_and_within_their_heights() {
    let scene = made(GenerateOptions::City(city(30_000, Facade::Plain)));
    let all: Vec<_> = scene.objects[1..].iter().map(|o| bounds(&o.mesh)).collect();
    for (i, a) in all.iter().enumerate() {
        // A tower stands on a podium of at most 60 m and rises at most 60 m more.
        assert!(a.2 >= 8.0 && a.2 <= 120.0, "{}", a.2);
        for b in &all[..i] {
            let gap = |axis: usize| (a.0[axis] - b.1[axis]).max(b.0[axis] - a.1[axis]);
            assert!(gap(0).max(gap(1)) >= 1.0 - 2e-3, "buildings {i} and another are too close");
        }
    }
    let median = |mut heights: Vec<f64>| {
        heights.sort_by(f64::total_cmp);
        heights[heights.len() / 2]
    };
    let median = median(all.iter().map(|b| b.2).collect());
    assert!((18.0..24.0).contains(&median), "median height {median}");
}

#[test]
fn the_origin_of_a_city_is_outdoors_and_the_ground_reaches_beyond_it() {
    for seed in 0..20 {
        let scene = made(GenerateOptions::City(CityOptions { seed, ..city(3000, Facade::Plain) }));
        let (ground_low, ground_high, _) = bounds(&scene.objects[0].mesh);
        for object in &scene.objects[1..] {
            let (low, high, _) = bounds(&object.mesh);
            assert!((0..2).any(|axis| low[axis] > 5.9 || high[axis] < -5.9), "{} stands on the origin", object.name);
            assert!((0..2).all(|axis| low[axis] >= ground_low[axis] + 19.9 && high[axis] <= ground_high[axis] - 19.9));
        }
    }
}

#[test]
fn a_city_grows_about_what_it_was() {
    let (small, large) = (city(5000, Facade::Plain), city(50_000, Facade::Plain));
    let (small, large) = (made(GenerateOptions::City(small)), made(GenerateOptions::City(large)));
    // The last building of the small one may have become a plain box.
    let shared = small.objects.len() - 2;
    assert!(shared > 200);
    assert_eq!(small.objects[1..shared], large.objects[1..shared]);
}

#[test]
fn the_same_options_make_the_same_bytes_on_every_machine() {
    let hash = |options| {
        let mut hasher = blake3::Hasher::new();
        for object in &made(options).objects {
            hasher.update(object.name.as_bytes());
            hasher.update(object.material.as_bytes());
            for x in object.mesh.vertices.iter().flatten() {
                hasher.update(&x.to_le_bytes());
            }
            for v in object.mesh.triangles.iter().flatten() {
                hasher.update(&v.to_le_bytes());
            }
        }
        hasher.finalize().to_hex()[..16].to_string()
    };
    assert_eq!(hash(GenerateOptions::City(city(10_000, Facade::Windows))), "7d9abba7a616014e");
    assert_eq!(hash(GenerateOptions::Boxes(BoxesOptions::default())), "986e4a3aa35dc06b");
}

#[test]
fn a_room_is_closed_and_looks_inwards() {
    let options = RoomOptions { size_m: [6.0, 4.0, 3.0], panels: 3, furniture: 5, ..RoomOptions::default() };
    let scene = made(GenerateOptions::Room(options));
    let (shell, furniture) = scene.objects.split_at(6);
    let inside: f64 = shell.iter().map(|o| volume(&o.mesh)).sum();
    assert!((inside + 72.0).abs() < 1e-9, "{inside}");
    assert_eq!(shell.iter().map(|o| o.mesh.triangles.len()).sum::<usize>(), 6 * 9 * 2);
    assert_eq!(furniture.len(), 5);
    for object in furniture {
        let (low, high, top) = bounds(&object.mesh);
        assert!(low[0] > 0.04 && low[1] > 0.04 && high[0] < 5.96 && high[1] < 3.96 && top < 3.0);
        assert!(volume(&object.mesh) > 0.0);
    }
}

#[test]
fn a_canyon_has_the_width_length_and_gaps_asked_for() {
    let options = CanyonOptions { length_m: 150.0, width_m: 18.0, gap_m: 2.5, ..CanyonOptions::default() };
    let scene = made(GenerateOptions::Canyon(options));
    let all: Vec<_> = scene.objects[1..].iter().map(|o| bounds(&o.mesh)).collect();
    type Bounds = ([f64; 2], [f64; 2], f64);
    let (north, south): (Vec<Bounds>, Vec<Bounds>) = all.iter().partition(|b| b.0[1] > 0.0);
    assert!(north.iter().all(|b| b.0[1] == 9.0) && south.iter().all(|b| b.1[1] == -9.0));
    for row in [north, south] {
        assert_eq!((row[0].0[0], row[row.len() - 1].1[0]), (-75.0, 75.0));
        assert!(row.windows(2).all(|w| (w[1].0[0] - w[0].1[0] - 2.5).abs() < 1e-9));
        assert!(row.iter().all(|b| b.1[0] > b.0[0] && b.2 >= 15.0 && b.2 <= 25.0));
    }
}

#[test]
fn wrong_options_are_refused_with_field_value_bound_and_remedy() {
    let city = CityOptions::default;
    let canyon = CanyonOptions::default;
    let none = Vec::new;
    let cases: Vec<(&str, GenerateOptions)> = vec![
        ("triangles", GenerateOptions::City(CityOptions { triangles: 0, ..city() })),
        ("triangles", GenerateOptions::City(CityOptions { triangles: 1_000_000_000_000, ..city() })),
        ("block_m", GenerateOptions::City(CityOptions { block_m: f64::NAN, ..city() })),
        ("block_m", GenerateOptions::City(CityOptions { block_m: 1.0, ..city() })),
        ("street_m", GenerateOptions::City(CityOptions { street_m: [20.0, 12.0], ..city() })),
        ("street_m[0]", GenerateOptions::City(CityOptions { street_m: [-1.0, 12.0], ..city() })),
        ("heights", GenerateOptions::City(CityOptions { heights: heights(0.0, 20.0, 60.0, 0.4), ..city() })),
        ("median_m", GenerateOptions::City(CityOptions { heights: heights(8.0, 90.0, 60.0, 0.4), ..city() })),
        ("spread", GenerateOptions::City(CityOptions { heights: heights(8.0, 20.0, 60.0, -0.1), ..city() })),
        ("materials", GenerateOptions::City(CityOptions { materials: none(), ..city() })),
        ("length_m", GenerateOptions::Canyon(CanyonOptions { length_m: -5.0, ..canyon() })),
        ("gap_m", GenerateOptions::Canyon(CanyonOptions { gap_m: 0.0, ..canyon() })),
        ("width_m", GenerateOptions::Canyon(CanyonOptions { width_m: f64::INFINITY, ..canyon() })),
        ("panels", GenerateOptions::Room(RoomOptions { panels: 0, ..RoomOptions::default() })),
        ("size_m[2]", GenerateOptions::Room(RoomOptions { size_m: [5.0, 4.0, -3.0], ..RoomOptions::default() })),
        ("furniture", GenerateOptions::Room(RoomOptions { furniture: 900, ..RoomOptions::default() })),
        ("count", GenerateOptions::Boxes(BoxesOptions { count: 9_999, ..BoxesOptions::default() })),
        ("size_m", GenerateOptions::Boxes(BoxesOptions { size_m: [f64::NAN, 1.0], ..BoxesOptions::default() })),
        ("ground", GenerateOptions::Boxes(BoxesOptions { ground: String::new(), ..BoxesOptions::default() })),
    ];
    for (field, options) in cases {
        match generate(&options) {
            Err(Error::Job(fault)) => {
                assert!(fault.field.contains(field), "{} is not {field}", fault.field);
                assert!(!fault.value.is_empty() && !fault.bound.is_empty() && !fault.remedy.is_empty(), "{fault}");
            }
            other => panic!("{field}: {:?}", other.map(|scene| scene.objects.len())),
        }
    }
}

fn heights(low_m: f64, median_m: f64, high_m: f64, spread: f64) -> Heights {
    Heights { low_m, median_m, high_m, spread }
}

#[test]
fn options_are_read_from_toml_and_unknown_keys_are_refused() {
    let read = |text: &str| toml::from_str::<GenerateOptions>(text);
    let written = "kind = \"city\"\nseed = 3\ntriangles = 100_000\nfacade = \"windows\"\nheights = { low_m = 10.0 }";
    let GenerateOptions::City(options) = read(written).unwrap() else { panic!("not a city") };
    assert_eq!((options.seed, options.triangles, options.facade), (3, 100_000, Facade::Windows));
    assert_eq!((options.heights.low_m, options.heights.high_m), (10.0, 60.0));
    for kind in GenerateOptions::KINDS {
        let options = read(&format!("kind = \"{kind}\"")).unwrap();
        assert_eq!(read(&toml::to_string(&options).unwrap()).unwrap(), options);
        assert!(generate(&options).is_ok());
        assert!(read(&format!("kind = \"{kind}\"\ncolour = 3")).unwrap_err().to_string().contains("colour"));
    }
}

#[test]
fn the_radios_of_the_urban_block_stand_outdoors() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/urban_block/job.toml");
    let job: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let scene = made(job["scene"]["generate"].clone().try_into().unwrap());
    assert_eq!(triangles_of(&scene), 100_000);
    for kind in ["transmitters", "receivers"] {
        for radio in job[kind].as_array().unwrap() {
            let position: Vec<f64> = radio["position_m"].clone().try_into().unwrap();
            let above = |o: &&raylobe::scene::description::ObjectDescription| covers(&o.mesh, &position);
            let roof = scene.objects[1..].iter().find(above).map(|o| &o.name);
            assert!(roof.is_none(), "{} stands in {}", radio["name"], roof.unwrap());
        }
    }
}

/// Whether some triangle of the mesh, seen from above, covers the point.
fn covers(mesh: &Mesh, point: &[f64]) -> bool {
    mesh.triangles.iter().any(|triangle| {
        let [a, b, c] = triangle.map(|v| mesh.vertices[v as usize]);
        let side =
            |a: [f64; 3], b: [f64; 3]| (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]) > 0.0;
        side(a, b) && side(b, c) && side(c, a)
    })
}
