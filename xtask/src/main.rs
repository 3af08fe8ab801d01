//! The project's tasks: `cargo xtask <task>`.

mod bench;
mod consul;
mod demo;
mod dist;
mod e2e;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "The project's tasks", bin_name = "cargo xtask")]
struct Tasks {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows lictor at work: a Consul server and an agent under lictor, on loopback only.
    Demo(demo::Args),
    /// Measures lictor beside a bare agent, and beside other inits: start, stop, memory, idle, early signals.
    Bench(bench::Args),
    /// Builds the static release binary, target/dist/lictor.
    Dist,
    /// Tries the whole thing out: images, a real Docker engine, a real Kubernetes, real Consul.
    E2e(e2e::Args),
}

fn main() -> ExitCode {
    let result: Result<(), Box<dyn std::error::Error>> = match Tasks::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Dist => dist::run().map_err(Into::into),
        Task::E2e(args) => e2e::run(&args).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: failed to {error}");
            ExitCode::FAILURE
        }
    }
}
