//! Which device does the work, as it was typed: the choice itself is [`Backend::open`].

use super::print;
use crate::backend::{Backend, Chosen, DeviceRequest, cuda};
use crate::error::{Error, Result};

/// Reads `auto`, `cpu`, `cuda` or `cuda:N`.
pub fn parse(text: &str) -> std::result::Result<DeviceRequest, String> {
    match text.split_once(':') {
        None if text == "auto" => Ok(DeviceRequest::Auto),
        None if text == "cpu" => Ok(DeviceRequest::Cpu),
        None if text == "cuda" => Ok(DeviceRequest::Cuda(0)),
        Some(("cuda", numbers)) if numbers.contains(',') => {
            Err("several devices at once are not there yet: give one, such as cuda:0".into())
        }
        Some(("cuda", number)) => {
            number.parse().map(DeviceRequest::Cuda).map_err(|_| format!("'{number}' is not the number of a device"))
        }
        None | Some(_) => Err("must be auto, cpu, cuda or cuda:N".into()),
    }
}

/// Prints what was built in, what was found and what `auto` takes.
///
/// # Errors
/// [`crate::error::Error::Write`]; an instruction set was forced that is not there.
pub fn devices() -> Result<()> {
    let names: Vec<&str> = cuda::BUILT_IN.iter().map(|(name, _)| *name).collect();
    let kernels = match names.len() {
        0 => "none: built without nvcc (scripts/get-nvcc.sh fetches it) or with RAYLOBE_CUDA_ARCHS=none".into(),
        _ => format!("{}; for compute capability {}", names.join(", "), capabilities(env!("RAYLOBE_CUDA_ARCHS"))),
    };
    let devices = cuda::driver().map_or(1, |driver| driver.devices as u32);
    let mut text = format!("kernels built in    {kernels}\n");
    for request in [DeviceRequest::Cpu].into_iter().chain((0..devices).map(DeviceRequest::Cuda)) {
        let typed = match request {
            DeviceRequest::Cuda(ordinal) => format!("--device cuda:{ordinal}"),
            DeviceRequest::Cpu | DeviceRequest::Auto => "--device cpu".into(),
        };
        let found = match Backend::open(request) {
            Ok(Chosen { backend, .. }) => backend.describe(),
            Err(Error::Device(fault) | Error::DeviceMemory(fault)) => format!("not usable: {}", fault.bound),
            Err(other) => return Err(other),
        };
        text += &format!("{typed:<18}  {found}\n");
    }
    let auto = Backend::open(DeviceRequest::Auto)?.describe();
    print(&format!("{text}--device auto       {auto}\n"))
}

/// "7.5, 9.0, 12.0" of the build's "75 90 120".
fn capabilities(archs: &str) -> String {
    let dotted = |arch: &str| format!("{}.{}", &arch[..arch.len() - 1], &arch[arch.len() - 1..]);
    archs.split_whitespace().map(dotted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_read_and_others_are_not() {
        assert_eq!(parse("auto"), Ok(DeviceRequest::Auto));
        assert_eq!(parse("cuda:3"), Ok(DeviceRequest::Cuda(3)));
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda:-1", "cuda:0,1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn architectures_are_shown_as_devices_show_theirs() {
        assert_eq!(capabilities("75 90 120"), "7.5, 9.0, 12.0");
    }
}
