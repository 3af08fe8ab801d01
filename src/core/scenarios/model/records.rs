//! What is noted of an agent, of those who wait, of a stop and of the end.

use super::*;

/// The agent, as far as it was seen.
pub(super) struct Agent {
    pub(super) pid: i32,
    pub(super) since: Moment,
    pub(super) api: bool,
    /// It told of itself in this run.
    pub(super) told: bool,
    /// Its API answered, if only by a refusal.
    pub(super) answered: bool,
    pub(super) notified: bool,
    /// It was ready in this run.
    pub(super) was_ready: bool,
    pub(super) ready_since: Option<Moment>,
}

impl Agent {
    pub(super) fn new(now: Moment, spawned: &Spawned) -> Self {
        Self {
            pid: spawned.pid,
            since: now,
            api: spawned.api,
            told: false,
            answered: false,
            notified: false,
            was_ready: false,
            ready_since: None,
        }
    }
}

/// What somebody who waits for a reload can be told.
#[derive(Default)]
pub(super) struct Waiting {
    /// A reload was begun since he waits.
    pub(super) asked: bool,
    /// A SIGHUP was sent since he waits.
    pub(super) signaled: bool,
}

/// The end, as docs/exit-codes.md has it.
pub(super) struct Decided {
    pub(super) at: Moment,
    pub(super) code: u8,
    /// How long what the agent has left behind may take.
    pub(super) patience: Duration,
    /// It was sent SIGTERM, ...
    pub(super) asked: bool,
    /// ... and so many times SIGKILL.
    pub(super) kills: u32,
}

/// The stop.
pub(super) struct Stop {
    pub(super) since: Moment,
    pub(super) mode: OnStop,
    /// It is the end of an agent that was not ready in time.
    pub(super) start_timeout: bool,
    /// A leave was asked for, ...
    pub(super) asked: bool,
    /// ... and is under way as far as anybody knows.
    pub(super) under_way: bool,
    /// The catalog can say nothing more of it.
    pub(super) watch_over: bool,
    /// The signal of a stay was sent.
    pub(super) stayed: bool,
    /// The SIGKILL at the end of the budget was sent.
    pub(super) killed: bool,
    /// Our own entry was in the catalog and then was not.
    pub(super) gone: bool,
    /// It was gone once, whatever has become of it since.
    pub(super) went: bool,
    /// It came back with this event.
    pub(super) back_now: bool,
    /// It came back, and its removal is under way or was denied.
    pub(super) taken_away: bool,
}

impl Stop {
    pub(super) fn new(since: Moment, mode: OnStop, start_timeout: bool) -> Self {
        Self {
            since,
            mode,
            start_timeout,
            asked: false,
            under_way: false,
            watch_over: false,
            stayed: false,
            killed: false,
            gone: false,
            went: false,
            back_now: false,
            taken_away: false,
        }
    }
}
