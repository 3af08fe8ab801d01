//! What must hold after each event and all its actions. What concerns a stop is in [`super::stopping`].

use super::reloading::Step;
use super::*;
use crate::core::conditions::Truth;
use crate::core::signal;

pub(super) const INVARIANTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "the documented exit",
        sentence: "the end comes when, and with the code that, docs/exit-codes.md says, and at no other time: 0 for a leave only \
                   if it is confirmed, or somebody else's had ended the agent before lictor asked or saw it begin, 115 otherwise",
        holds: |seen, machine| match (&seen.end, &seen.exit) {
            (Some(end), Some(exit)) => exit.code == end.code,
            (Some(end), None) => machine.is_ending() && end.asked,
            (None, exit) => !machine.is_ending() && exit.is_none(),
        },
    },
    Invariant {
        name: "an end comes to an end",
        sentence: "once the end is decided, the exit is at once if there never was an agent; else it comes when nobody is left, \
                   SIGKILL is due within --kill-after and the rest of the budget, and no Tick after that goes without one or \
                   the exit",
        holds: |seen, machine| match &seen.end {
            Some(end) if seen.exit.is_none() => {
                let due = end.at + end.patience;
                let passed = seen.event == Event::Tick && seen.now >= due && end.kills == 0;
                let deadline = machine
                    .deadline()
                    .is_some_and(|at| end.kills > 0 || at <= due);
                seen.ever_spawned && seen.event != Event::Alone && !passed && deadline
            }
            _ => true,
        },
    },
    Invariant {
        name: "nobody waits in vain",
        sentence: "once the end is decided nobody waits for a reload; nor does anybody who asked after a stop was begun, or before the \
                   agent's end for what the next one will not do; and while an agent that was ready lives, a reload that is wanted is under way",
        holds: |seen, _| {
            let under_way = seen.reload.step != Step::None || seen.reload.staging;
            let ready = seen.agent.as_ref().is_some_and(|agent| agent.was_ready);
            let ends = seen.reload.ends_agent || seen.addresses.ends_agent;
            let kept = seen.reload.wanted && ready && !under_way && !ends;
            let ended = matches!(seen.event, Event::Ended(_)) || seen.end.is_some();
            // Who waits for the reload that a stop broke off is told at the agent's end.
            let stopped =
                seen.stop.is_some() && seen.waiters.values().any(|waiting| !waiting.asked);
            let next = seen.reload.is_for_next() || seen.renewed_now || seen.farewell_over;
            let goes_on = seen.end.is_none() && next;
            !kept && !stopped && (seen.waiters.is_empty() || !ended || goes_on)
        },
    },
    Invariant {
        name: "no busy loop",
        sentence: "after a Tick no deadline is due any more, so that without the world's doing time advances between two events",
        holds: |seen, machine| {
            seen.event != Event::Tick || machine.deadline().is_none_or(|at| at > seen.now)
        },
    },
    Invariant {
        name: "never silent",
        sentence: "while an agent with an API lives, a question is under way or a deadline is set: nothing is forgotten",
        holds: |seen, machine| {
            let api = seen.agent.as_ref().is_some_and(|agent| agent.api);
            let farewell = seen.farewell.as_ref().is_some_and(|it| it.killed);
            let killed = farewell || seen.stop.as_ref().is_some_and(|stop| stop.killed);
            let active = machine.deadline().is_some() || !seen.questions.is_empty();
            !api || killed || active
        },
    },
    Invariant {
        name: "a quiet end",
        sentence: "with the agent's end its questions are dropped, and with the exit all deadlines",
        holds: |seen, machine| {
            let alone = seen.agent.is_some() || seen.questions.is_empty();
            alone && (seen.exit.is_none() || machine.deadline().is_none())
        },
    },
    Invariant {
        name: "back-off",
        sentence: "a crash that is not the end is followed by a restart after 250 ms, doubled with each crash in a row up to \
                   30 s, less a fifth at most; a good run of 60 s makes earlier crashes count no more",
        holds: |seen, machine| {
            if !seen.crashed_now || seen.end.is_some() {
                return true;
            }
            let full = seen.back_off();
            let delay = machine.deadline().map(|at| at - seen.now);
            // Changed files or addresses may have their time before that.
            let soonest = match seen.noticed {
                None if !seen.addresses.is_owed() => full * 4 / 5,
                _ => Moment::ZERO,
            };
            delay.is_some_and(|delay| delay <= full && delay >= soonest)
        },
    },
    Invariant {
        name: "--start-timeout holds",
        sentence: "while an agent that never was ready lives and no stop was begun, the end of --start-timeout is not overslept",
        holds: |seen, machine| match (&seen.agent, seen.config.start_timeout) {
            (Some(agent), Some(timeout))
                if !seen.ever_ready && seen.stop.is_none() && seen.farewell.is_none() =>
            {
                let passed = seen.event == Event::Tick && seen.start_overdue();
                !passed
                    && machine
                        .deadline()
                        .is_some_and(|at| at <= agent.since + timeout)
            }
            _ => true,
        },
    },
    Invariant {
        name: "signals arrive",
        sentence: "a signal that lictor has no use for is passed on to an agent that lives, once, unless a stop was begun; one of \
                   Ctrl-Z's suspends lictor and the agent, if there is one, instead",
        holds: |seen, _| {
            let alive = seen.agent.is_some();
            let wanted = match seen.event {
                _ if seen.stop.is_some() || seen.end.is_some() => false,
                Event::Signal(Signal::Other(number)) => alive || signal::is_terminal_stop(number),
                _ => false,
            };
            seen.passed_on == u32::from(wanted)
        },
    },
    Invariant {
        name: "conditions are true",
        sentence: "Ready is True only while an agent lives and no stop was begun; AgentRunning is True if and only if one lives, \
                   and the pid is its",
        holds: |seen, machine| {
            let status = machine.status();
            let truth = |kind| status.conditions.get(kind).truth == Truth::True;
            let running = seen.agent.is_some();
            (!truth(Kind::Ready) || running && seen.stop.is_none())
                && truth(Kind::AgentRunning) == running
                && status.pid == seen.agent.as_ref().map(|agent| agent.pid)
        },
    },
    Invariant {
        name: "the phase fits",
        sentence: "Exited is for after the exit; Ready, Reloading and Joining are for an agent that lives and no stop; Backoff \
                   is for after a crash",
        holds: |seen, machine| {
            let serving = seen.agent.is_some() && seen.stop.is_none();
            match machine.status().phase {
                Phase::Exited => seen.exit.is_some(),
                Phase::Ready | Phase::Reloading | Phase::Joining => serving,
                Phase::Leaving => {
                    let leaves = seen.stop.is_some() || seen.farewell.is_some();
                    leaves && (seen.agent.is_some() || seen.spawning)
                }
                Phase::Stopping => seen.stop.is_some() || seen.end.is_some(),
                Phase::Backoff => {
                    let tried = seen.crashes + seen.conflicts.tries > 0;
                    seen.agent.is_none() && tried && seen.end.is_none()
                }
                Phase::Starting => seen.stop.is_none() && (serving || seen.spawning),
                Phase::Addressing => !seen.ever_spawned && seen.stop.is_none(),
                Phase::Staging => {
                    let moving = seen.addresses.ends_agent && seen.agent.is_none();
                    (!seen.ever_spawned || moving) && seen.stop.is_none()
                }
            }
        },
    },
];
