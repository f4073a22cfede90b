//! The adjoint by replay: from the bars of a channel to those of the scene that it was computed in (T90-T95).
//!
//! Every stored path is walked once more ([`super::field_vjp`]): no tape, and no memory but the paths, one bar for each
//! parameter and a bounded ledger. Paths are independent; what each gives is put down in blocks of a fixed size, in
//! parallel, and added up in the order of the paths, so that the result does not depend on threads, to the byte.
//!
//! What is held fixed is what has no derivative: which paths there are, which facets they meet, what is visible, which
//! samples stand for a scattering surface. Asking for a derivative that does not exist is an error, never a silent 0.

mod ledger;
mod parameters;
mod scene_bar;

pub(crate) use ledger::EndBar;
pub use ledger::Ledger;
pub use parameters::{ParameterKind, Wanted};
pub use scene_bar::{AntennaBar, MaterialBar, PermittivityBar, RadioBar, SceneBar, Sums};

pub(crate) use super::field_vjp::{Singular, offset_vjp};

use super::field::{BLOCK, End, Feed, surfaces_of};
use super::field_vjp::{Ends, Scratch, Walk};
use super::{ALL_ELEMENTS, Paths};
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::math::Vec3;
use crate::scene::Scene;
use crate::scene::material::Surface;
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::ops::Range;

/// Blocks that are in memory at once, before they are added up: some ten megabytes.
const BLOCKS_AT_ONCE: usize = 128;

/// The bars of everything that `wanted` names, from those of a channel.
///
/// `channel` is what [`super::field::field`] makes of `paths`, which run in the scene of `geometry`; `bars` are those of a
/// loss with respect to it. Of clusters of lobes, give the samples and their bars ([`crate::channel::cluster`]).
///
/// # Errors
/// Bars, channel and paths that do not belong together; a derivative that does not exist: along an antenna's own axis, of
/// diffuse scattering from or into the vertical, of S = 1 and of K_x = 0 or 1.
pub fn adjoint(
    geometry: &Geometry,
    radios: &Radios,
    paths: &Paths,
    channel: &Channel,
    bars: &ChannelBar,
    wanted: Wanted,
) -> Result<SceneBar> {
    let mut adjoint = Adjoint::new(geometry.scene, radios, &channel.carriers, wanted)?;
    adjoint.add(geometry, &Run::of_links(paths, channel, bars))?;
    adjoint.finish()
}

/// Some paths with their channel and its bars.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The paths.
    pub paths: &'a Paths,
    /// What [`super::field::field`] makes of them, at some of the carriers.
    pub channel: &'a Channel,
    /// Bars of a loss with respect to the channel.
    pub bars: &'a ChannelBar,
    /// The place of the channel's first carrier among all.
    pub first_carrier: usize,
    /// Where each path ends `[path]` [m, local], if all end at the only receiver, which stands at many places; if not,
    /// every link has a receiver of its own.
    pub places: Option<&'a [Vec3]>,
    /// Whether the bar of each place is kept as well as that of the receiver.
    pub keeps_places: bool,
    /// What the channel's coefficients are of.
    pub feed: Feed,
}

impl<'a> Run<'a> {
    /// All paths of the links between all radios, at all carriers and of every port.
    pub fn of_links(paths: &'a Paths, channel: &'a Channel, bars: &'a ChannelBar) -> Run<'a> {
        Run { paths, channel, bars, first_carrier: 0, places: None, keeps_places: false, feed: Feed::EachPort }
    }
}

/// The bars of a scene and its radios while runs of paths are added, one after another: memory is that of the bars,
/// whatever the number of paths.
pub struct Adjoint<'a> {
    replayer: Replayer<'a>,
    sums: Sums<'a>,
}

/// Walks paths once more and tells what they say of a scene.
pub struct Replayer<'a> {
    scene: &'a Scene,
    /// Surfaces of the scene `[carrier][material]`.
    pub surfaces: Vec<Vec<Surface>>,
    ends: AllEnds<'a>,
    wanted: Wanted,
}

impl<'a> Adjoint<'a> {
    /// Nothing yet, of the bars that `wanted` names.
    ///
    /// # Errors
    /// A material that is not defined at a carrier.
    pub fn new(scene: &'a Scene, radios: &'a Radios, carriers: &'a [f64], wanted: Wanted) -> Result<Adjoint<'a>> {
        let surfaces = surfaces_of(scene, carriers, &mut Vec::new())?;
        let (ends, sums) = (AllEnds::new(radios, &scene.origin), Sums::new(scene, radios, carriers, wanted));
        Ok(Adjoint { replayer: Replayer { scene, surfaces, ends, wanted }, sums })
    }

    /// Adds what a run of paths says, path by path: runs one after another are, to the byte, one run.
    ///
    /// # Errors
    /// As [`adjoint`].
    pub fn add(&mut self, geometry: &Geometry, run: &Run) -> Result<()> {
        let Adjoint { replayer, sums } = self;
        let (walk, paths) = (replayer.walk(geometry, run)?, run.paths.len());
        let blocks: Vec<Range<usize>> =
            (0..paths).step_by(BLOCK).map(|first| first..(first + BLOCK).min(paths)).collect();
        for some in blocks.chunks(BLOCKS_AT_ONCE) {
            let block = |block: &Range<usize>| {
                let mut ledger = Ledger::default();
                replayer.ends.block(&walk, run, block.clone(), &mut ledger).map(|()| ledger)
            };
            let ledgers: Vec<Result<Ledger>> = some.par_iter().map(block).collect();
            for ledger in ledgers {
                sums.add(&ledger?);
            }
        }
        Ok(())
    }

    /// What is wanted.
    pub fn wanted(&self) -> Wanted {
        self.replayer.wanted
    }

    /// What makes ledgers, on any number of threads, and where they are then added up, one after another.
    pub fn parts(&mut self) -> (&Replayer<'a>, &mut Sums<'a>) {
        (&self.replayer, &mut self.sums)
    }

    /// The bars.
    ///
    /// # Errors
    /// Derivatives by a material that do not exist ([`adjoint`]).
    pub fn finish(self) -> Result<SceneBar> {
        let Replayer { scene, surfaces, ends, wanted } = self.replayer;
        self.sums.finish(scene, ends.radios, &surfaces, wanted)
    }
}

impl Replayer<'_> {
    /// Adds what a run of paths says to a ledger, on the thread in hand.
    ///
    /// # Errors
    /// As [`adjoint`].
    pub fn put_down(&self, geometry: &Geometry, run: &Run, ledger: &mut Ledger) -> Result<()> {
        self.ends.block(&self.walk(geometry, run)?, run, 0..run.paths.len(), ledger)?;
        ledger.add_up();
        Ok(())
    }

