//! The kernels without a GPU: builds the kernel emulator and the mock driver (`tests/emulator`) from the very sources under
//! `cuda/`, once for all test binaries, and opens it before cudarc looks for a driver.
//!
//! `RAYLOBE_EMULATOR_SOURCES`: another folder of kernels (mutation tests); `RAYLOBE_EMULATOR_FLAGS`: more flags for g++
//! (sanitizers).

// Not every test binary asks for all of it.
#![allow(dead_code)]

use super::{flag, kept_dir, repository, say_loudly};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// First bytes of an image of the emulator; the mock driver takes no others but fatbins.
const MAGIC: u32 = 0x55AA_5500;

/// What opens a device of the emulator: an image for each source of kernels.
pub struct Emulator {
    /// The mock driver.
    pub library: PathBuf,
    names: Vec<String>,
    handle: libloading::Library,
}

/// The emulator, or `None`, said loudly, where there is no g++. With `RAYLOBE_REQUIRE_EMULATOR=1` or `CI=true` that is a
/// failure.
pub fn emulator() -> Option<&'static Emulator> {
    static BUILT: OnceLock<Option<Emulator>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref()
}

impl Emulator {
    /// Images for `Cuda::open_with`.
    pub fn images(&self) -> Vec<(&str, Vec<u8>)> {
        self.names.iter().map(|name| (name.as_str(), MAGIC.to_le_bytes().to_vec())).collect()
    }

    /// How often device memory was allocated so far.
    pub fn allocations(&self) -> u64 {
        self.count(b"mock_cuda_allocations")
    }

    /// How many kernels were launched so far.
    pub fn launches(&self) -> u64 {
        self.count(b"mock_cuda_launches")
    }

    /// Device memory in use [bytes].
    pub fn used(&self) -> u64 {
        self.count(b"mock_cuda_used")
    }

    /// Sets how much memory the device has, used memory included [bytes]: for the whole process.
    pub fn set_memory(&self, bytes: u64) {
        // SAFETY: the mock driver defines this function, with one number.
        unsafe {
            self.handle.get::<unsafe extern "C" fn(u64)>(b"mock_cuda_set_memory").expect("the mock driver has it")(
                bytes,
            )
        }
    }

    fn count(&self, name: &[u8]) -> u64 {
        // SAFETY: the mock driver defines these functions, without arguments.
        unsafe { self.handle.get::<unsafe extern "C" fn() -> u64>(name).expect("the mock driver has it")() }
    }
}

fn build() -> Option<Emulator> {
    let version = Command::new("g++").arg("--version").output();
    let Some(version) = version.ok().filter(|output| output.status.success()) else {
        let required = flag("RAYLOBE_REQUIRE_EMULATOR") || flag("CI");
        assert!(!required, "g++ is required and absent: install it, or unset RAYLOBE_REQUIRE_EMULATOR and CI");
        say_loudly("SKIPPED: there is no g++: the kernels are not emulated, their cases run on the CPU");
        return None;
    };
    let kernels = std::env::var_os("RAYLOBE_EMULATOR_SOURCES").map_or_else(|| repository().join("cuda"), PathBuf::from);
    let flags: Vec<String> =
        std::env::var("RAYLOBE_EMULATOR_FLAGS").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let sources = sources_in(&kernels);
    let text = translation_unit(&kernels, &sources);
    let hash = hash_of(&kernels, &[&version.stdout, text.as_bytes(), flags.join(" ").as_bytes()]);
    let folder = kept_dir().join("emulator").join(hash);
    let library = folder.join("libcuda.so");
    if !library.exists() {
        compile(&folder, &library, &kernels, &text, &flags);
    }
    // SAFETY: the library's initialisers read environment variables and nothing else.
    let handle = unsafe { libloading::Library::new(&library) }.expect("the mock driver can be opened");
    let names = sources.iter().filter(|source| source.extension().is_some_and(|e| e == "cu"));
    let names = names.map(|source| source.with_extension("").display().to_string()).collect();
    Some(Emulator { library, names, handle })
}

/// All files below `folder`, relative to it, sorted.
fn sources_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).expect("kernels can be read") {
            let path = entry.expect("kernels can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below the folder").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// All kernels in one translation unit, each with what the mock driver finds it by.
fn translation_unit(folder: &Path, sources: &[PathBuf]) -> String {
    let mut text = String::from("#include \"portable.cuh\"\n");
    for source in sources.iter().filter(|source| source.extension().is_some_and(|e| e == "cu")) {
        text += &format!("#include \"{}\"\n", source.display());
        let code = std::fs::read_to_string(folder.join(source)).expect("a kernel can be read");
        for kernel in code.split("KERNEL void ").skip(1) {
            let name = kernel.split('(').next().expect("a kernel has arguments");
            text += &format!("EMULATE({name})\n");
        }
    }
    text
}

/// Names the build by all that it is made of.
fn hash_of(kernels: &Path, parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher.update(raylobe::layout::print_header().as_bytes());
    for folder in [kernels, &repository().join("tests/emulator")] {
        for source in sources_in(folder) {
            hasher.update(&std::fs::read(folder.join(source)).expect("sources can be read"));
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn compile(folder: &Path, library: &Path, kernels: &Path, text: &str, flags: &[String]) {
    // Several test binaries may build at once: each in a folder of its own, and the last one's result stays.
    let own = folder.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&own).expect("the target folder can be written");
    std::fs::write(own.join("layout.cuh"), raylobe::layout::print_header()).expect("written");
    std::fs::write(own.join("kernels.cpp"), text).expect("written");
    let built = own.join("libcuda.so");
    let output = Command::new("g++")
        .args(["-std=c++17", "-O2", "-fPIC", "-shared", "-pthread", "-ffp-contract=off", "-fvisibility=hidden"])
        .args(["-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-Wno-unused-parameter", "-x", "c++"])
        .args(flags)
        .arg("-I")
        .arg(kernels)
        .arg("-I")
        .arg(repository().join("tests/emulator"))
        .arg("-I")
        .arg(&own)
        .args([own.join("kernels.cpp"), repository().join("tests/emulator/mock_driver.cpp")])
        .args(["-Wl,-soname,libcuda.so", "-ldl", "-o"])
        .arg(&built)
        .output()
        .expect("g++ starts");
    assert!(output.status.success(), "g++ fails on the kernels:\n{}", String::from_utf8_lossy(&output.stderr));
    std::fs::create_dir_all(folder).expect("the target folder can be written");
    std::fs::rename(&built, library).expect("the target folder can be written");
    std::fs::remove_dir_all(&own).ok();
}
