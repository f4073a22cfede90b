//! What scattering adds to the paths of a tile (theory.md, "Diffuse scattering", "Lobes").

use super::tracer::Tracer;
use crate::backend::On;
use crate::channel::Channel;
use crate::channel::cluster::{Clusters, clusters};
use crate::error::{Error, Fault, Result};
use crate::geometry::facet::Facets;
use crate::geometry::region::regions;
use crate::interaction::scattering::Scattering;
use crate::layout::IN_PLANE_M;
use crate::math::Vec3;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::found::{EndPoint, FoundPaths};
use crate::path::receivers::ReceiverBoxes;
use crate::path::refine::Vertex;
use crate::path::scatter::aim::{Aims, aimed};
use crate::path::scatter::connect::{Towards, connect};
use crate::path::scatter::facets::{SmallFacets, over_facets};
use crate::path::scatter::launch::{Shower, Surfaces, scatterers};
use crate::path::scatter::{ScatterOptions, Scatterer, Scatterers};
use crate::path::search::{Ends, Span};
use crate::path::{Interaction, Paths, SolverOptions};
use crate::progress::Silent;
use crate::scene::Scene;
use crate::scene::material::Surface;

/// A lobe is cut where it has fallen by e to the minus this [-]: its tail beyond holds 2e-9 of the power.
const CUT: f64 = 20.0;
/// Diffuse paths of one transmitter: about 15 GB.
const MOST_SCATTERED: usize = 50_000_000;

/// What a scene's materials do with waves, besides reflecting them.
pub struct Scattered {
    options: ScatterOptions,
    patterns: Vec<Option<Scattering>>,
    concentration: Vec<Option<f64>>,
    has_lobe: Vec<bool>,
    towards: Towards,
}

impl Scattered {
    /// Of the materials of a scene at the first of the `carriers` [Hz]: patterns and lobes do not depend on it.
    ///
    /// # Errors
    /// A material that is not defined at the carrier.
    pub fn new(scene: &Scene, carriers: &[f64], options: &ScatterOptions) -> Result<Scattered> {
        let carrier = carriers.first().copied().filter(|_| options.any());
        let Some(carrier) = carrier else { return Ok(Scattered::nothing(options)) };
        let at = |material: &crate::scene::material::Material| Ok(material.at(carrier)?.0);
        let surfaces: Vec<Surface> = scene.materials.iter().map(at).collect::<Result<_>>()?;
        let lobe = |surface: &Surface| surface.lobe.as_ref().filter(|_| options.lobe).map(|lobe| lobe.concentration());
        let concentration: Vec<Option<f64>> = surfaces.iter().map(lobe).collect();
        let patterns: Vec<Option<Scattering>> =
            surfaces.iter().map(|one| (options.diffuse && one.scatters()).then(|| one.scattering.clone())).collect();
        let towards = Towards {
            diffuse: patterns.iter().map(Option::is_some).collect(),
            lobe: concentration.iter().map(|kappa| kappa.map(|kappa| 1.0 - CUT / kappa)).collect(),
        };
        let has_lobe = concentration.iter().map(Option::is_some).collect();
        Ok(Scattered { options: *options, patterns, concentration, has_lobe, towards })
    }

    fn nothing(options: &ScatterOptions) -> Scattered {
        let towards = Towards { diffuse: Vec::new(), lobe: Vec::new() };
        let (patterns, concentration, has_lobe) = (Vec::new(), Vec::new(), Vec::new());
        Scattered { options: *options, patterns, concentration, has_lobe, towards }
    }

    /// Whether nothing is scattered.
    pub fn is_empty(&self) -> bool {
        !self.towards.diffuse.iter().chain(&self.has_lobe).any(|does| *does)
    }

