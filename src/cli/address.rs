//! `lictor address`, and the options that `run`, `address` and `render` choose an address by.

use std::net::IpAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;

use super::Family;
use super::values::{ip, network, pattern};

/// Options of `address`.
#[derive(Debug, Args)]
pub struct AddressCommand {
    /// Which address.
    #[command(flatten)]
    pub address: AddressArgs,
    /// Say why, candidate by candidate
    #[arg(long, env = "LICTOR_EXPLAIN", value_parser = BoolishValueParser::new())]
    pub explain: bool,
    /// All of it as JSON
    #[arg(long, env = "LICTOR_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// Which address.
#[derive(Debug, Args)]
#[command(next_help_heading = "Address")]
pub struct AddressArgs {
    /// Take this address and look for none
    #[arg(long, env = "LICTOR_ADDRESS", value_name = "IP", value_parser = ip)]
    pub address: Option<IpAddr>,
    /// Interfaces by pattern; the first pattern that yields an address decides
    #[arg(
        long, env = "LICTOR_INTERFACE", value_name = "GLOB", value_delimiter = ',',
        default_value = "eth*,em*,en*,bond*", value_parser = pattern
    )]
    pub interface: Vec<glob::Pattern>,
    /// Only addresses within this network; an address alone is that address
    #[arg(long, env = "LICTOR_CIDR", value_name = "CIDR", value_parser = network)]
    pub cidr: Option<IpNet>,
    /// The address family
    #[arg(long, env = "LICTOR_FAMILY", default_value = "4")]
    pub family: Family,
}
