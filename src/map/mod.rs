//! Radio maps: where they are measured ([`grid`]), what a path is worth there ([`weights`]), what is scattered there
//! ([`forward`], [`way`], [`target`], [`replicates`]), what becomes of powers ([`metrics`]), and the ways of all of it as
//! paths, for its adjoint ([`bundle`]).
//!
//! A cell is measured at n x n points; what it holds is the mean over them. Powers of paths are summed, not fields: the
//! mean over small-scale fading (T53). Everything is done for some cells at a time, so that memory is that of these and
//! of what is written, whatever the number of cells, points, rays and paths.

pub mod bundle;
pub mod fed;
pub mod forward;
pub mod grid;
pub mod metrics;
pub mod raster;
pub mod replicates;
pub mod sparse;
pub mod target;
pub mod way;
pub mod weights;
