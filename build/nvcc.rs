//! Compiles each `cuda/**/*.cu` into one fatbin and writes `images.rs`, the list of them that the crate includes. Without
//! nvcc the list is empty. Asks no GPU and no driver: the machine that builds need not be the one that runs.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Compute capabilities that get machine code. PTX of the lowest serves those between and above, compiled at load time.
const ARCHS: [u32; 7] = [75, 80, 86, 89, 90, 100, 120];

/// `cuda/probe.cu` and what is in `cuda/probe` are for tests on a GPU; they enter the list only with `RAYLOBE_PROBES=1`.
const PROBES: &str = "probe";

/// Variables that nvcc itself reads.
const NVCC_VARIABLES: [&str; 3] = ["NVCC_CCBIN", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"];

/// One kernel file: its path below `cuda/` without extension, as in `path/launch`.
struct Kernel {
    name: String,
    source: PathBuf,
}

impl Kernel {
    fn is_probe(&self) -> bool {
        self.name.split('/').next() == Some(PROBES)
    }
}

/// The compiler and all that it is told for every file.
struct Compiler {
    program: PathBuf,
    arguments: Vec<String>,
    /// What else the fatbins depend on, in words: the release of nvcc and the variables that it reads.
    setting: String,
}

/// Compiles what changed and writes `images.rs` into `out`. An error is text for the user, of one or more lines.
pub fn embed_kernels(out: &Path) -> Result<(), String> {
    println!("cargo:rerun-if-changed=cuda");
    let required = is_on("RAYLOBE_REQUIRE_CUDA");
    let with_probes = is_on("RAYLOBE_PROBES");
    let archs = wanted_archs()?;
    let nvcc = if archs.is_empty() { None } else { find_nvcc() };
    let Some(nvcc) = nvcc else {
        let reason = if archs.is_empty() {
            "RAYLOBE_CUDA_ARCHS=none: kernels are not embedded"
        } else {
            "nvcc not found: no NVCC, CUDA_HOME, CUDA_PATH, none in PATH or .cuda; kernels are not embedded \
             (scripts/get-nvcc.sh fetches it)"
        };
        if required {
            return Err(format!("{reason}, but RAYLOBE_REQUIRE_CUDA=1 asks for them"));
        }
        println!("cargo:warning={reason}");
        println!("cargo:rustc-env=RAYLOBE_CUDA_ARCHS=none");
        return write_list(out, &[]).map_err(|error| format!("images.rs was not written: {error}"));
    };
    let kernels = find_kernels(Path::new("cuda")).map_err(|error| format!("cuda/ was not read: {error}"))?;
    let compiler = prepare(nvcc, &archs, out)?;
    compile_all(&compiler, &kernels, out)?;
    let listed: Vec<_> = kernels.iter().filter(|kernel| with_probes || !kernel.is_probe()).collect();
    write_list(out, &listed).map_err(|error| format!("images.rs was not written: {error}"))?;
    println!("cargo:rustc-env=RAYLOBE_CUDA_ARCHS={}", words(&archs));
    Ok(())
}

fn words(archs: &[u32]) -> String {
    archs.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// The value of a variable that is not empty; cargo runs the build script again when it changes.
fn variable(name: &str) -> Option<OsString> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var_os(name).filter(|value| !value.is_empty())
}

fn is_on(name: &str) -> bool {
    variable(name).is_some_and(|value| value == "1")
}

/// Ascending compute capabilities; none at all when `RAYLOBE_CUDA_ARCHS=none`.
fn wanted_archs() -> Result<Vec<u32>, String> {
    let Some(list) = variable("RAYLOBE_CUDA_ARCHS") else { return Ok(ARCHS.to_vec()) };
    let list = list.to_string_lossy();
    if list.trim() == "none" {
        return Ok(Vec::new());
    }
    let fault = || format!("RAYLOBE_CUDA_ARCHS={list}: expected compute capabilities as in 75,90, or none");
    let items = list.split([',', ' ']).filter(|item| !item.is_empty());
    let mut archs = items.map(|item| item.parse().map_err(|_| fault())).collect::<Result<Vec<u32>, _>>()?;
    archs.sort_unstable();
    archs.dedup();
    if archs.is_empty() { Err(fault()) } else { Ok(archs) }
}

/// NVCC as it is; else the first nvcc of CUDA_HOME, CUDA_PATH, PATH and the folder that scripts/get-nvcc.sh fills.
fn find_nvcc() -> Option<PathBuf> {
    let found = match variable("NVCC") {
        Some(named) => PathBuf::from(named),
        None => {
            let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(variable);
            let mut folders: Vec<_> = homes.map(|home| Path::new(&home).join("bin")).collect();
            folders.extend(env::split_paths(&variable("PATH").unwrap_or_default()));
            folders.push(PathBuf::from(".cuda/bin"));
            folders.iter().map(|folder| folder.join("nvcc")).find(|nvcc| nvcc.is_file())?
        }
    };
    if found.is_file() {
        println!("cargo:rerun-if-changed={}", found.display());
    }
    // nvcc looks for its parts beside the name it was called by, so a link to it does not do; a link to a wrapper does.
    let real = found.canonicalize().ok().filter(|real| real.file_name() == found.file_name());
    Some(real.unwrap_or(found))
}

/// Every `.cu` file below `root`, by name.
fn find_kernels(root: &Path) -> io::Result<Vec<Kernel>> {
    let files = files_below(root)?.into_iter().filter(|file| is_kernel(file));
    let name = |file: &Path| file.with_extension("").strip_prefix(root).map(|name| name.display().to_string());
    let mut kernels: Vec<_> = files.filter_map(|source| Some(Kernel { name: name(&source).ok()?, source })).collect();
    kernels.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(kernels)
}

fn is_kernel(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "cu")
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// Asks nvcc for its release, which shows that it runs, and puts the arguments together.
fn prepare(program: PathBuf, archs: &[u32], out: &Path) -> Result<Compiler, String> {
    let version = Command::new(&program).arg("--version").output();
    let version = version.map_err(|error| format!("{} does not run: {error}", program.display()))?;
    let mut setting = String::from_utf8_lossy(&version.stdout).into_owned();
    for name in NVCC_VARIABLES {
        setting.push_str(&format!("{name}={}\n", variable(name).unwrap_or_default().display()));
    }
    // No fused multiply-add but where a kernel says so: the device computes the bits that the emulator does.
    let fixed = "-fatbin -O3 --std=c++17 --fmad=false --compress-mode=size --resource-usage -I cuda -I";
    let mut arguments: Vec<String> = fixed.split(' ').map(str::to_owned).collect();
    arguments.push(out.display().to_string());
    // For profilers. It doubles the fatbins and puts the paths of this machine into them.
    if is_on("RAYLOBE_LINEINFO") {
        arguments.push("-lineinfo".to_owned());
    }
    for arch in archs {
        arguments.extend(["-gencode".to_owned(), format!("arch=compute_{arch},code=sm_{arch}")]);
    }
    let lowest = archs[0];
    arguments.extend(["-gencode".to_owned(), format!("arch=compute_{lowest},code=compute_{lowest}")]);
    Ok(Compiler { program, arguments, setting })
}

/// Compiles the kernels side by side, NUM_JOBS at a time. The error holds the output of nvcc for each that failed.
fn compile_all(compiler: &Compiler, kernels: &[Kernel], out: &Path) -> Result<(), String> {
    let headers = hash_headers(out).map_err(|error| format!("the headers in cuda/ were not read: {error}"))?;
    let jobs = env::var("NUM_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1_usize);
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| kernels.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.map(|kernel| (&kernel.name, compile(compiler, kernel, headers, out))).collect::<Vec<_>>()
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.min(kernels.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("compile() does not panic")).collect::<Vec<_>>()
    });
    results.sort_by_key(|(name, _)| *name);
    let failures: Vec<_> = results.into_iter().filter_map(|(_, result)| result.err()).collect();
    if failures.is_empty() {
        return Ok(());
    }
    Err(failures.join("\n") + "\n" + &remedy())
}

