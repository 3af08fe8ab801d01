//! What others see of a node, and what they should.

use std::fmt;
use std::time::Duration;

/// What is not told apart from at once.
const MOMENT: Duration = Duration::from_millis(200);

/// What was seen of a node at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// Its member state on an agent on another host.
    pub observer: String,
    /// Its member state on the server.
    pub server: String,
    /// For how long the word of its leave was waited for, where it was.
    pub waited: Duration,
    /// Whether all had time to hear of it: a member that missed the word is told at the next full exchange, half a minute later.
    pub late: bool,
    /// What the server's catalog holds under its name.
    pub catalog: Entry,
}

/// What a catalog holds under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Nothing,
    /// A node.
    Node {
        /// Its services' ids.
        services: Vec<String>,
        /// The status of `serfHealth`, which a ghost does not have.
        serf_health: Option<String>,
    },
    /// The catalog did not answer.
    Unreadable,
}

/// What must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// `left`, and nothing in the catalog.
    Left,
    /// `left` or still `leaving`, and nothing in the catalog.
    Leaving,
    /// The same as `Left`, or never a member at all.
    Gone,
    /// `left`; the catalog cannot be asked.
    MemberLeft,
    /// `left`, and nothing in the catalog but what the agent's last synchronisation has put there once more, which has no `serfHealth`.
    LeftOrGhost,
    /// Nobody heard of the leave: it is known to have failed once that was noticed, and not passing.
    Failed,
    /// Nothing in particular.
    Anything,
    /// It stays in the catalog, with its services.
    Kept,
}

impl View {
    pub(super) fn holds(self, look: &Look) -> bool {
        let nothing = look.catalog == Entry::Nothing;
        let both = |states: &[&str]| {
            let good = |state: &String| states.contains(&state.as_str());
            good(&look.observer) && good(&look.server)
        };
        match self {
            Self::Left => look.has_left() && nothing,
            Self::Leaving => {
                let told = |state: &String| ["leaving", "left"].contains(&state.as_str());
                (told(&look.observer) || told(&look.server)) && nothing
            }
            Self::Gone => (look.has_left() || both(&["left", "none"])) && nothing,
            Self::MemberLeft => look.has_left(),
            Self::LeftOrGhost => {
                let ghost = matches!(
                    &look.catalog,
                    Entry::Node {
                        serf_health: None,
                        ..
                    }
                );
                look.has_left() && (nothing || ghost)
            }
            Self::Failed => {
                let passing = matches!(&look.catalog, Entry::Node { serf_health, .. }
                    if serf_health.as_deref() != Some("critical"));
                both(&["failed", "left", "none"]) && !passing
            }
            Self::Anything => true,
            Self::Kept => {
                matches!(&look.catalog, Entry::Node { services, .. } if !services.is_empty())
                    && both(&["alive", "failed"])
            }
        }
    }

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Left => "left, and nothing in the catalog",
            Self::Leaving => "left or leaving, and nothing in the catalog",
            Self::Gone => "left or never there, and nothing in the catalog",
            Self::MemberLeft => "left",
            Self::LeftOrGhost => "left, and nothing in the catalog but a ghost",
            Self::Failed => "failed, and not passing in the catalog",
            Self::Anything => "anything",
            Self::Kept => "alive or failed, and its services in the catalog",
        }
    }
}

impl Look {
    /// Whether it is known to have left.
    pub(super) fn has_left(&self) -> bool {
        let (observer, server) = (self.observer == "left", self.server == "left");
        match self.late {
            true => observer && server,
            false => observer || server,
        }
    }
}

/// `left`, `alive+2`, `leaving/alive+0`: the member state as the other host sees it (and the server, where that differs), and
/// the number of services if the catalog has the node. `left~` came to be only a moment after the end.
impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.observer.clone();
        if self.server != self.observer {
            text = format!("{text}/{}", self.server);
        }
        match &self.catalog {
            Entry::Nothing => {}
            Entry::Node { services, .. } => text = format!("{text}+{}", services.len()),
            Entry::Unreadable => text.push('?'),
        }
        if self.has_left() && self.waited > MOMENT {
            text.push('~');
        }
        f.pad(&text)
    }
}
