//! What came of a situation.

use std::time::{Duration, Instant};

use super::bystander::Joins;
use super::life::{Said, Way};
use super::look::{Look, Wanted};
use super::situation::Situation;
use super::watching::Watched;
use crate::process::Process;

/// What came of a situation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub situation: Situation,
    /// What ran the agent.
    pub way: Way,
    /// From the second life's start to one node with one id and one name whose service passes, to stay; none if that never came.
    pub settled: Option<Duration>,
    /// From the second life's start until the catalog has the node, alone or not, and its service passes, to stay; none if it does not.
    pub passing: Option<Duration>,
    /// Whether the agent has the id of its first life; none of one that never answered.
    pub id_kept: Option<bool>,
    /// What the server had in the end.
    pub end: String,
    /// For how long the catalog held more than one of the host's names.
    pub several: Duration,
    /// For how long the bystander was refused.
    pub refused: Duration,
    /// How often it was accepted.
    pub accepted: usize,
    /// What it was told when it was refused.
    pub refusal: Option<String>,
    /// What lictor said of its identity, one after the other.
    pub said: Vec<Said>,
    /// The exit code of a second life that ended.
    pub code: Option<i32>,
    /// When the second life began, or the address was back.
    pub zero: Instant,
    /// All that the second life said.
    pub log: String,
    /// All that the server said, by milliseconds since the second life's start.
    pub looks: Vec<(u128, String)>,
    /// Why it could not be run to its end, if so.
    pub trouble: Option<String>,
}

impl Outcome {
    pub(super) fn new(
        (situation, way): (&Situation, Way),
        (zero, id_kept): (Instant, Option<bool>),
        watched: Watched,
        joins: Joins,
        process: &Process,
    ) -> Self {
        let Watched {
            looks,
            said,
            wanted,
            settled,
        } = watched;
        let told = |look: &Look| ((look.at - zero).as_millis(), look.told(&wanted));
        let end = looks.last().map(|look| look.told(&wanted));
        Self {
            situation: situation.clone(),
            way,
            settled: settled.map(|at| at - zero),
            passing: passing(&looks, &wanted).map(|at| at - zero),
            id_kept,
            end: end.unwrap_or_else(|| "the server did not answer".to_owned()),
            several: several(&looks),
            refused: joins.refused,
            accepted: joins.accepted,
            refusal: joins.words,
            said,
            code: process.exit_code(Duration::ZERO).ok(),
            zero,
            log: process.log(),
            looks: looks.iter().map(told).collect(),
            trouble: None,
        }
    }

    /// The outcome of what could not be run.
    pub(super) fn troubled(situation: &Situation, way: Way, trouble: String) -> Self {
        Self {
            situation: situation.clone(),
            way,
            settled: None,
            passing: None,
            id_kept: None,
            end: String::new(),
            several: Duration::ZERO,
            refused: Duration::ZERO,
            accepted: 0,
            refusal: None,
            said: Vec::new(),
            code: None,
            zero: Instant::now(),
            log: String::new(),
            looks: Vec::new(),
            trouble: Some(trouble),
        }
    }

    /// All that is not as it must be under lictor, in words.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        if let Some(trouble) = &self.trouble {
            return vec![trouble.clone()];
        }
        let mut faults = Vec::new();
        if let Some(code) = self.code {
            faults.push(format!("it ended with exit code {code}"));
        }
        if self.settled.is_none() {
            faults.push(format!("not one node with its service: {}", self.end));
        }
        if self.situation.keeps_id && self.id_kept == Some(false) {
            faults.push("the node has another id than before".to_owned());
        }
        if self.situation.never_both && !self.several.is_zero() {
            let several = self.several.as_secs_f64();
            faults.push(format!("the catalog held both names for {several:.1} s"));
        }
        if let Some(words) = &self.refusal {
            let refused = self.refused.as_secs_f64();
            faults.push(format!(
                "the bystander was refused for {refused:.1} s: {words}"
            ));
        }
        if self.accepted == 0 {
            faults.push("the bystander was never accepted".to_owned());
        }
        match self.said.last() {
            Some(last) if last.is_held() => {}
            Some(last) => faults.push(format!("lictor does not say that it holds it: {last:?}")),
            None => faults.push("lictor says nothing of its identity".to_owned()),
        }
        faults
    }
}

/// For how long the catalog held more than one name.
fn several(looks: &[Look]) -> Duration {
    looks
        .windows(2)
        .filter(|pair| pair[0].holds_several())
        .map(|pair| pair[1].at - pair[0].at)
        .sum()
}

/// Since when the service has passed to the end.
fn passing(looks: &[Look], wanted: &Wanted) -> Option<Instant> {
    let to_the_end = looks.iter().rev().take_while(|look| look.passes(wanted));
    to_the_end.last().map(|look| look.at)
}
