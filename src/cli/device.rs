//! Which device does the work, and why: never a silent choice.

use super::print;
use crate::backend::DeviceRequest;
use crate::error::{Error, Fault, Result};
use crate::io::record::DeviceRecord;

/// Why there is no CUDA device to take.
const NO_KERNELS: &str = "this build has no CUDA kernels";

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

/// The device that a request means here.
///
/// # Errors
/// [`Error::Device`] if the device that was asked for cannot be used.
pub fn choose(request: DeviceRequest) -> Result<DeviceRecord> {
    let why = match request {
        DeviceRequest::Auto => NO_KERNELS,
        DeviceRequest::Cpu => "asked for with --device",
        DeviceRequest::Cuda(number) => {
            let fault = Fault::new("--device", format!("cannot be used: {NO_KERNELS} yet"));
            return Err(Error::device(fault.value(format!("cuda:{number}")).remedy("use --device cpu or auto")));
        }
    };
    Ok(DeviceRecord { name: "cpu".into(), why: why.into(), threads: rayon::current_num_threads() })
}

/// The first line of every result.
pub fn line_of(device: &DeviceRecord) -> String {
    format!("device: {} ({}), {} threads\n", device.name, device.why, device.threads)
}

/// Prints what was built in, what was found and what `auto` takes.
///
/// # Errors
/// [`Error::Write`].
pub fn devices() -> Result<()> {
    let auto = choose(DeviceRequest::Auto)?;
    let (arch, threads) = (std::env::consts::ARCH, auto.threads);
    print(&format!(
        "cpu    built in, {arch}, {threads} threads\ncuda   not built in: {NO_KERNELS} yet\nauto   takes {}: {}\n",
        auto.name, auto.why
    ))
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

    #[test]
    fn cuda_is_refused_rather_than_replaced() {
        assert_eq!(choose(DeviceRequest::Cuda(0)).expect_err("no kernels").exit_code(), 69);
    }
}
