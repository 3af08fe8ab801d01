//! lictor's plain init beside other inits, each as PID 1 of a fresh PID namespace.
//!
//! All of them are measured in the same run, one after the other, round by round, and who goes first changes: what else the
//! machine does then falls on all. The cost of namespaces is the same for all, and mostly outside of what is timed
//! (`testbed::pid1`). What they start is `testbed::probe`.

mod contenders;
mod early;
mod orphans;
mod priority;
mod resident;
mod rounds;
mod table;
mod times;

use std::fs;
use std::path::Path;
use std::thread;

use clap::ValueEnum;
use nix::unistd::Uid;

use super::Result;
use contenders::Contenders;
pub(super) use contenders::Name;
use priority::RealTime;

/// The contenders that are named.
pub(super) fn names(only: &[String]) -> Result<Vec<Name>> {
    let name = |text: &String| {
        Name::from_str(text, false).map_err(|_| format!("compare with an init {text}").into())
    };
    only.iter().map(name).collect()
}

/// Measures the contenders named, or all.
pub(super) fn run(only: &[Name], runs: usize, lictor: Option<&Path>) -> Result<()> {
    if !Uid::effective().is_root() {
        return Err("start a PID 1 without a user namespace: `bench init` needs root".into());
    }
    if runs == 0 {
        return Err("measure in 0 runs".into());
    }
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let processors = thread::available_parallelism()?;
    println!(
        "load {load} on {processors} processors; where that is much, trust only the minima of the orphans"
    );
    let contenders = Contenders::find(only, lictor)?;
    contenders.check()?;
    let quiet = RealTime::begin();
    times::run(&contenders, runs)?;
    early::run(&contenders, runs)?;
    drop(quiet);
    resident::run(&contenders)?;
    orphans::run(&contenders, runs)
}
