//! The control socket: [`server`] answers on it, [`client`] asks there, [`wire`] is what is said.

pub mod client;
pub mod server;
pub mod table;
pub mod wire;
