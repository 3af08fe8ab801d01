//! `consul validate`: what it is asked, and what its answer means. Pure; who runs it is not known here.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::consul::words::without_pem;

/// The arguments of `consul` that have it judge these files and directories.
///
/// It takes no other option of the agent's, so what the command line sets has to be in the last of the files.
pub fn arguments<'a>(
    format: Option<&str>,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("validate")];
    if let Some(format) = format {
        arguments.push(format!("-config-format={format}").into());
    }
    arguments.extend(paths.into_iter().map(|path| path.as_os_str().to_owned()));
    arguments
}

/// The word of a command that is a Consul, by its name. What is called otherwise may be somebody's script, which would start an agent.
pub fn program(word: &OsStr) -> Option<&OsStr> {
    (Path::new(word).file_name() == Some(OsStr::new("consul"))).then_some(word)
}

/// How much of a reason is told, in bytes.
const LONGEST: usize = 4096;

/// Why it refused, in one line, out of all that it said: each error with its file, where it has one, without the words around it.
pub fn reason(said: &str) -> String {
    let mut file = "";
    let mut errors = Vec::new();
    for line in said.lines() {
        let line = line.trim().trim_start_matches("* ");
        let line = line
            .strip_prefix("Config validation failed: ")
            .unwrap_or(line);
        if line.is_empty() || line.contains("[WARN]") {
            continue;
        }
        if line.ends_with("occurred:") {
            let parsed = line.strip_prefix("failed to parse ");
            file = parsed
                .and_then(|rest| rest.rsplit_once(": "))
                .map_or("", |(file, _)| file);
            continue;
        }
        errors.push(match file {
            "" => line.to_owned(),
            file => format!("{file}: {line}"),
        });
    }
    let mut reason = without_pem(&errors.join("; "));
    if let Some((end, _)) = reason.char_indices().find(|(at, _)| *at >= LONGEST) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

/// The first two numbers of what `consul version` says.
pub fn version(said: &str) -> Option<(u32, u32)> {
    let first = said.lines().next()?;
    let number = first
        .trim()
        .trim_start_matches("Consul ")
        .trim_start_matches('v');
    let mut parts = number.split(['.', '+', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_spelling() {
        for said in [
            "Consul v1.22.5\nRevision x",
            "Consul 1.22.5+dfsg1\n",
            "v1.22.5-dev",
        ] {
            assert_eq!(version(said), Some((1, 22)), "{said}");
        }
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn a_reason_is_one_line_of_errors() {
        let said = "Config validation failed: failed to parse /a.json: 1 error occurred:\n\t* invalid config key colour\n\n";
        assert_eq!(reason(said), "/a.json: invalid config key colour");
        let said = "Config validation failed: data_dir cannot be empty\n";
        assert_eq!(reason(said), "data_dir cannot be empty");
    }
}
