//! Our entry in the catalog during a leave: it goes, and has to stay gone as long as the agent answers.

use std::time::Duration;

use crate::core::action::{Level, Question};
use crate::core::event::{CatalogNode, Refusal};
use crate::core::leave::Step;
use crate::core::machine::{Machine, seconds};
use crate::core::timers::Timer;

/// How long a blocking query on our own entry waits while the agent leaves. Short, because Consul 1.8 does not wake it
/// when the entry goes; newer versions do, at once.
pub(super) const CHANGE: Duration = Duration::from_millis(150);
/// Servers take an entry away some 0.4 s after they have heard of the leave, and 1.5 s after it under load. One that is there so
/// long after the agent has told everybody is taken away by us, as long as the agent still answers (3 s after its word); whether
/// anybody has heard of the leave is then not known.
const OVERDUE: Duration = Duration::from_millis(2500);

/// Our entry in the catalog during a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::core) enum Entry {
    /// Not looked at yet.
    #[default]
    Unseen,
    /// It is there.
    There,
    /// It is not there, and as far as we know never was: a young agent's.
    Absent,
    /// It was there, and then was not.
    Gone,
    /// It was gone, or not there, and has come (back) after the agent had left.
    Back,
}

impl Machine {
    pub(super) fn watch_entry(&mut self, index: Option<u64>) {
        self.ask(Question::Catalog {
            node: self.facts.node_name.clone(),
            change: index.map(|index| (index, CHANGE)),
        });
    }

    /// What the catalog holds under our name while the agent leaves.
    pub(in crate::core) fn leave_watched(&mut self, result: Result<CatalogNode, Refusal>) {
        match self.stop.as_ref().map(|stop| stop.step) {
            Some(Step::Watch) => {}
            Some(Step::Look) => return self.entry_sought(result),
            Some(Step::Drain) | None => return,
        }
        match result {
            Ok(node) => {
                self.entry_seen(&node);
                // Without an index there is nothing to wait for, and asking in a circle would be a load on the servers.
                if node.index > 0 {
                    return self.watch_entry(Some(node.index));
                }
                self.timers.set(Timer::Ask, self.now + CHANGE);
            }
            // Never ours to ask.
            Err(Refusal::Denied(_)) => {
                if let Some(stop) = &mut self.stop {
                    stop.denied = true;
                }
            }
            // The agent's API is closing down, or is not up again yet. What was seen last is what is known.
            Err(_) => self.timers.set(Timer::Ask, self.now + CHANGE),
        }
    }

    fn entry_seen(&mut self, node: &CatalogNode) {
        let ours = self.facts.node_id.is_empty() || node.id == self.facts.node_id;
        if node.present && !ours {
            // Somebody else's entry under our name neither keeps us nor confirms anything.
            self.start.was_in_catalog = false;
            return;
        }
        let (now, was_there) = (self.now, self.start.was_in_catalog);
        self.start.was_in_catalog |= node.present;
        let Some(stop) = &mut self.stop else { return };
        // That it was there under the agent before tells nothing of one that was started to finish the leave.
        let was_there = was_there && !stop.finishing;
        let took = seconds(now.saturating_sub(stop.since));
        let overdue = stop.course.left.is_some_and(|left| left + OVERDUE <= now);
        let before = std::mem::replace(&mut stop.course.created, node.created);
        let anew = node.present && ![0, node.created].contains(&before);
        match (node.present, stop.course.entry) {
            // Between two looks it may have gone and come back.
            (true, Entry::There) if anew => self.is_back(),
            (true, Entry::Gone) => self.is_back(),
            // The agent registers its node and its services one after the other, and each of them brings the node back.
            (true, Entry::Back) => self.take_away(),
            (true, _) => {
                // One that was not there came with the first synchronisation of a young agent: a ghost like any other.
                let ghost = stop.course.entry == Entry::Absent && stop.course.left.is_some();
                stop.course.removed |= ghost && stop.finishing;
                stop.course.entry = if ghost { Entry::Back } else { Entry::There };
                if overdue || ghost {
                    self.take_away();
                }
            }
            (false, Entry::Unseen | Entry::Absent) if !was_there => {
                stop.course.entry = Entry::Absent
            }
            (false, Entry::Gone) => {}
            (false, _) => {
                stop.course.entry = Entry::Gone;
                self.say(Level::Info, format!("gone from the catalog after {took}"));
            }
        }
    }

    /// Our entry is there again after it was gone.
    fn is_back(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.course.entry = Entry::Back;
        }
        let told = "the node is back in the catalog during its leave";
        self.say(Level::Warn, told);
        self.take_away();
    }

    /// Whether the entry was last seen to be our own, which can be told only by the id.
    pub(super) fn may_take_away(&self) -> bool {
        self.start.was_in_catalog && !self.facts.node_id.is_empty()
    }

    /// Takes our entry out of the catalog, as long as it is our own: one that an agent has registered once more with its last
    /// synchronisation after its leave would otherwise stay for up to a minute.
    pub(super) fn take_away(&mut self) {
        // One at a time; what was denied once is denied again.
        if !self.may_take_away() || self.start.taking_away {
            return;
        }
        self.start.taking_away = true;
        if let Some(stop) = &mut self.stop {
            stop.course.removed |= !matches!(stop.course.entry, Entry::Gone | Entry::Back);
        }
        self.ask(Question::Deregister {
            node: self.facts.node_name.clone(),
        });
    }

    pub(in crate::core) fn taken_away(&mut self, result: Result<(), Refusal>) {
        let denied = matches!(result, Err(Refusal::Denied(_)));
        self.start.taking_away = denied;
        if let Some(stop) = &mut self.stop {
            // Whatever goes now goes by itself.
            stop.course.removed &= !denied;
        }
        match result {
            Ok(()) => self.say(Level::Info, "deregistered the node that was still there"),
            Err(refusal) => {
                let text = format!("the node could not be deregistered: {refusal}");
                self.say(Level::Warn, text);
            }
        }
    }
}
