//! What a node is to be, from what it was and what is there now. Pure.
//!
//! Before the agent starts: which id it gets, whether it keeps an old name, and whether it has to leave first as what it was. That
//! it does only where nobody else can be that: in the boot in which it was, or on the machine, or at an address that this host has
//! now. A copy of its disk on another machine is none of these.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::core::action::Level;
use crate::core::former::Former;
use crate::exit::{self, Exit};
use crate::identity::node_id::{self, File};
use crate::identity::record::{self, Copy, Record};

/// Where an agent gossips unless somebody says otherwise.
const GOSSIP: u16 = 8301;

/// `--on-rename`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRename {
    /// The node keeps its old name.
    Keep,
    /// It gets the new one, and leaves as the old one first.
    Adopt,
    /// lictor ends.
    Refuse,
}

/// Which id the node is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one it had; Consul makes the first.
    Kept,
    /// This one, and who says so.
    Fixed(String, &'static str),
}

/// What is to be known of a start.
#[derive(Debug, Clone)]
pub struct Now {
    /// `--node-id`.
    pub wanted: Wanted,
    /// `--on-rename`.
    pub on_rename: OnRename,
    /// `node_id` of the command line or the configuration, which stands above everything.
    pub given_id: Option<String>,
    /// Where the node is called something by its configuration, that.
    pub given_name: Option<String>,
    /// The host's name.
    pub host_name: String,
    /// The address that the agent will advertise, where that is certain.
    pub advertise: Option<IpAddr>,
    /// The addresses that this host has; empty where they are not known.
    pub addresses: Vec<IpAddr>,
    /// This boot; empty where it is not known.
    pub boot_id: String,
    /// This machine; empty where it is not known.
    pub machine: String,
    /// Whether it is a server, whose leave would take its vote along.
    pub server: bool,
    /// Where both of these are.
    pub data_dir: PathBuf,
    /// `node-id`.
    pub file: File,
    /// `node-id.lictor`.
    pub copy: Copy,
    /// What Serf's own snapshot says of the node, by name and address.
    pub snapshot: Option<(String, IpAddr)>,
}

/// What comes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The id that `node-id` is to hold and does not.
    pub write: Option<String>,
    /// `node-id` holds nothing of use, and nobody knows what it held: it is to get a new id.
    pub anew: bool,
    /// The name that the node keeps in spite of its host's.
    pub name: Option<String>,
    /// As what it leaves first.
    pub former: Option<Former>,
    /// Where it gossiped as that, as far as is known. Nobody must be there any more.
    pub place: Option<SocketAddr>,
    /// What a person is to know.
    pub said: Vec<(Level, String)>,
}

/// Judges a start.
///
/// # Errors
/// The host was renamed, and `--on-rename=refuse`; or an id that was given is none.
pub fn judge(now: &Now) -> Result<Verdict, Exit> {
    let mut verdict = Verdict::default();
    let record = match &now.copy {
        Copy::Good(record) => Some(record.clone()),
        Copy::Missing => now.snapshot.as_ref().map(recalled),
        Copy::Broken(why) => {
            let path = record::path(&now.data_dir);
            let path = path.display();
            let text =
                format!("{path} cannot be read ({why}) and counts for nothing; it is written anew");
            verdict.said.push((Level::Warn, text));
            None
        }
    };
    let id = id(now, record.as_ref(), &mut verdict)?;
    if let Some(record) = &record {
        was(now, record, id.as_deref(), &mut verdict)?;
    }
    Ok(verdict)
}

/// What is known of a node that lictor has not run yet.
fn recalled((name, address): &(String, IpAddr)) -> Record {
    Record {
        node_name: name.clone(),
        address: Some(*address),
        ..Record::default()
    }
}

/// What is to be said of an id that is wanted, where the agent's configuration gives another one: to the agent, that stands above it.
pub fn overruled(wanted: &Wanted, given: &str) -> Option<(Level, String)> {
    let Wanted::Fixed(id, who) = wanted else {
        return None;
    };
    let other = node_id::parse(given).as_ref() != Some(id);
    other.then(|| {
        let text = format!(
            "the agent's configuration (a file, -node-id or -hcl) says node_id {given}, and {who} says {id}: the configuration wins, and {who} \
             counts for nothing; leave one of the two out"
        );
        (Level::Warn, text)
    })
}

