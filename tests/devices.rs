//! Devices as a user meets them, without a GPU: no driver, one that cannot be used, devices that are too small or fail.
//! The program runs as a child that finds a fake `libcuda.so`: a file that is no library, a library without the driver's
//! functions, or the mock driver (`tests/emulator/mock_driver.cpp`), whose faults environment variables set. What needs
//! kernels that are built in is skipped, said loudly, in a build without; with `RAYLOBE_REQUIRE_CUDA=1` that is a failure.

// Of what the tests share, the emulator alone.
#[allow(dead_code)]
mod support;

use raylobe::backend::cuda::BUILT_IN;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::emulator::{Emulator, emulator};
use tempfile::TempDir;

#[path = "cases/device_memory.rs"]
mod device_memory;

/// The names that drivers go by, of those that cudarc looks for.
const LIBRARY_NAMES: [&str; 2] = ["libcuda.so", "libcuda.so.1"];

/// Receivers between the boxes and above them: some see reflections from walls, some from the ground.
const JOB: &str = "carrier_ghz = 28.0\n[scene]\ngenerate = { kind = \"boxes\", seed = 3 }\n\
    [[transmitters]]\nposition_m = [0.0, 0.0, 40.0]\n[[receivers]]\nfile = \"rx.csv\"\n\
    [solver]\nmax_depth = 3\ncandidates = \"launch\"\nrays = 4000\n";

fn receivers() -> String {
    let at = |i: i32| format!("{},{},{}\n", -60 + 8 * (i % 16), -55 + 11 * (i / 16), 2 + 9 * (i % 5));
    "x_m,y_m,z_m\n".to_owned() + &(0..160).map(at).collect::<String>()
}

/// What the child finds in place of a driver, and the faults of it.
struct Fake {
    libraries: PathBuf,
    faults: Vec<(&'static str, String)>,
    _held: Option<TempDir>,
}

impl Fake {
    /// A folder with nothing but these bytes under the names of the driver.
    fn of_bytes(bytes: &[u8]) -> Fake {
        let folder = tempfile::tempdir().expect("a folder");
        LIBRARY_NAMES.iter().for_each(|name| std::fs::write(folder.path().join(name), bytes).expect("written"));
        Fake { libraries: folder.path().to_path_buf(), faults: Vec::new(), _held: Some(folder) }
    }

    fn without_library() -> Fake {
        let folder = tempfile::tempdir().expect("a folder");
        Fake { libraries: folder.path().to_path_buf(), faults: Vec::new(), _held: Some(folder) }
    }

    /// The mock driver with these faults.
    fn mock(emulator: &Emulator, faults: &[(&'static str, u64)]) -> Fake {
        let libraries = emulator.library.parent().expect("a library lies in a folder").to_path_buf();
        Fake { libraries, faults: faults.iter().map(|(name, value)| (*name, value.to_string())).collect(), _held: None }
    }

    fn raylobe(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_raylobe"));
        command.current_dir(folder).args(arguments).env("LD_LIBRARY_PATH", &self.libraries);
        command.envs(self.faults.iter().map(|(name, value)| (name, value)));
        command.output().expect("the program starts")
    }

    fn run(&self, device: &str) -> Run {
        self.run_with(device, &[])
    }

    fn run_with(&self, device: &str, arguments: &[&str]) -> Run {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("job.toml"), JOB).expect("written");
        std::fs::write(folder.path().join("rx.csv"), receivers()).expect("written");
        let output = self.raylobe(folder.path(), &[&["run", "job.toml", "--device", device], arguments].concat());
        Run::new(output, folder)
    }

    fn devices(&self) -> Run {
        let folder = tempfile::tempdir().expect("a folder");
        Run::new(self.raylobe(folder.path(), &["devices"]), folder)
    }
}

/// The program after it has ended.
struct Run {
    code: Option<i32>,
    results: String,
    said: String,
    folder: TempDir,
}

impl Run {
    fn new(output: Output, folder: TempDir) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (results, said) = (text(&output.stdout), text(&output.stderr));
        assert!(!said.contains("panicked") && !said.contains("internal error"), "{said}");
        Run { code: output.status.code(), results, said, folder }
    }

