//! Writes the triangles and rays of `raylobe bench` as raw little-endian f32 for other tracers (scripts/peers).
//!
//!     cargo bench --bench export -- FOLDER TRIANGLES
//!
//! `triangles.f32`: nine numbers each, three corners [m]. `camera.f32`, `random.f32`, `shadow.f32`: eight numbers a ray:
//! origin, start, direction, end (in lengths of the direction). Coordinates are local, as the engine traces them.

use raylobe::bench::Site;
use raylobe::bench::site::Rays;
use raylobe::geometry::Geometry;
use raylobe::geometry::triangle::Ray;
use raylobe::layout::TOUCH_M;
use raylobe::math::Vec3;
use std::error::Error;
use std::path::Path;

/// The square of this many rays of each kind, as in `raylobe bench`.
const SIDE: u32 = 512;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds --bench to what was typed; a test run of all targets types nothing.
    let typed: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [folder, triangles] = typed.as_slice() else {
        println!("usage: cargo bench --bench export -- FOLDER TRIANGLES");
        return Ok(());
    };
    let site = Site::city(triangles.parse()?)?;
    let geometry = Geometry::new(&site.scene);
    let rays = Rays::new(&site, &geometry, SIDE);
    std::fs::create_dir_all(folder)?;
    let count = site.scene.triangles.len() as u32;
    let corners = (0..count).filter(|t| !site.scene.degenerate[*t as usize]).flat_map(|t| site.scene.corners(t));
    write(folder, "triangles", corners.flat_map(to_f32))?;
    for (name, rays) in [("camera", &rays.camera), ("random", &rays.random)] {
        write(folder, name, rays.iter().flat_map(closest))?;
    }
    write(folder, "shadow", rays.shadow.iter().flat_map(any))?;
    Ok(())
}

fn closest(ray: &Ray) -> [f32; 8] {
    let ([x, y, z], [u, v, w]) = (ray.origin, ray.direction);
    [x, y, z, 0.0, u, v, w, f32::INFINITY]
}

/// A segment, its ends left out as the engine leaves them out.
fn any([from, to]: &[Vec3; 2]) -> [f32; 8] {
    let touch = (TOUCH_M / (to - from).norm()) as f32;
    let ([x, y, z], [u, v, w]) = (to_f32(*from), to_f32(to - from));
    [x, y, z, touch, u, v, w, 1.0 - touch]
}

fn to_f32(p: Vec3) -> [f32; 3] {
    [p.x as f32, p.y as f32, p.z as f32]
}

fn write(folder: &str, name: &str, values: impl Iterator<Item = f32>) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    Ok(std::fs::write(Path::new(folder).join(name).with_extension("f32"), bytes)?)
}
