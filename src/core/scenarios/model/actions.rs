//! What must hold of each action, at the moment it is asked for. Those of a leave are in [`super::leaving`].

use super::*;

pub(super) const INVARIANTS: &[Invariant<Action>] = &[
    Invariant {
        name: "a stay is no leave",
        sentence: "a stop without a leave sends SIGTERM or SIGINT only where the agent itself has said in this run that this \
                   is no leave, and was ready, or SIGTERM where it has lost its name; and it asks nothing",
        holds: |seen, action| match (action, &seen.agent, &seen.stop) {
            (_, _, Some(stop)) if stop.mode == OnStop::Leave => true,
            (Action::Ask(_), _, Some(_)) => false,
            (Action::Signal(number @ (SIGINT | SIGTERM)), Some(agent), Some(_)) => {
                let facts = &seen.facts;
                let leaves = match *number {
                    SIGTERM => facts.leaves_on_terminate,
                    _ => facts.leaves_on_interrupt,
                };
                let lost = *number == SIGTERM && seen.conflicts.is_lost();
                lost || agent.told && agent.was_ready && leaves == Some(false)
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
        sentence: "outside a stop a signal that is sent is a SIGHUP, or the very one that came; in a stop none is passed on, but it \
                   has a SIGCONT of its own",
        holds: |seen, action| match action {
            Action::Signal(SIGHUP) => seen.stop.is_none(),
            Action::Signal(SIGCONT) if seen.stop.is_some() => true,
            Action::Signal(number) if OWN.contains(number) => true,
            Action::Signal(number) => {
                seen.stop.is_none() && seen.event == Event::Signal(Signal::Other(*number))
            }
            _ => true,
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
        name: "no circles",
        sentence: "an answer that was of no use is not followed at once by the same question, and a catalog question that \
                   follows an answer in a leave waits for a change",
        holds: |seen, action| match (action, &seen.event) {
            (Action::Ask(asked), Event::Answered(answer)) if answers::answers(answer, asked) => {
                match (asked, answer) {
                    (Question::Catalog { change, .. }, Answer::Catalog(Ok(_))) => {
                        seen.stop.is_some() && change.is_some_and(|(index, _)| index > 0)
                    }
                    // Somebody else may have asked for a reload meanwhile.
                    (Question::Reload | Question::Services, _) => true,
                    // Another name; see `conflicts`.
                    (Question::Node { .. }, _) => true,
                    _ => false,
                }
            }
            _ => true,
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
            // One that leaves as what its node was drops what it was asked before it is asked to.
            !gives_up || seen.farewell.is_some() || seen.start_overdue()
        },
    },
];
