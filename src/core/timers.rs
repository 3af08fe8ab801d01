//! The table of deadlines: at most one of each kind, as quinn does it.

use crate::core::Moment;

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Ask the agent's API again.
    Ask,
    /// Stop waiting for the registration to show before calling the agent ready.
    Settle,
    /// `--start-timeout`.
    Start,
    /// Ask for the states of the agent's checks again.
    Look,
    /// The end of a back-off: start the agent again.
    Restart,
    /// The run was good for long enough: earlier crashes no longer count.
    GoodRun,
    /// Look whether the agent still listens on its gossip port.
    Gossip,
    /// Ask who has the name that the agent has lost.
    Holder,
    /// The agent that has lost its name has not ended: kill.
    Comeback,
    /// Look at a twin of this node again.
    Identity,
    /// Nothing was heard of another member of the agent's id for a while.
    Shared,
    /// Ask again whether the agent leaves, as was heard.
    Heard,
    /// The files of the configuration are at rest, and it is this node's turn: reload.
    Rest,
    /// The agent that broke off its reload has not ended: go back with it.
    GoBack,
    /// The agent that was told to reload by SIGHUP had time to say that it failed, or to load what it lacked.
    Hangup,
    /// The agent that was to be restarted has not ended, or the new one is not ready.
    Renewal,
    /// What was not good may be by now.
    Again,
    /// Look at the host's addresses, which have changed.
    Addresses,
    /// Try again to have the agent read the registration of the address in use.
    Reregister,
    /// The address in use was gone for `--address-grace`.
    Grace,
    /// The end of `--drain`.
    Drain,
    /// The agent could not take the leave in time: ask all the same.
    Patience,
    /// Others have heard that an agent is back which was started once more to leave.
    Back,
    /// An agent that was started to leave as what its node was has not joined in time, or does not end.
    Farewell,
    /// Ask the agent whether its leave has begun.
    Evidence,
    /// The agent has told others that it leaves: have it tell them once more, if it seems that they have not heard it.
    TellAgain,
    /// The agent hangs in its leave: the last moment at which another can leave in its place.
    Replace,
    /// Shortly before the kill.
    LastStep,
    /// The end of `--stop-timeout`: kill.
    Kill,
    /// What the agent has left behind had its time: kill.
    Leftovers,
}

impl Timer {
    /// In the order in which they are taken where several are due. Changed files come first: a reload that begins with another one
    /// has them in it, and one that began before them would be followed by a second.
    const ALL: [Self; 30] = [
        Self::Rest,
        Self::Ask,
        Self::Settle,
        Self::Start,
        Self::Look,
        Self::Restart,
        Self::GoodRun,
        Self::Gossip,
        Self::Holder,
        Self::Comeback,
        Self::Identity,
        Self::Shared,
        Self::Heard,
        Self::GoBack,
        Self::Hangup,
        Self::Renewal,
        Self::Again,
        Self::Addresses,
        Self::Reregister,
        Self::Grace,
        Self::Drain,
        Self::Patience,
        Self::Back,
        Self::Farewell,
        Self::Evidence,
        Self::TellAgain,
        Self::Replace,
        Self::LastStep,
        Self::Kill,
        Self::Leftovers,
    ];
}

/// The deadlines that are set.
#[derive(Debug, Default)]
pub struct Timers {
    at: [Option<Moment>; Timer::ALL.len()],
}

impl Timers {
    /// Sets `timer` to go off at `at`, whatever it was set to before.
    pub fn set(&mut self, timer: Timer, at: Moment) {
        self.at[timer as usize] = Some(at);
    }

    /// When `timer` goes off, if it is set.
    pub fn get(&self, timer: Timer) -> Option<Moment> {
        self.at[timer as usize]
    }

    /// Unsets `timer`.
    pub fn clear(&mut self, timer: Timer) {
        self.at[timer as usize] = None;
    }

    /// Whether `timer` is set, and has not gone off.
    pub fn is_set(&self, timer: Timer) -> bool {
        self.at[timer as usize].is_some()
    }

    /// Unsets all of them.
    pub fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// The next deadline, if any is set.
    pub fn next(&self) -> Option<Moment> {
        self.at.iter().flatten().min().copied()
    }

    /// Takes one timer that is due at `now`.
    pub fn take_due(&mut self, now: Moment) -> Option<Timer> {
        let due = Timer::ALL
            .into_iter()
            .find(|timer| self.at[*timer as usize].is_some_and(|at| at <= now))?;
        self.clear(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_due_timer_is_taken_once_and_the_next_deadline_is_the_earliest() {
        let mut timers = Timers::default();
        timers.set(Timer::Kill, Duration::from_secs(5));
        timers.set(Timer::Ask, Duration::from_secs(1));
        assert_eq!(timers.next(), Some(Duration::from_secs(1)));
        assert_eq!(timers.take_due(Duration::from_millis(999)), None);
        assert_eq!(timers.take_due(Duration::from_secs(1)), Some(Timer::Ask));
        assert_eq!(timers.take_due(Duration::from_secs(1)), None);
        assert_eq!(timers.next(), Some(Duration::from_secs(5)));
    }
}
