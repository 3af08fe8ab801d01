//! An agent's data directory, as far as lictor touches it: the definitions of checks that were registered through the API, and
//! beside them lictor's own directory for those that are set aside, and its note of their states.
//!
//! A definition is moved by a rename, so it is in one of the two directories at any moment, whatever ends lictor.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::consul::carry::{self, Definition};
use crate::core::checks::States;

/// Where the agent has the definitions, one a file.
const CHECKS: &str = "checks";
/// Where those are that are set aside.
const ASIDE: &str = "checks.lictor";
/// The states of checks, for the lictor that comes next.
const NOTE: &str = "check-states.lictor";
/// How long such a note holds, in seconds.
const NOTE_HOLDS: u64 = 60;

/// The data directory of one agent.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// The data directory at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the definitions are that are set aside.
    pub fn aside_path(&self) -> PathBuf {
        self.path.join(ASIDE)
    }

    /// Whether there may be any definition: a cheap look.
    pub fn has_checks(&self) -> bool {
        files(&self.path.join(CHECKS)).next().is_some()
    }

    /// The definitions that the agent would load and whose states could be carried over, with their files.
    pub fn definitions(&self) -> Vec<(PathBuf, Definition)> {
        read(&self.path.join(CHECKS))
    }

    /// The definitions that are set aside, with their files.
    pub fn aside(&self) -> Vec<(PathBuf, Definition)> {
        read(&self.aside_path())
    }

    /// Sets those definitions aside. For use while no agent runs.
    pub fn set_aside(&self, wanted: impl Fn(&Definition) -> bool) -> io::Result<()> {
        let aside = self.aside_path();
        for (path, _) in self
            .definitions()
            .into_iter()
            .filter(|(_, definition)| wanted(definition))
        {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&aside)?;
            fs::rename(&path, aside.join(path.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Puts back what is set aside, but for what the agent has again. An agent reads it at its start and at a reload.
    pub fn put_back(&self) -> io::Result<()> {
        let aside = self.aside_path();
        if !aside.exists() {
            return Ok(());
        }
        let checks = self.path.join(CHECKS);
        let there = self.definitions();
        let there: HashSet<&str> = there.iter().map(|(_, has)| has.id.as_str()).collect();
        for (path, definition) in self.aside() {
            if there.contains(definition.id.as_str()) {
                fs::remove_file(&path)?;
                continue;
            }
            fs::rename(&path, checks.join(path.file_name().unwrap_or_default()))?;
        }
        self.clean();
        Ok(())
    }

    /// Removes lictor's directory, if nothing is in it any more.
    pub fn clean(&self) {
        let _ = fs::remove_dir(self.aside_path());
    }

    /// Notes these states for the lictor that comes next. `now` is in seconds of the epoch.
    pub fn note(&self, now: u64, states: &States) -> io::Result<()> {
        let temporary = self.path.join(format!("{NOTE}.tmp"));
        // Not synced to the disk, which might take long: after a power cut it would be too old anyway.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?
            .write_all(carry::note(now, states).to_string().as_bytes())?;
        fs::rename(temporary, self.path.join(NOTE))
    }

    /// Takes the note of the lictor before this one, if there is one and it still holds. It is gone then.
    pub fn take_note(&self, now: u64) -> Option<States> {
        let path = self.path.join(NOTE);
        let bytes = fs::read(&path).ok()?;
        if let Err(error) = fs::remove_file(&path) {
            // What cannot be taken would be believed again.
            tracing::warn!("{} could not be removed: {error}", path.display());
            return None;
        }
        carry::noted(&bytes, now, NOTE_HOLDS)
    }
}

/// The files of a directory that hold a definition by their names, which are hashes.
fn files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            name.iter().all(u8::is_ascii_hexdigit)
        })
}

fn read(directory: &Path) -> Vec<(PathBuf, Definition)> {
    files(directory)
        .filter_map(|path| {
            let definition = Definition::read(&fs::read(&path).ok()?)?;
            Some((path, definition))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A data directory of its own, with these definitions; it is removed in the end.
    struct Temporary(DataDir);

    impl Temporary {
        fn new(name: &str, ids: &[&str]) -> Self {
            let path = std::env::temp_dir().join(format!("lictor-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join(CHECKS).join("state")).expect("made");
            let this = Self(DataDir::new(path));
            for id in ids {
                this.agent_writes(id);
            }
            this
        }

        fn agent_writes(&self, id: &str) {
            let file = json!({
                "Check": { "CheckID": id, "Name": id },
                "ChkType": { "TCP": "127.0.0.1:1", "Interval": 1_000_000_000 },
                "Token": "",
            });
            let name: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
            fs::write(self.0.path.join(CHECKS).join(name), file.to_string()).expect("written");
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.path);
        }
    }

    fn ids(of: Vec<(PathBuf, Definition)>) -> Vec<String> {
        let mut ids: Vec<String> = of.into_iter().map(|(_, one)| one.id).collect();
        ids.sort();
        ids
    }

    #[test]
    fn definitions_go_and_come_back() {
        let data = Temporary::new("aside", &["a", "b", "c"]);
        data.0.set_aside(|one| one.id != "b").expect("set aside");
        assert_eq!(ids(data.0.definitions()), ["b"]);
        assert_eq!(ids(data.0.aside()), ["a", "c"]);
        // One was registered anew, and lictor was killed before it could note that.
        data.agent_writes("c");
        data.0.put_back().expect("put back");
        assert_eq!(ids(data.0.definitions()), ["a", "b", "c"]);
        assert!(!data.0.aside_path().exists());
        assert!(data.0.has_checks());
    }

    #[test]
    fn what_is_no_definition_stays() {
        let data = Temporary::new("stays", &[]);
        assert!(!data.0.has_checks());
        let checks = data.0.path.join(CHECKS);
        for name in ["0a", "0b.tmp", "notes"] {
            fs::write(checks.join(name), "no JSON").expect("written");
        }
        data.0.set_aside(|_| true).expect("set aside");
        assert!(!data.0.aside_path().exists());
        assert!(checks.join("0a").exists());
    }

    #[test]
    fn a_note_is_taken_once() {
        use crate::core::checks::Health;
        let data = Temporary::new("note", &[]);
        let states: States = [("a".to_owned(), Health::Critical)].into();
        data.0.note(1000, &states).expect("noted");
        assert_eq!(data.0.take_note(1010), Some(states.clone()));
        assert_eq!(data.0.take_note(1010), None);
        data.0.note(1000, &states).expect("noted");
        assert_eq!(data.0.take_note(2000), None);
    }
}
