//! What must hold of reloads.

use super::answers::{percent, services};
use super::reloading::{Step, Verdict};
use super::world::World;
use super::*;

pub(super) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "an agent that takes reloads",
        sentence: "a reload is begun only if one was asked for, or the last one was not for the agent to read and time has passed, or an agent may have read other files than it was to; and none is under \
                   way and no stop was begun. It begins with the agent's services, unless it has no API, then \
                   comes a snapshot, unless the agent is only to load its data directory, and only after a good one the agent is asked: by SIGHUP only if it was ready in this run, by PUT \
                   only if it has an API that has not denied it",
        holds: |seen, action| {
            let reload = &seen.reload;
            let again = reload.may_look_again(&seen.event);
            let begins = (reload.may_begin() || again) && !seen.addresses.ends_agent;
            let tells = match seen.config.staging {
                true => {
                    let as_is = reload.may_begin() && !reload.anew && !reload.address;
                    reload.step == Step::Ready && !reload.renews_now() || as_is
                }
                false => begins,
            };
            let holds = |api: bool, was_ready: bool| match action {
                Action::Ask(Question::Services) => {
                    let steps = [Step::Verifying, Step::Restarting, Step::Signaled];
                    let verifies = steps.contains(&reload.step);
                    api && (verifies
                        || begins
                            && seen.config.staging
                            && (reload.anew || reload.address || again))
                }
                Action::Restage => {
                    let looked = reload.step == Step::Looked || reload.may_judge();
                    let for_all = match reload.step {
                        Step::None => !reload.address || reload.may_judge(),
                        _ => !reload.was_address,
                    };
                    seen.config.staging && for_all && (looked || begins && !api && was_ready)
                }
                Action::Reregister => {
                    let looked = reload.step == Step::Looked && reload.was_address;
                    let begun = begins && !api && was_ready && reload.address;
                    seen.config.staging && (looked || begun)
                }
                Action::Signal(SIGHUP) => was_ready && (tells || reload.step == Step::Owed),
                Action::Ask(Question::Reload) => api && tells && !reload.denied,
                _ => true,
            };
            let is_of_one = matches!(
                action,
                Action::Restage
                    | Action::Reregister
                    | Action::Signal(SIGHUP)
                    | Action::Ask(Question::Reload | Question::Services)
            );
            let agent = seen.agent.as_ref();
            if *action == Action::Restage && seen.reload.may_judge() {
                return seen.stop.is_none();
            }
            !is_of_one
                || seen.stop.is_none()
                    && agent.is_some_and(|agent| holds(agent.api, agent.was_ready))
        },
    },
    Invariant {
        name: "only what is good is read",
        sentence: "what was taken is for the agent to read only if it was taken for a reload that is under way and nothing speaks \
                   against it; what something speaks against is kept, and what was only to be judged, or that nobody is there to read, \
                   is forgotten",
        holds: |seen, action| match action {
            Action::Adopt => seen.reload.held && seen.reload.step == Step::Taken,
            Action::Reject => seen.reload.held && seen.reload.step == Step::Bad,
            _ => true,
        },
    },
    Invariant {
        name: "what is bad is taken back",
        sentence: "what the agent reads is taken back only after a snapshot from which there is a way back, once, and only because the \
                   reload failed or lost a service that the snapshot does not drop, because the agent ended before that was known, or \
                   because nobody is there to try it",
        holds: |seen, action| {
            *action != Action::Unstage || seen.reload.is_bad && seen.reload.unstaged == 0
        },
    },
    Invariant {
        name: "what is good stays",
        sentence: "a snapshot is settled only after its reload was good, as far as that can be seen, or when the user's files are what \
                   the agent has read; never in a stop",
        holds: |seen, action| {
            let good = Some(Verdict {
                good: true,
                back: false,
            });
            *action != Action::Settle
                || seen.reload.spared
                || seen.config.staging && seen.reload.verdict == good && seen.stop.is_none()
        },
    },
    Invariant {
        name: "a true word to who waits",
        sentence: "who waits for a reload is told once, and only what happened since he waits: reloaded when the reload that \
                   was begun since was good, signaled where it was as good and a SIGHUP of which not all could be seen, rolled back \
                   when it was not and the way back from it was, failed when the reload or its snapshot failed and there was no way back or that failed, the agent ended, or \
                   lictor stops or ends",
        holds: |seen, action| {
            let Action::Reply(waiter, outcome) = action else {
                return true;
            };
            let Some(waiting) = seen.waiters.get(&waiter.0) else {
                return false;
            };
            let verdict = seen.reload.verdict.filter(|_| waiting.asked);
            let is = |good, back| verdict == Some(Verdict { good, back });
            match outcome {
                ReloadOutcome::Reloaded(_) => is(true, false) && !seen.reload.blind,
                ReloadOutcome::RolledBack(_) => is(true, true) || seen.reload.renewal_failed,
                ReloadOutcome::Judged(_) => faults(&seen.event) == Some(false),
                ReloadOutcome::Rejected(_) => faults(&seen.event) == Some(true),
                ReloadOutcome::Signaled(..) => is(true, false) && seen.reload.blind,
                ReloadOutcome::Failed(_) => {
                    let failed = is(false, true) || is(false, false) && !seen.reload.is_bad;
                    let unstaged = match &seen.event {
                        Event::Restaged(Err(_)) => true,
                        Event::Adopted(Err(_)) => waiting.asked,
                        Event::JudgementAsked(_) => !seen.config.staging,
                        _ => false,
                    };
                    let over = seen.stop.is_some() || seen.end.is_some();
                    failed || unstaged || over || matches!(seen.event, Event::Ended(_))
                }
            }
        },
    },
];

