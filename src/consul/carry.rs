//! The checks that an agent keeps in its data directory, their stand-ins over a restart, and what registers them again. Pure.
//!
//! An agent writes each check that was registered through its API to a file of its own: the check, what it does (`ChkType`),
//! and the token it was registered with. What is not wholly understood here is left alone.
//!
//! The stand-in is the same check with a TTL in the place of what it does, and with a state, which the agent keeps in a file
//! beside. Its TTL ends soon, so that it does not pass for ever should nobody replace it. But an agent does not stop that clock
//! when another kind of check is registered over it; only one with a TTL does. So there are two registrations.

use serde_json::{Map, Value, json};

use crate::core::checks::{Health, States};

/// What of `ChkType` is not sent: what the check itself says too, and what the agent works out.
const NOT_SENT: [&str; 6] = ["CheckID", "Name", "Notes", "TTL", "ProxyHTTP", "ProxyGRPC"];
/// What of the check itself is sent.
const OF_CHECK: [&str; 5] = ["Name", "Notes", "ServiceID", "Namespace", "Partition"];
/// With any of these a check has no state of its own to be lost, or one that Consul keeps itself; or its target is not the one
/// that was registered.
const LEFT_ALONE: [&str; 5] = ["TTL", "AliasNode", "AliasService", "ProxyHTTP", "ProxyGRPC"];

/// The TTL of a stand-in in nanoseconds: one that nobody else would choose, so that it is known again.
const STANDS_IN: u64 = 60_000_000_019;
/// How long its state holds, in seconds: till then the agent must have started.
const STATE_HOLDS: u64 = 60;
/// Ten years: the clock that is to stand still, as it is sent and as the agent writes it.
const STILL: (&str, u64) = ("87600h", 315_360_000_000_000_000);

/// A check that was registered through an agent's API, with all that is needed to register it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its id.
    pub id: String,
    /// The token that it was registered with; it need not be lictor's.
    pub token: Option<String>,
    /// The file without what the check does.
    stand_in: Value,
    /// The body of the registration.
    body: Map<String, Value>,
}

impl Definition {
    /// Reads a file of the agent's; `None` where it is to be left alone.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut file: Value = serde_json::from_slice(bytes).ok()?;
        let check = file["Check"].as_object()?;
        let what = file["ChkType"].as_object()?;
        let id = check.get("CheckID")?.as_str()?.to_owned();
        let given =
            |from: &Map<String, Value>, key: &str| from.get(key).is_some_and(|v| !is_zero(v));
        let runs = given(what, "Interval");
        // Maintenance, for one, is local.
        let local = file["Source"] == "local";
        // An agent tells of the states in one namespace by ids alone, so those of another could be taken for one another.
        let elsewhere = given(check, "Namespace") && check["Namespace"] != "default";
        let left_alone = LEFT_ALONE.iter().any(|key| given(what, key));
        if id.is_empty() || !runs || local || elsewhere || left_alone {
            return None;
        }
        let mut body = Map::new();
        body.insert("ID".to_owned(), id.clone().into());
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
        let token = token.map(str::to_owned);
        file["ChkType"] = json!({ "TTL": STANDS_IN });
        Some(Self {
            id,
            token,
            stand_in: file,
            body,
        })
    }

    /// The file of its stand-in.
    pub fn stand_in(&self) -> Value {
        self.stand_in.clone()
    }

    /// The file of the stand-in's state. `now` is in seconds of the epoch.
    pub fn state(&self, health: Health, now: u64) -> Value {
        let status = health.name();
        json!({ "CheckID": self.id, "Output": "", "Status": status, "Expires": now + STATE_HOLDS })
    }

    /// The bodies of `PUT /v1/agent/check/register` over the stand-in, which has that state, one after the other: the first stops
    /// its clock.
    ///
    /// An agent that registers a check again gives it the state that it had. But for a moment it is critical, and servers may be
    /// told so, unless the registration says what it is.
    pub fn registrations(&self, health: Option<Health>) -> [Value; 2] {
        let mut still: Map<String, Value> = self
            .body
            .iter()
            .filter(|(key, _)| *key == "ID" || OF_CHECK.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        still.insert("TTL".to_owned(), STILL.0.into());
        let mut body = self.body.clone();
        if let Some(health) = health {
            for body in [&mut still, &mut body] {
                body.insert("Status".to_owned(), health.name().into());
            }
        }
        [Value::Object(still), Value::Object(body)]
    }
}

