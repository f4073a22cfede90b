//! Closest hits of camera and random rays, and blocked shadow segments, in rays per second.

#[allow(dead_code)]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Rays;
use raylobe::bench::work::{blocked, closest_hits};
use support::{backend, city, level, name};

/// The square of this many rays of each kind.
const SIDE: u32 = 256;

fn traversal(criterion: &mut Criterion) {
    let site = city();
    let geometry = backend().load(&site.scene).expect("a city has a hierarchy");
    let rays = Rays::new(&site, &geometry, SIDE);
    let (level, bvh) = (level(), &geometry.bvh);
    let mut group = criterion.benchmark_group("traversal");
    group.throughput(Throughput::Elements(u64::from(SIDE * SIDE)));
    group.bench_function(name("closest_hit/camera", &site), |b| b.iter(|| closest_hits(level, bvh, &rays.camera)));
    group.bench_function(name("closest_hit/random", &site), |b| b.iter(|| closest_hits(level, bvh, &rays.random)));
    group.bench_function(name("any_hit/shadow", &site), |b| b.iter(|| blocked(level, &geometry, &rays.shadow)));
    group.finish();
}

criterion_group!(benches, traversal);
criterion_main!(benches);
