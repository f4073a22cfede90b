//! `raylobe bench`: what this machine does, stage by stage, beside its roof.

use super::log::Log;
use super::{Failure, print};
use crate::backend::{Backend, DeviceRequest};
use crate::bench::{Machine, Options as How, Row, Site, Stage, measure};
use crate::error::{Error, Result, did_you_mean};
use crate::geometry::simd::Level;
use crate::io::record::Version;
use crate::io::scene_file;
use crate::progress::Progress;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Options of `raylobe bench`.
#[derive(Args)]
pub struct Options {
    /// bvh_build, facets, closest_hit, any_hit, launch, connect, refine, field; all if none is named.
    stages: Vec<String>,
    /// Measure in this scene as well.
    #[arg(long, value_name = "FILE")]
    scene: Option<PathBuf>,
    /// Triangles of the generated cities, 100 to 10^8 each; 0: none.
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000")]
    triangles: Vec<u64>,
    /// Repeat each stage for this long [s]; at least five times in any case.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Receivers of connect, refine and field.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    receivers: u32,
    /// Reflections of launch, connect, refine and field.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    depth: u32,
    /// Threads; absent: one for each core.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Option<u32>,
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let bound = || "a number of seconds from 0 to 3600".to_string();
    text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds)).ok_or_else(bound)
}

/// The square of this many rays of each kind are traced.
const SIDE: u32 = 512;

/// Measures and prints: a table, or one JSON object.
pub fn bench(options: &Options, log: &Log) -> std::result::Result<(), Failure> {
    let stages = stages_of(&options.stages)?;
    if let Some(threads) = options.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads as usize);
        pool.build_global().map_err(|error| Error::Internal(format!("{threads} threads: {error}")))?;
    }
    let (chosen, level) = (Backend::open(DeviceRequest::Cpu)?, Level::detect()?);
    let (device, backend) = (chosen.describe(), chosen.backend);
    let Options { seconds, receivers, depth, .. } = *options;
    let how = How { backend, level, seconds, side: SIDE, receivers, depth };
    log.begin("measuring the roof", 0);
    let machine = Machine::measure(level);
    if !log.is_json() {
        print(&(head_of(&device, &machine) + &table_head()))?;
    }
    let mut rows: Vec<Row> = Vec::new();
    let triangles = options.triangles.iter().filter(|count| **count > 0).map(|count| Site::city(*count));
    for site in triangles.chain(options.scene.iter().map(|file| site_of(file))) {
        let site = site?;
        log.begin(&format!("measuring {}", site.name), 0);
        measure(&site, &stages, &how, &machine, |row| {
            if !log.is_json() {
                print(&line_of(&row))?;
            }
            rows.push(row);
            Ok(())
        })?;
    }
    log.end();
    if log.is_json() {
        print(&format!("{}\n", document(&device, &machine, &how, &rows)))?;
    }
    Ok(())
}

fn stages_of(names: &[String]) -> std::result::Result<Vec<Stage>, Failure> {
    let stage = |name: &String| {
        Stage::ALL.into_iter().find(|stage| stage.name() == *name).ok_or_else(|| {
            let known = Stage::ALL.map(Stage::name);
            let near = did_you_mean(name, known);
            Failure::Usage(format!("'{name}' is no stage; {near}\n  the stages are {}", known.join(", ")))
        })
    };
    if names.is_empty() { Ok(Stage::ALL.to_vec()) } else { names.iter().map(stage).collect() }
}

fn site_of(file: &Path) -> Result<Site> {
    let name = file.file_stem().map_or_else(|| "scene".into(), |stem| stem.to_string_lossy().into_owned());
    Site::new(&name, &scene_file::read(file)?).map_err(|error| error.in_file(file))
}

fn head_of(device: &str, machine: &Machine) -> String {
    format!(
        "device: {device}\nroof: {:.1} GB/s copied, {:.1} G f32 operations/s\n",
        machine.copy_bytes_per_s / 1e9,
        machine.operations_per_s / 1e9
    )
}

fn table_head() -> String {
    let head = ["stage", "scene", "M/s", "of", "median ms", "least", "largest", "runs", "found", "of roof"];
    row_of(&head.map(String::from))
}

fn line_of(row: &Row) -> String {
    let ms = |seconds: f64| format!("{:.3}", seconds * 1e3);
    let share = row.roof_per_s.map_or("-".into(), |roof| format!("{:.1} %", 100.0 * row.per_s / roof));
    row_of(&[
        row.stage.clone(),
        row.scene.clone(),
        format!("{:.4}", row.per_s / 1e6),
        row.unit.into(),
        ms(row.median_s),
        ms(row.range_s[0]),
        ms(row.range_s[1]),
        row.runs.to_string(),
        row.found.to_string(),
        share,
    ])
}

fn row_of(cells: &[String; 10]) -> String {
    let [stage, scene, rate, unit, median, least, largest, runs, found, share] = cells;
    let mut line = format!("{stage:19} {scene:14} {rate:>10} {unit:10} {median:>10} {least:>10} {largest:>10}");
    let _ = writeln!(line, " {runs:>5} {found:>9} {share:>8}");
    line
}

fn document(device: &str, machine: &Machine, how: &How, rows: &[Row]) -> Value {
    json!({
        "version": Version::own(),
        "device": device,
        "machine": machine,
        "seconds": how.seconds,
        "rays": how.side * how.side,
        "receivers": how.receivers,
        "depth": how.depth,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_is_not_known_is_a_usage_error_with_a_suggestion() {
        let Err(Failure::Usage(message)) = stages_of(&["closest_hits".into()]) else { panic!("must be refused") };
        assert!(message.contains("did you mean 'closest_hit'?"), "{message}");
        assert!(stages_of(&[]).is_ok_and(|all| all.len() == Stage::ALL.len()));
    }

    #[test]
    fn head_and_lines_of_the_table_have_the_same_columns() {
        let row = Row {
            stage: "closest_hit/camera".into(),
            scene: "city_1000000".into(),
            unit: "rays",
            items: 262_144,
            found: 200_000,
            runs: 5,
            median_s: 0.1,
            range_s: [0.09, 0.11],
            per_s: 2.6e6,
            roof_per_s: Some(2.6e7),
        };
        assert_eq!(table_head().len(), line_of(&row).len());
        assert!(line_of(&row).contains("10.0 %"));
    }
}
