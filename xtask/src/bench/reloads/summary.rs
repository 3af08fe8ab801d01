//! The sums: how often all seven were there, how the reloads went, and for how long the catalog was short.

use std::collections::BTreeMap;
use std::time::Duration;

use testbed::consul::Version;
use testbed::reloads::{Outcome, Row, Trial};

use super::All;
use crate::bench::figures::Durations;

pub(super) fn print(version: Version, all: &All) {
    println!("\nConsul {version}: all 7 in agent and catalog, and passing, 5 s later");
    let broken: Vec<&str> = all
        .rows
        .iter()
        .filter(|row| row.valid() && row.harms())
        .map(|row| row.candidate.name)
        .collect();
    let is_broken = |name: &str| broken.contains(&name);
    let bare = |row: &Row| (row.candidate.name, row.census().is_whole());
    let under = |trial: &Trial| (trial.candidate.name, trial.seen.is_whole());
    for (what, seen) in [
        ("lictor", all.lictor.iter().map(under).collect::<Vec<_>>()),
        (
            "lictor, behind its back",
            all.consul.iter().map(under).collect(),
        ),
        ("bare agent", all.rows.iter().map(bare).collect()),
    ] {
        let whole = |all: &[&(&str, bool)]| all.iter().filter(|(_, whole)| *whole).count();
        let every: Vec<_> = seen.iter().collect();
        let harmful: Vec<_> = seen.iter().filter(|(name, _)| is_broken(name)).collect();
        println!(
            "  {what:24} {} of {}; of those that validate takes and that do harm {} of {}",
            whole(&every),
            every.len(),
            whole(&harmful),
            harmful.len()
        );
    }
    outcomes(&all.lictor);
    for (what, trials) in [("lictor", &all.lictor), ("behind its back", &all.consul)] {
        let not: Vec<&str> = trials
            .iter()
            .filter(|trial| trial.after.is_some())
            .map(|trial| trial.candidate.name)
            .collect();
        println!(
            "not whole after the fragment was removed, {what}: {} {}",
            not.len(),
            not.join(", ")
        );
    }
}

/// How `lictor reload` went, and the catalog with each.
fn outcomes(trials: &[Trial]) {
    let mut by_outcome: BTreeMap<Outcome, Vec<&Trial>> = BTreeMap::new();
    for trial in trials {
        let outcome = trial.outcome().unwrap_or(Outcome::Other);
        by_outcome.entry(outcome).or_default().push(trial);
    }
    println!(
        "`lictor reload` said, and how long the catalog lacked a service, or had a check that no longer passed:"
    );
    for (outcome, trials) in by_outcome {
        println!(
            "  {:12} {:3}; lacked {}; critical {}",
            outcome.name(),
            trials.len(),
            told(trials.iter().map(|trial| trial.short)),
            told(trials.iter().map(|trial| trial.critical))
        );
    }
}

/// Those that are not nothing, and how many are.
fn told(durations: impl Iterator<Item = Duration>) -> String {
    let (none, some): (Vec<_>, Vec<_>) = durations.partition(Duration::is_zero);
    match some.is_empty() {
        true => "never".to_owned(),
        false => format!(
            "{} times not, else {}",
            none.len(),
            some.into_iter().collect::<Durations>()
        ),
    }
}
