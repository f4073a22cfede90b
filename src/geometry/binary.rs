//! A binary tree of boxes by the surface area heuristic, from which the wide hierarchy is collapsed ([`super::bvh`]).
//!
//! The crate `bvh` bins along the longest axis alone; a ray enters a quarter fewer nodes of this tree (docs/performance.md).
//! Bins along all three axes; a leaf costs as much as the blocks of [`BLOCK_WIDTH`] triangles that it fills. The tree
//! does not depend on the number of threads: a range of triangles is split the same way whoever splits it.

use crate::layout::BLOCK_WIDTH;
use rayon::prelude::*;
use wide::f32x4;

/// A triangle's box.
#[derive(Debug, Clone, Copy)]
pub struct Prim {
    /// Lower corner [m], rounded down.
    pub low: [f32; 3],
    /// The triangle.
    pub triangle: u32,
    /// Upper corner [m], rounded up.
    pub high: [f32; 3],
    /// Fills the record to 32 bytes.
    pub unused: u32,
}

/// A box that may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lower corner [m].
    pub low: [f32; 3],
    /// Upper corner [m].
    pub high: [f32; 3],
}

impl Bounds {
    /// Holds nothing.
    pub const EMPTY: Bounds = Bounds { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    /// Takes in another box.
    #[inline(always)]
    pub fn grow(&mut self, low: &[f32; 3], high: &[f32; 3]) {
        for axis in 0..3 {
            self.low[axis] = if low[axis] < self.low[axis] { low[axis] } else { self.low[axis] };
            self.high[axis] = if high[axis] > self.high[axis] { high[axis] } else { self.high[axis] };
        }
    }

    /// The box around this one and another.
    #[must_use]
    pub fn join(mut self, other: &Bounds) -> Bounds {
        self.grow(&other.low, &other.high);
        self
    }

    /// Half the surface [m2]; 0 of nothing.
    #[inline(always)]
    pub fn half_area(&self) -> f32 {
        let [x, y, z] = [0, 1, 2].map(|axis| (self.high[axis] - self.low[axis]).max(0.0));
        x * y + y * z + z * x
    }
}

/// A node of the tree, in an array where parents stand before their children: the left child follows its parent.
#[derive(Debug, Clone, Copy)]
pub struct BinaryNode {
    /// Box of all that is below.
    pub bounds: Bounds,
    /// First triangle of a leaf in the order of the tree.
    pub first: u32,
    /// Triangles of a leaf; 0: this is an inner node.
    pub count: u32,
    /// The right child stands so many places behind its parent.
    pub right: u32,
}

/// Bins along an axis, at most.
const MOST_BINS: usize = 32;
/// Beyond this depth ranges are halved, so that no scene makes a high tree.
const MOST_DEPTH: u32 = 28;
/// Ranges of more triangles than this are binned, moved and built in parallel.
const PARALLEL: usize = 1 << 13;
/// Triangles of one task where a large range is binned.
const CHUNK: usize = 1 << 13;

/// Builds the tree over `prims`, which it sorts into the order of the leaves. At least one.
pub fn build(prims: &mut [Prim]) -> Vec<BinaryNode> {
    let centroids = prims.par_chunks(CHUNK).map(centroid_bounds).reduce(|| Bounds::EMPTY, |a, b| a.join(&b));
    let mut scratch = vec![Prim { low: [0.0; 3], triangle: 0, high: [0.0; 3], unused: 0 }; prims.len()];
    build_range(Range { prims, scratch: &mut scratch, first: 0, depth: 0, centroids })
}

struct Range<'a> {
    prims: &'a mut [Prim],
    /// As long as `prims`.
    scratch: &'a mut [Prim],
    first: usize,
    depth: u32,
    centroids: Bounds,
}

/// Twice the middle of a box [m].
fn centroid(prim: &Prim) -> [f32; 3] {
    [0, 1, 2].map(|axis| prim.low[axis] + prim.high[axis])
}

fn centroid_bounds(prims: &[Prim]) -> Bounds {
    let mut bounds = Bounds::EMPTY;
    for prim in prims {
        let c = centroid(prim);
        bounds.grow(&c, &c);
    }
    bounds
}

fn build_range(range: Range) -> Vec<BinaryNode> {
    let mut bins = Bins::EMPTY;
    if range.prims.len() <= PARALLEL {
        let mut nodes = Vec::with_capacity(range.prims.len());
        build_serially(range, &mut nodes, &mut bins);
        return nodes;
    }
    let (left, right) = split(range, &mut bins);
    let (left, right) = rayon::join(|| build_range(left), || build_range(right));
    let bounds = left[0].bounds.join(&right[0].bounds);
    let mut nodes = Vec::with_capacity(1 + left.len() + right.len());
    nodes.push(BinaryNode { bounds, first: 0, count: 0, right: 1 + left.len() as u32 });
    nodes.extend_from_slice(&left);
    nodes.extend_from_slice(&right);
    nodes
}