    fn walk<'w>(&'w self, geometry: &'w Geometry<'w>, run: &Run<'w>) -> Result<Walk<'w>> {
        let Run { paths, channel, bars, first_carrier, keeps_places, feed, .. } = *run;
        bars.check(channel, paths)?;
        let wants = |kind| self.wanted.has(kind);
        let moves = self.wanted.moves();
        let of_elements = || {
            let mut elements = paths.receiver_element.iter().chain(&paths.transmitter_element);
            elements.any(|element| *element != ALL_ELEMENTS)
        };
        Ok(Walk {
            geometry,
            surfaces: &self.surfaces[first_carrier..first_carrier + channel.carriers.len()],
            first_carrier,
            paths,
            channel,
            bars,
            feed,
            keeps_places,
            moves,
            refines: wants(ParameterKind::Position) || wants(ParameterKind::Vertex) || (moves && of_elements()),
            deforms: wants(ParameterKind::Vertex),
        })
    }
}

/// All radios as the walk needs them.
pub(crate) struct AllEnds<'a> {
    radios: &'a Radios,
    /// Receivers.
    pub receivers: Vec<End<'a>>,
    /// Transmitters.
    pub transmitters: Vec<End<'a>>,
    origin: Vec3,
}

impl<'a> AllEnds<'a> {
    /// Those of a scene whose local coordinates begin at `origin` [m].
    pub(crate) fn new(radios: &'a Radios, origin: &Vec3) -> AllEnds<'a> {
        let ends = |which: &'a [Radio]| which.iter().map(|radio| End::new(radios, radio)).collect();
        AllEnds {
            radios,
            receivers: ends(&radios.receivers),
            transmitters: ends(&radios.transmitters),
            origin: *origin,
        }
    }

    /// Receiver and transmitter of a link.
    fn radios_of(&self, run: &Run, link: usize) -> [usize; 2] {
        let receiver = if run.places.is_some() { 0 } else { link / run.paths.transmitters };
        [receiver, link % run.paths.transmitters]
    }

    fn of_path(&self, run: &Run, link: usize, path: usize) -> Ends<'_> {
        let [receiver, transmitter] = self.radios_of(run, link);
        let [r, t] = [&self.radios.receivers[receiver], &self.radios.transmitters[transmitter]];
        let place = run.places.map_or(r.position - self.origin, |places| places[path]);
        Ends {
            ends: [&self.receivers[receiver], &self.transmitters[transmitter]],
            positions: [place, t.position - self.origin],
            radios: [receiver as u32, (self.receivers.len() + transmitter) as u32],
            antennas: [r.antenna, t.antenna],
            weights: t.weights.as_deref(),
        }
    }

    fn block(&self, walk: &Walk, run: &Run, block: Range<usize>, ledger: &mut Ledger) -> Result<()> {
        let (mut scratch, paths) = (Scratch::default(), walk.paths);
        let mut link = paths.offsets.partition_point(|offset| *offset as usize <= block.start).saturating_sub(1);
        for path in block {
            while path >= paths.of_link(link).end {
                link += 1;
            }
            let ends = self.of_path(run, link, path);
            walk.path_vjp(path, &ends, &mut scratch, ledger)
                .map_err(|singular| self.explained(singular, self.radios_of(run, link)))?;
        }
        Ok(())
    }

    /// The error of a path between a receiver and a transmitter that has no derivative.
    pub(crate) fn explained(&self, singular: Singular, [receiver, transmitter]: [usize; 2]) -> Error {
        let [receiver, transmitter] =
            [&self.radios.receivers[receiver].name, &self.radios.transmitters[transmitter].name];
        let field = format!("gradient of a path from '{transmitter}' to '{receiver}'");
        let (bound, remedy) = match singular {
            Singular::Axis { is_transmitter } => {
                let name = if is_transmitter { transmitter } else { receiver };
                let bound =
                    format!("it runs along the axis of the antenna of '{name}', where patterns have no derivative");
                (bound, "move or turn the radio by a little, or leave positions, orientations and vertices out")
            }
            Singular::Vertical => {
                let bound =
                    "it is scattered diffusely from or into the vertical, where polarisations have no derivative";
                (bound.to_string(), "move a radio by a little, or leave positions, orientations and vertices out")
            }
            Singular::Foreign => {
                let bound = "its coefficients are not those of its replay";
                (bound.to_string(), "give the channel of these paths, and of clusters of lobes their samples")
            }
        };
        Error::input(Fault::new(field, bound).remedy(remedy))
    }
}
