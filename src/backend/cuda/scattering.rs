//! Materials in the device's memory: what they reflect, and the tables of what they scatter.
//!
//! Records hold addresses of parts, and parts those of tables, so that a kernel reads a surface as the CPU does. What lies
//! here is read by kernels of the stream that copied it.

use super::buffer::Buffer;
use crate::error::Result;
use crate::layout::{NODE_NUMBERS, PartAt, Pointer, ScatteringAt, SingleLobeAt, SurfaceAt};
use crate::scene::material::Surface;
use crate::scene::scattering::{LobeTable, Part, SingleLobe};
use cudarc::driver::{CudaSlice, CudaStream};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Surfaces on the device, kept from call to call.
#[derive(Default)]
pub struct Surfaces {
    tables: Buffer<f64>,
    parts: Buffer<PartAt>,
    records: Buffer<SurfaceAt>,
}

impl Surfaces {
    /// Copies `surfaces`.
    ///
    /// # Errors
    /// The device has too little memory, or failed.
    pub fn upload<'a>(
        &mut self,
        stream: &Arc<CudaStream>,
        surfaces: impl Iterator<Item = &'a Surface> + Clone,
    ) -> Result<&CudaSlice<SurfaceAt>> {
        self.place(stream, surfaces)?;
        Ok(self.get())
    }

    /// Copies `surfaces`; where they lie, until the next copy.
    ///
    /// # Errors
    /// As [`Surfaces::upload`].
    pub fn place<'a>(
        &mut self,
        stream: &Arc<CudaStream>,
        surfaces: impl Iterator<Item = &'a Surface> + Clone,
    ) -> Result<Pointer<SurfaceAt>> {
        let mut tables = Tables::default();
        for part in surfaces.clone().flat_map(parts_of) {
            [&part.forward, &part.backward].into_iter().flatten().for_each(|lobe| tables.add(&lobe.table));
        }
        let at = self.tables.place(stream, &tables.numbers)?;
        let records: Vec<PartAt> =
            surfaces.clone().flat_map(parts_of).map(|part| part_record(part, &tables, at)).collect();
        let mut part = self.parts.place(stream, &records)?;
        let records: Vec<SurfaceAt> = surfaces.map(|surface| surface_record(surface, &mut part)).collect();
        self.records.place(stream, &records)
    }

    /// What was uploaded last.
    pub fn get(&self) -> &CudaSlice<SurfaceAt> {
        self.records.get()
    }
}

/// The parts of a surface as they lie on the device: those of its pattern, then its lobe.
fn parts_of(surface: &Surface) -> impl Iterator<Item = &Part> + Clone {
    surface.scattering.parts.iter().chain(surface.lobe.as_ref().map(|lobe| &lobe.part))
}

/// Tables one after another; those that surfaces share stand once.
#[derive(Default)]
struct Tables {
    numbers: Vec<f64>,
    /// First number of the normaliser of each table; its furnace follows.
    first: BTreeMap<*const LobeTable, usize>,
}

impl Tables {
    fn add(&mut self, table: &Arc<LobeTable>) {
        if let Entry::Vacant(place) = self.first.entry(Arc::as_ptr(table)) {
            place.insert(self.numbers.len());
            self.numbers.extend(table.normaliser.iter().chain(&table.furnace).flatten());
        }
    }
}

/// The place `items` further on.
fn behind<T>(place: Pointer<T>, items: usize) -> Pointer<T> {
    Pointer::new(place.address + (items * size_of::<T>()) as u64)
}

fn lobe_record(lobe: Option<&SingleLobe>, tables: &Tables, at: Pointer<f64>) -> SingleLobeAt {
    let none = SingleLobeAt {
        normaliser: Pointer::new(0),
        furnace: Pointer::new(0),
        sharpness: 0.0,
        reach: 0.0,
        full: 0.0,
        normal: 0.0,
        full_slope: 0.0,
        normal_slope: 0.0,
        nodes: [0; 2],
        shape: 0,
        unused: 0,
    };
    let Some(SingleLobe { shape, sharpness, table }) = lobe else { return none };
    let normaliser = behind(at, tables.first[&Arc::as_ptr(table)]);
    SingleLobeAt {
        normaliser,
        furnace: behind(normaliser, NODE_NUMBERS as usize * table.normaliser.len()),
        sharpness: *sharpness,
        reach: table.reach,
        full: table.full,
        normal: table.normal,
        full_slope: table.full_slope,
        normal_slope: table.normal_slope,
        nodes: [table.normaliser.len() as u32, table.furnace.len() as u32],
        shape: *shape as u32,
        unused: 0,
    }
}

fn part_record(part: &Part, tables: &Tables, at: Pointer<f64>) -> PartAt {
    PartAt {
        forward: lobe_record(part.forward.as_ref(), tables, at),
        backward: lobe_record(part.backward.as_ref(), tables, at),
        weight: part.weight,
        forward_share: part.forward_share,
        reciprocal: part.reciprocal.into(),
        unused: 0,
    }
}

/// The record of a surface whose parts begin at `part`, which moves on to the next one's.
fn surface_record(surface: &Surface, part: &mut Pointer<PartAt>) -> SurfaceAt {
    let scattering = &surface.scattering;
    let parts = *part;
    let lobe = behind(parts, scattering.parts.len());
    *part = behind(lobe, surface.lobe.iter().len());
    SurfaceAt {
        eta: [surface.eta.re, surface.eta.im],
        thickness: surface.thickness,
        specular_share: surface.specular_share,
        roughness: surface.roughness,
        scattering: ScatteringAt {
            parts,
            coefficient: scattering.coefficient,
            xpd: scattering.xpd,
            total_weight: scattering.total_weight,
            part_count: scattering.parts.len() as u32,
            unused: 0,
        },
        lobe: if surface.lobe.is_some() { lobe } else { Pointer::new(0) },
    }
}
