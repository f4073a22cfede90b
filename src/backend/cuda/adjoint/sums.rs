//! From the bars of paths to those that the CPU's adjoint adds up, block by block.

use super::order::{Order, joined, parted};
use super::{Part, Plan};
use crate::backend::cuda::kernels::adjoint::{Array, Extent, Segments};
use crate::error::Result;
use crate::interaction::SurfaceBar;
use crate::interaction::scattering::PartBar;
use crate::layout::{CORNERS_BAR, END_BAR, PART_BAR, PLANE_BAR, SCATTER_BAR, SURFACE_BAR, SURFACE_IN_SCATTER_BAR};
use crate::math::{C64, Mat3, Vec3};
use crate::path::ALL_ELEMENTS;
use crate::path::adjoint::{EndBar, Ledger, ParameterKind, Sums, offset_vjp};
use crate::path::field::BLOCK;
use std::ops::Range;

/// What bars are added up of: each has targets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Surfaces: carrier * materials + material, of all carriers.
    Surfaces,
    /// Parts of patterns: material and part.
    Parts,
    /// Ends: receivers, then transmitters; where places are kept, these in place of receivers.
    Ends,
    /// Offsets in global axes: end as above, and element.
    Offsets,
    /// Carriers.
    Carriers,
    /// Planes: patch.
    Planes,
    /// Corners of triangles: triangle.
    Corners,
}

/// All lists.
pub const LISTS: [List; 7] =
    [List::Surfaces, List::Parts, List::Ends, List::Offsets, List::Carriers, List::Planes, List::Corners];

impl List {
    /// The array that holds the items.
    fn array(self) -> Array {
        match self {
            List::Surfaces => Array::VerticesBar,
            List::Parts => Array::PartsBar,
            List::Ends => Array::EndsBar,
            List::Offsets => Array::OffsetsBar,
            List::Carriers => Array::CarriersBar,
            List::Planes => Array::PlanesBar,
            List::Corners => Array::CornersBar,
        }
    }

    /// How many items there are, at the most.
    pub fn items(self, extent: &Extent) -> u64 {
        let Extent { paths, vertices, carriers, slots, parts, .. } = *extent;
        match self {
            List::Surfaces => vertices * carriers,
            List::Parts => parts * carriers,
            List::Ends => 2 * paths,
            List::Offsets => slots,
            List::Carriers => paths * carriers,
            List::Planes | List::Corners => vertices,
        }
    }

    /// Numbers of a sum.
    pub fn width(self) -> u32 {
        match self {
            List::Surfaces => SURFACE_BAR,
            List::Parts => PART_BAR,
            List::Ends => END_BAR,
            List::Offsets => 3,
            List::Carriers => 1,
            List::Planes => PLANE_BAR,
            List::Corners => CORNERS_BAR,
        }
    }

    /// Numbers of an item, and the first of those that are added up.
    fn layout(self) -> (u32, u32) {
        match self {
            List::Surfaces => (SCATTER_BAR, SURFACE_IN_SCATTER_BAR),
            other => (other.width(), 0),
        }
    }
}

