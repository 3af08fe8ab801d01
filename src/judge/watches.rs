//! Watches that Consul refuses late: services stay, and what a reload does after them is left out; a start fails.

use serde_json::Value;

use super::Judged;
use super::document::{duration, find};
use super::finding::{Effect, Findings};

/// What each type must have, and may have besides what all have.
const TYPES: [(&str, &[&str], &[&str]); 8] = [
    ("key", &["key"], &[]),
    ("keyprefix", &["prefix"], &[]),
    ("services", &[], &["filter"]),
    ("nodes", &[], &["filter"]),
    ("service", &["service"], &["tag", "passingonly", "filter"]),
    ("checks", &[], &["service", "state", "filter"]),
    ("event", &[], &["name"]),
    ("agent_service", &["service_id"], &[]),
];
const COMMON: [&str; 8] = [
    "type",
    "datacenter",
    "token",
    "handler",
    "args",
    "handler_type",
    "http_handler_config",
    "stale",
];

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let watches = judged.new.list("watches");
    for (at, setting) in &watches {
        let Value::Object(watch) = setting.value else {
            continue;
        };
        let mut refused = |key: &str, what: String, fix: &str| {
            let key = super::document::join(at, key);
            findings.add(Effect::Incomplete, (setting.file, &key), what, fix);
        };
        let text = |key: &str| watch.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        let Some((_, needed, allowed)) = TYPES.iter().find(|(name, ..)| *name == kind) else {
            let what = match kind {
                "" => "the watch has no type".to_owned(),
                kind => format!("an agent's configuration knows no watch of the type {kind:?}"),
            };
            refused(
                "type",
                what,
                "write key, keyprefix, services, nodes, service, checks or event",
            );
            continue;
        };
        for key in *needed {
            if text(key).is_empty() {
                refused(
                    key,
                    format!("a watch of the type {kind} needs a {key}, as text"),
                    "name it",
                );
            }
        }
        if kind == "checks" && !text("service").is_empty() && !text("state").is_empty() {
            refused(
                "state",
                "a watch of checks has a service or a state".to_owned(),
                "take one out",
            );
        }
        for key in watch.keys() {
            let key = key.as_str();
            if !COMMON.contains(&key) && !needed.contains(&key) && !allowed.contains(&key) {
                refused(
                    key,
                    format!("a watch of the type {kind} knows no such key"),
                    "take it out",
                );
            }
        }
        handler(watch, &mut refused);
    }
    if let Some((at, setting)) = watches.first()
        && without_api(judged)
    {
        let what = "watches need the agent's HTTP or HTTPS API, and both are switched off";
        findings.add(
            Effect::Incomplete,
            (setting.file, at),
            what,
            "set ports.http",
        );
    }
}

fn handler(watch: &serde_json::Map<String, Value>, refused: &mut impl FnMut(&str, String, &str)) {
    let kind = watch.get("handler_type").and_then(Value::as_str);
    let is_set = |key: &str| watch.get(key).is_some();
    match kind {
        None | Some("script") => {}
        Some("http") if !is_set("http_handler_config") => {
            let what = "a handler of the type http needs its http_handler_config".to_owned();
            refused("http_handler_config", what, "set its path, a URL");
            return;
        }
        Some("http") => {}
        Some(other) => {
            let what = format!("there is no handler of the type {other:?}");
            refused("handler_type", what, "write script or http");
            return;
        }
    }
    let handlers = [is_set("handler"), is_set("args"), kind == Some("http")];
    match handlers.iter().filter(|is| **is).count() {
        0 => refused(
            "args",
            "the watch has no handler".to_owned(),
            "set args, a command and its arguments",
        ),
        1 => {}
        _ => refused(
            "args",
            "the watch has several handlers".to_owned(),
            "keep one of args, handler and http",
        ),
    }
    if is_set("handler") && !watch.get("handler").is_some_and(Value::is_string) {
        refused("handler", "it is no text".to_owned(), "write a command");
    }
    let texts = |args: &Value| match args {
        Value::String(_) => true,
        Value::Array(list) => list.iter().all(Value::is_string),
        _ => false,
    };
    if watch.get("args").is_some_and(|args| !texts(args)) {
        refused(
            "args",
            "it is no list of texts".to_owned(),
            "put quotes around each",
        );
    }
    if let (Some("http"), Some(Value::Object(config))) = (kind, watch.get("http_handler_config")) {
        let get = |key: &str| find(config, key).and_then(|(_, value)| value.as_str());
        if get("path").is_none_or(str::is_empty) {
            refused(
                "http_handler_config.path",
                "it is missing".to_owned(),
                "write a URL",
            );
        }
        if let Some(text) = get("timeout").filter(|text| !text.is_empty())
            && duration(text).is_none()
        {
            let what = format!("{text:?} is no duration");
            refused("http_handler_config.timeout", what, "write 10s");
        }
    }
}

fn without_api(judged: &Judged<'_>) -> bool {
    let port = |key: &str| {
        let setting = judged.new.get(&["ports", key])?;
        setting.value.as_i64()
    };
    port("http").is_some_and(|port| port <= 0) && port("https").is_none_or(|port| port <= 0)
}
