//! Progress of long stages, as seen by whoever wants to know.

/// Where progress goes: the command line draws a bar, tests ignore it.
pub trait Progress: Sync {
    /// A stage begins that will do `total` steps (0: unknown).
    fn begin(&self, stage: &str, total: u64);
    /// `steps` more steps of the stage are done.
    fn advance(&self, steps: u64);
}

/// Progress that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
}
