//! The adjoint of stored paths, in paths per second: of all materials, and of everything.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Ends;
use raylobe::channel::ChannelBar;
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::Wanted;
use raylobe::progress::Silent;
use raylobe::solve::solve;
use support::{backend, city, name};

/// Carrier [Hz].
const CARRIER: f64 = 28e9;
/// Receivers of the bench.
const RECEIVERS: u32 = 1000;

fn adjoints(criterion: &mut Criterion) {
    let (site, options) = (city(), SolverOptions { rays: 20_000, ..SolverOptions::default() });
    let loaded = backend().load(&site.scene).expect("a city has a hierarchy");
    let radios = Ends::new(&site, &loaded, RECEIVERS).radios(&site, CARRIER).expect("28 GHz is a carrier");
    let solution = solve(backend(), &site.scene, &radios, &[CARRIER], &options, &Silent).expect("a city is solved");
    let (paths, channel) = (&solution.paths, &solution.channel);
    let mut bars = ChannelBar::zeros(channel);
    bars.a.copy_from_slice(&channel.a);
    bars.tau.fill(1.0);
    let mut group = criterion.benchmark_group("adjoint");
    group.sample_size(20).throughput(Throughput::Elements(paths.len() as u64));
    for (what, wanted) in [("materials", Wanted::materials()), ("everything", Wanted::all())] {
        group.bench_function(name(what, &site), |b| {
            b.iter(|| {
                backend().pull_back(&loaded, &radios, (paths, channel, &bars), wanted).expect("it has derivatives")
            })
        });
    }
    group.finish();
}

criterion_group!(benches, adjoints);
criterion_main!(benches);
