//! What the adjoint of paths reads on the device (`path::field_vjp`), besides what the field reads.

use super::{Field, GeometryView, Pointer, RadioEnd, ReplayedPath, ReplayedVertex, SurfaceAt};

record! {
    /// Bars of what a path has once (`channel::ChannelBar`).
    KinematicsBar, print_kinematics_bar {
        /// Of the delay [1/s].
        tau: f64,
        /// Of the zenith of departure [1/rad].
        theta_t: f64,
        /// Of the azimuth of departure [1/rad].
        phi_t: f64,
        /// Of the zenith of arrival [1/rad].
        theta_r: f64,
        /// Of the azimuth of arrival [1/rad].
        phi_r: f64,
    }
}

record! {
    /// Where a vertex of a path lies.
    PlacedVertex, print_placed_vertex {
        /// Patch of its facet.
        patch: u32,
        /// Triangle.
        triangle: u32,
        /// First part of its pattern among the parts of all vertices.
        part: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// How a radio stands and moves.
    RadioAt, print_radio_at {
        /// Position [m], local.
        position: [f64; 3],
        /// Velocity [m/s].
        velocity: [f64; 3],
    }
}

record! {
    /// Paths, and the bars of their channel, as the adjoint reads them; of ends first the receivers', then the transmitters'.
    AdjointAt, print_adjoint_at {
        /// The scene.
        geometry: GeometryView,
        /// Paths; coefficients and vertices count from those of this part of all paths.
        paths: Pointer<ReplayedPath>,
        /// Vertices.
        vertices: Pointer<ReplayedVertex>,
        /// Where they lie `[vertex]`.
        places: Pointer<PlacedVertex>,
        /// First slot of each path `[path]`: there is one for each carrier, end and element that the path speaks of.
        slots: Pointer<u64>,
        /// Surfaces `[carrier, material]`.
        surfaces: Pointer<SurfaceAt>,
        /// Carriers [Hz].
        carriers: Pointer<f64>,
        /// Radios.
        ends: [Pointer<RadioEnd>; 2],
        /// Offsets of their elements in global axes `[element, xyz]` [m].
        offsets: [Pointer<f64>; 2],
        /// How they stand and move.
        radios: [Pointer<RadioAt>; 2],
        /// Coefficients of the channel `[coefficient, re and im]`.
        coefficients: Pointer<f64>,
        /// Their bars.
        coefficients_bar: Pointer<f64>,
        /// Bars of delays and angles `[path]`.
        kinematics_bar: Pointer<KinematicsBar>,
        /// Bars of Doppler shifts `[path, carrier]` [1/Hz].
        doppler_bar: Pointer<f64>,
        /// Bars of points `[vertex, xyz]` [1/m], or 0: none.
        points_bar: Pointer<f64>,
        /// The origin of local coordinates in those of the scene file [m].
        origin: [f64; 3],
        /// Number of paths.
        path_count: u32,
        /// Number of carriers.
        carrier_count: u32,
        /// Number of materials.
        material_count: u32,
        /// 1 where bars of positions, orientations, offsets or vertices are wanted, else 0.
        moves: u32,
    }
}
