//! What must not change the result: threads, order and batch of the receivers, the way a wall is cut into triangles,
//! walls that are there twice, map coordinates, and rigid motion.

use crate::support::build::{self, Numbers};
use crate::support::trace::{assert_same_paths, coefficients, traces};
use raylobe::math::{Vec3, frame};
use raylobe::path::SolverOptions;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::SceneDescription;
use raylobe::scene::mesh::Mesh;
use raylobe::scene::radio::Radios;
use raylobe::solve::Solution;

const CARRIER: f64 = 28e9;

/// A small street: ground, a row of buildings on each side, one across.
fn street() -> SceneDescription {
    let materials = [build::material("soil", 5.2, 0.3, f64::INFINITY), build::material("wall", 6.3, 0.2, 0.2)];
    let mut scene = build::scene_of(&materials);
    build::add_panel(&mut scene, "ground", "soil", [-80.0, -60.0, 0.0], [160.0, 0.0, 0.0], [0.0, 120.0, 0.0]);
    for (i, x) in [-60.0, -20.0, 20.0].into_iter().enumerate() {
        let height = 11.0 + 5.0 * i as f64;
        build::add_cuboid(&mut scene, &format!("south_{i}"), "wall", [x, -30.0, 0.5], [x + 31.0, -10.0, height]);
        build::add_cuboid(
            &mut scene,
            &format!("north_{i}"),
            "wall",
            [x + 3.0, 9.0, 0.5],
            [x + 35.0, 25.0, height + 2.0],
        );
    }
    build::add_cuboid(&mut scene, "end", "wall", [64.0, -20.0, 0.5], [75.0, 22.0, 14.0]);
    scene
}

fn devices() -> Radios {
    let mut numbers = Numbers::new(3);
    let at = |_| [numbers.between(-58.0, 58.0), numbers.between(-8.0, 8.0), numbers.between(1.0, 3.0)];
    let receivers: Vec<[f64; 3]> = (0..24).map(at).collect();
    build::radios(Polarization::VH, &[[-50.0, 1.3, 8.7], [30.0, -3.1, 17.9]], &receivers)
}

fn options() -> [SolverOptions; 2] {
    [build::launch(3, 4_000, 16), build::exhaustive(3)]
}

/// The same numbers, bit for bit.
fn assert_same_bytes(a: &Solution, b: &Solution, what: &str) {
    assert_eq!(a.paths, b.paths, "{what}");
    assert_eq!(a.channel, b.channel, "{what}");
    assert_eq!(a.counters, b.counters, "{what}");
    let bits = |s: &Solution| s.channel.a.iter().flat_map(|a| [a.re.to_bits(), a.im.to_bits()]).collect::<Vec<u64>>();
    assert_eq!(bits(a), bits(b), "{what}: signed zeros differ");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    for options in options() {
        let solve = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool can be made");
            pool.install(|| build::solved(&street(), &devices(), &[CARRIER], &options))
        };
        let one = solve(1);
        assert!(one.paths.len() > 100, "enough paths to tell something: {}", one.paths.len());
        for threads in [2, 3, 7] {
            assert_same_bytes(&one, &solve(threads), &format!("{threads} threads, {:?}", options.candidates));
        }
    }
    crate::support::accept("same bytes for 1, 2, 3, 7 threads", "equal", "equal", true);
}

/// Everything that is known of one path, as bits.
type PathBits = (Vec<u64>, Vec<(u8, u32, u32, u32)>);

/// Everything that is known of a link's paths, as bits.
fn bits_of_link(solution: &Solution, link: usize) -> Vec<PathBits> {
    let (paths, channel) = (&solution.paths, &solution.channel);
    let of_path = |p: usize| {
        let span = paths.vertices_of(p);
        let vectors = paths.vertex[span.clone()].iter().chain([&paths.departure[p], &paths.arrival[p]]);
        let coordinates = vectors.flat_map(|v| [v.x, v.y, v.z]);
        let coefficients = coefficients(solution, p, 0).iter().flat_map(|a| [a.re, a.im]);
        let angles = [channel.theta_t[p], channel.phi_t[p], channel.theta_r[p], channel.phi_r[p], channel.doppler[p]];
        let numbers = coordinates.chain(coefficients).chain(angles).chain([paths.length[p]]);
        let hit = |v: usize| (paths.interaction[v] as u8, paths.object[v], paths.primitive[v], paths.facet[v]);
        (numbers.map(f64::to_bits).collect(), span.map(hit).collect())
    };
    paths.of_link(link).map(of_path).collect()
}

#[test]
fn order_and_batch_of_the_receivers_change_nothing() {
    for options in options() {
        let all = devices();
        let whole = build::solved(&street(), &all, &[CARRIER], &options);
        // 7 and 24 have no common factor: a permutation of the receivers.
        let order: Vec<usize> = (0..24).map(|i| (i * 7 + 5) % 24).collect();
        for batch in [&order[..], &order[..1], &order[1..9], &order[9..]] {
            let mut some = all.clone();
            some.receivers = batch.iter().map(|i| all.receivers[*i].clone()).collect();
            let part = build::solved(&street(), &some, &[CARRIER], &options);
            for (mine, theirs) in batch.iter().enumerate() {
                for t in 0..2 {
                    let (own, other) = (bits_of_link(&part, mine * 2 + t), bits_of_link(&whole, theirs * 2 + t));
                    assert!(own == other, "receiver {theirs}, transmitter {t}, batch of {}", batch.len());
                }
            }
        }
    }
    crate::support::accept("same bytes for any receiver order and batch", "equal", "equal", true);
}

