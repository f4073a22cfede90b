//! Files that are there whole or not at all: written under a temporary name in the same folder, synced, renamed.
//!
//! What goes into a file is the business of its writer; this module creates folders, names errors and cleans up.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `path` through `write`. The folder is made if it is missing; a file of this name is replaced only when the
/// new one is whole. If anything fails, no file of this name appears and the temporary one is removed.
///
/// `write` gets a buffered, seekable file, so that archive writers (npz) can use it. Errors of other kinds go through
/// [`io::Error::other`].
///
/// # Errors
/// [`Error::Write`] with `path` and what the system said.
pub fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let mut draft = Draft::create(path)?;
    draft.write(write)?;
    draft.finish()
}

/// A file that is written piece by piece and appears only when it is finished; one that is dropped before leaves nothing.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    /// `None` once the file has got its name.
    file: Option<BufWriter<File>>,
}

impl Draft {
    /// Begins the file `path`, in a folder that is made if it is missing.
    ///
    /// # Errors
    /// [`Error::Write`] with `path` and what the system said.
    pub fn create(path: &Path) -> Result<Draft> {
        let create = || {
            let temporary = temporary_name(path)?;
            if path.exists() && !path.is_file() {
                // Renaming over a device would replace it.
                let kind = io::ErrorKind::AlreadyExists;
                return Err(io::Error::new(kind, "there is something else than a file of this name"));
            }
            fs::create_dir_all(folder_of(path))?;
            let file = File::options().write(true).read(true).create_new(true).open(&temporary)?;
            Ok(Draft { path: path.to_path_buf(), temporary, file: Some(BufWriter::new(file)) })
        };
        create().map_err(|e| Error::write(path, e))
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// As [`Draft::create`].
    pub fn write(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        write(file).map_err(|e| Error::write(&self.path, e))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// As [`Draft::create`].
    pub fn finish(mut self) -> Result<()> {
        self.put_in_place().map_err(|e| Error::write(&self.path, e))
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&self.temporary, &self.path)?;
            self.file = None;
            sync_folder(folder_of(&self.path))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // The first error is the one to report: that the remains cannot be removed either adds nothing to it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`, as [`write_file`] does.
///
/// # Errors
/// As [`write_file`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file(path, |file| file.write_all(bytes))
}

/// The name is on disk only when its folder is; Windows cannot open a folder as a file and needs no such step.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// A name that no other writer uses: threads differ by the counter, processes by their number.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{number}.part", std::process::id()));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    #[test]
    fn a_file_is_written_replaced_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/a.bin");
        write_bytes(&path, b"one").unwrap();
        write_file(&path, |file| {
            file.write_all(b"twx")?;
            file.seek(io::SeekFrom::Start(2))?;
            file.write_all(b"o")
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_removes_the_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write_bytes(&path, b"old").unwrap();
        let error = write_file(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(matches!(error, Error::Write { .. }) && error.to_string().contains("a.bin"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_or_a_file_in_place_of_the_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        assert!(matches!(write_bytes(&folder.path().join("file/a.bin"), b""), Err(Error::Write { .. })));
        assert!(matches!(write_bytes(folder.path(), b""), Err(Error::Write { .. })));
        if cfg!(unix) {
            assert!(matches!(write_bytes(Path::new("/dev/null"), b""), Err(Error::Write { .. })));
        }
        assert!(matches!(write_bytes(Path::new("/"), b""), Err(Error::Write { .. })));
    }
}
