//! What to run: a command line, environment variables and directories to find programs in.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::Error;

/// Where `ip`, `pivot_root` and the like are, which an ordinary user's PATH may lack.
const SYSTEM_DIRECTORIES: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/// A command line with its environment.
///
/// A program inherits the test's environment except what would configure Consul or lictor (`CONSUL_*`, `LICTOR_*`,
/// `NOTIFY_SOCKET`): the test alone decides that.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    path: Vec<PathBuf>,
}

impl Program {
    /// A command line of one word.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            arguments: vec![program.into()],
            environment: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Puts a directory first in the program's PATH.
    #[must_use]
    pub fn path_first(mut self, directory: impl Into<PathBuf>) -> Self {
        self.path.insert(0, directory.into());
        self
    }

    /// The same as the arguments of another program: `behind(["nice"])`.
    #[must_use]
    pub(crate) fn behind<A: Into<OsString>, const N: usize>(mut self, words: [A; N]) -> Self {
        self.arguments
            .splice(..0, words.into_iter().map(Into::into));
        self
    }

    /// The command line, word by word.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        self.arguments.clone()
    }

    /// The command line as one would read it.
    #[must_use]
    pub fn line(&self) -> String {
        let words: Vec<_> = self
            .arguments
            .iter()
            .map(|argument| argument.to_string_lossy())
            .collect();
        words.join(" ")
    }

    pub(crate) fn command(&self) -> Command {
        let mut words = self.arguments.iter();
        let mut command = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str));
        command.args(words);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CONSUL_") || text.starts_with("LICTOR_") || text == "NOTIFY_SOCKET"
            {
                command.env_remove(&name);
            }
        }
        command
            .env("PATH", self.search_path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn search_path(&self) -> OsString {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let system = env::split_paths(SYSTEM_DIRECTORIES);
        let all = self
            .path
            .iter()
            .cloned()
            .chain(env::split_paths(&inherited))
            .chain(system);
        // A directory with a colon in its name cannot be in a PATH at all.
        env::join_paths(all.filter(|path| path != Path::new("")))
            .unwrap_or_else(|_| SYSTEM_DIRECTORIES.into())
    }
}

/// Its words and the variables that were set for it.
impl From<&Command> for Program {
    fn from(command: &Command) -> Self {
        let set = command.get_envs();
        set.filter_map(|(name, value)| Some((name, value?))).fold(
            Self::new(command.get_program()).args(command.get_args()),
            |program, (name, value)| program.env(name, value),
        )
    }
}

impl<A: Into<OsString>, const N: usize> From<[A; N]> for Program {
    fn from(words: [A; N]) -> Self {
        Self {
            arguments: words.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            path: Vec::new(),
        }
    }
}

impl<A: Into<OsString>> From<Vec<A>> for Program {
    fn from(words: Vec<A>) -> Self {
        Self {
            arguments: words.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            path: Vec::new(),
        }
    }
}

impl From<&[&str]> for Program {
    fn from(words: &[&str]) -> Self {
        Self::from(words.to_vec())
    }
}

impl From<&Self> for Program {
    fn from(program: &Self) -> Self {
        program.clone()
    }
}

/// What a short-lived program has said and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command line.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Output {
    /// Insists on exit code 0 and returns the standard output.
    ///
    /// # Errors
    /// The program ended otherwise; the error has all it said.
    pub fn success(self) -> Result<String, Error> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let output = format!("{}{}", self.stderr, self.stdout)
            .trim_end()
            .to_owned();
        Err(Error::Failed {
            command: self.command,
            status: self.status,
            output,
        })
    }
}
