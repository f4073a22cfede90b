//! Laws of degraded scenes: the same surface without noise, exact statistics with it, the same bytes everywhere, clear
//! refusals; and the estimate of the noise of normals, which must find again what was put in.

use raylobe::error::Error;
use raylobe::io::job::parse_degrade;
use raylobe::io::scene_file;
use raylobe::math::Vec3;
use raylobe::math::random::philox;
use raylobe::scene::degrade::{DegradeOptions, Degraded, degrade};
use raylobe::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use raylobe::scene::generate::*;
use raylobe::scene::inspect::Report;
use raylobe::scene::inspect::noise::normal_noise;
use raylobe::scene::mesh::Mesh;
use std::collections::HashMap;
use std::path::Path;

fn scene_of(meshes: Vec<Mesh>) -> SceneDescription {
    let object = |(i, mesh)| ObjectDescription { name: format!("o{i}"), material: "itu_brick".into(), mesh };
    SceneDescription {
        materials: vec![MaterialDescription::itu("itu_brick", "brick")],
        objects: meshes.into_iter().enumerate().map(object).collect(),
        warnings: vec![],
    }
}

/// A wall in the plane y = 0, of two triangles.
fn wall(width: f64, height: f64) -> SceneDescription {
    let vertices = vec![[0.0, 0.0, 0.0], [width, 0.0, 0.0], [width, 0.0, height], [0.0, 0.0, height]];
    scene_of(vec![Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3]] }])
}

fn generated(options: GenerateOptions) -> SceneDescription {
    generate(&options).expect("the options are valid")
}

fn canyon() -> SceneDescription {
    let options = CanyonOptions { length_m: 40.0, width_m: 10.0, height_m: [6.0, 9.0], ..CanyonOptions::default() };
    generated(GenerateOptions::Canyon(options))
}

fn city(triangles: u64, facade: Facade) -> SceneDescription {
    generated(GenerateOptions::City(CityOptions { triangles, facade, ..CityOptions::default() }))
}

fn worse(scene: &SceneDescription, options: &DegradeOptions) -> Degraded {
    degrade(scene.clone(), options).expect("the options are valid")
}

fn cut(facet_m: f64) -> DegradeOptions {
    DegradeOptions { facet_m, ..DegradeOptions::default() }
}

fn preset(name: &str) -> DegradeOptions {
    DegradeOptions::preset(name).expect("a preset")
}

fn triangles_of(scene: &SceneDescription) -> usize {
    scene.objects.iter().map(|o| o.mesh.triangles.len()).sum()
}

fn corners_of(mesh: &Mesh) -> impl Iterator<Item = [Vec3; 3]> {
    mesh.triangles.iter().map(|t| t.map(|v| Vec3::from(mesh.vertices[v as usize])))
}

fn normal_of([a, b, c]: &[Vec3; 3]) -> Vec3 {
    (b - a).cross(&(c - a))
}

fn area_of(mesh: &Mesh) -> f64 {
    corners_of(mesh).map(|corners| normal_of(&corners).norm() / 2.0).sum()
}

/// Length of the edges that only one triangle of the object has [m]: what a crack would add to.
fn rim_of(mesh: &Mesh) -> f64 {
    let bits = |v: u32| mesh.vertices[v as usize].map(|x| (x + 0.0).to_bits());
    let mut edges: HashMap<[[u64; 3]; 2], (u32, f64)> = HashMap::new();
    for [a, b, c] in &mesh.triangles {
        for [a, b] in [[*a, *b], [*b, *c], [*c, *a]] {
            let mut ends = [bits(a), bits(b)];
            ends.sort_unstable();
            let [a, b] = [a, b].map(|v| Vec3::from(mesh.vertices[v as usize]));
            let edge = edges.entry(ends).or_insert((0, (b - a).norm()));
            edge.0 += 1;
        }
    }
    edges.values().filter(|(count, _)| *count == 1).map(|(_, length)| length).sum()
}

