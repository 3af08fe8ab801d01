//! An agent that was started as what its node was: what was seen of it, and what must hold.

use super::answers::percent;
use super::leave::{Leave, Sight};
use super::records::Stop;
use super::seen::Seen;
use super::world::World;
use super::*;
use crate::core::conditions::Truth;
use crate::core::event::Membership;
use crate::core::former::Former;

const JOIN: Duration = Duration::from_secs(45);
const BACK: Duration = Duration::from_secs(1);
const LEAVE: Duration = Duration::from_secs(20);
const SOUGHT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
const GONE: Duration = Duration::from_millis(300);
const AGAIN: Duration = Duration::from_millis(700);
const NOT_BEGUN: Duration = Duration::from_millis(1500);

/// What was seen of it, from its spawn to its end or to a stop.
#[derive(Default)]
pub(super) struct Farewell {
    /// When it was spawned.
    since: Moment,
    /// Since when it has joined, as it or its servers say.
    joined: Option<Moment>,
    /// It said how it is, or that it does not say.
    looked: bool,
    asked: u32,
    by_signal: bool,
    first: Moment,
    last: Moment,
    refused: bool,
    /// It said so long after the asking that it is a member like others.
    not_begun: bool,
    /// Since when its entry was looked for in the catalog, before it was asked to leave.
    seeks: Option<Moment>,
    /// It is there, or is somebody else's, or may not be looked for.
    sought: bool,
    /// The catalog showed it last.
    there: bool,
    /// What was seen of that, as in a stop, ...
    sight: Sight,
    /// ... and what it said of itself since it was asked to leave.
    word: Membership,
    /// It is asked to tell once more that it leaves, or may not be.
    telling: bool,
    /// Since when it said that it has left.
    left: Option<Moment>,
    /// Since when the catalog has had no node of it any more.
    gone: Option<Moment>,
    pub(super) killed: bool,
}