fn build_serially(range: Range, nodes: &mut Vec<BinaryNode>, bins: &mut Bins) {
    let place = nodes.len();
    if range.prims.len() <= BLOCK_WIDTH {
        let mut bounds = Bounds::EMPTY;
        range.prims.iter().for_each(|prim| bounds.grow(&prim.low, &prim.high));
        nodes.push(BinaryNode { bounds, first: range.first as u32, count: range.prims.len() as u32, right: 0 });
        return;
    }
    nodes.push(BinaryNode { bounds: Bounds::EMPTY, first: 0, count: 0, right: 0 });
    let (left, right) = split(range, bins);
    build_serially(left, nodes, bins);
    let behind = nodes.len();
    build_serially(right, nodes, bins);
    nodes[place].right = (behind - place) as u32;
    nodes[place].bounds = nodes[place + 1].bounds.join(&nodes[behind].bounds);
}

/// A box in two registers, whose last lanes hold no number of its own.
#[derive(Clone, Copy)]
struct SimdBounds {
    low: f32x4,
    high: f32x4,
}

impl SimdBounds {
    const EMPTY: SimdBounds = SimdBounds { low: f32x4::splat(f32::INFINITY), high: f32x4::splat(f32::NEG_INFINITY) };

    #[inline(always)]
    fn grow(&mut self, low: f32x4, high: f32x4) {
        self.low = low.fast_min(self.low);
        self.high = high.fast_max(self.high);
    }

    fn bounds(&self) -> Bounds {
        let first = |lanes: f32x4| {
            let [x, y, z, _] = lanes.to_array();
            [x, y, z]
        };
        Bounds { low: first(self.low), high: first(self.high) }
    }
}

#[derive(Clone, Copy)]
struct Bin {
    bounds: SimdBounds,
    /// Of the triangles' middles, so that a side's are known without another pass.
    centroids: SimdBounds,
}

const EMPTY_BIN: Bin = Bin { bounds: SimdBounds::EMPTY, centroids: SimdBounds::EMPTY };

impl Bin {
    #[inline(always)]
    fn add(&mut self, other: &Bin) {
        self.bounds.grow(other.bounds.low, other.bounds.high);
        self.centroids.grow(other.centroids.low, other.centroids.high);
    }
}

/// Bins along all axes, and how many triangles are in each `[axis][bin]`.
struct Bins {
    bins: [[Bin; MOST_BINS]; 3],
    counts: [[u32; MOST_BINS]; 3],
}

impl Bins {
    const EMPTY: Bins = Bins { bins: [[EMPTY_BIN; MOST_BINS]; 3], counts: [[0; MOST_BINS]; 3] };

    fn clear(&mut self, bins: usize) {
        self.bins.iter_mut().for_each(|axis| axis[..bins].fill(EMPTY_BIN));
        self.counts.iter_mut().for_each(|axis| axis[..bins].fill(0));
    }

    fn add(mut self, other: &Bins) -> Bins {
        self.bins.as_flattened_mut().iter_mut().zip(other.bins.as_flattened()).for_each(|(a, b)| a.add(b));
        self.counts.as_flattened_mut().iter_mut().zip(other.counts.as_flattened()).for_each(|(a, b)| *a += b);
        self
    }
}

/// How middles fall into bins.
struct Binning {
    count: usize,
    low: [f32; 3],
    scale: [f32; 3],
}

impl Binning {
    fn new(triangles: usize, centroids: &Bounds) -> Binning {
        let count = (4 + triangles / 16).min(MOST_BINS);
        let scale = [0, 1, 2].map(|axis| {
            let extent = centroids.high[axis] - centroids.low[axis];
            let scale = count as f32 * 0.999_99 / extent;
            if extent > 0.0 && scale.is_finite() { scale } else { 0.0 }
        });
        Binning { count, low: centroids.low, scale }
    }

    #[inline(always)]
    fn bin(&self, axis: usize, centroid: f32) -> usize {
        (((centroid - self.low[axis]) * self.scale[axis]) as usize).min(self.count - 1)
    }