fn hash_of(scene: &SceneDescription) -> String {
    let mut hasher = blake3::Hasher::new();
    for object in &scene.objects {
        hasher.update(object.name.as_bytes());
        for x in object.mesh.vertices.iter().flatten() {
            hasher.update(&x.to_le_bytes());
        }
        for v in object.mesh.triangles.iter().flatten() {
            hasher.update(&v.to_le_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_string()
}

/// Every kind of fault at once.
fn everything() -> DegradeOptions {
    DegradeOptions { facet_m: 0.5, vertex_noise_m: 0.01, missing_share: 0.01, ..preset("lidar_1") }
}

#[test]
fn the_same_seed_makes_the_same_bytes_whatever_the_threads() {
    let scene = canyon();
    let on = |threads: usize, options: &DegradeOptions| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| hash_of(&worse(&scene, options).scene))
    };
    for options in [everything(), DegradeOptions { normal_noise_deg: 0.0, ..everything() }] {
        let first = on(1, &options);
        assert_eq!((on(2, &options), on(5, &options)), (first.clone(), first.clone()));
        assert_ne!(on(1, &DegradeOptions { seed: 2, ..options.clone() }), first);
    }
    assert_eq!(on(2, &everything()), "f0bda1ea61a51ec7");
}

#[test]
fn without_noise_the_facets_are_the_surface_that_was() {
    let plain = city(1500, Facade::Plain);
    for (scene, facet_m) in [
        (wall(12.0, 3.0), 0.1),
        (canyon(), 0.37),
        (plain, 1.3),
        (city(3000, Facade::Windows), 1.0),
        (generated(GenerateOptions::Boxes(BoxesOptions::default())), 0.3),
        (generated(GenerateOptions::Room(RoomOptions { panels: 3, furniture: 4, ..RoomOptions::default() })), 0.1),
    ] {
        is_the_same_surface(&scene, facet_m);
    }
}

/// Asserts that cutting changes neither area, bounds nor rims, and makes facets of about the size asked for.
fn is_the_same_surface(scene: &SceneDescription, facet_m: f64) {
    let after = worse(scene, &cut(facet_m)).scene;
    let (mut area, mut count) = (0.0, 0);
    for (a, b) in scene.objects.iter().zip(&after.objects) {
        assert_eq!((&a.name, &a.material), (&b.name, &b.material));
        assert!((area_of(&b.mesh) / area_of(&a.mesh) - 1.0).abs() < 1e-9, "{}: the area changes", a.name);
        let (rim_a, rim_b) = (rim_of(&a.mesh), rim_of(&b.mesh));
        assert!((rim_a - rim_b).abs() <= 1e-9 * rim_a.max(1.0), "{}: rims of {rim_a} m become {rim_b} m", a.name);
        area += area_of(&a.mesh);
        count += b.mesh.triangles.len();
    }
    let (before, now) = (Report::new(scene), Report::new(&after));
    for (a, b) in before.bounds_m.iter().flatten().flatten().zip(now.bounds_m.iter().flatten().flatten()) {
        assert!((a - b).abs() < 1e-6, "the bounds change");
    }
    let (degenerate, duplicate) = (now.total.degenerate_faces, now.total.duplicate_faces);
    assert_eq!((degenerate, duplicate, now.total.unused_vertices), (0, 0, 0));
    let expected = 2.0 * area / (facet_m * facet_m);
    assert!((0.7..2.0).contains(&(count as f64 / expected)), "{count} triangles where {expected} were expected");
}

#[test]
fn real_cities_stay_the_surface_that_they_were() {
    let folder = std::env::var_os("RAYLOBE_SCENES").map(std::path::PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".scenes"));
    if !folder.is_dir() {
        eprintln!("SKIPPED: no scenes in {}; run scripts/get-scenes.sh or set RAYLOBE_SCENES", folder.display());
        return;
    }
    for name in ["munich", "florence"] {
        let scene = scene_file::read(&folder.join(format!("{name}/{name}.xml"))).expect("a scene");
        let after = worse(&scene, &cut(4.0)).scene;
        let mut cracked = 0.0;
        for (a, b) in scene.objects.iter().zip(&after.objects) {
            let (before, now) = (area_of(&a.mesh), area_of(&b.mesh));
            assert!((now / before - 1.0).abs() < 1e-6, "{name}, {}: {before} m^2 become {now} m^2", a.name);
            cracked += (rim_of(&a.mesh) - rim_of(&b.mesh)).abs();
        }
        let rims: f64 = scene.objects.iter().map(|o| rim_of(&o.mesh)).sum();
        // Walls that overlap within an object may meet in a point of the grid, which joins their rims.
        assert!(cracked < 1e-3 * rims, "{name}: rims of {rims} m change by {cracked} m");
    }
}

