//! What lictor knows of Consul.
//!
//! [`command`] reads an agent's command line and its JSON configuration as far as lictor must know it (pure, but for the
//! files it is handed); [`endpoint`] says where the agent's API is and with what it is asked; [`wire`] reads its answers
//! (pure); [`client`] asks. [`carry`] reads the checks that an agent keeps (pure), [`data_dir`] is where it keeps them.
//! [`former`] makes an agent start as what its node was.
//! [`flags`] and [`validate`] are what `consul validate` needs to judge as the agent will.

pub mod carry;
pub mod client;
pub mod command;
pub mod data_dir;
pub mod endpoint;
pub mod flags;
pub mod former;
pub mod validate;
pub mod wire;
pub mod words;
