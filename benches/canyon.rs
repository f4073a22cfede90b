//! Paths and fields in a loaded scene of few facets, beside DiffeRT's warm calls (scripts/peers/differt_paths.py): the
//! street canyon of `scripts/get-scenes.sh`, receivers on a line along the street.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use raylobe::backend::{Backend, DeviceRequest, Silent};
use raylobe::io::scene_file;
use raylobe::math::Vec3;
use raylobe::path::SolverOptions;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{Antenna, AntennaDescription};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::Engine;
use std::path::Path;

const SCENE: &str = ".scenes/simple_street_canyon/simple_street_canyon.xml";
const CARRIER_HZ: f64 = 3.5e9;

fn radio(name: String, position: [f64; 3]) -> Radio {
    let (orientation, velocity) = ([0.0; 3], Vec3::zeros());
    Radio { name, position: position.into(), orientation, velocity, power: 1.0, antenna: 0 }
}

fn radios(count: usize) -> Radios {
    let x = |i: usize| if count > 1 { 80.0 * i as f64 / (count - 1) as f64 - 40.0 } else { 20.0 };
    let wavelength = 299_792_458.0 / CARRIER_HZ;
    let antenna = Antenna::new("isotropic", &AntennaDescription::default(), wavelength).expect("it is the default");
    Radios {
        antennas: vec![antenna],
        transmitters: vec![radio("tx".into(), [-33.0, 0.0, 32.0])],
        receivers: (0..count).map(|i| radio(format!("rx{i}"), [x(i), 2.0, 1.5])).collect(),
    }
}

fn canyon(criterion: &mut Criterion) {
    if !Path::new(SCENE).exists() {
        eprintln!("skipped: {SCENE} is missing; scripts/get-scenes.sh fetches it");
        return;
    }
    let description = scene_file::read(Path::new(SCENE)).expect("the canyon can be read");
    let scene = Scene::new(&description, OutOfRange::Error).expect("the canyon is valid");
    let backend = Backend::open(DeviceRequest::Auto).expect("there is a processor");
    let mut group = criterion.benchmark_group("canyon");
    for max_depth in [1, 2, 3] {
        for count in [1, 10, 100] {
            let (radios, options) = (radios(count), SolverOptions { max_depth, ..SolverOptions::default() });
            let load = || Engine::new(backend, &scene, &radios, &[CARRIER_HZ], &options, &Silent).expect("it loads");
            group.bench_function(format!("order {max_depth}, {count} receivers"), |b| {
                b.iter_batched_ref(load, |engine| engine.tile(0..count).expect("it solves"), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, canyon);
criterion_main!(benches);
