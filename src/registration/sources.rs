//! The user's registration files, and the documents that come of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::registration::default::{self, Parts};
use crate::registration::write::PREFIX;
use crate::registration::{Document, Error, template};

/// Where the registration comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// `--no-registration`.
    None,
    /// The default one.
    Default(Parts),
    /// `--registration`, in this order.
    Files(Vec<PathBuf>),
}

/// Reads the files and checks all that can be checked without the values.
///
/// Run before the agent's start, so that a broken file is told before anything is begun.
pub fn read(source: &Source) -> Result<Vec<(String, Value)>, Error> {
    match source {
        Source::None => Ok(Vec::new()),
        Source::Default(parts) => Ok(vec![(
            format!("{PREFIX}registration.json"),
            default::document(parts),
        )]),
        Source::Files(files) => {
            let mut documents: Vec<(String, Value)> = Vec::new();
            for path in files {
                let name = file_name(path);
                if documents.iter().any(|(other, _)| *other == name) {
                    return Err(Error::SameName {
                        path: path.display().to_string(),
                        name,
                    });
                }
                documents.push((name, read_file(path)?));
            }
            Ok(documents)
        }
    }
}

/// Reads, and fills in the placeholders.
pub fn render(source: &Source, values: &template::Values<'_>) -> Result<Vec<Document>, Error> {
    read(source)?
        .into_iter()
        .map(|(name, body)| match template::fill(&body, values) {
            Ok(body) => Ok(Document { name, body }),
            Err((at, source)) => Err(Error::Template {
                path: name,
                at,
                source,
            }),
        })
        .collect()
}

fn read_file(path: &Path) -> Result<Value, Error> {
    let shown = path.display().to_string();
    let text = fs::read(path).map_err(|source| Error::Unreadable {
        path: shown.clone(),
        source,
    })?;
    let body: Value = serde_json::from_slice(&text).map_err(|source| Error::NotJson {
        path: shown.clone(),
        source,
    })?;
    let has = |key| body.get(key).is_some_and(|value: &Value| !value.is_null());
    if has("service") || has("services") {
        Ok(body)
    } else {
        Err(Error::NoService { path: shown })
    }
}

/// Consul reads only what ends in `.json`, whatever the user's file is called.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    format!("{PREFIX}{stem}.json")
}
