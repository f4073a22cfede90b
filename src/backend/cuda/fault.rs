//! What goes wrong on a device, as errors of raylobe.

use crate::error::{Error, Fault, Result};
use cudarc::driver::sys::CUresult;
use cudarc::driver::{CudaContext, DriverError};

/// What to do about too little memory.
pub const FREE_THE_DEVICE: &str = "free the device, take a larger one, or use --device cpu";

/// The error of a device that lacks the `bytes` that `what` takes, with the numbers.
pub fn too_little(context: &CudaContext, what: &str, bytes: u64) -> Error {
    let (free, total) = context.mem_get_info().unwrap_or_default();
    // Rounded so that no number contradicts that it is too little.
    let (needed, free, total) = (bytes.div_ceil(1 << 20), free >> 20, total >> 20);
    let bound = format!("{what} {needed} MiB on the device, which has {free} MiB free of {total} MiB");
    Error::device_memory(Fault::new("--device", bound).remedy(FREE_THE_DEVICE))
}

/// Turns the driver's answers into errors that say what was being done.
pub trait OnDevice<T> {
    /// The answer, or an error that names `what` was being done.
    ///
    /// # Errors
    /// The driver's: too little memory as [`Error::DeviceMemory`], all others as [`Error::Device`].
    fn on_device(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> OnDevice<T> for std::result::Result<T, DriverError> {
    fn on_device(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| match error.0 {
            CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
                let fault = Fault::new(what(), "the device has too little free memory");
                Error::device_memory(fault.remedy(FREE_THE_DEVICE))
            }
            code => {
                let fault = Fault::new(what(), format!("the CUDA driver answers with error {}", code as u32));
                Error::device(fault.remedy("see whether the device is in order, or use --device cpu"))
            }
        })
    }
}

/// Does `work` with parts of a size that the device can hold: of `start` items, and of half as many whenever it runs out of
/// memory, down to `least`.
///
/// # Errors
/// As `work`; out of memory even with the least parts.
pub fn with_parts<T>(start: usize, least: usize, mut work: impl FnMut(usize) -> Result<T>) -> Result<T> {
    let mut items = start;
    loop {
        match work(items) {
            Err(Error::DeviceMemory(_)) if items / 2 >= least => items /= 2,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_halved_until_they_fit() {
        let too_much = || Err(Error::device_memory(Fault::new("allocating", "too little")));
        let fits = |most: usize| with_parts(1000, 10, |items| if items <= most { Ok(items) } else { too_much() });
        assert_eq!(fits(5000).unwrap(), 1000);
        assert_eq!(fits(300).unwrap(), 250);
        assert!(matches!(fits(9), Err(Error::DeviceMemory(_))));
    }
}
