//! Asks the agent's API. One connection, kept alive; each question has its own deadline.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::consul::carry::Definition;
use crate::consul::endpoint::{Endpoint, Place};
use crate::consul::{wire, words};
use crate::core::action::Question;
use crate::core::checks::{Health, States};
use crate::core::event::{AgentFacts, Answer, Member, NodeView, Refusal};
use crate::http;

mod txn;

/// Catalog calls block for 7 to 10 s when there is no leader; a question that takes as long has its answer.
const READ: Duration = Duration::from_secs(5);
/// A reload loads files, TLS and services, and runs what it must.
const RELOAD: Duration = Duration::from_secs(60);
/// An agent caps its own leave at 15 s.
const LEAVE: Duration = Duration::from_secs(20);

/// A client of one agent's API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    /// The place for a person.
    shown: String,
    token: Option<String>,
    scope: Vec<(&'static str, String)>,
}

impl Client {
    /// Makes a client; `None` where the agent has no API.
    pub fn new(endpoint: &Endpoint) -> Result<Option<Self>, reqwest::Error> {
        let Some(place) = &endpoint.place else {
            return Ok(None);
        };
        let mut builder = http::builder();
        let mut base = match place {
            Place::Tcp(url) => url.clone(),
            Place::Unix(path) => {
                builder = builder.unix_socket(path.as_path());
                "http://localhost".to_owned()
            }
        };
        if base.starts_with("https://") {
            (builder, base) = with_tls(builder, base, endpoint)?;
        }
        let scope = [
            ("ns", &endpoint.namespace),
            ("partition", &endpoint.partition),
        ];
        Ok(Some(Self {
            http: builder.build()?,
            base,
            shown: place.shown(),
            token: endpoint.token.clone(),
            scope: scope
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.clone()?)))
                .collect(),
        }))
    }

    /// Asks, and waits for the answer at most as long as is sensible for the question.
    pub async fn ask(&self, question: Question) -> Answer {
        match question {
            Question::Agent => Answer::Agent(self.read("/v1/agent/self", &[], READ).await.map(
                |(_, body)| {
                    let api = self.shown.clone();
                    Box::new(AgentFacts {
                        api,
                        ..wire::agent(&body)
                    })
                },
            )),
            Question::Membership => Answer::Membership(
                self.read("/v1/agent/self", &[], READ)
                    .await
                    .map(|(_, body)| wire::agent(&body).membership),
            ),
            Question::Leader => Answer::Leader(
                self.read("/v1/status/leader", &[], READ)
                    .await
                    .map(|(_, body)| wire::leader(&body)),
            ),
            Question::Catalog { node, change } => {
                let path = format!("/v1/catalog/node/{}", segment(&node));
                let mut query = Vec::new();
                let mut patience = READ;
                if let Some((index, wait)) = change {
                    query.push(("index", index.to_string()));
                    query.push(("wait", format!("{}ms", wait.as_millis())));
                    // Servers add up to a sixteenth, so that queries do not end together.
                    patience = wait + wait / 16 + READ;
                }
                Answer::Catalog(
                    self.read(&path, &query, patience)
                        .await
                        .map(|(index, body)| wire::catalog(index, &body)),
                )
            }
            Question::Node { node, members } => {
                Answer::Node(self.node(&node, members).await.map(Box::new))
            }
            Question::Neighbours { address } => {
                // Any server will do, and the filter is theirs: a list of all nodes can be long.
                let query = [
                    ("filter", format!("Address == \"{address}\"")),
                    ("stale", String::new()),
                ];
                Answer::Neighbours(
                    self.read("/v1/catalog/nodes", &query, READ)
                        .await
                        .map(|(_, body)| wire::neighbours(&body, &address)),
                )
            }
            Question::Services => Answer::Services(
                self.read("/v1/agent/services", &[], READ)
                    .await
                    .map(|(_, body)| wire::services(&body)),
            ),
            Question::Reload => Answer::Reload(
                self.send(Method::PUT, "/v1/agent/reload", &[], None, RELOAD)
                    .await
                    .map(drop),
            ),
            Question::Deregister { node } => {
                let body = serde_json::json!({ "Node": node });
                Answer::Deregister(
                    self.send(Method::PUT, "/v1/catalog/deregister", &[], Some(body), READ)
                        .await
                        .map(drop),
                )
            }
            Question::ForceLeave { node } => {
                let path = format!("/v1/agent/force-leave/{}", segment(&node));
                Answer::ForceLeave(
                    self.send(Method::PUT, &path, &[], None, READ)
                        .await
                        .map(drop),
                )
            }
            Question::Vouch { node } => Answer::Vouched(self.vouch(&node).await),
            Question::Remove { node, modified } => {
                Answer::Removed(self.remove(&node, modified).await)
            }
            Question::Leave => Answer::Leave(
                self.send(Method::PUT, "/v1/agent/leave", &[], None, LEAVE)
                    .await
                    .map(drop),
            ),
        }
    }

    async fn node(&self, name: &str, members: bool) -> Result<NodeView, Refusal> {
        let path = format!("/v1/catalog/node/{}", segment(name));
        let (index, body) = self.read(&path, &[], READ).await?;
        let mut view = NodeView {
            entry: wire::catalog(index, &body),
            ..NodeView::default()
        };
        if view.entry.present {
            let path = format!("/v1/health/node/{}", segment(name));
            let (_, body) = self.read(&path, &[], READ).await?;
            view.serf = wire::serf_health(&body);
        }
        if members {
            view.member = self.member(name).await?;
        }
        Ok(view)
    }

    /// The member of that name. 1.8.7 tells all of them whatever the filter, which can be megabytes, so none is kept but that one.
    async fn member(&self, name: &str) -> Result<Option<Member>, Refusal> {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let query = [("filter", format!("Name == \"{quoted}\""))];
        let path = "/v1/agent/members";
        let (what, mut response) = self.request(Method::GET, path, &query, None, READ).await?;
        let refused = |error| refused(&what, &error);
        if !response.status().is_success() {
            let status = response.status();
            let body = response.bytes().await.map_err(refused)?;
            return Err(unwanted(&what, status, &body));
        }
        let (mut objects, mut found) = (wire::Objects::default(), None);
        while let Some(piece) = response.chunk().await.map_err(refused)? {
            objects.feed(&piece, |object| {
                found = found.take().or_else(|| wire::member(object, name));
            });
        }
        Ok(found)
    }

    /// The states of the agent's checks, by its own word.
    pub async fn checks(&self) -> Result<States, Refusal> {
        let (_, body) = self.read("/v1/agent/checks", &[], READ).await?;
        Ok(wire::states(&body))
    }

    /// Registers a check over its stand-in, as whoever registered it before. The state stays as it is: this.
    pub async fn register(
        &self,
        definition: &Definition,
        health: Option<Health>,
    ) -> Result<(), Refusal> {
        let other = Self {
            token: definition.token.clone(),
            // The body says it, where there is one.
            scope: Vec::new(),
            ..self.clone()
        };
        let path = "/v1/agent/check/register";
        for body in definition.registrations(health) {
            other.send(Method::PUT, path, &[], Some(body), READ).await?;
        }
        Ok(())
    }

    /// A `GET` of JSON, with the index that a blocking query continues from (0 where there is none).
    async fn read(
        &self,
        path: &str,
        query: &[(&str, String)],
        patience: Duration,
    ) -> Result<(u64, Value), Refusal> {
        let (index, body) = self.send(Method::GET, path, query, None, patience).await?;
        let body = serde_json::from_slice(&body)
            .map_err(|error| Refusal::Failed(format!("GET {path}: not JSON: {error}")))?;
        Ok((index, body))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Value>,
        patience: Duration,
    ) -> Result<(u64, Vec<u8>), Refusal> {
        let (what, response) = self.request(method, path, query, body, patience).await?;
        let status = response.status();
        let index = response
            .headers()
            .get("X-Consul-Index")
            .and_then(|index| index.to_str().ok()?.parse().ok())
            .unwrap_or(0);
        let body = response.bytes().await;
        let body = body.map_err(|error| refused(&what, &error))?;
        if status.is_success() {
            return Ok((index, body.to_vec()));
        }
        Err(unwanted(&what, status, &body))
    }

    /// Sends a request, and returns what it is called in messages, and the answer, whatever its status.
    async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Value>,
        patience: Duration,
    ) -> Result<(String, reqwest::Response), Refusal> {
        let what = format!("{method} {}{path}", self.base);
        let mut url = match reqwest::Url::parse(&format!("{}{path}", self.base)) {
            Ok(url) => url,
            Err(error) => return Err(Refusal::Unreachable(format!("{what}: {error}"))),
        };
        let scope = self.scope.iter().map(|(key, value)| (*key, value.as_str()));
        let query = query.iter().map(|(key, value)| (*key, value.as_str()));
        for (key, value) in scope.chain(query) {
            url.query_pairs_mut().append_pair(key, value);
        }
        let mut request = self.http.request(method, url).timeout(patience);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(token) = &self.token {
            request = request.header("X-Consul-Token", token);
        }
        match request.send().await {
            Ok(response) => Ok((what, response)),
            Err(error) => Err(refused(&what, &error)),
        }
    }
}

