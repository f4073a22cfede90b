//! What can be trained: where a parameter stands in a scene and its radios, and its derivative in a [`SceneBar`].

use super::bijection::{Bijection, Map};
use super::loss::DECIBEL;
use crate::path::adjoint::{MaterialBar, ParameterKind, PermittivityBar, SceneBar, Wanted};
use crate::scene::Scene;
use crate::scene::antenna::{MAX_GAIN_DB, db_of_gain, gain_of_db};
use crate::scene::material::{Material, Permittivity};
use crate::scene::pose::{pose_vjp, vertices_of};
use crate::scene::radio::{Radio, Radios};
use crate::scene::scattering::{Lobe, Part, Scattering, SingleLobe};

/// A property of a material.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// eps_r [-].
    RelativePermittivity,
    /// sigma [S/m].
    Conductivity,
    /// Thickness of the slab [m].
    Thickness,
    /// sigma_h [m].
    Roughness,
    /// S [-].
    Scattering,
    /// K_x [-].
    Xpd,
    /// Weight of a part of the pattern [-].
    Weight(usize),
    /// Share of the forward lobe of a part [-].
    Share(usize),
    /// Sharpness of the forward lobe of a part [-].
    Forward(usize),
    /// Sharpness of the backward lobe of a part [-].
    Backward(usize),
    /// Sharpness of the lobe in place of reflections [-].
    Lobe,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A material.
    Material(usize, Property),
    /// A coordinate of a transmitter or receiver [m].
    Position {
        /// Whether it is a transmitter.
        transmitter: bool,
        /// Which one.
        radio: usize,
        /// x, y or z.
        axis: usize,
    },
    /// Yaw, pitch or roll of a transmitter or receiver [rad].
    Orientation {
        /// Whether it is a transmitter.
        transmitter: bool,
        /// Which one.
        radio: usize,
        /// Yaw, pitch or roll.
        axis: usize,
    },
    /// What the gain of an antenna is above that of its elements [dB], at every radio that has it.
    Gain {
        /// The antenna.
        antenna: usize,
    },
    /// A coordinate of an element in its antenna's own frame [m], at every radio that has the antenna.
    Offset {
        /// The antenna.
        antenna: usize,
        /// The element.
        element: usize,
        /// x, y or z.
        axis: usize,
    },
    /// How far an object has been moved [m].
    Translation {
        /// The object.
        object: usize,
        /// x, y or z.
        axis: usize,
    },
}

/// What is known of a parameter before any measurement: a normal distribution of its trained number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Mean, as a trained number.
    pub mean: f64,
    /// Standard deviation of the trained number.
    pub width: f64,
}

impl Prior {
    /// -ln of its density at `x`, less that at its mean (T102).
    pub fn loss(&self, x: f64) -> f64 {
        let off = (x - self.mean) / self.width;
        off * off / 2.0
    }

    /// Derivative of [`Prior::loss`].
    pub fn slope(&self, x: f64) -> f64 {
        (x - self.mean) / self.width / self.width
    }
}

/// A trained parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as `materials.floor.conductivity` or `transmitters.bs.position.x`.
    pub name: String,
    /// Where it stands.
    pub target: Target,
    /// How trained numbers become values.
    pub map: Map,
    /// Where it begins, as a value.
    pub start: f64,
    /// What is known of it.
    pub prior: Option<Prior>,
    /// A factor of the learning rate.
    pub rate: f64,
}

impl Target {
    /// Which derivatives it needs.
    pub fn kind(self) -> ParameterKind {
        match self {
            Target::Material(_, property) => match property {
                Property::RelativePermittivity => ParameterKind::RelativePermittivity,
                Property::Conductivity => ParameterKind::Conductivity,
                Property::Thickness => ParameterKind::Thickness,
                Property::Roughness => ParameterKind::Roughness,
                Property::Scattering => ParameterKind::ScatteringCoefficient,
                Property::Xpd => ParameterKind::CrossPolarisation,
                Property::Weight(_) | Property::Share(_) | Property::Forward(_) | Property::Backward(_) => {
                    ParameterKind::Pattern
                }
                Property::Lobe => ParameterKind::Lobe,
            },
            Target::Position { .. } => ParameterKind::Position,
            Target::Orientation { .. } => ParameterKind::Orientation,
            Target::Gain { .. } => ParameterKind::AntennaGain,
            Target::Offset { .. } => ParameterKind::ElementOffset,
            Target::Translation { .. } => ParameterKind::Vertex,
        }
    }

    /// Whether it is a coordinate of a radio, whose paths are then refined anew.
    pub fn moves_a_radio(self) -> bool {
        matches!(self, Target::Position { .. })
    }

    /// The unit of its values in files, and how much of the engine's own one is.
    pub fn unit(self) -> (&'static str, f64) {
        match self {
            Target::Orientation { .. } => ("deg", std::f64::consts::PI / 180.0),
            Target::Gain { .. } => ("dB", 1.0),
            other => (other.kind().unit(), 1.0),
        }
    }

