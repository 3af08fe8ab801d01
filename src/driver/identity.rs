//! The hand for who the node is: reads what there is before the agent's first start, writes what is to be, and keeps what the node
//! is known as. Before every further start it sees to it that the node is still that.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::interfaces;
use crate::cli;
use crate::consul;
use crate::core::former::Former;
use crate::core::known::Known;
use crate::exit::{self, Exit};
use crate::identity::judge::{self, Now, OnRename, Verdict, Wanted};
use crate::identity::node_id::{self, File};
use crate::identity::record::{self, Copy, Record};
use crate::identity::{machine, place, snapshot};
use crate::os;
use crate::settings::Settings;

use keeping::{Keeping, warn_of_owner};
use said::Said;

mod keeping;
mod said;

/// How long somebody may take to answer where the node gossiped; hosts of one datacenter take a hundredth of that.
const PROBE: Duration = Duration::from_millis(500);

/// The node, as this host makes it.
#[derive(Debug)]
pub(super) struct Identity {
    wanted: Wanted,
    on_rename: OnRename,
    boot_id: String,
    machine: String,
    /// Where the agent keeps its data; `None` for a development agent, which keeps none.
    data_dir: Option<PathBuf>,
    /// What the agent gets beside the user's arguments.
    args: Vec<OsString>,
    /// Its id, where that is among them: `node-id` cannot be written, or holds another one for the next start of lictor.
    handed_id: Option<String>,
    /// The id that the agent's own configuration says, where it does: then Consul neither reads nor writes `node-id`.
    given_id: Option<String>,
    /// Whom the next agent is to join, once one has left as what its node was, where nothing else would say so.
    joins: Vec<SocketAddr>,
    /// What the node is called as long as this lictor runs; by the agent's own word, once it has said it.
    name: String,
    /// What its configuration and its host called it before the first start.
    called: String,
    /// The agent that was started last is there to leave as what its node was.
    as_former: bool,
    /// What it is known as, on its way to the disk.
    keeping: Keeping,
}

impl Identity {
    /// Takes the settings in.
    ///
    /// # Errors
    /// The id is to follow from a machine-id that is not there.
    pub(super) fn new(settings: &Settings) -> Result<Self, Exit> {
        let wanted = match &settings.node_id {
            cli::NodeId::Keep => Wanted::Kept,
            cli::NodeId::Id(id) => Wanted::Fixed(id.clone(), "--node-id"),
            cli::NodeId::Machine => machine::node_id()
                .map(|id| Wanted::Fixed(id, "--node-id=machine"))
                .map_err(|error| Exit::new(exit::USAGE, format!("failed to {error}")))?,
        };
        Ok(Self {
            wanted,
            on_rename: settings.on_rename,
            boot_id: machine::boot_id(),
            machine: machine::fingerprint().unwrap_or_default(),
            data_dir: None,
            args: Vec::new(),
            handed_id: None,
            given_id: None,
            joins: Vec::new(),
            name: String::new(),
            called: String::new(),
            as_former: false,
            keeping: Keeping::default(),
        })
    }

    /// What the agent gets beside the user's arguments.
    pub(super) fn args(&self) -> &[OsString] {
        &self.args
    }

    /// What an agent that is about to start gets at the end of its arguments, to be what its node was or to be the one after that.
    pub(super) fn last_args(
        &mut self,
        former: Option<&Former>,
        args: &[OsString],
    ) -> Vec<OsString> {
        let said = Said::read(args);
        self.as_former = former.is_some();
        let mut last = Vec::new();
        if let Some(former) = former {
            if !said.joins() {
                self.joins = self.others(former);
            }
            last = consul::former::args(former, |key| said.text(key));
        }
        let joins = self.joins.iter();
        last.extend(joins.map(|it| format!("-retry-join={it}").into()));
        last
    }

    /// Whom the node knew, and a leave makes it forget.
    fn others(&self, former: &Former) -> Vec<SocketAddr> {
        let mut own = addresses();
        own.extend(former.address);
        let data_dir = self.data_dir.iter();
        data_dir
            .flat_map(|path| snapshot::others(&snapshot::alive(path), &own))
            .collect()
    }

