//! Judges an agent's configuration beyond `consul validate`: what would lose services at a reload, break it halfway, or stop the
//! next start; and what a reload cannot apply.
//!
//! Consul checks services, checks, watches and TLS files only when it has already unloaded everything, so what it then refuses is
//! lost. [`judge`] finds these by the files alone ([`Candidate`]), by what runs ([`Running`]), and by the machine ([`Host`]), each as
//! far as it is given. It never judges what Consul's own `validate` says of unknown keys and the like. What it cannot read is a warning.
//!
//! The rules were found by trying fragments on real agents, which `tests/judge` and `cargo xtask bench reloads` still do.

use std::path::PathBuf;

use serde_json::{Map, Value};

mod agent;
mod changes;
mod checks;
mod document;
pub mod files;
mod finding;
mod hcl;
mod host;
mod ids;
mod listen;
mod merged;
pub mod news;
mod pem;
mod services;
mod sidecars;
pub mod states;
mod tls;
mod watches;

pub use finding::{Effect, Finding, Severity};
pub use host::{Host, Machine};

use document::Document;
use finding::Findings;
use merged::Merged;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`.
    Json,
    /// `.hcl`.
    Hcl,
}

/// A file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, as the user knows it.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// How it is written.
    pub format: Format,
}

/// What is known of the agent that runs.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// The files that it was started with: what a reload cannot change is as it was then.
    pub files: &'a [File],
    /// Its version's first two numbers, if known.
    pub version: Option<(u32, u32)>,
}

/// A configuration to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its files, in Consul's order.
    pub files: &'a [File],
    /// What the agent's command line sets above them, as keys of the configuration.
    pub flags: &'a Map<String, Value>,
    /// The agent that is to be reloaded; without it nothing is compared.
    pub running: Option<Running<'a>>,
    /// The ids of services that were registered through the agent's API, if known.
    pub registered: Option<&'a [String]>,
    /// The machine of the agent; without it nothing that a configuration names is looked at.
    pub host: Option<&'a dyn Host>,
}

/// All that is found, errors first, each kind in the order of the files.
pub fn judge(candidate: &Candidate<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    let documents = document::read(candidate.files, &mut findings);
    findings.partial = !findings.found.is_empty();
    let running = candidate.running.and_then(|running| {
        let mut unread = Findings::default();
        let documents = document::read(running.files, &mut unread);
        // There is no comparing with what is known by half.
        unread.found.is_empty().then_some(documents)
    });
    let judged = Judged {
        candidate,
        documents: &documents,
        new: Merged {
            documents: &documents,
            flags: candidate.flags,
        },
        old: running.as_ref().map(|documents| Merged {
            documents,
            flags: candidate.flags,
        }),
    };
    tls::judge(&judged, &mut findings);
    services::judge(&judged, &mut findings);
    checks::judge(&judged, &mut findings);
    ids::judge(&judged, &mut findings);
    sidecars::judge(&judged, &mut findings);
    watches::judge(&judged, &mut findings);
    agent::judge(&judged, &mut findings);
    listen::judge(&judged, &mut findings);
    changes::judge(&judged, &mut findings);
    let place = |finding: &Finding| {
        let file = candidate
            .files
            .iter()
            .position(|file| file.path == finding.file);
        (finding.severity(), file)
    };
    findings.found.sort_by_key(place);
    findings.found
}

/// The data directory of the agent, where it is known.
pub fn data_dir(candidate: &Candidate<'_>) -> Option<PathBuf> {
    let documents = document::read(candidate.files, &mut Findings::default());
    let merged = Merged {
        documents: &documents,
        flags: candidate.flags,
    };
    merged.text(&["data_dir"]).map(|(path, _)| path.into())
}

/// Whether a switch of the configuration's top level is on, and what says so last: an option, or else a file; `None` where nothing
/// does. A file that cannot be read says nothing.
pub fn switch(files: &[File], flags: &Map<String, Value>, key: &str) -> Option<(bool, PathBuf)> {
    let documents = document::read(files, &mut Findings::default());
    let documents = &documents;
    let setting = Merged { documents, flags }.get(&[key])?;
    Some((merged::is_on(setting.value), setting.file.to_owned()))
}

/// A text of the configuration's top level that is not empty: an option's, or else the last file's; `None` where nothing says one. A
/// file that cannot be read says nothing.
pub fn text(files: &[File], flags: &Map<String, Value>, key: &str) -> Option<String> {
    told(files, flags, key).map(|(text, _)| text)
}

/// [`text`], and what says it.
pub fn told(files: &[File], flags: &Map<String, Value>, key: &str) -> Option<(String, PathBuf)> {
    let documents = document::read(files, &mut Findings::default());
    let documents = &documents;
    let text = Merged { documents, flags }.text(&[key]);
    text.map(|(text, file)| (text.to_owned(), file.to_owned()))
}

/// Whether a list of the configuration's top level has anything in it.
pub fn any(files: &[File], flags: &Map<String, Value>, key: &str) -> bool {
    let documents = document::read(files, &mut Findings::default());
    let documents = &documents;
    !Merged { documents, flags }.list(key).is_empty()
}

/// A candidate with its files read.
struct Judged<'a> {
    candidate: &'a Candidate<'a>,
    documents: &'a [Document<'a>],
    /// What the candidate comes to.
    new: Merged<'a>,
    /// What the running agent was started with.
    old: Option<Merged<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        let format = match path.ends_with(".hcl") {
            true => Format::Hcl,
            false => Format::Json,
        };
        File {
            path: path.into(),
            bytes: text.into(),
            format,
        }
    }

    fn found(files: &[File], registered: Option<&[String]>) -> Vec<(Effect, String)> {
        let candidate = Candidate {
            files,
            flags: &Map::new(),
            running: None,
            registered,
            host: None,
        };
        let findings = judge(&candidate).into_iter();
        findings.map(|found| (found.effect, found.key)).collect()
    }

    const SCRIPT: &str = r#"{"service": {"name": "a", "check": {"args": ["true"], "interval": "1s"}}, "verify_outgoing": true}"#;

    #[test]
    fn what_may_be_in_a_file_that_cannot_be_read_is_no_error() {
        let loses = |key: &str| (Effect::Loses, key.to_owned());
        let alone = found(&[file("a.json", SCRIPT)], None);
        assert_eq!(
            alone,
            [loses("verify_outgoing"), loses("service.check.args")]
        );
        let beside = found(&[file("a.json", SCRIPT), file("b.hcl", "a = b.c")], None);
        assert_eq!(beside.len(), 3, "{beside:?}");
        assert!(
            beside.iter().all(|(effect, _)| *effect == Effect::Unjudged),
            "{beside:?}"
        );
    }

    #[test]
    fn a_service_of_the_apis_is_known_where_it_is_told() {
        let check = file(
            "a.json",
            r#"{"check": {"name": "c", "service_id": "x", "ttl": "1s"}}"#,
        );
        let service = file("b.json", r#"{"service": {"name": "x"}}"#);
        let ids = ["x".to_owned()];
        let key = || "check.service_id".to_owned();
        assert_eq!(
            found(std::slice::from_ref(&check), Some(&ids)),
            [(Effect::Odd, key())]
        );
        assert_eq!(
            found(std::slice::from_ref(&check), Some(&[])),
            [(Effect::Incomplete, key())]
        );
        assert_eq!(
            found(std::slice::from_ref(&check), None),
            [(Effect::Odd, key())]
        );
        let replaces = (Effect::Replaces, "service.name".to_owned());
        assert_eq!(found(&[check, service], Some(&ids)), [replaces]);
    }

    #[test]
    fn no_secret_is_told() {
        let texts = [
            r#"{"encrypt": "s3cret", "acl": {"tokens": {"agent": "s3cret"}}, "node_id": 5}"#,
            "encrypt = = \"s3cret\"",
            "encrypt = [\"s3cret\" \"s3cret\"]",
            "\"s3cret\" 1",
            "encrypt = s3cret",
            "encrypt = 5s3cret",
            r#"{"encrypt": "s3cret" "s3cret"}"#,
        ];
        for text in texts {
            for path in ["a.json", "a.hcl"] {
                let candidate = Candidate {
                    files: &[file(path, text)],
                    flags: &Map::new(),
                    running: Some(Running {
                        files: &[],
                        version: None,
                    }),
                    registered: None,
                    host: None,
                };
                for finding in judge(&candidate) {
                    assert!(!finding.to_string().contains("s3cret"), "{finding}");
                }
            }
        }
    }
}
