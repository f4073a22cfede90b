//! The CUDA backend against the CPU: sets of paths by key, with a boundary band, and fields by several measures.

use crate::support::build::{self, Numbers};
use crate::support::{accept, city, worse};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::geometry::Geometry;
use raylobe::geometry::simd::Level;
use raylobe::io::scene_file;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::path::chain::ChainTrie;
use raylobe::path::counters::Counters;
use raylobe::path::refine::refine;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{AntennaDescription, Element, PlanarArray, Polarization, SlantModel};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::radio::Radios;
use raylobe::solve::{Solution, solve};
use std::collections::BTreeMap;

/// A path is in the boundary band if it appears or vanishes when its receiver moves by this much [m]: ten times the
/// tolerance of outlines, so that a last bit of the device's arithmetic may decide.
const BAND_M: f64 = 1e-5;
/// Largest share of paths in the band [-].
const BAND_SHARE: f64 = 1e-3;
/// Largest difference of a coefficient, relative to the path's largest [-]: a hundred operations of f64 and a dozen calls
/// of sine, exponential and root, each within two units of the last place of either library.
const COEFFICIENT: f64 = 1e-12;
/// Largest mean difference of moduli, relative to the path's largest [-]: roundings have no preferred sign.
const BIAS: f64 = 1e-13;

/// Largest difference of the work done, relative [-]: see [`Pair::require_same_work`].
const WORK: f64 = 5e-3;

/// Link, elements and facets: what a path is, whatever its order.
type Key = (usize, u32, u32, Vec<u32>);

fn keys(solution: &Solution) -> BTreeMap<Key, usize> {
    let paths = &solution.paths;
    (0..paths.links())
        .flat_map(|link| paths.of_link(link).map(move |path| (link, path)))
        .map(|(link, path)| {
            let facets = paths.facet[paths.vertices_of(path)].to_vec();
            ((link, paths.transmitter_element[path], paths.receiver_element[path], facets), path)
        })
        .collect()
}

struct Pair<'a> {
    geometry: Geometry<'a>,
    radios: &'a Radios,
    cpu: Solution,
    cuda: Solution,
}

impl<'a> Pair<'a> {
    fn solve(scene: &'a Scene, radios: &'a Radios, carriers: &[f64], options: &SolverOptions) -> Pair<'a> {
        let on = |backend| solve(backend, scene, radios, carriers, options, &Silent).expect("the case can be solved");
        let cpu = on(Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend);
        Pair { geometry: Geometry::new(scene), radios, cpu, cuda: on(build::backend()) }
    }

    /// Whether a path is there when its receiver stands `shift` [m] aside.
    fn is_there(&self, (link, _, _, facets): &Key, shift: Vec3) -> bool {
        let origin = self.geometry.scene.origin;
        let transmitters = self.radios.transmitters.len();
        let source = self.radios.transmitters[link % transmitters].position - origin;
        let receiver = self.radios.receivers[link / transmitters].position - origin + shift;
        let mut trie = ChainTrie::new(source);
        trie.insert(facets, u64::MAX);
        trie.open(&self.geometry.facets, 1);
        let node = facets.len() as u32;
        refine(Level::Scalar, &self.geometry, &trie, node, &receiver, &mut Vec::new()).is_ok()
    }

    fn is_in_band(&self, key: &Key) -> bool {
        let here = self.is_there(key, Vec3::zeros());
        let axes = [Vec3::x(), Vec3::y(), Vec3::z()];
        axes.iter().any(|axis| [BAND_M, -BAND_M].iter().any(|shift| self.is_there(key, axis * *shift) != here))
    }

    /// Paths that only one backend has must be in the band, and the band must be thin.
    fn require_same_paths(&self, name: &str) {
        let (cpu, cuda) = (keys(&self.cpu), keys(&self.cuda));
        let one_sided = || {
            let lost = cpu.keys().filter(|key| !cuda.contains_key(*key));
            lost.chain(cuda.keys().filter(|key| !cpu.contains_key(*key)))
        };
        let outside: Vec<&Key> = one_sided().filter(|key| !self.is_in_band(key)).collect();
        let in_band = cpu.keys().filter(|key| self.is_in_band(key)).count();
        let share = in_band as f64 / cpu.len().max(1) as f64;
        let counts = format!(
            "{} paths on the CPU, {} on CUDA, {} of one only, band {in_band} ({share:.1e})",
            cpu.len(),
            cuda.len(),
            one_sided().count()
        );
        let bound = format!("equal outside the band of {BAND_M} m, which holds less than {BAND_SHARE}");
        let pass = cpu.len() > 10 && outside.is_empty() && share < BAND_SHARE;
        accept(&format!("parity of paths, {name}"), counts, &bound, pass);
    }

    /// The same rays meet about the same chains: directions of the first round differ by the last bits of a sine, which
    /// decides where a ray meets an edge.
    fn require_same_work(&self, name: &str) {
        for (what, of) in [
            ("segments", (|counters| counters.segments) as fn(&Counters) -> u64),
            ("chains", |counters| counters.chains),
            ("candidates", |counters| counters.candidates),
        ] {
            let [cpu, cuda] = [&self.cpu, &self.cuda].map(|solution| of(&solution.counters));
            assert!(cpu.abs_diff(cuda) as f64 <= WORK * cpu as f64, "{name}: {cpu} {what} on the CPU, {cuda} on CUDA");
        }
    }

    /// Coefficients of all paths that both have: element by element, and as a whole.
    fn require_same_fields(&self, name: &str) {
        let (cpu, cuda) = (keys(&self.cpu), keys(&self.cuda));
        let (mut largest, mut difference, mut power, mut product) = (0.0, 0.0, [0.0; 2], C64::ZERO);
        let mut bias = (0.0, 0.0);
        for (key, path) in &cpu {
            let Some(other) = cuda.get(key) else { continue };
            let (a, b) = (coefficients(&self.cpu, *path), coefficients(&self.cuda, *other));
            assert_eq!(a.len(), b.len(), "{key:?}");
            let scale = a.iter().map(|a| a.norm()).fold(f64::MIN_POSITIVE, f64::max);
            for (a, b) in a.iter().zip(b) {
                largest = worse(largest, (a - b).norm() / scale);
                difference += (a - b).norm_sqr();
                power = [power[0] + a.norm_sqr(), power[1] + b.norm_sqr()];
                product += a * b.conj();
                bias = (bias.0 + (b.norm() - a.norm()) / scale, bias.1 + 1.0);
            }
        }
        let relative = (difference / power[0]).sqrt();
        let cosine = product.norm() / (power[0] * power[1]).sqrt();
        let bias = bias.0 / bias.1;
        let pass = largest <= COEFFICIENT && relative <= COEFFICIENT && 1.0 - cosine < 1e-12 && bias.abs() <= BIAS;
        let values = format!(
            "worst {largest:.1e}, relative L2 {relative:.1e}, 1 - cosine {:.1e}, bias {bias:.1e}",
            1.0 - cosine
        );
        let bound = format!("{COEFFICIENT}, {COEFFICIENT}, 1e-12, {BIAS}");
        accept(&format!("parity of fields, {name}"), values, &bound, pass);
    }
}

