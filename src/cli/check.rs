//! `raylobe check`: everything but the solving.

use super::log::Log;
use super::{JobOptions, print};
use crate::error::{Error, Result};
use crate::io::job::Job;
use crate::io::job::place::Placement;
use crate::map::grid::Layout;
use crate::math::Vec3;
use crate::progress::Progress;
use crate::scene::radio::Radios;
use std::fmt::Write;

/// A triangle costs its corners, its material and facet, and its share of the 8-wide BVH nodes and leaves [bytes].
const BYTES_PER_TRIANGLE: u64 = 3 * 4 + 48 + 64 + 1;
/// A vertex in f64 [bytes].
const BYTES_PER_VERTEX: u64 = 24;
/// Chains of a guided launch for each of its first rays, as measured on a city: about one [bytes].
const BYTES_PER_RAY: u64 = 96;
/// A path with its angles, Doppler and one coefficient, and three vertices [bytes].
const BYTES_PER_PATH: u64 = 3 * 60 + 160;
/// Paths of a link in a dense city.
const PATHS_PER_LINK: u64 = 20;

/// Reads the job and all that it names, and prints the effective job and the predicted memory.
///
/// # Errors
/// Whatever is wrong with the job.
pub fn check(options: &JobOptions, log: &Log) -> Result<()> {
    log.begin("reading the job and its scene", 0);
    let job = Job::read(&options.job, &options.overrides())?;
    log.end();
    for warning in &job.warnings {
        log.warning(warning);
    }
    // The receiver of a map stands at every point in turn.
    let coincident = if job.survey.is_some() || job.placement.is_some() { 0 } else { coincident_devices(&job.radios) };
    if coincident > 0 {
        log.warning(&format!("links whose devices stand at one point, without a direct path: {coincident}"));
    }
    let mut text = format!("# the effective job: {}\n", options.job.display());
    text += &toml::to_string(&job.description).map_err(|error| Error::Internal(error.to_string()))?;
    text += "\n# what it means\n";
    describe(&job, &mut text);
    print(&text)
}

fn describe(job: &Job, text: &mut String) {
    let scene = &job.scene;
    let (triangles, vertices) = (scene.triangles.len() as u64, scene.vertices.len() as u64);
    let (transmitters, receivers) = (job.radios.transmitters.len(), job.radios.receivers.len());
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "# {name:12} {value}");
    };
    if let Some(placement) = &job.placement {
        row("placement", of_placement(job, placement));
        row("output", job.output.dir.display().to_string());
        return;
    }
    row(
        "scene",
        format!("{} objects, {triangles} triangles, {} materials", scene.objects.len(), scene.materials.len()),
    );
    if let Some((low, high)) = scene.bounds() {
        let (low, high) = (low + scene.origin, high + scene.origin);
        let bounds = format!("x {:.1} to {:.1}, y {:.1} to {:.1}", low.x, high.x, low.y, high.y);
        row("bounds", format!("{bounds}, z {:.1} to {:.1} m", low.z, high.z));
    }
    if let Some(survey) = &job.survey {
        let cells = match &survey.layout {
            Layout::Sheet(sheet, _) => format!("{} x {} cells", sheet.cells[0], sheet.cells[1]),
            Layout::Facets { objects, .. } => format!("the facets of {} objects", objects.len()),
        };
        row("map", format!("{cells}, {0} x {0} points each, from {transmitters} transmitters", survey.points));
        row("output", job.output.dir.display().to_string());
        return;
    }
    row("links", format!("{} ({transmitters} transmitters x {receivers} receivers)", job.links()));
    row("output", job.output.dir.display().to_string());
    let of_scene = triangles * BYTES_PER_TRIANGLE + vertices * BYTES_PER_VERTEX;
    let of_chains = job.solver.rays * BYTES_PER_RAY;
    let of_paths = job.links() as u64 * PATHS_PER_LINK * BYTES_PER_PATH;
    row("memory", format!("about {} in all:", megabytes(of_scene + of_chains + of_paths)));
    row("", format!("scene {}, chains {},", megabytes(of_scene), megabytes(of_chains)));
    row("", format!("paths {} at {PATHS_PER_LINK} a link", megabytes(of_paths)));
}

fn of_placement(job: &Job, placement: &Placement) -> String {
    match placement {
        Placement::One(one) => {
            let (walls, receivers) = (one.landscape.scene().walls().len(), one.landscape.receivers().len());
            format!("{} transmitters among {walls} walls for {receivers} receivers", one.start.len() / 2)
        }
        Placement::InScene(placed) => {
            let radios = &job.radios;
            let (transmitters, receivers) = (radios.transmitters.len(), radios.receivers.len());
            let (triangles, free) = (job.scene.triangles.len(), placed.free.len() / transmitters);
            format!(
                "{transmitters} transmitters, {free} numbers each, in {triangles} triangles for {receivers} receivers"
            )
        }
        Placement::StudyInScene(asked) => {
            let (methods, triangles) = (asked.methods.len(), job.scene.triangles.len());
            let points: usize = asked.study.points_along().iter().product();
            let starts = asked.study.starts * asked.draws * asked.receivers.as_ref().map_or(1, Vec::len);
            format!(
                "a study of {methods} methods in {triangles} triangles, {starts} starts in all; {points} points on a grid"
            )
        }
        Placement::Study { study, draws, methods } => {
            let walls = study.scene.walls().len();
            let runs: usize = draws.iter().flat_map(|(_, draws)| draws).map(|draw| draw.starts.len()).sum();
            format!("a study of {} methods among {walls} walls, {runs} starts in all", methods.len())
        }
    }
}

/// Number of links whose two devices stand at one point.
fn coincident_devices(radios: &Radios) -> usize {
    let mut at: Vec<[u64; 3]> = radios.receivers.iter().map(|radio| bits_of(&radio.position)).collect();
    at.sort_unstable();
    let count_at =
        |bits: [u64; 3]| at.partition_point(|other| *other <= bits) - at.partition_point(|other| *other < bits);
    radios.transmitters.iter().map(|radio| count_at(bits_of(&radio.position))).sum()
}

/// Bit patterns sort where floats do not; adding zero makes -0 and 0 one point.
fn bits_of(position: &Vec3) -> [u64; 3] {
    [position.x, position.y, position.z].map(|x| (x + 0.0).to_bits())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
