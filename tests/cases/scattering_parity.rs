//! Scattering on the CUDA backend against the CPU: the same paths, and their coefficients; maps within a stated bound.
//!
//! Where a path runs is decided by the facets that rays meet and by segments that are blocked, which both backends find
//! alike to the bit, and computed by the host: so paths are the same to the byte, but for those that are means over samples.

use crate::support::build::{self, add_cuboid, add_panel, add_polygons, checked, scene_of};
use crate::support::{accept, worse};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization};
use raylobe::scene::description::{
    Direction, LobeDescription, MaterialDescription, MixturePart, PatternDescription, SceneDescription,
};
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Sampled, Target};
use raylobe::solve::{Solution, solve};

const CARRIERS: [f64; 2] = [3.5e9, 28e9];
/// Largest difference of a coefficient, relative to the path's largest [-]: some hundred operations of f64, and a score of
/// sines, exponentials and roots, each within two units of the last place of either library.
const COEFFICIENT: f64 = 1e-12;
/// Largest relative difference of means over the samples of a cluster: roundings of as many sums.
const MEAN: f64 = 1e-12;

fn material(name: &str, pattern: PatternDescription) -> MaterialDescription {
    MaterialDescription {
        scattering: Some(0.6),
        xpd: Some(0.2),
        pattern: Some(pattern),
        roughness_m: Some(2e-4),
        ..build::material(name, 5.0, 0.1, 0.2)
    }
}

/// A mixture of every kind of part.
fn mixture(reciprocal: bool) -> PatternDescription {
    let gaussian = |direction| MixturePart::VonMisesFisher { weight: 0.5, kappa: 8.0, direction, reciprocal };
    PatternDescription::Mixture {
        parts: vec![
            MixturePart::Lambertian { weight: 1.0 },
            MixturePart::Directive { weight: 2.0, alpha: 3.5, reciprocal },
            MixturePart::Backscattering { weight: 0.7, alpha_r: 6.0, alpha_i: 9.5, lambda: 0.6, reciprocal },
            gaussian(Direction::Forward),
            gaussian(Direction::Backward),
        ],
    }
}

/// A yard whose ground, walls and block scatter, each in its own way.
pub fn yard(reciprocal: bool) -> SceneDescription {
    let directive = PatternDescription::Directive { alpha: 4.0, reciprocal };
    let backscattering = PatternDescription::Backscattering { alpha_r: 5.0, alpha_i: 8.0, lambda: 0.8, reciprocal };
    let materials = [
        material("ground", PatternDescription::Lambertian {}),
        material("left", directive),
        material("right", backscattering),
        material("block", mixture(reciprocal)),
    ];
    let mut scene = scene_of(&materials);
    add_panel(&mut scene, "ground", "ground", [-20.0, -20.0, 0.0], [40.0, 0.0, 0.0], [0.0, 40.0, 0.0]);
    add_panel(&mut scene, "left", "left", [-20.0, -15.0, 0.0], [40.0, 0.0, 0.0], [0.0, 0.0, 12.0]);
    add_panel(&mut scene, "right", "right", [-20.0, 15.0, 0.0], [40.0, 3.0, 0.0], [0.0, 0.0, 12.0]);
    add_cuboid(&mut scene, "block", "block", [3.0, -4.0, 0.0], [8.0, 6.0, 7.03]);
    scene
}

/// The same, with a lobe in place of every reflection.
pub fn with_lobes(mut scene: SceneDescription, lobe: LobeDescription) -> SceneDescription {
    scene.materials.iter_mut().for_each(|material| material.lobe = Some(lobe.clone()));
    scene
}

