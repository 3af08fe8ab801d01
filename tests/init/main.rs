//! `lictor init` as a container's PID 1, and as a child of something else.
//!
//! What it starts is mostly the test bed's probe, which tells what it was given and which signals it got. Terminals are in
//! `tests/terminal.rs`, lictor under other names in `tests/names.rs`, and the same things under `lictor run` in `tests/run/init.rs`.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Pid;
use testbed::lictor::binary_under_test;
use testbed::probe::probe;
use testbed::process::{Output, Process, Program, Role};
use testbed::{Place, TestResult};

mod exit;
mod inherited;
mod orphans;
mod random;
mod signals;
mod trouble;

/// Long enough for anything here on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// `lictor init` with options, and the program behind `--`.
fn init(options: &[&str]) -> Program {
    Program::new(binary_under_test(env!("CARGO_BIN_EXE_lictor")))
        .arg("init")
        .args(options.iter().copied())
        .arg("--")
}

/// The same with the probe in one of its modes.
fn init_probe(options: &[&str], mode: &str) -> TestResult<Program> {
    Ok(init(options).arg(probe()?).args(mode.split(' ')))
}

/// As PID 1, and not as PID 1.
fn roles() -> [Role; 2] {
    [Role::Pid1, Place::Here.child_role()]
}

fn start(role: Role, program: &Program) -> TestResult<Process> {
    Ok(Place::Here.start(role, "lictor", program)?)
}

/// Starts it as PID 1 of a PID namespace.
fn pid1(program: &Program) -> TestResult<Process> {
    start(Role::Pid1, program)
}

/// Starts it in both roles.
fn both(program: &Program) -> TestResult<[Process; 2]> {
    let [pid1, child] = roles();
    Ok([start(pid1, program)?, start(child, program)?])
}

/// A path for a file of one test's own, where there is none yet.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("init-{name}"));
    let _ = fs::remove_file(&path);
    path
}

/// Runs it to its end, not as PID 1.
fn run(program: Program) -> TestResult<Output> {
    Ok(Place::Here.run(program)?)
}

/// A shell that does `before` and then becomes `program`.
fn behind(before: &str, program: &Program) -> Program {
    let script = format!("{before}\nexec \"$@\"");
    Program::from(["sh", "-c", &script, "sh"]).args(program.words())
}

/// Overwrites all of a process's code with zeros, which are no instructions that get far.
fn overwrite_code(pid: Pid) -> TestResult {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let program = fs::read_link(format!("/proc/{pid}/exe"))?;
    let memory = fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{pid}/mem"))?;
    let own = |line: &&str| line.contains(" r-xp ") && line.ends_with(&*program.to_string_lossy());
    let line = maps.lines().find(own).expect("code of its own");
    let range = line
        .split(' ')
        .next()
        .and_then(|range| range.split_once('-'));
    let (start, end) = range.expect("a range");
    let [start, end] = [start, end].map(|end| u64::from_str_radix(end, 16));
    let (start, end) = (start?, end?);
    memory.write_all_at(&vec![0; usize::try_from(end - start)?], start)?;
    Ok(())
}
