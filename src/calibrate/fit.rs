//! A fit, step by step.

use super::Plan;
use super::adam::Moments;
use super::evaluate::{Losses, Model, TermLoss};
use super::fisher::{Errors, Information};
use super::gauss_newton::{self, Damping};
use super::measurement::{PURPOSE_BATCH, Part, shuffle};
use super::observe::Observed;
use super::parameters::Parameter;
use super::plan::Optimiser;
use super::scale::Scales;
use super::traced::{Search, Traced, furthest_move};
use crate::error::{Error, Fault, Result};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::radio::Radios;
use crate::solve::Summary;

/// All that a fit knows after a step: from here it goes on to the byte.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Trained numbers.
    pub trained: Vec<f64>,
    /// Of Adam.
    pub moments: Moments,
    /// Of Gauss-Newton.
    pub damping: Damping,
    /// Whether Gauss-Newton has nothing more to gain.
    pub converged: bool,
    /// Scales of the measured powers `[group]`.
    pub scales: Scales,
    /// Values of the parameters where paths were last searched for `[parameter]`.
    pub traced_at: Vec<f64>,
    /// Searches for paths so far.
    pub searches: u64,
    /// The step of the least validation loss, that loss, and the trained numbers.
    pub best: Option<(u64, f64, Vec<f64>)>,
    /// What every step has seen.
    pub history: Vec<Entry>,
}

/// What a step has seen before it changed anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Loss of its rows, priors aside.
    pub loss: f64,
    /// What the priors add.
    pub prior: f64,
    /// Loss of the validation rows, in steps that look at it.
    pub validation: Option<f64>,
    /// Values of the parameters `[parameter]`.
    pub values: Vec<f64>,
}

/// A fit that is going on.
pub struct Fit<'a> {
    plan: &'a Plan,
    search: &'a Search,
    progress: &'a dyn Progress,
    base: &'a Scene,
    scene: Scene,
    radios: Radios,
    traced: Option<Traced>,
    train: Vec<usize>,
    validation: Vec<usize>,
    state: State,
}

/// What has come out of a fit.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Trained numbers of the parameters `[parameter]`.
    pub x: Vec<f64>,
    /// Their values.
    pub values: Vec<f64>,
    /// How well they are known.
    pub errors: Errors,
    /// Losses of the training, validation and held-out rows at the start.
    pub before: [Losses; 3],
    /// The same in the end.
    pub after: [Losses; 3],
    /// What is computed for each row `[row]`.
    pub predicted: Vec<Observed>,
    /// The same at the start.
    pub predicted_before: Vec<Observed>,
    /// Scales of the measured powers `[group]`.
    pub scales: Scales,
    /// The step whose numbers these are: the best by validation, or the last.
    pub step: u64,
    /// Fitted scene and radios.
    pub scene: Scene,
    /// See `scene`.
    pub radios: Radios,
    /// The last state.
    pub state: State,
    /// Of the last search.
    pub summary: Summary,
}

/// The parts, in the order of [`Outcome::before`].
pub const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::HeldOut];