/// A wall of tilted triangles.
fn rubble(scene: &mut SceneDescription) {
    let mut n = build::Numbers::new(9);
    let corner: Vec<Vec<[f64; 3]>> = (0..=12)
        .map(|i| {
            (0..=12).map(|k| [-18.0, f64::from(i) * 0.25 + 5.0, f64::from(k) * 0.25 + n.between(0.0, 0.03)]).collect()
        })
        .collect();
    let cells = (0..144).flat_map(|cell| {
        let (i, k) = (cell / 12, cell % 12);
        let (a, b, c, d) = (corner[i][k], corner[i + 1][k], corner[i + 1][k + 1], corner[i][k + 1]);
        [vec![a, b, c], vec![a, c, d]]
    });
    let mut cells: Vec<Vec<[f64; 3]>> = cells.collect();
    cells.iter_mut().flatten().for_each(|point| point[0] += 0.05 * (7.0 * point[1] + 11.0 * point[2]).sin());
    add_polygons(scene, "rubble", "left", &cells);
}

/// Arrays at both ends, turned.
fn radios() -> Radios {
    let array = PlanarArray { rows: 2, columns: 1, vertical_spacing: 0.5, horizontal_spacing: 0.5 };
    let panel = AntennaDescription {
        element: Element::Tr38901,
        polarization: Polarization::Cross,
        array: Some(array),
        ..AntennaDescription::default()
    };
    let mut radios = build::radios(
        Polarization::VH,
        &[[-9.0, 1.0, 9.0], [12.0, -7.0, 3.0]],
        &[[10.0, 4.0, 1.5], [-5.0, -8.0, 2.0], [0.5, 9.0, 6.0]],
    );
    radios.antennas.push(build::antenna(&panel, 0.0107));
    radios.transmitters[0].antenna = 1;
    radios.transmitters[0].orientation = [0.3, 0.2, 0.1];
    radios.receivers[0].orientation = [1.0, 0.4, -0.2];
    radios
}

fn options(max_depth: u32, scatter: ScatterOptions) -> SolverOptions {
    SolverOptions { scatter, ..build::by_default(max_depth) }
}

fn both(scene: &SceneDescription, options: &SolverOptions) -> [Solution; 2] {
    let (scene, radios) = (checked(scene), radios());
    let cpu = Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
    [cpu, build::backend()]
        .map(|backend| solve(backend, &scene, &radios, &CARRIERS, options, &Silent).expect("the yard can be solved"))
}

/// Paths of each kind: of one diffuse point, of more, of one that is reflected afterwards, of a lobe, of no scattering.
fn kinds(solution: &Solution) -> [usize; 5] {
    let mut counts = [0; 5];
    for path in 0..solution.paths.len() {
        let own = &solution.paths.interaction[solution.paths.vertices_of(path)];
        let diffuse = own.iter().filter(|kind| **kind == Interaction::Diffuse).count();
        counts[2] += usize::from(diffuse > 0 && own.last() == Some(&Interaction::Reflection));
        match diffuse {
            0 => counts[if own.last() == Some(&Interaction::Lobe) { 3 } else { 4 }] += 1,
            1 => counts[0] += 1,
            _ => counts[1] += 1,
        }
    }
    counts
}

/// Coefficients of both, path by path in the same order, relative to the path's largest.
fn require_same_fields(name: &str, [cpu, cuda]: &[Solution; 2], bound: f64) {
    assert_eq!(cpu.channel.a_offsets, cuda.channel.a_offsets, "{name}");
    let mut largest = 0.0;
    for path in 0..cpu.paths.len() {
        for carrier in 0..CARRIERS.len() {
            let [a, b] = [cpu, cuda].map(|solution| solution.channel.of_path(path, carrier));
            let scale = a.iter().map(|a| a.norm()).fold(f64::MIN_POSITIVE, f64::max);
            let off = a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, worse);
            largest = worse(largest, off / scale);
        }
    }
    let values = format!("worst {largest:.1e} over {} paths {:?}", cpu.paths.len(), kinds(cpu));
    accept(&format!("parity of scattered fields, {name}"), values, &format!("{bound:e}"), largest <= bound);
}

