//! Who the node is: its id, and what it was known as at its last run.
//!
//! [`record`] is the second copy beside Consul's `node-id`, [`node_id`] that file itself, [`machine`] an id that follows from the
//! host, [`snapshot`] what Serf has kept of the node, and [`judge`] says what all of it comes to before the agent starts (pure).
//! [`place`] says whether any of it outlives the container.

pub mod judge;
pub mod machine;
pub mod node_id;
pub mod place;
pub mod record;
pub mod snapshot;
