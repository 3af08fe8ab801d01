//! The DaemonSet and its Pods, as `kubectl get -o json` shows them.

use super::Error;
use super::cluster::Cluster;
use super::command;
use super::steps::until;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The manifests' namespace.
pub(super) const NAMESPACE: &str = "consul";
/// The manifests' DaemonSet.
pub(super) const DAEMON_SET: &str = "daemonset/consul-client";
/// What selects its Pods.
pub(super) const SELECTOR: &str = "app=consul,component=client";

/// The Pods of the DaemonSet.
pub(super) struct Pods(Vec<Value>);

impl Pods {
    /// Asks the cluster.
    pub(super) fn list(cluster: &Cluster) -> Result<Self, Error> {
        let mut list = command::json(
            &mut cluster.kubectl(["get", "pods", "-n", NAMESPACE, "-l", SELECTOR, "-o", "json"]),
        )?;
        Ok(match list["items"].take() {
            Value::Array(pods) => Self(pods),
            _ => Self(Vec::new()),
        })
    }

    /// Waits until there is a Ready Pod on each node that shall have one, none of them one of `old`.
    pub(super) fn await_ready(
        cluster: &Cluster,
        count: usize,
        old: &BTreeSet<String>,
        limit: Duration,
    ) -> Result<Self, Error> {
        until(&format!("{count} new Pods Ready"), limit, || {
            let pods = Self::list(cluster).map_err(|error| error.to_string())?;
            let ready = pods.0.iter().all(is_ready)
                && pods.0.len() == count
                && pods.uids().is_disjoint(old);
            if ready { Ok(pods) } else { Err(pods.brief()) }
        })
        .inspect_err(|error| explain(cluster, error))
    }

    /// Waits until there is no Pod at all.
    pub(super) fn await_none(cluster: &Cluster, limit: Duration) -> Result<(), Error> {
        until("the Pods' end", limit, || {
            let pods = Self::list(cluster).map_err(|error| error.to_string())?;
            if pods.0.is_empty() {
                Ok(())
            } else {
                Err(pods.brief())
            }
        })
    }

    /// What tells one Pod from its replacement.
    pub(super) fn uids(&self) -> BTreeSet<String> {
        self.strings(&["metadata", "uid"])
    }

    /// The Pods' names.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.strings(&["metadata", "name"])
    }

    /// The addresses of the nodes they are on, which with hostNetwork are their own.
    pub(super) fn addresses(&self) -> BTreeSet<String> {
        self.strings(&["status", "hostIP"])
    }

    /// The address of one of them.
    pub(super) fn address_of(&self, name: &str) -> Option<String> {
        let pod = self.0.iter().find(|pod| pod["metadata"]["name"] == name)?;
        pod["status"]["hostIP"].as_str().map(str::to_owned)
    }

    /// How often their containers have been restarted.
    pub(super) fn restarts(&self) -> u64 {
        self.containers()
            .filter_map(|container| container["restartCount"].as_u64())
            .sum()
    }

    /// The messages their containers have left at their end, with the exit codes.
    pub(super) fn endings(&self) -> Vec<(i64, String)> {
        self.containers()
            .flat_map(|container| {
                [
                    &container["state"]["terminated"],
                    &container["lastState"]["terminated"],
                ]
            })
            .filter_map(|ended| {
                let message = ended["message"].as_str().unwrap_or_default();
                Some((ended["exitCode"].as_i64()?, message.trim_end().to_owned()))
            })
            .collect()
    }

    /// One line for a failure's message.
    pub(super) fn brief(&self) -> String {
        let states = self.0.iter().map(|pod| {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let phase = pod["status"]["phase"].as_str().unwrap_or_default();
            let ready = if is_ready(pod) { "Ready" } else { "not Ready" };
            let ending = if pod["metadata"]["deletionTimestamp"].is_null() {
                ""
            } else {
                ", ending"
            };
            format!("{name} {phase}, {ready}{ending}")
        });
        let states: Vec<String> = states.collect();
        if states.is_empty() {
            "no Pod".into()
        } else {
            states.join("; ")
        }
    }

    fn strings(&self, path: &[&str]) -> BTreeSet<String> {
        self.0
            .iter()
            .filter_map(|pod| {
                path.iter()
                    .try_fold(pod, |value, key| value.get(key))?
                    .as_str()
            })
            .map(str::to_owned)
            .collect()
    }

    fn containers(&self) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .flat_map(|pod| {
                ["initContainerStatuses", "containerStatuses"].map(|kind| &pod["status"][kind])
            })
            .filter_map(Value::as_array)
            .flatten()
    }
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The events that say that something had to be done twice: a hook, a probe that killed, a container that ended.
pub(super) fn complaints(cluster: &Cluster) -> Result<Vec<String>, Error> {
    let events =
        command::json(&mut cluster.kubectl(["get", "events", "-n", NAMESPACE, "-o", "json"]))?;
    let of_note = |event: &&Value| {
        let message = event["message"].as_str().unwrap_or_default();
        match event["reason"].as_str() {
            Some("FailedPostStartHook" | "FailedPreStopHook" | "BackOff" | "Failed") => true,
            Some("Unhealthy") => message.starts_with("Liveness"),
            _ => false,
        }
    };
    Ok(events["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(of_note)
        .map(|event| format!("{}: {}", event["reason"], event["message"]))
        .collect())
}

/// Runs a program in a Pod's Consul container.
pub(super) fn exec(cluster: &Cluster, pod: &str, program: &[&str]) -> Result<String, Error> {
    let mut kubectl = cluster.kubectl(["exec", "-n", NAMESPACE, pod, "-c", "consul-client", "--"]);
    command::text(kubectl.args(program))
}

/// Prints the Pods unless it is somebody's Ctrl-C that ended the wait.
pub(super) fn explain(cluster: &Cluster, error: &Error) {
    if !matches!(error, Error::Interrupted) {
        print_pods(cluster);
    }
}

/// For a failure: what somebody would look at first.
pub(super) fn print_pods(cluster: &Cluster) {
    let describe = cluster.kubectl(["describe", "pods", "-n", NAMESPACE, "-l", SELECTOR]);
    let logs = cluster.kubectl([
        "logs",
        "-n",
        NAMESPACE,
        "-l",
        SELECTOR,
        "--all-containers",
        "--prefix",
        "--tail=30",
    ]);
    for mut look in [describe, logs] {
        match command::attempt(&mut look) {
            Ok(output) => println!("{}", command::written(&output)),
            Err(error) => println!("failed to {error}"),
        }
    }
}
