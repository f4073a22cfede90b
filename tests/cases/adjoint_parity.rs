//! The adjoint on the CUDA backend against the CPU's: every kind of parameter, by several measures; the same bytes whatever
//! the size of blocks; the same sentences where there is no derivative.

use crate::differences::{Case, OUTPUTS, Output};
use crate::gradients::{askew, corner, lobed, mirror_at, patterned, rough, scattered};
use crate::support::build::{self, Numbers};
use crate::support::{accept, city, worse};
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::channel::ChannelBar;
use raylobe::io::scene_file;
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::{ParameterKind, PermittivityBar, RadioBar, SceneBar, Wanted};
use raylobe::scene::Scene;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{MaterialDescription, SceneDescription};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::radio::Radios;

/// Largest difference of a derivative, relative to the largest of its kind, and of all of a kind, relative to their norm [-]:
/// some thousand operations of f64 on each path, in an order of their own, and a score of sines, exponentials and roots, each
/// within two units of the last place of either library; what cancels between paths and ports loses up to two digits.
const DERIVATIVE: f64 = 1e-12;
/// Largest 1 - cosine between all derivatives of a kind [-].
const ASTRAY: f64 = 1e-12;

pub fn cpu() -> Backend {
    Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend
}

/// All derivatives by a kind of parameter, in a fixed order.
fn of_kind(bar: &SceneBar, kind: ParameterKind) -> Vec<f64> {
    let materials = bar.materials.iter();
    let radios = || bar.receivers.iter().chain(&bar.transmitters);
    let of_radios = |of: fn(&RadioBar) -> [f64; 3]| radios().flat_map(of).collect();
    match kind {
        ParameterKind::RelativePermittivity => materials
            .flat_map(|m| {
                let made_of = match &m.permittivity {
                    PermittivityBar::Constant { relative_permittivity, .. } => vec![*relative_permittivity],
                    PermittivityBar::Itu { rows } => rows.iter().flat_map(|row| [row.a, row.b]).collect(),
                };
                [m.relative_permittivity.clone(), made_of].concat()
            })
            .collect(),
        ParameterKind::Conductivity => materials.flat_map(|m| m.conductivity.clone()).collect(),
        ParameterKind::Thickness => materials.map(|m| m.thickness).collect(),
        ParameterKind::Roughness => materials.map(|m| m.roughness).collect(),
        ParameterKind::ScatteringCoefficient => materials.map(|m| m.scattering).collect(),
        ParameterKind::CrossPolarisation => materials.map(|m| m.xpd).collect(),
        ParameterKind::Pattern => materials
            .flat_map(|m| m.parts.iter().flat_map(|p| [p.weight, p.forward_share, p.forward, p.backward]))
            .collect(),
        ParameterKind::Lobe => materials.map(|m| m.lobe).collect(),
        ParameterKind::Position => of_radios(|radio| radio.position.into()),
        ParameterKind::Orientation => of_radios(|radio| radio.orientation),
        ParameterKind::Velocity => of_radios(|radio| radio.velocity.into()),
        ParameterKind::ElementOffset => {
            bar.antennas.iter().flat_map(|a| &a.offsets).flat_map(|o| [o.x, o.y, o.z]).collect()
        }
        ParameterKind::AntennaGain => bar.antennas.iter().map(|antenna| antenna.gain).collect(),
        ParameterKind::Carrier => bar.carriers.clone(),
        ParameterKind::Vertex => bar.vertices.iter().flat_map(|v| [v.x, v.y, v.z]).collect(),
    }
}

/// How far the bars of both are apart, at the worst of all kinds, and which kinds have any that are not 0.
#[derive(Default)]
pub struct Apart {
    largest: f64,
    relative: f64,
    astray: f64,
    pub seen: Vec<ParameterKind>,
}

