//! A scene's hierarchy and facets in the device's memory.

use super::buffer::Buffer;
use super::fault::{OnDevice, too_little};
use super::{Cuda, coordinates};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::layout::{GeometryView, Plane, TriangleBlock, WideNode};

/// Device memory that must stay free beside the scene for rays, pairs and paths [bytes].
const WORKING_BYTES: u64 = 64 << 20;

/// A scene on the device; freed with this value.
pub struct Resident {
    view: GeometryView,
    _held: Held,
}

#[derive(Default)]
struct Held {
    nodes: Buffer<WideNode>,
    blocks: Buffer<TriangleBlock>,
    vertices: Buffer<f64>,
    planes: Buffer<Plane>,
    numbers: [Buffer<u32>; 8],
}

impl std::fmt::Debug for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a scene at {:#x}", self.view.nodes.address)
    }
}

impl Resident {
    /// Copies what kernels need of a scene.
    ///
    /// # Errors
    /// The device has too little memory: said before anything is copied, with the numbers.
    pub fn new(cuda: &Cuda, geometry: &Geometry) -> Result<Resident> {
        let (free, _) = cuda.context.mem_get_info().on_device(|| "asking for free memory".into())?;
        let needed = bytes_of(geometry) + WORKING_BYTES;
        if needed > free as u64 {
            return Err(too_little(&cuda.context, "the scene and the least room to work take", needed));
        }
        let (stream, mut held) = (&cuda.stream, Held::default());
        let Geometry { scene, bvh, facets } = geometry;
        let vertices: Vec<f64> = coordinates(&scene.vertices).collect();
        let [triangles, of_triangle, patch, material, offsets, listed, patch_offsets, patch_facets] = &mut held.numbers;
        let view = GeometryView {
            nodes: held.nodes.place(stream, &bvh.nodes)?,
            blocks: held.blocks.place(stream, &bvh.blocks)?,
            vertices: held.vertices.place(stream, &vertices)?,
            triangles: triangles.place(stream, scene.triangles.as_flattened())?,
            facet_of_triangle: of_triangle.place(stream, &facets.of_triangle)?,
            patch_of_facet: patch.place(stream, &facets.patch)?,
            material_of_facet: material.place(stream, &facets.material)?,
            facet_offsets: offsets.place(stream, &facets.offsets)?,
            facet_triangles: listed.place(stream, &facets.triangles)?,
            patch_offsets: patch_offsets.place(stream, &facets.patch_offsets)?,
            patch_facets: patch_facets.place(stream, &facets.patch_facets)?,
            planes: held.planes.place(stream, &facets.planes)?,
            point_reach: facets.point_reach(),
            reach: bvh.reach,
            unused: 0,
        };
        // Other streams read it from now on.
        stream.synchronize().on_device(|| "copying the scene".into())?;
        Ok(Resident { view, _held: held })
    }

    /// Where everything lies.
    pub fn view(&self) -> &GeometryView {
        &self.view
    }
}

/// What a scene takes on the device [bytes].
fn bytes_of(geometry: &Geometry) -> u64 {
    let Geometry { scene, bvh, facets } = geometry;
    let facets_bytes = size_of_val(&facets.of_triangle[..])
        + size_of_val(&facets.patch[..])
        + size_of_val(&facets.material[..])
        + size_of_val(&facets.offsets[..])
        + size_of_val(&facets.triangles[..])
        + size_of_val(&facets.patch_offsets[..])
        + size_of_val(&facets.patch_facets[..])
        + size_of_val(&facets.planes[..]);
    let scene_bytes = size_of_val(&scene.vertices[..]) + size_of_val(&scene.triangles[..]);
    (size_of_val(&bvh.nodes[..]) + size_of_val(&bvh.blocks[..]) + scene_bytes + facets_bytes) as u64
}