/// What to look at when nvcc fails, beside its own output.
fn remedy() -> String {
    let paths = env::var_os("PATH").unwrap_or_default();
    let is_missing = |program: &&str| !env::split_paths(&paths).any(|folder| folder.join(program).is_file());
    let missing = ["gcc", "g++"].into_iter().find(is_missing).filter(|_| env::var_os("NVCC_CCBIN").is_none());
    let host = missing.map_or(String::new(), |program| format!(" (there is no {program})"));
    format!(
        "the kernels need CUDA 12.8 or later, and gcc and g++ in PATH{host}; RAYLOBE_CUDA_ARCHS=none builds without them"
    )
}

/// A number that changes with any header that a kernel may include.
fn hash_headers(out: &Path) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    fs::read(out.join("layout.cuh"))?.hash(&mut hasher);
    for header in files_below(Path::new("cuda"))?.iter().filter(|file| !is_kernel(file)) {
        header.hash(&mut hasher);
        fs::read(header)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Makes `NAME.fatbin` and `NAME.resources.txt` in `out/kernels`, unless those there are of the same inputs: the build
/// script also runs for a commit or a variable, where nvcc would take its time for nothing.
fn compile(compiler: &Compiler, kernel: &Kernel, headers: u64, out: &Path) -> Result<(), String> {
    let place = |kind: &str| out.join("kernels").join(format!("{}.{kind}", kernel.name));
    let (fatbin, resources, inputs) = (place("fatbin"), place("resources.txt"), place("inputs"));
    let fault = |error: io::Error| format!("{} was not compiled: {error}", kernel.source.display());

    let mut hasher = DefaultHasher::new();
    (headers, fs::read(&kernel.source).map_err(fault)?).hash(&mut hasher);
    let arguments = compiler.arguments.join(" ");
    let key = format!("{}{arguments}\n{:016x}\n", compiler.setting, hasher.finish());
    let up_to_date = fs::read_to_string(&inputs).is_ok_and(|old| old == key) && fatbin.is_file();
    if !up_to_date {
        fs::create_dir_all(inputs.parent().expect("a file in out/kernels has a folder")).map_err(fault)?;
        // Should nvcc be interrupted, nothing vouches for what it leaves.
        fs::write(&inputs, "").map_err(fault)?;
        let mut command = Command::new(&compiler.program);
        let output = command.args(&compiler.arguments).arg(&kernel.source).arg("-o").arg(&fatbin).output();
        let output = output.map_err(fault)?;
        let told = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            // The parts of nvcc do not agree on where an error goes.
            let told = String::from_utf8_lossy(&output.stdout) + told;
            return Err(format!("nvcc failed for {}:\n{}", kernel.source.display(), told.trim_end()));
        }
        fs::write(&resources, told.as_bytes()).map_err(fault)?;
        fs::write(&inputs, key).map_err(fault)?;
    }
    let told = fs::read_to_string(&resources).map_err(fault)?;
    warn(&told);
    Ok(())
}

/// Passes warnings on, each once: nvcc repeats those about the source for every architecture.
fn warn(told: &str) {
    let is_warning = |line: &&str| line.contains("warning #") || line.contains("warning :");
    for line in told.lines().filter(is_warning).collect::<BTreeSet<_>>() {
        println!("cargo:warning={line}");
    }
}

/// Writes `images.rs`: one expression of type `&[(&str, &[u8])]`, names and fatbins, sorted by name.
fn write_list(out: &Path, kernels: &[&Kernel]) -> io::Result<()> {
    let rows = kernels.iter().map(|kernel| {
        let name = &kernel.name;
        format!("    ({name:?}, include_bytes!({:?}) as &[u8]),\n", format!("kernels/{name}.fatbin"))
    });
    fs::write(out.join("images.rs"), format!("&[\n{}]\n", rows.collect::<String>()))
}
