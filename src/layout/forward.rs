//! What the rays of a map's sampled part know (`map::forward`), and sums that do not depend on their order.

use super::{Field, GeometryView, Pointer, RadioEnd, SurfaceAt};

record! {
    /// A parallelogram of cells (`map::grid::Sheet`), local [m].
    SheetAt, print_sheet_at {
        /// The corner where both axes begin.
        corner: [f64; 3],
        /// From cell to cell along the first axis.
        step_u: [f64; 3],
        /// From cell to cell along the second axis.
        step_v: [f64; 3],
        /// Number of cells along both.
        cells: [u32; 2],
    }
}

record! {
    /// A radio whose ports are weighted (`map::fed::Fed`).
    FedAt, print_fed_at {
        /// The radio; its elements are the first ones of `offsets`.
        end: RadioEnd,
        /// Offsets of its elements in global axes `[element, xyz]` [m].
        offsets: Pointer<f64>,
        /// Weights of its ports `[port, re and im]` [-], or 0: powers of the ports add up.
        weights: Pointer<f64>,
    }
}

record! {
    /// What a ray needs to know (`map::forward::Forward`).
    ForwardAt, print_forward_at {
        /// The scene.
        geometry: GeometryView,
        /// Where waves start.
        source: FedAt,
        /// The receiver in every cell.
        receiver: FedAt,
        /// The cells.
        sheet: SheetAt,
        /// Surfaces of the scene's materials at the carrier `[material]`.
        surfaces: Pointer<SurfaceAt>,
        /// Where the transmitter stands, local [m].
        position: [f64; 3],
        /// Carrier [Hz].
        frequency: f64,
        /// What a deposit's gain, and its products with the excess length and its square, are multiplied by before they are
        /// summed up: powers of two.
        units: [f64; 3],
        /// Largest number of interactions.
        max_depth: u32,
        /// 1 where waves go on specularly, else 0.
        specular: u32,
        /// 1 where waves are scattered diffusely, else 0.
        diffuse: u32,
        /// 1 where lobes stand for last reflections, else 0.
        lobe: u32,
    }
}

record! {
    /// The rays of a replicate (`map::replicates::Lattice`).
    LatticeAt, print_lattice_at {
        /// How the lattice is turned `[row, column]`.
        turn: [[f64; 3]; 3],
        /// What sums of deposits, as `ForwardAt::units` has made them, are multiplied by: path gain, and its products with
        /// the excess delay and its square [-, s, s2].
        scales: [f64; 3],
        /// How many rays there are.
        rays: u64,
        /// Key of the random numbers.
        key: [u32; 2],
    }
}

record! {
    /// What the host is told of a wave, so that it knows its way.
    RecordedWave, print_recorded_wave {
        /// Where its leg begins, local [m].
        origin: [f64; 3],
        /// Unit direction of the leg.
        k: [f64; 3],
        /// What it leaves where it crosses the sheet (`map::forward::Deposit`) [-].
        gain: f64,
        /// Length of the way up to there beyond the direct one [m].
        excess: f64,
        /// The ray.
        ray: u64,
        /// The cell where it leaves something, or [`NONE`](super::NONE).
        cell: u32,
        /// Place, among the waves of the level before, of the one that it comes from.
        parent: u32,
        /// How it turned where the leg begins (`path::Interaction`); of a first wave of no meaning.
        interaction: u32,
        /// Unused.
        unused: u32,
    }
}

record! {
    /// What the host is told of a point of the sheet that a scattering point may see.
    RecordedSight, print_recorded_sight {
        /// The scattering point, local [m].
        from: [f64; 3],
        /// The point of the sheet, local [m].
        to: [f64; 3],
        /// What is left there (`map::forward::Deposit`) [-].
        gain: f64,
        /// Length of the way up to there beyond the direct one [m].
        excess: f64,
        /// The cell, or [`NONE`](super::NONE) where something stands in the way.
        cell: u32,
        /// Place, among the waves of its level, of the one that is scattered.
        wave: u32,
        /// How it is scattered (`path::Interaction`).
        interaction: u32,
        /// Unused.
        unused: u32,
    }
}
