//! Outcomes as tables for people.

use std::fmt::Write;

use super::outcome::Outcome;
use crate::process;

const LEGEND: &str = "\
code, time to the end; then what others saw at the end, 12 s later, 90 s later: the member state on another host (/ on the
server, where it differs), +N where the catalog has the node and N services, ? where it did not answer, ~ where the word of the
leave came only a moment later. `left` is as it should be, `left+2` a ghost.";

/// One column: what came of each situation, with a mark where it is not as it must be.
#[must_use]
pub fn table(title: &str, outcomes: &[Outcome]) -> String {
    lay_out(title, outcomes, |outcome| {
        let mark = if outcome.faults().is_empty() {
            ""
        } else {
            "  <-- WRONG"
        };
        format!("{}{mark}", cells(outcome))
    })
}

/// Two columns: each situation with lictor, and the seed's way beside it where that applies.
#[must_use]
pub fn beside(title: &str, lictor: &[Outcome], seed: &[Outcome]) -> String {
    lay_out(title, lictor, |outcome| {
        let same = |other: &&Outcome| is_same(outcome, other);
        let other = seed
            .iter()
            .find(same)
            .map_or("does not apply".to_owned(), cells);
        format!("{:42} | {other}", cells(outcome))
    })
}

/// How many ended as a leave should, of those that apply to both ways.
#[must_use]
pub fn summary(lictor: &[Outcome], seed: &[Outcome]) -> String {
    let leaving = |outcomes: &[Outcome]| {
        outcomes
            .iter()
            .filter(|outcome| outcome.situation.must_leave())
            .cloned()
            .collect::<Vec<_>>()
    };
    let clean = |outcomes: &[Outcome]| outcomes.iter().filter(|outcome| outcome.is_clean()).count();
    let (lictor, seed) = (leaving(lictor), leaving(seed));
    let both: Vec<_> = lictor
        .iter()
        .filter(|outcome| seed.iter().any(|other| is_same(outcome, other)))
        .cloned()
        .collect();
    format!(
        "left and nothing in the catalog at +12 s: lictor {} of {}, seed's way {} of {} \
         (and lictor {} of {} with those that only lictor has)",
        clean(&both),
        both.len(),
        clean(&seed),
        seed.len(),
        clean(&lictor),
        lictor.len(),
    )
}

/// All that is wrong, with what was said; nothing if all is right.
#[must_use]
pub fn failures(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let faults = outcome.faults();
        if faults.is_empty() {
            continue;
        }
        let (group, name) = (outcome.situation.group, outcome.situation.name);
        let _ = writeln!(text, "\n==== {group}: {name}");
        for line in faults.iter().chain(&outcome.notes) {
            let _ = writeln!(text, "  {}", line.trim_end());
        }
        for line in process::end_of(&outcome.log) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    (one.situation.group, one.situation.name) == (other.situation.group, other.situation.name)
}

fn lay_out(title: &str, outcomes: &[Outcome], line: impl Fn(&Outcome) -> String) -> String {
    let mut text = format!("\n{title}\n{LEGEND}\n");
    let names = outcomes
        .iter()
        .map(|outcome| outcome.situation.name.chars().count());
    let width = names.max().unwrap_or_default();
    let mut group = "";
    for outcome in outcomes {
        let situation = &outcome.situation;
        if situation.group != group {
            group = situation.group;
            let _ = writeln!(text, "\n{group}");
        }
        let _ = writeln!(
            text,
            "  {:width$}  {}",
            situation.name,
            line(outcome).trim_end()
        );
    }
    text
}

/// `  0  3.9 s  left        left        left`
fn cells(outcome: &Outcome) -> String {
    if let Some(trouble) = &outcome.trouble {
        return format!(
            "could not be run: {}",
            trouble.lines().next().unwrap_or_default()
        );
    }
    let code = outcome.code.map_or("-".to_owned(), |code| code.to_string());
    let looks: Vec<_> = outcome
        .looks
        .iter()
        .map(|look| format!("{look:9}"))
        .collect();
    format!(
        "{code:>3} {:5.1} s  {}",
        outcome.took.as_secs_f64(),
        looks.join(" ")
    )
}
