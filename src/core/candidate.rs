//! What a reload would have the agent read, and what was found about it before anybody reads it.

use std::collections::BTreeSet;
use std::fmt;

use crate::core::event::Change;

/// A snapshot that was taken anew and judged, and that nobody reads yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// How it differs from what the agent reads, file by file.
    pub change: Change,
    /// What was found about it.
    pub verdict: Verdict,
}

/// What was found about a candidate. No sentence in it holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Why the agent must not read it: each a sentence with the file, the key and the fix.
    pub faults: Vec<String>,
    /// What it may read, and is hardly meant, or could not be judged: each a sentence.
    pub odd: Vec<String>,
    /// What only a restart of the agent applies: each a key with its file.
    pub restart: Vec<String>,
    /// One of them changes who the node is, or whom it can talk to, and is no matter of a restart alone.
    pub by_hand: bool,
    /// How it differs from what the agent reads, by service, check and key.
    pub news: Vec<News>,
    /// The ids of the services that it has no more, where all of it could be read.
    pub dropped: Option<BTreeSet<String>>,
}

/// Something that a candidate has and what the agent reads has not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What it is: `service`, `check` or `key`.
    pub kind: &'static str,
    /// Its id, or the key's path.
    pub name: String,
    /// What is with it: `added`, `changed` or `removed`.
    pub how: &'static str,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.name, self.how)
    }
}

/// What a reload has applied, or would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The files, in a sentence; empty where nothing was taken anew.
    pub files: String,
    /// By service, check and key.
    pub news: Vec<News>,
    /// What is odd about it, or could not be judged: each a sentence.
    pub odd: Vec<String>,
    /// What only a restart applies.
    pub restart: Vec<String>,
    /// That restart is for a person to make.
    pub by_hand: bool,
    /// Whether there was one.
    pub restarted: bool,
}

impl Applied {
    /// What comes of a candidate that is taken.
    pub(super) fn of(change: &Change, verdict: &Verdict) -> Self {
        Self {
            files: change.to_string(),
            news: verdict.news.clone(),
            odd: verdict.odd.clone(),
            restart: verdict.restart.clone(),
            by_hand: verdict.by_hand,
            restarted: false,
        }
    }

    /// What only a restart applies, if anything does and it was not made: a sentence.
    pub fn needs_restart(&self) -> Option<String> {
        let due = !self.restart.is_empty() && !self.restarted;
        let why = if self.by_hand {
            ", and that is for you to make, since it changes who the node is or whom it can talk to"
        } else {
            ""
        };
        due.then(|| {
            format!(
                "only a restart of the agent applies {}{why}",
                listed(&self.restart)
            )
        })
    }

    /// Whether anything was taken that is another.
    pub fn is_none(&self) -> bool {
        self.files.is_empty() || self.files == Change::default().to_string()
    }
}

/// The files; what is new, changed or gone; what takes a restart.
impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.files)?;
        let news: Vec<String> = self.news.iter().map(News::to_string).collect();
        if !news.is_empty() {
            write!(f, " ({})", listed(&news))?;
        }
        if self.restarted {
            return write!(f, "; the agent was restarted for {}", listed(&self.restart));
        }
        self.needs_restart()
            .map_or(Ok(()), |needs| write!(f, "; {needs}"))
    }
}

/// A list for a person, who does not read thousands.
pub(super) fn listed(items: &[String]) -> String {
    const TOLD: usize = 12;
    let told = items
        .iter()
        .take(TOLD)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match items.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_long_list_is_cut() {
        let items: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
        assert_eq!(listed(&items[..3]), "0, 1, 2");
        assert!(listed(&items).ends_with("10, 11 and 1988 more"));
    }
}
