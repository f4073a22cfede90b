//! What the tests share: where reference data lie, how scenes and radios are built by hand, how two sets of paths are
//! compared, and an independent check of every path ([`brute`]).

pub mod brute;
pub mod brute_field;
pub mod build;
pub mod emulator;
pub mod hemisphere;
pub mod trace;
pub mod truth_files;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of the city scenes: `RAYLOBE_SCENES`, or `.scenes` in the repository (scripts/get-scenes.sh fills it).
pub fn scenes_dir() -> PathBuf {
    from_env("RAYLOBE_SCENES", ".scenes")
}

/// The folder of the large reference results: `RAYLOBE_TRUTH`, or `../shared/truth` beside the repository.
pub fn truth_dir() -> PathBuf {
    from_env("RAYLOBE_TRUTH", "../shared/truth")
}

/// The folder of the small reference results, which are part of the repository.
pub fn committed_truth_dir() -> PathBuf {
    repository().join("tests/truth")
}

/// The root of the repository: where the tests were built, or `RAYLOBE_REPOSITORY`, a folder with as much of it as they
/// read, on another machine (scripts/gpu-bundle.sh).
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| moved().unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()))
}

/// A folder for what tests make and keep.
pub fn kept_dir() -> PathBuf {
    moved().map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), |root| root.join("target/tmp"))
}

fn moved() -> Option<PathBuf> {
    std::env::var_os("RAYLOBE_REPOSITORY").map(PathBuf::from)
}

/// Whether the long versions of the tests are asked for (scripts/acceptance.sh).
pub fn full() -> bool {
    flag("RAYLOBE_FULL")
}

/// The file `<scenes>/<name>/<name>.xml`, or `None`, said loudly, where the scenes were not fetched. With
/// `RAYLOBE_REQUIRE_SCENES=1` or `CI=true` their absence is a failure.
pub fn city(name: &str) -> Option<PathBuf> {
    let file = scenes_dir().join(name).join(format!("{name}.xml"));
    present(&file, flag("RAYLOBE_REQUIRE_SCENES") || flag("CI"), "run scripts/get-scenes.sh").then_some(file)
}

/// The file `name` of the large reference results, or `None`, said loudly; `RAYLOBE_REQUIRE_TRUTH=1` makes it a failure.
pub fn large_truth(name: &str) -> Option<PathBuf> {
    let file = truth_dir().join(name);
    present(&file, flag("RAYLOBE_REQUIRE_TRUTH"), "set RAYLOBE_TRUTH").then_some(file)
}

/// Prints a line that scripts/acceptance.sh collects, and fails the test where the claim does not hold.
pub fn accept(name: &str, value: impl std::fmt::Display, bound: &str, pass: bool) {
    println!("ACCEPT {name} | {value} | {bound} | {}", if pass { "PASS" } else { "FAIL" });
    assert!(pass, "{name}: {value}, but the bound is {bound}");
}

/// The larger of two errors; once one is not a number, the result is not, so that no bound holds (`f64::max` would drop
/// it).
pub fn worse(worst: f64, error: f64) -> f64 {
    if error > worst || error.is_nan() { error } else { worst }
}

fn from_env(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| repository().join(default), PathBuf::from)
}

/// Whether an environment variable is set to something that means yes.
pub fn flag(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// Says a thing on stderr even where the harness swallows what tests that pass print.
pub fn say_loudly(text: &str) {
    // A closed stderr is nobody's loss.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn present(file: &Path, required: bool, remedy: &str) -> bool {
    let there = file.exists();
    assert!(there || !required, "{} is required and absent: {remedy}", file.display());
    if !there {
        say_loudly(&format!("SKIPPED: {} is absent: {remedy}", file.display()));
        println!("ACCEPT reference data {} | absent | {remedy} | SKIP", file.display());
    }
    there
}
