//! Records that host and device share. Depends on nothing: `build.rs` compiles this very file and prints `layout.cuh`
//! from it, with the size of each record and the offset of each field asserted there.
//!
//! Fields have fixed widths; a record has no padding but what its fields ask for.

use std::marker::PhantomData;

/// A type that a record may hold: how C++ spells it.
pub trait Field {
    /// C++ element type.
    fn c_type() -> String;
    /// Array extents after the field's name, as C++ writes them.
    fn c_extents() -> String {
        String::new()
    }
}

macro_rules! scalar_fields {
    ($($rust:ty => $c:literal),*) => { $(impl Field for $rust { fn c_type() -> String { $c.into() } })* };
}
scalar_fields!(u8 => "uint8_t", u32 => "uint32_t", u64 => "uint64_t", f32 => "float", f64 => "double");

impl<T: Field, const N: usize> Field for [T; N] {
    fn c_type() -> String {
        T::c_type()
    }
    fn c_extents() -> String {
        format!("[{N}]{}", T::c_extents())
    }
}

/// A place in the device's memory, which the host only hands on.
#[repr(transparent)]
#[derive(Debug, PartialEq)]
pub struct Pointer<T> {
    /// The address, or 0.
    pub address: u64,
    of: PhantomData<T>,
}

impl<T> Pointer<T> {
    /// The place at `address`.
    pub const fn new(address: u64) -> Pointer<T> {
        Pointer { address, of: PhantomData }
    }
}

// Derived, these would ask the same of T.
impl<T> Copy for Pointer<T> {}
impl<T> Clone for Pointer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Field> Field for Pointer<T> {
    fn c_type() -> String {
        format!("const {}*", T::c_type())
    }
}

/// Declares a record for Rust and a function that prints it for C++.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident, $print:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }

        impl Field for $name {
            fn c_type() -> String {
                stringify!($name).into()
            }
        }

        /// The record in C++, with its layout asserted.
        pub fn $print() -> String {
            let name = stringify!($name);
            let mut text = format!("struct {name} {{\n");
            $(text += &format!("  {} {}{};\n", <$type as Field>::c_type(), stringify!($field), <$type as Field>::c_extents());)*
            text += "};\n";
            text += &format!("static_assert(sizeof({name}) == {}, \"{name}\");\n", size_of::<$name>());
            $(text += &format!(
                "static_assert(offsetof({name}, {0}) == {1}, \"{name}.{0}\");\n",
                stringify!($field), std::mem::offset_of!($name, $field)
            );)*
            text
        }
    };
}

/// How C++ writes a value.
trait Literal {
    fn literal(self) -> String;
}
impl Literal for u32 {
    fn literal(self) -> String {
        format!("{self}u")
    }
}
impl Literal for f32 {
    fn literal(self) -> String {
        format!("{self:e}f")
    }
}
impl Literal for f64 {
    fn literal(self) -> String {
        format!("{self:e}")
    }
}

