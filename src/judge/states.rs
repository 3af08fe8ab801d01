//! The checks that files define without a state to start with, and the same files with one. Pure.
//!
//! An agent starts a check as critical, unless its definition says otherwise by a `status`. That is put into the text and
//! disturbs nothing of the rest. A file that is not wholly understood stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::document::{Document, Item};
use super::{Format, hcl};
use crate::core::checks::{Health, States};

/// The member by which an object has its place in the text: where its first brace ends. Nobody has a key of this name.
const PLACE: &str = "\0place";
/// How deep values may be nested, as in HCL: Consul's configuration has ten levels.
const DEPTH: usize = 64;

/// A definition of a check that has no status of its own.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    /// The id that the agent knows the check by.
    id: String,
    /// Where in the text a member can be put.
    place: usize,
}

/// A file that was read.
struct Read<'a> {
    text: &'a str,
    /// As HCL is written, rather than JSON.
    hcl: bool,
    members: Map<String, Value>,
}

/// The ids of the checks that this file defines and whose states at a start it leaves open.
pub fn left_open(bytes: &[u8], format: Format) -> Vec<String> {
    let open = read(bytes, format).map(|read| read.open());
    let open = open.unwrap_or_default().into_iter();
    open.map(|open| open.id).collect()
}

/// The file with these states for the checks whose states it leaves open, and the states that it has now; `None` where it has none
/// of them. Critical is what they start as anyway.
pub fn with_states(bytes: &[u8], format: Format, states: &States) -> Option<(Vec<u8>, States)> {
    let read = read(bytes, format)?;
    let mut given = States::new();
    let mut at: BTreeMap<usize, Health> = BTreeMap::new();
    for open in read.open() {
        match states.get(&open.id) {
            None | Some(Health::Critical) => {}
            Some(health) => {
                at.insert(open.place, *health);
                given.insert(open.id, *health);
            }
        }
    }
    if given.is_empty() {
        return None;
    }
    let mut text = read.text.to_owned();
    for (place, health) in at.iter().rev() {
        let name = health.name();
        // All in one line, so that what an agent says of a line is true of the user's file.
        let member = match read.hcl {
            true => format!(" status = {name:?} "),
            false => format!("\"status\":{name:?},"),
        };
        text.insert_str(*place, &member);
    }
    // An agent that could not read it would not start.
    let now = self::read(text.as_bytes(), format)?;
    let as_meant = now.open().len() + at.len() == read.open().len();
    as_meant.then(|| (text.into_bytes(), given))
}

fn read(bytes: &[u8], format: Format) -> Option<Read<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let hcl = format == Format::Hcl && !text.trim_start().starts_with('{');
    let members = match hcl {
        true => hcl::parse_placed(text, PLACE).ok()?,
        false => {
            let whole: &RawValue = serde_json::from_str(text).ok()?;
            match placed(whole, text, DEPTH)? {
                Value::Object(members) => members,
                _ => return None,
            }
        }
    };
    Some(Read { text, hcl, members })
}

/// A value of JSON, its objects with their places in `text`, of which it is a part.
fn placed(value: &RawValue, text: &str, depth: usize) -> Option<Value> {
    let part = value.get();
    let depth = depth.checked_sub(1)?;
    Some(match part.as_bytes().first()? {
        b'{' => {
            // Of two members of one name an agent takes the last, too.
            let all: BTreeMap<String, &RawValue> = serde_json::from_str(part).ok()?;
            let mut members = Map::new();
            for (key, value) in all {
                members.insert(key, placed(value, text, depth)?);
            }
            let place = part.as_ptr().addr().checked_sub(text.as_ptr().addr())? + 1;
            members.insert(PLACE.to_owned(), place.into());
            Value::Object(members)
        }
        b'[' => {
            let all: Vec<&RawValue> = serde_json::from_str(part).ok()?;
            let all: Option<Vec<Value>> = all
                .into_iter()
                .map(|one| placed(one, text, depth))
                .collect();
            Value::Array(all?)
        }
        _ => serde_json::from_str(part).ok()?,
    })
}

