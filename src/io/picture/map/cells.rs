//! The cells of a map at the resolution of its picture: each pixel takes one cell, or a block of cells its mean.
//!
//! Memory is bounded by the picture, not by the map; time is one pass over the map. Blocks do not overlap and are walked
//! in a fixed order, so that neither threads nor their number matter.

use super::{MapPicture, Quantity};
use crate::io::picture::frame::View;
use rayon::prelude::*;

/// Largest size of the map in the picture [pixel].
const LARGEST: [f64; 2] = [1280.0, 1024.0];
/// The size that the map comes as near to as cells allow, as a share of the largest [-].
const USUAL: f64 = 0.78;
/// Ratio of width to height that a map to scale keeps within [-]; beyond, the shorter side is stretched.
const ASPECT: [f64; 2] = [0.4, 4.0];
/// Blank on the left of the map and above it: axes and title [pixel].
const CORNER: [usize; 2] = [84, 76];

/// Blocks of cells.
pub(super) struct Cells {
    /// Number of blocks along both axes.
    pub size: [usize; 2],
    /// Number of cells in a block along both axes; those at the high ends may have fewer.
    pub block: [usize; 2],
    /// Blocks' values `[size[1], size[0]]`, row 0 at the low end, in the shown unit; NaN where there is no path.
    pub values: Vec<f64>,
    /// Number of cells of the map without a path.
    pub without_path: usize,
}

impl Cells {
    /// Gathers the cells of a map into blocks that are no smaller than a pixel of `view`.
    ///
    /// A block has no path if most of its cells have none. Otherwise it gets the mean of those that have: in linear power
    /// where the map is in decibels of power, plainly for delay spreads and standard errors; of servers that of its
    /// middle cell.
    pub fn new(picture: &MapPicture, view: &View) -> Cells {
        let [nx, ny] = picture.cells;
        // A cell that is wider than a pixel but for rounding is not gathered.
        let block = [0, 1].map(|axis| (view.pixel[axis] / picture.cell_m[axis] - 1e-6).ceil().max(1.0) as usize);
        let size = [nx.div_ceil(block[0]), ny.div_ceil(block[1])];
        let row = |j: usize| -> (Vec<f64>, usize) {
            let rows = j * block[1]..((j + 1) * block[1]).min(ny);
            let lines: Vec<&[f64]> = rows.map(|k| &picture.values[k * nx..][..nx]).collect();
            let without = lines.iter().map(|line| line.iter().filter(|v| !v.is_finite()).count()).sum();
            let columns = (0..size[0]).map(|i| i * block[0]..((i + 1) * block[0]).min(nx));
            (columns.map(|columns| gathered(picture.quantity, &lines, columns)).collect(), without)
        };
        let rows: Vec<(Vec<f64>, usize)> = (0..size[1]).into_par_iter().map(row).collect();
        let without_path = rows.iter().map(|(_, without)| without).sum();
        Cells { size, block, values: rows.into_iter().flat_map(|(values, _)| values).collect(), without_path }
    }

    /// The block that shows at a pixel of the map, column from the left and row from above.
    pub fn at(&self, picture: &MapPicture, view: &View, [column, row]: [usize; 2]) -> f64 {
        let from_low = [column, view.height - 1 - row];
        let [i, j] = [0, 1].map(|axis| {
            let side = self.block[axis] as f64 * picture.cell_m[axis];
            (((from_low[axis] as f64 + 0.5) * view.pixel[axis] / side) as usize).min(self.size[axis] - 1)
        });
        self.values[j * self.size[0] + i]
    }
}

/// The value of a block: the columns `columns` of `lines`.
fn gathered(quantity: Quantity, lines: &[&[f64]], columns: std::ops::Range<usize>) -> f64 {
    let count = lines.len() * columns.len();
    let middle = lines[lines.len() / 2][columns.start + columns.len() / 2];
    if count == 1 || quantity == Quantity::BestServer {
        return if middle.is_finite() { middle } else { f64::NAN };
    }
    let values = || lines.iter().flat_map(|line| &line[columns.clone()]).copied().filter(|v| v.is_finite());
    let with_path = values().count();
    if 2 * with_path < count {
        return f64::NAN;
    }
    match quantity {
        Quantity::PathGain | Quantity::Rss | Quantity::Sinr => {
            // Relative to the largest: no power is too large or too small for a number.
            let largest = values().fold(f64::NEG_INFINITY, f64::max);
            let power: f64 = values().map(|v| libm::exp((v - largest) * (std::f64::consts::LN_10 / 10.0))).sum();
            largest + 10.0 * libm::log10(power / with_path as f64)
        }
        Quantity::DelaySpread | Quantity::StandardError | Quantity::BestServer => {
            values().map(|v| v / with_path as f64).sum()
        }
    }
}

/// Where and how large the map is drawn: to scale, with a whole number of pixels a cell of its shorter side or of cells a
/// pixel; where it is too long for that, its shorter side is stretched.
pub(super) fn view_of(picture: &MapPicture) -> View {
    let sides = [0, 1].map(|axis| picture.cells[axis] as f64 * picture.cell_m[axis]);
    let pixel = pixel_of(sides, picture.cell_m);
    let [width, height] = [0, 1].map(|axis| ((sides[axis] / pixel[axis]).round() as usize).max(1));
    View { low: picture.low_m, pixel, width, height, corner: CORNER }
}

fn pixel_of(sides: [f64; 2], cell: [f64; 2]) -> [f64; 2] {
    let aspect = sides[0] / sides[1];
    let least = [0, 1].map(|axis| sides[axis] / LARGEST[axis]);
    if aspect > ASPECT[1] {
        let pixel = whole(least[0], cell[0]);
        [pixel, sides[1] / (sides[0] / pixel / ASPECT[1])]
    } else if aspect < ASPECT[0] {
        let pixel = whole(least[1], cell[1]);
        [sides[0] / (sides[1] / pixel * ASPECT[0]), pixel]
    } else {
        [whole(least[0].max(least[1]), cell[0].min(cell[1])); 2]
    }
}

/// The side of a pixel [m] at or above `least` and near the usual one, which goes into `cell` or which `cell` goes into.
fn whole(least: f64, cell: f64) -> f64 {
    // A map that fits exactly is not shrunk for a rounding error.
    const ROUNDING: f64 = 1e-9;
    let (usual, most) = (cell * USUAL / least, cell / least + ROUNDING);
    if most >= 1.0 {
        cell / usual.round().clamp(1.0, most.floor())
    } else {
        cell * (1.0 / usual).round().max((least / cell - ROUNDING).ceil())
    }
}
