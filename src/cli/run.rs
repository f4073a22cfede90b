//! `raylobe run`: a job from its file to its results.

use super::log::Log;
use super::{Failure, JobOptions, device, print, table};
use crate::backend::{Backend, DeviceRequest, Progress};
use crate::channel::impulse;
use crate::channel::{Delays, Link as ChannelLink, response};
use crate::error::{Error, Result};
use crate::io::arrays::{self, PathsFile, RECEIVERS_PER_FILE};
use crate::io::job::Job;
use crate::io::links::{self, Link};
use crate::io::picture;
use crate::io::record::{self, Record, Sizes, Timing, Version};
use crate::solve::{Solution, solve};
use clap::Args;
use std::time::Instant;

/// Options of `raylobe run`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    job: JobOptions,
    /// Where the work is done: auto, cpu, cuda or cuda:N (the Nth GPU from 0); `raylobe devices` says what auto takes.
    #[arg(long, default_value = "auto", value_parser = device::parse)]
    device: DeviceRequest,
    /// Threads of the CPU, 1 to 4096 [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Option<u32>,
    /// Run one part of several (not there yet).
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Go on with an interrupted run (not there yet).
    #[arg(long)]
    resume: bool,
}

/// Runs a job: reads it, solves it, writes its results, the record last.
pub fn run(options: &Options, log: &Log) -> std::result::Result<(), Failure> {
    if options.shard.is_some() {
        return Err(super::not_there_yet("--shard"));
    }
    if options.resume {
        return Err(super::not_there_yet("--resume"));
    }
    if let Some(threads) = options.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads as usize);
        pool.build_global().map_err(|error| Error::Internal(format!("{threads} threads: {error}")))?;
    }
    let backend = Backend::open(options.device)?;
    let device = backend.describe(options.device);
    print(&format!("device: {device}\n"))?;
    let mut clock = Clock::new();
    log.begin("reading the job and its scene", 0);
    let job = Job::read(&options.job.job, &options.job.overrides())?;
    clock.note("read");
    record::prepare_folder(&job.output.dir)?;
    let solution = solve(backend, &job.scene, &job.radios, &job.carriers, &job.solver, log)?;
    let solve_seconds = clock.skip();
    clock
        .timings
        .extend(solution.timings.iter().map(|(stage, seconds)| Timing { stage: stage.clone(), seconds: *seconds }));
    log.begin("writing the results", 0);
    let results = write_results(&job, &solution)?;
    let inputs = record::hash_inputs(&job)?;
    clock.note("write");
    let record = record_of(&job, &solution, device, inputs, &results, clock, solve_seconds)?;
    record::write(&job.output.dir, &record)?;
    log.end();
    for warning in &record.warnings {
        log.warning(warning);
    }
    let first_carrier: Vec<Link> = results.links.into_iter().step_by(job.carriers.len()).collect();
    print(&(table::links(&first_carrier) + &table::summary(&first_carrier)))?;
    Ok(print(&format!("results in {}\n", job.output.dir.display()))?)
}

/// Stages and their seconds.
struct Clock {
    timings: Vec<Timing>,
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        Clock { timings: Vec::new(), last: Instant::now() }
    }

    /// Ends the stage that is going on and calls it `stage`.
    fn note(&mut self, stage: &str) {
        let seconds = self.skip();
        self.timings.push(Timing { stage: stage.into(), seconds });
    }

    /// Ends the stage that is going on; the caller has names for its parts.
    fn skip(&mut self) -> f64 {
        let seconds = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        seconds
    }
}

/// What was written.
struct Results {
    paths_files: Vec<PathsFile>,
    files: Vec<String>,
    links: Vec<Link>,
}

fn write_results(job: &Job, solution: &Solution) -> Result<Results> {
    let (folder, output) = (&job.output.dir, &job.output);
    let (paths, channel) = (&solution.paths, &solution.channel);
    let paths_files = arrays::write_paths(folder, &job.scene, &job.radios, paths, channel, RECEIVERS_PER_FILE)?;
    let links = links::all(&job.radios, paths, channel);
    links::write(&folder.join("links.csv"), &links)?;
    let mut files = vec!["links.csv".to_string()];
    let delays = if output.normalize_delays { Delays::FromFirst } else { Delays::Absolute };
    let link = |index| ChannelLink::new(&job.radios, paths, channel, index);
    if let Some(offsets) = &output.subcarriers {
        let samples = |carrier, index| response::frequency_response(&link(index), carrier, offsets, delays);
        arrays::write_response(&folder.join("cfr.npz"), &job.radios, &job.carriers, offsets, samples)?;
        files.push("cfr.npz".into());
    }
    if let Some(window) = &output.taps {
        let samples = |carrier, index| impulse::taps(&link(index), carrier, window, delays);
        let numbers: Vec<i64> = window.numbers().collect();
        arrays::write_taps(&folder.join("taps.npz"), &job.radios, &job.carriers, &numbers, samples)?;
        files.push("taps.npz".into());
    }
    if output.picture {
        picture::paths_from_above(&job.scene, &job.radios, paths, &folder.join("paths.png"))?;
        files.push("paths.png".into());
    }
    Ok(Results { paths_files, files, links })
}

fn record_of(
    job: &Job,
    solution: &Solution,
    device: String,
    inputs: Vec<record::Input>,
    results: &Results,
    clock: Clock,
    solve_seconds: f64,
) -> Result<Record> {
    let mut warnings = job.warnings.clone();
    warnings.extend(solution.warnings.iter().filter(|warning| !job.warnings.contains(warning)).cloned());
    Ok(Record {
        version: Version::own(),
        device,
        threads: rayon::current_num_threads(),
        seed: job.solver.seed,
        inputs,
        job: record::job_as_json(&job.description)?,
        sizes: Sizes {
            objects: job.scene.objects.len(),
            triangles: job.scene.triangles.len(),
            transmitters: job.radios.transmitters.len(),
            receivers: job.radios.receivers.len(),
            paths: solution.paths.len(),
        },
        timings_s: clock.timings,
        rays_per_s: solution.counters.segments as f64 / solve_seconds.max(f64::MIN_POSITIVE),
        paths_per_s: solution.paths.len() as f64 / solve_seconds.max(f64::MIN_POSITIVE),
        peak_memory_bytes: record::peak_memory(),
        counters: solution.counters,
        warnings,
        paths_files: results.paths_files.clone(),
        files: results.files.clone(),
    })
}
