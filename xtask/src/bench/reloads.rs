//! What a reload does to a node's seven services, fragment by fragment: to those of a bare agent, under lictor with
//! `lictor reload`, with a `consul reload` behind its back, and with both at once; beside what `consul validate` and
//! `lictor check` say.

mod summary;
mod table;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use testbed::consul::Version;
use testbed::reloads::{self, Candidate, Row, Trial, Way};

use super::Result;

/// Bare agents at a time; more would only wait for one another on a machine with few processors.
const BARE: usize = 4;
/// Nodes under lictor at a time, for each way. Most of the time they only wait for the 5 s to pass.
const NODES: usize = 4;
/// Where the logs of nodes are kept that have lost something.
const LOGS: &str = "target/bench/reloads";

/// What became of all fragments, each list in the order of the table.
struct All {
    rows: Vec<Row>,
    trials: Vec<Trial>,
}

impl All {
    fn of(&self, way: Way) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(move |trial| trial.way == way)
    }
}

/// How a way is told.
fn name(way: Way) -> &'static str {
    match way {
        Way::Lictor => "lictor",
        Way::Consul => "behind its back",
        Way::Both => "both at once",
    }
}

/// Tries the fragments with one of `patterns` in their name, or all, and `limit` of those at most; prints the table and its summary.
pub(super) fn run(
    version: Version,
    lictor: &Path,
    patterns: &[String],
    limit: Option<usize>,
) -> Result<()> {
    // Hosts have another working directory.
    let lictor = &lictor.canonicalize()?;
    let candidates = reloads::choose(patterns, limit);
    if candidates.is_empty() {
        return Err(format!("find a fragment with {} in its name", patterns.join(" or ")).into());
    }
    println!(
        "\nreloads with Consul {version}: {} fragments",
        candidates.len()
    );
    let progress = Progress::of(candidates.len());
    let rows = reloads::run(version, Some(lictor), &candidates, BARE, &|row| {
        progress.step(&format!("bare: {}: {}", row.candidate.name, row.census()));
    })?;
    let progress = Progress::of(Way::ALL.len() * candidates.len());
    // What was seen is told even where a node could not be had again.
    let trials = Mutex::new(Vec::new());
    let ended = reloads::under_lictor(version, lictor, &candidates, NODES, &|trial| {
        progress.step(&table::progress(trial));
        keep_log(trial);
        trials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(trial.clone());
    });
    let mut trials = trials.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place = |trial: &Trial| {
        candidates
            .iter()
            .position(|one| one.name == trial.candidate.name)
    };
    trials.sort_by_key(place);
    let all = All { rows, trials };
    table::print(&all);
    summary::print(version, &all);
    ended?;
    Ok(())
}

/// Keeps what lictor and the agent said where something was lost.
fn keep_log(trial: &Trial) {
    if trial.is_good() {
        return;
    }
    let words: String = trial
        .candidate
        .name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let path = format!("{LOGS}/{}-{:?}-{words}.log", trial.version, trial.way);
    let Candidate {
        name, file, text, ..
    } = trial.candidate;
    let text = format!(
        "{name}: {file}: {text}\n{}\nin agent/in catalog/passing: {}\nafterwards: {}\n\n{}",
        trial.said.text,
        trial.seen,
        trial.after.as_deref().unwrap_or("whole again"),
        trial.log
    );
    let written = fs::create_dir_all(LOGS).and_then(|()| fs::write(&path, text));
    match written {
        Ok(()) => println!("    its log: {path}"),
        Err(error) => println!("    its log could not be kept in {path}: {error}"),
    }
}

/// Counts what is done.
struct Progress {
    done: AtomicUsize,
    all: usize,
}

impl Progress {
    fn of(all: usize) -> Self {
        Self {
            done: AtomicUsize::new(0),
            all,
        }
    }

    fn step(&self, what: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        println!("  {done:3} of {} {what}", self.all);
    }
}
