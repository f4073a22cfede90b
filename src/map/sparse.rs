//! Standard errors of cells that few rays have reached (T84).
//!
//! A cell without a hit has no spread of its own, and one with a few has too little: the hits that it missed are what the
//! error is made of. So such a cell takes the mean variance about it, over a square that has hits enough to tell.

/// Hits that tell a variance: as many replicates as one round has.
const ENOUGH: u64 = 32;

/// Sums over rectangles of a map of `[u, v]` cells, in a table.
struct Table<T> {
    width: usize,
    /// Sum of all cells below and left of each corner `[v + 1][u + 1]`.
    sums: Vec<T>,
}

impl<T: Copy + Default + std::ops::Add<Output = T> + std::ops::Sub<Output = T>> Table<T> {
    fn new([u, v]: [usize; 2], of_cell: impl Fn(usize) -> T) -> Table<T> {
        let width = u + 1;
        let mut sums = vec![T::default(); width * (v + 1)];
        for row in 0..v {
            let mut along = T::default();
            for column in 0..u {
                along = along + of_cell(row * u + column);
                sums[(row + 1) * width + column + 1] = sums[row * width + column + 1] + along;
            }
        }
        Table { width, sums }
    }

    /// Over columns and rows `from` to `to`, without the last.
    fn over(&self, from: [usize; 2], to: [usize; 2]) -> T {
        let at = |u: usize, v: usize| self.sums[v * self.width + u];
        // In this order no unsigned number falls below 0.
        at(to[0], to[1]) - at(from[0], to[1]) - (at(to[0], from[1]) - at(from[0], from[1]))
    }
}

/// Gives cells `[v][u]` with fewer `hits` than tell a variance at least the mean `variance` about them; none where nothing
/// was hit at all.
pub fn pool(cells: [usize; 2], hits: &[u32], variance: &mut [f64]) {
    let all_hits = Table::new(cells, |cell| u64::from(hits[cell]));
    if all_hits.over([0, 0], cells) == 0 {
        return;
    }
    let variances = Table::new(cells, |cell| variance[cell]);
    let largest = cells[0].max(cells[1]);
    for cell in (0..variance.len()).filter(|cell| u64::from(hits[*cell]) < ENOUGH) {
        let place = [cell % cells[0], cell / cells[0]];
        let mut radius = 1;
        let (from, to) = loop {
            let from = place.map(|x| x.saturating_sub(radius));
            let to = [0, 1].map(|axis| (place[axis] + radius + 1).min(cells[axis]));
            if all_hits.over(from, to) >= ENOUGH || radius >= largest {
                break (from, to);
            }
            radius *= 2;
        };
        let count = (to[0] - from[0]) * (to[1] - from[1]);
        // Rounding may leave a little below 0 where the sums are large.
        variance[cell] = variance[cell].max(variances.over(from, to) / count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_without_hits_has_the_variance_about_it() {
        let cells = [7, 5];
        let (mut hits, mut variance) = (vec![0; 35], vec![0.0; 35]);
        // Enough within one cell of (1, 1).
        for (u, v) in [(0, 0), (2, 1)] {
            (hits[v * 7 + u], variance[v * 7 + u]) = (16, 9.0);
        }
        let own = variance.clone();
        pool(cells, &hits, &mut variance);
        assert_eq!(variance[7 + 1], 2.0);
        // Too few hits, but more spread than about it.
        assert_eq!(variance[0], own[0]);
        // Far off, the whole map tells.
        assert!((variance[4 * 7 + 6] - 18.0 / 35.0).abs() < 1e-12);
        let mut nothing = vec![0.0; 35];
        pool(cells, &[0; 35], &mut nothing);
        assert_eq!(nothing, [0.0; 35]);
    }

    #[test]
    fn a_cell_with_hits_enough_keeps_its_own() {
        let mut variance = vec![4.0, 0.5, 100.0];
        pool([3, 1], &[32, 40, 31], &mut variance);
        assert_eq!(variance, [4.0, 0.5, 100.0]);
    }
}
