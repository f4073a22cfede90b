//! Radio in a plane: walls as segments, paths by the image method, a validity that is smooth, received power (T112 to T114).
//!
//! It is the small world in which smoothing and placement were published, so that those experiments run as they stand.
//! Everything that is a number comes with its gradient by the two ends of the path ([`Graded`]); walls are held fixed.
//! An adjoint of a number is that gradient times its bar.

pub mod path;
pub mod power;
pub mod scene;
pub mod segment;
pub mod validity;

#[cfg(test)]
mod tests;

pub use crate::path::finders::Point;
pub use scene::{PlanarScene, Wall};

/// A point or direction of the plane [m] or [-].
pub type Vec2 = Point<2>;

/// A number and its gradient by the two ends of a segment or path [1/m of its unit].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Graded {
    /// The number.
    pub value: f64,
    /// Its gradient by the first and by the second end.
    pub by: [Vec2; 2],
}

impl Graded {
    /// A number that depends on neither end.
    pub fn constant(value: f64) -> Graded {
        Graded { value, by: [Vec2::zeros(); 2] }
    }

    /// `value`, which changes by `slope` times what this number changes by.
    pub fn mapped(self, (value, slope): (f64, f64)) -> Graded {
        // A slope of 0 times a gradient without bounds is no change.
        let by = if slope == 0.0 { [Vec2::zeros(); 2] } else { self.by.map(|by| by * slope) };
        Graded { value, by }
    }

    /// The smaller of both; the first one where they are alike.
    pub fn min(self, other: Graded) -> Graded {
        if other.value < self.value { other } else { self }
    }

    /// The larger of both; the first one where they are alike.
    pub fn max(self, other: Graded) -> Graded {
        if other.value > self.value { other } else { self }
    }

    /// The sum of both.
    pub fn plus(self, other: Graded) -> Graded {
        Graded { value: self.value + other.value, by: [0, 1].map(|i| self.by[i] + other.by[i]) }
    }

    /// The product of both.
    pub fn times(self, other: Graded) -> Graded {
        let by = [0, 1].map(|i| self.by[i] * other.value + other.by[i] * self.value);
        Graded { value: self.value * other.value, by }
    }
}