    fn fill(&self, prims: &[Prim], into: &mut Bins) {
        into.clear(self.count);
        for prim in prims {
            // Nothing is reckoned from the last lanes.
            let ([x, y, z], [to_x, to_y, to_z]) = (prim.low, prim.high);
            let (low, high) = (f32x4::new([x, y, z, 0.0]), f32x4::new([to_x, to_y, to_z, 0.0]));
            let middle = low + high;
            let [mid_x, mid_y, mid_z, _] = middle.to_array();
            for (axis, along) in [mid_x, mid_y, mid_z].into_iter().enumerate() {
                let place = self.bin(axis, along);
                let bin = &mut into.bins[axis][place];
                bin.bounds.grow(low, high);
                bin.centroids.grow(middle, middle);
                into.counts[axis][place] += 1;
            }
        }
    }

    fn fill_in_parallel(&self, prims: &[Prim], into: &mut Bins) {
        let filled = |chunk: &[Prim]| {
            let mut bins = Bins::EMPTY;
            self.fill(chunk, &mut bins);
            bins
        };
        *into = prims.par_chunks(CHUNK).map(filled).reduce(|| Bins::EMPTY, |a, b| a.add(&b));
    }
}

/// Where a range is split: what lies in a bin below `bin` goes left.
struct Split {
    axis: usize,
    bin: usize,
    left: Bounds,
    right: Bounds,
}

fn best_split(binning: &Binning, bins: &Bins) -> Option<Split> {
    let blocks = |count: u32| count.div_ceil(BLOCK_WIDTH as u32) as f32;
    let mut best = None;
    let mut least = f32::INFINITY;
    for axis in (0..3).filter(|axis| binning.scale[*axis] > 0.0) {
        let (bins, counts) = (&bins.bins[axis], &bins.counts[axis]);
        let mut costs = [0f32; MOST_BINS];
        let (mut side, mut count) = (SimdBounds::EMPTY, 0);
        for bin in (1..binning.count).rev() {
            side.grow(bins[bin].bounds.low, bins[bin].bounds.high);
            count += counts[bin];
            costs[bin] = if count > 0 { side.bounds().half_area() * blocks(count) } else { f32::INFINITY };
        }
        (side, count) = (SimdBounds::EMPTY, 0);
        for bin in 1..binning.count {
            side.grow(bins[bin - 1].bounds.low, bins[bin - 1].bounds.high);
            count += counts[bin - 1];
            let cost = side.bounds().half_area() * blocks(count) + costs[bin];
            if count > 0 && cost < least {
                least = cost;
                best = Some((axis, bin));
            }
        }
    }
    let (axis, bin) = best?;
    let around = |bins: &[Bin]| {
        let mut all = SimdBounds::EMPTY;
        bins.iter().for_each(|bin| all.grow(bin.centroids.low, bin.centroids.high));
        all.bounds()
    };
    let (left, right) = bins.bins[axis][..binning.count].split_at(bin);
    Some(Split { axis, bin, left: around(left), right: around(right) })
}

fn split<'a>(range: Range<'a>, bins: &mut Bins) -> (Range<'a>, Range<'a>) {
    let Range { prims, scratch, first, depth, centroids } = range;
    let binning = Binning::new(prims.len(), &centroids);
    let is_large = prims.len() > PARALLEL;
    let best = if depth < MOST_DEPTH {
        if is_large {
            binning.fill_in_parallel(prims, bins)
        } else {
            binning.fill(prims, bins)
        }
        best_split(&binning, bins)
    } else {
        None
    };
    let (middle, left, right) = match best {
        Some(Split { axis, bin, left, right }) => {
            let goes_left = |prim: &Prim| binning.bin(axis, centroid(prim)[axis]) < bin;
            let middle = if is_large { part_in_parallel(prims, scratch, goes_left) } else { part(prims, goes_left) };
            (middle, left, right)
        }
        // All middles in one place, or a tree that got too high.
        None => halve(prims, &centroids),
    };
    let (left_prims, right_prims) = prims.split_at_mut(middle);
    let (left_scratch, right_scratch) = scratch.split_at_mut(middle);
    let depth = depth + 1;
    (
        Range { prims: left_prims, scratch: left_scratch, first, depth, centroids: left },
        Range { prims: right_prims, scratch: right_scratch, first: first + middle, depth, centroids: right },
    )
}

fn halve(prims: &mut [Prim], centroids: &Bounds) -> (usize, Bounds, Bounds) {
    let extent = [0, 1, 2].map(|axis| centroids.high[axis] - centroids.low[axis]);
    let axis =
        if extent[0] >= extent[1] && extent[0] >= extent[2] { 0 } else { 1 + usize::from(extent[2] > extent[1]) };
    let middle = prims.len() / 2;
    let key = |prim: &Prim| centroid(prim)[axis];
    prims.select_nth_unstable_by(middle, |a, b| key(a).total_cmp(&key(b)).then(a.triangle.cmp(&b.triangle)));
    let (left, right) = prims.split_at(middle);
    (middle, centroid_bounds(left), centroid_bounds(right))
}