impl Read<'_> {
    /// The definitions without a status, in the order of the agent.
    fn open(&self) -> Vec<Open> {
        let document = Document {
            path: Path::new(""),
            members: self.members.clone(),
        };
        let mut open = Vec::new();
        for service in document.items("service", "services") {
            let Some(id) = service.text("id").or(service.text("name")) else {
                continue;
            };
            of_service(&service, &id, &mut open);
            let connect = service.object("connect");
            if let Some(sidecar) = connect.and_then(|connect| connect.object("sidecar_service")) {
                of_service(&sidecar, &format!("{id}-sidecar-proxy"), &mut open);
            }
        }
        for check in document.items("check", "checks") {
            // The agent keeps the states of these itself; but not where they belong to their service.
            let keeps = check.text("ttl").is_some();
            if let Some(id) = check.text("id").or(check.text("name"))
                && !keeps
            {
                add(&check, id, &mut open);
            }
        }
        open
    }
}

/// The checks of a service, which are called by it and a number, unless there is one alone. `check` comes after `checks`.
fn of_service(service: &Item<'_>, id: &str, open: &mut Vec<Open>) {
    if is_elsewhere(service) {
        return;
    }
    let checks = service.items("checks", "check");
    for (check, number) in checks.iter().zip(1..) {
        let by_service = || match checks.len() {
            1 => format!("service:{id}"),
            _ => format!("service:{id}:{number}"),
        };
        add(check, check.text("id").unwrap_or_else(by_service), open);
    }
}

fn add(check: &Item<'_>, id: String, open: &mut Vec<Open>) {
    let place = check.members.get(PLACE).and_then(Value::as_u64);
    // A place alone is no member to be followed by others.
    let any = check.members.len() > 1;
    if check.get("status").is_none()
        && !is_elsewhere(check)
        && any
        && let Some(place) = place.and_then(|place| usize::try_from(place).ok())
    {
        open.push(Open { id, place });
    }
}

