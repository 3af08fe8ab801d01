//! An agent's data directory, as far as lictor touches it: the definitions of checks that were registered through the API, and
//! beside them lictor's own directory for those that have a stand-in, and its note of their states.
//!
//! A definition is in one of the two directories at any moment, or in both, whatever ends lictor.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consul::carry::{self, Definition};
use crate::core::checks::{Health, States};

/// Where the agent has the definitions, one a file.
const CHECKS: &str = "checks";
/// Below it, the states of checks with a TTL, each in a file of its definition's name.
const STATES: &str = "state";
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

    /// Whether there is any definition: a look that ends at the first.
    pub fn has_definitions(&self) -> bool {
        files(&self.path.join(CHECKS)).any(|path| definition(&path).is_some())
    }

    /// The definitions that the agent would load and whose states could be carried over, with their files.
    pub fn definitions(&self) -> Vec<(PathBuf, Definition)> {
        read(&self.path.join(CHECKS))
    }

    /// The definitions that are set aside, with their files.
    pub fn aside(&self) -> Vec<(PathBuf, Definition)> {
        read(&self.aside_path())
    }

    /// Sets the definitions aside whose states are known and not critical, and puts stand-ins in their places. The states that
    /// were set aside are returned. For use while no agent runs; `now` is in seconds of the epoch.
    pub fn set_aside(&self, known: &States, now: u64) -> (States, io::Result<()>) {
        let mut done = States::new();
        for (path, definition) in self.definitions() {
            let health = match known.get(&definition.id) {
                // It starts as that by itself.
                None | Some(Health::Critical) => continue,
                Some(health) => *health,
            };
            if let Err(error) = self.stand_in(&path, &definition, health, now) {
                return (done, Err(error));
            }
            done.insert(definition.id, health);
        }
        (done, Ok(()))
    }

    fn stand_in(
        &self,
        path: &Path,
        definition: &Definition,
        health: Health,
        now: u64,
    ) -> io::Result<()> {
        let (checks, aside) = (self.path.join(CHECKS), self.aside_path());
        let (states, name) = (checks.join(STATES), path.file_name().unwrap_or_default());
        // The agent may be another user, and must be able to read what it finds.
        let owner = fs::metadata(path)?;
        if !states.exists() {
            DirBuilder::new().mode(0o700).create(&states)?;
            chown(&states, Some(owner.uid()), Some(owner.gid()))?;
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&aside)?;
        let state = definition.state(health, now);
        replace(&states.join(name), &aside, &state, Some(&owner))?;
        fs::hard_link(path, aside.join(name))?;
        replace(path, &aside, &definition.stand_in(), Some(&owner))
    }

    /// Puts back what is set aside, over the stand-ins; but not over what the agent has been given meanwhile. An agent reads it
    /// at its start and at a reload.
    pub fn put_back(&self) -> io::Result<()> {
        let (checks, aside) = (self.path.join(CHECKS), self.aside_path());
        if !aside.exists() {
            return Ok(());
        }
        let (there, stand_ins) = (self.definitions(), self.stand_ins());
        for (path, definition) in self.aside() {
            let name = path.file_name().unwrap_or_default();
            if there.iter().any(|(_, other)| other.id == definition.id) {
                fs::remove_file(&path)?;
            } else {
                // A newer Consul gives the files other names.
                let place = stand_ins.iter().find(|(_, id)| *id == definition.id);
                let place = place.map_or_else(|| checks.join(name), |(place, _)| place.clone());
                fs::rename(&path, place)?;
            }
            let _ = fs::remove_file(checks.join(STATES).join(name));
        }
        self.clean();
        Ok(())
    }

    /// The stand-ins among what the agent has, each with the id of its check.
    pub fn stand_ins(&self) -> Vec<(PathBuf, String)> {
        files(&self.path.join(CHECKS))
            .filter_map(|path| {
                let id = carry::stands_in(&fs::read(&path).ok()?)?;
                Some((path, id))
            })
            .collect()
    }

    /// Forgets a definition that was set aside: the agent has it again, or has none any more.
    pub fn forget(&self, aside: &Path) {
        if let Err(error) = fs::remove_file(aside) {
            tracing::warn!("{} could not be removed: {error}", aside.display());
        }
        let name = aside.file_name().unwrap_or_default();
        let _ = fs::remove_file(self.path.join(CHECKS).join(STATES).join(name));
    }

    /// Removes lictor's directory, if nothing is in it any more.
    pub fn clean(&self) {
        let _ = fs::remove_dir(self.aside_path());
    }

    /// Notes these states for the lictor that comes next. `now` is in seconds of the epoch.
    pub fn note(&self, now: u64, states: &States) -> io::Result<()> {
        let note = carry::note(now, states);
        replace(&self.path.join(NOTE), &self.path, &note, None)
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

/// Writes a file whole or not at all, with `scratch` for the work. It is not synced to the disk, which might take long: after a
/// power cut a state is too old anyway, and a definition was moved by the file system alone.
fn replace(
    path: &Path,
    scratch: &Path,
    value: &Value,
    owner: Option<&fs::Metadata>,
) -> io::Result<()> {
    let temporary = scratch.join("lictor.tmp");
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(value.to_string().as_bytes())?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    fs::rename(temporary, path)
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

fn definition(path: &Path) -> Option<Definition> {
    Definition::read(&fs::read(path).ok()?)
}

fn read(directory: &Path) -> Vec<(PathBuf, Definition)> {
    files(directory)
        .filter_map(|path| {
            let definition = definition(&path)?;
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
        let data = Temporary::new("aside", &["a", "b", "c", "d"]);
        let known = [
            ("a", Health::Passing),
            ("b", Health::Critical),
            ("c", Health::Warning),
        ];
        let known: States = known.map(|(id, health)| (id.to_owned(), health)).into();
        let (done, result) = data.0.set_aside(&known, 1000);
        result.expect("set aside");
        assert_eq!(done.keys().collect::<Vec<_>>(), ["a", "c"]);
        // What is critical, and what is not known, stays.
        assert_eq!(ids(data.0.definitions()), ["b", "d"]);
        assert_eq!(ids(data.0.aside()), ["a", "c"]);
        assert_eq!(data.0.stand_ins().len(), 2);
        let state = data.0.path.join(CHECKS).join(STATES).join("61");
        let state = fs::read_to_string(state).expect("a state");
        assert!(
            state.contains(r#""Status":"passing","Expires":1060"#),
            "{state}"
        );
        // One was registered anew, and lictor was killed before it could note that.
        data.agent_writes("c");
        data.0.put_back().expect("put back");
        assert_eq!(ids(data.0.definitions()), ["a", "b", "c", "d"]);
        assert!(data.0.stand_ins().is_empty());
        assert_eq!(
            fs::read_dir(data.0.path.join(CHECKS).join(STATES))
                .expect("read")
                .count(),
            0
        );
        assert!(!data.0.aside_path().exists());
        assert!(data.0.has_definitions());
    }

    #[test]
    fn what_is_no_definition_stays() {
        let data = Temporary::new("stays", &[]);
        assert!(!data.0.has_definitions());
        let checks = data.0.path.join(CHECKS);
        for name in ["0a", "0b.tmp", "notes"] {
            fs::write(checks.join(name), "no JSON").expect("written");
        }
        assert!(data.0.definitions().is_empty());
        assert!(data.0.put_back().is_ok());
        assert!(checks.join("0a").exists());
    }

    #[test]
    fn a_note_is_taken_once() {
        let data = Temporary::new("note", &[]);
        let states: States = [("a".to_owned(), Health::Critical)].into();
        data.0.note(1000, &states).expect("noted");
        assert_eq!(data.0.take_note(1010), Some(states.clone()));
        assert_eq!(data.0.take_note(1010), None);
        data.0.note(1000, &states).expect("noted");
        assert_eq!(data.0.take_note(2000), None);
    }
}
