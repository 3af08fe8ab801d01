//! The host's address: which one, and why.
//!
//! [`choose`] decides, on data alone; [`interfaces`] reads the data from the system; [`report`] shows the decision.

pub mod choose;
pub mod interfaces;
pub mod report;
