//! Paths and fields in a loaded scene of few facets, beside DiffeRT's warm calls (scripts/peers/differt_paths.py): the
//! street canyon of `scripts/get-scenes.sh`, receivers on a line along the street.

#[allow(dead_code)]
mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use raylobe::bench::Site;
use raylobe::bench::site::Ends;
use raylobe::io::scene_file;
use raylobe::math::Vec3;
use raylobe::path::SolverOptions;
use raylobe::progress::Silent;
use raylobe::solve::Engine;
use std::path::Path;
use support::{backend, street_canyon};

const SCENE: &str = ".scenes/simple_street_canyon/simple_street_canyon.xml";
const CARRIER_HZ: f64 = 3.5e9;

fn ends(site: &Site, count: usize) -> Ends {
    let (transmitter, receivers) = street_canyon(count);
    let local = |position: [f64; 3]| Vec3::from(position) - site.scene.origin;
    Ends { transmitter: local(transmitter), receivers: receivers.map(local).collect() }
}

fn canyon(criterion: &mut Criterion) {
    if !Path::new(SCENE).exists() {
        eprintln!("skipped: {SCENE} is missing; scripts/get-scenes.sh fetches it");
        return;
    }
    let description = scene_file::read(Path::new(SCENE)).expect("the canyon can be read");
    let site = Site::new("canyon", &description).expect("the canyon is valid");
    let mut group = criterion.benchmark_group("canyon");
    for max_depth in [1, 2, 3] {
        for count in [1, 10, 100] {
            let radios = ends(&site, count).radios(&site, CARRIER_HZ).expect("antennas are isotropic");
            let options = SolverOptions { max_depth, ..SolverOptions::default() };
            let load =
                || Engine::new(backend(), &site.scene, &radios, &[CARRIER_HZ], &options, &Silent).expect("it loads");
            group.bench_function(format!("order {max_depth}, {count} receivers"), |b| {
                b.iter_batched_ref(load, |engine| engine.tile(0..count).expect("it solves"), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, canyon);
criterion_main!(benches);
