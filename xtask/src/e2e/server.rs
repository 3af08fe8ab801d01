//! A Consul server beside the cluster, where the manifests' `retry_join` expects one.

use super::catalog::Catalog;
use super::command::{self, Prefix};
use super::steps::{settle, until};
use super::{Error, cache};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// What a test's server is told beyond its addresses: to ask nobody outside for updates, and to elect itself at once.
pub(super) const SERVER_HCL: [&str; 2] = [
    "disable_update_check = true",
    "performance { raft_multiplier = 1 }",
];

/// A running server. Dropping it ends it.
pub(super) struct Server {
    exec: Prefix,
    dir: PathBuf,
    child: Child,
}

impl Server {
    /// Starts a server of one and waits for its leader.
    pub(super) fn start(
        exec: &Prefix,
        address: &str,
        consul: &Path,
    ) -> Result<(Self, Catalog), Error> {
        let dir = cache("k8s/server")?;
        // One that an earlier run, since killed, has left.
        end(exec, &dir)?;
        fs::remove_dir_all(&dir).map_err(Error::file(&dir))?;
        fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
        let log = dir.join("log");
        let output = File::create(&log).map_err(Error::file(&log))?;
        let errors = output.try_clone().map_err(Error::file(&log))?;
        let child = exec
            .with("sh")
            // The pid is written by the process that becomes the server: what runs it may stay around it.
            .args(["-c", "echo $$ > \"$1\"; shift; exec \"$@\"", "sh"])
            .arg(dir.join("pid"))
            .arg(consul)
            .args([
                "agent",
                "-server",
                "-bootstrap-expect=1",
                "-datacenter=dc1",
                "-node=server",
            ])
            .arg(format!("-bind={address}"))
            .arg(format!("-client={address}"))
            .arg(format!("-data-dir={}", dir.join("data").display()))
            .args(SERVER_HCL.map(|hcl| format!("-hcl={hcl}")))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start {
                program: "consul agent -server".into(),
                source,
            })?;
        let mut server = Self {
            exec: exec.clone(),
            dir,
            child,
        };
        let catalog = Catalog::new(exec.clone(), address);
        server.await_leader(&catalog, &log)?;
        Ok((server, catalog))
    }

    fn await_leader(&mut self, catalog: &Catalog, log: &Path) -> Result<(), Error> {
        let written = || command::tail(&fs::read_to_string(log).unwrap_or_default());
        let what = "a leader of the Consul server";
        until(what, Duration::from_secs(60), || {
            match self.child.try_wait() {
                Ok(Some(status)) => Ok(Err(Error::Failed {
                    command: "consul agent -server".into(),
                    status,
                    output: written(),
                })),
                Ok(None) | Err(_) => catalog.leader().map(Ok),
            }
        })
        .inspect_err(|_| println!("{}", written()))?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = end(&self.exec, &self.dir) {
            eprintln!("       could not end the Consul server: failed to {error}");
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Ends the server whose pid is in `dir`, if that process is still the server: its command line names the directory.
fn end(exec: &Prefix, dir: &Path) -> Result<(), Error> {
    let signal = |signal: &str| {
        let mut shell = exec.with("sh");
        shell
            .args(["-c", "test -s \"$1/pid\" && pid=$(cat \"$1/pid\") && grep -qs \"$1\" /proc/$pid/cmdline && kill -$2 $pid"])
            .arg("sh")
            .arg(dir)
            .arg(signal);
        command::attempt(&mut shell).map(|output| output.status.success())
    };
    if !signal("TERM")? {
        return Ok(());
    }
    let gone = || match signal("0") {
        Ok(true) => Err("it runs".into()),
        Ok(false) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    if settle("the Consul server's end", Duration::from_secs(15), gone).is_err() {
        signal("KILL")?;
    }
    Ok(())
}
