//! The subcommands: each puts parts together and holds no logic of its own.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::cli::{self, Command};
use crate::exit::{self, Exit};
use crate::os::signals::Inherited;
use crate::settings::names;

mod ask;
mod check;
mod init;
mod install;
mod manual;
mod run;
mod show;

/// Does what the command line says. `inherited` is how signals were treated before, if that could be changed.
pub fn main(arguments: Vec<OsString>, inherited: io::Result<Inherited>) -> Exit {
    let inherited = match inherited {
        Ok(inherited) => inherited,
        Err(error) => return told(Exit::new(1, format!("failed to block signals: {error}"))),
    };
    if let Some(asked) = names::read(&arguments, &|name| std::env::var_os(name)) {
        return init::by_name(asked, inherited);
    }
    if let Some(args) = cli::plain_init(&arguments) {
        return init::init(args.into(), inherited);
    }
    by_options(arguments, inherited)
}

/// Apart from [`main`], whose other ways do not need the many pages of stack that all options take.
#[inline(never)]
fn by_options(arguments: Vec<OsString>, inherited: Inherited) -> Exit {
    let cli = match cli::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` are errors to clap, with an exit code of 0.
            let _ = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
            return Exit::new(code, "");
        }
    };
    match cli.command {
        Command::Run(args) => return run::run(*args, inherited),
        Command::Init(args) => return init::init(args.into(), inherited),
        _ => {}
    }
    // Everything else is an ordinary program, which a Ctrl-C ends.
    if let Err(error) = inherited.restore() {
        return told(Exit::new(1, format!("failed to unblock signals: {error}")));
    }
    told(match cli.command {
        Command::Run(_) | Command::Init(_) => Exit::ok(),
        Command::Address(args) => show::address(&args),
        Command::Render(args) => show::render(args),
        Command::Check(args) => check::check(&args),
        Command::Status(args) => ask::status(&args),
        Command::Ready(args) => ask::probe(&args, "/readyz"),
        Command::Live(args) => ask::probe(&args, "/livez"),
        Command::Reload(args) => ask::reload(&args),
        Command::Leave(args) => ask::leave(&args),
        Command::Stop(args) => ask::stop(&args),
        Command::Install(args) => install::install(&args.dir),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
    })
}

/// Prints to stdout. A reader who has gone (`| head`) ends lictor by SIGPIPE, as any other program.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Tells a person at the terminal why a command failed.
fn told(exit: Exit) -> Exit {
    if !exit.reason.is_empty() {
        let _ = writeln!(io::stderr(), "lictor: {}", exit.reason);
    }
    exit
}

/// A runtime for one thread.
fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::new(1, format!("failed to start the async runtime: {error}")))
}
