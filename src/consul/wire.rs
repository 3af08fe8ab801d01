//! The answers of an agent's API. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::core::checks::{Health, States};
use crate::core::event::{AgentFacts, CatalogNode, Member, MemberState, Membership, Neighbour};

/// Reads `GET /v1/agent/self`. What is missing (an old version, a thinned-out answer) stays empty.
pub fn agent(body: &Value) -> AgentFacts {
    let config = &body["Config"];
    let debug = &body["DebugConfig"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    AgentFacts {
        node_name: text(&config["NodeName"]),
        node_id: text(&config["NodeID"]),
        datacenter: text(&config["Datacenter"]),
        partition: text(&config["Partition"]),
        // Its own word says nothing of that.
        api: String::new(),
        version: text(&config["Version"]),
        advertise: body["Member"]["Addr"]
            .as_str()
            .and_then(|ip| ip.parse().ok()),
        listens: listens(debug),
        gossip: debug["SerfBindAddrLAN"]
            .as_str()
            .and_then(|text| text.strip_prefix("tcp://")?.parse().ok()),
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
        modified: node["ModifyIndex"].as_u64().unwrap_or(0),
        external: ["external-node", "external-probe", "external-source"]
            .iter()
            .any(|key| !node["Meta"][key].is_null()),
        id: text(&node["ID"]),
        address: text(&node["Address"]),
        services: body["Services"]
            .as_object()
            .map(|services| services.keys().cloned().collect())
            .unwrap_or_default(),
    }
}

/// Reads the state of the servers' own check in `GET /v1/health/node/<name>`.
pub fn serf_health(body: &Value) -> Option<Health> {
    let mut checks = body.as_array().into_iter().flatten();
    let check = checks.find(|check| check["CheckID"] == "serfHealth")?;
    Health::named(check["Status"].as_str()?)
}

/// Reads `GET /v1/catalog/nodes`, and drops what does not carry the address, should a filter not have done so.
pub fn neighbours(body: &Value, address: &str) -> Vec<Neighbour> {
    let nodes = body.as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    nodes
        .filter(|node| node["Address"] == address)
        .map(|node| Neighbour {
            name: text(&node["Node"]),
            id: text(&node["ID"]),
        })
        .collect()
}

/// One of the objects of `GET /v1/agent/members`, if it is of that name.
pub fn member(object: &[u8], name: &str) -> Option<Member> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Told<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(default)]
        addr: String,
        #[serde(default)]
        port: u16,
        #[serde(default)]
        status: u64,
        tags: Option<Tags>,
    }
    #[derive(Deserialize)]
    struct Tags {
        id: Option<String>,
    }
    let told: Told<'_> = serde_json::from_slice(object).ok()?;
    if told.name != name {
        return None;
    }
    Some(Member {
        address: told.addr,
        port: told.port,
        id: told.tags.and_then(|tags| tags.id).unwrap_or_default(),
        state: match told.status {
            3 => MemberState::Left,
            4 => MemberState::Failed,
            _ => MemberState::Alive,
        },
    })
}

/// Takes a list of objects apart as it comes in pieces, so that one that is long never has to be held.
#[derive(Debug, Default)]
pub struct Objects {
    object: Vec<u8>,
    depth: u32,
    quoted: bool,
    escaped: bool,
}

impl Objects {
    /// Takes the next piece; `each` gets the objects that end in it.
    pub fn feed(&mut self, piece: &[u8], mut each: impl FnMut(&[u8])) {
        for byte in piece {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'{' if !self.quoted => self.depth += 1,
                _ => {}
            }
            if self.depth > 0 {
                self.object.push(*byte);
            }
            if *byte == b'}' && !self.quoted && self.depth > 0 {
                self.depth -= 1;
                if self.depth == 0 {
                    each(&self.object);
                    self.object.clear();
                }
            }
        }
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
    fn a_member_is_found_however_the_list_comes_in_pieces() {
        let list = json!([
            { "Name": "a", "Addr": "10.0.0.1", "Port": 8301, "Tags": { "id": "i", "x": "}]{\\" }, "Status": 1 },
            { "Name": "n \"1\" {", "Addr": "10.0.0.2", "Port": 8311, "Tags": {}, "Status": 4 },
        ]);
        let list = list.to_string();
        for length in [1, 7, list.len()] {
            let mut objects = Objects::default();
            let mut found = Vec::new();
            for piece in list.as_bytes().chunks(length) {
                objects.feed(piece, |object| found.extend(member(object, "n \"1\" {")));
            }
            let wanted = Member {
                address: "10.0.0.2".to_owned(),
                port: 8311,
                id: String::new(),
                state: MemberState::Failed,
            };
            assert_eq!(found, [wanted]);
        }
    }

    #[test]
    fn an_enterprise_agent_says_its_partition() {
        let of = |config: Value| agent(&json!({ "Config": config })).partition;
        assert_eq!(of(json!({ "NodeName": "n1", "Partition": "blue" })), "blue");
        assert_eq!(of(json!({ "NodeName": "n1" })), "");
    }

    #[test]
    fn an_agent_says_where_it_gossips() {
        let told =
            |text: &str| agent(&json!({ "DebugConfig": { "SerfBindAddrLAN": text } })).gossip;
        assert_eq!(told("tcp://10.0.0.5:8301"), "10.0.0.5:8301".parse().ok());
        assert_eq!(told("tcp://[::1]:1"), "[::1]:1".parse().ok());
        assert_eq!(told("<hidden>"), None);
    }

    #[test]
    fn what_has_no_agent_is_told_from_what_has() {
        let checks = json!([{ "CheckID": "x", "Status": "passing" }, { "CheckID": "serfHealth", "Status": "critical" }]);
        assert_eq!(serf_health(&checks), Some(Health::Critical));
        assert_eq!(serf_health(&json!([])), None);
        let node = |meta: Value| catalog(1, &json!({ "Node": { "Meta": meta } })).external;
        assert!(node(json!({ "external-node": "true" })));
        assert!(node(json!({ "external-source": "kubernetes" })));
        assert!(!node(json!({ "consul-network-segment": "" })));
    }

    #[test]
    fn only_nodes_of_the_address_are_neighbours() {
        let body = json!([{ "Node": "a", "ID": "1", "Address": "10.0.0.1" }, { "Node": "b", "ID": "2", "Address": "10.0.0.2" }]);
        let names: Vec<String> = neighbours(&body, "10.0.0.2")
            .into_iter()
            .map(|n| n.name)
            .collect();
        assert_eq!(names, ["b"]);
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
