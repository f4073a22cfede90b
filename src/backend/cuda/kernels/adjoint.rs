//! Launches of the kernels of `cuda/path/field_vjp.cu`: the adjoint of paths, step by step, and the sums of what it yields.

use super::Kernels;
use crate::backend::cuda::fault::OnDevice;
use crate::error::{Error, Result};
use crate::layout::{
    AdjointAt, CARRIER_BAR, CORNERS_BAR, ELEMENT_BAR, END_BAR, IMAGE, MOST_POLARIZATIONS, PART_BAR, PLANE_BAR,
    SCATTER_BAR,
};
use cudarc::driver::{CudaSlice, CudaStream, LaunchConfig, PushKernelArg};

/// Numbers of a complex number, of a vector, of a complex vector.
const COMPLEX: u64 = 2;
const XYZ: u64 = 3;
/// Polarisations of an end.
const POLARIZATIONS: u64 = MOST_POLARIZATIONS as u64;
/// Numbers of the field vectors of both ends, of fields, of couplings.
const VECTORS: u64 = 2 * POLARIZATIONS * XYZ;
const FIELDS: u64 = POLARIZATIONS * XYZ * COMPLEX;
const COUPLINGS: u64 = POLARIZATIONS * POLARIZATIONS * COMPLEX;

/// How much there is of everything in a part of all paths.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Extent {
    /// Paths.
    pub paths: u64,
    /// Vertices.
    pub vertices: u64,
    /// Carriers.
    pub carriers: u64,
    /// Coefficients.
    pub coefficients: u64,
    /// Places of elements: one for each carrier, end and element that a path speaks of.
    pub slots: u64,
    /// Parts of the patterns of all diffuse vertices.
    pub parts: u64,
}

/// What one step hands to the next, and what is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Array {
    /// Directions.
    Ways,
    /// Lengths that spreading is that of.
    Reaches,
    /// Field vectors of both ends.
    Vectors,
    /// Fields that meet vertices and arrive.
    Fields,
    /// Their bars.
    FieldsBar,
    /// Coefficients without phases.
    Bases,
    /// Phases of elements.
    Phases,
    /// Bars of their turns.
    Turns,
    /// Bars of their offsets.
    OffsetsBar,
    /// What elements of receivers say.
    ElementsBar,
    /// Bars of what a path has at a carrier.
    AtCarriersBar,
    /// Bars of carriers.
    CarriersBar,
    /// Bars of vertices at carriers.
    VerticesBar,
    /// Bars of parts of patterns.
    PartsBar,
    /// Bars of ends.
    EndsBar,
    /// Bars of planes.
    PlanesBar,
    /// Bars of corners.
    CornersBar,
    /// Images.
    Images,
}

impl Array {
    /// All of them, in the order of their numbers.
    pub const ALL: [Array; 18] = [
        Array::Ways,
        Array::Reaches,
        Array::Vectors,
        Array::Fields,
        Array::FieldsBar,
        Array::Bases,
        Array::Phases,
        Array::Turns,
        Array::OffsetsBar,
        Array::ElementsBar,
        Array::AtCarriersBar,
        Array::CarriersBar,
        Array::VerticesBar,
        Array::PartsBar,
        Array::EndsBar,
        Array::PlanesBar,
        Array::CornersBar,
        Array::Images,
    ];

    /// How many numbers of f64 it has.
    pub fn numbers(self, extent: &Extent) -> u64 {
        let Extent { paths, vertices, carriers, slots, parts, .. } = *extent;
        // Directions, fields and images: one more than a path has vertices.
        let rows = vertices + paths;
        match self {
            Array::Ways => XYZ * rows,
            Array::Reaches => paths,
            Array::Vectors => VECTORS * paths,
            Array::Fields | Array::FieldsBar => FIELDS * carriers * rows,
            Array::Bases => COUPLINGS * carriers * paths,
            Array::Phases => COMPLEX * slots,
            Array::Turns => slots,
            Array::OffsetsBar => XYZ * slots,
            Array::ElementsBar => u64::from(ELEMENT_BAR) * slots,
            Array::AtCarriersBar => u64::from(CARRIER_BAR) * carriers * paths,
            Array::CarriersBar => carriers * paths,
            Array::VerticesBar => u64::from(SCATTER_BAR) * carriers * vertices,
            Array::PartsBar => u64::from(PART_BAR) * carriers * parts,
            Array::EndsBar => 2 * u64::from(END_BAR) * paths,
            Array::PlanesBar => u64::from(PLANE_BAR) * vertices,
            Array::CornersBar => u64::from(CORNERS_BAR) * vertices,
            Array::Images => u64::from(IMAGE) * rows,
        }
    }
}

/// The arrays on the device, by their numbers. Kernels of one stream write and read them one after another.
pub struct Arrays<'a>(pub [&'a CudaSlice<f64>; Array::ALL.len()]);

/// What is added up: numbers of an array's items, and the items of each segment.
pub struct Segments<'a> {
    /// The array, and how many numbers an item has there.
    pub values: &'a CudaSlice<f64>,
    /// Numbers of an item.
    pub stride: u32,
    /// The first number that is added up.
    pub first: u32,
    /// How many numbers are added up.
    pub width: u32,
    /// Items, segment by segment.
    pub items: &'a CudaSlice<u32>,
    /// First item of each segment `[segment + 1]`.
    pub begins: &'a CudaSlice<u32>,
    /// How many segments there are.
    pub count: u32,
}

