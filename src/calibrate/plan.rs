//! What a fit is to do, checked.

use super::adam::Adam;
use super::loss::{Of, Term, stated};
use super::material_models::MaterialModel;
use super::measurement::{Measured, Part};
use super::observe::Instrument;
use super::parameters::Parameter;
use super::scale::Scale;
use std::collections::BTreeMap;

/// Everything that a fit needs besides scene, radios and solver.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is trained.
    pub parameters: Vec<Parameter>,
    /// Materials that belong to one object alone because a parameter names it: material and object.
    pub own_materials: BTreeMap<usize, usize>,
    /// How trained numbers become those of the parameters.
    pub model: MaterialModel,
    /// What was measured, by receiver, then transmitter, then carrier.
    pub rows: Vec<Measured>,
    /// Part of each receiver `[receiver]`.
    pub parts: Vec<Part>,
    /// Names of the groups of links that share a scale.
    pub groups: Vec<String>,
    /// How a receiver measures.
    pub instrument: Instrument,
    /// The loss.
    pub terms: Vec<Term>,
    /// What is known of the scale of measured powers.
    pub scale: Scale,
    /// Measured powers at or below this are known to be no larger [-]; 0: none are.
    pub floor: f64,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// Number of steps.
    pub steps: u64,
    /// Rows of each step; `None`: all.
    pub batch: Option<usize>,
    /// The validation loss is computed every so many steps.
    pub validate_every: u64,
    /// Seed of batches.
    pub seed: u64,
}

/// How a step is made from gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimiser {
    /// First order.
    Adam(Adam),
    /// Second order, for losses that are squares.
    GaussNewton,
}

impl Plan {
    /// Numbers of the rows of a part, in order.
    pub fn rows_of(&self, part: Part) -> Vec<usize> {
        let is_of = |row: &usize| self.parts[self.rows[*row].receiver] == part;
        (0..self.rows.len()).filter(is_of).collect()
    }

    /// How many of some rows say something about each term `[term]`.
    pub fn counts(&self, rows: &[usize]) -> Vec<usize> {
        let says = |term: &Term, row: &Measured| match term.of {
            Of::Quantity(quantity) => stated(quantity, row, self.floor).is_some(),
            Of::Response { .. } => row.response.is_some(),
        };
        self.terms.iter().map(|term| rows.iter().filter(|row| says(term, &self.rows[**row])).count()).collect()
    }
}
