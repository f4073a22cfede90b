//! Records shared with the device.
