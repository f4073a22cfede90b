//! The field of given paths: laws, and the reference results with their own vertices. Needs no path solver.

#[path = "cases/chains.rs"]
mod chains;
#[path = "cases/diffuse_point.rs"]
mod diffuse_point;
#[path = "cases/field.rs"]
mod field;
#[path = "cases/field_truth.rs"]
mod field_truth;
