//! Received power of a path, as the publication has it (T114a).

use super::Graded;
use super::path::{PlanarPath, pulled};

/// What is left of the power at a reflection [-].
const REFLECTED: f64 = 0.5;
/// Height of the transmitter above the plane, which keeps the power finite [m].
const HEIGHT_M: f64 = 0.1;

/// 0.5^n/(h^2 + r^2) [1/m^2] of a path of n reflections and length r, with h = 0.1 m, and its gradient [1/m^3] by the path's ends.
pub fn received_power(path: &PlanarPath) -> Graded {
    let reflections = path.candidate.len() as i32;
    let length = length(path);
    let power = REFLECTED.powi(reflections) / (HEIGHT_M * HEIGHT_M + length.value * length.value);
    length.mapped((power, -2.0 * length.value * power * power / REFLECTED.powi(reflections)))
}

/// Length [m] of a path. Where two nodes coincide it has a kink, of which 0 is one slope.
pub fn length(path: &PlanarPath) -> Graded {
    let mut sum = Graded::constant(0.0);
    for leg in 0..path.nodes.legs() {
        let nodes = [path.nodes.at(leg), path.nodes.at(leg + 1)];
        let way = nodes[1].at - nodes[0].at;
        let length = way.norm();
        let direction = if length > 0.0 { way / length } else { way };
        sum = sum.plus(pulled(Graded { value: length, by: [-direction, direction] }, nodes));
    }
    sum
}
