//! The arguments that make an agent start as what its node was. Pure.
//!
//! What `-hcl` says stands above all options and all files, and the last one above those before it, on 1.8.7 and on 1.22.5; so
//! nothing that a command line or a file may say is in the way.

use std::ffi::OsString;
use std::net::IpAddr;

use serde_json::Value;

use crate::core::former::Former;

/// Keys that say where the agent listens for gossip.
const BINDS: [&str; 2] = ["bind_addr", "serf_lan"];

/// The arguments to come after all others. `config` is what the agent has without them, by key.
pub fn args(former: &Former, config: impl Fn(&str) -> Option<String>) -> Vec<OsString> {
    let mut keys: Vec<(&str, String)> = Vec::new();
    if let Some(name) = &former.name {
        keys.push(("node_name", name.clone()));
    }
    if let Some(id) = &former.id {
        keys.push(("node_id", id.clone()));
    }
    if let Some(address) = former.address {
        // Others know it by this one, whether the host still has it or not.
        keys.push(("advertise_addr", address.to_string()));
        let family = match address {
            IpAddr::V4(_) => "advertise_addr_ipv4",
            IpAddr::V6(_) => "advertise_addr_ipv6",
        };
        keys.push((family, address.to_string()));
        for key in BINDS {
            // To listen at an address that the host has not is the agent's end.
            if config(key).is_some_and(|it| is(&it, address)) {
                keys.push((key, anywhere(address).to_owned()));
            }
        }
    }
    keys.into_iter()
        .map(|(key, value)| format!("-hcl={key}={}", Value::String(value)).into())
        .collect()
}

fn is(text: &str, address: IpAddr) -> bool {
    text.trim().parse::<IpAddr>().is_ok_and(|it| it == address)
}

fn anywhere(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "0.0.0.0",
        IpAddr::V6(_) => "::",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consul::command::AgentConfig;

    fn of(former: &Former, config: &[&str]) -> Vec<String> {
        let config: Vec<OsString> = config.iter().map(OsString::from).collect();
        let config = AgentConfig::read(&config);
        args(former, |key| config.text(&[key]).map(str::to_owned))
            .into_iter()
            .map(|arg| arg.into_string().expect("text"))
            .collect()
    }

    #[test]
    fn a_name_is_a_string_of_hcl() {
        let former = Former {
            name: Some("a\"b".to_owned()),
            ..Former::default()
        };
        assert_eq!(of(&former, &["agent"]), [r#"-hcl=node_name="a\"b""#]);
    }

    #[test]
    fn an_address_is_advertised_and_not_listened_at() {
        let former = Former {
            address: Some("10.0.0.5".parse().expect("an address")),
            ..Former::default()
        };
        let advertised = [
            r#"-hcl=advertise_addr="10.0.0.5""#,
            r#"-hcl=advertise_addr_ipv4="10.0.0.5""#,
        ];
        assert_eq!(of(&former, &["agent", "-bind=10.0.0.6"]), advertised);
        let bound = of(&former, &["agent", "-bind=10.0.0.5"]);
        assert_eq!(bound[..2], advertised);
        assert_eq!(bound[2..], [r#"-hcl=bind_addr="0.0.0.0""#]);
    }
}
