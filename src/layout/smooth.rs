//! What smoothed visibility reads and writes on the device (`path::smooth`).

use super::{Field, GeometryView, Pointer};

record! {
    /// An edge of an outline, the inside to its left about the plane's normal (`geometry::outline::Edge`).
    OutlineEdge, print_outline_edge {
        /// Its ends [m].
        ends: [[f64; 3]; 2],
    }
}

record! {
    /// An outline (`geometry::outline::Outline`).
    OutlineAt, print_outline_at {
        /// The middle of a ball that holds it [m].
        middle: [f64; 3],
        /// The radius of the ball [m].
        radius: f64,
        /// First edge among all edges.
        first_edge: u32,
        /// Number of edges; 0: it is of nothing.
        edges: u32,
        /// Whether what is to the left of all edges is all of the inside, 1 or 0.
        is_convex: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A signed distance and what it is one of (`geometry::clearance::Clearance`).
    ClearanceAt, print_clearance_at {
        /// The signed distance [m].
        signed_distance: f64,
        /// Parameters along the segment and along the edge [-].
        at: [f64; 2],
        /// The edge's place in the outline, or [`super::NONE`]: the plane and an end.
        edge: u32,
        /// The segment's end, 0 or 1.
        end: u32,
    }
}

record! {
    /// A transmitter's and a receiver's point, and the facets that each nearly sees (`path::smooth::chains::Link`).
    SoftLink, print_soft_link {
        /// The transmitter [m].
        from: [f64; 3],
        /// The receiver [m].
        to: [f64; 3],
        /// First chain of the link among those of all links.
        first_chain: u64,
        /// First facet that a chain begins with, among all facets that are seen.
        first: u32,
        /// Number of facets that a chain begins with.
        firsts: u32,
        /// First facet that a longer chain ends with, among all facets that are seen.
        last: u32,
        /// Number of facets that a longer chain ends with.
        lasts: u32,
    }
}

record! {
    /// How nearly a chain is a path (`path::smooth::Visibility`).
    SoftVisibility, print_soft_visibility {
        /// V [-].
        value: f64,
        /// Of the test that is least passed.
        clearance: ClearanceAt,
        /// The test: [`super::PASSED`], [`super::LEG`] or [`super::VERTEX`].
        test: u32,
        /// Which leg or vertex.
        place: u32,
        /// The patch in the way.
        patch: u32,
        /// The link.
        link: u32,
    }
}

record! {
    /// Scene, outlines and softness, as soft paths are judged in (`path::smooth::View`).
    SoftAt, print_soft_at {
        /// The scene.
        geometry: GeometryView,
        /// Outlines of patches `[patch]`, and behind them those of facets that are not all of their patch.
        outlines: Pointer<OutlineAt>,
        /// Which of them is that of each `[facet]`.
        outline_of_facet: Pointer<u32>,
        /// Edges of all of them.
        edges: Pointer<OutlineEdge>,
        /// Links `[link]`.
        links: Pointer<SoftLink>,
        /// Facets that ends nearly see.
        seen: Pointer<u32>,
        /// Sharpness of "nothing stands in the way" [1/m].
        blocking: f64,
        /// Sharpness of "the vertex lies on its facet" [1/m].
        on_facet: f64,
        /// How far the step reaches [-].
        reach: f64,
        /// Shape of the step (`math::smoothing::StepKind` as a number).
        kind: u32,
        /// Number of links.
        link_count: u32,
        /// Number of facets.
        facet_count: u32,
        /// Facets of a chain.
        depth: u32,
    }
}

record! {
    /// Bars of the ends of a chain, and of the plane and the edge of the outline that its test is of.
    SoftBar, print_soft_bar {
        /// Of the transmitter's position.
        from: [f64; 3],
        /// Of the receiver's position.
        to: [f64; 3],
        /// Of the outline's unit normal.
        normal: [f64; 3],
        /// Of the outline's offset.
        offset: f64,
        /// Of the ends of the edge.
        edge: [[f64; 3]; 2],
    }
}
