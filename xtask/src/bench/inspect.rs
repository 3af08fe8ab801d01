//! Running processes seen from outside: their memory as `/proc` has it, their system calls as strace counts them.

use std::fmt;
use std::fs;
use std::ops::Add;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Result;
use crate::e2e::apt;

/// Of one process, or of several that belong together; in kB.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Memory {
    /// VmRSS.
    pub(super) resident: u64,
    /// RssAnon, the part of it that no other process shares.
    pub(super) anonymous: u64,
    /// Pss: what is shared counts in part only.
    pub(super) proportional: u64,
}

impl Memory {
    pub(super) fn of(pid: Pid) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Ok(Self {
            resident: field(&status, "VmRSS")?,
            anonymous: field(&status, "RssAnon")?,
            proportional: field(&rollup, "Pss")?,
        })
    }
}

impl Add for Memory {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            resident: self.resident + other.resident,
            anonymous: self.anonymous + other.anonymous,
            proportional: self.proportional + other.proportional,
        }
    }
}

/// The number in the line `name: number` of a text from `/proc`.
pub(super) fn field(text: &str, name: &str) -> Result<u64> {
    let number = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| format!("find {name} in /proc"))?;
    Ok(number.parse()?)
}

/// What strace has counted.
#[derive(Debug)]
pub(super) struct SystemCalls(String);

impl SystemCalls {
    /// How many in all: the fourth column of the last line. Its table is empty where there were none.
    pub(super) fn total(&self) -> Result<u64> {
        let last = self.0.trim().lines().last().unwrap_or_default();
        if last.is_empty() {
            return Ok(0);
        }
        let total = last
            .ends_with(" total")
            .then(|| last.split_whitespace().nth(3)?.parse().ok())
            .flatten();
        total.ok_or_else(|| format!("find the total in what strace says: {last:?}").into())
    }
}

impl fmt::Display for SystemCalls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.trim().is_empty() {
            "  none\n"
        } else {
            &self.0
        })
    }
}

/// Counts the system calls of processes and their threads with strace, which is attached for `window` only.
pub(super) fn system_calls(pids: &[Pid], window: Duration) -> Result<SystemCalls> {
    let strace = apt::need("strace", "strace")?;
    let first = pids.first().ok_or("find a process to look at")?;
    let report = format!("lictor-bench-{}-{first}.strace", std::process::id());
    let report = std::env::temp_dir().join(report);
    let mut strace = Command::new(strace)
        .args(["-f", "-c", "-o"])
        .arg(&report)
        .args(pids.iter().map(|pid| format!("-p{pid}")))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("start strace: {error}"))?;
    thread::sleep(window);
    // One that could not attach has counted nothing, which is not the same as nothing to count.
    if let Some(status) = strace.try_wait()? {
        return Err(format!("keep strace attached to {pids:?}: it ended with {status}").into());
    }
    let strace_pid = Pid::from_raw(i32::try_from(strace.id())?);
    kill(strace_pid, Signal::SIGINT)?;
    strace.wait()?;
    let text = fs::read_to_string(&report);
    let _ = fs::remove_file(&report);
    Ok(SystemCalls(text?))
}

#[cfg(test)]
mod tests {
    use super::{SystemCalls, field};

    #[test]
    fn a_total_is_the_calls_of_the_last_line() {
        let text = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000020           4         5         4 rt_sigtimedwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.000020           2         9         4 total
";
        let total = |text: &str| SystemCalls(text.to_owned()).total();
        assert_eq!(total(text).expect("a total"), 9);
        assert_eq!(total("\n").expect("nothing is none"), 0);
        assert!(total("strace: attach: not permitted").is_err());
    }

    #[test]
    fn a_field_is_the_one_of_that_name() {
        let text = "Pss:     12 kB\nPss_Dirty:    4 kB\n";
        assert_eq!(field(text, "Pss").expect("there"), 12);
        assert!(field(text, "Rss").is_err());
    }
}
