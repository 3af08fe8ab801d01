//! What lictor costs while nothing happens: its size, its memory, its system calls.

use std::fs;
use std::time::Duration;

use nix::unistd::Pid;

use super::inspect::{self, Memory};
use super::{Bed, Result};

/// How long the system calls are counted.
const WINDOW: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(60);

/// Measures one lictor beside a ready agent.
pub(super) fn run(bed: &Bed) -> Result<()> {
    let host = bed.host("n1", 11)?;
    let lictor = bed.lictor(&host).start()?;
    lictor.wait_condition("Registered", START)?;
    lictor.wait_phase("Ready", START)?;
    let pid = lictor.pid()?;
    let agent = *lictor
        .children()?
        .first()
        .ok_or("find the agent below lictor")?;

    println!("\nbinary: {} bytes", fs::metadata(&bed.binary)?.len());
    println!("memory beside a ready agent");
    for (name, pid) in [("lictor", pid), ("consul", agent)] {
        println!("  {name}  {}", memory(pid)?);
    }
    println!(
        "system calls of lictor in {} idle seconds (strace -f -c)",
        WINDOW.as_secs()
    );
    print!("{}", inspect::system_calls(&[pid], WINDOW)?);
    Ok(())
}

/// Resident and proportional memory, as `/proc` has them.
fn memory(pid: Pid) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let memory = Memory::of(pid)?;
    Ok(format!(
        "VmRSS {} kB (anonymous {} kB, file {} kB), Pss {} kB, threads {}",
        memory.resident,
        memory.anonymous,
        inspect::field(&status, "RssFile")?,
        memory.proportional,
        inspect::field(&status, "Threads")?,
    ))
}
