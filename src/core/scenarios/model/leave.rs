//! What was seen of one agent's leave, and what it amounts to.

use super::seen::Seen;
use super::*;
use crate::core::event::Membership;

/// Servers take an entry away 0.4 s after a leave was told to them; after this they never will.
pub(super) const OVERDUE: Duration = Duration::from_millis(2500);

/// What the catalog was seen to hold of this agent's own since its leave is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sight {
    /// Nothing was seen, or somebody else's only.
    #[default]
    None,
    There,
    /// Not there, and it had never been.
    Absent,
    Gone,
    Back,
}

/// One agent's leave.
pub(super) struct Leave {
    /// It is that of an agent that was started to finish another's.
    pub(super) finishing: bool,
    /// It is waited for no longer than until then.
    pub(super) due: Option<Moment>,
    /// It knows a leader.
    pub(super) leader: bool,
    /// It said how it is, or that it does not say.
    pub(super) looked: bool,
    /// How often the leave was asked for, ...
    pub(super) asked: u32,
    /// ... when last, ...
    pub(super) asked_at: Moment,
    /// ... by a signal, ...
    pub(super) by_signal: bool,
    /// ... and this asking was not taken, and there is another way.
    pub(super) refused: bool,
    /// It was asked for, or is somebody else's, since then.
    pub(super) watched: Option<Moment>,
    /// The agent's last word of its membership in the stop.
    pub(super) word: Membership,
    /// It said, in answer to a question that was put long after the asking, that it is a member like others.
    pub(super) not_begun: bool,
    /// When it first said that it had left.
    pub(super) left: Option<Moment>,
    pub(super) sight: Sight,
    /// It came with this event.
    pub(super) came_now: bool,
    /// The catalog may not be read.
    pub(super) blind: bool,
    /// It does not say how it is.
    pub(super) mute: bool,
    /// The removal of its entry was asked for.
    pub(super) removed: bool,
    /// That was so before it had gone by itself, so that its absence tells nothing.
    pub(super) taken: bool,
    /// It is under way or was denied.
    pub(super) removing: bool,
    /// Its entry was looked for before the asking, and there was one, or that is denied.
    pub(super) found: bool,
    /// It was asked to tell once more that it has left, ...
    pub(super) again: bool,
    /// ... which is under way or was denied.
    pub(super) telling: bool,
    /// It was killed so that another one could leave.
    pub(super) replaced: bool,
}

impl Default for Leave {
    fn default() -> Self {
        Self {
            finishing: false,
            due: None,
            leader: false,
            looked: false,
            asked: 0,
            asked_at: Moment::ZERO,
            by_signal: false,
            refused: false,
            watched: None,
            word: Membership::Unknown,
            not_begun: false,
            left: None,
            sight: Sight::None,
            came_now: false,
            blind: false,
            mute: false,
            removed: false,
            taken: false,
            removing: false,
            found: false,
            again: false,
            telling: false,
            replaced: false,
        }
    }
}

impl Leave {
    /// Its own entry was there, or may have been, and is not any more, and not because somebody took it away, lictor included; or
    /// it has left and never was there, as far as that can be told.
    pub(super) fn is_confirmed(&self, seen: &Seen) -> bool {
        let hidden = seen.ever_ready && !seen.own_entry;
        match self.sight {
            Sight::Gone => self.word != Membership::Alive && !self.taken,
            // What was gone before it was started was not seen to go.
            Sight::Absent => self.word == Membership::Left && !hidden && !self.finishing,
            Sight::None | Sight::There | Sight::Back => false,
        }
    }

    /// The agent, unless it was started to finish a leave, ended with 0, and not by its own word without a leave, before anybody
    /// here had asked it to, and before it said that it leaves.
    pub(super) fn is_another_s(&self, end: &End) -> bool {
        let well = end.how == How::Exited(0) && !end.broke_its_leave;
        !self.finishing && self.watched.is_none() && well
    }

    /// There is a reason to believe that the leave was not done.
    pub(super) fn is_broken(&self, seen: &Seen, end: &End) -> bool {
        let well = end.how == How::Exited(0) && !end.broke_its_leave;
        let done = self.is_confirmed(seen) || self.is_another_s(end);
        let nothing_can_be_seen = match self.sight {
            Sight::None => self.blind || !seen.api,
            Sight::Absent => seen.ever_ready && !seen.own_entry,
            Sight::There | Sight::Gone | Sight::Back => false,
        };
        let silent = nothing_can_be_seen && self.word != Membership::Alive;
        !done && (!well || !silent)
    }

    /// The removal of its entry was asked for.
    pub(super) fn remove(&mut self) {
        (self.removed, self.removing) = (true, true);
        self.taken |= !matches!(self.sight, Sight::Gone | Sight::Back);
    }

    /// The catalog is asked, before the leave or in it.
    pub(super) fn seek(&mut self, due: Moment) {
        if self.watched.is_none() {
            self.wait_until(due);
        }
    }

    /// It was asked to tell once more that it has left.
    pub(super) fn tell_again(&mut self) {
        (self.again, self.telling) = (true, true);
    }

    /// The questions that are under way are dropped.
    pub(super) fn forget(&mut self) {
        (self.removing, self.telling) = (false, false);
    }

    /// It is not waited for any longer than this.
    pub(super) fn wait_until(&mut self, due: Moment) {
        self.due = Some(self.due.map_or(due, |sooner| sooner.min(due)));
    }

    /// The agent was asked to leave.
    pub(super) fn ask(&mut self, now: Moment, by_signal: bool) {
        self.asked += 1;
        self.by_signal = by_signal;
        self.asked_at = now;
        self.refused = false;
        self.not_begun = false;
        self.watched.get_or_insert(now);
    }

    /// The agent said how it is, in answer to a question that was put at `put`.
    pub(super) fn told(&mut self, now: Moment, put: Moment, membership: Membership, late: Moment) {
        self.looked = true;
        if membership.is_leaving() {
            self.watched.get_or_insert(now);
        }
        if membership == Membership::Unknown {
            return;
        }
        self.word = membership;
        let member = membership == Membership::Alive;
        self.not_begun = member && self.asked > 0 && put >= self.asked_at + late;
        if membership == Membership::Left {
            self.left.get_or_insert(now);
        }
    }

    /// The catalog showed our name: with our own entry, or none. Whether it had been there before is `known`.
    pub(super) fn shown(&mut self, own: bool, known: bool) {
        let before = self.sight;
        if self.watched.is_none() {
            // Before the leave it counts that there is something to be seen going.
            self.sight = if own { Sight::There } else { before };
            return;
        }
        let known = known && !self.finishing;
        self.taken |= own && before == Sight::Absent && self.left.is_some() && self.finishing;
        self.sight = match (own, before) {
            (true, Sight::Gone | Sight::Back) => Sight::Back,
            // The ghost of a young agent.
            (true, Sight::Absent) if self.left.is_some() => Sight::Back,
            (true, _) => Sight::There,
            (false, Sight::None | Sight::Absent) if !known => Sight::Absent,
            (false, _) => Sight::Gone,
        };
        self.came_now = own && self.sight == Sight::Back;
    }
}

impl Seen {
    /// Whether the agent leaves on this signal, by its word, the command line and Consul's defaults.
    pub(super) fn leaves_on(&self, signal: i32) -> bool {
        let usual = !self.facts.server.unwrap_or(self.config.server);
        let said = match signal {
            SIGTERM => self.facts.leaves_on_terminate,
            _ => self.facts.leaves_on_interrupt,
        };
        said.unwrap_or(usual)
    }
}
