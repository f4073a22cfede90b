//! `raylobe run`: a job from its file to its results.

use super::log::Log;
use super::{Failure, JobOptions, device, fit, place, print, table};
use crate::backend::{Backend, DeviceRequest};
use crate::error::{Error, Result};
use crate::io::arrays::PathsFile;
use crate::io::job::Job;
use crate::io::map_results::MapResults;
use crate::io::record::{self, Record, Sizes, Timing, Version};
use crate::io::results::{Results, Tiling, Written};
use crate::path::smooth::Softness;
use crate::progress::Progress;
use crate::solve::map::{MapEngine, Survey};
use crate::solve::smooth::SoftEngine;
use crate::solve::{Engine, Summary};
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
    /// Go on with an interrupted fit from its last checkpoint, to the same bytes; other tasks cannot be resumed yet.
    #[arg(long)]
    resume: bool,
}

/// Runs a job: reads it, solves it, writes its results, the record last.
pub fn run(options: &Options, log: &Log) -> std::result::Result<(), Failure> {
    if options.shard.is_some() {
        return Err(super::not_there_yet("--shard"));
    }
    if let Some(threads) = options.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads as usize);
        pool.build_global().map_err(|error| Error::Internal(format!("{threads} threads: {error}")))?;
    }
    let chosen = Backend::open(options.device)?;
    let mut clock = Clock::new();
    log.begin("reading the job and its scene", 0);
    let job = Job::read(&options.job.job, &options.job.overrides())?;
    let chosen = match job.only_on_cpu() {
        Some(what) => chosen.only_on_cpu(options.device, what)?,
        None => chosen,
    };
    let device = chosen.describe();
    print(&format!("device: {device}\n"))?;
    clock.note("read");
    if options.resume && job.calibration.is_none() {
        return Err(super::not_there_yet("--resume of other tasks than fit"));
    }
    record::prepare_folder(&job.output.dir)?;
    let done = match (&job.survey, &job.calibration, &job.placement) {
        (None, None, None) => match job.softness {
            Some(softness) => soft_paths(&job, softness, chosen.backend, log, &mut clock)?,
            None => paths(&job, chosen.backend, log, &mut clock)?,
        },
        (Some(survey), _, _) => map(&job, survey, chosen.backend, log, &mut clock)?,
        (None, Some(calibration), _) => fit::fit(&job, calibration, chosen.backend, options.resume, log, &mut clock)?,
        (None, None, Some(placement)) => place::place(&job, placement, chosen.backend, log, &mut clock)?,
    };
    let inputs = record::hash_inputs(&job)?;
    clock.note("write");
    let summary = done.summary.clone();
    let record = record_of(&job, done, device, inputs, clock)?;
    record::write(&job.output.dir, &record)?;
    log.end();
    for warning in &record.warnings {
        log.warning(warning);
    }
    print(&summary)?;
    Ok(print(&format!("results in {}\n", job.output.dir.display()))?)
}

/// What a task has left for the record and for stdout.
pub(super) struct Done {
    pub solved: Summary,
    pub paths_files: Vec<PathsFile>,
    pub files: Vec<String>,
    pub cells: usize,
    pub summary: String,
}

/// `task = "paths"`.
fn paths(job: &Job, backend: Backend, log: &Log, clock: &mut Clock) -> Result<Done> {
    let tiling = Tiling::of(&job.radios);
    let engine = Engine::new(backend, &job.scene, &job.radios, &job.carriers, &job.solver, log)?;
    let mut engine = engine.with_bandwidth(job.output.bandwidth);
    let mut results = Results::new(job, tiling)?;
    clock.resume();
    for receivers in tiling.tiles() {
        let tile = engine.tile(receivers)?;
        clock.resume();
        results.add(&tile)?;
        clock.note("write");
    }
    let solved = engine.finish();
    clock.resume();
    log.begin("writing the results", 0);
    let Written { paths_files, files, first_links, totals } = results.finish()?;
    let summary = table::links(&first_links, totals.links) + &table::summary(&totals);
    Ok(Done { solved, paths_files, files, cells: 0, summary })
}

