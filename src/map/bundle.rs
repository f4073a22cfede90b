//! Ways of power into the cells of a map, as paths, so that one adjoint serves all kinds of maps (T97).
//!
//! What a path brings to its cell is a weight times its power. The weight is that of the point of the cell that it ends
//! at, or of samples that were drawn, and has no derivative. Nothing here finds ways: those who do hand them on.

use super::metrics::CellBar;
use crate::channel::{Channel, ChannelBar};
use crate::constants::SPEED_OF_LIGHT;
use crate::error::Result;
use crate::geometry::Geometry;
use crate::math::Vec3;
use crate::path::Paths;
use crate::path::field::{Feed, powers_of, powers_of_vjp, radios_of};
use crate::path::found::EndPoint;
use crate::path::refine::Vertex;
use crate::scene::radio::Radios;
use std::ops::Range;

/// What a path is to the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The cell that it ends in.
    pub cell: u32,
    /// What it brings there.
    pub worth: Worth,
    /// Its length beyond the direct way [m].
    pub excess: f64,
}

/// What a path brings to its cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Worth {
    /// So many times its power.
    Weight(f64),
    /// This gain, which is some number times its power [-].
    Gain(f64),
}

impl Worth {
    /// What the path's `power` is multiplied by. Without power there is no gain, and none to be had.
    pub fn weight(self, power: f64) -> f64 {
        match self {
            Worth::Weight(weight) => weight,
            Worth::Gain(gain) if power > 0.0 => gain / power,
            Worth::Gain(_) => 0.0,
        }
    }
}

/// Paths with what they are to a map; all end at the receiver, which stands at many places.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bundle {
    /// The paths.
    pub paths: Paths,
    /// What each is to the map `[path]`.
    pub parts: Vec<Part>,
    /// Where each ends `[path]` [m, local].
    pub places: Vec<Vec3>,
}

impl Bundle {
    /// Without paths yet, between a transmitter, one of so many, and the only receiver.
    fn new(transmitter: usize, transmitters: usize) -> Bundle {
        let (offsets, vertex_offsets) = (vec![0; transmitter + 1], vec![0]);
        let paths = Paths { transmitters, receivers: 1, offsets, vertex_offsets, ..Paths::default() };
        Bundle { paths, ..Bundle::default() }
    }

    /// The same paths, each to a receiver of its own, as devices know the places of one that stands at many.
    #[must_use]
    pub fn with_own_receivers(mut self) -> Bundle {
        let (count, transmitters) = (self.paths.len(), self.paths.transmitters as u64);
        let before = |(path, [_, own]): (u64, [u32; 2])| {
            (0..transmitters).map(move |transmitter| path + u64::from(transmitter > own.into()))
        };
        let offsets = (0..).zip(radios_of(&self.paths)).flat_map(before);
        let offsets = offsets.chain([count as u64]).collect();
        self.paths = Paths { receivers: count, offsets, ..self.paths };
        self
    }
}

/// Bars of a map's cells, and where its transmitters stand.
pub struct MapBars<'a> {
    /// `[carrier, transmitter, cell]`.
    pub cells: &'a [CellBar],
    /// Cells of the map.
    pub count: usize,
    /// Where paths begin `[transmitter]`.
    pub sources: &'a [EndPoint],
}

impl MapBars<'_> {
    fn of(&self, carrier: usize, transmitter: usize, cell: u32) -> &CellBar {
        &self.cells[(carrier * self.sources.len() + transmitter) * self.count + cell as usize]
    }

    /// Whether anything depends on some of the cells.
    pub fn reach(&self, cells: &Range<usize>) -> bool {
        self.cells.chunks_exact(self.count.max(1)).any(|map| map[cells.clone()].iter().any(|bar| !bar.is_zero()))
    }

    /// The bars of a channel (T97), which is that of the `bundle` between `radios` at some carriers from `first_carrier` on, of
    /// the waves that `feed` says.
    pub fn of_channel(
        &self,
        (radios, feed): (&Radios, Feed),
        bundle: &Bundle,
        channel: &Channel,
        first_carrier: usize,
    ) -> ChannelBar {
        let (Bundle { paths, parts, .. }, carriers) = (bundle, channel.carriers.len());
        // What a power is before becomes its bar.
        let mut powers = powers_of(radios, paths, channel, feed);
        let mut bar = ChannelBar { direct: vec![0.0; paths.len()], ..ChannelBar::zeros(channel) };
        for link in 0..paths.links() {
            let transmitter = link % paths.transmitters;
            for path in paths.of_link(link) {
                let Part { cell, worth, excess } = parts[path];
                for carrier in 0..carriers {
                    let power = &mut powers[path * carriers + carrier];
                    let (weight, cell) = (worth.weight(*power), self.of(first_carrier + carrier, transmitter, cell));
                    let [power_bar, delay_bar] = cell.of_power(excess / SPEED_OF_LIGHT).map(|bar| bar * weight);
                    bar.tau[path] += delay_bar * *power;
                    *power = power_bar;
                }
                bar.direct[path] = -bar.tau[path] / SPEED_OF_LIGHT;
            }
        }
        powers_of_vjp(radios, paths, channel, feed, &powers, &mut bar.a);
        bar
    }
}

