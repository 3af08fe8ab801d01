//! Check definitions that Consul refuses late, those of services, of their sidecars and of the node.

use serde_json::Value;

use super::Judged;
use super::document::{Item, duration};
use super::finding::{Effect, Findings};

/// Keys that make a check one that runs every so often.
const REPEATED: [&str; 6] = ["http", "tcp", "udp", "grpc", "h2ping", "os_service"];
const DURATIONS: [&str; 4] = [
    "interval",
    "ttl",
    "timeout",
    "deregister_critical_service_after",
];
const STATUSES: [&str; 4] = ["passing", "warning", "critical", "maintenance"];

/// Whether the agent that is to load the checks runs scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scripts {
    On,
    Off,
    /// The candidate switches them on, and the agent that runs was started without.
    AfterARestart,
}

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let on = |merged: &super::Merged<'_>| {
        ["enable_script_checks", "enable_local_script_checks"]
            .iter()
            .any(|key| merged.on(&[key]).is_some())
    };
    let scripts = match (on(&judged.new), judged.old.as_ref().map(on)) {
        (true, Some(false)) => Scripts::AfterARestart,
        (false, Some(true)) | (true, _) => Scripts::On,
        (false, _) => Scripts::Off,
    };
    for document in judged.documents {
        for service in document.items("service", "services") {
            let of_service = service.items("check", "checks");
            let sidecar = service
                .object("connect")
                .and_then(|connect| connect.object("sidecar_service"));
            let of_sidecar = sidecar
                .iter()
                .flat_map(|sidecar| sidecar.items("check", "checks"));
            for check in of_service.into_iter().chain(of_sidecar) {
                judge_one(&check, Effect::Loses, scripts, findings);
            }
        }
        for check in document.items("check", "checks") {
            judge_one(&check, Effect::Incomplete, scripts, findings);
            if check.text("id").or(check.text("name")).is_none() {
                let what = "the check has neither a name nor an id";
                findings.add(
                    Effect::Incomplete,
                    (check.file, &check.at),
                    what,
                    "give it a name",
                );
            }
        }
    }
}

/// `effect` is what a refusal leads to.
fn judge_one(check: &Item<'_>, effect: Effect, scripts: Scripts, findings: &mut Findings) {
    for key in DURATIONS {
        if let Some(text) = check.text(key)
            && duration(&text).is_none()
        {
            let what = format!("{text:?} is no duration");
            findings.add(
                Effect::Refused,
                (check.file, &check.key(key)),
                what,
                "write 10s or 1m30s",
            );
            return;
        }
    }
    let length = |key: &str| {
        check
            .text(key)
            .and_then(|text| duration(&text))
            .unwrap_or(0.0)
    };
    let script = matches!(check.get("args"), Some(Value::Array(args)) if !args.is_empty());
    let repeated = REPEATED
        .iter()
        .find(|key| check.text(key).is_some())
        .copied();
    let repeated = repeated.or(script.then_some("args"));
    let alias = ["alias_service", "alias_node"]
        .into_iter()
        .find(|key| check.text(key).is_some());
    let (interval, ttl) = (length("interval"), length("ttl"));

    let mut refused = |key: &str, what: &str, fix: &str| {
        findings.add(effect, (check.file, &check.key(key)), what, fix);
    };
    match (repeated, alias) {
        _ if interval > 0.0 && ttl > 0.0 => {
            refused(
                "ttl",
                "a check has an interval or a ttl, not both",
                "take one out",
            );
        }
        (Some(key), _) if interval <= 0.0 => {
            refused(
                key,
                "such a check needs an interval",
                "set its interval, as in 10s",
            );
        }
        (Some(key), Some(_)) => {
            refused(
                key,
                "a check that follows a service has no type of its own",
                "take one out",
            );
        }
        (None, Some(_)) if ttl > 0.0 => {
            refused(
                "ttl",
                "a check that follows a service has no ttl",
                "take it out",
            );
        }
        (None, None) if ttl <= 0.0 => {
            let what = "the check has no type";
            let at = if check.get("interval").is_some() {
                "interval"
            } else {
                ""
            };
            let fix = "give it an http, tcp, grpc, args or ttl";
            match at {
                "" => findings.add(effect, (check.file, &check.at), what, fix),
                key => refused(key, what, fix),
            }
        }
        _ => {}
    }
    if check
        .get("output_max_size")
        .and_then(Value::as_i64)
        .is_some_and(|size| size < 0)
    {
        let key = check.key("output_max_size");
        findings.add(
            effect,
            (check.file, &key),
            "it is negative",
            "write a number of bytes",
        );
    }
    if check.text("alias_node").is_some() {
        let what =
            "with Consul 1.22 each reload waits for up to two minutes while such a check runs";
        let fix = "follow a service of this node by alias_service alone";
        findings.add(
            Effect::Odd,
            (check.file, &check.key("alias_node")),
            what,
            fix,
        );
    }
    if check.text("os_service").is_some() {
        let what = "Consul knows this on Windows only";
        let fix = "use an args or http check";
        findings.add(effect, (check.file, &check.key("os_service")), what, fix);
    }
    if script {
        judge_script(check, effect, scripts, findings);
    }
    if let Some(status) = check.text("status")
        && !STATUSES.contains(&status.as_str())
    {
        let what = format!("{status:?} is no status, and is never passing");
        let fix = "write passing, warning or critical";
        findings.add(Effect::Odd, (check.file, &check.key("status")), what, fix);
    }
}

fn judge_script(check: &Item<'_>, effect: Effect, scripts: Scripts, findings: &mut Findings) {
    let key = check.key("args");
    match scripts {
        Scripts::On => {}
        Scripts::Off => {
            let what = "it is a script, and scripts are switched off";
            let fix = "set enable_local_script_checks and restart the agent, or use another type";
            findings.add_missing(effect, (check.file, &key), what, fix);
        }
        Scripts::AfterARestart => {
            let what = "it is a script, and the agent runs without scripts; a reload does not switch them on";
            let fix =
                "restart the agent with enable_local_script_checks first, or use another type";
            findings.add_missing(effect, (check.file, &key), what, fix);
        }
    }
}
