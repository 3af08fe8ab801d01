//! `cargo xtask e2e k8s`: deploy/kubernetes on a real Kubernetes, with only the images changed.

use super::catalog::{Catalog, SERVICE};
use super::cluster::Cluster;
use super::manifests::{self, MARK};
use super::pods::{self, DAEMON_SET, NAMESPACE, Pods, SELECTOR, complaints, explain, print_pods};
use super::server::Server;
use super::steps::{Steps, With, seconds, until};
use super::{Error, apt, cache, command};
use crate::dist;
use nix::fcntl::{Flock, FlockArg};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// What `cargo xtask e2e k8s` takes.
#[derive(clap::Args)]
pub(super) struct Args {
    /// How often the Pods are deleted and must come up again.
    #[arg(long, default_value_t = 3)]
    starts: u32,
    /// How many nodes the cluster gets, if it is brought up here.
    #[arg(long, default_value_t = 2)]
    nodes: u32,
}

/// A Pod's whole start: the images are there, so this is the kubelet's and the agent's own time, on a slow machine.
const START: Duration = Duration::from_secs(120);
/// A whole end: the grace period, and the kubelet's own time.
const END: Duration = Duration::from_secs(60);

/// Runs the scenario.
pub(super) fn run(args: &Args, consul: &Path) -> Result<(), Error> {
    let mut steps = Steps::new("e2e k8s: deploy/kubernetes on a cluster");
    let _alone = lock()?;
    apt::need("curl", "curl")?;
    let binary = steps.step("the static binary", || {
        let path = dist::build(&["--quiet"])?;
        let version = command::text(std::process::Command::new(&path).arg("--version"))?;
        Ok(With(path, version))
    })?;
    let cluster = steps.step("a cluster", || {
        let cluster = Cluster::get(args.nodes)?;
        let described = cluster.describe().to_owned();
        Ok(With(cluster, described))
    })?;
    let cluster = cluster.0;
    steps.step("images on every node", || {
        manifests::images(&cluster, &binary.0, consul)
    })?;
    let (server, catalog) = steps
        .step("a Consul server", || {
            let started = Server::start(&cluster.server_exec, &cluster.server_address, consul)?;
            Ok(With(started, cluster.server_address.clone()))
        })?
        .0;
    delete_namespace(&cluster)?;
    let bench = Bench {
        cluster: &cluster,
        catalog,
    };
    bench.scenario(&mut steps, args)?;
    steps.step("everything away", || delete_namespace(&cluster))?;
    drop(bench);
    drop(server);
    drop(cluster);
    steps.end();
    Ok(())
}

fn lock() -> Result<Flock<File>, Error> {
    let path = cache("k8s")?.join("lock");
    let file = File::create(&path).map_err(Error::file(&path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| Error::Needs("run alone: another `cargo xtask e2e k8s` is under way".into()))
}

/// The cluster with our namespace in it, which goes when this is dropped.
struct Bench<'a> {
    cluster: &'a Cluster,
    catalog: Catalog,
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        if let Err(error) = delete_namespace(self.cluster) {
            eprintln!("       could not delete the namespace: failed to {error}");
        }
    }
}

