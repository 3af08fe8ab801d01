//! One situation from the first life to the end of the second.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::Instant;

use super::Result;
use super::batch::Options;
use super::field::{Field, NAME, NEW_NAME, NEW_NUMBER, NUMBER};
use super::life::{Life, Start};
use super::look::Wanted;
use super::outcome::Outcome;
use super::situation::{Change, End, Meanwhile, Situation};
use super::watching;
use crate::net::Host;
use crate::wait;

const DATA: &str = "/consul/data";

/// Runs a situation on a cluster of its own.
pub(super) fn run(situation: &Situation, options: &Options) -> Result<Outcome> {
    let field = Field::new(options.version)?;
    let host = field.host(NAME, NUMBER)?;
    let start = Start {
        version: options.version,
        way: options.way,
        lictor: Path::new(&options.lictor),
        options: situation.options,
        arguments: situation.arguments,
    };
    let wanted = Wanted {
        name: NAME.to_owned(),
        address: Field::address(NUMBER),
        id: None,
    };
    let first = Life::begin(&host, NUMBER, start)?;
    let before = first
        .ready()
        .and_then(|()| field.settled(&host, &wanted))
        .map_err(|error| format!("{error}\n{}", first.process().log()))?;
    match situation.end {
        End::Kill => first.kill()?,
        End::Leave => drop(first.leave()?),
        End::Never | End::AgentDies => {}
    }
    for change in &situation.changes {
        happen(*change, &host)?;
    }
    if situation.end == End::AgentDies {
        first.kill_agent()?;
    }

    let zero = Instant::now();
    let over = AtomicBool::new(false);
    let (joins, watched, life) = thread::scope(|scope| -> Result<_> {
        let joins = scope.spawn(|| field.bystander.joins(&over));
        let life = match situation.end {
            End::Never | End::AgentDies => Ok(first),
            _ => second(&field, situation, &host, start, scope),
        };
        let watched = life.map(|life| {
            let wanted = wanted_of(situation);
            let watched = watching::watch(&field, &host, &life, wanted, options.patience());
            (watched, life)
        });
        over.store(true, Ordering::Relaxed);
        let joins = joins.join().map_err(|_| "run the bystander to its end")??;
        let (watched, life) = watched?;
        Ok((joins, watched, life))
    })?;
    let id = watched.wanted.id.as_ref();
    let kept = id.map(|id| before.id.as_ref() == Some(id));
    Ok(Outcome::new(
        (situation, options.way),
        (zero, kept),
        watched,
        joins,
        life.process(),
    ))
}

/// The second life, or the third where the second is killed.
fn second<'scope>(
    field: &'scope Field,
    situation: &Situation,
    host: &Host,
    start: Start<'_>,
    scope: &'scope Scope<'scope, '_>,
) -> Result<Life> {
    let begin = || Life::begin(host, number(situation), start);
    match situation.meanwhile {
        None => begin(),
        Some(Meanwhile::KilledAgain) => {
            let life = begin()?;
            life.leaves_as_former()?;
            life.kill()?;
            begin()
        }
        Some(Meanwhile::ServerAway(pause)) => {
            field.server_host.cut()?;
            scope.spawn(move || {
                wait::let_pass(Instant::now() + pause);
                field.server_host.mend()
            });
            begin()
        }
    }
}

/// The number of the host in its second life.
fn number(situation: &Situation) -> u8 {
    match situation.has(Change::Moved) {
        true => NEW_NUMBER,
        false => NUMBER,
    }
}

/// What must be there in the end.
fn wanted_of(situation: &Situation) -> Wanted {
    let name = match situation.has(Change::Renamed) && !situation.keeps_name {
        true => NEW_NAME,
        false => NAME,
    };
    Wanted {
        name: name.to_owned(),
        address: Field::address(number(situation)),
        id: None,
    }
}

fn happen(change: Change, host: &Host) -> Result<()> {
    let address = |verb: &str, number: u8| {
        let address = format!("{}/24", Field::address(number));
        host.ip(["addr", verb, &address, "dev", "eth0"])
    };
    match change {
        Change::NodeId(text) => host.write(format!("{DATA}/node-id"), text)?,
        Change::NoNodeId => drop(host.run(["rm", &format!("{DATA}/node-id")])?.success()?),
        Change::DataLost => {
            let all = ["find", DATA, "-mindepth", "1", "-delete"];
            host.run(all)?.success()?;
        }
        Change::Renamed => host.rename(NEW_NAME)?,
        Change::Moved => {
            address("del", NUMBER)?;
            address("add", NEW_NUMBER)?;
        }
        Change::Away(pause) => {
            address("del", NUMBER)?;
            wait::let_pass(Instant::now() + pause);
            address("add", NUMBER)?;
        }
    }
    Ok(())
}
