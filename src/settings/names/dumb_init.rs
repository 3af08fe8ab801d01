//! dumb-init 1.2.5, by its manual page and its `--help`.

use std::ffi::{OsStr, OsString};

use super::{Answer, Asked, leading_number};
use crate::core::action::Level;
use crate::core::init::{Codes, Config, Policy, Stops, Target};
use crate::core::signal::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
use crate::log::line::{Style, Voice};
use crate::os::getopt::{Long, Options, Read};
use crate::os::spawn::Descriptors;
use crate::settings::init::{Home, Init, rewrite};

/// The release whose options these are, as that release says it.
const VERSION: &str = "dumb-init v1.2.5\n";

const HELP: &str = concat!(
    "dumb-init v1.2.5\n\
Usage: dumb-init [option] command [[arg] ...]

lictor ",
    env!("CARGO_PKG_VERSION"),
    ", in the manner of dumb-init: runs command in a session of its own and passes signals on to it.

  -c, --single-child   no session: signals go to the direct child alone (DUMB_INIT_SETSID=0)
  -r, --rewrite s:r    take signal s as r, by number, 1 to 31; 0 drops it; repeatable
  -v, --verbose        say what is done (DUMB_INIT_DEBUG=1)
  -h, --help           this text
  -V, --version        the version
"
);

const USAGE: &str = "\
Usage: dumb-init [option] program [args]
Try dumb-init --help for full usage.
";

const REWRITE_USAGE: &str = "\
Usage: -r takes <signal>:<signal>, each a number from 1 to 31, the second also 0; it may be given several times.
Try dumb-init --help for full usage.
";

/// The largest signal that dumb-init rewrites.
const LAST: i32 = 31;

const fn long(name: &'static std::ffi::CStr, short: u8) -> Long {
    Long {
        name,
        value: short == b'r',
        short,
    }
}

const LONG: [Long; 5] = [
    long(c"help", b'h'),
    long(c"single-child", b'c'),
    long(c"rewrite", b'r'),
    long(c"verbose", b'v'),
    long(c"version", b'V'),
];

pub(super) fn read(arguments: &[OsString], env: &dyn Fn(&str) -> Option<OsString>) -> Asked {
    let mut pairs = Vec::new();
    let is = |name: &str, value: &str| env(name).is_some_and(|found| found == value);
    let mut verbose = is("DUMB_INIT_DEBUG", "1");
    let mut session = !is("DUMB_INIT_SETSID", "0");
    let mut options = Options::new(arguments, c"+hvVcr:", &LONG);
    for option in options.by_ref() {
        match option {
            Read::Option(b'h', _) => return said(HELP, 0),
            Read::Option(b'V', _) => return said(VERSION, 0),
            Read::Option(b'v', _) => verbose = true,
            Read::Option(b'c', _) => session = false,
            Read::Option(b'r', Some(value)) => match pair(&value) {
                Some(pair) => pairs.push(pair),
                None => return said(REWRITE_USAGE, 1),
            },
            // The C library has complained already.
            Read::Option(..) | Read::Refused => return said("", 1),
        }
    }
    let program = options.operands();
    if program.is_empty() {
        return said(USAGE, 1);
    }
    if session {
        // Nobody in such a session could continue it, so the kernel would not let a terminal's signal stop it. What was asked
        // for comes later, and counts.
        pairs.splice(
            0..0,
            [SIGTSTP, SIGTTIN, SIGTTOU].map(|stop| (stop, SIGSTOP)),
        );
    }
    Asked::Init(Box::new(Init {
        core: Config {
            target: if session {
                Target::Group
            } else {
                Target::Child
            },
            rewrite: rewrite(&pairs),
            expected: Codes::default(),
            // The child alone would be one that has ended.
            leftovers: if session { Policy::Tell } else { Policy::Leave },
            stops: Stops::UsAlways,
        },
        program,
        home: if session { Home::Session } else { Home::Ours },
        descriptors: Descriptors::All,
        subreaper: false,
        parent_death: None,
        warn: false,
        voice: Voice {
            style: Style::DumbInit,
            most: if verbose { Level::Debug } else { Level::Error },
        },
    }))
}

fn pair(value: &OsStr) -> Option<(i32, i32)> {
    let (from, rest) = leading_number(value.to_str()?)?;
    let (to, _) = leading_number(rest.strip_prefix(':')?)?;
    ((1..=LAST).contains(&from) && (0..=LAST).contains(&to)).then_some((from, to))
}

fn said(stderr: &str, code: u8) -> Asked {
    Asked::Answer(Answer {
        stderr: stderr.to_owned(),
        code,
        ..Answer::default()
    })
}
