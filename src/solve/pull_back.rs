//! The adjoint of maps: from bars of cells back to those of the scene, tile by tile, in the memory of one tile (T96-T99).
//!
//! Nothing is kept of the map: the paths to a tile's points are found again, chains being kept, and light and rays take the
//! same ways once more. What they bring to cells is handed to the adjoint of paths.

use super::map::{MapEngine, Reached, at_points};
use super::sampled::Drawn;
use crate::backend::{Backend, Loaded};
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::map::bundle::{Bundle, MapBars, Part, Worth};
use crate::map::grid::Mean;
use crate::map::metrics::CellBar;
use crate::math::Vec3;
use crate::path::Paths;
use crate::path::adjoint::{Adjoint, Ledger, ParameterKind, Replayer, Run, SceneBar, Wanted};
use crate::path::field::{BLOCK, Feed, field_over};
use crate::scene::material::Surface;
use crate::scene::radio::Radios;
use std::ops::Range;

impl<'a> MapEngine<'a> {
    /// The same engine for tiles that will be asked for again, by the next step of a fit or [`MapEngine::pull_back`]:
    /// chains are kept behind the last tile too.
    #[must_use]
    pub fn keeping_chains(mut self) -> MapEngine<'a> {
        self.tracer.keep_chains_to_the_end();
        self
    }

    /// The bars of everything that `wanted` names, from `bars` of the sums of all cells `[carrier, transmitter, cell]`, those
    /// of [`MapEngine::tile`] with what is sampled; of that, `drawn` `[carrier, transmitter]` tells how ([`Sampled::drawn`]).
    ///
    /// Held fixed: which paths there are, what is visible and lit, which samples are drawn, and how; and the points of the
    /// map, but for those that move with the triangles below them: of draped maps and maps on facets (T97). The bar of the
    /// receiver's position is that of a shift of all of them together.
    ///
    /// [`Sampled::drawn`]: super::sampled::Sampled::drawn
    ///
    /// # Errors
    /// Bars of another map; a derivative that does not exist, as in [`crate::path::adjoint::adjoint`], or is not there yet:
    /// of means by area on a CUDA device.
    pub fn pull_back(&mut self, bars: &[CellBar], drawn: &[Drawn], wanted: Wanted) -> Result<SceneBar> {
        self.check(bars, drawn)?;
        self.tracer.clock.resume();
        // What is found again does not count again.
        let counters = self.tracer.counters;
        let found = self.pulled_back(bars, drawn, wanted);
        self.tracer.counters = counters;
        found
    }

    fn pulled_back(&mut self, bars: &[CellBar], drawn: &[Drawn], wanted: Wanted) -> Result<SceneBar> {
        let mut adjoint = Adjoint::new(self.tracer.geometry.scene, self.radios, self.carriers, wanted)?;
        let sources = self.tracer.sources.clone();
        let bars = MapBars { cells: bars, count: self.grid.len(), sources: &sources };
        for cells in self.tiles() {
            if bars.reach(&cells) {
                self.tile_vjp(&cells, &bars, &mut adjoint)?;
            }
        }
        for (place, drawn) in drawn.iter().enumerate() {
            let [carrier, transmitter] = [place / sources.len(), place % sources.len()];
            self.sampled_vjp([transmitter, carrier], drawn, &bars, &mut adjoint)?;
            self.tracer.clock.stage("sampled");
        }
        adjoint.finish()
    }

    /// Adds what the `paths` to the points of some cells, whose places have been kept, say of the vertices that these move with.
    fn points_vjp(&self, cells: &Range<usize>, paths: &Paths, adjoint: &mut Adjoint) {
        let sums = adjoint.parts().1;
        let of_paths = sums.take_places(paths.len());
        let of_point = |link: usize| of_paths[paths.of_link(link)].iter().sum::<Vec3>();
        let of_links: Vec<Vec3> = (0..paths.links()).map(of_point).collect();
        let bars: Vec<Vec3> = of_links.chunks(paths.transmitters).map(|links| links.iter().sum()).collect();
        let vertices = self.grid.points_of_vjp(&self.tracer.geometry, cells.clone(), &bars);
        sums.add(&Ledger { vertices, ..Ledger::default() });
    }

    /// Adds what the bars say of what is sampled from a transmitter at a carrier.
    fn sampled_vjp(
        &self,
        [transmitter, carrier]: [usize; 2],
        drawn: &Drawn,
        bars: &MapBars,
        adjoint: &mut Adjoint,
    ) -> Result<()> {
        /// Paths that a device replays together.
        const AT_ONCE: usize = 1 << 13;
        let carriers = &self.carriers[carrier..=carrier];
        let pull = Pull { radios: self.radios, carriers, carrier, bars, keeps_places: false };
        let (backend, loaded) = (&self.tracer.backend, &self.tracer.geometry);
        if self.is_replayed_by_ports(transmitter) {
            let keep = |_: &Geometry, bundle: Bundle, all: &mut Vec<Bundle>| {
                all.push(bundle.with_own_receivers());
                Ok(())
            };
            let put = &mut |bundles: Vec<Bundle>| {
                bundles.iter().try_for_each(|bundle| {
                    let places: Vec<Vec3> = bundle.places.iter().map(|place| place + loaded.scene.origin).collect();
                    pull.add((backend, loaded), &at_points(self.radios, &places), bundle, adjoint)
                })
            };
            return self.retrace_sampled([transmitter, carrier], drawn, bars, (&keep, AT_ONCE), put);
        }
        let (replayer, sums) = adjoint.parts();
        let (work, put) = (pull.work(replayer), &mut |ledger| {
            sums.add(&ledger);
            Ok(())
        });
        self.retrace_sampled([transmitter, carrier], drawn, bars, (&work, BLOCK), put)
    }

    /// Whether a device replays what is sampled from a transmitter: by ports, which is no more than the CPU's one wave of all
    /// of them unless two polarisations are scattered diffusely together (T68). Where it is, the CPU replays it.
    fn is_replayed_by_ports(&self, transmitter: usize) -> bool {
        let antenna = self.radios.antenna(&self.radios.transmitters[transmitter]);
        let is_sum_of_ports = !self.tracer.options.scatter.diffuse || antenna.slants.len() == 1;
        self.tracer.backend.feed() == Feed::EachPort && is_sum_of_ports
    }

    /// Adds what the bars of some cells say of the exact part.
    fn tile_vjp(&mut self, cells: &Range<usize>, bars: &MapBars, adjoint: &mut Adjoint) -> Result<()> {
        let keeps_places = self.grid.follows() && adjoint.wanted().has(ParameterKind::Vertex);
        let pull = Pull { radios: self.radios, carriers: self.carriers, carrier: 0, bars, keeps_places };
        if self.mean == Mean::Area {
            let (replayer, sums) = adjoint.parts();
            return self.retrace_area(cells, bars, &pull.work(replayer), &mut |ledger| sums.add(&ledger));
        }
        let Reached { radios, ends, paths } = self.reached(cells)?;
        let (points, mut parts, mut places) = (self.grid.points_per_cell(), Vec::new(), Vec::new());
        for link in 0..paths.links() {
            let (point, place) = (link / paths.transmitters, ends[link / paths.transmitters].position);
            let direct = (place - self.tracer.sources[link % paths.transmitters].position).norm();
            for path in paths.of_link(link) {
                let (cell, excess) = ((cells.start + point / points) as u32, paths.length[path] - direct);
                parts.push(Part { cell, worth: Worth::Weight(1.0), excess });
                places.push(place);
            }
        }
        let bundle = Bundle { paths, parts, places };
        pull.add((&self.tracer.backend, &self.tracer.geometry), &radios, &bundle, adjoint)?;
        if keeps_places {
            self.points_vjp(cells, &bundle.paths, adjoint);
        }
        self.tracer.clock.stage("adjoint");
        Ok(())
    }

    fn check(&self, bars: &[CellBar], drawn: &[Drawn]) -> Result<()> {
        let maps = self.carriers.len() * self.radios.transmitters.len();
        let sampled = if self.is_sampled() { maps } else { 0 };
        if bars.len() != maps * self.grid.len() || drawn.len() != sampled || drawn.iter().any(|one| one.replicates == 0)
        {
            return Err(Error::Internal("bars and map are of different runs".into()));
        }
        if self.radios.any_per_element() {
            let fault =
                Fault::new("antennas.per_element", "is not possible in a map, whose paths begin at whole antennas");
            return Err(Error::job(fault.value(true).remedy("set per_element = false")));
        }
        Ok(())
    }
}

