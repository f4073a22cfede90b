//! raylobe: differentiable ray tracing of millimetre-wave radio channels in city-sized scenes.
#![warn(missing_docs)]

pub mod backend;
pub mod channel;
pub mod cli;
pub mod constants;
pub mod error;
pub mod geometry;
pub mod interaction;
pub mod io;
pub mod layout;
pub mod math;
pub mod path;
pub mod scene;
pub mod solve;

/// The equations, numbered as the code cites them.
pub mod theory {
    #![doc = include_str!("theory.md")]
}