/// An agent tells of the states in one namespace by ids alone, so those of another could be taken for one another.
fn is_elsewhere(item: &Item<'_>) -> bool {
    let namespace = item.text("namespace").or(item.text("ns"));
    namespace.is_some_and(|namespace| namespace != "default")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(text: &str, format: Format) -> Vec<String> {
        left_open(text.as_bytes(), format)
    }

    fn json_ids(value: &Value) -> Vec<String> {
        ids(&value.to_string(), Format::Json)
    }

    /// The text with all that it leaves open as warning.
    fn warning(text: &str, format: Format) -> String {
        let states = ids(text, format)
            .into_iter()
            .map(|id| (id, Health::Warning));
        let (bytes, _) = with_states(text.as_bytes(), format, &states.collect()).expect("states");
        String::from_utf8(bytes).expect("text")
    }

    /// As agents of 1.8.7 and 1.22.5 have called them.
    #[test]
    fn checks_are_called_as_the_agent_calls_them() {
        let tcp = |more: Value| {
            let mut check = json!({ "tcp": "127.0.0.1:1", "interval": "9s" });
            let more = more.as_object().expect("an object").clone();
            check.as_object_mut().expect("an object").extend(more);
            check
        };
        let plain = tcp(json!({}));
        for (value, wanted) in [
            (
                json!({ "service": { "name": "a", "check": plain } }),
                vec!["service:a"],
            ),
            (
                json!({ "service": { "name": "a", "checks": [plain] } }),
                vec!["service:a"],
            ),
            (
                json!({ "Services": [{ "ID": "a-1", "Name": "a", "Check": plain }] }),
                vec!["service:a-1"],
            ),
            (
                json!({ "service": {
                    "name": "a", "check": plain,
                    "checks": [tcp(json!({ "status": "passing" })), tcp(json!({ "id": "own" }))],
                } }),
                vec!["own", "service:a:3"],
            ),
            (
                json!({ "service": { "name": "a", "connect": { "sidecar_service": { "checks": [plain, plain] } } } }),
                vec!["service:a-sidecar-proxy:1", "service:a-sidecar-proxy:2"],
            ),
            (
                json!({ "service": { "name": "a", "check": { "ttl": "9s" } } }),
                vec!["service:a"],
            ),
            // The agent keeps its state itself.
            (json!({ "check": { "name": "a", "ttl": "9s" } }), vec![]),
            (
                json!({ "check": tcp(json!({ "name": "a" })), "checks": [tcp(json!({ "name": "n", "ID": "b" }))] }),
                vec!["a", "b"],
            ),
            (
                json!({ "check": tcp(json!({ "name": "a", "STATUS": "critical" })) }),
                vec![],
            ),
            (
                json!({ "check": tcp(json!({ "name": "a", "namespace": "team" })) }),
                vec![],
            ),
            (
                json!({ "service": { "name": "a", "namespace": "team", "check": plain } }),
                vec![],
            ),
            (json!({ "service": { "name": "a", "check": {} } }), vec![]),
            (json!([]), vec![]),
        ] {
            assert_eq!(json_ids(&value), wanted, "{value}");
        }
        let hcl = r#"
            service { name = "a" check { tcp = "x" interval = "9s" } }
            services { name = "b" checks { tcp = "x" interval = "9s" } checks { id = "own" tcp = "y" interval = "9s" } }
            check "label" { tcp = "x" }
            check { id = "c" name = "n" args = ["/bin/true"], interval = "9s" }
            checks = [{ name = "d", tcp = "x", interval = "9s" }, { name = "e", ttl = "9s" }]
        "#;
        assert_eq!(
            ids(hcl, Format::Hcl),
            ["service:a", "service:b:1", "own", "c", "d"]
        );
    }

    #[test]
    fn a_state_is_put_in_and_nothing_else_changes() {
        for (format, text, wanted) in [
            (
                Format::Json,
                "{\"big\": 123456789012345678901234567890, \"x\": 1.0,\n \"check\": { \"id\":\"\\u00e9\",\n \"tcp\": \"é\"} }",
                "{\"big\": 123456789012345678901234567890, \"x\": 1.0,\n \"check\": {\"status\":\"warning\", \"id\":\"\\u00e9\",\n \"tcp\": \"é\"} }",
            ),
            // The last of several counts.
            (
                Format::Json,
                r#"{"check":{"id":"a"},"check":{"id":"b"}}"#,
                r#"{"check":{"id":"a"},"check":{"status":"warning","id":"b"}}"#,
            ),
            (
                Format::Hcl,
                r#" {"check":{"id":"a"}}"#,
                r#" {"check":{"status":"warning","id":"a"}}"#,
            ),
            (
                Format::Hcl,
                "# é {\ncheck { # {\n id = \"a\" }\nservice { name = \"s\" checks = [{tcp = \"{\"}, { ttl = \"1s\" }] }",
                "# é {\ncheck { status = \"warning\"  # {\n id = \"a\" }\nservice { name = \"s\" checks = [{ status = \"warning\" tcp = \"{\"}, { status = \"warning\"  ttl = \"1s\" }] }",
            ),
        ] {
            assert_eq!(warning(text, format), wanted);
            // And then there is nothing more to do.
            assert!(ids(wanted, format).is_empty(), "{wanted}");
        }
    }

    #[test]
    fn only_what_is_known_and_not_critical_is_put_in() {
        let text = r#"{"checks":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}"#;
        let states = [
            ("a", Health::Critical),
            ("b", Health::Passing),
            ("c", Health::Warning),
        ];
        let states: States = states.map(|(id, health)| (id.to_owned(), health)).into();
        let (bytes, given) = with_states(text.as_bytes(), Format::Json, &states).expect("states");
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            r#"{"checks":[{"name":"a"},{"status":"passing","name":"b"},{"status":"warning","name":"c"},{"name":"d"}]}"#
        );
        assert_eq!(given.keys().collect::<Vec<_>>(), ["b", "c"]);
        let others: States = [("e".to_owned(), Health::Passing)].into();
        assert_eq!(with_states(text.as_bytes(), Format::Json, &others), None);
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_is() {
        for (text, format) in [
            (&b"{\"check\":{\"name\":\"a\"}"[..], Format::Json),
            (b"{\"check\":{\"name\":\"a\xff\"}}", Format::Json),
            (b"", Format::Json),
            (b"check { name = \"a\"", Format::Hcl),
        ] {
            assert!(left_open(text, format).is_empty());
            let states = [("a".to_owned(), Health::Passing)].into();
            assert_eq!(with_states(text, format, &states), None);
        }
        let deep = format!(
            "{{\"check\":{{\"name\":\"a\"}},\"x\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert!(left_open(deep.as_bytes(), Format::Json).is_empty());
    }
}
