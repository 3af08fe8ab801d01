//! What an init costs while it only is there.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;
use testbed::pid1::Pid1;
use testbed::process::children;

use super::Result;
use super::contenders::{Contender, Contenders, Name};
use super::table;
use super::times::ready;
use crate::bench::inspect::{Memory, system_calls};

/// How long an init is left alone before it counts as idle.
const SETTLE: Duration = Duration::from_millis(300);
/// How long the system calls are counted.
const WINDOW: Duration = Duration::from_secs(5);

pub(super) fn run(contenders: &Contenders) -> Result<()> {
    let inits = contenders.but(&[Name::None]);
    println!("\nmemory when idle in kB, and the size of the binary (s6: both programs)");
    table::heading(&["VmRSS", "RssAnon", "Pss", "bytes on disk"]);
    for &contender in &inits {
        // One at a time: what several of them share would count in part only.
        let init = idle(contender)?;
        let mut memory = Memory::default();
        for &pid in &init.pids {
            memory = memory + Memory::of(pid)?;
        }
        let mut size = 0;
        for program in &contender.programs {
            size += fs::metadata(program)?.len();
        }
        let cells = [memory.resident, memory.anonymous, memory.proportional, size];
        table::row(contender.name, &cells.map(|cell| cell.to_string()));
    }

    let seconds = WINDOW.as_secs();
    println!("\nsystem calls in {seconds} idle seconds (strace -f -c)");
    let mut running = Vec::new();
    for &contender in &inits {
        running.push((contender.name, idle(contender)?));
    }
    let counted: Vec<_> = thread::scope(|scope| {
        let strace = |init: &Idle| {
            let pids = init.pids.clone();
            let count = move || system_calls(&pids, WINDOW)?.total();
            scope.spawn(move || count().map_err(|error| error.to_string()))
        };
        let threads: Vec<_> = running
            .iter()
            .map(|(name, init)| (*name, strace(init)))
            .collect();
        let end = |(name, thread): (Name, thread::ScopedJoinHandle<'_, _>)| {
            let result = thread
                .join()
                .unwrap_or(Err("run strace's thread".to_owned()));
            (name, result)
        };
        threads.into_iter().map(end).collect()
    });
    for (name, total) in counted {
        table::row(name, &[total?.to_string()]);
    }
    Ok(())
}

/// An init whose program does nothing.
struct Idle {
    /// The processes it consists of, without the program.
    pids: Vec<Pid>,
    /// Ends it when it is dropped.
    _init: Pid1,
}

fn idle(contender: &Contender) -> Result<Idle> {
    let (mut init, _) = ready(contender, "ready")?;
    thread::sleep(SETTLE);
    let first = init.started()?.pid;
    let mut pids = vec![first];
    for child in children(first) {
        if fs::read_link(format!("/proc/{child}/exe"))? != contender.probe() {
            pids.push(child);
        }
    }
    Ok(Idle { pids, _init: init })
}
