//! What becomes of a candidate, and of the seven services, under `lictor run`.

use std::time::Duration;

use super::field::{self, Field, Service, without};
use super::{Candidate, SERVICES, Said};
use crate::agent::Api;
use crate::consul::Version;

/// Who asks for the reload, right after the edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `lictor reload`.
    Lictor,
    /// `consul reload`, by the agent's own binary: behind lictor's back.
    Consul,
    /// `lictor reload`, and as long as it runs the agent's API is asked again and again for what `consul reload` asks for.
    Both,
}

impl Way {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Lictor, Self::Consul, Self::Both];
}

/// How `lictor reload` said that it went, by the first word that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The agent reads the candidate.
    Reloaded,
    /// Nothing was to do.
    Unchanged,
    /// The candidate was refused before the agent saw anything of it.
    Rejected,
    /// The agent saw it, and has again what it had.
    RolledBack,
    /// It did not work, and there was no way back.
    Failed,
    /// Words that this test bed does not know.
    Other,
}

impl Outcome {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] = [
        Self::Reloaded,
        Self::Unchanged,
        Self::Rejected,
        Self::RolledBack,
        Self::Failed,
        Self::Other,
    ];

    /// As lictor says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reloaded => "reloaded",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }

    /// That of what `lictor reload` printed.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let message = message(text);
        let said = |outcome: &Self| message.starts_with(outcome.name());
        Self::ALL.into_iter().find(said).unwrap_or(Self::Other)
    }
}

/// What `lictor reload` said, without the words that say who says it.
#[must_use]
pub fn message(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("lictor: ").unwrap_or(text);
    text.strip_prefix("reload ").unwrap_or(text)
}

/// Which of [`SERVICES`] are not where they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Those that the agent does not have.
    pub not_in_agent: Vec<&'static str>,
    /// Those that the server's catalog does not have.
    pub not_in_catalog: Vec<&'static str>,
    /// Those that do not pass there, or are another service than they were.
    pub not_passing: Vec<&'static str>,
}

impl Census {
    /// Whether all seven are there and pass.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.not_in_agent.is_empty() && self.not_passing.is_empty()
    }

    /// Looks at the agent and at the server. Who does not answer has nothing.
    pub(super) fn take(field: &Field, agent: &Api, node: &str) -> Self {
        let agent = field::local(agent).unwrap_or_default();
        let catalog = field.catalog(node).unwrap_or_default();
        Self {
            not_in_agent: without(&agent, |_| true),
            not_in_catalog: without(&catalog, |_| true),
            not_passing: without(&catalog, Service::is_well),
        }
    }
}

impl std::fmt::Display for Census {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let there = |not: &[&str]| SERVICES.len() - not.len();
        write!(
            formatter,
            "{}/{}/{}",
            there(&self.not_in_agent),
            there(&self.not_in_catalog),
            there(&self.not_passing)
        )?;
        let mut not: Vec<_> = self.not_in_agent.iter().chain(&self.not_passing).collect();
        not.sort();
        not.dedup();
        if (1..SERVICES.len()).contains(&not.len()) {
            write!(formatter, " not")?;
        }
        for id in not.iter().filter(|_| not.len() < SERVICES.len()) {
            write!(formatter, " {id}")?;
        }
        Ok(())
    }
}

/// What became of one candidate under `lictor run`.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Which.
    pub candidate: &'static Candidate,
    /// Which Consul.
    pub version: Version,
    /// Who asked for the reload.
    pub way: Way,
    /// What `lictor reload` or `consul reload` said.
    pub said: Said,
    /// The seven services 5 s later.
    pub seen: Census,
    /// Why `ConfigGood` was not True then, by its reason.
    pub condition: Option<String>,
    /// For how long the catalog lacked at least one of them.
    pub short: Duration,
    /// For how long at least one check that passed before was there and did not pass.
    pub critical: Duration,
    /// How many times the agent was started again meanwhile.
    pub restarts: u64,
    /// What was not right again after the candidate was removed and `lictor reload` run.
    pub after: Option<String>,
    /// What lictor and the agent said from the edit on.
    pub log: String,
}

impl Trial {
    /// How `lictor reload` said that it went.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        (self.way != Way::Consul).then(|| Outcome::of(&self.said.text))
    }

    /// Whether a service was lost, or anything else went wrong of which the log is worth to be kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let odd = matches!(self.outcome(), Some(Outcome::Failed | Outcome::Other));
        self.seen.is_whole() && self.after.is_none() && self.restarts == 0 && !odd
    }
}

#[cfg(test)]
mod tests {
    use super::{Census, Outcome, message};

    #[test]
    fn an_outcome_is_the_first_word_that_matters() {
        for (text, outcome) in [
            ("reloaded\n", Outcome::Reloaded),
            ("unchanged", Outcome::Unchanged),
            ("lictor: reload rolled back: 500 no", Outcome::RolledBack),
            (
                "lictor: reload rejected: m.json: ca_file",
                Outcome::Rejected,
            ),
            ("lictor: failed to ask", Outcome::Failed),
            ("told the agent by SIGHUP", Outcome::Other),
            ("", Outcome::Other),
        ] {
            assert_eq!(Outcome::of(text), outcome, "{text}");
        }
        assert_eq!(message("lictor: reload rejected: why\n"), "rejected: why");
    }

    #[test]
    fn a_census_names_what_is_missing() {
        let census = |agent: &[&'static str], catalog: &[&'static str]| Census {
            not_in_agent: agent.to_vec(),
            not_in_catalog: catalog.to_vec(),
            not_passing: catalog.to_vec(),
        };
        assert_eq!(census(&[], &[]).to_string(), "7/7/7");
        assert_eq!(
            census(&["s4"], &["s4", "api1"]).to_string(),
            "6/5/5 not api1 s4"
        );
        assert!(census(&[], &[]).is_whole());
        assert!(!census(&[], &["s1"]).is_whole());
    }
}
