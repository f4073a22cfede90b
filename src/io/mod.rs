//! Files: scenes, meshes, jobs, arrays, pictures and records. Nobody below knows a format.

pub mod atomic;
pub mod picture;
