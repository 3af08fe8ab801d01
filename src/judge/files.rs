//! Files as Consul would load them, read from where they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finding::{Effect, Finding};
use super::host::read_regular;
use super::merged::COMMAND_LINE;
use super::{File, Format, Host};

/// Reads what these paths name, as `-config-dir` and `-config-file` would be: files as they are given, and of a directory those that
/// end in `.json` or `.hcl`, by name. `format` is `-config-format`, by which other files are loaded, too.
///
/// What cannot be read stops an agent, and is among the findings.
pub fn read(paths: &[PathBuf], format: Option<&str>) -> (Vec<File>, Vec<Finding>) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    for path in paths {
        let found = match fs::metadata(path) {
            Ok(about) if about.is_dir() => below(path),
            Ok(_) => Ok(vec![path.clone()]),
            Err(error) => Err(error),
        };
        let found = found.unwrap_or_else(|error| {
            findings.push(unreadable(path, &error));
            Vec::new()
        });
        for path in found {
            let Some(format) = format_of(&path, format) else {
                continue;
            };
            match read_regular(&path) {
                Ok(bytes) => files.push(File {
                    path,
                    bytes,
                    format,
                }),
                Err(error) => findings.push(unreadable(&path, &error)),
            }
        }
    }
    (files, findings)
}

/// What `-hcl` says, as the files that it counts as: they come after all others.
pub fn of_options(hcl: &[String]) -> Vec<File> {
    let file = |text: &String| File {
        path: COMMAND_LINE.into(),
        bytes: text.clone().into_bytes(),
        format: Format::Hcl,
    };
    hcl.iter().map(file).collect()
}

/// The files of a directory, by name; of those below it none. A link that leads nowhere is one that cannot be read.
fn below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    found.retain(|path| !path.is_dir());
    found.sort();
    Ok(found)
}

/// How a file is written: as it is said, or by its ending; `None` for one that Consul leaves out.
fn format_of(path: &Path, said: Option<&str>) -> Option<Format> {
    match said.or(path.extension().and_then(|ending| ending.to_str())) {
        Some("json") => Some(Format::Json),
        Some("hcl") => Some(Format::Hcl),
        _ if path.exists() => None,
        // Consul looks at each before it looks at its name.
        _ => Some(Format::Json),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding {
        effect: Effect::Refused,
        file: path.to_owned(),
        key: String::new(),
        what: format!("it cannot be read: {error}"),
        fix: "take it away, or make it readable".to_owned(),
    }
}

/// The ids of the services that were registered through the API of an agent with this data directory; `None` where there is none.
pub fn registered(host: &dyn Host, data_dir: &Path) -> Option<Vec<String>> {
    host.is_dir(data_dir)?;
    let files = host
        .files_below(&data_dir.join("services"))
        .unwrap_or_default();
    let id = |path: &PathBuf| {
        let bytes = host.read(path).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        // Beside them are files of what each service inherits.
        value.get("Service")?.get("ID")?.as_str().map(str::to_owned)
    };
    Some(files.iter().filter_map(id).collect())
}