pub(super) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "as what it was first",
        sentence: "an agent is started as what its node was once, before any other, and where that is known no other is started first; the same after a move to another address \
                   where others know the node by the old one; one that could not be started is tried again",
        holds: |seen, action| match (action, &seen.event) {
            (Action::SpawnAs(_), Event::Staged(Ok(staged))) => staged.former.is_some(),
            (Action::SpawnAs(former), Event::Readdressed(_)) => {
                former.address.is_some() && seen.addresses.spawns_now && seen.is_known_by_old()
            }
            (Action::SpawnAs(_), _) => seen.addresses.moved_in_stop || seen.addresses.not_begun,
            (Action::Spawn, Event::Readdressed(_)) => !seen.is_known_by_old(),
            (Action::Spawn, _) if seen.addresses.not_begun => false,
            (Action::Spawn, Event::Staged(Ok(staged))) => staged.former.is_none(),
            _ => true,
        },
    },
    Invariant {
        name: "known before it leaves",
        sentence: "one that was started as what its node was is asked to leave 1 s after it has joined, and if it has an API once it has said how it is and its entry is \
                   in the catalog, which is waited for 5 s at most, or if its API has not answered 5 s after it has joined; once more, in the other way, only where that was refused or it has not begun 1.5 s later",
        holds: |seen, action| match (as_former(seen), &seen.agent, action) {
            (
                Some(farewell),
                Some(agent),
                Action::Ask(Question::Leave) | Action::Signal(SIGINT | SIGTERM),
            ) => {
                let told = farewell.looked && farewell.was_sought(seen.now) || !agent.api;
                let told = told || farewell.is_mute(seen.now);
                let known = farewell.is_known(seen.now);
                let by_signal = *action != Action::Ask(Question::Leave);
                let again = farewell.refused || farewell.not_begun;
                match farewell.asked {
                    0 => told && known,
                    1 => again && by_signal != farewell.by_signal,
                    _ => false,
                }
            }
            _ => true,
        },
    },
    Invariant {
        name: "patience with what it was",
        sentence: "one that was started as what its node was is killed, once, only 45 s after its start if it was not asked to leave by then, or else \
                   20 s after it was, or 0.3 s after the catalog has lost its node, or at once where it was refused or has not begun and there is no other way",
        holds: |seen, action| match (as_former(seen), action) {
            (Some(farewell), Action::Signal(SIGKILL)) => {
                let in_vain = farewell.refused || farewell.not_begun || farewell.is_over(seen.now);
                !farewell.killed && (in_vain || seen.now >= farewell.due())
            }
            _ => true,
        },
    },
    Invariant {
        name: "what is kept is true",
        sentence: "a node is kept as one that has left only at the end of an agent whose leave is confirmed, or that left as what its node was",
        holds: |seen, action| match (action, &seen.event, &seen.stop) {
            (Action::Remember(known), _, _) if !known.left => true,
            (Action::Remember(_), Event::Ended(_), Some(stop)) => {
                stop.mode == OnStop::Leave && stop.leave.is_confirmed(seen)
            }
            (Action::Remember(_), _, _) => seen.farewell_over,
            _ => true,
        },
    },
    Invariant {
        name: "it does nothing but leave",
        sentence: "of one that was started as what its node was nothing is asked but how it is, whether it has a leader and that it leave, and what the catalog has of it, 1 s after it has joined or once it has left; it \
                   takes no reload and no checks; it is asked to force its own name to leave only where its entry is there 0.7 s after it said that it has left, \
                   not while that is under way or after it was denied",
        holds: |seen, action| match (as_former(seen), action) {
            (Some(farewell), Action::Ask(Question::Catalog { change: None, .. })) => {
                farewell.left.is_some() || farewell.asked == 0 && farewell.is_known(seen.now)
            }
            (Some(farewell), Action::Ask(Question::ForceLeave { node })) => {
                let late = farewell.left.is_some_and(|at| at + AGAIN <= seen.now);
                let free = !farewell.telling && !farewell.killed;
                late && farewell.there && free && *node == seen.facts.node_name
            }
            (Some(_), Action::Ask(question)) => matches!(
                question,
                Question::Agent | Question::Leader | Question::Leave
            ),
            (Some(_), Action::Signal(SIGHUP)) => false,
            (Some(_), Action::Checks(work)) => *work == CheckWork::PutBack,
            _ => true,
        },
    },
];

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "what it was ends",
        sentence: "the time of one that was started as what its node was is not overslept",
        holds: |seen, machine| match (as_former(seen), &seen.agent) {
            (Some(farewell), Some(_)) if !farewell.killed => {
                let due = machine.deadline();
                due.is_some_and(|due| due <= farewell.due())
            }
            _ => true,
        },
    },
    Invariant {
        name: "no API is waited for",
        sentence: "one that was started as what its node was and has joined is asked to leave 5 s later at most, or its end is due, whether its API answers or not",
        holds: |seen, machine| match (as_former(seen), &seen.agent) {
            (Some(farewell), Some(_)) if farewell.asked == 0 && !farewell.killed => {
                let patient = farewell.joined.filter(|_| !farewell.looked);
                let due = |at: Moment| machine.deadline().is_some_and(|due| due <= at + SOUGHT);
                patient.is_none_or(due)
            }
            _ => true,
        },
    },
    Invariant {
        name: "it is not held meanwhile",
        sentence: "while one runs that was started as what its node was, IdentityHeld is False and Ready is not True",
        holds: |seen, machine| {
            let status = machine.status();
            let held = status.conditions.get(Kind::IdentityHeld);
            let held = (held.truth, held.reason) == (Truth::False, "LeavingAsFormer");
            as_former(seen).is_none() || held && !status.conditions.holds(Kind::Ready)
        },
    },
];

/// It runs, or is being spawned, and no stop was begun.
pub(super) fn as_former(seen: &Seen) -> Option<&Farewell> {
    seen.farewell.as_ref().filter(|_| seen.stop.is_none())
}

impl Farewell {
    /// Whether its leave was one.
    pub(super) fn has_left(&self, end: &End) -> bool {
        let well = end.how.code() == 0 && !end.broke_its_leave;
        self.asked > 0 && (self.left.is_some() || well)
    }

    /// Others have had time to hear that it is back.
    fn is_known(&self, now: Moment) -> bool {
        self.joined.is_some_and(|at| at + BACK <= now)
    }

    /// Its entry was seen, or was waited for long enough.
    fn was_sought(&self, now: Moment) -> bool {
        let long = self.seeks.is_some_and(|at| at + SOUGHT <= now);
        self.sought || long || now + PAUSE >= self.due()
    }

    /// It has joined, as it says, and its API has not answered for long enough.
    fn is_mute(&self, now: Moment) -> bool {
        let long = self.joined.is_some_and(|at| at + SOUGHT <= now);
        !self.looked && (long || now + PAUSE >= self.due())
    }

    fn is_over(&self, now: Moment) -> bool {
        self.gone.is_some_and(|at| at + GONE <= now)
    }

    fn due(&self) -> Moment {
        match self.asked {
            0 => self.since + JOIN,
            _ => self.first + LEAVE,
        }
    }