#[test]
fn a_rectangle_becomes_a_regular_grid() {
    let after = worse(&wall(12.0, 3.0), &cut(0.1));
    let mesh = &after.scene.objects[0].mesh;
    assert_eq!((mesh.vertices.len(), mesh.triangles.len(), after.counts.faces), (121 * 31, 2 * 120 * 30, 120 * 30));
    for corners in corners_of(mesh) {
        assert!((normal_of(&corners).norm() - 0.01).abs() < 1e-12);
    }
}

/// Normals of facets by their middles, in the order of the middles; each facet is two triangles in one plane.
fn facets_of(scene: &SceneDescription) -> Vec<([i64; 3], Vec3)> {
    let mesh = &scene.objects[0].mesh;
    let mut facets: HashMap<[i64; 3], Vec3> = HashMap::new();
    let corners: Vec<[Vec3; 3]> = corners_of(mesh).collect();
    for corners in corners {
        let middle = corners.iter().sum::<Vec3>() / 3.0;
        let cell = [middle.x, middle.z, 0.0].map(|x| (x / 0.1).floor() as i64);
        let normal = normal_of(&corners).normalize();
        let known = facets.entry(cell).or_insert(normal);
        assert!((*known - normal).norm() < 1e-9, "the triangles of a facet tilt as one");
    }
    let mut sorted: Vec<_> = facets.into_iter().collect();
    sorted.sort_unstable_by_key(|(cell, _)| *cell);
    sorted
}

#[test]
fn normals_turn_by_the_noise_asked_for() {
    for noise in [0.5, 4.0] {
        let options = DegradeOptions { normal_noise_deg: noise, ..cut(0.1) };
        let facets = facets_of(&worse(&wall(30.0, 20.0), &options).scene);
        assert_eq!(facets.len(), 60_000);
        let mean_normal = -Vec3::y();
        let angles: Vec<[f64; 2]> = facets
            .iter()
            .map(|(_, normal)| {
                let aside = normal - mean_normal * normal.dot(&mean_normal);
                let turned = aside * (libm::atan2(aside.norm(), normal.dot(&mean_normal)) / aside.norm());
                [turned.x.to_degrees(), turned.z.to_degrees()]
            })
            .collect();
        for axis in 0..2 {
            let moment = |power: i32| angles.iter().map(|a| a[axis].powi(power)).sum::<f64>() / angles.len() as f64;
            let deviation = moment(2).sqrt();
            // Standard errors: s/sqrt(n) = 0.4 % of s, s/sqrt(2 n) = 0.3 %, sqrt(24/n) = 0.02 of the kurtosis.
            assert!(moment(1).abs() < 0.02 * noise, "mean {}", moment(1));
            assert!((deviation / noise - 1.0).abs() < 0.02, "{deviation} for {noise}");
            assert!((moment(4) / deviation.powi(4) - 3.0).abs() < 0.1, "kurtosis {}", moment(4));
        }
        let mixed = angles.iter().map(|a| a[0] * a[1]).sum::<f64>() / angles.len() as f64;
        assert!(mixed.abs() < 0.02 * noise * noise, "the axes are not independent: {mixed}");
        let next = angles.windows(2).map(|w| w[0][1] * w[1][1]).sum::<f64>() / angles.len() as f64;
        assert!(next.abs() < 0.02 * noise * noise, "neighbours are not independent: {next}");
    }
}

