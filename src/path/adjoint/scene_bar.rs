//! Bars of a scene, and how they are added up.

use super::{EndBar, Ledger, ParameterKind, Wanted};
use crate::error::{Error, Fault, Result};
use crate::interaction::SurfaceBar;
use crate::interaction::scattering::PartBar;
use crate::math::Vec3;
use crate::math::frame::rotation_of_vjp;
use crate::scene::Scene;
use crate::scene::itu::{self, RowBar};
use crate::scene::material::{Material, Permittivity, Surface, complex_permittivity_vjp};
use crate::scene::radio::{Radio, Radios};

/// Derivatives of a loss by what a scene and its radios are made of, in their shapes and order. What was not wanted is 0 or
/// empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SceneBar {
    /// Of materials `[material]`.
    pub materials: Vec<MaterialBar>,
    /// Of transmitters `[transmitter]`.
    pub transmitters: Vec<RadioBar>,
    /// Of receivers `[receiver]`.
    pub receivers: Vec<RadioBar>,
    /// Of antennas `[antenna]`.
    pub antennas: Vec<AntennaBar>,
    /// Of vertices `[vertex]` [1/m]; empty unless wanted.
    pub vertices: Vec<Vec3>,
    /// Of carriers `[carrier]` [1/Hz].
    pub carriers: Vec<f64>,
}

/// Derivatives by what a material is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MaterialBar {
    /// By eps_r at each carrier `[carrier]` [-].
    pub relative_permittivity: Vec<f64>,
    /// By sigma at each carrier `[carrier]` [m/S].
    pub conductivity: Vec<f64>,
    /// By what eps_r and sigma are made of.
    pub permittivity: PermittivityBar,
    /// By the thickness [1/m]; 0 for a half space.
    pub thickness: f64,
    /// By sigma_h [1/m].
    pub roughness: f64,
    /// By S [-].
    pub scattering: f64,
    /// By K_x [-].
    pub xpd: f64,
    /// By weights, shares and sharpnesses of the parts of the pattern `[part]` [-].
    pub parts: Vec<PartBar>,
    /// By the sharpness of the lobe [-].
    pub lobe: f64,
}

/// Derivatives by what [`Permittivity`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum PermittivityBar {
    /// Rows of the ITU table.
    Itu {
        /// By a, b, c and d of the row that holds at each carrier `[carrier]`.
        rows: Vec<RowBar>,
    },
    /// Values that hold at every carrier.
    Constant {
        /// By eps_r [-].
        relative_permittivity: f64,
        /// By sigma [m/S].
        conductivity: f64,
    },
}

impl Default for PermittivityBar {
    fn default() -> PermittivityBar {
        PermittivityBar::Constant { relative_permittivity: 0.0, conductivity: 0.0 }
    }
}

/// Derivatives by what a radio is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RadioBar {
    /// By its position [1/m].
    pub position: Vec3,
    /// By yaw, pitch and roll [1/rad].
    pub orientation: [f64; 3],
    /// By its velocity [s/m].
    pub velocity: Vec3,
}

/// Derivatives by what an antenna is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AntennaBar {
    /// By the offsets of its elements `[element]` [1/m], in its own frame.
    pub offsets: Vec<Vec3>,
    /// By a factor of its power gain, 1 as written [-], at every radio that has it.
    pub gain: f64,
}

/// Bars that are being added up.
pub struct Sums<'a> {
    carriers: &'a [f64],
    /// `[carrier][material]`, flat.
    surfaces: Vec<SurfaceBar>,
    parts: Vec<Vec<PartBar>>,
    /// Whether anything is scattered diffusely `[material]`.
    is_diffuse: Vec<bool>,
    ends: Vec<EndBar>,
    antennas: Vec<AntennaBar>,
    vertices: Vec<Vec3>,
    carriers_bar: Vec<f64>,
    /// Of the places of a run that keeps them `[path]`.
    places: Vec<Vec3>,
}