/// Solves the street as it is and as `change` makes it, and requires the same paths.
fn assert_unchanged_by(what: &str, change: impl Fn(&mut SceneDescription)) {
    let mut changed = street();
    change(&mut changed);
    for options in [build::launch(2, 20_000, 32), build::exhaustive(2)] {
        let before = build::solved(&street(), &devices(), &[CARRIER], &options);
        let after = build::solved(&changed, &devices(), &[CARRIER], &options);
        assert!(before.paths.len() > 100);
        assert_same_paths(&before, &after, 1e-6, what);
    }
    crate::support::accept(&format!("same path set: {what}"), "equal", "equal", true);
}

fn each_mesh(scene: &mut SceneDescription, change: impl Fn(&Mesh) -> Mesh) {
    for object in &mut scene.objects {
        object.mesh = change(&object.mesh);
    }
}

/// The mesh with each triangle replaced by what `cut` makes of its corners.
fn recut(mesh: &Mesh, cut: impl Fn(usize, [Vec3; 3]) -> Vec<[Vec3; 3]>) -> Mesh {
    let mut made = Mesh::default();
    for (i, triangle) in mesh.triangles.iter().enumerate() {
        for corners in cut(i, triangle.map(|v| Vec3::from(mesh.vertices[v as usize]))) {
            let base = made.vertices.len() as u32;
            made.vertices.extend(corners.map(|c| [c.x, c.y, c.z]));
            made.triangles.push([base, base + 1, base + 2]);
        }
    }
    made
}

#[test]
fn walls_cut_into_quarters_keep_their_paths() {
    assert_unchanged_by("each triangle in four", |scene| {
        each_mesh(scene, |mesh| {
            recut(mesh, |_, [a, b, c]| {
                let (ab, bc, ca) = ((a + b) / 2.0, (b + c) / 2.0, (c + a) / 2.0);
                vec![[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
            })
        });
    });
}

#[test]
fn t_junctions_keep_the_paths() {
    // Every other triangle is cut: its neighbour across the diagonal keeps the whole edge.
    assert_unchanged_by("T-junctions", |scene| {
        each_mesh(scene, |mesh| {
            recut(mesh, |i, [a, b, c]| match i % 2 {
                0 => vec![[a, b, (a + c * 2.0) / 3.0], [(a + c * 2.0) / 3.0, b, c]],
                _ => vec![[a, b, c]],
            })
        });
    });
}

#[test]
fn vertex_order_does_not_matter() {
    assert_unchanged_by("vertex order reversed", |scene| {
        each_mesh(scene, |mesh| recut(mesh, |i, [a, b, c]| vec![if i % 2 == 0 { [a, c, b] } else { [b, c, a] }]));
    });
}

#[test]
fn walls_that_are_there_twice_count_once() {
    assert_unchanged_by("every triangle twice in its object", |scene| {
        each_mesh(scene, |mesh| recut(mesh, |_, corners| vec![corners, corners]));
    });
    assert_unchanged_by("every object twice", |scene| {
        for mut object in scene.objects.clone() {
            object.name += "_again";
            scene.objects.push(object);
        }
    });
    assert_unchanged_by("each wall covered by another of other triangles, turned round", |scene| {
        for mut object in scene.objects.clone() {
            object.name += "_back";
            object.mesh = recut(&object.mesh, |_, [a, b, c]| vec![[c, b, (a + c) / 2.0], [(a + c) / 2.0, b, a]]);
            scene.objects.push(object);
        }
    });
}

/// The street and its devices after x -> R x + t.
fn moved(rotation: [f64; 3], shift: Vec3) -> (SceneDescription, Radios) {
    let turn = frame::rotation_of(rotation);
    let (mut scene, mut radios) = (street(), devices());
    for vertex in scene.objects.iter_mut().flat_map(|o| &mut o.mesh.vertices) {
        *vertex = (turn * Vec3::from(*vertex) + shift).into();
    }
    for radio in radios.transmitters.iter_mut().chain(&mut radios.receivers) {
        radio.position = turn * radio.position + shift;
    }
    (scene, radios)
}

#[test]
fn map_coordinates_of_a_million_metres_do_no_harm() {
    let shift = Vec3::new(4_467_000.0, 1_000_000.0, 500.0);
    for options in [build::launch(3, 20_000, 32), build::exhaustive(3)] {
        let near = build::solved(&street(), &devices(), &[CARRIER], &options);
        let (scene, radios) = moved([0.0; 3], shift);
        let mut far = build::solved(&scene, &radios, &[CARRIER], &options);
        far.paths.vertex.iter_mut().for_each(|v| *v -= shift);
        assert_same_paths(&near, &far, 1e-6, "map coordinates");
    }
    crate::support::accept("same paths at map coordinates of 10^6 m", "within 1e-6 m", "1e-6 m", true);
}

#[test]
fn rigid_motion_leaves_every_length() {
    let (scene, radios) = moved([0.7, -0.4, 1.1], Vec3::new(310.0, -57.0, 40.0));
    let options = build::exhaustive(3);
    let still = build::solved(&street(), &devices(), &[CARRIER], &options);
    let turned = build::solved(&scene, &radios, &[CARRIER], &options);
    for link in 0..still.paths.links() {
        let (a, b) = (traces(&still, link), traces(&turned, link));
        assert_eq!(a.len(), b.len(), "link {link}");
        for (p, q) in a.iter().zip(&b) {
            assert!((p.length - q.length).abs() < 1e-9, "link {link}: {p:?} {q:?}");
        }
    }
}