    /// Says who the node is to be, from what it was, and writes what is to be written. `args` are those of the agent, as it will read
    /// its files.
    ///
    /// # Errors
    /// It is not to be anybody else, and would be.
    pub(super) fn settle(&mut self, args: &[OsString]) -> Result<Option<Former>, Exit> {
        let said = Said::read(args);
        self.given_id = said.text("node_id");
        self.called = called(&said);
        self.name.clone_from(&self.called);
        self.data_dir = said.text("data_dir").map(PathBuf::from);
        let Some(data_dir) = self.data_dir.clone() else {
            // A development agent has no place for an id, and takes one.
            match (said.text("node_id"), &self.wanted) {
                (Some(given), wanted) => {
                    if let Some((level, text)) = judge::overruled(wanted, &given) {
                        super::say(level, &text);
                    }
                }
                (None, Wanted::Fixed(id, _)) => self.args.push(format!("-node-id={id}").into()),
                (None, Wanted::Kept) => {}
            }
            return Ok(None);
        };
        warn_of_place(&data_dir);
        let now = self.now(&said, &data_dir);
        let Verdict {
            write,
            anew,
            name,
            former,
            place,
            said,
        } = judge::judge(&now)?;
        for (level, text) in said {
            super::say(level, &text);
        }
        let write = write.or_else(|| node_id::random().ok().filter(|_| anew));
        if let Some(id) = write {
            self.write(&data_dir, &id);
        }
        if let Some(name) = name {
            self.args.push(format!("-node={name}").into());
            self.name = name;
        }
        Ok(former.filter(|former| !lives_elsewhere(former, place)))
    }

    fn now(&self, said: &Said, data_dir: &Path) -> Now {
        let addresses = addresses();
        Now {
            wanted: self.wanted.clone(),
            on_rename: self.on_rename,
            given_id: said.text("node_id"),
            given_name: said.text("node_name"),
            host_name: os::process::host_name(),
            advertise: said.advertise(),
            snapshot: snapshot::own(&snapshot::alive(data_dir), &addresses),
            addresses,
            boot_id: self.boot_id.clone(),
            machine: self.machine.clone(),
            server: said.server(),
            file: node_id::read(data_dir),
            data_dir: data_dir.to_owned(),
            copy: record::read(data_dir),
        }
    }

    /// Writes `node-id`; where that cannot be, the agent gets the id as an option.
    fn write(&mut self, data_dir: &Path, id: &str) {
        let path = node_id::path(data_dir);
        match node_id::write(data_dir, id) {
            Ok(refused) => warn_of_owner(&path, refused),
            Err(error) => {
                tracing::warn!(
                    "{} cannot be written ({error}), so the agent gets its id as -node-id={id}; remove what is there, or make room for it",
                    path.display()
                );
                self.args.push(format!("-node-id={id}").into());
                self.handed_id = Some(id.to_owned());
            }
        }
    }

    /// Before a further start: a node that would be called something else by now, or have another id, keeps both as long as this lictor
    /// runs. So an agent that has crashed is back at once as what others know, and what is new waits for a start that may take its time.
    pub(super) fn stay(&mut self, args: &[OsString]) {
        let said = Said::read(args);
        self.keep_name(&said);
        if self.handed_id.is_some() {
            return;
        }
        let given = said.text("node_id");
        let told = self.keeping.known().map(|known| known.id.clone());
        let told = told.filter(|id| !id.is_empty());
        let Some(id) = self.given_id.clone().or(told) else {
            self.given_id = given;
            return;
        };
        match given {
            Some(given) if !given.eq_ignore_ascii_case(&id) => tracing::warn!(
                "the agent's configuration gives the node_id {given} now; the node stays {id} as long as this lictor runs, and leaves as that \
                 at its next start"
            ),
            None if self.given_id.is_some() => tracing::warn!(
                "the agent's configuration gives no node_id any more; the node stays {id} as long as this lictor runs, and has at its next \
                 start what node-id holds, or this one where it holds none"
            ),
            _ => return,
        }
        self.args.push(format!("-node-id={id}").into());
        self.handed_id = Some(id);
    }

