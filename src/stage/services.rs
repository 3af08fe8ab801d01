//! Which services a configuration file defines, as far as lictor must know it: those that a change drops on purpose. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// The ids of the services that a file defines. In HCL, which is not parsed, everything that is called an id or a name counts as one.
pub(super) fn ids(name: &str, bytes: &[u8]) -> BTreeSet<String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => ["service", "services"]
            .into_iter()
            .flat_map(|key| match &value[key] {
                Value::Array(services) => services.iter().collect(),
                service => vec![service],
            })
            .filter_map(id)
            .collect(),
        Err(_) if name.ends_with(".hcl") => in_hcl(&String::from_utf8_lossy(bytes)),
        Err(_) => BTreeSet::new(),
    }
}

fn id(service: &Value) -> Option<String> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| service[*key].as_str());
    text(["id", "ID"])
        .or_else(|| text(["name", "Name"]))
        .map(str::to_owned)
}

fn in_hcl(text: &str) -> BTreeSet<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let key = key.trim().trim_matches('"').to_lowercase();
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (key == "id" || key == "name").then(|| value.to_owned())
    };
    text.split(['\n', '{', ',']).filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_in_both_formats() {
        let found =
            |name: &str, text: &str| ids(name, text.as_bytes()).into_iter().collect::<Vec<_>>();
        assert_eq!(found("a.json", r#"{"service": {"name": "web"}}"#), ["web"]);
        assert_eq!(
            found(
                "a.json",
                r#"{"services": [{"name": "web", "id": "web-1"}, {"Name": "db"}]}"#
            ),
            ["db", "web-1"]
        );
        assert_eq!(
            found(
                "a.hcl",
                "service {\n  name = \"web\"\n  id = \"web-1\"\n}\nservices = [{ name = \"db\" }]"
            ),
            ["db", "web", "web-1"]
        );
        assert!(found("a.json", "not JSON").is_empty());
        assert!(found("a.json", r#"{"node_name": "n"}"#).is_empty());
    }
}
