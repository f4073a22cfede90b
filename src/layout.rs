//! Records that host and device share. Depends on nothing: `build.rs` compiles this very file and prints `layout.cuh`
//! from it, with the size of each record and the offset of each field asserted there.
//!
//! Fields have fixed widths; a record has no padding but what its fields ask for.

/// A type that a record may hold: how C++ spells it.
pub trait Field {
    /// C++ element type.
    const C_TYPE: &'static str;
    /// Array extents after the field's name, as C++ writes them.
    fn c_extents() -> String {
        String::new()
    }
}

macro_rules! scalar_fields {
    ($($rust:ty => $c:literal),*) => { $(impl Field for $rust { const C_TYPE: &'static str = $c; })* };
}
scalar_fields!(u8 => "uint8_t", u32 => "uint32_t", u64 => "uint64_t", f32 => "float", f64 => "double");

impl<T: Field, const N: usize> Field for [T; N] {
    const C_TYPE: &'static str = T::C_TYPE;
    fn c_extents() -> String {
        format!("[{N}]{}", T::c_extents())
    }
}

/// Declares a record for Rust and a function that prints it for C++.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident, $print:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }

        /// The record in C++, with its layout asserted.
        pub fn $print() -> String {
            let name = stringify!($name);
            let mut text = format!("struct {name} {{\n");
            $(text += &format!("  {} {}{};\n", <$type as Field>::C_TYPE, stringify!($field), <$type as Field>::c_extents());)*
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

/// Children of a [`WideNode`] and lanes of its boxes.
pub const NODE_WIDTH: usize = 8;
/// Triangles of a [`TriangleBlock`].
pub const BLOCK_WIDTH: usize = 4;
/// A child slot that holds nothing, a lane without a triangle, an index that means none.
pub const NONE: u32 = u32::MAX;
/// Set in a child that is a leaf; the other bits are then the index of its [`TriangleBlock`].
pub const LEAF_BIT: u32 = 1 << 31;

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

/// The whole header `layout.cuh`.
pub fn print_header() -> String {
    let mut text =
        String::from("// Made by build.rs from src/layout.rs: change that file, not this one.\n#pragma once\n");
    text += "#include <cstddef>\n#include <cstdint>\n\n";
    for (name, value) in [("NODE_WIDTH", NODE_WIDTH as u32), ("BLOCK_WIDTH", BLOCK_WIDTH as u32)] {
        text += &format!("constexpr uint32_t {name} = {value}u;\n");
    }
    for (name, value) in [("NONE", NONE), ("LEAF_BIT", LEAF_BIT)] {
        text += &format!("constexpr uint32_t {name} = {value}u;\n");
    }
    for record in [print_wide_node(), print_triangle_block(), print_plane()] {
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
