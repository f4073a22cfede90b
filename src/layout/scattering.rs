//! Materials as kernels read them: reflection, diffuse patterns and lobes, with the tables of their integrals.

use super::{Field, Pointer};

record! {
    /// A lobe about one axis, with the tables of its integrals (`scene::scattering::SingleLobe`); all 0 where a part has
    /// none.
    SingleLobeAt, print_single_lobe_at {
        /// A_h over the whole sphere's integral, its slope times the step, and both by ln sharpness `[node, 4]` [-].
        normaliser: Pointer<f64>,
        /// The same of the furnace; of a reciprocal lobe alone.
        furnace: Pointer<f64>,
        /// Concentration kappa or exponent alpha [-].
        sharpness: f64,
        /// Largest cosine of the tables [-].
        reach: f64,
        /// Integral over the whole sphere [sr]; 0: there is no such lobe.
        full: f64,
        /// Integral over the hemisphere at normal incidence [sr].
        normal: f64,
        /// d ln/d ln sharpness of both integrals [-].
        full_slope: f64,
        /// See `full_slope`.
        normal_slope: f64,
        /// Nodes of the normaliser and of the furnace.
        nodes: [u32; 2],
        /// Form (`scene::scattering::Shape` as a number).
        shape: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A part of a pattern, or a directional lobe (`scene::scattering::Part`).
    PartAt, print_part_at {
        /// The lobe about the mirror direction.
        forward: SingleLobeAt,
        /// The lobe about the way back.
        backward: SingleLobeAt,
        /// Weight among the parts [-].
        weight: f64,
        /// Share of the forward lobe where there are two [-].
        forward_share: f64,
        /// 1 for the reciprocal variant, else 0.
        reciprocal: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// Diffuse scattering of a surface (`scene::scattering::Scattering`).
    ScatteringAt, print_scattering_at {
        /// The pattern's parts.
        parts: Pointer<PartAt>,
        /// Scattering coefficient S [-].
        coefficient: f64,
        /// K_x [-].
        xpd: f64,
        /// Sum of the parts' weights [-].
        total_weight: f64,
        /// Number of parts, 1 or more.
        part_count: u32,
        /// Nothing: records have no hidden padding.
        unused: u32,
    }
}

record! {
    /// A material at a carrier (`scene::material::Surface`).
    SurfaceAt, print_surface_at {
        /// Complex relative permittivity [re, im] [-].
        eta: [f64; 2],
        /// Thickness [m]; infinite: a half space.
        thickness: f64,
        /// Amplitude factor of the specular reflection besides Fresnel's [-].
        specular_share: f64,
        /// Standard deviation of the height [m].
        roughness: f64,
        /// Diffuse scattering.
        scattering: ScatteringAt,
        /// The directional lobe, or 0: none.
        lobe: Pointer<PartAt>,
    }
}
