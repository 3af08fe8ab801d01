//! What must hold of a stop after each event and all its actions.

use super::leave::Sight;
use super::leaving::{SETTLED, hangs, leaving};
use super::records::{Agent, Stop};
use super::seen::Seen;
use super::*;
use crate::core::event::Membership;

pub(super) const INVARIANTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "a stop is heard",
        sentence: "after SIGTERM, SIGINT and SIGQUIT the machine leaves or stops, or has come to its end, or starts an agent to finish \
                   the leave, if none lived; a stay has sent its signal at once, or will once the states of checks are noted",
        holds: |seen, machine| match &seen.stop {
            None => true,
            Some(_) if seen.agent.is_none() => seen.end.is_some() || seen.spawning,
            Some(stop) => {
                let phase = machine.status().phase;
                (phase == Phase::Leaving && stop.mode == OnStop::Leave || phase == Phase::Stopping)
                    && (stop.mode == OnStop::Leave || stop.stayed || seen.checks.noting)
            }
        },
    },
    Invariant {
        name: "the agent goes on",
        sentence: "SIGCONT is sent once to an agent that lives when a leave begins, and once whenever it is stopped in a stop, and at \
                   no other time in a stop",
        holds: |seen, _| seen.continued == seen.continues,
    },
    Invariant {
        name: "a leave is asked for in time",
        sentence: "in a leave the end of --drain and of the patience is not overslept; an agent that can take it and says that it is \
                   a member like others is asked at once, or 1 to 3 s after its start, a sixth of what is left, if it was started to finish the leave, or, until the \
                   patience is over, once the catalog shows its entry, which is looked for every 150 ms where it can be seen; and such \
                   a one is looked at every 100 ms until it knows a leader",
        holds: |seen, machine| match under_way(seen) {
            Some((stop, agent)) if stop.leave.watched.is_none() => {
                let leave = &stop.leave;
                let able = (agent.was_ready || agent.notified) && (leave.looked || !agent.api);
                let back = (able && leave.finishing).then(|| seen.back_at(agent));
                let able = able && back.is_none();
                let seeks = back.is_some_and(|at| at <= seen.now) && may_seek(seen, stop, agent);
                let back = back.filter(|_| !seeks).map(|at| at.max(seen.now));
                let due = stop.drains.or(back).or(leave.due);
                let sought = !seeks || asks_catalog(seen) || is_due(machine, soon(seen, 150));
                let in_time = due.is_none_or(|due| is_due(machine, due));
                let looked_at =
                    seeks || back.is_some() || asks(seen) || is_due(machine, soon(seen, 100));
                let knows = leave.leader || agent.leader.is_some();
                let looked_at = looked_at || !leave.finishing || !agent.api || knows;
                (stop.drains.is_some() || !able) && in_time && looked_at && sought
            }
            _ => true,
        },
    },
    Invariant {
        name: "a leader is enough",
        sentence: "one that was started to finish a leave, or as what its node was, has said how it is and has known a leader for half a second need not say that it \
                   has joined: as long as it was not asked to leave the catalog is being asked, or something is due by then, or once it is back for others",
        holds: |seen, machine| match under_way(seen) {
            Some((Stop { leave, .. }, agent))
                if leave.finishing && leave.looked && leave.watched.is_none() && agent.api =>
            {
                let due = |at: Moment| {
                    let settled = (at + SETTLED).max(seen.back_at(agent));
                    is_due(machine, settled.max(soon(seen, 150)))
                };
                asks_catalog(seen) || agent.leader.is_none_or(due)
            }
            _ => true,
        },
    },
    Invariant {
        name: "a refused leave is asked for in the other way",
        sentence: "one that was refused or could not be put, where a signal is another way, or by the agent's word has not begun is \
                   asked for once more, unless it has \
                   begun meanwhile; and so is the first one, where somebody else's came to nothing",
        holds: |seen, _| match under_way(seen) {
            Some((Stop { leave, .. }, _)) => {
                let again = leave.asked == 1;
                let due = match &seen.event {
                    Event::Answered(Answer::Leave(_)) => again && leave.refused,
                    Event::Answered(Answer::Agent(Ok(told))) => {
                        let member = told.membership == Membership::Alive;
                        let watched = leave.watched.is_some() && leave.left.is_none();
                        watched && member && (leave.asked == 0 || again && leave.not_begun)
                    }
                    _ => false,
                };
                leave.word.is_leaving() || !due
            }
            None => true,
        },
    },
    Invariant {
        name: "a leave is watched",
        sentence: "from a leave's asking to the kill the catalog is being asked, or will be within 150 ms, unless it was denied",
        holds: |seen, machine| match under_way(seen) {
            Some((Stop { leave, .. }, agent))
                if agent.api && leave.watched.is_some() && !leave.blind =>
            {
                asks_catalog(seen) || is_due(machine, soon(seen, 150))
            }
            _ => true,
        },
    },
    Invariant {
        name: "evidence is looked for",
        sentence: "from a leave's asking until the agent has left or is killed it is being asked how it is, or will be within 100 ms, \
                   unless it does not say",
        holds: |seen, machine| match under_way(seen) {
            Some((Stop { leave, .. }, agent))
                if agent.api && leave.watched.is_some() && leave.left.is_none() && !leave.mute =>
            {
                asks(seen) || is_due(machine, soon(seen, 100))
            }
            _ => true,
        },
    },
    Invariant {
        name: "a broken leave is finished",
        sentence: "where a leave's agent has ended before it was confirmed, or had crashed before the leave, and there are 4 s left, \
                   another one is started, once",
        holds: |seen, _| !seen.finish_now || seen.spawning,
    },
    Invariant {
        name: "a hang is not waited for",
        sentence: "an agent that can be asked and has not begun to leave 6 s before the end of the budget is killed, where it has had 4 s \
                   and another one can leave in its place",
        holds: |seen, _| match under_way(seen) {
            Some((stop, _)) if stop.late_now => stop.leave.replaced || !hangs(seen, stop),
            _ => true,
        },
    },
    Invariant {
        name: "a ghost is taken away",
        sentence: "where our own entry is seen back after it was gone, or to come after the agent has left, and its id is known, \
                   it is deregistered",
        holds: |seen, _| match leaving(seen) {
            Some(Stop { leave, .. }) => {
                !leave.came_now || leave.removing || seen.facts.node_id.is_empty()
            }
            None => true,
        },
    },
    Invariant {
        name: "the last step",
        sentence: "shortly before the kill our own entry, where it is known as that and not seen gone, is taken away, unless that was \
                   tried",
        holds: |seen, _| match under_way(seen) {
            Some((stop, agent)) if stop.last_now => {
                let leave = &stop.leave;
                let own = seen.own_entry && !seen.facts.node_id.is_empty();
                let done = leave.is_confirmed(seen) || leave.sight == Sight::Gone;
                !agent.api || !own || done || leave.removed
            }
            _ => true,
        },
    },
    Invariant {
        name: "a stop ends",
        sentence: "once a stop was begun, SIGKILL is due within --stop-timeout and is sent when that is over, and the agent's \
                   end is the exit: so a stop takes --stop-timeout and what the agent takes to die of SIGKILL at most",
        holds: |seen, machine| match (&seen.stop, &seen.agent) {
            (Some(stop), Some(_)) if !stop.killed => {
                let end = stop.since + seen.config.stop_timeout;
                let passed = seen.event == Event::Tick && seen.now >= end;
                !passed && machine.deadline().is_some_and(|at| at <= end)
            }
            _ => true,
        },
    },
];

/// A leave that still has an agent, which was not killed at the end of its budget.
fn under_way(seen: &Seen) -> Option<(&Stop, &Agent)> {
    let stop = leaving(seen).filter(|stop| !stop.killed)?;
    Some((stop, seen.agent.as_ref()?))
}

fn asks(seen: &Seen) -> bool {
    seen.asked(|question| matches!(question, Question::Agent | Question::Leader)) > 0
}

fn asks_catalog(seen: &Seen) -> bool {
    seen.asked(|question| matches!(question, Question::Catalog { .. })) > 0
}

/// The catalog is not known to hide the agent's entry, and has shown none under its name.
fn may_seek(seen: &Seen, stop: &Stop, agent: &Agent) -> bool {
    let hidden = seen.ever_ready && !seen.own_entry;
    agent.api && !hidden && !stop.leave.found
}

fn soon(seen: &Seen, millis: u64) -> Moment {
    seen.now + Duration::from_millis(millis)
}

fn is_due(machine: &Machine, at: Moment) -> bool {
    machine.deadline().is_some_and(|deadline| deadline <= at)
}
