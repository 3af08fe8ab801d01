//! What the catalog has of a node that leaves as what it was: it shows when that is back, and whether its leave was heard.
//!
//! The same as in every leave that another agent finishes ([`crate::core::leave`]), and for the same reasons: only what is there can
//! be seen to go, and an agent tells so few others that it leaves that the word may be lost. Then it has failed for them, and the
//! agent as it is would be refused.

use std::net::IpAddr;
use std::time::Duration;

use crate::core::Moment;
use crate::core::event::{CatalogNode, Refusal};
use crate::core::leave::again::UNHEARD;
use crate::core::leave::watch::Entry;
use crate::core::machine::Machine;
use crate::core::timers::Timer;

use super::PAUSE;

/// How long its entry may take to be in the catalog: one that was taken out comes back within 3 s of the join.
const SOUGHT: Duration = Duration::from_secs(5);
/// One that has left, and is gone from the catalog, is needed no more. Consul would have it wait for 3 s yet, in which its last
/// synchronisation may bring the node back; servers and others have heard of it by then.
const GONE: Duration = Duration::from_millis(300);

impl Machine {
    /// Others have had time to hear that it is back, or its entry was looked for long enough.
    pub(in crate::core) fn farewell_is_back(&mut self) {
        let until = self.sought_until();
        match &mut self.farewell {
            Some(farewell) if farewell.course.looked && !farewell.seeks => farewell.seeks = true,
            _ => return self.leave_as_former(),
        }
        self.timers.set(Timer::Back, until);
        // What was asked before is known by now.
        self.forget();
        self.ask_in_farewell();
    }

    /// It is asked to leave before it would be given up.
    pub(super) fn sought_until(&self) -> Moment {
        let until = self.now + SOUGHT;
        let due = self.timers.get(Timer::Farewell);
        due.map_or(until, |due| until.min(due.saturating_sub(PAUSE)))
    }

    /// Whether the catalog's node of its name is its own.
    pub(super) fn farewell_entry(&mut self, node: &CatalogNode) {
        if node.present {
            self.start.was_in_catalog = self.is_ours(node);
        }
    }

    /// What the catalog has of it.
    pub(super) fn farewell_seen(&mut self, result: Result<CatalogNode, Refusal>) {
        self.start.asking = false;
        if let Ok(node) = &result {
            self.farewell_entry(node);
        }
        match &self.farewell {
            Some(farewell) if farewell.course.left.is_some() => {
                self.farewell_goes(result);
            }
            Some(farewell) if farewell.course.asked.is_none() => self.farewell_sought(result),
            _ => {}
        }
    }

    fn farewell_sought(&mut self, result: Result<CatalogNode, Refusal>) {
        match result {
            Ok(node) if node.present => {
                let ours = self.is_ours(&node);
                if ours && !self.is_at_its_address(&node) {
                    return self.timers.set(Timer::Ask, self.now + PAUSE);
                }
                if let Some(farewell) = self.farewell.as_mut().filter(|_| ours) {
                    farewell.course.entry = Entry::There;
                }
                self.leave_as_former();
            }
            Err(Refusal::Denied(_)) => self.leave_as_former(),
            Ok(_) | Err(_) => self.timers.set(Timer::Ask, self.now + PAUSE),
        }
    }

    fn is_ours(&self, node: &CatalogNode) -> bool {
        self.facts.node_id.is_empty() || node.id == self.facts.node_id
    }

    fn is_at_its_address(&self, node: &CatalogNode) -> bool {
        let there = node.address.parse::<IpAddr>().ok();
        there.is_none_or(|ip| self.facts.advertise.is_none_or(|own| own == ip))
    }

    fn farewell_goes(&mut self, result: Result<CatalogNode, Refusal>) {
        let other = result.as_ref().is_ok_and(|node| !self.is_ours(node));
        let Some(farewell) = &mut self.farewell else {
            return;
        };
        let entry = &mut farewell.course.entry;
        match result {
            Ok(node) if !node.present || other => {
                // Only what was there can be seen to go, and somebody else's entry tells nothing.
                *entry = match *entry {
                    before if node.present => before,
                    Entry::There => Entry::Gone,
                    _ => Entry::Absent,
                };
                farewell.gone = true;
                let due = self.timers.get(Timer::Farewell);
                let over = due.map_or(self.now + GONE, |at| at.min(self.now + GONE));
                self.timers.set(Timer::Farewell, over);
            }
            // It is waited for to its end.
            Err(Refusal::Denied(_)) => *entry = Entry::Unseen,
            Ok(_) => {
                *entry = Entry::There;
                self.timers.set(Timer::Ask, self.now + PAUSE);
            }
            Err(_) => self.timers.set(Timer::Ask, self.now + PAUSE),
        }
    }

    /// They had time to hear it.
    pub(in crate::core) fn tell_again_in_farewell(&mut self) {
        let farewell = self.farewell.as_ref();
        let unheard = farewell.is_some_and(|it| {
            let told = it.course.left.is_some() && !it.gone;
            told && it.course.entry == Entry::There
        });
        if unheard && !self.start.telling_again {
            self.force_leave(UNHEARD);
        }
    }
}
