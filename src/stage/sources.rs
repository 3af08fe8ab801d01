//! Which configuration a command names, and the same command with the stage in its place. Pure.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::os::flags::{self, Flag};
use crate::stage::Error;

/// One `-config-dir` or `-config-file`. Consul makes no difference between the two: each may name a file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The option, with one dash.
    pub option: String,
    /// The path, as it was typed.
    pub path: PathBuf,
    /// The path from the root on, `.` and `..` taken out: by this it is called in the stage.
    pub full: PathBuf,
    /// Where it is, to be looked for: links are followed before `..` is.
    pub(super) absolute: PathBuf,
    at: usize,
    joined: bool,
}

/// All of a command's sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// In the order of the command, which is Consul's: what comes later wins.
    pub list: Vec<Source>,
    /// `-config-format` is given: Consul loads the files of a directory whatever they are called.
    pub any_name: bool,
}

impl Sources {
    /// Reads the arguments of a command that runs in `directory`.
    pub fn read(args: &[OsString], directory: &Path) -> Result<Self, Error> {
        let mut sources = Self::default();
        for flag in flags::read(args) {
            match flag.name.as_str() {
                "config-dir" | "config-file" => sources.list.push(source(flag, directory)?),
                "config-format" => {
                    sources.any_name = flag.value.is_some_and(|format| !format.is_empty());
                }
                _ => {}
            }
        }
        Ok(sources)
    }

    /// The same arguments, each source's path replaced by its [`Source::place`] below `below`.
    pub fn rewritten(&self, args: &[OsString], below: &Path) -> Vec<OsString> {
        let mut args = args.to_vec();
        for (number, source) in self.list.iter().enumerate() {
            let path = below.join(source.place(number));
            let at = if source.joined {
                source.at
            } else {
                source.at + 1
            };
            let Some(word) = args.get_mut(at) else {
                continue;
            };
            *word = match source.joined {
                true => {
                    let mut joined = OsString::from(format!("{}=", source.option));
                    joined.push(path);
                    joined
                }
                false => path.into(),
            };
        }
        args
    }
}

impl Source {
    /// Where it is within a generation: its number, and below that its full path, so that whoever reads the stage's name of a
    /// file (in the agent's log) finds the user's in it.
    pub fn place(&self, number: usize) -> PathBuf {
        let below: PathBuf = self.full.components().filter(is_name).collect();
        // Joining nothing would leave a slash at the end.
        match below.as_os_str().is_empty() {
            true => PathBuf::from(number.to_string()),
            false => Path::new(&number.to_string()).join(below),
        }
    }
}

fn source(flag: Flag, directory: &Path) -> Result<Source, Error> {
    let option = format!("-{}", flag.name);
    let path = match flag.value {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => return Err(Error::Empty { option }),
    };
    let absolute = directory.join(&path);
    Ok(Source {
        full: clean(&absolute),
        absolute,
        option,
        path,
        at: flag.at,
        joined: flag.joined,
    })
}

/// A path without `.` and `..`, by the letter: a name for people, and not where a link may lead.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    clean
}

fn is_name(part: &Component<'_>) -> bool {
    matches!(part, Component::Normal(_))
}

/// The number of a file's source, by the file's path within a generation.
pub(super) fn number(place: &Path) -> usize {
    let first = place.components().next();
    let number = first.and_then(|first| first.as_os_str().to_str()?.parse().ok());
    number.unwrap_or(usize::MAX)
}

/// The user's path of a file, by its path within a generation.
pub fn original(place: &Path) -> PathBuf {
    let below: PathBuf = place.components().skip(1).collect();
    Path::new(OsStr::new("/")).join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    fn read(args: &[&str]) -> Result<Sources, Error> {
        Sources::read(&words(args), Path::new("/work"))
    }

    #[test]
    fn every_spelling_is_rewritten_and_the_order_is_kept() {
        let args = [
            "agent",
            "-config-dir=/b",
            "--config-file",
            "/a/x.json",
            "-node",
            "-config-dir=/no",
            "-config-file=c/../d/",
            "--config-dir=/b",
            "-config-dir",
            "/",
            "--",
            "-config-dir=/no",
        ];
        let sources = read(&args).expect("read");
        assert!(!sources.any_name);
        let paths: Vec<&Path> = sources.list.iter().map(|s| s.path.as_path()).collect();
        assert_eq!(
            paths,
            ["/b", "/a/x.json", "c/../d/", "/b", "/"].map(Path::new)
        );
        let rewritten = sources.rewritten(&words(&args), Path::new("/s/current"));
        let expected = [
            "agent",
            "-config-dir=/s/current/0/b",
            "--config-file",
            "/s/current/1/a/x.json",
            "-node",
            "-config-dir=/no",
            "-config-file=/s/current/2/work/d",
            "-config-dir=/s/current/3/b",
            "-config-dir",
            "/s/current/4",
            "--",
            "-config-dir=/no",
        ];
        assert_eq!(rewritten, words(&expected));
    }

    #[test]
    fn a_format_is_seen_wherever_it_stands() {
        for (args, any_name) in [
            (vec!["agent", "-config-dir=/b"], false),
            (vec!["agent", "-config-dir=/b", "-config-format=hcl"], true),
            (vec!["agent", "--config-format", "json"], true),
            (vec!["agent", "-config-format="], false),
        ] {
            assert_eq!(read(&args).expect("read").any_name, any_name, "{args:?}");
        }
    }

    #[test]
    fn an_option_without_a_path_is_an_error_that_names_it() {
        for args in [
            &["agent", "-config-dir="][..],
            &["agent", "-config-dir", ""],
            &["agent", "--config-dir"],
        ] {
            let error = read(args).expect_err("empty").to_string();
            assert!(error.contains("-config-dir"), "{error}");
        }
    }

    #[test]
    fn a_users_path_is_found_again() {
        let sources = read(&["agent", "-config-dir=conf"]).expect("read");
        let place = sources.list[0].place(0).join("x.json");
        assert_eq!(original(&place), Path::new("/work/conf/x.json"));
    }
}
