//! Files: scenes, meshes, jobs, arrays, pictures and records. Nobody below knows a format.

pub mod arrays;
pub mod atomic;
pub mod checkpoint;
pub mod csv;
pub mod fit_results;
pub mod job;
pub mod links;
pub mod map_results;
pub mod material_name;
pub mod measurements;
pub mod mesh;
pub mod mitsuba;
pub mod picture;
pub mod place_results;
pub mod read;
pub mod record;
pub mod results;
pub mod scene_file;
