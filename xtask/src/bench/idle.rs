//! What lictor costs while nothing happens: its size, its memory, its system calls.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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
    print!("{}", system_calls(pid)?);
    Ok(())
}

/// Resident and proportional memory, as `/proc` has them.
fn memory(pid: Pid) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|rest| rest.trim_start_matches(':').trim().to_owned())
            .unwrap_or_default()
    };
    Ok(format!(
        "VmRSS {} (anonymous {}, file {}), Pss {}, threads {}",
        field(&status, "VmRSS"),
        field(&status, "RssAnon"),
        field(&status, "RssFile"),
        field(&rollup, "Pss"),
        field(&status, "Threads"),
    ))
}

/// Counts the system calls of a process and its threads with strace, which is attached for the window only.
fn system_calls(pid: Pid) -> Result<String> {
    let report = std::env::temp_dir().join(format!("lictor-bench-{}.strace", std::process::id()));
    let mut strace = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(&report)
        .args(["-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("start strace, which the package of that name has: {error}"))?;
    thread::sleep(WINDOW);
    let strace_pid = Pid::from_raw(i32::try_from(strace.id())?);
    kill(strace_pid, Signal::SIGINT)?;
    strace.wait()?;
    let text = fs::read_to_string(&report);
    let _ = fs::remove_file(&report);
    let text = text?;
    Ok(if text.trim().is_empty() {
        "  none\n".to_owned()
    } else {
        text
    })
}
