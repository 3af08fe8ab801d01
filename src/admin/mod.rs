//! The control socket: [`server`] answers on it, [`client`] asks there, [`wire`] is what is said; a [`follower`] hears how a stop
//! goes.

pub mod client;
pub mod follower;
pub mod server;
pub mod table;
pub mod wire;
