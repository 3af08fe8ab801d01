//! Thin modules that touch the operating system. Each returns data; none decides anything.
//!
//! This is the only place where `unsafe` is allowed, and each use says why it is sound.

pub mod address_events;
pub mod background;
pub mod descendants;
pub mod environment;
pub mod files;
pub mod flags;
pub mod getopt;
pub mod ifconf;
pub mod listening;
pub mod memory;
pub mod mounts;
pub mod netlink;
pub mod output;
pub mod patient;
pub mod peer;
pub mod process;
mod readable;
pub mod reap;
pub mod run;
pub mod runtime_dir;
pub mod signals;
pub mod spawn;
pub mod start;
pub mod terminal;
pub mod watch;
