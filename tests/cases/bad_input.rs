//! Inputs that no user means, and what the surroundings of a run can do to it.

use super::{fails, folder_with, good_job, raylobe, text};
use std::process::{Command, Stdio};

fn with_receivers(file: &str) -> String {
    good_job() + &format!("[[receivers]]\nfile = \"{file}\"\n")
}

/// The good job with `keys` added to its transmitter.
fn with_transmitter(keys: &str) -> String {
    good_job().replacen("[[receivers]]", &format!("{keys}\n[[receivers]]"), 1)
}

#[test]
fn encodings_and_line_ends() {
    for job in [format!("\u{feff}{}", good_job()), good_job().replace('\n', "\r\n")] {
        let output = raylobe(folder_with(&job, &[]).path(), &["check", "job.toml"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    fails(&good_job().replace('\n', "\r"), &[], &[], 64, &["line 1", "not TOML"]);
    let folder = folder_with("", &[("latin.toml", b"# stra\xdfe\n")]);
    let output = raylobe(folder.path(), &["check", "latin.toml"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("byte 6"), "{}", text(&output.stderr));
}

#[test]
fn nesting_and_keys_that_stand_twice() {
    let deep = [
        format!("carrier_ghz = {}{}", "[".repeat(50_000), "]".repeat(50_000)),
        format!("carrier_ghz = {}1{}", "{a=".repeat(50_000), "}".repeat(50_000)),
        format!("a{} = 1", ".a".repeat(50_000)),
        format!("[a{}]", ".a".repeat(50_000)),
    ];
    for job in &deep {
        let folder = folder_with(job, &[]);
        let output = raylobe(folder.path(), &["check", "job.toml"]);
        assert_eq!(output.status.code(), Some(64));
        assert!(output.stderr.len() < 1000, "a message that can be read");
    }
    fails(&(good_job() + "rays = 5\n"), &[], &[], 64, &["duplicate key"]);
    fails(&good_job(), &[], &["--set", &format!("seed={}", "x".repeat(20_000))], 64, &["seed", "characters)"]);
}

#[test]
fn numbers_that_are_none_or_too_large() {
    for (keys, field) in [
        ("orientation_deg = [inf, 0, 0]", "orientation_deg[0]"),
        ("velocity_m_per_s = [nan, 0, 0]", "velocity_m_per_s"),
        ("power_dbm = -1e300", "-1e300"),
        (
            "antenna = \"a\"\n[antennas.a]\narray = { rows = 1, columns = 1, vertical_spacing = nan }",
            "vertical_spacing",
        ),
        ("antenna = \"a\"\n[antennas.a]\narray = { rows = 4294967295, columns = 4294967295 }", "elements"),
        ("antenna = \"a\"\n[antennas.a]\nelements_wavelengths = [[0, inf, 0]]", "elements_wavelengths[0]"),
        ("antenna = \"a\"\n[antennas.a]\nelements_wavelengths = []", "elements_wavelengths"),
        ("antenna = \"a\"\n[antennas.a]\ngain_db = nan", "antennas.a.gain_db"),
        ("antenna = \"a\"\n[antennas.a]\ngain_db = 1e3", "from -100 to 100 dB"),
        ("[materials.ground]\nthickness_m = nan", "thickness_m"),
        ("[materials.ground]\nrelative_permittivity = inf", "relative_permittivity"),
        ("[materials.ground]\nrelative_permittivity = 5\nconductivity_s_per_m = -1", "conductivity_s_per_m"),
        ("[materials.ground]\nxpd = inf", "xpd"),
        ("[materials.ground]\nroughness_m = -inf", "roughness_m"),
        ("[materials.ground]\npattern = { kind = \"directive\", alpha = nan }", "pattern.alpha"),
        ("[output]\nbandwidth_mhz = inf", "bandwidth_mhz"),
        ("[output]\nbandwidth_mhz = 1\nsubcarriers = 4294967296", "from 0 to 4294967295"),
        ("[output]\nbandwidth_mhz = 1\ntaps = [-2147483648, 2147483647]", "output.taps"),
    ] {
        fails(&with_transmitter(keys), &[], &[], 64, &[field]);
    }
    fails(&format!("seed = {}\n{}", u64::MAX, good_job()), &[], &[], 64, &["line 1"]);
    for set in ["block_m=nan", "street_m=[inf, inf]", "heights.spread=nan", "heights.high_m=1e300", "triangles=-1"] {
        let output = raylobe(folder_with("", &[]).path(), &["scene", "generate", "city", "--set", set, "-o", "x.ply"]);
        assert_eq!(output.status.code(), Some(64), "{set}: {}", text(&output.stderr));
    }
}

#[test]
fn names_that_are_too_long_or_hide_something() {
    let named = |name: &str| with_transmitter(&format!("name = \"{name}\""));
    fails(&named(&"ä".repeat(256)), &[], &[], 64, &["transmitters[0].name", "255"]);
    fails(&named("a\\u001b[2J"), &[], &[], 64, &["transmitters[0].name"]);
    let output = raylobe(folder_with(&named("日本 \\\"ü\\\", 1"), &[]).path(), &["run", "job.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let long = format!("o {}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl itu_brick\nf 1 2 3\n", "n".repeat(1001));
    let job = good_job().replace("generate = { kind = \"boxes\", seed = 3 }", "file = \"a.obj\"");
    fails(&job, &[("a.obj", long.as_bytes())], &[], 65, &["name of an object", "1000"]);
    let escape = "o a\x1b[31mb\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 2 3\n";
    let output = raylobe(folder_with("", &[("a.obj", escape.as_bytes())]).path(), &["scene", "info", "a.obj"]);
    assert!(output.status.success() && !output.stdout.contains(&0x1b), "{}", text(&output.stdout));
}

#[test]
fn files_of_positions_without_rows_or_with_unequal_ones() {
    let empty = raylobe::io::arrays::npy::header("<f8", &[0, 3]);
    fails(&with_receivers("rx.npy"), &[("rx.npy", &empty)], &[], 65, &["rx.npy", "at least one row"]);
    for (table, part) in [
        (&b"x_m,y_m,z_m\n"[..], "at least one row"),
        (b"x_m,y_m,z_m\n1,2,3,4\n", "4 cells"),
        (b"x_m,y_m,x_m,z_m\n1,2,3,4\n", "stands twice"),
        (b"x_m;y_m;z_m\n1;2;3\n", "column x_m"),
    ] {
        fails(&with_receivers("rx.csv"), &[("rx.csv", table)], &[], 65, &["rx.csv", part]);
    }
}

#[cfg(unix)]
#[test]
fn devices_folders_and_loops_are_no_input() {
    let folder = folder_with("", &[]);
    let at = |name: &str| folder.path().join(name);
    for extension in ["toml", "ply", "xml", "obj", "glb", "gltf"] {
        std::os::unix::fs::symlink("/dev/zero", at("zero").with_extension(extension)).expect("a link");
        std::os::unix::fs::symlink(format!("loop.{extension}"), at("loop").with_extension(extension)).expect("a link");
        std::fs::create_dir(at("folder").with_extension(extension)).expect("made");
        for name in ["zero", "loop", "folder"] {
            let file = format!("{name}.{extension}");
            let (arguments, code) = match extension {
                "toml" => (vec!["run", file.as_str()], 64),
                _ => (vec!["scene", "info", file.as_str()], 65),
            };
            let output = raylobe(folder.path(), &arguments);
            assert_eq!(output.status.code(), Some(code), "{file}: {}", text(&output.stderr));
        }
    }
    for file in ["/dev/zero", "/dev/null"] {
        std::os::unix::fs::symlink(file, at("rx.npy")).expect("a link");
        std::fs::write(at("job.toml"), with_receivers("rx.npy")).expect("written");
        assert_eq!(raylobe(folder.path(), &["run", "job.toml"]).status.code(), Some(65), "{file}");
        std::fs::remove_file(at("rx.npy")).expect("there");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let folder = folder_with(&good_job(), &[]);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut command = Command::new(env!("CARGO_BIN_EXE_raylobe"));
    let command = command.current_dir(folder.path()).args(["run", "job.toml"]).stdout(full).stderr(Stdio::piped());
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(73), "{}", text(&output.stderr));
    assert!(!folder.path().join("out/record.json").exists());
}

#[test]
fn results_of_another_job_do_not_stay() {
    let folder = folder_with(&good_job(), &[]);
    let set =
        |set: &str| raylobe(folder.path(), &["run", "job.toml", "--set", "output.bandwidth_mhz=10", "--set", set]);
    assert_eq!(set("output.subcarriers=4").status.code(), Some(0));
    assert_eq!(set("output.taps=[0, 1]").status.code(), Some(0));
    let out = folder.path().join("out");
    assert!(out.join("taps.npz").exists() && !out.join("cfr.npz").exists());
}

#[test]
fn a_kind_is_named_once() {
    let folder = folder_with("", &[]);
    let output = raylobe(folder.path(), &["scene", "generate", "city", "--set", "kind=room", "-o", "x.ply"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("'city' already"), "{}", text(&output.stderr));
}
