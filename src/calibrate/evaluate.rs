//! One look at the loss: links replayed, compared with what was measured, and pulled back to the parameters (T102, T105).
//!
//! Receivers are gone through in chunks of a size that the device asks for, which are independent and run in parallel; sums are in the order of
//! the chunks, so that results do not depend on threads. No more is in memory than the chunks that are at work.

use super::Plan;
use super::loss::{Of, Outcome};
use super::measurement::{QUANTITIES, Quantity};
use super::observe::Observed;
use super::parameters::{Target, wanted};
use super::scale::{Scale, Scales, factor};
use super::traced::{Known, Search};
use crate::backend::Loaded;
use crate::channel::cluster::{Clusters, merged, merged_vjp};
use crate::channel::{Channel, ChannelBar, Link};
use crate::error::Result;
use crate::math::C64;
use crate::path::Paths;
use crate::path::moved::moved;
use crate::scene::radio::Radios;
use rayon::prelude::*;

/// Links as they stand now.
pub struct Model<'a> {
    /// What is fitted to what.
    pub plan: &'a Plan,
    /// How paths were found.
    pub search: &'a Search,
    /// The scene, whose materials have their present values.
    pub loaded: &'a Loaded<'a>,
    /// Radios in their present poses.
    pub radios: &'a Radios,
    /// The paths.
    pub known: &'a Known,
}

/// What some rows lose in a term.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TermLoss {
    /// Mean over the rows that say something about it.
    pub loss: f64,
    /// Number of those rows.
    pub rows: usize,
    /// Rows among them that nothing computed arrives of.
    pub silent: usize,
    /// Rows with an error in decibels.
    pub compared: usize,
    /// Sum of |10 lg(computed/measured)| over them [dB].
    pub absolute_db: f64,
    /// Sum of its square [dB^2].
    pub square_db: f64,
}

impl TermLoss {
    /// Mean absolute error [dB] of the rows that have one.
    pub fn mean_absolute_db(&self) -> Option<f64> {
        (self.compared > 0).then(|| self.absolute_db / self.compared as f64)
    }

    /// Root mean square error [dB] of the rows that have one.
    pub fn rms_db(&self) -> Option<f64> {
        (self.compared > 0).then(|| (self.square_db / self.compared as f64).sqrt())
    }
}

/// What some rows lose, and where the loss is going.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Losses {
    /// Sum over terms of weight times mean loss.
    pub total: f64,
    /// `[term]`.
    pub terms: Vec<TermLoss>,
    /// Derivatives of the total by the values of the parameters `[parameter]`; empty unless asked for.
    pub gradient: Vec<f64>,
}

/// Replayed links of some receivers.
pub(super) struct Replayed {
    pub radios: Radios,
    paths: Paths,
    channel: Channel,
    clusters: Option<Clusters>,
    whole: Option<(Paths, Channel)>,
}

impl Replayed {
    /// What losses are about: paths and channel with samples of lobes put together.
    fn seen(&self) -> (&Paths, &Channel) {
        self.whole.as_ref().map_or((&self.paths, &self.channel), |(paths, channel)| (paths, channel))
    }

    pub fn bar(&self) -> ChannelBar {
        ChannelBar::zeros(self.seen().1)
    }

    pub fn link(&self, place: usize, transmitter: usize) -> Link<'_> {
        let (paths, channel) = self.seen();
        Link::new(&self.radios, paths, channel, place * paths.transmitters + transmitter)
    }
}

