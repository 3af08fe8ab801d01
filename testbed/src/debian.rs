//! A program from Debian's package: downloaded and unpacked, not installed.
//!
//! `apt-get` does the downloading, with lists, cache and state of its own in the work directory, so the machine's own
//! package state is never touched, and what is installed there does not matter. The mirror is the machine's own: whatever
//! its sources name for Debian.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::say;

/// The release of Debian that the packages are from: the one that had these versions.
const SUITE: &str = "bullseye";

/// A package for amd64 with one program in it.
#[derive(Debug)]
pub(crate) struct Package {
    /// The package's name, which is also the program's.
    pub(crate) name: &'static str,
    /// The SHA-256 of the file that apt downloads.
    pub(crate) sha256: &'static str,
}

/// Why the package cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Debian's package is for amd64, this machine is {}", env::consts::ARCH)]
    Architecture,
    #[error(
        "no Debian mirror among this machine's package sources (/etc/apt/sources.list and sources.list.d); \
         LICTOR_TEST_DEBIAN_MIRROR=<uri> names one"
    )]
    NoMirror,
    #[error(
        "{program} cannot be run ({source}); it takes Debian's apt-get, dpkg-deb and sha256sum"
    )]
    Missing { program: String, source: io::Error },
    #[error("{command} failed:\n{output}")]
    Failed { command: String, output: String },
    #[error("the package has the SHA-256 {found:?}, not {wanted}")]
    Digest { found: String, wanted: &'static str },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// Downloads and unpacks the package in `work` and returns the path of the program.
pub(crate) fn unpack(package: &Package, work: &Path) -> Result<PathBuf, Error> {
    let Package { name, sha256 } = *package;
    if env::consts::ARCH != "x86_64" {
        return Err(Error::Architecture);
    }
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    let mirror = mirror()?;
    say(&format!(
        "downloading {name}, Debian {SUITE}'s package, from {}",
        mirror.uri
    ));
    let sources = work.join("sources.list");
    let options = mirror
        .signed_by
        .map(|path| format!("[signed-by={path}] "))
        .unwrap_or_default();
    fs::write(
        &sources,
        format!("deb {options}{} {SUITE} main\n", mirror.uri),
    )
    .map_err(file(&sources))?;
    for directory in ["lists/partial", "cache/archives/partial", "state", "root"] {
        let directory = work.join(directory);
        fs::create_dir_all(&directory).map_err(file(&directory))?;
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        let at = |name: &str, value: &Path| format!("{name}={}", value.display());
        for option in [
            at("Dir::Etc::SourceList", &sources),
            at("Dir::Etc::SourceParts", Path::new("/dev/null")),
            at("Dir::State", &work.join("state")),
            at("Dir::State::Lists", &work.join("lists")),
            // Where a newer version is installed, apt would want to download that one.
            at("Dir::State::Status", Path::new("/dev/null")),
            at("Dir::Cache", &work.join("cache")),
            "APT::Architecture=amd64".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // The work directory is the caller's alone; apt's own user could not write there.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.args(words).current_dir(work);
        run(command)
    };
    apt(&["update"])?;
    apt(&["download", name])?;
    let entries = fs::read_dir(work)
        .map_err(file(work))?
        .flatten()
        .map(|entry| entry.path());
    let wrong = |found: &str| Error::Digest {
        found: found.to_owned(),
        wanted: sha256,
    };
    let file = entries
        .into_iter()
        .find(|path| path.extension() == Some(OsStr::new("deb")))
        .ok_or_else(|| wrong("no package at all"))?;

    let mut sum = Command::new("sha256sum");
    sum.arg(&file);
    let sum = run(sum)?;
    let found = sum.split_whitespace().next().unwrap_or_default();
    if found != sha256 {
        return Err(wrong(found));
    }
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("-x").arg(&file).arg(work.join("root"));
    run(unpack)?;
    Ok(work.join("root/usr/bin").join(name))
}

fn run(mut command: Command) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|source| Error::Missing { program, source })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let output = format!("{}{text}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed {
        command: format!("{command:?}"),
        output,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    uri: String,
    signed_by: Option<String>,
}

/// The first mirror of Debian itself among the machine's package sources.
fn mirror() -> Result<Mirror, Error> {
    if let Ok(uri) = env::var("LICTOR_TEST_DEBIAN_MIRROR") {
        return Ok(Mirror {
            uri,
            signed_by: None,
        });
    }
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let mut parts: Vec<_> = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    parts.sort();
    files.extend(parts);
    files
        .iter()
        .filter_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            match path.extension()?.to_str()? {
                "sources" => deb822(&text),
                "list" => one_line(&text),
                _ => None,
            }
        })
        .next()
        .ok_or(Error::NoMirror)
}

