//! `lictor init`, also under the names of tini and dumb-init.

use std::io::{self, Write};

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

/// Runs the program to its end.
pub(super) fn init(settings: Init, inherited: Inherited) -> Exit {
    let voice = settings.voice;
    run(settings, inherited).unwrap_or_else(|exit| {
        voice.say(Level::Error, &exit.reason);
        match voice.style {
            Style::DumbInit => Exit::new(DUMB_INIT_FAILED, exit.reason),
            Style::Lictor | Style::Tini => exit,
        }
    })
}

fn run(settings: Init, inherited: Inherited) -> Result<Exit, Exit> {
    let name = settings.program[0].clone();
    let program = Program {
        path: find(&name, std::env::var_os("PATH"))?,
        name,
        args: settings.program[1..].to_vec(),
        env: Vec::new(),
    };
    let code = driver::init::run(settings, &program, inherited)
        .map_err(|error| exit::not_started(&program.path, &error))?;
    Ok(Exit::new(code, ""))
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
