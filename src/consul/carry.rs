//! The checks that an agent keeps in its data directory, made into what registers them again. Pure.
//!
//! An agent writes each check that was registered through its API to a file of its own: the check, what it does (`ChkType`),
//! and the token it was registered with. What is not wholly understood here is left alone.

use serde_json::{Map, Value, json};

use crate::core::checks::{Health, States};

/// What of `ChkType` is not sent: what the check itself says too, and what the agent works out.
const NOT_SENT: [&str; 7] = [
    "CheckID",
    "Name",
    "Notes",
    "Status",
    "TTL",
    "ProxyHTTP",
    "ProxyGRPC",
];
/// What of the check itself is sent.
const OF_CHECK: [&str; 5] = ["Name", "Notes", "ServiceID", "Namespace", "Partition"];
/// With any of these a check has no state of its own to be lost, or one that Consul keeps itself; or its target is not the one
/// that was registered.
const LEFT_ALONE: [&str; 5] = ["TTL", "AliasNode", "AliasService", "ProxyHTTP", "ProxyGRPC"];

/// A check that was registered through an agent's API, with all that is needed to register it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its id.
    pub id: String,
    /// The token that it was registered with; it need not be lictor's.
    pub token: Option<String>,
    /// The body of the registration, without a state.
    body: Map<String, Value>,
}

impl Definition {
    /// Reads a file of the agent's; `None` where it is to be left alone.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let file: Value = serde_json::from_slice(bytes).ok()?;
        let check = file["Check"].as_object()?;
        let what = file["ChkType"].as_object()?;
        let id = check.get("CheckID")?.as_str()?;
        let given =
            |from: &Map<String, Value>, key: &str| from.get(key).is_some_and(|v| !is_zero(v));
        let runs = given(what, "Interval");
        // Maintenance, for one, is local.
        let local = file["Source"] == "local";
        if id.is_empty() || !runs || local || LEFT_ALONE.iter().any(|key| given(what, key)) {
            return None;
        }
        let mut body = Map::new();
        body.insert("ID".to_owned(), id.into());
        for key in OF_CHECK {
            if given(check, key) {
                body.insert(key.to_owned(), check[key].clone());
            }
        }
        // A field that says nothing is not sent, since an agent refuses those that it does not know. HTTP/2 pings use TLS
        // unless told otherwise.
        let pings = given(what, "H2PING");
        for (key, value) in what {
            let tells = !is_zero(value) || pings && key == "H2PingUseTLS";
            if tells && !NOT_SENT.contains(&key.as_str()) {
                body.insert(key.clone(), value.clone());
            }
        }
        let token = file["Token"].as_str().filter(|token| !token.is_empty());
        Some(Self {
            id: id.to_owned(),
            token: token.map(str::to_owned),
            body,
        })
    }

    /// The body of `PUT /v1/agent/check/register`. Without a state the check is critical until its first run.
    pub fn registration(&self, state: Option<Health>) -> Value {
        let mut body = self.body.clone();
        if let Some(state) = state {
            body.insert("Status".to_owned(), state.name().into());
        }
        Value::Object(body)
    }
}

/// What Go leaves a field at that was never set.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}

/// The states that a lictor notes for the next one, as they are written to the agent's data directory.
pub fn note(now: u64, states: &States) -> Value {
    let states: Map<String, Value> = states
        .iter()
        .map(|(id, health)| (id.clone(), health.name().into()))
        .collect();
    json!({ "at": now, "checks": states })
}

