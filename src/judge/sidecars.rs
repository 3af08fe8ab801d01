//! Sidecars need a port each, of a range that is fixed at the agent's start.

use super::document::Item;
use super::finding::{Effect, Findings};
use super::{Judged, Merged};

/// The first and the last port where nothing is said.
const RANGE: (i64, i64) = (21_000, 21_255);

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let sidecars: Vec<Item<'_>> = judged
        .documents
        .iter()
        .flat_map(|document| document.items("service", "services"))
        .filter_map(|service| service.object("connect")?.object("sidecar_service"))
        .filter(|sidecar| sidecar.get("port").is_none_or(|port| port == 0))
        .collect();
    let merged = [
        Some((judged.new, Effect::StopsStart)),
        judged.old.map(|old| (old, Effect::Loses)),
    ];
    for (merged, effect) in merged.into_iter().flatten() {
        let ports = ports(merged);
        let Some(sidecar) = sidecars.get(ports) else {
            continue;
        };
        let what = format!("there is no port for it: the range for sidecars has {ports}");
        let fix = "give it a port, or restart the agent with a larger ports.sidecar_max_port";
        findings.add(effect, (sidecar.file, &sidecar.at), what, fix);
    }
}

/// How many ports there are.
fn ports(merged: Merged<'_>) -> usize {
    let port = |key: &str| merged.get(&["ports", key])?.value.as_i64();
    let min = port("sidecar_min_port").unwrap_or(RANGE.0);
    let max = port("sidecar_max_port").unwrap_or(RANGE.1);
    if min <= 0 {
        return 0;
    }
    usize::try_from(max - min + 1).unwrap_or(0)
}