/// The id of the check that this file of the agent's has a stand-in for, if it is one.
pub fn stands_in(bytes: &[u8]) -> Option<String> {
    let file: Value = serde_json::from_slice(bytes).ok()?;
    let ttl = file["ChkType"]["TTL"].as_u64()?;
    let id = file["Check"]["CheckID"].as_str()?;
    [STANDS_IN, STILL.1].contains(&ttl).then(|| id.to_owned())
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

    fn body(file: &str) -> Value {
        let definition = Definition::read(file.as_bytes()).expect("a definition");
        let [_, body] = definition.registrations(None);
        body
    }

    #[test]
    fn a_check_is_registered_as_it_was() {
        let definition = Definition::read(HTTP_1_8_7.as_bytes()).expect("a definition");
        assert_eq!(definition.id, "h");
        assert_eq!(definition.token.as_deref(), Some("tok"));
        assert_eq!(
            definition.registrations(None)[1],
            json!({
                "ID": "h", "Name": "http check", "Notes": "some notes", "ServiceID": "web",
                "HTTP": "http://127.0.0.1:9000/health", "Header": { "X-A": ["1", "2"] }, "Method": "POST", "Body": "hi",
                "Interval": 10_000_000_000_u64, "TLSSkipVerify": true, "Timeout": 2_000_000_000_u64,
                "SuccessBeforePassing": 2, "FailuresBeforeCritical": 3,
                "DeregisterCriticalServiceAfter": 5_400_000_000_000_u64, "OutputMaxSize": 1000,
            })
        );
        assert_eq!(
            body(SCRIPT_1_22_5),
            json!({
                "ID": "service:own:1", "Name": "Service 'own' check", "ServiceID": "own",
                "ScriptArgs": ["/bin/true", "a"], "Interval": 90_000_000_000_u64, "Timeout": 500_000_000_u64,
            })
        );
    }

    #[test]
    fn no_tls_stays_no_tls() {
        assert_eq!(
            body(H2_1_22_5),
            json!({
                "ID": "h2", "Name": "h2", "H2PING": "127.0.0.1:9000", "H2PingUseTLS": false,
                "Status": "passing", "Interval": 10_000_000_000_u64,
            })
        );
    }

    #[test]
    fn a_stand_in_is_the_same_check_with_a_ttl() {
        let definition = Definition::read(HTTP_1_8_7.as_bytes()).expect("a definition");
        let (original, stand_in): (Value, Value) = (
            serde_json::from_str(HTTP_1_8_7).expect("JSON"),
            definition.stand_in(),
        );
        for key in ["Check", "Token", "Source"] {
            assert_eq!(stand_in[key], original[key]);
        }
        let bytes = stand_in.to_string().into_bytes();
        assert_eq!(stands_in(&bytes), Some("h".to_owned()));
        assert_eq!(stands_in(HTTP_1_8_7.as_bytes()), None);
        // Nor is it ever set aside itself.
        assert_eq!(Definition::read(&bytes), None);
        assert_eq!(
            definition.registrations(Some(Health::Warning))[0],
            json!({
                "ID": "h", "Name": "http check", "Notes": "some notes", "ServiceID": "web", "TTL": "87600h",
                "Status": "warning",
            })
        );
        let [_, body] = definition.registrations(Some(Health::Warning));
        assert_eq!(body["Status"], "warning");
        assert_eq!(
            definition.state(Health::Warning, 1000),
            json!({ "CheckID": "h", "Output": "", "Status": "warning", "Expires": 1060 })
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
        let mut elsewhere: Value = serde_json::from_str(HTTP_1_8_7).expect("JSON");
        for (namespace, read) in [("default", true), ("team", false)] {
            elsewhere["Check"]["Namespace"] = json!(namespace);
            let definition = Definition::read(elsewhere.to_string().as_bytes());
            assert_eq!(definition.is_some(), read, "{namespace}");
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