#[test]
fn facets_do_not_depend_on_how_a_wall_is_triangulated() {
    let options = DegradeOptions { normal_noise_deg: 2.0, ..cut(0.1) };
    let first = facets_of(&worse(&wall(4.0, 3.0), &options).scene);
    let mut other = wall(4.0, 3.0);
    let mesh = &mut other.objects[0].mesh;
    mesh.vertices.push([1.234, 0.0, 0.777]);
    mesh.triangles = vec![[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]];
    let second = facets_of(&worse(&other, &options).scene);
    assert_eq!(first.len(), 1200);
    assert_eq!(first.len(), second.len());
    for (a, b) in first.iter().zip(&second) {
        assert!(a.0 == b.0 && (a.1 - b.1).norm() < 1e-9, "{a:?} {b:?}");
    }
}

#[test]
fn tilted_facets_keep_to_their_places() {
    // Seen along the wall's normal nothing opens: every vertex is where the grid has it, within the tilt of 0.05 m.
    let options = DegradeOptions { normal_noise_deg: 4.0, ..cut(0.1) };
    for [x, y, z] in worse(&wall(6.0, 3.0), &options).scene.objects[0].mesh.vertices.iter() {
        let off_line = |x: f64| (x / 0.1 - (x / 0.1).round()).abs();
        assert!(off_line(*x) < 1e-9 && off_line(*z) < 1e-9 && y.abs() < 0.07 * 0.36, "{x} {y} {z}");
    }
}

#[test]
fn vertex_noise_moves_what_meets_together() {
    let scene = city(1000, Facade::Plain);
    let quiet = worse(&scene, &cut(2.0)).scene;
    let noisy = worse(&scene, &DegradeOptions { vertex_noise_m: 0.05, ..cut(2.0) }).scene;
    let (mut sum, mut count) = (0.0, 0);
    for (a, b) in quiet.objects.iter().zip(&noisy.objects) {
        assert_eq!(a.mesh.triangles, b.mesh.triangles);
        for (from, to) in a.mesh.vertices.iter().zip(&b.mesh.vertices) {
            sum += (Vec3::from(*to) - Vec3::from(*from)).norm_squared();
            count += 3;
        }
        let closed = |mesh: &Mesh| Report::new(&scene_of(vec![mesh.clone()])).total.open_edges;
        assert_eq!(closed(&a.mesh), closed(&b.mesh), "{}", a.name);
    }
    assert!(((sum / f64::from(count)).sqrt() / 0.05 - 1.0).abs() < 0.01, "{}", (sum / f64::from(count)).sqrt());
}

#[test]
fn holes_take_the_area_asked_for_in_patches() {
    for (scene, share) in [(wall(20.0, 10.0), 0.02), (wall(5.0, 3.0), 0.05), (canyon(), 0.3)] {
        let options = DegradeOptions { hole_share: share, normal_noise_deg: 1.0, ..cut(0.1) };
        let after = worse(&scene, &options);
        let before = worse(&scene, &DegradeOptions { hole_share: 0.0, ..options });
        let taken = after.counts.hole_area_m2 / after.counts.area_m2;
        assert!((taken / share - 1.0).abs() < 0.1, "{taken} where {share} was asked for");
        let sum = |d: &Degraded| d.scene.objects.iter().map(|o| area_of(&o.mesh)).sum::<f64>();
        assert!(((1.0 - sum(&after) / sum(&before)) / share - 1.0).abs() < 0.1);
        assert_eq!((after.counts.missing, after.counts.duplicates), (0, 0));
    }
    // Cells of holes have neighbours in the same hole.
    let options = DegradeOptions { hole_share: 0.02, ..cut(0.1) };
    let scene = worse(&wall(20.0, 10.0), &options).scene;
    let there: std::collections::BTreeSet<[i64; 3]> = facets_of(&scene).into_iter().map(|(cell, _)| cell).collect();
    let gone = |x: i64, z: i64| (0..200).contains(&x) && (0..100).contains(&z) && !there.contains(&[x, z, 0]);
    let holes: Vec<(i64, i64)> =
        (0..200).flat_map(|x| (0..100).map(move |z| (x, z))).filter(|(x, z)| gone(*x, *z)).collect();
    let alone = |(x, z): &&(i64, i64)| !(gone(x + 1, *z) || gone(x - 1, *z) || gone(*x, z + 1) || gone(*x, z - 1));
    assert!((380..=420).contains(&holes.len()), "{}", holes.len());
    assert!(holes.iter().filter(alone).count() <= 4, "{} cells are holes alone", holes.iter().filter(alone).count());
}

