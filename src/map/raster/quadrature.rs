//! From the lit samples of a cell to the few points that stand for them (T87).

use super::legs::SAMPLES;

/// Samples of a cell.
const ALL: f64 = (SAMPLES * SAMPLES) as f64;
/// Samples along the side of a block that one point stands for, near the image.
const BLOCK: usize = 4;

/// A point that stands for lit samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Where in the cell, in cells from its corner.
    pub at: [f64; 2],
    /// Its share of the cell's mean [-].
    pub weight: f64,
    /// The same of the even rows of samples less that of the odd ones, twice: a mean of half as many samples less another.
    pub difference: f64,
}

/// How finely the power over a cell is looked at; by how far the image is, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fineness {
    /// One point, in the middle of what is lit.
    Point,
    /// Two by two points (Gauss).
    Gauss,
    /// A point for each block of 4 x 4 samples.
    Blocks,
    /// Every sample.
    Samples,
}

impl Fineness {
    /// For a cell at `distance` sizes of a cell from the image, of a field that turns `ripples` times as fast as that of a
    /// point source.
    ///
    /// The power falls as the distance squared: one point is off by a quarter of (1/distance)^2, Gauss points by 0.03
    /// (1/distance)^4 where all is lit, blocks and samples by 1/8 and 1/32 of the distance's part.
    pub fn at(distance: f64, ripples: f64) -> Fineness {
        const POINT: f64 = 24.0;
        const GAUSS: f64 = 8.0;
        const BLOCKS: f64 = 2.0;
        match distance / ripples.max(1.0) {
            far if far >= POINT => Fineness::Point,
            far if far >= GAUSS => Fineness::Gauss,
            far if far >= BLOCKS => Fineness::Blocks,
            _ => Fineness::Samples,
        }
    }
}

/// The points that stand for the lit samples of a cell, whose rows are `masks`, into `nodes`.
#[inline(always)]
pub fn nodes_of(masks: &[u32; SAMPLES], fineness: Fineness, nodes: &mut Vec<Node>) {
    nodes.clear();
    if masks.iter().all(|mask| *mask == 0) {
        return;
    }
    match fineness {
        Fineness::Point => {
            let [even, odd] = moments_of(masks);
            let sum = even.count + odd.count;
            let at = [even.x + odd.x, even.y + odd.y].map(|moment| 0.5 + moment / sum);
            let difference = 2.0 * (even.count - odd.count) / ALL;
            nodes.push(Node { at, weight: sum / ALL, difference });
        }
        Fineness::Gauss => gauss(&moments_of(masks), nodes),
        Fineness::Blocks => blocks(masks, BLOCK, nodes),
        Fineness::Samples => blocks(masks, 1, nodes),
    }
}

/// Sums over some samples, of places about the middle of the cell, in cells.
#[derive(Debug, Default, Clone, Copy)]
struct Moments {
    count: f64,
    x: f64,
    y: f64,
    xy: f64,
}

/// Moments of the even and of the odd rows.
#[inline(always)]
fn moments_of(masks: &[u32; SAMPLES]) -> [Moments; 2] {
    /// Columns whose number has each bit.
    const WITH_BIT: [u32; 5] = [0xAAAA_AAAA, 0xCCCC_CCCC, 0xF0F0_F0F0, 0xFF00_FF00, 0xFFFF_0000];
    let mut moments = [Moments::default(); 2];
    let place = |sum: f64, count: f64| (sum + 0.5 * count) / SAMPLES as f64 - 0.5 * count;
    for (row, mask) in masks.iter().enumerate() {
        if *mask == 0 {
            continue;
        }
        let count = f64::from(mask.count_ones());
        let columns: u32 = (0..5).map(|bit| (mask & WITH_BIT[bit]).count_ones() << bit).sum();
        let (x, y) = (place(f64::from(columns), count), place(row as f64, 1.0));
        let own = &mut moments[row % 2];
        *own = Moments { count: own.count + count, x: own.x + x, y: own.y + y * count, xy: own.xy + x * y };
    }
    moments
}

/// Two by two Gauss points; what is not all lit is integrated over the bilinear form through them.
fn gauss(moments: &[Moments; 2], nodes: &mut Vec<Node>) {
    // 1/(2 sqrt 3).
    const G: f64 = 0.288_675_134_594_812_9;
    let share = |m: &Moments, a: f64, b: f64| {
        (m.count / 4.0 + (a * m.x + b * m.y) / (4.0 * G) + a * b * m.xy / (4.0 * G * G)) / ALL
    };
    for (a, b) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let [even, odd] = [&moments[0], &moments[1]].map(|m| share(m, a, b));
        nodes.push(Node { at: [0.5 + a * G, 0.5 + b * G], weight: even + odd, difference: 2.0 * (even - odd) });
    }
}

