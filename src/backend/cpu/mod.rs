//! The CPU backend: rayon over rays and chains. Results do not depend on the number of threads: work is cut into pieces
//! by index, and pieces are put together in order.

mod connect;
mod flights;
mod forward;
mod launch;
mod smooth;

pub use connect::connect;
pub use flights::{blocked, follow};
pub use forward::{retrace, sample};
pub use launch::chains;
pub use smooth::{pull_visibilities, soft_paths};
