//! An agent's command line and JSON configuration, as far as lictor must know it.
//!
//! It never judges: what it cannot read, the agent will complain of. HCL files are not read.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::os::flags;

/// The port of the LAN's gossip where nothing is said.
const GOSSIP_PORT: u16 = 8301;

/// What the agent is going to be, as far as it could be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentConfig {
    merged: Map<String, Value>,
}

/// Keys of the configuration that have an option.
const OPTIONS: [(&str, &[&str]); 10] = [
    ("node", &["node_name"]),
    ("node-id", &["node_id"]),
    ("bind", &["bind_addr"]),
    ("advertise", &["advertise_addr"]),
    ("serf-lan-bind", &["serf_lan"]),
    ("client", &["client_addr"]),
    ("http-port", &["ports", "http"]),
    ("https-port", &["ports", "https"]),
    ("data-dir", &["data_dir"]),
    ("serf-lan-port", &["ports", "serf_lan"]),
];

/// Completes COMMAND: nothing is `consul agent -config-dir=/consul/config`, and `agent …` is `consul agent …`.
pub fn complete(command: &[OsString]) -> Vec<OsString> {
    match command.first() {
        None => ["consul", "agent", "-config-dir=/consul/config"]
            .map(OsString::from)
            .to_vec(),
        Some(first) if first == "agent" => std::iter::once("consul".into())
            .chain(command.iter().cloned())
            .collect(),
        Some(_) => command.to_vec(),
    }
}

impl AgentConfig {
    /// Reads the arguments, and the configuration files they name, in Consul's order: files as they are given, and the
    /// command line above all of them.
    pub fn read(args: &[OsString]) -> Self {
        let mut config = Self::default();
        let mut above = Map::new();
        for flag in flags::read(args) {
            let text = flag.value.as_ref().map(|value| value.to_string_lossy());
            match (flag.name.as_str(), &flag.value) {
                ("config-dir" | "config-file", Some(path)) => config.read_path(Path::new(path)),
                // A development agent is one.
                ("server" | "dev", _) => {
                    let server = !matches!(
                        text.as_deref(),
                        Some("false" | "0" | "f" | "F" | "FALSE" | "False")
                    );
                    above.insert("server".to_owned(), Value::Bool(server));
                }
                (name, Some(_)) => {
                    let known = OPTIONS.iter().find(|(option, _)| *option == name);
                    if let (Some((_, path)), Some(text)) = (known, text) {
                        insert(&mut above, path, Value::String(text.into_owned()));
                    }
                }
                (_, None) => {}
            }
        }
        merge(&mut config.merged, above);
        config
    }

    /// Whether the agent is a server.
    pub fn server(&self) -> bool {
        self.bool(&["server"]).unwrap_or(false)
    }

    /// The node's name, where it is given.
    pub fn node_name(&self) -> Option<&str> {
        self.text(&["node_name"])
    }

    /// Where the agent listens for the LAN's gossip: its address, where that is none of a template's, and its port.
    pub fn gossip(&self) -> (Option<IpAddr>, u16) {
        let ip = self
            .text(&["serf_lan"])
            .or_else(|| self.text(&["bind_addr"]));
        let ip = ip
            .and_then(|ip| ip.parse().ok())
            .filter(|ip: &IpAddr| !ip.is_unspecified());
        let port = self.number(&["ports", "serf_lan"]);
        let port = port.and_then(|port| port.try_into().ok());
        (ip, port.unwrap_or(GOSSIP_PORT))
    }

    /// A key's value as a boolean.
    pub fn bool(&self, path: &[&str]) -> Option<bool> {
        self.get(path)?.as_bool()
    }

    /// A key's value as text.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// A key's value as a number, which a command line gives as text.
    pub fn number(&self, path: &[&str]) -> Option<i64> {
        let value = self.get(path)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.merged.get(*first)?, |value, key| value.get(key))
    }

    /// A file, or the files of a directory that Consul would load, in its order.
    fn read_path(&mut self, path: &Path) {
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            files = fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_file() && path.extension().is_some_and(|e| e == "json"))
                .collect::<Vec<PathBuf>>();
            files.sort();
        }
        for file in files {
            let value = fs::read(&file)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            match value {
                Some(Value::Object(members)) => merge(&mut self.merged, members),
                _ => tracing::debug!("{} tells lictor nothing", file.display()),
            }
        }
    }
}

fn insert(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            map.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let inner = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Later values win; objects are merged. Lists, which Consul appends, are of no concern here.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> AgentConfig {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        AgentConfig::read(&args)
    }

    #[test]
    fn a_command_is_completed() {
        let words = |command: &[&str]| {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            complete(&command)
                .into_iter()
                .map(|word| word.into_string().expect("text"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(&[]),
            ["consul", "agent", "-config-dir=/consul/config"]
        );
        assert_eq!(words(&["agent", "-dev"]), ["consul", "agent", "-dev"]);
        assert_eq!(words(&["/bin/consul", "agent"]), ["/bin/consul", "agent"]);
    }

    #[test]
    fn every_spelling_of_an_option_is_read() {
        let config = read(&[
            "agent",
            "-node=a",
            "--http-port",
            "18500",
            "-server",
            "-client",
            "10.0.0.1",
        ]);
        assert_eq!(config.node_name(), Some("a"));
        assert_eq!(config.number(&["ports", "http"]), Some(18500));
        assert_eq!(config.text(&["client_addr"]), Some("10.0.0.1"));
        assert!(config.server());
        assert_eq!(config.gossip(), (None, 8301));
        let config = read(&["agent", "-bind=10.0.0.1", "-serf-lan-port=1"]);
        assert_eq!(config.gossip(), ("10.0.0.1".parse().ok(), 1));
        assert!(!read(&["agent", "-server=false"]).server());
        assert!(read(&["agent", "-dev"]).server());
    }

    #[test]
    fn files_are_merged_in_order_under_the_command_line() {
        let directory = std::env::temp_dir().join(format!("lictor-command-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("made");
        let write =
            |name: &str, text: &str| fs::write(directory.join(name), text).expect("written");
        write(
            "a.json",
            r#"{"node_name": "a", "ports": {"http": 1, "dns": 2}, "leave_on_terminate": false}"#,
        );
        write("b.json", r#"{"node_name": "b", "ports": {"http": 3}}"#);
        write("c.hcl", r#"node_name = "c""#);
        write("d.json", "not JSON");
        let option = format!("-config-dir={}", directory.display());
        let config = read(&["agent", "-http-port=4", &option]);
        assert_eq!(config.node_name(), Some("b"));
        assert_eq!(config.number(&["ports", "http"]), Some(4));
        assert_eq!(config.number(&["ports", "dns"]), Some(2));
        assert_eq!(config.bool(&["leave_on_terminate"]), Some(false));
        fs::remove_dir_all(&directory).expect("removed");
    }
}
