//! The objective of a scene of three dimensions: what receivers get from transmitters that are moved and turned (T117).
//!
//! Powers are those of soft paths and their gradient is that of the one adjoint, through visibility. All objectives are on a
//! logarithmic scale: of a receiver that gets nothing at all the logarithm is that of [`FLOOR`].

use super::{Landscape, Softness};
use crate::channel::ChannelBar;
use crate::error::Result;
use crate::geometry::enclosure::Enclosures;
use crate::math::Vec3;
use crate::math::smoothing::{SmoothStep, StepKind};
use crate::path::adjoint::{ParameterKind, SceneBar, Wanted};
use crate::path::smooth;
use crate::scene::radio::{Radio, Radios};
use crate::solve::smooth::{SoftEngine, SoftSolution};

/// A path gain that is added to that of every receiver [-]: -240 dB, far below any receiver's noise.
pub const FLOOR: f64 = 1e-24;
/// Decibels of a natural logarithm.
const DECIBELS: f64 = 10.0 / std::f64::consts::LN_10;

/// How the receivers' path gains become one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SceneObjective {
    /// The least of them [dB].
    Min,
    /// The mean of their decibels [dB].
    Mean,
    /// The share of receivers above a threshold [dB]; smoothed over `width` [dB] about it.
    Coverage {
        /// The threshold [dB].
        threshold: f64,
        /// Width of the smooth step that counts [dB].
        width: f64,
    },
    /// The SINR that this share of the receivers stays below [dB], each served by the strongest transmitter; `noise` is over
    /// the transmitters' power [-].
    Sinr {
        /// Share [-].
        quantile: f64,
        /// Noise over the power sent [-].
        noise: f64,
    },
}

/// What is moved of a transmitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freedom {
    /// A coordinate of its position [m].
    Position(usize),
    /// Yaw, pitch or roll [rad].
    Orientation(usize),
}

/// Transmitters of a scene, what is moved of each, and what receivers get from them.
pub struct SceneLandscape<'a> {
    engine: SoftEngine<'a>,
    enclosures: Enclosures,
    radios: Radios,
    carrier: f64,
    objective: SceneObjective,
    /// Transmitter and what of it `[coordinate]`.
    free: Vec<(usize, Freedom)>,
    /// Angle that counts as a metre [rad/m].
    turn: f64,
}

