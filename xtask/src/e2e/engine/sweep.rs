//! Clears up after an engine of ours: the processes, mounts, cgroups, the bridge and the files a run has left.

use super::super::steps::settle;
use super::super::{Error, command};
use super::{BRIDGE, CGROUP, DATA, RUN};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Removes everything. Nothing of it is there in most cases, except after the engine's own regular end: its files.
pub(super) fn all() -> Result<(), Error> {
    end_processes()?;
    for mount in mounts()? {
        // Lazily: a mount may still be busy in a namespace that is going away.
        command::run(Command::new("umount").arg("--lazy").arg(mount))?;
    }
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        command::run(Command::new("ip").args(["link", "delete", BRIDGE]))?;
    }
    for cgroup in cgroups() {
        remove_cgroup(&cgroup)?;
    }
    forget()?;
    for dir in [RUN, DATA] {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file(dir)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Notes which of these paths are not there yet, for [`all`] to remove them.
pub(super) fn remember(paths: &[&str]) -> Result<(), Error> {
    let absent: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| !Path::new(path).exists())
        .collect();
    let note = note();
    fs::write(&note, absent.join("\n")).map_err(Error::file(&note))
}

fn note() -> PathBuf {
    Path::new(RUN).join("not-there-before")
}

fn forget() -> Result<(), Error> {
    for path in fs::read_to_string(note()).unwrap_or_default().lines() {
        let path = Path::new(path);
        let result = if path.is_dir() {
            fs::remove_dir_all(path)
        } else if path.exists() {
            fs::remove_file(path)
        } else {
            Ok(())
        };
        result.map_err(Error::file(path))?;
    }
    Ok(())
}

/// An engine, its containerd and its shims name our directories; what runs in containers is in our cgroup.
fn end_processes() -> Result<(), Error> {
    // The engine first and kindly, for it ends the others in order.
    let engines = || processes(|line| is(line, "dockerd") && names_us(line));
    for pid in engines() {
        let _ = kill(pid, Signal::SIGTERM);
    }
    let _ = settle(
        "the end of an earlier engine",
        Duration::from_secs(30),
        || gone(&engines()),
    );
    settle(
        "the end of an earlier engine's processes",
        Duration::from_secs(20),
        || {
            let mut left = processes(names_us);
            left.extend(contained());
            for pid in &left {
                let _ = kill(*pid, Signal::SIGKILL);
            }
            gone(&left)
        },
    )
}

fn gone(left: &[Pid]) -> Result<(), String> {
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("process ids {left:?}"))
    }
}

/// Whether a command line is that of an engine's program with our directories among its arguments.
fn names_us(line: &str) -> bool {
    ["dockerd", "containerd", "containerd-shim-runc-v2"]
        .iter()
        .any(|program| is(line, program))
        && [RUN, DATA]
            .iter()
            .any(|dir| line.contains(&format!("{dir}/")) || line.ends_with(dir))
}

fn is(line: &str, program: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    Path::new(first)
        .file_name()
        .is_some_and(|file| file == program)
}

/// The processes whose command line is as asked. A zombie has none, so it does not count.
fn processes(wanted: impl Fn(&str) -> bool) -> Vec<Pid> {
    let Ok(proc) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    proc.flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            wanted(line.trim_end()).then(|| Pid::from_raw(pid))
        })
        .collect()
}

/// The processes in our cgroup or below it.
fn contained() -> Vec<Pid> {
    cgroups()
        .iter()
        .flat_map(|cgroup| below(cgroup))
        .flat_map(|dir| {
            let list = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
            list.lines()
                .filter_map(|pid| pid.parse().ok().map(Pid::from_raw))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Our cgroup: one directory in the unified hierarchy, one for each controller in the older layout.
fn cgroups() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    [root.to_owned()]
        .into_iter()
        .chain(controllers)
        .map(|dir| dir.join(CGROUP))
        .filter(|dir| dir.is_dir())
        .collect()
}

/// A directory and all those below it, the deepest last.
fn below(dir: &Path) -> Vec<PathBuf> {
    let mut all = vec![dir.to_owned()];
    let mut at = 0;
    while let Some(dir) = all.get(at).cloned() {
        let inner = fs::read_dir(dir).into_iter().flatten().flatten();
        all.extend(inner.map(|entry| entry.path()).filter(|path| path.is_dir()));
        at += 1;
    }
    all
}

fn remove_cgroup(cgroup: &Path) -> Result<(), Error> {
    // A cgroup is busy for a moment after its last process has ended.
    settle("an empty cgroup", Duration::from_secs(10), || {
        for dir in below(cgroup).iter().rev() {
            fs::remove_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        Ok(())
    })
}

/// What is mounted below our directories, the deepest first.
fn mounts() -> Result<Vec<String>, Error> {
    let table = "/proc/self/mountinfo";
    let lines = fs::read_to_string(table).map_err(Error::file(table))?;
    let mut ours: Vec<String> = lines
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|at| [RUN, DATA].iter().any(|dir| Path::new(at).starts_with(dir)))
        .map(str::to_owned)
        .collect();
    ours.reverse();
    Ok(ours)
}
