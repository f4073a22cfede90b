//! Counters of the path solver: nothing is lost without being counted.

use serde::Serialize;

/// What became of the rays, chains and candidates of a run; sums over transmitters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Rays launched.
    pub rays: u64,
    /// Ray segments traced.
    pub segments: u64,
    /// Rounds of the guided launch, the largest over the transmitters.
    pub rounds: u64,
    /// Chains of facets found; of an exhaustive search, all that a beam can take.
    pub chains: u64,
    /// Chains dropped because `max_chains` was reached.
    pub dropped_chains: u64,
    /// Candidates: chain x receiver pairs whose last segment meets the bounds of the last facet, and direct paths.
    pub candidates: u64,
    /// Rejected: a reflection point lies off its facet.
    pub off_facet: u64,
    /// Rejected: a point and the next one lie on different sides of a wall.
    pub wrong_side: u64,
    /// Rejected: a device or reflection point lies in a facet's plane, or two points coincide.
    pub degenerate: u64,
    /// Rejected: a segment is blocked.
    pub blocked: u64,
    /// Rejected: another facet in the same plane owns the reflection point.
    pub coincident: u64,
    /// Rejected: same vertices as another path.
    pub duplicate: u64,
    /// Links whose two devices stand at the same point: they have no direct path.
    pub coincident_devices: u64,
    /// Paths kept.
    pub paths: u64,
}

impl Counters {
    /// Adds the counts of another part of the same run.
    pub fn add(&mut self, other: &Counters) {
        self.rays += other.rays;
        self.segments += other.segments;
        self.rounds = self.rounds.max(other.rounds);
        self.chains += other.chains;
        self.dropped_chains += other.dropped_chains;
        self.candidates += other.candidates;
        self.off_facet += other.off_facet;
        self.wrong_side += other.wrong_side;
        self.degenerate += other.degenerate;
        self.blocked += other.blocked;
        self.coincident += other.coincident;
        self.duplicate += other.duplicate;
        self.coincident_devices += other.coincident_devices;
        self.paths += other.paths;
    }
}