/// The id that the agent will have, where that is known.
fn id(now: &Now, record: Option<&Record>, verdict: &mut Verdict) -> Result<Option<String>, Exit> {
    if let Some(given) = &now.given_id {
        verdict.said.extend(overruled(&now.wanted, given));
        return match node_id::parse(given) {
            Some(id) => Ok(Some(id)),
            None => Err(Exit::new(
                exit::USAGE,
                format!(
                    "node_id {given:?} of the agent's configuration is no id, and the agent would not start: it is 32 hexadecimal digits in \
                     groups of 8-4-4-4-12"
                ),
            )),
        };
    }
    let known = record.and_then(|record| node_id::parse(&record.id));
    let was_given = record.is_some_and(|record| record.given);
    let path = node_id::path(&now.data_dir);
    let path = path.display();
    let mut say = |level, text: String| verdict.said.push((level, text));
    if let Wanted::Fixed(id, who) = &now.wanted {
        match &now.file {
            File::Good(there) if there == id => {}
            File::Good(there) => {
                say(
                    Level::Warn,
                    format!("{path} held {there}; it gets {id}, as {who} says"),
                );
                verdict.write = Some(id.clone());
            }
            _ => {
                say(Level::Info, format!("{path} gets {id}, as {who} says"));
                verdict.write = Some(id.clone());
            }
        }
        return Ok(Some(id.clone()));
    }
    let what = match &now.file {
        File::Good(id) => {
            if let Some(other) = known.filter(|known| known != id) {
                let text = match was_given {
                    true => format!(
                        "the agent's configuration gave the node the id {other} (node_id) and does not any more, and {path} holds {id}: that \
                         counts; with --node-id={other} the node keeps the other one"
                    ),
                    false => format!(
                        "{path} holds {id} and node-id.lictor {other}: somebody has changed it, or the agent ran without lictor; {id} counts"
                    ),
                };
                say(Level::Warn, text);
            }
            return Ok(Some(id.clone()));
        }
        File::Missing if was_given => {
            "is missing, since the agent's configuration gave the id (node_id) and does not any more"
                .to_owned()
        }
        File::Missing => "is missing".to_owned(),
        File::Broken(what) => (*what).to_owned(),
        File::Unreadable(why) => format!("cannot be read ({why})"),
    };
    match (&known, &now.file) {
        (Some(id), _) => {
            say(
                Level::Warn,
                format!("{path} {what}; it gets {id} again, from node-id.lictor"),
            );
            verdict.write = Some(id.clone());
        }
        // Consul makes one.
        (None, File::Missing) => {}
        (None, File::Broken(_)) => {
            let text =
                format!("{path} {what}, and nobody knows what it held: the node gets a new id");
            say(Level::Warn, text);
            verdict.anew = true;
        }
        (None, _) => say(
            Level::Warn,
            format!(
                "{path} {what}, and the agent may not start: make it readable, or remove it, and the node gets a new id"
            ),
        ),
    }
    Ok(known)
}