/// What bundles need besides.
struct Pull<'a> {
    radios: &'a Radios,
    /// Carriers of the channel [Hz], and the place of the first among all.
    carriers: &'a [f64],
    carrier: usize,
    bars: &'a MapBars<'a>,
    /// Whether the points of the map move.
    keeps_places: bool,
}

impl Pull<'_> {
    /// The channel of a bundle between some radios, over the scene's `surfaces` `[carrier][material]`, and its bars.
    fn channel(
        &self,
        surfaces: &[Vec<Surface>],
        geometry: &Geometry,
        radios: &Radios,
        bundle: &Bundle,
    ) -> (Channel, ChannelBar) {
        let surfaces = &surfaces[self.carrier..self.carrier + self.carriers.len()];
        let channel = field_over(geometry.scene, surfaces, radios, &bundle.paths, self.carriers, Feed::Together);
        let bars = self.bars.of_channel((radios, Feed::Together), bundle, &channel, self.carrier);
        (channel, bars)
    }

    fn run<'r>(&self, bundle: &'r Bundle, channel: &'r Channel, bars: &'r ChannelBar, feed: Feed) -> Run<'r> {
        let (paths, places) = (&bundle.paths, Some(bundle.places.as_slice()));
        Run { paths, channel, bars, first_carrier: self.carrier, places, keeps_places: self.keeps_places, feed }
    }

    /// Adds what a bundle between `radios`, a receiver for each link, says of the scene.
    fn add(
        &self,
        (backend, loaded): (&Backend, &Loaded),
        radios: &Radios,
        bundle: &Bundle,
        adjoint: &mut Adjoint,
    ) -> Result<()> {
        let surfaces = &adjoint.parts().0.surfaces[self.carrier..self.carrier + self.carriers.len()];
        let channel = backend.waves(loaded.scene, surfaces, radios, &bundle.paths, self.carriers)?;
        let feed = backend.feed();
        let bars = self.bars.of_channel((radios, feed), bundle, &channel, self.carrier);
        backend.add_run(loaded, radios, &self.run(bundle, &channel, &bars, feed), adjoint)
    }

    /// Adds what bundles say of the scene to a ledger.
    fn work(&self, replayer: &Replayer) -> impl Fn(&Geometry, Bundle, &mut Ledger) -> Result<()> + Sync {
        move |geometry, bundle, ledger| {
            let (channel, bars) = self.channel(&replayer.surfaces, geometry, self.radios, &bundle);
            replayer.put_down(geometry, &self.run(&bundle, &channel, &bars, Feed::Together), ledger)
        }
    }
}
