//! Archives of arrays (`.npz`), read: those of this program and of numpy, compressed or not.

use super::npy::{self, fixed};
use crate::error::{Error, Fault, Result};
use crate::math::C64;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use zip::ZipArchive;

/// An array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis, slowest first.
    pub shape: Vec<usize>,
    /// Elements in that order; real numbers have no imaginary part.
    pub values: Vec<C64>,
}

/// Reads the arrays called `names` of an archive, whichever it holds; `file` is named in errors only.
///
/// # Errors
/// [`Error::Input`]: not an archive, or cut off; an array of another type than real or complex floating-point or 64-bit whole
/// numbers, or in Fortran's order.
pub fn read_npz(bytes: &[u8], names: &[&str], file: &Path) -> Result<BTreeMap<String, Array>> {
    let fault = |field: &str, bound: String| {
        Error::input(Fault::new(field, bound).file(file).remedy("write it with numpy.savez(file, name=array)"))
    };
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| fault("npz", format!("is not an archive: {error}")))?;
    let mut arrays = BTreeMap::new();
    for name in names {
        let member = format!("{name}.npy");
        if archive.index_for_name(&member).is_none() {
            continue;
        }
        let mut entry = archive.by_name(&member).map_err(|error| fault(name, format!("cannot be read: {error}")))?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| fault(name, format!("cannot be read: {error}")))?;
        arrays.insert((*name).to_string(), array_of(&content, name, file)?);
    }
    Ok(arrays)
}

/// Reads one element.
type Reader = Box<dyn Fn(&[u8]) -> C64>;

fn array_of(content: &[u8], name: &str, file: &Path) -> Result<Array> {
    let (header, data) = npy::read_header(content, file)?;
    let fault = |value: String, bound: &str, remedy: &str| {
        Error::input(Fault::new(name, bound).file(file).value(value).remedy(remedy))
    };
    if header.fortran_order {
        let remedy = "write numpy.ascontiguousarray(array)";
        return Err(fault("fortran_order".into(), "must be in C order", remedy));
    }
    let number = |size: usize| {
        move |b: &[u8]| if size == 4 { f64::from(f32::from_le_bytes(fixed(b))) } else { f64::from_le_bytes(fixed(b)) }
    };
    let (size, read): (usize, Reader) = match header.descr.as_str() {
        "<f8" => (8, Box::new(move |b| C64::new(number(8)(b), 0.0))),
        "<f4" => (4, Box::new(move |b| C64::new(number(4)(b), 0.0))),
        "<i8" => (8, Box::new(|b| C64::new(i64::from_le_bytes(fixed(b)) as f64, 0.0))),
        "<c16" => (16, Box::new(move |b| C64::new(number(8)(&b[..8]), number(8)(&b[8..])))),
        "<c8" => (8, Box::new(move |b| C64::new(number(4)(&b[..4]), number(4)(&b[4..])))),
        other => {
            let bound = "must hold float32, float64, int64, complex64 or complex128, little-endian";
            return Err(fault(other.into(), bound, "use array.astype(complex) or array.astype(float)"));
        }
    };
    let count = header.shape.iter().try_fold(1u64, |all, n| all.checked_mul(*n));
    // Checked against the bytes that are there before anything is allocated: a header may claim any number.
    if count.and_then(|count| count.checked_mul(size as u64)) != Some(data.len() as u64) {
        let bound = format!("needs another number of bytes than the {} that follow", data.len());
        return Err(fault(format!("{:?}", header.shape), &bound, "the file is cut off or damaged: write it again"));
    }
    let shape = header.shape.iter().map(|n| *n as usize).collect();
    Ok(Array { shape, values: data.chunks_exact(size).map(read).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::Npz;
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_cuts_are_errors() {
        let mut bytes = Cursor::new(Vec::new());
        let mut npz = Npz::new(&mut bytes);
        npz.array("h", &[2, 3], (0..6).map(|k| C64::new(f64::from(k), -1.0))).unwrap();
        npz.array("f", &[2], [1.5, 2.5]).unwrap();
        npz.array("l", &[1], [7i64]).unwrap();
        npz.finish().unwrap();
        let (bytes, file) = (bytes.into_inner(), Path::new("cfr.npz"));
        let arrays = read_npz(&bytes, &["h", "f", "l", "other"], file).unwrap();
        assert_eq!((arrays.len(), &arrays["h"].shape[..]), (3, &[2, 3][..]));
        assert_eq!(arrays["h"].values[5], C64::new(5.0, -1.0));
        assert_eq!((arrays["f"].values[1].re, arrays["l"].values[0].re), (2.5, 7.0));
        for end in 0..bytes.len() {
            assert!(read_npz(&bytes[..end], &["h"], file).is_err(), "{end}");
        }
    }
}
