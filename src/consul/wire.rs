//! The answers of an agent's API. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::core::checks::{Health, States};
use crate::core::event::{AgentFacts, CatalogNode, Membership};

/// Reads `GET /v1/agent/self`. What is missing (an old version, a thinned-out answer) stays empty.
pub fn agent(body: &Value) -> AgentFacts {
    let config = &body["Config"];
    let debug = &body["DebugConfig"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    AgentFacts {
        node_name: text(&config["NodeName"]),
        node_id: text(&config["NodeID"]),
        datacenter: text(&config["Datacenter"]),
        version: text(&config["Version"]),
        advertise: body["Member"]["Addr"]
            .as_str()
            .and_then(|ip| ip.parse().ok()),
        listens: listens(debug),
        membership: membership(&body["Member"]["Status"]),
        data_dir: text(&debug["DataDir"]),
        server: config["Server"].as_bool(),
        leaves_on_terminate: debug["LeaveOnTerm"].as_bool(),
        leaves_on_interrupt: debug["SkipLeaveOnInt"].as_bool().map(|skips| !skips),
    }
}

/// The addresses that an agent listens on, but for those that mean all of them.
fn listens(debug: &Value) -> Vec<IpAddr> {
    let client = debug["ClientAddrs"].as_array().into_iter().flatten();
    std::iter::once(&debug["BindAddr"])
        .chain(client)
        .filter_map(|address| address.as_str()?.parse().ok())
        .filter(|ip: &IpAddr| !ip.is_unspecified())
        .collect()
}

/// Serf's numbers for a member's status, of which its own can be one of three.
fn membership(status: &Value) -> Membership {
    match status.as_u64() {
        Some(1) => Membership::Alive,
        Some(2) => Membership::Leaving,
        Some(3) => Membership::Left,
        _ => Membership::Unknown,
    }
}

/// Reads `GET /v1/status/leader`: a JSON string, empty where there is no leader.
pub fn leader(body: &Value) -> Option<String> {
    body.as_str()
        .filter(|leader| !leader.is_empty())
        .map(str::to_owned)
}

/// Reads `GET /v1/agent/services`: an object by the services' ids.
pub fn services(body: &Value) -> BTreeSet<String> {
    body.as_object()
        .map(|services| services.keys().cloned().collect())
        .unwrap_or_default()
}

/// Reads `GET /v1/catalog/node/<name>`: an object with `Node` and `Services`, or `null`.
pub fn catalog(index: u64, body: &Value) -> CatalogNode {
    let node = &body["Node"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    CatalogNode {
        index,
        present: node.is_object(),
        created: node["CreateIndex"].as_u64().unwrap_or(0),
        id: text(&node["ID"]),
        address: text(&node["Address"]),
        services: body["Services"]
            .as_object()
            .map(|services| services.keys().cloned().collect())
            .unwrap_or_default(),
    }
}

/// Reads the states of `GET /v1/agent/checks`, an object by ids.
pub fn states(body: &Value) -> States {
    let checks = body.as_object().into_iter().flatten();
    checks
        .filter_map(|(id, check)| Some((id.clone(), Health::named(check["Status"].as_str()?)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_absent_node_is_not_an_empty_one() {
        assert!(!catalog(7, &Value::Null).present);
        let node = catalog(
            7,
            &json!({ "Node": { "ID": "i", "Address": "a", "CreateIndex": 5 }, "Services": { "s": {} } }),
        );
        assert_eq!(
            (node.present, node.index, node.created, node.services),
            (true, 7, 5, vec!["s".to_owned()])
        );
        assert!(
            catalog(7, &json!({ "Node": {}, "Services": null }))
                .services
                .is_empty()
        );
    }

    #[test]
    fn an_agent_says_whether_it_has_left() {
        for (status, membership) in [
            (json!(1), Membership::Alive),
            (json!(2), Membership::Leaving),
            (json!(3), Membership::Left),
            (json!(0), Membership::Unknown),
            (Value::Null, Membership::Unknown),
        ] {
            let body = json!({ "Member": { "Status": status } });
            assert_eq!(agent(&body).membership, membership);
        }
    }

    #[test]
    fn a_state_that_is_none_is_not_one() {
        let odd = json!({ "Status": "maintenance" });
        let wanted: States = [("a".to_owned(), Health::Warning)].into();
        let read = states(&json!({ "a": { "Status": "warning" }, "b": odd }));
        assert_eq!(read, wanted);
        assert_eq!(states(&Value::Null), States::new());
    }

    #[test]
    fn no_leader_is_an_empty_string() {
        assert_eq!(leader(&json!("")), None);
        assert_eq!(
            leader(&json!("10.0.0.1:8300")),
            Some("10.0.0.1:8300".to_owned())
        );
    }
}
