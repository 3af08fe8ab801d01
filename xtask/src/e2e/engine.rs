//! A Docker engine: the one `docker` reaches, or one of our own that leaves the machine as it found it.
//!
//! Our own touches no firewall rule, no forwarding switch and no default bridge, keeps to two directories and one
//! cgroup, and ends with this process, however this process ends (`setpriv --pdeathsig`). A SIGKILL leaves files behind
//! at most; the next start sweeps them away.

mod sweep;

use super::steps::{settle, until};
use super::{Error, apt, command};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Sockets, pids, the log. Fixed, so that a later run finds what an earlier one left.
const RUN: &str = "/run/lictor-e2e-docker";
/// Images and containers: gigabytes, so on a disk.
const DATA: &str = "/var/lib/lictor-e2e-docker";
/// The parent of every container's cgroup.
const CGROUP: &str = "lictor-e2e";
/// The bridge of the one network the scenario makes.
pub(super) const BRIDGE: &str = "lictor-e2e0";
/// What dockerd writes outside its directories; removed afterwards if it was not there before.
const OUTSIDE: [&str; 2] = ["/etc/docker/key.json", "/run/docker"];

/// A Docker engine. Dropping it ends it, if it is our own.
pub(super) struct Engine {
    own: Option<Own>,
}

struct Own {
    dockerd: Child,
    _lock: Flock<File>,
}

impl Engine {
    /// Finds or starts an engine.
    ///
    /// One that is started here takes `init` for `docker run --init`; see [`Engine::takes_init`].
    pub(super) fn start(init: &Path) -> Result<Self, Error> {
        let foreign = Self { own: None };
        if foreign.version().is_ok() {
            return Ok(foreign);
        }
        if !Uid::effective().is_root() {
            return Err(Error::Needs(
                "reach a Docker engine: start one, or be root so that one can be started here"
                    .into(),
            ));
        }
        let dockerd = apt::need("dockerd", "docker.io")?;
        apt::need("docker", "docker-cli")?;
        if foreign.version().is_ok() {
            // The package's own service has started one.
            return Ok(foreign);
        }
        let lock = lock()?;
        sweep::all()?;
        let mut engine = Self {
            own: Some(Own {
                dockerd: spawn(&dockerd, init)?,
                _lock: lock,
            }),
        };
        engine.await_ready()?;
        Ok(engine)
    }

    /// Whether `docker run --init` is ours to try: an engine that ran before has an init of its own.
    pub(super) fn takes_init(&self) -> bool {
        self.own.is_some()
    }

    /// `docker`, talking to this engine.
    pub(super) fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        if self.own.is_some() {
            docker.env("DOCKER_HOST", format!("unix://{RUN}/docker.sock"));
        }
        docker
    }

    /// The engine's version and whose it is, for people.
    pub(super) fn describe(&self) -> Result<String, Error> {
        let whose = if self.own.is_some() {
            "started here"
        } else {
            "already there"
        };
        Ok(format!("Docker {}, {whose}", self.version()?))
    }

    fn version(&self) -> Result<String, Error> {
        command::text(
            self.docker()
                .args(["info", "--format", "{{.ServerVersion}}"]),
        )
        .and_then(|version| {
            // An older `docker info` succeeds without a server, and says so in another field.
            if version.is_empty() {
                Err(Error::Needs("reach a Docker engine".into()))
            } else {
                Ok(version)
            }
        })
    }

    fn await_ready(&mut self) -> Result<(), Error> {
        let log = Path::new(RUN).join("log");
        until(
            "the Docker engine's answer",
            Duration::from_secs(60),
            || {
                let ended = self
                    .own
                    .as_mut()
                    .and_then(|own| own.dockerd.try_wait().ok().flatten());
                match (self.version(), ended) {
                    (Ok(_), _) => Ok(Ok(())),
                    (Err(_), None) => Err(log_tail(&log)),
                    (Err(_), Some(status)) => Ok(Err(Error::Failed {
                        command: "dockerd".into(),
                        status,
                        output: log_tail(&log),
                    })),
                }
            },
        )?
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(own) = self.own.as_mut() else { return };
        let pid = Pid::from_raw(own.dockerd.id().cast_signed());
        let ended = kill(pid, Signal::SIGTERM).is_ok()
            && settle("dockerd's end", Duration::from_secs(30), || {
                match own.dockerd.try_wait() {
                    Ok(None) => Err("it runs".into()),
                    Ok(Some(_)) | Err(_) => Ok(()),
                }
            })
            .is_ok();
        if !ended {
            let _ = own.dockerd.kill();
            let _ = own.dockerd.wait();
        }
        if let Err(error) = sweep::all() {
            eprintln!("       could not clear up after the Docker engine: failed to {error}");
        }
    }
}

/// One run at a time, on this machine: the directories are fixed.
fn lock() -> Result<Flock<File>, Error> {
    let path = Path::new("/run/lictor-e2e-docker.lock");
    let file = File::create(path).map_err(Error::file(path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Error::Needs(
            "run alone: another `cargo xtask e2e docker` is under way on this machine".into(),
        )
    })
}

fn spawn(dockerd: &Path, init: &Path) -> Result<Child, Error> {
    for dir in [RUN, DATA] {
        fs::create_dir_all(dir).map_err(Error::file(dir))?;
    }
    sweep::remember(&OUTSIDE)?;
    let log = Path::new(RUN).join("log");
    let output = File::create(&log).map_err(Error::file(&log))?;
    let errors = output.try_clone().map_err(Error::file(&log))?;
    let mut engine = Command::new("setpriv");
    engine
        .args(["--pdeathsig", "TERM"])
        .arg(dockerd)
        .arg(format!("--host=unix://{RUN}/docker.sock"))
        .arg(format!("--pidfile={RUN}/pid"))
        .arg(format!("--exec-root={RUN}/exec"))
        .arg(format!("--data-root={DATA}"))
        .arg(format!("--cgroup-parent=/{CGROUP}"))
        .arg(format!("--init-path={}", init.display()))
        .args([
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
            "--ip-masq=false",
        ]);
    if needs_oom_score(dockerd)? {
        // Older ones lower their own score, which a root without CAP_SYS_RESOURCE may not.
        engine.arg("--oom-score-adjust=0");
    }
    engine
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // A Ctrl-C at the terminal is ours to answer: the containers are removed first.
        .process_group(0)
        .spawn()
        .map_err(|source| Error::Start {
            program: "setpriv dockerd".into(),
            source,
        })
}

fn needs_oom_score(dockerd: &Path) -> Result<bool, Error> {
    let help = command::attempt(Command::new(dockerd).arg("--help"))?;
    Ok(command::written(&help).contains("--oom-score-adjust"))
}

fn log_tail(log: &Path) -> String {
    command::tail(&fs::read_to_string(log).unwrap_or_default())
}
