//! Consul's own `auto_reload_config`, which is off where the agent reads the stage.
//!
//! An agent that has it on (1.12 and later) loads its files by itself, a second or so after they have changed, and tells nobody how that
//! went. It would load what lictor stages a second time, or while lictor takes that back. So it is turned off by an `-hcl` at the end
//! of the options, which stands above all files, above the option, and above every `-hcl` before it. An older agent does not know the
//! key and gets it only where its configuration has it, which it refuses anyway.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Map;

use crate::consul::flags;
use crate::judge::{self, File, Format, files};
use crate::os;

const KEY: &str = "auto_reload_config";
const OFF: &str = "-hcl=auto_reload_config = false";

/// What turns it on for an agent with these arguments, if it is on: a file, as the arguments name it, or the command line.
pub(super) fn turned_on(args: &[OsString]) -> Option<PathBuf> {
    let flags = flags::read(args);
    let above: Vec<File> = flags.hcl.iter().map(|text| above(text)).collect();
    let (mut files, _) = files::read(&flags.paths, flags.format.as_deref());
    files.retain(mentions);
    let (on, place) = judge::switch(&above, &Map::new(), KEY)
        .or_else(|| judge::switch(&files, &flags.settings, KEY))?;
    on.then_some(place)
}

/// The same arguments with what turns it off.
pub(super) fn turned_off(mut args: Vec<OsString>) -> Vec<OsString> {
    // Behind `--` it would be no option.
    let end = os::flags::read(&args).last().map_or(args.len(), |last| {
        let words = if last.joined || last.value.is_none() {
            1
        } else {
            2
        };
        last.at + words
    });
    args.insert(end, OFF.into());
    args
}

fn above(text: &str) -> File {
    File {
        path: Path::new("-hcl").to_owned(),
        bytes: text.into(),
        format: Format::Hcl,
    }
}

/// Whether it can be in a file at all; in most it is not, and those need not be read any further.
fn mentions(file: &File) -> bool {
    let has = |bytes: &[u8]| bytes.eq_ignore_ascii_case(KEY.as_bytes());
    file.bytes.windows(KEY.len()).any(has)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn words(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn what_counts_is_what_consul_goes_by() {
        let on = "-hcl=auto_reload_config = true";
        let name = format!("lictor-auto-reload-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("made");
        let write =
            |name: &str, text: &str| fs::write(directory.join(name), text).expect("written");
        write("a.json", r#"{"Auto_Reload_Config": true}"#);
        write("b.hcl", "node_name = \"b\"");
        let of_files = format!("-config-dir={}", directory.display());
        let place = |args: &[&str]| {
            let place = turned_on(&words(args))?;
            Some(place.file_name()?.to_str()?.to_owned())
        };
        let command_line = Some("the command line".to_owned());
        assert_eq!(place(&["agent"]), None);
        assert_eq!(place(&["agent", &of_files]), Some("a.json".to_owned()));
        assert_eq!(place(&["agent", &of_files, OFF]), None);
        assert_eq!(place(&["agent", "-auto-reload-config"]), command_line);
        assert_eq!(
            place(&["agent", &of_files, "-auto-reload-config=false"]),
            None
        );
        let hcl = Some("-hcl".to_owned());
        assert_eq!(
            place(&[
                "agent",
                "-hcl",
                "node_name = \"a\"",
                on,
                "-auto-reload-config=false"
            ]),
            hcl
        );
        assert_eq!(place(&["agent", on, OFF]), None);
        write("c.hcl", "auto_reload_config = false");
        assert_eq!(place(&["agent", &of_files]), None);
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn it_is_turned_off_where_options_end() {
        for (args, wanted) in [
            (&["agent"][..], &["agent", OFF][..]),
            (&["agent", "-server"], &["agent", "-server", OFF]),
            (&["agent", "-node", "a"], &["agent", "-node", "a", OFF]),
            (
                &["agent", "-node=a", "--"],
                &["agent", "-node=a", OFF, "--"],
            ),
        ] {
            assert_eq!(turned_off(words(args)), words(wanted));
        }
    }
}
