//! Integrals of a lobe over the hemisphere, read from its tables (T65, T66).

use crate::scene::scattering::{LobeTable, SingleLobe};

/// A_h at one angle of incidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormaliserAt {
    /// A_h, the integral of the lobe over the hemisphere [sr].
    pub area: f64,
    /// dA_h/dy [sr].
    pub by_cosine: f64,
    /// dA_h/d ln sharpness [sr].
    pub by_log: f64,
}

/// A_h of a lobe whose axis has the cosine `y` to the normal, from 0 to 1.
pub fn normaliser(lobe: &SingleLobe, y: f64) -> NormaliserAt {
    let table = &*lobe.table;
    if y >= table.reach {
        let at_normal = if table.reach < 1.0 { table.full } else { table.normal };
        let slope = if table.reach < 1.0 { table.full_slope } else { table.normal_slope };
        return NormaliserAt { area: at_normal, by_cosine: 0.0, by_log: at_normal * slope };
    }
    let [part, by_cosine, by_log] = interpolated(&table.normaliser, table.reach, y);
    NormaliserAt {
        area: table.full * part,
        by_cosine: table.full * by_cosine,
        by_log: table.full * (by_log + part * table.full_slope),
    }
}

/// The furnace at one angle of incidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurnaceAt {
    /// max(E(y), 1) sqrt(y) [-].
    pub root: f64,
    /// Its derivative by y [-].
    pub by_cosine: f64,
    /// Its derivative by ln sharpness [-].
    pub by_log: f64,
}

/// What the reciprocal variant of a lobe would scatter at incidence `y`, from 0 to 1, times sqrt(y), but for the factor
/// that keeps it from gaining; at least sqrt(y) (T66).
pub fn furnace(lobe: &SingleLobe, y: f64) -> FurnaceAt {
    let table: &LobeTable = &lobe.table;
    let plain = FurnaceAt { root: y.sqrt(), by_cosine: 0.5 / y.sqrt(), by_log: 0.0 };
    if y >= table.reach {
        return plain;
    }
    let [root, by_cosine, by_log] = interpolated(&table.furnace, table.reach, y);
    if root > plain.root { FurnaceAt { root, by_cosine, by_log } } else { plain }
}

/// Value, slope and derivative by ln sharpness between two nodes, y below the reach.
fn interpolated(nodes: &[[f64; 4]], reach: f64, y: f64) -> [f64; 3] {
    let steps = (nodes.len() - 1) as f64;
    let place = y / reach * steps;
    // Rounding may put a place just below the reach onto the last node.
    let node = (place as usize).min(nodes.len() - 2);
    let t = place - node as f64;
    let ([p, m, p_log, m_log], [q, n, q_log, n_log]) = (nodes[node], nodes[node + 1]);
    let (bend, twist) = (3.0 * (q - p) - 2.0 * m - n, m + n - 2.0 * (q - p));
    let (bend_log, twist_log) = (3.0 * (q_log - p_log) - 2.0 * m_log - n_log, m_log + n_log - 2.0 * (q_log - p_log));
    [
        p + t * (m + t * (bend + t * twist)),
        (m + t * (2.0 * bend + 3.0 * t * twist)) * steps / reach,
        p_log + t * (m_log + t * (bend_log + t * twist_log)),
    ]
}