impl<'a> Fit<'a> {
    /// Begins where the scene and its radios stand, or goes on from a `state`.
    ///
    /// # Errors
    /// No rows to learn from; a loss of squares that Gauss-Newton needs and the plan has not; as [`Search::trace`].
    pub fn new(
        plan: &'a Plan,
        search: &'a Search,
        scene: &'a Scene,
        radios: &Radios,
        state: Option<State>,
        progress: &'a dyn Progress,
    ) -> Result<Fit<'a>> {
        let (train, validation) = (plan.rows_of(Part::Train), plan.rows_of(Part::Validation));
        if plan.counts(&train).iter().all(|count| *count == 0) {
            let fault = Fault::new("fit.measurements", "leave no link to learn from");
            let remedy = "measure more links, or lower fit.split.validation and fit.split.held_out";
            return Err(Error::job(fault.remedy(remedy)));
        }
        let trained = plan.model.start(&plan.parameters);
        let start = State {
            step: 0,
            moments: Moments::new(trained.len()),
            damping: Damping::default(),
            converged: false,
            scales: vec![None; plan.groups.len()],
            traced_at: plan.parameters.iter().map(|parameter| parameter.start).collect(),
            searches: 0,
            best: None,
            history: Vec::new(),
            trained,
        };
        let state = state.unwrap_or(start);
        let (scene, base) = (scene.clone(), scene);
        let mut fit =
            Fit { plan, search, progress, base, scene, radios: radios.clone(), traced: None, train, validation, state };
        // Where the paths of the state were found they are found again, to the byte.
        let at = fit.state.traced_at.clone();
        fit.put(&at);
        fit.traced = Some(search.trace(&fit.scene, &fit.radios, progress)?);
        fit.state.searches = fit.state.searches.max(1);
        Ok(fit)
    }

    /// What it knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether all steps are done, or no further one would change anything.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.plan.steps || self.state.converged
    }

    /// Takes one step.
    ///
    /// # Errors
    /// As [`Search::trace`], [`Model::losses`]; a gradient that is not finite.
    pub fn step(&mut self) -> Result<()> {
        let x = self.plan.model.expand(&self.plan.parameters, &self.state.trained);
        let values = self.at(&x)?;
        let rows = self.rows_of_step();
        let mut scales = std::mem::take(&mut self.state.scales);
        let is_looked_at = self.state.step.is_multiple_of(self.plan.validate_every) && !self.validation.is_empty();
        let validation = is_looked_at.then(|| self.validation.clone());
        let (losses, validation) = self.with_model(|model| {
            model.update_scales(&rows, &mut scales)?;
            let validation = validation.map(|rows| model.losses(&rows, &scales, false)).transpose()?;
            Ok((model.losses(&rows, &scales, true)?, validation))
        })?;
        self.state.scales = scales;
        let validation = validation.map(|losses| losses.total);
        self.note_best(validation);
        let (prior, bars) = (self.prior_at(&x), self.bars_of(&x, &losses)?);
        self.state.history.push(Entry { loss: losses.total, prior, validation, values });
        match self.plan.optimiser {
            Optimiser::Adam(adam) => {
                let gradient = self.plan.model.expand_vjp(&self.plan.parameters, &self.state.trained, &bars);
                let rates = self.plan.model.rates(&self.plan.parameters);
                let State { step, moments, trained, .. } = &mut self.state;
                adam.step((*step, self.plan.steps), &rates, &gradient, moments, trained);
                self.keep_within_bounds();
            }
            Optimiser::GaussNewton => self.gauss_newton_step(&x, losses.total + prior, &bars)?,
        }
        self.state.step += 1;
        Ok(())
    }

    /// Ends the fit: the best numbers, their errors, and what they predict.
    ///
    /// # Errors
    /// As [`Fit::step`].
    pub fn finish(mut self) -> Result<Outcome> {
        let plan = self.plan;
        let start: Vec<f64> = plan.parameters.iter().map(|parameter| parameter.map.x_of(parameter.start)).collect();
        self.at(&start)?;
        let (before, predicted_before, _) = self.look_at_all()?;
        let last = plan.model.expand(&plan.parameters, &self.state.trained);
        if !self.validation.is_empty() {
            self.at(&last)?;
            let (rows, scales) = (self.validation.clone(), self.state.scales.clone());
            let validation = self.with_model(|model| model.losses(&rows, &scales, false))?.total;
            self.note_best(Some(validation));
        }
        let (step, x) = match &self.state.best {
            Some((step, _, trained)) => (*step, plan.model.expand(&plan.parameters, trained)),
            None => (self.state.step, last),
        };
        let values = self.at(&x)?;
        self.settle(&values)?;
        let (after, predicted, scales) = self.look_at_all()?;
        let (train, terms) = (self.train.clone(), after[0].terms.clone());
        let information = self.with_model(|model| Information::of(model, &train, &scales, &terms))?;
        let errors = information.errors(&plan.parameters, &x, train.len());
        let summary = self.traced.map(|traced| traced.summary).unwrap_or_default();
        let (scene, radios, state) = (self.scene, self.radios, self.state);
        Ok(Outcome {
            x,
            values,
            errors,
            before,
            after,
            predicted,
            predicted_before,
            scales,
            step,
            scene,
            radios,
            state,
            summary,
        })
    }

    /// Losses of each part and predictions of all rows, with the scales that the training rows want by themselves.
    fn look_at_all(&mut self) -> Result<([Losses; 3], Vec<Observed>, Scales)> {
        let (plan, train) = (self.plan, self.train.clone());
        self.with_model(|model| {
            let mut scales = vec![None; plan.groups.len()];
            model.update_scales(&train, &mut scales)?;
            let [train, validation, held_out] = PARTS.map(|part| model.losses(&plan.rows_of(part), &scales, false));
            let all: Vec<usize> = (0..plan.rows.len()).collect();
            Ok(([train?, validation?, held_out?], model.predict(&all)?, scales))
        })
    }

    /// Sets the parameters to the values of their numbers `x`, searching for paths anew where that is called for.
    fn at(&mut self, x: &[f64]) -> Result<Vec<f64>> {
        let values: Vec<f64> =
            self.plan.parameters.iter().zip(x).map(|(parameter, x)| parameter.map.value(*x)).collect();
        self.put(&values);
        if self.traced.is_none() || self.search.is_stale(&self.plan.parameters, &self.state.traced_at, &values) {
            self.retrace(&values)?;
        }
        Ok(values)
    }

    /// Finds the paths anew where the parameters are.
    fn retrace(&mut self, values: &[f64]) -> Result<()> {
        // The former one's memory is needed for this one.
        self.traced = None;
        self.traced = Some(self.search.trace(&self.scene, &self.radios, self.progress)?);
        self.state.traced_at = values.to_vec();
        self.state.searches += 1;
        Ok(())
    }

    fn put(&mut self, values: &[f64]) {
        for (parameter, value) in self.plan.parameters.iter().zip(values) {
            parameter.target.put(self.base, &mut self.scene, &mut self.radios, *value);
        }
    }

    /// Lends what is needed to look at links.
    fn with_model<T>(&mut self, work: impl FnOnce(&Model) -> Result<T>) -> Result<T> {
        let Some(Traced { detached, known, summary }) = self.traced.take() else {
            return Err(Error::Internal("a fit has no paths".into()));
        };
        let loaded = detached.attach(&self.scene);
        let (plan, search, radios) = (self.plan, self.search, &self.radios);
        let done = work(&Model { plan, search, loaded: &loaded, radios, known: &known });
        self.traced = Some(Traced { detached: loaded.detach(), known, summary });
        done
    }

    /// The rows of this step: all, or the next of an order that is drawn anew when all have been.
    fn rows_of_step(&self) -> Vec<usize> {
        let Some(batch) = self.plan.batch.filter(|batch| *batch < self.train.len()) else { return self.train.clone() };
        let per_epoch = self.train.len().div_ceil(batch) as u64;
        let (epoch, place) = (self.state.step / per_epoch, (self.state.step % per_epoch) as usize);
        let mut order = self.train.clone();
        let key = [self.plan.seed as u32 ^ (self.plan.seed >> 32) as u32, epoch as u32];
        shuffle(&mut order, key, PURPOSE_BATCH);
        let mut rows = order[place * batch..((place + 1) * batch).min(order.len())].to_vec();
        rows.sort_unstable();
        rows
    }

    /// What the priors add to the loss.
    fn prior_at(&self, x: &[f64]) -> f64 {
        let priors = self.plan.parameters.iter().zip(x);
        priors.map(|(parameter, x)| parameter.prior.map_or(0.0, |prior| prior.loss(*x))).sum::<f64>()
            / self.train.len() as f64
    }

    /// Bars of the parameters' numbers `[parameter]`, priors included.
    fn bars_of(&self, x: &[f64], losses: &Losses) -> Result<Vec<f64>> {
        let of = |((parameter, x), value_bar): ((&Parameter, &f64), &f64)| {
            let prior = parameter.prior.map_or(0.0, |prior| prior.slope(*x) / self.train.len() as f64);
            Some(value_bar * parameter.map.slope(*x) + prior)
                .filter(|bar| bar.is_finite())
                .ok_or_else(|| Error::Internal(format!("the gradient by {} is not finite", parameter.name)))
        };
        self.plan.parameters.iter().zip(x).zip(&losses.gradient).map(of).collect()
    }

    /// Numbers of their own stay within the bounds of their values; beyond them nothing would pull them back.
    fn keep_within_bounds(&mut self) {
        if self.state.trained.len() == self.plan.parameters.len() {
            for (x, parameter) in self.state.trained.iter_mut().zip(&self.plan.parameters) {
                *x = parameter.map.within(*x);
            }
        }
    }

    fn note_best(&mut self, validation: Option<f64>) {
        let Some(loss) = validation else { return };
        if self.state.best.as_ref().is_none_or(|(_, best, _)| loss < *best) {
            self.state.best = Some((self.state.step, loss, self.state.trained.clone()));
        }
    }

    /// One step of Gauss-Newton: the first of the damped steps that lowers the loss.
    fn gauss_newton_step(&mut self, x: &[f64], loss: f64, bars: &[f64]) -> Result<()> {
        let (plan, train, scales) = (self.plan, self.train.clone(), self.state.scales.clone());
        let terms = vec![TermLoss::default(); plan.terms.len()];
        let information = self.with_model(|model| Information::of(model, &train, &scales, &terms))?;
        let hessian = information.hessian(&plan.parameters, x, train.len());
        let mut damping = self.state.damping;
        self.state.converged = true;
        for _ in 0..gauss_newton::TRIALS {
            let trial = damping.step(&hessian, bars, x, &plan.parameters);
            self.at(&trial)?;
            let losses = self.with_model(|model| model.losses(&train, &scales, false))?;
            let reached = losses.total + self.prior_at(&trial);
            if reached < loss {
                damping.ease();
                self.state.trained = trial;
                self.state.converged = Damping::is_enough(loss, reached);
                break;
            }
            damping.stiffen();
        }
        self.state.damping = damping;
        if self.state.converged {
            self.look_again()?;
        }
        Ok(())
    }

    /// Where paths were found somewhere else than here, they are found once more, and the fit goes on from there: those that
    /// have come and gone between pull at what is found.
    fn look_again(&mut self) -> Result<()> {
        let x = self.plan.model.expand(&self.plan.parameters, &self.state.trained);
        let values = self.at(&x)?;
        if self.settle(&values)? {
            self.state.converged = false;
        }
        Ok(())
    }

    /// Finds the paths anew if a radio is not just where they were found; whether that was so.
    fn settle(&mut self, values: &[f64]) -> Result<bool> {
        let is_elsewhere = furthest_move(&self.plan.parameters, &self.state.traced_at, values) > 0.0;
        if is_elsewhere {
            self.retrace(values)?;
        }
        Ok(is_elsewhere)
    }
}
