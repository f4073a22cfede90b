//! The adjoint by replay: from the bars of a channel to those of the scene that it was computed in (T90-T95).
//!
//! Every stored path is walked once more ([`super::field_vjp`]): no tape, and no memory but the paths, one bar for each
//! parameter and a bounded ledger. Paths are independent; what each gives is put down in blocks of a fixed size, in
//! parallel, and added up in the order of the paths, so that the result does not depend on threads, to the byte.
//!
//! What is held fixed is what has no derivative: which paths there are, which facets they meet, what is visible, which
//! samples stand for a scattering surface. Asking for a derivative that does not exist is an error, never a silent 0.

mod parameters;
mod scene_bar;

pub use parameters::{ParameterKind, Wanted};
pub use scene_bar::{AntennaBar, MaterialBar, PermittivityBar, RadioBar, SceneBar};

pub(crate) use super::field_vjp::{Singular, offset_vjp};
pub(crate) use scene_bar::Sums;

use super::Paths;
use super::field::{End, surfaces_of};
use super::field_vjp::{Ends, Scratch, Walk};
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::interaction::SurfaceBar;
use crate::interaction::scattering::PartBar;
use crate::math::{Mat3, Vec3};
use crate::scene::radio::{Radio, Radios};
use rayon::prelude::*;
use std::ops::Range;

/// Paths whose bars are put down together: some hundred microseconds of work.
pub(crate) const BLOCK: usize = 64;
/// Blocks that are in memory at once, before they are added up: some ten megabytes.
const BLOCKS_AT_ONCE: usize = 128;

/// Bars of one end of a path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct EndBar {
    pub position: Vec3,
    pub rotation: Mat3,
    pub velocity: Vec3,
    pub gain: f64,
}

/// What the paths of a block give, in their order: (of what, its bar).
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Of surfaces: carrier * materials + material.
    pub surfaces: Vec<(u32, SurfaceBar)>,
    /// Of patterns: material and part.
    pub parts: Vec<(u32, u32, PartBar)>,
    /// Of radios: receivers, then transmitters.
    pub ends: Vec<(u32, EndBar)>,
    /// Of offsets: antenna and element.
    pub offsets: Vec<(u32, u32, Vec3)>,
    /// Of vertices.
    pub vertices: Vec<(u32, Vec3)>,
    /// Of carriers.
    pub carriers: Vec<(u32, f64)>,
}

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
    bars.check(channel, paths)?;
    let scene = geometry.scene;
    let surfaces = surfaces_of(scene, &channel.carriers, &mut Vec::new())?;
    let walk = Walk {
        geometry,
        surfaces: &surfaces,
        paths,
        channel,
        bars,
        moves: wanted.moves(),
        deforms: wanted.has(ParameterKind::Vertex),
    };
    let ends = AllEnds::new(radios, &scene.origin);
    let mut sums = Sums::new(scene, radios, &channel.carriers, wanted);
    let blocks: Vec<Range<usize>> =
        (0..paths.len()).step_by(BLOCK).map(|first| first..(first + BLOCK).min(paths.len())).collect();
    for some in blocks.chunks(BLOCKS_AT_ONCE) {
        let ledgers: Vec<Result<Ledger>> = some.par_iter().map(|block| ends.block(&walk, block.clone())).collect();
        for ledger in ledgers {
            sums.add(&ledger?);
        }
    }
    sums.finish(scene, radios, &surfaces, wanted)
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

    fn of_link(&self, paths: &Paths, link: usize) -> Ends<'_> {
        let (receiver, transmitter) = (link / paths.transmitters, link % paths.transmitters);
        let [r, t] = [&self.radios.receivers[receiver], &self.radios.transmitters[transmitter]];
        Ends {
            ends: [&self.receivers[receiver], &self.transmitters[transmitter]],
            positions: [r.position - self.origin, t.position - self.origin],
            radios: [receiver as u32, (self.receivers.len() + transmitter) as u32],
            antennas: [r.antenna, t.antenna],
        }
    }

    fn block(&self, walk: &Walk, block: Range<usize>) -> Result<Ledger> {
        let (mut ledger, mut scratch, paths) = (Ledger::default(), Scratch::default(), walk.paths);
        let mut link = paths.offsets.partition_point(|offset| *offset as usize <= block.start) - 1;
        for path in block {
            while path >= paths.of_link(link).end {
                link += 1;
            }
            let ends = self.of_link(paths, link);
            walk.path_vjp(path, &ends, &mut scratch, &mut ledger)
                .map_err(|singular| self.explained(singular, link, paths))?;
        }
        Ok(ledger)
    }

    /// The error of a path of `link` that has no derivative.
    pub(crate) fn explained(&self, singular: Singular, link: usize, paths: &Paths) -> Error {
        let [receiver, transmitter] = [
            &self.radios.receivers[link / paths.transmitters].name,
            &self.radios.transmitters[link % paths.transmitters].name,
        ];
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
