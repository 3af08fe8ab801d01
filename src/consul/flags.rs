//! An agent's command line as configuration: what it sets above all files. Pure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::os;

/// What kind of value an option has.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Number,
    /// May stand alone.
    Switch,
    /// May come several times.
    List,
}

use Kind::{List, Number, Switch, Text};

/// Options that matter when a configuration is judged, and the keys they set.
const OPTIONS: [(&str, Kind, &[&str]); 32] = [
    ("advertise", Text, &["advertise_addr"]),
    ("auto-reload-config", Switch, &["auto_reload_config"]),
    ("bind", Text, &["bind_addr"]),
    ("bootstrap", Switch, &["bootstrap"]),
    ("bootstrap-expect", Number, &["bootstrap_expect"]),
    ("client", Text, &["client_addr"]),
    ("data-dir", Text, &["data_dir"]),
    ("datacenter", Text, &["datacenter"]),
    ("dns-port", Number, &["ports", "dns"]),
    ("domain", Text, &["domain"]),
    (
        "enable-local-script-checks",
        Switch,
        &["enable_local_script_checks"],
    ),
    ("enable-script-checks", Switch, &["enable_script_checks"]),
    ("encrypt", Text, &["encrypt"]),
    ("grpc-port", Number, &["ports", "grpc"]),
    ("grpc-tls-port", Number, &["ports", "grpc_tls"]),
    ("http-port", Number, &["ports", "http"]),
    ("https-port", Number, &["ports", "https"]),
    ("log-file", Text, &["log_file"]),
    ("log-level", Text, &["log_level"]),
    ("node", Text, &["node_name"]),
    ("node-id", Text, &["node_id"]),
    ("pid-file", Text, &["pid_file"]),
    ("protocol", Number, &["protocol"]),
    ("recursor", List, &["recursors"]),
    ("retry-join", List, &["retry_join"]),
    ("serf-lan-bind", Text, &["serf_lan"]),
    ("serf-lan-port", Number, &["ports", "serf_lan"]),
    ("server", Switch, &["server"]),
    ("server-port", Number, &["ports", "server"]),
    ("syslog", Switch, &["enable_syslog"]),
    ("ui", Switch, &["ui"]),
    ("join", List, &["start_join"]),
];

/// What a command line says of a configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// What it sets, as keys of the configuration.
    pub settings: Map<String, Value>,
    /// `-config-dir` and `-config-file`, in their order.
    pub paths: Vec<PathBuf>,
    /// `-config-format`: how files are written, whatever they are called.
    pub format: Option<String>,
    /// The texts of `-hcl`, in their order: each stands above what comes before it, above all options and all files.
    pub hcl: Vec<String>,
    /// `-dev`: an agent that needs no data directory.
    pub dev: bool,
}

impl Flags {
    /// What the command line sets as files of the configuration, each with its ending, for who takes no options: they come after all
    /// others. An agent that needs no data directory gets this one.
    pub fn as_files(&self, nowhere: &Path) -> Vec<(&'static str, String)> {
        let mut settings = self.settings.clone();
        if self.dev {
            let nowhere = json!(nowhere.to_string_lossy());
            settings.entry("data_dir").or_insert(nowhere);
        }
        let options = (!settings.is_empty()).then(|| Value::Object(settings).to_string());
        let hcl = self.hcl.iter().map(|text| ("hcl", text.clone()));
        // With that format HCL would be read as JSON.
        let hcl = hcl.filter(|_| self.format.as_deref() != Some("json"));
        options
            .map(|text| ("json", text))
            .into_iter()
            .chain(hcl)
            .collect()
    }
}

/// Reads an agent's arguments.
pub fn read(args: &[OsString]) -> Flags {
    let mut flags = Flags::default();
    for flag in os::flags::read(args) {
        let given = flag.value.map(|value| value.to_string_lossy().into_owned());
        let on = is_on(given.as_deref());
        let value = given.unwrap_or_default();
        match flag.name.as_str() {
            "config-dir" | "config-file" => flags.paths.push(value.into()),
            // An empty one is none, as where a variable is not set.
            "config-format" => flags.format = Some(value).filter(|format| !format.is_empty()),
            "hcl" => flags.hcl.push(value),
            "dev" => flags.dev = on,
            name => {
                let known = OPTIONS.iter().find(|(option, ..)| *option == name);
                let Some((_, kind, path)) = known else {
                    continue;
                };
                let value = match kind {
                    Text => Value::String(value),
                    Number => value.parse::<i64>().map_or(Value::Null, Value::from),
                    Switch => Value::Bool(on),
                    List => json!([value]),
                };
                insert(&mut flags.settings, path, value);
            }
        }
    }
    flags
}

fn is_on(given: Option<&str>) -> bool {
    !matches!(given, Some("false" | "0" | "f" | "F" | "FALSE" | "False"))
}

fn insert(settings: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        match (settings.get_mut(*first), value) {
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
            (_, value) => {
                settings.insert((*first).to_owned(), value);
            }
        }
        return;
    }
    let inner = settings
        .entry(*first)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        insert(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        let args = [
            "agent",
            "-node=a",
            "--http-port",
            "18500",
            "-config-dir",
            "/a",
            "-config-file=/b.json",
            "-server",
            "-enable-script-checks=false",
            "-recursor",
            "1.1.1.1",
            "-recursor=1.0.0.1",
            "-unknown",
            "its-value",
            "-config-format=hcl",
            "-auto-reload-config",
            "-hcl=node_name = \"b\"",
        ];
        let flags = read(&args.map(OsString::from));
        let wanted = json!({
            "auto_reload_config": true,
            "node_name": "a",
            "ports": { "http": 18500 },
            "server": true,
            "enable_script_checks": false,
            "recursors": ["1.1.1.1", "1.0.0.1"],
        });
        assert_eq!(Value::Object(flags.settings), wanted);
        assert_eq!(flags.paths, [PathBuf::from("/a"), PathBuf::from("/b.json")]);
        assert_eq!(flags.format.as_deref(), Some("hcl"));
        assert_eq!(flags.hcl, ["node_name = \"b\""]);
    }
}
