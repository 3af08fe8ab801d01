//! A Consul agent's command line, as Go's flag package reads it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// One option of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the one or two dashes.
    pub name: String,
    /// Its value. `None` for a switch that stands alone, and for an option that is the last word and lacks its value.
    pub value: Option<OsString>,
    /// Which word it begins with, counted from 0.
    pub at: usize,
    /// Whether its value is in the same word (`-x=y`).
    pub joined: bool,
}

/// The options of 1.8.7 and of 1.22.5 that stand alone: every other takes the word that follows, whatever that is.
const SWITCHES: [&str; 15] = [
    "auto-reload-config",
    "bootstrap",
    "dev",
    "disable-host-node-id",
    "disable-keyring-file",
    "enable-local-script-checks",
    "enable-script-checks",
    "log-json",
    "non-voting-server",
    "primary-gateway",
    "read-replica",
    "rejoin",
    "server",
    "syslog",
    "ui",
];

/// The options in `args`, which are a command without its first word.
///
/// They begin after the word `agent`, since a wrapper (`su-exec consul:consul consul agent …`) has options of its own, and end
/// as Go has it: at `--`, or at the first word that is none. Without that word all of `args` is looked through.
pub fn read(args: &[OsString]) -> Vec<Flag> {
    let agent = agent(args);
    let mut flags = Vec::new();
    let mut at = agent.map_or(0, |agent| agent + 1);
    while let Some(word) = args.get(at) {
        if word == "--" {
            break;
        }
        let Some((name, value)) = option(word) else {
            if agent.is_some() {
                break;
            }
            at += 1;
            continue;
        };
        let joined = value.is_some();
        let takes_next = !joined && !SWITCHES.contains(&name.as_str());
        let value = match takes_next {
            true => args.get(at + 1).cloned(),
            false => value,
        };
        flags.push(Flag {
            name,
            value,
            at,
            joined,
        });
        at += 1 + usize::from(takes_next);
    }
    flags
}

/// Where the word `agent` is: after a word that names consul, if there is such a one.
fn agent(args: &[OsString]) -> Option<usize> {
    let is_consul = |word: &OsStr| Path::new(word).file_name() == Some(OsStr::new("consul"));
    let behind = args
        .windows(2)
        .position(|pair| is_consul(&pair[0]) && pair[1] == "agent");
    behind
        .map(|consul| consul + 1)
        .or_else(|| args.iter().position(|word| word == "agent"))
}

/// A word's name and the value behind its `=`; none if it is no option.
fn option(word: &OsStr) -> Option<(String, Option<OsString>)> {
    let option = word.as_bytes().strip_prefix(b"-")?;
    let option = option.strip_prefix(b"-").unwrap_or(option);
    if option.is_empty() || option.starts_with(b"-") || option.starts_with(b"=") {
        return None;
    }
    let mut parts = option.splitn(2, |byte| *byte == b'=');
    let name = String::from_utf8_lossy(parts.next()?).into_owned();
    let value = parts.next().map(|value| OsString::from_vec(value.to_vec()));
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(args: &[&str]) -> Vec<String> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let text = |flag: Flag| match flag.value {
            Some(value) => format!("{}={}@{}", flag.name, value.display(), flag.at),
            None => format!("{}@{}", flag.name, flag.at),
        };
        read(&args).into_iter().map(text).collect()
    }

    #[test]
    fn every_spelling_is_read() {
        let read = shown(&[
            "agent", "-a=1", "-b", "2", "--c=3", "--d", "4", "-e=", "-f=x=y",
        ]);
        assert_eq!(
            read,
            ["a=1@1", "b=2@2", "c=3@4", "d=4@5", "e=@7", "f=x=y@8"]
        );
    }

    #[test]
    fn only_switches_stand_alone() {
        let read = shown(&[
            "agent",
            "-server",
            "-ui=false",
            "-node",
            "-config-dir=x",
            "-join",
        ]);
        assert_eq!(
            read,
            ["server@1", "ui=false@2", "node=-config-dir=x@3", "join@5"]
        );
    }

    #[test]
    fn they_end_where_gos_end() {
        for end in ["--", "-", "word", "---x", "-=x"] {
            assert_eq!(shown(&["agent", "-a=1", end, "-b=2"]), ["a=1@1"], "{end}");
        }
    }

    #[test]
    fn a_wrappers_options_are_its_own() {
        let read = shown(&["-u", "agent", "/bin/consul", "agent", "-a=1"]);
        assert_eq!(read, ["a=1@4"]);
        let read = shown(&["-c", "exec consul agent \"$@\"", "agent", "-a", "1"]);
        assert_eq!(read, ["a=1@3"]);
        assert_eq!(shown(&["word", "-a=1", "--", "-b=2"]), ["a=1@1"]);
    }
}
