//! What can happen: everything the core is ever told.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use crate::core::candidate::{Candidate, listed};
use crate::core::checks::CheckNews;
use crate::core::former::Former;
use crate::core::machine::OnStop;
use crate::exit::Exit;

mod answer;

pub use answer::{
    AgentFacts, Answer, CatalogNode, Member, MemberState, Membership, Neighbour, NodeView, Refusal,
};

/// One thing that happened in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// lictor is set up: signals are caught, the control socket is bound. Always the first event.
    Begin,
    /// A signal was sent to lictor.
    Signal(Signal),
    /// The search for the host's address ended.
    Addressed(Result<Address, Exit>),
    /// The kernel says that addresses, links or routes of the host have changed.
    AddressesChanged,
    /// The host's addresses were looked at.
    Looked(Result<Sight, String>),
    /// The registration was written anew for an address, or could not be, and why: a sentence.
    Readdressed(Result<Staged, String>),
    /// What the agent reads was written, or could not be.
    Staged(Result<Staged, Exit>),
    /// What the agent read before is what it reads again, or could not be made so, and why: a sentence.
    Unstaged(Result<(), String>),
    /// The user's configuration was taken anew, and judged, or could not be, and why: a sentence.
    Restaged(Result<Candidate, String>),
    /// What was taken is what the agent is to read from now on, or could not be made so, and why: a sentence.
    Adopted(Result<(), String>),
    /// Something has changed where the user's configuration is, or may have.
    FilesChanged,
    /// The agent was spawned, or could not be.
    Spawned(Result<Spawned, Exit>),
    /// The agent's process ended.
    Ended(End),
    /// The last of lictor's children has ended.
    Alone,
    /// [`crate::core::action::Action::Sweep`] was in vain: what is left cannot be found.
    OutOfReach,
    /// The agent was stopped by a signal, and does nothing until it is continued.
    Stopped,
    /// The agent wrote `READY=1` to its notification socket: its first LAN join succeeded.
    Notified,
    /// The agent said in its log that it begins to leave.
    LeaveHeard,
    /// The agent said in its log that a reload by SIGHUP failed, and why.
    FailureHeard(String),
    /// The agent said in its log that it has lost its name, or that there is trouble with it.
    TroubleHeard(Trouble),
    /// Whether the agent listens on its own gossip port; `None` where that cannot be told.
    Gossip(Option<bool>),
    /// The agent's API answered a question, or did not.
    Answered(Answer),
    /// What came of something that was to be done about the agent's checks.
    Checks(CheckNews),
    /// Somebody asked for a reload over the control socket and waits for its result.
    ReloadAsked(Waiter),
    /// The same, whatever speaks against what it would have the agent read.
    ForceAsked(Waiter),
    /// Somebody asked over the control socket whether a reload would be good, and waits for the answer.
    JudgementAsked(Waiter),
    /// Somebody asked for a stop over the control socket.
    StopAsked {
        /// The command that asks so.
        by: &'static str,
        /// What the agent is to do; `None` for what SIGTERM would do.
        mode: Option<OnStop>,
    },
    /// A deadline of the timer table has passed.
    Tick,
}

/// What an agent says in its log about its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It has lost it to another member, and gossips no more.
    NameLost,
    /// Another member has it as well.
    Namesake,
    /// The servers do not register it: its name is another node's.
    Reserved,
    /// A member refuses its join: its id is another member's.
    ConflictingId,
    /// Another member has its id as well.
    SharedId,
    /// The servers do not register it: its token does not allow that.
    Denied,
}

/// A signal lictor acts upon, or passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop, as `--on-stop` says.
    Terminate,
    /// SIGINT: the same.
    Interrupt,
    /// SIGQUIT: stop without a leave.
    Quit,
    /// SIGHUP: reload.
    Hangup,
    /// Any other catchable signal by its number: the agent's business, so it is passed on.
    Other(i32),
}

/// The address that was found or given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The interface that carries it, where one does.
    pub interface: Option<String>,
    /// Why this one: a sentence for a person.
    pub reason: String,
    /// What is odd about it, if anything: a sentence for a person.
    pub warning: Option<String>,
}

/// What a look at the host's addresses has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The interface that carries the address in use, where that can still be used.
    pub in_use: Option<String>,
    /// Whether any interface has the address in use, be its link down or not: whoever binds to it can.
    pub carried: bool,
    /// The address that would be chosen now, or why there is none: a sentence.
    pub choice: Result<Address, String>,
    /// Why an agent that is started anew would still have the address in use, if it would: a sentence with the fix.
    pub pinned: Option<String>,
}

/// What was written for the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Staged {
    /// The ids of the services in the registration, which the catalog must show.
    pub services: Vec<String>,
    /// The directory handed to the agent, where there is a registration.
    pub directory: Option<String>,
    /// What the user's directories hold and the agent does not get to see, each with the reason.
    pub left_out: Vec<String>,
    /// What the node was known as and is not any more, if it has not left as that.
    pub former: Option<Former>,
    /// The name that the node will have, where that is known.
    pub node_name: Option<String>,
    /// An address of the agent's configuration that it is to bind to and the host has not: a sentence with the fix.
    pub unbindable: Option<String>,
    /// One that it advertises and the host has not: a sentence.
    pub advertised: Option<String>,
}

/// How the stage differs from what it was, by the user's paths, each list in the order of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Files that are new.
    pub added: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// Files whose content is another one.
    pub changed: Vec<String>,
    /// What the user's directories hold and the agent does not get to see, new or not, each with the reason.
    pub left_out: Vec<String>,
    /// The ids of services that the configuration defined and does not define any more.
    pub dropped: BTreeSet<String>,
    /// Whether what the agent read before can be had again.
    pub way_back: bool,
}

impl Change {
    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
        ];
        let told: Vec<String> = lists
            .into_iter()
            .filter(|(_, paths)| !paths.is_empty())
            .map(|(what, paths)| format!("{what} {}", listed(paths)))
            .collect();
        match told.as_slice() {
            [] => f.write_str("unchanged"),
            told => f.write_str(&told.join("; ")),
        }
    }
}

/// The agent's new process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spawned {
    /// Its process id.
    pub pid: i32,
    /// Whether it will have an HTTP API that lictor can ask.
    pub api: bool,
}

/// How a process ended, and the last it had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Its exit code, or the signal that ended it.
    pub how: How,
    /// Its last lines of output, for the reason of a failure; may be empty.
    pub last_words: String,
    /// Whether an agent said at its end that it was shut down without the leave it had begun.
    pub broke_its_leave: bool,
}

/// The two ways in which a process can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Signaled(i32),
}

impl How {
    /// The exit code a shell would report: the code itself, or 128 plus the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Signaled(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// Somebody at the control socket who waits for a result; the driver knows who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waiter(pub u64);