    fn wrote(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("out").join(name)).unwrap_or_else(|_| panic!("{name}: {}", self.said))
    }

    #[track_caller]
    fn ends_well(self) -> Run {
        assert_eq!(self.code, Some(0), "{}{}", self.results, self.said);
        self
    }

    /// Ended with this code, all `parts` in the error, a remedy, and nothing that looks like a result.
    #[track_caller]
    fn fails(&self, code: i32, parts: &[&str]) {
        println!("exit code {code}\n{}", self.said);
        assert_eq!(self.code, Some(code), "{}{}", self.results, self.said);
        for part in parts.iter().chain(&["error: device", "remedy: "]) {
            assert!(self.said.contains(part), "'{part}' is not in\n{}", self.said);
        }
        for name in ["record.json", "paths.npz", "links.csv"] {
            assert!(!self.folder.path().join("out").join(name).exists(), "{name} after a failure");
        }
    }
}

/// A driver or device that cannot be used is refused when asked for, shown as such, and `auto` says why it takes the CPU.
#[track_caller]
fn is_unusable(fake: &Fake, parts: &[&str]) {
    fake.run("cuda").fails(69, parts);
    let devices = fake.devices().ends_well().results;
    let auto = fake.run("auto").ends_well();
    println!("{devices}auto: {}", auto.results);
    let line = |start: &str| devices.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    for part in parts {
        assert!(line("--device cuda:0").contains(part), "'{part}' is not in\n{devices}");
        assert!(line("--device auto").contains(part), "'{part}' is not in\n{devices}");
        let first = auto.results.lines().next().unwrap_or_default();
        assert!(first.starts_with("device: cpu") && first.contains(part), "'{part}' is not in\n{first}");
    }
    auto.wrote("record.json");
}

/// The emulator, if this build has kernels for the program to load.
fn with_kernels() -> Option<&'static Emulator> {
    if BUILT_IN.is_empty() {
        let required = std::env::var("RAYLOBE_REQUIRE_CUDA").is_ok_and(|value| value == "1");
        assert!(!required, "RAYLOBE_REQUIRE_CUDA=1, but this build has no kernels");
        eprintln!("SKIPPED: this build has no kernels that the program could load");
        return None;
    }
    emulator()
}

/// A driver of the machine itself, which an empty folder does not hide.
fn has_own_driver() -> bool {
    let folders =
        ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let listed = Command::new("ldconfig").arg("-p").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listed).contains("libcuda.so")
        || folders.iter().any(|folder| LIBRARY_NAMES.iter().any(|name| Path::new(folder).join(name).exists()))
}

/// A library with nothing but these functions.
fn library_of(source: &str) -> Option<Vec<u8>> {
    // Asks for g++, or says that there is none.
    emulator()?;
    let folder = tempfile::tempdir().expect("a folder");
    let (code, library) = (folder.path().join("fake.cpp"), folder.path().join("fake.so"));
    std::fs::write(&code, source).expect("written");
    let built = Command::new("g++").args(["-shared", "-fPIC", "-o"]).args([&library, &code]).status();
    assert!(built.expect("g++ starts").success(), "{source}");
    Some(std::fs::read(&library).expect("just built"))
}

#[test]
fn no_driver() {
    if has_own_driver() {
        eprintln!("SKIPPED: this machine has a CUDA driver, which cannot be hidden from the program");
        return;
    }
    is_unusable(&Fake::without_library(), &["no CUDA driver was found"]);
}

#[test]
fn a_driver_that_is_no_library() {
    is_unusable(&Fake::of_bytes(b"not a library"), &["no CUDA driver was found"]);
    is_unusable(&Fake::of_bytes(b""), &["no CUDA driver was found"]);
}

#[test]
fn a_driver_without_functions() {
    let Some(library) = library_of("extern \"C\" int cuInit(unsigned) { return 0; }\n") else { return };
    is_unusable(&Fake::of_bytes(&library), &["driver is too old", "lacks cuDriverGetVersion", "CUDA 13.0 or newer"]);
}