impl Bench<'_> {
    fn scenario(&self, steps: &mut Steps, args: &Args) -> Result<(), Error> {
        let mut pods = steps
            .step("kubectl apply -k: Pods Ready, registered", || self.apply())?
            .0;
        for start in 1..=args.starts {
            let what = format!(
                "start {start} of {}: Pods deleted, new ones Ready, registered",
                args.starts
            );
            pods = steps.step(&what, || self.start_again(&pods))?.0;
        }
        steps.step("ConfigMap changed, lictor reload: in the catalog", || {
            self.reload(&pods)
        })?;
        steps.step("no hook, probe or container has failed", || {
            self.no_complaints(&pods)
        })?;
        let pods = steps
            .step("one Pod deleted: left, replaced, registered again", || {
                self.replace_one(&pods)
            })?
            .0;
        steps.step("no Pod wanted: all left, catalog empty", || {
            self.none_wanted(&pods)
        })?;
        steps.step("no such interface: `kubectl describe pod` says why", || {
            self.refused()
        })?;
        Ok(())
    }

    fn apply(&self) -> Result<With<Pods>, Error> {
        let overlay = manifests::overlay(self.cluster)?;
        let begun = Instant::now();
        command::run(self.cluster.kubectl(["apply", "-k"]).arg(overlay))?;
        let wanted = until(
            "at least two nodes for the DaemonSet",
            Duration::from_secs(30),
            || {
                let mut get = self
                    .cluster
                    .kubectl(["get", "-n", NAMESPACE, DAEMON_SET, "-o", "json"]);
                let set = command::json(&mut get).map_err(|error| error.to_string())?;
                let wanted = set["status"]["desiredNumberScheduled"]
                    .as_u64()
                    .unwrap_or_default();
                if wanted >= 2 {
                    Ok(wanted)
                } else {
                    Err(format!("{wanted}"))
                }
            },
        )?;
        let count = usize::try_from(wanted).unwrap_or(usize::MAX);
        self.ready(begun, count, &BTreeSet::new())
    }

    /// Waits for new Pods and their registrations, and says after how long which was there.
    fn ready(
        &self,
        begun: Instant,
        count: usize,
        old: &BTreeSet<String>,
    ) -> Result<With<Pods>, Error> {
        let pods = Pods::await_ready(self.cluster, count, old, START)?;
        let ready = seconds(begun);
        // Ready means registered, so this must hold at once; the limit is for our own look.
        let addresses = pods.addresses();
        self.catalog
            .await_addresses(&addresses, Duration::from_secs(5))
            .inspect_err(|error| explain(self.cluster, error))?;
        let seen = format!(
            "{count} Ready after {ready}; {SERVICE} at {}",
            list(&addresses)
        );
        Ok(With(pods, seen))
    }

    fn start_again(&self, pods: &Pods) -> Result<With<Pods>, Error> {
        let begun = Instant::now();
        command::run(
            &mut self
                .cluster
                .kubectl(["delete", "pods", "-n", NAMESPACE, "-l", SELECTOR]),
        )?;
        let gone = seconds(begun);
        let With(new, seen) = self.ready(begun, pods.uids().len(), &pods.uids())?;
        self.no_complaints(&new)?;
        Ok(With(new, format!("old ones gone after {gone}, {seen}")))
    }

    fn reload(&self, pods: &Pods) -> Result<String, Error> {
        let begun = Instant::now();
        manifests::define(self.cluster, pods, "web")?;
        let seen = seconds(begun);
        for pod in pods.names() {
            pods::exec(self.cluster, &pod, &["/lictor/lictor", "reload"])?;
        }
        let begun = Instant::now();
        let what = "the new service on every node";
        until(what, Duration::from_secs(30), || {
            let nodes = self.catalog.nodes_of("web")?;
            if nodes.len() == pods.names().len() {
                Ok(())
            } else {
                Err(format!("it is on {nodes:?}"))
            }
        })
        .inspect_err(|error| explain(self.cluster, error))?;
        Ok(format!(
            "file in the Pods after {seen}, service on every node {} later",
            seconds(begun)
        ))
    }

    fn no_complaints(&self, pods: &Pods) -> Result<String, Error> {
        let complaints = complaints(self.cluster)?;
        if complaints.is_empty() && pods.restarts() == 0 {
            return Ok("0 failures, 0 restarts".into());
        }
        print_pods(self.cluster);
        Err(Error::Unexpected {
            what: "no failed hook, no failed liveness probe and no restarted container".into(),
            found: format!("{} restarts; {}", pods.restarts(), complaints.join("; ")),
        })
    }

    fn replace_one(&self, pods: &Pods) -> Result<With<Pods>, Error> {
        let found = || Error::Unexpected {
            what: "a Pod with an address".into(),
            found: pods.brief(),
        };
        let name = pods.names().into_iter().next().ok_or_else(found)?;
        let address = pods.address_of(&name).ok_or_else(found)?;
        let node = self.node_at(&address)?;
        let others: BTreeSet<String> = pods
            .addresses()
            .into_iter()
            .filter(|other| *other != address)
            .collect();
        let begun = Instant::now();
        command::run(&mut self.cluster.kubectl([
            "delete",
            "pod",
            "-n",
            NAMESPACE,
            "--wait=false",
            &name,
        ]))?;
        // The replacement registers the node again within seconds: it is the gap between the two that is looked for.
        let gap = BTreeSet::from([node.clone()]);
        self.catalog.await_left(&gap, END)?;
        self.catalog.await_gone(&gap, END)?;
        let gone = seconds(begun);
        let served = self.catalog.addresses(SERVICE).unwrap_or_default();
        if !others.is_subset(&served) {
            return Err(Error::Unexpected {
                what: "the other nodes untouched".into(),
                found: format!("{served:?}"),
            });
        }
        self.catalog.await_addresses(&pods.addresses(), START)?;
        let again = seconds(begun);
        let new = Pods::await_ready(self.cluster, pods.names().len(), &BTreeSet::new(), START)?;
        let seen = format!(
            "{node} `left` and out of the catalog after {gone}, registered again after {again}"
        );
        Ok(With(new, seen))
    }

    fn none_wanted(&self, pods: &Pods) -> Result<String, Error> {
        let mut nodes = BTreeSet::new();
        for address in pods.addresses() {
            nodes.insert(self.node_at(&address)?);
        }
        let begun = Instant::now();
        self.select_nodes("{\"lictor.test/nowhere\": \"true\"}")?;
        self.catalog.await_left(&nodes, END)?;
        let left = seconds(begun);
        self.catalog.await_gone(&nodes, END)?;
        let empty = seconds(begun);
        Pods::await_none(self.cluster, END)?;
        Ok(format!(
            "`left` after {left}, out of the catalog after {empty}, Pods gone after {}",
            seconds(begun)
        ))
    }

    fn node_at(&self, address: &str) -> Result<String, Error> {
        self.catalog
            .node_at(address)
            .map_err(|found| Error::Unexpected {
                what: format!("a node at {address} in the catalog"),
                found,
            })
    }

    fn select_nodes(&self, selector: &str) -> Result<(), Error> {
        let patch = format!(
            "{{\"spec\": {{\"template\": {{\"spec\": {{\"nodeSelector\": {selector}}}}}}}}}"
        );
        command::run(
            self.cluster
                .kubectl(["patch", "-n", NAMESPACE, DAEMON_SET, "--type=merge", "-p"])
                .arg(patch),
        )
        .map(drop)
    }

    fn refused(&self) -> Result<String, Error> {
        let patch = r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value":
            ["/lictor/lictor", "run", "--interface", "nosuch*", "--address-timeout", "2s", "--",
             "consul", "agent", "-config-dir=/consul/config"]}]"#;
        let mut kubectl =
            self.cluster
                .kubectl(["patch", "-n", NAMESPACE, DAEMON_SET, "--type=json", "-p"]);
        command::run(kubectl.arg(patch))?;
        let begun = Instant::now();
        self.select_nodes("null")?;
        let message = until(
            "a container's end with exit code 110 and a message",
            START,
            || {
                let pods = Pods::list(self.cluster).map_err(|error| error.to_string())?;
                let endings = pods.endings();
                endings
                    .iter()
                    .find(|(code, message)| *code == 110 && message.contains("nosuch*"))
                    .map(|(_, message)| message.clone())
                    .ok_or_else(|| format!("{}; {endings:?}", pods.brief()))
            },
        )
        .inspect_err(|error| explain(self.cluster, error))?;
        let described = command::text(
            &mut self
                .cluster
                .kubectl(["describe", "pods", "-n", NAMESPACE, "-l", SELECTOR]),
        )?;
        let first = message.lines().next().unwrap_or_default();
        if !described.contains(first) {
            return Err(Error::Unexpected {
                what: format!("`{first}` in `kubectl describe pods`"),
                found: command::tail(&described),
            });
        }
        Ok(format!(
            "after {}, exit code 110, message: {message}",
            seconds(begun)
        ))
    }
}

/// Deletes the namespace, if a run of ours has made it.
fn delete_namespace(cluster: &Cluster) -> Result<(), Error> {
    let mut get = cluster.kubectl([
        "get",
        "namespace",
        NAMESPACE,
        "--ignore-not-found",
        "-o",
        "json",
    ]);
    let namespace = command::text(&mut get)?;
    if namespace.is_empty() {
        return Ok(());
    }
    let namespace: serde_json::Value = serde_json::from_str(&namespace).unwrap_or_default();
    if namespace["metadata"]["labels"][MARK] != "true" {
        return Err(Error::Needs(format!(
            "use the namespace `{NAMESPACE}`: the cluster has one that is not ours (it lacks the label {MARK}=true)"
        )));
    }
    command::run(&mut cluster.kubectl(["delete", "namespace", NAMESPACE, "--timeout=120s"]))
        .map(drop)
}

fn list(addresses: &BTreeSet<String>) -> String {
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    addresses.join(", ")
}
