//! The command line: what was typed, as a job, results on stdout, progress on stderr, and an exit code.
//!
//! Exit codes: 0 ok, 2 usage, 64 job file, 65 input data, 69 no usable device, 70 internal, 73 cannot write,
//! 77 out of device memory. Reserved: 75 interrupted and resumable, 76 finished with failed items.

mod bench;
mod check;
mod device;
mod fit;
mod log;
mod place;
mod run;
mod scene;
mod table;

use crate::error::{Error, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use log::Log;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

/// Ray tracing of millimetre-wave radio channels in city-sized scenes.
#[derive(Parser)]
#[command(name = "raylobe", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 ok, 2 usage, 64 job file, 65 input data, 69 no usable device, 70 internal, \
    73 cannot write, 77 out of device memory.\nJob files: docs/job-file.md; results: docs/results.md; raylobe help COMMAND says more.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How progress and errors are written to stderr: plain lines, or one JSON object a line.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// No progress and no warnings on stderr; errors remain.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job and write its results.
    Run(run::Options),
    /// Read a job and its scene, print the effective job and the predicted memory; solve nothing.
    Check(JobOptions),
    /// Look at, make or convert scenes.
    #[command(subcommand)]
    Scene(scene::Command),
    /// Merge shards into one result (not there yet).
    Merge {
        /// Folders of results.
        dirs: Vec<PathBuf>,
        /// The folder to write.
        #[arg(short, long)]
        out: Option<PathBuf>,
    },
    /// What this build can compute on, and what `--device auto` takes.
    Devices,
    /// Measure this machine's rays and paths per second, stage by stage, beside its roof.
    Bench(bench::Options),
}

/// A job and what is put over it.
#[derive(Args)]
struct JobOptions {
    /// The job file (TOML).
    job: PathBuf,
    /// Folder of the results, from the working folder, in place of output.dir [default: the job's, "out" beside it].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of the solver's random numbers, 0 to 2^63 - 1, in place of seed [default: the job's, 1].
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Put a value over the job, in the units of its keys: solver.max_depth=3, transmitters.0.power_dbm=20; may be
    /// repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl JobOptions {
    fn overrides(&self) -> crate::io::job::Overrides {
        crate::io::job::Overrides { set: self.set.clone(), seed: self.seed, out: self.out.clone() }
    }
}

/// Why a command ends early.
enum Failure {
    /// It was typed wrongly, or asks for what is to come: exit code 2.
    Usage(String),
    /// Everything else.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

const USAGE_EXIT_CODE: u8 = 2;
const INTERNAL_EXIT_CODE: u8 = 70;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail: whoever closed it has seen enough.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let log = Log::new(cli.log_format == LogFormat::Json, cli.quiet);
    std::panic::set_hook(Box::new(|_| {}));
    match catch_unwind(AssertUnwindSafe(|| dispatch(&cli.command, &log))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Failure::Usage(message))) => {
            log.failure(&message, USAGE_EXIT_CODE, None);
            ExitCode::from(USAGE_EXIT_CODE)
        }
        Ok(Err(Failure::Error(error))) => {
            log.failure(&error.to_string(), error.exit_code(), Some(&error));
            ExitCode::from(error.exit_code())
        }
        Err(panic) => {
            let error = Error::Internal(words_of(panic.as_ref()));
            log.failure(&error.to_string(), INTERNAL_EXIT_CODE, Some(&error));
            ExitCode::from(INTERNAL_EXIT_CODE)
        }
    }
}

fn dispatch(command: &Command, log: &Log) -> std::result::Result<(), Failure> {
    match command {
        Command::Run(options) => run::run(options, log),
        Command::Check(options) => Ok(check::check(options, log)?),
        Command::Scene(command) => Ok(scene::scene(command, log)?),
        Command::Devices => Ok(device::devices()?),
        Command::Merge { .. } => Err(not_there_yet("merge")),
        Command::Bench(options) => bench::bench(options, log),
    }
}

fn not_there_yet(name: &str) -> Failure {
    Failure::Usage(format!("'{name}' is a reserved name: it is not there yet in this version of raylobe"))
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

/// The text without control characters but line breaks: a name in somebody's scene must not steer the terminal.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Writes results to stdout. A reader that has closed the pipe has seen enough: the work goes on without it.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(visible(text).as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::write("stdout", error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
