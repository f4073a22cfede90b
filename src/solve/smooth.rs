//! Paths whose visibility is smoothed: channels that are continuous wherever radios and walls are, and their adjoint through
//! visibility (T107-T110).
//!
//! What a run of `task = "paths"` does with tests that are hard is done here with soft ones: chains of facets, their
//! visibility, the field of each as if it were a path, and both together. The adjoint is that of the field with what the
//! visibility adds to it. With a sharpness of infinity it is the solver itself.

use super::{Tile, ends_of, solve};
use crate::backend::{Backend, Loaded, LoadedOutlines};
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::math::frame::{rotation_of, rotation_of_vjp};
use crate::math::{C64, Vec3};
use crate::path::adjoint::{AntennaBar, ParameterKind, RadioBar, SceneBar, Wanted};
use crate::path::found::EndPoint;
use crate::path::refine::Vertex;
use crate::path::smooth::chains::{Asked, SoftPath};
use crate::path::smooth::seen::seen_from;
use crate::path::smooth::{Pulled, Softness, Test, View, Viewpoint, Visibility};
use crate::path::{ALL_ELEMENTS, Paths, SolverOptions};
use crate::progress::Silent;
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use std::ops::Range;

/// More chains than this, all receivers together, would take hours to look at.
const MOST_CHAINS: f64 = 1e11;

/// A scene that is ready for soft paths.
pub struct SoftEngine<'a> {
    backend: Backend,
    loaded: Loaded<'a>,
    outlines: LoadedOutlines,
    options: &'a SolverOptions,
}

/// Soft paths, link by link.
#[derive(Debug, Clone)]
pub struct SoftSolution {
    /// The paths, and chains that are nearly paths.
    pub paths: Paths,
    /// Their channel; coefficients are scaled by the visibility.
    pub channel: Channel,
    /// The visibility of each `[path]`.
    pub visibility: Vec<Visibility>,
    /// How soft the tests were.
    pub softness: Softness,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl<'a> SoftEngine<'a> {
    /// Makes a scene ready. Of `options` count depth and kinds of paths.
    ///
    /// # Errors
    /// Scattering, which has no smoothed form; the device has too little memory.
    pub fn new(backend: Backend, scene: &'a Scene, options: &'a SolverOptions) -> Result<SoftEngine<'a>> {
        if options.scatter.any() {
            let fault = Fault::new("solver.interactions", "smoothing has line_of_sight and reflection so far");
            return Err(Error::job(fault.remedy("leave diffuse and lobe out, or remove [smoothing]")));
        }
        let loaded = backend.load(scene)?;
        let outlines = backend.outlines(&loaded)?;
        Ok(SoftEngine { backend, loaded, outlines, options })
    }

