//! How far one agent's leave is, whoever wants it: a stop, or a node that leaves as what it was first ([`crate::core::former`]). A stop
//! that comes meanwhile goes on from there.

use crate::core::Moment;
use crate::core::event::Membership;
use crate::core::leave::watch::Entry;
use crate::core::leave::way::Way;

/// What was done for a leave, and what was seen of it.
#[derive(Debug, Default)]
pub(in crate::core) struct Course {
    /// The agent said how it is, or that it does not say.
    pub(in crate::core) looked: bool,
    /// How the leave was asked for last, and when. `None` also where it is another's leave.
    pub(in crate::core) asked: Option<(Way, Moment)>,
    /// It was asked for in two ways.
    pub(in crate::core) twice: bool,
    /// What the agent said of its membership since.
    pub(in crate::core) membership: Membership,
    /// When it was last asked for it.
    pub(in crate::core) put: Moment,
    /// When it was first said to have left.
    pub(in crate::core) left: Option<Moment>,
    /// What the catalog showed of our entry.
    pub(in crate::core) entry: Entry,
    /// At which index the entry was made that was seen last.
    pub(super) created: u64,
    /// It was asked for that our entry be taken away, before it had gone by itself.
    pub(super) removed: bool,
    /// Its entry was looked for in the catalog before it was asked to leave, and there is one.
    pub(super) sought: bool,
    /// The agent was asked to tell others once more that it has left.
    pub(super) again: bool,
}

impl Course {
    /// The same for a stop, which looks at the agent itself before it asks for anything.
    pub(super) fn taken_over(self) -> Self {
        Self {
            looked: false,
            ..self
        }
    }
}
