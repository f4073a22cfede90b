//! Which device does the work, as it was typed: the choice itself is [`Backend::open`].

use super::print;
use crate::backend::{Backend, DeviceRequest};
use crate::error::Result;

/// Reads `auto`, `cpu`, `cuda` or `cuda:N`.
pub fn parse(text: &str) -> std::result::Result<DeviceRequest, String> {
    match text.split_once(':') {
        None if text == "auto" => Ok(DeviceRequest::Auto),
        None if text == "cpu" => Ok(DeviceRequest::Cpu),
        None if text == "cuda" => Ok(DeviceRequest::Cuda(0)),
        Some(("cuda", number)) => {
            number.parse().map(DeviceRequest::Cuda).map_err(|_| format!("'{number}' is not the number of a device"))
        }
        None | Some(_) => Err("must be auto, cpu, cuda or cuda:N".into()),
    }
}

/// Prints what was built in, what was found and what `auto` takes.
///
/// # Errors
/// [`crate::error::Error::Write`].
pub fn devices() -> Result<()> {
    let cuda = match Backend::open(DeviceRequest::Cuda(0)) {
        Ok(backend) => backend.describe(DeviceRequest::Cuda(0)),
        Err(crate::error::Error::Device(fault)) => format!("not usable: {}", fault.bound),
        Err(other) => return Err(other),
    };
    let cpu = Backend::open(DeviceRequest::Cpu)?.describe(DeviceRequest::Cpu);
    let auto = Backend::open(DeviceRequest::Auto)?.describe(DeviceRequest::Auto);
    let arch = std::env::consts::ARCH;
    print(&format!("--device cpu   {cpu}, {arch}\n--device cuda  {cuda}\n--device auto  {auto}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_read_and_others_are_not() {
        assert_eq!(parse("auto"), Ok(DeviceRequest::Auto));
        assert_eq!(parse("cuda:3"), Ok(DeviceRequest::Cuda(3)));
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda:-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
