//! The coefficients of stored paths, in paths per second.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Ends;
use raylobe::path::SolverOptions;
use raylobe::progress::Silent;
use raylobe::solve::solve;
use support::{backend, city, name};

/// Carrier [Hz].
const CARRIER: f64 = 28e9;
/// Receivers of the bench.
const RECEIVERS: u32 = 1000;

fn field(criterion: &mut Criterion) {
    let (site, options) = (city(), SolverOptions { rays: 20_000, ..SolverOptions::default() });
    let geometry = backend().load(&site.scene).expect("a city has a hierarchy");
    let radios = Ends::new(&site, &geometry, RECEIVERS).radios(&site, CARRIER).expect("28 GHz is a carrier");
    let solution = solve(backend(), &site.scene, &radios, &[CARRIER], &options, &Silent).expect("a city is solved");
    let mut group = criterion.benchmark_group("field");
    group.sample_size(20).throughput(Throughput::Elements(solution.paths.len() as u64));
    group.bench_function(name("field", &site), |b| {
        b.iter(|| backend().field(&site.scene, &radios, &solution.paths, &[CARRIER]))
    });
    group.finish();
}

criterion_group!(benches, field);
criterion_main!(benches);
