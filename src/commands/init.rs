//! `lictor init`, also under the names of tini and dumb-init.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};

use crate::core::action::Level;
use crate::driver;
use crate::exit::{self, Exit};
use crate::log::line::Style;
use crate::os::signals::Inherited;
use crate::os::spawn::{Program, find};
use crate::settings::init::Init;
use crate::settings::names::{Answer, Asked};

/// dumb-init's code for a program that it cannot start, whatever the reason.
const DUMB_INIT_FAILED: u8 = 2;

/// tini's code for a program that it cannot start for a reason for which a shell has none.
const TINI_FAILED: u8 = 1;

/// Runs the program to its end.
pub(super) fn init(settings: Init, inherited: Inherited) -> Exit {
    let (voice, expected) = (settings.voice, settings.core.expected);
    run(settings, inherited).unwrap_or_else(|mut exit| {
        voice.say(Level::Error, &exit.reason);
        match voice.style {
            Style::DumbInit => exit.code = DUMB_INIT_FAILED,
            // To tini it is an end of the program like any other.
            Style::Tini if expected.contains(exit.code) => exit.code = 0,
            Style::Lictor | Style::Tini => {}
        }
        exit
    })
}

fn run(settings: Init, inherited: Inherited) -> Result<Exit, Exit> {
    let name = settings.program[0].clone();
    let style = settings.voice.style;
    let failed = |mut exit: Exit, error: &io::Error| {
        let kinds = [ErrorKind::NotFound, ErrorKind::PermissionDenied];
        if style == Style::Tini && !kinds.contains(&error.kind()) {
            exit.code = TINI_FAILED;
        }
        exit
    };
    let found = find(&name, std::env::var_os("PATH"));
    let program = Program {
        path: found.map_err(|exit| match std::fs::metadata(&name) {
            Err(error) if is_path(&name) => failed(exit, &error),
            _ => exit,
        })?,
        name,
        args: settings.program[1..].to_vec(),
        env: Vec::new(),
    };
    let code = driver::init::run(settings, &program, inherited)
        .map_err(|error| failed(exit::not_started(&program.path, &error), &error))?;
    Ok(Exit::new(code, ""))
}

/// Whether a program is named by its path, which is not looked for.
fn is_path(name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b'/')
}

/// What lictor does under another program's name.
pub(super) fn by_name(asked: Asked, inherited: Inherited) -> Exit {
    match asked {
        Asked::Init(settings) => init(*settings, inherited),
        Asked::Answer(Answer {
            stdout,
            stderr,
            code,
        }) => {
            super::print(&stdout);
            let _ = io::stderr().write_all(stderr.as_bytes());
            Exit::new(code, "")
        }
    }
}
