//! The pure core: what to do next, given what just happened.
//!
//! Events go in, actions come out, and the time is an argument. Nothing here opens a file, sends a byte, reads a
//! clock, starts a task or waits; nothing here imports another module of this crate but [`crate::exit`], the table of
//! exit codes. So every edge of an agent's life can be written down as a transcript and tested without a process.
//!
//! * [`event`] and [`action`] are the two closed vocabularies; an addition to either fails to compile until
//!   [`machine`] and the driver say what it means.
//! * [`machine`] is the dispatch: event × phase.
//! * [`start`] reads an agent's way to readiness, [`begin`] what comes before it, [`address`] what becomes of the host's
//!   address meanwhile, [`catalog`] what the servers know of it, [`reload`] a reload, [`watch`] what becomes of changed files, [`leave`] the
//!   order of a stop, [`former`] a leave as what the node was before, [`known`] what is kept for that, [`restart`] the back-off after a
//!   crash, [`checks`] what becomes of checks over it, `identity` who has our name or our address, `twins` what is done about that,
//!   `zombie` what about an agent that has lost its name, [`ending`] the last thing before the exit.
//! * [`init`] is the much smaller life of a plain program; [`leftovers`] what becomes of the processes that it, or an agent,
//!   leaves behind; [`signal`] the names of signals and what they are rewritten to.
//! * [`timers`] is the table of deadlines, [`conditions`] what everybody is told, [`status`] a picture of it all.

pub mod action;
pub mod address;
pub mod begin;
pub mod candidate;
pub mod catalog;
pub mod checks;
pub mod conditions;
pub mod ending;
pub mod event;
pub mod former;
mod identity;
pub mod init;
pub mod known;
pub mod leave;
pub mod leftovers;
pub mod machine;
pub mod phase;
pub mod reload;
pub mod restart;
pub mod signal;
pub mod start;
pub mod status;
pub mod timers;
mod twins;
pub mod watch;
mod zombie;

#[cfg(test)]
mod scenarios;

/// A moment, as the time since lictor's start. The driver owns the clock; the core only compares.
pub type Moment = std::time::Duration;