impl<'a> SceneLandscape<'a> {
    /// A landscape over what is `free` of the transmitters; angles count as metres by `turn` [rad/m].
    pub fn new(
        engine: SoftEngine<'a>,
        radios: Radios,
        carrier: f64,
        objective: SceneObjective,
        free: Vec<(usize, Freedom)>,
        turn: f64,
    ) -> SceneLandscape<'a> {
        let enclosures = Enclosures::new(engine.geometry().scene);
        SceneLandscape { engine, enclosures, radios, carrier, objective, free, turn }
    }

    /// The coordinates of the transmitters as they stand.
    pub fn start(&self) -> Vec<f64> {
        let of = |(transmitter, freedom): &(usize, Freedom)| {
            let radio = &self.radios.transmitters[*transmitter];
            match freedom {
                Freedom::Position(axis) => radio.position[*axis],
                Freedom::Orientation(axis) => radio.orientation[*axis] / self.turn,
            }
        };
        self.free.iter().map(of).collect()
    }

    /// The radios with the transmitters at `x`.
    pub fn radios_at(&self, x: &[f64]) -> Radios {
        let mut radios = self.radios.clone();
        for ((transmitter, freedom), x) in self.free.iter().zip(x) {
            let radio = &mut radios.transmitters[*transmitter];
            match freedom {
                Freedom::Position(axis) => radio.position[*axis] = *x,
                Freedom::Orientation(axis) => radio.orientation[*axis] = x * self.turn,
            }
        }
        radios
    }

    /// The objective at `x` without smoothing.
    ///
    /// # Errors
    /// As [`SoftEngine::solve`].
    pub fn value(&self, x: &[f64]) -> Result<f64> {
        let hard = smooth::Softness::of(StepKind::Sigmoid, f64::INFINITY);
        let solution = self.engine.judged(&self.radios_at(x), &[self.carrier], hard)?;
        Ok(self.of_gains(&self.gains(&solution), None).0)
    }

    /// The smoothed objective at `x` and its gradient.
    ///
    /// # Errors
    /// As [`SoftEngine::solve`] and [`SoftEngine::pull_back`].
    pub fn graded(&self, x: &[f64], softness: &Softness, gradient: &mut [f64]) -> Result<f64> {
        let (radios, solution, value, gains_bar) = self.softly(x, softness)?;
        let bar = self.pulled_back(&radios, &solution, &gains_bar)?;
        for ((transmitter, freedom), gradient) in self.free.iter().zip(gradient) {
            let radio = &bar.transmitters[*transmitter];
            *gradient = match freedom {
                Freedom::Position(axis) => radio.position[*axis],
                Freedom::Orientation(axis) => radio.orientation[*axis] * self.turn,
            };
        }
        Ok(value)
    }

    /// Radios and soft paths with the transmitters at `x`, the objective, and its derivatives by the links' gains.
    fn softly(&self, x: &[f64], softness: &Softness) -> Result<(Radios, SoftSolution, f64, Vec<f64>)> {
        let radios = self.radios_at(x);
        let own = smooth::Softness::of(softness.step.kind, softness.step.alpha);
        let solution = self.engine.judged(&radios, &[self.carrier], own)?;
        let (value, gains_bar) = self.of_gains(&self.gains(&solution), Some(softness));
        Ok((radios, solution, value, gains_bar))
    }

    /// The path gain from all transmitters at `x` to each of some points [m, of the scene file], without smoothing; those that get
    /// nothing have 0.
    ///
    /// # Errors
    /// As [`SoftEngine::solve`].
    pub fn received(&self, x: &[f64], points: &[Vec3]) -> Result<Vec<f64>> {
        let mut radios = self.radios_at(x);
        let like = radios.receivers[0].clone();
        radios.receivers = points.iter().map(|position| Radio { position: *position, ..like.clone() }).collect();
        let hard = smooth::Softness::of(StepKind::Sigmoid, f64::INFINITY);
        let solution = self.engine.judged(&radios, &[self.carrier], hard)?;
        Ok(self.gains(&solution).chunks_exact(radios.transmitters.len()).map(|of_one| of_one.iter().sum()).collect())
    }

    /// The radios as they stand.
    pub fn radios(&self) -> &Radios {
        &self.radios
    }

    /// Puts other receivers into the scene.
    pub fn set_receivers(&mut self, receivers: Vec<Radio>) {
        self.radios.receivers = receivers;
    }

    /// Whether no object closes a point in [m, of the scene file].
    pub fn outside(&self, point: &Vec3) -> bool {
        let geometry = self.engine.geometry();
        self.enclosures.around(geometry, &(point - geometry.scene.origin)).is_none()
    }

    /// Path gain of each link `[receiver, transmitter]` [-]: the sum over paths of |a|^2, averaged over ports (T53).
    fn gains(&self, solution: &SoftSolution) -> Vec<f64> {
        let (paths, channel) = (&solution.paths, &solution.channel);
        let of_path = |path: usize| {
            let a = channel.of_path(path, 0);
            a.iter().map(|a| a.norm_sqr()).sum::<f64>() / a.len() as f64
        };
        (0..paths.links()).map(|link| paths.of_link(link).map(of_path).sum()).collect()
    }

    fn pulled_back(&self, radios: &Radios, solution: &SoftSolution, gains_bar: &[f64]) -> Result<SceneBar> {
        let (paths, channel) = (&solution.paths, &solution.channel);
        let mut bars = ChannelBar::zeros(channel);
        for (link, gain_bar) in gains_bar.iter().enumerate() {
            for path in paths.of_link(link) {
                let own = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
                let share = 2.0 * gain_bar / own.len() as f64;
                bars.a[own.clone()].iter_mut().zip(&channel.a[own]).for_each(|(bar, a)| *bar = a * share);
            }
        }
        let turns = self.free.iter().any(|(_, freedom)| matches!(freedom, Freedom::Orientation(_)));
        let kinds = [ParameterKind::Position, ParameterKind::Orientation];
        self.engine.pull_back(radios, solution, &bars, Wanted::of(&kinds[..1 + usize::from(turns)]))
    }

    /// The objective of the links' gains, and its derivatives by them; hard, or smoothed.
    fn of_gains(&self, gains: &[f64], softness: Option<&Softness>) -> (f64, Vec<f64>) {
        let transmitters = self.radios.transmitters.len();
        let receivers = gains.len() / transmitters;
        let of_receiver = |receiver: usize| &gains[receiver * transmitters..(receiver + 1) * transmitters];
        let levels: Vec<f64> =
            (0..receivers).map(|r| DECIBELS * libm::log(of_receiver(r).iter().sum::<f64>() + FLOOR)).collect();
        let (value, by_level) = match self.objective {
            SceneObjective::Min => least(&levels, softness.and_then(|soft| soft.log).map(|log| log.temperature)),
            SceneObjective::Mean => {
                let share = 1.0 / receivers as f64;
                (levels.iter().sum::<f64>() * share, vec![share; receivers])
            }
            SceneObjective::Coverage { threshold, width } => {
                let alpha = if softness.is_some() { 1.0 / width } else { f64::INFINITY };
                let step = SmoothStep { kind: StepKind::Sigmoid, alpha };
                let counted = levels.iter().map(|level| step.of(level - threshold));
                let share = 1.0 / receivers as f64;
                (counted.clone().map(|(s, _)| s).sum::<f64>() * share, counted.map(|(_, d)| d * share).collect())
            }
            SceneObjective::Sinr { quantile, noise } => return self.sinr(gains, quantile, noise),
        };
        let mut by_gain = vec![0.0; gains.len()];
        for receiver in 0..receivers {
            let slope = by_level[receiver] * DECIBELS / (of_receiver(receiver).iter().sum::<f64>() + FLOOR);
            by_gain[receiver * transmitters..(receiver + 1) * transmitters].fill(slope);
        }
        (value, by_gain)
    }

    /// The quantile of the receivers' SINR [dB], which is that of one receiver, and its derivatives.
    fn sinr(&self, gains: &[f64], quantile: f64, noise: f64) -> (f64, Vec<f64>) {
        let transmitters = self.radios.transmitters.len();
        let powers: Vec<f64> = self.radios.transmitters.iter().map(|radio| radio.power).collect();
        let of_receiver = |receiver: usize| {
            let received = gains[receiver * transmitters..(receiver + 1) * transmitters].iter().zip(&powers);
            let received: Vec<f64> = received.map(|(gain, power)| gain * power).collect();
            let best = (0..transmitters).fold(0, |best, t| if received[t] > received[best] { t } else { best });
            let others = received.iter().sum::<f64>() - received[best] + noise;
            (best, received[best] + FLOOR, others)
        };
        let mut order: Vec<(f64, usize)> = (0..gains.len() / transmitters)
            .map(|receiver| {
                let (_, own, others) = of_receiver(receiver);
                (DECIBELS * libm::log(own / others), receiver)
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (value, receiver) = order[((quantile * order.len() as f64) as usize).min(order.len() - 1)];
        let (best, own, others) = of_receiver(receiver);
        let mut by_gain = vec![0.0; gains.len()];
        for t in 0..transmitters {
            let slope = if t == best { 1.0 / own } else { -1.0 / others };
            by_gain[receiver * transmitters + t] = DECIBELS * slope * powers[t];
        }
        (value, by_gain)
    }
}

/// The least of some levels [dB] and its derivatives; with a temperature [-], in natural logarithms, the soft minimum.
fn least(levels: &[f64], temperature: Option<f64>) -> (f64, Vec<f64>) {
    let first = (0..levels.len()).fold(0, |first, r| if levels[r] < levels[first] { r } else { first });
    let Some(temperature) = temperature.map(|temperature| temperature * DECIBELS) else {
        let mut by = vec![0.0; levels.len()];
        by[first] = 1.0;
        return (levels[first], by);
    };
    let weights: Vec<f64> = levels.iter().map(|level| libm::exp((levels[first] - level) / temperature)).collect();
    let sum: f64 = weights.iter().sum();
    (levels[first] - temperature * libm::log(sum), weights.iter().map(|weight| weight / sum).collect())
}

impl Landscape for SceneLandscape<'_> {
    fn dimensions(&self) -> usize {
        self.free.len()
    }

    fn smoothed(&self, x: &[f64], softness: &Softness, gradient: &mut [f64]) -> Result<f64> {
        self.graded(x, softness, gradient)
    }

    fn level(&self, x: &[f64], softness: &Softness) -> Result<f64> {
        Ok(self.softly(x, softness)?.2)
    }

    fn hard(&self, x: &[f64]) -> Result<f64> {
        self.value(x)
    }

    /// Outside of what closes a point in.
    fn allowed(&self, x: &[f64]) -> bool {
        self.radios_at(x).transmitters.iter().all(|radio| self.outside(&radio.position))
    }
}