    /// How it is trained, and the bounds of its values.
    pub fn map(self) -> Map {
        let (bijection, bounds) = match self {
            Target::Material(_, property) => match property {
                Property::RelativePermittivity => (Bijection::Exponential { offset: 1.0 }, [1.001, 201.0]),
                Property::Conductivity => (Bijection::Exponential { offset: 0.0 }, [1e-5, 1e6]),
                Property::Thickness => (Bijection::Exponential { offset: 0.0 }, [1e-4, 100.0]),
                Property::Roughness => (Bijection::Exponential { offset: 0.0 }, [1e-6, 1.0]),
                Property::Scattering | Property::Xpd | Property::Share(_) => (Bijection::Logistic, [1e-3, 1.0 - 1e-3]),
                Property::Weight(_) => (Bijection::Exponential { offset: 0.0 }, [1e-4, 1e4]),
                Property::Forward(_) | Property::Backward(_) | Property::Lobe => {
                    (Bijection::Exponential { offset: 0.0 }, [0.1, 1e6])
                }
            },
            Target::Gain { .. } => (Bijection::Linear, [-MAX_GAIN_DB, MAX_GAIN_DB]),
            Target::Position { .. }
            | Target::Orientation { .. }
            | Target::Offset { .. }
            | Target::Translation { .. } => (Bijection::Linear, [f64::NEG_INFINITY, f64::INFINITY]),
        };
        Map { bijection, bounds }
    }

    /// Its factor of the learning rate, unless a job states another: a rate of 5e-3 is 5 cm a step of positions, 0.05 dB
    /// one of gains, 50 um one of elements, whose phases turn within millimetres.
    pub fn rate(self) -> f64 {
        match self {
            Target::Position { .. } | Target::Translation { .. } | Target::Gain { .. } => 10.0,
            Target::Material(..) | Target::Orientation { .. } => 1.0,
            Target::Offset { .. } => 1e-2,
        }
    }

    /// Its value where a scene and its radios stand now; a translation is counted from there.
    pub fn value(self, scene: &Scene, radios: &Radios) -> f64 {
        match self {
            Target::Material(material, property) => property.value(&scene.materials[material]),
            Target::Position { transmitter, radio, axis } => side(radios, transmitter)[radio].position[axis],
            Target::Orientation { transmitter, radio, axis } => side(radios, transmitter)[radio].orientation[axis],
            Target::Gain { antenna } => db_of_gain(radios.antennas[antenna].gain),
            Target::Offset { antenna, element, axis } => radios.antennas[antenna].offsets[element][axis],
            Target::Translation { .. } => 0.0,
        }
    }

    /// Sets it to `value`; objects are moved from where they stand in `base`.
    pub fn put(self, base: &Scene, scene: &mut Scene, radios: &mut Radios, value: f64) {
        match self {
            Target::Material(material, property) => property.put(&mut scene.materials[material], value),
            Target::Position { transmitter, radio, axis } => {
                side_mut(radios, transmitter)[radio].position[axis] = value;
            }
            Target::Orientation { transmitter, radio, axis } => {
                side_mut(radios, transmitter)[radio].orientation[axis] = value;
            }
            Target::Gain { antenna } => radios.antennas[antenna].gain = gain_of_db(value),
            Target::Offset { antenna, element, axis } => radios.antennas[antenna].offsets[element][axis] = value,
            Target::Translation { object, axis } => {
                for vertex in vertices_of(scene, object as u32) {
                    scene.vertices[vertex][axis] = base.vertices[vertex][axis] + value;
                }
            }
        }
    }

    /// Its bar in those of a scene, whose `receivers` are some of the job's.
    pub fn bar(self, scene: &Scene, bar: &SceneBar, receivers: &[usize]) -> f64 {
        let radio_bar = |transmitter: bool, radio: usize| {
            if transmitter {
                return Some(&bar.transmitters[radio]);
            }
            receivers.iter().position(|one| *one == radio).map(|place| &bar.receivers[place])
        };
        match self {
            Target::Material(material, property) => property.bar(&bar.materials[material]),
            Target::Position { transmitter, radio, axis } => {
                radio_bar(transmitter, radio).map_or(0.0, |own| own.position[axis])
            }
            Target::Orientation { transmitter, radio, axis } => {
                radio_bar(transmitter, radio).map_or(0.0, |own| own.orientation[axis])
            }
            // The bar is that of a factor of what the gain is.
            Target::Gain { antenna } => bar.antennas[antenna].gain / DECIBEL,
            Target::Offset { antenna, element, axis } => bar.antennas[antenna].offsets[element][axis],
            Target::Translation { object, axis } => {
                pose_vjp(scene, object as u32, &scene.origin, &bar.vertices).translation[axis]
            }
        }
    }
}

