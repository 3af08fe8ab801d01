//! What must hold of each action of a leave, at the moment it is asked for.

use super::budget::{FINISH, REPLACE};
use super::farewell::as_former;
use super::leave::{Leave, OVERDUE, Sight};
use super::records::Stop;
use super::seen::Seen;
use super::*;

/// How long an agent has known a leader that counts as one that has joined.
pub(super) const SETTLED: Duration = Duration::from_millis(500);

/// Servers that have heard of a leave by then have taken the entry away.
const AGAIN: Duration = Duration::from_millis(700);

pub(super) const INVARIANTS: &[Invariant<Action>] = &[
    Invariant {
        name: "one leave",
        sentence: "an agent is asked to leave once; once more only where that was refused or could not be put, or where it says, \
                   asked long enough after it, that it is a member like others; never a third time; SIGTERM and SIGINT count as \
                   leaves in a stop that is one",
        holds: |seen, action| match (is_leave(seen, action), leaving(seen)) {
            (false, _) => true,
            (true, None) => as_former(seen).is_some(),
            (true, Some(Stop { leave, .. })) => match leave.asked {
                0 => true,
                1 => leave.refused || leave.not_begun,
                _ => false,
            },
        },
    },
    Invariant {
        name: "a leave that has begun is let alone",
        sentence: "no leave is asked for of an agent whose last word is that it leaves or has left, whoever asked it to, nor of one \
                   that was killed at the end of the budget",
        holds: |seen, action| {
            let free = |stop: &Stop| !stop.leave.word.is_leaving() && !stop.killed;
            let farewell = as_former(seen).is_some();
            !is_leave(seen, action) || farewell || leaving(seen).is_some_and(free)
        },
    },
    Invariant {
        name: "looked at first",
        sentence: "the first leave is asked for only after --drain, and of an agent with an API only once it has said how it is, or \
                   that it does not say, or when the patience is over",
        holds: |seen, action| match (is_leave(seen, action), leaving(seen), &seen.agent) {
            (true, Some(stop), Some(agent)) => {
                let looked = stop.leave.looked || !agent.api;
                stop.drains.is_none() && (looked || is_over(seen, &stop.leave))
            }
            _ => true,
        },
    },
    Invariant {
        name: "young agents are waited for",
        sentence: "an agent that never was ready is asked to leave only once it says that it has joined, or has known a leader for \
                   half a second, or when the patience is over; one that was started to finish a leave has that patience from when it knows a leader, and until 2.5 s before \
                   the end at most",
        holds: |seen, action| match (is_leave(seen, action), leaving(seen), &seen.agent) {
            (true, Some(Stop { leave, .. }), Some(agent)) => {
                let undone = leave.watched.is_some();
                let settled = agent
                    .leader
                    .is_some_and(|since| since + SETTLED <= seen.now);
                let joined = agent.was_ready || agent.notified || settled;
                joined || undone || is_over(seen, leave)
            }
            _ => true,
        },
    },
    Invariant {
        name: "young agents get no signal",
        sentence: "the first leave is asked for by signal only of an agent that was ready or has no API",
        holds: |seen, action| match (action, &seen.agent, leaving(seen)) {
            (Action::Signal(SIGINT | SIGTERM), Some(agent), Some(stop)) => {
                agent.was_ready || !agent.api || stop.leave.asked > 0
            }
            _ => true,
        },
    },
    Invariant {
        name: "a signal that leaves",
        sentence: "a leave is asked for by a signal only where that is one by the agent's word, its command line or Consul's defaults, \
                   or, with no API, where none is, by SIGTERM, which ends it",
        holds: |seen, action| match (action, &seen.agent, leaving(seen)) {
            (Action::Signal(number @ (SIGINT | SIGTERM)), Some(agent), Some(_)) => {
                let none = !agent.api && !seen.leaves_on(SIGTERM) && !seen.leaves_on(SIGINT);
                seen.leaves_on(*number) || none && *number == SIGTERM
            }
            _ => true,
        },
    },
    Invariant {
        name: "another way",
        sentence: "where a leave is asked for once more, by signal and over the API in turn, it is in another way if there is one",
        holds: |seen, action| match (action, leaving(seen)) {
            (Action::Ask(Question::Leave), Some(Stop { leave, .. })) if leave.asked == 1 => {
                leave.by_signal || !seen.leaves_on(SIGTERM) && !seen.leaves_on(SIGINT)
            }
            (Action::Signal(SIGINT | SIGTERM), Some(Stop { leave, .. })) if leave.asked == 1 => {
                !leave.by_signal || seen.agent.as_ref().is_some_and(|agent| !agent.api)
            }
            _ => true,
        },
    },
    Invariant {
        name: "a leave is wanted",
        sentence: "PUT leave, PUT deregister, SIGTERM, SIGINT and SIGKILL are for stops, the first two for leaves; the signals for a \
                   restart, too, that a change, another address or a lost name takes, and all but PUT deregister for what leaves as what it was",
        holds: |seen, action| match action {
            Action::Ask(Question::Leave) if as_former(seen).is_some() => true,
            Action::Ask(Question::Leave | Question::Deregister { .. }) => leaving(seen).is_some(),
            Action::Signal(number @ (SIGINT | SIGKILL | SIGTERM)) => {
                seen.stop.is_some()
                    || as_former(seen).is_some()
                    || seen.reload.may_end_agent()
                    || seen.addresses.may_end_agent()
                    || seen.may_end_for_another(*number)
            }
            _ => true,
        },
    },
    Invariant {
        name: "kills have a reason",
        sentence: "SIGKILL is sent to stay (or at the end of --start-timeout, which is a stay), once; at the end of the budget, \
                   less the reserve, once; and 6 s before it to an agent that can be asked, has had 4 s and not been seen to leave, \
                   where another one can leave in its place",
        holds: |seen, action| match (action, &seen.stop) {
            (Action::Signal(SIGKILL), Some(stop)) if stop.mode == OnStop::Stay => {
                !stop.stayed || !stop.killed && seen.now >= seen.kill_at()
            }
            (Action::Signal(SIGKILL), Some(stop)) => {
                let end = !stop.killed && seen.now >= seen.kill_at();
                end || hangs(seen, stop) && !stop.leave.replaced
            }
            _ => true,
        },
    },
    Invariant {
        name: "only our own entry",
        sentence: "a node is deregistered only where what the catalog last held under its name was this agent's own, by its id, and \
                   not while that is under way or after it was denied",
        holds: |seen, action| match (action, leaving(seen)) {
            (Action::Ask(Question::Deregister { node }), Some(Stop { leave, .. })) => {
                let known = !seen.facts.node_id.is_empty() && *node == seen.facts.node_name;
                known && seen.own_entry && !leave.removing
            }
            _ => true,
        },
    },
    Invariant {
        name: "no entry is taken away early",
        sentence: "an entry is taken away only if it came back, or came, after the leave, is there still 1.5 s after the agent had \
                   left, or at the last step of one that is not confirmed",
        holds: |seen, action| match (action, leaving(seen)) {
            (Action::Ask(Question::Deregister { .. }), Some(Stop { leave, .. })) => {
                let overdue = leave.left.is_some_and(|left| left + OVERDUE <= seen.now);
                let there = leave.sight == Sight::There && overdue;
                let last = seen.now >= seen.last_step_at() && !leave.is_confirmed(seen);
                leave.came_now || there || last
            }
            _ => true,
        },
    },
    Invariant {
        name: "told once more",
        sentence: "in a leave an agent is asked to force its own name to leave only while its word is that it has left, 0.7 s after that or \
                   later, where its entry is still there or lictor had to ask for its removal, or once where it was started to \
                   finish a leave; not while that is under way or after it was denied; outside of a stop only what leaves as what its node was",
        holds: |seen, action| match (action, leaving(seen)) {
            (Action::Ask(Question::ForceLeave { node }), Some(Stop { leave, killed, .. })) => {
                let late = leave.left.is_some_and(|left| left + AGAIN <= seen.now);
                let unheard = leave.sight == Sight::There || leave.taken;
                let due = unheard || leave.finishing && !leave.again;
                let left = leave.word == Membership::Left && late;
                left && due && !leave.telling && !killed && *node == seen.facts.node_name
            }
            (Action::Ask(Question::ForceLeave { node }), None) => {
                as_former(seen).is_some() || *node != seen.facts.node_name
            }
            _ => true,
        },
    },
    Invariant {
        name: "one question at a time",
        sentence: "there is one question of agent, leader and catalog at a time; in a leave one of agent and leader, and one of the \
                   catalog beside it, two from the last step on",
        holds: |seen, action| {
            let Action::Ask(question) = action else {
                return true;
            };
            let catalog = |question: &Question| matches!(question, Question::Catalog { .. });
            let state =
                |question: &Question| matches!(question, Question::Agent | Question::Leader);
            match (&seen.stop, state(question), catalog(question)) {
                (_, false, false) => true,
                (None, _, _) => seen.asked(state) + seen.asked(catalog) == 0,
                (Some(_), true, _) => seen.asked(state) == 0,
                (Some(_), _, true) => {
                    seen.asked(catalog) <= usize::from(seen.now >= seen.last_step_at())
                }
            }
        },
    },
    Invariant {
        name: "what a leave asks",
        sentence: "in a leave the leader is asked for only before it is asked for, of an agent that was started to finish it or at \
                   the last step; the catalog only after that, or once 1 to 3 s have passed since the start of an agent that was \
                   started to finish it; a reload never; and nothing before the end of --drain or the last step",
        holds: |seen, action| match (action, leaving(seen)) {
            (Action::Ask(question), Some(stop)) if stop.drains.is_none() => match question {
                Question::Leader => {
                    let late = seen.now >= seen.last_step_at();
                    stop.leave.watched.is_none() && (stop.leave.finishing || late)
                }
                Question::Catalog { .. } => {
                    let back = seen
                        .agent
                        .as_ref()
                        .is_some_and(|agent| seen.back_at(agent) <= seen.now);
                    stop.leave.watched.is_some()
                        || stop.leave.finishing && back && !stop.leave.found
                }
                Question::Reload => false,
                _ => true,
            },
            (Action::Ask(_), Some(_)) => seen.now >= seen.last_step_at(),
            _ => true,
        },
    },
    Invariant {
        name: "a spawn at its time",
        sentence: "an agent is spawned once what it reads is staged, once what was to leave as what it was has ended, when the back-off after a crash or a lost name is over, at once \
                   when lictor has ended it for a change, for another address or for a lost name, or the one that was started for a change has ended, or, once, to finish a broken leave of a node that others know with 4 s left; else never in a stop, and never while one lives or \
                   is being spawned",
        holds: |seen, action| {
            let due = match &seen.event {
                _ if seen.finish_now || seen.renewed_now || seen.back_now || seen.farewell_over => {
                    true
                }
                _ if seen.stop.is_some() => false,
                Event::Staged(staged) => staged.is_ok() && !seen.ever_spawned,
                Event::Readdressed(_) => seen.addresses.spawns_now,
                // A fifth is taken off by chance at most.
                Event::Tick => {
                    let crashed =
                        seen.crashes > 0 && seen.now >= seen.crashed_at + seen.back_off() * 4 / 5;
                    crashed || seen.conflicts.may_come_back(seen.now)
                }
                _ => false,
            };
            let spawns = matches!(action, Action::Spawn | Action::SpawnAs(_));
            !spawns || due && seen.agent.is_none() && !seen.spawning
        },
    },
];

/// The stop, if it is a leave.
pub(super) fn leaving(seen: &Seen) -> Option<&Stop> {
    seen.stop.as_ref().filter(|stop| stop.mode == OnStop::Leave)
}

/// The agent can be asked, has had 4 s and not been seen to leave, and another one could do it in its place.
pub(super) fn hangs(seen: &Seen, stop: &Stop) -> bool {
    let leave = &stop.leave;
    let begun = leave.word.is_leaving() || leave.sight == Sight::Gone;
    let near = seen.now + REPLACE >= seen.until();
    let had = |since| since + FINISH + REPLACE <= seen.until();
    let asked = seen.agent.as_ref().is_some_and(|agent| agent.api) && !leave.mute;
    asked && near && !begun && leave.watched.is_some_and(had) && seen.may_finish()
}

fn is_over(seen: &Seen, leave: &Leave) -> bool {
    leave.due.is_some_and(|due| due <= seen.now)
}

fn is_leave(seen: &Seen, action: &Action) -> bool {
    match action {
        Action::Ask(Question::Leave) => true,
        Action::Signal(SIGINT | SIGTERM) => leaving(seen).is_some(),
        _ => false,
    }
}
