//! A Kubernetes cluster: the one the environment names, or the one `../shared/k8s` brings up.
//!
//! | variable | what | default beside a given LICTOR_E2E_KUBECTL |
//! |---|---|---|
//! | `LICTOR_E2E_KUBECTL` | `kubectl`, as a command line | none: the whole cluster is then `../shared/k8s`'s |
//! | `LICTOR_E2E_LOAD_IMAGE` | takes an image archive's path and makes it known to every node | must be given |
//! | `LICTOR_E2E_SERVER_EXEC` | runs a command on the host where the Consul server shall run | nothing: here |
//! | `LICTOR_E2E_SERVER_ADDRESS` | that host's address, which the nodes reach | the manifests' first server |

use super::command::{self, Prefix};
use super::{Error, cache};
use crate::dist;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first address of `retry_join` in deploy/kubernetes/configmap.yaml.
pub(super) const FIRST_SERVER: &str = "10.111.67.1";

/// A cluster that answers. Dropping it takes it down, if it was brought up here.
pub(super) struct Cluster {
    kubectl: Prefix,
    load: Prefix,
    /// Where the Consul server runs.
    pub(super) server_exec: Prefix,
    /// The address at which the nodes reach it.
    pub(super) server_address: String,
    ours: Option<Ours>,
}

struct Ours {
    scripts: PathBuf,
    mark: PathBuf,
}

impl Cluster {
    /// Finds the cluster or brings one up, with that many nodes.
    pub(super) fn get(nodes: u32) -> Result<Self, Error> {
        match std::env::var("LICTOR_E2E_KUBECTL") {
            Ok(kubectl) => Self::given(&kubectl),
            Err(_) => Self::beside(nodes),
        }
    }

    fn given(kubectl: &str) -> Result<Self, Error> {
        let load = std::env::var("LICTOR_E2E_LOAD_IMAGE").map_err(|_| {
            Error::Needs(
                "load images: LICTOR_E2E_KUBECTL is set, so set LICTOR_E2E_LOAD_IMAGE to a command that takes an \
                 image archive, such as `kind load image-archive`"
                    .into(),
            )
        })?;
        let optional = |name: &str| std::env::var(name).ok();
        Ok(Self {
            kubectl: Prefix::parse(kubectl),
            load: Prefix::parse(&load),
            server_exec: Prefix::parse(&optional("LICTOR_E2E_SERVER_EXEC").unwrap_or_default()),
            server_address: optional("LICTOR_E2E_SERVER_ADDRESS")
                .unwrap_or_else(|| FIRST_SERVER.into()),
            ours: None,
        })
    }

    fn beside(nodes: u32) -> Result<Self, Error> {
        let scripts = dist::root().join("../shared/k8s");
        let scripts = fs::canonicalize(&scripts).map_err(|_| {
            Error::Needs(format!(
                "find a cluster: set LICTOR_E2E_KUBECTL and LICTOR_E2E_LOAD_IMAGE, or have {} bring one up",
                scripts.display()
            ))
        })?;
        let in_cluster = scripts.join("in-cluster").to_string_lossy().into_owned();
        let mark = cache("k8s")?.join("brought-up");
        let ours = Ours { scripts, mark };
        if ours.mark.exists() {
            // An earlier run was killed. Its cluster may be in any state.
            ours.down()?;
        }
        let was_up = command::run(Command::new(&in_cluster).arg("true")).is_ok();
        let script = |name: &str| ours.scripts.join(name).to_string_lossy().into_owned();
        let mut cluster = Self {
            kubectl: Prefix::of([in_cluster.clone(), "kubectl".into()]),
            load: Prefix::of([script("load-image")]),
            server_exec: Prefix::of([in_cluster]),
            server_address: FIRST_SERVER.into(),
            ours: None,
        };
        let up = ours.scripts.join("up");
        if !was_up {
            fs::write(&ours.mark, "").map_err(Error::file(&ours.mark))?;
            cluster.ours = Some(ours);
        }
        command::run(Command::new(up).args(["--nodes", &nodes.to_string()]))?;
        Ok(cluster)
    }

    /// Whose cluster it is, for people.
    pub(super) fn describe(&self) -> &'static str {
        if self.ours.is_some() {
            "brought up here"
        } else {
            "already there"
        }
    }

    /// `kubectl`, talking to this cluster.
    pub(super) fn kubectl<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut words = arguments.into_iter();
        let mut kubectl = self.kubectl.with(words.next().unwrap_or("version"));
        kubectl.args(words);
        kubectl
    }

    /// Makes an image known to every node.
    pub(super) fn load(&self, archive: &Path) -> Result<(), Error> {
        command::run(&mut self.load.with(&archive.to_string_lossy())).map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.ours.as_ref().map(Ours::down) {
            eprintln!("       could not take the cluster down: failed to {error}");
        }
    }
}

impl Ours {
    fn down(&self) -> Result<(), Error> {
        command::run(&mut Command::new(self.scripts.join("down")))?;
        fs::remove_file(&self.mark).map_err(Error::file(&self.mark))
    }
}