/// What the node was, and what that calls for.
fn was(now: &Now, record: &Record, id: Option<&str>, verdict: &mut Verdict) -> Result<(), Exit> {
    let name = now.given_name.as_ref().unwrap_or(&now.host_name);
    let known = !record.node_name.is_empty() && !name.is_empty();
    let renamed = known && record.node_name != *name;
    let kept = renamed && now.on_rename == OnRename::Keep && now.given_name.is_none();
    if renamed {
        let what = match &now.given_name {
            Some(_) => "its configuration calls it",
            None => "its host is called",
        };
        let told = format!("this node was {}, and {what} {name} now", record.node_name);
        match now.on_rename {
            OnRename::Refuse => {
                return Err(Exit::new(
                    exit::IDENTITY,
                    format!(
                        "{told}, and --on-rename is refuse: call it {} again, or start with --on-rename=adopt, once, to have it known as {name} \
                         from now on, or from now on with --on-rename=keep, which keeps it {} only as long as it is set",
                        record.node_name, record.node_name
                    ),
                ));
            }
            OnRename::Keep if kept => {
                let text = format!("{told}; it stays {} (--on-rename=keep)", record.node_name);
                verdict.said.push((Level::Warn, text));
                verdict.name = Some(record.node_name.clone());
            }
            OnRename::Keep => verdict.said.push((
                Level::Warn,
                format!("{told}; --on-rename=keep has no say in that, and it is {name}"),
            )),
            OnRename::Adopt => {}
        }
    }
    let moved = record.address.filter(|old| !now.still_has(*old));
    let other = node_id::parse(&record.id).filter(|old| id.is_some_and(|id| id != old));
    let replaced = other.filter(|_| now.sets_id() || record.given);
    let mut changes = Vec::new();
    if renamed && !kept {
        changes.push(format!(
            "was called {}, and is {name} now",
            record.node_name
        ));
    }
    if let Some(old) = moved {
        changes.push(format!("was at {old}, and is not any more"));
    }
    if let Some(old) = &replaced {
        changes.push(format!("had the id {old}, and has another one now"));
    }
    clone_or_not(now, record, verdict);
    if changes.is_empty() {
        return Ok(());
    }
    let why = format!("this node {}", changes.join("; it "));
    let level = match (record.left, now.server, now.is_ours(record)) {
        (true, ..) => (Level::Info, "it has left since, so nobody minds"),
        (_, true, _) => (
            Level::Warn,
            "a server does not leave by itself, so others may refuse it until they take the old one for failed",
        ),
        (.., false) => (
            Level::Warn,
            "whether that was here is not certain, so it does not leave as that first, and others may refuse it until they take the old \
             one for failed",
        ),
        (false, false, true) => {
            let port = record.gossip_port.unwrap_or(GOSSIP);
            verdict.place = record.address.map(|ip| SocketAddr::new(ip, port));
            verdict.former = Some(Former {
                name: Some(record.node_name.clone()).filter(|_| renamed && !kept),
                address: moved,
                id: replaced,
                why,
            });
            return Ok(());
        }
    };
    verdict.said.push((level.0, format!("{why}; {}", level.1)));
    Ok(())
}

/// The same id on another machine is the same node that has moved, or a copy of its disk, which is for a person to know.
fn clone_or_not(now: &Now, record: &Record, verdict: &mut Verdict) {
    let other =
        !record.machine.is_empty() && !now.machine.is_empty() && record.machine != now.machine;
    if !other || now.is_same_boot(record) {
        return;
    }
    let last = match record.host_name.as_str() {
        "" => "another machine".to_owned(),
        name => format!("another machine, {name}"),
    };
    let text = format!(
        "the data directory was last used on {last}: if it has moved here all is well, and if this is a copy of it, whose original still \
         runs, both have one id, and this one will be refused: remove node-id and node-id.lictor from the copy"
    );
    verdict.said.push((Level::Warn, text));
}

impl Now {
    /// Whether an address that was advertised may still be so: where the agent does not say what it will advertise, as long as this
    /// host has it, or its addresses are not known.
    fn still_has(&self, old: IpAddr) -> bool {
        match self.advertise {
            Some(new) => new == old,
            None => self.addresses.is_empty() || self.addresses.contains(&old),
        }
    }

    /// Whether the id is what somebody wants it to be.
    fn sets_id(&self) -> bool {
        self.given_id.is_some() || matches!(self.wanted, Wanted::Fixed(..))
    }

    fn is_same_boot(&self, record: &Record) -> bool {
        !self.boot_id.is_empty() && self.boot_id == record.boot_id
    }

    /// Whether nobody else can be what was recorded.
    fn is_ours(&self, record: &Record) -> bool {
        let machine = !self.machine.is_empty() && self.machine == record.machine;
        let address = record
            .address
            .is_some_and(|address| self.addresses.contains(&address));
        self.is_same_boot(record) || machine || address
    }
}

#[cfg(test)]
mod tests;
