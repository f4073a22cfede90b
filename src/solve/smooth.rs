//! Paths whose visibility is smoothed: channels that are continuous wherever radios and walls are, and their adjoint through
//! visibility (T107-T110).
//!
//! What a run of `task = "paths"` does with tests that are hard is done here with soft ones: chains of facets, their
//! visibility, the field of each as if it were a path, and both together. The adjoint is that of the field with what the
//! visibility adds to it. With a sharpness of infinity it is the solver itself.

use super::{Tile, ends_of, solve};
use crate::backend::Backend;
use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::geometry::outline::Outlines;
use crate::math::{C64, Vec3};
use crate::path::adjoint::{Adjoint, ParameterKind, Run, SceneBar, Wanted};
use crate::path::field::{Feed, field_over, surfaces_of};
use crate::path::found::EndPoint;
use crate::path::refine::Vertex;
use crate::path::smooth::chains::{Asked, SoftPath, soft_paths};
use crate::path::smooth::seen::seen_from;
use crate::path::smooth::{Candidate, Softness, Test, View, Visibility, VisibilityBar};
use crate::path::{Paths, SolverOptions};
use crate::progress::Silent;
use crate::scene::Scene;
use crate::scene::radio::Radios;
use rayon::prelude::*;
use std::ops::Range;

/// More chains than this, all receivers together, would take hours to look at.
const MOST_CHAINS: f64 = 1e11;

