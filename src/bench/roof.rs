//! What this machine could do at best, by two plain loops, and what a stage needs of it at least.
//!
//! * Copy: every thread copies a large array of its own; bytes read and written per second, the best of several runs.
//! * Operations: every thread multiplies and adds f32 numbers in registers at the engine's level of instructions (not
//!   fused, as the engine's own); operations per second, the best of several runs.
//!
//! A stage's roof is the lower bound of its work over one of the two, never the sum: it ignores latency, branches and
//! everything that is not counted, so that no program reaches it.

use super::site::NO_PATCH;
use crate::geometry::bvh::Bvh;
use crate::geometry::simd::{Crossing, Lanes, Level, Scalar, Task, run};
use crate::geometry::traverse::closest_hit;
use crate::geometry::triangle::{Ray, Slabs};
use crate::layout::{BLOCK_WIDTH, NODE_WIDTH, TriangleBlock, WideNode};
use rayon::prelude::*;
use serde::Serialize;
use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

/// The two roofs of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// Threads that were at work.
    pub threads: usize,
    /// Memory read and written by a copy [byte/s].
    pub copy_bytes_per_s: f64,
    /// Multiplications and additions of f32 [1/s].
    pub operations_per_s: f64,
}

/// Bytes that each thread copies: beyond any cache.
const COPY_BYTES: usize = 128 << 20;
/// Numbers that each thread works on: they stay in registers.
const REGISTERS: usize = 64;
/// Rounds of multiplying and adding.
const ROUNDS: usize = 1 << 20;
/// The best of this many runs is the roof.
const RUNS: usize = 5;

impl Machine {
    /// Measures this machine with the threads of the current pool at `level`.
    pub fn measure(level: Level) -> Machine {
        let threads = rayon::current_num_threads();
        let source = vec![1u8; COPY_BYTES * threads];
        let mut target = vec![0u8; COPY_BYTES * threads];
        let copy = best_of(|| {
            let parts = target.par_chunks_mut(COPY_BYTES).zip(source.par_chunks(COPY_BYTES));
            parts.for_each(|(target, source)| target.copy_from_slice(source));
            black_box(&target);
        });
        let operate = best_of(|| {
            (0..threads).into_par_iter().for_each(|_| {
                black_box(run(level, MultiplyAdd));
            });
        });
        Machine {
            threads,
            copy_bytes_per_s: (2 * COPY_BYTES * threads) as f64 / copy,
            operations_per_s: (2 * REGISTERS * ROUNDS * threads) as f64 / operate,
        }
    }
}

fn best_of(mut work: impl FnMut()) -> f64 {
    let mut seconds = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..RUNS).map(|_| seconds()).fold(f64::INFINITY, f64::min)
}

struct MultiplyAdd;

impl Task for MultiplyAdd {
    type Output = f32;
    #[inline(always)]
    fn run<L: Lanes>(self) -> f32 {
        let (factor, summand) = (black_box(0.5f32), black_box(1.0f32));
        let mut numbers: [f32; REGISTERS] = std::array::from_fn(|i| i as f32);
        for _ in 0..ROUNDS {
            for number in &mut numbers {
                *number = *number * factor + summand;
            }
        }
        numbers.iter().sum()
    }
}

/// f32 operations of a node: for each child and axis two differences, two products and two comparisons, and two more.
const NODE_OPERATIONS: u64 = (NODE_WIDTH * (3 * 6 + 2)) as u64;
/// f32 operations of a leaf: for each triangle the shear (24), three edge functions (9), determinant and distance (8),
/// and comparisons (9).
const BLOCK_OPERATIONS: u64 = (BLOCK_WIDTH * 50) as u64;

/// Nodes and leaves that a walk enters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visits {
    /// Nodes of a ray.
    pub nodes: f64,
    /// Leaves of a ray.
    pub blocks: f64,
}

impl Visits {
    /// The average of `rays`.
    pub fn of(bvh: &Bvh, rays: &[Ray]) -> Visits {
        VISITS.set([0; 2]);
        for ray in rays {
            black_box(closest_hit::<Counting>(bvh, ray, NO_PATCH));
        }
        let [nodes, blocks] = VISITS.get().map(|count| count as f64 / rays.len() as f64);
        Visits { nodes, blocks }
    }

    /// f32 operations that they ask of a ray.
    pub fn operations(&self) -> f64 {
        self.nodes * NODE_OPERATIONS as f64 + self.blocks * BLOCK_OPERATIONS as f64
    }

    /// What a ray reads of them [bytes].
    pub fn bytes(&self) -> f64 {
        self.nodes * size_of::<WideNode>() as f64 + self.blocks * size_of::<TriangleBlock>() as f64
    }
}

/// f32 operations that the hierarchy asks of a ray, on the average of `rays`.
pub fn operations_per_ray(bvh: &Bvh, rays: &[Ray]) -> f64 {
    Visits::of(bvh, rays).operations()
}

thread_local! {
    /// Nodes and leaves that [`Counting`] has seen: its functions have no self to keep them in.
    static VISITS: Cell<[u64; 2]> = const { Cell::new([0; 2]) };
}

/// The scalar tests, counted.
#[derive(Debug, Clone, Copy)]
struct Counting;

impl Lanes for Counting {
    type Slabs = Slabs;

    fn slabs(slabs: &Slabs) -> Slabs {
        *slabs
    }

    fn enter(slabs: &Slabs, node: &WideNode, limit: f32, entries: &mut [f32; NODE_WIDTH]) -> u32 {
        VISITS.with(|visits| visits.set([visits.get()[0] + 1, visits.get()[1]]));
        Scalar::enter(slabs, node, limit, entries)
    }

    fn meet(ray: &Ray, block: &TriangleBlock, limit: f32, t: &mut [f32; BLOCK_WIDTH]) -> u32 {
        VISITS.with(|visits| visits.set([visits.get()[0], visits.get()[1] + 1]));
        Scalar::meet(ray, block, limit, t)
    }

    fn cross(ray: &Ray, margin: f32, block: &TriangleBlock) -> Crossing {
        Scalar::cross(ray, margin, block)
    }
}
