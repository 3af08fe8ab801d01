//! The sums: how often all seven were there, how the reloads went, and for how long the catalog was short.

use std::collections::BTreeMap;
use std::time::Duration;

use testbed::consul::Version;
use testbed::reloads::{Outcome, Row, Trial, Way};

use super::{All, name};
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
    let mut sides = vec![("bare agent", all.rows.iter().map(bare).collect::<Vec<_>>())];
    sides.extend(Way::ALL.map(|way| (name(way), all.of(way).map(under).collect())));
    for (what, seen) in sides {
        let whole = |all: &[&(&str, bool)]| all.iter().filter(|(_, whole)| *whole).count();
        let every: Vec<_> = seen.iter().collect();
        let harmful: Vec<_> = seen.iter().filter(|(name, _)| is_broken(name)).collect();
        println!(
            "  {what:16} {} of {}; of those that validate takes and that do harm {} of {}",
            whole(&every),
            every.len(),
            whole(&harmful),
            harmful.len()
        );
    }
    for way in [Way::Lictor, Way::Both] {
        println!(
            "`lictor reload` said, {}, and how long the catalog lacked a service, or had a check that no longer passed:",
            name(way)
        );
        outcomes(all.of(way));
        let harmless = |trial: &&Trial| {
            let row = |row: &&Row| row.candidate.name == trial.candidate.name;
            let row = all.rows.iter().find(row);
            row.is_some_and(|row| row.reload.0 == 200 && row.census().is_whole())
        };
        let refused =
            |trial: &&Trial| matches!(trial.outcome(), Some(Outcome::RolledBack | Outcome::Failed));
        let names: Vec<_> = all
            .of(way)
            .filter(harmless)
            .filter(refused)
            .map(|trial| trial.candidate.name)
            .collect();
        println!(
            "  rolled back or failed although a bare agent loads it: {} {}",
            names.len(),
            names.join(", ")
        );
    }
    for way in Way::ALL {
        let not: Vec<&str> = all
            .of(way)
            .filter(|trial| trial.after.is_some())
            .map(|trial| trial.candidate.name)
            .collect();
        println!(
            "not whole after the fragment was removed, {}: {} {}",
            name(way),
            not.len(),
            not.join(", ")
        );
    }
}

/// How `lictor reload` went, and the catalog with each.
fn outcomes<'a>(trials: impl Iterator<Item = &'a Trial>) {
    let mut by_outcome: BTreeMap<Outcome, Vec<&Trial>> = BTreeMap::new();
    for trial in trials {
        let outcome = trial.outcome().unwrap_or(Outcome::Other);
        by_outcome.entry(outcome).or_default().push(trial);
    }
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
