//! Whether a data directory outlives its container.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use nix::net::if_::if_nametoindex;

use crate::os::mounts::Mount;

/// File systems that end with their container, or with the host's boot.
const FLEETING: [&str; 4] = ["overlay", "tmpfs", "ramfs", "aufs"];
/// What Kubernetes calls the volumes that end with their Pod.
const EMPTY_DIR: &str = "kubernetes.io~empty-dir";

/// Why a directory is lost with its container, or its Pod: a sentence's end. `None` where nothing says so.
pub fn is_lost(directory: &Path, mounts: &[Mount]) -> Option<String> {
    let mount = mounts
        .iter()
        .rev()
        .filter(|mount| directory.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())?;
    let point = mount.point.display();
    if mount.root.iter().any(|part| part == OsStr::new(EMPTY_DIR)) {
        return Some(format!(
            "is in an emptyDir, mounted at {point}, which ends with its Pod"
        ));
    }
    let kind = mount.kind.as_str();
    FLEETING.contains(&kind).then(|| match kind {
        "overlay" | "aufs" => "is in the container's own layer, which ends with it".to_owned(),
        _ => format!("is in memory ({kind}, mounted at {point})"),
    })
}

/// What a person is to know of a data directory that is lost while the node is the host's: each container is another node with the
/// host's address. `None` where there is nothing to know.
pub fn warning(directory: &Path, mounts: &[Mount], of_host: Option<&str>) -> Option<String> {
    let why = is_lost(directory, mounts)?;
    let sign = of_host?;
    Some(format!(
        "the data directory {} {why}, and this is the host's own network ({sign}): with each new container the host gets a new node id, and \
         its old node is in the way for minutes; mount a directory of the host there (hostPath, or -v), or start with --node-id=machine",
        directory.display()
    ))
}

/// Why the network is taken for the host's own: a sign, not a proof. What a container has of its own is one end of a pair of interfaces;
/// a host has devices, and bridges with the other ends. `has` says whether an interface has that.
pub fn host_network(
    interfaces: &[String],
    has: impl Fn(&str, &str) -> bool,
) -> Option<&'static str> {
    let any = |what| interfaces.iter().any(|name| has(name, what));
    let signs = [
        ("device", "an interface of it is a device"),
        ("bridge", "it has a bridge"),
    ];
    signs
        .into_iter()
        .find(|(what, _)| any(what))
        .map(|(_, sign)| sign)
}

/// The same of the network that this process is in.
pub fn is_host_network() -> Option<&'static str> {
    let root = Path::new("/sys/class/net");
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    // `/sys` may be that of another network than this process's.
    let is_here = |name: &String| {
        let told = fs::read_to_string(root.join(name).join("ifindex")).ok();
        let told = told.and_then(|text| text.trim().parse::<u32>().ok());
        told.is_some() && if_nametoindex(name.as_str()).ok() == told
    };
    let interfaces: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(is_here)
        .collect();
    host_network(&interfaces, |name, what| {
        root.join(name).join(what).exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(point: &str, root: &str, kind: &str) -> Mount {
        Mount {
            point: point.into(),
            root: root.into(),
            kind: kind.to_owned(),
        }
    }

    #[test]
    fn what_ends_with_a_container_is_named() {
        let pod = "/pods/7/volumes/kubernetes.io~empty-dir/data";
        let mounts = [
            mount("/", "/", "overlay"),
            mount("/empty", pod, "ext4"),
            mount("/memory", "/", "tmpfs"),
            mount("/host", "/opt/consul", "ext4"),
            mount("/host/below", "/", "tmpfs"),
        ];
        let lost = |path: &str| is_lost(Path::new(path), &mounts);
        assert!(lost("/consul/data").is_some_and(|why| why.contains("own layer")));
        assert!(lost("/empty/data").is_some_and(|why| why.contains("emptyDir")));
        assert!(lost("/memory").is_some_and(|why| why.contains("memory")));
        assert_eq!(lost("/host/data"), None);
        assert!(lost("/host/below/data").is_some());
        let warned = |path: &str, sign| warning(Path::new(path), &mounts, sign);
        assert_eq!(warned("/consul/data", None), None);
        assert_eq!(warned("/host/data", Some("x")), None);
        let text = warned("/consul/data", Some("it has a bridge")).expect("a warning");
        assert!(text.contains("hostPath") && text.contains("--node-id=machine"));
    }

    #[test]
    fn a_hosts_network_has_what_a_containers_has_not() {
        let sign = |with: &[(&str, &str)]| {
            let names = ["lo", "eth0", "br0"].map(str::to_owned);
            host_network(&names, |name, what| with.contains(&(name, what)))
        };
        assert_eq!(sign(&[]), None);
        assert!(sign(&[("eth0", "device")]).is_some_and(|it| it.contains("device")));
        assert!(sign(&[("br0", "bridge")]).is_some_and(|it| it.contains("bridge")));
    }
}