impl Model<'_> {
    /// Replays the links of some receivers.
    pub(super) fn replay(&self, receivers: &[usize]) -> Result<Replayed> {
        let radios = self.radios.with_receivers(receivers.iter().copied());
        let mut paths = self.known.paths.of_receivers(receivers);
        let scene = self.loaded.scene;
        if self.plan.parameters.iter().any(|parameter| parameter.target.moves_a_radio()) {
            paths = moved(&self.loaded.facets, [scene, scene], &radios, &paths);
        }
        let (channel, _) = self.search.backend.field(scene, &radios, &paths, &self.search.carriers)?;
        let clusters = self.known.clusters.as_ref().map(|clusters| clusters.of_receivers(&self.known.paths, receivers));
        let whole = clusters.as_ref().map(|clusters| merged(&paths, &channel, clusters));
        Ok(Replayed { radios, paths, channel, clusters, whole })
    }

    /// Derivatives by the values of the parameters `[parameter]` from bars of what [`Replayed::link`] shows.
    pub(super) fn pull_back(&self, replayed: &Replayed, receivers: &[usize], bar: &ChannelBar) -> Result<Vec<f64>> {
        let Replayed { radios, paths, channel, clusters, .. } = replayed;
        let own = clusters.as_ref().map(|clusters| merged_vjp(paths, channel, clusters, bar));
        let bars = (paths, channel, own.as_ref().unwrap_or(bar));
        let parameters = &self.plan.parameters;
        let scene_bar = self.search.backend.pull_back(self.loaded, radios, bars, wanted(parameters))?;
        let of = |target: Target| target.bar(self.loaded.scene, &scene_bar, receivers);
        Ok(parameters.iter().map(|parameter| of(parameter.target)).collect())
    }

    /// What a receiver would measure in each of some rows `[row]`.
    ///
    /// # Errors
    /// As [`crate::backend::Backend::field`].
    pub fn predict(&self, rows: &[usize]) -> Result<Vec<Observed>> {
        let of_chunk = |chunk: &Chunk| {
            let replayed = self.replay(&chunk.receivers)?;
            let observe = |(place, row): &(usize, usize)| {
                let row = &self.plan.rows[*row];
                self.plan.instrument.observe(&replayed.link(*place, row.transmitter), row.carrier)
            };
            Ok(chunk.rows.iter().map(observe).collect())
        };
        let found: Vec<Result<Vec<Observed>>> = self.chunks(rows).par_iter().map(of_chunk).collect();
        Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Takes what some rows show into the scales of their groups (T103).
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn update_scales(&self, rows: &[usize], scales: &mut Scales) -> Result<()> {
        if self.plan.scale == Scale::Known {
            return Ok(());
        }
        let mut seen = Vec::new();
        for (row, observed) in rows.iter().zip(self.predict(rows)?) {
            let row = &self.plan.rows[*row];
            for quantity in Quantity::ALL.into_iter().filter(|one| one.is_power()) {
                let pair = observed[quantity as usize].zip(row.values[quantity as usize]);
                let pair = pair.filter(|(computed, measured)| *computed > 0.0 && *measured > self.plan.floor);
                seen.extend(pair.map(|(computed, measured)| (row.group, computed, measured)));
            }
        }
        self.plan.scale.update(scales, seen.into_iter());
        Ok(())
    }

    /// The loss of some rows, and its derivatives where they are wanted.
    ///
    /// # Errors
    /// As [`crate::backend::Backend::field`] and [`crate::backend::Backend::pull_back`].
    pub fn losses(&self, rows: &[usize], scales: &Scales, with_gradient: bool) -> Result<Losses> {
        let counts = self.plan.counts(rows);
        let of_chunk = |chunk: &Chunk| self.losses_of(chunk, &counts, scales, with_gradient);
        let found: Vec<Result<Losses>> = self.chunks(rows).par_iter().map(of_chunk).collect();
        let mut all =
            Losses { total: 0.0, terms: vec![TermLoss::default(); self.plan.terms.len()], gradient: Vec::new() };
        if with_gradient {
            all.gradient = vec![0.0; self.plan.parameters.len()];
        }
        for losses in found {
            let losses = losses?;
            for (sum, own) in all.terms.iter_mut().zip(&losses.terms) {
                sum.loss += own.loss;
                sum.silent += own.silent;
                sum.compared += own.compared;
                sum.absolute_db += own.absolute_db;
                sum.square_db += own.square_db;
            }
            all.gradient.iter_mut().zip(&losses.gradient).for_each(|(sum, own)| *sum += own);
        }
        for ((loss, term), rows) in all.terms.iter_mut().zip(&self.plan.terms).zip(counts) {
            loss.rows = rows;
            all.total += term.weight * loss.loss;
        }
        Ok(all)
    }

    fn losses_of(&self, chunk: &Chunk, counts: &[usize], scales: &Scales, with_gradient: bool) -> Result<Losses> {
        let replayed = self.replay(&chunk.receivers)?;
        let (mut bar, mut carrier_bar) = (replayed.bar(), 0.0);
        let mut terms = vec![TermLoss::default(); self.plan.terms.len()];
        let mut response_bar = Vec::new();
        for (place, number) in &chunk.rows {
            let row = &self.plan.rows[*number];
            let link = replayed.link(*place, row.transmitter);
            let observed = self.plan.instrument.observe(&link, row.carrier);
            let scale = factor(scales, row.group);
            let mut own = [0.0; QUANTITIES];
            for ((term, sum), count) in self.plan.terms.iter().zip(&mut terms).zip(counts) {
                let share = 1.0 / (*count).max(1) as f64;
                match term.of {
                    Of::Quantity(quantity) => {
                        let outcome = term.compare(quantity, row, &observed, scale, self.plan.floor);
                        own[quantity as usize] += term.weight * share * sum.add(outcome, share);
                    }
                    Of::Response { .. } => {
                        let Some(measured) = &row.response else { continue };
                        let computed = self.plan.instrument.response(&link, row.carrier);
                        sum.loss += share * term.compare_response(&computed, measured, scale.sqrt(), &mut response_bar);
                        sum.silent += usize::from(computed.iter().all(|h| *h == C64::ZERO));
                        if with_gradient {
                            response_bar.iter_mut().for_each(|h| *h *= term.weight * share);
                            let instrument = &self.plan.instrument;
                            instrument.response_vjp(&link, row.carrier, &response_bar, &mut bar, &mut carrier_bar);
                        }
                    }
                }
            }
            if with_gradient {
                self.plan.instrument.observe_vjp(&link, row.carrier, &own, &mut bar, &mut carrier_bar);
            }
        }
        let gradient = if with_gradient { self.pull_back(&replayed, &chunk.receivers, &bar)? } else { Vec::new() };
        Ok(Losses { total: 0.0, terms, gradient })
    }

    /// The receivers of some rows, in chunks.
    fn chunks(&self, rows: &[usize]) -> Vec<Chunk> {
        let (mut chunks, at_once): (Vec<Chunk>, usize) = (Vec::new(), self.search.backend.receivers_at_once());
        for &row in rows {
            let receiver = self.plan.rows[row].receiver;
            let is_new = chunks.last().is_none_or(|chunk| chunk.receivers.last() != Some(&receiver));
            if is_new && chunks.last().is_none_or(|chunk| chunk.receivers.len() == at_once) {
                chunks.push(Chunk::default());
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.receivers.extend(is_new.then_some(receiver));
                chunk.rows.push((chunk.receivers.len() - 1, row));
            }
        }
        chunks
    }
}

impl TermLoss {
    /// Adds a row that counts as a `share` of the mean; returns the bar of the computed quantity, share aside.
    fn add(&mut self, outcome: Outcome, share: f64) -> f64 {
        match outcome {
            Outcome::Absent => 0.0,
            Outcome::Silent { loss } => {
                self.silent += 1;
                self.loss += share * loss.unwrap_or(0.0);
                0.0
            }
            Outcome::Compared { loss, bar, error_db } => {
                self.loss += share * loss;
                if let Some(error) = error_db {
                    self.compared += 1;
                    self.absolute_db += error.abs();
                    self.square_db += error * error;
                }
                bar
            }
        }
    }
}

/// Some receivers and their rows: (place of the receiver, row).
#[derive(Debug, Default)]
struct Chunk {
    receivers: Vec<usize>,
    rows: Vec<(usize, usize)>,
}
