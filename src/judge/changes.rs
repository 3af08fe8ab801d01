//! What a reload does not apply, by comparison with what the agent was started with.

use serde_json::Value;

use super::Judged;
use super::finding::{Effect, Findings};

/// What a reload applies, each with all below it, since the version (none: since before 1.8).
///
/// By Consul's own source of 1.22.5; for older ones by its change log.
const RELOADED: &[(&str, Option<(u32, u32)>)] = &[
    ("service", None),
    ("services", None),
    ("check", None),
    ("checks", None),
    ("watches", None),
    ("node_meta", None),
    ("log_level", None),
    ("dns_config", None),
    ("recursors", None),
    ("discard_check_output", None),
    ("config_entries", None),
    ("acl.tokens", None),
    ("acl_token", None),
    ("acl_agent_token", None),
    ("acl_agent_master_token", None),
    ("acl_master_token", None),
    ("acl_replication_token", None),
    ("tls", None),
    ("ca_file", None),
    ("ca_path", None),
    ("cert_file", None),
    ("key_file", None),
    ("verify_incoming", None),
    ("verify_incoming_rpc", None),
    ("verify_incoming_https", None),
    ("verify_outgoing", None),
    ("verify_server_hostname", None),
    ("tls_min_version", None),
    ("tls_cipher_suites", None),
    ("tls_prefer_server_cipher_suites", None),
    ("limits.http_max_conns_per_client", None),
    ("limits.rpc_rate", None),
    ("limits.rpc_max_burst", None),
    ("limits.rpc_max_conns_per_client", None),
    ("limits.rpc_client_timeout", Some((1, 13))),
    ("limits.request_limits", Some((1, 15))),
    ("telemetry.prefix_filter", None),
    ("cache", Some((1, 9))),
    ("raft_snapshot_threshold", Some((1, 10))),
    ("raft_snapshot_interval", Some((1, 10))),
    ("raft_trailing_logs", Some((1, 10))),
    ("xds.update_max_per_second", Some((1, 13))),
    ("enable_debug", Some((1, 15))),
    ("reporting", Some((1, 15))),
    // Not the agent's.
    ("snapshot_agent", None),
];

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let (Some(running), Some(old)) = (judged.candidate.running, judged.old) else {
        return;
    };
    let (new, old) = (judged.new.leaves(), old.leaves());
    let is_applied = |path: &str| {
        let path = path.to_ascii_lowercase();
        RELOADED.iter().any(|(known, since)| {
            let below = path
                .strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            // Of a version that is not known, the best is assumed: a false alarm at every reload helps nobody.
            below
                && since.is_none_or(|since| running.version.is_none_or(|version| version >= since))
        })
    };
    let value = |leaves: &[(String, Value, _)], path: &str| {
        let found = leaves
            .iter()
            .find(|(other, ..)| other.eq_ignore_ascii_case(path));
        found.map(|(_, value, _)| value.clone())
    };
    let fix = "restart the agent";
    for (path, now, file) in new.iter().filter(|(path, ..)| !is_applied(path)) {
        match value(&old, path) {
            Some(before) if before == *now => {}
            Some(_) => {
                let what = "it has changed, and a reload does not apply that";
                findings.add(Effect::NeedsRestart, (file, path), what, fix);
            }
            None => {
                let what = "it is new, and a reload does not apply it";
                findings.add(Effect::NeedsRestart, (file, path), what, fix);
            }
        }
    }
    // It may be in a file that cannot be read.
    if findings.partial {
        return;
    }
    for (path, _, file) in old.iter().filter(|(path, ..)| !is_applied(path)) {
        if value(&new, path).is_none() {
            let what = "it is gone, and the agent keeps it until it is restarted";
            findings.add(Effect::NeedsRestart, (file, path), what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    fn file(text: &str) -> File {
        File {
            path: "a.json".into(),
            bytes: text.into(),
            format: Format::Json,
        }
    }

    fn changes(old: &str, new: &str, version: Option<(u32, u32)>) -> Vec<String> {
        let (old, new) = ([file(old)], [file(new)]);
        let candidate = Candidate {
            files: &new,
            flags: &Map::new(),
            running: Some(Running {
                files: &old,
                version,
            }),
            registered: None,
            host: None,
        };
        judge(&candidate)
            .into_iter()
            .map(|finding| finding.key)
            .collect()
    }

    #[test]
    fn only_what_a_reload_leaves_out_is_told() {
        let old = r#"{"node_name": "a", "retry_join": ["x"], "node_meta": {"a": "b"}, "acl": {"enabled": true}}"#;
        let new = r#"{"node_name": "b", "retry_join": ["x", "y"], "node_meta": {"a": "c"}, "acl": {"tokens": {"agent": "t"}}}"#;
        let found = changes(old, new, None);
        assert_eq!(found, ["node_name", "retry_join", "acl.enabled"]);
        assert_eq!(changes(old, old, None), [""; 0]);
    }

    #[test]
    fn versions_differ() {
        let new = r#"{"raft_trailing_logs": 20000}"#;
        assert_eq!(changes("{}", new, Some((1, 8))), ["raft_trailing_logs"]);
        assert_eq!(changes("{}", new, Some((1, 22))), [""; 0]);
        assert_eq!(changes("{}", new, None), [""; 0]);
    }
}
