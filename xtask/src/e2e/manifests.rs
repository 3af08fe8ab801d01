//! deploy/kubernetes as it is, with the images of this run in it: an overlay for `kubectl apply -k`.

use super::cluster::{Cluster, FIRST_SERVER};
use super::pods::{self, NAMESPACE, Pods};
use super::steps::until;
use super::{Error, cache, command, image, rootfs};
use crate::dist;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LICTOR_IMAGE: &str = "lictor-e2e.test/lictor";
const CONSUL_IMAGE: &str = "lictor-e2e.test/consul";
const TAG: &str = "e2e";
/// Marks a namespace as made by a run of ours, which a later one may delete.
pub(super) const MARK: &str = "lictor.test/e2e";

/// Makes the two images of the manifests, and makes them known to every node.
pub(super) fn images(cluster: &Cluster, binary: &Path, consul: &Path) -> Result<(), Error> {
    let dir = cache("k8s/images")?;
    let root = dir.join("root");
    let name = |image: &str| format!("{image}:{TAG}");
    rootfs::lictor(&root, binary)?;
    let lictor = image::archive(&name(LICTOR_IMAGE), &root, &["/lictor"], &dir, "lictor")?;
    rootfs::consul(&root, consul)?;
    let consul = image::archive(&name(CONSUL_IMAGE), &root, &[], &dir, "consul")?;
    for archive in [lictor, consul] {
        cluster.load(&archive)?;
        fs::remove_file(&archive).map_err(Error::file(&archive))?;
    }
    fs::remove_dir_all(&root).map_err(Error::file(&root))
}

/// Writes the overlay and returns its directory: other images, the namespace's mark, and where the server is not at the
/// manifests' first address, its address. Nothing else.
pub(super) fn overlay(cluster: &Cluster) -> Result<PathBuf, Error> {
    let dir = cache("k8s/overlay")?;
    let file = dir.join("kustomization.yaml");
    let mut text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../../../deploy/kubernetes]
images:
- {{name: lictor, newName: {LICTOR_IMAGE}, newTag: {TAG}}}
- {{name: hashicorp/consul, newName: {CONSUL_IMAGE}, newTag: {TAG}}}
patches:
- patch: '{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}, labels: {{{MARK}: \"true\"}}}}}}'
"
    );
    if cluster.server_address != FIRST_SERVER {
        let manifests = dist::root().join("deploy/kubernetes");
        let shown = command::text(cluster.kubectl(["kustomize"]).arg(manifests))?;
        text.push_str(&other_server(&shown, &cluster.server_address));
    }
    fs::write(&file, text).map_err(Error::file(&file))?;
    Ok(dir)
}

/// Adds a service's definition to the ConfigMap and waits until every Pod sees it: a directory mount follows within a
/// minute or two, as the kubelet likes.
pub(super) fn define(cluster: &Cluster, pods: &Pods, service: &str) -> Result<(), Error> {
    let definition = json!({"service": {"name": service, "port": 80}}).to_string();
    let file = format!("{service}.json");
    let patch = json!({"data": {&file: definition}}).to_string();
    command::run(
        cluster
            .kubectl(["patch", "-n", NAMESPACE, "configmap/consul-client"])
            .args(["--type=merge", "-p", &patch]),
    )?;
    for pod in pods.names() {
        let file = format!("/consul/config/{file}");
        let what = format!("{file} in {pod}");
        until(&what, Duration::from_secs(180), || {
            pods::exec(cluster, &pod, &["test", "-e", &file]).map_err(|error| error.to_string())
        })?;
    }
    Ok(())
}

/// A patch of the ConfigMap, for a cluster whose network is not the manifests' own.
fn other_server(shown: &str, address: &str) -> String {
    let data: String = shown
        .lines()
        .skip_while(|line| !line.starts_with("  consul.json: |"))
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.replace(&format!("\"{FIRST_SERVER}\""), &format!("\"{address}\"")))
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "- patch: |-
    apiVersion: v1
    kind: ConfigMap
    metadata: {{name: consul-client, namespace: {NAMESPACE}}}
    data:
{data}"
    )
}

#[cfg(test)]
mod tests {
    use super::other_server;

    #[test]
    fn only_the_first_server_is_another() {
        let shown = "apiVersion: v1\ndata:\n  consul.json: |\n    {\n      \"retry_join\": [\"10.111.67.1\",\"10.111.67.2\"]\n    }\n\
                     kind: ConfigMap\nmetadata:\n  name: consul-client\n";
        let patch = other_server(shown, "192.0.2.7");
        assert!(patch.ends_with(
            "    data:\n      consul.json: |\n        {\n          \"retry_join\": [\"192.0.2.7\",\"10.111.67.2\"]\n        }\n"
        ), "{patch}");
    }
}
