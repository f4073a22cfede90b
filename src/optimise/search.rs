//! Searches of a stated number of evaluations: a tour from hill to hill, and a survey before the climbs (T116).
//!
//! Both look at the objective on a logarithmic scale, sharp from the start: it has a slope wherever one stands, which leads out of
//! every shadow, and does not mislead about where the hills are. Steps have a length of their own, whatever the slope.

use super::{Landscape, LogScale, Region, Softness, Track, Visit};
use crate::error::Result;
use crate::math::smoothing::{SmoothStep, StepKind};

/// Options of both; lengths are shares of the region's mean side [-].
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Evaluations in all.
    pub evaluations: usize,
    /// Bounds that steps are held in.
    pub region: Region,
    /// Sharpness [1/m].
    pub alpha: f64,
    /// The logarithmic scale.
    pub log: LogScale,
    /// How it goes about.
    pub way: Way,
}

/// How a search goes about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// One trajectory: climb from the start, then again and again walk off the hills that are known and climb another.
    Tour,
    /// Points spread over the region first, then climbs from the best of them.
    Survey,
}

/// Evaluations of the tour's first climb [of 100], and its number of further ones.
const FIRST: usize = 20;
const HILLS: usize = 5;
/// Step lengths at the beginning of the first climb, of the walk off a hill, and at the end of every climb [-].
const STRIDE: f64 = 0.15;
const WALK: f64 = 0.2;
const LAST: f64 = 0.01;
/// Momentum of the tour's directions [-].
const MOMENTUM: f64 = 0.4;
/// Push from known hills beside the slope's own direction, its reach [-], and the steps of a climb that it lasts for.
const PUSH: f64 = 8.0;
const REACH: f64 = 0.4;
const WALKED: usize = 4;
/// The first direction off a hill, and what it turns by from hill to hill [rad].
const OFF: f64 = 1.0;
const TURN: f64 = 2.4;

/// Points of a survey, of which so many are climbed from, no nearer to each other than this [-].
const SURVEYED: usize = 30;
const CLIMBED: usize = 6;
const APART: f64 = 0.18;
/// First and last step length of its climbs, and their momentum.
const CLIMB: [f64; 2] = [0.06, 0.008];
const CLIMB_MOMENTUM: f64 = 0.55;
/// Steps are held this far inside the region [-]: on a wall at its border a distance has no slope that leads off.
const INSIDE: f64 = 1e-3;
/// Bases of the Halton sequence, one for each coordinate.
const BASES: [u32; 16] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];

impl Search {
    /// A search of `evaluations` in a region, with the constants of the study.
    pub fn new(way: Way, evaluations: usize, region: Region) -> Search {
        let side = region.side();
        let log = LogScale { temperature: 0.03, margin: 0.002 * side };
        Search { evaluations, alpha: 2000.0 / side, log, way, region }
    }

    /// Searches from `start`; ends at the best point of all that were evaluated.
    ///
    /// # Errors
    /// Those of the landscape.
    pub fn run(&self, landscape: &dyn Landscape, start: &[f64]) -> Result<Track> {
        let softness =
            Softness { step: SmoothStep { kind: StepKind::Sigmoid, alpha: self.alpha }, log: Some(self.log) };
        let mut eyes = Eyes { landscape, softness, left: self.evaluations, visits: Vec::new() };
        let end = match self.way {
            Way::Tour => self.tour(&mut eyes, start)?,
            Way::Survey => {
                self.survey(&mut eyes, start)?;
                best_of(&eyes.visits).map_or_else(|| start.to_vec(), |visit| visit.x.clone())
            }
        };
        Ok(Track { visits: eyes.visits, end })
    }

    fn tour(&self, eyes: &mut Eyes, start: &[f64]) -> Result<Vec<f64>> {
        let count = FIRST.min(eyes.left);
        let first = Climb { count, steps: [STRIDE, LAST], momentum: MOMENTUM, walked: 0 };
        let mut best = self.climb(eyes, start, &first, &[])?;
        let mut hills = vec![best.x.clone()];
        for k in 0..HILLS {
            // Off the best hill, away from all others.
            let mut x = best.x.clone();
            let mut direction = push(&x, &hills, REACH * self.region.side());
            let angle = OFF + TURN * k as f64;
            let turned = [libm::cos(angle), libm::sin(angle)];
            direction.iter_mut().zip(turned.into_iter().cycle()).for_each(|(d, t)| *d += t);
            self.step(&mut x, &direction, WALK);
            let count = eyes.left / (HILLS - k);
            let next = Climb { count, steps: [WALK, LAST], momentum: MOMENTUM, walked: WALKED.min(count / 2) };
            let hill = self.climb(eyes, &x, &next, &hills)?;
            hills.push(hill.x.clone());
            if hill.value > best.value {
                best = hill;
            }
        }
        Ok(best.x)
    }