/// Moves what goes left before what does not, and returns where the latter begins.
fn part(prims: &mut [Prim], goes_left: impl Fn(&Prim) -> bool) -> usize {
    let (mut low, mut high) = (0, prims.len());
    loop {
        while low < high && goes_left(&prims[low]) {
            low += 1;
        }
        while low < high && !goes_left(&prims[high - 1]) {
            high -= 1;
        }
        if low >= high {
            return low;
        }
        prims.swap(low, high - 1);
    }
}

/// The same, in order and in parallel, through `scratch`.
fn part_in_parallel(prims: &mut [Prim], scratch: &mut [Prim], goes_left: impl Fn(&Prim) -> bool + Sync) -> usize {
    let lefts: Vec<usize> =
        prims.par_chunks(CHUNK).map(|chunk| chunk.iter().filter(|prim| goes_left(prim)).count()).collect();
    let middle = lefts.iter().sum();
    let (mut left, mut right) = scratch.split_at_mut(middle);
    let mut rooms = Vec::with_capacity(lefts.len());
    for (chunk, count) in prims.chunks(CHUNK).zip(&lefts) {
        let (own_left, rest) = left.split_at_mut(*count);
        let (own_right, others) = right.split_at_mut(chunk.len() - count);
        (left, right) = (rest, others);
        rooms.push((own_left, own_right));
    }
    prims.par_chunks(CHUNK).zip(rooms).for_each(|(chunk, (left, right))| {
        let (mut left, mut right) = (left.iter_mut(), right.iter_mut());
        for prim in chunk {
            let side = if goes_left(prim) { &mut left } else { &mut right };
            *side.next().expect("as many as were counted") = *prim;
        }
    });
    prims.par_chunks_mut(CHUNK).zip(scratch.par_chunks(CHUNK)).for_each(|(prims, moved)| prims.copy_from_slice(moved));
    middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::{philox, unit_interval};

    fn prim(triangle: u32, middle: [f32; 3], size: f32) -> Prim {
        Prim { low: middle.map(|x| x - size), triangle, high: middle.map(|x| x + size), unused: 0 }
    }

    /// Boxes spread evenly; then boxes nested about one point, each half the size of the one before; then all in one place.
    fn cases() -> Vec<Vec<Prim>> {
        let spread = |i: u32| {
            let words = philox([i, 0, 0, 0], [3, 3]).map(unit_interval);
            prim(i, [words[0], words[1], words[2]].map(|x| 100.0 * x as f32), words[3] as f32)
        };
        let nested = |i: u32| prim(i, [0.5f32.powi((i % 120) as i32); 3], 0.5f32.powi((i % 120) as i32) / 4.0);
        vec![
            (0..1).map(spread).collect(),
            (0..5).map(spread).collect(),
            (0..40_000).map(spread).collect(),
            (0..3000).map(nested).collect(),
            (0..20_000).map(|i| prim(i, [1.0, 2.0, 3.0], 0.5)).collect(),
        ]
    }

    fn depth_below(tree: &[BinaryNode], node: usize) -> usize {
        match &tree[node] {
            BinaryNode { count: 0, right, .. } => {
                1 + depth_below(tree, node + 1).max(depth_below(tree, node + *right as usize))
            }
            _ => 1,
        }
    }

    #[test]
    fn every_box_lies_in_one_leaf_and_in_all_nodes_above_it() {
        for mut prims in cases() {
            let tree = build(&mut prims);
            assert!(depth_below(&tree, 0) <= super::super::walk::MOST_LEVELS);
            let mut seen = vec![0; prims.len()];
            for (index, node) in tree.iter().enumerate() {
                for prim in &prims[node.first as usize..(node.first + node.count) as usize] {
                    seen[prim.triangle as usize] += 1;
                    let around = node.bounds.join(&Bounds { low: prim.low, high: prim.high });
                    assert_eq!((around.low, around.high), (node.bounds.low, node.bounds.high));
                }
                if node.count == 0 {
                    let children = tree[index + 1].bounds.join(&tree[index + node.right as usize].bounds);
                    assert_eq!((children.low, children.high), (node.bounds.low, node.bounds.high));
                }
                assert!(node.count as usize <= BLOCK_WIDTH);
            }
            assert!(seen.iter().all(|times| *times == 1));
        }
    }

    #[test]
    fn the_tree_does_not_depend_on_threads() {
        let built_by = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut prims = cases().swap_remove(2);
            let tree = pool.install(|| build(&mut prims));
            (prims.iter().map(|p| p.triangle).collect::<Vec<u32>>(), tree.iter().map(|n| n.right).collect::<Vec<u32>>())
        };
        assert_eq!(built_by(1), built_by(3));
    }
}
