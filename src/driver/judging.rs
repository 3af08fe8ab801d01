//! Judges what was taken for the agent to read before it does: by `consul validate`, with the agent's own binary, and by [`judge`] for
//! all that this lets through.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::consul::flags::{self, Flags};
use crate::consul::validate;
use crate::core::candidate::{News, Verdict};
use crate::core::event::How;
use crate::driver::auto_reload;
use crate::driver::children::Children;
use crate::judge::{self, Effect, File, Finding, Format, Machine, Running, files, news};
use crate::os::background;
use crate::os::files::Passing;
use crate::os::signals::Inherited;
use crate::os::spawn::Program;
use crate::stage::write::Generation;
use crate::stage::{Candidate, Stager};

/// How long `consul validate` may take; 0.1 to 0.3 s are usual.
const VALIDATION: Duration = Duration::from_secs(15);
/// How long the judge may take: a file that a configuration names may be on a file system that hangs.
const JUDGEMENT: Duration = Duration::from_secs(10);
/// The command line as files, for `consul validate`, which takes no option of the agent's.
const COMMAND_LINE: &str = "command-line";

/// What no restart in place should change by itself: who the node is, where it keeps that, and whom it can talk to. The agent's own data
/// and other nodes remember it, so that going back would not undo it.
const BY_HAND: [&str; 9] = [
    "node_name",
    "node_id",
    "datacenter",
    "primary_datacenter",
    "partition",
    "data_dir",
    "encrypt",
    "server",
    "disable_host_node_id",
];

/// All that a judgement needs beside the candidate.
pub(super) struct Judging {
    pub(super) stager: Stager,
    /// The agent's arguments, as the user would type them.
    pub(super) args: Vec<OsString>,
    /// The agent's program, or why there is none that validates.
    pub(super) consul: Result<PathBuf, String>,
    pub(super) inherited: Inherited,
    /// The first two numbers of the agent's version, once it has told.
    pub(super) version: Option<(u32, u32)>,
    pub(super) children: Children,
    /// Whether what no reload applies is applied by a restart.
    pub(super) restarts: bool,
}

impl Judging {
    /// What is found about a candidate. What cannot be judged is no fault, and is told.
    pub(super) async fn judge(&self, candidate: &Candidate) -> Verdict {
        let flags = flags::read(&self.args);
        let mut verdict = self.by_rules(candidate, &flags).await;
        // What is there already was judged by the agent itself.
        if let Some(generation) = &candidate.generation {
            match self.by_consul(generation, candidate, &flags).await {
                Ok(()) => {}
                Err(Refused::By(reason)) => {
                    let reason = self.stager.in_users_words(&reason);
                    verdict
                        .faults
                        .insert(0, format!("consul validate: {reason}"));
                }
                Err(Refused::Not(why)) => {
                    verdict
                        .odd
                        .push(format!("`consul validate` was left out: {why}"));
                }
            }
        }
        verdict
    }

