//! Files: scenes, meshes, jobs, arrays, pictures and records. Nobody below knows a format.

pub mod atomic;
pub mod material_name;
pub mod mesh;
pub mod mitsuba;
pub mod scene_file;