impl<'a> Sums<'a> {
    /// Nothing yet.
    pub(crate) fn new(scene: &Scene, radios: &Radios, carriers: &'a [f64], wanted: Wanted) -> Sums<'a> {
        let parts = |material: &Material| vec![PartBar::default(); material.scattering.parts.len()];
        let offsets = radios.antennas.iter().map(|antenna| vec![Vec3::zeros(); antenna.offsets.len()]);
        Sums {
            carriers,
            surfaces: vec![SurfaceBar::default(); carriers.len() * scene.materials.len()],
            parts: scene.materials.iter().map(parts).collect(),
            is_diffuse: vec![false; scene.materials.len()],
            ends: vec![EndBar::default(); radios.receivers.len() + radios.transmitters.len()],
            antennas: offsets.map(|offsets| AntennaBar { offsets, gain: 0.0 }).collect(),
            vertices: vec![Vec3::zeros(); if wanted.has(ParameterKind::Vertex) { scene.vertices.len() } else { 0 }],
            carriers_bar: vec![0.0; carriers.len()],
            places: Vec::new(),
        }
    }

    /// Adds what some paths gave, in their order.
    pub fn add(&mut self, ledger: &Ledger) {
        for (slot, bar) in &ledger.surfaces {
            self.surfaces[*slot as usize].add(bar);
        }
        for ((material, part), bar) in &ledger.parts {
            self.is_diffuse[*material as usize] = true;
            self.parts[*material as usize][*part as usize].add(bar);
        }
        for (radio, bar) in &ledger.ends {
            self.ends[*radio as usize].add(bar);
        }
        for ((antenna, element), bar) in &ledger.offsets {
            self.antennas[*antenna as usize].offsets[*element as usize] += bar;
        }
        for (vertex, bar) in &ledger.vertices {
            self.vertices[*vertex as usize] += bar;
        }
        for (carrier, bar) in &ledger.carriers {
            self.carriers_bar[*carrier as usize] += bar;
        }
        let places = ledger.places.iter().map(|(path, _)| *path as usize + 1).max().unwrap_or(0);
        self.places.resize(places.max(self.places.len()), Vec3::zeros());
        for (path, bar) in &ledger.places {
            self.places[*path as usize] += bar;
        }
    }

    /// The bars of the places of a run that keeps them, for so many paths `[path]` [1/m]; none stay.
    pub(crate) fn take_places(&mut self, paths: usize) -> Vec<Vec3> {
        let mut places = std::mem::take(&mut self.places);
        places.resize(paths, Vec3::zeros());
        places
    }

    /// From sums to bars of parameters; what is not wanted is left out.
    pub(crate) fn finish(
        mut self,
        scene: &Scene,
        radios: &Radios,
        surfaces: &[Vec<Surface>],
        wanted: Wanted,
    ) -> Result<SceneBar> {
        let material = |material: usize| self.material(scene, surfaces, wanted, material);
        let materials: Vec<(MaterialBar, Vec<f64>)> =
            (0..scene.materials.len()).map(material).collect::<Result<_>>()?;
        for (_, by_carrier) in &materials {
            self.carriers_bar.iter_mut().zip(by_carrier).for_each(|(sum, bar)| *sum += bar);
        }
        let radio = |(radio, sum): (&Radio, &EndBar)| {
            let mut bar = RadioBar::default();
            if wanted.has(ParameterKind::Position) {
                bar.position = sum.position;
            }
            if wanted.has(ParameterKind::Orientation) {
                rotation_of_vjp(radio.orientation, &sum.rotation, &mut bar.orientation);
            }
            if wanted.has(ParameterKind::Velocity) {
                bar.velocity = sum.velocity;
            }
            bar
        };
        let (receivers, transmitters) = self.ends.split_at(radios.receivers.len());
        if wanted.has(ParameterKind::AntennaGain) {
            for (radio, sum) in radios.receivers.iter().chain(&radios.transmitters).zip(&self.ends) {
                self.antennas[radio.antenna as usize].gain += sum.gain;
            }
        }
        if !wanted.has(ParameterKind::ElementOffset) {
            self.antennas.iter_mut().for_each(|antenna| antenna.offsets.fill(Vec3::zeros()));
        }
        if !wanted.has(ParameterKind::Carrier) {
            self.carriers_bar.fill(0.0);
        }
        Ok(SceneBar {
            materials: materials.into_iter().map(|(bar, _)| bar).collect(),
            transmitters: radios.transmitters.iter().zip(transmitters).map(radio).collect(),
            receivers: radios.receivers.iter().zip(receivers).map(radio).collect(),
            antennas: self.antennas,
            vertices: self.vertices,
            carriers: self.carriers_bar,
        })
    }

    /// The bar of a material, and what it adds to those of the carriers.
    fn material(
        &self,
        scene: &Scene,
        surfaces: &[Vec<Surface>],
        wanted: Wanted,
        number: usize,
    ) -> Result<(MaterialBar, Vec<f64>)> {
        let (material, mut bar) = (&scene.materials[number], MaterialBar::default());
        let mut carriers_bar = vec![0.0; self.carriers.len()];
        for (carrier, frequency) in self.carriers.iter().enumerate() {
            let (sum, surface) = (&self.surfaces[carrier * scene.materials.len() + number], &surfaces[carrier][number]);
            let [eps_bar, sigma_bar] =
                complex_permittivity_vjp(surface.eta, *frequency, sum.eta, &mut carriers_bar[carrier]);
            bar.relative_permittivity.push(eps_bar);
            bar.conductivity.push(sigma_bar);
            bar.thickness += if material.thickness.is_finite() { sum.thickness } else { 0.0 };
            bar.roughness += sum.roughness;
            bar.xpd += sum.xpd;
            bar.lobe += sum.lobe;
            bar.scattering += sum.scattering;
            if sum.specular_share != 0.0 && wanted.has(ParameterKind::ScatteringCoefficient) {
                // The share is sqrt(1 - S^2).
                let s = material.scattering.coefficient;
                check(material, "scattering", s, s < 1.0, "what S = 1 leaves of a reflection has no derivative by S")?;
                bar.scattering -= sum.specular_share * s / surface.specular_share;
            }
        }
        if self.is_diffuse[number] && wanted.has(ParameterKind::CrossPolarisation) {
            let xpd = material.scattering.xpd;
            let bound = "a field has no derivative by K_x at its ends, where it begins with a root";
            check(material, "xpd", xpd, xpd > 0.0 && xpd < 1.0, bound)?;
        }
        bar.parts = self.parts[number].clone();
        bar.permittivity = permittivity_vjp(material, &bar, self.carriers, &mut carriers_bar)?;
        keep_wanted(&mut bar, wanted);
        Ok((bar, carriers_bar))
    }
}

fn check(material: &Material, field: &str, value: f64, holds: bool, bound: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    let fault = Fault::new(format!("gradient by materials.{}, {field}", material.name), bound).value(value);
    Err(Error::input(fault.remedy("begin with a value between, such as 0.01 or 0.99, or leave this parameter out")))
}

/// From bars of eps_r and sigma at each carrier to those of what they are made of; adds to the bars of the carriers, on
/// which rows of the table depend.
fn permittivity_vjp(
    material: &Material,
    bar: &MaterialBar,
    carriers: &[f64],
    carriers_bar: &mut [f64],
) -> Result<PermittivityBar> {
    let pairs = bar.relative_permittivity.iter().zip(&bar.conductivity);
    match &material.permittivity {
        Permittivity::Constant { .. } => Ok(PermittivityBar::Constant {
            relative_permittivity: bar.relative_permittivity.iter().sum(),
            conductivity: bar.conductivity.iter().sum(),
        }),
        Permittivity::Itu { name, out_of_range } => {
            let mut rows = Vec::new();
            for ((frequency, frequency_bar), (eps_bar, sigma_bar)) in carriers.iter().zip(carriers_bar).zip(pairs) {
                let mut row = RowBar::default();
                let found = itu::electrical(&material.name, name, *frequency, *out_of_range)?;
                found.vjp(*frequency, [*eps_bar, *sigma_bar], &mut row, frequency_bar);
                rows.push(row);
            }
            Ok(PermittivityBar::Itu { rows })
        }
    }
}

/// Takes out what was not wanted.
fn keep_wanted(bar: &mut MaterialBar, wanted: Wanted) {
    let (by_eps, by_sigma) = (wanted.has(ParameterKind::RelativePermittivity), wanted.has(ParameterKind::Conductivity));
    match &mut bar.permittivity {
        PermittivityBar::Itu { rows } => rows.iter_mut().for_each(|row| {
            (row.a, row.b) = if by_eps { (row.a, row.b) } else { (0.0, 0.0) };
            (row.c, row.d) = if by_sigma { (row.c, row.d) } else { (0.0, 0.0) };
        }),
        PermittivityBar::Constant { relative_permittivity, conductivity } => {
            *relative_permittivity = if by_eps { *relative_permittivity } else { 0.0 };
            *conductivity = if by_sigma { *conductivity } else { 0.0 };
        }
    }
    if !by_eps {
        bar.relative_permittivity.fill(0.0);
    }
    if !by_sigma {
        bar.conductivity.fill(0.0);
    }
    if !wanted.has(ParameterKind::Pattern) {
        bar.parts.fill(PartBar::default());
    }
    for (value, kind) in [
        (&mut bar.thickness, ParameterKind::Thickness),
        (&mut bar.roughness, ParameterKind::Roughness),
        (&mut bar.scattering, ParameterKind::ScatteringCoefficient),
        (&mut bar.xpd, ParameterKind::CrossPolarisation),
        (&mut bar.lobe, ParameterKind::Lobe),
    ] {
        *value = if wanted.has(kind) { *value } else { 0.0 };
    }
}
