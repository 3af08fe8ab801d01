//! Which services a configuration file defines, as far as lictor must know it: those that a change drops on purpose. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// The ids of the services that a file defines, and of their sidecars. In HCL, which is not parsed, everything that is called an
/// id or a name counts as one.
pub(super) fn ids(bytes: &[u8]) -> BTreeSet<String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => ["service", "services"]
            .into_iter()
            .flat_map(|key| match field(&value, &[key]) {
                Some(Value::Array(services)) => services.iter().collect(),
                service => Vec::from_iter(service),
            })
            .flat_map(of_service)
            .collect(),
        Err(_) => in_hcl(&String::from_utf8_lossy(bytes)),
    }
}

/// The first of these keys that there is, in whatever case, as Consul reads them.
fn field<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    let fields = value.as_object()?;
    keys.iter().find_map(|key| {
        let mut same = fields.iter().filter(|(is, _)| is.eq_ignore_ascii_case(key));
        same.next().map(|(_, value)| value)
    })
}

fn id(service: &Value) -> Option<String> {
    let text = |key| field(service, &[key])?.as_str().filter(|id| !id.is_empty());
    text("id").or_else(|| text("name")).map(str::to_owned)
}

fn of_service(service: &Value) -> Vec<String> {
    let Some(name) = id(service) else {
        return Vec::new();
    };
    let connect = field(service, &["connect"]);
    let sidecar =
        connect.and_then(|connect| field(connect, &["sidecar_service", "SidecarService"]));
    let sidecar = sidecar.map(|sidecar| id(sidecar).unwrap_or_else(|| sidecar_of(&name)));
    std::iter::once(name).chain(sidecar).collect()
}

/// The id that Consul gives to one that has none of its own.
fn sidecar_of(id: &str) -> String {
    format!("{id}-sidecar-proxy")
}

fn in_hcl(text: &str) -> BTreeSet<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once(['=', ':'])?;
        let key = key.trim().trim_matches('"').to_lowercase();
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (key == "id" || key == "name").then(|| value.to_owned())
    };
    let ids: Vec<String> = text.split(['\n', '{', ',']).filter_map(named).collect();
    let has_sidecars = text.contains("sidecar_service") || text.contains("SidecarService");
    let sidecars = ids.iter().filter(|_| has_sidecars).map(|id| sidecar_of(id));
    sidecars.chain(ids.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_in_both_formats() {
        let found = |text: &str| ids(text.as_bytes()).into_iter().collect::<Vec<_>>();
        assert_eq!(found(r#"{"service": {"name": "web"}}"#), ["web"]);
        assert_eq!(found(r#"{"service": {"id": "", "name": "web"}}"#), ["web"]);
        assert_eq!(
            found(r#"{"Services": [{"name": "web", "id": "web-1"}, {"Name": "db"}]}"#),
            ["db", "web-1"]
        );
        assert_eq!(
            found(
                "service {\n  name = \"web\"\n  id = \"web-1\"\n}\nservices = [{ name = \"db\" }]"
            ),
            ["db", "web", "web-1"]
        );
        assert!(found("not JSON").is_empty());
        assert!(found(r#"{"node_name": "n"}"#).is_empty());
    }

    #[test]
    fn sidecars_belong_to_their_services() {
        let found = |text: &str| ids(text.as_bytes()).into_iter().collect::<Vec<_>>();
        assert_eq!(
            found(r#"{"service": {"name": "web", "connect": {"sidecar_service": {}}}}"#),
            ["web", "web-sidecar-proxy"]
        );
        assert_eq!(
            found(r#"{"service": {"name": "web", "connect": {"SidecarService": {"id": "side"}}}}"#),
            ["side", "web"]
        );
        assert_eq!(
            found("service {\n  name = \"web\"\n  connect { sidecar_service {} }\n}"),
            ["web", "web-sidecar-proxy"]
        );
    }
}
