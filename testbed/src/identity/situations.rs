//! The list of situations.

use std::time::Duration;

use super::situation::Change::{Away, DataLost, Moved, NoNodeId, NodeId, Renamed};
use super::situation::Meanwhile::{KilledAgain, ServerAway};
use super::situation::{Change, Situation};

/// An id that somebody has chosen.
const GIVEN: &str = "5d1f4c6a-7f0e-4d0b-9a55-0c2b6f8e1a37";
const OPTION: [&str; 1] = ["--node-id=5d1f4c6a-7f0e-4d0b-9a55-0c2b6f8e1a37"];
const ARGUMENT: [&str; 1] = ["-node-id=5d1f4c6a-7f0e-4d0b-9a55-0c2b6f8e1a37"];

/// All of them, in the order in which one would tell them.
#[must_use]
pub fn situations() -> Vec<Situation> {
    let cut = GIVEN.split_at(17).0;
    vec![
        killed("killed; node-id empty", &[NodeId("")]),
        killed(
            "killed; node-id garbage",
            &[NodeId("\u{1}\u{2}not an id\n")],
        ),
        killed("killed; node-id cut off", &[NodeId(cut)]),
        killed("killed; node-id missing", &[NoNodeId]),
        killed("killed; nothing else", &[]),
        killed("killed; data lost (new id)", &[DataLost]),
        killed("killed; data lost, an explicit id", &[DataLost])
            .with(&OPTION, &ARGUMENT)
            .keeps_id(),
        killed("killed; data lost, --node-id=machine", &[DataLost])
            .with(&["--node-id=machine"], &[])
            .keeps_id()
            .lictor_only(),
        killed("killed; host renamed (same id)", &[Renamed]),
        killed("killed; host renamed, --on-rename=keep", &[Renamed])
            .with(&["--on-rename=keep"], &[])
            .keeps_name()
            .lictor_only(),
        killed(
            "killed; data lost and host renamed (new id)",
            &[DataLost, Renamed],
        ),
        killed("killed; host renamed, no server for 15 s", &[Renamed])
            .while_it_starts(ServerAway(Duration::from_secs(15))),
        killed(
            "killed; host renamed, killed again while it leaves under its former name",
            &[Renamed],
        )
        .while_it_starts(KilledAgain)
        .lictor_only(),
        killed("killed; another address at once", &[Moved]),
        left("left; nothing else", &[]),
        left("left; data lost (new id)", &[DataLost]),
        left("left; host renamed (same id)", &[Renamed]),
        left(
            "left; data lost and host renamed (new id)",
            &[DataLost, Renamed],
        ),
        left("left; another address", &[Moved]),
        agent_dies("the agent alone dies; node-id empty", &[NodeId("")]),
        agent_dies("the agent alone dies; data lost (new id)", &[DataLost]),
        // The name stays as long as lictor runs.
        agent_dies("the agent alone dies; host renamed (same id)", &[Renamed]).keeps_name(),
        lives(
            "alive; its address is away for 2 s",
            &[Away(Duration::from_secs(2))],
        ),
        lives(
            "alive; its address is away for 20 s",
            &[Away(Duration::from_secs(20))],
        ),
    ]
}

/// The two that this project was begun for, each after a kill and after a leave: the host is renamed, its data are lost.
#[must_use]
pub fn seeds_of_trouble() -> Vec<Situation> {
    let alone = [Renamed, DataLost];
    situations()
        .into_iter()
        .filter(|one| matches!(&one.changes[..], [only] if alone.contains(only)))
        .filter(|one| one.is_plain() && one.for_bare())
        .collect()
}

fn killed(name: &'static str, changes: &[Change]) -> Situation {
    Situation::killed(name, changes)
}

fn left(name: &'static str, changes: &[Change]) -> Situation {
    Situation::left(name, changes)
}

fn agent_dies(name: &'static str, changes: &[Change]) -> Situation {
    Situation::agent_dies(name, changes)
}

fn lives(name: &'static str, changes: &[Change]) -> Situation {
    Situation::lives(name, changes)
}
