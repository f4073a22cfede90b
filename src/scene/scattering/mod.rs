//! How a material scatters, as meant: the parts of its diffuse pattern and its directional lobe, each with the tables of
//! its integrals (theory.md, "Diffuse scattering", "Lobes").
//!
//! Data only: `interaction::scattering` evaluates it. Making one takes a millisecond or so for each lobe; clones share
//! the tables.

mod table;

pub use table::LobeTable;

use super::description::{Direction, LobeDescription, PatternDescription};
use std::sync::Arc;

/// The form of a lobe about its axis, c the cosine of the angle to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Shape {
    /// e^{kappa (c - 1)}, sharpness kappa (T70).
    VonMisesFisher = 0,
    /// ((1 + c)/2)^alpha, sharpness alpha (T71).
    CosinePower = 1,
}

/// One lobe about one axis, with the tables of its integrals over the hemisphere.
#[derive(Debug, Clone, PartialEq)]
pub struct SingleLobe {
    /// Form.
    pub shape: Shape,
    /// Concentration kappa or exponent alpha [-], above 0.
    pub sharpness: f64,
    /// Its integrals.
    pub table: Arc<LobeTable>,
}

impl SingleLobe {
    /// A lobe of `sharpness` [-] above 0; `reciprocal` lobes have the table of their furnace besides.
    pub fn new(shape: Shape, sharpness: f64, reciprocal: bool) -> SingleLobe {
        SingleLobe { shape, sharpness, table: Arc::new(LobeTable::new(shape, sharpness, reciprocal)) }
    }
}

/// A part of a pattern, normalised by itself: a lobe about the mirror direction, one about the way back, both with one
/// normaliser, or none, which is Lambertian.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Weight among the parts, as written [-].
    pub weight: f64,
    /// Share of the forward lobe where there are two [-]; 1 for a forward lobe alone, 0 for a backward one.
    pub forward_share: f64,
    /// The lobe about the mirror direction.
    pub forward: Option<SingleLobe>,
    /// The lobe about the way back.
    pub backward: Option<SingleLobe>,
    /// Whether the part is the reciprocal variant (T66).
    pub reciprocal: bool,
}

impl Part {
    /// The Lambertian part.
    pub fn lambertian(weight: f64) -> Part {
        Part { weight, forward_share: 1.0, forward: None, backward: None, reciprocal: false }
    }

    /// A lobe about the mirror direction.
    pub fn forward(weight: f64, shape: Shape, sharpness: f64, reciprocal: bool) -> Part {
        let lobe = SingleLobe::new(shape, sharpness, reciprocal);
        Part { weight, forward_share: 1.0, forward: Some(lobe), backward: None, reciprocal }
    }

    /// A lobe about the way back.
    pub fn backward(weight: f64, shape: Shape, sharpness: f64, reciprocal: bool) -> Part {
        let lobe = SingleLobe::new(shape, sharpness, reciprocal);
        Part { weight, forward_share: 0.0, forward: None, backward: Some(lobe), reciprocal }
    }

    /// Cosine powers about both, with one normaliser (T63).
    pub fn backscattering(weight: f64, alpha_r: f64, alpha_i: f64, lambda: f64, reciprocal: bool) -> Part {
        let lobe = |alpha: f64| Some(SingleLobe::new(Shape::CosinePower, alpha, reciprocal));
        Part { weight, forward_share: lambda, forward: lobe(alpha_r), backward: lobe(alpha_i), reciprocal }
    }
}

/// Diffuse scattering of a surface: how much, with which polarisation, and where to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scattering {
    /// Scattering coefficient S: amplitude share of the reflected field [-], 0 to 1.
    pub coefficient: f64,
    /// K_x: share of the scattered power that changes polarisation [-], 0 to 1.
    pub xpd: f64,
    /// The pattern, at least one part.
    pub parts: Arc<[Part]>,
    /// Sum of the parts' weights [-], above 0.
    pub total_weight: f64,
}

impl Scattering {
    /// Scattering with a checked pattern.
    pub fn new(coefficient: f64, xpd: f64, pattern: &PatternDescription) -> Scattering {
        Scattering::of_parts(coefficient, xpd, parts_of(pattern))
    }

    /// Scattering with parts whose weights are 0 or more, one above 0.
    pub fn of_parts(coefficient: f64, xpd: f64, parts: Vec<Part>) -> Scattering {
        let total_weight = parts.iter().map(|part| part.weight).sum();
        Scattering { coefficient, xpd, parts: parts.into(), total_weight }
    }

    /// None: S = 0, Lambertian.
    pub fn none() -> Scattering {
        Scattering::of_parts(0.0, 0.0, vec![Part::lambertian(1.0)])
    }
}

/// The directional lobe that stands in place of a specular reflection: one part, forward, of weight 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Lobe {
    /// The lobe.
    pub part: Part,
}

impl Lobe {
    /// A lobe of a checked description.
    pub fn new(written: &LobeDescription) -> Lobe {
        let shape = match written {
            LobeDescription::VonMisesFisher { .. } => Shape::VonMisesFisher,
            LobeDescription::CosinePower { .. } => Shape::CosinePower,
        };
        Lobe::of_shape(shape, written.sharpness(), written.is_reciprocal())
    }

    /// kappa of the von Mises-Fisher lobe that is as wide [-].
    pub fn concentration(&self) -> f64 {
        self.part.forward.as_ref().map_or(0.0, |lobe| match lobe.shape {
            Shape::VonMisesFisher => lobe.sharpness,
            Shape::CosinePower => lobe.sharpness / 2.0,
        })
    }

    /// A lobe of `sharpness` [-] above 0.
    pub fn of_shape(shape: Shape, sharpness: f64, reciprocal: bool) -> Lobe {
        Lobe { part: Part::forward(1.0, shape, sharpness, reciprocal) }
    }
}

fn parts_of(pattern: &PatternDescription) -> Vec<Part> {
    match pattern {
        PatternDescription::Mixture { parts } => {
            let part = |part: &super::description::MixturePart| part_of(part.weight(), &part.pattern());
            parts.iter().flat_map(part).collect()
        }
        single => part_of(1.0, single),
    }
}

/// The part that a pattern is; a mixture within a mixture is not written, and has none.
fn part_of(weight: f64, pattern: &PatternDescription) -> Vec<Part> {
    match pattern {
        PatternDescription::Lambertian {} => vec![Part::lambertian(weight)],
        PatternDescription::Directive { alpha, reciprocal } => {
            vec![Part::forward(weight, Shape::CosinePower, *alpha, *reciprocal)]
        }
        PatternDescription::Backscattering { alpha_r, alpha_i, lambda, reciprocal } => {
            vec![Part::backscattering(weight, *alpha_r, *alpha_i, *lambda, *reciprocal)]
        }
        PatternDescription::VonMisesFisher { kappa, direction, reciprocal } => {
            let make = match direction {
                Direction::Forward => Part::forward,
                Direction::Backward => Part::backward,
            };
            vec![make(weight, Shape::VonMisesFisher, *kappa, *reciprocal)]
        }
        PatternDescription::Mixture { .. } => Vec::new(),
    }
}
