//! Channels: what the paths of a link mean to its antennas, over delay and over frequency.
//!
//! Everything is worked out for one [`Link`] at a time, so that memory stays that of one link however many there are.

pub mod bar;
pub mod cluster;
pub mod impulse;
pub mod response;
pub mod statistics;
#[cfg(test)]
mod testing;

pub use bar::ChannelBar;

use crate::constants::SPEED_OF_LIGHT;
use crate::math::C64;
use crate::math::phase::{phasor_of_turns, turns_of_length};
use crate::path::Paths;
use crate::path::field::Ports;
use crate::scene::antenna::Antenna;
use crate::scene::radio::Radios;

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

impl Channel {
    /// The coefficients of a path at a carrier, `[receiver port, transmitter port]` of the path's own ports.
    pub fn of_path(&self, path: usize, carrier: usize) -> &[C64] {
        let all = &self.a[self.a_offsets[path] as usize..self.a_offsets[path + 1] as usize];
        let size = all.len() / self.carriers.len();
        &all[carrier * size..(carrier + 1) * size]
    }
}

/// Where the time of a link begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delays {
    /// With the transmission: delays are those of the paths.
    #[default]
    Absolute,
    /// With the link's first arrival: its delay is 0, for the carrier's phase as well.
    FromFirst,
}

/// One link of a channel: a receiver, a transmitter and the paths between them.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    radios: &'a Radios,
    paths: &'a Paths,
    channel: &'a Channel,
    index: usize,
}

impl<'a> Link<'a> {
    /// Link number `index` = receiver * transmitters + transmitter.
    pub fn new(radios: &'a Radios, paths: &'a Paths, channel: &'a Channel, index: usize) -> Link<'a> {
        Link { radios, paths, channel, index }
    }

    /// Index of the receiver.
    pub fn receiver(&self) -> usize {
        self.index / self.paths.transmitters
    }

    /// Index of the transmitter.
    pub fn transmitter(&self) -> usize {
        self.index % self.paths.transmitters
    }

    /// Number of ports of the receiver's antenna.
    pub fn receiver_ports(&self) -> usize {
        self.receiver_antenna().ports()
    }

    /// Number of ports of the transmitter's antenna.
    pub fn transmitter_ports(&self) -> usize {
        self.transmitter_antenna().ports()
    }

    /// The link's paths in [`Paths`].
    pub fn paths(&self) -> std::ops::Range<usize> {
        self.paths.of_link(self.index)
    }

    /// The link's coefficients of a path: (receiver port, transmitter port, a); port pairs that a path of single
    /// elements does not reach are left out.
    pub fn coefficients(&self, path: usize, carrier: usize) -> impl Iterator<Item = (usize, usize, C64)> + use<'a> {
        let receiver = Ports::new(self.receiver_antenna(), self.paths.receiver_element[path]).numbers();
        let transmitter = Ports::new(self.transmitter_antenna(), self.paths.transmitter_element[path]).numbers();
        let pairs = receiver.flat_map(move |r| transmitter.clone().map(move |t| (r, t)));
        pairs.zip(self.channel.of_path(path, carrier)).map(|((r, t), a)| (r, t, *a))
    }

    /// Length of a path [m], less that of the link's first arrival for [`Delays::FromFirst`].
    fn length(&self, path: usize, first: f64) -> f64 {
        self.paths.length[path] - first
    }

    /// What [`Link::length`] takes off every length [m].
    fn first_length(&self, delays: Delays) -> f64 {
        match delays {
            Delays::Absolute => 0.0,
            Delays::FromFirst => self.paths.length[self.paths()].iter().copied().reduce(f64::min).unwrap_or(0.0),
        }
    }

    /// The adjoint of [`Link::length`]: adds the bar of a length [1/m] to those of the delays it is made of. Which path
    /// arrives first is held fixed.
    fn length_vjp(&self, path: usize, delays: Delays, length_bar: f64, bar: &mut ChannelBar) {
        bar.tau[path] += length_bar * SPEED_OF_LIGHT;
        match delays {
            Delays::Absolute => {}
            Delays::FromFirst => {
                let lengths = &self.paths.length;
                let first = self.paths().min_by(|a, b| lengths[*a].total_cmp(&lengths[*b]));
                bar.tau[first.unwrap_or(path)] -= length_bar * SPEED_OF_LIGHT;
            }
        }
    }

    /// Adds to the bars of a path's coefficients at a carrier what `of` makes of (receiver port, transmitter port, a).
    fn coefficients_vjp(
        &self,
        path: usize,
        carrier: usize,
        bar: &mut ChannelBar,
        mut of: impl FnMut(usize, usize, C64) -> C64,
    ) {
        let count = self.channel.of_path(path, carrier).len();
        let first = self.channel.a_offsets[path] as usize + carrier * count;
        for (place, (r, t, a)) in self.coefficients(path, carrier).enumerate() {
            bar.a[first + place] += of(r, t, a);
        }
    }

    /// e^{-j 2 pi f_c tau} of a length [m]: what turns a into the baseband coefficient a^b (T50).
    fn carrier_phase(&self, length: f64, carrier: usize) -> C64 {
        phasor_of_turns(turns_of_length(length, self.channel.carriers[carrier]))
    }

    fn receiver_antenna(&self) -> &'a Antenna {
        self.radios.antenna(&self.radios.receivers[self.receiver()])
    }

    fn transmitter_antenna(&self) -> &'a Antenna {
        self.radios.antenna(&self.radios.transmitters[self.transmitter()])
    }
}
