//! Stops that something disturbs, and what the cluster thinks of the node afterwards.
//!
//! [`situations`] is the list, written to be read: each is a stop and what happens around it, with what must be true in
//! the end. It does not know what runs the agent: the same list is run with lictor and with the seed's way, which is a
//! bare agent as PID 1 and what kubelet does to end it ([`Way`]). [`run`] runs many of them at once, each on a host of its
//! own, and gives an [`Outcome`] for each.
//!
//! What is seen is what *others* see: the member state on another host's agent and on the server, and what the server's
//! catalog holds under the node's name; at the moment the process ends, 12 s later (a ghost lives up to 60 s), and once
//! for all of them 90 s after the last end.

mod act;
mod batch;
mod case;
mod field;
mod outcome;
mod situation;
mod situations;
mod table;
mod view;

use std::error::Error;

pub use batch::{Options, run};
pub use case::Way;
pub use outcome::Outcome;
pub use situation::Situation;
pub use situations::{in_two_seconds, situations};
pub use table::{beside, failures, summary, table};
pub use view::{Entry, Look};

/// Many kinds of errors end a case; none of them is handled but told.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