/// Whichever function is missing, it is missed before anything is called that may panic: also those that free.
#[test]
fn a_driver_that_lacks_any_one_function() {
    let Some(emulator) = emulator() else { return };
    let library = std::fs::read(&emulator.library).expect("just built");
    let code = std::fs::read_to_string(support::repository().join("tests/emulator/mock_driver.cpp")).expect("a source");
    let names = code.lines().filter_map(|line| line.strip_prefix("DRIVER ")?.split('(').next());
    let mut needed = 0;
    for name in names {
        // In the table of names it begins with another letter, so that nobody finds it.
        let stored = [b"\0", name.as_bytes(), b"\0"].concat();
        let places: Vec<usize> = (0..library.len()).filter(|at| library[*at..].starts_with(&stored)).collect();
        assert!(!places.is_empty(), "{name} is not in the library");
        let mut lacking = library.clone();
        places.iter().for_each(|at| lacking[at + 1] = b'x');
        let run = Fake::of_bytes(&lacking).run("cuda");
        if run.said.contains("driver is too old") {
            run.fails(69, &[&format!("lacks {name};")]);
            needed += 1;
        } else {
            // Nobody calls it.
            assert!(run.code == Some(0) || run.said.contains("this build has no CUDA kernels"), "{name}: {}", run.said);
        }
    }
    assert!(needed >= 30, "only {needed} functions are missed");
}

#[test]
fn a_driver_that_is_too_old() {
    let Some(emulator) = emulator() else { return };
    let fake = Fake::mock(emulator, &[("MOCK_CUDA_VERSION", 12020)]);
    is_unusable(&fake, &["driver is too old", "CUDA 12.2", "CUDA 13.0 or newer"]);
}

#[test]
fn a_driver_that_does_not_start() {
    let Some(emulator) = emulator() else { return };
    for (error, words) in [(999, "error 999"), (803, "error 803: "), (34, "error 34: "), (802, "error 802: ")] {
        is_unusable(&Fake::mock(emulator, &[("MOCK_CUDA_INIT", error)]), &["driver does not start", words]);
    }
}

#[test]
fn a_driver_without_devices() {
    let Some(emulator) = emulator() else { return };
    is_unusable(&Fake::mock(emulator, &[("MOCK_CUDA_DEVICES", 0)]), &["there is no CUDA device"]);
}

#[test]
fn a_number_beyond_the_last_device() {
    let Some(emulator) = with_kernels() else { return };
    Fake::mock(emulator, &[]).run("cuda:7").fails(69, &["cuda:7", "the only CUDA device is cuda:0"]);
    let two = Fake::mock(emulator, &[("MOCK_CUDA_DEVICES", 2)]);
    two.run("cuda:2").fails(69, &["cuda:2", "there are 2 CUDA devices, cuda:0 to cuda:1"]);
}

#[test]
fn a_build_without_kernels() {
    let Some(emulator) = emulator() else { return };
    let error = raylobe::backend::cuda::Cuda::open_with(&[], 0).expect_err("nothing to load");
    assert_eq!(error.exit_code(), 69);
    assert!(error.to_string().contains("this build has no CUDA kernels"), "{error}");
    if !BUILT_IN.is_empty() {
        eprintln!("SKIPPED: this build has kernels; one without is made with RAYLOBE_CUDA_ARCHS=none");
        return;
    }
    is_unusable(&Fake::mock(emulator, &[]), &["this build has no CUDA kernels"]);
    assert!(Fake::mock(emulator, &[]).run("cuda").said.contains("scripts/get-nvcc.sh"));
    is_unusable(&Fake::of_bytes(b""), &["no CUDA driver was found", "this build has no CUDA kernels"]);
}

#[test]
fn kernels_for_another_architecture() {
    let Some(emulator) = with_kernels() else { return };
    let fake = Fake::mock(emulator, &[("MOCK_CUDA_LOAD", 209)]);
    is_unusable(&fake, &["compute capability 9.0", "error 209", "this build holds kernels for "]);
}

