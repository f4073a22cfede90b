//! Bars of a channel: what a loss says of every coefficient, delay, angle and Doppler shift.

use super::Channel;
use crate::error::{Error, Result};
use crate::math::{C64, Vec3};
use crate::path::Paths;

/// Derivatives of a real loss L by what a [`Channel`] and its [`Paths`] hold, in their shapes and order. Of a complex number
/// it is dL/dRe + j dL/dIm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelBar {
    /// Of [`Channel::a`].
    pub a: Vec<C64>,
    /// Of [`Channel::tau`] `[path]` [1/s].
    pub tau: Vec<f64>,
    /// Of [`Channel::theta_t`] `[path]` [1/rad].
    pub theta_t: Vec<f64>,
    /// Of [`Channel::phi_t`] `[path]` [1/rad].
    pub phi_t: Vec<f64>,
    /// Of [`Channel::theta_r`] `[path]` [1/rad].
    pub theta_r: Vec<f64>,
    /// Of [`Channel::phi_r`] `[path]` [1/rad].
    pub phi_r: Vec<f64>,
    /// Of [`Channel::doppler`] `[path, carrier]` [1/Hz].
    pub doppler: Vec<f64>,
    /// Of [`Paths::vertex`] `[vertex]` [1/m]; empty where nothing depends on the points.
    pub vertex: Vec<Vec3>,
    /// Of the distance between the two ends of each path `[path]` [1/m], which delays may count from (T82); empty where
    /// nothing depends on it.
    pub direct: Vec<f64>,
}

impl ChannelBar {
    /// Nothing yet, in the shape of `channel`, and without bars of points and distances.
    pub fn zeros(channel: &Channel) -> ChannelBar {
        let paths = vec![0.0; channel.tau.len()];
        ChannelBar {
            a: vec![C64::ZERO; channel.a.len()],
            tau: paths.clone(),
            theta_t: paths.clone(),
            phi_t: paths.clone(),
            theta_r: paths.clone(),
            phi_r: paths,
            doppler: vec![0.0; channel.doppler.len()],
            vertex: Vec::new(),
            direct: Vec::new(),
        }
    }

    /// Whether the bars have the shapes of `channel` and `paths`.
    ///
    /// # Errors
    /// They have not: the caller mixed up two runs.
    pub fn check(&self, channel: &Channel, paths: &Paths) -> Result<()> {
        let count = paths.len();
        let angles = [&self.tau, &self.theta_t, &self.phi_t, &self.theta_r, &self.phi_r];
        let fits = channel.tau.len() == count
            && channel.a_offsets.len() == count + 1
            && self.a.len() == channel.a.len()
            && angles.iter().all(|bar| bar.len() == count)
            && self.doppler.len() == channel.doppler.len()
            && (self.vertex.is_empty() || self.vertex.len() == paths.vertex.len())
            && (self.direct.is_empty() || self.direct.len() == count);
        if fits { Ok(()) } else { Err(Error::Internal("bars, channel and paths are of different runs".into())) }
    }
}
