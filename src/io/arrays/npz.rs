//! Archives of arrays (`.npz`): a zip of `.npy` members, stored, with a fixed date.

use super::npy;
use crate::math::C64;
use std::io::{self, Seek, SeekFrom, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A number that arrays hold, little-endian.
pub trait Scalar: Copy {
    /// Its name in `.npy` headers.
    const DESCR: &'static str;
    /// Appends its bytes.
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! scalar {
    ($($kind:ty, $descr:literal);*) => {$(
        impl Scalar for $kind {
            const DESCR: &'static str = $descr;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
scalar!(u8, "|u1"; u32, "<u4"; i64, "<i8"; f64, "<f8");

impl Scalar for C64 {
    const DESCR: &'static str = "<c16";
    fn put(self, bytes: &mut Vec<u8>) {
        self.re.put(bytes);
        self.im.put(bytes);
    }
}

/// Bytes collected before they are handed to the archive.
const CHUNK_BYTES: usize = 1 << 16;

/// An archive that is being written.
pub struct Npz<W: Write + Seek> {
    zip: ZipWriter<UntilFailure<W>>,
}

/// A writer that does nothing more once it has failed: the archive, dropped after an error, would try to end itself and
/// complain on stderr beside the error that was returned.
struct UntilFailure<W> {
    inner: W,
    failed: bool,
}

impl<W> UntilFailure<W> {
    /// Does `work`, or nothing after a failure; `nothing` is then its result.
    fn attempt<T>(&mut self, nothing: T, work: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Ok(nothing);
        }
        work(&mut self.inner).inspect_err(|_| self.failed = true)
    }
}

impl<W: Write> Write for UntilFailure<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), W::flush)
    }
}

impl<W: Seek> Seek for UntilFailure<W> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.attempt(0, |inner| inner.seek(position))
    }
}

impl<W: Write + Seek> Npz<W> {
    /// Begins an archive.
    pub fn new(writer: W) -> Self {
        Npz { zip: ZipWriter::new(UntilFailure { inner: writer, failed: false }) }
    }

    /// Writes the array `name` of this `shape`, slowest axis first, from its `values`.
    ///
    /// # Errors
    /// What the system says; also a number of values that is not that of the shape.
    pub fn array<T: Scalar>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        self.stream::<T>(name, shape, |push| values.into_iter().try_for_each(push))
    }

    /// As [`Npz::array`], from a function that pushes the values one by one.
    ///
    /// # Errors
    /// As [`Npz::array`].
    pub fn stream<T: Scalar>(
        &mut self,
        name: &str,
        shape: &[usize],
        produce: impl FnOnce(&mut dyn FnMut(T) -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.begin(name, T::DESCR, shape)?;
        let (mut bytes, mut count) = (Vec::with_capacity(CHUNK_BYTES + 16), 0usize);
        let zip = &mut self.zip;
        produce(&mut |value| {
            value.put(&mut bytes);
            count += 1;
            if bytes.len() >= CHUNK_BYTES {
                zip.write_all(&bytes)?;
                bytes.clear();
            }
            Ok(())
        })?;
        if count != shape.iter().product::<usize>() {
            return Err(io::Error::other(format!("array {name} has {count} values for the shape {shape:?}")));
        }
        self.zip.write_all(&bytes)
    }

    /// Writes a list of texts as an array of fixed width (UTF-32, as numpy holds texts).
    ///
    /// # Errors
    /// What the system says.
    pub fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str> + Clone) -> io::Result<()> {
        let width = texts.clone().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        self.begin(name, &format!("<U{width}"), &[texts.clone().count()])?;
        for text in texts {
            let padding = width - text.chars().count();
            let units = text.chars().map(u32::from).chain(std::iter::repeat_n(0, padding));
            let bytes: Vec<u8> = units.flat_map(u32::to_le_bytes).collect();
            self.zip.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> io::Result<()> {
        self.zip.finish().map(drop).map_err(io::Error::other)
    }

    fn begin(&mut self, name: &str, descr: &str, shape: &[usize]) -> io::Result<()> {
        // The size is not known yet to the archive: large_file leaves room for more than 4 GiB.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(true);
        self.zip.start_file(format!("{name}.npy"), options).map_err(io::Error::other)?;
        self.zip.write_all(&npy::header(descr, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};
    use std::io::Cursor;

    fn archive() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut npz = Npz::new(&mut bytes);
        npz.array("table", &[2, 3], (0..6).map(f64::from)).expect("memory");
        npz.array("bytes", &[2], [1u8, 255]).expect("memory");
        npz.texts("names", ["wall", "Straße"].into_iter()).expect("memory");
        npz.array::<C64>("none", &[0, 1], []).expect("memory");
        npz.finish().expect("memory");
        bytes.into_inner()
    }

    #[test]
    fn arrays_are_read_back() {
        let mut npz = ndarray_npy::NpzReader::new(Cursor::new(archive())).expect("an archive");
        let table: Array2<f64> = npz.by_name("table").expect("table");
        assert_eq!(table, Array2::from_shape_fn((2, 3), |(i, j)| (3 * i + j) as f64));
        let bytes: Array1<u8> = npz.by_name("bytes").expect("bytes");
        assert_eq!(bytes.to_vec(), [1, 255]);
        let none: Array2<C64> = npz.by_name("none").expect("none");
        assert_eq!(none.dim(), (0, 1));
    }

    #[test]
    fn same_values_same_bytes() {
        assert_eq!(archive(), archive());
    }

    #[test]
    fn a_wrong_number_of_values_is_an_error() {
        let mut npz = Npz::new(Cursor::new(Vec::new()));
        assert!(npz.array("x", &[3], [1.0, 2.0]).is_err());
    }
}
