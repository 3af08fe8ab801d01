//! What must hold of each action, at the moment it is asked for.

use super::records::Stop;
use super::seen::{RESERVE, Seen};
use super::*;

pub(super) const INVARIANTS: &[Invariant<Action>] = &[
    Invariant {
        name: "one leave",
        sentence: "while a leave is under way no other is asked for: only one that was refused or could not be put is \
                   followed by another; SIGTERM and SIGINT count as leaves in a stop that is one",
        holds: |seen, action| {
            !is_leave(seen, action) || leaving(seen).is_some_and(|s| !s.under_way)
        },
    },
    Invariant {
        name: "a leave is wanted",
        sentence: "PUT leave, PUT deregister, SIGTERM, SIGINT and SIGKILL are for stops, the first two for leaves",
        holds: |seen, action| match action {
            Action::Ask(Question::Leave | Question::Deregister { .. }) => leaving(seen).is_some(),
            Action::Signal(SIGINT | SIGKILL | SIGTERM) => seen.stop.is_some(),
            _ => true,
        },
    },
    Invariant {
        name: "young agents get no signal",
        sentence: "a leave is asked for by signal only of an agent that was ready, after a PUT that was refused, or, where \
                   there is no API, once the agent has notified or the patience is over",
        holds: |seen, action| match (action, &seen.agent, leaving(seen)) {
            (Action::Signal(SIGINT | SIGTERM), Some(agent), Some(stop)) => {
                let over = seen.now >= stop.since + seen.patience();
                agent.was_ready || stop.asked || !agent.api && (agent.notified || over)
            }
            _ => true,
        },
    },
    Invariant {
        name: "a stay is no leave",
        sentence: "a stop without a leave sends SIGTERM or SIGINT only where the agent itself has said in this run that this \
                   is no leave, and was ready; and it asks nothing",
        holds: |seen, action| match (action, &seen.agent, &seen.stop) {
            (_, _, Some(stop)) if stop.mode == OnStop::Leave => true,
            (Action::Ask(_), _, Some(_)) => false,
            (Action::Signal(number @ (SIGINT | SIGTERM)), Some(agent), Some(_)) => {
                let facts = &seen.facts;
                let leaves = match *number {
                    SIGTERM => facts.leaves_on_terminate,
                    _ => facts.leaves_on_interrupt,
                };
                agent.told && agent.was_ready && leaves == Some(false)
            }
            _ => true,
        },
    },
    Invariant {
        name: "kills have a reason",
        sentence: "SIGKILL is sent to stay (or at the end of --start-timeout, which is a stay), once, and at the end of the \
                   budget, less the reserve, once",
        holds: |seen, action| match (action, &seen.stop) {
            (Action::Signal(SIGKILL), Some(stop)) => {
                let end = stop.since + seen.config.stop_timeout.saturating_sub(RESERVE);
                let stays = stop.mode == OnStop::Stay && !stop.stayed;
                stays || !stop.killed && seen.now >= end
            }
            _ => true,
        },
    },
    Invariant {
        name: "no signal without an agent",
        sentence: "a signal is sent only between an agent's Spawned and its Ended",
        holds: |seen, action| !matches!(action, Action::Signal(_)) || seen.agent.is_some(),
    },
    Invariant {
        name: "signals are passed on as they come",
        sentence: "outside a stop a signal that is sent is a SIGHUP, or the very one that came; in a stop none is passed on",
        holds: |seen, action| match action {
            Action::Signal(SIGHUP) => seen.stop.is_none(),
            Action::Signal(number) if OWN.contains(number) => true,
            Action::Signal(number) => {
                seen.stop.is_none() && seen.event == Event::Signal(Signal::Other(*number))
            }
            _ => true,
        },
    },
    Invariant {
        name: "an agent that takes reloads",
        sentence: "a reload is begun only if one was asked for, or a new agent may have read old files; and none is under way and no \
                   stop was begun. It begins with a snapshot, and only after a good one the agent is asked: by SIGHUP only if it \
                   was ready in this run, by PUT only if it has an API",
        holds: |seen, action| {
            let asked = seen.asked(|question| *question == Question::Reload);
            let free = seen.stop.is_none() && asked == 0 && !seen.staging;
            let staged = matches!(seen.event, Event::Restaged(Ok(_)));
            let denied = matches!(
                seen.event,
                Event::Answered(Answer::Reload(Err(Refusal::Denied(_))))
            );
            match (action, &seen.agent) {
                (Action::Restage, Some(agent)) => {
                    free && seen.reload_wanted && (agent.api || agent.was_ready)
                }
                (Action::Restage, None) => false,
                (Action::Signal(SIGHUP), Some(agent)) => {
                    free && agent.was_ready && (staged || denied)
                }
                (Action::Ask(Question::Reload), Some(agent)) => free && agent.api && staged,
                _ => true,
            }
        },
    },
    Invariant {
        name: "a true word to who waits",
        sentence: "who waits for a reload is told once, and only what happened since he waits: reloaded when the reload that \
                   was begun since was answered so, signaled when a SIGHUP was sent since, failed when the reload or its \
                   snapshot failed, the agent ended, or lictor stops or ends",
        holds: |seen, action| {
            let Action::Reply(waiter, outcome) = action else {
                return true;
            };
            let Some(waiting) = seen.waiters.get(&waiter.0) else {
                return false;
            };
            let answer = match &seen.event {
                Event::Answered(Answer::Reload(result)) => Some(result.is_ok()),
                _ => None,
            };
            match outcome {
                ReloadOutcome::Reloaded => waiting.asked && answer == Some(true),
                ReloadOutcome::Signaled => waiting.signaled,
                ReloadOutcome::Failed(_) => {
                    let unstaged = matches!(seen.event, Event::Restaged(Err(_)));
                    let failed = waiting.asked && (answer == Some(false) || unstaged);
                    failed
                        || seen.stop.is_some()
                        || seen.end.is_some()
                        || matches!(seen.event, Event::Ended(_))
                }
            }
        },
    },
    Invariant {
        name: "who can answer",
        sentence: "questions are put only to an agent that lives and has an API",
        holds: |seen, action| {
            !matches!(action, Action::Ask(_)) || seen.agent.as_ref().is_some_and(|agent| agent.api)
        },
    },
    Invariant {
        name: "one question at a time",
        sentence: "outside a stop there is one question of agent, leader and catalog at a time; in a leave one catalog question, \
                   and no question for the leader or for a reload",
        holds: |seen, action| {
            let chain = |question: &Question| {
                matches!(
                    question,
                    Question::Agent | Question::Leader | Question::Catalog { .. }
                )
            };
            match action {
                Action::Ask(question) if seen.stop.is_none() => {
                    !chain(question) || seen.asked(chain) == 0
                }
                Action::Ask(Question::Catalog { .. }) => {
                    seen.asked(|question| matches!(question, Question::Catalog { .. })) == 0
                }
                Action::Ask(question) => !matches!(question, Question::Leader | Question::Reload),
                _ => true,
            }
        },
    },
    Invariant {
        name: "no circles",
        sentence: "an answer that was of no use is not followed at once by the same question, and a catalog question that \
                   follows an answer in a leave waits for a change",
        holds: |seen, action| match (action, &seen.event) {
            (Action::Ask(asked), Event::Answered(answer)) if answers::answers(answer, asked) => {
                match (asked, answer) {
                    (Question::Catalog { change, .. }, Answer::Catalog(Ok(_))) => {
                        seen.stop.is_some() && change.is_some_and(|(index, _)| index > 0)
                    }
                    // Somebody else may have asked for it meanwhile.
                    (Question::Reload, _) => true,
                    _ => false,
                }
            }
            _ => true,
        },
    },
    Invariant {
        name: "only our own ghost",
        sentence: "a node is deregistered only when it was seen gone and is back under our name with the agent's own id, and \
                   not while that is under way or after it was denied",
        holds: |seen, action| match (action, &seen.stop) {
            (Action::Ask(Question::Deregister { node }), Some(stop)) => {
                let back = matches!(&seen.event, Event::Answered(Answer::Catalog(Ok(shown)))
                    if shown.present && shown.id == seen.facts.node_id);
                let known = !seen.facts.node_id.is_empty() && *node == seen.facts.node_name;
                back && known && stop.went && !stop.taken_away
            }
            _ => true,
        },
    },
    Invariant {
        name: "a spawn at its time",
        sentence: "an agent is spawned once what it reads is staged, or when the back-off after a crash is over; never once a \
                   stop was begun, and never while one lives or is being spawned",
        holds: |seen, action| {
            let due = match &seen.event {
                Event::Staged(staged) => staged.is_ok() && !seen.ever_spawned,
                // A fifth is taken off by chance at most.
                Event::Tick => {
                    seen.crashes > 0 && seen.now >= seen.crashed_at + seen.back_off() * 4 / 5
                }
                _ => false,
            };
            let free = seen.stop.is_none() && seen.agent.is_none() && !seen.spawning;
            *action != Action::Spawn || due && free
        },
    },
    Invariant {
        name: "no exit while the agent lives",
        sentence: "the exit, and the end of what the agent has left behind, come after the agent's Ended, also where lictor \
                   killed it, at the end of the budget or of --start-timeout",
        holds: |seen, action| {
            let ends = matches!(action, Action::Exit(_) | Action::Sweep(_));
            !ends || seen.agent.is_none() && !seen.spawning
        },
    },
    Invariant {
        name: "leftovers have their time",
        sentence: "once the end is decided, and no sooner, what the agent has left behind is sent SIGTERM, once; then SIGKILL, \
                   after --kill-after or at the end of the budget; and the exit does not come before nobody is left or killing \
                   was of no use for 2 s",
        holds: |seen, action| {
            let Some(end) = &seen.end else {
                return !matches!(action, Action::Sweep(_) | Action::Exit(_));
            };
            match action {
                Action::Sweep(SIGTERM) => !end.asked && seen.ever_spawned,
                Action::Sweep(signal) => {
                    *signal == SIGKILL && end.asked && seen.now >= end.at + end.patience
                }
                Action::Exit(_) => {
                    !seen.ever_spawned || seen.event == Event::Alone || end.kills == 20
                }
                _ => true,
            }
        },
    },
    Invariant {
        name: "nothing after the exit",
        sentence: "there is one exit, and no action after it, whatever happens then",
        holds: |seen, _| seen.exit.is_none(),
    },
    Invariant {
        name: "a time-out is kept to",
        sentence: "of itself lictor gives an agent up only if it was never ready and has had all of --start-timeout",
        holds: |seen, action| {
            let gives_up =
                *action == Action::Forget && seen.event == Event::Tick && seen.stop.is_none();
            !gives_up || seen.start_overdue()
        },
    },
];

/// The stop, if it is a leave.
fn leaving(seen: &Seen) -> Option<&Stop> {
    seen.stop.as_ref().filter(|stop| stop.mode == OnStop::Leave)
}

fn is_leave(seen: &Seen, action: &Action) -> bool {
    match action {
        Action::Ask(Question::Leave) => true,
        Action::Signal(SIGINT | SIGTERM) => leaving(seen).is_some(),
        _ => false,
    }
}
