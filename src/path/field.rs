//! stub
use crate::channel::Channel;
use crate::error::Result;
use crate::path::Paths;
use crate::scene::Scene;
use crate::scene::radio::Radios;

/// stub
pub fn field(_: &Scene, _: &Radios, _: &Paths, _: &[f64]) -> Result<(Channel, Vec<String>)> {
    Ok(Default::default())
}
