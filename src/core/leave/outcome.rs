//! What a stop's end means: whether the leave is confirmed, and what is told.

use crate::core::action::Level;
use crate::core::event::{End, How, Membership};
use crate::core::leave::watch::Entry;
use crate::core::leave::{Step, Stop};
use crate::core::machine::{Machine, OnStop, last_words, seconds};
use crate::exit::{self, Exit};

impl Stop {
    /// Whether the agent ended since somebody else had asked it to leave, before lictor did, or knew of it. One that was watched
    /// is judged by what was seen of it, whoever asked for it.
    pub(super) fn is_another_s(&self, end: &End) -> bool {
        !self.finishing
            && self.step != Step::Watch
            && end.how == How::Exited(0)
            && !end.broke_its_leave
    }
}

impl Machine {
    /// Whether all that can be seen of a leave was seen.
    pub(super) fn is_confirmed(&self, stop: &Stop) -> bool {
        // An entry that somebody else took away while the agent was a member like others is no leave.
        let begun = stop.course.membership != Membership::Alive;
        match stop.course.entry {
            // One that was taken away here tells nothing of whether anybody has heard of the leave.
            Entry::Gone => begun && !stop.course.removed,
            Entry::Absent => {
                let left = stop.course.membership == Membership::Left;
                left && self.sees_entry() && !stop.finishing
            }
            Entry::Unseen | Entry::There | Entry::Back => false,
        }
    }

    /// Whether the catalog would show us: one that has never shown a ready agent may hide it from this token.
    pub(super) fn sees_entry(&self) -> bool {
        !self.start.ever_ready || self.start.was_in_catalog
    }

    /// Whether there is reason to believe that the leave was not done: an agent that ends with 0 where nothing can be seen has
    /// none against it.
    pub(super) fn is_broken(&self, stop: &Stop, end: &End) -> bool {
        if self.is_confirmed(stop) || stop.is_another_s(end) {
            return false;
        }
        let blind = match stop.course.entry {
            Entry::Unseen => stop.denied || !self.config.api,
            Entry::Absent => !self.sees_entry(),
            Entry::There | Entry::Gone | Entry::Back => false,
        };
        let blind = blind && stop.course.membership != Membership::Alive;
        end.how != How::Exited(0) || end.broke_its_leave || !blind
    }

    /// How lictor ends after a stop whose agent has ended.
    pub(super) fn outcome(&mut self, stop: &Stop, end: &End) -> Exit {
        let took = seconds(self.now.saturating_sub(stop.since));
        if let Some(exit) = &stop.because {
            return exit.clone();
        }
        if stop.mode == OnStop::Stay {
            self.say(Level::Info, format!("stopped without a leave in {took}"));
            return Exit::ok();
        }
        if self.is_confirmed(stop) {
            self.remember(true);
            self.say(Level::Info, format!("left, and seen gone, in {took}"));
            return Exit::ok();
        }
        if stop.is_another_s(end) {
            self.say(
                Level::Info,
                format!("the agent ended with 0, {took} into the stop, before it was asked to leave: somebody else had asked it"),
            );
            return Exit::ok();
        }
        let killed = if stop.killed {
            " at the end of --stop-timeout"
        } else {
            ""
        };
        let by = match (stop.finishing, stop.course.asked) {
            (true, _) => "as the one that was started to finish the leave",
            (false, Some(_)) => "after it was asked to leave",
            (false, None) if stop.step == Step::Watch => "by somebody else's leave",
            (false, None) => "before it was asked to leave",
        };
        let words = match end.how {
            How::Exited(0) => String::new(),
            _ => last_words(end),
        };
        let gone = self.why_none_could_bind().filter(|_| !stop.finishing);
        let gone = gone.map(|why| format!("; {why}, so {UNBOUND}"));
        Exit::new(
            exit::UNCONFIRMED,
            format!(
                "the leave is not confirmed: the agent {}{killed} {by}, {took} into the stop, and {}{words}{}",
                end.how,
                seen(stop),
                gone.unwrap_or_default()
            ),
        )
    }

    /// How lictor ends after a stop that found no agent.
    pub(super) fn outcome_without_agent(
        stop: &Stop,
        crashed: bool,
        unbindable: Option<String>,
    ) -> Exit {
        match (stop.mode, &stop.because, unbindable) {
            (_, Some(exit), _) => exit.clone(),
            (OnStop::Leave, None, _) if stop.finishing => Exit::new(
                exit::UNCONFIRMED,
                "the leave is not confirmed: the agent had ended and could not be started once more to leave, so its node stays \
                 in the catalog until the servers see it fail",
            ),
            (OnStop::Leave, None, Some(why)) if crashed => Exit::new(
                exit::UNCONFIRMED,
                format!("the leave is not confirmed: the agent had ended, and {why}, so {UNBOUND}"),
            ),
            (OnStop::Leave, None, None) if crashed => Exit::new(
                exit::UNCONFIRMED,
                "the leave is not confirmed: the agent had crashed, and --stop-timeout leaves no time to start it once more, so \
                 its node stays in the catalog until the servers see it fail",
            ),
            _ => Exit::ok(),
        }
    }
}

/// What comes of it where no agent could bind.
const UNBOUND: &str = "nobody could be told of the leave, nor could another agent be started to tell it: the node stays in the catalog \
                       until the servers see it fail";

fn seen(stop: &Stop) -> &'static str {
    match stop.course.entry {
        Entry::Unseen => "the catalog could not be looked at",
        Entry::There => "its node was not seen to go from the catalog",
        Entry::Absent => "it never said that it had left",
        Entry::Gone if stop.course.removed => {
            "its node was still in the catalog until it was taken out from here"
        }
        Entry::Gone => "its node went from the catalog before it had begun to leave",
        Entry::Back => "its node had come back to the catalog",
    }
}