#[test]
fn a_device_that_fails_while_it_computes() {
    let Some(emulator) = with_kernels() else { return };
    let fake = Fake::mock(emulator, &[("MOCK_CUDA_LAUNCH", 700)]);
    fake.run("cuda").fails(69, &["error 700", "--device cpu"]);
    fake.run("auto").fails(69, &["error 700", "--device cpu"]);
}

fn links_and_keys(run: &Run) -> (String, Vec<i64>, Vec<i64>) {
    let file = std::fs::File::open(run.folder.path().join("out/paths.npz")).expect("written");
    let mut npz = ndarray_npy::NpzReader::new(file).expect("an archive");
    let offsets: ndarray::Array1<i64> = npz.by_name("offsets").expect("offsets");
    let facets: ndarray::Array1<u32> = npz.by_name("facet").expect("facets");
    let of_vertices: ndarray::Array1<i64> = npz.by_name("vertex_offsets").expect("offsets of vertices");
    let paths = |row: &str| row.split(',').take(10).collect::<Vec<_>>().join(",");
    let rows = String::from_utf8(run.wrote("links.csv")).expect("text");
    let rows = rows.lines().map(paths).collect::<Vec<_>>().join("\n");
    let keys = of_vertices.iter().copied().chain(facets.iter().map(|facet| i64::from(*facet))).collect();
    (rows, offsets.to_vec(), keys)
}

#[test]
fn every_device_finds_the_paths_that_the_cpu_finds() {
    let Some(emulator) = with_kernels() else { return };
    let two = Fake::mock(emulator, &[("MOCK_CUDA_DEVICES", 2)]);
    let (cpu, second) = (two.run("cpu").ends_well(), two.run("cuda:1").ends_well());
    assert!(second.results.starts_with("device: cuda:1, mock device"), "{}", second.results);
    let (expected, found) = (links_and_keys(&cpu), links_and_keys(&second));
    assert!(expected.2.len() > expected.1.len() * 3, "the job has reflections: {expected:?}");
    assert_eq!(expected, found);
    assert!(two.run("auto").ends_well().results.starts_with("device: cuda:0"));
    let devices = two.devices().ends_well().results;
    for part in
        ["path/launch", "; for compute capability ", "--device cuda:0", "--device cuda:1", "9.0", "16 GiB", "13.0"]
    {
        assert!(devices.contains(part), "'{part}' is not in\n{devices}");
    }
    assert!(devices.lines().last().is_some_and(|line| line.contains("auto") && line.contains("cuda:0")), "{devices}");
    println!("{devices}");
}

/// Bytes of paths.npz of the job where the device has so much memory [MiB], and of the host's as much can be locked.
fn paths_with(emulator: &Emulator, device_mib: u64, locked_mib: u64) -> Vec<u8> {
    let fake = Fake::mock(emulator, &[("MOCK_CUDA_MEMORY", device_mib << 20), ("MOCK_CUDA_LOCKED", locked_mib << 20)]);
    fake.run("cuda").ends_well().wrote("paths.npz")
}

#[test]
fn a_device_with_little_memory_does_the_work_in_parts() {
    let Some(emulator) = with_kernels() else { return };
    let much = paths_with(emulator, 1 << 14, 1 << 14);
    assert_eq!(much, paths_with(emulator, 66, 1 << 14), "little memory of the device");
    assert_eq!(much, paths_with(emulator, 1 << 14, 1), "little memory that the host can lock");
}

#[test]
fn a_device_with_too_little_memory() {
    let Some(emulator) = with_kernels() else { return };
    let fake = Fake::mock(emulator, &[("MOCK_CUDA_MEMORY", 32 << 20)]);
    for device in ["cuda", "auto"] {
        fake.run(device).fails(77, &["take 65 MiB on the device", "32 MiB free of 32 MiB", "--device cpu"]);
    }
    let locked = Fake::mock(emulator, &[("MOCK_CUDA_LOCKED", 1 << 10)]);
    locked.run("cuda").fails(77, &["the system does not lock 1 MiB", "--device cpu"]);
}
