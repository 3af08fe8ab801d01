//! What several files and a command line come to, and which of them said it.

use std::path::Path;

use serde_json::{Map, Value};

use super::document::{Document, find, join};

/// A value that counts, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) file: &'a Path,
    pub(super) value: &'a Value,
}

/// All files in their order, under the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merged<'a> {
    pub(super) documents: &'a [Document<'a>],
    pub(super) flags: &'a Map<String, Value>,
}

/// What stands for a file where the command line said it.
pub(super) const COMMAND_LINE: &str = "the command line";

impl<'a> Merged<'a> {
    /// The value of a key that is no list: the command line's, else the last file's.
    pub(super) fn get(&self, path: &[&str]) -> Option<Setting<'a>> {
        if let Some(value) = descend(self.flags, path) {
            let file = Path::new(COMMAND_LINE);
            return Some(Setting { file, value });
        }
        self.documents.iter().rev().find_map(|document| {
            let value = descend(&document.members, path)?;
            let file = document.path;
            Some(Setting { file, value })
        })
    }

    /// Text that is not empty.
    pub(super) fn text(&self, path: &[&str]) -> Option<(&'a str, &'a Path)> {
        let setting = self.get(path)?;
        let text = setting.value.as_str().filter(|text| !text.is_empty())?;
        Some((text, setting.file))
    }

    /// The value of a key that has several spellings: the last file's, in which the first spelling counts; and that spelling.
    pub(super) fn either(&self, paths: &[&[&str]]) -> Option<(Setting<'a>, String)> {
        let flags = (Path::new(COMMAND_LINE), self.flags);
        let documents = self.documents.iter().rev();
        let documents = documents.map(|one| (one.path, &one.members));
        std::iter::once(flags)
            .chain(documents)
            .find_map(|(file, members)| {
                paths.iter().find_map(|path| {
                    let value = descend(members, path)?;
                    Some((Setting { file, value }, path.join(".")))
                })
            })
    }

    /// Who set a key to true, if that is what it is.
    pub(super) fn on(&self, path: &[&str]) -> Option<&'a Path> {
        let setting = self.get(path)?;
        is_on(setting.value).then_some(setting.file)
    }

    /// Every item of a list, which files append to.
    pub(super) fn list(&self, key: &str) -> Vec<(String, Setting<'a>)> {
        let of_file = |(file, members): (&'a Path, &'a Map<String, Value>)| {
            let found = find(members, key);
            let (name, values) = match found {
                Some((name, Value::Array(list))) => (name, list.as_slice()),
                Some((name, value)) => (name, std::slice::from_ref(value)),
                None => (key, &[][..]),
            };
            values
                .iter()
                .enumerate()
                .map(move |(number, value)| (format!("{name}[{number}]"), Setting { file, value }))
                .collect::<Vec<_>>()
        };
        let flags = (Path::new(COMMAND_LINE), self.flags);
        let documents = self.documents.iter().map(|one| (one.path, &one.members));
        std::iter::once(flags)
            .chain(documents)
            .flat_map(of_file)
            .collect()
    }

    /// Every leaf with its path, in which case does not matter: a value that is no object. A list is a leaf, as all files together make it.
    pub(super) fn leaves(&self) -> Vec<(String, Value, &'a Path)> {
        let mut found: Vec<(String, Value, &'a Path)> = Vec::new();
        for document in self.documents {
            leaves("", &document.members, &mut |path, value| {
                let known = found
                    .iter_mut()
                    .find(|(other, ..)| other.eq_ignore_ascii_case(&path));
                match (known, value) {
                    (Some((_, Value::Array(old), file)), Value::Array(new)) => {
                        old.extend(new.iter().cloned());
                        *file = document.path;
                    }
                    (Some(known), value) => (known.1, known.2) = (value.clone(), document.path),
                    (None, value) => found.push((path, value.clone(), document.path)),
                }
            });
        }
        // What the command line says is so whatever files say, but for lists, to which both add.
        found.retain(|(path, value, _)| {
            let keys: Vec<&str> = path.split('.').collect();
            value.is_array() || descend(self.flags, &keys).is_none()
        });
        found
    }
}

/// Whether a value is true, which Consul takes as text, too.
pub(super) fn is_on(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::String(text) => matches!(text.as_str(), "true" | "1" | "t" | "T" | "TRUE" | "True"),
        _ => false,
    }
}

fn leaves(at: &str, members: &Map<String, Value>, found: &mut impl FnMut(String, &Value)) {
    for (key, value) in members {
        let path = join(at, key);
        match value {
            Value::Object(inner) => leaves(&path, inner, found),
            value => found(path, value),
        }
    }
}

fn descend<'a>(members: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let (_, value) = find(members, first)?;
    match (rest, value) {
        ([], value) => Some(value),
        (rest, Value::Object(inner)) => descend(inner, rest),
        _ => None,
    }
}