    /// What a stop makes of it: an agent that was started to leave.
    pub(super) fn taken_over(&self, stop: &mut Stop) {
        stop.leave = Leave {
            finishing: true,
            due: stop.leave.due,
            asked: self.asked,
            asked_at: self.last,
            by_signal: self.by_signal,
            watched: (self.asked > 0).then_some(self.last),
            word: self.word,
            left: self.left,
            sight: self.sight,
            ..Leave::default()
        };
    }
}

impl Seen {
    pub(super) fn farewell_begins(&mut self, former: &Former) {
        let name = former.name.iter();
        name.for_each(|name| self.facts.node_name.clone_from(name));
        self.farewell = Some(Farewell {
            since: self.now,
            ..Farewell::default()
        });
    }

    /// It says that it has joined, or its servers do.
    pub(super) fn farewell_joined(&mut self) {
        let now = self.now;
        if let Some(farewell) = &mut self.farewell {
            farewell.joined.get_or_insert(now);
        }
    }

    pub(super) fn farewell_answered(&mut self, answer: &Answer, put: Moment) {
        let now = self.now;
        let Some(farewell) = self.farewell.as_mut().filter(|it| !it.killed) else {
            return;
        };
        match answer {
            Answer::Agent(Ok(facts)) => {
                farewell.looked = true;
                let member = facts.membership == Membership::Alive;
                if farewell.asked > 0 && facts.membership != Membership::Unknown {
                    farewell.word = facts.membership;
                }
                if farewell.asked > 0 && facts.membership == Membership::Left {
                    farewell.left.get_or_insert(now);
                }
                farewell.not_begun =
                    farewell.asked > 0 && member && put >= farewell.last + NOT_BEGUN;
            }
            Answer::Agent(Err(Refusal::Denied(_))) => farewell.looked = true,
            Answer::Leader(Ok(Some(_))) => {
                farewell.joined.get_or_insert(now);
            }
            Answer::Catalog(Ok(node)) if farewell.left.is_some() => {
                let id = &self.facts.node_id;
                farewell.there = node.present && (id.is_empty() || node.id == *id);
                farewell.sight = match (farewell.there, node.present, farewell.sight) {
                    (true, _, _) => Sight::There,
                    (false, true, before) => before,
                    (false, false, Sight::There) => Sight::Gone,
                    (false, false, _) => Sight::Absent,
                };
                if !farewell.there {
                    farewell.gone.get_or_insert(now);
                }
            }
            Answer::Catalog(Ok(node)) if node.present => {
                let ours = self.facts.node_id.is_empty() || node.id == self.facts.node_id;
                let own = self.facts.advertise.map(|own| own.to_string());
                let same = own.is_none_or(|own| own == node.address);
                farewell.there = ours && same;
                if farewell.there {
                    farewell.sight = Sight::There;
                }
                farewell.sought |= !ours || same;
            }
            Answer::Catalog(Err(Refusal::Denied(_))) => {
                farewell.there &= farewell.left.is_none();
                if farewell.left.is_some() {
                    farewell.sight = Sight::None;
                }
                farewell.sought = true;
            }
            Answer::ForceLeave(result) => {
                farewell.telling = matches!(result, Err(Refusal::Denied(_)));
            }
            Answer::Leave(Err(Refusal::Denied(_) | Refusal::Unreachable(_))) => {
                farewell.refused = true;
            }
            _ => {}
        }
    }

    /// It is asked to leave, or killed. Whether it was it.
    pub(super) fn farewell_asked(&mut self, action: &Action) -> bool {
        let now = self.now;
        let stop = self.stop.is_some();
        let Some(farewell) = self.farewell.as_mut().filter(|_| !stop) else {
            return false;
        };
        let by_signal = match action {
            Action::Signal(SIGKILL) => {
                farewell.killed = true;
                return true;
            }
            Action::Signal(SIGINT | SIGTERM) => true,
            Action::Ask(Question::Leave) => false,
            Action::Ask(Question::Catalog { .. }) => {
                farewell.seeks.get_or_insert(now);
                return false;
            }
            Action::Ask(Question::ForceLeave { .. }) => {
                farewell.telling = true;
                return false;
            }
            _ => return false,
        };
        if farewell.asked == 0 {
            farewell.first = now;
        }
        farewell.asked += 1;
        (farewell.last, farewell.by_signal) = (now, by_signal);
        (farewell.refused, farewell.not_begun) = (false, false);
        true
    }
}

impl World {
    /// What the node was, if that is known and another.
    pub(super) fn former(&mut self) -> Option<Former> {
        percent(&mut self.rng, 30).then(|| Former {
            name: Some("old".to_owned()),
            ..Former::default()
        })
    }
}
