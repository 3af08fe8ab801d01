//! What becomes of a host's identity in a cluster: everything that can be lost, changed or doubled between two lives of its
//! agent, or while one lives.
//!
//! [`situations`] is the list, written to be read: each says how the first life ends, what is different afterwards and what must
//! be so in the end. It is run with a bare agent and under lictor ([`Way`]), each time on a cluster of its own, since one renamed
//! host is enough to disturb all others: a server, the host in question, and a bystander who starts again at the same moment as
//! the second life and then asks to join again and again, as a host that has done nothing wrong.
//!
//! What is seen is what the server says: its catalog, by blocking queries, so that nothing short is missed, and its members.
//! [`namesake()`] is the one case with two living hosts.

mod batch;
mod bystander;
mod case;
mod field;
mod life;
mod look;
mod namesake;
mod outcome;
mod situation;
mod situations;
mod table;
mod watching;

use std::error::Error;

pub use batch::{Options, namesakes, run};
pub use life::{Said, Way};
pub use look::{Look, Member, Node};
pub use namesake::{Namesake, namesake};
pub use outcome::Outcome;
pub use situation::Situation;
pub use situations::{seeds_of_trouble, situations};
pub use table::{beside, failures, namesakes as namesake_table};

/// Many kinds of errors end a case; none of them is handled but told.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