    /// The scene.
    pub fn geometry(&self) -> &Geometry<'a> {
        &self.loaded
    }

    fn view(&self, softness: Softness) -> View<'_> {
        self.outlines.view(&self.loaded, softness)
    }

    fn asked(&self) -> Asked {
        let SolverOptions { line_of_sight, reflection, max_depth, .. } = *self.options;
        Asked { line_of_sight, max_depth: if reflection { max_depth } else { 0 } }
    }

    /// All soft paths between the radios and their channel at the `carriers` [Hz].
    ///
    /// # Errors
    /// As [`solve`]; chains that are too many to look at one by one.
    pub fn solve(&self, radios: &Radios, carriers: &[f64], softness: Softness) -> Result<SoftSolution> {
        let scene = self.loaded.scene;
        if softness.is_hard() {
            let solution = solve(self.backend.clone(), scene, radios, carriers, self.options, &Silent)?;
            let visibility = vec![Visibility { value: 1.0, test: Test::Passed }; solution.paths.len()];
            let (paths, channel, warnings) = (solution.paths, solution.channel, solution.warnings);
            return Ok(SoftSolution { paths, channel, visibility, softness, warnings });
        }
        self.judged(radios, carriers, softness)
    }

    /// The same by looking at chains one by one whatever the sharpness: of infinity too, for an objective that is asked for
    /// again and again in one scene.
    ///
    /// # Errors
    /// As [`SoftEngine::solve`].
    pub fn judged(&self, radios: &Radios, carriers: &[f64], softness: Softness) -> Result<SoftSolution> {
        let scene = self.loaded.scene;
        let [from, to] = [&radios.transmitters, &radios.receivers].map(|which| ends_of(radios, which, scene));
        let view = self.view(softness);
        // The only facet of a chain is the transmitter's first one; of longer chains the receiver knows the last.
        let viewpoints = |ends: &[EndPoint], least_depth: u32| -> Vec<Viewpoint> {
            let asks = self.asked().max_depth >= least_depth;
            let seen = |at| if asks { seen_from(&view, at) } else { Vec::new() };
            ends.iter().map(|end| Viewpoint { position: end.position, facets: seen(&end.position) }).collect()
        };
        let viewpoints = [viewpoints(&from, 1), viewpoints(&to, 2)];
        self.check_count(&viewpoints)?;
        let sources = 0..from.len() as u32;
        let links: Vec<[u32; 2]> =
            (0..to.len() as u32).flat_map(|target| sources.clone().map(move |source| [source, target])).collect();
        let [of_from, of_to] = &viewpoints;
        let chosen = (&self.outlines, softness);
        let found = self.backend.soft_paths(&self.loaded, chosen, [of_from, of_to], &links, self.asked())?;
        let mut of_receivers = vec![Vec::new(); radios.receivers.len()];
        for (ends, paths) in links.into_iter().zip(found) {
            let own = &mut of_receivers[to[ends[1] as usize].radio as usize];
            own.extend(paths.into_iter().map(|path| (ends, path)));
        }
        of_receivers.iter_mut().for_each(|own| put_in_record_order(own, &from));
        let counts = [radios.transmitters.len(), radios.receivers.len()];
        let (paths, visibility) = self.assembled([&from, &to], counts, &of_receivers);
        let (mut channel, warnings) = self.backend.field(scene, radios, &paths, carriers)?;
        scale(&mut channel, &visibility, |v| v);
        Ok(SoftSolution { paths, channel, visibility, softness, warnings })
    }

    /// The soft paths to a range of the receivers as a tile of a run's results, and what the user should know.
    ///
    /// # Errors
    /// As [`SoftEngine::solve`].
    pub fn tile(
        &self,
        radios: &Radios,
        carriers: &[f64],
        softness: Softness,
        receivers: Range<usize>,
    ) -> Result<(Tile, Vec<String>)> {
        let first_receiver = receivers.start;
        let radios = radios.with_receivers(receivers);
        let SoftSolution { paths, channel, visibility, warnings, .. } = self.solve(&radios, carriers, softness)?;
        let visibility = visibility.into_iter().map(|of_path| of_path.value).collect();
        Ok((Tile { first_receiver, radios, paths, channel, visibility }, warnings))
    }

    fn assembled(
        &self,
        [from, to]: [&[EndPoint]; 2],
        [transmitters, receivers]: [usize; 2],
        found: &[Vec<([u32; 2], SoftPath)>],
    ) -> (Paths, Vec<Visibility>) {
        let Geometry { scene, bvh, facets } = &*self.loaded;
        let (mut paths, mut visibility) = (Paths { transmitters, receivers, ..Paths::default() }, Vec::new());
        (paths.offsets, paths.vertex_offsets) = (vec![0], vec![0]);
        for (receiver, found) in found.iter().enumerate() {
            for (ends, path) in found {
                let [source, target] = ends.map(|end| end as usize);
                let link = receiver * transmitters + from[source].radio as usize;
                paths.offsets.resize(link + 1, paths.len() as u64);
                let vertex = |(facet, position): (&u32, &Vec3)| {
                    // A vertex beside its facet is put down with the first of its triangles.
                    let triangle = facets.triangle_at(scene, bvh, *facet, position);
                    Vertex::reflection(*position, *facet, triangle.unwrap_or(facets.triangles_of(*facet)[0]))
                };
                let vertices: Vec<Vertex> = path.chain.iter().zip(&path.vertices).map(vertex).collect();
                paths.push(&self.loaded, [&from[source], &to[target]], path.length, &vertices);
                // Directions are those of the chain unfolded, also where its vertices are continued.
                let last = paths.len() - 1;
                (paths.departure[last], paths.arrival[last]) = (path.departure, path.arrival);
                visibility.push(path.visibility);
            }
        }
        paths.offsets.resize(transmitters * receivers + 1, paths.len() as u64);
        (paths, visibility)
    }

    /// The bars of everything that `wanted` names, through visibility as well, from those of the channel of a `solution`
    /// between these radios.
    ///
    /// # Errors
    /// As [`crate::path::adjoint::adjoint`]; bars of another solution.
    pub fn pull_back(
        &self,
        radios: &Radios,
        solution: &SoftSolution,
        bars: &ChannelBar,
        wanted: Wanted,
    ) -> Result<SceneBar> {
        let SoftSolution { paths, channel, visibility, .. } = solution;
        bars.check(channel, paths)?;
        // The field without visibility, and what the bars are of it: a = V a'.
        let mut field = channel.clone();
        scale(&mut field, visibility, |v| 1.0 / v);
        let mut field_bars = bars.clone();
        let of_path = |path: usize| channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
        let mut values_bar = vec![0.0; paths.len()];
        for (path, value_bar) in values_bar.iter_mut().enumerate() {
            for k in of_path(path) {
                *value_bar += bars.a[k].re * field.a[k].re + bars.a[k].im * field.a[k].im;
                field_bars.a[k] *= C64::from(visibility[path].value);
            }
        }
        let of_channel = (paths, &field, &field_bars);
        let mut scene_bar = self.backend.pull_back(&self.loaded, radios, of_channel, wanted)?;
        if wanted.moves() && !solution.softness.is_hard() {
            self.add_visibility(radios, solution, &values_bar, wanted, &mut scene_bar)?;
        }
        Ok(scene_bar)
    }

    /// Adds what bars of the visibilities say of radios, elements and vertices, path by path.
    fn add_visibility(
        &self,
        radios: &Radios,
        solution: &SoftSolution,
        values_bar: &[f64],
        wanted: Wanted,
        scene_bar: &mut SceneBar,
    ) -> Result<()> {
        let (paths, origin) = (&solution.paths, self.loaded.scene.origin);
        let links = (0..paths.links()).flat_map(|link| paths.of_link(link).map(move |path| (link, path)));
        let links: Vec<(usize, usize)> = links.collect();
        let ends_of = |(link, path): &(usize, usize)| {
            let (transmitter, receiver) = (link % paths.transmitters, link / paths.transmitters);
            let elements = [paths.transmitter_element[*path], paths.receiver_element[*path]];
            let from = At::new(&radios.transmitters[transmitter], radios, elements[0]);
            (transmitter, receiver, [from, At::new(&radios.receivers[receiver], radios, elements[1])])
        };
        let pulled = |place: &(usize, usize)| {
            let own = paths.vertices_of(place.1);
            Pulled {
                ends: ends_of(place).2.map(|end| end.position() - origin),
                chain: &paths.facet[own.clone()],
                vertices: paths.vertex[own].iter().map(|vertex| vertex - origin).collect(),
                visibility: solution.visibility[place.1],
                value_bar: values_bar[place.1],
            }
        };
        let pulled: Vec<Pulled> = links.iter().map(pulled).collect();
        let chosen = (&self.outlines, solution.softness);
        let bars = self.backend.pull_visibilities(&self.loaded, chosen, &pulled)?;
        for (place, bar) in links.iter().zip(bars) {
            let (transmitter, receiver, [from, to]) = ends_of(place);
            from.position_vjp(&bar.from, wanted, &mut scene_bar.transmitters[transmitter], &mut scene_bar.antennas);
            to.position_vjp(&bar.to, wanted, &mut scene_bar.receivers[receiver], &mut scene_bar.antennas);
            if wanted.has(ParameterKind::Vertex) {
                bar.vertices.iter().for_each(|(vertex, own)| scene_bar.vertices[*vertex as usize] += own);
            }
        }
        Ok(())
    }

    fn check_count(&self, [by_from, by_to]: &[Vec<Viewpoint>; 2]) -> Result<()> {
        let facets = self.loaded.facets.len() as f64;
        let total = |seen: &[Viewpoint]| seen.iter().map(|own| own.facets.len() as f64).sum::<f64>();
        let chains = match self.asked().max_depth {
            0 => 0.0,
            1 => total(by_from) * by_to.len() as f64,
            depth => total(by_from) * facets.powi(depth as i32 - 2) * total(by_to),
        };
        if chains <= MOST_CHAINS {
            return Ok(());
        }
        let fault =
            Fault::new("solver.max_depth", format!("smoothing looks at up to {MOST_CHAINS:e} chains one by one"));
        let fault = fault.value(format!("{} with {chains:.1e} chains", self.asked().max_depth));
        Err(Error::job(fault.remedy("lower max_depth, use a larger alpha, or fewer receivers")))
    }
}

