//! The options of `lictor check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

pub(super) const EXAMPLES: &str = "\
Examples:
  lictor check /consul/config
  What an agent's command line sets counts, too:
    lictor check -- consul agent -config-dir=/consul/config -enable-local-script-checks
  In a pipeline, where the agent's certificates and directories are not, against what is deployed:
    lictor check --elsewhere --running deployed/ changed/

It says for each fault its file, its key, what is wrong and what to do. The exit code is 0 for nothing but warnings, else 1.";

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files and directories, as for -config-file and -config-dir [default: those of COMMAND]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Compare with what the agent that runs was started with: a file or directory (repeatable)
    #[arg(
        long,
        env = "LICTOR_RUNNING",
        value_name = "PATH",
        value_delimiter = ','
    )]
    pub running: Vec<PathBuf>,
    /// The agent's machine is another one: look at no file, directory, address or port that the configuration names
    #[arg(long, env = "LICTOR_ELSEWHERE", value_parser = BoolishValueParser::new())]
    pub elsewhere: bool,
    /// Leave out `consul validate`
    #[arg(long, env = "LICTOR_NO_VALIDATE", value_parser = BoolishValueParser::new())]
    pub no_validate: bool,
    /// All of it as JSON
    #[arg(long, env = "LICTOR_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// The agent's command
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
