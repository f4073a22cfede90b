//! Input files, read whole.

use std::io;
use std::path::Path;

/// The bytes of a regular file. A device may never end and a pipe cannot be read again for its hash: both are refused.
///
/// # Errors
/// What the system says, or that `path` is no regular file.
pub fn regular_file(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.is_file() {
        return std::fs::read(path);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is a folder, a device or a pipe, where a regular file is needed",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(regular_file(folder.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        if cfg!(unix) {
            assert_eq!(regular_file(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        std::fs::write(folder.path().join("a"), b"bytes").unwrap();
        assert_eq!(regular_file(&folder.path().join("a")).unwrap(), b"bytes");
    }
}