    /// The surfaces that lobes know [`regions`] of: neighbours whose normals agree within three times the noise that the
    /// concentration is made for, sqrt(1/(8 kappa)) an axis, of their difference.
    fn regions(&self, tracer: &Tracer) -> Vec<u32> {
        let turn = |kappa: &Option<f64>| kappa.map(|kappa| 3.0 * std::f64::consts::SQRT_2 / (8.0 * kappa).sqrt());
        regions(&tracer.geometry, &self.concentration.iter().map(turn).collect::<Vec<_>>())
    }

    /// Takes the place of specular reflections that a lobe stands for, and adds scattered paths, for one source of
    /// `found`.
    ///
    /// # Errors
    /// The device failed.
    pub fn add(&self, tracer: &mut Tracer, source: usize, ends: &[EndPoint], found: &mut FoundPaths) -> Result<()> {
        self.leave_to_lobes(&tracer.geometry.facets, found);
        let receivers: Vec<Vec3> = ends.iter().map(|end| end.position).collect();
        let points = self.points(tracer, source)?;
        if self.options.diffuse {
            check_number(points.points.len(), receivers.len())?;
        }
        let chains = self.chains(tracer, source)?;
        let small = SmallFacets::new(&tracer.geometry, &self.concentration, &tracer.sources[source].position);
        let aims = Aims {
            chains: chains.as_ref(),
            small: &small,
            concentration: &self.concentration,
            rays: self.options.rays as f64,
            samples: self.options.lobe_samples,
            key: key_of(tracer.options, source),
        };
        let on = On { backend: &tracer.backend, loaded: &tracer.geometry };
        found.append(&connect(&on, &tracer.geometry, &self.towards, &points, &receivers, &aims)?);
        found.append(&over_facets(&on, &tracer.geometry, &self.towards, &small, &receivers)?);
        found.append(&aimed(&on, &tracer.geometry, &self.towards, &receivers, &aims)?);
        if self.options.diffuse && tracer.options.reflection {
            let more = self.reflected_afterwards(tracer, &points, &receivers)?;
            found.append(&more);
        }
        Ok(())
    }

    /// Drops the specular paths whose last reflection a lobe stands for.
    pub fn leave_to_lobes(&self, facets: &Facets, found: &mut FoundPaths) {
        if self.has_lobe.contains(&true) {
            found
                .retain(|vertices| !vertices.last().is_some_and(|vertex: &Vertex| self.is_lobes(facets, vertex.facet)));
        }
    }

    /// Whether lobes stand for what ends in a reflection at `facet`.
    pub fn is_lobes(&self, facets: &Facets, facet: u32) -> bool {
        self.has_lobe.get(facets.material[facet as usize] as usize).is_some_and(|has| *has)
    }

    /// The points that rays of one source are scattered at.
    fn points(&self, tracer: &Tracer, source: usize) -> Result<Scatterers> {
        let surfaces = Surfaces { diffuse: &self.patterns, lobe: &self.has_lobe };
        let shower = Shower {
            source: tracer.sources[source].position,
            count: self.options.rays,
            max_depth: tracer.options.max_depth as usize,
            specular: tracer.options.reflection,
            key: key_of(tracer.options, source),
        };
        let on = On { backend: &tracer.backend, loaded: &tracer.geometry };
        scatterers(&on, &tracer.geometry, &surfaces, &shower)
    }

    /// The chains that lobes are aimed at: those of specular paths, or of one reflection where these are not wanted.
    fn chains(&self, tracer: &mut Tracer, source: usize) -> Result<Option<ChainTrie>> {
        if !self.has_lobe.contains(&true) || self.options.lobe_samples == 0 {
            return Ok(None);
        }
        let max_depth = if tracer.options.reflection { tracer.options.max_depth } else { 1 };
        let options = SolverOptions { reflection: true, max_depth, ..tracer.options.clone() };
        let (from, mut counters) = (tracer.sources[source].position, Counters::default());
        tracer.backend.chains(&tracer.geometry, &Span::from(&from), &options, &mut counters, &Silent).map(Some)
    }

