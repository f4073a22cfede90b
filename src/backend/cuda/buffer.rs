//! Device memory that is kept from call to call: it grows and never shrinks, so that no hot loop allocates.

use super::fault::{OnDevice, too_little};
use crate::error::{Error, Fault, Result};
use crate::layout::Pointer;
use cudarc::driver::sys::CUevent_flags;
use cudarc::driver::{
    CudaContext, CudaEvent, CudaSlice, CudaStream, DevicePtr, DeviceRepr, PinnedHostSlice, ValidAsZeroBits,
};
use std::sync::Arc;

/// Device memory of at least the length last asked for; what it holds is undefined until it is written.
pub struct Buffer<T> {
    held: Option<CudaSlice<T>>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Buffer { held: None }
    }
}

/// What a buffer grows by at the least, so that lists that grow step by step do not allocate at each step.
fn grown(length: usize, before: usize) -> usize {
    length.max(before + before / 2).max(1)
}

impl<T: DeviceRepr> Buffer<T> {
    /// At least `length` items.
    ///
    /// # Errors
    /// The device has too little memory.
    pub fn reserve(&mut self, stream: &Arc<CudaStream>, length: usize) -> Result<&mut CudaSlice<T>> {
        let before = self.held.as_ref().map_or(0, CudaSlice::len);
        if before < length || before == 0 {
            // Free first: both might not fit together; and what it grows beyond the need is no reason to fail.
            self.held = None;
            let fresh = allocate(stream, grown(length, before)).or_else(|_| allocate(stream, length.max(1)));
            self.held = Some(fresh?);
        }
        Ok(self.held.as_mut().expect("just filled"))
    }

    /// A copy of `items`.
    ///
    /// # Errors
    /// The device has too little memory, or failed.
    pub fn upload(&mut self, stream: &Arc<CudaStream>, items: &[T]) -> Result<&CudaSlice<T>> {
        let slice = self.reserve(stream, items.len())?;
        if !items.is_empty() {
            stream.memcpy_htod(items, slice).on_device(|| "copying to the device".into())?;
        }
        Ok(slice)
    }

    /// A copy of `items`, and where it lies: valid until the buffer grows, for kernels of this stream.
    ///
    /// # Errors
    /// As [`Buffer::upload`].
    pub fn place(&mut self, stream: &Arc<CudaStream>, items: &[T]) -> Result<Pointer<T>> {
        let slice = self.upload(stream, items)?;
        let (address, _guard) = slice.device_ptr(stream);
        Ok(Pointer::new(address))
    }

    /// What was reserved or uploaded last.
    pub fn get(&self) -> &CudaSlice<T> {
        self.held.as_ref().expect("reserve or upload comes first")
    }

    /// The same, to be written.
    pub fn get_mut(&mut self) -> &mut CudaSlice<T> {
        self.held.as_mut().expect("reserve or upload comes first")
    }
}

/// Page-locked memory of the host, which the device writes while the host does something else.
pub struct Pinned<T> {
    /// The memory, and an event that the last copy into it ends with.
    held: Option<(PinnedHostSlice<T>, CudaEvent)>,
    /// Items of the last copy.
    count: usize,
}

impl<T> Default for Pinned<T> {
    fn default() -> Self {
        Pinned { held: None, count: 0 }
    }
}

impl<T: DeviceRepr + ValidAsZeroBits> Pinned<T> {
    /// Makes room for `length` items.
    ///
    /// # Errors
    /// The system has too little memory that it can lock.
    pub fn reserve(&mut self, context: &Arc<CudaContext>, length: usize) -> Result<()> {
        let before = self.held.as_ref().map_or(0, |(held, _)| held.len());
        if before < length || before == 0 {
            self.end();
            let fresh = lock(context, grown(length, before)).or_else(|_| lock(context, length.max(1)))?;
            let done = context.new_event(Some(CUevent_flags::CU_EVENT_BLOCKING_SYNC));
            self.held = Some((fresh, done.on_device(|| "making an event".into())?));
        }
        Ok(())
    }

    /// Begins to copy the first `count` items of `from`; [`Pinned::wait`] ends it.
    ///
    /// # Errors
    /// No room, or the device failed.
    pub fn begin(&mut self, stream: &Arc<CudaStream>, from: &CudaSlice<T>, count: usize) -> Result<()> {
        self.reserve(stream.context(), count)?;
        self.count = count;
        let (held, done) = self.held.as_mut().expect("just reserved");
        if count > 0 {
            // A plain slice of the room, for as much is copied as the target is long. Such a copy leaves it to the caller
            // to know when it has ended: by the event.
            let room = held.as_mut_slice().on_device(|| "waiting for the device".into())?;
            let copied = stream.memcpy_dtoh(&from.slice(..count), &mut room[..count]);
            copied.and_then(|()| done.record(stream)).on_device(|| "copying from the device".into())?;
        }
        Ok(())
    }

    /// Waits for the copy that was begun last and shows it.
    ///
    /// # Errors
    /// The device failed.
    pub fn wait(&self) -> Result<&[T]> {
        match &self.held {
            Some((held, done)) if self.count > 0 => {
                let ended = done.synchronize().and_then(|()| held.as_slice());
                Ok(&ended.on_device(|| "waiting for the device".into())?[..self.count])
            }
            _ => Ok(&[]),
        }
    }
}

impl<T> Pinned<T> {
    /// Gives the memory back, once nothing is copied into it any more.
    fn end(&mut self) {
        if let Some((held, done)) = self.held.take() {
            // A device that has failed copies nothing.
            let _ = done.synchronize();
            drop(held);
        }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        self.end();
    }
}

fn allocate<T: DeviceRepr>(stream: &Arc<CudaStream>, length: usize) -> Result<CudaSlice<T>> {
    let bytes = length * size_of::<T>();
    // SAFETY: contents are documented as undefined, and T is plain data.
    let fresh = unsafe { stream.alloc(length) };
    fresh.on_device(|| format!("allocating {bytes} bytes")).map_err(|error| match error {
        Error::DeviceMemory(_) => {
            too_little(stream.context(), "the least part of the work takes another", bytes as u64)
        }
        error => error,
    })
}

/// Page-locked memory of the host; too little of it is an error of the device's memory, for smaller parts help.
fn lock<T: DeviceRepr>(context: &Arc<CudaContext>, length: usize) -> Result<PinnedHostSlice<T>> {
    let bytes = length * size_of::<T>();
    // SAFETY: only what a copy has written is handed out; flags 0, for the host reads it.
    let fresh = unsafe { context.alloc_pinned_with_flags(length, 0) };
    fresh.on_device(|| format!("locking {bytes} bytes of the host")).map_err(|error| match error {
        Error::DeviceMemory(_) => {
            let mib = (bytes as u64).div_ceil(1 << 20);
            let bound = format!("the system does not lock {mib} MiB of its memory for the device");
            let remedy =
                "free memory of the machine, raise its limit of locked memory (ulimit -l), or use --device cpu";
            Error::device_memory(Fault::new("--device", bound).remedy(remedy))
        }
        error => error,
    })
}
