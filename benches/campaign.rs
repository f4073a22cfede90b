//! Whole jobs, from the start of the process to files written, and how cost grows with the work.
//!
//!     cargo bench --bench campaign -- [jobs] [receivers] [triangles] [depth] [threads] [--up-to N] [--runs N]
//!
//! `jobs` are this repository's city and, where RAYLOBE_SCENES (default .scenes) has them, the peers' street canyon and
//! Munich, with the receivers of RAYLOBE_TRUTH (default ../shared/truth). Each other name is a table in which one quantity grows and the rest stays:
//! receivers 10 to 10^6, triangles 10^3 to 10^7, depth 1 to 8, threads 1 to all; `--up-to` ends it earlier. Every row is
//! `raylobe run` in a process of its own; medians of `--runs` (3) runs. Nothing is measured if nothing is named.

#[allow(dead_code)]
mod support;
mod campaign {
    pub mod job;
    pub mod table;
}

use campaign::job::{Job, Measured, in_munich, street_canyon};
use campaign::table::{Row, print_head, print_row, print_slopes};
use std::error::Error;
use std::path::PathBuf;
use support::place;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The tables, and where each ends if nobody says otherwise.
const TABLES: [(&str, u64); 5] =
    [("jobs", 0), ("receivers", 1_000_000), ("triangles", 10_000_000), ("depth", 8), ("threads", 0)];
/// What stays the same while something else grows.
const BASE: Job = Job { triangles: 100_000, receivers: 1000, depth: 3, threads: 0 };

fn main() -> Outcome<()> {
    let typed = Typed::read()?;
    let folder = tempfile::tempdir()?;
    for (name, end) in &typed.tables {
        println!("\n{name}");
        print_head();
        if name == "jobs" {
            for job in named_jobs() {
                let measured = job.measure(typed.runs, folder.path())?;
                print_row(&Row { name: job.name, size: 0, measured });
            }
            continue;
        }
        let mut rows = Vec::new();
        for (size, job) in growing(name, *end) {
            let measured = job.measure(typed.runs, folder.path())?;
            let row = Row { name: format!("{name} {size}"), size, measured };
            print_row(&row);
            rows.push(row);
        }
        print_slopes(&rows);
    }
    Ok(())
}

/// What was typed.
struct Typed {
    tables: Vec<(String, u64)>,
    runs: usize,
}

impl Typed {
    fn read() -> Outcome<Typed> {
        let mut typed = Typed { tables: Vec::new(), runs: 3 };
        let mut end = None;
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number =
                || arguments.next().ok_or("a number is missing")?.parse::<u64>().map_err(Box::<dyn Error>::from);
            match argument.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--up-to" => end = Some(number()?),
                "--runs" => typed.runs = number()?.max(1) as usize,
                name => {
                    let known = TABLES.iter().find(|(table, _)| *table == name);
                    let (table, last) = known.ok_or_else(|| format!("'{name}' is none of {TABLES:?}"))?;
                    typed.tables.push(((*table).into(), *last));
                }
            }
        }
        if let Some(end) = end {
            typed.tables.iter_mut().for_each(|(_, last)| *last = end);
        }
        Ok(typed)
    }
}

/// The jobs of a table in which one quantity grows, with that quantity.
fn growing(table: &str, end: u64) -> Vec<(u64, Job)> {
    let decades = |first: u64| (0..8).map(move |k| first * 10u64.pow(k)).take_while(move |size| *size <= end);
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    match table {
        "receivers" => decades(10).map(|n| (n, Job { receivers: n as u32, ..BASE })).collect(),
        "triangles" => decades(1000).map(|n| (n, Job { triangles: n, ..BASE })).collect(),
        "depth" => (1..=end).map(|n| (n, Job { depth: n as u32, ..BASE })).collect(),
        _ => {
            let doublings = (0..12).map(|k| 1u64 << k).take_while(|n| *n <= cores);
            doublings.map(|n| (n, Job { threads: n as u32, ..BASE })).collect()
        }
    }
}

/// A job that is there as a file, or is written into one.
struct NamedJob {
    name: String,
    job: PathBuf,
    text: Option<String>,
}

impl NamedJob {
    fn measure(&self, runs: usize, folder: &std::path::Path) -> Outcome<Measured> {
        let file = match &self.text {
            None => self.job.clone(),
            Some(text) => {
                let file = folder.join("named.toml");
                std::fs::write(&file, text)?;
                file
            }
        };
        campaign::job::measure_file(&file, 0, runs, folder)
    }
}

fn named_jobs() -> Vec<NamedJob> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let block = root.join("scenes/urban_block/job.toml");
    let mut jobs = vec![NamedJob { name: "urban_block".into(), job: block, text: None }];
    let scenes = place("RAYLOBE_SCENES", ".scenes");
    let canyon = scenes.join("simple_street_canyon/simple_street_canyon.xml");
    let munich = scenes.join("munich/munich.xml");
    let outdoors = place("RAYLOBE_TRUTH", "../shared/truth").join("munich_rx_1000.npy");
    if !canyon.exists() || !munich.exists() || !outdoors.exists() {
        println!("without {}, {} and {} only this", canyon.display(), munich.display(), outdoors.display());
        return jobs;
    }
    let of_file = |name: String, text| NamedJob { name, job: PathBuf::new(), text };
    for (count, depth) in [(1, 1), (10, 1), (100, 1), (1, 2), (10, 2), (100, 2), (1, 3), (10, 3), (100, 3)] {
        let text = street_canyon(&canyon, count, depth);
        jobs.push(of_file(format!("canyon rx {count} depth {depth}"), text));
    }
    for (count, depth) in [(10, 3), (100, 5), (1000, 5)] {
        let text = in_munich(&munich, &outdoors, count, depth);
        jobs.push(of_file(format!("munich rx {count} depth {depth}"), text));
    }
    jobs
}
