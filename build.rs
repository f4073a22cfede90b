//! Prints `layout.cuh` from `src/layout.rs`, compiles the kernels where there is an nvcc, and tells the program which
//! commit it was built from.

#[path = "src/layout.rs"]
#[allow(dead_code, unused_imports)]
mod layout;
#[path = "build/nvcc.rs"]
mod nvcc;

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/layout.rs");
    println!("cargo:rerun-if-changed=src/layout");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    std::fs::write(out.join("layout.cuh"), layout::print_header()).expect("OUT_DIR can be written");
    // The log of HEAD grows with each commit; HEAD itself changes only with the branch.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo:rerun-if-changed={log}");
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    println!("cargo:rustc-env=RAYLOBE_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    if let Err(text) = nvcc::embed_kernels(&out) {
        // Cargo fails for these lines and shows them alone; an exit code would bring all other output along.
        text.lines().for_each(|line| println!("cargo::error={line}"));
    }
}

/// What git answers, or nothing outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}