    /// Paths that are reflected on their way from a diffuse point to a receiver: specular chains from the receiver to the
    /// point, walked backwards.
    fn reflected_afterwards(&self, tracer: &Tracer, points: &Scatterers, receivers: &[Vec3]) -> Result<FoundPaths> {
        let mut all = FoundPaths::default();
        let facets = &tracer.geometry.facets;
        let material = |facet: u32| facets.material[facet as usize] as usize;
        let max_depth = tracer.options.max_depth;
        let scatters = |place: &usize| {
            let point = &points.points[*place];
            self.towards.diffuse[material(point.vertex.facet)] && points.way_to(point).len() + 2 <= max_depth as usize
        };
        let places: Vec<usize> = (0..points.points.len()).filter(scatters).collect();
        if places.is_empty() {
            return Ok(all);
        }
        let positions: Vec<Vec3> = places.iter().map(|place| points.points[*place].vertex.position).collect();
        let boxes = ReceiverBoxes::of_all(&positions);
        let ends = Some(Ends { bounds: *boxes.run(), count: positions.len() });
        let options = SolverOptions { line_of_sight: false, max_depth: max_depth - 1, ..tracer.options.clone() };
        for (receiver, position) in (0..).zip(receivers) {
            let mut counters = Counters::default();
            let (backend, geometry) = (&tracer.backend, &tracer.geometry);
            let span = Span { source: *position, ends };
            let trie = backend.chains(geometry, &span, &options, &mut counters, &Silent)?;
            let back = backend.connect(geometry, &trie, &boxes, &options, &mut counters, &Silent)?;
            for path in back.in_order() {
                let point = &points.points[places[back.receiver[path] as usize]];
                let (way, behind) = (points.way_to(point), back.vertices_of(path));
                let (first, last) = (&behind[0], &behind[behind.len() - 1]);
                let fits = way.len() + 1 + behind.len() <= max_depth as usize;
                // A lobe stands for the last reflection at its material.
                if !fits || self.has_lobe[material(first.facet)] || !is_on_the_same_side(facets, point, &last.position)
                {
                    continue;
                }
                if points.slips_through(&tracer.geometry, point, &last.position) {
                    continue;
                }
                let here = Vertex { interaction: Interaction::Diffuse, ..point.vertex };
                let vertices = way.iter().copied().chain([here]).chain(behind.iter().rev().copied());
                all.push_chain(receiver, point.travelled + back.length[path], vertices);
            }
        }
        Ok(all)
    }

    /// Which samples of lobes belong together; `None`: there are no lobes.
    pub fn clusters(
        &self,
        tracer: &Tracer,
        paths: &Paths,
        channel: &Channel,
        bandwidth: Option<f64>,
    ) -> Option<Clusters> {
        self.has_lobe.contains(&true).then(|| clusters(paths, channel, &self.regions(tracer), bandwidth))
    }
}

/// Whether a wave may leave a point towards `next`: on the side that it came from.
fn is_on_the_same_side(facets: &Facets, point: &Scatterer, next: &Vec3) -> bool {
    let normal = Vec3::from(facets.plane(point.vertex.facet).normal);
    let normal = normal * -1f64.copysign(normal.dot(&point.incoming));
    normal.dot(&(next - point.vertex.position)) > IN_PLANE_M
}

/// Diffuse scattering makes a path of nearly every point and receiver that see each other.
fn check_number(points: usize, receivers: usize) -> Result<()> {
    let most = points.saturating_mul(receivers);
    if most <= MOST_SCATTERED {
        return Ok(());
    }
    let bound =
        format!("makes up to {most} paths of one transmitter, and {MOST_SCATTERED} are the most that memory can hold");
    let remedy = "lower it, take fewer receivers, or use task = \"map\", which keeps no paths";
    Err(Error::job(Fault::new("solver.scatter_rays", bound).remedy(remedy)))
}

fn key_of(options: &SolverOptions, source: usize) -> [u32; 2] {
    [options.seed as u32 ^ (source as u32).rotate_left(16), (options.seed >> 32) as u32 ^ 0x5CA7_7E12]
}
