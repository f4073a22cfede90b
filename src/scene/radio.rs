//! Transmitters and receivers.

use super::antenna::Antenna;
use crate::math::Vec3;

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
}
