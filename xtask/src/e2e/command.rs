//! Programs: started, waited for, and quoted when they fail.

use super::Error;
use std::process::{Command, Output, Stdio};

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or ends with a failure: the end of what it wrote is quoted.
pub(super) fn run(command: &mut Command) -> Result<Output, Error> {
    let output = attempt(command)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Failed {
        command: line(command),
        status: output.status,
        output: tail(&written(&output)),
    })
}

/// Runs a program to its end and returns how it ended, whatever that was.
pub(super) fn attempt(command: &mut Command) -> Result<Output, Error> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start {
            program: line(command),
            source,
        })
}

/// What a program writes to its standard output, without the line's end.
pub(super) fn text(command: &mut Command) -> Result<String, Error> {
    let output = run(command)?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// The JSON a program writes to its standard output.
pub(super) fn json(command: &mut Command) -> Result<serde_json::Value, Error> {
    let text = text(command)?;
    serde_json::from_str(&text).map_err(|error| Error::Unexpected {
        what: format!("JSON from `{}` ({error})", line(command)),
        found: tail(&text),
    })
}

/// Both of a program's streams, standard output first.
pub(super) fn written(output: &Output) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.push_str(&String::from_utf8_lossy(&output.stderr));
    all
}

/// The last lines of a text: enough to see why.
pub(super) fn tail(text: &str) -> String {
    const LINES: usize = 15;
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].join("\n")
}

/// A command as one line, for messages.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// The beginning of a command line, as an environment variable gives it: words separated by blanks. It may be empty,
/// which means "here".
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix(Vec<String>);

impl Prefix {
    /// Splits at blanks; there is no quoting.
    pub(super) fn parse(words: &str) -> Self {
        Self(words.split_whitespace().map(str::to_owned).collect())
    }

    /// From words that may contain blanks.
    pub(super) fn of<const N: usize>(words: [String; N]) -> Self {
        Self(words.into())
    }

    /// The command that runs `program` behind this prefix.
    pub(super) fn with(&self, program: &str) -> Command {
        let mut words = self.0.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_goes_in_front() {
        let command = Prefix::parse("ip netns  exec x").with("curl");
        assert_eq!(line(&command), "ip netns exec x curl");
        assert_eq!(line(&Prefix::default().with("curl")), "curl");
    }

    #[test]
    fn a_failure_quotes_the_program() {
        let error =
            run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).expect_err("it failed");
        assert_eq!(
            error.to_string(),
            "run `sh -c echo why >&2; exit 3` (exit status: 3): why"
        );
    }
}