#[test]
fn faces_are_missing_and_stand_twice_as_often_as_asked_for() {
    for noise in [0.0, 1.0] {
        let options =
            DegradeOptions { missing_share: 0.05, duplicate_share: 0.03, normal_noise_deg: noise, ..cut(0.1) };
        let after = worse(&wall(20.0, 10.0), &options);
        let (counts, total) = (after.counts, Report::new(&after.scene).total);
        let n = counts.faces as f64;
        // Five standard errors of a share p of n: 5 sqrt(n p (1 - p)).
        let near = |count: usize, p: f64| (count as f64 - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt();
        assert!(near(counts.missing, 0.05) && near(counts.duplicates, 0.95 * 0.03), "{counts:?}");
        assert_eq!(total.duplicate_faces, 2 * counts.duplicates);
        assert_eq!(total.triangles, 2 * (counts.faces - counts.missing + counts.duplicates));
        assert_eq!(total.unused_vertices, 0);
    }
}

#[test]
fn triangles_are_the_facets_where_nothing_is_cut() {
    let scene = city(2000, Facade::Panels);
    assert_eq!(worse(&scene, &DegradeOptions::default()).scene, scene);
    let options = DegradeOptions { normal_noise_deg: 1.0, ..DegradeOptions::default() };
    let after = worse(&scene, &options).scene;
    assert_eq!(triangles_of(&after), triangles_of(&scene));
    let mut squares = 0.0;
    for (a, b) in scene.objects.iter().zip(&after.objects) {
        for (before, now) in corners_of(&a.mesh).zip(corners_of(&b.mesh)) {
            squares += (normal_of(&before).normalize().cross(&normal_of(&now).normalize())).norm_squared();
            let middle = |corners: &[Vec3; 3]| corners.iter().sum::<Vec3>() / 3.0;
            assert!((middle(&before) - middle(&now)).norm() < 1e-9);
        }
    }
    let deviation = (squares / (2.0 * triangles_of(&scene) as f64)).sqrt().to_degrees();
    // Standard error 1/(2 sqrt(n)) = 1.1 %.
    assert!((deviation - 1.0).abs() < 0.05, "{deviation}");
}

#[test]
fn presets_are_fixed() {
    for (name, noise) in [("lidar_0.5", 0.5), ("lidar_1", 1.0), ("lidar_2", 2.0), ("lidar_4", 4.0)] {
        let expected = DegradeOptions {
            seed: 1,
            facet_m: 0.1,
            normal_noise_deg: noise,
            vertex_noise_m: 0.0,
            hole_share: 0.02,
            hole_m: 1.0,
            missing_share: 0.002,
            duplicate_share: 0.002,
        };
        assert_eq!(preset(name), expected);
    }
    let set = ["seed=7", "facet_m=0.5", "hole_share=0"].map(String::from);
    let read = parse_degrade(Some("lidar_2"), set.into_iter()).expect("known options");
    assert_eq!(read, DegradeOptions { seed: 7, facet_m: 0.5, hole_share: 0.0, ..preset("lidar_2") });
    assert_eq!(parse_degrade(None, std::iter::empty()).expect("no options"), DegradeOptions::default());
}

/// Asserts that the error is one of the options (exit code 64), names all parts and has a remedy.
fn names(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.exit_code(), 64, "{text}");
    parts.iter().chain(&["remedy: "]).for_each(|part| assert!(text.contains(part), "'{text}' lacks '{part}'"));
}

