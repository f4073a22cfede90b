//! Building the hierarchy and the facets, in triangles per second, beside the binary tree of the crate `bvh`.

#[allow(dead_code)]
mod support;

use bvh::aabb::{Aabb, Bounded};
use bvh::bounding_hierarchy::{BHShape, BoundingHierarchy};
use bvh::bvh::Bvh as CrateTree;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nalgebra::Point3;
use raylobe::geometry::bvh::Bvh;
use raylobe::geometry::facet::Facets;
use raylobe::scene::Scene;
use support::{city, name};

/// A triangle's box as the crate wants to see it.
#[derive(Clone)]
struct Shape(Aabb<f32, 3>);

impl Bounded<f32, 3> for Shape {
    fn aabb(&self) -> Aabb<f32, 3> {
        self.0
    }
}

impl BHShape<f32, 3> for Shape {
    fn set_bh_node_index(&mut self, _index: usize) {}
    fn bh_node_index(&self) -> usize {
        0
    }
}

fn shapes_of(scene: &Scene) -> Vec<Shape> {
    let shape = |t: u32| {
        let corners = scene.corners(t).map(|p| Point3::new(p.x as f32, p.y as f32, p.z as f32));
        Shape(corners.iter().fold(Aabb::empty(), |bounds: Aabb<f32, 3>, p| bounds.grow(p)))
    };
    (0..scene.triangles.len() as u32).map(shape).collect()
}

fn bvh(criterion: &mut Criterion) {
    let site = city();
    let mut group = criterion.benchmark_group("geometry");
    group.sample_size(10).throughput(Throughput::Elements(site.scene.triangles.len() as u64));
    group.bench_function(name("bvh_build", &site), |b| b.iter(|| Bvh::build(&site.scene)));
    let shapes = shapes_of(&site.scene);
    group.bench_function(name("crate_bvh_build", &site), |b| {
        b.iter_batched_ref(|| shapes.clone(), |shapes| CrateTree::build_par(shapes), BatchSize::LargeInput);
    });
    let bvh = Bvh::build(&site.scene);
    group.bench_function(name("facets", &site), |b| b.iter(|| Facets::build(&site.scene, &bvh)));
    group.finish();
}

criterion_group!(benches, bvh);
criterion_main!(benches);
