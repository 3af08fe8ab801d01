//! The default registration: the one the seed's script wrote, key for key. Pure.

use serde_json::{Value, json};

/// Its parts, each of which has an option.
#[derive(Debug, Clone)]
pub struct Parts {
    /// `--service-name`.
    pub name: String,
    /// `--service-id`, a template.
    pub id: String,
    /// `--service-tag`.
    pub tags: Vec<String>,
    /// `--service-port`.
    pub port: u16,
    /// `--check-http`, a template; empty for no check.
    pub check_http: String,
    /// `--check-interval`, as Consul writes durations.
    pub check_interval: String,
    /// `--check-status`.
    pub check_status: String,
}

/// The document, with placeholders.
///
/// It has one key more than the seed's: the check's initial status. The seed's check is critical for up to a minute after
/// each start, until it first runs.
pub fn document(parts: &Parts) -> Value {
    let mut service = json!({
        "id": parts.id,
        "name": parts.name,
        "tags": parts.tags,
        "address": "${ADDRESS}",
        "port": parts.port,
    });
    if !parts.check_http.is_empty() {
        service["check"] = json!({
            "http": parts.check_http,
            "interval": parts.check_interval,
            "status": parts.check_status,
        });
    }
    json!({ "service": service })
}
