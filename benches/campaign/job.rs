//! A job as a file, run by the program itself, and what its record and the clock say.

use crate::Outcome;
use ndarray::Array2;
use raylobe::bench::Site;
use raylobe::bench::site::Ends;
use raylobe::geometry::Geometry;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A generated city, one transmitter, receivers in its streets.
#[derive(Clone, Copy)]
pub struct Job {
    /// Triangles of the city.
    pub triangles: u64,
    /// Receivers.
    pub receivers: u32,
    /// Most reflections of a path.
    pub depth: u32,
    /// Threads; 0: one for each core.
    pub threads: u32,
}

/// Medians of some runs; counts are those of each run.
pub struct Measured {
    /// From start to end of the process [s].
    pub process_s: f64,
    /// All stages but reading and writing [s].
    pub solve_s: f64,
    /// The launch [s].
    pub launch_s: f64,
    /// Chains against receivers [s].
    pub connect_s: f64,
    /// Largest resident memory [bytes].
    pub memory: f64,
    /// Rays launched.
    pub rays: f64,
    /// Ray segments traced.
    pub segments: f64,
    /// Chains times receivers.
    pub pairs: f64,
    /// Paths found.
    pub paths: f64,
}

/// Transmitter and receivers come from a city of at most so many triangles: the middle of a larger one is the same.
const ENDS_TRIANGLES: u64 = 100_000;

impl Job {
    /// Runs the job `runs` times.
    pub fn measure(&self, runs: usize, folder: &Path) -> Outcome<Measured> {
        let site = Site::city(self.triangles.min(ENDS_TRIANGLES))?;
        let geometry = Geometry::new(&site.scene);
        let ends = Ends::new(&site, &geometry, self.receivers);
        let origin = site.scene.origin;
        let at = |i: usize, axis: usize| ends.receivers[i][axis] + origin[axis];
        let positions = Array2::from_shape_fn((ends.receivers.len(), 3), |(i, axis)| at(i, axis));
        ndarray_npy::write_npy(folder.join("rx.npy"), &positions)?;
        let transmitter = ends.transmitter + origin;
        let text = format!(
            "task = \"paths\"\ncarrier_ghz = 28.0\n[scene]\ngenerate = {{ kind = \"city\", seed = 1, triangles = {} }}\n\
             out_of_range = \"extrapolate\"\n[[transmitters]]\nname = \"tx\"\nposition_m = [{}, {}, {}]\n\
             [[receivers]]\nfile = \"rx.npy\"\n[solver]\nmax_depth = {}\n",
            self.triangles, transmitter.x, transmitter.y, transmitter.z, self.depth
        );
        let file = folder.join("job.toml");
        std::fs::write(&file, text)?;
        measure_file(&file, self.threads, runs, folder)
    }
}

/// The job of the comparison with Sionna RT: Munich, 3.5 GHz; nothing where a path has no form in a job file.
pub fn in_munich(scene: &Path, receivers: &Path, count: usize, depth: u32) -> Option<String> {
    let positions: Array2<f32> = ndarray_npy::read_npy(receivers).ok()?;
    let positions = positions.rows().into_iter().take(count).map(|p| [p[0], p[1], p[2]].map(f64::from));
    job_text(scene, 3.5, [8.5, 21.0, 27.0], positions, depth)
}

/// The job of the comparison with DiffeRT.
pub fn street_canyon(scene: &Path, count: usize, depth: u32) -> Option<String> {
    let (transmitter, receivers) = crate::support::street_canyon(count);
    job_text(scene, 3.5, transmitter, receivers, depth)
}

fn job_text(
    scene: &Path,
    carrier_ghz: f64,
    transmitter: [f64; 3],
    receivers: impl Iterator<Item = [f64; 3]>,
    depth: u32,
) -> Option<String> {
    let mut text = format!(
        "task = \"paths\"\ncarrier_ghz = {carrier_ghz}\n[scene]\nfile = {:?}\n[[transmitters]]\nname = \"tx\"\n\
         position_m = {transmitter:?}\n[solver]\nmax_depth = {depth}\n",
        scene.to_str()?
    );
    for (i, position) in receivers.enumerate() {
        text += &format!("[[receivers]]\nname = \"rx{i}\"\nposition_m = {position:?}\n");
    }
    Some(text)
}

/// Runs a job file `runs` times in processes of their own.
pub fn measure_file(file: &Path, threads: u32, runs: usize, folder: &Path) -> Outcome<Measured> {
    let out = folder.join("out");
    let mut all = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_raylobe"));
        command.arg("run").arg(file).arg("--quiet").arg("--out").arg(&out).stdout(Stdio::null());
        if threads > 0 {
            command.arg("--threads").arg(threads.to_string());
        }
        let start = Instant::now();
        let status = command.status()?;
        let process_s = start.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("raylobe run {}: {status}", file.display()).into());
        }
        all.push(measured(&serde_json::from_slice(&std::fs::read(out.join("record.json"))?)?, process_s));
    }
    let median = |value: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = all.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok(Measured {
        process_s: median(|m| m.process_s),
        solve_s: median(|m| m.solve_s),
        launch_s: median(|m| m.launch_s),
        connect_s: median(|m| m.connect_s),
        memory: median(|m| m.memory),
        rays: median(|m| m.rays),
        segments: median(|m| m.segments),
        pairs: median(|m| m.pairs),
        paths: median(|m| m.paths),
    })
}

fn measured(record: &Value, process_s: f64) -> Measured {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let timings: Vec<(&str, f64)> = record["timings_s"]
        .as_array()
        .map(|timings| {
            timings.iter().map(|t| (t["stage"].as_str().unwrap_or_default(), number(&t["seconds"]))).collect()
        })
        .unwrap_or_default();
    let of = |wanted: fn(&str) -> bool| timings.iter().filter(|(stage, _)| wanted(stage)).map(|(_, s)| s).sum();
    let counters = &record["counters"];
    Measured {
        process_s,
        solve_s: of(|stage| !["read", "write"].contains(&stage)),
        launch_s: of(|stage| stage == "candidates"),
        connect_s: of(|stage| stage == "connect"),
        memory: number(&record["peak_memory_bytes"]),
        rays: number(&counters["rays"]),
        segments: number(&counters["segments"]),
        pairs: number(&counters["chains"]) * number(&record["sizes"]["receivers"]),
        paths: number(&record["sizes"]["paths"]),
    }
}