/// Declares constants for Rust and a function that prints them for C++.
macro_rules! constants {
    ($($(#[$meta:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$meta])* pub const $name: $type = $value;)*

        fn print_constants() -> String {
            [$(format!("constexpr {} {} = {};\n", <$type as Field>::c_type(), stringify!($name), $name.literal())),*]
                .concat()
        }
    };
}

constants! {
    /// A child slot that holds nothing, a lane without a triangle, an index that means none.
    NONE: u32 = u32::MAX;
    /// Set in a child that is a leaf; the other bits are then the index of its [`TriangleBlock`].
    LEAF_BIT: u32 = 1 << 31;
    /// Levels of nodes that a hierarchy may have: no higher tree is built. 10^7 triangles have about ten.
    LEVELS_AT_MOST: u32 = 60;
    /// Half the spacing of f32 at 1: the largest relative error of a rounding.
    ROUNDING: f32 = f32::EPSILON / 2.0;
    /// Slack on the far side of a box, for three roundings of the slab test (Ize 2013).
    SLAB_SLACK: f32 = 1.0 + 2.0 * 3.0 * f32::EPSILON;
    /// A box's side against a segment, in roundings of the largest coordinate: the segment's own start (1) and its
    /// direction (2), the padded origin (1) and the difference (2 and a little); the rest is spare.
    ROUNDINGS_OF_A_SLAB: f32 = 8.0;
    /// An edge function in sheared coordinates x, y: each is off by at most 20 roundings of the largest coordinate (corner
    /// 1, origin 1, difference 2, in each of two axes; shear 3 x 2, product 2, difference 4), products of two and their
    /// difference by 12 more of the other coordinate; the rest is spare.
    ROUNDINGS_OF_AN_EDGE: f32 = 48.0;
    /// Points this far outside a facet's outline are still on it: the rounding of a point's coordinates [m].
    OUTLINE_M: f64 = 1e-6;
    /// Above this number of triangles a facet is searched through the hierarchy.
    FEW_TRIANGLES: u32 = 16;
    /// A hit this near to an end of a segment belongs to the end: the device touches the surface [m] (T43).
    TOUCH_M: f64 = 1e-6;
    /// A source nearer to a facet's plane than this is in it and has no reflection there [m].
    IN_PLANE_M: f64 = 1e-6;
    /// How far past the rim of a window rays go, in roots of the window's area: this far at least, and at most so many
    /// doublings more, every one alike.
    PAST_RIM: f64 = 1e-3;
    /// See [`PAST_RIM`].
    DOUBLINGS: f64 = 7.0;
    /// Receivers that are tested against a beam as one box.
    BOX_SIZE: u32 = 32;
    /// Numbers of 64 bits that a wave, and a point of a sheet that it may see, take on the device (`cuda/map/forward.cuh`).
    WAVE_WORDS: u32 = 20;
    /// See [`WAVE_WORDS`].
    SIGHT_WORDS: u32 = 10;
    /// Words of a sum that does not depend on order (`cuda/math/fixed.cuh`), and how many bits of it are behind the point.
    FIXED_WORDS: u32 = 3;
    /// See [`FIXED_WORDS`].
    FIXED_BITS: u32 = 96;
    /// Numbers of a node of a lobe's tables (`scene::scattering::LobeTable`).
    NODE_NUMBERS: u32 = 4;
    /// Numbers of 64 bits of the adjoint's bars on the device (`cuda/interaction`, `cuda/path/field_vjp.cuh`): of a surface
    /// at a carrier, of a part of a pattern, of an end of a path, of a plane, of the corners of a triangle.
    SURFACE_BAR: u32 = 8;
    /// See [`SURFACE_BAR`].
    PART_BAR: u32 = 4;
    /// See [`SURFACE_BAR`].
    END_BAR: u32 = 16;
    /// See [`SURFACE_BAR`].
    PLANE_BAR: u32 = 4;
    /// See [`SURFACE_BAR`].
    CORNERS_BAR: u32 = 9;
    /// The same of what one step hands to the next: a path at a carrier, an element's slot, an image, and a vertex at a
    /// carrier, with the first number of its surface's.
    CARRIER_BAR: u32 = 20;
    /// See [`CARRIER_BAR`].
    ELEMENT_BAR: u32 = 9;
    /// See [`CARRIER_BAR`].
    IMAGE: u32 = 6;
    /// See [`CARRIER_BAR`].
    SCATTER_BAR: u32 = 24;
    /// See [`CARRIER_BAR`].
    SURFACE_IN_SCATTER_BAR: u32 = 15;
    /// Polarisations of an end at the most.
    MOST_POLARIZATIONS: u32 = 2;
    /// What the device says of a path: it has derivatives; it runs along the axis of the receiver's or of the transmitter's
    /// antenna, is scattered from or into the vertical, or its replay is not what the channel holds.
    REGULAR: u32 = 0;
    /// See [`REGULAR`].
    AXIS_OF_RECEIVER: u32 = 1;
    /// See [`REGULAR`].
    AXIS_OF_TRANSMITTER: u32 = 2;
    /// See [`REGULAR`].
    VERTICAL: u32 = 3;
    /// See [`REGULAR`].
    FOREIGN: u32 = 4;
    /// A coefficient and its replay may differ by this, relative to what they are before polarisations cancel [-]: a
    /// channel may have been made on another device.
    SAME: f64 = 1e-6;
    /// The element index of a path that stands for all elements of an array.
    ALL_ELEMENTS: u32 = u32::MAX;
    /// Shapes of a smooth step (`math::smoothing::StepKind`).
    SIGMOID: u32 = 0;
    /// See [`SIGMOID`].
    HARD_SIGMOID: u32 = 1;
    /// See [`SIGMOID`].
    SMOOTHSTEP: u32 = 2;
    /// Half the width of a smooth step that is a ramp [-].
    RAMP: f64 = 3.0;
    /// Which test of a soft path is passed least: none, or one of a leg or of a vertex (`path::smooth::Test`).
    PASSED: u32 = 0;
    /// See [`PASSED`].
    LEG: u32 = 1;
    /// See [`PASSED`].
    VERTEX: u32 = 2;
    /// Points nearer than this have no direction from each other to speak of [m].
    TOUCHING_M: f64 = 1e-9;
    /// Lines are parallel if the square of the sine between them is not above this [-].
    PARALLEL: f64 = 1e-14;
    /// Lines run along each other if the sine between them is not above this [-].
    ALONG: f64 = 1e-12;
}

// The build script compiles this file by its path, for which modules would otherwise be looked for elsewhere.
#[path = "layout/adjoint.rs"]
mod adjoint;
#[path = "layout/forward.rs"]
mod forward;
#[path = "layout/scattering.rs"]
mod scattering;
#[path = "layout/smooth.rs"]
mod smooth;

pub use adjoint::{AdjointAt, KinematicsBar, PlacedVertex, RadioAt};
pub use forward::{FedAt, ForwardAt, LatticeAt, RecordedSight, RecordedWave, SheetAt};
pub use scattering::{PartAt, ScatteringAt, SingleLobeAt, SurfaceAt};
pub use smooth::{ClearanceAt, OutlineAt, OutlineEdge, SoftAt, SoftBar, SoftLink, SoftVisibility};

/// Children of a [`WideNode`] and lanes of its boxes.
pub const NODE_WIDTH: usize = 8;
/// Triangles of a [`TriangleBlock`].
pub const BLOCK_WIDTH: usize = 4;

record! {
    /// A node of the 8-wide bounding volume hierarchy: eight boxes, structure of arrays, and what each holds.
    WideNode, print_wide_node {
        /// Lower and upper corners `[corner, axis, child]` [m]; +inf and -inf in an empty slot.
        corner: [[[f32; NODE_WIDTH]; 3]; 2],
        /// Index of a node, or [`LEAF_BIT`] and the index of a block, or [`NONE`].
        child: [u32; NODE_WIDTH],
    }
}

record! {
    /// A leaf: up to four triangles, structure of arrays.
    TriangleBlock, print_triangle_block {
        /// Corners `[corner, axis, lane]` [m]; NaN in an empty lane.
        corner: [[[f32; BLOCK_WIDTH]; 3]; 3],
        /// Triangle `[lane]`, or [`NONE`].
        triangle: [u32; BLOCK_WIDTH],
        /// Patch of the triangle `[lane]`, or [`NONE`].
        patch: [u32; BLOCK_WIDTH],
    }
}

record! {
    /// The plane of a facet: points p with normal . p = offset.
    Plane, print_plane {
        /// Unit normal [-].
        normal: [f64; 3],
        /// Signed distance of the origin's foot point along the normal [m].
        offset: f64,
    }
}

record! {
    /// What a ray meets first.
    Hit, print_hit {
        /// Ray parameter: distance over the length of the direction; `f32::MAX` where nothing was met.
        t: f32,
        /// Triangle, or [`NONE`] where nothing was met.
        triangle: u32,
        /// Patch of the triangle.
        patch: u32,
    }
}

record! {
    /// A scene's hierarchy and facets on the device; each array is as long as its namesake on the host
    /// (`geometry::bvh::Bvh`, `geometry::facet::Facets`, `scene::Scene`).
    GeometryView, print_geometry_view {
        /// Nodes.
        nodes: Pointer<WideNode>,
        /// Leaves.
        blocks: Pointer<TriangleBlock>,
        /// Vertices `[vertex, xyz]` [m], local.
        vertices: Pointer<f64>,
        /// Vertices of each triangle `[triangle, corner]`.
        triangles: Pointer<u32>,
        /// Facet `[triangle]`.
        facet_of_triangle: Pointer<u32>,
        /// Patch `[facet]`.
        patch_of_facet: Pointer<u32>,
        /// Material `[facet]`.
        material_of_facet: Pointer<u32>,
        /// First triangle `[facet + 1]` in `facet_triangles`.
        facet_offsets: Pointer<u32>,
        /// Triangles, facet by facet, ascending.
        facet_triangles: Pointer<u32>,
        /// First facet `[patch + 1]` in `patch_facets`.
        patch_offsets: Pointer<u32>,
        /// Facets of each patch, ascending.
        patch_facets: Pointer<u32>,
        /// Plane `[patch]`.
        planes: Pointer<Plane>,
        /// How far a triangle may lie off its patch's plane, with the tolerance of outlines [m].
        point_reach: f64,
        /// The largest coordinate of a triangle, rounded up [m].
        reach: f32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A ray to be traced by itself.
    LoneRay, print_lone_ray {
        /// Origin [m].
        origin: [f32; 3],
        /// Direction, any length but 0.
        direction: [f32; 3],
        /// Patch that the ray starts from, or [`NONE`].
        skip: u32,
    }
}

record! {
    /// A ray to be followed through reflections by itself.
    Flight, print_flight {
        /// Origin [m].
        origin: [f64; 3],
        /// Direction, any length but 0.
        direction: [f64; 3],
        /// Patch that the ray starts from, or [`NONE`].
        skip: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A segment to be tested for visibility by itself.
    LoneSegment, print_lone_segment {
        /// One end [m].
        from: [f64; 3],
        /// The other end [m].
        to: [f64; 3],
        /// Patches that the ends lie on, or [`NONE`].
        skip: [u32; 2],
    }
}

record! {
    /// A window that rays are aimed at (`path::launch`).
    AimedWindow, print_aimed_window {
        /// Hash of the chain with the window's facet and of the seed: the key of the random numbers.
        key: u64,
        /// First ray of the batch that belongs to the window.
        first_ray: u64,
        /// Middle of the corners [m].
        middle: [f64; 3],
        /// Area of the fan of triangles [m2].
        area: f64,
        /// Length of the rim [m].
        perimeter: f64,
        /// First corner in the batch's corners.
        corner: u32,
        /// Number of corners.
        corners: u32,
        /// First facet in the batch's facets of the chain before the window.
        facet: u32,
        /// Number of facets of that chain.
        facets: u32,
        /// Number of rays.
        rays: u32,
        /// How often the window was a target before.
        turn: u32,
        /// `path::launch::Aim` as a number.
        aim: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A chain of facets: a node of the trie (`path::chain`).
    ChainNode, print_chain_node {
        /// Image of the source [m].
        image: [f64; 3],
        /// First corner of the window among all corners.
        corner: u64,
        /// Number of corners; 0 for the root and for a chain that no beam can take.
        corners: u32,
        /// Node of the chain without the last facet.
        parent: u32,
        /// Last facet.
        facet: u32,
        /// Number of facets.
        depth: u32,
    }
}

record! {
    /// A point [m].
    Point, print_point {
        /// Coordinates.
        xyz: [f64; 3],
    }
}

record! {
    /// Lower and upper corner of a box [m].
    Box3, print_box3 {
        /// Lower corner.
        low: [f64; 3],
        /// Upper corner.
        high: [f64; 3],
    }
}

record! {
    /// A chain and a receiver, or a path over them.
    Pair, print_pair {
        /// Node of the chain.
        node: u32,
        /// Receiver, in the order of its boxes.
        receiver: u32,
    }
}

record! {
    /// A vertex of a path.
    PathVertex, print_path_vertex {
        /// Position [m], local.
        position: [f64; 3],
        /// Facet.
        facet: u32,
        /// Triangle of the facet at the vertex.
        triangle: u32,
    }
}

record! {
    /// A radio as the field needs it: its antenna and how that is turned.
    RadioEnd, print_radio_end {
        /// Rotation from local to global axes `[row, column]`.
        rotation: [[f64; 3]; 3],
        /// Slant of each polarisation [rad]; the second is unused where there is one.
        slants: [f64; 2],
        /// Factor of the amplitude of its elements, in every direction [-].
        amplitude: f64,
        /// First element among all elements.
        first_element: u64,
        /// Number of elements.
        elements: u32,
        /// Number of polarisations, 1 or 2.
        polarizations: u32,
        /// Element pattern (`scene::antenna::Element` as a number).
        pattern: u32,
        /// Slant model (`scene::antenna::SlantModel` as a number).
        slant_model: u32,
    }
}

record! {
    /// A path as the field replays it.
    ReplayedPath, print_replayed_path {
        /// Unit direction of departure.
        departure: [f64; 3],
        /// Unit direction of travel at the receiver.
        arrival: [f64; 3],
        /// Length [m].
        length: f64,
        /// First coefficient among all coefficients.
        coefficient: u64,
        /// First vertex among all vertices.
        vertex: u64,
        /// Number of vertices.
        vertices: u32,
        /// Transmitter.
        transmitter: u32,
        /// Receiver.
        receiver: u32,
        /// Element of the transmitter, or `path::ALL_ELEMENTS`.
        transmitter_element: u32,
        /// Element of the receiver, or `path::ALL_ELEMENTS`.
        receiver_element: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A vertex of a path that is replayed.
    ReplayedVertex, print_replayed_vertex {
        /// Unit normal of the facet's plane, either side.
        normal: [f64; 3],
        /// Position [m].
        position: [f64; 3],
        /// The part of the surface that a scattering vertex stands for [m2].
        area: f64,
        /// Way from the transmitter [m].
        distance: f64,
        /// Material.
        material: u32,
        /// What happens there (`path::Interaction` as a number).
        interaction: u32,
    }
}

/// The whole header `layout.cuh`.
pub fn print_header() -> String {
    let mut text =
        String::from("// Made by build.rs from src/layout.rs: change that file, not this one.\n#pragma once\n");
    text += "#include <cstddef>\n#include <cstdint>\n\n";
    for (name, value) in [("NODE_WIDTH", NODE_WIDTH as u32), ("BLOCK_WIDTH", BLOCK_WIDTH as u32)] {
        text += &format!("constexpr uint32_t {name} = {value}u;\n");
    }
    text += &print_constants();
    let records = [
        print_wide_node(),
        print_triangle_block(),
        print_plane(),
        print_hit(),
        print_geometry_view(),
        print_lone_ray(),
        print_flight(),
        print_lone_segment(),
        print_aimed_window(),
        print_chain_node(),
        print_point(),
        print_box3(),
        print_pair(),
        print_path_vertex(),
        scattering::print_single_lobe_at(),
        scattering::print_part_at(),
        scattering::print_scattering_at(),
        scattering::print_surface_at(),
        print_radio_end(),
        print_replayed_path(),
        print_replayed_vertex(),
        adjoint::print_kinematics_bar(),
        adjoint::print_placed_vertex(),
        adjoint::print_radio_at(),
        adjoint::print_adjoint_at(),
        forward::print_sheet_at(),
        forward::print_fed_at(),
        forward::print_forward_at(),
        forward::print_lattice_at(),
        forward::print_recorded_wave(),
        forward::print_recorded_sight(),
        smooth::print_outline_edge(),
        smooth::print_outline_at(),
        smooth::print_clearance_at(),
        smooth::print_soft_link(),
        smooth::print_soft_visibility(),
        smooth::print_soft_at(),
        smooth::print_soft_bar(),
    ];
    for record in records {
        text += "\n";
        text += &record;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_states_each_record_with_its_size() {
        let header = print_header();
        assert_eq!(header, include_str!(concat!(env!("OUT_DIR"), "/layout.cuh")), "build.rs printed another layout");
        assert!(header.contains("float corner[2][3][8];") && header.contains("sizeof(WideNode) == 224"));
        assert!(header.contains("offsetof(TriangleBlock, patch) == 160"));
    }
}
