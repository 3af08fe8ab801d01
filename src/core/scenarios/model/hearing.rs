//! What comes of it when the agent says in its log that it begins to leave: its leave, or nothing.

use super::answers::percent;
use super::leaving::leaving;
use super::records::Heard;
use super::seen::Seen;
use super::world::World;
use super::*;

/// How often the agent is asked whether it is so, ...
const TIMES: u32 = 5;
/// ... and how long after it was heard, or was asked in vain.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "heard of first",
        sentence: "an agent is asked whether it leaves only once that was heard in its log, one question at a time, at most five \
                   for each hearing, and never in a stop",
        holds: |seen, action| {
            if *action != Action::Ask(Question::Membership) {
                return true;
            }
            let heard = seen.agent.as_ref().and_then(|agent| agent.heard.as_ref());
            let few = heard.is_some_and(|heard| heard.asked < TIMES);
            few && seen.stop.is_none() && under_way(seen) == 0
        },
    },
    Invariant {
        name: "a false alarm changes nothing",
        sentence: "of a hearing, and of an answer that is no leave, nothing comes but the question whether it leaves; in a stop nothing \
                   but the end of what was asked before",
        holds: |seen, action| {
            let alarm = match &seen.event {
                Event::LeaveHeard => true,
                Event::Answered(Answer::Membership(_)) => seen.stop.is_none(),
                _ => false,
            };
            let asks = *action == Action::Ask(Question::Membership);
            let drops = *action == Action::Forget && seen.stop.is_some();
            !alarm || asks || drops
        },
    },
];

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "what is heard is looked into",
        sentence: "an agent that was heard to begin to leave is asked whether it does within 50 ms, until it has answered five times \
                   or a stop was begun",
        holds: |seen, machine| match &seen.agent {
            Some(agent) if seen.stop.is_none() => {
                let due = machine.deadline();
                let soon = due.is_some_and(|due| due <= seen.now + PAUSE);
                let heard = agent.heard.as_ref();
                heard.is_none_or(|heard| heard.answered >= TIMES) || under_way(seen) > 0 || soon
            }
            _ => true,
        },
    },
    Invariant {
        name: "a stop since a leave was heard of",
        sentence: "a stop that nobody asks for, and that is none of --start-timeout or of leaves that broke each other, begins with \
                   the agent's own word that it leaves, asked after that was heard, and is a leave without --drain",
        holds: |seen, machine| {
            let told = matches!(&seen.event, Event::Answered(Answer::Membership(Ok(said))) if said.is_leaving());
            let leaves = machine.status().phase == Phase::Leaving;
            // Where the leave would be another's there is none.
            let instead = seen
                .stop
                .as_ref()
                .is_some_and(|stop| stop.instead.is_some());
            !told || instead || leaves && leaving(seen).is_some_and(|stop| stop.drains.is_none())
        },
    },
];

fn under_way(seen: &Seen) -> usize {
    seen.asked(|question| *question == Question::Membership)
}

impl Seen {
    pub(super) fn leave_heard(&mut self) {
        let now = self.now;
        let Some(agent) = self.agent.as_mut().filter(|agent| agent.api) else {
            return;
        };
        match &mut self.stop {
            None => agent.heard = Some(Heard::default()),
            Some(stop) if stop.mode == OnStop::Stay => {}
            // Load balancers are not waited for any more.
            Some(stop) if stop.drains.is_some() => {
                stop.drains = stop.drains.map(|at| at.min(now + PAUSE));
            }
            // What it said before does not count.
            Some(stop) => stop.leave.looked &= stop.leave.watched.is_some(),
        }
    }

    /// The agent was asked whether it leaves.
    pub(super) fn membership_asked(&mut self) {
        let agents = self.agent.iter_mut();
        agents
            .filter_map(|agent| agent.heard.as_mut())
            .for_each(|heard| heard.asked += 1);
    }

    /// The agent said whether it leaves.
    pub(super) fn membership_told(&mut self, leaves: bool) {
        let heard = self
            .agent
            .iter_mut()
            .filter_map(|agent| agent.heard.as_mut());
        heard.for_each(|heard| heard.answered += 1);
        if leaves && self.stop.is_none() {
            self.stop(OnStop::Leave);
            let due = self.now + self.patience();
            if let Some(stop) = &mut self.stop {
                (stop.drains, stop.leave.due) = (None, Some(due));
            }
        }
    }
}

impl World {
    /// Somebody else asks the agent to leave, which says so before or after it begins to, or says so and does not.
    pub(super) fn others_leave(&mut self) -> Option<Event> {
        self.intends = percent(&mut self.rng, 40);
        if self.intends || percent(&mut self.rng, 20) {
            return Some(Event::LeaveHeard);
        }
        self.begin_to_leave(How::Exited(0));
        None
    }

    /// A leave of which the log spoke begins.
    pub(super) fn intended(&mut self) {
        if std::mem::take(&mut self.intends) && self.is_up() {
            self.begin_to_leave(How::Exited(0));
            self.says = false;
        }
    }

    /// What the agent wrote to its log is read.
    pub(super) fn log(&mut self) -> Option<Event> {
        self.intended();
        if std::mem::take(&mut self.says_failed) {
            return Some(Event::FailureHeard("by chance".to_owned()));
        }
        std::mem::take(&mut self.says).then_some(Event::LeaveHeard)
    }
}