fn coefficients(solution: &Solution, path: usize) -> &[C64] {
    let offsets = &solution.channel.a_offsets;
    &solution.channel.a[offsets[path] as usize..offsets[path + 1] as usize]
}

#[test]
fn munich_has_the_same_paths_and_fields_on_both() {
    let Some(file) = city("munich") else { return };
    let scene = scene_file::read(&file).expect("Munich can be read");
    let scene = Scene::new(&scene, OutOfRange::Error).expect("Munich is valid");
    let radios = crate::completeness::munich().map(|(_, radios)| radios.with_receivers(0..100));
    let radios = radios.unwrap_or_else(|| {
        // Many of these stand inside buildings and see little.
        let mut numbers = Numbers::new(11);
        let mut place = |_| [numbers.between(-250.0, 250.0), numbers.between(-250.0, 250.0), 1.5];
        build::radios(Polarization::V, &[[8.5, 21.0, 27.0]], &[0; 100].map(&mut place))
    });
    let pair = Pair::solve(&scene, &radios, &[3.5e9], &build::by_default(5));
    pair.require_same_paths("Munich, depth 5, 100 receivers");
    pair.require_same_fields("Munich, depth 5, 100 receivers");
    pair.require_same_work("Munich");
}

#[test]
fn arrays_of_every_pattern_have_the_same_fields_on_both() {
    let Some(file) = city("simple_street_canyon") else { return };
    let scene = scene_file::read(&file).expect("the canyon can be read");
    let scene = Scene::new(&scene, OutOfRange::Error).expect("the canyon is valid");
    let array = Some(PlanarArray { rows: 3, columns: 2, vertical_spacing: 0.5, horizontal_spacing: 0.7 });
    let elements = [Element::Isotropic, Element::Dipole, Element::HalfWaveDipole, Element::Tr38901];
    let polarizations = [Polarization::V, Polarization::H, Polarization::VH, Polarization::Cross];
    for (i, element) in elements.into_iter().enumerate() {
        for slant_model in [SlantModel::Model1, SlantModel::Model2] {
            let written = |polarization, per_element| AntennaDescription {
                element,
                polarization,
                slant_model,
                array: array.clone(),
                per_element,
                ..AntennaDescription::default()
            };
            let mut radios = build::radios(
                Polarization::V,
                &[[-33.0, 0.0, 32.0], [30.0, 3.0, 6.0]],
                &[[20.0, 2.0, 1.5], [-8.0, -5.0, 2.5], [45.0, 5.0, 1.0]],
            );
            let wavelength = 0.005;
            radios.antennas[0] = build::antenna(&written(polarizations[i], i % 2 == 1), wavelength);
            for (k, radio) in radios.transmitters.iter_mut().chain(&mut radios.receivers).enumerate() {
                radio.orientation = [0.3 * k as f64, -0.2, 0.1 * k as f64];
            }
            let pair = Pair::solve(&scene, &radios, &[3.5e9, 28e9], &build::by_default(3));
            pair.require_same_fields(&format!("canyon, {element:?}, {slant_model:?}"));
        }
    }
}

#[test]
fn boxes_have_the_same_paths_on_both() {
    for seed in 0..4 {
        let (scene, radios) = crate::completeness::boxes(seed, 30, 40);
        let scene = build::checked(&scene);
        let pair = Pair::solve(&scene, &radios, &[28e9], &build::by_default_with_rays(3));
        pair.require_same_paths(&format!("boxes {seed}"));
        pair.require_same_work(&format!("boxes {seed}"));
    }
}