/// Why there is no answer.
fn refused(what: &str, error: &reqwest::Error) -> Refusal {
    let told = format!("{what}: {}", http::root_cause(error));
    // A connection that was not made in time is both of the first two.
    if error.is_connect() {
        Refusal::Unreachable(told)
    } else if error.is_timeout() {
        Refusal::TimedOut(told)
    } else {
        Refusal::Lost(told)
    }
}

/// What an answer means that is not one.
fn unwanted(what: &str, status: StatusCode, body: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let told = format!("{what}: {status}: {}", words::without_pem(text.trim()));
    match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Refusal::Denied(told),
        _ => Refusal::Failed(told),
    }
}

/// Consul takes any name: one with a slash or a question mark is still one segment of a path.
fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

fn with_tls(
    mut builder: reqwest::ClientBuilder,
    base: String,
    endpoint: &Endpoint,
) -> Result<(reqwest::ClientBuilder, String), reqwest::Error> {
    match &endpoint.ca {
        Some(pem) => {
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        None if !endpoint.verify => {}
        // Not `merge` with the system's: an agent's certificate is signed by its datacenter's own CA.
        None => tracing::warn!(
            "{base} is asked without CONSUL_CACERT: its certificate will not be trusted"
        ),
    }
    if let Some(pem) = &endpoint.identity {
        builder = builder.identity(reqwest::Identity::from_pem(pem)?);
    }
    if !endpoint.verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let Some(name) = &endpoint.server_name else {
        return Ok((builder, base));
    };
    // The name in the URL is what the certificate must have; the connection still goes to the agent's address.
    let Ok(mut url) = reqwest::Url::parse(&base) else {
        return Ok((builder, base));
    };
    let address = url
        .host_str()
        .and_then(|host| host.trim_matches(['[', ']']).parse().ok())
        .zip(url.port_or_known_default());
    match address {
        Some((ip, port)) if url.set_host(Some(name)).is_ok() => {
            builder = builder.resolve(name, std::net::SocketAddr::new(ip, port));
            Ok((builder, url.as_str().trim_end_matches('/').to_owned()))
        }
        _ => {
            tracing::warn!(
                "CONSUL_TLS_SERVER_NAME={name} needs an IP address in CONSUL_HTTP_ADDR; it is ignored"
            );
            Ok((builder, base))
        }
    }
}
