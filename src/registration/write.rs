//! Puts the registration where the agent reads it: before the agent starts, each file whole or not at all.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::os::files::write_atomically;
use crate::registration::{Document, Error};

/// What every file of ours begins with, so that nobody else's is ever touched: `--registration-dir` may name a directory
/// in which a user has files of his own.
pub const PREFIX: &str = "lictor-";

/// Writes the documents into `directory`. A file of ours that is left there from an earlier run, and would be registered
/// too, is removed; so without documents nothing of ours is left there.
pub fn write(directory: &Path, documents: &[Document]) -> Result<(), Error> {
    let unwritable = |path: &Path| {
        let path = path.display().to_string();
        move |source: io::Error| Error::Unwritable { path, source }
    };
    if documents.is_empty() && !directory.exists() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(unwritable(directory))?;
    for document in documents {
        let path = directory.join(&document.name);
        write_atomically(&path, document.text().as_bytes(), 0o600).map_err(unwritable(&path))?;
    }
    let ours: HashSet<&str> = documents
        .iter()
        .map(|document| document.name.as_str())
        .collect();
    for entry in fs::read_dir(directory).map_err(unwritable(directory))? {
        let entry = entry.map_err(unwritable(directory))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(".json") && !ours.contains(name.as_ref()) {
            fs::remove_file(entry.path()).map_err(unwritable(&entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(name: &str) -> Document {
        Document {
            name: name.to_owned(),
            body: json!({ "service": { "name": name } }),
        }
    }

    #[test]
    fn old_files_of_ours_go_and_a_users_own_stay() {
        let directory = std::env::temp_dir().join(format!("lictor-write-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        write(
            &directory,
            &[document("lictor-a.json"), document("lictor-b.json")],
        )
        .expect("written");
        fs::write(directory.join("consul.json"), "{}").expect("written");
        write(&directory, &[document("lictor-b.json")]).expect("written");
        let mut names: Vec<String> = fs::read_dir(&directory)
            .expect("read")
            .map(|entry| {
                entry
                    .expect("read")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        assert_eq!(names, ["consul.json", "lictor-b.json"]);
        fs::remove_dir_all(&directory).expect("removed");
    }
}
