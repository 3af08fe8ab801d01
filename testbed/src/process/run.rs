//! A short-lived program, from its start to its end.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Error, Log, Output};
use crate::{spawner, wait};

/// Runs a short-lived program to its end, with a deadline.
///
/// The command must have been tied to the test's life and place already.
pub(crate) fn run_tied(
    mut command: Command,
    what: &str,
    deadline: Duration,
) -> Result<Output, Error> {
    let failed = |source| Error::Start {
        name: what.to_owned(),
        source,
        hint: "",
    };
    let (out, err) = (
        Log::create(what).map_err(failed)?,
        Log::create(what).map_err(failed)?,
    );
    command.stdin(Stdio::null());
    command
        .stdout(out.writer().map_err(failed)?)
        .stderr(err.writer().map_err(failed)?);
    let mut child = spawner::spawn(command).map_err(failed)?;
    let ended = wait::until(&format!("the end of {what}"), deadline, || {
        child.try_wait().ok().flatten()
    });
    if ended.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(Output {
        command: what.to_owned(),
        status: ended?,
        stdout: out.text(),
        stderr: err.text(),
    })
}