#[test]
fn wrong_options_are_refused_by_name() {
    let cases: [(&str, DegradeOptions); 12] = [
        ("facet_m", cut(-1.0)),
        ("facet_m", cut(1e-4)),
        ("facet_m", cut(f64::NAN)),
        ("normal_noise_deg", DegradeOptions { normal_noise_deg: -1.0, ..cut(0.0) }),
        ("normal_noise_deg", DegradeOptions { normal_noise_deg: 45.0, ..cut(0.0) }),
        ("vertex_noise_m", DegradeOptions { vertex_noise_m: f64::INFINITY, ..cut(0.0) }),
        ("hole_share", DegradeOptions { hole_share: 1.0, ..cut(0.0) }),
        ("hole_share", DegradeOptions { hole_share: -0.1, ..cut(0.0) }),
        ("hole_m", DegradeOptions { hole_m: 0.0, ..cut(0.0) }),
        ("missing_share", DegradeOptions { missing_share: 2.0, ..cut(0.0) }),
        ("duplicate_share", DegradeOptions { duplicate_share: 1.5, ..cut(0.0) }),
        ("duplicate_share", DegradeOptions { duplicate_share: f64::NAN, ..cut(0.0) }),
    ];
    for (field, options) in cases {
        let error = degrade(wall(1.0, 1.0), &options).expect_err(field);
        names(&error, &[&format!("degrade.{field} = ")]);
    }
    let read = |preset, set: &str| parse_degrade(preset, std::iter::once(set.to_string())).expect_err(set);
    names(&read(None, "facet=0.1"), &["degrade.facet", "did you mean 'facet_m'?"]);
    names(&read(None, "hole_share=big"), &["degrade.hole_share", "a number"]);
    names(&read(None, "seed=-1"), &["degrade.seed"]);
    names(&read(Some("lidar_3"), "seed=1"), &["--preset = lidar_3", "lidar_0.5, lidar_1, lidar_2, lidar_4"]);
    names(&read(Some("lydar_1"), "seed=1"), &["did you mean 'lidar_1'?"]);
}

#[test]
fn too_many_facets_are_refused_before_they_are_made() {
    let start = std::time::Instant::now();
    for (scene, facet_m) in [(wall(1e5, 1e5), 1e-3), (wall(1e9, 1e-3), 1e-3), (wall(2000.0, 1000.0), 0.1)] {
        let error = degrade(scene, &cut(facet_m)).expect_err("too many");
        names(&error, &["degrade.facet_m", "200000000 triangles", "raise facet_m above"]);
    }
    assert!(start.elapsed().as_secs() < 2);
    // The remedy is one.
    assert!(triangles_of(&worse(&wall(2000.0, 1000.0), &cut(4.0)).scene) == 250_000);
    let error = degrade(wall(1.0, 1.0), &DegradeOptions { missing_share: 0.9, ..cut(0.0) });
    if let Err(error) = error {
        names(&error, &["leaves something"]);
    }
}

#[test]
fn broken_meshes_are_refused_by_object() {
    let mut bad_index = wall(1.0, 1.0);
    bad_index.objects[0].mesh.triangles.push([0, 1, 9]);
    let mut bad_place = wall(1.0, 1.0);
    bad_place.objects[0].mesh.vertices[2][1] = f64::NAN;
    for (scene, part) in [(bad_index, "object 'o0', triangle 2"), (bad_place, "object 'o0', vertex 2")] {
        let error = degrade(scene, &cut(0.1)).expect_err(part);
        assert!(error.to_string().contains(part) && error.exit_code() == 65, "{error}");
    }
}

/// Random numbers for meshes.
struct Random(u32);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 += 1;
        philox([self.0, 0, 0, 0], [99, 0])[0] % bound
    }

    /// Mostly small whole numbers, so that points coincide and stand in line; sometimes nearly so, sometimes far away.
    fn coordinate(&mut self) -> f64 {
        let whole = f64::from(self.below(5));
        match self.below(12) {
            0 => whole + f64::from(self.below(100)) * 1e-9,
            1 => whole + f64::from(self.below(100)) * 1e-6,
            2 => whole + f64::from(self.below(100)) * 1e-3,
            3 => f64::from(self.below(1000)) * 0.0137,
            4 => whole * 1e-4,
            _ => whole,
        }
    }
}

