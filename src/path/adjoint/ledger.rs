//! What paths give, in their order, before it is added up.

use crate::interaction::SurfaceBar;
use crate::interaction::scattering::PartBar;
use crate::math::{Mat3, Vec3};

/// Bars of one end of a path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct EndBar {
    pub position: Vec3,
    pub rotation: Mat3,
    pub velocity: Vec3,
    pub gain: f64,
}

/// What some paths give: (of what, its bar).
#[derive(Debug, Default)]
pub struct Ledger {
    /// Of surfaces: carrier * materials + material.
    pub(crate) surfaces: Vec<(u32, SurfaceBar)>,
    /// Of patterns: material and part.
    pub(crate) parts: Vec<((u32, u32), PartBar)>,
    /// Of radios: receivers, then transmitters.
    pub(crate) ends: Vec<(u32, EndBar)>,
    /// Of offsets: antenna and element.
    pub(crate) offsets: Vec<((u32, u32), Vec3)>,
    /// Of vertices.
    pub(crate) vertices: Vec<(u32, Vec3)>,
    /// Of carriers.
    pub(crate) carriers: Vec<(u32, f64)>,
    /// Of the places that paths end at, where these are kept: path.
    pub(crate) places: Vec<(u32, Vec3)>,
}

impl Ledger {
    /// Leaves one entry for each thing, what is said of it added up in order.
    pub(super) fn add_up(&mut self) {
        merge(&mut self.surfaces, |sum, bar| sum.add(bar));
        merge(&mut self.parts, |sum, bar| sum.add(bar));
        merge(&mut self.ends, |sum, bar| sum.add(bar));
        merge(&mut self.offsets, |sum, bar| *sum += bar);
        merge(&mut self.vertices, |sum, bar| *sum += bar);
        merge(&mut self.carriers, |sum, bar| *sum += bar);
    }
}

/// Adds up entries of the same key, in their order, and gives room back that is not likely to be needed again.
fn merge<K: Ord + Copy, T>(entries: &mut Vec<(K, T)>, add: impl Fn(&mut T, &T)) {
    entries.sort_by_key(|(key, _)| *key);
    entries.dedup_by(|(key, bar), (kept, sum)| {
        let same = key == kept;
        if same {
            add(sum, bar);
        }
        same
    });
    entries.shrink_to(2 * entries.len());
}

impl EndBar {
    pub(super) fn add(&mut self, bar: &EndBar) {
        self.position += bar.position;
        self.rotation += bar.rotation;
        self.velocity += bar.velocity;
        self.gain += bar.gain;
    }
}
