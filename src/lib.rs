//! lictor: PID 1 for a HashiCorp Consul agent in a container.
//!
//! The map, from the edge to the heart; a module uses only what is below it in this list, and never its neighbour:
//!
//! * [`commands`] — one file a subcommand: puts the parts together.
//! * [`driver`] — the one loop. It owns the clock, the sources of events and the hands.
//! * [`settings`], [`log`], [`cli`] — what was typed, and what it means.
//! * [`address`], [`registration`], [`stage`], [`consul`], [`identity`], [`judge`], [`admin`] — leaves: each knows one part of the world, returns data and
//!   decides nothing of an agent's life. They do not use one another.
//! * [`http`], [`os`] — what all HTTP clients share; the operating system.
//! * [`core`] — the heart: pure. Events in, actions out, time as an argument. Uses nothing of ours but [`exit`].
//! * [`exit`] — the table of exit codes.
//!
//! What is absent on purpose: no second loop for an agent, no second place that waits for children, no configuration file of lictor's
//! own, no thread that decides anything.

pub mod address;
pub mod admin;
pub mod cli;
pub mod commands;
pub mod consul;
pub mod core;
pub mod driver;
pub mod exit;
pub mod http;
pub mod identity;
pub mod judge;
pub mod log;
pub mod os;
pub mod registration;
pub mod settings;
pub mod stage;