/// A scene that is ready for soft paths.
pub struct SoftEngine<'a> {
    backend: Backend,
    geometry: Geometry<'a>,
    outlines: Outlines,
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
    /// A CUDA device; scattering, which has no smoothed form.
    pub fn new(backend: Backend, scene: &'a Scene, options: &'a SolverOptions) -> Result<SoftEngine<'a>> {
        backend.level_for("smoothed visibility")?;
        if options.scatter.any() {
            let fault = Fault::new("solver.interactions", "smoothing has line_of_sight and reflection so far");
            return Err(Error::job(fault.remedy("leave diffuse and lobe out, or remove [smoothing]")));
        }
        let geometry = Geometry::new(scene);
        let outlines = Outlines::build(&geometry);
        Ok(SoftEngine { backend, geometry, outlines, options })
    }

    /// The scene.
    pub fn geometry(&self) -> &Geometry<'a> {
        &self.geometry
    }

    fn view(&self, softness: Softness) -> View<'_> {
        View { geometry: &self.geometry, outlines: &self.outlines, softness }
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
        let scene = self.geometry.scene;
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
        let scene = self.geometry.scene;
        let [from, to] = [&radios.transmitters, &radios.receivers].map(|which| ends_of(radios, which, scene));
        let view = self.view(softness);
        // The only facet of a chain is the transmitter's first one; of longer chains the receiver knows the last.
        let seen = |ends: &[EndPoint], least_depth: u32| -> Vec<Vec<u32>> {
            if self.asked().max_depth < least_depth {
                return vec![Vec::new(); ends.len()];
            }
            ends.iter().map(|end| seen_from(&view, &end.position)).collect()
        };
        let seen = [seen(&from, 1), seen(&to, 2)];
        self.check_count(&seen)?;
        let found: Vec<Vec<(usize, usize, SoftPath)>> = (0..radios.receivers.len())
            .into_par_iter()
            .map(|receiver| self.paths_to(&view, receiver, [&from, &to], &seen))
            .collect();
        let (paths, visibility) = self.assembled([&from, &to], [radios.transmitters.len(), found.len()], &found);
        let mut warnings = Vec::new();
        let surfaces = surfaces_of(scene, carriers, &mut warnings)?;
        let mut channel = field_over(scene, &surfaces, radios, &paths, carriers, Feed::EachPort);
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

    /// All soft paths to a receiver: from which end, to which end, in the order of the record.
    fn paths_to(
        &self,
        view: &View,
        receiver: usize,
        [from, to]: [&[EndPoint]; 2],
        [seen_by_from, seen_by_to]: &[Vec<Vec<u32>>; 2],
    ) -> Vec<(usize, usize, SoftPath)> {
        let (asked, mut found) = (self.asked(), Vec::new());
        for (target, end) in to.iter().enumerate().filter(|(_, end)| end.radio as usize == receiver) {
            for (source, start) in from.iter().enumerate() {
                let facets = [&seen_by_from[source][..], &seen_by_to[target][..]];
                let paths = soft_paths(view, &start.position, &end.position, asked, facets);
                found.extend(paths.into_iter().map(|path| (source, target, path)));
            }
        }
        found.sort_by(|a, b| {
            let transmitter = |entry: &(usize, usize, SoftPath)| from[entry.0].radio;
            let by_link = transmitter(a).cmp(&transmitter(b)).then(a.2.length.total_cmp(&b.2.length));
            by_link.then_with(|| a.2.chain.cmp(&b.2.chain)).then((a.0, a.1).cmp(&(b.0, b.1)))
        });
        found
    }

    fn assembled(
        &self,
        [from, to]: [&[EndPoint]; 2],
        [transmitters, receivers]: [usize; 2],
        found: &[Vec<(usize, usize, SoftPath)>],
    ) -> (Paths, Vec<Visibility>) {
        let Geometry { scene, bvh, facets } = &self.geometry;
        let (mut paths, mut visibility) = (Paths { transmitters, receivers, ..Paths::default() }, Vec::new());
        (paths.offsets, paths.vertex_offsets) = (vec![0], vec![0]);
        for (receiver, found) in found.iter().enumerate() {
            for (source, target, path) in found {
                let link = receiver * transmitters + from[*source].radio as usize;
                paths.offsets.resize(link + 1, paths.len() as u64);
                let vertex = |(facet, position): (&u32, &Vec3)| {
                    // A vertex beside its facet is put down with the first of its triangles.
                    let triangle = facets.triangle_at(scene, bvh, *facet, position);
                    Vertex::reflection(*position, *facet, triangle.unwrap_or(facets.triangles_of(*facet)[0]))
                };
                let vertices: Vec<Vertex> = path.chain.iter().zip(&path.vertices).map(vertex).collect();
                paths.push(&self.geometry, [&from[*source], &to[*target]], path.length, &vertices);
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
    /// As [`crate::path::adjoint::adjoint`]; bars of another solution; antennas of which every element has its own paths.
    pub fn pull_back(
        &self,
        radios: &Radios,
        solution: &SoftSolution,
        bars: &ChannelBar,
        wanted: Wanted,
    ) -> Result<SceneBar> {
        if radios.any_per_element() {
            let bound = "has no gradient through visibility yet";
            let fault = Fault::new("antennas.per_element", bound).value(true);
            return Err(Error::job(fault.remedy("set per_element = false")));
        }
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
        let mut adjoint = Adjoint::new(self.geometry.scene, radios, &channel.carriers, wanted)?;
        let run =
            Run { paths, channel: &field, bars: &field_bars, first_carrier: 0, places: None, feed: Feed::EachPort };
        adjoint.add(&self.geometry, &run)?;
        let mut scene_bar = adjoint.finish()?;
        let moves = wanted.has(ParameterKind::Position) || wanted.has(ParameterKind::Vertex);
        if moves && !solution.softness.is_hard() {
            self.add_visibility(radios, solution, &values_bar, wanted, &mut scene_bar);
        }
        Ok(scene_bar)
    }

    /// Adds what bars of the visibilities say of positions and vertices, path by path.
    fn add_visibility(
        &self,
        radios: &Radios,
        solution: &SoftSolution,
        values_bar: &[f64],
        wanted: Wanted,
        scene_bar: &mut SceneBar,
    ) {
        let (view, paths, origin) = (self.view(solution.softness), &solution.paths, self.geometry.scene.origin);
        for link in 0..paths.links() {
            let [receiver, transmitter] = [link / paths.transmitters, link % paths.transmitters];
            let [to, from] = [&radios.receivers[receiver], &radios.transmitters[transmitter]];
            let [to, from] = [to, from].map(|radio| radio.position - origin);
            let bar_of = |path: usize| {
                let (mut images, mut bar) = (Vec::new(), VisibilityBar::default());
                let own = paths.vertices_of(path);
                let vertices: Vec<Vec3> = paths.vertex[own.clone()].iter().map(|vertex| vertex - origin).collect();
                let chain = &paths.facet[own];
                view.images(&from, chain, &mut images);
                let candidate = Candidate { chain, images: &images, receiver: &to };
                view.visibility_vjp(&candidate, &vertices, &solution.visibility[path], values_bar[path], &mut bar);
                bar
            };
            let bars: Vec<VisibilityBar> = paths.of_link(link).into_par_iter().with_min_len(16).map(bar_of).collect();
            for bar in bars {
                if wanted.has(ParameterKind::Position) {
                    scene_bar.transmitters[transmitter].position += bar.from;
                    scene_bar.receivers[receiver].position += bar.to;
                }
                if wanted.has(ParameterKind::Vertex) {
                    bar.vertices.iter().for_each(|(vertex, own)| scene_bar.vertices[*vertex as usize] += own);
                }
            }
        }
    }

    fn check_count(&self, [by_from, by_to]: &[Vec<Vec<u32>>; 2]) -> Result<()> {
        let facets = self.geometry.facets.len() as f64;
        let total = |seen: &[Vec<u32>]| seen.iter().map(|own| own.len() as f64).sum::<f64>();
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

/// Multiplies the coefficients of each path by what `factor` makes of its visibility.
fn scale(channel: &mut Channel, visibility: &[Visibility], factor: impl Fn(f64) -> f64) {
    for (path, visibility) in visibility.iter().enumerate() {
        let own = channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize;
        channel.a[own].iter_mut().for_each(|a| *a *= factor(visibility.value));
    }
}
