//! How a life must end: docs/exit-codes.md, once more.

use super::seen::Seen;
use super::*;

/// The code that this event must lead to, or `None` where life goes on.
pub(super) fn documented(seen: &Seen) -> Option<u8> {
    let config = &seen.config;
    let crash = |code| match config.restart {
        false => Some(code),
        true => (seen.crashes > config.restart_limit).then_some(exit::RESTARTS),
    };
    match (&seen.event, &seen.stop) {
        // It goes on with another agent.
        _ if seen.finish_now || seen.renewed_now || seen.back_now || seen.farewell_over => None,
        (Event::Ended(end), Some(stop)) => Some(match stop.mode {
            _ if stop.start_timeout => exit::NOT_READY,
            _ if stop.instead.is_some() => stop.instead?,
            OnStop::Leave if stop.leave.is_confirmed(seen) => 0,
            OnStop::Leave if stop.leave.is_another_s(end) => 0,
            OnStop::Leave => exit::UNCONFIRMED,
            OnStop::Stay => 0,
        }),
        (Event::Ended(end), None) => match end.how.code() {
            0 => Some(0),
            code if !seen.ever_ready => Some(code),
            code => crash(code),
        },
        // Whoever was ready had joined, so the servers know the node, and nobody is there to take it out.
        (Event::Signal(_) | Event::StopAsked { .. }, Some(stop))
            if seen.agent.is_none() && !seen.spawning =>
        {
            Some(match stop.mode {
                _ if stop.instead.is_some() => stop.instead?,
                OnStop::Leave if seen.was_member() => exit::UNCONFIRMED,
                OnStop::Leave | OnStop::Stay => 0,
            })
        }
        (Event::Addressed(Err(exit)), _) if config.needs_address => Some(exit.code),
        (Event::Staged(Err(exit)), _) => Some(exit.code),
        (Event::Spawned(Err(_)), Some(_)) => Some(exit::UNCONFIRMED),
        (Event::Spawned(Err(exit)), _) if !seen.ever_spawned => Some(exit.code),
        (Event::Spawned(Err(exit)), _) => crash(exit.code),
        _ => None,
    }
}
