//! tini 0.19, by its `--help`.

use std::ffi::{OsStr, OsString};

use nix::sys::signal::Signal;

use super::{Answer, Asked, leading_number};
use crate::core::action::Level;
use crate::core::init::{Codes, Config, Policy, Stops, Target};
use crate::core::signal::Rewrite;
use crate::log::line::{Style, Voice};
use crate::os::getopt::{Options, Read};
use crate::os::spawn::Descriptors;
use crate::settings::init::{Home, Init};

/// The release whose options these are.
const VERSION: &str = concat!(
    "tini version 0.19.0 - lictor ",
    env!("CARGO_PKG_VERSION"),
    "\n"
);

const HELP: &str = "\
Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version

lictor, in the manner of tini: runs PROGRAM, passes signals on to it and reaps orphans.

  --version     the version, alone on the command line
  -h            this text
  -s            take in orphans although not PID 1 (TINI_SUBREAPER)
  -p SIGNAL     get SIGNAL when the parent ends: -p SIGTERM
  -v            say more, up to three times (TINI_VERBOSITY=0 to 3; 1 where nothing is said)
  -w            say which orphans were reaped
  -g            pass signals on to PROGRAM's process group (TINI_KILL_PROCESS_GROUP)
  -e EXIT_CODE  an exit code of PROGRAM, 0 to 255, that counts as 0; repeatable
  -l            the license
";

/// What is said at each verbosity.
const LEVELS: [Level; 4] = [Level::Error, Level::Warn, Level::Info, Level::Debug];

pub(super) fn read(arguments: &[OsString], env: &dyn Fn(&str) -> Option<OsString>) -> Asked {
    if let [_, only] = arguments
        && only == "--version"
    {
        return told(VERSION.to_owned());
    }
    let mut verbosity = 1;
    let mut target = Target::Child;
    let mut expected = Codes::default();
    let (mut subreaper, mut warn, mut parent_death) = (false, false, None);
    let mut options = Options::new(arguments, c"p:hvwgle:s", &[]);
    for option in options.by_ref() {
        match option {
            Read::Option(b'h', _) => return told(format!("{VERSION}{HELP}")),
            Read::Option(b'l', _) => return told(include_str!("../../../LICENSE-MIT").to_owned()),
            Read::Option(b's', _) => subreaper = true,
            Read::Option(b'v', _) => verbosity += 1,
            Read::Option(b'w', _) => warn = true,
            Read::Option(b'g', _) => target = Target::Group,
            Read::Option(b'p', Some(value)) => {
                match value.to_str().and_then(|name| name.parse::<Signal>().ok()) {
                    Some(signal) => parent_death = Some(signal as i32),
                    None => return invalid("-p", &value, "a signal by its name, as SIGTERM"),
                }
            }
            Read::Option(b'e', Some(value)) => match value.to_str().and_then(exit_code) {
                Some(code) => expected.insert(code),
                None => return invalid("-e", &value, "an exit code from 0 to 255"),
            },
            Read::Option(..) | Read::Refused => return refused(),
        }
    }
    let program = options.operands();
    if program.is_empty() {
        return refused();
    }
    if env("TINI_SUBREAPER").is_some() {
        subreaper = true;
    }
    if env("TINI_KILL_PROCESS_GROUP").is_some() {
        target = Target::Group;
    }
    if let Some(value) = env("TINI_VERBOSITY") {
        verbosity = value
            .to_str()
            .and_then(leading_number)
            .map_or(0, |(number, _)| usize::try_from(number).unwrap_or(0));
    }
    Asked::Init(Box::new(Init {
        core: Config {
            target,
            rewrite: Rewrite::default(),
            expected,
            leftovers: Policy::Leave,
            stops: Stops::Program,
        },
        program,
        home: Home::Group,
        descriptors: Descriptors::All,
        subreaper,
        parent_death,
        warn,
        voice: Voice {
            style: Style::Tini,
            most: LEVELS[verbosity.min(LEVELS.len() - 1)],
        },
    }))
}

/// As strtol(3) reads it, to which nothing at all is a 0: `-e "$CODE"` with a variable that is not set changes nothing.
fn exit_code(text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    match leading_number(text)? {
        (number, "") => u8::try_from(number).ok(),
        _ => None,
    }
}

fn told(stdout: String) -> Asked {
    Asked::Answer(Answer {
        stdout,
        ..Answer::default()
    })
}

fn refused() -> Asked {
    Asked::Answer(Answer {
        stderr: format!("{VERSION}{HELP}"),
        code: 1,
        ..Answer::default()
    })
}

fn invalid(option: &str, value: &OsStr, wanted: &str) -> Asked {
    let value = value.to_string_lossy();
    let pid = std::process::id();
    Asked::Answer(Answer {
        stderr: format!(
            "[FATAL tini ({pid})] {value:?} is no value for {option}, which is {wanted}\n"
        ),
        code: 1,
        ..Answer::default()
    })
}
