//! The header of a `.npy` file (NEP 1), written and read.

use crate::error::{Error, Fault, Result};
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The data begin at a multiple of this [bytes].
const ALIGNMENT: usize = 64;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Type of the elements, as `<f8`.
    pub descr: String,
    /// Whether the first axis varies fastest.
    pub fortran_order: bool,
    /// Length of each axis.
    pub shape: Vec<u64>,
}

/// The bytes of the header of an array in C order.
pub fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let before = MAGIC.len() + 4;
    text.push_str(&" ".repeat((ALIGNMENT - (before + text.len() + 1) % ALIGNMENT) % ALIGNMENT));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // Shapes of at most a handful of axes are far below the 65,535 bytes of version 1.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// Reads the header of an array; the rest of `bytes` are its data.
///
/// # Errors
/// [`Error::Input`]: not a `.npy` file, or one that is cut off.
pub fn read_header<'a>(bytes: &'a [u8], file: &Path) -> Result<(Header, &'a [u8])> {
    let fault = |field: &str, bound: &str| {
        let remedy = "write the array with numpy.save(file, array)";
        Error::input(Fault::new(field, bound).file(file).remedy(remedy))
    };
    let cut_off = || fault("npy header", "is cut off");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| fault("npy header", "this is not a .npy array"))?;
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>().ok_or_else(cut_off)?;
    let (length, rest) = match major {
        1 => rest.split_first_chunk::<2>().map(|(n, rest)| (u64::from(u16::from_le_bytes(*n)), rest)),
        2 | 3 => rest.split_first_chunk::<4>().map(|(n, rest)| (u64::from(u32::from_le_bytes(*n)), rest)),
        _ => return Err(fault("npy version", "must be 1, 2 or 3")),
    }
    .ok_or_else(cut_off)?;
    if length > rest.len() as u64 {
        return Err(cut_off());
    }
    let (text, data) = rest.split_at(length as usize);
    let text = std::str::from_utf8(text).map_err(|_| fault("npy header", "is not text"))?;
    let bound = "must hold descr (of one plain type), fortran_order and shape";
    let header = parse(text).ok_or_else(|| fault("npy header", bound))?;
    Ok((header, data))
}

/// The three entries of the header's dictionary, in any order.
fn parse(text: &str) -> Option<Header> {
    let value = |key: &str| {
        let after = &text[text.find(&format!("'{key}'"))? + key.len() + 2..];
        Some(after.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = value("descr")?.strip_prefix('\'')?.split_once('\'')?.0.to_string();
    let fortran_order = match value("fortran_order")? {
        order if order.starts_with("True") => true,
        order if order.starts_with("False") => false,
        _ => return None,
    };
    let axes = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.parse().ok()).collect::<Option<Vec<u64>>>()?;
    Some(Header { descr, fortran_order, shape })
}

/// `bytes` as an array: the caller has cut them to this length.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_data_are_aligned() {
        for shape in [vec![], vec![7], vec![1000, 3], vec![usize::MAX, 2, 3, 4, 5]] {
            let bytes = header("<f8", &shape);
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            let (header, rest) = read_header(&bytes, Path::new("x.npy")).expect("a header");
            assert_eq!(header.shape, shape.iter().map(|n| *n as u64).collect::<Vec<_>>());
            assert_eq!((header.descr.as_str(), header.fortran_order, rest.len()), ("<f8", false, 0));
        }
    }

    #[test]
    fn every_cut_of_a_header_is_an_error() {
        let bytes = header("<f8", &[10, 3]);
        for end in 0..bytes.len() {
            assert!(read_header(&bytes[..end], Path::new("x.npy")).is_err(), "{end}");
        }
    }
}