    async fn by_rules(&self, candidate: &Candidate, flags: &Flags) -> Verdict {
        let format = flags.format.clone();
        let files = candidate.snapshot.files();
        let files =
            files.map(|file| as_file(&file.path, &file.place, &file.bytes, format.as_deref()));
        let options = files::of_options(&flags.hcl);
        let files: Vec<File> = files.chain(options.clone()).collect();
        let (flags, stager) = (flags.settings.clone(), self.stager.clone());
        let (version, restarts) = (self.version, self.restarts);
        let work = move || {
            let stage = stager.stage();
            let of = |generation: Option<Generation>| -> Option<Vec<File>> {
                let files = stager.files(&generation?).ok()?;
                let files = files.iter();
                let format = format.as_deref();
                let files = files.map(|file| as_file(&file.path, &file.place, &file.bytes, format));
                Some(files.chain(options.clone()).collect())
            };
            let rules = Rules {
                files,
                now: of(stage.current()).unwrap_or_default(),
                started: of(stage.started()),
                flags,
                version,
                restarts,
            };
            rules.judge()
        };
        let unjudged = |why: &str| Verdict {
            odd: vec![format!("lictor could not judge the configuration: {why}")],
            ..Verdict::default()
        };
        let Ok(judged) = background::run("judge", work) else {
            return unjudged("there is no memory for a thread");
        };
        match timeout(JUDGEMENT, judged).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => unjudged("its thread has ended"),
            Err(_) => unjudged("what it names could not be read in time; does a file system hang?"),
        }
    }

    async fn by_consul(
        &self,
        generation: &Generation,
        candidate: &Candidate,
        flags: &Flags,
    ) -> Result<(), Refused> {
        let refused = match self.validate(generation, candidate, flags).await {
            Err(Refused::By(reason)) => reason,
            other => return other,
        };
        // A script may give the agent what this judge does not get to see.
        let current = self.stager.stage().current();
        let known = match &current {
            Some(current) => self.validate(current, candidate, flags).await,
            None => Ok(()),
        };
        match known {
            Err(Refused::By(reason)) if reason == refused => Err(Refused::Not(format!(
                "it refuses what the agent reads now, too: {reason}"
            ))),
            _ => Err(Refused::By(refused)),
        }
    }

    /// Has Consul judge a generation that has the candidate's sources.
    async fn validate(
        &self,
        generation: &Generation,
        candidate: &Candidate,
        flags: &Flags,
    ) -> Result<(), Refused> {
        let consul = self.consul.clone().map_err(Refused::Not)?;
        let failed = |error: io::Error| Refused::Not(error.to_string());
        let options = flags.as_files(&std::env::temp_dir());
        let options = Passing::write_all(&generation.path.join(COMMAND_LINE), options);
        let options = options.map_err(failed)?;
        let places = candidate.snapshot.contents.iter();
        let paths: Vec<PathBuf> = places
            .map(|one| generation.path.join(&one.place))
            .filter(|path| path.exists())
            .chain(options.iter().map(|file| file.path().to_owned()))
            .collect();
        let paths = paths.iter().map(PathBuf::as_path);
        let program = Program {
            name: consul.clone().into_os_string(),
            path: consul,
            args: validate::arguments(flags.format.as_deref(), paths),
            env: Vec::new(),
        };
        let run = self.children.run(&program, self.inherited, VALIDATION);
        match run.await.map_err(failed)? {
            (How::Exited(0), _) => Ok(()),
            (How::Exited(1), said) => {
                let stage = format!("{}/", generation.path.display());
                let options = format!("{stage}{COMMAND_LINE}-");
                let current = format!("{}/", self.stager.stage().current_link().display());
                let said = said.replace(&options, "the command line ");
                let reason = validate::reason(&said).replace(&stage, &current);
                Err(Refused::By(reason))
            }
            (how, _) => Err(Refused::Not(format!("it {how}"))),
        }
    }
}

/// Why `consul validate` did not say yes.
enum Refused {
    /// It says no, and why.
    By(String),
    /// It did not say anything, and why.
    Not(String),
}

fn as_file(path: &Path, place: &Path, bytes: &[u8], said: Option<&str>) -> File {
    let ending = place.extension().and_then(|ending| ending.to_str());
    File {
        path: path.to_owned(),
        bytes: bytes.to_vec(),
        format: match said.or(ending) {
            Some("hcl") => Format::Hcl,
            _ => Format::Json,
        },
    }
}

/// What is judged by rules alone.
struct Rules {
    files: Vec<File>,
    /// What the agent reads.
    now: Vec<File>,
    /// What it was started with.
    started: Option<Vec<File>>,
    /// What its command line sets.
    flags: Map<String, Value>,
    version: Option<(u32, u32)>,
    restarts: bool,
}