/// `task = "paths"` with smoothed visibility.
fn soft_paths(job: &Job, softness: Softness, backend: Backend, log: &Log, clock: &mut Clock) -> Result<Done> {
    let tiling = Tiling::of(&job.radios);
    log.begin("geometry", 0);
    let engine = SoftEngine::new(backend, &job.scene, &job.solver)?;
    clock.note("geometry");
    let (mut results, mut solved) = (Results::new(job, tiling)?, Summary::default());
    for receivers in tiling.tiles() {
        log.begin(&format!("receivers {} to {}", receivers.start, receivers.end), 0);
        let tile = engine.tile(&job.radios, &job.carriers, softness, receivers)?;
        solved.counters.paths += tile.0.paths.len() as u64;
        solved.warnings.extend(tile.1.into_iter().filter(|new| !solved.warnings.contains(new)).collect::<Vec<_>>());
        clock.note("soft paths");
        results.add(&tile.0)?;
        clock.note("write");
    }
    log.begin("writing the results", 0);
    let Written { paths_files, files, first_links, totals } = results.finish()?;
    let summary = table::links(&first_links, totals.links) + &table::summary(&totals);
    Ok(Done { solved, paths_files, files, cells: 0, summary })
}

/// `task = "map"`.
fn map(job: &Job, survey: &Survey, backend: Backend, log: &Log, clock: &mut Clock) -> Result<Done> {
    let mut engine = MapEngine::new(backend, &job.scene, survey, &job.radios, &job.carriers, &job.solver, log)?;
    let mut results = MapResults::new(job, engine.grid(), survey.noise);
    let cells = engine.grid().len();
    for cells in engine.tiles() {
        results.add(&engine.tile(cells)?);
    }
    if engine.is_sampled() {
        for carrier in 0..job.carriers.len() {
            for (transmitter, radio) in job.radios.transmitters.iter().enumerate() {
                log.begin(&format!("sampling from '{}'", radio.name), 0);
                results.add_sampled(carrier, transmitter, &engine.sampled(transmitter, carrier, &survey.target)?);
            }
        }
    }
    let solved = engine.finish();
    clock.resume();
    log.begin("writing the results", 0);
    let files = results.finish()?;
    Ok(Done { solved, paths_files: Vec::new(), files, cells, summary: results.summary() })
}

/// Stages and their seconds; a stage that comes again adds to its time.
pub(super) struct Clock {
    timings: Vec<Timing>,
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        Clock { timings: Vec::new(), last: Instant::now() }
    }

    /// Ends the stage that is going on and calls it `stage`.
    pub fn note(&mut self, stage: &str) {
        let seconds = self.last.elapsed().as_secs_f64();
        self.resume();
        match self.timings.iter_mut().find(|timing| timing.stage == stage) {
            Some(timing) => timing.seconds += seconds,
            None => self.timings.push(Timing { stage: stage.into(), seconds }),
        }
    }

    /// Ends the stage that is going on, which others have measured.
    pub fn resume(&mut self) {
        self.last = Instant::now();
    }
}

fn record_of(job: &Job, done: Done, device: String, inputs: Vec<record::Input>, clock: Clock) -> Result<Record> {
    let Done { solved: summary, paths_files, files, cells, .. } = done;
    let mut warnings = job.warnings.clone();
    warnings.extend(summary.warnings.into_iter().filter(|warning| !job.warnings.contains(warning)));
    let solve_seconds: f64 = summary.timings.iter().map(|(_, seconds)| seconds).sum();
    let per_second = |count: u64| count as f64 / solve_seconds.max(f64::MIN_POSITIVE);
    // Reading comes first and writing last.
    let mut timings_s = clock.timings;
    let solved = summary.timings.into_iter().map(|(stage, seconds)| Timing { stage, seconds });
    timings_s.splice(1..1, solved);
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
            cells,
            paths: summary.counters.paths as usize,
        },
        timings_s,
        rays_per_s: per_second(summary.counters.segments),
        paths_per_s: per_second(summary.counters.paths),
        peak_memory_bytes: record::peak_memory(),
        counters: summary.counters,
        warnings,
        paths_files,
        files,
    })
}
