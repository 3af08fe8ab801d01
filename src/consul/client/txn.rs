//! Changes of the catalog that the servers refuse if it is not as it was seen.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Client, READ, refused, unwanted};
use crate::consul::words;
use crate::core::event::Refusal;

impl Client {
    /// Takes a node out of the catalog, with all that it has, if it is still as it was at that index: whether it was.
    pub(super) async fn remove(&self, node: &str, modified: u64) -> Result<bool, Refusal> {
        let node = self.within(json!({ "Node": node, "ModifyIndex": modified }));
        self.transact(json!([{ "Node": { "Verb": "delete-cas", "Node": node } }]))
            .await
    }

    /// Writes the check that the leader makes of an agent's membership, word for word, if the node has none: whether it had none.
    pub(super) async fn vouch(&self, node: &str) -> Result<bool, Refusal> {
        let check = self.within(json!({
            "Node": node, "CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing",
            "Output": "Agent alive and reachable", "ModifyIndex": 0,
        }));
        self.transact(json!([{ "Check": { "Verb": "cas", "Check": check } }]))
            .await
    }

    /// An operation within the partition that is meant.
    fn within(&self, mut entry: Value) -> Value {
        if let Some((_, partition)) = self.scope.iter().find(|(key, _)| *key == "partition") {
            entry["Partition"] = Value::from(partition.as_str());
        }
        entry
    }

    async fn transact(&self, operations: Value) -> Result<bool, Refusal> {
        let sent = self.request(Method::PUT, "/v1/txn", &[], Some(operations), READ);
        let (what, response) = sent.await?;
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| refused(&what, &error))?;
        match status {
            StatusCode::CONFLICT if words::is_denied(&String::from_utf8_lossy(&body)) => {
                Err(Refusal::Denied(format!(
                    "{what}: {}",
                    words::without_pem(&String::from_utf8_lossy(&body))
                )))
            }
            StatusCode::CONFLICT => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(unwanted(&what, status, &body)),
        }
    }
}
