//! Building the hierarchy and the facets, in triangles per second.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::geometry::bvh::Bvh;
use raylobe::geometry::facet::Facets;
use support::{city, name};

fn bvh(criterion: &mut Criterion) {
    let site = city();
    let mut group = criterion.benchmark_group("geometry");
    group.sample_size(10).throughput(Throughput::Elements(site.scene.triangles.len() as u64));
    group.bench_function(name("bvh_build", &site), |b| b.iter(|| Bvh::build(&site.scene)));
    let bvh = Bvh::build(&site.scene).expect("a city has a hierarchy");
    group.bench_function(name("facets", &site), |b| b.iter(|| Facets::build(&site.scene, &bvh)));
    group.finish();
}

criterion_group!(benches, bvh);
criterion_main!(benches);
