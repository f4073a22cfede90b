//! Walls of a plane, checked.

use super::Vec2;
use crate::error::{Error, Fault, Result};

/// Coordinates beyond this lose too many digits in products [m].
pub const MAX_COORDINATE_M: f64 = 1e9;

/// A wall: a segment of some length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wall {
    /// Its ends [m].
    pub ends: [Vec2; 2],
}

impl Wall {
    /// From end to end [m].
    pub fn along(&self) -> Vec2 {
        self.ends[1] - self.ends[0]
    }

    /// The wall, longer at both ends by this share of its length.
    pub fn lengthened(&self, share: f64) -> Wall {
        let more = self.along() * share;
        Wall { ends: [self.ends[0] - more, self.ends[1] + more] }
    }
}

/// All walls of a plane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanarScene {
    walls: Vec<Wall>,
    /// Share of their length by which walls and legs count as longer at both ends where distances are taken [-]; 0 unless it
    /// is set. The peer's hard test has 0.005.
    pub guard: f64,
}

impl PlanarScene {
    /// A scene of walls `[wall, end, coordinate]` [m].
    ///
    /// # Errors
    /// [`Error::Input`] for coordinates that are not finite or too large, and for walls of no length.
    pub fn new(walls: &[[[f64; 2]; 2]]) -> Result<PlanarScene> {
        for (i, wall) in walls.iter().enumerate() {
            let field = format!("scene.walls[{i}]");
            if !wall.iter().flatten().all(|x| x.abs() <= MAX_COORDINATE_M) {
                let fault = Fault::new(field, format!("coordinates must be finite and within {MAX_COORDINATE_M:e} m"));
                return Err(Error::input(fault.value(format!("{wall:?}")).remedy("give [[x, y], [x, y]] in metres")));
            }
            if wall[0] == wall[1] {
                let fault = Fault::new(field, "has no length").value(format!("{wall:?}"));
                return Err(Error::input(fault.remedy("give two ends that differ, or leave the wall out")));
            }
        }
        let walls = walls.iter().map(|wall| Wall { ends: wall.map(Vec2::from) }).collect();
        Ok(PlanarScene { walls, guard: 0.0 })
    }

    /// The walls, in their order.
    pub fn walls(&self) -> &[Wall] {
        &self.walls
    }

    /// Lower left and upper right corner of what the walls span [m]; `None` without walls.
    pub fn bounds(&self) -> Option<[Vec2; 2]> {
        let mut points = self.walls.iter().flat_map(|wall| wall.ends);
        let first = points.next()?;
        Some(points.fold([first; 2], |[low, high], p| [low.inf(&p), high.sup(&p)]))
    }
}