    fn keep_name(&mut self, said: &Said) {
        let called = called(said);
        let same = [&self.called, &self.name].contains(&&called);
        if same || called.is_empty() || self.name.is_empty() {
            return;
        }
        let (name, who) = match said.text("node_name") {
            Some(_) => (&self.name, "its configuration calls it"),
            None => (&self.name, "its host is called"),
        };
        tracing::warn!(
            "this node is {name}, and {who} {called} now; it stays {name} as long as this lictor runs, and what becomes of the new \
             name at the next start is for --on-rename to say"
        );
        self.args.push(format!("-node={name}").into());
    }

    /// Before a further start: an id that was lost meanwhile comes back, and so does its second copy.
    pub(super) fn mend(&mut self) {
        let Some(data_dir) = self.data_dir.clone().filter(|_| self.handed_id.is_none()) else {
            return;
        };
        let (record, place) = match record::read(&data_dir) {
            // What could not be written stands above what is there.
            Copy::Good(record) if !self.keeping.is_behind() => (Some(record), record::NAME),
            _ => (self.keeping.known().cloned(), "what lictor remembers"),
        };
        let id = match &self.wanted {
            Wanted::Fixed(id, who) => Some((id.clone(), *who)),
            Wanted::Kept => record
                .as_ref()
                .and_then(|record| Some((node_id::parse(&record.id)?, place))),
        };
        let lost = self.given_id.is_none() && !matches!(node_id::read(&data_dir), File::Good(_));
        if let Some((id, from)) = id.filter(|_| lost) {
            tracing::warn!(
                "{} was lost; it gets {id} again, from {from}",
                node_id::path(&data_dir).display()
            );
            self.write(&data_dir, &id);
        }
        if let Some(record) = record {
            self.keeping.keep(&data_dir, record);
        }
    }

    /// Time has passed: what could not be written is tried again.
    pub(super) fn time_passed(&mut self, now: Duration) {
        if let Some(data_dir) = &self.data_dir {
            self.keeping.again(data_dir, now);
        }
    }

    /// The agent's own word on its name and its data directory.
    pub(super) fn told(&mut self, name: &str, data_dir: &str) {
        if !name.is_empty() && !self.as_former {
            name.clone_into(&mut self.name);
        }
        if !data_dir.is_empty() {
            self.data_dir = Some(data_dir.into());
        }
    }

    /// Keeps what the node is known as.
    pub(super) fn remember(&mut self, known: &Known) {
        let Some(data_dir) = &self.data_dir else {
            return;
        };
        let set = self.handed_id.as_ref().or(self.given_id.as_ref());
        let id = match (known.id.as_str(), set) {
            ("", Some(set)) => node_id::parse(set).unwrap_or_default(),
            ("", None) => match node_id::read(data_dir) {
                File::Good(id) => id,
                _ => String::new(),
            },
            (told, _) => told.to_owned(),
        };
        let record = Record {
            id,
            given: self.given_id.is_some(),
            node_name: known.name.clone(),
            host_name: os::process::host_name(),
            address: known.address,
            gossip_port: known.gossip_port,
            boot_id: self.boot_id.clone(),
            machine: self.machine.clone(),
            left: known.left,
        };
        self.keeping.keep(data_dir, record);
    }
}

/// Whether somebody gossips where the node did, which cannot be the node: its agent is not started yet. A leave as that would be theirs.
fn lives_elsewhere(former: &Former, place: Option<SocketAddr>) -> bool {
    let place = place.filter(|place| os::listening::answers(*place, PROBE));
    if let Some(place) = place {
        tracing::warn!(
            "{}; but somebody answers at {place}, where it gossiped: the data directory is a copy of one that is in use (remove node-id and \
             node-id.lictor from the copy), or the address is another's by now; so it does not leave as that first",
            former.why
        );
    }
    place.is_some()
}

/// What a node's configuration calls it, or else its host.
fn called(said: &Said) -> String {
    said.text("node_name")
        .unwrap_or_else(os::process::host_name)
}

/// This host's addresses; none where they cannot be read.
fn addresses() -> Vec<IpAddr> {
    let inventory = interfaces::inventory().unwrap_or_default();
    inventory.found.iter().map(|it| it.net.addr()).collect()
}

fn warn_of_place(data_dir: &Path) {
    let sign = place::is_host_network();
    let mounts = os::mounts::read().unwrap_or_default();
    if let Some(text) = place::warning(data_dir, &mounts, sign) {
        tracing::warn!("{text}");
    }
}