impl Rules {
    fn judge(&self) -> Verdict {
        let running = self.started.as_ref().map(|files| Running {
            files,
            version: self.version,
        });
        let data_dir = judge::data_dir(&self.candidate(&self.files));
        let registered = data_dir.and_then(|dir| files::registered(&Machine, &dir));
        let judged = |files, running| {
            judge::judge(&judge::Candidate {
                running,
                registered: registered.as_deref(),
                ..self.candidate(files)
            })
        };
        let mut found = judged(&self.files, running);
        // What lictor turns off anyway takes no restart.
        found.retain(|finding| {
            let takes_restart = finding.effect == Effect::NeedsRestart;
            !takes_restart || !finding.key.eq_ignore_ascii_case(auto_reload::KEY)
        });
        let known = judged(&self.now, running);
        let takes_restart = |finding: &Finding| finding.effect == Effect::NeedsRestart;
        let by_hand = |finding: &Finding| {
            takes_restart(finding) && BY_HAND.contains(&finding.key.to_ascii_lowercase().as_str())
        };
        let mut verdict = Verdict {
            by_hand: found.iter().any(by_hand),
            ..Verdict::default()
        };
        // An agent that is started anew is not held to what the one that runs was started with.
        let restarts = self.restarts && !verdict.by_hand && found.iter().any(takes_restart);
        let at_start = restarts.then(|| judged(&self.files, None));
        for finding in found {
            let shown = finding.to_string();
            let spared = at_start
                .as_ref()
                .is_some_and(|start| !start.contains(&finding));
            match finding.effect {
                Effect::NeedsRestart => verdict.restart.push(key_of(&finding)),
                Effect::Odd | Effect::Unjudged => verdict.odd.push(shown),
                // What lies in the future of what the agent reads already is not made worse by a reload; a restart is that future.
                Effect::StopsStart | Effect::Replaces
                    if known.contains(&finding) && at_start.is_none() =>
                {
                    verdict.odd.push(shown);
                }
                Effect::Loses | Effect::Incomplete if spared => {}
                _ => verdict.faults.push(shown),
            }
        }
        let differences = news::differences(&self.candidate(&self.files), &self.now);
        verdict.news = differences.into_iter().map(told).collect();
        let ids = news::service_ids(&self.now).zip(news::service_ids(&self.files));
        verdict.dropped = ids.map(|(now, new)| now.difference(&new).cloned().collect());
        verdict
    }

    fn candidate<'a>(&'a self, files: &'a [File]) -> judge::Candidate<'a> {
        judge::Candidate {
            files,
            flags: &self.flags,
            running: None,
            registered: None,
            host: Some(&Machine),
        }
    }
}

fn key_of(finding: &Finding) -> String {
    format!("{} ({})", finding.key, finding.file.display())
}

fn told(difference: news::Difference) -> News {
    News {
        kind: match difference.kind {
            news::Kind::Service => "service",
            news::Kind::Check => "check",
            news::Kind::Key => "key",
        },
        name: difference.name,
        how: match difference.how {
            news::How::Added => "added",
            news::How::Changed => "changed",
            news::How::Removed => "removed",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(new: &str) -> Verdict {
        let file = |text: &str| File {
            path: "a.json".into(),
            bytes: text.into(),
            format: Format::Json,
        };
        let rules = Rules {
            files: vec![file(new)],
            now: vec![file("{}")],
            started: Some(vec![file("{}")]),
            flags: Map::new(),
            version: None,
            restarts: true,
        };
        rules.judge()
    }

    #[test]
    fn who_the_node_is_is_for_a_person_to_change() {
        // A node's id has to be one.
        let other = "5ec3e7aa-0000-4000-8000-00000000cafe";
        for key in BY_HAND {
            let verdict = judged(&format!("{{\"{key}\": \"{other}\"}}"));
            assert!(verdict.by_hand, "{key}: {verdict:?}");
        }
        let verdict = judged(r#"{"disable_update_check": true}"#);
        assert_eq!(verdict.restart, ["disable_update_check (a.json)"]);
        assert!(!verdict.by_hand);
    }
}
