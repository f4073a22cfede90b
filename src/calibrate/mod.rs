//! Calibration: parameters of a scene and its radios from measurements (theory.md, "Calibration").
//!
//! A [`Plan`] says what is fitted to what: [`parameters`] that are trained, [`measurement`]s of links, [`loss`] terms, an
//! optimiser. A [`fit::Fit`] goes from step to step; all that it knows is in its [`fit::State`], from which it goes on to
//! the byte. What is left to others: files and pictures (`io`).

pub mod adam;
pub mod bijection;
pub mod evaluate;
pub mod fisher;
pub mod fit;
pub mod gauss_newton;
pub mod loss;
pub mod material_models;
pub mod measurement;
pub mod observe;
pub mod parameters;
pub mod patterns;
pub mod plan;
pub mod scale;
pub mod traced;

pub use plan::Plan;
