//! What is left to do after a healing, since the servers do it late or never.
//!
//! A node that was registered anew has no `serfHealth` until the leader's next round, up to a minute, and until then its services pass
//! whatever happens to its host. So it is written for it, as the leader would: only for a node that is ours, and has none. And the members keep
//! a name that has failed for three days. Whoever had our address and port and another name can be told to have left.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Level, Question};
use crate::core::event::{NodeView, Refusal};
use crate::core::machine::Machine;
use crate::core::timers::Timer;
use crate::core::twins::by_hand::force_leave;
use crate::core::twins::heal::{HOUR, IN_AN_HOUR, SAME};
use crate::core::twins::{AGAIN, AGREE, Twins};

/// So long after a healing the leader has made its round.
const ROUND: Duration = Duration::from_secs(75);

/// What is known of that.
#[derive(Debug, Default)]
pub(super) struct After {
    /// Our name was freed then, and our entry was not seen with its `serfHealth` since.
    bare: Option<Moment>,
    /// A name that was taken out of the catalog, whose member is to be looked at.
    parts: Option<String>,
    /// One that is being told to have left.
    parting: Option<String>,
    /// Those that were, and when.
    parted: Vec<(String, Moment)>,
}

impl After {
    pub(super) fn forget(&mut self) {
        self.parting = None;
    }

    pub(super) fn parts(&self) -> Option<&String> {
        self.parts.as_ref()
    }

    fn may_part(&self, name: &str, now: Moment) -> bool {
        let ago = |at: Moment| now.saturating_sub(at);
        let same = |(one, at): &(String, Moment)| one == name && ago(*at) < SAME;
        let lately = self.parted.iter().filter(|(_, at)| ago(*at) < HOUR).count();
        self.parting.is_none() && lately < IN_AN_HOUR && !self.parted.iter().any(same)
    }
}

impl Twins {
    /// Whether the answer to a force-leave is to be one of another name.
    pub(in crate::core) fn is_parting(&self) -> bool {
        self.after.parting.is_some()
    }
}

impl Machine {
    /// A twin of this name was taken out of the catalog.
    pub(super) fn healed(&mut self, name: String) {
        if name == self.facts.node_name {
            self.twins.after.bare = Some(self.now);
            // A young agent registers itself within seconds.
            self.timers.set(Timer::Ask, self.now + AGREE);
            return self.register_soon();
        }
        self.twins.after.parts = Some(name);
        self.timers.set(Timer::Identity, self.now + AGREE);
    }

    /// Our own entry is in the catalog: whether the servers watch over it is looked at after a healing.
    pub(super) fn look_at_health(&mut self) {
        let after = &mut self.twins.after;
        after.bare = after.bare.filter(|at| self.now.saturating_sub(*at) < ROUND);
        if after.bare.is_some() {
            self.look_at(self.facts.node_name.clone());
        }
    }

    /// A name is nobody's, or our own.
    pub(super) fn no_twin_seen(&mut self, name: &str, view: &NodeView) {
        self.twins.found.remove(name);
        self.twins.in_vain = 0;
        if name != self.facts.node_name {
            self.tell_left(name, view);
            return self.conclude();
        }
        if self.twins.after.bare.is_none() || !view.entry.present {
            // The next read of our own entry says so.
            return self.timers.set(Timer::Ask, self.now + AGREE);
        }
        let alive = view
            .member
            .as_ref()
            .is_some_and(|it| self.us().is_alive(it));
        if view.serf.is_some() {
            self.vouched(Ok(false));
        } else if alive && self.config.heals {
            self.ask(Question::Vouch {
                node: name.to_owned(),
            });
        } else {
            self.timers.set(Timer::Ask, self.now + AGAIN);
        }
    }

    /// What came of writing our `serfHealth`.
    pub(in crate::core) fn vouched(&mut self, result: Result<bool, Refusal>) {
        self.twins.after.bare = None;
        let check = format!(
            "the servers' check of {} (serfHealth)",
            self.facts.node_name
        );
        let text = match result {
            Ok(true) => format!("wrote {check}, which the leader does in its round of the minute"),
            Ok(false) => format!("{check} is there"),
            Err(refusal) => {
                format!("{check} comes with the leader's round of the minute: {refusal}")
            }
        };
        self.say(Level::Info, text);
    }

    /// Has the members take a name for left that is not in the catalog, and was at our own place.
    fn tell_left(&mut self, name: &str, view: &NodeView) {
        self.twins.after.parts.take_if(|one| one == name);
        let failed = view
            .member
            .as_ref()
            .is_some_and(|it| self.us().is_succeeded(it));
        let may = self.config.heals && self.twins.after.may_part(name, self.now);
        if view.entry.present || !failed || !may {
            return;
        }
        let after = &mut self.twins.after;
        after
            .parted
            .retain(|(_, at)| self.now.saturating_sub(*at) < HOUR);
        after.parted.push((name.to_owned(), self.now));
        after.parting = Some(name.to_owned());
        self.ask(Question::ForceLeave {
            node: name.to_owned(),
        });
    }

    /// What came of it.
    pub(in crate::core) fn name_left(&mut self, result: Result<(), Refusal>) {
        let Some(name) = self.twins.after.parting.take() else {
            return;
        };
        match result {
            Ok(()) => self.say(
                Level::Info,
                format!(
                    "told the members that {name}, which was at our address before, has left (force-leave)"
                ),
            ),
            Err(refusal) => self.say(
                Level::Warn,
                format!(
                    "the members keep {name}, which was at our address before, as failed for up to 72 h: {refusal}; an operator can: {}",
                    force_leave(&name, &self.facts)
                ),
            ),
        }
    }
}
