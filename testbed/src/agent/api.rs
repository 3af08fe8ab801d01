//! The HTTP API of an agent.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use super::{Catalog, Error};
use crate::http::{self, Response};
use crate::place::Place;

/// How long one request may take. Catalog calls without a leader block for seven to ten seconds.
const REQUEST: Duration = Duration::from_secs(20);

/// The HTTP API of an agent, whoever has started it.
#[derive(Debug, Clone)]
pub struct Api {
    place: Place,
    address: SocketAddr,
    token: Option<String>,
}

impl Api {
    /// The API at 127.0.0.1:8500 of that place.
    #[must_use]
    pub fn on(place: impl Into<Place>) -> Self {
        Self::at(place, SocketAddr::from((Ipv4Addr::LOCALHOST, 8500)))
    }

    /// The API at that address, as seen from that place.
    #[must_use]
    pub fn at(place: impl Into<Place>, address: SocketAddr) -> Self {
        Self {
            place: place.into(),
            address,
            token: None,
        }
    }

    /// The same API, asked with an ACL token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One request, whatever its answer's status.
    ///
    /// # Errors
    /// The API cannot be reached, or breaks off.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> Result<Response, Error> {
        let stream = self
            .place
            .connect(self.address, REQUEST)
            .map_err(|source| Error::Connect {
                address: self.address,
                place: self.place.name().to_owned(),
                source,
            })?;
        let token = self.token.as_deref().map(|token| ("X-Consul-Token", token));
        Ok(http::exchange(
            stream,
            method,
            path,
            token.as_slice(),
            body,
        )?)
    }

    /// The JSON of a GET.
    ///
    /// # Errors
    /// Any status but 200, besides what [`Api::request`] can meet.
    pub fn get(&self, path: &str) -> Result<Value, Error> {
        Ok(self.request("GET", path, b"")?.json()?)
    }

    /// A PUT with a JSON body; `Value::Null` sends none.
    ///
    /// # Errors
    /// Any status but 200, besides what [`Api::request`] can meet.
    pub fn put(&self, path: &str, body: &Value) -> Result<Response, Error> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let response = self.request("PUT", path, &body)?;
        if response.status == 200 {
            return Ok(response);
        }
        Err(http::Error::Status {
            path: response.path.clone(),
            status: response.status,
            body: response.text(),
        }
        .into())
    }

    /// The catalog, members and health as this agent sees them.
    #[must_use]
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog(self)
    }
}
