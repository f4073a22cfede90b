//! raylobe: differentiable ray tracing of millimetre-wave radio channels in city-sized scenes.
//!
//! The way data takes; [`solve`] reads in this order:
//!
//! ```text
//! job file (TOML) + scene (Mitsuba XML/PLY, OBJ, glTF)     io::job, io::scene_file, scene::generate
//!   -> SceneDescription: as written                        scene::description
//!   -> Scene: checked, immutable, SI                       scene
//!   -> Bvh, Facets                                         geometry
//!   -> chains of facets, as a trie                         path::launch, path::exhaustive
//!   -> vertices of each chain, visibility                  path::refine
//!   -> Paths: ragged, link by link                         path::found, path
//!   -> field by replaying each path                        path::field, interaction
//!   -> Channel: a, tau, angles, Doppler; CIR, CFR, taps    channel
//!   -> bars of the channel, back to those of the scene     channel, path::adjoint
//!   -> parameters <-> measurements                         calibrate
//!   -> positions by gradients of smoothed objectives       planar, optimise
//!   -> maps: powers summed over the points of cells, and back  map, solve::map
//!   -> arrays, tables, pictures, run record                io
//! ```
//!
//! A file uses its own floor and those below (`tests/floors.rs` checks it): 9 [`cli`], 8 [`io`], 7 [`solve`], [`calibrate`], [`optimise`] and [`mod@bench`],
//! 6 [`backend`], 5 [`path`], [`channel`], [`mod@map`] and [`planar`], 4 [`interaction`], 3 [`geometry`], 2 [`scene`], 1 [`layout`] and [`math`],
//! 0 [`constants`], [`error`] and [`progress`]. The equations that the code cites as (T1), (T2), … stand in [`theory`].
#![warn(missing_docs)]
// Units stand in brackets, such as [m] and [rad]; rustdoc takes them for links. Links to private items serve readers of
// the source.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]

pub mod backend;
pub mod bench;
pub mod calibrate;
pub mod channel;
pub mod cli;
pub mod constants;
pub mod error;
pub mod geometry;
pub mod interaction;
pub mod io;
pub mod layout;
pub mod map;
pub mod math;
pub mod optimise;
pub mod path;
pub mod planar;
pub mod progress;
pub mod scene;
pub mod solve;

/// The equations, numbered as the code cites them.
pub mod theory {
    #![doc = include_str!("theory.md")]
}
