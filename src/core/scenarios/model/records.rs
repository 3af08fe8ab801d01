//! What is noted of an agent, of those who wait, of a stop and of the end.

use super::leave::Leave;
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
    /// It has known a leader since.
    pub(super) leader: Option<Moment>,
    /// It was ready in this run.
    pub(super) was_ready: bool,
    pub(super) ready_since: Option<Moment>,
    /// It said in its log that it begins to leave.
    pub(super) heard: Option<Heard>,
}

/// How often an agent was asked whether it leaves, and has answered, since that was last heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) asked: u32,
    pub(super) answered: u32,
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
            leader: None,
            was_ready: false,
            ready_since: None,
            heard: None,
        }
    }
}

/// What somebody who waits for a reload can be told.
#[derive(Default)]
pub(super) struct Waiting {
    /// A reload was begun since he waits.
    pub(super) asked: bool,
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
    /// It was to be a leave, which is not this agent's to make: the code of its end.
    pub(super) instead: Option<u8>,
    /// Nothing is asked of the agent before that (`--drain`).
    pub(super) drains: Option<Moment>,
    /// The leave of the agent that runs.
    pub(super) leave: Leave,
    /// The last step is due, ...
    pub(super) is_last: bool,
    /// ... with this event.
    pub(super) last_now: bool,
    /// The last moment to replace an agent that hangs has come, ...
    pub(super) is_late: bool,
    /// ... with this event.
    pub(super) late_now: bool,
    /// The signal of a stay was sent.
    pub(super) stayed: bool,
    /// The SIGKILL at the end of the budget was sent.
    pub(super) killed: bool,
}

impl Stop {
    pub(super) fn new(since: Moment, mode: OnStop, start_timeout: bool) -> Self {
        Self {
            since,
            mode,
            start_timeout,
            instead: None,
            drains: None,
            leave: Leave::default(),
            is_last: false,
            last_now: false,
            is_late: false,
            late_now: false,
            stayed: false,
            killed: false,
        }
    }
}
