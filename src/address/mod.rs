//! The host's address: which one, and why.
//!
//! [`choose`] decides, on data alone, and [`reason`] has why; [`interfaces`] reads the data from the system, [`rtnetlink`] the
//! kernel's messages, and `inventory` puts them together; [`report`] shows the decision.

pub mod choose;
mod fallback;
pub mod interfaces;
mod inventory;
pub mod reason;
pub mod report;
pub mod rtnetlink;
