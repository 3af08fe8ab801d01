//! The test bed: hosts as network namespaces, real Consul agents on them, and the real lictor binary.
//!
//! The scenario tests, `cargo xtask demo` and the benchmarks drive it; nothing here is ever part of the product, and
//! nothing here stands in for Consul or for lictor.
//!
//! | module | offers |
//! |---|---|
//! | [`net`] | [`net::Network`], a switch, and [`net::Host`], a machine on it with its own network, hostname and root |
//! | [`process`] | [`process::Process`], a program that cannot outlive the test, with its log |
//! | [`consul`] | the two Consul versions everything is tested with, obtained once and cached |
//! | [`peers`] | the real tini and dumb-init, likewise |
//! | [`agent`] | bare agents, their HTTP API and the catalog seen through them |
//! | [`lictor`] | the lictor binary under test |
//! | [`identity`] | what becomes of a host that comes back with another id, name or address, bare and under lictor |
//! | [`leaves`] | stops that something disturbs, many at once, and what the cluster thinks of the node afterwards |
//! | [`terminal`] | a program on a real terminal, whose keyboard and screen the test has |
//! | [`wait`] | waiting for a thing, with a deadline and a name for it |
//! | [`http`] | one HTTP request over one connection |
//! | [`pid1`] | a program as PID 1, started cheaply and with a clock beside it |
//! | [`reloads`] | fragments of a configuration, and what a reload with each does to a bare agent |
//! | [`probe`] | a program in C that shows what an init does for its child, compiled at first use |
//!
//! Two rules hold everywhere. Whatever is started dies with the test process, however that dies: programs run in a PID
//! namespace of their own that the kernel ends, and namespaces are held by keeper processes that read a pipe only the
//! test process holds. And all traffic stays inside the namespaces, or on loopback.
//!
//! It needs Linux, `unshare` (util-linux), `ip` (iproute2) and either root or user namespaces for ordinary users.

pub mod agent;
mod bare;
mod cache;
pub mod consul;
mod debian;
mod enter;
pub mod http;
pub mod identity;
pub mod leaves;
pub mod lictor;
pub mod net;
pub mod peers;
pub mod pid1;
mod place;
pub mod probe;
pub mod process;
pub mod reloads;
mod spawner;
pub mod terminal;
mod test_result;
pub mod wait;

pub use place::Place;
pub use test_result::{Raised, TestResult};