impl Arrays<'_> {
    fn of(&self, array: Array) -> &CudaSlice<f64> {
        self.0[array as usize]
    }

    fn check(&self, extent: &Extent) -> Result<()> {
        let short = Array::ALL.into_iter().find(|array| (self.of(*array).len() as u64) < array.numbers(extent));
        short.map_or(Ok(()), |array| Err(Error::Internal(format!("{array:?} is too short for {extent:?}"))))
    }
}

impl Kernels {
    /// From the records of `at`, which hold as much as `extent` says, to all bars of its paths; `singular` `[path]` says which
    /// have none.
    ///
    /// # Errors
    /// The device failed.
    pub fn pull_paths(
        &self,
        stream: &CudaStream,
        at: &AdjointAt,
        extent: &Extent,
        arrays: &Arrays,
        singular: &mut CudaSlice<u32>,
    ) -> Result<()> {
        arrays.check(extent)?;
        holds!(singular >= extent.paths);
        self.replay_for_adjoint(stream, at, extent, arrays, singular)?;
        self.pull_coefficients(stream, at, extent, arrays, singular)?;
        let [ways, reaches, at_carriers, carriers, vertices, offsets, ends, planes, corners, images] = [
            Array::Ways,
            Array::Reaches,
            Array::AtCarriersBar,
            Array::CarriersBar,
            Array::VerticesBar,
            Array::OffsetsBar,
            Array::EndsBar,
            Array::PlanesBar,
            Array::CornersBar,
            Array::Images,
        ]
        .map(|array| arrays.of(array));
        launch!(
            self.pull_paths,
            stream,
            extent.paths,
            at,
            ways,
            reaches,
            at_carriers,
            carriers,
            vertices,
            offsets,
            ends,
            planes,
            corners,
            images
        )
    }

    /// The walk forwards.
    fn replay_for_adjoint(
        &self,
        stream: &CudaStream,
        at: &AdjointAt,
        extent: &Extent,
        arrays: &Arrays,
        singular: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let [ways, reaches, vectors, fields, bases, phases] =
            [Array::Ways, Array::Reaches, Array::Vectors, Array::Fields, Array::Bases, Array::Phases]
                .map(|array| arrays.of(array));
        let per_carrier = extent.paths * extent.carriers;
        let launched: Result<()> =
            launch!(self.begin_paths, stream, extent.paths, at, ways, reaches, vectors, singular);
        launched?;
        let launched: Result<()> =
            launch!(self.replay_fields, stream, per_carrier, at, ways, reaches, vectors, fields, bases);
        launched?;
        launch!(self.turn_elements, stream, extent.slots, at, &extent.slots, phases)
    }

    /// From the bars of coefficients to those of elements, fields and vertices.
    fn pull_coefficients(
        &self,
        stream: &CudaStream,
        at: &AdjointAt,
        extent: &Extent,
        arrays: &Arrays,
        singular: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let of = |array| arrays.of(array);
        let (ways, reaches, vectors, fields) =
            (of(Array::Ways), of(Array::Reaches), of(Array::Vectors), of(Array::Fields));
        let (bases, phases, turns, elements) =
            (of(Array::Bases), of(Array::Phases), of(Array::Turns), of(Array::ElementsBar));
        let (at_carriers, carriers, fields_bar) =
            (of(Array::AtCarriersBar), of(Array::CarriersBar), of(Array::FieldsBar));
        let (vertices, parts, offsets) = (of(Array::VerticesBar), of(Array::PartsBar), of(Array::OffsetsBar));
        let (per_carrier, per_vertex) = (extent.paths * extent.carriers, extent.vertices * extent.carriers);
        let launched: Result<()> = launch!(
            self.pull_elements,
            stream,
            extent.slots,
            at,
            &extent.slots,
            phases,
            bases,
            turns,
            offsets,
            elements
        );
        launched?;
        let launched: Result<()> = launch!(
            self.pull_ports,
            stream,
            per_carrier,
            at,
            reaches,
            vectors,
            fields,
            bases,
            turns,
            elements,
            at_carriers,
            carriers,
            fields_bar,
            singular
        );
        launched?;
        let launched: Result<()> =
            launch!(self.pull_fields, stream, per_carrier, at, ways, fields, fields_bar, at_carriers);
        launched?;
        let count = extent.vertices as u32;
        let launched: Result<()> =
            launch!(self.pull_mirrors, stream, per_vertex, at, &count, ways, fields, fields_bar, vertices);
        launched?;
        let threads = if extent.parts > 0 { per_vertex } else { 0 };
        launch!(self.pull_diffuse, stream, threads, at, &count, ways, fields, fields_bar, vertices, parts)
    }

    /// Adds up numbers by segments; sums `[segment, width]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn sum_segments(&self, stream: &CudaStream, of: &Segments, sums: &mut CudaSlice<f64>) -> Result<()> {
        let Segments { values, stride, first, width, items, begins, count } = of;
        let threads = u64::from(*count) * u64::from(*width);
        holds!(sums >= threads, begins >= u64::from(*count) + u64::from(*count > 0));
        launch!(self.sum_segments, stream, threads, *values, stride, first, width, *items, *begins, count, sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_listed_in_the_order_of_their_numbers() {
        assert!(Array::ALL.iter().enumerate().all(|(place, array)| *array as usize == place));
    }
}
