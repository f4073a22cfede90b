//! The one error type of the library.
//!
//! Every error that a user can cause names the file, the field, the value, the bound that it breaks and the remedy.
//! The exit code of the command line is a property of the kind of error ([`Error::exit_code`]).

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with one piece of input: where, what it says, what it must be, what to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fault {
    /// The file that holds the fault, if there is one.
    pub file: Option<PathBuf>,
    /// Field, element or line within it: `transmitters[2].position_m`, `line 17`, `shape 'mesh-wall'`.
    pub field: String,
    /// The value as it was written.
    pub value: String,
    /// The rule that the value breaks.
    pub bound: String,
    /// What to do about it.
    pub remedy: String,
}

/// Longer texts are cut in messages: a broken file may hold anything.
const MAX_SHOWN_CHARACTERS: usize = 300;
/// Numbers of more characters are shown with an exponent: 1e300 has 301 digits.
const MAX_NUMBER_CHARACTERS: usize = 24;

impl Fault {
    /// A fault of `field`, which breaks `bound`.
    pub fn new(field: impl Into<String>, bound: impl Into<String>) -> Self {
        Fault { field: shortened(field.into()), bound: shortened(bound.into()), ..Fault::default() }
    }

    /// The same fault, with the file that holds it.
    pub fn file(mut self, file: impl AsRef<Path>) -> Self {
        self.file = Some(file.as_ref().to_path_buf());
        self
    }

    /// The same fault, with the value as it was written.
    pub fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = shortened(value.to_string());
        self
    }

    /// The same fault, with what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// What can be read in a message of a text that is too long: its beginning, or the number that it is.
fn shortened(text: String) -> String {
    if text.len() > MAX_NUMBER_CHARACTERS
        && let Ok(number) = text.parse::<f64>()
    {
        return format!("{number:e}");
    }
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        None => text,
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        write!(f, "{}", self.field)?;
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        write!(f, ": {}", self.bound)?;
        if !self.remedy.is_empty() {
            write!(f, "\n  remedy: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Everything that can go wrong in raylobe.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The job file, or a `--set` that changes it, is wrong.
    #[error("job: {0}")]
    Job(Box<Fault>),
    /// Data that the job names (scene, mesh, receivers) are wrong.
    #[error("input: {0}")]
    Input(Box<Fault>),
    /// The device that was asked for cannot be used.
    #[error("device: {0}")]
    Device(Box<Fault>),
    /// The device has too little memory, however small the parts that the work is cut into.
    #[error("device memory: {0}")]
    DeviceMemory(Box<Fault>),
    /// A result could not be written.
    #[error("cannot write {}: {source}\n  remedy: choose another folder with --out, or make this one writable", path.display())]
    Write {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A fault of raylobe itself.
    #[error("internal error: {0}\n  remedy: this is a fault of raylobe; please report it with the job file")]
    Internal(String),
}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the job file.
    pub fn job(fault: Fault) -> Self {
        Error::Job(Box::new(fault))
    }

    /// An error of the data that a job names.
    pub fn input(fault: Fault) -> Self {
        Error::Input(Box::new(fault))
    }

    /// An error of the device.
    pub fn device(fault: Fault) -> Self {
        Error::Device(Box::new(fault))
    }

    /// An error of too little memory on the device.
    pub fn device_memory(fault: Fault) -> Self {
        Error::DeviceMemory(Box::new(fault))
    }

    /// An error of writing `path`.
    pub fn write(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Write { path: path.as_ref().to_path_buf(), source }
    }

    /// The same error, with `file` named where the fault names none yet.
    pub fn in_file(mut self, file: &Path) -> Self {
        match &mut self {
            Error::Job(fault) | Error::Input(fault) | Error::Device(fault) | Error::DeviceMemory(fault) => {
                fault.file.get_or_insert_with(|| file.to_path_buf());
            }
            Error::Write { .. } | Error::Internal(_) => {}
        }
        self
    }

    /// The exit code of the command line (interface.md): 64 job, 65 input data, 69 device, 70 internal, 73 cannot write,
    /// 77 out of device memory.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Job(_) => 64,
            Error::Input(_) => 65,
            Error::Device(_) => 69,
            Error::Internal(_) => 70,
            Error::Write { .. } => 73,
            Error::DeviceMemory(_) => 77,
        }
    }
}

/// The word of `known` that is nearest to `word`, as a sentence; empty if none is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Jaro-Winkler above 0.8: one or two letters off in a word of this length.
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean '{candidate}'?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_file_field_value_bound_and_remedy() {
        let fault = Fault::new("carrier_ghz", "must be above 0").file("job.toml").value(-28.0).remedy("give GHz");
        let text = Error::job(fault).to_string();
        assert_eq!(Fault::new("name", "is too long").value("ü".repeat(1000)).value.chars().count(), 300 + 21);
        assert_eq!(Fault::new("x_m", "must be within 1e9").value(-1e300).value, "-1e300");
        for part in ["job.toml", "carrier_ghz", "-28", "must be above 0", "remedy: give GHz"] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("carier_ghz", ["seed", "carrier_ghz"]), "did you mean 'carrier_ghz'?");
        assert_eq!(did_you_mean("zzz", ["seed", "carrier_ghz"]), "");
    }
}
