//! Outcomes as tables for people, in Markdown.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::life::Said;
use super::namesake::{Namesake, Party};
use super::outcome::Outcome;
use crate::process;

const LEGEND: &str = "\
One node: in the end the catalog has one node of the host and no other, with its agent's own id, name and address and its one
service, and the members have one that has not left; in brackets when that came to be so, if later than the next. Passing: from the
second life's start (or the address's return) until `consul-members` passes under the right node, to stay. Refused: for how long a
bystander was not let join, who starts again at that moment and then asks twice a second.";

/// Each situation with a bare agent and under lictor, the runs of each side by side.
#[must_use]
pub fn beside(title: &str, bare: &[Outcome], lictor: &[Outcome]) -> String {
    let mut text = format!("\n### {title}\n\n{LEGEND}\n\n");
    let _ = writeln!(
        text,
        "| what happened | bare: one node | id | passing | refused | lictor: one node | id | passing | refused | IdentityHeld |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    );
    let mut names: Vec<_> = lictor.iter().map(|one| one.situation.name).collect();
    names.dedup();
    for name in names {
        let of = |all: &[Outcome]| -> Vec<Outcome> {
            let same = all.iter().filter(|one| one.situation.name == name);
            same.cloned().collect()
        };
        let (bare, lictor) = (of(bare), of(lictor));
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} |",
            cells(&bare),
            cells(&lictor),
            words(&lictor)
        );
    }
    text
}

/// Four cells of all runs of a situation.
fn cells(runs: &[Outcome]) -> String {
    if runs.is_empty() {
        return "does not apply | | |".to_owned();
    }
    let each = |cell: &dyn Fn(&Outcome) -> String| {
        let mut cells: Vec<_> = runs.iter().map(cell).collect();
        cells.dedup();
        cells.join("; ")
    };
    [
        each(&one_node),
        each(&|run| match run.id_kept {
            None => String::new(),
            Some(true) => "kept".to_owned(),
            Some(false) => "new".to_owned(),
        }),
        each(&|run| match (&run.trouble, run.passing) {
            (Some(_), _) => String::new(),
            (_, Some(after)) => seconds(after),
            (_, None) => "never".to_owned(),
        }),
        each(&|run| match run.refusal {
            Some(_) => seconds(run.refused),
            None => "-".to_owned(),
        }),
    ]
    .join(" | ")
}

fn one_node(run: &Outcome) -> String {
    match (&run.trouble, run.code, run.settled) {
        (Some(trouble), _, _) => format!(
            "not run: {}",
            trouble.lines().next().unwrap_or_default().replace('|', "/")
        ),
        (_, Some(code), _) => format!("**no: exit {code}**, {}", run.end),
        (_, _, Some(at)) => match run.passing {
            Some(passing) if passing < at => format!("yes ({})", seconds(at)),
            _ => "yes".to_owned(),
        },
        (_, _, None) => format!("**no**: {}", run.end),
    }
}

/// What lictor said in each run: `Starting, Held`.
fn words(runs: &[Outcome]) -> String {
    let mut words: Vec<_> = runs
        .iter()
        .map(|run| sequence(&run.said, run.zero))
        .collect();
    words.dedup();
    words.join("; ")
}

/// `Unknown NotYet, True Held at 2 s`, in whole seconds: it is asked once a second.
fn sequence(said: &[Said], zero: Instant) -> String {
    let words: Vec<_> = said
        .iter()
        .map(|said| {
            let at = said.at.saturating_duration_since(zero).as_secs_f64();
            match at < 1.0 {
                true => format!("{} {}", said.status, said.reason),
                false => format!("{} {} at {at:.0} s", said.status, said.reason),
            }
        })
        .collect();
    words.join(", ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// All that is wrong under lictor, with what was seen and said; nothing if all is right.
#[must_use]
pub fn failures(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let faults = outcome.faults();
        if faults.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n==== {}", outcome.situation.name);
        for fault in faults {
            let _ = writeln!(text, "  {fault}");
        }
        for said in &outcome.said {
            let at = said.at.saturating_duration_since(outcome.zero).as_millis();
            let (status, reason, message) = (&said.status, &said.reason, &said.message);
            let _ = writeln!(
                text,
                "  {at:6} ms IdentityHeld={status} {reason}: {message}"
            );
        }
        for (at, look) in &outcome.looks {
            let _ = writeln!(text, "  {at:6} ms {look}");
        }
        let _ = writeln!(text, "{}", process::end_of(&outcome.log).join("\n"));
    }
    text
}

/// Meetings of two hosts of one name, with what was wrong under lictor.
#[must_use]
pub fn namesakes<E: std::fmt::Display>(title: &str, met: &[Result<Namesake, E>]) -> String {
    let mut text = format!("\n### {title}\n\n");
    let _ = writeln!(
        text,
        "| run | who has the name | the catalog's holders meanwhile | the first | the newcomer | the newcomer has it after the first's leave |\n\
         |---|---|---|---|---|---|"
    );
    for (run, met) in (1..).zip(met) {
        let met = match met {
            Ok(met) => met,
            Err(error) => {
                let first = error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let _ = writeln!(text, "| {run} | not run: {first} | | | | |");
                continue;
            }
        };
        let after = met
            .inherited
            .map_or_else(|| format!("never: {}", met.end), seconds);
        let winner = met.winner.as_deref().unwrap_or("nobody");
        let holders = met.holders.join(", then ");
        let (first, second) = (party(&met.first, met.zero), party(&met.second, met.zero));
        let _ = writeln!(
            text,
            "| {run} | {winner} | {holders} | {first} | {second} | {after} |"
        );
    }
    text
}

/// What one of the two was and said at the end of the meeting.
fn party(party: &Party, zero: Instant) -> String {
    let takes_part = match party.listens {
        true => "a member",
        false => "**no member any more**",
    };
    let ready = match party.ready {
        true => "ready",
        false => "not ready",
    };
    let last = party.said.last().map(|said| {
        format!(
            "; {}: {}",
            sequence(&party.said, zero),
            said.message.replace('|', "/")
        )
    });
    let quit = party
        .log
        .lines()
        .find(|line| line.contains("name conflict resolution") && line.contains("minority"));
    let quit = quit.and_then(|line| line.split("serf: ").nth(1));
    let quit = quit.map(|words| format!("; its agent: {words}"));
    let text = |words: Option<String>| words.unwrap_or_default();
    format!("{takes_part}, {ready}{}{}", text(last), text(quit))
}
