//! All chains against all receivers, in pairs per second.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Ends;
use raylobe::path::SolverOptions;
use raylobe::path::counters::Counters;
use raylobe::path::receivers::ReceiverBoxes;
use raylobe::path::search::Span;
use raylobe::progress::Silent;
use support::{backend, city, name};

/// Receivers of the bench.
const RECEIVERS: u32 = 1000;

fn connect(criterion: &mut Criterion) {
    let (site, options) = (city(), SolverOptions { rays: 20_000, ..SolverOptions::default() });
    let geometry = backend().load(&site.scene).expect("a city has a hierarchy");
    let ends = Ends::new(&site, &geometry, RECEIVERS);
    let mut counters = Counters::default();
    let trie = backend().chains(&geometry, &Span::from(&ends.transmitter), &options, &mut counters, &Silent);
    let trie = trie.expect("the CPU does not fail");
    let mut group = criterion.benchmark_group("connect");
    group.sample_size(10).throughput(Throughput::Elements(trie.len() as u64 * u64::from(RECEIVERS)));
    group.bench_function(name("connect", &site), |b| {
        b.iter(|| {
            backend().connect(
                &geometry,
                &trie,
                &ReceiverBoxes::of_all(&ends.receivers),
                &options,
                &mut Counters::default(),
                &Silent,
            )
        })
    });
    group.finish();
}

criterion_group!(benches, connect);
criterion_main!(benches);