/// The states of such a note, if it is not older than so many seconds. Times are seconds of the epoch.
pub fn noted(bytes: &[u8], now: u64, oldest: u64) -> Option<States> {
    let note: Value = serde_json::from_slice(bytes).ok()?;
    let age = now.checked_sub(note["at"].as_u64()?)?;
    let states = note["checks"].as_object().filter(|_| age <= oldest)?;
    let health = |value: &Value| Health::named(value.as_str()?);
    Some(
        states
            .iter()
            .filter_map(|(id, value)| Some((id.clone(), health(value)?)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Consul 1.8.7 wrote it.
    const HTTP_1_8_7: &str = r#"{"Check":{"Node":"x","CheckID":"h","Name":"http check","Status":"critical","Notes":"some notes","Output":"","ServiceID":"web","ServiceName":"web","ServiceTags":null,"Type":"http","Definition":{},"CreateIndex":0,"ModifyIndex":0},"ChkType":{"CheckID":"h","Name":"http check","Status":"","Notes":"some notes","ScriptArgs":null,"HTTP":"http://127.0.0.1:9000/health","Header":{"X-A":["1","2"]},"Method":"POST","Body":"hi","TCP":"","Interval":10000000000,"AliasNode":"","AliasService":"","DockerContainerID":"","Shell":"","GRPC":"","GRPCUseTLS":false,"TLSSkipVerify":true,"Timeout":2000000000,"TTL":0,"SuccessBeforePassing":2,"FailuresBeforeCritical":3,"ProxyHTTP":"","ProxyGRPC":"","DeregisterCriticalServiceAfter":5400000000000,"OutputMaxSize":1000},"Token":"tok","Source":"remote"}"#;
    /// As Consul 1.22.5 did.
    const H2_1_22_5: &str = r#"{"Check":{"Node":"x","CheckID":"h2","Name":"h2","Status":"critical","Notes":"","Output":"","ServiceID":"","ServiceName":"","ServiceTags":null,"Type":"h2ping","Interval":"10s","Timeout":"0s","ExposedPort":0,"Definition":{},"CreateIndex":0,"ModifyIndex":0},"ChkType":{"CheckID":"h2","Name":"h2","Status":"passing","Notes":"","ScriptArgs":null,"HTTP":"","H2PING":"127.0.0.1:9000","H2PingUseTLS":false,"Header":null,"Method":"","Body":"","DisableRedirects":false,"TCP":"","TCPUseTLS":false,"UDP":"","Interval":10000000000,"AliasNode":"","AliasService":"","DockerContainerID":"","Shell":"","GRPC":"","GRPCUseTLS":false,"OSService":"","TLSServerName":"","TLSSkipVerify":false,"Timeout":0,"TTL":0,"SuccessBeforePassing":0,"FailuresBeforeWarning":0,"FailuresBeforeCritical":0,"ProxyHTTP":"","ProxyGRPC":"","DeregisterCriticalServiceAfter":0,"OutputMaxSize":0},"Token":"","Source":"remote"}"#;
    /// One that came with its service: only the check itself has its name and id. 1.22.5.
    const SCRIPT_1_22_5: &str = r#"{"Check":{"Node":"x","CheckID":"service:own:1","Name":"Service 'own' check","Status":"critical","Notes":"","Output":"","ServiceID":"own","ServiceName":"own","ServiceTags":null,"Type":"script","Interval":"1m30s","Timeout":"500ms","ExposedPort":0,"Definition":{},"CreateIndex":0,"ModifyIndex":0},"ChkType":{"CheckID":"","Name":"","Status":"","Notes":"","ScriptArgs":["/bin/true","a"],"HTTP":"","H2PING":"","H2PingUseTLS":false,"Header":null,"Method":"","Body":"","DisableRedirects":false,"TCP":"","TCPUseTLS":false,"UDP":"","Interval":90000000000,"AliasNode":"","AliasService":"","DockerContainerID":"","Shell":"","GRPC":"","GRPCUseTLS":false,"OSService":"","TLSServerName":"","TLSSkipVerify":false,"Timeout":500000000,"TTL":0,"SuccessBeforePassing":0,"FailuresBeforeWarning":0,"FailuresBeforeCritical":0,"ProxyHTTP":"","ProxyGRPC":"","DeregisterCriticalServiceAfter":0,"OutputMaxSize":0},"Token":"","Source":"remote"}"#;

    fn body(file: &str, state: Option<Health>) -> Value {
        Definition::read(file.as_bytes())
            .expect("a definition")
            .registration(state)
    }

    #[test]
    fn a_check_is_registered_as_it_was() {
        let definition = Definition::read(HTTP_1_8_7.as_bytes()).expect("a definition");
        assert_eq!(definition.id, "h");
        assert_eq!(definition.token.as_deref(), Some("tok"));
        assert_eq!(
            definition.registration(Some(Health::Passing)),
            json!({
                "ID": "h", "Name": "http check", "Notes": "some notes", "ServiceID": "web",
                "HTTP": "http://127.0.0.1:9000/health", "Header": { "X-A": ["1", "2"] }, "Method": "POST", "Body": "hi",
                "Interval": 10_000_000_000_u64, "TLSSkipVerify": true, "Timeout": 2_000_000_000_u64,
                "SuccessBeforePassing": 2, "FailuresBeforeCritical": 3,
                "DeregisterCriticalServiceAfter": 5_400_000_000_000_u64, "OutputMaxSize": 1000, "Status": "passing",
            })
        );
        assert_eq!(
            body(SCRIPT_1_22_5, Some(Health::Warning)),
            json!({
                "ID": "service:own:1", "Name": "Service 'own' check", "ServiceID": "own",
                "ScriptArgs": ["/bin/true", "a"], "Interval": 90_000_000_000_u64, "Timeout": 500_000_000_u64,
                "Status": "warning",
            })
        );
    }

    #[test]
    fn without_a_state_none_is_sent_and_no_tls_stays_no_tls() {
        assert_eq!(
            body(H2_1_22_5, None),
            json!({
                "ID": "h2", "Name": "h2", "H2PING": "127.0.0.1:9000", "H2PingUseTLS": false,
                "Interval": 10_000_000_000_u64,
            })
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        let edited = |key: &str, value: Value| {
            let mut file: Value = serde_json::from_str(HTTP_1_8_7).expect("JSON");
            file["ChkType"][key] = value;
            Definition::read(file.to_string().as_bytes())
        };
        assert!(edited("Method", json!("GET")).is_some());
        for (key, value) in [
            ("TTL", json!(30_000_000_000_u64)),
            ("AliasService", json!("web")),
            ("AliasNode", json!("n2")),
            ("ProxyHTTP", json!("http://127.0.0.1:21500/health")),
            ("Interval", json!(0)),
        ] {
            assert_eq!(edited(key, value), None, "{key}");
        }
        let maintenance = r#"{"Check":{"Node":"x","CheckID":"_service_maintenance:web","Name":"Service Maintenance Mode","Status":"critical","Notes":"r","Output":"","ServiceID":"web","ServiceName":"web","ServiceTags":null,"Type":"maintenance","Definition":{},"CreateIndex":0,"ModifyIndex":0},"ChkType":null,"Token":"","Source":"local"}"#;
        for file in [maintenance, "", "[]", r#"{"Check":{},"ChkType":{}}"#] {
            assert_eq!(Definition::read(file.as_bytes()), None, "{file}");
        }
    }

    #[test]
    fn a_note_holds_for_its_time() {
        let states: States = [("a".to_owned(), Health::Passing)].into();
        let bytes = note(1000, &states).to_string().into_bytes();
        assert_eq!(noted(&bytes, 1060, 60), Some(states));
        assert_eq!(noted(&bytes, 1061, 60), None);
        // A clock that was set back tells nothing.
        assert_eq!(noted(&bytes, 999, 60), None);
        assert_eq!(noted(b"", 1000, 60), None);
    }
}