/// Where a path begins or ends at a radio: the radio, or one of its elements.
struct At<'a> {
    radio: &'a Radio,
    element: u32,
    /// Where the element is in the antenna's own frame [m].
    offset: Vec3,
}

impl At<'_> {
    fn new<'r>(radio: &'r Radio, radios: &Radios, element: u32) -> At<'r> {
        let offsets = &radios.antennas[radio.antenna as usize].offsets;
        let offset = if element == ALL_ELEMENTS { Vec3::zeros() } else { offsets[element as usize] };
        At { radio, element, offset }
    }

    /// Position [m].
    fn position(&self) -> Vec3 {
        self.radio.position + rotation_of(self.radio.orientation) * self.offset
    }

    /// The adjoint of [`At::position`]: adds to the bars that are wanted.
    fn position_vjp(&self, bar: &Vec3, wanted: Wanted, radio_bar: &mut RadioBar, antennas_bar: &mut [AntennaBar]) {
        let Radio { orientation, antenna, .. } = *self.radio;
        if wanted.has(ParameterKind::Position) {
            radio_bar.position += bar;
        }
        if self.element != ALL_ELEMENTS && wanted.has(ParameterKind::Orientation) {
            rotation_of_vjp(orientation, &(bar * self.offset.transpose()), &mut radio_bar.orientation);
        }
        if self.element != ALL_ELEMENTS && wanted.has(ParameterKind::ElementOffset) {
            let own = &mut antennas_bar[antenna as usize].offsets[self.element as usize];
            *own += rotation_of(orientation).transpose() * bar;
        }
    }
}

/// Puts the soft paths to a receiver, each with its ends, in the order of the record.
fn put_in_record_order(paths: &mut [([u32; 2], SoftPath)], from: &[EndPoint]) {
    paths.sort_by(|(a, one), (b, other)| {
        let transmitter = |ends: &[u32; 2]| from[ends[0] as usize].radio;
        let by_link = transmitter(a).cmp(&transmitter(b)).then(one.length.total_cmp(&other.length));
        by_link.then_with(|| one.chain.cmp(&other.chain)).then(a.cmp(b))
    });
}

/// Multiplies the coefficients of each path by what `factor` makes of its visibility.
fn scale(channel: &mut Channel, visibility: &[Visibility], factor: impl Fn(f64) -> f64) {
    for (path, visibility) in visibility.iter().enumerate() {
        let own = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
        channel.a[own].iter_mut().for_each(|a| *a *= factor(visibility.value));
    }
}
