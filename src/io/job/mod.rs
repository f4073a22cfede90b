//! Job files: TOML as written ([`description::JobDescription`]) and as meant ([`Job`]).
//!
//! [`parse`] and [`read`] check the form (keys and types); [`Job::new`] checks the meaning, loads the scene and the
//! positions, and leaves nothing to check for those below. Nothing is ignored: a key that is not known is an error with
//! a suggestion, and a feature that is to come is an error that says so.

pub mod description;
mod fault;
pub mod fit;
mod map;
mod meant;
mod overrides;
pub mod place;
mod radios;

pub use description::JobDescription;
pub use meant::{Job, Output};
pub use overrides::Overrides;

use crate::error::{Error, Fault, Result};
use crate::io::read::regular_file;
use crate::scene::degrade::DegradeOptions;
use crate::scene::generate::GenerateOptions;
use std::path::Path;

/// Reads the form of a job from its `text`; `file` is named in errors only.
///
/// # Errors
/// [`Error::Job`]: the text is not TOML, a key is unknown or missing, a value has another type.
pub fn parse(text: &str, file: &Path) -> Result<JobDescription> {
    parse_with(text, file, &Overrides::default())
}

/// Reads the form of the job in `file`, with what was typed on the command line put over it.
///
/// # Errors
/// As [`parse`]; also a file that cannot be read.
pub fn read(file: &Path, overrides: &Overrides) -> Result<JobDescription> {
    let bytes = regular_file(file).map_err(|error| {
        let fault = Fault::new("job file", format!("cannot be read: {error}")).file(file);
        Error::job(fault.remedy("give the path of a job file (TOML); scenes/*/job.toml are examples"))
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let field = format!("byte {}", error.utf8_error().valid_up_to());
        Error::job(Fault::new(field, "a job file is UTF-8 text").file(file).remedy("save it as UTF-8"))
    })?;
    parse_with(&text, file, overrides)
}

/// As [`parse`], with `overrides` put over the text.
///
/// # Errors
/// As [`parse`]; also an override that cannot be applied.
pub fn parse_with(text: &str, file: &Path, overrides: &Overrides) -> Result<JobDescription> {
    // Whole numbers end at 2^63 - 1 in a table as they do in TOML; a u64 alone would take more, and the record could not
    // hold it.
    let mut table: toml::Table = fault::from_text(text).map_err(|fault| Error::job(fault.file(file)))?;
    let mut description: JobDescription = if overrides.set.is_empty() {
        fault::from_text(text).map_err(|fault| Error::job(fault.file(file)))?
    } else {
        for set in &overrides.set {
            overrides::apply(&mut table, set).map_err(Error::job)?;
        }
        fault::from_table(table).map_err(|fault| Error::job(fault.file(file)))?
    };
    overrides.apply_to(&mut description);
    Ok(description)
}

/// Reads the options of a synthetic scene of this `kind` from `key=value` texts, as in `generate = { ... }` of a job.
///
/// # Errors
/// [`Error::Job`]: an unknown kind or key, or a value of another type.
pub fn parse_generate(kind: &str, set: impl Iterator<Item = String>) -> Result<GenerateOptions> {
    let mut table = toml::Table::new();
    for set in set {
        overrides::apply(&mut table, &set).map_err(Error::job)?;
    }
    if let Some(other) = table.insert("kind".into(), toml::Value::String(kind.into())) {
        let fault = Fault::new("--set kind", format!("the kind is '{kind}' already")).value(other);
        return Err(Error::job(fault.remedy("name the kind once, as raylobe scene generate city -o FILE")));
    }
    fault::from_table(table).map_err(|mut fault: Fault| {
        // Fields of a tagged enum have lost their path when serde notices what is wrong.
        fault.field = format!("generate.{}", fault.field).replace("generate.job", "generate");
        Error::job(fault)
    })
}

/// Reads the options of `raylobe scene degrade`: those of a preset with `key=value` texts put over them.
///
/// # Errors
/// [`Error::Job`]: an unknown preset or key, or a value of another type.
pub fn parse_degrade(preset: Option<&str>, set: impl Iterator<Item = String>) -> Result<DegradeOptions> {
    let base = preset.map_or_else(|| Ok(DegradeOptions::default()), DegradeOptions::preset)?;
    let mut table = toml::Table::try_from(base).map_err(|error| Error::Internal(error.to_string()))?;
    for set in set {
        overrides::apply(&mut table, &set).map_err(Error::job)?;
    }
    fault::from_table(table).map_err(|mut fault: Fault| {
        fault.field = format!("degrade.{}", fault.field);
        Error::job(fault)
    })
}
