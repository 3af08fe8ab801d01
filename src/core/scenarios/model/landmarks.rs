//! What some life must come to, since what was never reached was not tested. What few lives come to is told, and not required.

use super::leave::Sight;
use super::leaving::leaving;
use super::seen::Seen;
use super::*;

pub(super) const LANDMARKS: [&str; 54] = [
    "a snapshot",
    "a look at addresses",
    "another address for another agent",
    "another address for the same agent",
    "another registration",
    "a reload since files have changed",
    "a change that outlives its agent",
    "a snapshot that is taken back",
    "a snapshot that is settled",
    "agent's services",
    "a restart or start",
    "an agent that finishes a leave",
    "an agent as what its node was",
    "an agent as it is, after that",
    "SIGHUP",
    "SIGINT",
    "SIGTERM",
    "SIGKILL",
    "SIGCONT for one that was stopped",
    "another agent for one that hangs",
    "a stop since somebody else's leave was heard of",
    "a leave that was heard of in vain",
    "a signal that is passed on",
    "Ctrl-Z",
    "SIGKILL for what is left",
    "PUT reload",
    "PUT leave",
    "another way to leave",
    "told once more",
    "told once more, to finish a leave",
    "told once more, as what its node was",
    "PUT deregister of a ghost",
    "PUT deregister as the last step",
    "checks put back",
    "checks registered",
    "checks noted",
    "a configuration no longer lent",
    "told: reloaded",
    "told: rolled back",
    "told: signaled",
    "told: reloaded, by signal",
    "told: rolled back, by signal",
    "told: failed",
    "exit 0",
    "exit 0 of a leave that was finished",
    "exit 0 of somebody else's leave",
    "exit 110",
    "exit 111",
    "a restart for a lost name",
    "a dead twin taken away",
    "exit 112",
    "exit 113",
    "exit 114",
    "exit 115",
];

/// What an action that is asked for makes of a life.
pub(super) fn landmark(seen: &Seen, action: &Action) -> Option<&'static str> {
    let name = match (action, leaving(seen)) {
        (Action::Exit(exit), Some(stop)) if exit.code == 0 => {
            let confirmed = stop.leave.is_confirmed(seen);
            match (stop.leave.finishing, confirmed) {
                (true, true) => "exit 0 of a leave that was finished",
                (false, false) if seen.ever_ready => "exit 0 of somebody else's leave",
                _ => "exit 0",
            }
        }
        (Action::Ask(Question::Membership), None) if is_last_question(seen) => {
            "a leave that was heard of in vain"
        }
        (Action::Signal(SIGCONT), Some(_))
            if matches!(seen.event, Event::Answered(Answer::Membership(_))) =>
        {
            "a stop since somebody else's leave was heard of"
        }
        (Action::Reply(_, outcome), None) if seen.reload.hung_up => match outcome {
            ReloadOutcome::Reloaded(_) => "told: reloaded, by signal",
            ReloadOutcome::RolledBack(_) => "told: rolled back, by signal",
            _ => return plain(action),
        },
        (Action::SpawnAs(_), _) => "an agent as what its node was",
        (Action::Spawn, None) if seen.farewell_over => "an agent as it is, after that",
        (Action::Spawn, None) if seen.back_now => "a restart for a lost name",
        (Action::Spawn, Some(_)) => "an agent that finishes a leave",
        (Action::Signal(SIGCONT), Some(_)) if seen.event == Event::Stopped => {
            "SIGCONT for one that was stopped"
        }
        (Action::Signal(SIGKILL), Some(_)) if seen.now < seen.kill_at() => {
            "another agent for one that hangs"
        }
        (Action::Signal(SIGINT | SIGTERM) | Action::Ask(Question::Leave), Some(stop))
            if stop.leave.watched.is_some() =>
        {
            match stop.leave.asked {
                0 => "a leave after another's that came to nothing",
                _ => "another way to leave",
            }
        }
        (Action::Ask(Question::Deregister { .. }), Some(stop)) => match stop.leave.sight {
            _ if stop.leave.came_now => "PUT deregister of a ghost",
            Sight::There if !stop.is_last => "PUT deregister of what is overdue",
            _ => "PUT deregister as the last step",
        },
        (Action::Ask(Question::ForceLeave { .. }), Some(stop)) => match stop.leave.finishing {
            true => "told once more, to finish a leave",
            false => "told once more",
        },
        (Action::Ask(Question::ForceLeave { .. }), None) => "told once more, as what its node was",
        (Action::Ask(Question::Services), None) if outlives(seen) => {
            "a change that outlives its agent"
        }
        (Action::Ask(Question::Services), None) if seen.event == Event::Tick => {
            "a reload since files have changed"
        }
        _ => return plain(action),
    };
    Some(name)
}