/// From a file of the one-line format.
fn one_line(text: &str) -> Option<Mirror> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match line.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", line),
        };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let signed_by = options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="));
        is_debian(uri, suite, words).then(|| Mirror {
            uri: uri.to_owned(),
            signed_by: signed_by.map(str::to_owned),
        })
    })
}

/// From a file of the deb822 format.
fn deb822(text: &str) -> Option<Mirror> {
    let without_comments: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    without_comments
        .join("\n")
        .split("\n\n")
        .find_map(|stanza| {
            let field = |name: &str| {
                stanza.lines().find_map(|line| {
                    let (key, value) = line.split_once(':')?;
                    key.eq_ignore_ascii_case(name).then(|| value.trim())
                })
            };
            if field("Enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("no")) {
                return None;
            }
            field("Types")?
                .split_whitespace()
                .find(|kind| *kind == "deb")?;
            let components = field("Components")?;
            let uri = field("URIs")?.split_whitespace().find(|uri| {
                let mut suites = field("Suites").unwrap_or_default().split_whitespace();
                suites.any(|suite| is_debian(uri, suite, components.split_whitespace()))
            })?;
            // A key may also stand in the file itself, on the lines that follow; then apt's own keys have to do.
            let signed_by = field("Signed-By")
                .filter(|path| path.starts_with('/'))
                .map(str::to_owned);
            Some(Mirror {
                uri: uri.to_owned(),
                signed_by,
            })
        })
}

/// Whether this is the archive itself, which has `main` and lies under `debian` on every mirror, and not the security
/// archive or another project's repository.
fn is_debian<'a>(uri: &str, suite: &str, mut components: impl Iterator<Item = &'a str>) -> bool {
    uri.split('/').any(|segment| segment == "debian")
        && !suite.contains("security")
        && components.any(|component| component == "main")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_archive_in_both_formats() {
        let found = |uri: &str, key: Option<&str>| {
            Some(Mirror {
                uri: uri.to_owned(),
                signed_by: key.map(str::to_owned),
            })
        };
        let sources = "Types: deb\n# a comment\nURIs: http://mirror.invalid/debian-security\n\
                       Suites: trixie-security\nComponents: main\n\n\
                       Types: deb deb-src\nURIs: http://mirror.invalid/debian\nSuites: trixie trixie-updates\n\
                       Components: main contrib\nSigned-By: /usr/share/keyrings/some.gpg\n";
        assert_eq!(
            deb822(sources),
            found(
                "http://mirror.invalid/debian",
                Some("/usr/share/keyrings/some.gpg")
            )
        );
        let list = "# deb http://old.invalid/debian sid main\ndeb http://other.invalid/apt stable main\n\
                    deb http://mirror.invalid/debian-security bookworm-security main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/debian/ bookworm main\n";
        assert_eq!(
            one_line(list),
            found("http://mirror.invalid/debian/", Some("/k.gpg"))
        );
        assert_eq!(
            one_line("deb http://other.invalid/ubuntu noble main\n"),
            None
        );
    }
}
