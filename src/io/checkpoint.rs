//! Checkpoints of fits: everything that a fit needs to go on to the byte, in one file that is there whole or not at all.
//!
//! Numbers are written as the sixteen hexadecimal digits of their bits, so that what is read is what was written.

use super::atomic;
use super::read::regular_file;
use crate::calibrate::adam::Moments;
use crate::calibrate::fit::{Entry, State};
use crate::calibrate::gauss_newton::Damping;
use crate::error::{Error, Fault, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the file.
pub const FILE_NAME: &str = "fit_checkpoint.json";
/// Format of the file; another one is refused.
const FORMAT: u32 = 1;

/// The file as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    /// Hash of the job, its inputs and the program: a checkpoint belongs to one fit.
    fit: String,
    step: u64,
    searches: u64,
    trained: String,
    mean: String,
    square: String,
    damping: String,
    converged: bool,
    /// One number for each group; of groups that were not seen yet it is NaN.
    scales: String,
    traced_at: String,
    best_step: Option<u64>,
    best: String,
    /// Loss, prior and validation loss of every step, NaN where there is none.
    losses: String,
    /// Values of the parameters in every step.
    values: String,
}

/// Writes the checkpoint of a fit, whose job has this hash, into a folder.
///
/// # Errors
/// [`Error::Write`].
pub fn write(folder: &Path, fit: &str, state: &State) -> Result<()> {
    let (best_step, best) = match &state.best {
        None => (None, Vec::new()),
        Some((step, loss, trained)) => (Some(*step), [&[*loss], trained.as_slice()].concat()),
    };
    let losses = |entry: &Entry| [entry.loss, entry.prior, entry.validation.unwrap_or(f64::NAN)];
    let written = Written {
        format: FORMAT,
        fit: fit.to_string(),
        step: state.step,
        searches: state.searches,
        trained: digits(&state.trained),
        mean: digits(&state.moments.mean),
        square: digits(&state.moments.square),
        damping: digits(&[state.damping.0]),
        converged: state.converged,
        scales: digits(&state.scales.iter().map(|scale| scale.unwrap_or(f64::NAN)).collect::<Vec<_>>()),
        traced_at: digits(&state.traced_at),
        best_step,
        best: digits(&best),
        losses: digits(&state.history.iter().flat_map(losses).collect::<Vec<_>>()),
        values: digits(&state.history.iter().flat_map(|entry| entry.values.iter().copied()).collect::<Vec<_>>()),
    };
    let path = folder.join(FILE_NAME);
    let bytes = serde_json::to_vec(&written).map_err(|error| Error::Internal(error.to_string()))?;
    atomic::write_bytes(&path, &bytes)
}

/// Removes the checkpoint of a folder, whosever it is: a fit begins anew.
///
/// # Errors
/// [`Error::Write`].
pub fn remove(folder: &Path) -> Result<()> {
    let path = folder.join(FILE_NAME);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::write(&path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads the checkpoint in a folder; `None`: there is none.
///
/// # Errors
/// [`Error::Input`]: a file that is damaged, or of another job than the one with the hash `fit`.
pub fn read(folder: &Path, fit: &str) -> Result<Option<State>> {
    let path = folder.join(FILE_NAME);
    if !path.exists() {
        return Ok(None);
    }
    let fault = |bound: String| {
        let remedy = "run without --resume to begin anew, or with the job and the inputs of that fit";
        Error::input(Fault::new("checkpoint", bound).file(&path).remedy(remedy))
    };
    let bytes = regular_file(&path).map_err(|error| fault(format!("cannot be read: {error}")))?;
    parse(&bytes, fit).map(Some).map_err(|bound| fault(bound.into()))
}

/// The state in the bytes of a checkpoint, or what is wrong with them.
pub fn parse(bytes: &[u8], fit: &str) -> std::result::Result<State, &'static str> {
    const DAMAGED: &str = "is damaged";
    let written: Written = serde_json::from_slice(bytes).map_err(|_| DAMAGED)?;
    if written.format != FORMAT {
        return Err("is of another version of raylobe");
    }
    if written.fit != fit {
        return Err("is of another job, of other inputs or of another version of raylobe");
    }
    let numbers = |text: &str| numbers(text).ok_or(DAMAGED);
    let (trained, moments) = (numbers(&written.trained)?, [numbers(&written.mean)?, numbers(&written.square)?]);
    let (traced_at, best) = (numbers(&written.traced_at)?, numbers(&written.best)?);
    let (losses, values) = (numbers(&written.losses)?, numbers(&written.values)?);
    let parameters = traced_at.len();
    let fits = moments.iter().all(|moment| moment.len() == trained.len())
        && losses.len() as u64 == written.step.saturating_mul(3)
        && values.len() as u64 == written.step.saturating_mul(parameters as u64)
        && best.len() == if written.best_step.is_some() { trained.len() + 1 } else { 0 };
    let [damping] = numbers(&written.damping)?[..] else { return Err(DAMAGED) };
    if !fits {
        return Err(DAMAGED);
    }
    let entry = |(k, losses): (usize, &[f64])| Entry {
        loss: losses[0],
        prior: losses[1],
        validation: Some(losses[2]).filter(|loss| !loss.is_nan()),
        values: values[k * parameters..(k + 1) * parameters].to_vec(),
    };
    let [mean, square] = moments;
    Ok(State {
        step: written.step,
        trained,
        moments: Moments { mean, square },
        damping: Damping(damping),
        converged: written.converged,
        scales: numbers(&written.scales)?.into_iter().map(|scale| Some(scale).filter(|x| !x.is_nan())).collect(),
        searches: written.searches,
        best: written.best_step.map(|step| (step, best[0], best[1..].to_vec())),
        history: losses.chunks_exact(3).enumerate().map(entry).collect(),
        traced_at,
    })
}

/// Characters of a number.
const DIGITS: usize = 16;

fn digits(numbers: &[f64]) -> String {
    numbers.iter().map(|x| format!("{:016x}", x.to_bits())).collect()
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(DIGITS) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let number = |digits: &[u8]| {
        let text = std::str::from_utf8(digits).ok()?;
        Some(f64::from_bits(u64::from_str_radix(text, 16).ok()?))
    };
    bytes.chunks_exact(DIGITS).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let entry = |k: f64, validation| Entry { loss: k / 3.0, prior: 0.0, validation, values: vec![k, -k / 7.0] };
        State {
            step: 2,
            trained: vec![0.1, -1e-300],
            moments: Moments { mean: vec![1.0 / 3.0, 2.0], square: vec![f64::MIN_POSITIVE, 0.0] },
            damping: Damping(1e-2),
            converged: false,
            scales: vec![None, Some(0.3)],
            traced_at: vec![1.0, 2.0],
            searches: 3,
            best: Some((1, 0.25, vec![0.7, 0.9])),
            history: vec![entry(1.0, Some(0.5)), entry(2.0, None)],
        }
    }

    #[test]
    fn what_is_written_is_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), "a").unwrap(), None);
        for state in [state(), State { best: None, ..state() }] {
            write(folder.path(), "a", &state).unwrap();
            assert_eq!(read(folder.path(), "a").unwrap(), Some(state));
        }
        assert!(read(folder.path(), "b").unwrap_err().to_string().contains("another job"));
    }

    #[test]
    fn every_cut_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a", &state()).unwrap();
        let bytes = std::fs::read(folder.path().join(FILE_NAME)).unwrap();
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end], "a").is_err(), "{end}");
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(parse(text.replace("\"step\":2", "\"step\":3").as_bytes(), "a").is_err());
    }
}