impl Plan<'_> {
    /// Adds what a part's paths give to `sums`, block by block.
    pub(super) fn add_up(&self, part: &mut Part, own: &Range<usize>, sums: &mut Sums) -> Result<()> {
        let lists = LISTS.into_iter().filter(|list| match list {
            List::Offsets => self.wanted.moves(),
            List::Planes | List::Corners => self.deforms(),
            List::Surfaces | List::Parts | List::Ends | List::Carriers => true,
        });
        let mut added = Vec::new();
        for list in lists {
            let order = Order::new(own.clone(), |block| self.pairs_of(list, own, block));
            added.push((list, self.sums_of(part, list, &order)?, order));
        }
        for block in 0..own.len().div_ceil(BLOCK) {
            let mut ledger = Ledger::default();
            for (list, numbers, order) in &added {
                let width = list.width() as usize;
                for segment in order.of_block(block) {
                    let sum = &numbers[segment * width..(segment + 1) * width];
                    self.enter(*list, order.targets[segment], sum, &mut ledger);
                }
            }
            self.enter_direct(own, block, &mut ledger);
            sums.add(&ledger);
        }
        Ok(())
    }

    /// Puts down the bars of the direct ways between the ends of a block's paths: no path is walked for them.
    fn enter_direct(&self, own: &Range<usize>, block: usize, ledger: &mut Ledger) {
        if self.bars.direct.is_empty() || !(self.wanted.has(ParameterKind::Position) || self.keeps_places) {
            return;
        }
        let first = own.start + block * BLOCK;
        for path in first..own.end.min(first + BLOCK) {
            let [receiver, transmitter] = [0, 1].map(|side| self.radio(side, self.ends_of_paths[path][side]).position);
            // Where both ends are one point their distance is at its least.
            let along = (receiver - transmitter).try_normalize(0.0).unwrap_or_default() * self.bars.direct[path];
            if self.keeps_places {
                ledger.places.push((path as u32, along));
            }
            for (side, position) in [along, -along].into_iter().enumerate() {
                ledger.ends.push((self.number_of(path, side) as u32, EndBar { position, ..EndBar::default() }));
            }
        }
    }

    /// Sums of a list `[segment, width]`.
    fn sums_of(&self, part: &mut Part, list: List, order: &Order) -> Result<Vec<f64>> {
        let (stream, (stride, first), width) = (&self.cuda.stream, list.layout(), list.width());
        part.items.upload(stream, &order.items)?;
        part.begins.upload(stream, &order.begins)?;
        let segments = Segments {
            values: part.arrays[list.array() as usize].get(),
            stride,
            first,
            width,
            items: part.items.get(),
            begins: part.begins.get(),
            count: order.targets.len() as u32,
        };
        self.cuda.kernels.sum_segments(stream, &segments, part.sums.get_mut())?;
        part.sums_back.begin(stream, part.sums.get(), order.targets.len() * width as usize)?;
        Ok(part.sums_back.wait()?.to_vec())
    }

    /// What the paths of a block add to what: (target, item); items count from those of the part `own`.
    fn pairs_of(&self, list: List, own: &Range<usize>, block: Range<usize>) -> Vec<(u64, u32)> {
        let (carriers, first) = (self.channel.carriers.len(), self.vertices_of(own).start);
        let (first_part, vertices) = (self.parts[first], self.vertices_of(&block));
        let materials = self.geometry.scene.materials.len();
        let first_carrier = self.first_carrier;
        let at_carriers = |place: usize| {
            (0..carriers).map(move |carrier| (first_carrier + carrier, (place * carriers + carrier) as u32))
        };
        match list {
            List::Surfaces => {
                let of = |v: usize| {
                    let material = self.material_of(v) as usize;
                    at_carriers(v - first).map(move |(c, item)| ((c * materials + material) as u64, item))
                };
                vertices.flat_map(of).collect()
            }
            List::Parts => {
                let of = |v: usize| {
                    let (material, count) = (self.material_of(v), self.parts_of(v));
                    let begin = (self.parts[v] - first_part) as usize * carriers;
                    (0..carriers * count).map(move |k| (joined(material, (k % count) as u32), (begin + k) as u32))
                };
                vertices.flat_map(of).collect()
            }
            List::Ends => {
                let of =
                    |path: usize| [0, 1].map(|side| (self.end_of(path, side), (2 * (path - own.start) + side) as u32));
                block.flat_map(of).collect()
            }
            List::Offsets => block.flat_map(|path| self.offsets_of(path, own.start)).collect(),
            List::Carriers => {
                block.flat_map(|path| at_carriers(path - own.start).map(|(c, item)| (c as u64, item))).collect()
            }
            List::Planes => vertices
                .map(|v| (self.geometry.facets.patch[self.paths.facet[v] as usize].into(), (v - first) as u32))
                .collect(),
            List::Corners => {
                let anchors = vertices.filter(|v| self.paths.interaction[*v].is_scattering());
                anchors.map(|v| (self.placed(v, first).triangle.into(), (v - first) as u32)).collect()
            }
        }
    }

    /// The number of a path's radio among receivers, then transmitters, as they are added up.
    fn number_of(&self, path: usize, side: usize) -> u64 {
        let radio = u64::from(self.ends_of_paths[path][side]);
        match side {
            0 if self.is_survey => 0,
            0 => radio,
            _ => u64::from(self.receivers()) + radio,
        }
    }

    /// What the bar of a path's end is added to: a radio, or a place, which is a path's, joined to 1.
    fn end_of(&self, path: usize, side: usize) -> u64 {
        if self.keeps_places && side == 0 { joined(1, path as u32) } else { self.number_of(path, side) }
    }

    /// Receivers as they are added up.
    fn receivers(&self) -> u32 {
        if self.is_survey { 1 } else { self.ends.receivers.len() as u32 }
    }

    /// The elements that a path speaks of, and their slots, at all carriers.
    fn offsets_of(&self, path: usize, first: usize) -> impl Iterator<Item = (u64, u32)> {
        let (elements, element, carriers) =
            (self.elements_of(path), self.element_of(path), self.channel.carriers.len());
        let both = u64::from(elements[0] + elements[1]);
        let begin = self.slots[path] - self.slots[first];
        [0, 1].into_iter().flat_map(move |side| {
            let radio = self.number_of(path, side) as u32;
            let before = if side == 0 { 0 } else { u64::from(elements[0]) };
            (0..elements[side]).flat_map(move |k| {
                let number = if element[side] == ALL_ELEMENTS { k } else { element[side] };
                let slot = move |c: usize| (begin + c as u64 * both + before + u64::from(k)) as u32;
                (0..carriers).map(move |c| (joined(radio, number), slot(c)))
            })
        })
    }

    /// Puts a sum down as the CPU's adjoint does.
    fn enter(&self, list: List, target: u64, sum: &[f64], ledger: &mut Ledger) {
        let vector = |at: usize| Vec3::new(sum[at], sum[at + 1], sum[at + 2]);
        match list {
            List::Surfaces => ledger.surfaces.push((target as u32, surface_bar(sum))),
            List::Parts => {
                let (material, part) = parted(target);
                let bar = PartBar { weight: sum[0], forward_share: sum[1], forward: sum[2], backward: sum[3] };
                ledger.parts.push(((material, part), bar));
            }
            List::Ends => {
                let rotation = Mat3::from_row_slice(&sum[3..12]);
                let bar = EndBar { position: vector(0), rotation, velocity: vector(12), gain: sum[15] };
                match parted(target) {
                    (1, path) => {
                        ledger.places.push((path, bar.position));
                        ledger.ends.push((self.number_of(path as usize, 0) as u32, bar));
                    }
                    (_, radio) => ledger.ends.push((radio, bar)),
                }
            }
            List::Offsets => {
                let (number, element) = parted(target);
                let receivers = self.receivers();
                let (side, radio) = if number < receivers { (0, number) } else { (1, number - receivers) };
                let (end, antenna) = (self.end(side, radio), self.radio(side, radio).antenna);
                let mut bar = EndBar::default();
                offset_vjp(end, (antenna, element), &vector(0), &mut bar.rotation, ledger);
                ledger.ends.push((number, bar));
            }
            List::Carriers => ledger.carriers.push((target as u32, sum[0])),
            List::Planes => {
                let (scene, facets) = (self.geometry.scene, &self.geometry.facets);
                // All facets of a patch have its plane.
                let facet = facets.of_patch(target as u32)[0];
                ledger.vertices.extend(facets.plane_vjp(scene, facet, &vector(0), sum[3]));
            }
            List::Corners => {
                let vertices = self.geometry.scene.triangles[target as usize];
                ledger.vertices.extend(vertices.into_iter().zip([vector(0), vector(3), vector(6)]));
            }
        }
    }
}

fn surface_bar(sum: &[f64]) -> SurfaceBar {
    SurfaceBar {
        eta: C64::new(sum[0], sum[1]),
        thickness: sum[2],
        specular_share: sum[3],
        roughness: sum[4],
        scattering: sum[5],
        xpd: sum[6],
        lobe: sum[7],
    }
}