    fn survey(&self, eyes: &mut Eyes, start: &[f64]) -> Result<()> {
        let mut gradient = vec![0.0; start.len()];
        for i in 0..SURVEYED.min(eyes.left) {
            let spread = |(axis, x): (usize, &f64)| {
                let (low, high) = (self.region.low[axis], self.region.high[axis]);
                let share = halton(i as u32, BASES[axis % BASES.len()]) + (x - low) / (high - low);
                low + (high - low) * share.rem_euclid(1.0)
            };
            let x: Vec<f64> = start.iter().enumerate().map(spread).collect();
            eyes.look(&x, &mut gradient)?;
        }
        let mut seen: Vec<Visit> = eyes.visits.clone();
        seen.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut picked: Vec<Vec<f64>> = Vec::new();
        for visit in seen {
            if picked.len() < CLIMBED && picked.iter().all(|x| distance(x, &visit.x) > APART * self.region.side()) {
                picked.push(visit.x);
            }
        }
        for (k, x) in picked.iter().enumerate() {
            let count = eyes.left / (picked.len() - k);
            self.climb(eyes, x, &Climb { count, steps: CLIMB, momentum: CLIMB_MOMENTUM, walked: 0 }, &[])?;
        }
        Ok(())
    }

    /// Climbs from `start`, pushed off the `hills` at first, with shrinking steps then; the best point that it saw then.
    fn climb(&self, eyes: &mut Eyes, start: &[f64], climb: &Climb, hills: &[Vec<f64>]) -> Result<Visit> {
        let (mut x, mut gradient) = (start.to_vec(), vec![0.0; start.len()]);
        let mut momentum = vec![0.0; x.len()];
        let from = eyes.visits.len() + climb.walked;
        for k in 0..climb.count {
            eyes.look(&x, &mut gradient)?;
            normalize(&mut gradient);
            if k < climb.walked {
                let weight = PUSH * (1.0 - k as f64 / climb.walked as f64);
                let off = push(&x, hills, REACH * self.region.side());
                gradient.iter_mut().zip(&off).for_each(|(g, off)| *g += weight * off);
            }
            normalize(&mut gradient);
            for (m, g) in momentum.iter_mut().zip(&gradient) {
                *m = climb.momentum * *m + (1.0 - climb.momentum) * g;
            }
            let length = geometric(climb.steps, k.saturating_sub(climb.walked), climb.count - climb.walked);
            self.step(&mut x, &momentum, length);
        }
        let none = Visit { x: start.to_vec(), value: f64::NEG_INFINITY, alpha: self.alpha };
        Ok(eyes.visits.get(from..).and_then(best_of).cloned().unwrap_or(none))
    }

    /// Moves `x` by `length` [-] along a direction of any length, within the region.
    fn step(&self, x: &mut [f64], direction: &[f64], length: f64) {
        let mut direction = direction.to_vec();
        normalize(&mut direction);
        x.iter_mut().zip(&direction).for_each(|(x, d)| *x += length * self.region.side() * d);
        self.region.shrunk(INSIDE).clamp(x);
    }
}

/// One climb of a search.
struct Climb {
    /// Evaluations.
    count: usize,
    /// First and last step length [-].
    steps: [f64; 2],
    /// Momentum of the directions [-].
    momentum: f64,
    /// Steps that walk off the known hills first.
    walked: usize,
}

/// What a search has seen, and how often it may look yet.
struct Eyes<'a> {
    landscape: &'a dyn Landscape,
    softness: Softness,
    left: usize,
    visits: Vec<Visit>,
}

impl Eyes<'_> {
    fn look(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<()> {
        self.left -= 1;
        let value = self.landscape.smoothed(x, &self.softness, gradient)?;
        self.visits.push(Visit { x: x.to_vec(), value, alpha: self.softness.step.alpha });
        Ok(())
    }
}

/// The visit with the largest value; the first one of several.
fn best_of(visits: &[Visit]) -> Option<&Visit> {
    visits.iter().reduce(|best, visit| if visit.value > best.value { visit } else { best })
}

/// What pushes `x` off the hills; one that it stands on does not.
fn push(x: &[f64], hills: &[Vec<f64>], reach: f64) -> Vec<f64> {
    let mut off = vec![0.0; x.len()];
    for hill in hills {
        let distance = distance(x, hill);
        if distance > 0.0 {
            let force = libm::exp(-(distance / reach) * (distance / reach)) / distance;
            off.iter_mut().zip(x.iter().zip(hill)).for_each(|(off, (x, hill))| *off += force * (x - hill));
        }
    }
    off
}

fn normalize(v: &mut [f64]) {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    v.iter_mut().for_each(|x| *x /= length);
}

pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Number `k` of `count` between two values, evenly on a logarithmic scale.
fn geometric([first, last]: [f64; 2], k: usize, count: usize) -> f64 {
    if count < 2 { last } else { first * libm::pow(last / first, k as f64 / (count - 1) as f64) }
}

/// Element `i` of the van der Corput sequence of a base.
fn halton(mut i: u32, base: u32) -> f64 {
    let (mut share, mut sum) = (1.0, 0.0);
    while i > 0 {
        share /= f64::from(base);
        sum += share * f64::from(i % base);
        i /= base;
    }
    sum
}