impl Apart {
    pub fn new(name: &str, [expected, found]: [&SceneBar; 2]) -> Apart {
        let mut all = Apart::default();
        for kind in ParameterKind::ALL {
            let [a, b] = [expected, found].map(|bar| of_kind(bar, kind));
            assert_eq!(a.len(), b.len(), "{name}: {kind:?}");
            let scale = a.iter().fold(0.0, |most, x| f64::max(most, x.abs()));
            if scale == 0.0 {
                assert!(b.iter().all(|b| *b == 0.0), "{name}: {kind:?}: {b:?} where the CPU has 0");
                continue;
            }
            all.seen.push(kind);
            let sum =
                |of: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| of(a / scale, b / scale)).sum::<f64>();
            let powers = [sum(&|a, _| a * a), sum(&|_, b| b * b)];
            let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs() / scale).fold(0.0, worse);
            all.largest = worse(all.largest, off);
            all.relative = worse(all.relative, (sum(&|a, b| (a - b) * (a - b)) / powers[0]).sqrt());
            all.astray = worse(all.astray, 1.0 - sum(&|a, b| a * b) / (powers[0] * powers[1]).sqrt());
        }
        all
    }

    pub fn values(&self) -> String {
        let Apart { largest, relative, astray, seen } = self;
        format!("{} kinds: worst {largest:.1e}, relative L2 {relative:.1e}, 1 - cosine {astray:.1e}", seen.len())
    }

    pub fn is_small(&self) -> bool {
        self.largest <= DERIVATIVE && self.relative <= DERIVATIVE && self.astray <= ASTRAY
    }

    /// Prints the claim, and fails where it does not hold.
    pub fn accept(&self, name: &str) {
        let bound = format!("{DERIVATIVE:e}, {DERIVATIVE:e}, {ASTRAY:e}");
        accept(&format!("parity of the adjoint, {name}"), self.values(), &bound, self.is_small());
    }
}

/// The bars of a case on both, of losses of every output, one by one and together.
fn both(name: &str, case: &Case) -> Vec<ParameterKind> {
    let bars = case.bars(&OUTPUTS, 7);
    let of = |backend: &Backend, bars: &ChannelBar| {
        case.adjoint_on(backend, bars, Wanted::all()).expect("everything has a derivative here")
    };
    for output in OUTPUTS {
        let bars = case.bars(&[output], 8);
        let apart = Apart::new(name, [&of(&cpu(), &bars), &of(&build::backend(), &bars)]);
        println!("{name}, {output:?}: {}", apart.values());
        assert!(apart.is_small(), "{name}, {output:?}: {}", apart.values());
    }
    let apart = Apart::new(name, [&of(&cpu(), &bars), &of(&build::backend(), &bars)]);
    apart.accept(name);
    apart.seen
}

pub fn plain() -> [MaterialDescription; 3] {
    [build::material("slab", 3.2, 0.05, 0.013), rough("rough"), build::material("half", 7.1, 2.0, f64::INFINITY)]
}

/// Cases that together have every kind of parameter, path and radio.
fn cases() -> Vec<(&'static str, Case)> {
    let of = |materials: &[MaterialDescription; 3], per_element, carriers: &[f64], options: &SolverOptions| {
        Case::new(&corner(materials), askew(28e9, per_element), carriers, options)
    };
    vec![
        ("reflections", of(&plain(), false, &[28e9, 9.7e9], &build::exhaustive(3))),
        ("reflections, element by element", of(&plain(), true, &[28e9], &build::exhaustive(3))),
        ("diffuse paths", of(&patterned(), false, &[28e9, 9.7e9], &scattered(true, false, 200, 0))),
        ("diffuse paths, element by element", of(&patterned(), true, &[28e9], &scattered(true, false, 40, 0))),
        ("lobes", of(&lobed(), false, &[28e9], &scattered(false, true, 2000, 24))),
    ]
}

#[test]
fn every_kind_of_derivative_is_the_same_on_both() {
    let mut seen: Vec<ParameterKind> = cases().iter().flat_map(|(name, case)| both(name, case)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ParameterKind::ALL, "no kind is compared at 0 alone");
}

#[test]
fn blocks_of_any_size_make_the_same_bars() {
    for (name, case) in cases() {
        let bars = case.bars(&OUTPUTS, 9);
        let mut found = [1, 32, 57, 256].into_iter().filter_map(|threads| {
            let backend = Backend::cuda(build::cuda()?.with_blocks_of(threads));
            Some(case.adjoint_on(&backend, &bars, Wanted::all()).expect("everything has a derivative here"))
        });
        let Some(first) = found.next() else { return };
        assert!(first.vertices.iter().any(|bar| bar.norm() > 0.0));
        assert!(found.all(|other| other == first), "{name}");
    }
}