/// A point in the middle of what is lit of each block of `side` x `side` samples.
fn blocks(masks: &[u32; SAMPLES], side: usize, nodes: &mut Vec<Node>) {
    for row in (0..SAMPLES).step_by(side) {
        for column in (0..SAMPLES).step_by(side) {
            let (mut lit, mut sums) = ([0.0; 2], [0.0; 2]);
            for y in row..row + side {
                for x in (column..column + side).filter(|x| masks[y] >> x & 1 == 1) {
                    lit[y % 2] += 1.0;
                    sums = [sums[0] + x as f64, sums[1] + y as f64];
                }
            }
            let [even, odd] = lit;
            if even + odd > 0.0 {
                let at = sums.map(|sum| (sum / (even + odd) + 0.5) / SAMPLES as f64);
                nodes.push(Node { at, weight: (even + odd) / ALL, difference: 2.0 * (even - odd) / ALL });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::philox;

    fn sum(masks: &[u32; SAMPLES], f: impl Fn(f64, f64) -> f64) -> f64 {
        let place = |k: usize| (k as f64 + 0.5) / SAMPLES as f64;
        let lit = (0..SAMPLES * SAMPLES).filter(|k| masks[k / SAMPLES] >> (k % SAMPLES) & 1 == 1);
        lit.map(|k| f(place(k % SAMPLES), place(k / SAMPLES))).sum::<f64>() / ALL
    }

    fn by_nodes(masks: &[u32; SAMPLES], fineness: Fineness, f: impl Fn(f64, f64) -> f64) -> f64 {
        let mut nodes = Vec::new();
        nodes_of(masks, fineness, &mut nodes);
        nodes.iter().map(|node| node.weight * f(node.at[0], node.at[1])).sum()
    }

    #[test]
    fn few_points_stand_for_any_lit_samples() {
        let random: [u32; SAMPLES] = std::array::from_fn(|row| philox([row as u32, 0, 0, 0], [7, 8])[0]);
        let half: [u32; SAMPLES] = std::array::from_fn(|row| if row < 13 { 0x00FF_FFFF } else { 0 });
        for masks in [random, half, [u32::MAX; SAMPLES]] {
            let bilinear = |x: f64, y: f64| 3.0 - 2.0 * x + y + 0.7 * x * y;
            let linear = |x: f64, y: f64| 3.0 - 2.0 * x + y;
            assert!((by_nodes(&masks, Fineness::Point, linear) - sum(&masks, linear)).abs() < 1e-13);
            assert!((by_nodes(&masks, Fineness::Gauss, bilinear) - sum(&masks, bilinear)).abs() < 1e-13);
            // A source as far away as the fineness is meant for.
            for (fineness, distance, error) in [
                (Fineness::Point, 24.0, 1e-3),
                (Fineness::Gauss, 8.0, 2e-3),
                (Fineness::Blocks, 2.0, 2e-3),
                (Fineness::Samples, 1.0, 1e-13),
            ] {
                assert_eq!(Fineness::at(distance, 1.0), fineness);
                let fall = |x: f64, y: f64| 1.0 / ((x + distance).powi(2) + (y + 0.3).powi(2));
                let (few, all) = (by_nodes(&masks, fineness, fall), sum(&masks, fall));
                assert!((few / all - 1.0).abs() < error, "{fineness:?}: {}", few / all - 1.0);
            }
        }
    }

    #[test]
    fn even_and_odd_rows_differ_where_they_are_lit_apart() {
        let stripes: [u32; SAMPLES] = std::array::from_fn(|row| if row % 2 == 0 { u32::MAX } else { 0 });
        for fineness in [Fineness::Point, Fineness::Gauss, Fineness::Blocks, Fineness::Samples] {
            let mut nodes = Vec::new();
            nodes_of(&stripes, fineness, &mut nodes);
            let [weight, difference] =
                nodes.iter().fold([0.0; 2], |[w, d], node| [w + node.weight, d + node.difference]);
            // Even rows all lit: mean 1; odd rows dark: mean 0.
            assert!((weight - 0.5).abs() < 1e-13 && (difference - 1.0).abs() < 1e-13, "{fineness:?}");
        }
    }
}
