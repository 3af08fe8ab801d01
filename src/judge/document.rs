//! A file's content as values, with the paths of its keys.

use std::path::Path;

use serde_json::{Map, Value};

use super::finding::{Effect, Findings};
use super::{File, Format, hcl};

/// A file that could be read.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) path: &'a Path,
    pub(super) members: Map<String, Value>,
}

/// An object within a file, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) file: &'a Path,
    /// `services[2]`.
    pub(super) at: String,
    pub(super) members: &'a Map<String, Value>,
}

/// Reads every file that can be; of the others it says so.
pub(super) fn read<'a>(files: &'a [File], findings: &mut Findings) -> Vec<Document<'a>> {
    files
        .iter()
        .filter_map(|file| {
            let members = parse(file, findings)?;
            let path = &file.path;
            Some(Document { path, members })
        })
        .collect()
}

fn parse(file: &File, findings: &mut Findings) -> Option<Map<String, Value>> {
    // Consul takes an empty file, and bytes that are no UTF-8.
    if file.bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&file.bytes);
    if file.format == Format::Hcl && !text.trim_start().starts_with('{') {
        return match hcl::parse(&text) {
            Ok(members) => Some(members),
            Err(error) => {
                unjudged(file, &error.to_string(), findings);
                None
            }
        };
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) => {
            let what = "it is not an object";
            findings.add(
                Effect::Refused,
                (&file.path, ""),
                what,
                "put braces around its keys",
            );
            None
        }
        // HCL's own reader of JSON takes more.
        Err(error) if file.format == Format::Hcl => {
            unjudged(file, &error.to_string(), findings);
            None
        }
        Err(error) => {
            let what = format!("it is not JSON: {error}");
            findings.add(Effect::Refused, (&file.path, ""), what, "mend it");
            None
        }
    }
}

fn unjudged(file: &File, why: &str, findings: &mut Findings) {
    let what = format!("it cannot be judged by lictor: {why}");
    let fix = "see what `consul validate` says of it";
    findings.add(Effect::Unjudged, (&file.path, ""), what, fix);
}

impl Document<'_> {
    /// The objects under `one` (a single object) and `many` (a list).
    pub(super) fn items(&self, one: &str, many: &str) -> Vec<Item<'_>> {
        items(self.path, "", &self.members, one, many)
    }
}

impl<'a> Item<'a> {
    /// The objects below this one under `one` and `many`.
    pub(super) fn items(&self, one: &str, many: &str) -> Vec<Item<'a>> {
        items(self.file, &self.at, self.members, one, many)
    }

    /// The object under `key`.
    pub(super) fn object(&self, key: &str) -> Option<Item<'a>> {
        let (name, value) = find(self.members, key)?;
        Some(Item {
            file: self.file,
            at: join(&self.at, name),
            members: value.as_object()?,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        find(self.members, key).map(|(_, value)| value)
    }

    /// Text that is not empty; Consul takes numbers as text, too.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.get(key)?).filter(|text| !text.is_empty())
    }

    /// Where `key` of this object is, as it is written there.
    pub(super) fn key(&self, key: &str) -> String {
        let name = find(self.members, key).map_or(key, |(name, _)| name);
        join(&self.at, name)
    }
}

fn items<'a>(
    file: &'a Path,
    at: &str,
    members: &'a Map<String, Value>,
    one: &str,
    many: &str,
) -> Vec<Item<'a>> {
    let mut found = Vec::new();
    for key in [one, many] {
        let Some((name, value)) = find(members, key) else {
            continue;
        };
        match value {
            Value::Object(members) => {
                let at = join(at, name);
                found.push(Item { file, at, members });
            }
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    if let Value::Object(members) = value {
                        let at = format!("{}[{number}]", join(at, name));
                        found.push(Item { file, at, members });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// A key in any spelling Consul takes: `service_id`, `ServiceID`, `serviceid`; `args` is `ScriptArgs`, too. Of several the last counts.
pub(super) fn find<'a>(members: &'a Map<String, Value>, key: &str) -> Option<(&'a str, &'a Value)> {
    members
        .iter()
        .rev()
        .find(|(name, _)| same(name, key))
        .map(|(name, value)| (name.as_str(), value))
}

fn same(name: &str, key: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| *c != '_')
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    name == key || {
        let name = plain(name);
        name == plain(key) || key == "args" && name == "scriptargs"
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() {
        key.to_owned()
    } else {
        format!("{at}.{key}")
    }
}

/// A duration as Go writes it, in nanoseconds; `None` if it is none.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut rest = rest;
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, seconds) in [
            ("1m30s", 90.0),
            ("1.5h", 5400.0),
            ("-2ms", -0.002),
            ("0", 0.0),
        ] {
            assert_eq!(duration(text), Some(seconds * 1e9), "{text}");
        }
        for text in ["", "10", "soon", "1d", "1s2", "-", "s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_found_in_every_spelling() {
        let members = Map::from_iter([("ServiceID".to_owned(), Value::from(1))]);
        for key in ["service_id", "ServiceID", "serviceid"] {
            assert_eq!(
                find(&members, key),
                Some(("ServiceID", &Value::from(1))),
                "{key}"
            );
        }
        assert_eq!(find(&members, "service"), None);
    }
}