#[test]
fn odd_meshes_keep_their_area_and_never_hang() {
    let mut random = Random(0);
    for round in 0..250 {
        let flat = random.below(3) == 0;
        let count = 3 + random.below(12);
        let vertices: Vec<[f64; 3]> = (0..count)
            .map(|_| [random.coordinate(), random.coordinate(), if flat { 1.0 } else { random.coordinate() }])
            .collect();
        let triangles = (0..1 + random.below(14)).map(|_| [0; 3].map(|_: u32| random.below(count))).collect();
        let scene = scene_of(vec![Mesh { vertices, triangles }]);
        let facet_m = [0.1, 0.2, 0.4, 1.0, 7.0, 1e5][random.below(6) as usize];
        let before = area_of(&scene.objects[0].mesh);
        match degrade(scene.clone(), &cut(facet_m)) {
            Ok(after) => {
                let area = area_of(&after.scene.objects[0].mesh);
                // What has no area is left out, and faces off their plane by 1e-4 m are flattened.
                assert!((area - before).abs() <= 1e-5 * before + 1e-5, "{round}: {before} m^2 become {area} m^2");
            }
            Err(error) => assert!(before < 1e-5, "{round}: {error}"),
        }
        let options = DegradeOptions { facet_m, ..everything() };
        if let Ok(after) = degrade(scene, &options) {
            assert!(after.scene.objects[0].mesh.vertices.iter().flatten().all(|x| x.is_finite()));
            assert!(!Report::new(&after.scene).to_string().is_empty());
        }
    }
}

#[test]
fn thin_and_crowded_meshes_do_not_hang() {
    let start = std::time::Instant::now();
    // A needle, a triangle far smaller than its facets, and one without area.
    let vertices = vec![[0.0; 3], [1000.0, 0.0, 0.0], [500.0, 1e-6, 0.0], [1e-5, 0.0, 0.0], [0.0, 1e-5, 0.0]];
    let needle = scene_of(vec![Mesh { vertices, triangles: vec![[0, 1, 2], [0, 3, 4], [0, 1, 3]] }]);
    let after = worse(&needle, &cut(0.1));
    assert_eq!(after.counts.without_area, 1);
    assert!(triangles_of(&after.scene) >= 10_000);
    // Blades about one axis, each with a grid of its own, and copies of one triangle.
    let mut blades = Mesh { vertices: vec![[0.0; 3], [0.0, 0.0, 3.0]], triangles: vec![] };
    for i in 0..2000u32 {
        let (sin, cos) = libm::sincos(f64::from(i));
        blades.vertices.push([cos, sin, -f64::from(i) * 1e-3]);
        blades.triangles.push([0, 1, i + 2]);
    }
    worse(&scene_of(vec![blades]), &cut(0.5));
    let mut copies = wall(5.0, 5.0);
    copies.objects[0].mesh.triangles = vec![[0, 1, 2]; 2000];
    assert_eq!(Report::new(&worse(&copies, &cut(1.0)).scene).normal_noise_rad, None);
    // Sheets so close that all are neighbours of all.
    let mut sheets = Mesh::default();
    for i in 0..4000u32 {
        let (x, z) = (f64::from(i) * 1e-5, f64::from(i) * 1e-6);
        sheets.vertices.extend([[x, 0.0, z], [x + 1.0, 0.0, z], [x, 1.0, z]]);
        sheets.triangles.push([3 * i, 3 * i + 1, 3 * i + 2]);
    }
    assert!(normal_noise(&scene_of(vec![sheets]).objects).total.is_some_and(|noise| noise < 1e-6));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn clean_meshes_have_no_normal_noise() {
    for scene in [
        wall(12.0, 3.0),
        canyon(),
        city(3000, Facade::Plain),
        city(20_000, Facade::Panels),
        city(20_000, Facade::Windows),
        generated(GenerateOptions::Boxes(BoxesOptions { count: 200, extent_m: 300.0, ..BoxesOptions::default() })),
        worse(&canyon(), &cut(0.5)).scene,
        drum(),
    ] {
        let noise = normal_noise(&scene.objects);
        let all = noise.materials.iter().map(|(_, noise)| *noise).chain(noise.objects).chain([noise.total]);
        for noise in all.flatten() {
            assert!(noise.to_degrees() < 0.01, "{} degrees", noise.to_degrees());
        }
    }
}

/// A cylinder of 60 by 20 facets, which turn by 6 degrees from one to the next.
fn drum() -> SceneDescription {
    let (around, up) = (60u32, 20u32);
    let mut mesh = Mesh::default();
    for row in 0..=up {
        for column in 0..around {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * f64::from(column) / f64::from(around));
            mesh.vertices.push([5.0 * cos, 5.0 * sin, 0.5 * f64::from(row)]);
        }
    }
    for row in 0..up {
        for column in 0..around {
            let [a, b] = [row * around + column, row * around + (column + 1) % around];
            mesh.triangles.extend([[a, b, b + around], [a, b + around, a + around]]);
        }
    }
    scene_of(vec![mesh])
}