/// What is to be recorded, and what becomes of it.
pub struct Recording<'a, R> {
    /// The scene.
    pub geometry: &'a Geometry<'a>,
    /// Ways into cells that no bar is given of are left out.
    pub bars: &'a MapBars<'a>,
    /// Carriers that bars are looked at of: the first one, and how many.
    pub carriers: [usize; 2],
    /// Where ways begin.
    pub transmitter: usize,
    /// Paths of a bundle, but for last ones.
    pub size: usize,
    /// What is done with a bundle; adds to what was done before.
    pub work: &'a Work<'a, R>,
}

/// Adds what a bundle in a scene says to what others have said.
pub type Work<'a, R> = dyn Fn(&Geometry, Bundle, &mut R) -> Result<()> + Sync + 'a;

impl<R: Default> Recording<'_, R> {
    /// A recorder of gains that are still to be multiplied by `scale` [-].
    pub fn start(&self, scale: f64) -> Recorder<'_, R> {
        let bundle = Bundle::new(self.transmitter, self.bars.sources.len());
        Recorder { recording: self, scale, bundle, vertices: Vec::new(), done: Ok(R::default()) }
    }
}

impl<R> Recording<'_, R> {
    /// Whether anything depends on a cell.
    pub fn wants(&self, cell: u32) -> bool {
        let [first, count] = self.carriers;
        (first..first + count).any(|carrier| !self.bars.of(carrier, self.transmitter, cell).is_zero())
    }
}

/// Puts ways into bundles, each of which is worked on as soon as it is full: on the thread in hand, so that
/// nobody takes up other ways meanwhile.
pub struct Recorder<'a, R> {
    recording: &'a Recording<'a, R>,
    /// What gains are to be multiplied by [-].
    pub scale: f64,
    bundle: Bundle,
    /// Vertices of the way in hand.
    pub vertices: Vec<Vertex>,
    done: Result<R>,
}

impl<R> Recorder<'_, R> {
    /// The scene.
    pub fn geometry(&self) -> &Geometry<'_> {
        self.recording.geometry
    }

    /// Whether anything depends on a cell.
    pub fn wants(&self, cell: u32) -> bool {
        self.recording.wants(cell)
    }

    /// Adds the way in hand, which ends at `place` [m, local] after a `length` [m].
    pub fn push(&mut self, place: Vec3, length: f64, part: Part) {
        let Recording { geometry, bars, transmitter, size, .. } = *self.recording;
        let source = &bars.sources[transmitter];
        let end = EndPoint { radio: 0, element: source.element, position: place };
        let Bundle { paths, parts, places } = &mut self.bundle;
        paths.push(geometry, [source, &end], length, &self.vertices);
        parts.push(part);
        places.push(place);
        if places.len() == size {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        let Recording { geometry, bars, transmitter, work, .. } = *self.recording;
        let transmitters = bars.sources.len();
        let mut bundle = std::mem::replace(&mut self.bundle, Bundle::new(transmitter, transmitters));
        if let Ok(done) = &mut self.done {
            bundle.paths.offsets.resize(transmitters + 1, bundle.paths.len() as u64);
            if let Err(error) = work(geometry, bundle, done) {
                self.done = Err(error);
            }
        }
    }

    /// What has become of all bundles, one after another.
    ///
    /// # Errors
    /// The first that was met.
    pub fn finish(mut self) -> Result<R> {
        if !self.bundle.places.is_empty() {
            self.hand_on();
        }
        self.done
    }
}
