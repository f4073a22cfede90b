//! Finding a driver and a device, without ever panicking where there is none.
//!
//! cudarc panics where the driver's library is absent or lacks a function, so nothing of it is called before the library
//! and its functions were looked for; and what is called first stands in a net all the same.

use super::fault::FREE_THE_DEVICE;
use super::kernels::{Images, Kernels, without_kernels};
use crate::error::{Error, Fault, Result};
use cudarc::driver::{CudaContext, DriverError, sys};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// The kernels that were built in; none where there was no nvcc.
pub const BUILT_IN: Images = include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// The driver must be of this release of CUDA or a later one: kernels are compiled by it [1000 major + 10 minor].
const LEAST_DRIVER: i32 = 13_000;

/// Functions of the driver that are used, also by what frees: a driver without one of them is too old.
const FUNCTIONS: [&[u8]; 34] = [
    b"cuInit\0",
    b"cuDriverGetVersion\0",
    b"cuDeviceGetCount\0",
    b"cuDeviceGet\0",
    b"cuDeviceGetName\0",
    b"cuDeviceGetAttribute\0",
    b"cuDeviceTotalMem_v2\0",
    b"cuDevicePrimaryCtxRetain\0",
    b"cuDevicePrimaryCtxRelease_v2\0",
    b"cuCtxGetCurrent\0",
    b"cuCtxSetCurrent\0",
    b"cuCtxSynchronize\0",
    b"cuStreamCreate\0",
    b"cuStreamDestroy_v2\0",
    b"cuStreamSynchronize\0",
    b"cuStreamWaitEvent\0",
    b"cuEventCreate\0",
    b"cuEventDestroy_v2\0",
    b"cuEventRecord\0",
    b"cuEventSynchronize\0",
    b"cuMemAllocAsync\0",
    b"cuMemAlloc_v2\0",
    b"cuMemFreeAsync\0",
    b"cuMemFree_v2\0",
    b"cuMemHostAlloc\0",
    b"cuMemFreeHost\0",
    b"cuMemcpyHtoDAsync_v2\0",
    b"cuMemcpyDtoHAsync_v2\0",
    b"cuMemsetD8Async\0",
    b"cuMemGetInfo_v2\0",
    b"cuModuleLoadData\0",
    b"cuModuleUnload\0",
    b"cuModuleGetFunction\0",
    b"cuLaunchKernel\0",
];

/// A driver that can be used.
#[derive(Debug, Clone, Copy)]
pub struct Driver {
    /// Release of CUDA [1000 major + 10 minor].
    pub version: i32,
    /// Number of devices, 1 or more.
    pub devices: i32,
}

/// Looks for the driver once; the same answer ever after.
///
/// # Errors
/// Why there is none that can be used, as a sentence.
pub fn driver() -> std::result::Result<Driver, String> {
    static FOUND: OnceLock<std::result::Result<Driver, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| caught(find_driver).unwrap_or_else(|| Err("the CUDA driver cannot be talked to".into())))
        .clone()
}

/// What `work` yields, or nothing if it panics.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn find_driver() -> std::result::Result<Driver, String> {
    // SAFETY: opens the library of that name, whose initialisers are the system's.
    if !unsafe { sys::is_culib_present() } {
        return Err("no CUDA driver was found (libcuda.so)".into());
    }
    // SAFETY: the library is there; symbols are looked for and not called.
    let absent = |name: &&&[u8]| unsafe { sys::culib().get::<unsafe extern "C" fn()>(**name) }.is_err();
    if let Some(name) = FUNCTIONS.iter().find(absent) {
        let name = String::from_utf8_lossy(&name[..name.len() - 1]);
        return Err(format!("the CUDA driver is too old: it lacks {name}; {}", least_driver()));
    }
    let mut version = 0;
    // SAFETY: writes one number.
    check("cuDriverGetVersion", unsafe { sys::cuDriverGetVersion(&mut version) })?;
    if version < LEAST_DRIVER {
        return Err(format!("the CUDA driver is too old: it is of CUDA {}; {}", release(version), least_driver()));
    }
    match cudarc::driver::result::init() {
        Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => return Err("there is no CUDA device".into()),
        Err(DriverError(code)) => check("cuInit", code)?,
        Ok(()) => {}
    }
    match CudaContext::device_count() {
        Ok(devices) if devices > 0 => Ok(Driver { version, devices }),
        Ok(_) => Err("there is no CUDA device".into()),
        Err(DriverError(code)) => check("cuDeviceGetCount", code).map(|()| Driver { version, devices: 0 }),
    }
}

fn check(function: &str, code: sys::CUresult) -> std::result::Result<(), String> {
    match code {
        sys::CUresult::CUDA_SUCCESS => Ok(()),
        // The driver's own names of errors are not asked for: asking is what an old driver may not be able to answer.
        code => {
            let code = code as u32;
            Err(format!("the CUDA driver does not start: {function} answers with error {code}{}", meaning(code)))
        }
    }
}

/// What the errors mean that a user can mend.
fn meaning(code: u32) -> &'static str {
    match code {
        34 => ": this libcuda.so is the stub that programs are linked with, not a driver",
        802 => ": the system is not ready; does nvidia-fabricmanager run?",
        803 => ": the driver's library and its kernel module are of different releases; restart after an update",
        804 => ": this device does not take a driver's library newer than its kernel module",
        _ => "",
    }
}

fn least_driver() -> String {
    format!("CUDA {} or newer is needed", release(LEAST_DRIVER))
}

/// "13.0" of 13000.
pub fn release(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

/// The context of device `ordinal` and all kernels, loaded.
///
/// # Errors
/// There is no driver that can be used, no such device, or the kernels are not for it.
pub fn open(images: Images, ordinal: u32) -> Result<(Driver, Arc<CudaContext>, Kernels)> {
    let unusable = |bound: String| {
        let fault = Fault::new("--device", bound).value(format!("cuda:{ordinal}"));
        Error::device(fault.remedy("use --device cpu; `raylobe devices` tells what there is"))
    };
    let no_kernels = "this build has no CUDA kernels";
    let driver = match driver() {
        Ok(_) if images.is_empty() => return Err(without_kernels(no_kernels.into())),
        Err(why) if images.is_empty() => return Err(without_kernels(format!("{why}; besides, {no_kernels}"))),
        Err(why) => return Err(unusable(why)),
        Ok(driver) => driver,
    };
    if ordinal >= driver.devices as u32 {
        return Err(unusable(match driver.devices {
            1 => "the only CUDA device is cuda:0".into(),
            devices => format!("there are {devices} CUDA devices, cuda:0 to cuda:{}", devices - 1),
        }));
    }
    let unopened = |DriverError(code)| match code {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            let fault = Fault::new("--device", "the device is too full to be opened").value(format!("cuda:{ordinal}"));
            Error::device_memory(fault.remedy(FREE_THE_DEVICE))
        }
        code => unusable(format!("the device cannot be opened (CUDA error {})", code as u32)),
    };
    caught(|| {
        let context = CudaContext::new(ordinal as usize).map_err(unopened)?;
        let kernels = Kernels::load(&context, images)?;
        Ok((driver, context, kernels))
    })
    .unwrap_or_else(|| Err(unusable("the CUDA driver cannot be talked to".into())))
}