#[test]
fn diffuse_paths_are_the_same_on_both() {
    for reciprocal in [false, true] {
        for (max_depth, reflection, rays) in [(1, true, 3000), (2, false, 2000), (3, true, 400)] {
            let scatter = ScatterOptions { diffuse: true, rays, ..ScatterOptions::default() };
            let options = SolverOptions { reflection, ..options(max_depth, scatter) };
            let both = both(&yard(reciprocal), &options);
            let [once, more, reflected, ..] = kinds(&both[0]);
            assert!(once > 100 && (max_depth == 1 || more > 100) && (max_depth < 3 || reflected > 100));
            let name = format!("diffuse, depth {max_depth}, reflection {reflection}, reciprocal {reciprocal}");
            assert!(both[0].paths == both[1].paths, "{name}: the paths are not the same");
            require_same_fields(&name, &both, COEFFICIENT);
        }
    }
}

#[test]
fn lobes_are_the_same_on_both() {
    for (i, kappa) in [40.0, 2e3, 1e5].into_iter().enumerate() {
        let alpha = LobeDescription::CosinePower {
            alpha: Some(kappa),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: i == 0,
        };
        for lobe in [LobeDescription::von_mises_fisher(kappa), alpha] {
            let mut scene = with_lobes(yard(i == 1), lobe);
            rubble(&mut scene);
            // A third of them with diffuse scattering besides.
            let scatter = ScatterOptions { diffuse: i == 2, lobe: true, rays: 2000, lobe_samples: 32 };
            let both = both(&scene, &options(2, scatter));
            let [cpu, cuda] = &both;
            let name = format!("lobes of {kappa:e}, {i}");
            assert!(kinds(cpu)[3] > 6 && (i < 2 || kinds(cpu)[0] > 100), "{name}: {:?}", kinds(cpu));
            assert_eq!(cpu.paths.vertex, cuda.paths.vertex, "{name}");
            assert_eq!(cpu.paths.interaction, cuda.paths.interaction, "{name}");
            let near = |a: &f64, b: &f64| (a - b).abs() <= MEAN * a.abs();
            assert!(cpu.paths.length.iter().zip(&cuda.paths.length).all(|(a, b)| near(a, b)), "{name}: lengths");
            assert!(cpu.paths.area.iter().zip(&cuda.paths.area).all(|(a, b)| near(a, b)), "{name}: areas");
            require_same_fields(&name, &both, COEFFICIENT);
        }
    }
}

/// Cells of a map that a ray's last bits decide on: the largest share, and what such a ray may move of the cell's gain.
const EDGE_SHARE: f64 = 2e-3;
/// Cells whose variance differs, as a share: that of cells with few hits is taken from those about (T84), and a deposit that the
/// device cuts to nothing is a hit on the CPU.
const POOLED_SHARE: f64 = 0.05;
/// Largest difference of a cell's gain and of its moments otherwise, relative: directions that are drawn differ by some units
/// of the last place, and a lobe of concentration kappa turns these into kappa times as much.
const GAIN: f64 = 1e-10;

/// Path gains below this are nothing: sums are cut to the last of 96 binary places, of a unit of about 1e-8 here, at every
/// deposit.
const NOTHING: f64 = 1e-28;

/// Rays of a map, in all 32 replicates.
const RAYS: u64 = 32 * 700;

/// The sampled part of the map of a tilted sheet over the yard, and the segments that it took.
fn sampled(
    backend: Backend,
    scene: &SceneDescription,
    radios: &Radios,
    options: &SolverOptions,
    rays: u64,
) -> (Sampled, u64) {
    let scene = checked(scene);
    let sheet = Sheet::about(&Vec3::new(1.0, 0.5, 2.5), [24.0, 18.0], [2.0, 1.5], &rotation_of([0.4, 0.1, -0.15]));
    let target = Target { rays, max_rays: rays, relative_error: None };
    let survey =
        Survey { layout: Layout::Sheet(sheet, Ground::Plane), points: 1, mean: Mean::Points, noise: 1e-12, target };
    let mut engine =
        MapEngine::new(backend, &scene, &survey, radios, &CARRIERS, options, &Silent).expect("a sound yard");
    let map = engine.sampled(0, 1, &target).expect("it can be sampled");
    (map, engine.finish().counters.segments)
}

