//! What came of a situation.

use std::time::{Duration, Instant};

use super::situation::Situation;
use super::view::{Look, View};

/// What came of a situation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub situation: Situation,
    /// The exit code, 128 + signal included; none of what never ended.
    pub code: Option<i32>,
    /// From the moment at which the situation began to the end.
    pub took: Duration,
    /// What was seen at the end, 12 s and 90 s after it.
    pub looks: Vec<Look>,
    /// The exit codes that those got who asked lictor.
    pub answers: Vec<Option<i32>>,
    /// What else was seen.
    pub notes: Vec<String>,
    /// All that the process said.
    pub log: String,
    /// Why it could not be run to its end, if so.
    pub trouble: Option<String>,
    pub(super) ended: Instant,
}

impl Outcome {
    pub(super) fn new(
        situation: &Situation,
        code: Option<i32>,
        began: Instant,
        ended: Instant,
        first: Look,
    ) -> Self {
        Self {
            situation: situation.clone(),
            code,
            took: ended - began,
            looks: vec![first],
            answers: Vec::new(),
            notes: Vec::new(),
            log: String::new(),
            trouble: None,
            ended,
        }
    }

    /// The outcome of what could not be run.
    pub(super) fn troubled(situation: &Situation, trouble: String) -> Self {
        let now = Instant::now();
        Self {
            situation: situation.clone(),
            code: None,
            took: Duration::ZERO,
            looks: Vec::new(),
            answers: Vec::new(),
            notes: Vec::new(),
            log: String::new(),
            trouble: Some(trouble),
            ended: now,
        }
    }

    /// All that is not as it must be with lictor, in words.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        if let Some(trouble) = &self.trouble {
            return vec![trouble.clone()];
        }
        let right = self.situation.codes;
        let code = |code: Option<i32>| code.map_or("none".to_owned(), |code| code.to_string());
        let mut faults = Vec::new();
        if !self.code.is_some_and(|code| right.contains(&code)) {
            faults.push(format!("exit code {}, not {right:?}", code(self.code)));
        }
        for answer in self.answers.iter().filter(|answer| **answer != self.code) {
            let (answer, end) = (code(*answer), code(self.code));
            faults.push(format!(
                "somebody who asked lictor got {answer}, and lictor ended with {end}"
            ));
        }
        let moments = ["at the end", "12 s later", "90 s later"];
        for ((look, view), moment) in self.looks.iter().zip(self.situation.views).zip(moments) {
            if !view.holds(look) {
                let catalog = &look.catalog;
                faults.push(format!(
                    "{moment}: {look}, not {} ({catalog:?})",
                    view.told()
                ));
            }
        }
        faults
    }

    /// Whether it was `left`, or never there, with nothing in the catalog 12 s later.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.looks.get(1).is_some_and(|look| View::Gone.holds(look))
    }
}