impl Property {
    fn value(self, material: &Material) -> f64 {
        let part = |place: usize| &material.scattering.parts[place];
        let sharpness = |lobe: &Option<SingleLobe>| lobe.as_ref().map_or(0.0, |lobe| lobe.sharpness);
        match (self, &material.permittivity) {
            (Property::RelativePermittivity, Permittivity::Constant { relative_permittivity, .. }) => {
                *relative_permittivity
            }
            (Property::Conductivity, Permittivity::Constant { conductivity, .. }) => *conductivity,
            (Property::RelativePermittivity | Property::Conductivity, Permittivity::Itu { .. }) => f64::NAN,
            (Property::Thickness, _) => material.thickness,
            (Property::Roughness, _) => material.roughness,
            (Property::Scattering, _) => material.scattering.coefficient,
            (Property::Xpd, _) => material.scattering.xpd,
            (Property::Weight(place), _) => part(place).weight,
            (Property::Share(place), _) => part(place).forward_share,
            (Property::Forward(place), _) => sharpness(&part(place).forward),
            (Property::Backward(place), _) => sharpness(&part(place).backward),
            (Property::Lobe, _) => material.lobe.as_ref().map_or(0.0, |lobe| sharpness(&lobe.part.forward)),
        }
    }

    fn put(self, material: &mut Material, value: f64) {
        match (self, &mut material.permittivity) {
            (Property::RelativePermittivity, Permittivity::Constant { relative_permittivity, .. }) => {
                *relative_permittivity = value;
            }
            (Property::Conductivity, Permittivity::Constant { conductivity, .. }) => *conductivity = value,
            (Property::RelativePermittivity | Property::Conductivity, Permittivity::Itu { .. }) => {}
            (Property::Thickness, _) => material.thickness = value,
            (Property::Roughness, _) => material.roughness = value,
            (Property::Scattering, _) => material.scattering.coefficient = value,
            (Property::Xpd, _) => material.scattering.xpd = value,
            (Property::Weight(place), _) => with_part(material, place, |part| part.weight = value),
            (Property::Share(place), _) => with_part(material, place, |part| part.forward_share = value),
            (Property::Forward(place), _) => {
                with_part(material, place, |part| sharpen(&mut part.forward, part.reciprocal, value));
            }
            (Property::Backward(place), _) => {
                with_part(material, place, |part| sharpen(&mut part.backward, part.reciprocal, value));
            }
            (Property::Lobe, _) => {
                if let Some(Lobe { part }) = &mut material.lobe {
                    sharpen(&mut part.forward, part.reciprocal, value);
                }
            }
        }
    }

    fn bar(self, bar: &MaterialBar) -> f64 {
        match (self, &bar.permittivity) {
            (Property::RelativePermittivity, PermittivityBar::Constant { relative_permittivity, .. }) => {
                *relative_permittivity
            }
            (Property::Conductivity, PermittivityBar::Constant { conductivity, .. }) => *conductivity,
            (Property::RelativePermittivity | Property::Conductivity, PermittivityBar::Itu { .. }) => f64::NAN,
            (Property::Thickness, _) => bar.thickness,
            (Property::Roughness, _) => bar.roughness,
            (Property::Scattering, _) => bar.scattering,
            (Property::Xpd, _) => bar.xpd,
            (Property::Weight(place), _) => bar.parts[place].weight,
            (Property::Share(place), _) => bar.parts[place].forward_share,
            (Property::Forward(place), _) => bar.parts[place].forward,
            (Property::Backward(place), _) => bar.parts[place].backward,
            (Property::Lobe, _) => bar.lobe,
        }
    }
}

/// The kinds of derivatives that parameters need together.
pub fn wanted(parameters: &[Parameter]) -> Wanted {
    Wanted::of(&parameters.iter().map(|parameter| parameter.target.kind()).collect::<Vec<_>>())
}

fn side(radios: &Radios, transmitter: bool) -> &[Radio] {
    if transmitter { &radios.transmitters } else { &radios.receivers }
}

fn side_mut(radios: &mut Radios, transmitter: bool) -> &mut [Radio] {
    if transmitter { &mut radios.transmitters } else { &mut radios.receivers }
}

fn with_part(material: &mut Material, place: usize, change: impl FnOnce(&mut Part)) {
    let mut parts = material.scattering.parts.to_vec();
    change(&mut parts[place]);
    let Scattering { coefficient, xpd, .. } = material.scattering;
    material.scattering = Scattering::of_parts(coefficient, xpd, parts);
}

/// Another sharpness, with the tables that belong to it; one that it has already costs nothing.
fn sharpen(lobe: &mut Option<SingleLobe>, reciprocal: bool, sharpness: f64) {
    if let Some(lobe) = lobe
        && lobe.sharpness != sharpness
    {
        *lobe = SingleLobe::new(lobe.shape, sharpness, reciprocal);
    }
}