/// Whether something speaks against what was taken at this event.
fn faults(event: &Event) -> Option<bool> {
    match event {
        Event::Restaged(Ok(candidate)) => Some(!candidate.verdict.faults.is_empty()),
        _ => None,
    }
}

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "what is taken is not left lying",
        sentence: "once something was taken it is known what becomes of it",
        holds: |seen, _| !seen.reload.held || seen.end.is_some(),
    },
    Invariant {
        name: "nothing bad stays",
        sentence: "where there is a way back from a snapshot that is bad, or that an agent ended in, it is taken at once",
        holds: |seen, _| !seen.reload.is_bad || seen.reload.unstaged == 1,
    },
    Invariant {
        name: "the way back has an end",
        sentence: "the agent is asked to read again what it read before within 1 s, unless it ends or a stop is begun",
        holds: |seen, machine| {
            let soon = seen.now + Duration::from_secs(1);
            !seen.reload.is_back() || machine.deadline().is_some_and(|at| at <= soon)
        },
    },
    Invariant {
        name: "ConfigGood is true",
        sentence: "after a reload that was not good ConfigGood is False, rolled back or not, and after one that was it is True, unless the \
                   agent does not have the registration of another address yet",
        holds: |seen, machine| {
            let status = machine.status();
            let truth = status.conditions.get(Kind::ConfigGood).truth;
            let over = seen.reload.verdict.filter(|_| !seen.reload.is_bad);
            let expected = |good| match good {
                true => crate::core::conditions::Truth::True,
                false => crate::core::conditions::Truth::False,
            };
            let registered = seen.addresses.has_registration();
            over.is_none_or(
                |verdict| match (verdict.good && !verdict.back, registered) {
                    (true, None) => true,
                    (good, registered) => truth == expected(good && registered == Some(true)),
                },
            )
        },
    },
];

impl World {
    /// What was read of the user's directories.
    pub(super) fn restaged(&mut self) -> Event {
        let mut change = Change::default();
        if self.rng.bool() {
            change.changed.push("/consul/config/x.json".to_owned());
            change.way_back = percent(&mut self.rng, 90);
            change.dropped = services(&mut self.rng, 20);
        }
        let mut verdict = crate::core::candidate::Verdict::default();
        if percent(&mut self.rng, 20) {
            verdict
                .faults
                .push("x.json: it is broken; mend it".to_owned());
        }
        if percent(&mut self.rng, 30) {
            verdict.restart.push("node_name (x.json)".to_owned());
        }
        let candidate = Candidate { change, verdict };
        let good = percent(&mut self.rng, 90);
        Event::Restaged(good.then_some(candidate).ok_or("by chance".to_owned()))
    }
}
