//! Every `scenes/*/expected.json` of paths is met by its job, read and solved through the library; that of the map of
//! `scenes/coverage` is met in `tests/cases/coverage.rs`. Folders of fits have no `job.toml`, but a `run.py` that judges them.

use crate::support::trace::{coefficients, traces};
use crate::support::{accept, build, repository};
use raylobe::io::job::{Job, Overrides};
use raylobe::math::C64;
use raylobe::progress::Silent;
use raylobe::solve::{Solution, solve};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[test]
fn every_scene_meets_its_expected_paths() {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(repository().join("scenes"))
        .expect("scenes/ is part of the repository")
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.is_dir() && !is_of_a_fit(path) && !is_of_placements(path))
        .collect();
    folders.sort();
    let met = folders.iter().filter(|folder| meet(folder)).count();
    assert!(met >= 7, "free_space, two_ray, corner, street_canyon, urban_block, noisy_wall and noisy_street at least");
}

/// Whether a folder holds fits, with the truth that they are made from and the program that judges them.
fn is_of_a_fit(folder: &Path) -> bool {
    !folder.join("job.toml").is_file() && ["truth.toml", "run.py"].iter().all(|name| folder.join(name).is_file())
}

/// Whether a folder holds placements, which `tests/cases/place_jobs.rs` runs.
fn is_of_placements(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("placement_"))
}

/// Fails unless the job of a folder has its expected paths. Returns whether it has any: a map has none.
fn meet(folder: &Path) -> bool {
    let file = folder.join("expected.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let expected: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let job = Job::read(&folder.join("job.toml"), &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    if job.survey.is_some() {
        return false;
    }
    let solution = solve(build::backend(), &job.scene, &job.radios, &job.carriers, &job.solver, &Silent)
        .unwrap_or_else(|e| panic!("{e}"));
    if let Some(triangles) = expected["scene"]["triangles"].as_u64() {
        assert_eq!(job.scene.triangles.len() as u64, triangles, "{}", file.display());
    }
    let links = expected["links"].as_array().expect("links");
    assert!(!links.is_empty(), "{}", file.display());
    let mut paths = 0;
    for link in links {
        let of = |key: &str, radios: &[raylobe::scene::radio::Radio]| {
            let name = link[key].as_str().expect("a name");
            radios.iter().position(|r| r.name == name).unwrap_or_else(|| panic!("{key} '{name}'"))
        };
        let index = of("receiver", &job.radios.receivers) * job.radios.transmitters.len()
            + of("transmitter", &job.radios.transmitters);
        paths += meet_link(&solution, index, link, &expected["tolerance"]);
    }
    let name = folder.file_name().expect("a folder has a name").to_string_lossy();
    accept(&format!("scenes/{name}"), format!("{paths} expected paths met"), "all", paths > 0);
    true
}

/// Fails unless each expected path is there, and no other where the list is complete. Returns how many there were.
fn meet_link(solution: &Solution, index: usize, link: &Value, tolerance: &Value) -> usize {
    let own = traces(solution, index);
    let mut used = vec![false; own.len()];
    let expected = link["paths"].as_array().expect("paths");
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"));
    for path in expected {
        let depth = path["interactions"].as_array().expect("interactions").len();
        let near =
            |value: f64, key: &str| (value - number(path, key)).abs() <= number(tolerance, key) * number(path, key);
        let is = |i: usize| {
            let a: C64 = coefficients(solution, own[i].index, 0)[0];
            let length = near(own[i].length, "length_m") && near(solution.channel.tau[own[i].index], "delay_s");
            let phase = path["phase_a_rad"]
                .as_f64()
                .is_none_or(|phase| (a * C64::from_polar(1.0, -phase)).arg().abs() <= number(tolerance, "phase_a_rad"));
            !used[i] && own[i].vertices.len() == depth && length && near(a.norm(), "abs_a") && phase
        };
        let found = (0..own.len()).find(|i| is(*i));
        let found = found.unwrap_or_else(|| panic!("{link}\nlacks {path}\nthere are {own:#?}"));
        used[found] = true;
    }
    assert!(link["complete"] != true || own.len() == expected.len(), "{link}\nhas more paths: {own:#?}");
    expected.len()
}
