//! `task = "place"` as a user meets it: results, studies, mistakes.

use super::{folder_with, raylobe, text};
use std::path::Path;

const WALLS: &str = "[scene]\nwalls = [[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]], \
[[0.0, 1.0], [0.0, 0.0]], [[0.5, 0.2], [0.5, 0.8]]]\n";
const RADIOS: &str = "[[transmitters]]\nname = \"bs\"\nposition_m = [0.1, 0.1, 0.0]\n[[receivers]]\nposition_m = [0.8, 0.6, 0.0]\n\
[[receivers]]\nposition_m = [0.3, 0.5, 0.0]\n";

fn job(place: &str, radios: &str) -> String {
    format!("task = \"place\"\ncarrier_ghz = 28.0\nseed = 3\n{WALLS}{radios}[place]\n{place}")
}

fn run(folder: &Path) -> String {
    let output = raylobe(folder, &["run", "job.toml", "--device", "cpu"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn json(folder: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("out").join(name)).expect(name)).expect("JSON")
}

#[test]
fn a_placement_is_never_worse_than_its_start_and_its_results_are_whole() {
    let own = "optimiser = \"tour\"\nsmoothing = { definition = \"shadow\", guard = 0.005 }\ncells = 20\npictures_alpha = [10]\n";
    let jobs = [
        own.to_string(),
        "restarts = { starts = 2 }\nschedule = \"adaptive\"\nregion_m = [[0, 0], [1, 1]]\ncells = 10\nmax_order = 1\n"
            .into(),
        "objective = \"mean\"\nsmoothing = { kind = \"hard_sigmoid\", definition = \"paper\" }\ncells = 10\n".into(),
        "noise_m = 0.1\nschedule = \"hard\"\ncells = 10\n".into(),
    ];
    for place in &jobs {
        let folder = folder_with(&job(place, RADIOS), &[]);
        let said = run(folder.path());
        let found = json(folder.path(), "placement.json");
        let value = |key: &str| found[key].as_f64().expect(key);
        assert!(value("objective") >= value("objective_before"), "{place}\n{said}");
        let rows =
            std::fs::read_to_string(folder.path().join("out/trajectory.csv")).expect("a table").lines().count() - 1;
        assert!(rows > 0 && rows.is_multiple_of(100), "{rows}");
        for file in json(folder.path(), "record.json")["files"].as_array().expect("files") {
            assert!(folder.path().join("out").join(file.as_str().expect("a name")).is_file(), "{file}");
        }
    }
    // Around the wall: both receivers are seen in the end.
    let folder = folder_with(&job(own, RADIOS), &[]);
    run(folder.path());
    assert!(json(folder.path(), "placement.json")["objective"].as_f64().expect("a number") > 0.05);
    // Same job, same bytes, whatever the threads.
    let first = std::fs::read(folder.path().join("out/placement.json")).expect("read");
    let output = raylobe(folder.path(), &["run", "job.toml", "--device", "cpu", "--threads", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(first, std::fs::read(folder.path().join("out/placement.json")).expect("read"));
}

#[test]
fn a_study_counts_its_runs_and_reads_draws() {
    let study = "steps = 20\nstudy = { draws = 2, starts = 3, receivers = [2], methods = [\"hard\", \"tour\"] }\n";
    let folder = folder_with(&job(study, ""), &[]);
    let said = run(folder.path());
    let rows = json(folder.path(), "study.json");
    assert_eq!((rows[0]["method"].as_str(), rows[0]["runs"].as_u64()), (Some("hard"), Some(6)), "{said}");
    assert_eq!(rows[1]["evaluations"].as_f64(), Some(20.0));
    let draws = b"{\"seed\": 1, \"configs\": [{\"receivers\": [[0.1, 0.2], [0.3, 0.4]], \"starts\": [[0.5, 0.6]]}]}";
    let folder = folder_with(&job("study = { file = \"draws.json\" }\n", ""), &[("draws.json", draws)]);
    run(folder.path());
    assert_eq!(json(folder.path(), "study.json").as_array().expect("rows").len(), 7);
    assert_eq!(json(folder.path(), "record.json")["inputs"].as_array().expect("inputs").len(), 2);
}

#[test]
fn mistakes_are_named() {
    let cases: [(String, i32, &[&str]); 8] = [
        (job("max_order = 9\n", RADIOS), 64, &["place.max_order", "9"]),
        (
            job("smoothing = { definition = \"shadows\" }\n", RADIOS),
            64,
            &["place.smoothing.definition", "did you mean 'shadow'?"],
        ),
        (
            job("max_order = 1\nsmoothing = { definition = \"shadow\" }\n", RADIOS),
            64,
            &["place.smoothing.definition", "direct"],
        ),
        (job("smoothing = { margin_m = 0.1 }\n", RADIOS), 64, &["place.smoothing.margin_m", "temperature"]),
        (job("region_m = [[0, 0], [0, 1]]\n", RADIOS), 64, &["place.region_m"]),
        (job("", &RADIOS.replace("0.1, 0.1, 0.0", "0.1, 0.1, 2.0")), 64, &["transmitters[0].position_m", "z = 0"]),
        (
            job("", RADIOS).replace("[[0.0, 0.0], [1.0, 0.0]]", "[[0.0, 0.0], [0.0, 0.0]]"),
            65,
            &["scene.walls[0]", "no length"],
        ),
        (job("study = { file = \"none.json\" }\n", ""), 65, &["place.study.file", "cannot be read"]),
    ];
    for (job, code, parts) in cases {
        super::fails(&job, &[], &[], code, parts);
    }
    let job = job("", RADIOS).replace("task = \"place\"", "task = \"paths\"");
    super::fails(&job, &[], &[], 64, &["scene.walls", "place"]);
}

/// A block on a plate, a transmitter on one side of it and receivers on the other.
const SCENE: &str = "[scene.generate]\nkind = \"boxes\"\ncount = 3\nseed = 5\n";
const AROUND: &str = "[[transmitters]]\nname = \"bs\"\nposition_m = [-31.0, -24.0, 6.0]\n[[receivers]]\nposition_m = [31.0, 22.0, 1.5]\n\
[[receivers]]\nposition_m = [20.0, 29.0, 1.5]\n";

fn in_scene(place: &str) -> String {
    let place = format!("steps = 12\ncells = 8\nlearning_rate = 2.0\nsmoothing = {{ alpha = [0.1, 2] }}\n{place}");
    format!("task = \"place\"\ncarrier_ghz = 28.0\n{SCENE}{AROUND}[solver]\nmax_depth = 1\n[place]\n{place}")
}

#[test]
fn transmitters_are_placed_in_scenes_too() {
    let jobs = [
        (
            "objective = \"mean\"\npictures_alpha = [0.2]\nrestarts = { across = 3, alpha = 0.2, starts = 2 }\n",
            "landscape_alpha_0.2.png",
        ),
        ("free = [\"x\", \"y\", \"z\", \"yaw\", \"pitch\"]\nheight_m = [3, 20]\n", "map_after.png"),
        ("objective = \"coverage\"\nthreshold_db = -95\nschedule = \"adaptive\"\n", "landscape_hard.png"),
        ("objective = \"sinr\"\nquantile = 0.5\nfree = [\"z\"]\nheight_m = [3, 20]\n", "trajectory.csv"),
        ("objective = \"coverage\"\nthreshold_db = -90\nmap_cell_m = 25.0\n", "map_after.png"),
    ];
    for (place, file) in jobs {
        let folder = folder_with(&in_scene(place), &[]);
        let said = run(folder.path());
        let found = json(folder.path(), "placement.json");
        let value = |key: &str| found[key].as_f64().expect(key);
        assert!(value("objective") >= value("objective_before"), "{place}\n{said}");
        assert!(folder.path().join("out").join(file).is_file(), "{file}");
        let first = std::fs::read(folder.path().join("out/placement.json")).expect("read");
        let output = raylobe(folder.path(), &["run", "job.toml", "--device", "cpu", "--threads", "1"]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(first, std::fs::read(folder.path().join("out/placement.json")).expect("read"), "{place}");
    }
    let cases: [(&str, &[&str]); 7] = [
        ("map_cell_m = 1e-3\n", &["cells of place.map_cell_m", "enlarge"]),
        ("map_cell_m = 0\n", &["place.map_cell_m", "0.001"]),
        ("free = []\n", &["place.free", "at least one"]),
        ("free = [\"z\"]\n", &["place.height_m", "missing"]),
        ("optimiser = \"tour\"\n", &["place.optimiser", "not there yet"]),
        ("max_order = 1\n", &["place.max_order", "solver.max_depth"]),
        ("objective = \"coverage\"\nwidth_db = 0\n", &["place.width_db"]),
    ];
    for (place, parts) in cases {
        super::fails(&in_scene(place), &[], &[], 64, parts);
    }
}

type IsAllowed<'a> = &'a dyn Fn(&[f64]) -> bool;

/// On sites: every evaluation and the end lie on them, wherever the job's transmitter stands.
#[test]
fn transmitters_stay_on_their_sites() {
    let xyz = "free = [\"x\", \"y\", \"z\"]\nheight_m = [0, 60]\nobjective = \"mean\"\n";
    let triangle = |x: f64, y: f64| {
        let (a, b, c) = ([-30.0, -30.0], [-10.0, -30.0], [-30.0, -10.0]);
        let side = |p: [f64; 2], q: [f64; 2]| (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
        side(a, b) > -1e-6 && side(b, c) > -1e-6 && side(c, a) > -1e-6
    };
    let jobs: [(String, IsAllowed); 3] = [
        (
            "sites = [{ polygon_m = [[-30, -30], [-10, -30], [-30, -10]] }]\nobjective = \"mean\"\n\
             restarts = { across = 4, alpha = 0.2, starts = 2 }\nrefinement = { evaluations = 10 }\n"
                .into(),
            &|p| triangle(p[0], p[1]),
        ),
        (
            format!(
                "{xyz}sites = [{{ roof = \"building_*\", offset_m = 3 }}]\nrestarts = {{ across = 4, alpha = 0.2, starts = 2 }}\n"
            ),
            &|p| p[2] > 3.0 + 1e-9,
        ),
        (format!("{xyz}sites = [{{ facade = \"building_*\" }}, {{ roof = \"building_0001\" }}]\n"), &|p| p[2] >= 0.0),
    ];
    for (place, is_allowed) in jobs {
        let folder = folder_with(&in_scene(&place), &[]);
        let said = run(folder.path());
        let found = json(folder.path(), "placement.json");
        let value = |key: &str| found[key].as_f64().expect(key);
        assert!(value("objective") >= value("objective_before"), "{place}\n{said}");
        let end: Vec<f64> = found["transmitters"][0]["position_m"]
            .as_array()
            .expect("a position")
            .iter()
            .map(|x| x.as_f64().expect("a number"))
            .collect();
        assert!(is_allowed(&end), "{place}: {end:?}");
        let rows = std::fs::read_to_string(folder.path().join("out/trajectory.csv")).expect("a table");
        let at =
            |line: &str| -> Vec<f64> { line.split(',').skip(4).map(|cell| cell.parse().expect("a number")).collect() };
        assert!(rows.lines().skip(1).all(|line| is_allowed(&at(line))), "{place}\n{rows}");
    }
    let cases: [(&str, &[&str]); 7] = [
        ("sites = [{ roof = \"building_0001\" }]\n", &["place.free", "[\"x\", \"y\", \"z\"]"]),
        ("sites = [{ polygon_m = [[0, 0], [1, 1]] }]\n", &["place.sites[0].polygon_m", "three corners"]),
        ("sites = [{ polygon_m = [[0, 0], [1, 0], [0, 1]], offset_m = 1 }]\n", &["place.sites[0].offset_m"]),
        ("sites = [{ offset_m = 1 }]\n", &["place.sites[0]", "one of polygon_m, roof, facade"]),
        (
            "free = [\"x\", \"y\", \"z\"]\nheight_m = [0, 9]\nsites = [{ roof = \"bilding_0001\" }]\n",
            &["place.sites[0].roof", "did you mean 'building_0001'?"],
        ),
        (
            "free = [\"x\", \"y\", \"yaw\"]\nsites = [{ polygon_m = [[0, 0], [1, 0], [0, 1]] }]\nrestarts = {}\n",
            &["place.restarts", "not turned"],
        ),
        ("sites = [{ polygon_m = [[0, 0], [1, 0], [0, 1]] }]\nstudy = {}\n", &["place.study", "place.sites"]),
    ];
    for (place, parts) in cases {
        super::fails(&in_scene(place), &[], &[], 64, parts);
    }
}

/// A study in the same scene: its tables agree with each other and with every run, and what it lacks is an error.
#[test]
fn studies_in_scenes_count_their_runs() {
    let study = |own: &str| {
        in_scene(&format!(
            "objective = \"mean\"\nregion_m = [[-40, -40], [40, 40]]\nrestarts = {{ across = 4, alpha = [0.2, 2.0], starts = 2 }}\n\
             refinement = {{ evaluations = 15, step_m = 2.0 }}\nstudy = {{ starts = 5, grid_m = 10.0, {own} }}\n"
        ))
    };
    let folder = folder_with(&study("receivers = [2, 3], draws = 2, clearance_m = 1.0"), &[]);
    let said = run(folder.path());
    let rows = json(folder.path(), "study.json");
    assert_eq!(rows.as_array().map(Vec::len), Some(6), "{said}");
    let runs = std::fs::read_to_string(folder.path().join("out/study_runs.csv")).expect("a table");
    for row in rows.as_array().expect("rows") {
        let (receivers, method) = (row["receivers"].to_string(), row["method"].as_str().expect("a method"));
        let number = |key: &str| row[key].as_f64().expect(key);
        let own: Vec<Vec<&str>> = runs.lines().map(|line| line.split(',').collect::<Vec<_>>()).collect();
        let own = own.iter().filter(|cells| cells[0] == receivers && cells[2] == method);
        let own: Vec<[f64; 3]> = own.map(|cells| [3, 4, 5].map(|k| cells[k].parse().expect("a number"))).collect();
        assert_eq!((own.len(), number("runs")), (10, 10.0), "{row}");
        let well = own.iter().filter(|[value, best, _]| *value >= best - 1.0).count();
        assert!((number("success") - well as f64 / 10.0).abs() < 1e-12, "{row}");
        let worst = own.iter().map(|[value, best, _]| (best - value).max(0.0)).fold(0.0, f64::max);
        assert!((number("worst_shortfall_db") - worst).abs() < 1e-9, "{row}");
        let steps = 12.0 + 2.0;
        let least = if method == "restarts" { steps + 2.0 * steps + 15.0 } else { steps };
        assert!(own.iter().all(|[.., evaluations]| *evaluations == steps || *evaluations >= least), "{row}");
        assert!(method == "restarts" || number("evaluations") == steps, "{row}");
    }
    // The job's own receivers, once.
    let folder = folder_with(&study("methods = [\"hard\"]"), &[]);
    run(folder.path());
    assert_eq!(json(folder.path(), "study.json")[0]["receivers"].as_u64(), Some(2));
    let cases: [(&str, &[&str]); 4] = [
        ("draws = 2", &["place.study.draws", "receivers"]),
        ("methods = [\"tour\"]", &["place.study.methods[0]", "tour", "restarts"]),
        ("file = \"draws.json\"", &["place.study.file", "planes"]),
        ("tolerance_db = -1", &["place.study.tolerance_db"]),
    ];
    for (own, parts) in cases {
        super::fails(&study(own), &[], &[], 64, parts);
    }
    let coverage = study("starts = 1").replace("\"mean\"", "\"coverage\"").replace("starts = 5, ", "");
    super::fails(&coverage, &[], &[], 64, &["place.objective", "dB"]);
}

/// Every job of placement in the repository, with few steps and small pictures.
#[test]
fn the_scenes_of_placement_run() {
    let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes");
    let mut ran = 0;
    for folder in ["placement_2d", "placement_city", "placement_study"] {
        for entry in std::fs::read_dir(scenes.join(folder)).expect("a folder") {
            let job = entry.expect("readable").path();
            if job.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let out = tempfile::tempdir().expect("a folder");
            let (job, to) = (job.to_string_lossy().into_owned(), out.path().to_string_lossy().into_owned());
            let study = ["--set", "place.study.draws=1", "--set", "place.study.starts=1"];
            let few = ["--set", "place.cells=4", "--set", "place.steps=6"];
            let mut arguments = vec!["run", &job, "--device", "cpu", "--out", &to];
            if folder == "placement_study" || job.ends_with("study.toml") {
                arguments.extend(study);
            }
            if folder != "placement_study" {
                arguments.extend(few);
            }
            let output = raylobe(out.path(), &arguments);
            assert_eq!(output.status.code(), Some(0), "{job}: {}", text(&output.stderr));
            ran += 1;
        }
    }
    assert!(ran >= 9, "{ran} jobs");
}
