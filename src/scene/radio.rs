//! Transmitters and receivers.

use super::antenna::Antenna;
use crate::math::{C64, Vec3};

/// A transmitter or receiver, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Radio {
    /// Name, unique among the transmitters or among the receivers.
    pub name: String,
    /// Position in the coordinates of the scene file [m].
    pub position: Vec3,
    /// [yaw, pitch, roll] [rad].
    pub orientation: [f64; 3],
    /// Velocity [m/s].
    pub velocity: Vec3,
    /// Transmitted power [W]; unused for receivers.
    pub power: f64,
    /// Index into [`Radios::antennas`].
    pub antenna: u32,
    /// Weights of its antenna's ports in a map, whose squares add up to 1; `None`: a transmitter feeds all alike, and of a
    /// receiver's ports the powers add up.
    pub weights: Option<Vec<C64>>,
}

/// All radios of a job and their antennas.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Radios {
    /// Antennas that radios refer to.
    pub antennas: Vec<Antenna>,
    /// Transmitters.
    pub transmitters: Vec<Radio>,
    /// Receivers.
    pub receivers: Vec<Radio>,
}

impl Radios {
    /// The antenna of a radio of this set.
    pub fn antenna(&self, radio: &Radio) -> &Antenna {
        &self.antennas[radio.antenna as usize]
    }

    /// These radios with some of the receivers alone, in the order given.
    pub fn with_receivers(&self, receivers: impl IntoIterator<Item = usize>) -> Radios {
        Radios {
            antennas: self.antennas.clone(),
            transmitters: self.transmitters.clone(),
            receivers: receivers.into_iter().map(|receiver| self.receivers[receiver].clone()).collect(),
        }
    }

    /// Numbers of receiver and transmitter ports, where all receivers share theirs and all transmitters do.
    pub fn common_ports(&self) -> Option<(usize, usize)> {
        let common = |radios: &[Radio]| {
            let first = self.antenna(radios.first()?).ports();
            radios.iter().all(|radio| self.antenna(radio).ports() == first).then_some(first)
        };
        Some((common(&self.receivers)?, common(&self.transmitters)?))
    }

    /// Whether paths are traced to single elements of any radio's array.
    pub fn any_per_element(&self) -> bool {
        self.antennas.iter().any(|antenna| antenna.per_element)
            && self.transmitters.iter().chain(&self.receivers).any(|radio| self.antenna(radio).per_element)
    }
}
