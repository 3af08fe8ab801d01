//! What was seen of changed files, and what must hold of them.

use super::reloading::Step;
use super::seen::Seen;
use super::*;
use crate::core::watch::turn;

const REST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// Changed files that no snapshot was begun after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noticed {
    /// This node's, after the first of them.
    turn: Moment,
    last: Moment,
    /// They were a reason for a reload.
    asked: bool,
    /// An agent has ended since.
    pub(super) outlives: bool,
}

pub(super) const MOMENTS: &[Invariant<Machine>] = &[Invariant {
    name: "no change is lost",
    sentence: "from the moment at which changed files are noticed to the next snapshot a reload is wanted or comes to that snapshot, or its \
               time is not overslept: 200 ms of rest, or 2 s, after this node's turn; whatever becomes of the agent, unless lictor \
               stops",
    holds: |seen, machine| {
        let Some(noticed) = &seen.noticed else {
            return true;
        };
        let reload = &seen.reload;
        let wanted = reload.wanted && reload.anew;
        let comes = matches!(reload.step, Step::Looking | Step::Looked);
        let due = noticed.due().max(seen.now);
        let in_time = machine.deadline().is_some_and(|at| at <= due);
        let over = seen.stop.is_some() || seen.end.is_some();
        over || wanted || comes || in_time
    },
}];

impl Noticed {
    fn due(&self) -> Moment {
        (self.last + REST).clamp(self.turn + REST, self.turn + LONGEST)
    }
}

impl Seen {
    /// Before the first agent reads anything, and in a stop, a change is nothing to be remembered.
    pub(super) fn files_changed(&mut self) {
        if self.stop.is_some() || !(self.ever_spawned || self.spawning) {
            return;
        }
        let turn = turn(self.config.splay, &self.facts.node_name);
        let noticed = self.noticed.get_or_insert(Noticed {
            turn: self.now + turn,
            last: self.now,
            asked: false,
            outlives: false,
        });
        noticed.last = self.now;
    }

    /// The time has come for what is at rest.
    pub(super) fn files_rest(&mut self) {
        let Some(noticed) = &mut self.noticed else {
            return;
        };
        let due = noticed.due() <= self.now;
        if due && self.stop.is_none() && !noticed.asked {
            noticed.asked = true;
            self.reload.wanted = true;
            self.reload.anew = true;
        }
    }
}
