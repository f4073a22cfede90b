//! What a gradient can be asked of: the one list that code, errors and documents go by.

/// A kind of parameter that the adjoint yields derivatives by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ParameterKind {
    /// eps_r of a material at each carrier, and what its row of the ITU table is made of.
    RelativePermittivity,
    /// sigma of a material at each carrier, and what its row of the ITU table is made of.
    Conductivity,
    /// Thickness of a slab.
    Thickness,
    /// sigma_h of a surface.
    Roughness,
    /// Scattering coefficient S.
    ScatteringCoefficient,
    /// K_x.
    CrossPolarisation,
    /// Weights, shares and sharpnesses of the parts of a scattering pattern.
    Pattern,
    /// Sharpness of a lobe in place of reflections.
    Lobe,
    /// Position of a transmitter or receiver.
    Position,
    /// Yaw, pitch and roll of a transmitter or receiver.
    Orientation,
    /// Velocity of a transmitter or receiver.
    Velocity,
    /// Offsets of the elements of an array, in the antenna's own frame.
    ElementOffset,
    /// A factor of the power that an antenna radiates and receives in every direction.
    AntennaGain,
    /// Carriers; arrays keep their size in metres.
    Carrier,
    /// Vertices of meshes, and through them the poses of objects ([`crate::scene::pose`]).
    Vertex,
}

impl ParameterKind {
    /// All kinds, in the order of the tables.
    pub const ALL: [ParameterKind; 15] = [
        ParameterKind::RelativePermittivity,
        ParameterKind::Conductivity,
        ParameterKind::Thickness,
        ParameterKind::Roughness,
        ParameterKind::ScatteringCoefficient,
        ParameterKind::CrossPolarisation,
        ParameterKind::Pattern,
        ParameterKind::Lobe,
        ParameterKind::Position,
        ParameterKind::Orientation,
        ParameterKind::Velocity,
        ParameterKind::ElementOffset,
        ParameterKind::AntennaGain,
        ParameterKind::Carrier,
        ParameterKind::Vertex,
    ];

    /// Its name, as keys of jobs and tables have it.
    pub fn name(self) -> &'static str {
        match self {
            ParameterKind::RelativePermittivity => "relative_permittivity",
            ParameterKind::Conductivity => "conductivity",
            ParameterKind::Thickness => "thickness",
            ParameterKind::Roughness => "roughness",
            ParameterKind::ScatteringCoefficient => "scattering",
            ParameterKind::CrossPolarisation => "xpd",
            ParameterKind::Pattern => "pattern",
            ParameterKind::Lobe => "lobe",
            ParameterKind::Position => "position",
            ParameterKind::Orientation => "orientation",
            ParameterKind::Velocity => "velocity",
            ParameterKind::ElementOffset => "element_offset",
            ParameterKind::AntennaGain => "antenna_gain",
            ParameterKind::Carrier => "carrier",
            ParameterKind::Vertex => "vertex",
        }
    }

    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            ParameterKind::Conductivity => "S/m",
            ParameterKind::Thickness
            | ParameterKind::Roughness
            | ParameterKind::Position
            | ParameterKind::ElementOffset
            | ParameterKind::Vertex => "m",
            ParameterKind::Orientation => "rad",
            ParameterKind::Velocity => "m/s",
            ParameterKind::Carrier => "Hz",
            ParameterKind::RelativePermittivity
            | ParameterKind::ScatteringCoefficient
            | ParameterKind::CrossPolarisation
            | ParameterKind::Pattern
            | ParameterKind::Lobe
            | ParameterKind::AntennaGain => "-",
        }
    }
}

/// The kinds of parameters whose bars are wanted. What is not wanted stays 0, costs less, and raises no error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted(u32);

impl Wanted {
    /// Everything.
    pub fn all() -> Wanted {
        Wanted::of(&ParameterKind::ALL)
    }

    /// These kinds.
    pub fn of(kinds: &[ParameterKind]) -> Wanted {
        Wanted(kinds.iter().fold(0, |set, kind| set | 1 << *kind as u32))
    }

    /// What materials are made of.
    pub fn materials() -> Wanted {
        Wanted::of(&ParameterKind::ALL[..=ParameterKind::Lobe as usize])
    }

    /// Whether a kind is among them.
    pub fn has(self, kind: ParameterKind) -> bool {
        self.0 >> kind as u32 & 1 == 1
    }

    /// Whether any is among them that moves something.
    pub fn moves(self) -> bool {
        use ParameterKind::{ElementOffset, Orientation, Position, Vertex};
        [Position, Orientation, ElementOffset, Vertex].into_iter().any(|kind| self.has(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        for (place, kind) in ParameterKind::ALL.iter().enumerate() {
            assert_eq!(place, *kind as usize);
            assert!(Wanted::all().has(*kind) && !Wanted::default().has(*kind));
        }
        assert!(Wanted::all().moves() && !Wanted::materials().moves());
        assert!(Wanted::materials().has(ParameterKind::Lobe) && !Wanted::materials().has(ParameterKind::Position));
    }
}
