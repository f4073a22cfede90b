//! The program `raylobe`: see [`raylobe::cli`].

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    raylobe::cli::main()
}