/// The radios of a map: the receiver with weights of its own, or with ports whose powers add up.
pub fn map_radios(weighted: bool) -> Radios {
    let mut radios = radios();
    let weight = |i: u32| C64::from_polar(0.5, 0.7 * f64::from(i));
    if weighted {
        radios.receivers[0].antenna = 1;
        radios.receivers[0].weights = Some((0..4).map(weight).collect());
        radios.transmitters[0].weights = Some((0..4).map(|i| weight(i * i)).collect());
    }
    radios
}

#[test]
fn sampled_maps_are_the_same_on_both() {
    let (mut differ, mut pooled) = ([0, 0], 0);
    for (i, (diffuse, lobe, reflection, max_depth)) in [
        (true, false, true, 1),
        (true, false, true, 3),
        (true, false, false, 2),
        (false, true, true, 3),
        (true, true, true, 4),
    ]
    .into_iter()
    .enumerate()
    {
        let kappa = [30.0, 400.0][i % 2];
        let scene = with_lobes(yard(i % 2 == 1), LobeDescription::von_mises_fisher(kappa));
        let scatter = ScatterOptions { diffuse, lobe, ..ScatterOptions::default() };
        let options = SolverOptions { reflection, ..options(max_depth, scatter) };
        let radios = map_radios(i % 2 == 0);
        let cpu = Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
        let [(cpu, cpu_segments), (cuda, cuda_segments)] =
            [cpu, build::backend()].map(|backend| sampled(backend, &scene, &radios, &options, RAYS));
        let name = format!("map {i}: diffuse {diffuse}, lobe {lobe}, depth {max_depth}");
        assert_eq!(cpu.rays, cuda.rays, "{name}");
        // The CPU looks whether something hides a point before it asks whether f64 agrees with the way there.
        assert!(cpu_segments.abs_diff(cuda_segments) <= cpu_segments / 1000, "{name}: {cpu_segments} {cuda_segments}");
        let (mut worst, mut lit) = (0.0, 0);
        for cell in 0..cpu.moments.len() {
            let off = (0..3).map(|k| (cuda.moments[cell][k] / cpu.moments[cell][k] - 1.0).abs()).fold(0.0, worse);
            let error = (cuda.variance[cell] / cpu.variance[cell] - 1.0).abs();
            if cpu.moments[cell][0] < NOTHING {
                assert!(cuda.moments[cell][0] < NOTHING, "{name}, cell {cell}: {:?}", cuda.moments[cell]);
                continue;
            }
            lit += 1;
            differ[1] += 1;
            pooled += usize::from(error > GAIN);
            if off > GAIN {
                differ[0] += 1;
                println!("{name}, cell {cell}: {:?} {:?}", cpu.moments[cell], cuda.moments[cell]);
            } else {
                worst = worse(worst, off);
            }
        }
        assert!(lit > 100, "{name}: {lit} cells are lit");
        println!("{name}: {lit} cells, at most {worst:.1e}, {cpu_segments} segments");
    }
    let share = f64::from(differ[0]) / f64::from(differ[1]);
    let values = format!("{} of {} cells beyond {GAIN:e}", differ[0], differ[1]);
    let pooled = pooled as f64 / f64::from(differ[1]);
    assert!(pooled <= POOLED_SHARE, "variances of {pooled} of the cells differ");
    accept("parity of sampled maps", values, &format!("a share of {EDGE_SHARE:e}"), share <= EDGE_SHARE);
}

#[test]
fn blocks_of_any_size_make_the_same_sampled_map() {
    let scene = with_lobes(yard(false), LobeDescription::von_mises_fisher(30.0));
    let scatter = ScatterOptions { diffuse: true, lobe: true, ..ScatterOptions::default() };
    let radios = map_radios(true);
    let mut maps = [1, 32, 57, 256].into_iter().filter_map(|threads| {
        let cuda = build::cuda()?.with_blocks_of(threads);
        Some(sampled(Backend::cuda(cuda), &scene, &radios, &options(3, scatter), 32 * 200))
    });
    let Some((first, segments)) = maps.next() else { return };
    assert!(first.moments.iter().any(|moments| moments[0] > 0.0));
    for (map, others) in maps {
        assert_eq!(map.moments, first.moments);
        assert_eq!(map.variance, first.variance);
        assert_eq!(segments, others);
    }
}
