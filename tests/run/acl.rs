//! A datacenter in which every request needs a token.

use serde_json::{Value, json};
use testbed::agent::{Api, Server};
use testbed::consul::Version;
use testbed::net::{Host, Network};
use testbed::{TestResult, wait};

use crate::START;

/// One server, and a token that may do everything.
pub(crate) struct Guarded {
    server: Server,
    /// That token's secret.
    pub(crate) all: String,
}

impl Guarded {
    pub(crate) fn new(network: &Network, version: Version) -> TestResult<Self> {
        let acl = json!({ "acl": { "enabled": true, "default_policy": "deny" } });
        let server = Server::start_with(&network.host("s1", 1)?, version, acl)?;
        // A leader that was just elected does not know yet that it may.
        let bootstrap = wait::until_ok("the first token", START, || {
            server.api().put("/v1/acl/bootstrap", &Value::Null)
        })?
        .json()?;
        let all = bootstrap["SecretID"].as_str().expect("a secret").to_owned();
        Ok(Self { server, all })
    }

    /// The server's API, asked by who may do everything.
    pub(crate) fn api(&self) -> Api {
        self.server.api().with_token(&self.all)
    }

    /// A token that allows what is said, as its secret and its accessor.
    pub(crate) fn token(&self, name: &str, rules: &str) -> TestResult<(String, String)> {
        let policy = json!({ "Name": name, "Rules": rules });
        self.api().put("/v1/acl/policy", &policy)?;
        let token = json!({ "Description": name, "Policies": [{ "Name": name }] });
        let made = self.api().put("/v1/acl/token", &token)?.json()?;
        let text = |key: &str| made[key].as_str().expect("text").to_owned();
        Ok((text("SecretID"), text("AccessorID")))
    }

    /// Has the agent of a host use these tokens.
    pub(crate) fn give(&self, host: &Host, tokens: &Value) -> TestResult {
        let acl = json!({
            "acl": { "enabled": true, "default_policy": "deny", "token_ttl": "1s", "tokens": tokens },
        });
        Ok(host.write("/consul/config/acl.json", acl.to_string())?)
    }
}
