//! The second copy on its way to the disk: told once where it cannot be written, and tried again until it is.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::identity::record::{self, Record};

/// Between two tries, at least: nobody is woken for them.
const AGAIN: Duration = Duration::from_secs(30);

/// What is kept of the node.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    known: Option<Record>,
    /// It could not be written, which was told.
    behind: bool,
    /// When that was tried again, or noted to be due.
    tried: Option<Duration>,
}

impl Keeping {
    /// What was to be kept last, by lictor's own memory.
    pub(super) fn known(&self) -> Option<&Record> {
        self.known.as_ref()
    }

    /// Whether the disk has something older, or nothing.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Keeps this, and writes it, unless it is written already.
    pub(super) fn keep(&mut self, data_dir: &Path, record: Record) {
        self.known = Some(record);
        self.write(data_dir);
    }

    /// Writes once more what could not be written. `now` runs from lictor's own begin.
    pub(super) fn again(&mut self, data_dir: &Path, now: Duration) {
        if !self.behind {
            return;
        }
        let tried = *self.tried.get_or_insert(now);
        if now.saturating_sub(tried) >= AGAIN {
            self.tried = Some(now);
            self.write(data_dir);
        }
    }

    fn write(&mut self, data_dir: &Path) {
        let Some(record) = &self.known else { return };
        let path = record::path(data_dir);
        match record::write(data_dir, record) {
            Ok(refused) => {
                warn_of_owner(&path, refused);
                self.tried = None;
                if std::mem::take(&mut self.behind) {
                    tracing::info!("{} is written now", path.display());
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.behind, true) {
                    tracing::warn!(
                        "{} cannot be written ({error}), which is tried again twice a minute: until then it is not known at a next start what \
                         the node was",
                        path.display()
                    );
                }
            }
        }
    }
}

/// Where a file is root's that should be the user's for whom the data directory is, and who may be the agent's.
pub(super) fn warn_of_owner(path: &Path, refused: Option<io::Error>) {
    if let Some(error) = refused {
        tracing::warn!(
            "{} could not be given to the owner of its directory ({error}): an agent that runs as that user cannot read it; chown it, or give \
             lictor CAP_CHOWN",
            path.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::record::Copy;
    use std::fs;

    fn named(name: &str) -> Record {
        Record {
            node_name: name.to_owned(),
            ..Record::default()
        }
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_seldom() {
        let name = format!("lictor-keeping-{}", std::process::id());
        let data_dir = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&data_dir);
        let mut keeping = Keeping::default();
        keeping.keep(&data_dir, named("n1"));
        assert!(keeping.is_behind());
        keeping.again(&data_dir, Duration::from_secs(5));
        fs::create_dir(&data_dir).expect("made");
        keeping.again(&data_dir, Duration::from_secs(34));
        assert_eq!(record::read(&data_dir), Copy::Missing);
        keeping.again(&data_dir, Duration::from_secs(35));
        assert_eq!(record::read(&data_dir), Copy::Good(named("n1")));
        assert!(!keeping.is_behind());
        // What was written is let be from then on.
        fs::remove_dir_all(&data_dir).expect("removed");
        keeping.again(&data_dir, Duration::from_secs(90));
        assert!(!keeping.is_behind());
    }
}
