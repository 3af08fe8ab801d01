//! The catalog, members and health as one agent sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Api, Error};
use crate::wait;

/// Questions about the cluster, asked of one agent.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<'a>(pub(super) &'a Api);

impl Catalog<'_> {
    /// `/v1/catalog/node/<name>`: the node and its services, or `None` if the catalog has no such node.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn node(&self, name: &str) -> Result<Option<Value>, Error> {
        let answer = self.0.get(&format!("/v1/catalog/node/{name}"))?;
        Ok((!answer.is_null()).then_some(answer))
    }

    /// `/v1/catalog/nodes`.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn nodes(&self) -> Result<Vec<Value>, Error> {
        self.list("/v1/catalog/nodes")
    }

    /// `/v1/catalog/service/<service>`: all instances of a service.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn service(&self, service: &str) -> Result<Vec<Value>, Error> {
        self.list(&format!("/v1/catalog/service/{service}"))
    }

    /// `/v1/health/service/<service>?passing`: those instances whose checks all pass.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn passing(&self, service: &str) -> Result<Vec<Value>, Error> {
        self.list(&format!("/v1/health/service/{service}?passing"))
    }

    /// The status of a node's checks by check id, `serfHealth` among them.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn checks(&self, node: &str) -> Result<BTreeMap<String, String>, Error> {
        Ok(statuses(&self.0.get(&format!("/v1/health/node/{node}"))?))
    }

    /// The members by name, each `alive`, `leaving`, `left` or `failed`.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn members(&self) -> Result<BTreeMap<String, String>, Error> {
        let members = self.list("/v1/agent/members")?;
        Ok(members
            .iter()
            .map(|member| (text(member, "Name"), status(member).to_owned()))
            .collect())
    }

    /// Waits until the member `name` has that status.
    ///
    /// # Errors
    /// It has another one after `deadline`; the error has all members.
    pub fn wait_member(&self, name: &str, status: &str, deadline: Duration) -> Result<(), Error> {
        let what = format!("member {name} to be {status}");
        wait::until_ok(&what, deadline, || match self.members() {
            Ok(members) if members.get(name).is_some_and(|found| found == status) => Ok(()),
            Ok(members) => Err(format!("{members:?}")),
            Err(error) => Err(error.to_string()),
        })?;
        Ok(())
    }

    /// Waits until exactly `count` instances of a service pass, and returns them.
    ///
    /// # Errors
    /// They are more or fewer after `deadline`; the error has all instances.
    pub fn wait_passing(
        &self,
        service: &str,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<Value>, Error> {
        let what = format!("{count} passing instances of {service}");
        Ok(wait::until_ok(&what, deadline, || {
            match self.passing(service) {
                Ok(found) if found.len() == count => Ok(found),
                Ok(found) => Err(Value::from(found).to_string()),
                Err(error) => Err(error.to_string()),
            }
        })?)
    }

    /// Waits until the catalog has no node of that name.
    ///
    /// # Errors
    /// It still has after `deadline`.
    pub fn wait_gone(&self, node: &str, deadline: Duration) -> Result<(), Error> {
        let what = format!("node {node} to be gone from the catalog");
        wait::until_ok(&what, deadline, || match self.node(node) {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(found.to_string()),
            Err(error) => Err(error.to_string()),
        })?;
        Ok(())
    }

    fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        // Consul writes an empty list as null here and there.
        Ok(match self.0.get(path)? {
            Value::Array(list) => list,
            _ => Vec::new(),
        })
    }
}

/// The status of each check of a list by its id. Consul writes an empty list as null here and there.
pub(super) fn statuses(list: &Value) -> BTreeMap<String, String> {
    let checks = list.as_array().into_iter().flatten();
    checks
        .map(|check| (text(check, "CheckID"), text(check, "Status")))
        .collect()
}

/// The name of each service of a node's entry by its id. A node that the catalog does not have is null.
pub(super) fn names(node: &Value) -> BTreeMap<String, String> {
    let services = node["Services"].as_object().into_iter().flatten();
    services
        .map(|(id, service)| (id.clone(), text(service, "Service")))
        .collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The state of a member of `/v1/agent/members`, as `consul members` calls it.
pub(crate) fn status(member: &Value) -> &'static str {
    match member["Status"].as_u64() {
        Some(1) => "alive",
        Some(2) => "leaving",
        Some(3) => "left",
        Some(4) => "failed",
        _ => "none",
    }
}
