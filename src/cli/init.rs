//! The options of `lictor init`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::values::{duration, parent_death, rewrite};

pub(super) const EXAMPLES: &str = "\
Examples:
  As a container's entrypoint, for any program:
    lictor init -- nginx -g 'daemon off;'
  A program that ends with 143 on SIGTERM, which is no failure:
    lictor init --expect-exit 143 -- java -jar app.jar
  Docker's SIGTERM as the SIGQUIT that a program wants:
    lictor init --rewrite TERM:QUIT -- nginx
  With an interactive terminal, Ctrl-Z and fg included:
    lictor init -- bash

Every signal is passed on. Started under the name tini or dumb-init, lictor takes that program's options and is it.
Exit codes: the program's own, or 128+n; 2 usage; 126, 127 PROGRAM.";

/// The default of `--kill-after`: within the ten seconds that Docker gives a container to stop.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// Options of `init`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct InitArgs {
    /// Pass signals on to the program's whole process group
    #[arg(short, long, env = "LICTOR_GROUP", value_parser = BoolishValueParser::new())]
    pub group: bool,
    /// Take in orphans although not PID 1. lictor always does: this is there for whoever is used to it
    #[arg(short, long, env = "LICTOR_SUBREAPER", value_parser = BoolishValueParser::new())]
    pub subreaper: bool,
    /// An exit code of the program that counts as 0 (repeatable)
    #[arg(
        short,
        long,
        env = "LICTOR_EXPECT_EXIT",
        value_name = "CODE",
        value_delimiter = ','
    )]
    pub expect_exit: Vec<u8>,
    /// How signals come to lictor.
    #[command(flatten)]
    pub signals: SignalArgs,
    /// Say which orphans were reaped
    #[arg(short, long, env = "LICTOR_WARN", value_parser = BoolishValueParser::new())]
    pub warn: bool,
    /// Say more: once the normal course, twice each signal; the variable holds how often
    #[arg(short, long, action = ArgAction::Count, env = "LICTOR_VERBOSE")]
    pub verbose: u8,
    /// Give the program a session of its own, with the terminal if there is one
    #[arg(long, env = "LICTOR_SETSID", value_parser = BoolishValueParser::new())]
    pub setsid: bool,

    /// What to run
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

/// How signals come to lictor, and what becomes of those who are left: the same for `init` and `run`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct SignalArgs {
    /// Take signal FROM as TO, by name or number; 0 drops it (repeatable)
    #[arg(short, long, env = "LICTOR_REWRITE", value_name = "FROM:TO", value_delimiter = ',', value_parser = rewrite, help_heading = "Signals")]
    pub rewrite: Vec<(i32, i32)>,
    /// Get this signal when the process that started lictor ends
    #[arg(short, long, env = "LICTOR_PARENT_DEATH", value_name = "SIGNAL", value_parser = parent_death, help_heading = "Signals")]
    pub parent_death: Option<i32>,
    /// Once the program has ended, SIGKILL what is left this long after its SIGTERM
    #[arg(long, env = "LICTOR_KILL_AFTER", value_name = "DURATION", default_value = "5s", value_parser = duration, help_heading = "Signals")]
    pub kill_after: Duration,
}

impl InitArgs {
    /// A command line without options.
    pub(super) fn plain(program: Vec<OsString>) -> Self {
        Self {
            group: false,
            subreaper: false,
            expect_exit: Vec::new(),
            signals: SignalArgs {
                rewrite: Vec::new(),
                parent_death: None,
                kill_after: KILL_AFTER,
            },
            warn: false,
            verbose: 0,
            setsid: false,
            program,
        }
    }
}
