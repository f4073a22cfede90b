//! Arrays that numpy reads: `.npy` in ([`read_positions`], or a table, [`read_position_table`]), `.npz` out ([`write_paths`], [`write_response`],
//! [`write_taps`], [`write_map`]).
//!
//! Written arrays are little-endian, stored without compression, with a fixed date: same values, same bytes. Values are
//! streamed, so that a file costs no memory beside what it is made of.

mod map;
pub mod npy;
mod npz;
mod paths;
mod positions;
mod read_npz;
mod response;

pub use map::{WholeMap, write_map};
pub use npz::Npz;
pub use paths::{PathsFile, write_paths};
pub use positions::{read_position_table, read_positions, read_positions_file};
pub use read_npz::{Array, read_npz};
pub use response::{Samples, write_response, write_taps};
