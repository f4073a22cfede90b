//! What a segment is nearest to being blocked by, or blocked by most, in a whole scene (T109).

use super::Geometry;
use super::clearance::{Clearance, clearance};
use super::outline::Outlines;
use super::walk::{Query, walk};
use crate::layout::{NODE_WIDTH, NONE, TriangleBlock, WideNode};
use crate::math::Vec3;

/// The patch that a segment goes through most, or is nearest to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obstacle {
    /// The patch.
    pub patch: u32,
    /// Its signed distance from the segment.
    pub clearance: Clearance,
}

/// The obstacle of `segment` with the largest signed distance, of those not below `floor` [m]; `None`: there is none, and
/// nothing comes nearer than -`floor`. The patches `skip` are not looked at. Of equal ones, that of the lower number. One that
/// the segment goes through by more than `enough` [m] will do, whatever else there is.
pub fn worst_obstacle(
    geometry: &Geometry,
    outlines: &Outlines,
    segment: &[Vec3; 2],
    skip: [u32; 2],
    [floor, enough]: [f64; 2],
) -> Option<Obstacle> {
    let [low, high] = [segment[0].inf(&segment[1]), segment[0].sup(&segment[1])];
    let mut worst = Worst {
        geometry,
        outlines,
        segment,
        along: segment[1] - segment[0],
        low,
        high,
        skip,
        floor,
        enough,
        found: None,
    };
    walk(&geometry.bvh, &mut worst);
    worst.found
}

struct Worst<'a> {
    geometry: &'a Geometry<'a>,
    outlines: &'a Outlines,
    segment: &'a [Vec3; 2],
    along: Vec3,
    low: Vec3,
    high: Vec3,
    skip: [u32; 2],
    /// What is below does not count any more [m].
    floor: f64,
    /// What is above ends the search [m].
    enough: f64,
    found: Option<Obstacle>,
}

impl Query for Worst<'_> {
    fn enter(&self, node: &WideNode) -> u32 {
        // Boxes are rounded outwards; a hair more for what is computed here.
        let pad = (-self.floor).max(0.0) * (1.0 + 1e-9) + 1e-9;
        let mut near = [0f64; NODE_WIDTH];
        let mut far = [1f64; NODE_WIDTH];
        let mut apart = [false; NODE_WIDTH];
        for axis in 0..3 {
            let (origin, along) = (self.segment[0][axis], self.along[axis]);
            let inverse = 1.0 / along;
            for lane in 0..NODE_WIDTH {
                let low = f64::from(node.corner[0][axis][lane]) - pad;
                let high = f64::from(node.corner[1][axis][lane]) + pad;
                apart[lane] |= low > self.high[axis] || high < self.low[axis];
                let (a, b) = ((low - origin) * inverse, (high - origin) * inverse);
                let (enters, leaves) = if inverse < 0.0 { (b, a) } else { (a, b) };
                // Of a segment along a side of the box, 0 x infinity is no number, and no bound.
                near[lane] = if enters > near[lane] { enters } else { near[lane] };
                far[lane] = if leaves < far[lane] { leaves } else { far[lane] };
            }
        }
        let mut entered = 0;
        for lane in 0..NODE_WIDTH {
            entered |= u32::from(!apart[lane] && near[lane] <= far[lane] + 1e-12) << lane;
        }
        entered
    }

    fn visit(&mut self, block: &TriangleBlock) -> bool {
        let mut last = NONE;
        for patch in block.patch {
            // Neighbours in a leaf are often of one wall.
            if patch == NONE || patch == last || self.skip.contains(&patch) {
                continue;
            }
            last = patch;
            let outline = self.outlines.of_patch(self.geometry, patch);
            if outline.edges.is_empty() || self.found.is_some_and(|known| known.patch == patch) {
                continue;
            }
            let Some(clearance) = clearance(self.segment, &outline, self.floor) else { continue };
            let is_worse = self.found.is_none_or(|known| {
                let before = known.clearance.signed;
                clearance.signed > before || (clearance.signed == before && patch < known.patch)
            });
            if is_worse {
                self.floor = clearance.signed;
                self.found = Some(Obstacle { patch, clearance });
            }
        }
        self.floor <= self.enough
    }
}