/// Four have been answered in vain.
fn is_last_question(seen: &Seen) -> bool {
    let heard = seen.agent.as_ref().and_then(|agent| agent.heard.as_ref());
    heard.is_some_and(|heard| heard.asked == 4)
}

/// An agent has ended since files were noticed to have changed.
fn outlives(seen: &Seen) -> bool {
    seen.noticed.is_some_and(|noticed| noticed.outlives)
}

fn plain(action: &Action) -> Option<&'static str> {
    Some(match action {
        Action::Restage => "a snapshot",
        Action::LookAtAddresses(_) => "a look at addresses",
        Action::Readdress { adopt: true, .. } => "another address for another agent",
        Action::Readdress { adopt: false, .. } => "another address for the same agent",
        Action::Reregister => "another registration",
        Action::Unstage => "a snapshot that is taken back",
        Action::Settle => "a snapshot that is settled",
        Action::Ask(Question::Services) => "agent's services",
        Action::Spawn => "a restart or start",
        Action::Signal(SIGHUP) => "SIGHUP",
        Action::Signal(SIGINT) => "SIGINT",
        Action::Signal(SIGKILL) => "SIGKILL",
        Action::Signal(SIGTERM) => "SIGTERM",
        Action::Signal(_) => "a signal that is passed on",
        Action::Suspend => "Ctrl-Z",
        Action::Sweep(SIGKILL) => "SIGKILL for what is left",
        Action::Ask(Question::Reload) => "PUT reload",
        Action::Ask(Question::Leave) => "PUT leave",
        Action::Ask(Question::Remove { .. }) => "a dead twin taken away",
        Action::Ask(Question::ForceLeave { .. }) => "a dead name told to have left",
        Action::Ask(Question::Vouch { .. }) => "a serfHealth written",
        Action::Checks(CheckWork::PutBack) => "checks put back",
        Action::Checks(CheckWork::Restore(_)) => "checks registered",
        Action::Checks(CheckWork::Note) => "checks noted",
        Action::Checks(CheckWork::Reclaim) => "a configuration no longer lent",
        Action::Reply(_, ReloadOutcome::Reloaded(_)) => "told: reloaded",
        Action::Adopt => "a snapshot that is taken",
        Action::Reject => "a snapshot that is rejected",
        Action::Discard => "a snapshot that is forgotten",
        Action::Reply(_, ReloadOutcome::Judged(_)) => "told: good",
        Action::Reply(_, ReloadOutcome::Rejected(_)) => "told: rejected",
        Action::Reply(_, ReloadOutcome::RolledBack(_)) => "told: rolled back",
        Action::Reply(_, ReloadOutcome::Signaled(..)) => "told: signaled",
        Action::Reply(_, ReloadOutcome::Failed(_)) => "told: failed",
        Action::Exit(exit) => match exit.code {
            0 => "exit 0",
            exit::ADDRESS => "exit 110",
            exit::STAGE => "exit 111",
            exit::NOT_READY => "exit 112",
            exit::IDENTITY => "exit 113",
            exit::RESTARTS => "exit 114",
            exit::UNCONFIRMED => "exit 115",
            _ => return None,
        },
        _ => return None,
    })
}