#[test]
fn the_noise_of_normals_is_found_again() {
    let small = SceneDescription { objects: city(400, Facade::Plain).objects[1..4].to_vec(), ..wall(1.0, 1.0) };
    for name in DegradeOptions::PRESETS {
        let noise = preset(name).normal_noise_deg;
        for (scene, facet_m) in [(wall(12.0, 12.0), 0.1), (canyon(), 0.1), (small.clone(), 0.25)] {
            let t0 = std::time::Instant::now();
            let mut after = worse(&scene, &DegradeOptions { facet_m, ..preset(name) }).scene;
            eprintln!("degrade {} {:?}", triangles_of(&after), t0.elapsed());
            let near = |found: Option<f64>| {
                let found = found.expect("enough facets").to_degrees();
                assert!((found / noise - 1.0).abs() < 0.05, "{found} for {name}");
            };
            let found = normal_noise(&after.objects);
            near(found.total);
            eprintln!("noise {:?}", t0.elapsed());
            found.materials.iter().for_each(|(_, noise)| near(*noise));
            // As a file of f32 holds it, and as one object.
            after
                .objects
                .iter_mut()
                .flat_map(|o| &mut o.mesh.vertices)
                .flatten()
                .for_each(|x| *x = f64::from(*x as f32));
            near(normal_noise(&after.objects).total);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wall.ply");
    scene_file::write(&worse(&wall(12.0, 12.0), &preset("lidar_1")).scene, &file).expect("written");
    let report = Report::new(&scene_file::read(&file).expect("read"));
    assert!((report.normal_noise_rad.expect("noise").to_degrees() - 1.0).abs() < 0.05);
    assert_eq!(report.materials[0].normal_noise_rad, report.normal_noise_rad);
}

#[test]
fn the_noise_of_each_material_is_its_own() {
    let [mut a, mut b] = [0.5, 2.0].map(|normal_noise_deg| {
        worse(&wall(8.0, 8.0), &DegradeOptions { normal_noise_deg, ..cut(0.1) }).scene.objects.remove(0)
    });
    b.material = "itu_glass".into();
    b.mesh.vertices.iter_mut().for_each(|v| v[1] += 20.0);
    a.name = "a".into();
    let noise = normal_noise(&[a, b]);
    let degrees = |noise: Option<f64>| noise.expect("enough facets").to_degrees();
    assert!((degrees(noise.of_material("itu_brick")) - 0.5).abs() < 0.025);
    assert!((degrees(noise.of_material("itu_glass")) - 2.0).abs() < 0.1);
    assert!((degrees(noise.objects[0]) - 0.5).abs() < 0.025);
    assert_eq!(noise.of_material("wood"), None);
}
