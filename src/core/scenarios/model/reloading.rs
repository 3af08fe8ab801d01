//! What was seen of reloads: wanted, begun with a snapshot, asked for.

use super::*;

#[derive(Debug, Default)]
pub(super) struct Reloading {
    /// One was asked for, or a new agent may have read old files, and it has not been begun.
    pub(super) wanted: bool,
    /// The user's directories are being read.
    pub(super) staging: bool,
    /// The agent for which that was begun has ended.
    stale: bool,
    /// The one that is under way was denied by the API, and is to be a SIGHUP.
    owed: bool,
}

impl Reloading {
    /// A snapshot is told; `free` if there is an agent, and no stop.
    pub(super) fn restaged(&mut self, result: &Result<Change, String>, free: bool) {
        assert!(self.staging, "only what is being read can have been");
        self.staging = false;
        let news = result.as_ref().is_ok_and(|change| !change.is_none());
        self.wanted |= std::mem::take(&mut self.stale) && news && free;
    }

    /// The agent has ended.
    pub(super) fn ended(&mut self) {
        self.wanted = false;
        self.owed = false;
        self.stale |= self.staging;
    }

    /// The API denied it to an agent that takes signals, or not yet.
    pub(super) fn denied(&mut self, takes_signals: bool) {
        match takes_signals {
            true => self.owed = true,
            false => self.wanted = true,
        }
    }

    /// An action of a reload, and whether one begins with it.
    pub(super) fn begins(&mut self, action: &Action, config: &Config) -> bool {
        self.staging |= *action == Action::Restage;
        let begins = match action {
            Action::Restage => true,
            Action::Signal(SIGHUP) if self.owed => {
                self.owed = false;
                false
            }
            Action::Signal(SIGHUP) | Action::Ask(Question::Reload) => !config.staging,
            _ => false,
        };
        self.wanted &= !begins;
        begins
    }

    /// Whether what the agent is told to read may be read: after a snapshot, or where there is none.
    pub(super) fn is_ready(&self, event: &Event, config: &Config) -> bool {
        let staged = matches!(event, Event::Restaged(Ok(_)));
        staged || !config.staging && self.wanted
    }

    /// Whether a SIGHUP is owed in place of what was denied.
    pub(super) fn is_owed(&self) -> bool {
        self.owed
    }
}
