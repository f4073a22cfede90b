//! The guided launch, in ray segments per second.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Ends;
use raylobe::path::SolverOptions;
use raylobe::path::counters::Counters;
use raylobe::path::search::Span;
use raylobe::progress::Silent;
use support::{backend, city, name};

fn launch(criterion: &mut Criterion) {
    let site = city();
    let geometry = backend().load(&site.scene).expect("a city has a hierarchy");
    let source = Ends::new(&site, &geometry, 0).transmitter;
    let options = SolverOptions { rays: 20_000, ..SolverOptions::default() };
    let chains = || {
        let mut counters = Counters::default();
        backend()
            .chains(&geometry, &Span::from(&source), &options, &mut counters, &Silent)
            .expect("the CPU does not fail");
        counters.segments
    };
    let mut group = criterion.benchmark_group("launch");
    group.sample_size(10).throughput(Throughput::Elements(chains()));
    group.bench_function(name("launch", &site), |b| b.iter(chains));
    group.finish();
}

criterion_group!(benches, launch);
criterion_main!(benches);
