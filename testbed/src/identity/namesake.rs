//! A host meets another one of its name, which lives: who keeps the name, and what each of them says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Result;
use super::batch::Options;
use super::field::{Field, NAME, NEW_NUMBER, NUMBER};
use super::life::{Life, Said, Start, Way};
use super::look::{Look, Wanted};
use super::watching::{self, Patience};
use crate::net::Host;

/// How long both are watched at least: much longer than the vote about the name takes.
const MEETING: Duration = Duration::from_secs(25);
/// Gossip.
const PORT: u16 = 8301;
const CONNECT: Duration = Duration::from_secs(2);

/// What came of a meeting.
#[derive(Debug, Clone)]
pub struct Namesake {
    /// What ran both agents.
    pub way: Way,
    /// When the newcomer started.
    pub zero: Instant,
    /// Who had the name at the end of the meeting, by the address in the catalog.
    pub winner: Option<String>,
    /// The address that the catalog had under the name, whenever it was another than before.
    pub holders: Vec<String>,
    /// What the server had meanwhile, whenever it was another than before, by milliseconds since the second host's start.
    pub looks: Vec<(u128, String)>,
    /// The host that had the name before.
    pub first: Party,
    /// The newcomer.
    pub second: Party,
    /// From the beginning of the first host's leave until the newcomer has the name and its service passes; none if that never came.
    pub inherited: Option<Duration>,
    /// What the server had in the end.
    pub end: String,
}

/// One of the two hosts.
#[derive(Debug, Clone)]
pub struct Party {
    /// Its address.
    pub address: String,
    /// Whether its agent took part in the cluster at the end of the meeting: one that has lost its name listens no longer.
    pub listens: bool,
    /// Whether it was ready at the end of the meeting; a bare agent is whenever its process lives and answers.
    pub ready: bool,
    /// What lictor said of its identity meanwhile, one after the other.
    pub said: Vec<Said>,
    /// All that it and its agent said.
    pub log: String,
}

/// Lets a host meet a living namesake, and then leave.
///
/// # Errors
/// The cluster cannot be started, or the first host never comes to have its name.
pub fn namesake(options: &Options) -> Result<Namesake> {
    let field = Field::new(options.version)?;
    let start = Start {
        version: options.version,
        way: options.way,
        lictor: Path::new(&options.lictor),
        options: &[],
        arguments: &[],
    };
    let (host, other) = (field.host(NAME, NUMBER)?, field.host(NAME, NEW_NUMBER)?);
    let first = Life::begin(&host, NUMBER, start)?;
    first.ready()?;
    let held = field.settled(&host, &wanted(NUMBER))?;

    let zero = Instant::now();
    let second = Life::begin(&other, NEW_NUMBER, start)?;
    let (mut first_said, mut second_said) = (Vec::new(), Vec::new());
    let looks = field.watch(zero + options.limit.max(MEETING), |_| {
        first.hear(&mut first_said);
        second.hear(&mut second_said);
        let told = has_it(&first_said) && names(&second_said, &held.address);
        zero.elapsed() >= MEETING && (first.is_bare() || told)
    });
    let last = field.look()?;
    let first_party = party(&host, NUMBER, &first, first_said);
    let mut second_party = party(&other, NEW_NUMBER, &second, second_said);

    let patience = Patience {
        hold: Duration::from_secs(5),
        limit: options.limit,
    };
    let leaves = Instant::now();
    let after = thread::scope(|scope| -> Result<_> {
        let leave = scope.spawn(|| first.leave());
        let after = watching::watch(&field, &other, &second, wanted(NEW_NUMBER), patience);
        leave.join().map_err(|_| "end the first host's agent")??;
        Ok(after)
    })?;
    second_party.log = second.process().log();
    Ok(Namesake {
        way: options.way,
        zero,
        winner: holder(&last),
        holders: holders(&looks),
        looks: looks
            .iter()
            .map(|look| ((look.at - zero).as_millis(), look.told(&held)))
            .collect(),
        first: first_party,
        second: second_party,
        inherited: after.settled.map(|at| at.saturating_duration_since(leaves)),
        end: after
            .looks
            .last()
            .map_or_else(String::new, |look| look.told(&after.wanted)),
    })
}

impl Namesake {
    /// All that is not as it must be under lictor, in words.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let first = &self.first.address;
        if self.winner.as_ref() != Some(first) || self.holders != [first.as_str()] {
            let holders = self.holders.join(", then ");
            faults.push(format!("{first} did not keep its name: {holders}"));
        }
        if !has_it(&self.first.said) {
            let word = self.first.said.last();
            faults.push(format!("the first does not say that it has it: {word:?}"));
        }
        if !names(&self.second.said, first) {
            let word = self.second.said.last();
            faults.push(format!("the newcomer does not say who has it: {word:?}"));
        }
        if !self.first.ready {
            faults.push("the first is not ready".to_owned());
        }
        if self.second.ready {
            faults.push("the newcomer is ready without its name".to_owned());
        }
        if self.inherited.is_none() {
            let end = &self.end;
            faults.push(format!(
                "the newcomer never got the name when it was free: {end}"
            ));
        }
        faults
    }
}

/// Whether the last word is that it has its name.
fn has_it(said: &[Said]) -> bool {
    said.last().is_some_and(Said::is_held)
}

/// Whether the last word is that somebody else has it, at that address.
fn names(said: &[Said], address: &str) -> bool {
    said.last()
        .is_some_and(|last| last.status == "False" && last.message.contains(address))
}

fn wanted(number: u8) -> Wanted {
    Wanted {
        name: NAME.to_owned(),
        address: Field::address(number),
        id: None,
    }
}

fn party(host: &Host, number: u8, life: &Life, said: Vec<Said>) -> Party {
    let address = Ipv4Addr::new(10, 111, 67, number);
    let port = SocketAddr::from((address, PORT));
    Party {
        address: address.to_string(),
        listens: host.connect(port, CONNECT).is_ok(),
        ready: match life {
            Life::Lictor(lictor) => lictor.is_ready().unwrap_or(false),
            Life::Bare(agent) => agent.get("/v1/status/leader").is_ok(),
        },
        said,
        log: life.process().log(),
    }
}

/// The address that the catalog has under the name.
fn holder(look: &Look) -> Option<String> {
    let node = look.nodes.iter().find(|node| node.name == NAME)?;
    Some(node.address.clone())
}

/// One after the other.
fn holders(looks: &[Look]) -> Vec<String> {
    let mut holders: Vec<_> = looks
        .iter()
        .map(|look| holder(look).unwrap_or_else(|| "nobody".to_owned()))
        .collect();
    holders.dedup();
    holders
}
