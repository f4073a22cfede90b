//! Progress, warnings and errors on stderr: a bar on a terminal, plain lines elsewhere, or JSON lines.

use crate::error::Error;
use crate::progress::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines of progress of one stage, where there is no terminal to draw on.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Where messages go.
pub struct Log {
    json: bool,
    quiet: bool,
    terminal: bool,
    stage: Mutex<Option<Stage>>,
}

/// The stage that is going on.
struct Stage {
    name: String,
    total: u64,
    done: u64,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Log {
    /// A log in JSON lines or in text, with or without progress and warnings.
    pub fn new(json: bool, quiet: bool) -> Self {
        Log { json, quiet, terminal: std::io::stderr().is_terminal(), stage: Mutex::new(None) }
    }

    /// Whether messages are JSON lines; results on stdout then are JSON too, where a command has no file for them.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Something that the user should know.
    pub fn warning(&self, message: &str) {
        if !self.quiet {
            self.line(&format!("warning: {message}"), || json!({ "event": "warning", "message": message }));
        }
    }

    /// Ends the stage that is going on.
    pub fn end(&self) {
        if let Some(bar) = self.stage().take().and_then(|stage| stage.bar) {
            bar.finish_and_clear();
        }
    }

    /// Why the program ends early.
    pub fn failure(&self, message: &str, exit_code: u8, error: Option<&Error>) {
        self.end();
        self.line(&format!("error: {message}"), || {
            let mut object = json!({ "event": "error", "exit_code": exit_code, "message": message });
            if let Some(Error::Job(fault) | Error::Input(fault) | Error::Device(fault) | Error::DeviceMemory(fault)) =
                error
            {
                object["file"] = fault.file.as_ref().map(|file| file.display().to_string()).into();
                for (key, text) in [
                    ("field", &fault.field),
                    ("value", &fault.value),
                    ("bound", &fault.bound),
                    ("remedy", &fault.remedy),
                ] {
                    object[key] = text.as_str().into();
                }
            }
            object
        });
    }

    fn stage(&self) -> MutexGuard<'_, Option<Stage>> {
        // A panic elsewhere leaves nothing half-done here.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, text: &str, object: impl FnOnce() -> Value) {
        let line = if self.json { object().to_string() } else { super::visible(text) };
        // There is no better place to report that stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

impl Progress for Log {
    fn begin(&self, name: &str, total: u64) {
        self.end();
        if self.quiet {
            return;
        }
        let bar = (self.terminal && !self.json).then(|| bar_of(name, total));
        if bar.is_none() {
            self.line(name, || json!({ "event": "stage", "stage": name, "total": total }));
        }
        *self.stage() = Some(Stage { name: name.into(), total, done: 0, last_line: Instant::now(), bar });
    }

    fn advance(&self, steps: u64) {
        let mut guard = self.stage();
        let Some(stage) = guard.as_mut() else { return };
        stage.done += steps;
        if let Some(bar) = &stage.bar {
            bar.inc(steps);
        } else if stage.last_line.elapsed() >= BETWEEN_LINES {
            stage.last_line = Instant::now();
            let (name, done, total) = (&stage.name, stage.done, stage.total);
            let text = if total > 0 { format!("{name}: {done} of {total}") } else { format!("{name}: {done}") };
            self.line(&text, || json!({ "event": "progress", "stage": name, "done": done, "total": total }));
        }
    }
}

fn bar_of(name: &str, total: u64) -> ProgressBar {
    let (bar, template) = if total > 0 {
        (ProgressBar::new(total), "{msg:24} {bar:40} {percent:>3} % {elapsed}, {eta} to go")
    } else {
        (ProgressBar::new_spinner(), "{msg:24} {spinner} {pos} {elapsed}")
    };
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    bar.set_style(style);
    bar.set_message(name.to_string());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
