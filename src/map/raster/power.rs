//! What a chain is worth at a point of the sheet: T81 by replaying the chain, without a path that would hold it.

use crate::constants::SPEED_OF_LIGHT;
use crate::geometry::facet::Facets;
use crate::interaction::line_of_sight::spreading;
use crate::interaction::reflection::{self, mirror};
use crate::map::fed::Fed;
use crate::math::Vec3;
use crate::path::chain::ChainTrie;
use crate::path::refine::{Vertex, meeting};
use crate::scene::material::Surface;

/// Loss of a slab, one way [nepers], from which on its far side does not show in the reflection.
const OPAQUE_NEPERS: f64 = 4.0;

/// The field of one transmitter.
pub struct Power<'a> {
    /// Facets of the scene.
    pub facets: &'a Facets,
    /// Chains of the transmitter.
    pub trie: &'a ChainTrie,
    /// Carriers [Hz].
    pub carriers: &'a [f64],
    /// Surfaces `[carrier][material]`.
    pub surfaces: &'a [Vec<Surface>],
    /// The transmitter.
    pub source: Fed<'a>,
    /// The receiver at every point.
    pub receiver: Fed<'a>,
}

/// A chain that is replayed at many points.
#[derive(Debug, Default)]
pub struct Replayed {
    node: u32,
    /// Facets, first to last.
    chain: Vec<u32>,
    image: Vec3,
    /// How much faster the field turns than a point source's: by the size of arrays, and by slabs that are seen through, in
    /// wavelengths.
    pub ripples: f64,
}

impl Replayed {
    /// How far the image is from a point [m].
    pub fn distance(&self, point: &Vec3) -> f64 {
        (point - self.image).norm()
    }
}

impl Power<'_> {
    /// Makes ready for replaying a node's chain.
    pub fn open(&self, node: u32, replayed: &mut Replayed) {
        self.trie.chain_into(node, &mut replayed.chain);
        replayed.node = node;
        replayed.image = self.trie.image[node as usize];
        let shortest = SPEED_OF_LIGHT / self.carriers.iter().fold(0.0, |high: f64, f| high.max(*f));
        let materials = replayed.chain.iter().map(|facet| self.facets.material[*facet as usize] as usize);
        let seen_through = |surface: &Surface, frequency: f64| {
            let nepers =
                -std::f64::consts::TAU * frequency / SPEED_OF_LIGHT * surface.thickness * surface.eta.sqrt().im;
            if nepers < OPAQUE_NEPERS { surface.thickness } else { 0.0 }
        };
        let slab = |material: usize| {
            let at = self.carriers.iter().zip(self.surfaces);
            at.map(|(frequency, surfaces)| seen_through(&surfaces[material], *frequency)).fold(0.0, f64::max)
        };
        let size = materials.map(slab).fold(self.source.end.size().max(self.receiver.end.size()), f64::max);
        /// A field that turns by an eighth of a wave over a cell is as smooth as the fall of power eight cells away.
        const PER_WAVELENGTH: f64 = 0.5;
        replayed.ripples = PER_WAVELENGTH * size / shortest;
    }

    /// Where the way to a point of the sheet, which an open chain reaches, is reflected, into `vertices`.
    pub fn vertices(&self, replayed: &Replayed, point: &Vec3, vertices: &mut Vec<Vertex>) {
        vertices.clear();
        let (mut node, mut target) = (replayed.node as usize, *point);
        while node != 0 {
            let facet = self.trie.facet[node];
            let position = meeting(&self.trie.image[node], &target, self.facets.plane(facet));
            // Which of the facet's triangles it is makes no difference to a reflection.
            vertices.push(Vertex::reflection(position, facet, self.facets.triangles_of(facet)[0]));
            (target, node) = (position, self.trie.parent[node] as usize);
        }
        vertices.reverse();
    }

    /// Powers at a point of the sheet, which an open chain reaches, into `gains` `[carrier]`; the length of the way [m].
    pub fn at(&self, replayed: &Replayed, point: &Vec3, gains: &mut [f64]) -> f64 {
        let unfolded = point - replayed.image;
        let length = unfolded.norm();
        // The direction of departure, through the mirrors backwards.
        let mut k = unfolded / length;
        for facet in replayed.chain.iter().rev() {
            k = mirror(&k, &Vec3::from(self.facets.plane(*facet).normal));
        }
        let departure = k;
        for ((frequency, surfaces), gain) in self.carriers.iter().zip(self.surfaces).zip(gains) {
            let mut field = self.source.transmitted(&departure, *frequency);
            k = departure;
            for facet in &replayed.chain {
                let n = Vec3::from(self.facets.plane(*facet).normal);
                let surface = &surfaces[self.facets.material[*facet as usize] as usize];
                let coefficients = reflection::coefficients(surface, reflection::cos_incidence(&k, &n), *frequency);
                field = reflection::reflect(&field, &k, &n, &coefficients);
                k = mirror(&k, &n);
            }
            *gain = self.receiver.received(&k, &field, *frequency) * spreading(length, *frequency).powi(2);
        }
        length
    }
}
