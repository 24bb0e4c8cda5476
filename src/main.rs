//! The `orlop` binary.

fn main() -> std::process::ExitCode {
    orlop_agent::cli::main()
}
