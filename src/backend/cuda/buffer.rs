//! Device memory that is kept from call to call: it grows and never shrinks, so that no hot loop allocates.

use super::fault::OnDevice;
use crate::error::Result;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DeviceRepr, PinnedHostSlice, ValidAsZeroBits};
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
            // Free first: both might not fit together.
            self.held = None;
            let length = grown(length, before);
            // SAFETY: contents are documented as undefined, and T is plain data.
            let fresh = unsafe { stream.alloc(length) };
            self.held = Some(fresh.on_device(|| format!("allocating {} bytes", length * size_of::<T>()))?);
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
    held: Option<PinnedHostSlice<T>>,
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
        let before = self.held.as_ref().map_or(0, PinnedHostSlice::len);
        if before < length || before == 0 {
            self.held = None;
            let length = grown(length, before);
            // SAFETY: only what a copy has written is handed out; flags 0, for the host reads it.
            let fresh = unsafe { context.alloc_pinned_with_flags(length, 0) };
            self.held = Some(fresh.on_device(|| format!("locking {} bytes of the host", length * size_of::<T>()))?);
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
        if count > 0 {
            let held = self.held.as_mut().expect("just reserved");
            stream.memcpy_dtoh(&from.slice(..count), held).on_device(|| "copying from the device".into())?;
        }
        Ok(())
    }

    /// Waits for the copy that was begun last and shows it.
    ///
    /// # Errors
    /// The device failed.
    pub fn wait(&self) -> Result<&[T]> {
        match &self.held {
            Some(held) if self.count > 0 => {
                Ok(&held.as_slice().on_device(|| "waiting for the device".into())?[..self.count])
            }
            _ => Ok(&[]),
        }
    }
}
