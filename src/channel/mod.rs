//! Channels: what the paths of a link mean to its antennas, over delay and over frequency.

use crate::math::C64;

/// The coefficients and angles of every path (theory.md, "Channel"); `a` does not hold the propagation phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Channel {
    /// Carriers [Hz].
    pub carriers: Vec<f64>,
    /// Coefficients, flat; path p: `[carrier, receiver port, transmitter port]` from `a_offsets[p]` on.
    pub a: Vec<C64>,
    /// Where each path's coefficients begin `[path + 1]`.
    pub a_offsets: Vec<u64>,
    /// Delay `[path]` [s].
    pub tau: Vec<f64>,
    /// Zenith of departure `[path]` [rad].
    pub theta_t: Vec<f64>,
    /// Azimuth of departure `[path]` [rad].
    pub phi_t: Vec<f64>,
    /// Zenith of arrival `[path]` [rad]: from the receiver towards the last vertex.
    pub theta_r: Vec<f64>,
    /// Azimuth of arrival `[path]` [rad].
    pub phi_r: Vec<f64>,
    /// Doppler shift `[path, carrier]` [Hz].
    pub doppler: Vec<f64>,
}