#[test]
fn what_is_not_wanted_stays_0_on_both() {
    for (name, case) in cases() {
        let bars = case.bars(&OUTPUTS, 11);
        for kind in ParameterKind::ALL {
            let wanted = Wanted::of(&[kind]);
            let [cpu, cuda] = [cpu(), build::backend()]
                .map(|backend| case.adjoint_on(&backend, &bars, wanted).expect("it has a derivative here"));
            let apart = Apart::new(name, [&cpu, &cuda]);
            assert!(apart.is_small(), "{name}, {kind:?} alone: {}", apart.values());
            assert!(apart.seen.iter().all(|seen| *seen == kind), "{name}, {kind:?} alone: {:?}", apart.seen);
        }
    }
}

#[test]
fn what_has_no_derivative_is_the_same_error_on_both() {
    let same = |scene: &SceneDescription, radios: Radios, options: &SolverOptions, part: &str| {
        let case = Case::new(scene, radios, &[28e9], options);
        let texts = [cpu(), build::backend()].map(|backend| {
            let bars = case.bars(&[Output::Coefficient], 3);
            case.adjoint_on(&backend, &bars, Wanted::all()).expect_err(part).to_string()
        });
        assert!(texts[0] == texts[1] && texts[0].contains(part), "{texts:?}");
    };
    let above = |turned: [f64; 3]| {
        let mut radios = build::radios(Polarization::V, &[[0.0, 0.0, 3.0]], &[[0.0, 0.0, 1.0], [1.0, 0.3, 1.0]]);
        radios.receivers[0].orientation = turned;
        radios
    };
    same(&mirror_at(0.0), above([0.0; 3]), &build::exhaustive(0), "axis of the antenna of 'rx0'");
    same(&mirror_at(0.0), above([0.3, 0.2, 0.1]), &build::exhaustive(0), "axis of the antenna of 'tx0'");
    let wall = MaterialDescription { scattering: Some(1.0), ..rough("wall") };
    let materials = [wall, rough("b"), rough("c")];
    same(&corner(&materials), askew(28e9, false), &scattered(true, false, 60, 0), "scattering");
    let wall = MaterialDescription { xpd: Some(0.0), ..rough("wall") };
    let materials = [rough("b"), wall, rough("c")];
    same(&corner(&materials), askew(28e9, false), &scattered(true, false, 60, 0), "xpd");

    // Coefficients of another channel, in the midst of many paths.
    let mut case = Case::new(&corner(&plain()), askew(28e9, false), &[28e9], &build::exhaustive(3));
    let bars = case.bars(&OUTPUTS, 3);
    let path = case.samples.paths.len() / 2;
    let first = case.samples.channel.a_offsets[path] as usize;
    case.samples.channel.a[first + 1] *= 1.0 + 1e-3;
    let texts = [cpu(), build::backend()]
        .map(|backend| case.adjoint_on(&backend, &bars, Wanted::materials()).expect_err("foreign").to_string());
    assert!(texts[0] == texts[1] && texts[0].contains("not those of its replay"), "{texts:?}");
}

#[test]
fn without_paths_all_bars_are_0_on_both() {
    let options = SolverOptions { line_of_sight: false, ..build::exhaustive(0) };
    let case = Case::new(&corner(&plain()), askew(28e9, false), &[28e9], &options);
    assert!(case.samples.paths.is_empty());
    let bars = case.bars(&OUTPUTS, 1);
    let [cpu, cuda] = [cpu(), build::backend()]
        .map(|backend| case.adjoint_on(&backend, &bars, Wanted::all()).expect("there is nothing to go wrong"));
    assert_eq!(cpu, cuda);
}

#[test]
fn munich_has_the_same_derivatives_on_both() {
    let Some(file) = city("munich") else { return };
    let scene = scene_file::read(&file).expect("Munich can be read");
    assert!(Scene::new(&scene, OutOfRange::Error).is_ok(), "Munich is valid");
    let mut numbers = Numbers::new(11);
    let mut place = |_| [numbers.between(-250.0, 250.0), numbers.between(-250.0, 250.0), 1.5];
    let radios = build::radios(Polarization::VH, &[[8.5, 21.0, 27.0]], &[0; 100].map(&mut place));
    let case = Case::new(&scene, radios, &[3.5e9], &build::by_default(3));
    assert!(case.samples.paths.len() > 100, "{}", case.samples.paths.len());
    let bars = case.bars(&OUTPUTS, 5);
    let [cpu, cuda] = [cpu(), build::backend()]
        .map(|backend| case.adjoint_on(&backend, &bars, Wanted::all()).expect("everything has a derivative here"));
    let name = format!("Munich, {} paths", case.samples.paths.len());
    Apart::new(&name, [&cpu, &cuda]).accept(&name);
}
